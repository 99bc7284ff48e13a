"""Reading what prices one cart: two questions to the database, whatever the cart and whatever else is on sale.

Plain SQL, because this is the connector's hot path: a query through the ORM costs several times what it costs the
database. The first question asks who is who (store, products), the second what holds for them at the moment; each is
several queries in one statement on PostgreSQL, where a round trip costs more than a query. Lists go in as one parameter
each, so that every statement has one text and stays prepared. Money and rates are whole numbers in the database
(`ExactDecimalField`), so no float is read anywhere.

What a row says is worked out once and remembered by its very words (`Said`): the database is asked each time, and a row
that says something else is another one. So nothing that is remembered can be out of date.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from itertools import count
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from psycopg.types.composite import RecordLoader

from catalog.models import AmountBasis, EmptyCartAnswer, FeeTreatment, PricedAt, TaxRounding
from pricing.models import ALL_PRODUCTS, Funding, Promotion, PromotionKind, category_keys, sku_key
from pricing.money import from_cents, to_cents
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

REMEMBERED = 16_384
"""Of how many rows of each kind it is remembered what they say; a promotion takes about a kilobyte."""

STORE = """
SELECT store_id, currency, time_zone, prices_include_tax, tax_rounding, amount_basis, fees, priced_at,
       empty_cart_purchase_id, {iso:tests_until} AS tests_until, name
FROM catalog_store WHERE store_id = {store}
"""

BARCODES = "SELECT lookup_key, product_id FROM catalog_barcode WHERE lookup_key {in:codes}"

PRODUCT = """
SELECT p.sku, p.name, p.weight_unit, p.category, p.subcategory,
       p.all_stores OR EXISTS (
         SELECT 1 FROM catalog_product_stores s WHERE s.product_id = p.sku AND s.store_id = {store}) AS listed
FROM catalog_product p
"""

PRODUCTS = f"""
{PRODUCT} WHERE p.sku {{in:skus}}
UNION
{PRODUCT} WHERE p.sku IN (SELECT product_id FROM catalog_barcode WHERE lookup_key {{in:codes}})
"""
"""A union, for with OR no index would be used."""

TAX_CATEGORIES = """
SELECT a.product_id, c.code, c.exempt
FROM pricing_taxassignment a JOIN pricing_taxcategory c ON c.code = a.tax_category_id
WHERE a.product_id {in:skus} AND (a.starts_at <= {moment}) IS TRUE AND (a.ends_at IS NULL OR a.ends_at > {moment})
"""
"""`IS TRUE` keeps the planner from reading all that ever began: it knows neither the moment nor how many SKUs come."""

PRICES = """
SELECT product_id, id, amount, store_id, temporary, {iso:starts_at} AS starts_at
FROM pricing_price
WHERE product_id {in:skus} AND (store_id = {store} OR store_id IS NULL)
  AND (starts_at <= {moment}) IS TRUE AND (ends_at IS NULL OR ends_at > {moment})
"""

FEES = """
SELECT l.product_id, f.code, f.description, f.amount, f.taxed
FROM pricing_fee_products l JOIN pricing_fee f ON f.id = l.fee_id
WHERE l.product_id {in:skus} AND f.starts_at <= {moment} AND (f.ends_at IS NULL OR f.ends_at > {moment})
  AND (f.all_stores OR EXISTS (SELECT 1 FROM pricing_fee_stores s WHERE s.fee_id = f.id AND s.store_id = {store}))
"""

TAX_RULES = """
SELECT l.taxcategory_id, r.code, r.jurisdiction, r.rate
FROM pricing_taxrule_tax_categories l JOIN pricing_taxrule r ON r.id = l.taxrule_id
WHERE l.taxcategory_id IN (
    SELECT a.tax_category_id FROM pricing_taxassignment a WHERE a.product_id {in:skus}
      AND (a.starts_at <= {moment}) IS TRUE AND (a.ends_at IS NULL OR a.ends_at > {moment}))
  AND r.starts_at <= {moment} AND (r.ends_at IS NULL OR r.ends_at > {moment})
  AND (r.all_stores OR EXISTS (
    SELECT 1 FROM pricing_taxrule_stores s WHERE s.taxrule_id = r.id AND s.store_id = {store}))
"""

TAX_HOLIDAYS = """
SELECT l.taxcategory_id, h.code, h.unit_price_below
FROM pricing_taxholiday_tax_categories l JOIN pricing_taxholiday h ON h.id = l.taxholiday_id
WHERE h.starts_at <= {moment} AND (h.ends_at IS NULL OR h.ends_at > {moment})
  AND (h.all_stores OR EXISTS (
    SELECT 1 FROM pricing_taxholiday_stores s WHERE s.taxholiday_id = h.id AND s.store_id = {store}))
