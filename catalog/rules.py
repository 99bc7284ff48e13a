"""Whether a product is fit for Amazon's catalog: what is wrong with it, and what to do about that. Plain Python.

Amazon takes an upload in at once and tells an hour later which items failed, and why only in its own words. So what
its pages forbid is an error here, which keeps a product back; what they leave open is a warning. Sources: Amazon's
upload_catalog, catalog_data_overview and catalog_maintenance pages.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from catalog import barcodes, words
from catalog.barcodes import Fault, Flaw


class Severity(StrEnum):
    ERROR = "ERROR"
    """Amazon's pages forbid it, or nobody could tell what a scan means: the product is not sent."""
    WARNING = "WARNING"
    """It is sent, but somebody should look at it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a product, in words for a store manager.

    `rule` is a name that stays the same, `field` the product's field (`barcodes` for all codes), `code` the barcode.
    """

    rule: str
    severity: Severity
    sentence: str
    fix: str
    field: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """A barcode of a product. `accepted`: somebody who may do so said that its wrong check digit is what is printed."""

    code: str
    type: str
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """What Amazon's catalog is told about a product in every store. The first code is the main one."""

    sku: str
    name: str
    brand: str
    category: str
    subcategory: str
    weight_unit: str
    codes: tuple[CodeFacts, ...]


MAX_LENGTH = 255
"""Characters of any field. A longer one is a 400 for the whole upload: Amazon's catalog_upload_test_cases, case 7."""
MAX_NAME = 100
"""Characters of a name that Amazon prints on receipts. Its pages say 255 and 100: the smaller one is safe."""
MAX_CODES = 51
"""One main barcode and fifty additional ones."""
SHOWN = 60
"""Characters of a value that a sentence repeats."""


def findings(product: ProductFacts) -> tuple[Finding, ...]:
    """All that is wrong with a product: errors first, then in the order of its fields. Nothing: it is fit to send."""
    found = [*_of_sku(product.sku), *_of_name(product), *_of_other_fields(product), *_of_codes(product.codes)]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.WARNING)) if found else ()


def shared_code(code: str, others: Sequence[str], store_names: Sequence[str]) -> Finding:
    """That a barcode is also on these other SKUs in these stores, of each at least one."""
    return Finding(
        "barcode-shared",
        Severity.ERROR,
        f"Barcode {_short(code)} is also on {_listed(others)} in {_listed(store_names)}.",
        "Take it off every product but the one that carries it: a scan could not tell them apart.",
        "barcodes",
        code,
    )


