"""The page "Price a cart": what it shows is what the engine says, and nothing is stored."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product, Store
from orders.models import Purchase, RefusedCart
from pricing.basket import Item
from pricing.models import Promotion, PromotionKind, TaxCategory
from tests.factories import (
    BarcodeFactory,
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    StrangerFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
    UserFactory,
    signed_in,
    upc,
)

pytestmark = pytest.mark.django_db

PAGE = "/admin/pricing/price/cart/"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def store() -> Store:
    made: Store = StoreFactory(store_id="ARENA-EAST-12", name="Arena East 12")
    return made


@pytest.fixture(autouse=True)
def soft() -> TaxCategory:
    category: TaxCategory = TaxCategoryFactory(code="SOFT")
    TaxRuleFactory(code="STATE", rate=Decimal("0.08"), tax_categories=[category])
    return category


@pytest.fixture
def cashier() -> Browser:
    return signed_in(CashierFactory())


@pytest.fixture
def cola(soft: TaxCategory) -> Product:
    return on_sale(soft, sku="COLA-500", name="Example Cola 500 ml", price="2.00")


@pytest.fixture
def nuts(soft: TaxCategory) -> Product:
    return on_sale(soft, sku="NUTS", name="Mixed nuts", price="8.99", weighed=True, category="Snacks")


def on_sale(taxed_as: TaxCategory, *, price: str, **named: Any) -> Product:
    product: Product = ProductFactory(**named)
    TaxAssignmentFactory(product=product, tax_category=taxed_as)
    PriceFactory(product=product, amount=Decimal(price))
    return product


def entered(browser: Browser, **fields: Any) -> Any:
    """What follows a press of a button, and where it led."""
    return browser.post(PAGE, fields, follow=True)


def link_of(answer: Any) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(answer.redirect_chain[-1][0]).query)


def lines(answer: Any) -> list[tuple[str, ...]]:
    """Name, price, tax and total of each line."""
    return [
        (row.name, str(row.priced.line.price), str(row.priced.line.sales_tax), str(row.priced.line.total))
        for row in answer.context["rows"]
    ]


def problems(answer: Any) -> list[tuple[str, ...]]:
    return [row.problems for row in answer.context["rows"]]


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# -- putting it together


def test_a_scanned_barcode_is_added_and_priced(cashier: Browser, cola: Product) -> None:
    code = upc(4900000044)
    BarcodeFactory(product=cola, code=code)

    answer = entered(cashier, store="ARENA-EAST-12", find=f" {code} ", quantity="1")

    assert link_of(answer) == [("store", "ARENA-EAST-12"), ("item", f"scan~{code}~1")]
    assert lines(answer) == [("Example Cola 500 ml", "2.00", "0.16", "2.16")]
    assert answer.context["totals"] == [
        ("Before promotions and tax", "2.00"),
        ("Promotions", "0.00"),
        ("Sales tax", "0.16"),
        ("Total", "2.16 USD"),
    ]


def test_a_typed_sku_is_added_after_what_is_there(cashier: Browser, cola: Product, nuts: Product) -> None:
    answer = entered(cashier, item=["sku~COLA-500~1"], count=["3"], find="NUTS", quantity="0.453")

    assert link_of(answer) == [("item", "sku~COLA-500~3"), ("item", "sku~NUTS~0.453")]
    assert lines(answer) == [(cola.name, "6.00", "0.48", "6.48"), (nuts.name, "4.07", "0.33", "4.40")]
    assert answer.context["totals"][-1] == ("Total", "10.88 USD")
    assert [row.unit for row in answer.context["rows"]] == ["", "lb"]


def test_a_name_is_found_by_its_beginning_and_one_is_chosen(cashier: Browser, cola: Product, soft: TaxCategory) -> None:
    on_sale(soft, sku="COLA-1000", name="Example Cola 1 l", price="3.00")

    asked = entered(cashier, find="example co", quantity="2")
    shown = [product.pk for product in asked.context["matches"].products]
    chosen = entered(cashier, find="example co", quantity="2", add="COLA-500")

    assert shown == ["COLA-1000", "COLA-500"]
    assert asked.context["rows"] == []
    assert link_of(asked) == [("find", "example co"), ("quantity", "2")]
    assert link_of(chosen) == [("item", "sku~COLA-500~2")]
    assert lines(chosen) == [(cola.name, "4.00", "0.32", "4.32")]


def test_at_most_ten_matches_are_shown(cashier: Browser) -> None:
    for _ in range(11):
        ProductFactory()

    matches = entered(cashier, find="COLA-", quantity="1").context["matches"]

    assert (len(matches.products), matches.more) == (10, True)


def test_a_barcode_on_two_products_is_not_guessed(cashier: Browser, cola: Product, nuts: Product) -> None:
    code = upc(4900000044)
    BarcodeFactory(product=cola, code=code)
    BarcodeFactory(product=nuts, code=code)

    asked = entered(cashier, find=code, quantity="1")
    scanned = cashier.get(PAGE, {"item": f"scan~{code}~1"})

    assert asked.context["rows"] == []
    assert "is on more than one product" in text(asked)
    assert problems(scanned) == [
        (
            (
                f"“{code}” can mean several products: COLA-500, NUTS. "
                "Take the barcode off all but one of them, then re-price this cart."
            ),
        )
    ]


def test_what_is_not_found_says_so(cashier: Browser) -> None:
    answer = entered(cashier, find="0123", quantity="1")

    assert answer.context["form"].errors["find"] == [
        "No product has the SKU or barcode “0123”, and no name has such words. Check for a slip."
    ]
    assert answer.context["rows"] == []


def test_a_line_is_taken_off(cashier: Browser, cola: Product, nuts: Product) -> None:
    there = {"item": ["sku~COLA-500~1", "sku~NUTS~1"], "count": ["1", "2"]}

    taken = entered(cashier, **there, remove="0")
    nonsense = entered(cashier, **there, remove="7")

    assert link_of(taken) == [("item", "sku~NUTS~2")]
    assert lines(taken) == [(nuts.name, "17.98", "1.44", "19.42")]
    assert link_of(nonsense) == [("item", f"sku~{cola.pk}~1"), ("item", "sku~NUTS~2")]


def test_a_basket_has_at_most_a_hundred_lines(cashier: Browser, cola: Product) -> None:
    full = {"item": [f"sku~{cola.pk}~1"] * 100, "count": ["1"] * 100}

    refused = entered(cashier, **full, find="COLA-500", quantity="1")
    too_long = cashier.get(PAGE, {"item": [f"sku~{cola.pk}~1"] * 101})

    assert len(refused.context["rows"]) == 100
    assert refused.context["form"].errors["find"] == ["A basket has at most 100 lines here. Take one off first."]
    assert len(too_long.context["rows"]) == 100
    assert too_long.context["notes"] == ["A basket has at most 100 lines here. Only the first 100 are shown."]


def test_a_basket_too_long_for_a_link_is_shown_all_the_same(cashier: Browser, soft: TaxCategory) -> None:
    product = on_sale(soft, sku="S" * 200, price="1.00")

    answer = cashier.post(PAGE, {"item": [f"sku~{product.pk}~1"] * 20, "count": ["1"] * 20})

    assert answer.status_code == 200
    assert answer.context["totals"][-1] == ("Total", "21.60 USD")
    assert answer.context["link"] == ""
    assert "This basket is too long for a link." in text(answer)


# -- store and moment


def test_the_moment_is_read_on_the_stores_clock(cashier: Browser, cola: Product) -> None:
    own = StoreFactory(store_id="LONDON-1", time_zone="Europe/London")
    turns = datetime(2026, 7, 1, 11, tzinfo=UTC)  # noon in London
    PriceFactory(product=cola, store=own, amount=Decimal("1.50"), starts_at=turns)
    asked = {"store": "LONDON-1", "item": "sku~COLA-500~1"}

    before = cashier.get(PAGE, {**asked, "at": "2026-07-01T11:59"})
    after = cashier.get(PAGE, {**asked, "at": "2026-07-01T12:00"})

    assert lines(before) == [(cola.name, "2.00", "0.16", "2.16")]
    assert lines(after) == [(cola.name, "1.50", "0.12", "1.62")]
    assert after.context["moment"] == "Wednesday, 1 July 2026, 12:00"
    assert "on the store's clock (London)" in text(after)


def test_a_promotion_to_come_is_tried_before_it_starts(cashier: Browser, cola: Product) -> None:
    start = timezone.now() + 2 * DAY
    PromotionFactory(code="HALF", percent=Decimal(50), receipt_text="Half price", starts_at=start)
    asked = {"item": f"sku~{cola.pk}~1"}

    today = cashier.get(PAGE, asked)
    then = cashier.get(PAGE, {**asked, "at": f"{start + DAY:%Y-%m-%dT%H:%M}"})

    assert today.context["totals"][-1] == ("Total", "2.16 USD")
    assert then.context["totals"][-1] == ("Total", "1.08 USD")
    assert then.context["rows"][0].promotions == ("Half price -1.00",)
    assert (today.context["to_come"], then.context["to_come"]) == (False, True)


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("yesterday", "Write day and time like 2026-03-14 12:00."),
        ("0001-01-01T00:00", "Choose a year from 2000 to 2099."),
        (
            "2026-03-08T02:30",
            "The clocks of New York are put forward then: 2:30 a.m. on March 8, 2026 is skipped. Choose another time.",
        ),
    ],
)
def test_a_moment_that_is_not_clear_is_not_guessed(cashier: Browser, cola: Product, at: str, fault: str) -> None:
    answer = cashier.get(PAGE, {"item": f"sku~{cola.pk}~1", "at": at})

    assert answer.context["form"].errors["at"] == [fault]
    assert "totals" not in answer.context
    assert [row.item for row in answer.context["rows"]] == [Item("sku", "COLA-500", "1")]


def test_an_hour_that_is_there_twice_is_the_earlier_one_and_the_page_says_so(cashier: Browser, cola: Product) -> None:
    answer = cashier.get(PAGE, {"item": f"sku~{cola.pk}~1", "at": "2026-11-01T01:30"})

    assert answer.context["moment"] == "Sunday, 1 November 2026, 01:30 (the earlier one)"


def test_a_store_that_we_do_not_have_is_not_guessed(cashier: Browser, cola: Product) -> None:
    answer = cashier.get(PAGE, {"item": f"sku~{cola.pk}~1", "store": "NOWHERE"})

    assert answer.context["form"].errors["store"] == ["We have no store “NOWHERE”. Choose one."]
    assert "totals" not in answer.context


def test_without_any_store_the_page_says_what_to_do(cashier: Browser, store: Store) -> None:
    store.delete()

    answer = cashier.get(PAGE)

    assert answer.status_code == 200
    assert "There is no store yet. Add one first." in text(answer)


# -- what it says


def test_reasons_and_why_nots_stand_as_the_engine_explains_them(cashier: Browser, cola: Product) -> None:
    PromotionFactory(code="TEN", name="Ten off", receipt_text="10% off", percent=Decimal(10))
    PromotionFactory(
        code="THREE",
        name="Three for five",
        receipt_text="3 for 5",
        kind=PromotionKind.MULTI_BUY,
        percent=None,
        count=3,
        amount=Decimal(5),
    )
    FeeFactory(code="BOTTLE", description="Bottle deposit", products=[cola])

    answer = cashier.get(PAGE, {"item": "sku~COLA-500~2", "at": "2026-03-14T12:00"})

    explanation = answer.context["explanation"]
    assert explanation.cart == ("Priced as of Saturday, 14 March 2026, 12:00 on the store's clock.",)
    assert explanation.lines[0].title == "1. 2 × Example Cola 500 ml"
    assert explanation.lines[0].sentences == (
        "The price in all stores since 1 January 2026 is 2.00; 2 × 2.00 = 4.00.",
        "“10% off” (TEN) takes 0.40 off.",
        "Bottle deposit (BOTTLE): 2 × 0.05, not taxed.",
        "Tax on 3.60 at 8 % is 0.29, for New York State.",
        "It comes to 3.99.",
    )
    assert explanation.applied == (
        "“Ten off” (TEN) applies to 1 × Example Cola 500 ml at 2.00, 2 times: saves 0.40 (0.20 each time).",
    )
    assert explanation.missed == (
        "“Three for five” (THREE) does not apply: it needs 3 of its products, and the cart has 2.",
    )
    row = answer.context["rows"][0]
    assert (row.promotions, row.fees) == (("10% off -0.40",), ("Bottle deposit 0.10",))
    for sentence in (*explanation.lines[0].sentences, *explanation.missed):
        assert sentence.replace("'", "&#x27;") in text(answer)
    assert "Best deal proven" in text(answer)


@pytest.mark.usefixtures("cola")
def test_problems_are_those_of_a_parked_cart(cashier: Browser, soft: TaxCategory) -> None:
    TaxAssignmentFactory(product=ProductFactory(sku="WATER", name="Water"), tax_category=soft)
    items = ["sku~COLA-500~1.5", "sku~WATER~1", "scan~999~1", "sku~COLA-500~1000", "sku~COLA-500~-1"]

    answer = cashier.get(PAGE, {"item": items})

    assert problems(answer) == [
        ("Example Cola 500 ml is sold by the piece, so its quantity cannot be 1.5.",),
        (
            (
                "Water (WATER) had no price in Arena East 12 (ARENA-EAST-12) when the shopper left. "
                "Add a price that covers that moment, then re-price this cart."
            ),
        ),
        ("No product has the barcode “999”. Add it to the catalog, then re-price this cart.",),
        (("The quantity of Example Cola 500 ml is 1000; more than 999 on one line is checked by a person."),),
        ("The quantity of Example Cola 500 ml is -1; it must be above zero.",),
    ]
    assert "Would wait for a repair" in text(answer)
    assert "totals" not in answer.context


def test_a_problem_of_the_whole_cart_stands_above_its_lines(
    cashier: Browser, cola: Product, settings: LazySettings
) -> None:
    settings.MAX_CART_UNITS = 5

    answer = cashier.get(PAGE, {"item": f"sku~{cola.pk}~6"})

    assert answer.context["general_problems"] == [
        (
            "The cart holds 6 pieces; more than 5 are checked by a person. "
            "Compare it with the store; then have the limit raised (MAX_CART_UNITS) or close the purchase."
        )
    ]


@pytest.mark.parametrize("quantity", ["two", "", "1,5", "1e9", "NaN", "0x2", "٣"])
def test_a_quantity_that_is_no_number_is_named(cashier: Browser, cola: Product, quantity: str) -> None:
    answer = cashier.get(PAGE, {"item": [f"sku~{cola.pk}~{quantity}", f"sku~{cola.pk}~1"]})

    assert problems(answer) == [
        (f"“{quantity}” is no quantity. Write a number, for example 2 or 0.453.",),
        (),
    ]
    assert "totals" not in answer.context


@pytest.mark.parametrize("broken", ["", "sku~~1", "plu~4011~1", "sku~A\x00B~1", "sku~" + "A" * 256 + "~1", "COLA-500"])
def test_a_line_of_a_link_that_cannot_be_read_is_named(cashier: Browser, cola: Product, broken: str) -> None:
    answer = cashier.get(PAGE, {"item": [broken, f"sku~{cola.pk}~1"]})

    assert answer.context["notes"] == ["1 line of the link could not be read. Add what is missing."]
    assert lines(answer) == [(cola.name, "2.00", "0.16", "2.16")]


@pytest.mark.parametrize("find", ["A\x00B", "x" * 300])
def test_a_text_that_no_product_can_have_is_refused(cashier: Browser, find: str) -> None:
    answer = cashier.get(PAGE, {"find": find})

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["find"]


def test_a_link_brings_the_same_basket(cashier: Browser, cola: Product, nuts: Product) -> None:
    first = entered(cashier, item=["sku~COLA-500~1", "sku~NUTS~0.5"], count=["1", "0.5"], at="2026-03-14T12:00")

    again = signed_in(ManagerFactory()).get(PAGE + first.context["link"])

    assert lines(again) == lines(first)
    assert again.context["moment"] == "Saturday, 14 March 2026, 12:00"
    assert [row.name for row in again.context["rows"]] == [cola.name, nuts.name]


# -- what it costs, and who may


def test_the_number_of_queries_is_that_of_the_pricebook_and_a_constant(
    cashier: Browser, soft: TaxCategory, django_assert_num_queries: Any
) -> None:
    goods = [on_sale(soft, sku=f"GOOD-{number}", price="1.00") for number in range(30)]
    PromotionFactory(targets={"all": True})
    cashier.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        cashier.get(PAGE, {"item": f"sku~{goods[0].pk}~1"})

    with django_assert_num_queries(len(few)):
        answer = cashier.get(PAGE, {"item": [f"sku~{product.pk}~1" for product in goods]})

    assert len(answer.context["rows"]) == 30
    pricebook = 2 if connection.vendor == "postgresql" else 10
    assert len(few) - pricebook <= 9


SEEN = 'UPDATE "signin_session" SET'
"""When somebody was last seen is noted with every page."""


def test_nothing_is_stored(cashier: Browser, cola: Product) -> None:
    PromotionFactory(code="TEN")

    with CaptureQueriesContext(connection) as asked:
        entered(cashier, item=[f"sku~{cola.pk}~1"], count=["2"], find=cola.pk, quantity="1")

    written = [query["sql"] for query in asked if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in written if not sql.startswith(SEEN)] == []
    assert (Purchase.objects.count(), RefusedCart.objects.count(), Promotion.objects.count()) == (0, 0, 1)


@pytest.mark.parametrize(
    ("person", "status"), [(ManagerFactory, 200), (CashierFactory, 200), (UserFactory, 403), (StrangerFactory, 302)]
)
def test_whoever_may_view_prices_may_price_a_cart(person: Any, status: int) -> None:
    browser = signed_in(person())

    assert browser.get(PAGE).status_code == status
    assert browser.post(PAGE, {"find": "X"}).status_code == (302 if status == 200 else status)


def test_the_sidebar_leads_there_and_marks_it(cashier: Browser) -> None:
    groups = cashier.get(PAGE, {"item": "sku~A~1"}).context["sidebar_navigation"]

    assert [item["title"] for group in groups for item in group["items"] if item["active"]] == ["Price a cart"]
    assert [item["link"] for group in groups for item in group["items"] if item["title"] == "Price a cart"] == [PAGE]
