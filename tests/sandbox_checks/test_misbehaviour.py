"""Each way of the Checkout Service to go wrong, as a caller sees it on the wire."""

import http.client
import json
import random
import time
from typing import Any

import pytest

from tests.sandbox.checkout_modes import CHECKOUT
from tests.sandbox.modes import MODES
from tests.sandbox.server import Sandbox
from tests.sandbox.switches import Switchboard
from tests.sandbox_checks.fake_product import PATH, check_out, control, priced, signed_headers

Cart = dict[str, Any]


def turn_on(sandbox: Sandbox, mode: str, **more: Any) -> Any:
    return control(sandbox.url, "POST", "misbehaviour", {"mode": mode, **more})


def trip(sandbox: Sandbox, cart: Cart) -> Any:
    return control(sandbox.url, "GET", f"trips?trip_id={cart['idempotentShoppingTripId']}")["trips"][0]


INSTEAD = [
    # mode, options, status, name, headers
    ("401", {}, 401, "UnrecognizedClientException", {}),
    ("403", {}, 403, "AccessDeniedException", {}),
    ("404", {}, 404, "ResourceNotFoundException", {}),
    ("408", {}, 408, "RequestTimeoutException", {}),
    ("409", {}, 409, "ConflictException", {}),
    ("429", {"retry_after": 7}, 429, "TooManyRequestsException", {"Retry-After": "7"}),
    ("500", {}, 500, "InternalServerException", {}),
    ("503", {}, 503, "ServiceUnavailableException", {}),
    ("redirect", {"location": "http://other.example/x"}, 302, "Found", {"Location": "http://other.example/x"}),
    ("refuse", {}, 400, "InvalidRequestException", {}),
    ("refuse", {"error": "ShoppingTripExpiredException"}, 400, "ShoppingTripExpiredException", {}),
    ("refuse_other", {}, 422, "UnprocessableEntityException", {}),
    ("refuse_other", {"status": 451, "error": "Gone"}, 451, "Gone", {}),
]


@pytest.mark.parametrize(("mode", "options", "status", "name", "headers"), INSTEAD)
def test_an_answer_instead_of_the_order_charges_nothing(
    sandbox: Sandbox,
    sent_cart: Cart,
    mode: str,
    options: dict[str, Any],
    status: int,
    name: str,
    headers: dict[str, str],
) -> None:
    turn_on(sandbox, mode, times=1, **options)
    answer = check_out(sandbox.url, priced(sent_cart))
    assert (answer.status, answer.json["errorMsg"]) == (status, name)
    assert headers.items() <= answer.headers.items()
    known = trip(sandbox, sent_cart)
    assert known["charges"] == 0
    assert [(one["status"], one["mode"], one["error"]) for one in known["checkout_calls"]] == [
        (status, mode, None if status == 302 else name)
    ]
    assert check_out(sandbox.url, priced(sent_cart)).status == 201


def test_too_many_requests_may_come_without_a_retry_after(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "429")
    assert "Retry-After" not in check_out(sandbox.url, priced(sent_cart)).headers


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        ("charge_and_500", 500, None),
        ("charge_and_400", 400, None),
        ("charge_and_409", 409, None),
        ("no_order_id", 201, "{}"),
        ("not_json", 200, "<html>Thank you, come again.</html>"),
    ],
)
def test_a_charge_may_be_answered_as_if_there_were_none(
    sandbox: Sandbox, sent_cart: Cart, mode: str, status: int, body: str | None
) -> None:
    turn_on(sandbox, mode, times=1)
    answer = check_out(sandbox.url, priced(sent_cart))
    assert answer.status == status
    assert body is None or answer.text == body
    charged = trip(sandbox, sent_cart)
    assert (charged["charges"], charged["charged"], charged["state"]) == (1, "4.00", "ordered")
    assert check_out(sandbox.url, priced(sent_cart)).json == {"orderId": charged["order_id"]}
    assert trip(sandbox, sent_cart)["charges"] == 1


