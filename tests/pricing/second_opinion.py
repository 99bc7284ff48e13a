"""What a cart costs, computed a second time from the written pricing rules.

Shares nothing with the engine but the values that both are told (`pricing.terms`): whole cents and exact fractions
instead of decimals, one unit after the other instead of lines, and every rule read anew. Slow and plain on purpose.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from typing import Any

from pricing.terms import Cart, CartLine, HolidayTerms, Pricebook, ProductTerms, PromotionTerms, StoreTerms
from tests.pricing.brute_force import Item, Rule, solve

SINGLE = ("PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

# --- The answer ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    """The money of a line, or of one piece of it, in cents."""

    price: int
    promotions: tuple[tuple[str, int], ...]
    fees: tuple[tuple[str, int], ...]
    tax: int
    total: int


@dataclass(frozen=True)
class LineOpinion:
    whole: Money
    sent: Money


@dataclass(frozen=True)
class Waits:
    """The line (None: the cart) and the cause of each problem."""

    problems: frozenset[tuple[int | None, str]]


def opinion(cart: Cart, book: Pricebook, *, now: datetime) -> list[LineOpinion] | Waits:
    """What each line costs, or why the cart waits."""
    found = list(_problems(cart, book, now))
    if found or book.store is None:
        return Waits(frozenset(found))
    bought = [_bought(number, line, book) for number, line in enumerate(cart.lines)]
    _give_deals(bought, book)
    _give_basket_offer(bought, book)
    return settled([_subject(one, book, book.store) for one in bought], book.store)


# --- Rounding ------------------------------------------------------------------------------------------------------


def nearest(exact: Fraction) -> int:
    """The nearest whole number; a half goes up."""
    return floor(exact + Fraction(1, 2))


def cents(amount: Any) -> int:
    """An amount of the pricebook in cents; it has no fraction of one."""
    exact = Fraction(amount) * 100
    assert exact.denominator == 1
    return exact.numerator


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder: the sum exactly; cents left over by remainder, then weight, then place."""
    if not amount:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    shares = [floor(share) for share in exact]
    by_claim = sorted(range(len(weights)), key=lambda at: (shares[at] - exact[at], -weights[at], at))
    for at in by_claim[: amount - sum(shares)]:
        shares[at] += 1
    return shares


# --- Section 2: which product, and what is wrong -------------------------------------------------------------------


def _problems(cart: Cart, book: Pricebook, now: datetime) -> Iterator[tuple[int | None, str]]:
    if cart.ended_at - now > timedelta(minutes=5):
        yield None, "time"
    if book.store is None:
        yield None, "store"
        return
    pieces = 0
    for number, line in enumerate(cart.lines):
        cause = _first_cause(line, book, book.store)
        if cause:
            yield number, cause
        else:
            pieces += 1 if _product(line, book).weight_unit else int(Fraction(line.quantity))
    if pieces > book.limits.cart_units:
        yield None, "size"


def _first_cause(line: CartLine, book: Pricebook, store: StoreTerms) -> str | None:
    meant = _meant(line, book)
    if len(meant) != 1:
        return "product"
    product = meant[0]
    fees, tax, quantity = book.fees.get(product.sku, ()), book.taxes.get(product.sku), Fraction(line.quantity)
    own_unit = product.weight_unit or "unit"
    in_order = {
        "quantity": not 0 < quantity <= book.limits.line_quantity
        or (not product.weight_unit and quantity.denominator != 1),
        "unit": book.limits.unit_names.get(line.unit.lower()) != own_unit
        or (store.amounts_of_one_piece and bool(product.weight_unit)),
        "price": product.sku not in book.prices,
        "fee": bool(fees) and (store.parks_fees or bool(product.weight_unit)),
        "tax": tax is None or not (tax.exempt or tax.parts),
    }
    return next((cause for cause, wrong in in_order.items() if wrong), None)


def _meant(line: CartLine, book: Pricebook) -> list[ProductTerms]:
    """The products that the first known of a line's ids can mean."""
    for id_type, code in ((line.type, line.product_id), *line.external_ids):
        keys = [f"sku:{code}"] if id_type == "SKU" else _readings(code)
        products = {product.sku: product for key in keys for product in book.products.get(key, ())}
        if products:
            return list(products.values())
    return []


