"""The body of a checkout: built once, checked before its first send, stored, and sent byte for byte ever after.

Source: `checkout_service` page (fields, money as text with two decimals, validation rules).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from orders import contract
from pricing.money import ZERO, NotMoney, money
from pricing.priced import Amounts, PricedCart
from pricing.terms import Cart, CartLine

to_json = msgspec.json.Encoder().encode


class SelfCheckFailed(ValueError):
    """A body that Amazon would refuse, with the first rule that it breaks. It must not be sent."""


def cart_to_price(cart: contract.Cart) -> Cart:
    """The part of a cart that pricing looks at."""
    return Cart(
        store_id=cart.store_id,
        started_at=cart.shopping_trip.start_time,
        ended_at=cart.shopping_trip.end_time,
        lines=tuple(
            CartLine(
                product_id=item.id,
                type=item.type,
                quantity=item.quantity.value,
                unit=item.quantity.unit,
                external_ids=item.external_ids,
            )
            for item in cart.cart_items
        ),
    )


def build(trip_id: str, cart: Cart, priced: PricedCart) -> bytes:
    """What CheckoutCart gets for this cart; lines, order, ids, quantities and units are echoed as Amazon sent them."""
    return to_json(as_document(trip_id, cart, priced))


def as_document(trip_id: str, cart: Cart, priced: PricedCart) -> dict[str, Any]:
    currency = priced.currency
    totals = priced.totals
    return {
        "idempotentShoppingTripId": trip_id,
        "storeId": cart.store_id,
        "lineItems": [
            {
                "productId": sent.product_id,
                "type": sent.type,
                "quantity": {"value": sent.quantity, "unit": sent.unit},
                "unitPrice": unit_price(line.sent, currency),
            }
            for sent, line in zip(cart.lines, priced.lines, strict=True)
        ],
        "orderTotals": {
            "priceTotal": _money(totals.price_total, currency),
            "subTotal": _money(totals.sub_total, currency),
            "promotionsTotal": _money(totals.promotions_total, currency),
            "salesTaxTotal": _money(totals.sales_tax_total, currency),
        },
    }


def unit_price(amounts: Amounts, currency: str) -> dict[str, Any]:
    """A line's money under `unitPrice`."""
    document: dict[str, Any] = {"price": _money(amounts.price, currency)}
    if amounts.fees:
        document["depositsAndFees"] = [
            {"depositAndFeeAmount": _money(fee.amount, currency), "depositAndFeeDescription": fee.text}
            for fee in amounts.fees
        ]
    if amounts.promotions:
        document["promotions"] = [
            {"promotionAmount": _money(one.amount, currency), "promotionDescription": one.text}
            for one in amounts.promotions
        ]
    document["salesTax"] = _money(amounts.sales_tax, currency)
    document["totalPrice"] = _money(amounts.total, currency)
    return document


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": str(amount), "currencyCode": currency}


# --- The self-check ------------------------------------------------------------------------------------------------


def check(body: bytes, trip_id: str, cart: Cart) -> None:
    """Hold a stored body against Amazon's published rules and the cart that it answers.

    Knows nothing of the engine: it reads what would be sent. Raises SelfCheckFailed.
    """
    document = msgspec.json.decode(body)
    if (document["idempotentShoppingTripId"], document["storeId"]) != (trip_id, cart.store_id):
        raise SelfCheckFailed("trip or store differ from the cart's")
    lines = document["lineItems"]
    if not lines:
        raise SelfCheckFailed("there are no lines")
    if [_identity(line) for line in lines] != [
        (one.product_id, one.type, one.quantity, one.unit) for one in cart.lines
    ]:
        raise SelfCheckFailed("the lines differ from the cart's")
    if len(set(_currencies(document))) != 1:
        raise SelfCheckFailed("more than one currency")
    for number, line in enumerate(lines):
        _check_line(number, line["unitPrice"])
    _check_totals(lines, document["orderTotals"])


def _identity(line: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return line["productId"], line["type"], line["quantity"]["value"], line["quantity"]["unit"]


def _check_line(number: int, prices: Mapping[str, Any]) -> None:
    promotions = [_amount(one["promotionAmount"]) for one in prices.get("promotions", ())]
    for fee in prices.get("depositsAndFees", ()):
        _amount(fee["depositAndFeeAmount"])
    price, tax, total = (_amount(prices[name]) for name in ("price", "salesTax", "totalPrice"))
    if sum(promotions) > price:
        raise SelfCheckFailed(f"line {number}: promotions above the price")
    if total != price - sum(promotions) + tax:
        raise SelfCheckFailed(f"line {number}: totalPrice is not price - promotions + salesTax")


def _check_totals(lines: list[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
    total, sub, promotions, tax = (
        _amount(totals[name]) for name in ("priceTotal", "subTotal", "promotionsTotal", "salesTaxTotal")
    )
    if total != sub - promotions + tax:
        raise SelfCheckFailed("priceTotal is not subTotal - promotionsTotal + salesTaxTotal")
    if promotions > sub:
        raise SelfCheckFailed("promotions above the sum of prices")
    if (sub, promotions, tax) not in (_sums(lines, by_piece=False), _sums(lines, by_piece=True)):
        raise SelfCheckFailed("the totals are not the sums of the lines")


def _sums(lines: list[Mapping[str, Any]], *, by_piece: bool) -> tuple[Decimal, Decimal, Decimal]:
    """Prices, promotions and tax of all lines, reading their amounts as the line's or as one piece's."""
    sub = promotions = tax = ZERO
    for line in lines:
        times = Decimal(line["quantity"]["value"]) if by_piece else Decimal(1)
        prices = line["unitPrice"]
        sub += _amount(prices["price"]) * times
        promotions += sum(_amount(one["promotionAmount"]) for one in prices.get("promotions", ())) * times
        tax += _amount(prices["salesTax"]) * times
    return sub, promotions, tax


def _amount(document: Mapping[str, str]) -> Decimal:
    text = document["amount"]
    try:
        amount = money(Decimal(text))
    except (NotMoney, InvalidOperation) as error:
        raise SelfCheckFailed(f"“{text}” is no amount of money") from error
    if str(amount) != text:
        raise SelfCheckFailed(f"“{text}” is not written with two decimals")
    return amount


def _currencies(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "currencyCode" in node:
            yield node["currencyCode"]
        for value in node.values():
            yield from _currencies(value)
    elif isinstance(node, list):
        for value in node:
            yield from _currencies(value)
