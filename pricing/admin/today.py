"""What the page "Today" says of prices: which change today and tomorrow."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from catalog.admin.in_view import in_view
from jwo_store import access, chosen_store
from jwo_store.admin_site import brief_clock, counted, on_clock, site
from jwo_store.dashboard import TABLE, Column, Panel, table
from pricing.admin.timeline_page import ANYWHERE, amount, where_of
from pricing.models import Price
from pricing.turns import Turn, that_turn, turns

VIEW = "pricing.view_price"
SHOWN = 10
PRODUCT, WHERE = Column("Product"), Column("Holds for")
BEFORE, AFTER, WHEN = Column("From", is_number=True), Column("To", is_number=True), Column("When")


def changes(request: HttpRequest, now: datetime) -> Iterator[Panel]:
    """Six queries besides the stores."""
    if not request.user.has_perm(VIEW):
        return
    view = in_view(request, VIEW)
    seen = Q() if view.whole else Q(store__isnull=True) | Q(store__in=view.ids)
    rows: Any = access.stores_with(request.user, VIEW).see(Price.objects.filter(seen), ("store", "product__stores"))
    count = that_turn(rows, now).order_by().count()
    told = table(
        [PRODUCT, WHERE, BEFORE, AFTER, WHEN],
        [_row(turn) for turn in turns(rows, now, most=SHOWN)],
        nothing="No price changes today or tomorrow.",
    )
    link = _list(request) if count else ""
    words = f"{counted(count, 'price')} that {'starts or ends' if count == 1 else 'start or end'} today or tomorrow"
    yield Panel("Prices that change today and tomorrow", TABLE, told, link=link, link_text=words)


def _list(request: HttpRequest) -> str:
    store = chosen_store.chosen(request)
    query = {"when": "turns", **({"store": store} if store else {})}
    return f"{reverse('admin:pricing_price_changelist')}?{urlencode(query)}"


def _row(turn: Turn) -> Sequence[Any]:
    product = turn.cause.product
    asked = {"product": product.pk, "store": turn.cause.store_id or ANYWHERE}
    page = f"{reverse('admin:pricing_price_over_time')}?{urlencode(asked)}"
    return (product.name, page), where_of(turn.cause), _said(turn.before), _said(turn.after), _at(turn)


def _at(turn: Turn) -> str:
    return on_clock(turn.at, turn.cause.zone, brief_clock)


def _said(price: Price | None) -> str:
    return amount(price) if price else "no price"


site.add_panel(changes, rank=2)
