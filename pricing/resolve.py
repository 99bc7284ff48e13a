"""Which product each line is, and whether it can be priced at all. Plain Python.

Source: the pricing rules, section 2. Nothing is guessed: one line that cannot be priced parks the whole cart, with the
first problem found of each line (product, quantity, unit, price, fee, tax).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from catalog.barcodes import scan_keys
from pricing.money import ZERO, half_up
from pricing.priced import Problem, Unpriced
from pricing.terms import Cart, CartLine, FeeTerms, Pricebook, PriceTerms, ProductTerms, StoreTerms, TaxTerms

AHEAD = timedelta(minutes=5)
"""How far a trip's end may lie in the future before a person looks at it."""


@dataclass(slots=True)
class Line:
    """A line on its way to being priced. Promotion amounts are the line's, gross where prices include tax."""

    number: int
    sent: CartLine
    product: ProductTerms
    quantity: Decimal
    pieces: int
    """How many units it is; goods sold by weight are one indivisible unit."""
    price: PriceTerms
    fees: tuple[FeeTerms, ...]
    tax: TaxTerms
    line_price: Decimal
    promotions: dict[str, Decimal] = field(default_factory=dict)

    @property
    def weighed(self) -> bool:
        return bool(self.product.weight_unit)

    @property
    def unit_price(self) -> Decimal:
        """What one unit of it costs: one piece, or the weighed line as a whole."""
        return self.line_price if self.weighed else self.price.amount

    @property
    def left(self) -> Decimal:
        """What is left of the line's price after the promotions so far, without fees."""
        return self.line_price - sum(self.promotions.values(), ZERO)


class Places:
    """The lines on which products stand, by their numbers."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._by_sku: dict[str, list[int]] = {}
        for line in lines:
            self._by_sku.setdefault(line.product.sku, []).append(line.number)
        self._of: dict[frozenset[str], tuple[int, ...]] = {}

    def of(self, skus: frozenset[str]) -> tuple[int, ...]:
        """In cart order; worked out once for the many promotions that target the same products."""
        numbers = self._of.get(skus)
        if numbers is None:
            found = [number for sku in skus for number in self._by_sku.get(sku, ())]
            numbers = self._of[skus] = tuple(sorted(found))
        return numbers


class _Found(Exception):
    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


def resolve(cart: Cart, book: Pricebook, *, now: datetime) -> list[Line] | Unpriced:
    """The cart's lines with all that prices them, or why it must wait. `now` is when we look."""
    problems = _of_the_cart(cart, book, now)
    if book.store is None:
        return Unpriced(tuple(problems))
    lines = []
    for number, sent in enumerate(cart.lines):
        try:
            lines.append(_line(number, sent, book, book.store))
        except _Found as found:
            problems.append(Problem(found.cause, found.message, number, sent.product_id))
    units = sum(line.pieces for line in lines)
    if units > book.limits.cart_units:
        problems.insert(
            0,
            Problem(
                "size",
                f"The cart holds {units:,} pieces; more than {book.limits.cart_units:,} are checked by a person. "
                "Compare it with the store; then have the limit raised (MAX_CART_UNITS) or close the purchase.",
            ),
        )
    return Unpriced(tuple(problems)) if problems else lines


def _of_the_cart(cart: Cart, book: Pricebook, now: datetime) -> list[Problem]:
    problems = []
    if book.store is None:
        problems.append(
            Problem("store", f"There is no store “{cart.store_id}” here. Add it under Stores, then re-price this cart.")
        )
    if cart.ended_at > now + AHEAD:
        problems.append(
            Problem(
                "time",
                f"The trip ends in the future ({_in_utc(cart.ended_at)}). Wait until then and re-price it.",
            )
        )
    return problems


def _in_utc(moment: datetime) -> str:
    there = moment.astimezone(UTC)
    return f"{there:%B} {there.day}, {there:%Y, %H:%M} UTC"


