import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.barcodes import LENGTHS, Flaw
from catalog.rules import (
    CodeFacts,
    Finding,
    ProductFacts,
    Severity,
    findings,
    shared_code,
)
from catalog.words import ABBREVIATIONS, SIZE, WORD, abbreviations, mentions, plain
from tests.sandbox.make_demo_store import demo_store

ERROR, WARNING = Severity.ERROR, Severity.WARNING

COLA = ProductFacts(
    sku="COLA-20",
    name="Brindlepop Classic Cola 20 oz",
    brand="Brindlepop",
    category="Drinks",
    subcategory="Soft drinks",
    weight_unit="",
    codes=(CodeFacts("012345678905", "UPC"),),
)
"""Fit to send: the tests say what is different."""

LONG = "x" * 256
SHOWN = "x" * 59 + "…"


def found(product: ProductFacts) -> list[tuple[str, Severity, str, str]]:
    return [(one.rule, one.severity, one.sentence, one.fix) for one in findings(product)]


def with_sku(sku: str) -> ProductFacts:
    return replace(COLA, sku=sku)


def with_name(name: str, brand: str = "") -> ProductFacts:
    return replace(COLA, name=name, brand=brand)


def with_codes(*codes: tuple[str, str]) -> ProductFacts:
    return replace(COLA, codes=tuple(CodeFacts(code, kind) for code, kind in codes))


def test_a_product_fit_to_send_has_no_findings() -> None:
    assert findings(COLA) == ()


def test_a_finding_says_which_field_and_which_code() -> None:
    assert findings(with_codes(("41", "PLU"))) == (
        Finding(
            rule="barcode-length",
            severity=ERROR,
            sentence="Barcode 41 has 2 digits, but a PLU has 3 to 6.",
            fix="Copy the code again from the package, with all its digits, or choose another type.",
            field="barcodes",
            code="41",
        ),
    )


def test_errors_come_first_and_then_the_fields_in_their_order() -> None:
    product = ProductFacts("A_1", "Wtr", "Acme", LONG, LONG, "lb", (CodeFacts("0012345678905", "EAN"),))
    assert [(one.rule, one.field) for one in findings(product)] == [
        ("category-too-long", "category"),
        ("subcategory-too-long", "subcategory"),
        ("sku-doubtful-characters", "sku"),
        ("name-abbreviation", "name"),
        ("name-brand", "name"),
        ("name-size", "name"),
        ("weighed", "weight_unit"),
        ("barcode-padded", "barcodes"),
    ]


# --- SKU -----------------------------------------------------------------------------------------------------------

OTHER_SKU = "A SKU cannot be changed: retire this product, and add it again under a SKU of letters, digits and hyphens."
NO_SPECIAL = "Amazon takes no special characters in SKUs."
ASK = (
    "Ask Amazon, or upload one such product and wait for the report. "
    "Give new products SKUs of letters, digits and hyphens."
)


@pytest.mark.parametrize("sku", ["A", "TEST-001", "soda-cola-20", "0", "-", "A" * 255])
def test_skus_of_letters_digits_and_hyphens_are_fine(sku: str) -> None:
    assert findings(with_sku(sku)) == ()


@pytest.mark.parametrize(
    ("sku", "rule", "sentence"),
    [
        (LONG, "sku-too-long", f"SKU {SHOWN} has 256 characters; Amazon takes 255."),
        (" COLA-1", "sku-blanks", 'SKU "COLA-1" has blanks at its beginning or end.'),
        ("COLA-1\n", "sku-blanks", 'SKU "COLA-1" has blanks at its beginning or end.'),
        ("COLA®", "sku-characters", f'SKU COLA® contains "®". {NO_SPECIAL}'),
        ("CAFÉ-1", "sku-characters", f'SKU CAFÉ-1 contains "É". {NO_SPECIAL}'),
        ("COLA#1", "sku-characters", f'SKU COLA#1 contains "#". {NO_SPECIAL}'),
        ("A&B+C&D_E", "sku-characters", f'SKU A&B+C&D_E contains "&" and "+". {NO_SPECIAL}'),
        ('COLA"1', "sku-characters", f'SKU COLA"1 contains a double quote. {NO_SPECIAL}'),
        ("COLA\t1", "sku-characters", f"SKU COLA\t1 contains a tab. {NO_SPECIAL}"),
        (
            "COLA\u00a01",
            "sku-characters",
            f"SKU COLA\u00a01 contains an invisible character (U+00A0). {NO_SPECIAL}",
        ),
        ("a$b%c^d*e(", "sku-characters", f'SKU a$b%c^d*e( contains "$", "%", "^" and 2 more. {NO_SPECIAL}'),
    ],
)
def test_what_amazon_forbids_in_a_sku_is_an_error(sku: str, rule: str, sentence: str) -> None:
    assert found(with_sku(sku)) == [(rule, ERROR, sentence, OTHER_SKU)]


