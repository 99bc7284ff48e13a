"""Shoppers who walk out: what the product gets, properly and strangely."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.server import Sandbox
from tests.sandbox_checks.fake_product import CONNECTOR_SECRET, FakeProduct, control

BASKET = [{"sku": "COLA", "quantity": "2.0"}, {"sku": "NUTS", "quantity": "0.453"}]


def walk_out(sandbox: Sandbox, basket: Any = None, **more: Any) -> Any:
    document = {"gate": "gate-1", "store_id": "ARENA-1", "basket": BASKET if basket is None else basket} | more
    return control(sandbox.url, "POST", "walk-out", document)


def until(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it is true, within three seconds."""
    end = time.monotonic() + 3
    while not (value := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return value


def trip(sandbox: Sandbox, trip_id: str) -> Any:
    return control(sandbox.url, "GET", f"trips?trip_id={trip_id}")["trips"][0]


def settled(sandbox: Sandbox, trip_id: str) -> Any:
    return until(lambda: one if (one := trip(sandbox, trip_id))["state"] in {"ordered", "refused"} else None)


def test_a_walk_out_sends_the_cart_and_tells_the_answer_and_the_order(sandbox: Sandbox, product: FakeProduct) -> None:
    sent = walk_out(sandbox, shopper="shopper-ada")
    (answer,) = sent["answers"]
    assert (answer["status"], answer["purchase_id"], sent["manner"]) == (201, f"P-{sent['trip_id'][:8]}", None)
    (cart,) = product.received
    assert product.secrets == {CONNECTOR_SECRET}
    assert (cart["idempotentShoppingTripId"], cart["storeId"]) == (sent["trip_id"], "ARENA-1")
    assert (cart["shopperIdentity"], cart["shopperDeviceId"]) == ({"id": "shopper-ada"}, "gate-1")
    assert cart["cartItems"] == [
        {
            "id": "COLA",
            "type": "SKU",
            "quantity": {"value": "2.0", "unit": "unit"},
            "externalIdentifiers": [{"id": "012345678905", "type": "UPC"}],
            "lineItemId": "L1",
        },
        {"id": "NUTS", "type": "SKU", "quantity": {"value": "0.453", "unit": "lb"}, "lineItemId": "L2"},
    ]
    ordered = settled(sandbox, sent["trip_id"])
    assert (ordered["charged"], ordered["gate"], ordered["purchase_id"]) == ("4.00", "gate-1", answer["purchase_id"])
    assert ordered["receipt"]["orderTotals"]["priceTotal"] == {"amount": "4.00", "currencyCode": "USD"}


def test_times_are_whole_seconds_in_utc_and_the_trip_began_at_the_tap(sandbox: Sandbox, product: FakeProduct) -> None:
    tapped = time.time() - 300
    walk_out(sandbox, entered_at=tapped)
    shopping_trip = product.received[0]["shoppingTrip"]
    assert shopping_trip["startTime"] == datetime.fromtimestamp(tapped, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shopping_trip["startTime"] < shopping_trip["endTime"]
    (event,) = shopping_trip["authEvents"]
    assert (event["location"], event["payloadType"], event["timestamp"]) == (
        "ENTRY",
        "FINANCIAL",
        shopping_trip["startTime"],
    )


def test_a_shopper_may_walk_out_with_nothing(sandbox: Sandbox, product: FakeProduct) -> None:
    sent = walk_out(sandbox, basket=[])
    assert product.received[0]["cartItems"] == []
    assert trip(sandbox, sent["trip_id"])["state"] == "empty"


def test_a_product_may_be_known_by_its_barcode_or_not_at_all(sandbox: Sandbox, product: FakeProduct) -> None:
    walk_out(sandbox, basket=[{"sku": "COLA", "barcode": "5901234123457"}, {"sku": "NEVER-HEARD-OF"}])
    assert [(item["id"], item["type"], item["quantity"]) for item in product.received[0]["cartItems"]] == [
        ("5901234123457", "SCANCODE", {"value": "1.0", "unit": "unit"}),
        ("NEVER-HEARD-OF", "SKU", {"value": "1.0", "unit": "unit"}),
    ]


def test_the_last_cart_of_a_gate_is_repeated_byte_for_byte(sandbox: Sandbox, product: FakeProduct) -> None:
    first = walk_out(sandbox)
    walk_out(sandbox, gate="gate-2")
    repeated = control(sandbox.url, "POST", "repeat", {"gate": "gate-1"})
    assert repeated["trip_id"] == first["trip_id"]
    assert repeated["answers"][0]["purchase_id"] == first["answers"][0]["purchase_id"]
    assert product.bodies[2] == product.bodies[0]
    settled(sandbox, first["trip_id"])
    assert trip(sandbox, first["trip_id"])["sent"] == 2


def test_twice_at_once_are_two_requests_for_one_trip(sandbox: Sandbox, product: FakeProduct) -> None:
    sent = walk_out(sandbox, manner="twice_at_once")
    assert [answer["status"] for answer in sent["answers"]] == [201, 201]
    first, second = product.received
    assert first["requestId"] != second["requestId"]
    assert first | {"requestId": 0} == second | {"requestId": 0}


def test_again_later_sends_the_cart_a_second_time(sandbox: Sandbox, product: FakeProduct) -> None:
    sent = walk_out(sandbox, manner={"mode": "again_later", "seconds": 0.05})
    assert len(sent["answers"]) == 1
    until(lambda: len(product.received) == 2)
    assert product.received[1]["idempotentShoppingTripId"] == sent["trip_id"]
    until(lambda: trip(sandbox, sent["trip_id"])["sent"] == 2)


def test_a_late_cart_ended_hours_ago(sandbox: Sandbox, product: FakeProduct) -> None:
    walk_out(sandbox, manner={"mode": "late", "hours": 9})
    ended = datetime.fromisoformat(product.received[0]["shoppingTrip"]["endTime"])
    assert timedelta(hours=8, minutes=59) < datetime.now(UTC) - ended < timedelta(hours=9, minutes=1)


def test_out_of_order_the_next_cart_arrives_first(sandbox: Sandbox, product: FakeProduct) -> None:
    kept_back = walk_out(sandbox, manner="out_of_order")
    assert kept_back["answers"] == []
    following = walk_out(sandbox, gate="gate-2")
    arrived = [cart["idempotentShoppingTripId"] for cart in product.received]
    assert arrived == [following["trip_id"], kept_back["trip_id"]]


def test_a_cart_kept_back_arrives_in_the_end_without_a_next_one(sandbox: Sandbox, product: FakeProduct) -> None:
    walk_out(sandbox, manner={"mode": "out_of_order", "seconds": 0.05})
    until(lambda: product.received)
    time.sleep(0.1)
    assert len(product.received) == 1


def test_a_changed_cart_comes_under_the_same_trip_and_the_first_one_counts(
    sandbox: Sandbox, product: FakeProduct
) -> None:
    sent = walk_out(sandbox, manner="changed_cart")
    first, second = product.received
    assert second["idempotentShoppingTripId"] == first["idempotentShoppingTripId"]
    assert second["cartItems"] == first["cartItems"][:1]
    assert settled(sandbox, sent["trip_id"])["lines"] == 2


def test_a_changed_cart_of_one_line_has_another_quantity(sandbox: Sandbox, product: FakeProduct) -> None:
    walk_out(sandbox, basket=BASKET[:1], manner="changed_cart")
    assert [cart["cartItems"][0]["quantity"]["value"] for cart in product.received] == ["2.0", "1"]


def test_with_the_connector_down_the_cart_gets_through_later(sandbox: Sandbox, product: FakeProduct) -> None:
    sent = walk_out(sandbox, manner={"mode": "connector_down", "seconds": 0.05})
    assert (sent["answers"], product.received) == ([], [])
    assert settled(sandbox, sent["trip_id"])["sent"] == 1


def test_a_shopper_switch_holds_for_the_next_walk_outs(sandbox: Sandbox, product: FakeProduct) -> None:
    control(sandbox.url, "POST", "misbehaviour", {"mode": "twice_at_once", "times": 1})
    manners = [walk_out(sandbox)["manner"] for _ in range(2)]
    assert (manners, len(product.received)) == (["twice_at_once", None], 3)


def test_a_product_that_is_not_there_is_told_and_can_be_met_later(sandbox: Sandbox) -> None:
    before = sandbox.connector.product_url
    sent = walk_out(sandbox)
    assert sent["answers"][0]["status"] is None
    assert "did not answer" in sent["answers"][0]["answer"]
    with FakeProduct(sandbox.url) as product:
        sandbox.connector.product_url = product.url
        assert control(sandbox.url, "POST", "repeat", {"gate": "gate-1"})["answers"][0]["status"] == 201
        assert settled(sandbox, sent["trip_id"])["state"] == "ordered"
    sandbox.connector.product_url = before
    sandbox.connector._idle.clear()


def test_what_the_product_refuses_is_told_in_its_words(sandbox: Sandbox, product: FakeProduct) -> None:
    product.statuses.append(403)
    (answer,) = walk_out(sandbox)["answers"]
    assert (answer["status"], answer["purchase_id"], json.loads(answer["answer"])) == (
        403,
        None,
        {"message": "not now"},
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"store_id": ""}, "store_id is missing"),
        ({"store_id": 3}, "store_id must be text"),
        ({"basket": [3]}, "basket must be a list of objects"),
        ({"basket": [{}]}, "neither sku nor barcode"),
        ({"basket": [{"sku": "COLA", "quantity": "-1"}]}, "'-1' is not a quantity"),
        ({"basket": [{"sku": "COLA", "quantity": 1}]}, "quantity must be text"),
        ({"manner": "slow"}, "slow is nothing that shoppers do"),
        ({"manner": {"mode": "late", "seconds": 3}}, "late takes no seconds"),
    ],
)
def test_a_walk_out_that_can_not_be_sends_nothing(
    sandbox: Sandbox, product: FakeProduct, change: dict[str, Any], words: str
) -> None:
    document = {"gate": "gate-1", "store_id": "ARENA-1", "basket": BASKET} | change
    assert words in control(sandbox.url, "POST", "walk-out", document)["error"]
    assert (product.received, control(sandbox.url, "GET", "health")["trips"]) == ([], 0)


def test_a_gate_where_nobody_walked_out_has_nothing_to_repeat(sandbox: Sandbox) -> None:
    answer = control(sandbox.url, "POST", "repeat", {"gate": "gate-9"})
    assert answer == {"error": "Nobody has walked out at gate-9 yet"}
