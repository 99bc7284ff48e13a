"""The history of a row as people read it, and the way back, which is a change like any other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from catalog.admin import ProductAdmin
from catalog.models import Barcode, Product
from catalog.rows import history_of
from jwo_store.admin_site import HistoryAdmin, site
from pricing.models import Price, Promotion, TaxAssignment, TaxCategory
from tests.factories import (
    BarcodeFactory,
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    RetirementFactory,
    StoreFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
PROMOTIONS = "/admin/pricing/promotion/"
PRODUCTS = "/admin/catalog/product/"
DAY = timedelta(days=1)


@pytest.fixture
def mia() -> User:
    person: User = ManagerFactory(username="mia", first_name="Mia", last_name="Moor")
    return person


@pytest.fixture
def manager(mia: User) -> Browser:
    return signed_in(mia)


def revised(row: Any, *, by: User, reason: str, **terms: Any) -> Any:
    """The row that holds after somebody has changed this one."""
    row = type(row).objects.get(pk=row.pk)
    for name, value in terms.items():
        setattr(row, name, value)
    row._change_reason, row._history_user = reason, by
    return row.revise(now=timezone.now())


def entries(browser: Browser, url: str) -> list[Any]:
    return [entry for entry, _ in browser.get(f"{url}history/").context["entries"]]


def lines(entry: Any) -> list[tuple[str, str, str]]:
    return [(line.what, line.before, line.after) for line in entry.lines]


# -- what it says


def test_a_new_price_reads_as_one_change_with_before_and_after(manager: Browser, mia: User) -> None:
    store = StoreFactory(name="Arena East", currency="USD")
    price = PriceFactory(product=ProductFactory(sku="COLA", name="Cola"), store=store, amount=Decimal("2.49"))
    held = revised(price, by=mia, reason="The maker asks more.", amount=Decimal("2.99"))

    newest, oldest = entries(manager, f"{PRICES}{held.pk}/")

    assert newest.says == "Mia Moor changed the price of Cola (COLA) in Arena East."
    assert lines(newest) == [("Price", "2.49 USD", "2.99 USD")]
    assert newest.why == "The maker asks more."
    assert oldest.says == "The system added the price of Cola (COLA) in Arena East."
    assert ("Price", "", "2.49 USD") in lines(oldest)
    assert "2.49 USD → to 2.99 USD" in text_of(manager.get(f"{PRICES}{price.pk}/history/"))


def test_moments_are_on_the_clock_of_the_store_and_names_stand_for_keys(manager: Browser, mia: User) -> None:
    tokyo = StoreFactory(name="Tokyo One", time_zone="Asia/Tokyo", currency="EUR")
    StoreFactory.create_batch(2)
    ProductFactory(sku="TEA", name="Green tea")
    promotion = PromotionFactory(stores=[tokyo], targets={"skus": ["TEA"]}, amount=None, starts_at=timezone.now() + DAY)
    revised(promotion, by=mia, reason="Later.", starts_at=datetime(2099, 3, 1, 15, tzinfo=UTC), weekdays=["MON"])

    newest, oldest = entries(manager, f"{PROMOTIONS}{promotion.pk}/")

    assert ("Starts", "March 2, 2099, midnight (Tokyo)") in [(what, after) for what, _, after in lines(newest)]
    assert [after for what, _, after in lines(newest) if what == "Weekdays"] == ["Mondays"]
    assert ("Which products", "", "Green tea (TEA)") in lines(oldest)
    assert ("Stores", "", f"Tokyo One ({tokyo.pk})") in lines(oldest)
    assert ("Percent off each piece", "", "10 %") in lines(oldest)


def test_when_something_was_done_is_on_the_clock_of_the_store_that_it_is_about(manager: Browser) -> None:
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    berlin = StoreFactory(time_zone="Europe/Berlin")
    with time_machine.travel(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), tick=False):
        own, general = PriceFactory(store=berlin), PriceFactory(store=None)

    (of_store,), (of_all,) = (entries(manager, f"{PRICES}{price.pk}/") for price in (own, general))

    assert (of_store.when, of_all.when) == ("July 2, 2026, 12:30 a.m. (Berlin)", "July 1, 2026, 3:30 p.m.")
    (of_its_settings,) = entries(manager, f"/admin/catalog/store/{berlin.pk}/")
    assert of_its_settings.when.endswith("(Berlin)")


def test_relations_to_many_say_before_and_after(manager: Browser, mia: User) -> None:
    cola, tea = ProductFactory(sku="COLA", name="Cola"), ProductFactory(sku="TEA", name="Tea")
    fee = FeeFactory(products=[cola])
    fee._change_reason, fee._history_user = "Tea has a bottle too.", mia
    held = fee.revise(now=timezone.now(), related={"products": [cola, tea]})

    newest = entries(manager, f"/admin/pricing/fee/{held.pk}/")[0]

    assert lines(newest) == [("Products", "Cola (COLA)", "Cola (COLA) and Tea (TEA)")]


def test_long_relations_say_what_came_and_what_went(manager: Browser) -> None:
    stores = [StoreFactory(name=f"Store {number}") for number in range(7)]
    product = ProductFactory(stores=stores)
    fresh = Product.objects.get(pk=product.pk)
    fresh.stores.set(stores[1:])

    newest = entries(manager, f"{PRODUCTS}{product.pk}/")[0]

    gone = f"Store 0 ({stores[0].pk})"
    assert lines(newest) == [("Stores", "7 entries", f"6 entries, now without {gone}")]


def test_the_page_of_a_product_tells_of_its_barcodes_and_its_tax_category(manager: Browser, mia: User) -> None:
    product = ProductFactory(sku="COLA", name="Cola")
    BarcodeFactory(product=product, code="012345678905")
    TaxAssignment.assign(product, TaxCategoryFactory(name="Soft drinks"), now=timezone.now())
    TaxAssignment.assign(product, TaxCategoryFactory(name="Food"), now=timezone.now(), reason="The law.", by=mia)

    told = entries(manager, f"{PRODUCTS}COLA/")

    assert [entry.says for entry in told] == [
        "Mia Moor changed the tax category of Cola (COLA).",
        "The system added the tax category of Cola (COLA).",
        "The system added the barcode 012345678905 of Cola (COLA).",
        "The system added the product Cola (COLA).",
    ]
    assert lines(told[0]) == [("Tax category", "Soft drinks", "Food")]


def test_what_has_ended_and_what_was_taken_away_is_said(manager: Browser, mia: User) -> None:
    price, planned = PriceFactory(), PriceFactory(starts_at=timezone.now() + DAY)
    key = planned.pk
    for row in (price, planned):
        row._change_reason, row._history_user = "Sold out.", mia
        row.end(now=timezone.now())

    assert entries(manager, f"{PRICES}{price.pk}/")[0].did == "ended"
    assert entries(manager, f"{PRICES}{key}/")[0].did == "took away"


def test_a_long_history_is_paged_in_a_constant_number_of_queries(manager: Browser) -> None:
    category = TaxCategoryFactory(code="SOFT", name="Drinks 0")
    for number in range(1, 120):
        category.name = f"Drinks {number}"
        category.save()
    url = "/admin/pricing/taxcategory/SOFT/history/"
    manager.get(url)

    with CaptureQueriesContext(
        connection,
    ) as first:
        page = manager.get(url)
    older = manager.get(url, {"before": page.context["older"].text})
    oldest = manager.get(url, {"before": older.context["older"].text})

    names = [
        line.after for each in (page, older, oldest) for entry, _ in each.context["entries"] for line in entry.lines
    ]
    assert [name for name in names if name.startswith("Drinks")] == [
        f"Drinks {number}" for number in range(119, -1, -1)
    ]
    assert oldest.context["older"] is None
    assert len(first) <= 16


def test_people_and_their_roles_have_a_history_too(mia: User) -> None:
    owner = signed_in(OwnerFactory())
    owner.submit(f"/admin/auth/user/{mia.pk}/change/", "user_form", last_name="Muir")

    newest = entries(owner, f"/admin/auth/user/{mia.pk}/")[0]

    assert lines(newest) == [("Last name", "Moor", "Muir")]
    assert "assword" not in text_of(owner.get(f"/admin/auth/user/{mia.pk}/history/")).replace("Change password", "")


# -- back


def way_back(browser: Browser, url: str, place: int = -1) -> str:
    """The address of “Set it back to this” of an entry: of the oldest, unless told otherwise."""
    found: str = browser.get(f"{url}history/").context["entries"][place][1]
    assert found
    return found


def go_back(browser: Browser, address: str, reason: str = "A slip.") -> Any:
    return browser.submit(address, "set_back_form", reason=reason)


def test_a_price_goes_back_as_a_new_price_from_now_on(manager: Browser, mia: User) -> None:
    StoreFactory(currency="USD")
    price = PriceFactory(amount=Decimal("2.49"))
    held = revised(price, by=mia, reason="Dearer.", amount=Decimal("2.99"))
    address = way_back(manager, f"{PRICES}{held.pk}/")

    look = manager.get(address)
    assert [(line.before, line.after) for line in look.context["lines"]] == [("2.99 USD", "2.49 USD")]
    without = manager.submit(address, "set_back_form", reason="")
    assert without.context["form"].errors["reason"]
    assert Price.objects.count() == 2

    answer = go_back(manager, address)

    first, second, third = Price.objects.order_by("starts_at")
    assert said(answer) == ["Done: it is set back from now on."]
    assert [row.amount for row in (first, second, third)] == [Decimal("2.49"), Decimal("2.99"), Decimal("2.49")]
    assert (first.ends_at, second.ends_at, third.ends_at) == (second.starts_at, third.starts_at, None)
    record = third.history.get()
    assert (record.history_user, record.history_change_reason) == (mia, "A slip.")
    assert said(go_back_again(manager, address))[-1:] == ["It is like this already. Nothing was changed."]


def go_back_again(browser: Browser, address: str) -> Any:
    return browser.post(address, {"reason": "Again."})


def test_what_has_ended_comes_back_as_a_new_row(manager: Browser) -> None:
    store = StoreFactory()
    promotion = PromotionFactory(code="TEN", stores=[store])
    promotion.end(now=timezone.now())

    go_back(manager, way_back(manager, f"{PROMOTIONS}{promotion.pk}/"))

    held = Promotion.objects.exclude(pk=promotion.pk).get()
    assert (held.code, held.percent, held.ends_at) == ("TEN", Decimal(10), None)
    assert list(held.stores.all()) == [store]


def test_a_set_of_stores_goes_back(manager: Browser) -> None:
    first, second = StoreFactory(), StoreFactory()
    rule = TaxRuleFactory(stores=[first], tax_categories=[TaxCategoryFactory()])
    held = rule.revise(now=timezone.now(), related={"stores": [second]})

    go_back(manager, way_back(manager, f"/admin/pricing/taxrule/{held.pk}/"))

    now = type(rule).objects.in_force(timezone.now()).get()
    assert list(now.stores.all()) == [first]
    assert now.tax_categories.count() == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda row: RetirementFactory(product=row.product), "is retired. Return it to sale first."),
        (lambda _row: None, "Add a new one with an end that lies ahead."),
    ],
)
def test_a_way_back_that_is_no_more_is_refused_with_words(manager: Browser, spoil: Any, words: str) -> None:
    price = PriceFactory(temporary=True, starts_at=timezone.now() - 2 * DAY, ends_at=timezone.now() - DAY)
    spoil(price)

    answer = manager.get(way_back(manager, f"{PRICES}{price.pk}/"))

    assert words in said(answer)[0]
    assert said(answer)[0].endswith("Nothing was changed.")
    assert Price.objects.count() == 1


def test_a_barcode_that_is_on_another_product_by_now_does_not_come_back(manager: Browser) -> None:
    cola = ProductFactory(sku="COLA")
    BarcodeFactory(product=cola, code="012345678905").delete()
    address = way_back(manager, f"{PRODUCTS}COLA/", 1)
    taken = BarcodeFactory(product=ProductFactory(name="Tea"), code="012345678905")

    assert "is on Tea" in said(manager.get(address))[0]
    taken.delete()
    go_back(manager, address)
    assert Barcode.objects.get().product == cola


def test_a_tax_category_of_a_product_goes_back(manager: Browser) -> None:
    product, old, new = ProductFactory(sku="COLA"), TaxCategoryFactory(), TaxCategoryFactory()
    TaxAssignment.assign(product, old, now=timezone.now() - DAY)
    TaxAssignment.assign(product, new, now=timezone.now())

    go_back(manager, way_back(manager, f"{PRODUCTS}COLA/", 1))

    assert TaxAssignment.objects.in_force(timezone.now()).get().tax_category == old
    assert TaxAssignment.objects.count() == 3


def test_a_plain_row_goes_back_by_a_plain_change(manager: Browser) -> None:
    category = TaxCategoryFactory(code="SOFT", name="Drinks", exempt=True)
    category.name, category.exempt = "Sodas", False
    category.save()

    go_back(manager, way_back(manager, "/admin/pricing/taxcategory/SOFT/"))

    assert [(row.name, row.exempt) for row in TaxCategory.objects.all()] == [("Drinks", True)]
    assert category.history.count() == 3


def test_who_may_only_look_sees_no_way_back(manager: Browser, mia: User) -> None:
    price = PriceFactory()
    revised(price, by=mia, reason="Dearer.", amount=Decimal(9))
    address = way_back(manager, f"{PRICES}{price.pk}/")
    cashier = signed_in(CashierFactory())

    assert [way for _, way in cashier.get(f"{PRICES}{price.pk}/history/").context["entries"]] == ["", ""]
    assert cashier.get(address).status_code == 403
    assert cashier.post(address, {"reason": "x"}).status_code == 403
    assert Price.objects.count() == 2


# -- nobody rewrites it


def admin_patterns() -> list[str]:
    """Every address of the admin, with its parameters as regular expressions' groups still in place."""

    def walk(patterns: list[Any], prefix: str) -> list[str]:
        found: list[str] = []
        for each in patterns:
            path = prefix + str(each.pattern)
            found += walk(each.url_patterns, path) if isinstance(each, URLResolver) else [path]
        return found

    admin = next(
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and str(each.pattern).startswith("admin")
    )
    assert all(isinstance(each, URLPattern | URLResolver) for each in admin.url_patterns)
    return walk(admin.url_patterns, str(admin.pattern))


