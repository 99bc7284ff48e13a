"""The database itself notes which products changed for Amazon: triggers that write `ChangedProduct`.

A change may come from a page, the store file (which copies rows past the ORM), an import or a shell. None of them has
to remember anything: the note stands in the transaction of the change, or there is no change. Each app names its
tables (`watch`); the triggers are made after every `migrate`, because SQLite loses those of a table that a migration
rebuilds.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

NOTES = "catalog_changedproduct"


@dataclass(frozen=True, slots=True)
class Watched:
    """A table, and the SKUs that a change of its rows concerns: a query over `touched`, those rows before or after."""

    table: str
    skus: str
    on_insert: bool = True
    on_update: bool = True
    on_delete: bool = True


_watched: dict[str, Watched] = {}


def watch(table: str, *, column: str = "product_id") -> None:
    """Note the SKU in this column of every row that is added, changed or taken away."""
    _watched[table] = Watched(table, f"SELECT {column} FROM touched")


def watch_also(watched: Watched) -> None:
    _watched[watched.table] = watched


watch("catalog_product", column="sku")
watch("catalog_product_stores")
watch("catalog_acceptedcode")
watch("catalog_retirement")
watch_also(
    Watched(  # whoever shares a code with the row is concerned too: a code on two products cannot be scanned
        "catalog_barcode",
        "SELECT product_id FROM touched "
        "UNION SELECT b.product_id FROM catalog_barcode b JOIN touched t USING (lookup_key)",
    )
)
watch_also(
    Watched(  # a new store sells what is sold in all stores
        "catalog_store",
        "SELECT p.sku FROM catalog_product p CROSS JOIN touched t WHERE p.all_stores",
        on_update=False,
        on_delete=False,
    )
)


def install_after_migrate(*, using: str, **_: Any) -> None:
    """For the signal `post_migrate` of the last app that watches a table."""
    install(using)


def install(using: str = "default") -> None:
    """Make the triggers that are missing. Idempotent."""
    connection = connections[using]
    there = set(connection.introspection.table_names())
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for watched in _watched.values():
            if watched.table in there and NOTES in there:
                for statement in _statements(connection, watched):
                    cursor.execute(statement)


def missing(using: str = "default") -> list[str]:
    """Watched tables without their triggers: a change of theirs would never reach Amazon."""
    connection = connections[using]
    catalogue = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(catalogue)
        there = {name for (name,) in cursor.fetchall()}
    return sorted(
        watched.table for watched in _watched.values() if not {name for name, *_ in _moments(watched)} <= there
    )


def _moments(watched: Watched) -> list[tuple[str, str, str]]:
    """Name of the trigger, the statement it follows, and which of its rows it reads."""
    found = []
    if watched.on_insert:
        found.append(("added", "INSERT", "NEW"))
    if watched.on_update:
        found += [("was", "UPDATE", "OLD"), ("is", "UPDATE", "NEW")]
    if watched.on_delete:
        found.append(("gone", "DELETE", "OLD"))
    return [(f"{watched.table}_{word}_for_amazon", verb, side) for word, verb, side in found]


def _statements(connection: BaseDatabaseWrapper, watched: Watched) -> list[str]:
    if connection.vendor == "postgresql":
        return _for_postgresql(watched)
    columns = [field[0] for field in _columns(connection, watched.table)]
    return _for_sqlite(watched, columns)


def _columns(connection: BaseDatabaseWrapper, table: str) -> Any:
    with connection.cursor() as cursor:
        return connection.introspection.get_table_description(cursor, table)


def _for_postgresql(watched: Watched) -> list[str]:
    """Once a statement, over its transition table: a load of a hundred thousand rows costs one more insert."""
    function = f"{watched.table}_note_for_amazon"
    note = f"INSERT INTO {NOTES} (sku) SELECT DISTINCT s FROM ({watched.skus}) AS found (s); RETURN NULL;"
    statements = [f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note} END $$"]
    for name, verb, side in _moments(watched):
        rows = f"AFTER {verb} ON {watched.table} REFERENCING {side} TABLE AS touched"
        statements += [
            f"DROP TRIGGER IF EXISTS {name} ON {watched.table}",
            f"CREATE TRIGGER {name} {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
        ]
    return statements


def _for_sqlite(watched: Watched, columns: list[str]) -> list[str]:
    """Once a row: `touched` is that one row."""
    statements = []
    for name, verb, side in _moments(watched):
        row = ", ".join(f'{side}."{column}" AS "{column}"' for column in columns)
        skus = re.sub(r"\btouched\b", f"(SELECT {row})", watched.skus)
        statements += [
            f'DROP TRIGGER IF EXISTS "{name}"',
            f'CREATE TRIGGER "{name}" AFTER {verb} ON "{watched.table}" BEGIN INSERT INTO {NOTES} (sku) {skus}; END',
        ]
    return statements
