"""Submitting priced carts to Amazon's Checkout Service: claim, call, settle.

The row is the queue. A short conditional UPDATE claims it (its leased `submit_after` is the fencing token), the call
runs outside any transaction, a second conditional UPDATE settles. An order ID from Amazon wins over everything.
What each answer means: the table of the design, section 3.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from jwo_store import amazon
from jwo_store.alarms import raise_alarm
from jwo_store.models import Heartbeat
from jwo_store.pace import take_slot
from orders import body, contract
from orders.limits import limits
from orders.models import CheckoutAttempt, Problem, Purchase, PurchaseNote
from orders.nudge import nudge
from orders.statuses import MoveRefused, Outcome, Status

logger = logging.getLogger(__name__)

PATH = "/v1/checkout/carts"
SWEEP_ROWS = 200
PATIENCE = timedelta(seconds=5)
RETRY_AFTER = (1.0, 3600.0)
UNKNOWN_TRIP = "UnknownShoppingTrip"
MAX_ORDER_ID = 255


@cache
def client() -> amazon.Client:
    """The way to the Checkout Service: one for the whole process."""
    url = settings.AMAZON_CHECKOUT_URL or amazon.checkout_url(settings.AWS_REGION, settings.JWO_ENVIRONMENT)
    return amazon.Client(
        url,
        region=settings.AWS_REGION,
        role_arn=settings.AMAZON_ROLE_ARN,
        connect_timeout=settings.CHECKOUT_CONNECT_TIMEOUT,
        read_timeout=settings.CHECKOUT_READ_TIMEOUT,
        total_timeout=call_bound().total_seconds(),
    )


def call_bound() -> timedelta:
    """The longest that one call may take in all."""
    return timedelta(seconds=settings.CHECKOUT_CONNECT_TIMEOUT + settings.CHECKOUT_READ_TIMEOUT)


# --- Which are due -------------------------------------------------------------------------------------------------


def overdue(*, now: datetime) -> list[int]:
    """Purchases that no nudge has served: due for longer than one sweep, or for another try."""
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now})
    interval = timedelta(seconds=settings.SWEEP_EVERY)
    retries = Purchase.objects.due(now).filter(tries__gt=0)
    lost = Purchase.objects.due(now - interval).filter(tries=0)
    rows = [
        *retries.order_by("submit_after").values_list("submit_after", "pk")[:SWEEP_ROWS],
        *lost.order_by("submit_after").values_list("submit_after", "pk")[:SWEEP_ROWS],
    ]
    return [pk for _, pk in sorted(rows)[:SWEEP_ROWS]]


# --- Claim, call, settle -------------------------------------------------------------------------------------------


def submit(purchase_pk: int, *, client: amazon.Client, clock: Callable[[], datetime]) -> None:
    """Submit this purchase, if it is due and nobody else holds it."""
    if not _wait_for_slot(purchase_pk, clock()):
        return
    claimed = _claim(purchase_pk, client, clock())
    if claimed is None:
        return
    purchase, attempt, leased_until = claimed
    if clock() + call_bound() > leased_until:
        result = Result(Outcome.UNAVAILABLE, words="Claimed too long ago to call Amazon safely; nothing was sent.")
    else:
        result = _call(purchase, client)
    _settle(purchase, attempt, leased_until, result, clock())


def _wait_for_slot(purchase_pk: int, now: datetime) -> bool:
    """Keep to `CHECKOUT_MAX_PER_SECOND` over all processes; False when this purchase has to come back later."""
    if not settings.CHECKOUT_MAX_PER_SECOND or not Purchase.objects.due(now).filter(pk=purchase_pk).exists():
        return True
    interval = timedelta(seconds=1 / settings.CHECKOUT_MAX_PER_SECOND)
    slot = take_slot("checkout", interval=interval, now=now, patience=PATIENCE)
    if slot is not None:
        time.sleep(max(0.0, (slot - now).total_seconds()))
    return slot is not None


def _claim(purchase_pk: int, client: amazon.Client, now: datetime) -> tuple[Purchase, CheckoutAttempt, datetime] | None:
    with transaction.atomic():
        purchase = Purchase.objects.claim(purchase_pk, now=now)
        if purchase is None or purchase.submit_after is None:
            return None
        _account_for_cut_short_tries(purchase)
        if now > purchase.deadline and purchase.attempts.filter(started_at__gte=purchase.deadline_from).exists():
            _give_up(purchase)
            return None
        if not purchase.possibly_charged and not _passes_self_check(purchase):
            return None
        attempt = CheckoutAttempt.objects.create(
            purchase=purchase,
            number=purchase.tries,
            started_at=now,
            environment=purchase.environment,
            host=client.host,
        )
        return purchase, attempt, purchase.submit_after


def _account_for_cut_short_tries(purchase: Purchase) -> None:
    """A try without an outcome died with its process: whether Amazon charged is unknown."""
    open_tries = purchase.attempts.filter(outcome="")
    if open_tries.update(outcome=Outcome.UNKNOWN, words="This try was cut short before Amazon's answer was read."):
        _may_have_been_charged(purchase)


def _may_have_been_charged(purchase: Purchase) -> None:
    if not Purchase.objects.filter(pk=purchase.pk, order_id__isnull=True).update(possibly_charged=True):
        return  # an order ID has come meanwhile, and it is the last word
    purchase.possibly_charged = True
    raise_alarm(
        "Checkout without a clear answer",
        purchase.store_id,
        f"A call to Amazon for purchase {purchase.purchase_id} ended without a clear answer, so the card may have been "
        "charged. The same content is sent again until Amazon answers; nothing else may be sent for it.",
        link=_link(purchase),
        store_id=purchase.store_id,
    )


def _give_up(purchase: Purchase) -> None:
    charged = purchase.possibly_charged
    reason = (
        "Outcome unknown: time ran out without a clear answer from Amazon, and the card may have been charged."
        if charged
        else "Time ran out without an order from Amazon."
    )
    if purchase.move(
        to=Status.CLOSED, where={"submit_after": purchase.submit_after}, submit_after=None, closed_reason=reason
    ):
        raise_alarm(
            "Purchase given up",
            purchase.purchase_id,
            f"{reason} Ask Amazon about trip {purchase.trip_id}; the same content can still be sent again.",
            link=_link(purchase),
            store_id=purchase.store_id,
        )


def _passes_self_check(purchase: Purchase) -> bool:
    """Hold the body against Amazon's rules and the cart, until it may have been sent."""
    try:
        cart = contract.decode(bytes(purchase.raw), limits()).cart
        body.check(bytes(purchase.body or b""), purchase.trip_id, body.cart_to_price(cart))
    except (body.SelfCheckFailed, contract.InvalidCart, LookupError, TypeError, ValueError) as error:
        logger.exception("purchase %s fails its self-check", purchase.purchase_id)
        message = f"Our own check before sending failed: {error}. Nothing was sent. Tell the software's maker."
        if not purchase.move(to=Status.UNPRICED, where={"submit_after": purchase.submit_after}, submit_after=None):
            return False
        Problem.objects.create(purchase=purchase, cause="fault", message=message)
        raise_alarm(
            "Self-check failed", purchase.purchase_id, message, link=_link(purchase), store_id=purchase.store_id
        )
        return False
    return True


