"""Promotions: their list, and the page on which one is written."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.admin import SoldInFilter
from catalog.admin.in_view import stores_with
from catalog.models import Store
from jwo_store import access
from jwo_store.access import Stores
from jwo_store.admin_site import (
    BackOfficeList,
    ChoicesDropdownFilter,
    DropdownFilter,
    brief_clock,
    counted,
    display,
    named_clock,
    on_clock,
    reads,
    site,
)
from pricing.admin import calendar_page, preview_page
from pricing.admin.dated import DatedAdmin
from pricing.admin.promotion_form import PromotionForm
from pricing.admin.promotion_moves import BUTTONS, MOVES, USUAL_REASONS, page_of
from pricing.conflicts import conflicts
from pricing.models import (
    VARYING,
    Dated,
    Promotion,
    PromotionKind,
)
from pricing.promotion_words import NOTHING_KNOWN, Wording, in_words
from pricing.promotions import State, in_state, state_of, stop_of
from pricing.targeted import products_meant

LABELS: dict[str, dict[str, str]] = {
    PromotionKind.PERCENT_OFF: {"percent": "Percent off each piece", "targets": "Which products"},
    PromotionKind.AMOUNT_OFF: {"amount": "Amount off each piece", "targets": "Which products"},
    PromotionKind.FIXED_PRICE: {"amount": "Price of each piece", "targets": "Which products"},
    PromotionKind.BUY_X_GET_Y: {
        "buy": "How many are bought",
        "get": "How many are then cheaper",
        "percent": "Percent off the cheaper ones (100 is free)",
        "targets": "Which products are bought",
        "get_targets": "Which products are cheaper",
    },
    PromotionKind.MULTI_BUY: {
        "count": "How many together",
        "amount": "Price of all together",
        "targets": "Which products",
    },
    PromotionKind.BUNDLE: {"amount": "Price of the whole set", "components": "Parts of the set"},
    PromotionKind.SPEND_GET: {
        "threshold": "How much must be spent",
        "amount": "Amount off",
        "percent": "Or percent off",
        "targets": "Spent on which products",
    },
}
"""What each kind shows of the fields that vary, and what it calls them. What it shows without a script stands in
promotion.css."""


GIVEN = ("buy", "get", "count", "threshold", "percent", "amount", "targets", "get_targets", "components")
"""The fields that vary, in the order in which one speaks of them."""
DAYS_AND_HOURS = ("weekdays", "from_time", "until_time")
SAID_IN_WORDS = ("max_uses_per_trip", "funding", "priority")
CONFLICTS = "admin/pricing/promotion/conflicts.html"
NOTHING_YET = "Choose a kind and fill in what it needs; what the promotion does is then said here."


@admin.action(description="Try it on a basket…", permissions=["try"])
def try_on_a_basket(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    rows = list(queryset[:2])
    if len(rows) != 1:
        messages.warning(request, "Choose one promotion to try.")
        return None
    return HttpResponseRedirect(f"{reverse('admin:pricing_promotion_preview')}?{urlencode({'of': str(rows[0].pk)})}")


@admin.action(description="Try it on past trips…", permissions=["try_on_past_trips"])
def try_on_past_trips(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    rows = list(queryset[:2])
    if len(rows) != 1:
        messages.warning(request, "Choose one promotion to try.")
        return None
    return HttpResponseRedirect(f"{reverse('admin:orders_backtest_add')}?{urlencode({'of': str(rows[0].pk)})}")


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return list(State.choices)

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Promotion]) -> QuerySet[Promotion]:
        return in_state(queryset, self.value() or "", timezone.now())


class PromotionList(BackOfficeList):
    """Knows what the sentences of its rows need, in two queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        wording = Wording.of(self.result_list)
        for row in self.result_list:
            row.wording = wording


