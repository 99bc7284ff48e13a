"""The page "What was changed": everything that was changed, by person, kind, store and day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jwo_store.models import Assignment
from pricing.storefile.load import load
from tests.factories import (
    Browser,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    StrangerFactory,
    TaxCategoryFactory,
    UserFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

URL = "/admin/pricing/price/changed/"
DAY = timedelta(days=1)


@pytest.fixture
def mia() -> User:
    person: User = ManagerFactory(username="mia", first_name="Mia", last_name="Moor")
    return person


@pytest.fixture
def manager(mia: User) -> Browser:
    return signed_in(mia)


def says(browser: Browser, **chosen: str) -> list[str]:
    return [entry.says for entry, _ in browser.get(URL, chosen).context["entries"]]


def noted(row: Any, *, at: Any = None, by: User | None = None) -> Any:
    """The row, saved by this person at this time."""
    row._history_user = by
    row._history_date = at or timezone.now()
    row.save()
    return row


def test_it_tells_of_everything_newest_first_with_the_way_to_each(manager: Browser, mia: User) -> None:
    store = StoreFactory(store_id="EAST", name="East")
    price = PriceFactory(product=ProductFactory(sku="COLA", name="Cola"), store=store)
    category = noted(TaxCategoryFactory(code="SOFT", name="Drinks"), by=mia)

    page = manager.get(URL)

    assert [entry.says for entry, _ in page.context["entries"]][:4] == [
        "Mia Moor changed the tax category Drinks (SOFT).",
        "The system added the tax category Drinks (SOFT).",
        "The system added the price of Cola (COLA) in East.",
        "The system added the product Cola (COLA).",
    ]
    links = [link for _, link in page.context["entries"]]
    assert links[0] == f"/admin/pricing/taxcategory/{category.pk}/history/"
    assert links[2] == f"/admin/pricing/price/{price.pk}/history/"
    assert all(manager.get(link).status_code == 200 for link in links[:4])


def test_it_is_filtered_by_person_kind_and_day(manager: Browser, mia: User) -> None:
    old = timezone.now() - 10 * DAY
    noted(TaxCategoryFactory(code="A", name="Old"), at=old, by=mia)
    noted(StoreFactory(store_id="S", name="Shop"), by=mia)

    assert says(manager, who=str(mia.pk)) == [
        "Mia Moor changed the store Shop (S).",
        "Mia Moor changed the tax category Old (A).",
    ]
    assert says(manager, who=str(mia.pk), what="store") == ["Mia Moor changed the store Shop (S)."]
    day = f"{timezone.localtime(old, ZoneInfo('America/New_York')):%Y-%m-%d}"
    assert says(manager, first=day, last=day) == ["Mia Moor changed the tax category Old (A)."]
    assert not says(manager, who=str(UserFactory().pk))
    assert "The last day is before the first." in text_of(
        manager.get(URL, {"first": "2026-02-02", "last": "2026-02-01"})
    )


def test_days_are_those_of_the_store_that_is_asked_for_or_of_most_stores(manager: Browser, mia: User) -> None:
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    berlin = StoreFactory(store_id="BERLIN", name="Berlin", time_zone="Europe/Berlin")
    noted(PriceFactory(store=berlin), at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC), by=mia)

    def days_on_which_it_was(**asked: str) -> list[str]:
        days = ("2026-07-01", "2026-07-02")
        return [day for day in days if says(manager, who=str(mia.pk), first=day, last=day, **asked)]

    assert days_on_which_it_was() == ["2026-07-01"]
    assert days_on_which_it_was(store="BERLIN") == ["2026-07-02"]
    assert "A day of Los Angeles time." in text_of(manager.get(URL))
    assert "A day of Berlin time." in text_of(manager.get(URL, {"store": "BERLIN"}))


def test_a_store_shows_what_concerns_it_and_what_holds_everywhere(manager: Browser) -> None:
    east, west = StoreFactory(store_id="EAST", name="East"), StoreFactory(store_id="WEST", name="West")
    cola = ProductFactory(sku="COLA", name="Cola")
    for store, amount in ((east, 1), (west, 2), (None, 3)):
        PriceFactory(product=cola, store=store, amount=Decimal(amount))
    PromotionFactory(code="W", name="Western", stores=[west])
    PromotionFactory(code="E", name="Eastern", stores=[east])

    assert says(manager, store="EAST", what="price") == [
        "The system added the price of Cola (COLA) in all stores.",
        "The system added the price of Cola (COLA) in East.",
    ]
    assert says(manager, store="EAST", what="promotion") == ["The system added the promotion Eastern (E)."]
    assert says(manager, store="EAST", what="store") == ["The system added the store East (EAST)."]


def test_the_store_file_and_the_system_are_told_apart(manager: Browser) -> None:
    load(b'{"tax_categories": [{"code": "FILE", "name": "Filed"}]}', clock=timezone.now, reason="Opening")
    TaxCategoryFactory(code="SYS", name="Made")

    assert says(manager, who="FILE") == ["The store file added the tax category Filed (FILE)."]
    assert says(manager, who="-", what="taxcategory") == ["The system added the tax category Made (SYS)."]


@pytest.mark.usefixtures("mia")
def test_only_what_somebody_may_look_at_is_told() -> None:
    TaxCategoryFactory(name="Drinks")
    auditor: User = StrangerFactory()
    auditor.is_staff = True
    auditor.save()
    auditor.groups.add(Group.objects.get(name="Staff"))

    seen = signed_in(auditor).get(URL)

    assert "Drinks" not in text_of(seen)
    assert "login mia" not in text_of(seen)
    assert "login mia of Mia Moor" in text_of(signed_in(OwnerFactory()).get(URL, {"what": "user"}))
    assert signed_in(StrangerFactory()).get(URL).status_code in (302, 403)


def test_a_page_takes_the_same_number_of_queries_however_much_there_is(manager: Browser) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert manager.get(URL, {"what": "price"}).status_code == 200
        return len(asked)

    PriceFactory.create_batch(3)
    queries()
    few = queries()
    PriceFactory.create_batch(20)
    assert queries() == few
    assert few <= 25


def test_pages_follow_each_other_without_a_gap(manager: Browser) -> None:
    now = timezone.now()
    for number in range(120):
        noted(TaxCategoryFactory.build(code=f"C{number:03}", name="Same moment"), at=now)
    seen: list[str] = []
    place = None
    while True:
        page = manager.get(URL, {"what": "taxcategory", **({"before": place.text} if place else {})})
        seen += [entry.record.code for entry, _ in page.context["entries"]]
        place = page.context["older"]
        if place is None:
            break

    assert sorted(seen) == [f"C{number:03}" for number in range(120)]
    assert manager.get(URL, {"before": "nonsense"}).status_code == 200


def test_somebody_with_a_role_in_one_store_reads_of_that_store_and_of_what_is_for_all() -> None:
    east, west = StoreFactory(store_id="EAST", name="East"), StoreFactory(store_id="WEST", name="West")
    cola = ProductFactory(sku="COLA", name="Cola")
    for store in (east, west, None):
        PriceFactory(product=cola, store=store)
    there = UserFactory(username="there", is_staff=True)
    Assignment.objects.create(person=there, role=Group.objects.get(name="Manager"), store=east)

    told = says(signed_in(there), what="price")

    assert told == [
        "The system added the price of Cola (COLA) in all stores.",
        "The system added the price of Cola (COLA) in East.",
    ]
    assert says(signed_in(there), store="WEST") == []
