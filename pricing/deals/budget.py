"""How far the search goes. Everything is counted and nothing is timed, so the same cart always gets the same answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Beyond any of these the best choice found stands, and is not called optimal."""

    width: int = 300
    """States kept after each unit; fewer in proportion in a group of more than a hundred units."""
    rivals: int = 40
    """Deals searched together; of more in one group a shortlist is made."""
    moves: int = 60_000
    """Moves of all counters over all units of a group; with more the group is solved in portions."""
    portions: int = 40
    """Portions of a group; what is left after so many gets single-unit deals without a limit only."""


STANDARD = Budget()
