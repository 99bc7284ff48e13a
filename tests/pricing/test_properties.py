"""What holds for every cart. `PRICING_EXAMPLES`: how many carts each property is tried on; 2,000 make 20,000 in all."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import combinations, product
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orders import body
from pricing.breakdown import break_down
from pricing.engine import price_cart
from pricing.misses import CONDITIONS
from pricing.money import from_cents, largest_remainder
from pricing.priced import Amounts, PricedCart, Unpriced
from pricing.proof import recompute
from pricing.terms import CartLine, FeeTerms, HolidayTerms, Pricebook, PromotionTerms
from tests.pricing.books import NOON, Good, cart, fee, line, price, pricebook, promotion
from tests.pricing.second_opinion import LineOpinion, Money, Waits, from_trace, opinion

TRIP = "trip-000001"
thorough = settings(
    max_examples=int(os.environ.get("PRICING_EXAMPLES", "2000")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# --- Shops and carts -----------------------------------------------------------------------------------------------
# Few draws of many choices each: most of the time of these tests is spent on drawing.

Shop = tuple[Pricebook, list[CartLine]]
Settings = dict[str, Any]

STORES: tuple[Settings, ...] = (
    {},
    {"taxed_by_order": True},
    {"prices_include_tax": True},
    {"prices_include_tax": True, "taxed_by_order": True},
    {"amounts_of_one_piece": True},
    {"prices_include_tax": True, "amounts_of_one_piece": True},
)
MOMENTS = (
    NOON,
    datetime(2026, 3, 14, 7, 29, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 14, 7, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 7, 15, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 6, 30, tzinfo=UTC),
)
ZONES = (ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"))

PIECES = ("COLA", "WATER", "CHIPS", "SHIRT")
SKUS = (*PIECES, "NUTS")
CENTS = [from_cents(cents) for cents in (*range(31), *range(33, 2500, 37))]
RATES = (("0",), ("0.1",), ("0.5",), ("0.19",), ("0.0975",), ("0.04", "0.045", "0.00375"), ("0.33333333",))
FEES: tuple[tuple[FeeTerms, ...], ...] = (
    (),
    (),
    (fee("0.05"),),
    (fee("0.07", taxed=True),),
    (fee("0.10", code="BAG", taxed=True), fee("0.05")),
)
DEALS: list[tuple[str, Settings]] = [
    *(
        ("PERCENT_OFF", {"percent": Decimal(text)})
        for text in ("10", "50", "100", "12.5", "33.3333", "0.01", "4", "99")
    ),
    *(("AMOUNT_OFF", {"amount": amount}) for amount in CENTS[::4]),
    *(("FIXED_PRICE", {"amount": amount}) for amount in CENTS[::4]),
]
CLOCKS: tuple[Settings, ...] = (
    {},
    {},
    {},
    {"weekdays": frozenset({"SAT"})},
    {"weekdays": frozenset({"FRI"}), "from_time": time(20), "until_time": time(3, 30)},
    {"from_time": time(9), "until_time": time(17, 30)},
    {"from_time": time(1, 15), "until_time": time(2, 45)},
)
TARGETS = [frozenset(skus) for count in range(1, 6) for skus in combinations(SKUS, count)]


def any_of(*choices: Iterable[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of each, in one draw."""
    return st.sampled_from(list(product(*choices)))


def goods(rates: tuple[tuple[str, ...], ...], *, exempt: bool, shelf: list[tuple[Decimal, Any]]) -> Iterator[Good]:
    """Every SKU, in two categories, each with its rates."""
    for sku, (amount, fees) in zip(SKUS, shelf, strict=True):
        if sku == "SHIRT":
            yield Good(sku, str(amount), tax=rates[1], category="CLOTHES", fees=fees)
        elif sku == "NUTS":
            yield Good(sku, str(amount), "lb", tax=rates[0], exempt=exempt)
        else:
            yield Good(sku, str(amount), tax=rates[0], exempt=exempt, fees=fees)


