"""The catalog of these journeys: its store file, and what product and Amazon know of it, held against each other."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.amazon import REGION
from tests.journeys.house import STORE_FILE, House, Settings
from tests.journeys.processes import until
from tests.journeys.records import Records

QUEUE = "/111122223333/jwo-catalog-results"
TOPIC = f"arn:aws:sns:{REGION}:999988887777:jwo-catalog-ingestions"
RETRY_BASE, RETRY_CAP = 0.2, 0.6
READ_TIMEOUT, CALL_BOUND, REPORT_TIMEOUT, LEASE = 1.0, 3.0, 1.5, 8.0
MOST_REPORT_BYTES = 300_000

CATALOG: Settings = {
    "AMAZON_CATALOG_URL": "{amazon}",
    "CATALOG_QUEUE_URL": f"{{amazon}}{QUEUE}",
    "CATALOG_TOPIC_ARN": TOPIC,
    "AWS_ENDPOINT_URL_SQS": "{amazon}",
    "AWS_ENDPOINT_URL_SNS": "{amazon}",
    "CATALOG_UPLOAD_EVERY": "0",
    "CATALOG_POLL_FIRST": "0.4",
    "CATALOG_POLL_CAP": "1",
    "CATALOG_READ_TIMEOUT": f"{READ_TIMEOUT:g}",
    "CATALOG_REPORT_TIMEOUT": f"{REPORT_TIMEOUT:g}",
    "CATALOG_REPORT_MAX_BYTES": f"{MOST_REPORT_BYTES}",
    "CATALOG_RETRY_BASE": f"{RETRY_BASE:g}",
    "CATALOG_RETRY_CAP": f"{RETRY_CAP:g}",
    "CATALOG_LEASE": f"{LEASE:g}",
    "CATALOG_RECEIVE_EVERY": "0.5",
}
"""The product's settings for the catalog, with short times."""

FIRST_PRICES = "2020-01-01T00:00:00Z"
CORNERS = ("CORNER-1", "CORNER-2")
"""The stores of all journeys."""

TOLD_STORES = tuple(f"TOLD-{number}" for number in range(1, 18))
"""Stores of the house that is told, besides the corners."""

OLD = tuple(f"OLD-{number}" for number in range(1, 6))
"""Products of that house, sold at the corners, that are to be archived."""

FIT = ("COLA", "TEA", "WATER")
"""Products that every store sells and Amazon can take; CHIPS and NUTS have no barcode and are kept back."""


# --- What is sold --------------------------------------------------------------------------------------------------


def upc(number: int) -> str:
    """A UPC of ours with the right check digit."""
    digits = f"{61_414_100_000 + number:011d}"
    odd, even = (sum(map(int, digits[start::2])) for start in (0, 1))
    return f"{digits}{-(odd * 3 + even) % 10}"


def product(sku: str, number: int, stores: Sequence[str] = ()) -> dict[str, Any]:
    """One that is fit for Amazon, sold in these stores, or in all."""
    sold_in = {"stores": list(stores)} if stores else {}
    return {
        "sku": sku,
        "name": f"Example {sku.title().replace('-', ' ')} 500 ml",
        "brand": "Example",
        "category": "Drinks",
        "tax_category": "DRINK",
        "sold_by": "EACH",
        "barcodes": [{"code": upc(number), "type": "UPC"}],
        **sold_in,
    }


def price(sku: str, amount: str, starts_at: str = FIRST_PRICES, **more: str) -> dict[str, str]:
    return {"sku": sku, "amount": amount, "starts_at": starts_at, **more}


def local(store_id: str) -> str:
    """The SKU of what only this store sells."""
    return f"ITEM-{store_id}"


def store(store_id: str) -> dict[str, str]:
    name = f"Store {store_id.title()}"
    return {"store_id": store_id, "name": name, "time_zone": "America/New_York", "currency": "USD"}


def store_file(path: Path, stores: Iterable[str], products: Iterable[dict[str, Any]] = ()) -> Path:
    """The one of all journeys, with these stores and products in addition."""
    document = json.loads(STORE_FILE.read_text())
    added = [product("TEA", 2), product("WATER", 3), *products]
    document["stores"] += map(store, stores)
    document["products"] += added
    document["prices"] += [price(one["sku"], "1.50") for one in added]
    return written(path, document)


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


# --- What the product knows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    pk: int
    kind: str
    store_id: str | None
    status: str
    items: int
    refused: int
    ingestion_id: str | None
    amazon_status: str
    told_by: str
    problem: str
    failures: int


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    store_id: str
    state: str
    words: str
    """Why it is as it is: ours while it is kept back, Amazon's otherwise."""
    record: Any
    live_hash: str


@dataclass(frozen=True, slots=True)
class Message:
    pk: int
    state: str
    reason: str
    ingestion_id: str
    upload_id: int | None
    times: int


UPLOADS = """
    SELECT id, kind, store_id, status, item_count, refused_count, ingestion_id, amazon_status, told_by, problem,
           failures
    FROM catalog_catalogupload
"""
ITEMS = "SELECT product_id, store_id, state, kept_back, reason, record, live_hash FROM catalog_catalogitem"
MESSAGES = "SELECT id, state, reason, ingestion_id, upload_id, times FROM catalog_catalogmessage"
CALLS = "SELECT kind, status, words FROM catalog_uploadcall WHERE upload_id = ? ORDER BY id"

