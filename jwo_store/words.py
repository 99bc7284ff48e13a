"""How moments, numbers and lists read on every page."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from django.utils import formats, timezone


def clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """The moment on the admin's clock, or on another one; an em dash when there is none."""
    if moment is None:
        return "—"
    return formats.date_format(timezone.localtime(moment, zone), "DATETIME_FORMAT")


def brief_clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """The same for lists, where room is short: without the year while it is this year."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment, zone)
    this_year = local.year == timezone.localtime(None, zone).year
    return formats.date_format(local, "N j, P" if this_year else "N j, Y, P")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 purchase`, `3 purchases`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], *, most: int) -> str:
    """`tea, milk and bread`, `tea, milk and 12 others`."""
    shown = [*names[:most], *([counted(len(names) - most, "other")] if len(names) > most else ())]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def with_article(noun: str) -> str:
    """`a price`, `an upload`."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
