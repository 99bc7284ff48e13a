"""Lists of products in and out: what the files say, what they do, and that they do all of it or nothing."""

import csv
import zipfile
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import bulk
from catalog.lists import exports, imports, keeping, sheet, text_file, workbook
from catalog.lists.cells import Listed
from catalog.lists.compare import Difference
from catalog.lists.exports import Format
from catalog.lists.sheet import Unreadable
from catalog.models import Barcode, Product, ProductList, Retirement
from catalog.rows import row_columns
from tests.conftest import AtOnce
from tests.factories import BarcodeFactory, ManagerFactory, OwnerFactory, ProductFactory, StoreFactory, upc

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 3, 14, 16, tzinfo=UTC)
"""Later than what the factories write."""

COLA, TEA, NUTS = "COLA-1", "TEA-1", "NUTS-1"
UPC, EAN = "012345678905", "5901234123457"


@pytest.fixture
def person() -> User:
    user: User = ManagerFactory(username="mia")
    return user


@pytest.fixture
def cola() -> Product:
    product: Product = ProductFactory(sku=COLA, name="Example Cola 500 ml")
    BarcodeFactory(product=product, code=UPC)
    BarcodeFactory(product=product, code=EAN, type="EAN", position=1)
    return product


def as_csv(*rows: dict[str, str] | str, sign: str = ",") -> bytes:
    """A file with the columns that the rows have; a row that is a text is a SKU by itself."""
    dicts = [{"SKU": row} if isinstance(row, str) else row for row in rows]
    titles = list(dict.fromkeys(title for row in dicts for title in row))
    out = StringIO()
    csv.writer(out, delimiter=sign).writerows([titles, *([row.get(title, "") for title in titles] for row in dicts)])
    return out.getvalue().encode()


def as_xlsx(*rows: dict[str, Any]) -> bytes:
    titles = list(dict.fromkeys(title for row in rows for title in row))
    book = openpyxl.Workbook()
    for row in [titles, *([row.get(title) for title in titles] for row in rows)]:
        book.active.append(row)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def kept(raw: bytes, by: User, *, now: datetime = NOW, name: str = "list.csv") -> ProductList:
    return imports.LISTS.keep(raw, file_name=name, by=by, now=now)


def look(raw: bytes, by: User | None = None) -> Difference:
    """What the file would do."""
    by = by or OwnerFactory()
    return imports.look(kept(raw, by))


def bring_in(raw: bytes, by: User, **options: Any) -> imports.Applied:
    """Look at the file and apply what was seen."""
    waiting = kept(raw, by, **options)
    seen = imports.look(waiting)
    return imports.apply(waiting.pk, by=by, seen=seen.fingerprint, clock=lambda: NOW)


def told(difference: Difference) -> list[tuple[int, str, str, str]]:
    return [(fault.number, fault.column, fault.value, fault.text) for fault in difference.faults]


def only_fault(row: dict[str, Any], *, xlsx: bool = False) -> str:
    difference = look(as_xlsx(row) if xlsx else as_csv(row))
    assert [fault.number for fault in difference.faults] == [2]
    assert not difference.new
    assert not difference.changed
    return difference.faults[0].text


def new(sku: str = TEA, **more: str) -> dict[str, str]:
    return {"SKU": sku, "Name": "Example Tea", "Sold by": "piece", **more}


def codes_of(sku: str) -> list[tuple[int, str, str, str]]:
    return list(Barcode.objects.filter(product=sku).values_list("position", "code", "type", "lookup_key"))


def everything() -> list[Any]:
    """All rows that an import may write, with their history."""
    rows: list[Any] = [list(Product.objects.values_list()), list(Barcode.objects.values_list())]
    rows += [list(Product.stores.through.objects.order_by("pk").values_list())]
    rows += [list(model.history.order_by("history_id").values_list()) for model in (Product, Barcode)]
    return rows


def test_a_products_row_is_what_a_list_says_first() -> None:
    assert Listed._fields[:8] == row_columns(Product)


# --- Out


@pytest.fixture
def stock(cola: Product) -> list[str]:
    """Products of every kind; their SKUs in order."""
    east, west = StoreFactory(store_id="EAST"), StoreFactory(store_id="WEST")
    ProductFactory(sku="000123", name="=1+1", brand="'=2", category="@SUM(A1)", subcategory="'", stores=[west, east])
    ProductFactory(sku="-5", name="Crème, “brûlée”; 5\t%", brand="", category="", subcategory="-", weighed=True)
    nowhere = ProductFactory(sku="NOWHERE", name="\tTab\rReturn\x0bBell", brand="(none)", stores=[])
    Product.objects.filter(pk=nowhere.pk).update(all_stores=False)
    BarcodeFactory(product=nowhere, code="123", type="UPC")
    assert cola.pk == COLA
    return ["-5", "000123", COLA, "NOWHERE"]


def downloaded(wanted: Format) -> bytes:
    return exports.download(Product.objects.all(), wanted, by="mia", which="all", now=NOW).content


