"""What the database holds of what a list names."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from catalog import labels
from catalog.lists.cells import Listed
from catalog.lists.sheet import Column, Sheet
from catalog.models import Product, Retirement, Store
from catalog.rows import Row, related, row_columns, rows_with

MOST_DIGITS = 14
"""A SKU of digits that lost its zeros is looked for up to this length: shops use barcodes as SKUs."""


@dataclass(slots=True)
class Held:
    """The products that a list names, and everything else that a look at it depends on."""

    products: dict[str, Listed]
    labels: Mapping[str, list[Row]]
    stores: dict[str, str]
    """Their names, by ID."""
    retired: set[str]
    padded: dict[str, str]
    """SKUs of digits that we do not have, and ours that differ by zeros in front."""
    carriers: dict[str, set[str]] = field(default_factory=dict)
    """Who carries the barcodes that are new to a product, by key."""

    def look_up(self, keys: Iterable[str]) -> None:
        self.carriers = {key: set(skus) for key, skus in labels.carriers(keys).items()}

    def fingerprint(self) -> str:
        """Differs when anything differs that was read here."""
        seen = [
            sorted(self.products.items()),
            sorted((sku, [[str(row[0]), *row[1:]] for row in rows]) for sku, rows in self.labels.items()),
            sorted(self.stores.items()),
            sorted(self.retired),
            sorted(self.padded.items()),
            sorted((key, sorted(skus)) for key, skus in self.carriers.items()),
        ]
        return hashlib.sha256(msgspec.json.encode(seen)).hexdigest()


def read(sheet: Sheet) -> Held:
    named = {row.cell(Column.SKU) for row in sheet.rows}
    named |= {sku.strip() for sku in named}
    products = {row[0]: row for row in rows_with(Product, "sku", named, row_columns(Product))}
    found = labels.labels_of(products)
    return Held(
        products={product.sku: product for product in listed(products.values(), found)},
        labels={sku: list(rows) for sku, rows in found.items()},
        stores=dict(Store.objects.values_list("store_id", "name")),
        retired={sku for (sku,) in rows_with(Retirement, "product_id", products, ("product_id",))},
        padded=lost_zeros(named - products.keys()),
    )


def listed(rows: Collection[Row], labels: Mapping[str, Iterable[Row]]) -> Iterator[Listed]:
    """What a list says of these products, with their barcodes as of `labels_of`."""
    stores = related(Product, "stores", [row[0] for row in rows])
    for row in rows:
        yield Listed._make((*row, _where(row, stores.get(row[0], frozenset())), _codes(labels.get(row[0], ()))))


def _where(row: Row, stores: frozenset[str]) -> tuple[str, ...]:
    all_stores = row[row_columns(Product).index("all_stores")]
    return () if all_stores else tuple(sorted(stores))


def _codes(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    return tuple((code, kind) for _, _, code, kind in rows)


def lost_zeros(unknown: Iterable[str]) -> dict[str, str]:
    """SKUs of digits that we do not have, and ours that differ by zeros in front, which spreadsheets take away."""
    candidates = {
        sku.zfill(length): sku
        for sku in unknown
        if sku.isascii() and sku.isdigit()
        for length in range(len(sku) + 1, MOST_DIGITS + 1)
    }
    found: Iterable[Any] = rows_with(Product, "sku", candidates, ("sku",))
    return {candidates[sku]: sku for (sku,) in found}