def promotions(drawn: list[Any], sold: set[str], *, by_vendor: bool) -> Iterator[PromotionTerms]:
    """Those that touch the cart, as a pricebook has no others."""
    for number, ((kind, terms), (skus, priority, vendor), clock) in enumerate(drawn):
        if skus & sold:
            funded: Settings = {"priority": priority, "paid_by_vendor": by_vendor and vendor}
            yield promotion(f"D{9 - number}", kind, skus & sold, **terms, **clock, **funded)


def shop(
    store: Settings, when: Any, taxed: Any, shelf: list[Any], deals: list[Any], days: list[Any], lines: list[CartLine]
) -> Shop:
    if store.get("amounts_of_one_piece"):
        lines = [one for one in lines if one.unit == "unit"] or [line("COLA", "2")]
    book = pricebook(
        *goods(taxed[:2], exempt=taxed[2], shelf=shelf),
        promotions=promotions(deals, {one.product_id for one in lines}, by_vendor="prices_include_tax" not in store),
        holidays=[HolidayTerms("SCHOOL", frozenset(categories), below) for categories, below in days],
        moment=when[0],
        zone=when[1],
        **store,
    )
    return book, lines


def shops(stores: tuple[Settings, ...] = STORES) -> st.SearchStrategy[Shop]:
    """The pricebook of one of these stores, and the lines of a cart that it can price."""
    weights = [f"{thousandths / 1000:.3f}" for thousandths in (1, 5, 50, *range(111, 3000, 97))]
    by_piece = [line(sku, str(quantity)) for sku in PIECES for quantity in range(1, 8)]
    by_weight = [line("NUTS", weight, "lb") for weight in weights[::3]]
    deal = st.tuples(st.sampled_from(DEALS), any_of(TARGETS, (0, 0, 1, -1), (False, True)), st.sampled_from(CLOCKS))
    categories = (["GOODS"], ["CLOTHES"], ["GOODS", "CLOTHES"])
    return st.builds(
        shop,
        st.sampled_from(stores),
        any_of(MOMENTS, ZONES),
        any_of(RATES, RATES, (False, False, True)),
        st.tuples(*[any_of(CENTS, FEES)] * len(SKUS)).map(list),
        st.lists(deal, max_size=4),
        st.lists(any_of(categories, (None, *CENTS[::6])), max_size=1),
        st.lists(st.sampled_from(by_piece + by_weight), min_size=1, max_size=5),
    )


# --- Carts of few units under promotions of every kind -------------------------------------------------------------

Terms = tuple[str, int, Settings]
"""The kind, how many roles it has, and its terms."""

MIXED: list[Terms] = [
    *((kind, 1, terms) for kind, terms in DEALS[:4] + DEALS[10:30:5] + DEALS[-20::5]),
    *(
        ("BUY_X_GET_Y", roles, {"counts": counts, "percent": Decimal(percent)})
        for roles, counts, percent in product((1, 2), ((1, 1), (2, 1), (1, 2)), ("100", "50", "33.3333"))
    ),
    *(
        ("MULTI_BUY", 1, {"counts": (count,), "amount": amount})
        for count, amount in product((2, 3), (*CENTS[1:30:9], *CENTS[31::8]))
    ),
    *(
        ("BUNDLE", len(counts), {"counts": counts, "amount": amount})
        for counts, amount in product(((1, 1), (1, 2), (1, 1, 1)), (*CENTS[1:30:9], *CENTS[31::8]))
    ),
    *(
        ("SPEND_GET", 1, {"threshold": threshold, **reward})
        for threshold, reward in product(
            (Decimal("0.00"), Decimal("4.99"), Decimal("20.00")),
            ({"amount": Decimal("1.00")}, {"amount": Decimal("99.00")}, {"percent": Decimal("12.5")}),
        )
    ),
]


def mixed_promotions(drawn: list[Any], sold: set[str], *, by_vendor: bool) -> Iterator[PromotionTerms]:
    for number, ((kind, role_count, terms), targets, (priority, vendor, most)) in enumerate(drawn):
        roles = [skus & sold for skus in targets[:role_count]]
        if any(roles):
            funded: Settings = {"priority": priority, "paid_by_vendor": by_vendor and vendor, "max_uses": most}
            yield promotion(f"D{9 - number}", kind, *roles, **terms, **funded)


