"""Looking after what stands still, and what readiness reads of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection

from catalog.models import Store
from jwo_store.models import Alarm, Heartbeat
from jwo_store.readiness import Reading, readings
from orders import checkout, tasks, watching
from orders.models import Purchase, PurchaseNote
from orders.statuses import Status
from tests.orders.carts import cart
from tests.orders.shop import NOW, STORE, alarms, everything, submit, take_in
from tests.orders.stand_ins import Step, ordered, refused, slowed_down, unreached

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("shop")


def trip(name: str, *, hours: float = 0.0, store: str = STORE) -> Purchase:
    """A purchase that came in so many hours before NOW, right after its shopper had left."""
    at = NOW - hours * HOUR
    return take_in(
        cart(
            idempotentShoppingTripId=name,
            requestId=f"{name.encode().hex():0>8.8}-0000-0000-0000-000000000000",
            storeId=store,
            shoppingTrip={"startTime": at.isoformat(), "endTime": at.isoformat(), "authEvents": []},
        ),
        at=at,
    )


class TestATripWithoutAnOrder:
    @pytest.mark.parametrize(
        ("age", "hours"),
        [
            (HOUR - SECOND, None),
            (HOUR, 1),
            (4 * HOUR - SECOND, 1),
            (4 * HOUR, 4),
            (12 * HOUR - SECOND, 4),
            (12 * HOUR, 12),
            (timedelta(days=14) - SECOND, 12),
            (timedelta(days=14), None),
        ],
    )
    def test_is_told_of_after_1_4_and_12_hours(self, age: timedelta, hours: int | None) -> None:
        purchase = take_in()
        watching.watch(now=NOW + age)
        expected = [] if hours is None else [(f"Trips without an order for {hours} h", purchase.purchase_id, 1)]
        assert alarms() == expected

    def test_is_told_of_once_at_each_age(self) -> None:
        purchase = take_in()
        for minutes in range(0, 13 * 60, 20):
            watching.watch(now=NOW + timedelta(minutes=minutes))
        assert alarms() == [
            ("Trips without an order for 1 h", purchase.purchase_id, 9),
            ("Trips without an order for 4 h", purchase.purchase_id, 24),
            ("Trips without an order for 12 h", purchase.purchase_id, 3),
        ]

    def test_is_counted_with_the_others_of_its_age_and_the_oldest_is_named(self) -> None:
        for name, hours in (("a", 0.5), ("b", 1.5), ("c", 3), ("d", 2), ("e", 5), ("f", 30), ("g", 20)):
            trip(name, hours=hours)
        watching.watch(now=NOW)
        oldest = {name: Purchase.objects.get(trip_id=name).purchase_id for name in "cef"}
        assert alarms() == [
            ("Trips without an order for 12 h", oldest["f"], 1),
            ("Trips without an order for 4 h", oldest["e"], 1),
            ("Trips without an order for 1 h", oldest["c"], 1),
        ]
        assert Alarm.objects.get(kind="Trips without an order for 1 h").text == (
            f"3 trips have had no order for more than 1 h. The oldest is purchase {oldest['c']} "
            "(on its way to amazon). The hold on the shoppers' cards runs out."
        )

    @pytest.mark.parametrize("step", [unreached(), refused()], ids=["on its way", "rejected"])
    def test_is_one_that_should_still_get_one(self, step: Step) -> None:
        submit(take_in(), step)
        watching.watch(now=NOW + HOUR)
        assert [kind for kind, _, _ in alarms() if kind.startswith("Trips")] == ["Trips without an order for 1 h"]

    def test_is_one_that_waits_for_a_repair(self) -> None:
        trip("parked", store="ARENA-WEST-1")
        watching.watch(now=NOW + HOUR)
        assert [kind for kind, _, _ in alarms()] == ["Cart waits for a repair", "Trips without an order for 1 h"]

    def test_is_none_that_is_finished_empty_or_a_test(self, person: User) -> None:
        submit(trip("ordered"), ordered())
        checkout.close(trip("closed"), reason="Paid at the desk.", by=person, now=NOW)
        take_in(cart(idempotentShoppingTripId="empty", cartItems=[]))
        test = trip("test")
        Purchase.objects.filter(pk=test.pk).update(is_test=True)
        before = everything()
        watching.watch(now=NOW + 5 * HOUR)
        assert alarms() == []
        after = everything()
        assert {name for name in after if after[name] != before[name]} <= {"PurchaseNote"}

    def test_is_none_that_got_its_order_while_we_looked(self) -> None:
        purchase = take_in()

        def order(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
            """Amazon answers right after the purchase was read."""
            result = execute(sql, params, many, context)
            if sql.startswith("SELECT") and "orders_purchase" in sql:
                Purchase.objects.filter(pk=purchase.pk, order_id=None).update(status=Status.ORDERED, order_id="113-1")
            return result

        with connection.execute_wrapper(order):
            watching.watch(now=NOW + HOUR)
        assert alarms() == []

    def test_changes_nothing_by_being_told_of(self) -> None:
        take_in()
        before = everything()
        watching.watch(now=NOW + HOUR)
        after = everything()
        assert {name for name in after if after[name] != before[name]} == {"Alarm"}

    def test_is_told_of_by_the_task(self) -> None:
        """The task reads the clock; the cart of 14 March is told of for two weeks."""
        tasks.watch()
        assert alarms() == []


class TestAStoreOnHold:
    def test_is_told_of_while_purchases_wait(self) -> None:
        trip("a")
        trip("b")
        Store.objects.update(on_hold=True)
        watching.watch(now=NOW)
        assert alarms() == [("Store on hold", STORE, 1)]
        alarm = Alarm.objects.get()
        assert alarm.text == (
            "Arena East is on hold: 2 purchases wait and nothing is sent to Amazon "
            "(seen March 14, 2026, 3:06 p.m. (New York)). Release the store as soon as its prices are right."
        )
        assert alarm.link == f"/admin/catalog/store/{STORE}/change/"

    def test_is_not_told_of_while_nothing_waits(self) -> None:
        submit(take_in(), ordered())
        Store.objects.update(on_hold=True)
        watching.watch(now=NOW)
        assert alarms() == []

    def test_is_not_told_of_after_it_was_released(self) -> None:
        take_in()
        Store.objects.update(on_hold=True)
        Store.objects.update(on_hold=False)
        watching.watch(now=NOW)
        assert alarms() == []


class TestARepeatedRequestID:
    SAME = "6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10"

    def test_is_noted_on_the_later_purchases_once(self) -> None:
        first, second, third = (
            take_in(cart(idempotentShoppingTripId=f"trip-{number}"), at=NOW + number * SECOND) for number in range(3)
        )
        assert {one.request_id for one in (first, second, third)} == {self.SAME}
        for _ in range(3):
            watching.watch(now=NOW + timedelta(minutes=5))
        noted: Any = PurchaseNote.objects.order_by("purchase").values_list("purchase", "text", "at", "by")
        assert list(noted) == [
            (
                one.pk,
                "Amazon used the request ID of this cart for another trip before.",
                NOW + timedelta(minutes=5),
                None,
            )
            for one in (second, third)
        ]

    def test_is_not_a_repeat_of_the_same_trip(self) -> None:
        take_in()
        take_in()
        watching.watch(now=NOW + timedelta(minutes=5))
        assert not PurchaseNote.objects.exists()

    def test_is_looked_for_among_the_purchases_of_one_day(self) -> None:
        for number in range(2):
            take_in(cart(idempotentShoppingTripId=f"trip-{number}"))
        assert watching.note_repeated_requests(now=NOW + timedelta(days=1)) == 0
        assert watching.note_repeated_requests(now=NOW + timedelta(days=1) - SECOND) == 1


class TestTheOldestDue:
    def test_is_none_at_first(self) -> None:
        assert watching.oldest_due(NOW) == Reading(well=True, seen="nothing is due")

    @pytest.mark.parametrize(
        ("age", "reading"),
        [
            (-SECOND, Reading(well=True, seen="nothing is due")),
            (timedelta(0), Reading(well=True, seen="due for 0 s")),
            (timedelta(seconds=299), Reading(well=True, seen="due for 299 s")),
            (timedelta(seconds=300), Reading(well=False, seen="due for 300 s")),
            (timedelta(days=1), Reading(well=False, seen="due for 86400 s")),
        ],
    )
    def test_is_well_for_five_minutes(self, age: timedelta, reading: Reading) -> None:
        take_in()
        take_in(cart(idempotentShoppingTripId="younger"), at=NOW + timedelta(minutes=1))
        assert watching.oldest_due(NOW + age) == reading

    def test_is_not_one_that_waits_for_its_next_try(self) -> None:
        submit(take_in(), slowed_down(3600))
        assert watching.oldest_due(NOW + timedelta(minutes=30)) == Reading(well=True, seen="nothing is due")

    def test_is_not_one_of_a_store_on_hold(self) -> None:
        take_in()
        Store.objects.update(on_hold=True)
        assert watching.oldest_due(NOW + HOUR) == Reading(well=True, seen="nothing is due")


class TestTheLastSweep:
    def test_is_never_at_first(self) -> None:
        assert watching.last_sweep(NOW) == Reading(well=False, seen="never: is the worker with its beat running?")

    @pytest.mark.parametrize(("age", "well"), [(0, True), (59, True), (60, False), (3600, False)])
    def test_is_well_for_five_rounds_and_ten_seconds(self, *, settings: LazySettings, age: int, well: bool) -> None:
        settings.SWEEP_EVERY = 10.0
        checkout.overdue(now=NOW)
        assert watching.last_sweep(NOW + age * SECOND) == Reading(well=well, seen=f"{age} s ago")
        assert Heartbeat.objects.get().at == NOW


def test_readiness_reads_both() -> None:
    purchase = take_in()
    checkout.overdue(now=NOW)
    seen = readings(NOW + timedelta(minutes=10))
    assert seen["oldest due purchase"] == Reading(well=False, seen="due for 600 s")
    assert seen["last sweep"] == Reading(well=False, seen="600 s ago")
    assert purchase.status == Status.AWAITING_CHECKOUT
