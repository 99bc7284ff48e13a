"""One trip, one charge, one order ID; and what the book tells of every call."""

import hashlib
import http.client
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.journal import JournalError
from tests.sandbox.server import Sandbox, Settings
from tests.sandbox_checks.fake_product import PATH, call, check_out, control, money, priced, signed_headers

Cart = dict[str, Any]
MakeCart = Callable[..., Cart]


def trip(sandbox: Sandbox, cart: Cart) -> Any:
    trips = control(sandbox.url, "GET", f"trips?trip_id={cart['idempotentShoppingTripId']}")["trips"]
    return trips[0]


def test_the_same_trip_again_gets_the_same_order_id_and_no_second_charge(sandbox: Sandbox, sent_cart: Cart) -> None:
    first, second = (check_out(sandbox.url, priced(sent_cart)) for _ in range(2))
    assert re.fullmatch(r"\d{3}-\d{7}-\d{7}", first.json["orderId"])
    assert (second.status, second.json) == (first.status, first.json)
    known = trip(sandbox, sent_cart)
    assert (known["state"], known["order_id"], known["charges"], known["charged"], known["calls"]) == (
        "ordered",
        first.json["orderId"],
        1,
        "4.00",
        2,
    )


def test_each_trip_has_an_order_id_of_its_own(sandbox: Sandbox, make_cart: MakeCart) -> None:
    carts = [make_cart(("COLA", "1.0")) for _ in range(20)]
    assert control(sandbox.url, "POST", "trips", carts) == {"registered": 20}
    order_ids = {check_out(sandbox.url, priced(cart)).json["orderId"] for cart in carts}
    assert len(order_ids) == 20


def test_every_call_is_noted_with_its_hash_and_answer(sandbox: Sandbox, sent_cart: Cart) -> None:
    wrong = priced(sent_cart) | {"lineItems": []}
    check_out(sandbox.url, wrong)
    check_out(sandbox.url, priced(sent_cart))
    calls = trip(sandbox, sent_cart)["checkout_calls"]
    assert [(one["status"], one["error"], one["mode"]) for one in calls] == [
        (400, "CartContentValidationFailedException", None),
        (201, None, None),
    ]
    assert calls[0]["sha256"] == hashlib.sha256(json.dumps(wrong).encode()).hexdigest()


def test_a_refused_trip_tells_amazons_words_until_a_later_call_goes_better(sandbox: Sandbox, sent_cart: Cart) -> None:
    check_out(sandbox.url, priced(sent_cart) | {"lineItems": []})
    refused = trip(sandbox, sent_cart)
    assert (refused["state"], refused["refusal"]) == (
        "refused",
        {"name": "CartContentValidationFailedException", "message": "lineItems is empty", "status": 400},
    )
    check_out(sandbox.url, priced(sent_cart))
    assert (trip(sandbox, sent_cart)["state"], trip(sandbox, sent_cart)["refusal"]) == ("ordered", None)


def test_different_bodies_for_one_trip_are_counted(sandbox: Sandbox, sent_cart: Cart) -> None:
    body = priced(sent_cart)
    check_out(sandbox.url, body)
    check_out(sandbox.url, body)
    assert control(sandbox.url, "GET", "ledger")["trips_with_different_bodies"] == 0
    body["lineItems"][0]["unitPrice"] |= {"price": money("3.00"), "totalPrice": money("3.00")}
    body["orderTotals"] |= {"subTotal": money("5.00"), "priceTotal": money("5.00")}
    check_out(sandbox.url, body)
    assert control(sandbox.url, "GET", "ledger")["trips_with_different_bodies"] == 1
    assert (trip(sandbox, sent_cart)["different_bodies"], trip(sandbox, sent_cart)["charged"]) == (2, "4.00")


