"""The gates: a basket goes out, a cart goes to the product."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.sandbox.book import TripBook
from tests.sandbox.carts import CartItem, Visit, create_purchases_body, item_of
from tests.sandbox.checkout_modes import SHOPPER
from tests.sandbox.mode import Options
from tests.sandbox.shelves import PIECE_UNIT, Shelves
from tests.sandbox.shoppers import Shoppers
from tests.sandbox.switches import Switchboard, SwitchError, read_switch
from tests.sandbox.trips import Sending, SentCart

QUANTITY = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
USUAL_VISIT = 180.0  # seconds in the shop when nobody said when the card was tapped
DAY = 86_400.0
LATE_HOURS = 6.0
NO_OPTIONS = Options()


class BasketError(Exception):
    """A walk-out that can't be; the text says why."""


@dataclass(slots=True)
class Gates:
    shelves: Shelves
    book: TripBook
    switchboard: Switchboard
    shoppers: Shoppers
    clock: Callable[[], float] = time.time

    def walk_out(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send the cart of a basket; the trip id, the shopper mode that was on and the product's answers.

        BasketError or SwitchError when the request makes no sense; nothing is sent then.
        """
        gate = _text(document, "gate", "gate-1")
        mode, options = self._manner(document)
        visit = self._visit(document, gate)
        if mode == "late":
            visit = visit.hours_ago(LATE_HOURS if options.hours is None else options.hours)
        cart = SentCart.of(create_purchases_body(visit))
        self.book.register([cart], gate=gate)
        sendings = self.shoppers.send(cart, mode, options)
        return {"trip_id": cart.trip_id, "manner": mode, "answers": [_answer(sending) for sending in sendings]}

    def repeat(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a gate's last cart once more, byte for byte."""
        gate = _text(document, "gate", "gate-1")
        trip = self.book.last_at_gate(gate)
        if trip is None:
            raise BasketError(f"Nobody has walked out at {gate} yet")
        sendings = self.shoppers.send(trip.cart)
        return {"trip_id": trip.cart.trip_id, "manner": "repeat", "answers": [_answer(one) for one in sendings]}

    def _manner(self, document: Mapping[str, Any]) -> tuple[str | None, Options]:
        """The shopper mode asked for, or else the one whose switch is on."""
        asked = document.get("manner")
        if asked is None:
            switch = self.switchboard.draw(SHOPPER, None)
            return (switch.mode.name, switch.options) if switch else (None, NO_OPTIONS)
        switch = read_switch(asked if isinstance(asked, dict) else {"mode": asked})
        if switch.mode.side != SHOPPER:
            raise SwitchError(f"{switch.mode.name} is nothing that shoppers do")
        return switch.mode.name, switch.options

    def _visit(self, document: Mapping[str, Any], gate: str) -> Visit:
        store_id = _text(document, "store_id", "")
        if not store_id:
            raise BasketError("store_id is missing")
        left_at = self.clock()
        return Visit(
            trip_id=str(uuid.uuid4()),
            store_id=store_id,
            entered_at=_entered_at(document, left_at),
            left_at=left_at,
            shopper=_text(document, "shopper", "shopper-1"),
            device=gate,
            items=tuple(self._item(entry) for entry in _basket(document)),
        )

    def _item(self, entry: Mapping[str, Any]) -> CartItem:
        """A basket entry: `sku` or `barcode`, and `quantity`; a product that no shelf has is sold by the piece."""
        quantity = _text(entry, "quantity", "1.0")
        if QUANTITY.fullmatch(quantity) is None:
            raise BasketError(f"{quantity!r} is not a quantity")
        sku, barcode = _text(entry, "sku", ""), _text(entry, "barcode", "")
        if product := self.shelves.products.get(sku):
            return item_of(product, quantity, barcode or None)
        if not sku and not barcode:
            raise BasketError("An entry of the basket has neither sku nor barcode")
        unit = _text(entry, "unit", PIECE_UNIT)
        return CartItem(barcode, "SCANCODE", quantity, unit) if barcode else CartItem(sku, "SKU", quantity, unit)


def _answer(sending: Sending) -> dict[str, Any]:
    return {
        "status": sending.status,
        "purchase_id": sending.purchase_id,
        "answer": sending.answer,
        "milliseconds": round(sending.seconds * 1000, 1),
    }


def _basket(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    basket = document.get("basket") or []
    if not isinstance(basket, list) or not all(isinstance(entry, dict) for entry in basket):
        raise BasketError("basket must be a list of objects")
    return basket


def _entered_at(document: Mapping[str, Any], left_at: float) -> float:
    """When the card was tapped, if somebody said so and it can be true."""
    said = document.get("entered_at")
    return said if isinstance(said, int | float) and left_at - DAY < said <= left_at else left_at - USUAL_VISIT


def _text(document: Mapping[str, Any], name: str, default: str) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise BasketError(f"{name} must be text")
    return value
