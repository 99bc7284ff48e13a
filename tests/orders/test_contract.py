"""The wire contract of Create Purchases; cases are named as on Amazon's page `create_purchases_test_cases`."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from orders import contract
from orders.contract import (
    AuthEvent,
    Cart,
    CartItem,
    ExternalIdentifier,
    Fault,
    InvalidCart,
    Limits,
    Quantity,
    ScanResult,
    ShopperIdentity,
    ShoppingTrip,
    decode,
    find_faults,
)
from tests.orders.carts import ABSENT, auth_event, body, cart, cart_with, item

LIMITS = Limits()
OTHER_UUID = "11111111-2222-3333-4444-555555555555"


def decoded(document: Any, limits: Limits = LIMITS) -> Cart:
    return decode(body(document), limits).cart


def faults(raw: bytes, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    with pytest.raises(InvalidCart) as refused:
        decode(raw, limits)
    assert refused.value.faults == find_faults(raw, limits)
    return [(fault.path, fault.message) for fault in refused.value.faults]


def content_hash(document: Any) -> str:
    return decode(body(document), LIMITS).content_hash


class TestAGoodCart:
    def test_is_read_with_every_field(self) -> None:
        assert decoded(cart()) == Cart(
            request_id="6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10",
            idempotent_shopping_trip_id="2b9d7f64-0f3e-4c88-8f51-77a2c0e4b6d3",
            store_id="ARENA-EAST-12",
            shopping_trip=ShoppingTrip(
                start_time=datetime(2026, 3, 14, 19, 2, 11, tzinfo=UTC),
                end_time=datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC),
                auth_events=(
                    AuthEvent(
                        id="c8f5b0a2-9c0f-4a07-b3e0-5f1f0d6e2a44",
                        timestamp=datetime(2026, 3, 14, 19, 2, 11, tzinfo=UTC),
                        location="ENTRY",
                        payload_type="FINANCIAL",
                    ),
                ),
            ),
            cart_items=(
                CartItem(
                    id="BEV-COLA-500",
                    type="SKU",
                    quantity=Quantity(value="1.0", unit="unit"),
                    external_identifiers=(ExternalIdentifier(id="012345678905", type="UPC"),),
                    line_item_id="L1",
                ),
                CartItem(id="SNK-NUTS-80", type="SKU", quantity=Quantity(value="1.0", unit="unit"), line_item_id="L2"),
            ),
            shopper_identity=ShopperIdentity(id="shopper-7781"),
            shopper_device_id="gate-12-a",
        )

    def test_is_the_example_of_the_schema(self) -> None:
        assert cart() == contract.EXAMPLE


LONG = "x" * 255
TOO_LONG = "x" * 256

FIRST_ITEM = "cartItems.0"
FIRST_EVENT = "shoppingTrip.authEvents.0"

ACCEPTED: list[tuple[str, Any, Callable[[Cart], Any], Any]] = [
    ("1.1 single item, SKU, by unit", cart(cartItems=[item()]), lambda it: [one.id for one in it.cart_items],
     ["BEV-COLA-500"]),
    ("1.2 multi-item", cart(), lambda it: [one.id for one in it.cart_items], ["BEV-COLA-500", "SNK-NUTS-80"]),
    ("1.3 weight-based", cart(cartItems=[item(quantity={"value": "0.453", "unit": "lb"})]),
     lambda it: it.cart_items[0].quantity, Quantity(value="0.453", unit="lb")),
    ("1.4 SCANCODE type", cart(cartItems=[item(id="012345678905", type="SCANCODE")]),
     lambda it: it.cart_items[0].type, "SCANCODE"),
    ("1.5 external identifiers", cart(), lambda it: it.cart_items[0].external_ids, (("UPC", "012345678905"),)),
    ("1.6 lineItemId", cart(), lambda it: [one.line_item_id for one in it.cart_items], ["L1", "L2"]),
    ("1.7 empty cart", cart(cartItems=[]), lambda it: it.cart_items, ()),
    ("1.8 card entry (FINANCIAL)", cart(), lambda it: it.shopping_trip.auth_events[0].payload_type, "FINANCIAL"),
    ("1.9 QR entry (SCAN_CODE)",
     cart_with(FIRST_EVENT, auth_event(payloadType="SCAN_CODE", scanResult={"id": "S1", "type": "SHOPPER"})),
     lambda it: it.shopping_trip.auth_events[0].scan_result, ScanResult(id="S1", type="SHOPPER")),
    ("1.10 associate trip", cart_with(f"{FIRST_EVENT}.scanResult", {"id": "S1", "type": "ASSOCIATE"}),
     lambda it: it.shopping_trip.auth_events[0].scan_result, ScanResult(id="S1", type="ASSOCIATE")),
    ("1.11 cash shopper", cart_with(f"{FIRST_EVENT}.scanResult", {"id": "S1", "type": "CASH"}),
     lambda it: it.shopping_trip.auth_events[0].scan_result, ScanResult(id="S1", type="CASH")),
    ("1.12 loyalty shopper", cart_with(f"{FIRST_EVENT}.scanResult", {"id": "S1", "type": "LOYALTY"}),
     lambda it: it.shopping_trip.auth_events[0].scan_result, ScanResult(id="S1", type="LOYALTY")),
    ("1.13 group trip, several auth events",
     cart_with("shoppingTrip.authEvents", [auth_event(), auth_event(id=OTHER_UUID)]),
     lambda it: [event.id for event in it.shopping_trip.auth_events],
     ["c8f5b0a2-9c0f-4a07-b3e0-5f1f0d6e2a44", OTHER_UUID]),
    ("1.14 auth event with MANUAL_IN_STORE", cart_with(f"{FIRST_EVENT}.location", "MANUAL_IN_STORE"),
     lambda it: it.shopping_trip.auth_events[0].location, "MANUAL_IN_STORE"),
    ("1.15 optional fields omitted",
     cart(cartItems=[item()], shopperIdentity=ABSENT, shopperDeviceId=ABSENT,
          shoppingTrip={"startTime": "2026-03-14T19:02:11Z", "endTime": "2026-03-14T19:05:48Z",
                        "authEvents": [{"id": OTHER_UUID, "payloadType": "FINANCIAL"}]}),
     lambda it: (it.shopper_identity, it.shopper_device_id, it.cart_items[0].external_identifiers,
                 it.cart_items[0].line_item_id, it.shopping_trip.auth_events),
     (None, None, None, None, (AuthEvent(id=OTHER_UUID, payload_type="FINANCIAL"),))),
    ("optional fields null",
     cart(cartItems=[item(externalIdentifiers=None, lineItemId=None)], shopperIdentity=None, shopperDeviceId=None),
     lambda it: (it.shopper_identity, it.shopper_device_id, it.cart_items[0].external_identifiers,
                 it.cart_items[0].line_item_id),
     (None, None, None, None)),
    ("optional fields of an auth event null",
     cart_with(FIRST_EVENT, auth_event(id=OTHER_UUID, timestamp=None, location=None, scanResult=None)),
     lambda it: it.shopping_trip.auth_events, (AuthEvent(id=OTHER_UUID, payload_type="FINANCIAL"),)),
    ("external identifiers that say half",
     cart_with(f"{FIRST_ITEM}.externalIdentifiers", [{"id": "1"}, {"type": "UPC"}, {}, {"id": "2", "type": "EAN"}]),
     lambda it: it.cart_items[0].external_ids, (("EAN", "2"),)),
    ("a scan result that says nothing", cart_with(f"{FIRST_EVENT}.scanResult", {"id": None}),
     lambda it: it.shopping_trip.auth_events[0].scan_result, ScanResult()),
    ("no auth events", cart_with("shoppingTrip.authEvents", []), lambda it: it.shopping_trip.auth_events, ()),
    ("Amazon's loose UUID", cart(requestId="aaaaaaaa-BBBB-cccc-dddd-eeeeeeeeeeee"), lambda it: it.request_id,
     "aaaaaaaa-BBBB-cccc-dddd-eeeeeeeeeeee"),
    ("a trip id that is no UUID", cart(idempotentShoppingTripId="sim-Shop.Example-é/1"),
     lambda it: it.idempotent_shopping_trip_id, "sim-Shop.Example-é/1"),
    ("ids of 255 characters",
     cart(idempotentShoppingTripId=LONG, storeId=LONG, shopperDeviceId=LONG, shopperIdentity={"id": LONG},
          cartItems=[item(id=LONG, lineItemId=LONG, quantity={"value": "1", "unit": LONG},
                          externalIdentifiers=[{"id": LONG, "type": "UPC"}])]),
     lambda it: (it.store_id, it.cart_items[0].id, it.cart_items[0].quantity.unit), (LONG, LONG, LONG)),
    ("a quantity of ten characters", cart_with(f"{FIRST_ITEM}.quantity.value", "-123456.75"),
     lambda it: it.cart_items[0].quantity.value, "-123456.75"),
    ("a quantity of zero", cart_with(f"{FIRST_ITEM}.quantity.value", "00.0"),
     lambda it: it.cart_items[0].quantity.value, "00.0"),
    ("empty line item ids", cart(cartItems=[item(lineItemId=""), item(lineItemId="")]),
     lambda it: [one.line_item_id for one in it.cart_items], ["", ""]),
    ("endTime equal to startTime", cart_with("shoppingTrip.endTime", "2026-03-14T19:02:11Z"),
     lambda it: it.shopping_trip.end_time, datetime(2026, 3, 14, 19, 2, 11, tzinfo=UTC)),
    ("endTime equal to startTime by another clock", cart_with("shoppingTrip.endTime", "2026-03-14T21:02:11+02:00"),
     lambda it: (it.shopping_trip.end_time, it.shopping_trip.end_time.utcoffset()),
     (datetime(2026, 3, 14, 21, 2, 11, tzinfo=timezone(timedelta(hours=2))), timedelta(hours=2))),
    ("a fraction of a second", cart_with("shoppingTrip.endTime", "2026-03-14T19:05:48.123456Z"),
     lambda it: it.shopping_trip.end_time, datetime(2026, 3, 14, 19, 5, 48, 123456, tzinfo=UTC)),
    ("unknown attributes everywhere",
     cart(new={"a": [1, 2.5, None, {"b": True}]}, shopperIdentity={"id": "s", "more": []},
          cartItems=[item(colour="red", quantity={"value": "1", "unit": "u", "x": 1})]),
     lambda it: it.cart_items, (CartItem(id="BEV-COLA-500", type="SKU", quantity=Quantity(value="1", unit="u")),)),
    ("paymentSource of older pages", cart(paymentSource={"id": "card"}), lambda it: it.store_id, "ARENA-EAST-12"),
    ("paymentSource of any type", cart(paymentSource=7), lambda it: it.store_id, "ARENA-EAST-12"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "read", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ACCEPTED])
def test_accepted(document: Any, read: Callable[[Cart], Any], expected: Any) -> None:
    assert read(decoded(document)) == expected
    assert find_faults(body(document), LIMITS) == ()


NOT_A_UUID = "must be a UUID, hexadecimal digits in groups of 8-4-4-4-12; seen {} characters"
NOT_A_TIME = "must be an ISO 8601 time, such as 2026-03-14T19:02:11Z, not “{}”"
NOT_A_DECIMAL = "must be a plain decimal number, such as 1.0, not “{}”"
OVER_255 = "must have at most 255 characters, not 256"
REQUIRED = "is required"

REFUSED: list[tuple[str, str, Any, str]] = [
    ("3.1 missing requestId", "requestId", ABSENT, REQUIRED),
    ("3.2 bad format requestId", "requestId", "not-a-uuid", NOT_A_UUID.format(10)),
    ("3.3 missing idempotentShoppingTripId", "idempotentShoppingTripId", ABSENT, REQUIRED),
    ("3.4 missing storeId", "storeId", ABSENT, REQUIRED),
    ("3.5 storeId over 255", "storeId", TOO_LONG, OVER_255),
    ("3.6 missing shoppingTrip", "shoppingTrip", ABSENT, REQUIRED),
    ("3.7 missing startTime", "shoppingTrip.startTime", ABSENT, REQUIRED),
    ("3.8 missing endTime", "shoppingTrip.endTime", ABSENT, REQUIRED),
    ("3.9 bad format startTime", "shoppingTrip.startTime", "14/03/2026 19:02", NOT_A_TIME.format("14/03/2026 19:02")),
    ("3.10 endTime before startTime", "shoppingTrip.endTime", "2026-03-14T19:02:10Z",
     "must not be earlier than startTime, “2026-03-14T19:02:11Z”; seen “2026-03-14T19:02:10Z”"),
    ("3.11 missing authEvents", "shoppingTrip.authEvents", ABSENT, REQUIRED),
    ("3.12 missing authEvent.id", f"{FIRST_EVENT}.id", ABSENT, REQUIRED),
    ("3.13 bad format authEvent.id", f"{FIRST_EVENT}.id", "c8f5b0a2", NOT_A_UUID.format(8)),
    ("3.14 authEvent.id over 255", f"{FIRST_EVENT}.id", TOO_LONG, OVER_255),
    ("3.15 missing payloadType", f"{FIRST_EVENT}.payloadType", ABSENT, REQUIRED),
    ("3.16 bad enum payloadType", f"{FIRST_EVENT}.payloadType", "CARD",
     "must be one of FINANCIAL, SCAN_CODE, not “CARD”"),
    ("3.17 bad enum location", f"{FIRST_EVENT}.location", "entry",
     "must be one of ENTRY, EXIT, MANUAL_IN_STORE, not “entry”"),
    ("3.18 missing cartItems", "cartItems", ABSENT, REQUIRED),
    ("3.19 missing item id", "cartItems.0.id", ABSENT, REQUIRED),
    ("3.20 item id over 255", "cartItems.0.id", TOO_LONG, OVER_255),
    ("3.21 missing item type", "cartItems.0.type", ABSENT, REQUIRED),
    ("3.22 bad enum item type", "cartItems.0.type", "UPC", "must be one of SCANCODE, SKU, not “UPC”"),
    ("3.23 missing quantity", "cartItems.0.quantity", ABSENT, REQUIRED),
    ("3.24 missing quantity.value", "cartItems.0.quantity.value", ABSENT, REQUIRED),
    ("3.25 quantity.value over 10", "cartItems.0.quantity.value", "1.000000000",
     "must have at most 10 characters, not 11"),
    ("3.26 missing quantity.unit", "cartItems.0.quantity.unit", ABSENT, REQUIRED),
    ("3.27 bad enum external identifier type", "cartItems.0.externalIdentifiers.0.type", "QR",
     "must be one of EAN, EAN8, GTIN, ISBN, PLU, SKU, UPC, not “QR”"),
    ("3.28 external identifier id over 255", "cartItems.0.externalIdentifiers.0.id", TOO_LONG, OVER_255),
    ("3.31 shopperIdentity.id over 255", "shopperIdentity.id", TOO_LONG, OVER_255),
    ("3.32 shopperDeviceId over 255", "shopperDeviceId", TOO_LONG, OVER_255),
    ("3.33 lineItemId over 255", "cartItems.1.lineItemId", TOO_LONG, OVER_255),
    ("3.34 duplicate lineItemId values", "cartItems.1.lineItemId", "L1", "must not repeat that of an earlier item"),
    ("trip id over 255", "idempotentShoppingTripId", TOO_LONG, OVER_255),
    ("unit over 255", "cartItems.0.quantity.unit", TOO_LONG, OVER_255),
    ("a UUID and a line break\n", "requestId", f"{OTHER_UUID}\n", NOT_A_UUID.format(37)),
    ("a UUID with a letter too far", "requestId", OTHER_UUID.replace("5", "g"), NOT_A_UUID.format(36)),
    ("a UUID without hyphens", "requestId", OTHER_UUID.replace("-", ""), NOT_A_UUID.format(32)),
    ("empty requestId", "requestId", "", "must not be empty"),
    ("empty trip id", "idempotentShoppingTripId", "", "must not be empty"),
    ("empty storeId", "storeId", "", "must not be empty"),
    ("empty item id", "cartItems.0.id", "", "must not be empty"),
    ("empty unit", "cartItems.0.quantity.unit", "", "must not be empty"),
    ("empty quantity", "cartItems.0.quantity.value", "", NOT_A_DECIMAL.format("")),
    ("empty location", f"{FIRST_EVENT}.location", "", "must be one of ENTRY, EXIT, MANUAL_IN_STORE, not “”"),
    ("null requestId", "requestId", None, REQUIRED),
    ("null shoppingTrip", "shoppingTrip", None, REQUIRED),
    ("null cartItems", "cartItems", None, REQUIRED),
    ("null unit", "cartItems.1.quantity.unit", None, REQUIRED),
    ("storeId a number", "storeId", 12, "must be text, not a number"),
    ("storeId true", "storeId", True, "must be text, not true or false"),
    ("trip id an object", "idempotentShoppingTripId", {}, "must be text, not an object"),
    ("shoppingTrip a list", "shoppingTrip", [], "must be an object, not a list"),
    ("cartItems an object", "cartItems", {}, "must be a list, not an object"),
    ("authEvents text", "shoppingTrip.authEvents", "none", "must be a list, not text"),
    ("an item null", "cartItems.1", None, "must be an object, not null"),
    ("an auth event text", FIRST_EVENT, "x", "must be an object, not text"),
    ("externalIdentifiers text", "cartItems.0.externalIdentifiers", "UPC", "must be a list, not text"),
    ("quantity text", "cartItems.0.quantity", "1", "must be an object, not text"),
    ("quantity.value a number", "cartItems.0.quantity.value", 1, "must be text, not a number"),
    ("quantity.value a fraction", "cartItems.0.quantity.value", 1.5, "must be text, not a number"),
    ("lineItemId a number", "cartItems.0.lineItemId", 1, "must be text, not a number"),
    ("shopperIdentity text", "shopperIdentity", "me", "must be an object, not text"),
    ("shopperDeviceId a list", "shopperDeviceId", ["me"], "must be text, not a list"),
    ("startTime a number", "shoppingTrip.startTime", 1773514931, "must be text, not a number"),
    ("timestamp of an auth event", f"{FIRST_EVENT}.timestamp", "soon", NOT_A_TIME.format("soon")),
    ("a date alone", "shoppingTrip.endTime", "2026-03-14", NOT_A_TIME.format("2026-03-14")),
    ("a day that is not", "shoppingTrip.endTime", "2026-02-30T10:00:00Z", NOT_A_TIME.format("2026-02-30T10:00:00Z")),
    ("a leap second", "shoppingTrip.endTime", "2026-06-30T23:59:60Z", NOT_A_TIME.format("2026-06-30T23:59:60Z")),
    ("a time without offset", "shoppingTrip.endTime", "2026-03-14T19:05:48",
     "must say its offset from UTC, such as Z or +01:00; seen “2026-03-14T19:05:48”"),
    ("a time past Python's", "shoppingTrip.endTime", "9999-12-31T23:59:59-01:00",
     "must lie in the years 2 to 9998; seen “9999-12-31T23:59:59-01:00”"),
    ("a time before Python's", "shoppingTrip.startTime", "0001-01-01T00:00:00+01:00",
     "must lie in the years 2 to 9998; seen “0001-01-01T00:00:00+01:00”"),
    ("a timestamp past Python's", f"{FIRST_EVENT}.timestamp", "9999-12-31T23:59:59Z",
     "must lie in the years 2 to 9998; seen “9999-12-31T23:59:59Z”"),
    ("a quantity and a line break\n", "cartItems.0.quantity.value", "1\n", NOT_A_DECIMAL.format(r"1\n")),
    *[
        (f"quantity {text!r}", "cartItems.0.quantity.value", text, NOT_A_DECIMAL.format(shown))
        for text, shown in [("1e3", "1e3"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("+1", "+1"), (" 1", " 1"),
                            ("1.", "1."), (".5", ".5"), ("1,5", "1,5"), ("--1", "--1"), ("-", "-"), ("٣", "٣"),
                            ("1_000", "1_000"), ("0x1", "0x1")]
    ],
]  # fmt: skip


def as_shown(path: str) -> str:
    """The path as faults write it: `cartItems[0].id` for `cartItems.0.id`."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".")).lstrip(".")


