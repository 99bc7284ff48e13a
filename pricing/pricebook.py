"""Reading what prices one cart: two questions to the database, whatever the cart and whatever else is on sale.

Plain SQL, because this is the connector's hot path: a query through the ORM costs several times what it costs the
database. The first question asks who is who (store, products), the second what holds for them at the moment; each is
several queries in one statement on PostgreSQL, where a round trip costs more than a query. Lists go in as one parameter
each, so that every statement has one text and stays prepared. Money and rates are whole numbers in the database
(`ExactDecimalField`), so no float is read anywhere.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import connection

from catalog.models import AmountBasis, EmptyCartAnswer, FeeTreatment, PricedAt, TaxRounding
from pricing.models import ALL_PRODUCTS, Funding, PromotionKind, category_keys, sku_key
from pricing.money import from_cents
from pricing.resolve import lookup_keys
from pricing.terms import (
    UNIT_NAMES,
    Cart,
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

T = TypeVar("T")

RATE_PLACES = 8
PERCENT_PLACES = 4

STORE = """
SELECT currency, time_zone, prices_include_tax, tax_rounding, amount_basis, fees, priced_at, empty_cart_purchase_id,
       tests_until
FROM catalog_store WHERE store_id = {store}
"""

BARCODES = "SELECT lookup_key, product_id AS sku FROM catalog_barcode WHERE lookup_key {in:codes}"

PRODUCTS = """
SELECT p.sku, p.name, p.weight_unit, p.category, p.subcategory,
       p.all_stores OR EXISTS (
         SELECT 1 FROM catalog_product_stores s WHERE s.product_id = p.sku AND s.store_id = {store}) AS listed
FROM catalog_product p
WHERE p.sku {in:skus} OR p.sku IN (SELECT product_id FROM catalog_barcode WHERE lookup_key {in:codes})
"""

TAX_CATEGORIES = """
SELECT a.product_id AS sku, c.code, c.exempt
FROM pricing_taxassignment a JOIN pricing_taxcategory c ON c.code = a.tax_category_id
WHERE a.product_id {in:skus} AND a.starts_at <= {moment} AND (a.ends_at IS NULL OR a.ends_at > {moment})
"""

PRICES = """
SELECT product_id AS sku, id, amount, store_id, temporary, starts_at
FROM pricing_price
WHERE product_id {in:skus} AND (store_id = {store} OR store_id IS NULL)
  AND starts_at <= {moment} AND (ends_at IS NULL OR ends_at > {moment})
"""

PROMOTION_TARGETS = """
SELECT t.promotion_id AS id, t.role, t.key, t.excluded
FROM pricing_promotiontarget t JOIN pricing_promotion p ON p.id = t.promotion_id
WHERE t.key {in:keys} AND p.starts_at <= {moment} AND (p.ends_at IS NULL OR p.ends_at > {moment})
  AND (p.all_stores OR EXISTS (
    SELECT 1 FROM pricing_promotion_stores s WHERE s.promotion_id = p.id AND s.store_id = {store}))
"""

PROMOTIONS = """
SELECT id, code, name, receipt_text, kind, percent, amount, buy, "get", count, threshold,
       get_targets IS NOT NULL AS gets_others, components, funding, weekdays, from_time, until_time,
       max_uses_per_trip AS max_uses, priority
FROM pricing_promotion p
WHERE p.id IN (SELECT promotion_id FROM pricing_promotiontarget WHERE key {in:keys} AND NOT excluded)
  AND p.starts_at <= {moment} AND (p.ends_at IS NULL OR p.ends_at > {moment})
  AND (p.all_stores OR EXISTS (
    SELECT 1 FROM pricing_promotion_stores s WHERE s.promotion_id = p.id AND s.store_id = {store}))
