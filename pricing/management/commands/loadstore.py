from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone

from pricing.storefile.faults import Faulty
from pricing.storefile.load import REASON, load


class Command(BaseCommand):
    help = "Load a store file: stores, products, prices, promotions, fees and taxes. All of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a store file (JSON)")
        parser.add_argument("--dry-run", action="store_true", help="show the difference and write nothing")
        parser.add_argument("--reason", metavar="TEXT", default=REASON, help="why, for the history of every row")

    def handle(self, *, file: Path, dry_run: bool, reason: str, **_: Any) -> None:
        try:
            loaded = load(file.read_bytes(), clock=timezone.now, reason=reason, dry_run=dry_run)
        except OSError as error:
            self._fail(f"{file}: {error.strerror}")
        except Faulty as faulty:
            unlisted = faulty.total - len(faulty.faults)
            more = [f"... and {unlisted:,} more"] if unlisted else []
            self._fail(*map(str, faulty.faults), *more)
        for line in loaded.difference.describe():
            self.stdout.write(line)
        self.stdout.write("")
        self.stdout.write(_outcome(loaded.rows, dry_run=dry_run))

    def _fail(self, *lines: str) -> NoReturn:
        for line in lines:
            self.stderr.write(line)
        raise SystemExit(1)


def _outcome(rows: int, *, dry_run: bool) -> str:
    if dry_run:
        return "This was a dry run: nothing was written."
    return "Loaded." if rows else "Nothing to write: the database says all of this already."
