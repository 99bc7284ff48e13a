"""The price list as a file: downloaded, and imported after a look at what it would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from catalog.admin.importing import ImportingAdmin, answer
from catalog.lists.exports import File, Format
from catalog.lists.parts import FAULTY, Part
from catalog.lists.sheet import Fault
from catalog.models import Store
from jwo_store import access
from jwo_store.admin_site import TextareaWidget, brief_clock, on_clock
from jwo_store.telling import Line as ShownLine
from pricing.acts import ListAct
from pricing.admin.bulk_page import percent_in_words
from pricing.admin.forms import LargeField
from pricing.admin.proposals import propose_if_asked, to_the_proposal
from pricing.admin.timeline_page import zone_of
from pricing.bulk import Made
from pricing.lists import exports, imports
from pricing.lists.compare import Difference, Line
from pricing.lists.entries import Entry, Where
from pricing.models import PriceList

MAKE = "pricing.make_pricechange"
EXPLAINED = (
    ("SKU", "Always needed. It says which product the row is about."),
    ("Name", "For the eye only: where it is not the name of that product, you are told."),
    ("Store", "The ID of a store, or “all”. Empty means all stores."),
    ("Price", "Always needed. A plain number with a point: 2.49."),
    ("Kind", "“regular” or “temporary”. Empty means regular. A temporary price beats the regular one while it holds."),
    (
        "From",
        "Like 2026-12-24 06:00, on the store's clock; for all stores on that named above. Empty means now.",
    ),
    (
        "Until",
        "The same; from then on the price no longer holds. Empty leaves the end as it is; a temporary price needs one.",
    ),
)
NEW_COLUMNS = ("Row", "SKU", "Product", "Store", "Price", "Kind", "From", "Until")
CHANGED_COLUMNS = ("Row", "SKU", "Product", "Store", "Before", "After", "Change", "Kind", "From", "Until")


NamedStores = Mapping[str, tuple[str, ZoneInfo]]
"""Name and clock of each store, by ID."""


class ConfirmForm(forms.Form):
    large = LargeField()
    reason = forms.CharField(
        max_length=1000,
        widget=TextareaWidget(attrs={"rows": 2}),
        help_text="Why, for those who look at it later.",
        error_messages={"required": "Say why."},
    )

    def __init__(self, data: Any, difference: Difference) -> None:
        super().__init__(data)
        self.has_large = bool(difference.large)
        if not self.has_large:
            del self.fields["large"]

    def clean_large(self) -> bool:
        if not self.cleaned_data["large"]:
            raise forms.ValidationError("Look at the large changes below. Tick this if they are meant.")
        return True


class PriceListsAdmin(ImportingAdmin):
    lists = imports.LISTS
    columns_explained = EXPLAINED
    import_template = "admin/pricing/price/import.html"
    look_template = "admin/lists/look.html"
    list_before_template = "admin/pricing/price/list_buttons.html"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(MAKE)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download_list)
        return [path("download/<slug:name>/", download, name="pricing_price_download"), *super().get_urls()]

    def download_list(self, request: HttpRequest, name: str) -> HttpResponse:
        """What the list shows under the filters of the address, but for what is over."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if name not in set(Format):
            raise Http404
        try:
            prices = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Http404 from error
        by = request.user.get_username()
        return answer(exports.download(prices, Format(name), by=by, zone=zone_of(None), now=timezone.now()))

    def empty_file(self) -> File:
        return exports.empty(Format.XLSX)

    def look_at(self, request: HttpRequest, kept: PriceList) -> Difference:
        return imports.look(kept, where(request), now=timezone.now())

    def look_context(self, request: HttpRequest, difference: Difference) -> dict[str, Any]:
        return {"form": ConfirmForm(request.POST if "apply" in request.POST else None, difference)}

    def apply_list(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        now = timezone.now()
        kept = self.lists.find(list_id, by=request.user, now=now)
        difference = self.look_at(request, kept)
        form = ConfirmForm(request.POST, difference)
        if difference.is_applicable and not form.is_valid():
            return self.show_look(request, kept, difference)
        made = Made(by=request.user, now=now, reason=form.cleaned_data["reason"] if form.is_valid() else "")
        seen = request.POST.get("seen", "")
        if difference.is_applicable and difference.fingerprint == seen:
            with transaction.atomic():
                proposal = propose_if_asked(request, _act(kept, difference), made.reason)
                if proposal:
                    self.lists.take(kept)
                    return to_the_proposal(request, proposal)
        change = imports.apply(kept, difference, made, seen=seen, large_is_meant=form.has_large)
        messages.success(request, f"Done: {change.words}. The whole of it can be undone on this page.")
        return HttpResponseRedirect(reverse("admin:pricing_pricechange_change", args=[change.pk]))

    @property
    def parts(self) -> Mapping[str, Part]:  # type: ignore[override]  # the names of stores are read anew each time
        return parts(_stores())


def _act(kept: PriceList, difference: Difference) -> ListAct:
    ids, stores = {line.price.store_id for line in difference.lines}, _stores()
    lines = tuple(
        ShownLine(
            f"{line.name}, {_place(line, stores)}",
            "" if line.before is None else f"{line.before:.2f}",
            f"{line.after:.2f}{_when_in_words(line, stores)}",
        )
        for line in difference.lines
    )
    where = None if None in ids else frozenset(filter(None, ids))
    return ListAct(bytes(kept.packed), kept.file_name, kept.row_count, difference.fingerprint, where, lines)


def _when_in_words(line: Line, stores: NamedStores) -> str:
    """What a list says besides the price; nothing for a regular price from now on without an end."""
    kind, start, end = _when(line, stores)
    told = ("temporary" if kind == "Temporary" else "", f"from {start}" if line.entry.starts_at else "")
    until = f"until {end}" if line.price.ends_at else ""
    return "".join(f", {text}" for text in (*told, until) if text)


def where(request: HttpRequest) -> Where:
    """The stores in which this person may set prices."""
    held = access.stores_with(request.user, MAKE)
    own = {store_id: store for store_id, store in _stores().items() if store_id in held}
    return Where(own, zone_of(None), everywhere=held.everywhere)


def _stores() -> NamedStores:
    return {store.pk: (store.name, store.zone) for store in Store.objects.all()}


# --- What the look shows -------------------------------------------------------------------------------------------


def parts(stores: NamedStores) -> dict[str, Part]:
    """By the name in their address, in the order in which they are looked at."""

    def new(line: Line) -> Iterator[Sequence[str]]:
        yield (
            str(line.number),
            line.entry.sku,
            line.name,
            _place(line, stores),
            f"{line.after:.2f}",
            *_when(line, stores),
        )

    def changed(line: Line) -> Iterator[Sequence[str]]:
        amounts = (
            f"{line.before:.2f}" if line.before is not None else "",
            f"{line.after:.2f}",
            percent_in_words(line.percent),
        )
        yield str(line.number), line.entry.sku, line.name, _place(line, stores), *amounts, *_when(line, stores)

    return {
        "wrong": Part("Wrong", (*FAULTY, "What to do"), lambda found: found.faults, _fault, is_faulty=True),
        "large": Part("Large changes", CHANGED_COLUMNS, lambda found: found.large, changed, is_faulty=True),
        "warnings": Part("Look at these", (*FAULTY, "Why"), lambda found: found.warnings, _fault, is_faulty=True),
        "changed": Part("Changed", CHANGED_COLUMNS, lambda found: found.changed, changed),
        "new": Part("New", NEW_COLUMNS, lambda found: found.new, new),
        "unchanged": Part("Unchanged", ("Row", "SKU", "Price"), lambda found: found.unchanged, _unchanged),
    }


def _place(line: Line, stores: NamedStores) -> str:
    return stores[line.entry.store][0] if line.entry.store else "All stores"


def _fault(fault: Fault) -> Iterable[Sequence[str]]:
    yield str(fault.number or ""), *fault[1:]


def _unchanged(entry: Entry) -> Iterable[Sequence[str]]:
    yield str(entry.number), entry.sku, f"{entry.amount:.2f}"


def _when(line: Line, stores: NamedStores) -> tuple[str, str, str]:
    zone = stores[line.entry.store][1] if line.entry.store else None
    start = on_clock(line.price.starts_at, zone, brief_clock) if line.entry.starts_at else "now"
    end = on_clock(line.price.ends_at, zone, brief_clock) if line.price.ends_at else "no end"
    return "Temporary" if line.price.temporary else "Regular", start, end
