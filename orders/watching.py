"""Looking after what stands still: old trips without an order, and stores on hold."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from catalog.models import Store
from jwo_store.alarms import raise_alarm
from jwo_store.models import Heartbeat
from jwo_store.readiness import Reading
from jwo_store.words import named_clock
from orders.models import Purchase, PurchaseNote
from orders.statuses import Status

AGES = (12, 4, 1)
"""Hours after which a trip without an order is told of again: the hold on the card does not last for ever."""

NOTED_WITHIN = timedelta(days=1)
REPEATED_REQUEST = "Amazon used the request ID of this cart for another trip before."

LATE_SWEEPS = 5
LATE_DUE = timedelta(minutes=5)


def watch(*, now: datetime) -> None:
    _old_trips(now)
    _held_stores(now)
    note_repeated_requests(now=now)


def note_repeated_requests(*, now: datetime) -> int:
    """Note on new purchases that their request ID had come with another trip; gives how many were noted.

    A request ID is fresh by contract. Seen again with another trip it is a new purchase all the same, so this is no
    business of the moment at which the cart comes in.
    """
    earlier = Purchase.objects.filter(request_id=OuterRef("request_id"), pk__lt=OuterRef("pk"))
    recent = Purchase.objects.filter(received_at__gt=now - NOTED_WITHIN)
    noted = 0
    for purchase in recent.filter(Exists(earlier)).exclude(notes__text=REPEATED_REQUEST):
        PurchaseNote.objects.create(purchase=purchase, at=now, text=REPEATED_REQUEST)
        noted += 1
    return noted


def _old_trips(now: datetime) -> None:
    younger = now - timedelta(days=14)
    for hours in AGES:
        until = now - timedelta(hours=hours)
        old = Purchase.objects.waiting_for_order().filter(received_at__lte=until, received_at__gt=younger)
        oldest = old.order_by("received_at").first()
        count = old.count()  # after the oldest was read: orders come in meanwhile
        if oldest is not None and count:
            raise_alarm(
                f"Trips without an order for {hours} h",
                f"{oldest.purchase_id}",
                f"{count} trips have had no order for more than {hours} h. The oldest is purchase {oldest.purchase_id} "
                f"({oldest.get_status_display().lower()}). The hold on the shoppers' cards runs out.",
                link="/admin/orders/purchase/?view=open",
            )
        younger = until


def _held_stores(now: datetime) -> None:
    for store in Store.objects.filter(on_hold=True):
        waiting = Purchase.objects.filter(store=store, status=Status.AWAITING_CHECKOUT).count()
        if waiting:
            raise_alarm(
                "Store on hold",
                store.store_id,
                f"{store.name} is on hold: {waiting} purchases wait and nothing is sent to Amazon "
                f"(seen {named_clock(now, store.zone)}). Release the store as soon as its prices are right.",
                link=f"/admin/catalog/store/{store.pk}/change/",
                store_id=store.pk,
            )


# --- Readiness -----------------------------------------------------------------------------------------------------


def oldest_due(now: datetime) -> Reading:
    first = Purchase.objects.due(now).order_by("submit_after").values_list("submit_after", flat=True).first()
    if first is None:
        return Reading(well=True, seen="nothing is due")
    age = now - first
    return Reading(well=age < LATE_DUE, seen=f"due for {age.total_seconds():.0f} s")


def last_sweep(now: datetime) -> Reading:
    at = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    if at is None:
        return Reading(well=False, seen="never: is the worker with its beat running?")
    age = (now - at).total_seconds()
    return Reading(well=age < settings.SWEEP_EVERY * LATE_SWEEPS + 10, seen=f"{age:.0f} s ago")
