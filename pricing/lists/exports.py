"""Prices as a list in a file: what holds now and what is planned."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet

from catalog.lists.exports import File, Format, file
from pricing.lists.entries import ALL_STORES, PRICES, REGULAR, TEMPORARY
from pricing.models import Price

logger = logging.getLogger(__name__)

TITLE = "Prices"
ORDER = ("product_id", F("store_id").asc(nulls_first=True), "starts_at")


def download(prices: QuerySet[Price], wanted: Format, *, by: str, zone: ZoneInfo, now: datetime) -> File:
    """Those of these prices that are not over; moments on each store's clock, and on `zone` for all stores."""
    rows = [tuple(PRICES.columns), *_rows(prices, zone, now)]
    logger.info("%s downloaded a price list: %s prices", by, len(rows) - 1)
    return file(f"prices-{now.astimezone(zone):%Y-%m-%d}", rows, wanted, title=TITLE)


def empty(wanted: Format) -> File:
    """A list to be filled in."""
    return file("prices", [tuple(PRICES.columns)], wanted, title=TITLE)


def _rows(prices: QuerySet[Price], zone: ZoneInfo, now: datetime) -> Iterator[Sequence[str]]:
    chosen = Price.objects.overlapping(now, None).filter(pk__in=prices.order_by().values("pk"))
    for price in chosen.select_related("product", "store").order_by(*ORDER):
        clock = price.store.zone if price.store else zone
        yield (
            price.product_id,
            price.product.name,
            price.store_id or ALL_STORES,
            f"{price.amount:.2f}",
            TEMPORARY if price.temporary else REGULAR,
            _written(price.starts_at, clock),
            _written(price.ends_at, clock),
        )


def _written(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
