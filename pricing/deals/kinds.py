"""The six kinds of unit deal in one form (pricing rules, section 4).

Whatever its kind, an application of a deal fills *roles* with units, each role so many; it saves what its units are
worth in their roles less the deal's amount. Amounts are whole cents, a percent of 10 is 10 %, and targets are the
places of lines in the cart.

Nothing here is changed once it is made; it is not frozen, for that would make it four times as slow to make.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from pricing.money import from_cents, half_up, percent_of, to_cents

BOUGHT, GOT = 0, 1


@dataclass(slots=True)
class Line:
    """The units of one cart line that are free for deals: `count` of them at `price` cents each.

    `weight` is the quantity of a line sold by weight. Such a line is one unit whose price is the line price; only the
    single-unit kinds apply to it.
    """

    price: int
    count: int = 1
    weight: Decimal | None = None


@dataclass(slots=True)
class Role:
    """`count` units of the lines in `worth`, which says for each line what a unit adds to the saving."""

    count: int
    worth: Mapping[int, int]


@dataclass(slots=True)
class Deal:
    """A promotion as the search sees it; the functions below build one from each kind's own words.

    With an `amount` of zero each unit's worth is its share of the saving; with any other the saving is spread over
    the units in proportion to their worth, which is then their price.
    """

    code: str
    roles: tuple[Role, ...]
    amount: int = 0
    max_uses: int | None = None
    got_are_cheapest: bool = False
    """Bought and got come from the same targets, and the got ones are the cheapest of an application."""

    def at_most(self, uses: int | None) -> Self:
        """The same deal, applied no more often than that in one trip."""
        if uses is None:
            return self
        return type(self)(self.code, self.roles, self.amount, uses, self.got_are_cheapest)


Targets = tuple[int, ...]
"""The places of lines, in cart order."""


class Maker:
    """Makes the deals of one cart; what many of them share is worked out once."""

    __slots__ = ("_for_nothing", "_prices", "lines")

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self._prices: dict[Targets, dict[int, int]] = {}
        self._for_nothing: dict[Targets, dict[int, int]] = {}

    def percent_off(self, code: str, targets: Targets, percent: Decimal) -> Deal:
        lines = self.lines
        return _single(code, targets, percent_of([lines[line].price for line in targets], percent))

    def amount_off(self, code: str, targets: Targets, amount: int) -> Deal:
        lines = [self.lines[line] for line in targets]
        return _single(code, targets, [min(line.price, for_one_unit(amount, line)) for line in lines])

    def fixed_price(self, code: str, targets: Targets, amount: int) -> Deal:
        lines = [self.lines[line] for line in targets]
        return _single(code, targets, [line.price - for_one_unit(amount, line) for line in lines])

    def buy_x_get_y(
        self, code: str, targets: Targets, counts: tuple[int, ...], percent: Decimal, get_targets: Targets | None
    ) -> Deal:
        buy, get = counts
        got = self._pieces(targets if get_targets is None else get_targets)
        worth = dict(zip(got, percent_of(got.values(), percent), strict=True))
        return Deal(code, (Role(buy, self._nothing(targets)), Role(get, worth)), 0, None, get_targets is None)

    def bundle(self, code: str, components: Sequence[tuple[Targets, int]], amount: int) -> Deal:
        roles = tuple([Role(count, self._pieces(targets)) for targets, count in components])
        if len(roles) == 1 and roles[0].count == 1:
            prices = roles[0].worth
            return _single(code, tuple(prices), [price - amount for price in prices.values()])
        return Deal(code, roles, amount)

    def _pieces(self, targets: Targets) -> dict[int, int]:
        """Those of the lines that are sold by the piece, and what one costs."""
        prices = self._prices.get(targets)
        if prices is None:
            lines = [(line, self.lines[line]) for line in targets]
            prices = self._prices[targets] = {line: one.price for line, one in lines if one.weight is None}
        return prices

    def _nothing(self, targets: Targets) -> dict[int, int]:
        """The same lines, whose pieces are worth nothing where they are bought."""
        nothing = self._for_nothing.get(targets)
        if nothing is None:
            nothing = self._for_nothing[targets] = dict.fromkeys(self._pieces(targets), 0)
        return nothing


def percent_off(code: str, lines: Sequence[Line], targets: Collection[int], percent: Decimal) -> Deal:
    return Maker(lines).percent_off(code, _in_order(targets), percent)


def amount_off(code: str, lines: Sequence[Line], targets: Collection[int], amount: int) -> Deal:
    return Maker(lines).amount_off(code, _in_order(targets), amount)


def fixed_price(code: str, lines: Sequence[Line], targets: Collection[int], amount: int) -> Deal:
    return Maker(lines).fixed_price(code, _in_order(targets), amount)


def buy_x_get_y(
    code: str,
    lines: Sequence[Line],
    targets: Collection[int],
    *,
    buy: int,
    get: int,
    percent: Decimal,
    get_targets: Collection[int] | None = None,
) -> Deal:
    """Without `get_targets` the got units are the cheapest of each application; with an empty one nothing fits."""
    others = None if get_targets is None else _in_order(get_targets)
    return Maker(lines).buy_x_get_y(code, _in_order(targets), (buy, get), percent, others)


def multi_buy(code: str, lines: Sequence[Line], targets: Collection[int], *, count: int, amount: int) -> Deal:
    return bundle(code, lines, [(targets, count)], amount=amount)


def bundle(code: str, lines: Sequence[Line], components: Sequence[tuple[Collection[int], int]], *, amount: int) -> Deal:
    """The targets of the components may overlap; a unit fills one component only."""
    return Maker(lines).bundle(code, [(_in_order(targets), count) for targets, count in components], amount)


def for_one_unit(amount: int, line: Line) -> int:
    """An amount per piece, or per pound and the like on a line sold by weight."""
    return amount if line.weight is None else to_cents(half_up(from_cents(amount) * line.weight))


def _in_order(targets: Collection[int]) -> Targets:
    return tuple(sorted(targets))


def _single(code: str, targets: Targets, savings: Sequence[int]) -> Deal:
    return Deal(code, (Role(1, {line: cents for line, cents in zip(targets, savings, strict=True) if cents > 0}),))
