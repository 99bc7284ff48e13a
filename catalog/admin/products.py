"""The product page is completed, and registered, by `pricing.admin`: price and tax stand there."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.admin.utils import unquote
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from catalog import accepting, archive, barcodes
from catalog.admin.at_amazon import AtAmazonFilter, badge, is_retired, standing, story
from catalog.admin.codes import accept_code, take_back_code
from catalog.admin.lists import ProductListsAdmin, download_chosen
from catalog.admin.selling import archive_at_amazon, retire, return_to_sale
from catalog.admin.uploading import AsksForUploads, send_again, upload_now
from catalog.models import Barcode, CatalogItem, Product, ProductNote, SoldBy, Store
from catalog.statuses import ItemState
from jwo_store.access import Stores
from jwo_store.admin_site import (
    DropdownFilter,
    InlineFormSet,
    ModelForm,
    TabularInline,
    counted,
    display,
    holds,
)


class BarcodeForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        code, kind = cleaned.get("code"), cleaned.get("type")
        if code and kind:
            self._check_form(code, kind)
            self._check_owner(code, kind, cleaned.get("product"))
        return cleaned

    def _check_form(self, code: str, kind: str) -> None:
        digits = code[:-1] if kind == "ISBN" and code[-1] in "Xx" else code
        lengths = barcodes.LENGTHS[kind]
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

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        stores: QuerySet[Any] = model_admin.seen_in(request).see(Store.objects.all(), "pk")
        return list(stores.values_list("store_id", "name"))

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What holds in the store: what holds in all stores, and what names this one."""
        if not self.value():
            return queryset
        return Stores(ids=frozenset({self.value() or ""})).see(queryset, "stores")


class CategoryFilter(DropdownFilter):
    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows: QuerySet[Any] = model_admin.visible(request).exclude(category="")
        names = rows.order_by("category").values_list("category", flat=True)
        return [(name, name) for name in names.distinct()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class ProductAdmin(AsksForUploads, ProductListsAdmin):
    nothing_yet = "What your stores sell stands here; add a product or import a list, so that carts can be priced."
    store_path = "stores"
    has_retire_permission = holds("catalog.retire_product")
    has_accept_permission = holds("catalog.accept_code")
    form = ProductForm
    inlines = (BarcodeInline,)
    list_filter = (AtAmazonFilter, CategoryFilter, SoldInFilter)
    list_buttons = (upload_now,)
    actions: Sequence[Callable[..., Any]] = (
        download_chosen,
        send_again,
        retire,
        return_to_sale,
        archive_at_amazon,
        accept_code,
        take_back_code,
    )
    buttons = ("send_again", "retire", "return_to_sale", "archive_at_amazon", "accept_code", "take_back_code")
    change_form_outer_after_template = "admin/catalog/product/at_amazon.html"
    search_fields = ("^sku", "~name")
    search_help_text = "SKU, words of the name, or a barcode"
    autocomplete_fields = ("stores",)
    list_prefetch_related = ("stores", "retirement")
    about = ("sku", "name", "brand", "category", "subcategory")
    sold = ("sold_by", "weight_unit", "all_stores", "stores")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("sku", "sold_by", "weight_unit") if obj else ()
        return (*self.readonly_fields, *fixed)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how it stands at Amazon, as far as stores of the reader's are concerned."""
        items = self.seen_in(request).see(CatalogItem.objects.defer("record"), "store")
        return super().get_queryset(request).prefetch_related(Prefetch("items", items, to_attr="items_read"))

    def found_by(self, request: HttpRequest, text: str) -> Q:
        """Barcodes are looked up before: what then is asked of the products themselves, their own indexes serve."""
        scanned = Barcode.objects.scanned(text).values_list("product_id", flat=True)
        return super().found_by(request, text) | Q(pk__in=list(scanned))

    def buttons_for(self, obj: Any) -> Sequence[str]:
        this = Product.objects.filter(pk=obj.pk)
        offered = {
            "send_again": obj.items.filter(state=ItemState.REFUSED, is_offered=True).exists(),
            "retire": not is_retired(obj),
            "return_to_sale": is_retired(obj),
            "archive_at_amazon": archive.archivable().filter(pk=obj.pk).exists(),
            "accept_code": bool(accepting.acceptable(this)),
            "take_back_code": obj.accepted_codes.exists(),
        }
        return [name for name in self.buttons if offered[name]]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        shown = {"at_amazon": story(row, self.seen_in(request))} if row is not None else {}
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """With what was decided about the product, besides its columns."""
        notes = ProductNote.objects.filter(product=unquote(object_id)).select_related("by")
        return super().history_view(request, object_id, {"notes": notes, **(extra_context or {})})

    @display(description="at Amazon")
    def at_amazon(self, obj: Any) -> SafeString:
        return badge(standing(obj.items_read, retired=is_retired(obj)))

    @display(description="category", ordering="category")
    def in_category(self, obj: Product) -> str:
        return " > ".join(part for part in (obj.category, obj.subcategory) if part) or "—"

    @display(description="sold")
    def sold_as(self, obj: Product) -> str:
        return f"by weight ({obj.weight_unit})" if obj.weight_unit else "each"

    @display(description="in stores")
    def in_stores(self, obj: Any) -> str:
        return where(obj)


def where(row: Any) -> str:
    """`All stores`, or the names of those that the row is for (its `stores` should be prefetched).

    Stores of others are counted, not named (`jwo_store.scoped` marks them).
    """
    if row.all_stores:
        return "All stores"
    stores = row.stores.all()
    names = [store.name for store in stores if getattr(store, "is_shown", True)]
    others = len(stores) - len(names)
    return ", ".join([*names, *([f"{counted(others, 'other store')}"] if others else [])]) or "No store"
