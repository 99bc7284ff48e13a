"""What an accountant asks of a run: trips, orders, charges, and everything that should not have happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.sandbox.amounts import money_text
from tests.sandbox.trips import Trip


def ledger(trips: Sequence[Trip], strays: Mapping[str, int]) -> dict[str, Any]:
    """The counts over these trips; `strays` are the refused calls that belong to none of them."""
    states = Counter(trip.state for trip in trips)
    return {
        "trips": len(trips),
        "empty": sum(not trip.cart.lines for trip in trips),
        "waiting": states["waiting"],
        "refused": states["refused"],
        "orders": sum(len(trip.order_ids) for trip in trips),
        "charges": sum(len(trip.charges) for trip in trips),
        "charged_more_than_once": sum(len(trip.charges) > 1 for trip in trips),
        "charged": _charged(trips),
        "refusals": dict(Counter(str(trip.refusal.error) for trip in trips if trip.refusal)),
        "calls": sum(len(trip.calls) for trip in trips),
        "calls_by_status": dict(Counter(_status_text(call.status) for trip in trips for call in trip.calls)),
        "overlapping_calls": sum(trip.overlapping_calls for trip in trips),
        "trips_with_different_bodies": sum(trip.different_bodies > 1 for trip in trips),
        "strays": dict(strays),
    }


def _charged(trips: Sequence[Trip]) -> dict[str, str]:
    """What all cards together were charged, as text by currency."""
    amounts: Counter[str] = Counter()
    for trip in trips:
        for charge in trip.charges:
            amounts[charge.currency] += charge.amount
    return {currency: money_text(amount) for currency, amount in sorted(amounts.items())}


def _status_text(status: int | None) -> str:
    return "none" if status is None else str(status)
