"""Lists as text files: comma, semicolon or tab between the cells; UTF-8, or what older programs write."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from catalog.lists.sheet import PRODUCTS, Layout, Table, Unreadable

SIGNS = (",", ";", "\t")

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is worked out by a spreadsheet program, whoever has written it."""

WINDOWS = (
    "This file is not in UTF-8, so it was read as Windows-1252, which older programs write. "
    "Check that letters with accents look right."
)


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """As spreadsheet programs take it: with a byte order mark, and no cell that they would work out as a formula."""
    out = StringIO()
    csv.writer(out).writerows([guarded(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def guarded(text: str) -> str:
    """The text with an apostrophe in front if it could be taken for a formula; `plain` takes it away again."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def read(raw: bytes, layout: Layout = PRODUCTS) -> Table:
    text, notes = _decoded(raw)
    text, sign = _sign(text, layout)
    return Table(_rows(text, sign), notes, is_text=True)


def _decoded(raw: bytes) -> tuple[str, list[str]]:
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16"), []
        return _without_nul(raw.decode("utf-8-sig")), []
    except UnicodeDecodeError:
        pass
    try:
        return _without_nul(raw.decode("cp1252")), [WINDOWS]
    except UnicodeDecodeError as error:
        raise Unreadable("This is no text file. Save the list as a spreadsheet (.xlsx) or as CSV in UTF-8.") from error


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise Unreadable("This is no text file. Save the list as a spreadsheet (.xlsx) or as CSV in UTF-8.")
    return text


def _sign(text: str, layout: Layout) -> tuple[str, str]:
    """The text, and the sign between its cells: the one by which the heading names most of our columns."""
    if told := re.match(r"\s*sep=([,;\t])\r?\n", text):  # spreadsheet programs read and write this line
        return f"\n{text[told.end() :]}", told[1]
    heading = next((line for line in text.splitlines() if line.strip()), "")
    return text, max(SIGNS, key=lambda sign: sum(layout.named(title) is not None for title in heading.split(sign)))


def _rows(text: str, sign: str) -> Iterator[Sequence[str]]:
    lines = csv.reader(StringIO(text, newline=""), delimiter=sign, strict=True)
    try:
        for cells in lines:
            yield [plain(cell) for cell in cells]
    except csv.Error as error:
        raise Unreadable(
            f'The file breaks off or is damaged in line {lines.line_num:,}: look for a quote (") that is not closed.'
        ) from error
