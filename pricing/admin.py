"""Prices, promotions, taxes and fees: what is in force is ended and succeeded, never edited (see `Dated.revise`)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join, json_script
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.admin import ProductAdmin, SoldInFilter, StoreAdmin, where
from catalog.models import Product, Store
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    DropdownFilter,
    HistoryAdmin,
    YesNoFilter,
    ask,
    brief_clock,
    clock,
    counted,
    display,
    reason_form,
    site,
)
from pricing.forms import (
    DatedForm,
    FeeForm,
    PricedProductForm,
    PricedStoreForm,
    PriceForm,
    PromotionForm,
    ReasonedForm,
    TaxRuleForm,
    in_words,
)
from pricing.models import (
    VARYING,
    Dated,
    Fee,
    Price,
    Promotion,
    PromotionKind,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)


class WhenFilter(DropdownFilter):
    title = "time"
    parameter_name = "when"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "In force now"), ("coming", "Yet to start"), ("over", "Over")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        match self.value():
            case "now":
                return queryset.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), starts_at__lte=now)
            case "coming":
                return queryset.filter(starts_at__gt=now)
            case "over":
                return queryset.filter(ends_at__lte=now)
            case _:
                return queryset


class PriceStoreFilter(DropdownFilter):
    title = "store"
    parameter_name = "store"
    ALL = "-"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(self.ALL, "For all stores"), *Store.objects.values_list("store_id", "name")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.ALL:
            return queryset.filter(store__isnull=True)
        return queryset.filter(store_id=self.value()) if self.value() else queryset


@admin.action(description="End now…", permissions=["change"])
def end_now(_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    now = timezone.now()
    rows = [row for row in queryset if not row.is_over(now)]
    if not rows:
        messages.warning(request, "What you chose has ended already.")
        return None
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            rows,
            form=form,
            action="end_now",
            button="End now",
            title="End now",
            text="These hold no longer than until now; what is yet to start is taken away. Trips of before keep what "
            "held then. This cannot be undone.",
        )
    for row in rows:
        row._change_reason = form.cleaned_data["reason"]
        row.end(now=now)
    messages.success(request, f"{counted(len(rows), 'entry', 'entries')} ended.")
    return None


class DatedAdmin(HistoryAdmin):
    form = DatedForm
    list_filter: ClassVar[Any] = (WhenFilter, SoldInFilter)
    actions = (end_now,)
    buttons = ("end_now",)
    noun = "entry"
    fixed: tuple[str, ...] = ("code",)
    """What never changes once it is added."""
    autocomplete_fields: ClassVar[Any] = ("stores",)
    when_fields = ("starts_at", "ends_at", "reason")
    as_text: ClassVar[dict[str, str]] = {"all_stores": "in_stores", "starts_at": "since", "ends_at": "until"}
    """What stands for a field on a page for reading."""
    entered: tuple[str, ...] = ("stores", "reason")
    """What a page for reading leaves out."""

    # -- what may be edited

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is over stays as it was: its page is for reading."""
        over = isinstance(obj, Dated) and obj.is_over(timezone.now())
        return not over and super().has_change_permission(request, obj)

    def edits(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fieldsets
        fixed = self.fixed + (("starts_at",) if obj.was_in_force(timezone.now()) else ())
        edits = self.edits(request, obj)

        def shown(field: Any) -> Any:
            return self.as_text.get(field, field) if field in fixed or not edits else field

        return [
            (title, {"fields": [shown(field) for field in options["fields"] if edits or field not in self.entered]})
            for title, options in self.fieldsets or ()
        ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fixed, *self.as_text.values()) if obj else ()

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.is_over(timezone.now()) else self.buttons

    # -- saving

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refused:  # it ended, or something else came into force, while the form was open
            messages.error(request, " ".join(refused.messages))
        except PermissionDenied:
            row = self.get_object(request, object_id) if object_id else None
            if row is None or not row.is_over(timezone.now()) or not super().has_change_permission(request):
                raise
            messages.error(request, "This has ended meanwhile, and what was in force stays as it was.")
        return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            related = {name: form.cleaned_data[name] for name in obj.many if name in form.cleaned_data}
            obj.held = obj.revise(now=timezone.now(), related=related)
        else:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        if not change:  # a revision has taken care of its relations
            super().save_related(request, form, formsets, change)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if obj.held.pk == obj.pk:
            return super().response_change(request, obj)
        messages.success(request, f"The old {self.noun} ended now and the new one holds from now on.")
        if "_continue" in request.POST:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(name, args=[obj.held.pk]))
        return self.response_post_save_change(request, obj)

    # -- what the list shows

    @display(description="time", label={"In force": "success", "Yet to start": "info"})
    def when(self, obj: Dated) -> str:
        now = timezone.now()
        if obj.is_over(now):
            return "Over"
        return "In force" if obj.was_in_force(now) else "Yet to start"

    @display(description="starts", ordering="starts_at")
    def starts(self, obj: Dated) -> str:
        return brief_clock(obj.starts_at)

    @display(description="ends", ordering="ends_at")
    def ends(self, obj: Dated) -> str:
        return brief_clock(obj.ends_at)

    @display(description="starts")
    def since(self, obj: Any) -> str:
        return on_both_clocks(obj.starts_at, getattr(obj, "store", None))

    @display(description="ends")
    def until(self, obj: Any) -> str:
        return on_both_clocks(obj.ends_at, getattr(obj, "store", None))

    @display(description="in stores")
    def in_stores(self, obj: Any) -> str:
        return where(obj)