@pytest.mark.parametrize(
    ("sku", "marks"),
    [
        ("COLA_1", '"_"'),
        ("COLA.1", '"."'),
        ("COLA/1", '"/"'),
        ("COLA 1", "a blank"),
        ("A_B/C D", '"_", "/" and a blank'),
    ],
)
def test_what_amazon_leaves_open_in_a_sku_is_a_warning(sku: str, marks: str) -> None:
    sentence = f"SKU {sku} contains {marks}. {NO_SPECIAL[:-1]} and does not say whether this is one."
    assert found(with_sku(sku)) == [("sku-doubtful-characters", WARNING, sentence, ASK)]


@pytest.mark.parametrize("sku", ["", "  "])
def test_a_product_needs_a_sku(sku: str) -> None:
    fix = "Add the product again under its SKU."
    assert found(with_sku(sku)) == [("sku-empty", ERROR, "The product has no SKU.", fix)]


# --- Name ----------------------------------------------------------------------------------------------------------

AT_MOST, UNSEEN, OPEN = " and takes no more than 255", "an invisible character", " and does not say whether this is one"
NO_MARKS = "Amazon takes no special characters in names."
PLAIN = "Leave it out or write it in words, in the letters A to Z."
WAIT = "Leave it out if the name stays clear without it. Otherwise send it and wait for Amazon's report."
SIZE_FIX = 'Write the size or the count behind it, such as "20 oz", "6 ct" or "Each".'


@pytest.mark.parametrize(
    ("name", "brand"),
    [
        ("Dr. Pepper Zero Cherry 20oz", "Dr Pepper"),
        ("Colgate Kids Toothbrush, Trolls, Extra Soft (2 Count)", "Colgate"),
        ("Coca Cola Zero 12 fl oz Can", "Coca-Cola"),
        ("Lays Classic 1.5 oz", "Lay's"),
        ("Nescafe Gold 100 g", "Nescafé®"),
        ("Haagen Dazs Vanilla 14-oz", "Häagen-Dazs"),
        ("CocaCola 330 ml", "Coca-Cola"),
        ("Oolong 7 bags", "烏龍"),
        ("Med Mints 40 g", "Med"),
        ("BLT 8 oz", ""),
        ("Banana Each", ""),
        ("Trail Mix per lb", ""),
        ("Water Pack of 6", ""),
        ("Sushi 8 pieces", ""),
        ("Antacid 12 chewables", ""),
        ("Team Shirt XL", ""),
        (("Cola 20 oz " + "a" * 100)[:100], ""),
    ],
)
def test_names_with_brand_variety_and_size_are_fine(name: str, brand: str) -> None:
    assert findings(with_name(name, brand)) == ()


