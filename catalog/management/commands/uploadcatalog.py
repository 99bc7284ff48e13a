"""`manage.py uploadcatalog`: work out what Amazon must hear of and write it down as uploads; a worker sends them."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from catalog import runs
from catalog.models import CatalogRun, Store

WAIT = 600.0
"""Seconds for which another preparation is waited for."""


class Command(BaseCommand):
    help = "Make uploads of what has changed since Amazon last took it; the worker sends them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", metavar="ID", help="only this store")
        parser.add_argument("--all", action="store_true", dest="everything", help="everything, not only what changed")

    def handle(self, *, store: str | None, everything: bool, **_options: Any) -> None:
        found = Store.objects.filter(store_id=store).first() if store else None
        if store and found is None:
            raise CommandError(f"There is no store {store}.")
        try:
            run = runs.request(store=found, everything=everything, by=None, now=timezone.now())
        except runs.NotConnected as reason:
            raise CommandError(str(reason)) from None
        self._prepare(run)
        run.refresh_from_db()
        self.stdout.write(f"{run.upload_count} uploads with {run.item_count} items are to be sent by the worker.")

    def _prepare(self, run: CatalogRun) -> None:
        until = time.monotonic() + WAIT
        while CatalogRun.objects.filter(pk=run.pk, finished_at__isnull=True).exists():
            if runs.prepare(run.pk, clock=timezone.now):
                continue
            if time.monotonic() > until:
                raise CommandError("Another preparation is still running. A worker prepares this one after it.")
            time.sleep(0.2)