def _readings(code: str) -> list[str]:
    readings = [code]
    if set(code) <= set("0123456789"):
        readings.append(code.rjust(14, "0"))
        if len(code) == len("01234565") and code[0] in "01":
            readings.append(_upc_a(code).rjust(14, "0"))
    return readings


def _upc_a(upc_e: str) -> str:
    """The table of the GS1 General Specifications: the last of the six digits says where the zeros were."""
    system, a, b, c, d, e, last, check = list(upc_e)
    manufacturer, item = {
        "0": (f"{a}{b}000", f"00{c}{d}{e}"),
        "1": (f"{a}{b}100", f"00{c}{d}{e}"),
        "2": (f"{a}{b}200", f"00{c}{d}{e}"),
        "3": (f"{a}{b}{c}00", f"000{d}{e}"),
        "4": (f"{a}{b}{c}{d}0", f"0000{e}"),
    }.get(last, (f"{a}{b}{c}{d}{e}", f"0000{last}"))
    return f"{system}{manufacturer}{item}{check}"


def _product(line: CartLine, book: Pricebook) -> ProductTerms:
    (product,) = _meant(line, book)
    return product


# --- Sections 3 and 4: units, and the deal that each gets ----------------------------------------------------------


@dataclass
class Unit:
    """One piece, or a weighed line as a whole: what it costs, its weight, and who used it."""

    line: int
    sku: str
    price: int
    weight: Fraction | None
    used: bool = False


@dataclass
class Bought:
    number: int
    product: ProductTerms
    quantity: Fraction
    unit_price: int
    units: list[Unit]
    saved: dict[str, int]
    """By code of unit deal."""
    basket: list[tuple[str, int]] = field(default_factory=list)
    """The basket offer's code and share, if it has one."""

    @property
    def line_price(self) -> int:
        return nearest(self.unit_price * self.quantity)


def _bought(number: int, line: CartLine, book: Pricebook) -> Bought:
    product = _product(line, book)
    quantity, unit_price = Fraction(line.quantity), cents(book.prices[product.sku].amount)
    if product.weight_unit:
        units = [Unit(number, product.sku, nearest(unit_price * quantity), quantity)]
    else:
        units = [Unit(number, product.sku, unit_price, None) for _ in range(int(quantity))]
    return Bought(number, product, quantity, unit_price, units, {})


def _give_deals(bought: Sequence[Bought], book: Pricebook) -> None:
    """Zone after zone, from the highest priority down, each with the units that no higher one used."""
    open_now = [rule for rule in book.promotions if _is_on(rule, book) and rule.kind != "SPEND_GET"]
    open_now.sort(key=lambda rule: -rule.priority)
    for _, group in groupby(open_now, key=lambda rule: rule.priority):
        zone = list(group)
        alone = all(rule.kind in SINGLE and rule.max_uses is None for rule in zone)
        give = _give_each_its_best(zone, bought) if alone else _give_by_brute_force(zone, bought)
        for code, line, saving in give:
            if saving:
                saved = bought[line].saved
                saved[code] = saved.get(code, 0) + saving


def _give_each_its_best(zone: Sequence[PromotionTerms], bought: Sequence[Bought]) -> Iterator[tuple[str, int, int]]:
    """The code, line and saving of each application. Deals on one unit each leave the others alone."""
    for unit in [unit for one in bought for unit in one.units if not unit.used]:
        offers = [(-_saving(rule, unit), rule.code) for rule in zone if unit.sku in rule.roles[0]]
        best, code = min(offers, default=(0, ""))
        if best:
            unit.used = True
            yield code, unit.line, -best


def _give_by_brute_force(zone: Sequence[PromotionTerms], bought: Sequence[Bought]) -> Iterator[tuple[str, int, int]]:
    """The code, line and saving of each unit of each application, everything having been tried."""
    left = [[unit for unit in one.units if not unit.used] for one in bought]
    items = tuple(
        Item(one.units[0].price, len(units), one.units[0].weight) for one, units in zip(bought, left, strict=True)
    )
    for code, shares, _ in solve(items, tuple(_rule(rule, bought) for rule in zone)).applied:
        for line, _, saving in shares:
            left[line].pop().used = True
            yield code, line, saving


