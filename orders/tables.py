"""Tables for a spreadsheet: CSV files in a ZIP, or the sheets of a workbook; written row by row, never held whole.

Texts that a spreadsheet would take for a formula are made plain: names of stores and promotions come from people.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from html import escape
from typing import IO, Protocol

Cell = str | int | Decimal | date | time | None
"""Amounts of money are Decimals with two places."""

FORMULA = re.compile(r"^[=+\-@\t\r\n]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML does not allow."""


class Tables(Protocol):
    """A file of tables that is being written."""

    def add(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None: ...

    def close(self) -> None: ...


class CsvTables:
    """A ZIP with one CSV file a table: UTF-8 with its mark, so that spreadsheets read it as such."""

    suffix, content_type = "zip", "application/zip"

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def add(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        name = f"{title.lower().replace(' ', '_')}.csv"
        with (
            self._zip.open(name, "w", force_zip64=True) as raw,
            io.TextIOWrapper(raw, "utf-8-sig", newline="", write_through=False) as text,
        ):
            writer = csv.writer(text)
            writer.writerow(columns)
            writer.writerows(map(csv_row, rows))

    def close(self) -> None:
        self._zip.close()


def csv_row(row: Sequence[Cell]) -> list[str]:
    """What stands in a CSV file for these cells."""
    return [_csv_cell(cell) for cell in row]


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        plain = UNPRINTABLE.sub("", cell)
        return f"'{plain}" if FORMULA.match(plain) else plain
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


class ExcelTables:
    """A workbook with one sheet a table, written as it is: a library that builds cells takes many times as long.

    The format: ECMA-376, SpreadsheetML, with texts inside their cells.
    """

    suffix, content_type = "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._titles: list[str] = []

    def add(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        self._titles.append(title)
        name = f"xl/worksheets/sheet{len(self._titles)}.xml"
        with (
            self._zip.open(name, "w", force_zip64=True) as raw,
            io.TextIOWrapper(raw, "utf-8", write_through=False) as text,
        ):
            text.write(f"{XML}<worksheet {MAIN}>{FROZEN}<cols>{WIDTHS.format(len(columns))}</cols><sheetData>")
            text.write(_row(_text(column, style=BOLD) for column in columns))
            text.writelines(_row(map(_excel_cell, row)) for row in rows)
            text.write("</sheetData></worksheet>")

    def close(self) -> None:
        numbered = list(enumerate(self._titles, 1))
        sheets = "".join(f'<sheet name="{escape(title)}" sheetId="{n}" r:id="rId{n}"/>' for n, title in numbered)
        links = "".join(RELATION.format(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered)
        links += RELATION.format("rIdStyles", "styles", "styles.xml")
        parts = "".join(PART.format(f"worksheets/sheet{n}", "worksheet") for n, _ in numbered)
        parts += PART.format("styles", "styles") + PART.format("workbook", "sheet.main")
        for name, content in (
            (
                "xl/workbook.xml",
                f'<workbook {MAIN} xmlns:r="{OFFICE}/relationships"><sheets>{sheets}</sheets></workbook>',
            ),
            ("xl/_rels/workbook.xml.rels", f'<Relationships {PACKAGE}/relationships">{links}</Relationships>'),
            ("xl/styles.xml", STYLES),
            ("_rels/.rels", f'<Relationships {PACKAGE}/relationships">{ROOT}</Relationships>'),
            ("[Content_Types].xml", f'<Types {PACKAGE}/content-types">{DEFAULTS}{parts}</Types>'),
        ):
            self._zip.writestr(name, XML + content)
        self._zip.close()


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006'
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
FROZEN = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/></sheetView></sheetViews>'
)
WIDTHS = '<col min="1" max="{}" width="18" customWidth="1"/>'
RELATION = f'<Relationship Id="{{}}" Type="{OFFICE}/relationships/{{}}" Target="{{}}"/>'
ROOT = RELATION.format("rId1", "officeDocument", "xl/workbook.xml")
DEFAULTS = (
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
)
PART = (
    '<Override PartName="/xl/{}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{}+xml"/>'
)
BOLD, MONEY, DAY, CLOCK = 1, 2, 3, 4
"""The places of the styles below; the numbers in it are those of built-in formats: 0.00, a date, h:mm:ss."""
STYLES = (
    f'<styleSheet {MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="5">'
    '<xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" numFmtId="2" applyNumberFormat="1"/>'
    '<xf xfId="0" numFmtId="14" applyNumberFormat="1"/><xf xfId="0" numFmtId="21" applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
DAY_ZERO = date(1899, 12, 30)
"""Days are counted from it, as if 1900 had been a leap year."""
DAY_SECONDS = 24 * 60 * 60


def _row(cells: Iterable[str]) -> str:
    return f"<row>{''.join(cells)}</row>"


def _excel_cell(value: Cell) -> str:
    """Amounts are numbers of two places, exact as written; a text is a text whatever it begins with."""
    match value:
        case None:
            return "<c/>"
        case str():
            return _text(value)
        case Decimal():
            return f'<c s="{MONEY}"><v>{value:f}</v></c>'
        case date():
            return f'<c s="{DAY}"><v>{(value - DAY_ZERO).days}</v></c>'
        case time():
            seconds = value.hour * 3600 + value.minute * 60 + value.second
            return f'<c s="{CLOCK}"><v>{seconds / DAY_SECONDS:.10f}</v></c>'
        case _:
            return f"<c><v>{value}</v></c>"


def _text(text: str, style: int = 0) -> str:
    plain = escape(UNPRINTABLE.sub("", text))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{plain}</t></is></c>'
