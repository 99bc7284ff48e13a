"""Carts and pricebooks in few words: say what a test is about, the rest is as plain as can be.

Everything happens on a Saturday at noon in New York, in a store that adds tax to its prices, line by line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pricing.engine import price_cart
from pricing.priced import Amounts, PricedCart, Unpriced
from pricing.terms import (
    Cart,
    CartLine,
    FeeTerms,
    HolidayTerms,
    Limits,
    Pricebook,
    PriceTerms,
    ProductTerms,
    PromotionTerms,
    StoreTerms,
    TaxPart,
    TaxTerms,
)

STORE = "ARENA-WEST-1"
NOON = datetime(2026, 3, 14, 16, tzinfo=UTC)
NEW_YEAR = datetime(2026, 1, 1, 5, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Good:
    """A product with all that prices it; a rule of 0 % covers it unless the test is about tax."""

    sku: str
    price: str | None = "1.00"
    """None: no price in force."""
    weight_unit: str = ""
    tax: tuple[str, ...] = ("0",)
    """The rates of the rules in force; none at all is a mistake of the shop's."""
    category: str | None = "GOODS"
    """None: no tax category."""
    exempt: bool = False
    fees: tuple[FeeTerms, ...] = ()
    keys: tuple[str, ...] = ()
    """The lookup keys of its barcodes."""
    listed: bool = True

    @property
    def product(self) -> ProductTerms:
        return ProductTerms(self.sku, f"Example {self.sku}", self.weight_unit, self.listed)


def fee(amount: str = "0.05", *, code: str = "DEPOSIT", taxed: bool = False) -> FeeTerms:
    return FeeTerms(code, f"{code.title()} of {amount}", Decimal(amount), taxed)


def holiday(below: str | None = None, *, code: str = "SCHOOL", categories: Iterable[str] = ("GOODS",)) -> HolidayTerms:
    return HolidayTerms(code, frozenset(categories), None if below is None else Decimal(below))


def promotion(code: str, kind: str, *roles: Iterable[str], **terms: Any) -> PromotionTerms:
    """A promotion of any kind; each role is the SKUs that it targets. Amounts may be given as text."""
    terms = {name: Decimal(value) if isinstance(value, str) else value for name, value in terms.items()}
    return PromotionTerms(
        row=f"row-of-{code}",
        code=code,
        name=f"Deal {code}",
        receipt_text=f"{code} saves",
        kind=kind,
        roles=tuple(frozenset(skus) for skus in roles),
        **terms,
    )


def percent_off(code: str, percent: str, *skus: str, **terms: Any) -> PromotionTerms:
    return promotion(code, "PERCENT_OFF", skus, percent=Decimal(percent), **terms)


def amount_off(code: str, amount: str, *skus: str, **terms: Any) -> PromotionTerms:
    return promotion(code, "AMOUNT_OFF", skus, amount=Decimal(amount), **terms)


def fixed_price(code: str, amount: str, *skus: str, **terms: Any) -> PromotionTerms:
    return promotion(code, "FIXED_PRICE", skus, amount=Decimal(amount), **terms)


def hours(from_: str, until: str) -> dict[str, Any]:
    return {"from_time": time.fromisoformat(from_), "until_time": time.fromisoformat(until)}


def pricebook(
    *goods: Good,
    promotions: Iterable[PromotionTerms] = (),
    holidays: Iterable[HolidayTerms] = (),
    moment: datetime = NOON,
    limits: Limits | None = None,
    **store: Any,
) -> Pricebook:
    """What is said about these goods at the moment; `store` says how the store differs from the plain one."""
    products: dict[str, tuple[ProductTerms, ...]] = {}
    for one in goods:
        for key in (f"sku:{one.sku}", *one.keys):
            products[key] = (*products.get(key, ()), one.product)
    return Pricebook(
        moment=moment,
        store=StoreTerms(**{"store_id": STORE, "currency": "USD", "zone": NEW_YORK, **store}),
        products=products,
        prices={one.sku: _price(one.sku, one.price) for one in goods if one.price is not None},
        fees={one.sku: one.fees for one in goods if one.fees},
        taxes={one.sku: _tax(one.category, one) for one in goods if one.category is not None},
        holidays=tuple(holidays),
        promotions=tuple(promotions),
        limits=limits or Limits(),
    )


def _price(sku: str, amount: str) -> PriceTerms:
    return PriceTerms(f"price-of-{sku}", Decimal(amount), None, temporary=False, starts_at=NEW_YEAR)


def _tax(category: str, good: Good) -> TaxTerms:
    parts = (TaxPart(f"TAX-{place}", f"Jurisdiction {place}", Decimal(rate)) for place, rate in enumerate(good.tax))
    return TaxTerms(category, good.exempt, tuple(parts))


def line(
    product_id: str,
    quantity: str = "1",
    unit: str = "unit",
    *,
    type_: str = "SKU",
    also: tuple[tuple[str, str], ...] = (),
) -> CartLine:
    return CartLine(product_id, type_, quantity, unit, also)


def scan(code: str, quantity: str = "1", *, also: tuple[tuple[str, str], ...] = ()) -> CartLine:
    return line(code, quantity, type_="SCANCODE", also=also)


def cart(*lines: CartLine, ended_at: datetime = NOON) -> Cart:
    return Cart(STORE, started_at=ended_at, ended_at=ended_at, lines=lines)


def price(lines: Iterable[CartLine], book: Pricebook) -> PricedCart:
    """The priced cart, looked at as soon as the trip ends."""
    priced = price_cart(cart(*lines), book, now=NOON)
    assert isinstance(priced, PricedCart), priced
    return priced


def problems(lines: Iterable[CartLine], book: Pricebook) -> list[tuple[int | None, str]]:
    """The line and the cause of each problem of a cart that waits."""
    unpriced = price_cart(cart(*lines), book, now=NOON)
    assert isinstance(unpriced, Unpriced), unpriced
    return [(problem.line, problem.cause) for problem in unpriced.problems]


def told(amounts: Amounts) -> str:
    """Price (with the fees in it), promotions, tax and total: `1.05 (DEPOSIT 0.05) - HALF 0.50 + 0.09 = 0.64`."""
    fees = "".join(f" ({one.code} {one.amount})" for one in amounts.fees)
    promotions = "".join(f" - {one.code} {one.amount}" for one in amounts.promotions)
    return f"{amounts.price}{fees}{promotions} + {amounts.sales_tax} = {amounts.total}"


def bill(lines: Iterable[CartLine], book: Pricebook) -> list[str]:
    """What each line of the cart comes to."""
    return [told(one.line) for one in price(lines, book).lines]