@pytest.mark.parametrize(("path", "value", "message"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_refused(path: str, value: Any, message: str) -> None:
    assert faults(body(cart_with(path, value))) == [(as_shown(path), message)]


def test_refused_3_29_bad_enum_scan_result_type() -> None:
    raw = body(cart_with(f"{FIRST_EVENT}.scanResult", {"id": "S1", "type": "GUEST"}))
    message = "must be one of ASSOCIATE, CASH, LOYALTY, SHOPPER, not “GUEST”"
    assert faults(raw) == [("shoppingTrip.authEvents[0].scanResult.type", message)]


def test_refused_3_30_scan_result_id_over_255() -> None:
    raw = body(cart_with(f"{FIRST_EVENT}.scanResult", {"id": TOO_LONG, "type": "SHOPPER"}))
    assert faults(raw) == [("shoppingTrip.authEvents[0].scanResult.id", OVER_255)]


@pytest.mark.parametrize("raw", [b"", b" \r\n\t "])
def test_refused_3_35_empty_request(raw: bytes) -> None:
    assert faults(raw) == [("", "must not be empty; a cart is expected")]


def test_refused_3_35_empty_object() -> None:
    names = ["requestId", "idempotentShoppingTripId", "storeId", "shoppingTrip", "cartItems"]
    assert faults(b"{}") == [(name, REQUIRED) for name in names]


class TestSeveralFaults:
    def test_are_all_found_in_document_order(self) -> None:
        document = {
            "cartItems": [{"quantity": {"unit": 1}, "type": "BOX", "lineItemId": "L"}, "x", item(lineItemId="L")],
            "storeId": None,
            "zone": "\x00",
            "shoppingTrip": {"endTime": "late", "authEvents": [auth_event(location="ROOF", id="x")]},
        }
        assert faults(body(document)) == [
            ("requestId", REQUIRED),
            ("idempotentShoppingTripId", REQUIRED),
            ("cartItems[0].id", REQUIRED),
            ("cartItems[0].quantity.value", REQUIRED),
            ("cartItems[0].quantity.unit", "must be text, not a number"),
            ("cartItems[0].type", "must be one of SCANCODE, SKU, not “BOX”"),
            ("cartItems[1]", "must be an object, not text"),
            ("cartItems[2].lineItemId", "must not repeat that of an earlier item"),
            ("storeId", REQUIRED),
            ("zone", "must not contain the character U+0000"),
            ("shoppingTrip.startTime", REQUIRED),
            ("shoppingTrip.endTime", NOT_A_TIME.format("late")),
            ("shoppingTrip.authEvents[0].id", NOT_A_UUID.format(1)),
            ("shoppingTrip.authEvents[0].location", "must be one of ENTRY, EXIT, MANUAL_IN_STORE, not “ROOF”"),
        ]

    def test_are_told_up_to_fifty(self) -> None:
        found = faults(body(cart(cartItems=[item(type="BOX") for _ in range(1000)])))
        assert [path for path, _ in found] == [f"cartItems[{number}].type" for number in range(50)]

    def test_name_each_further_line_item_id(self) -> None:
        found = faults(body(cart(cartItems=[item(lineItemId=name) for name in "ABABA"])))
        assert [path for path, _ in found] == [f"cartItems[{number}].lineItemId" for number in (2, 3, 4)]


GOOD = json.dumps(cart())


def with_member(text: str) -> bytes:
    """The cart with one more member, written as given."""
    return f"{GOOD[:-1]},{text}}}".encode("utf-8", "surrogatepass")


NUL = "must not contain the character U+0000"
NUMBER = "must be a number of less size or precision"
ONCE = "must stand only once in its object"
TOO_DEEP = "must not be nested more than 32 levels deep"

HOSTILE: list[tuple[str, bytes, list[tuple[str, str]]]] = [
    ("malformed", b'{"requestId": }', [("", "must be JSON; at line 1, column 15: Expecting value")]),
    ("cut short", GOOD[:-1].encode(), [("", f"must be JSON; at line 1, column {len(GOOD)}: Expecting ',' delimiter")]),
    ("trailing garbage", GOOD.encode() + b"\n{}", [("", "must be JSON; at line 2, column 1: Extra data")]),
    ("trailing NUL", b"{}\x00", [("", "must be JSON; at line 1, column 3: Extra data")]),
    ("a comma too many", b'{"a":1,}',
     [("", "must be JSON; at line 1, column 8: Expecting property name enclosed in double quotes")]),
    ("a bare control character", b'{"a":"\n"}',
     [("", "must be JSON; at line 1, column 7: Invalid control character at")]),
    ("a list", b"[]", [("", "must be an object, not a list")]),
    ("text", b'"cart"', [("", "must be an object, not text")]),
    ("null", b"null", [("", "must be an object, not null")]),
    ("a number", b"7", [("", "must be an object, not a number")]),
    ("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD.encode(),
     [("", "must be JSON; at line 1, column 1: Unexpected UTF-8 BOM (decode using utf-8-sig)")]),
    ("UTF-16", GOOD.encode("utf-16"), [("", "must be UTF-8; byte 0 is not")]),
    ("Latin-1", with_member('"é":"é"').decode().encode("latin-1"),
     [("", f"must be UTF-8; byte {len(GOOD) + 1} is not")]),
    ("a raw surrogate", with_member('"x":"\ud800"'), [("", f"must be UTF-8; byte {len(GOOD) + 5} is not")]),
    ("a lone surrogate", with_member(r'"x":["\ud800"]'),
     [("x[0]", "must not contain half of a surrogate pair, U+D800")]),
    ("a pair the wrong way round", with_member(r'"x":"\udc00\ud800"'),
     [("x", "must not contain half of a surrogate pair, U+DC00")]),
    ("a lone surrogate in a name", with_member(r'"a\udfff":1'),
     [(r"a\udfff", "as a name must not contain half of a surrogate pair, U+DFFF")]),
    ("U+0000", with_member(r'"x":{"y":[1,"a\u0000"]}'), [("x.y[1]", NUL)]),
    ("U+0000 after a backslash", with_member(r'"x":"\\\u0000"'), [("x", NUL)]),
    ("U+0000 in a name", with_member(r'"x":{"\u0000":1}'), [(r"x.\x00", f"as a name {NUL}")]),
    ("U+0000 in a known place", GOOD.replace("ARENA", r"AR\u0000ENA").encode(), [("storeId", NUL)]),
    ("1,000 levels of lists", with_member(f'"x":{"[" * 1000}{"]" * 1000}'), [("", TOO_DEEP)]),
    ("200,000 levels of lists", b"[" * 200_000, [("", TOO_DEEP)]),
    ("200,000 levels of objects", b'{"a":' * 200_000, [("", TOO_DEEP)]),
    ("33 levels", with_member(f'"x":{"[" * 32}{"]" * 32}'), [("", TOO_DEEP)]),
    ("33 levels hidden by brackets in text", with_member(f'"x":["]]]]]]]]]]",{"[" * 31}"[[["{"]" * 32}'),
     [("", TOO_DEEP)]),
    ("1e999999", with_member('"x":1e999999'), [("x", NUMBER)]),
    ("an exponent of 5,000 digits", with_member(f'"x":-1e{"9" * 5000}'), [("x", NUMBER)]),
    ("a tiny number", with_member('"x":[0,1e-999999]'), [("x[1]", NUMBER)]),
    ("5,000 digits", with_member(f'"x":{"1" * 5000}'), [("x", NUMBER)]),
    ("5,000 decimals", with_member(f'"x":0.{"1" * 5000}'), [("x", NUMBER)]),
    ("5,000 digits for a known place", GOOD.replace('"1.0"', "1" * 5000, 1).encode(),
     [("cartItems[0].quantity.value", NUMBER)]),
    ("NaN", with_member('"x":NaN'), [("x", "must not be NaN, which JSON does not have")]),
    ("-Infinity", with_member('"x":[-Infinity]'), [("x[0]", "must not be -Infinity, which JSON does not have")]),
    ("a name twice", with_member('"storeId":"ARENA-EAST-12"'), [("storeId", ONCE)]),
    ("a name twice, once as an escape", with_member(r'"\u0073toreId":"ARENA-EAST-12"'), [("storeId", ONCE)]),
    ("a name twice, hidden by quotation marks", with_member(r'"x":1,"x":"\u0022\u0022"'), [("x", ONCE)]),
    ("an unknown name thrice, deep inside", GOOD.replace('"unit":', '"a":1,"a":2,"a":3,"unit":', 1).encode(),
     [("cartItems[0].quantity.a", ONCE)]),
    ("a long name", with_member(f'"{"n" * 300}":"\\u0000"'), [(f"{'n' * 40}…", NUL)]),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), [pytest.param(*row[1:], id=row[0]) for row in HOSTILE])
def test_hostile(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert faults(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), id="a byte order mark"),
        pytest.param(b"\r\n\t " + GOOD.encode() + b"\n", id="blanks around"),
        pytest.param(with_member(r'"x":"\\u0000","\\u0000":"\\ud800"'), id="an escaped backslash before u0000"),
        pytest.param(with_member(r'"x":"\ud83d\ude00\u00e9 \u0022","\u0022":1'), id="escapes that are fine"),
        pytest.param(with_member(r'"x":"[[[[[[\"]}{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"'), id="brackets in text"),
        pytest.param(with_member(f'"x":{"[" * 31}{"]" * 31}'), id="32 levels"),
        pytest.param(with_member('"x":[12345678901234567890123,-0.0,1e300,1E-7,0e0]'), id="numbers of all sizes"),
        pytest.param(GOOD.replace(' "storeId"', ' "", "storeId"').replace('"",', '"":0,').encode(), id="no name"),
    ],
)
def test_harmless(raw: bytes) -> None:
    assert decode(raw, LIMITS).cart == decoded(cart())
    assert find_faults(raw, LIMITS) == ()