@pytest.mark.parametrize(
    ("name", "brand", "expected"),
    [
        pytest.param(
            "",
            "Brindlepop",
            (
                "name-empty",
                ERROR,
                "The product has no name.",
                "Give it a name of at most 100 characters with brand, variety and size.",
            ),
            id="none",
        ),
        pytest.param(
            " \t",
            "",
            (
                "name-empty",
                ERROR,
                "The product has no name.",
                "Give it a name of at most 100 characters with brand, variety and size.",
            ),
            id="blanks alone",
        ),
        pytest.param(
            "6 oz " + "x" * 96,
            "",
            (
                "name-too-long",
                ERROR,
                f'The name "6 oz {"x" * 54}…" has 101 characters; Amazon prints 100 on the receipt.',
                "Shorten it to 100 characters, with brand, variety and size.",
            ),
            id="too long for a receipt",
        ),
        pytest.param(
            "6 oz " + "x" * 251,
            "",
            (
                "name-too-long",
                ERROR,
                f'The name "6 oz {"x" * 54}…" has 256 characters; Amazon prints 100 on the receipt{AT_MOST}.',
                "Shorten it to 100 characters, with brand, variety and size.",
            ),
            id="too long for anything",
        ),
        pytest.param(
            "Nescafé® Gold 1½ oz",
            "Nescafe",
            (
                "name-characters",
                ERROR,
                f'The name "Nescafé® Gold 1½ oz" contains "é", "®" and "½". {NO_MARKS}',
                'Write "Nescafe Gold 1 1/2 oz".',
            ),
            id="accents, trademarks and fractions",
        ),
        pytest.param(
            "Cola\u200b 20\u00a0oz",
            "",
            (
                "name-characters",
                ERROR,
                f'The name "Cola\u200b 20\u00a0oz" contains {UNSEEN} (U+200B) and {UNSEEN} (U+00A0). {NO_MARKS}',
                'Write "Cola 20 oz".',
            ),
            id="characters that nobody sees",
        ),
        pytest.param(
            "緑茶 500 ml",
            "",
            ("name-characters", ERROR, f'The name "緑茶 500 ml" contains "緑" and "茶". {NO_MARKS}', PLAIN),
            id="another script",
        ),
        pytest.param(
            "Gift Card $5 Each",
            "",
            ("name-characters", ERROR, f'The name "Gift Card $5 Each" contains "$". {NO_MARKS}', PLAIN),
            id="a special character of ASCII",
        ),
        pytest.param(
            "M&M's Peanut 45 g",
            "M&M's",
            (
                "name-doubtful-characters",
                WARNING,
                f'The name "M&M\'s Peanut 45 g" contains "&" and "\'". {NO_MARKS[:-1]}{OPEN}.',
                WAIT,
            ),
            id="special or not: a brand's own",
        ),
        pytest.param(
            " Brindlepop  Cola 20 oz",
            "Brindlepop",
            (
                "name-blanks",
                WARNING,
                'The name "Brindlepop Cola 20 oz" has blanks at its ends, or more than one in a row.',
                "Take them out.",
            ),
            id="blanks",
        ),
        pytest.param(
            "BRINDLEPOP COLA 20 OZ",
            "Brindlepop",
            (
                "name-capitals",
                WARNING,
                'The name "BRINDLEPOP COLA 20 OZ" is all in capitals.',
                'Write it like "Brindlepop Cola 20 oz": capitals only where a word begins.',
            ),
            id="capitals",
        ),
        pytest.param(
            "Clearfen WTR 6pk btl w Lime 12 oz.",
            "Clearfen",
            (
                "name-abbreviation",
                WARNING,
                'The name "Clearfen WTR 6pk btl w Lime 12 oz." has abbreviations: wtr, pk and btl. Amazon wants none.',
                'Write "water" for "wtr", "pack" for "pk" and "bottle" for "btl".',
            ),
            id="abbreviations, but oz. is none",
        ),
        pytest.param(
            "Cola 20 oz",
            "Brindlepop",
            (
                "name-brand",
                WARNING,
                'The name "Cola 20 oz" does not say the brand, Brindlepop.',
                "Write the brand in front of the name.",
            ),
            id="no brand",
        ),
        pytest.param(
            "Whole Milk 1 gal",
            "Ole",
            (
                "name-brand",
                WARNING,
                'The name "Whole Milk 1 gal" does not say the brand, Ole.',
                "Write the brand in front of the name.",
            ),
            id="a brand that is only part of a word",
        ),
        pytest.param(
            "Packlark Umbrella",
            "Packlark",
            ("name-size", WARNING, 'The name "Packlark Umbrella" does not say how much is in it.', SIZE_FIX),
            id="no size",
        ),
        pytest.param(
            "Lanternquay Puzzle Book 7",
            "Lanternquay",
            ("name-size", WARNING, 'The name "Lanternquay Puzzle Book 7" does not say how much is in it.', SIZE_FIX),
            id="a number that is no size",
        ),
    ],
)
def test_a_name_says_what_is_wrong_with_it(name: str, brand: str, expected: tuple[str, Severity, str, str]) -> None:
    assert found(with_name(name, brand)) == [expected]


