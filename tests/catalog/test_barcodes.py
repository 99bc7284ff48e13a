import pytest

from catalog.barcodes import expand_upc_e, gtin, is_digits, scan_keys, stored_key
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
