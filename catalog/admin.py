"""Stores and products. The product page is completed, and registered, by `pricing.admin`: price and tax stand there."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from catalog import barcodes
from catalog.models import Barcode, BarcodeType, Product, SoldBy, Store
from jwo_store.admin_site import (
    DropdownFilter,
    HistoryAdmin,
    InlineFormSet,
    ModelForm,
    SearchableSelect,
    TabularInline,
    Tile,
    YesNoFilter,
    ask,
    clock,
    counted,
    display,
    reason_form,
    site,
)


@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    """The IANA zones that are places, such as `America/New_York`, and UTC."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return tuple((name, name.replace("_", " ")) for name in ("UTC", *places))


class StoreForm(ModelForm):
    time_zone = forms.ChoiceField(
        choices=time_zones, widget=SearchableSelect, help_text="The store's own clock, for example America/New York."
    )


def set_hold(stores: Iterable[Store], *, on_hold: bool, reason: str) -> int:
    """How many stores are now on hold (or released) that were not before."""
    changed = [store for store in stores if store.on_hold != on_hold]
    for store in changed:
        store.on_hold = on_hold
        store._change_reason = reason  # type: ignore[attr-defined]
        store.save(update_fields=["on_hold"])
    return len(changed)


@admin.action(description="Put on hold…", permissions=["hold"])
def put_on_hold(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="put_on_hold",
            button="Put on hold",
            title="Put on hold",
            text="Carts of these stores will still be taken in and priced, but nothing is sent to Amazon and nobody is "
            "charged until you release them. Amazon gives up trips that wait too long.",
        )
    count = set_hold(queryset, on_hold=True, reason=form.cleaned_data["reason"])
    messages.success(request, f"{counted(count, 'store')} put on hold.")
    return None


@admin.action(description="Release…", permissions=["hold"])
def release(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="release",
            button="Release",
            title="Release",
            text="What waits in these stores is sent to Amazon at once, and shoppers are charged.",
        )
    count = set_hold(queryset, on_hold=False, reason=form.cleaned_data["reason"])
    messages.success(request, f"{counted(count, 'store')} released.")
    return None


