"""Starts and ends are entered and shown on the clock of the stores that they are about, and the form says which."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from catalog.models import Store
from pricing.models import Fee, Price, Promotion, TaxRule
from tests.factories import (
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
    faults,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
FEES = "/admin/pricing/fee/"
RULES = "/admin/pricing/taxrule/"
PROMOTIONS = "/admin/pricing/promotion/"
NOW = datetime(2026, 2, 1, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def west() -> Store:
    """One of three, so that most stores have its clock."""
    StoreFactory(time_zone="America/Los_Angeles")
    store: Store = StoreFactory(store_id="WEST", name="North", time_zone="America/Los_Angeles")
    return store


@pytest.fixture
def berlin() -> Store:
    store: Store = StoreFactory(store_id="BERLIN", name="Mitte", time_zone="Europe/Berlin")
    return store


@pytest.fixture
def manager(west: Store, berlin: Store) -> Browser:  # noqa: ARG001  the shop
    ProductFactory(sku="COLA-1")
    TaxCategoryFactory(code="SOFT")
    return signed_in(ManagerFactory())


def when(day: str, time: str, field: str = "starts_at") -> dict[str, str]:
    return {f"{field}_0": day, f"{field}_1": time}


def add_price(browser: Browser, **entered: Any) -> Any:
    return browser.submit(f"{PRICES}add/", "price_form", product="COLA-1", amount="2.49", **entered)


def help_of(answer: Any, field: str = "starts_at") -> str:
    return re.sub(r"<[^>]*>", "", str(answer.context["adminform"].form.fields[field].help_text))


def entered_in(answer: Any, field: str = "starts_at") -> list[str]:
    bound = answer.context["adminform"].form[field]
    return [str(part) for part in bound.field.widget.decompress(bound.value())]


# -- entered


@pytest.mark.parametrize(
    ("store", "starts_at"),
    [
        ("WEST", datetime(2026, 7, 1, 13, tzinfo=UTC)),
        ("BERLIN", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ("", datetime(2026, 7, 1, 13, tzinfo=UTC)),  # all stores: the clock of most of them
    ],
)
def test_a_price_starts_by_the_clock_of_its_store(manager: Browser, store: str, starts_at: datetime) -> None:
    add_price(manager, store=store, **when("2026-07-01", "06:00"))

    assert Price.objects.get().starts_at == starts_at


@pytest.mark.parametrize(
    ("where", "starts_at"),
    [
        ({"stores": ["WEST"]}, datetime(2026, 7, 1, 13, tzinfo=UTC)),
        ({"stores": ["BERLIN"]}, datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ({"stores": ["BERLIN", "WEST"]}, datetime(2026, 7, 1, 13, tzinfo=UTC)),  # they differ
        ({"all_stores": "on"}, datetime(2026, 7, 1, 13, tzinfo=UTC)),
    ],
)
def test_a_rule_starts_by_the_clock_that_its_stores_share(
    manager: Browser, where: dict[str, Any], starts_at: datetime
) -> None:
    rule = {"code": "CITY", "jurisdiction": "City", "rate": "2", "tax_categories": ["SOFT"], "reason": "Law."}

    manager.post(f"{RULES}add/", {**rule, **where, **when("2026-07-01", "06:00")})

    assert TaxRule.objects.get().starts_at == starts_at


def test_a_draft_of_a_promotion_is_planned_on_the_clock_of_its_store(manager: Browser) -> None:
    plan = {
        "code": "TEA",
        "name": "Tea",
        "kind": "PERCENT_OFF",
        "stores": ["BERLIN"],
        "_draft": "",
        "funding": "STORE",
        "priority": 0,
    }

    manager.post(f"{PROMOTIONS}add/", {**plan, **when("2026-07-01", "06:00")})

    promotion = Promotion.objects.get()
    assert promotion.planned_start == datetime(2026, 7, 1, 4, tzinfo=UTC)
    page = manager.get(f"{PROMOTIONS}{promotion.pk}/change/")
    assert entered_in(page) == ["2026-07-01", "06:00:00"]
    assert "planned to start on July 1, 2026, 6 a.m. (Berlin)" in text_of(page)


@pytest.mark.parametrize(
    ("store", "day", "time", "place", "skipped"),
    [
        ("WEST", "2026-03-08", "02:30", "Los Angeles", "2:30 a.m. on March 8, 2026"),
        ("BERLIN", "2026-03-29", "02:00", "Berlin", "2 a.m. on March 29, 2026"),
        ("", "2026-03-08", "02:59:59", "Los Angeles", "2:59 a.m. on March 8, 2026"),
    ],
)
def test_an_hour_that_is_skipped_is_refused(
    manager: Browser, store: str, day: str, time: str, place: str, skipped: str
) -> None:
    answer = add_price(manager, store=store, **when(day, time))

    assert faults(answer) == {
        "starts_at": [f"The clocks of {place} are put forward then: {skipped} is skipped. Choose another time."]
    }
    assert not Price.objects.exists()


@pytest.mark.parametrize(
    ("store", "day", "time", "place", "starts_at"),
    [
        ("WEST", "2026-11-01", "01:30", "Los Angeles", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("BERLIN", "2026-10-25", "02:30", "Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_hour_that_is_there_twice_is_the_earlier_one_and_that_is_said(
    manager: Browser, store: str, day: str, time: str, place: str, starts_at: datetime
) -> None:
    answer = add_price(manager, store=store, **when(day, time))

    assert Price.objects.get().starts_at == starts_at
    (note,) = [text for text in said(answer) if "twice" in text]
    assert note.startswith(f"The clocks of {place} are put back then, so {time.lstrip('0')} a.m. on ")
    assert note.endswith("2026 comes twice: it was taken as the earlier one.")


def test_what_is_not_touched_stays_the_later_one_of_two(manager: Browser, west: Store) -> None:
    later = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    price = PriceFactory(store=west, starts_at=NOW, ends_at=later, temporary=True)

    answer = manager.submit(f"{PRICES}{price.pk}/change/", "price_form", amount=str(price.amount))

    price.refresh_from_db()
    assert price.ends_at == later
    assert not [text for text in said(answer) if "twice" in text]


@pytest.mark.parametrize(("store", "ends_at"), [("WEST", (2026, 11, 1, 10)), ("BERLIN", (2026, 11, 1, 1))])
def test_an_end_is_entered_on_the_same_clock(manager: Browser, store: str, ends_at: tuple[int, ...]) -> None:
    add_price(manager, store=store, temporary="on", **when("2026-11-01", "02:00", "ends_at"))

    assert Price.objects.get().ends_at == datetime(*ends_at, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_other_stores_mean_another_clock_for_what_is_entered(manager: Browser, west: Store) -> None:
    fee = FeeFactory(stores=[west], products=[ProductFactory()], starts_at=datetime(2026, 7, 1, 13, tzinfo=UTC))

    manager.submit(f"{FEES}{fee.pk}/change/", "fee_form", stores=["BERLIN"])

    assert Fee.objects.get().starts_at == datetime(2026, 7, 1, 4, tzinfo=UTC)  # still 6 a.m.


# -- shown


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?store=WEST", "Los Angeles time, store North."),
        ("?store=BERLIN", "Berlin time, store Mitte."),
        ("", "Los Angeles time, the clock of most stores."),
    ],
)
def test_the_form_names_the_clock(manager: Browser, query: str, words: str) -> None:
    page = manager.get(f"{PRICES}add/{query}")

    assert help_of(page) == f"Leave empty to start now. {words}"
    assert help_of(page, "ends_at") == f"Leave empty for no end. {words}"


def test_stores_that_share_a_clock_are_named_together(manager: Browser) -> None:
    StoreFactory(store_id="HAMBURG", time_zone="Europe/Berlin")

    page = manager.get(f"{FEES}add/?all_stores=&stores=BERLIN,HAMBURG")

    assert help_of(page) == "Leave empty to start now. Berlin time, as in all of these stores."


def test_a_form_shows_what_is_stored_on_the_clock_of_its_store(manager: Browser, berlin: Store) -> None:
    price = PriceFactory(store=berlin, starts_at=datetime(2026, 7, 1, 4, tzinfo=UTC))

    page = manager.get(f"{PRICES}{price.pk}/change/")

    assert entered_in(page) == ["2026-07-01", "06:00:00"]
    assert help_of(page) == "Leave empty to start now. Berlin time, store Mitte."


def test_a_moment_of_a_link_is_shown_on_the_clock_of_the_store_beside_it(manager: Browser) -> None:
    at = "2026-07-01T04:00:00%2B00:00"

    assert entered_in(manager.get(f"{PRICES}add/?store=BERLIN&starts_at={at}")) == ["2026-07-01", "06:00:00"]
    assert entered_in(manager.get(f"{PRICES}add/?starts_at={at}")) == ["2026-06-30", "21:00:00"]


def test_the_clock_is_told_anew_as_stores_are_chosen(manager: Browser) -> None:
    def told(**chosen: Any) -> Any:
        return manager.get(f"{FEES}+clock/", chosen).json()

    assert told(stores=["BERLIN"]) == {"words": "Berlin time, store Mitte.", "offset": 3600}
    assert told(stores=["BERLIN", "WEST"])["words"] == "Los Angeles time, the clock of most stores."
    assert told(stores=["BERLIN"], all_stores="on")["words"] == "Los Angeles time, the clock of most stores."
    assert manager.get(f"{PRICES}+clock/", {"store": "BERLIN"}).json()["words"] == "Berlin time, store Mitte."
    assert manager.get(f"{PRICES}+clock/", {"store": "NO\0WHERE"}).json()["offset"] == -8 * 3600


def test_nobody_is_told_of_stores_that_are_not_theirs(west: Store, manager: Browser) -> None:
    other, viewer = signed_in(ManagerFactory(role=[west])), signed_in(CashierFactory())

    assert other.get(f"{FEES}+clock/", {"stores": ["BERLIN"]}).json()["words"].startswith("Los Angeles time, the clock")
    assert viewer.get(f"{FEES}+clock/", {"stores": ["BERLIN"]}).status_code == 403
    assert manager.get(f"{FEES}+clock/").status_code == 200


def test_lists_name_their_clock_and_what_goes_by_another(manager: Browser, berlin: Store, west: Store) -> None:
    at = datetime(2026, 7, 1, 4, tzinfo=UTC)
    for store in (berlin, west):
        PriceFactory(store=store, starts_at=at)
        FeeFactory(stores=[store], starts_at=at)
        TaxRuleFactory(stores=[store], starts_at=at)
        PromotionFactory(stores=[store], starts_at=at)

    for url in (PRICES, FEES, RULES, PROMOTIONS):
        text = text_of(manager.get(url))
        assert "Los Angeles time" in text  # the heading of the page
        assert "July 1, 6 a.m. (Berlin)" in text
        assert "June 30, 9 p.m." in text
        assert "June 30, 9 p.m. (" not in text


def test_a_promotion_ends_early_on_the_clock_of_its_store(manager: Browser, berlin: Store) -> None:
    promotion = PromotionFactory(stores=[berlin], starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    url = f"{PROMOTIONS}{promotion.pk}/press/end_early/"
    assert "Berlin time, store Mitte." in text_of(manager.post(url))

    answer = manager.post(url, {"confirmed": "", "at": "2026-07-01T06:00", "reason": "Sold out."})

    promotion.refresh_from_db()
    assert promotion.ends_at == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert said(answer) == ["1 promotion will end on July 1, 2026, 6 a.m. (Berlin)."]
