"""Purchases and refused carts in the admin: looking, finding, and what staff can do."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Store
from orders import contract, purchases
from orders.admin import saved_views
from orders.admin.refused import fault_words
from orders.admin.saved_views import view_links
from orders.admin.search import amount, purchase_id_range, purchases_matching
from orders.limits import limits
from orders.models import Purchase, PurchaseLine, RefusedCart
from orders.statuses import Outcome, Status
from pricing.models import Price
from tests.factories import (
    LONG_AGO,
    AdministratorFactory,
    BarcodeFactory,
    Browser,
    CartConflictFactory,
    CashierFactory,
    CheckoutAttemptFactory,
    FeeFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProblemFactory,
    ProductFactory,
    PurchaseFactory,
    PurchaseLineFactory,
    PurchaseNoteFactory,
    RefusedCartFactory,
    StoreFactory,
    StrangerFactory,
    said,
    signed_in,
    text_of,
)
from tests.orders.carts import ABSENT, body, cart
from tests.orders.shop import COLA, open_shop, submit, take_in
from tests.orders.stand_ins import refused as refuses

pytestmark = pytest.mark.django_db

PURCHASES = "/admin/orders/purchase/"
REFUSED = "/admin/orders/refusedcart/"
HOUR = timedelta(hours=1)


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


@pytest.fixture
def cashier() -> Browser:
    return signed_in(CashierFactory())


def listed(browser: Browser, query: str = "", url: str = PURCHASES) -> list[Any]:
    return [row.pk for row in browser.get(url + query).context["cl"].result_list]


def found(browser: Browser, text: str) -> list[int]:
    """What a search leads to: the page of the only one, or else a list."""
    answer = browser.get(PURCHASES, {"q": text})
    if answer.status_code == 302:
        return [int(answer.url.removeprefix(PURCHASES).partition("/")[0])]
    return [row.pk for row in answer.context["cl"].result_list]


def page_of(purchase: Purchase) -> str:
    return f"{PURCHASES}{purchase.pk}/change/"


def press(browser: Browser, purchase: Purchase, action: str, **given: str) -> Any:
    return browser.post(f"{PURCHASES}{purchase.pk}/press/{action}/", given)


# -- who may look


@pytest.mark.parametrize(
    ("person", "status"), [(OwnerFactory, 200), (ManagerFactory, 200), (CashierFactory, 200), (StrangerFactory, 302)]
)
def test_staff_see_purchases_and_strangers_do_not(person: Any, status: int) -> None:
    purchase = PurchaseFactory(ordered=True)
    browser = signed_in(person())

    assert browser.get(PURCHASES).status_code == status
    assert browser.get(page_of(purchase)).status_code == status


def test_purchases_are_neither_added_nor_changed_nor_deleted_by_hand() -> None:
    purchase = PurchaseFactory(ordered=True)
    browser = signed_in(OwnerFactory())

    assert browser.get(f"{PURCHASES}add/").status_code == 403
    assert browser.post(f"{PURCHASES}{purchase.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(page_of(purchase), {"order_id": "mine"}).status_code == 302
    assert Purchase.objects.get().order_id == purchase.order_id


def test_a_purchase_that_is_not_there_is_not_found(cashier: Browser) -> None:
    assert cashier.get(f"{PURCHASES}999/change/").status_code == 404
    assert cashier.get(f"{PURCHASES}x/change/").status_code == 404
    assert cashier.post(f"{PURCHASES}999/press/reprice/").status_code == 404


# -- the list


def test_the_list_shows_the_newest_first_each_with_its_store_and_total(cashier: Browser) -> None:
    now = timezone.now()
    old = PurchaseFactory(ordered=True, store=StoreFactory(name="Arena East"), received_at=now - HOUR)
    new = PurchaseFactory(under_way=True, received_at=now, possibly_charged=True, is_test=True)

    page = cashier.get(PURCHASES)

    assert [row.pk for row in page.context["cl"].result_list] == [new.pk, old.pk]
    for text in ("Arena East", "4.06 USD", old.order_id, "On its way to Amazon", "May have been charged", "Test trip"):
        assert text in page.content.decode()


def test_a_purchase_of_a_store_that_we_do_not_know_is_seen_by_administrators() -> None:
    administrator = signed_in(AdministratorFactory())
    purchase = PurchaseFactory(parked=True, store=None, store_id="NOWHERE-9")

    assert listed(administrator) == [purchase.pk]
    assert "NOWHERE-9 (unknown)" in administrator.get(PURCHASES).content.decode()
    assert "NOWHERE-9, which we do not know" in administrator.get(page_of(purchase)).content.decode()


def test_others_do_not_see_it_even_when_they_work_in_all_stores() -> None:
    manager = signed_in(ManagerFactory())
    purchase = PurchaseFactory(parked=True, store=None, store_id="NOWHERE-9")

    assert listed(manager) == []
    assert manager.get(page_of(purchase)).status_code == 404
    assert "NOWHERE-9" not in manager.get(PURCHASES).content.decode()
    assert listed(manager, "?store=-") == []
    assert manager.get("/admin/orders/purchase/waiting/").context["needs"] == []
    assert manager.post(f"/admin/orders/purchase/{purchase.pk}/press/reprice/").status_code == 404


def test_the_list_costs_the_same_whatever_its_length(cashier: Browser, django_assert_num_queries: Any) -> None:
    PurchaseFactory.create_batch(2, ordered=True)
    cashier.get(PURCHASES)
    with CaptureQueriesContext(connection) as few:
        cashier.get(PURCHASES)

    PurchaseFactory.create_batch(10, ordered=True)
    PurchaseFactory.create_batch(3, parked=True)
    with django_assert_num_queries(len(few)):
        cashier.get(PURCHASES)


def test_the_list_reads_no_carts_and_no_traces(cashier: Browser) -> None:
    PurchaseFactory(ordered=True)

    with CaptureQueriesContext(connection) as asked:
        cashier.get(PURCHASES)

    columns = ('"orders_purchase"."raw"', '"orders_purchase"."body"', '"orders_purchase"."trace"')
    assert not any(column in query["sql"] for query in asked.captured_queries for column in columns)


def test_purchases_are_filtered() -> None:
    cashier = signed_in(AdministratorFactory())
    east, west = StoreFactory(), StoreFactory()
    day = datetime(2026, 3, 14, 4, tzinfo=UTC)  # midnight in New York, where all stores are
    parked = PurchaseFactory(parked=True, store=east, received_at=day + timedelta(hours=23, minutes=59))
    charged = PurchaseFactory(under_way=True, store=west, possibly_charged=True, received_at=day + timedelta(days=1))
    tried = PurchaseFactory(ordered=True, store=west, is_test=True, environment="test", received_at=day - HOUR)
    unknown = PurchaseFactory(parked=True, store=None, store_id="NOWHERE-9", received_at=day)

    assert listed(cashier, "?status__exact=UNPRICED") == [parked.pk, unknown.pk]
    assert listed(cashier, f"?store={west.pk}") == [charged.pk, tried.pk]
    assert listed(cashier, "?store=-") == [unknown.pk]
    assert listed(cashier, "?possibly_charged__exact=1") == [charged.pk]
    assert listed(cashier, "?is_test__exact=1") == [tried.pk]
    assert listed(cashier, "?environment__exact=test") == [tried.pk]
    assert listed(cashier, "?received_at_from=2026-03-14&received_at_to=2026-03-14") == [parked.pk, unknown.pk]
    assert listed(cashier, "?received_at_from=2026-03-15") == [charged.pk]
    assert listed(cashier, "?received_at_to=2026-03-13") == [tried.pk]
    assert listed(cashier, "?received_at_from=nonsense") == [charged.pk, parked.pk, unknown.pk, tried.pk]


def test_a_day_is_the_day_of_the_store_that_the_purchase_was_made_in() -> None:
    administrator = signed_in(AdministratorFactory())
    west = StoreFactory(store_id="WEST", time_zone="America/Los_Angeles")
    StoreFactory(time_zone="America/Los_Angeles")
    berlin = StoreFactory(store_id="BERLIN", time_zone="Europe/Berlin")
    late, early = datetime(2026, 11, 2, 7, 59, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)  # a day of 25 hours
    in_west, in_berlin, unknown = (
        [PurchaseFactory(parked=True, received_at=at, **where).pk for at in (early, late)]
        for where in ({"store": west}, {"store": berlin}, {"store": None, "store_id": "NOWHERE-9"})
    )
    first_of_november = "?received_at_from=2026-11-01&received_at_to=2026-11-01"

    found = listed(administrator, first_of_november)
    assert sorted(found) == sorted([*in_west, *unknown, in_berlin[0]])
    assert listed(administrator, "?received_at_from=2026-11-02") == [in_berlin[1]]
    assert not listed(administrator, "?received_at_to=2026-10-31")
    assert listed(administrator, f"{first_of_november}&store=BERLIN") == [in_berlin[0]]
    assert sorted(listed(administrator, f"{first_of_november}&store=WEST")) == in_west
    in_berlin_alone = signed_in(CashierFactory(role=[berlin]))
    assert listed(in_berlin_alone, first_of_november) == [in_berlin[0]]


@pytest.mark.parametrize(
    ("query", "clock"),
    [("", "each store's own time"), ("?store=BERLIN", "Berlin time"), ("?store=WEST", "Los Angeles time")],
)
def test_the_filter_by_day_says_on_which_clock(query: str, clock: str) -> None:
    StoreFactory(store_id="WEST", time_zone="America/Los_Angeles")
    StoreFactory(store_id="BERLIN", time_zone="Europe/Berlin")

    page = signed_in(AdministratorFactory()).get(f"{PURCHASES}{query}")

    assert f"Received ({clock})" in text_of(page)


def test_days_on_several_clocks_are_looked_up_within_bounds_that_an_index_serves() -> None:
    StoreFactory(time_zone="America/Los_Angeles")
    StoreFactory(time_zone="Europe/Berlin")
    administrator = signed_in(AdministratorFactory())

    with CaptureQueriesContext(connection) as asked:
        administrator.get(f"{PURCHASES}?received_at_from=2026-11-01&received_at_to=2026-11-01")

    counted = next(one["sql"] for one in asked if "COUNT(*)" in one["sql"] and "2026-10-31" in one["sql"])
    bounds, of_each = counted.partition("WHERE ")[2].split(" AND (", 1)
    assert " OR " in of_each
    assert re.findall(r"2026-1\d-\d\d \d\d:\d\d:\d\d", bounds) == [
        "2026-10-31 23:00:00",  # midnight in Berlin
        "2026-11-02 08:00:00",  # and the next one in Los Angeles
    ]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_all_days_filters_nothing(day: str) -> None:
    purchase = PurchaseFactory(parked=True)

    assert listed(signed_in(AdministratorFactory()), f"?received_at_from={day}&received_at_to={day}") == [purchase.pk]


def test_orders_that_took_longer_than_a_minute_are_found(cashier: Browser) -> None:
    now, minute = timezone.now(), timedelta(minutes=1)
    slow = PurchaseFactory(ordered=True, received_at=now, ordered_at=now + minute + timedelta(microseconds=1))
    PurchaseFactory(ordered=True, received_at=now, ordered_at=now + minute)
    PurchaseFactory(under_way=True, received_at=now - 2 * minute)

    assert listed(cashier, "?order=slow") == [slow.pk]


# -- searching


@pytest.fixture
def sought() -> Purchase:
    """The one to be found; another purchase must not be."""
    product = ProductFactory(sku="BEV-COLA-500")
    BarcodeFactory(product=product, code="012345678905")
    purchase: Purchase = PurchaseFactory(
        ordered=True,
        purchase_id="P-7K3M-9QXA-2T0W",
        trip_id="trip/2026-03-14/abc",
        request_id="6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10",
        order_id="113-1234567-7654321",
        lines=0,
    )
    PurchaseLineFactory(purchase=purchase, number=0, product_id="BEV-COLA-500")
    PurchaseLineFactory(purchase=purchase, number=1, product_id="4006381333931", type="SCANCODE", sku="PEN-1")
    PurchaseFactory(ordered=True, purchase_id="P-8000-0000-0000", lines=0)
    return purchase


@pytest.mark.parametrize(
    "text",
    [
        "P-7K3M-9QXA-2T0W",
        "p-7k3m-9qxa-2t0w",
        "7K3M-9QXA-2T0W",
        "7k3m9qxa2t0w",
        "P7K3M9QXA2T0W",
        "P 7K3M 9QXA 2T0W",
        "P-7K3M-9QXA-2TOW",
        "P-7K3M",
        "p-7k",
        "P-7K3M9",
        "113-1234567-7654321",
        "113-1234567",
        "113-12",
        "trip/2026-03-14/abc",
        "trip/2026",
        "6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10",
        "6f0c2c5e",
        "BEV-COLA-500",
        "012345678905",
        "00012345678905",
        "4006381333931",
        "PEN-1",
        "  PEN-1  ",
    ],
)
def test_a_purchase_is_found_by_whatever_is_at_hand(cashier: Browser, sought: Purchase, text: str) -> None:
    assert found(cashier, text) == [sought.pk]


@pytest.mark.parametrize(
    "text",
    [
        "9QXA",
        "7K3M",
        "P-9QXA",
        "P-7K3M-9QXA-2T0WX",
        "1234567",
        "1234567-7654321",
        "113-1",
        "113-1234567-7654321-0",
        "2026-03-14",
        "52a1-4a53",
        "6F0C2C5E",
        "BEV-COLA",
        "COLA-500",
        "123456789",
        "400638133393",
        "bev-cola-500",
        "P-",
        "%",
        "_",
        "' OR 1=1 --",
    ],
)
def test_a_piece_of_something_finds_nothing(cashier: Browser, sought: Purchase, text: str) -> None:
    assert sought.pk not in found(cashier, text)


@pytest.mark.parametrize("text", ["12.34", "12,34", "$12.34", "12.34 USD", "12.34 €"])
def test_a_purchase_is_found_by_its_total(cashier: Browser, text: str) -> None:
    purchase = PurchaseFactory(
        ordered=True, sub_total="12.34", promotions_total="0", sales_tax_total="0", price_total="12.34"
    )
    PurchaseFactory(ordered=True)
    PurchaseFactory(parked=True)

    assert found(cashier, text) == [purchase.pk]


@pytest.mark.parametrize("text", ["12.3", "12", "12.345", "-12.34", "1e2", "12.34 dollars", "1234567890.00", ""])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert amount(text) is None


def test_a_single_hit_opens_at_once_and_several_are_a_list(cashier: Browser) -> None:
    one, two = (
        PurchaseFactory(ordered=True, order_id="113-1111111-1"),
        PurchaseFactory(ordered=True, order_id="113-1111111-2"),
    )

    opened = cashier.get(PURCHASES, {"q": "113-1111111-2"})
    several = cashier.get(PURCHASES, {"q": "113-1111111"})
    none = cashier.get(PURCHASES, {"q": "113-2222222"})

    assert (opened.status_code, opened.url) == (302, page_of(two))
    assert {row.pk for row in several.context["cl"].result_list} == {one.pk, two.pk}
    assert none.status_code == 200


def test_a_list_of_one_that_nobody_searched_for_stays_a_list(cashier: Browser) -> None:
    PurchaseFactory(ordered=True)

    assert cashier.get(PURCHASES).status_code == 200
    assert cashier.get(PURCHASES, {"status__exact": "ORDERED"}).status_code == 200


# -- saved views


def test_saved_views_stand_above_the_list_with_their_counts(cashier: Browser, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=3)
    parked = PurchaseFactory(parked=True, received_at=long_ago)
    refused = PurchaseFactory(refused=True, received_at=long_ago)
    late = PurchaseFactory(under_way=True, received_at=long_ago, possibly_charged=True)
    young = PurchaseFactory(under_way=True, received_at=now)
    tested = PurchaseFactory(ordered=True, received_at=long_ago, is_test=True)
    PurchaseFactory(ordered=True, received_at=long_ago, possibly_charged=True)

    links = cashier.get(PURCHASES + "?view=late").context["view_links"]

    assert [(link.title, link.count, link.here) for link in links] == [
        ("Waiting for a repair", "1", False),
        ("Refused", "1", False),
        ("On the way longer than an hour", "1", True),
        ("Without an order", "4", False),
        ("May have been charged", "1", False),
        ("Today", "1", False),
        ("Test trips", "1", False),
    ]
    shown = {link.title: set(listed(cashier, link.url)) for link in links}
    assert shown == {
        "Waiting for a repair": {parked.pk},
        "Refused": {refused.pk},
        "On the way longer than an hour": {late.pk},
        "Without an order": {parked.pk, refused.pk, late.pk, young.pk},
        "May have been charged": {late.pk},
        "Today": {young.pk},
        "Test trips": {tested.pk},
    }
    assert len(listed(cashier, "?view=nonsense")) == 6
    request: Any = RequestFactory().get(PURCHASES)
    request.user, request.session = OwnerFactory(), {}
    with django_assert_num_queries(8):  # one for each, and the stores' clocks for today
        view_links(request)


def test_counting_for_a_saved_view_stops_at_a_thousand(cashier: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    PurchaseFactory.create_batch(3, parked=True)

    links = cashier.get(PURCHASES).context["view_links"]

    assert [link.count for link in links] == ["2+", "0", "0", "2+", "0", "2+", "0"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("P-7K", ("P-7K00-0000-0000", "P-7KZZ-ZZZZ-ZZZZ")),
        ("p-il0o", ("P-1100-0000-0000", "P-1100-ZZZZ-ZZZZ")),
        ("7K3M9QXA2T0W", ("P-7K3M-9QXA-2T0W", "P-7K3M-9QXA-2T0W")),
        ("PPPPPPPPPPPP", ("P-PPPP-PPPP-PPPP", "P-PPPP-PPPP-PPPP")),
        ("PPPPPPPPPPPPP", ("P-PPPP-PPPP-PPPP", "P-PPPP-PPPP-PPPP")),
        ("P-U", None),
        ("7K3M", None),
        ("", None),
    ],
)
def test_what_was_typed_is_read_as_a_purchase_id(text: str, ids: tuple[str, str] | None) -> None:
    assert purchase_id_range(text) == ids


if connection.vendor == "sqlite":  # it reads the plan as SQLite words it

    @pytest.mark.parametrize(("text", "unions"), [("P-7K3M-9QXA-2T0W", 6), ("12.34 USD", 6), ("113-12", 5)])
    def test_the_search_is_one_query_whose_every_part_an_index_serves(text: str, unions: int) -> None:
        found = Purchase.objects.filter(pk__in=purchases_matching(text)).order_by()
        sql, params = found.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plan = [str(row[3]) for row in cursor.fetchall()]

        assert sql.count("UNION ALL") == unions
        assert [step for step in plan if step.startswith("SCAN")] == []
        assert sum(step.startswith("SEARCH") for step in plan) >= unions + 2


def test_one_purchase_with_several_lines_of_the_product_is_found_once(cashier: Browser) -> None:
    purchase = PurchaseFactory(ordered=True)
    PurchaseLineFactory(purchase=purchase, number=1)

    assert PurchaseLine.objects.filter(sku="COLA-1").count() == 2
    assert found(cashier, "COLA-1") == [purchase.pk]


# -- the page


def test_the_page_tells_the_story(cashier: Browser) -> None:
    store = StoreFactory(name="Arena East", time_zone="America/New_York")
    left = datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC)
    purchase = PurchaseFactory(refused=True, store=store, trip_ended_at=left, received_at=left + timedelta(seconds=42))
    CheckoutAttemptFactory(
        purchase=purchase,
        status=400,
        error="InvalidCartTotalException",
        words="The totals do not add up.",
        outcome=Outcome.REFUSED,
    )
    PurchaseNoteFactory(purchase=purchase, text="The shopper called.", by=CashierFactory(username="carl"))
    CartConflictFactory(purchase=purchase, request_id="another-request")

    page = cashier.get(page_of(purchase))

    text = page.content.decode()
    for said_so in (
        "Refused by Amazon",
        "Amazon refused this purchase: InvalidCartTotalException.",
        "March 14, 2026, 3:05 p.m.",
        "March 14, 2026, 3:06:30 p.m.",
        "New York time, as in the store",
        "Example Cola 500 ml",
        "Second period special -0.50",
        "4.06 USD",
        "400 InvalidCartTotalException",
        "The totals do not add up.",
        "0.4 s",
        "The shopper called.",
        "another-request",
        "promotionDescription",
    ):
        assert said_so in text
    (line,) = page.context["lines"]
    assert (line.quantity, line.price, line.tax, line.total) == ("1", "4.25", "0.31", "4.06")
    assert [event.text for event in page.context["timeline"]] == [
        "The shopper came in.",
        "The shopper left.",
        "Amazon sent the cart.",
        "Priced at once: 1 line, 4.06 USD.",
        "Sent to Amazon, try 1.",
        "The shopper called.",
        "Try 1: Refused (400 InvalidCartTotalException).",
    ]
    assert page.context["timeline"][-2].by == "carl"


def test_the_list_says_when_what_is_on_its_way_is_tried_next(cashier: Browser) -> None:
    store = StoreFactory(name="Arena East", time_zone="America/New_York")
    PurchaseFactory(store=store, under_way=True, submit_after=datetime(2025, 3, 15, 0, 6, tzinfo=UTC))
    PurchaseFactory(store=store, ordered=True)

    assert text_of(cashier.get(PURCHASES)).count("Next try") == 1
    assert "Next try March 14, 2025, 8:06 p.m." in text_of(cashier.get(PURCHASES))


def test_a_trip_late_in_the_evening_is_of_the_stores_own_day(cashier: Browser) -> None:
    store = StoreFactory(name="Arena East", time_zone="America/New_York")
    PurchaseFactory(store=store, trip_ended_at=datetime(2025, 3, 15, 0, 6, tzinfo=UTC))

    assert "March 14, 2025, 8:06 p.m." in cashier.get(PURCHASES).content.decode()


def test_each_row_and_the_totals_add_up_with_a_deposit(cashier: Browser) -> None:
    shop = open_shop()
    fee = FeeFactory(code="DEPOSIT", amount=Decimal("0.05"), starts_at=LONG_AGO)
    fee.products.add(shop.cola)
    purchase = take_in()
    assert purchase.status == Status.AWAITING_CHECKOUT

    page = cashier.get(page_of(purchase))

    whole = purchase.lines.get(sku=COLA)
    assert whole.fees
    line = page.context["lines"][whole.number]
    assert Decimal(line.price) + whole.fees - (whole.promotions or 0) + Decimal(line.tax) == Decimal(line.total)
    totals = {label: Decimal(amount.split()[0]) for label, amount in page.context["totals"]}
    assert totals["Deposits and fees"] == whole.fees
    *parts, total = totals.values()
    assert sum(parts) == total == purchase.price_total


def test_where_prices_include_tax_a_deposit_is_named_and_stays_in_the_price(cashier: Browser) -> None:
    """The price there is without tax and the deposit with it: of a free product with one nothing would be left."""
    shop = open_shop()
    Store.objects.filter(pk=shop.store.pk).update(prices_include_tax=True)
    PriceFactory(product=shop.cola, amount=Decimal("0.50"), starts_at=LONG_AGO + timedelta(days=1))
    FeeFactory(code="DEPOSIT", amount=Decimal("0.25"), taxed=True, starts_at=LONG_AGO, products=[shop.cola])
    purchase = take_in()
    whole = purchase.lines.get(sku=COLA)
    assert (whole.price, whole.fees, whole.sales_tax, whole.total) == tuple(
        map(Decimal, ("0.69", "0.25", "0.02", "0.25"))
    )

    page = cashier.get(page_of(purchase))

    line = page.context["lines"][whole.number]
    assert (line.price, line.tax, line.total) == ("0.69", "0.02", "0.25")
    assert [fee.endswith(" 0.25 with tax, in the price") for fee in line.fees] == [True]
    totals = {label: Decimal(amount.split()[0]) for label, amount in page.context["totals"]}
    assert "Deposits and fees" not in totals
    *parts, total = totals.values()
    assert sum(parts) == total == purchase.price_total


def told(browser: Browser, purchase: Purchase) -> list[str]:
    """What happened after Amazon had sent the cart."""
    texts = [event.text for event in browser.get(page_of(purchase)).context["timeline"]]
    return texts[texts.index("Amazon sent the cart.") + 1 :]


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"parked": True}, ["It could not be priced and waits for a repair."]),
        ({"empty": True}, ["The cart was empty: there is nothing to charge."]),
        (
            {"ordered": True, "order_id": "113-1", "ordered_at": timezone.now() + HOUR},
            ["Priced at once: 1 line, 4.06 USD.", "Amazon made order 113-1."],
        ),
    ],
)
def test_the_story_tells_how_the_cart_was_priced(cashier: Browser, given: dict[str, Any], texts: list[str]) -> None:
    assert told(cashier, PurchaseFactory(**given)) == texts


def test_the_story_tells_each_try_with_its_answer(cashier: Browser) -> None:
    now = timezone.now()
    purchase = PurchaseFactory(
        ordered=True, order_id="113-1", received_at=now - 3 * HOUR, ordered_at=now - HOUR + timedelta(seconds=1)
    )
    for hours, given in (
        (3, {}),
        (2, {"status": None, "outcome": "", "seconds": None}),
        (1, {"outcome": Outcome.ORDERED}),
    ):
        CheckoutAttemptFactory(purchase=purchase, started_at=now - hours * HOUR, **given)

    assert told(cashier, purchase) == [
        "Priced at once: 1 line, 4.06 USD.",
        "Sent to Amazon, try 1.",
        "Try 1: Amazon was not available (503).",
        "Sent to Amazon, try 2.",
        "Sent to Amazon, try 3.",
        "Amazon made order 113-1.",
    ]


def test_the_story_of_a_mended_cart_tells_who_priced_it_again(cashier: Browser) -> None:
    purchase = parked_for_want_of_a_price()
    press(cashier, purchase, "reprice")

    assert told(cashier, purchase) == ["Priced again."]


def test_the_page_proves_the_calculation(cashier: Browser) -> None:
    open_shop()
    purchase = take_in()

    proof = cashier.get(page_of(purchase)).context["proof"]

    assert (proof.holds, proof.differences) == (True, ())
    assert proof.text.endswith("agree to the cent.")


def test_the_page_says_what_does_not_agree(cashier: Browser) -> None:
    open_shop()
    purchase = take_in()
    PurchaseLine.objects.filter(purchase=purchase, number=0).update(sku="OTHER")

    page = cashier.get(page_of(purchase))

    assert page.context["proof"].differences == (f"line 1 sku: stored OTHER, computed {COLA}",)
    assert "Does not agree" in page.content.decode()


def test_what_was_never_priced_has_nothing_to_prove(cashier: Browser) -> None:
    assert cashier.get(page_of(PurchaseFactory(parked=True))).context["proof"] is None


def test_the_page_never_shows_the_cart_as_it_came(cashier: Browser) -> None:
    purchase = PurchaseFactory(parked=True, raw=b'{"shopperIdentity": {"id": "shopper-7781"}}')
    CartConflictFactory(purchase=purchase, raw=b'{"shopperIdentity": {"id": "shopper-7782"}}')
    refused = RefusedCartFactory(raw=b'{"shopperIdentity": {"id": "shopper-7783"}}')

    with CaptureQueriesContext(connection) as asked:
        page = cashier.get(page_of(purchase)).content.decode()
    window = signed_in(ManagerFactory()).get(f"{REFUSED}{refused.pk}/change/").content.decode()

    assert "shopper-" not in page + window
    assert not any('"raw"' in query["sql"] for query in asked.captured_queries)


def test_the_page_costs_the_same_whatever_happened(cashier: Browser, django_assert_num_queries: Any) -> None:
    quiet, busy = PurchaseFactory(refused=True), PurchaseFactory(refused=True)
    for number in range(1, 6):
        PurchaseLineFactory(purchase=busy, number=number)
        CheckoutAttemptFactory(purchase=busy)
        ProblemFactory(purchase=busy, line=number)
        PurchaseNoteFactory(purchase=busy, by=CashierFactory())
        CartConflictFactory(purchase=busy)
    cashier.get(page_of(quiet))

    with CaptureQueriesContext(connection) as few:
        cashier.get(page_of(quiet))
    with django_assert_num_queries(len(few)):
        cashier.get(page_of(busy))


def test_problems_stand_where_they_belong(cashier: Browser) -> None:
    purchase = PurchaseFactory(parked=True)
    ProblemFactory(purchase=purchase, message="COLA-1 had no price when the shopper left.")
    ProblemFactory(purchase=purchase, line=None, cause="time", message="The trip ended in the future.")

    page = cashier.get(page_of(purchase))

    assert page.context["general_problems"] == ("The trip ended in the future.",)
    assert page.context["lines"][0].problems == ("COLA-1 had no price when the shopper left.",)


@pytest.mark.parametrize(
    ("sent", "trace"), [(b"{broken", "[1,"), (b'{"lineItems": ["x", {"unitPrice": []}]}', "[1]"), (b"[]", "7")]
)
def test_a_body_or_trace_that_cannot_be_read_leaves_the_page_readable(
    cashier: Browser, sent: bytes, trace: str
) -> None:
    purchase = PurchaseFactory(ordered=True)
    Purchase.objects.filter(pk=purchase.pk).update(body=sent, trace=trace)

    page = cashier.get(page_of(purchase))

    assert page.status_code == 200
    assert page.context["lines"][0].promotions == ()


def test_the_page_explains_the_prices_in_sentences(cashier: Browser) -> None:
    open_shop()
    purchase = take_in()

    page = cashier.get(page_of(purchase)).content.decode()

    assert "The price in all stores since" in page
    assert "“Second period special” (SECOND-PERIOD) takes 0.50 off." in page
    assert "“10 % off drinks” (SECOND-PERIOD) applies to 1 × Example Cola 500 ml at 4.25: saves 0.50." in page


def test_amounts_sent_for_one_piece_are_shown_for_the_line(cashier: Browser) -> None:
    purchase = PurchaseFactory(ordered=True, lines=0)
    PurchaseLineFactory(
        purchase=purchase, quantity="3.0", price="12.75", promotions="1.50", sales_tax="0.93", total="12.18"
    )

    assert cashier.get(page_of(purchase)).context["lines"][0].promotions == ("Second period special -1.50",)


@pytest.mark.parametrize(
    ("quantity", "unit", "shown"),
    [("1.0", "unit", "1"), ("3", "each", "3"), ("0.453", "lb", "0.453 lb"), ("2.5", "unit", "2.5 unit")],
)
def test_quantities_read_as_on_a_receipt(cashier: Browser, quantity: str, unit: str, shown: str) -> None:
    purchase = PurchaseFactory(parked=True, lines=0)
    PurchaseLineFactory(purchase=purchase, quantity=quantity, unit=unit)

    assert cashier.get(page_of(purchase)).context["lines"][0].quantity == shown


CHARGED = "Amazon may have charged the shopper already."


@pytest.mark.parametrize(
    ("given", "begins", "says_charged"),
    [
        ({"parked": True}, "This cart could not be priced, so nothing was sent to Amazon.", False),
        ({"empty": True}, "The shopper took nothing", False),
        ({"ordered": True, "order_id": "113-1"}, "Amazon charged the shopper and made order 113-1.", False),
        ({"under_way": True}, "It is on its way to Amazon and is tried again by itself; next at", False),
        ({"under_way": True, "environment": "test"}, "This purchase is of the test environment", False),
        ({"refused": True}, "Amazon refused this purchase: InvalidCartTotalException.", False),
        ({"closed": True, "possibly_charged": True}, "Given up: The shopper paid at the desk.", True),
        ({"ordered": True, "order_id": "113-1", "possibly_charged": True}, "Amazon charged the shopper", False),
    ],
)
def test_the_page_says_what_to_do_next(
    cashier: Browser, given: dict[str, Any], begins: str, *, says_charged: bool
) -> None:
    step = cashier.get(page_of(PurchaseFactory(**given))).context["next_step"]

    assert step.startswith(begins)
    assert (CHARGED in step) is says_charged


def test_the_page_says_that_the_store_is_on_hold(cashier: Browser) -> None:
    purchase = PurchaseFactory(under_way=True, store=StoreFactory(on_hold=True))

    step = cashier.get(page_of(purchase)).context["next_step"]

    assert step == "The store is on hold: this purchase is sent when the store is released."


# -- what staff can do


@pytest.mark.parametrize(
    ("given", "for_staff", "for_managers"),
    [
        ({"parked": True}, ["Price again"], ["Price again", "Close with a reason…"]),
        ({"under_way": True}, ["Send again"], ["Send again", "Close with a reason…"]),
        ({"refused": True}, ["Price again", "Send again"], ["Price again", "Send again", "Close with a reason…"]),
        ({"closed": True}, ["Send again"], ["Send again"]),
        ({"ordered": True}, [], []),
        ({"empty": True}, [], []),
    ],
)
def test_the_buttons_fit_the_status_and_the_person(
    cashier: Browser, manager: Browser, given: dict[str, Any], for_staff: list[str], for_managers: list[str]
) -> None:
    purchase = PurchaseFactory(**given)

    def buttons(browser: Browser) -> list[str]:
        return [button["text"] for button in browser.get(page_of(purchase)).context["page_buttons"]]

    assert (buttons(cashier), buttons(manager)) == (for_staff, for_managers)


def parked_for_want_of_a_price() -> Purchase:
    """The cart of the shop, whose cola had no price when it came in; now it has one."""
    open_shop()
    cola = Price.objects.get(product=COLA)
    Price.objects.filter(pk=cola.pk)._raw_delete("default")
    purchase = take_in()
    assert purchase.status == Status.UNPRICED
    cola._state.adding = True
    cola.save(force_insert=True)
    return purchase


def test_staff_price_a_mended_cart_again(cashier: Browser) -> None:
    purchase = parked_for_want_of_a_price()

    answer = press(cashier, purchase, "reprice")

    purchase.refresh_from_db()
    assert said(answer) == ["1 purchase priced again."]
    assert answer.url == page_of(purchase)
    assert purchase.status == Status.AWAITING_CHECKOUT
    assert str(purchase.price_total) == "6.85"


def test_what_cannot_be_done_is_said_and_changes_nothing(cashier: Browser) -> None:
    ordered = PurchaseFactory(ordered=True)

    priced, sent = press(cashier, ordered, "reprice"), press(cashier, ordered, "send_again")

    assert said(priced)[0].startswith(f"{ordered}: This purchase is “ordered”.")
    assert said(sent)[0].startswith(f"{ordered}: This purchase is “ordered”")
    assert Purchase.objects.get().status == Status.ORDERED


def test_several_are_priced_again_and_those_that_cannot_be_are_named(cashier: Browser) -> None:
    mended, ordered = parked_for_want_of_a_price(), PurchaseFactory(ordered=True)

    answer = cashier.post(PURCHASES, {"action": "reprice", "_selected_action": [mended.pk, ordered.pk]})

    messages = said(answer)
    assert messages[0] == "1 purchase priced again."
    assert len(messages) == 2
    assert messages[1].startswith(f"{ordered}: ")


def test_many_refusals_are_counted(cashier: Browser) -> None:
    keys = [purchase.pk for purchase in PurchaseFactory.create_batch(8, ordered=True)]

    messages = said(cashier.post(PURCHASES, {"action": "send_again", "_selected_action": keys}))

    assert len(messages) == 6
    assert messages[-1] == "The same was refused for 3 more."


def test_staff_send_a_refused_purchase_again_unchanged(cashier: Browser) -> None:
    open_shop()
    purchase = take_in()
    submit(purchase, refuses("InvalidCartTotalException"))
    assert purchase.status == Status.REJECTED
    sent = bytes(purchase.body or b"")

    answer = press(cashier, purchase, "send_again")

    purchase.refresh_from_db()
    assert said(answer) == ["1 purchase sent again."]
    assert (purchase.status, bytes(purchase.body or b"")) == (Status.AWAITING_CHECKOUT, sent)
    assert [note.text for note in purchase.notes.all()] == ["Sent again by hand, unchanged."]


def test_a_manager_closes_a_purchase_after_giving_a_reason(manager: Browser) -> None:
    purchase = PurchaseFactory(parked=True)

    asked = press(manager, purchase, "close")
    assert asked.context["shown"] == [purchase.purchase_id]
    assert Purchase.objects.get().status == Status.UNPRICED

    without = press(manager, purchase, "close", confirmed="yes", reason="  ")
    assert without.context["form"].errors == {"reason": ["Say why."]}
    assert Purchase.objects.get().status == Status.UNPRICED

    answer = press(manager, purchase, "close", confirmed="yes", reason="The shopper paid at the desk.")
    purchase.refresh_from_db()
    assert said(answer) == ["1 purchase closed."]
    assert (purchase.status, purchase.closed_reason) == (Status.CLOSED, "The shopper paid at the desk.")


def test_staff_do_not_close_purchases(cashier: Browser) -> None:
    purchase = PurchaseFactory(parked=True)
    confirmed = {"confirmed": "yes", "reason": "x"}

    pressed = press(cashier, purchase, "close", **confirmed)
    from_list = cashier.post(PURCHASES, {"action": "close", "_selected_action": [purchase.pk], **confirmed})

    assert pressed.status_code == 403
    assert said(from_list) == ["No action selected."]
    assert Purchase.objects.get().status == Status.UNPRICED


@pytest.mark.parametrize("action", ["reprice", "send_again", "close"])
def test_a_stranger_does_nothing(action: str) -> None:
    purchase = PurchaseFactory(refused=True)

    answer = press(signed_in(StrangerFactory()), purchase, action, confirmed="yes", reason="x")

    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")
    assert Purchase.objects.get().status == Status.REJECTED


@pytest.mark.parametrize("action", ["reprice", "send_again", "close", "delete_selected", "nonsense"])
def test_a_link_does_nothing(manager: Browser, action: str) -> None:
    purchase = PurchaseFactory(refused=True)

    assert manager.get(f"{PURCHASES}{purchase.pk}/press/{action}/").url == page_of(purchase)
    assert Purchase.objects.get().status == Status.REJECTED


# -- refused carts


def refused_for_want_of_a_setting() -> RefusedCart:
    """A cart of a kind of item that is not allowed yet."""
    raw = body(cart())
    received_at = timezone.now()
    with pytest.raises(contract.InvalidCart) as caught:
        contract.decode(body(cart(storeId=ABSENT)), limits())
    return purchases.refuse(caught.value, raw, received_at=received_at, caller="connector")


def test_refused_carts_say_what_was_wrong(manager: Browser) -> None:
    waiting = RefusedCartFactory(faults=[{"path": "$.storeId", "message": "is missing"}, {"path": "", "message": "x"}])
    taken = RefusedCartFactory(purchase=PurchaseFactory(parked=True))

    page = manager.get(REFUSED).content.decode()
    window = manager.get(f"{REFUSED}{waiting.pk}/change/").content.decode()

    assert "<code>$.storeId</code>: is missing (and 1 more)" in page
    assert "<li><code>$.storeId</code>: is missing</li><li>the whole cart: x</li>" in window
    assert "Sandbox" in window
    assert "&#x27;sandbox&#x27;" not in window
    assert str(taken.purchase) in page
    assert listed(manager, "?state=waiting", REFUSED) == [waiting.pk]
    assert listed(manager, "?state=taken", REFUSED) == [taken.pk]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([{"path": "$.a", "message": "is missing"}], ["<code>$.a</code>: is missing"]),
        ([{"message": "no document"}], ["the whole cart: no document"]),
        (["as text"], ["as text"]),
        ("all of it", ["all of it"]),
        ([], []),
    ],
)
def test_faults_in_words(faults: Any, words: list[str]) -> None:
    assert fault_words(faults) == words


def test_a_manager_takes_a_refused_cart_in_once_a_setting_is_mended(manager: Browser) -> None:
    open_shop()
    refused = refused_for_want_of_a_setting()

    answer = manager.post(f"{REFUSED}{refused.pk}/press/take_in/")

    purchase = Purchase.objects.get()
    refused.refresh_from_db()
    assert said(answer) == ["1 purchase taken in."]
    assert refused.purchase == purchase
    assert purchase.status == Status.AWAITING_CHECKOUT
    assert manager.get(f"{REFUSED}{refused.pk}/change/").context["page_buttons"] == []


def test_a_cart_that_still_does_not_pass_is_kept_and_the_reason_said(manager: Browser) -> None:
    refused = RefusedCartFactory(raw=b"{}")

    answer = manager.post(f"{REFUSED}{refused.pk}/press/take_in/")

    assert said(answer)[0].startswith(f"{refused}: It is still not in the form agreed with Amazon: “")
    assert not Purchase.objects.exists()


def test_staff_do_not_see_refused_carts_and_take_none_in(cashier: Browser) -> None:
    refused = RefusedCartFactory()

    assert cashier.get(REFUSED).status_code == 403
    assert cashier.post(f"{REFUSED}{refused.pk}/press/take_in/").status_code == 403
    assert not Purchase.objects.exists()


def test_the_list_of_refused_carts_costs_the_same_whatever_its_length(
    manager: Browser, django_assert_num_queries: Any
) -> None:
    RefusedCartFactory(purchase=PurchaseFactory(parked=True))
    manager.get(REFUSED)
    with CaptureQueriesContext(connection) as few:
        manager.get(REFUSED)

    for _ in range(6):
        RefusedCartFactory(purchase=PurchaseFactory(parked=True))
    with django_assert_num_queries(len(few)):
        manager.get(REFUSED)


def test_a_purchase_of_another_environment_is_marked(cashier: Browser, settings: LazySettings) -> None:
    purchase = PurchaseFactory(under_way=True)
    settings.JWO_ENVIRONMENT = "test"

    assert cashier.get(page_of(purchase)).context["marks"] == ["Of the sandbox environment"]
    assert "Of the sandbox environment" in cashier.get(PURCHASES).content.decode()
