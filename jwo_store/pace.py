"""One pace for all processes: how many calls of a kind may start in a second."""

from datetime import datetime, timedelta

from django.db import transaction

from jwo_store.models import Pace


def take_slot(name: str, *, interval: timedelta, now: datetime, patience: timedelta) -> datetime | None:
    """When the caller may start: reserved for it alone, at least `interval` after the slot before.

    None, and nothing reserved, when that is later than `patience` from now: come back then. To be called outside any
    other transaction; the wait itself is the caller's.
    """
    with transaction.atomic():
        Pace.objects.get_or_create(name=name, defaults={"next_at": now})
        while True:
            row = Pace.objects.get(name=name)
            slot = max(row.next_at, now)
            if slot - now > patience:
                return None
            if Pace.objects.filter(name=name, next_at=row.next_at).update(next_at=slot + interval) == 1:
                return slot
