"""Loading a store file: what the database says then, row by row."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from catalog.bulk import Added, Changes, Insert
from catalog.models import Barcode, Product, Store
from pricing.models import (
    BEGINNING,
    Fee,
    Price,
    Promotion,
    PromotionTarget,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)
from pricing.storefile import write
from pricing.storefile.faults import Faulty
from pricing.storefile.load import Loaded, _write
from pricing.storefile.load import load as load_file
from pricing.storefile.stored import mark
from pricing.storefile.timeline import Action
from tests.pricing.storefile_samples import (
    COLA,
    DRINKS,
    NUTS,
    STORE,
    WEST,
    Document,
    price,
    promotion,
    raw,
    sample,
    shop,
)

NOW = datetime(2026, 3, 14, 16, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
SINCE = datetime(2026, 1, 1, 5, tzinfo=UTC)

COUNTS_FOR_THE_PAST = "(this counts for earlier carts too that are still to be priced)"
IN_FORCE_THEN = "as the file says: something was in force then, and that stays"
CLASH = "is in the database and not in this file, and both can't be in force: end it first, or add it to this file"

pytestmark = pytest.mark.django_db


def load(document: Document, *, now: datetime = NOW, **options: Any) -> Loaded:
    return load_file(raw(document), clock=lambda: now, **options)


def told(loaded: Loaded) -> dict[str, dict[str, int]]:
    """How many rows of each section got which fate."""
    found: dict[str, dict[str, int]] = {}
    for (section, action), count in loaded.difference.counts.items():
        found.setdefault(section, {})[str(action)] = count
    return found


def lines(loaded: Loaded, section: str, action: Action) -> list[str]:
    return loaded.difference.lines[section, action]


def is_done(loaded: Loaded) -> bool:
    """Whether there was nothing to write."""
    return loaded.rows == 0 and not loaded.difference.total(
        Action.ADDED, Action.CHANGED, Action.SUCCEEDED, Action.ENDED
    )


def faults_of(document: Document, **options: Any) -> list[str]:
    with pytest.raises(Faulty) as caught:
        load(document, **options)
    return [str(fault) for fault in caught.value.faults]


def price_rows() -> list[tuple[str | None, str, datetime, datetime | None]]:
    rows = Price.objects.order_by("starts_at", "store_id").values_list("store_id", "amount", "starts_at", "ends_at")
    return [(store, str(amount), starts_at, ends_at) for store, amount, starts_at, ends_at in rows]


def promotion_rows() -> list[tuple[str, datetime, datetime | None]]:
    rows = Promotion.objects.order_by("code", "starts_at").values_list("percent", "starts_at", "ends_at")
    return [(f"{percent:f}", starts_at, ends_at) for percent, starts_at, ends_at in rows]


# --- The sample


def test_every_row_of_the_sample_is_there() -> None:
    load(sample())

    store = Store.objects.get()
    assert (store.store_id, store.name, store.time_zone, store.currency) == (
        "ARENA-EAST-12",
        "Arena East 12",
        "America/New_York",
        "USD",
    )
    assert not store.on_hold
    assert list(TaxCategory.objects.values_list("code", "name", "exempt")) == [
        ("GROCERY", "Groceries", True),
        ("SOFT_DRINK", "Soft drinks", False),
    ]
    cola, nuts = Product.objects.all()
    assert (cola.sku, cola.subcategory, cola.sold_by, cola.weight_unit, cola.all_stores) == (
        "BEV-COLA-500",
        "Soft drinks",
        "EACH",
        "",
        False,
    )
    assert list(cola.stores.all()) == [store]
    assert (nuts.sku, nuts.sold_by, nuts.weight_unit, nuts.all_stores) == ("NUTS-BULK", "WEIGHT", "lb", True)
    assert list(Barcode.objects.values_list("product_id", "position", "code", "type", "lookup_key")) == [
        ("BEV-COLA-500", 0, "012345678905", "UPC", "00012345678905"),
        ("BEV-COLA-500", 1, "5901234123457", "EAN", "05901234123457"),
        ("NUTS-BULK", 0, "4131", "PLU", "4131"),
    ]
    assignments = TaxAssignment.objects.values_list("product_id", "tax_category_id", "starts_at", "ends_at")
    assert list(assignments) == [
        ("BEV-COLA-500", "SOFT_DRINK", BEGINNING, None),
        ("NUTS-BULK", "GROCERY", BEGINNING, None),
    ]


def test_every_dated_row_of_the_sample_is_there() -> None:
    load(sample())

    sale = Price.objects.get(temporary=True)
    assert (sale.product_id, sale.store_id, sale.amount) == ("BEV-COLA-500", "ARENA-EAST-12", Decimal("3.75"))
    assert (sale.starts_at, sale.ends_at) == (
        datetime(2026, 3, 10, 4, tzinfo=UTC),
        datetime(2026, 3, 17, 4, tzinfo=UTC),
    )
    fee = Fee.objects.get()
    assert (fee.code, fee.amount, fee.taxed, fee.all_stores) == ("DEPOSIT-05", Decimal("0.05"), False, True)
    assert [product.sku for product in fee.products.all()] == ["BEV-COLA-500"]
    happy = Promotion.objects.get(code="HAPPY")
    assert (happy.kind, happy.amount, happy.percent, happy.priority) == ("FIXED_PRICE", Decimal("1.00"), None, 5)
    assert (happy.weekdays, happy.from_time, happy.until_time) == (["MON", "TUE"], time(16), time(18))
    assert (happy.max_uses_per_trip, happy.all_stores) == (2, False)
    assert [each.store_id for each in happy.stores.all()] == ["ARENA-EAST-12"]
    rule = TaxRule.objects.get()
    assert (rule.jurisdiction, rule.rate, rule.all_stores) == ("New York State", Decimal("0.04"), False)
    assert [each.code for each in rule.tax_categories.all()] == ["SOFT_DRINK"]
    holiday = TaxHoliday.objects.get()
    assert (holiday.name, holiday.unit_price_below) == ("Back to school", Decimal("110.00"))
    assert [each.store_id for each in holiday.stores.all()] == ["ARENA-EAST-12"]


def test_promotions_are_found_by_their_targets() -> None:
    load(sample())

    found = PromotionTarget.objects.order_by("promotion__code", "role", "key")
    assert list(found.values_list("promotion__code", "role", "key", "excluded")) == [
        ("3FOR5", 0, "cat:Snacks", False),
        ("BOGO", 0, "cat:Snacks", False),
        ("COLA-10", 0, "sku:BEV-COLA-500", False),
        ("HAPPY", 0, "cat:Drinks", False),
        ("HAPPY", 0, "sku:WATER-1", True),
        ("MEAL", 0, "cat:Sandwiches", False),
        ("MEAL", 1, "cat:Drinks", False),
        ("SPEND20", 0, "all", False),
    ]


def test_loading_the_sample_again_changes_nothing() -> None:
    first = load(sample())
    again = load(sample(), now=LATER)

    assert {section: set(fates) for section, fates in told(first).items()} == {
        section: {"added"}
        for section in (
            "stores",
            "tax_categories",
            "products",
            "tax assignments",
            "prices",
            "fees",
            "promotions",
            "tax_rules",
            "tax_holidays",
        )
    }
    assert is_done(again)


def test_what_looks_odd_is_told_and_loaded() -> None:
    assert [str(warning) for warning in load(sample()).difference.warnings] == [
        "promotions[1].targets.except_skus[0]: there is no product “WATER-1”",
        "promotions[4].components[0].targets.categories[0]: no product is in the category “Sandwiches”",
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing() -> None:
    dry = load(sample(), dry_run=True)

    assert (Store.objects.count(), Product.objects.count(), Price.objects.count()) == (0, 0, 0)
    assert dry.rows == 0
    loaded = load(sample())
    assert list(dry.difference.describe()) == list(loaded.difference.describe())


# --- Rows known by a key


def test_changed_keys_are_updated_and_an_absent_one_is_its_default_again() -> None:
    load(shop(stores=[{**STORE, "fees": "PARK", "priced_at": "START"}]))

    loaded = load(shop(stores=[{**STORE, "name": "East Gate", "priced_at": "START"}]), now=LATER)

    store = Store.objects.get()
    assert (store.name, store.fees, store.priced_at) == ("East Gate", "IN_PRICE", "START")
    assert lines(loaded, "stores", Action.CHANGED) == [
        "store EAST “East Gate”: name East -> East Gate, deposits and fees PARK -> IN_PRICE"
    ]


def test_what_is_not_in_the_file_is_left_alone() -> None:
    load(shop(prices=[price()], promotions=[promotion()]))

    load({"stores": [{**WEST, "name": "West Gate"}]}, now=LATER)

    assert (Store.objects.count(), Product.objects.count(), Price.objects.count()) == (2, 2, 1)
    assert Promotion.objects.get().ends_at is None


def test_a_load_leaves_hold_and_tests_to_people() -> None:
    load(shop())
    Store.objects.filter(pk="EAST").update(on_hold=True, tests_until=LATER)

    load(shop(stores=[{**STORE, "name": "East Gate"}]), now=LATER)

    store = Store.objects.get(pk="EAST")
    assert (store.name, store.on_hold, store.tests_until) == ("East Gate", True, LATER)


@pytest.mark.parametrize(("environment", "held"), [("sandbox", False), ("test", True), ("live", True)])
def test_a_new_store_starts_on_hold_outside_the_sandbox(settings: Any, environment: str, *, held: bool) -> None:
    settings.JWO_ENVIRONMENT = environment
    load(shop())
    Store.objects.filter(pk="WEST").update(on_hold=False)
    load(shop(stores=[STORE, {**WEST, "name": "West Gate"}]), now=LATER)

    assert Store.objects.get(pk="EAST").on_hold is held
    assert Store.objects.get(pk="WEST").on_hold is False


def test_a_products_stores_and_fields_are_updated() -> None:
    load(shop(products=[{**COLA, "stores": ["EAST"]}]))

    loaded = load(shop(products=[{**COLA, "brand": "Best", "stores": ["WEST"]}]), now=LATER)

    cola = Product.objects.get()
    assert (cola.brand, cola.all_stores, [each.pk for each in cola.stores.all()]) == ("Best", False, ["WEST"])
    assert lines(loaded, "products", Action.CHANGED) == [
        "product COLA “Cola 500 ml”: brand none -> Best, stores EAST -> WEST"
    ]
    load(shop(products=[COLA]), now=LATER)
    cola = Product.objects.get()
    assert (cola.all_stores, cola.stores.count()) == (True, 0)


def test_a_product_may_be_listed_nowhere() -> None:
    load(shop(products=[{**COLA, "stores": []}]))

    cola = Product.objects.get()
    assert (cola.all_stores, cola.stores.count()) == (False, 0)
    assert is_done(load(shop(products=[{**COLA, "stores": []}])))


def barcodes(*codes: str) -> Document:
    return shop(products=[{**COLA, "barcodes": [{"code": code, "type": "UPC"} for code in codes]}])


def test_barcodes_become_those_of_the_file_in_its_order() -> None:
    before = ("000000000001", "000000000002", "000000000003")
    after = ("000000000003", "000000000004", "000000000001")
    load(barcodes(*before))
    kept = Barcode.objects.get(code="000000000003").pk

    loaded = load(barcodes(*after), now=LATER)

    assert list(Barcode.objects.values_list("position", "code", "lookup_key")) == [
        (0, "000000000003", "00000000000003"),
        (1, "000000000004", "00000000000004"),
        (2, "000000000001", "00000000000001"),
    ]
    assert Barcode.objects.get(code="000000000003").pk == kept
    assert lines(loaded, "products", Action.CHANGED) == [
        f"product COLA “Cola 500 ml”: barcodes {', '.join(before)} -> {', '.join(after)}"
    ]
    history = Barcode.history.filter(history_date=LATER).order_by("code")
    assert list(history.values_list("code", "position", "history_type")) == [
        ("000000000001", 2, "~"),
        ("000000000002", 1, "-"),
        ("000000000003", 0, "~"),
        ("000000000004", 1, "+"),
    ]
    load(barcodes(), now=LATER)
    assert Barcode.objects.count() == 0


def test_a_tax_category_that_becomes_exempt_says_that_it_counts_for_the_past() -> None:
    load(shop())

    loaded = load(shop(tax_categories=[{**DRINKS, "exempt": True}]), now=LATER)

    assert TaxCategory.objects.get().exempt
    assert lines(loaded, "tax_categories", Action.CHANGED) == [
        f"tax category DRINKS “Drinks” {COUNTS_FOR_THE_PAST}: never taxed no -> yes"
    ]


def assignments() -> list[tuple[str, datetime, datetime | None]]:
    return list(TaxAssignment.objects.order_by("starts_at").values_list("tax_category_id", "starts_at", "ends_at"))


def taxed_as(code: str) -> Document:
    return shop(tax_categories=[DRINKS, {"code": "FOOD", "name": "Food"}], products=[{**COLA, "tax_category": code}])


def test_a_tax_category_holds_from_the_beginning_and_another_from_now_on() -> None:
    load(taxed_as("DRINKS"))
    assert assignments() == [("DRINKS", BEGINNING, None)]

    loaded = load(taxed_as("FOOD"), now=LATER)
    assert assignments() == [("DRINKS", BEGINNING, LATER), ("FOOD", LATER, None)]
    assert lines(loaded, "tax assignments", Action.SUCCEEDED) == [
        "tax category of COLA: tax category DRINKS -> FOOD from 2026-03-15 12:00 EDT"
    ]
    assert is_done(load(taxed_as("FOOD"), now=LATER + timedelta(days=1)))


def test_a_tax_category_that_is_planned_stays_planned() -> None:
    load(taxed_as("DRINKS"))
    current = TaxAssignment.objects.get()
    with time_machine.travel(NOW, tick=False):
        current.ends_at = LATER
        current.save()
    TaxAssignment.objects.create(product_id="COLA", tax_category_id="FOOD", starts_at=LATER)

    assert is_done(load(taxed_as("DRINKS")))
    assert assignments() == [("DRINKS", BEGINNING, LATER), ("FOOD", LATER, None)]


def test_a_product_without_a_tax_category_keeps_the_one_it_has() -> None:
    bare = {key: value for key, value in COLA.items() if key != "tax_category"}
    loaded = load(shop(products=[bare]))
    assert [str(warning) for warning in loaded.difference.warnings] == [
        "products[0].tax_category: is not given: carts with this product wait until it has one"
    ]
    load(shop())

    assert is_done(load(shop(products=[bare]), now=LATER))
    assert TaxAssignment.objects.filter(product_id="COLA").count() == 1


# --- Dated rows


def test_a_price_in_force_is_ended_and_succeeded() -> None:
    load(shop(prices=[price("2.49")]))
    loaded = load(shop(prices=[price("2.59")]), now=LATER)

    assert price_rows() == [(None, "2.49", SINCE, LATER), (None, "2.59", LATER, None)]
    assert lines(loaded, "prices", Action.SUCCEEDED) == [
        "price of COLA in all stores: price 2.49 -> 2.59 from 2026-03-15 12:00 EDT"
    ]
    assert is_done(load(shop(prices=[price("2.59")]), now=LATER + timedelta(days=1)))


def test_a_price_that_is_yet_to_start_is_changed_in_place() -> None:
    planned = {"starts_at": "2026-04-01T00:00:00-04:00"}
    load(shop(prices=[price("2.49", **planned)]))
    pk = Price.objects.get().pk
    load(shop(prices=[price("2.59", **planned, ends_at="2026-05-01T00:00:00-04:00")]), now=LATER)

    assert price_rows() == [(None, "2.59", datetime(2026, 4, 1, 4, tzinfo=UTC), datetime(2026, 5, 1, 4, tzinfo=UTC))]
    assert Price.objects.get().pk == pk


def test_a_store_price_is_not_back_dated_over_the_price_of_all_stores() -> None:
    load(shop(prices=[price("2.49")]))
    both = shop(prices=[price("2.49"), price("3.99", store_id="EAST")])
    loaded = load(both, now=LATER)

    assert price_rows() == [(None, "2.49", SINCE, None), ("EAST", "3.99", LATER, None)]
    assert lines(loaded, "prices", Action.ADDED) == [
        f"price of COLA in EAST: 3.99 from 2026-03-15 12:00 EDT (not from 2026-01-01 00:00 EST {IN_FORCE_THEN})"
    ]
    assert is_done(load(both, now=LATER + timedelta(days=1)))


def test_a_price_is_back_dated_into_a_time_without_one() -> None:
    load(shop(prices=[price("2.49", starts_at="2026-02-01T00:00:00-05:00")]))
    load(shop(prices=[price("1.99", ends_at="2026-02-01T00:00:00-05:00")]), now=LATER)

    start = datetime(2026, 2, 1, 5, tzinfo=UTC)
    assert price_rows() == [(None, "1.99", SINCE, start), (None, "2.49", start, None)]


def test_prices_of_one_load_are_no_rivals_of_each_other() -> None:
    load(shop(prices=[price("3.99", store_id="EAST"), price("2.49")]))

    assert price_rows() == [("EAST", "3.99", SINCE, None), (None, "2.49", SINCE, None)] or price_rows() == [
        (None, "2.49", SINCE, None),
        ("EAST", "3.99", SINCE, None),
    ]


def test_a_sale_and_the_regular_price_are_two_things() -> None:
    sale = price("1.99", temporary=True, ends_at="2026-04-01T00:00:00-04:00")
    load(shop(prices=[price("2.49"), sale]))
    load(shop(prices=[price("2.59"), sale]), now=LATER)

    assert Price.objects.filter(temporary=True).values_list("amount", "ends_at").get() == (
        Decimal("1.99"),
        datetime(2026, 4, 1, 4, tzinfo=UTC),
    )
    assert Price.objects.filter(temporary=False).count() == 2


def test_a_promotion_in_force_is_ended_and_succeeded_with_its_targets_and_stores() -> None:
    load(shop(promotions=[promotion(stores=["EAST"])]))
    load(shop(promotions=[promotion(percent="15", stores=["EAST", "WEST"], targets={"all": True})]), now=LATER)

    assert promotion_rows() == [("10.0000", SINCE, LATER), ("15.0000", LATER, None)]
    old, new = Promotion.objects.order_by("starts_at")
    assert [each.pk for each in old.stores.order_by("pk")] == ["EAST"]
    assert [each.pk for each in new.stores.order_by("pk")] == ["EAST", "WEST"]
    assert list(old.target_rows.values_list("key", flat=True)) == ["sku:COLA"]
    assert list(new.target_rows.values_list("key", flat=True)) == ["all"]


def test_a_promotion_that_is_yet_to_start_changes_its_stores_and_targets_in_place() -> None:
    planned = {"starts_at": "2026-04-01T00:00:00-04:00"}
    load(shop(promotions=[promotion(stores=["EAST"], **planned)]))
    pk = Promotion.objects.get().pk
    loaded = load(shop(promotions=[promotion(stores=["WEST"], targets={"all": True}, **planned)]), now=LATER)

    held = Promotion.objects.get()
    assert (held.pk, [each.pk for each in held.stores.all()]) == (pk, ["WEST"])
    assert list(held.target_rows.values_list("key", flat=True)) == ["all"]
    assert lines(loaded, "promotions", Action.CHANGED) == [
        "promotion TEN “Ten off”: targets COLA -> everything, stores EAST -> WEST"
    ]


def test_a_new_end_is_simply_written() -> None:
    load(shop(promotions=[promotion()]))
    loaded = load(shop(promotions=[promotion(ends_at="2026-04-01T00:00:00-04:00")]), now=LATER)

    assert promotion_rows() == [("10.0000", SINCE, datetime(2026, 4, 1, 4, tzinfo=UTC))]
    assert lines(loaded, "promotions", Action.CHANGED) == [
        "promotion TEN “Ten off”: ends no end -> 2026-04-01 00:00 EDT"
    ]


def test_an_end_in_the_past_ends_it_now() -> None:
    load(shop(promotions=[promotion()]))
    loaded = load(shop(promotions=[promotion(ends_at="2026-02-01T00:00:00-05:00")]), now=LATER)

    assert promotion_rows() == [("10.0000", SINCE, LATER)]
    assert lines(loaded, "promotions", Action.ENDED) == ["promotion TEN “Ten off”: ends 2026-03-15 12:00 EDT"]


def test_what_is_over_is_kept_as_it_was() -> None:
    ended = {"ends_at": "2026-02-01T00:00:00-05:00"}
    load(shop(promotions=[promotion(**ended)]))
    loaded = load(shop(promotions=[promotion(percent="50", **ended)]), now=LATER)

    assert promotion_rows() == [("10.0000", SINCE, datetime(2026, 2, 1, 5, tzinfo=UTC))]
    assert told(loaded)["promotions"] == {"kept": 1}


def test_a_planned_version_ends_the_one_before_it() -> None:
    load(shop(promotions=[promotion()]))
    load(shop(promotions=[promotion(percent="20", starts_at="2026-04-01T00:00:00-04:00")]), now=LATER)

    start = datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert promotion_rows() == [("10.0000", SINCE, start), ("20.0000", start, None)]


def test_the_open_version_may_move_from_one_row_to_another() -> None:
    """The database allows one open version of a code at any moment, in the middle of a load too."""
    start = "2026-04-01T00:00:00-04:00"
    load(shop(promotions=[promotion(ends_at=start), promotion(percent="20", starts_at=start)]))
    ended = promotion(percent="20", starts_at=start, ends_at="2026-05-01T00:00:00-04:00")
    open_again = promotion(percent="30", starts_at="2026-05-01T00:00:00-04:00")
    load(shop(promotions=[promotion(ends_at=start), ended, open_again]), now=LATER)

    assert [row[0] for row in promotion_rows()] == ["10.0000", "20.0000", "30.0000"]
    assert is_done(load(shop(promotions=[promotion(ends_at=start), ended, open_again]), now=LATER))


def test_a_version_that_the_file_does_not_know_is_not_overrun() -> None:
    load(shop(promotions=[promotion(starts_at="2026-05-01T00:00:00-04:00")]))

    assert faults_of(shop(promotions=[promotion(percent="20")]), now=LATER) == [
        f"promotions[0]: promotion TEN “Ten off” from 2026-05-01 00:00 EDT {CLASH}"
    ]
    assert promotion_rows() == [("10.0000", datetime(2026, 5, 1, 4, tzinfo=UTC), None)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"skus": ["COLA", "NUTS"]}, {"skus": ["NUTS", "COLA"]}),
        ({"all": True, "except_skus": ["NUTS", "COLA"]}, {"except_skus": ["COLA", "NUTS"], "all": True}),
    ],
)
def test_targets_in_another_order_are_the_same(before: Document, after: Document) -> None:
    load(shop(promotions=[promotion(targets=before)]))

    assert is_done(load(shop(promotions=[promotion(targets=after)]), now=LATER))


def test_taxes_and_fees_are_succeeded_too() -> None:
    def taxed(rate: str, amount: str, below: str) -> Document:
        dated = {"starts_at": "2026-01-01T00:00:00-05:00"}
        return shop(
            tax_rules=[{"code": "T", "jurisdiction": "J", "tax_categories": ["DRINKS"], "rate": rate, **dated}],
            fees=[{"code": "F", "description": "Deposit", "amount": amount, "skus": ["COLA"], **dated}],
            tax_holidays=[{"code": "H", "name": "H", "tax_categories": ["DRINKS"], "unit_price_below": below, **dated}],
        )

    load(taxed("0.04", "0.05", "10"))
    load(taxed("0.0875", "0.10", "20"), now=LATER)

    assert list(TaxRule.objects.order_by("starts_at").values_list("rate", "starts_at", "ends_at")) == [
        (Decimal("0.04"), SINCE, LATER),
        (Decimal("0.0875"), LATER, None),
    ]
    assert list(Fee.objects.order_by("starts_at").values_list("amount", "ends_at")) == [
        (Decimal("0.05"), LATER),
        (Decimal("0.10"), None),
    ]
    assert list(TaxHoliday.objects.order_by("starts_at").values_list("unit_price_below", "ends_at")) == [
        (Decimal("10.00"), LATER),
        (Decimal("20.00"), None),
    ]
    assert [each.code for each in TaxRule.objects.get(ends_at=None).tax_categories.all()] == ["DRINKS"]
    assert is_done(load(taxed("0.0875", "0.1", "20.0"), now=LATER))


# --- History


def test_every_added_row_has_its_history() -> None:
    load(sample(), reason="spring prices")

    for model in (Store, TaxCategory, Product, Barcode, TaxAssignment, Price, Fee, Promotion, TaxRule, TaxHoliday):
        history = model.history.all()
        assert history.count() == model._default_manager.count()
        assert {
            (row.history_type, row.history_date, row.history_change_reason, row.history_user_id) for row in history
        } == {("+", NOW, "spring prices", None)}


def test_a_history_row_holds_what_the_row_said() -> None:
    load(shop(prices=[price("2.49")]))
    load(shop(prices=[price("2.59")]), now=LATER, reason="inflation")

    old, new = Price.objects.order_by("starts_at")
    assert list(
        old.history.values_list("history_type", "amount", "ends_at", "history_date", "history_change_reason")
    ) == [
        ("~", Decimal("2.49"), LATER, LATER, "inflation"),
        ("+", Decimal("2.49"), None, NOW, "store file"),
    ]
    assert list(new.history.values_list("history_type", "amount", "starts_at", "product_id")) == [
        ("+", Decimal("2.59"), LATER, "COLA")
    ]


def stores_of(history: Any) -> list[str]:
    return sorted(row.store_id for row in history.stores.all())


def test_history_rows_hold_the_stores_of_their_moment() -> None:
    load(shop(products=[{**COLA, "stores": ["EAST", "WEST"]}], promotions=[promotion(stores=["EAST"])]))
    load(shop(products=[{**COLA, "stores": ["WEST"]}], promotions=[promotion(stores=["EAST", "WEST"])]), now=LATER)

    newer, older = Product.objects.get().history.all()
    assert [stores_of(row) for row in (older, newer)] == [["EAST", "WEST"], ["WEST"]]
    old, new = Promotion.objects.order_by("starts_at")
    assert [stores_of(row) for row in old.history.all()] == [["EAST"], ["EAST"]]
    assert [stores_of(row) for row in new.history.all()] == [["EAST", "WEST"]]


def test_history_of_relations_names_the_rows_of_the_relation() -> None:
    """As a save would have written it: with the number of the relation's own row."""
    load(shop(promotions=[promotion(stores=["EAST", "WEST"])]))

    through = Promotion.stores.through.objects.values_list("id", "promotion_id", "store_id")
    history = Promotion.history.get().stores.values_list("id", "promotion_id", "store_id")
    assert sorted(history) == sorted(through)
    assert len(history) == 2


