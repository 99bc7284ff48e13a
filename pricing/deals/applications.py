"""From the units that each promotion gets to its applications, their savings and each unit's share (section 4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pricing.deals.kinds import BOUGHT, GOT, Deal, Line
from pricing.money import largest_remainder

Taken = dict[tuple[int, int, int], int]
"""(place of the deal in code order, role, line) -> units of that line in that role."""

Units = tuple[tuple[int, int], ...]
"""(line, role) of each unit of an application, in cart order."""


class UnitShare(NamedTuple):
    """One unit of a line, the role it fills and its share of the saving in cents.

    Roles are numbered: bought 0 and got 1, the components of a bundle as written, otherwise 0.
    """

    line: int
    role: int
    share: int


@dataclass(frozen=True, slots=True)
class Application:
    """One use of a promotion; `units` in cart order."""

    code: str
    units: tuple[UnitShare, ...]
    saving: int


@dataclass(frozen=True, slots=True)
class Solution:
    """Applications by code and then in the order of the cut; `optimal` only if that is proven."""

    applications: tuple[Application, ...]
    optimal: bool

    @property
    def saving(self) -> int:
        return sum(application.saving for application in self.applications)


def applications_of(taken: Taken, deals: Sequence[Deal], lines: Sequence[Line]) -> Iterator[Application]:
    """Cut what each promotion takes into applications; one that would save nothing is left out."""
    by_deal: dict[int, list[list[int]]] = {}
    for (rank, role, line), units in sorted(taken.items()):
        roles = by_deal.setdefault(rank, [[] for _ in deals[rank].roles])
        roles[role].extend([line] * units)
    for rank, roles in by_deal.items():
        made: dict[Units, Application] = {}
        for used in _cut(deals[rank], roles, lines):
            if used not in made:
                made[used] = application_of(deals[rank], used)
            if made[used].saving > 0:
                yield made[used]


def _cut(deal: Deal, roles: list[list[int]], lines: Sequence[Line]) -> Iterator[Units]:
    """The (line, role) pairs of each application, the units of each role in line order.

    Where the got units are the cheapest the order is dearest first: no other cut of the same units saves more, for the
    n-th dearest got unit of any cut has at least as many bought units before it as it has in this one.
    """
    if deal.got_are_cheapest:
        units = sorted((line for role in roles for line in role), key=lambda line: (-lines[line].price, line))
        bought, got = deal.roles[BOUGHT].count, deal.roles[GOT].count
        places = [BOUGHT] * bought + [GOT] * got
        for start in range(0, len(units), len(places)):
            yield tuple(sorted(zip(units[start : start + len(places)], places, strict=True)))
        return
    for use in range(len(roles[0]) // deal.roles[0].count):
        units_of_use = [
            (line, number)
            for number, (role, of_role) in enumerate(zip(deal.roles, roles, strict=True))
            for line in of_role[use * role.count : (use + 1) * role.count]
        ]
        yield tuple(sorted(units_of_use))


def application_of(deal: Deal, units: Units) -> Application:
    """One use of a deal on these units: what it saves and how that is spread over them."""
    worth = [deal.roles[role].worth[line] for line, role in units]
    saving = sum(worth) - deal.amount
    shares = largest_remainder(saving, worth) if deal.amount and saving > 0 else worth
    return Application(
        deal.code,
        tuple(UnitShare(line, role, share) for (line, role), share in zip(units, shares, strict=True)),
        saving,
    )
