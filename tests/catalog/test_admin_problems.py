"""The list of what is wrong with products for Amazon's catalog."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import rules
from catalog.admin.problems import KINDS, in_few_words
from catalog.barcodes import Flaw
from catalog.models import ProductFinding
from tests.factories import (
    Browser,
    CashierFactory,
    OwnerFactory,
    ProductFactory,
    ProductFindingFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PROBLEMS = "/admin/catalog/productfinding/"


@pytest.fixture
def cashier() -> Browser:
    return signed_in(CashierFactory())


def found(browser: Browser, query: str = "") -> list[int]:
    return [row.pk for row in browser.get(PROBLEMS + query).context["cl"].result_list]


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 200), (UserFactory, 403), (StrangerFactory, 302)])
def test_staff_see_problems_and_others_do_not(person: Any, status: int) -> None:
    row = ProductFindingFactory()
    browser = signed_in(person())

    assert [browser.get(page).status_code for page in (PROBLEMS, f"{PROBLEMS}{row.pk}/change/")] == [status] * 2


def test_problems_are_neither_added_nor_changed_nor_deleted_by_hand() -> None:
    row = ProductFindingFactory()
    browser = signed_in(OwnerFactory())

    assert browser.get(f"{PROBLEMS}add/").status_code == 403
    assert browser.post(f"{PROBLEMS}{row.pk}/change/", {"sentence": "Fine."}).status_code == 403
    assert browser.post(f"{PROBLEMS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ProductFinding.objects.get().sentence == row.sentence


def test_each_stands_beside_its_fix_the_errors_first(cashier: Browser) -> None:
    product = ProductFactory(sku="COLA 1")
    warning = ProductFindingFactory(product=product)
    error = ProductFindingFactory(
        product=product,
        severity="ERROR",
        rule="barcode-check-digit",
        sentence="Its last digit does not fit.",
        fix="Copy it again.",
        code="012345678900",
        store=StoreFactory(name="Arena East"),
    )

    answer = cashier.get(PROBLEMS)

    page = text_of(answer)
    assert found(cashier) == [error.pk, warning.pk]
    assert f"Must be mended {product} Its last digit does not fit. Copy it again. 012345678900 Arena East" in page
    assert f"Look at it {product} The name does not say how much is in it. Write the size behind it. — Every" in page
    assert 'href="/admin/catalog/product/COLA%201/change/"' in answer.content.decode()
    assert not [word for word in ("ERROR", "WARNING", "name-size", "barcode-check") if word in page]
    assert "Kind Barcode: wrong check digit" in text_of(cashier.get(f"{PROBLEMS}{error.pk}/change/"))


def test_the_list_costs_the_same_whatever_its_length(cashier: Browser, django_assert_num_queries: Any) -> None:
    ProductFindingFactory.create_batch(3)
    cashier.get(PROBLEMS)
    with CaptureQueriesContext(connection) as few:
        cashier.get(PROBLEMS)

    for _ in range(27):
        ProductFindingFactory(store=StoreFactory())
    with django_assert_num_queries(len(few)):
        cashier.get(PROBLEMS)


def test_problems_are_filtered_and_found(cashier: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    product = ProductFactory(sku="COLA-500", name="Orchard Cola", stores=[east])
    everywhere = ProductFindingFactory(product=product)
    in_west = ProductFindingFactory(store=west, severity="ERROR", rule="barcode-shared", code="4011")

    assert found(cashier, "?severity__exact=ERROR") == [in_west.pk]
    assert found(cashier, "?rule=name-size") == [everywhere.pk]
    assert found(cashier, f"?store={east.pk}") == [everywhere.pk]
    assert found(cashier, f"?store={west.pk}") == [in_west.pk]
    assert found(cashier, "?q=COLA-500") == [everywhere.pk]
    assert found(cashier, "?q=orchard cola") == [everywhere.pk]
    assert found(cashier, "?q=4011") == [in_west.pk]
    assert found(cashier, "?q=500") == []
    filters = text_of(cashier.get(PROBLEMS))
    assert "Barcode: on another product too" in filters
    assert "Name: without size or count" in filters
    assert "Name: missing" not in filters


def test_every_rule_has_a_name_for_people() -> None:
    source = Path(rules.__file__).read_text()
    named = set(re.findall(r'"((?:sku|name|barcode)-[a-z-]+|weighed)"', source))
    named |= {f"{field}-too-long" for field in ("brand", "category", "subcategory")} | {str(flaw) for flaw in Flaw}

    assert named == set(KINDS)
    assert in_few_words("quite-new") == "Quite new"
