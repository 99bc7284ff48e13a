import sys
from argparse import ArgumentParser
from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand

from orders.models import Purchase
from orders.proof import differences

ROWS = 200
"""Purchases that are held in memory at once."""


class Command(BaseCommand):
    help = (
        "Computes the amounts of stored purchases again, each from its trace alone, and names those that differ from "
        "what was kept or sent. Changes nothing. Exit status 0: all are proven; 1: some differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=date.fromisoformat, help="only those received since this day (UTC)")

    def handle(self, *args: Any, since: date | None, **options: Any) -> None:  # noqa: ARG002  Django's
        priced = Purchase.objects.exclude(trace="").order_by("pk").defer("raw")
        if since:
            priced = priced.filter(received_at__gte=datetime.combine(since, time(), UTC))
        proven = differing = 0
        for purchase in priced.iterator(chunk_size=ROWS):
            found = differences(purchase)
            proven, differing = proven + (not found), differing + bool(found)
            for difference in found:
                self.stdout.write(f"{purchase.purchase_id}: {difference}")
        self.stdout.write(f"{proven:,} proven, {differing:,} differ.")
        if differing:
            sys.exit(1)
