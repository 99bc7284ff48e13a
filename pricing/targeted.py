"""Which products are meant: a targets object of the store file (`pricing.models.target_keys`) as a question."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from catalog.models import Product

NOBODY = Q(pk__in=())
BETWEEN = " > "


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
