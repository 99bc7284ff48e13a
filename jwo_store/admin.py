"""Alarms, and the people who may sign in."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jwo_store.admin_site import (
    BackOfficeAdmin,
    DayRangeFilter,
    DropdownFilter,
    PasswordChangeForm,
    SearchableSelectMultiple,
    UserAdmin,
    UserChangeForm,
    UserCreationForm,
    Window,
    counted,
    display,
    site,
)
from jwo_store.models import Alarm


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
    list_display = ("kind", "subject", "what_happened", "times", "last_at", "state")
    list_filter = (StateFilter, ("last_at", DayRangeFilter))
    search_fields = ("^subject", "^kind")
    search_help_text = "What it is about, from its beginning"
    actions = (acknowledge,)
    buttons = ("acknowledge",)
    fields = (
        "kind",
        "subject",
        "text",
        "leads_to",
        "times",
        "first_at",
        "last_at",
        "acknowledged_at",
        "acknowledged_by",
    )

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jwo_store.acknowledge_alarm")

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.acknowledged_at else self.buttons

    @display(description="state", label={"Open": "danger"})
    def state(self, obj: Alarm) -> str:
        return "Acknowledged" if obj.acknowledged_at else "Open"

    @display(description="what happened")
    def what_happened(self, obj: Alarm) -> str:
        return obj.text

    @display(description="where to look")
    def leads_to(self, obj: Alarm) -> SafeString | str:
        return format_html('<a class="bo-link" href="{}">Look at it</a>', obj.link) if obj.link else "—"


@admin.register(User, site=site)
class PersonAdmin(UserAdmin, BackOfficeAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = PasswordChangeForm
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active")
    list_filter = ()
    search_fields = ("^username", "^first_name", "^last_name", "^email")
    search_help_text = "Login, name or e-mail, from its beginning"
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who it is", {"fields": ("first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        ("What they may do", {"fields": ("is_staff", "groups")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        """Only who may do everything may let others do everything."""
        return () if request.user.is_superuser else ("is_superuser", "groups")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    @display(description="roles")
    def roles(self, obj: User) -> str:
        everything = ["Everything"] if obj.is_superuser else []
        return ", ".join(everything + [group.name for group in obj.groups.all()]) or "—"


@admin.register(Group, site=site)
class RoleAdmin(GroupAdmin, BackOfficeAdmin):
    search_fields = ("^name",)
    search_help_text = "Name, from its beginning"
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(
            db_field, request, **{"widget": SearchableSelectMultiple(), **kwargs}
        )
        field.widget.attrs["class"] = SearchableSelectMultiple().attrs["class"]  # the theme puts that of a plain one
        field.help_text = ""
        return field
