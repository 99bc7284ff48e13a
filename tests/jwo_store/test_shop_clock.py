"""The clock of the pages, and how a moment says whose clock it is on."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.clocks import zone_of
from catalog.models import Store
from jwo_store.words import brief_clock, clock, named_clock, on_clock, time_of
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    StoreFactory,
    signed_in,
    text_of,
)

HOME = "/admin/"
LOS_ANGELES, BERLIN = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

shop = pytest.mark.django_db


def named(browser: Browser, page: str = HOME) -> str:
    found = re.search(r'<p class="bo-clock"[^>]*>([^<]*)</p>', browser.get(page).content.decode())
    return found[1] if found else ""


@shop
def test_pages_go_by_the_clock_that_most_stores_have_whoever_looks() -> None:
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    berlin = StoreFactory(time_zone="Europe/Berlin")
    elsewhere = CashierFactory(role=[berlin])

    assert named(signed_in(ManagerFactory())) == "Los Angeles time"
    assert named(signed_in(elsewhere)) == "Los Angeles time"
    assert "(Los Angeles time)" in text_of(signed_in(ManagerFactory()).get(HOME))


@shop
def test_of_clocks_that_equally_many_have_it_is_always_the_same() -> None:
    StoreFactory(time_zone="Europe/Berlin")
    StoreFactory(time_zone="America/Los_Angeles")

    assert named(signed_in(ManagerFactory())) == "Los Angeles time"


@shop
def test_without_stores_and_with_one_that_is_broken_it_is_the_clock_of_the_settings(settings: LazySettings) -> None:
    manager = signed_in(ManagerFactory())
    assert named(manager) == "UTC"

    StoreFactory()
    Store.objects.update(time_zone="Mars/Olympus_Mons")
    settings.TIME_ZONE = "Asia/Tokyo"
    assert named(manager, "/admin/pricing/fee/") == "Tokyo time"


@shop
def test_the_next_request_has_its_own_clock() -> None:
    StoreFactory(time_zone="Asia/Tokyo")
    signed_in(ManagerFactory()).get(HOME)

    assert timezone.get_current_timezone_name() == "UTC"
    assert not named(Browser(), "/admin/login/")


@shop
def test_it_costs_no_query_of_its_own() -> None:
    StoreFactory(time_zone="Asia/Tokyo")
    manager = signed_in(ManagerFactory())
    manager.get(HOME)

    with CaptureQueriesContext(connection) as queries:
        manager.get(HOME)

    assert len([query for query in queries if "most_zone" in query["sql"]]) == 1


@shop
@pytest.mark.parametrize(
    ("zones", "shared"),
    [([], None), ([BERLIN], BERLIN), ([BERLIN, BERLIN], BERLIN), ([BERLIN, LOS_ANGELES], None)],
)
def test_stores_share_a_clock_or_none(zones: list[ZoneInfo], shared: ZoneInfo | None) -> None:
    assert zone_of(StoreFactory(time_zone=zone.key) for zone in zones) == shared


def test_a_moment_on_another_clock_names_its_place() -> None:
    with timezone.override(LOS_ANGELES):
        assert on_clock(NOON, None) == on_clock(NOON, LOS_ANGELES) == "July 1, 2026, 5 a.m."
        assert on_clock(NOON, BERLIN) == "July 1, 2026, 2 p.m. (Berlin)"
        assert named_clock(NOON) == "July 1, 2026, 5 a.m. (Los Angeles)"
        assert on_clock(None, BERLIN) == named_clock(None) == "—"
        assert (time_of(), time_of(BERLIN), time_of(UTC)) == ("Los Angeles time", "Berlin time", "UTC")


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        ((2026, 11, 1, 8, 30), LOS_ANGELES, "1:30 a.m. (the earlier one)"),
        ((2026, 11, 1, 9, 30), LOS_ANGELES, "1:30 a.m. (the later one)"),
        ((2026, 11, 1, 10), LOS_ANGELES, "2 a.m."),
        ((2026, 10, 25, 0, 30), BERLIN, "2:30 a.m. (the earlier one)"),
        ((2026, 10, 25, 1, 30), BERLIN, "2:30 a.m. (the later one)"),
        ((2026, 3, 29, 1), BERLIN, "3 a.m."),
    ],
)
def test_of_an_hour_that_is_there_twice_it_is_said_which_one(
    moment: tuple[int, ...], zone: ZoneInfo, said: str
) -> None:
    at = datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]

    assert clock(at, zone).endswith(f"2026, {said}")
    assert brief_clock(at, zone).endswith(f", {said}")
