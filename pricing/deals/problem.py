"""One group of rivals and the units they compete for, in the form in which tolls and layers work on it.

A *score* is cents and applications in one whole number that grows with the saving and then with fewer applications:
`(cents << bits) - applications`, where the group has fewer than `2**bits` units.
"""

from collections.abc import Iterable, Mapping, Sequence

from pricing.deals.counters import Counter, counter_for
from pricing.deals.kinds import Line
from pricing.deals.screening import NEVER, Plain, Rival

DEAD = NEVER // 2
"""Scores below this have something impossible in them."""


Step = tuple[int, int, int, int, bool]
"""A counter's move with a unit of one line: (state, after, score, role, opens).

It adds `score`, the unit's toll not yet paid. A plain tuple, for there are thousands of them.
"""


class Track:
    """One deal's counter run over the units that it may use (`positions`), at given tolls of all units.

    `ahead[k][state]` is the most that can still be scored from the k-th of its units on, `behind[k][state]` the most
    that can have been scored before it. `behind` is kept up by a sweep only. Steps that no complete set of applications
    can contain are not kept.
    """

    __slots__ = ("ahead", "behind", "owed", "positions", "pruned", "rival", "size", "steps")

    def __init__(self, rival: Rival, units: Sequence[int], tolls: Sequence[int], bits: int) -> None:
        counter = counter_for(rival.counts, rival.uses, capped=rival.capped, got_are_cheapest=rival.got_are_cheapest)
        self.rival, self.owed, self.size = rival, counter.owed, len(counter.owed)
        self.pruned = False
        """Steps have been forgotten since `ahead` was set."""
        by_line = {line: _steps(rival, counter, line, bits) for line in rival.lines}
        self.positions = [position for position, line in enumerate(units) if line in by_line]
        self.steps = self._reachable([by_line[units[position]] for position in self.positions])
        self.behind = [[0] + [NEVER] * (self.size - 1)]
        self.ahead = [[NEVER if owed else 0 for owed in counter.owed]]
        self._look_ahead(tolls)

    def set_tolls(self, tolls: Sequence[int], changed: Sequence[bool]) -> None:
        """`ahead` at these tolls, of which some units' have changed."""
        positions = self.positions
        last = len(positions) - 1
        while not self.pruned and last >= 0 and not changed[positions[last]]:
            last -= 1
        self.pruned = False
        ahead = self.ahead[last + 1]
        for k in range(last, -1, -1):
            ahead = self.ahead[k] = pulled(ahead, self.steps[k], tolls[positions[k]])

    def best_reply(self, tolls: Sequence[int]) -> list[int]:
        """The units that the deal would use if it had to pay these tolls; `ahead` must be up to date."""
        state, used = 0, []
        for k, position in enumerate(self.positions):
            best, ahead = self.ahead[k][state], self.ahead[k + 1]
            if ahead[state] == best:
                continue
            used.append(position)
            best += tolls[position]
            for start, after, score, _, _ in self.steps[k]:
                if start == state and score + ahead[after] == best:
                    state = after
                    break
        return used

    def best_use(self, tolls: Sequence[int]) -> int:
        """The most that the deal scores at these tolls if it is applied at least once; `ahead` must be up to date."""
        return max(
            (
                score - tolls[position] + ahead[after]
                for position, steps, ahead in zip(self.positions, self.steps, self.ahead[1:], strict=True)
                for state, after, score, _, _ in steps
                if state == 0
            ),
            default=NEVER,
        )

    def prune(self, tolls: Sequence[int], spare: int) -> None:
        """Forget the steps with which the deal falls short of its best by more than `spare`."""
        need = self.ahead[0][0] - spare
        behind = self.behind[0]
        kept = []
        for k, position in enumerate(self.positions):
            ahead, toll = self.ahead[k + 1], tolls[position]
            steps = [step for step in self.steps[k] if behind[step[0]] + step[2] - toll + ahead[step[1]] >= need]
            if steps:
                behind = pushed(behind, steps, toll)
                kept.append((position, steps, self.ahead[k]))
        self._keep(kept)
        self.pruned = True

    def _reachable(self, all_steps: Sequence[list[Step]]) -> list[list[Step]]:
        """Without the steps from states that cannot have been reached yet."""
        reached, kept = {0}, []
        for line_steps in all_steps:
            steps = line_steps
            if len(reached) < self.size:
                steps = [step for step in line_steps if step[0] in reached]
                reached.update([step[1] for step in steps])
            kept.append(steps)
        return kept

    def _look_ahead(self, tolls: Sequence[int]) -> None:
        """Set `ahead` from the last unit on, without the steps after which too few units are left to complete."""
        ahead = self.ahead[-1]
        kept = []
        for position, all_steps in zip(reversed(self.positions), reversed(self.steps), strict=True):
            steps = [step for step in all_steps if ahead[step[1]] > DEAD]
            if steps:
                ahead = pulled(ahead, steps, tolls[position])
                kept.append((position, steps, ahead))
        self._keep(kept[::-1])

    def _keep(self, kept: Sequence[tuple[int, list[Step], list[int]]]) -> None:
        """Of each unit that still has steps: its position, the steps, and `ahead` from it on."""
        self.positions = [position for position, _, _ in kept]
        self.steps = [steps for _, steps, _ in kept]
        self.ahead = [ahead for _, _, ahead in kept] + self.ahead[-1:]
        self.behind = self.behind[:1] * len(self.ahead)


