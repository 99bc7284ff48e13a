"""How products stand at Amazon, in words: over all stores for a list, store by store for a product's page."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from catalog import archive
from catalog.admin.masking import without_keys
from catalog.models import CatalogItem, ChangedProduct, Product, ProductFinding, Retirement, Severity
from catalog.statuses import ItemState
from jwo_store import access
from jwo_store.admin_site import DropdownFilter, brief_clock, clock, on_clock

HEADLINES = {
    ItemState.REFUSED: ("danger", "Refused"),
    ItemState.BLOCKED: ("warning", "Kept back"),
    ItemState.UPLOADING: ("info", "On its way"),
    ItemState.CHANGED: ("info", "To be uploaded"),
    ItemState.LIVE: ("success", "At Amazon"),
    ItemState.ARCHIVED: ("plain", "Archived"),
}
"""By how much it matters: a list names the first state that any store is in."""

SEVERITY_TONES = {Severity.ERROR: "danger", Severity.WARNING: "warning"}
SHOWN_REASON = 140
"""Characters of a reason in a list."""


@dataclass(frozen=True, slots=True)
class Standing:
    tone: str
    text: str
    reason: str = ""


def standing(items: Iterable[CatalogItem], *, retired: bool) -> Standing:
    """How a product stands over all its stores, with the newest reason of the worst state."""
    items = list(items)
    if retired:
        return _retired(items)
    offered = [item for item in items if item.is_offered]
    for state, (tone, text) in HEADLINES.items():
        found = [item for item in offered if item.state == state]
        if found:
            return Standing(tone, _in_stores(text, len(found), len(offered)), _newest_reason(found))
    return Standing("plain", "No longer sold" if items else "Not looked at yet")


def _in_stores(text: str, count: int, total: int) -> str:
    if total == 1:
        return text
    return f"{text} in {total} stores" if count == total else f"{text} in {count} of {total} stores"


def _newest_reason(items: Iterable[CatalogItem]) -> str:
    newest = max(items, key=lambda item: (item.upload_id or 0, item.changed_at))
    return newest.newest_reason


def _retired(items: Sequence[CatalogItem]) -> Standing:
    states = {item.state for item in items if item.taken_at or item.state != ItemState.LIVE}
    if ItemState.UPLOADING in states:
        return Standing("info", "Retired, on its way")
    refused = [item for item in items if item.state == ItemState.REFUSED]
    if refused:
        return Standing("warning", "Retired, not archived", _newest_reason(refused))
    if states - {ItemState.ARCHIVED}:
        return Standing("warning", "Retired, still at Amazon")
    return Standing("plain", "Retired and archived" if states else "Retired")


def badge(shown: Standing) -> SafeString:
    """For a list: what it is in colour, and why beside it."""
    reason = Truncator(without_keys(shown.reason)).chars(SHOWN_REASON)
    mark = format_html('<span class="bo-badge bo-{}">{}</span>', shown.tone, shown.text)
    return format_html('<div>{}<span class="bo-reason">{}</span></div>', mark, reason) if reason else mark


def is_retired(product: Product) -> bool:
    return hasattr(product, "retirement")


# --- Finding products by how they stand ----------------------------------------------------------------------------


OFFERED = Q(is_offered=True)
OF_ITEMS: dict[str, tuple[str, Q]] = {
    "refused": ("Refused", OFFERED & Q(state=ItemState.REFUSED)),
    "kept_back": ("Kept back until mended", OFFERED & Q(state=ItemState.BLOCKED)),
    "to_upload": ("To be uploaded", OFFERED & Q(state=ItemState.CHANGED)),
    "on_its_way": ("On its way", Q(state=ItemState.UPLOADING)),
    "there": ("At Amazon", OFFERED & Q(state=ItemState.LIVE)),
    "unpriced": ("Without a price", OFFERED & Q(is_priced=False)),
    "unsent": ("Priced, but never at Amazon", OFFERED & Q(is_priced=True, taken_at__isnull=True)),
    "archived": ("Archived", Q(state=ItemState.ARCHIVED)),
}
"""What a product is when it is so in any store."""

OF_PRODUCTS: dict[str, tuple[str, Callable[[], QuerySet[Any]]]] = {
    "warned": ("With warnings", lambda: ProductFinding.objects.filter(severity=Severity.WARNING).values("product_id")),
    "retired": ("Retired", lambda: Retirement.objects.values("product_id")),
    "to_archive": ("Retired, still at Amazon", lambda: archive.archivable().values("pk")),
    "on_shelf": ("Retired, still on a shelf", lambda: archive.still_on_a_shelf().values("pk")),
}
"""What it is in all stores at once."""


class AtAmazonFilter(DropdownFilter):
    """With a store chosen beside it, how products stand in that store."""

    title = "state at Amazon"
    parameter_name = "amazon"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.store_id = request.GET.get("store", "")

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in {**OF_ITEMS, **OF_PRODUCTS}.items()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value() or ""
        if wanted in OF_ITEMS:
            return queryset.filter(pk__in=self._items().filter(OF_ITEMS[wanted][1]).values("product_id"))
        return queryset.filter(pk__in=OF_PRODUCTS[wanted][1]()) if wanted in OF_PRODUCTS else queryset

    def _items(self) -> QuerySet[CatalogItem]:
        items = CatalogItem.objects.order_by()
        return items.filter(store_id=self.store_id) if self.store_id else items


# --- A product's page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InStore:
    """A product in one store."""

    store: str
    tone: str
    state: str
    reason: str
    taken: str
    upload_id: int | None
    upload: str
    is_offered: bool
    record: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Problem:
    tone: str
    severity: str
    sentence: str
    fix: str
    where: str


def story(product: Product, seen_in: access.Stores) -> dict[str, Any]:
    """What the product's page tells of Amazon in these stores, in a fixed number of queries."""
    rows = product.items.select_related("store", "upload").defer("upload__packed", "upload__report_packed")
    items = list(seen_in.see(rows, "store"))
    findings = seen_in.see(product.findings.select_related("store"), "store")
    retirement = Retirement.objects.filter(pk=product.pk).select_related("retired_by", "replaced_by").first()
    accepted = product.accepted_codes.select_related("accepted_by")
    return {
        "standing": standing(items, retired=retirement is not None),
        "pending": ChangedProduct.objects.filter(sku=product.pk).exists(),
        "stores": [_in_store(item) for item in items],
        "problems": [_problem(finding) for finding in findings],
        "accepted": [f"{one.code}: {_decided(one.accepted_by, one.accepted_at, one.reason)}" for one in accepted],
        "retirement": None if retirement is None else _retirement(retirement),
        "notes": [(clock(note.at), person(note.by), note.text) for note in product.notes.select_related("by")],
    }


