"""What can be done with promotions besides editing them: one button, or entry of the list's menu, for each move."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from jwo_store.admin_site import ReasonForm, ask, counted, grave, is_confirmed, named_clock, reason_form
from jwo_store.setting_back import Made
from pricing import promotions
from pricing.acts import Move, MoveAct
from pricing.admin import reasons
from pricing.admin.proposals import say_it_waits
from pricing.four_eyes import Outcome, is_asked, submit
from pricing.models import Promotion
from pricing.moments import FormClock, MomentWidget, form_clock, read_moment
from pricing.promotions import State, state_of

BUTTONS: dict[State, tuple[str, ...]] = {
    State.DRAFT: ("duplicate", "delete_draft"),
    State.SCHEDULED: ("end_early", "back_to_draft", "duplicate"),
    State.LIVE: ("stop_now", "end_early", "duplicate"),
    State.STOPPED: ("undo_stop", "duplicate"),
    State.ENDED: ("duplicate",),
}
"""Which of these moves make sense in which state."""

USUAL_REASONS = {"stop_now": reasons.FOR_STOPS, "undo_stop": reasons.FOR_UNDOING_STOPS}
"""Of the moves that are made at once: one may be picked beside the button."""
LONGEST_REASON = 1000


def page_of(promotion: Promotion) -> str:
    return reverse("admin:pricing_promotion_change", args=[promotion.pk])


def _submit(act: MoveAct, made: Made) -> Outcome:
    """Make the move, or propose it; what could not be done is refused before somebody else looks at it."""
    if is_asked(act):
        act.try_out(made)
    return submit(act, made)


def _with_each(
    request: HttpRequest, rows: list[Promotion], do: Callable[[Promotion], Promotion | None], done: str
) -> list[Promotion]:
    """Do it with each row, and tell what was done, and what was refused and why; gives what `do` gave of each."""
    moved = []
    for row in rows:
        try:
            came = do(row)
        except ValidationError as refused:
            messages.error(request, f"{row}: {' '.join(refused.messages)}")
        else:
            moved += [came] if came else []
    if moved:
        messages.success(request, done.format(count=counted(len(moved), "promotion")))
    return moved


def _by(request: HttpRequest, move: Move, reason: str) -> Callable[[Promotion], Promotion | None]:
    """What makes this move with a row; it gives None, and says so, when somebody else has to look at it first."""
    made = Made(by=request.user, now=timezone.now(), reason=reason)

    def do(row: Promotion) -> Promotion | None:
        outcome = _submit(MoveAct(move, row), made)
        if outcome.proposal:
            say_it_waits(request, outcome.proposal)
        done: Promotion | None = outcome.done
        return done

    return do


@admin.action(description="Publish…", permissions=["change"])
def publish(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    rows, form = list(queryset), reason_form(request, reasons.FOR_PROMOTIONS)
    if not form.is_valid():
        text = "They hold from their planned start, or from now on. What is incomplete stays a draft."
        return ask(request, rows, form=form, action="publish", button="Publish", text=text)
    done = "{count} published. What has no later start is live now."
    _with_each(request, rows, _by(request, Move.PUBLISH, form.cleaned_data["reason"]), done)
    return None


@admin.action(description="Back to draft…", permissions=["change"])
def back_to_draft(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    rows, form = list(queryset), reason_form(request, reasons.FOR_DRAFTS)
    if not form.is_valid():
        text = "These will not start by themselves. They keep their start as a plan until they are published again."
        button = "Make a draft of it"
        return ask(request, rows, form=form, action="back_to_draft", button=button, title="Back to draft", text=text)
    done = "{count} taken back. Nobody gets it until it is published again."
    _with_each(request, rows, _by(request, Move.BACK_TO_DRAFT, form.cleaned_data["reason"]), done)
    return None


class MayReasonForm(ReasonForm):
    """For what cannot wait until somebody has found words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


def _said(fact: str, request: HttpRequest) -> str:
    """What was done, and the reason if one was given."""
    given = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    return f"{fact} {given}".rstrip()


