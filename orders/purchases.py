"""Taking carts in: stored, priced, answered; repeats, conflicts, repairs.

The module that enqueues. What happens with Amazon afterwards is in `orders.checkout`.
"""

import hashlib
import logging
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from catalog.models import EmptyCartAnswer, Store
from jwo_store.alarms import raise_alarm
from jwo_store.words import named_clock
from orders import body, contract
from orders.limits import limits
from orders.models import (
    CartConflict,
    Problem,
    PromotionSaving,
    Purchase,
    PurchaseLine,
    PurchaseNote,
    RefusedCart,
    new_purchase_id,
)
from orders.nudge import nudge
from orders.statuses import MoveRefused, Outcome, Status
from pricing import terms
from pricing.engine import price_cart
from pricing.money import to_cents
from pricing.pricebook import read_pricebook
from pricing.priced import PricedCart, Unpriced
from pricing.priced import Problem as PricingProblem

logger = logging.getLogger(__name__)

DATABASE_GONE = (OperationalError, InterfaceError)

FAULT = PricingProblem(
    "fault", "Our own software failed while it priced this cart. Tell its maker; then re-price this cart."
)

PRICED_AGAIN = "Priced again."
CHANGED_MEANWHILE = "Somebody else changed this purchase meanwhile. Load the page again."


class AlreadyKnown(Exception):
    """Another request stored this trip first."""


# --- Recording -----------------------------------------------------------------------------------------------------


def record(decoded: contract.DecodedCart, raw: bytes, *, received_at: datetime, caller: str) -> Purchase:
    """The stored purchase of this trip: a new one, or the one that we have already.

    One commit holds the raw cart and what it costs. A failure of our own parks the cart; a failure of the database is
    raised, so that Amazon sends the cart again.
    """
    try:
        purchase = _take_in(decoded, raw, received_at, caller)
    except AlreadyKnown:
        return _repeat(decoded, raw, received_at)
    if purchase.status == Status.AWAITING_CHECKOUT:
        nudge(purchase.pk)
    return purchase


def _take_in(decoded: contract.DecodedCart, raw: bytes, received_at: datetime, caller: str) -> Purchase:
    cart = decoded.cart
    purchase = Purchase(
        trip_id=cart.idempotent_shopping_trip_id,
        request_id=cart.request_id,
        store_id=cart.store_id,
        environment=settings.JWO_ENVIRONMENT,
        received_at=received_at,
        deadline_from=received_at,
        caller=caller,
        raw=raw,
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        content_sha256=decoded.content_hash,
        trip_started_at=cart.shopping_trip.start_time,
        trip_ended_at=cart.shopping_trip.end_time,
        purchase_id=new_purchase_id(),
    )
    try:
        with _undone_alone():
            _price(purchase, cart, now=received_at)
    except DATABASE_GONE:
        raise
    except Exception as error:
        _raise_if_known(purchase.trip_id, error)
        logger.exception("pricing the cart of purchase %s failed", purchase.purchase_id)
        purchase = _park_for_a_fault(purchase, cart)
    return purchase


def _undone_alone() -> AbstractContextManager[None]:
    """What fails in it leaves nothing behind, so that the cart itself can still be stored.

    Reading needs no transaction, unless it is part of another one already, or of ten questions, as on SQLite, between
    which nothing may change.
    """
    reads_freely = connection.vendor == "postgresql" and not connection.in_atomic_block
    return nullcontext() if reads_freely else transaction.atomic()


def _price(purchase: Purchase, cart: contract.Cart, *, now: datetime) -> None:
    """Read and compute first; then the cart and what it costs are written at once."""
    asked = body.cart_to_price(cart)
    book = read_pricebook(asked)
    _answer(purchase, cart, names_empty=bool(book.store and book.store.names_empty_carts))
    purchase.is_test = bool(book.store and book.store.tests_until and now < book.store.tests_until)
    priced = price_cart(asked, book, now=now) if cart.cart_items else None
    _fill(purchase, asked, priced, book.moment, now)
    lines = _lines(asked, priced)
    saved = _savings(priced) if isinstance(priced, PricedCart) else {}
    with transaction.atomic(savepoint=False):
        Purchase.objects.insert(purchase, lines, saved)
        if isinstance(priced, Unpriced):
            _state_problems(purchase, priced)


