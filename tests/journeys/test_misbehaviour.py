"""Each way of Amazon to go wrong, and how the trip ends: the table of what Amazon says, with real calls.

All trips are sent at once, each under switches of its own; each test waits for its trip and compares the product's
rows with Amazon's book.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.journeys.carts import CHIPS, CHIPS_TOTAL, Cart, as_bytes, cart, trip_of
from tests.journeys.house import CALL_BOUND, READ_TIMEOUT, SETTINGS, Ground, House
from tests.journeys.processes import until
from tests.journeys.wire import CREATE_PURCHASES, Snare, post_cart

pytestmark = pytest.mark.journey

SETTLED_WITHIN = 60.0
SLOW_MACHINE = 1.0
"""Seconds that a bound may seem to be exceeded by because all processors were busy."""

Said = tuple[int | None, str]
ORDERED: Said = (201, "ORDERED")
UNCLEAR = "Checkout without a clear answer"
LOCKED_OUT = "Amazon does not let us in"
REFUSED = "Refused by Amazon"
UNKNOWN_TRIP = "UnknownShoppingTripException"
ASKED_AGAIN = tuple(float(seconds) for seconds in SETTINGS["CHECKOUT_UNKNOWN_TRIP_RETRIES"].split(","))
LET_IN_AGAIN = float(SETTINGS["CHECKOUT_MISCONFIGURED_RETRY"])


@dataclass(frozen=True, slots=True)
class Story:
    """What Amazon does with a trip, call by call, and what must have come of it.

    `apart` are the least seconds between its calls; `seconds` the bounds of its first call.
    """

    name: str
    switches: tuple[dict[str, Any], ...]
    attempts: tuple[Said, ...]
    alarm: tuple[str, str] | None = None
    status: str = "ORDERED"
    refusal: str = ""
    possibly_charged: bool = False
    charges: int = 1
    apart: tuple[float, ...] = ()
    seconds: tuple[float, float] = (0.0, CALL_BOUND)


def once(mode: str, **options: Any) -> tuple[dict[str, Any], ...]:
    return ({"mode": mode, "times": 1, **options},)


def refused(name: str, said: int, mode: str = "refuse", **options: Any) -> Story:
    """A refusal ends the trip at once; nobody was charged."""
    return Story(
        name,
        once(mode, **options),
        ((said, "REFUSED"),),
        (REFUSED, f"CORNER-1: {name}"),
        status="REJECTED",
        refusal=name,
        charges=0,
    )


def locked_out(name: str, said: int, mode: str, **options: Any) -> Story:
    """Amazon does not let us in, twice; the trip waits and is ordered as soon as it does."""
    return Story(
        name,
        ({"mode": mode, "times": 2, **options},),
        ((said, "UNAVAILABLE"), (said, "UNAVAILABLE"), ORDERED),
        (LOCKED_OUT, str(said)),
        apart=(LET_IN_AGAIN, LET_IN_AGAIN),
    )


def unclear(mode: str, said: int | None, seconds: tuple[float, float] = (0.0, CALL_BOUND), **options: Any) -> Story:
    """Nobody knows whether the card was charged: marked, told, and asked again with the same bytes."""
    return Story(
        mode,
        once(mode, **options),
        ((said, "UNKNOWN"), ORDERED),
        (UNCLEAR, "CORNER-1"),
        possibly_charged=True,
        seconds=seconds,
    )


def stories(elsewhere: str) -> list[Story]:
    return [
        refused("InvalidRequest", 400),
        refused("ShoppingTripExpired", 400, error="ShoppingTripExpiredException"),
        refused("UnprocessableEntity", 422, mode="refuse_other"),
        Story(
            "trip becomes known",
            ({"mode": "refuse", "error": UNKNOWN_TRIP, "times": 2},),
            ((400, "REFUSED"), (400, "REFUSED"), ORDERED),
            apart=ASKED_AGAIN[:2],
        ),
        Story(
            "trip stays unknown",
            ({"mode": "refuse", "error": UNKNOWN_TRIP},),
            ((400, "REFUSED"),) * 4,
            (REFUSED, "CORNER-1: UnknownShoppingTrip"),
            status="REJECTED",
            refusal="UnknownShoppingTrip",
            charges=0,
            apart=ASKED_AGAIN,
        ),
        locked_out("401", 401, "401"),
        locked_out("403", 403, "403"),
        locked_out("404", 404, "404"),
        locked_out("405", 405, "refuse_other", status=405),
        locked_out("415", 415, "refuse_other", status=415),
        locked_out("redirect", 302, "redirect", location=elsewhere),
        unclear("408", 408),
        unclear("409", 409),
        Story("429", once("429"), ((429, "UNAVAILABLE"), ORDERED)),
        Story("patience", once("429", retry_after=3), ((429, "UNAVAILABLE"), ORDERED), apart=(3.0,)),
        Story("no patience", once("429", retry_after=0), ((429, "UNAVAILABLE"), ORDERED), apart=(1.0,)),
        unclear("500", 500),
        unclear("503", 503),
        unclear("charge_and_500", 500),
        unclear("charge_and_409", 409),
        unclear("drop", None),
        unclear("charge_and_drop", None),
        unclear("slow", None, seconds=(READ_TIMEOUT, CALL_BOUND)),
        unclear("timeout", None, seconds=(READ_TIMEOUT, CALL_BOUND)),
        unclear("charge_and_timeout", None, seconds=(READ_TIMEOUT, CALL_BOUND)),
        unclear("dribble", None, seconds=(CALL_BOUND - 0.1, CALL_BOUND)),
        unclear("dribble_headers", None, seconds=(CALL_BOUND - 0.1, CALL_BOUND)),
        unclear("no_order_id", 201),
        unclear("not_json", 200),
        unclear("huge", None),
    ]


NAMES = [story.name for story in stories("")]


@pytest.fixture(scope="module")
def snare() -> Iterator[Snare]:
    """Where redirects and the environment's proxies point to."""
    snare = Snare()
    yield snare
    snare.close()


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory, snare: Snare) -> Iterator[House]:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), snare.url)
    with ground.running(tmp_path_factory.mktemp("house"), proxies) as house:
        yield house


