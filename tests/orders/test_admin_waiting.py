"""The page of what waits for a repair: in words, with the form that mends it, and pricing again."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from orders.models import Purchase
from orders.statuses import Status
from pricing.models import Price, TaxAssignment, TaxCategory, TaxRule
from tests.factories import (
    AdministratorFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    ProblemFactory,
    ProductFactory,
    PurchaseFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    said,
    signed_in,
)
from tests.orders.carts import cart, item
from tests.orders.shop import COLA, STORE, Shop, take_in

pytestmark = pytest.mark.django_db

WAITING = "/admin/orders/purchase/waiting/"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def stories(browser: Browser) -> list[Any]:
    return list(browser.get(WAITING).context["needs"])


def the_story(browser: Browser) -> Any:
    [story] = stories(browser)
    return story


def without_price() -> Purchase:
    Price.objects.filter(product=COLA)._raw_delete("default")
    return take_in()


def link(story: Any, text: str) -> str:
    url: str = {one.text: one.url for one in story.links}[text]
    return url


# -- in words


def test_nothing_waits(manager: Browser) -> None:
    page = manager.get(WAITING)

    assert page.context["all_in_words"] == "No cart waits for a repair."
    assert '<form method="post">' not in page.content.decode().partition('id="content"')[2]


@pytest.mark.usefixtures("shop")
def test_each_need_stands_with_its_carts_its_stores_and_its_age(manager: Browser) -> None:
    Price.objects.filter(product=COLA)._raw_delete("default")
    now = timezone.now()
    for number in range(14):
        take_in(cart(idempotentShoppingTripId=f"trip-{number}"), at=now)
    Purchase.objects.filter(trip_id="trip-3").update(is_test=True)

    page = manager.get(WAITING)

    [story] = page.context["needs"]
    assert story.title == f"14 carts wait for a price of Example Cola 500 ml ({COLA})"
    assert re.fullmatch(
        r"Arena East\. The oldest came in .*, less than a minute ago\. 1 of them is a test trip\.",
        story.where_and_since,
    )
    assert page.context["all_in_words"].startswith("14 carts of 1 store wait, the oldest for less than a minute.")
    assert page.context["press"] == "Price all 14 again"


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"cause": "store"}, "1 cart waits for the store “NOWHERE-9” to be added"),
        ({"cause": "time"}, "1 cart waits because the trip ends in the future"),
        ({"cause": "size"}, "1 cart waits because of the very many pieces in it"),
        ({"cause": "product"}, "1 cart waits for a product with the barcode “COLA-1”"),
        ({"cause": "quantity"}, "1 cart waits because of the quantity of COLA-1"),
        ({"cause": "unit"}, "1 cart waits because of the unit in which COLA-1 is counted"),
        ({"cause": "price"}, "1 cart waits for a price of COLA-1"),
        ({"cause": "fee"}, "1 cart waits because of a deposit or fee on COLA-1"),
        ({"cause": "tax"}, "1 cart waits for a tax category of COLA-1"),
        ({"cause": "fault"}, "1 cart waits because our own software failed"),
    ],
)
def test_every_cause_is_said_in_words_and_advised(given: dict[str, Any], title: str) -> None:
    administrator = signed_in(AdministratorFactory())
    purchase = PurchaseFactory(parked=True, store=None, store_id="NOWHERE-9", lines=0)
    ProblemFactory(purchase=purchase, **given)

    story = the_story(administrator)

    assert story.title == title
    assert story.advice.endswith(".")
    assert story.press == "Price it again"
    assert story.carts.url == f"/admin/orders/purchase/{purchase.pk}/change/"


def test_many_stores_and_needs_are_counted(manager: Browser) -> None:
    for number in range(5):
        purchase = PurchaseFactory(parked=True, store=StoreFactory(name=f"Store {number}"))
        ProblemFactory(purchase=purchase, product_id="MANY-1")
    for number in range(52):
        ProblemFactory(product_id=f"ONE-{number}")

    page = manager.get(WAITING)

    assert page.context["needs"][0].where_and_since.startswith("Store 0, Store 1, Store 2 and 2 more.")
    assert (len(page.context["needs"]), page.context["more"]) == (50, 3)


# -- the form that mends it


def test_the_price_form_comes_filled_in_and_its_price_mends_the_carts(shop: Shop, manager: Browser) -> None:
    purchase = without_price()

    form = link(the_story(manager), "Add the price")
    answer = manager.submit(form, "price_form", amount="4.25")
    pressed = manager.post(WAITING, {"need": f"price:{COLA}"})

    price = Price.objects.get(product=shop.cola)
    purchase.refresh_from_db()
    assert answer.status_code == 302
    assert (price.store, price.starts_at) == (None, datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC))
    assert said(pressed)[-1] == "1 cart priced, and on the way to Amazon."
    assert purchase.status == Status.AWAITING_CHECKOUT


def test_a_back_dated_price_ends_where_the_next_one_starts(shop: Shop, manager: Browser) -> None:
    without_price()
    manager.submit("/admin/pricing/price/add/", "price_form", product=shop.cola.pk, amount="5.00")
    form = link(the_story(manager), "Add the price")
    manager.submit(form, "price_form", amount="4.25")

    old, new = Price.objects.filter(product=shop.cola).order_by("starts_at")
    assert old.ends_at == new.starts_at.replace(microsecond=0)
    assert said(manager.post(WAITING))[-1] == "1 cart priced, and on the way to Amazon."


def test_the_form_of_the_tax_rule_comes_with_its_category_and_stores(shop: Shop, manager: Browser) -> None:
    TaxRule.tax_categories.through.objects.all().delete()
    TaxRule.objects.filter(code="STATE")._raw_delete("default")
    take_in()

    story = the_story(manager)
    manager.submit(
        link(story, "Add the tax rule"), "taxrule_form", code="STATE", jurisdiction="New York State", rate="8.25"
    )

    rule = TaxRule.objects.get()
    assert story.title == "1 cart waits for a tax rule on “Soft drinks”"
    assert (list(rule.stores.all()), list(rule.tax_categories.all())) == (
        [shop.store],
        [TaxCategory.objects.get(code="SOFT-DRINK")],
    )
    assert said(manager.post(WAITING))[-1] == "1 cart priced, and on the way to Amazon."


@pytest.mark.usefixtures("shop")
def test_the_other_needs_lead_to_their_forms_too() -> None:
    manager = signed_in(AdministratorFactory())
    TaxAssignment.objects.filter(product=COLA)._raw_delete("default")
    take_in(cart(idempotentShoppingTripId="a"))
    take_in(cart(idempotentShoppingTripId="b", storeId="NOWHERE-9"))
    take_in(
        cart(idempotentShoppingTripId="c", cartItems=[item(id="NEW-1"), item(quantity={"value": "1.0", "unit": "lb"})])
    )

    links = {one.text: one.url for story in stories(manager) for one in story.links}

    assert links == {
        "Choose the tax category": f"/admin/catalog/product/{COLA}/change/",
        "Add the store": "/admin/catalog/store/add/?store_id=NOWHERE-9",
        "Add the product": "/admin/catalog/product/add/?sku=NEW-1",
        "See the product": f"/admin/catalog/product/{COLA}/change/",
    }
    assert {manager.get(url).status_code for url in links.values()} == {200}


@pytest.mark.parametrize("cause", ["fee", "product"])
def test_lists_help_where_no_form_does(manager: Browser, cause: str) -> None:
    ProductFactory(sku="COLA-1")
    ProblemFactory(cause=cause, product_id="0123")

    links = the_story(manager).links

    assert links
    assert {manager.get(one.url).status_code for one in links} == {200}


def test_a_moment_that_is_none_leaves_the_form_empty(manager: Browser) -> None:
    for nonsense in ("yesterday", "2026-02-31T00:00:00Z", "2026-03-14T19:05:00"):
        page = manager.get(f"/admin/pricing/price/add/?starts_at={nonsense}")
        assert page.context["adminform"].form.initial["starts_at"] is None


def test_staff_see_what_waits_and_are_offered_only_what_they_may_do(shop: Shop) -> None:
    cashier = signed_in(CashierFactory())
    without_price()

    story = the_story(cashier)

    assert shop.cola.name in story.title
    assert [one.text for one in story.links] == []


def test_the_carts_of_a_need_are_a_list(manager: Browser) -> None:
    carts = [ProblemFactory().purchase.pk for _ in range(3)]
    ProblemFactory(product_id="OTHER")

    story = stories(manager)[0]

    assert story.carts.text == "See the carts"
    assert sorted(row.pk for row in manager.get(story.carts.url).context["cl"].result_list) == carts


# -- on the page of the cart itself


def page_of(purchase: Purchase, browser: Browser) -> Any:
    return browser.get(f"/admin/orders/purchase/{purchase.pk}/change/")


def test_the_page_of_a_cart_leads_to_the_form_that_mends_it(shop: Shop, manager: Browser) -> None:
    purchase = without_price()

    page = page_of(purchase, manager)
    [repair] = page.context["repairs"]
    form = link(repair, "Add the price")
    manager.submit(form, "price_form", amount="4.25")
    manager.post(WAITING)

    assert repair.text == f"It waits for a price of Example Cola 500 ml ({COLA})."
    assert f'href="{html.escape(form)}">Add the price</a>' in page.content.decode()
    assert Price.objects.get(product=shop.cola).starts_at == datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC)
    assert "What mends it" not in page_of(purchase, manager).content.decode()


@pytest.mark.usefixtures("shop")
def test_the_page_of_a_cart_offers_its_own_repairs_alone() -> None:
    purchase = without_price()
    take_in(cart(idempotentShoppingTripId="b", storeId="NOWHERE-9"))

    [repair] = page_of(purchase, signed_in(AdministratorFactory())).context["repairs"]

    assert [one.text for one in repair.links] == ["Add the price"]


@pytest.mark.usefixtures("shop")
def test_the_page_of_a_cart_offers_no_form_that_the_person_may_not_open() -> None:
    page = page_of(without_price(), signed_in(CashierFactory()))

    assert page.context["repairs"] == []
    assert "What mends it" not in page.content.decode()


# -- pricing again


def test_what_still_waits_is_said_with_its_reason(shop: Shop, manager: Browser) -> None:
    without_price()

    [message] = said(manager.post(WAITING, {"need": f"price:{COLA}"}))

    assert message == (
        f"1 cart still waits: {shop.cola.name} ({COLA}) had no price in Arena East ({STORE}) when the shopper left. "
        "Add a price that covers that moment, then re-price this cart."
    )


def test_pressing_for_what_is_mended_already_says_so(manager: Browser) -> None:
    assert said(manager.post(WAITING, {"need": "price:NONE"})) == ["None of these waits any more."]


@pytest.mark.parametrize(("person", "status"), [(UserFactory, 403), (StrangerFactory, 302)])
def test_others_neither_look_nor_press(person: Any, status: int) -> None:
    browser = signed_in(person())

    assert browser.get(WAITING).status_code == status
    assert browser.post(WAITING).status_code == status


def test_who_only_looks_prices_nothing(shop: Shop) -> None:
    looker = UserFactory()
    looker.user_permissions.add(Permission.objects.get(codename="view_purchase"))
    purchase = without_price()
    browser = signed_in(User.objects.get(pk=looker.pk))
    shop.cola.prices.create(amount="4.25", starts_at=purchase.trip_ended_at)

    page = browser.get(WAITING)

    assert page.status_code == 200
    assert "again</button>" not in html.unescape(page.content.decode())
    assert browser.post(WAITING).status_code == 403
    purchase.refresh_from_db()
    assert purchase.status == Status.UNPRICED
