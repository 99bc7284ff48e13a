"""Why a cart costs what it costs, in sentences that a store manager can read to a shopper. Plain Python.

Everything is read from the trace that was kept with the purchase, so an explanation never changes afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing.breakdown import TaxShare, break_down
from pricing.engine import TRACE_VERSION
from pricing.money import ZERO

Trace = Mapping[str, Any]

DAYS = {
    "MON": "Mondays",
    "TUE": "Tuesdays",
    "WED": "Wednesdays",
    "THU": "Thursdays",
    "FRI": "Fridays",
    "SAT": "Saturdays",
    "SUN": "Sundays",
}


@dataclass(frozen=True, slots=True)
class LineExplained:
    title: str
    sentences: tuple[str, ...]
    shares: str = ""
    """The one of the sentences that spreads its tax over jurisdictions; "" where there is one alone, or none."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All in sentences: what holds for the whole cart, each line, the promotions that apply, and those that do not."""

    cart: tuple[str, ...]
    lines: tuple[LineExplained, ...]
    applied: tuple[str, ...]
    missed: tuple[str, ...]
    taxes: tuple[str, ...] = ()
    """Where there are several jurisdictions: what each gets of the whole cart."""
    nearly: tuple[str, ...] = ()
    """Promotions that were not in force: no trace tells of them (see `pricing.nearly`)."""

    def text(self) -> str:
        """The whole explanation, for a terminal."""
        parts = ["\n".join(self.cart)]
        parts += ["\n".join((line.title, *(f"  {one}" for one in line.sentences))) for line in self.lines]
        for title, sentences in (
            ("Tax by jurisdiction", self.taxes),
            ("Promotions that apply", self.applied),
            ("Promotions that do not", self.missed),
            ("Promotions that were not in force", self.nearly),
        ):
            if sentences:
                parts.append("\n".join((title, *(f"  {one}" for one in sentences))))
        return "\n\n".join(parts)


class Unreadable(ValueError):
    """A trace that this version cannot explain."""


def explain(trace: Trace) -> Explanation:
    """The trace of a priced cart in words. Raises Unreadable."""
    if not isinstance(trace, Mapping) or trace.get("version") != TRACE_VERSION:
        raise Unreadable("the trace is none of this version")
    try:
        return Explanation(
            cart=tuple(_cart(trace)),
            lines=tuple(_line(line, trace) for line in trace["lines"]),
            applied=(*(_application(one, trace["lines"]) for one in trace["applications"]), *_basket(trace["basket"])),
            missed=tuple(_miss(one) for one in trace["not_applied"]),
            taxes=tuple(_taxes(break_down(trace).taxes)),
        )
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable("the trace cannot be read") from error


# --- The cart ------------------------------------------------------------------------------------------------------


def _cart(trace: Trace) -> Iterator[str]:
    settings = trace["settings"]
    yield f"Priced as of {in_sentence(datetime.fromisoformat(trace['local_time']))} on the store's clock."
    if settings["prices_include_tax"]:
        yield "Shelf prices include tax; what is sent to Amazon is the price without it."
    if settings["tax_rounding"] == "ORDER":
        yield "Tax is rounded once for all lines of the same rate and then spread over them."
    if settings["amount_basis"] == "UNIT":
        yield "Amounts are worked out for one piece and then multiplied."
    if not trace["optimal"]:
        yield (
            "This cart allows so many combinations of promotions that the search for the best one was cut short: "
            "a still better one may exist."
        )


def in_sentence(moment: datetime) -> str:
    """`Saturday, 14 March 2026, 12:00`."""
    return f"{moment:%A}, {_day(moment)}, {moment:%H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


# --- A line --------------------------------------------------------------------------------------------------------


def _line(line: Trace, trace: Trace) -> LineExplained:
    settings = trace["settings"]
    amount = _quantity(line)
    sentences = [_shelf_price(line)]
    if "note" in line:
        sentences.append("It is not listed for this store, but it was on the shelf and has a price.")
    sentences += [_promotion(one, per_piece=settings["amount_basis"] == "UNIT") for one in line["promotions"]]
    sentences += [_fee(fee, line) for fee in line["fees"]]
    pieces = Decimal(line["quantity"]) if settings["amount_basis"] == "UNIT" else Decimal(1)
    sentences.append(_tax(line["tax"], pieces, inclusive=settings["prices_include_tax"]))
    shares = _shares(line["tax"])
    sentences += [shares] if shares else []
    sentences.append(f"It comes to {line['total']}.")
    return LineExplained(f"{line['number'] + 1}. {amount} {_name(line)}", tuple(sentences), shares)


def _name(line: Trace) -> str:
    return str(line["name"] or line["sku"])


def _quantity(line: Trace) -> str:
    unit = line["weight_unit"]
    return f"{line['quantity']} {unit} of" if unit else f"{_pieces(line)} ×"


def _pieces(line: Trace) -> int:
    return int(Decimal(line["quantity"]))


