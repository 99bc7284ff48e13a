"""Deals of several units, caps, zones and basket offers in whole carts: what each line comes to."""

from typing import Any

import pytest

from pricing.terms import CartLine, PromotionTerms
from tests.pricing.books import Good, bill, fee, holiday, line, percent_off, price, pricebook, promotion

COLA = Good("COLA", "3.99")
WATER = Good("WATER", "1.05")
NUTS = Good("NUTS", "8.99", "lb")
DRINK, SANDWICH, BAR = Good("DRINK", "2.00"), Good("SANDWICH", "4.00"), Good("BAR", "1.50")
SHIRT = Good("SHIRT", "112.00", tax=("0.1",), category="CLOTHES")
TAXED, BREAD = Good("TAXED", "10.00", tax=("0.1",)), Good("BREAD", "5.00")
BOTTLE = Good("BOTTLE", "2.49", tax=("0.1",), fees=(fee("0.05", taxed=True),))
SHELF = (COLA, WATER, NUTS, DRINK, SANDWICH, BAR, SHIRT, TAXED, BREAD, BOTTLE)


def three_for_ten(**terms: Any) -> PromotionTerms:
    return promotion("THREE", "MULTI_BUY", ["COLA"], counts=(3,), amount="10.00", **terms)


def buy_get(code: str, buy: int, get: int, *roles: list[str], percent: str = "100", **terms: Any) -> PromotionTerms:
    return promotion(code, "BUY_X_GET_Y", *roles, counts=(buy, get), percent=percent, **terms)


def spend(code: str, threshold: str, *skus: str, **terms: Any) -> PromotionTerms:
    return promotion(code, "SPEND_GET", skus, threshold=threshold, **terms)


CARTS: list[tuple[str, list[CartLine], list[PromotionTerms], list[str]]] = [
    ("three for ten", [line("COLA", "3")], [three_for_ten()], ["11.97 - THREE 1.97 + 0.00 = 10.00"]),
    ("a fourth at its price", [line("COLA", "4")], [three_for_ten()], ["15.96 - THREE 1.97 + 0.00 = 13.99"]),
    ("two are too few", [line("COLA", "2")], [three_for_ten()], ["7.98 + 0.00 = 7.98"]),
    ("twice", [line("COLA", "7")], [three_for_ten()], ["27.93 - THREE 3.94 + 0.00 = 23.99"]),
    ("capped", [line("COLA", "7")], [three_for_ten(max_uses=1)], ["27.93 - THREE 1.97 + 0.00 = 25.96"]),
    (
        "over two lines, the cents left over to the earlier units",
        [line("COLA", "2"), line("COLA")],
        [three_for_ten()],
        ["7.98 - THREE 1.32 + 0.00 = 6.66", "3.99 - THREE 0.65 + 0.00 = 3.34"],
    ),
    (
        "mixed, the saving by price",
        [line("COLA", "2"), line("WATER")],
        [promotion("MIX", "MULTI_BUY", ["COLA", "WATER"], counts=(3,), amount="8.00")],
        ["7.98 - MIX 0.91 + 0.00 = 7.07", "1.05 - MIX 0.12 + 0.00 = 0.93"],
    ),
    (
        "what is weighed is in no set",
        [line("NUTS", "1", "lb"), line("COLA")],
        [promotion("MIX", "MULTI_BUY", ["COLA", "NUTS"], counts=(2,), amount="1.00")],
        ["8.99 + 0.00 = 8.99", "3.99 + 0.00 = 3.99"],
    ),
    (
        "buy two, get one free",
        [line("COLA", "3")],
        [buy_get("B2G1", 2, 1, ["COLA"])],
        ["11.97 - B2G1 3.99 + 0.00 = 7.98"],
    ),
    (
        "the cheapest of them is free",
        [line("WATER"), line("COLA", "2")],
        [buy_get("B2G1", 2, 1, ["COLA", "WATER"])],
        ["1.05 - B2G1 1.05 + 0.00 = 0.00", "7.98 + 0.00 = 7.98"],
    ),
    (
        "a bar at half price with a sandwich",
        [line("SANDWICH"), line("BAR", "2")],
        [buy_get("HALF", 1, 1, ["SANDWICH"], ["BAR"], percent="50")],
        ["4.00 + 0.00 = 4.00", "3.00 - HALF 0.75 + 0.00 = 2.25"],
    ),
    (
        "two bundles beat a free drink",
        [line("DRINK", "2"), line("SANDWICH", "2"), line("BAR", "2")],
        [
            buy_get("BOGO", 1, 1, ["DRINK"]),
            promotion("LUNCH", "BUNDLE", ["DRINK"], ["SANDWICH"], ["BAR"], counts=(1, 1, 1), amount="6.00"),
        ],
        [
            "4.00 - LUNCH 0.80 + 0.00 = 3.20",
            "8.00 - LUNCH 1.60 + 0.00 = 6.40",
            "3.00 - LUNCH 0.60 + 0.00 = 2.40",
        ],
    ),
    (
        "of equal savings the one with fewer applications",
        [line("DRINK", "2")],
        [percent_off("A", "50", "DRINK"), buy_get("Z", 1, 1, ["DRINK"])],
        ["4.00 - Z 2.00 + 0.00 = 2.00"],
    ),
    (
        "of equal savings and applications the first code",
        [line("DRINK", "2")],
        [buy_get("Z", 1, 1, ["DRINK"]), promotion("Y", "MULTI_BUY", ["DRINK"], counts=(2,), amount="2.00")],
        ["4.00 - Y 2.00 + 0.00 = 2.00"],
    ),
    (
        "a lower zone gets what a higher one leaves",
        [line("COLA", "4")],
        [percent_off("HALF", "50", "COLA", priority=1, max_uses=1), three_for_ten()],
        ["15.96 - HALF 2.00 - THREE 1.97 + 0.00 = 11.99"],
    ),
    (
        "a zero-rate line inside a basket discount",
        [line("TAXED"), line("BREAD")],
        [spend("SPEND", "15.00", "TAXED", "BREAD", amount="3.00")],
        ["10.00 - SPEND 2.00 + 0.80 = 8.80", "5.00 - SPEND 1.00 + 0.00 = 4.00"],
    ),
    (
        "the basket is counted after unit deals",
        [line("BREAD", "3")],
        [percent_off("FIFTH", "20", "BREAD"), spend("SPEND", "12.01", "BREAD", amount="3.00")],
        ["15.00 - FIFTH 3.00 + 0.00 = 12.00"],
    ),
    (
        "at the very threshold",
        [line("BREAD", "3")],
        [percent_off("FIFTH", "20", "BREAD"), spend("SPEND", "12.00", "BREAD", percent="12.5")],
        ["15.00 - FIFTH 3.00 - SPEND 1.50 + 0.00 = 10.50"],
    ),
    (
        "fees are no part of what was spent",
        [line("BOTTLE")],
        [spend("SPEND", "2.50", "BOTTLE", amount="1.00")],
        ["2.54 (DEPOSIT 0.05) + 0.25 = 2.79"],
    ),
    (
        "never more than the sum",
        [line("BREAD")],
        [spend("SPEND", "1.00", "BREAD", amount="9.00")],
        ["5.00 - SPEND 5.00 + 0.00 = 0.00"],
    ),
    (
        "of basket offers the highest priority, though it saves less",
        [line("BREAD")],
        [spend("MORE", "1.00", "BREAD", amount="2.00"), spend("FIRST", "1.00", "BREAD", amount="1.00", priority=1)],
        ["5.00 - FIRST 1.00 + 0.00 = 4.00"],
    ),
    (
        "of basket offers of one priority the greatest saving",
        [line("BREAD")],
        [spend("A", "1.00", "BREAD", amount="1.00"), spend("B", "1.00", "BREAD", percent="20.2")],
        ["5.00 - B 1.01 + 0.00 = 3.99"],
    ),
    (
        "of basket offers that save the same the first code",
        [line("BREAD")],
        [spend("B", "1.00", "BREAD", amount="1.00"), spend("A", "1.00", "BREAD", percent="20")],
        ["5.00 - A 1.00 + 0.00 = 4.00"],
    ),
    (
        "a basket offer that saves nothing does not compete",
        [line("BREAD")],
        [spend("NONE", "1.00", "BREAD", percent="0.09", priority=9), spend("SOME", "1.00", "BREAD", amount="0.01")],
        ["5.00 - SOME 0.01 + 0.00 = 4.99"],
    ),
    (
        "a deposit on a free bottle",
        [line("BOTTLE")],
        [percent_off("FREE", "100", "BOTTLE")],
        ["2.54 (DEPOSIT 0.05) - FREE 2.49 + 0.01 = 0.06"],
    ),
]