def _rule(rule: PromotionTerms, bought: Sequence[Bought]) -> Rule:
    roles = [frozenset(one.number for one in bought if one.product.sku in skus) for skus in rule.roles]
    counts = rule.counts
    return Rule(
        rule.code,
        rule.kind,
        targets=roles[0],
        get_targets=roles[1] if rule.kind == "BUY_X_GET_Y" and len(roles) > 1 else None,
        components=tuple(zip(roles, counts, strict=True)) if rule.kind == "BUNDLE" else (),
        percent=Fraction(rule.percent or 0),
        amount=cents(rule.amount or 0),
        buy=counts[0],
        get=counts[-1],
        count=counts[0],
        max_uses=rule.max_uses,
    )


def _saving(rule: PromotionTerms, unit: Unit) -> int:
    if rule.kind == "PERCENT_OFF":
        assert rule.percent is not None
        return nearest(unit.price * Fraction(rule.percent) / 100)
    assert rule.amount is not None
    amount = cents(rule.amount) if unit.weight is None else nearest(cents(rule.amount) * unit.weight)
    savings = {"AMOUNT_OFF": min(amount, unit.price), "FIXED_PRICE": max(0, unit.price - amount)}
    return savings[rule.kind]


def _is_on(rule: PromotionTerms, book: Pricebook) -> bool:
    """Whether the store's wall clock stands in hours that began today or yesterday, on one of its weekdays."""
    assert book.store is not None
    wall = book.moment.astimezone(book.store.zone).replace(tzinfo=None)
    days = [wall.date(), wall.date() - timedelta(days=1)]
    return any(_is_within(rule, day, wall) for day in days if not rule.weekdays or _name(day) in rule.weekdays)


def _name(day: date) -> str:
    return WEEKDAYS[day.weekday()]


def _is_within(rule: PromotionTerms, day: date, wall: datetime) -> bool:
    if rule.from_time is None or rule.until_time is None:
        return wall.date() == day
    begins, ends = datetime.combine(day, rule.from_time), datetime.combine(day, rule.until_time)
    return begins <= wall < (ends if ends > begins else ends + timedelta(days=1))


# --- Section 5: one basket offer -----------------------------------------------------------------------------------


def _give_basket_offer(bought: Sequence[Bought], book: Pricebook) -> None:
    """To the highest priority, then the greatest saving, then the first code."""
    found = []
    for rule in book.promotions:
        if rule.kind == "SPEND_GET" and _is_on(rule, book):
            left = [
                one.line_price - sum(one.saved.values()) if one.product.sku in rule.roles[0] else 0 for one in bought
            ]
            reward = cents(rule.amount or 0)
            if rule.percent is not None:
                reward = nearest(sum(left) * Fraction(rule.percent) / 100)
            saving = min(reward, sum(left)) if sum(left) >= cents(rule.threshold) else 0
            if saving:
                found.append((-rule.priority, -saving, rule.code, left))
    if found:
        _, saving, code, left = min(found)
        for one, share in zip(bought, spread(-saving, left), strict=True):
            one.basket = [(code, share)] if share else []


# --- Sections 6 to 9: fees, tax, and the amounts as they are sent --------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """What the money of a line, or of one piece, is made from. Gross where prices include tax."""

    price: int
    promotions: tuple[tuple[str, int, bool], ...]
    """Code, amount, and whether the store pays it; as they are named on the wire."""
    fees: tuple[tuple[str, int, bool], ...]
    """Code, amount, and whether it is taxed."""
    rate: Fraction
    times: int = 1

    @property
    def base(self) -> int:
        paid = sum(amount for _, amount, by_store in self.promotions if by_store)
        return self.price - paid + sum(amount for _, amount, taxed in self.fees if taxed)

    @property
    def gross(self) -> int:
        """What the shopper pays, but for a tax that is added."""
        promoted = sum(amount for _, amount, _ in self.promotions)
        return self.price - promoted + sum(amount for _, amount, _ in self.fees)


def _subject(one: Bought, book: Pricebook, store: StoreTerms) -> Subject:
    by_store = {rule.code: not rule.paid_by_vendor for rule in book.promotions}
    fees = [(fee.code, cents(fee.amount), fee.taxed) for fee in book.fees.get(one.product.sku, ())]
    promotions = [(code, saving, by_store[code]) for code, saving in (*sorted(one.saved.items()), *one.basket)]
    pieces = len(one.units)
    line = Subject(
        price=one.line_price,
        promotions=tuple(promotions),
        fees=tuple((code, amount * pieces, taxed) for code, amount, taxed in fees),
        rate=_rate(one, promotions, book),
    )
    if not store.amounts_of_one_piece:
        return line
    per_piece, left = [], one.unit_price
    for code, amount, paid in promotions:
        part = min(ceil(Fraction(amount, pieces)), left)
        left -= part
        per_piece.append((code, part, paid))
    named = tuple(entry for entry in per_piece if entry[1])
    return replace(line, price=one.unit_price, promotions=named, fees=tuple(fees), times=pieces)


