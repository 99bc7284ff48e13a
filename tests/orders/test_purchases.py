"""Taking carts in: stored, priced, answered; repeats, conflicts, faults, repairs, refused carts."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from catalog.models import EmptyCartAnswer, PricedAt, Store
from jwo_store.celery import app
from jwo_store.models import Alarm
from orders import checkout, contract, purchases
from orders.body import cart_to_price
from orders.limits import limits
from orders.models import CartConflict, Purchase, PurchaseLine, RefusedCart
from orders.statuses import MoveRefused, Status
from pricing.models import Price, TaxAssignment, TaxRule
from pricing.pricebook import read_pricebook
from tests.conftest import AtOnce
from tests.factories import PriceFactory, PromotionFactory
from tests.orders.carts import body, cart, cart_with, item
from tests.orders.conftest import Post
from tests.orders.shop import (
    COLA,
    NOW,
    NUTS,
    STORE,
    TRIP,
    Shop,
    alarms,
    everything,
    open_shop,
    stock,
    submit,
    take_in,
)
from tests.orders.stand_ins import refused

LATER = NOW + timedelta(minutes=7)
OTHER_REQUEST = "11111111-2222-3333-4444-555555555555"
OTHER_TRIP = "3c0e8a75-1a4f-4d99-9a62-88b3d1f5c7e4"

Committed = Any
"""The fixture that lists what is to happen after the commit."""


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "USD"}


SENT = {
    "idempotentShoppingTripId": TRIP,
    "storeId": STORE,
    "lineItems": [
        {
            "productId": COLA,
            "type": "SKU",
            "quantity": {"value": "1.0", "unit": "unit"},
            "unitPrice": {
                "price": usd("4.25"),
                "promotions": [
                    {"promotionAmount": usd("0.50"), "promotionDescription": "Second period special"},
                ],
                "salesTax": usd("0.31"),
                "totalPrice": usd("4.06"),
            },
        },
        {
            "productId": NUTS,
            "type": "SKU",
            "quantity": {"value": "1.0", "unit": "unit"},
            "unitPrice": {"price": usd("2.79"), "salesTax": usd("0.00"), "totalPrice": usd("2.79")},
        },
    ],
    "orderTotals": {
        "priceTotal": usd("6.85"),
        "subTotal": usd("7.04"),
        "promotionsTotal": usd("0.50"),
        "salesTaxTotal": usd("0.31"),
    },
}
"""The body of the contract's sample."""


def problems(purchase: Purchase) -> list[tuple[int | None, str, str, str]]:
    return list(purchase.problems.values_list("line", "product_id", "cause", "message"))