class Problem:
    """The tracks of rivals, the units of their lines (dearest first, then by line) and a toll in score for each unit.

    No toll is below the unit's `floor`, which is what an unlimited single-unit deal scores with it.
    """

    def __init__(self, lines: Sequence[Line], plain: Mapping[int, Plain], of_lines: Iterable[int]) -> None:
        self.counts = {line: lines[line].count for line in sorted(of_lines)}
        self.bits = sum(self.counts.values()).bit_length()
        self.plain = {line: plain[line] for line in self.counts if line in plain}
        floor = {line: (option.saving << self.bits) - 1 for line, option in self.plain.items()}
        self.units = [
            line
            for line in sorted(self.counts, key=lambda line: (-lines[line].price, line))
            for _ in range(self.counts[line])
        ]
        self.floor = [floor.get(line, 0) for line in self.units]
        self.tolls = self.floor.copy()
        self.tracks: list[Track] = []
        self.touching: list[list[tuple[Track, int]]] = [[] for _ in self.units]
        """By unit: each track that may use it, and the unit's place in the track."""

    def add(self, rivals: Iterable[Rival]) -> None:
        """Start tracks for these rivals at the tolls of the moment."""
        self.tracks += [Track(rival, self.units, self.tolls, self.bits) for rival in rivals]
        self._touch()

    def drop_hopeless(self) -> None:
        """While tolls are at the floor: forget deals that at their best do worse than the single-unit deals."""
        self.tracks = [track for track in self.tracks if track.best_use(self.tolls) >= 0]
        self._touch()

    def bound(self) -> int:
        """No choice of applications scores more than this: all units' tolls, and each deal doing its best at them."""
        return sum(self.tolls) + sum([track.ahead[0][0] for track in self.tracks])

    def set_tolls(self, tolls: list[int]) -> None:
        changed = [new != old for new, old in zip(tolls, self.tolls, strict=True)]
        self.tolls = tolls
        for track in self.tracks:
            track.set_tolls(tolls, changed)

    def lowest_tolls(self) -> dict[int, int]:
        """By line, over its units."""
        lowest: dict[int, int] = {}
        for line, toll in zip(self.units, self.tolls, strict=True):
            lowest[line] = min(toll, lowest.get(line, toll))
        return lowest

    def prune(self, at_least: int) -> None:
        """Forget every step that no choice scoring `at_least` that much can contain."""
        spare = self.bound() - at_least
        for track in self.tracks:
            track.prune(self.tolls, spare)
        self.tracks = [track for track in self.tracks if track.positions]
        self._touch()

    def _touch(self) -> None:
        self.touching = [[] for _ in self.units]
        for track in self.tracks:
            for k, position in enumerate(track.positions):
                self.touching[position].append((track, k))


def pulled(ahead: list[int], steps: Sequence[Step], toll: int) -> list[int]:
    """`ahead` of a unit from that of the next."""
    best = ahead.copy()
    for state, after, score, _, _ in steps:
        value = score - toll + ahead[after]
        if value > best[state]:  # noqa: PLR1730  the hottest loop there is: max() would double its time
            best[state] = value
    return best


def pushed(behind: list[int], steps: Sequence[Step], toll: int) -> list[int]:
    """`behind` of the next unit from that of this one."""
    best = behind.copy()
    for state, after, score, _, _ in steps:
        value = behind[state] + score - toll
        if value > best[after]:  # noqa: PLR1730  as above
            best[after] = value
    return best


def _steps(rival: Rival, counter: Counter, line: int, bits: int) -> list[Step]:
    opening = (rival.amount << bits) + 1
    adds = [None if (worth := role.worth.get(line)) is None else worth << bits for role in rival.roles]
    return [
        (state, after, score - opening if opens else score, role, opens)
        for state, role, after, opens in counter.moves
        if (score := adds[role]) is not None
    ]
