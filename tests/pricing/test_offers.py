"""Deals on one unit: what they save, which one a unit gets, and when the store's clock lets them."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pricing.terms import PromotionTerms
from tests.pricing.books import (
    NEW_YORK,
    Good,
    amount_off,
    bill,
    fixed_price,
    hours,
    line,
    percent_off,
    price,
    pricebook,
    promotion,
)

COLA = Good("COLA", "2.49")
WATER = Good("WATER", "1.05")
NUTS = Good("NUTS", "8.99", "lb")


def misses(lines: list[Any], book: Any) -> list[tuple[str, str, str, str]]:
    """Each promotion that did not apply, with the first condition that failed and the values seen and needed."""
    trace = price(lines, book).trace
    return [(one["promotion"], one["condition"], one["seen"], one["needed"]) for one in trace["not_applied"]]


# --- What one use saves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit_price", "deal", "saved"),
    [
        (one, percent_off("D", percent, "COLA"), saved)
        for one, percent, saved in [
            ("1.05", "10", "0.11"),
            ("2.15", "10", "0.22"),
            ("3.33", "10", "0.33"),
            ("0.04", "10", "0.00"),
            ("0.05", "10", "0.01"),
            ("2.49", "100", "2.49"),
            ("0.01", "100", "0.01"),
            ("0.01", "50", "0.01"),
            ("0.01", "49.9999", "0.00"),
            ("3.00", "33.3333", "1.00"),
            ("0.99", "12.5", "0.12"),
            ("50.00", "0.01", "0.01"),
        ]
    ]
    + [
        (one, amount_off("D", amount, "COLA"), saved)
        for one, amount, saved in [
            ("2.49", "0.50", "0.50"),
            ("2.49", "2.49", "2.49"),
            ("2.49", "2.50", "2.49"),
            ("2.49", "99999.99", "2.49"),
            ("0.00", "0.50", "0.00"),
            ("2.49", "0.00", "0.00"),
        ]
    ]
    + [
        (one, fixed_price("D", amount, "COLA"), saved)
        for one, amount, saved in [
            ("2.49", "2.00", "0.49"),
            ("2.49", "2.48", "0.01"),
            ("2.49", "2.49", "0.00"),
            ("2.49", "3.00", "0.00"),
            ("2.49", "0.00", "2.49"),
        ]
    ],
)
def test_a_piece_gets_this_much_off(unit_price: str, deal: PromotionTerms, saved: str) -> None:
    priced = price([line("COLA")], pricebook(Good("COLA", unit_price), promotions=[deal]))
    assert str(priced.totals.promotions_total) == saved
    assert [one.code for one in priced.lines[0].line.promotions] == ([] if saved == "0.00" else ["D"])


@pytest.mark.parametrize(
    ("deal", "quantity", "expected"),
    [
        pytest.param(percent_off("D", "10", "WATER"), "3", "3.15 - D 0.33 + 0.00 = 2.82", id="0.11 each, not 0.32"),
        pytest.param(percent_off("D", "4", "WATER"), "10", "10.50 - D 0.40 + 0.00 = 10.10", id="0.04 each, not 0.42"),
        pytest.param(amount_off("D", "2.00", "WATER"), "4", "4.20 - D 4.20 + 0.00 = 0.00", id="never below nothing"),
        pytest.param(fixed_price("D", "0.90", "WATER"), "4", "4.20 - D 0.60 + 0.00 = 3.60", id="each at its price"),
    ],
)
def test_each_piece_is_rounded_by_itself(deal: PromotionTerms, quantity: str, expected: str) -> None:
    assert bill([line("WATER", quantity)], pricebook(WATER, promotions=[deal])) == [expected]


@pytest.mark.parametrize(
    ("deal", "expected"),
    [
        pytest.param(percent_off("D", "10", "NUTS"), "4.07 - D 0.41 + 0.00 = 3.66", id="percent of the line price"),
        pytest.param(percent_off("D", "100", "NUTS"), "4.07 - D 4.07 + 0.00 = 0.00", id="all of it"),
        pytest.param(amount_off("D", "1.00", "NUTS"), "4.07 - D 0.45 + 0.00 = 3.62", id="an amount per pound: 0.453"),
        pytest.param(amount_off("D", "10.00", "NUTS"), "4.07 - D 4.07 + 0.00 = 0.00", id="no more than the line"),
        pytest.param(fixed_price("D", "5.99", "NUTS"), "4.07 - D 1.36 + 0.00 = 2.71", id="a price per pound: 2.71347"),
        pytest.param(fixed_price("D", "9.00", "NUTS"), "4.07 + 0.00 = 4.07", id="a price above: 4.08"),
        pytest.param(fixed_price("D", "8.98", "NUTS"), "4.07 + 0.00 = 4.07", id="a price below that comes to the same"),
    ],
)
def test_a_weighed_line_is_one_unit(deal: PromotionTerms, expected: str) -> None:
    assert bill([line("NUTS", "0.453", "lb")], pricebook(NUTS, promotions=[deal])) == [expected]


# --- Which deal a unit gets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promotions", "expected"),
    [
        pytest.param(
            [percent_off("A", "10", "COLA"), amount_off("B", "0.50", "COLA")],
            "2.49 - B 0.50 + 0.00 = 1.99",
            id="the one that saves most",
        ),
        pytest.param(
            [amount_off("B", "0.25", "COLA"), percent_off("A", "10", "COLA")],
            "2.49 - A 0.25 + 0.00 = 2.24",
            id="of equals the first code, whatever the order",
        ),
        pytest.param(
            [amount_off("b", "0.25", "COLA"), percent_off("B", "10", "COLA")],
            "2.49 - B 0.25 + 0.00 = 2.24",
            id="capitals come first",
        ),
        pytest.param(
            [percent_off("FIRST", "10", "COLA", priority=1), amount_off("B", "2.00", "COLA")],
            "2.49 - FIRST 0.25 + 0.00 = 2.24",
            id="a higher zone first, though it saves less",
        ),
        pytest.param(
            [percent_off("LAST", "90", "COLA", priority=-1), amount_off("B", "0.10", "COLA")],
            "2.49 - B 0.10 + 0.00 = 2.39",
            id="nought is above what is below it",
        ),
        pytest.param(
            [fixed_price("DEAR", "2.49", "COLA", priority=9), amount_off("B", "0.10", "COLA")],
            "2.49 - B 0.10 + 0.00 = 2.39",
            id="a higher zone that saves nothing takes nothing",
        ),
        pytest.param(
            [amount_off("A", "1.00", "COLA"), amount_off("B", "1.00", "COLA", priority=1)],
            "2.49 - B 1.00 + 0.00 = 1.49",
            id="one deal a unit",
        ),
        pytest.param([percent_off("A", "10", "WATER")], "2.49 + 0.00 = 2.49", id="another product's deal"),
    ],
)
def test_a_unit_gets_one_deal(promotions: list[PromotionTerms], expected: str) -> None:
    book = pricebook(COLA, WATER, promotions=promotions)
    assert bill([line("COLA"), line("WATER")], book)[0] == expected


def test_each_line_gets_its_own_best_deal() -> None:
    deals = [percent_off("TENTH", "10", "COLA", "WATER", "NUTS"), amount_off("TWENTY", "0.20", "COLA", "WATER")]
    book = pricebook(COLA, WATER, NUTS, promotions=deals)
    assert bill([line("COLA", "2"), line("WATER", "2"), line("NUTS", "2", "lb"), line("COLA")], book) == [
        "4.98 - TENTH 0.50 + 0.00 = 4.48",
        "2.10 - TWENTY 0.40 + 0.00 = 1.70",
        "17.98 - TENTH 1.80 + 0.00 = 16.18",
        "2.49 - TENTH 0.25 + 0.00 = 2.24",
    ]


def test_the_receipt_gets_the_text_of_the_promotion() -> None:
    priced = price([line("COLA")], pricebook(COLA, promotions=[percent_off("TENTH", "10", "COLA")]))
    assert [one.text for one in priced.lines[0].line.promotions] == ["TENTH saves"]


def test_a_kind_of_promotion_that_is_not_known_is_never_ignored() -> None:
    book = pricebook(
        COLA, promotions=[PromotionTerms("row", "C", "Coupon", "Coupon", "COUPON", (frozenset(["COLA"]),))]
    )
    with pytest.raises(ValueError, match="COUPON"):
        price([line("COLA")], book)


# --- Why a promotion did not apply ---------------------------------------------------------------------------------


def test_the_trace_says_what_applied_to_which_lines() -> None:
    book = pricebook(COLA, NUTS, promotions=[percent_off("TENTH", "10", "COLA", "NUTS")])
    trace = price([line("COLA", "2"), line("NUTS", "0.453", "lb"), line("COLA")], book).trace
    assert [(one["promotion"], one["uses"], one["units"], one["saving"]) for one in trace["applications"]] == [
        ("TENTH", 2, [{"line": 0, "role": 0, "count": 1, "price": "2.49", "saving": "0.25"}], "0.50"),
        ("TENTH", 1, [{"line": 1, "role": 0, "count": 1, "price": "4.07", "saving": "0.41"}], "0.41"),
        ("TENTH", 1, [{"line": 2, "role": 0, "count": 1, "price": "2.49", "saving": "0.25"}], "0.25"),
    ]
    assert trace["not_applied"] == []


@pytest.mark.parametrize(
    ("deal", "miss"),
    [
        (
            percent_off("D", "10", "COLA", weekdays=frozenset({"WED", "MON"})),
            ("D", "weekday", "SAT", "MON, WED"),
        ),
        (percent_off("D", "10", "COLA", **hours("16:00", "18:00")), ("D", "hours", "12:00:00", "16:00 to 18:00")),
        (
            fixed_price("D", "2.49", "COLA", "WATER"),
            ("D", "saving", "a price of 2.49", "a price above 2.49"),
        ),
        (amount_off("D", "0.00", "COLA"), ("D", "saving", "a price of 2.49", "a saving of at least 0.01")),
        (percent_off("D", "10", "COLA"), ("D", "better deal", "BEST", "products that no better deal has taken")),
        (
            percent_off("D", "90", "COLA", priority=-1),
            ("D", "priority", "BEST", "products that no promotion of a higher priority has taken"),
        ),
    ],
)
def test_the_trace_says_which_condition_failed_first(deal: PromotionTerms, miss: tuple[str, str, str, str]) -> None:
    book = pricebook(COLA, WATER, promotions=[amount_off("BEST", "1.00", "COLA"), deal])
    assert misses([line("COLA"), line("WATER")], book) == [miss]


def test_a_deal_of_a_higher_priority_takes_each_of_its_pieces_once() -> None:
    """It has pieces of both lines, and leaves one of each: what takes those is the better deal."""
    meal = promotion("MEAL", "BUNDLE", ["COLA"], ["WATER"], counts=(1, 1), amount="1.00", max_uses=1, priority=1)
    rivals = [percent_off(code, percent, "COLA", "WATER") for code, percent in (("BEST", "50"), ("D", "10"))]
    book = pricebook(COLA, WATER, promotions=[meal, *rivals])
    assert misses([line("COLA", "2"), line("WATER", "2")], book) == [
        ("D", "better deal", "BEST, MEAL", "products that no better deal has taken")
    ]


@pytest.mark.parametrize("terms", [{}, hours("16:00", "18:00")], ids=["now", "at another hour"])
def test_a_promotion_on_nothing_in_the_cart_is_not_spoken_of(terms: dict[str, Any]) -> None:
    """An external identifier may name a second product: the pricebook knows its promotions, the cart has none of it."""
    book = pricebook(COLA, WATER, promotions=[percent_off("D", "10", "WATER", **terms)])
    assert misses([line("COLA", also=(("SKU", "WATER"),))], book) == []


# --- The clock -----------------------------------------------------------------------------------------------------


def applies(local: str, zone: ZoneInfo = NEW_YORK, **terms: Any) -> bool:
    """Whether a promotion with these days and hours applies at that moment, given as ISO 8601."""
    moment = datetime.fromisoformat(local)
    book = pricebook(COLA, promotions=[percent_off("D", "10", "COLA", **terms)], moment=moment, zone=zone)
    return bool(price([line("COLA")], book).lines[0].line.promotions)


def days(*names: str) -> frozenset[str]:
    return frozenset(names)


HAPPY = hours("16:00", "18:00")
NIGHT = hours("22:00", "02:00")


@pytest.mark.parametrize(
    ("moment", "terms", "answer"),
    [
        pytest.param("2026-03-14T15:59:59.999999-04:00", HAPPY, False, id="just before the hours"),
        pytest.param("2026-03-14T16:00:00-04:00", HAPPY, True, id="at their start"),
        pytest.param("2026-03-14T17:59:59.999999-04:00", HAPPY, True, id="just before their end"),
        pytest.param("2026-03-14T18:00:00-04:00", HAPPY, False, id="at their end"),
        pytest.param("2026-03-14T20:30:00+00:00", HAPPY, True, id="the same clock, told from Greenwich"),
        pytest.param("2026-03-14T16:30:00+00:00", HAPPY, False, id="half past four in Greenwich"),
        pytest.param("2026-03-14T00:00:00-04:00", {"weekdays": days("SAT")}, True, id="at midnight the day begins"),
        pytest.param("2026-03-14T23:59:59-04:00", {"weekdays": days("SAT")}, True, id="its last second"),
        pytest.param("2026-03-15T00:00:00-04:00", {"weekdays": days("SAT")}, False, id="the next day"),
        pytest.param("2026-03-14T02:00:00+00:00", {"weekdays": days("FRI")}, True, id="still Friday in New York"),
        pytest.param("2026-03-14T17:00:00-04:00", {**HAPPY, "weekdays": days("SAT")}, True, id="day and hours"),
        pytest.param("2026-03-14T12:00:00-04:00", {**HAPPY, "weekdays": days("SAT")}, False, id="the day alone"),
        pytest.param("2026-03-15T17:00:00-04:00", {**HAPPY, "weekdays": days("SAT")}, False, id="the hours alone"),
        pytest.param("2026-03-14T12:00:00-04:00", hours("00:00", "23:59"), True, id="nearly all day"),
        pytest.param("2026-03-14T23:59:30-04:00", hours("00:00", "23:59"), False, id="but the last minute"),
    ],
)
def test_days_and_hours_are_read_on_the_clock_of_the_store(moment: str, terms: dict[str, Any], *, answer: bool) -> None:
    assert applies(moment, **terms) is answer


@pytest.mark.parametrize(
    ("moment", "began", "answer"),
    [
        pytest.param("2026-03-14T21:59:59-04:00", "SAT", False, id="Saturday before ten"),
        pytest.param("2026-03-14T22:00:00-04:00", "SAT", True, id="Saturday at ten"),
        pytest.param("2026-03-15T00:00:00-04:00", "SAT", True, id="midnight belongs to Saturday"),
        pytest.param("2026-03-15T00:00:00-04:00", "SUN", False, id="and not to Sunday"),
        pytest.param("2026-03-15T01:59:59-04:00", "SAT", True, id="until two"),
        pytest.param("2026-03-15T02:00:00-04:00", "SAT", False, id="not at two"),
        pytest.param("2026-03-15T23:00:00-04:00", "SAT", False, id="Sunday night"),
        pytest.param("2026-03-14T01:00:00-04:00", "SAT", False, id="the night from Friday"),
        pytest.param("2026-03-14T01:00:00-04:00", "FRI", True, id="began on Friday"),
        pytest.param("2026-03-16T01:00:00-04:00", "SUN", True, id="the week ends in the night to Monday"),
        pytest.param("2026-04-01T01:00:00-04:00", "TUE", True, id="and the month in that to the first"),
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_began_on(moment: str, began: str, *, answer: bool) -> None:
    assert applies(moment, **NIGHT, weekdays=days(began)) is answer


@pytest.mark.parametrize(
    ("moment", "answer"),
    [("2026-03-14T23:59:59", True), ("2026-03-15T00:00:00", False), ("2026-03-14T00:00:00", False)],
)
def test_hours_may_end_at_midnight(moment: str, *, answer: bool) -> None:
    assert applies(f"{moment}-04:00", **hours("22:00", "00:00"), weekdays=days("SAT")) is answer


@pytest.mark.parametrize(("moment", "answer"), [("2026-03-14T23:00", True), ("2026-03-14T03:00", False)])
def test_hours_over_midnight_hold_on_every_day_when_none_is_named(moment: str, *, answer: bool) -> None:
    assert applies(f"{moment}:00-04:00", **NIGHT) is answer


@pytest.mark.parametrize(
    ("moment", "terms", "answer"),
    [
        pytest.param("06:59:59", hours("01:00", "02:00"), True, id="01:59:59, still winter"),
        pytest.param("07:00:00", hours("01:00", "02:00"), False, id="03:00, already summer"),
        pytest.param("06:59:59", hours("02:00", "03:00"), False, id="the hour that is left out, before"),
        pytest.param("07:00:00", hours("02:00", "03:00"), False, id="the hour that is left out, after"),
        pytest.param("07:00:00", hours("02:30", "03:30"), True, id="half of it is left out"),
        pytest.param("06:30:00", {**hours("22:00", "03:00"), "weekdays": days("SAT")}, True, id="the short night"),
        pytest.param("07:00:00", {**hours("22:00", "03:00"), "weekdays": days("SAT")}, False, id="ends at three"),
        pytest.param("04:59:59", {"weekdays": days("SAT")}, True, id="the day before ends at 05:00"),
        pytest.param("05:00:00", {"weekdays": days("SUN")}, True, id="the day begins"),
    ],
)
def test_when_clocks_go_forward_an_hour_is_left_out(moment: str, terms: dict[str, Any], *, answer: bool) -> None:
    assert applies(f"2026-03-08T{moment}+00:00", **terms) is answer


@pytest.mark.parametrize(
    ("moment", "terms", "answer"),
    [
        pytest.param("04:59:59", hours("01:00", "02:00"), False, id="00:59:59"),
        pytest.param("05:00:00", hours("01:00", "02:00"), True, id="01:00, for the first time"),
        pytest.param("05:59:59", hours("01:00", "02:00"), True, id="01:59:59, for the first time"),
        pytest.param("06:00:00", hours("01:00", "02:00"), True, id="01:00, for the second time"),
        pytest.param("06:59:59", hours("01:00", "02:00"), True, id="01:59:59, for the second time"),
        pytest.param("07:00:00", hours("01:00", "02:00"), False, id="02:00"),
        pytest.param("05:29:59", {**hours("22:00", "01:30"), "weekdays": days("SAT")}, True, id="the night, once"),
        pytest.param("05:30:00", {**hours("22:00", "01:30"), "weekdays": days("SAT")}, False, id="is over"),
        pytest.param("06:29:59", {**hours("22:00", "01:30"), "weekdays": days("SAT")}, True, id="and begins again"),
        pytest.param("06:30:00", {**hours("22:00", "01:30"), "weekdays": days("SAT")}, False, id="until half past"),
    ],
)
def test_when_clocks_go_back_an_hour_happens_twice(moment: str, terms: dict[str, Any], *, answer: bool) -> None:
    assert applies(f"2026-11-01T{moment}+00:00", **terms) is answer


def test_a_store_elsewhere_has_its_own_clock_and_weekday() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    moment = datetime.fromisoformat("2026-03-14T18:14:59+00:00")
    terms = {"weekdays": days("SUN"), **hours("00:00", "01:00")}
    assert applies(moment.isoformat(), kathmandu, **terms) is False
    assert applies((moment + timedelta(seconds=1)).isoformat(), kathmandu, **terms) is True
