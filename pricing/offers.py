"""Which promotions apply to a cart's lines, and why the others do not. Plain Python.

Source: the pricing rules, sections 4 and 5. Zones of the same priority are served from the highest down; a unit is used
by at most one deal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from pricing.money import ZERO, half_up
from pricing.resolve import Line
from pricing.terms import Pricebook, PromotionTerms

SPEND_GET = "SPEND_GET"
SINGLE = frozenset({"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"})
SUPPORTED = SINGLE

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, slots=True)
class Application:
    """One promotion on so many units of one line, each saving the same."""

    promotion: PromotionTerms
    line: int
    units: int
    unit_price: Decimal
    unit_saving: Decimal

    @property
    def saving(self) -> Decimal:
        return self.unit_saving * self.units

    def trace(self) -> dict[str, Any]:
        terms = self.promotion
        return {
            "promotion": terms.code,
            "row": terms.row,
            "name": terms.name,
            "kind": terms.kind,
            "percent": None if terms.percent is None else str(terms.percent),
            "amount": None if terms.amount is None else str(terms.amount),
            "priority": terms.priority,
            "uses": self.units,
            "units": [
                {
                    "line": self.line,
                    "count": self.units,
                    "price": str(self.unit_price),
                    "saving": str(self.unit_saving),
                }
            ],
            "saving": str(self.saving),
        }


@dataclass(frozen=True, slots=True)
class Miss:
    """A promotion that shares a product with the cart but did not apply: the first condition that failed."""

    promotion: PromotionTerms
    condition: str
    seen: str
    needed: str

    def trace(self) -> dict[str, Any]:
        return {
            "promotion": self.promotion.code,
            "row": self.promotion.row,
            "name": self.promotion.name,
            "condition": self.condition,
            "seen": self.seen,
            "needed": self.needed,
        }


@dataclass(slots=True)
class Saved:
    """What the promotions did. The amounts themselves stand on the lines."""

    applications: list[Application] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    basket: Mapping[str, Any] | None = None
    optimal: bool = True


def apply(lines: Sequence[Line], book: Pricebook) -> Saved:
    """Write each line's promotion amounts onto it, and tell what applied and what did not.

    Raises ValueError for a kind of promotion that this engine does not know: nothing is silently ignored.
    """
    unknown = {terms.kind for terms in book.promotions} - SUPPORTED
    if unknown:
        raise ValueError(f"promotions of unknown kinds: {', '.join(sorted(unknown))}")
    capped = sorted(terms.code for terms in book.promotions if terms.max_uses is not None)
    if capped:
        raise ValueError(f"promotions with a cap, which this engine does not know: {', '.join(capped)}")
    saved = Saved()
    ready = []
    skus = {line.product.sku for line in lines}
    for terms in book.promotions:
        if skus.isdisjoint(frozenset().union(*terms.roles)):
            continue  # it touches what a line's further identifiers mean, not what was taken
        miss = _off_the_clock(terms, book)
        if miss:
            saved.misses.append(miss)
        else:
            ready.append(terms)
    ready.sort(key=lambda terms: (-terms.priority, terms.code))
    taken: dict[int, str] = {}
    for _, zone in groupby(ready, key=lambda terms: terms.priority):
        _serve_zone(list(zone), lines, taken, saved)
    saved.applications.sort(key=lambda application: (application.promotion.code, application.line))
    saved.misses.sort(key=lambda miss: miss.promotion.code)
    return saved


# --- The clock -----------------------------------------------------------------------------------------------------


def _off_the_clock(terms: PromotionTerms, book: Pricebook) -> Miss | None:
    """Why the store's clock keeps the promotion from applying, if it does.

    `[from, until)`; an until before the from crosses midnight and belongs to the weekday it began on.
    """
    if book.store is None or (not terms.weekdays and terms.from_time is None):
        return None
    local = book.moment.astimezone(book.store.zone)
    began, within = _began_on(terms, local)
    if terms.weekdays and WEEKDAYS[began.weekday()] not in terms.weekdays:
        needed = ", ".join(day for day in WEEKDAYS if day in terms.weekdays)
        return Miss(terms, "weekday", WEEKDAYS[began.weekday()], needed)
    if not within:
        return Miss(terms, "hours", f"{local:%H:%M:%S}", f"{terms.from_time:%H:%M} to {terms.until_time:%H:%M}")
    return None


def _began_on(terms: PromotionTerms, local: datetime) -> tuple[datetime, bool]:
    """The day on which the hours that hold now began, and whether it is within the hours at all."""
    if terms.from_time is None or terms.until_time is None:
        return local, True
    clock = local.time()
    if terms.from_time < terms.until_time:
        return local, terms.from_time <= clock < terms.until_time
    if clock < terms.until_time:
        return local - timedelta(days=1), True
    return local, clock >= terms.from_time


# --- Unit deals ----------------------------------------------------------------------------------------------------


def _serve_zone(zone: Sequence[PromotionTerms], lines: Sequence[Line], taken: dict[int, str], saved: Saved) -> None:
    """Give each line's units the deal of this zone that saves most; of equals the one with the first code.

    Deals of one unit without a cap never compete for more than the unit itself, so this is the exact optimum; and all
    units of a line are alike, so they all get the same deal.
    """
    used: set[str] = set()
    for line in lines:
        if line.number in taken:
            continue
        best: tuple[Decimal, PromotionTerms] | None = None
        for terms in zone:
            if line.product.sku in terms.roles[0]:
                saving = _saving(terms, line)
                if saving > 0 and (best is None or saving > best[0]):
                    best = saving, terms
        if best:
            saving, terms = best
            taken[line.number] = terms.code
            used.add(terms.code)
            line.promotions[terms.code] = saving * line.pieces
            saved.applications.append(Application(terms, line.number, line.pieces, line.unit_price, saving))
    saved.misses.extend(_why_not(terms, lines, taken) for terms in zone if terms.code not in used)


def _saving(terms: PromotionTerms, line: Line) -> Decimal:
    """What one use saves on one unit of this line; a weighed line is one unit."""
    price = line.unit_price
    if terms.kind == "PERCENT_OFF":
        return half_up(price * (terms.percent or ZERO) / 100)
    amount = terms.amount or ZERO
    if line.weighed:
        amount = half_up(amount * line.quantity)
    if terms.kind == "AMOUNT_OFF":
        return min(amount, price)
    return max(ZERO, price - amount)


def _why_not(terms: PromotionTerms, lines: Sequence[Line], taken: Mapping[int, str]) -> Miss:
    touched = [line for line in lines if line.product.sku in terms.roles[0]]
    if not any(_saving(terms, line) > 0 for line in touched):
        dearest = max(line.unit_price for line in touched)
        needed = f"a price above {terms.amount}" if terms.kind == "FIXED_PRICE" else "a saving of at least 0.01"
        return Miss(terms, "saving", f"a price of {dearest}", needed)
    others = sorted({taken[line.number] for line in touched if line.number in taken})
    return Miss(terms, "better deal", ", ".join(others), "a product that no better deal has taken")
