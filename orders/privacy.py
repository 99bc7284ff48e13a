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

SHOPPER_OBJECTS = frozenset({"shopperIdentity", "paymentSource", "scanResult"})
SHOPPER_TEXTS = frozenset({"shopperDeviceId"})


def redact(*, now: datetime) -> int:
    """Remove shopper, device, scan and auth ids from old raw carts; gives how many were redacted in this round."""
    before = now - timedelta(days=settings.RAW_CART_DAYS)
    done = 0
    for rows in (
        Purchase.objects.filter(trip_ended_at__lt=before, received_at__lt=before),
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
    """The same cart without ids of people and their devices. What is no JSON is emptied: it may hold anything."""
    try:
        return json.dumps(_clean(json.loads(raw)), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return b""


def _clean(node: Any, *, under: str = "") -> Any:
    if isinstance(node, dict):
        return {key: _clean_member(key, value, under) for key, value in node.items()}
    if isinstance(node, list):
        return [_clean(one, under=under) for one in node]
    return node


def _clean_member(key: str, value: Any, under: str) -> Any:
    if key in SHOPPER_TEXTS:
        return NOBODY
    if key == "id" and (under in SHOPPER_OBJECTS or under == "authEvents"):
        return NOBODY
    return _clean(value, under=key)
