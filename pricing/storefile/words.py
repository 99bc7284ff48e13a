"""Rows and changes, as a store manager would say them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Model

from catalog.rows import meta
from pricing.fields import MoneyField
from pricing.models import BEGINNING
from pricing.storefile.tables import ASSIGNMENTS, PRICES, DatedTable, Terms
from pricing.storefile.timeline import Action, Step

MOST_NAMES = 5
"""Of a long list so many are named."""


def exact_text(value: Decimal, *, money: bool) -> str:
    """`2.50` for money, `12.5` or `10` for a rate or a percentage."""
    return f"{value:.2f}" if money else f"{value.normalize():f}"


def moment_text(moment: datetime | None, zone: tzinfo) -> str:
    if moment is None:
        return "no end"
    if moment == BEGINNING:
        return "the beginning"
    local = moment.astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local:%Y-%m-%d %H:%M}{seconds} {local:%Z}"


def changes(model: type[Model], columns: Iterable[str], before: Iterable[Any], after: Iterable[Any]) -> str:
    """`price 2.49 -> 2.59, temporary no -> yes`."""
    fields = {column.attname: column for column in meta(model).concrete_fields}
    return ", ".join(
        f"{fields[column].verbose_name} {_said(old, fields[column])} -> {_said(new, fields[column])}"
        for column, old, new in zip(columns, before, after, strict=True)
        if old != new
    )


def term_changes(table: DatedTable, before: Terms, after: Terms) -> str:
    told = [changes(table.model, table.columns, before.values, after.values)]
    for name, old, new in zip(table.many, before.many, after.many, strict=True):
        if old != new:
            told.append(f"{name.replace('_', ' ')} {names_text(sorted(old))} -> {names_text(sorted(new))}")
    return ", ".join(filter(None, told)) or "the same"


def names_text(names: Iterable[str]) -> str:
    listed = list(names)
    few = ", ".join(listed[:MOST_NAMES])
    left = len(listed) - MOST_NAMES
    return f"{few} and {left:,} more" if left > 0 else few or "none"


def row_text(table: DatedTable, terms: Terms) -> str:
    """Which row: `promotion COLA-10 “10 % off cola”`, `price of BEV-COLA-500 in all stores`."""
    values = dict(zip(table.columns, terms.values, strict=True))
    if table is PRICES:
        where = f"in {values['store_id']}" if values["store_id"] else "in all stores"
        return f"{'temporary price' if values['temporary'] else 'price'} of {values['product_id']} {where}"
    if table is ASSIGNMENTS:
        return f"tax category of {values['product_id']}"
    name = values.get("name") or values.get("description") or values.get("jurisdiction")
    return f"{table.word} {values['code']} “{name}”"


def step_text(table: DatedTable, step: Step, zone: tzinfo) -> str:
    """One line: what becomes of a row of the file."""
    wanted, row = step.wanted, row_text(table, step.wanted.terms)
    moment = moment_text(step.from_moment, zone)
    match step.action:
        case Action.ADDED:
            return f"{row}{_gist(table, wanted.terms)} from {moment}{_added_text(table, step, zone)}"
        case Action.SUCCEEDED:
            return f"{row}: {term_changes(table, step.before, wanted.terms)} from {moment}"
        case Action.CHANGED:
            return f"{row}: {_changed_text(table, step, zone)}"
        case Action.ENDED:
            return f"{row}: ends {moment}"
        case _:
            return f"{row}{_gist(table, wanted.terms)} from {moment_text(wanted.starts_at, zone)}"


def _added_text(table: DatedTable, step: Step, zone: tzinfo) -> str:
    until = f" until {moment_text(step.wanted.ends_at, zone)}" if step.wanted.ends_at else ""
    if step.from_moment == step.wanted.starts_at or table is ASSIGNMENTS:
        return until
    said = moment_text(step.wanted.starts_at, zone)
    return f"{until} (not from {said} as the file says: something was in force then, and that stays)"


def _changed_text(table: DatedTable, step: Step, zone: tzinfo) -> str:
    told = [] if step.before == step.wanted.terms else [term_changes(table, step.before, step.wanted.terms)]
    if step.before_ends_at != step.wanted.ends_at:
        told.append(f"ends {moment_text(step.before_ends_at, zone)} -> {moment_text(step.wanted.ends_at, zone)}")
    return ", ".join(told)


def _gist(table: DatedTable, terms: Terms) -> str:
    """What matters most of a price or a tax category; the others are known by their names."""
    values = dict(zip(table.columns, terms.values, strict=True))
    if table is PRICES:
        return f": {exact_text(values['amount'], money=True)}"
    return f": {values['tax_category_id']}" if table is ASSIGNMENTS else ""


def _said(value: Any, column: Any) -> str:
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return exact_text(value, money=isinstance(column, MoneyField))
        case dict():
            return _targets_text(value)
        case list():
            return names_text(each if isinstance(each, str) else _targets_text(each) for each in value)
        case _:
            return str(value)


def _targets_text(targets: Mapping[str, Any]) -> str:
    if "targets" in targets:
        return f"{targets['count']} of ({_targets_text(targets['targets'])})"
    named = ["everything"] if targets.get("all") else [*targets.get("skus", ()), *targets.get("categories", ())]
    without = targets.get("except_skus")
    return names_text(named) + (f" except {names_text(without)}" if without else "")
