"""Every check of the Checkout Service, by the name of its refusal, over real HTTP."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.server import Sandbox
from tests.sandbox_checks.fake_product import (
    PATH,
    call,
    check_out,
    control,
    line_of,
    money,
    priced,
    signed_headers,
)

Body = dict[str, Any]
INVALID = "InvalidRequestException"
CONTENT = "CartContentValidationFailedException"
TOTAL = "CartOrderTotalInvalidException"


def put(path: str, value: Any) -> Callable[[Body], None]:
    """Change one field of the body; `...` as the value takes it out."""

    def change(body: Body) -> None:
        *owners, name = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = body
        for step in owners:
            place = place[step]
        if value is ...:
            del place[name]
        else:
            place[name] = value

    return change


def every(*changes: Callable[[Body], None]) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for one in changes:
            one(body)

    return change


PRICE = "lineItems.0.unitPrice"
PROMOTION = {"promotionAmount": money("0.50"), "promotionDescription": "Second period special"}
FEE = {"depositAndFeeAmount": money("0.05"), "depositAndFeeDescription": "Bottle deposit"}

REFUSALS = [
    # what is wrong, the name of the refusal, words of it
    (put("idempotentShoppingTripId", ...), INVALID, "idempotentShoppingTripId is missing"),
    (put("idempotentShoppingTripId", 7), INVALID, "idempotentShoppingTripId is missing or not text"),
    (put("idempotentShoppingTripId", "never-sent"), "UnknownShoppingTripException", "never-sent"),
    (put("storeId", ...), INVALID, "storeId is missing"),
    (put("storeId", ""), INVALID, "storeId is empty"),
    (put("storeId", "PIECES-2"), CONTENT, "storeId is 'PIECES-2', the trip was in 'ARENA-1'"),
    (put("lineItems", ...), INVALID, "lineItems is missing"),
    (put("lineItems", {}), INVALID, "lineItems is missing or not a list"),
    (put("lineItems", [3]), INVALID, "lineItems[0].quantity is missing"),
    (put("lineItems", []), CONTENT, "lineItems is empty"),
    (put("orderTotals", ...), INVALID, "orderTotals is missing"),
    (put("orderTotals.subTotal", ...), INVALID, "orderTotals.subTotal is missing"),
    (put("lineItems.0.productId", ...), INVALID, "lineItems[0].productId is missing"),
    (put("lineItems.0.quantity.value", 1.0), INVALID, "lineItems[0].quantity.value is missing or not text"),
    (put("lineItems.1.unitPrice", ...), INVALID, "lineItems[1].unitPrice is missing"),
    (put(f"{PRICE}.totalPrice", ...), INVALID, "unitPrice.totalPrice is missing"),
    (put(f"{PRICE}.salesTax", ...), INVALID, "unitPrice.salesTax is missing"),
    (put(f"{PRICE}.price.amount", 2.0), INVALID, "unitPrice.price.amount is missing or not text"),
    (put(f"{PRICE}.price.amount", "2.0"), INVALID, "two decimals"),
    (put(f"{PRICE}.price.amount", "2"), INVALID, "two decimals"),
    (put(f"{PRICE}.price.amount", "2.000"), INVALID, "two decimals"),
    (put(f"{PRICE}.price.amount", "2,00"), INVALID, "two decimals"),
    (put(f"{PRICE}.price.amount", "\u0662.00"), INVALID, "two decimals"),
    (put(f"{PRICE}.price.currencyCode", "usd"), INVALID, "three capitals"),
    (put(f"{PRICE}.price.currencyCode", "CAD"), INVALID, "More than one currency: CAD, USD"),
    (put(f"{PRICE}.promotions", [{"promotionAmount": money("0.50")}]), INVALID, "promotionDescription is missing"),
    (put(f"{PRICE}.promotions", {}), INVALID, "promotions is missing or not a list"),
    (put(f"{PRICE}.depositsAndFees", [{}]), INVALID, "depositAndFeeDescription is missing"),
    (
        put("lineItems.0.productId", "CHIPS"),
        CONTENT,
        "not in the cart: SKU CHIPS 1.0 unit; left out: SKU COLA",
    ),
    (put("lineItems.0.type", "SCANCODE"), CONTENT, "not in the cart: SCANCODE COLA 1.0 unit"),
    (put("lineItems.0.quantity.value", "1"), CONTENT, "left out: SKU COLA 1.0 unit"),
    (put("lineItems.0.quantity.unit", "each"), CONTENT, "not in the cart: SKU COLA 1.0 each"),
    (lambda body: body["lineItems"].reverse(), CONTENT, "in another order"),
    (lambda body: body["lineItems"].pop(), CONTENT, "left out: SKU CHIPS 2 unit"),
    (lambda body: body["lineItems"].append(body["lineItems"][0]), CONTENT, "not in the cart: SKU COLA 1.0 unit"),
    (put(f"{PRICE}.price", ...), TOTAL, "lineItems[0] has no price"),
    (put(f"{PRICE}.totalPrice", money("2.01")), TOTAL, "totalPrice is 2.01, price - promotions + salesTax 2.00"),
    (put(f"{PRICE}.promotions", [PROMOTION]), TOTAL, "totalPrice is 2.00, price - promotions + salesTax 1.50"),
    (put(f"{PRICE}.salesTax", money("-0.10")), TOTAL, "negative"),
    (
        put(f"{PRICE}.depositsAndFees", [FEE | {"depositAndFeeAmount": money("-0.05")}]),
        TOTAL,
        "negative",
    ),
    (
        every(
            put(f"{PRICE}.promotions", [PROMOTION | {"promotionAmount": money("2.01")}]),
            put(f"{PRICE}.salesTax", money("0.01")),
            put(f"{PRICE}.totalPrice", money("0.00")),
        ),
        TOTAL,
        "promotions are more than the price",
    ),
    (
        put("orderTotals.priceTotal", money("4.01")),
        TOTAL,
        "priceTotal is 4.01, subTotal - promotionsTotal + salesTaxTotal",
    ),
    (put("orderTotals.salesTaxTotal", money("0.01")), TOTAL, "priceTotal is 4.00"),
    (
        every(put("orderTotals.promotionsTotal", money("-0.01")), put("orderTotals.priceTotal", money("4.01"))),
        TOTAL,
        "promotionsTotal holds a negative amount",
    ),
    (
        every(put("orderTotals.subTotal", money("5.00")), put("orderTotals.priceTotal", money("5.00"))),
        TOTAL,
        "orderTotals.subTotal is not the sum of the lines",
    ),
    (
        every(put("orderTotals.promotionsTotal", money("0.10")), put("orderTotals.salesTaxTotal", money("0.10"))),
        TOTAL,
        "orderTotals.promotionsTotal is not the sum of the lines",
    ),
]


@pytest.mark.parametrize(("change", "name", "words"), REFUSALS)
def test_a_wrong_cart_is_refused_by_name_and_charges_nothing(
    sandbox: Sandbox, sent_cart: Body, change: Callable[[Body], None], name: str, words: str
) -> None:
    body = copy.deepcopy(priced(sent_cart))
    change(body)
    answer = check_out(sandbox.url, body)
    assert (answer.status, answer.json["errorMsg"]) == (400, name)
    assert words in answer.json["message"]
    assert control(sandbox.url, "GET", "ledger")["charges"] == 0


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_an_invalid_request(sandbox: Sandbox, body: bytes) -> None:
    answer = call(sandbox.url, "POST", PATH, body, signed_headers(f"{sandbox.url}{PATH}", body))
    assert (answer.status, answer.json["errorMsg"]) == (400, INVALID)


def test_a_cart_with_promotions_fees_and_tax_that_adds_up_is_charged(sandbox: Sandbox, sent_cart: Body) -> None:
    body = priced(sent_cart)
    body["lineItems"][0]["unitPrice"] = {
        "price": money("4.25"),
        "promotions": [PROMOTION],
        "depositsAndFees": [FEE | {"salesTax": money("0.00")}],
        "salesTax": money("0.31"),
        "totalPrice": money("4.06"),
    }
    body["orderTotals"] = {
        "priceTotal": money("6.06"),
        "subTotal": money("6.25"),
        "promotionsTotal": money("0.50"),
        "salesTaxTotal": money("0.31"),
    }
    assert check_out(sandbox.url, body).status == 201
    assert control(sandbox.url, "GET", "ledger")["charged"] == {"USD": "6.06"}


def test_fields_that_amazon_does_not_know_are_no_fault(sandbox: Sandbox, sent_cart: Body) -> None:
    assert check_out(sandbox.url, priced(sent_cart) | {"somethingNew": 1}).status == 201


def test_the_cross_check_of_sums_can_be_switched_off(sandbox: Sandbox, sent_cart: Body) -> None:
    body = priced(sent_cart)
    body["orderTotals"] |= {"subTotal": money("5.00"), "priceTotal": money("5.00")}
    assert check_out(sandbox.url, body).json["errorMsg"] == TOTAL
    assert control(sandbox.url, "POST", "checks", {"cross_check": False})["cross_check"] is False
    assert check_out(sandbox.url, body).status == 201


def test_in_a_store_with_amounts_per_piece_a_line_counts_as_often_as_its_quantity(
    sandbox: Sandbox, make_cart: Callable[..., Body]
) -> None:
    cart = make_cart(("COLA", "3.0"), store_id="PIECES-2")
    control(sandbox.url, "POST", "trips", [cart])
    per_line = priced(cart) | {"orderTotals": priced(cart | {"storeId": "ARENA-1"})["orderTotals"]}
    assert check_out(sandbox.url, per_line).json["errorMsg"] == TOTAL
    assert check_out(sandbox.url, priced(cart)).status == 201
    assert control(sandbox.url, "GET", "ledger")["charged"] == {"USD": "6.00"}


def test_another_currency_than_the_stores_is_an_invalid_request(sandbox: Sandbox, sent_cart: Body) -> None:
    body = json.loads(json.dumps(priced(sent_cart)).replace('"USD"', '"CAD"'))
    answer = check_out(sandbox.url, body)
    assert (answer.json["errorMsg"], answer.json["message"]) == (INVALID, "This store sells in USD, not in CAD")


def test_an_expired_trip_is_refused_unless_it_was_charged_before(
    sandbox: Sandbox, sent_cart: Body, make_cart: Callable[..., Body]
) -> None:
    other = make_cart(("COLA", "1"))
    control(sandbox.url, "POST", "trips", [other])
    order_id = check_out(sandbox.url, priced(sent_cart)).json["orderId"]
    control(sandbox.url, "POST", "checks", {"trip_expires_after": 0})
    assert check_out(sandbox.url, priced(other)).json["errorMsg"] == "ShoppingTripExpiredException"
    assert check_out(sandbox.url, priced(sent_cart)).json["orderId"] == order_id


def test_an_empty_cart_has_nothing_to_check_out(sandbox: Sandbox, make_cart: Callable[..., Body]) -> None:
    cart = make_cart()
    control(sandbox.url, "POST", "trips", [cart])
    assert check_out(sandbox.url, priced(cart)).json["errorMsg"] == CONTENT
    body = priced(cart) | {
        "lineItems": [line_of({"id": "COLA", "type": "SKU", "quantity": {"value": "1", "unit": "u"}})]
    }
    assert check_out(sandbox.url, body).json["errorMsg"] == CONTENT