def csv_rows(raw: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.usefixtures("stock")
def test_a_text_file_says_all_of_a_product_in_plain_words() -> None:
    rows = {row[0]: row[1:] for row in csv_rows(downloaded(Format.CSV))}

    assert list(rows) == ["SKU", "'-5", "000123", COLA, "NOWHERE"]
    assert rows["SKU"] == [
        *("Name", "Brand", "Category", "Subcategory", "Sold by", "Weighed in", "Stores", "Barcodes"),
    ]
    assert rows[COLA] == [
        *("Example Cola 500 ml", "Example", "Drinks", "Soft drinks", "piece", "", "all"),
        f"{UPC} UPC; {EAN} EAN",
    ]
    assert rows["'-5"][4:7] == ["weight", "lb", "all"]
    assert rows["000123"][6] == "EAST; WEST"
    assert rows["NOWHERE"][6] == "(none)"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "'=1", "''@"])
def test_no_cell_of_a_text_file_can_be_a_formula_and_each_comes_back(text: str) -> None:
    guarded = text_file.guarded(text)

    assert guarded == f"'{text}"
    assert text_file.plain(guarded) == text


@pytest.mark.parametrize("text", ["", "'", "'a", "a=1", "5-1", "''"])
def test_other_cells_are_written_as_they_are(text: str) -> None:
    assert text_file.guarded(text) == text == text_file.plain(text)


@pytest.mark.usefixtures("stock")
def test_every_cell_of_a_spreadsheet_is_a_text() -> None:
    book = openpyxl.load_workbook(BytesIO(downloaded(Format.XLSX)))

    rows = list(book.active.iter_rows())
    used = [cell for row in rows for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in used} == {("s", "@")}
    assert [row[0].value for row in rows] == ["SKU", "-5", "000123", COLA, "NOWHERE"]
    assert [cell.value for cell in rows[2]][1:4] == ["=1+1", "''=2", "@SUM(A1)"]
    assert book.active.column_dimensions["I"].number_format == "@"


@pytest.mark.parametrize("wanted", Format)
def test_what_was_downloaded_changes_nothing_when_it_comes_back(stock: list[str], person: User, wanted: Format) -> None:
    before = everything()
    waiting = kept(downloaded(wanted), person)
    difference = imports.look(waiting)

    assert (difference.faults, difference.new, difference.changed) == ([], [], [])
    assert [line.after.sku for line in difference.unchanged] == stock
    imports.apply(waiting.pk, by=person, seen=difference.fingerprint, clock=lambda: NOW)
    assert everything() == before


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.usefixtures("cola")
def test_what_was_downloaded_makes_the_same_products_elsewhere(person: User, wanted: Format) -> None:
    ProductFactory(sku="000123", name="=1+1", brand="'=2", stores=[StoreFactory()], weighed=True)
    listed = list(exports.listed(Product.objects.all()))
    raw = downloaded(wanted)
    Product.objects.all().delete()

    assert bring_in(raw, person).new == 2
    assert list(exports.listed(Product.objects.all())) == listed