# --- What Amazon said ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """One try's outcome, and when to try again: `retry_after` in seconds, None for the usual backoff."""

    outcome: Outcome
    status: int | None = None
    error: str = ""
    words: str = ""
    request_id: str = ""
    order_id: str = ""
    retry_after: float | None = None
    misconfigured: bool = False
    seconds: float = 0.0


def _call(purchase: Purchase, client: amazon.Client) -> Result:
    started = time.monotonic()
    try:
        result = _read_answer(client.post(PATH, bytes(purchase.body or b"")))
    except amazon.AmazonError as error:
        result = _read_error(error)
    return replace(result, seconds=time.monotonic() - started)


def _read_answer(answer: amazon.Answer) -> Result:
    order_id = answer.json().get("orderId")
    if isinstance(order_id, str) and 0 < len(order_id) <= MAX_ORDER_ID and order_id.isprintable():
        return Result(
            Outcome.ORDERED, status=answer.status, request_id=answer.request_id, order_id=order_id, words="Ordered."
        )
    return Result(
        Outcome.UNKNOWN,
        status=answer.status,
        request_id=answer.request_id,
        words=answer.words or "Amazon said yes but named no order ID.",
    )


def _read_error(error: amazon.AmazonError) -> Result:
    answer = error.answer
    said = Result(
        _outcome_of(error),
        status=answer.status if answer else None,
        error=answer.error if answer else "",
        words=(answer.words if answer else "") or str(error),
        request_id=answer.request_id if answer else "",
        misconfigured=isinstance(error, amazon.AmazonMisconfigured),
    )
    if said.misconfigured:
        return replace(said, retry_after=settings.CHECKOUT_MISCONFIGURED_RETRY)
    if isinstance(error, amazon.AmazonThrottled) and answer and answer.retry_after is not None:
        shortest, longest = RETRY_AFTER
        return replace(said, retry_after=min(max(answer.retry_after, shortest), longest))
    return said