def _rate(one: Bought, promotions: Sequence[tuple[str, int, bool]], book: Pricebook) -> Fraction:
    tax = book.taxes[one.product.sku]
    reduced = one.line_price - sum(amount for _, amount, by_store in promotions if by_store)
    free = tax.exempt or any(_frees(holiday, tax.category, reduced, one.quantity) for holiday in book.holidays)
    return Fraction(0) if free else sum((Fraction(part.rate) for part in tax.parts), Fraction(0))


def _frees(holiday: HolidayTerms, category: str, reduced: int, quantity: Fraction) -> bool:
    below = holiday.unit_price_below
    return category in holiday.categories and (below is None or reduced < cents(below) * quantity)


def settled(subjects: Sequence[Subject], store: StoreTerms) -> list[LineOpinion]:
    """The money of each line under the store's settings."""
    return amounts(subjects, inclusive=store.prices_include_tax, by_order=store.taxed_by_order)


def amounts(subjects: Sequence[Subject], *, inclusive: bool, by_order: bool) -> list[LineOpinion]:
    taxes = [0] * len(subjects)
    groups = [[at] for at in range(len(subjects))]
    if by_order:
        groups = [
            [at for at, one in enumerate(subjects) if one.rate == rate] for rate in {one.rate for one in subjects}
        ]
    for group in groups:
        bases = [subjects[at].base for at in group]
        rate = subjects[group[0]].rate
        tax = nearest(sum(bases) * (rate / (1 + rate) if inclusive else rate))
        for at, share in zip(group, spread(tax, bases), strict=True):
            taxes[at] = share
    sent = [_money(one, tax, inclusive=inclusive) for one, tax in zip(subjects, taxes, strict=True)]
    return [LineOpinion(_times(money, one.times), money) for one, money in zip(subjects, sent, strict=True)]


def _money(one: Subject, tax: int, *, inclusive: bool) -> Money:
    fees = tuple((code, amount) for code, amount, _ in one.fees)
    if not inclusive:
        promotions = tuple((code, amount) for code, amount, _ in one.promotions)
        price = one.price + sum(amount for _, amount in fees)
        return Money(price, promotions, fees, tax, one.gross + tax)
    net = tuple((code, nearest(amount / (1 + one.rate))) for code, amount, _ in one.promotions)
    return Money(one.gross - tax + sum(amount for _, amount in net), net, fees, tax, one.gross)


def _times(money: Money, pieces: int) -> Money:
    return Money(
        money.price * pieces,
        tuple((code, amount * pieces) for code, amount in money.promotions),
        tuple((code, amount * pieces) for code, amount in money.fees),
        money.tax * pieces,
        money.total * pieces,
    )


# --- Section 10: from the trace alone ------------------------------------------------------------------------------


def from_trace(trace: Mapping[str, Any]) -> list[LineOpinion]:
    """The money of each line, computed again from what the trace of a priced cart says, and from nothing else."""
    settings = trace["settings"]
    per_piece = settings["amount_basis"] == "UNIT"
    return amounts(
        [_traced_subject(line, per_piece=per_piece) for line in trace["lines"]],
        inclusive=settings["prices_include_tax"],
        by_order=settings["tax_rounding"] == "ORDER",
    )


def _traced_subject(line: Mapping[str, Any], *, per_piece: bool) -> Subject:
    quantity, unit_price = Fraction(line["quantity"]), cents(line["price"]["amount"])
    pieces = 1 if line["weight_unit"] else int(quantity)
    rates = [] if line["tax"]["holiday"] else [Fraction(part["rate"]) for part in line["tax"]["parts"]]
    times = pieces if per_piece else 1
    return Subject(
        price=unit_price if per_piece else nearest(unit_price * quantity),
        promotions=tuple((one["code"], cents(one["amount"]), one["funding"] == "STORE") for one in line["promotions"]),
        fees=tuple((one["code"], cents(one["amount"]) * pieces // times, one["taxed"]) for one in line["fees"]),
        rate=sum(rates, Fraction(0)),
        times=times,
    )
