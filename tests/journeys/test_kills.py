"""SIGKILL at the three moments that matter: before the call, during it, and between Amazon's answer and its settling.

Thirty kills each, several trips in flight at every one, and a start after each. In the end every trip has its one
order, charged once, from calls with the same bytes that never met.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import cycle
from typing import Any

import pytest

from tests.journeys.carts import CHIPS, TOTALS, TWO_COLAS_AND_CHIPS, Cart, as_bytes, cart, trip_of
from tests.journeys.house import Ground, House
from tests.journeys.processes import until
from tests.journeys.records import Purchase
from tests.journeys.wire import post_cart

pytestmark = pytest.mark.journey

SETTINGS = {"CHECKOUT_CONNECT_TIMEOUT": "0.5", "CHECKOUT_READ_TIMEOUT": "1.5", "CHECKOUT_LEASE": "4"}
KILLS = 30
MOST_ROUNDS = 45
"""A kill that came too late, because the machine was busy, is made up for by another round."""

SEEN_WITHIN = 30.0
ORDERED_WITHIN = 60.0
HELD = 30.0
"""Seconds for which Amazon keeps its answer: longer than anybody waits."""

ANSWERED_AFTER = 0.4
"""Seconds; long enough to lock the rows before the answer comes."""

UNCLEAR = "Checkout without a clear answer"


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ground.running(tmp_path_factory.mktemp("house"), SETTINGS) as house:
        yield house


def fresh_carts(count: int) -> list[Cart]:
    return [cart(*TWO_COLAS_AND_CHIPS) for _ in range(count)]


def trips_of(carts: Sequence[Cart]) -> list[str]:
    return [trip_of(one) for one in carts]


def post_at_once(house: House, carts: Sequence[Cart]) -> None:
    with ThreadPoolExecutor(len(carts)) as pool:
        answers = list(pool.map(lambda one: post_cart(house.url, as_bytes(one)), carts))
    assert [answer.status for answer in answers] == [201] * len(carts)


def calls_of(house: House, carts: Sequence[Cart]) -> list[list[Any]]:
    return [house.amazon.trip(trip_id)["checkout_calls"] for trip_id in trips_of(carts)]


def in_flight(house: House, carts: Sequence[Cart]) -> bool:
    """Whether Amazon has got a call for every cart."""
    return all(calls_of(house, carts))


def answered(house: House, carts: Sequence[Cart]) -> bool:
    return all(calls[0]["status"] == 201 for calls in calls_of(house, carts))


def killed_while(house: House, part: str, carts: Sequence[Cart]) -> set[str]:
    """The trips of these carts whose try the kill has cut short."""
    house.kill(part)
    return house.records.cut_short() & set(trips_of(carts))


def wait_for_the_end(house: House, run: str) -> dict[str, Any]:
    """Until every trip of the run is ordered; what Amazon knows of them."""
    trips = house.amazon.trips(run)

    def waiting() -> list[Purchase]:
        return [row for trip_id, row in house.records.purchases().items() if trip_id in trips and not row.order_id]

    until(lambda: not waiting(), ORDERED_WITHIN, f"every trip of {run} is ordered")
    return house.amazon.trips(run)


def assert_each_has_its_one_order(house: House, run: str, cut_short: set[str]) -> None:
    trips = wait_for_the_end(house, run)
    kept = {trip_id: row for trip_id, row in house.records.purchases().items() if trip_id in trips}
    ledger = house.amazon.ledger(run)

    assert kept.keys() == trips.keys()
    assert {row.status for row in kept.values()} == {"ORDERED"}
    assert {trip_id: row.order_id for trip_id, row in kept.items()} == {
        trip_id: trip["order_id"] for trip_id, trip in trips.items()
    }
    assert {row.price_total for row in kept.values()} == {TOTALS["price_total"]}
    assert (ledger["orders"], ledger["charges"], ledger["charged_more_than_once"]) == (len(kept), len(kept), 0)
    assert Decimal(ledger["charged"]["USD"]) == TOTALS["price_total"] * len(kept)
    assert (ledger["overlapping_calls"], ledger["trips_with_different_bodies"]) == (0, 0)
    assert [trip_id for trip_id in cut_short if not kept[trip_id].possibly_charged] == []


def test_killed_right_after_the_answer_and_before_the_call(house: House) -> None:
    run = "before"
    for part in [part for part, _ in zip(cycle(house.parts), range(KILLS), strict=False)]:
        carts = fresh_carts(3)
        house.amazon.expect(carts, run)
        post_at_once(house, carts)
        house.kill(part)
        house.lose_messages()
        house.start()
    assert_each_has_its_one_order(house, run, set())


Killing = Callable[[str, Sequence[Cart]], set[str]]


def kill_thirty_times(house: House, run: str, killing: Killing) -> set[str]:
    """The trips that were cut short by thirty kills, each of which cut at least one."""
    hits = 0
    cut_short: set[str] = set()
    for part, _ in zip(cycle(house.callers), range(MOST_ROUNDS), strict=False):
        carts = fresh_carts(2)
        house.amazon.expect(carts, run)
        cut = killing(part, carts)
        house.lose_messages()
        house.start()
        hits += bool(cut)
        cut_short |= cut
        if hits == KILLS:
            return cut_short
    raise AssertionError(f"only {hits} of {MOST_ROUNDS} kills cut a call short")


def test_killed_during_the_call(house: House) -> None:
    modes = cycle(("slow", "timeout"))  # charged already, and not yet

    def killing(part: str, carts: Sequence[Cart]) -> set[str]:
        mode = next(modes)
        for trip_id in trips_of(carts):
            house.amazon.misbehave(mode, trip_id=trip_id, times=1, seconds=HELD)
        post_at_once(house, carts)
        until(lambda: in_flight(house, carts), SEEN_WITHIN, "Amazon has the calls")
        return killed_while(house, part, carts)

    cut_short = kill_thirty_times(house, "during", killing)
    assert_each_has_its_one_order(house, "during", cut_short)


def test_killed_between_the_answer_and_its_settling(house: House) -> None:
    """The test holds the rows while Amazon answers: the product has its word and cannot write it down."""

    def killing(part: str, carts: Sequence[Cart]) -> set[str]:
        for trip_id in trips_of(carts):
            house.amazon.misbehave("slow", trip_id=trip_id, times=1, seconds=ANSWERED_AFTER)
        post_at_once(house, carts)
        until(lambda: in_flight(house, carts), SEEN_WITHIN, "Amazon has the calls")
        with house.records.locked(trips_of(carts)):
            until(lambda: answered(house, carts), SEEN_WITHIN, "Amazon has answered")
            house.records.wait_for_blocked(len(carts))
            house.kill(part)
        return house.records.cut_short() & set(trips_of(carts))

    cut_short = kill_thirty_times(house, "between", killing)
    assert_each_has_its_one_order(house, "between", cut_short)


# --- An Amazon that is not idempotent ------------------------------------------------------------------------------


def cut_short_after_the_charge(house: House, run: str, then: str) -> list[str]:
    """Trips whose card was charged by a call that was cut short; `then` is what Amazon does with the repeat."""
    carts = [cart(*CHIPS) for _ in range(3)]
    house.amazon.expect(carts, run)
    for trip_id in trips_of(carts):
        house.amazon.misbehave("slow", trip_id=trip_id, times=1, seconds=HELD)
        house.amazon.misbehave(then, trip_id=trip_id)
    post_at_once(house, carts)
    until(lambda: in_flight(house, carts), SEEN_WITHIN, "Amazon has the calls")
    assert killed_while(house, house.callers[-1], carts) == set(trips_of(carts))
    return trips_of(carts)


def settled(house: House, trip_ids: Sequence[str], status: str) -> list[Purchase]:
    def rows() -> list[Purchase]:
        return [house.records.purchase(trip_id) for trip_id in trip_ids]

    until(lambda: {row.status for row in rows()} == {status}, ORDERED_WITHIN, f"the trips are {status}")
    return rows()


def assert_told(house: House, kind: str, subjects: Sequence[str], words: str) -> None:
    alarms = {alarm.subject: alarm for alarm in house.records.alarms(kind)}
    assert set(subjects) <= alarms.keys()
    assert all(words in alarms[subject].text for subject in subjects)


def test_an_amazon_that_charges_again_is_marked_and_told(house: House) -> None:
    trip_ids = cut_short_after_the_charge(house, "again", then="charges_twice")
    house.start()
    rows = settled(house, trip_ids, "ORDERED")
    assert all(row.possibly_charged for row in rows)
    for row in rows:
        trip = house.amazon.trip(row.trip_id)
        assert (trip["charges"], trip["charged"]) == (2, "4.00")
        assert row.order_id == trip["order_ids"][1]  # the only one that the product has ever read
    assert_told(house, UNCLEAR, ["CORNER-1"], "may have been charged")


def test_an_amazon_that_refuses_the_repeat_is_marked_and_told(house: House) -> None:
    trip_ids = cut_short_after_the_charge(house, "refused", then="charge_and_400")
    house.start()
    rows = settled(house, trip_ids, "REJECTED")
    assert {(row.possibly_charged, row.refusal, row.tries) for row in rows} == {(True, "InvalidRequest", 2)}
    assert house.amazon.ledger("refused")["charges"] == len(rows)
    assert_told(house, "Refused by Amazon", [row.purchase_id for row in rows], "may have been charged")


def test_an_amazon_that_is_busy_with_the_repeat_until_time_runs_out(house: House) -> None:
    trip_ids = cut_short_after_the_charge(house, "busy", then="charge_and_409")
    house.kill_all()
    house.settings["CHECKOUT_DEADLINE_HOURS"] = f"{15 / 3600}"
    house.start()
    rows = settled(house, trip_ids, "CLOSED")
    assert all(row.possibly_charged and row.closed_reason.startswith("Outcome unknown") for row in rows)
    first, second, *_ = house.records.attempts(trip_ids[0])
    assert (first.status, first.outcome, second.status, second.outcome) == (None, "UNKNOWN", 409, "UNKNOWN")
    ledger = house.amazon.ledger("busy")
    assert (ledger["charges"], ledger["overlapping_calls"], ledger["trips_with_different_bodies"]) == (len(rows), 0, 0)
    assert_told(house, "Purchase given up", [row.purchase_id for row in rows], "may have been charged")
