"""Store files for tests: the documented sample, and small ones."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAMPLE_FILE = Path(__file__).with_name("storefile_sample.json")

Document = dict[str, Any]


def sample() -> Document:
    """The document that describes the format: something of everything."""
    document: Document = json.loads(SAMPLE_FILE.read_bytes())
    return document


def raw(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def changed(document: Document, path: str, value: Any) -> Document:
    """A copy with another value at a path such as `promotions.0.percent`."""
    document = copy.deepcopy(document)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in steps:
        place = place[step]
    place[last] = value
    return document


def without(document: Document, path: str) -> Document:
    document = copy.deepcopy(document)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in steps:
        place = place[step]
    del place[last]
    return document


STORE = {"store_id": "EAST", "name": "East", "time_zone": "America/New_York"}
WEST = {"store_id": "WEST", "name": "West", "time_zone": "America/New_York"}
DRINKS = {"code": "DRINKS", "name": "Drinks"}
COLA = {"sku": "COLA", "name": "Cola 500 ml", "category": "Drinks", "tax_category": "DRINKS"}
NUTS = {"sku": "NUTS", "name": "Nuts", "sold_by": "WEIGHT", "weight_unit": "lb", "tax_category": "DRINKS"}
START = "2026-01-01T00:00:00-05:00"


def shop(**sections: Any) -> Document:
    """Two stores, a drink and nuts; and what else is given."""
    return {"stores": [STORE, WEST], "tax_categories": [DRINKS], "products": [COLA, NUTS], **sections}


def price(amount: str = "2.49", **keys: Any) -> Document:
    return {"sku": "COLA", "amount": amount, "starts_at": START, **keys}


def promotion(code: str = "TEN", **keys: Any) -> Document:
    return {
        "code": code,
        "name": "Ten off",
        "receipt_text": "10% off",
        "kind": "PERCENT_OFF",
        "percent": "10",
        "targets": {"skus": ["COLA"]},
        "starts_at": START,
        **keys,
    }
