from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from catalog.admin.uploading import AsksForUploads, send_stores_again, upload_stores_now
from catalog.models import Store
from jwo_store import access
from jwo_store.admin_site import (
    HistoryAdmin,
    ModelForm,
    SearchableSelect,
    Tile,
    YesNoFilter,
    ask,
    clock,
    counted,
    display,
    grave,
    holds,
    reason_form,
    site,
)


@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    """The IANA zones that are places, such as `America/New_York`, and UTC."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return tuple((name, name.replace("_", " ")) for name in ("UTC", *places))


class StoreForm(ModelForm):
    time_zone = forms.ChoiceField(
        choices=time_zones, widget=SearchableSelect, help_text="The store's own clock, for example America/New York."
    )


def set_hold(stores: Iterable[Store], *, on_hold: bool, reason: str) -> int:
    """How many stores are now on hold (or released) that were not before."""
    changed = [store for store in stores if store.on_hold != on_hold]
    for store in changed:
        store.on_hold = on_hold
        store._change_reason = reason  # type: ignore[attr-defined]
        store.save(update_fields=["on_hold"])
    return len(changed)


@grave
@admin.action(description="Put on hold…", permissions=["hold"])
def put_on_hold(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="put_on_hold",
            button="Put on hold",
            text="Carts of these stores will still be taken in and priced, but nothing is sent to Amazon and nobody is "
            "charged until you release them. Amazon gives up trips that wait too long.",
        )
    count = set_hold(queryset, on_hold=True, reason=form.cleaned_data["reason"])
    messages.success(request, f"{counted(count, 'store')} put on hold.")
    return None


@admin.action(description="Release…", permissions=["hold"])
def release(_admin: Any, request: HttpRequest, queryset: QuerySet[Store]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="release",
            button="Release",
            text="What waits in these stores is sent to Amazon at once, and shoppers are charged.",
        )
    count = set_hold(queryset, on_hold=False, reason=form.cleaned_data["reason"])
    messages.success(request, f"{counted(count, 'store')} released.")
    return None


class StoreAdmin(AsksForUploads, HistoryAdmin):
    nothing_yet = (
        "Your stores stand here; add one under the store ID that Amazon gave it, so that its carts can be priced."
    )
    store_path = "pk"
    has_hold_permission = holds("catalog.hold_store")
    form = StoreForm
    list_display = ("name", "store_id", "state", "clock_of", "currency")
    list_filter = (("on_hold", YesNoFilter),)
    search_fields = ("^store_id", "~name")
    search_help_text = "Store ID, or words of the name"
    actions = (put_on_hold, release, upload_stores_now, send_stores_again)
    buttons = ("put_on_hold", "release", "upload_stores_now", "send_stores_again")
    fieldsets = (
        (None, {"fields": ("store_id", "name", "time_zone", "currency", "state", "local_time", "tests_until")}),
        ("How carts are priced", {"fields": ("priced_at", "prices_include_tax", "tax_rounding", "fees")}),
        ("What Amazon is told", {"fields": ("amount_basis", "empty_cart_purchase_id")}),
        (
            "Four eyes",
            {"fields": ("second_look_prices", "second_look_promotions", "second_look_taxes")},
        ),
    )

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("state", "local_time", *(("store_id",) if obj else ()))

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return ("release" if obj.on_hold else "put_on_hold", "upload_stores_now", "send_stores_again")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if not change and settings.JWO_ENVIRONMENT != "sandbox":
            obj.on_hold = True
            messages.warning(request, "The new store starts on hold. Release it when its products and prices are in.")
        super().save_model(request, obj, form, change)

    @display(description="state", label={"Open": "success", "On hold": "danger", "Test trips": "warning"})
    def state(self, obj: Store) -> str:
        if obj.on_hold:
            return "On hold"
        return "Test trips" if obj.tests_until and obj.tests_until > timezone.now() else "Open"

    @display(description="time zone", ordering="time_zone")
    def clock_of(self, obj: Store) -> str:
        return obj.time_zone.replace("_", " ")

    @display(description="time in the store")
    def local_time(self, obj: Store) -> str:
        return clock(timezone.now(), obj.zone) if obj.time_zone else "—"


def store_tiles(request: HttpRequest, _now: Any) -> Iterable[Tile]:
    if not request.user.has_perm("catalog.view_store"):
        return
    rows = access.stores_with(request.user, "catalog.view_store").see(Store.objects.filter(on_hold=True), "pk")
    held = list(rows.values_list("name", flat=True))
    yield Tile(
        "Stores on hold",
        str(len(held)),
        reverse("admin:catalog_store_changelist") + "?on_hold__exact=1",
        tone="look" if held else "good",
        hint=", ".join(held[:3]) + (" and more" if len(held) > 3 else ""),  # noqa: PLR2004  as many as fit
    )


site.add_tiles(store_tiles, rank=1)
