"""The Checkout Service: takes a priced cart, charges the card, gives the order ID."""

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock

from tests.sandbox import rules
from tests.sandbox.book import TripBook
from tests.sandbox.checkout_modes import CHECKOUT
from tests.sandbox.mode import Charging, Mode
from tests.sandbox.rules import Document, PricedCart, RefusedError
from tests.sandbox.shelves import Store
from tests.sandbox.sigv4 import Credentials, SignatureRefusedError, verify
from tests.sandbox.switches import Switchboard
from tests.sandbox.trips import CheckoutCall, Trip
from tests.sandbox.wire import Delivery, Reply, Request, error_of, error_reply, json_reply

PeerIsWaiting = Callable[[], bool]


@dataclass(slots=True)
class Checks:
    """The checks that Amazon leaves open, as they are set now."""

    cross_check: bool = True
    trip_expires_after: float | None = None  # seconds from the moment the cart was sent


class Flights:
    """The calls under way, by trip. A caller that hung up has no call under way any more."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[str, dict[object, PeerIsWaiting]] = {}

    def start(self, trip_id: str, peer_is_waiting: PeerIsWaiting) -> tuple[bool, Callable[[], None]]:
        """Whether another call for the trip is still waited for, and what to call when this one has landed."""
        flight = object()
        with self._lock:
            flights = self._waiting.setdefault(trip_id, {})
            overlaps = any(is_waiting() for is_waiting in flights.values())
            flights[flight] = peer_is_waiting

        def land() -> None:
            with self._lock, suppress(KeyError):
                del self._waiting[trip_id][flight]
                if not self._waiting[trip_id]:
                    del self._waiting[trip_id]

        return overlaps, land


@dataclass(slots=True)
class CheckoutService:
    book: TripBook
    switchboard: Switchboard
    credentials: Credentials
    stores: Mapping[str, Store]
    checks: Checks = field(default_factory=Checks)
    clock: Callable[[], float] = time.time
    flights: Flights = field(default_factory=Flights)

    def checkout_cart(self, request: Request, peer_is_waiting: PeerIsWaiting) -> Reply:
        """Answer `POST /v1/checkout/carts`.

        The order of the checks: signature, form, trip, content, amounts, expiry. A switch that charges nothing answers
        any signed call before them.
        """
        try:
            verify(request, self.credentials, datetime.fromtimestamp(self.clock(), UTC))
        except SignatureRefusedError as problem:
            return self._stray(error_reply(403, "AccessDeniedException", str(problem)))
        try:
            document = rules.read_document(request.body)
        except RefusedError as refusal:
            return self._stray(_refusal_reply(refusal))
        trip = self._trip_of(document)
        if trip is None:
            return self._stray(self._answer_without_trip(document))
        return self._call(trip, document, request.body, peer_is_waiting)

    def _stray(self, reply: Reply) -> Reply:
        error, message = error_of(reply)
        self.book.stray(error or f"answer {reply.status}", message or "")
        return reply

    def _trip_of(self, document: Document) -> Trip | None:
        trip_id = document.get("idempotentShoppingTripId")
        return self.book.find(trip_id) if isinstance(trip_id, str) else None

    def _answer_without_trip(self, document: Document) -> Reply:
        switch = self.switchboard.draw(CHECKOUT, None)
        if switch and switch.mode.charging is Charging.NEVER:
            return switch.mode.twist(Reply(), switch.options)
        try:
            priced = rules.read_priced_cart(document)
        except RefusedError as refusal:
            return _refusal_reply(refusal)
        return error_reply(400, rules.UNKNOWN_TRIP, f"No shopping trip {priced.trip_id}")

    def _call(self, trip: Trip, document: Document, body: bytes, peer_is_waiting: PeerIsWaiting) -> Reply:
        overlaps, land = self.flights.start(trip.cart.trip_id, peer_is_waiting)
        try:
            if overlaps:
                self.book.overlapped(trip)
            reply, mode = self._answer(trip, document)
            answered = self._note(trip, reply, body, mode)
        except BaseException:
            land()
            raise

        def before_last_byte() -> None:
            # The caller may call again the moment it has the answer: that is no overlap.
            land()
            if not reply.comes_at_once:
                answered(reply.status)

        return replace(reply, before_last_byte=before_last_byte, at_the_end=land)

    def _answer(self, trip: Trip, document: Document) -> tuple[Reply, Mode | None]:
        """What the caller gets, and the mode that had a hand in it."""
        switch = self.switchboard.draw(CHECKOUT, trip.cart.trip_id)
        if switch and switch.mode.charging is Charging.NEVER:
            return switch.mode.twist(Reply(), switch.options), switch.mode
        try:
            priced = self._checked(trip, document)
        except RefusedError as refusal:
            return _refusal_reply(refusal), None
        again = switch is not None and switch.mode.charging is Charging.EVERY_CALL
        charged_before = bool(trip.charges)
        order_id = self.book.charge(trip, priced.totals.price, priced.currency, receipt=document, again=again)
        reply = json_reply({"orderId": order_id}, 201)
        if switch is None or (switch.mode.only_repeats and not charged_before):
            return reply, None
        return switch.mode.twist(reply, switch.options), switch.mode

    def _checked(self, trip: Trip, document: Document) -> PricedCart:
        """The priced cart, which has passed every check; RefusedError when it has not."""
        priced = rules.read_priced_cart(document)
        rules.check_content(priced, trip.cart)
        store = self.stores.get(priced.store_id)
        if store and priced.currency != store.currency:
            raise RefusedError(rules.INVALID_REQUEST, f"This store sells in {store.currency}, not in {priced.currency}")
        per_piece = store is not None and store.amounts_are_per_piece
        rules.check_amounts(priced, per_piece=per_piece, cross_check=self.checks.cross_check)
        limit = self.checks.trip_expires_after
        if limit is not None and not trip.charges and self.clock() - trip.registered_at > limit:
            raise RefusedError(rules.TRIP_EXPIRED, "The hold on the card has lapsed")
        return priced

    def _note(self, trip: Trip, reply: Reply, body: bytes, mode: Mode | None) -> Callable[[int], None]:
        error, message = error_of(reply) if reply.delivery is not Delivery.NONE else (None, None)
        return self.book.called(
            trip,
            CheckoutCall(
                at=self.clock(),
                sha256=hashlib.sha256(body).hexdigest(),
                mode=mode.name if mode else None,
                status=int(reply.status) if reply.comes_at_once else None,
                error=error,
                message=message,
            ),
        )


def _refusal_reply(refusal: RefusedError) -> Reply:
    return error_reply(400, refusal.name, refusal.message)
