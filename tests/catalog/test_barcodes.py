import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.barcodes import (
    LENGTHS,
    Fault,
    Flaw,
    Meant,
    book_ean,
    check_digit,
    expand_upc_e,
    fault,
    gtin,
    guess_kind,
    is_digits,
    is_right,
    is_well_formed,
    kind_of,
    scan_keys,
    stored_key,
)
from catalog.models import Barcode, BarcodeType
from tests.factories import BarcodeFactory, ProductFactory

UPC_E = "01234565"
"""Also a well-formed EAN-8 as text; its UPC-A is 012345000065."""


@pytest.mark.parametrize(
    ("digits", "key"),
    [
        ("4011", "00000000004011"),
        ("96385074", "00000096385074"),
        ("012345678905", "00012345678905"),
        ("5901234123457", "05901234123457"),
        ("10012345678902", "10012345678902"),
    ],
)
def test_a_gtin_has_fourteen_digits(digits: str, key: str) -> None:
    assert gtin(digits) == key


@pytest.mark.parametrize(
    ("code", "upc_a"),
    [
        pytest.param("07838604", "078000003864", id="0: manufacturer of three digits ending in 0"),
        pytest.param("01234515", "012100003455", id="1"),
        pytest.param("01234520", "012200003450", id="2"),
        pytest.param("01234538", "012300000458", id="3: manufacturer of three digits, product of two"),
        pytest.param("01234543", "012340000053", id="4: manufacturer of four digits, product of one"),
        pytest.param("01234557", "012345000057", id="5"),
        pytest.param(UPC_E, "012345000065", id="6"),
        pytest.param("01234572", "012345000072", id="7"),
        pytest.param("01234589", "012345000089", id="8"),
        pytest.param("01234596", "012345000096", id="9"),
        pytest.param("11234562", "112345000062", id="number system 1"),
    ],
)
def test_a_upc_e_stands_for_a_upc_a(code: str, upc_a: str) -> None:
    assert expand_upc_e(code) == upc_a


@pytest.mark.parametrize("code", ["", "1234565", "012345650", "21234565", "96385074", "0123456X", "٠١٢٣٤٥٦٧"])
def test_other_codes_are_no_upc_e(code: str) -> None:
    assert expand_upc_e(code) is None


@pytest.mark.parametrize(
    ("code", "answer"),
    [("0", True), ("012345", True), ("", False), ("12 34", False), ("12a", False), ("１２", False)],  # noqa: RUF001  full-width digits on purpose
)
def test_digits_are_the_ten_of_ascii(code: str, *, answer: bool) -> None:
    assert is_digits(code) is answer


@pytest.mark.parametrize(
    ("code", "type_", "key"),
    [
        pytest.param("012345678905", "UPC", "00012345678905", id="UPC-A"),
        pytest.param(UPC_E, "UPC", "00012345000065", id="UPC-E is kept as its UPC-A"),
        pytest.param(UPC_E, "EAN8", "00000001234565", id="the same digits as EAN-8"),
        pytest.param("96385074", "UPC", "00000096385074", id="eight digits that are no UPC-E"),
        pytest.param("5901234123457", "EAN", "05901234123457", id="EAN-13"),
        pytest.param("10012345678902", "GTIN", "10012345678902", id="GTIN-14"),
        pytest.param("4011", "PLU", "4011", id="PLU as it stands"),
        pytest.param("094011", "PLU", "094011", id="PLU with its zero"),
        pytest.param("080442957X", "ISBN", "080442957X", id="what is not all digits stands as it is"),
    ],
)
def test_the_stored_type_says_how_a_code_is_read(code: str, type_: str, key: str) -> None:
    assert stored_key(code, type_) == key