def _shelf_price(line: Trace) -> str:
    price = line["price"]
    kind = "temporary price" if price["temporary"] else "price"
    where = "in this store" if price["store_id"] else "in all stores"
    since = _day(datetime.fromisoformat(price["starts_at"]))
    unit = line["weight_unit"]
    said = f"The {kind} {where} since {since} is {price['amount']}{f' per {unit}' if unit else ''}"
    times = f"{line['quantity']} {unit}" if unit else f"{_pieces(line)}"
    return f"{said}." if times == "1" else f"{said}; {times} × {price['amount']} = {line['line_price']}."


def _promotion(promotion: Trace, *, per_piece: bool) -> str:
    each = " each piece" if per_piece else ""
    vendor = " The vendor pays it, so tax is due on the price before it." if promotion["funding"] == "VENDOR" else ""
    return f"“{promotion['text']}” ({promotion['code']}) takes {promotion['amount']} off{each}.{vendor}"


def _fee(fee: Trace, line: Trace) -> str:
    taxed = "taxed" if fee["taxed"] else "not taxed"
    return f"{fee['description']} ({fee['code']}): {_pieces(line)} × {fee['amount']}, {taxed}."


def _tax(tax: Trace, pieces: Decimal, *, inclusive: bool) -> str:
    """Where tax is worked out for one piece, the base is one piece's and the amount that of all."""
    if tax["exempt"]:
        return f"No tax: the tax category {tax['category']} is exempt."
    if tax["holiday"]:
        below = tax["holiday"]["unit_price_below"]
        limit = f", which holds below {below} for one" if below else ""
        return f"No tax: tax holiday {tax['holiday']['code']}{limit}."
    rate = _percent(sum((Decimal(part["rate"]) for part in tax["parts"]), Decimal(0)))
    said = f"Tax {'contained in' if inclusive else 'on'} {tax['base']} at {rate} is "
    said += tax["amount"] if pieces == 1 else f"{Decimal(tax['amount']) / pieces:.2f} a piece, {tax['amount']} in all"
    alone = f", for {tax['parts'][0]['jurisdiction']}" if len(tax["parts"]) == 1 else ""
    return f"{said}{alone}."


def _shares(tax: Trace) -> str:
    parts = [] if tax["exempt"] or tax["holiday"] else tax["parts"]
    told = (f"{part['jurisdiction']} {_percent(Decimal(part['rate']))} {part['amount']}" for part in parts)
    return f"Of that {', '.join(told)}." if len(parts) > 1 else ""


def _taxes(shares: Iterable[TaxShare]) -> Iterator[str]:
    sums: dict[tuple[str, Decimal], list[Decimal]] = {}
    for share in shares:
        row = sums.setdefault((share.jurisdiction, share.rate), [ZERO, ZERO])
        row[0] += share.amount
        row[1] += share.taxable
    for (jurisdiction, rate), (amount, taxable) in sums.items() if len(sums) > 1 else ():
        yield f"{jurisdiction}: {amount}, {_percent(rate)} on {taxable}."


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


# --- Promotions ----------------------------------------------------------------------------------------------------


def _application(one: Trace, lines: Sequence[Trace]) -> str:
    units = " and ".join(_units(unit, lines) for unit in one["units"])
    together = one["kind"] in ("MULTI_BUY", "BUNDLE")
    price = f" for {one['amount']} together" if together else ""
    uses = one["uses"]
    times = "" if uses == 1 else f", {uses} times"
    each = f" ({Decimal(one['saving']) / uses} each time)" if uses > 1 else ""
    return f"“{one['name']}” ({one['promotion']}) applies to {units}{price}{times}: saves {one['saving']}{each}."


def _units(unit: Trace, lines: Sequence[Trace]) -> str:
    line = lines[unit["line"]]
    what = f"{line['quantity']} {line['weight_unit']} of" if line["weight_unit"] else f"{unit['count']} ×"
    return f"{what} {_name(line)} at {unit['price']}"


def _basket(basket: Trace | None) -> Iterator[str]:
    if basket:
        yield (
            f"“{basket['name']}” ({basket['promotion']}) applies to the whole basket: {basket['spent']} was spent on "
            f"its products and {basket['threshold']} is needed: saves {basket['saving']}."
        )


def _miss(miss: Trace) -> str:
    return f"“{miss['name']}” ({miss['promotion']}) does not apply: {_reason(miss)}."


REASONS = {
    "weekday": "it holds on {needed} only, and this trip counts for a {seen}",
    "hours": "it holds from {needed}, and it was {seen} in the store",
    "pieces": "it needs {needed}, and the cart has {seen}",
    "saving": "it would save nothing; it needs {needed}, and there was {seen}",
    "priority": "{seen}, which has a higher priority, has taken its products",
    "better deal": "the shopper saves more when {seen} gets its products",
    "search": "the search for the best combination was cut short",
    "threshold": "{needed} must be spent on its products, and it was {seen}",
    "better offer": "a trip gets one basket offer, and {seen} comes first",
}


def _reason(miss: Trace) -> str:
    seen, needed = miss["seen"], miss["needed"]
    if miss["condition"] == "weekday":
        seen, needed = DAYS[seen].removesuffix("s"), " and ".join(DAYS[day] for day in needed.split(", "))
    return REASONS[miss["condition"]].format(seen=seen, needed=needed)
