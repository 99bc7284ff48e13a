"""What stands at the door of the Ordering Connector: crowds, and everything that is no cart."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.journeys.carts import CHIPS, TOTALS, TWO_COLAS_AND_CHIPS, Cart, as_bytes, asked_again, cart, trip_of
from tests.journeys.house import House
from tests.journeys.processes import until
from tests.journeys.wire import CREATE_PURCHASES, SECRET, Answer, call, post_cart, post_raw

pytestmark = pytest.mark.journey

CROWD = 20
MOST_BYTES = 1_000_000
DEEP = 100_000
ORDERED_WITHIN = 20.0


COUNTS = """
    SELECT 'purchases', count(*) FROM orders_purchase
    UNION ALL SELECT 'refused carts', count(*) FROM orders_refusedcart
    UNION ALL SELECT 'conflicts', count(*) FROM orders_cartconflict
"""


def counts(house: House) -> dict[str, int]:
    return dict(house.records.rows(COUNTS))


def post_together(house: House, carts: list[Cart]) -> list[Answer]:
    """Every cart over a connection of its own, in the same moment."""
    ready = Barrier(len(carts))

    def post(one: Cart) -> Answer:
        ready.wait()
        return post_cart(house.url, as_bytes(one))

    with ThreadPoolExecutor(len(carts)) as pool:
        return list(pool.map(post, carts))


def test_twenty_posts_of_one_cart_at_once_are_one_purchase(house: House) -> None:
    first = cart(*TWO_COLAS_AND_CHIPS)
    trip_id = trip_of(first)
    house.amazon.expect([first])
    before = counts(house)
    answers = post_together(house, [asked_again(first) for _ in range(CROWD)])
    until(lambda: house.records.purchase(trip_id).status == "ORDERED", ORDERED_WITHIN, "the trip is ordered")

    kept, charged = house.records.purchase(trip_id), house.amazon.trip(trip_id)
    assert {(answer.status, answer.body) for answer in answers} == {
        (201, f'{{"purchaseId":"{kept.purchase_id}"}}'.encode())
    }
    assert counts(house) == before | {"purchases": before["purchases"] + 1}
    assert (kept.price_total, kept.tries) == (TOTALS["price_total"], 1)
    assert (charged["calls"], charged["charges"], charged["order_id"]) == (1, 1, kept.order_id)


def test_twenty_different_trips_at_once_are_twenty_orders(house: House) -> None:
    carts = [cart(*CHIPS) for _ in range(CROWD)]
    house.amazon.expect(carts, "crowd")
    answers = post_together(house, carts)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json()["purchaseId"] for answer in answers}) == CROWD
    until(lambda: house.amazon.ledger("crowd")["orders"] == CROWD, ORDERED_WITHIN, "all are ordered")
    ledger = house.amazon.ledger("crowd")
    assert (ledger["charges"], ledger["charged"], ledger["overlapping_calls"]) == (CROWD, {"USD": "40.00"}, 0)


def with_value(name: str, value: Any) -> bytes:
    return as_bytes(cart(*CHIPS) | {name: value})


def nested(opening: str, closing: str) -> bytes:
    """A good cart that has this in an attribute that nobody knows."""
    text = as_bytes(cart(*CHIPS)).decode()
    return f'{text[:-1]}, "unknown": {opening * DEEP}{closing * DEEP}}}'.encode()


NO_CARTS: dict[str, bytes] = {
    "nothing": b"",
    "cut off": as_bytes(cart(*CHIPS))[:-2],
    "XML": b"<cart/>",
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "no trip": with_value("idempotentShoppingTripId", None),
    "not UTF-8": as_bytes(cart(*CHIPS)).replace(b"gate-1", b"gate-\xff"),
    "UTF-16": as_bytes(cart(*CHIPS)).decode().encode("utf-16"),
    "a lone surrogate": with_value("idempotentShoppingTripId", "trip-\ud800"),
    "a lone surrogate as it is": as_bytes(cart(*CHIPS)).replace(b"gate-1", b"gate-\xed\xa0\x80"),
    "U+0000": with_value("idempotentShoppingTripId", "trip-\0"),
    "U+0000 in a name": with_value("unknown\0", 1),
    "a zero byte": as_bytes(cart(*CHIPS)).replace(b"gate-1", b"gate-\0"),
    "deep lists": nested("[", "]"),
    "deep objects": nested('{"a":', "}").replace(b'{"a":}', b'{"a":1}'),
    "deep and open": b"[" * DEEP,
    "a key twice": as_bytes(cart(*CHIPS))[:-1] + b', "storeId": "CORNER-2"}',
    "a number without end": nested("9", "")[:-1] + b"}",
    "a quantity that is none": with_value("cartItems", [{"id": "CHIPS", "type": "SKU", "quantity": {"value": "NaN"}}]),
    "a million bytes": b" " * MOST_BYTES,
    "a million brackets": b"[" * MOST_BYTES,
}


@pytest.mark.parametrize("name", NO_CARTS)
def test_what_is_no_cart_is_refused_and_kept(house: House, name: str) -> None:
    body = NO_CARTS[name]
    before = counts(house)
    answer = post_cart(house.url, body)
    assert (answer.status, answer.json()["errorMsg"]) == (400, "BadRequestException")
    assert all(fault["message"] for fault in answer.json()["errors"])
    assert counts(house) == before | {"refused carts": before["refused carts"] + 1}
    (raw,) = house.records.rows(
        "SELECT raw FROM orders_refusedcart WHERE raw_sha256 = ?", hashlib.sha256(body).hexdigest()
    )
    assert bytes(raw[0]) == body


KEY = {"X-Connector-Secret": SECRET}
ODD_LENGTHS: dict[str, tuple[dict[str, str], bytes, int]] = {
    # name: headers, what is really sent, the answer's status
    "too large, nothing sent yet": ({"Content-Length": str(MOST_BYTES + 1)}, b"", 413),
    "gigabytes announced": ({"Content-Length": "9999999999"}, b"{", 413),
    "in chunks": ({"Transfer-Encoding": "chunked"}, b"2\r\n{}\r\n0\r\n\r\n", 411),
    "in chunks that never come": ({"Transfer-Encoding": "chunked"}, b"", 411),
    "no length": ({}, b"", 400),
    "less than announced": ({"Content-Length": "500"}, as_bytes(cart(*CHIPS))[:200], 400),
    "no number": ({"Content-Length": "many"}, b"{}", 400),
    "below zero": ({"Content-Length": "-1"}, b"{}", 400),
}


@pytest.mark.parametrize("name", ODD_LENGTHS)
def test_an_odd_length_is_refused_and_makes_no_purchase(house: House, name: str) -> None:
    headers, body, status = ODD_LENGTHS[name]
    before = counts(house)["purchases"]
    assert post_raw(house.url, headers=KEY | headers, body=body).status == status
    assert counts(house)["purchases"] == before


def test_a_body_that_is_too_large_is_not_even_read(house: House) -> None:
    body = b" " * (64 * MOST_BYTES)  # more than all buffers on the way hold
    with pytest.raises(ConnectionError):
        post_raw(house.url, headers=KEY | {"Content-Length": str(len(body))}, body=body)


STRANGERS = {
    "no secret": {},
    "an empty secret": {"X-Connector-Secret": ""},
    "another secret": {"X-Connector-Secret": "a-secret-of-somebody-else"},
    "a part of it": {"X-Connector-Secret": SECRET[:-1]},
    "more than it": {"X-Connector-Secret": f"{SECRET},{SECRET}"},
    "bytes that are no text": {"X-Connector-Secret": "\x80\xff"},
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("body", [as_bytes(cart(*CHIPS)), b"no cart"], ids=["a cart", "no cart"])
def test_a_stranger_is_turned_away_and_nothing_is_kept(house: House, name: str, body: bytes) -> None:
    before = counts(house)
    answer = call(house.url, "POST", CREATE_PURCHASES, body, STRANGERS[name])
    assert (answer.status, json.loads(answer.body)) == (401, {"errorMsg": "UnauthorizedException"})
    assert counts(house) == before
    (alarm,) = house.records.alarms("Refused caller")
    assert alarm.subject == "a wrong or missing secret"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_a_post_makes_purchases(house: House, method: str) -> None:
    before = counts(house)
    assert call(house.url, method, CREATE_PURCHASES, as_bytes(cart(*CHIPS)), KEY).status == 405
    assert counts(house) == before