def test_w_with_a_slash_is_an_abbreviation_and_a_doubtful_character() -> None:
    assert [(one.rule, one.fix) for one in findings(with_name("Tea w/ Lemon w/o Sugar 12 oz"))] == [
        ("name-doubtful-characters", WAIT),
        ("name-abbreviation", 'Write "with" for "w/" and "without" for "w/o".'),
    ]


@pytest.mark.parametrize(
    "size",
    [
        *(
            "20 oz",
            "20oz",
            "1.5-oz",
            "12 fl. oz",
            "1 lb",
            "2 lbs",
            "500 g",
            "1kg",
            "250 mg",
            "330 ml",
            "1 l",
            "1 liter",
        ),
        *("6 ct", "2 count", "6pk", "6-pack", "8 pc", "1 ea", "each", "2 dozen", "3 pairs", "60 w", "10 inches"),
        *("pack of 6", "box of 12", "size m", "xxl", "small", "per lb", "6 x 330 ml", "4 rolls", "9 chewables"),
    ],
)
def test_a_size_is_a_number_with_a_unit_or_a_word(size: str) -> None:
    assert SIZE.search(f"brindlepop {size}")


@pytest.mark.parametrize("name", ["brindlepop", "7 up", "route 66", "100% juice", "ozone 3", "teach"])
def test_other_numbers_and_words_are_no_size(name: str) -> None:
    assert not SIZE.search(name)


@pytest.mark.parametrize("unit", ["oz", "lb", "lbs", "ml", "g", "kg", "l", "ct", "fl", "ea", "pc", "in", "qt", "gal"])
def test_units_are_no_abbreviations(unit: str) -> None:
    assert abbreviations(f"cola 6 {unit}.") == []


def test_every_abbreviation_is_a_word_that_is_looked_for() -> None:
    assert [word for word in ABBREVIATIONS if WORD.findall(f"cola 6{word} oz")[1:2] != [word]] == []


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Nescafé® 1½ oz", "Nescafe 1 1/2 oz"),
        ("Rügenwalder Weißwurst", "Rugenwalder Weisswurst"),
        ("Smørrebrød “Łódź”", "Smorrebrod Lodz"),
        ("Ben’s – 6×330 ml", "Ben's - 6x330 ml"),  # noqa: RUF001  as people type it
        ("Tea\nGreen\u200b", "Tea Green"),
        ("緑茶", "緑茶"),
    ],
)
def test_marks_become_the_letters_next_to_them(text: str, letters: str) -> None:
    assert plain(text) == letters


@given(st.text(st.characters(max_codepoint=0x17F), min_size=1, max_size=30))
def test_a_name_mentions_itself(name: str) -> None:
    assert mentions(name, name)


# --- Other fields --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["brand", "category", "subcategory"])
def test_no_field_is_longer_than_255(field: str) -> None:
    name = f"{LONG[:80]} 20 oz"
    fits = ProductFacts(**{**facts(with_name(name)), field: LONG[1:]})
    too_long = ProductFacts(**{**facts(with_name(name)), field: LONG})
    assert [one.rule for one in findings(fits) if one.severity is ERROR] == []
    assert findings(too_long)[0] == Finding(
        f"{field}-too-long",
        ERROR,
        f'The {field} "{SHOWN}" has 256 characters; Amazon takes 255.',
        "Shorten it to 255 characters.",
        field,
    )


def facts(product: ProductFacts) -> dict[str, Any]:
    return {one.name: getattr(product, one.name) for one in fields(product)}


def test_weighed_goods_are_a_question_for_amazon() -> None:
    assert findings(replace(COLA, weight_unit="lb")) == (
        Finding(
            "weighed",
            WARNING,
            "The product is sold by weight (lb), and Amazon's catalog of Just Walk Out stores has no unit of measure.",
            "Ask Amazon how your stores sell weighed goods before you put it on a shelf.",
            "weight_unit",
        ),
    )


# --- Barcodes ------------------------------------------------------------------------------------------------------