@pytest.mark.usefixtures("cola")
def test_the_log_says_who_took_how_many_and_no_contents(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    exports.download(Product.objects.all(), Format.CSV, by="mia", which="category=Drinks", now=NOW)

    (record,) = [record for record in caplog.records if record.name == "catalog.lists.exports"]
    assert record.getMessage() == "mia downloaded a product list: 1 products, category=Drinks"


def test_a_download_asks_as_often_for_many_products_as_for_few(django_assert_num_queries: Any) -> None:
    ProductFactory.create_batch(2, stores=[StoreFactory()])
    with CaptureQueriesContext(connection) as few:
        downloaded(Format.CSV)
    ProductFactory.create_batch(20, stores=[StoreFactory()])
    with django_assert_num_queries(len(few)):
        downloaded(Format.CSV)


# --- In: reading files


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_text_file_is_read_whatever_stands_between_its_cells(sign: str, mark: bytes) -> None:
    difference = look(mark + as_csv(new(Brand="Löwe; Söhne, 5\t"), sign=sign))

    assert [line.after.brand for line in difference.new] == ["Löwe; Söhne, 5"]
    assert not [note for note in difference.notes if "Windows" in note]


def test_a_file_of_an_older_program_is_read_and_that_is_told() -> None:
    difference = look("SKU,Name,Sold by\nTEA,Crème 5 €,piece\n".encode("cp1252"))

    assert difference.new[0].after.name == "Crème 5 €"
    assert text_file.WINDOWS in difference.notes


def test_a_spreadsheet_programs_own_text_files_are_read() -> None:
    utf_16 = look("SKU\tName\tSold by\nTEA\tCrème\tpiece\n".encode("utf-16"))
    with_sign = look(b"sep=;\r\nSKU;Name;Sold by\r\nTEA;Tea, hot;piece\r\n")

    assert utf_16.new[0].after.name == "Crème"
    assert (with_sign.new[0].number, with_sign.new[0].after.name) == (3, "Tea, hot")


def test_columns_are_found_by_their_names_in_any_order() -> None:
    difference = look(b"BARCODE,sold_by,  name ,sku\n4011,piece,Banana,BANANA\n")

    assert difference.new[0].after == Listed("BANANA", "Banana", sold_by="EACH", codes=(("4011", "PLU"),))


def test_columns_that_are_missing_or_not_ours_are_named() -> None:
    difference = look(b"SKU,Name,Sold by,Price,Barcods,\nTEA,Tea,piece,2.49,4011,\n")

    assert difference.notes == [
        "The column “Price” is not part of a product list and is not read.",
        "The column “Barcods” is not part of a product list and is not read. Did you mean “Barcodes”?",
        (
            "Not in this file, and so left as they are: “Brand”, “Category”, “Subcategory”, “Weighed in”, “Stores”, "
            "“Barcodes”."
        ),
    ]
    assert difference.new[0].after.codes == ()


def test_rows_have_the_numbers_that_a_person_sees() -> None:
    difference = look(b'\nSKU,Name,Sold by\n,,\nTEA,"Tea",piece\n\n"COLA","Cola",piece\n')

    assert [(line.number, line.after.sku) for line in difference.new] == [(4, "TEA"), (6, "COLA")]


def zipped(**parts: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    """The spreadsheet with one of its parts replaced."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(raw)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        for part in archive.namelist():
            changed.writestr(part, content if part == name else archive.read(part))
    return out.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 50) for n in range(12))
    + b"]><worksheet><sheetData><row><c t='str'><v>&m;</v></c></row></sheetData></worksheet>"
)
TOO_LARGE = "This spreadsheet unpacks to more than any list needs. Copy its cells into a new one."
NO_TEXT = "This is no text file. Save the list as a spreadsheet (.xlsx) or as CSV in UTF-8."
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "The file is empty. Choose another one.", id="empty"),
        pytest.param(b"\n , \n", "The file is empty. Choose another one.", id="blank"),
        pytest.param(
            b"SKU,Name\n", "The file has a heading but no products below it. Choose another one.", id="heading"
        ),
        pytest.param(
            b"Item;Price\nTEA;1\n",
            "No column is named “SKU”. The first row must name the columns, and it says: “Item;Price”.",
            id="no SKU",
        ),
        pytest.param(
            b"SKU,Name,sku\nTEA,Tea,TEA\n",
            "The column “SKU” stands twice in the first row. Take one of them away.",
            id="a column twice",
        ),
        pytest.param(
            b'SKU,Name\nTEA,"Tea\nCOLA,Cola\n',
            'The file breaks off or is damaged in line 3: look for a quote (") that is not closed.',
            id="an open quote",
        ),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0", NO_TEXT, id="a picture"),
        pytest.param(b"SKU,Name\nTEA,T\0ea\n", NO_TEXT, id="NUL"),
        pytest.param(b"SKU\nTEA \x81\x8d\n", NO_TEXT, id="no known encoding"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
            (
                "This is an old spreadsheet (.xls), or one with a password. "
                "Save it as .xlsx without a password, or as CSV."
            ),
            id="an old spreadsheet",
        ),
        pytest.param(b"PK\x03\x04 and no more", workbook.BROKEN, id="a broken archive"),
        pytest.param(zipped(**{"content.xml": b"<x/>"}), workbook.BROKEN, id="another archive"),
        pytest.param(zipped(**{"xl/media/image1.png": bytes(11_000_000)}), TOO_LARGE, id="a bomb"),
        pytest.param(zipped(**{SHEET: bytes(160_000_000)}), TOO_LARGE, id="a bomb in a sheet"),
        pytest.param(with_part(as_xlsx({"SKU": "TEA"}), SHEET, b"<broken"), workbook.BROKEN, id="broken XML"),
        pytest.param(with_part(as_xlsx({"SKU": "TEA"}), SHEET, LAUGHS), workbook.BROKEN, id="a billion laughs"),
        pytest.param(bytes(10_000_001), "The file is larger than 10 MB. Split it into several files.", id="too large"),
    ],
)
def test_what_is_no_list_is_refused_with_what_to_do(person: User, raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as refused:
        kept(raw, person)

    assert str(refused.value) == why
    assert not ProductList.objects.exists()


def test_a_list_has_a_hundred_thousand_rows_at_most() -> None:
    most = b"SKU\n" + b"A\n" * 100_000

    assert len(imports.LISTS._read(most).rows) == 100_000
    with pytest.raises(Unreadable, match=r"Split it into files of at most 100,000 products each\."):
        imports.LISTS._read(most + b"\nA\n")


def test_a_row_with_a_huge_number_ends_the_reading(person: User) -> None:
    rows = b"".join(b"<row r='%d'><c r='A%d' t='str'><v>SKU</v></c></row>" % (n, n) for n in (1, 10**9))
    far = b"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>%s</sheetData>"

    with pytest.raises(Unreadable, match="more rows than a spreadsheet can have"):
        kept(with_part(as_xlsx({"SKU": "TEA"}), SHEET, far % rows + b"</worksheet>"), person)


def test_a_list_holds_no_more_text_than_fits(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_TEXT", 1_000)

    with pytest.raises(Unreadable, match="The list is too long"):
        kept(as_csv({"SKU": "A" * 1_001}), person)


def test_cells_of_a_spreadsheet_are_read_as_a_person_sees_them() -> None:
    row = {"SKU": 4011, "Name": 7.0, "Brand": 2.5, "Category": True, "Sold by": " Piece ", "Stores": None}
    book = openpyxl.load_workbook(BytesIO(as_xlsx(row)))
    book.create_sheet("Other").append(["nothing"])
    difference = look(saved(book))

    assert difference.new[0].after == Listed("4011", "7", "2.5", "TRUE", sold_by="EACH")
    assert "Only the first sheet, “Sheet”, is read." in difference.notes


def test_a_spreadsheet_that_lies_about_its_size_is_read_whole() -> None:
    raw = as_xlsx({"SKU": "TEA", "Name": "Tea", "Sold by": "piece"})
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        lying = archive.read(SHEET).replace(b'ref="A1:C2"', b'ref="A1"')

    assert look(with_part(raw, SHEET, lying)).new[0].after.name == "Tea"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"SKU": date(2026, 3, 1), "Name": "Tea", "Sold by": "piece"}, workbook.IS_DATE),
        ({**new(), "Category": timedelta(hours=3)}, workbook.IS_DATE),
        ({**new(), "Name": "#REF!"}, workbook.IS_ERROR),
    ],
)
def test_what_a_spreadsheet_has_spoilt_is_noticed(row: dict[str, Any], why: str) -> None:
    difference = look(as_xlsx(row))

    assert why in [fault.text for fault in difference.faults]
    assert not difference.new


def test_a_comma_without_quotes_is_noticed() -> None:
    difference = look(b"SKU,Name,Sold by\nTEA,Tea, hot,piece\nCOLA,Cola,piece,,\n")

    assert told(difference)[0] == (2, "", "piece", sheet.TOO_MANY)
    assert [line.after.sku for line in difference.new] == ["COLA"]


# --- In: what a row means


def changes(difference: Difference) -> list[tuple[str, str, str, str]]:
    return [(line.after.sku, *change) for line in difference.changed for change in line.changes]


@pytest.mark.usefixtures("cola")
def test_only_what_a_cell_says_is_changed(person: User) -> None:
    StoreFactory(store_id="EAST")
    difference = look(as_csv({"SKU": COLA, "Name": "Cola", "Brand": "", "Category": " (NONE) ", "Stores": "EAST"}))

    assert changes(difference) == [
        (COLA, "Name", "Example Cola 500 ml", "Cola"),
        (COLA, "Category", "Drinks", ""),
        (COLA, "Stores", "all", "EAST"),
    ]
    assert bring_in(as_csv({"SKU": COLA, "Barcodes": "(none)"}), person).changed == 1
    assert codes_of(COLA) == []


@pytest.mark.parametrize(
    ("text", "sold_by"),
    [("piece", "EACH"), ("By the piece", "EACH"), ("EACH", "EACH"), ("weight", "WEIGHT"), ("By weight", "WEIGHT")],
)
@pytest.mark.parametrize(
    ("unit_text", "unit"), [("lb", "lb"), ("Pounds", "lb"), ("OZ", "oz"), ("kilogram (kg)", "kg"), ("g", "g")]
)
def test_how_a_product_is_sold_is_said_in_plain_words(text: str, sold_by: str, unit_text: str, unit: str) -> None:
    weighed = sold_by == "WEIGHT"
    difference = look(as_csv({**new(), "Sold by": text, "Weighed in": unit_text if weighed else ""}))

    (line,) = difference.new
    assert (line.after.sold_by, line.after.weight_unit) == (sold_by, unit if weighed else "")


NEVER = "and that never changes: retire this product and add a new one under another SKU."
UNIT = "write “lb”, “oz”, “kg” or “g”."
STORES = "Write store IDs with “;” between them, or “all”."


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param({**new(), "Name": ""}, "A product needs a name.", id="no name"),
        pytest.param({**new(), "Name": "(none)"}, "A product needs a name.", id="name emptied"),
        pytest.param({"SKU": COLA, "Name": "(none)"}, "A product needs a name.", id="name of a product emptied"),
        pytest.param(
            {**new(), "Name": "x" * 256}, "At most 255 characters, and this has 256. Shorten it.", id="long name"
        ),
        pytest.param(
            {**new(), "Name": "Tea\nhot"},
            "This text has a line break or another character that cannot be printed. Take it out.",
            id="line break",
        ),
        pytest.param(
            {**new(), "Sold by": ""}, "Say how the new product is sold: “piece” or “weight”.", id="not said how sold"
        ),
        pytest.param({**new(), "Sold by": "litre"}, "Write “piece” or “weight”.", id="sold by the litre"),
        pytest.param({**new(), "Sold by": "weight"}, f"Goods sold by weight need a unit: {UNIT}", id="no unit"),
        pytest.param(
            {**new(), "Weighed in": "kg"},
            "Goods sold by the piece have no unit of weight: empty this cell.",
            id="a unit too many",
        ),
        pytest.param({**new(), "Sold by": "weight", "Weighed in": "stone"}, "W" + UNIT[1:], id="stones"),
        pytest.param({"SKU": COLA, "Sold by": "weight"}, f"It is sold by piece, {NEVER}", id="sold otherwise"),
        pytest.param({"SKU": COLA, "Weighed in": "lb"}, f"It is sold by the piece, {NEVER}", id="weighed suddenly"),
        pytest.param({"SKU": NUTS, "Weighed in": "kg"}, f"It is weighed in lb, {NEVER}", id="another unit"),
        pytest.param({"SKU": NUTS, "Weighed in": "(none)"}, f"It is weighed in lb, {NEVER}", id="no unit any more"),
        pytest.param(
            {**new(), "Stores": "EAST; MOON"}, f"There is no store with the ID “MOON”. {STORES}", id="no such store"
        ),
        pytest.param(
            {**new(), "Stores": "east gate"},
            f"There is no store with the ID “east gate”. {STORES} Did you mean EAST?",
            id="a store's name",
        ),
        pytest.param(
            {**new(), "Stores": "east"}, f"There is no store with the ID “east”. {STORES} Did you mean EAST?", id="case"
        ),
        pytest.param({**new(), "SKU": " "}, "Each row needs a SKU.", id="no SKU"),
        pytest.param(
            {**new(), "SKU": "1.23457E+11"},
            "A spreadsheet has shortened this number. Format the column as text and enter the SKU again.",
            id="a shortened SKU",
        ),
        pytest.param(
            {**new(), "SKU": "42"},
            (
                "This looks like 00042 without the zeros in front, which spreadsheets take away. "
                "Format the column as text and enter the SKU again."
            ),
            id="a SKU without its zeros",
        ),
        pytest.param(
            {**new(), "SKU": "x" * 256}, "At most 255 characters, and this has 256. Shorten it.", id="long SKU"
        ),
    ],
)
@pytest.mark.usefixtures("cola")
def test_a_wrong_row_says_what_to_do(row: dict[str, str], why: str) -> None:
    ProductFactory(sku=NUTS, weighed=True)
    ProductFactory(sku="00042")
    StoreFactory(store_id="EAST", name="East Gate")

    assert only_fault(row) == why


def test_a_sku_stands_on_one_row() -> None:
    difference = look(as_csv(new(), new("COLA"), new(f" {TEA} ")))

    assert told(difference) == [
        (4, "SKU", f" {TEA} ", "This SKU stands on row 2 already. Take one of the two rows away."),
    ]
    assert difference.wrong_count == 1


def test_one_row_may_be_wrong_in_several_cells() -> None:
    difference = look(as_csv({"SKU": TEA, "Name": "", "Sold by": "x", "Stores": "MOON", "Barcodes": "0"}))

    assert [column for _, column, _, _ in told(difference)] == ["Sold by", "Stores", "Barcodes", "Name"]
    assert difference.wrong_count == 1


def test_what_is_odd_is_told_and_taken() -> None:
    retired = ProductFactory(sku="OLD")
    Retirement.objects.create(product=retired, reason="Gone.", retired_at=NOW, retired_by=OwnerFactory())
    difference = look(
        as_csv(
            new(),
            {"SKU": "OLD", "Name": "Old"},
            {"SKU": "OTHER", "Name": "Other", "Sold by": "piece", "Stores": "(none)", "Barcodes": "012345678906"},
        )
    )

    assert not difference.faults
    assert [(warning.sku, warning.column, warning.text) for warning in difference.warnings] == [
        (TEA, "Barcodes", "It has no barcode: it cannot be scanned until it has one."),
        ("OLD", "SKU", "This product is retired, and stays so whatever this list says of it."),
        ("OTHER", "Stores", "It will be sold in no store."),
        (
            *("OTHER", "Barcodes"),
            f"The last digit does not fit the others. Compare the code with the package. Perhaps {UPC} UPC is meant.",
        ),
    ]


# --- In: barcodes


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        (UPC, [(UPC, "UPC")]),
        (f"{UPC} UPC; {EAN} EAN", [(UPC, "UPC"), (EAN, "EAN")]),
        (f"{EAN};{UPC};", [(EAN, "EAN"), (UPC, "UPC")]),
        (f"{UPC} upc-a\n{EAN}:EAN 13", [(UPC, "UPC"), (EAN, "EAN")]),
        ("0 12345 67890 5 (UPC)", [(UPC, "UPC")]),
        ("0-8044-2957-x", [("080442957X", "ISBN")]),
        ("080442957X ISBN-10", [("080442957X", "ISBN")]),
        ("4011", [("4011", "PLU")]),
        ("96385074", [("96385074", "EAN8")]),
        ("07838604", [("07838604", "UPC")]),
        ("10012345678902 ITF-14", [("10012345678902", "GTIN")]),
    ],
)
def test_barcodes_are_written_as_people_write_them(cell: str, codes: list[tuple[str, str]]) -> None:
    (line,) = look(as_csv(new(Barcodes=cell))).new

    assert list(line.after.codes) == codes


TEXT = "Format the column as text and enter the barcode again."
LOST = f"This looks like {UPC} without the zero in front, which spreadsheets take away. {TEXT}"
NUMBER = f"A spreadsheet has taken this for a number and changed it. {TEXT}"
BARE = "digits are no barcode by themselves. Write its type after it, and “;” between several codes."
KINDS = "Write one of UPC, EAN, EAN8, ISBN, GTIN, PLU; separate codes by “;”."


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("12345678905", LOST),
        ("12345678905 UPC", LOST),
        ("1.23457E+11", NUMBER),
        ("1,23457E+11 UPC", NUMBER),
        ("12345678905.0", NUMBER),
        ("ABC", "Write the digits, then the type, for example 012345678905 UPC."),
        (f"{UPC} QR", f"“QR” is no type of barcode. {KINDS}"),
        (f"{UPC}, {EAN}", f"“{EAN}” is no type of barcode. {KINDS}"),
        (f"{UPC} {EAN}", f"25 {BARE}"),
        ("123456780", f"9 {BARE}"),
        (f"{UPC} UPC; {UPC} UPC", "This barcode stands twice in the cell. Take one away."),
        ("000000000000 UPC", "Nothing but zeros is no barcode. Leave it out until you know the right one."),
        (
            "01234567890 UPC",
            f"The check digit is missing. Copy the code with its last digit. Perhaps {UPC} UPC is meant.",
        ),
        ("5901234123457 UPC", f"This does not look like a code of that type. Perhaps {EAN} EAN is meant."),
        ("21234565 UPC", "A UPC of 8 digits begins with 0 or 1."),
        ("12 PLU", "A code of the type PLU has 3 or 4 or 5 or 6 digits."),
    ],
)
def test_a_wrong_barcode_says_what_to_do(cell: str, why: str) -> None:
    assert only_fault(new(Barcodes=cell)) == why


def test_a_number_in_a_spreadsheet_has_lost_its_zero() -> None:
    assert only_fault({**new(), "Barcodes": int(UPC)}, xlsx=True) == LOST
    assert [line.after.codes for line in look(as_xlsx({**new(), "Barcodes": int(EAN)})).new] == [((EAN, "EAN"),)]


def test_a_zero_that_the_product_has_is_missed() -> None:
    BarcodeFactory(product=ProductFactory(sku="BOX"), code="05901234123457", type="GTIN")

    assert only_fault({"SKU": "BOX", "Barcodes": EAN}).startswith("This looks like 05901234123457 without the zero")
    assert not look(as_csv({"SKU": "BOX", "Barcodes": f"{EAN} EAN"})).faults


def test_a_barcode_that_stays_is_not_judged_again() -> None:
    BarcodeFactory(product=ProductFactory(sku="ODD"), code="123", type="EAN")
    difference = look(as_csv({"SKU": "ODD", "Barcodes": f"{UPC}; 123"}))

    assert not difference.faults
    assert difference.changed[0].after.codes == ((UPC, "UPC"), ("123", "EAN"))


@pytest.mark.usefixtures("cola")
def test_a_barcode_of_another_product_is_refused() -> None:
    assert only_fault(new(Barcodes=f"0{UPC} EAN")) == (
        f"This barcode is on {COLA} already. Take it away there first, or give {COLA} a row in this file without it."
    )


@pytest.mark.usefixtures("cola")
def test_a_barcode_on_two_rows_is_refused_on_each_that_takes_it() -> None:
    difference = look(as_csv(new(Barcodes="4011"), new("B", Barcodes="4011"), {"SKU": COLA, "Name": "C"}))

    assert told(difference) == [
        (2, "Barcodes", "4011", "Row 3 (B) has this barcode too, and a code means one product. Take one of them away."),
        (
            *(3, "Barcodes", "4011"),
            f"Row 2 ({TEA}) has this barcode too, and a code means one product. Take one of them away.",
        ),
    ]
    keeps = look(as_csv(new(Barcodes=UPC), {"SKU": COLA, "Name": "C"}))
    assert [fault.number for fault in keeps.faults] == [2]


@pytest.mark.usefixtures("cola")
def test_barcodes_change_hands_in_one_file(person: User) -> None:
    BarcodeFactory(product=ProductFactory(sku="B"), code="4011", type="PLU")
    swap = as_csv({"SKU": COLA, "Barcodes": f"{EAN} EAN; 4011 PLU"}, {"SKU": "B", "Barcodes": UPC})

    assert bring_in(swap, person).changed == 2

    assert codes_of(COLA) == [(0, EAN, "EAN", f"0{EAN}"), (1, "4011", "PLU", "4011")]
    assert codes_of("B") == [(0, UPC, "UPC", f"00{UPC}")]


# --- In: applied


@pytest.mark.usefixtures("cola")
def test_an_import_writes_what_was_shown_with_its_history(person: User) -> None:
    east = StoreFactory(store_id="EAST")
    raw = as_csv(
        {"SKU": COLA, "Name": "Cola", "Stores": "EAST"},
        new("NEW", Barcodes=f"{upc(5)}", Stores="EAST"),
        {**new(NUTS), "Sold by": "weight", "Weighed in": "kg"},
    )

    done = bring_in(raw, person, name="spring.csv")

    assert (done.file_name, done.new, done.changed) == ("spring.csv", 2, 1)
    cola, fresh, nuts = Product.objects.in_bulk([COLA, "NEW", NUTS]).values()
    assert (cola.name, cola.brand, cola.all_stores, list(cola.stores.all())) == ("Cola", "Example", False, [east])
    assert (fresh.sold_by, fresh.all_stores, list(fresh.stores.all())) == ("EACH", False, [east])
    assert (nuts.sold_by, nuts.weight_unit, nuts.all_stores) == ("WEIGHT", "kg", True)
    assert codes_of("NEW") == [(0, upc(5), "UPC", f"00{upc(5)}")]
    for product, kind in ((cola, "~"), (fresh, "+"), (nuts, "+")):
        newest = product.history.first()
        assert (newest.history_type, newest.history_user, newest.history_date) == (kind, person, NOW)
        assert newest.history_change_reason == "Imported from spring.csv"
    assert [each.store_id for each in fresh.history.first().stores.all()] == ["EAST"]
    assert Barcode.history.get(product_id="NEW").history_user == person
    assert not ProductList.objects.exists()


@pytest.mark.usefixtures("cola")
def test_a_change_of_barcodes_alone_is_in_the_products_history(person: User) -> None:
    bring_in(as_csv({"SKU": COLA, "Barcodes": EAN}), person)

    assert codes_of(COLA) == [(0, EAN, "EAN", f"0{EAN}")]
    newest = Product.history.filter(sku=COLA).first()
    assert (newest.history_user, newest.history_change_reason) == (person, "Imported from list.csv")
    gone = Barcode.history.filter(code=UPC).first()
    assert (gone.history_type, gone.history_user) == ("-", person)


def refused(waiting: ProductList, by: User, seen: str) -> str:
    """Why nothing was changed; and nothing was."""
    before = everything()
    with pytest.raises(keeping.NothingChanged) as why:
        imports.apply(waiting.pk, by=by, seen=seen, clock=lambda: NOW)
    assert everything() == before
    return str(why.value)


@pytest.mark.usefixtures("cola")
def test_nothing_is_changed_while_a_row_is_wrong(person: User) -> None:
    waiting = kept(as_csv({"SKU": COLA, "Name": "Cola"}, new("B", Barcodes="1")), person)
    seen = imports.look(waiting).fingerprint

    assert refused(waiting, person, seen) == ("Nothing was changed: 1 row is wrong. Mend the file and choose it again.")
    assert ProductList.objects.count() == 1


def rename() -> None:
    Product.objects.filter(pk=COLA).update(name="Meanwhile")


def relabel() -> None:
    Barcode.objects.filter(product=COLA, position=1).delete()


def take_the_code() -> None:
    BarcodeFactory(product=ProductFactory(), code="4011", type="PLU")


def add_the_product() -> None:
    ProductFactory(sku=TEA)


def add_a_store() -> None:
    Product.objects.get(pk=COLA).stores.add(StoreFactory())
    Product.objects.filter(pk=COLA).update(all_stores=False)


def retire() -> None:
    Retirement.objects.create(product_id=COLA, reason="Gone.", retired_at=NOW, retired_by=OwnerFactory())


@pytest.mark.parametrize("meanwhile", [rename, relabel, take_the_code, add_the_product, add_a_store, retire])
@pytest.mark.usefixtures("cola")
def test_nothing_is_changed_when_somebody_changed_what_was_looked_at(person: User, meanwhile: Any) -> None:
    waiting = kept(as_csv({"SKU": COLA, "Brand": "Best"}, new(Barcodes="4011")), person)
    seen = imports.look(waiting).fingerprint
    meanwhile()

    assert refused(waiting, person, seen).startswith("Nothing was changed:")
    assert ProductList.objects.count() == 1


@pytest.mark.usefixtures("cola")
def test_what_the_list_does_not_touch_may_change_meanwhile(person: User) -> None:
    other = ProductFactory(sku="OTHER")
    waiting = kept(as_csv({"SKU": COLA, "Brand": "Best"}), person)
    seen = imports.look(waiting).fingerprint
    other.name = "Other name"
    other.save()

    assert imports.apply(waiting.pk, by=person, seen=seen, clock=lambda: NOW).changed == 1
    assert Product.objects.get(pk="OTHER").name == "Other name"


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_the_database_leaves_nothing_behind(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last statement fails when all others have been run."""
    waiting = kept(as_csv(new(), new("B")), person)
    seen = imports.look(waiting).fingerprint
    broken = bulk.Insert("catalog_product", ("sku",), [(None,)])
    prepare = bulk.prepare
    monkeypatch.setattr(bulk, "prepare", lambda *given: [*prepare(*given), broken])

    with pytest.raises(Exception, match=r"NOT NULL|null value"):
        imports.apply(waiting.pk, by=person, seen=seen, clock=lambda: NOW)

    assert not Product.objects.exists()
    assert not Product.history.exists()
    assert ProductList.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_list_is_applied_once_however_often_the_button_is_pressed(person: User, at_once: AtOnce) -> None:
    waiting = kept(as_csv(*(new(f"TEA-{number}") for number in range(50))), person)
    seen = imports.look(waiting).fingerprint

    def press(_: int) -> str:
        try:
            return f"{imports.apply(waiting.pk, by=person, seen=seen, clock=lambda: NOW).new} new"
        except keeping.NothingChanged:
            return "nothing"

    assert sorted(at_once(3, press)) == ["50 new", "nothing", "nothing"]
    assert Product.history.count() == 50


@pytest.mark.django_db(transaction=True)
def test_two_people_cannot_give_one_barcode_to_two_products(at_once: AtOnce) -> None:
    people = [ManagerFactory(), ManagerFactory()]
    waiting = [kept(as_csv(new(f"TEA-{by.pk}", Barcodes=UPC)), by) for by in people]
    seen = [imports.look(each).fingerprint for each, by in zip(waiting, people, strict=True)]

    def press(number: int) -> str:
        try:
            imports.apply(waiting[number].pk, by=people[number], seen=seen[number], clock=lambda: NOW)
        except keeping.NothingChanged:
            return "nothing"
        return "done"

    assert sorted(at_once(2, press)) == ["done", "nothing"]
    assert Barcode.objects.filter(code=UPC).count() == 1


def test_an_import_gives_up_while_somebody_keeps_changing_products(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = kept(as_csv(new()), person)
    seen = imports.look(waiting).fingerprint
    monkeypatch.setattr(imports, "history_mark", lambda _models: uuid4())

    with pytest.raises(keeping.NothingChanged, match="somebody else keeps changing products"):
        imports.apply(waiting.pk, by=person, seen=seen, clock=lambda: NOW)
    assert not Product.objects.exists()


# --- What is kept between


def test_a_list_belongs_to_who_uploaded_it(person: User) -> None:
    waiting = kept(as_csv(new()), person)
    other = OwnerFactory()

    for act in (
        lambda: imports.LISTS.find(waiting.pk, by=other, now=NOW),
        lambda: imports.apply(waiting.pk, by=other, seen="", clock=lambda: NOW),
        lambda: imports.LISTS.discard(waiting.pk, by=other, now=NOW),
    ):
        with pytest.raises(keeping.Gone):
            act()
    assert ProductList.objects.get().owner == person


def test_a_list_waits_for_a_day_and_is_taken_away_then(person: User) -> None:
    waiting = kept(as_csv(new()), person)
    later = NOW + keeping.KEPT_FOR

    assert imports.LISTS.find(waiting.pk, by=person, now=later - timedelta(seconds=1)) == waiting
    with pytest.raises(keeping.Gone):
        imports.LISTS.find(waiting.pk, by=person, now=later)
    assert keeping.clear_expired(now=later - timedelta(seconds=1)) == 0
    kept(as_csv(new()), OwnerFactory(), now=later)
    assert not ProductList.objects.filter(pk=waiting.pk).exists()


def test_few_lists_wait_for_one_person(person: User) -> None:
    other = kept(as_csv(new()), OwnerFactory())
    lists = [kept(as_csv(new()), person, now=NOW + timedelta(minutes=number)) for number in range(5)]

    assert set(ProductList.objects.all()) == {other, *lists[2:]}


def test_a_long_file_name_is_cut(person: User) -> None:
    assert kept(as_csv(new()), person, name=f"{'x' * 300}.csv").file_name == f"{'x' * 251}.csv"


# --- Costs


def test_an_import_asks_as_often_for_many_rows_as_for_few(person: User) -> None:
    def statements(rows: int, *, offset: int) -> int:
        ProductFactory.create_batch(2, stores=[StoreFactory()])
        raw = as_csv(*(new(f"T-{offset + number}", Barcodes=upc(offset + number)) for number in range(rows)))
        with CaptureQueriesContext(connection) as asked:
            bring_in(raw, person)
        return len(asked)

    assert statements(400, offset=10_000_000_000) == statements(4, offset=20_000_000_000)
