"""Taking products from sale and out of Amazon's catalog, and back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog import archive
from catalog.admin.at_amazon import person
from catalog.models import Product, Retirement, StoreList
from jwo_store.admin_site import (
    AutocompleteSelect,
    ReasonForm,
    ask,
    clock,
    counted,
    grave,
    is_confirmed,
    reason_form,
    site,
)


class RetireForm(ReasonForm):
    replaced_by = forms.ModelChoiceField(
        queryset=Product.objects.all(),
        required=False,
        label="Replaced by",
        help_text="The product that is sold instead, if there is one.",
        widget=AutocompleteSelect(Retirement._meta.get_field("replaced_by"), site),
    )


@grave
@admin.action(description="Retire…", permissions=["retire"])
def retire(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
    form = RetireForm(request.POST if is_confirmed(request) else None)
    if form.is_valid() and _retired(request, queryset, form):
        return None
    return ask(
        request,
        queryset,
        form=form,
        action="retire",
        button="Retire",
        text="These are sold no more, and their changes are not uploaded any longer. They are still priced while they "
        "lie on a shelf. Amazon keeps them until you choose “Archive at Amazon”.",
    )


def _retired(request: HttpRequest, queryset: QuerySet[Product], form: RetireForm) -> bool:
    try:
        count = archive.retire(
            queryset,
            reason=form.cleaned_data["reason"],
            replaced_by=form.cleaned_data["replaced_by"],
            by=request.user,  # type: ignore[arg-type]
            now=timezone.now(),
        )
    except archive.ArchiveRefused as refused:
        form.add_error("replaced_by", str(refused))
        return False
    messages.success(request, f"{counted(count, 'product')} retired.")
    return True


@admin.action(description="Return to sale…", permissions=["retire"])
def return_to_sale(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="return_to_sale",
            button="Return to sale",
            text="These are sold again in the stores that stand on their pages. The next upload tells Amazon.",
        )
    reason, now = form.cleaned_data["reason"], timezone.now()
    count = archive.return_to_sale(queryset, reason=reason, by=request.user, now=now)  # type: ignore[arg-type]
    messages.success(request, f"{counted(count, 'product')} returned to sale.")
    return None


@admin.action(description="Archive at Amazon…", permissions=["retire"])
def archive_at_amazon(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
    store_list = archive.confirmed()
    if not is_confirmed(request) or store_list is None or archive.added_since(store_list):
        return _ask_to_archive(request, queryset, store_list)
    try:
        calls = archive.archive(queryset, by=request.user, now=timezone.now())  # type: ignore[arg-type]
    except archive.ArchiveRefused as refused:
        messages.error(request, str(refused))
    else:
        count = sum(call.item_count for call in calls)
        messages.success(request, f"{counted(count, 'product')} on the way out of Amazon's catalog.")
    return None


def _ask_to_archive(request: HttpRequest, queryset: QuerySet[Product], store_list: StoreList | None) -> HttpResponse:
    obstacle = why_not_archived(store_list)
    return ask(
        request,
        queryset,
        action="archive_at_amazon",
        button="" if obstacle else "Archive at Amazon",
        title="Archive at Amazon",
        text=obstacle or _what_is_archived(store_list),
    )


def why_not_archived(store_list: StoreList | None) -> SafeString | str:
    """What keeps everything from being archived, with the way to mend it; "" for nothing."""
    link = reverse("admin:catalog_storelist_changelist")
    if store_list is None:
        why = "Amazon wants every one of your stores named, and nobody has confirmed the list yet."
        return format_html('{} <a class="bo-link" href="{}">Confirm the list of stores</a>', why, link)
    added = archive.added_since(store_list)
    if not added:
        return ""
    why = f"Added since the list of stores was confirmed: {', '.join(added)}. Amazon wants every store named."
    return format_html('{} <a class="bo-link" href="{}">Confirm the list again</a>', why, link)


def _what_is_archived(store_list: StoreList | None) -> SafeString:
    if store_list is None:
        return SafeString("")
    names = format_html_join(", ", "<strong>{}</strong>", ((store_id,) for store_id in store_list.store_ids))
    return format_html(
        "Amazon takes these products out of its catalog in all stores at once; one that still stands on a shelf is "
        "refused and can be tried again. Only retired products that are at Amazon go. The list of all stores, "
        "confirmed by {}, {}: {}.",
        person(store_list.confirmed_by),
        clock(store_list.confirmed_at),
        names,
    )
