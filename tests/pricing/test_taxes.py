from decimal import Decimal
from typing import Any

import pytest

from pricing.taxes import split
from tests.pricing.books import Good, amount_off, bill, fee, fixed_price, holiday, line, percent_off, price, pricebook

NEW_YORK_RATES = ("0.04", "0.045", "0.00375")


def taxes(lines: list[Any], book: Any) -> list[str]:
    return [str(one.line.sales_tax) for one in price(lines, book).lines]


# --- A line --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit_price", "quantity", "rates", "tax"),
    [
        pytest.param("6.00", "1", ("0.0975",), "0.59", id="0.585: half a cent goes up"),
        pytest.param("3.00", "2", ("0.0975",), "0.59", id="once for the line, not 0.29 a piece"),
        pytest.param("25.75", "1", ("0.08875",), "2.29", id="2.2853125"),
        pytest.param("25.75", "1", NEW_YORK_RATES, "2.29", id="the same rate from three rules"),
        pytest.param("0.10", "1", NEW_YORK_RATES, "0.01", id="rates add up before rounding: 0.008875"),
        pytest.param("0.01", "1", ("0.10",), "0.00", id="one cent: 0.001"),
        pytest.param("0.01", "1", ("0.5",), "0.01", id="one cent: half of it goes up"),
        pytest.param("0.01", "1", ("0.49999999",), "0.00", id="one cent: just below the half"),
        pytest.param("0.00", "3", ("0.10",), "0.00", id="free"),
        pytest.param("10.00", "1", ("0",), "0.00", id="a rule of nothing"),
        pytest.param("10.00", "1", ("0", "0.06"), "0.60", id="a rule of nothing beside another"),
        pytest.param("10.00", "1", ("0.99999999",), "10.00", id="the highest rate: 9.9999999"),
        pytest.param("99999.99", "1", ("0.00000001",), "0.00", id="the lowest rate"),
    ],
)
def test_tax_is_the_combined_rate_on_the_base_rounded_once(
    unit_price: str, quantity: str, rates: tuple[str, ...], tax: str
) -> None:
    assert taxes([line("COLA", quantity)], pricebook(Good("COLA", unit_price, tax=rates))) == [tax]


@pytest.mark.parametrize(
    ("deal", "expected"),
    [
        pytest.param(percent_off("D", "20", "COLA"), "10.00 - D 2.00 + 0.80 = 8.80", id="paid by the store"),
        pytest.param(
            percent_off("D", "20", "COLA", paid_by_vendor=True), "10.00 - D 2.00 + 1.00 = 9.00", id="paid by the vendor"
        ),
        pytest.param(percent_off("D", "100", "COLA"), "10.00 - D 10.00 + 0.00 = 0.00", id="all of it, by the store"),
        pytest.param(
            fixed_price("D", "0.00", "COLA", paid_by_vendor=True),
            "10.00 - D 10.00 + 1.00 = 1.00",
            id="all of it, by the vendor: the tax stays",
        ),
    ],
)
def test_only_what_the_store_pays_lowers_the_base(deal: Any, expected: str) -> None:
    assert bill([line("COLA")], pricebook(Good("COLA", "10.00", tax=("0.10",)), promotions=[deal])) == [expected]


@pytest.mark.parametrize("rates", [(), ("0.10",)])
def test_an_exempt_category_is_never_taxed_whatever_a_rule_names(rates: tuple[str, ...]) -> None:
    bread = Good("BREAD", "3.10", tax=rates, exempt=True, fees=(fee(taxed=True),))
    priced = price([line("BREAD")], pricebook(bread))
    assert [str(one.line.sales_tax) for one in priced.lines] == ["0.00"]
    assert priced.trace["lines"][0]["tax"] == {
        "category": "GOODS",
        "exempt": True,
        "holiday": None,
        "rate": "0.00",
        "base": "3.15",
        "amount": "0.00",
        "parts": [],
    }


# --- The order -----------------------------------------------------------------------------------------------------

TENTH = ("0.10",)
HALF = ("0.5",)