COPY = "Copy the code again from the package"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("012345678905", "UPC"),
        ("07838604", "UPC"),
        ("5901234123457", "EAN"),
        ("96385074", "EAN8"),
        ("0306406152", "ISBN"),
        ("10012345678902", "GTIN"),
        ("4011", "PLU"),
        ("94011", "PLU"),
    ],
)
def test_right_codes_are_fine(code: str, kind: str) -> None:
    assert findings(with_codes((code, kind))) == ()


@pytest.mark.parametrize(
    ("code", "kind", "rule", "sentence", "fix"),
    [
        (
            *("000000000000", "UPC", "barcode-zeros"),
            'Barcode "000000000000" is a placeholder, not a code.',
            "Copy the code from the package, or take this one away.",
        ),
        (
            *("1.23457E+11", "UPC", "barcode-shortened"),
            "Barcode 1.23457E+11 was shortened by a spreadsheet: its digits are lost.",
            f"{COPY}, and format the spreadsheet's column as text.",
        ),
        (
            *("0-12345-67890-5", "UPC", "barcode-marks"),
            "Barcode 0-12345-67890-5 contains more than its digits.",
            "Write 012345678905, without blanks and marks.",
        ),
        (
            *("59-0123412345 7", "UPC", "barcode-marks"),
            "Barcode 59-0123412345 7 contains more than its digits.",
            "Write 5901234123457 with the type EAN, without blanks and marks.",
        ),
        (
            *("4-1", "PLU", "barcode-marks"),
            "Barcode 4-1 contains more than its digits.",
            "Write its digits alone, as printed on the package.",
        ),
        (
            *("ABC{0}", "UPC", "barcode-not-digits"),
            'Barcode "ABC{0}" is not a number.',
            "Copy the digits under the bars from the package.",
        ),
        (
            *("000007838604", "UPC", "barcode-padded"),
            "Barcode 000007838604 was probably filled up with zeros.",
            "Write 07838604, as printed on the package. Amazon wants codes without added zeros.",
        ),
        (
            *("00012345678905", "EAN", "barcode-padded"),
            "Barcode 00012345678905 was probably filled up with zeros.",
            "Write 012345678905 with the type UPC, as printed on the package. Amazon wants codes without added zeros.",
        ),
        (
            *("12345678905", "UPC", "barcode-zero-lost"),
            "Barcode 12345678905 has 11 digits, but a UPC has 8 or 12: it has probably lost its zero in front.",
            "Write 012345678905, if the package says so.",
        ),
        (
            *("012345678905", "EAN", "barcode-other-type"),
            "Barcode 012345678905 is not an EAN, but looks like a UPC.",
            "Choose the type UPC, if that is what the package shows.",
        ),
        (
            *("96385074", "UPC", "barcode-other-type"),
            "Barcode 96385074 is not a UPC, but looks like an EAN-8.",
            "Choose the type EAN-8, if that is what the package shows.",
        ),
        (
            *("123456789013", "UPC", "barcode-check-digit"),
            "Barcode 123456789013: its last digit does not fit the others. After these it would be 2.",
            f"{COPY}. If it is printed like this, somebody with the right can accept it.",
        ),
        (
            *("01234567890", "UPC", "barcode-check-digit-lost"),
            "Barcode 01234567890 has 11 digits, but a UPC has 8 or 12: its last digit, the check digit, is missing.",
            f"{COPY}, with its last digit 5.",
        ),
        (
            *("590123412345", "EAN", "barcode-check-digit-lost"),
            "Barcode 590123412345 has 12 digits, but an EAN has 13: its last digit, the check digit, is missing.",
            f"{COPY}, with its last digit 7.",
        ),
        (
            *("1234567890", "UPC", "barcode-ends-lost"),
            "Barcode 1234567890 has 10 digits, but a UPC has 8 or 12: its first and its last digit are missing.",
            f"{COPY}, with all its digits. It is probably 012345678905.",
        ),
        (
            *("21234565", "UPC", "barcode-no-upc-e"),
            "Barcode 21234565 is not a UPC: one of 8 digits begins with 0 or 1.",
            f"{COPY}, or choose another type.",
        ),
        (
            *("4", "PLU", "barcode-length"),
            "Barcode 4 has 1 digit, but a PLU has 3 to 6.",
            f"{COPY}, with all its digits, or choose another type.",
        ),
        (
            *("1" * 300, "GTIN", "barcode-length"),
            f"Barcode {'1' * 59}… has 300 digits, but a GTIN has 14.",
            f"{COPY}, with all its digits, or choose another type.",
        ),
        (
            *("012345678905", "UPC-A", "barcode-type"),
            'Barcode 012345678905 has the type "UPC-A", which Amazon does not know.',
            "Choose the type UPC.",
        ),
        (
            *("96385074", "", "barcode-type"),
            "Barcode 96385074 has no type.",
            "Choose the type EAN-8.",
        ),
        (
            *("ABC", "CODE128", "barcode-type"),
            'Barcode ABC has the type "CODE128", which Amazon does not know.',
            "Choose one of the types UPC, EAN, EAN-8, ISBN, GTIN and PLU.",
        ),
    ],
)
def test_a_faulty_code_keeps_the_product_back(code: str, kind: str, rule: str, sentence: str, fix: str) -> None:
    assert findings(with_codes((code, kind))) == (Finding(rule, ERROR, sentence, fix, "barcodes", code),)


