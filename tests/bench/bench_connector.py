"""Create Purchases (10 lines, priced, committed) beside two floors, in one run on PostgreSQL.

The product and a bare DRF view (`tests.bench.floor`) run under the same gunicorn, in turn, against the same database
and the same client; pgbench inserts one row. Ends by itself and drops its database.
"""

import argparse
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
STORE_FILE = ROOT / "tests" / "sandbox" / "demo_store.json"
SECRET = "connector-secret-of-the-benchmark"
SERVER = "postgres://postgres@127.0.0.1:5432/postgres"
BROKER = "amqp://guest:guest@127.0.0.1:5672//"
LINES = 10
WORKERS, THREADS = 2, 4


@dataclass(frozen=True, slots=True)
class Served:
    """What one round of load saw: latencies in seconds, and the CPU seconds that the server used."""

    latencies: list[float]
    seconds: float
    cpu: float

    def row(self, name: str) -> str:
        ordered = sorted(self.latencies)
        rate = len(ordered) / self.seconds
        p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
        cpu = self.cpu / len(ordered) * 1000
        return f"{name:<28}{rate:>8.0f}/s  p50 {p50:>6.2f} ms  p99 {p99:>6.2f} ms  CPU {cpu:>5.2f} ms"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, in turn (%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="connections at once (%(default)s)")
    parser.add_argument("--server", default=os.environ.get("BENCH_DATABASE_URL", SERVER))
    parser.add_argument("--broker", default=os.environ.get("BENCH_BROKER_URL", BROKER))
    arguments = parser.parse_args(words)
    with ExitStack() as stack:
        environment = stack.enter_context(_database(arguments.server, arguments.broker))
        product = stack.enter_context(_served("jwo_store.wsgi:application", environment))
        floor = stack.enter_context(_served("tests.bench.floor:application", environment))
        carts = Carts()
        for port in (product, floor):
            _load(port, carts, seconds=1.0, clients=arguments.clients)
        rounds: dict[str, list[Served]] = {"product": [], "floor": []}
        for _ in range(arguments.rounds):
            rounds["floor"].append(_load(floor, carts, arguments.seconds, arguments.clients))
            rounds["product"].append(_load(product, carts, arguments.seconds, arguments.clients))
        _print_rates(rounds, environment, arguments)
        _print_growth(product, carts)
    return 0


# --- Carts ---------------------------------------------------------------------------------------------------------


