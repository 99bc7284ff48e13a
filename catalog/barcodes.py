"""Barcodes as text: which codes mean the same product, and what is wrong with a code. Plain Python.

Scanned and stored codes meet on a lookup key: the 14-digit GTIN (padded with zeros on the left) of a barcode, or the
digits of a PLU as they stand. Source: the pricing rules, section 2.

What a code must look like: Amazon's upload_catalog and catalog_data_overview pages (lengths; never without its check
digit, never padded), GS1's General Specifications (check digits), ISO 2108 (those of an ISBN of ten).
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

GTIN_DIGITS = 14
PLU_DIGITS = range(3, 7)
PRODUCE_DIGITS = (4, 5)
"""Of the PLUs that all shops share. Other codes of three or six digits are no likely PLU."""
UPC_E_DIGITS = 8
UPC_BODY_DIGITS = (6, 10)
"""Of a UPC-E and a UPC-A without the first digit and the last, which some lists leave out."""

LENGTHS: Mapping[str, tuple[int, ...]] = {
    "UPC": (8, 12),
    "EAN": (13,),
    "EAN8": (8,),
    "ISBN": (10,),
    "GTIN": (14,),
    "PLU": tuple(PLU_DIGITS),
}
"""How many characters a code of each of Amazon's types has. Source: its upload_catalog and catalog_data_overview."""

SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(("UPC", "UPCA", "UPCE", "UPC8", "UPC12", "UCC12", "GTIN12"), "UPC"),
    **dict.fromkeys(("EAN", "EAN13", "UCC13", "JAN", "JAN13", "GTIN13", "ISBN13", "BOOKLAND"), "EAN"),
    **dict.fromkeys(("EAN8", "UCC8", "JAN8", "GTIN8"), "EAN8"),
    **dict.fromkeys(("ISBN", "ISBN10"), "ISBN"),
    **dict.fromkeys(("GTIN", "GTIN14", "EAN14", "UCC14", "SCC14", "ITF", "ITF14", "DUN14"), "GTIN"),
    **dict.fromkeys(("PLU", "PLU4", "PLU5"), "PLU"),
}
"""What other systems call Amazon's types, in capitals and without marks. An ISBN of thirteen is an EAN to Amazon."""


def new_id() -> uuid.UUID:
    return uuid.uuid4()


def gtin(digits: str) -> str:
    """The 14-digit form: `012345678905` as `00012345678905`."""
    return digits.zfill(GTIN_DIGITS)


def expand_upc_e(code: str) -> str | None:
    """The 12-digit UPC-A of an 8-digit UPC-E, or None when the code is no UPC-E (number system other than 0 or 1).

    Source: GS1 General Specifications, zero-suppression of UPC-E. `07838604` is `078000003864`.
    """
    if len(code) != UPC_E_DIGITS or not is_digits(code) or code[0] not in "01":
        return None
    system, body, last, check = code[0], code[1:6], code[6], code[7]
    match last:
        case "0" | "1" | "2":
            expanded = body[:2] + last + "0000" + body[2:]
        case "3":
            expanded = body[:3] + "00000" + body[3:]
        case "4":
            expanded = body[:4] + "00000" + body[4:]
        case _:
            expanded = body + "0000" + last
    return system + expanded + check


def is_digits(code: str) -> bool:
    return code.isascii() and code.isdigit()


def stored_key(code: str, barcode_type: str) -> str:
    """Under which key a product's barcode is found; its stored type says how to read eight digits."""
    if not is_digits(code) or barcode_type == "PLU":
        return code
    if barcode_type == "UPC":
        return gtin(expand_upc_e(code) or code)
    return gtin(code)


def scan_keys(code: str) -> tuple[str, ...]:
    """Every key that a scanned code may stand under: eight digits may be an EAN-8 or a UPC-E."""
    if not is_digits(code):
        return (code,)
    keys = [code] if len(code) in PLU_DIGITS else []
    keys.append(gtin(code))
    expanded = expand_upc_e(code)
    if expanded:
        keys.append(gtin(expanded))
    return tuple(keys)


# --- Types ---------------------------------------------------------------------------------------------------------


def kind_of(spelling: str) -> str | None:
    """Amazon's name of a type however it is spelled (`upc-a`, `EAN 13`, `JAN`), or None when nobody knows it."""
    return SPELLINGS.get(re.sub(r"[^A-Z0-9]", "", spelling.upper()))


