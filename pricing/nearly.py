"""The promotions that somebody remembers who asks why a deal did not count: not in force when the cart was priced.

They are about products of the cart, and ended shortly before, began shortly after, or are for other stores only. They
are looked up when a page is opened, as they are recorded by then: a trip does not wait for it, and its trace tells of
what was in force alone.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import F, Q

from catalog.models import Product, Store
from jwo_store.access import EVERYWHERE, Stores
from pricing.explain import Explanation, explain, in_sentence
from pricing.models import Promotion
from pricing.targeted import Goods

NEAR = timedelta(days=14)
SHOWN = 5


def explain_all(trace: Any, store: Store, at: datetime, *, seen_in: Stores = EVERYWHERE) -> Explanation:
    """The trace of a cart priced for this moment in words, with those promotions of `seen_in`. Raises Unreadable."""
    explanation = explain(trace)
    skus = [line["sku"] for line in trace["lines"]]
    return replace(explanation, nearly=not_in_force(skus, store.pk, at, zone=store.zone, seen_in=seen_in))


def not_in_force(
    skus: Collection[str], store_id: str, at: datetime, *, zone: tzinfo, seen_in: Stores = EVERYWHERE
) -> tuple[str, ...]:
    """A sentence for each, the nearest in time first; moments are told on the clock of `zone`."""
    here = Q(all_stores=True) | Q(
        pk__in=Promotion.stores.through.objects.filter(store_id=store_id).values("promotion_id")
    )
    near = Q(ends_at__gt=at - NEAR, ends_at__lte=at) | Q(starts_at__gt=at, starts_at__lt=at + NEAR)
    holds = Promotion.objects.in_force(at)
    rows = Promotion.objects.filter(
        (here & near & (Q(ends_at=None) | Q(ends_at__gt=F("starts_at")))) | (~here & Q(pk__in=holds.values("pk")))
    ).exclude(code__in=holds.filter(here).values("code"))
    shared = Goods(Product.objects.filter(pk__in=skus)).shared_with(seen_in.see(rows, "stores"))
    found = Promotion.objects.filter(pk__in=[pk for pk, places in shared.items() if places])
    nearest: dict[str, Any] = {}
    for promotion in sorted(found, key=lambda one: (_distance(one, at), one.code)):
        nearest.setdefault(promotion.code, promotion)
    return tuple(_sentence(promotion, at, zone) for promotion in list(nearest.values())[:SHOWN])


def _distance(promotion: Any, at: datetime) -> timedelta:
    if promotion.starts_at > at:
        return promotion.starts_at - at  # type: ignore[no-any-return]
    return at - promotion.ends_at if promotion.ends_at and promotion.ends_at <= at else NEAR


def _sentence(promotion: Any, at: datetime, zone: tzinfo) -> str:
    named = f"“{promotion.name}” ({promotion.code})"
    if promotion.starts_at > at:
        return f"{named} had not begun: it starts on {in_sentence(promotion.starts_at.astimezone(zone))}."
    if promotion.ends_at and promotion.ends_at <= at:
        return f"{named} was over: it ended on {in_sentence(promotion.ends_at.astimezone(zone))}."
    return f"{named} is for other stores only."
