"""What was in force stays as it was: dated rows are ended and succeeded."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from pricing.models import (
    BEGINNING,
    Fee,
    Price,
    Promotion,
    PromotionKind,
    PromotionTarget,
    TaxAssignment,
    TaxHoliday,
    TaxRule,
)
from tests.factories import (
    FeeFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    TaxHolidayFactory,
    TaxRuleFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 16, tzinfo=UTC)
DAY = timedelta(days=1)
BLINK = timedelta(microseconds=1)
YESTERDAY, TOMORROW = NOW - DAY, NOW + DAY
NEXT_WEEK = NOW + 7 * DAY
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def cola() -> Any:
    return ProductFactory(sku="COLA")


def stored(row: Any) -> Row:
    """The row as the database has it now."""
    return dict(type(row).objects.filter(pk=row.pk).values().get())


def dates(rows: Any) -> list[tuple[datetime, datetime | None]]:
    return list(rows.order_by("starts_at").values_list("starts_at", "ends_at"))


def refused(act: Callable[[], Any], words: str) -> None:
    """The act is refused in these words, and changes no row."""
    tables = (Price, Promotion, PromotionTarget, Fee, TaxAssignment, TaxRule, TaxHoliday)
    before = [sorted(table.objects.values_list(), key=str) for table in tables]
    with pytest.raises(ValidationError, match=words), transaction.atomic():
        act()
    assert [sorted(table.objects.values_list(), key=str) for table in tables] == before


# --- What holds at a moment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "in_force", "was", "over"),
    [
        (YESTERDAY - BLINK, False, False, False),
        (YESTERDAY, True, True, False),
        (NOW, True, True, False),
        (TOMORROW - BLINK, True, True, False),
        (TOMORROW, False, True, True),
    ],
)
def test_a_row_holds_from_its_start_until_just_before_its_end(
    moment: datetime, *, in_force: bool, was: bool, over: bool
) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=TOMORROW)
    assert Price.objects.in_force(moment).exists() is in_force
    assert (row.was_in_force(moment), row.is_over(moment)) == (was, over)


def test_an_open_end_is_never_over() -> None:
    row = PriceFactory(starts_at=YESTERDAY)
    assert Price.objects.in_force(NOW + 10_000 * DAY).exists()
    assert row.is_over(NOW + 10_000 * DAY) is False


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "answer"),
    [
        (NOW - 3 * DAY, NOW - 2 * DAY, False),
        (NOW - 3 * DAY, YESTERDAY, False),
        (NOW - 3 * DAY, YESTERDAY + BLINK, True),
        (NOW, NOW + BLINK, True),
        (TOMORROW - BLINK, NEXT_WEEK, True),
        (TOMORROW, NEXT_WEEK, False),
        (NOW - 3 * DAY, None, True),
        (TOMORROW, None, False),
    ],
)
def test_intervals_overlap_when_they_share_a_moment(
    starts_at: datetime, ends_at: datetime | None, *, answer: bool
) -> None:
    PriceFactory(starts_at=YESTERDAY, ends_at=TOMORROW)
    assert Price.objects.overlapping(starts_at, ends_at).exists() is answer


# --- Revising ------------------------------------------------------------------------------------------------------


def test_a_price_in_force_is_ended_and_succeeded(cola: Any) -> None:
    row = PriceFactory(product=cola, amount=Decimal("4.25"), starts_at=YESTERDAY, ends_at=NEXT_WEEK)
    row.amount = Decimal("4.50")
    successor = row.revise(now=NOW)
    old, new = Price.objects.order_by("starts_at")
    assert (old.pk, old.amount, old.starts_at, old.ends_at) == (row.pk, Decimal("4.25"), YESTERDAY, NOW)
    assert (new.amount, new.starts_at, new.ends_at, new.product_id) == (Decimal("4.50"), NOW, NEXT_WEEK, "COLA")
    assert new == successor
    assert new.pk != old.pk
    assert successor._state.adding is False


def test_the_successor_may_have_another_end(cola: Any) -> None:
    row = PriceFactory(product=cola, starts_at=YESTERDAY, ends_at=NEXT_WEEK)
    row.amount, row.ends_at = Decimal("4.50"), TOMORROW
    row.revise(now=NOW)
    assert dates(Price.objects) == [(YESTERDAY, NOW), (NOW, TOMORROW)]


def test_a_row_that_is_yet_to_start_is_edited() -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=TOMORROW)
    row.amount, row.starts_at, row.ends_at = Decimal("4.50"), TOMORROW + DAY, NEXT_WEEK
    assert row.revise(now=NOW) == row
    only = Price.objects.get()
    assert (only.pk, only.amount, only.starts_at, only.ends_at) == (
        row.pk,
        Decimal("4.50"),
        TOMORROW + DAY,
        NEXT_WEEK,
    )


def test_a_row_that_starts_this_very_moment_is_replaced() -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=NOW)
    row.amount = Decimal("4.50")
    row.revise(now=NOW)
    only = Price.objects.get()
    assert (only.amount, only.starts_at) == (Decimal("4.50"), NOW)


@pytest.mark.parametrize("changed", [{"amount": Decimal("4.50")}, {"ends_at": None}, {"ends_at": NEXT_WEEK}, {}])
def test_what_is_over_is_not_revised(changed: Row) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=NOW)
    for name, value in changed.items():
        setattr(row, name, value)
    refused(lambda: row.revise(now=NOW), "This has ended")


@pytest.mark.parametrize(
    ("ends_at", "new_end"), [(None, NEXT_WEEK), (NEXT_WEEK, None), (NEXT_WEEK, TOMORROW), (TOMORROW, NOW + BLINK)]
)
def test_a_new_end_alone_is_written(ends_at: datetime | None, new_end: datetime | None) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=ends_at)
    row.ends_at = new_end
    assert row.revise(now=NOW) == row
    assert dates(Price.objects) == [(YESTERDAY, new_end)]


def test_saying_the_same_changes_nothing() -> None:
    row = PriceFactory(starts_at=YESTERDAY)
    before = stored(row)
    assert row.revise(now=NOW) == row
    assert (stored(row), Price.objects.count()) == (before, 1)


def test_the_start_of_what_is_in_force_cannot_be_moved() -> None:
    row = PriceFactory(starts_at=YESTERDAY)
    row.starts_at = TOMORROW
    row.revise(now=NOW)
    assert dates(Price.objects) == [(YESTERDAY, None)]


@pytest.mark.parametrize("ends_at", [YESTERDAY + BLINK, NOW])
def test_a_successor_that_has_ended_is_refused(ends_at: datetime) -> None:
    row = PriceFactory(starts_at=YESTERDAY)
    row.amount, row.ends_at = Decimal("4.50"), ends_at
    refused(lambda: row.revise(now=NOW), "The end must be later than now")


def test_what_is_yet_to_start_is_not_moved_into_a_time_that_had_a_price(cola: Any) -> None:
    PriceFactory(product=cola, amount=Decimal("4.25"), starts_at=NOW - 30 * DAY)
    row = PriceFactory(product=cola, amount=Decimal("1.00"), starts_at=TOMORROW)
    row.starts_at = NOW - 10 * DAY

    def move() -> None:
        row.full_clean()
        row.revise(now=NOW)

    refused(move, "Something was in force already")


@pytest.mark.parametrize("starts_at", [YESTERDAY, NOW])
def test_saving_may_take_a_minute(clock: time_machine.Traveller, starts_at: datetime) -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=starts_at)
    row.amount = Decimal("4.50")
    clock.move_to(NOW + timedelta(seconds=59))
    row.revise(now=NOW)
    assert [one.amount for one in Price.objects.in_force(NOW)] == [Decimal("4.50")]


@pytest.mark.parametrize("starts_at", [YESTERDAY, NOW])
def test_what_was_decided_long_ago_is_not_saved_any_more(clock: time_machine.Traveller, starts_at: datetime) -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=starts_at)
    row.amount = Decimal("4.50")
    clock.move_to(NOW + timedelta(seconds=61))
    refused(lambda: row.revise(now=NOW), "in the past|it can be ended, not deleted")


def test_the_reason_stands_in_the_history_of_both(cola: Any) -> None:
    row = PriceFactory(product=cola, starts_at=YESTERDAY)
    row.amount = Decimal("4.50")
    row._change_reason = "The supplier is dearer."
    successor = row.revise(now=NOW)
    ended, began = Price.history.get(id=row.pk, history_type="~"), Price.history.get(id=successor.pk)
    assert (ended.history_change_reason, ended.ends_at) == ("The supplier is dearer.", NOW)
    assert (began.history_change_reason, began.history_type) == ("The supplier is dearer.", "+")


# --- Revising what belongs to many ---------------------------------------------------------------------------------


def names(row: Any, relation: str) -> set[Any]:
    return {one.pk for one in getattr(row, relation).all()}


def test_the_successor_keeps_its_stores_and_targets() -> None:
    store = StoreFactory()
    row = PromotionFactory(code="TEN", starts_at=YESTERDAY, all_stores=False, stores=[store])
    row.percent = Decimal(20)
    successor = row.revise(now=NOW)
    old, new = Promotion.objects.order_by("starts_at")
    assert (old.percent, new.percent, new.code, new) == (Decimal(10), Decimal(20), "TEN", successor)
    assert names(old, "stores") == names(new, "stores") == {store.pk}
    assert [(one.role, one.key) for one in old.target_rows.all()] == [(0, "cat:Drinks")]
    assert [(one.role, one.key) for one in new.target_rows.all()] == [(0, "cat:Drinks")]


def test_new_stores_alone_make_a_successor() -> None:
    here, there = StoreFactory(), StoreFactory()
    row = PromotionFactory(starts_at=YESTERDAY, all_stores=False, stores=[here])
    row.revise(now=NOW, related={"stores": [there]})
    old, new = Promotion.objects.order_by("starts_at")
    assert (names(old, "stores"), names(new, "stores")) == ({here.pk}, {there.pk})
    assert (old.ends_at, new.starts_at) == (NOW, NOW)


def test_the_same_stores_in_another_order_make_none() -> None:
    stores = [StoreFactory(), StoreFactory()]
    row = PromotionFactory(starts_at=YESTERDAY, all_stores=False, stores=stores)
    assert row.revise(now=NOW, related={"stores": [stores[1], stores[0]]}) == row
    assert Promotion.objects.count() == 1
    assert names(row, "stores") == {store.pk for store in stores}


@pytest.mark.parametrize("starts_at", [YESTERDAY, TOMORROW])
def test_what_a_row_relates_to_may_be_given_one_by_one(starts_at: datetime) -> None:
    stores = [StoreFactory(), StoreFactory()]
    row = PromotionFactory(starts_at=starts_at, all_stores=False, stores=stores[:1])
    revised = row.revise(now=NOW, related={"stores": (store for store in stores)})
    assert names(revised, "stores") == {store.pk for store in stores}


def test_only_the_relation_that_is_named_changes(cola: Any) -> None:
    store, water = StoreFactory(), ProductFactory(sku="WATER")
    row = FeeFactory(starts_at=YESTERDAY, products=[cola], all_stores=False, stores=[store])
    new = row.revise(now=NOW, related={"products": [cola, water]})
    assert (names(row, "products"), names(row, "stores")) == ({"COLA"}, {store.pk})
    assert (names(new, "products"), names(new, "stores")) == ({"COLA", "WATER"}, {store.pk})


@pytest.mark.parametrize("factory", [TaxRuleFactory, TaxHolidayFactory])
def test_tax_categories_are_carried_over(factory: Any) -> None:
    category = TaxCategoryFactory()
    row = factory(code="T", starts_at=YESTERDAY, tax_categories=[category])
    row.code = "OTHER"
    assert names(row.revise(now=NOW), "tax_categories") == {category.pk}


def test_a_row_that_is_yet_to_start_gets_its_new_stores() -> None:
    here, there = StoreFactory(), StoreFactory()
    row = PromotionFactory(starts_at=TOMORROW, all_stores=False, stores=[here])
    assert row.revise(now=NOW, related={"stores": [there]}) == row
    assert (names(row, "stores"), Promotion.objects.count()) == ({there.pk}, 1)


def test_a_promotion_is_found_by_what_it_says() -> None:
    row = PromotionFactory(starts_at=TOMORROW)
    row.kind, row.buy, row.get = PromotionKind.BUY_X_GET_Y, 1, 1
    row.targets = {"skus": ["COLA", "COLA"], "categories": ["Drinks > Hot"], "except_skus": ["TEA"]}
    row.get_targets = {"all": True}
    row.revise(now=NOW)
    found = PromotionTarget.objects.order_by("role", "excluded", "key").values_list("role", "key", "excluded")
    assert list(found) == [
        (0, "cat:Drinks > Hot", False),
        (0, "sku:COLA", False),
        (0, "sku:TEA", True),
        (1, "all", False),
    ]


def test_a_bundle_is_found_by_its_components() -> None:
    components = [{"targets": {"skus": [sku]}, "count": 1} for sku in ("COLA", "CHIPS")]
    PromotionFactory(kind=PromotionKind.BUNDLE, targets=None, components=components)
    assert list(PromotionTarget.objects.order_by("role").values_list("role", "key")) == [
        (0, "sku:COLA"),
        (1, "sku:CHIPS"),
    ]


# --- Ending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends_at", [None, NEXT_WEEK])
def test_what_is_in_force_ends_now(ends_at: datetime | None) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=ends_at)
    row.end(now=NOW)
    assert dates(Price.objects) == [(YESTERDAY, NOW)]


@pytest.mark.parametrize("starts_at", [NOW, NOW + BLINK, TOMORROW])
def test_what_is_yet_to_start_is_taken_away_and_its_history_stays(starts_at: datetime) -> None:
    row = PriceFactory(starts_at=starts_at)
    pk = row.pk
    row.end(now=NOW)
    assert Price.objects.count() == 0
    assert {one.history_type for one in Price.history.filter(id=pk)} == {"+", "-"}


def test_what_is_over_stays_as_it_is() -> None:
    row = PriceFactory(starts_at=NOW - 3 * DAY, ends_at=YESTERDAY)
    row.end(now=NOW)
    assert dates(Price.objects) == [(NOW - 3 * DAY, YESTERDAY)]


# --- The guards ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factory", "changed"),
    [
        (PriceFactory, {"amount": Decimal("4.50")}),
        (PriceFactory, {"temporary": True}),
        (PriceFactory, {"starts_at": YESTERDAY - DAY}),
        (PriceFactory, {"starts_at": TOMORROW}),
        (PromotionFactory, {"percent": Decimal(20)}),
        (PromotionFactory, {"targets": {"all": True}}),
        (PromotionFactory, {"receipt_text": "10% off"}),
        (PromotionFactory, {"weekdays": ["MON"]}),
        (PromotionFactory, {"all_stores": False}),
        (FeeFactory, {"taxed": True}),
        (TaxRuleFactory, {"rate": Decimal("0.05")}),
        (TaxHolidayFactory, {"unit_price_below": Decimal("1.00")}),
        (TaxAssignmentFactory, {"starts_at": TOMORROW}),
    ],
)
@pytest.mark.parametrize("ends_at", [NOW, NEXT_WEEK])
def test_what_was_in_force_is_not_saved_with_other_terms(factory: Any, changed: Row, ends_at: datetime) -> None:
    row = factory(starts_at=YESTERDAY, ends_at=ends_at)
    for name, value in changed.items():
        setattr(row, name, value)
    refused(row.save, "it can be ended and succeeded, not changed")


def test_a_row_of_another_product_is_another_term(cola: Any) -> None:
    row = PriceFactory(starts_at=YESTERDAY)
    row.product = cola
    refused(row.save, "it can be ended and succeeded, not changed")


@pytest.mark.parametrize(
    ("ends_at", "new_end"),
    [
        pytest.param(None, YESTERDAY + BLINK, id="ended in the past"),
        pytest.param(NEXT_WEEK, NOW - timedelta(minutes=1, microseconds=1), id="more than a minute ago"),
        pytest.param(NOW, None, id="opened again"),
        pytest.param(NOW, NEXT_WEEK, id="made longer after its end"),
        pytest.param(NOW, NOW - BLINK, id="made shorter after its end"),
    ],
)
def test_the_past_has_no_new_end(ends_at: datetime | None, new_end: datetime | None) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=ends_at)
    row.ends_at = new_end
    refused(row.save, "nothing can be ended in the past")


@pytest.mark.parametrize("new_end", [NOW - timedelta(seconds=59), NOW, TOMORROW, None])
def test_an_end_to_come_may_be_saved(new_end: datetime | None) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=NEXT_WEEK)
    row.ends_at = new_end
    row.save()
    assert dates(Price.objects) == [(YESTERDAY, new_end)]


def test_what_is_yet_to_start_may_be_saved_and_deleted() -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=TOMORROW)
    row.amount = Decimal("4.50")
    row.save()
    assert stored(row)["amount"] == Decimal("4.50")
    row.delete()
    assert Price.objects.count() == 0


@pytest.mark.parametrize("ends_at", [None, NOW, YESTERDAY + BLINK])
def test_what_was_in_force_is_not_deleted(ends_at: datetime | None) -> None:
    row = PriceFactory(starts_at=YESTERDAY, ends_at=ends_at)
    refused(row.delete, "it can be ended, not deleted")


def test_time_turns_what_could_be_changed_into_history(clock: time_machine.Traveller) -> None:
    row = PriceFactory(amount=Decimal("4.25"), starts_at=TOMORROW)
    clock.move_to(TOMORROW)
    row.amount = Decimal("4.50")
    refused(row.save, "it can be ended and succeeded, not changed")


@pytest.mark.parametrize("table", [Price, Promotion, Fee, TaxAssignment, TaxRule, TaxHoliday])
def test_rows_are_never_updated_in_bulk(table: Any) -> None:
    with pytest.raises(TypeError, match="never updated"):
        table.objects.filter(ends_at=None).update(ends_at=NOW)
    with pytest.raises(TypeError, match="never updated"):
        table.objects.all().update()


@pytest.mark.parametrize("factory", [PriceFactory, PromotionFactory, FeeFactory, TaxRuleFactory])
def test_what_was_in_force_is_not_deleted_in_bulk(factory: Any) -> None:
    row = factory(starts_at=YESTERDAY)
    with pytest.raises((ValidationError, TypeError)):
        type(row).objects.all().delete()
    assert type(row).objects.count() == 1


# --- What may be added ---------------------------------------------------------------------------------------------


def add(factory: Any, **terms: Any) -> Any:
    """As a form adds a row: checked as a whole, then saved. What it relates to comes afterwards."""
    table = factory._meta.model
    values = vars(factory.stub(**terms))
    row = table(**{name: value for name, value in values.items() if name not in table.many})
    row.full_clean()
    row.save()
    return row


@pytest.mark.parametrize("ends_at", [YESTERDAY, YESTERDAY - BLINK])
def test_an_end_is_later_than_the_start(cola: Any, ends_at: datetime) -> None:
    refused(lambda: add(PriceFactory, product=cola, starts_at=YESTERDAY, ends_at=ends_at), "later than the start")


@pytest.mark.parametrize(
    ("there", "added"),
    [
        pytest.param([], (NOW - 9 * DAY, None), id="nothing was there"),
        pytest.param([(NOW - 9 * DAY, NOW - 5 * DAY)], (NOW - 5 * DAY, NOW - DAY), id="after what has ended"),
        pytest.param([(NOW - 5 * DAY, None)], (NOW - 9 * DAY, NOW - 5 * DAY), id="until what is there began"),
        pytest.param([(TOMORROW, None)], (NOW - 9 * DAY, None), id="before what is yet to start"),
        pytest.param([(NOW - 9 * DAY, None)], (NOW - timedelta(seconds=59), None), id="now, said a moment ago"),
        pytest.param([(NOW - 9 * DAY, None)], (NOW, None), id="now"),
        pytest.param([(NOW - 9 * DAY, None)], (TOMORROW, None), id="in the future"),
    ],
)
def test_a_price_may_begin_where_none_was(
    cola: Any, there: list[tuple[datetime, datetime | None]], added: tuple[datetime, datetime | None]
) -> None:
    for starts_at, ends_at in there:
        PriceFactory(product=cola, starts_at=starts_at, ends_at=ends_at)
    add(PriceFactory, product=cola, starts_at=added[0], ends_at=added[1])
    assert Price.objects.count() == len(there) + 1


@pytest.mark.parametrize(
    ("there", "added"),
    [
        pytest.param((NOW - 9 * DAY, None), (NOW - 5 * DAY, None), id="within what is in force"),
        pytest.param((NOW - 9 * DAY, None), (NOW - timedelta(minutes=1, microseconds=1), None), id="a minute ago"),
        pytest.param((NOW - 5 * DAY, None), (NOW - 9 * DAY, None), id="into what began later"),
        pytest.param((NOW - 5 * DAY, NOW - 4 * DAY), (NOW - 9 * DAY, NEXT_WEEK), id="over what has ended"),
        pytest.param((NOW - 9 * DAY, NOW - 5 * DAY), (NOW - 5 * DAY - BLINK, None), id="into the last moment"),
    ],
)
def test_a_price_may_not_begin_where_one_was(
    cola: Any, there: tuple[datetime, datetime | None], added: tuple[datetime, datetime | None]
) -> None:
    PriceFactory(product=cola, starts_at=there[0], ends_at=there[1])
    refused(
        lambda: add(PriceFactory, product=cola, starts_at=added[0], ends_at=added[1]),
        "Something was in force already at that time",
    )


@pytest.mark.parametrize(
    ("there", "added", "fits"),
    [
        pytest.param("here", "here", False, id="the same store"),
        pytest.param("all", "all", False, id="all stores"),
        pytest.param("all", "here", False, id="a store's own price would beat the one for all"),
        pytest.param("here", "all", True, id="a store's own price stays the stronger"),
        pytest.param("elsewhere", "here", True, id="another store"),
    ],
)
def test_only_what_the_new_price_would_beat_is_in_its_way(cola: Any, there: str, added: str, *, fits: bool) -> None:
    stores = {"here": StoreFactory(), "elsewhere": StoreFactory(), "all": None}
    PriceFactory(product=cola, store=stores[there], starts_at=NOW - 9 * DAY)
    PriceFactory(starts_at=NOW - 9 * DAY)

    def back_date() -> None:
        add(PriceFactory, product=cola, store=stores[added], starts_at=NOW - 5 * DAY)

    if fits:
        back_date()
    else:
        refused(back_date, "Something was in force already")


@pytest.mark.parametrize("temporary", [False, True])
def test_a_temporary_price_is_in_the_way_as_any_other(cola: Any, *, temporary: bool) -> None:
    PriceFactory(product=cola, temporary=temporary, starts_at=NOW - 9 * DAY, ends_at=YESTERDAY)
    terms = {"product": cola, "temporary": not temporary, "starts_at": NOW - 5 * DAY, "ends_at": TOMORROW}
    refused(lambda: add(PriceFactory, **terms), "Something was in force already")


CODED = [PromotionFactory, FeeFactory, TaxRuleFactory, TaxHolidayFactory]


@pytest.mark.parametrize("factory", CODED)
@pytest.mark.parametrize(
    ("there", "added"),
    [
        ((YESTERDAY, None), (TOMORROW, NEXT_WEEK)),
        ((YESTERDAY, NEXT_WEEK), (TOMORROW, None)),
        ((TOMORROW, None), (NOW, NEXT_WEEK)),
        ((TOMORROW, NEXT_WEEK), (NEXT_WEEK - BLINK, None)),
    ],
)
def test_a_code_has_no_two_versions_at_a_time(
    factory: Any, there: tuple[datetime, datetime | None], added: tuple[datetime, datetime | None]
) -> None:
    factory(code="TEN", starts_at=there[0], ends_at=there[1])
    refused(lambda: add(factory, code="TEN", starts_at=added[0], ends_at=added[1]), "“TEN” has a version in force")


@pytest.mark.parametrize("factory", CODED)
def test_versions_of_a_code_may_follow_each_other(factory: Any) -> None:
    factory(code="TEN", starts_at=YESTERDAY, ends_at=TOMORROW)
    factory(code="OTHER", starts_at=YESTERDAY)
    row = add(factory, code="TEN", starts_at=TOMORROW)
    row.full_clean()
    assert [one[0] for one in dates(type(row).objects.filter(code="TEN"))] == [YESTERDAY, TOMORROW]


@pytest.mark.parametrize("code", ["", " TEN", "-TEN", "TE\nN", "TEN\n", "Ä10"])
def test_a_code_starts_with_a_letter_or_digit(code: str) -> None:
    refused(lambda: add(PromotionFactory, code=code, starts_at=NOW), "code")


# --- The database itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factory", "terms"),
    [
        (PriceFactory, {"ends_at": YESTERDAY}),
        (PriceFactory, {"amount": Decimal("-0.01")}),
        (PriceFactory, {"temporary": True}),
        (PromotionFactory, {"ends_at": YESTERDAY}),
        (PromotionFactory, {"percent": Decimal(0)}),
        (PromotionFactory, {"percent": Decimal("100.0001")}),
        (PromotionFactory, {"amount": Decimal("-0.01")}),
        (PromotionFactory, {"threshold": Decimal("-0.01")}),
        (PromotionFactory, {"from_time": "09:00"}),
        (PromotionFactory, {"until_time": "09:00"}),
        (PromotionFactory, {"from_time": "09:00", "until_time": "09:00"}),
        (FeeFactory, {"ends_at": YESTERDAY}),
        (FeeFactory, {"amount": Decimal("-0.01")}),
        (TaxAssignmentFactory, {"ends_at": YESTERDAY}),
        (TaxRuleFactory, {"ends_at": YESTERDAY}),
        (TaxRuleFactory, {"rate": Decimal("-0.00000001")}),
        (TaxRuleFactory, {"rate": Decimal(1)}),
        (TaxHolidayFactory, {"ends_at": YESTERDAY}),
    ],
)
def test_the_database_holds_no_row_that_cannot_be(factory: Any, terms: Row) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        factory(starts_at=YESTERDAY, **terms)


@pytest.mark.parametrize("of_store", [False, True])
def test_two_prices_of_a_scope_do_not_start_together(cola: Any, *, of_store: bool) -> None:
    scope = {"product": cola, "store": StoreFactory() if of_store else None, "starts_at": YESTERDAY}
    PriceFactory(**scope)
    PriceFactory(**{**scope, "store": StoreFactory()})
    PriceFactory(**scope, temporary=True, ends_at=TOMORROW)
    for doubled in ({}, {"temporary": True, "ends_at": NEXT_WEEK}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PriceFactory(**scope, **doubled)


@pytest.mark.parametrize("factory", CODED)
@pytest.mark.parametrize("second", [{"starts_at": YESTERDAY, "ends_at": TOMORROW}, {"starts_at": TOMORROW}])
def test_a_code_has_one_version_a_start_and_one_open(factory: Any, second: Row) -> None:
    factory(code="TEN", starts_at=YESTERDAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        factory(code="TEN", **second)


@pytest.mark.parametrize("second", [{"starts_at": YESTERDAY, "ends_at": TOMORROW}, {"starts_at": TOMORROW}])
def test_a_product_has_one_open_tax_category(cola: Any, second: Row) -> None:
    TaxAssignmentFactory(product=cola, starts_at=YESTERDAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        TaxAssignmentFactory(product=cola, **second)


# --- Tax categories of products ------------------------------------------------------------------------------------


def assignments() -> list[tuple[str, datetime, datetime | None]]:
    return list(TaxAssignment.objects.order_by("starts_at").values_list("tax_category_id", "starts_at", "ends_at"))


@pytest.fixture
def soft() -> Any:
    return TaxCategoryFactory(code="SOFT")


@pytest.fixture
def food() -> Any:
    return TaxCategoryFactory(code="FOOD")


def test_the_first_tax_category_counts_from_the_beginning(cola: Any, soft: Any) -> None:
    TaxAssignment.assign(cola, soft, now=NOW)
    assert assignments() == [("SOFT", BEGINNING, None)]


def test_another_tax_category_counts_from_now_on(cola: Any, soft: Any, food: Any) -> None:
    TaxAssignment.assign(cola, soft, now=NOW)
    TaxAssignment.assign(cola, food, now=NOW)
    assert assignments() == [("SOFT", BEGINNING, NOW), ("FOOD", NOW, None)]


def test_the_same_tax_category_again_changes_nothing(cola: Any, soft: Any) -> None:
    TaxAssignment.assign(cola, soft, now=NOW)
    TaxAssignment.assign(cola, soft, now=TOMORROW)
    assert assignments() == [("SOFT", BEGINNING, None)]


def test_two_changes_of_a_moment_leave_the_last(cola: Any, soft: Any, food: Any) -> None:
    toys = TaxCategoryFactory(code="TOYS")
    for category in (soft, food, toys):
        TaxAssignment.assign(cola, category, now=NOW)
    assert assignments() == [("SOFT", BEGINNING, NOW), ("TOYS", NOW, None)]


def test_a_product_that_had_a_tax_category_gets_the_next_one_now(cola: Any, soft: Any, food: Any) -> None:
    TaxAssignmentFactory(product=cola, tax_category=soft, ends_at=YESTERDAY)
    TaxAssignment.assign(cola, food, now=NOW)
    assert assignments() == [("SOFT", BEGINNING, YESTERDAY), ("FOOD", NOW, None)]


def test_products_have_their_own_tax_categories(cola: Any, soft: Any, food: Any) -> None:
    TaxAssignment.assign(ProductFactory(), soft, now=NOW)
    TaxAssignment.assign(cola, food, now=NOW)
    assert assignments() == [("SOFT", BEGINNING, None), ("FOOD", BEGINNING, None)]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param([("SOFT", BEGINNING, TOMORROW)], id="one that will end"),
        pytest.param([("SOFT", BEGINNING, TOMORROW), ("FOOD", TOMORROW, None)], id="one that will be succeeded"),
    ],
)
def test_a_tax_category_assigned_now_holds_now_and_alone(
    cola: Any, soft: Any, food: Any, known: list[tuple[str, datetime, datetime | None]]
) -> None:
    toys, by_code = TaxCategoryFactory(code="TOYS"), {"SOFT": soft, "FOOD": food}
    for code, starts_at, ends_at in known:
        TaxAssignmentFactory(product=cola, tax_category=by_code[code], starts_at=starts_at, ends_at=ends_at)
    TaxAssignment.assign(cola, toys, now=NOW)
    held = TaxAssignment.objects.in_force(NOW).filter(product=cola).values_list("tax_category_id", flat=True)
    assert list(held) == ["TOYS"]


def test_a_product_has_no_two_tax_categories_at_a_time(cola: Any, soft: Any, food: Any) -> None:
    TaxAssignmentFactory(product=cola, tax_category=soft)
    terms = {"product": cola, "tax_category": food, "starts_at": TOMORROW, "ends_at": NEXT_WEEK}
    refused(lambda: add(TaxAssignmentFactory, **terms), "in force")


# --- Relations to many ---------------------------------------------------------------------------------------------


@pytest.fixture
def promotion() -> Promotion:
    """In force since yesterday, in one store; read anew, as whoever wants to change it would."""
    row = PromotionFactory(starts_at=YESTERDAY, stores=[StoreFactory(store_id="ONE")])
    return Promotion.objects.get(pk=row.pk)


@pytest.mark.parametrize(
    "change",
    [
        lambda row, two: row.stores.set([two]),
        lambda row, two: row.stores.add(two),
        lambda row, two: row.stores.remove(row.stores.get()),  # noqa: ARG005
        lambda row, two: row.stores.clear(),  # noqa: ARG005
        lambda row, two: two.promotions.add(row),
        lambda row, two: row.stores.get().promotions.clear(),  # noqa: ARG005
    ],
    ids=["set", "add", "remove", "clear", "add from the other side", "clear from the other side"],
)
def test_the_stores_of_what_was_in_force_stay(promotion: Promotion, change: Callable[[Any, Any], None]) -> None:
    two = StoreFactory(store_id="TWO")
    with pytest.raises(ValidationError, match="ended and succeeded"), transaction.atomic():
        change(promotion, two)
    assert [store.pk for store in promotion.stores.all()] == ["ONE"]


def test_the_stores_of_what_is_yet_to_start_may_change(promotion: Promotion) -> None:
    two = StoreFactory(store_id="TWO")
    later = Promotion.objects.get(pk=PromotionFactory(starts_at=TOMORROW, stores=[two]).pk)
    later.stores.set(promotion.stores.all())
    assert [store.pk for store in later.stores.all()] == ["ONE"]


def test_setting_the_stores_that_it_has_changes_nothing(promotion: Promotion) -> None:
    promotion.stores.set(promotion.stores.all())
    assert [store.pk for store in promotion.stores.all()] == ["ONE"]
