"""What the pages of long work in the background share: its list, its progress, and the way to cancel it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from jwo_store.admin_site import Window, brief_clock, clock, display, with_each
from orders import jobs
from orders.models import Job
from orders.statuses import UNFINISHED, JobStatus, MoveRefused

TONES = {
    JobStatus.WAITING: "info",
    JobStatus.RUNNING: "info",
    JobStatus.DONE: "success",
    JobStatus.CANCELLED: "warning",
    JobStatus.FAILED: "danger",
}


@admin.action(description="Cancel", permissions=["start"])
def cancel(page: "JobAdmin", request: HttpRequest, queryset: QuerySet[Any]) -> None:
    now = timezone.now()
    with_each(
        request,
        queryset,
        lambda job: jobs.cancel(job, now=now),
        noun=page.noun,
        done="cancelled",
        refused=MoveRefused,
    )


def asked_for(job: Job) -> str:
    return f"{clock(job.asked_at)} by {person(job.asked_by)}"


def person(who: Any) -> str:
    return str(who.get_full_name() or who.get_username())


class JobAdmin(Window):
    """Its `has_start_permission` says who may ask for one, and cancel one."""

    noun: ClassVar[str]
    page_template: ClassVar[str]
    list_select_related = ("asked_by",)
    sortable_by = ()
    actions: Any = (cancel,)
    buttons: Sequence[str] = ("cancel",)

    def told(self, request: HttpRequest, job: Any) -> dict[str, Any]:
        """What the page of one says besides how far it is."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Adding a row is asking for one: the form of `add_view`."""
        allowed: bool = self.has_start_permission(request)  # type: ignore[attr-defined]  # each page has its own
        return allowed

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return ("cancel",) if obj.status in UNFINISHED else ()

    def one(self, request: HttpRequest, key: str | int) -> Any:
        """The job, if this person may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_queryset(request).filter(pk=key).first() if str(key).isdecimal() else None
        if job is None:
            raise Http404
        return job

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.one(request, object_id)
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "state": job.get_status_display(),
            "tone": TONES[JobStatus(job.status)],
            "is_open": job.status in UNFINISHED,
            "title": str(job),
            "original": job,
            "opts": self.opts,
            "page_buttons": self.page_buttons(request, job),
            **self.told(request, job),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.page_template, context)

    @display(description="asked for")
    def asked(self, obj: Job) -> str:
        return brief_clock(obj.asked_at)

    @display(description="by")
    def maker(self, obj: Job) -> str:
        return person(obj.asked_by)

    @display(description="status", label={str(status): tone for status, tone in TONES.items()})
    def state(self, obj: Any) -> tuple[str, str]:
        return obj.status, obj.get_status_display()