STILL_TO_DO = """
    SELECT (SELECT count(*) FROM catalog_changedproduct)
         + (SELECT count(*) FROM catalog_catalogrun WHERE finished_at IS NULL)
         + (SELECT count(*) FROM catalog_catalogitem WHERE state IN ('CHANGED', 'UPLOADING'))
         + (SELECT count(*) FROM catalog_catalogupload WHERE status IN ('WAITING', 'FOLLOWED', 'REPORTING'))
"""
"""In one statement, so that nothing moves on between two of its parts."""

Call = tuple[str, int | None]


def uploads(records: Records, store_id: str | None = None) -> list[Upload]:
    """The uploads of a store, or all, the first first."""
    if store_id is None:
        return [Upload(*row) for row in records.rows(f"{UPLOADS} ORDER BY id")]
    return [Upload(*row) for row in records.rows(f"{UPLOADS} WHERE store_id = ? ORDER BY id", store_id)]


def upload(records: Records, pk: int) -> Upload:
    (row,) = records.rows(f"{UPLOADS} WHERE id = ?", pk)
    return Upload(*row)


def calls(records: Records, upload_pk: int) -> list[Call]:
    """Kind and HTTP status of the calls of an upload; no status where no answer came, and for reports."""
    return [(kind, status) for kind, status, _ in records.rows(CALLS, upload_pk)]


def items(records: Records, store_id: str | None = None) -> list[Item]:
    where, values = ("WHERE store_id = ?", [store_id]) if store_id else ("", [])
    rows = records.rows(f"{ITEMS} {where} ORDER BY product_id, store_id", *values)
    return [
        Item(sku, store_id, state, kept or said, json.loads(record), live_hash)
        for sku, store_id, state, kept, said, record, live_hash in rows
    ]


def states(records: Records, store_id: str) -> dict[str, str]:
    """How far each product of the store is, but for those that are kept back for want of a barcode."""
    return {item.sku: item.state for item in items(records, store_id) if item.sku not in ("CHIPS", "NUTS")}


def item(records: Records, sku: str, store_id: str) -> Item:
    (found,) = [one for one in items(records, store_id) if one.sku == sku]
    return found


def messages(records: Records) -> list[Message]:
    return [Message(*row) for row in records.rows(f"{MESSAGES} ORDER BY id")]


def rename(house: House, sku: str, name: str) -> None:
    """Give a product another name, by plain SQL: so its record changes in every store that sells it."""
    assert house.records.change("UPDATE catalog_product SET name = ? WHERE sku = ?", name, sku) == 1


def recode(house: House, sku: str, code: str, instead: str) -> None:
    """Give a product another barcode, by plain SQL."""
    sql = "UPDATE catalog_barcode SET code = ?, lookup_key = ? WHERE product_id = ? AND code = ?"
    assert house.records.change(sql, instead, instead.zfill(14), sku, code) == 1


def wait_for_upload(house: House, pk: int, status: str, within: float) -> Upload:
    until(
        lambda: upload(house.records, pk).status == status,
        within,
        f"upload {pk} is {status}",
        seen=lambda: (upload(house.records, pk), calls(house.records, pk)),
    )
    return upload(house.records, pk)


def is_at_rest(house: House) -> bool:
    """Nothing is to be prepared, sent or followed any more."""
    return house.records.rows(STILL_TO_DO) == [(0,)]


def wait_for_rest(house: House, within: float) -> None:
    until(
        lambda: is_at_rest(house),
        within,
        "everything is at Amazon",
        seen=lambda: [one for one in uploads(house.records) if one.status not in ("FINISHED", "WITHDRAWN")],
    )


# --- Held against each other ---------------------------------------------------------------------------------------


def is_subscribed(house: House) -> bool:
    """Whether the queue's owner has confirmed that he wants the topic's messages."""
    return bool(house.amazon.catalog()["subscription"]["status"] == "Complete")


def live_at_amazon(house: House) -> dict[tuple[str, str], Any]:
    """Its record of each product in each store, by Amazon's own book."""
    return {(one["sku"], one["store_id"]): one["document"] for one in house.amazon.items(state="live")}


def assert_both_agree(house: House) -> None:
    """Amazon holds what the product believes that it took, record by record, and nothing else.

    What is called live is held as it is wanted; what is refused or kept back may be held as it was before.
    """
    theirs = live_at_amazon(house)
    known = items(house.records)
    believed = {(one.sku, one.store_id): one.live_hash for one in known if one.live_hash}
    assert believed == {key: hash_of(record) for key, record in theirs.items()}
    live = {(one.sku, one.store_id): one.record for one in known if one.state == "LIVE"}
    assert live == {key: record for key, record in theirs.items() if key in live}


def hash_of(record: Any) -> str:
    """As the product keeps it: of compact JSON with its names in order."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def told_by_command(house: House) -> Any:
    """`manage.py catalogstatus --json`."""
    return json.loads(house.manage("catalogstatus", "--json"))