def test_an_earlier_moment_can_be_looked_up() -> None:
    load(shop(products=[{**COLA, "stores": ["EAST"]}]))
    load(shop(products=[{**COLA, "brand": "Best"}]), now=LATER)

    before = Product.history.as_of(NOW).get()
    assert (before.brand, before.all_stores) == ("", False)


def test_rows_that_stay_have_no_new_history() -> None:
    load(sample())
    load(sample(), now=LATER)

    assert not Product.history.filter(history_date=LATER).exists()
    assert not Promotion.history.filter(history_date=LATER).exists()


# --- All or nothing


def test_one_fault_and_nothing_is_loaded() -> None:
    assert faults_of(shop(prices=[price(), price(sku="COLE")])) == [
        "prices[1].sku: there is no product “COLE” (did you mean “COLA”?)"
    ]
    assert (Store.objects.count(), Product.objects.count(), Price.objects.count()) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_break_in_the_middle_leaves_nothing_behind() -> None:
    load(shop())
    broken = Insert("pricing_price", ("id",), [(None,)])
    prepared = write.prepare({TaxCategory: Changes(added=[Added(("FOOD", "Food", False))])}, **WHEN)

    with pytest.raises(Exception, match=r"NOT NULL|null value"):
        _write([*prepared, broken], mark())
    assert not TaxCategory.objects.filter(pk="FOOD").exists()