def _answer(purchase: Purchase, cart: contract.Cart, *, names_empty: bool) -> None:
    purchase.answer = purchase.purchase_id if cart.cart_items or names_empty else ""


def _fill(
    purchase: Purchase, asked: terms.Cart, priced: PricedCart | Unpriced | None, moment: datetime, now: datetime
) -> None:
    """Write the result of pricing onto the purchase; it is not saved here."""
    purchase.priced_at = moment
    if priced is None:
        purchase.status = Status.EMPTY
        return
    if isinstance(priced, Unpriced):
        purchase.status = Status.UNPRICED
        return
    purchase.currency = priced.currency
    purchase.sub_total = priced.totals.sub_total
    purchase.promotions_total = priced.totals.promotions_total
    purchase.sales_tax_total = priced.totals.sales_tax_total
    purchase.price_total = priced.totals.price_total
    purchase.optimal = priced.optimal
    purchase.trace = body.to_json(priced.trace).decode()
    purchase.body = body.build(purchase.trip_id, asked, priced)
    if purchase.is_test and settings.JWO_ENVIRONMENT == "live":
        purchase.status = Status.CLOSED
        purchase.closed_reason = "A test trip: priced and kept, never sent to live Amazon."
        return
    purchase.status = Status.AWAITING_CHECKOUT
    purchase.submit_after = now


def _lines(asked: terms.Cart, priced: PricedCart | Unpriced | None) -> list[dict[str, Any]]:
    """The columns of each line; without amounts while the cart is not priced."""
    rows: list[dict[str, Any]] = [
        {
            "number": number,
            "product_id": line.product_id,
            "type": line.type,
            "quantity": line.quantity,
            "unit": line.unit,
            "sku": line.product_id if line.type == "SKU" else "",
            "name": "",
        }
        for number, line in enumerate(asked.lines)
    ]
    if isinstance(priced, PricedCart):
        for row, line in zip(rows, priced.lines, strict=True):
            row |= {
                "sku": line.sku,
                "name": line.name,
                "price": to_cents(line.line.price),
                "promotions": to_cents(line.line.promotions_total),
                "fees": to_cents(line.line.fees_total),
                "sales_tax": to_cents(line.line.sales_tax),
                "total": to_cents(line.line.total),
            }
    return rows


def _savings(priced: PricedCart) -> dict[str, int]:
    """What each promotion saved, in cents, by its code."""
    saved: dict[str, int] = {}
    for line in priced.lines:
        for promotion in line.line.promotions:
            saved[promotion.code] = saved.get(promotion.code, 0) + to_cents(promotion.amount)
    return saved


def _state_problems(purchase: Purchase, unpriced: Unpriced) -> None:
    Problem.objects.bulk_create(
        Problem(purchase=purchase, line=one.line, product_id=one.product_id, cause=one.cause, message=one.message)
        for one in unpriced.problems
    )
    first = unpriced.problems[0]
    raise_alarm(
        "Cart waits for a repair",
        f"{purchase.store_id}: {first.product_id or first.cause}",
        f"{first.message} (Purchase {purchase.purchase_id}.)",
        link=f"/admin/orders/purchase/{purchase.pk}/change/",
        store_id=purchase.store_id,
    )


def _raise_if_known(trip_id: str, error: Exception) -> None:
    if isinstance(error, IntegrityError) and Purchase.objects.filter(trip_id=trip_id).exists():
        raise AlreadyKnown from error


FACTS = [
    "trip_id",
    "request_id",
    "store_id",
    "environment",
    "received_at",
    "deadline_from",
    "caller",
    "raw",
    "raw_sha256",
    "content_sha256",
    "trip_started_at",
    "trip_ended_at",
    "purchase_id",
]