@pytest.mark.parametrize(
    ("code", "kind", "rule", "sentence", "fix"),
    [
        (
            *("0012345678905", "EAN", "barcode-padded"),
            "Barcode 0012345678905 was probably filled up with zeros.",
            "Write 012345678905 with the type UPC, as printed on the package. Amazon wants codes without added zeros.",
        ),
        (
            *("080442957X", "ISBN", "barcode-isbn-x"),
            "ISBN 080442957X ends with X, and Amazon speaks of ten digits.",
            "Use the code under the bars of the book instead, 9780804429573 with the type EAN.",
        ),
    ],
)
def test_a_right_code_that_amazon_may_not_like_is_a_warning(
    code: str, kind: str, rule: str, sentence: str, fix: str
) -> None:
    assert findings(with_codes((code, kind))) == (Finding(rule, WARNING, sentence, fix, "barcodes", code),)


@pytest.mark.parametrize(
    ("code", "kind", "digits"),
    [
        pytest.param("123456789013", "UPC", ("3", "2"), id="as in Amazon's own test case"),
        pytest.param("078386040000", "UPC", ("0", "2"), id="though it looks padded"),
        pytest.param("07838604", "EAN8", ("4", "6"), id="though it looks like another type"),
        pytest.param("0804429570", "ISBN", ("0", "X"), id="an ISBN"),
    ],
)
def test_an_accepted_check_digit_is_a_warning_that_names_it(code: str, kind: str, digits: tuple[str, str]) -> None:
    assert findings(replace(COLA, codes=(CodeFacts(code, kind, accepted=True),))) == (
        Finding(
            "barcode-check-digit-accepted",
            WARNING,
            f"Barcode {code} ends with {digits[0]} where {digits[1]} would be right. It was accepted like this.",
            "Look for it in Amazon's report after the upload: Amazon may refuse it.",
            "barcodes",
            code,
        ),
    )


@pytest.mark.parametrize(
    ("code", "kind", "rule"),
    [
        ("01234567890", "UPC", "barcode-check-digit-lost"),
        ("ABC", "UPC", "barcode-not-digits"),
        ("000000000000", "UPC", "barcode-zeros"),
        ("012345678905", "UPC-A", "barcode-type"),
    ],
)
def test_nothing_but_a_check_digit_can_be_accepted(code: str, kind: str, rule: str) -> None:
    (finding,) = findings(replace(COLA, codes=(CodeFacts(code, kind, accepted=True),)))
    assert (finding.rule, finding.severity) == (rule, ERROR)


def test_an_accepted_code_that_is_right_is_fine() -> None:
    assert findings(replace(COLA, codes=(CodeFacts("012345678905", "UPC", accepted=True),))) == ()


def test_a_product_needs_a_barcode() -> None:
    assert findings(with_codes()) == (
        Finding(
            "barcode-none",
            ERROR,
            "The product has no barcode. Amazon needs one for each product.",
            "Add the code that your staff scan when they stock it.",
            "barcodes",
        ),
    )


def test_a_product_has_one_main_barcode_and_at_most_fifty_more() -> None:
    codes = [(str(number), "PLU") for number in range(4000, 4053)]
    assert findings(with_codes(*codes[:51])) == ()
    assert findings(with_codes(*codes)) == (
        Finding(
            "barcode-too-many",
            ERROR,
            "The product has 53 barcodes; Amazon takes 51.",
            "Take at least 2 of them away.",
            "barcodes",
        ),
    )


