"""`/healthz` and `/readyz`, as a balancer's probe sees them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jwo_store import health, readiness
from jwo_store.models import Heartbeat
from jwo_store.readiness import Reading

NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)
CATALOG = ["catalog changes", "oldest due upload", "notification queue"]
CHECKS = ["database", "migrations", "broker", *CATALOG, "oldest due purchase", "last sweep"]


def ready() -> tuple[int, dict[str, Any]]:
    response = Client().get("/readyz", HTTP_HOST="10.1.2.3")
    return response.status_code, json.loads(response.content)


@pytest.fixture
def swept(db: None) -> Iterator[None]:  # noqa: ARG001  opens the database
    Heartbeat.objects.create(name="sweep", at=NOW)
    with time_machine.travel(NOW + timedelta(seconds=3), tick=False):
        yield


class TestHealthz:
    def test_says_that_this_process_lives(self) -> None:
        """Without a database: the test has none."""
        response = Client().get("/healthz")
        assert (response.status_code, response.content) == (200, b"alive\n")
        assert response.headers["Content-Type"] == "text/plain"

    @pytest.mark.parametrize("host", ["10.1.2.3", "10.1.2.3:8000", "nobody-allowed.example", "bad host!", ""])
    def test_is_for_any_host(self, settings: LazySettings, host: str) -> None:
        settings.ALLOWED_HOSTS = ["office.example.com"]
        assert Client().get("/healthz", HTTP_HOST=host).status_code == 200

    def test_is_neither_redirected_nor_given_a_session(self, settings: LazySettings) -> None:
        settings.SECURE_SSL_REDIRECT = True
        response = Client().get("/healthz", HTTP_COOKIE="sessionid=x")
        assert (response.status_code, response.cookies) == (200, {})

    @pytest.mark.parametrize("path", ["/healthz/", "/HEALTHZ", "/healthz.html", "/admin/healthz"])
    @pytest.mark.django_db
    def test_is_one_address(self, path: str) -> None:
        assert Client().get(path).content != b"alive\n"


class TestReadyz:
    @pytest.mark.usefixtures("swept")
    def test_is_well_when_all_is_there(self) -> None:
        assert ready() == (
            200,
            {
                "ready": True,
                "degraded": [],
                "environment": "sandbox",
                "checks": {
                    "database": {"ok": True, "seen": "answers"},
                    "migrations": {"ok": True, "seen": "all applied"},
                    "broker": {"ok": True, "seen": "answers"},
                    "catalog changes": {"ok": True, "seen": "every change is noted"},
                    "oldest due upload": {"ok": True, "seen": "nothing is due"},
                    "notification queue": {"ok": True, "seen": "not set up: uploads are followed by asking"},
                    "oldest due purchase": {"ok": True, "seen": "nothing is due"},
                    "last sweep": {"ok": True, "seen": "3 s ago"},
                },
            },
        )

    @pytest.mark.django_db
    def test_is_degraded_before_the_first_sweep(self) -> None:
        """Carts are taken in all the same, so that a balancer need not pass this process by."""
        status, document = ready()
        assert (status, document["ready"], document["degraded"]) == (200, True, ["last sweep"])
        assert document["checks"]["last sweep"]["ok"] is False

    @pytest.mark.usefixtures("swept", "broker_down")
    def test_is_degraded_without_the_broker(self) -> None:
        status, document = ready()
        assert (status, document["ready"], document["degraded"]) == (200, True, ["broker"])
        assert document["checks"]["broker"] == {"ok": False, "seen": "OperationalError"}

    def test_is_not_well_without_the_database(self, settings: Any) -> None:
        """pytest-django lets no query through where a test asks for no database: to us it is broken."""
        settings.AMAZON_CATALOG_URL = "http://127.0.0.1:9"
        health._migrated = False
        status, document = ready()
        assert (status, document["ready"]) == (503, False)
        asked = ["catalog changes", "oldest due upload", "oldest due purchase", "last sweep"]
        assert document["degraded"] == ["database", "migrations", *asked]
        assert document["checks"]["database"]["seen"] == "RuntimeError"

    @pytest.mark.usefixtures("swept")
    def test_is_not_well_while_a_migration_is_missing(self) -> None:
        health._migrated = False
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'orders'")
        status, document = ready()
        assert status == 503
        assert document["checks"]["migrations"]["ok"] is False
        assert document["checks"]["migrations"]["seen"].endswith(" not applied: run manage.py migrate")

    @pytest.mark.usefixtures("swept")
    def test_asks_for_the_migrations_until_they_are_all_applied(self) -> None:
        health._migrated = False
        with CaptureQueriesContext(connection) as first:
            ready()
        with CaptureQueriesContext(connection) as second:
            ready()
        assert len(first) > len(second)
        assert not [query for query in second if "django_migrations" in query["sql"]]

    @pytest.mark.usefixtures("swept")
    def test_is_for_any_host_and_neither_redirected_nor_given_a_session(self, settings: LazySettings) -> None:
        settings.ALLOWED_HOSTS = ["office.example.com"]
        settings.SECURE_SSL_REDIRECT = True
        response = Client().get("/readyz", HTTP_HOST="bad host!")
        assert (response.status_code, response.cookies) == (200, {})

    def test_holds_the_checks_of_every_app(self) -> None:
        assert list(readiness._checks) == CHECKS
        assert readiness._vital == {"database", "migrations"}


@pytest.mark.django_db
def test_a_check_is_read_with_the_present_moment() -> None:
    readiness.register("clock", lambda now: Reading(well=False, seen=now.isoformat()))
    try:
        with time_machine.travel(NOW, tick=False):
            _, document = ready()
    finally:
        del readiness._checks["clock"]
    assert document["checks"]["clock"] == {"ok": False, "seen": "2026-03-14T19:06:30+00:00"}
