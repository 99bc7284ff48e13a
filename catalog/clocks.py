"""Whose clock a moment goes by."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from catalog.models import Store


def zone_of(stores: Iterable[Store]) -> ZoneInfo | None:
    """The clock that all of these stores share; None where they differ, or there are none."""
    zones = {store.time_zone for store in stores}
    return ZoneInfo(zones.pop()) if len(zones) == 1 else None