"""

FEES = """
SELECT l.product_id AS sku, f.code, f.description, f.amount, f.taxed
FROM pricing_fee_products l JOIN pricing_fee f ON f.id = l.fee_id
WHERE l.product_id {in:skus} AND f.starts_at <= {moment} AND (f.ends_at IS NULL OR f.ends_at > {moment})
  AND (f.all_stores OR EXISTS (SELECT 1 FROM pricing_fee_stores s WHERE s.fee_id = f.id AND s.store_id = {store}))
"""

TAX_RULES = """
SELECT l.taxcategory_id AS category, r.code, r.jurisdiction, r.rate
FROM pricing_taxrule_tax_categories l JOIN pricing_taxrule r ON r.id = l.taxrule_id
WHERE l.taxcategory_id IN (
    SELECT a.tax_category_id FROM pricing_taxassignment a WHERE a.product_id {in:skus}
      AND a.starts_at <= {moment} AND (a.ends_at IS NULL OR a.ends_at > {moment}))
  AND r.starts_at <= {moment} AND (r.ends_at IS NULL OR r.ends_at > {moment})
  AND (r.all_stores OR EXISTS (
    SELECT 1 FROM pricing_taxrule_stores s WHERE s.taxrule_id = r.id AND s.store_id = {store}))
"""

TAX_HOLIDAYS = """
SELECT l.taxcategory_id AS category, h.code, h.unit_price_below
FROM pricing_taxholiday_tax_categories l JOIN pricing_taxholiday h ON h.id = l.taxholiday_id
WHERE h.starts_at <= {moment} AND (h.ends_at IS NULL OR h.ends_at > {moment})
  AND (h.all_stores OR EXISTS (
    SELECT 1 FROM pricing_taxholiday_stores s WHERE s.taxholiday_id = h.id AND s.store_id = {store}))
"""

WHO_IS_WHO = (STORE, BARCODES, PRODUCTS)
WHAT_HOLDS = (TAX_CATEGORIES, PRICES, PROMOTION_TARGETS, PROMOTIONS, FEES, TAX_RULES, TAX_HOLIDAYS)


def read_pricebook(cart: Cart, *, at: datetime | None = None) -> Pricebook:
    """What prices this cart: as of the trip's own moment, or as of `at`."""
    keys = _lookup_keys(cart)
    skus = sorted(key.removeprefix("sku:") for key in keys if key.startswith("sku:"))
    codes = sorted(key for key in keys if not key.startswith("sku:"))
    stores, barcodes, goods = _ask(WHO_IS_WHO, {"store": cart.store_id, "skus": skus, "codes": codes})
    store = _store(cart.store_id, stores[0]) if stores else None
    if at is None:
        at = cart.started_at if store and store.priced_at_start else cart.ended_at
    if store is None:
        return Pricebook(moment=at, store=None, limits=limits())
    products = {row["sku"]: _product(row) for row in goods}
    targeted = _targeted(goods)
    held = _ask(
        WHAT_HOLDS,
        {
            "store": store.store_id,
            "moment": connection.ops.adapt_datetimefield_value(at),
            "skus": sorted(products),
            "keys": sorted(targeted),
        },
    )
    categories, prices, targets = held[:3]
    promotions, fees, rules, holidays = map(_in_order_of_codes, held[3:])
    return Pricebook(
        moment=at,
        store=store,
        products=_by_key(barcodes, products),
        prices=_winners(prices),
        fees=_grouped(
            (row["sku"], FeeTerms(row["code"], row["description"], from_cents(row["amount"]), bool(row["taxed"])))
            for row in fees
        ),
        taxes=_taxes(categories, rules),
        holidays=_holidays(holidays),
        promotions=_promotions(promotions, targets, targeted),
        limits=limits(),
    )


def limits() -> Limits:
    own = {text.lower(): unit for text, unit in settings.UNIT_NAMES.items()}
    return Limits(settings.MAX_LINE_QUANTITY, settings.MAX_CART_UNITS, {**UNIT_NAMES, **own})


# --- From rows to terms --------------------------------------------------------------------------------------------