def guess_kind(code: str) -> str | None:
    """The type of a code that comes without one, or None when its length says nothing.

    Eight digits that fit both are a UPC-E: an EAN-8 that begins with 0 is a shop's own (GS1). Ten digits are an ISBN
    only if the check digit says so: as many are left of a UPC without its first digit and its last.
    """
    possible = [kind for kind in LENGTHS if is_well_formed(code, kind)]
    right = [kind for kind in possible if is_right(code, kind)]
    return next(iter(right or (kind for kind in possible if kind != "ISBN")), None)


# --- Check digits --------------------------------------------------------------------------------------------------


def is_well_formed(code: str, kind: str) -> bool:
    """Whether a code has the digits that its type wants: an ISBN may end in X, a UPC of eight begins with 0 or 1."""
    if len(code) not in LENGTHS[kind] or not code.isascii():
        return False
    if code.isdigit():
        return kind != "UPC" or len(code) != UPC_E_DIGITS or code[0] in "01"
    return kind == "ISBN" and code[-1] in "Xx" and code[:-1].isdigit()


def check_digit(code: str, kind: str) -> str:
    """With what a well-formed code must end, whatever it ends with. A PLU has no check digit: any end is right."""
    if kind == "PLU":
        return code[-1]
    if kind == "ISBN":
        return _modulo_11(code[:-1])
    upc_a = expand_upc_e(code) if kind == "UPC" else None
    return _modulo_10((upc_a or code)[:-1])


def _modulo_10(digits: str) -> str:
    """GS1: the weights are 3, 1, 3, … from the right."""
    total = 3 * sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def _modulo_11(digits: str) -> str:
    """ISO 2108: the weights are 10 to 2 from the left, and X is ten."""
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True))
    return "0123456789X"[-total % 11]


def is_right(code: str, kind: str) -> bool:
    """Whether a code is well-formed and its check digit is the right one."""
    return is_well_formed(code, kind) and check_digit(code, kind) == code[-1].upper()


def is_padded(code: str, kind: str) -> bool:
    """Whether the zeros in front of a code of the right length look added, to a UPC or an EAN-8 most likely.

    No UPC has four zeros in front: GS1 keeps those numbers free, so that an EAN-8 can be told from it.
    """
    if kind == "UPC":
        return len(code) != UPC_E_DIGITS and code.startswith("0000")
    return kind in ("EAN", "GTIN") and code.startswith("0")


def book_ean(isbn: str) -> str:
    """The thirteen digits under the bars of the book that has this ISBN of ten."""
    digits = f"978{isbn[:-1]}"
    return digits + _modulo_10(digits)


# --- What is wrong with a code -------------------------------------------------------------------------------------


class Flaw(StrEnum):
    """What is wrong with a code."""

    ZEROS = "barcode-zeros"
    """Nothing but zeros, or nothing at all."""
    SHORTENED = "barcode-shortened"
    """A number such as `1.23457E+11`, as spreadsheets make of a code."""
    MARKS = "barcode-marks"
    """Blanks, hyphens and the like, which are not part of a code."""
    NOT_DIGITS = "barcode-not-digits"
    PADDED = "barcode-padded"
    """Zeros were added in front or behind."""
    ZERO_LOST = "barcode-zero-lost"
    """It began with one zero or several."""
    OTHER_TYPE = "barcode-other-type"
    """It is right, but of another type."""
    CHECK_DIGIT = "barcode-check-digit"
    """As long as it should be, but the last digit does not fit the others."""
    CHECK_DIGIT_LOST = "barcode-check-digit-lost"
    ENDS_LOST = "barcode-ends-lost"
    """The first digit and the last are missing."""
    NO_UPC_E = "barcode-no-upc-e"
    """Eight digits as a UPC of which the first is neither 0 nor 1."""
    LENGTH = "barcode-length"


