"""What every test may count on."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from jwo_store.celery import app


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