def of_few_units(lines: list[CartLine], most: int = 8) -> list[CartLine]:
    kept: list[CartLine] = []
    for one in lines:
        pieces = 1 if one.unit == "lb" else int(one.quantity)
        if pieces <= most:
            kept.append(one)
            most -= pieces
    return kept


def mixed_shop(
    store: Settings, taxed: Any, shelf: list[Any], deals: list[Any], days: list[Any], lines: list[CartLine]
) -> Shop:
    lines = of_few_units(lines) or [line("COLA", "2")]
    book, lines = shop(store, (NOON, ZONES[0]), taxed, shelf, [], days, lines)
    sold = {one.product_id for one in lines}
    by_vendor = "prices_include_tax" not in store
    return replace(book, promotions=tuple(mixed_promotions(deals, sold, by_vendor=by_vendor))), lines


def mixed_shops(
    stores: tuple[Settings, ...] = STORES, priorities: tuple[int, ...] = (0, 0, 1), most_deals: int = 4
) -> st.SearchStrategy[Shop]:
    """Promotions of all kinds, and carts of so few units that everything can be tried."""
    pieces = [line(sku, str(quantity)) for sku in PIECES for quantity in (1, 1, 2, 3)]
    weighed = [line("NUTS", "0.453", "lb"), line("NUTS", "1.2", "lb")]
    deal = st.tuples(
        st.sampled_from(MIXED),
        st.tuples(*[st.sampled_from(TARGETS)] * 3),
        any_of(priorities, (False, True), (None, None, 1, 2)),
    )
    return st.builds(
        mixed_shop,
        st.sampled_from(stores),
        any_of(RATES, RATES, (False, False, True)),
        st.tuples(*[any_of(CENTS, FEES)] * len(SKUS)).map(list),
        st.lists(deal, min_size=1, max_size=most_deals),
        st.lists(any_of((["GOODS"], ["CLOTHES"]), (None, *CENTS[::6])), max_size=1),
        st.lists(st.sampled_from(pieces + weighed), min_size=1, max_size=5),
    )


ONE_ZONE = mixed_shops(priorities=(0,))


def unit_savings(priced: PricedCart) -> Decimal:
    return sum((Decimal(one["saving"]) for one in priced.trace["applications"]), Decimal(0))


@thorough
@given(mixed_shops())
def test_a_second_opinion_comes_to_the_same_amounts_under_promotions_of_every_kind(shop: Shop) -> None:
    book, lines = shop
    priced = price(lines, book)
    assert priced.optimal
    assert told_in_cents(priced) == opinion(cart(*lines), book, now=NOON)
    assert told_in_cents(priced) == from_trace(priced.trace)
    assert recompute(json.loads(body.to_json(priced.trace))) == priced.lines
    assert_broken_down(priced)


@thorough
@given(mixed_shops(most_deals=8))
def test_every_promotion_of_the_cart_either_applies_or_is_told_why_not(shop: Shop) -> None:
    book, lines = shop
    priced = price(lines, book)
    applied = {one["promotion"] for one in priced.trace["applications"]}
    applied |= {priced.trace["basket"]["promotion"]} if priced.trace["basket"] else set()
    missed = [one["promotion"] for one in priced.trace["not_applied"]]
    assert sorted([*applied, *missed]) == sorted(terms.code for terms in book.promotions)
    assert {one["condition"] for one in priced.trace["not_applied"]} <= set(CONDITIONS)
    for one in priced.lines:
        assert_sound(one.line)
        assert_sound(one.sent)
    asked = cart(*lines)
    body.check(body.build(TRIP, asked, priced), TRIP, asked)


@thorough
@given(ONE_ZONE)
def test_a_promotion_more_never_lowers_what_unit_deals_save(shop: Shop) -> None:
    book, lines = shop
    fewer = replace(book, promotions=book.promotions[:-1])
    less, more = price(lines, fewer), price(lines, book)
    assert less.optimal
    assert more.optimal
    assert unit_savings(less) <= unit_savings(more)


@thorough
@given(ONE_ZONE, st.data())
def test_splitting_and_reordering_lines_never_changes_what_unit_deals_save(shop: Shop, data: st.DataObject) -> None:
    book, lines = shop
    apart = data.draw(st.permutations([piece for one in lines for piece in split(one)]))
    assert unit_savings(price(apart, book)) == unit_savings(price(lines, book))