@pytest.mark.parametrize(
    ("mode", "options", "fault", "charges"),
    [
        ("drop", {}, http.client.RemoteDisconnected, 0),
        ("charge_and_drop", {}, http.client.RemoteDisconnected, 1),
        ("timeout", {"seconds": 20}, TimeoutError, 0),
        ("charge_and_timeout", {"seconds": 20}, TimeoutError, 1),
        ("charge_and_timeout", {"seconds": 0.05}, http.client.RemoteDisconnected, 1),
    ],
)
def test_an_answer_that_never_comes_has_no_status(
    sandbox: Sandbox, sent_cart: Cart, mode: str, options: dict[str, Any], fault: type[Exception], charges: int
) -> None:
    turn_on(sandbox, mode, times=1, **options)
    with pytest.raises(fault):
        check_out(sandbox.url, priced(sent_cart), timeout=0.3)
    known = trip(sandbox, sent_cart)
    assert known["charges"] == charges
    assert [(one["status"], one["mode"]) for one in known["checkout_calls"]] == [(None, mode)]


def test_a_slow_answer_is_a_proper_one_that_comes_late(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "slow", seconds=0.3)
    started = time.monotonic()
    answer = check_out(sandbox.url, priced(sent_cart))
    assert time.monotonic() - started >= 0.3
    assert answer.json == {"orderId": trip(sandbox, sent_cart)["order_id"]}
    assert trip(sandbox, sent_cart)["checkout_calls"][0]["status"] == 201


@pytest.mark.parametrize(("mode", "first_bytes"), [("dribble", b"HTTP/1.1 201 Created\r\n"), ("dribble_headers", b"H")])
def test_a_dribbled_answer_comes_byte_by_byte_and_is_whole_in_the_end(
    sandbox: Sandbox, sent_cart: Cart, mode: str, first_bytes: bytes
) -> None:
    turn_on(sandbox, mode, seconds=0.005)
    body = json.dumps(priced(sent_cart)).encode()
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("POST", PATH, body, signed_headers(f"{sandbox.url}{PATH}", body))
    first = connection.sock.recv(65_536)
    assert first.startswith(first_bytes)
    assert len(first) == (1 if mode == "dribble_headers" else first.index(b"\r\n\r\n") + 4)
    pieces = [first]
    while not pieces[-1].endswith(b"}"):
        pieces.append(connection.sock.recv(65_536))
    connection.close()
    assert len(pieces) > 30
    order_id = json.loads(b"".join(pieces).partition(b"\r\n\r\n")[2])["orderId"]
    assert order_id == trip(sandbox, sent_cart)["order_id"]
    assert trip(sandbox, sent_cart)["checkout_calls"][0]["status"] == 201


def test_a_huge_answer_goes_on_until_the_caller_has_enough(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "huge", times=1)
    body = json.dumps(priced(sent_cart)).encode()
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("POST", PATH, body, signed_headers(f"{sandbox.url}{PATH}", body))
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"]) == (201, None)
    assert len(response.read(8_000_000)) == 8_000_000
    response.close()
    connection.close()
    assert trip(sandbox, sent_cart)["charges"] == 1
    assert check_out(sandbox.url, priced(sent_cart)).status == 201
    assert trip(sandbox, sent_cart)["overlapping_calls"] == 0


def test_a_forgetful_service_charges_every_call(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "charges_twice")
    order_ids = {check_out(sandbox.url, priced(sent_cart)).json["orderId"] for _ in range(2)}
    known = trip(sandbox, sent_cart)
    assert (len(order_ids), set(known["order_ids"]), known["charges"], known["charged"]) == (2, order_ids, 2, "8.00")
    ledger = control(sandbox.url, "GET", "ledger")
    assert (ledger["orders"], ledger["charges"], ledger["charged_more_than_once"]) == (2, 2, 1)


def test_a_wrong_cart_is_refused_before_any_charge_can_go_wrong(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "charge_and_500")
    answer = check_out(sandbox.url, priced(sent_cart) | {"lineItems": []})
    assert (answer.status, answer.json["errorMsg"]) == (400, "CartContentValidationFailedException")
    assert trip(sandbox, sent_cart)["charges"] == 0


