"""The six kinds of unit deal in one form (pricing rules, section 4).

Whatever its kind, an application of a deal fills *roles* with units, each role so many; it saves what its units are
worth in their roles less the deal's amount. Amounts are whole cents, a percent of 10 is 10 %, and targets are the
places of lines in the cart.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from pricing.money import from_cents, half_up, to_cents

BOUGHT, GOT = 0, 1


@dataclass(frozen=True, slots=True)
class Line:
    """The units of one cart line that are free for deals: `count` of them at `price` cents each.

    `weight` is the quantity of a line sold by weight. Such a line is one unit whose price is the line price; only the
    single-unit kinds apply to it.
    """

    price: int
    count: int = 1
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """`count` units of the lines in `worth`, which says for each line what a unit adds to the saving."""

    count: int
    worth: Mapping[int, int]


@dataclass(frozen=True, slots=True)
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
        return self if uses is None else replace(self, max_uses=uses)


def percent_off(code: str, lines: Sequence[Line], targets: Collection[int], percent: Decimal) -> Deal:
    return _single(code, {line: _percent_of(lines[line].price, percent) for line in targets})


def amount_off(code: str, lines: Sequence[Line], targets: Collection[int], amount: int) -> Deal:
    return _single(code, {line: min(lines[line].price, _for_one_unit(amount, lines[line])) for line in targets})


def fixed_price(code: str, lines: Sequence[Line], targets: Collection[int], amount: int) -> Deal:
    return _single(code, {line: lines[line].price - _for_one_unit(amount, lines[line]) for line in targets})


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
    bought = Role(buy, dict.fromkeys(_pieces(lines, targets), 0))
    got_lines = _pieces(lines, targets if get_targets is None else get_targets)
    got = Role(get, {line: _percent_of(lines[line].price, percent) for line in got_lines})
    return Deal(code, (bought, got), got_are_cheapest=get_targets is None)


def multi_buy(code: str, lines: Sequence[Line], targets: Collection[int], *, count: int, amount: int) -> Deal:
    return bundle(code, lines, [(targets, count)], amount=amount)


def bundle(code: str, lines: Sequence[Line], components: Sequence[tuple[Collection[int], int]], *, amount: int) -> Deal:
    """The targets of the components may overlap; a unit fills one component only."""
    roles = tuple(
        Role(count, {line: lines[line].price for line in _pieces(lines, targets)}) for targets, count in components
    )
    if sum(role.count for role in roles) == 1:
        return _single(code, {line: price - amount for line, price in roles[0].worth.items()})
    return Deal(code, roles, amount)


def _single(code: str, savings: Mapping[int, int]) -> Deal:
    return Deal(code, (Role(1, {line: cents for line, cents in savings.items() if cents > 0}),))


def _pieces(lines: Sequence[Line], targets: Collection[int]) -> list[int]:
    return [line for line in sorted(targets) if lines[line].weight is None]


def _percent_of(price: int, percent: Decimal) -> int:
    return to_cents(half_up(from_cents(price) * percent / 100))


def _for_one_unit(amount: int, line: Line) -> int:
    """An amount per piece, or per pound and the like on a line sold by weight."""
    return amount if line.weight is None else to_cents(half_up(from_cents(amount) * line.weight))
