"""What the Checkout Service asks of a priced cart. Amounts are whole cents.

Source: the validation rules of the store profile and `checkout_service`. Only `UnknownShoppingTripException` is public
as a name; the others are formed after it from the titles of Amazon's test cases.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from tests.sandbox.amounts import cents, money_text
from tests.sandbox.trips import CartLine, SentCart

INVALID_REQUEST = "InvalidRequestException"
UNKNOWN_TRIP = "UnknownShoppingTripException"
CONTENT_FAILED = "CartContentValidationFailedException"
TOTAL_INVALID = "CartOrderTotalInvalidException"
TRIP_EXPIRED = "ShoppingTripExpiredException"

CURRENCY = re.compile(r"[A-Z]{3}")
Document = dict[str, Any]
Kind = TypeVar("Kind")
KIND_NAMES: Mapping[type, str] = {str: "text", dict: "an object", list: "a list"}


class RefusedError(Exception):
    """The Checkout Service refuses the cart, with 400 and this name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class PricedLine:
    content: CartLine
    price: int | None
    promotions: tuple[int, ...]
    fees: tuple[int, ...]
    sales_tax: int
    total: int


@dataclass(frozen=True, slots=True)
class OrderTotals:
    price: int
    sub: int
    promotions: int
    sales_tax: int


@dataclass(frozen=True, slots=True)
class PricedCart:
    trip_id: str
    store_id: str
    lines: tuple[PricedLine, ...]
    totals: OrderTotals
    currency: str


