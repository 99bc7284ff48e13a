"""Turns of prices today and tomorrow: what a product cost before, and what it costs from then on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from pricing.models import DatedQuerySet, Price
from pricing.timeline import strongest

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """At the moment another price wins, in one store or where stores have none of their own; None is no price."""

    at: datetime
    cause: Price
    """The price that starts or ends then."""
    before: Price | None
    after: Price | None


def two_days(now: datetime) -> tuple[datetime, datetime]:
    """From the start of today to the end of tomorrow, on the admin's clock."""
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, timezone.make_aware((start + timedelta(days=2)).replace(tzinfo=None))


def that_turn(rows: DatedQuerySet, now: datetime) -> DatedQuerySet:
    """Rows that start or end in those two days; `prices_by_start` and `prices_by_end` serve it for prices."""
    first, last = two_days(now)
    starts = Q(starts_at__gte=first, starts_at__lt=last)
    return rows.filter(starts | Q(ends_at__gte=first, ends_at__lt=last))


def turns(rows: DatedQuerySet, now: datetime, *, most: int) -> list[Turn]:
    """Those of these prices: what is to come first, the next one first; then what is done, the last one first.

    Five queries, whatever there is.
    """
    edges = _edges(rows, now, 2 * most)  # most turns are two of them: one price ends as another starts
    prices = _around(edges)
    found = [turn for turn in (_turn(at, price, prices) for at, price in edges) if turn.before != turn.after]
    once = {(turn.at, turn.cause.product_id, turn.cause.store_id): turn for turn in found}
    return list(once.values())[:most]


Edge = tuple[datetime, Price]


def _edges(rows: DatedQuerySet, now: datetime, most: int) -> list[Edge]:
    first, last = two_days(now)
    coming = sorted(_of(rows, now, last, most, newest=False), key=lambda edge: edge[0])
    done = sorted(_of(rows, first, now, most, newest=True), key=lambda edge: edge[0], reverse=True)
    return [*coming, *done][:most]


def _of(rows: DatedQuerySet, first: datetime, last: datetime, most: int, *, newest: bool) -> Iterator[Edge]:
    for name in ("starts_at", "ends_at"):
        within = rows.filter(**{f"{name}__gte": first, f"{name}__lt": last})
        for price in within.select_related("product", "store").order_by(f"-{name}" if newest else name)[:most]:
            yield getattr(price, name), price


def _around(edges: Sequence[Edge]) -> list[Price]:
    """All prices of these products that hold right before one of these moments, or from it on."""
    if not edges:
        return []
    moments = [at for at, _ in edges]
    of_products = Price.objects.filter(product__in={price.product_id for _, price in edges})
    held = of_products.overlapping(min(moments) - INSTANT, max(moments) + INSTANT)
    return list(held.select_related("product", "store"))


def _turn(at: datetime, cause: Price, prices: Iterable[Price]) -> Turn:
    rivals = [price for price in prices if _competes(price, cause)]
    return Turn(at, cause, before=_winner(rivals, at - INSTANT), after=_winner(rivals, at))


def _competes(price: Price, cause: Price) -> bool:
    return price.product_id == cause.product_id and price.store_id in {None, cause.store_id}


def _winner(prices: Iterable[Price], at: datetime) -> Price | None:
    return strongest(price for price in prices if price.was_in_force(at) and not price.is_over(at))
