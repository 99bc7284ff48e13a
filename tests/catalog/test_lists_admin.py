"""The pages by which product lists are downloaded and imported."""

import csv
from io import BytesIO, StringIO
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.admin.lists import BEFORE_SALE
from catalog.models import Product, ProductList
from tests.factories import (
    BarcodeFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    ProductFactory,
    StoreFactory,
    StrangerFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRODUCTS = "/admin/catalog/product/"
DOWNLOAD, IMPORT = f"{PRODUCTS}download/", f"{PRODUCTS}import/"
TEA = b"SKU,Name,Sold by\nTEA-1,Example Tea,piece\n"


@pytest.fixture
def mia() -> User:
    user: User = ManagerFactory(username="mia")
    return user


@pytest.fixture
def manager(mia: User) -> Browser:
    return signed_in(mia)


def upload(browser: Browser, raw: bytes, name: str = "list.csv") -> Any:
    return browser.post(IMPORT, {"file": SimpleUploadedFile(name, raw)})


def looked_at(browser: Browser, raw: bytes) -> tuple[str, Any]:
    """Where the uploaded list is looked at, and that page."""
    answer = upload(browser, raw)
    assert answer.status_code == 302, answer.context["form"].errors
    return answer.url, browser.get(answer.url)


def apply(browser: Browser, url: str, page: Any) -> Any:
    return browser.post(url, {"seen": page.context["difference"].fingerprint, "apply": ""})


def rows_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"), newline="")))


def parts(page: Any) -> dict[str, int]:
    return {part.name: part.count for part in page.context["parts"]}


# --- Who may


def asked(browser: Browser, list_id: Any) -> dict[str, int]:
    """How each address answers."""
    look = f"{IMPORT}{list_id}/"
    chosen = {"action": "download_chosen", "_selected_action": ["COLA-1"], "format": "csv"}
    return {
        "list": browser.get(PRODUCTS).status_code,
        "download page": browser.get(DOWNLOAD).status_code,
        "download": browser.get(f"{DOWNLOAD}csv/").status_code,
        "download chosen": browser.post(PRODUCTS, chosen).status_code,
        "import page": browser.get(IMPORT).status_code,
        "empty list": browser.get(f"{IMPORT}empty/").status_code,
        "look": browser.get(look).status_code,
        "part": browser.get(f"{look}new/").status_code,
        "upload": upload(browser, TEA).status_code,
        "discard": browser.post(look, {"discard": ""}).status_code,
        "apply": browser.post(look, {"apply": "", "seen": ""}).status_code,
    }


OUT = ("list", "download page", "download", "download chosen")
IN = ("import page", "empty list", "look", "part", "upload", "discard", "apply")


def test_staff_download_and_do_not_import(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")
    _, page = looked_at(manager, TEA)
    waiting = ProductList.objects.get()

    answers = asked(signed_in(CashierFactory()), waiting.pk)

    assert answers == {**dict.fromkeys(OUT, 200), **dict.fromkeys(IN, 403)}
    assert list(ProductList.objects.all()) == [waiting]
    assert list(Product.objects.values_list("pk", flat=True)) == ["COLA-1"]
    assert page.status_code == 200


def test_strangers_do_neither() -> None:
    ProductFactory(sku="COLA-1")

    answers = asked(signed_in(StrangerFactory()), uuid4())

    assert answers == dict.fromkeys((*OUT, *IN), 302)
    assert not ProductList.objects.exists()


def test_a_list_of_somebody_else_is_not_there(manager: Browser) -> None:
    url, _ = looked_at(manager, TEA)
    other = signed_in(OwnerFactory())

    for answer in (other.get(url), other.post(url, {"discard": ""}), other.post(url, {"apply": "", "seen": ""})):
        assert (answer.status_code, answer.url) == (302, IMPORT)
        assert "no longer here" in said(answer)[-1]
    assert other.get(f"{url}new/").status_code == 404
    assert ProductList.objects.exists()
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("person", "shown"),
    [(ManagerFactory, ["Import a list…", "Download the list"]), (CashierFactory, ["Download the list"])],
)
def test_the_product_list_has_the_buttons_that_a_person_may_press(person: Any, shown: list[str]) -> None:
    page = signed_in(person()).get(PRODUCTS).content.decode()

    assert [text for text in ("Import a list…", "Download the list") if f">{text}</a>" in page] == shown


# --- Out


def test_the_list_is_downloaded_as_it_is_filtered(manager: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ProductFactory(sku="COLA-1", category="Drinks")
    ProductFactory(sku="TEA-1", category="Drinks")
    ProductFactory(sku="BAR-1", category="Snacks")
    query = "?q=COLA&category=Drinks"

    page = manager.get(PRODUCTS + query).content.decode()
    assert f'href="{DOWNLOAD}?category=Drinks&amp;q=COLA"' in page
    asked = manager.get(DOWNLOAD + query)
    assert asked.context["what"] == "1 product with search “COLA”, category “Drinks”"
    urls = dict(asked.context["files"])
    answer = manager.get(urls["Text file (CSV)"])

    assert [row[0] for row in rows_of(answer)] == ["SKU", "COLA-1"]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="products-')
    assert "mia downloaded a product list: 1 products, q=COLA&category=Drinks" in caplog.text
    book = openpyxl.load_workbook(BytesIO(manager.get(f"{DOWNLOAD}xlsx/").content))
    assert [row[0].value for row in book.active.iter_rows()] == ["SKU", "BAR-1", "COLA-1", "TEA-1"]


def test_what_was_chosen_is_downloaded(manager: Browser) -> None:
    for sku in ("A", "B", "C"):
        ProductFactory(sku=sku)
    chosen = {"action": "download_chosen", "_selected_action": ["A", "C"]}

    page = manager.post(PRODUCTS, chosen)
    assert page.context["what"] == "2 products that you chose"
    assert sorted(page.context["keys"]) == ["A", "C"]
    answer = manager.post(PRODUCTS, {**chosen, "format": "csv"})

    assert [row[0] for row in rows_of(answer)] == ["SKU", "A", "C"]


def test_there_are_two_formats(manager: Browser) -> None:
    assert manager.get(f"{DOWNLOAD}pdf/").status_code == 404
    assert manager.get(f"{DOWNLOAD}csv/?nonsense__exact=1").status_code in (400, 404)
    assert manager.get(f"{IMPORT}empty/")["Content-Disposition"] == 'attachment; filename="products.xlsx"'


def test_the_page_of_a_download_costs_the_same_whatever_its_length(
    manager: Browser, django_assert_num_queries: Any
) -> None:
    ProductFactory.create_batch(2, stores=[StoreFactory()])
    manager.get(f"{DOWNLOAD}csv/")
    with CaptureQueriesContext(connection) as few:
        manager.get(f"{DOWNLOAD}csv/")
    ProductFactory.create_batch(10, stores=[StoreFactory()])
    with django_assert_num_queries(len(few)):
        manager.get(f"{DOWNLOAD}csv/")


# --- In


def test_a_list_is_uploaded_looked_at_and_applied(manager: Browser, mia: User) -> None:
    ProductFactory(sku="COLA-1", name="Cola")
    raw = TEA + b"COLA-1,Example Cola,piece\n"

    url, page = looked_at(manager, raw)
    assert parts(page) == {"warnings": 1, "changed": 1, "new": 1}
    text = page.content.decode()
    assert "list.csv, 2 rows" in text
    assert "Import 1 new, 1 changed</button>" in text
    assert BEFORE_SALE in text
    assert Product.objects.count() == 1

    answer = apply(manager, url, page)

    assert (answer.status_code, answer.url) == (302, PRODUCTS)
    assert said(answer) == ["list.csv: 1 product added, 1 changed.", BEFORE_SALE]
    assert list(Product.objects.values_list("sku", "name")) == [("COLA-1", "Example Cola"), ("TEA-1", "Example Tea")]
    history = text_of(manager.get(f"{PRODUCTS}COLA-1/history/"))
    assert "Name: Cola → to Example Cola" in history
    assert "Mia (by an imported list) changed the product Example Cola (COLA-1)." in history
    assert "Imported from list.csv" in history
    assert Product.history.filter(sku="TEA-1").get().history_user == mia
    assert manager.get(url).url == IMPORT


def test_a_page_that_was_only_looked_at_changes_nothing(manager: Browser) -> None:
    url, page = looked_at(manager, TEA)

    manager.get(f"{url}?apply=&seen={page.context['difference'].fingerprint}")

    assert not Product.objects.exists()


def test_a_list_is_discarded(manager: Browser) -> None:
    url, _ = looked_at(manager, TEA)

    answer = manager.post(url, {"discard": ""})

    assert (answer.url, said(answer)) == (PRODUCTS, ["The list was discarded. Nothing was changed."])
    assert not ProductList.objects.exists()
    assert not Product.objects.exists()


def test_a_wrong_list_cannot_be_applied_but_its_faults_downloaded(manager: Browser) -> None:
    url, page = looked_at(manager, TEA + b"BAR-1,=1+1,by night\n")

    assert parts(page) == {"wrong": 1, "warnings": 1, "new": 1}
    text = page.content.decode()
    assert 'name="apply"' not in text
    assert "Nothing is imported while a row is wrong." in text
    assert rows_of(manager.get(f"{url}wrong/")) == [
        ["Row", "SKU", "Column", "In the file", "What to do"],
        ["3", "BAR-1", "Sold by", "by night", "Write “piece” or “weight”."],
    ]

    answer = apply(manager, url, page)

    assert (answer.url, said(answer)) == (
        url,
        ["Nothing was changed: 1 row is wrong. Mend the file and choose it again."],
    )
    assert not Product.objects.exists()


def test_each_part_is_downloaded_and_can_be_no_formula(manager: Browser) -> None:
    BarcodeFactory(product=ProductFactory(sku="COLA-1", name="@Cola"), code="012345678905")
    ProductFactory(sku="SAME", name="Same")
    url, page = looked_at(manager, TEA + b"COLA-1,=1+1,piece\nSAME,Same,\n")

    assert parts(page) == {"warnings": 1, "changed": 1, "new": 1, "unchanged": 1}
    assert rows_of(manager.get(f"{url}changed/"))[1:] == [["3", "COLA-1", "Name", "'@Cola", "'=1+1"]]
    assert rows_of(manager.get(f"{url}new/"))[1:] == [
        ["2", "TEA-1", "Example Tea", "", "", "", "piece", "", "all", ""],
    ]
    assert rows_of(manager.get(f"{url}unchanged/"))[1:] == [["4", "SAME", "Same"]]
    assert rows_of(manager.get(f"{url}warnings/"))[1][:3] == ["2", "TEA-1", "Barcodes"]
    assert manager.get(f"{url}other/").status_code == 404


def test_of_many_rows_the_first_are_shown_and_all_downloaded(manager: Browser) -> None:
    raw = b"SKU,Name,Sold by\n" + b"".join(b"T-%03d,Tea,piece\n" % number for number in range(201))
    url, page = looked_at(manager, raw)

    (new,) = [part for part in page.context["parts"] if part.name == "new"]
    assert (new.count, len(new.rows), new.has_more) == (201, 200, True)
    assert "Only the first 200 are shown here." in page.content.decode()
    assert len(rows_of(manager.get(f"{url}new/"))) == 202


def test_what_changed_since_the_look_is_looked_at_again(manager: Browser) -> None:
    cola = ProductFactory(sku="COLA-1", name="Cola", brand="Best")
    url, page = looked_at(manager, b"SKU,Name\nCOLA-1,Example Cola\n")
    Product.objects.filter(pk=cola.pk).update(brand="Other")

    answer = apply(manager, url, page)

    assert answer.url == url
    assert "somebody changed products of this list while you looked at it" in said(answer)[0]
    assert Product.objects.get().name == "Cola"
    assert apply(manager, url, manager.get(url)).url == PRODUCTS
    assert Product.objects.get().name == "Example Cola"


def test_a_list_that_changes_nothing_has_nothing_to_apply(manager: Browser) -> None:
    ProductFactory(sku="COLA-1", name="Cola")
    _, page = looked_at(manager, b"SKU,Name\nCOLA-1,Cola\n")

    text = page.content.decode()
    assert "Everything is already as this list says." in text
    assert 'name="apply"' not in text


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "Choose a file first."),
        (b"", "The file is empty. Choose another one."),
        (b"Item\nTEA\n", "No column is named “SKU”. The first row must name the columns, and it says: “Item”."),
        (b"SKU\n" + bytes(10_000_000), "The file is larger than 10 MB. Split it into several files."),
    ],
)
def test_what_is_no_list_is_refused_on_the_page(manager: Browser, raw: bytes | None, why: str) -> None:
    answer = manager.post(IMPORT) if raw is None else upload(manager, raw)

    assert answer.status_code == 200
    assert answer.context["form"].errors == {"file": [why]}
    assert not ProductList.objects.exists()


def test_lists_that_wait_are_found_again(manager: Browser) -> None:
    url, _ = looked_at(manager, TEA)

    assert f'href="{url}">list.csv</a>, 1 row, uploaded' in manager.get(IMPORT).content.decode()
    assert "Waiting for you" not in signed_in(OwnerFactory()).get(IMPORT).content.decode()


def test_what_stands_in_a_file_is_shown_as_text(manager: Browser) -> None:
    answer = upload(manager, b"SKU,<b>,Name,Sold by\nX,1,<script>alert(1)</script>,piece\n", name="<i>.csv")
    page = manager.get(answer.url).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "“&lt;b&gt;” is not part of a product list" in page
    assert "&lt;i&gt;.csv, 1 row" in page
