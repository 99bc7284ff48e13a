"""What a person is shown of a difference, and may download of it: one table for each kind of row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.lists.compare import Line
from catalog.lists.sheet import COLUMNS, Fault

Rows = Iterable[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    columns: Sequence[str]
    lines: Callable[[Any], Sequence[Any]]
    """What it is about: lines of the difference, or faults."""
    rows_of: Callable[[Any], Rows]
    """The rows of the table that show one of them."""
    is_faulty: bool = False

    def rows(self, lines: Iterable[Any]) -> Iterator[Sequence[str]]:
        for line in lines:
            yield from self.rows_of(line)


def _fault(fault: Fault) -> Rows:
    yield str(fault.number), *fault[1:]


def _changes(line: Line) -> Rows:
    for change in line.changes:
        yield str(line.number), line.after.sku, *change


def _product(line: Line) -> Rows:
    yield str(line.number), *line.cells


def _name(line: Line) -> Rows:
    yield str(line.number), line.after.sku, line.after.name


FAULTY = ("Row", "SKU", "Column", "In the file")

PARTS: Mapping[str, Part] = {
    "wrong": Part("Wrong", (*FAULTY, "What to do"), lambda found: found.faults, _fault, is_faulty=True),
    "warnings": Part("Look at these", (*FAULTY, "Why"), lambda found: found.warnings, _fault, is_faulty=True),
    "changed": Part("Changed", ("Row", "SKU", "Column", "Before", "After"), lambda found: found.changed, _changes),
    "new": Part("New", ("Row", *COLUMNS), lambda found: found.new, _product),
    "unchanged": Part("Unchanged", ("Row", "SKU", "Name"), lambda found: found.unchanged, _name),
}
"""In the order in which they are looked at, by the name in their address."""


def table(part: Part, difference: Any) -> Iterator[Sequence[str]]:
    """All of it, with its heading."""
    yield part.columns
    yield from part.rows(part.lines(difference))