@admin.register(Promotion, site=site)
class PromotionAdmin(DatedAdmin):
    nothing_yet = "Promotions stand here, from draft to ended; add one, try it on a basket, and publish it."
    form = PromotionForm
    noun = "promotion"
    list_display = ("name", "code", "does", "state", "starts", "ends")
    list_prefetch_related = ("stores",)
    list_select_related = ("stop",)
    list_filter = (StateFilter, SoldInFilter, ("kind", ChoicesDropdownFilter), ("funding", ChoicesDropdownFilter))
    search_fields = ("^code", "~name")
    search_help_text = "Code, or words of the name"
    actions = (*MOVES, try_on_a_basket, try_on_past_trips)
    buttons = (*(move.__name__ for move in MOVES), "try_on_a_basket", "try_on_past_trips")
    usual_reasons = USUAL_REASONS
    change_form_after_template = "admin/pricing/promotion/try_form.html"
    change_form_outer_before_template = "admin/pricing/promotion/before.html"
    change_form_outer_after_template = "admin/pricing/promotion/after.html"
    fieldsets = (
        (None, {"fields": ("kind", "name", "code", "receipt_text")}),
        ("What it gives", {"fields": GIVEN}),
        ("Where", {"fields": ("all_stores", "stores")}),
        ("When", {"fields": ("starts_at", "ends_at")}),
        ("Only on some days or hours", {"fields": DAYS_AND_HOURS, "classes": ("collapse",)}),
        ("Limit, payer and priority", {"fields": SAID_IN_WORDS, "classes": ("collapse",)}),
        ("Why", {"fields": ("reason",)}),
    )
    entered = (*DatedAdmin.entered, *VARYING, *DAYS_AND_HOURS, *SAID_IN_WORDS)

    class Media:
        js = ("pricing/promotion.js",)
        css: ClassVar[Any] = {"all": ("pricing/promotion.css",)}

    # -- the page

    def fixed_in(self, obj: Promotion) -> tuple[str, ...]:
        return () if obj.is_draft else self.fixed

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002  Django's
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.seen_in = access.stores_with(request.user, "catalog.view_product")
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.edits(request, obj):
            return super().get_fieldsets(request, obj)
        return [(title, options) for title, options in super().get_fieldsets(request, obj) if any(options["fields"])]

    def buttons_for(self, obj: Promotion) -> Sequence[str]:
        """The moves that its state allows; what stands among the buttons and is no such move is always offered."""
        moves = {move.__name__ for move in MOVES}
        allowed = BUTTONS[state_of(obj, timezone.now())]
        return [*allowed, *(name for name in self.buttons if name not in moves)]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("words/", view(self.say), name="pricing_promotion_words"),
            path("preview/", view(self.preview), name="pricing_promotion_preview"),
            path("preview/form/", view(self.preview_form), name="pricing_promotion_preview_form"),
            path("calendar/", view(self.calendar), name="pricing_promotion_calendar"),
            *super().get_urls(),
        ]

    def calendar(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return calendar_page.show(request)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        promotion = kwargs.get("obj")
        if self.has_try_permission(request) and self.edits(request, promotion):
            of = f"?{urlencode({'of': str(promotion.pk)})}" if promotion else ""
            context["tries_form"] = reverse("admin:pricing_promotion_preview_form") + of
        context |= {"nothing_yet": NOTHING_YET, "labels": LABELS, "told": self._told(promotion, self.seen_in(request))}
        return super().render_change_form(request, context, *args, **kwargs)

    def _told(self, promotion: Promotion | None, seen_in: Stores) -> dict[str, Any]:
        if promotion is None:
            return {"words": ""}
        now, stop = timezone.now(), stop_of(promotion)
        state = state_of(promotion, now)
        stores = [store.pk for store in promotion.stores.all()]
        return {
            "conflicts": None if promotion.is_over(now) else conflicts(promotion, stores, now=now, seen_in=seen_in),
            "words": in_words(promotion, Wording.of([promotion])),
            "state": state,
            "when": _when_in_words(promotion, state),
            "stop": stop,
            "stopped": named_clock(stop.made_at, promotion.zone) if stop else "",
            "undone": named_clock(stop.undone_at, promotion.zone) if stop else "",
            "successor": page_of(stop.successor) if stop and stop.successor else "",
        }

    def say(self, request: HttpRequest) -> HttpResponse:
        """The promotion of a form that is being filled in: its sentence, and how many products it means where."""
        if request.method != "POST" or not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        row = self.get_object(request, request.GET.get("of", ""))
        form: Any = self.get_form(request, row)(request.POST, instance=row)
        unclear = form.errors.keys() & {"kind", *VARYING, *DAYS_AND_HOURS}
        promotion, stores = form.instance, form.chosen_stores()
        words = "" if unclear else in_words(promotion, Wording.of([promotion]), stores=stores)
        counts = {
            name: counted(products_meant([targets]).count(), "product") if targets else ""
            for name, targets in form.target_sets().items()
        }
        pks, seen_in = [store.pk for store in stores], self.seen_in(request)
        met = conflicts(promotion, pks, now=timezone.now(), seen_in=seen_in) if words else None
        said = render_to_string(CONFLICTS, {"conflicts": met})
        return JsonResponse({"words": words or NOTHING_YET, "counts": counts, "conflicts": said})

    # -- trying it

    def _stores_to_try_in(self, request: HttpRequest) -> list[Store]:
        return list(stores_with(request, "pricing.view_price"))

    has_try_permission = reads("pricing.view_price")

    def has_try_on_past_trips_permission(self, request: HttpRequest) -> bool:
        return self.has_try_permission(request) and preview_page.may_try_on_past_trips(request)

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What a basket costs with a promotion: a stored one, or one that a form tells of."""
        if not (self.has_view_permission(request) and self.has_try_permission(request)):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else request.GET
        asked = preview_page.read(given, self.get_object(request, given.get("of", "")))
        if asked is None:
            return preview_page.refuse(request, [preview_page.NOT_SAID])
        return preview_page.show(request, asked, self._stores_to_try_in(request), now=timezone.now())

    def preview_form(self, request: HttpRequest) -> HttpResponse:
        """The same with the promotion of a form that is being filled in."""
        may_edit = self.has_add_permission(request) or self.has_change_permission(request)
        if request.method != "POST" or not (may_edit and self.has_try_permission(request)):
            raise PermissionDenied
        key = request.GET.get("of", "")
        row = self.get_object(request, key)
        form = self.get_form(request, row)(request.POST, instance=row)
        asked = preview_page.read_form(form, self.get_object(request, key))
        if isinstance(asked, list):
            return preview_page.refuse(request, asked)
        return preview_page.start(request, asked, self._stores_to_try_in(request), now=timezone.now())

    # -- saving

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if obj.proposal or "_draft" not in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return self._stay_with_draft(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if obj.proposal:
            return super().response_change(request, obj)
        if obj.held.is_draft:
            return self._stay_with_draft(request, obj)
        if "_publish" in request.POST:
            started = obj.was_in_force(timezone.now())
            when = "is live now" if started else f"starts on {named_clock(obj.starts_at, obj.zone)}"
            messages.success(request, f"Published: “{obj.name}” {when}.")
            return HttpResponseRedirect(page_of(obj))
        return super().response_change(request, obj)

    def _stay_with_draft(self, request: HttpRequest, obj: Promotion) -> HttpResponse:
        messages.success(request, "The draft is saved. Nobody gets it until you publish it.")
        return HttpResponseRedirect(page_of(obj))

    # -- what the list shows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BackOfficeList]:  # noqa: ARG002  Django's
        return PromotionList

    @display(description="what it does")
    def does(self, obj: Promotion) -> str:
        return in_words(obj, getattr(obj, "wording", NOTHING_KNOWN))

    @display(
        description="state", label={"Live": "success", "Scheduled": "info", "Draft": "warning", "Stopped": "danger"}
    )
    def state(self, obj: Promotion) -> str:
        return str(state_of(obj, timezone.now()).label)

    @display(description="starts", ordering="starts_at")
    def starts(self, obj: Dated) -> str:
        planned = getattr(obj, "planned_start", None)
        return f"planned {on_clock(planned, obj.zone, brief_clock)}" if planned else super().starts(obj)


def _when_in_words(promotion: Promotion, state: State) -> str:
    """`Since Nov. 3, no end`."""
    zone, planned = promotion.zone, promotion.planned_start
    if state == State.DRAFT:
        return f"planned to start on {named_clock(planned, zone)}" if planned else "without a start"
    begun = state != State.SCHEDULED
    start = f"{'since' if begun else 'starts on'} {named_clock(promotion.starts_at, zone)}"
    if promotion.ends_at is None:
        return f"{start}, without an end"
    verb = "ended" if state in {State.ENDED, State.STOPPED} else "ends"
    return f"{start}, {verb} on {named_clock(promotion.ends_at, zone)}"