def test_a_switch_for_so_many_calls_is_used_up(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "503", times=2)
    statuses = [check_out(sandbox.url, priced(sent_cart)).status for _ in range(3)]
    assert statuses == [503, 503, 201]
    (switch,) = control(sandbox.url, "GET", "misbehaviour")["switches"]
    assert (switch["applied"], switch["used_up"]) == (2, True)


def test_a_switch_for_one_trip_leaves_the_others_alone(sandbox: Sandbox, sent_cart: Cart) -> None:
    other = sent_cart | {"idempotentShoppingTripId": "another"}
    control(sandbox.url, "POST", "trips", [other])
    turn_on(sandbox, "500", trip_id="another")
    assert check_out(sandbox.url, priced(sent_cart)).status == 201
    assert check_out(sandbox.url, priced(other)).status == 500


def test_switches_for_one_trip_go_first_then_the_counted_in_order_then_the_latest(
    sandbox: Sandbox, sent_cart: Cart
) -> None:
    turn_on(sandbox, "401")
    turn_on(sandbox, "403")
    turn_on(sandbox, "500", times=1)
    turn_on(sandbox, "503", times=1)
    turn_on(sandbox, "409", trip_id=sent_cart["idempotentShoppingTripId"], times=1)
    statuses = [check_out(sandbox.url, priced(sent_cart)).status for _ in range(5)]
    assert statuses == [409, 500, 503, 403, 403]


def test_a_share_of_the_calls_is_about_that_share() -> None:
    switchboard = Switchboard(random.Random(1))  # noqa: S311 -- a test wants the same numbers each time
    switchboard.turn_on({"mode": "500", "share": 0.25})
    met = sum(switchboard.draw(CHECKOUT, "t") is not None for _ in range(1000))
    assert 200 < met < 300


def test_switches_are_turned_off_one_by_one_or_all(sandbox: Sandbox, sent_cart: Cart) -> None:
    first, second, third = (turn_on(sandbox, mode) for mode in ("401", "403", "404"))
    left = control(sandbox.url, "DELETE", f"misbehaviour?id={third['id']}")["switches"]
    assert [one["id"] for one in left] == [second["id"], first["id"]]
    assert control(sandbox.url, "DELETE", "misbehaviour") == {"switches": []}
    assert check_out(sandbox.url, priced(sent_cart)).status == 201


def test_an_unknown_trip_meets_the_switches_too(sandbox: Sandbox, sent_cart: Cart) -> None:
    turn_on(sandbox, "503")
    assert check_out(sandbox.url, priced(sent_cart) | {"idempotentShoppingTripId": "x"}).status == 503


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"mode": "nonsense"}, "mode must be one of: slow, 401"),
        ({}, "mode must be one of"),
        ({"mode": "500", "often": True}, "often is not something a switch has"),
        ({"mode": "500", "times": 0}, "times must be at least 1"),
        ({"mode": "500", "times": 1.5}, "times can't be 1.5"),
        ({"mode": "500", "times": True}, "times can't be True"),
        ({"mode": "500", "share": 0}, "share must be above 0"),
        ({"mode": "500", "share": 1.1}, "share must be above 0"),
        ({"mode": "500", "retry_after": 3}, "500 takes no retry_after"),
        ({"mode": "slow", "seconds": -1}, "seconds must be between"),
        ({"mode": "refuse_other", "status": 200}, "status must be between 400 and 499"),
        ([], "not a JSON object"),
    ],
)
def test_a_switch_that_makes_no_sense_is_not_turned_on(sandbox: Sandbox, document: Any, words: str) -> None:
    assert words in control(sandbox.url, "POST", "misbehaviour", document)["error"]
    assert control(sandbox.url, "GET", "misbehaviour")["switches"] == []


def test_every_mode_is_explained(sandbox: Sandbox) -> None:
    told = control(sandbox.url, "GET", "misbehaviour")["modes"]
    assert [mode["name"] for mode in told] == list(MODES)
    assert all(mode["title"] and mode["explanation"] for mode in told)
