"""The catalog's pages of stores and products, completed with what belongs to pricing."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.admin import ProductAdmin, StoreAdmin
from catalog.models import Product, Store
from jwo_store import access
from jwo_store.admin_site import (
    counted,
    display,
    on_clock,
    reads,
    site,
)
from pricing.admin import timeline_page
from pricing.admin.changes import change_prices
from pricing.admin.forms import (
    PricedProductForm,
    PricedStoreForm,
)
from pricing.admin.prices import price_in_words
from pricing.models import (
    Price,
    TaxAssignment,
)


@admin.register(Store, site=site)
class PricedStoreAdmin(StoreAdmin):
    """The catalog's store page with what pricing has to say to its settings."""

    form = PricedStoreForm


@admin.register(Product, site=site)
class PricedProductAdmin(ProductAdmin):
    """The catalog's product page with what belongs to pricing: the tax category and the prices of now."""

    form = PricedProductForm
    has_change_prices_permission = reads("pricing.make_pricechange")
    actions = (*ProductAdmin.actions, change_prices)
    change_form_outer_after_template = "admin/pricing/product/after.html"
    list_before_template = "admin/pricing/product/list_buttons.html"
    list_display = ("name", "sku", "at_amazon", "in_category", "price_now", "taxed_as", "sold_as", "in_stores")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        now = timezone.now()
        held = access.stores_with(request.user, "pricing.view_price")
        prices = held.see(Price.objects.in_force(now), "store").select_related("store", "product")
        prices = prices.order_by("store_id", "temporary")
        taxes = TaxAssignment.objects.in_force(now).select_related("tax_category")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("prices", queryset=prices, to_attr="prices_now"),
                Prefetch("tax_assignments", queryset=taxes, to_attr="taxes_now"),
            )
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The form has the tax category; where the page is for reading, the text stands in its place."""
        edits = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        taxed = ("tax_category", *(("reason",) if obj else ())) if edits else ("taxed_as",)
        sold = (*self.sold, *taxed, *(("prices",) if obj else ()))
        return ((None, {"fields": self.about}), ("How it is sold", {"fields": sold}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), "taxed_as", "prices")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        reason = form.cleaned_data.get("reason") or None
        TaxAssignment.assign(obj, form.cleaned_data["tax_category"], now=timezone.now(), reason=reason)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        product = kwargs.get("obj")
        if product is not None and request.user.has_perm("pricing.view_price"):
            context["over_time"] = timeline_page.tell(product, request, now=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="price now")
    def price_now(self, obj: Any) -> str:
        """The price for all stores, if there is one; and how many stores have their own."""
        general = [price for price in obj.prices_now if price.store_id is None]
        own = len({price.store_id for price in obj.prices_now if price.store_id is not None})
        stores = f"own price in {counted(own, 'store')}" if own else ""
        first = price_in_words(winner(general)) if general else ""
        return ", ".join(part for part in (first, stores) if part) or "none"

    @display(description="taxed as")
    def taxed_as(self, obj: Any) -> str:
        return ", ".join(str(row.tax_category) for row in obj.taxes_now) or "nothing yet"

    @display(description="prices now")
    def prices(self, obj: Any) -> SafeString:
        rows = format_html_join(
            "",
            '<li><a class="bo-link" href="{}">{}</a> {}</li>',
            (
                (reverse("admin:pricing_price_change", args=[price.pk]), price_in_words(price), _details(price))
                for price in obj.prices_now
            ),
        )
        links = format_html(
            '<a class="bo-link" href="{}?{}">Add a price</a> · <a class="bo-link" href="{}?{}">All its prices</a>',
            reverse("admin:pricing_price_add"),
            urlencode({"product": obj.pk}),
            reverse("admin:pricing_price_changelist"),
            urlencode({"q": obj.pk}),
        )
        return format_html("<ul>{}</ul>{}", rows or "None: carts with this product wait for a repair.", links)


def winner(prices: Iterable[Price]) -> Price:
    """Of prices in force for the same stores, the one that counts: a temporary one first, then the latest."""
    return max(prices, key=lambda price: (price.temporary, price.starts_at))


def _details(price: Price) -> str:
    where_from = price.store.name if price.store else "in all stores"
    until = f", temporary, until {on_clock(price.ends_at, price.zone)}" if price.temporary else ""
    return f"{where_from}{until}, since {on_clock(price.starts_at, price.zone)}"