class TestContentHash:
    def test_is_that_of_the_canonical_json(self) -> None:
        document = cart(new="é\U0001f600", cartItems=[item(size=12, tags=["“", "\u2028\x7f\x1f\n"], Zone=None)])
        content = {name: document[name] for name in ("storeId", "shoppingTrip", "cartItems")}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert content_hash(document) == hashlib.sha256(canonical.encode()).hexdigest()

    def test_stays_what_it_was_for_stored_carts(self) -> None:
        assert content_hash(cart()) == "b78a0fd76e02a5fd463bc34cd21e62cb0f33e8a534526dda49ccb73cf09be664"

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(body(cart(requestId=OTHER_UUID)), id="a fresh request id"),
            pytest.param(body(cart(idempotentShoppingTripId="T2")), id="another trip id"),
            pytest.param(body(cart(shopperIdentity=ABSENT, shopperDeviceId="x", paymentSource=1)), id="the shopper"),
            pytest.param(body(dict(reversed(cart().items()))), id="another order"),
            pytest.param(json.dumps(cart(), indent=2).encode(), id="blanks"),
            pytest.param(GOOD.replace("ARENA", r"\u0041RENA").encode(), id="escapes"),
        ],
    )
    def test_is_the_same_despite(self, raw: bytes) -> None:
        assert decode(raw, LIMITS).content_hash == content_hash(cart())

    @pytest.mark.parametrize(
        "document",
        [
            pytest.param(cart(storeId="ARENA-EAST-13"), id="another store"),
            pytest.param(cart_with("shoppingTrip.endTime", "2026-03-14T19:05:49Z"), id="another end"),
            pytest.param(cart(cartItems=cart()["cartItems"][::-1]), id="another order of items"),
            pytest.param(cart_with("cartItems.0.quantity.value", "1.00"), id="another text of a quantity"),
            pytest.param(cart_with("cartItems.0.colour", "red"), id="an unknown attribute of an item"),
            pytest.param(cart_with("shoppingTrip.authEvents.0.gate", 1), id="an unknown attribute of an auth event"),
        ],
    )
    def test_differs_for(self, document: Any) -> None:
        assert content_hash(document) != content_hash(cart())

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("1.0", "1.00", True),
            ("1.0", "1", True),
            ("1e2", "100", True),
            ("10e-1", "1", True),
            ("-0.0", "0", True),
            ("1.50", "15E-1", True),
            ("1e23", "100000000000000000000000", True),
            ("12345678901234567890", "12345678901234567891", False),
            ("0.1", "0.10000000000000000001", False),
            ("1.0000000000000000000000000000000000000001", "1", False),
            ("1e-300", "0", False),
            ("1", '"1"', False),
            ("1.5", '"1.5"', False),
            ("1", "true", False),
            ("0", "null", False),
        ],
    )
    def test_takes_numbers_by_value(self, one: str, other: str, same: bool) -> None:  # noqa: FBT001  a column of the table
        hashes = {
            decode(GOOD.replace('"type"', f'"x": {text}, "type"', 1).encode(), LIMITS).content_hash
            for text in (one, other)
        }
        assert (len(hashes) == 1) is same


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "path", "value"),
        [
            (Limits(locations=frozenset({"ROOF"})), f"{FIRST_EVENT}.location", "ROOF"),
            (Limits(payload_types=frozenset({"PALM"})), f"{FIRST_EVENT}.payloadType", "PALM"),
            (Limits(item_types=frozenset({"SKU", "RFID"})), f"{FIRST_ITEM}.type", "RFID"),
            (
                Limits(external_identifier_types=frozenset({"QR"})),
                f"{FIRST_ITEM}.externalIdentifiers",
                [{"id": "1", "type": "QR"}],
            ),
            (Limits(scan_result_types=frozenset({"GUEST"})), f"{FIRST_EVENT}.scanResult", {"type": "GUEST"}),
            (Limits(max_id_length=256), "storeId", TOO_LONG),
            (Limits(max_quantity_length=11), f"{FIRST_ITEM}.quantity.value", "1.000000000"),
            (Limits(max_depth=40), "new", json.loads("[" * 33 + "]" * 33)),
        ],
    )
    def test_decide_what_is_contested(self, limits: Limits, path: str, value: Any) -> None:
        raw = body(cart_with(path, value))
        assert decode(raw, limits).cart == msgspec.json.decode(raw, type=Cart)
        assert find_faults(raw, LIMITS) != ()

    def test_can_ask_for_auth_events(self) -> None:
        raw = body(cart_with("shoppingTrip.authEvents", []))
        found = faults(raw, Limits(auth_events_may_be_empty=False))
        assert found == [("shoppingTrip.authEvents", "must not be empty")]

    def test_can_ask_for_fewer_faults(self) -> None:
        assert faults(b"{}", Limits(max_faults=1)) == [("requestId", REQUIRED)]


