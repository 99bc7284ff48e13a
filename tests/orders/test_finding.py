"""Finding anything by typing: what each kind is found by, who finds it, what it costs, where it leads."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import (
    BarcodeFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    ProductFactory,
    PromotionFactory,
    PurchaseFactory,
    StoreFactory,
    UserFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

SEARCH = "/admin/search/"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def typed(browser: Browser, text: str) -> Any:
    """What the window asks for while one types."""
    return browser.get(SEARCH, {"s": text}, headers={"HX-Request": "true"})


def found(browser: Browser, text: str) -> list[str]:
    return [one.title for one in typed(browser, text).context["found"]]


def test_pages_are_found_by_the_words_of_the_menu(manager: Browser) -> None:
    assert found(manager, "price a") == ["Price a cart"]
    assert found(manager, "UPLOADS") == ["Uploads", "Stopped uploads"]
    assert found(manager, "taxes and fees tax h") == ["Tax holidays"]
    assert found(manager, "today") == ["Today"]


def test_products_are_found_by_sku_name_and_barcode(manager: Browser) -> None:
    cola = ProductFactory(sku="BEV-1", name="Cola classic")
    BarcodeFactory(product=cola, code="012345678905")
    ProductFactory(sku="BEV-10", name="Zero cola")

    assert found(manager, "bev-1") == ["Cola classic", "Zero cola"]
    assert found(manager, "BEV-10") == ["Zero cola"]
    assert found(manager, "cola cl") == ["Cola classic"]
    assert found(manager, "012345678905") == ["Cola classic"]
    assert found(manager, "classic") == ["Cola classic"]
    assert found(manager, "lassic") == []


def test_the_product_that_is_meant_as_a_whole_comes_first(manager: Browser) -> None:
    for number in range(9):
        ProductFactory(sku=f"A-{number}", name="Other")
    ProductFactory(sku="A", name="The very one")

    names = found(manager, "A")

    assert names[0] == "Alarms"  # a page
    assert names.index("The very one") < names.index("Other")
    assert names.count("Other") == 5


def test_promotions_are_found_by_code_and_name_each_once(manager: Browser) -> None:
    now = timezone.now()
    PromotionFactory(code="COLA-WEEK", name="Week of cola", ends_at=now)
    PromotionFactory(code="COLA-WEEK", name="Week of cola", starts_at=now)

    assert found(manager, "cola-w") == found(manager, "week of") == ["Week of cola"]
    assert "COLA-WEEK, live" in text_of(typed(manager, "cola-w"))
    PromotionFactory(code="NEXT", name="Draft of cola", starts_at=None)
    assert "NEXT, draft" in text_of(typed(manager, "draft of"))


def test_stores_are_found_by_id_and_name(manager: Browser) -> None:
    StoreFactory(store_id="EAST-1", name="Arena East")

    assert found(manager, "east") == found(manager, "arena") == ["Arena East"]


def test_purchases_are_found_by_any_of_their_ids(manager: Browser) -> None:
    purchase = PurchaseFactory(
        ordered=True, purchase_id="P-7K3M-Q9AB-04ZX", trip_id="trip-x-1", request_id="req-x-1", order_id="113-77-1"
    )
    PurchaseFactory(ordered=True)

    for text in ("P-7K3M-Q9AB-04ZX", "p7k3mq9ab04zx", "p-7k3m", "trip-x-1", "trip-x", "req-x-1", "113-77-1", "113-77"):
        assert found(manager, text) == [str(purchase)], text
    assert found(manager, "COLA-1") == []  # a SKU is on too many


@pytest.mark.parametrize("text", ["", "  ", "\x00", "a\x00b", "%", "_", "'; --", "\\", "x" * 5000])
def test_whatever_is_typed_is_answered(manager: Browser, text: str) -> None:
    ProductFactory()
    PurchaseFactory(ordered=True)

    assert typed(manager, text).status_code == 200
    assert found(manager, text) == []


def test_everybody_finds_only_what_they_may_see() -> None:
    for name in ("Cola", "Cola light"):
        ProductFactory(name=name)
    PromotionFactory(code="COLA", name="Cola week")
    purchase = PurchaseFactory(ordered=True, store=StoreFactory(name="Cola store"))

    assert found(signed_in(CashierFactory()), "cola") == ["Cola", "Cola light", "Cola week"]  # stores are the manager's
    assert found(signed_in(UserFactory()), "cola") == []
    assert found(signed_in(UserFactory()), purchase.order_id) == []
    assert Browser().get(SEARCH, {"s": "cola"}).url.startswith("/admin/login/")


def test_as_a_page_it_leads_to_the_only_thing_found(manager: Browser) -> None:
    product = ProductFactory(sku="BEV-1", name="Cola")

    once = manager.get(SEARCH, {"s": "BEV-1"})
    ProductFactory(sku="BEV-10", name="Light")
    twice = manager.get(SEARCH, {"s": "BEV-1"})

    assert once.url == f"/admin/catalog/product/{product.pk}/change/"
    assert "Cola BEV-1" in text_of(twice)
    assert "Light BEV-10" in text_of(twice)
    assert "Nothing begins with “BEV-2”." in text_of(manager.get(SEARCH, {"s": "BEV-2"}))


def test_what_is_found_is_shown_as_text(manager: Browser) -> None:
    ProductFactory(sku="X1", name="<b>Cola</b>")

    assert "&lt;b&gt;Cola&lt;/b&gt;" in typed(manager, "X1").content.decode()


def test_finding_costs_the_same_however_much_there_is(django_assert_num_queries: Any) -> None:
    browser = signed_in(ManagerFactory())

    def fill() -> None:
        for number in range(8):
            ProductFactory(name=f"Same {number}")
            PromotionFactory(name=f"Same {number}")
            PurchaseFactory(ordered=True, store=StoreFactory(name=f"Same {number}"))

    fill()
    typed(browser, "same")
    with CaptureQueriesContext(connection) as few:
        typed(browser, "same")
    fill()
    with django_assert_num_queries(len(few)):
        typed(browser, "same")


def test_each_page_has_a_way_to_search(manager: Browser) -> None:
    page = manager.get("/admin/pricing/price/").content.decode()

    assert f'href="{SEARCH}" aria-keyshortcuts="Control+K"' in page
    assert 'id="search-input-command"' in page
