"""Days as they go on each store's own clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from catalog.models import Store


@dataclass(frozen=True, slots=True)
class Clock:
    """The purchases of all stores on whose clocks it is the same time."""

    zone: ZoneInfo
    purchases: Q

    def midnight(self, now: datetime, *, days_ago: int = 0) -> datetime:
        """The start of the store's today, or of the day so many days before."""
        return self._start_of(now.astimezone(self.zone).date() - timedelta(days=days_ago))

    def same_time(self, now: datetime, *, days_ago: int) -> datetime:
        """That long before, when the clock showed what it shows now."""
        then = now.astimezone(self.zone).replace(tzinfo=None) - timedelta(days=days_ago)
        return then.replace(tzinfo=self.zone)

    def within(self, now: datetime, *, days_ago: int = 0) -> Q:
        first, last = self.midnight(now, days_ago=days_ago), self.midnight(now, days_ago=days_ago - 1)
        return self.purchases & Q(received_at__gte=first, received_at__lt=last)

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.zone)


def clocks_of(stores: Sequence[Store], *, whole: bool) -> list[Clock]:
    """The clocks of these stores; of purchases of all stores, what is of none that we know goes by the page's."""
    zones: dict[str, list[str]] = {}
    for store in stores:
        zones.setdefault(store.time_zone, []).append(store.pk)
    if not whole:
        return [Clock(ZoneInfo(zone), Q(store__in=ids)) for zone, ids in zones.items()]
    ours = timezone.get_current_timezone_name()
    elsewhere = {zone: ids for zone, ids in zones.items() if zone != ours}
    not_ours = [store for ids in elsewhere.values() for store in ids]
    rest = ~Q(store__in=not_ours) if not_ours else Q()
    return [Clock(ZoneInfo(ours), rest), *(Clock(ZoneInfo(zone), Q(store__in=ids)) for zone, ids in elsewhere.items())]


def received_on(clocks: Sequence[Clock], now: datetime, *, days_ago: int = 0) -> Q:
    """Purchases received on today's day, or so many days before; with bounds over all clocks, for an index to serve."""
    if not clocks:
        return Q(pk__in=())
    first = min(clock.midnight(now, days_ago=days_ago) for clock in clocks)
    last = max(clock.midnight(now, days_ago=days_ago - 1) for clock in clocks)
    each = reduce(or_, (clock.within(now, days_ago=days_ago) for clock in clocks))
    return Q(received_at__gte=first, received_at__lt=last) & each
