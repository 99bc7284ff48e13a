"""Purchases for the window that finds anything by typing."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse

from catalog.models import Store
from jwo_store import palette
from jwo_store.admin_site import brief_clock, named_clock, site
from jwo_store.palette import SHOWN_EACH, Found
from orders.admin.search import purchases_with_id
from orders.models import Purchase


def purchases(request: HttpRequest, text: str) -> Iterator[Found]:
    """By purchase ID, order ID, trip ID or request ID. One query; its indexes stand in `orders.admin.search`."""
    if not request.user.has_perm("orders.view_purchase"):
        return
    found = purchases_with_id(text, among=site.rows_seen(request, Purchase))[:SHOWN_EACH]
    shown = Purchase.objects.only("purchase_id", "status", "store_id", "order_id", "received_at")
    zones = Store.objects.filter(pk=OuterRef("store_id")).values("time_zone")
    for purchase in shown.filter(pk__in=found).annotate(zone=Subquery(zones)):
        zone: str | None = getattr(purchase, "zone", None)
        received = named_clock(purchase.received_at, ZoneInfo(zone) if zone else None, brief_clock)
        said = [f"Purchase in {purchase.store_id}", received, purchase.get_status_display()]
        order = [f"order {purchase.order_id}"] if purchase.order_id else []
        page = reverse("admin:orders_purchase_change", args=[purchase.pk])
        yield Found(purchase.purchase_id, ", ".join(said + order), page, "receipt_long")


palette.register(purchases)