"""

PROMOTION = """
p.id, p.code, p.name, p.receipt_text, p.kind, p.percent, p.amount, p.buy, p."get", p.count, p.threshold,
p.get_targets IS NOT NULL, {counts:p.components}, p.funding, p.weekdays, p.from_time, p.until_time,
p.max_uses_per_trip, p.priority
"""

HOLDS = """
p.starts_at <= {moment} AND (p.ends_at IS NULL OR p.ends_at > {moment})
AND (p.all_stores OR EXISTS (
  SELECT 1 FROM pricing_promotion_stores s WHERE s.promotion_id = p.id AND s.store_id = {store}))
"""

PROMOTIONS = f"""
SELECT {PROMOTION} FROM pricing_promotion p
WHERE p.id IN (SELECT promotion_id FROM pricing_promotiontarget WHERE key {{in:keys}} AND NOT excluded) AND {HOLDS}
"""

PROMOTION_TARGETS = f"""
SELECT t.promotion_id, t.excluded, t.role, t.key
FROM pricing_promotiontarget t JOIN pricing_promotion p ON p.id = t.promotion_id
WHERE t.key {{in:keys}} AND {HOLDS}
"""

PROMOTIONS_AND_TARGETS = f"""
SELECT ({PROMOTION})::text AS said, found.targets
FROM (
  SELECT promotion_id, string_agg(concat(excluded, role, ' ', key), {{apart}}) AS targets
  FROM pricing_promotiontarget WHERE key {{in:keys}} GROUP BY promotion_id
) found JOIN pricing_promotion p ON p.id = found.promotion_id
WHERE {HOLDS}
"""
"""The last two in one, for PostgreSQL: targets are looked up once, and as many rows come back as promotions."""

WHO_IS_WHO = (STORE, BARCODES, PRODUCTS)
WHAT_HOLDS = (TAX_CATEGORIES, PRICES, FEES, TAX_RULES, TAX_HOLIDAYS)


def read_pricebook(cart: Cart, *, at: datetime | None = None) -> Pricebook:
    """What prices this cart: as of the trip's own moment, or as of `at`."""
    keys = _lookup_keys(cart)
    skus = sorted(key.removeprefix("sku:") for key in keys if key.startswith("sku:"))
    codes = sorted(key for key in keys if not key.startswith("sku:"))
    stores, barcodes, goods = _ask(WHO_IS_WHO, {"store": cart.store_id, "skus": skus, "codes": codes})
    store = _store(stores[0]) if stores else None
    if at is None:
        at = cart.started_at if store and store.priced_at_start else cart.ended_at
    if store is None:
        return Pricebook(moment=at, store=None, limits=limits())
    targeted = _Targeted([_product(said) for said in goods])
    *held, promotions = _ask_what_holds(store.store_id, at, targeted)
    categories, prices, fees, rules, holidays = held
    return Pricebook(
        moment=at,
        store=store,
        products=_by_key(barcodes, targeted.products),
        prices=_winners(prices),
        fees=_grouped(sorted(map(_fee, fees), key=_code_of_terms)),
        taxes=_taxes(categories, rules),
        holidays=_holidays(holidays),
        promotions=_promotions(promotions, targeted),
        limits=limits(),
    )


def limits() -> Limits:
    own = {text.lower(): unit for text, unit in settings.UNIT_NAMES.items()}
    return Limits(settings.MAX_LINE_QUANTITY, settings.MAX_CART_UNITS, {**UNIT_NAMES, **own})


def _lookup_keys(cart: Cart) -> set[str]:
    return {
        key
        for line in cart.lines
        for id_type, code in ((line.type, line.product_id), *line.external_ids)
        for key in lookup_keys(id_type, code)
    }


# --- From rows to terms --------------------------------------------------------------------------------------------

Said = str | tuple[Any, ...]
"""What a row says: its values as text in one on PostgreSQL, the values themselves on SQLite."""


@lru_cache(maxsize=REMEMBERED)
def _store(said: Said) -> StoreTerms:
    store_id, currency, zone, prices_include_tax, rounding, basis, fees, priced_at, empty_cart, tests, name = _values(
        said
    )
    return StoreTerms(
        store_id=store_id,
        currency=currency,
        zone=ZoneInfo(zone),
        prices_include_tax=_flag(prices_include_tax),
        taxed_by_order=rounding == TaxRounding.ORDER,
        amounts_of_one_piece=basis == AmountBasis.UNIT,
        parks_fees=fees == FeeTreatment.PARK,
        priced_at_start=priced_at == PricedAt.START,
        names_empty_carts=empty_cart == EmptyCartAnswer.ISSUED,
        tests_until=None if tests is None else _aware(tests),
        name=name,
    )


