"""What every test may count on."""

import os
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from pytest_django.plugin import blocking_manager_key

from catalog.models import ChangedProduct
from jwo_store.celery import app

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
"""Give what some work gives in so many threads that start together; the work is told its number."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Where a test commits, all tables are emptied after it: on SQLite triggers note that of each product."""
    yield
    mark = item.get_closest_marker("django_db")
    if mark and mark.kwargs.get("transaction"):
        with item.config.stash[blocking_manager_key].unblock():
            ChangedProduct.objects.all().delete()


@pytest.fixture
def at_once() -> AtOnce:
    """Each thread has a connection of its own, so the test's data must be committed (`transaction=True`)."""

    def run(count: int, work: Callable[[int], Any]) -> list[Any]:
        start = threading.Barrier(count)

        def work_from_the_start(number: int) -> Any:
            start.wait()
            try:
                return work(number)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(work_from_the_start, range(count)))

    return run


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only servers have, without them; and with `DATABASE_TESTS_ONLY`, for a second run, the rest."""
    if os.environ.get("DATABASE_TESTS_ONLY"):
        kept = [item for item in items if _needs_servers(item)]
    elif not os.environ.get("DATABASE_URL"):
        kept = [item for item in items if item.get_closest_marker("servers") is None]
    else:
        return
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


SERVED = frozenset(
    {"db", "transactional_db", "django_db_setup", "ground", "house", "broker_down", "broker_that_refuses"}
)


def _needs_servers(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    in_journeys = "journeys" in item.path.parts
    return in_journeys or item.get_closest_marker("django_db") is not None or not SERVED.isdisjoint(fixtures)


@pytest.fixture(scope="session", autouse=True)
def place_for_static_files() -> None:
    """Its absence is a warning for each client that a test makes."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing a password well takes longer than most tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@contextmanager
def another_broker(url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("CELERY_BROKER_URL", url)
        app._after_fork()
        yield
    app._after_fork()


@pytest.fixture
def broker_down() -> Iterator[None]:
    """Nobody listens where the broker should be."""
    with another_broker("amqp://guest:guest@127.0.0.1:9//"):
        yield


@pytest.fixture
def broker_that_refuses() -> Iterator[None]:
    """A RabbitMQ that no longer knows our password: it greets, hears who we are, and closes with 403."""
    greeting = method(10, 10, b"\x00\x09" + bytes(4) + long_text(b"PLAIN AMQPLAIN") + long_text(b"en_US"))
    refusal = method(10, 50, struct.pack(">HB", 403, 14) + b"ACCESS_REFUSED" + bytes(4))

    class Broker(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(greeting)
            self.request.recv(4096)
            self.request.sendall(refusal)
            self.request.recv(4096)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Broker) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with another_broker(f"amqp://guest:old@127.0.0.1:{server.server_address[1]}//"):
            yield
        server.shutdown()


def method(class_id: int, method_id: int, arguments: bytes) -> bytes:
    """A frame of AMQP 0-9-1 on channel 0."""
    payload = struct.pack(">HH", class_id, method_id) + arguments
    return struct.pack(">BHL", 1, 0, len(payload)) + payload + b"\xce"


def long_text(text: bytes) -> bytes:
    return struct.pack(">L", len(text)) + text


@pytest.fixture(scope="session", autouse=True)
def _queue_of_this_run(worker_id: str) -> Iterator[None]:
    """A queue of our own at the broker: no other run, worker or product takes our messages or sends us theirs."""
    app.conf.task_default_queue = f"jwo_store_tests_{os.getpid()}_{worker_id}"
    yield
    with app.connection_for_write() as wire, suppress(Exception):
        wire.default_channel.queue_delete(app.conf.task_default_queue)
