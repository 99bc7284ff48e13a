"""Bringing Amazon up to date: a run looks at what has changed and cuts it into uploads, store by store.

A run is a row; a worker finds it. One run is prepared at a time, so that two never interleave; one that was cut short
is taken up again where it stood.
"""

import hashlib
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from catalog import records, sync
from catalog.models import CatalogItem, CatalogRun, CatalogUpload, ChangedProduct, Store, UploadLine
from catalog.statuses import ItemState, UploadKind
from catalog.sync import Clock, lease_end
from jwo_store import lease
from jwo_store.lease import Held, LeaseLost
from jwo_store.models import Heartbeat
from jwo_store.nudge import nudge

LEASE = "catalog: preparation"
SCHEDULE = "catalog: schedule"
"""When the schedule last asked for a run."""

MAX_ITEMS, MAX_BYTES = records.MAX_ITEMS, records.MAX_BYTES
"""Of one upload."""


class NotConnected(Exception):
    """Nothing can be uploaded as this installation is set; the text says what to do."""


def request(
    *, store: Store | None, everything: bool, by: User | None, now: datetime, scheduled: bool = False
) -> CatalogRun:
    """Ask for a run; a worker prepares it at once. Raises NotConnected when Amazon's catalog is not set up here."""
    if not settings.AMAZON_CATALOG_URL:
        raise NotConnected("The address of Amazon's catalog is not set: set AMAZON_CATALOG_URL and restart.")
    run = CatalogRun.objects.create(
        store=store, everything=everything, asked_at=now, asked_by=by, is_scheduled=scheduled
    )
    nudge("catalog.tasks.prepare", run_id=run.pk)
    return run


def request_scheduled(*, now: datetime) -> CatalogRun | None:
    """Ask for the run of the schedule, when its time has come and the last one is prepared."""
    if not settings.CATALOG_UPLOAD_EVERY or not settings.AMAZON_CATALOG_URL:
        return None
    due = now - timedelta(seconds=settings.CATALOG_UPLOAD_EVERY)
    last, is_first = Heartbeat.objects.get_or_create(name=SCHEDULE, defaults={"at": now})
    if not is_first and (
        last.at > due or CatalogRun.objects.filter(is_scheduled=True, finished_at__isnull=True).exists()
    ):
        return None
    if not is_first and not Heartbeat.objects.filter(name=SCHEDULE, at=last.at).update(at=now):
        return None  # another process was faster
    return request(store=None, everything=False, by=None, now=now, scheduled=True)


def to_do() -> list[int]:
    """Runs that are yet to be prepared, the oldest first."""
    return list(CatalogRun.objects.filter(finished_at__isnull=True).order_by("pk").values_list("pk", flat=True))


def something_changed() -> bool:
    """Whether anything is noted that nobody has looked at yet."""
    return ChangedProduct.objects.exists()


def look(*, clock: Clock) -> bool:
    """Work out what has changed without uploading it, so that people see at once what is wrong and what would go.

    False when a run is being prepared, which does the same.
    """
    held = lease.take(LEASE, now=clock(), until=lease_end(clock()))
    if held is None:
        return False
    try:
        sync.refresh(held, clock=clock)
    except LeaseLost:
        return False
    finally:
        held.give_back()
    return True


def prepare(run_pk: int, *, clock: Clock) -> bool:
    """Prepare this run; False when another run is being prepared, or somebody else took this one over."""
    held = lease.take(LEASE, now=clock(), until=lease_end(clock()))
    if held is None:
        return False
    try:
        run = CatalogRun.objects.filter(pk=run_pk, finished_at__isnull=True).first()
        if run is not None:
            _prepare(run, held, clock)
    except LeaseLost:
        return False
    finally:
        held.give_back()
    return True


def _prepare(run: CatalogRun, held: Held, clock: Clock) -> None:
    sync.refresh(held, clock=clock)
    stores = [run.store_id] if run.store_id else list(Store.objects.values_list("pk", flat=True))
    if run.everything and run.marked_at is None:
        with transaction.atomic():
            held.keep(until=lease_end(clock()))
            for store_id in stores:
                sync.send_all_again(store_id)
            CatalogRun.objects.filter(pk=run.pk).update(marked_at=clock())
    for store_id in stores:
        for first, last in _ranges(store_id):
            with transaction.atomic():
                held.keep(until=lease_end(clock()))
                _cut(run, store_id, first, last, clock())
    with transaction.atomic():
        held.keep(until=lease_end(clock()))
        mine = CatalogUpload.objects.filter(run=run)
        if run.is_scheduled and not mine.exists():
            run.delete()  # nothing had changed: nobody needs a row for that
            return
        items = sum(mine.values_list("item_count", flat=True))
        CatalogRun.objects.filter(pk=run.pk).update(finished_at=clock(), item_count=items, upload_count=mine.count())


def _ranges(store_id: str) -> Iterator[tuple[str, str]]:
    """First and last SKU of each upload: as many as Amazon takes in one call."""
    while rows := list(
        CatalogItem.objects.to_send()
        .filter(store_id=store_id)
        .order_by("product_id")
        .values_list("product_id", "record")[:MAX_ITEMS]
    ):
        encoded = (record.encode() for _, record in rows)
        fitting = next(records.batches(encoded, max_items=MAX_ITEMS, max_bytes=MAX_BYTES))
        yield rows[0][0], rows[len(fitting) - 1][0]


def _cut(run: CatalogRun, store_id: str, first: str, last: str, now: datetime) -> None:
    """One upload of what is to be sent between these SKUs: first the items are taken, then they are read."""
    upload = CatalogUpload.objects.create(
        kind=UploadKind.UPLOAD,
        run=run,
        store_id=store_id,
        environment=settings.JWO_ENVIRONMENT,
        part=CatalogUpload.objects.filter(run=run, store_id=store_id).count() + 1,
        made_at=now,
        made_by=run.asked_by,
        due_at=now,
        packed=b"",
    )
    chosen = CatalogItem.objects.to_send().filter(store_id=store_id, product_id__gte=first, product_id__lte=last)
    if not chosen.update(state=ItemState.UPLOADING, upload=upload, sent_hash=F("wanted_hash"), reason=""):
        upload.delete()  # an archive call has taken them meanwhile, and an empty upload is never sent
        return
    taken = list(upload.items.order_by("product_id").values_list("product_id", "record", "sent_hash"))
    fill(upload, records.body(record.encode() for _, record, _ in taken), len(taken))
    UploadLine.objects.bulk_create(
        (UploadLine(upload=upload, sku=sku, sent_hash=sent_hash) for sku, _, sent_hash in taken), batch_size=2_000
    )
    nudge("catalog.tasks.work_on", upload_id=upload.pk)


def fill(upload: CatalogUpload, body: bytes, item_count: int) -> None:
    """Write down the very bytes that will be sent."""
    upload.packed = zlib.compress(body, 6)
    upload.sha256 = hashlib.sha256(body).hexdigest()
    upload.item_count = item_count
    upload.save(update_fields=["packed", "sha256", "item_count"])