@lru_cache(maxsize=REMEMBERED)
def _product(said: Said) -> tuple[ProductTerms, tuple[str, ...]]:
    """A product, and the keys by which promotions name it."""
    sku, name, weight_unit, category, subcategory, listed = _values(said)
    keys = (ALL_PRODUCTS, sku_key(sku), *category_keys(category, subcategory))
    return ProductTerms(sku, name, weight_unit, _flag(listed)), keys


class _Targeted:
    """The products that a cart may mean, and those of them behind each key by which promotions name products."""

    def __init__(self, goods: Iterable[tuple[ProductTerms, tuple[str, ...]]]) -> None:
        self.products: dict[str, ProductTerms] = {}
        skus: dict[str, set[str]] = {}
        for product, keys in goods:
            self.products[product.sku] = product
            for key in keys:
                skus.setdefault(key, set()).add(product.sku)
        self.skus = {key: frozenset(found) for key, found in skus.items()}
        self.apart = next(sign for sign in map(chr, count(1)) if not any(sign in key for key in self.skus))
        """A sign that stands in none of the keys."""
        self._roles: dict[tuple[Said, int], tuple[frozenset[str], ...]] = {}
        self._targets: dict[str, tuple[bool, int, frozenset[str]]] = {}

    def roles(self, targets: Said, number: int) -> tuple[frozenset[str], ...]:
        """The products in each of a promotion's roles, by its rows that name (or exclude) some of them."""
        roles = self._roles.get((targets, number))
        if roles is None:
            roles = self._roles[targets, number] = self._named(targets, number)
        return roles

    def _named(self, targets: Said, number: int) -> tuple[frozenset[str], ...]:
        named = [NOTHING] * number
        excluded = []
        for is_excluded, role, skus in map(self._target, self._rows(targets)):
            if is_excluded:
                excluded.append((role, skus))
            elif role < number:
                named[role] |= skus
        for role, skus in excluded:
            if role < number:
                named[role] -= skus
        return tuple(named)

    def _rows(self, targets: Said) -> Sequence[Said]:
        return targets.split(self.apart) if isinstance(targets, str) else targets

    def _target(self, said: Said) -> tuple[bool, int, frozenset[str]]:
        """Whether the row excludes, the role, and the products of the cart behind its key."""
        if not isinstance(said, str):
            is_excluded, role, key = said
            return is_excluded, role, self.skus[key]
        target = self._targets.get(said)
        if target is None:
            role, _, key = said[1:].partition(" ")
            target = self._targets[said] = _flag(said[0]), int(role), self.skus[key]
        return target


NOTHING: frozenset[str] = frozenset()


def _by_key(barcodes: Sequence[Said], products: Mapping[str, ProductTerms]) -> dict[str, tuple[ProductTerms, ...]]:
    own = [(sku_key(sku), product) for sku, product in products.items()]
    scanned = [(key, products[sku]) for key, sku in map(_values, barcodes)]
    return _grouped(own + scanned)


def _winners(rows: Sequence[Said]) -> dict[str, PriceTerms]:
    """Of the prices in force the one that wins: the store's own, then a temporary one, then the latest."""
    won: dict[str, _Price] = {}
    for price in map(_price, rows):
        if price.sku not in won or won[price.sku].strength < price.strength:
            won[price.sku] = price
    return {sku: price.terms for sku, price in won.items()}


class _Price(NamedTuple):
    sku: str
    terms: PriceTerms
    strength: tuple[bool, bool, datetime]


@lru_cache(maxsize=REMEMBERED)
def _price(said: Said) -> _Price:
    sku, row, amount, store_id, temporary, starts_at = _values(said)
    terms = PriceTerms(_row_id(row), from_cents(int(amount)), store_id, _flag(temporary), _aware(starts_at))
    return _Price(sku, terms, (store_id is not None, terms.temporary, terms.starts_at))


@lru_cache(maxsize=REMEMBERED)
def _fee(said: Said) -> tuple[str, FeeTerms]:
    sku, code, description, amount, taxed = _values(said)
    return sku, FeeTerms(code, description, from_cents(int(amount)), _flag(taxed))


