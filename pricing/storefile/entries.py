"""What a store file consists of: its keys, and one typed entry for each of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from msgspec import Struct

from catalog.models import AmountBasis, EmptyCartAnswer, FeeTreatment, PricedAt, SoldBy, TaxRounding
from pricing.models import VARYING, Funding

KEYS: Mapping[str, tuple[str, ...]] = {
    "document": ("stores", "tax_categories", "products", "prices", "fees", "promotions", "tax_rules", "tax_holidays"),
    "stores": (
        "store_id",
        "name",
        "time_zone",
        "currency",
        "prices_include_tax",
        "tax_rounding",
        "amount_basis",
        "fees",
        "priced_at",
        "empty_cart_purchase_id",
    ),
    "tax_categories": ("code", "name", "exempt"),
    "products": (
        "sku",
        "name",
        "brand",
        "category",
        "subcategory",
        "tax_category",
        "sold_by",
        "weight_unit",
        "barcodes",
        "stores",
    ),
    "barcodes": ("code", "type"),
    "prices": ("sku", "store_id", "amount", "temporary", "starts_at", "ends_at"),
    "fees": ("code", "description", "amount", "taxed", "skus", "stores", "starts_at", "ends_at"),
    "promotions": (
        "code",
        "name",
        "receipt_text",
        "kind",
        "threshold",
        "buy",
        "get",
        "count",
        "percent",
        "amount",
        "targets",
        "get_targets",
        "components",
        "funding",
        "weekdays",
        "from_time",
        "until_time",
        "stores",
        "max_uses_per_trip",
        "priority",
        "starts_at",
        "ends_at",
    ),
    "targets": ("all", "skus", "categories", "except_skus"),
    "components": ("targets", "count"),
    "tax_rules": ("code", "jurisdiction", "tax_categories", "stores", "rate", "starts_at", "ends_at"),
    "tax_holidays": ("code", "name", "tax_categories", "stores", "unit_price_below", "starts_at", "ends_at"),
}
"""The keys of every kind of object, in the order in which they are written."""

KNOWN = {kind: frozenset(keys) for kind, keys in KEYS.items()}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "stores": {
        "currency": "USD",
        "prices_include_tax": False,
        "tax_rounding": TaxRounding.LINE,
        "amount_basis": AmountBasis.LINE,
        "fees": FeeTreatment.IN_PRICE,
        "priced_at": PricedAt.END,
        "empty_cart_purchase_id": EmptyCartAnswer.BLANK,
    },
    "tax_categories": {"exempt": False},
    "products": {
        "brand": "",
        "category": "",
        "subcategory": "",
        "tax_category": "",
        "sold_by": SoldBy.EACH,
        "weight_unit": "",
        "barcodes": [],
        "stores": None,
    },
    "prices": {"store_id": None, "temporary": False, "ends_at": None},
    "fees": {"taxed": False, "stores": None, "ends_at": None},
    "promotions": {
        **dict.fromkeys(VARYING),
        "funding": Funding.STORE,
        "weekdays": [],
        "from_time": None,
        "until_time": None,
        "stores": None,
        "max_uses_per_trip": None,
        "priority": 0,
        "ends_at": None,
    },
    "tax_rules": {"stores": None, "ends_at": None},
    "tax_holidays": {"stores": None, "unit_price_below": None, "ends_at": None},
}
"""What an absent key means. A key without a default must be there."""


# --- Entries: named and valued like the columns of their rows


class StoreEntry(Struct, frozen=True):
    path: str
    store_id: str
    name: str
    time_zone: str
    currency: str
    prices_include_tax: bool
    tax_rounding: str
    amount_basis: str
    fees: str
    priced_at: str
    empty_cart_purchase_id: str


class TaxCategoryEntry(Struct, frozen=True):
    path: str
    code: str
    name: str
    exempt: bool


class ProductEntry(Struct, frozen=True):
    path: str
    sku: str
    name: str
    brand: str
    category: str
    subcategory: str
    tax_category: str
    """Empty when the file does not say it: the product's assignment is left alone."""
    sold_by: str
    weight_unit: str
    barcodes: tuple[tuple[str, str], ...]
    """(code, type), in order."""
    all_stores: bool
    stores: tuple[str, ...]


class PriceEntry(Struct, frozen=True):
    path: str
    product_id: str
    store_id: str | None
    amount: Decimal
    temporary: bool
    starts_at: datetime
    ends_at: datetime | None


class CodedEntry(Struct, frozen=True, kw_only=True):
    path: str
    code: str
    all_stores: bool
    stores: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None


class FeeEntry(CodedEntry, frozen=True, kw_only=True):
    description: str
    amount: Decimal
    taxed: bool
    products: tuple[str, ...]


class PromotionEntry(CodedEntry, frozen=True, kw_only=True):
    name: str
    receipt_text: str
    kind: str
    percent: Decimal | None
    amount: Decimal | None
    buy: int | None
    get: int | None
    count: int | None
    threshold: Decimal | None
    targets: dict[str, Any] | None
    get_targets: dict[str, Any] | None
    components: list[dict[str, Any]] | None
    funding: str
    weekdays: list[str]
    from_time: time | None
    until_time: time | None
    max_uses_per_trip: int | None
    priority: int


class TaxRuleEntry(CodedEntry, frozen=True, kw_only=True):
    jurisdiction: str
    rate: Decimal
    tax_categories: tuple[str, ...]


class TaxHolidayEntry(CodedEntry, frozen=True, kw_only=True):
    name: str
    tax_categories: tuple[str, ...]
    unit_price_below: Decimal | None


@dataclass(slots=True)
class Named:
    """The keys that the file gives to rows of its own, faulty rows too: a reference to them is no second fault."""

    stores: set[str] = field(default_factory=set)
    tax_categories: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)


Taxed = TaxRuleEntry | TaxHolidayEntry


@dataclass(slots=True)
class Document:
    """The rows of a file that are sound by themselves."""

    stores: list[StoreEntry] = field(default_factory=list)
    tax_categories: list[TaxCategoryEntry] = field(default_factory=list)
    products: list[ProductEntry] = field(default_factory=list)
    prices: list[PriceEntry] = field(default_factory=list)
    fees: list[FeeEntry] = field(default_factory=list)
    promotions: list[PromotionEntry] = field(default_factory=list)
    tax_rules: list[TaxRuleEntry] = field(default_factory=list)
    tax_holidays: list[TaxHolidayEntry] = field(default_factory=list)
    named: Named = field(default_factory=Named)
