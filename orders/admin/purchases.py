from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from catalog.admin.in_view import store_choices
from catalog.models import Store
from jwo_store import access, admin_site
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    DropdownFilter,
    StoreDayRangeFilter,
    Window,
    YesNoFilter,
    ask,
    brief_clock,
    display,
    grave,
    holds,
    on_clock,
    reason_form,
    site,
)
from orders import checkout, purchases, today
from orders.admin import waiting
from orders.admin.saved_views import ViewFilter, view_links
from orders.admin.search import purchases_matching
from orders.admin.story import TONES, marks, story
from orders.admin.today import CAUSES, VIEW, sees_unknown
from orders.models import Problem, PromotionSaving, Purchase
from orders.statuses import MoveRefused, Status


def with_each(request: HttpRequest, queryset: QuerySet[Any], do: Callable[[Any], object], done: str) -> None:
    admin_site.with_each(request, queryset, do, noun="purchase", done=done, refused=MoveRefused)


@admin.action(description="Price again", permissions=["reprice"])
def reprice(_admin: Any, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
    now = timezone.now()
    with_each(request, queryset, lambda row: purchases.reprice(row, by=request.user, now=now), "priced again")  # type: ignore[arg-type]


@admin.action(description="Send again", permissions=["send"])
def send_again(_admin: Any, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
    now = timezone.now()
    with_each(request, queryset, lambda row: checkout.send_again(row, by=request.user, now=now), "sent again")  # type: ignore[arg-type]


@grave
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

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        unknown = [(self.UNKNOWN, "A store that we do not know")] if sees_unknown(request) else []
        return [*store_choices(request, VIEW), *unknown]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.UNKNOWN:
            unknown: QuerySet[Any] = queryset.of_unknown_stores()  # type: ignore[attr-defined]  # of purchases
            return unknown
        return queryset.filter(store=self.value()) if self.value() else queryset


class OrderFilter(DropdownFilter):
    title = "order"
    parameter_name = "order"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "Without one, though it should have"), ("slow", "It took longer than a minute")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "none":
                return queryset.filter(today.NO_ORDER)
            case "slow":
                return queryset.filter(today.SLOW_ORDER, status=Status.ORDERED)
            case _:
                return queryset


class CauseFilter(DropdownFilter):
    title = "what is missing"
    parameter_name = "cause"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return list(CAUSES.items())

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        causes = Problem.objects.filter(cause=self.value(), purchase__status=Status.UNPRICED)
        return queryset.filter(pk__in=causes.values("purchase")) if self.value() else queryset


class PromotionFilter(DropdownFilter):
    """Comes with a link: so many promotions are no choice."""

    title = "promotion"
    parameter_name = "promotion"

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        code = request.GET.get(self.parameter_name, "")
        return [(code, code)] if code else []

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        saved = PromotionSaving.objects.filter(code=self.value(), purchase=OuterRef("pk"))
        return queryset.filter(Exists(saved)) if self.value() else queryset


@admin.register(Purchase, site=site)
class PurchaseAdmin(Window):
    nothing_yet = (
        "Every trip stands here as soon as Amazon sends its cart; the first comes by itself when somebody has shopped."
    )
    store_path = "store"
    has_reprice_permission = holds("orders.reprice_purchase")
    has_send_permission = holds("orders.send_purchase")
    has_close_permission = holds("orders.close_purchase")
    list_display = ("purchase_id", "store_name", "left", "state", "total", "order_id", "remarks")
    list_before_template = "admin/orders/purchase/saved_views.html"
    list_filter = (
        ViewFilter,
        ("status", ChoicesDropdownFilter),
        StoreFilter,
        OrderFilter,
        CauseFilter,
        PromotionFilter,
        ("received_at", StoreDayRangeFilter),
        ("possibly_charged", YesNoFilter),
        ("is_test", YesNoFilter),
        ("environment", ChoicesDropdownFilter),
    )
    sortable_by = ()
    search_fields = ("=purchase_id",)
    search_help_text = "Any ID, SKU, barcode or total such as 12.34"
    actions = (reprice, send_again, close)
    buttons = ("reprice", "send_again", "close")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        """With the store's name and zone beside it: a join would lose the purchases of stores that we do not know."""
        store = Store.objects.filter(pk=OuterRef("store_id"))
        rows: QuerySet[Purchase] = super().get_queryset(request)
        return rows.defer("raw", "body", "trace").annotate(
            known_store=Subquery(store.values("name")), store_zone=Subquery(store.values("time_zone"))
        )

    def found_by(self, _request: HttpRequest, text: str) -> Q:
        return Q(pk__in=purchases_matching(text))

    def visible(self, request: HttpRequest, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Those of stores that we do not know are for who may see these, wherever else they work."""
        seen = super().visible(request, rows)
        return seen if sees_unknown(request) else seen.filter(store__in=Store.objects.order_by().values("pk"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list with its saved views. Who looked for something and found one purchase is led to its page at once."""
        answer = super().changelist_view(request, {"view_links": view_links(request), **(extra_context or {})})
        shown = getattr(answer, "context_data", {}).get("cl")
        if shown is not None and shown.query and shown.result_count == 1 and request.method == "GET":
            return HttpResponseRedirect(reverse("admin:orders_purchase_change", args=[shown.result_list[0].pk]))
        return answer

    def get_urls(self) -> list[URLPattern]:
        waits = self.admin_site.admin_view(self.waiting_view)
        return [path("waiting/", waits, name="orders_purchase_waiting"), *super().get_urls()]

    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return waiting.page(request, self.visible(request), may_price=self.has_reprice_permission(request))

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
        rows = self.visible(request, Purchase.objects.defer("raw"))
        purchase = rows.filter(pk=key).first() if key.isdecimal() else None
        if purchase is None:
            raise Http404
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            **story(purchase, access.stores_with(request.user, "pricing.view_promotion")),
            "repairs": waiting.repairs(purchase, request),
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
    def left(self, obj: Any) -> str:
        return _on_its_clock(obj.trip_ended_at, obj)

    @display(description="status", label={str(status): tone for status, tone in TONES.items()})
    def state(self, obj: Purchase) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="total")
    def total(self, obj: Purchase) -> str:
        return "—" if obj.price_total is None else f"{obj.price_total:.2f} {obj.currency}"

    @display(description="remarks", label=True)
    def remarks(self, obj: Purchase) -> list[str]:
        on_its_way = obj.status == Status.AWAITING_CHECKOUT
        return [*marks(obj), *([f"Next try {_on_its_clock(obj.submit_after, obj)}"] if on_its_way else [])]


def _on_its_clock(moment: datetime | None, purchase: Any) -> str:
    """On that of its store, which is named where it is not the page's."""
    return on_clock(moment, ZoneInfo(purchase.store_zone) if purchase.store_zone else None, brief_clock)
