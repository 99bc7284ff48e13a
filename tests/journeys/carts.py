"""Carts as Amazon sends them, and what those of these journeys cost (store.json, computed by hand)."""

import json
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Cart = dict[str, Any]

TWO_COLAS_AND_CHIPS = (("COLA", "2"), ("CHIPS", "1.0"))
"""2 x 4.50 less 2 x 0.45, taxed with 8 % of 8.10 = 0.648; and 2.00 without tax."""

TOTALS = {
    "sub_total": Decimal("11.00"),
    "promotions_total": Decimal("0.90"),
    "sales_tax_total": Decimal("0.65"),
    "price_total": Decimal("10.75"),
}
CHIPS = (("CHIPS", "1"),)
CHIPS_TOTAL = Decimal("2.00")


def cart(*items: tuple[str, str], store_id: str = "CORNER-1") -> Cart:
    """A Create Purchases body with a trip of its own that has just ended."""
    now = time.time()
    return {
        "requestId": str(uuid.uuid4()),
        "idempotentShoppingTripId": f"trip-{uuid.uuid4()}",
        "storeId": store_id,
        "shoppingTrip": {
            "startTime": _time(now - 240),
            "endTime": _time(now - 2),
            "authEvents": [{"id": str(uuid.uuid4()), "payloadType": "FINANCIAL", "location": "ENTRY"}],
        },
        "cartItems": [
            {"id": sku, "type": "SKU", "quantity": {"value": quantity, "unit": "unit"}} for sku, quantity in items
        ],
        "shopperIdentity": {"id": f"shopper-{uuid.uuid4()}"},
        "shopperDeviceId": "gate-1",
    }


def trip_of(cart: Cart) -> str:
    return str(cart["idempotentShoppingTripId"])


def as_bytes(cart: Cart) -> bytes:
    return json.dumps(cart).encode()


def asked_again(cart: Cart) -> Cart:
    """The same cart in another request: its request id is fresh each time."""
    return {**cart, "requestId": str(uuid.uuid4())}


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
