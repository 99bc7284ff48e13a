"""Why a promotion that shares a product with the cart does not apply: the first condition that fails. Plain Python.

In the order of looking: the store's clock, enough pieces in the cart, something to save, pieces that no deal of a
higher priority took, pieces that no better deal took; for basket offers the amount spent and the better offer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from pricing.money import ZERO, half_up
from pricing.resolve import Line
from pricing.terms import Pricebook, PromotionTerms

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
SINGLE = frozenset({"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"})
CONDITIONS = ("weekday", "hours", "pieces", "saving", "priority", "better deal", "search", "threshold", "better offer")


@dataclass(frozen=True, slots=True)
class Miss:
    """A promotion that did not apply: the first of `CONDITIONS` that failed, the value seen and the value needed."""

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


# --- The clock -----------------------------------------------------------------------------------------------------


def off_the_clock(terms: PromotionTerms, book: Pricebook) -> Miss | None:
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


class Used(Protocol):
    """Units that a deal took, `count` of a line in each use."""

    @property
    def line(self) -> int: ...
    @property
    def count(self) -> int: ...


class Applied(Protocol):
    """A deal that applies."""

    @property
    def promotion(self) -> PromotionTerms: ...
    @property
    def uses(self) -> int: ...
    @property
    def units(self) -> Sequence[Used]: ...


def passed_over(
    promotions: Iterable[PromotionTerms], lines: Sequence[Line], applied: Sequence[Applied], *, optimal: bool
) -> Iterator[Miss]:
    """Why each of these unit deals, none of which applies, does not."""
    by_sku: dict[str, list[Line]] = {}
    for line in lines:
        by_sku.setdefault(line.product.sku, []).append(line)
    takers: dict[int, list[Applied]] = {}
    for one in applied:
        for line_number in dict.fromkeys(used.line for used in one.units):
            takers.setdefault(line_number, []).append(one)
    for terms in promotions:
        roles = [[line for sku in role for line in by_sku.get(sku, ())] for role in terms.roles]
        if terms.kind not in SINGLE:
            roles = [[line for line in role if not line.weighed] for role in roles]
        yield (
            _too_few(terms, roles)
            or _worthless(terms, roles)
            or _outranked(terms, roles, takers)
            or _beaten(terms, roles, takers, optimal=optimal)
        )


def _needed(terms: PromotionTerms) -> list[tuple[int, str]]:
    """How many pieces of each role one use takes, in words; bought and got of the same products are one role."""
    if len(terms.roles) < len(terms.counts):
        return [(sum(terms.counts), "its products")]
    if len(terms.roles) == 1:
        return [(terms.counts[0], "its products")]
    if terms.kind == "BUY_X_GET_Y":
        return [(terms.counts[0], "the products to buy"), (terms.counts[1], "the products to get")]
    return [(count, f"the products of part {part}") for part, count in enumerate(terms.counts, start=1)]


def _too_few(terms: PromotionTerms, roles: Sequence[Sequence[Line]]) -> Miss | None:
    needed = _needed(terms)
    for role, (count, of_what) in zip(roles, needed, strict=True):
        seen = sum(line.pieces for line in role)
        if seen < count:
            return Miss(terms, "pieces", str(seen), f"{count} of {of_what}")
    seen = sum(_pieces(roles).values())
    count = sum(count for count, _ in needed)
    return Miss(terms, "pieces", str(seen), f"{count} of all its products together") if seen < count else None


def _pieces(roles: Iterable[Sequence[Line]]) -> dict[int, int]:
    return {line.number: line.pieces for role in roles for line in role}


def _worthless(terms: PromotionTerms, roles: Sequence[Sequence[Line]]) -> Miss | None:
    """Whether it would save nothing even on the dearest of its products, were there no other promotion."""
    amount = terms.amount or ZERO
    if terms.kind in ("MULTI_BUY", "BUNDLE"):
        worth = sum((_dearest(role, count) for role, count in zip(roles, terms.counts, strict=True)), ZERO)
        return Miss(terms, "saving", f"a price of {worth}", f"a price above {amount}") if worth <= amount else None
    got = max(line.unit_price for line in roles[-1])
    if terms.percent is not None and not half_up(got * terms.percent / 100):
        return Miss(terms, "saving", f"a price of {got}", "a saving of at least 0.01")
    if terms.kind == "AMOUNT_OFF" and not any(min(_for_line(amount, line), line.unit_price) for line in roles[0]):
        return Miss(terms, "saving", f"a price of {got}", "a saving of at least 0.01")
    if terms.kind == "FIXED_PRICE" and all(line.unit_price <= _for_line(amount, line) for line in roles[0]):
        return Miss(terms, "saving", f"a price of {got}", f"a price above {amount}")
    return None


def _dearest(role: Sequence[Line], count: int) -> Decimal:
    worth = ZERO
    for line in sorted(role, key=lambda line: -line.unit_price):
        worth += line.unit_price * min(count, line.pieces)
        count -= min(count, line.pieces)
    return worth


def _for_line(amount: Decimal, line: Line) -> Decimal:
    """An amount for one unit: that of a weighed line is by its weight."""
    return half_up(amount * line.quantity) if line.weighed else amount


Takers = Mapping[int, Sequence[Applied]]


def _outranked(terms: PromotionTerms, roles: Sequence[Sequence[Line]], takers: Takers) -> Miss | None:
    """Whether deals of a higher priority have left too few pieces."""
    higher = [one for one in _rivals(roles, takers) if one.promotion.priority > terms.priority]
    if not higher:
        return None
    free = _pieces(roles)
    for one in higher:
        for used in one.units:
            if used.line in free:
                free[used.line] -= used.count * one.uses
    needed = _needed(terms)
    short = any(sum(free[line.number] for line in role) < count for role, (count, _) in zip(roles, needed, strict=True))
    if short or sum(free.values()) < sum(count for count, _ in needed):
        return Miss(terms, "priority", _codes(higher), "products that no promotion of a higher priority has taken")
    return None


def _beaten(terms: PromotionTerms, roles: Sequence[Sequence[Line]], takers: Takers, *, optimal: bool) -> Miss:
    rivals = _rivals(roles, takers)
    if rivals:
        return Miss(terms, "better deal", _codes(rivals), "products that no better deal has taken")
    if optimal:
        return Miss(terms, "saving", "0.00", "a saving of at least 0.01")
    return Miss(terms, "search", "a cart with very many combinations", "a longer search for the best deal")


def _rivals(roles: Sequence[Sequence[Line]], takers: Takers) -> list[Applied]:
    return [one for number in _pieces(roles) for one in takers.get(number, ())]


def _codes(applied: Iterable[Applied]) -> str:
    return ", ".join(sorted({one.promotion.code for one in applied}))


# --- Basket offers -------------------------------------------------------------------------------------------------


def below_threshold(terms: PromotionTerms, spent: Decimal, threshold: Decimal) -> Miss:
    return Miss(terms, "threshold", str(spent), str(threshold))


def nothing_to_save(terms: PromotionTerms, spent: Decimal) -> Miss:
    return Miss(terms, "saving", f"a sum of {spent}", "a saving of at least 0.01")


def another_offer(terms: PromotionTerms, applied: PromotionTerms) -> Miss:
    """Only one basket offer applies to a trip."""
    return Miss(terms, "better offer", applied.code, "to be the best basket offer of the trip")