def assert_broken_down(priced: PricedCart) -> None:
    """What goes into the books adds up to what is sent."""
    parts = break_down(json.loads(body.to_json(priced.trace)))
    fees = sum((one.line.fees_total for one in priced.lines), Decimal(0))
    totals = priced.totals
    assert (parts.tax, parts.promotion, parts.fee) == (totals.sales_tax_total, totals.promotions_total, fees)


# --- The second opinion --------------------------------------------------------------------------------------------


def in_cents(amounts: Amounts) -> Money:
    def whole(amount: Decimal) -> int:
        return int(amount * 100)

    return Money(
        whole(amounts.price),
        tuple((one.code, whole(one.amount)) for one in amounts.promotions),
        tuple((one.code, whole(one.amount)) for one in amounts.fees),
        whole(amounts.sales_tax),
        whole(amounts.total),
    )


def told_in_cents(priced: PricedCart) -> list[LineOpinion]:
    return [LineOpinion(in_cents(one.line), in_cents(one.sent)) for one in priced.lines]


@thorough
@given(shops())
def test_a_second_opinion_comes_to_the_same_amounts(shop: Shop) -> None:
    book, lines = shop
    priced = price(lines, book)
    assert told_in_cents(priced) == opinion(cart(*lines), book, now=NOON)
    assert told_in_cents(priced) == from_trace(priced.trace)
    assert recompute(json.loads(body.to_json(priced.trace))) == priced.lines
    assert_broken_down(priced)


FAULTY_GOODS = (
    Good("COLA", keys=("00012345678905",)),
    Good("DIET", keys=("00012345678905", "00000001234565")),
    Good("TWIN", keys=("00012345000065",)),
    Good("DEAR", None),
    Good("NOTAX", category=None),
    Good("NORULE", tax=()),
    Good("BOTTLE", fees=(fee(),)),
    Good("NUTS", weight_unit="lb"),
    Good("BAG", weight_unit="kg", fees=(fee(),)),
)
CODES = (*(good.sku for good in FAULTY_GOODS), "?", "012345678905", "01234565", "012345000065")
FAULTY_LINES = st.builds(
    line,
    st.sampled_from(CODES),
    st.sampled_from(["1", "1", "2.0", "0", "-1", "0.5", "6", "7"]),
    st.sampled_from(["unit", "unit", "EA", "lb", "kg", "box"]),
    type_=st.sampled_from(["SKU", "SKU", "SCANCODE"]),
    also=st.lists(st.tuples(st.sampled_from(["SKU", "UPC"]), st.sampled_from(CODES)), max_size=2).map(tuple),
)


@thorough
@given(
    st.lists(FAULTY_LINES, min_size=1, max_size=5),
    st.sampled_from([{}, {"parks_fees": True}, {"amounts_of_one_piece": True}]),
    st.sampled_from([timedelta(0), timedelta(minutes=5), timedelta(minutes=5, seconds=1)]),
)
def test_a_second_opinion_parks_the_same_carts_for_the_same_causes(
    lines: list[CartLine], store: Settings, ahead: timedelta
) -> None:
    book = pricebook(*FAULTY_GOODS, **store)
    book = replace(book, limits=replace(book.limits, line_quantity=6, cart_units=10))
    asked = cart(*lines, ended_at=NOON + ahead)
    priced, second = price_cart(asked, book, now=NOON), opinion(asked, book, now=NOON)
    if isinstance(second, Waits):
        assert isinstance(priced, Unpriced)
        assert {(one.line, one.cause) for one in priced.problems} == second.problems
        assert len(priced.problems) == len(second.problems)
    else:
        assert isinstance(priced, PricedCart)


# --- Identities and bounds -----------------------------------------------------------------------------------------


def assert_sound(amounts: Amounts) -> None:
    """The identities and bounds that Amazon publishes, on amounts written with two decimals."""
    promoted = [one.amount for one in amounts.promotions]
    written = [amounts.price, *promoted, *(one.amount for one in amounts.fees), amounts.sales_tax, amounts.total]
    assert all(f"{amount:.2f}" == str(amount) and amount >= 0 for amount in written)
    assert sum(promoted) <= amounts.price
    assert amounts.total == amounts.price - sum(promoted) + amounts.sales_tax


