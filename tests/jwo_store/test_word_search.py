"""The lookup `words`, which both databases answer alike."""

import pytest
from django.db import connection

from catalog.models import Product
from jwo_store.word_search import BETWEEN, words_of
from tests.factories import ManagerFactory, ProductFactory, signed_in, text_of

NAMES = [
    "Example Cola 500 ml",
    "Colada (Piña) 1.5L",
    "Coca-Cola Zero",
    "Chocolate",
    "100% juice, O'Neil's",
    "snake_case \\ drink",
    "Ginger/Lime & mint",
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def goods() -> None:
    for number, name in enumerate(NAMES):
        ProductFactory(sku=f"SKU-{number}", name=name)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cola", [0, 1, 2]),
        ("COLA", [0, 1, 2]),
        ("ola", []),
        ("cola exam", [0]),
        ("exam cola", [0]),
        ("cola 500 ml", [0]),
        ("cola 50 zero", []),
        ("coca-cola", [2]),
        ("cola-coca", [2]),
        ("zero", [2]),
        ("1.5l", [1]),
        ("1.5", [1]),
        ("piña", [1]),
        ("o'neil", [4]),
        ("neil's juice", [4]),
        ("case", [5]),
        ("snake_c", [5]),
        ("lime mint", [6]),
        ("%", []),
        ("_", []),
        ("'", []),
        ("&|!():*<->", []),
        ("   ", []),
        ("cola'); DROP", []),
    ],
)
def test_each_word_typed_begins_a_word_of_the_name(typed: str, found: list[int]) -> None:
    rows = Product.objects.filter(name__words=typed).order_by("sku")

    assert [NAMES.index(row.name) for row in rows] == found


def test_every_sign_between_words_ends_one() -> None:
    for sign in BETWEEN:
        ProductFactory(sku=f"S{ord(sign)}", name=f"left{sign}right")
    rows = Product.objects.filter(name__words="right left")

    assert {row.sku for row in rows} == {f"S{ord(sign)}" for sign in BETWEEN}
    assert words_of(f"a{BETWEEN}b") == ["a", "b"]


@pytest.mark.servers
def test_postgresql_answers_from_the_index() -> None:
    Product.objects.bulk_create(Product(sku=f"P{n}", name=f"Thing number{n}") for n in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_product")
    plan = Product.objects.filter(name__words="cola exam").explain()

    assert "product_by_words" in plan


def test_the_lists_find_a_product_by_a_word_within_its_name() -> None:
    page = text_of(signed_in(ManagerFactory()).get("/admin/catalog/product/", {"q": "zero"}))

    assert "Coca-Cola Zero" in page
    assert "Example Cola" not in page
