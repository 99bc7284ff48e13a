"""What the database holds of what a file names: read once, in pieces of a bounded size."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Max, Model

from catalog.models import Barcode, Product, Store
from pricing.models import Funding, Promotion, TaxCategory, category_keys
from pricing.storefile.entries import Document, PromotionEntry
from pricing.storefile.tables import (
    ASSIGNMENTS,
    CODED,
    LOADED,
    PRICES,
    DatedTable,
    history_of,
    link,
    row_columns,
    rows_of,
)
from pricing.storefile.timeline import Version

AT_ONCE = 500
"""Keys in one query."""

MOST_PASSED_OVER = 4
"""Reading so many rows for each one that is wanted still costs less than asking for keys."""

Row = tuple[Any, ...]
Scopes = dict[Any, list[Version]]


@dataclass(slots=True)
class Stored:
    """Rows as tuples of their columns, by key."""

    stores: dict[str, Row]
    tax_categories: dict[str, Row]
    products: dict[str, Row]
    """Those that the file describes."""
    product_stores: dict[str, frozenset[str]]
    barcodes: dict[str, list[Row]]
    """Of those products, in order: (id, position, code, type)."""
    sold_by: dict[str, tuple[str, str]]
    """How every product that the file describes or refers to is sold: (by what, unit)."""
    categories: set[str]
    """What targets may name: `Drinks`, `Drinks > Soft drinks`."""
    versions: dict[DatedTable, Scopes]


def mark() -> tuple[Any, ...]:
    """Differs after every recorded change of the tables concerned: how many, and when the last.

    The number is needed besides: of two changes the earlier may be committed last.
    """
    histories = [rows_of(history_of(model)) for model in LOADED]
    return tuple((rows.count(), rows.aggregate(last=Max("history_date"))["last"]) for rows in histories)


def read(document: Document) -> Stored:
    skus = [entry.sku for entry in document.products]
    versions = {
        PRICES: dated_rows(PRICES, "product_id", {entry.product_id for entry in document.prices}),
        ASSIGNMENTS: dated_rows(ASSIGNMENTS, "product_id", skus),
    }
    for table in CODED:
        versions[table] = dated_rows(table, "code", {entry.code for entry in getattr(document, table.section)})
    return Stored(
        stores=_by_key(Store),
        tax_categories=_by_key(TaxCategory),
        products={row[0]: row for row in _rows(Product, "sku", skus, row_columns(Product))},
        product_stores=related(Product, "stores", skus),
        barcodes=_barcodes(skus),
        sold_by={
            sku: (sold_by, unit)
            for sku, sold_by, unit in _rows(
                Product, "sku", {*skus, *_referred(document)}, ("sku", "sold_by", "weight_unit")
            )
        },
        categories=_categories(),
        versions=versions,
    )


def vendor_promotions(codes: Iterable[str], now: datetime) -> list[tuple[str, bool, frozenset[str]]]:
    """Promotions paid by somebody else that are not over, but for these codes: (code, all stores, stores)."""
    rows = Promotion.objects.filter(funding=Funding.VENDOR).exclude(ends_at__lte=now).exclude(code__in=list(codes))
    found = list(rows.values_list("id", "code", "all_stores"))
    stores = related(Promotion, "stores", [pk for pk, _, _ in found])
    return [(code, all_stores, stores.get(pk, frozenset())) for pk, code, all_stores in found]


def carriers(lookup_keys: Iterable[str]) -> dict[str, set[str]]:
    """The SKUs that carry a barcode of these keys, by key."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, sku in _rows(Barcode, "lookup_key", lookup_keys, ("lookup_key", "product_id")):
        found[key].add(sku)
    return found


def dated_rows(table: DatedTable, column: str, keys: Iterable[str]) -> Scopes:
    """The versions of each scope, with their terms."""
    rows = list(_rows(table.model, column, keys, ("id", "starts_at", "ends_at", *table.columns)))
    many = [related(table.model, name, [row[0] for row in rows]) for name in table.many]
    scopes: Scopes = defaultdict(list)
    for row in rows:
        pk, starts_at, ends_at = row[:3]
        terms = table.terms(row[3:], tuple(owned.get(pk, frozenset()) for owned in many))
        scopes[table.scope_of(row[3:])].append(Version.held(pk, starts_at, ends_at, terms))
    return scopes


def related(model: type[Model], name: str, owners: Iterable[Any]) -> dict[Any, frozenset[str]]:
    """The keys of the related rows, by owner."""
    through = link(model, name)
    found: dict[Any, set[str]] = defaultdict(set)
    for owner, key in _rows(through.through, through.owner, owners, (through.owner, through.related)):
        found[owner].add(key)
    return {owner: frozenset(keys) for owner, keys in found.items()}


def _referred(document: Document) -> Iterator[str]:
    """Every SKU that a row refers to."""
    yield from (entry.product_id for entry in document.prices)
    for fee in document.fees:
        yield from fee.products
    for promotion in document.promotions:
        for _, targets in target_sets(promotion):
            yield from targets.get("skus", ())
            yield from targets.get("except_skus", ())


def target_sets(entry: PromotionEntry) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sets of products that a promotion names, each with its path."""
    if entry.targets:
        yield f"{entry.path}.targets", entry.targets
    if entry.get_targets:
        yield f"{entry.path}.get_targets", entry.get_targets
    for place, component in enumerate(entry.components or ()):
        yield f"{entry.path}.components[{place}].targets", component["targets"]


def _categories() -> set[str]:
    pairs = Product.objects.order_by().values_list("category", "subcategory").distinct()
    return {key.removeprefix("cat:") for pair in pairs for key in category_keys(*pair)}


def _barcodes(skus: Iterable[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for sku, *row in _rows(Barcode, "product_id", skus, ("product_id", "id", "position", "code", "type")):
        found[sku].append(tuple(row))
    for rows in found.values():
        rows.sort(key=lambda row: row[1:])
    return found


def _by_key(model: type[Model]) -> dict[str, Row]:
    return {row[0]: row for row in rows_of(model).values_list(*row_columns(model))}


def _rows(model: type[Model], column: str, keys: Iterable[Any], columns: Sequence[str]) -> Iterator[Row]:
    """The rows with these keys, in no particular order: a few keys at a time, or all rows when most are wanted."""
    wanted = set(keys)
    rows, place = rows_of(model).values_list(*columns), columns.index(column)
    if len(wanted) > AT_ONCE and rows.count() < MOST_PASSED_OVER * len(wanted):
        yield from (row for row in rows.iterator(AT_ONCE) if row[place] in wanted)
        return
    pending = iter(wanted)
    while piece := list(islice(pending, AT_ONCE)):
        yield from rows.filter(**{f"{column}__in": piece})