def on_both_clocks(moment: datetime | None, store: Store | None) -> str:
    """The moment on the admin's clock, and on the store's where the two differ."""
    here, there = clock(moment), clock(moment, store.zone) if store else ""
    return f"{here} (in the store {there})" if there and there != here else here


@admin.register(Price, site=site)
class PriceAdmin(DatedAdmin):
    form = PriceForm
    noun = "price"
    list_display = ("product", "price", "in_store", "temporary_or_not", "when", "starts", "ends")
    list_select_related = ("product", "store")
    list_filter = (WhenFilter, PriceStoreFilter, ("temporary", YesNoFilter))
    search_fields = ("^product__sku", "^product__name")
    search_help_text = "SKU or name of the product, from its beginning"
    autocomplete_fields = ("product", "store")
    fixed = ("product", "store", "temporary")
    as_text: ClassVar[dict[str, str]] = {
        **DatedAdmin.as_text,
        "amount": "price",
        "store": "in_store",
        "temporary": "temporary_or_not",
    }
    fieldsets = ((None, {"fields": ("product", "store", "amount", "temporary", *DatedAdmin.when_fields)}),)

    @display(description="price", ordering="amount")
    def price(self, obj: Price) -> str:
        return price_in_words(obj)

    @display(description="store", ordering="store")
    def in_store(self, obj: Price) -> str:
        return obj.store.name if obj.store else "All stores"

    @display(description="kind", label={"Temporary": "warning"})
    def temporary_or_not(self, obj: Price) -> str:
        return "Temporary" if obj.temporary else "Regular"


def price_in_words(price: Price) -> str:
    """`4.25 USD`, `8.99 / lb`: the currency where the price is a store's own, the unit where the product is weighed."""
    currency = f" {price.store.currency}" if price.store else ""
    unit = f" / {price.product.weight_unit}" if price.product.weight_unit else ""
    return f"{price.amount:.2f}{currency}{unit}"


LABELS: dict[str, dict[str, str]] = {
    PromotionKind.PERCENT_OFF: {"percent": "Percent off each piece", "targets": "Which products"},
    PromotionKind.AMOUNT_OFF: {"amount": "Amount off each piece", "targets": "Which products"},
    PromotionKind.FIXED_PRICE: {"amount": "Price of each piece", "targets": "Which products"},
    PromotionKind.BUY_X_GET_Y: {
        "buy": "How many are bought",
        "get": "How many are then cheaper",
        "percent": "Percent off the cheaper ones (100 is free)",
        "targets": "Which products are bought",
        "get_targets": "Which products are cheaper",
    },
    PromotionKind.MULTI_BUY: {
        "count": "How many together",
        "amount": "Price of all together",
        "targets": "Which products",
    },
    PromotionKind.BUNDLE: {"amount": "Price of the whole set", "components": "Parts of the set"},
    PromotionKind.SPEND_GET: {
        "threshold": "How much must be spent",
        "amount": "Amount off",
        "percent": "Or percent off",
        "targets": "Spent on which products",
    },
}
"""What each kind shows of the fields that vary, and what it calls them."""


DAYS_AND_HOURS = ("weekdays", "from_time", "until_time")
NOTHING_YET = "Choose a kind and fill in what it needs; what the promotion does is then said here."