class TestARefusal:
    def test_has_amazons_form(self) -> None:
        invalid = InvalidCart([Fault("storeId", "is required"), Fault("", "must be JSON")])
        assert json.dumps(invalid.document()) == (
            '{"errorMsg": "BadRequestException", "errors": ['
            '{"path": "storeId", "message": "is required"}, {"path": "", "message": "must be JSON"}]}'
        )
        assert str(invalid) == "storeId is required; the document must be JSON"

    def test_repeats_no_long_value(self) -> None:
        secret = "4111" * 20
        for path in ("requestId", "shoppingTrip.startTime", f"{FIRST_EVENT}.payloadType", f"{FIRST_ITEM}.type"):
            ((_, message),) = faults(body(cart_with(path, secret)))
            assert secret[:31] not in message

    def test_cuts_a_value_at_thirty_characters(self) -> None:
        ((_, message),) = faults(body(cart_with(f"{FIRST_ITEM}.type", "a" * 29 + "\n" + "b")))
        assert message == rf"must be one of SCANCODE, SKU, not “{'a' * 29}\n…”"

    @pytest.mark.parametrize("shopper", ["shopper-7781" * 30, "shopper-7781\x00", ["shopper-7781"]])
    def test_never_names_the_shopper(self, shopper: Any) -> None:
        event = auth_event(id=shopper, scanResult={"id": shopper})
        document = cart(shopperIdentity={"id": shopper}, shopperDeviceId=shopper)
        document["shoppingTrip"]["authEvents"] = [event]
        found = faults(body(document))
        assert [path for path, _ in found] == [
            "shoppingTrip.authEvents[0].id",
            "shoppingTrip.authEvents[0].scanResult.id",
            "shopperIdentity.id",
            "shopperDeviceId",
        ]
        assert not any("7781" in message for _, message in found)

    def test_can_always_be_sent_and_stored(self) -> None:
        for _, raw, _ in HOSTILE:
            for path, message in faults(raw):
                text = f"{path} {message}"
                assert "\x00" not in text
                assert text.encode()
                assert len(text) < 200


