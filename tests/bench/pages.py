"""The pages that staff ask for: lists as they are, filtered, sorted, searched and at their end; and single pages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.models import Product
from jwo_store.admin_site import DayRangeFilter, site
from jwo_store.chronicle import Place
from jwo_store.history import Source
from jwo_store.telling import KINDS
from orders.models import PromotionSaving, Purchase, PurchaseLine
from pricing.models import Price, Promotion

CHOICES = 14
"""So many choices of one filter are tried; there are filters with one for each category."""


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    url: str


def all_pages(client: Client) -> list[Page]:
    """As somebody finds them who may do everything; the same names whatever there is in the database."""
    searches = _searches()
    lists = [page for admin in site._registry.values() for page in _list_pages(client, admin, searches)]
    return [*lists, *_behind_today(client), *_single_pages(), *_palette(searches)]


def _behind_today(client: Client) -> Iterator[Page]:
    """The lists to which the tiles of the first page lead."""
    answer: Any = client.get(reverse("admin:index"))
    for tile in answer.context_data["tiles"]:
        if "?" in tile.link:
            yield Page(f"Today: {tile.title}", tile.link)


# --- Lists ---------------------------------------------------------------------------------------------------------


def _list_pages(client: Client, admin: Any, searches: dict[str, list[tuple[str, str]]]) -> Iterator[Page]:
    name = f"{admin.opts.app_label}_{admin.opts.model_name}"
    url, title = reverse(f"admin:{name}_changelist"), str(admin.opts.verbose_name_plural)
    answer: Any = client.get(url)
    shown = answer.context_data["cl"]
    yield Page(title, url)
    if shown.paginator.num_pages > 1:
        yield Page(f"{title}: last page", f"{url}?p={shown.paginator.num_pages}")
    yield from (Page(f"{title}: {what}", f"{url}?{query}") for what, query in _sorted(shown))
    yield from (Page(f"{title}: {what}", f"{url}?{query}") for what, query in _filtered(shown))
    if admin.model is Purchase:
        saving = PromotionSaving.objects.values_list("code", flat=True)[0]
        yield Page(f"{title}: promotion", f"{url}?{urlencode({'promotion': saving})}")
    if admin.search_fields:
        found = searches.get(admin.opts.label, searches[""])
        yield from (Page(f"{title}: search {what}", f"{url}?{urlencode({'q': text})}") for what, text in found)
        forms = {"app_label": admin.opts.app_label, "model_name": admin.opts.model_name}
        yield from _choosers(title, forms, found)


def _sorted(shown: Any) -> Iterator[tuple[str, str]]:
    for place, column in enumerate(shown.list_display):
        if shown.get_ordering_field(column) and (shown.sortable_by is None or column in shown.sortable_by):
            yield f"by {column}", f"o={place}"
            yield f"by {column}, falling", f"o=-{place}"


def _filtered(shown: Any) -> Iterator[tuple[str, str]]:
    for spec in shown.filter_specs:
        for choice, query in _choices(spec):
            yield f"{spec.title} = {choice}", urlencode(query)


def _choices(spec: Any) -> Iterable[tuple[str, dict[str, str]]]:
    if isinstance(spec, SimpleListFilter):
        return [(str(label), {str(spec.parameter_name): str(value)}) for value, label in spec.lookup_choices[:CHOICES]]
    if isinstance(spec, DayRangeFilter):
        today = timezone.localdate()
        a_week, a_day = (today - timedelta(days=days) for days in (206, 200))
        both = {f"{spec.field_path}_from": str(a_week), f"{spec.field_path}_to": str(a_day)}
        return [("a week", both), ("until then", {f"{spec.field_path}_to": str(a_day)})]
    values = spec.field.flatchoices or [(1, "yes"), (0, "no")]
    return [(str(label), {f"{spec.field_path}__exact": str(value)}) for value, label in values]


def _choosers(title: str, model: dict[str, str], found: Sequence[tuple[str, str]]) -> Iterator[Page]:
    """What forms ask for while one types into a choice of so many rows."""
    fields = {
        ("catalog", "product"): ("pricing", "price", "product"),
        ("catalog", "store"): ("pricing", "price", "store"),
        ("pricing", "taxcategory"): ("pricing", "taxrule", "tax_categories"),
    }
    of = fields.get((model["app_label"], model["model_name"]))
    if of is None:
        return
    asked = dict(zip(("app_label", "model_name", "field_name"), of, strict=True))
    for what, text in [("nothing", ""), *found]:
        query = urlencode({**asked, "term": text})
        yield Page(f"{title}: chosen in a form by {what}", f"{reverse('admin:autocomplete')}?{query}")


# --- What somebody has in hand -------------------------------------------------------------------------------------


def _searches() -> dict[str, list[tuple[str, str]]]:
    """By model: kinds of texts with one that is found; "" for all other models."""
    line: Any = PurchaseLine.objects.exclude(sku="").order_by("-pk").first()
    ordered: Any = Purchase.objects.filter(order_id__isnull=False).order_by("-pk").first()
    purchase: Any = line.purchase
    product: Any = Product.objects.get(pk=line.sku)
    barcode: Any = product.barcodes.first()
    promotion: Any = Promotion.objects.order_by("code").first()
    nothing = ("of nothing", "nothing like this")
    of_products = [
        ("SKU", product.sku),
        ("beginning of all SKUs", "SKU"),
        ("beginning of a SKU", product.sku[:8]),
        ("beginning of a name", product.name[:3]),
        ("name", product.name),
        ("barcode", barcode.code),
        nothing,
    ]
    return {
        "orders.Purchase": [
            ("purchase ID", purchase.purchase_id),
            ("beginning of a purchase ID", purchase.purchase_id[:4]),
            ("order ID", ordered.order_id),
            ("beginning of an order ID", ordered.order_id[:6]),
            ("trip ID", purchase.trip_id),
            ("beginning of a trip ID", purchase.trip_id[:8]),
            ("request ID", purchase.request_id),
            ("SKU", product.sku),
            ("barcode", barcode.code),
            ("amount", f"{ordered.price_total}"),
            nothing,
        ],
        "catalog.Product": of_products,
        "pricing.Price": [one for one in of_products if one[0] != "barcode"],
        "pricing.Promotion": [
            ("code", promotion.code),
            ("beginning of all codes", promotion.code[:6]),
            ("beginning of a name", promotion.name[:3]),
            nothing,
        ],
        "catalog.CatalogUpload": [("number", "7"), ("SKU", product.sku), ("ingestion", "ing-1"), nothing],
        "": [("SKU", product.sku), ("one letter", "A"), nothing],
    }


def _palette(searches: dict[str, list[tuple[str, str]]]) -> Iterator[Page]:
    """The window in which one finds anything by typing."""
    url = reverse("admin:search")
    for kind in ("orders.Purchase", "catalog.Product", "pricing.Promotion"):
        for what, text in searches[kind]:
            name = f"Find anything: {what} ({kind.partition('.')[2].lower()})"
            yield Page(name, f"{url}?{urlencode({'s': text, 'extended': '1'})}")


# --- Pages of their own --------------------------------------------------------------------------------------------


def _single_pages() -> Iterator[Page]:
    line: Any = PurchaseLine.objects.exclude(sku="").order_by("-pk").first()
    price: Any = Price.objects.filter(product=line.sku).order_by("-starts_at").first()
    live: Any = Promotion.objects.in_force(timezone.now()).order_by(F("ends_at").desc(nulls_last=True)).first()
    draft: Any = Promotion.objects.filter(starts_at__isnull=True).first()
    in_one, last_month = {"store": "SHOP-1"}, {"month": f"{timezone.localdate() - timedelta(days=31):%Y-%m}"}
    asked: list[tuple[str, str, tuple[Any, ...], dict[str, str]]] = [
        ("Today", "index", (), {}),
        ("Waiting for a repair", "orders_purchase_waiting", (), {}),
        ("A purchase", "orders_purchase_change", (line.purchase_id,), {}),
        ("A product", "catalog_product_change", (quote(line.sku),), {}),
        ("A product's history", "catalog_product_history", (quote(line.sku),), {}),
        ("A price", "pricing_price_change", (price.pk,), {}),
        ("A price's history", "pricing_price_history", (price.pk,), {}),
        ("Price over time", "pricing_price_over_time", (), {"product": line.sku}),
        ("Price a cart", "pricing_price_cart", (), in_one),
        ("Prices of a list as a file", "pricing_price_import", (), {}),
        ("A promotion in force", "pricing_promotion_change", (live.pk,), {}),
        ("A promotion's history", "pricing_promotion_history", (live.pk,), {}),
        ("A promotion on a basket", "pricing_promotion_preview", (), {"of": str(live.pk)}),
        ("A draft of a promotion", "pricing_promotion_change", (draft.pk,), {}),
        ("A new promotion", "pricing_promotion_add", (), {}),
        ("Calendar of promotions", "pricing_promotion_calendar", (), {}),
        ("Calendar of promotions: last month", "pricing_promotion_calendar", (), last_month),
        ("Calendar of promotions: one store", "pricing_promotion_calendar", (), in_one),
        ("A store", "catalog_store_change", ("SHOP-1",), {}),
        ("A store's history", "catalog_store_history", ("SHOP-1",), {}),
        ("An upload", "catalog_catalogupload_change", (7,), {}),
        ("A message", "catalog_catalogmessage_change", (7,), {}),
        ("A refused cart", "orders_refusedcart_change", (1,), {}),
        ("A change of many prices", "pricing_pricechange_change", (1,), {}),
        *((f"What was changed{what}", "pricing_price_changed", (), query) for what, query in _what_was_changed()),
    ]
    for title, name, keys, query in asked:
        url = reverse(f"admin:{name}", args=keys)
        yield Page(title, f"{url}?{urlencode(query)}" if query else url)


def _what_was_changed() -> Iterator[tuple[str, dict[str, str]]]:
    """As it is, each of its filters, and from a place far back."""
    yield "", {}
    today = timezone.localdate()
    yield ": a week", {"first": str(today - timedelta(days=206)), "last": str(today - timedelta(days=200))}
    yield ": one store", {"store": "SHOP-1"}
    for who, key in [
        ("an imported list", Source.IMPORT.value),
        ("the system", "-"),
        ("a person", str(_administrator())),
    ]:
        yield f": by {who}", {"who": key}
    for kind in KINDS.values():
        key = str(kind.model._meta.model_name)
        yield f": {kind.name}", {"what": key}
        yield f": {kind.name} in one store", {"what": key, "store": "SHOP-1"}
    long_ago = Place(timezone.now() - timedelta(days=300), UUID(int=0))
    yield ": a page far back", {"before": long_ago.text}


def _administrator() -> int:
    return User.objects.get(username="administrator").pk