@pytest.mark.parametrize("kinds", [("UPC", "UPC"), ("UPC", "EAN8")])
def test_a_code_stands_once_on_a_product_whatever_its_type(kinds: tuple[str, str]) -> None:
    code = "00123457"  # right as both
    assert findings(with_codes(*((code, kind) for kind in kinds))) == (
        Finding("barcode-twice", ERROR, f"Barcode {code} is listed twice.", "Take one away.", "barcodes", code),
    )


def test_one_code_in_two_forms_is_a_warning() -> None:
    same = findings(with_codes(("012345678905", "UPC"), ("4011", "PLU"), ("0012345678905", "EAN")))
    assert [one.rule for one in same] == ["barcode-padded", "barcode-same"]
    assert same[1] == Finding(
        "barcode-same",
        WARNING,
        "Barcodes 012345678905 (UPC) and 0012345678905 (EAN) are one code in two forms.",
        "Keep the one that is printed on the package: a scan of either finds the product.",
        "barcodes",
        "0012345678905",
    )


def test_a_upc_e_and_its_upc_a_are_one_code() -> None:
    assert [one.rule for one in findings(with_codes(("07838604", "UPC"), ("078000003864", "UPC")))] == ["barcode-same"]


def test_the_codes_of_one_product_are_each_looked_at() -> None:
    rules = [(one.rule, one.code) for one in findings(with_codes(("41", "PLU"), ("4011", "PLU"), ("42", "PLU")))]
    assert rules == [("barcode-length", "41"), ("barcode-length", "42")]


@pytest.mark.parametrize(
    ("others", "stores", "sentence"),
    [
        (["COLA-2"], ["Arena East"], "Barcode 4011 is also on COLA-2 in Arena East."),
        (["A", "B"], ["Arena", "Airport"], "Barcode 4011 is also on A and B in Arena and Airport."),
        (["A", "B", "C"], ["X", "Y", "Z", "V", "W"], "Barcode 4011 is also on A, B and C in X, Y, Z and 2 more."),
    ],
)
def test_a_code_on_two_skus_of_a_store_names_both(others: list[str], stores: list[str], sentence: str) -> None:
    assert shared_code("4011", others, stores) == Finding(
        "barcode-shared",
        ERROR,
        sentence,
        "Take it off every product but the one that carries it: a scan could not tell them apart.",
        "barcodes",
        "4011",
    )


# --- All together --------------------------------------------------------------------------------------------------


def test_the_products_of_the_demo_store_can_be_sent() -> None:
    rows = json.loads(json.dumps(demo_store()["products"]))
    found_rules = {one.rule for row in rows for one in findings(as_facts(row))}
    assert found_rules == {"name-size", "weighed"}


def as_facts(row: dict[str, Any]) -> ProductFacts:
    codes = tuple(CodeFacts(one["code"], one["type"]) for one in row["barcodes"])
    texts = {field: row.get(field, "") for field in ("sku", "name", "brand", "category", "subcategory", "weight_unit")}
    return ProductFacts(**texts, codes=codes)


texts = st.text(max_size=20)
any_codes = st.builds(
    CodeFacts,
    st.one_of(texts, st.text("0123456789", max_size=14)),
    st.one_of(texts, st.sampled_from(list(LENGTHS))),
    st.booleans(),
)


@given(st.builds(ProductFacts, texts, texts, texts, texts, texts, texts, st.lists(any_codes, max_size=3).map(tuple)))
def test_every_product_gets_findings_of_one_shape(product: ProductFacts) -> None:
    all_found = findings(product)
    assert list(all_found) == sorted(all_found, key=lambda one: one.severity is WARNING)
    assert findings(product) == all_found
    for one in all_found:
        assert one.sentence.endswith(".")
        assert one.fix.endswith(".")
        assert one.field


def test_every_flaw_of_a_code_has_its_own_rule() -> None:
    assert len({flaw.value for flaw in Flaw}) == len(Flaw)
    assert all(flaw.startswith("barcode-") for flaw in Flaw)
