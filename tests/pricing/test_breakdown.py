"""What a trace says for the books. That it adds up for whatever cart is held by `test_properties`."""

import json
from decimal import Decimal
from typing import Any

import pytest

from orders.body import to_json
from pricing.breakdown import Breakdown, FeeCharge, PromotionCost, TaxShare, Unreadable, break_down
from pricing.terms import CartLine, Pricebook
from tests.pricing.books import Good, amount_off, fee, holiday, line, percent_off, price, pricebook

COLA = Good("COLA", "2.49", tax=("0.04", "0.04875"), fees=(fee(taxed=True),))


def broken_down(book: Pricebook, *lines: CartLine) -> Breakdown:
    return break_down(json.loads(to_json(price(lines, book).trace)))


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def test_tax_goes_to_each_jurisdiction_with_its_rate_and_what_it_is_due_on() -> None:
    parts = broken_down(pricebook(COLA), line("COLA", "2"))
    (taxable,) = money("5.08")
    assert parts.taxes == (
        TaxShare("TAX-0", "Jurisdiction 0", Decimal("0.04"), taxable, Decimal("0.20")),
        TaxShare("TAX-1", "Jurisdiction 1", Decimal("0.04875"), taxable, Decimal("0.25")),
    )
    assert parts.fees == (FeeCharge("DEPOSIT", "Deposit of 0.05", 2, Decimal("0.10")),)


def test_where_prices_include_tax_it_is_due_on_what_is_left_without_it() -> None:
    book = pricebook(
        Good("HAT", "11.00", tax=("0.1",)), promotions=[amount_off("HATS", "1.10", "HAT")], prices_include_tax=True
    )
    parts = broken_down(book, line("HAT"))
    assert [(one.taxable, one.amount) for one in parts.taxes] == [money("9.00", "0.90")]
    assert [one.amount for one in parts.promotions] == [Decimal("1.00")]


def test_amounts_of_one_piece_are_multiplied() -> None:
    book = pricebook(
        Good("HAT", "10.00", tax=("0.1",), fees=(fee("0.25"),)),
        promotions=[amount_off("HATS", "1.00", "HAT", paid_by_vendor=True)],
        amounts_of_one_piece=True,
    )
    parts = broken_down(book, line("HAT", "3"))
    assert [(one.taxable, one.amount) for one in parts.taxes] == [money("30.00", "3.00")]
    assert parts.promotions == (PromotionCost("HATS", "HATS saves", "VENDOR", Decimal("3.00")),)
    assert [(one.pieces, one.amount) for one in parts.fees] == [(3, Decimal("0.75"))]


def test_what_is_weighed_is_one_piece() -> None:
    book = pricebook(Good("NUTS", "8.99", "lb", tax=("0.1",)), promotions=[percent_off("TENTH", "10", "NUTS")])
    parts = broken_down(book, line("NUTS", "0.453", "lb"))
    assert [one.amount for one in parts.promotions] == [Decimal("0.41")]
    assert [(one.taxable, one.amount) for one in parts.taxes] == [money("3.66", "0.37")]


@pytest.mark.parametrize(
    ("good", "holidays"),
    [
        (Good("BREAD", "3.10", exempt=True), []),
        (Good("SHIRT", "20.00", tax=("0.1",), category="CLOTHES"), [holiday(categories=["CLOTHES"])]),
    ],
    ids=["exempt", "holiday"],
)
def test_what_is_not_taxed_has_no_share(good: Good, holidays: list[Any]) -> None:
    assert broken_down(pricebook(good, holidays=holidays), line(good.sku)).taxes == ()


@pytest.mark.parametrize(
    "trace", [None, {}, {"version": 99}, {"version": 1}, {"version": 1, "lines": [{}], "settings": {}}]
)
def test_what_is_no_trace_is_unreadable(trace: Any) -> None:
    with pytest.raises(Unreadable):
        break_down(trace)
