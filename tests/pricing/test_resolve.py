"""Which product a line is, and every reason for which a cart waits."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pricing.engine import price_cart
from pricing.priced import CAUSES, PricedCart, Unpriced
from pricing.resolve import lookup_keys, resolve
from pricing.terms import CartLine, Limits, Pricebook
from tests.pricing.books import (
    NOON,
    Good,
    bill,
    cart,
    fee,
    line,
    price,
    pricebook,
    problems,
    scan,
)

UPC = "00012345678905"
EAN_8 = "00000001234565"
UPC_E = "00012345000065"
SHORT = "01234565"
"""Eight digits that are EAN_8 or UPC_E."""


def skus(lines: Sequence[CartLine], book: Pricebook) -> list[str]:
    return [one.sku for one in price(lines, book).lines]


def messages(lines: Sequence[CartLine], book: Pricebook) -> list[str]:
    unpriced = resolve(cart(*lines), book, now=NOON)
    assert isinstance(unpriced, Unpriced)
    return [problem.message for problem in unpriced.problems]


# --- Which product -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_type", "code", "keys"),
    [
        ("SKU", "COLA", ("sku:COLA",)),
        ("SKU", SHORT, ("sku:01234565",)),
        ("SCANCODE", "012345678905", (UPC,)),
        ("SCANCODE", SHORT, (EAN_8, UPC_E)),
        ("SCANCODE", "4011", ("4011", "00000000004011")),
        ("UPC", SHORT, (EAN_8, UPC_E)),
    ],
)
def test_a_sku_is_looked_up_as_it_stands_and_everything_else_as_a_scan(
    id_type: str, code: str, keys: tuple[str, ...]
) -> None:
    assert lookup_keys(id_type, code) == keys


@pytest.mark.parametrize(
    ("goods", "asked", "sku"),
    [
        pytest.param([Good("COLA")], line("COLA"), "COLA", id="a SKU"),
        pytest.param([Good("012345678905")], line("012345678905"), "012345678905", id="a SKU of digits"),
        pytest.param([Good("COLA", keys=(UPC,))], scan("012345678905"), "COLA", id="a UPC"),
        pytest.param([Good("COLA", keys=(UPC,))], scan("0012345678905"), "COLA", id="a UPC told as EAN"),
        pytest.param([Good("COLA", keys=(UPC,))], scan("00012345678905"), "COLA", id="a UPC told as GTIN"),
        pytest.param([Good("COLA", keys=(UPC_E,))], scan(SHORT), "COLA", id="a UPC-E finds its UPC-A"),
        pytest.param([Good("COLA", keys=(UPC_E,))], scan("012345000065"), "COLA", id="a UPC-A finds its UPC-E"),
        pytest.param([Good("COLA", keys=(EAN_8,))], scan(SHORT), "COLA", id="an EAN-8"),
        pytest.param([Good("COLA", keys=(EAN_8, UPC_E))], scan(SHORT), "COLA", id="both of one product"),
        pytest.param([Good("KIWI", keys=("4030",))], scan("4030"), "KIWI", id="a PLU"),
        pytest.param([Good("BOOK", keys=("080442957X",))], scan("080442957X"), "BOOK", id="an ISBN with an X"),
    ],
)
def test_a_line_is_this_product(goods: list[Good], asked: CartLine, sku: str) -> None:
    assert skus([asked], pricebook(*goods)) == [sku]


@pytest.mark.parametrize(
    ("asked", "sku"),
    [
        pytest.param(line("COLA", also=(("SKU", "WATER"),)), "COLA", id="not asked when the line's own id is found"),
        pytest.param(line("?", also=(("SKU", "WATER"),)), "WATER", id="a SKU"),
        pytest.param(scan("999", also=(("SKU", "COLA"),)), "COLA", id="a SKU of a scan"),
        pytest.param(line("?", also=(("UPC", "012345678905"),)), "COLA", id="a scanned code"),
        pytest.param(line("?", also=(("SKU", "!"), ("SKU", "WATER"), ("SKU", "COLA"))), "WATER", id="in their order"),
        pytest.param(
            line("?", also=(("SKU", "012345678905"), ("EAN", "0012345678905"))), "COLA", id="each by its type"
        ),
    ],
)
def test_external_identifiers_are_tried_in_order(asked: CartLine, sku: str) -> None:
    assert skus([asked], pricebook(Good("COLA", keys=(UPC,)), Good("WATER"))) == [sku]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(scan(SHORT), id="scanned"),
        pytest.param(scan(SHORT, also=(("SKU", "WATER"),)), id="without falling back"),
        pytest.param(line("?", also=(("UPC", SHORT), ("SKU", "WATER"))), id="as an external identifier"),
    ],
)
def test_eight_digits_that_mean_two_products_park_the_cart(asked: CartLine) -> None:
    book = pricebook(Good("EUROPEAN", keys=(EAN_8,)), Good("AMERICAN", keys=(UPC_E,)), Good("WATER"))
    assert problems([asked], book) == [(0, "product")]
    assert messages([asked], book) == [
        (
            "“01234565” can mean several products: AMERICAN, EUROPEAN. "
            "Take the barcode off all but one of them, then re-price this cart."
        )
    ]


def test_one_barcode_on_two_products_parks_the_cart() -> None:
    book = pricebook(Good("COLA", keys=(UPC,)), Good("DIET", keys=(UPC,)))
    assert problems([line("COLA"), scan("012345678905"), line("DIET")], book) == [(1, "product")]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (line("WINE"), "SKU “WINE”"),
        (line("012345678905"), "SKU “012345678905”"),
        (line("cola"), "SKU “cola”"),
        (scan("COLA"), "barcode “COLA”"),
        (scan("sku:COLA"), "barcode “sku:COLA”"),
        (scan("4011"), "barcode “4011”"),
        (line("WINE", also=(("SKU", "BEER"), ("UPC", "4011"))), "SKU “WINE”"),
    ],
)
def test_a_product_that_is_not_found_parks_the_cart(asked: CartLine, what: str) -> None:
    book = pricebook(Good("COLA", keys=(UPC,)))
    assert problems([line("COLA"), asked], book) == [(1, "product")]
    assert messages([asked], book) == [f"No product has the {what}. Add it to the catalog, then re-price this cart."]


# --- Quantities and units ------------------------------------------------------------------------------------------

GOODS = [Good("COLA"), Good("NUTS", "8.99", "lb"), Good("TEA", "1.20", "oz"), Good("RICE", "2.00", "kg")]
GOODS += [Good("SAFFRON", "9.00", "g")]


@pytest.mark.parametrize(
    ("sku", "quantity", "unit"),
    [
        ("COLA", "0", "unit"),
        ("COLA", "0.0", "unit"),
        ("COLA", "-1", "unit"),
        ("COLA", "1.5", "unit"),
        ("COLA", "0.999", "unit"),
        ("COLA", "1000", "unit"),
        ("COLA", "999.5", "unit"),
        ("NUTS", "0", "lb"),
        ("NUTS", "0.000", "lb"),
        ("NUTS", "-0.453", "lb"),
        ("NUTS", "999.001", "lb"),
    ],
)
def test_a_quantity_that_cannot_be_parks_the_cart(sku: str, quantity: str, unit: str) -> None:
    assert problems([line(sku, quantity, unit)], pricebook(*GOODS)) == [(0, "quantity")]


@pytest.mark.parametrize(
    ("sku", "quantity", "unit"),
    [
        ("COLA", "1", "unit"),
        ("COLA", "1.000", "unit"),
        ("COLA", "999", "unit"),
        ("NUTS", "0.001", "lb"),
        ("NUTS", "999", "lb"),
        ("NUTS", "998.999", "lb"),
    ],
)
def test_a_quantity_that_can_be_is_priced(sku: str, quantity: str, unit: str) -> None:
    assert skus([line(sku, quantity, unit)], pricebook(*GOODS)) == [sku]


@pytest.mark.parametrize(
    ("sku", "quantity", "unit", "message"),
    [
        ("COLA", "-2", "unit", "The quantity of Example COLA is -2; it must be above zero."),
        (
            "COLA",
            "1000",
            "unit",
            "The quantity of Example COLA is 1000; more than 999 on one line is checked by a person.",
        ),
        ("COLA", "1.5", "unit", "Example COLA is sold by the piece, so its quantity cannot be 1.5."),
        (
            "COLA",
            "1",
            "Box",
            "Example COLA is sold by the piece, but the cart counts it in “Box”. Nothing is converted.",
        ),
        (
            "NUTS",
            "1",
            "kg",
            "Example NUTS is sold by weight in lb, but the cart counts it in “kg”. Nothing is converted.",
        ),
    ],
)
def test_a_manager_reads_what_is_wrong(sku: str, quantity: str, unit: str, message: str) -> None:
    assert messages([line(sku, quantity, unit)], pricebook(*GOODS)) == [message]


@pytest.mark.parametrize(
    ("sku", "texts"),
    [
        ("COLA", "unit units each ea piece pieces pc count Unit EACH Ea PC Count"),
        ("NUTS", "lb lbs pound pounds LB Lbs Pounds"),
        ("TEA", "oz ounce ounces OZ Ounce"),
        ("RICE", "kg kilogram kilograms KG Kilograms"),
        ("SAFFRON", "g gram grams G Grams"),
    ],
)
def test_units_have_many_names(sku: str, texts: str) -> None:
    lines = [line(sku, "1", unit) for unit in texts.split()]
    assert skus(lines, pricebook(*GOODS)) == [sku] * len(lines)


@pytest.mark.parametrize(
    ("sku", "unit"),
    [
        ("COLA", "lb"),
        ("COLA", "box"),
        ("COLA", "units."),
        ("NUTS", "unit"),
        ("NUTS", "kg"),
        ("NUTS", "oz"),
        ("TEA", "g"),
        ("RICE", "g"),
        ("SAFFRON", "kg"),
    ],
)
def test_nothing_is_converted_from_another_unit(sku: str, unit: str) -> None:
    assert problems([line(sku, "1", unit)], pricebook(*GOODS)) == [(0, "unit")]


def test_a_shop_may_name_units_itself() -> None:
    book = pricebook(Good("COLA"), limits=Limits(unit_names={"bottle": "unit"}))
    assert skus([line("COLA", "2", "Bottle")], book) == ["COLA"]
    assert problems([line("COLA", "2", "unit")], book) == [(0, "unit")]


def test_weighed_goods_wait_where_amounts_are_those_of_one_piece() -> None:
    book = pricebook(*GOODS, amounts_of_one_piece=True)
    assert problems([line("COLA"), line("NUTS", "0.453", "lb")], book) == [(1, "unit")]


# --- Prices, fees, taxes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "store", "cause"),
    [
        pytest.param(Good("COLA", None), {}, "price", id="no price in force"),
        pytest.param(Good("COLA", fees=(fee(),)), {"parks_fees": True}, "fee", id="carts with fees wait"),
        pytest.param(Good("COLA", category=None), {}, "tax", id="no tax category"),
        pytest.param(Good("COLA", tax=()), {}, "tax", id="no rule covers its category"),
    ],
)
def test_a_mistake_of_the_shop_parks_the_cart(good: Good, store: dict[str, Any], cause: str) -> None:
    assert problems([line("COLA")], pricebook(good, **store)) == [(0, cause)]


def test_a_weighed_product_cannot_bear_a_fee() -> None:
    book = pricebook(Good("NUTS", "8.99", "lb", fees=(fee(),)))
    assert problems([line("NUTS", "1", "lb")], book) == [(0, "fee")]


def test_only_goods_with_fees_wait_where_carts_with_fees_do() -> None:
    assert bill([line("COLA")], pricebook(Good("COLA"), parks_fees=True)) == ["1.00 + 0.00 = 1.00"]


@pytest.mark.parametrize(
    ("good", "message"),
    [
        (
            Good("COLA", None),
            (
                "Example COLA (COLA) had no price in ARENA-WEST-1 when the shopper left. "
                "Add a price that covers that moment, then re-price this cart."
            ),
        ),
        (
            Good("COLA", category=None),
            "Example COLA (COLA) has no tax category. Choose one, then re-price this cart.",
        ),
        (
            Good("COLA", tax=(), category="SOFT_DRINK"),
            (
                "No tax rule of ARENA-WEST-1 covers the tax category “SOFT_DRINK” of Example COLA. "
                "Add the rule, or mark the category as never taxed."
            ),
        ),
    ],
)
def test_a_manager_reads_what_to_add(good: Good, message: str) -> None:
    assert messages([line("COLA")], pricebook(good)) == [message]


ALL_WRONG = Good("COLA", None, category=None, fees=(fee(),))


@pytest.mark.parametrize(
    ("good", "asked", "cause"),
    [
        (ALL_WRONG, line("?", "1.5", "lb"), "product"),
        (ALL_WRONG, line("COLA", "1.5", "lb"), "quantity"),
        (ALL_WRONG, line("COLA", "1", "lb"), "unit"),
        (ALL_WRONG, line("COLA"), "price"),
        (replace(ALL_WRONG, price="1.00"), line("COLA"), "fee"),
        (replace(ALL_WRONG, price="1.00", fees=()), line("COLA"), "tax"),
    ],
)
def test_the_first_problem_of_a_line_is_told(good: Good, asked: CartLine, cause: str) -> None:
    assert problems([asked], pricebook(good, parks_fees=True)) == [(0, cause)]


def test_every_line_tells_its_own_problem() -> None:
    book = pricebook(Good("COLA"), Good("WINE", None), Good("BEER", tax=()))
    lines = [line("?"), line("COLA"), line("WINE"), line("BEER", "0"), line("BEER")]
    unpriced = price_cart(cart(*lines), book, now=NOON)
    assert isinstance(unpriced, Unpriced)
    assert [(one.line, one.cause, one.product_id) for one in unpriced.problems] == [
        (0, "product", "?"),
        (2, "price", "WINE"),
        (3, "quantity", "BEER"),
        (4, "tax", "BEER"),
    ]
    assert {one.cause for one in unpriced.problems} <= set(CAUSES)


# --- The cart as a whole -------------------------------------------------------------------------------------------


def test_a_cart_of_a_store_that_we_do_not_know_waits() -> None:
    unpriced = resolve(cart(line("COLA")), Pricebook(NOON, store=None), now=NOON)
    assert isinstance(unpriced, Unpriced)
    assert [(one.cause, one.line, one.message) for one in unpriced.problems] == [
        ("store", None, "There is no store “ARENA-WEST-1” here. Add it under Stores, then re-price this cart.")
    ]


@pytest.mark.parametrize(
    ("pieces", "parked"),
    [
        pytest.param(["999"] * 5 + ["5"], False, id="five thousand"),
        pytest.param(["999"] * 5 + ["6"], True, id="one more"),
    ],
)
def test_a_cart_of_too_many_pieces_waits(pieces: list[str], *, parked: bool) -> None:
    priced = price_cart(cart(*(line("COLA", quantity) for quantity in pieces)), pricebook(Good("COLA")), now=NOON)
    assert isinstance(priced, Unpriced) is parked
    if isinstance(priced, Unpriced):
        assert [(one.cause, one.line, one.message) for one in priced.problems] == [
            (
                "size",
                None,
                (
                    "The cart holds 5,001 pieces; more than 5,000 are checked by a person. "
                    "Compare it with the store; then have the limit raised (MAX_CART_UNITS) or close the purchase."
                ),
            )
        ]


def test_the_limits_are_those_of_the_pricebook_and_a_weighed_line_counts_once() -> None:
    book = pricebook(*GOODS, limits=Limits(line_quantity=10, cart_units=12))
    weighed = [line("NUTS", "9.5", "lb")] * 2
    assert problems([line("COLA", "11")], book) == [(0, "quantity")]
    assert len(price([line("COLA", "10"), *weighed], book).lines) == 3
    assert problems([line("COLA", "10"), line("COLA"), *weighed], book) == [(None, "size")]


@pytest.mark.parametrize(
    ("ahead", "parked"),
    [
        (timedelta(days=-3), False),
        (timedelta(0), False),
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, microseconds=1), True),
        (timedelta(days=1), True),
    ],
)
def test_a_trip_may_end_at_most_five_minutes_ahead(ahead: timedelta, *, parked: bool) -> None:
    priced = price_cart(cart(line("COLA"), ended_at=NOON + ahead), pricebook(Good("COLA")), now=NOON)
    assert isinstance(priced, Unpriced) is parked
    assert isinstance(priced, PricedCart) is not parked
    if isinstance(priced, Unpriced):
        assert [(one.cause, one.line) for one in priced.problems] == [("time", None)]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-4))])
def test_the_end_of_a_trip_is_told_in_utc(zone: timezone) -> None:
    ended_at = datetime(2026, 3, 15, 1, 30, tzinfo=UTC).astimezone(zone)
    unpriced = price_cart(cart(line("COLA"), ended_at=ended_at), pricebook(Good("COLA")), now=NOON)
    assert isinstance(unpriced, Unpriced)
    assert unpriced.problems[0].message == (
        "The trip ends in the future (March 15, 2026, 01:30 UTC). Wait until then and re-price it."
    )


def test_what_is_wrong_with_the_cart_is_told_before_what_is_wrong_with_its_lines() -> None:
    book = pricebook(Good("COLA"), limits=Limits(cart_units=2))
    lines = [line("?"), line("COLA", "3")]
    unpriced = price_cart(cart(*lines, ended_at=NOON + timedelta(hours=1)), book, now=NOON)
    assert isinstance(unpriced, Unpriced)
    assert sorted(one.cause for one in unpriced.problems if one.line is None) == ["size", "time"]
    assert [(one.line, one.cause) for one in unpriced.problems][2:] == [(0, "product")]
