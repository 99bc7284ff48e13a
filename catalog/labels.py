"""The barcodes of many products at once: what they are, who carries them, and how they become others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.barcodes import new_id, stored_key
from catalog.bulk import Added, Changed, Changes
from catalog.models import Barcode
from catalog.rows import Row, rows_with

Code = tuple[str, str]
"""A code and its type."""


def labels_of(skus: Iterable[str]) -> Mapping[str, list[Row]]:
    """The barcodes of these products in their order, by SKU: (id, position, code, type)."""
    found: dict[str, list[Row]] = defaultdict(list)
    for sku, *row in rows_with(Barcode, "product_id", skus, ("product_id", "id", "position", "code", "type")):
        found[sku].append(tuple(row))
    for labels in found.values():
        labels.sort(key=lambda row: row[1:])
    return found


def carriers(lookup_keys: Iterable[str]) -> Mapping[str, set[str]]:
    """The SKUs that carry a barcode of these keys, by key."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, sku in rows_with(Barcode, "lookup_key", lookup_keys, ("lookup_key", "product_id")):
        found[key].add(sku)
    return found


def relabel(changes: Changes, sku: str, labels: Iterable[Row], wanted: Sequence[Code]) -> bool:
    """Plan that the product's barcodes (as of `labels_of`) become those wanted, in this order; False if they are."""
    held: dict[Code, tuple[Any, int]] = {(code, kind): (pk, place) for pk, place, code, kind in labels}
    if list(held) == list(wanted):
        return False
    for place, code in enumerate(wanted):
        pk, held_place = held.get(code, (None, None))
        if pk is None:
            changes.added.append(Added(_row(new_id(), sku, place, code)))
        elif held_place != place:
            changes.changed.append(Changed(_row(pk, sku, place, code)))
    changes.removed += [_row(pk, sku, place, code) for code, (pk, place) in held.items() if code not in wanted]
    return True


def _row(pk: Any, sku: str, place: int, code: Code) -> Row:
    return pk, sku, place, *code, stored_key(*code)