class TestTheSchema:
    def schema(self, limits: Limits = LIMITS) -> dict[str, Any]:
        components = contract.request_schema(limits)
        return {"$ref": "#/components/schemas/Cart", "components": {"schemas": components}}

    def errors(self, document: Any, limits: Limits = LIMITS) -> list[str]:
        found = Draft202012Validator(self.schema(limits)).iter_errors(document)
        return [".".join(str(step) for step in error.absolute_path) for error in found]

    def test_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(self.schema())

    @pytest.mark.parametrize("document", [pytest.param(row[1], id=row[0]) for row in ACCEPTED])
    def test_fits_what_is_accepted(self, document: Any) -> None:
        assert self.errors(document) == []

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            pytest.param(path, value, id=name)
            for name, path, value, message in REFUSED
            if not (isinstance(value, str) and path.endswith(("Time", "timestamp")))
            and "repeat" not in message
            and not name.endswith("\n")  # where Python, unlike ECMAScript, lets $ match
        ],
    )
    def test_fits_nothing_that_is_refused_but_for_times_and_duplicates(self, path: str, value: Any) -> None:
        assert self.errors(cart_with(path, value)) != []

    def test_names_what_is_required(self) -> None:
        components = contract.request_schema(LIMITS)
        assert {name: schema["required"] for name, schema in components.items()} == {
            "Cart": ["requestId", "idempotentShoppingTripId", "storeId", "shoppingTrip", "cartItems"],
            "ShoppingTrip": ["startTime", "endTime", "authEvents"],
            "AuthEvent": ["id", "payloadType"],
            "ScanResult": [],
            "CartItem": ["id", "type", "quantity"],
            "Quantity": ["value", "unit"],
            "ExternalIdentifier": [],
            "ShopperIdentity": [],
        }

    def test_follows_the_limits(self) -> None:
        limits = Limits(item_types=frozenset({"RFID"}), auth_events_may_be_empty=False, max_id_length=9)
        components = contract.request_schema(limits)
        assert components["CartItem"]["properties"]["type"] == {"type": "string", "enum": ["RFID"]}
        assert components["Cart"]["properties"]["storeId"] == {"type": "string", "minLength": 1, "maxLength": 9}
        assert components["ShoppingTrip"]["properties"]["authEvents"]["minItems"] == 1

    def test_describes_times_and_shows_an_example(self) -> None:
        components = contract.request_schema(LIMITS)
        assert components["ShoppingTrip"]["properties"]["endTime"]["format"] == "date-time"
        assert components["Cart"]["examples"] == [cart()]
        assert components["Cart"]["properties"]["paymentSource"]["deprecated"] is True

    def test_of_the_answers(self) -> None:
        components = contract.answer_schema()
        assert components["Answer"]["required"] == ["purchaseId"]
        assert sorted(components["Refusal"]["properties"]) == ["errorMsg", "errors"]
        assert components["Fault"]["required"] == ["path", "message"]
        assert msgspec.json.encode(contract.Answer("P-1")) == b'{"purchaseId":"P-1"}'