def test_a_table_of_history_has_no_page_of_its_own() -> None:
    registered = {model._meta.model_name for model in site._registry}

    assert not [name for name in registered if (name or "").startswith("historical")]
    assert not [path for path in admin_patterns() if "historical" in path]


def test_every_table_with_a_history_shows_it() -> None:
    with_history = [model for model in site._registry if hasattr(model._meta, "simple_history_manager_attribute")]

    assert len(with_history) == 10
    assert all(isinstance(site._registry[model], HistoryAdmin) for model in with_history)
    assert issubclass(type(site._registry[Product]), ProductAdmin)


def test_no_address_lets_even_a_superuser_rewrite_history(mia: User) -> None:
    price = PriceFactory(amount=Decimal("2.49"))
    revised(price, by=mia, reason="Dearer.", amount=Decimal("2.99"))
    record = price.history.last()
    owner = signed_in(OwnerFactory())
    before = list(Price.history.values())
    forged = {
        "amount": "0.01",
        "_change_history": "1",
        "_save": "Save",
        "history_change_reason": "Forged",
        "history_user": "",
        "post": "yes",
    }

    for path in admin_patterns():
        if "pricing/price/" not in path or "cart" in path:
            continue
        for key in (price.pk, record.history_id):
            address = "/" + (
                path.replace("^", "")
                .replace("$", "")
                .replace("<path:object_id>", str(key))
                .replace("<uuid:record_id>", str(record.history_id))
                .replace("([^/]+)", "{}")
                .replace("<slug:action>", "delete_selected")
            ).format(key, record.history_id)
            owner.get(address)
            owner.post(address, forged)
            owner.delete(address)

    assert list(Price.history.values()) == before
    assert history_of(Price).objects.count() == len(before)
