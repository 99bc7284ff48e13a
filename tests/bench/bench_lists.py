"""How fast product lists go out and in: `python -m tests.bench.bench_lists [--products 10000]`.

Uses the kind of database that is configured, but a scratch one of its own, which it takes away at the end. A list of
new products is brought in as CSV, then one in which every tenth product is changed, then one that changes nothing, each
as CSV and as XLSX; the catalog goes out as both.
"""

import argparse
import resource
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from time import perf_counter, process_time
from typing import Any

from django.db import connection

from tests.bench.bench_loadstore import STORES, scratch_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=10_000)
    products = parser.parse_args().products
    with tempfile.TemporaryDirectory() as folder, scratch_database(folder):
        print(f"{products:,} products on {connection.vendor}")
        print(f"{'':34}{'seconds':>10}{'of CPU':>10}{'statements':>12}{'kB':>10}")
        measure(products)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB")


def measure(products: int) -> None:
    models = import_module("catalog.models")
    for store in STORES:
        models.Store.objects.create(store_id=store, name=store, time_zone="America/New_York")
    person = import_module("django.contrib.auth.models").User.objects.create(username="bench")
    bring_in("new products", person, products, "csv")
    for wanted in ("csv", "xlsx"):
        bring_in("every tenth changed", person, products, wanted, renamed=f"{wanted} name")
        bring_in("nothing changed", person, products, wanted, renamed=f"{wanted} name")
    for wanted in ("csv", "xlsx"):
        raw = timed(f"out, {wanted}", partial(download, wanted))
        assert len(raw) > products


def bring_in(what: str, person: Any, products: int, wanted: str, *, renamed: str = "") -> None:
    imports = import_module("catalog.lists.imports")
    raw = made(products, wanted, renamed)
    name = f"{what}, {wanted}"
    kept = timed(f"{name}: read", lambda: imports.LISTS.keep(raw, file_name="bench", by=person, now=now()), len(raw))
    seen = timed(f"{name}: looked at", lambda: imports.look(kept), len(kept.packed))
    assert not seen.faults, seen.faults[0]
    fingerprint = seen.fingerprint
    timed(f"{name}: applied", lambda: imports.apply(kept.pk, by=person, seen=fingerprint, clock=now))


def made(products: int, wanted: str, renamed: str) -> bytes:
    """The list as a file."""
    exports, sheet = import_module("catalog.lists.exports"), import_module("catalog.lists.sheet")
    rows = (row(number, renamed if number % 10 == 0 else "") for number in range(products))
    content: bytes = exports.file("list", [sheet.COLUMNS, *rows], exports.Format(wanted)).content
    return content


def row(number: int, renamed: str) -> Sequence[str]:
    """Every third product has two barcodes, every fifth is sold in two of the stores."""
    codes = [
        right(f"{10_000_000_000 + number}0", "UPC"),
        *([right(f"5{number:011}0", "EAN")] if number % 3 == 0 else []),
    ]
    return (
        f"SKU-{number:06}",
        f"{renamed or 'Example product'} {number}, 500 ml",
        "Example",
        f"Category {number % 40}",
        f"Shelf {number % 7}",
        "piece",
        "",
        "; ".join(STORES[:2]) if number % 5 == 0 else "all",
        "; ".join(codes),
    )


def right(code: str, kind: str) -> str:
    """The code with its check digit instead of the last one, and its type."""
    return f"{code[:-1]}{import_module('catalog.barcodes').check_digit(code, kind)} {kind}"


def download(wanted: str) -> bytes:
    exports, models = import_module("catalog.lists.exports"), import_module("catalog.models")
    content: bytes = exports.download(
        models.Product.objects.all(), exports.Format(wanted), by="bench", which="all", now=now()
    ).content
    return content


def now() -> datetime:
    return datetime.now(UTC)


def timed(what: str, work: Callable[[], Any], size: int = 0) -> Any:
    statements = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        began, began_working = perf_counter(), process_time()
        result = work()
        seconds, working = perf_counter() - began, process_time() - began_working
    kilobytes = size or (len(result) if isinstance(result, bytes) else 0)
    print(f"{what:34}{seconds:>10.2f}{working:>10.2f}{statements:>12,}{kilobytes / 1000:>10,.0f}", flush=True)
    return result


if __name__ == "__main__":
    main()