@pytest.mark.parametrize(
    ("goods", "by_line", "by_order"),
    [
        pytest.param(
            [Good("A", "0.05", tax=TENTH), Good("B", "0.05", tax=TENTH), Good("C", "0.05", tax=TENTH)],
            ["0.01", "0.01", "0.01"],
            ["0.01", "0.01", "0.00"],
            id="0.015 once, ties to the earlier lines",
        ),
        pytest.param(
            [Good("A", "0.01", tax=HALF), Good("B", "0.03", tax=HALF)],
            ["0.01", "0.02"],
            ["0.00", "0.02"],
            id="two halves of a cent: the larger base",
        ),
        pytest.param(
            [Good("A", "0.04", tax=TENTH), Good("B", "0.04", tax=TENTH)],
            ["0.00", "0.00"],
            ["0.01", "0.00"],
            id="0.004 each is 0.01 together",
        ),
        pytest.param(
            [Good("A", "0.04", tax=TENTH), Good("B", "0.04", tax=HALF), Good("C", "0.05", tax=TENTH)],
            ["0.00", "0.02", "0.01"],
            ["0.00", "0.02", "0.01"],
            id="each rate by itself",
        ),
        pytest.param(
            [Good("A", "1.00", tax=("0.04", "0.06")), Good("B", "1.04", tax=TENTH, category="OTHER")],
            ["0.10", "0.10"],
            ["0.10", "0.10"],
            id="the same rate from other rules: 0.204 together",
        ),
        pytest.param(
            [Good("A", "0.05", tax=TENTH), Good("B", "0.05", tax=TENTH, exempt=True), Good("C", "0.00", tax=TENTH)],
            ["0.01", "0.00", "0.00"],
            ["0.01", "0.00", "0.00"],
            id="what is not taxed takes no share",
        ),
    ],
)
def test_tax_is_rounded_by_line_or_once_per_rate(goods: list[Good], by_line: list[str], by_order: list[str]) -> None:
    lines = [line(one.sku) for one in goods]
    assert taxes(lines, pricebook(*goods)) == by_line
    assert taxes(lines, pricebook(*goods, taxed_by_order=True)) == by_order


# --- Holidays ------------------------------------------------------------------------------------------------------


def shirt(unit_price: str, **more: Any) -> Good:
    return Good("SHIRT", unit_price, tax=TENTH, category="CLOTHES", **more)


@pytest.mark.parametrize(
    ("unit_price", "quantity", "below", "deal", "tax"),
    [
        pytest.param("109.99", "1", "110.00", None, "0.00", id="below the cap"),
        pytest.param("110.00", "1", "110.00", None, "11.00", id="at exactly the cap"),
        pytest.param("110.01", "1", "110.00", None, "11.00", id="above it"),
        pytest.param("5000.00", "1", None, None, "0.00", id="no cap: any price"),
        pytest.param("0.00", "1", "0.00", None, "0.00", id="nothing is below nothing, and has no tax"),
        pytest.param(
            "120.00", "1", "110.00", percent_off("D", "10", "SHIRT"), "0.00", id="met only after the discount: 108.00"
        ),
        pytest.param(
            "120.00", "1", "110.00", amount_off("D", "10.00", "SHIRT"), "11.00", id="discounted to exactly the cap"
        ),
        pytest.param(
            "120.00",
            "1",
            "110.00",
            percent_off("D", "10", "SHIRT", paid_by_vendor=True),
            "12.00",
            id="what the vendor pays does not count",
        ),
        pytest.param("109.99", "3", "110.00", None, "0.00", id="each piece below the cap"),
        pytest.param("110.00", "3", "110.00", None, "33.00", id="each piece at the cap"),
    ],
)
def test_a_holiday_frees_what_is_cheap_enough(
    unit_price: str, quantity: str, below: str | None, deal: Any, tax: str
) -> None:
    promotions = [deal] if deal else []
    book = pricebook(shirt(unit_price), promotions=promotions, holidays=[holiday(below, categories=["CLOTHES"])])
    assert taxes([line("SHIRT", quantity)], book) == [tax]


@pytest.mark.parametrize(
    ("weight", "tax"),
    [
        pytest.param("0.333", "0.30", id="3.00 is not below 2.997"),
        pytest.param("1", "0.90", id="9.00 is not below 9.00"),
        pytest.param("0.156", "0.00", id="1.40 is below 1.404"),
    ],
)
def test_the_cap_of_a_weighed_line_is_not_rounded(weight: str, tax: str) -> None:
    nuts = Good("NUTS", "9.00", "lb", tax=TENTH)
    assert taxes([line("NUTS", weight, "lb")], pricebook(nuts, holidays=[holiday("9.00")])) == [tax]


