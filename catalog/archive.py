"""Taking products out of Amazon's catalog: retire, confirm the store list, archive.

Amazon archives a product in all stores at once, and only when the call names every store of the retailer (page
archive_catalog_api). So somebody confirms the list, and a store that was added since stops the call.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from catalog import runs
from catalog.models import (
    CatalogItem,
    CatalogUpload,
    Product,
    ProductNote,
    Retirement,
    Store,
    StoreList,
    UploadLine,
)
from catalog.statuses import ItemState, UploadKind
from jwo_store.nudge import nudge

MAX_SKUS = 10_000


class ArchiveRefused(Exception):
    """Why nothing was archived, and what to do; for staff."""


# --- Retiring ------------------------------------------------------------------------------------------------------


def retire(
    products: Iterable[Product], *, reason: str, replaced_by: Product | None = None, by: User, now: datetime
) -> int:
    """Take products from sale; gives how many were not retired before. They are still priced while on a shelf.

    Raises ArchiveRefused when a product would replace itself, or the replacement is retired itself.
    """
    products = list(products)
    if replaced_by in products:
        raise ArchiveRefused("A product cannot be replaced by itself. Choose the new one.")
    if replaced_by is not None and Retirement.objects.filter(product=replaced_by).exists():
        raise ArchiveRefused(f"{replaced_by} is retired itself. Choose a product that is sold.")
    known = set(Retirement.objects.filter(product__in=products).values_list("product_id", flat=True))
    rows = [
        Retirement(product=product, reason=reason, retired_at=now, retired_by=by, replaced_by=replaced_by)
        for product in products
        if product.pk not in known
    ]
    instead = f", replaced by {replaced_by}" if replaced_by else ""
    with transaction.atomic():
        Retirement.objects.bulk_create(rows)
        ProductNote.objects.write([row.product_id for row in rows], f"Retired{instead}: {reason}", by=by, now=now)
        items = CatalogItem.objects.filter(product__in=[row.product for row in rows])
        items.update(is_offered=False)
        items.settle()
    return len(rows)


def return_to_sale(products: Iterable[Product], *, reason: str, by: User, now: datetime) -> int:
    """Undo a retirement; the next upload makes Amazon know the product again. Gives how many."""
    rows = Retirement.objects.filter(product__in=list(products))
    with transaction.atomic():
        skus = list(rows.values_list("product_id", flat=True))
        ProductNote.objects.write(skus, f"Returned to sale: {reason}", by=by, now=now)
        rows.delete()
    return len(skus)


# --- The store list ------------------------------------------------------------------------------------------------


def confirm_stores(store_ids: Iterable[str], *, by: User, now: datetime) -> StoreList:
    """Somebody's word that Amazon knows these stores and no others. Raises ArchiveRefused when one is left out."""
    named = sorted({store_id.strip() for store_id in store_ids} - {""})
    left_out = sorted(_ours() - set(named))
    if left_out:
        raise ArchiveRefused(f"The list must name every store. Missing: {', '.join(left_out)}.")
    return StoreList.objects.create(store_ids=named, confirmed_at=now, confirmed_by=by)


def confirmed() -> StoreList | None:
    return StoreList.objects.first()


def added_since(store_list: StoreList | None) -> list[str]:
    """Stores that the list does not name."""
    return sorted(_ours() - set(store_list.store_ids if store_list else ()))


def _ours() -> set[str]:
    return set(Store.objects.values_list("store_id", flat=True))


# --- Archiving -----------------------------------------------------------------------------------------------------


def archivable() -> QuerySet[Product]:
    """Retired products that Amazon still has (or has refused to archive), none of them on its way."""
    at_amazon = CatalogItem.objects.filter(taken_at__isnull=False).exclude(state=ItemState.ARCHIVED)
    on_its_way = CatalogItem.objects.filter(state=ItemState.UPLOADING)
    return Product.objects.filter(retirement__isnull=False, pk__in=at_amazon.values("product_id")).exclude(
        pk__in=on_its_way.values("product_id")
    )


def still_on_a_shelf() -> QuerySet[Product]:
    """Retired products that Amazon refused to archive: the list to try again."""
    refused = CatalogItem.objects.filter(state=ItemState.REFUSED, upload__kind=UploadKind.ARCHIVE)
    return Product.objects.filter(retirement__isnull=False, pk__in=refused.values("product_id"))


def archive(products: QuerySet[Product], *, by: User, now: datetime) -> list[CatalogUpload]:
    """Ask Amazon to archive those of the products that are archivable; gives the calls, to be sent by a worker.

    Raises ArchiveRefused when the store list is not confirmed, out of date, or nothing is left to archive.
    """
    if not settings.AMAZON_CATALOG_URL:
        raise ArchiveRefused("The address of Amazon's catalog is not set: set AMAZON_CATALOG_URL and restart.")
    store_list = confirmed()
    _check(store_list)
    skus = list(archivable().filter(pk__in=products.values("pk")).order_by("sku").values_list("sku", flat=True))
    if not skus or store_list is None:
        raise ArchiveRefused(
            "None of these can be archived now: a product must be retired, at Amazon, and not on its way there."
        )
    with transaction.atomic():
        return [
            _call(skus[start : start + MAX_SKUS], store_list, by=by, now=now) for start in range(0, len(skus), MAX_SKUS)
        ]


def _check(store_list: StoreList | None) -> None:
    if store_list is None:
        raise ArchiveRefused("Nobody has confirmed the list of all stores yet. Confirm it first.")
    added = added_since(store_list)
    if added:
        raise ArchiveRefused(
            f"{', '.join(added)} was added since the list of stores was confirmed. Confirm the list again."
        )


def _call(skus: Sequence[str], store_list: StoreList, *, by: User, now: datetime) -> CatalogUpload:
    upload = CatalogUpload.objects.create(
        kind=UploadKind.ARCHIVE,
        environment=settings.JWO_ENVIRONMENT,
        made_at=now,
        made_by=by,
        due_at=now,
        packed=b"",
    )
    _take(upload, skus)
    document = {"itemSkus": list(skus), "allApplicableStores": store_list.store_ids}
    runs.fill(upload, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), len(skus))
    UploadLine.objects.bulk_create((UploadLine(upload=upload, sku=sku) for sku in skus), batch_size=2_000)
    nudge("catalog.tasks.work_on", upload_id=upload.pk)
    return upload


def _take(upload: CatalogUpload, skus: Sequence[str]) -> None:
    items = CatalogItem.objects.filter(product_id__in=skus).exclude(state__in=[ItemState.UPLOADING, ItemState.ARCHIVED])
    items.update(state=ItemState.UPLOADING, upload=upload, sent_hash="", reason="")


def out_of_date(upload: CatalogUpload) -> str:
    """Why an archive call must not be sent as it is, "" if it may: a store may have been added since it was made."""
    if upload.kind != UploadKind.ARCHIVE:
        return ""
    named = set(json.loads(upload.body)["allApplicableStores"])
    added = sorted(_ours() - named)
    if not added:
        return ""
    return f"{', '.join(added)} was added after this call was made. Confirm the list of stores and archive again."


def again(upload: CatalogUpload, *, by: User, now: datetime) -> None:
    """Archive what this stopped call was to archive, in a new call with the list of stores as it is confirmed now."""
    skus = list(upload.lines.values_list("sku", flat=True))
    _free(upload)
    archive(Product.objects.filter(sku__in=skus), by=by, now=now)


def _free(upload: CatalogUpload) -> None:
    upload.items.filter(state=ItemState.UPLOADING).update(state=ItemState.LIVE)
