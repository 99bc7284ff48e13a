"""The Ordering Connector over HTTP: whatever comes in, Amazon gets 201, a 400 that says why, or a 503."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from orders.models import Purchase, RefusedCart
from tests.factories import StrangerFactory, signed_in
from tests.orders.carts import ABSENT, auth_event, body, cart, cart_with, item
from tests.orders.conftest import SECRET, URL, Post
from tests.orders.shop import NOW, Shop, alarms, everything

MEGABYTE = 1_000_000


def said(response: Any) -> tuple[int, Any]:
    return response.status_code, json.loads(response.content)


class TestACart:
    def test_is_answered_201_with_its_purchase_id_alone(self, shop: Shop, post: Post) -> None:
        with time_machine.travel(NOW, tick=False):
            response = post(body(cart()))
        purchase = Purchase.objects.get()
        assert said(response) == (201, {"purchaseId": purchase.purchase_id})
        assert response.headers["Content-Type"] == "application/json"
        assert (purchase.received_at, purchase.store) == (NOW, shop.store)

    @pytest.mark.usefixtures("shop")
    def test_gets_the_same_answer_to_the_byte_each_time(self, post: Post) -> None:
        with time_machine.travel(NOW, tick=False) as clock:
            first = post(body(cart()))
            before = everything()
            clock.shift(timedelta(hours=3))
            again = post(body(cart(requestId="11111111-2222-3333-4444-555555555555")))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert everything() == before

    @pytest.mark.usefixtures("shop")
    def test_that_is_empty_is_answered_201_with_an_empty_purchase_id(self, post: Post) -> None:
        assert said(post(body(cart(cartItems=[])))) == (201, {"purchaseId": ""})

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json; charset=utf-16",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/octet-stream",
            "*/*",
            "garbage",
            "; ; =",
            "",
        ],
    )
    def test_may_have_any_content_type(self, post: Post, content_type: str) -> None:
        assert post(body(cart()), content_type).status_code == 201
        assert bytes(Purchase.objects.get().raw) == body(cart())

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize("accept", ["text/html", "application/xml;q=0.9", "image/*", "garbage", "", "a/b;" * 200])
    def test_may_ask_for_any_content_type_and_gets_json(self, post: Post, accept: str) -> None:
        response = post(body(cart()), HTTP_ACCEPT=accept)
        assert (response.status_code, response.headers["Content-Type"]) == (201, "application/json")

    @pytest.mark.usefixtures("shop")
    def test_may_have_a_query_behind_its_address(self, post: Post) -> None:
        assert post(body(cart()), QUERY_STRING="format=xml&x=1").status_code == 201

    @pytest.mark.usefixtures("shop")
    def test_needs_no_cookie_and_sets_none(self, post: Post) -> None:
        assert post(body(cart())).cookies == {}
        assert post(body(cart()), HTTP_COOKIE="sessionid=stranger; csrftoken=x").status_code == 201

    @pytest.mark.usefixtures("shop")
    def test_needs_no_csrf_token(self) -> None:
        client = Client(enforce_csrf_checks=True)
        response = client.generic("POST", URL, body(cart()), "application/json")
        assert response.status_code == 401

    @pytest.mark.usefixtures("shop")
    def test_may_have_a_million_bytes(self, post: Post) -> None:
        raw = body(cart(note=""))
        raw = raw.replace(b'"note": ""', b'"note": "' + b"x" * (MEGABYTE - len(raw)) + b'"')
        assert len(raw) == MEGABYTE
        assert post(raw).status_code == 201
        assert bytes(Purchase.objects.get().raw) == raw


@pytest.mark.usefixtures("shop")
class TestTheLength:
    def assert_untouched(self, response: Any, status: int, name: str) -> None:
        assert said(response) == (status, {"errorMsg": name})
        assert everything() == {name: [] for name in everything()}

    def test_may_not_be_over_a_million(self, post: Post) -> None:
        self.assert_untouched(post(b" " * (MEGABYTE + 1)), 413, "RequestTooLargeException")

    def test_is_believed_before_anything_is_read(self, post: Post) -> None:
        unread = BytesIO(b"x")
        response = post(b"x", CONTENT_LENGTH="999999999999999999999", **{"wsgi.input": unread})
        self.assert_untouched(response, 413, "RequestTooLargeException")
        assert unread.tell() == 0

    @pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "12 ", " 12", "1,000", "twelve", "²", "1_0"])
    def test_must_be_a_number(self, post: Post, length: str) -> None:
        self.assert_untouched(post(body(cart()), CONTENT_LENGTH=length), 411, "LengthRequiredException")

    def test_must_be_told_of_a_body_in_chunks(self, post: Post) -> None:
        response = post(body(cart()), CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
        self.assert_untouched(response, 411, "LengthRequiredException")

    def test_bounds_what_is_read(self, post: Post) -> None:
        raw = body(cart())
        assert post(raw + b"and more", CONTENT_LENGTH=str(len(raw))).status_code == 201
        assert bytes(Purchase.objects.get().raw) == raw

    def test_of_a_body_that_breaks_off_is_a_bad_request(self, post: Post) -> None:
        class Gone(BytesIO):
            def read(self, _size: int | None = -1) -> bytes:
                raise OSError("the other side has gone")

        response = post(body(cart()), **{"wsgi.input": Gone()})
        self.assert_untouched(response, 400, "BadRequestException")

    @pytest.mark.parametrize("length", ["0", ""])
    def test_of_nothing_is_a_bad_request(self, post: Post, length: str) -> None:
        response = post(b"", CONTENT_LENGTH=length)
        assert said(response) == (
            400,
            {
                "errorMsg": "BadRequestException",
                "errors": [{"path": "", "message": "must not be empty; a cart is expected"}],
            },
        )
        assert [bytes(kept.raw) for kept in RefusedCart.objects.all()] == [b""]


class TestOtherMethods:
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
    @pytest.mark.usefixtures("post")
    def test_are_not_allowed(self, method: str) -> None:
        response = Client().generic(method, URL, b"", HTTP_X_CONNECTOR_SECRET=SECRET)
        assert said(response) == (405, {"errorMsg": "MethodNotAllowedException"})

    @pytest.mark.django_db
    def test_are_no_secret_to_those_who_may_call_only(self) -> None:
        assert said(Client().get(URL)) == (401, {"errorMsg": "UnauthorizedException"})
        assert said(Client().options(URL)) == (401, {"errorMsg": "UnauthorizedException"})


HOSTILE: dict[str, bytes] = {
    "no JSON": b"requestId=1&storeId=2",
    "half a document": body(cart())[:-1],
    "nothing but blanks": b" \n\t ",
    "a NUL": b"\x00",
    "bytes of no text": b"\xff\xfe\xfd",
    "text of another encoding": json.dumps(cart()).encode("utf-16"),
    "null": b"null",
    "a number": b"1",
    "a text": b'"cart"',
    "a list": b"[]",
    "an empty object": b"{}",
    "brackets": b"[" * 100_000,
    "objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a trip that is an object": body(cart(idempotentShoppingTripId={"a": 1})),
    "a trip with a NUL": body(cart(idempotentShoppingTripId="a\x00b")),
    "half a character": body(cart(idempotentShoppingTripId="\ud800")),
    "a name with half a character": body(cart() | {"\udfff": 1}),
    "NaN": body(cart(x=float("nan"))),
    "a number without end": b'{"requestId": ' + b"9" * 200_000 + b"}",
    "a large exponent": body(cart(x="EXPONENT")).replace(b'"EXPONENT"', b"1e999999999"),
    "a name twice": body(cart()).replace(b'"storeId"', b'"storeId": "X", "storeId"', 1),
    "a year 0": body(cart_with("shoppingTrip.startTime", "0000-01-01T00:00:00Z")),
    "a year 9999": body(cart_with("shoppingTrip.endTime", "9999-12-31T23:59:59-14:00")),
    "a quantity that is no number": body(cart_with("cartItems.0.quantity.value", "1e3")),
    "many faults": body(cart(cartItems=[item(id="", type="X", quantity=None)] * 100)),
    "SQL": body(cart(storeId={"$ne": "'; DROP TABLE orders_purchase; --"})),
}


@pytest.mark.usefixtures("shop")
class TestAHostileBody:
    @pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
    def test_is_answered_400_with_what_is_wrong_and_kept(self, post: Post, raw: bytes) -> None:
        response = post(raw)
        status, document = said(response)
        assert (status, document["errorMsg"]) == (400, "BadRequestException")
        assert 1 <= len(document["errors"]) <= 50
        assert all(set(one) == {"path", "message"} and one["message"] for one in document["errors"])
        kept = RefusedCart.objects.get()
        assert bytes(kept.raw) == raw
        assert kept.faults == document["errors"]
        assert Purchase.objects.count() == 0
        assert [(kind, times) for kind, _, times in alarms()] == [("Cart refused", 1)]

    def test_is_kept_with_the_caller_and_the_moment(self, post: Post) -> None:
        with time_machine.travel(NOW, tick=False):
            post(b"{}", HTTP_X_CALLER_ARN="arn:aws:iam::123456789012:role/gateway")
        kept = RefusedCart.objects.get()
        assert (kept.received_at, kept.caller) == (NOW, "arn:aws:iam::123456789012:role/gateway")

    def test_names_each_fault_with_its_place(self, post: Post) -> None:
        document = cart(requestId=ABSENT, cartItems=[item(quantity={"value": "x", "unit": ABSENT})])
        del document["cartItems"][0]["quantity"]["unit"]
        document["shoppingTrip"]["authEvents"] = [auth_event(payloadType="PIGEON")]
        assert said(post(body(document)))[1]["errors"] == [
            {"path": "requestId", "message": "is required"},
            {
                "path": "shoppingTrip.authEvents[0].payloadType",
                "message": "must be one of FINANCIAL, SCAN_CODE, not “PIGEON”",
            },
            {
                "path": "cartItems[0].quantity.value",
                "message": "must be a plain decimal number, such as 1.0, not “x”",
            },
            {"path": "cartItems[0].quantity.unit", "message": "is required"},
        ]


class TestTheSchema:
    @pytest.mark.parametrize("address", ["/api/schema", "/api/docs"])
    def test_is_for_staff(self, person: User, address: str) -> None:
        assert Client().get(address).status_code in {302, 401, 403}
        assert signed_in(StrangerFactory()).get(address).status_code == 403
        assert signed_in(person).get(address).status_code == 200

    def test_describes_the_call(self, person: User) -> None:
        response = signed_in(person).get("/api/schema", HTTP_ACCEPT="application/vnd.oai.openapi+json")
        document = json.loads(response.content)
        assert list(document["paths"]) == ["/v1/order/purchases"]
        call = document["paths"]["/v1/order/purchases"]["post"]
        assert {"201", "400", "503"} <= set(call["responses"])
        assert document["openapi"].startswith("3.1")