@pytest.mark.parametrize(
    ("code", "keys"),
    [
        pytest.param("012345678905", ("00012345678905",), id="UPC-A"),
        pytest.param("0012345678905", ("00012345678905",), id="the same as EAN-13"),
        pytest.param("00012345678905", ("00012345678905",), id="the same as GTIN-14"),
        pytest.param("12345678905", ("00012345678905",), id="its leading zero lost"),
        pytest.param(UPC_E, ("00000001234565", "00012345000065"), id="EAN-8 or UPC-E"),
        pytest.param("96385074", ("00000096385074",), id="EAN-8 alone"),
        pytest.param("411", ("411", "00000000000411"), id="three digits"),
        pytest.param("4011", ("4011", "00000000004011"), id="PLU"),
        pytest.param("994011", ("994011", "00000000994011"), id="six digits"),
        pytest.param("11", ("00000000000011",), id="too short for a PLU"),
        pytest.param("1234567", ("00000001234567",), id="too long for a PLU"),
        pytest.param("ABC-123", ("ABC-123",), id="no digits"),
        pytest.param("", ("",), id="empty"),
    ],
)
def test_a_scanned_code_may_stand_under_these_keys(code: str, keys: tuple[str, ...]) -> None:
    assert scan_keys(code) == keys


@pytest.mark.django_db
def test_a_barcode_keeps_its_key_when_its_code_changes() -> None:
    barcode = BarcodeFactory(code=UPC_E, type=BarcodeType.UPC)
    assert Barcode.objects.get(pk=barcode.pk).lookup_key == "00012345000065"
    barcode.type = BarcodeType.EAN8
    barcode.save()
    assert Barcode.objects.get(pk=barcode.pk).lookup_key == "00000001234565"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scanned", "found"),
    [
        ("012345000065", {"UPC-E"}),
        ("0012345000065", {"UPC-E"}),
        (UPC_E, {"UPC-E", "EAN-8"}),
        ("4011", {"PLU"}),
        ("00000000004011", set()),
        ("1234567", set()),
    ],
)
def test_a_scan_finds_every_product_that_it_can_mean(scanned: str, found: set[str]) -> None:
    for sku, code, type_ in (("UPC-E", UPC_E, "UPC"), ("EAN-8", UPC_E, "EAN8"), ("PLU", "4011", "PLU")):
        BarcodeFactory(product=ProductFactory(sku=sku), code=code, type=type_)
    assert {barcode.product_id for barcode in Barcode.objects.scanned(scanned)} == found


# --- Types ---------------------------------------------------------------------------------------------------------


def test_the_types_are_those_of_the_product_page() -> None:
    assert list(LENGTHS) == BarcodeType.values


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        *((kind, kind) for kind in ("UPC", "EAN", "EAN8", "ISBN", "GTIN", "PLU")),
        *((text, "UPC") for text in ("UPC-A", "upca", "UPC-E", "upc_e", "UPC 12", "GTIN-12")),
        *((text, "EAN") for text in ("EAN13", "EAN-13", "ean 13", "JAN", "GTIN-13", "ISBN-13")),
        *((text, "EAN8") for text in ("EAN-8", "ean_8", "JAN-8", "GTIN-8")),
        *((text, "GTIN") for text in ("GTIN-14", "ITF-14", "itf", "EAN-14", "SCC-14")),
        *((text, "ISBN") for text in ("ISBN-10", " isbn ")),
        *((text, "PLU") for text in ("plu", "P.L.U.")),
        *((text, None) for text in ("", "-", "QR", "Code 128", "UPC-X", "ＵＰＣ", "EAN5")),  # noqa: RUF001  full width on purpose
    ],
)
def test_a_type_is_known_however_it_is_spelled(spelling: str, kind: str | None) -> None:
    assert kind_of(spelling) == kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("012345678905", "UPC", id="twelve"),
        pytest.param("012345678901", "UPC", id="twelve with a wrong check digit"),
        pytest.param("5901234123457", "EAN", id="thirteen"),
        pytest.param("10012345678902", "GTIN", id="fourteen"),
        pytest.param("07838604", "UPC", id="eight: UPC-E"),
        pytest.param(UPC_E, "UPC", id="eight that fit both: UPC-E"),
        pytest.param("13579029", "EAN8", id="eight: an EAN-8 that begins like a UPC-E"),
        pytest.param("96385074", "EAN8", id="eight: EAN-8"),
        pytest.param("96385071", "EAN8", id="eight that are no UPC-E whatever the check digit"),
        pytest.param("01234560", "UPC", id="eight that fit neither, a UPC-E by its beginning"),
        pytest.param("080442957X", "ISBN", id="ten with X"),
        pytest.param("0306406152", "ISBN", id="ten"),
        pytest.param("1234567890", None, id="ten that are no ISBN"),
        pytest.param("411", "PLU", id="three"),
        pytest.param("4011", "PLU", id="four"),
        pytest.param("94011", "PLU", id="five"),
        pytest.param("700101", "PLU", id="six"),
        *((code, None) for code in ("", "41", "1234567", "123456789", "12345678901", "123456789012345", "ABCD")),
    ],
)
def test_a_type_is_guessed_from_a_bare_code(code: str, kind: str | None) -> None:
    assert guess_kind(code) == kind


