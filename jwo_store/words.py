"""How moments, numbers and lists read on every page.

A page has one clock, that of most stores (`jwo_store.shop_clock`), and says so. A moment on another names its place.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from django.utils import formats, timezone


def place(zone: tzinfo) -> str:
    """`New York`, as people call the clock."""
    return str(zone).rpartition("/")[2].replace("_", " ")


def time_of(zone: tzinfo | None = None) -> str:
    """`New York time`; without a zone, that of the page."""
    name = place(zone or timezone.get_current_timezone())
    return name if name == "UTC" else f"{name} time"


def is_twice(local: datetime) -> bool:
    """Whether the clock of its zone shows this time twice, because it is put back."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def which_of_two(local: datetime) -> str:
    """To stand behind a time that its clock shows twice; else nothing."""
    return f" (the {'later' if local.fold else 'earlier'} one)" if is_twice(local) else ""


def clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """The moment on the page's clock, or on another one; an em dash when there is none."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment, zone)
    return formats.date_format(local, "DATETIME_FORMAT") + which_of_two(local)


def brief_clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """The same for lists, where room is short: without the year while it is this year."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment, zone)
    this_year = local.year == timezone.localtime(None, zone).year
    return formats.date_format(local, "N j, P" if this_year else "N j, Y, P") + which_of_two(local)


Say = Callable[[datetime, tzinfo | None], str]


def named_clock(moment: datetime | None, zone: tzinfo | None = None, say: Say = clock) -> str:
    """The moment with the place whose clock shows it: `March 1, 2026, 9 a.m. (New York)`."""
    return "—" if moment is None else f"{say(moment, zone)} ({place(zone or timezone.get_current_timezone())})"


def on_clock(moment: datetime | None, zone: tzinfo | None, say: Say = clock) -> str:
    """The moment on that clock, which is named where it is not the page's: `March 1, 2026, 9 a.m. (New York)`."""
    if moment is None:
        return "—"
    if zone is None or str(zone) == timezone.get_current_timezone_name():
        return say(moment, None)
    return f"{say(moment, zone)} ({place(zone)})"


def to_the_second(moment: datetime) -> str:
    """On the clock of the page, for the steps of a story."""
    local = timezone.localtime(moment)
    return formats.date_format(local, "N j, Y, g:i:s a") + which_of_two(local)


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
