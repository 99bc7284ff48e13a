"""The difference between a list and the database, and the rows that would make it good."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.barcodes import stored_key
from catalog.bulk import Added, Changed, Changes, Plan
from catalog.labels import relabel
from catalog.lists.cells import CellReader, Listed, Refused, cells_of, kept
from catalog.lists.held import Held
from catalog.lists.sheet import COLUMNS, Column, Fault, Sheet, SheetRow
from catalog.models import Barcode, Product

SHORTENED = re.compile(r"[0-9][.,][0-9]+E\+[0-9]+", re.IGNORECASE)


class CellChange(NamedTuple):
    column: Column
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one row."""

    number: int
    before: Listed | None
    after: Listed

    @property
    def cells(self) -> tuple[str, ...]:
        return cells_of(self.after)

    @property
    def changes(self) -> Sequence[CellChange]:
        before = cells_of(self.before) if self.before else ("",) * len(COLUMNS)
        return [CellChange(*each) for each in zip(COLUMNS, before, self.cells, strict=True) if each[1] != each[2]]


@dataclass(slots=True)
class Difference:
    """What a list would do."""

    row_count: int
    new: list[Line] = field(default_factory=list)
    changed: list[Line] = field(default_factory=list)
    unchanged: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """In the order of the rows. Nothing is applied while there is one."""
    warnings: list[Fault] = field(default_factory=list)
    notes: Sequence[str] = ()
    fingerprint: str = ""
    """Of all that the database said."""

    @property
    def is_applicable(self) -> bool:
        return bool(self.new or self.changed) and not self.faults

    @property
    def wrong_count(self) -> int:
        """How many rows are wrong."""
        return len({fault.number for fault in self.faults})


def compare(sheet: Sheet, held: Held) -> Difference:
    """Looks up in the database who carries the barcodes that are new; all else is in `held`."""
    comparison = _Comparison(sheet, held)
    comparison.read()
    comparison.check_barcodes()
    return comparison.difference()


def plan(difference: Difference, held: Held) -> Plan:
    """The rows of products and barcodes to write. Each changed product is written, if only for its history."""
    planned: Plan = {Product: Changes(), Barcode: Changes()}
    for line in difference.new:
        planned[Product].added.append(Added(_row(line.after), (frozenset(line.after.stores),)))
        relabel(planned[Barcode], line.after.sku, (), line.after.codes)
    for line in difference.changed:
        before = frozenset(line.before.stores if line.before else ())
        changed = Changed(_row(line.after), (frozenset(line.after.stores),), (before,))
        planned[Product].changed.append(changed)
        relabel(planned[Barcode], line.after.sku, held.labels.get(line.after.sku, ()), line.after.codes)
    return planned


def _row(product: Listed) -> tuple[object, ...]:
    return product[: Listed._fields.index("stores")]


class _Comparison:
    def __init__(self, sheet: Sheet, held: Held) -> None:
        self.sheet = sheet
        self.held = held
        self.lines: list[Line] = []
        self.faults = list(sheet.faults)
        self.warnings: list[Fault] = []
        self.numbers: dict[str, int] = {}
        """On which row each SKU stands."""

    def read(self) -> None:
        for row in self.sheet.rows:
            try:
                sku = self._sku(row)
            except Refused as refused:
                written = row.cell(Column.SKU)
                self.faults.append(Fault(row.number, written, Column.SKU, written, str(refused)))
                continue
            self.numbers[sku] = row.number
            self._line(row, sku)

    def _sku(self, row: SheetRow) -> str:
        written = row.cell(Column.SKU)
        sku = written if written in self.held.products else written.strip()
        if not sku:
            raise Refused("Each row needs a SKU.")
        if sku in self.numbers:
            raise Refused(f"This SKU stands on row {self.numbers[sku]:,} already. Take one of the two rows away.")
        return sku if sku in self.held.products else self._new_sku(sku)

    def _new_sku(self, sku: str) -> str:
        if SHORTENED.fullmatch(sku):
            raise Refused("A spreadsheet has shortened this number. Format the column as text and enter the SKU again.")
        if padded := self.held.padded.get(sku):
            raise Refused(
                f"This looks like {padded} without the zeros in front, which spreadsheets take away. "
                "Format the column as text and enter the SKU again."
            )
        return kept(sku)

    def _line(self, row: SheetRow, sku: str) -> None:
        before = self.held.products.get(sku)
        reader = CellReader(before or Listed(sku), is_new=before is None, stores=self.held.stores)
        after = reader.read(row.cells)
        self.faults += [Fault(row.number, sku, *each) for each in reader.faults]
        self.warnings += [Fault(row.number, sku, *each) for each in reader.warnings]
        line = Line(row.number, before, after)
        if sku in self.held.retired and after != before:
            text = "This product is retired, and stays so whatever this list says of it."
            self.warnings.append(Fault(row.number, sku, Column.SKU, sku, text))
        self.lines.append(line)

    def check_barcodes(self) -> None:
        """No code comes to be on two products, unless it was before."""
        carried: dict[str, set[str]] = defaultdict(set)
        for line in self.lines:
            for code in line.after.codes:
                carried[stored_key(*code)].add(line.after.sku)
        added = {line.number: new for line in self.lines if (new := _added(line))}
        self.held.look_up({stored_key(*code) for codes in added.values() for code in codes})
        for key, skus in self.held.carriers.items():
            carried[key] |= skus - self.numbers.keys()
        for line in self.lines:
            for code in added.get(line.number, ()):
                others = sorted(carried[stored_key(*code)] - {line.after.sku})
                if others:
                    self.faults.append(self._shared(line, code[0], others[0]))

    def _shared(self, line: Line, code: str, other: str) -> Fault:
        if number := self.numbers.get(other):
            text = (
                f"Row {number:,} ({other}) has this barcode too, and a code means one product. Take one of them away."
            )
        else:
            text = (
                f"This barcode is on {other} already. Take it away there first, or give {other} a row in this file "
                "without it."
            )
        return Fault(line.number, line.after.sku, Column.BARCODES, code, text)

    def difference(self) -> Difference:
        wrong = {fault.number for fault in self.faults}
        lines = [line for line in self.lines if line.number not in wrong]
        return Difference(
            row_count=len(self.sheet.rows),
            new=[line for line in lines if line.before is None],
            changed=[line for line in lines if line.before is not None and line.before != line.after],
            unchanged=[line for line in lines if line.before == line.after],
            faults=sorted(self.faults, key=lambda fault: fault.number),
            warnings=[warning for warning in self.warnings if warning.number not in wrong],
            notes=self.sheet.notes,
            fingerprint=self.held.fingerprint(),
        )


def _added(line: Line) -> list[tuple[str, str]]:
    """The barcodes whose keys the product has not carried so far."""
    before = {stored_key(*code) for code in line.before.codes} if line.before else set()
    return [code for code in line.after.codes if stored_key(*code) not in before]
