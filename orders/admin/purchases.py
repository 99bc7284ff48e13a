from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog.models import Store
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    DayRangeFilter,
    DropdownFilter,
    Tile,
    Window,
    YesNoFilter,
    ask,
    brief_clock,
    clock,
    counted,
    display,
    reason_form,
    site,
)
from orders import checkout, purchases
from orders.admin.search import purchases_matching
from orders.admin.story import TONES, ago, marks, start_of_today, story
from orders.models import Purchase
from orders.statuses import MoveRefused, Status

SHOWN_REFUSALS = 5


def with_each(request: HttpRequest, queryset: QuerySet[Any], do: Callable[[Any], object], done: str) -> None:
    """Do it with each row, and tell how many it was done with and why not with the others."""
    count, refusals = 0, []
    for row in queryset:
        try:
            do(row)
        except MoveRefused as refused:
            refusals.append(f"{row}: {refused}")
        else:
            count += 1
    if count:
        messages.success(request, f"{counted(count, 'purchase')} {done}.")
    for refusal in refusals[:SHOWN_REFUSALS]:
        messages.error(request, refusal)
    if len(refusals) > SHOWN_REFUSALS:
        messages.error(request, f"The same was refused for {len(refusals) - SHOWN_REFUSALS} more.")


@admin.action(description="Price again", permissions=["reprice"])
def reprice(_admin: Any, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
    now = timezone.now()
    with_each(request, queryset, lambda row: purchases.reprice(row, by=request.user, now=now), "priced again")  # type: ignore[arg-type]


@admin.action(description="Send again", permissions=["send"])
def send_again(_admin: Any, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
    now = timezone.now()
    with_each(request, queryset, lambda row: checkout.send_again(row, by=request.user, now=now), "sent again")  # type: ignore[arg-type]


@admin.action(description="Close with a reason…", permissions=["close"])
def close(_admin: Any, request: HttpRequest, queryset: QuerySet[Purchase]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="close",
            button="Close",
            title="Close",
            text="These purchases are given up: nothing more is sent to Amazon for them, and the shopper is not "
            "charged unless Amazon did so already.",
        )
    reason, now = form.cleaned_data["reason"], timezone.now()
    with_each(request, queryset, lambda row: checkout.close(row, reason=reason, by=request.user, now=now), "closed")  # type: ignore[arg-type]
    return None


class StoreFilter(DropdownFilter):
    title = "store"
    parameter_name = "store"
    UNKNOWN = "-"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [*Store.objects.values_list("store_id", "name"), (self.UNKNOWN, "A store that we do not know")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.UNKNOWN:
            return queryset.exclude(store__in=Store.objects.all())
        return queryset.filter(store=self.value()) if self.value() else queryset


@admin.register(Purchase, site=site)
class PurchaseAdmin(Window):
    list_display = ("purchase_id", "store_name", "left", "state", "total", "order_id", "next_try", "remarks")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        StoreFilter,
        ("received_at", DayRangeFilter),
        ("possibly_charged", YesNoFilter),
        ("is_test", YesNoFilter),
        ("environment", ChoicesDropdownFilter),
    )
    sortable_by = ()
    show_full_result_count = False
    search_fields = ("=purchase_id",)
    search_help_text = "Purchase, order, trip or request ID; SKU or barcode"
    actions = (reprice, send_again, close)
    buttons = ("reprice", "send_again", "close")

    def has_reprice_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.reprice_purchase")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.send_purchase")

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.close_purchase")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        """With the store's name beside it: a join would lose the purchases of stores that we do not know."""
        store = Store.objects.filter(pk=OuterRef("store_id"))
        rows: QuerySet[Purchase] = super().get_queryset(request)
        return rows.defer("raw", "body", "trace").annotate(known_store=Subquery(store.values("name")))

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(pk__in=purchases_matching(text)) if text else queryset), False

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return {
            Status.UNPRICED: ("reprice", "close"),
            Status.AWAITING_CHECKOUT: ("send_again", "close"),
            Status.REJECTED: ("reprice", "send_again", "close"),
            Status.CLOSED: ("send_again",) if obj.body else (),
        }.get(obj.status, ())

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = unquote(object_id)
        purchase = Purchase.objects.defer("raw").filter(pk=key).first() if key.isdecimal() else None
        if purchase is None:
            raise Http404
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            **story(purchase),
            "title": str(purchase),
            "original": purchase,
            "opts": self.opts,
            "page_buttons": self.page_buttons(request, purchase),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/orders/purchase/page.html", context)

    @display(description="store")
    def store_name(self, obj: Any) -> str:
        return obj.known_store or f"{obj.store_id} (unknown)"

    @display(description="shopper left")
    def left(self, obj: Purchase) -> str:
        return brief_clock(obj.trip_ended_at)

    @display(description="status", label={str(status): tone for status, tone in TONES.items()})
    def state(self, obj: Purchase) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="total")
    def total(self, obj: Purchase) -> str:
        return "—" if obj.price_total is None else f"{obj.price_total:.2f} {obj.currency}"

    @display(description="next try")
    def next_try(self, obj: Purchase) -> str:
        return brief_clock(obj.submit_after) if obj.status == Status.AWAITING_CHECKOUT else "—"

    @display(description="remarks", label=True)
    def remarks(self, obj: Purchase) -> list[str]:
        return marks(obj)


COUNTED_DAYS = timedelta(days=7)
"""An order comes at most that long after its cart; it lets an index answer how many were ordered today."""


def purchase_tiles(request: HttpRequest, now: datetime) -> Iterable[Tile]:
    """What waits, and since when; two queries over what an index holds."""
    if not request.user.has_perm("orders.view_purchase"):
        return
    real = Purchase.objects.filter(is_test=False, environment=settings.JWO_ENVIRONMENT)
    waits = real.waiting_for_order().aggregate(
        parked=Count("pk", filter=Q(status=Status.UNPRICED)),
        under_way=Count("pk", filter=Q(status=Status.AWAITING_CHECKOUT)),
        refused=Count("pk", filter=Q(status=Status.REJECTED)),
        since=Min("received_at"),
    )
    today = start_of_today(now)
    ordered = real.filter(status=Status.ORDERED, received_at__gte=today - COUNTED_DAYS, ordered_at__gte=today).count()
    lists = reverse("admin:orders_purchase_changelist")
    yield _to_look_at("Waiting for a repair", waits["parked"], f"{lists}?status__exact=UNPRICED")
    yield _to_look_at("Refused by Amazon", waits["refused"], f"{lists}?status__exact=REJECTED")
    yield Tile("On the way to Amazon", str(waits["under_way"]), f"{lists}?status__exact=AWAITING_CHECKOUT")
    yield Tile("Ordered today", str(ordered), f"{lists}?status__exact=ORDERED", tone="good")
    since = waits["since"]
    hint = f"since {clock(since)}" if since else "nothing waits"
    yield Tile("Oldest without an order", ago(since, now) if since else "—", lists, hint=hint)


def _to_look_at(title: str, count: int, link: str) -> Tile:
    return Tile(title, str(count), link, tone="look" if count else "good")


site.add_tiles(purchase_tiles)
