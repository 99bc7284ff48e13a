"""Which products a promotion means, and which promotions mean some of given products.

What a promotion means is a targets object of the store file (`pricing.models.target_keys`), here as a question.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import reduce
from heapq import nsmallest
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from catalog.models import Product
from pricing.models import ALL_PRODUCTS, Promotion, PromotionTarget, category_keys, sku_key

NOBODY = Q(pk__in=())
BETWEEN = " > "
NAMED = 3
ASKED_BY_KEY = 400
"""Up to how many keys the database is given; with more, reading all rows is quicker."""


def products_meant(sets: Iterable[Mapping[str, Any] | None]) -> QuerySet[Product]:
    """The products that at least one of these sets means; an empty set means none."""
    return Product.objects.filter(reduce(or_, (_meant(targets) for targets in sets if targets), NOBODY))


def _meant(targets: Mapping[str, Any]) -> Q:
    if targets.get("all"):
        named = ~NOBODY
    else:
        named = Q(pk__in=targets.get("skus", ()))
        for category in targets.get("categories", ()):
            named |= reduce(or_, _readings(category))
    excepted = targets.get("except_skus")
    return named & ~Q(pk__in=excepted) if excepted else named


def _readings(name: str) -> Iterator[Q]:
    """A name may be a category, or a category and a subcategory, wherever they meet."""
    yield Q(category=name)
    place = name.find(BETWEEN)
    while place != -1:
        yield Q(category=name[:place], subcategory=name[place + len(BETWEEN) :])
        place = name.find(BETWEEN, place + 1)


# --- The same products ---------------------------------------------------------------------------------------------


class Goods:
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
