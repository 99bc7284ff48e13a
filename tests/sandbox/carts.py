"""Carts as Amazon sends them: the body of Create Purchases, from a basket at a gate or out of the air."""

import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.shelves import Product

IDENTIFIER_TYPE = "UPC"  # the only type of external identifier that Amazon shows


@dataclass(frozen=True, slots=True)
class CartItem:
    """One line of a cart; quantity and unit are texts, as on the wire."""

    id: str
    type: str
    value: str
    unit: str
    upc: str | None = None

    def as_json(self) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self.id, "type": self.type, "quantity": {"value": self.value, "unit": self.unit}}
        if self.upc is not None:
            item["externalIdentifiers"] = [{"id": self.upc, "type": IDENTIFIER_TYPE}]
        return item


@dataclass(frozen=True, slots=True)
class Visit:
    """One shopping trip, from the tap of the card to the way out. Times are seconds since 1970."""

    trip_id: str
    store_id: str
    entered_at: float
    left_at: float
    shopper: str
    device: str
    items: tuple[CartItem, ...]
    people: int = 1
    lines_are_numbered: bool = True

    def hours_ago(self, hours: float) -> "Visit":
        return replace(self, entered_at=self.entered_at - hours * 3600, left_at=self.left_at - hours * 3600)


def item_of(product: Product, value: str, barcode: str | None = None, *, with_upc: bool = True) -> CartItem:
    """The product as a cart line: by its SKU, or by one of its barcodes."""
    upc = next((code.code for code in product.barcodes if code.type == IDENTIFIER_TYPE), None) if with_upc else None
    if barcode is not None:
        return CartItem(barcode, "SCANCODE", value, product.unit, upc)
    return CartItem(product.sku, "SKU", value, product.unit, upc)


def create_purchases_body(visit: Visit) -> str:
    """The cart of a visit as the JSON text that Amazon would send, with a request id of its own."""
    items = [item.as_json() for item in visit.items]
    if visit.lines_are_numbered:
        items = [item | {"lineItemId": f"L{number}"} for number, item in enumerate(items, start=1)]
    document = {
        "requestId": str(uuid.uuid4()),
        "idempotentShoppingTripId": visit.trip_id,
        "storeId": visit.store_id,
        "shoppingTrip": {
            "startTime": _time_text(visit.entered_at),
            "endTime": _time_text(max(visit.entered_at, visit.left_at)),
            "authEvents": [_auth_event(visit) for _ in range(visit.people)],
        },
        "cartItems": items,
        "shopperIdentity": {"id": visit.shopper},
        "shopperDeviceId": visit.device,
    }
    return json.dumps(document)


def with_fresh_request_id(body: str) -> str:
    """The same cart in another request: Amazon's request id is fresh each time."""
    return json.dumps(json.loads(body) | {"requestId": str(uuid.uuid4())})


def with_another_cart(body: str) -> str:
    """Another cart under the same trip id: one line fewer, or another quantity of the only line."""
    document = json.loads(with_fresh_request_id(body))
    items = document["cartItems"]
    if len(items) == 1:
        quantity = items[0]["quantity"]
        quantity["value"] = "1" if quantity["value"] != "1" else "2"
    document["cartItems"] = items[:-1] if len(items) > 1 else items
    return json.dumps(document)


def _auth_event(visit: Visit) -> dict[str, str]:
    return {
        "id": str(uuid.uuid4()),
        "timestamp": _time_text(visit.entered_at),
        "location": "ENTRY",
        "payloadType": "FINANCIAL",
    }


def _time_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


LINE_COUNTS = {1: 30, 2: 25, 3: 18, 4: 11, 5: 7, 6: 4, 8: 3, 12: 1, 20: 1}
PIECES = {1: 78, 2: 15, 3: 4, 4: 2, 6: 1}
PEOPLE = {1: 90, 2: 6, 3: 3, 4: 1}


class CartComposer:
    """Makes up visits as a busy shop sees them, the same for the same random numbers, ids apart."""

    def __init__(self, shelves: Sequence[tuple[str, Sequence[Product]]], rng: random.Random) -> None:
        """`shelves` are the store ids with what each sells."""
        self._shelves = shelves
        self._rng = rng

    def visit(self, trip_id: str, left_at: float, *, empty: bool) -> Visit:
        store_id, products = self._rng.choice(self._shelves)
        items = () if empty else tuple(self._item(products) for _ in range(self._one_of(LINE_COUNTS)))
        return Visit(
            trip_id=trip_id,
            store_id=store_id,
            entered_at=left_at - self._rng.randint(20, 1200),
            left_at=left_at,
            shopper=f"shopper-{self._rng.randrange(10_000):04}",
            device=f"gate-{self._rng.randint(1, 8)}",
            items=items,
            people=self._one_of(PEOPLE),
            lines_are_numbered=self._rng.random() < 0.5,
        )

    def _item(self, products: Sequence[Product]) -> CartItem:
        product = self._rng.choice(products)
        scanned = product.barcodes and self._rng.random() < 0.3
        barcode = self._rng.choice(product.barcodes).code if scanned else None
        return item_of(product, self._quantity(product), barcode, with_upc=self._rng.random() < 0.4)

    def _quantity(self, product: Product) -> str:
        if product.by_weight:
            thousandths = self._rng.randint(50, 1500)
            return f"{thousandths // 1000}.{thousandths % 1000:03}"
        return f"{self._one_of(PIECES)}{self._rng.choice(('', '.0'))}"

    def _one_of(self, weights: dict[int, int]) -> int:
        return self._rng.choices(list(weights), list(weights.values()))[0]
