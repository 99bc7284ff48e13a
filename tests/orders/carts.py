"""Carts for tests, named and written as on the wire."""

import json
from typing import Any

ABSENT: Any = object()
"""As a change: leave the attribute out."""


def cart(**changes: Any) -> dict[str, Any]:
    """A valid cart of two items; attributes of the document can be changed, added, or left out with ABSENT."""
    document = {
        "requestId": "6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10",
        "idempotentShoppingTripId": "2b9d7f64-0f3e-4c88-8f51-77a2c0e4b6d3",
        "storeId": "ARENA-EAST-12",
        "shoppingTrip": {
            "startTime": "2026-03-14T19:02:11Z",
            "endTime": "2026-03-14T19:05:48Z",
            "authEvents": [auth_event()],
        },
        "cartItems": [
            item(externalIdentifiers=[{"id": "012345678905", "type": "UPC"}], lineItemId="L1"),
            item(id="SNK-NUTS-80", lineItemId="L2"),
        ],
        "shopperIdentity": {"id": "shopper-7781"},
        "shopperDeviceId": "gate-12-a",
    }
    return _changed(document, changes)


def item(**changes: Any) -> dict[str, Any]:
    """One piece of a product, by its SKU."""
    return _changed({"id": "BEV-COLA-500", "type": "SKU", "quantity": {"value": "1.0", "unit": "unit"}}, changes)


def auth_event(**changes: Any) -> dict[str, Any]:
    """The tap of a card at the gate."""
    event = {
        "id": "c8f5b0a2-9c0f-4a07-b3e0-5f1f0d6e2a44",
        "timestamp": "2026-03-14T19:02:11Z",
        "location": "ENTRY",
        "payloadType": "FINANCIAL",
    }
    return _changed(event, changes)


def cart_with(path: str, value: Any) -> dict[str, Any]:
    """The cart with one place changed, such as `cartItems.0.quantity.value`; ABSENT takes it out."""
    document = cart()
    *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in outer:
        place = place[step]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return document


def body(document: Any) -> bytes:
    """The document as the bytes of a request."""
    return json.dumps(document).encode()


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (document | changes).items() if value is not ABSENT}