@lru_cache(maxsize=REMEMBERED)
def _tax_part(said: Said) -> tuple[str, TaxPart]:
    category, code, jurisdiction, rate = _values(said)
    return category, TaxPart(code, jurisdiction, _scaled(int(rate), RATE_PLACES))


def _code_of_terms(pair: tuple[str, FeeTerms | TaxPart]) -> str:
    """Sorted here and not by the database: each has an alphabet of its own."""
    return pair[1].code


def _taxes(categories: Sequence[Said], rules: Sequence[Said]) -> dict[str, TaxTerms]:
    parts = _grouped(sorted(map(_tax_part, rules), key=_code_of_terms))
    taxes = {}
    for said in categories:
        sku, code, exempt = _tax_category(said)
        taxes[sku] = TaxTerms(code, exempt, parts.get(code, ()))
    return taxes


@lru_cache(maxsize=REMEMBERED)
def _tax_category(said: Said) -> tuple[str, str, bool]:
    sku, code, exempt = _values(said)
    return sku, code, _flag(exempt)


def _holidays(rows: Sequence[Said]) -> tuple[HolidayTerms, ...]:
    held = sorted(map(_values, rows), key=itemgetter(1))
    covered = _grouped((code, category) for category, code, _ in held)
    caps = {code: cap for _, code, cap in held}
    return tuple(
        HolidayTerms(code, frozenset(categories), None if caps[code] is None else from_cents(int(caps[code])))
        for code, categories in covered.items()
    )


def _promotions(rows: Iterable[tuple[Said, Said]], targeted: _Targeted) -> tuple[PromotionTerms, ...]:
    """Those that target a product of the cart in at least one of their roles."""
    found = []
    for said, targets in rows:
        terms, role_count = _promotion(said)
        roles = targeted.roles(targets, role_count)
        if any(roles):
            found.append(terms.reaching(roles))
    found.sort(key=attrgetter("code"))
    return tuple(found)


class _PromotionRow(NamedTuple):
    """The columns of `PROMOTION`."""

    id: Any
    code: str
    name: str
    receipt_text: str
    kind: str
    percent: Any
    amount: Any
    buy: Any
    get: Any
    count: Any
    threshold: Any
    gets_others: Any
    counts: str | None
    funding: str
    weekdays: str
    from_time: Any
    until_time: Any
    max_uses: Any
    priority: Any


@lru_cache(maxsize=REMEMBERED)
def _promotion(said: Said) -> tuple[PromotionTerms, int]:
    """A promotion that reaches no product yet, and how many roles it has."""
    row = _PromotionRow._make(_values(said))
    counts = _counts(row)
    terms = PromotionTerms(
        row=_row_id(row.id),
        code=row.code,
        name=row.name,
        receipt_text=row.receipt_text,
        kind=row.kind,
        roles=(),
        counts=counts,
        percent=None if row.percent is None else _scaled(int(row.percent), PERCENT_PLACES),
        amount=None if row.amount is None else from_cents(int(row.amount)),
        threshold=None if row.threshold is None else from_cents(int(row.threshold)),
        paid_by_vendor=row.funding == Funding.VENDOR,
        weekdays=frozenset(json.loads(row.weekdays)),
        from_time=_time(row.from_time),
        until_time=_time(row.until_time),
        max_uses=None if row.max_uses is None else int(row.max_uses),
        priority=int(row.priority),
    )
    return terms, len(counts) if row.kind == PromotionKind.BUNDLE or _flag(row.gets_others) else 1


def terms_of(promotion: Promotion) -> tuple[PromotionTerms, int]:
    """What a promotion says, be it stored or not, reaching no product yet; and how many roles it has.

    Not for carts: it says in the words of a row what a cart's question would have read.
    """
    return _promotion(
        _PromotionRow(
            id=str(promotion.pk),
            code=promotion.code,
            name=promotion.name,
            receipt_text=promotion.receipt_text,
            kind=promotion.kind,
            percent=None if promotion.percent is None else int(promotion.percent.scaleb(PERCENT_PLACES)),
            amount=None if promotion.amount is None else to_cents(promotion.amount),
            buy=promotion.buy,
            get=promotion.get,
            count=promotion.count,
            threshold=None if promotion.threshold is None else to_cents(promotion.threshold),
            gets_others=int(promotion.get_targets is not None),
            counts=json.dumps([part["count"] for part in promotion.components or ()]),
            funding=promotion.funding,
            weekdays=json.dumps(promotion.weekdays),
            from_time=promotion.from_time,
            until_time=promotion.until_time,
            max_uses=promotion.max_uses_per_trip,
            priority=promotion.priority,
        )
    )


