"""How it goes today, against the same day of last week: by hour of each store's own clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import ExtractHour
from django.db.models.lookups import GreaterThan

from orders.days import Clock, received_on
from orders.models import Problem, Purchase
from orders.statuses import Status
from pricing.money import ZERO

WEEK = 7
HOURS = 24
SLOW = timedelta(minutes=1)
"""An order that takes longer is looked at: the gate's own promise is seconds."""

NO_ORDER = Q(status__in=[status for status in Status if status not in (Status.EMPTY, Status.ORDERED)])
"""Trips that should end in an order, and have none: told by the status, for `purchase_by_status` to serve."""

SLOW_ORDER = Q(GreaterThan(F("ordered_at") - F("received_at"), SLOW))
"""Put as the index `purchase_slow` of PostgreSQL has it, and with the same minute."""


def real_trips() -> QuerySet[Purchase]:
    """Those of the running environment, without test trips."""
    return Purchase.objects.filter(is_test=False, environment=settings.JWO_ENVIRONMENT).order_by()


@dataclass(slots=True)
class Figures:
    """Of the trips that were received in some hour, or in several."""

    trips: int = 0
    empty: int = 0
    ordered: int = 0
    slow: int = 0
    waited: timedelta = timedelta()
    """For all orders together."""
    revenue: dict[str, Decimal] = field(default_factory=dict)
    """What was ordered, tax included, by currency."""

    def add(self, other: "Figures") -> None:
        self.trips += other.trips
        self.empty += other.empty
        self.ordered += other.ordered
        self.slow += other.slow
        self.waited += other.waited
        for currency, amount in other.revenue.items():
            self.revenue[currency] = self.revenue.get(currency, ZERO) + amount

    @property
    def due(self) -> int:
        """Trips that should end in an order."""
        return self.trips - self.empty

    @property
    def without_order(self) -> int:
        return self.due - self.ordered

    @property
    def rate(self) -> float | None:
        """Percent of them that have one."""
        return 100 * self.ordered / self.due if self.due else None

    @property
    def wait(self) -> float | None:
        """Seconds from cart to order, on average."""
        return self.waited.total_seconds() / self.ordered if self.ordered else None


def _hours() -> list[Figures]:
    return [Figures() for _ in range(HOURS)]


@dataclass(slots=True)
class TwoDays:
    """Today so far; last week's day up to the same time; and both by hour, last week's as a whole."""

    today: Figures = field(default_factory=Figures)
    then: Figures = field(default_factory=Figures)
    today_by_hour: list[Figures] = field(default_factory=_hours)
    then_by_hour: list[Figures] = field(default_factory=_hours)


def two_days(clocks: Sequence[Clock], now: datetime) -> TwoDays:
    """Two queries, each over a range of `purchase_newest` alone; together they would be read from end to end."""
    found = TwoDays()
    for row in _counted_on(clocks, now, days_ago=0):
        figures = _figures(row)
        found.today.add(figures)
        found.today_by_hour[row["hour"]].add(figures)
    for row in _counted_on(clocks, now, days_ago=WEEK):
        figures = _figures(row)
        found.then_by_hour[row["hour"]].add(figures)
        if row["is_by_now"]:
            found.then.add(figures)
    return found


def _counted_on(clocks: Sequence[Clock], now: datetime, *, days_ago: int) -> Iterable[Mapping[str, Any]]:
    if not clocks:
        return ()
    rows = real_trips().filter(received_on(clocks, now, days_ago=days_ago))
    return _counted(rows.annotate(is_by_now=_is_by_now(clocks, now, days_ago), hour=_hour(clocks)))


def _counted(rows: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    ordered = Q(status=Status.ORDERED)
    counted: QuerySet[Any, dict[str, Any]] = rows.values("is_by_now", "hour", "currency").annotate(
        trips=Count("pk"),
        empty=Count("pk", filter=Q(status=Status.EMPTY)),
        ordered=Count("pk", filter=ordered),
        slow=Count("pk", filter=ordered & SLOW_ORDER),
        waited=Sum(F("ordered_at") - F("received_at"), filter=ordered),
        revenue=Sum("price_total", filter=ordered),
    )
    return counted


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(
        trips=row["trips"],
        empty=row["empty"],
        ordered=row["ordered"],
        slow=row["slow"],
        waited=row["waited"] or timedelta(),
        revenue={row["currency"]: row["revenue"]} if row["revenue"] is not None else {},
    )


def _hour(clocks: Sequence[Clock]) -> Any:
    """The hour that the store's clock showed."""
    if len(clocks) == 1:
        return ExtractHour("received_at", tzinfo=clocks[0].zone)
    each = [When(clock.purchases, then=ExtractHour("received_at", tzinfo=clock.zone)) for clock in clocks]
    return Case(*each, output_field=IntegerField())


def _is_by_now(clocks: Sequence[Clock], now: datetime, days_ago: int) -> Any:
    """Whether it was before what the store's clock shows now."""
    each = [clock.purchases & Q(received_at__lt=clock.same_time(now, days_ago=days_ago)) for clock in clocks]
    return Case(When(reduce(or_, each), then=Value(True)), default=Value(False), output_field=BooleanField())


# --- What waits, and what was saved --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Saved:
    """What one promotion saved today, and on how many trips."""

    code: str
    currency: str
    trips: int
    amount: Decimal


def saved_by_promotion(clocks: Sequence[Clock], now: datetime) -> list[Saved]:
    """Those that saved most first; today's trips by `purchase_newest`, their savings by `saving_once`."""
    today = real_trips().filter(received_on(clocks, now), savings__isnull=False)
    rows = (
        today.values("savings__code", "currency")
        .annotate(trips=Count("pk"), saved=Sum("savings__amount"))
        .order_by("-saved", "savings__code")
    )
    return [Saved(row["savings__code"], row["currency"], row["trips"], row["saved"]) for row in rows]


def parked_by_cause(parked: QuerySet[Purchase]) -> list[tuple[str, int]]:
    """How many of these carts wait for each cause, the most first; a cart with several problems counts for each."""
    problems = Problem.objects.filter(purchase__in=parked.values("pk")).order_by()
    counts = problems.values_list("cause").annotate(carts=Count("purchase", distinct=True))
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))
