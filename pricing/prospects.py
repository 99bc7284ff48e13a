"""Which promotions of a zone need not become deals, seen from their terms: they are in no best choice. Plain Python.

The search screens deals as well, and closer (`pricing.deals.screening`); here the many that have no prospect at all are
seen before anything is made for them. Each answer is worked out once for all promotions that target the same products.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from pricing.deals import Deal
from pricing.deals import Line as Units
from pricing.money import ZERO, percent_of, to_cents
from pricing.resolve import Places
from pricing.terms import PromotionTerms

SINGLE = frozenset({"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"})
BEYOND_REACH = -(1 << 62)
"""What no amount of money comes near."""


def is_unlimited_single(terms: PromotionTerms) -> bool:
    """Whether any number of single units may have it, whatever else is applied."""
    return terms.max_uses is None and terms.kind in SINGLE


def unsurpassed(singles: Iterable[PromotionTerms]) -> Iterator[PromotionTerms]:
    """Of unlimited single-unit deals, in the order of codes, those that no earlier one on the same products matches.

    Where two save the same, the first code gets the units: so the later one must promise more.
    """
    best: dict[tuple[str, frozenset[str]], Decimal] = {}
    for terms in singles:
        shape = terms.kind, terms.roles[0]
        promise = _promise(terms)
        if shape not in best or promise > best[shape]:
            best[shape] = promise
            yield terms


def _promise(terms: PromotionTerms) -> Decimal:
    """A number that grows with the saving on every product."""
    if terms.kind == "PERCENT_OFF":
        return terms.percent or ZERO
    amount = terms.amount or ZERO
    return -amount if terms.kind == "FIXED_PRICE" else amount


class Prospects:
    """What a unit can bring a deal that needs several, beyond what unlimited single-unit deals save on it anyway."""

    def __init__(self, units: Sequence[Units], places: Places, singles: Iterable[Deal]) -> None:
        self._units = units
        self._places = places
        self._saved = [0] * len(units)
        for deal in singles:
            for line, saving in deal.roles[0].worth.items():
                self._saved[line] = max(saving, self._saved[line])
        self._whole: dict[frozenset[str], int] = {}
        self._part: dict[tuple[frozenset[str], Decimal], int] = {}

    def has(self, terms: PromotionTerms) -> bool:
        """Whether it may be better than leaving its units alone, were each of them the best there is for its role."""
        match terms.kind:
            case "MULTI_BUY" | "BUNDLE":
                gains = [self._of_price(role) * count for role, count in zip(terms.roles, terms.counts, strict=True)]
                return sum(gains) >= to_cents(terms.amount or ZERO)
            case "BUY_X_GET_Y":
                (buy, get), percent = terms.counts, terms.percent or ZERO
                return (
                    self._of_percent(terms.roles[0], ZERO) * buy + self._of_percent(terms.roles[-1], percent) * get >= 0
                )
        return True

    def _of_price(self, role: frozenset[str]) -> int:
        gain = self._whole.get(role)
        if gain is None:
            gains = [self._units[line].price - self._saved[line] for line in self._pieces(role)]
            gain = self._whole[role] = max(gains, default=BEYOND_REACH)
        return gain

    def _of_percent(self, role: frozenset[str], percent: Decimal) -> int:
        gain = self._part.get((role, percent))
        if gain is None:
            lines = self._pieces(role)
            worth = percent_of([self._units[line].price for line in lines], percent)
            gains = [cents - self._saved[line] for line, cents in zip(lines, worth, strict=True)]
            gain = self._part[role, percent] = max(gains, default=BEYOND_REACH)
        return gain

    def _pieces(self, role: frozenset[str]) -> list[int]:
        """Goods sold by weight take part in single-unit deals only."""
        return [line for line in self._places.of(role) if self._units[line].weight is None]