def _park_for_a_fault(purchase: Purchase, cart: contract.Cart) -> Purchase:
    """Keep the cart although our own code failed: with as little as possible that could fail again."""
    fresh = Purchase(status=Status.UNPRICED, **{name: getattr(purchase, name) for name in FACTS})
    store = Store.objects.filter(pk=purchase.store_id).first()
    _answer(fresh, cart, names_empty=store is not None and store.empty_cart_purchase_id == EmptyCartAnswer.ISSUED)
    fresh.is_test = bool(store and store.tests_until and fresh.received_at < store.tests_until)
    if not cart.cart_items:
        fresh.status = Status.EMPTY
    try:
        with transaction.atomic():
            fresh.save(force_insert=True)
            PurchaseLine.objects.insert(fresh, _lines(body.cart_to_price(cart), None))
            if cart.cart_items:
                _state_problems(fresh, Unpriced((FAULT,)))
    except IntegrityError as error:
        _raise_if_known(fresh.trip_id, error)
        raise
    return fresh


def _repeat(decoded: contract.DecodedCart, raw: bytes, received_at: datetime) -> Purchase:
    """The first answer again. Other content under the same trip is kept beside it and alarmed."""
    purchase = Purchase.objects.get(trip_id=decoded.cart.idempotent_shopping_trip_id)
    if purchase.content_sha256 == decoded.content_hash:
        return purchase
    conflict = CartConflict(
        purchase=purchase,
        received_at=received_at,
        request_id=decoded.cart.request_id,
        raw=raw,
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        content_sha256=decoded.content_hash,
    )
    with transaction.atomic():
        CartConflict.objects.bulk_create([conflict], ignore_conflicts=True)
        raise_alarm(
            "Two different carts for one trip",
            purchase.purchase_id,
            "Amazon sent a second cart with other content for a trip that we had already. The first one counts; "
            "compare the two and ask Amazon which is right.",
            link=f"/admin/orders/purchase/{purchase.pk}/change/",
            store_id=purchase.store_id,
        )
    return purchase


def note(purchase: Purchase, text: str, *, at: datetime, by: User | None = None) -> None:
    PurchaseNote.objects.create(purchase=purchase, at=at, by=by, text=text)


# --- Carts that we refused -----------------------------------------------------------------------------------------


def refuse(invalid: contract.InvalidCart, raw: bytes, *, received_at: datetime, caller: str) -> RefusedCart:
    """Keep a cart that is answered with 400: the goods have left the shop all the same."""
    digest = hashlib.sha256(raw).hexdigest()
    with transaction.atomic():
        again = RefusedCart.objects.filter(raw_sha256=digest)
        if not again.update(times=F("times") + 1, last_received_at=received_at):
            row = RefusedCart(
                raw=raw,
                raw_sha256=digest,
                faults=[{"path": fault.path, "message": fault.message} for fault in invalid.faults],
                environment=settings.JWO_ENVIRONMENT,
                received_at=received_at,
                last_received_at=received_at,
                caller=caller,
            )
            RefusedCart.objects.bulk_create([row], ignore_conflicts=True)
        refused = again.get()
        first = invalid.faults[0]
        raise_alarm(
            "Cart refused",
            first.path or "the whole document",
            f"A cart of Amazon's did not pass the contract and was answered with 400: {first.path} {first.message}. "
            "It is kept under Refused carts; take it in once the settings allow it.",
            link=f"/admin/orders/refusedcart/{refused.pk}/change/",
        )
    return refused


def replay(refused: RefusedCart, *, by: User, now: datetime) -> Purchase:
    """Take in a cart that we had refused, now that a setting is mended.

    Raises MoveRefused when it still does not pass, or was taken in before.
    """
    if refused.purchase_id is not None:
        raise MoveRefused("This cart was taken in already.")
    if refused.environment != settings.JWO_ENVIRONMENT:
        raise MoveRefused(f"This cart is of the {refused.environment} environment: it is not taken in here.")
    raw = bytes(refused.raw)
    try:
        decoded = contract.decode(raw, limits())
    except contract.InvalidCart as invalid:
        first = invalid.faults[0]
        raise MoveRefused(
            f"It is still not in the form agreed with Amazon: “{first.path}” {first.message}."
        ) from invalid
    with transaction.atomic():
        purchase = record(decoded, raw, received_at=now, caller=refused.caller)
        if not RefusedCart.objects.filter(pk=refused.pk, purchase__isnull=True).update(purchase=purchase):
            raise MoveRefused("This cart was taken in already.")
        note(
            purchase,
            f"Taken in from the refused carts; Amazon sent it on {named_clock(refused.received_at)}.",
            at=now,
            by=by,
        )
    return purchase


