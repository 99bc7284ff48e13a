"""Trying promotions: a candidate prices a cart exactly as it would if it were in force, and nothing is written."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Store
from pricing.candidates import Tried, Unreadable
from pricing.models import Promotion, PromotionKind
from pricing.pricebook import read_pricebook
from pricing.priced import PricedCart, Unpriced
from pricing.terms import Cart, CartLine
from pricing.trial import Candidate, Trial, trial
from tests.factories import (
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 14, 16, tzinfo=UTC)
"""A Saturday in New York."""
LATER = NOON + timedelta(days=400)


@pytest.fixture(autouse=True)
def store() -> Store:
    """Sells cola at 2.00, tea at 3.00 and weighed nuts at 8.99, taxed at 10 %."""
    made: Store = StoreFactory(store_id="ARENA-EAST-12")
    category = TaxCategoryFactory()
    TaxRuleFactory(rate=Decimal("0.1"), tax_categories=[category])
    for sku, price, named in (
        ("COLA", "2.00", {}),
        ("TEA", "3.00", {"subcategory": "Hot drinks"}),
        ("NUTS", "8.99", {"weighed": True, "category": "Snacks", "subcategory": ""}),
    ):
        product = ProductFactory(sku=sku, **named)
        TaxAssignmentFactory(product=product, tax_category=category)
        PriceFactory(product=product, amount=Decimal(price))
    return made


def cart(**quantities: str) -> Cart:
    lines = (
        CartLine(sku.upper(), "SKU", quantity, "lb" if sku == "nuts" else "unit")
        for sku, quantity in quantities.items()
    )
    return Cart("ARENA-EAST-12", started_at=NOON, ended_at=NOON, lines=tuple(lines))


def candidate(**terms: Any) -> Candidate:
    """Starts long after the moment."""
    stores = terms.pop("in_stores", ())
    named = {"code": "NEW", "name": "New", "receipt_text": "New", "starts_at": LATER, "all_stores": not stores}
    return Tried(Promotion(**(named | terms)), tuple(stores)).candidate


def half_off(*skus: str, **terms: Any) -> Candidate:
    return candidate(kind=PromotionKind.PERCENT_OFF, percent=Decimal(50), targets={"skus": list(skus)}, **terms)


def tried(asked: Cart, *with_: Candidate, **how: Any) -> Trial:
    return trial(asked, at=how.pop("at", NOON), now=NOON, with_=with_, **how)


def totals(result: Trial) -> tuple[str, str]:
    assert isinstance(result.before, PricedCart), result.before
    assert isinstance(result.after, PricedCart), result.after
    return str(result.before.totals.price_total), str(result.after.totals.price_total)


KINDS: list[dict[str, Any]] = [
    {"kind": "PERCENT_OFF", "percent": Decimal("12.5"), "targets": {"categories": ["Drinks"], "except_skus": ["TEA"]}},
    {"kind": "AMOUNT_OFF", "amount": Decimal("0.25"), "targets": {"all": True}},
    {"kind": "FIXED_PRICE", "amount": Decimal("1.50"), "targets": {"skus": ["COLA", "UNKNOWN"]}},
    {"kind": "BUY_X_GET_Y", "buy": 1, "get": 1, "percent": Decimal(100), "targets": {"categories": ["Drinks"]}},
    {
        "kind": "BUY_X_GET_Y",
        "buy": 2,
        "get": 1,
        "percent": Decimal(50),
        "targets": {"categories": ["Drinks > Soft drinks"]},
        "get_targets": {"skus": ["TEA"]},
    },
    {"kind": "MULTI_BUY", "count": 3, "amount": Decimal("5.00"), "targets": {"skus": ["COLA", "TEA"]}},
    {
        "kind": "BUNDLE",
        "amount": Decimal("4.00"),
        "components": [{"targets": {"skus": ["COLA"]}, "count": 1}, {"targets": {"skus": ["TEA"]}, "count": 1}],
    },
    {"kind": "SPEND_GET", "threshold": Decimal("5.00"), "percent": Decimal(10), "targets": {"all": True}},
    {
        "kind": "SPEND_GET",
        "threshold": Decimal("5.00"),
        "amount": Decimal("1.00"),
        "targets": {"categories": ["Drinks"]},
    },
]
HOWS: list[dict[str, Any]] = [
    {},
    {"funding": "VENDOR", "max_uses_per_trip": 1, "priority": 3},
    {"weekdays": ["SAT"], "from_time": time(11), "until_time": time(13)},
    {"weekdays": ["SUN"]},
]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("terms", KINDS)
def test_a_candidate_says_and_saves_what_the_same_promotion_in_force_does(
    terms: dict[str, Any], how: dict[str, Any]
) -> None:
    asked = cart(cola="3", tea="2", nuts="0.453")
    planned = PromotionFactory(code="DEAL", starts_at=LATER, **({"percent": None, "targets": None} | terms | how))
    candidates = [Tried.stored(planned).candidate, Tried.read(Tried.stored(planned).text, row=planned.pk).candidate]
    key = planned.pk
    planned.delete()
    foreseen = [tried(asked, one) for one in candidates]

    planned.pk, planned.starts_at = key, NOON - timedelta(days=1)
    planned.save(force_insert=True)
    real = trial(asked, at=NOON, now=NOON).before

    assert isinstance(real, PricedCart)
    for one in foreseen:
        assert isinstance(one.before, PricedCart)
        assert one.after == real
        assert one.before.totals.promotions_total == 0


def test_the_difference_is_what_one_would_work_out_by_hand() -> None:
    result = tried(cart(cola="3", tea="1"), half_off("COLA"))

    assert totals(result) == ("9.90", "6.60")
    assert isinstance(result.after, PricedCart)
    assert [str(line.line.total) for line in result.after.lines] == ["3.30", "3.30"]
    assert [application["promotion"] for application in result.after.trace["applications"]] == ["NEW"]


def test_a_candidate_about_other_products_changes_nothing() -> None:
    result = tried(cart(cola="1"), half_off("TEA"))

    assert totals(result) == ("2.20", "2.20")


def test_a_changed_promotion_takes_the_place_of_what_it_was() -> None:
    live = PromotionFactory(code="NEW", targets={"skus": ["COLA"]})

    result = tried(cart(cola="1", tea="1"), half_off("TEA"))

    assert totals(result) == ("5.28", "3.85")  # 10 % off the cola before; half the tea instead of it
    assert Promotion.objects.get() == live
    assert Promotion.objects.get().percent == 10


def test_a_promotion_in_force_just_as_it_is_is_held_against_a_cart_without_it() -> None:
    live = PromotionFactory(code="NEW", targets={"skus": ["COLA"]})

    assert totals(tried(cart(cola="1"), Tried.stored(live).candidate)) == ("2.20", "1.98")


def test_promotions_can_be_left_out() -> None:
    PromotionFactory(code="OLD", targets={"skus": ["COLA"]})

    assert totals(tried(cart(cola="1"), without=["OLD"])) == ("1.98", "2.20")
    assert totals(tried(cart(cola="1"), half_off("COLA"), without=["OLD"])) == ("1.98", "1.10")


def test_a_candidate_competes_with_what_is_in_force() -> None:
    PromotionFactory(code="BETTER", percent=Decimal(60), targets={"skus": ["COLA"]})

    result = tried(cart(cola="1"), half_off("COLA"))

    assert totals(result) == ("0.88", "0.88")
    assert isinstance(result.after, PricedCart)
    assert [(miss["promotion"], miss["condition"]) for miss in result.after.trace["not_applied"]] == [
        ("NEW", "better deal")
    ]


def test_a_candidate_holds_in_its_stores_only_and_takes_its_old_self_away_in_the_others() -> None:
    other = StoreFactory()
    PromotionFactory(code="NEW", targets={"skus": ["COLA"]})

    assert totals(tried(cart(cola="1"), half_off("COLA", in_stores=[other.pk]))) == ("1.98", "2.20")
    assert totals(tried(cart(cola="1"), half_off("COLA", in_stores=["ARENA-EAST-12"]))) == ("1.98", "1.10")


def test_weekdays_and_hours_of_a_candidate_hold() -> None:
    evening = half_off("COLA", from_time=time(17), until_time=time(20))

    assert totals(tried(cart(cola="1"), evening)) == ("2.20", "2.20")
    assert totals(tried(cart(cola="1"), evening, at=NOON - timedelta(hours=18))) == ("2.20", "1.10")


def test_a_cart_that_cannot_be_priced_cannot_be_tried_either() -> None:
    result = tried(cart(water="1"), half_off("COLA"))

    assert isinstance(result.before, Unpriced)
    assert isinstance(result.after, Unpriced)


def test_a_trial_asks_three_questions_whatever_the_cart_and_writes_nothing() -> None:
    candidates = [half_off("COLA"), half_off("TEA", code="OTHER")]
    with CaptureQueriesContext(connection) as real:
        read_pricebook(cart(cola="1", tea="1"), at=NOON)
    with CaptureQueriesContext(connection) as asked:
        tried(cart(cola="1", tea="1"), *candidates)

    assert len(asked) == len(real) + 1
    assert all(query["sql"].lstrip("( ").upper().startswith("SELECT") for query in asked)


@pytest.mark.parametrize("text", ["", "1", "{}", '{"code": "A"}', "\ud800", '{"code": "A"}]}, {"promotions": [{}'])
def test_what_is_no_promotion_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        Tried.read(text)


def test_a_text_names_the_stores_of_the_promotion() -> None:
    stored = Tried.stored(PromotionFactory(stores=[StoreFactory(store_id="B"), StoreFactory(store_id="A")]))

    assert Tried.read(stored.text).stores == ("A", "B")
    assert Tried.read(stored.text).candidate.stores == frozenset({"A", "B"})
