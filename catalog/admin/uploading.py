"""Asking for uploads: of what has changed, of everything again, of what Amazon refused."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from catalog import runs, uploads
from catalog.models import CatalogItem, Product, Store
from jwo_store import access
from jwo_store.admin_site import ask, counted, grave, is_confirmed, reads, with_each

EVERYTHING = (
    "Everything that may go to Amazon goes once more, also what Amazon holds already. With many products this takes "
    "long, and what changes meanwhile waits. Do it when Amazon asks for it, or when its catalog and ours differ. "
    "“Upload changes now” sends what has changed."
)


START = "catalog.start_catalogrun"


def _stores(request: HttpRequest) -> QuerySet[Store]:
    return access.stores_with(request.user, START).see(Store.objects.all(), "pk")


class AsksForUploads:
    """For the pages that offer an upload."""

    has_upload_permission = reads(START)


@admin.action(description="Upload changes now", permissions=["upload"])
def upload_now(_admin: Any, request: HttpRequest, _queryset: QuerySet[Any]) -> None:
    _request_for_all(request, everything=False)


@grave
@admin.action(description="Send all again…", permissions=["upload"])
def send_all_again(_admin: Any, request: HttpRequest, _queryset: QuerySet[Any]) -> HttpResponse | None:
    if not is_confirmed(request):
        return ask(
            request,
            _stores(request),
            action="send_all_again",
            button="Send all again",
            title="Send all products of all stores again",
            text=EVERYTHING,
        )
    _request_for_all(request, everything=True)
    return None


def _request_for_all(request: HttpRequest, *, everything: bool) -> None:
    held = access.stores_with(request.user, START)
    stores = [None] if held.everywhere else list(_stores(request))
    now = timezone.now()
    try:
        for store in stores:
            runs.request(store=store, everything=everything, by=request.user, now=now)  # type: ignore[arg-type]
    except runs.NotConnected as reason:
        messages.error(request, str(reason))
    else:
        what = "Everything" if everything else "What has changed"
        messages.success(
            request, f"{what} in {counted(_stores(request).count(), 'store')} is being prepared for Amazon."
        )


@admin.action(description="Upload changes now", permissions=["upload"])
def upload_stores_now(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> None:
    _request_for_each(request, queryset, everything=False)


@grave
@admin.action(description="Send all again…", permissions=["upload"])
def send_stores_again(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> HttpResponse | None:
    if not is_confirmed(request):
        return ask(
            request,
            queryset,
            action="send_stores_again",
            button="Send all again",
            title="Send all products of these stores again",
            text=EVERYTHING,
        )
    _request_for_each(request, queryset, everything=True)
    return None


def _request_for_each(request: HttpRequest, stores: QuerySet[Store], *, everything: bool) -> None:
    now = timezone.now()
    with_each(
        request,
        stores,
        lambda store: runs.request(store=store, everything=everything, by=request.user, now=now),  # type: ignore[arg-type]
        noun="store",
        done="being prepared for Amazon: " + ("everything" if everything else "what has changed"),
        refused=runs.NotConnected,
    )


@admin.action(description="Send again what Amazon refused", permissions=["upload"])
def send_again(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> None:
    mine = access.stores_with(request.user, START).change(CatalogItem.objects.all(), "store")
    items = mine.filter(product__in=queryset.values("pk"))
    try:
        count = uploads.send_again_now(items, by=request.user, now=timezone.now())  # type: ignore[arg-type]
    except runs.NotConnected as reason:
        messages.error(request, str(reason))
        return
    if count:
        messages.success(request, f"{counted(count, 'refused entry', 'refused entries')} sent again.")
    else:
        messages.warning(request, "Amazon refused none of these, so there is nothing to send again.")
