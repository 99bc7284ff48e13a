"""What stands in the product's database, read beside the product: plain SQL over a connection of our own."""

import hashlib
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from tests.journeys.processes import until

LOCK_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Purchase:
    """A row of the product; amounts in the store's currency, `body` the SHA-256 of what goes to Amazon."""

    trip_id: str
    purchase_id: str
    answer: str
    status: str
    order_id: str | None
    sub_total: Decimal | None
    promotions_total: Decimal | None
    sales_tax_total: Decimal | None
    price_total: Decimal | None
    body: str | None
    tries: int
    possibly_charged: bool
    refusal: str
    closed_reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to Amazon as the product saw it; `seconds` is None, `outcome` empty, while it runs or was cut short."""

    status: int | None
    outcome: str
    error: str
    words: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Alarm:
    kind: str
    subject: str
    text: str
    times: int


PURCHASES = """
    SELECT trip_id, purchase_id, answer, status, order_id, sub_total, promotions_total, sales_tax_total, price_total,
           body, tries, possibly_charged, refusal, closed_reason
    FROM orders_purchase
"""
ATTEMPTS = """
    SELECT a.status, a.outcome, a.error, a.words, a.seconds
    FROM orders_checkoutattempt a JOIN orders_purchase p ON p.id = a.purchase_id
    WHERE p.trip_id = ? ORDER BY a.number
"""
CUT_SHORT = """
    SELECT p.trip_id FROM orders_checkoutattempt a JOIN orders_purchase p ON p.id = a.purchase_id WHERE a.outcome = ''
"""


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
COUNT = "SELECT count(*) FROM journeys_endless"
SLEEP = """
    CREATE OR REPLACE FUNCTION journeys_sleep() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END'
"""
HANG_UP_ON_SLEEPERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'
"""
"""Whose caller is dead: the server itself would not notice before they wake."""

HANG_UP_ON_BLOCKED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Records(ABC):
    """Reads, and now and then does what an operator does by hand. Question marks in the SQL stand for the values."""

    @abstractmethod
    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def change(self, sql: str, *values: object) -> int:
        """How many rows it changed."""

    def locked(self, trip_ids: Sequence[str]) -> AbstractContextManager[None]:
        """Nobody else can write these purchases, as long as this lasts."""
        return self.rows_locked("orders_purchase", "trip_id", trip_ids)

    def calls_locked(self, upload_id: int) -> AbstractContextManager[None]:
        """Nobody else can write down how a call for this upload ended, as long as this lasts."""
        return self.rows_locked("catalog_uploadcall", "upload_id", [upload_id])

    @abstractmethod
    @contextmanager
    def rows_locked(self, table: str, column: str, values: Sequence[object]) -> Iterator[None]:
        """Nobody else can write the rows with these values, as long as this lasts."""
        yield

    @abstractmethod
    @contextmanager
    def barred(self, event: str, when: str) -> Iterator[None]:
        """Whoever begins this (`INSERT ON table`, where something holds of NEW) never comes to its end.

        He is to be killed as long as this lasts.
        """
        yield

    @abstractmethod
    def wait_for_blocked(self, count: int) -> None:
        """Until so many writers wait for a lock."""

    @abstractmethod
    def forget_blocked(self) -> None:
        """What writers that are dead by now were waiting to write is never written."""

    def purchases(self) -> dict[str, Purchase]:
        """All purchases by their trip."""
        return {row.trip_id: row for row in map(_purchase, self.rows(PURCHASES))}

    def purchase(self, trip_id: str) -> Purchase:
        (row,) = self.rows(f"{PURCHASES} WHERE trip_id = ?", trip_id)
        return _purchase(row)

    def wait_for(self, trip_id: str, status: str, within: float) -> Purchase:
        """The purchase of this trip, as soon as it has this status."""
        until(
            lambda: self.purchase(trip_id).status == status,
            within,
            f"{trip_id} is {status}",
            seen=lambda: (self.purchase(trip_id), self.attempts(trip_id)),
        )
        return self.purchase(trip_id)

    def attempts(self, trip_id: str) -> list[Attempt]:
        return [Attempt(*row) for row in self.rows(ATTEMPTS, trip_id)]

    def cut_short(self) -> set[str]:
        """The trips with a try that has no outcome: while nothing runs, those whose try died with its process."""
        return {trip_id for (trip_id,) in self.rows(CUT_SHORT)}

    def alarms(self, kind: str) -> list[Alarm]:
        """The open alarms of this kind."""
        sql = "SELECT kind, subject, text, times FROM jwo_store_alarm WHERE kind = ? AND acknowledged_at IS NULL"
        return [Alarm(*row) for row in self.rows(sql, kind)]

    def hold(self, store_id: str, *, on_hold: bool) -> None:
        assert self.change("UPDATE catalog_store SET on_hold = ? WHERE store_id = ?", on_hold, store_id) == 1


