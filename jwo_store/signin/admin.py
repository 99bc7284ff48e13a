"""Who tried in vain to sign in, and the button that lets them in again."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.utils import timezone

from jwo_store.admin_site import Window, clock, counted, display, holds, site
from jwo_store.signin.browsers import browser_in_words
from jwo_store.signin.models import WrongTry
from jwo_store.signin.throttle import counted_tries, let_in_again


@admin.action(description="Let in again", permissions=["forget"])
def forget(_admin: Any, request: HttpRequest, queryset: QuerySet[WrongTry]) -> None:
    pairs = set(queryset.values_list("username", "ip_address"))
    messages.success(request, _told(sum(let_in_again(Q(username=login, ip_address=at)) for login, at in pairs)))


@admin.action(description="Let everybody in again from this address", permissions=["forget"])
def forget_address(_admin: Any, request: HttpRequest, queryset: QuerySet[WrongTry]) -> None:
    addresses = list(queryset.values_list("ip_address", flat=True))
    messages.success(request, _told(let_in_again(Q(ip_address__in=addresses))))


@admin.action(description="Let this login in again from everywhere", permissions=["forget"])
def forget_login(_admin: Any, request: HttpRequest, queryset: QuerySet[WrongTry]) -> None:
    logins = list(queryset.values_list("username", flat=True))
    messages.success(request, _told(let_in_again(Q(username__in=logins))))


def _told(tries: int) -> str:
    return f"{counted(tries, 'wrong try', 'wrong tries')} forgotten."


@admin.register(WrongTry, site=site)
class WrongTryAdmin(Window):
    nothing_yet = (
        "Wrong passwords of the last days stand here, with who has to wait for them; nobody has to be let in again now."
    )
    store_path = None
    has_forget_permission = holds("signin.forget_wrongtry")
    list_display = ("login", "address", "tries", "last_try", "state")
    search_fields = ("^username", "=ip_address")
    search_help_text = "Login from its beginning, or a whole address"
    actions = (forget, forget_address, forget_login)
    buttons = ("forget", "forget_address", "forget_login")
    fields = ("login", "address", "browser", "tries", "last_try", "state")
    readonly_fields = fields
    ordering = ("-attempt_time",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WrongTry]:
        """With how often it was tried: by this login here, from this address, and by this login from everywhere."""
        sums = {name: _sum(*fields) for name, fields in COUNTERS.items()}
        rows: QuerySet[WrongTry] = super().get_queryset(request).annotate(**sums)
        return rows

    @display(description="login", ordering="username")
    def login(self, obj: WrongTry) -> str:
        return obj.username

    @display(description="from", ordering="ip_address")
    def address(self, obj: WrongTry) -> str:
        return obj.ip_address

    @display(description="browser")
    def browser(self, obj: Any) -> str:
        return browser_in_words(str(obj.user_agent)) or "—"

    @display(description="last try", ordering="attempt_time")
    def last_try(self, obj: Any) -> str:
        return clock(obj.attempt_time)

    @display(description="wrong tries", ordering="failures_since_start")
    def tries(self, obj: Any) -> int:
        return int(obj.failures_since_start)

    @display(description="state", label={"Blocked": "danger", "Blocked, unless known there": "warning"})
    def state(self, obj: Any) -> str:
        if (obj.narrow or 0) >= settings.SIGN_IN_TRIES:
            return "Blocked"
        if max(obj.at_address or 0, obj.of_login or 0) >= settings.SIGN_IN_TRIES_WIDE:
            return "Blocked, unless known there"
        return "Not blocked"


COUNTERS = {"narrow": ("username", "ip_address"), "at_address": ("ip_address",), "of_login": ("username",)}


def _sum(*fields: str) -> Subquery:
    same = counted_tries(timezone.now()).filter(**{field: OuterRef(field) for field in fields})
    return Subquery(same.order_by().values(*fields).annotate(sum=Sum("failures_since_start")).values("sum"))
