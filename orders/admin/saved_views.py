"""What staff look for most, as links above the list of purchases, each with its count."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from catalog.models import Store
from jwo_store import chosen_store
from jwo_store.admin_site import DropdownFilter, site
from orders.days import Clock, clocks_of, received_on
from orders.models import Purchase
from orders.statuses import Status

MOST = 1000
"""Counting stops there: a link must cost little however many there are."""

LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SavedView:
    """`rows(queryset, now)` are those of the queryset that the view shows; an index serves each."""

    name: str
    title: str
    rows: Callable[[QuerySet[Any], datetime], QuerySet[Any]]

    def count(self, purchases: QuerySet[Any], now: datetime) -> str:
        """`12`, or `1000+`."""
        found = self.rows(purchases.order_by(), now)[: MOST + 1].count()
        return f"{MOST}+" if found > MOST else str(found)


def _all_clocks() -> list[Clock]:
    return clocks_of(list(Store.objects.all()), whole=True)


SAVED_VIEWS = (
    SavedView("waiting", "Waiting for a repair", lambda rows, _: rows.filter(status=Status.UNPRICED)),
    SavedView("refused", "Refused", lambda rows, _: rows.filter(status=Status.REJECTED)),
    SavedView(
        "late",
        "On the way longer than an hour",
        lambda rows, now: rows.filter(status=Status.AWAITING_CHECKOUT, received_at__lte=now - LATE),
    ),
    SavedView("open", "Without an order", lambda rows, _: rows.waiting_for_order()),  # type: ignore[attr-defined]
    SavedView(
        "charged",
        "May have been charged",
        lambda rows, _: rows.filter(possibly_charged=True, order_id__isnull=True),
    ),
    SavedView("today", "Today", lambda rows, now: rows.filter(received_on(_all_clocks(), now))),
    SavedView("tests", "Test trips", lambda rows, _: rows.filter(is_test=True)),
)


@dataclass(frozen=True, slots=True)
class ViewLink:
    title: str
    url: str
    count: str
    here: bool


def view_links(request: HttpRequest) -> list[ViewLink]:
    """Of the store by which the list is filtered, as it is after the link."""
    now, shown = timezone.now(), request.GET.get(ViewFilter.parameter_name)
    store = chosen_store.chosen(request)
    seen = site.rows_seen(request, Purchase)
    purchases = seen.filter(store=store) if store else seen
    return [
        ViewLink(
            view.title, f"?{ViewFilter.parameter_name}={view.name}", view.count(purchases, now), view.name == shown
        )
        for view in SAVED_VIEWS
    ]


class ViewFilter(DropdownFilter):
    title = "view"
    parameter_name = "view"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(view.name, view.title) for view in SAVED_VIEWS]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = [view for view in SAVED_VIEWS if view.name == self.value()]
        return chosen[0].rows(queryset, timezone.now()) if chosen else queryset
