"""The book of shopping trips.

Every change is an event that is first written to the journal and then applied, so a book that is read again from the
journal is the same book. Times are seconds since 1970, money is whole cents.
"""

import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import RLock
from typing import Any

from tests.sandbox.journal import Appliers, Event, Journal
from tests.sandbox.trips import CartError, Charge, CheckoutCall, Sending, SentCart, Trip

ANSWER_KEPT = 2_000  # characters of the product's answer


class TripBook:
    """Knows every trip. Safe for many threads; each change is whole or not at all."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = RLock()
        self.appliers: Appliers = {
            "trip": self._apply_trip,
            "sending": self._apply_sending,
            "charge": self._apply_charge,
            "call": self._apply_call,
            "answered": self._apply_answered,
            "overlap": self._apply_overlap,
            "stray": self._apply_stray,
            "reset": self._apply_reset,
        }
        self._revision = 0
        self._forget()

    # What happened

    def register(self, carts: Iterable[SentCart], *, run: str | None = None, gate: str | None = None) -> int:
        """Know these trips from now on; the count of new ones.

        The same cart again changes nothing. CartError, and nothing registered, when a trip has another cart.
        """
        with self._lock:
            new: dict[str, SentCart] = {}
            for cart in carts:
                known = new.get(cart.trip_id) or self._cart_of(cart.trip_id)
                if known is None:
                    new[cart.trip_id] = cart
                elif known.lines != cart.lines or known.store_id != cart.store_id:
                    raise CartError(f"trip {cart.trip_id} is known with another cart")
            for cart in new.values():
                self._happened({"event": "trip", "body": cart.body, "run": run, "gate": gate})
            return len(new)

    def sent(self, trip_id: str, sending: Sending) -> None:
        self._happened(
            {
                "event": "sending",
                "trip_id": trip_id,
                "sent_at": sending.at,
                "seconds": sending.seconds,
                "status": sending.status,
                "answer": sending.answer[:ANSWER_KEPT],
                "purchase_id": sending.purchase_id,
            }
        )

    def charge(
        self, trip: Trip, amount: int, currency: str, *, receipt: dict[str, Any] | None = None, again: bool = False
    ) -> str:
        """Charge the card once and give the order ID; `again` charges anew and gives another order ID."""
        with self._lock:
            if trip.charges and not again:
                return trip.charges[0].order_id
            order_id = self._new_order_id()
            self._happened(
                {
                    "event": "charge",
                    "trip_id": trip.cart.trip_id,
                    "order_id": order_id,
                    "amount": amount,
                    "currency": currency,
                    "receipt": receipt if trip.gate else None,  # a load run's receipts would only fill the memory
                }
            )
            return order_id

    def called(self, trip: Trip, call: CheckoutCall) -> Callable[[int], None]:
        """Note a call to the Checkout Service; what comes back notes the status once it is really answered."""
        with self._lock:
            self._happened(
                {
                    "event": "call",
                    "trip_id": trip.cart.trip_id,
                    "sha256": call.sha256,
                    "mode": call.mode,
                    "status": call.status,
                    "error": call.error,
                    "message": call.message,
                }
            )
            number = len(trip.calls) - 1
        trip_id = trip.cart.trip_id
        return lambda status: self._happened(
            {"event": "answered", "trip_id": trip_id, "call": number, "status": status}
        )

    def overlapped(self, trip: Trip) -> None:
        self._happened({"event": "overlap", "trip_id": trip.cart.trip_id})

    def stray(self, error: str, message: str) -> None:
        """Note a call that belongs to no known trip: unsigned, unreadable or for a trip never sent."""
        self._happened({"event": "stray", "error": error, "message": message})

    def reset(self) -> None:
        self._happened({"event": "reset"})

    # What is known

    def find(self, trip_id: str) -> Trip | None:
        return self._trips.get(trip_id)

    def last_at_gate(self, gate: str) -> Trip | None:
        return self._last_at_gate.get(gate)

    def changed(self, *, run: str | None = None, after: int = 0, limit: int | None = None) -> list[Trip]:
        """Trips of a run (or all) that changed after a revision, the latest change first."""
        with self._lock:
            return list(islice(self._latest_first(run, after), limit))

    @property
    def revision(self) -> int:
        return self._revision

    def of_run(self, run: str | None) -> list[Trip]:
        """The trips of a run, or all."""
        with self._lock:
            return list(self._trips.values()) if run is None else list(self._runs.get(run, ()))

    @property
    def strays(self) -> dict[str, int]:
        """Calls that belong to no known trip, by the name of their refusal."""
        with self._lock:
            return dict(self._strays)

    # How it is kept

    def _latest_first(self, run: str | None, after: int) -> Iterator[Trip]:
        for trip in reversed(self._trips.values()):
            if trip.revision <= after:
                return
            if run is None or trip.run == run:
                yield trip

    def _happened(self, event: Event) -> None:
        with self._lock:
            timed = {**event, "at": self._clock()}
            self._journal.append(timed)
            self.appliers[event["event"]](timed)

    def _forget(self) -> None:
        self._trips: OrderedDict[str, Trip] = OrderedDict()
        self._runs: dict[str, list[Trip]] = {}
        self._last_at_gate: dict[str, Trip] = {}
        self._order_ids: set[str] = set()
        self._strays: Counter[str] = Counter()
        self._revision += 1  # never back to zero: whoever asks for what is new would wait for ever

    def _cart_of(self, trip_id: str) -> SentCart | None:
        trip = self._trips.get(trip_id)
        return trip.cart if trip else None

    def _new_order_id(self) -> str:
        """An order ID of Amazon's form that no other order has."""
        while True:
            order_id = f"{_digits(3)}-{_digits(7)}-{_digits(7)}"
            if order_id not in self._order_ids:
                return order_id

    def _touched(self, trip_id: str) -> Trip | None:
        """The trip, now the latest changed; None when it was forgotten by a reset meanwhile."""
        trip = self._trips.get(trip_id)
        if trip is not None:
            self._revision += 1
            trip.revision = self._revision
            self._trips.move_to_end(trip_id)
        return trip

    def _apply_trip(self, event: Event) -> None:
        cart = SentCart.of(event["body"])
        trip = Trip(cart, event["run"], event["gate"], event["at"])
        self._trips[cart.trip_id] = trip
        if trip.run is not None:
            self._runs.setdefault(trip.run, []).append(trip)
        if trip.gate is not None:
            self._last_at_gate[trip.gate] = trip
        self._touched(cart.trip_id)

    def _apply_sending(self, event: Event) -> None:
        if trip := self._touched(event["trip_id"]):
            trip.sendings.append(
                Sending(event["sent_at"], event["seconds"], event["status"], event["answer"], event["purchase_id"])
            )

    def _apply_charge(self, event: Event) -> None:
        if trip := self._touched(event["trip_id"]):
            self._order_ids.add(event["order_id"])
            trip.charges.append(
                Charge(event["at"], event["order_id"], event["amount"], event["currency"], event["receipt"])
            )

    def _apply_call(self, event: Event) -> None:
        if trip := self._touched(event["trip_id"]):
            trip.calls.append(
                CheckoutCall(
                    event["at"], event["sha256"], event["mode"], event["status"], event["error"], event["message"]
                )
            )

    def _apply_answered(self, event: Event) -> None:
        trip = self._touched(event["trip_id"])
        if trip and event["call"] < len(trip.calls):
            trip.calls[event["call"]].status = event["status"]

    def _apply_overlap(self, event: Event) -> None:
        if trip := self._touched(event["trip_id"]):
            trip.overlapping_calls += 1

    def _apply_stray(self, event: Event) -> None:
        self._strays[event["error"]] += 1

    def _apply_reset(self, _event: Event) -> None:
        self._forget()


def _digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}}"
