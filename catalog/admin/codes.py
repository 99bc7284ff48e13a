"""Accepting barcodes whose check digit is wrong, and taking that back."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from catalog import accepting
from catalog.models import AcceptedCode, Barcode, Product
from jwo_store.admin_site import CheckboxesWidget, ReasonForm, ask, counted, is_confirmed


class CodesForm(ReasonForm):
    """Which of these codes, and why."""

    codes = forms.MultipleChoiceField(label="Barcodes", widget=CheckboxesWidget)
    field_order = ("codes", "reason")

    def __init__(self, request: HttpRequest, codes: Iterable[Barcode | AcceptedCode]) -> None:
        super().__init__(request.POST if is_confirmed(request) else None)
        choices = [(str(code.pk), f"{code.code} of {code.product}") for code in codes]
        self.fields["codes"].choices = choices  # type: ignore[attr-defined]
        self.fields["codes"].initial = [key for key, _ in choices] if len(choices) == 1 else []

    def chosen(self, codes: Iterable[Any]) -> list[Any]:
        return [code for code in codes if str(code.pk) in self.cleaned_data["codes"]]


@admin.action(description="Accept the check digit…", permissions=["accept"])
def accept_code(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
    codes = accepting.acceptable(queryset)
    if not codes:
        messages.warning(request, "None of these products has a barcode whose check digit is wrong.")
        return None
    form = CodesForm(request, codes)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="accept_code",
            button="Accept",
            title="Accept the check digit",
            text="The last digit of these codes does not fit the others; most often that is a slip. Look at the "
            "package first. If the code is really printed like this, it goes to Amazon with the next upload, and "
            "Amazon may refuse it.",
        )
    reason, now = form.cleaned_data["reason"], timezone.now()
    count = accepting.accept(form.chosen(codes), reason=reason, by=request.user, now=now)  # type: ignore[arg-type]
    messages.success(request, f"{counted(count, 'barcode')} accepted.")
    return None


@admin.action(description="No longer accept a check digit…", permissions=["accept"])
def take_back_code(_admin: Any, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
    codes = _accepted(queryset)
    if not codes:
        messages.warning(request, "No check digit of these products was accepted.")
        return None
    form = CodesForm(request, codes)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="take_back_code",
            button="No longer accept",
            title="No longer accept a check digit",
            text="The products are kept back again until their barcodes are mended. What Amazon holds stays there.",
        )
    reason, now = form.cleaned_data["reason"], timezone.now()
    count = accepting.take_back(form.chosen(codes), reason=reason, by=request.user, now=now)  # type: ignore[arg-type]
    messages.success(request, f"{counted(count, 'barcode')} no longer accepted.")
    return None


def _accepted(products: QuerySet[Product]) -> Sequence[AcceptedCode]:
    return list(AcceptedCode.objects.filter(product__in=products.values("pk")).select_related("product"))
