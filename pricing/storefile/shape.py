"""The document, typed: one entry per row of the file, and every rule that needs no database."""

from collections.abc import Callable, Iterable, Sequence
from datetime import time
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar, cast
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, TextChoices

from catalog.models import (
    AmountBasis,
    Barcode,
    BarcodeType,
    EmptyCartAnswer,
    FeeTreatment,
    PricedAt,
    Product,
    SoldBy,
    Store,
    TaxRounding,
    WeightUnit,
)
from catalog.rows import meta
from pricing.models import (
    MAY,
    NEEDS,
    VARYING,
    Fee,
    Funding,
    Promotion,
    PromotionKind,
    TaxCategory,
    TaxHoliday,
    TaxRule,
    Weekday,
)
from pricing.storefile.decode import AMOUNT, PERCENT, RATE, SMALLEST_INTEGER, Node, decode, did_you_mean
from pricing.storefile.entries import (
    DEFAULTS,
    KNOWN,
    CodedEntry,
    Document,
    FeeEntry,
    Named,
    PriceEntry,
    ProductEntry,
    PromotionEntry,
    StoreEntry,
    TaxCategoryEntry,
    TaxHolidayEntry,
    TaxRuleEntry,
)
from pricing.storefile.faults import Faults

# --- Reading


def read(raw: bytes, faults: Faults) -> Document:
    """The document in this JSON text; what is wrong is added to the faults.

    Raises Faulty at once when the text is no JSON object.
    """
    values = decode(raw)
    if not isinstance(values, dict):
        faults.add("document", "must be a JSON object")
        faults.stop()
    return Reader(Node(values, "", KNOWN["document"], faults)).document()


EntryT = TypeVar("EntryT")


