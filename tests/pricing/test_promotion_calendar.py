"""The days of a month on which promotions hold, and the page that draws them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pricing import promotions
from pricing.admin.calendar_page import when_in_words
from pricing.models import Promotion
from pricing.promotion_calendar import Bar, Month, bars, in_month
from pricing.promotions import State
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    PromotionFactory,
    StoreFactory,
    StrangerFactory,
    signed_in,
    text_of,
)

NEW_YORK, UTC_CLOCK, AUCKLAND = ZoneInfo("America/New_York"), ZoneInfo("UTC"), ZoneInfo("Pacific/Auckland")
CALENDAR = "/admin/pricing/promotion/calendar/"
TODAY = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(text: str, zone: ZoneInfo = UTC_CLOCK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def held(start: datetime | None, end: datetime | None = None, **terms: Any) -> Promotion:
    return Promotion(starts_at=start, ends_at=end, **terms)


# -- months


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-02", Month(2026, 2)),
        ("", Month(2026, 11)),
        ("2026-13", Month(2026, 11)),
        ("1999-12", Month(2026, 11)),
        ("2026-02-03", Month(2026, 11)),
        ("'); --", Month(2026, 11)),
    ],
)
def test_a_month_is_read_or_else_it_is_this_one(text: str, month: Month) -> None:
    assert Month.read(text, today=date(2026, 11, 25)) == month


def test_a_month_knows_its_neighbours_over_the_end_of_the_year() -> None:
    january = Month(2027, 1)
    assert (str(january), str(january.before), str(january.after)) == ("2027-01", "2026-12", "2027-02")
    assert (january.first, january.last, january.length) == (date(2027, 1, 1), date(2027, 1, 31), 31)
    assert Month(2028, 2).length == 29


# -- days


@pytest.mark.parametrize(
    ("promotion", "drawn"),
    [
        (held(at("2026-11-03T00:00"), at("2026-11-06T00:00")), [Bar(3, 5)]),
        (held(at("2026-11-03T23:59"), at("2026-11-04T00:01")), [Bar(3, 4)]),
        (held(at("2026-10-03T00:00"), at("2026-11-02T12:00")), [Bar(1, 2, before=True)]),
        (held(at("2026-11-29T00:00"), at("2026-12-01T00:00")), [Bar(29, 30)]),
        (held(at("2026-11-29T00:00"), at("2026-12-01T00:01")), [Bar(29, 30, after=True)]),
        (held(at("2026-01-01T00:00")), [Bar(1, 30, before=True, after=True)]),
        (held(at("2026-10-01T00:00"), at("2026-11-01T00:00")), []),
        (held(at("2026-12-01T00:00")), []),
        (held(None), []),
        (Promotion(planned_start=at("2026-11-20T00:00"), ends_at=at("2026-11-21T00:00")), [Bar(20, 20)]),
    ],
)
def test_a_promotion_is_drawn_on_the_days_on_which_it_holds(promotion: Promotion, drawn: list[Bar]) -> None:
    assert bars(promotion, Month(2026, 11), UTC_CLOCK) == drawn


ALWAYS = at("2026-01-01T00:00")


@pytest.mark.parametrize(
    ("promotion", "drawn"),
    [
        (held(ALWAYS, weekdays=["MON"]), [Bar(day, day) for day in (2, 9, 16, 23, 30)]),
        (
            held(ALWAYS, weekdays=["SAT", "SUN"]),
            [Bar(1, 1, before=True), *(Bar(day, day + 1) for day in (7, 14, 21, 28))],
        ),
        # hours: a start after them, or an end before them, leaves the day out
        (held(at("2026-11-02T18:00"), at("2026-11-04T16:00"), from_time=time(16), until_time=time(18)), [Bar(3, 3)]),
        (held(at("2026-11-02T17:59"), at("2026-11-04T16:01"), from_time=time(16), until_time=time(18)), [Bar(2, 4)]),
        # a night belongs to the day on which it began
        (
            held(at("2026-11-03T01:00"), at("2026-11-03T03:00"), from_time=time(22), until_time=time(2)),
            [Bar(2, 2)],
        ),
        (held(at("2026-11-30T00:00"), weekdays=["MON"], from_time=time(22), until_time=time(2)), [Bar(30, 30)]),
    ],
)
def test_weekdays_and_hours_are_drawn(promotion: Promotion, drawn: list[Bar]) -> None:
    assert bars(promotion, Month(2026, 11), UTC_CLOCK) == drawn


@pytest.mark.parametrize(
    ("month", "promotion", "drawn"),
    [
        # clocks go back on November 1, 2026 at 2:00 in New York: the day has 25 hours
        (Month(2026, 11), (at("2026-11-01T00:00", NEW_YORK), at("2026-11-02T00:00", NEW_YORK)), [Bar(1, 1)]),
        (Month(2026, 11), (at("2026-11-02T04:59"), at("2026-11-02T05:01")), [Bar(1, 2)]),
        (Month(2026, 10), (at("2026-11-01T03:59"), at("2026-11-01T04:00")), [Bar(31, 31)]),
        # and forward on March 8: 23 hours
        (Month(2026, 3), (at("2026-03-09T03:59"), at("2026-03-09T04:01")), [Bar(8, 9)]),
        (Month(2026, 3), (at("2026-03-08T04:59"), at("2026-03-08T05:01")), [Bar(7, 8)]),
    ],
)
def test_days_are_those_of_the_clock_over_a_change_of_daylight_saving(
    month: Month, promotion: tuple[datetime, datetime], drawn: list[Bar]
) -> None:
    start, end = (moment.astimezone(UTC) for moment in promotion)
    assert bars(held(start, end), month, NEW_YORK) == drawn


def test_hours_that_the_clock_leaves_out_or_has_twice_draw_one_day() -> None:
    night: dict[str, Any] = {"from_time": time(2), "until_time": time(3), "weekdays": ["SUN"]}
    march = bars(held(ALWAYS, **night), Month(2026, 3), NEW_YORK)
    november = bars(held(ALWAYS, from_time=time(1), until_time=time(2), weekdays=["SUN"]), Month(2026, 11), NEW_YORK)

    assert [bar.first for bar in march] == [1, 8, 15, 22, 29]
    assert [bar.first for bar in november] == [1, 8, 15, 22, 29]


@pytest.mark.django_db
def test_what_is_read_for_a_month_is_enough_for_every_clock() -> None:
    edge = PromotionFactory(code="A", starts_at=at("2026-10-31T10:30"), ends_at=at("2026-10-31T11:30"))
    honolulu = PromotionFactory(code="H", starts_at=at("2026-12-01T09:30"))
    PromotionFactory(code="LONG-OVER", starts_at=at("2026-01-01T00:00"), ends_at=at("2026-10-01T00:00"))
    PromotionFactory(code="LATER", starts_at=at("2026-12-20T00:00"))
    undated = PromotionFactory(code="U", starts_at=None)
    PromotionFactory(code="DRAFT-LATER", starts_at=None, planned_start=at("2027-01-01T00:00"))

    found = list(in_month(Promotion.objects.order_by("code"), Month(2026, 11)))

    assert found == [edge, honolulu, undated]
    assert bars(edge, Month(2026, 11), AUCKLAND) == [Bar(1, 1, before=True)]
    assert bars(honolulu, Month(2026, 11), ZoneInfo("Pacific/Honolulu")) == [Bar(30, 30, after=True)]


@pytest.mark.parametrize(
    ("promotion", "words"),
    [
        (held(at("2026-11-03T00:00"), at("2026-11-18T00:00")), "Nov. 3 to Nov. 17"),
        (held(at("2026-11-03T09:30"), at("2027-01-02T18:00")), "Nov. 3, 09:30 to Jan. 2, 2027, 18:00"),
        (held(at("2026-11-03T00:00"), at("2026-11-04T00:00")), "Nov. 3"),
        (held(at("2026-11-03T00:00"), weekdays=["MON"]), "from Nov. 3, Mondays"),
        (Promotion(), "without a date"),
        (Promotion(ends_at=at("2026-11-04T00:00")), "until Nov. 3"),
    ],
)
@time_machine.travel(TODAY)
def test_the_days_in_words_are_all_included(promotion: Promotion, words: str) -> None:
    assert when_in_words(promotion, UTC_CLOCK) == words


# -- the page


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def shown(browser: Browser, query: str = "") -> dict[str, list[tuple[str, State]]]:
    sections = browser.get(CALENDAR + query).context["sections"]
    return {section.title: [(row.name, row.state) for row in section.rows] for section in sections}


@pytest.mark.django_db
@time_machine.travel(TODAY, tick=False)
def test_the_page_shows_a_month_by_store_in_every_state(manager: Browser) -> None:
    east, west = StoreFactory(name="East"), StoreFactory(name="West")
    PromotionFactory(name="Everywhere")
    PromotionFactory(name="Soon", stores=[east], starts_at=TODAY + timedelta(days=2))
    PromotionFactory(name="Idea", stores=[east, west], starts_at=None, planned_start=TODAY)
    PromotionFactory(name="Over", stores=[west], ends_at=TODAY - timedelta(days=9))
    PromotionFactory(name="Some day", stores=[west], starts_at=None)
    stopped = PromotionFactory(name="Stopped one", stores=[west])
    promotions.stop(stopped, now=TODAY, by=ManagerFactory())

    assert shown(manager) == {
        "In all stores": [("Everywhere", State.LIVE)],
        "East": [("Soon", State.SCHEDULED), ("Idea", State.DRAFT)],
        "West": [("Idea", State.DRAFT), ("Stopped one", State.STOPPED), ("Over", State.ENDED)],
    }
    assert shown(manager, f"?store={east.pk}") == {
        "East": [("Everywhere", State.LIVE), ("Soon", State.SCHEDULED), ("Idea", State.DRAFT)],
    }
    assert "Some day" in text_of(manager.get(CALENDAR))
    assert shown(manager, "?month=2027-02")["East"] == [("Soon", State.SCHEDULED), ("Idea", State.DRAFT)]


@pytest.mark.django_db
@time_machine.travel(TODAY, tick=False)
def test_versions_of_a_promotion_are_one_row_that_leads_to_the_newest(manager: Browser) -> None:
    StoreFactory(time_zone="UTC")
    change = datetime(2026, 11, 10, tzinfo=UTC)
    PromotionFactory(code="SALE", name="Old", ends_at=change)
    newest = PromotionFactory(code="SALE", name="New", starts_at=change)

    (section,) = manager.get(CALENDAR).context["sections"]

    (row,) = section.rows
    assert (row.name, row.link) == ("New", f"/admin/pricing/promotion/{newest.pk}/change/")
    assert row.bars == (
        (State.ENDED, Bar(1, 9, before=True)),
        (State.LIVE, Bar(10, 30, after=True)),
    )


@pytest.mark.django_db
@time_machine.travel(TODAY, tick=False)
def test_the_page_asks_the_same_number_of_questions_for_many(manager: Browser) -> None:
    PromotionFactory(stores=[StoreFactory(), StoreFactory()])
    manager.get(CALENDAR)
    with CaptureQueriesContext(connection) as few:
        manager.get(CALENDAR)
    for _ in range(20):
        PromotionFactory(stores=[StoreFactory()])
    with CaptureQueriesContext(connection) as many:
        manager.get(CALENDAR)
    assert len(many) == len(few)


@pytest.mark.django_db
def test_the_page_is_for_those_who_may_see_promotions() -> None:
    assert signed_in(CashierFactory()).get(CALENDAR).status_code == 200
    assert signed_in(StrangerFactory()).get(CALENDAR).status_code in {302, 403}
