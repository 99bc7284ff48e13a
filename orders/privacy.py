"""Shoppers are private: their ids leave the raw carts when `RAW_CART_DAYS` are over; the hash of the cart stays."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models

from orders.models import CartConflict, Purchase, RefusedCart

BATCH = 500
NOBODY = "00000000-0000-0000-0000-000000000000"
"""Stands for an id that was removed: still of the form that the contract asks for."""

Shape = dict[str, Any]
"""What is kept of an object: a name of a scalar, of an object (a shape), of a list of objects (a shape in a list), or
the value that stands for an id."""

ITEM: Shape = {
    "id": str,
    "type": str,
    "quantity": {"value": str, "unit": str},
    "externalIdentifiers": [{"id": str, "type": str}],
    "lineItemId": str,
}
PERSON: Shape = {"id": NOBODY}
EVENT: Shape = {
    "id": NOBODY,
    "timestamp": str,
    "location": str,
    "payloadType": str,
    "scanResult": {"id": NOBODY, "type": str},
}
CART: Shape = {
    "requestId": str,
    "idempotentShoppingTripId": str,
    "storeId": str,
    "shoppingTrip": {"startTime": str, "endTime": str, "authEvents": [EVENT]},
    "cartItems": [ITEM],
    "shopperIdentity": PERSON,
    "shopperDeviceId": NOBODY,
    "paymentSource": PERSON,
}
"""What pricing and staff need of a cart. Whatever else is in it may tell of a person, so it goes."""


def redact(*, now: datetime) -> int:
    """Remove shopper, device, scan and auth ids from old raw carts; gives how many were redacted in this round."""
    before = now - timedelta(days=settings.RAW_CART_DAYS)
    done = 0
    for rows in (
        Purchase.objects.filter(received_at__lt=before),
        CartConflict.objects.filter(received_at__lt=before),
        RefusedCart.objects.filter(last_received_at__lt=before),
    ):
        done += _redact_rows(rows, now)
    return done


def _redact_rows(rows: models.QuerySet[Any], now: datetime) -> int:
    batch = list(rows.filter(redacted_at__isnull=True).order_by("pk").only("pk", "raw")[:BATCH])
    for row in batch:
        type(row).objects.filter(pk=row.pk, redacted_at__isnull=True).update(
            raw=without_shopper(bytes(row.raw)), redacted_at=now
        )
    return len(batch)


def without_shopper(raw: bytes) -> bytes:
    """The same cart without ids of people and their devices. What is no cart is emptied: it may hold anything."""
    try:
        document = json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
        return json.dumps(_kept(document, CART), separators=(",", ":")).encode() if isinstance(document, dict) else b""
    except (ValueError, RecursionError):
        return b""


def _kept(node: Any, shape: Any) -> Any:
    """What of a value has its shape; None where it has another."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, dict):
        if not isinstance(node, dict):
            return None
        return {name: _kept(node[name], inner) for name, inner in shape.items() if name in node}
    if isinstance(shape, list):
        return [_kept(one, shape[0]) for one in node] if isinstance(node, list) else None
    return node if isinstance(node, shape) else None
