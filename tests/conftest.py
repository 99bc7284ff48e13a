"""What every test may count on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from jwo_store.celery import app

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
"""Give what some work gives in so many threads that start together; the work is told its number."""


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


@pytest.fixture(scope="session", autouse=True)
def place_for_static_files() -> None:
    """Its absence is a warning for each client that a test makes."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing a password well takes longer than most tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def broker_down(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody listens where the broker should be."""
    with monkeypatch.context() as changed:
        changed.setenv("CELERY_BROKER_URL", "amqp://guest:guest@127.0.0.1:9//")
        app._after_fork()
        yield
    app._after_fork()
