"""What a deal has to remember while the units of a cart are dealt out one after the other: a small counter."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

from pricing.deals.kinds import BOUGHT, GOT


class Move(NamedTuple):
    """In `state` the deal may take a unit in `role` and is then in `after`; `opens` if that begins an application."""

    state: int
    role: int
    after: int
    opens: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """States are numbered from 0, where nothing was taken; `owed` is how many units each still needs to close.

    A deal may stop only where it owes nothing.
    """

    moves: tuple[Move, ...]
    owed: tuple[int, ...]


def size_of(counts: tuple[int, ...], uses: int, *, capped: bool, got_are_cheapest: bool) -> int:
    """How many states the counter would have, without building it."""
    if got_are_cheapest:
        return uses * sum(counts) + 1 if capped else sum(counts)
    states = prod(count * uses + 1 for count in counts)
    return states if capped else states - prod(count * (uses - 1) + 1 for count in counts)


@lru_cache(maxsize=256)
def counter_for(counts: tuple[int, ...], uses: int, *, capped: bool, got_are_cheapest: bool) -> Counter:
    """The counter of a deal that needs `counts[role]` units per application.

    At most `uses` applications fit; if they are `capped`, that is the promotion's own limit and has to be counted.
    """
    if got_are_cheapest:
        return _dearest_first(counts, uses, capped=capped)
    return _any_order(counts, uses, capped=capped)


def _dearest_first(counts: tuple[int, ...], uses: int, *, capped: bool) -> Counter:
    """Units come dearest first, so a unit's place in its run of bought and got ones says which of them it is."""
    run = sum(counts)
    states = uses * run + 1 if capped else run
    owed = tuple(-state % run for state in range(states))
    return Counter(
        tuple(
            Move(state, GOT if state % run >= counts[BOUGHT] else BOUGHT, (state + 1) % states, state % run == 0)
            for state in range(states - capped)
        ),
        owed,
    )


def _any_order(counts: tuple[int, ...], uses: int, *, capped: bool) -> Counter:
    """The state is how many units each role has; without a cap whole applications are struck off at once."""
    start = (0,) * len(counts)
    numbers = {start: 0}
    todo = [start]
    opened = [0]
    moves = []
    for number, held in enumerate(todo):
        for role, count in enumerate(counts):
            if held[role] == count * uses:
                continue
            after = (*held[:role], held[role] + 1, *held[role + 1 :])
            opens = -(-after[role] // count) > opened[number]
            if not capped:
                after = _without_whole(after, counts)
            if after not in numbers:
                numbers[after] = len(todo)
                todo.append(after)
                opened.append(_opened(after, counts))
            moves.append(Move(number, role, numbers[after], opens))
    run = sum(counts)
    return Counter(tuple(moves), tuple([begun * run - sum(held) for begun, held in zip(opened, todo, strict=True)]))


def _without_whole(held: tuple[int, ...], counts: tuple[int, ...]) -> tuple[int, ...]:
    whole = min([units // needed for units, needed in zip(held, counts, strict=True)])
    return tuple([units - whole * needed for units, needed in zip(held, counts, strict=True)]) if whole else held


def _opened(held: tuple[int, ...], counts: tuple[int, ...]) -> int:
    return max([-(-units // count) for units, count in zip(held, counts, strict=True)])
