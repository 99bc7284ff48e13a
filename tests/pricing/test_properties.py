"""What holds for every cart. `PRICING_EXAMPLES` says how many carts each property is tried on."""

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orders import body
from pricing.engine import price_cart
from pricing.money import from_cents, largest_remainder
from pricing.priced import Amounts, PricedCart, Unpriced
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

PIECES = ("COLA", "WATER", "CHIPS", "SHIRT")
WEIGHED = ("NUTS",)
Settings = dict[str, Any]
STORES: tuple[Settings, ...] = (
    {},
    {"taxed_by_order": True},
    {"prices_include_tax": True},
    {"prices_include_tax": True, "taxed_by_order": True},
    {"amounts_of_one_piece": True},
    {"prices_include_tax": True, "amounts_of_one_piece": True},
)
RATES: tuple[tuple[str, ...], ...] = (
    ("0",),
    ("0.1",),
    ("0.5",),
    ("0.19",),
    ("0.0975",),
    ("0.04", "0.045", "0.00375"),
    ("0.33333333",),
)
FEES: tuple[tuple[FeeTerms, ...], ...] = (
    (),
    (),
    (fee("0.05"),),
    (fee("0.07", taxed=True),),
    (fee("0.10", code="BAG", taxed=True), fee("0.05")),
)
CLOCKS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"weekdays": frozenset({"SAT"})},
    {"weekdays": frozenset({"FRI"}), "from_time": time(20), "until_time": time(3, 30)},
    {"from_time": time(9), "until_time": time(17, 30)},
    {"from_time": time(1, 15), "until_time": time(2, 45)},
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

CENTS = st.one_of(st.integers(0, 30), st.integers(0, 2500)).map(from_cents)
PERCENTS = st.sampled_from([Decimal(text) for text in ("10", "50", "100", "12.5", "33.3333", "0.01", "4", "99.9")])


@st.composite
def goods(draw: st.DrawFn, sold: list[str]) -> list[Good]:
    """What is sold, in two categories, each with its rates."""
    food, clothes = draw(st.tuples(st.sampled_from(RATES), st.sampled_from(RATES)))
    exempt = draw(st.sampled_from([False, False, False, True]))
    made = []
    for sku in sold:
        shelf_price, fees = draw(st.tuples(CENTS, st.sampled_from(FEES)))
        taxed: dict[str, Any] = {"category": "CLOTHES", "tax": clothes} if sku == "SHIRT" else {"tax": food}
        kind: dict[str, Any] = {"weight_unit": "lb"} if sku in WEIGHED else {"fees": fees, "exempt": exempt}
        made.append(Good(sku, str(shelf_price), **taxed, **kind))
    return made


@st.composite
def promotions(draw: st.DrawFn, sold: list[str], *, by_vendor: bool) -> list[PromotionTerms]:
    """Promotions that touch the cart, as a pricebook has no others."""
    made = []
    for number in range(draw(st.integers(0, 4))):
        kind, skus, clock, priority, vendor = draw(
            st.tuples(
                st.sampled_from(["PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"]),
                st.sets(st.sampled_from(sold), min_size=1),
                st.sampled_from(CLOCKS),
                st.sampled_from([0, 0, 0, 1, -1]),
                st.booleans(),
            )
        )
        terms: dict[str, Any] = {"percent": draw(PERCENTS)} if kind == "PERCENT_OFF" else {"amount": draw(CENTS)}
        terms |= {"priority": priority, "paid_by_vendor": by_vendor and vendor, **clock}
        made.append(promotion(f"D{9 - number}", kind, skus, **terms))
    return made


HOLIDAYS = st.builds(
    HolidayTerms,
    st.just("SCHOOL"),
    st.sampled_from([frozenset({"GOODS"}), frozenset({"CLOTHES"}), frozenset({"GOODS", "CLOTHES"})]),
    st.none() | CENTS,
)
BY_THE_PIECE = st.builds(line, st.sampled_from(PIECES), st.integers(1, 7).map(str))
BY_WEIGHT = st.builds(
    line,
    st.sampled_from(WEIGHED),
    st.integers(1, 3000).map(lambda thousandths: f"{thousandths / 1000:.3f}"),
    st.just("lb"),
)
BY_PIECE_OR_WEIGHT = st.lists(BY_THE_PIECE | BY_WEIGHT, min_size=1, max_size=5)
ONLY_BY_THE_PIECE = st.lists(BY_THE_PIECE, min_size=1, max_size=5)


@st.composite
def shops(draw: st.DrawFn, stores: tuple[Settings, ...] = STORES) -> tuple[Pricebook, list[CartLine]]:
    """The pricebook of one of these stores, and the lines of a cart that it can price."""
    store = draw(st.sampled_from(stores))
    lines = draw(ONLY_BY_THE_PIECE if store.get("amounts_of_one_piece") else BY_PIECE_OR_WEIGHT)
    sold = sorted({one.product_id for one in lines})
    moment, zone = draw(st.tuples(st.sampled_from(MOMENTS), st.sampled_from(ZONES)))
    book = pricebook(
        *draw(goods(sold)),
        promotions=draw(promotions(sold, by_vendor="prices_include_tax" not in store)),
        holidays=draw(st.lists(HOLIDAYS, max_size=1)),
        moment=moment,
        zone=zone,
        **store,
    )
    return book, lines


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
def test_a_second_opinion_comes_to_the_same_amounts(shop: tuple[Pricebook, list[CartLine]]) -> None:
    book, lines = shop
    priced = price(lines, book)
    assert told_in_cents(priced) == opinion(cart(*lines), book, now=NOON)
    assert told_in_cents(priced) == from_trace(priced.trace)


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
def test_every_priced_cart_holds_together(shop: tuple[Pricebook, list[CartLine]]) -> None:
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
    assert [one["total"] for one in priced.trace["lines"]] == [str(one.total) for one in whole]
    for one, amounts in zip(priced.trace["lines"], whole, strict=True):
        parts = sum(Decimal(part["amount"]) for part in one["tax"]["parts"])
        assert parts == amounts.sales_tax == Decimal(one["tax"]["amount"])


@thorough
@given(shops())
def test_what_would_be_sent_passes_the_check_before_sending(shop: tuple[Pricebook, list[CartLine]]) -> None:
    book, lines = shop
    asked = cart(*lines)
    body.check(body.build(TRIP, asked, price(lines, book)), TRIP, asked)


@thorough
@given(shops(tuple(store for store in STORES if "prices_include_tax" in store)))
def test_where_prices_include_tax_the_shopper_pays_what_the_shelf_says(
    shop: tuple[Pricebook, list[CartLine]],
) -> None:
    book, lines = shop
    priced = price(lines, book)
    shelf, promoted = shelf_and_promoted(priced)
    assert priced.totals.price_total == shelf - promoted


# --- Orders and splits ---------------------------------------------------------------------------------------------


@thorough
@given(shops(tuple(store for store in STORES if "taxed_by_order" not in store)), st.data())
def test_the_order_of_lines_changes_no_total(shop: tuple[Pricebook, list[CartLine]], data: st.DataObject) -> None:
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
def test_splitting_lines_changes_nothing_before_tax(shop: tuple[Pricebook, list[CartLine]]) -> None:
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
