"""What the page "Today" is made of. The apps fill it: `site.add_tiles` and `site.add_panel`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure on the page. The tone is `good`, `look` (somebody should) or `plain`."""

    title: str
    value: str
    link: str
    tone: str = "plain"
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page below the tiles: its own template, and what that is told."""

    title: str
    template: str
    told: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    link_text: str = ""
    is_wide: bool = False


Tiles = Callable[[HttpRequest, datetime], Iterable[Tile]]
Panels = Callable[[HttpRequest, datetime], Iterable[Panel]]


# --- A panel with a table ------------------------------------------------------------------------------------------

TABLE = "admin/today/table.html"


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    column: Column
    text: str
    link: str = ""
    tone: str = ""


Said = str | tuple[str, str]
"""A text, or one with its link."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Said]], *, said: str = "", nothing: str) -> dict[str, Any]:
    """What the template of a table is told; `nothing` is said when there are no rows."""
    cells = [[_cell(column, text) for column, text in zip(columns, row, strict=True)] for row in rows]
    return {"columns": columns, "rows": cells, "said": said, "nothing": nothing}


def _cell(column: Column, said: Said) -> Cell:
    text, link = (said, "") if isinstance(said, str) else said
    return Cell(column, text, link)