def takes_the_fast_path(raw: bytes, limits: Limits) -> bool:
    """Whether the cheap checks alone accept the body."""
    raw = raw.removeprefix(contract.BYTE_ORDER_MARK)
    try:
        document = contract.to_document(raw)
        read = msgspec.convert(document, Cart)
    except (ValueError, RecursionError):
        return False
    return contract._is_plain(raw, document, limits) and contract._keeps_limits(read, limits)


def check_that_both_ways_agree(raw: bytes, limits: Limits = LIMITS) -> None:
    """Decoding gives a cart or the faults, nothing else; the fast path accepts just what has no fault.

    Two escapes, which Amazon has no cause to write, are left to the slow path even where they are harmless.
    """
    found = find_faults(raw, limits)
    fast = takes_the_fast_path(raw, limits)
    if rb"\u0000" not in raw and rb"\u0022" not in raw:
        assert fast is (found == ())
    assert not (fast and found)
    if not found:
        assert re.fullmatch("[0-9a-f]{64}", decode(raw, limits).content_hash)
        return
    with pytest.raises(InvalidCart) as refused:
        decode(raw, limits)
    assert refused.value.faults == found
    assert len(found) <= limits.max_faults
    assert json.dumps(refused.value.document(), ensure_ascii=False).encode()


