"""The records of several histories as one, newest first: a page of them, from a place onwards.

A page asks each table for its newest records before that place, by the index on their time, and merges what it got: it
costs the same wherever it is, and however many records there are.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from jwo_store.access import EVERYWHERE, Stores
from jwo_store.history import NEWEST_FIRST
from jwo_store.telling import Branch, Entry, Kind, tell

PAGE = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Between a record and the next older one."""

    at: datetime
    key: UUID

    @property
    def text(self) -> str:
        """For an address; `read` reads it."""
        return f"{self.at.isoformat()}|{self.key}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None for anything that is no place."""
        moment, _, key = text.partition("|")
        try:
            at, row = parse_datetime(moment), UUID(key)
        except ValueError:
            return None
        return cls(at, row) if at is not None and at.tzinfo is not None else None

    def older(self) -> Q:
        return Q(history_date__lte=self.at) & (Q(history_date__lt=self.at) | Q(history_id__lt=self.key))


@dataclass(frozen=True, slots=True)
class Page:
    entries: Sequence[Entry]
    older: Place | None
    """Where the next page begins, if there is one."""


def read(
    branches: Iterable[Branch], *, since: Place | None = None, most: int = PAGE, seen_in: Stores = EVERYWHERE
) -> Page:
    """At most so many records of these, older than the place, in words; stores are named that the reader sees."""
    found = heapq.merge(*(_keys(branch, since, most + 1) for branch in branches), reverse=True, key=_order)
    keys = [key for key, _ in zip(found, range(most + 1), strict=False)]
    shown = keys[:most]
    older = Place(shown[-1][0], shown[-1][1]) if len(keys) > most else None
    return Page(list(_told(shown, seen_in)), older)


Key = tuple[datetime, UUID, Kind]


def _order(key: Key) -> tuple[datetime, UUID]:
    return key[:2]


def _keys(branch: Branch, since: Place | None, most: int) -> list[Key]:
    kind, which = branch
    records = kind.history.objects.filter(which & since.older() if since else which)
    pairs = records.order_by(*NEWEST_FIRST).values_list("history_date", "history_id")[:most]
    return [(at, key, kind) for at, key in pairs]


def _told(keys: Sequence[Key], seen_in: Stores) -> Iterator[Entry]:
    """The entries of these records, in the order of the keys."""
    by_kind: dict[Kind, list[UUID]] = defaultdict(list)
    for _, key, kind in keys:
        by_kind[kind].append(key)
    entries: dict[Any, Entry] = {}
    for kind, own in by_kind.items():
        records = kind.history.objects.select_related("history_user").filter(history_id__in=own)
        entries |= {
            entry.record.history_id: entry for entry in tell(kind, list(records.order_by(*NEWEST_FIRST)), seen_in)
        }
    yield from (entries[key] for _, key, _ in keys if key in entries)