def _purchase(row: tuple[Any, ...]) -> Purchase:
    (trip_id, purchase_id, answer, status, order_id, *amounts, body, tries, possibly_charged, refusal, closed) = row
    sub, promotions, tax, total = (None if cents is None else Decimal(cents).scaleb(-2) for cents in amounts)
    sha256 = None if body is None else hashlib.sha256(body).hexdigest()
    return Purchase(
        trip_id,
        purchase_id,
        answer,
        status,
        order_id,
        sub,
        promotions,
        tax,
        total,
        sha256,
        tries,
        bool(possibly_charged),
        refusal,
        closed,
    )


class SqliteRecords(Records):
    def __init__(self, path: Path) -> None:
        self._path = path

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=LOCK_WITHIN, isolation_level=None)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(self._connected()) as connection:
            return connection.execute(sql, values).fetchall()

    def change(self, sql: str, *values: object) -> int:
        with closing(self._connected()) as connection:
            return connection.execute(sql, values).rowcount

    @contextmanager
    def rows_locked(self, table: str, column: str, values: Sequence[object]) -> Iterator[None]:  # noqa: ARG002  SQLite knows one lock for all
        with closing(self._connected()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    @contextmanager
    def barred(self, event: str, when: str) -> Iterator[None]:
        """SQLite cannot sleep: it counts."""
        self.change(f"CREATE VIEW journeys_endless AS {ENDLESS}")
        self.change(f"CREATE TRIGGER journeys_bar BEFORE {event} WHEN {when} BEGIN {COUNT}; END")
        try:
            yield
        finally:
            self.change("DROP TRIGGER journeys_bar")
            self.change("DROP VIEW journeys_endless")

    def wait_for_blocked(self, count: int) -> None:  # noqa: ARG002  SQLite's writers poll, and nobody can see them
        time.sleep(0.05)

    def forget_blocked(self) -> None:
        """Who is dead writes nothing."""


class PostgresRecords(Records):
    def __init__(self, url: str) -> None:
        self._url = url

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, autocommit=True)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(_postgres(sql), values).fetchall()

    def change(self, sql: str, *values: object) -> int:
        with self._connected() as connection:
            return connection.execute(_postgres(sql), values).rowcount

    @contextmanager
    def rows_locked(self, table: str, column: str, values: Sequence[object]) -> Iterator[None]:
        lock = f"SELECT id FROM {table} WHERE {column} = ANY(%s) FOR UPDATE".encode()  # noqa: S608  names of ours
        with self._connected() as connection, connection.transaction():
            connection.execute(lock, (list(values),))
            yield

    @contextmanager
    def barred(self, event: str, when: str) -> Iterator[None]:
        self.change(SLEEP)
        self.change(
            f"CREATE TRIGGER journeys_bar BEFORE {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION journeys_sleep()"
        )
        try:
            yield
        finally:
            self.change(HANG_UP_ON_SLEEPERS)
            self.change(f"DROP TRIGGER journeys_bar ON {event.rsplit(maxsplit=1)[-1]}")

    def wait_for_blocked(self, count: int) -> None:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        until(lambda: self.rows(waiting)[0][0] >= count, LOCK_WITHIN, f"{count} writers wait for the lock")

    def forget_blocked(self) -> None:
        """The server itself would write what it was told before its caller died."""
        self.change(HANG_UP_ON_BLOCKED)


def _postgres(sql: str) -> bytes:
    """Psycopg's own placeholders; as bytes, because it takes no text that was put together."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
