"""`manage.py catalogstatus`: how far Amazon's catalog is, store by store, and what became of the latest uploads."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalog import status


class Command(BaseCommand):
    help = "Say how many products of each store Amazon holds, refuses or waits for, and how the latest uploads went."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on one line")

    def handle(self, *, as_json: bool, **_options: Any) -> None:
        document = status.read()
        if as_json:
            self.stdout.write(json.dumps(document))
            return
        for store_id, counts in document["stores"].items():
            self.stdout.write(f"{store_id}: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
        for upload in document["uploads"]:
            self.stdout.write(
                f"{upload['kind']} {upload['id']} ({upload['store'] or 'all stores'}): {upload['status']}, "
                f"{upload['items']} items, {upload['refused']} refused {upload['problem']}"
            )