def _short(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…"


def _listed(parts: Sequence[str], most: int = 3) -> str:
    """`A, B and C`, or `A, B, C and 4 more`."""
    last = f"{len(parts) - most} more" if len(parts) > most else parts[-1]
    first = parts[:most] if len(parts) > most else parts[:-1]
    return f"{', '.join(first)} and {last}" if first else last


# --- Characters ----------------------------------------------------------------------------------------------------

INVISIBLE = {" ": "a blank", "\t": "a tab", "\n": "a line break", "\r": "a line break", '"': "a double quote"}


def _marks(text: str) -> str:
    """The characters of a text that is made of unwanted ones, each once, in words."""
    return _listed(list(dict.fromkeys(map(_mark, text))))


def _mark(sign: str) -> str:
    seen = f'"{sign}"' if sign.isprintable() else f"an invisible character (U+{ord(sign):04X})"
    return INVISIBLE.get(sign, seen)


# --- SKU -----------------------------------------------------------------------------------------------------------

FINE_SKU = re.compile(r"[A-Za-z0-9-]{1,255}")
"""Letters and digits, as the pages say, and the hyphen, which Amazon's own test cases have (`TEST-001`)."""
DOUBTFUL_IN_SKU = re.compile(r"[^A-Za-z0-9_./ -]")
"""All but what is fine, and underscores, dots, slashes and blanks: the pages forbid "other special characters" and name
none of them. These four are common in SKUs and so left to Amazon, with a warning; others are forbidden."""

OTHER_SKU = "A SKU cannot be changed: retire this product, and add it again under a SKU of letters, digits and hyphens."


def _of_sku(sku: str) -> Iterator[Finding]:
    if FINE_SKU.fullmatch(sku):
        return
    if not sku.strip():
        yield _sku("sku-empty", "The product has no SKU.", "Add the product again under its SKU.")
        return
    if len(sku) > MAX_LENGTH:
        sentence = f"SKU {_short(sku)} has {len(sku)} characters; Amazon takes {MAX_LENGTH}."
        yield _sku("sku-too-long", sentence, OTHER_SKU)
    if sku != sku.strip():
        yield _sku("sku-blanks", f'SKU "{_short(sku.strip())}" has blanks at its beginning or end.', OTHER_SKU)
    yield from _of_sku_characters(sku.strip())


def _of_sku_characters(sku: str) -> Iterator[Finding]:
    forbidden = "".join(DOUBTFUL_IN_SKU.findall(sku))
    doubtful = "".join(sign for sign in "_./ " if sign in sku)
    if forbidden:
        sentence = f"SKU {_short(sku)} contains {_marks(forbidden)}. Amazon takes no special characters in SKUs."
        yield _sku("sku-characters", sentence, OTHER_SKU)
    elif doubtful:
        yield _sku(
            "sku-doubtful-characters",
            f"SKU {_short(sku)} contains {_marks(doubtful)}. Amazon takes no special characters in SKUs and does not "
            "say whether this is one.",
            "Ask Amazon, or upload one such product and wait for the report. Give new products SKUs of letters, digits "
            "and hyphens.",
            Severity.WARNING,
        )


def _sku(rule: str, sentence: str, fix: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule, severity, sentence, fix, "sku")


# --- Name ----------------------------------------------------------------------------------------------------------

FINE_NAME = re.compile(r"[A-Za-z0-9 .,()-]{1,100}")
"""Letters and digits, as the pages say, and what their own examples have: `Dr. Pepper Zero Cherry 20oz`, `Colgate Kids
Toothbrush, Trolls, Extra Soft (2 Count)`; and the hyphen."""
DOUBTFUL_IN_NAME = "&'/%+!:#"
"""The pages forbid "other special characters" and name none. Brands and sizes need these: `M&M's`, `2% Milk`."""
FORBIDDEN_IN_NAME = re.compile(rf"[^A-Za-z0-9 .,(){DOUBTFUL_IN_NAME}-]")


def _of_name(product: ProductFacts) -> Iterator[Finding]:
    name = product.name
    if not name.strip():
        fix = f"Give it a name of at most {MAX_NAME} characters with brand, variety and size."
        yield _name("name-empty", "The product has no name.", fix, Severity.ERROR)
        return
    if not FINE_NAME.fullmatch(name):
        yield from _of_name_form(name)
    yield from _of_name_words(name, product.brand)


def _of_name_form(name: str) -> Iterator[Finding]:
    if len(name) > MAX_NAME:
        yield _name(
            "name-too-long",
            f'The name "{_short(name)}" has {len(name)} characters; Amazon prints {MAX_NAME} on the receipt'
            + (f" and takes no more than {MAX_LENGTH}." if len(name) > MAX_LENGTH else "."),
            f"Shorten it to {MAX_NAME} characters, with brand, variety and size.",
            Severity.ERROR,
        )
    yield from _of_name_characters(name)


def _of_name_characters(name: str) -> Iterator[Finding]:
    forbidden = "".join(FORBIDDEN_IN_NAME.findall(name))
    doubtful = "".join(sign for sign in DOUBTFUL_IN_NAME if sign in name)
    if forbidden:
        yield _name(
            "name-characters",
            f'The name "{_short(name)}" contains {_marks(forbidden)}. Amazon takes no special characters in names.',
            _in_plain_letters(name),
            Severity.ERROR,
        )
    if doubtful:
        yield _name(
            "name-doubtful-characters",
            f'The name "{_short(name)}" contains {_marks(doubtful)}. Amazon takes no special characters in names and '
            "does not say whether this is one.",
            "Leave it out if the name stays clear without it. Otherwise send it and wait for Amazon's report.",
        )


def _in_plain_letters(name: str) -> str:
    written = words.plain(name)
    if written and not FORBIDDEN_IN_NAME.search(written):
        return f'Write "{written}".'
    return "Leave it out or write it in words, in the letters A to Z."


def _of_name_words(name: str, brand: str) -> Iterator[Finding]:
    small = (name if name.isascii() else words.plain(name)).lower()
    if name != name.strip() or "  " in name:
        sentence = f'The name "{_short(" ".join(name.split()))}" has blanks at its ends, or more than one in a row.'
        yield _name("name-blanks", sentence, "Take them out.")
    if name.isupper() and re.search("[A-Z]{4}", name):
        fix = 'Write it like "Brindlepop Cola 20 oz": capitals only where a word begins.'
        yield _name("name-capitals", f'The name "{_short(name)}" is all in capitals.', fix)
    short = words.abbreviations(small)
    if short:
        yield from _of_abbreviations(name, short, brand)
    if brand and not words.mentions(name, brand):
        sentence = f'The name "{_short(name)}" does not say the brand, {_short(brand)}.'
        yield _name("name-brand", sentence, "Write the brand in front of the name.")
    if not words.SIZE.search(small):
        sentence = f'The name "{_short(name)}" does not say how much is in it.'
        yield _name("name-size", sentence, 'Write the size or the count behind it, such as "20 oz", "6 ct" or "Each".')


def _of_abbreviations(name: str, short: Iterable[str], brand: str) -> Iterator[Finding]:
    """A brand may be called what is an abbreviation elsewhere, as `Med` might be."""
    own = set(words.WORD.findall(brand.lower()))
    spelled = {word: words.ABBREVIATIONS[word] for word in short if word not in own}
    if spelled:
        sentence = f'The name "{_short(name)}" has abbreviations: {_listed(list(spelled))}. Amazon wants none.'
        written = [f'"{whole}" for "{word}"' for word, whole in spelled.items()]
        yield _name("name-abbreviation", sentence, f"Write {_listed(written)}.")


def _name(rule: str, sentence: str, fix: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(rule, severity, sentence, fix, "name")


# --- Other fields --------------------------------------------------------------------------------------------------


def _of_other_fields(product: ProductFacts) -> Iterator[Finding]:
    if len(product.brand) > MAX_LENGTH:
        yield _too_long("brand", product.brand)
    if len(product.category) > MAX_LENGTH:
        yield _too_long("category", product.category)
    if len(product.subcategory) > MAX_LENGTH:
        yield _too_long("subcategory", product.subcategory)
    if product.weight_unit:
        yield Finding(
            "weighed",
            Severity.WARNING,
            f"The product is sold by weight ({product.weight_unit}), and Amazon's catalog of Just Walk Out stores has "
            "no unit of measure.",
            "Ask Amazon how your stores sell weighed goods before you put it on a shelf.",
            "weight_unit",
        )


def _too_long(field: str, value: str) -> Finding:
    sentence = f'The {field} "{_short(value)}" has {len(value)} characters; Amazon takes {MAX_LENGTH}.'
    return Finding(f"{field}-too-long", Severity.ERROR, sentence, f"Shorten it to {MAX_LENGTH} characters.", field)


# --- Barcodes ------------------------------------------------------------------------------------------------------

TYPES: Mapping[str, str] = MappingProxyType(
    {"UPC": "a UPC", "EAN": "an EAN", "EAN8": "an EAN-8", "ISBN": "an ISBN", "GTIN": "a GTIN", "PLU": "a PLU"}
)

SENTENCES: Mapping[Flaw, tuple[str, str]] = MappingProxyType(
    {
        Flaw.ZEROS: (
            'Barcode "{code}" is a placeholder, not a code.',
            "Copy the code from the package, or take this one away.",
        ),
        Flaw.SHORTENED: (
            "Barcode {code} was shortened by a spreadsheet: its digits are lost.",
            "Copy the code again from the package, and format the spreadsheet's column as text.",
        ),
        Flaw.MARKS: ("Barcode {code} contains more than its digits.", "Write {meant}, without blanks and marks."),
        Flaw.NOT_DIGITS: (
            'Barcode "{code}" is not a number.',
            "Copy the digits under the bars from the package.",
        ),
        Flaw.PADDED: (
            "Barcode {code} was probably filled up with zeros.",
            "Write {meant}, as printed on the package. Amazon wants codes without added zeros.",
        ),
        Flaw.ZERO_LOST: (
            "Barcode {code} has {digits}, but {type} has {wanted}: it has probably lost its zero in front.",
            "Write {meant}, if the package says so.",
        ),
        Flaw.OTHER_TYPE: (
            "Barcode {code} is not {type}, but looks like {meant_type}.",
            "Choose the type {meant_kind}, if that is what the package shows.",
        ),
        Flaw.CHECK_DIGIT: (
            "Barcode {code}: its last digit does not fit the others. After these it would be {digit}.",
            "Copy the code again from the package. If it is printed like this, somebody with the right can accept it.",
        ),
        Flaw.CHECK_DIGIT_LOST: (
            "Barcode {code} has {digits}, but {type} has {wanted}: its last digit, the check digit, is missing.",
            "Copy the code again from the package, with its last digit {digit}.",
        ),
        Flaw.ENDS_LOST: (
            "Barcode {code} has {digits}, but {type} has {wanted}: its first and its last digit are missing.",
            "Copy the code again from the package, with all its digits. It is probably {meant}.",
        ),
        Flaw.NO_UPC_E: (
            "Barcode {code} is not {type}: one of 8 digits begins with 0 or 1.",
            "Copy the code again from the package, or choose another type.",
        ),
        Flaw.LENGTH: (
            "Barcode {code} has {digits}, but {type} has {wanted}.",
            "Copy the code again from the package, with all its digits, or choose another type.",
        ),
    }
)
"""For each flaw of a code the sentence and the fix."""


def _of_codes(codes: tuple[CodeFacts, ...]) -> Iterator[Finding]:
    if not codes:
        fix = "Add the code that your staff scan when they stock it."
        yield _barcode("barcode-none", "The product has no barcode. Amazon needs one for each product.", fix)
    if len(codes) > MAX_CODES:
        sentence = f"The product has {len(codes)} barcodes; Amazon takes {MAX_CODES}."
        yield _barcode("barcode-too-many", sentence, f"Take at least {len(codes) - MAX_CODES} of them away.")
    for one in codes:
        yield from _of_code(one)
    if len(codes) > 1:
        yield from _of_repeats(codes)


def _of_code(one: CodeFacts) -> Iterator[Finding]:
    if one.type not in barcodes.LENGTHS:
        yield _of_type(one)
        return
    fault = barcodes.fault(one.code, one.type)
    if fault:
        yield _of_fault(one, fault)
    elif one.type == "ISBN" and not one.code.isdigit():
        yield _of_x(one.code)


def _of_type(one: CodeFacts) -> Finding:
    known = barcodes.kind_of(one.type) or barcodes.guess_kind(one.code)
    seen = f'the type "{_short(one.type)}", which Amazon does not know' if one.type else "no type"
    kinds = [_kind(kind) for kind in TYPES]
    fix = f"Choose the type {_kind(known)}." if known else f"Choose one of the types {_listed(kinds, len(kinds))}."
    return _barcode("barcode-type", f"Barcode {_short(one.code)} has {seen}.", fix, one.code)


def _of_fault(one: CodeFacts, fault: Fault) -> Finding:
    """A right code that merely looks padded is a warning, and so is a wrong check digit that was accepted."""
    right = barcodes.is_right(one.code, one.type)
    if one.accepted and not right and barcodes.is_well_formed(one.code, one.type):
        return _accepted(one)
    severity = Severity.WARNING if right and fault.flaw is Flaw.PADDED else Severity.ERROR
    sentence, fix = (text.format_map(_told(one, fault)) for text in SENTENCES[fault.flaw])
    if fault.flaw is Flaw.MARKS and not fault.meant:
        fix = "Write its digits alone, as printed on the package."
    return _barcode(fault.flaw.value, sentence, fix, one.code, severity)


def _told(one: CodeFacts, fault: Fault) -> Mapping[str, str]:
    """The words that a sentence of `SENTENCES` may ask for."""
    meant = fault.meant
    return {
        "code": _short(one.code),
        "type": TYPES[one.type],
        "digits": f"{len(one.code)} digits" if len(one.code) > 1 else "1 digit",
        "wanted": _wanted(one.type),
        "digit": meant.code[-1] if meant else "",
        "meant": _meant(meant, one.type) if meant else "",
        "meant_type": TYPES[meant.kind] if meant else "",
        "meant_kind": _kind(meant.kind) if meant else "",
    }


def _meant(meant: barcodes.Meant, kind: str) -> str:
    return meant.code if meant.kind == kind else f"{meant.code} with the type {_kind(meant.kind)}"


def _kind(kind: str) -> str:
    """`EAN-8`, as the product page writes it."""
    return TYPES[kind].split()[1]


def _wanted(kind: str) -> str:
    lengths = barcodes.LENGTHS[kind]
    return f"{lengths[0]} to {lengths[-1]}" if kind == "PLU" else " or ".join(map(str, lengths))


def _accepted(one: CodeFacts) -> Finding:
    digit = barcodes.check_digit(one.code, one.type)
    return _barcode(
        "barcode-check-digit-accepted",
        f"Barcode {one.code} ends with {one.code[-1]} where {digit} would be right. It was accepted like this.",
        "Look for it in Amazon's report after the upload: Amazon may refuse it.",
        one.code,
        Severity.WARNING,
    )


def _of_x(code: str) -> Finding:
    return _barcode(
        "barcode-isbn-x",
        f"ISBN {code} ends with X, and Amazon speaks of ten digits.",
        f"Use the code under the bars of the book instead, {barcodes.book_ean(code)} with the type EAN.",
        code,
        Severity.WARNING,
    )


def _of_repeats(codes: tuple[CodeFacts, ...]) -> Iterator[Finding]:
    """Codes that stand there twice, or that a scan cannot tell apart: UPC 012345678905 and EAN 0012345678905."""
    texts: set[str] = set()
    keys: dict[str, CodeFacts] = {}
    for one in codes:
        first = keys.setdefault(barcodes.stored_key(one.code, one.type), one)
        if one.code in texts:
            yield _barcode("barcode-twice", f"Barcode {_short(one.code)} is listed twice.", "Take one away.", one.code)
        elif first is not one:
            yield _same(first, one)
        texts.add(one.code)


def _same(first: CodeFacts, one: CodeFacts) -> Finding:
    return _barcode(
        "barcode-same",
        f"Barcodes {_short(first.code)} ({first.type}) and {_short(one.code)} ({one.type}) are one code in two forms.",
        "Keep the one that is printed on the package: a scan of either finds the product.",
        one.code,
        Severity.WARNING,
    )


def _barcode(rule: str, sentence: str, fix: str, code: str = "", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule, severity, sentence, fix, "barcodes", code)