WHEN: dict[str, Any] = {"now": NOW, "reason": "test"}


def overtaking(times: int, action: Callable[[], None]) -> Callable[[], datetime]:
    """A clock at whose every reading, so many times, somebody else is quicker: it is read when the load begins."""
    left = [times]

    def clock() -> datetime:
        if left[0]:
            left[0] -= 1
            action()
        return LATER

    return clock


def test_a_change_in_the_middle_of_a_load_starts_it_again() -> None:
    load(shop(prices=[price("2.49")]))

    def somebody_plans_a_sale() -> None:
        Price.objects.create(
            product_id="COLA", amount=1, temporary=True, starts_at=LATER, ends_at=LATER + timedelta(days=1)
        )

    loaded = load_file(raw(shop(prices=[price("2.59")])), clock=overtaking(1, somebody_plans_a_sale))

    assert loaded.rows > 0
    assert Price.objects.count() == 3


def test_a_load_that_is_always_overtaken_gives_up_and_writes_nothing() -> None:
    load(shop(prices=[price("2.49")]))

    def somebody_renames_a_store() -> None:
        Store.objects.get(pk="WEST").save()

    with pytest.raises(Faulty, match="somebody else keeps changing prices and rules"):
        load_file(raw(shop(prices=[price("2.59")])), clock=overtaking(99, somebody_renames_a_store))
    assert price_rows() == [(None, "2.49", SINCE, None)]


