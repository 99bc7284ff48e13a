"""How fast a store file is loaded: `python -m tests.bench.bench_loadstore [--products 25000]`.

Uses the kind of database that is configured, but a scratch one of its own, which it takes away at the end: a SQLite
file in a temporary folder, or a PostgreSQL database beside the configured one.
"""

import argparse
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import django
from django.db import connection

STORES = ("BENCH-1", "BENCH-2", "BENCH-3")
START = "2026-01-01T00:00:00-05:00"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=25_000)
    products = parser.parse_args().products
    with tempfile.TemporaryDirectory() as folder, scratch_database(folder):
        print(f"{products:,} products on {connection.vendor}")
        file = Path(folder, "store.json")
        write_file(file, products)
        print(f"{'':24}{'seconds':>10}{'of CPU':>10}{'locked':>10}{'rows':>10}")
        measure("first load", file)
        measure("the same again", file)
        write_file(file, products, repriced_every=25)
        measure("every 25th price changed", file)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB")


@contextmanager
def scratch_database(folder: str) -> Iterator[None]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jwo_store.settings")
    os.environ["DATA_DIR"] = folder
    django.setup()
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["NAME"] = f"bench_loadstore_{os.getpid()}"
    configured = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(configured, verbosity=0)


def measure(name: str, file: Path) -> None:
    load = import_module("pricing.storefile.load").load
    began, began_working = perf_counter(), process_time()
    loaded = load(file.read_bytes(), clock=lambda: datetime.now(UTC))
    seconds, working = perf_counter() - began, process_time() - began_working
    print(f"{name:24}{seconds:>10.2f}{working:>10.2f}{loaded.seconds_locked:>10.2f}{loaded.rows:>10,}")


def write_file(file: Path, products: int, *, repriced_every: int = 0) -> None:
    """Row by row, so that the peak of memory is the load's own."""
    rules = {
        "stores": [{"store_id": store, "name": store, "time_zone": "America/New_York"} for store in STORES],
        "tax_categories": [{"code": f"TAX-{number}", "name": f"Category {number}"} for number in range(5)],
        "tax_rules": [
            {
                "code": "STATE",
                "jurisdiction": "State",
                "tax_categories": [f"TAX-{number}" for number in range(5)],
                "rate": "0.04",
                "starts_at": START,
            }
        ],
        "promotions": [promotion(number, products) for number in range(200)],
    }
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(rules)[:-1])
        out.write(', "products": [')
        out.write(",\n".join(json.dumps(product(number)) for number in range(products)))
        out.write('], "prices": [')
        out.write(",\n".join(json.dumps(row) for number in range(products) for row in prices(number, repriced_every)))
        out.write("]}")


def product(number: int) -> dict[str, Any]:
    barcodes = [{"code": f"{number:012}", "type": "UPC"}]
    if number % 3 == 0:
        barcodes.append({"code": f"5{number:012}", "type": "EAN"})
    described = {
        "sku": f"SKU-{number:06}",
        "name": f"Example product {number}, 500 ml",
        "brand": "Example",
        "category": f"Category {number % 40}",
        "subcategory": f"Shelf {number % 7}",
        "tax_category": f"TAX-{number % 5}",
        "barcodes": barcodes,
    }
    return {**described, "stores": STORES[:2]} if number % 5 == 0 else described


def prices(number: int, repriced_every: int) -> Iterator[dict[str, Any]]:
    cents = 199 + number % 500
    if repriced_every and number % repriced_every == 0:
        cents += 10
    yield {"sku": f"SKU-{number:06}", "amount": f"{cents / 100:.2f}", "starts_at": START}
    if number % 4 == 0:
        yield {"sku": f"SKU-{number:06}", "store_id": STORES[0], "amount": "4.25", "starts_at": START}


def promotion(number: int, products: int) -> dict[str, Any]:
    return {
        "code": f"PROMO-{number:03}",
        "name": f"Promotion {number}",
        "receipt_text": "Promotion",
        "kind": "PERCENT_OFF",
        "percent": "10",
        "targets": {"skus": [f"SKU-{each:06}" for each in range(number, products, 250)]},
        "stores": STORES[:1],
        "starts_at": START,
    }


if __name__ == "__main__":
    main()
