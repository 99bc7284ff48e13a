"""What Amazon finds wrong with single items while it works on an ingestion; it stands in the report, item by item.

The causes are published (`catalog_data_overview`, `catalog_maintenance`, `archive_catalog_api`), the codes are ours.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tests.sandbox.catalog_requests import Item, codes_of

INVALID_CODE = "INVALID_EXTERNAL_PRODUCT_ID"
INVALID_NAME = "INVALID_ITEM_NAME"
INVALID_SKU = "INVALID_ITEM_SKU"
DUPLICATE = "DUPLICATE_ITEM"
SKU_NOT_FOUND = "SKU_NOT_FOUND"
ALREADY_ARCHIVED = "SKU_ALREADY_ARCHIVED"
ON_PLANOGRAM = "SKU_ON_PLANOGRAM"
NOT_DONE = "ITEM_NOT_PROCESSED"

FORMS = {
    "UPC": ("12 or 8 digits", re.compile("[0-9]{12}|[0-9]{8}")),
    "EAN": ("13 digits", re.compile("[0-9]{13}")),
    "EAN8": ("8 digits", re.compile("[0-9]{8}")),
    "ISBN": ("10 digits", re.compile("[0-9]{9}[0-9X]")),
    "GTIN": ("14 digits", re.compile("[0-9]{14}")),
    "PLU": ("3 to 6 digits", re.compile("[0-9]{3,6}")),
    "": ("3 to 6, 8, 10 or 12 to 14 digits", re.compile("[0-9]{3,6}|[0-9]{8}|[0-9]{9}[0-9X]|[0-9]{12,14}")),
}
PLAIN = re.compile("[ -~]*")

RowKey = tuple[str, str]
"""SKU and store; the store is empty where a row holds for all of them, as an archived SKU does."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one row of an ingestion failed."""

    code: str
    message: str


Failures = dict[RowKey, Failure]


def key_of(item: Item) -> RowKey:
    return item["item_sku"], item["store_id"]


def upload_failures(items: list[Item], refused: Mapping[str, Failure]) -> Failures:
    """The rows that can't be taken over; `refused` are the SKUs that somebody wants to see fail."""
    times = Counter(key_of(item) for item in items)
    found = {key_of(item): _fault(item, times[key_of(item)], refused) for item in items}
    return {key: failure for key, failure in found.items() if failure}


def _fault(item: Item, times: int, refused: Mapping[str, Failure]) -> Failure | None:
    if item["item_sku"] in refused:
        return refused[item["item_sku"]]
    if times > 1:
        return Failure(DUPLICATE, f"The SKU stands {times} times in the request for store {item['store_id']}")
    if not PLAIN.fullmatch(item["item_sku"]):
        return Failure(INVALID_SKU, "item_sku holds special characters")
    if not PLAIN.fullmatch(item["item_name"]):
        return Failure(INVALID_NAME, "item_name holds special characters")
    return next((failure for code, kind in codes_of(item) if (failure := _code_fault(code, kind))), None)


def _code_fault(code: str, kind: str) -> Failure | None:
    if kind not in FORMS:
        return Failure(INVALID_CODE, f"{kind} is not a type of external_product_id")
    words, form = FORMS[kind]
    if form.fullmatch(code):
        return None
    return Failure(INVALID_CODE, f"{kind or 'external_product_id'} must have {words}, with the check digit: {code}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a SKU that shall be archived."""

    is_known: bool
    is_archived: bool
    planogram: Collection[str]


def archive_failure(sku: str, standing: Standing, refused: Mapping[str, Failure]) -> Failure | None:
    if sku in refused:
        return refused[sku]
    if not standing.is_known:
        return Failure(SKU_NOT_FOUND, "The SKU is not in the catalog")
    if standing.is_archived:
        return Failure(ALREADY_ARCHIVED, "The SKU is archived already")
    if standing.planogram:
        return Failure(ON_PLANOGRAM, f"The SKU is still on a planogram in: {', '.join(sorted(standing.planogram))}")
    return None


def shared_out(keys: list[RowKey], share: float) -> Failures:
    """Failures for such a share of the rows, spread evenly."""
    failing = [key for number, key in enumerate(keys) if int((number + 1) * share) > int(number * share)]
    return dict.fromkeys(failing, Failure(NOT_DONE, "The item was not processed"))
