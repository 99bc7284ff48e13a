"""What the home page says of the catalog at Amazon."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import (
    CashierFactory,
    CatalogItemFactory,
    CatalogMessageFactory,
    CatalogUploadFactory,
    ManagerFactory,
    ProductFactory,
    signed_in,
)

pytestmark = pytest.mark.django_db

TITLES = {
    "Products refused by Amazon",
    "Products kept back",
    "Last catalog result",
    "Stopped uploads",
    "Messages set aside",
}


def tiles_of(user: User) -> dict[str, tuple[str, str, str]]:
    tiles = signed_in(user).get("/admin/").context["tiles"]
    return {tile.title: (tile.value, tile.tone, tile.link) for tile in tiles if tile.title in TITLES}


def test_products_are_counted_once_however_many_stores_refuse_them() -> None:
    product = ProductFactory()
    CatalogItemFactory.create_batch(3, product=product, state="REFUSED")
    CatalogItemFactory.create_batch(2, state="BLOCKED")
    CatalogItemFactory(state="REFUSED", is_offered=False)
    CatalogUploadFactory(parked=True)
    CatalogUploadFactory(unread=True)
    CatalogUploadFactory(parked=True, environment="test")
    CatalogMessageFactory.create_batch(4, state="SET_ASIDE")
    CatalogMessageFactory(state="SET_ASIDE", environment="test")

    tiles = tiles_of(ManagerFactory())

    assert tiles["Products refused by Amazon"] == ("1", "look", "/admin/catalog/product/?amazon=refused")
    assert tiles["Products kept back"] == ("2", "look", "/admin/catalog/product/?amazon=kept_back")
    assert tiles["Stopped uploads"] == ("2", "look", "/admin/catalog/catalogupload/?stopped=yes")
    assert tiles["Messages set aside"] == ("4", "look", "/admin/catalog/catalogmessage/?state__exact=SET_ASIDE")


@pytest.mark.parametrize(
    ("made", "value", "tone"),
    [
        ({"finished": True}, "All taken", "good"),
        ({"finished": True, "refused_count": 3}, "3 refused", "look"),
        ({"unread": True}, "Not known", "look"),
        ({"failed": True}, "Failed", "look"),
    ],
)
def test_the_last_result_is_good_only_if_amazon_took_everything(made: dict[str, Any], value: str, tone: str) -> None:
    CatalogUploadFactory(finished=True)
    last = CatalogUploadFactory(**made)
    CatalogUploadFactory(followed=True)
    CatalogUploadFactory(finished=True, refused_count=9, environment="test")

    tile = tiles_of(CashierFactory())["Last catalog result"]

    assert tile == (value, tone, f"/admin/catalog/catalogupload/{last.pk}/change/")


def test_each_sees_what_they_may_look_at() -> None:
    assert set(tiles_of(ManagerFactory())) == TITLES
    assert set(tiles_of(CashierFactory())) == TITLES - {"Messages set aside"}


def test_the_home_page_costs_the_same_whatever_there_is(django_assert_num_queries: Any) -> None:
    browser = signed_in(ManagerFactory())

    def more(count: int) -> None:
        CatalogItemFactory.create_batch(count, state="REFUSED")
        CatalogUploadFactory.create_batch(count, finished=True)
        CatalogMessageFactory.create_batch(count, state="SET_ASIDE")

    more(3)
    browser.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/admin/")

    more(27)
    with django_assert_num_queries(len(few)):
        browser.get("/admin/")
