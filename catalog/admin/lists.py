"""The product list as a file: downloaded, and imported after a look at what it would do."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from catalog.admin.importing import ImportingAdmin, answer
from catalog.lists import exports, imports
from catalog.lists.compare import Difference
from catalog.lists.exports import File, Format
from catalog.lists.parts import PARTS
from catalog.models import Product, ProductList
from jwo_store import access
from jwo_store.admin_site import counted, reads

LIST = "admin:catalog_product_changelist"
IMPORT = "admin:catalog_product_import"
LOOK = "admin:catalog_product_look"
SHOWN = 200

FORMATS = {
    Format.XLSX: "Spreadsheet (XLSX)",
    Format.CSV: "Text file (CSV)",
}
FILTERS = {"q": "search", "category": "category", "store": "store"}
"""What the log and the page call the list's filters."""

BEFORE_SALE = "New products need a price and a tax category before they can be sold: carts with them wait until then."


EXPLAINED = (
    ("SKU", "Always needed. It says which product the row is about and is never changed; a new one adds a product."),
    ("Name", "Amazon prints it on the receipt. Needed for a new product."),
    ("Brand, Category, Subcategory", "Texts of your own."),
    ("Sold by", "“piece” or “weight”. Needed for a new product, and never changed."),
    ("Weighed in", "“lb”, “oz”, “kg” or “g”, only for goods sold by weight. Never changed."),
    ("Stores", "“all”, or store IDs with “;” between them."),
    (
        "Barcodes",
        "Code and type, with “;” between several: 012345678905 UPC; 5901234123457 EAN. The first is the main one.",
    ),
)


@admin.action(description="Download the chosen ones…", permissions=["export"])
def download_chosen(
    model_admin: "ProductListsAdmin", request: HttpRequest, queryset: QuerySet[Product]
) -> HttpResponse:
    if wanted := format_named(request.POST.get("format", "")):
        return answer(download(request, queryset, wanted, which="those chosen"))
    return model_admin.download_page(
        request,
        count=queryset.count(),
        which="that you chose",
        keys=[row.pk for row in queryset],
        back=request.get_full_path(),
    )


def format_named(text: str) -> Format | None:
    return next((each for each in Format if each == text), None)


def download(request: HttpRequest, products: QuerySet[Product], wanted: Format, *, which: str) -> File:
    by = request.user.get_username()
    return exports.download(products, wanted, by=by, which=which, now=timezone.localtime())


class ProductListsAdmin(ImportingAdmin):
    lists = imports.LISTS
    parts = PARTS
    columns_explained = EXPLAINED
    import_template = "admin/catalog/product/import.html"
    look_template = "admin/lists/look.html"
    list_before_template = "admin/catalog/product/list_buttons.html"
    actions: Sequence[Callable[..., Any]] = (download_chosen,)

    has_export_permission = reads("catalog.export_product")

    def has_import_permission(self, request: HttpRequest) -> bool:
        """A list may name any product, so it is for those who may import in all stores."""
        everywhere = access.stores_with(request.user, "catalog.import_product").everywhere
        return everywhere and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("download/", self.download_list, "download"),
            ("download/<slug:name>/", self.download_file, "download_file"),
        )
        ours = [
            path(where, self.admin_site.admin_view(page), name=f"catalog_product_{name}") for where, page, name in pages
        ]
        return [*ours, *super().get_urls()]

    # -- out

    def download_list(self, request: HttpRequest) -> HttpResponse:
        products = self._listed(request)
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        files = [
            (name, reverse("admin:catalog_product_download_file", args=[wanted]) + query)
            for wanted, name in FORMATS.items()
        ]
        return self.download_page(
            request, count=products.count(), which=_filters(request), files=files, back=reverse(LIST) + query
        )

    def download_file(self, request: HttpRequest, name: str) -> HttpResponse:
        products, wanted = self._listed(request), format_named(name)
        if wanted is None:
            raise Http404
        return answer(download(request, products, wanted, which=request.GET.urlencode() or "all"))

    def _listed(self, request: HttpRequest) -> QuerySet[Product]:
        """What the list shows under the filters of the address."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            products: QuerySet[Product] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Http404 from error
        return products

    def download_page(self, request: HttpRequest, *, count: int, which: str, **more: Any) -> TemplateResponse:
        formats = [(str(wanted), name) for wanted, name in FORMATS.items()]
        what = f"{counted(count, 'product')} {which}".strip()
        checkbox = ACTION_CHECKBOX_NAME
        template = "admin/catalog/product/download.html"
        return self.page(request, template, "Download the list", what=what, formats=formats, checkbox=checkbox, **more)

    # -- in

    def empty_file(self) -> File:
        return exports.empty(Format.XLSX)

    def look_at(self, _request: HttpRequest, kept: ProductList) -> Difference:
        return imports.look(kept)

    def look_context(self, _request: HttpRequest, difference: Difference) -> dict[str, Any]:
        return {"before_sale": BEFORE_SALE if difference.new else ""}

    def apply_list(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        seen = request.POST.get("seen", "")
        done = imports.apply(list_id, by=request.user, seen=seen, clock=timezone.now)  # type: ignore[arg-type]
        messages.success(request, f"{done.file_name}: {counted(done.new, 'product')} added, {done.changed} changed.")
        if done.new:
            messages.warning(request, BEFORE_SALE)
        return HttpResponseRedirect(self.step("changelist"))


def _filters(request: HttpRequest) -> str:
    """The filters of the list in words: `with category “Drinks”`."""
    used = [f"{word} “{request.GET[name]}”" for name, word in FILTERS.items() if request.GET.get(name)]
    return f"with {', '.join(used)}" if used else ""