def test_nothing_is_locked_when_there_is_nothing_to_write(django_assert_num_queries: Any) -> None:
    load(shop(prices=[price()]))

    with django_assert_num_queries(29) as queries:
        load(shop(prices=[price()]), now=LATER)
    assert not any(
        query["sql"].startswith(("SAVEPOINT", "BEGIN", "LOCK", "INSERT", "UPDATE"))
        for query in queries.captured_queries
    )


# --- The command


def run(*arguments: str) -> tuple[str, str, int]:
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command("loadstore", *arguments, stdout=out, stderr=err)
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    return out.getvalue(), err.getvalue(), status


def file_of(folder: Path, document: Document) -> str:
    path = folder / "store.json"
    path.write_bytes(raw(document))
    return str(path)


@time_machine.travel(NOW, tick=False)
def test_the_command_prints_the_difference(tmp_path: Path) -> None:
    out, err, status = run(file_of(tmp_path, shop(stores=[STORE], products=[COLA, NUTS], prices=[price()])))

    assert (err, status) == ("", 0)
    assert out.splitlines() == [
        "                      added     changed   succeeded       ended        kept   unchanged",
        "stores                    1           -           -           -           -           -",
        "tax categories            1           -           -           -           -           -",
        "products                  2           -           -           -           -           -",
        "tax assignments           2           -           -           -           -           -",
        "prices                    1           -           -           -           -           -",
        "",
        "Added:",
        "  store EAST “East”",
        "  tax category DRINKS “Drinks”",
        "  product COLA “Cola 500 ml”",
        "  product NUTS “Nuts”",
        "  tax category of COLA: DRINKS from the beginning",
        "  tax category of NUTS: DRINKS from the beginning",
        "  price of COLA in all stores: 2.49 from 2026-01-01 00:00 EST",
        "",
        "Loaded.",
    ]


