"""Moments as people enter them: the wall clock of a store, in fields for day and time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone

from catalog.clocks import zone_of
from catalog.models import Store
from jwo_store.admin_site import DateTimeWidget, TextWidget, time_of
from jwo_store.words import is_twice, place

YEARS = range(2000, 2100)


class MomentWidget(TextWidget):
    """Day and time in one field; the browser's own calendar, so it needs no script."""

    input_type = "datetime-local"


def moment_on(naive: datetime, zone: ZoneInfo) -> datetime:
    """When that clock shows this, in UTC; the earlier moment where it does so twice. Raises ValidationError.

    In UTC, for two moments of one zone would be compared by their wall clocks.
    """
    moment = naive.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != naive:
        raise ValidationError(
            f"The clocks of {place(zone)} are put forward then: {in_words(naive)} is skipped. Choose another time."
        )
    return moment


def in_words(naive: datetime) -> str:
    """`2:30 a.m. on March 8, 2026`."""
    return f"{formats.time_format(naive, 'P')} on {formats.date_format(naive, 'F j, Y')}"


def read_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """`2026-03-14T12:00` on that clock; None for nothing. Raises ValidationError with what to do."""
    if not text:
        return None
    try:
        naive = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise ValidationError("Write day and time like 2026-03-14 12:00.") from None
    if naive.year not in YEARS:
        raise ValidationError(f"Choose a year from {YEARS[0]} to {YEARS[-1]}.")
    return moment_on(naive, zone)


def as_entered(moment: datetime, zone: ZoneInfo) -> str:
    """The moment in the shape of the field."""
    return f"{timezone.localtime(moment, zone):%Y-%m-%dT%H:%M}"


# --- In forms of dated rows ----------------------------------------------------------------------------------------


class ClockWidget(DateTimeWidget):
    zone: ZoneInfo | None = None

    def decompress(self, value: datetime | None) -> tuple[date | None, time | None]:
        local = timezone.localtime(value, self.zone) if value else None
        return (local.date(), local.time()) if local else (None, None)


class ClockField(forms.SplitDateTimeField):
    """Day and time on the clock that the form sets."""

    widget = ClockWidget
    zone: ZoneInfo | None = None
    twice: datetime | None = None
    """What was entered, if the clock shows it twice that day."""

    def go_by(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.widget.zone = zone

    def compress(self, parts: Any) -> datetime | None:
        if not parts:
            return None
        day, hour = parts
        if not isinstance(day, date):
            raise ValidationError(self.error_messages["invalid_date"], code="invalid_date")
        if not isinstance(hour, time):
            raise ValidationError(self.error_messages["invalid_time"], code="invalid_time")
        naive, zone = datetime.combine(day, hour), self.zone or ZoneInfo(timezone.get_current_timezone_name())
        self.twice = naive if is_twice(naive.replace(tzinfo=zone)) else None
        return moment_on(naive, zone)


@dataclass(frozen=True, slots=True)
class FormClock:
    """The clock on which a form is filled in, and how the form names it."""

    zone: ZoneInfo
    words: str


def form_clock(stores: Iterable[Store]) -> FormClock:
    """That of these stores, if they share one; else, and of no stores in particular, that of most stores."""
    stores = list(stores)
    zone = zone_of(stores)
    if zone and len(stores) == 1:
        return FormClock(zone, f"{time_of(zone)}, store {stores[0].name}")
    if zone:
        return FormClock(zone, f"{time_of(zone)}, as in all of these stores")
    shop = ZoneInfo(timezone.get_current_timezone_name())
    return FormClock(shop, f"{time_of(shop)}, the clock of most stores")
