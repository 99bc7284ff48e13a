"""Why a promotion that shares a product with the cart does not apply: the first condition that fails. Plain Python.

In the order of looking: the store's clock, enough pieces in the cart, something to save, pieces that no deal of a
higher priority took, pieces that no better deal took; for basket offers the amount spent and the better offer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

from pricing.deals import Line as Units
from pricing.deals.kinds import for_one_unit
from pricing.money import ZERO, from_cents, percent_of, to_cents
from pricing.resolve import Places
from pricing.terms import Pricebook, PromotionTerms

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
SINGLE = frozenset({"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"})
CONDITIONS = ("weekday", "hours", "pieces", "saving", "priority", "better deal", "search", "threshold", "better offer")


@dataclass(slots=True)
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
        return Miss(terms, "hours", f"{local:%H:%M:%S}", f"{_hour(terms.from_time)} to {_hour(terms.until_time)}")
    return None


def _hour(clock: time | None) -> str:
    """With its seconds only if it has any."""
    return "" if clock is None else f"{clock:%H:%M:%S}".removesuffix(":00")


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
    promotions: Iterable[PromotionTerms],
    places: Places,
    units: Sequence[Units],
    applied: Sequence[Applied],
    *,
    optimal: bool,
) -> Iterator[Miss]:
    """Why each of these unit deals, none of which applies, does not; `units` are those of the cart, line by line."""
    cart = _Cart(places, units, applied)
    highest = max((one.promotion.priority for one in applied), default=0)
    for terms in promotions:
        parts = cart.parts(terms)
        yield (
            (None if terms.kind in SINGLE else _too_few(terms, parts, cart))
            or _worthless(terms, parts)
            or (_outranked(terms, parts, cart) if terms.priority < highest else None)
            or _beaten(terms, parts, cart, optimal=optimal)
        )


class _Part:
    """The lines of a cart that may fill one role."""

    __slots__ = ("dearest", "lines", "pieces", "takers", "units", "weighed")

    def __init__(self, lines: Sequence[int], cart: "_Cart") -> None:
        self.lines = lines
        self.units = [cart.units[line] for line in lines]
        self.pieces = self.dearest = self.takers = 0
        self.weighed = False
        for line, units in zip(lines, self.units, strict=True):
            self.pieces += units.count
            self.dearest = max(self.dearest, units.price)
            self.takers |= cart.takers_of[line]
            self.weighed = self.weighed or units.weight is not None

    def price_of(self, count: int) -> int:
        """What so many of its dearest pieces cost."""
        price = 0
        for line in sorted(self.units, key=attrgetter("price"), reverse=True):
            if count <= line.count:
                return price + line.price * count
            price += line.price * line.count
            count -= line.count
        return price


class _Cart:
    """What many promotions ask of one cart; each answer is worked out once."""

    def __init__(self, places: Places, units: Sequence[Units], applied: Sequence[Applied]) -> None:
        self.units = units
        self._taken: dict[str, list[Applied]] = {}
        for one in sorted(applied, key=attrgetter("promotion.code")):
            self._taken.setdefault(one.promotion.code, []).append(one)
        self.takers_of = [0] * len(units)
        """By line: the promotions that took units of it, each a bit, in the order of codes."""
        for place, alike in enumerate(self._taken.values()):
            for used in [used for one in alike for used in one.units]:
                self.takers_of[used.line] |= 1 << place
        self._places = places
        self._of_pieces: dict[frozenset[str], _Part] = {}
        self._of_all: dict[frozenset[str], _Part] = {}
        self._codes: dict[int, str] = {}

    def parts(self, terms: PromotionTerms) -> list[_Part]:
        """By role. Goods sold by weight take part in single-unit deals only."""
        if terms.kind in SINGLE:
            role = terms.roles[0]
            return [self._of_all.get(role) or self._part(role)]
        return [self._of_pieces.get(role) or self._part_of_pieces(role) for role in terms.roles]

    def _part(self, role: frozenset[str]) -> _Part:
        part = self._of_all[role] = _Part(self._places.of(role), self)
        return part

    def _part_of_pieces(self, role: frozenset[str]) -> _Part:
        part = self._of_all.get(role) or self._part(role)
        if part.weighed:
            part = _Part([line for line in part.lines if self.units[line].weight is None], self)
        self._of_pieces[role] = part
        return part

    def pieces(self, parts: Sequence[_Part]) -> dict[int, int]:
        """By line."""
        return {line: self.units[line].count for part in parts for line in part.lines}

    def takers(self, parts: Sequence[_Part]) -> list[Applied]:
        """The deals that took units of these lines."""
        lines = self.pieces(parts)
        alike = [one for applied in self._taken.values() for one in applied]
        return [one for one in alike if any(used.line in lines for used in one.units)]

    def codes_of_takers(self, parts: Sequence[_Part]) -> str:
        bits = parts[0].takers if len(parts) == 1 else _takers(parts)
        codes = self._codes.get(bits)
        if codes is None:
            found = [code for place, code in enumerate(self._taken) if bits >> place & 1]
            codes = self._codes[bits] = ", ".join(found)
        return codes


def _takers(parts: Sequence[_Part]) -> int:
    bits = 0
    for part in parts:
        bits |= part.takers
    return bits


@lru_cache(maxsize=1024)
def _needed(kind: str, counts: tuple[int, ...], roles: int) -> tuple[tuple[int, str], ...]:
    """How many pieces of each role one use takes, in words; bought and got of the same products are one role."""
    if roles < len(counts):
        return ((sum(counts), "its products"),)
    if roles == 1:
        return ((counts[0], "its products"),)
    if kind == "BUY_X_GET_Y":
        return ((counts[0], "the products to buy"), (counts[1], "the products to get"))
    return tuple((count, f"the products of part {part}") for part, count in enumerate(counts, start=1))


def _too_few(terms: PromotionTerms, parts: Sequence[_Part], cart: _Cart) -> Miss | None:
    needed = _needed(terms.kind, terms.counts, len(parts))
    for part, (count, of_what) in zip(parts, needed, strict=True):
        if part.pieces < count:
            return Miss(terms, "pieces", str(part.pieces), f"{count} of {of_what}")
    if len(parts) == 1:
        return None
    seen, count = sum(cart.pieces(parts).values()), sum(terms.counts)
    return Miss(terms, "pieces", str(seen), f"{count} of all its products together") if seen < count else None


def _worthless(terms: PromotionTerms, parts: Sequence[_Part]) -> Miss | None:
    """Whether it would save nothing even on the dearest of its products, were there no other promotion."""
    got = parts[-1].dearest
    if terms.percent is not None:
        return None if any(percent_of([got], terms.percent)) else _nothing_on(terms, got)
    amount = 0 if terms.amount is None else to_cents(terms.amount)
    match terms.kind:
        case "AMOUNT_OFF":
            return None if _saves(parts[0], amount) else _nothing_on(terms, got)
        case "FIXED_PRICE":
            return None if _costs_more(parts[0], amount) else _too_cheap(terms, got)
    price = sum([part.price_of(count) for part, count in zip(parts, terms.counts, strict=True)])
    return _too_cheap(terms, price) if price <= amount else None


def _saves(part: _Part, amount: int) -> bool:
    """Whether so much off a unit, or off its weight, saves anything."""
    if not part.weighed:
        return bool(min(amount, part.dearest))
    return any(min(for_one_unit(amount, line), line.price) for line in part.units)


def _costs_more(part: _Part, amount: int) -> bool:
    """Whether a unit costs more than so much for one, or for its weight."""
    if not part.weighed:
        return part.dearest > amount
    return any(line.price > for_one_unit(amount, line) for line in part.units)


def _nothing_on(terms: PromotionTerms, price: int) -> Miss:
    return Miss(terms, "saving", f"a price of {from_cents(price)}", "a saving of at least 0.01")


def _too_cheap(terms: PromotionTerms, price: int) -> Miss:
    return Miss(terms, "saving", f"a price of {from_cents(price)}", f"a price above {terms.amount or ZERO}")


def _outranked(terms: PromotionTerms, parts: Sequence[_Part], cart: _Cart) -> Miss | None:
    """Whether deals of a higher priority have left too few pieces."""
    higher = [one for one in cart.takers(parts) if one.promotion.priority > terms.priority]
    if not higher:
        return None
    free = cart.pieces(parts)
    for one in higher:
        for used in one.units:
            if used.line in free:
                free[used.line] -= used.count * one.uses
    needed = [count for count, _ in _needed(terms.kind, terms.counts, len(parts))]
    short = any(sum([free[line] for line in part.lines]) < count for part, count in zip(parts, needed, strict=True))
    if short or sum(free.values()) < sum(needed):
        codes = ", ".join(sorted({one.promotion.code for one in higher}))
        return Miss(terms, "priority", codes, "products that no promotion of a higher priority has taken")
    return None


def _beaten(terms: PromotionTerms, parts: Sequence[_Part], cart: _Cart, *, optimal: bool) -> Miss:
    rivals = cart.codes_of_takers(parts)
    if rivals:
        return Miss(terms, "better deal", rivals, "products that no better deal has taken")
    if optimal:
        return Miss(terms, "saving", "0.00", "a saving of at least 0.01")
    return Miss(terms, "search", "a cart with very many combinations", "a longer search for the best deal")


# --- Basket offers -------------------------------------------------------------------------------------------------


def below_threshold(terms: PromotionTerms, spent: Decimal, threshold: Decimal) -> Miss:
    return Miss(terms, "threshold", str(spent), str(threshold))


def nothing_to_save(terms: PromotionTerms, spent: Decimal) -> Miss:
    return Miss(terms, "saving", f"a sum of {spent}", "a saving of at least 0.01")


def another_offer(terms: PromotionTerms, applied: PromotionTerms) -> Miss:
    """Only one basket offer applies to a trip."""
    return Miss(terms, "better offer", applied.code, "to be the best basket offer of the trip")