Row = Mapping[str, Any]


def _lookup_keys(cart: Cart) -> set[str]:
    return {
        key
        for line in cart.lines
        for id_type, code in ((line.type, line.product_id), *line.external_ids)
        for key in lookup_keys(id_type, code)
    }


def _in_order_of_codes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorted here: each database has an alphabet of its own."""
    return sorted(rows, key=itemgetter("code"))


def _store(store_id: str, row: Row) -> StoreTerms:
    tests_until = row["tests_until"]
    return StoreTerms(
        store_id=store_id,
        currency=row["currency"],
        zone=ZoneInfo(row["time_zone"]),
        prices_include_tax=bool(row["prices_include_tax"]),
        taxed_by_order=row["tax_rounding"] == TaxRounding.ORDER,
        amounts_of_one_piece=row["amount_basis"] == AmountBasis.UNIT,
        parks_fees=row["fees"] == FeeTreatment.PARK,
        priced_at_start=row["priced_at"] == PricedAt.START,
        names_empty_carts=row["empty_cart_purchase_id"] == EmptyCartAnswer.ISSUED,
        tests_until=None if tests_until is None else _aware(tests_until),
    )


def _product(row: Row) -> ProductTerms:
    return ProductTerms(row["sku"], row["name"], row["weight_unit"], bool(row["listed"]))


def _by_key(barcodes: Sequence[Row], products: Mapping[str, ProductTerms]) -> dict[str, tuple[ProductTerms, ...]]:
    own = ((sku_key(sku), product) for sku, product in products.items())
    scanned = ((row["lookup_key"], products[row["sku"]]) for row in barcodes)
    return _grouped((*own, *scanned))


def _targeted(goods: Sequence[Row]) -> dict[str, frozenset[str]]:
    """The SKUs behind each key by which promotions name their products."""
    targeted: dict[str, set[str]] = {}
    for row in goods:
        for key in (ALL_PRODUCTS, sku_key(row["sku"]), *category_keys(row["category"], row["subcategory"])):
            targeted.setdefault(key, set()).add(row["sku"])
    return {key: frozenset(found) for key, found in targeted.items()}


def _winners(rows: Sequence[Row]) -> dict[str, PriceTerms]:
    """Of the prices in force the one that wins: the store's own, then a temporary one, then the latest."""
    won: dict[str, PriceTerms] = {}
    for row in rows:
        price = PriceTerms(
            _row_id(row["id"]),
            from_cents(row["amount"]),
            row["store_id"],
            bool(row["temporary"]),
            _aware(row["starts_at"]),
        )
        sku = row["sku"]
        if sku not in won or _strength(won[sku]) < _strength(price):
            won[sku] = price
    return won


def _strength(price: PriceTerms) -> tuple[bool, bool, datetime]:
    return price.store_id is not None, price.temporary, price.starts_at


def _taxes(categories: Sequence[Row], rules: Sequence[Row]) -> dict[str, TaxTerms]:
    parts = _grouped(
        (row["category"], TaxPart(row["code"], row["jurisdiction"], _scaled(row["rate"], RATE_PLACES))) for row in rules
    )
    return {row["sku"]: TaxTerms(row["code"], bool(row["exempt"]), parts.get(row["code"], ())) for row in categories}


def _holidays(rows: Sequence[Row]) -> tuple[HolidayTerms, ...]:
    covered = _grouped((row["code"], row["category"]) for row in rows)
    caps = {row["code"]: row["unit_price_below"] for row in rows}
    return tuple(
        HolidayTerms(code, frozenset(categories), None if caps[code] is None else from_cents(caps[code]))
        for code, categories in covered.items()
    )


