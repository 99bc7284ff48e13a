"""Tax rules, categories and holidays, and the deposits and fees beside them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from jwo_store.admin_site import (
    HistoryAdmin,
    YesNoFilter,
    display,
    site,
)
from pricing.admin.dated import DatedAdmin
from pricing.admin.forms import FeeForm, ReasonedForm, TaxRuleForm
from pricing.models import (
    Fee,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)


@admin.register(Fee, site=site)
class FeeAdmin(DatedAdmin):
    nothing_yet = (
        "Deposits and fees on top of a price stand here; add one where the law wants it, for example on bottles."
    )
    form = FeeForm
    noun = "fee"
    list_display = ("description", "code", "amount", "taxed", "in_stores", "when", "starts", "ends")
    list_prefetch_related = ("stores",)
    search_fields = ("^code", "~description")
    search_help_text = "Code, or words of the description"
    autocomplete_fields = ("products", "stores")
    fieldsets = (
        (None, {"fields": ("code", "description", "amount", "taxed", "products")}),
        ("Where and when", {"fields": ("all_stores", "stores", *DatedAdmin.when_fields)}),
    )


@admin.register(TaxCategory, site=site)
class TaxCategoryAdmin(HistoryAdmin):
    nothing_yet = "Products that are taxed alike share a tax category; add one, then tax rules for it."
    store_path = None
    ordering = ("code",)
    list_display = ("name", "code", "exempt", "product_count")
    list_filter = (("exempt", YesNoFilter),)
    search_fields = ("^code", "~name")
    search_help_text = "Code, or words of the name"
    form = ReasonedForm
    fields = ("code", "name", "exempt", "reason")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaxCategory]:
        now = timezone.now()
        started = Q(assignments__starts_at__lte=now)
        open_ended = Q(assignments__ends_at__isnull=True) | Q(assignments__ends_at__gt=now)
        rows: QuerySet[TaxCategory] = super().get_queryset(request)
        return rows.annotate(products_now=Count("assignments", filter=started & open_ended))

    @display(description="products now", ordering="products_now")
    def product_count(self, obj: Any) -> int:
        count: int = obj.products_now
        return count


@admin.register(TaxRule, site=site)
class TaxRuleAdmin(DatedAdmin):
    nothing_yet = "The taxes on what you sell stand here; add a rule for each that your stores have to take."
    form = TaxRuleForm
    noun = "tax rule"
    list_display = (
        "jurisdiction",
        "code",
        "rate_in_percent",
        "categories",
        "in_stores",
        "when",
        "starts",
        "ends",
    )
    list_prefetch_related = ("stores", "tax_categories")
    search_fields = ("^code", "~jurisdiction")
    search_help_text = "Code, or words of the jurisdiction"
    autocomplete_fields = ("tax_categories", "stores")
    fieldsets = (
        (None, {"fields": ("code", "jurisdiction", "rate", "tax_categories")}),
        ("Where and when", {"fields": ("all_stores", "stores", *DatedAdmin.when_fields)}),
    )

    @display(description="rate", ordering="rate")
    def rate_in_percent(self, obj: TaxRule) -> str:
        return f"{(obj.rate * 100).normalize():f} %"

    @display(description="tax categories")
    def categories(self, obj: TaxRule) -> str:
        return ", ".join(category.name for category in obj.tax_categories.all())


@admin.register(TaxHoliday, site=site)
class TaxHolidayAdmin(DatedAdmin):
    nothing_yet = "Days on which some products are free of tax stand here; add one when it is announced."
    noun = "tax holiday"
    list_display = ("name", "code", "unit_price_below", "categories", "in_stores", "when", "starts", "ends")
    list_prefetch_related = ("stores", "tax_categories")
    search_fields = ("^code", "~name")
    search_help_text = "Code, or words of the name"
    autocomplete_fields = ("tax_categories", "stores")
    fieldsets = (
        (None, {"fields": ("code", "name", "tax_categories", "unit_price_below")}),
        ("Where and when", {"fields": ("all_stores", "stores", *DatedAdmin.when_fields)}),
    )

    @display(description="tax categories")
    def categories(self, obj: TaxHoliday) -> str:
        return ", ".join(category.name for category in obj.tax_categories.all())
