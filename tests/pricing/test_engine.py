"""What a line comes to: prices, fees, amounts of one piece, prices that include tax; and the values that hold them."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pricing import engine
from pricing.priced import (
    Amounts,
    AppliedFee,
    AppliedPromotion,
    DoesNotAddUp,
    PricedCart,
    PricedLine,
    Totals,
    totals_of,
)
from pricing.resolve import Line, resolve
from pricing.terms import CartLine, Pricebook
from tests.pricing.books import (
    NOON,
    STORE,
    Good,
    amount_off,
    bill,
    cart,
    fee,
    fixed_price,
    holiday,
    line,
    percent_off,
    price,
    pricebook,
    told,
)

# --- Line prices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "quantity", "line_price"),
    [
        (Good("COLA", "2.49"), "1", "2.49"),
        (Good("COLA", "2.49"), "3", "7.47"),
        (Good("COLA", "2.49"), "3.0", "7.47"),
        (Good("COLA", "2.49"), "003.000", "7.47"),
        (Good("COLA", "0.01"), "999", "9.99"),
        (Good("COLA", "0.00"), "5", "0.00"),
        (Good("COLA", "99999.99"), "999", "99899990.01"),
        (Good("NUTS", "8.99", "lb"), "0.453", "4.07"),
        (Good("NUTS", "8.99", "lb"), "2", "17.98"),
        (Good("NUTS", "2.49", "lb"), "0.5", "1.25"),
        (Good("NUTS", "2.50", "lb"), "0.002", "0.01"),
        (Good("NUTS", "2.49", "lb"), "0.002", "0.00"),
        (Good("NUTS", "0.10", "lb"), "0.001", "0.00"),
    ],
)
def test_a_line_costs_its_unit_price_times_its_quantity(good: Good, quantity: str, line_price: str) -> None:
    unit = good.weight_unit or "unit"
    assert bill([line(good.sku, quantity, unit)], pricebook(good)) == [f"{line_price} + 0.00 = {line_price}"]


# --- Fees ----------------------------------------------------------------------------------------------------------

DEPOSIT = fee("0.05")
TAXED_DEPOSIT = fee("0.05", taxed=True)
BAG = fee("0.10", code="BAG", taxed=True)


@pytest.mark.parametrize(
    ("good", "quantity", "expected"),
    [
        pytest.param(
            Good("COLA", "2.49", tax=("0.10",), fees=(DEPOSIT,)),
            "1",
            "2.54 (DEPOSIT 0.05) + 0.25 = 2.79",
            id="in the price, not in the base",
        ),
        pytest.param(
            Good("COLA", "2.49", tax=("0.10",), fees=(TAXED_DEPOSIT,)),
            "3",
            "7.62 (DEPOSIT 0.15) + 0.76 = 8.38",
            id="taxed: 0.762 on 7.62",
        ),
        pytest.param(
            Good("COLA", "2.49", tax=("0.10",), fees=(BAG, DEPOSIT)),
            "2",
            "5.28 (BAG 0.20) (DEPOSIT 0.10) + 0.52 = 5.80",
            id="each with its own flag: 0.518 on 4.98 + 0.20",
        ),
        pytest.param(
            Good("WATER", "0.00", tax=("0.10",), fees=(DEPOSIT,)),
            "1",
            "0.05 (DEPOSIT 0.05) + 0.00 = 0.05",
            id="on a free bottle",
        ),
        pytest.param(
            Good("WATER", "0.00", tax=("0.10",), fees=(TAXED_DEPOSIT,)),
            "1",
            "0.05 (DEPOSIT 0.05) + 0.01 = 0.06",
            id="taxed, on a free bottle: half a cent goes up",
        ),
        pytest.param(
            Good("COLA", "2.49", fees=(fee("0.00"),)), "1", "2.49 (DEPOSIT 0.00) + 0.00 = 2.49", id="a fee of nothing"
        ),
    ],
)
def test_fees_are_part_of_the_price_and_named(good: Good, quantity: str, expected: str) -> None:
    assert bill([line(good.sku, quantity)], pricebook(good)) == [expected]


@pytest.mark.parametrize(
    "deal",
    [
        percent_off("FREE", "100", "COLA"),
        amount_off("FREE", "9.99", "COLA"),
        fixed_price("FREE", "0.00", "COLA"),
    ],
)
def test_promotions_never_reduce_a_fee(deal: Any) -> None:
    cola = Good("COLA", "2.49", tax=("0.10",), fees=(DEPOSIT, BAG))
    book = pricebook(cola, promotions=[deal])
    assert bill([line("COLA", "2")], book) == ["5.28 (DEPOSIT 0.10) (BAG 0.20) - FREE 4.98 + 0.02 = 0.32"]


# --- Amounts of one piece ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "promotions", "quantity", "sent", "whole"),
    [
        pytest.param(
            Good("COLA", "2.49", tax=("0.08875",)),
            [],
            "4",
            "2.49 + 0.22 = 2.71",
            "9.96 + 0.88 = 10.84",
            id="tax per piece: 0.2209875",
        ),
        pytest.param(
            Good("COLA", "1.05", tax=("0.08875",)),
            [percent_off("TEN", "10", "COLA")],
            "3",
            "1.05 - TEN 0.11 + 0.08 = 1.02",
            "3.15 - TEN 0.33 + 0.24 = 3.06",
            id="promotion per piece",
        ),
        pytest.param(
            Good("COLA", "0.05", tax=("0.10",)),
            [],
            "100",
            "0.05 + 0.01 = 0.06",
            "5.00 + 1.00 = 6.00",
            id="half a cent goes up a hundred times",
        ),
        pytest.param(
            Good("COLA", "1.00", tax=("0.10",), fees=(DEPOSIT, BAG)),
            [amount_off("FREE", "5.00", "COLA")],
            "2",
            "1.15 (DEPOSIT 0.05) (BAG 0.10) - FREE 1.00 + 0.01 = 0.16",
            "2.30 (DEPOSIT 0.10) (BAG 0.20) - FREE 2.00 + 0.02 = 0.32",
            id="fees of one piece",
        ),
        pytest.param(
            Good("COLA", "2.49", tax=("0.10",)), [], "1", "2.49 + 0.25 = 2.74", "2.49 + 0.25 = 2.74", id="one piece"
        ),
    ],
)
def test_amounts_of_one_piece_make_the_line_when_multiplied(
    good: Good, promotions: list[Any], quantity: str, sent: str, whole: str
) -> None:
    priced = price([line(good.sku, quantity)], pricebook(good, promotions=promotions, amounts_of_one_piece=True))
    assert [told(one.sent) for one in priced.lines] == [sent]
    assert [told(one.line) for one in priced.lines] == [whole]
    assert priced.totals == totals_of(priced.lines)


def test_amounts_of_the_line_are_sent_as_they_are() -> None:
    priced = price([line("COLA", "4")], pricebook(Good("COLA", "2.49")))
    assert told(priced.lines[0].sent) == "9.96 + 0.00 = 9.96"


def test_a_holiday_looks_at_the_line_even_where_amounts_are_those_of_one_piece() -> None:
    shirt = Good("SHIRT", "110.00", tax=("0.10",))
    deals = [amount_off("CENT", "0.01", "SHIRT")]
    book = pricebook(shirt, promotions=deals, holidays=[holiday("110.00")], amounts_of_one_piece=True)
    assert bill([line("SHIRT", "3")], book) == ["330.00 - CENT 0.03 + 0.00 = 329.97"]


def resolved(cart_line: CartLine, book: Pricebook) -> Line:
    lines = resolve(cart(cart_line), book, now=NOON)
    assert isinstance(lines, list)
    return lines[0]


@pytest.mark.parametrize(
    ("unit_price", "quantity", "promoted", "expected"),
    [
        pytest.param("1.00", "3", {"A": "1.00"}, ["0.34"], id="up to the next cent"),
        pytest.param("1.00", "3", {"A": "0.99"}, ["0.33"], id="an even part"),
        pytest.param("1.00", "999", {"A": "0.01"}, ["0.01"], id="one cent among many"),
        pytest.param("1.50", "2", {"A": "1.99", "B": "1.02"}, ["1.00", "0.50"], id="no more than is left"),
        pytest.param("1.00", "3", {"A": "2.99", "B": "0.01"}, ["1.00"], id="nothing left for the second"),
        pytest.param("1.00", "2", {"A": "0.00"}, [], id="a promotion of nothing is not named"),
    ],
)
def test_a_promotion_per_piece_is_rounded_up_within_what_is_left(
    unit_price: str, quantity: str, promoted: dict[str, str], expected: list[str]
) -> None:
    bought = resolved(line("COLA", quantity), pricebook(Good("COLA", unit_price)))
    shares = [engine._Promoted(amount_off(code, "1.00", "COLA"), Decimal(saved)) for code, saved in promoted.items()]
    assert [str(piece.amount) for piece in engine._per_piece(bought, shares)] == expected


# --- Prices that include tax ---------------------------------------------------------------------------------------

VAT = ("0.19",)
TENTH = percent_off("TENTH", "10", "COLA")


@pytest.mark.parametrize(
    ("good", "quantity", "promotions", "expected"),
    [
        pytest.param(Good("COLA", "1.19", tax=VAT), "1", [], "1.00 + 0.19 = 1.19", id="the tax is inside"),
        pytest.param(Good("COLA", "1.00", tax=VAT), "1", [], "0.84 + 0.16 = 1.00", id="0.15966"),
        pytest.param(Good("COLA", "1.00", tax=VAT), "3", [], "2.52 + 0.48 = 3.00", id="0.47899, on the line"),
        pytest.param(
            Good("COLA", "1.19", tax=VAT),
            "1",
            [TENTH],
            "1.00 - TENTH 0.10 + 0.17 = 1.07",
            id="0.12 off the shelf price is 0.10 net",
        ),
        pytest.param(
            Good("COLA", "0.99", tax=("0.07",)),
            "2",
            [amount_off("CENT", "0.01", "COLA")],
            "1.85 - CENT 0.02 + 0.13 = 1.96",
            id="0.02 gross stays 0.02 net: price is what makes it add up",
        ),
        pytest.param(
            Good("COLA", "1.19", tax=VAT),
            "2",
            [percent_off("FREE", "100", "COLA")],
            "2.00 - FREE 2.00 + 0.00 = 0.00",
            id="all of it off",
        ),
        pytest.param(
            Good("COLA", "1.19", tax=VAT, fees=(fee("0.25"),)),
            "2",
            [],
            "2.50 (DEPOSIT 0.50) + 0.38 = 2.88",
            id="an untaxed fee",
        ),
        pytest.param(
            Good("COLA", "1.19", tax=VAT, fees=(fee("0.25", taxed=True),)),
            "2",
            [],
            "2.42 (DEPOSIT 0.50) + 0.46 = 2.88",
            id="a taxed fee stands gross: 0.4598 in 2.88",
        ),
        pytest.param(
            Good("COLA", "1.19", tax=VAT, exempt=True),
            "1",
            [TENTH],
            "1.19 - TENTH 0.12 + 0.00 = 1.07",
            id="exempt: a rate of nothing, for the net too",
        ),
        pytest.param(
            Good("COLA", "1.19", tax=("0.10", "0.09")), "1", [], "1.00 + 0.19 = 1.19", id="two rules make one rate"
        ),
        pytest.param(Good("COLA", "0.01", tax=VAT), "1", [], "0.01 + 0.00 = 0.01", id="one cent"),
        pytest.param(Good("COLA", "0.01", tax=VAT), "4", [], "0.03 + 0.01 = 0.04", id="0.0063"),
    ],
)
def test_prices_that_include_tax_are_taken_apart(
    good: Good, quantity: str, promotions: list[Any], expected: str
) -> None:
    book = pricebook(good, promotions=promotions, prices_include_tax=True)
    assert bill([line(good.sku, quantity)], book) == [expected]


def test_on_a_holiday_nothing_is_inside_the_price() -> None:
    book = pricebook(Good("COLA", "1.19", tax=VAT), promotions=[TENTH], holidays=[holiday()], prices_include_tax=True)
    assert bill([line("COLA")], book) == ["1.19 - TENTH 0.12 + 0.00 = 1.07"]


def test_a_piece_whose_price_includes_tax_is_taken_apart_by_itself() -> None:
    book = pricebook(
        Good("COLA", "1.00", tax=VAT), promotions=[TENTH], prices_include_tax=True, amounts_of_one_piece=True
    )
    priced = price([line("COLA", "3")], book)
    assert told(priced.lines[0].sent) == "0.84 - TENTH 0.08 + 0.14 = 0.90"
    assert told(priced.lines[0].line) == "2.52 - TENTH 0.24 + 0.42 = 2.70"


@pytest.mark.parametrize(
    ("by_order", "expected"),
    [
        (False, ["0.03 + 0.00 = 0.03"] * 3),
        (True, ["0.02 + 0.01 = 0.03", "0.03 + 0.00 = 0.03", "0.03 + 0.00 = 0.03"]),
    ],
)
def test_tax_inside_prices_is_rounded_by_line_or_by_order(*, by_order: bool, expected: list[str]) -> None:
    goods = [Good(sku, "0.03", tax=VAT) for sku in "ABC"]
    book = pricebook(*goods, prices_include_tax=True, taxed_by_order=by_order)
    assert bill([line("A"), line("B"), line("C")], book) == expected


# --- The whole cart ------------------------------------------------------------------------------------------------


def test_totals_are_sums_over_the_lines() -> None:
    goods = [
        Good("COLA", "4.25", tax=("0.08875",), fees=(DEPOSIT,)),
        Good("NUTS", "8.99", "lb", tax=("0.04",)),
        Good("BREAD", "3.10", exempt=True),
    ]
    book = pricebook(*goods, promotions=[percent_off("TEN", "10", "COLA", "BREAD")])
    priced = price([line("BREAD", "2"), line("NUTS", "0.453", "lb"), line("COLA"), line("COLA")], book)
    assert [told(one.line) for one in priced.lines] == [
        "6.20 - TEN 0.62 + 0.00 = 5.58",
        "4.07 + 0.16 = 4.23",
        "4.30 (DEPOSIT 0.05) - TEN 0.43 + 0.34 = 4.21",
        "4.30 (DEPOSIT 0.05) - TEN 0.43 + 0.34 = 4.21",
    ]
    assert priced.totals == Totals(Decimal("18.87"), Decimal("1.48"), Decimal("0.84"), Decimal("18.23"))
    assert [(one.number, one.sku, one.name) for one in priced.lines] == [
        (0, "BREAD", "Example BREAD"),
        (1, "NUTS", "Example NUTS"),
        (2, "COLA", "Example COLA"),
        (3, "COLA", "Example COLA"),
    ]
    assert (priced.currency, priced.optimal) == ("USD", True)


@pytest.mark.parametrize("deal", [None, percent_off("D", "10", "COLA"), amount_off("D", "0.35", "COLA")])
def test_one_line_of_three_costs_what_three_lines_of_one_cost_before_tax(deal: Any) -> None:
    book = pricebook(Good("COLA", "1.05", tax=("0.10",), fees=(DEPOSIT,)), promotions=[deal] if deal else [])
    together = price([line("COLA", "3")], book).totals
    apart = price([line("COLA")] * 3, book).totals
    assert (apart.sub_total, apart.promotions_total) == (together.sub_total, together.promotions_total)


def test_tax_alone_may_differ_when_a_line_is_split() -> None:
    book = pricebook(Good("COLA", "1.05", tax=("0.10",)))
    assert bill([line("COLA", "2")], book) == ["2.10 + 0.21 = 2.31"]
    assert bill([line("COLA"), line("COLA")], book) == ["1.05 + 0.11 = 1.16"] * 2


def test_the_currency_is_that_of_the_store() -> None:
    assert price([line("COLA")], pricebook(Good("COLA"), currency="CAD")).currency == "CAD"


# --- The trace -----------------------------------------------------------------------------------------------------


def test_the_trace_says_what_made_each_amount() -> None:
    cola = Good("COLA", "4.25", tax=("0.04", "0.04875"), fees=(DEPOSIT,))
    book = pricebook(cola, promotions=[percent_off("TEN", "10", "COLA", paid_by_vendor=True)])
    trace = price([line("COLA", "2.0")], book).trace
    assert trace["store_id"] == STORE
    assert trace["moment"] == "2026-03-14T16:00:00+00:00"
    assert trace["local_time"] == "2026-03-14T12:00:00-04:00"
    assert trace["settings"] == {"prices_include_tax": False, "tax_rounding": "LINE", "amount_basis": "LINE"}
    assert trace["optimal"] is True
    assert trace["lines"] == [
        {
            "number": 0,
            "product_id": "COLA",
            "sku": "COLA",
            "name": "Example COLA",
            "quantity": "2.0",
            "weight_unit": "",
            "price": {
                "row": "price-of-COLA",
                "amount": "4.25",
                "store_id": None,
                "temporary": False,
                "starts_at": "2026-01-01T05:00:00+00:00",
            },
            "line_price": "8.50",
            "promotions": [
                {"code": "TEN", "row": "row-of-TEN", "text": "TEN saves", "funding": "VENDOR", "amount": "0.86"}
            ],
            "fees": [{"code": "DEPOSIT", "description": "Deposit of 0.05", "amount": "0.05", "taxed": False}],
            "tax": {
                "category": "GOODS",
                "exempt": False,
                "holiday": None,
                "rate": "0.08875",
                "base": "8.50",
                "amount": "0.75",
                "parts": [
                    {"code": "TAX-0", "jurisdiction": "Jurisdiction 0", "rate": "0.04", "amount": "0.34"},
                    {"code": "TAX-1", "jurisdiction": "Jurisdiction 1", "rate": "0.04875", "amount": "0.41"},
                ],
            },
            "total": "8.49",
        }
    ]


def test_the_trace_names_the_settings_of_the_store() -> None:
    book = pricebook(Good("COLA"), prices_include_tax=True, taxed_by_order=True)
    assert price([line("COLA")], book).trace["settings"] == {
        "prices_include_tax": True,
        "tax_rounding": "ORDER",
        "amount_basis": "LINE",
    }
    one_piece = price([line("COLA")], pricebook(Good("COLA"), amounts_of_one_piece=True))
    assert one_piece.trace["settings"]["amount_basis"] == "UNIT"


def test_a_product_that_is_not_listed_is_priced_and_noted() -> None:
    priced = price([line("COLA"), line("RARE")], pricebook(Good("COLA"), Good("RARE", "7.00", listed=False)))
    assert told(priced.lines[1].line) == "7.00 + 0.00 = 7.00"
    assert [one.get("note") for one in priced.trace["lines"]] == [None, "not listed for this store, but it has a price"]


# --- Values that refuse to exist -----------------------------------------------------------------------------------

TWO = AppliedPromotion("A", "A saves", Decimal("2.00"))
SOUND = Amounts(
    price=Decimal("5.00"),
    promotions=(TWO, AppliedPromotion("B", "B saves", Decimal("0.50"))),
    fees=(AppliedFee("F", "Fee", Decimal("0.25")),),
    sales_tax=Decimal("0.30"),
    total=Decimal("2.80"),
)
NO_MONEY = ["-0.01", "1.5", "2", "1.005", "NaN", "Infinity"]


@pytest.mark.parametrize("make", [AppliedPromotion, AppliedFee])
@pytest.mark.parametrize("amount", NO_MONEY)
def test_a_promotion_or_fee_is_an_amount_in_whole_cents(make: Callable[..., Any], amount: str) -> None:
    with pytest.raises(DoesNotAddUp, match="not an amount in whole cents"):
        make("A", "A saves", Decimal(amount))


@pytest.mark.parametrize("name", ["price", "sales_tax", "total"])
@pytest.mark.parametrize("amount", NO_MONEY)
def test_amounts_are_in_whole_cents(name: str, amount: str) -> None:
    changed: dict[str, Any] = {name: Decimal(amount)}
    with pytest.raises(DoesNotAddUp, match=f"{name} is {amount}: not an amount in whole cents"):
        replace(SOUND, **changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"total": Decimal("2.81")}, "5.00 - 2.50 \\+ 0.30 is not 2.81"),
        ({"total": Decimal("2.79")}, "is not 2.79"),
        ({"sales_tax": Decimal("0.31")}, "is not 2.80"),
        ({"price": Decimal("5.01")}, "is not 2.80"),
        ({"promotions": (TWO,)}, "is not 2.80"),
        ({"price": Decimal("2.49"), "total": Decimal("0.29")}, "promotions of 2.50 on a price of 2.49"),
    ],
)
def test_amounts_that_do_not_add_up_cannot_be_built(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DoesNotAddUp, match=words):
        replace(SOUND, **changed)


def test_promotions_may_take_the_whole_price() -> None:
    free = replace(SOUND, price=Decimal("2.50"), total=Decimal("0.30"))
    assert (free.promotions_total, free.fees_total) == (Decimal("2.50"), Decimal("0.25"))


def test_amounts_times_pieces_are_amounts() -> None:
    assert told(SOUND.times(3)) == "15.00 (F 0.75) - A 6.00 - B 1.50 + 0.90 = 8.40"
    assert SOUND.times(1) == SOUND


ALL = Totals(Decimal("10.00"), Decimal("3.00"), Decimal("0.70"), Decimal("7.70"))


@pytest.mark.parametrize("name", ["sub_total", "promotions_total", "sales_tax_total", "price_total"])
@pytest.mark.parametrize("amount", ["-1.00", "3.001", "NaN", "7.71", "10.01"])
def test_totals_that_do_not_add_up_cannot_be_built(name: str, amount: str) -> None:
    changed: dict[str, Any] = {name: Decimal(amount)}
    with pytest.raises(DoesNotAddUp):
        replace(ALL, **changed)


def cart_of(*amounts: Amounts, totals: Totals | None = None) -> PricedCart:
    lines = tuple(PricedLine(number, "COLA", "Cola", line=one, sent=one) for number, one in enumerate(amounts))
    return PricedCart("USD", lines, totals or totals_of(lines), trace={}, optimal=True)


def test_the_totals_of_a_cart_are_those_of_its_lines() -> None:
    assert cart_of(SOUND, SOUND).totals == Totals(Decimal("10.00"), Decimal("5.00"), Decimal("0.60"), Decimal("5.60"))
    assert cart_of().totals == Totals(*[Decimal("0.00")] * 4)


@pytest.mark.parametrize(
    "changed",
    [
        {"sub_total": Decimal("5.01"), "price_total": Decimal("2.81")},
        {"promotions_total": Decimal("2.51"), "price_total": Decimal("2.79")},
        {"sales_tax_total": Decimal("0.29"), "price_total": Decimal("2.79")},
        {"sub_total": Decimal("4.99"), "promotions_total": Decimal("2.49")},
    ],
)
def test_a_cart_whose_totals_are_not_the_sums_of_its_lines_cannot_be_built(changed: dict[str, Decimal]) -> None:
    totals = replace(cart_of(SOUND).totals, **changed)
    with pytest.raises(DoesNotAddUp, match="not the sums of the lines"):
        cart_of(SOUND, totals=totals)
