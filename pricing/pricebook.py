"""Reading what prices one cart: a fixed number of queries, whatever the cart and whatever else is on sale.

Plain SQL, because this is the connector's hot path: a query through the ORM costs several times what it costs the
database. Lists go in as one parameter each, so that every statement has one text and stays prepared. Money and rates
are whole numbers in the database (`ExactDecimalField`), so no float is read anywhere.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

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
SELECT currency, time_zone, prices_include_tax, tax_rounding, amount_basis, fees, priced_at,
       empty_cart_purchase_id, tests_until
FROM catalog_store WHERE store_id = %s
"""

BARCODES = "SELECT lookup_key, product_id FROM catalog_barcode WHERE lookup_key {in}"

PRODUCTS = """
SELECT p.sku, p.name, p.weight_unit, p.category, p.subcategory,
       p.all_stores OR EXISTS (SELECT 1 FROM catalog_product_stores s WHERE s.product_id = p.sku AND s.store_id = %s),
       c.code, c.exempt
FROM catalog_product p
LEFT JOIN pricing_taxassignment a ON a.product_id = p.sku
  AND a.starts_at <= %s AND (a.ends_at IS NULL OR a.ends_at > %s)
LEFT JOIN pricing_taxcategory c ON c.code = a.tax_category_id
WHERE p.sku {in}
"""

PRICES = """
SELECT product_id, id, amount, store_id, temporary, starts_at
FROM pricing_price
WHERE product_id {in} AND (store_id = %s OR store_id IS NULL)
  AND starts_at <= %s AND (ends_at IS NULL OR ends_at > %s)
"""

PROMOTIONS = """
SELECT t.promotion_id, t.role, t.key, t.excluded
FROM pricing_promotiontarget t JOIN pricing_promotion p ON p.id = t.promotion_id
WHERE t.key {in} AND p.starts_at <= %s AND (p.ends_at IS NULL OR p.ends_at > %s)
  AND (p.all_stores OR EXISTS (
    SELECT 1 FROM pricing_promotion_stores s WHERE s.promotion_id = p.id AND s.store_id = %s))
"""

PROMOTION_TERMS = """
SELECT id, code, name, receipt_text, kind, percent, amount, buy, get, count, threshold,
       get_targets IS NOT NULL, components, funding, weekdays, from_time, until_time, max_uses_per_trip, priority
FROM pricing_promotion WHERE id {in} ORDER BY code
"""

FEES = """
SELECT l.product_id, f.code, f.description, f.amount, f.taxed
FROM pricing_fee_products l JOIN pricing_fee f ON f.id = l.fee_id
WHERE l.product_id {in} AND f.starts_at <= %s AND (f.ends_at IS NULL OR f.ends_at > %s)
  AND (f.all_stores OR EXISTS (SELECT 1 FROM pricing_fee_stores s WHERE s.fee_id = f.id AND s.store_id = %s))
ORDER BY f.code
"""

TAX_RULES = """
SELECT l.taxcategory_id, r.code, r.jurisdiction, r.rate
FROM pricing_taxrule_tax_categories l JOIN pricing_taxrule r ON r.id = l.taxrule_id
WHERE l.taxcategory_id {in} AND r.starts_at <= %s AND (r.ends_at IS NULL OR r.ends_at > %s)
  AND (r.all_stores OR EXISTS (SELECT 1 FROM pricing_taxrule_stores s WHERE s.taxrule_id = r.id AND s.store_id = %s))
ORDER BY r.code
"""

TAX_HOLIDAYS = """
SELECT l.taxcategory_id, h.code, h.unit_price_below
FROM pricing_taxholiday_tax_categories l JOIN pricing_taxholiday h ON h.id = l.taxholiday_id
WHERE l.taxcategory_id {in} AND h.starts_at <= %s AND (h.ends_at IS NULL OR h.ends_at > %s)
  AND (h.all_stores OR EXISTS (
    SELECT 1 FROM pricing_taxholiday_stores s WHERE s.taxholiday_id = h.id AND s.store_id = %s))
ORDER BY h.code
"""


def read_pricebook(cart: Cart, *, at: datetime | None = None) -> Pricebook:
    """What prices this cart: as of the trip's own moment, or as of `at`."""
    store = _store(cart.store_id)
    if at is None:
        at = cart.started_at if store and store.priced_at_start else cart.ended_at
    if store is None:
        return Pricebook(moment=at, store=None, limits=limits())
    return _of_store(cart, store, at)