@grave
@admin.action(description="Stop now", permissions=["change"])
def stop_now(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    """One press for one promotion, for there is a way back; more of them at once are named first."""
    rows = list(queryset)
    if len(rows) > 1 and not is_confirmed(request):
        return ask(
            request,
            rows,
            form=MayReasonForm(usual=reasons.FOR_STOPS),
            action="stop_now",
            button="Stop them now",
            title="Stop now",
            text="These end now in all their stores. Trips of before keep them. Each page then offers to undo it.",
        )
    done = "{count} stopped in all stores. Trips of before keep what they got. To take it back: “Undo the stop”."
    _with_each(request, rows, _by(request, Move.STOP, _said(promotions.STOPPED, request)), done)
    return None


@admin.action(description="Undo the stop", permissions=["change"])
def undo_stop(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    done = "{count} live again from now on, with the same terms. Trips of meanwhile keep their prices."
    rows = list(queryset.select_related("stop"))
    moved = _with_each(request, rows, _by(request, Move.UNDO_STOP, _said(promotions.UNDONE, request)), done)
    return HttpResponseRedirect(page_of(moved[0])) if len(moved) == 1 else None


class EndForm(ReasonForm):
    at = forms.CharField(label="Ends", max_length=40, widget=MomentWidget)
    field_order = ("at", "reason")

    def __init__(self, *args: Any, clock: FormClock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = clock.zone
        self.fields["at"].help_text = f"From this moment on nobody gets it. {clock.words}."

    def clean_at(self) -> Any:
        return read_moment(self.cleaned_data["at"], self.zone)


def _clock_of(rows: list[Promotion]) -> FormClock:
    """That of all their stores."""
    if any(row.all_stores for row in rows):
        return form_clock(())
    return form_clock({store.pk: store for row in rows for store in row.stores.all()}.values())


@admin.action(description="End early…", permissions=["change"])
def end_early(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    rows = list(queryset)
    entered = request.POST if is_confirmed(request) else None
    form = EndForm(entered, usual=reasons.FOR_ENDS, clock=_clock_of(rows))
    if form.is_valid() and _end_all(request, rows, form):
        return None
    text = "Trips before that moment still get it. Until then the end can be changed on its page."
    return ask(request, rows, form=form, action="end_early", button="Set the end", title="End early", text=text)


def _end_all(request: HttpRequest, rows: list[Promotion], form: EndForm) -> bool:
    """Whether all of them will end then, or are proposed to; what stands in the way of one is said on the form."""
    at = form.cleaned_data["at"]
    made = Made(by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"])
    try:
        with transaction.atomic():
            outcomes = [_submit(MoveAct(Move.END_EARLY, row, at=at), made) for row in rows]
    except ValidationError as refused:
        form.add_error("at" if hasattr(refused, "error_dict") else None, refused.messages)
        return False
    proposals = [outcome.proposal for outcome in outcomes if outcome.proposal]
    for proposal in proposals:
        say_it_waits(request, proposal)
    if done := len(rows) - len(proposals):
        messages.success(request, f"{counted(done, 'promotion')} will end on {named_clock(at, form.zone)}.")
    return True


@admin.action(description="Duplicate", permissions=["add"])
def duplicate(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    drafts = [promotions.duplicate(row) for row in queryset]
    messages.success(
        request, f"{counted(len(drafts), 'draft')} made, with a code of its own. Nobody gets it until it is published."
    )
    return HttpResponseRedirect(page_of(drafts[0])) if len(drafts) == 1 else None


@admin.action(description="Delete draft…", permissions=["change"])
def delete_draft(_admin: Any, request: HttpRequest, queryset: QuerySet[Promotion]) -> HttpResponse | None:
    now, rows = timezone.now(), list(queryset)
    drafts = [row for row in rows if state_of(row, now) == State.DRAFT]
    if len(drafts) < len(rows):
        messages.error(request, "Only drafts can be deleted. What was published is stopped, or ends.")
        return None
    if not is_confirmed(request):
        text = "A draft was never in force: nobody misses it but those who wrote it. This cannot be undone."
        return ask(request, drafts, action="delete_draft", button="Delete", text=text)

    def delete(row: Promotion) -> Promotion:
        row.end(now=now)
        return row

    _with_each(request, drafts, delete, "{count} deleted.")
    return None


MOVES = (publish, stop_now, undo_stop, end_early, back_to_draft, duplicate, delete_draft)
