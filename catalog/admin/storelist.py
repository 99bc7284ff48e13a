"""The list of all stores that Amazon knows, as somebody confirmed it: an archive call must name each."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog import archive
from catalog.admin.at_amazon import person
from catalog.models import Store, StoreList
from jwo_store import access
from jwo_store.admin_site import (
    CheckboxesWidget,
    TextareaWidget,
    Window,
    ask,
    brief_clock,
    counted,
    display,
    holds,
    is_confirmed,
    site,
)

AS_A_STORE_ID = RegexValidator(r"^[0-9a-zA-Z_-]+\Z", "“%(value)s” is no store ID. Write one on each line.")


class StoreListForm(forms.Form):
    """Our stores are ticked and stay so; `seen` names those that the person saw, since one may be added meanwhile."""

    ours = forms.MultipleChoiceField(
        label="Our stores", required=False, disabled=True, widget=CheckboxesWidget, help_text="Each must be named."
    )
    further = forms.CharField(
        label="Further stores that Amazon knows",
        required=False,
        widget=TextareaWidget(attrs={"rows": 4}),
        help_text="Store IDs of yours that are not in this back office, for example closed stores; one on each line.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, given: Any, *, stores: Sequence[Store], further: Sequence[str]) -> None:
        ids = [store.store_id for store in stores]
        super().__init__(given, initial={"ours": ids, "further": "\n".join(further), "seen": " ".join(ids)})
        self.fields["ours"].choices = [(store.store_id, str(store)) for store in stores]  # type: ignore[attr-defined]

    def clean_further(self) -> list[str]:
        ids: list[str] = self.cleaned_data["further"].split()
        for store_id in ids:
            AS_A_STORE_ID(store_id)
        return ids

    def clean_seen(self) -> list[str]:
        ids: list[str] = self.cleaned_data["seen"].split()
        return ids


@admin.action(description="Confirm the list…", permissions=["confirm"])
def confirm(_admin: Any, request: HttpRequest, _queryset: QuerySet[Any]) -> HttpResponse | None:
    form = _form(request.POST if is_confirmed(request) else None)
    if form.is_valid():
        try:
            named = [*form.cleaned_data["seen"], *form.cleaned_data["further"]]
            row = archive.confirm_stores(named, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        except archive.ArchiveRefused as refused:
            messages.error(request, str(refused))
            form = _form(None)
        else:
            messages.success(request, f"The list of {counted(len(row.store_ids), 'store')} is confirmed.")
            return None
    return ask(
        request,
        (),
        form=form,
        action="confirm",
        button="These are all my stores",
        title="Stores that Amazon knows",
        text="To take a product out of its catalog Amazon wants every one of your stores named, not only those that "
        "sell it. Compare this list with the stores in Amazon's Merchant Portal before you confirm it.",
    )


def _form(given: Any) -> StoreListForm:
    stores = list(Store.objects.all())
    last = archive.confirmed()
    ours = {store.store_id for store in stores}
    return StoreListForm(
        given, stores=stores, further=[one for one in (last.store_ids if last else ()) if one not in ours]
    )


@admin.register(StoreList, site=site)
class StoreListAdmin(Window):
    nothing_yet = (
        "Each list of stores that was confirmed stands here; press “Confirm the list…” before you archive a product."
    )
    store_path = access.ONLY_EVERYWHERE
    has_confirm_permission = holds("catalog.confirm_storelist")
    list_display = ("confirmed", "by", "how_many", "named")
    list_select_related = ("confirmed_by",)
    list_buttons = (confirm,)
    fields = ("confirmed_at", "by", "stores")
    sortable_by = ()

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def list_notice(self, _request: HttpRequest) -> str:
        newest = archive.confirmed()
        added = archive.added_since(newest)
        if newest is None:
            return "Nobody has confirmed the list of all stores yet. Until then no product can be archived at Amazon."
        if not added:
            return ""
        return f"{', '.join(added)} was added since the list was confirmed. Confirm it again before you archive."

    @display(description="confirmed", ordering="confirmed_at")
    def confirmed(self, obj: StoreList) -> str:
        return brief_clock(obj.confirmed_at)

    @display(description="by")
    def by(self, obj: StoreList) -> str:
        return person(obj.confirmed_by)

    @display(description="stores")
    def how_many(self, obj: StoreList) -> int:
        return len(obj.store_ids)

    @display(description="which")
    def named(self, obj: StoreList) -> str:
        return shortened(obj.store_ids)

    @display(description="stores")
    def stores(self, obj: StoreList) -> SafeString:
        rows = format_html_join("", "<li>{}</li>", ((store_id,) for store_id in obj.store_ids))
        return format_html('<ul class="bo-list">{}</ul>', rows)


SHOWN_STORES = 6


def shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_STORES} more" if len(names) > SHOWN_STORES else ""
    return ", ".join(names[:SHOWN_STORES]) + more
