"""Orders for finance, as a file; and the list of who took which."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, StrIndex
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog.admin.in_view import stores_with
from catalog.models import Store
from jwo_store import access, chosen_store
from jwo_store.access import Stores
from jwo_store.admin_site import (
    DayRangeFilter,
    SearchableSelectMultiple,
    SelectWidget,
    TextWidget,
    YesNoFilter,
    clock,
    counted,
    display,
    site,
)
from orders import exports
from orders.admin.jobs import JobAdmin, asked_for, cancel, person
from orders.exports import KEPT_FOR, TooMuch
from orders.finance import TABLES, Wanted
from orders.models import FileForm, FinanceExport
from orders.statuses import JobStatus, MoveRefused

EXPORT = "orders.export_purchase"
SHOWN_STORES = 3
TRIPS = (("real", "Without test trips"), ("tests", "Test trips only"))


def day(label: str) -> forms.DateField:
    return forms.DateField(label=label, widget=TextWidget(attrs={"type": "date"}))


class ExportForm(forms.Form):
    first = day("From")
    last = day("Until")
    stores = forms.ModelMultipleChoiceField(
        Store.objects.none(),
        required=False,
        widget=SearchableSelectMultiple(),
        help_text="Leave empty for all of them. Days go by each store's own clock.",
    )
    trips = forms.ChoiceField(choices=TRIPS, initial="real", widget=SelectWidget())
    form = forms.ChoiceField(label="File", choices=FileForm.choices, initial=FileForm.XLSX, widget=SelectWidget())

    def __init__(self, *args: Any, offered: QuerySet[Store], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = offered
        self.fields["stores"].queryset = offered  # type: ignore[attr-defined]

    def clean_last(self) -> date:
        last: date = self.cleaned_data["last"]
        if last > timezone.localdate():
            raise forms.ValidationError("That day is yet to come.")
        return last

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "first" in cleaned and "last" in cleaned and cleaned["first"] > cleaned["last"]:
            self.add_error("first", "The first day is after the last.")
        return cleaned

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        stores = list(given["stores"] or self.offered)
        return Wanted(given["first"], given["last"], stores, tests=given["trips"] == "tests")


def last_month(now: datetime) -> dict[str, Any]:
    """What finance asks for most: the first and last day of the month that is over."""
    last = timezone.localdate(now).replace(day=1) - timedelta(days=1)
    return {"first": last.replace(day=1), "last": last}


@admin.action(description="Download the file", permissions=["start"])
def download(_admin: Any, request: HttpRequest, queryset: QuerySet[FinanceExport]) -> HttpResponseBase | None:
    rows = list(queryset[:2])
    if len(rows) != 1:
        messages.warning(request, "Choose one export.")
        return None
    export = rows[0]
    try:
        parts = exports.take(export, by=request.user, now=timezone.now())  # type: ignore[arg-type]
    except MoveRefused as refused:
        messages.error(request, str(refused))
        return None
    headers = {"Content-Disposition": f'attachment; filename="{_name(export)}"', "Content-Length": str(export.size)}
    return StreamingHttpResponse(parts, content_type=TABLES[export.form].content_type, headers=headers)


def _name(export: FinanceExport) -> str:
    tests = "-tests" if export.is_test else ""
    live = "" if export.environment == "live" else f"-{export.environment}"
    return f"orders-{export.first_day}-to-{export.last_day}{tests}{live}.{TABLES[export.form].suffix}"


def of_stores_alone(rows: QuerySet[FinanceExport], stores: Stores) -> QuerySet[FinanceExport]:
    """Those of these stores alone: the figures of an export are of all its stores together."""
    if stores.everywhere:
        return rows
    written = StrIndex(Cast(OuterRef("store_ids"), TextField()), Concat(Value('"'), "store_id", Value('"')))
    others = Store.objects.exclude(pk__in=stores.ids).annotate(written=written)
    return rows.filter(~Exists(others.filter(written__gt=0)))


@admin.register(FinanceExport, site=site)
class FinanceExportAdmin(JobAdmin):
    nothing_yet = (
        "Files of orders for the books stand here; ask for one of some days with the button that adds an export."
    )
    noun = "export"
    page_template = "admin/orders/financeexport/page.html"
    store_path = None
    list_display = ("asked", "maker", "first_day", "last_day", "in_stores", "trips", "order_count", "form", "state")
    list_filter = (("asked_at", DayRangeFilter), ("is_test", YesNoFilter))
    actions = (download, cancel)
    buttons = ("download", "cancel")

    def has_start_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm(EXPORT)

    def seen_in(self, request: HttpRequest) -> Stores:
        """Who may take such figures may see what was taken."""
        return super().seen_in(request) | access.stores_with(request.user, EXPORT)

    def visible(self, request: HttpRequest, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        return of_stores_alone(super().visible(request, rows), self.seen_in(request))

    def reach(self, request: HttpRequest, _function: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        return of_stores_alone(rows, access.stores_with(request.user, EXPORT))

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return ("download",) if obj.has_file(timezone.now()) else super().buttons_for(obj)

    def told(self, _request: HttpRequest, job: Any) -> dict[str, Any]:
        names = dict(Store.objects.filter(pk__in=job.store_ids).values_list("pk", "name"))
        takings = job.takings.select_related("taken_by")
        return {
            "words": f"{counted(job.order_count, 'order')} of {job.days}.",
            "is_gone": job.status == JobStatus.DONE and not job.has_file(timezone.now()),
            "facts": [
                ("Stores", ", ".join(names.get(key, key) for key in job.store_ids)),
                ("Trips", self.trips(job)),
                ("Environment", job.get_environment_display()),
                ("File", job.get_form_display() + (f", {filesizeformat(job.size)}" if job.size else "")),
                ("Asked for", asked_for(job)),
                ("Finished", clock(job.finished_at)),
                ("Kept until", clock(job.expires_at)),
            ],
            "takings": [(clock(one.taken_at), person(one.taken_by)) for one in takings],
        }

    def add_view(
        self, request: HttpRequest, _form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        now = timezone.now()
        asked = request.method == "POST"
        offered = stores_with(request, EXPORT)
        form = (
            ExportForm(request.POST, offered=offered)
            if asked
            else ExportForm(
                offered=offered,
                initial={**last_month(now), "stores": [store for store in [chosen_store.chosen(request)] if store]},
            )
        )
        if asked and form.is_valid():
            try:
                export = exports.request(
                    form.wanted(),
                    form.cleaned_data["form"],
                    by=request.user,  # type: ignore[arg-type]  # nobody comes here without signing in
                    now=now,
                )
            except TooMuch as reason:
                form.add_error("last", str(reason))
            else:
                return HttpResponseRedirect(reverse("admin:orders_financeexport_change", args=[export.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Export orders for finance",
            "opts": self.opts,
            "form": form,
            "media": self.media + form.media,
            "kept_days": KEPT_FOR.days,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/orders/financeexport/form.html", context)

    @display(description="stores")
    def in_stores(self, obj: FinanceExport) -> str:
        ids = obj.store_ids
        return ", ".join(ids) if len(ids) <= SHOWN_STORES else counted(len(ids), "store")

    @display(description="trips", label={"Test trips only": "warning"})
    def trips(self, obj: FinanceExport) -> str:
        return dict(TRIPS)["tests" if obj.is_test else "real"]
