"""Which other deals meet a promotion in a cart: they share products, stores and time with it; and what then happens.

A fixed number of queries, however many promotions there are: the products that this one means, and what of the others
holds in the same time and stores, are read once each and brought together here.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from heapq import nsmallest
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from jwo_store.access import EVERYWHERE, Stores
from pricing import weekly
from pricing.models import ALL_PRODUCTS, Promotion, PromotionKind, PromotionTarget, category_keys, sku_key
from pricing.targeted import products_meant

SHOWN = 5
NAMED = 3
ASKED_BY_KEY = 400
"""Up to how many keys the database is given; with more, reading all rows is quicker."""


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
    goods = _Goods(seen_in.see(meant, "stores").order_by("name", "pk"))
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


# --- The same products ---------------------------------------------------------------------------------------------


class _Goods:
    """The products that a promotion means, in order, and their places behind each key by which others name them."""

    def __init__(self, products: QuerySet[Any]) -> None:
        self.names: list[str] = []
        self.behind: dict[str, set[int]] = {}
        for place, (sku, name, *category) in enumerate(products.values_list("pk", "name", "category", "subcategory")):
            self.names.append(name)
            for key in (ALL_PRODUCTS, sku_key(sku), *category_keys(*category)):
                self.behind.setdefault(key, set()).add(place)

    def shared_with(self, promotions: QuerySet[Promotion]) -> Mapping[UUID, frozenset[int]]:
        """The places of the products that each of these means too."""
        rows = PromotionTarget.objects.filter(promotion__in=promotions.values("pk"))
        if len(self.behind) <= ASKED_BY_KEY:
            rows = rows.filter(key__in=list(self.behind))
        said: dict[UUID, list[tuple[int, str, bool]]] = {}
        for promotion, role, key, excluded in rows.order_by().values_list("promotion_id", "role", "key", "excluded"):
            if key in self.behind:
                said.setdefault(promotion, []).append((role, key, excluded))
        alike: dict[tuple[tuple[int, str, bool], ...], frozenset[int]] = {}
        shared = {}
        for promotion, targets in said.items():
            same = tuple(sorted(targets))
            if same not in alike:
                alike[same] = self._meant(same)
            shared[promotion] = alike[same]
        return shared

    def _meant(self, targets: Iterable[tuple[int, str, bool]]) -> frozenset[int]:
        named: dict[int, set[int]] = {}
        excepted: dict[int, set[int]] = {}
        for role, key, excluded in targets:
            (excepted if excluded else named).setdefault(role, set()).update(self.behind[key])
        return frozenset().union(*(places - excepted.get(role, set()) for role, places in named.items()))

    def first(self, places: Collection[int]) -> tuple[str, ...]:
        return tuple(self.names[place] for place in nsmallest(NAMED, places))


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
