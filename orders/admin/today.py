"""What the page "Today" says of purchases; each figure leads to the list of just the rows that it counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.http import urlencode

from catalog.admin.in_view import InView, in_view
from catalog.clocks import zone_of
from jwo_store import access, chosen_store
from jwo_store.admin_site import Tile, counted, on_clock, site
from jwo_store.charts import DayChart, day_chart
from jwo_store.dashboard import TABLE, Column, Panel, table
from orders import today
from orders.admin.story import ago
from orders.days import Clock, clocks_of, received_on
from orders.models import Purchase
from orders.statuses import Status
from orders.today import Figures, Saved, TwoDays
from pricing.models import Promotion

VIEW = "orders.view_purchase"
SHOWN_PROMOTIONS = 10


@dataclass(frozen=True, slots=True)
class Shop:
    """What several parts of the page need, read once a request."""

    view: InView
    clocks: Sequence[Clock]
    days: TwoDays
    weekday: str


def sees_unknown(request: HttpRequest) -> bool:
    """Whether this person may see purchases of stores that we do not know: they are of no store of anybody's."""
    seen, unknown = (access.stores_with(request.user, code) for code in (VIEW, "orders.view_unknown_purchase"))
    return seen.everywhere and unknown.everywhere


def shop_of(request: HttpRequest, now: datetime) -> Shop | None:
    """None for somebody who may not see purchases."""
    if not request.user.has_perm(VIEW):
        return None
    known: Shop | None = getattr(request, "_shop_today", None)
    if known is None:
        view = in_view(request, VIEW)
        view = InView(view.stores, whole=view.whole and sees_unknown(request))
        clocks = clocks_of(view.stores, whole=view.whole)
        weekday = formats.date_format(timezone.localtime(now), "l")
        known = Shop(view, clocks, today.two_days(clocks, now), weekday)
        request._shop_today = known  # type: ignore[attr-defined]  # noqa: SLF001  ours
    return known


def purchases(request: HttpRequest, *, tests: bool = False, **filters: str) -> str:
    """The link to the list of real purchases of the running environment, filtered like the page."""
    store = chosen_store.chosen(request)
    query: dict[str, str | int] = {
        **filters,
        "is_test__exact": int(tests),
        "environment__exact": settings.JWO_ENVIRONMENT,
    }
    return (
        f"{reverse('admin:orders_purchase_changelist')}?{urlencode({**query, **({'store': store} if store else {})})}"
    )


def _unfinished(shop: Shop) -> Q:
    """Where what waits belongs to."""
    return Q() if shop.view.whole else Q(store__in=shop.view.ids)


# --- Tiles ---------------------------------------------------------------------------------------------------------


def purchase_tiles(request: HttpRequest, now: datetime) -> Iterator[Tile]:
    """How the day goes, then what waits and since when; four queries over what indexes hold."""
    shop = shop_of(request, now)
    if shop is None:
        return
    yield from _of_the_day(request, shop)
    yield from _of_what_waits(request, shop, now)
    tests = Purchase.objects.filter(received_on(shop.clocks, now), is_test=True, environment=settings.JWO_ENVIRONMENT)
    count = tests.order_by().count()
    if count:
        link = purchases(request, tests=True, view="today")
        yield Tile("Test trips today", str(count), link, hint="in no other figure here")


def _of_the_day(request: HttpRequest, shop: Shop) -> Iterator[Tile]:
    now, then = shop.days.today, shop.days.then
    last = f"last {shop.weekday} by this time"
    yield Tile("Trips today", f"{now.trips:,}", purchases(request, view="today"), hint=f"{then.trips or 'none'} {last}")
    yield Tile(
        "Revenue today",
        in_money(now.revenue),
        purchases(request, view="today", status__exact=Status.ORDERED),
        hint=f"with tax; {in_money(then.revenue)} {last}" if then.revenue else "with tax",
    )
    yield Tile(
        "Trips with an order",
        in_percent(now.rate),
        purchases(request, view="today", order="none"),
        tone="look" if now.without_order else "good",
        hint=f"{now.without_order:,} of {now.due:,} without"
        + (f"; {in_percent(then.rate)} {last}" if then.due else ""),
    )
    yield Tile(
        "From cart to order",
        in_seconds(now.wait),
        purchases(request, view="today", order="slow"),
        tone="look" if now.slow else "good",
        hint=f"on average; {now.slow:,} took longer than a minute",
    )


