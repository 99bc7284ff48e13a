"""What is in force is ended and succeeded, never edited: the base of all such pages (see `Dated.revise`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import DateTimeField, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog.admin import SoldInFilter, where
from jwo_store import access, chosen_store
from jwo_store.admin_site import (
    DropdownFilter,
    HistoryAdmin,
    ask,
    brief_clock,
    counted,
    display,
    grave,
    named_clock,
    on_clock,
    reason_form,
)
from pricing.acts import RowAct
from pricing.admin import reasons
from pricing.admin.forms import DatedForm
from pricing.admin.proposals import propose_if_asked, to_the_proposal
from pricing.models import (
    Dated,
)
from pricing.moments import ClockField, ClockWidget
from pricing.proposed import Proposal
from pricing.turns import that_turn


class WhenFilter(DropdownFilter):
    title = "time"
    parameter_name = "when"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("now", "In force now"),
            ("coming", "Yet to start"),
            ("over", "Over"),
            ("turns", "Starts or ends today or tomorrow"),
        ]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        match self.value():
            case "now":
                return queryset.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), starts_at__lte=now)
            case "coming":
                return queryset.filter(starts_at__gt=now)
            case "over":
                return queryset.filter(ends_at__lte=now)
            case "turns":
                return that_turn(queryset, now)  # type: ignore[arg-type]  # lists of dated rows alone have it
            case _:
                return queryset


@grave
@admin.action(description="End now…", permissions=["change"])
def end_now(_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    now = timezone.now()
    rows = [row for row in queryset if not row.is_over(now)]
    if not rows:
        messages.warning(request, "What you chose has ended already.")
        return None
    form = reason_form(request, reasons.FOR_ENDS)
    if not form.is_valid():
        return ask(
            request,
            rows,
            form=form,
            action="end_now",
            button="End now",
            text="These hold no longer than until now; what is yet to start is taken away. Trips of before keep what "
            "held then. This cannot be undone.",
        )
    reason = form.cleaned_data["reason"]
    ended = [row for row in rows if _end(request, row, reason, now=now)]
    if ended:
        messages.success(request, f"{counted(len(ended), 'entry', 'entries')} ended.")
    return None


def _end(request: HttpRequest, row: Any, reason: str, *, now: datetime) -> bool:
    """Whether it ended; else somebody has to look at it first."""
    if propose_if_asked(request, RowAct.ending(row, now=now), reason):
        return False
    row._change_reason = reason
    row.end(now=now)
    return True


class DatedAdmin(HistoryAdmin):
    store_path: access.Path = "stores"
    form = DatedForm
    list_filter: ClassVar[Any] = (WhenFilter, SoldInFilter)
    actions: Any = (end_now,)
    buttons: Sequence[str] = ("end_now",)
    noun = "entry"
    formfield_overrides: ClassVar[Any] = {DateTimeField: {"form_class": ClockField, "widget": ClockWidget}}
    fixed: tuple[str, ...] = ("code",)
    """What never changes once it is added."""
    autocomplete_fields: ClassVar[Any] = ("stores",)
    when_fields = ("starts_at", "ends_at", "reason")
    as_text: ClassVar[dict[str, str]] = {"all_stores": "in_stores", "starts_at": "since", "ends_at": "until"}
    """What stands for a field on a page for reading."""
    entered: tuple[str, ...] = ("stores", "reason")
    """What a page for reading leaves out."""

    class Media:
        js = ("pricing/clock.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.tell_clock)
        name = f"{self.opts.app_label}_{self.opts.model_name}_clock"
        return [path("+clock/", view, name=name), *super().get_urls()]

    def tell_clock(self, request: HttpRequest) -> HttpResponse:
        """On which clock the form goes while these stores are chosen in it."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        form: Any = self.get_form(request)(request.GET)
        return JsonResponse({"words": f"{form.clock.words}.", "offset": form.offset})

    # -- what may be edited

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is over stays as it was: its page is for reading."""
        over = isinstance(obj, Dated) and obj.is_over(timezone.now())
        return not over and super().has_change_permission(request, obj)

    def edits(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def fixed_in(self, _obj: Any) -> tuple[str, ...]:
        """What of this row never changes."""
        return self.fixed

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fieldsets
        fixed = self.fixed_in(obj) + (("starts_at",) if obj.was_in_force(timezone.now()) else ())
        edits = self.edits(request, obj)

        def shown(field: Any) -> Any:
            return self.as_text.get(field, field) if field in fixed or not edits else field

        return [
            (
                title,
                {
                    **options,
                    "fields": [shown(field) for field in options["fields"] if edits or field not in self.entered],
                },
            )
            for title, options in self.fieldsets or ()
        ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fixed_in(obj), *self.as_text.values()) if obj else ()

    def buttons_for(self, obj: Any) -> Sequence[str]:
        return () if obj.is_over(timezone.now()) else self.buttons

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the link to the form has filled in; moments stand there in ISO form.

        A link that names no stores, not even none, leaves them to the store that is chosen.
        """
        filled: dict[str, Any] = super().get_changeform_initial_data(request)
        adds_in, store = self.held(request, "add"), chosen_store.chosen(request)
        if not adds_in.everywhere and not filled.get("store"):
            filled.pop("store", None)  # all stores are not theirs: the form knows which one it can be
        if store and store in adds_in and not {"store", "stores", "all_stores"} & request.GET.keys():
            filled |= self.filled_with(store)
        for name in {"starts_at", "ends_at"} & filled.keys():
            filled[name] = moment_in_link(str(filled[name]))
        return filled

    def filled_with(self, store_id: str) -> dict[str, Any]:
        """The fields of a new row that is to hold in this store."""
        return {"all_stores": False, "stores": [store_id]}

    # -- saving

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refused:  # it ended, or something else came into force, while the form was open
            messages.error(request, " ".join(refused.messages))
        except PermissionDenied:
            row = self.get_object(request, object_id) if object_id else None
            if row is None or not row.is_over(timezone.now()) or not super().has_change_permission(request):
                raise
            messages.error(request, "This has ended meanwhile, and what was in force stays as it was.")
        return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        for note in form.notes:
            messages.info(request, note)
        related = {name: form.cleaned_data[name] for name in obj.many if name in form.cleaned_data}
        obj.proposal = self._proposed(request, obj, form, related)
        if obj.proposal:
            return
        if change:
            obj.held = obj.revise(now=timezone.now(), related=related)
        else:
            super().save_model(request, obj, form, change)

    def _proposed(self, request: HttpRequest, obj: Any, form: Any, related: Any) -> Proposal | None:
        """What waits for a second pair of eyes, if a store asks for that."""
        is_new = obj._state.adding
        act = RowAct.adding(obj, related, now=timezone.now()) if is_new else RowAct.changing(obj, related)
        return propose_if_asked(request, act, form.cleaned_data["reason"]) if act.changes_something else None

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        if not change and not form.instance.proposal:  # a revision has taken care of its relations
            super().save_related(request, form, formsets, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if obj.proposal else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if obj.proposal else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        if obj.proposal:
            return to_the_proposal(request, obj.proposal)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if obj.proposal:
            return to_the_proposal(request, obj.proposal)
        said = self.said_of_change(obj)
        if not said or IS_POPUP_VAR in request.POST:
            return super().response_change(request, obj)
        messages.success(request, said)
        return self.go_on(request, obj.held) or self.response_post_save_change(request, obj)

    def said_of_change(self, obj: Any) -> str:
        """What a person reads once it is changed; "" for what is read anywhere."""
        succeeded = obj.held.pk != obj.pk
        return f"The old {self.noun} ended now and the new one holds from now on." if succeeded else ""

    def go_on(self, request: HttpRequest, row: Any) -> HttpResponse | None:
        """To where the button leads that saved it, unless that is the list."""
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if "_continue" in request.POST:
            return HttpResponseRedirect(reverse(f"{page}_change", args=[row.pk]))
        return HttpResponseRedirect(reverse(f"{page}_add")) if "_addanother" in request.POST else None

    # -- what the list shows

    @display(description="time", label={"In force": "success", "Yet to start": "info"})
    def when(self, obj: Dated) -> str:
        now = timezone.now()
        if obj.is_over(now):
            return "Over"
        return "In force" if obj.was_in_force(now) else "Yet to start"

    @display(description="starts", ordering="starts_at")
    def starts(self, obj: Dated) -> str:
        return on_clock(obj.starts_at, obj.zone, brief_clock)

    @display(description="ends", ordering="ends_at")
    def ends(self, obj: Dated) -> str:
        return on_clock(obj.ends_at, obj.zone, brief_clock)

    @display(description="starts")
    def since(self, obj: Dated) -> str:
        return named_clock(obj.starts_at, obj.zone)

    @display(description="ends")
    def until(self, obj: Dated) -> str:
        return named_clock(obj.ends_at, obj.zone)

    @display(description="in stores")
    def in_stores(self, obj: Any) -> str:
        return where(obj)


def moment_in_link(text: str) -> datetime | None:
    """A moment with its zone, in ISO form; None for anything else."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