class Carts:
    """Carts of the demo store's own products; every one another trip."""

    def __init__(self) -> None:
        document = json.loads(STORE_FILE.read_text())
        self.store_id = document["stores"][0]["store_id"]
        self.skus = [
            product["sku"]
            for product in document["products"]
            if product["sold_by"] == "EACH" and self.store_id in product.get("stores", [self.store_id])
        ]

    def request(self, lines: int) -> bytes:
        skus = [self.skus[place % len(self.skus)] for place in range(lines)]
        body = json.dumps(
            {
                "requestId": str(uuid.uuid4()),
                "idempotentShoppingTripId": str(uuid.uuid4()),
                "storeId": self.store_id,
                "shoppingTrip": {
                    "startTime": "2026-11-02T15:02:11Z",
                    "endTime": "2026-11-02T15:05:48Z",
                    "authEvents": [{"id": str(uuid.uuid4()), "payloadType": "FINANCIAL", "location": "ENTRY"}],
                },
                "cartItems": [{"id": sku, "type": "SKU", "quantity": {"value": "2", "unit": "unit"}} for sku in skus],
            }
        ).encode()
        head = (
            f"POST /v1/order/purchases HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Connector-Secret: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


# --- Servers -------------------------------------------------------------------------------------------------------


@contextmanager
def _database(server: str, broker: str) -> Iterator[dict[str, str]]:
    """A database of its own with the demo store in it; gives the product's environment."""
    name = f"jwo_store_bench_{secrets.token_hex(4)}"
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    environment = {
        **os.environ,
        "JWO_ENVIRONMENT": "sandbox",
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker,
        "CELERY_QUEUE": name,
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "off",
        "CONNECTOR_SECRETS": SECRET,
        "LOG_LEVEL": "WARNING",
        "AMAZON_CHECKOUT_URL": "http://127.0.0.1:9",
    }
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            for command in (["migrate", "-v0"], ["loadstore", str(STORE_FILE)]):
                subprocess.run(
                    [sys.executable, "manage.py", *command],
                    cwd=ROOT,
                    env=environment,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            subprocess.run(
                [sys.executable, "-c", "import tests.bench.floor"],
                cwd=ROOT,
                env={**environment, "FLOOR_MAKES_ITS_TABLE": "1"},
                check=True,
            )
            with psycopg.connect(url, autocommit=True) as own:
                own.execute("ANALYZE")
            yield environment
        finally:
            _drop_queue(broker, name)
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _drop_queue(broker: str, name: str) -> None:
    """The nudges that nobody took."""
    code = (
        "import sys, kombu\n"
        "with kombu.Connection(sys.argv[1]) as c:\n"
        "    c.default_channel.queue_delete(sys.argv[2]); c.default_channel.exchange_delete(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, broker, name], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def _served(application: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--log-level", "error"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--no-control-socket", application]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, start_new_session=True)
    try:
        _wait_for(port, process)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            _pids[port] = process.pid
            return
    raise RuntimeError("a server did not start")


_pids: dict[int, int] = {}


def _cpu_seconds(port: int) -> float:
    """User and system time of the server's processes so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == _pids[port]:  # the process group
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# --- Load ----------------------------------------------------------------------------------------------------------


def _load(port: int, carts: Carts, seconds: float, clients: int) -> Served:
    """As many requests as the server takes; the carts are made before, so that the client stays cheap."""
    ready = [[carts.request(LINES) for _ in range(int(seconds * 160))] for _ in range(clients)]
    latencies: list[list[float]] = [[] for _ in range(clients)]
    cpu = _cpu_seconds(port)
    began = time.perf_counter()
    until = began + seconds
    threads = [
        threading.Thread(target=_client, args=(port, requests, until, seen))
        for requests, seen in zip(ready, latencies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    return Served([one for seen in latencies for one in seen], took, _cpu_seconds(port) - cpu)


def _client(port: int, requests: list[bytes], until: float, seen: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            began = time.perf_counter()
            if began > until:
                return
            wire.sendall(request)
            status = _answer(wire)
            if status != b"201":
                raise RuntimeError(f"answered {status!r}")
            seen.append(time.perf_counter() - began)


def _answer(wire: socket.socket) -> bytes:
    received = wire.recv(65536)
    while b"\r\n\r\n" not in received or not received.endswith(b"}"):
        more = wire.recv(65536)
        if not more:
            raise RuntimeError("the server hung up")
        received += more
    return received[9:12]


# --- What is printed -----------------------------------------------------------------------------------------------


def _print_rates(rounds: dict[str, list[Served]], environment: dict[str, str], arguments: argparse.Namespace) -> None:
    def merged(name: str) -> Served:
        parts = rounds[name]
        return Served(
            [one for part in parts for one in part.latencies],
            sum(part.seconds for part in parts),
            sum(part.cpu for part in parts),
        )

    product, floor = merged("product"), merged("floor")
    ratios = sorted(
        (len(mine.latencies) / mine.seconds) / (len(other.latencies) / other.seconds)
        for mine, other in zip(rounds["product"], rounds["floor"], strict=True)
    )
    print(f"Create Purchases, {LINES} lines, priced and committed; gunicorn {WORKERS} x {THREADS} threads, ", end="")
    print(f"{arguments.clients} clients, {arguments.rounds} rounds of {arguments.seconds:g} s each, in turn")
    print(product.row("product") + f"  queries {_queries(environment)}")
    print(floor.row("floor: bare DRF, one row"))
    print(f"{'floor: pgbench, one row':<28}{_pgbench(environment, arguments):>8.0f}/s")
    print(f"product / bare DRF: {statistics.median(ratios):.2f} (aim 0.45; rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")


def _queries(environment: dict[str, str]) -> int:
    """Statements sent to the database for one cart, those that begin and end transactions included."""
    code = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "from django.test import Client\n"
        "from django.test.utils import CaptureQueriesContext\n"
        "from tests.bench.bench_connector import Carts, SECRET\n"
        "body = Carts().request(10).partition(b'\\r\\n\\r\\n')[2]\n"
        "send = lambda: Client(SERVER_NAME='127.0.0.1').post('/v1/order/purchases', body, 'application/json',"
        " headers={'X-Connector-Secret': SECRET})\n"
        "with CaptureQueriesContext(connection) as seen:\n"
        "    assert send().status_code == 201\n"
        "print(len(seen))"
    )
    settings = {**environment, "DJANGO_SETTINGS_MODULE": "jwo_store.settings"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=settings, check=True, capture_output=True)
    return int(done.stdout)


def _pgbench(environment: dict[str, str], arguments: argparse.Namespace) -> float:
    """Rows a second that PostgreSQL itself inserts one by one, by its own benchmark."""
    url = environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE one_row (id bigserial PRIMARY KEY, trip_id text UNIQUE, raw bytea)")
    script = "INSERT INTO one_row (trip_id, raw) VALUES (gen_random_uuid()::text, decode(repeat('ab', 1500), 'hex'));"
    command = ["pgbench", "-n", "-f", "/dev/stdin", "-c", str(arguments.clients), "-j", "2", "-T", "5", url]
    done = subprocess.run(command, input=script.encode(), capture_output=True, check=True)
    rate = next(line for line in done.stdout.decode().splitlines() if line.startswith("tps"))
    return float(rate.split()[2])


def _print_growth(port: int, carts: Carts) -> None:
    """One client: the time of a cart by its length."""
    medians = {}
    for lines, times in ((1, 60), (10, 60), (100, 30), (1000, 10)):
        seen: list[float] = []
        _client(port, [carts.request(lines) for _ in range(times)], time.perf_counter() + 60, seen)
        medians[lines] = statistics.median(seen)
        print(
            f"{lines:>5} lines: median {medians[lines] * 1000:>8.2f} ms, {medians[lines] / lines * 1e6:>8.1f} µs a line"
        )
    growth = (medians[1000] / 1000) / (medians[100] / 100)
    print(f"time per line, 1,000 lines over 100: {growth:.2f} (aim at most 1.20)")


if __name__ == "__main__":
    sys.exit(main())
