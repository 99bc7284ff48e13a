"""Which promotions are told of that were not in force when a cart was priced."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Store
from jwo_store.access import Stores
from pricing.nearly import NEAR, SHOWN, not_in_force
from tests.factories import ProductFactory, PromotionFactory, StoreFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 19, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COLA = {"skus": ["COLA"]}


@pytest.fixture(autouse=True)
def shop() -> Store:
    ProductFactory(sku="COLA", name="Cola", category="Drinks")
    ProductFactory(sku="NUTS", name="Nuts", category="Snacks")
    store: Store = StoreFactory(store_id="HERE")
    return store


def week(**named: Any) -> None:
    with time_machine.travel(NOW - 100 * DAY, tick=False):
        PromotionFactory(**{"code": "WEEK", "name": "Cola week", "targets": COLA, **named})


def told(*skus: str, **seen: Any) -> tuple[str, ...]:
    return not_in_force(skus or ("COLA",), "HERE", NOW, zone=ZoneInfo("America/New_York"), **seen)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ((-DAY * 9, timedelta(0)), "was over: it ended on Saturday, 14 March 2026, 15:00."),
        ((-DAY * 9, -HOUR * 20), "was over: it ended on Friday, 13 March 2026, 19:00."),
        ((-DAY * 30, -NEAR + HOUR), "was over: it ended on Saturday, 28 February 2026, 15:00."),
        ((-DAY * 30, -NEAR), None),
        ((HOUR, None), "had not begun: it starts on Saturday, 14 March 2026, 16:00."),
        ((NEAR, None), None),
        ((-DAY, HOUR), None),
        ((timedelta(0), None), None),
    ],
)
def test_what_ended_or_begins_near_the_trip(held: tuple[timedelta, timedelta | None], sentence: str | None) -> None:
    start, end = held
    week(starts_at=NOW + start, ends_at=None if end is None else NOW + end)

    assert told() == ((f"“Cola week” (WEEK) {sentence}",) if sentence else ())


def test_only_what_is_about_products_of_the_cart() -> None:
    week(targets={"categories": ["Snacks"]}, starts_at=NOW + DAY)

    assert told("COLA") == ()
    assert len(told("COLA", "NUTS")) == 1
    assert told() == ()


def test_what_holds_in_other_stores_only_is_told_to_those_who_may_know() -> None:
    week(stores=[StoreFactory(store_id="THERE")], starts_at=NOW - DAY)

    assert told() == ("“Cola week” (WEEK) is for other stores only.",)
    assert told(seen_in=Stores(ids=frozenset({"THERE"}))) == told()
    assert told(seen_in=Stores(ids=frozenset({"HERE"}))) == ()


def test_a_version_that_was_succeeded_is_not_told_of_while_the_next_one_holds() -> None:
    week(starts_at=NOW - 9 * DAY, ends_at=NOW - DAY)
    week(starts_at=NOW - DAY)

    assert told() == ()


def test_of_several_versions_the_nearest_and_not_more_than_a_few() -> None:
    week(starts_at=NOW - 9 * DAY, ends_at=NOW - DAY)
    week(starts_at=NOW + HOUR)
    for number in range(SHOWN):
        week(code=f"LATER-{number}", name="Later", starts_at=NOW + (2 + number) * HOUR)

    found = told()

    assert len(found) == SHOWN
    assert found[0].startswith("“Cola week” (WEEK) had not begun")
    assert found[-1].startswith(f"“Later” (LATER-{SHOWN - 2})")


def test_however_many_there_are_three_queries() -> None:
    for number in range(4):
        week(code=f"P{number}", starts_at=NOW + DAY)

    with CaptureQueriesContext(connection) as asked:
        assert len(told()) == 4

    assert len(asked) == 3