def test_two_calls_at_once_for_one_trip_are_seen(sandbox: Sandbox, sent_cart: Cart) -> None:
    control(sandbox.url, "POST", "misbehaviour", {"mode": "slow", "seconds": 0.4})
    threads = [threading.Thread(target=check_out, args=(sandbox.url, priced(sent_cart))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (trip(sandbox, sent_cart)["overlapping_calls"], trip(sandbox, sent_cart)["charges"]) == (1, 1)
    assert control(sandbox.url, "GET", "ledger")["overlapping_calls"] == 1


def test_a_caller_that_hung_up_has_no_call_under_way(sandbox: Sandbox, sent_cart: Cart) -> None:
    control(sandbox.url, "POST", "misbehaviour", {"mode": "charge_and_timeout", "seconds": 30, "times": 1})
    with pytest.raises(TimeoutError):
        check_out(sandbox.url, priced(sent_cart), timeout=0.1)
    assert check_out(sandbox.url, priced(sent_cart)).status == 201
    known = trip(sandbox, sent_cart)
    assert (known["overlapping_calls"], known["calls"], known["charges"]) == (0, 2, 1)


def test_calls_one_after_the_other_never_overlap(sandbox: Sandbox, sent_cart: Cart) -> None:
    for _ in range(30):
        check_out(sandbox.url, priced(sent_cart))
    assert trip(sandbox, sent_cart)["overlapping_calls"] == 0


def test_a_connection_is_kept_alive(sandbox: Sandbox, sent_cart: Cart) -> None:
    body = json.dumps(priced(sent_cart)).encode()
    answer = call(sandbox.url, "POST", PATH, body, signed_headers(f"{sandbox.url}{PATH}", body))
    assert "Connection" not in answer.headers
    assert answer.headers["Content-Length"] == str(len(answer.text))


def test_the_ledger_of_a_run_counts_only_its_own_trips(sandbox: Sandbox, make_cart: MakeCart) -> None:
    ours, refused, empty = make_cart(("COLA", "1.0")), make_cart(("COLA", "1.0")), make_cart()
    control(sandbox.url, "POST", "trips", {"run": "ours", "carts": [ours, refused, empty]})
    control(sandbox.url, "POST", "trips?run=theirs", [make_cart(("COLA", "1.0"))])
    check_out(sandbox.url, priced(ours))
    check_out(sandbox.url, priced(refused) | {"lineItems": []})
    assert control(sandbox.url, "GET", "ledger?run=ours") == {
        "run": "ours",
        "trips": 3,
        "empty": 1,
        "waiting": 0,
        "refused": 1,
        "orders": 1,
        "charges": 1,
        "charged_more_than_once": 0,
        "charged": {"USD": "2.00"},
        "refusals": {"CartContentValidationFailedException": 1},
        "calls": 2,
        "calls_by_status": {"201": 1, "400": 1},
        "overlapping_calls": 0,
        "trips_with_different_bodies": 0,
        "strays": {},
    }
    assert control(sandbox.url, "GET", "ledger")["trips"] == 4


def test_only_trips_that_changed_since_are_told(sandbox: Sandbox, make_cart: MakeCart) -> None:
    carts = [make_cart(("COLA", "1.0")) for _ in range(3)]
    control(sandbox.url, "POST", "trips", carts)
    revision = control(sandbox.url, "GET", "trips")["revision"]
    assert control(sandbox.url, "GET", f"trips?after={revision}")["trips"] == []
    check_out(sandbox.url, priced(carts[1]))
    changed = control(sandbox.url, "GET", f"trips?after={revision}")["trips"]
    assert [one["trip_id"] for one in changed] == [carts[1]["idempotentShoppingTripId"]]
    assert len(control(sandbox.url, "GET", "trips?limit=2")["trips"]) == 2


def test_the_same_trip_with_another_cart_is_not_registered(sandbox: Sandbox, sent_cart: Cart) -> None:
    assert control(sandbox.url, "POST", "trips", [sent_cart]) == {"registered": 0}
    other = sent_cart | {"cartItems": sent_cart["cartItems"][:1]}
    assert "known with another cart" in control(sandbox.url, "POST", "trips", [other])["error"]
    assert check_out(sandbox.url, priced(sent_cart)).status == 201


@pytest.mark.parametrize("document", [{}, {"carts": 3}, [{"storeId": "S"}], [3], [{"cartItems": 1}]])
def test_what_is_no_cart_is_not_registered(sandbox: Sandbox, document: Any) -> None:
    assert "error" in control(sandbox.url, "POST", "trips", document)
    assert control(sandbox.url, "GET", "health") == {"status": "ok", "stores": 2, "trips": 0}


def test_a_sandbox_started_again_still_knows_its_trips_and_orders(
    make_settings: Callable[..., Settings], make_cart: MakeCart, tmp_path: Path
) -> None:
    settings = make_settings(state=tmp_path / "deep" / "sandbox.jsonl")
    ordered, waiting = make_cart(("COLA", "1.0")), make_cart(("CHIPS", "2"))
    with Sandbox(settings) as first:
        control(first.url, "POST", "trips", {"run": "r", "carts": [ordered, waiting]})
        control(first.url, "POST", "misbehaviour", {"mode": "slow", "seconds": 0.01, "times": 1})
        order_id = check_out(first.url, priced(ordered)).json["orderId"]
        before = control(first.url, "GET", "ledger?run=r")
        trips = control(first.url, "GET", "trips")["trips"]
    assert settings.state is not None
    with settings.state.open("a") as journal:
        journal.write('{"event": "charge", "trip_id": ')  # the crash of a full disk
    for _ in range(2):
        with Sandbox(settings) as again:
            assert control(again.url, "GET", "ledger?run=r") == before
            assert control(again.url, "GET", "trips")["trips"] == trips
            assert check_out(again.url, priced(ordered)).json["orderId"] == order_id
            assert trip(again, waiting)["state"] == "waiting"
            before = control(again.url, "GET", "ledger?run=r")
            trips = control(again.url, "GET", "trips")["trips"]


def test_a_reset_outlives_a_restart(
    make_settings: Callable[..., Settings], make_cart: MakeCart, tmp_path: Path
) -> None:
    settings = make_settings(state=tmp_path / "sandbox.jsonl")
    with Sandbox(settings) as first:
        control(first.url, "POST", "trips", [make_cart(("COLA", "1.0"))])
        control(first.url, "POST", "reset", {})
        assert control(first.url, "GET", "health")["trips"] == 0
    with Sandbox(settings) as again:
        assert control(again.url, "GET", "health")["trips"] == 0


@pytest.mark.parametrize("line", ["this is no journal", "3", '{"event": "unheard-of"}', '{"event": "call"}'])
def test_a_journal_that_is_none_stops_the_start(
    make_settings: Callable[..., Settings], tmp_path: Path, line: str
) -> None:
    state = tmp_path / "sandbox.jsonl"
    state.write_text(f"{line}\n")
    with pytest.raises(JournalError, match="line 1"):
        Sandbox(make_settings(state=state))


def test_a_stopped_sandbox_hangs_up_on_kept_alive_connections(
    make_settings: Callable[..., Settings], make_cart: MakeCart
) -> None:
    with Sandbox(make_settings()) as stopped:
        control(stopped.url, "POST", "trips", [make_cart(("COLA", "1.0"))])
        connection = http.client.HTTPConnection(stopped.url.removeprefix("http://"), timeout=2)
        connection.request("GET", "/control/health")
        assert connection.getresponse().read()
    assert connection.sock.recv(1) == b""
