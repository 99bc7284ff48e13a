"""How fast the best deals of a cart are found: `python -m tests.bench.bench_deals [--carts 100] [ROW ...]`.

Each row prices so many carts, the same every time, once each. The times are milliseconds of CPU; `unproven` is the
share of carts whose answer is not proven to be the best, and `short of` how much more of the saving a far wider search
finds on those, where `--check` asks for it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from time import process_time

from pricing.deals import (
    Budget,
    Deal,
    Line,
    best_deals,
    bundle,
    buy_x_get_y,
    fixed_price,
    multi_buy,
    percent_off,
)

Case = tuple[list[Line], list[Deal]]
Sets = Sequence[Sequence[int]]
PRICE_POINTS = (99, 199, 249, 399)
WIDER = Budget(width=4000)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--carts", type=int, default=100)
    parser.add_argument("--check", action="store_true", help="search unproven carts again, far wider")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="part of a row's name")
    asked = parser.parse_args(words)
    print(f"{'':58}{'median':>9}{'p90':>9}{'worst':>9}{'unproven':>10}{'short of':>10}")
    for name, make in ROWS.items():
        if not asked.rows or any(part in name for part in asked.rows):
            print(row(name, make, asked.carts, check=asked.check), flush=True)
    return 0


def row(name: str, make: Callable[[Random], Case], carts: int, *, check: bool) -> str:
    times, unproven, short, saved = [], 0, 0, 0
    for number in range(carts):
        lines, deals = make(Random(f"{name} {number}"))  # noqa: S311  the same carts every time
        start = process_time()
        solution = best_deals(lines, deals)
        times.append((process_time() - start) * 1000)
        saved += solution.saving
        if not solution.optimal:
            unproven += 1
            short += max(0, best_deals(lines, deals, budget=WIDER).saving - solution.saving) if check else 0
    times.sort()
    figures = "".join(f"{times[min(carts - 1, carts * part // 100)]:9.3f}" for part in (50, 90, 100))
    missed = f"{100 * short / saved:9.2f}%" if check and saved else ""
    return f"{name:58}{figures}{100 * unproven / carts:9.0f}%{missed}"


def untouched(rng: Random) -> Case:
    return _lines(rng, 10, 19), []


def plain(rng: Random) -> Case:
    lines = _lines(rng, 10, 19)
    return lines, [
        percent_off(f"P{n}", lines, rng.sample(range(10), 4), Decimal(rng.choice([10, 15, 20, 25]))) for n in range(6)
    ]


def one_multi_buy(rng: Random) -> Case:
    lines = _lines(rng, 10, 19)
    return lines, [multi_buy("M", lines, rng.sample(range(10), 3), count=2, amount=500)]


def category_like(lines: int, units: int, deals: int, prices: Sequence[int] = ()) -> Callable[[Random], Case]:
    """Each deal targets one of five categories, or one product of a category."""

    def make(rng: Random) -> Case:
        cart = _lines(rng, lines, units, prices)
        categories: list[list[int]] = [[] for _ in range(5)]
        for line in range(lines):
            rng.choice(categories).append(line)
        filled = [category for category in categories if category]
        sets = [*filled, *([rng.choice(category)] for category in filled)]
        return cart, [_deal(rng, f"D{n:04}", cart, sets) for n in range(deals)]

    return make


def overlapping(lines: int, units: int, deals: int, prices: Sequence[int] = ()) -> Callable[[Random], Case]:
    """Each deal's sets are random samples of 15 to 50 % of the lines."""

    def make(rng: Random) -> Case:
        cart = _lines(rng, lines, units, prices)
        sets = [rng.sample(range(lines), rng.randint(max(1, lines * 15 // 100), lines // 2)) for _ in range(40)]
        return cart, [_deal(rng, f"D{n:04}", cart, sets) for n in range(deals)]

    return make


def like_units(lines: int, units_each: int, deals: int) -> Callable[[Random], Case]:
    def make(rng: Random) -> Case:
        cart = [Line(_price(rng, ()), units_each) for _ in range(lines)]
        sets = [rng.sample(range(lines), rng.randint(1, max(1, lines // 2))) for _ in range(40)]
        return cart, [_deal(rng, f"D{n:04}", cart, sets) for n in range(deals)]

    return make


def _price(rng: Random, prices: Sequence[int]) -> int:
    return rng.choice(prices) if prices else rng.randrange(99, 900, 10)


def _lines(rng: Random, lines: int, units: int, prices: Sequence[int] = ()) -> list[Line]:
    counts = [1] * lines
    for _ in range(units - lines):
        counts[rng.randrange(lines)] += 1
    return [Line(_price(rng, prices), count) for count in counts]


def _deal(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    """One of the kinds, at the discounts that shops give; every third one may be used once or twice only."""
    deal = rng.choice([_percent_off, _fixed_price, _cheapest_free, _buy_this_get_that, _multi_buy, _bundle])
    return deal(rng, code, lines, sets).at_most(rng.choice([None, None, None, None, 1, 2]))


def _percent_off(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    return percent_off(code, lines, rng.choice(sets), Decimal(rng.choice([5, 10, 15, 20])))


def _fixed_price(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    targets = rng.choice(sets)
    amount = min(lines[line].price for line in targets) * rng.choice([80, 90]) // 100
    return fixed_price(code, lines, [line for line in targets if lines[line].price < 2 * amount], amount)


def _cheapest_free(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    buy, get, percent = rng.choice([(1, 1, 25), (1, 1, 50), (1, 1, 100), (2, 1, 100), (3, 1, 100), (2, 2, 50)])
    return buy_x_get_y(code, lines, rng.choice(sets), buy=buy, get=get, percent=Decimal(percent))


def _buy_this_get_that(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    buy, percent = rng.choice([(1, 50), (1, 100), (2, 100)])
    bought, got = rng.choice(sets), rng.choice(sets)
    return buy_x_get_y(code, lines, bought, buy=buy, get=1, percent=Decimal(percent), get_targets=got)


def _multi_buy(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    targets, count = rng.choice(sets), rng.choice([2, 2, 3, 3, 4])
    return multi_buy(code, lines, targets, count=count, amount=_usual(lines, targets) * count * _off(rng) // 100)


def _bundle(rng: Random, code: str, lines: list[Line], sets: Sets) -> Deal:
    components = [(rng.choice(sets), rng.choice([1, 1, 1, 2])) for _ in range(rng.choice([2, 2, 3]))]
    usual = sum(_usual(lines, targets) * count for targets, count in components)
    return bundle(code, lines, components, amount=usual * _off(rng) // 100)


def _usual(lines: list[Line], targets: Sequence[int]) -> int:
    return sum(lines[line].price for line in targets) // len(targets)


def _off(rng: Random) -> int:
    return rng.choice([70, 80, 90])


ROWS: dict[str, Callable[[Random], Case]] = {
    "no deal touches 10 lines, 19 units": untouched,
    "6 unlimited single-unit deals, 10 lines, 19 units": plain,
    "1 multi-buy, 10 lines, 19 units": one_multi_buy,
    "12 category-like deals, 10 lines, 19 units": category_like(10, 19, 12),
    "12 category-like deals, 10 lines, 19 units, 4 price points": category_like(10, 19, 12, PRICE_POINTS),
    "12 category-like deals, 20 lines, 40 units": category_like(20, 40, 12),
    "12 overlapping deals, 20 lines, 40 units": overlapping(20, 40, 12),
    "12 overlapping deals, 20 lines, 40 units, 4 price points": overlapping(20, 40, 12, PRICE_POINTS),
    "1,000 category-like deals, 10 lines, 19 units": category_like(10, 19, 1000),
    "1,000 overlapping deals, 10 lines, 19 units": overlapping(10, 19, 1000),
    "3 deals, 5 lines of 999": like_units(5, 999, 3),
    "12 deals, 100 lines of 50": like_units(100, 50, 12),
}

if __name__ == "__main__":
    sys.exit(main())
