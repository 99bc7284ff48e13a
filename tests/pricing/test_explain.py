"""The trace in sentences, as a store manager reads them to a shopper."""

from collections.abc import Iterable
from typing import Any

import pytest

from pricing.explain import Unreadable, explain
from pricing.proof import recompute
from pricing.terms import CartLine, Pricebook, PromotionTerms
from tests.pricing.books import (
    Good,
    amount_off,
    fee,
    fixed_price,
    holiday,
    hours,
    line,
    percent_off,
    price,
    pricebook,
    promotion,
)

COLA = Good("COLA", "2.49", tax=("0.04", "0.04875"), fees=(fee(),))
WATER = Good("WATER", "1.05")
NUTS = Good("NUTS", "8.99", "lb")


def explained(lines: Iterable[CartLine], book: Pricebook) -> Any:
    return explain(price(lines, book).trace)


def test_a_line_tells_its_price_promotions_fees_and_tax() -> None:
    book = pricebook(COLA, promotions=[percent_off("TENTH", "10", "COLA", paid_by_vendor=True)])
    (one,) = explained([line("COLA", "2")], book).lines
    assert one.title == "1. 2 × Example COLA"
    assert one.sentences == (
        "The price in all stores since 1 January 2026 is 2.49; 2 × 2.49 = 4.98.",
        "“TENTH saves” (TENTH) takes 0.50 off. The vendor pays it, so tax is due on the price before it.",
        "Deposit of 0.05 (DEPOSIT): 2 × 0.05, not taxed.",
        "Tax on 4.98 at 8.875 % is 0.44.",
        "Of that Jurisdiction 0 4 % 0.20, Jurisdiction 1 4.875 % 0.24.",
        "It comes to 5.02.",
    )


def test_amounts_of_one_piece_are_told_as_such() -> None:
    book = pricebook(COLA, promotions=[percent_off("TENTH", "10", "COLA")], amounts_of_one_piece=True)
    several, alone = explained([line("COLA", "3")], book), explained([line("COLA")], book)
    assert several.cart[-1] == "Amounts are worked out for one piece and then multiplied."
    assert several.lines[0].sentences[1:] == (
        "“TENTH saves” (TENTH) takes 0.25 off each piece.",
        "Deposit of 0.05 (DEPOSIT): 3 × 0.05, not taxed.",
        "Tax on 2.24 at 8.875 % is 0.20 a piece, 0.60 in all.",
        "Of that Jurisdiction 0 4 % 0.27, Jurisdiction 1 4.875 % 0.33.",
        "It comes to 7.47.",
    )
    assert alone.lines[0].sentences[3] == "Tax on 2.24 at 8.875 % is 0.20."


def test_the_tax_of_the_whole_cart_is_told_by_jurisdiction_where_there_are_several() -> None:
    cart = explained([line("COLA", "2"), line("TEA")], pricebook(COLA, Good("TEA", "1.00", tax=("0.04",))))
    assert cart.taxes == ("Jurisdiction 0: 0.24, 4 % on 5.98.", "Jurisdiction 1: 0.24, 4.875 % on 4.98.")
    assert [one.shares for one in cart.lines] == ["Of that Jurisdiction 0 4 % 0.20, Jurisdiction 1 4.875 % 0.24.", ""]
    assert "Tax by jurisdiction\n  Jurisdiction 0: 0.24, 4 % on 5.98." in cart.text()
    assert explained([line("TEA")], pricebook(Good("TEA", "1.00", tax=("0.04",)))).taxes == ()


@pytest.mark.parametrize(
    ("good", "asked", "store", "sentences"),
    [
        pytest.param(
            NUTS,
            line("NUTS", "0.453", "lb"),
            {},
            ["is 8.99 per lb; 0.453 lb × 8.99 = 4.07.", "Tax on 4.07 at 0 % is 0.00, for Jurisdiction 0."],
            id="by weight",
        ),
        pytest.param(
            Good("BREAD", "3.10", exempt=True),
            line("BREAD"),
            {},
            ["since 1 January 2026 is 3.10.", "is exempt."],
            id="exempt",
        ),
        pytest.param(
            Good("HAT", "9.00", listed=False),
            line("HAT"),
            {"prices_include_tax": True},
            ["It is not listed for this store", "Tax contained in 9.00 at 0 % is 0.00"],
            id="not listed, tax included",
        ),
    ],
)
def test_a_line_tells_what_is_special(good: Good, asked: CartLine, store: dict[str, Any], sentences: list[str]) -> None:
    (one,) = explained([asked], pricebook(good, **store)).lines
    for sentence in sentences:
        assert any(sentence in said for said in one.sentences), one.sentences


def test_a_tax_holiday_is_named_with_its_limit() -> None:
    shirt = Good("SHIRT", "20.00", tax=("0.1",), category="CLOTHES")
    book = pricebook(shirt, holidays=[holiday("110.00", categories=["CLOTHES"])])
    (one,) = explained([line("SHIRT")], book).lines
    assert "No tax: tax holiday SCHOOL, which holds below 110.00 for one." in one.sentences


def test_the_cart_tells_its_moment_and_what_differs_in_the_store() -> None:
    plain = explained([line("COLA")], pricebook(COLA)).cart
    assert plain == ("Priced as of Saturday, 14 March 2026, 12:00 on the store's clock.",)
    other = explained([line("COLA")], pricebook(COLA, prices_include_tax=True, taxed_by_order=True)).cart
    assert other[1:] == (
        "Shelf prices include tax; what is sent to Amazon is the price without it.",
        "Tax is rounded once for all lines of the same rate and then spread over them.",
    )


