"""The search itself: deal the units out one by one, keeping the best way to reach each state of all counters.

The *value* of a state is one whole number. Its upper part is by how much the score falls short of the bound (zero or
below), so that a state is dropped as soon as even its best continuation loses to a choice already found. Its lower part
counts uses and units in the order in which the rules break ties: the larger number is always the better choice, and
the choice can be read from the number itself.
"""

from operator import itemgetter
from typing import NamedTuple

from pricing.deals.applications import Taken
from pricing.deals.problem import DEAD, Problem, Track
from pricing.deals.screening import NEVER, Rival

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
        self._adds: dict[tuple[int, int], tuple[list[int], list[int]]] = {}

    def _digit(self, most: int) -> int:
        place = self.bits
        self.bits += most.bit_length()
        return place

    def unit(self, rank: int, role: int, line: int) -> int:
        """What a unit adds to the number."""
        return 1 << self._unit_at[rank, role, line]

    def use(self, rank: int) -> int:
        """What a use that begins adds to it."""
        return 1 << self._use_at[rank]

    def adds(self, rival: Rival, line: int) -> tuple[list[int], list[int]]:
        """By role: what a unit of the line adds, and what one adds with which a use begins."""
        adds = self._adds.get((rival.rank, line))
        if adds is None:
            roles = enumerate(rival.roles)
            units = [self.unit(rival.rank, number, line) if line in role.worth else 0 for number, role in roles]
            adds = self._adds[rival.rank, line] = units, [unit + self.use(rival.rank) for unit in units]
        return adds

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
        self.parts = {track.rival.rank: self._parts(track) for track in problem.tracks}
        """By rank: what each state of its counter makes of the whole number."""

    def _parts(self, track: Track) -> list[int]:
        low = self.low[track.rival.rank]
        return [(state << low) + (owed << self.owed_at) for state, owed in enumerate(track.owed)]


def _narrowed(layer: dict[int, int], width: int, states: States) -> tuple[dict[int, int], list[int]]:
    """The best `width` states and what the best of the others was worth, if there is one.

    Of each number of units owed the best state is kept as well, lest all that is left should end in want of units.
    """
    ranked = sorted(layer.items(), key=itemgetter(1), reverse=True)
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


class _Dealing:
    """What can become of one unit, whatever the states of the counters."""

    def __init__(self, problem: Problem, position: int, ties: TieBreak, states: States) -> None:
        self.bits, self.owed_at = ties.bits, states.owed_at
        self.line, self.toll = problem.units[position], problem.tolls[position]
        self.units_left = len(problem.units) - position - 1
        self.wanting = [_Wanting(self, track, k, ties, states) for track, k in problem.touching[position]]
        self.mask = sum([one.ones << one.low for one in self.wanting])
        self.left_alone = (problem.floor[position] - self.toll) << ties.bits
        if self.line in problem.plain:
            rank = problem.plain[self.line].rank
            self.left_alone += ties.unit(rank, 0, self.line) + ties.use(rank)

    def next_layer(self, layer: dict[int, int], cutoff: int) -> dict[int, int]:
        """Only the counters of deals that may use the unit matter: states that agree in them share their options."""
        known: dict[int, Options] = {}
        following: dict[int, int] = {}
        best_so_far = following.get
        too_low = cutoff - 1
        owed_at, units_left, mask = self.owed_at, self.units_left, self.mask
        least = cutoff - max(layer.values(), default=0)
        for state, value in layer.items():
            counters = state & mask
            options = known.get(counters)
            if options is None:
                options = known[counters] = self._options(counters, least)
            for adds, change in options:
                total = value + adds
                if total < cutoff:
                    break
                after = state + change
                if after >> owed_at <= units_left and total > best_so_far(after, too_low):
                    following[after] = total
        return following

    def _options(self, counters: int, least: int) -> Options:
        """No rival uses the unit, or one does; each of the others loses what it hoped to gain by it.

        Without those that add less than `least`.
        """
        wishes = []
        loss = 0
        for one in self.wanting:
            state = (counters >> one.low) & one.ones
            wish = one.known.get(state) or one.wish(state, least)
            loss += wish[0]
            if wish[1]:
                wishes.append(wish)
        options = [((loss << self.bits) + self.left_alone, 0)] if loss > DEAD else []
        for own, uses in wishes:
            if loss - own > DEAD:
                of_others = (loss - own) << self.bits
                options += [(of_others + adds, change) for adds, change in uses]
        if len(options) > 1:
            options.sort(reverse=True)
        return options


class _Wanting:
    """A deal that may use the unit."""

    __slots__ = ("_adds", "_ahead", "_bits", "_here", "_parts", "_steps", "_toll", "known", "low", "ones")

    def __init__(self, dealing: _Dealing, track: Track, k: int, ties: TieBreak, states: States) -> None:
        rank = track.rival.rank
        self.low, self.ones = states.low[rank], (1 << (track.size - 1).bit_length()) - 1
        """Where its counter's state stands."""
        self.known: dict[int, tuple[int, Options]] = {}
        self._steps, self._toll = track.steps[k], dealing.toll
        self._here, self._ahead = track.ahead[k], track.ahead[k + 1]
        self._bits, self._parts = ties.bits, states.parts[rank]
        self._adds = ties.adds(track.rival, dealing.line)

    def wish(self, state: int, least: int) -> tuple[int, Options]:
        """What the deal loses without the unit, and its ways to use it that add at least so much, were it alone."""
        here, ahead, bits, parts, adds = self._here[state], self._ahead, self._bits, self._parts, self._adds
        hoped, held = here + self._toll, parts[state]
        uses = [
            (((score + ahead[after] - hoped) << bits) + adds[opens][role], parts[after] - held)
            for start, after, score, role, opens in self._steps
            if start == state
        ]
        wish = self.known[state] = ahead[state] - here, [use for use in uses if use[0] >= least]
        return wish
