"""What a cart costs as people read it: within a row, and from the first sum to the last, the parts add up.

Deposits and fees stand apart from the price that contains them. Where shelf prices include tax they cannot: the price
is without tax, a fee is with it (pricing rules, section 7). There they stay in the price and are only named.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pricing.money import ZERO
from pricing.priced import Amounts, PricedCart

BEFORE = "Before promotions and tax"


def fees_apart(trace: Any) -> bool:
    """Whether the deposits of this cart can be told apart from its prices; of a trace that cannot be read, yes."""
    settings = trace.get("settings") if isinstance(trace, Mapping) else None
    return not (isinstance(settings, Mapping) and settings.get("prices_include_tax"))


def price(amounts: Amounts, *, apart: bool) -> Decimal:
    return amounts.price - amounts.fees_total if apart else amounts.price


def promotion(text: str, amount: Decimal) -> str:
    """`Cola 10% off -0.42`."""
    return f"{text} -{amount:.2f}"


def fee(text: str, amount: Decimal, *, apart: bool) -> str:
    """`Bottle deposit 0.10`."""
    return f"{text} {amount:.2f}{'' if apart else ' with tax, in the price'}"


Sums = list[tuple[str, Decimal]]


def sums(*, price: Decimal, fees: Decimal, promotions: Decimal, tax: Decimal, total: Decimal, apart: bool) -> Sums:
    """What a shopper owes, from top to bottom; `price` contains the deposits and fees."""
    first = [(BEFORE, price - fees), ("Deposits and fees", fees)] if apart and fees else [(BEFORE, price)]
    return [*first, ("Promotions", -promotions), ("Sales tax", tax), ("Total", total)]


def sums_of(priced: PricedCart) -> Sums:
    totals = priced.totals
    return sums(
        price=totals.sub_total,
        fees=sum((one.line.fees_total for one in priced.lines), ZERO),
        promotions=totals.promotions_total,
        tax=totals.sales_tax_total,
        total=totals.price_total,
        apart=fees_apart(priced.trace),
    )


def in_words(rows: Sums, currency: str) -> list[tuple[str, str]]:
    """As text; the last row names the currency."""
    *parts, (label, total) = rows
    return [*((name, f"{amount + ZERO:.2f}") for name, amount in parts), (label, f"{total:.2f} {currency}")]
