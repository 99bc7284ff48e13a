"""`/healthz`: this process answers. `/readyz`: and all that it needs is there.

Both stand before every other middleware, so that a balancer's probe needs no allowed host, session or redirect.
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from jwo_store.celery import app as celery_app
from jwo_store.readiness import Reading, is_ready, readings, register

HTTP_NOT_READY = 503


class HealthMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return HttpResponse("alive\n", content_type="text/plain")
        if request.path == "/readyz":
            return readyz()
        return self.get_response(request)


def readyz() -> HttpResponse:
    seen = readings(timezone.now())
    ready = is_ready(seen)
    document = {
        "ready": ready,
        "degraded": [name for name, reading in seen.items() if not reading.well],
        "environment": settings.JWO_ENVIRONMENT,
        "checks": {name: {"ok": reading.well, "seen": reading.seen} for name, reading in seen.items()},
    }
    return JsonResponse(document, status=200 if ready else HTTP_NOT_READY, json_dumps_params={"indent": 2})


def database(_now: datetime) -> Reading:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Reading(well=True, seen="answers")


_migrated = False


def migrations(_now: datetime) -> Reading:
    """Looked up until they are all applied; from then on this process need not ask again."""
    global _migrated  # noqa: PLW0603  a process-wide memory is the point
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return Reading(well=False, seen=f"{len(missing)} not applied: run manage.py migrate")
        _migrated = True
    return Reading(well=True, seen="all applied")


def broker(_now: datetime) -> Reading:
    with celery_app.connection_for_write() as wire:
        wire.ensure_connection(max_retries=1, timeout=2)
    return Reading(well=True, seen="answers")


def register_own() -> None:
    register("database", database, vital=True)
    register("migrations", migrations, vital=True)
    register("broker", broker)


__all__ = ["HealthMiddleware", "register_own"]