@pytest.fixture(scope="module")
def told(house: House, snare: Snare) -> dict[str, tuple[Story, str]]:
    """Every story with its trip; all carts are sent."""
    sent: dict[str, tuple[Story, str]] = {}
    carts: list[Cart] = []
    for story in stories(f"{snare.url}{CREATE_PURCHASES}"):
        carts.append(cart(*CHIPS))
        sent[story.name] = story, trip_of(carts[-1])
    house.amazon.expect(carts)
    for story, trip_id in sent.values():
        for switch in story.switches:
            house.amazon.misbehave(trip_id=trip_id, **switch)
    for one in carts:
        assert post_cart(house.url, as_bytes(one)).status == 201
    return sent


def assert_sent_alike(house: House, trip_id: str) -> list[Any]:
    """Every call carried the bytes that the product keeps, and none met another; gives the calls."""
    trip = house.amazon.trip(trip_id)
    calls: list[Any] = trip["checkout_calls"]
    assert {call["sha256"] for call in calls} == {house.records.purchase(trip_id).body}
    assert trip["overlapping_calls"] == 0
    return calls


@pytest.mark.parametrize("name", NAMES)
def test_a_misbehaviour_ends_as_the_table_says(house: House, told: dict[str, tuple[Story, str]], name: str) -> None:
    story, trip_id = told[name]
    house.records.wait_for(trip_id, story.status, SETTLED_WITHIN)
    kept, trip, attempts = house.records.purchase(trip_id), house.amazon.trip(trip_id), house.records.attempts(trip_id)

    assert [(one.status, one.outcome) for one in attempts] == list(story.attempts)
    assert (kept.refusal, kept.possibly_charged) == (story.refusal, story.possibly_charged)
    assert (trip["charges"], trip["charged"]) == (story.charges, f"{CHIPS_TOTAL * story.charges:.2f}")
    assert kept.order_id == trip["order_id"]
    assert kept.price_total == CHIPS_TOTAL

    calls = assert_sent_alike(house, trip_id)
    assert len(calls) == len(attempts)
    gaps = [later["at"] - earlier["at"] for earlier, later in pairwise(calls)]
    assert [(gap, least) for gap, least in zip(gaps, story.apart, strict=False) if gap < least] == []
    shortest, longest = story.seconds
    assert shortest <= (attempts[0].seconds or 0.0) <= longest + SLOW_MACHINE
    if story.alarm:
        kind, subject = story.alarm
        assert subject in {alarm.subject for alarm in house.records.alarms(kind)}