@pytest.mark.parametrize(
    ("lines", "promotions", "expected"), [each[1:] for each in CARTS], ids=[each[0] for each in CARTS]
)
def test_a_cart_comes_to(lines: list[CartLine], promotions: list[PromotionTerms], expected: list[str]) -> None:
    assert bill(lines, pricebook(*SHELF, promotions=promotions)) == expected


def test_a_holiday_whose_cap_is_met_only_after_the_basket_offer() -> None:
    offer = spend("SPEND", "100.00", "SHIRT", amount="5.00")
    days = [holiday("110.00", categories=["CLOTHES"])]
    assert bill([line("SHIRT")], pricebook(*SHELF, holidays=days)) == ["112.00 + 11.20 = 123.20"]
    assert bill([line("SHIRT")], pricebook(*SHELF, holidays=days, promotions=[offer])) == [
        "112.00 - SPEND 5.00 + 0.00 = 107.00"
    ]


def test_amounts_of_one_piece_never_give_less_than_promised() -> None:
    book = pricebook(*SHELF, promotions=[three_for_ten()], amounts_of_one_piece=True)
    assert bill([line("COLA", "3")], book) == ["11.97 - THREE 1.98 + 0.00 = 9.99"]


@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [("6.00", "0.0975", "0.59"), ("25.75", "0.08875", "2.29"), ("0.01", "0.0975", "0.00"), ("0.01", "0.5", "0.01")],
)
def test_half_a_cent_of_tax_goes_up(amount: str, rate: str, tax: str) -> None:
    priced = price([line("X")], pricebook(Good("X", amount, tax=(rate,))))
    assert str(priced.totals.sales_tax_total) == tax


def test_one_product_on_two_lines_costs_what_one_line_of_both_costs() -> None:
    book = pricebook(*SHELF, promotions=[three_for_ten(), spend("SPEND", "1.00", "COLA", percent="10")])
    apart, together = price([line("COLA"), line("COLA", "3")], book), price([line("COLA", "4")], book)
    assert apart.totals == together.totals
