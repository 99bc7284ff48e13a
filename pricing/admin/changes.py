"""Changes of many prices at once."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.models import Product
from jwo_store import access
from jwo_store.admin_site import (
    Window,
    counted,
    display,
    holds,
    on_clock,
    site,
)
from pricing import bulk
from pricing.acts import UndoAct
from pricing.admin import bulk_page
from pricing.admin.proposals import propose_if_asked
from pricing.models import (
    ChangedPrice,
    PriceChange,
)

MAKE = "pricing.make_pricechange"


@admin.action(description="Undo the whole change", permissions=["make"])
def undo_change(_admin: Any, request: HttpRequest, queryset: QuerySet[PriceChange]) -> None:
    for change in queryset:
        if not change.undone_at and propose_if_asked(request, UndoAct(change), f"Undone: {change.reason}"):
            continue
        try:
            left = bulk.undo(change, by=request.user, now=timezone.now())
        except ValidationError as refused:
            messages.error(request, f"{change}: {' '.join(refused.messages)} Nothing was changed.")
            continue
        messages.success(request, f"{change}: undone. What was before holds again from now on.")
        if left:
            text = f"{counted(left, 'price')} stayed, for somebody changed or ended them meanwhile."
            messages.warning(request, text)


SHOWN_CHANGES = 500


@admin.register(PriceChange, site=site)
class PriceChangeAdmin(Window):
    """Changes of many prices: each is made on a page of its own, and kept with what was before."""

    nothing_yet = (
        "Changes of many prices stand here and can be undone as a whole; "
        "press “Change these prices…” above a list of products."
    )
    list_display = ("words", "reason", "made", "maker", "starts", "state")
    list_select_related = ("made_by", "store")
    search_fields = ("^words", "^reason")
    search_help_text = "What was done or why, from its beginning"
    actions = (undo_change,)
    buttons = ("undo_change",)
    fields = ("words", "reason", "made", "maker", "starts", "ends", "state", "undone", "undoer", "prices")

    store_path = "store"
    has_make_permission = holds(MAKE)

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self.has_make_permission(request)

    def reach(self, request: HttpRequest, _function: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        """A change is undone as a whole: by whoever sets prices in all stores that it was about."""
        held = access.stores_with(request.user, MAKE)
        if held.everywhere:
            return rows
        elsewhere = ChangedPrice.objects.filter(Q(store__isnull=True) | ~Q(store__in=held.ids))
        return rows.exclude(pk__in=elsewhere.values("change"))

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """With those of its prices that the reader may see."""
        change = super().get_object(request, *args, **kwargs)
        if change is not None:
            change.changed_seen = self.seen_in(request).see(change.changed.all(), ("store", "product__stores"))
        return change

    def get_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Without what there is nothing to say of."""
        empty = {"ends_at"} if obj is not None and obj.ends_at is None else set()
        empty |= {"undone_at", "undoer"} if obj is not None and obj.undone_at is None else set()
        return tuple(name for name in self.fields if name not in empty)

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.undone_at else self.buttons

    def add_view(self, request: HttpRequest, _form_url: str = "", _extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return bulk_page.answer(request) if request.method == "POST" else bulk_page.start(request)

    @display(description="state", label={"In force": "success", "Planned": "info", "Undone": "warning"})
    def state(self, obj: PriceChange) -> str:
        if obj.undone_at:
            return "Undone"
        if obj.ends_at and obj.ends_at <= timezone.now():
            return "Over"
        return "Planned" if obj.starts_at > timezone.now() else "In force"

    @display(description="made", ordering="made_at")
    def made(self, obj: PriceChange) -> str:
        return on_clock(obj.made_at, obj.zone)

    @display(description="starts", ordering="starts_at")
    def starts(self, obj: PriceChange) -> str:
        return on_clock(obj.starts_at, obj.zone)

    @display(description="ends")
    def ends(self, obj: PriceChange) -> str:
        return on_clock(obj.ends_at, obj.zone)

    @display(description="undone")
    def undone(self, obj: PriceChange) -> str:
        return on_clock(obj.undone_at, obj.zone)

    @display(description="made by", ordering="made_by")
    def maker(self, obj: PriceChange) -> str:
        return str(obj.made_by)

    @display(description="undone by")
    def undoer(self, obj: PriceChange) -> str:
        return str(obj.undone_by)

    @display(description="before and after")
    def prices(self, obj: Any) -> SafeString:
        rows = obj.changed_seen.select_related("product", "store")[: SHOWN_CHANGES + 1]
        lines = (_before_and_after(row) for row in rows[:SHOWN_CHANGES])
        more = format_html("<p>The first {} are shown.</p>", SHOWN_CHANGES) if len(rows) > SHOWN_CHANGES else ""
        return format_html("<ul>{}</ul>{}", format_html_join("", "<li>{}{}: {} → {}</li>", lines), more)


def _before_and_after(row: ChangedPrice) -> tuple[str, str, str, str]:
    place = f" in {row.store.name}" if row.store else ""
    return str(row.product), place, "no price" if row.before is None else f"{row.before:.2f}", f"{row.after:.2f}"


@admin.action(description="Change prices…", permissions=["change_prices"])
def change_prices(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse:
    """The form opens for the products that were chosen, filtered as the list was."""
    return bulk_page.start(request, list(queryset.values_list("pk", flat=True)))
