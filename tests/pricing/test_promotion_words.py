"""What a promotion does, as one sentence."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from catalog.models import Store
from pricing.models import Promotion, PromotionKind
from pricing.promotion_words import Wording, days_in_words, in_words
from tests.factories import ProductFactory, PromotionFactory, StoreFactory

DOLLARS = Wording(currencies=frozenset({"USD"}))
COMPONENTS = [
    {"targets": {"categories": ["Snacks"]}, "count": 1},
    {"targets": {"skus": ["COLA-1"], "categories": ["Drinks > Water"]}, "count": 2},
]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["MON", "TUE", "WED", "THU", "FRI"], "Mondays to Fridays"),
        (["FRI", "THU", "WED"], "Wednesdays to Fridays"),
        (["SAT", "SUN"], "Saturdays and Sundays"),
        (["MON", "WED", "FRI"], "Mondays, Wednesdays and Fridays"),
        (["SUN"], "Sundays"),
        ([], ""),
    ],
)
def test_days_in_a_row_are_said_by_the_first_and_the_last(days: list[str], said: str) -> None:
    assert days_in_words(days) == said


def promotion(kind: PromotionKind, **terms: Any) -> Promotion:
    return Promotion(kind=kind, **{"targets": {"categories": ["Snacks"]}, **terms})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (promotion(PromotionKind.PERCENT_OFF, percent=Decimal("12.50")), "12.5 % off snacks, in all stores."),
        (promotion(PromotionKind.AMOUNT_OFF, amount=Decimal("0.5")), "$0.50 off each piece of snacks, in all stores."),
        (
            promotion(PromotionKind.FIXED_PRICE, amount=Decimal(1), targets={"all": True, "except_skus": ["W"]}),
            "$1.00 for each piece of everything but W, in all stores.",
        ),
        (
            promotion(PromotionKind.BUY_X_GET_Y, buy=1, get=1, percent=Decimal(100)),
            "Buy 1 of snacks, get 1 more of them, the cheapest, free, in all stores.",
        ),
        (
            promotion(PromotionKind.BUY_X_GET_Y, buy=2, get=1, percent=Decimal(50), get_targets={"skus": ["A"]}),
            "Buy 2 snacks, get 1 of A 50 % off, in all stores.",
        ),
        (promotion(PromotionKind.MULTI_BUY, count=3, amount=Decimal(5)), "Any 3 snacks for $5.00, in all stores."),
        (
            promotion(PromotionKind.MULTI_BUY, count=3, amount=Decimal(5), targets={"all": True}),
            "Any 3 products for $5.00, in all stores.",
        ),
        (
            promotion(PromotionKind.BUNDLE, amount=Decimal(9), targets=None, components=COMPONENTS),
            "1 of snacks and 2 of water and COLA-1 together for $9.00, in all stores.",
        ),
        (
            promotion(PromotionKind.SPEND_GET, threshold=Decimal(20), amount=Decimal(2)),
            "$2.00 off when $20.00 or more is spent on snacks, in all stores.",
        ),
        (
            promotion(PromotionKind.SPEND_GET, threshold=Decimal(20), percent=Decimal(5), targets={"all": True}),
            "5 % off when $20.00 or more is spent, in all stores.",
        ),
        (
            promotion(
                PromotionKind.PERCENT_OFF,
                percent=Decimal(10),
                targets={"skus": ["A", "B", "C", "D", "E", "F"]},
                weekdays=["TUE", "MON"],
                from_time=time(22),
                until_time=time(2, 30),
                max_uses_per_trip=1,
            ),
            (
                "Mondays and Tuesdays 22:00 to 02:30 the next day, 10 % off A, B, C, D and 2 others, "
                "at most once a trip, in all stores."
            ),
        ),
        (
            promotion(PromotionKind.PERCENT_OFF, percent=Decimal(10), from_time=time(9), until_time=time(10)),
            "Every day 09:00 to 10:00, 10 % off snacks, in all stores.",
        ),
        (
            promotion(PromotionKind.PERCENT_OFF, percent=Decimal(10), max_uses_per_trip=3, priority=5),
            (
                "10 % off snacks, at most 3 times a trip, in all stores. "
                "Its priority is 5: it chooses its products before deals with a lower one."
            ),
        ),
        (
            promotion(PromotionKind.PERCENT_OFF, percent=Decimal(10), priority=-1, funding="VENDOR"),
            (
                "10 % off snacks, in all stores. Its priority is -1: it chooses its products after deals with a higher "
                "one. Somebody else pays for it."
            ),
        ),
        (promotion(PromotionKind.PERCENT_OFF), ""),
        (promotion(PromotionKind.SPEND_GET, threshold=Decimal(20)), ""),
        (Promotion(), ""),
    ],
)
def test_promotions_in_words(row: Promotion, words: str) -> None:
    assert in_words(row, DOLLARS) == words


def test_the_sentence_says_days_hours_cap_and_stores() -> None:
    row = promotion(
        PromotionKind.MULTI_BUY,
        count=3,
        amount=Decimal(5),
        weekdays=["MON"],
        from_time=time(16),
        until_time=time(18),
        max_uses_per_trip=2,
        all_stores=False,
    )
    there = [Store(name="Market Street", currency="USD")]
    said = "Mondays 16:00 to 18:00, any 3 snacks for $5.00, at most twice a trip, in Market Street."
    assert in_words(row, stores=there) == said


@pytest.mark.parametrize(
    ("currencies", "said"),
    [(["USD"], "$5.00"), (["EUR"], "€5.00"), (["CHF"], "5.00 CHF"), (["USD", "CHF"], "5.00"), ([], "5.00")],
)
def test_an_amount_bears_a_currency_if_it_is_the_same_in_all_its_stores(currencies: list[str], said: str) -> None:
    row = promotion(PromotionKind.MULTI_BUY, count=3, amount=Decimal(5))
    assert in_words(row, Wording(currencies=frozenset(currencies))) == f"Any 3 snacks for {said}, in all stores."


@pytest.mark.django_db
def test_products_are_called_by_their_names() -> None:
    ProductFactory(sku="COLA-1", name="Example Cola")
    row = PromotionFactory(targets={"skus": ["COLA-1", "GONE-1"]}, stores=[StoreFactory(name="Harbour")])

    assert in_words(row, Wording.of([row])) == "10 % off Example Cola and GONE-1, in Harbour."
