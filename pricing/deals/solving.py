"""From a problem to its best choice: tolls, a narrow search, and wider ones only where that proved nothing."""

from typing import NamedTuple

from pricing.deals.applications import Taken
from pricing.deals.layers import Found, search
from pricing.deals.problem import Problem
from pricing.deals.screening import NEVER
from pricing.deals.tolls import descend, sweep

_ROUNDS = ((10, 12), (10, 12), (20, 24))
"""(steps of the tolls, width of the search) before the search at full width."""
_NARROWEST = 12
_LONG = 100
"""With more units than this the full width shrinks in proportion: the budget is the states of all layers together."""


class Outcome(NamedTuple):
    taken: Taken
    score: int
    proven: bool


def solve(problem: Problem, *, width: int, found: Found | None = None, overlooked: int = NEVER) -> Outcome:
    """The best choice found, and whether it is proven to be the one that the rules ask for.

    `found` is a choice found before; `overlooked` is a score that choices outside the problem cannot exceed. Where that
    rules out a proof from the start, one round has to do.
    """
    best = Outcome(_plain(problem), sum(problem.floor), proven=not problem.tracks and overlooked == NEVER)
    if found is not None:
        best = _outcome(found, overlooked)
        problem.prune(best.score)
    full_width = max(_NARROWEST, width * _LONG // max(_LONG, len(problem.units)))
    for steps, beam in (*_ROUNDS, (0, full_width)) if overlooked < best.score else _ROUNDS[:1]:
        if best.proven:
            break
        if steps and len(problem.tracks) > 1:
            descend(problem, steps=steps, target=best.score)
            sweep(problem)
        found = search(problem, width=min(beam, width), at_least=best.score)
        if found is not None:
            best = _outcome(found, overlooked)
        problem.prune(best.score)
    return best


def _outcome(found: Found, overlooked: int) -> Outcome:
    return Outcome(found.taken, found.score, proven=max(found.overlooked, overlooked) < found.score)


def _plain(problem: Problem) -> Taken:
    return {(option.rank, 0, line): problem.counts[line] for line, option in problem.plain.items()}
