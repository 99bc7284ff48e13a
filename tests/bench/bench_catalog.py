"""What bringing Amazon up to date costs: `python -m tests.bench.bench_catalog [--products 10000 100000]`.

For each size of the catalog, in 3 stores, on the configured kind of database: the first full upload's preparation,
then a delta of 1,000 changed products (so that the same change meets catalogs of different size), one of 1 %, one of
nothing, and the report of one upload (10,000 items at most). Floors in the same run: reading as many products with
their barcodes and prices by the ORM. Seconds, statements, and by how many megabytes the process grew.
"""

import argparse
import gc
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F

from tests.bench.bench_loadstore import STORES, scratch_database, write_file

SIZES = (10_000, 100_000)
CHANGED = 1_000


@dataclass(frozen=True, slots=True)
class Cost:
    seconds: float
    statements: int
    peak_mb: float


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, nargs="+", default=SIZES)
    for products in parser.parse_args(words).products:
        with tempfile.TemporaryDirectory() as folder, scratch_database(folder):
            measure(products, Path(folder, "store.json"))
    return 0


def measure(products: int, file: Path) -> None:
    settings.AMAZON_CATALOG_URL = "http://127.0.0.1:9"
    settings.CATALOG_REPORT_HOSTS = ["127.0.0.1"]
    print(f"\n{products:,} products in 3 stores on {connection.vendor}")
    print(f"{'':44}{'items':>9}{'seconds':>9}{'statements':>12}{'peak MB':>9}", flush=True)
    in_another_process(lambda: stock(products, file))
    everything = import_module("catalog.models").Product.objects.all()
    tell("floor: reading all products by the ORM", products, cost(lambda: read(everything)))
    tell("first full upload, prepared", *prepare())
    as_if_taken()
    change(0, CHANGED)
    tell(f"floor: reading {CHANGED:,} products by the ORM", CHANGED, cost(lambda: read(everything[:CHANGED])))
    tell(f"delta of {CHANGED:,} products", *prepare())
    as_if_taken()
    change(CHANGED, products // 100)
    tell(f"delta of 1 % ({products // 100:,} products)", *prepare())
    as_if_taken()
    tell("nothing changed", *prepare())
    tell("a report fetched, read and applied", *report())


def tell(what: str, items: int, spent: Cost) -> None:
    print(f"{what:44}{items:>9,}{spent.seconds:>9.2f}{spent.statements:>12,}{spent.peak_mb:>9.1f}", flush=True)


def cost(work: Callable[[], object]) -> Cost:
    """What some work costs; memory is how far the process grew above what it held before (Linux)."""
    statements = 0

    def count(execute: Any, *call: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*call)

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    with connection.execute_wrapper(count):
        began = perf_counter()
        work()
        seconds = perf_counter() - began
    return Cost(seconds, statements, max(0.0, held("VmHWM") - before))


def held(what: str) -> float:
    """Megabytes."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def in_another_process(work: Callable[[], object]) -> None:
    """So that what it leaves behind in memory is not ours."""
    hang_up()
    child = os.fork()
    if child == 0:
        work()
        hang_up()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


def hang_up() -> None:
    """A connection, or a pool of them, must not be shared with a child."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


# --- The catalog and its changes -----------------------------------------------------------------------------------


def stock(products: int, file: Path) -> None:
    """The products of the other benchmark, with codes that may go to Amazon."""
    write_file(file, products)
    document = json.loads(file.read_text())
    for product in document["products"]:
        for code in product["barcodes"]:
            code["code"] = completed(code["code"][1:])
    raw = json.dumps(document).encode()
    import_module("pricing.storefile.load").load(raw, clock=now)


def completed(digits: str) -> str:
    """With its check digit."""
    odd, even = (sum(int(digit) for digit in digits[::-1][start::2]) for start in (0, 1))
    return digits + str(-(odd * 3 + even) % 10)


def change(first: int, count: int) -> None:
    """As an import would: past the models, in one go."""
    skus = [f"SKU-{number:06}" for number in range(first, first + count)]
    products = import_module("catalog.models").Product.objects
    for start in range(0, count, 500):
        products.filter(sku__in=skus[start : start + 500]).update(name="Changed product, 500 ml")


def read(products: Any) -> None:
    """Every product with its barcodes and prices, and nothing done with them."""
    for _product in products.prefetch_related("barcodes", "prices", "stores").iterator(chunk_size=1_000):
        pass


def as_if_taken() -> None:
    items = import_module("catalog.models").CatalogItem.objects.filter(state="UPLOADING")
    items.update(state="LIVE", live_hash=F("sent_hash"), taken_at=now())
    import_module("catalog.models").CatalogUpload.objects.filter(status="WAITING").update(
        status="WITHDRAWN", due_at=None
    )


def prepare() -> tuple[int, Cost]:
    runs = import_module("catalog.runs")
    run = runs.request(store=None, everything=False, by=None, now=now())
    spent = cost(lambda: runs.prepare(run.pk, clock=now))
    run.refresh_from_db()
    assert run.finished_at
    return run.item_count, spent


# --- The report ----------------------------------------------------------------------------------------------------


def report() -> tuple[int, Cost]:
    """One upload's report fetched over HTTP, read and applied: each tenth item is refused, with words of its own."""
    models, following = import_module("catalog.models"), import_module("catalog.following")
    sync, runs = import_module("catalog.sync"), import_module("catalog.runs")
    sync.send_all_again(STORES[2])
    run = runs.request(store=models.Store.objects.get(pk=STORES[2]), everything=False, by=None, now=now())
    runs.prepare(run.pk, clock=now)
    upload = run.uploads.order_by("pk").first()
    rows = [
        {"item_sku": sku, "status": "FAILED" if number % 10 == 0 else "SUCCESS", "errorMessage": f"wrong: {sku}"}
        for number, sku in enumerate(upload.lines.values_list("sku", flat=True))
    ]
    with serving(json.dumps({"items": rows}).encode()) as link:
        ended = {"amazon_status": "DONE", "ended_at": now(), "report_link": link}
        models.CatalogUpload.objects.filter(pk=upload.pk).update(
            status="REPORTING", ingestion_id="ing-bench", sent_at=now(), due_at=now(), **ended
        )
        spent = cost(lambda: following.work_on(upload.pk, client=None, clock=now))
    upload.refresh_from_db()
    assert (upload.status, upload.refused_count) == ("FINISHED", -(-len(rows) // 10)), upload.problem
    return len(rows), spent


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/report.json"
        server.shutdown()


def now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
