"""Promotions tried on past trips: the engine's figures; no trip lost or there twice; nothing else changes."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Barcode, Product, Store
from orders import backtests, jobs, privacy, tasks
from orders.backtests import AT_ONCE, Figures, NothingToTry
from orders.jobs import LEASE
from orders.models import BackTest, BackTestTrip, Purchase
from orders.statuses import JobStatus, MoveRefused, Status, TripOutcome
from pricing.candidates import Tried
from pricing.models import Promotion, PromotionKind
from tests.factories import PriceFactory, PromotionFactory, PurchaseFactory, StoreFactory
from tests.orders.carts import cart, item
from tests.orders.shop import NOW, NUTS, Shop, everything, take_in

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
FAR = NOW + timedelta(days=400)


@pytest.fixture(autouse=True)
def _open(shop: Shop) -> None:
    """Cola at 4.25 with 0.50 off, taxed at 8.25 %; nuts at 2.79, exempt."""


def trip(*items: dict[str, Any], at: datetime = NOW) -> Purchase:
    """One cola and one packet of nuts for 6.85, unless said otherwise."""
    number = Purchase.objects.count()
    changes: dict[str, Any] = {"cartItems": list(items)} if items else {}
    shopping = {"startTime": "2026-03-14T19:02:11Z", "endTime": f"{at - timedelta(seconds=42):%Y-%m-%dT%H:%M:%SZ}"}
    document = cart(
        idempotentShoppingTripId=f"trip-{number}", shoppingTrip={**cart()["shoppingTrip"], **shopping}, **changes
    )
    return take_in(document, at=at)


def promotion(**terms: Any) -> Promotion:
    """Nuts for 2.00, from a day on that is far off."""
    nuts: dict[str, Any] = {
        "code": "NUTS-2",
        "name": "Nuts for 2.00",
        "receipt_text": "Nuts for 2.00",
        "kind": PromotionKind.FIXED_PRICE,
        "percent": None,
        "amount": Decimal("2.00"),
        "targets": {"skus": [NUTS]},
        "starts_at": FAR,
    }
    made: Promotion = PromotionFactory(**nuts | terms)
    return made


def asked(by: User, tried: Promotion | Tried, *stores: Store, trips: int = 1000) -> BackTest:
    chosen = stores or tuple(Store.objects.all())
    row = tried.pk if isinstance(tried, Promotion) else None
    tried = Tried.stored(tried) if isinstance(tried, Promotion) else tried
    return backtests.request(tried, chosen, trips, row=row, by=by, now=LATER)


def done(test: BackTest, at: datetime = LATER) -> BackTest:
    """After as many turns as it takes."""
    while jobs.to_do(BackTest, now=at) == [test.pk]:
        backtests.work_on(test.pk, clock=lambda: at)
    test.refresh_from_db()
    assert test.status == JobStatus.DONE
    return test


def told(test: BackTest) -> list[tuple[Any, ...]]:
    return [
        (one.purchase_id, one.outcome, one.total_before, one.total_after, one.difference, one.pieces)
        for one in test.tried.all()
    ]


def money(text: str) -> Decimal:
    return Decimal(text)


# -- what comes of it


def test_each_trip_shows_what_it_would_have_cost_with_the_promotion(person: User) -> None:
    both, cola, nuts = trip(), trip(item()), trip(item(id=NUTS, quantity={"value": "3.0", "unit": "unit"}))

    test = done(asked(person, promotion()))

    assert told(test) == [
        (nuts.pk, TripOutcome.TOUCHED, money("8.37"), money("6.00"), money("-2.37"), 3),
        (cola.pk, TripOutcome.SAME, money("4.06"), money("4.06"), money("0.00"), 0),
        (both.pk, TripOutcome.TOUCHED, money("6.85"), money("6.06"), money("-0.79"), 1),
    ]
    assert backtests.figures(test.tried.all()) == {
        ("ARENA-EAST-12", "USD"): Figures(
            currency="USD",
            trips=3,
            touched=2,
            pieces=4,
            given=money("3.16"),
            total_before=money("19.28"),
            total_after=money("16.12"),
            net_before=money("18.66"),
            net_after=money("15.50"),
        )
    }


def test_a_basket_offer_counts_the_pieces_of_its_lines(person: User) -> None:
    trip(item(id=NUTS, quantity={"value": "2.0", "unit": "unit"}), item())
    offer = promotion(
        kind=PromotionKind.SPEND_GET, threshold=Decimal("5.00"), amount=Decimal("1.00"), targets={"skus": [NUTS]}
    )

    test = done(asked(person, offer))

    assert [(one.given, one.pieces, one.difference) for one in test.tried.all()] == [(money("1.00"), 2, money("-1.00"))]


def test_an_edit_is_held_against_what_was_in_force(person: User) -> None:
    trip(item())
    edited = Tried.stored(Promotion.objects.get(code="SECOND-PERIOD"))
    edited.promotion.amount = Decimal("1.00")

    test = done(asked(person, Tried.read(edited.text)))

    assert [row[1:5] for row in told(test)] == [(TripOutcome.TOUCHED, money("4.06"), money("3.52"), money("-0.54"))]


def test_one_that_was_in_force_just_so_is_held_against_trips_without_it(person: User) -> None:
    trip(item())

    test = done(asked(person, Promotion.objects.get(code="SECOND-PERIOD")))

    assert [row[1:5] for row in told(test)] == [(TripOutcome.TOUCHED, money("4.60"), money("4.06"), money("-0.54"))]


def test_hours_hold_at_each_trip_s_own_moment_on_the_store_s_clock(person: User) -> None:
    """The shop is in New York: the trips end at 15:05 and 18:05 there."""
    early, late = trip(), trip(at=NOW + timedelta(hours=3))

    test = done(asked(person, promotion(from_time=time(17), until_time=time(19), weekdays=["SAT"])))

    assert [row[:2] for row in told(test)] == [(late.pk, TripOutcome.TOUCHED), (early.pk, TripOutcome.SAME)]


def test_each_trip_is_priced_as_of_its_own_moment(person: User, shop: Shop) -> None:
    trip()
    PriceFactory(product=shop.nuts, amount=Decimal("9.99"), starts_at=LATER)

    assert [row[2:4] for row in told(done(asked(person, promotion())))] == [(money("6.85"), money("6.06"))]


def test_what_is_not_reproduced_is_set_apart_and_not_counted(person: User, shop: Shop) -> None:
    """A promotion of a category: products belong to the one that they have now."""
    PromotionFactory(code="DRINKS", amount=None, percent=Decimal(50))
    moved, other = trip(item()), trip(item(id=NUTS))
    Product.objects.filter(pk=shop.cola.pk).update(category="Cellar")

    test = done(asked(person, promotion()))

    apart = test.tried.get(purchase=moved)
    assert (apart.outcome, apart.total_before, apart.pieces) == (TripOutcome.APART, None, 0)
    assert apart.reason == (
        "Priced again without any change it comes to 4.06 and not to 2.29: something that it was priced by is "
        "different now."
    )
    assert [one.trips for one in backtests.figures(test.tried.all()).values()] == [1]
    assert test.tried.get(purchase=other).outcome == TripOutcome.TOUCHED


def test_what_cannot_be_priced_any_more_is_set_apart(person: User) -> None:
    trip(item(id="012345678905", type="SCANCODE"))
    Barcode.objects.all().delete()

    test = done(asked(person, promotion()))

    assert "cannot be priced any more: No product has the barcode" in test.tried.get().reason


def test_a_cart_that_cannot_be_read_any_more_is_set_apart(person: User) -> None:
    damaged = trip()
    Purchase.objects.filter(pk=damaged.pk).update(raw=b"{}")

    test = done(asked(person, promotion()))

    assert test.tried.get().reason.startswith("The cart is no longer in the form agreed with Amazon")


def test_trips_whose_shopper_was_forgotten_are_tried_like_others(person: User) -> None:
    trip()
    assert privacy.redact(now=NOW + timedelta(days=91)) == 1

    assert [row[2:4] for row in told(done(asked(person, promotion())))] == [(money("6.85"), money("6.06"))]


# -- which trips


def test_the_last_real_trips_of_each_store_are_tried(person: User) -> None:
    old, new, newest = (trip(at=NOW + timedelta(minutes=minute)) for minute in range(3))
    tests = trip()
    Purchase.objects.filter(pk=tests.pk).update(is_test=True)
    elsewhere = PurchaseFactory(ordered=True)
    for changes in ({"parked": True}, {"closed": True}, {"refused": True}, {"ordered": True, "environment": "test"}):
        PurchaseFactory(store_id=old.store_id, **changes)

    one = asked(person, promotion(), old.store, trips=2)
    both = asked(person, promotion(code="OTHER"), old.store, elsewhere.store)

    assert one.trips == [newest.pk, new.pk]
    assert both.trips == [newest.pk, new.pk, old.pk, elsewhere.pk]


def test_without_trips_there_is_nothing_to_try(person: User) -> None:
    with pytest.raises(NothingToTry, match="no trips in these stores yet"):
        asked(person, promotion(), StoreFactory())

    assert not BackTest.objects.exists()


def test_what_could_not_be_read_again_is_refused_at_once(person: User) -> None:
    trip()

    with pytest.raises(NothingToTry, match=r"cannot be tried: promotions\[0\]\.code: Start with a letter or digit"):
        asked(person, promotion(code="=CODE"))

    assert not BackTest.objects.exists()


# -- the work: claim, price, settle


class Died(BaseException):
    """The process is gone."""


def at_call(number: int, do: Callable[[], object]) -> Callable[[], datetime]:
    """A clock that does something else besides when it is read for this time."""
    calls = iter(range(10_000))

    def read() -> datetime:
        if next(calls) == number:
            do()
        return LATER

    return read


def die() -> None:
    raise Died


@pytest.fixture
def many() -> list[int]:
    """More trips than are written at once, twice over."""
    return [trip(item(id=NUTS)).pk for _ in range(2 * AT_ONCE + 3)]


FIRST_TRIPS_ARE_WRITTEN = AT_ONCE + 5
"""Reads of the clock until then: for the turn, its end, each trip, the writing; and a few trips more."""


def each_once(test: BackTest, keys: list[int]) -> bool:
    tried = list(test.tried.order_by("number").values_list("number", "purchase_id"))
    return [number for number, _ in tried] == list(range(1, len(keys) + 1)) and {key for _, key in tried} == set(keys)


def test_a_test_that_was_cut_short_goes_on_where_it_stood(person: User, many: list[int]) -> None:
    test = asked(person, promotion())
    with pytest.raises(Died):
        backtests.work_on(test.pk, clock=at_call(FIRST_TRIPS_ARE_WRITTEN, die))
    test.refresh_from_db()
    written = list(test.tried.values_list("pk", flat=True))

    assert (test.status, test.done, len(written)) == (JobStatus.RUNNING, AT_ONCE, AT_ONCE)
    assert jobs.to_do(BackTest, now=LATER + LEASE / 2) == []  # it may still be at work
    assert jobs.to_do(BackTest, now=LATER + LEASE) == [test.pk]

    done(test, LATER + LEASE)

    assert each_once(test, many)
    assert set(written) < set(test.tried.values_list("pk", flat=True))


def test_who_was_overtaken_writes_nothing(person: User, many: list[int]) -> None:
    test = asked(person, promotion())

    backtests.work_on(test.pk, clock=at_call(FIRST_TRIPS_ARE_WRITTEN, lambda: done(test, LATER + LEASE)))

    test.refresh_from_db()
    assert test.status == JobStatus.DONE
    assert each_once(test, many)


def test_a_cancelled_test_stops_and_keeps_what_has_come_of_it(person: User, many: list[int]) -> None:
    test = asked(person, promotion())

    def cancel() -> None:
        jobs.cancel(BackTest.objects.get(), now=LATER)

    backtests.work_on(test.pk, clock=at_call(FIRST_TRIPS_ARE_WRITTEN, cancel))

    test.refresh_from_db()
    assert (test.status, test.done, test.tried.count()) == (JobStatus.CANCELLED, AT_ONCE, AT_ONCE)
    assert len(many) > AT_ONCE
    assert jobs.to_do(BackTest, now=FAR) == []
    with pytest.raises(MoveRefused):
        jobs.cancel(test, now=LATER)


def test_one_that_never_gets_on_is_given_up(person: User) -> None:
    trip()
    test = asked(person, promotion())
    now = LATER
    for _ in range(jobs.MOST_TRIES):
        with pytest.raises(Died):
            backtests.work_on(test.pk, clock=at_call(2, die))
        BackTest.objects.update(due_at=now)

    backtests.work_on(test.pk, clock=lambda: now)

    test.refresh_from_db()
    assert (test.status, test.problem) == (JobStatus.FAILED, jobs.CUT_SHORT)
    assert not test.tried.exists()


def test_a_turn_ends_after_a_while_and_the_rest_waits_for_the_next(person: User, many: list[int]) -> None:
    test = asked(person, promotion())
    moments = iter([LATER] * FIRST_TRIPS_ARE_WRITTEN)

    backtests.work_on(test.pk, clock=lambda: next(moments, LATER + backtests.SLICE))

    test.refresh_from_db()
    assert AT_ONCE <= test.done < len(many)
    assert jobs.to_do(BackTest, now=LATER + backtests.SLICE) == [test.pk]
    done(test, LATER + backtests.SLICE)
    assert each_once(test, many)


def test_tests_are_worked_on_one_after_the_other(person: User) -> None:
    trip()
    first, second = asked(person, promotion()), asked(person, promotion(code="OTHER"))
    assert jobs.to_do(BackTest, now=LATER) == [first.pk]
    BackTest.objects.claim(first.pk, now=LATER, until=LATER + LEASE)

    backtests.work_on(second.pk, clock=lambda: LATER)

    second.refresh_from_db()
    assert second.status == JobStatus.WAITING
    assert jobs.to_do(BackTest, now=LATER) == []


def test_another_environment_s_tests_are_left_alone(person: User) -> None:
    trip()
    test = asked(person, promotion())
    BackTest.objects.update(environment="live")

    assert jobs.to_do(BackTest, now=LATER) == []
    assert BackTest.objects.claim(test.pk, now=LATER, until=LATER + LEASE) is None


def test_the_task_does_the_work_and_nothing_but_the_test_changes(person: User) -> None:
    trip()
    test = asked(person, promotion())
    mine = {"BackTest", "BackTestTrip"}
    before = {name: rows for name, rows in everything().items() if name not in mine}

    tasks.try_on_past_trips(test_id=test.pk)

    test.refresh_from_db()
    assert (test.status, test.done) == (JobStatus.DONE, 1)
    assert {name: rows for name, rows in everything().items() if name not in mine} == before
    assert Purchase.objects.get().status == Status.AWAITING_CHECKOUT


def test_questions_to_the_database_are_those_of_the_pricebook_and_a_few_for_many_trips(person: User) -> None:
    for _ in range(AT_ONCE):
        trip()
    few, all_of_them = asked(person, promotion(), trips=5), asked(person, promotion(code="OTHER"))
    asked_of = {}
    for test in (few, all_of_them):
        with CaptureQueriesContext(connection) as queries:
            done(test)
        asked_of[test.pk] = len(queries)
    per_trip = 2 if connection.vendor == "postgresql" else 10

    assert asked_of[all_of_them.pk] - asked_of[few.pk] == (AT_ONCE - 5) * per_trip
    assert BackTestTrip.objects.count() == AT_ONCE + 5
