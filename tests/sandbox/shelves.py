"""The stores and their shelves, read from a store file: what cameras would see and what the paper label says."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sandbox.pictures import picture_of

PIECE_UNIT = "unit"


class StoreFileError(Exception):
    """The store file can't be read; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Barcode:
    code: str
    type: str


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    category: str
    subcategory: str
    unit: str
    by_weight: bool
    barcodes: tuple[Barcode, ...]
    stores: frozenset[str] | None

    def stands_in(self, store_id: str) -> bool:
        return self.stores is None or store_id in self.stores


@dataclass(frozen=True, slots=True)
class ShelfLabel:
    """One price row of the store file, as a paper label would carry it."""

    store_id: str | None
    amount: str
    temporary: bool
    starts_at: datetime
    ends_at: datetime | None

    def shows(self, store_id: str, now: datetime) -> bool:
        in_force = self.starts_at <= now and (self.ends_at is None or now < self.ends_at)
        return in_force and self.store_id in {None, store_id}

    @property
    def rank(self) -> tuple[bool, bool, datetime]:
        return (self.store_id is not None, self.temporary, self.starts_at)


@dataclass(frozen=True, slots=True)
class Store:
    store_id: str
    name: str
    currency: str
    amounts_are_per_piece: bool


@dataclass(frozen=True, slots=True)
class Shelves:
    stores: dict[str, Store]
    products: dict[str, Product]
    labels: dict[str, tuple[ShelfLabel, ...]]

    def products_of(self, store_id: str) -> Iterator[Product]:
        return (product for product in self.products.values() if product.stands_in(store_id))

    def label(self, sku: str, store_id: str, now: datetime) -> str | None:
        """The price on the shelf, or None where there is no label."""
        shown = (label for label in self.labels.get(sku, ()) if label.shows(store_id, now))
        best = max(shown, key=lambda label: label.rank, default=None)
        return best.amount if best else None

    def as_json(self, now: datetime) -> list[dict[str, Any]]:
        """Every store with its shelves by category, in the order of the store file."""
        return [
            {
                "store_id": store.store_id,
                "name": store.name,
                "currency": store.currency,
                "amounts_are_per_piece": store.amounts_are_per_piece,
                "shelves": self._shelves_of(store, now),
            }
            for store in self.stores.values()
        ]

    def _shelves_of(self, store: Store, now: datetime) -> list[dict[str, Any]]:
        shelves: dict[str, list[dict[str, Any]]] = {}
        for product in self.products_of(store.store_id):
            shelves.setdefault(product.category, []).append(
                {
                    "sku": product.sku,
                    "name": product.name,
                    "subcategory": product.subcategory,
                    "unit": product.unit,
                    "by_weight": product.by_weight,
                    "barcodes": [{"code": barcode.code, "type": barcode.type} for barcode in product.barcodes],
                    "label": self.label(product.sku, store.store_id, now),
                    "picture": picture_of(product.name, product.subcategory, product.category),
                }
            )
        return [{"category": category, "products": products} for category, products in shelves.items()]


def read_store_file(path: Path) -> Shelves:
    """The shelves of a store file; StoreFileError says what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Shelves(
            stores={row["store_id"]: _store(row) for row in document["stores"]},
            products={row["sku"]: _product(row) for row in document.get("products", ())},
            labels=_labels(document.get("prices", ())),
        )
    except OSError as problem:
        raise StoreFileError(f"The store file {path} can't be read: {problem.strerror}") from problem
    except KeyError as problem:
        raise StoreFileError(f"The store file {path} lacks {problem}") from problem
    except (ValueError, TypeError, AttributeError) as problem:
        raise StoreFileError(f"The store file {path} is not well-formed: {problem}") from problem


def _store(row: dict[str, Any]) -> Store:
    return Store(
        store_id=row["store_id"],
        name=row.get("name", row["store_id"]),
        currency=row.get("currency", "USD"),
        amounts_are_per_piece=row.get("amount_basis") == "UNIT",
    )


def _product(row: dict[str, Any]) -> Product:
    by_weight = row.get("sold_by") == "WEIGHT"
    stores = row.get("stores")
    return Product(
        sku=row["sku"],
        name=row.get("name", row["sku"]),
        category=row.get("category") or "Other",
        subcategory=row.get("subcategory") or "",
        unit=row["weight_unit"] if by_weight else PIECE_UNIT,
        by_weight=by_weight,
        barcodes=tuple(Barcode(barcode["code"], barcode["type"]) for barcode in row.get("barcodes", ())),
        stores=None if stores is None else frozenset(stores),
    )


def _labels(rows: Iterable[dict[str, Any]]) -> dict[str, tuple[ShelfLabel, ...]]:
    labels: dict[str, list[ShelfLabel]] = {}
    for row in rows:
        ends_at = row.get("ends_at")
        labels.setdefault(row["sku"], []).append(
            ShelfLabel(
                store_id=row.get("store_id"),
                amount=row["amount"],
                temporary=bool(row.get("temporary")),
                starts_at=datetime.fromisoformat(row["starts_at"]),
                ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
            )
        )
    return {sku: tuple(labels_of_sku) for sku, labels_of_sku in labels.items()}
