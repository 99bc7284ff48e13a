"""A shopping trip: its cart, what was sent, what was called back, what was charged.

Times are seconds since 1970, money is whole cents.
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.sandbox.amounts import money_text

CartLine = tuple[str, str, str, str]
"""Product id, type, quantity value and quantity unit, as texts."""

# A caller is expected to ask again after these, so they end no trip.
PASSING_REFUSALS = frozenset({401, 403, 404, 405, 408, 409, 415, 429})


class CartError(ValueError):
    """A body that is no cart, or another cart under a trip id that has one; the text says which."""


@dataclass(frozen=True, slots=True)
class SentCart:
    """A Create Purchases body, byte for byte, and what the Checkout Service compares of it."""

    body: str
    trip_id: str
    store_id: str
    lines: tuple[CartLine, ...]

    @classmethod
    def of(cls, body: str) -> "SentCart":
        try:
            document = json.loads(body)
            lines = tuple(
                (item["id"], item["type"], item["quantity"]["value"], item["quantity"]["unit"])
                for item in document["cartItems"]
            )
            trip_id, store_id = document["idempotentShoppingTripId"], document["storeId"]
        except KeyError as problem:
            raise CartError(f"the cart lacks {problem}") from problem
        except (ValueError, TypeError) as problem:
            raise CartError(f"this is no cart: {problem}") from problem
        if not isinstance(trip_id, str) or not isinstance(store_id, str):
            raise CartError("idempotentShoppingTripId and storeId must be texts")
        return cls(body, trip_id, store_id, lines)


@dataclass(frozen=True, slots=True)
class Sending:
    """The product's answer to one sending of a cart; no status means that none came."""

    at: float
    seconds: float
    status: int | None
    answer: str
    purchase_id: str | None = None


@dataclass(slots=True)
class CheckoutCall:
    at: float
    sha256: str
    mode: str | None
    status: int | None
    error: str | None
    message: str | None

    @property
    def is_final_refusal(self) -> bool:
        if self.status is None or self.status in PASSING_REFUSALS:
            return False
        return HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Charge:
    at: float
    order_id: str
    amount: int
    currency: str
    receipt: dict[str, Any] | None


@dataclass(slots=True)
class Trip:
    cart: SentCart
    run: str | None
    gate: str | None
    registered_at: float
    revision: int = 0
    sendings: list[Sending] = field(default_factory=list)
    calls: list[CheckoutCall] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    overlapping_calls: int = 0

    @property
    def refusal(self) -> CheckoutCall | None:
        """The refusal that ended the trip, unless a later call went better."""
        last = self.calls[-1] if self.calls else None
        return last if last and last.is_final_refusal and not self.charges else None

    @property
    def state(self) -> str:
        if self.charges:
            return "ordered"
        if self.refusal:
            return "refused"
        return "waiting" if self.cart.lines else "empty"

    @property
    def different_bodies(self) -> int:
        return len({call.sha256 for call in self.calls})

    @property
    def order_ids(self) -> list[str]:
        return list(dict.fromkeys(charge.order_id for charge in self.charges))

    def as_json(self) -> dict[str, Any]:
        first, last = (self.charges[0], self.charges[-1]) if self.charges else (None, None)
        answered = next((sending for sending in reversed(self.sendings) if sending.status is not None), None)
        return {
            "trip_id": self.cart.trip_id,
            "revision": self.revision,
            "state": self.state,
            "store_id": self.cart.store_id,
            "run": self.run,
            "gate": self.gate,
            "lines": len(self.cart.lines),
            "registered_at": self.registered_at,
            "sent": len(self.sendings),
            "answer_status": answered.status if answered else None,
            "purchase_id": answered.purchase_id if answered else None,
            "order_id": first.order_id if first else None,
            "order_ids": self.order_ids,
            "ordered_at": first.at if first else None,
            "refusal": _refusal_json(self.refusal),
            "charges": len(self.charges),
            "charged": money_text(sum(charge.amount for charge in self.charges)),
            "currency": last.currency if last else None,
            "calls": len(self.calls),
            "overlapping_calls": self.overlapping_calls,
            "different_bodies": self.different_bodies,
            "modes": sorted({call.mode for call in self.calls if call.mode}),
        }

    def details(self) -> dict[str, Any]:
        """Everything of one trip: the cart, each sending, each call, the receipt."""
        return self.as_json() | {
            "cart": json.loads(self.cart.body),
            "sendings": [_slots_json(sending) for sending in self.sendings],
            "checkout_calls": [_slots_json(call) for call in self.calls],
            "receipt": self.charges[-1].receipt if self.charges else None,
        }


def _slots_json(record: Sending | CheckoutCall) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _refusal_json(call: CheckoutCall | None) -> dict[str, Any] | None:
    return {"name": call.error, "message": call.message, "status": call.status} if call else None