def test_the_command_takes_a_reason(tmp_path: Path) -> None:
    run(file_of(tmp_path, shop()), "--reason", "opening")

    assert {row.history_change_reason for row in Store.history.all()} == {"opening"}


def test_the_command_says_when_there_was_nothing_to_do(tmp_path: Path) -> None:
    file = file_of(tmp_path, shop())
    run(file)
    out, _, status = run(file)

    assert out.splitlines()[-1] == "Nothing to write: the database says all of this already."
    assert status == 0


def test_a_dry_run_of_the_command_writes_nothing(tmp_path: Path) -> None:
    out, _, status = run(file_of(tmp_path, shop()), "--dry-run")

    assert out.splitlines()[-1] == "This was a dry run: nothing was written."
    assert (status, Store.objects.count()) == (0, 0)


def test_the_command_lists_faults_and_fails(tmp_path: Path) -> None:
    out, err, status = run(file_of(tmp_path, shop(prices=[price("-1"), price(sku="TEA", store_id="NORTH")])))

    assert (out, status) == ("", 1)
    assert err.splitlines() == [
        "prices[0].amount: must be 0 or more, and below 1,000,000,000,000,000",
        "prices[1].sku: there is no product “TEA”",
        "prices[1].store_id: there is no store “NORTH”",
    ]


