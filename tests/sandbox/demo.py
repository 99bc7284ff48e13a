"""`make run`: the product on its embedded default, and the sandbox that plays Amazon, until Ctrl-C.

Starts the product as a stranger would, by its commands and its environment variables alone.
"""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.sandbox.catalog_side import QUEUE_PATH
from tests.sandbox.topic import topic_arn

ROOT = Path(__file__).resolve().parent.parent.parent
STORE_FILE = ROOT / "tests" / "sandbox" / "demo_store.json"
REGION = "us-east-1"
READY_WITHIN = 60.0
STOP_WITHIN = 45.0
POLL = 0.05


class CannotStart(Exception):
    """Why, and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Addresses:
    product_port: int
    sandbox_port: int

    @property
    def product(self) -> str:
        return f"http://127.0.0.1:{self.product_port}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"


def run_demo(addresses: Addresses, data_dir: Path) -> int:
    """Everything until Ctrl-C; gives the exit status."""
    data_dir = data_dir.resolve()
    started: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _only_copy(data_dir, addresses):
            _check_ports(addresses)
            environment = _environment(addresses, data_dir)
            started.append(_start_sandbox(addresses, data_dir, environment))
            logins = _prepare(environment)
            started.append(_start_product(addresses, environment))
            _wait_until_ready(addresses, started)
            _greet(addresses, logins)
            return _watch(started)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    finally:
        _stop(started)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _only_copy(data_dir: Path, addresses: Addresses) -> Iterator[None]:
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise CannotStart(
                f"The demo is running already ({lock.read().strip() or addresses.product}). Stop it with Ctrl-C first."
            ) from None
        lock.truncate(0)
        lock.write(f"{addresses.product}, process {os.getpid()}")
        lock.flush()
        yield


def _check_ports(addresses: Addresses) -> None:
    for name, port in (("PORT", addresses.product_port), ("SANDBOX_PORT", addresses.sandbox_port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CannotStart(
                    f"Port {port} is in use. Stop what uses it, or choose another: make run {name}={port + 100}"
                ) from None


def _environment(addresses: Addresses, data_dir: Path) -> dict[str, str]:
    """The product's configuration; the secrets are made anew for each start and known to nobody else."""
    secret, key = secrets.token_urlsafe(24), secrets.token_hex(20)
    access_key = f"AKIA{secrets.token_hex(8).upper()}"
    ours = {
        "JWO_ENVIRONMENT": "sandbox",
        "DATABASE_URL": "",
        "CELERY_BROKER_URL": "",
        "DATA_DIR": str(data_dir),
        "CONNECTOR_SECRETS": secret,
        "CONNECTOR_CALLER_ARNS": "",
        "AMAZON_CHECKOUT_URL": addresses.sandbox,
        "AMAZON_CATALOG_URL": addresses.sandbox,
        "CATALOG_QUEUE_URL": f"{addresses.sandbox}{QUEUE_PATH}",
        "CATALOG_TOPIC_ARN": topic_arn(REGION),
        "CATALOG_UPLOAD_EVERY": "60",
        "CATALOG_POLL_FIRST": "5",
        "CATALOG_POLL_CAP": "30",
        "AWS_ENDPOINT_URL_SQS": addresses.sandbox,
        "AWS_ENDPOINT_URL_SNS": addresses.sandbox,
        "AMAZON_ROLE_ARN": "",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_SESSION_TOKEN": "",
        "SANDBOX_CONNECTOR_SECRET": secret,
        "SANDBOX_ACCESS_KEY": access_key,
        "SANDBOX_SECRET_KEY": key,
        "SANDBOX_REGION": REGION,
        "PYTHONUNBUFFERED": "1",
    }
    return {"LOG_LEVEL": "WARNING", **os.environ, **ours}


def _start_sandbox(addresses: Addresses, data_dir: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = ["-m", "tests.sandbox", "serve", "--port", str(addresses.sandbox_port), "--product", addresses.product]
    command += ["--store-file", str(STORE_FILE), "--state", str(data_dir / "sandbox.jsonl")]
    return _python(command, environment)


def _start_product(addresses: Addresses, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return _python(["manage.py", "runstore", "--port", str(addresses.product_port)], environment)


def _python(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches this process alone, which then ends the others in order."""
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, start_new_session=True)


def _prepare(environment: dict[str, str]) -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "manage.py", "preparedemo", str(STORE_FILE)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise CannotStart("The demo could not be prepared; the lines above say why.")
    logins: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])["logins"]
    return logins


def _wait_until_ready(addresses: Addresses, started: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY_WITHIN
    for url in (f"{addresses.sandbox}/control/health", f"{addresses.product}/readyz"):
        while not _answers(url):
            if any(process.poll() is not None for process in started) or time.monotonic() > until:
                raise CannotStart("The demo did not start; the lines above say why.")
            time.sleep(POLL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback addresses
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _greet(addresses: Addresses, logins: list[dict[str, str]]) -> None:
    lines = [
        "",
        "  Shop     " + addresses.sandbox + "/            walk in, fill a basket, walk out",
        "  Office   " + addresses.product + "/admin/      find the purchase and its order ID",
        "",
        *(f"    {one['name']:<8} {one['password']:<20} {one['may']}" for one in logins),
        "",
        "  Try: walk out with a full bag, then search the purchase in the office by its SKU or order ID.",
        "  Load: .venv/bin/python -m tests.sandbox shop --trips 200 --rate 20",
        "  Ctrl-C stops everything.",
        "",
    ]
    print("\n".join(lines), flush=True)


def _watch(started: list[subprocess.Popen[bytes]]) -> int:
    while True:
        for process in started:
            if process.poll() is not None:
                print("A part of the demo ended by itself; the lines above say why.", file=sys.stderr)
                return 1
        time.sleep(0.5)


def _stop(started: list[subprocess.Popen[bytes]]) -> None:
    """The product first, so that its last calls still find Amazon's stand-in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + STOP_WITHIN
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
