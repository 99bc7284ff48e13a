"""A file as a sheet of texts: its columns found by their names, its rows under the numbers that a person sees."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from msgspec import Struct

MOST_BYTES = 10_000_000
MOST_ROWS = 100_000
MOST_ROWS_PASSED = 1_048_576
"""With the empty ones: as many as a spreadsheet can have."""

MOST_COLUMNS = 100
MOST_TEXT = 40_000_000
"""Characters in all cells together."""


class Column(StrEnum):
    """A column of a product list, as its heading says."""

    SKU = "SKU"
    NAME = "Name"
    BRAND = "Brand"
    CATEGORY = "Category"
    SUBCATEGORY = "Subcategory"
    SOLD_BY = "Sold by"
    UNIT = "Weighed in"
    STORES = "Stores"
    BARCODES = "Barcodes"


COLUMNS = tuple(Column)


@dataclass(frozen=True)
class Layout:
    """What a kind of list consists of, and what people call it and its rows."""

    columns: type[StrEnum]
    """In the order of the cells of a row; the first is the SKU, and a list needs it."""
    needed: tuple[StrEnum, ...]
    noun: str
    rows: str
    moments: frozenset[StrEnum] = frozenset()
    """Columns of days and times: there a date of the spreadsheet's own is as good as a text."""

    def named(self, title: str) -> StrEnum | None:
        """`Sold by`, `sold_by` and `SOLD BY` are the same column."""
        return _by_name(self.columns).get(_simple(title))


PRODUCTS = Layout(Column, (Column.SKU,), "product list", "products")


@cache
def _by_name(columns: type[StrEnum]) -> dict[str, StrEnum]:
    return {_simple(column): column for column in columns}


@cache
def _places(columns: type[StrEnum]) -> dict[StrEnum, int]:
    return {column: place for place, column in enumerate(columns)}


def _simple(title: str) -> str:
    return re.sub(r"[^a-z]", "", title.casefold()).removesuffix("s")


class Unreadable(Exception):
    """No list can be read from the file; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A cell that a spreadsheet has spoilt."""

    shown: str
    why: str
    moment: str = ""
    """The day and time that it made of it, which some columns take."""


Cell = str | Damaged


@dataclass(frozen=True, slots=True)
class Table:
    """What a format makes of a file: its rows from the first, and what a person should know of the reading."""

    rows: Iterable[Sequence[Cell]]
    notes: Sequence[str] = ()
    is_text: bool = False
    """In a text file a cell too many is a comma that should have stood in quotes."""


class Fault(NamedTuple):
    """What is wrong with a row, or should be looked at: which cell, and what to do."""

    number: int
    sku: str
    column: str
    value: str
    text: str


class SheetRow(NamedTuple):
    number: int
    cells: tuple[str | None, ...]
    """In the order of the layout's columns; None where the file has no such column."""

    def cell(self, column: StrEnum) -> str:
        return self.cells[_places(type(column))[column]] or ""


class Sheet(Struct, frozen=True):
    rows: list[SheetRow]
    faults: list[Fault]
    """What was wrong in reading the rows."""
    notes: list[str]


def read(table: Table, layout: Layout = PRODUCTS) -> Sheet:
    """Raises Unreadable where the file is no such list, or is too large for one."""
    numbered = _filled(table.rows, layout)
    number, heading = next(numbered, (0, ()))
    if not number:
        raise Unreadable("The file is empty. Choose another one.")
    places, notes = _columns(heading, layout)
    width = max(places.values()) + 1 if not table.is_text else len(heading)
    reader = _Reader(layout, places, len(heading) if table.is_text else 0, width)
    rows = [reader.row(number, cells) for number, cells in numbered]
    if not rows:
        raise Unreadable(f"The file has a heading but no {layout.rows} below it. Choose another one.")
    return Sheet(rows, reader.faults, [*table.notes, *notes])