@pytest.mark.parametrize("document", [pytest.param(row[1], id=row[0]) for row in ACCEPTED])
def test_what_is_accepted_takes_the_fast_path(document: Any) -> None:
    assert takes_the_fast_path(body(document), LIMITS)


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
TELLING = [
    "", "SKU", "ENTRY", "UPC", "L1", "L2", "1.0", "-0", "1e3", "0.123456789", "٣", OTHER_UUID, OTHER_UUID.upper(),
    LONG, TOO_LONG, "\x00", "\ud800", '"', "\\u0000", "[[[[", "2026-03-14T19:02:11Z", "2026-03-14t19:02:11.5+23:59",
    "2026-03-14 19:02:11.99999999999-0100", "2026-03-14T19:02:11", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z",
    "9998-12-31T23:59:59.9999999Z", "2026-06-30T23:59:60Z", "2026-03-14T24:00:00Z",
]  # fmt: skip
LEAVES = st.one_of(
    st.sampled_from(TELLING),
    ANY_TEXT,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([0, 1, 1.0, 2**64, -(2**63) - 1, 10**4000, 1e300]),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x"]) | ANY_TEXT, inner),
    max_leaves=8,
)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


@st.composite
def mutated_carts(draw: st.DrawFn) -> bytes:
    """A valid cart with a few places replaced, removed or added, written in one of several ways."""
    document = cart()
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(places(document)))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            container[key] = draw(ANY_JSON)
        elif change == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(ANY_TEXT | st.sampled_from(["scanResult", "paymentSource", "x"]))] = draw(ANY_JSON)
        else:
            container.append(draw(ANY_JSON | st.just(container[0])))
        if not places(document):
            break
    text = json.dumps(document, ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1)))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def torn_carts(draw: st.DrawFn) -> bytes:
    """The text of a valid cart with a stretch of it replaced by other bytes or by a piece of itself."""
    whole = GOOD.encode()
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    end = min(end, start + draw(st.integers(0, 40)))
    from_, to = sorted(draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    scraps = st.sampled_from(
        [
            b"",
            b'"',
            b"{",
            b"]",
            b",",
            b"\\",
            b"\\u0000",
            b"\\ud83d",
            b"\\ude00",
            b"\x00",
            b"\xff",
            b'"storeId":1,',
            b"1e9",
        ]
    )
    return whole[:start] + draw(scraps | st.binary(max_size=6) | st.just(whole[from_:to])) + whole[end:]


BOUNDED = settings(max_examples=300, deadline=None, database=None)


@BOUNDED
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"-")
def test_arbitrary_bytes_are_refused_with_faults(raw: bytes) -> None:
    check_that_both_ways_agree(raw)


@BOUNDED
@given(mutated_carts(), st.sampled_from([LIMITS, Limits(auth_events_may_be_empty=False, max_depth=6, max_faults=2)]))
def test_mutated_carts_are_decoded_or_refused_with_faults(raw: bytes, limits: Limits) -> None:
    check_that_both_ways_agree(raw, limits)


@BOUNDED
@given(torn_carts())
def test_torn_carts_are_decoded_or_refused_with_faults(raw: bytes) -> None:
    check_that_both_ways_agree(raw)
