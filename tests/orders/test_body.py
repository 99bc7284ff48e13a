"""The body of a checkout, and the check that holds it against Amazon's rules before it is sent."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders import body, contract
from pricing.priced import Amounts, AppliedFee, AppliedPromotion, PricedCart, PricedLine, totals_of
from pricing.terms import Cart, CartLine
from tests.orders import carts

TRIP = "trip-1"
CART = Cart(
    store_id="ARENA-EAST-12",
    started_at=datetime(2026, 3, 14, 19, 2, 11, tzinfo=UTC),
    ended_at=datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC),
    lines=(
        CartLine("BEV-COLA-500", "SKU", "2.0", "each"),
        CartLine("012345678905", "SCANCODE", "0.453", "LB"),
    ),
)


def amounts(price: str, promotions: str, tax: str, total: str, fee: str | None = None) -> Amounts:
    """A line's money; a promotion of 0.00 is none."""
    return Amounts(
        price=Decimal(price),
        promotions=tuple(
            AppliedPromotion("P", "Two for less", Decimal(promotions)) for _ in promotions.strip("0.")[:1]
        ),
        fees=tuple(AppliedFee("F", "Bottle deposit", Decimal(fee)) for _ in [fee] if fee),
        sales_tax=Decimal(tax),
        total=Decimal(total),
    )


def priced(*pairs: tuple[Amounts, Amounts]) -> PricedCart:
    """Each line's money as a whole, and as it is sent."""
    lines = tuple(PricedLine(number, "sku", "name", whole, sent) for number, (whole, sent) in enumerate(pairs))
    return PricedCart("USD", lines, totals_of(lines), trace={}, optimal=True)


COLA = amounts("8.60", "1.00", "0.63", "8.23", fee="0.10")
CHEESE = amounts("3.99", "0.00", "0.00", "3.99")
BY_LINE = priced((COLA, COLA), (CHEESE, CHEESE))


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "USD"}


DOCUMENT: dict[str, Any] = {
    "idempotentShoppingTripId": TRIP,
    "storeId": "ARENA-EAST-12",
    "lineItems": [
        {
            "productId": "BEV-COLA-500",
            "type": "SKU",
            "quantity": {"value": "2.0", "unit": "each"},
            "unitPrice": {
                "price": usd("8.60"),
                "depositsAndFees": [
                    {"depositAndFeeAmount": usd("0.10"), "depositAndFeeDescription": "Bottle deposit"},
                ],
                "promotions": [{"promotionAmount": usd("1.00"), "promotionDescription": "Two for less"}],
                "salesTax": usd("0.63"),
                "totalPrice": usd("8.23"),
            },
        },
        {
            "productId": "012345678905",
            "type": "SCANCODE",
            "quantity": {"value": "0.453", "unit": "LB"},
            "unitPrice": {"price": usd("3.99"), "salesTax": usd("0.00"), "totalPrice": usd("3.99")},
        },
    ],
    "orderTotals": {
        "priceTotal": usd("12.22"),
        "subTotal": usd("12.59"),
        "promotionsTotal": usd("1.00"),
        "salesTaxTotal": usd("0.63"),
    },
}


