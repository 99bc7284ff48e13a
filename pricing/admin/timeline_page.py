"""The page "Price over time", and the same as part of the pages of a product and of a price."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.admin.in_view import stores_with
from catalog.models import Product, Store
from jwo_store import access, chosen_store
from jwo_store.admin_site import SelectWidget, clock, site, time_of
from pricing.models import Price
from pricing.moments import MomentWidget, read_moment
from pricing.timeline import Span, Timeline, price_at, strongest, timeline

VIEW = "pricing.view_price"
ANYWHERE = "-"
"""Chosen for what holds where a store has no price of its own."""

SHOWN_PAST, SHOWN_COMING = 12, 24


class OverTimeForm(forms.Form):
    product = forms.CharField(widget=forms.HiddenInput)
    store = forms.ChoiceField(widget=SelectWidget)
    at = forms.CharField(
        label="Price as of",
        required=False,
        max_length=40,
        widget=MomentWidget,
        help_text="Any day and time on the store's clock, past or to come.",
    )

    def __init__(self, entered: dict[str, str], stores: Sequence[Store]) -> None:
        super().__init__(entered)
        self.stores = {store.pk: store for store in stores}
        choices: Any = self.fields["store"]
        choices.choices = [
            *((store.pk, store.name) for store in stores),
            (ANYWHERE, "Stores without a price of their own"),
        ]
        choices.error_messages["invalid_choice"] = "We have no store “%(value)s”. Choose one."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = self.stores.get(cleaned.get("store", ""))
        try:
            cleaned["at"] = read_moment(cleaned.get("at", ""), zone_of(chosen))
        except ValidationError as unclear:
            self.add_error("at", unclear)
        return cleaned


def zone_of(store: Store | None) -> ZoneInfo:
    """The store's clock, or that of most stores."""
    return store.zone if store else ZoneInfo(timezone.get_current_timezone_name())


def over_time(request: HttpRequest) -> HttpResponse:
    held = access.stores_with(request.user, VIEW)
    seen = held.see(Product.objects.all(), "stores")
    product = seen.filter(pk=_printable(request.GET.get("product", ""))).first()
    if product is None:
        raise Http404
    told = tell(product, request, now=timezone.now(), store_id=request.GET.get("store"), at=request.GET.get("at", ""))
    context = {**site.each_context(request), "title": f"Price over time: {product}", "over_time": told}
    return TemplateResponse(request, "admin/pricing/price/over_time_page.html", context)


def _printable(text: str) -> str:
    return text if text.isprintable() else ""


def tell(
    product: Product,
    request: HttpRequest,
    *,
    now: datetime,
    store_id: str | None = None,
    at: str = "",
    of: Price | None = None,
) -> dict[str, Any]:
    """All that the part of the page shows, in at most three queries.

    It starts with the store that is asked for, or that the price `of` whose page it stands on is for: one for all
    stores is seen in the store that is chosen, or else where stores have no price of their own.
    """
    stores = list(stores_with(request, VIEW))
    if of is not None:
        store_id, others = of.store_id, ANYWHERE
    else:
        others = stores[0].pk if stores else ANYWHERE
    first = chosen_store.chosen(request) or others
    form = OverTimeForm({"product": product.pk, "store": store_id or first, "at": at}, stores)
    told: dict[str, Any] = {"form": form, "product": product, "may_add": request.user.has_perm("pricing.add_price")}
    if not form.is_valid():
        return told
    store, asked = form.stores.get(form.cleaned_data["store"]), form.cleaned_data["at"]
    line = timeline(product, store, now=now)
    zone = zone_of(store)
    if asked:
        told |= {"asked": clock(asked, zone), "answer": _said(price_at(product, store, at=asked))}
    return told | {
        "zone": time_of(zone),
        "line": line,
        "rows": list(_rows(line, zone, now)),
        "drawing": _drawing(line, store, now=now, asked=asked) if line.spans else None,
        "add": {"schedule": _schedule(product, store, line, now=now), "temporary": _temporary(product, store, now=now)},
    }


# --- In a table ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    starts: str
    ends: str
    price: str
    link: str
    kind: str
    where: str
    covered: tuple[str, ...]
    state: str
    """`past`, `now` or `next`."""


def _rows(line: Timeline, zone: ZoneInfo, now: datetime) -> Iterator[Row]:
    states = [_state(span, now) for span in line.spans]
    past = states.count("past")
    first = max(0, past - SHOWN_PAST)
    last = past + 1 + SHOWN_COMING
    for span, state in list(zip(line.spans, states, strict=True))[first:last]:
        price = span.price
        yield Row(
            starts=f"before {clock(span.starts_at, zone)}"
            if span.starts_at == line.since
            else clock(span.starts_at, zone),
            ends=clock(span.ends_at, zone) if span.ends_at else "no end",
            price=amount(price) if price else "No price: carts with it wait for a repair",
            link=reverse("admin:pricing_price_change", args=[price.pk]) if price else "",
            kind=kind_of(price) if price else "",
            where=where_of(price) if price else "",
            covered=tuple(f"{amount(one)} ({kind_of(one).lower()}, {where_of(one)})" for one in span.covered),
            state=state,
        )


def _state(span: Span, now: datetime) -> str:
    if span.holds(now):
        return "now"
    return "past" if span.starts_at < now else "next"


def amount(price: Price) -> str:
    unit = f" / {price.product.weight_unit}" if price.product.weight_unit else ""
    return f"{price.amount:.2f}{unit}"


def kind_of(price: Price) -> str:
    return "Temporary" if price.temporary else "Regular"