def _outcome_of(error: amazon.AmazonError) -> Outcome:
    if isinstance(error, amazon.AmazonRefused):
        return Outcome.REFUSED
    if isinstance(error, amazon.AmazonUnclear) or (isinstance(error, amazon.AmazonUnavailable) and error.sent):
        return Outcome.UNKNOWN
    return Outcome.UNAVAILABLE


# --- Settling ------------------------------------------------------------------------------------------------------


def _settle(
    purchase: Purchase, attempt: CheckoutAttempt, leased_until: datetime, result: Result, now: datetime
) -> None:
    with transaction.atomic():
        CheckoutAttempt.objects.filter(pk=attempt.pk).update(
            seconds=result.seconds,
            status=result.status,
            error=result.error,
            words=result.words,
            amazon_request_id=result.request_id,
            outcome=result.outcome,
        )
        if result.outcome == Outcome.ORDERED:
            _ordered(purchase, result, now)
            return
        if result.outcome == Outcome.UNKNOWN:
            _may_have_been_charged(purchase)
        if result.misconfigured:
            _alarm_configuration(purchase, result)
        delay = _delay(purchase, result)
        if delay is None:
            _rejected(purchase, leased_until, result)
        else:
            purchase.move(
                to=Status.AWAITING_CHECKOUT,
                where={"submit_after": leased_until},
                submit_after=now + timedelta(seconds=delay),
                failures=purchase.failures + 1,
            )
    logger.info("purchase %s: %s (%s)", purchase.purchase_id, result.outcome, result.status)


def _ordered(purchase: Purchase, result: Result, now: datetime) -> None:
    """An order ID wins over whatever the purchase has become meanwhile."""
    mine = Purchase.objects.filter(pk=purchase.pk)
    ordered = mine.filter(order_id__isnull=True).update(
        status=Status.ORDERED,
        order_id=result.order_id,
        ordered_at=now,
        submit_after=None,
        refusal="",
        closed_reason="",
    )
    if ordered or mine.filter(order_id=result.order_id).exists():
        return
    mine.update(possibly_charged=True)
    raise_alarm(
        "Two orders for one trip",
        purchase.purchase_id,
        f"Amazon gave a second order ID, {result.order_id}, for this purchase: the card may have been charged twice. "
        "Ask Amazon to cancel one of the two.",
        link=_link(purchase),
        store_id=purchase.store_id,
    )


def _delay(purchase: Purchase, result: Result) -> float | None:
    """Seconds until the next try; None when asking again would not help."""
    if result.outcome == Outcome.REFUSED:
        if result.error != UNKNOWN_TRIP:
            return None
        asked = purchase.attempts.filter(error=UNKNOWN_TRIP, started_at__gte=purchase.deadline_from).count()
        delays = settings.CHECKOUT_UNKNOWN_TRIP_RETRIES
        return delays[asked - 1] if asked <= len(delays) else None
    if result.retry_after is not None:
        return result.retry_after
    ceiling = min(settings.CHECKOUT_RETRY_CAP, settings.CHECKOUT_RETRY_BASE * 2 ** min(purchase.failures, 30))
    return random.uniform(0, ceiling)  # noqa: S311  jitter, no secret


