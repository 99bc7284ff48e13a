"""What a store file changes, as statements for one short transaction."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Model

from catalog import bulk
from catalog.bulk import Changes, Each, Insert, Plan, Preparation, Statement, Why, prepared
from catalog.models import Store
from catalog.rows import meta, row_columns
from jwo_store.history import Source
from pricing.models import Promotion, PromotionTarget
from pricing.storefile.tables import LOADED

SWITCHES = ("second_look_prices", "second_look_promotions", "second_look_taxes")
NOT_OURS: dict[type[Model], tuple[str, ...]] = {Store: ("on_hold", "tests_until", *SWITCHES)}
"""Columns that a file sets on a new row only: people change them while the shop is open."""


def prepare(plan: Plan, *, now: datetime, reason: str) -> list[Statement]:
    """Every statement with its parameters as the database takes them, in an order that holds every constraint."""
    statements: list[Statement] = []
    for model in LOADED:
        if changes := plan.get(model):
            preparation = Preparation(
                model, changes, Why(now, reason, source=Source.FILE), kept=NOT_OURS.get(model, ())
            )
            statements += preparation.rows()
            if model is Promotion:
                statements += _targets(changes)
            statements += preparation.histories()
    return [statement for statement in statements if statement.rows]


def lock() -> None:
    """Nobody else writes to the tables of a store file until the transaction ends."""
    bulk.lock(LOADED)


def _targets(changes: Changes) -> Iterator[Statement]:
    """The index by which a cart finds its promotions."""
    columns = tuple(column for column in row_columns(PromotionTarget) if column != "id")
    table = meta(PromotionTarget).db_table
    rewritten = [each.row for each in changes.changed if each.before is not None]
    written = [each.row for each in changes.added] + rewritten
    rows = [
        tuple(getattr(target, column) for column in columns)
        for row in written
        for target in Promotion(**dict(zip(row_columns(Promotion), row, strict=True))).reach()
    ]
    gone = prepared(PromotionTarget, ("promotion_id",), [row[:1] for row in rewritten])
    yield Each(f"DELETE FROM {bulk.quoted(table)} WHERE {bulk.quoted('promotion_id')} = %s", gone)  # noqa: S608  names from the models
    yield Insert(table, columns, prepared(PromotionTarget, columns, rows))
