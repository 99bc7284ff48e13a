"""The bodies of the three catalog calls, refused at once in Amazon's published words where they are wrong.

Sources: Amazon's pages `upload_catalog`, `archive_catalog_api`, `get_catalog_upload_status` and
`catalog_upload_test_cases`. Where only the cause is published and not the text, the words are ours.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any

MAX_ITEMS = 10_000
MAX_LENGTH = 255
MAX_MORE_CODES = 50

WRONG_STORE = "One or more StoreID's present in the request is incorrect"
WRONG_STORES = "List of store ID's present in the request are either incorrect/not associated with same retailer"
INVALID_BODY = "Invalid request body"
TOO_MANY_ITEMS = f"A request holds at most {MAX_ITEMS} items"
TOO_LONG = f"A field holds at most {MAX_LENGTH} characters"
STORES_MISSING = "allApplicableStores must hold every store of the retailer"
UNKNOWN_INGESTION = "InvalidRequestException"
WRONG_MODEL = "BadRequestException"

CODE = "external_product_id"
CODE_TYPE = "external_product_id_type"
MORE_CODES = "additional_external_product_information"
REQUIRED = ("item_sku", CODE, "item_name", "store_id")

Item = dict[str, Any]


class CatalogRefused(Exception):
    """The call is refused with 400; the text is Amazon's, or what Amazon might say."""


def read_upload(body: bytes, stores: Collection[str]) -> list[Item]:
    """The items of an Upload Catalog body, of stores that are known."""
    items = _objects(_object(body, INVALID_BODY).get("catalogItems"))
    if not items:
        raise CatalogRefused(INVALID_BODY)
    for item in items:
        _check_item(item)
    _check_stores({item["store_id"] for item in items}, stores)
    return items


def read_archive(body: bytes, stores: Collection[str]) -> list[str]:
    """The SKUs of an Archive body, which must name every store that is known and no other."""
    document = _object(body, INVALID_BODY)
    skus, named = _texts(document.get("itemSkus")), _texts(document.get("allApplicableStores"))
    _check_stores(named, stores)
    if set(stores) - set(named):
        raise CatalogRefused(f"{STORES_MISSING}: {', '.join(sorted(stores))}")
    return skus


def read_status(body: bytes) -> str:
    """The ingestion that a Get Catalog Upload Status body asks for."""
    ingestion_id = _object(body, WRONG_MODEL).get("ingestionId")
    if not isinstance(ingestion_id, str) or not 1 <= len(ingestion_id) <= MAX_LENGTH:
        raise CatalogRefused(WRONG_MODEL)
    return ingestion_id


def codes_of(item: Item) -> list[tuple[str, str]]:
    """Every barcode of an item with its type, "" where none is said; the main one first."""
    return [(one[CODE], one.get(CODE_TYPE, "")) for one in (item, *item.get(MORE_CODES, ()))]


def _object(body: bytes, words: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise CatalogRefused(words) from None
    if not isinstance(document, dict):
        raise CatalogRefused(words)
    return document


def _objects(rows: object) -> list[Item]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogRefused(INVALID_BODY)
    if len(rows) > MAX_ITEMS:
        raise CatalogRefused(TOO_MANY_ITEMS)
    return rows


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) and value for value in values):
        raise CatalogRefused(INVALID_BODY)
    if len(values) > MAX_ITEMS:
        raise CatalogRefused(TOO_MANY_ITEMS)
    _check_lengths(values)
    return values


def _check_item(item: Item) -> None:
    """Every value is a text, the needed ones are there, none is too long."""
    more = _objects(item.get(MORE_CODES, []))
    own = [value for name, value in item.items() if name != MORE_CODES]
    values = own + [value for one in more for value in one.values()]
    if not all(isinstance(value, str) for value in values) or not all(item.get(name) for name in REQUIRED):
        raise CatalogRefused(INVALID_BODY)
    if len(more) > MAX_MORE_CODES or not all(one.get(CODE) for one in more):
        raise CatalogRefused(INVALID_BODY)
    _check_lengths(values)


def _check_lengths(values: Iterable[str]) -> None:
    if any(len(value) > MAX_LENGTH for value in values):
        raise CatalogRefused(TOO_LONG)


def _check_stores(named: Collection[str], stores: Collection[str]) -> None:
    if set(named) <= set(stores):
        return
    raise CatalogRefused(WRONG_STORE if len(set(named)) == 1 else WRONG_STORES)
