"""Windows on what was uploaded to Amazon's catalog, and what staff can do about it."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog import archive, following, runs, uploads
from catalog.admin.in_view import store_choices
from catalog.admin.upload_story import LABELS, asker, label_of, story
from catalog.admin.uploading import AsksForUploads, send_all_again, upload_now
from catalog.models import CatalogRun, CatalogUpload, Product, UploadLine
from catalog.statuses import UploadKind, UploadStatus
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    DayRangeFilter,
    DropdownFilter,
    StoreDayRangeFilter,
    Window,
    YesNoFilter,
    ask,
    brief_clock,
    display,
    holds,
    is_confirmed,
    on_clock,
    reason_form,
    site,
    with_each,
)

REFUSALS = (uploads.StepRefused, archive.ArchiveRefused, runs.NotConnected)
HEAVY = ("packed", "report_packed", "report_link")
"""What no list and no page reads; the links are keys besides."""


@admin.action(description="Try again…", permissions=["work"])
def try_again(_admin: Any, request: HttpRequest, queryset: QuerySet[CatalogUpload]) -> HttpResponse | None:
    if not is_confirmed(request):
        return ask(
            request,
            queryset,
            action="try_again",
            button="Try again",
            text="What these were to upload is sent anew, as the products are now; what they were to archive goes in a "
            "new call with the list of stores as it is confirmed now. Mend the cause first, or it ends the same way.",
        )
    now = timezone.now()
    with_each(
        request,
        queryset,
        lambda upload: uploads.try_again(upload, by=request.user, now=now),  # type: ignore[arg-type]
        noun="upload",
        done="tried again",
        refused=REFUSALS,
    )
    return None


@admin.action(description="Give up…", permissions=["work"])
def give_up(_admin: Any, request: HttpRequest, queryset: QuerySet[CatalogUpload]) -> HttpResponse | None:
    form = reason_form(request)
    if not form.is_valid():
        return ask(
            request,
            queryset,
            form=form,
            action="give_up",
            button="Give up",
            text="Nothing more is done with these. What Amazon took in already it may still work on. Their items go "
            "with the next upload.",
        )
    reason, now = form.cleaned_data["reason"], timezone.now()
    with_each(
        request,
        queryset,
        lambda upload: uploads.give_up(upload, reason=reason, by=request.user, now=now),  # type: ignore[arg-type]
        noun="upload",
        done="given up",
        refused=REFUSALS,
    )
    return None


@admin.action(description="Ask now", permissions=["work"])
def ask_now(_admin: Any, request: HttpRequest, queryset: QuerySet[CatalogUpload]) -> None:
    now = timezone.now()
    with_each(
        request,
        queryset,
        lambda upload: following.ask_now(upload, now=now),
        noun="upload",
        done="asked about; load the page again in a moment",
        refused=REFUSALS,
    )


@admin.action(description="Read the report again", permissions=["work"])
def read_report_again(_admin: Any, request: HttpRequest, queryset: QuerySet[CatalogUpload]) -> None:
    now = timezone.now()
    with_each(
        request,
        queryset,
        lambda upload: following.read_report_again(upload, now=now),
        noun="report",
        done="read again; the page says what came of it",
        refused=REFUSALS,
    )


class UploadStoreFilter(DropdownFilter):
    title = "store"
    parameter_name = "store"

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return store_choices(request, "catalog.view_catalogupload")

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(store=self.value()) if self.value() else queryset


class RefusedItemsFilter(DropdownFilter):
    title = "refused items"
    parameter_name = "refused"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("some", "With refused items"), ("none", "Without")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "some":
                return queryset.filter(refused_count__gt=0)
            case "none":
                return queryset.filter(refused_count=0)
            case _:
                return queryset


class StoppedFilter(DropdownFilter):
    title = "attention needed"
    parameter_name = "stopped"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Stopped, or report not read")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status__in=STOPPED) if self.value() else queryset


STOPPED = (UploadStatus.PARKED, UploadStatus.UNREAD)
"""Nothing goes on with these until somebody has looked."""


@admin.register(CatalogUpload, site=site)
class UploadAdmin(AsksForUploads, Window):
    nothing_yet = (
        "What is sent to Amazon stands here, with what became of it; press “Upload changes now” to send the first."
    )
    store_path = "store"
    has_work_permission = holds("catalog.work_catalogupload")
    list_display = ("number", "kind_in_words", "store_name", "made", "item_count", "refused", "state")
    list_filter = (
        StoppedFilter,
        ("status", ChoicesDropdownFilter),
        UploadStoreFilter,
        ("kind", ChoicesDropdownFilter),
        RefusedItemsFilter,
        ("made_at", StoreDayRangeFilter),
    )
    list_select_related = ("store",)
    sortable_by = ()
    search_fields = ("=ingestion_id",)
    search_help_text = "Number of the upload, its ingestion ID, or the SKU of one of its items"
    actions = (try_again, give_up, ask_now, read_report_again)
    buttons = ("try_again", "give_up", "ask_now", "read_report_again")
    list_buttons = (upload_now, send_all_again)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogUpload]:
        rows: QuerySet[CatalogUpload] = super().get_queryset(request)
        return rows.defer(*HEAVY)

    def found_by(self, _request: HttpRequest, text: str) -> Q:
        found = Q(ingestion_id=text) | Q(pk__in=UploadLine.objects.filter(sku=text).order_by().values("upload"))
        return found | Q(pk=int(text)) if text.isdecimal() and len(text) < MAX_NUMBER else found

    def buttons_for(self, obj: Any) -> Sequence[str]:
        if obj.status == UploadStatus.PARKED and obj.is_taken_in:
            return ("ask_now", "try_again", "give_up")
        return {
            UploadStatus.WAITING: ("give_up",),
            UploadStatus.FOLLOWED: ("ask_now", "give_up"),
            UploadStatus.REPORTING: ("ask_now", "give_up"),
            UploadStatus.UNREAD: ("read_report_again", "try_again", "give_up"),
            UploadStatus.PARKED: ("try_again", "give_up"),
            UploadStatus.FAILED: ("try_again",),
        }.get(obj.status, ())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:upload_id>/sent/", view(self.as_sent), name="catalog_catalogupload_sent"),
            path("<int:upload_id>/report/", view(self.as_reported), name="catalog_catalogupload_report"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        key = unquote(object_id)
        upload = self._found(request, int(key) if key.isdecimal() and len(key) < MAX_NUMBER else 0)
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            **story(upload, request.GET, seen=self._seen_lines(request, upload)),
            "title": title_of(upload),
            "original": upload,
            "opts": self.opts,
            "page_buttons": self.page_buttons(request, upload),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/catalog/catalogupload/page.html", context)

    def as_sent(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """The very bytes that were sent."""
        upload = self._found(request, upload_id)
        self._refuse_of_all_stores(request, upload)
        return _to_keep(upload.body, f"upload-{upload.pk}-sent")

    def as_reported(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Amazon's report as it came."""
        upload = self._found(request, upload_id)
        self._refuse_of_all_stores(request, upload)
        report = upload.report
        if report is None:
            raise Http404
        return _to_keep(report, f"upload-{upload.pk}-report")

    def _seen_lines(self, request: HttpRequest, upload: CatalogUpload) -> QuerySet[UploadLine]:
        """Of a call for all stores, those of products that this person sees."""
        if upload.store_id is not None or self.seen_in(request).everywhere:
            return upload.lines.all()
        products = self.seen_in(request).see(Product.objects.all(), "stores")
        return upload.lines.filter(sku__in=products.values("pk"))

    def _refuse_of_all_stores(self, request: HttpRequest, upload: CatalogUpload) -> None:
        """An archive call names every store, and products that are sold elsewhere."""
        if upload.store_id is None and not self.seen_in(request).everywhere:
            raise PermissionDenied

    def _found(self, request: HttpRequest, key: int) -> CatalogUpload:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.visible(request, CatalogUpload.objects.select_related("store", "run__asked_by", "made_by"))
        upload: CatalogUpload | None = rows.defer(*HEAVY).filter(pk=key).first()
        if upload is None:
            raise Http404
        return upload

    @display(description="number", ordering="pk")
    def number(self, obj: CatalogUpload) -> str:
        return str(obj.pk)

    @display(description="kind")
    def kind_in_words(self, obj: CatalogUpload) -> str:
        return obj.get_kind_display()

    @display(description="store")
    def store_name(self, obj: CatalogUpload) -> str:
        return obj.store.name if obj.store else "All stores"

    @display(description="made")
    def made(self, obj: CatalogUpload) -> str:
        return on_clock(obj.made_at, obj.store.zone if obj.store else None, brief_clock)

    @display(description="refused")
    def refused(self, obj: CatalogUpload) -> str:
        ended = obj.status in (UploadStatus.FINISHED, UploadStatus.FAILED)
        return str(obj.refused_count) if ended else "—"

    @display(description="status", label=LABELS)
    def state(self, obj: CatalogUpload) -> tuple[str, str]:
        return label_of(obj)