def _retirement(row: Retirement) -> dict[str, str]:
    return {
        "text": _decided(row.retired_by, row.retired_at, row.reason),
        "replaced_by": str(row.replaced_by or ""),
        "link": product_link(row.replaced_by_id) if row.replaced_by_id else "",
    }


def _decided(by: Any, at: datetime, reason: str) -> str:
    return f"by {person(by)}, {clock(at)}: {reason}"


def product_link(sku: str) -> str:
    return reverse("admin:catalog_product_change", args=[quote(sku)])


def _in_store(item: CatalogItem) -> InStore:
    tone, state = HEADLINES[ItemState(item.state)]
    if not item.is_offered:
        tone, state = _not_sold_here(item, tone, state)
    return InStore(
        store=item.store.name,
        tone=tone,
        state=state,
        reason=without_keys(item.newest_reason),
        taken=on_clock(item.taken_at, item.store.zone, brief_clock),
        upload_id=item.upload_id,
        upload=str(item.upload or "—"),
        is_offered=item.is_offered,
        record=record_in_words(item.record),
    )


def _not_sold_here(item: CatalogItem, tone: str, state: str) -> tuple[str, str]:
    if item.state == ItemState.REFUSED and item.taken_at:
        return "warning", "Not archived"
    if item.state != ItemState.LIVE:
        return tone, state
    return ("warning", "Not sold here, still at Amazon") if item.taken_at else ("plain", "Not sold here")


def _problem(finding: ProductFinding) -> Problem:
    return Problem(
        tone=SEVERITY_TONES[Severity(finding.severity)],
        severity=finding.get_severity_display(),
        sentence=finding.sentence,
        fix=finding.fix,
        where=finding.store.name if finding.store else "Every store",
    )


def person(user: Any) -> str:
    return (user.get_full_name() or user.get_username()) if user else ""


FIELDS = {
    "item_sku": "SKU",
    "item_name": "Name",
    "brand_name": "Brand",
    "product_category": "Category",
    "product_subcategory": "Subcategory",
    "standard_price": "Price",
    "product_tax_code": "Tax category",
}
"""Of Amazon's record (page upload_catalog), in the order in which people read them; barcodes follow."""


def record_in_words(record: str) -> list[tuple[str, str]]:
    """A record for Amazon as labels and values, [] for none."""
    content: Mapping[str, Any] = json.loads(record or "{}")
    codes = [content, *content.get("additional_external_product_information", ())]
    written = ", ".join(_code(code) for code in codes if code.get("external_product_id"))
    rows = [(label, str(content[field])) for field, label in FIELDS.items() if content.get(field)]
    return [*rows, ("Barcodes" if len(codes) > 1 else "Barcode", written)] if written else rows


def _code(code: Mapping[str, Any]) -> str:
    kind = code.get("external_product_id_type")
    return f"{code['external_product_id']} ({kind})" if kind else str(code["external_product_id"])
