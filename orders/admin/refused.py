from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jwo_store.admin_site import ChoicesDropdownFilter, DayRangeFilter, DropdownFilter, Window, display, holds, site
from orders import purchases
from orders.admin.purchases import with_each
from orders.models import RefusedCart


@admin.action(description="Take in", permissions=["replay"])
def take_in(_admin: Any, request: HttpRequest, queryset: QuerySet[RefusedCart]) -> None:
    now = timezone.now()
    with_each(request, queryset, lambda row: purchases.replay(row, by=request.user, now=now), "taken in")  # type: ignore[arg-type]


class TakenInFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Not taken in"), ("taken", "Taken in")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(purchase__isnull=self.value() == "waiting") if self.value() else queryset


@admin.register(RefusedCart, site=site)
class RefusedCartAdmin(Window):
    nothing_yet = "Carts that could not be read stand here until they are taken in; there is nothing to do now."
    store_path = "purchase__store"
    has_replay_permission = holds("orders.replay_refusedcart")
    list_display = ("received_at", "first_fault", "times", "last_received_at", "taken_in_as", "where")
    list_filter = (TakenInFilter, ("received_at", DayRangeFilter), ("environment", ChoicesDropdownFilter))
    actions = (take_in,)
    buttons = ("take_in",)
    fields = ("received_at", "last_received_at", "times", "environment", "caller", "what_was_wrong", "taken_in_as")

    def visible(self, request: HttpRequest, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Whose cart it is, nobody knows before it is taken in."""
        seen = super().visible(request, rows)
        return seen if self.seen_in(request).everywhere else seen.filter(purchase__store__isnull=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedCart]:
        rows: QuerySet[RefusedCart] = super().get_queryset(request)
        deferred = ("raw", "purchase__raw", "purchase__body", "purchase__trace")
        return rows.select_related("purchase").defer(*deferred)

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.purchase_id else self.buttons

    @display(description="what was wrong")
    def first_fault(self, obj: RefusedCart) -> str:
        faults = fault_words(obj.faults)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return format_html("{}{}", faults[0], more) if faults else "—"

    @display(description="what was wrong")
    def what_was_wrong(self, obj: RefusedCart) -> SafeString:
        rows = format_html_join("", "<li>{}</li>", ((fault,) for fault in fault_words(obj.faults)))
        return format_html('<ul class="bo-list">{}</ul>', rows)

    @display(description="taken in as")
    def taken_in_as(self, obj: RefusedCart) -> str:
        if obj.purchase is None:
            return "not yet"
        url = reverse("admin:orders_purchase_change", args=[obj.purchase.pk])
        return format_html('<a class="bo-link" href="{}">{}</a>', url, obj.purchase)

    @display(description="environment", label={"sandbox": "info", "test": "warning", "live": "danger"})
    def where(self, obj: RefusedCart) -> tuple[str, str]:
        return obj.environment, obj.get_environment_display()


def fault_words(faults: Any) -> list[str]:
    """Each fault as `where: what`, where being what Amazon calls it; what else an old row may say is shown as it is."""
    return [_fault(row) for row in (faults if isinstance(faults, list) else [faults])]


def _fault(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    what = row.get("message", "")
    return format_html("<code>{}</code>: {}", row["path"], what) if row.get("path") else f"the whole cart: {what}"
