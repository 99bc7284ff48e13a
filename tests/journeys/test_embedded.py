"""`make run`, as a stranger starts it: a thousand shoppers, to the cent; and it ends as it should."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.processes import ROOT, free_port, own_environment, until
from tests.journeys.records import SqliteRecords
from tests.journeys.wire import call, is_healthy

pytestmark = pytest.mark.journey

TRIPS = 1_000
STARTED_WITHIN = 90.0
SHOPPED_WITHIN = 240.0
STOPPED_WITHIN = 30.0
REFUSED_WITHIN = 30.0
SETTLED_WITHIN = 30.0
"""Amazon has an order before the office has written its answer down."""


class Demo:
    """The runner of `make run` on ports and in a folder of its own.

    Everything that it starts inherits its output: that ends when the last of these processes has ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.said = b""
        self.seconds = 0.0
        """How long it took to start."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def start(self) -> None:
        began = time.monotonic()
        self.said = b""
        self.runner = subprocess.Popen(
            demo_command(self.folder, self.port, self.sandbox_port),
            cwd=ROOT,
            env=own_environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.output = threading.Thread(target=self._listen, daemon=True)
        self.output.start()
        until(self._has_greeted, STARTED_WITHIN, "the demo greets")
        self.seconds = time.monotonic() - began

    def _listen(self) -> None:
        assert self.runner.stdout is not None
        while piece := os.read(self.runner.stdout.fileno(), 65_536):
            self.said += piece

    def _has_greeted(self) -> bool:
        assert self.runner.poll() is None, f"the demo ended by itself:\n{self.said.decode()}"
        return b"Ctrl-C stops everything" in self.said

    def interrupt(self) -> float:
        """Ctrl-C; gives the seconds until the last process has ended."""
        began = time.monotonic()
        self.runner.send_signal(signal.SIGINT)
        self.output.join(STOPPED_WITHIN)
        assert not self.output.is_alive(), f"something still runs after Ctrl-C:\n{self.said.decode()}"
        return time.monotonic() - began

    def close(self) -> None:
        if self.runner.poll() is None:
            self.runner.terminate()
            self.runner.wait(60)


def demo_command(folder: Path, port: int, sandbox_port: int) -> list[str]:
    command = ["-m", "tests.sandbox", "demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    return [sys.executable, *command, "--data-dir", str(folder)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.start()
    yield demo
    demo.close()


def refusal(command: list[str], folder: Path) -> tuple[int, list[str]]:
    """The exit status of a start that must not succeed, and the lines that it printed."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=own_environment({"DATA_DIR": str(folder), "DATABASE_URL": "", "CELERY_BROKER_URL": ""}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=REFUSED_WITHIN,
        check=False,
    )
    return done.returncode, done.stdout.strip().splitlines()


def is_settled(records: SqliteRecords) -> bool:
    return all(row.status != "AWAITING_CHECKOUT" for row in records.purchases().values())


