"""What is wrong with products for Amazon's catalog, and how to mend each."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.at_amazon import SEVERITY_TONES, product_link
from catalog.admin.in_view import store_choices
from catalog.admin.uploading import AsksForUploads, upload_now
from catalog.models import ProductFinding
from jwo_store.access import Stores
from jwo_store.admin_site import ChoicesDropdownFilter, DropdownFilter, Window, display, site

STORE_PATH = ("store", "product__stores")

KINDS = {
    "sku-empty": "SKU: missing",
    "sku-too-long": "SKU: too long",
    "sku-blanks": "SKU: blanks at its ends",
    "sku-characters": "SKU: forbidden characters",
    "sku-doubtful-characters": "SKU: doubtful characters",
    "name-empty": "Name: missing",
    "name-too-long": "Name: too long",
    "name-characters": "Name: forbidden characters",
    "name-doubtful-characters": "Name: doubtful characters",
    "name-blanks": "Name: superfluous blanks",
    "name-capitals": "Name: all in capitals",
    "name-abbreviation": "Name: abbreviations",
    "name-brand": "Name: without the brand",
    "name-size": "Name: without size or count",
    "brand-too-long": "Brand: too long",
    "category-too-long": "Category: too long",
    "subcategory-too-long": "Subcategory: too long",
    "weighed": "Sold by weight",
    "barcode-none": "Barcode: none",
    "barcode-too-many": "Barcode: too many",
    "barcode-type": "Barcode: unknown type",
    "barcode-zeros": "Barcode: a placeholder",
    "barcode-shortened": "Barcode: shortened by a spreadsheet",
    "barcode-marks": "Barcode: blanks or marks in it",
    "barcode-not-digits": "Barcode: not a number",
    "barcode-padded": "Barcode: filled up with zeros",
    "barcode-zero-lost": "Barcode: lost its first zero",
    "barcode-other-type": "Barcode: of another type",
    "barcode-check-digit": "Barcode: wrong check digit",
    "barcode-check-digit-accepted": "Barcode: wrong check digit, accepted",
    "barcode-check-digit-lost": "Barcode: check digit missing",
    "barcode-ends-lost": "Barcode: first and last digit missing",
    "barcode-no-upc-e": "Barcode: no UPC of eight digits",
    "barcode-length": "Barcode: wrong number of digits",
    "barcode-isbn-x": "Barcode: ISBN that ends with X",
    "barcode-twice": "Barcode: listed twice",
    "barcode-same": "Barcode: one code in two forms",
    "barcode-shared": "Barcode: on another product too",
}
"""The rules of `catalog.rules` in few words."""


class KindFilter(DropdownFilter):
    """Only the kinds that there are."""

    title = "kind of problem"
    parameter_name = "rule"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        rules = ProductFinding.objects.order_by().values_list("rule", flat=True).distinct()
        return sorted(((rule, in_few_words(rule)) for rule in rules), key=lambda choice: choice[1])

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(rule=self.value()) if self.value() else queryset


def in_few_words(rule: str) -> str:
    return KINDS.get(rule, rule.replace("-", " ").capitalize())


class InStoreFilter(DropdownFilter):
    """What is wrong in every store is wrong in this one too."""

    title = "store"
    parameter_name = "store"

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return store_choices(request, "catalog.view_productfinding")

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        here = Stores(ids=frozenset({self.value() or ""}))
        return here.see(queryset, STORE_PATH) if self.value() else queryset


@admin.register(ProductFinding, site=site)
class ProblemAdmin(AsksForUploads, Window):
    nothing_yet = "What is wrong with a product stands here, with how to mend it; there is nothing to mend now."
    store_path = STORE_PATH
    fields = ("severity", "kind", "product_sold", "sentence", "fix", "code", "where")
    list_display = ("how_bad", "product_sold", "sentence", "fix", "code", "where")
    list_display_links = None
    list_select_related = ("product", "store")
    list_filter = (("severity", ChoicesDropdownFilter), KindFilter, InStoreFilter)
    list_buttons = (upload_now,)
    sortable_by = ()
    search_fields = ("=product__sku", "~product__name", "=code")
    search_help_text = "SKU, barcode, or words of the name"

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    @display(description="kind")
    def kind(self, obj: ProductFinding) -> str:
        return in_few_words(obj.rule)

    @display(description="how bad", label={str(one): tone for one, tone in SEVERITY_TONES.items()})
    def how_bad(self, obj: ProductFinding) -> tuple[str, str]:
        return obj.severity, obj.get_severity_display()

    @display(description="product")
    def product_sold(self, obj: ProductFinding) -> SafeString:
        link = product_link(obj.product_id)
        return format_html('<a class="bo-link" href="{}">{}</a>', link, obj.product)

    @display(description="where")
    def where(self, obj: ProductFinding) -> str:
        return obj.store.name if obj.store else "Every store"