@pytest.mark.parametrize(("unit_price", "tax"), [("109.99", "0.00"), ("110.00", "11.01")])
def test_fees_count_neither_for_the_cap_nor_on_a_holiday(unit_price: str, tax: str) -> None:
    book = pricebook(
        shirt(unit_price, fees=(fee("0.10", taxed=True),)), holidays=[holiday("110.00", categories=["CLOTHES"])]
    )
    assert taxes([line("SHIRT")], book) == [tax]


def test_a_holiday_frees_its_own_categories_alone() -> None:
    book = pricebook(
        shirt("20.00"), Good("COLA", "2.00", tax=TENTH), holidays=[holiday(categories=["CLOTHES", "SHOES"])]
    )
    assert taxes([line("SHIRT"), line("COLA")], book) == ["0.00", "0.20"]


def test_the_trace_names_the_first_holiday_that_frees_a_line() -> None:
    holidays = [
        holiday("10.00", code="CHEAP", categories=["CLOTHES"]),
        holiday("30.00", code="SCHOOL", categories=["CLOTHES"]),
        holiday(code="WINTER", categories=["CLOTHES"]),
    ]
    book = pricebook(shirt("20.00"), Good("COLA", "2.00", tax=TENTH), holidays=holidays)
    traced = [one["tax"] for one in price([line("SHIRT"), line("COLA")], book).trace["lines"]]
    assert [(one["holiday"], one["rate"], [part["amount"] for part in one["parts"]]) for one in traced] == [
        ({"code": "SCHOOL", "unit_price_below": "30.00"}, "0.00", ["0.00"]),
        (None, "0.10", ["0.20"]),
    ]


def test_a_free_line_on_a_holiday_leaves_the_others_of_its_rate_alone() -> None:
    goods = [shirt("0.05"), Good("A", "0.05", tax=TENTH), Good("B", "0.05", tax=TENTH)]
    book = pricebook(*goods, holidays=[holiday(categories=["CLOTHES"])], taxed_by_order=True)
    assert taxes([line("SHIRT"), line("A"), line("B")], book) == ["0.00", "0.01", "0.00"]


# --- Jurisdictions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tax", "rates", "parts"),
    [
        pytest.param("2.29", ["0.04", "0.045", "0.00375"], ["1.03", "1.16", "0.10"], id="1.0321, 1.1611, 0.0968"),
        pytest.param("0.01", ["0.04", "0.045"], ["0.00", "0.01"], id="one cent to the higher rate"),
        pytest.param("0.01", ["0.05", "0.05"], ["0.01", "0.00"], id="one cent between equals: the first"),
        pytest.param("0.05", ["0.02", "0.06"], ["0.01", "0.04"], id="0.0125 and 0.0375"),
        pytest.param("0.02", ["0.01", "0.03"], ["0.00", "0.02"], id="two halves: the higher rate"),
        pytest.param("1.00", ["0", "0.1"], ["0.00", "1.00"], id="nothing for a rate of nothing"),
        pytest.param("1.00", ["0.00000001", "0.00000003"], ["0.25", "0.75"], id="eight decimals count"),
        pytest.param("0.00", ["0.04", "0.05"], ["0.00", "0.00"], id="no tax"),
        pytest.param("0.00", ["0", "0"], ["0.00", "0.00"], id="no rates"),
        pytest.param("0.00", [], [], id="no rules"),
    ],
)
def test_the_parts_of_a_tax_always_add_up(tax: str, rates: list[str], parts: list[str]) -> None:
    assert [str(part) for part in split(Decimal(tax), [Decimal(rate) for rate in rates])] == parts


def test_the_parts_of_pieces_add_up_to_the_tax_of_the_line() -> None:
    book = pricebook(Good("COLA", "1.00", tax=NEW_YORK_RATES), amounts_of_one_piece=True)
    tax = price([line("COLA", "3")], book).trace["lines"][0]["tax"]
    assert tax["amount"] == "0.27"
    assert [part["amount"] for part in tax["parts"]] == ["0.12", "0.14", "0.01"]
