"""A priced cart computed again from its trace alone: the proof of its amounts, for as long as the purchase is kept.

Plain Python. What the deals were chosen from is not in the trace, so the choice itself is not made again; what each
chosen deal saves, how that is spread, the basket offer, fees, tax and totals are. A trace is believed only if it says
of every line, application and offer just what comes out: sentences and books are made of those figures, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pricing import deals, offers
from pricing.engine import TRACE_VERSION, settle
from pricing.misses import Miss
from pricing.money import half_up
from pricing.priced import PricedLine
from pricing.resolve import Line, Places
from pricing.terms import (
    CartLine,
    FeeTerms,
    HolidayTerms,
    Pricebook,
    PriceTerms,
    ProductTerms,
    PromotionTerms,
    StoreTerms,
    TaxPart,
    TaxTerms,
)

Trace = Mapping[str, Any]


class Unproven(ValueError):
    """A trace that contradicts itself or that this version cannot read; the message names the place."""


def recompute(trace: Trace) -> tuple[PricedLine, ...]:
    """The lines of the priced cart that left this trace. Raises Unproven, also where the trace says something else."""
    if trace.get("version") != TRACE_VERSION:
        raise Unproven(f"version: {trace.get('version')} is not one that can be read")
    try:
        return _recompute(trace)
    except Unproven:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Unproven(f"the trace cannot be read: {type(error).__name__}: {error}") from error


def _recompute(trace: Trace) -> tuple[PricedLine, ...]:
    lines = [_line(line) for line in trace["lines"]]
    _check_units(trace["applications"], lines)
    applications = [_apply(application, lines) for application in trace["applications"]]
    reward = _reward(trace["basket"], lines) if trace["basket"] else None
    book = Pricebook(
        moment=datetime.fromisoformat(trace["moment"]),
        store=_store(trace),
        holidays=tuple(_holidays(trace["lines"])),
        promotions=tuple([one.promotion for one in applications] + [one.promotion for one in (reward,) if one]),
    )
    priced, said = settle(lines, book)
    _hold_against(trace["lines"], said, "lines")
    _hold_against(trace["applications"], [one.trace() for one in applications], "applications")
    _hold_against(trace["basket"], reward and reward.trace(), "basket")
    return priced


def _hold_against(stored: Any, computed: Any, place: str) -> None:
    if isinstance(computed, Mapping) and isinstance(stored, Mapping) and stored.keys() == computed.keys():
        for name, value in computed.items():
            _hold_against(stored[name], value, f"{place}.{name}")
    elif isinstance(computed, list) and isinstance(stored, list) and len(stored) == len(computed):
        for number, value in enumerate(computed):
            _hold_against(stored[number], value, f"{place}[{number}]")
    elif stored != computed:
        raise Unproven(f"{place}: {stored} does not follow from the rest, {computed} does")


def _store(trace: Trace) -> StoreTerms:
    settings = trace["settings"]
    return StoreTerms(
        store_id=trace["store_id"],
        currency="",
        zone=ZoneInfo("UTC"),
        prices_include_tax=settings["prices_include_tax"],
        taxed_by_order=settings["tax_rounding"] == "ORDER",
        amounts_of_one_piece=settings["amount_basis"] == "UNIT",
    )


def _line(line: Trace) -> Line:
    quantity, price, tax = Decimal(line["quantity"]), line["price"], line["tax"]
    unit_price = Decimal(price["amount"])
    starts_at = datetime.fromisoformat(price["starts_at"])
    return Line(
        number=line["number"],
        sent=CartLine(line["product_id"], "", line["quantity"], ""),
        product=ProductTerms(line["sku"], line["name"], line["weight_unit"], listed="note" not in line),
        quantity=quantity,
        pieces=1 if line["weight_unit"] else int(quantity),
        price=PriceTerms(price["row"], unit_price, price["store_id"], price["temporary"], starts_at),
        fees=tuple(
            FeeTerms(fee["code"], fee["description"], Decimal(fee["amount"]), fee["taxed"]) for fee in line["fees"]
        ),
        tax=TaxTerms(
            tax["category"],
            tax["exempt"],
            tuple(TaxPart(part["code"], part["jurisdiction"], Decimal(part["rate"])) for part in tax["parts"]),
        ),
        line_price=half_up(unit_price * quantity),
    )


def _holidays(lines: Sequence[Trace]) -> Iterator[HolidayTerms]:
    """Those that freed a line. One that no line's price came under is not in the trace, and changes nothing."""
    for line in lines:
        holiday = line["tax"]["holiday"]
        if holiday:
            below = holiday["unit_price_below"]
            categories = frozenset([line["tax"]["category"]])
            yield HolidayTerms(holiday["code"], categories, None if below is None else Decimal(below))


def _terms(promotion: Trace, roles: tuple[frozenset[str], ...]) -> PromotionTerms:
    percent, amount, threshold = (promotion.get(name) for name in ("percent", "amount", "threshold"))
    return PromotionTerms(
        row=promotion["row"],
        code=promotion["promotion"],
        name=promotion["name"],
        receipt_text=promotion["text"],
        kind=promotion["kind"],
        roles=roles,
        counts=tuple(promotion.get("counts", (1,))),
        percent=None if percent is None else Decimal(percent),
        amount=None if amount is None else Decimal(amount),
        threshold=None if threshold is None else Decimal(threshold),
        paid_by_vendor=promotion["funding"] == "VENDOR",
        priority=promotion["priority"],
    )


def _check_units(applications: Sequence[Trace], lines: Sequence[Line]) -> None:
    """A unit has its line's price, and no line has fewer units than deals have used."""
    left = [line.pieces for line in lines]
    for place, application in enumerate(applications):
        for number, one in enumerate(application["units"]):
            line, where = lines[one["line"]], f"applications[{place}].units[{number}]"
            left[line.number] -= one["count"] * application["uses"]
            if Decimal(one["price"]) != line.unit_price:
                raise Unproven(f"{where}.price: {one['price']} is not the unit price of its line, {line.unit_price}")
            if left[line.number] < 0:
                raise Unproven(f"{where}.count: its line has no more than {line.pieces} units")


def _apply(application: Trace, lines: Sequence[Line]) -> offers.Application:
    """Give the lines what this application saves."""
    units = application["units"]
    roles = [{lines[one["line"]].product.sku for one in units if one["role"] == role} for role in _roles(application)]
    alike = application["same_targets"]
    terms = _terms(application, (frozenset().union(*roles),) if alike else tuple(map(frozenset, roles)))
    free = [offers.units_of(line) for line in lines]
    places = Places(lines[number] for number in sorted({one["line"] for one in units}))
    deal = offers.as_deal(terms, deals.Maker(free), places)
    one_use = deals.application_of(
        deal, tuple((one["line"], one["role"]) for one in units for _ in range(one["count"]))
    )
    applied = offers.applied(terms, application["uses"], one_use.units, free)
    offers.credit(applied, lines)
    return applied


def _roles(application: Trace) -> range:
    return range(len(application["counts"]))


def _reward(basket: Trace, lines: Sequence[Line]) -> offers.Reward:
    terms = _terms(basket, (frozenset(lines[one["line"]].product.sku for one in basket["lines"]),))
    reward = offers.reward_of(terms, lines)
    if isinstance(reward, Miss):
        raise Unproven(f"basket: {terms.code} does not apply to {reward.seen}")
    offers.give(reward, lines)
    return reward