def read_document(body: bytes) -> Document:
    """The JSON object of a body, refused as an invalid request when it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(INVALID_REQUEST, "The body is not JSON") from None
    if not isinstance(document, dict):
        raise RefusedError(INVALID_REQUEST, "The body is not a JSON object")
    return document


def read_priced_cart(document: Document) -> PricedCart:
    """The cart of a CheckoutCart body, refused as an invalid request unless it has every field in its form."""
    reader = _Reader()
    trip_id = reader.text(document, "idempotentShoppingTripId", "")
    store_id = reader.text(document, "storeId", "")
    lines = tuple(
        reader.line(line, f"lineItems[{number}]")
        for number, line in enumerate(reader.field(document, "lineItems", list, ""))
    )
    totals = reader.totals(reader.field(document, "orderTotals", dict, ""), "orderTotals")
    if len(reader.currencies) > 1:
        raise RefusedError(INVALID_REQUEST, f"More than one currency: {', '.join(sorted(reader.currencies))}")
    return PricedCart(trip_id, store_id, lines, totals, next(iter(reader.currencies)))


class _Reader:
    """Reads a body field by field; what is amiss is refused with its path. Remembers the currencies that it met."""

    def __init__(self) -> None:
        self.currencies: set[str] = set()

    def field(self, owner: Document, name: str, kind: type[Kind], path: str) -> Kind:
        value = owner.get(name) if isinstance(owner, dict) else None
        if not isinstance(value, kind):
            where = f"{path}.{name}".lstrip(".")
            raise RefusedError(INVALID_REQUEST, f"{where} is missing or not {KIND_NAMES[kind]}")
        return value

    def text(self, owner: Document, name: str, path: str) -> str:
        value = self.field(owner, name, str, path)
        if not value:
            raise RefusedError(INVALID_REQUEST, f"{path}.{name}".lstrip(".") + " is empty")
        return value

    def money(self, owner: Document, name: str, path: str) -> int:
        holder = self.field(owner, name, dict, path)
        where = f"{path}.{name}"
        currency = self.text(holder, "currencyCode", where)
        if CURRENCY.fullmatch(currency) is None:
            raise RefusedError(INVALID_REQUEST, f"{where}.currencyCode {currency!r} is not three capitals")
        self.currencies.add(currency)
        try:
            return cents(self.text(holder, "amount", where))
        except ValueError as problem:
            raise RefusedError(INVALID_REQUEST, f"{where}.amount: {problem}") from None

    def optional_money(self, owner: Document, name: str, path: str) -> int | None:
        return self.money(owner, name, path) if owner.get(name) is not None else None

    def described_amounts(self, owner: Document, name: str, kind: str, path: str) -> tuple[int, ...]:
        """An optional list of amounts, each with words for the receipt: `promotions` or `depositsAndFees`."""
        if name not in owner:
            return ()
        amounts = []
        for number, entry in enumerate(self.field(owner, name, list, path)):
            where = f"{path}.{name}[{number}]"
            self.text(entry, f"{kind}Description", where)
            amounts.append(self.money(entry, f"{kind}Amount", where))
            self.optional_money(entry, "salesTax", where)
        return tuple(amounts)

    def line(self, line: Document, path: str) -> PricedLine:
        quantity = self.field(line, "quantity", dict, path)
        unit_price = self.field(line, "unitPrice", dict, path)
        where = f"{path}.unitPrice"
        return PricedLine(
            content=(
                self.text(line, "productId", path),
                self.text(line, "type", path),
                self.text(quantity, "value", f"{path}.quantity"),
                self.text(quantity, "unit", f"{path}.quantity"),
            ),
            price=self.optional_money(unit_price, "price", where),
            promotions=self.described_amounts(unit_price, "promotions", "promotion", where),
            fees=self.described_amounts(unit_price, "depositsAndFees", "depositAndFee", where),
            sales_tax=self.money(unit_price, "salesTax", where),
            total=self.money(unit_price, "totalPrice", where),
        )

    def totals(self, totals: Document, path: str) -> OrderTotals:
        return OrderTotals(
            price=self.money(totals, "priceTotal", path),
            sub=self.money(totals, "subTotal", path),
            promotions=self.money(totals, "promotionsTotal", path),
            sales_tax=self.money(totals, "salesTaxTotal", path),
        )


def check_content(priced: PricedCart, sent: SentCart) -> None:
    """The lines must be those of the cart sent to the connector: the same, in the same order, none missing."""
    if priced.store_id != sent.store_id:
        raise RefusedError(CONTENT_FAILED, f"storeId is {priced.store_id!r}, the trip was in {sent.store_id!r}")
    if not priced.lines:
        raise RefusedError(CONTENT_FAILED, "lineItems is empty")
    contents = [line.content for line in priced.lines]
    if contents != list(sent.lines):
        raise RefusedError(CONTENT_FAILED, _difference(contents, sent.lines))


def _difference(priced: Sequence[CartLine], sent: Sequence[CartLine]) -> str:
    """In words, where the priced lines leave the cart that was sent."""
    missing = Counter(sent) - Counter(priced)
    strange = Counter(priced) - Counter(sent)
    if not missing and not strange:
        return "lineItems are those of the cart, but in another order"
    parts = [f"not in the cart: {_words(line)}" for line in strange] + [f"left out: {_words(line)}" for line in missing]
    return "lineItems differ from the cart; " + "; ".join(parts)


def _words(line: CartLine) -> str:
    product_id, kind, value, unit = line
    return f"{kind} {product_id} {value} {unit}"


def check_amounts(priced: PricedCart, *, per_piece: bool, cross_check: bool) -> None:
    """Every line and the order must add up, and nothing be negative.

    With `cross_check` the sums over the lines must be the order's totals as well; Amazon does not say whether it looks.
    With `per_piece` a line's amounts are those of one piece and count as often as the quantity says.
    """
    for number, line in enumerate(priced.lines):
        _check_line(line, f"lineItems[{number}]")
    totals = priced.totals
    for name, amount in (
        ("priceTotal", totals.price),
        ("subTotal", totals.sub),
        ("promotionsTotal", totals.promotions),
        ("salesTaxTotal", totals.sales_tax),
    ):
        _check_not_negative(amount, f"orderTotals.{name}")
    expected = totals.sub - totals.promotions + totals.sales_tax
    if totals.price != expected:
        words = "subTotal - promotionsTotal + salesTaxTotal"
        raise RefusedError(TOTAL_INVALID, f"priceTotal is {money_text(totals.price)}, {words} {money_text(expected)}")
    if cross_check:
        _check_sums(priced, per_piece=per_piece)


def _check_line(line: PricedLine, path: str) -> None:
    if line.price is None:
        raise RefusedError(TOTAL_INVALID, f"{path} has no price")
    for amount in (line.price, *line.promotions, *line.fees, line.sales_tax, line.total):
        _check_not_negative(amount, path)
    promotions = sum(line.promotions)
    if promotions > line.price:
        raise RefusedError(TOTAL_INVALID, f"{path}: promotions are more than the price")
    expected = line.price - promotions + line.sales_tax
    if line.total != expected:
        words = f"price - promotions + salesTax {money_text(expected)}"
        raise RefusedError(TOTAL_INVALID, f"{path}: totalPrice is {money_text(line.total)}, {words}")


def _check_not_negative(amount: int, path: str) -> None:
    if amount < 0:
        raise RefusedError(TOTAL_INVALID, f"{path} holds a negative amount")


def _check_sums(priced: PricedCart, *, per_piece: bool) -> None:
    counts = [_count(line) if per_piece else Fraction(1) for line in priced.lines]
    pairs = list(zip(counts, priced.lines, strict=True))
    totals = priced.totals
    for name, stated, found in (
        ("subTotal", totals.sub, sum(count * (line.price or 0) for count, line in pairs)),
        ("promotionsTotal", totals.promotions, sum(count * sum(line.promotions) for count, line in pairs)),
        ("salesTaxTotal", totals.sales_tax, sum(count * line.sales_tax for count, line in pairs)),
        ("priceTotal", totals.price, sum(count * line.total for count, line in pairs)),
    ):
        if stated != found:
            raise RefusedError(TOTAL_INVALID, f"orderTotals.{name} is not the sum of the lines")


def _count(line: PricedLine) -> Fraction:
    """How many pieces a line is; the cart was sent by us, so its quantity is a number."""
    return Fraction(line.content[2])
