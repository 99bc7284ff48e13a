"""The difference between a file and the database, and the rows that would make it good."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cache, partial
from operator import attrgetter
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.db.models import Model

from catalog.bulk import Added, Changed, Changes, Plan
from catalog.labels import relabel
from catalog.models import Barcode, Product, Store
from catalog.rows import Row, row_columns
from pricing.models import BEGINNING, TaxCategory
from pricing.storefile.entries import CodedEntry, Document, ProductEntry, StoreEntry
from pricing.storefile.faults import Faults
from pricing.storefile.report import Difference
from pricing.storefile.stored import Stored
from pricing.storefile.tables import ASSIGNMENTS, CODED, PRICES, DatedTable
from pricing.storefile.timeline import Action, Timeline, Version, Wanted
from pricing.storefile.words import changes, moment_text, names_text, row_text, step_text
from pricing.storefile.write import NOT_OURS, SWITCHES

_COUNTS_FOR_THE_PAST = " (this counts for earlier carts too that are still to be priced)"
_EXEMPT = row_columns(TaxCategory).index("exempt")
_TIME_ZONE = row_columns(Store).index("time_zone")


def compare(
    document: Document, stored: Stored, faults: Faults, *, now: datetime, hold_new_stores: bool
) -> tuple[Plan, Difference]:
    """What is to be written so that the database says what the file says.

    Faults are added where a row of the file can't be reconciled with what the database holds.
    """
    comparison = _Comparison(document, stored, faults, now)
    comparison.stores(hold_new=hold_new_stores)
    comparison.tax_categories()
    comparison.products()
    comparison.tax_assignments()
    comparison.prices()
    for table in CODED:
        comparison.coded(table, getattr(document, table.section))
    return comparison.plan, comparison.difference


@dataclass(slots=True)
class _Comparison:
    document: Document
    stored: Stored
    faults: Faults
    now: datetime
    plan: Plan = field(default_factory=lambda: defaultdict(Changes))
    difference: Difference = field(default_factory=Difference)
    zone: tzinfo = field(init=False)
    """The stores' clock if they share one: the report speaks of times on it."""

    def __post_init__(self) -> None:
        zones = {row[_TIME_ZONE] for row in self.stored.stores.values()}
        zones |= {entry.time_zone for entry in self.document.stores}
        self.zone = ZoneInfo(zones.pop()) if len(zones) == 1 else UTC

    # -- rows known by a key

    def stores(self, *, hold_new: bool) -> None:
        new = {"on_hold": hold_new, "tests_until": None, **dict.fromkeys(SWITCHES, False)}
        for entry in self.document.stores:
            held = self.stored.stores.get(entry.store_id)
            row = _store_row(entry, held, new)
            waits = " (on hold until somebody releases it)" if hold_new and held is None else ""
            self._upsert("stores", Store, row, held, f"store {entry.store_id} “{entry.name}”{waits}")

    def tax_categories(self) -> None:
        for entry in self.document.tax_categories:
            held = self.stored.tax_categories.get(entry.code)
            row = _row_of(TaxCategory)(entry)
            past = "" if held is None or held[_EXEMPT] == entry.exempt else _COUNTS_FOR_THE_PAST
            self._upsert("tax_categories", TaxCategory, row, held, f"tax category {entry.code} “{entry.name}”{past}")

    def _upsert(self, section: str, model: type[Model], row: Row, held: Row | None, name: str) -> None:
        if held is None:
            self.plan[model].added.append(Added(row))
            self.difference.tell(section, Action.ADDED, lambda: name)
        elif held == row:
            self.difference.tell(section, Action.UNCHANGED, lambda: name)
        else:
            self.plan[model].changed.append(Changed(row))
            told = changes(model, row_columns(model), held, row)
            self.difference.tell(section, Action.CHANGED, lambda: f"{name}: {told}")

    def products(self) -> None:
        for entry in self.document.products:
            held = self.stored.products.get(entry.sku)
            if held is None:
                self.plan[Product].added.append(Added(_row_of(Product)(entry), (frozenset(entry.stores),)))
                self._barcodes(entry)
                action, told = Action.ADDED, ""
            else:
                told = ", ".join([*self._revised_product(entry, held), *self._barcodes(entry)])
                action = Action.CHANGED if told else Action.UNCHANGED
            line = partial(_product_text, entry, told)
            self.difference.tell("products", action, line)

    def _revised_product(self, entry: ProductEntry, held: Row) -> Iterator[str]:
        row, stores = _row_of(Product)(entry), frozenset(entry.stores)
        before = self.stored.product_stores.get(entry.sku, frozenset())
        if row == held and (entry.all_stores or stores == before):
            return
        self.plan[Product].changed.append(Changed(row, (stores,), (before,)))
        if row != held:
            yield changes(Product, row_columns(Product), held, row)
        if stores != before:
            yield f"stores {names_text(sorted(before))} -> {names_text(sorted(stores))}"

    def _barcodes(self, entry: ProductEntry) -> list[str]:
        """Makes the product's barcodes those of the file, in its order."""
        labels = self.stored.barcodes.get(entry.sku, ())
        if not relabel(self.plan[Barcode], entry.sku, labels, entry.barcodes):
            return []
        before = names_text(code for _, _, code, _ in labels)
        return [f"barcodes {before} -> {names_text(code for code, _ in entry.barcodes)}"]

    # -- dated rows

    def tax_assignments(self) -> None:
        """A product's tax category is its assignment from now on; what is planned for later stays if it is the same."""
        held = self.stored.versions[ASSIGNMENTS]
        for entry in self.document.products:
            if not entry.tax_category:
                continue
            versions = held.get(entry.sku, [])
            terms = ASSIGNMENTS.terms((entry.sku, entry.tax_category))
            if any(version.in_force(self.now) and version.terms == terms for version in versions):
                self.difference.tell(ASSIGNMENTS.section, Action.UNCHANGED, str)
                continue
            wanted = Wanted(f"{entry.path}.tax_category", BEGINNING, None, terms)
            self._settle(ASSIGNMENTS, Timeline(self.now, list(versions), [wanted]))

    def prices(self) -> None:
        held = self.stored.versions[PRICES]
        for scope, wanted in _by_scope(PRICES, self.document.prices).items():
            sku, store_id, _ = scope
            rivals = [
                version
                for where in {None, store_id}
                for temporary in (False, True)
                for version in held.get((sku, where, temporary), ())
            ]
            self._settle(PRICES, Timeline(self.now, list(held.get(scope, ())), wanted, rivals=rivals, exclusive=False))

    def coded(self, table: DatedTable, entries: Sequence[CodedEntry]) -> None:
        held = self.stored.versions[table]
        for code, wanted in _by_scope(table, entries).items():
            self._settle(table, Timeline(self.now, list(held.get(code, ())), wanted))

    def _settle(self, table: DatedTable, timeline: Timeline) -> None:
        for step in timeline.settle():
            self.difference.tell(table.section, step.action, partial(step_text, table, step, self.zone))
        plan = self.plan[table.model]
        for version in timeline.versions:
            if version.is_new:
                plan.added.append(Added(_dated_row(table, uuid4(), version), version.terms.many))
            elif version.is_changed:
                plan.changed.append(_changed(table, version))
        if clash := timeline.conflict():
            self._note_clash(table, timeline, clash)

    def _note_clash(self, table: DatedTable, timeline: Timeline, clash: tuple[Version, Version]) -> None:
        path = next((version.wanted.path for version in reversed(clash) if version.wanted), timeline.wanted[-1].path)
        other = next((version for version in clash if version.wanted is None), clash[0])
        since = moment_text(other.starts_at, self.zone)
        self.faults.add(
            path,
            f"{row_text(table, other.terms)} from {since} is in the database and not in this file, "
            "and both can't be in force: end it first, or add it to this file",
        )