def _filled(rows: Iterable[Sequence[Cell]], layout: Layout) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows that have a text, with their numbers."""
    text = count = 0
    for number, cells in enumerate(rows, start=1):
        if number > MOST_ROWS_PASSED:
            raise Unreadable("The file has more rows than a spreadsheet can have. Choose another one.")
        if not any(isinstance(cell, Damaged) or cell.strip() for cell in cells):
            continue
        count += 1
        text += sum(len(cell) for cell in cells if isinstance(cell, str))
        if count > MOST_ROWS + 1 or text > MOST_TEXT:
            raise Unreadable(f"The list is too long. Split it into files of at most {MOST_ROWS:,} {layout.rows} each.")
        yield number, cells


# --- The heading


def _columns(heading: Sequence[Cell], layout: Layout) -> tuple[dict[StrEnum, int], list[str]]:
    """Where each column stands, and what is to be said of those that are missing or not ours."""
    titles = [cell if isinstance(cell, str) else cell.shown for cell in heading]
    places: dict[StrEnum, int] = {}
    strange: list[str] = []
    for place, title in enumerate(titles):
        column = layout.named(title)
        if column in places:
            raise Unreadable(f"The column “{column}” stands twice in the first row. Take one of them away.")
        if column:
            places[column] = place
        elif title.strip():
            strange.append(title.strip())
    for column in layout.needed:
        if column not in places:
            found = ", ".join(f"“{title.strip()[:40]}”" for title in titles[:MOST_COLUMNS] if title.strip())
            raise Unreadable(
                f"No column is named “{column}”. The first row must name the columns, and it says: {found}."
            )
    return places, [*_not_read(strange, layout), *_missing(places, layout)]


def _not_read(strange: Sequence[str], layout: Layout) -> Iterator[str]:
    known = _by_name(layout.columns)
    for title in strange:
        close = get_close_matches(_simple(title), known, 1)
        hint = f" Did you mean “{known[close[0]]}”?" if close else ""
        yield f"The column “{title[:80]}” is not part of a {layout.noun} and is not read.{hint}"


def _missing(places: dict[StrEnum, int], layout: Layout) -> Iterator[str]:
    missing = [column for column in layout.columns if column not in places]
    if missing:
        names = ", ".join(f"“{column}”" for column in missing)
        yield f"Not in this file, and so left as they are: {names}."


# --- The rows


class _Reader:
    def __init__(self, layout: Layout, places: dict[StrEnum, int], most_cells: int, width: int) -> None:
        self.columns = tuple(layout.columns)
        self.moments = layout.moments
        self.places = [places.get(column, -1) for column in self.columns]
        self.most_cells = most_cells
        self.padding = ("",) * width
        self.faults: list[Fault] = []

    def row(self, number: int, cells: Sequence[Cell]) -> SheetRow:
        padded: list[Cell] = [*cells, *self.padding[len(cells) :]]
        chosen = [padded[place] if place >= 0 else None for place in self.places]
        for place, column in enumerate(self.columns):
            cell = chosen[place] if column in self.moments else None
            if isinstance(cell, Damaged) and cell.moment:
                chosen[place] = cell.moment
        texts = tuple("" if isinstance(cell, Damaged) else cell for cell in chosen)
        row = SheetRow(number, texts)
        for column, cell in zip(self.columns, chosen, strict=True):
            if isinstance(cell, Damaged):
                self.faults.append(Fault(number, row.cells[0] or "", column, cell.shown, cell.why))
        self._check_width(row, cells)
        return row

    def _check_width(self, row: SheetRow, cells: Sequence[Cell]) -> None:
        more = [str(cell) for cell in cells[self.most_cells :] if cell] if self.most_cells else ()
        if more:
            self.faults.append(Fault(row.number, row.cells[0] or "", "", " ".join(more)[:255], TOO_MANY))


TOO_MANY = (
    "This row has more cells than there are columns. Put quotes around a text that contains the sign "
    "between the columns."
)