class Reader:
    """Reads section after section; a row with a fault is noted and left out."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.faults = root.faults

    def document(self) -> Document:
        document = Document(
            stores=self._rows("stores", _store),
            tax_categories=self._rows("tax_categories", _tax_category),
            products=self._rows("products", _product),
            prices=self._rows("prices", _price),
            fees=self._rows("fees", _fee),
            promotions=self._rows("promotions", _promotion),
            tax_rules=self._rows("tax_rules", _tax_rule),
            tax_holidays=self._rows("tax_holidays", _tax_holiday),
            named=Named(
                self._keys("stores", "store_id"), self._keys("tax_categories", "code"), self._keys("products", "sku")
            ),
        )
        _refuse_doubles(document, self.faults)
        return document

    def _rows(self, section: str, read_row: Callable[[Node], EntryT]) -> list[EntryT]:
        rows = []
        for node in self.root.objects(section, KNOWN[section]):
            before = self.faults.total
            row = read_row(node)
            if self.faults.total == before:
                rows.append(row)
        return rows

    def _keys(self, section: str, key: str) -> set[str]:
        rows = self.root.values.get(section)
        found = (row.get(key) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return {value for value in found if isinstance(value, str)}


def _store(node: Node) -> StoreEntry:
    entry = StoreEntry(
        path=node.path,
        store_id=_key(node, "store_id", Store),
        name=_text(node, "name", Store),
        time_zone=_time_zone(node),
        currency=_currency(node),
        prices_include_tax=node.flag("prices_include_tax"),
        tax_rounding=node.choice("tax_rounding", _choices(TaxRounding), TaxRounding.LINE),
        amount_basis=node.choice("amount_basis", _choices(AmountBasis), AmountBasis.LINE),
        fees=node.choice("fees", _choices(FeeTreatment), FeeTreatment.IN_PRICE),
        priced_at=node.choice("priced_at", _choices(PricedAt), PricedAt.END),
        empty_cart_purchase_id=node.choice("empty_cart_purchase_id", _choices(EmptyCartAnswer), EmptyCartAnswer.BLANK),
    )
    if entry.tax_rounding == TaxRounding.ORDER and entry.amount_basis == AmountBasis.UNIT:
        node.fault("tax_rounding", "ORDER does not go with amount_basis UNIT: tax is then computed per piece")
    return entry


def _promotion(node: Node) -> PromotionEntry:
    starts_at, ends_at = node.span()
    from_time, until_time = _hours(node)
    all_stores, stores = _stores(node)
    kind = node.choice("kind", _choices(PromotionKind))
    entry = PromotionEntry(
        path=node.path,
        code=_key(node, "code", Promotion),
        name=_text(node, "name", Promotion),
        receipt_text=_text(node, "receipt_text", Promotion),
        kind=kind,
        percent=node.exact("percent", PERCENT),
        amount=node.exact("amount", AMOUNT),
        buy=node.integer("buy", 1),
        get=node.integer("get", 1),
        count=node.integer("count", 1),
        threshold=node.exact("threshold", AMOUNT),
        targets=_targets(node, "targets"),
        get_targets=_targets(node, "get_targets"),
        components=_components(node),
        funding=node.choice("funding", _choices(Funding), Funding.STORE),
        weekdays=_weekdays(node),
        from_time=from_time,
        until_time=until_time,
        all_stores=all_stores,
        stores=stores,
        max_uses_per_trip=node.integer("max_uses_per_trip", 1),
        priority=node.integer("priority", SMALLEST_INTEGER, 0) or 0,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    if kind == node.values.get("kind"):
        _check_kind(node, kind)
    return entry


def _tax_category(node: Node) -> TaxCategoryEntry:
    return TaxCategoryEntry(
        path=node.path,
        code=_key(node, "code", TaxCategory),
        name=_text(node, "name", TaxCategory),
        exempt=node.flag("exempt"),
    )


def _product(node: Node) -> ProductEntry:
    all_stores, stores = _stores(node, may_be_empty=True)
    entry = ProductEntry(
        path=node.path,
        sku=_text(node, "sku", Product),
        name=_text(node, "name", Product),
        brand=_text(node, "brand", Product, needed=False),
        category=_text(node, "category", Product, needed=False),
        subcategory=_text(node, "subcategory", Product, needed=False),
        tax_category=node.text("tax_category", _limit(TaxCategory, "code"), needed=False),
        sold_by=node.choice("sold_by", _choices(SoldBy), SoldBy.EACH),
        weight_unit=node.choice("weight_unit", (*_choices(WeightUnit), ""), ""),
        barcodes=_barcodes(node),
        all_stores=all_stores,
        stores=stores,
    )
    if entry.sold_by == SoldBy.WEIGHT and not entry.weight_unit:
        node.fault("weight_unit", "is missing: goods sold by weight need a unit")
    elif entry.sold_by == SoldBy.EACH and entry.weight_unit:
        node.fault("weight_unit", "does not belong to goods sold by the piece")
    return entry


def _barcodes(node: Node) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for each in node.objects("barcodes", KNOWN["barcodes"]):
        barcode = (
            each.text("code", _limit(Barcode, "code")),
            each.choice("type", _choices(BarcodeType), BarcodeType.UPC),
        )
        if barcode in found:
            each.fault("code", "is listed twice")
        found[barcode] = None
    return tuple(found)


def _price(node: Node) -> PriceEntry:
    starts_at, ends_at = node.span()
    entry = PriceEntry(
        path=node.path,
        product_id=_text(node, "sku", Product),
        store_id=_text(node, "store_id", Store, needed=False) or None,
        amount=node.needed_exact("amount", AMOUNT),
        temporary=node.flag("temporary"),
        starts_at=starts_at,
        ends_at=ends_at,
    )
    if entry.temporary and not node.has("ends_at"):
        node.fault("ends_at", "is missing: a temporary price needs an end")
    return entry


def _fee(node: Node) -> FeeEntry:
    starts_at, ends_at = node.span()
    all_stores, stores = _stores(node)
    return FeeEntry(
        path=node.path,
        code=_key(node, "code", Fee),
        description=_text(node, "description", Fee),
        amount=node.needed_exact("amount", AMOUNT),
        taxed=node.flag("taxed"),
        products=_needed_names(node, "skus", _limit(Product, "sku")),
        all_stores=all_stores,
        stores=stores,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _tax_rule(node: Node) -> TaxRuleEntry:
    starts_at, ends_at = node.span()
    all_stores, stores = _stores(node)
    return TaxRuleEntry(
        path=node.path,
        code=_key(node, "code", TaxRule),
        jurisdiction=_text(node, "jurisdiction", TaxRule),
        rate=node.needed_exact("rate", RATE),
        tax_categories=_needed_names(node, "tax_categories", _limit(TaxCategory, "code")),
        all_stores=all_stores,
        stores=stores,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _tax_holiday(node: Node) -> TaxHolidayEntry:
    starts_at, ends_at = node.span()
    all_stores, stores = _stores(node)
    return TaxHolidayEntry(
        path=node.path,
        code=_key(node, "code", TaxHoliday),
        name=_text(node, "name", TaxHoliday),
        tax_categories=_needed_names(node, "tax_categories", _limit(TaxCategory, "code")),
        unit_price_below=node.exact("unit_price_below", AMOUNT),
        all_stores=all_stores,
        stores=stores,
        starts_at=starts_at,
        ends_at=ends_at,
    )


# --- Values with rules of their own


@cache
def _choices(choices: type[TextChoices]) -> tuple[str, ...]:
    return tuple(choices.values)


@cache
def _column(model: type[Model], name: str) -> "Field[Any, Any]":
    column: Any = meta(model).get_field(name)
    return cast("Field[Any, Any]", column)


@cache
def _limit(model: type[Model], name: str) -> int:
    return _column(model, name).max_length or 0


def _text(node: Node, key: str, model: type[Model], *, needed: bool = True) -> str:
    """A text that is as long as its column at most."""
    return node.text(key, _limit(model, key), needed=needed)


def _key(node: Node, key: str, model: type[Model]) -> str:
    """A text that its column's own pattern accepts."""
    before = node.faults.total
    value = _text(node, key, model)
    if node.faults.total == before:
        try:
            _column(model, key).run_validators(value)
        except ValidationError as error:
            node.fault(key, " ".join(error.messages))
    return value


