"""The pages of the project itself: alarms, and the people who may sign in (`jwo_store.people`)."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jwo_store import histories, people
from jwo_store.admin_site import (
    DropdownFilter,
    StoreDayRangeFilter,
    Window,
    counted,
    display,
    holds,
    on_clock,
    site,
)
from jwo_store.models import Alarm

__all__ = ["histories", "people"]


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Nobody has acknowledged it"), ("seen", "Acknowledged")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(acknowledged_at__isnull=self.value() == "open") if self.value() else queryset


@admin.action(description="Acknowledge", permissions=["acknowledge"])
def acknowledge(_admin: Any, request: HttpRequest, queryset: QuerySet[Alarm]) -> None:
    rows = Alarm.objects.filter(pk__in=queryset.values("pk"))
    count = rows.acknowledge(by=request.user, now=timezone.now())
    messages.success(request, f"{counted(count, 'alarm')} acknowledged.")


@admin.register(Alarm, site=site)
class AlarmAdmin(Window):
    nothing_yet = (
        "What went wrong and needs a person stands here until somebody acknowledges it; there is nothing to do now."
    )
    store_path = "store"
    has_acknowledge_permission = holds("jwo_store.acknowledge_alarm")
    list_display = ("kind", "about", "what_happened", "times", "last", "state")
    list_filter = (StateFilter, ("last_at", StoreDayRangeFilter))
    search_fields = ("^subject", "^kind", "~store__name")
    search_help_text = "What it is about from its beginning, or the name of its store"
    actions = (acknowledge,)
    buttons = ("acknowledge",)
    fields = (
        "kind",
        "about",
        "text",
        "leads_to",
        "times",
        "first",
        "last",
        "acknowledged",
        "acknowledged_by",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alarm]:
        rows: Any = super().get_queryset(request)
        return rows.with_store()  # type: ignore[no-any-return]

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    @display(description="first time")
    def first(self, obj: Alarm) -> str:
        return on_clock(obj.first_at, obj.zone)

    @display(description="last time", ordering="last_at")
    def last(self, obj: Alarm) -> str:
        return obj.last_time

    @display(description="acknowledged")
    def acknowledged(self, obj: Alarm) -> str:
        return on_clock(obj.acknowledged_at, obj.zone)

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.acknowledged_at else self.buttons

    @display(description="state", label={"Open": "danger"})
    def state(self, obj: Alarm) -> str:
        return "Acknowledged" if obj.acknowledged_at else "Open"

    @display(description="about", ordering="subject")
    def about(self, obj: Alarm) -> str:
        return obj.about

    @display(description="what happened")
    def what_happened(self, obj: Alarm) -> str:
        return obj.text

    @display(description="where to look")
    def leads_to(self, obj: Alarm) -> SafeString | str:
        return format_html('<a class="bo-link" href="{}">Look at it</a>', obj.link) if obj.link else "—"
