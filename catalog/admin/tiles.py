"""What the home page says of the catalog at Amazon: a few figures, each a way to its list."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from catalog.admin.uploads import STOPPED
from catalog.models import CatalogItem, CatalogMessage, CatalogUpload
from catalog.statuses import ItemState, MessageState, UploadStatus
from jwo_store import access
from jwo_store.admin_site import Tile, brief_clock, counted, on_clock, site

ENDED = (UploadStatus.FINISHED, UploadStatus.UNREAD, UploadStatus.FAILED)


def product_tiles(request: HttpRequest, _now: datetime) -> Iterable[Tile]:
    """One query over an index."""
    if not request.user.has_perm("catalog.view_product"):
        return
    items = access.stores_with(request.user, "catalog.view_product").see(CatalogItem.objects.all(), "store")
    items = items.filter(state__in=[ItemState.REFUSED, ItemState.BLOCKED], is_offered=True)
    counts = items.order_by().aggregate(
        refused=Count("product", filter=Q(state=ItemState.REFUSED), distinct=True),
        kept_back=Count("product", filter=Q(state=ItemState.BLOCKED), distinct=True),
    )
    products = reverse("admin:catalog_product_changelist")
    yield _to_look_at("Products refused by Amazon", counts["refused"], f"{products}?amazon=refused")
    yield _to_look_at("Products kept back", counts["kept_back"], f"{products}?amazon=kept_back", "mend them first")


def upload_tiles(request: HttpRequest, _now: datetime) -> Iterable[Tile]:
    """Two queries."""
    if not request.user.has_perm("catalog.view_catalogupload"):
        return
    here = access.stores_with(request.user, "catalog.view_catalogupload").see(CatalogUpload.objects.all(), "store")
    here = here.filter(environment=settings.JWO_ENVIRONMENT)
    uploads = reverse("admin:catalog_catalogupload_changelist")
    yield _last_result(
        here.filter(status__in=ENDED).select_related("store").defer("packed", "report_packed").first(), uploads
    )
    yield _to_look_at("Stopped uploads", here.filter(status__in=STOPPED).count(), f"{uploads}?stopped=yes")


def _last_result(last: CatalogUpload | None, uploads: str) -> Tile:
    title = "Last catalog result"
    if last is None:
        return Tile(title, "—", uploads, hint="nothing was uploaded yet")
    words, well = result_in_words(last)
    ended = on_clock(last.ended_at, last.store.zone if last.store else None, brief_clock)
    return Tile(
        title,
        words,
        reverse("admin:catalog_catalogupload_change", args=[last.pk]),
        tone="good" if well else "look",
        hint=f"{last} of {counted(last.item_count, 'item')}, {ended}",
    )


def result_in_words(ended: CatalogUpload) -> tuple[str, bool]:
    """What came of it, and whether all is well."""
    well = ended.status == UploadStatus.FINISHED and not ended.refused_count
    return ("All taken" if well else RESULTS.get(ended.status, f"{ended.refused_count} refused")), well


RESULTS: dict[str, str] = {UploadStatus.UNREAD: "Not known", UploadStatus.FAILED: "Failed"}


def message_tiles(request: HttpRequest, _now: datetime) -> Iterable[Tile]:
    if not request.user.has_perm("catalog.view_catalogmessage"):
        return
    rows = access.stores_with(request.user, "catalog.view_catalogmessage").see(
        CatalogMessage.objects.all(), "upload__store"
    )
    count = rows.filter(state=MessageState.SET_ASIDE, environment=settings.JWO_ENVIRONMENT).count()
    messages = reverse("admin:catalog_catalogmessage_changelist")
    yield _to_look_at("Messages set aside", count, f"{messages}?state__exact={MessageState.SET_ASIDE}")


def _to_look_at(title: str, count: int, link: str, hint: str = "") -> Tile:
    return Tile(title, str(count), link, tone="look" if count else "good", hint=hint if count else "")


# What shoppers wait for comes first.
site.add_tiles(product_tiles, rank=1)
site.add_tiles(upload_tiles, rank=1)
site.add_tiles(message_tiles, rank=1)
