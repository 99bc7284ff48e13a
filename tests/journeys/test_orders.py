"""A shopper walks out: from the cart to the order, to the cent."""

from decimal import Decimal

import pytest

from tests.journeys.carts import CHIPS, TOTALS, TWO_COLAS_AND_CHIPS
from tests.journeys.house import House

pytestmark = pytest.mark.journey

ORDERED_WITHIN = 20.0


def conflicts(house: House, trip_id: str) -> int:
    sql = "SELECT count(*) FROM orders_cartconflict c JOIN orders_purchase p ON p.id = c.purchase_id WHERE trip_id = ?"
    return int(house.records.rows(sql, trip_id)[0][0])


def test_a_trip_is_ordered_for_what_it_costs(house: House) -> None:
    told = house.amazon.walk_out("CORNER-1", *TWO_COLAS_AND_CHIPS)
    trip_id, (answer,) = told["trip_id"], told["answers"]
    house.records.wait_for(trip_id, "ORDERED", ORDERED_WITHIN)
    kept, charged = house.records.purchase(trip_id), house.amazon.trip(trip_id)

    assert (answer["status"], answer["answer"]) == (201, f'{{"purchaseId":"{kept.purchase_id}"}}')
    assert {name: getattr(kept, name) for name in TOTALS} == TOTALS
    assert (charged["state"], charged["charges"], charged["calls"]) == ("ordered", 1, 1)
    assert (charged["order_id"], Decimal(charged["charged"])) == (kept.order_id, kept.price_total)
    assert charged["checkout_calls"][0]["sha256"] == kept.body
    assert [(one.status, one.outcome) for one in house.records.attempts(trip_id)] == [(201, "ORDERED")]
    assert not kept.possibly_charged


def test_the_same_cart_again_is_the_same_purchase(house: House) -> None:
    told = house.amazon.walk_out("CORNER-1", *CHIPS, manner="twice_at_once")
    trip_id = told["trip_id"]
    house.records.wait_for(trip_id, "ORDERED", ORDERED_WITHIN)
    again = house.amazon.repeat()
    purchase_id = house.records.purchase(trip_id).purchase_id

    assert again["trip_id"] == trip_id
    assert [(one["status"], one["purchase_id"]) for one in (*told["answers"], *again["answers"])] == [
        (201, purchase_id)
    ] * 3
    charged = house.amazon.trip(trip_id)
    assert (charged["calls"], charged["charges"]) == (1, 1)
    assert house.records.rows("SELECT count(*) FROM orders_purchase WHERE trip_id = ?", trip_id) == [(1,)]
    assert conflicts(house, trip_id) == 0


def test_an_empty_cart_is_answered_and_never_checked_out(house: House) -> None:
    told = house.amazon.walk_out("CORNER-1")
    (answer,) = told["answers"]
    assert (answer["status"], answer["answer"]) == (201, '{"purchaseId":""}')
    kept = house.records.purchase(told["trip_id"])
    assert (kept.status, kept.tries, kept.body, kept.order_id) == ("EMPTY", 0, None, None)
    other = house.amazon.walk_out("CORNER-1", *CHIPS)["trip_id"]
    house.records.wait_for(other, "ORDERED", ORDERED_WITHIN)  # long enough for a call to be made
    assert house.amazon.trip(told["trip_id"])["calls"] == 0


def test_another_cart_under_the_same_trip_changes_nothing_but_is_told(house: House) -> None:
    told = house.amazon.walk_out("CORNER-1", *TWO_COLAS_AND_CHIPS, manner="changed_cart")
    trip_id = told["trip_id"]
    house.records.wait_for(trip_id, "ORDERED", ORDERED_WITHIN)
    kept, charged = house.records.purchase(trip_id), house.amazon.trip(trip_id)

    assert [(one["status"], one["purchase_id"]) for one in told["answers"]] == [(201, kept.purchase_id)] * 2
    assert (kept.order_id, kept.price_total) == (charged["order_id"], TOTALS["price_total"])
    assert (charged["charges"], Decimal(charged["charged"])) == (1, TOTALS["price_total"])
    assert conflicts(house, trip_id) == 1
    assert [(alarm.subject, alarm.times) for alarm in house.records.alarms("Two different carts for one trip")] == [
        (kept.purchase_id, 1)
    ]