def test_a_thousand_shoppers_are_a_thousand_orders(demo: Demo) -> None:
    shop = ["-m", "tests.sandbox", "shop", "--trips", str(TRIPS), "--empty-share", "0.05", "--json"]
    done = subprocess.run(
        [sys.executable, *shop, "--sandbox", demo.sandbox_url],
        cwd=ROOT,
        env=own_environment({}),
        stdout=subprocess.PIPE,
        text=True,
        timeout=SHOPPED_WITHIN,
        check=False,
    )
    told = json.loads(done.stdout)
    ledger, run = told["ledger"], told["run"]
    filled = TRIPS - ledger["empty"]
    assert (done.returncode, told["clean"], told["answers"], told["repeats"]) == (0, True, {"201": TRIPS}, 0)
    assert ledger["empty"] > 0
    assert (ledger["trips"], ledger["orders"], ledger["charges"]) == (TRIPS, filled, filled)
    assert (ledger["refused"], ledger["waiting"], ledger["refusals"], ledger["strays"]) == (0, 0, {}, {})
    assert (ledger["overlapping_calls"], ledger["trips_with_different_bodies"]) == (0, 0)

    records = SqliteRecords(demo.folder / "store.sqlite3")
    until(lambda: is_settled(records), SETTLED_WITHIN, "the last answer is kept")
    kept = records.purchases()
    charged: dict[str, Any] = {
        trip["trip_id"]: trip for trip in call(demo.sandbox_url, "GET", f"/control/trips?run={run}").json()["trips"]
    }
    assert kept.keys() == charged.keys()
    for trip_id, trip in charged.items():
        row = kept[trip_id]
        expected = ("ORDERED", trip["order_id"]) if trip["lines"] else ("EMPTY", None)
        assert (row.status, row.order_id, row.possibly_charged) == (*expected, False)
        assert (row.price_total or Decimal(0)) == Decimal(trip["charged"])
    total = sum((row.price_total for row in kept.values() if row.price_total is not None), Decimal(0))
    assert ledger["charged"] == {"USD": str(total)}


def test_a_second_demo_on_the_same_data_says_so(demo: Demo) -> None:
    status, lines = refusal(demo_command(demo.folder, free_port(), free_port()), demo.folder)
    assert (status, lines) == (
        2,
        [f"The demo is running already ({demo.url}, process {demo.runner.pid}). Stop it with Ctrl-C first."],
    )


@pytest.mark.parametrize("taken", ["PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_named_with_the_way_out(demo: Demo, tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ports = {"PORT": free_port(), "SANDBOX_PORT": free_port()} | {taken: port}
        status, lines = refusal(demo_command(tmp_path, ports["PORT"], ports["SANDBOX_PORT"]), tmp_path)
    words = f"Port {port} is in use. Stop what uses it, or choose another: make run {taken}={port + 100}"
    assert (status, lines) == (2, [words])
    assert is_healthy(demo.url)


def test_a_second_product_on_the_same_data_says_so(demo: Demo) -> None:
    command = [sys.executable, "manage.py", "runstore", "--port", str(free_port())]
    status, (line,) = refusal(command, demo.folder)
    assert status != 0
    assert re.fullmatch(r"CommandError: Another copy is running on this data \(process \d+\)\. Stop it first\.", line)


def test_a_product_whose_port_is_in_use_says_so(demo: Demo, tmp_path: Path) -> None:
    status, (line,) = refusal([sys.executable, "manage.py", "runstore", "--port", str(demo.port)], tmp_path)
    assert status != 0
    assert line.startswith(f"CommandError: Port {demo.port} on 127.0.0.1 cannot be used")
    assert line.endswith("Choose another one with --port.")


def test_it_ends_and_begins_again_where_it_was(
    demo: Demo, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Ctrl-C ends every process; the second start has everything that the first one knew."""
    records = SqliteRecords(demo.folder / "store.sqlite3")
    before = records.purchases()
    record_testsuite_property("stop_seconds", demo.interrupt())
    assert demo.runner.wait(5) == 0
    assert b"Traceback" not in demo.said
    assert not is_healthy(demo.url)
    assert not is_healthy(demo.sandbox_url)

    demo.start()
    record_testsuite_property("second_start_seconds", demo.seconds)
    assert records.purchases() == before
    walked_out = call(
        demo.sandbox_url,
        "POST",
        "/control/walk-out",
        json.dumps({"store_id": a_store(demo), "basket": []}).encode(),
        {"Content-Type": "application/json"},
    ).json()
    assert [answer["status"] for answer in walked_out["answers"]] == [201]
    record_testsuite_property("stop_seconds_when_idle", demo.interrupt())
    assert demo.runner.wait(5) == 0


def a_store(demo: Demo) -> str:
    return str(call(demo.sandbox_url, "GET", "/control/connection").json()["stores"][0]["store_id"])
