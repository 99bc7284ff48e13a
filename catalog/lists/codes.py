"""The cell with a product's barcodes: `012345678905 UPC; 5901234123457 EAN`, the main one first. Plain Python."""

import re
from collections.abc import Iterable, Iterator, Sequence

from catalog import barcodes
from catalog.barcodes import Flaw

Code = tuple[str, str]
"""A code and its type."""

PART = re.compile(r"(?P<code>[0-9][0-9\s-]*(?:(?<=[0-9-])[Xx](?![A-Za-z]))?)(?P<kind>.*)", re.DOTALL)
NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?:[Ee]\+?[0-9]+)?")

EXAMPLE = "012345678905 UPC"
MAKES_TEXT = "Format the column as text and enter the barcode again."


def in_words(codes: Iterable[Code]) -> str:
    return "; ".join(f"{code} {kind}" for code, kind in codes)


class Reader:
    """Reads one cell: `codes` are those in it, `faults` what refuses it, `warnings` what should be looked at."""

    def __init__(self, held: Sequence[Code] = ()) -> None:
        """`held` are the barcodes of the product as it is: one that stays as it is is not judged again."""
        self.held = held
        self.codes: list[Code] = []
        self.faults: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, str]] = []

    def read(self, cell: str) -> None:
        for part in re.split(r"[;\n]", cell):
            if part.strip():
                self._part(part.strip())

    def _part(self, part: str) -> None:
        split, first = PART.fullmatch(part), part.split(maxsplit=1)[0]
        if NUMBER.fullmatch(first) and not first.isdigit():
            self.faults.append((part, f"A spreadsheet has taken this for a number and changed it. {MAKES_TEXT}"))
        elif not split:
            self.faults.append((part, f"Write the digits, then the type, for example {EXAMPLE}."))
        else:
            code = re.sub(r"[\s-]", "", split["code"]).upper()
            self._typed(part, code, split["kind"].strip(" \t:,()-"))

    def _typed(self, part: str, code: str, spelling: str) -> None:
        kind = barcodes.kind_of(spelling) if spelling else self._kind(code)
        if kind:
            self._add(part, code, kind)
        elif spelling:
            known = ", ".join(barcodes.LENGTHS)
            self.faults.append(
                (part, f"“{spelling}” is no type of barcode. Write one of {known}; separate codes by “;”.")
            )
        else:
            self.faults.append((part, self._without_type(code)))

    def _kind(self, code: str) -> str | None:
        """The type of a code that comes without one: as the product has it, or as its digits say."""
        held = [kind for other, kind in self.held if other == code]
        return held[0] if held else barcodes.guess_kind(code)

    def _without_type(self, code: str) -> str:
        if lost := next(_zeros_lost(code), None):
            return lost
        return (
            f"{len(code)} digits are no barcode by themselves. Write its type after it, and “;” between several codes."
        )

    def _add(self, part: str, code: str, kind: str) -> None:
        if (code, kind) in self.codes:
            self.faults.append((part, "This barcode stands twice in the cell. Take one away."))
        elif (code, kind) not in self.held:
            self._judge(part, code, kind)
        self.codes.append((code, kind))

    def _judge(self, part: str, code: str, kind: str) -> None:
        longer = [other for other, _ in self.held if other != code and other.lstrip("0") == code.lstrip("0")]
        if part == code and longer and len(longer[0]) > len(code):
            self.faults.append((part, _zero_lost(longer[0])))
            return
        fault = barcodes.fault(code, kind)
        if fault is None:
            return
        refused = fault.flaw == Flaw.ZEROS or not barcodes.is_well_formed(code, kind)
        (self.faults if refused else self.warnings).append((part, _in_words(fault, kind)))


def _zeros_lost(code: str) -> Iterator[str]:
    for kind in barcodes.LENGTHS:
        fault = barcodes.fault(code, kind)
        if fault and fault.flaw == Flaw.ZERO_LOST and fault.meant:
            yield _zero_lost(fault.meant.code)


def _zero_lost(meant: str) -> str:
    return f"This looks like {meant} without the zero in front, which spreadsheets take away. {MAKES_TEXT}"


def _in_words(fault: barcodes.Fault, kind: str) -> str:
    if fault.flaw == Flaw.ZERO_LOST and fault.meant:
        return _zero_lost(fault.meant.code)
    lengths = " or ".join(map(str, barcodes.LENGTHS[kind]))
    meant = f" Perhaps {fault.meant.code} {fault.meant.kind} is meant." if fault.meant else ""
    return SENTENCES.get(fault.flaw, f"A code of the type {kind} has {lengths} digits.") + meant


SENTENCES = {
    Flaw.ZEROS: "Nothing but zeros is no barcode. Leave it out until you know the right one.",
    Flaw.PADDED: "Zeros were added to this code; Amazon wants it as it is printed.",
    Flaw.OTHER_TYPE: "This does not look like a code of that type.",
    Flaw.CHECK_DIGIT: "The last digit does not fit the others. Compare the code with the package.",
    Flaw.CHECK_DIGIT_LOST: "The check digit is missing. Copy the code with its last digit.",
    Flaw.ENDS_LOST: "The first digit and the last are missing. Copy the code as it is printed.",
    Flaw.NO_UPC_E: "A UPC of 8 digits begins with 0 or 1.",
}