MAX_NUMBER = 18
"""Digits that a database takes for a number."""


def title_of(upload: CatalogUpload) -> str:
    store = upload.store.name if upload.store else "all stores"
    what = "Archive call" if upload.kind == UploadKind.ARCHIVE else "Upload"
    return f"{what} {upload.pk}, {store}"


def _to_keep(content: bytes, name: str) -> HttpResponse:
    """To be saved, never to be shown: a browser must not make a page of what came from outside."""
    try:
        json.loads(content)
        ending = "json"
    except ValueError:
        ending = "txt"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{ending}"',
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


@admin.register(CatalogRun, site=site)
class RunAdmin(AsksForUploads, Window):
    nothing_yet = "Who asked for an upload, and when, stands here; press “Upload changes now” to ask for the first."
    store_path = "store"
    list_display = ("asked", "by", "what", "where", "prepared", "item_count", "uploads")
    list_filter = (("everything", YesNoFilter), ("is_scheduled", YesNoFilter), ("asked_at", DayRangeFilter))
    list_select_related = ("store", "asked_by")
    list_buttons = (upload_now, send_all_again)
    sortable_by = ()
    fields = ("asked", "by", "what", "where", "prepared", "item_count", "uploads")

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    @display(description="asked for", ordering="asked_at")
    def asked(self, obj: CatalogRun) -> str:
        return on_clock(obj.asked_at, obj.store.zone if obj.store else None)

    @display(description="by")
    def by(self, obj: CatalogRun) -> str:
        return asker(obj)

    @display(description="what")
    def what(self, obj: CatalogRun) -> str:
        return "Everything again" if obj.everything else "What has changed"

    @display(description="store")
    def where(self, obj: CatalogRun) -> str:
        return obj.store.name if obj.store else "All stores"

    @display(description="prepared")
    def prepared(self, obj: CatalogRun) -> str:
        zone = obj.store.zone if obj.store else None
        return on_clock(obj.finished_at, zone, brief_clock) if obj.finished_at else "Not yet"

    @display(description="uploads")
    def uploads(self, obj: CatalogRun) -> SafeString | str:
        if not obj.upload_count:
            return "none" if obj.finished_at else "—"
        link = f"{reverse('admin:catalog_catalogupload_changelist')}?run__id__exact={obj.pk}"
        return format_html('<a class="bo-link" href="{}">{}</a>', link, obj.upload_count)
