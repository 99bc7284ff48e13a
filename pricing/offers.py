"""Which promotions apply to a cart's lines: unit deals zone by zone, then one basket offer. Plain Python.

Source: the pricing rules, sections 4 and 5. Zones of the same priority are served from the highest down; a unit is used
by at most one deal. Why the others do not apply: `pricing.misses`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from pricing import deals
from pricing.misses import Miss, another_offer, below_threshold, nothing_to_save, off_the_clock, passed_over
from pricing.money import ZERO, from_cents, half_up, largest_remainder, to_cents
from pricing.prospects import Prospects, is_unlimited_single, unsurpassed
from pricing.resolve import Line, Places
from pricing.terms import SPEND_GET, Pricebook, PromotionTerms


@dataclass(slots=True)
class Units:
    """So many units of one line in one role of a deal; `saving` is that of all of them together."""

    line: int
    role: int
    count: int
    price: Decimal
    saving: Decimal


@dataclass(slots=True)
class Application:
    """A unit deal, applied so many times to units alike; `units` are those of one use."""

    promotion: PromotionTerms
    uses: int
    units: tuple[Units, ...]

    @property
    def saving(self) -> Decimal:
        return sum((units.saving for units in self.units), ZERO) * self.uses

    def trace(self) -> dict[str, Any]:
        terms = self.promotion
        return {
            **_terms_trace(terms),
            "counts": list(terms.counts),
            "same_targets": len(terms.roles) == 1,
            "uses": self.uses,
            "units": [
                {
                    "line": one.line,
                    "role": one.role,
                    "count": one.count,
                    "price": str(one.price),
                    "saving": str(one.saving),
                }
                for one in self.units
            ],
            "saving": str(self.saving),
        }


@dataclass(frozen=True, slots=True)
class Reward:
    """A basket offer that applies: what its lines came to, and what each of them gets of the saving."""

    promotion: PromotionTerms
    spent: Decimal
    saving: Decimal
    shares: Mapping[int, Decimal]
    """By line; those that it reaches, also where it gives them nothing."""

    def trace(self) -> dict[str, Any]:
        return {
            **_terms_trace(self.promotion),
            "threshold": _text(self.promotion.threshold),
            "spent": str(self.spent),
            "saving": str(self.saving),
            "lines": [{"line": line, "saving": str(share)} for line, share in self.shares.items()],
        }


def _terms_trace(terms: PromotionTerms) -> dict[str, Any]:
    return {
        "promotion": terms.code,
        "row": terms.row,
        "name": terms.name,
        "text": terms.receipt_text,
        "funding": "VENDOR" if terms.paid_by_vendor else "STORE",
        "kind": terms.kind,
        "percent": _text(terms.percent),
        "amount": _text(terms.amount),
        "priority": terms.priority,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


@dataclass(slots=True)
class Saved:
    """What the promotions did. The amounts themselves stand on the lines."""

    applications: list[Application] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    basket: Reward | None = None
    optimal: bool = True


def apply(lines: Sequence[Line], book: Pricebook) -> Saved:
    """Write each line's promotion amounts onto it, and tell what applied and what did not.

    Raises ValueError for a kind of promotion that this engine does not know: nothing is silently ignored.
    """
    saved = Saved()
    ready = []
    skus = {line.product.sku for line in lines}
    for terms in book.promotions:
        if all(map(skus.isdisjoint, terms.roles)):
            continue  # it touches what a line's further identifiers mean, not what was taken
        miss = off_the_clock(terms, book) if terms.weekdays or terms.from_time is not None else None
        if miss:
            saved.misses.append(miss)
        else:
            ready.append(terms)
    _apply_deals([terms for terms in ready if terms.kind != SPEND_GET], lines, saved)
    _apply_basket_offer([terms for terms in ready if terms.kind == SPEND_GET], lines, saved)
    saved.misses.sort(key=lambda miss: miss.promotion.code)
    return saved


# --- Unit deals ----------------------------------------------------------------------------------------------------


def _apply_deals(promotions: Sequence[PromotionTerms], lines: Sequence[Line], saved: Saved) -> None:
    units = [units_of(line) for line in lines]
    free = units.copy()
    places = everywhere = Places(lines)
    for zone in _zones(promotions):
        _apply_zone(zone, lines, free, places, saved)
        if not all(left.count for left in free):
            places = Places(line for line in lines if free[line.number].count)
    saved.applications.sort(key=lambda one: (one.promotion.code, one.units[0].line))
    applied = {one.promotion.code for one in saved.applications}
    missed = [terms for terms in promotions if terms.code not in applied]
    saved.misses.extend(passed_over(missed, everywhere, units, saved.applications, optimal=saved.optimal))


def _zones(promotions: Sequence[PromotionTerms]) -> list[list[PromotionTerms]]:
    """By priority, the highest first; in each of them in the order of codes."""
    zones: dict[int, list[PromotionTerms]] = {}
    for terms in sorted(promotions, key=attrgetter("code")):
        zones.setdefault(terms.priority, []).append(terms)
    return [zones[priority] for priority in sorted(zones, reverse=True)]


def units_of(line: Line) -> deals.Line:
    """The units of a line as the search for deals sees them."""
    return deals.Line(to_cents(line.unit_price), line.pieces, line.quantity if line.weighed else None)


def _apply_zone(
    zone: Sequence[PromotionTerms], lines: Sequence[Line], free: list[deals.Line], places: Places, saved: Saved
) -> None:
    """The best deals on the units that are still free, at these places; what they use is free no more."""
    by_code = {terms.code: terms for terms in zone}
    solution = deals.best_deals(free, _deals_with_prospects(zone, free, places))
    saved.optimal = saved.optimal and solution.optimal
    for same, alike in groupby(solution.applications, key=lambda one: (one.code, one.units)):
        code, shares = same
        application = applied(by_code[code], len(list(alike)), shares, free)
        saved.applications.append(application)
        credit(application, lines)
        for units in application.units:
            left = free[units.line]
            free[units.line] = deals.Line(left.price, left.count - units.count * application.uses, left.weight)


def _deals_with_prospects(
    zone: Sequence[PromotionTerms], free: Sequence[deals.Line], places: Places
) -> list[deals.Deal]:
    """The zone's promotions as the search sees them, but for those that are in no best choice for certain."""
    maker = deals.Maker(free)
    singles = [as_deal(terms, maker, places) for terms in unsurpassed(filter(is_unlimited_single, zone))]
    prospects = Prospects(free, places, singles)
    others = [terms for terms in zone if not is_unlimited_single(terms)]
    return singles + [as_deal(terms, maker, places) for terms in others if prospects.has(terms)]


