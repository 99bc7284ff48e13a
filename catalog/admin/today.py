"""What the page "Today" says of each store's last upload to Amazon's catalog."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from catalog.admin.in_view import in_view
from catalog.admin.tiles import ENDED, result_in_words
from catalog.models import CatalogUpload, Store
from jwo_store.admin_site import brief_clock, on_clock, site
from jwo_store.dashboard import TABLE, Column, Panel, table

VIEW = "catalog.view_catalogupload"
SHOWN_STORES = 12
STORE, RESULT, ITEMS, WHEN = Column("Store"), Column("Result"), Column("Items", is_number=True), Column("When")


def last_results(request: HttpRequest, _now: datetime) -> Iterator[Panel]:
    """Two queries besides the stores; what went wrong comes first."""
    if not request.user.has_perm(VIEW):
        return
    view = in_view(request, VIEW)
    last = _last_of_each(view.stores)
    ranked = sorted(view.stores, key=lambda store: (not _went_wrong(last.get(store.pk)), store.name))
    more = len(ranked) - SHOWN_STORES
    told = table(
        [STORE, RESULT, ITEMS, WHEN],
        [_row(store, last.get(store.pk)) for store in ranked[:SHOWN_STORES]],
        said=f"The first {SHOWN_STORES} of {len(ranked)} stores; what went wrong comes first." if more > 0 else "",
        nothing="There is no store yet.",
    )
    uploads = reverse("admin:catalog_catalogupload_changelist")
    yield Panel("Last catalog result of each store", TABLE, told, link=uploads, link_text="All uploads")


def _last_of_each(stores: Sequence[Store]) -> dict[str, CatalogUpload]:
    ended = CatalogUpload.objects.filter(
        store__in=[store.pk for store in stores], environment=settings.JWO_ENVIRONMENT, status__in=ENDED
    )
    newest = ended.order_by().values("store").annotate(newest=Max("pk")).values("newest")
    rows = CatalogUpload.objects.filter(pk__in=newest).defer("packed", "report_packed", "report_link")
    return {str(upload.store_id): upload for upload in rows}


def _went_wrong(last: CatalogUpload | None) -> bool:
    return last is not None and not result_in_words(last)[1]


def _row(store: Store, last: CatalogUpload | None) -> Sequence[str | tuple[str, str]]:
    if last is None:
        return store.name, "Nothing was uploaded yet", "", ""
    page = reverse("admin:catalog_catalogupload_change", args=[last.pk])
    return (
        store.name,
        (result_in_words(last)[0], page),
        str(last.item_count),
        on_clock(last.ended_at, store.zone, brief_clock),
    )


site.add_panel(last_results, rank=3)