@pytest.mark.usefixtures("shop")
class TestAGoodCart:
    def test_is_kept_as_it_came(self) -> None:
        raw = body(cart()) + b"\n "
        purchases.record(contract.decode(raw, limits()), raw, received_at=NOW, caller="arn:aws:iam::1:role/gateway")
        purchase = Purchase.objects.get()
        assert bytes(purchase.raw) == raw
        assert purchase.raw_sha256 == hashlib.sha256(raw).hexdigest()
        assert purchase.content_sha256 == contract.decode(raw, limits()).content_hash
        assert purchase.received_at == NOW
        assert purchase.deadline_from == NOW
        assert purchase.caller == "arn:aws:iam::1:role/gateway"
        assert purchase.trip_id == TRIP
        assert purchase.request_id == "6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10"
        assert purchase.store_id == STORE
        assert purchase.environment == "sandbox"
        assert not purchase.is_test
        assert purchase.trip_started_at.isoformat() == "2026-03-14T19:02:11+00:00"
        assert purchase.trip_ended_at.isoformat() == "2026-03-14T19:05:48+00:00"

    def test_is_priced_as_of_the_moment_at_which_the_shopper_left(self, shop: Shop) -> None:
        PriceFactory(product=shop.cola, amount=Decimal("9.99"), starts_at=NOW - timedelta(seconds=41))
        purchase = take_in()
        assert purchase.priced_at == purchase.trip_ended_at
        assert (purchase.currency, purchase.price_total) == ("USD", Decimal("6.85"))
        assert (purchase.sub_total, purchase.promotions_total) == (Decimal("7.04"), Decimal("0.50"))
        assert (purchase.sales_tax_total, purchase.optimal) == (Decimal("0.31"), True)

    def test_is_priced_as_of_the_moment_at_which_the_shopper_came_where_the_store_says_so(self, shop: Shop) -> None:
        Store.objects.update(priced_at=PricedAt.START)
        PriceFactory(product=shop.nuts, amount=Decimal("9.99"), starts_at=NOW - timedelta(minutes=3))
        purchase = take_in()
        assert purchase.priced_at == purchase.trip_started_at
        assert purchase.price_total == Decimal("6.85")

    def test_is_on_its_way_with_the_body_of_the_sample(self) -> None:
        purchase = take_in()
        assert purchase.status == Status.AWAITING_CHECKOUT
        assert purchase.submit_after == NOW
        assert (purchase.tries, purchase.failures, purchase.possibly_charged) == (0, 0, False)
        assert json.loads(bytes(purchase.body or b"")) == SENT

    def test_keeps_its_lines_with_their_amounts(self) -> None:
        take_in()
        columns = ("number", "product_id", "sku", "name", "price", "promotions", "fees", "sales_tax", "total")
        assert list(PurchaseLine.objects.values_list(*columns)) == [
            (0, COLA, COLA, "Example Cola 500 ml", *map(Decimal, ("4.25", "0.50", "0.00", "0.31", "4.06"))),
            (1, NUTS, NUTS, "Example Nuts 80 g", *map(Decimal, ("2.79", "0.00", "0.00", "0.00", "2.79"))),
        ]

    def test_keeps_every_character_of_its_lines(self) -> None:
        odd = "\\ \"quoted\" 'x' 100% {0} %s $.sku \u2028 🥤 ß " + "7" * 200
        unit, value = "ünit\t\"'", "000001.000"
        take_in(
            cart(cartItems=[item(id=odd, quantity={"value": value, "unit": unit}), item(id="1.10"), item(id="null")])
        )
        lines = PurchaseLine.objects.values_list("product_id", "sku", "quantity", "unit", "name")
        assert list(lines) == [
            (odd, odd, value, unit, ""),
            ("1.10", "1.10", "1.0", "unit", ""),
            ("null", "null", "1.0", "unit", ""),
        ]

    def test_keeps_the_trace_that_proves_its_amounts(self) -> None:
        trace = json.loads(take_in().trace)
        assert trace["store_id"] == STORE
        assert [(line["sku"], line["total"]) for line in trace["lines"]] == [(COLA, "4.06"), (NUTS, "2.79")]

    def test_finds_its_product_by_a_scanned_code(self) -> None:
        purchase = take_in(cart(cartItems=[item(id="012345678905", type="SCANCODE")]))
        line = purchase.lines.get()
        assert (line.product_id, line.type, line.sku, line.total) == ("012345678905", "SCANCODE", COLA, Decimal("4.06"))
        assert json.loads(bytes(purchase.body or b""))["lineItems"][0]["productId"] == "012345678905"

    def test_is_answered_with_a_purchase_id_that_can_be_read_out(self) -> None:
        purchase = take_in()
        assert purchase.answer == purchase.purchase_id
        letters = purchase.purchase_id.removeprefix("P-").split("-")
        assert [len(four) for four in letters] == [4, 4, 4]
        assert set("".join(letters)) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

    def test_raises_no_alarm_and_states_no_problem(self) -> None:
        purchase = take_in()
        assert alarms() == []
        assert (purchase.problems.count(), purchase.notes.count(), purchase.attempts.count()) == (0, 0, 0)

    def test_wakes_one_worker_after_the_commit(
        self,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        with django_capture_on_commit_callbacks() as callbacks:
            take_in()
        assert len(callbacks) == 1

    def test_of_another_case_is_another_trip(self) -> None:
        take_in(cart(idempotentShoppingTripId="trip-A"))
        take_in(cart(idempotentShoppingTripId="trip-a"))
        assert sorted(Purchase.objects.values_list("trip_id", flat=True)) == ["trip-A", "trip-a"]

    def test_may_have_a_trip_id_of_255_characters(self) -> None:
        trip = "ü" * 255
        purchase = take_in(cart(idempotentShoppingTripId=trip))
        assert purchase.trip_id == trip
        assert take_in(cart(idempotentShoppingTripId=trip)).pk == purchase.pk


class TestTheNudge:
    @pytest.mark.django_db(transaction=True)
    def test_names_the_purchase(self) -> None:
        open_shop()
        purchase = take_in()
        assert {"purchase_id": purchase.pk} in list(nudged())

    @pytest.mark.usefixtures("broker_down")
    @pytest.mark.django_db(transaction=True)
    def test_may_be_lost_with_the_broker(
        self,
        post: Post,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        open_shop()
        response = post(body(cart()))
        purchase = Purchase.objects.get()
        assert response.status_code == 201
        assert json.loads(response.content) == {"purchaseId": purchase.purchase_id}
        assert (purchase.status, purchase.submit_after) == (Status.AWAITING_CHECKOUT, purchase.received_at)
        told = [record.getMessage() for record in caplog.records if record.name == "jwo_store.nudge"]
        assert told == ["the broker took no nudge (OperationalError); the sweep will find the row"]

    @pytest.mark.usefixtures("broker_that_refuses")
    @pytest.mark.django_db(transaction=True)
    def test_may_be_refused_by_the_broker(self, post: Post) -> None:
        open_shop()
        response = post(body(cart()))
        purchase = Purchase.objects.get()
        assert (response.status_code, purchase.status) == (201, Status.AWAITING_CHECKOUT)
        assert json.loads(response.content) == {"purchaseId": purchase.purchase_id}


def nudged() -> Iterator[dict[str, Any]]:
    """What the tasks that wait at the broker were given."""
    with app.connection_for_read() as wire:
        queue = app.amqp.queues[app.conf.task_default_queue](wire.default_channel)
        while message := queue.get(no_ack=True):
            yield message.payload[1]


REPEATS: dict[str, dict[str, Any]] = {
    "the same": cart(),
    "a fresh request ID": cart(requestId=OTHER_REQUEST),
    "attributes in another order": dict(reversed(list(cart().items()))),
    "another shopper's phone": cart(shopperDeviceId="gate-12-b"),
}

CONFLICTS: dict[str, dict[str, Any]] = {
    "one more": cart_with("cartItems.0.quantity.value", "2.0"),
    "a quantity written otherwise": cart_with("cartItems.0.quantity.value", "1"),
    "another store": cart(storeId="ARENA-WEST-1"),
    "another end": cart_with("shoppingTrip.endTime", "2026-03-14T19:05:49Z"),
    "nothing": cart(cartItems=[]),
}


@pytest.mark.usefixtures("shop")
class TestARepeatedCart:
    @pytest.mark.parametrize("again", REPEATS.values(), ids=REPEATS)
    def test_gets_the_first_purchase_and_changes_nothing(
        self,
        again: dict[str, Any],
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        first = take_in()
        before = everything()
        with django_capture_on_commit_callbacks() as callbacks:
            assert take_in(again, at=LATER).pk == first.pk
        assert everything() == before
        assert callbacks == []

    def test_gets_the_first_answer_after_all_prices_have_changed(self, shop: Shop) -> None:
        first = take_in()
        PriceFactory(product=shop.cola, store=shop.store, amount=Decimal("5.00"))
        before = everything()
        assert take_in(at=LATER).answer == first.answer
        assert everything() == before

    @pytest.mark.parametrize("other", CONFLICTS.values(), ids=CONFLICTS)
    def test_with_other_content_is_kept_beside_the_first(
        self,
        other: dict[str, Any],
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        first = take_in()
        before = everything()
        with django_capture_on_commit_callbacks() as callbacks:
            answered = take_in(other | {"requestId": OTHER_REQUEST}, at=LATER)
        assert (answered.pk, answered.answer) == (first.pk, first.purchase_id)
        assert callbacks == []
        after = everything()
        assert {name for name in after if after[name] != before[name]} == {"CartConflict", "Alarm"}
        conflict = CartConflict.objects.get()
        raw = body(other | {"requestId": OTHER_REQUEST})
        assert (conflict.purchase_id, conflict.received_at, conflict.request_id) == (first.pk, LATER, OTHER_REQUEST)
        assert (bytes(conflict.raw), conflict.raw_sha256) == (raw, hashlib.sha256(raw).hexdigest())
        assert alarms() == [("Two different carts for one trip", first.purchase_id, 1)]

    def test_with_other_content_is_kept_once_however_often_it_comes(self) -> None:
        first = take_in()
        for _ in range(3):
            take_in(CONFLICTS["one more"])
        assert first.conflicts.count() == 1
        assert alarms() == [("Two different carts for one trip", first.purchase_id, 3)]

    def test_with_other_content_is_kept_once_under_fresh_request_ids(self) -> None:
        """A request ID is fresh each time, so Amazon's repeat of a conflict differs in it alone."""
        first = take_in()
        take_in(CONFLICTS["one more"])
        take_in(CONFLICTS["one more"] | {"requestId": OTHER_REQUEST})
        assert first.conflicts.count() == 1

    def test_with_each_other_content_is_kept(self) -> None:
        first = take_in()
        for other in CONFLICTS.values():
            take_in(other)
        assert first.conflicts.count() == 5

    def test_gets_its_answer_when_the_first_is_parked(self) -> None:
        unknown = cart(storeId="NOBODY-KNOWS")
        first = take_in(unknown)
        before = everything()
        assert take_in(unknown).pk == first.pk
        assert everything() == before


@pytest.mark.usefixtures("shop")
class TestARepeatedRequestID:
    def test_with_another_trip_is_a_purchase_of_its_own(self) -> None:
        first = take_in()
        second = take_in(cart(idempotentShoppingTripId=OTHER_TRIP), at=LATER)
        assert second.pk != first.pk
        assert (second.status, second.price_total) == (Status.AWAITING_CHECKOUT, Decimal("6.85"))
        assert (second.conflicts.count(), alarms()) == (0, [])


@pytest.mark.usefixtures("shop")
class TestAnEmptyCart:
    @pytest.mark.parametrize("issued", [False, True], ids=["BLANK", "ISSUED"])
    def test_is_answered_as_the_store_says_and_goes_nowhere(
        self,
        *,
        issued: bool,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        Store.objects.update(empty_cart_purchase_id=EmptyCartAnswer.ISSUED if issued else EmptyCartAnswer.BLANK)
        with django_capture_on_commit_callbacks() as callbacks:
            purchase = take_in(cart(cartItems=[]))
        assert purchase.answer == (purchase.purchase_id if issued else "")
        assert purchase.purchase_id.startswith("P-")
        assert (purchase.status, purchase.submit_after, purchase.body) == (Status.EMPTY, None, None)
        assert (purchase.price_total, purchase.currency) == (None, "")
        assert (purchase.lines.count(), callbacks, alarms()) == (0, [], [])
        client = submit(purchase)
        assert (client.sent, purchase.status, purchase.tries) == ([], Status.EMPTY, 0)

    def test_keeps_its_answer_when_it_comes_again_after_the_setting_has_changed(self) -> None:
        take_in(cart(cartItems=[]))
        Store.objects.update(empty_cart_purchase_id=EmptyCartAnswer.ISSUED)
        assert take_in(cart(cartItems=[])).answer == ""

    def test_of_an_unknown_store_waits_for_nobody(self) -> None:
        purchase = take_in(cart(storeId="ARENA-WEST-1", cartItems=[]))
        assert (purchase.status, purchase.answer, alarms()) == (Status.EMPTY, "", [])


def without_price(shop: Shop) -> None:
    forget(Price.objects.filter(product=shop.nuts))


def without_tax_category(shop: Shop) -> None:
    forget(TaxAssignment.objects.filter(product=shop.cola))


def without_tax_rule(_shop: Shop) -> None:
    forget(TaxRule.objects.all())


UNPRICEABLE: dict[str, tuple[dict[str, Any], Callable[[Shop], None] | None, tuple[int | None, str, str, str]]] = {
    "an unknown SKU": (
        cart_with("cartItems.1.id", "SKU-X"),
        None,
        (1, "SKU-X", "product", "No product has the SKU “SKU-X”. Add it to the catalog, then re-price this cart."),
    ),
    "an unknown barcode": (
        cart(cartItems=[item(id="4006381333931", type="SCANCODE")]),
        None,
        (
            0,
            "4006381333931",
            "product",
            "No product has the barcode “4006381333931”. Add it to the catalog, then re-price this cart.",
        ),
    ),
    "no price": (
        cart(),
        without_price,
        (
            1,
            NUTS,
            "price",
            (
                "Example Nuts 80 g (SNK-NUTS-80) had no price in Arena East (ARENA-EAST-12) when the shopper left. "
                "Add a price that covers that moment, then re-price this cart."
            ),
        ),
    ),
    "no tax category": (
        cart(),
        without_tax_category,
        (
            0,
            COLA,
            "tax",
            "Example Cola 500 ml (BEV-COLA-500) has no tax category. Choose one, then re-price this cart.",
        ),
    ),
    "no tax rule": (
        cart(),
        without_tax_rule,
        (
            0,
            COLA,
            "tax",
            (
                "No tax rule of Arena East (ARENA-EAST-12) covers the tax category “SOFT-DRINK” of Example Cola "
                "500 ml. Add the rule, or mark the category as never taxed."
            ),
        ),
    ),
    "a quantity of zero": (
        cart_with("cartItems.0.quantity.value", "0"),
        None,
        (0, COLA, "quantity", "The quantity of Example Cola 500 ml is 0; it must be above zero."),
    ),
    "an end in the future": (
        cart_with("shoppingTrip.endTime", "2026-03-14T20:00:00Z"),
        None,
        (None, "", "time", "The trip ends in the future (March 14, 2026, 20:00 UTC). Wait until then and re-price it."),
    ),
    "an unknown store": (
        cart(storeId="ARENA-WEST-1"),
        None,
        (None, "", "store", "There is no store “ARENA-WEST-1” here. Add it under Stores, then re-price this cart."),
    ),
}


class TestACartThatCannotBePriced:
    @pytest.mark.parametrize(("document", "spoil", "problem"), UNPRICEABLE.values(), ids=UNPRICEABLE)
    def test_is_parked_with_the_problem_in_words(
        self,
        shop: Shop,
        document: dict[str, Any],
        spoil: Callable[[Shop], None] | None,
        problem: tuple[int | None, str, str, str],
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        if spoil:
            spoil(shop)
        with django_capture_on_commit_callbacks() as callbacks:
            purchase = take_in(document)
        assert purchase.status == Status.UNPRICED
        assert purchase.answer == purchase.purchase_id
        assert (purchase.price_total, purchase.body, purchase.submit_after, purchase.trace) == (None, None, None, "")
        assert problems(purchase) == [problem]
        sent = [(one["id"], one["quantity"]["value"]) for one in document["cartItems"]]
        assert list(purchase.lines.values_list("product_id", "quantity")) == sent
        assert set(purchase.lines.values_list("price", "total")) == {(None, None)}
        assert callbacks == []
        _, product, cause, _ = problem
        assert alarms() == [("Cart waits for a repair", f"{document['storeId']}: {product or cause}", 1)]
        assert purchase.purchase_id in Alarm.objects.get().text

    def test_states_a_problem_for_each_line_that_has_one(self, shop: Shop) -> None:
        without_price(shop)
        without_tax_category(shop)
        purchase = take_in()
        assert [(line, product, cause) for line, product, cause, _ in problems(purchase)] == [
            (0, COLA, "tax"),
            (1, NUTS, "price"),
        ]

    def test_is_told_once_for_all_carts_that_want_the_same(self, shop: Shop) -> None:
        without_price(shop)
        for number in range(3):
            take_in(cart(idempotentShoppingTripId=f"trip-{number}"))
        assert alarms() == [("Cart waits for a repair", f"{STORE}: {NUTS}", 3)]

    def test_is_answered_201(self, shop: Shop, post: Post) -> None:
        without_price(shop)
        response = post(body(cart()))
        assert response.status_code == 201
        assert json.loads(response.content) == {"purchaseId": Purchase.objects.get().purchase_id}

    def test_of_an_unknown_store_is_linked_and_priced_once_the_store_is_there(self, person: User) -> None:
        purchase = take_in()
        assert not Store.objects.filter(purchases=purchase).exists()
        shop = open_shop()
        purchase = Purchase.objects.get()
        assert purchase.store == shop.store
        assert list(shop.store.purchases.all()) == [purchase]
        purchases.reprice(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.price_total) == (Status.AWAITING_CHECKOUT, Decimal("6.85"))
        assert json.loads(bytes(purchase.body or b"")) == SENT


def unknown_kind(shop: Shop) -> None:
    PromotionFactory(code="MAGIC", kind="MAGIC", targets={"skus": [shop.cola.sku]})


def broken_clock(shop: Shop) -> None:
    Store.objects.filter(pk=shop.store.pk).update(time_zone="Mars/Olympus_Mons")


def astronomic_price(shop: Shop) -> None:
    """The total of the cart does not fit its column, so the database itself refuses the priced purchase."""
    forget(Price.objects.filter(product=shop.cola))
    PriceFactory(product=shop.cola, amount=Decimal("92233720368547758.00"))
    PriceFactory(product=shop.nuts, store=shop.store, amount=Decimal("92233720368547758.00"))


FAULTS: dict[str, Callable[[Shop], None]] = {
    "a promotion that the engine does not know": unknown_kind,
    "a store with a broken clock": broken_clock,
    "amounts that the database does not take": astronomic_price,
}
FAULT_MESSAGE = "Our own software failed while it priced this cart. Tell its maker; then re-price this cart."


class TestAFaultOfOurOwn:
    @pytest.mark.parametrize("spoil", FAULTS.values(), ids=FAULTS)
    def test_parks_the_cart_whole_and_leaves_a_stack_trace(
        self,
        shop: Shop,
        spoil: Callable[[Shop], None],
        caplog: pytest.LogCaptureFixture,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        spoil(shop)
        raw = body(cart())
        with django_capture_on_commit_callbacks() as callbacks:
            purchase = take_in(caller="the gateway")
        assert (purchase.status, purchase.answer) == (Status.UNPRICED, purchase.purchase_id)
        assert (bytes(purchase.raw), purchase.raw_sha256) == (raw, hashlib.sha256(raw).hexdigest())
        assert (purchase.received_at, purchase.caller, purchase.trip_id) == (NOW, "the gateway", TRIP)
        assert (purchase.price_total, purchase.body, purchase.submit_after) == (None, None, None)
        assert list(purchase.lines.values_list("product_id", "total")) == [(COLA, None), (NUTS, None)]
        assert problems(purchase) == [(None, "", "fault", FAULT_MESSAGE)]
        assert alarms() == [("Cart waits for a repair", f"{STORE}: fault", 1)]
        assert callbacks == []
        [trace] = [record for record in caplog.records if record.exc_info]
        assert (trace.name, trace.levelno) == ("orders.purchases", logging.ERROR)
        assert trace.getMessage() == f"pricing the cart of purchase {purchase.purchase_id} failed"

    @pytest.mark.parametrize("spoil", FAULTS.values(), ids=FAULTS)
    def test_is_answered_201_and_a_repeat_likewise(self, shop: Shop, spoil: Callable[[Shop], None], post: Post) -> None:
        spoil(shop)
        first, second = post(body(cart())), post(body(cart()))
        purchase = Purchase.objects.get()
        assert (first.status_code, second.status_code) == (201, 201)
        assert json.loads(first.content) == json.loads(second.content) == {"purchaseId": purchase.purchase_id}

    def test_does_not_hide_an_empty_cart(self, shop: Shop) -> None:
        broken_clock(shop)
        Store.objects.update(empty_cart_purchase_id=EmptyCartAnswer.ISSUED)
        purchase = take_in(cart(cartItems=[]))
        assert (purchase.status, purchase.answer) == (Status.EMPTY, purchase.purchase_id)
        assert (purchase.problems.count(), alarms()) == (0, [])

    def test_does_not_hide_a_test_trip(self, shop: Shop) -> None:
        broken_clock(shop)
        Store.objects.update(tests_until=LATER)
        assert take_in().is_test

    def test_is_repaired_by_pricing_again(self, shop: Shop, person: User) -> None:
        broken_clock(shop)
        purchase = take_in()
        Store.objects.update(time_zone="America/New_York")
        purchases.reprice(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.submit_after, purchase.deadline_from) == (
            Status.AWAITING_CHECKOUT,
            LATER,
            LATER,
        )
        assert json.loads(bytes(purchase.body or b"")) == SENT
        assert (purchase.problems.count(), purchase.lines.count()) == (0, 2)

    @pytest.mark.parametrize("spoil", FAULTS.values(), ids=FAULTS)
    def test_that_is_still_there_is_told_to_whoever_prices_again(
        self, shop: Shop, person: User, spoil: Callable[[Shop], None]
    ) -> None:
        spoil(shop)
        purchase = take_in()
        before = everything()["Purchase"]
        with pytest.raises(MoveRefused):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything()["Purchase"] == before


def forget(rows: QuerySet[Any]) -> None:
    """As if they had never been: the product itself refuses to delete what was in force."""
    QuerySet.delete(rows)


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Somebody else holds the table, and we wait for them no longer than a moment."""
    other = connection.copy()
    sqlite = connection.vendor == "sqlite"
    _execute(connection, "PRAGMA busy_timeout = 100" if sqlite else "SET lock_timeout = '100ms'")
    try:
        other.connect()
        other.set_autocommit(True)
        _execute(other, "BEGIN EXCLUSIVE" if sqlite else "BEGIN")
        if not sqlite:
            _execute(other, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        _execute(other, "ROLLBACK")
    finally:
        other.close()
        _execute(connection, "PRAGMA busy_timeout = 20000" if sqlite else "RESET lock_timeout")


def _execute(wire: Any, statement: str) -> None:
    with wire.cursor() as cursor:
        cursor.execute(statement)


if connection.vendor == "postgresql":  # a file's connection does not die

    @pytest.mark.django_db(transaction=True)
    def test_a_connection_that_died_unnoticed_costs_no_cart(post: Post) -> None:
        open_shop()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [own] = cursor.fetchone()
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [own])
        other.close()
        assert post(body(cart())).status_code == 201
        assert Purchase.objects.get().status == Status.AWAITING_CHECKOUT


@pytest.mark.django_db(transaction=True)
class TestADatabaseThatFails:
    @pytest.mark.parametrize("table", ["catalog_store", "pricing_price", "orders_purchase", "orders_purchaseline"])
    def test_is_a_503_and_the_cart_is_taken_in_when_it_comes_again(
        self, table: str, post: Post, caplog: pytest.LogCaptureFixture
    ) -> None:
        open_shop()
        before = everything()
        with locked(table):
            response = post(body(cart()))
        assert response.status_code == 503
        assert json.loads(response.content) == {"errorMsg": "ServiceUnavailableException"}
        assert everything() == before
        assert "the database did not take a cart: OperationalError" in caplog.messages
        assert post(body(cart())).status_code == 201
        assert Purchase.objects.get().status == Status.AWAITING_CHECKOUT

    def test_is_a_503_for_a_cart_that_breaks_the_contract_too(self, post: Post) -> None:
        with locked("orders_refusedcart"):
            response = post(b"{}")
        assert response.status_code == 503
        assert json.loads(response.content) == {"errorMsg": "ServiceUnavailableException"}
        assert RefusedCart.objects.count() == 0


@pytest.mark.usefixtures("shop")
class TestATestTrip:
    @pytest.mark.parametrize(("ends", "is_test"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
    def test_is_one_that_arrives_before_the_end_of_the_window(
        self,
        *,
        ends: timedelta,
        is_test: bool,
    ) -> None:
        Store.objects.update(tests_until=NOW + ends)
        purchase = take_in()
        assert (purchase.is_test, purchase.status) == (is_test, Status.AWAITING_CHECKOUT)

    def test_never_goes_to_live_amazon(
        self,
        settings: LazySettings,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        settings.JWO_ENVIRONMENT = "live"
        Store.objects.update(tests_until=LATER)
        with django_capture_on_commit_callbacks() as callbacks:
            purchase = take_in()
        assert (purchase.environment, purchase.is_test, purchase.status) == ("live", True, Status.CLOSED)
        assert purchase.closed_reason == "A test trip: priced and kept, never sent to live Amazon."
        assert (purchase.price_total, purchase.submit_after, callbacks) == (Decimal("6.85"), None, [])
        assert submit(purchase, at=LATER).sent == []

    def test_is_closed_by_its_repair_where_amazon_is_live(
        self, shop: Shop, settings: LazySettings, person: User
    ) -> None:
        settings.JWO_ENVIRONMENT = "live"
        Store.objects.update(tests_until=LATER)
        without_price(shop)
        purchase = take_in()
        assert (purchase.status, purchase.is_test) == (Status.UNPRICED, True)
        PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        purchases.reprice(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.price_total, purchase.submit_after) == (
            Status.CLOSED,
            Decimal("6.85"),
            None,
        )
        assert submit(purchase, at=LATER).sent == []

    def test_alone_stays_away_from_live_amazon(self, settings: LazySettings) -> None:
        settings.JWO_ENVIRONMENT = "live"
        purchase = take_in()
        assert (purchase.environment, purchase.is_test, purchase.status) == ("live", False, Status.AWAITING_CHECKOUT)


@pytest.mark.usefixtures("shop")
class TestPricingAgain:
    def test_sends_a_parked_cart_on_its_way(
        self, shop: Shop, person: User, django_capture_on_commit_callbacks: Committed
    ) -> None:
        without_price(shop)
        purchase = take_in()
        PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        with django_capture_on_commit_callbacks() as callbacks:
            purchases.reprice(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.price_total) == (Status.AWAITING_CHECKOUT, Decimal("6.85"))
        assert (purchase.submit_after, purchase.deadline_from, purchase.received_at) == (LATER, LATER, NOW)
        assert purchase.priced_at == purchase.trip_ended_at
        assert json.loads(bytes(purchase.body or b"")) == SENT
        assert [(line.number, line.total) for line in purchase.lines.all()] == [
            (0, Decimal("4.06")),
            (1, Decimal("2.79")),
        ]
        assert purchase.problems.count() == 0
        assert list(purchase.notes.values_list("text", "by", "at")) == [("Priced again.", person.pk, LATER)]
        assert len(callbacks) == 1

    def test_changes_only_the_problems_while_it_cannot_be_priced(
        self, shop: Shop, person: User, django_capture_on_commit_callbacks: Committed
    ) -> None:
        without_price(shop)
        without_tax_category(shop)
        purchase = take_in()
        PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        before = everything()
        with django_capture_on_commit_callbacks() as callbacks, pytest.raises(MoveRefused, match="no tax category"):
            purchases.reprice(purchase, by=person, now=LATER)
        after = everything()
        assert {name for name in after if after[name] != before[name]} == {"Problem"}
        assert [(line, cause) for line, _, cause, _ in problems(purchase)] == [(0, "tax")]
        assert callbacks == []

    def test_says_how_many_problems_there_are_besides(self, shop: Shop, person: User) -> None:
        without_price(shop)
        without_tax_category(shop)
        purchase = take_in()
        with pytest.raises(MoveRefused) as told:
            purchases.reprice(purchase, by=person, now=LATER)
        assert str(told.value) == (
            "Example Cola 500 ml (BEV-COLA-500) has no tax category. Choose one, then re-price this cart. "
            "(1 more problems.)"
        )

    def test_gives_a_clearly_refused_purchase_a_new_body(self, shop: Shop, person: User) -> None:
        purchase = take_in()
        submit(purchase, refused())
        assert purchase.status == Status.REJECTED
        PriceFactory(product=shop.nuts, store=shop.store, amount=Decimal("2.99"))
        purchases.reprice(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.refusal, purchase.price_total) == (
            Status.AWAITING_CHECKOUT,
            "",
            Decimal("7.05"),
        )
        assert json.loads(bytes(purchase.body or b""))["orderTotals"]["priceTotal"] == usd("7.05")

    def test_leaves_a_refused_purchase_as_it_was_when_it_cannot_be_priced_now(self, shop: Shop, person: User) -> None:
        purchase = take_in()
        submit(purchase, refused())
        without_tax_category(shop)
        before = everything()
        with pytest.raises(MoveRefused):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before

    @pytest.mark.parametrize("status", [Status.AWAITING_CHECKOUT, Status.EMPTY])
    def test_is_refused_while_there_is_nothing_to_repair(
        self,
        person: User,
        status: Status,
    ) -> None:
        purchase = take_in(cart(cartItems=[]) if status == Status.EMPTY else cart())
        assert purchase.status == status
        before = everything()
        with pytest.raises(MoveRefused, match="Only carts that wait for a repair"):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before

    def test_is_refused_when_somebody_else_was_faster(self, shop: Shop, person: User) -> None:
        without_price(shop)
        purchase = take_in()
        PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        stale = Purchase.objects.get()
        purchases.reprice(purchase, by=person, now=LATER)
        before = everything()
        with pytest.raises(MoveRefused, match="Somebody else changed this purchase meanwhile"):
            purchases.reprice(stale, by=person, now=LATER)
        assert everything() == before

    def test_states_no_problem_on_a_cart_that_somebody_else_mended_meanwhile(self, shop: Shop, person: User) -> None:
        without_price(shop)
        purchase = take_in()
        stale = Purchase.objects.get()
        price = PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        purchases.reprice(purchase, by=person, now=LATER)
        Price.objects.filter(pk=price.pk)._raw_delete("default")
        before = everything()
        with pytest.raises(MoveRefused, match="Somebody else changed this purchase meanwhile"):
            purchases.reprice(stale, by=person, now=LATER)
        assert everything() == before
        assert problems(purchase) == []

    def test_says_so_when_the_cart_no_longer_passes_the_contract(
        self, shop: Shop, person: User, settings: LazySettings
    ) -> None:
        without_price(shop)
        purchase = take_in()
        settings.CART_ITEM_TYPES = ["SCANCODE"]
        before = everything()
        with pytest.raises(MoveRefused):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before


BAD = cart_with("cartItems.0.type", "RFID")
"""A type of items that Amazon's documents do not name; a setting may allow it."""


def refuse(document: dict[str, Any] = BAD, *, caller: str = "connector") -> RefusedCart:
    raw = body(document)
    with pytest.raises(contract.InvalidCart) as invalid:
        contract.decode(raw, limits())
    return purchases.refuse(invalid.value, raw, received_at=NOW, caller=caller)


@pytest.mark.usefixtures("shop")
class TestARefusedCart:
    def test_is_kept_as_it_came_with_its_faults(self) -> None:
        refuse(caller="arn:aws:iam::1:role/gateway")
        kept = RefusedCart.objects.get()
        raw = body(BAD)
        assert (bytes(kept.raw), kept.raw_sha256) == (raw, hashlib.sha256(raw).hexdigest())
        assert kept.faults == [
            {"path": "cartItems[0].type", "message": "must be one of SCANCODE, SKU, not “RFID”"},
        ]
        assert (kept.received_at, kept.last_received_at, kept.times) == (NOW, NOW, 1)
        assert (kept.environment, kept.caller) == ("sandbox", "arn:aws:iam::1:role/gateway")
        assert (kept.purchase, kept.redacted_at) == (None, None)
        assert alarms() == [("Cart refused", "cartItems[0].type", 1)]
        assert Purchase.objects.count() == 0

    def test_is_kept_once_however_often_it_comes(self) -> None:
        raw = body(BAD)
        first = refuse()
        invalid = contract.InvalidCart([contract.Fault("storeId", "is required")])
        again = purchases.refuse(invalid, raw, received_at=LATER, caller="another")
        assert (again.pk, RefusedCart.objects.count()) == (first.pk, 1)
        again.refresh_from_db()
        assert (again.times, again.received_at, again.last_received_at) == (2, NOW, LATER)
        assert (again.caller, again.faults[0]["path"]) == ("connector", "cartItems[0].type")

    def test_is_taken_in_once_a_setting_is_mended(
        self,
        settings: LazySettings,
        person: User,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        bad = cart_with("shoppingTrip.authEvents.0.location", "DRIVE_THROUGH")
        kept = refuse(bad, caller="the gateway")
        settings.CART_LOCATIONS = ["ENTRY", "DRIVE_THROUGH"]
        with django_capture_on_commit_callbacks() as callbacks:
            purchase = purchases.replay(kept, by=person, now=LATER)
        purchase.refresh_from_db()
        kept.refresh_from_db()
        assert kept.purchase == purchase
        assert (bytes(purchase.raw), purchase.caller, purchase.received_at) == (body(bad), "the gateway", LATER)
        assert (purchase.status, purchase.price_total) == (Status.AWAITING_CHECKOUT, Decimal("6.85"))
        assert list(purchase.notes.values_list("text", "by", "at")) == [
            ("Taken in from the refused carts; Amazon sent it on March 14, 2026, 7:06 p.m. (UTC).", person.pk, LATER)
        ]
        assert len(callbacks) == 1

    def test_that_still_breaks_the_contract_stays_refused(self, person: User) -> None:
        kept = refuse()
        before = everything()
        with pytest.raises(
            MoveRefused, match=r"not in the form agreed with Amazon: “cartItems\[0\]\.type” must be one of"
        ):
            purchases.replay(kept, by=person, now=LATER)
        assert everything() == before

    def test_is_taken_in_once(self, settings: LazySettings, person: User) -> None:
        kept = refuse()
        stale = RefusedCart.objects.get()
        settings.CART_ITEM_TYPES = ["SKU", "RFID"]
        purchases.replay(kept, by=person, now=LATER)
        kept.refresh_from_db()
        before = everything()
        for again in (kept, stale):
            with pytest.raises(MoveRefused, match="This cart was taken in already"):
                purchases.replay(again, by=person, now=LATER)
        assert everything() == before

    def test_of_a_trip_that_we_have_meanwhile_is_linked_to_it(
        self,
        settings: LazySettings,
        person: User,
    ) -> None:
        kept = refuse()
        settings.CART_ITEM_TYPES = ["SKU", "RFID"]
        first = take_in(BAD)
        assert purchases.replay(kept, by=person, now=LATER).pk == first.pk
        kept.refresh_from_db()
        assert (kept.purchase, Purchase.objects.count(), CartConflict.objects.count()) == (first, 1, 0)

    def test_of_another_environment_stays_refused(
        self,
        settings: LazySettings,
        person: User,
    ) -> None:
        """What was kept of the sandbox must not be sent to live Amazon, nor the other way round."""
        kept = refuse()
        settings.CART_ITEM_TYPES = ["SKU", "RFID"]
        settings.JWO_ENVIRONMENT = "live"
        before = everything()
        with pytest.raises(MoveRefused):
            purchases.replay(kept, by=person, now=LATER)
        assert everything() == before


@pytest.mark.django_db(transaction=True)
class TestTwentyAtOnce:
    def test_identical_carts_make_one_purchase_and_one_answer(self, post: Post, at_once: AtOnce) -> None:
        open_shop()
        responses = at_once(20, lambda _: post(body(cart())))
        purchase = Purchase.objects.get()
        assert {response.status_code for response in responses} == {201}
        assert {response.content for response in responses} == {b'{"purchaseId":"%s"}' % purchase.answer.encode()}
        assert (purchase.lines.count(), CartConflict.objects.count(), alarms()) == (2, 0, [])

    def test_different_carts_of_one_trip_make_one_purchase_and_conflicts(self, post: Post, at_once: AtOnce) -> None:
        open_shop()
        raws = [body(cart_with("cartItems.0.quantity.value", f"{number}.0")) for number in range(1, 5)]
        responses = at_once(20, lambda number: post(raws[number % 4]))
        purchase = Purchase.objects.get()
        assert {response.status_code for response in responses} == {201}
        assert {response.content for response in responses} == {b'{"purchaseId":"%s"}' % purchase.answer.encode()}
        kept = {bytes(purchase.raw), *(bytes(raw) for raw in CartConflict.objects.values_list("raw", flat=True))}
        assert kept == set(raws)
        assert [(kind, subject) for kind, subject, _ in alarms()] == [
            ("Two different carts for one trip", purchase.purchase_id)
        ]

    def test_carts_that_want_the_same_repair_raise_one_alarm(self, post: Post, at_once: AtOnce) -> None:
        without_price(open_shop())
        responses = at_once(20, lambda number: post(body(cart(idempotentShoppingTripId=f"trip-{number}"))))
        assert {response.status_code for response in responses} == {201}
        assert Purchase.objects.filter(status=Status.UNPRICED).count() == 20
        assert [(kind, subject) for kind, subject, _ in alarms()] == [("Cart waits for a repair", f"{STORE}: {NUTS}")]

    def test_refused_carts_are_kept_once(self, post: Post, at_once: AtOnce) -> None:
        responses = at_once(20, lambda _: post(b"{}"))
        assert {response.status_code for response in responses} == {400}
        assert RefusedCart.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestSeveralPeopleAtOnce:
    """Each presses the same button; one of them does it, the others are told."""

    def press(self, at_once: AtOnce, action: Callable[[], Any]) -> list[str]:
        def press(_: int) -> str:
            try:
                action()
            except MoveRefused as refusal:
                return str(refusal)
            return "done"

        return sorted(at_once(6, press))

    def test_price_a_cart_again_once(self, at_once: AtOnce, person: User) -> None:
        shop = open_shop()
        without_price(shop)
        purchase = take_in()
        PriceFactory(product=shop.nuts, amount=Decimal("2.79"))
        rows = [Purchase.objects.get() for _ in range(6)]
        told = self.press(at_once, lambda: purchases.reprice(rows.pop(), by=person, now=LATER))
        assert told == ["Somebody else changed this purchase meanwhile. Load the page again."] * 5 + ["done"]
        purchase.refresh_from_db()
        assert (purchase.status, purchase.lines.count()) == (Status.AWAITING_CHECKOUT, 2)
        assert (purchase.problems.count(), purchase.notes.count()) == (0, 1)

    def test_send_a_purchase_again_once(self, at_once: AtOnce, person: User) -> None:
        open_shop()
        purchase = take_in()
        submit(purchase, refused())
        rows = [Purchase.objects.get() for _ in range(6)]
        told = self.press(at_once, lambda: checkout.send_again(rows.pop(), by=person, now=LATER))
        assert told == ["Somebody else changed this purchase meanwhile. Load the page again."] * 5 + ["done"]
        assert purchase.notes.count() == 1

    def test_take_a_refused_cart_in_once(self, at_once: AtOnce, person: User, settings: LazySettings) -> None:
        open_shop()
        refuse()
        settings.CART_ITEM_TYPES = ["SKU", "RFID"]
        rows = [RefusedCart.objects.get() for _ in range(6)]
        told = self.press(at_once, lambda: purchases.replay(rows.pop(), by=person, now=LATER))
        assert told == ["This cart was taken in already."] * 5 + ["done"]
        assert RefusedCart.objects.get().purchase == Purchase.objects.get()
        assert Purchase.objects.get().notes.count() == 1


LINE_COUNTS = (1, 10, 100, 1000)


@pytest.mark.usefixtures("shop")
class TestQueries:
    def test_of_the_pricebook_are_two_questions_whatever_the_cart(self) -> None:
        carts = big_carts()
        counts = []
        for document in carts:
            asked = cart_to_price(contract.decode(body(document), limits()).cart)
            with CaptureQueriesContext(connection) as queries:
                read_pricebook(asked)
            counts.append(len(queries))
        assert counts == [2 if connection.vendor == "postgresql" else 10] * 4

    def test_of_a_recording_are_a_fixed_number(self) -> None:
        counts = []
        for document in big_carts():
            raw = body(document)
            decoded = contract.decode(raw, limits())
            with CaptureQueriesContext(connection) as queries:
                purchase = purchases.record(decoded, raw, received_at=NOW, caller="connector")
            counts.append(len(queries))
            assert purchase.status == Status.AWAITING_CHECKOUT
        assert counts == [5 if connection.vendor == "postgresql" else 14] * 4
        assert purchase.lines.count() == 1000


def big_carts() -> list[dict[str, Any]]:
    """A cart for each of LINE_COUNTS: every product once, by its SKU or by its barcode in turns."""
    skus = stock(max(LINE_COUNTS))
    items = [
        item(id=f"{number:06d}", type="SCANCODE", lineItemId=f"L{number}")
        if number % 2
        else item(id=sku, lineItemId=f"L{number}")
        for number, sku in enumerate(skus)
    ]
    return [
        cart(
            requestId=f"00000000-0000-0000-0000-{count:012d}",
            idempotentShoppingTripId=f"trip-of-{count}",
            cartItems=items[:count],
        )
        for count in LINE_COUNTS
    ]


# -- what promotions saved


def savings(purchase: Purchase) -> dict[str, Decimal]:
    return {row.code: row.amount for row in purchase.savings.all()}


def test_what_each_promotion_saved_is_kept_with_the_purchase(shop: Shop) -> None:
    PromotionFactory(code="NUTS", percent=Decimal(10), targets={"skus": [shop.nuts.sku]})

    purchase = take_in(cart())

    assert savings(purchase) == {"SECOND-PERIOD": Decimal("0.50"), "NUTS": Decimal("0.28")}
    assert sum(savings(purchase).values()) == purchase.promotions_total


@pytest.mark.django_db
def test_a_cart_that_waits_has_saved_nothing_until_it_is_priced(person: User) -> None:
    purchase = take_in()
    before = savings(purchase)

    open_shop()
    purchases.reprice(purchase, by=person, now=LATER)

    assert before == {}
    assert savings(purchase) == {"SECOND-PERIOD": Decimal("0.50")}
