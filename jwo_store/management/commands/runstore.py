import fcntl
import os
import socket
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from jwo_store.checks import refuse_unsafe_start
from jwo_store.garbage import collect_seldom

LOCK_PATIENCE = 5.0
"""Seconds: a child may outlive its killed master for a moment."""


class Command(BaseCommand):
    help = "Runs the whole product in one process: web, worker and periodic jobs. No other server is needed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1")

    def handle(self, *args: Any, port: int, host: str, **options: Any) -> None:  # noqa: ARG002  Django's signature
        if not settings.EMBEDDED:
            raise CommandError(
                "runstore is for the embedded product. With DATABASE_URL or CELERY_BROKER_URL set, run gunicorn, "
                "celery worker and celery beat (see docs/production.md)."
            )
        refuse_unsafe_start()
        lock = only_copy(settings.DATA_DIR)
        check_port(host, port)
        check_migrations()
        from jwo_store.embedded import EmbeddedStore  # noqa: PLC0415  gunicorn's import sets up signal handling

        with lock:
            store = EmbeddedStore(get_wsgi_application(), host=host, port=port)
            collect_seldom()
            store.run()


def only_copy(folder: Path) -> IO[str]:
    """The lock of the one running copy; it goes with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "runstore.lock").open("a+")
    until = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                lock.seek(0)
                raise CommandError(
                    f"Another copy is running on this data (process {lock.read().strip() or 'unknown'}). Stop it first."
                ) from None
            time.sleep(0.1)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return lock


def check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another one with --port."
            ) from None


def check_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run manage.py migrate first.")