def _counts(row: _PromotionRow) -> tuple[int, ...]:
    match row.kind:
        case PromotionKind.BUY_X_GET_Y:
            return int(row.buy), int(row.get)
        case PromotionKind.MULTI_BUY:
            return (int(row.count),)
        case PromotionKind.BUNDLE:
            return tuple(json.loads(row.counts or "[]"))
    return (1,)


# --- What the two databases write differently ----------------------------------------------------------------------


def _ask_what_holds(store_id: str, at: datetime, targeted: _Targeted) -> list[list[Any]]:
    """What the rows of each query say; last the promotions, each with its rows of targets that name the products."""
    params = {
        "store": store_id,
        "moment": connection.ops.adapt_datetimefield_value(at),
        "skus": sorted(targeted.products),
        "keys": sorted(targeted.skus),
        "apart": targeted.apart,
    }
    if connection.vendor == "postgresql":
        return _ask((*WHAT_HOLDS, PROMOTIONS_AND_TARGETS), params)
    *held, promotions, rows = _ask((*WHAT_HOLDS, PROMOTIONS, PROMOTION_TARGETS), params)
    targets: dict[str, tuple[Any, ...]] = {}
    for promotion_id, *target in rows:
        targets[promotion_id] = (*targets.get(promotion_id, ()), tuple(target))
    return [*held, [(said, targets[said[0]]) for said in promotions]]


def _ask(queries: tuple[str, ...], params: Mapping[str, Any]) -> list[list[Any]]:
    """What the rows of each query say."""
    if connection.vendor == "postgresql":
        return _ask_postgresql(queries, params)
    return [_ask_sqlite(query, params) for query in queries]


def _ask_postgresql(queries: tuple[str, ...], params: Mapping[str, Any]) -> list[list[Any]]:
    answers: list[list[Any]] = [[] for _ in queries]
    with connection.cursor() as cursor:
        cursor.execute(
            _one_statement(queries),
            {name: _array(value) if isinstance(value, list) else value for name, value in params.items()},
        )
        for number, said, targets in cursor.fetchall():
            answers[number].append(said if targets is None else (said, targets))
    return answers


@cache
def _one_statement(queries: tuple[str, ...]) -> str:
    """Several queries as rows of one statement: the query's number, and what its row says."""
    rows = (
        f"SELECT {number}, {'said, targets' if query is PROMOTIONS_AND_TARGETS else '(q)::text, NULL'} FROM ({query}) q"
        for number, query in enumerate(queries)
    )
    return _written(
        " UNION ALL ".join(rows),
        contained="= ANY({}::text[])",
        iso="to_json({})",
        counts="jsonb_path_query_array({}, '$[*].count')",
    )


def _ask_sqlite(query: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _sqlite_statement(query),
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in params.items()},
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@cache
def _sqlite_statement(query: str) -> str:
    return _written(
        query,
        contained="IN (SELECT value FROM json_each({}))",
        iso="{}",
        counts="(SELECT json_group_array(json_extract(value, '$.count')) FROM json_each({}))",
    )


def _written(query: str, *, contained: str, iso: str, counts: str) -> str:
    """The query as one database wants it; without its line breaks, for psycopg remembers short statements only."""
    words = {"in": (contained, True), "iso": (iso, False), "counts": (counts, False)}

    def word(found: re.Match[str]) -> str:
        form, is_parameter = words.get(found[1], ("{}", True))
        return form.format(f"%({found[2]})s" if is_parameter else found[2])

    return PLACEHOLDER.sub(word, " ".join(query.split()))


PLACEHOLDER = re.compile(r"\{(?:(in|iso|counts):)?([a-z_.]+)\}")
"""`{name}` is a parameter, `{in:name}` a list of them, `{iso:column}` a moment, `{counts:column}` those of a bundle."""


def _array(values: Iterable[str]) -> str:
    """Texts as PostgreSQL writes an array; psycopg takes its time for that."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join([f'"{value}"' for value in quoted]) + "}"


RECORD = RecordLoader(0)
"""Reads a record's text; all its values are texts, or None."""


def _values(said: Said) -> tuple[Any, ...]:
    return RECORD.load(said.encode()) if isinstance(said, str) else said


def _flag(value: str | int) -> bool:
    return value in ("t", 1)


def _aware(value: datetime | str) -> datetime:
    """SQLite keeps times in UTC, without saying so; PostgreSQL's are JSON."""
    moment = datetime.fromisoformat(value.strip('"')) if isinstance(value, str) else value
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(value: time | str | None) -> time | None:
    return time.fromisoformat(value) if isinstance(value, str) else value


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