def _needed_names(node: Node, key: str, limit: int) -> tuple[str, ...]:
    if not node.has(key):
        node.fault(key, "is missing")
    return node.names(key, limit) or ()


def _stores(node: Node, *, may_be_empty: bool = False) -> tuple[bool, tuple[str, ...]]:
    """Whether it is for all stores, and for which otherwise."""
    names = node.names("stores", _limit(Store, "store_id"), may_be_empty=may_be_empty)
    return names is None, names or ()


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone(node: Node) -> str:
    name = _text(node, "time_zone", Store)
    if name and name not in _time_zones():
        node.fault("time_zone", f"there is no time zone “{name}”{did_you_mean(name, _time_zones())}")
    return name


def _currency(node: Node) -> str:
    if not node.has("currency"):
        return str(DEFAULTS["stores"]["currency"])
    return _key(node, "currency", Store)


def _weekdays(node: Node) -> list[str]:
    """The days in the order of the week, however the file lists them."""
    named = node.names("weekdays", among=_choices(Weekday)) or ()
    return [day for day in _choices(Weekday) if day in named]


def _hours(node: Node) -> tuple[time | None, time | None]:
    from_time, until_time = node.time_of_day("from_time"), node.time_of_day("until_time")
    if node.has("from_time") != node.has("until_time"):
        missing = "until_time" if node.has("from_time") else "from_time"
        node.fault(missing, "is missing: give both times of day or neither")
    elif from_time is not None and from_time == until_time:
        node.fault("until_time", "must not equal from_time")
    return from_time, until_time


