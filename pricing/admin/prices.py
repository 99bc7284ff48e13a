"""Prices, one by one."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from catalog.admin.in_view import store_choices
from jwo_store.admin_site import (
    DropdownFilter,
    YesNoFilter,
    display,
    named_clock,
    site,
)
from pricing.admin import cart_page, changed_page, timeline_page
from pricing.admin.dated import DatedAdmin, WhenFilter
from pricing.admin.forms import PriceForm
from pricing.admin.price_lists import PriceListsAdmin
from pricing.models import (
    SAVING_TIME,
    Price,
)


class PriceStoreFilter(DropdownFilter):
    title = "store"
    parameter_name = "store"
    ALL = "-"

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(self.ALL, "For all stores"), *store_choices(request, "pricing.view_price")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What holds in the store: its own prices, and those for all stores."""
        for_all = Q(store__isnull=True)
        if self.value() == self.ALL:
            return queryset.filter(for_all)
        return queryset.filter(for_all | Q(store_id=self.value())) if self.value() else queryset


class OwnPriceFilter(DropdownFilter):
    title = "whose"
    parameter_name = "own"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "A store's own price"), ("no", "For all stores")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(store__isnull=self.value() == "no") if self.value() else queryset


@admin.register(Price, site=site)
class PriceAdmin(PriceListsAdmin, DatedAdmin):
    nothing_yet = (
        "What each product costs, where and from when, stands here; add a price or import a list, or else carts wait."
    )
    store_path = ("store", "product__stores")
    form = PriceForm
    noun = "price"
    list_display = ("product", "price", "in_store", "temporary_or_not", "when", "starts", "ends")
    list_select_related = ("product", "store")
    list_filter = (WhenFilter, PriceStoreFilter, OwnPriceFilter, ("temporary", YesNoFilter))
    change_form_outer_after_template = "admin/pricing/price/over_time.html"
    search_fields = ("^product__sku", "~product__name")
    search_help_text = "SKU, or words of the product's name"
    autocomplete_fields = ("product", "store")
    fixed = ("product", "store", "temporary")
    as_text: ClassVar[dict[str, str]] = {
        **DatedAdmin.as_text,
        "amount": "price",
        "store": "in_store",
        "temporary": "temporary_or_not",
    }
    fieldsets = ((None, {"fields": ("product", "store", "amount", "temporary", *DatedAdmin.when_fields)}),)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("cart/", view(self.price_a_cart), name="pricing_price_cart"),
            path("over-time/", view(self.over_time), name="pricing_price_over_time"),
            path("changed/", view(self.changed), name="pricing_price_changed"),
            *super().get_urls(),
        ]

    def price_a_cart(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return cart_page.price_a_cart(request)

    def changed(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return changed_page.what_was_changed(request)

    def over_time(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return timeline_page.over_time(request)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        price = kwargs.get("obj")
        if price is not None:
            told = timeline_page.tell(price.product, request, now=timezone.now(), of=price)
            context["over_time"] = told
        if context["adminform"].form.asks_large:
            shown = context["adminform"]
            shown.fieldsets = [(name, {"fields": _with_the_tick(of["fields"])}) for name, of in shown.fieldsets]
        return super().render_change_form(request, context, *args, **kwargs)

    def filled_with(self, store_id: str) -> dict[str, Any]:
        return {"store": store_id}

    # -- saving

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        obj.before = form.before

    def said_of_change(self, obj: Any) -> str:
        return said_of(obj.held, obj.before)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        if obj.proposal or IS_POPUP_VAR in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, said_of(obj, obj.before))
        return self.go_on(request, obj) or self.response_post_save_add(request, obj)

    # -- what the list shows

    @display(description="price", ordering="amount")
    def price(self, obj: Price) -> str:
        return price_in_words(obj)

    @display(description="store")
    def in_store(self, obj: Price) -> str:
        return obj.store.name if obj.store else "All stores"

    @display(description="kind", label={"Temporary": "warning"})
    def temporary_or_not(self, obj: Price) -> str:
        return "Temporary" if obj.temporary else "Regular"


def _with_the_tick(fields: Sequence[str]) -> list[str]:
    """Right below the amount that it is about."""
    after = list(fields).index("amount") + 1
    return [*fields[:after], "large", *fields[after:]]


def said_of(price: Price, before: Decimal | None) -> str:
    """`Tea (TEA-1) in Arena East: 2.99 USD instead of 2.49, from now on.`: what was saved, and from when it holds."""
    where = price.store.name if price.store else "all stores"
    instead = f" instead of {before:.2f}" if before is not None and before != price.amount else ""
    kind = " as a temporary price" if price.temporary else ""
    starts_now = abs(timezone.now() - price.starts_at) <= SAVING_TIME
    since = "now" if starts_now else named_clock(price.starts_at, price.zone)
    until = f" until {named_clock(price.ends_at, price.zone)}" if price.ends_at else " on"
    return f"{price.product} in {where}: {price_in_words(price)}{instead}{kind}, from {since}{until}."


def price_in_words(price: Price) -> str:
    """`4.25 USD`, `8.99 / lb`: the currency where the price is a store's own, the unit where the product is weighed."""
    currency = f" {price.store.currency}" if price.store else ""
    unit = f" / {price.product.weight_unit}" if price.product.weight_unit else ""
    return f"{price.amount:.2f}{currency}{unit}"