# --- Check digits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("036000291452", "UPC"),
        ("012345678905", "UPC"),
        ("07838604", "UPC"),
        ("04252614", "UPC"),
        ("4006381333931", "EAN"),
        ("96385074", "EAN8"),
        ("0306406152", "ISBN"),
        ("080442957X", "ISBN"),
        ("080442957x", "ISBN"),
        ("10012345678902", "GTIN"),
        ("4011", "PLU"),
        ("4012", "PLU"),
    ],
)
def test_codes_as_printed_are_right(code: str, kind: str) -> None:
    assert is_right(code, kind)
    assert fault(code, kind) is None


@pytest.mark.parametrize(
    ("code", "kind", "digit"),
    [
        ("123456789013", "UPC", "2"),
        ("036000291450", "UPC", "2"),
        ("04252613", "UPC", "4"),
        ("4006381333930", "EAN", "1"),
        ("96385070", "EAN8", "4"),
        ("0306406150", "ISBN", "2"),
        ("0804429570", "ISBN", "X"),
        ("030640615X", "ISBN", "2"),
        ("10012345678900", "GTIN", "2"),
    ],
)
def test_a_wrong_check_digit_is_told_with_the_right_one(code: str, kind: str, digit: str) -> None:
    assert is_well_formed(code, kind)
    assert not is_right(code, kind)
    assert check_digit(code, kind) == digit
    assert fault(code, kind) == Fault(Flaw.CHECK_DIGIT, Meant(code[:-1] + digit, kind))


digits = st.characters(min_codepoint=ord("0"), max_codepoint=ord("9"))
bodies = st.one_of(
    *(
        st.tuples(st.just(kind), st.text(digits, min_size=size, max_size=size))
        for kind, size in (("UPC", 11), ("EAN", 12), ("EAN8", 7), ("ISBN", 9), ("GTIN", 13))
    ),
    st.tuples(st.just("UPC"), st.text(digits, min_size=6, max_size=6).map(lambda body: "0" + body)),
)


def completed(kind: str, body: str) -> str:
    return body + check_digit(body + "0", kind)


@given(bodies)
def test_any_digits_with_their_check_digit_are_right(drawn: tuple[str, str]) -> None:
    kind, body = drawn
    assert is_right(completed(kind, body), kind)


@given(st.text(digits, min_size=11, max_size=11), st.integers(0, 11), st.integers(1, 9))
def test_one_changed_digit_of_a_upc_is_noticed(body: str, place: int, step: int) -> None:
    code = completed("UPC", body)
    changed = code[:place] + str((int(code[place]) + step) % 10) + code[place + 1 :]
    assert not is_right(changed, "UPC")
    assert fault(changed, "UPC") is not None


@given(st.text(digits, min_size=9, max_size=9), st.integers(0, 7))
def test_two_neighbours_of_an_isbn_that_changed_places_are_noticed(body: str, place: int) -> None:
    code = completed("ISBN", body)
    changed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert is_right(changed, "ISBN") is (changed == code)


@given(bodies)
def test_a_upc_e_and_its_upc_a_have_one_check_digit(drawn: tuple[str, str]) -> None:
    _, body = drawn
    code = "1" + body[:6].ljust(6, "7")
    upc_e = completed("UPC", code)
    upc_a = expand_upc_e(upc_e)
    assert upc_a is not None
    assert is_right(upc_a, "UPC")


@pytest.mark.parametrize(("isbn", "ean"), [("0306406152", "9780306406157"), ("080442957X", "9780804429573")])
def test_a_book_has_an_ean_under_its_bars(isbn: str, ean: str) -> None:
    assert book_ean(isbn) == ean
    assert is_right(ean, "EAN")


# --- What is wrong with a code -------------------------------------------------------------------------------------