def limits() -> Limits:
    own = {text.lower(): unit for text, unit in settings.UNIT_NAMES.items()}
    return Limits(settings.MAX_LINE_QUANTITY, settings.MAX_CART_UNITS, {**UNIT_NAMES, **own})


def _of_store(cart: Cart, store: StoreTerms, at: datetime) -> Pricebook:
    here = _Here(store.store_id, connection.ops.adapt_datetimefield_value(at))
    by_key = _skus_of_codes(cart)
    goods = _goods({sku for found in by_key.values() for sku in found}, here)
    skus = sorted(goods.products)
    categories = sorted({category for category, _ in goods.taxed.values()})
    rules = _tax_rules(categories, here)
    return Pricebook(
        moment=at,
        store=store,
        products={
            key: tuple(goods.products[sku] for sku in sorted(found) if sku in goods.products)
            for key, found in by_key.items()
        },
        prices=_prices(skus, here),
        fees=_fees(skus, here),
        taxes={
            sku: TaxTerms(category, exempt, rules.get(category, ())) for sku, (category, exempt) in goods.taxed.items()
        },
        holidays=_holidays(categories, here),
        promotions=_promotions(goods.targeted, here),
        limits=limits(),
    )


# --- One function a query ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Here:
    """The store and the moment, as parameters of a query."""

    store_id: str
    moment: Any


@dataclass(frozen=True, slots=True)
class _Goods:
    products: dict[str, ProductTerms]
    taxed: dict[str, tuple[str, bool]]
    """Each SKU's tax category, and whether that is exempt."""
    targeted: dict[str, frozenset[str]]
    """The SKUs behind each key by which promotions name their products."""


def _store(store_id: str) -> StoreTerms | None:
    for currency, zone, inclusive, rounding, basis, fees, priced_at, empty, tests_until in _rows(STORE, store_id):
        return StoreTerms(
            store_id=store_id,
            currency=currency,
            zone=ZoneInfo(zone),
            prices_include_tax=bool(inclusive),
            taxed_by_order=rounding == TaxRounding.ORDER,
            amounts_of_one_piece=basis == AmountBasis.UNIT,
            parks_fees=fees == FeeTreatment.PARK,
            priced_at_start=priced_at == PricedAt.START,
            names_empty_carts=empty == EmptyCartAnswer.ISSUED,
            tests_until=None if tests_until is None else _aware(tests_until),
        )
    return None


def _skus_of_codes(cart: Cart) -> dict[str, set[str]]:
    """The SKUs behind every lookup key of the cart; a SKU key stands for itself, known or not."""
    keys = {
        key
        for line in cart.lines
        for id_type, code in ((line.type, line.product_id), *line.external_ids)
        for key in lookup_keys(id_type, code)
    }
    found = {key: {key.removeprefix("sku:")} for key in keys if key.startswith("sku:")}
    for key, sku in _rows(BARCODES, sorted(keys - found.keys())):
        found.setdefault(key, set()).add(sku)
    return found


def _goods(skus: set[str], here: _Here) -> _Goods:
    products, taxed = {}, {}
    targeted: dict[str, set[str]] = {}
    rows = _rows(PRODUCTS, here.store_id, here.moment, here.moment, sorted(skus))
    for sku, name, weight_unit, category, subcategory, listed, tax_category, exempt in rows:
        products[sku] = ProductTerms(sku, name, weight_unit, bool(listed))
        if tax_category is not None:
            taxed[sku] = (tax_category, bool(exempt))
        for key in (ALL_PRODUCTS, sku_key(sku), *category_keys(category, subcategory)):
            targeted.setdefault(key, set()).add(sku)
    return _Goods(products, taxed, {key: frozenset(found) for key, found in targeted.items()})


def _prices(skus: list[str], here: _Here) -> dict[str, PriceTerms]:
    """Of the prices in force the one that wins: the store's own, then a temporary one, then the latest."""
    won: dict[str, PriceTerms] = {}
    for sku, row, amount, of_store, temporary, starts_at in _rows(
        PRICES, skus, here.store_id, here.moment, here.moment
    ):
        price = PriceTerms(_row_id(row), from_cents(amount), of_store, bool(temporary), _aware(starts_at))
        if sku not in won or _strength(won[sku]) < _strength(price):
            won[sku] = price
    return won


def _strength(price: PriceTerms) -> tuple[bool, bool, datetime]:
    return price.store_id is not None, price.temporary, price.starts_at


