"""Forms start with the store that is chosen, and what was saved of a price is said in full."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from catalog.models import Product, Store
from pricing.models import Fee, Price
from tests.factories import (
    Browser,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    said,
    signed_in,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
FEES = "/admin/pricing/fee/"
PROMOTIONS = "/admin/pricing/promotion/"
NOW = datetime(2026, 7, 1, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def berlin() -> Store:
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    store: Store = StoreFactory(store_id="BERLIN", name="Mitte", time_zone="Europe/Berlin", currency="EUR")
    return store


@pytest.fixture
def tea() -> Product:
    product: Product = ProductFactory(sku="TEA-1", name="Tea")
    return product


@pytest.fixture
def manager(berlin: Store) -> Browser:  # noqa: ARG001  the shop
    return signed_in(ManagerFactory())


@pytest.fixture
def in_berlin(manager: Browser) -> Browser:
    """Who has chosen to look at that store."""
    manager.post("/admin/choose-store/", {"store": "BERLIN"})
    return manager


def form_of(browser: Browser, url: str) -> Any:
    return browser.get(url).context["adminform"].form


# -- the store to start with


def test_a_price_is_added_for_the_chosen_store(in_berlin: Browser, tea: Product) -> None:
    in_berlin.submit(f"{PRICES}add/", "price_form", product=tea.pk, amount="2.49")

    assert Price.objects.get().store_id == "BERLIN"
    assert form_of(in_berlin, f"{PRICES}add/").clock.words == "Berlin time, store Mitte"


def test_a_rule_is_added_for_the_chosen_store(in_berlin: Browser, tea: Product, berlin: Store) -> None:
    fee = {"code": "CUP", "description": "Cup", "amount": "0.25", "taxed": "", "products": [tea.pk]}

    in_berlin.submit(f"{FEES}add/", "fee_form", **fee)

    added = Fee.objects.get()
    assert (added.all_stores, list(added.stores.all())) == (False, [berlin])
    assert form_of(in_berlin, f"{PROMOTIONS}add/")["stores"].value() == ["BERLIN"]


@pytest.mark.parametrize(
    ("url", "field", "value"),
    [
        (f"{PRICES}add/?store=", "store", ""),
        (f"{FEES}add/?all_stores=on", "all_stores", "on"),
    ],
)
def test_a_link_that_says_the_stores_is_followed(in_berlin: Browser, url: str, field: str, value: str) -> None:
    assert form_of(in_berlin, url)[field].value() == value


def test_without_a_chosen_store_it_holds_in_all(manager: Browser) -> None:
    assert form_of(manager, f"{PRICES}add/")["store"].value() is None
    assert form_of(manager, f"{FEES}add/")["all_stores"].value() is True


def test_who_has_one_store_starts_with_it_whatever_a_link_says(berlin: Store) -> None:
    own = signed_in(ManagerFactory(role=[berlin]))

    assert form_of(own, f"{PRICES}add/?store=")["store"].value() == "BERLIN"


def test_a_store_in_which_one_adds_no_prices_is_not_filled_in(berlin: Store) -> None:
    here = Store.objects.exclude(pk=berlin.pk).order_by("pk")[0]
    person = ManagerFactory(role=[here])
    person.assignments.create(role=ManagerFactory(role=[berlin]).assignments.get().role, store=berlin)
    browser = signed_in(person)
    browser.post("/admin/choose-store/", {"store": "BERLIN"})
    assert form_of(browser, f"{PRICES}add/")["store"].value() == "BERLIN"
    person.assignments.filter(store=berlin).delete()

    assert form_of(signed_in(person), f"{PRICES}add/")["store"].value() == here.pk


def test_a_change_of_many_prices_starts_with_the_chosen_store(in_berlin: Browser) -> None:
    assert in_berlin.get("/admin/pricing/pricechange/add/").context["form"]["store"].value() == "BERLIN"


# -- what is said


def test_a_new_price_is_said_with_what_it_cost_before(manager: Browser, tea: Product, berlin: Store) -> None:
    PriceFactory(product=tea, amount=Decimal("2.49"), starts_at=NOW - DAY)

    answer = manager.submit(f"{PRICES}add/", "price_form", product=tea.pk, store=berlin.pk, amount="2.99")

    assert said(answer) == ["Tea (TEA-1) in Mitte: 2.99 EUR instead of 2.49, from now on."]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": "2.99"}, "2.99 EUR instead of 2.49, from now on."),
        (
            {"ends_at_0": "2026-08-01", "ends_at_1": "06:00"},
            "2.49 EUR, from {since} until Aug. 1, 2026, 6 a.m. (Berlin).",
        ),
    ],
)
def test_a_changed_price_is_said_with_its_store_and_times(
    manager: Browser, tea: Product, berlin: Store, changes: dict[str, str], told: str
) -> None:
    price = PriceFactory(product=tea, store=berlin, amount=Decimal("2.49"), starts_at=NOW - DAY)

    answer = manager.submit(f"{PRICES}{price.pk}/change/", "price_form", **changes)

    assert said(answer) == [f"Tea (TEA-1) in Mitte: {told.format(since='June 30, 2026, 10 p.m. (Berlin)')}"]


def test_a_planned_price_is_said_with_its_start(manager: Browser, tea: Product) -> None:
    price = PriceFactory(product=tea, amount=Decimal("2.49"), starts_at=NOW + DAY)

    answer = manager.submit(f"{PRICES}{price.pk}/change/", "price_form", amount="2.59")

    assert said(answer) == [
        "Tea (TEA-1) in all stores: 2.59 instead of 2.49, from July 2, 2026, 1 p.m. (Los Angeles) on."
    ]


@pytest.mark.parametrize(
    ("button", "leads_to"),
    [
        ("_save", lambda _: PRICES),
        ("_addanother", lambda _: f"{PRICES}add/"),
        ("_continue", lambda price: f"{PRICES}{price.pk}/change/"),
    ],
)
def test_each_button_leads_on_as_before(
    manager: Browser, tea: Product, button: str, leads_to: Callable[[Price], str]
) -> None:
    entered = {"product": tea.pk, "amount": "2.49", "reason": "New."}

    answer = manager.post(f"{PRICES}add/", {**entered, button: ""})

    assert answer.url == leads_to(Price.objects.get())
    assert said(answer) == ["Tea (TEA-1) in all stores: 2.49, from now on."]


# -- the price over time


def test_a_price_for_all_stores_is_shown_where_stores_have_none_of_their_own(
    manager: Browser, tea: Product, berlin: Store
) -> None:
    of_all = PriceFactory(product=tea, amount=Decimal("2.49"), starts_at=NOW - DAY)
    for store in Store.objects.all():
        PriceFactory(product=tea, store=store, amount=Decimal("1.00"), starts_at=NOW - DAY)

    def winning(price: Price) -> list[str]:
        told = manager.get(f"{PRICES}{price.pk}/change/").context["over_time"]
        return [row.price for row in told["rows"] if row.state == "now"]

    assert winning(of_all) == ["2.49"]
    assert winning(Price.objects.get(store=berlin)) == ["1.00"]


def test_with_a_chosen_store_a_price_for_all_stores_is_shown_in_that_one(in_berlin: Browser, tea: Product) -> None:
    of_all = PriceFactory(product=tea, amount=Decimal("2.49"), starts_at=NOW - DAY)

    told = in_berlin.get(f"{PRICES}{of_all.pk}/change/").context["over_time"]

    assert (told["form"]["store"].value(), told["zone"]) == ("BERLIN", "Berlin time")


def test_what_is_planned_from_there_holds_where_it_is_shown_whatever_store_is_chosen(
    in_berlin: Browser, tea: Product
) -> None:
    PriceFactory(product=tea, amount=Decimal("2.49"), starts_at=NOW - DAY)

    told = in_berlin.get(f"{PRICES}over-time/", {"product": tea.pk, "store": "BERLIN"}).context["over_time"]

    form = form_of(in_berlin, told["add"]["schedule"])
    assert form["store"].value() == ""  # today's regular price holds in all stores
    assert form_of(in_berlin, told["add"]["temporary"])["store"].value() == "BERLIN"


def test_the_page_today_leads_to_the_store_in_which_the_price_changes(
    manager: Browser, tea: Product, berlin: Store
) -> None:
    PriceFactory(product=tea, store=berlin, amount=Decimal("2.49"), starts_at=NOW)

    assert f"{PRICES}over-time/?product=TEA-1&amp;store=BERLIN" in manager.get("/admin/").content.decode()