UPC_A = Meant("012345678905", "UPC")
VENDORS = Meant("07838604", "UPC")
"""The example of Amazon's catalog_data_overview page; its two padded forms are below."""


@pytest.mark.parametrize(
    ("code", "kind", "flaw", "meant"),
    [
        pytest.param("", "UPC", Flaw.ZEROS, None, id="empty"),
        pytest.param("000000000000", "UPC", Flaw.ZEROS, None, id="a placeholder, though its check digit is right"),
        pytest.param("0000", "PLU", Flaw.ZEROS, None, id="a placeholder as PLU"),
        pytest.param("0-0", "UPC", Flaw.ZEROS, None, id="a placeholder with a mark"),
        pytest.param("1.23457E+11", "UPC", Flaw.SHORTENED, None, id="a number from a spreadsheet"),
        pytest.param("5,90123E+12", "EAN", Flaw.SHORTENED, None, id="a number from a German spreadsheet"),
        pytest.param("ABC-123", "UPC", Flaw.NOT_DIGITS, None, id="letters"),
        pytest.param("01234567890O", "UPC", Flaw.NOT_DIGITS, None, id="the letter O"),
        pytest.param("X306406152", "ISBN", Flaw.NOT_DIGITS, None, id="an ISBN's X in front"),
        pytest.param("030640615X", "EAN", Flaw.NOT_DIGITS, None, id="an ISBN's X under EAN"),
        pytest.param("٤٠١١", "PLU", Flaw.NOT_DIGITS, None, id="digits that are not those of ASCII"),
        pytest.param("0-12345-67890-5", "UPC", Flaw.MARKS, UPC_A, id="hyphens"),
        pytest.param("0 12345\u00a067890 5 ", "UPC", Flaw.MARKS, UPC_A, id="blanks"),
        pytest.param("'012345678905", "UPC", Flaw.MARKS, UPC_A, id="a spreadsheet's quote"),
        pytest.param("12345678905.0", "UPC", Flaw.MARKS, UPC_A, id="a spreadsheet's decimals, and a lost zero"),
        pytest.param("0-8044-2957-X", "ISBN", Flaw.MARKS, Meant("080442957X", "ISBN"), id="an ISBN's hyphens"),
        pytest.param("41-1 1-", "EAN", Flaw.MARKS, Meant("4111", "PLU"), id="marks, and another type"),
        pytest.param("4-1", "PLU", Flaw.MARKS, None, id="marks in what is too short"),
        pytest.param("000007838604", "UPC", Flaw.PADDED, VENDORS, id="the vendor's example padded in front"),
        pytest.param("078386040000", "UPC", Flaw.PADDED, VENDORS, id="the vendor's example padded behind"),
        pytest.param("00000007838604", "GTIN", Flaw.PADDED, VENDORS, id="a UPC-E padded to fourteen"),
        pytest.param("0012345678905", "UPC", Flaw.PADDED, UPC_A, id="thirteen digits under UPC"),
        pytest.param("00012345678905", "UPC", Flaw.PADDED, UPC_A, id="fourteen digits under UPC"),
        pytest.param("00012345678905", "EAN", Flaw.PADDED, UPC_A, id="a UPC padded to fourteen under EAN"),
        pytest.param("05901234123457", "EAN", Flaw.PADDED, Meant("5901234123457", "EAN"), id="an EAN padded"),
        pytest.param("05901234123457", "UPC", Flaw.PADDED, Meant("5901234123457", "EAN"), id="the same under UPC"),
        pytest.param("000000004011", "UPC", Flaw.PADDED, Meant("4011", "PLU"), id="a PLU padded to a UPC"),
        pytest.param("00000000004011", "PLU", Flaw.PADDED, Meant("4011", "PLU"), id="a PLU padded to fourteen"),
        pytest.param("00000000700101", "PLU", Flaw.PADDED, Meant("700101", "PLU"), id="a PLU of six digits padded"),
        pytest.param("0012345678905", "EAN", Flaw.PADDED, UPC_A, id="right, but a UPC's EAN form"),
        pytest.param("00012345678905", "GTIN", Flaw.PADDED, UPC_A, id="right, but a UPC's GTIN form"),
        pytest.param("0000096385074", "EAN", Flaw.PADDED, Meant("96385074", "EAN8"), id="right, but an EAN-8's"),
        pytest.param("000096385074", "UPC", Flaw.PADDED, Meant("96385074", "EAN8"), id="a UPC that GS1 never gives"),
        pytest.param("12345678905", "UPC", Flaw.ZERO_LOST, UPC_A, id="eleven digits that were twelve"),
        pytest.param("7838604", "UPC", Flaw.ZERO_LOST, VENDORS, id="seven digits that were eight"),
        pytest.param("306406152", "ISBN", Flaw.ZERO_LOST, Meant("0306406152", "ISBN"), id="an ISBN's zero"),
        pytest.param("12345678905", "EAN", Flaw.LENGTH, None, id="eleven digits under EAN"),
        pytest.param("012345678905", "EAN", Flaw.OTHER_TYPE, UPC_A, id="a UPC under EAN"),
        pytest.param("5901234123457", "UPC", Flaw.OTHER_TYPE, Meant("5901234123457", "EAN"), id="an EAN under UPC"),
        pytest.param("5901234123457", "GTIN", Flaw.OTHER_TYPE, Meant("5901234123457", "EAN"), id="an EAN under GTIN"),
        pytest.param("9780804429573", "ISBN", Flaw.OTHER_TYPE, Meant("9780804429573", "EAN"), id="a book's EAN"),
        pytest.param("07838604", "EAN8", Flaw.OTHER_TYPE, VENDORS, id="a UPC-E under EAN8"),
        pytest.param("96385074", "UPC", Flaw.OTHER_TYPE, Meant("96385074", "EAN8"), id="an EAN-8 under UPC"),
        pytest.param("96385074", "PLU", Flaw.OTHER_TYPE, Meant("96385074", "EAN8"), id="an EAN-8 under PLU"),
        pytest.param("4011", "UPC", Flaw.OTHER_TYPE, Meant("4011", "PLU"), id="a PLU under UPC"),
        pytest.param("01234567890", "UPC", Flaw.CHECK_DIGIT_LOST, UPC_A, id="eleven digits under UPC"),
        pytest.param("0783860", "UPC", Flaw.CHECK_DIGIT_LOST, VENDORS, id="seven digits under UPC"),
        pytest.param(
            "590123412345", "EAN", Flaw.CHECK_DIGIT_LOST, Meant("5901234123457", "EAN"), id="twelve under EAN"
        ),
        pytest.param("9638507", "EAN8", Flaw.CHECK_DIGIT_LOST, Meant("96385074", "EAN8"), id="seven under EAN8"),
        pytest.param("080442957", "ISBN", Flaw.CHECK_DIGIT_LOST, Meant("080442957X", "ISBN"), id="nine under ISBN"),
        pytest.param("1001234567890", "GTIN", Flaw.CHECK_DIGIT_LOST, Meant("10012345678902", "GTIN"), id="thirteen"),
        pytest.param("1234567890", "UPC", Flaw.ENDS_LOST, UPC_A, id="the ten digits in the middle of a UPC-A"),
        pytest.param("783860", "UPC", Flaw.ENDS_LOST, VENDORS, id="the six in the middle of a UPC-E"),
        pytest.param("21234565", "UPC", Flaw.NO_UPC_E, None, id="eight digits that are nothing"),
        pytest.param("41", "PLU", Flaw.LENGTH, None, id="two digits"),
        pytest.param("123456789", "EAN", Flaw.LENGTH, None, id="nine digits"),
        pytest.param("1" * 300, "GTIN", Flaw.LENGTH, None, id="three hundred digits"),
    ],
)
def test_a_faulty_code_says_which_one_is_meant(code: str, kind: str, flaw: Flaw, meant: Meant | None) -> None:
    assert fault(code, kind) == Fault(flaw, meant)


@given(st.one_of(st.text(max_size=16), st.text(digits, max_size=16)), st.sampled_from(list(LENGTHS)))
def test_what_is_meant_is_fine_itself(code: str, kind: str) -> None:
    found = fault(code, kind)
    if found is None:
        assert is_right(code, kind)
    elif found.meant and found.flaw not in (Flaw.CHECK_DIGIT, Flaw.CHECK_DIGIT_LOST, Flaw.ENDS_LOST, Flaw.MARKS):
        assert fault(*found.meant) is None
    elif found.meant:
        assert is_right(*found.meant)
