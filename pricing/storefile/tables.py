"""The tables that a store file is loaded into: which columns make a row, its scope and its terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

from django.db.models import Model

from catalog.models import Barcode, Product, Store
from catalog.rows import Row, row_columns
from pricing.models import (
    MAY,
    NEEDS,
    VARYING,
    Dated,
    Fee,
    Price,
    Promotion,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)

DATES = ("id", "starts_at", "ends_at")
DRAFTS_OWN = ("planned_start",)
"""What only a draft has. Drafts do not travel: a file knows nothing of them, and a load leaves them alone."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a dated row says but for its dates. Equal when it means the same, however it is written."""

    meaning: Any
    values: tuple[Any, ...] = field(compare=False)
    many: tuple[frozenset[str], ...] = field(compare=False, default=())


@dataclass(frozen=True, eq=False)
class DatedTable:
    """One section of dated rows."""

    section: str
    word: str
    """What a person calls one row."""
    model: type[Dated]
    scope: tuple[str, ...] = ("code",)
    exclusive: bool = True
    """Whether at most one row of a scope is in force at a time."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the terms, in the order in which they follow the dates."""
        return tuple(column for column in row_columns(self.model) if column not in DATES + DRAFTS_OWN)

    @cached_property
    def _arranged(self) -> Callable[[Row], Row]:
        """A row as the table has its columns, from its dates, its terms, and an empty place for what drafts have."""
        order = (*DATES, *self.columns, None)
        return itemgetter(*(order.index(None if name in DRAFTS_OWN else name) for name in row_columns(self.model)))

    def row(self, pk: Any, starts_at: datetime, ends_at: datetime | None, terms: Terms) -> Row:
        return self._arranged((pk, starts_at, ends_at, *terms.values, None))

    @property
    def many(self) -> tuple[str, ...]:
        return self.model.many

    @cached_property
    def values_of(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*self.columns)

    @cached_property
    def scope_of(self) -> Callable[[tuple[Any, ...]], Any]:
        """The scope of a row, from the values of its terms."""
        places = [self.columns.index(column) for column in self.scope]
        if len(places) == 1:
            return lambda values: values[places[0]]
        return lambda values: tuple(values[place] for place in places)

    def terms(self, values: tuple[Any, ...], many: tuple[frozenset[str], ...] = ()) -> Terms:
        if not many:
            return Terms(values, values)
        named = dict(zip(self.columns, values, strict=True))
        meaning = _promotion_meaning(named) if self.model is Promotion else values
        where = frozenset() if named["all_stores"] else many[self.many.index("stores")]
        others = [rows for name, rows in zip(self.many, many, strict=True) if name != "stores"]
        return Terms((meaning, where, others), values, many)

    def terms_of(self, entry: Any) -> Terms:
        """The terms of an entry of the file; its fields are named like the columns."""
        return self.terms(self.values_of(entry), tuple(frozenset(getattr(entry, name)) for name in self.many))


def _promotion_meaning(values: dict[str, Any]) -> tuple[Any, ...]:
    """Only what its kind knows, and sets of products whatever their order."""
    counted = NEEDS[values["kind"]] | MAY.get(values["kind"], frozenset())
    meaning = {
        name: value for name, value in values.items() if name not in VARYING or (name in counted and value is not None)
    }
    meaning["weekdays"] = frozenset(values["weekdays"])
    for name in {"targets", "get_targets"} & meaning.keys():
        meaning[name] = _targets_meaning(meaning[name])
    if "components" in meaning:
        meaning["components"] = [(_targets_meaning(each["targets"]), each["count"]) for each in meaning["components"]]
    return tuple(sorted(meaning.items()))


def _targets_meaning(targets: Mapping[str, Any]) -> tuple[Any, ...]:
    return bool(targets.get("all")), *(
        frozenset(targets.get(name) or ()) for name in ("skus", "categories", "except_skus")
    )


PRICES = DatedTable("prices", "price", Price, ("product_id", "store_id", "temporary"), exclusive=False)
ASSIGNMENTS = DatedTable("tax assignments", "tax category", TaxAssignment, ("product_id",))
FEES = DatedTable("fees", "fee", Fee)
PROMOTIONS = DatedTable("promotions", "promotion", Promotion)
TAX_RULES = DatedTable("tax_rules", "tax rule", TaxRule)
TAX_HOLIDAYS = DatedTable("tax_holidays", "tax holiday", TaxHoliday)
CODED = (FEES, PROMOTIONS, TAX_RULES, TAX_HOLIDAYS)

LOADED: tuple[type[Model], ...] = (
    Store,
    TaxCategory,
    Product,
    Barcode,
    Price,
    TaxAssignment,
    Fee,
    Promotion,
    TaxRule,
    TaxHoliday,
)
"""Every model that a load may write, each after those that it refers to."""
