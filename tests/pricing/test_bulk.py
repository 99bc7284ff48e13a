"""Many prices changed at once: what it would do, all of it or nothing, and all of it undone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from catalog.models import ChangedProduct, Product, Store
from pricing.bulk import Change, How, Made, Otherwise, change_prices, plan, undo, with_ending
from pricing.models import Price, PriceChange
from pricing.timeline import price_at
from tests.factories import (
    LONG_AGO,
    BarcodeFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    said,
    signed_in,
    upc,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/pricing/pricechange/"
PAGE = f"{LIST}add/"
PRODUCTS = "/admin/catalog/product/"
NOW = datetime(2026, 3, 14, 16, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def store() -> Store:
    made: Store = StoreFactory(store_id="ARENA-EAST-12", name="Arena East 12")
    return made


@pytest.fixture
def cola() -> Product:
    made: Product = ProductFactory(sku="COLA-1", name="Example Cola")
    return made


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(username="mary"))


FIVE_UP = {"which": "filtered", "how": "PERCENT_UP", "by": "5"}


def change(how: How = How.PERCENT_UP, by: str = "5", **more: Any) -> Change:
    return Change(how, Decimal(by), **{"ending": None, "store": None, "starts_at": NOW, **more})


def done(what: Change, reason: str = "The makers ask more.", **more: Any) -> PriceChange:
    """Change the prices of all products as somebody who has looked at it."""
    products = Product.objects.all()
    made = Made(by=UserFactory(), now=NOW, reason=reason)
    planned = plan(products, what)
    return change_prices(planned, made, **{"seen": planned.fingerprint, **more})


def confirmed(browser: Browser, **entered: Any) -> Any:
    """Look at what the form would do, then do it."""
    asked = {**FIVE_UP, **entered}
    seen = browser.post(PAGE, {**asked, "look": ""}).context
    return browser.post(
        PAGE, {"reason": "The makers ask more.", **asked, "seen": seen["plan"].fingerprint, "apply": ""}
    )


def state() -> list[tuple[Any, ...]]:
    rows = Price.objects.order_by("product_id", F("store_id").asc(nulls_first=True), "starts_at")
    return [(row.product_id, row.store_id, str(row.amount), row.temporary, row.starts_at, row.ends_at) for row in rows]


def costs(product: Product, store: Store | None, at: datetime) -> str:
    price = price_at(product, store, at=at)
    return str(price.amount) if price else "nothing"


def faults(answer: Any) -> dict[str, list[str]]:
    return {name: [str(one) for one in found] for name, found in answer.context["form"].errors.items()}


# -- how a new price is worked out


@pytest.mark.parametrize(
    ("amount", "ending", "expected"),
    [
        ("4.32", None, "4.32"),
        ("4.32", 99, "3.99"),
        ("4.50", 99, "4.99"),
        ("4.49", 99, "4.99"),  # as near to 3.99
        ("4.48", 99, "3.99"),
        ("0.10", 99, "0.99"),
        ("4.32", 95, "3.95"),
        ("4.50", 95, "4.95"),
        ("4.49", 0, "4.00"),
        ("4.50", 0, "5.00"),
        ("0.49", 0, "0.00"),
        ("4.99", 99, "4.99"),
    ],
)
def test_a_price_ends_as_wished(amount: str, ending: int | None, expected: str) -> None:
    assert str(with_ending(Decimal(amount), ending)) == expected


@pytest.mark.parametrize(
    ("how", "by", "ending", "old", "new", "words"),
    [
        (How.PERCENT_UP, "5", None, "2.49", "2.61", "5 % up, in all stores"),
        (How.PERCENT_UP, "12.50", None, "2.00", "2.25", "12.5 % up, in all stores"),
        (How.PERCENT_DOWN, "10", None, "0.05", "0.04", "10 % down, in all stores"),
        (How.PERCENT_DOWN, "100", None, "2.49", "0.00", "100 % down, in all stores"),
        (How.AMOUNT_UP, "0.20", None, "2.49", "2.69", "0.20 up, in all stores"),
        (How.AMOUNT_DOWN, "0.20", 99, "2.49", "1.99", "0.20 down, to the nearest .99, in all stores"),
        (How.AMOUNT_DOWN, "3.00", 99, "2.49", "-0.51", "3.00 down, to the nearest .99, in all stores"),
        (How.AMOUNT_UP, "1.00", 0, "2.49", "3.00", "1.00 up, to the nearest .00, in all stores"),
    ],
)
def test_a_new_price_is_exact(how: How, by: str, ending: int | None, old: str, new: str, words: str) -> None:
    what = change(how, by, ending=ending)

    assert str(what.amount(Decimal(old))) == new
    assert what.words() == words


# -- what it does


def test_prices_for_all_stores_are_ended_and_succeeded(cola: Product) -> None:
    water = ProductFactory(sku="WATER-1")
    old = PriceFactory(product=cola, amount=Decimal("2.49"))
    PriceFactory(product=water, amount=Decimal("1.00"))

    noted = done(change())

    assert state() == [
        ("COLA-1", None, "2.49", False, LONG_AGO, NOW),
        ("COLA-1", None, "2.61", False, NOW, None),
        ("WATER-1", None, "1.00", False, LONG_AGO, NOW),
        ("WATER-1", None, "1.05", False, NOW, None),
    ]
    assert noted.words == "2 prices 5 % up, in all stores"
    assert [str(row) for row in noted.changed.all()] == ["COLA-1: 2.49 to 2.61", "WATER-1: 1.00 to 1.05"]
    made = Price.objects.get(product=cola, ends_at=None)
    for price, kind in ((old, "~"), (made, "+")):
        entry = price.history.get(history_change_reason="The makers ask more.")
        assert (entry.history_type, entry.history_user, entry.history_date) == (kind, noted.made_by, NOW)
        assert entry.ends_at == Price.objects.get(pk=price.pk).ends_at


def test_a_store_gets_a_price_of_its_own_from_that_of_all_stores(cola: Product, store: Store) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))

    done(change(store=store))

    assert state() == [
        ("COLA-1", None, "2.00", False, LONG_AGO, None),
        ("COLA-1", "ARENA-EAST-12", "2.10", False, NOW, None),
    ]


def test_a_stores_own_price_is_worked_out_from_itself(cola: Product, store: Store) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    PriceFactory(product=cola, amount=Decimal("3.00"), store=store)

    done(change(store=store))

    assert costs(cola, store, NOW) == "3.15"
    assert costs(cola, store, NOW - HOUR) == "3.00"
    assert costs(cola, None, NOW) == "2.00"


def test_a_change_for_later_comes_at_its_moment(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"), ends_at=NOW + 9 * DAY)

    done(change(starts_at=NOW + DAY))

    assert state() == [
        ("COLA-1", None, "2.00", False, LONG_AGO, NOW + DAY),
        ("COLA-1", None, "2.10", False, NOW + DAY, NOW + 9 * DAY),  # a planned end stays
    ]


def test_a_temporary_change_leaves_the_regular_price_underneath(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    sale = change(How.PERCENT_DOWN, "20", temporary=True, starts_at=NOW + DAY, ends_at=NOW + 3 * DAY)

    noted = done(sale)

    assert noted.words == "1 price 20 % down, temporary, in all stores"
    assert [costs(cola, None, NOW + days * DAY) for days in (0, 1, 2, 3)] == ["2.00", "1.60", "1.60", "2.00"]
    assert Price.objects.get(temporary=False).ends_at is None


def test_a_new_price_is_worked_out_from_the_regular_one_during_a_sale(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    PriceFactory(product=cola, amount=Decimal("1.00"), temporary=True, ends_at=NOW + DAY)

    seen = plan(Product.objects.all(), change())
    done(change())

    assert seen.notes == ("1 product on a temporary price then: that goes on to count until it ends.",)
    assert (costs(cola, None, NOW), costs(cola, None, NOW + DAY)) == ("1.00", "2.10")


def test_the_plan_counts_what_stays_what_is_left_out_and_what_to_know(store: Store) -> None:
    cheap, bare, own, later = (ProductFactory(sku=sku) for sku in ("CHEAP", "BARE", "OWN", "LATER"))
    PriceFactory(product=cheap, amount=Decimal("0.09"))
    PriceFactory(product=own, amount=Decimal("2.00"))
    PriceFactory(product=own, amount=Decimal("3.00"), store=store)
    PriceFactory(product=later, amount=Decimal("2.00"))
    PriceFactory(product=later, amount=Decimal("9.00"), starts_at=NOW + DAY)

    seen = plan(Product.objects.all(), change())

    assert [(row.product, str(row.before), str(row.after)) for row in seen.rows] == [
        (later, "2.00", "2.10"),
        (own, "2.00", "2.10"),
    ]
    assert (seen.unchanged, seen.unpriced, seen.faults) == (1, (bare,), ())
    assert seen.notes == (
        "1 product with a price of its own in some store: that price stays as it is.",
        "1 product with another change planned after that: it still comes.",
    )


@pytest.mark.parametrize(
    ("how", "old", "note"),
    [
        (How.PERCENT_UP, "8.00", "1 product would become cheaper, because of how the new prices are to end."),
        (How.PERCENT_DOWN, "7.90", "1 product would become dearer, because of how the new prices are to end."),
    ],
)
def test_an_ending_that_turns_a_change_round_is_told(cola: Product, how: How, old: str, note: str) -> None:
    PriceFactory(product=cola, amount=Decimal(old))

    seen = plan(Product.objects.all(), change(how, "1", ending=99))

    assert [str(row.after) for row in seen.rows] == ["7.99"]
    assert seen.notes == (note,)


def test_nothing_costs_less_than_nothing(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("0.50"))
    PriceFactory(product=ProductFactory(sku="WATER-1"), amount=Decimal("2.00"))
    before, cut = state(), change(How.AMOUNT_DOWN, "1")

    with pytest.raises(ValidationError, match="would cost less than nothing"):
        done(cut)

    assert plan(Product.objects.all(), cut).faults == (
        "Example Cola (COLA-1) would cost less than nothing. Take off less, or leave it out.",
    )
    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_two_changes_at_one_moment_are_refused(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"), ends_at=NOW + DAY)
    PriceFactory(product=cola, amount=Decimal("3.00"), starts_at=NOW + DAY)
    before = state()

    with pytest.raises(ValidationError, match="has a price that starts at that very moment already"):
        done(change(starts_at=NOW + DAY))

    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_what_was_not_seen_is_not_done(cola: Product) -> None:
    old = PriceFactory(product=cola, amount=Decimal("2.00"))
    seen = plan(Product.objects.all(), change()).fingerprint
    old.amount = Decimal("4.00")
    old.revise(now=NOW)
    before = state()

    with pytest.raises(Otherwise):
        done(change(), seen=seen)

    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_a_row_that_somebody_ends_meanwhile_stops_all_of_it(cola: Product) -> None:
    rows = [PriceFactory(product=cola), PriceFactory(product=ProductFactory(sku="WATER-1"))]
    other = Price.objects.get(pk=rows[1].pk)
    other.ends_at = NOW + DAY
    other.save()
    before = state()

    with pytest.raises(ValidationError, match="Somebody else changed one of these meanwhile"):
        Price.end_many([(row, NOW) for row in rows], now=NOW, by=None, reason="x")

    assert state() == before
    assert [row.history.count() for row in rows] == [1, 2]


def test_what_is_over_and_what_is_past_is_never_rewritten(cola: Product) -> None:
    over = PriceFactory(product=cola, ends_at=NOW - DAY)
    held = PriceFactory(product=ProductFactory())
    before = state()

    with pytest.raises(ValidationError):
        Price.end_many([(over, NOW)], now=NOW, by=None, reason="x")
    with pytest.raises(ValidationError):
        Price.end_many([(held, NOW - DAY)], now=NOW, by=None, reason="x")
    with pytest.raises(ValidationError):
        Price.add_many([Price(product=cola, amount=Decimal(1), starts_at=NOW - DAY)], now=NOW, by=None, reason="x")  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Price.take_away_many([held], now=NOW, by=None, reason="x")

    assert state() == before


def test_the_catalog_at_amazon_hears_of_it(cola: Product) -> None:
    PriceFactory(product=cola)
    ChangedProduct.objects.all().delete()

    done(change())

    assert {row.sku for row in ChangedProduct.objects.all()} == {"COLA-1"}


def test_the_number_of_statements_does_not_grow_with_the_products() -> None:
    for number in range(3):
        PriceFactory(product=ProductFactory(sku=f"A-{number}"))
    with CaptureQueriesContext(connection) as few:
        noted = done(change())
    with CaptureQueriesContext(connection) as few_undone:
        undo(noted, by=noted.made_by, now=NOW + HOUR)
    for number in range(40):
        PriceFactory(product=ProductFactory(sku=f"B-{number}"))

    with time_machine.travel(NOW + 2 * HOUR, tick=False), CaptureQueriesContext(connection) as many:
        later = done(change(starts_at=NOW + 2 * HOUR))
    with CaptureQueriesContext(connection) as many_undone:
        undo(later, by=later.made_by, now=NOW + 3 * HOUR)

    assert later.changed.count() == 43
    assert (len(many), len(many_undone)) == (len(few), len(few_undone))


# -- undoing it


def test_what_was_before_holds_again_from_now_on_and_trips_of_meanwhile_stay(cola: Product, clock: Any) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"), ends_at=NOW + 9 * DAY)
    noted = done(change())
    clock.move_to(NOW + DAY)
    somebody = UserFactory()

    left = undo(noted, by=somebody, now=NOW + DAY)

    assert left == 0
    assert state() == [
        ("COLA-1", None, "2.00", False, LONG_AGO, NOW),
        ("COLA-1", None, "2.10", False, NOW, NOW + DAY),
        ("COLA-1", None, "2.00", False, NOW + DAY, NOW + 9 * DAY),
    ]
    assert [costs(cola, None, NOW + hours * HOUR) for hours in (-1, 0, 23, 24)] == ["2.00", "2.10", "2.10", "2.00"]
    noted.refresh_from_db()
    assert (noted.undone_at, noted.undone_by) == (NOW + DAY, somebody)
    for price in Price.objects.filter(starts_at__gte=NOW):
        last = price.history.first()
        assert (last.history_change_reason, last.history_user) == ("Undone: The makers ask more.", somebody)


def test_a_planned_change_is_taken_back_as_if_it_had_not_been(cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    before = state()
    noted = done(change(starts_at=NOW + DAY))
    made = noted.changed.get().made

    undo(noted, by=noted.made_by, now=NOW + HOUR)

    assert state() == before
    assert Price.history.filter(id=made).first().history_type == "-"
    assert Price.history.filter(id=made).first().history_change_reason == "Undone: The makers ask more."


def test_an_undone_sale_ends_now(cola: Product, clock: Any) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    noted = done(change(How.PERCENT_DOWN, "20", temporary=True, ends_at=NOW + 3 * DAY))
    clock.move_to(NOW + DAY)

    undo(noted, by=noted.made_by, now=NOW + DAY)

    assert [costs(cola, None, NOW + days * DAY) for days in (0, 1, 2)] == ["1.60", "2.00", "2.00"]
    assert Price.objects.count() == 2


def test_an_undone_price_of_a_store_gives_way_to_that_of_all_stores(cola: Product, store: Store, clock: Any) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    noted = done(change(store=store))
    clock.move_to(NOW + DAY)

    undo(noted, by=noted.made_by, now=NOW + DAY)

    assert (costs(cola, store, NOW), costs(cola, store, NOW + DAY)) == ("2.10", "2.00")


def test_what_somebody_changed_meanwhile_stays(cola: Product, clock: Any) -> None:
    water, nuts = ProductFactory(sku="WATER-1"), ProductFactory(sku="NUTS-1")
    for product in (cola, water, nuts):
        PriceFactory(product=product, amount=Decimal("2.00"))
    noted = done(change())
    clock.move_to(NOW + HOUR)
    by_hand = Price.objects.get(product=cola, ends_at=None)
    by_hand.amount = Decimal("2.75")
    by_hand.revise(now=NOW + HOUR)
    PriceFactory(product=water, amount=Decimal("5.00"), starts_at=NOW + HOUR)  # beside it, and later

    left = undo(noted, by=noted.made_by, now=NOW + 2 * HOUR)

    assert left == 2
    assert [costs(product, None, NOW + 2 * HOUR) for product in (cola, water, nuts)] == ["2.75", "5.00", "2.00"]


def test_a_change_is_undone_once(cola: Product) -> None:
    PriceFactory(product=cola)
    noted = done(change())
    undo(noted, by=noted.made_by, now=NOW + HOUR)
    before = state()

    with pytest.raises(ValidationError, match="This was undone already"):
        undo(noted, by=noted.made_by, now=NOW + 2 * HOUR)

    assert state() == before


# -- the page


def test_one_looks_first_and_nothing_is_changed_by_that(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    before = state()

    page = manager.post(PAGE, {**FIVE_UP, "look": ""})

    assert [(row.product.pk, old, new, percent) for row, old, new, percent in page.context["rows"]] == [
        ("COLA-1", "2.00", "2.10", "+5.0 %")
    ]
    assert page.context["words"] == "5 % up, in all stores"
    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_what_was_seen_is_done_and_leads_to_its_page(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))

    answer = confirmed(manager)

    noted = PriceChange.objects.get()
    assert answer.url == f"{LIST}{noted.pk}/change/"
    assert said(answer) == ["Done: 1 price 5 % up, in all stores."]
    assert (noted.reason, noted.made_by.username) == ("The makers ask more.", "mary")
    page = manager.get(answer.url)
    assert "Example Cola (COLA-1): 2.00 → 2.10" in page.content.decode()
    assert [button["text"] for button in page.context["page_buttons"]] == ["Undo the whole change"]
    assert costs(cola, None, NOW) == "2.10"


def test_one_click_undoes_it(manager: Browser, cola: Product, clock: Any) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    confirmed(manager)
    noted = PriceChange.objects.get()
    clock.move_to(NOW + HOUR)

    first = manager.post(f"{LIST}{noted.pk}/press/undo_change/")
    again = manager.post(f"{LIST}{noted.pk}/press/undo_change/")

    words = "1 price 5 % up, in all stores"
    assert said(first)[-1] == f"{words}: undone. What was before holds again from now on."
    assert said(again)[-1] == f"{words}: This was undone already. Nothing was changed."
    assert costs(cola, None, NOW + HOUR) == "2.00"
    assert Price.objects.count() == 3
    assert manager.get(f"{LIST}{noted.pk}/change/").context["page_buttons"] == []


@pytest.mark.parametrize(
    ("entered", "fault"),
    [
        ({"by": ""}, ("by", "This field is required.")),
        ({"by": "-5"}, ("by", "Ensure this value is greater than or equal to 0.01.")),
        ({"by": "0"}, ("by", "Ensure this value is greater than or equal to 0.01.")),
        (
            {"starts_at": "2026-03-14T15:59"},
            ("starts_at", "That is past. Leave it empty for now, or choose a later moment."),
        ),
        ({"starts_at": "soon"}, ("starts_at", "Write day and time like 2026-03-14 12:00.")),
        ({"temporary": "on"}, ("ends_at", "A temporary price needs an end.")),
        (
            {"ends_at": "2026-04-01T00:00"},
            ("ends_at", "Only a temporary price has an end. Tick “Temporary”, or leave this empty."),
        ),
        (
            {"temporary": "on", "starts_at": "2026-04-01T00:00", "ends_at": "2026-04-01T00:00"},
            ("ends_at", "The end must be later than the start."),
        ),
        (
            {"which": "chosen", "sku": "COLA-1", "q": "WATER"},
            ("q", "Choose “All that these filters let through” above to use this, or leave it empty."),
        ),
        ({"store": "NOWHERE"}, ("store", "Select a valid choice. NOWHERE is not one of the available choices.")),
        ({"which": "chosen"}, ("which", "Select a valid choice. chosen is not one of the available choices.")),
        ({"which": "listed"}, ("which", "Select a valid choice. listed is not one of the available choices.")),
    ],
)
def test_the_form_says_what_is_wrong_and_changes_nothing(
    manager: Browser, cola: Product, entered: dict[str, str], fault: tuple[str, str]
) -> None:
    PriceFactory(product=cola)
    before = state()

    answer = manager.post(PAGE, {**FIVE_UP, "reason": "x", **entered, "apply": ""})

    assert faults(answer) == {fault[0]: [fault[1]]}
    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_a_reason_is_needed(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola)
    before = state()

    answer = confirmed(manager, reason="  ")

    assert faults(answer) == {"reason": ["Say why."]}
    assert (state(), PriceChange.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("entered", "new", "large"),
    [
        ({"by": "30"}, "2.60", False),
        ({"by": "31"}, "2.62", True),
        ({"how": "PERCENT_DOWN", "by": "30"}, "1.40", False),
        ({"how": "PERCENT_DOWN", "by": "31"}, "1.38", True),
        ({"how": "AMOUNT_DOWN", "by": "2"}, "0.00", True),
    ],
)
def test_large_changes_need_one_more_tick(
    manager: Browser, cola: Product, entered: dict[str, str], new: str, *, large: bool
) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))

    first = confirmed(manager, **entered)
    if large:
        assert faults(first) == {"large": ["Look at the large changes, marked below. Tick this if they are meant."]}
        assert (costs(cola, None, NOW), PriceChange.objects.count()) == ("2.00", 0)
        confirmed(manager, **entered, large="on")

    assert costs(cola, None, NOW) == new


def test_a_price_that_was_nothing_is_a_large_change(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola, amount=Decimal("0.00"))

    assert faults(confirmed(manager, how="AMOUNT_UP", by="1")) == {
        "large": ["Look at the large changes, marked below. Tick this if they are meant."]
    }


def test_prices_that_changed_since_one_looked_are_shown_again(manager: Browser, cola: Product) -> None:
    old = PriceFactory(product=cola, amount=Decimal("2.00"))
    seen = manager.post(PAGE, {**FIVE_UP, "look": ""}).context["plan"].fingerprint
    old.amount = Decimal("4.00")
    old.revise(now=NOW)

    answer = manager.post(PAGE, {**FIVE_UP, "reason": "x", "seen": seen, "apply": ""})

    assert said(answer) == ["This is not what you have seen: look at it once more. Nothing was changed."]
    assert [new for _, _, new, _ in answer.context["rows"]] == ["4.20"]
    assert PriceChange.objects.count() == 0


def test_at_most_so_many_products_are_changed_at_once(manager: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricing.admin.bulk_page.MOST_PRODUCTS", 2)
    for _ in range(3):
        PriceFactory()
    before = state()

    answer = manager.post(PAGE, {**FIVE_UP, "reason": "x", "apply": ""})

    assert faults(answer) == {"which": ["These are 3 products, and at most 2 are changed at once."]}
    assert (state(), PriceChange.objects.count()) == (before, 0)


def test_moments_are_read_on_the_clock_of_the_store_that_it_is_for(
    manager: Browser, cola: Product, store: Store
) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    sale = {"how": "PERCENT_DOWN", "temporary": "on", "starts_at": "2026-03-20T00:00", "ends_at": "2026-03-27T00:00"}

    confirmed(manager, **sale, store=store.pk)
    confirmed(manager, **sale)

    own, general = (Price.objects.get(temporary=True, store=where) for where in (store, None))
    assert (own.starts_at, own.ends_at) == (
        datetime(2026, 3, 20, tzinfo=NEW_YORK),
        datetime(2026, 3, 27, tzinfo=NEW_YORK),
    )
    assert general.starts_at == datetime(2026, 3, 20, tzinfo=NEW_YORK)  # the clock of most stores


def test_for_all_stores_moments_are_read_on_the_clock_that_most_have_and_the_form_says_so(
    manager: Browser, cola: Product
) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    StoreFactory(store_id="BERLIN", name="Berlin Mitte", time_zone="Europe/Berlin")
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")

    page = manager.get(PAGE).context["form"]
    assert dict(page.fields["store"].choices) | {"": "All stores (Los Angeles time)"} == dict(
        page.fields["store"].choices
    )
    assert dict(page.fields["store"].choices)["BERLIN"] == "Berlin Mitte (Berlin time)"

    answer = manager.post(PAGE, {**FIVE_UP, "starts_at": "2026-11-01T01:30", "look": ""})
    assert answer.context["when"] == "Nov. 1, 2026, 1:30 a.m. (the earlier one) (Los Angeles)"
    confirmed(manager, **FIVE_UP, starts_at="2026-11-01T01:30")
    assert Price.objects.filter(starts_at=datetime(2026, 11, 1, 8, 30, tzinfo=UTC), store=None).exists()

    answer = manager.post(PAGE, {**FIVE_UP, "store": "BERLIN", "starts_at": "2026-03-29T02:30", "look": ""})
    assert faults(answer) == {
        "starts_at": [
            "The clocks of Berlin are put forward then: 2:30 a.m. on March 29, 2026 is skipped. Choose another time."
        ]
    }


# -- which products


def skus_seen(answer: Any) -> list[str]:
    return sorted(row.product.pk for row in answer.context["plan"].rows)


def test_products_are_chosen_by_the_filters_of_their_list(manager: Browser, cola: Product, store: Store) -> None:
    elsewhere = StoreFactory()
    nuts = ProductFactory(sku="NUTS-1", name="Mixed nuts", category="Snacks", stores=[elsewhere])
    for product in (cola, nuts):
        PriceFactory(product=product)
    BarcodeFactory(product=nuts, code=upc(4900000044))

    def seen(**filters: str) -> list[str]:
        return skus_seen(manager.post(PAGE, {**FIVE_UP, **filters}))

    assert seen() == ["COLA-1", "NUTS-1"]
    assert seen(category="Snacks") == ["NUTS-1"]
    assert seen(sold_in=store.pk) == ["COLA-1"]
    assert seen(sold_in=elsewhere.pk) == ["COLA-1", "NUTS-1"]
    assert seen(q="mixed") == ["NUTS-1"]
    assert seen(q=upc(4900000044)) == ["NUTS-1"]
    assert seen(q="nuts", category="Drinks") == []


def test_the_list_of_products_opens_the_form_for_the_chosen_rows_or_all_that_it_shows(
    manager: Browser, cola: Product
) -> None:
    for product in (cola, ProductFactory(sku="WATER-1"), ProductFactory(sku="SODA-1")):
        PriceFactory(product=product)
    PriceFactory(product=ProductFactory(sku="NUTS-1", category="Snacks"))
    chosen = {"action": "change_prices", "_selected_action": ["COLA-1", "SODA-1"]}

    form = manager.post(f"{PRODUCTS}?category=Drinks", chosen).context["form"]
    sent = {**FIVE_UP, "sku": form.source.skus, "list": form.source.query}

    assert form["which"].value() == "chosen"
    assert form.fields["which"].choices == [
        ("chosen", "The 2 products you chose"),
        ("listed", "All of the list, filtered as it was"),
        ("filtered", "All that these filters let through"),
    ]
    assert skus_seen(manager.post(PAGE, {**sent, "which": "chosen"})) == ["COLA-1", "SODA-1"]
    assert skus_seen(manager.post(PAGE, {**sent, "which": "listed"})) == ["COLA-1", "SODA-1", "WATER-1"]
    assert skus_seen(manager.post(PAGE, {**sent, "which": "filtered"})) == ["COLA-1", "NUTS-1", "SODA-1", "WATER-1"]


def test_a_button_above_the_list_of_products_takes_its_filters_along(manager: Browser, cola: Product) -> None:
    nuts = ProductFactory(sku="NUTS-1", category="Snacks")
    for product in (cola, nuts):
        PriceFactory(product=product)

    page = manager.get(f"{PRODUCTS}?category=Snacks").content.decode()
    form = manager.get(f"{PAGE}?category=Snacks").context["form"]
    confirmed(manager, which="listed", list=form.source.query)

    assert f'href="{PAGE}?category=Snacks"' in page
    assert form["which"].value() == "listed"
    assert (costs(cola, None, NOW), costs(nuts, None, NOW)) == ("4.25", "4.46")


def test_filters_that_the_list_does_not_know_are_not_guessed(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola)
    before = state()

    answer = manager.post(PAGE, {**FIVE_UP, "which": "listed", "list": "sku__nonsense=1", "apply": ""})

    assert answer.status_code in (400, 404)
    assert state() == before


# -- who may


@pytest.mark.parametrize(
    ("person", "status"), [(ManagerFactory, 200), (CashierFactory, 403), (UserFactory, 403), (StrangerFactory, 302)]
)
def test_managers_change_many_prices_and_others_do_not(cola: Product, person: Any, status: int) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    noted = done(change())
    before, browser = state(), signed_in(person())

    answers = [
        browser.get(LIST),
        browser.get(PAGE),
        browser.get(f"{LIST}{noted.pk}/change/"),
        browser.post(PAGE, {**FIVE_UP, "look": ""}),
    ]
    assert [answer.status_code for answer in answers] == [status] * 4
    if status != 200:
        assert browser.post(f"{LIST}{noted.pk}/press/undo_change/").status_code == status
        assert browser.post(PAGE, {**FIVE_UP, "reason": "x", "apply": ""}).status_code == status
    assert state() == before


def test_staff_are_not_offered_it_in_the_list_of_products(cola: Product) -> None:
    PriceFactory(product=cola)
    browser = signed_in(CashierFactory())

    answer = browser.post(PRODUCTS, {"action": "change_prices", "_selected_action": ["COLA-1"]})

    assert "form" not in (answer.context or {})
    assert "change_prices" not in browser.get(PRODUCTS).content.decode()


def test_a_change_is_neither_edited_nor_deleted(manager: Browser, cola: Product) -> None:
    PriceFactory(product=cola)
    noted = done(change())

    manager.post(f"{LIST}{noted.pk}/change/", {"reason": "Another."})
    deleted = manager.post(f"{LIST}{noted.pk}/delete/", {"post": "yes"})

    noted.refresh_from_db()
    assert (noted.reason, deleted.status_code) == ("The makers ask more.", 403)


def test_the_list_of_changes_costs_the_same_whatever_its_length(
    manager: Browser, cola: Product, django_assert_num_queries: Any
) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    done(change())
    manager.get(LIST)
    with CaptureQueriesContext(connection) as few:
        manager.get(LIST)
    for hours in range(1, 6):
        with time_machine.travel(NOW + hours * HOUR, tick=False):
            done(change(starts_at=NOW + hours * HOUR))

    with django_assert_num_queries(len(few)):
        page = manager.get(LIST)
    assert page.context["cl"].result_count == 6
