"""The contested values of the contract, as this installation has them set."""

from typing import Any

from django.conf import settings

from orders.contract import Limits


def limits() -> Limits:
    chosen: dict[str, list[str]] = {
        "item_types": settings.CART_ITEM_TYPES,
        "locations": settings.CART_LOCATIONS,
        "payload_types": settings.CART_PAYLOAD_TYPES,
        "scan_result_types": settings.CART_SCAN_RESULT_TYPES,
        "external_identifier_types": settings.CART_EXTERNAL_IDENTIFIER_TYPES,
    }
    sets: dict[str, Any] = {name: frozenset(values) for name, values in chosen.items() if values}
    return Limits(auth_events_may_be_empty=settings.CART_AUTH_EVENTS_MAY_BE_EMPTY, **sets)
