"""The page "Calendar": the promotions of a month as bars, by store; on a phone as a list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import formats, timezone

from catalog.admin.in_view import stores_with
from catalog.models import Store
from jwo_store import chosen_store
from jwo_store.admin_site import site
from pricing.admin.promotion_moves import page_of
from pricing.models import Promotion
from pricing.promotion_calendar import Bar, Month, bars, begins, in_month
from pricing.promotion_words import days_in_words, hours_in_words
from pricing.promotions import State, state_of

MOST = 300
"""How many versions of promotions one page shows."""
ORDER = (State.LIVE, State.SCHEDULED, State.DRAFT, State.STOPPED, State.ENDED)


@dataclass(frozen=True, slots=True)
class Row:
    """A promotion in one section: the versions of its code that hold in the month."""

    name: str
    link: str
    state: State
    when: str
    bars: tuple[tuple[State, Bar], ...]


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    zone: ZoneInfo
    rows: list[Row]
    undated: list[Row]
    """Drafts that are planned for no time yet."""


def show(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    stores = _stores(request)
    here = ZoneInfo(timezone.get_current_timezone_name())
    alone = stores[0] if len(stores) == 1 else None
    today = timezone.localdate(now, alone.zone if alone else here)
    month = Month.read(request.GET.get("month", ""), today=today)
    found = _promotions(month, stores)
    sections = list(_sections(found[:MOST], month, stores, here, now))
    context = {
        **site.each_context(request),
        "title": "Calendar",
        "month": month,
        "month_name": formats.date_format(month.first, "F Y"),
        "days": [(day, formats.date_format(day, "D"), day.weekday() >= 5) for day in month.days],  # noqa: PLR2004  Saturday
        "today": today,
        "sections": sections,
        "only": alone.name if alone and chosen_store.chosen(request) else "",
        "too_many": MOST if len(found) > MOST else 0,
        "states": ORDER,
        "store": request.GET.get(chosen_store.PARAMETER),
        "may_add": request.user.has_perm("pricing.add_promotion"),
    }
    return TemplateResponse(request, "admin/pricing/promotion/calendar.html", context)


def _stores(request: HttpRequest) -> Sequence[Store]:
    """Those whose promotions this person may look at, or the one of them that is chosen."""
    seen = list(stores_with(request, "pricing.view_promotion").order_by("name", "pk"))
    asked = request.GET.get(chosen_store.PARAMETER)
    only = chosen_store.chosen(request) if asked is None else asked
    return [store for store in seen if store.pk == only] or seen


def _promotions(month: Month, stores: Sequence[Store]) -> list[Promotion]:
    """Of these stores; one more than is shown, if there are more."""
    own = Promotion.stores.through.objects.filter(store_id__in=[store.pk for store in stores]).values("promotion_id")
    rows = in_month(Promotion.objects.all(), month).filter(Q(all_stores=True) | Q(pk__in=own))
    rows = rows.select_related("stop").prefetch_related("stores").order_by("code", "starts_at", "pk")
    return list(rows[: MOST + 1])


def _sections(
    found: Sequence[Promotion], month: Month, stores: Sequence[Store], here: ZoneInfo, now: datetime
) -> Iterator[Section]:
    """One for each store; with several of them, one more for what is in all stores."""
    everywhere = [promotion for promotion in found if promotion.all_stores]
    if len(stores) == 1:
        (store,) = stores
        yield _section(store.name, store.zone, found, month, now)
        return
    yield _section("In all stores", here, everywhere, month, now)
    for store in stores:
        own = [row for row in found if not row.all_stores and store.pk in {each.pk for each in row.stores.all()}]
        if own:
            yield _section(store.name, store.zone, own, month, now)


def _section(title: str, zone: ZoneInfo, found: Sequence[Promotion], month: Month, now: datetime) -> Section:
    drawn: dict[tuple[str, bool], list[tuple[Promotion, list[Bar]]]] = {}
    undated = []
    for promotion in found:
        if begins(promotion) is None:
            undated.append(_row([(promotion, [])], zone, now))
        elif held := bars(promotion, month, zone):
            drawn.setdefault((promotion.code, promotion.is_draft), []).append((promotion, held))
    rows = [_row(versions, zone, now) for versions in drawn.values()]
    rows.sort(key=lambda row: (ORDER.index(row.state), row.bars[0][1].first, row.name))
    return Section(title, zone, rows, undated)


def _row(versions: Sequence[tuple[Promotion, list[Bar]]], zone: ZoneInfo, now: datetime) -> Row:
    newest = versions[-1][0]
    return Row(
        name=newest.name,
        link=page_of(newest),
        state=state_of(newest, now),
        when=when_in_words(newest, zone),
        bars=tuple((state_of(promotion, now), bar) for promotion, held in versions for bar in held),
    )


def when_in_words(promotion: Promotion, zone: ZoneInfo) -> str:
    """`Nov. 3 to Nov. 17, Mondays 16:00 to 18:00`; the days are all included."""
    hours = hours_in_words(promotion.from_time, promotion.until_time)
    recurring = " ".join(part for part in (days_in_words(promotion.weekdays), hours) if part)
    return ", ".join(part for part in (_dates(promotion, zone), recurring) if part)


def _dates(promotion: Promotion, zone: ZoneInfo) -> str:
    start, end = begins(promotion), promotion.ends_at
    first = _day(timezone.localtime(start, zone)) if start else ""
    last = _last_day(timezone.localtime(end, zone)) if end else ""
    if first and last:
        return first if first == last else f"{first} to {last}"
    return f"from {first}" if first else (f"until {last}" if last else "without a date")


def _last_day(end: datetime) -> str:
    """Midnight ends the day before it."""
    return _day(end - timedelta(days=1)) if end.time() == time() else _day(end)


def _day(moment: datetime) -> str:
    """With the time of day unless that is midnight, and the year unless it is this one."""
    year = "" if moment.year == timezone.localdate().year else ", Y"
    clock = "" if moment.time() == time() else ", H:i"
    return formats.date_format(moment, f"N j{year}{clock}")
