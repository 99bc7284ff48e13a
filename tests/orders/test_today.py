"""The page "Today": figures that equal the lists behind them, on each store's own clock, at a fixed price."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Store
from orders.admin import today as page
from orders.days import clocks_of
from orders.models import PromotionSaving, Purchase
from orders.today import NO_ORDER, saved_by_promotion, two_days
from tests.factories import (
    Browser,
    CashierFactory,
    CatalogUploadFactory,
    ManagerFactory,
    PriceFactory,
    ProblemFactory,
    ProductFactory,
    PromotionFactory,
    PurchaseFactory,
    StoreFactory,
    UserFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

HOME = "/admin/"
NOON = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)  # a Wednesday; 12:30 in New York, 9:30 in Los Angeles
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


@pytest.fixture
def east() -> Store:
    store: Store = StoreFactory(name="Arena East", time_zone="America/New_York")
    return store


def saving(purchase: Purchase, code: str, amount: str) -> None:
    PromotionSaving.objects.create(purchase=purchase, code=code, amount=amount)


def panel(answer: Any, title: str) -> Any:
    return next(one for one in answer.context["panels"] if one.title == title)


def cells(answer: Any, title: str) -> list[list[str]]:
    return [[cell.text for cell in row] for row in panel(answer, title).told["rows"]]


# -- the day by hour


def test_today_is_held_against_the_same_day_of_last_week_by_hour(east: Store) -> None:
    PurchaseFactory.create_batch(2, store=east, ordered=True, received_at=NOON)
    PurchaseFactory(store=east, parked=True, received_at=NOON - timedelta(hours=2))
    PurchaseFactory(store=east, empty=True, received_at=NOON - timedelta(hours=2))
    week_ago = NOON - timedelta(days=7)
    PurchaseFactory(store=east, ordered=True, received_at=week_ago - timedelta(minutes=1))
    PurchaseFactory(store=east, ordered=True, received_at=week_ago + timedelta(minutes=1))
    PurchaseFactory(store=east, ordered=True, received_at=week_ago + timedelta(days=1))  # of no day that is compared

    days = two_days(clocks_of([east], whole=False), NOON)

    assert (days.today.trips, days.today.due, days.today.ordered, days.today.without_order) == (4, 3, 2, 1)
    assert days.today.revenue == {"USD": Decimal("8.12")}
    assert [hour.trips for hour in days.today_by_hour] == [0] * 10 + [2, 0, 2] + [0] * 11
    assert days.then.trips == 1
    assert [hour.trips for hour in days.then_by_hour] == [0] * 12 + [2] + [0] * 11


def test_each_store_has_its_own_midnight() -> None:
    east, west = StoreFactory(time_zone="America/New_York"), StoreFactory(time_zone="America/Los_Angeles")
    after_midnight_in_the_east = datetime(2026, 11, 25, 0, 30, tzinfo=NEW_YORK)
    for store in (east, west):
        PurchaseFactory(store=store, ordered=True, received_at=after_midnight_in_the_east)
    unknown = PurchaseFactory(ordered=True, received_at=after_midnight_in_the_east)
    Store.objects.filter(pk=unknown.store_id).delete()
    stores = [east, west]

    whole = two_days(clocks_of(stores, whole=True), NOON)
    in_the_west = two_days(clocks_of([west], whole=False), NOON)

    assert whole.today.trips == 2  # the east's, and that of no store of ours on the admin's clock
    assert [hour for hour, figures in enumerate(whole.today_by_hour) if figures.trips] == [0, 5]
    assert in_the_west.today.trips == 0


def test_amounts_of_different_currencies_are_never_added_up(east: Store) -> None:
    PurchaseFactory(store=east, ordered=True, received_at=NOON)
    PurchaseFactory(store=east, ordered=True, received_at=NOON, currency="EUR")

    days = two_days(clocks_of([east], whole=False), NOON)

    assert page.in_money(days.today.revenue) == "4.06 EUR + 4.06 USD"


def test_time_to_order_is_that_of_orders_alone(east: Store) -> None:
    PurchaseFactory(store=east, ordered=True, received_at=NOON, ordered_at=NOON + timedelta(seconds=4))
    PurchaseFactory(store=east, ordered=True, received_at=NOON, ordered_at=NOON + timedelta(seconds=80))
    PurchaseFactory(store=east, parked=True, received_at=NOON)

    today = two_days(clocks_of([east], whole=False), NOON).today

    assert (today.wait, today.slow) == (42.0, 1)


@pytest.mark.parametrize(
    ("rate", "said"), [(None, "—"), (100.0, "100%"), (99.999, "99.9%"), (62.5, "62.5%"), (0.0, "0%"), (50.0, "50%")]
)
def test_a_share_is_never_rounded_up_to_all(rate: float | None, said: str) -> None:
    assert page.in_percent(rate) == said


def test_the_drawings_say_the_same_in_words_and_in_a_table(manager: Browser, east: Store) -> None:
    PurchaseFactory.create_batch(3, store=east, ordered=True, received_at=NOON)
    PurchaseFactory(store=east, ordered=True, received_at=NOON - timedelta(days=7, hours=1))

    answer = manager.get(HOME)

    drawn = answer.content.decode()
    assert 'role="img" aria-label="3 today; 1 last Wednesday by this time"' in drawn
    assert "<title>12:00 today: 3</title>" in drawn
    rows = panel(answer, "Today beside last Wednesday").told["rows"]
    assert [(row.hour, [cell.text for cell in row.cells][:4]) for row in rows] == [
        ("11:00", ["0", "1", "0.00", "4.06"]),
        ("12:00", ["3", "0", "12.18", "0.00"]),
    ]


# -- every figure is the number of rows behind it


def rows_behind(browser: Browser, link: str) -> int:
    shown = browser.get(link)
    assert shown.status_code == 200, link
    count: int = shown.context["cl"].result_count
    return count


def busy(store: Store) -> None:
    """Some of everything, today and before, tests and another environment included."""
    early = NOON - timedelta(hours=11)  # today in New York, and in UTC
    yesterday_there = datetime(2026, 11, 25, 3, tzinfo=UTC)  # today in UTC alone
    for extra in ({}, {"is_test": True}, {"environment": "test"}):
        for at in (NOON, early, yesterday_there):
            PurchaseFactory(store=store, ordered=True, received_at=at, **extra)
            PurchaseFactory(store=store, under_way=True, received_at=at, **extra)
            PurchaseFactory.create_batch(2, store=store, refused=True, received_at=at, **extra)
            PurchaseFactory(store=store, ordered=True, received_at=at, ordered_at=at + timedelta(minutes=3), **extra)
            PurchaseFactory(store=store, empty=True, received_at=at, **extra)
            parked = PurchaseFactory(store=store, parked=True, received_at=at, **extra)
            ProblemFactory.create_batch(2, purchase=parked, cause="price")
            ProblemFactory(purchase=parked, cause="tax")
            saving(PurchaseFactory(store=store, ordered=True, received_at=at, **extra), "COLA", "0.50")


def figures_of(tiles: list[Any]) -> dict[str, tuple[int, str]]:
    """What the tiles count of the rows behind their links."""
    by_title = {tile.title: tile for tile in tiles}
    counted = {
        title: int(by_title[title].value)
        for title in ("Trips today", "Waiting for a repair", "Refused by Amazon", "On the way to Amazon")
    } | {"Test trips today": int(by_title["Test trips today"].value)}
    hints = {
        "Trips with an order": r"^(\d+) of",
        "From cart to order": r"; (\d+) took",
    }
    for title, words in hints.items():
        found = re.search(words, by_title[title].hint)
        assert found
        counted[title] = int(found[1])
    return {title: (number, by_title[title].link) for title, number in counted.items()}


@pytest.mark.parametrize("one_store", [False, True])
def test_every_tile_counts_the_rows_of_the_list_it_leads_to(manager: Browser, east: Store, *, one_store: bool) -> None:
    busy(east)
    busy(StoreFactory(time_zone="America/Los_Angeles"))
    if one_store:
        manager.post("/admin/choose-store/", {"store": east.pk})

    figures = figures_of(manager.get(HOME).context["tiles"])

    assert {title: number for title, (number, _) in figures.items()} == {
        title: rows_behind(manager, link) for title, (_, link) in figures.items()
    }
    assert figures["Trips today"][0] == (16 if one_store else 24)
    assert figures["Waiting for a repair"][0] == (3 if one_store else 6)


def test_every_row_of_a_table_counts_the_rows_of_its_list(manager: Browser, east: Store) -> None:
    PromotionFactory(code="COLA", name="Cola week")
    busy(east)
    answer = manager.get(HOME)

    for title in ("Waiting for a repair", "What promotions save today"):
        rows = panel(answer, title).told["rows"]
        assert rows
        for row in rows:
            assert int(row[1].text) == rows_behind(manager, row[1].link), title
    assert cells(answer, "Waiting for a repair") == [
        ["A product without a price", "3"],
        ["A product or category without a tax rule", "3"],
    ]
    assert cells(answer, "What promotions save today") == [["Cola week", "2", "1.00 USD"]]


def test_the_one_that_waits_longest_is_one_step_away(manager: Browser, east: Store) -> None:
    oldest = PurchaseFactory(store=east, under_way=True, received_at=NOON - timedelta(hours=5))
    PurchaseFactory(store=east, parked=True, received_at=NOON)

    tile = next(one for one in manager.get(HOME).context["tiles"] if one.title == "Oldest without an order")

    assert (tile.value, tile.link) == ("5 hours", f"/admin/orders/purchase/{oldest.pk}/change/")


# -- promotions


def test_the_promotions_that_saved_most_come_first(east: Store) -> None:
    for amounts in ({"A": "0.50", "B": "2.00"}, {"A": "0.75"}):
        purchase = PurchaseFactory(store=east, ordered=True, received_at=NOON)
        for code, amount in amounts.items():
            saving(purchase, code, amount)
    saving(PurchaseFactory(store=east, ordered=True, received_at=NOON - timedelta(days=1)), "A", "9.00")

    saved = saved_by_promotion(clocks_of([east], whole=False), NOON)

    assert [(one.code, one.trips, str(one.amount)) for one in saved] == [("B", 1, "2.00"), ("A", 2, "1.25")]


# -- prices and uploads


def test_price_changes_say_from_what_to_what_and_when(manager: Browser, east: Store) -> None:
    cola = ProductFactory(sku="COLA", name="Cola")
    tomorrow = datetime(2026, 11, 26, 9, tzinfo=UTC)
    PriceFactory(product=cola, amount=Decimal("4.25"), ends_at=tomorrow)
    PriceFactory(product=cola, amount=Decimal("4.75"), starts_at=tomorrow)
    PriceFactory(product=cola, amount=Decimal("3.00"), store=east, starts_at=NOON - timedelta(hours=1))
    PriceFactory(product=cola, amount=Decimal("9.00"), starts_at=tomorrow + timedelta(days=2))

    answer = manager.get(HOME)

    title = "Prices that change today and tomorrow"
    assert [row[:4] for row in cells(answer, title)] == [
        ["Cola", "all stores", "4.25", "4.75"],
        ["Cola", "Arena East", "4.25", "3.00"],
    ]
    assert panel(answer, title).link_text == "3 prices that start or end today or tomorrow"
    assert rows_behind(manager, panel(answer, title).link) == 3


def test_each_store_tells_its_last_catalog_result(manager: Browser, east: Store) -> None:
    StoreFactory(name="Zoo")
    CatalogUploadFactory(store=east, failed=True)
    CatalogUploadFactory(store=east, finished=True, item_count=7)

    rows = cells(manager.get(HOME), "Last catalog result of each store")

    assert [row[:3] for row in rows] == [["Arena East", "All taken", "7"], ["Zoo", "Nothing was uploaded yet", ""]]


# -- who sees it, what it costs


def test_a_new_back_office_says_what_will_stand_here(manager: Browser) -> None:
    words = text_of(manager.get(HOME))

    assert "There is no store yet. Add the first one under Set-up, Stores" in words
    StoreFactory()
    words = text_of(manager.get(HOME))
    assert "No trip has come in yet today." in words
    assert "No cart waits for a repair." in words
    assert "No promotion has saved anything yet today." in words
    assert "No price changes today or tomorrow." in words


def test_who_may_see_nothing_sees_no_figures(east: Store) -> None:
    busy(east)

    answer = signed_in(UserFactory()).get(HOME)

    assert (answer.context["tiles"], answer.context["panels"]) == ([], [])


def test_today_costs_the_same_however_much_there_is(django_assert_num_queries: Any, east: Store) -> None:
    PromotionFactory(code="COLA")
    busy(east)
    PriceFactory(starts_at=NOON)
    browser = signed_in(CashierFactory())
    browser.get(HOME)
    with CaptureQueriesContext(connection) as few:
        browser.get(HOME)

    for store in StoreFactory.create_batch(3, time_zone="America/Denver"):
        busy(store)
    PriceFactory.create_batch(4, starts_at=NOON)
    with django_assert_num_queries(len(few)):
        browser.get(HOME)


def test_trips_without_an_order_are_told_by_their_status() -> None:
    PurchaseFactory(empty=True)
    PurchaseFactory(ordered=True)
    kinds: list[dict[str, bool]] = [{"parked": True}, {"under_way": True}, {"refused": True}, {"closed": True}]
    due = {PurchaseFactory(**kind).pk for kind in kinds}

    found = Purchase.objects.filter(NO_ORDER)

    assert {purchase.pk for purchase in found} == due
    assert not found.filter(order_id__isnull=False).exists()