def _of_what_waits(request: HttpRequest, shop: Shop, now: datetime) -> Iterator[Tile]:
    waiting = today.real_trips().waiting_for_order().filter(_unfinished(shop))  # type: ignore[attr-defined]
    waits = waiting.aggregate(
        parked=Count("pk", filter=Q(status=Status.UNPRICED)),
        under_way=Count("pk", filter=Q(status=Status.AWAITING_CHECKOUT)),
        refused=Count("pk", filter=Q(status=Status.REJECTED)),
        since=Min("received_at"),
    )
    yield _to_look_at("Waiting for a repair", waits["parked"], purchases(request, status__exact=Status.UNPRICED))
    yield _to_look_at("Refused by Amazon", waits["refused"], purchases(request, status__exact=Status.REJECTED))
    under_way = purchases(request, status__exact=Status.AWAITING_CHECKOUT)
    yield Tile("On the way to Amazon", f"{waits['under_way']:,}", under_way)
    yield _oldest(request, shop, waiting, waits["since"], now)


def _oldest(
    request: HttpRequest, shop: Shop, waiting: QuerySet[Purchase], since: datetime | None, now: datetime
) -> Tile:
    """Found by its very moment: looked for in order, a prepared statement would read all that is done."""
    title = "Oldest without an order"
    oldest = waiting.filter(received_at=since).only("pk", "store_id").first() if since else None
    if since is None or oldest is None:
        return Tile(title, "—", purchases(request, view="open"), hint="nothing waits")
    link = reverse("admin:orders_purchase_change", args=[oldest.pk])
    zone = zone_of(store for store in shop.view.stores if store.pk == oldest.store_id)
    return Tile(title, ago(since, now), link, hint=f"since {on_clock(since, zone)}")


def _to_look_at(title: str, count: int, link: str) -> Tile:
    return Tile(title, f"{count:,}", link, tone="look" if count else "good")


# --- In words ------------------------------------------------------------------------------------------------------


def in_money(revenue: Mapping[str, Decimal]) -> str:
    return " + ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(revenue.items())) or "0.00"


def in_percent(rate: float | None) -> str:
    """Never rounded up to all of them."""
    return "—" if rate is None else f"{int(rate * 10) / 10:.1f}%".replace("100.0", "100").replace(".0%", "%")


