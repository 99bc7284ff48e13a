"""What it costs to try a promotion on past trips: `python -m tests.bench.bench_backtests [--trips N]`.

Carts as a busy shop sees them, of one store of the demo, taken in by the product on the configured database; then 20
percent off everything is tried on all of them, in one process.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

from tests.bench.bench_loadstore import scratch_database
from tests.sandbox.carts import CartComposer, create_purchases_body
from tests.sandbox.shelves import read_store_file

STORE_FILE = Path(__file__).resolve().parent.parent / "sandbox" / "demo_store.json"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trips", type=int, default=1_000)
    count = parser.parse_args(words).trips
    with tempfile.TemporaryDirectory() as folder, scratch_database(folder):
        import_module("pricing.storefile.load").load(STORE_FILE.read_bytes(), clock=lambda: datetime.now(UTC))
        _take_in(count)
        test = _asked()
        began, began_working, turns = perf_counter(), process_time(), 0
        backtests, jobs, kind = import_module("orders.backtests"), import_module("orders.jobs"), type(test)
        while jobs.to_do(kind, now=datetime.now(UTC)):
            backtests.work_on(test.pk, clock=lambda: datetime.now(UTC))
            turns += 1
        seconds, working = perf_counter() - began, process_time() - began_working
        print(f"{test.trip_count:,} trips in {seconds:.1f} s ({working:.1f} s of this process), {turns} turns")
        for figures in backtests.figures(test.tried.all()).values():
            print(figures)
    return 0


def _take_in(count: int) -> None:
    contract, purchases = import_module("orders.contract"), import_module("orders.purchases")
    limits = import_module("orders.limits").limits
    shelves = read_store_file(STORE_FILE)
    store_id = next(iter(shelves.stores))
    composer = CartComposer([(store_id, list(shelves.products_of(store_id)))], Random(1))  # noqa: S311  no secret
    for number in range(count):
        now = datetime.now(UTC)
        raw = create_purchases_body(composer.visit(f"bench-{number}", now.timestamp(), empty=False)).encode()
        purchases.record(contract.decode(raw, limits()), raw, received_at=now, caller="bench")


def _asked() -> Any:
    models, candidates = import_module("pricing.models"), import_module("pricing.candidates")
    now = datetime.now(UTC)
    promotion = models.Promotion(
        code="BENCH",
        name="20 percent off",
        kind="PERCENT_OFF",
        percent=Decimal(20),
        targets={"all": True},
        starts_at=now,
    )
    store = import_module("orders.models").Purchase.objects.first().store
    user = import_module("django.contrib.auth.models").User.objects.create_user("bench")
    request = import_module("orders.backtests").request
    return request(candidates.Tried.of(promotion, ()), [store], 1_000, row=None, by=user, now=now)


if __name__ == "__main__":
    raise SystemExit(main())