def applied(
    terms: PromotionTerms, uses: int, shares: Sequence[deals.UnitShare], lines: Sequence[deals.Line]
) -> Application:
    """A deal applied so many times to these units; those of one line in one role stand together."""
    units = []
    for (line, role), group in groupby(shares, key=lambda one: (one.line, one.role)):
        of_role = [one.share for one in group]
        units.append(Units(line, role, len(of_role), from_cents(lines[line].price), from_cents(sum(of_role))))
    return Application(terms, uses, tuple(units))


def credit(application: Application, lines: Sequence[Line]) -> None:
    """Write what a deal saves onto the lines where it saves something."""
    code = application.promotion.code
    for units in application.units:
        if units.saving:
            promotions = lines[units.line].promotions
            promotions[code] = promotions.get(code, ZERO) + units.saving * application.uses


def as_deal(terms: PromotionTerms, maker: deals.Maker, places: Places) -> deals.Deal:
    """The promotion as the search sees it."""
    code, roles = terms.code, [places.of(role) for role in terms.roles]
    match terms.kind:
        case "PERCENT_OFF":
            deal = maker.percent_off(code, roles[0], terms.percent or ZERO)
        case "AMOUNT_OFF":
            deal = maker.amount_off(code, roles[0], _cents(terms))
        case "FIXED_PRICE":
            deal = maker.fixed_price(code, roles[0], _cents(terms))
        case "BUY_X_GET_Y":
            others = roles[1] if len(roles) > 1 else None
            deal = maker.buy_x_get_y(code, roles[0], terms.counts, terms.percent or ZERO, others)
        case "MULTI_BUY" | "BUNDLE":
            deal = maker.bundle(code, list(zip(roles, terms.counts, strict=True)), _cents(terms))
        case unknown:
            raise ValueError(f"promotion {code} is of an unknown kind: {unknown}")
    return deal.at_most(terms.max_uses)


def _cents(terms: PromotionTerms) -> int:
    if terms.amount is None:
        raise ValueError(f"promotion {terms.code} lacks its amount")  # nothing is given away for want of one
    return to_cents(terms.amount)


# --- Basket offers -------------------------------------------------------------------------------------------------


def _apply_basket_offer(promotions: Sequence[PromotionTerms], lines: Sequence[Line], saved: Saved) -> None:
    """At most one: the highest priority, then the greatest saving, then the first code."""
    rewards = []
    for terms in promotions:
        reward = reward_of(terms, lines)
        if isinstance(reward, Miss):
            saved.misses.append(reward)
        else:
            rewards.append(reward)
    if not rewards:
        return
    best = min(rewards, key=lambda one: (-one.promotion.priority, -one.saving, one.promotion.code))
    saved.basket = best
    saved.misses.extend(another_offer(one.promotion, best.promotion) for one in rewards if one is not best)
    give(best, lines)


def give(reward: Reward, lines: Sequence[Line]) -> None:
    """Write a basket offer's shares onto its lines."""
    for line, share in reward.shares.items():
        if share:
            lines[line].promotions[reward.promotion.code] = share


def reward_of(terms: PromotionTerms, lines: Sequence[Line]) -> Reward | Miss:
    """What this offer gives on what is left of its lines, or why it gives nothing."""
    left = {line.number: line.left for line in lines if line.product.sku in terms.roles[0]}
    spent = sum(left.values(), ZERO)
    threshold = terms.threshold or ZERO
    if spent < threshold:
        return below_threshold(terms, spent, threshold)
    promised = terms.amount if terms.percent is None else half_up(spent * terms.percent / 100)
    saving = min(promised or ZERO, spent)
    if not saving:
        return nothing_to_save(terms, spent)
    shares = largest_remainder(to_cents(saving), [to_cents(amount) for amount in left.values()])
    return Reward(terms, spent, saving, dict(zip(left, map(from_cents, shares), strict=True)))
