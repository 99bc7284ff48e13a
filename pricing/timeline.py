"""What a product costs over time: which of its prices wins at each moment, in one store.

The rule is that by which carts are priced (pricing rules, section 2): a store's own price beats one for all stores,
then a temporary one beats a regular one, then the latest start wins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from catalog.models import Product, Store
from pricing.models import DatedQuerySet, Price

LOOKS_BACK = timedelta(days=366)
MOST_PRICES = 500


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another the same price wins; None where there is no price. An open end is None."""

    starts_at: datetime
    ends_at: datetime | None
    price: Price | None
    covered: tuple[Price, ...] = ()
    """Those in force at some time in it that it beats, the strongest first."""

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Timeline:
    since: datetime
    """From when on it tells."""
    prices: tuple[Price, ...]
    spans: tuple[Span, ...]
    whole: bool = True
    """Whether all prices were looked at; there are no spans when they were too many."""


def strength(price: Price) -> tuple[bool, bool, datetime]:
    """Of the prices in force the one with the greatest strength counts."""
    return price.store_id is not None, price.temporary, price.starts_at


def timeline(product: Product, store: Store | None, *, now: datetime) -> Timeline:
    """A year back, and all that is planned; for no store, what holds where a store has no price of its own."""
    since = now - LOOKS_BACK
    rows = prices_of(product, store).overlapping(since, None).order_by("-starts_at")
    prices: tuple[Price, ...] = tuple(rows[: MOST_PRICES + 1])
    if len(prices) > MOST_PRICES:
        return Timeline(since, (), (), whole=False)
    return Timeline(since, prices, tuple(spans(prices, since=since)))


def price_at(product: Product, store: Store | None, *, at: datetime) -> Price | None:
    """The price that wins at the moment, whatever lies in between."""
    return strongest(prices_of(product, store).in_force(at))


def prices_of(product: Product, store: Store | None) -> DatedQuerySet:
    rows = Price.objects.filter(product=product).select_related("store", "product")
    return rows.filter(Q(store__isnull=True) | Q(store=store)) if store else rows.filter(store__isnull=True)


def strongest(prices: Iterable[Price]) -> Price | None:
    return max(prices, key=strength, default=None)


def spans(prices: Sequence[Price], *, since: datetime) -> list[Span]:
    """What wins from `since` on without end; where nothing was before the first price, it begins with that."""
    edges = {edge for price in prices for edge in (price.starts_at, price.ends_at) if edge and edge > since}
    cuts = [since, *sorted(edges)]
    found: list[Span] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        _go_on(found, _span(prices, start, end))
    return found[1:] if found[0].price is None else found


def _span(prices: Sequence[Price], start: datetime, end: datetime | None) -> Span:
    held = [one for one in prices if one.starts_at <= start and (one.ends_at is None or start < one.ends_at)]
    ranked = sorted(held, key=strength, reverse=True)
    return Span(start, end, ranked[0] if ranked else None, tuple(ranked[1:]))


def _go_on(found: list[Span], following: Span) -> None:
    """The next span, or more of the last one when the same price wins."""
    last = found[-1] if found else None
    if last is None or last.price != following.price:
        found.append(following)
        return
    covered: dict[Any, Price] = {price.pk: price for price in (*last.covered, *following.covered)}
    ranked = sorted(covered.values(), key=strength, reverse=True)
    found[-1] = replace(last, ends_at=following.ends_at, covered=tuple(ranked))