def where_of(price: Price) -> str:
    return price.store.name if price.store else "all stores"


def _said(price: Price | None) -> str:
    if price is None:
        return "no price: a cart with it waits for a repair"
    return f"{amount(price)} ({kind_of(price).lower()} price, {where_of(price)})"


# --- As a drawing --------------------------------------------------------------------------------------------------

LANE_HEIGHT, BAR_TOP, WORDS_HEIGHT = 46, 18, 14
LEAST_MARGIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Bar:
    """A price in force; strong while it wins. Places are in percent of the width."""

    x: str
    width: str
    text: str
    strong: bool


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    y: int
    bars: tuple[Bar, ...]

    @property
    def bar_y(self) -> int:
        return self.y + BAR_TOP


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, with its words below the lanes and the days at both ends."""

    x: str
    y: int
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    first: str
    last: str

    @property
    def lanes_height(self) -> int:
        return len(self.lanes) * LANE_HEIGHT

    @property
    def words_y(self) -> int:
        return self.lanes_height + WORDS_HEIGHT

    @property
    def height(self) -> int:
        return self.lanes_height + (len(self.marks) + 1) * WORDS_HEIGHT + WORDS_HEIGHT // 2


@dataclass(frozen=True, slots=True)
class _Scale:
    first: datetime
    last: datetime

    def place(self, moment: datetime) -> str:
        """In percent from the left, never outside."""
        return f"{self._share(moment):.2f}%"

    def width(self, starts_at: datetime, ends_at: datetime | None) -> str:
        return f"{self._share(ends_at or self.last) - self._share(starts_at):.2f}%"

    def _share(self, moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - self.first) / (self.last - self.first))) * 100

    def shows(self, price: Price) -> bool:
        return price.starts_at < self.last and (price.ends_at is None or price.ends_at > self.first)


def _drawing(line: Timeline, store: Store | None, *, now: datetime, asked: datetime | None) -> Drawing:
    scale = _scale(line, now)
    lanes: list[Lane] = []
    for of_store in (True, False):
        for temporary in (True, False):
            lane = [p for p in line.prices if (p.store_id is not None, p.temporary) == (of_store, temporary)]
            bars = tuple(_bars([price for price in lane if scale.shows(price)], line, scale))
            if bars:
                where = store.name if of_store and store else "All stores"
                kind = "temporary" if temporary else "regular"
                lanes.append(Lane(f"{where}, {kind}", len(lanes) * LANE_HEIGHT, bars))
    moments = [(now, "now")]
    if asked and scale.first <= asked <= scale.last:
        moments.append((asked, "as of"))
    marks = tuple(
        Mark(scale.place(moment), len(lanes) * LANE_HEIGHT + row * WORDS_HEIGHT, words)
        for row, (moment, words) in enumerate(moments, start=2)
    )
    zone = zone_of(store)
    return Drawing(tuple(lanes), marks, _day(scale.first, zone), _day(scale.last, zone))


def _scale(line: Timeline, now: datetime) -> _Scale:
    """All turns from `since` on, and now, with some room at both ends."""
    edges = [span.starts_at for span in line.spans if span.starts_at > line.since]
    edges += [span.ends_at for span in line.spans if span.ends_at]
    first, last = min([now, *edges]), max([now, *edges])
    margin = max(LEAST_MARGIN, (last - first) / 12)
    return _Scale(max(line.since, first - margin), last + margin)


def _bars(prices: Sequence[Price], line: Timeline, scale: _Scale) -> Iterator[Bar]:
    """Each price for as long as it is in force, and over it, strongly, for as long as it wins."""
    winning = {span.price.pk for span in line.spans if span.price}
    for price in prices:
        text = "" if price.pk in winning else amount(price)
        yield Bar(scale.place(price.starts_at), scale.width(price.starts_at, price.ends_at), text, strong=False)
    own = {price.pk for price in prices}
    for span in line.spans:
        if span.price and span.price.pk in own:
            width = scale.width(span.starts_at, span.ends_at)
            yield Bar(scale.place(span.starts_at), width, amount(span.price), strong=True)


def _day(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


# --- What to do next -----------------------------------------------------------------------------------------------

TEMPORARY_DAYS = 7


def _schedule(product: Product, store: Store | None, line: Timeline, *, now: datetime) -> str:
    """The form of a price, filled in for a new regular price from tomorrow on, where today's regular one holds."""
    regular = strongest(p for p in line.prices if not p.temporary and p.starts_at <= now and not p.is_over(now))
    where = regular.store_id if regular else (store.pk if store else None)
    return _form(
        product=product.pk,
        store=where or "",
        amount=f"{regular.amount:.2f}" if regular else "",
        starts_at=_midnight(now, zone_of(store), days=1).isoformat(),
    )


def _temporary(product: Product, store: Store | None, *, now: datetime) -> str:
    """The same for a temporary price from now on, for a week."""
    ends_at = _midnight(now, zone_of(store), days=1 + TEMPORARY_DAYS)
    return _form(product=product.pk, store=store.pk if store else "", temporary="on", ends_at=ends_at.isoformat())


def _form(**filled: str) -> str:
    """With the store in any case: an empty one is all stores, whatever is chosen."""
    given = {name: text for name, text in filled.items() if text or name == "store"}
    return f"{reverse('admin:pricing_price_add')}?{urlencode(given)}"


def _midnight(now: datetime, zone: ZoneInfo, *, days: int) -> datetime:
    """The start of the day so many days on, as the clock in the store goes."""
    day = (now.astimezone(zone) + timedelta(days=days)).date()
    return datetime(day.year, day.month, day.day, tzinfo=zone)
