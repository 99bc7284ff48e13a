"""Whether a stored purchase's amounts follow from its trace: computed again, and held against all that was kept."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from orders.body import unit_price
from orders.models import Purchase, PurchaseLine
from pricing.priced import PricedLine, totals_of
from pricing.proof import Unproven, recompute


def differences(purchase: Purchase) -> list[str]:
    """What differs, as `place: stored, computed`; empty when every amount is proven."""
    try:
        trace = json.loads(purchase.trace)
        if not isinstance(trace, dict):
            return ["trace: it is none"]
        lines = recompute(trace)
        return [*_totals(purchase, lines), *_lines(purchase, lines), *_body(purchase, lines)]
    except (Unproven, json.JSONDecodeError) as error:
        return [f"trace: {error}"]
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        return [f"what was sent cannot be read: {type(error).__name__}"]


def _totals(purchase: Purchase, lines: tuple[PricedLine, ...]) -> Iterator[str]:
    totals = totals_of(lines)
    for name in ("sub_total", "promotions_total", "sales_tax_total", "price_total"):
        yield from _differs(name, getattr(purchase, name), getattr(totals, name))


def _lines(purchase: Purchase, lines: tuple[PricedLine, ...]) -> Iterator[str]:
    rows = list(PurchaseLine.objects.filter(purchase=purchase).order_by("number"))
    yield from _differs("number of lines", len(rows), len(lines))
    for row, line in zip(rows, lines, strict=False):
        whole = line.line
        computed = {
            "sku": line.sku,
            "price": whole.price,
            "promotions": whole.promotions_total,
            "fees": whole.fees_total,
            "sales_tax": whole.sales_tax,
            "total": whole.total,
        }
        for name, value in computed.items():
            yield from _differs(f"line {row.number + 1} {name}", getattr(row, name), value)


def _body(purchase: Purchase, lines: tuple[PricedLine, ...]) -> Iterator[str]:
    """What was sent, line by line; it has the totals of `_totals`."""
    document = json.loads(bytes(purchase.body or b"{}"))
    items, totals = document.get("lineItems", []), document.get("orderTotals", {})
    yield from _differs("number of lines sent", len(items), len(lines))
    for item, line in zip(items, lines, strict=False):
        yield from _differs(
            f"line {line.number + 1} as sent", item.get("unitPrice"), unit_price(line.sent, purchase.currency)
        )
    computed = totals_of(lines)
    for name, value in (
        ("subTotal", computed.sub_total),
        ("promotionsTotal", computed.promotions_total),
        ("salesTaxTotal", computed.sales_tax_total),
        ("priceTotal", computed.price_total),
    ):
        yield from _differs(f"{name} as sent", _amount(totals.get(name)), value)


def _amount(money: Any) -> Decimal | None:
    return Decimal(money["amount"]) if isinstance(money, dict) and "amount" in money else None


def _differs(place: str, stored: object, computed: object) -> Iterator[str]:
    if stored != computed:
        yield f"{place}: stored {stored}, computed {computed}"
