"""The days of a month on which promotions hold, as bars: on a store's wall clock, daylight saving included."""

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from pricing.models import Promotion, Weekday
from pricing.moments import YEARS

DAY = timedelta(days=1)
WIDEST = timedelta(hours=15)
"""No clock on earth is further from UTC."""
WEEKDAYS = tuple(Weekday.values)


@dataclass(frozen=True, slots=True)
class Month:
    year: int
    number: int

    @classmethod
    def read(cls, text: str, *, today: date) -> Self:
        """`2026-11`; the month of today for anything that is no month."""
        try:
            first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            return cls(today.year, today.month)
        return cls(first.year, first.month) if first.year in YEARS else cls(today.year, today.month)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def length(self) -> int:
        return calendar.monthrange(self.year, self.number)[1]

    @property
    def last(self) -> date:
        return self.first + (self.length - 1) * DAY

    @property
    def days(self) -> list[date]:
        return [self.first + place * DAY for place in range(self.length)]

    @property
    def before(self) -> "Month":
        day = self.first - DAY
        return Month(day.year, day.month)

    @property
    def after(self) -> "Month":
        day = self.last + DAY
        return Month(day.year, day.month)


@dataclass(frozen=True, slots=True)
class Bar:
    """Days of the month in a row, both included; whether it goes on before or after what is drawn."""

    first: int
    last: int
    before: bool = False
    after: bool = False


def in_month(rows: QuerySet[Promotion], month: Month) -> QuerySet[Promotion]:
    """Those that may hold in the month on some clock, and the drafts that are planned for it, or for no time yet."""
    since = datetime.combine(month.first - DAY, time(), UTC) - WIDEST  # a day more: hours may cross midnight
    until = datetime.combine(month.last + DAY, time(), UTC) + WIDEST
    open_end = Q(ends_at__isnull=True) | Q(ends_at__gt=since)
    published = Q(starts_at__lt=until) & open_end
    planned = Q(starts_at__isnull=True) & (Q(planned_start__isnull=True) | (Q(planned_start__lt=until) & open_end))
    return rows.filter(published | planned)


def bars(promotion: Promotion, month: Month, zone: ZoneInfo) -> list[Bar]:
    """The days on which it holds for a while; none for a draft that is planned for no time."""
    held = (day for day in month.days if _holds_on(promotion, day, zone))
    return [Bar(run[0].day, run[-1].day, *_goes_on(promotion, run, month, zone)) for run in _runs(held)]


def begins(promotion: Promotion) -> datetime | None:
    return promotion.starts_at or promotion.planned_start


def _holds_on(promotion: Promotion, day: date, zone: ZoneInfo) -> bool:
    start, end = begins(promotion), promotion.ends_at
    if start is None or (promotion.weekdays and WEEKDAYS[day.weekday()] not in promotion.weekdays):
        return False
    since, until = _held_on(promotion, day, zone)
    return start < until and (end is None or since < end)


def _held_on(promotion: Promotion, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Its hours of that day, which belong to the day on which they began."""
    if promotion.from_time is None or promotion.until_time is None:
        return _moment(day, time(), zone), _moment(day + DAY, time(), zone)
    ends_on = day + DAY if promotion.until_time < promotion.from_time else day
    return _moment(day, promotion.from_time, zone), _moment(ends_on, promotion.until_time, zone)


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """In UTC: two moments of one zone would be compared by their wall clocks."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _runs(days: Iterable[date]) -> Iterator[list[date]]:
    """Days that follow one another, together."""
    run: list[date] = []
    for day in days:
        if run and day - run[-1] > DAY:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _goes_on(promotion: Promotion, run: list[date], month: Month, zone: ZoneInfo) -> tuple[bool, bool]:
    """Whether it holds on the day before the month, and on the day after it, too."""
    before = run[0] == month.first and _holds_on(promotion, month.before.last, zone)
    after = run[-1] == month.last and _holds_on(promotion, month.after.first, zone)
    return before, after
