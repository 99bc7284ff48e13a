"""Which other deals meet a promotion in a cart: they share products, stores and time with it; and what then happens.

A fixed number of queries, however many promotions there are: the products that this one means, and what of the others
holds in the same time and stores, are read once each and brought together here.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from jwo_store.access import EVERYWHERE, Stores
from pricing import weekly
from pricing.models import Promotion, PromotionKind
from pricing.targeted import ASKED_BY_KEY, Goods, products_meant

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Conflict:
    """One other deal, and what happens when a cart has products of both."""

    promotion: Promotion
    words: str
    shared: int
    """How many products are in both."""
    first: tuple[str, ...]
    """The names of the first few."""


@dataclass(frozen=True, slots=True)
class Conflicts:
    shown: tuple[Conflict, ...]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.shown)


class _Other(NamedTuple):
    pk: UUID
    code: str
    kind: str
    priority: int
    weekdays: Any
    from_time: Any
    until_time: Any


def conflicts(
    promotion: Promotion, stores: Collection[str], *, now: datetime, seen_in: Stores = EVERYWHERE
) -> Conflicts:
    """The deals that are live or scheduled and meet this one, which may be a draft or not stored at all.

    `stores` are its own, unless it is in all of them; only what is in stores of `seen_in` is told. Those that compete
    with it come first, by priority.
    """
    meant = products_meant(targets for _, targets in promotion.roles())
    goods = Goods(seen_in.see(meant, "stores").order_by("name", "pk"))
    around = seen_in.see(_same_time_and_place(promotion, stores, now), "stores")
    shared = goods.shared_with(around)
    met = [other for other in _others(promotion, around, shared) if _meets_in_the_week(promotion, other)]
    met.sort(key=lambda other: (not _compete(promotion, other), -other.priority, other.code))
    rows = Promotion.objects.prefetch_related("stores").in_bulk([other.pk for other in met[:SHOWN]])
    return Conflicts(
        tuple(
            Conflict(
                rows[other.pk],
                what_happens(promotion, rows[other.pk]),
                len(shared.get(other.pk, ())),
                goods.first(shared.get(other.pk, ())),
            )
            for other in met[:SHOWN]
            if other.pk in rows
        ),
        len(met),
    )


# --- The same time and place ---------------------------------------------------------------------------------------


def _same_time_and_place(promotion: Promotion, stores: Collection[str], now: datetime) -> QuerySet[Promotion]:
    start = max(promotion.starts_at or promotion.planned_start or now, now)
    others = Promotion.objects.filter(starts_at__isnull=False).overlapping(start, promotion.ends_at)
    others = others.exclude(pk=promotion.pk).exclude(code=promotion.code)
    if promotion.all_stores:
        return others
    here = Promotion.stores.through.objects.filter(store_id__in=list(stores)).values("promotion_id")
    return others.filter(Q(all_stores=True) | Q(pk__in=here))


def _others(promotion: Promotion, around: QuerySet[Promotion], shared: Mapping[UUID, Any]) -> Iterable[_Other]:
    """Of those around the ones that share products; and the basket offers, if this is one too."""
    if len(shared) <= ASKED_BY_KEY:
        rivals = Q(kind=PromotionKind.SPEND_GET) if _is_basket(promotion) else Q()
        around = around.filter(Q(pk__in=list(shared)) | rivals)
    columns = ("pk", *_Other._fields[1:])
    found = map(_Other._make, around.order_by().values_list(*columns))
    return (other for other in found if shared.get(other.pk) or _is_rival_basket(promotion, other))


def _meets_in_the_week(promotion: Promotion, other: _Other) -> bool:
    mine = _week(tuple(promotion.weekdays), promotion.from_time, promotion.until_time)
    return weekly.meet(mine, _week(tuple(other.weekdays), other.from_time, other.until_time))


@lru_cache(maxsize=1024)
def _week(weekdays: tuple[str, ...], from_time: Any, until_time: Any) -> tuple[weekly.Span, ...]:
    return tuple(weekly.spans(weekdays, from_time, until_time))


# --- What then happens ---------------------------------------------------------------------------------------------


def _is_basket(promotion: Promotion | _Other) -> bool:
    return promotion.kind == PromotionKind.SPEND_GET


def _compete(one: Promotion, other: Promotion | _Other) -> bool:
    return _is_basket(one) == _is_basket(other)


def _is_rival_basket(one: Promotion, other: _Other) -> bool:
    """Of two basket offers one counts a trip, whatever products they are about."""
    return _is_basket(one) and _is_basket(other)


def what_happens(this: Promotion, other: Promotion) -> str:
    """In a cart that has products of both (`pricing_rules`: unit deals, basket offers)."""
    if not _compete(this, other):
        return "Both count: the deal lowers prices first, then the basket offer looks at what is left to pay."
    first, last = ("this one", f"“{other.name}”") if this.priority > other.priority else (f"“{other.name}”", "this one")
    highest = max(this.priority, other.priority)
    if _is_basket(this):
        if this.priority == other.priority:
            return "Only one basket offer counts a trip: of these two the one that saves more."
        return f"Only one basket offer counts a trip: of these two {first}, whose priority is higher ({highest})."
    if this.priority == other.priority:
        return "Same priority: each cart gets the better of the two, and no piece is in both."
    return f"{first[0].upper()}{first[1:]} has the higher priority ({highest}) and chooses first; {last} gets the rest."