class StoreAdmin(HistoryAdmin):
    form = StoreForm
    list_display = ("name", "store_id", "state", "time_zone", "currency")
    list_filter = (("on_hold", YesNoFilter),)
    search_fields = ("^store_id", "^name")
    search_help_text = "Store ID or name, from its beginning"
    actions = (put_on_hold, release)
    buttons = ("put_on_hold", "release")
    fieldsets = (
        (None, {"fields": ("store_id", "name", "time_zone", "currency", "state", "local_time", "tests_until")}),
        ("How carts are priced", {"fields": ("priced_at", "prices_include_tax", "tax_rounding", "fees")}),
        ("What Amazon is told", {"fields": ("amount_basis", "empty_cart_purchase_id")}),
    )

    def has_hold_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.hold_store")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("state", "local_time", *(("store_id",) if obj else ()))

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return ("release",) if obj.on_hold else ("put_on_hold",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if not change and settings.JWO_ENVIRONMENT != "sandbox":
            obj.on_hold = True
            messages.warning(request, "The new store starts on hold. Release it when its products and prices are in.")
        super().save_model(request, obj, form, change)

    @display(description="state", label={"Open": "success", "On hold": "danger", "Test trips": "warning"})
    def state(self, obj: Store) -> str:
        if obj.on_hold:
            return "On hold"
        return "Test trips" if obj.tests_until and obj.tests_until > timezone.now() else "Open"

    @display(description="time in the store")
    def local_time(self, obj: Store) -> str:
        return clock(timezone.now(), obj.zone) if obj.time_zone else "—"


def store_tiles(request: HttpRequest, _now: Any) -> Iterable[Tile]:
    if not request.user.has_perm("catalog.view_store"):
        return
    held = list(Store.objects.filter(on_hold=True).values_list("name", flat=True))
    yield Tile(
        "Stores on hold",
        str(len(held)),
        reverse("admin:catalog_store_changelist") + "?on_hold__exact=1",
        tone="look" if held else "good",
        hint=", ".join(held[:3]) + (" and more" if len(held) > 3 else ""),  # noqa: PLR2004  as many as fit
    )


site.add_tiles(store_tiles)


LENGTHS = {
    BarcodeType.UPC: (8, 12),
    BarcodeType.EAN: (13,),
    BarcodeType.EAN8: (8,),
    BarcodeType.ISBN: (10,),
    BarcodeType.GTIN: (14,),
    BarcodeType.PLU: (3, 4, 5, 6),
}
"""How many characters a code of each type has. Source: Amazon's upload_catalog and catalog_data_overview pages."""


class BarcodeForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        code, kind = cleaned.get("code"), cleaned.get("type")
        if code and kind:
            self._check_form(code, kind)
            self._check_owner(code, kind, cleaned.get("product"))
        return cleaned

    def _check_form(self, code: str, kind: str) -> None:
        digits = code[:-1] if kind == BarcodeType.ISBN and code[-1] in "Xx" else code
        lengths = LENGTHS[BarcodeType(kind)]
        if not barcodes.is_digits(digits) or len(code) not in lengths:
            wanted = " or ".join(str(length) for length in lengths)
            self.add_error("code", f"A code of this type has {wanted} digits. Copy it with its check digit.")

    def _check_owner(self, code: str, kind: str, product: Product | None) -> None:
        """Of a product that is yet to be saved, the SKU is known already."""
        same = Barcode.objects.filter(lookup_key=barcodes.stored_key(code, kind))
        same = same.exclude(product_id=product.pk if product else None)
        other = same.select_related("product").first()
        if other is not None:
            self.add_error("code", f"This code is on {other.product} already. Take it away there first.")


class BarcodeFormSet(InlineFormSet):
    def save_new(self, form: Any, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  Django's signature
        form.instance.position = len(self.initial_forms) + self.extra_forms.index(form)
        return super().save_new(form, commit=commit)


class BarcodeInline(TabularInline):
    model = Barcode
    form = BarcodeForm
    formset = BarcodeFormSet
    fields = ("code", "type")
    extra = 0
    hide_title = True
    verbose_name_plural = "barcodes"


class ProductForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("all_stores"):
            cleaned["stores"] = Store.objects.none()
        elif not cleaned.get("stores"):
            self.add_error("stores", "Choose at least one store, or say that it is sold in all stores.")
        self._check_unit(cleaned)
        return cleaned

    def _check_unit(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("sold_by") == SoldBy.WEIGHT and not cleaned.get("weight_unit"):
            self.add_error("weight_unit", "Say in which unit the product is weighed.")
        if cleaned.get("sold_by") == SoldBy.EACH and cleaned.get("weight_unit"):
            self.add_error("weight_unit", "Goods sold by the piece have no unit of weight.")


class SoldInFilter(DropdownFilter):
    title = "store"
    parameter_name = "store"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return list(Store.objects.values_list("store_id", "name"))

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What holds in the store: what holds in all stores, and what names this one."""
        if not self.value():
            return queryset
        named = queryset.model.objects.filter(stores=self.value())
        return queryset.filter(Q(all_stores=True) | Q(pk__in=named.values("pk")))


class CategoryFilter(DropdownFilter):
    title = "category"
    parameter_name = "category"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        names = Product.objects.exclude(category="").order_by("category").values_list("category", flat=True)
        return [(name, name) for name in names.distinct()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class ProductAdmin(HistoryAdmin):
    form = ProductForm
    inlines = (BarcodeInline,)
    list_filter = (CategoryFilter, SoldInFilter)
    search_fields = ("^sku", "^name")
    search_help_text = "SKU or name from its beginning, or a barcode"
    autocomplete_fields = ("stores",)
    list_prefetch_related = ("stores",)
    about = ("sku", "name", "brand", "category", "subcategory")
    sold = ("sold_by", "weight_unit", "all_stores", "stores")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("sku", "sold_by", "weight_unit") if obj else ()
        return (*self.readonly_fields, *fixed)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        scanned = Barcode.objects.scanned(search_term.strip()).values("product_id")
        return queryset.filter(Q(pk__in=found.values("pk")) | Q(pk__in=scanned)), may_repeat

    @display(description="category", ordering="category")
    def in_category(self, obj: Product) -> str:
        return " > ".join(part for part in (obj.category, obj.subcategory) if part) or "—"

    @display(description="sold")
    def sold_as(self, obj: Product) -> str:
        return f"by weight ({obj.weight_unit})" if obj.weight_unit else "by the piece"

    @display(description="in stores")
    def in_stores(self, obj: Any) -> str:
        return where(obj)


def where(row: Any) -> str:
    """`All stores`, or the names of those that the row is for (its `stores` should be prefetched)."""
    return "All stores" if row.all_stores else ", ".join(store.name for store in row.stores.all()) or "No store"
