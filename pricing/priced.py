"""What a priced cart is made of: values that refuse to exist unless they add up.

Source of the identities and bounds: the Checkout Service's validation rules (`checkout_service` page) and the pricing
rules, section 8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.money import CENT, ZERO


class DoesNotAddUp(ValueError):
    """An amount that breaks an identity or a bound."""


def _check_money(name: str, amount: Decimal) -> None:
    if not amount.same_quantum(CENT) or amount < 0:
        raise DoesNotAddUp(f"{name} is {amount}: not an amount in whole cents")


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    code: str
    text: str
    amount: Decimal

    def __post_init__(self) -> None:
        _check_money(f"promotion {self.code}", self.amount)


@dataclass(frozen=True, slots=True)
class AppliedFee:
    code: str
    text: str
    amount: Decimal

    def __post_init__(self) -> None:
        _check_money(f"fee {self.code}", self.amount)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The money of a line (or of one piece of it): total = price - promotions + sales tax."""

    price: Decimal
    promotions: tuple[AppliedPromotion, ...]
    fees: tuple[AppliedFee, ...]
    """Named for the receipt; the price contains them (net of tax where prices include it)."""
    sales_tax: Decimal
    total: Decimal

    def __post_init__(self) -> None:
        _check_money("price", self.price)
        _check_money("sales_tax", self.sales_tax)
        _check_money("total", self.total)
        promoted = self.promotions_total
        if promoted > self.price:
            raise DoesNotAddUp(f"promotions of {promoted} on a price of {self.price}")
        if self.total != self.price - promoted + self.sales_tax:
            raise DoesNotAddUp(f"{self.price} - {promoted} + {self.sales_tax} is not {self.total}")

    @property
    def promotions_total(self) -> Decimal:
        return sum([promotion.amount for promotion in self.promotions], ZERO)

    @property
    def fees_total(self) -> Decimal:
        return sum([fee.amount for fee in self.fees], ZERO)

    def times(self, pieces: int) -> "Amounts":
        """The same for so many pieces."""
        return Amounts(
            price=self.price * pieces,
            promotions=tuple(AppliedPromotion(p.code, p.text, p.amount * pieces) for p in self.promotions),
            fees=tuple(AppliedFee(f.code, f.text, f.amount * pieces) for f in self.fees),
            sales_tax=self.sales_tax * pieces,
            total=self.total * pieces,
        )


@dataclass(frozen=True, slots=True)
class PricedLine:
    number: int
    sku: str
    name: str
    line: Amounts
    """The whole line's money."""
    sent: Amounts
    """What stands under `unitPrice`: the same, or one piece's where the store's amount basis is UNIT."""


@dataclass(frozen=True, slots=True)
class Totals:
    sub_total: Decimal
    promotions_total: Decimal
    sales_tax_total: Decimal
    price_total: Decimal

    def __post_init__(self) -> None:
        for name in ("sub_total", "promotions_total", "sales_tax_total", "price_total"):
            _check_money(name, getattr(self, name))
        if self.price_total != self.sub_total - self.promotions_total + self.sales_tax_total:
            raise DoesNotAddUp("the totals do not add up")


@dataclass(frozen=True, slots=True)
class PricedCart:
    """What the shopper owes, line by line; the totals are sums over the lines."""

    currency: str
    lines: tuple[PricedLine, ...]
    totals: Totals
    trace: Mapping[str, Any]
    optimal: bool

    def __post_init__(self) -> None:
        if self.totals != totals_of(self.lines):
            raise DoesNotAddUp("the totals are not the sums of the lines")


def totals_of(lines: tuple[PricedLine, ...]) -> Totals:
    return Totals(
        sub_total=sum([line.line.price for line in lines], ZERO),
        promotions_total=sum([line.line.promotions_total for line in lines], ZERO),
        sales_tax_total=sum([line.line.sales_tax for line in lines], ZERO),
        price_total=sum([line.line.total for line in lines], ZERO),
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a cart cannot be priced, in words that a store manager understands.

    `line` is the line's place from 0, None for the cart as a whole; `cause` is one of `CAUSES`.
    """

    cause: str
    message: str
    line: int | None = None
    product_id: str = ""


CAUSES = ("store", "time", "size", "product", "quantity", "unit", "price", "fee", "tax", "fault")


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The whole cart waits: one problem per line (the first found), nothing guessed."""

    problems: tuple[Problem, ...]
