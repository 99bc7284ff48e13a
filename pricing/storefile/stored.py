"""What the database holds of what a file names: read once, in pieces of a bounded size."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from catalog.labels import labels_of
from catalog.models import Product, Store
from catalog.rows import Row, history_mark, related, row_columns, rows_of, rows_with
from pricing.models import Funding, Promotion, TaxCategory, category_keys
from pricing.storefile.entries import Document, PromotionEntry
from pricing.storefile.tables import ASSIGNMENTS, CODED, LOADED, PRICES, DatedTable
from pricing.storefile.timeline import Version

Scopes = dict[Any, list[Version]]


@dataclass(slots=True)
class Stored:
    """Rows as tuples of their columns, by key."""

    stores: dict[str, Row]
    tax_categories: dict[str, Row]
    products: dict[str, Row]
    """Those that the file describes."""
    product_stores: dict[str, frozenset[str]]
    barcodes: Mapping[str, list[Row]]
    """Of those products, in order: (id, position, code, type)."""
    sold_by: dict[str, tuple[str, str]]
    """How every product that the file describes or refers to is sold: (by what, unit)."""
    categories: set[str]
    """What targets may name: `Drinks`, `Drinks > Soft drinks`."""
    versions: dict[DatedTable, Scopes]


def mark() -> tuple[Any, ...]:
    """Differs after every recorded change of the tables concerned."""
    return history_mark(LOADED)


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
        products={row[0]: row for row in rows_with(Product, "sku", skus, row_columns(Product))},
        product_stores=related(Product, "stores", skus),
        barcodes=labels_of(skus),
        sold_by={
            sku: (sold_by, unit)
            for sku, sold_by, unit in rows_with(
                Product, "sku", {*skus, *_referred(document)}, ("sku", "sold_by", "weight_unit")
            )
        },
        categories=_categories(),
        versions=versions,
    )


def vendor_promotions(codes: Iterable[str], now: datetime) -> list[tuple[str, bool, frozenset[str]]]:
    """Promotions paid by somebody else that are not over, but for these codes: (code, all stores, stores)."""
    vendors = Promotion.objects.filter(funding=Funding.VENDOR, starts_at__isnull=False)
    rows = vendors.exclude(ends_at__lte=now).exclude(code__in=list(codes))
    found = list(rows.values_list("id", "code", "all_stores"))
    stores = related(Promotion, "stores", [pk for pk, _, _ in found])
    return [(code, all_stores, stores.get(pk, frozenset())) for pk, code, all_stores in found]


def dated_rows(table: DatedTable, column: str, keys: Iterable[str]) -> Scopes:
    """The versions of each scope, with their terms. A draft, which has no start, is none."""
    columns = ("id", "starts_at", "ends_at", *table.columns)
    rows = [row for row in rows_with(table.model, column, keys, columns) if row[1] is not None]
    many = [related(table.model, name, [row[0] for row in rows]) for name in table.many]
    scopes: Scopes = defaultdict(list)
    for row in rows:
        pk, starts_at, ends_at = row[:3]
        terms = table.terms(row[3:], tuple(owned.get(pk, frozenset()) for owned in many))
        scopes[table.scope_of(row[3:])].append(Version.held(pk, starts_at, ends_at, terms))
    return scopes


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


def _by_key(model: type[Model]) -> dict[str, Row]:
    return {row[0]: row for row in rows_of(model).values_list(*row_columns(model))}
