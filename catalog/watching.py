"""Readiness and checks of the catalog: is Amazon heard of, are changes noted, do the settings make sense."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Advice

from catalog import changes, following, records, signatures
from catalog.models import CatalogUpload, QueueReading
from catalog.statuses import UploadStatus
from jwo_store import download
from jwo_store.readiness import Reading

LATE_DUE = timedelta(minutes=5)
LATE_READING = timedelta(minutes=5)


def triggers(_now: datetime) -> Reading:
    lost = changes.missing()
    if lost:
        return Reading(well=False, seen=f"changes of {', '.join(lost)} are not noted: run manage.py migrate")
    return Reading(well=True, seen="every change is noted")


def oldest_upload(now: datetime) -> Reading:
    if not settings.AMAZON_CATALOG_URL:
        return Reading(well=True, seen="nothing is due")
    late = CatalogUpload.objects.late(now).filter(status=UploadStatus.WAITING).order_by("made_at")
    made = late.values_list("made_at", flat=True).first()
    if made is not None:
        return Reading(well=False, seen=f"not taken in by Amazon for {(now - made).total_seconds():.0f} s")
    first = CatalogUpload.objects.due(now).order_by("due_at").values_list("due_at", flat=True).first()
    if first is None:
        return Reading(well=True, seen="nothing is due")
    age = now - first
    return Reading(well=age < LATE_DUE, seen=f"due for {age.total_seconds():.0f} s")


def queue(now: datetime) -> Reading:
    if not settings.CATALOG_QUEUE_URL:
        return Reading(well=True, seen="not set up: uploads are followed by asking")
    reading = QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).first()
    if reading is None or reading.read_at is None:
        return Reading(well=False, seen="never read: is the worker with its beat running?")
    age = now - reading.read_at
    seen = reading.problem or f"read {age.total_seconds():.0f} s ago, {reading.depth} messages waiting"
    return Reading(well=not reading.problem and age < LATE_READING, seen=seen)


@register(Tags.security)
def catalog_settings(**_: Any) -> list[CheckMessage]:
    return list(_catalog_settings())


def _catalog_settings() -> Iterator[CheckMessage]:
    longest = following.longest_step().total_seconds()
    if longest > settings.CATALOG_LEASE:
        yield Error(
            f"CATALOG_LEASE is {settings.CATALOG_LEASE:g} s; one step may take {longest:g} s, or two processes could "
            "work on one upload.",
            id="catalog.E001",
        )
    yield from _forms()
    if settings.CATALOG_REPORT_LISTS not in ("all", "failed"):
        yield Error(
            f"CATALOG_REPORT_LISTS is “{settings.CATALOG_REPORT_LISTS}”. Set it to all or failed.", id="catalog.E003"
        )
    if settings.CATALOG_QUEUE_URL and not settings.CATALOG_TOPIC_ARN:
        yield Advice(
            "CATALOG_QUEUE_URL is set but CATALOG_TOPIC_ARN is not: every signed message is refused. Set it to the "
            "topic that Amazon names.",
            id="catalog.W001",
        )


def _forms() -> Iterator[CheckMessage]:
    """Settings that must have a form of their own."""
    forms: list[tuple[str, str, Callable[[], object]]] = [
        ("CATALOG_REPORT_MAPPING", "catalog.E002", following.mapping),
        ("CATALOG_TAX_CODES", "catalog.E006", partial(records.tax_codes, settings.CATALOG_TAX_CODES)),
        *(
            ("CATALOG_REPORT_HOSTS", "catalog.E004", partial(download.host_pattern, host))
            for host in settings.CATALOG_REPORT_HOSTS
        ),
    ]
    if settings.CATALOG_TOPIC_ARN:
        forms.append(
            ("CATALOG_TOPIC_ARN", "catalog.E005", partial(signatures.signing_hosts, settings.CATALOG_TOPIC_ARN))
        )
    for name, check_id, read in forms:
        try:
            read()
        except ValueError as fault:
            yield Error(f"{name}: {fault}", id=check_id)