def test_promotions_that_apply_tell_what_they_took_and_saved() -> None:
    deals = [
        promotion("THREE", "MULTI_BUY", ["COLA", "WATER"], counts=(3,), amount="5.00"),
        promotion("SPEND", "SPEND_GET", ["NUTS"], threshold="4.00", amount="1.00"),
    ]
    applied = explained([line("COLA", "4"), line("WATER", "2"), line("NUTS", "0.5", "lb")], of(deals)).applied
    assert applied == (
        "“Deal THREE” (THREE) applies to 3 × Example COLA at 2.49 for 5.00 together: saves 2.47.",
        (
            "“Deal SPEND” (SPEND) applies to the whole basket: 4.50 was spent on its products and 4.00 is needed: "
            "saves 1.00."
        ),
    )
    twice = explained([line("COLA", "6")], of(deals[:1])).applied
    assert twice == (
        (
            "“Deal THREE” (THREE) applies to 3 × Example COLA at 2.49 for 5.00 together, 2 times: saves 4.94 "
            "(2.47 each time)."
        ),
    )


def of(promotions: Iterable[PromotionTerms]) -> Pricebook:
    return pricebook(COLA, WATER, NUTS, promotions=promotions)


BEST = amount_off("BEST", "2.00", "COLA")


@pytest.mark.parametrize(
    ("deal", "reason"),
    [
        (
            percent_off("D", "10", "COLA", weekdays=frozenset({"MON", "WED"})),
            "it holds on Mondays and Wednesdays only, and this trip counts for a Saturday",
        ),
        (
            percent_off("D", "10", "COLA", **hours("16:00", "18:00")),
            "it holds from 16:00 to 18:00, and it was 12:00:00 in the store",
        ),
        (
            promotion("D", "BUY_X_GET_Y", ["COLA"], counts=(2, 1), percent="100"),
            "it needs 3 of its products, and the cart has 1",
        ),
        (
            promotion("D", "BUY_X_GET_Y", ["COLA"], ["NUTS"], counts=(1, 1), percent="100"),
            "it needs 1 of the products to get, and the cart has 0",
        ),
        (
            promotion("D", "BUNDLE", ["COLA"], ["WATER"], counts=(1, 2), amount="1.00"),
            "it needs 2 of the products of part 2, and the cart has 1",
        ),
        (
            promotion("D", "BUNDLE", ["WATER"], ["WATER"], counts=(1, 1), amount="0.10"),
            "it needs 2 of all its products together, and the cart has 1",
        ),
        (
            fixed_price("D", "1.05", "WATER"),
            "it would save nothing; it needs a price above 1.05, and there was a price of 1.05",
        ),
        (
            promotion("D", "BUNDLE", ["COLA"], ["WATER"], counts=(1, 1), amount="3.54"),
            "it would save nothing; it needs a price above 3.54, and there was a price of 3.54",
        ),
        (percent_off("D", "90", "COLA", priority=-1), "BEST, which has a higher priority, has taken its products"),
        (percent_off("D", "10", "COLA"), "the shopper saves more when BEST gets its products"),
        (
            promotion("D", "SPEND_GET", ["WATER"], threshold="1.06", amount="1.00"),
            "1.06 must be spent on its products, and it was 1.05",
        ),
    ],
)
def test_a_promotion_that_does_not_apply_tells_why(deal: PromotionTerms, reason: str) -> None:
    missed = explained([line("COLA"), line("WATER")], of([BEST, deal])).missed
    assert missed == (f"“Deal D” (D) does not apply: {reason}.",)


def test_of_two_basket_offers_one_applies_and_the_other_is_told() -> None:
    offers = [
        promotion(code, "SPEND_GET", ["WATER"], threshold="1.00", amount=amount)
        for code, amount in (("A", "0.20"), ("B", "0.30"))
    ]
    told = explained([line("WATER")], of(offers))
    assert [one.split(" applies")[0] for one in told.applied] == ["“Deal B” (B)"]
    assert told.missed == ("“Deal A” (A) does not apply: a trip gets one basket offer, and B comes first.",)


def test_the_text_has_everything() -> None:
    text = explained([line("COLA"), line("WATER")], of([BEST, percent_off("D", "10", "COLA")])).text()
    for part in (
        "Priced as of",
        "1. 1 × Example COLA\n  The price",
        "Promotions that apply\n  “Deal BEST”",
        "Promotions that do not\n",
    ):
        assert part in text


@pytest.mark.parametrize("trace", [{}, {"version": 99}, {"version": 1}, [], {"version": 1, "lines": [{}]}])
def test_a_trace_that_cannot_be_read_says_so(trace: Any) -> None:
    with pytest.raises(Unreadable):
        explain(trace)


def test_a_cart_with_more_combinations_than_can_be_tried_says_so() -> None:
    """Five lines of 999 pieces each, and deals that compete for them."""
    skus = ["A", "B", "C", "D", "E"]
    book = pricebook(
        *[Good(sku, amount) for sku, amount in zip(skus, ["4.89", "6.99", "1.39", "3.69", "6.29"], strict=True)],
        promotions=[
            promotion("BOX", "BUNDLE", ["A", "D"], ["B", "C", "E"], counts=(2, 3), amount="5.00"),
            promotion("FIVE", "MULTI_BUY", ["B", "D", "E"], counts=(5,), amount="9.00"),
            promotion("HALF", "BUY_X_GET_Y", ["A", "C", "E"], counts=(3, 2), percent="50"),
        ],
    )
    priced = price([line(sku, "999") for sku in skus], book)
    assert (priced.optimal, priced.trace["optimal"]) == (False, False)
    assert explain(priced.trace).cart[-1] == (
        "This cart allows so many combinations of promotions that the search for the best one was cut short: "
        "a still better one may exist."
    )
    assert recompute(priced.trace) == priced.lines
