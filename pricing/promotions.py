"""What people do with promotions: draft, publish, stop, undo the stop, end early; and in which state one is.

Each move writes through `Dated`, whose guards hold whoever comes: what was in force stays as it was. Why it is made is
noted on the row beforehand, as for any other change; a stop and its undoing may go without, and then say what they are.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, QuerySet

from catalog.models import Store
from jwo_store.admin_site import on_clock
from jwo_store.setting_back import Made, note
from pricing.models import NEEDS, SAVING_TIME, Funding, Promotion, PromotionKind, PromotionStop, set_change_reason


class State(models.TextChoices):
    DRAFT = "draft", "Draft"
    SCHEDULED = "scheduled", "Scheduled"
    LIVE = "live", "Live"
    STOPPED = "stopped", "Stopped"
    ENDED = "ended", "Ended"


STOPPED, UNDONE = "Stopped at once.", "The stop was undone."
"""What the history says of these two, before the reason, if one was given."""

STOPPED_FOR_NOW = Q(stop__isnull=False, stop__undone_at__isnull=True)


def state_of(promotion: Promotion, now: datetime) -> State:
    """Its state; rows that come in numbers should have their `stop` selected."""
    if promotion.is_draft:
        return State.DRAFT
    if not promotion.was_in_force(now):
        return State.SCHEDULED
    if not promotion.is_over(now):
        return State.LIVE
    stop = stop_of(promotion)
    return State.STOPPED if stop and stop.undone_at is None else State.ENDED


def in_state(rows: QuerySet[Promotion], state: str, now: datetime) -> QuerySet[Promotion]:
    """Those of the rows that are in this state; all of them for a state that there is not."""
    over = Q(starts_at__isnull=False, ends_at__lte=now)
    match state:
        case State.DRAFT:
            return rows.filter(starts_at__isnull=True)
        case State.SCHEDULED:
            return rows.filter(starts_at__gt=now)
        case State.LIVE:
            return rows.filter(starts_at__lte=now).exclude(over)
        case State.STOPPED:
            return rows.filter(over & STOPPED_FOR_NOW)
        case State.ENDED:
            return rows.filter(over).exclude(STOPPED_FOR_NOW)
        case _:
            return rows


def stop_of(promotion: Promotion) -> PromotionStop | None:
    return getattr(promotion, "stop", None)


# --- What a promotion must say before it is published --------------------------------------------------------------

MISSING = {
    "name": "Give it a name.",
    "receipt_text": "Say what shoppers read on the receipt.",
    "percent": "Say how many percent.",
    "amount": "Say the amount.",
    "buy": "Say how many the shopper buys.",
    "get": "Say how many are cheaper.",
    "count": "Say how many make one deal.",
    "threshold": "Say how much must be spent.",
    "targets": "Choose the products. If you mean everything, say so.",
    "components": "Choose the products of each part of the set.",
}


def missing(promotion: Promotion) -> dict[str, str]:
    """What it has yet to say, by field."""
    needed = {"name", "receipt_text", *NEEDS.get(promotion.kind, ())}
    faults = {name: MISSING[name] for name in sorted(needed) if _is_empty(getattr(promotion, name))}
    if promotion.kind == PromotionKind.SPEND_GET and (promotion.amount is None) == (promotion.percent is None):
        faults["amount"] = "Give either an amount or a percentage."
    return faults


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def vendor_fault(promotion: Promotion, stores: Iterable[Store]) -> str:
    """Why somebody else cannot pay for it in these stores; "" when that is fine."""
    taxed = [store.name for store in stores if store.prices_include_tax] if promotion.funding == Funding.VENDOR else []
    return f"Prices include tax in {', '.join(taxed)}; only the store itself can pay there." if taxed else ""


def _check(promotion: Promotion, stores: Iterable[Store]) -> None:
    """Raises ValidationError with all that is wrong with it, by field."""
    stores = list(stores)
    faults: dict[str, Any] = {**missing(promotion)}
    if fault := vendor_fault(promotion, stores):
        faults["funding"] = fault
    if not (stores or promotion.all_stores):
        faults["stores"] = "Choose at least one store, or say that it holds in all stores."
    if faults:
        raise ValidationError(faults)
    promotion.full_clean()


def _stores_of(promotion: Promotion) -> Iterable[Store]:
    return Store.objects.all() if promotion.all_stores else promotion.stores.all()


# --- The moves -----------------------------------------------------------------------------------------------------


def publish(promotion: Promotion, *, now: datetime) -> None:
    """Let a draft start when it is planned to, or now. Raises ValidationError with all that is wrong, by field."""
    if not Promotion.objects.filter(pk=promotion.pk, starts_at__isnull=True).exists():
        raise ValidationError("This was published already. Load the page again.")
    planned = promotion.planned_start
    if planned is not None and planned < now - SAVING_TIME:
        raise ValidationError({"starts_at": "The planned start has passed. Choose a later one, or leave it empty."})
    promotion.starts_at, promotion.planned_start = max(planned or now, now), None
    try:
        _check(promotion, _stores_of(promotion))
        promotion.revise(now=now)
    except ValidationError:
        promotion.starts_at, promotion.planned_start = None, planned
        raise


def back_to_draft(promotion: Promotion, *, now: datetime) -> None:
    """Take back what is yet to start; it keeps its start as a plan. Raises ValidationError."""
    if state_of(promotion, now) != State.SCHEDULED:
        raise ValidationError("Only what is yet to start can become a draft again.")
    planned = promotion.starts_at
    promotion.starts_at, promotion.planned_start = None, planned
    try:
        promotion.validate_constraints()
        promotion.revise(now=now)
    except ValidationError:
        promotion.starts_at, promotion.planned_start = planned, None
        raise


def stop(promotion: Promotion, *, now: datetime, by: Any, reason: str = STOPPED) -> None:
    """End a live promotion at once, so that this can be undone. Raises ValidationError."""
    if state_of(promotion, now) != State.LIVE:
        raise ValidationError("Only a live promotion can be stopped.")
    held_until = promotion.ends_at
    with transaction.atomic():
        note(promotion, Made(by=by, now=now, reason=reason))
        promotion.end(now=now)
        PromotionStop.objects.create(promotion=promotion, made_at=now, made_by=by, held_until=held_until)


def undo_stop(promotion: Promotion, *, now: datetime, by: Any, reason: str = UNDONE) -> Promotion:
    """Let a successor with the same terms start now and end when the stopped one would have; gives the successor.

    Raises ValidationError when the code is in use again, when it would have ended by now, or when somebody else was
    faster.
    """
    stopped = stop_of(promotion)
    if stopped is None or stopped.undone_at is not None:
        raise ValidationError("There is no stop to undo here. Load the page again.")
    if stopped.held_until is not None and stopped.held_until <= now:
        end = on_clock(stopped.held_until, promotion.zone)
        raise ValidationError(f"It would have ended on {end} anyway. To have it again, duplicate it.")
    with transaction.atomic():
        undone = PromotionStop.objects.filter(pk=stopped.pk, undone_at__isnull=True)
        if undone.update(held_until=stopped.held_until) != 1:  # holds the row until the transaction is over
            raise ValidationError("Somebody else has undone this stop meanwhile. Load the page again.")
        successor = _successor(promotion, Made(by=by, now=now, reason=reason), ends_at=stopped.held_until)
        undone.update(undone_at=now, undone_by=by, successor=successor)
    return successor


def _successor(promotion: Promotion, made: Made, *, ends_at: datetime | None) -> Promotion:
    """The same terms once more, stored."""
    now = made.now
    successor = Promotion(**promotion.terms(), starts_at=now, ends_at=ends_at)
    if again := successor.rivals().overlapping(now, ends_at).order_by("starts_at").first():
        since = "is in use again since" if again.was_in_force(now) else "is planned again from"
        raise ValidationError(
            f"The code “{promotion.code}” {since} {on_clock(again.starts_at, again.zone)}, so this stays stopped. "
            "To have it beside that one, duplicate it and give it a code of its own."
        )
    _check(successor, _stores_of(promotion))
    note(successor, made)
    successor.save(force_insert=True)
    successor.stores.set(promotion.stores.all())
    return successor


def end_early(promotion: Promotion, *, at: datetime, now: datetime) -> None:
    """Let it end at a moment to come, before it would have. Raises ValidationError."""
    if state_of(promotion, now) not in {State.LIVE, State.SCHEDULED}:
        raise ValidationError("Only what is live or scheduled can end earlier.")
    if at <= max(now, promotion.starts_at or now):
        raise ValidationError({"at": "Choose a moment to come, after its start."})
    if promotion.ends_at is not None and at >= promotion.ends_at:
        end = on_clock(promotion.ends_at, promotion.zone)
        raise ValidationError({"at": f"It ends on {end} already. Choose an earlier moment."})
    promotion.ends_at = at
    promotion.revise(now=now)


def duplicate(promotion: Promotion) -> Promotion:
    """A new draft with the same terms and a code of its own."""
    terms = {**promotion.terms(), "code": free_code(promotion.code), "planned_start": None}
    with transaction.atomic():
        draft = Promotion(**terms)
        set_change_reason(draft, f"Made from {promotion.code}.")
        draft.save(force_insert=True)
        draft.stores.set(promotion.stores.all())
    return draft


def free_code(code: str) -> str:
    """A code like this one that no promotion has: `SALE-2`, and of that `SALE-3`."""
    longest = (Promotion._meta.get_field("code").max_length or len(code)) - len("-9999")
    stem = code.rpartition("-")[0]
    taken = set(Promotion.objects.filter(code__startswith=(stem or code)[:longest]).values_list("code", flat=True))
    start = (stem if stem in taken else code)[:longest]
    return next(free for number in count(2) if (free := f"{start}-{number}") not in taken)
