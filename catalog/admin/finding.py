"""Products and stores for the window that finds anything by typing."""

from collections.abc import Iterator

from django.contrib.admin.utils import quote
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from catalog.models import Barcode, Product, Store
from jwo_store import palette
from jwo_store.admin_site import site
from jwo_store.palette import SHOWN_EACH, Found


def products(request: HttpRequest, text: str) -> Iterator[Found]:
    """The one with this SKU or barcode first, then those whose SKU begins so, or with such words in the name.

    One query; `catalog_product_pkey`, `catalog_barcode_lookup_key_…`, `product_by_sku_beginning`,
    `product_by_name_beginning` and `product_by_words` (PostgreSQL alone needs the last three) serve its parts, one
    after the other until there are enough.
    """
    if not request.user.has_perm("catalog.view_product"):
        return
    known = site.rows_seen(request, Product)
    scanned = Barcode.objects.scanned(text).order_by().values("product_id")
    parts = [
        known.filter(Q(pk=text)),
        known.filter(pk__in=scanned),
        known.filter(sku__istartswith=text),
        known.filter(name__istartswith=text),
        known.filter(name__words=text),
    ]
    named = [part.values_list("sku", "name") for part in parts]
    rows = dict(named[0].union(*named[1:], all=True)[: len(parts) * SHOWN_EACH])
    for sku, name in list(rows.items())[:SHOWN_EACH]:
        yield Found(name, sku, reverse("admin:catalog_product_change", args=[quote(sku)]), "inventory_2")


def stores(request: HttpRequest, text: str) -> Iterator[Found]:
    """By store ID or name."""
    if not request.user.has_perm("catalog.view_store"):
        return
    rows = site.rows_seen(request, Store).order_by("pk").filter(Q(store_id__istartswith=text) | Q(name__words=text))
    for store in rows[:SHOWN_EACH]:
        page = reverse("admin:catalog_store_change", args=[quote(store.pk)])
        yield Found(store.name, f"Store {store.pk}", page, "storefront")


palette.register(products)
palette.register(stores, rank=2)