def test_the_alarm_of_a_locked_door_says_what_to_look_at(house: House, told: dict[str, tuple[Story, str]]) -> None:
    _, trip_id = told["403"]
    house.records.wait_for(trip_id, "ORDERED", SETTLED_WITHIN)
    alarms = {alarm.subject: alarm for alarm in house.records.alarms(LOCKED_OUT)}
    assert alarms["403"].times == 2
    for hint in ("execute-api:Invoke", "allowlisted", "AWS_REGION", "AMAZON_CHECKOUT_URL", "session token", "clock"):
        assert hint in alarms["403"].text


def test_a_trip_that_amazon_does_not_know_yet_is_asked_again(house: House) -> None:
    early = cart(*CHIPS)
    trip_id = trip_of(early)
    assert post_cart(house.url, as_bytes(early)).status == 201
    until(lambda: len(house.records.attempts(trip_id)) == 2, SETTLED_WITHIN, "asked twice")
    house.amazon.expect([early])
    house.records.wait_for(trip_id, "ORDERED", SETTLED_WITHIN)
    first, *_, last = house.records.attempts(trip_id)
    assert (first.status, first.error, first.outcome) == (400, "UnknownShoppingTrip", "REFUSED")
    assert (last.status, last.outcome) == ORDERED
    assert not house.records.purchase(trip_id).possibly_charged


def test_an_amazon_that_cannot_be_reached_charges_nobody_and_is_asked_again(house: House) -> None:
    waiting = cart(*CHIPS)
    trip_id = trip_of(waiting)
    house.amazon.expect([waiting])
    house.amazon.process.kill()
    assert post_cart(house.url, as_bytes(waiting)).status == 201
    until(lambda: len(house.records.attempts(trip_id)) >= 3, SETTLED_WITHIN, "tried three times")
    house.amazon.start()
    house.records.wait_for(trip_id, "ORDERED", SETTLED_WITHIN)
    *failed, last = house.records.attempts(trip_id)
    assert {(one.status, one.outcome) for one in failed} == {(None, "UNAVAILABLE")}
    assert (last.status, last.outcome) == ORDERED
    assert not house.records.purchase(trip_id).possibly_charged
    assert_sent_alike(house, trip_id)


def test_wrong_keys_are_told_and_the_trip_is_ordered_with_the_right_ones(house: House) -> None:
    waiting = cart(*CHIPS)
    trip_id = trip_of(waiting)
    house.amazon.expect([waiting])
    before = {alarm.subject: alarm.times for alarm in house.records.alarms(LOCKED_OUT)}
    house.kill_all()
    house.settings["AWS_SECRET_ACCESS_KEY"] = "not/the/secret/key/of/journeys0123456789"
    house.start()
    assert post_cart(house.url, as_bytes(waiting)).status == 201
    until(lambda: len(house.records.attempts(trip_id)) >= 2, SETTLED_WITHIN, "tried twice")
    assert house.records.purchase(trip_id).status == "AWAITING_CHECKOUT"
    house.stop()
    house.settings["AWS_SECRET_ACCESS_KEY"] = SETTINGS["AWS_SECRET_ACCESS_KEY"]
    house.start()
    house.records.wait_for(trip_id, "ORDERED", SETTLED_WITHIN)
    *failed, last = house.records.attempts(trip_id)
    assert {(one.status, one.outcome) for one in failed} == {(403, "UNAVAILABLE")}
    assert (last.status, last.outcome) == ORDERED
    after = {alarm.subject: alarm.times for alarm in house.records.alarms(LOCKED_OUT)}
    assert after["403"] >= before.get("403", 0) + len(failed)  # other trips may be told as well


def test_nothing_ever_went_anywhere_else(house: House, told: dict[str, tuple[Story, str]], snare: Snare) -> None:
    for story, trip_id in told.values():
        house.records.wait_for(trip_id, story.status, SETTLED_WITHIN)
    ledger = house.amazon.ledger()
    assert (ledger["overlapping_calls"], ledger["trips_with_different_bodies"]) == (0, 0)
    assert ledger["charged_more_than_once"] == 0
    assert snare.visitors() == 0