def _line(number: int, sent: CartLine, book: Pricebook, store: StoreTerms) -> Line:
    product = _product(sent, book)
    quantity = _quantity(sent, product, book)
    _check_unit(sent, product, book, store)
    price = book.prices.get(product.sku)
    if price is None:
        raise _Found(
            "price",
            f"{product.name} ({product.sku}) had no price in {store.called} when the shopper left. "
            "Add a price that covers that moment, then re-price this cart.",
        )
    fees = _fees(product, book, store)
    return Line(
        number=number,
        sent=sent,
        product=product,
        quantity=quantity,
        pieces=1 if product.weight_unit else int(quantity),
        price=price,
        fees=fees,
        tax=_tax(product, book, store),
        line_price=half_up(price.amount * quantity),
    )


def _product(sent: CartLine, book: Pricebook) -> ProductTerms:
    for id_type, code in ((sent.type, sent.product_id), *sent.external_ids):
        found = {product.sku: product for key in lookup_keys(id_type, code) for product in book.products.get(key, ())}
        if len(found) > 1:
            raise _Found(
                "product",
                f"“{code}” can mean several products: {', '.join(sorted(found))}. "
                "Take the barcode off all but one of them, then re-price this cart.",
            )
        if found:
            return next(iter(found.values()))
    what = "SKU" if sent.type == "SKU" else "barcode"
    raise _Found(
        "product",
        f"No product has the {what} “{sent.product_id}”. Add it to the catalog, then re-price this cart.",
    )


def lookup_keys(id_type: str, code: str) -> tuple[str, ...]:
    """The keys of `Pricebook.products` under which an id of a cart line may stand: `sku:…`, or those of a scan."""
    if id_type == "SKU":
        return (f"sku:{code}",)
    return tuple(key for key in scan_keys(code) if not key.startswith("sku:"))


def _quantity(sent: CartLine, product: ProductTerms, book: Pricebook) -> Decimal:
    quantity = Decimal(sent.quantity)
    if quantity <= 0:
        raise _Found("quantity", f"The quantity of {product.name} is {sent.quantity}; it must be above zero.")
    if quantity > book.limits.line_quantity:
        raise _Found(
            "quantity",
            f"The quantity of {product.name} is {sent.quantity}; more than {book.limits.line_quantity} on one line "
            "is checked by a person.",
        )
    if not product.weight_unit and quantity != quantity.to_integral_value():
        raise _Found("quantity", f"{product.name} is sold by the piece, so its quantity cannot be {sent.quantity}.")
    return quantity


def _check_unit(sent: CartLine, product: ProductTerms, book: Pricebook, store: StoreTerms) -> None:
    own = product.weight_unit or "unit"
    if book.limits.unit_names.get(sent.unit.lower()) != own:
        sold = f"by weight in {own}" if product.weight_unit else "by the piece"
        raise _Found(
            "unit", f"{product.name} is sold {sold}, but the cart counts it in “{sent.unit}”. Nothing is converted."
        )
    if product.weight_unit and store.amounts_of_one_piece:
        raise _Found(
            "unit",
            f"{product.name} is sold by weight, and {store.called} sends the amounts of one piece to Amazon. "
            "Ask Amazon how weighed goods are written there.",
        )


def _fees(product: ProductTerms, book: Pricebook, store: StoreTerms) -> tuple[FeeTerms, ...]:
    fees = book.fees.get(product.sku, ())
    if fees and product.weight_unit:
        raise _Found("fee", f"{product.name} is sold by weight, so it cannot bear “{fees[0].description}”.")
    if fees and store.parks_fees:
        raise _Found(
            "fee",
            f"{product.name} bears “{fees[0].description}”, and carts with fees wait in {store.called} "
            "(see the store's setting “deposits and fees”).",
        )
    return fees


def _tax(product: ProductTerms, book: Pricebook, store: StoreTerms) -> TaxTerms:
    tax = book.taxes.get(product.sku)
    if tax is None:
        raise _Found("tax", f"{product.name} ({product.sku}) has no tax category. Choose one, then re-price this cart.")
    if not tax.parts and not tax.exempt:
        raise _Found(
            "tax",
            f"No tax rule of {store.called} covers the tax category “{tax.category}” of {product.name}. "
            "Add the rule, or mark the category as never taxed.",
        )
    return tax
