"""Many rows in one short transaction: everything is prepared before it begins.

History rows are written beside their rows, as a save would have done it, with one for the rows' relations to many.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from catalog.rows import Row, history_of, link, meta, row_columns

Many = tuple[frozenset[str], ...]

OF_A_RECORD = (
    "history_id",
    "history_date",
    "history_change_reason",
    "history_type",
    "history_user_id",
    "history_source",
)


class Added(NamedTuple):
    row: Row
    many: Many = ()


class Changed(NamedTuple):
    row: Row
    many: Many = ()
    before: Many | None = None
    """The relations to many as they were; None when only its dates change."""


@dataclass(slots=True)
class Changes:
    """What is to be done with the rows of one model; each row holds every column in the model's order."""

    added: list[Added] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


Plan = dict[type[Model], Changes]


@dataclass(frozen=True, slots=True)
class Why:
    """What the history says of a change: when, for what reason, and by whom (the key of a user), if by a person."""

    at: datetime
    reason: str
    by: Any = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows into a table; PostgreSQL takes them as one stream."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]

    def run(self, cursor: CursorWrapper) -> None:
        into = f"{quoted(self.table)} ({', '.join(map(quoted, self.columns))})"
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN") as stream:
                for row in self.rows:
                    stream.write_row(row)
        else:
            values = ", ".join(["%s"] * len(self.columns))
            cursor.executemany(f"INSERT INTO {into} VALUES ({values})", self.rows)  # noqa: S608  names from the models


@dataclass(frozen=True, slots=True)
class Each:
    """One statement for each row of parameters."""

    sql: str
    rows: Sequence[Row]

    def run(self, cursor: CursorWrapper) -> None:
        cursor.executemany(self.sql, self.rows)


Statement = Insert | Each


def prepare(plan: Plan, order: Iterable[type[Model]], why: Why) -> list[Statement]:
    """Every statement with its parameters as the database takes them; `order` names each model after those it needs."""
    statements: list[Statement] = []
    for model in order:
        if changes := plan.get(model):
            preparation = Preparation(model, changes, why)
            statements += [*preparation.rows(), *preparation.histories()]
    return [statement for statement in statements if statement.rows]


def lock(models: Iterable[type[Model]]) -> None:
    """Nobody else writes to these tables until the transaction ends; readers go on, and so do carts.

    On SQLite the transaction itself holds the only write lock.
    """
    if connection.vendor == "postgresql":
        tables = ", ".join(quoted(meta(model).db_table) for model in models)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")


def run(statements: Iterable[Statement]) -> int:
    """How many rows were written. Call it inside a transaction."""
    written = 0
    with connection.cursor() as cursor:
        for statement in statements:
            statement.run(cursor)
            written += len(statement.rows)
    return written


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