def test_the_command_names_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    out, err, status = run(str(tmp_path / "nothing.json"))

    assert (out, status) == ("", 1)
    assert err == f"{tmp_path}/nothing.json: No such file or directory\n"


def test_of_many_lines_the_first_fifty_are_told() -> None:
    products = [{"sku": f"P{number:03}", "name": "Example", "tax_category": "DRINKS"} for number in range(120)]
    report = list(load(shop(products=products)).difference.describe())

    assert "  product P049 “Example”" in report
    assert "  product P050 “Example”" not in report
    assert report.count("  ... and 70 more") == 2


def test_a_new_end_alone_leaves_the_words_of_a_promotion_as_they_are() -> None:
    """Targets in another order mean the same, and what was in force is not rewritten."""
    load(shop(promotions=[promotion(targets={"skus": ["COLA", "NUTS"]})]))
    load(
        shop(promotions=[promotion(targets={"skus": ["NUTS", "COLA"]}, ends_at="2026-04-01T00:00:00-04:00")]), now=LATER
    )

    held = Promotion.objects.get()
    assert (held.targets, held.ends_at) == ({"skus": ["COLA", "NUTS"]}, datetime(2026, 4, 1, 4, tzinfo=UTC))
    assert list(held.target_rows.values_list("key", flat=True)) == ["sku:COLA", "sku:NUTS"]
