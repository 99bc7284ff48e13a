"""What Amazon's catalog is told about a product in a store, and how much of it goes into one call. Plain Python.

Source: Amazon's upload_catalog page. One record is one element of `catalogItems`, for one SKU in one store.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec

from catalog.rules import CodeFacts, ProductFacts

Record = dict[str, str | list[dict[str, str]]]

OPENING, BETWEEN, CLOSING = b'{"catalogItems":[', b",", b"]}"
MAX_ITEMS = 10_000
"""Items that Amazon takes in a call."""
MAX_BYTES = 5_000_000
"""Of a whole body. Amazon names no limit; its service is an API Gateway, which takes ten megabytes."""

_as_json = msgspec.json.Encoder(order="deterministic").encode


def record(product: ProductFacts, *, store_id: str, price: str, tax_code: str) -> Record:
    """The element of `catalogItems`: every value is text, what is empty and not required is left out.

    The product's first code is the main one. A product without any cannot be told to Amazon: ValueError.
    """
    if not product.codes:
        raise ValueError(f"{product.sku} has no barcode, and Amazon needs one.")
    main, *others = map(_identifier, product.codes)
    optional: Record = {
        "additional_external_product_information": others,
        "standard_price": price,
        "brand_name": product.brand,
        "product_tax_code": tax_code,
        "product_category": product.category,
        "product_subcategory": product.subcategory,
    }
    told: Record = {"item_sku": product.sku, **main, "item_name": product.name, "store_id": store_id}
    return told | {field: value for field, value in optional.items() if value}


@lru_cache(maxsize=8)
def tax_codes(setting: str) -> Mapping[str, str] | None:
    """`CATALOG_TAX_CODES` read: Amazon's code for each of our tax categories; None where ours are told as they are.

    Amazon's documents do not say which codes it allows. Raises ValueError.
    """
    if setting == "ours":
        return None
    if setting == "none":
        return {}
    try:
        return msgspec.json.decode(setting, type=dict[str, str])
    except msgspec.DecodeError as fault:
        raise ValueError(f"it is neither ours nor none nor JSON of our codes and Amazon's ({fault}).") from fault


def _identifier(code: CodeFacts) -> dict[str, str]:
    told = {"external_product_id": code.code, "external_product_id_type": code.type}
    return told if code.type else {"external_product_id": code.code}


def encoded(record: Record) -> bytes:
    """The record as it stands in a body: compact JSON in UTF-8, fields in the order of their names."""
    return _as_json(record)


def content_hash(record: Record) -> str:
    """SHA-256 of the encoded record, in hex: what changed since it was last sent has another one."""
    return hashlib.sha256(encoded(record)).hexdigest()


def body(items: Iterable[bytes]) -> bytes:
    """The whole body of an upload, of encoded records."""
    return OPENING + BETWEEN.join(items) + CLOSING


def batches(
    encoded_items: Iterable[bytes], *, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES
) -> Iterator[list[bytes]]:
    """The stream cut into batches of which each fits into one call, by its count and by the bytes of its body.

    Never an empty one, never more than one batch in memory. An item that fits into no call at all: ValueError.
    """
    batch: list[bytes] = []
    size = 0
    for item in encoded_items:
        if _with(0, item) > max_bytes:
            raise ValueError(f"A record of {len(item)} bytes fits into no upload of {max_bytes} bytes.")
        if batch and (len(batch) == max_items or _with(size, item) > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size = _with(size, item)
    if batch:
        yield batch


def _with(size: int, item: bytes) -> int:
    """The bytes of a body, of `size` before (0: there is none yet), with one more item in it."""
    return (size + len(BETWEEN) if size else len(OPENING) + len(CLOSING)) + len(item)