def _fees(skus: list[str], here: _Here) -> dict[str, tuple[FeeTerms, ...]]:
    rows = _rows(FEES, skus, here.moment, here.moment, here.store_id)
    return _grouped(
        (sku, FeeTerms(code, description, from_cents(amount), bool(taxed)))
        for sku, code, description, amount, taxed in rows
    )


def _tax_rules(categories: list[str], here: _Here) -> dict[str, tuple[TaxPart, ...]]:
    rows = _rows(TAX_RULES, categories, here.moment, here.moment, here.store_id)
    return _grouped(
        (category, TaxPart(code, jurisdiction, _scaled(rate, RATE_PLACES)))
        for category, code, jurisdiction, rate in rows
    )


def _holidays(categories: list[str], here: _Here) -> tuple[HolidayTerms, ...]:
    rows = list(_rows(TAX_HOLIDAYS, categories, here.moment, here.moment, here.store_id))
    covered = _grouped((code, category) for category, code, _ in rows)
    caps = {code: None if cap is None else from_cents(cap) for _, code, cap in rows}
    return tuple(HolidayTerms(code, frozenset(covered[code]), caps[code]) for code in sorted(covered))


def _promotions(targeted: Mapping[str, frozenset[str]], here: _Here) -> tuple[PromotionTerms, ...]:
    roles: dict[Any, dict[int, set[str]]] = {}
    excluded: list[tuple[Any, int, str]] = []
    for row, role, key, taken_away in _rows(PROMOTIONS, sorted(targeted), here.moment, here.moment, here.store_id):
        if taken_away:
            excluded.append((row, role, key))
        else:
            roles.setdefault(row, {}).setdefault(role, set()).update(targeted[key])
    for row, role, key in excluded:
        roles.get(row, {}).get(role, set()).difference_update(targeted[key])
    touching = [row for row, found in roles.items() if any(found.values())]
    return tuple(_promotion(columns, roles[columns[0]]) for columns in _rows(PROMOTION_TERMS, touching))


def _promotion(columns: tuple[Any, ...], found: Mapping[int, set[str]]) -> PromotionTerms:
    (row, code, name, receipt_text, kind, percent, amount, buy, get, count, threshold) = columns[:11]
    (gets_others, components, funding, weekdays, from_time, until_time, max_uses, priority) = columns[11:]
    counts: tuple[int, ...] = (1,)
    if kind == PromotionKind.BUY_X_GET_Y:
        counts = (buy, get)
    elif kind == PromotionKind.MULTI_BUY:
        counts = (count,)
    elif kind == PromotionKind.BUNDLE:
        counts = tuple(component["count"] for component in json.loads(components))
    role_count = len(counts) if kind == PromotionKind.BUNDLE or gets_others else 1
    return PromotionTerms(
        row=_row_id(row),
        code=code,
        name=name,
        receipt_text=receipt_text,
        kind=kind,
        roles=tuple(frozenset(found.get(role, ())) for role in range(role_count)),
        counts=counts,
        percent=None if percent is None else _scaled(percent, PERCENT_PLACES),
        amount=None if amount is None else from_cents(amount),
        threshold=None if threshold is None else from_cents(threshold),
        paid_by_vendor=funding == Funding.VENDOR,
        weekdays=frozenset(json.loads(weekdays)),
        from_time=_time(from_time),
        until_time=_time(until_time),
        max_uses=max_uses,
        priority=priority,
    )


# --- What the two databases write differently ----------------------------------------------------------------------


def _rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement; nothing is asked when a list parameter is empty."""
    if any(isinstance(param, list) and not param for param in params):
        return []
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            _dialect(sql, postgres=postgres),
            [_list(param, postgres=postgres) if isinstance(param, list) else param for param in params],
        )
        return cursor.fetchall()


@cache
def _dialect(sql: str, *, postgres: bool) -> str:
    return sql.replace("{in}", "= ANY(%s)" if postgres else "IN (SELECT value FROM json_each(%s))")


def _list(values: list[Any], *, postgres: bool) -> Any:
    return values if postgres else json.dumps(values)


def _aware(value: datetime | str) -> datetime:
    """SQLite keeps times in UTC, without saying so."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(value: time | str | None) -> time | None:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _scaled(whole: int, places: int) -> Decimal:
    """The exact value with as few decimals as it needs."""
    exact = Decimal(whole).scaleb(-places)
    return exact.quantize(1) if exact == exact.to_integral_value() else exact.normalize()


def _row_id(value: UUID | str) -> str:
    return str(value if isinstance(value, UUID) else UUID(value))


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}