def shelf_and_promoted(priced: PricedCart) -> tuple[Decimal, Decimal]:
    """What the shelf says for all lines with their fees, and what promotions take off that, from the trace."""
    shelf, promoted = Decimal(0), Decimal(0)
    for one in priced.trace["lines"]:
        pieces = 1 if one["weight_unit"] else Decimal(one["quantity"])
        times = pieces if priced.trace["settings"]["amount_basis"] == "UNIT" else 1
        shelf += Decimal(one["line_price"]) + sum(Decimal(fee["amount"]) for fee in one["fees"]) * pieces
        promoted += sum(Decimal(deal["amount"]) for deal in one["promotions"]) * times
    return shelf, promoted


@thorough
@given(shops())
def test_every_priced_cart_holds_together_and_may_be_sent(shop: Shop) -> None:
    book, lines = shop
    priced = price(lines, book)
    whole = [one.line for one in priced.lines]
    for one in priced.lines:
        assert_sound(one.line)
        assert_sound(one.sent)
    assert priced.totals.sub_total == sum(one.price for one in whole)
    assert priced.totals.promotions_total == sum(deal.amount for one in whole for deal in one.promotions)
    assert priced.totals.sales_tax_total == sum(one.sales_tax for one in whole)
    assert priced.totals.price_total == sum(one.total for one in whole)
    asked = cart(*lines)
    body.check(body.build(TRIP, asked, priced), TRIP, asked)


@thorough
@given(shops())
def test_the_trace_adds_up_to_what_the_shopper_pays(shop: Shop) -> None:
    """The shelf prices and fees, less promotions; where the shelf prices include no tax, with the tax."""
    book, lines = shop
    priced = price(lines, book)
    for one, amounts in zip(priced.trace["lines"], [one.line for one in priced.lines], strict=True):
        assert one["total"] == str(amounts.total)
        assert one["tax"]["amount"] == str(amounts.sales_tax)
        assert sum(Decimal(part["amount"]) for part in one["tax"]["parts"]) == amounts.sales_tax
    shelf, promoted = shelf_and_promoted(priced)
    inclusive = priced.trace["settings"]["prices_include_tax"]
    tax = Decimal(0) if inclusive else priced.totals.sales_tax_total
    assert priced.totals.price_total == shelf - promoted + tax


# --- Orders and splits ---------------------------------------------------------------------------------------------


@thorough
@given(shops(tuple(store for store in STORES if "taxed_by_order" not in store)), st.data())
def test_the_order_of_lines_changes_no_total(shop: Shop, data: st.DataObject) -> None:
    book, lines = shop
    shuffled = data.draw(st.permutations(lines))
    assert price(shuffled, book).totals == price(lines, book).totals


def split(one: CartLine) -> list[CartLine]:
    """As many lines of one piece; what is weighed stays one."""
    return [one] if one.unit == "lb" else [replace(one, quantity="1")] * int(one.quantity)


def before_tax(priced: PricedCart) -> tuple[Decimal, Decimal]:
    """The totals; where prices include tax, the gross ones, as the net of a promotion is rounded line by line."""
    if priced.trace["settings"]["prices_include_tax"]:
        return shelf_and_promoted(priced)
    return priced.totals.sub_total, priced.totals.promotions_total


@thorough
@given(shops())
def test_splitting_lines_changes_nothing_before_tax(shop: Shop) -> None:
    book, lines = shop
    apart = [piece for one in lines for piece in split(one)]
    assert before_tax(price(apart, book)) == before_tax(price(lines, book))


# --- Spreading -----------------------------------------------------------------------------------------------------


@thorough
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12), st.data())
def test_spreading_is_exact_and_within_the_weights(weights: list[int], data: st.DataObject) -> None:
    assume(sum(weights))
    amount = data.draw(st.integers(0, sum(weights)))
    shares = largest_remainder(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
    assert all(
        abs(share * sum(weights) - amount * weight) < sum(weights)
        for share, weight in zip(shares, weights, strict=True)
    )