class Preparation:
    """The statements for the rows of one model, and for their history, as a save would have written it."""

    def __init__(self, model: type[Model], changes: Changes, why: Why, *, kept: Sequence[str] = ()) -> None:
        """`kept` are columns that no update writes."""
        self.model = model
        self.changes = changes
        self.columns = row_columns(model)
        self.table = meta(model).db_table
        self.many = tuple(relation.name for relation in meta(model).local_many_to_many)
        self.history = history_of(model)
        self.why = why
        self.kept = kept
        self.added = self._prepared([each.row for each in changes.added])
        self.changed = self._prepared([each.row for each in self._ends_first()])
        self.removed = self._prepared(changes.removed)

    def rows(self) -> Iterator[Statement]:
        """What is removed first, so that what is added may have its place."""
        gone = [row[:1] for row in self.removed]
        yield Each(f"DELETE FROM {quoted(self.table)} WHERE {quoted(self._key)} = %s", gone)  # noqa: S608  names from the models
        yield self._update()
        yield Insert(self.table, self.columns, self.added)
        for place, name in enumerate(self.many):
            yield from self._relate(place, name)

    def histories(self) -> Iterator[Statement]:
        yield from self._histories(self.added, "+", [each.many for each in self.changes.added])
        yield from self._histories(self.changed, "~", [each.many for each in self._ends_first()])
        yield from self._histories(self.removed, "-", [])

    @property
    def _key(self) -> str:
        return self.columns[0]

    def _ends_first(self) -> list[Changed]:
        """Rows that get an end come before those that lose theirs: one code has one open version at any moment."""
        if "ends_at" not in self.columns:
            return self.changes.changed
        place = self.columns.index("ends_at")
        return sorted(self.changes.changed, key=lambda each: each.row[place] is None)

    def _prepared(self, rows: Sequence[Row]) -> list[Row]:
        return prepared(self.model, self.columns, rows)

    def _update(self) -> Each:
        places = [place for place, column in enumerate(self.columns) if place and column not in self.kept]
        changes = ", ".join(f"{quoted(self.columns[place])} = %s" for place in places)
        sql = f"UPDATE {quoted(self.table)} SET {changes} WHERE {quoted(self._key)} = %s"  # noqa: S608  names from the models
        return Each(sql, [(*(row[place] for place in places), row[0]) for row in self.changed])

    def _relate(self, place: int, name: str) -> Iterator[Statement]:
        through = link(self.model, name)
        table, columns = meta(through.through).db_table, (through.owner, through.related)
        rewritten = [each for each in self.changes.changed if each.before is not None]
        gone = [
            (each.row[0], key) for each in rewritten for key in sorted((each.before or ())[place] - each.many[place])
        ]
        come = [(each.row[0], key) for each in self.changes.added for key in sorted(each.many[place])]
        come += [
            (each.row[0], key) for each in rewritten for key in sorted(each.many[place] - (each.before or ())[place])
        ]
        where = f"{quoted(through.owner)} = %s AND {quoted(through.related)} = %s"
        yield Each(f"DELETE FROM {quoted(table)} WHERE {where}", prepared(through.through, columns, gone))  # noqa: S608  names from the models
        yield Insert(table, columns, prepared(through.through, columns, come))

    def _histories(self, rows: Sequence[Row], kind: str, many: Sequence[Many]) -> Iterator[Statement]:
        """Of these rows, which are prepared."""
        tracked = [column.attname for column in self.history.tracked_fields]
        places = [self.columns.index(column) for column in tracked]
        own = OF_A_RECORD
        ids = prepared(self.history, ("history_id",), [(uuid4(),) for _ in rows])
        ((at,),) = prepared(self.history, ("history_date",), [(self.why.at,)])
        written = [
            (*(row[place] for place in places), history_id, at, self.why.reason, kind, self.why.by, self.why.source)
            for row, (history_id,) in zip(rows, ids, strict=True)
        ]
        yield Insert(meta(self.history).db_table, (*tracked, *own), written)
        for place, name in enumerate(self.many):
            pairs = [
                (history_id, row[0], key)
                for row, (history_id,), owned in zip(rows, ids, many, strict=False)
                for key in sorted(owned[place])
            ]
            yield self._related_history(name, pairs)

    def _related_history(self, name: str, pairs: Sequence[Row]) -> Each:
        """The relation to many as part of a history row: each carries the number of the related row itself."""
        through = link(self.model, name)
        history: type[Model] = getattr(self.history, name).model
        copied = ", ".join(map(quoted, ("id", through.owner, through.related)))
        sql = (
            f"INSERT INTO {quoted(meta(history).db_table)} (m2m_history_id, history_id, {copied}) "  # noqa: S608  names from the models
            f"SELECT %s, %s, {copied} FROM {quoted(meta(through.through).db_table)} "
            f"WHERE {quoted(through.owner)} = %s AND {quoted(through.related)} = %s"
        )
        ids = prepared(history, ("m2m_history_id",), [(uuid4(),) for _ in pairs])
        return Each(sql, [(*own_id, *pair) for own_id, pair in zip(ids, pairs, strict=True)])


def prepared(model: type[Model], columns: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The rows as the database takes them."""
    if not rows:
        return []
    fields = {each.attname: each for each in meta(model).concrete_fields}
    database = connections[DEFAULT_DB_ALIAS]
    by_column = (
        [fields[column].get_db_prep_save(value, database) for value in values]
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    )
    return list(zip(*by_column, strict=True))
