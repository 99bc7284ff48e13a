"""What is taxed, at which rate, and by how much. Plain Python.

Source: the pricing rules, sections 7 and 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pricing.money import ZERO, from_cents, half_up, largest_remainder, to_cents
from pricing.resolve import Line
from pricing.terms import HolidayTerms, StoreTerms

RATE_SCALE = 8
"""Rates have at most eight decimals."""


@dataclass(slots=True)
class Taxable:
    """What one line, or one piece of it, is taxed on. Gross where prices include tax."""

    price: Decimal
    store_paid: Decimal
    taxed_fees: Decimal
    rate: Decimal

    @property
    def base(self) -> Decimal:
        return self.price - self.store_paid + self.taxed_fees


def holiday_of(line: Line, store_paid: Decimal, holidays: Sequence[HolidayTerms]) -> HolidayTerms | None:
    """The first tax holiday (by code) under which this line is not taxed."""
    for holiday in holidays:
        if line.tax.category not in holiday.categories:
            continue
        cap = holiday.unit_price_below
        if cap is None or line.line_price - store_paid < cap * line.quantity:
            return holiday
    return None


def exact_tax(base: Decimal, rate: Decimal, *, included: bool) -> Decimal:
    """The tax on a base, not rounded; `included` when the base already contains it."""
    return base * rate / (1 + rate) if included else base * rate


def tax_each(subjects: Sequence[Taxable], store: StoreTerms) -> list[Decimal]:
    """The sales tax of each subject: rounded one by one, or once per rate and spread by largest remainder."""
    if not store.taxed_by_order:
        return [half_up(exact_tax(one.base, one.rate, included=store.prices_include_tax)) for one in subjects]
    taxes = [ZERO] * len(subjects)
    for rate in sorted({one.rate for one in subjects}):
        places = [place for place, one in enumerate(subjects) if one.rate == rate]
        bases = [subjects[place].base for place in places]
        tax = half_up(exact_tax(sum(bases, ZERO), rate, included=store.prices_include_tax))
        shares = largest_remainder(to_cents(tax), [to_cents(base) for base in bases])
        for place, share in zip(places, shares, strict=True):
            taxes[place] = from_cents(share)
    return taxes


def split(tax: Decimal, rates: Sequence[Decimal]) -> list[Decimal]:
    """A line's tax over its jurisdictions, in proportion to their rates; it always adds up."""
    if len(rates) == 1:
        return [tax if rates[0] else ZERO]
    weights = [int(rate.scaleb(RATE_SCALE)) for rate in rates]
    if not sum(weights):
        return [ZERO] * len(weights)
    return [from_cents(share) for share in largest_remainder(to_cents(tax), weights)]