@admin.register(Promotion, site=site)
class PromotionAdmin(DatedAdmin):
    form = PromotionForm
    noun = "promotion"
    list_display = ("name", "code", "does", "in_stores", "when", "starts", "ends")
    list_prefetch_related = ("stores",)
    list_filter = (WhenFilter, SoldInFilter, ("kind", ChoicesDropdownFilter), ("funding", ChoicesDropdownFilter))
    search_fields = ("^code", "^name")
    search_help_text = "Code or name, from its beginning"
    fieldsets = (
        (None, {"fields": ("code", "name", "receipt_text", "kind")}),
        ("What it does", {"fields": (*VARYING, "words")}),
        ("Where and when", {"fields": ("all_stores", "stores", "starts_at", "ends_at")}),
        ("Only on some days or hours", {"fields": DAYS_AND_HOURS}),
        ("More", {"fields": ("max_uses_per_trip", "funding", "priority", "reason")}),
    )
    as_text: ClassVar[dict[str, str]] = {**DatedAdmin.as_text, "words": "does"}
    entered = (*DatedAdmin.entered, *VARYING, *DAYS_AND_HOURS)

    class Media:
        js = ("pricing/promotion.js",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(title, options) for title, options in super().get_fieldsets(request, obj) if options["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), "words")

    def get_urls(self) -> list[URLPattern]:
        say = self.admin_site.admin_view(self.say)
        return [path("words/", say, name="pricing_promotion_words"), *super().get_urls()]

    def say(self, request: HttpRequest) -> HttpResponse:
        """The promotion of a form that is being filled in, as a sentence; empty while something is missing."""
        if request.method != "POST" or not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        row = self.get_object(request, request.GET.get("of", ""))
        form = self.get_form(request, row)(request.POST, instance=row)
        unclear = form.errors.keys() & {"kind", *VARYING, *DAYS_AND_HOURS}
        words = "" if unclear else in_words(form.instance)
        return HttpResponse(words or NOTHING_YET, content_type="text/plain; charset=utf-8")

    @display(description="what it does")
    def does(self, obj: Promotion) -> str:
        return in_words(obj)

    @display(description="in words")
    def words(self, obj: Promotion) -> SafeString:
        return format_html(
            '<p id="promotion-words" class="bo-words" aria-live="polite" data-url="{}?of={}">{}</p>{}',
            reverse("admin:pricing_promotion_words"),
            "" if obj is None else obj.pk,
            in_words(obj) or NOTHING_YET,
            json_script(LABELS, "promotion-fields"),
        )


@admin.register(Fee, site=site)
class FeeAdmin(DatedAdmin):
    form = FeeForm
    noun = "fee"
    list_display = ("description", "code", "amount", "taxed", "in_stores", "when", "starts", "ends")
    list_prefetch_related = ("stores",)
    search_fields = ("^code", "^description")
    search_help_text = "Code or description, from its beginning"
    autocomplete_fields = ("products", "stores")
    fieldsets = (
        (None, {"fields": ("code", "description", "amount", "taxed", "products")}),
        ("Where and when", {"fields": ("all_stores", "stores", *DatedAdmin.when_fields)}),
    )


@admin.register(TaxCategory, site=site)
class TaxCategoryAdmin(HistoryAdmin):
    list_display = ("name", "code", "exempt", "product_count")
    list_filter = (("exempt", YesNoFilter),)
    search_fields = ("^code", "^name")
    search_help_text = "Code or name, from its beginning"
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
    form = TaxRuleForm
    noun = "tax rule"
    list_display = (
        "jurisdiction",
        "code",
        "rate_in_percent",
        "categories",
        "in_stores",
        "when",
        "starts_at",
        "ends_at",
    )
    list_prefetch_related = ("stores", "tax_categories")
    search_fields = ("^code", "^jurisdiction")
    search_help_text = "Code or jurisdiction, from its beginning"
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
    noun = "tax holiday"
    list_display = ("name", "code", "unit_price_below", "categories", "in_stores", "when", "starts", "ends")
    list_prefetch_related = ("stores", "tax_categories")
    search_fields = ("^code", "^name")
    search_help_text = "Code or name, from its beginning"
    autocomplete_fields = ("tax_categories", "stores")
    fieldsets = (
        (None, {"fields": ("code", "name", "tax_categories", "unit_price_below")}),
        ("Where and when", {"fields": ("all_stores", "stores", *DatedAdmin.when_fields)}),
    )

    @display(description="tax categories")
    def categories(self, obj: TaxHoliday) -> str:
        return ", ".join(category.name for category in obj.tax_categories.all())


@admin.register(Store, site=site)
class PricedStoreAdmin(StoreAdmin):
    """The catalog's store page with what pricing has to say to its settings."""

    form = PricedStoreForm


@admin.register(Product, site=site)
class PricedProductAdmin(ProductAdmin):
    """The catalog's product page with what belongs to pricing: the tax category and the prices of now."""

    form = PricedProductForm
    list_display = ("name", "sku", "in_category", "price_now", "taxed_as", "sold_as", "in_stores")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        now = timezone.now()
        prices = Price.objects.in_force(now).select_related("store", "product").order_by("store_id", "temporary")
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
        sold = (*self.sold, "tax_category" if edits else "taxed_as", *(("prices",) if obj else ()))
        return ((None, {"fields": self.about}), ("How it is sold", {"fields": sold}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), "taxed_as", "prices")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        TaxAssignment.assign(obj, form.cleaned_data["tax_category"], now=timezone.now())

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
    until = f", temporary, until {clock(price.ends_at)}" if price.temporary else ""
    return f"{where_from}{until}, since {clock(price.starts_at)}"
