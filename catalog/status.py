"""How far Amazon's catalog is, in figures."""

from datetime import datetime
from typing import Any

from django.db.models import Count

from catalog.models import CatalogItem, CatalogUpload, Store
from catalog.statuses import ItemState

LATEST = 50


def read() -> dict[str, Any]:
    """Items by store and state, and the latest uploads, as JSON carries it."""
    return {"stores": counts(), "uploads": [_upload(row) for row in CatalogUpload.objects.defer("packed")[:LATEST]]}


def counts() -> dict[str, dict[str, int]]:
    """How many items of each store are in each state; every store and every state is there.

    What was changed but not looked at yet (`catalog.sync`) counts as it stood before.
    """
    stores = {
        store_id: dict.fromkeys(ItemState.values, 0)
        for store_id in Store.objects.order_by("store_id").values_list("store_id", flat=True)
    }
    rows = CatalogItem.objects.order_by().values_list("store_id", "state").annotate(count=Count("pk"))
    for store_id, state, count in rows:
        stores[store_id][state] = count
    return stores


def _upload(upload: CatalogUpload) -> dict[str, Any]:
    return {
        "id": upload.pk,
        "kind": upload.kind,
        "store": upload.store_id,
        "status": upload.status,
        "ingestion_id": upload.ingestion_id,
        "amazon_status": upload.amazon_status,
        "items": upload.item_count,
        "refused": upload.refused_count,
        "problem": upload.problem,
        "made_at": _text(upload.made_at),
        "sent_at": _text(upload.sent_at),
        "ended_at": _text(upload.ended_at),
        "finished_at": _text(upload.finished_at),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