def _rejected(purchase: Purchase, leased_until: datetime, result: Result) -> None:
    refusal = (result.error or f"HTTP {result.status}")[:255]
    if not purchase.move(to=Status.REJECTED, where={"submit_after": leased_until}, submit_after=None, refusal=refusal):
        return
    charged = " It may have been charged by an earlier try." if purchase.possibly_charged else ""
    raise_alarm(
        "Refused by Amazon",
        purchase.purchase_id if purchase.possibly_charged else f"{purchase.store_id}: {refusal}",
        f"Amazon refused purchase {purchase.purchase_id}: {refusal}. {result.words}{charged} "
        "Look at the purchase, mend what is wrong, and price it again or close it.",
        link=_link(purchase),
        store_id=purchase.store_id,
    )


def _alarm_configuration(purchase: Purchase, result: Result) -> None:
    raise_alarm(
        "Amazon does not let us in",
        f"{result.status or 'no credentials'}",
        f"Amazon's Checkout Service answered {result.status or 'nothing, for want of credentials'}. "
        "Look at: the role's permission execute-api:Invoke; whether Amazon has allowlisted the account; AWS_REGION; "
        "AMAZON_CHECKOUT_URL (test and live swapped?); the credentials and their session token; the clock of this "
        "machine. Purchases are kept and tried again every few minutes.",
        link=_link(purchase),
    )


def _link(purchase: Purchase) -> str:
    return f"/admin/orders/purchase/{purchase.pk}/change/"


# --- What staff can do ---------------------------------------------------------------------------------------------


def send_again(purchase: Purchase, *, by: User, now: datetime) -> None:
    """Send the stored body once more, byte for byte. Raises MoveRefused when there is nothing to send or a try runs."""
    if purchase.status in (Status.ORDERED, Status.EMPTY, Status.UNPRICED) or purchase.body is None:
        raise MoveRefused(
            f"This purchase is “{purchase.get_status_display().lower()}”: there is nothing to send again."
        )
    if purchase.environment != settings.JWO_ENVIRONMENT:
        raise MoveRefused(f"This purchase is of the {purchase.environment} environment: it is never sent from here.")
    if purchase.is_test and purchase.environment == "live":
        raise MoveRefused("This is a test trip, which is never sent to live Amazon.")
    _reschedule(
        purchase,
        to=Status.AWAITING_CHECKOUT,
        now=now,
        submit_after=now,
        deadline_from=now,
        failures=0,
        refusal="",
        closed_reason="",
    )
    _note(purchase, "Sent again by hand, unchanged.", by, now)
    nudge(purchase.pk)


def close(purchase: Purchase, *, reason: str, by: User, now: datetime) -> None:
    """Give the purchase up. Raises MoveRefused when it is finished already, a try runs, or there is no reason."""
    if not reason.strip():
        raise MoveRefused("Say why this purchase is given up.")
    if purchase.status not in (Status.UNPRICED, Status.AWAITING_CHECKOUT, Status.REJECTED):
        raise MoveRefused(f"This purchase is “{purchase.get_status_display().lower()}” and cannot be closed.")
    _reschedule(purchase, to=Status.CLOSED, now=now, submit_after=None, closed_reason=reason.strip())
    _note(purchase, f"Closed: {reason.strip()}", by, now)


def _reschedule(purchase: Purchase, *, to: Status, now: datetime, **changes: object) -> None:
    """Move by hand, but never under a running try: its lease is what keeps calls of one trip apart."""
    leased = purchase.submit_after is not None and purchase.submit_after > now
    with transaction.atomic():
        if leased and purchase.attempts.filter(outcome="").exists():
            raise MoveRefused("A try is running at this moment. Wait for its outcome, at most two minutes.")
        if not purchase.move(to=to, where={"submit_after": purchase.submit_after}, **changes):
            raise MoveRefused("Somebody else changed this purchase meanwhile. Load the page again.")
        _account_for_cut_short_tries(purchase)


def _note(purchase: Purchase, text: str, by: User, now: datetime) -> None:
    PurchaseNote.objects.create(purchase=purchase, at=now, by=by, text=text)
