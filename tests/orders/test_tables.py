"""Tables as CSV and as a workbook: exact, and safe to open."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook

from orders.tables import Cell, CsvTables, ExcelTables

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://example.com")']


def csv_of(*rows: Sequence[Cell], title: str = "Tax sums") -> dict[str, str]:
    file = io.BytesIO()
    tables = CsvTables(file)
    tables.add(title, ("A", "B"), rows)
    tables.close()
    with zipfile.ZipFile(file) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name).decode("utf-8-sig") for name in packed.namelist()}


def workbook_of(*rows: Sequence[Cell]) -> Any:
    file = io.BytesIO()
    tables = ExcelTables(file)
    tables.add("Tax & <sums>", ("A", "B"), rows)
    tables.add("Second", ("C",), [["x"]])
    tables.close()
    return load_workbook(file)


def test_a_table_is_a_file_of_its_own_in_csv() -> None:
    assert csv_of((Decimal("12.30"), "Bäckerei, “Ost”"), (7, None), (date(2026, 3, 14), time(15, 5, 48))) == {
        "tax_sums.csv": 'A,B\r\n12.30,"Bäckerei, “Ost”"\r\n7,\r\n2026-03-14,15:05:48\r\n'
    }


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_is_a_formula_in_csv(text: str) -> None:
    [content] = csv_of((text, Decimal("-1.00"))).values()
    assert f"'{text[0]}" in content
    assert ",-1.00" in content


def test_a_table_is_a_sheet_of_a_workbook() -> None:
    book = workbook_of(
        (Decimal("12.30"), "Bäckerei & “Ost” <1>"),
        (7, None),
        (date(2026, 3, 14), time(15, 5, 48)),
        (" x\x07\ud800", ""),
    )
    sheet = book.worksheets[0]
    assert book.sheetnames == ["Tax & <sums>", "Second"]
    assert sheet.freeze_panes == "A2"
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["A", "B"],
        [12.3, "Bäckerei & “Ost” <1>"],
        [7, None],
        [sheet["A4"].value, time(15, 5, 48)],
        [" x", ""],
    ]
    assert sheet["A4"].value.date() == date(2026, 3, 14)
    assert (sheet["A2"].number_format, sheet["A1"].font.bold) == ("0.00", True)


def test_amounts_stand_in_a_workbook_exactly_as_written() -> None:
    file = io.BytesIO()
    tables = ExcelTables(file)
    tables.add("Orders", ("A",), [[Decimal("90071992547409.93")]])
    tables.close()
    with zipfile.ZipFile(file) as packed:
        assert b"<v>90071992547409.93</v>" in packed.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_is_a_formula_in_a_workbook(text: str) -> None:
    cell = workbook_of((text, "")).worksheets[0]["A2"]
    assert cell.data_type == "s"
    assert str(cell.value).strip() == text.strip()