class TestBuilding:
    def test_echoes_the_cart_and_writes_all_money_as_text_with_two_decimals(self) -> None:
        assert json.loads(body.build(TRIP, CART, BY_LINE)) == DOCUMENT

    def test_gives_the_same_bytes_each_time(self) -> None:
        assert body.build(TRIP, CART, BY_LINE) == body.build(TRIP, CART, BY_LINE)

    def test_names_the_amounts_of_one_piece_where_the_store_sends_those(self) -> None:
        piece = amounts("4.30", "0.50", "0.31", "4.11", fee="0.05")
        document = body.as_document(TRIP, CART, priced((piece.times(2), piece), (CHEESE, CHEESE)))
        assert document["lineItems"][0]["unitPrice"]["totalPrice"] == usd("4.11")
        assert document["orderTotals"] == {
            "priceTotal": usd("12.21"),
            "subTotal": usd("12.59"),
            "promotionsTotal": usd("1.00"),
            "salesTaxTotal": usd("0.62"),
        }

    def test_refuses_prices_of_another_number_of_lines(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            body.build(TRIP, CART, priced((CHEESE, CHEESE)))


class TestTheCartToPrice:
    def test_keeps_what_pricing_looks_at_character_for_character(self) -> None:
        document = carts.cart(
            cartItems=[
                carts.item(
                    id=" Cola ",
                    quantity={"value": "01.50", "unit": "KG "},
                    externalIdentifiers=[
                        {"id": "012345678905", "type": "UPC"},
                        {"id": "1", "type": None},
                        {"type": "PLU"},
                    ],
                )
            ]
        )
        decoded = contract.decode(carts.body(document), contract.Limits()).cart
        assert body.cart_to_price(decoded) == Cart(
            store_id="ARENA-EAST-12",
            started_at=datetime(2026, 3, 14, 19, 2, 11, tzinfo=UTC),
            ended_at=datetime(2026, 3, 14, 19, 5, 48, tzinfo=UTC),
            lines=(CartLine(" Cola ", "SKU", "01.50", "KG ", (("UPC", "012345678905"),)),),
        )


def checked(document: Any, cart: Cart = CART, trip: str = TRIP) -> None:
    body.check(json.dumps(document).encode(), trip, cart)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with one place changed, such as `lineItems.0.type`."""
    document = copy.deepcopy(DOCUMENT)
    *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in outer:
        place = place[step]
    place[last] = value
    return document


def amount(path: str, text: str) -> dict[str, Any]:
    return changed(f"{path}.amount", text)


FIRST, TOTALS = "lineItems.0.unitPrice", "orderTotals"
LINE_RULE = "line 0: totalPrice is not price - promotions + salesTax"
TOTAL_RULE = "priceTotal is not subTotal - promotionsTotal + salesTaxTotal"

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another trip": (changed("idempotentShoppingTripId", "trip-2"), "trip or store differ from the cart's"),
    "another store": (changed("storeId", "ARENA-WEST-1"), "trip or store differ from the cart's"),
    "no lines": (changed("lineItems", []), "there are no lines"),
    "a line too few": (changed("lineItems", DOCUMENT["lineItems"][:1]), "the lines differ from the cart's"),
    "lines in another order": (changed("lineItems", DOCUMENT["lineItems"][::-1]), "the lines differ from the cart's"),
    "another product": (changed("lineItems.0.productId", "X"), "the lines differ from the cart's"),
    "another type": (changed("lineItems.1.type", "SKU"), "the lines differ from the cart's"),
    "a quantity written otherwise": (changed("lineItems.0.quantity.value", "2"), "the lines differ from the cart's"),
    "another unit": (changed("lineItems.1.quantity.unit", "lb"), "the lines differ from the cart's"),
    "another currency in a line": (changed(f"{FIRST}.salesTax.currencyCode", "EUR"), "more than one currency"),
    "another currency in the totals": (changed("orderTotals.priceTotal.currencyCode", "EUR"), "more than one currency"),
    "one decimal": (amount(f"{FIRST}.price", "8.6"), "“8.6” is not written with two decimals"),
    "three decimals": (amount(f"{TOTALS}.priceTotal", "12.220"), "“12.220” is not written with two decimals"),
    "part of a cent": (amount(f"{FIRST}.price", "8.605"), "“8.605” is no amount of money"),
    "a plus sign": (amount(f"{FIRST}.price", "+8.60"), "“+8.60” is not written with two decimals"),
    "an exponent": (amount(f"{FIRST}.price", "860E-2"), "“860E-2” is not written with two decimals"),
    "a comma": (amount(f"{FIRST}.price", "8,60"), "“8,60” is no amount of money"),
    "no number": (amount(f"{FIRST}.price", "NaN"), "“NaN” is no amount of money"),
    "a negative price": (amount(f"{FIRST}.price", "-8.60"), "“-8.60” is no amount of money"),
    "a negative tax": (amount(f"{FIRST}.salesTax", "-0.63"), "“-0.63” is no amount of money"),
    "a negative fee": (
        amount(f"{FIRST}.depositsAndFees.0.depositAndFeeAmount", "-0.10"),
        "“-0.10” is no amount of money",
    ),
    "a line a cent too dear": (amount(f"{FIRST}.totalPrice", "8.24"), LINE_RULE),
    "a line without its promotion": (amount(f"{FIRST}.promotions.0.promotionAmount", "0.00"), LINE_RULE),
    "a promotion above the price": (
        amount(f"{FIRST}.promotions.0.promotionAmount", "8.61"),
        "line 0: promotions above the price",
    ),
    "a total a cent too dear": (amount(f"{TOTALS}.priceTotal", "12.23"), TOTAL_RULE),
    "a total without tax": (amount(f"{TOTALS}.salesTaxTotal", "0.00"), TOTAL_RULE),
}


def shifted(sub: str, promotions: str, tax: str, total: str) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    names = ("subTotal", "promotionsTotal", "salesTaxTotal", "priceTotal")
    document["orderTotals"] = {name: usd(text) for name, text in zip(names, (sub, promotions, tax, total), strict=True)}
    return document


class TestTheSelfCheck:
    def test_passes_what_is_built(self) -> None:
        body.check(body.build(TRIP, CART, BY_LINE), TRIP, CART)

    def test_passes_amounts_of_one_piece(self) -> None:
        piece = amounts("4.30", "0.50", "0.31", "4.11")
        cart = Cart(CART.store_id, CART.started_at, CART.ended_at, CART.lines[:1])
        body.check(body.build(TRIP, cart, priced((piece.times(2), piece))), TRIP, cart)

    @pytest.mark.parametrize(("document", "rule"), BROKEN.values(), ids=BROKEN)
    def test_names_the_first_rule_that_is_broken(self, document: dict[str, Any], rule: str) -> None:
        with pytest.raises(body.SelfCheckFailed) as failed:
            checked(document)
        assert str(failed.value) == rule

    @pytest.mark.parametrize(
        "totals",
        [("12.60", "1.00", "0.63", "12.23"), ("12.59", "0.99", "0.63", "12.23"), ("12.59", "1.00", "0.64", "12.23")],
        ids=["subTotal", "promotionsTotal", "salesTaxTotal"],
    )
    def test_wants_totals_that_are_the_sums_of_the_lines(self, totals: tuple[str, str, str, str]) -> None:
        with pytest.raises(body.SelfCheckFailed, match="the totals are not the sums of the lines"):
            checked(shifted(*totals))

    def test_wants_no_more_promotions_than_prices_in_all(self) -> None:
        with pytest.raises(body.SelfCheckFailed, match="promotions above the sum of prices"):
            checked(shifted("1.00", "1.63", "0.63", "0.00"))

    def test_wants_the_lines_of_the_cart_that_is_stored(self) -> None:
        for lines in (CART.lines[:1], (*CART.lines, CART.lines[0]), ()):
            other = Cart(CART.store_id, CART.started_at, CART.ended_at, lines)
            with pytest.raises(body.SelfCheckFailed, match="the lines differ from the cart's"):
                checked(DOCUMENT, other)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda document: document.pop("orderTotals"),
            lambda document: document["lineItems"][0].pop("unitPrice"),
            lambda document: document["lineItems"][0]["unitPrice"].pop("price"),
            lambda document: document["lineItems"][0]["quantity"].pop("unit"),
        ],
    )
    def test_does_not_pass_a_document_with_a_part_missing(self, spoil: Callable[[dict[str, Any]], Any]) -> None:
        document = copy.deepcopy(DOCUMENT)
        spoil(document)
        with pytest.raises((body.SelfCheckFailed, KeyError)):
            checked(document)

    def test_does_not_pass_what_is_no_json(self) -> None:
        with pytest.raises(ValueError, match="JSON"):
            body.check(b"no JSON", TRIP, CART)
