"""What pricing a cart costs by the number of promotions: `python -m tests.bench.bench_pricing [--oscar] [--plot FILE]`.

A cart of ten lines and nineteen units, its pricebook read from the configured database (PostgreSQL is meant) and
priced in one process; once 1 % of the promotions touch the cart, once all. With `--oscar` the same number of
offers is applied by django-oscar, in a virtual environment of its own, SQLite in memory, as far as a minute goes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tracemalloc
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from django.db import connection

from tests.bench.bench_loadstore import scratch_database
from tests.bench.plot import Series, curve

STORE_ID, START = "BENCH-1", "2026-01-01T00:00:00-05:00"
CART = [2, 3, 1, 2, 2, 1, 3, 2, 2, 1]
"""Units of each of the ten lines."""
ELSEWHERE = 2_000
"""Products that are not in the cart, for promotions that do not touch it."""
FEW = [(10, 0.01), (100, 0.01), (1_000, 0.01), (10_000, 0.01)]
EVERY = [(10, 1.0), (100, 1.0), (1_000, 1.0), (10_000, 1.0)]
CASES = [(0, 1.0), *FEW, *EVERY]
"""How many promotions are in force, and which share of them touches the cart."""
ROUNDS, FEWEST, SECONDS = 200, 5, 4.0
"""So many rounds of each, or as many as these seconds allow, but not fewer."""

OSCAR = Path(__file__).with_name("oscar_offers.py")
OSCAR_PACKAGE = "django-oscar==4.2.1"
OSCAR_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """Milliseconds, but for the counts."""

    promotions: int
    touching: int
    cold: float
    median: float
    p95: float
    p99: float
    queries: int
    peak_kb: int
    optimal: bool


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oscar", action="store_true", help="compare with django-oscar")
    parser.add_argument("--plot", type=Path, help="draw the curves into this SVG file")
    chosen = parser.parse_args(words)
    oscar = dict(oscar_rows()) if chosen.oscar else {}
    head()
    rows = [told(measured(promotions, share), oscar) for promotions, share in CASES]
    if chosen.plot:
        points = {case: (row.promotions, row.median) for row, case in zip(rows, CASES, strict=True)}
        series = [
            Series("1 % touch the cart", [points[case] for case in FEW]),
            Series("all touch the cart", [points[case] for case in EVERY]),
        ]
        peer = [(count, ms) for count, ms in oscar.items() if count]
        series += [Series("django-oscar, all", peer)] if peer else []
        chosen.plot.write_text(curve(series, "promotions in force", "milliseconds, median"))
    return 0


def touching(promotions: int, share: float) -> int:
    return -(-promotions * round(share * 100) // 100)


# --- Ours ----------------------------------------------------------------------------------------------------------


def measured(promotions: int, share: float) -> Row:
    with tempfile.TemporaryDirectory() as folder, scratch_database(folder):
        touched = touching(promotions, share)
        document = store(promotions, touched)
        import_module("pricing.storefile.load").load(json.dumps(document).encode(), clock=lambda: datetime.now(UTC))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return timed(promotions, touched)


def timed(promotions: int, touched: int) -> Row:
    terms, engine = import_module("pricing.terms"), import_module("pricing.engine")
    read_pricebook = import_module("pricing.pricebook").read_pricebook
    now = datetime.now(UTC)
    lines = tuple(terms.CartLine(sku(line), "SKU", str(count), "unit") for line, count in enumerate(CART))
    cart = terms.Cart(STORE_ID, started_at=now, ended_at=now, lines=lines)
    asked = 0

    def count(execute: Any, *call: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*call)

    def priced() -> Any:
        return engine.price_cart(cart, read_pricebook(cart), now=now)

    import_module("jwo_store.garbage").collect_seldom()  # as the processes do that serve carts
    connection.close()
    began = perf_counter()
    result = priced()
    cold = (perf_counter() - began) * 1000
    with connection.execute_wrapper(count):
        priced()
    tracemalloc.start()
    priced()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times: list[float] = []
    until = perf_counter() + SECONDS
    while len(times) < FEWEST or (len(times) < ROUNDS and perf_counter() < until):
        began = perf_counter()
        priced()
        times.append((perf_counter() - began) * 1000)
    times.sort()
    median, p95, p99 = (times[int(len(times) * part)] for part in (0.5, 0.95, 0.99))
    return Row(promotions, touched, cold, median, p95, p99, asked, peak // 1024, result.optimal)


def sku(number: int) -> str:
    return f"SKU-{number:05d}"


def store(promotions: int, touched: int) -> dict[str, Any]:
    """A store file: products of the cart and others, and promotions of all kinds on the one or the other."""
    rng = Random(7)  # noqa: S311  no secret
    count = len(CART) + ELSEWHERE
    prices = {sku(number): rng.randrange(99, 900, 10) for number in range(count)}
    inside, outside = range(len(CART)), range(len(CART), count)
    return {
        "stores": [{"store_id": STORE_ID, "name": "Bench", "time_zone": "America/New_York"}],
        "tax_categories": [{"code": "FOOD", "name": "Food", "exempt": False}],
        "tax_rules": [
            {
                "code": "STATE",
                "jurisdiction": "State",
                "rate": "0.08875",
                "tax_categories": ["FOOD"],
                "stores": [STORE_ID],
                "starts_at": START,
            }
        ],
        "products": [{"sku": one, "name": one, "sold_by": "EACH", "tax_category": "FOOD"} for one in prices],
        "prices": [{"sku": one, "amount": money(cents), "starts_at": START} for one, cents in prices.items()],
        "promotions": [
            promotion(rng, number, inside if number < touched else outside, prices) for number in range(promotions)
        ],
    }


def promotion(rng: Random, number: int, among: range, prices: dict[str, int]) -> dict[str, Any]:
    """One of the kinds, on one to three products, at the discounts that shops give."""
    targets = [sku(one) for one in rng.sample(among, rng.randint(1, 3))]
    others = [sku(one) for one in rng.sample(among, rng.randint(1, 2))]
    usual = sum(prices[one] for one in targets) // len(targets)
    count, off = rng.choice([2, 3]), rng.choice([70, 80, 90])
    kinds: list[dict[str, Any]] = [
        {"kind": "PERCENT_OFF", "percent": str(rng.choice([5, 10, 15, 20])), "targets": {"skus": targets}},
        {"kind": "AMOUNT_OFF", "amount": money(usual * 10 // 100), "targets": {"skus": targets}},
        {"kind": "FIXED_PRICE", "amount": money(usual * off // 100), "targets": {"skus": targets}},
        {"kind": "BUY_X_GET_Y", "buy": count, "get": 1, "percent": "100", "targets": {"skus": targets}},
        {
            "kind": "MULTI_BUY",
            "count": count,
            "amount": money(usual * count * off // 100),
            "targets": {"skus": targets},
        },
        {
            "kind": "BUNDLE",
            "amount": money((usual + prices[others[0]]) * off // 100),
            "components": [{"targets": {"skus": targets}, "count": 1}, {"targets": {"skus": others}, "count": 1}],
        },
    ]
    named = {"code": f"P-{number:05d}", "name": f"Promotion {number}", "receipt_text": f"Promotion {number}"}
    return {**named, **kinds[number % len(kinds)], "stores": [STORE_ID], "starts_at": START}


def money(cents: int) -> str:
    return f"{cents / 100:.2f}"


# --- django-oscar --------------------------------------------------------------------------------------------------


def oscar_rows() -> Iterator[tuple[int, float]]:
    """Offers and the milliseconds (median) that applying them takes."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", OSCAR_PACKAGE], check=True, stderr=subprocess.DEVNULL)
        command = [str(python), str(OSCAR), str(OSCAR_SECONDS), "1.0", *(str(count) for count in (0, 10, 100, 1_000))]
        try:
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=OSCAR_SECONDS)
            said = done.stdout
        except subprocess.TimeoutExpired as late:
            said = late.stdout or b""
    for line in said.decode().splitlines():
        count, milliseconds = line.split()
        yield int(count), float(milliseconds)


def head() -> None:
    print(f"A cart of {len(CART)} lines and {sum(CART)} units, its pricebook read from the database; milliseconds")
    print(f"{'promotions':>10}{'touching':>10}{'cold':>10}{'median':>9}{'p95':>9}{'p99':>9}", end="")
    print(f"{'queries':>9}{'peak KB':>9}{'proven':>8}{'oscar':>10}", flush=True)


def told(row: Row, oscar: dict[int, float]) -> Row:
    times = f"{row.cold:>10.1f}{row.median:>9.2f}{row.p95:>9.2f}{row.p99:>9.2f}"
    peer = f"{oscar[row.promotions]:>10.1f}" if row.promotions in oscar and row.touching == row.promotions else ""
    counts = f"{row.queries:>9}{row.peak_kb:>9,}{'yes' if row.optimal else 'no':>8}"
    print(f"{row.promotions:>10,}{row.touching:>10,}{times}{counts}{peer}", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
