"""Where one is, and the store that one has chosen to look at: the same at the top of every page."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from catalog.models import Store
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    PurchaseFactory,
    StoreFactory,
    UserFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

CHOOSE = "/admin/choose-store/"
PURCHASES = "/admin/orders/purchase/"
PRICES = "/admin/pricing/price/"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def way_to(page: Any) -> list[str]:
    """The crumbs of the page, the page itself last."""
    heading = re.search(r"<h1>(.*?)</h1>", page.content.decode(), re.DOTALL)
    assert heading
    return re.findall(r"<span class=\"bo-(?:crumb|here)\">(?:<a [^>]*>)?([^<]+)", heading[1])


# -- crumbs and titles


def test_the_top_of_a_page_says_the_job_the_list_and_the_row(manager: Browser) -> None:
    promotion = PromotionFactory(name="Cola week", code="COLA-WEEK")

    assert way_to(manager.get("/admin/")) == ["Today"]
    assert way_to(manager.get("/admin/pricing/promotion/")) == ["Promotions", "All promotions"]
    assert way_to(manager.get("/admin/pricing/promotion/?state=scheduled")) == ["Promotions", "Scheduled"]
    page = manager.get(f"/admin/pricing/promotion/{promotion.pk}/change/")
    assert way_to(page) == ["Promotions", "All promotions", "Cola week (COLA-WEEK)"]
    history = manager.get(f"/admin/pricing/promotion/{promotion.pk}/history/")
    assert way_to(history) == ["Promotions", "All promotions", "Cola week (COLA-WEEK)", "History"]
    assert way_to(manager.get("/admin/pricing/promotion/add/"))[:2] == ["Promotions", "All promotions"]


def test_pages_that_are_no_lists_have_their_place_too(manager: Browser) -> None:
    product = ProductFactory(name="Cola", sku="COLA")

    assert way_to(manager.get("/admin/pricing/price/cart/")) == ["Prices", "Price a cart"]
    assert way_to(manager.get(f"{PURCHASES}waiting/")) == ["Purchases", "Waiting for a repair"]
    changed = manager.get("/admin/pricing/price/changed/")
    assert way_to(changed) == ["Who did what", "What was changed"]
    assert len(re.findall(r'<a href="[^"]*" class="[^"]* active"', changed.content.decode())) == 1
    over_time = manager.get("/admin/pricing/price/over-time/?product=COLA")
    assert way_to(over_time) == ["Prices", "All prices", f"Price over time: {product}"]


def test_the_tab_of_a_list_is_called_as_in_the_menu(manager: Browser) -> None:
    page = manager.get(f"{PURCHASES}?status__exact=REJECTED")

    assert re.search(r"<title>\[Sandbox\]\s*Refused by Amazon \|", page.content.decode())


@pytest.mark.parametrize("app", ["orders", "pricing", "catalog"])
def test_there_are_no_pages_by_the_names_of_our_apps(manager: Browser, app: str) -> None:
    answer = manager.get(f"/admin/{app}/")

    assert (answer.status_code, answer.url) == (302, "/admin/")


# -- the store that is chosen


def choose(browser: Browser, store: Store | None, back: str = "/admin/") -> Any:
    return browser.post(CHOOSE, {"store": store.pk if store else "", "back": back})


def test_a_store_is_chosen_on_any_page_and_one_stays_there(manager: Browser) -> None:
    east, west = StoreFactory(name="Arena East"), StoreFactory(name="Arena West")

    answer = choose(manager, west, back=f"{PRICES}?store={east.pk}&when=now&p=3")

    assert answer.url == f"{PRICES}?when=now"
    page = manager.get("/admin/")
    assert page.context["chosen_store"] == west.pk
    assert f'<option value="{west.pk}" selected>Arena West</option>' in page.content.decode()
    assert choose(manager, None).url == "/admin/"
    assert manager.get("/admin/").context["chosen_store"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "orders_purchase",
        "pricing_price",
        "pricing_promotion",
        "pricing_fee",
        "catalog_product",
        "catalog_catalogupload",
    ],
)
def test_lists_start_with_the_chosen_store_as_a_filter_that_may_be_taken_off(manager: Browser, name: str) -> None:
    east = StoreFactory(name="Arena East")
    StoreFactory()
    choose(manager, east)
    url = reverse(f"admin:{name}_changelist")

    first = manager.get(f"{url}?q=nothing")
    page = manager.get(url + first.url)
    without = manager.get(f"{url}?store=")

    assert (first.status_code, first.url) == (302, f"?q=nothing&store={east.pk}")
    assert "Only Arena East Show all stores" in text_of(page)
    assert page.context["cl"].all_stores == "?q=nothing&store="
    assert page.context["cl"].clear_all_filters_qs == "?store="
    assert without.status_code == 200
    assert "Show all stores" not in text_of(without)


def test_a_link_that_names_a_store_is_followed_as_it_is(manager: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    of_east = PurchaseFactory(store=east)
    choose(manager, west)

    page = manager.get(f"{PURCHASES}?store={east.pk}")

    assert [row.pk for row in page.context["cl"].result_list] == [of_east.pk]


def test_lists_without_stores_know_nothing_of_the_choice(manager: Browser) -> None:
    choose(manager, StoreFactory())

    assert manager.get("/admin/jwo_store/alarm/").status_code == 200


def test_pages_that_take_a_store_start_with_the_chosen_one(manager: Browser) -> None:
    StoreFactory(store_id="AAA")
    last = StoreFactory(store_id="ZZZ")
    product = PriceFactory().product
    choose(manager, last)

    assert manager.get("/admin/pricing/price/cart/").context["form"]["store"].value() == "ZZZ"
    assert manager.get("/admin/pricing/price/cart/?store=AAA").context["form"]["store"].value() == "AAA"
    over_time = manager.get(f"/admin/pricing/price/over-time/?product={product.pk}")
    assert over_time.context["over_time"]["form"]["store"].value() == "ZZZ"
    assert manager.get("/admin/orders/financeexport/add/").context["form"]["stores"].value() == ["ZZZ"]


@pytest.mark.parametrize("store", ["NOT-OURS", "", "'; --"])
def test_what_is_no_store_of_ours_is_not_chosen(manager: Browser, store: str) -> None:
    choose(manager, StoreFactory())

    manager.post(CHOOSE, {"store": store, "back": "https://elsewhere.example/"})

    assert manager.get("/admin/").context["chosen_store"] == ""


def test_a_store_that_is_gone_is_no_longer_chosen(manager: Browser) -> None:
    store = StoreFactory()
    choose(manager, store)
    store.delete()

    assert manager.get(PURCHASES).status_code == 200


def test_choosing_takes_a_post_with_its_token_and_a_login() -> None:
    store = StoreFactory()
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(CashierFactory())

    assert browser.post(CHOOSE, {"store": store.pk}).status_code == 403
    assert browser.get(f"{CHOOSE}?store={store.pk}").url == "/admin/"
    assert browser.get("/admin/").context["chosen_store"] == ""
    assert Browser().post(CHOOSE, {"store": store.pk}).url.startswith("/admin/login/")


def test_with_one_store_there_is_nothing_to_choose(manager: Browser) -> None:
    StoreFactory(name="Arena East")

    page = manager.get("/admin/")

    assert 'id="store-chooser"' not in page.content.decode()
    assert "Arena East" in text_of(page)


def test_the_top_of_a_page_costs_one_query_for_all_stores(django_assert_num_queries: Any) -> None:
    StoreFactory.create_batch(2)
    person = UserFactory()
    person.user_permissions.add(Permission.objects.get(codename="view_group"))  # nothing that the page itself shows
    browser = signed_in(person)
    browser.get("/admin/")
    StoreFactory.create_batch(9)

    with django_assert_num_queries(5):  # session, person, what they may (two), stores
        browser.get("/admin/")
