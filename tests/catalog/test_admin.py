"""Stores and products in the admin."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Barcode, Product, Store
from pricing.models import TaxAssignment
from tests.factories import (
    BarcodeFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    StrangerFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    faults,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

STORES = "/admin/catalog/store/"
PRODUCTS = "/admin/catalog/product/"
NEW_STORE = {"store_id": "ARENA-9", "name": "Arena 9", "time_zone": "America/New_York"}


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def found(browser: Browser, url: str, query: str) -> list[Any]:
    return [row.pk for row in browser.get(url + query).context["cl"].result_list]


# -- stores


def test_a_manager_adds_a_store(manager: Browser) -> None:
    answer = manager.submit(f"{STORES}add/", "store_form", **NEW_STORE)

    store = Store.objects.get()
    assert answer.status_code == 302
    assert (store.store_id, store.time_zone, store.currency) == ("ARENA-9", "America/New_York", "USD")
    assert store.on_hold is False


def test_a_new_store_starts_on_hold_where_real_cards_are_charged(manager: Browser, settings: LazySettings) -> None:
    settings.JWO_ENVIRONMENT = "test"

    answer = manager.submit(f"{STORES}add/", "store_form", **NEW_STORE)

    assert Store.objects.get().on_hold is True
    assert "The new store starts on hold. Release it when its products and prices are in." in said(answer)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"store_id": "no spaces"}, ("store_id", "Use letters, digits, hyphens and underscores only.")),
        ({"time_zone": "Europe/Atlantis"}, ("time_zone", "Select a valid choice. Europe/Atlantis is not one of")),
        ({"currency": "usd"}, ("currency", "Three capital letters, for example USD.")),
        ({"currency": "JPY"}, ("currency", "Amazon takes amounts with two decimals only, and JPY has not two.")),
        ({"currency": "KWD"}, ("currency", "Amazon takes amounts with two decimals only, and KWD has not two.")),
        (
            {"amount_basis": "UNIT", "tax_rounding": "ORDER"},
            ("__all__", "Amounts of one piece go only with tax rounded by line. Change one of the two settings."),
        ),
    ],
)
def test_a_store_form_says_what_is_wrong(manager: Browser, changes: dict[str, str], fault: tuple[str, str]) -> None:
    answer = manager.submit(f"{STORES}add/", "store_form", **{**NEW_STORE, **changes})

    field, text = fault
    assert faults(answer)[field][0].startswith(text)
    assert not Store.objects.exists()


def test_the_store_id_never_changes(manager: Browser) -> None:
    StoreFactory(store_id="ARENA-9")

    manager.submit(f"{STORES}ARENA-9/change/", "store_form", store_id="ARENA-10", name="Arena Nine")

    assert list(Store.objects.values_list("store_id", "name")) == [("ARENA-9", "Arena Nine")]


def test_a_store_is_put_on_hold_after_asking_and_with_a_reason(manager: Browser) -> None:
    store = StoreFactory()
    press = f"{STORES}{store.pk}/press/put_on_hold/"

    asked = manager.post(press)
    assert asked.status_code == 200
    assert "nothing is sent to Amazon" in asked.context["text"]
    assert Store.objects.get().on_hold is False

    without = manager.post(press, {"confirmed": "yes"})
    assert without.context["form"].errors == {"reason": ["Say why."]}
    assert Store.objects.get().on_hold is False

    answer = manager.post(press, {"confirmed": "yes", "reason": "The fridge broke."})
    assert (answer.status_code, answer.url) == (302, f"{STORES}{store.pk}/change/")
    assert said(answer) == ["1 store put on hold."]
    assert Store.objects.get().on_hold is True
    newest = store.history.first()
    assert (newest.on_hold, newest.history_change_reason) == (True, "The fridge broke.")


def test_stores_are_released_from_the_list_and_those_released_already_are_not_counted(manager: Browser) -> None:
    held, free = StoreFactory(on_hold=True), StoreFactory()
    chosen = {"action": "release", "_selected_action": [held.pk, free.pk]}

    asked = manager.post(STORES, chosen)
    answer = manager.post(STORES, {**chosen, "confirmed": "yes", "reason": "Mended."})

    assert asked.context["keys"] == [held.pk, free.pk]
    assert said(answer) == ["1 store released."]
    assert not Store.objects.filter(on_hold=True).exists()
    assert held.history.count() == 2
    assert free.history.count() == 1


def test_the_button_fits_the_state_of_the_store(manager: Browser) -> None:
    held, free = StoreFactory(on_hold=True), StoreFactory()

    def buttons(store: Store) -> list[str]:
        return [button["text"] for button in manager.get(f"{STORES}{store.pk}/change/").context["page_buttons"]]

    uploads = ["Upload changes now", "Send all again…"]
    assert (buttons(held), buttons(free)) == (["Release…", *uploads], ["Put on hold…", *uploads])


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_see_no_stores_and_hold_none(person: Any, status: int) -> None:
    store = StoreFactory()
    browser = signed_in(person())
    confirmed = {"confirmed": "yes", "reason": "x"}

    answers = [
        browser.get(STORES),
        browser.get(f"{STORES}{store.pk}/change/"),
        browser.post(f"{STORES}{store.pk}/change/", {"name": "mine"}),
        browser.post(f"{STORES}add/", NEW_STORE),
        browser.post(f"{STORES}{store.pk}/press/put_on_hold/", confirmed),
        browser.post(STORES, {"action": "put_on_hold", "_selected_action": [store.pk], **confirmed}),
    ]

    assert [answer.status_code for answer in answers] == [status] * 6
    assert list(Store.objects.values_list("pk", "name", "on_hold")) == [(store.pk, store.name, False)]


def test_a_button_takes_a_post(manager: Browser) -> None:
    store = StoreFactory()

    answer = manager.get(f"{STORES}{store.pk}/press/put_on_hold/?confirmed=yes&reason=x")

    assert answer.url == f"{STORES}{store.pk}/change/"
    assert Store.objects.get().on_hold is False


def test_the_history_of_a_store_says_who_did_what_and_why(manager: Browser) -> None:
    StoreFactory(store_id="ARENA-9", name="Arena Nine")
    manager.submit(f"{STORES}ARENA-9/change/", "store_form", name="Arena 9")
    manager.post(f"{STORES}ARENA-9/press/put_on_hold/", {"confirmed": "yes", "reason": "The fridge broke."})

    page = text_of(manager.get(f"{STORES}ARENA-9/history/"))

    assert "Name: Arena Nine → to Arena 9" in page
    assert "On hold: No → to Yes" in page
    assert "The fridge broke." in page


def test_no_old_version_is_written_back(manager: Browser) -> None:
    store = StoreFactory(name="New name")
    version = store.history.get().pk
    url = f"{STORES}{store.pk}/history/{version}/"

    assert manager.get(url).url == f"{STORES}{store.pk}/history/"
    assert manager.post(url, {"name": "Old name"}).status_code == 302
    assert Store.objects.get().name == "New name"


@pytest.mark.parametrize(
    ("text", "finds"),
    [("ARENA-EAST", True), ("arena east", True), ("EAST", True), ("AST", False), ("ARENA-EAST-9", True)],
)
def test_stores_are_found_by_their_beginning_or_words_of_their_name(
    manager: Browser, text: str, *, finds: bool
) -> None:
    StoreFactory(store_id="ARENA-EAST-9", name="Arena East 9")

    assert bool(found(manager, STORES, f"?q={text}")) is finds


# -- products


def new_product(**changes: Any) -> dict[str, Any]:
    return {
        "sku": "COLA-1",
        "name": "Example Cola",
        "tax_category": "SOFT",
        "barcodes-TOTAL_FORMS": "1",
        "barcodes-0-code": "012345678905",
        "barcodes-0-type": "UPC",
        **changes,
    }


def test_a_manager_adds_a_product_with_its_barcode_and_tax_category(manager: Browser) -> None:
    TaxCategoryFactory(code="SOFT")

    answer = manager.submit(f"{PRODUCTS}add/", "product_form", **new_product())

    product = Product.objects.get()
    assert answer.status_code == 302
    assert (product.sku, product.sold_by, product.all_stores) == ("COLA-1", "EACH", True)
    assert list(Barcode.objects.values_list("product", "code", "lookup_key")) == [
        ("COLA-1", "012345678905", "00012345678905")
    ]
    assert list(TaxAssignment.objects.values_list("product", "tax_category", "ends_at")) == [("COLA-1", "SOFT", None)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tax_category": ""}, ("tax_category", "This field is required.")),
        ({"sold_by": "WEIGHT"}, ("weight_unit", "Say in which unit the product is weighed.")),
        ({"weight_unit": "lb"}, ("weight_unit", "Goods sold by the piece have no unit of weight.")),
        ({"all_stores": []}, ("stores", "Choose at least one store, or say that it is sold in all stores.")),
    ],
)
def test_a_product_form_says_what_is_wrong(manager: Browser, changes: dict[str, Any], fault: tuple[str, str]) -> None:
    TaxCategoryFactory(code="SOFT")

    answer = manager.submit(f"{PRODUCTS}add/", "product_form", **new_product(**changes))

    assert faults(answer) == {fault[0]: [fault[1]]}
    assert not Product.objects.exists()


DIGITS = "A code of this type has {} digits. Copy it with its check digit."


@pytest.mark.parametrize(
    ("code", "kind", "fault"),
    [
        ("01234567890", "UPC", DIGITS.format("8 or 12")),
        ("590123412345", "EAN", DIGITS.format("13")),
        ("0123456789X5", "UPC", DIGITS.format("8 or 12")),
        ("080442957X", "ISBN", None),
        ("X804429570", "ISBN", DIGITS.format("10")),
        ("41", "PLU", DIGITS.format("3 or 4 or 5 or 6")),
        ("4131", "PLU", None),
        ("5012345678900", "EAN", "This code is on Example Water (WATER-1) already. Take it away there first."),
        ("05012345678900", "GTIN", "This code is on Example Water (WATER-1) already. Take it away there first."),
    ],
)
def test_a_barcode_is_checked_before_the_scanner_meets_it(
    manager: Browser, code: str, kind: str, fault: str | None
) -> None:
    TaxCategoryFactory(code="SOFT")
    BarcodeFactory(product=ProductFactory(sku="WATER-1", name="Example Water"), code="5012345678900", type="EAN")

    answer = manager.submit(
        f"{PRODUCTS}add/", "product_form", **new_product(**{"barcodes-0-code": code, "barcodes-0-type": kind})
    )

    assert Product.objects.filter(sku="COLA-1").exists() is (fault is None)
    if fault:
        formset = answer.context["inline_admin_formsets"][0].formset
        assert formset.forms[0].errors == {"code": [fault]}


def test_what_a_product_is_never_changes_but_what_it_is_called_does(manager: Browser) -> None:
    TaxAssignmentFactory(product=ProductFactory(sku="COLA-1"), tax_category=TaxCategoryFactory(code="SOFT"))

    manager.submit(
        f"{PRODUCTS}COLA-1/change/", "product_form", sku="COLA-2", sold_by="WEIGHT", weight_unit="lb", name="New name"
    )

    assert list(Product.objects.values_list("sku", "sold_by", "weight_unit", "name")) == [
        ("COLA-1", "EACH", "", "New name")
    ]


def test_barcodes_are_added_and_taken_away_on_the_product_page(manager: Browser) -> None:
    product = ProductFactory(sku="COLA-1")
    TaxAssignmentFactory(product=product, tax_category=TaxCategoryFactory(code="SOFT"))
    BarcodeFactory(product=product, code="012345678905")
    BarcodeFactory(product=product, code="4011", type="PLU", position=1)

    manager.submit(
        f"{PRODUCTS}COLA-1/change/",
        "product_form",
        **{
            "barcodes-0-DELETE": "on",
            "barcodes-TOTAL_FORMS": "3",
            "barcodes-2-product": "COLA-1",
            "barcodes-2-code": "5901234123457",
            "barcodes-2-type": "EAN",
        },
    )

    assert list(product.barcodes.values_list("code", "position")) == [("4011", 1), ("5901234123457", 2)]


def test_a_new_tax_category_counts_from_now_on(manager: Browser) -> None:
    product = ProductFactory(sku="COLA-1")
    TaxAssignmentFactory(product=product, tax_category=TaxCategoryFactory(code="SOFT"))
    TaxCategoryFactory(code="FOOD", name="Food")
    before = timezone.now()

    page = manager.get(f"{PRODUCTS}COLA-1/change/")
    assert page.context["adminform"].form["tax_category"].value() == "SOFT"
    manager.submit(f"{PRODUCTS}COLA-1/change/", "product_form", tax_category="FOOD")

    new, old = TaxAssignment.objects.order_by("-starts_at")
    assert (old.tax_category_id, new.tax_category_id) == ("SOFT", "FOOD")
    assert old.ends_at == new.starts_at
    assert before <= new.starts_at <= timezone.now()
    assert new.ends_at is None


def test_saving_without_a_change_leaves_the_tax_category_alone(manager: Browser) -> None:
    assignment = TaxAssignmentFactory(product=ProductFactory(sku="COLA-1"))

    manager.submit(f"{PRODUCTS}COLA-1/change/", "product_form", name="Other")

    assert TaxAssignment.objects.get() == assignment


def test_the_product_page_shows_the_prices_of_now(manager: Browser) -> None:
    product, store = ProductFactory(sku="COLA-1"), StoreFactory(name="Arena East")
    TaxAssignmentFactory(product=product)
    general = PriceFactory(product=product, amount=Decimal("2.49"))
    PriceFactory(product=product, store=store, amount=Decimal("4.25"))
    PriceFactory(product=product, amount=Decimal("9.99"), starts_at=timezone.now() + timedelta(days=1))

    page = manager.get(f"{PRODUCTS}COLA-1/change/").content.decode()

    assert f'<a class="bo-link" href="/admin/pricing/price/{general.pk}/change/">2.49</a> in all stores' in page
    assert "4.25 USD</a> Arena East" in page
    assert "9.99</a>" not in page
    assert "/admin/pricing/price/add/?product=COLA-1" in page


def test_the_list_shows_price_and_tax_of_now_in_a_fixed_number_of_queries(
    manager: Browser, django_assert_num_queries: Any
) -> None:
    def stock() -> None:
        product = ProductFactory(stores=[StoreFactory()])
        PriceFactory(product=product, amount=Decimal("2.49"))
        PriceFactory(product=product, store=product.stores.get())
        TaxAssignmentFactory(product=product)

    stock()
    manager.get(PRODUCTS)
    with CaptureQueriesContext(connection) as few:
        page = manager.get(PRODUCTS).content.decode()
    assert "2.49, own price in 1 store" in page
    assert "Soft drinks" in page

    for _ in range(9):
        stock()
    with django_assert_num_queries(len(few)):
        manager.get(PRODUCTS)


def test_the_list_of_stores_costs_the_same_whatever_its_length(
    manager: Browser, django_assert_num_queries: Any
) -> None:
    StoreFactory.create_batch(2)
    manager.get(STORES)
    with CaptureQueriesContext(connection) as few:
        manager.get(STORES)

    StoreFactory.create_batch(8)
    with django_assert_num_queries(len(few)):
        manager.get(STORES)


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("COLA-500", True),
        ("cola", True),
        ("Example Cola 500", True),
        ("example", True),
        ("012345678905", True),
        ("12345678905", True),
        ("500", True),
        ("Cola 500", True),
        ("ola", False),
        ("0123456789", False),
        ("12345", False),
    ],
)
def test_products_are_found_by_their_beginning_words_of_their_name_or_barcode(
    manager: Browser, text: str, *, finds: bool
) -> None:
    BarcodeFactory(product=ProductFactory(sku="COLA-500", name="Example Cola 500 ml"), code="012345678905")

    assert found(manager, PRODUCTS, f"?q={text}") == (["COLA-500"] if finds else [])


def test_products_are_filtered_by_category_and_store(manager: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    ProductFactory(sku="EVERYWHERE")
    ProductFactory(sku="EAST", stores=[east])
    ProductFactory(sku="SNACK", category="Snacks", subcategory="", stores=[west])

    assert found(manager, PRODUCTS, f"?store={east.pk}") == ["EAST", "EVERYWHERE"]
    assert found(manager, PRODUCTS, f"?store={west.pk}") == ["EVERYWHERE", "SNACK"]
    assert found(manager, PRODUCTS, "?category=Snacks") == ["SNACK"]


def test_staff_read_products_and_change_none() -> None:
    product = ProductFactory(sku="COLA-1")
    TaxAssignmentFactory(product=product)
    browser = signed_in(CashierFactory())

    page = browser.get(f"{PRODUCTS}COLA-1/change/")
    answers = [
        browser.post(f"{PRODUCTS}COLA-1/change/", {"name": "mine"}),
        browser.post(f"{PRODUCTS}add/", new_product()),
        browser.post(f"{PRODUCTS}COLA-1/delete/", {"post": "yes"}),
    ]

    assert page.status_code == 200
    assert "Soft drinks" in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Product.objects.get().name == product.name


def test_nothing_is_deleted_even_by_the_owner() -> None:
    product, store = ProductFactory(), StoreFactory()
    browser = signed_in(OwnerFactory())

    answers = [
        browser.post(f"{PRODUCTS}{product.pk}/delete/", {"post": "yes"}),
        browser.post(f"{STORES}{store.pk}/delete/", {"post": "yes"}),
        browser.post(PRODUCTS, {"action": "delete_selected", "_selected_action": [product.pk], "post": "yes"}),
    ]

    assert [answer.status_code for answer in answers[:2]] == [403, 403]
    assert 'value="delete_selected"' not in browser.get(PRODUCTS).content.decode()
    assert (Product.objects.count(), Store.objects.count()) == (1, 1)
