"""Rows as tuples of their columns: what a model's rows consist of, and many of them read at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Model, QuerySet
from simple_history.utils import get_history_model_for_model

if TYPE_CHECKING:
    from django.db.models.options import Options

AT_ONCE = 500
"""Keys in one query."""

MOST_PASSED_OVER = 4
"""Reading so many rows for each one that is wanted still costs less than asking for keys."""

Row = tuple[Any, ...]


def meta(model: type[Model]) -> "Options[Any]":
    return model._meta


def rows_of(model: type[Model]) -> QuerySet[Any]:
    """All rows of a model, in no particular order."""
    return model._default_manager.order_by()  # noqa: SLF001  Django documents it for models known only at run time


def row_columns(model: type[Model]) -> tuple[str, ...]:
    """The names of a row's values, the key of a related row by itself: `product_id`."""
    return tuple(each.attname for each in meta(model).concrete_fields)


@dataclass(frozen=True, slots=True)
class Link:
    """The table behind a relation to many, and its two columns."""

    through: type[Model]
    owner: str
    related: str


@cache
def link(model: type[Model], name: str) -> Link:
    relation: Any = meta(model).get_field(name)
    return Link(
        relation.remote_field.through,
        f"{relation.m2m_field_name()}_id",
        f"{relation.m2m_reverse_field_name()}_id",
    )


def history_of(model: type[Model]) -> Any:
    """The table of a model's history."""
    return get_history_model_for_model(model)


def history_mark(models: Iterable[type[Model]]) -> tuple[Any, ...]:
    """Differs after every recorded change of these tables: how many, and when the last.

    The number is needed besides: of two changes the earlier may be committed last.
    """
    histories = [rows_of(history_of(model)) for model in models]
    return tuple((rows.count(), rows.aggregate(last=Max("history_date"))["last"]) for rows in histories)


def rows_with(model: type[Model], column: str, keys: Iterable[Any], columns: Sequence[str]) -> Iterator[Row]:
    """The rows with these keys, in no particular order: a few keys at a time, or all rows when most are wanted."""
    wanted = set(keys)
    rows, place = rows_of(model).values_list(*columns), columns.index(column)
    if len(wanted) > AT_ONCE and rows.count() < MOST_PASSED_OVER * len(wanted):
        yield from (row for row in rows.iterator(AT_ONCE) if row[place] in wanted)
        return
    pending = iter(wanted)
    while piece := list(islice(pending, AT_ONCE)):
        yield from rows.filter(**{f"{column}__in": piece})


def related(model: type[Model], name: str, owners: Iterable[Any]) -> dict[Any, frozenset[str]]:
    """The keys of the related rows, by owner."""
    through = link(model, name)
    found: dict[Any, set[str]] = defaultdict(set)
    for owner, key in rows_with(through.through, through.owner, owners, (through.owner, through.related)):
        found[owner].add(key)
    return {owner: frozenset(keys) for owner, keys in found.items()}