def _promotions(
    rows: Sequence[Row], targets: Sequence[Row], targeted: Mapping[str, frozenset[str]]
) -> tuple[PromotionTerms, ...]:
    """Those that target a product of the cart in at least one of their roles."""
    roles: dict[Any, dict[int, set[str]]] = {}
    for row in targets:
        if not row["excluded"]:
            roles.setdefault(row["id"], {}).setdefault(row["role"], set()).update(targeted[row["key"]])
    for row in targets:
        if row["excluded"]:
            roles.get(row["id"], {}).get(row["role"], set()).difference_update(targeted[row["key"]])
    return tuple(
        _promotion(row, roles[row["id"]]) for row in rows if row["id"] in roles and any(roles[row["id"]].values())
    )


def _promotion(row: Row, found: Mapping[int, set[str]]) -> PromotionTerms:
    kind = row["kind"]
    counts: tuple[int, ...] = (1,)
    if kind == PromotionKind.BUY_X_GET_Y:
        counts = (row["buy"], row["get"])
    elif kind == PromotionKind.MULTI_BUY:
        counts = (row["count"],)
    elif kind == PromotionKind.BUNDLE:
        counts = tuple(component["count"] for component in _document(row["components"]))
    role_count = len(counts) if kind == PromotionKind.BUNDLE or row["gets_others"] else 1
    percent, amount, threshold = row["percent"], row["amount"], row["threshold"]
    return PromotionTerms(
        row=_row_id(row["id"]),
        code=row["code"],
        name=row["name"],
        receipt_text=row["receipt_text"],
        kind=kind,
        roles=tuple(frozenset(found.get(role, ())) for role in range(role_count)),
        counts=counts,
        percent=None if percent is None else _scaled(percent, PERCENT_PLACES),
        amount=None if amount is None else from_cents(amount),
        threshold=None if threshold is None else from_cents(threshold),
        paid_by_vendor=row["funding"] == Funding.VENDOR,
        weekdays=frozenset(_document(row["weekdays"])),
        from_time=_time(row["from_time"]),
        until_time=_time(row["until_time"]),
        max_uses=row["max_uses"],
        priority=row["priority"],
    )


# --- What the two databases write differently ----------------------------------------------------------------------


def _ask(queries: tuple[str, ...], params: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The rows of each query."""
    if connection.vendor == "postgresql":
        statement, names = _one_statement(queries)
        with connection.cursor() as cursor:
            cursor.execute(statement, [params[name] for name in names])
            return [msgspec.json.decode(rows) for rows in cursor.fetchone()]
    return [_ask_sqlite(query, params) for query in queries]


@cache
def _one_statement(queries: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Several queries as one row of JSON texts, and the parameters that it takes, in order."""
    columns = ", ".join(f"(SELECT coalesce(json_agg(q), '[]')::text FROM ({query}) q)" for query in queries)
    return _positional(f"SELECT {columns}", "= ANY(%s)")


def _ask_sqlite(query: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    statement, names = _positional(query, "IN (SELECT value FROM json_each(%s))")
    values = [params[name] for name in names]
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(value) if isinstance(value, list) else value for value in values])
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@cache
def _positional(query: str, contained: str) -> tuple[str, tuple[str, ...]]:
    """`{name}` and `{in:name}` as the database's own placeholders, and the names in the order of their places."""
    names = tuple(PLACEHOLDER.findall(query))
    return PLACEHOLDER.sub(lambda found: contained if found[0].startswith("{in:") else "%s", query), names


PLACEHOLDER = re.compile(r"\{(?:in:)?([a-z]+)\}")


def _aware(value: datetime | str) -> datetime:
    """SQLite keeps times in UTC, without saying so."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(value: time | str | None) -> time | None:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _scaled(whole: int, places: int) -> Decimal:
    """The exact value with as few decimals as it needs."""
    exact = Decimal(whole).scaleb(-places)
    return exact.quantize(1) if exact == exact.to_integral_value() else exact.normalize()


def _row_id(value: str) -> str:
    """A UUID with its hyphens: SQLite keeps it without."""
    return value if "-" in value else str(UUID(value))


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}
