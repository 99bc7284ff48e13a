"""Lists as spreadsheets (XLSX): every cell is a text, so that no program makes a number or a formula of it."""

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from io import BytesIO
from itertools import chain
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES, ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from catalog.lists.sheet import MOST_COLUMNS, Cell, Column, Damaged, Table, Unreadable
from catalog.lists.text_file import plain

MOST_UNPACKED = 150_000_000
MOST_UNPACKED_PART = 10_000_000
"""Of a part that is read whole, such as the styles."""

TEXT = "@"
"""The spreadsheet's format for cells that are texts, whatever is typed into them."""

WIDTHS: dict[str, int] = {Column.NAME: 36, Column.STORES: 24, Column.BARCODES: 44}

IS_DATE = (
    "A spreadsheet has made a date of this cell. Format the column as text, enter it again, and save the file again."
)
IS_ERROR = "The spreadsheet shows an error in this cell. Mend it there, and save the file again."
BROKEN = "This spreadsheet cannot be read. Open it, save it again as .xlsx, or as CSV, and choose that file."


# --- Out


def write(rows: Iterable[Sequence[str]], title: str = "Products") -> bytes:
    """The first row names the columns."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    rows = iter(rows)
    heading = next(rows)
    for place, column in enumerate(heading, start=1):
        dimension = sheet.column_dimensions[get_column_letter(place)]
        dimension.width = WIDTHS.get(column, 18)
        dimension.number_format = TEXT
    for number, row in enumerate(chain([heading], rows)):
        cells = [_text(sheet, cell) for cell in row]
        if not number:
            for cell in cells:
                cell.font = Font(bold=True)
        sheet.append(cells)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _text(sheet: Any, text: str) -> Any:
    """A cell that is a text even if it begins with an equals sign, and stays one when somebody edits it."""
    cell = WriteOnlyCell(sheet, writable(text) if plain(text) == text else f"'{writable(text)}")
    cell.data_type = "s"
    cell.number_format = TEXT
    return cell


def writable(text: str) -> str:
    """Without the control characters that a spreadsheet cannot hold."""
    return str(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))


# --- In


def read(raw: bytes) -> Table:
    try:
        _check_size(raw)
        book = openpyxl.load_workbook(BytesIO(raw), read_only=True, data_only=True)
        sheets = book.worksheets
    except Unreadable:
        raise
    except Exception as error:  # the library raises whatever a broken file makes it stumble over
        raise Unreadable(BROKEN) from error
    if not sheets:
        raise Unreadable("This spreadsheet has no sheet with cells. Choose another file.")
    others = f"Only the first sheet, “{sheets[0].title}”, is read." if len(sheets) > 1 else ""
    return Table(_rows(sheets[0]), [others] if others else [])


def _check_size(raw: bytes) -> None:
    """What the archive says of its parts is true: no more than that is unpacked of any of them."""
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        parts = archive.infolist()
    read_whole = [part.file_size for part in parts if not BY_AND_BY.fullmatch(part.filename)]
    if sum(part.file_size for part in parts) > MOST_UNPACKED or max(read_whole, default=0) > MOST_UNPACKED_PART:
        raise Unreadable("This spreadsheet unpacks to more than any list needs. Copy its cells into a new one.")


BY_AND_BY = re.compile(r"xl/(worksheets/[^/]+|sharedStrings)\.xml")


def _rows(sheet: Any) -> Iterator[Sequence[Cell]]:
    sheet.reset_dimensions()  # some programs write a wrong size
    width = MOST_COLUMNS
    try:
        for row in sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True):
            if width == MOST_COLUMNS and any(row):
                width = max(place for place, value in enumerate(row, start=1) if value)
            yield [_cell(value) for value in row[:width]]
    except Exception as error:  # as above: rows are read one by one
        raise Unreadable(BROKEN) from error


def _cell(value: Any) -> Cell:
    match value:
        case None:
            return ""
        case str():
            return Damaged(value, IS_ERROR) if value in ERROR_CODES else plain(value)
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return str(int(value))
        case date() | time() | timedelta():
            return Damaged(str(value), IS_DATE, f"{value:%Y-%m-%d %H:%M}" if isinstance(value, date) else "")
        case _:
            return str(value)
