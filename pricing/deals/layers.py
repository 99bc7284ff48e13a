"""The search itself: deal the units out one by one, keeping the best way to reach each state of all counters.

The *value* of a state is one whole number. Its upper part is by how much the score falls short of the bound (zero or
below), so that a state is dropped as soon as even its best continuation loses to a choice already found. Its lower part
counts uses and units in the order in which the rules break ties: the larger number is always the better choice, and
the choice can be read from the number itself.
"""

from typing import NamedTuple

from pricing.deals.applications import Taken
from pricing.deals.problem import DEAD, NEVER, Problem, Track

Options = list[tuple[int, int]]
"""(what it adds to the value, what it adds to the state), best first."""


class Found(NamedTuple):
    """The best choice found, its score, and a score that nothing overlooked can exceed."""

    taken: Taken
    score: int
    overlooked: int


def search(problem: Problem, *, width: int, at_least: int) -> Found | None:
    """The best choice that scores `at_least` that much, keeping about `width` states after each unit.

    The problem's tolls and tracks must be up to date. None if nothing was found.
    """
    ties, states = TieBreak(problem), States(problem)
    bound = problem.bound()
    cutoff = (at_least - bound) << ties.bits
    lost: list[int] = []
    layer = {0: 0}
    for position in range(len(problem.units)):
        layer = _Dealing(problem, position, ties, states).next_layer(layer, cutoff)
        if len(layer) > width:
            layer, dropped = _narrowed(layer, width, states)
            lost += dropped
    if not layer:
        return None
    value = max(layer.values())
    return Found(
        taken=ties.read(value & ((1 << ties.bits) - 1)),
        score=bound + (value >> ties.bits),
        overlooked=bound + (max(lost) >> ties.bits) if lost else NEVER,
    )


class TieBreak:
    """The rules' order of ties as the digits of one number, `bits` long.

    The first digits are the uses of each promotion in code order; after them, promotion by promotion, role by role and
    line by line, the units taken. The larger of two such numbers is the choice that the rules prefer.
    """

    def __init__(self, problem: Problem) -> None:
        keys = {(option.rank, 0, line) for line, option in problem.plain.items()}
        for track in problem.tracks:
            for number, role in enumerate(track.rival.roles):
                keys.update([(track.rival.rank, number, line) for line in role.worth])
        self.bits = 0
        self._counts = problem.counts
        self._unit_at = {key: self._digit(problem.counts[key[2]]) for key in sorted(keys, reverse=True)}
        ranks = sorted({rank for rank, _, _ in keys}, reverse=True)
        self._use_at = {rank: self._digit(len(problem.units)) for rank in ranks}

    def _digit(self, most: int) -> int:
        place = self.bits
        self.bits += most.bit_length()
        return place

    def weight(self, rank: int, role: int, line: int, *, opens: bool) -> int:
        """What a unit adds to the number; `opens` if a use begins with it."""
        unit = 1 << self._unit_at[rank, role, line]
        return unit + (1 << self._use_at[rank]) if opens else unit

    def read(self, number: int) -> Taken:
        taken = {}
        for key, place in self._unit_at.items():
            units = (number >> place) & ((1 << self._counts[key[2]].bit_length()) - 1)
            if units:
                taken[key] = units
        return taken


class States:
    """The states of all counters side by side in one whole number, and above them how many units are owed in all."""

    def __init__(self, problem: Problem) -> None:
        self.low: dict[int, int] = {}
        """Where the state of each rank's counter stands."""
        self.owed_at = 0
        for track in problem.tracks:
            self.low[track.rival.rank] = self.owed_at
            self.owed_at += (track.size - 1).bit_length()

    def change(self, track: Track, state: int, after: int) -> int:
        owed = track.owed[after] - track.owed[state]
        return ((after - state) << self.low[track.rival.rank]) + (owed << self.owed_at)


def _narrowed(layer: dict[int, int], width: int, states: States) -> tuple[dict[int, int], list[int]]:
    """The best `width` states and what the best of the others was worth, if there is one.

    Of each number of units owed the best state is kept as well, lest all that is left should end in want of units.
    """
    ranked = sorted(layer.items(), key=_best_first)
    kept = dict(ranked[:width])
    owing = {state >> states.owed_at for state in kept}
    lost: list[int] = []
    for state, value in ranked[width:]:
        if state >> states.owed_at in owing:
            lost = lost or [value]
        else:
            owing.add(state >> states.owed_at)
            kept[state] = value
    return kept, lost


def _best_first(entry: tuple[int, int]) -> tuple[int, int]:
    state, value = entry
    return -value, state


class _Dealing:
    """What can become of one unit, whatever the states of the counters."""

    def __init__(self, problem: Problem, position: int, ties: TieBreak, states: States) -> None:
        self.ties, self.states = ties, states
        self.line, self.toll = problem.units[position], problem.tolls[position]
        self.units_left = len(problem.units) - position - 1
        self.touching: list[tuple[Track, int, int, int]] = []
        """Each deal that may use the unit, the unit's place in its track, and where its counter's state stands."""
        self.mask = 0
        for track, k in problem.touching[position]:
            low, ones = states.low[track.rival.rank], (1 << (track.size - 1).bit_length()) - 1
            self.touching.append((track, k, low, ones))
            self.mask |= ones << low
        self.left_alone = (problem.floor[position] - self.toll) << ties.bits
        if self.line in problem.plain:
            self.left_alone += ties.weight(problem.plain[self.line].rank, 0, self.line, opens=True)

    def next_layer(self, layer: dict[int, int], cutoff: int) -> dict[int, int]:
        """Only the counters of deals that may use the unit matter: states that agree in them share their options."""
        known: dict[int, Options] = {}
        following: dict[int, int] = {}
        best_so_far = following.get
        too_low = cutoff - 1
        owed_at, units_left = self.states.owed_at, self.units_left
        for state, value in layer.items():
            counters = state & self.mask
            options = known.get(counters)
            if options is None:
                options = known[counters] = self._options(counters)
            for adds, change in options:
                total = value + adds
                if total < cutoff:
                    break
                after = state + change
                if after >> owed_at <= units_left and total > best_so_far(after, too_low):
                    following[after] = total
        return following

    def _options(self, counters: int) -> Options:
        """No rival uses the unit, or one does; each of the others loses what it hoped to gain by it."""
        now = [(counters >> low) & ones for _, _, low, ones in self.touching]
        losses = [
            track.ahead[k + 1][state] - track.ahead[k][state]
            for state, (track, k, _, _) in zip(now, self.touching, strict=True)
        ]
        loss = sum(losses)
        options = [((loss << self.ties.bits) + self.left_alone, 0)] if loss > DEAD else []
        for state, own, (track, k, _, _) in zip(now, losses, self.touching, strict=True):
            if loss - own > DEAD:
                options += self._uses(track, k, state, loss - own)
        options.sort(reverse=True)
        return options

    def _uses(self, track: Track, k: int, state: int, loss_of_others: int) -> Options:
        ahead, rank, ties, states = track.ahead[k + 1], track.rival.rank, self.ties, self.states
        base = loss_of_others - self.toll - track.ahead[k][state]
        return [
            (
                ((base + score + ahead[after]) << ties.bits) + ties.weight(rank, role, self.line, opens=opens),
                states.change(track, state, after),
            )
            for start, after, score, role, opens in track.steps[k]
            if start == state
        ]
