from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from pricing.storefile.dump import KeepsChanging, UnknownStore, dump


class Command(BaseCommand):
    help = "Write the store file: stores, products, prices, promotions, fees and taxes, as loadstore takes them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--store", metavar="ID", help="only what concerns this store, to set it up by itself elsewhere"
        )
        parser.add_argument("--output", metavar="FILE", type=Path, help="write to this file instead of standard output")

    def handle(self, *, store: str | None, output: Path | None, **_: Any) -> None:
        try:
            text = dump(now=timezone.now(), store_id=store)
        except UnknownStore as error:
            raise CommandError(f"there is no store “{store}”") from error
        except KeepsChanging as error:
            raise CommandError("somebody else keeps changing prices and rules: try again") from error
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
