"""The best unit deals of a small cart by trying everything: a second opinion, which shares no code with the product.

It reads the pricing rules (section 4) literally: every promotion is offered every set of units that is left, every way
to make applications of them is tried, and the choices are compared in the order in which the rules name the ties.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from itertools import combinations
from math import floor


@dataclass(frozen=True)
class Item:
    """A cart line: cents for one unit, or for the line if it is sold by weight."""

    price: int
    count: int = 1
    weight: Fraction | None = None


@dataclass(frozen=True)
class Rule:
    """A promotion in the words of the rules; targets are line numbers, `count` and `amount` as the kind has them."""

    code: str
    kind: str
    targets: frozenset[int] = frozenset()
    get_targets: frozenset[int] | None = None
    components: tuple[tuple[frozenset[int], int], ...] = ()
    percent: Fraction = Fraction(0)
    amount: int = 0
    buy: int = 1
    get: int = 1
    count: int = 1
    max_uses: int | None = None


@dataclass(frozen=True)
class Answer:
    """What was applied: (code, ((line, role, share), …), saving) in order of codes and cut."""

    saving: int
    applied: tuple[tuple[str, tuple[tuple[int, int, int], ...], int], ...]


@dataclass(frozen=True, order=True)
class Choice:
    """Ordered by the rules: saving, then fewer applications, then uses by code, then units by code, role and line."""

    saving: int = 0
    minus_applications: int = 0
    uses: tuple[int, ...] = ()
    units: tuple[tuple[int, ...], ...] = ()
    pools: tuple[tuple[tuple[int, ...], ...], ...] = field(default=(), compare=False)
    """What each promotion takes: for each pool that it draws from, the lines of the units, in cart order."""


def solve(items: tuple[Item, ...], rules: tuple[Rule, ...]) -> Answer:
    return _Table(items, tuple(sorted(rules, key=lambda rule: rule.code))).answer()


def round_half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def spread(amount: int, weights: list[int]) -> list[int]:
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    shares = [floor(part) for part in exact]
    first = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], -weights[i], i))
    for i in first[: amount - sum(shares)]:
        shares[i] += 1
    return shares


class _Table:
    def __init__(self, items: tuple[Item, ...], rules: tuple[Rule, ...]) -> None:
        self.items = items
        self.deals = [_Kind(rule, items) for rule in rules]
        self.best = cache(self._best)

    def answer(self) -> Answer:
        choice = self.best(0, tuple(item.count for item in self.items))
        applied: list[tuple[str, tuple[tuple[int, int, int], ...], int]] = []
        for deal, pools in zip(self.deals, choice.pools, strict=True):
            cut = deal.cut(pools) if any(pools) else []
            assert sum(deal.saving(use) for use in cut) == deal.most(pools), "the cut of the rules loses money"
            applied.extend((deal.rule.code, deal.shares(use), deal.saving(use)) for use in cut)
        assert sum(saving for _, _, saving in applied) == choice.saving
        return Answer(choice.saving, tuple(applied))

    def _best(self, place: int, left: tuple[int, ...]) -> Choice:
        """The best that the promotions from `place` on can do with what is left of each line."""
        if place == len(self.deals):
            return Choice()
        deal = self.deals[place]
        return max(self._with(deal, pools, self.best(place + 1, remaining)) for pools, remaining in deal.draws(left))

    def _with(self, deal: "_Kind", pools: tuple[tuple[int, ...], ...], rest: Choice) -> Choice:
        uses = len(pools[0]) // deal.sizes[0]
        return Choice(
            rest.saving + deal.most(pools),
            rest.minus_applications - uses,
            (uses, *rest.uses),
            deal.units_by_role(pools) + rest.units,
            (pools, *rest.pools),
        )


Use = tuple[tuple[int, int], ...]
"""One application: (line, role) of each unit."""


class _Kind:
    """A rule over a cart. It draws units from pools: one for each role, but one alone when the cheapest are got."""

    def __init__(self, rule: Rule, items: tuple[Item, ...]) -> None:
        self.rule, self.items = rule, items
        self.most = cache(self._most)
        pieces = frozenset(i for i, item in enumerate(items) if item.weight is None)
        single = rule.kind in {"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"}
        pools = [(rule.targets if single else rule.targets & pieces, 1)]
        if rule.kind == "MULTI_BUY":
            pools = [(rule.targets & pieces, rule.count)]
        if rule.kind == "BUNDLE":
            pools = [(targets & pieces, count) for targets, count in rule.components]
        if rule.kind == "BUY_X_GET_Y" and rule.get_targets is None:
            pools = [(rule.targets & pieces, rule.buy + rule.get)]
        if rule.kind == "BUY_X_GET_Y" and rule.get_targets is not None:
            pools = [(rule.targets & pieces, rule.buy), (rule.get_targets & pieces, rule.get)]
        self.targets = [targets for targets, _ in pools]
        self.sizes = [size for _, size in pools]

    @cached_property
    def got_are_cheapest(self) -> bool:
        return self.rule.kind == "BUY_X_GET_Y" and self.rule.get_targets is None

    def draws(self, left: tuple[int, ...]) -> Iterator[tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]]:
        """Everything that this promotion could take of what is left, nothing included, with what then remains."""
        uses = 0
        while uses * sum(self.sizes) <= sum(left) and (self.rule.max_uses is None or uses <= self.rule.max_uses):
            for pools in self._pools(left, uses, 0):
                if uses == 0 or self.most(pools) > 0:
                    taken = Counter(line for pool in pools for line in pool)
                    yield pools, tuple(count - taken[line] for line, count in enumerate(left))
            uses += 1

    def _pools(self, left: tuple[int, ...], uses: int, place: int) -> Iterator[tuple[tuple[int, ...], ...]]:
        if place == len(self.sizes):
            yield ()
            return
        units = [line for line, count in enumerate(left) if line in self.targets[place] for _ in range(count)]
        for pool in dict.fromkeys(combinations(units, uses * self.sizes[place])):
            taken = Counter(pool)
            rest = tuple(count - taken[line] for line, count in enumerate(left))
            for others in self._pools(rest, uses, place + 1):
                yield (pool, *others)

    def _most(self, pools: tuple[tuple[int, ...], ...]) -> int:
        """The most that these units save in applications that each save something; -1 if there is no such way."""
        if not pools[0]:
            return 0
        best = -1
        for first in dict.fromkeys(self._first_uses(pools)):
            saving = self.saving(self._roles(first))
            rest = self.most(tuple(_without(pool, used) for pool, used in zip(pools, first, strict=True)))
            if saving > 0 and rest >= 0:
                best = max(best, saving + rest)
        return best

    def _first_uses(self, pools: tuple[tuple[int, ...], ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
        """Every application that could hold the first unit of the first pool."""
        ways: list[tuple[tuple[int, ...], ...]] = [()]
        for place, (pool, size) in enumerate(zip(pools, self.sizes, strict=True)):
            if place == 0:
                options = [(pool[0], *others) for others in combinations(pool[1:], size - 1)]
            else:
                options = list(combinations(pool, size))
            ways = [(*way, option) for way in ways for option in options]
        yield from ways

    def _roles(self, use: tuple[tuple[int, ...], ...]) -> Use:
        if self.got_are_cheapest:
            dearest_first = sorted(use[0], key=lambda line: (-self.items[line].price, line))
            return tuple((line, int(n >= self.rule.buy)) for n, line in enumerate(dearest_first))
        return tuple((line, role) for role, pool in enumerate(use) for line in pool)

    def cut(self, pools: tuple[tuple[int, ...], ...]) -> list[Use]:
        """In line order, or dearest first where the cheapest are got."""
        if self.got_are_cheapest:
            pools = (tuple(sorted(pools[0], key=lambda line: (-self.items[line].price, line))),)
        return [
            self._roles(tuple(pool[n * size : (n + 1) * size] for pool, size in zip(pools, self.sizes, strict=True)))
            for n in range(len(pools[0]) // self.sizes[0])
        ]

    def units_by_role(self, pools: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        roles = 2 if self.rule.kind == "BUY_X_GET_Y" else len(pools)
        units = Counter(unit for use in self.cut(pools) for unit in use)
        return tuple(tuple(units[line, role] for line in range(len(self.items))) for role in range(roles))

    def saving(self, use: Use) -> int:
        total = sum(self._of_unit(line, role) for line, role in use)
        return max(0, total - self.rule.amount) if self.rule.kind in {"MULTI_BUY", "BUNDLE"} else total

    def shares(self, use: Use) -> tuple[tuple[int, int, int], ...]:
        units = sorted(use)
        cents = [self._of_unit(line, role) for line, role in units]
        if self.rule.kind in {"MULTI_BUY", "BUNDLE"}:
            cents = spread(self.saving(use), cents)
        return tuple((line, role, share) for (line, role), share in zip(units, cents, strict=True))

    def _of_unit(self, line: int, role: int) -> int:
        """What the unit itself saves; in a set for one price, what it would cost outside."""
        item, kind = self.items[line], self.rule.kind
        amount = self.rule.amount if item.weight is None else round_half_up(self.rule.amount * item.weight)
        if kind == "PERCENT_OFF" or (kind == "BUY_X_GET_Y" and role == 1):
            return round_half_up(item.price * self.rule.percent / 100)
        if kind == "AMOUNT_OFF":
            return min(amount, item.price)
        if kind == "FIXED_PRICE":
            return max(0, item.price - amount)
        return 0 if kind == "BUY_X_GET_Y" else item.price


def _without(pool: tuple[int, ...], used: tuple[int, ...]) -> tuple[int, ...]:
    left = Counter(pool)
    left.subtract(used)
    return tuple(line for line, count in sorted(left.items()) for _ in range(count))
