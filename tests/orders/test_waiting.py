"""What parked carts wait for, put together by what mends them, and pricing all of one kind again."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Barcode
from orders import waiting
from orders.models import Purchase
from orders.statuses import Status
from orders.waiting import Kind, Need
from pricing.models import Price, TaxAssignment, TaxCategory, TaxRule
from tests.factories import (
    BarcodeFactory,
    PriceFactory,
    ProblemFactory,
    PurchaseFactory,
    PurchaseLineFactory,
    StoreFactory,
    TaxAssignmentFactory,
)
from tests.orders.carts import cart, item
from tests.orders.shop import COLA, NOW, NUTS, STORE, Shop, take_in

LATER = NOW + timedelta(hours=2)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("shop")


def forget(model: Any, **which: Any) -> None:
    """As if it had never been there: what was in force is else only ended."""
    model.objects.filter(**which)._raw_delete("default")


def parked(name: str, *items: dict[str, Any], at: datetime = NOW, store: str = STORE) -> Purchase:
    """The cart of a shopper who left just before this moment, and that could not be priced."""
    ended = (at - MINUTE).isoformat()
    trip = {"startTime": ended, "endTime": ended, "authEvents": []}
    document = cart(idempotentShoppingTripId=name, storeId=store, shoppingTrip=trip, cartItems=list(items))
    purchase = take_in(document, at=at)
    assert purchase.status == Status.UNPRICED
    return purchase


def colas(quantity: str = "1.0", **changes: Any) -> dict[str, Any]:
    return item(quantity={"value": quantity, "unit": "unit"}, **changes)


def needs() -> list[tuple[Kind, str, int]]:
    return [(need.kind, need.about, len(need.carts)) for need in waiting.waiting(now=LATER).needs]


def the_need() -> Need:
    [need] = waiting.waiting(now=LATER).needs
    return need


class TestWhatCartsWaitFor:
    def test_is_a_price_of_the_product_however_it_was_read(self) -> None:
        forget(Price, product=COLA)
        parked("a", colas())
        parked("b", colas(id="012345678905", type="SCANCODE"))
        assert needs() == [(Kind.PRICE, COLA, 2)]
        assert str(the_need().product) == f"Example Cola 500 ml ({COLA})"

    def test_is_a_tax_category_of_the_product(self) -> None:
        forget(TaxAssignment, product=COLA)
        parked("a", colas())
        assert needs() == [(Kind.TAX_CATEGORY, COLA, 1)]

    def test_stays_a_tax_category_after_one_was_chosen(self, shop: Shop) -> None:
        """No rule is missing then: the cart only has to be priced again."""
        forget(TaxAssignment, product=COLA)
        parked("a", colas())
        TaxAssignmentFactory(product=shop.cola, tax_category=TaxCategory.objects.get(code="SOFT-DRINK"))
        assert needs() == [(Kind.TAX_CATEGORY, COLA, 1)]

    def test_is_a_rule_for_all_products_of_a_tax_category(self, shop: Shop) -> None:
        TaxRule.tax_categories.through.objects.all().delete()
        forget(TaxRule)
        forget(TaxAssignment, product=NUTS)
        TaxAssignmentFactory(product=shop.nuts, tax_category=TaxCategory.objects.get(code="SOFT-DRINK"))
        parked("a", colas(), item(id=NUTS))
        parked("b", item(id=NUTS))
        assert needs() == [(Kind.TAX_RULE, "SOFT-DRINK", 2)]
        category = the_need().category
        assert category is not None
        assert category.name == "Soft drinks"

    def test_is_a_product_that_nobody_knows(self) -> None:
        parked("a", item(id="NEW-1"))
        parked("b", item(id="499999999999", type="SCANCODE"))
        found = waiting.waiting(now=LATER).needs
        assert [(need.kind, need.about, need.is_sku) for need in found] == [
            (Kind.UNKNOWN_CODE, "499999999999", False),
            (Kind.UNKNOWN_CODE, "NEW-1", True),
        ]

    def test_is_one_owner_of_a_barcode(self, shop: Shop) -> None:
        BarcodeFactory(product=shop.nuts, code="012345678905")
        parked("a", item(id="012345678905", type="SCANCODE"))
        assert needs() == [(Kind.SHARED_CODE, "012345678905", 1)]

    def test_is_a_store(self) -> None:
        parked("a", colas(), store="NOWHERE-9")
        assert needs() == [(Kind.STORE, "NOWHERE-9", 1)]

    @pytest.mark.parametrize(
        ("given", "kind"),
        [(colas("0.5"), Kind.QUANTITY), (item(quantity={"value": "1.0", "unit": "lb"}), Kind.UNIT)],
        ids=["quantity", "unit"],
    )
    def test_is_a_look_at_the_cart(self, given: dict[str, Any], kind: Kind) -> None:
        parked("a", given)
        assert needs() == [(kind, COLA, 1)]

    @pytest.mark.parametrize("cause", ["time", "size", "fault"])
    def test_is_nothing_that_a_product_has_to_do_with(self, cause: str) -> None:
        ProblemFactory(cause=cause, line=None, product_id="")
        assert needs() == [(Kind(cause), "", 1)]

    def test_stands_with_what_most_carts_wait_for_first(self) -> None:
        forget(Price, product=COLA)
        parked("a", colas(), item(id="NEW-1"))
        parked("b", colas())
        assert needs() == [(Kind.PRICE, COLA, 2), (Kind.UNKNOWN_CODE, "NEW-1", 1)]

    def test_says_since_when_where_and_as_of_when(self) -> None:
        forget(Price, product=COLA)
        StoreFactory(store_id="WEST-1")
        first = parked("a", colas(), at=NOW - MINUTE)
        parked("b", colas(), store="WEST-1")
        Purchase.objects.filter(trip_id="b").update(is_test=True)
        need = the_need()
        assert (need.since, need.first_moment) == (NOW - MINUTE, first.trip_ended_at)
        assert (need.stores, len(need.tests)) == ({STORE, "WEST-1"}, 1)

    def test_says_when_the_next_price_starts(self, shop: Shop) -> None:
        forget(Price, product=COLA)
        PriceFactory(product=shop.cola, starts_at=NOW - timedelta(days=9), ends_at=NOW - timedelta(days=1))
        PriceFactory(product=shop.cola, starts_at=NOW + MINUTE)
        parked("a", colas())
        assert the_need().next_price_at == NOW + MINUTE

    def test_counts_the_carts_and_the_stores(self) -> None:
        parked("a", item(id="NEW-1"), item(id="NEW-2"))
        parked("b", item(id="NEW-1"), at=NOW + MINUTE)
        found = waiting.waiting(now=LATER)
        assert (found.carts, found.stores, found.since, found.complete) == (2, 1, NOW, True)

    def test_leaves_out_what_is_mended_and_what_is_of_another_environment(self, settings: LazySettings) -> None:
        ProblemFactory(purchase=PurchaseFactory(ordered=True))
        ProblemFactory(purchase=PurchaseFactory(parked=True, environment="live"))
        assert settings.JWO_ENVIRONMENT == "sandbox"
        assert needs() == []

    def test_is_read_in_the_same_queries_whatever_its_length(self, django_assert_num_queries: Any) -> None:
        parked("a", item(id="NEW-1"))
        with CaptureQueriesContext(connection) as few:
            waiting.waiting(now=LATER)
        for number in range(12):
            purchase = PurchaseFactory(parked=True)
            PurchaseLineFactory(purchase=purchase, number=1, product_id=f"NEW-{number}")
            ProblemFactory(purchase=purchase, cause="product", product_id=f"NEW-{number}")
            ProblemFactory(purchase=purchase, product_id=f"49999999{number:04}")
        with django_assert_num_queries(len(few)):
            waiting.waiting(now=LATER)

    def test_is_read_of_the_oldest_carts_only_when_there_are_very_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "READ", 1)
        parked("a", item(id="NEW-1"))
        parked("b", item(id="NEW-2"), at=NOW + MINUTE)
        assert (needs(), waiting.waiting(now=LATER).complete) == ([(Kind.UNKNOWN_CODE, "NEW-1", 1)], False)


class TestPricingAllAgain:
    def test_sends_those_on_their_way_that_wait_for_it(self, shop: Shop, person: User) -> None:
        forget(Price, product=COLA)
        one, other, elsewhere = parked("a", colas()), parked("b", colas()), parked("c", item(id="NEW-1"))
        PriceFactory(product=shop.cola, amount=Decimal("4.25"))
        again = waiting.price_again(f"price:{COLA}", by=person, now=LATER)
        assert (again.priced, again.changed_meanwhile, again.not_tried, again.still_wait) == (2, 0, 0, {})
        for purchase in (one, other, elsewhere):
            purchase.refresh_from_db()
        assert [purchase.status for purchase in (one, other, elsewhere)] == [
            Status.AWAITING_CHECKOUT,
            Status.AWAITING_CHECKOUT,
            Status.UNPRICED,
        ]
        assert one.notes.get().by == person

    def test_says_why_the_others_still_wait(self, shop: Shop, person: User) -> None:
        forget(Price, product=COLA)
        parked("a", colas(), at=NOW - timedelta(days=2))
        parked("b", colas())
        PriceFactory(product=shop.cola, starts_at=NOW - timedelta(days=1))
        again = waiting.price_again(f"price:{COLA}", by=person, now=LATER)
        assert again.priced == 1
        assert again.still_wait == {
            f"Example Cola 500 ml ({COLA}) had no price in Arena East ({STORE}) when the shopper left. "
            "Add a price that covers that moment, then re-price this cart.": 1
        }

    def test_prices_all_that_wait_when_no_need_is_named(self, shop: Shop, person: User) -> None:
        forget(Price, product=COLA)
        parked("a", colas())
        parked("b", item(id="499999999999", type="SCANCODE"))
        PriceFactory(product=shop.cola)
        BarcodeFactory(product=shop.nuts, code="499999999999")
        assert waiting.price_again("", by=person, now=LATER).priced == 2

    def test_goes_on_where_the_last_press_stopped(
        self, shop: Shop, person: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest cannot be mended by a price that starts after them, and must not be in the others' way."""
        monkeypatch.setattr(waiting, "AT_ONCE", 2)
        forget(Price, product=COLA)
        for number in range(2):
            parked(f"old-{number}", colas(), at=NOW - timedelta(days=2))
        for number in range(3):
            parked(f"new-{number}", colas())
        PriceFactory(product=shop.cola, starts_at=NOW - timedelta(days=1))
        presses = [waiting.price_again(f"price:{COLA}", by=person, now=LATER) for _ in range(3)]
        assert [(again.priced, sum(again.still_wait.values()), again.not_tried) for again in presses] == [
            (0, 2, 3),
            (2, 0, 3),
            (1, 1, 1),
        ]

    def test_skips_what_was_mended_meanwhile(self, shop: Shop, person: User) -> None:
        forget(Price, product=COLA)
        purchase = parked("a", colas())
        parked("b", colas(), at=NOW + MINUTE)
        PriceFactory(product=shop.cola)

        def mend(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
            """Somebody closes the first cart after it was chosen, right before it is read."""
            if (
                sql.startswith("SELECT")
                and '"orders_purchase"."raw"' in sql
                and Purchase.objects.filter(pk=purchase.pk, status=Status.UNPRICED).update(
                    status=Status.CLOSED, closed_reason="Paid at the desk."
                )
            ):
                pass
            return execute(sql, params, many, context)

        with connection.execute_wrapper(mend):
            again = waiting.price_again("", by=person, now=LATER)
        assert (again.priced, again.changed_meanwhile, again.still_wait) == (1, 1, {})

    def test_does_nothing_when_nothing_waits_for_it(self, person: User) -> None:
        forget(Barcode)
        again = waiting.price_again("price:NONE", by=person, now=LATER)
        assert again.is_nothing
