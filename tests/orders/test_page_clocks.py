"""What pages say of a moment is on the clock of the store that it is about, and names it where it is not the page's."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from catalog.models import Store
from tests.factories import (
    AlarmFactory,
    Browser,
    CatalogMessageFactory,
    CatalogUploadFactory,
    ManagerFactory,
    OwnerFactory,
    ProblemFactory,
    PurchaseFactory,
    RefusedCartFactory,
    StoreFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PURCHASES = "/admin/orders/purchase/"
UPLOADS = "/admin/catalog/catalogupload/"
ALARMS = "/admin/jwo_store/alarm/"
NOW = datetime(2026, 7, 2, 12, tzinfo=UTC)
AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
IN_BERLIN, IN_THE_WEST = "July 2, 12:30 a.m. (Berlin)", "July 1, 3:30 p.m."


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def berlin() -> Store:
    """Most stores have another clock."""
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    store: Store = StoreFactory(store_id="BERLIN", name="Mitte", time_zone="Europe/Berlin")
    return store


@pytest.fixture
def west(berlin: Store) -> Store:
    store: Store = Store.objects.exclude(pk=berlin.pk).order_by("pk")[0]
    return store


@pytest.fixture
def manager(berlin: Store) -> Browser:  # noqa: ARG001  the shop
    return signed_in(ManagerFactory())


def test_the_list_of_purchases_goes_by_the_clock_of_each_store(manager: Browser, berlin: Store, west: Store) -> None:
    for store in (berlin, west):
        PurchaseFactory(under_way=True, store=store, trip_ended_at=AT, submit_after=AT)

    text = text_of(manager.get(PURCHASES))

    assert text.count(IN_BERLIN) == 2
    assert text.count(IN_THE_WEST) == 2
    assert "Los Angeles time" in text


def test_a_purchase_of_no_store_that_we_know_goes_by_the_page_s_clock(berlin: Store) -> None:
    purchase = PurchaseFactory(under_way=True, store=None, store_id="NOWHERE-9", trip_ended_at=AT, submit_after=AT)

    text = text_of(signed_in(OwnerFactory()).get(f"{PURCHASES}{purchase.pk}/change/"))

    assert "Shopper left July 1, 2026, 3:30 p.m." in text
    assert "Los Angeles time" in text
    assert berlin.name not in text[text.index("Shopper left") :]


def test_the_page_of_a_purchase_names_its_store_s_clock_in_its_heading(manager: Browser, berlin: Store) -> None:
    purchase = PurchaseFactory(under_way=True, store=berlin, trip_ended_at=AT, submit_after=AT)

    page = manager.get(f"{PURCHASES}{purchase.pk}/change/")

    assert page.context["clock_zone"] == "Berlin time"
    assert "next at July 2, 2026, 12:30 a.m." in text_of(page)


@pytest.mark.parametrize(
    ("stores", "said"),
    [(1, "Mitte. The oldest came in July 2, 12:30 a.m. (Berlin), 13 hours ago."), (2, "July 1, 3:30 p.m. (Los Ang")],
)
def test_what_waits_came_in_on_the_clock_of_its_store(
    manager: Browser, berlin: Store, west: Store, stores: int, said: str
) -> None:
    for store in (berlin, west)[:stores]:
        purchase = PurchaseFactory(parked=True, store=store, received_at=AT)
        ProblemFactory(purchase=purchase)

    (need,) = manager.get(f"{PURCHASES}waiting/").context["needs"]

    assert said in need.where_and_since


def test_a_purchase_that_is_found_by_typing_names_the_clock(manager: Browser, berlin: Store) -> None:
    purchase = PurchaseFactory(ordered=True, store=berlin, received_at=AT)

    found = manager.get("/admin/search/", {"s": purchase.purchase_id}, headers={"HX-Request": "true"})

    assert f"Purchase in BERLIN, {IN_BERLIN}, Ordered" in text_of(found)


def test_the_oldest_without_an_order_is_told_of_on_the_clock_of_its_store(manager: Browser, berlin: Store) -> None:
    PurchaseFactory(under_way=True, store=berlin, received_at=AT)

    assert "since July 2, 2026, 12:30 a.m. (Berlin)" in text_of(manager.get("/admin/"))


def test_uploads_go_by_the_clock_of_their_store(manager: Browser, berlin: Store) -> None:
    of_berlin = CatalogUploadFactory(store=berlin, made_at=AT, finished=True, ended_at=AT)
    of_all = CatalogUploadFactory(archive=True, made_at=AT)

    rows = manager.get(UPLOADS).content.decode().split("<tr")
    (row_of_berlin,), (row_of_all,) = ([r for r in rows if f"{UPLOADS}{one.pk}/" in r] for one in (of_berlin, of_all))
    assert IN_BERLIN in row_of_berlin
    assert IN_THE_WEST in row_of_all
    page = manager.get(f"{UPLOADS}{of_berlin.pk}/change/")
    assert page.context["clock_zone"] == "Berlin time"
    assert "July 2, 2026, 12:30:00 a.m." in text_of(page)
    assert IN_BERLIN in text_of(manager.get("/admin/"))


def test_messages_of_no_store_go_by_the_clock_that_the_page_names(manager: Browser) -> None:
    CatalogMessageFactory(received_at=AT, last_received_at=AT)

    text = text_of(manager.get("/admin/catalog/catalogmessage/"))

    assert "Los Angeles time" in text
    assert IN_THE_WEST in text


def test_alarms_go_by_the_clock_of_their_store_in_the_banner_too(berlin: Store) -> None:
    AlarmFactory(store=berlin, first_at=AT)
    AlarmFactory(store_id="NOWHERE-9", first_at=AT)

    for url in ("/admin/catalog/product/", ALARMS):
        text = text_of(signed_in(OwnerFactory()).get(url))
        assert "July 2, 2026, 12:30 a.m. (Berlin)" in text
        assert "July 1, 2026, 3:30 p.m." in text


def test_a_refused_cart_is_called_by_a_time_on_the_page_s_clock(berlin: Store) -> None:
    refused = RefusedCartFactory(received_at=AT)
    page = signed_in(OwnerFactory()).get(f"/admin/orders/refusedcart/{refused.pk}/change/")

    assert berlin.time_zone
    assert "refused cart of July 1, 2026, 3:30 p.m." in text_of(page)