# --- Repairs -------------------------------------------------------------------------------------------------------


def reprice(purchase: Purchase, *, by: User, now: datetime) -> None:
    """Price a cart again that waits for a repair, or that Amazon clearly refused; then it is on its way.

    Raises MoveRefused, with nothing changed but the list of problems, when it may not or still cannot be priced.
    """
    _check_may_reprice(purchase)
    try:
        priced = _price_again(purchase, by, now)
    except (MoveRefused, *DATABASE_GONE):
        raise
    except contract.InvalidCart as invalid:
        first = invalid.faults[0]
        raise MoveRefused(
            f"The cart is no longer in the form agreed with Amazon: “{first.path}” {first.message}."
        ) from invalid
    except Exception as error:
        logger.exception("pricing purchase %s again failed", purchase.purchase_id)
        raise MoveRefused(FAULT.message) from error
    if isinstance(priced, Unpriced):
        more = len(priced.problems) - 1
        raise MoveRefused(priced.problems[0].message + (f" ({more} more problems.)" if more else ""))
    logger.info("purchase %s priced again", purchase.purchase_id)


def _price_again(purchase: Purchase, by: User, now: datetime) -> PricedCart | Unpriced:
    asked = body.cart_to_price(contract.decode(bytes(purchase.raw), limits()).cart)
    book = read_pricebook(asked)
    priced = price_cart(asked, book, now=now)
    with transaction.atomic():
        if isinstance(priced, Unpriced):
            _still_waits(purchase, priced)
        else:
            _repaired(purchase, asked, priced, book.moment, by, now)
    return priced


def _check_may_reprice(purchase: Purchase) -> None:
    if purchase.possibly_charged:
        raise MoveRefused("Amazon may have charged this purchase, so its amounts stay. Send it again instead.")
    if purchase.status == Status.UNPRICED:
        return
    tries = purchase.attempts.all()
    clear = all(one.outcome == Outcome.REFUSED and one.status == 400 for one in tries)  # noqa: PLR2004  HTTP
    if purchase.status != Status.REJECTED or not clear:
        raise MoveRefused(
            f"This purchase is “{purchase.get_status_display().lower()}”. Only carts that wait for a repair, or that "
            "Amazon clearly refused, can be priced again."
        )


def _still_waits(purchase: Purchase, unpriced: Unpriced) -> None:
    """State what is missing now; but never on a cart that somebody else has mended or closed meanwhile."""
    if not purchase.move(to=Status(purchase.status)):
        raise MoveRefused(CHANGED_MEANWHILE)
    if purchase.status == Status.REJECTED:
        return
    purchase.problems.all().delete()
    Problem.objects.bulk_create(
        Problem(purchase=purchase, line=one.line, product_id=one.product_id, cause=one.cause, message=one.message)
        for one in unpriced.problems
    )


PRICED_FIELDS = [
    "priced_at",
    "currency",
    "sub_total",
    "promotions_total",
    "sales_tax_total",
    "price_total",
    "optimal",
    "trace",
    "body",
    "submit_after",
    "closed_reason",
]


def _repaired(
    purchase: Purchase, asked: terms.Cart, priced: PricedCart, moment: datetime, by: User, now: datetime
) -> None:
    draft = Purchase(trip_id=purchase.trip_id, is_test=purchase.is_test)
    _fill(draft, asked, priced, moment, now)
    changes: dict[str, Any] = {name: getattr(draft, name) for name in PRICED_FIELDS}
    moved = purchase.move(
        to=Status(draft.status),
        where={"possibly_charged": False},
        **changes,
        deadline_from=now,
        failures=0,
        refusal="",
    )
    if not moved:
        raise MoveRefused(CHANGED_MEANWHILE)
    purchase.problems.all().delete()
    purchase.lines.all().delete()
    PurchaseLine.objects.insert(purchase, _lines(asked, priced))
    purchase.savings.all().delete()
    PromotionSaving.objects.insert(purchase, _savings(priced))
    note(purchase, PRICED_AGAIN, at=now, by=by)
    if purchase.status == Status.AWAITING_CHECKOUT:
        nudge(purchase.pk)