def in_seconds(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  a minute


# --- The day by hour -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    """What one drawing shows of each hour. `on_average`: the day's value says more than the highest hour's."""

    title: str
    value: Callable[[Figures], float | None]
    said: Callable[[Figures], str]
    most: float | None = None


def _revenue_of(currency: str) -> Measure:
    return Measure(
        f"Revenue ({currency}, with tax)",
        lambda figures: float(figures.revenue.get(currency, 0)),
        lambda figures: f"{figures.revenue.get(currency, Decimal(0)):,.2f}",
    )


def _measures(days: TwoDays) -> list[Measure]:
    currencies = {*days.today.revenue, *(c for hour in days.then_by_hour for c in hour.revenue)}
    return [
        Measure("Trips", lambda figures: figures.trips, lambda figures: f"{figures.trips:,}"),
        *(_revenue_of(currency) for currency in sorted(currencies)),
        Measure("Trips with an order", lambda f: f.rate, lambda f: in_percent(f.rate), most=100),
        Measure("From cart to order", lambda f: f.wait, lambda f: in_seconds(f.wait)),
    ]


def day_panel(request: HttpRequest, now: datetime) -> Iterator[Panel]:
    shop = shop_of(request, now)
    if shop is None:
        return
    title = f"Today beside last {shop.weekday}"
    any_trips = shop.days.today.trips or any(hour.trips for hour in shop.days.then_by_hour)
    if not any_trips:
        yield Panel(title, CHARTS, {"nothing": NO_TRIPS if shop.view.stores else NO_STORES}, is_wide=True)
        return
    measures = _measures(shop.days)
    told = {
        "weekday": shop.weekday,
        "charts": [_chart(measure, shop) for measure in measures],
        "rows": list(_rows(measures, shop)),
    }
    yield Panel(title, CHARTS, told, is_wide=True)


CHARTS = "admin/today/charts.html"
NO_TRIPS = "No trip has come in yet today. As soon as a shopper leaves a store, the day is drawn here hour by hour."
NO_STORES = "There is no store yet. Add the first one under Set-up, Stores; its trips are then drawn here by hour."


def _chart(measure: Measure, shop: Shop) -> DayChart:
    days = shop.days
    then = measure.said(days.then) if days.then.trips else "nothing"
    hours = [*days.today_by_hour, *days.then_by_hour]
    highest = max(hours, key=lambda figures: measure.value(figures) or 0)
    top = (
        (measure.most, in_percent(measure.most))
        if measure.most
        else (measure.value(highest) or 0, measure.said(highest))
    )
    return day_chart(
        measure.title,
        f"{measure.said(days.today)} today; {then} last {shop.weekday} by this time",
        today=[(_drawn(measure, hour), measure.said(hour)) for hour in days.today_by_hour],
        then=[(_drawn(measure, hour), measure.said(hour)) for hour in days.then_by_hour],
        top=top,
    )


def _drawn(measure: Measure, figures: Figures) -> float | None:
    return measure.value(figures) if figures.trips else None


@dataclass(frozen=True, slots=True)
class LabelledText:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class HourRow:
    hour: str
    cells: tuple[LabelledText, ...]


def _rows(measures: Sequence[Measure], shop: Shop) -> Iterator[HourRow]:
    """The hours in which there was a trip, on one of the days."""
    for hour, (now, then) in enumerate(zip(shop.days.today_by_hour, shop.days.then_by_hour, strict=True)):
        if now.trips or then.trips:
            pairs = ((measure, figures) for measure in measures for figures in (now, then))
            cells = tuple(
                LabelledText(measure.title if figures is now else f"last {shop.weekday}", measure.said(figures))
                for measure, figures in pairs
            )
            yield HourRow(f"{hour}:00", cells)


# --- Carts that wait, by cause -------------------------------------------------------------------------------------

CAUSES = {
    "store": "A store that we do not know",
    "time": "A trip that ends in the future",
    "size": "Very many pieces",
    "product": "A product that we do not know, or two with one barcode",
    "quantity": "A quantity that cannot be right",
    "unit": "The unit in which a product is counted",
    "price": "A product without a price",
    "fee": "A deposit or fee",
    "tax": "A product or category without a tax rule",
    "fault": "Our own software failed",
}
"""What carts wait for, by the cause that pricing names."""

CAUSE, CARTS = Column("What is missing"), Column("Carts", is_number=True)


def parked_panel(request: HttpRequest, now: datetime) -> Iterator[Panel]:
    shop = shop_of(request, now)
    if shop is None:
        return
    parked = today.real_trips().filter(_unfinished(shop), status=Status.UNPRICED)
    counts = today.parked_by_cause(parked)
    rows = [
        (CAUSES.get(cause, cause), (str(carts), purchases(request, status__exact=Status.UNPRICED, cause=cause)))
        for cause, carts in counts
    ]
    told = table([CAUSE, CARTS], rows, nothing="No cart waits for a repair.")
    link = reverse("admin:orders_purchase_waiting") if counts else ""
    yield Panel("Waiting for a repair", TABLE, told, link=link, link_text="Mend them, what most carts wait for first")


# --- Promotions ----------------------------------------------------------------------------------------------------

PROMOTION, TRIPS, SAVED = Column("Promotion"), Column("Trips", is_number=True), Column("Saved", is_number=True)


def promotions_panel(request: HttpRequest, now: datetime) -> Iterator[Panel]:
    shop = shop_of(request, now)
    if shop is None or not request.user.has_perm("pricing.view_promotion"):
        return
    saved = today.saved_by_promotion(shop.clocks, now)
    shown = saved[:SHOWN_PROMOTIONS]
    codes = [one.code for one in shown]
    names = dict(Promotion.objects.filter(code__in=codes).order_by("starts_at").values_list("code", "name"))
    told = table(
        [PROMOTION, TRIPS, SAVED],
        [_saving(request, one, names) for one in shown],
        said=_saved_in_all(saved),
        nothing="No promotion has saved anything yet today.",
    )
    link = f"{reverse('admin:pricing_promotion_changelist')}?state=live"
    yield Panel("What promotions save today", TABLE, told, link=link, link_text="All live promotions")


def _saving(request: HttpRequest, one: Saved, names: Mapping[str, str]) -> Sequence[str | tuple[str, str]]:
    trips = purchases(request, view="today", promotion=one.code)
    amount = f"{one.amount:,.2f} {one.currency}"
    return names.get(one.code, one.code), (f"{one.trips:,}", trips), amount


def _saved_in_all(saved: Iterable[Saved]) -> str:
    totals: dict[str, Decimal] = {}
    for one in saved:
        totals[one.currency] = totals.get(one.currency, Decimal(0)) + one.amount
    count = len({one.code for one in saved})
    return f"{in_money(totals)} by {counted(count, 'promotion')}." if totals else ""


site.add_tiles(purchase_tiles)
site.add_panel(day_panel)
site.add_panel(parked_panel, rank=1)
site.add_panel(promotions_panel, rank=1)