@cache
def _row_of(model: type[Model]) -> Callable[[Any], Row]:
    """The row of an entry whose fields are named like the model's columns."""
    return attrgetter(*row_columns(model))


def _product_text(entry: ProductEntry, told: str) -> str:
    return f"product {entry.sku} “{entry.name}”" + (f": {told}" if told else "")


def _store_row(entry: StoreEntry, held: Row | None, new: Mapping[str, Any]) -> Row:
    columns = row_columns(Store)
    others = new if held is None else dict(zip(columns, held, strict=True))
    ours = set(columns) - set(NOT_OURS[Store])
    return tuple(getattr(entry, column) if column in ours else others[column] for column in columns)


def _dated_row(table: DatedTable, pk: Any, version: Version) -> Row:
    return table.row(pk, version.starts_at, version.ends_at, version.terms)


def _changed(table: DatedTable, version: Version) -> Changed:
    terms_before = version.stored[1] if version.stored else version.terms
    before = None if terms_before == version.terms else terms_before.many
    return Changed(_dated_row(table, version.row, version), version.terms.many, before)


def _by_scope(table: DatedTable, entries: Iterable[Any]) -> dict[Any, list[Wanted]]:
    scopes: dict[Any, list[Wanted]] = defaultdict(list)
    for entry in entries:
        terms = table.terms_of(entry)
        scopes[table.scope_of(terms.values)].append(Wanted(entry.path, entry.starts_at, entry.ends_at, terms))
    return scopes
