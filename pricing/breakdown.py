"""What a priced cart's trace says for the books: tax by jurisdiction, promotions by who pays, deposits. Plain Python.

All amounts are those of the whole line as sent to Amazon, whatever basis the store sends them on, so that they add up
to the purchase's totals.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.engine import TRACE_VERSION
from pricing.money import ZERO, half_up

Trace = Mapping[str, Any]


class Unreadable(ValueError):
    """A trace that this version cannot break down."""


@dataclass(frozen=True, slots=True)
class TaxShare:
    """A line's tax that goes to one jurisdiction; `taxable` is the line's net amount that it is due on."""

    rule: str
    jurisdiction: str
    rate: Decimal
    taxable: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PromotionCost:
    promotion: str
    text: str
    funding: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class FeeCharge:
    fee: str
    text: str
    pieces: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Breakdown:
    taxes: tuple[TaxShare, ...]
    promotions: tuple[PromotionCost, ...]
    fees: tuple[FeeCharge, ...]

    @property
    def tax(self) -> Decimal:
        return sum((one.amount for one in self.taxes), ZERO)

    @property
    def promotion(self) -> Decimal:
        return sum((one.amount for one in self.promotions), ZERO)

    @property
    def fee(self) -> Decimal:
        return sum((one.amount for one in self.fees), ZERO)


NOTHING = Breakdown((), (), ())


def break_down(trace: Trace) -> Breakdown:
    """What each line's amounts are made of. Raises Unreadable."""
    if not isinstance(trace, Mapping) or trace.get("version") != TRACE_VERSION:
        raise Unreadable("the trace is none of this version")
    try:
        lines = [(line, _Basis.of(line, trace["settings"])) for line in trace["lines"]]
        return Breakdown(
            taxes=tuple(share for line, basis in lines for share in _taxes(line, basis)),
            promotions=tuple(cost for line, basis in lines for cost in _promotions(line, basis)),
            fees=tuple(charge for line, basis in lines for charge in _fees(line, basis)),
        )
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable("the trace cannot be read") from error


@dataclass(frozen=True, slots=True)
class _Basis:
    """How the amounts of a line in the trace become those of the whole line, without tax."""

    pieces: int
    times: int
    tax_included: bool

    @classmethod
    def of(cls, line: Trace, settings: Trace) -> "_Basis":
        pieces = 1 if line["weight_unit"] else int(Decimal(line["quantity"]))
        one_piece = settings["amount_basis"] == "UNIT"
        return cls(pieces, pieces if one_piece else 1, bool(settings["prices_include_tax"]))


def _taxes(line: Trace, basis: _Basis) -> Iterator[TaxShare]:
    tax = line["tax"]
    if tax["exempt"] or tax["holiday"]:
        return
    base = Decimal(tax["base"]) * basis.times
    taxable = base - Decimal(tax["amount"]) if basis.tax_included else base
    for part in tax["parts"]:
        yield TaxShare(
            part["code"], part["jurisdiction"], Decimal(part["rate"]).normalize(), taxable, Decimal(part["amount"])
        )


def _promotions(line: Trace, basis: _Basis) -> Iterator[PromotionCost]:
    rate = Decimal(line["tax"]["rate"])
    for one in line["promotions"]:
        amount = Decimal(one["amount"])
        net = half_up(amount / (1 + rate)) if basis.tax_included else amount
        yield PromotionCost(one["code"], one["text"], one["funding"], net * basis.times)


def _fees(line: Trace, basis: _Basis) -> Iterator[FeeCharge]:
    for fee in line["fees"]:
        yield FeeCharge(fee["code"], fee["description"], basis.pieces, Decimal(fee["amount"]) * basis.pieces)
