"""The states of promotions and the moves between them; what is refused changes nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from pricing import promotions
from pricing.models import BEGINNING, Promotion, PromotionKind, PromotionStop, PromotionTarget
from pricing.pricebook import read_pricebook
from pricing.promotions import State, in_state, state_of
from pricing.storefile.dump import dump
from pricing.storefile.load import load
from pricing.terms import Cart, CartLine
from tests.factories import ManagerFactory, PriceFactory, ProductFactory, PromotionFactory, StoreFactory

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def boss() -> User:
    boss: User = ManagerFactory()
    return boss


def make_draft(**terms: Any) -> Promotion:
    draft: Promotion = PromotionFactory(**{"code": "DRAFT", "starts_at": None, **terms})
    return draft


def everything() -> list[dict[str, Any]]:
    return list(Promotion.objects.order_by("pk").values())


def refused(move: Any) -> str:
    """What is said; and nothing has changed."""
    before, stops = everything(), list(PromotionStop.objects.values())
    with pytest.raises(ValidationError) as caught:
        move()
    assert (everything(), list(PromotionStop.objects.values())) == (before, stops)
    return " ".join(caught.value.messages)


# -- drafts


def test_a_draft_has_no_start_and_no_row_by_which_a_cart_could_find_it() -> None:
    draft = make_draft()

    assert (draft.starts_at, draft.is_draft) == (None, True)
    assert not PromotionTarget.objects.exists()


@pytest.mark.parametrize("planned", [BEGINNING, datetime(2020, 1, 1, tzinfo=UTC), None])
def test_no_pricebook_has_a_draft_even_if_rows_led_to_it(planned: datetime | None) -> None:
    store, cola = StoreFactory(), ProductFactory(sku="COLA-1", category="Drinks")
    PriceFactory(product=cola)
    draft = make_draft(planned_start=planned)
    PromotionTarget.objects.create(promotion=draft, role=0, key="cat:Drinks")

    for moment in (datetime(2000, 1, 1, tzinfo=UTC), timezone.now(), datetime(9990, 1, 1, tzinfo=UTC)):
        line = CartLine(product_id="COLA-1", type="SKU", quantity="1", unit="each")
        cart = Cart(store_id=store.pk, started_at=moment, ended_at=moment, lines=(line,))
        assert read_pricebook(cart).promotions == ()


def test_a_draft_is_edited_freely_and_deleted(now: datetime) -> None:
    draft = make_draft()
    draft.percent, draft.code = Decimal(50), "OTHER"
    draft.revise(now=now)
    assert [(row.pk, row.code, row.percent) for row in Promotion.objects.all()] == [(draft.pk, "OTHER", Decimal(50))]

    draft.end(now=now)
    assert not Promotion.objects.exists()
    assert Promotion.history.filter(code="OTHER", history_type="-").exists()


def test_a_draft_may_have_the_code_of_a_promotion_but_not_of_another_draft() -> None:
    PromotionFactory(code="SALE")
    make_draft(code="SALE")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_draft(code="SALE")


def test_only_a_draft_is_planned() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PromotionFactory(planned_start=timezone.now())


# -- store files


def test_drafts_do_not_travel_in_store_files(now: datetime) -> None:
    StoreFactory()
    PromotionFactory(code="SALE")
    alone = dump(now=now)
    make_draft(code="SECRET", percent=None)

    assert dump(now=now) == alone


def test_loading_a_store_file_leaves_drafts_alone(now: datetime) -> None:
    StoreFactory(store_id="A")
    ProductFactory(sku="COLA-1", category="Drinks")
    draft = make_draft(code="SALE", percent=Decimal(50), planned_start=now + DAY)
    before = Promotion.objects.filter(pk=draft.pk).values().get()
    sale = (
        '{"promotions": [{"code": "SALE", "name": "S", "receipt_text": "S", "kind": "PERCENT_OFF", "percent": "10", '
        f'"targets": {{"categories": ["Drinks"]}}, "starts_at": "{now.isoformat()}"}}]}}'
    )

    load(sale.encode(), clock=lambda: now)

    assert Promotion.objects.filter(pk=draft.pk).values().get() == before
    loaded = Promotion.objects.get(starts_at__isnull=False)
    assert (loaded.code, loaded.percent, loaded.planned_start) == ("SALE", Decimal(10), None)
    assert "SALE” has a version in force" in refused(lambda: promotions.publish(draft, now=now + DAY))


# -- publishing


def test_publishing_starts_a_draft_now_or_when_it_is_planned(now: datetime) -> None:
    first, later = make_draft(code="NOW"), make_draft(code="LATER", planned_start=now + DAY)

    promotions.publish(first, now=now)
    promotions.publish(later, now=now)

    first.refresh_from_db()
    later.refresh_from_db()
    assert (first.starts_at, state_of(first, now)) == (now, State.LIVE)
    assert (later.starts_at, later.planned_start, state_of(later, now)) == (now + DAY, None, State.SCHEDULED)
    assert PromotionTarget.objects.count() == 2


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"percent": None}, "Say how many percent."),
        ({"targets": None}, "Choose the products. If you mean everything, say so."),
        ({"receipt_text": ""}, "Say what shoppers read on the receipt."),
        ({"kind": PromotionKind.SPEND_GET, "threshold": Decimal(9), "percent": None}, "Give either an amount"),
        ({"planned_start": datetime(2026, 1, 1, tzinfo=UTC)}, "The planned start has passed."),
        ({"ends_at": datetime(2026, 1, 1, tzinfo=UTC)}, "The end must be later than the start."),
        ({"all_stores": False}, "Choose at least one store"),
        ({"funding": "VENDOR"}, "Prices include tax in Gross; only the store itself can pay there."),
    ],
)
def test_what_is_incomplete_is_not_published(terms: dict[str, Any], said: str, now: datetime) -> None:
    StoreFactory(name="Gross", prices_include_tax=True)
    draft = make_draft(**terms)

    assert said in refused(lambda: promotions.publish(draft, now=now))
    assert draft.is_draft
    assert not PromotionTarget.objects.exists()


def test_a_promotion_is_published_once(now: datetime) -> None:
    StoreFactory()
    draft = make_draft()
    stale = Promotion.objects.get()
    promotions.publish(draft, now=now)

    assert refused(lambda: promotions.publish(stale, now=now)) == "This was published already. Load the page again."


def test_what_is_yet_to_start_becomes_a_draft_again_and_nothing_else_does(now: datetime) -> None:
    soon, live = PromotionFactory(code="SOON", starts_at=now + DAY), PromotionFactory(code="LIVE")

    promotions.back_to_draft(soon, now=now)

    soon.refresh_from_db()
    assert soon.is_draft
    assert soon.planned_start == now + DAY
    assert not soon.target_rows.exists()
    assert "Only what is yet to start" in refused(lambda: promotions.back_to_draft(live, now=now))
    again = PromotionFactory(code="SOON", starts_at=now + DAY)
    assert "There is a draft with this code already." in refused(lambda: promotions.back_to_draft(again, now=now))


# -- stopping


def test_a_stop_ends_it_now_and_undoing_starts_a_successor_with_the_same_terms(now: datetime, boss: User) -> None:
    store = StoreFactory()
    end = now + 9 * DAY
    sale = PromotionFactory(code="SALE", stores=[store], ends_at=end, weekdays=["MON"])

    promotions.stop(sale, now=now, by=boss)
    assert (Promotion.objects.get().ends_at, state_of(sale, now)) == (now, State.STOPPED)

    back = promotions.undo_stop(sale, now=now + HOUR, by=boss)

    sale.refresh_from_db()
    assert (sale.ends_at, state_of(sale, now + HOUR)) == (now, State.ENDED)
    assert (back.code, back.starts_at, back.ends_at, back.terms()) == ("SALE", now + HOUR, end, sale.terms())
    assert list(back.stores.all()) == [store]
    assert [row.key for row in back.target_rows.all()] == ["cat:Drinks"]
    stop = PromotionStop.objects.get()
    assert (stop.made_by, stop.undone_by, stop.undone_at, stop.successor) == (boss, boss, now + HOUR, back)


def test_only_what_is_live_is_stopped(now: datetime, boss: User) -> None:
    for row in (make_draft(), PromotionFactory(starts_at=now + DAY), PromotionFactory(ends_at=now - HOUR)):
        said = refused(partial(promotions.stop, row, now=now, by=boss))
        assert said == "Only a live promotion can be stopped."


def test_two_people_stop_it_once(now: datetime, boss: User) -> None:
    sale = PromotionFactory()
    stale = Promotion.objects.get()
    promotions.stop(sale, now=now, by=boss)

    assert "Somebody else changed this meanwhile" in refused(lambda: promotions.stop(stale, now=now, by=boss))


def test_a_stop_is_undone_once(now: datetime, boss: User) -> None:
    StoreFactory()
    sale = PromotionFactory()
    promotions.stop(sale, now=now, by=boss)
    stale = Promotion.objects.select_related("stop").get()
    promotions.undo_stop(sale, now=now + HOUR, by=boss)

    assert "Somebody else has undone this stop" in refused(lambda: promotions.undo_stop(stale, now=now + HOUR, by=boss))
    fresh = Promotion.objects.get(pk=sale.pk)
    assert "no stop to undo" in refused(lambda: promotions.undo_stop(fresh, now=now + HOUR, by=boss))


@pytest.mark.parametrize(
    ("start", "said"), [(HOUR, "The code “SALE” is in use again since"), (9 * DAY, "The code “SALE” is planned again")]
)
def test_a_stop_is_not_undone_when_the_code_is_used_again(
    start: timedelta, said: str, now: datetime, boss: User
) -> None:
    StoreFactory()
    sale = PromotionFactory(code="SALE")
    promotions.stop(sale, now=now, by=boss)
    PromotionFactory(code="SALE", starts_at=now + start)

    assert said in refused(lambda: promotions.undo_stop(sale, now=now + 2 * HOUR, by=boss))


def test_a_stop_is_not_undone_after_the_end_that_it_would_have_had(now: datetime, boss: User) -> None:
    sale = PromotionFactory(ends_at=now + HOUR)
    promotions.stop(sale, now=now, by=boss)

    assert "would have ended on" in refused(lambda: promotions.undo_stop(sale, now=now + HOUR, by=boss))


def test_a_stop_is_not_undone_where_a_vendor_can_no_longer_pay(now: datetime, boss: User) -> None:
    store = StoreFactory(name="Gross")
    sale = PromotionFactory(funding="VENDOR", stores=[store])
    promotions.stop(sale, now=now, by=boss)
    store.prices_include_tax = True
    store.save()

    assert "Prices include tax in Gross" in refused(lambda: promotions.undo_stop(sale, now=now + HOUR, by=boss))


# -- ending early


def test_it_ends_early_at_a_moment_to_come(now: datetime) -> None:
    sale, soon = PromotionFactory(ends_at=now + 9 * DAY), PromotionFactory(starts_at=now + DAY)

    promotions.end_early(sale, at=now + HOUR, now=now)
    promotions.end_early(soon, at=now + 2 * DAY, now=now)

    assert Promotion.objects.get(pk=sale.pk).ends_at == now + HOUR
    assert Promotion.objects.get(pk=soon.pk).ends_at == now + 2 * DAY
    assert Promotion.objects.count() == 2


@pytest.mark.parametrize(
    ("terms", "at", "said"),
    [
        ({}, timedelta(0), "Choose a moment to come"),
        ({"ends_at": DAY}, DAY, "It ends on"),
        ({"starts_at": 2 * DAY}, DAY, "after its start"),
        ({"ends_at": -DAY}, DAY, "Only what is live or scheduled can end earlier."),
        ({"starts_at": None}, DAY, "Only what is live or scheduled can end earlier."),
    ],
)
def test_no_other_end_is_early(terms: dict[str, Any], at: timedelta, said: str, now: datetime) -> None:
    sale = PromotionFactory(**{name: value and now + value for name, value in terms.items()})

    assert said in refused(lambda: promotions.end_early(sale, at=now + at, now=now))


# -- copies and states


def test_a_copy_is_a_draft_with_a_code_of_its_own(now: datetime) -> None:
    store = StoreFactory()
    sale = PromotionFactory(code="COLA-10", stores=[store], ends_at=now + DAY, priority=3)

    first = promotions.duplicate(sale)
    second = promotions.duplicate(first)

    assert [(row.code, row.starts_at, row.ends_at, row.priority) for row in (first, second)] == [
        ("COLA-10-2", None, None, 3),
        ("COLA-10-3", None, None, 3),
    ]
    assert list(second.stores.all()) == [store]


def test_a_long_code_leaves_room_for_the_number() -> None:
    row = PromotionFactory(code="X" * 100)
    assert promotions.duplicate(row).code == "X" * 95 + "-2"


def test_every_promotion_is_in_one_state(now: datetime, boss: User) -> None:
    rows: dict[State, Promotion] = {
        State.DRAFT: make_draft(ends_at=now - DAY),
        State.SCHEDULED: PromotionFactory(code="S", starts_at=now + DAY),
        State.LIVE: PromotionFactory(code="L", ends_at=now + DAY),
        State.STOPPED: PromotionFactory(code="P"),
        State.ENDED: PromotionFactory(code="E", ends_at=now - DAY),
    }
    promotions.stop(rows[State.STOPPED], now=now, by=boss)

    for state, row in rows.items():
        assert state_of(row, now) == state
        assert list(in_state(Promotion.objects.all(), state, now)) == [row]
    assert in_state(Promotion.objects.all(), "", now).count() == len(rows)


def test_the_words_of_a_refusal_are_on_the_clock_of_the_admin(now: datetime) -> None:
    with timezone.override(ZoneInfo("America/New_York")):
        sale = PromotionFactory(ends_at=datetime(2127, 7, 1, 16, tzinfo=UTC))
        said = refused(lambda: promotions.end_early(sale, at=sale.ends_at, now=now))
    assert said == "It ends on July 1, 2127, noon already. Choose an earlier moment."