class Meant(NamedTuple):
    """A right code that a faulty one probably stands for."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Fault:
    flaw: Flaw
    meant: Meant | None = None


MARKS = re.compile("[\\s'\u2010-\u2019\u200b\ufeff-]+|\\.0*\\Z")
"""Blanks, hyphens, dashes and quotes that come with a code, and the decimals that spreadsheets add."""
SHORTENED = re.compile(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)


def fault(code: str, kind: str) -> Fault | None:
    """What is wrong with a code of one of Amazon's six types, and which code is probably meant; None if it is fine.

    A code that `is_right` has a fault as well where it looks padded.
    """
    if not code.strip("0"):
        return Fault(Flaw.ZEROS)
    if is_right(code, kind):
        return Fault(Flaw.PADDED, _first_fine(_unpadded(code, kind))) if is_padded(code, kind) else None
    if SHORTENED.fullmatch(code):
        return Fault(Flaw.SHORTENED)
    bare = MARKS.sub("", code)
    return _fault_of_bare(code, kind) if bare == code else _fault_of_marked(bare, kind)


def _fault_of_marked(bare: str, kind: str) -> Fault:
    """Of a code that has more than marks: which code its digits mean."""
    other = fault(bare, kind)
    if other is None:
        return Fault(Flaw.MARKS, Meant(bare, kind))
    return other if other.flaw in (Flaw.NOT_DIGITS, Flaw.ZEROS) else Fault(Flaw.MARKS, other.meant)


def _fault_of_bare(code: str, kind: str) -> Fault:
    """The likeliest explanation of a code that is not right: first those by which all its digits make sense."""
    if is_digits(code):
        for flaw, readings in (
            (Flaw.PADDED, _unpadded(code, kind)),
            (Flaw.ZERO_LOST, _with_zeros(code, kind)),
            (Flaw.OTHER_TYPE, _of_other_types(code, kind)),
        ):
            meant = _first_fine(readings)
            if meant:
                return Fault(flaw, meant)
    if is_well_formed(code, kind):
        return Fault(Flaw.CHECK_DIGIT, _completed(code[:-1], kind))
    return _fault_of_length(code, kind) if is_digits(code) else Fault(Flaw.NOT_DIGITS)


def _fault_of_length(code: str, kind: str) -> Fault:
    if len(code) in LENGTHS[kind]:
        return Fault(Flaw.NO_UPC_E)
    if kind != "PLU" and is_well_formed(f"{code}0", kind):
        return Fault(Flaw.CHECK_DIGIT_LOST, _completed(code, kind))
    if kind == "UPC" and len(code) in UPC_BODY_DIGITS:
        return Fault(Flaw.ENDS_LOST, _completed(f"0{code}", kind))
    return Fault(Flaw.LENGTH)


def _completed(body: str, kind: str) -> Meant:
    return Meant(body + check_digit(f"{body}0", kind), kind)


def _first_fine(readings: Iterator[Meant]) -> Meant | None:
    return next((one for one in readings if is_right(one.code, one.kind) and not is_padded(one.code, one.kind)), None)


def _unpadded(code: str, kind: str) -> Iterator[Meant]:
    """What is left of a code without zeros in front, or behind eight digits: as the same type first."""
    readings = [Meant(code[-length:], other) for other, length in PADDED_TYPES if _is_zeros(code[:-length])]
    if _is_zeros(code[UPC_E_DIGITS:]):
        readings += [Meant(code[:UPC_E_DIGITS], "UPC"), Meant(code[:UPC_E_DIGITS], "EAN8")]
    plu = code.lstrip("0")
    if len(code) not in PLU_DIGITS and len(plu) in (PLU_DIGITS if kind == "PLU" else PRODUCE_DIGITS):
        readings.append(Meant(plu, "PLU"))
    return iter(sorted(readings, key=lambda one: one.kind != kind))


PADDED_TYPES = (("EAN", 13), ("UPC", 12), ("UPC", UPC_E_DIGITS), ("EAN8", UPC_E_DIGITS))


def _is_zeros(part: str) -> bool:
    return bool(part) and not part.strip("0")


def _with_zeros(code: str, kind: str) -> Iterator[Meant]:
    """The code with up to two zeros in front (of eight or ten digits), or three (of more)."""
    for length in LENGTHS[kind]:
        if kind != "PLU" and length > len(code) >= length - length // 4:
            yield Meant(code.zfill(length), kind)


def _of_other_types(code: str, kind: str) -> Iterator[Meant]:
    for other, lengths in LENGTHS.items():
        if other != kind and len(code) in (PRODUCE_DIGITS if other == "PLU" else lengths):
            yield Meant(code, other)
