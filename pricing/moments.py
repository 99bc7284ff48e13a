"""Moments as people enter them: the wall clock of a store, in a browser's own field for day and time."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.forms.utils import from_current_timezone
from django.utils import timezone

from jwo_store.admin_site import TextWidget

YEARS = range(2000, 2100)


class MomentWidget(TextWidget):
    """Day and time in one field; the browser's own calendar, so it needs no script."""

    input_type = "datetime-local"


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
    try:
        with timezone.override(zone):
            return from_current_timezone(naive)
    except ValidationError:
        raise ValidationError(
            "The store's clocks change in that hour: this time is there twice, or not at all. Choose another hour."
        ) from None


def as_entered(moment: datetime, zone: ZoneInfo) -> str:
    """The moment in the shape of the field."""
    return f"{timezone.localtime(moment, zone):%Y-%m-%dT%H:%M}"
