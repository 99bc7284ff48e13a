"""What can be decided without a search, so that the search sees only deals that really compete for units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pricing.deals.kinds import Deal, Line, Role

NEVER = -(1 << 90)

Shape = tuple[tuple[int, ...], bool, tuple[frozenset[int], ...]]


@dataclass(frozen=True, slots=True)
class Plain:
    """The best single-unit deal without a limit on a line: any unit that nothing better uses gets it."""

    saving: int
    rank: int


@dataclass(slots=True)
class Rival:
    """A deal that has to be weighed against others, cut down to the lines at hand.

    `rank` is its place in code order, `uses` how many applications fit at most, and `capped` says whether the
    promotion's own limit is what stops it there.
    """

    rank: int
    roles: tuple[Role, ...]
    amount: int
    got_are_cheapest: bool
    uses: int
    capped: bool
    lines: frozenset[int]
    counts: tuple[int, ...]


def screened(lines: Sequence[Line], deals: Sequence[Deal]) -> tuple[dict[int, Plain], list[Rival]]:
    """The plain option of each line that has one, and the deals that are left to search; `deals` are in code order."""
    units = [line.count for line in lines]
    searched: list[tuple[int, Deal]] = []
    plain: dict[int, Plain] = {}
    for rank, deal in enumerate(deals):
        if _is_plain(deal, units):
            for line, saving in deal.roles[0].worth.items():
                if units[line] and (line not in plain or saving > plain[line].saving):
                    plain[line] = Plain(saving, rank)
        else:
            searched.append((rank, deal))
    hopes = _Hopes(lines, plain)
    found = [_rival(rank, deal, units, plain) for rank, deal in searched if hopes.of(deal)]
    return plain, _undominated([rival for rival in found if rival is not None])


class _Hopes:
    """Whether a deal could be better anywhere than leaving its units to the plain options, or as good.

    What cannot is in no best choice: without it, and with the plain options instead, any choice would score more. As
    in a problem, a score is cents and applications in one number.
    """

    def __init__(self, lines: Sequence[Line], plain: Mapping[int, Plain]) -> None:
        self._lines = lines
        self._bits = sum([line.count for line in lines]).bit_length()
        self._floor = [0] * len(lines)
        for line, option in plain.items():
            self._floor[line] = (option.saving << self._bits) - 1

    def of(self, deal: Deal) -> bool:
        """May be too hopeful, for a unit can count in two roles."""
        opening = (deal.amount << self._bits) + 1
        if sum([self._most(role.count, role.worth) for role in deal.roles]) < opening:
            return False
        return not deal.got_are_cheapest or self._most_cheapest_got(*deal.roles) >= opening

    def _most(self, count: int, worth: Mapping[int, int]) -> int:
        """The most that so many units can add; too much where lines without units stand among them."""
        bits, floor, lines = self._bits, self._floor, self._lines
        gains = [(cents << bits) - floor[line] for line, cents in worth.items()]
        if count == 1 or len(gains) < 2:  # noqa: PLR2004  nothing to choose from
            return count * max(gains, default=NEVER)
        each = [gain for gain, line in zip(gains, worth, strict=True) for _ in range(min(lines[line].count, count))]
        each.sort(reverse=True)
        return sum(each[:count]) if len(each) >= count else NEVER

    def _most_cheapest_got(self, bought: Role, got: Role) -> int:
        """Some unit is the dearest got one: no bought one comes after it, and no other got one before it."""
        best = best_got = NEVER
        dearest_first = sorted(got.worth, key=lambda line: (-self._lines[line].price, line))
        for place in range(len(dearest_first) - 1, -1, -1):
            line = dearest_first[place]
            best_got = max(best_got, (got.worth[line] << self._bits) - self._floor[line])
            before = {line: bought.worth[line] for line in dearest_first[: place + 1]}
            best = max(best, got.count * best_got + self._most(bought.count, before))
        return best


def groups(rivals: Sequence[Rival]) -> list[list[Rival]]:
    """Rivals that share lines, directly or through others, are searched together; each group keeps code order."""
    together: list[tuple[set[int], list[Rival]]] = []
    for rival in rivals:
        joined = [group for group in together if not group[0].isdisjoint(rival.lines)]
        if len(joined) != 1:
            together = [group for group in together if group[0].isdisjoint(rival.lines)]
            merged = set().union(*(of_lines for of_lines, _ in joined)), [one for _, many in joined for one in many]
            together.append(merged)
            joined = [merged]
        joined[0][0].update(rival.lines)
        joined[0][1].append(rival)
    return [sorted(members, key=lambda rival: rival.rank) for _, members in together]


def _is_plain(deal: Deal, units: Sequence[int]) -> bool:
    """Single-unit and never short of uses."""
    if len(deal.roles) > 1 or deal.roles[0].count > 1:
        return False
    return deal.max_uses is None or deal.max_uses >= _sum(units, deal.roles[0].worth)


def _sum(units: Sequence[int], of_lines: Iterable[int]) -> int:
    return sum([units[line] for line in of_lines])


def _rival(rank: int, deal: Deal, units: Sequence[int], plain: Mapping[int, Plain]) -> Rival | None:
    """The deal as a rival, unless it does not fit or an unlimited deal does as well on every line."""
    roles = deal.roles
    if len(roles) == 1 and roles[0].count == 1:
        roles = (_worth_having(rank, roles[0], plain),)
    if not all(units):
        roles = tuple(_at_hand(role, units) for role in roles)
    of_lines = frozenset().union(*[role.worth for role in roles])
    counts = tuple([role.count for role in roles])
    fit = _sum(units, of_lines) // sum(counts)
    if len(roles) > 1:
        fit = min(fit, *[_sum(units, role.worth) // role.count for role in roles])
    uses = fit if deal.max_uses is None else min(fit, deal.max_uses)
    if not uses:
        return None
    return Rival(rank, roles, deal.amount, deal.got_are_cheapest, uses, uses < fit, of_lines, counts)


def _worth_having(rank: int, role: Role, plain: Mapping[int, Plain]) -> Role:
    """Without the lines where an unlimited single-unit deal saves more, or as much and comes first."""
    worth = {
        line: saving
        for line, saving in role.worth.items()
        if line not in plain or (saving, -rank) > (plain[line].saving, -plain[line].rank)
    }
    return Role(role.count, worth)


def _at_hand(role: Role, units: Sequence[int]) -> Role:
    return Role(role.count, {line: worth for line, worth in role.worth.items() if units[line]})


def _undominated(rivals: Sequence[Rival]) -> list[Rival]:
    """Without those for which another of the same shape could always step in, and the result be better."""
    shapes: list[Shape] = [
        (rival.counts, rival.got_are_cheapest, tuple([frozenset(role.worth) for role in rival.roles]))
        for rival in rivals
    ]
    best: dict[Shape, Rival] = {}
    for shape, rival in zip(shapes, rivals, strict=True):
        if not rival.capped and (shape not in best or not _steps_in(best[shape], rival)):
            best[shape] = rival
    return [
        rival
        for shape, rival in zip(shapes, rivals, strict=True)
        if shape not in best or best[shape] is rival or not _steps_in(best[shape], rival)
    ]


def _steps_in(other: Rival, rival: Rival) -> bool:
    """Whether `other`, which has no limit and the same shape, could take over every application and win by it."""
    margins = [
        [theirs.worth[line] - worth for line, worth in ours.worth.items()]
        for theirs, ours in zip(other.roles, rival.roles, strict=True)
    ]
    if other.amount > rival.amount or any(min(role) < 0 for role in margins):
        return False
    return other.rank < rival.rank or other.amount < rival.amount or any(min(role) > 0 for role in margins)
