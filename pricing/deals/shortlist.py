"""A problem of bearable size where very many rivals touch one cart.

A core of rivals sets the tolls. Most of the others cannot pay these for the units they need, and are ruled out, or at
least bounded, without a track of their own.
"""

from collections.abc import Mapping, Sequence

from pricing.deals.kinds import BOUGHT, GOT, Line
from pricing.deals.layers import Found, search
from pricing.deals.problem import Problem
from pricing.deals.screening import NEVER, Rival
from pricing.deals.tolls import descend, sweep

_STEPS = 10
_BEAM = 12


class Candidate:
    """A rival outside the problem. Its promise is the most that one application can score at given tolls."""

    __slots__ = ("_opening", "_roles", "rival", "units")

    def __init__(self, rival: Rival, lines: Sequence[Line], bits: int) -> None:
        self.rival = rival
        self.units = sum(rival.counts)
        self._opening = (rival.amount << bits) + 1
        self._roles = [
            (role.count, [(line, worth << bits, lines[line].count) for line, worth in role.worth.items()])
            for role in rival.roles
        ]
        if rival.got_are_cheapest:
            for _, options in self._roles:
                options.sort(key=lambda option: (-lines[option[0]].price, option[0]))

    def promise(self, tolls: Mapping[int, int]) -> int:
        """By line, the toll of a unit. The promise may be too high, for a unit can count twice, but never too low."""
        if self.rival.got_are_cheapest:
            return self._cheapest_got(tolls) - self._opening
        return sum([_most(count, options, tolls) for count, options in self._roles]) - self._opening

    def _cheapest_got(self, tolls: Mapping[int, int]) -> int:
        """Some unit is the dearest got one: no bought one comes after it, and no other got one before it."""
        buy, bought = self._roles[BOUGHT]
        get, got = self._roles[GOT]
        best = best_got = NEVER
        for place in range(len(got) - 1, -1, -1):
            line, worth, _ = got[place]
            best_got = max(best_got, worth - tolls[line])
            best = max(best, get * best_got + _most(buy, bought[: place + 1], tolls))
        return best


def _most(count: int, options: Sequence[tuple[int, int, int]], tolls: Mapping[int, int]) -> int:
    if count == 1:
        return max([worth - tolls[line] for line, worth, _ in options])
    gains = [worth - tolls[line] for line, worth, units in options for _ in range(min(units, count))]
    gains.sort(reverse=True)
    return sum(gains[:count]) if len(gains) >= count else NEVER


Ranked = list[tuple[int, Candidate]]
"""(promise, candidate), the most promising first."""


def shortlisted(
    problem: Problem, lines: Sequence[Line], rivals: Sequence[Rival], most: int
) -> tuple[Found | None, int]:
    """Give the problem the rivals that matter, at most about half of `most`.

    Returns a choice already found, and a score that choices with a rival outside the problem cannot exceed.
    """
    outside = _ranked([Candidate(rival, lines, problem.bits) for rival in rivals], problem.lowest_tolls())
    outside = [(promise // candidate.units, candidate) for promise, candidate in outside if promise >= 0]
    outside.sort(key=_by_promise)
    for joining in (-(-most * 3 // 10), -(-most * 3 // 20)):
        problem.add(candidate.rival for _, candidate in outside[:joining])
        descend(problem, steps=_STEPS, target=sum(problem.floor))
        sweep(problem)
        outside = _ranked([candidate for _, candidate in outside[joining:]], problem.lowest_tolls())
    return _closed(problem, outside, -(-most // 10))


def _closed(problem: Problem, outside: Ranked, late: int) -> tuple[Found | None, int]:
    """At the tolls reached: what can be found, whom it rules out, and a bound on what the others could do.

    The most promising of those, `late` of them, are searched all the same.
    """
    limit = problem.bound() + sum(promise * candidate.rival.uses for promise, candidate in outside if promise > 0)
    found = search(problem, width=_BEAM, at_least=sum(problem.floor))
    score = found.score if found else sum(problem.floor)
    left = [(promise, candidate) for promise, candidate in outside if limit + min(0, promise) >= score]
    if found and left:
        found = found._replace(overlooked=max(found.overlooked, limit + min(0, left[0][0])))
    problem.add(candidate.rival for _, candidate in left[:late])
    return found, limit + min(0, left[late][0]) if len(left) > late else NEVER


def _ranked(candidates: Sequence[Candidate], tolls: Mapping[int, int]) -> Ranked:
    return sorted([(candidate.promise(tolls), candidate) for candidate in candidates], key=_by_promise)


def _by_promise(entry: tuple[int, Candidate]) -> tuple[int, int]:
    promise, candidate = entry
    return -promise, candidate.rival.rank
