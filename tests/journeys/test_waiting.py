"""Trips that must wait: stores on hold, deadlines, and a database that was brought in from another environment."""

from collections.abc import Iterator

import pytest

from tests.journeys.carts import CHIPS, Cart, as_bytes, cart, trip_of
from tests.journeys.house import Ground, House
from tests.journeys.processes import until
from tests.journeys.records import Purchase
from tests.journeys.wire import Snare, post_cart

pytestmark = pytest.mark.journey

WITHIN = 30.0
DEADLINE = 6.0
"""Seconds."""


@pytest.fixture
def hasty_house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It gives up after seconds."""
    settings = {"CHECKOUT_DEADLINE_HOURS": f"{DEADLINE / 3600}"}
    with ground.running(tmp_path_factory.mktemp("house"), settings) as house:
        yield house


@pytest.fixture
def moved_house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It may be stopped and started in another environment."""
    with ground.running(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def snare() -> Iterator[Snare]:
    snare = Snare()
    yield snare
    snare.close()


def post(house: House, *carts: Cart) -> None:
    house.amazon.expect(carts)
    for one in carts:
        assert post_cart(house.url, as_bytes(one)).status == 201


def wait_for(house: House, one: Cart, status: str) -> Purchase:
    return house.records.wait_for(trip_of(one), status, WITHIN)


def wait_for_sweeps(house: House, count: int = 3) -> None:
    """Until the sweep has looked for due purchases that often."""
    for _ in range(count):
        last = last_sweep(house)
        until(lambda last=last: last_sweep(house) != last, WITHIN, "the sweep runs")  # type: ignore[misc]


def last_sweep(house: House) -> object:
    return house.records.rows("SELECT at FROM jwo_store_heartbeat WHERE name = 'sweep'")


def test_a_store_on_hold_takes_carts_and_sends_nothing_until_it_is_released(house: House) -> None:
    house.records.hold("CORNER-2", on_hold=True)
    held = [cart(*CHIPS, store_id="CORNER-2") for _ in range(2)]
    other = cart(*CHIPS, store_id="CORNER-1")
    post(house, *held, other)
    wait_for(house, other, "ORDERED")
    wait_for_sweeps(house)
    for one in held:
        kept = house.records.purchase(trip_of(one))
        assert (kept.status, kept.tries, str(kept.price_total)) == ("AWAITING_CHECKOUT", 0, "2.00")
        assert house.amazon.trip(trip_of(one))["calls"] == 0

    house.records.hold("CORNER-2", on_hold=False)
    for one in held:
        kept, charged = wait_for(house, one, "ORDERED"), house.amazon.trip(trip_of(one))
        assert (charged["calls"], charged["charges"], charged["order_id"]) == (1, 1, kept.order_id)


def test_time_runs_out_only_for_what_was_tried(hasty_house: House) -> None:
    """Amazon slows the first trip down for ever and fails at the second; the third waits at a store on hold."""
    house = hasty_house
    slowed, failed = cart(*CHIPS), cart(*CHIPS)
    held = cart(*CHIPS, store_id="CORNER-2")
    house.records.hold("CORNER-2", on_hold=True)
    house.amazon.misbehave("429", trip_id=trip_of(slowed))
    house.amazon.misbehave("charge_and_500", trip_id=trip_of(failed))
    post(house, slowed, failed, held)

    given_up, unknown = wait_for(house, slowed, "CLOSED"), wait_for(house, failed, "CLOSED")
    assert (given_up.closed_reason, given_up.possibly_charged) == ("Time ran out without an order from Amazon.", False)
    assert unknown.closed_reason.startswith("Outcome unknown: time ran out")
    assert unknown.possibly_charged
    alarms = {alarm.subject: alarm.text for alarm in house.records.alarms("Purchase given up")}
    assert alarms.keys() == {given_up.purchase_id, unknown.purchase_id}
    assert all(row.trip_id in alarms[row.purchase_id] for row in (given_up, unknown))
    for row in (given_up, unknown):
        calls = house.amazon.trip(row.trip_id)["checkout_calls"]
        assert len(calls) == row.tries - 1  # the last claim found the time run out and sent nothing
        assert calls[-1]["at"] - calls[0]["at"] <= DEADLINE + 0.5

    assert house.records.purchase(trip_of(held)).status == "AWAITING_CHECKOUT"
    house.records.hold("CORNER-2", on_hold=False)
    wait_for(house, held, "ORDERED")
    assert house.amazon.ledger()["charges"] == 2


def test_a_database_of_another_environment_sends_nothing(moved_house: House, snare: Snare) -> None:
    """A trip of the sandbox wakes up under `test`, and one of `test` under the sandbox: each stays where it is."""
    house = moved_house
    ours = cart(*CHIPS)
    house.records.hold("CORNER-1", on_hold=True)
    post(house, ours)
    house.stop()
    house.records.hold("CORNER-1", on_hold=False)
    sandbox = house.settings
    test_host = snare.url.replace("http://", "https://")
    house.settings = {**sandbox, "JWO_ENVIRONMENT": "test", "AMAZON_CHECKOUT_URL": test_host}
    house.start()
    theirs = cart(*CHIPS)
    assert post_cart(house.url, as_bytes(theirs)).status == 201
    until(
        lambda: len(house.records.attempts(trip_of(theirs))) >= 2, WITHIN, "the trip of the test environment is tried"
    )
    wait_for_sweeps(house)
    assert (house.records.purchase(trip_of(ours)).status, house.records.attempts(trip_of(ours))) == (
        "AWAITING_CHECKOUT",
        [],
    )
    house.stop()
    assert snare.visitors() >= 2

    house.settings = sandbox
    house.start()
    wait_for(house, ours, "ORDERED")
    wait_for_sweeps(house)
    assert {one.outcome for one in house.records.attempts(trip_of(theirs))} == {"UNAVAILABLE"}
    ledger = house.amazon.ledger()
    assert (ledger["calls"], ledger["charges"], ledger["strays"]) == (1, 1, {})
