"""What the engine is told: a cart, and the pricebook of its moment. Plain values, no database.

Money is `Decimal` in whole cents; rates and percentages are exact `Decimal`s (a rate of 0.04 is 4 %, a percent of 10 is
10 %).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

SPEND_GET = "SPEND_GET"
"""The kind of promotion that looks at the whole basket, not at units."""


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line as Amazon sent it, character for character."""

    product_id: str
    type: str
    quantity: str
    unit: str
    external_ids: tuple[tuple[str, str], ...] = ()
    """Further (type, id) pairs, in Amazon's order."""


@dataclass(frozen=True, slots=True)
class Cart:
    store_id: str
    started_at: datetime
    ended_at: datetime
    lines: tuple[CartLine, ...]


@dataclass(frozen=True, slots=True)
class StoreTerms:
    store_id: str
    currency: str
    zone: ZoneInfo
    prices_include_tax: bool = False
    taxed_by_order: bool = False
    amounts_of_one_piece: bool = False
    parks_fees: bool = False
    priced_at_start: bool = False
    names_empty_carts: bool = False
    """An empty cart is answered with a purchase ID; prices nothing, but is read with the rest."""
    tests_until: datetime | None = None
    """Trips that arrive before are tests; likewise."""
    name: str = ""

    @property
    def called(self) -> str:
        """In what people read: its name beside its ID."""
        return f"{self.name} ({self.store_id})" if self.name else self.store_id


@dataclass(frozen=True, slots=True)
class ProductTerms:
    sku: str
    name: str
    weight_unit: str = ""
    """Empty for goods sold by the piece."""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """The price row that wins at the moment."""

    row: str
    amount: Decimal
    store_id: str | None
    temporary: bool
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class FeeTerms:
    code: str
    description: str
    amount: Decimal
    taxed: bool


@dataclass(frozen=True, slots=True)
class TaxPart:
    code: str
    jurisdiction: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class TaxTerms:
    """How a product is taxed in the store at the moment."""

    category: str
    exempt: bool
    parts: tuple[TaxPart, ...]


@dataclass(frozen=True, slots=True)
class HolidayTerms:
    code: str
    categories: frozenset[str]
    unit_price_below: Decimal | None

    def trace(self) -> dict[str, str | None]:
        below = self.unit_price_below
        return {"code": self.code, "unit_price_below": None if below is None else str(below)}


class PromotionTerms(NamedTuple):
    """A promotion whose dates and store fit, and the SKUs of this cart that each of its roles targets."""

    row: str
    code: str
    name: str
    receipt_text: str
    kind: str
    roles: tuple[frozenset[str], ...]
    """Bought (or simply targeted) and got; the components of a bundle as written."""
    counts: tuple[int, ...] = (1,)
    """How many units of each role one use takes."""
    percent: Decimal | None = None
    amount: Decimal | None = None
    threshold: Decimal | None = None
    paid_by_vendor: bool = False
    weekdays: frozenset[str] = frozenset()
    from_time: time | None = None
    until_time: time | None = None
    max_uses: int | None = None
    priority: int = 0

    def reaching(self, roles: tuple[frozenset[str], ...]) -> "PromotionTerms":
        """The same promotion on these products."""
        return PromotionTerms._make((*self[:5], roles, *self[6:]))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cart may hold before a person looks at it, and how units are written."""

    line_quantity: int = 999
    cart_units: int = 5000
    unit_names: Mapping[str, str] = field(default_factory=lambda: UNIT_NAMES)
    """Unit text in lower case -> `unit`, `lb`, `oz`, `kg` or `g`."""


UNIT_NAMES: Mapping[str, str] = {
    text: unit
    for unit, texts in {
        "unit": "unit units each ea piece pieces pc count",
        "lb": "lb lbs pound pounds",
        "oz": "oz ounce ounces",
        "kg": "kg kilogram kilograms",
        "g": "g gram grams",
    }.items()
    for text in texts.split()
}


@dataclass(frozen=True, slots=True)
class Pricebook:
    """Everything that prices one cart at one moment. `store` is None when we do not know the store."""

    moment: datetime
    store: StoreTerms | None
    products: Mapping[str, tuple[ProductTerms, ...]] = field(default_factory=dict)
    """By `sku:…` for a SKU and by lookup key for a scanned code; several mean that the code is ambiguous."""
    prices: Mapping[str, PriceTerms] = field(default_factory=dict)
    fees: Mapping[str, tuple[FeeTerms, ...]] = field(default_factory=dict)
    taxes: Mapping[str, TaxTerms] = field(default_factory=dict)
    """By SKU; a SKU without a tax category is not in it."""
    holidays: tuple[HolidayTerms, ...] = ()
    promotions: tuple[PromotionTerms, ...] = ()
    limits: Limits = field(default_factory=Limits)