def _targets(parent: Node, key: str) -> dict[str, Any] | None:
    """Which products, with the keys in their order; None when it is absent."""
    node = parent.object(key, KNOWN["targets"])
    if node is None:
        return None
    return _read_targets(node)


def _read_targets(node: Node) -> dict[str, Any]:
    targets: dict[str, Any] = {}
    if node.flag("all"):
        targets["all"] = True
    for key in ("skus", "categories", "except_skus"):
        if names := node.names(key, TARGET_LIMITS[key]):
            targets[key] = list(names)
    named = node.has("skus") or node.has("categories")
    if targets.get("all") and named:
        node.fault("all", "does not go with skus or categories: say either everything or which")
    elif not targets.get("all") and not named:
        node.faults.add(node.path, 'names no product: give skus, categories or {"all": true}')
    return targets


TARGET_LIMITS = {
    "skus": _limit(Product, "sku"),
    "except_skus": _limit(Product, "sku"),
    "categories": _limit(Product, "category") + len(" > ") + _limit(Product, "subcategory"),
}


def _components(parent: Node) -> list[dict[str, Any]] | None:
    if not parent.has("components"):
        return None
    components = []
    for node in parent.objects("components", KNOWN["components"]):
        if not node.has("targets"):
            node.fault("targets", "is missing")
        components.append({"targets": _targets(node, "targets"), "count": node.integer("count", 1, 1)})
    if parent.values["components"] == []:
        parent.fault("components", "must not be empty")
    return components


def _check_kind(node: Node, kind: str) -> None:
    """Each kind says what it must, and nothing that it doesn't know."""
    needs, may = NEEDS[kind], MAY.get(kind, frozenset())
    for key in VARYING:
        if key in needs and not node.has(key):
            node.fault(key, f"is missing: {kind} needs it")
        elif key not in needs | may and node.has(key):
            node.fault(key, f"does not belong to {kind}")
    if kind == PromotionKind.SPEND_GET and node.has("amount") == node.has("percent"):
        message = (
            "give either amount or percent, not both" if node.has("amount") else "is missing: give amount or percent"
        )
        node.fault("amount", message)


# --- Rows that can't stand together


def _refuse_doubles(document: Document, faults: Faults) -> None:
    _refuse_twice(((row.store_id, row.path) for row in document.stores), "store_id", faults)
    _refuse_twice(((row.code, row.path) for row in document.tax_categories), "code", faults)
    _refuse_twice(((row.sku, row.path) for row in document.products), "sku", faults)
    prices = (((row.product_id, row.store_id, row.temporary, row.starts_at), row.path) for row in document.prices)
    _refuse_twice(prices, "starts_at", faults, "a price of this SKU, scope and start is already at")
    coded: Iterable[Sequence[CodedEntry]] = (
        document.fees,
        document.promotions,
        document.tax_rules,
        document.tax_holidays,
    )
    for rows in coded:
        _refuse_overlaps(rows, faults)


def _refuse_twice(
    rows: Iterable[tuple[Any, str]], key: str, faults: Faults, message: str = "stands already at"
) -> None:
    seen: dict[Any, str] = {}
    for value, path in rows:
        if value in seen:
            faults.add(f"{path}.{key}", f"{message} {seen[value]}")
        else:
            seen[value] = path


def _refuse_overlaps(rows: Sequence[CodedEntry], faults: Faults) -> None:
    """At any moment at most one version of a code is in force."""
    versions: dict[str, list[CodedEntry]] = {}
    for row in rows:
        versions.setdefault(row.code, []).append(row)
    for same_code in versions.values():
        same_code.sort(key=lambda row: row.starts_at)
        for earlier, later in pairwise(same_code):
            if earlier.ends_at is None or earlier.ends_at > later.starts_at:
                faults.add(
                    f"{later.path}.starts_at",
                    f"“{later.code}” is still in force then by {earlier.path}: end that one first",
                )
