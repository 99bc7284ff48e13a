"""Products in the admin as they stand at Amazon: the list, the page, and what can be done about it."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import (
    AcceptedCode,
    CatalogItem,
    CatalogRun,
    CatalogUpload,
    ChangedProduct,
    Product,
    Retirement,
    Store,
)
from catalog.statuses import ItemState
from tests.factories import (
    AcceptedCodeFactory,
    BarcodeFactory,
    Browser,
    CashierFactory,
    CatalogItemFactory,
    CatalogUploadFactory,
    ManagerFactory,
    ProductFactory,
    ProductFindingFactory,
    RetirementFactory,
    StoreFactory,
    StoreListFactory,
    StrangerFactory,
    TaxAssignmentFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRODUCTS = "/admin/catalog/product/"
WRONG_END = "012345678900"


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(username="mia"))


def press(browser: Browser, sku: str, action: str, **given: Any) -> Any:
    return browser.post(f"{PRODUCTS}{sku}/press/{action}/", given)


def found(browser: Browser, query: str) -> list[Any]:
    return [row.pk for row in browser.get(PRODUCTS + query).context["cl"].result_list]


def shown(browser: Browser) -> str:
    """What the list says of its first product."""
    cell = re.search(r'<td class="field-at_amazon.*?</td>', browser.get(PRODUCTS).content.decode(), re.DOTALL)
    assert cell
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", cell[0])).split())


def in_stores(sku: str, *states: str, **more: Any) -> Product:
    """A product in as many stores, in these states."""
    product: Product = ProductFactory(sku=sku)
    for state in states:
        uploading = {"upload": CatalogUploadFactory()} if state == ItemState.UPLOADING else {}
        CatalogItemFactory(product=product, state=state, **uploading, **more)
    return product


# -- the list


@pytest.mark.parametrize(
    ("states", "more", "words"),
    [
        (["LIVE"], {}, "At Amazon"),
        (["LIVE"] * 3, {}, "At Amazon in 3 stores"),
        (["LIVE", "CHANGED", "LIVE"], {}, "To be uploaded in 1 of 3 stores"),
        (["UPLOADING", "CHANGED"], {}, "On its way in 1 of 2 stores"),
        (["LIVE", "LIVE", "REFUSED"], {"reason": "No such GTIN."}, "Refused in 1 of 3 stores No such GTIN."),
        (["BLOCKED"], {"kept_back": "It has no barcode."}, "Kept back It has no barcode."),
        ([], {}, "Not looked at yet"),
        (["LIVE"], {"is_offered": False}, "No longer sold"),
    ],
)
def test_the_list_says_how_a_product_stands(
    manager: Browser, states: list[str], more: dict[str, Any], words: str
) -> None:
    in_stores("COLA", *states, **more)

    assert shown(manager) == words


@pytest.mark.parametrize(
    ("state", "taken", "reason", "words"),
    [
        ("LIVE", True, "", "Retired, still at Amazon"),
        ("UPLOADING", True, "", "Retired, on its way"),
        ("REFUSED", True, "Still on a planogram.", "Retired, not archived Still on a planogram."),
        ("ARCHIVED", True, "", "Retired and archived"),
        ("LIVE", False, "", "Retired"),
    ],
)
def test_the_list_says_how_a_retired_product_stands(
    manager: Browser,
    state: str,
    reason: str,
    words: str,
    *,
    taken: bool,
) -> None:
    taken_at = timezone.now() if taken else None
    RetirementFactory(product=in_stores("COLA", state, is_offered=False, taken_at=taken_at, reason=reason))

    assert shown(manager) == words


def test_the_newest_reason_is_shown_without_the_key_of_a_link(manager: Browser) -> None:
    old, new = CatalogUploadFactory(), CatalogUploadFactory()
    product = ProductFactory()
    CatalogItemFactory(product=product, state="REFUSED", upload=new, reason="See https://a.example/r?Signature=secret.")
    CatalogItemFactory(product=product, state="REFUSED", upload=old, reason="An old reason.")

    assert shown(manager) == "Refused in 2 stores See https://a.example/r?…"


def test_the_list_costs_the_same_whatever_its_length(manager: Browser, django_assert_num_queries: Any) -> None:
    def stock(count: int) -> None:
        for number in range(count):
            product = in_stores(f"P-{count}-{number}", "LIVE", "REFUSED", reason="No.")
            if number % 2:
                RetirementFactory(product=product)

    stock(3)
    manager.get(PRODUCTS)
    with CaptureQueriesContext(connection) as few:
        manager.get(PRODUCTS)

    stock(27)
    with django_assert_num_queries(len(few)):
        manager.get(PRODUCTS)


def test_the_list_reads_no_records(manager: Browser) -> None:
    in_stores("COLA", "LIVE")

    with CaptureQueriesContext(connection) as asked:
        manager.get(PRODUCTS)

    assert not any('"catalog_catalogitem"."record"' in query["sql"] for query in asked.captured_queries)


def test_products_are_found_by_how_they_stand(manager: Browser) -> None:
    refused = in_stores("REFUSED", "LIVE", "REFUSED")
    in_stores("KEPT", "BLOCKED", is_priced=False)
    in_stores("CHANGED", "CHANGED")
    in_stores("MOVING", "UPLOADING")
    in_stores("GOOD", "LIVE")
    on_shelf = in_stores("SHELF", "REFUSED", is_offered=False, taken_at=timezone.now())
    CatalogItem.objects.filter(product=on_shelf).update(upload=CatalogUploadFactory(archive=True))
    in_stores("GONE", "ARCHIVED", is_offered=False, taken_at=timezone.now())
    for sku in ("SHELF", "GONE"):
        RetirementFactory(product_id=sku, product=None)
    ProductFindingFactory(product_id="GOOD", product=None)

    assert found(manager, "?amazon=refused") == ["REFUSED"]
    assert found(manager, "?amazon=kept_back") == ["KEPT"]
    assert found(manager, "?amazon=to_upload") == ["CHANGED"]
    assert found(manager, "?amazon=on_its_way") == ["MOVING"]
    assert found(manager, "?amazon=there") == ["GOOD", "REFUSED"]
    assert found(manager, "?amazon=unpriced") == ["KEPT"]
    assert found(manager, "?amazon=unsent") == ["CHANGED", "MOVING", "REFUSED"]
    assert found(manager, "?amazon=warned") == ["GOOD"]
    assert found(manager, "?amazon=retired") == ["GONE", "SHELF"]
    assert found(manager, "?amazon=to_archive") == ["SHELF"]
    assert found(manager, "?amazon=on_shelf") == ["SHELF"]
    assert found(manager, "?amazon=archived") == ["GONE"]
    assert len(found(manager, "?amazon=nonsense")) == 7
    where = {item.state: item.store_id for item in refused.items.all()}
    assert found(manager, f"?amazon=refused&store={where['REFUSED']}") == ["REFUSED"]
    assert found(manager, f"?amazon=refused&store={where['LIVE']}") == []


# -- the page


def test_the_page_tells_store_by_store_what_amazon_has_and_should_have(manager: Browser) -> None:
    product = ProductFactory(sku="COLA")
    upload = CatalogUploadFactory(finished=True)
    record = {
        "item_sku": "COLA",
        "item_name": "Example Cola 500 ml",
        "standard_price": "4.25",
        "external_product_id": "012345678905",
        "external_product_id_type": "UPC",
        "additional_external_product_information": [
            {"external_product_id": "5012345678900", "external_product_id_type": "EAN"}
        ],
    }
    east = StoreFactory(name="Arena East")
    CatalogItemFactory(
        product=product, store=east, state="REFUSED", reason="No.", upload=upload, record=json.dumps(record)
    )
    CatalogItemFactory(product=product, store=StoreFactory(name="Arena West"), record="{}")
    ProductFindingFactory(product=product, store=east)
    ChangedProduct.objects.create(sku="COLA")

    answer = manager.get(f"{PRODUCTS}COLA/change/")

    page = text_of(answer)
    assert "Arena East Refused No." in page
    assert "Arena West At Amazon" in page
    assert f'href="/admin/catalog/catalogupload/{upload.pk}/change/"' in answer.content.decode()
    assert "Price 4.25 Barcodes 012345678905 (UPC), 5012345678900 (EAN)" in page
    assert "Nothing can be sent yet." in page
    assert "It was changed just now" in page
    assert "Look at it The name does not say how much is in it. Write the size behind it. Arena East" in page
    assert not [name for name in record if name in page]
    assert not [state for state in ItemState.values if state in page]


def test_the_page_costs_the_same_whatever_happened(manager: Browser, django_assert_num_queries: Any) -> None:
    product = in_stores("COLA", "LIVE", "REFUSED")
    TaxAssignmentFactory(product=product)

    def more(count: int) -> None:
        for _ in range(count):
            CatalogItemFactory(product=product, upload=CatalogUploadFactory())
            ProductFindingFactory(product=product, store=StoreFactory())
            product.notes.create(at=timezone.now(), by=ManagerFactory(), text="Retired.")

    more(3)
    manager.get(f"{PRODUCTS}COLA/change/")
    with CaptureQueriesContext(connection) as few:
        manager.get(f"{PRODUCTS}COLA/change/")

    more(27)
    with django_assert_num_queries(len(few)):
        manager.get(f"{PRODUCTS}COLA/change/")


def test_a_product_that_is_yet_to_be_added_has_nothing_at_amazon(manager: Browser) -> None:
    assert 'id="at-amazon"' not in manager.get(f"{PRODUCTS}add/").content.decode()


def test_the_buttons_fit_how_the_product_stands(manager: Browser) -> None:
    BarcodeFactory(product=in_stores("COLA", "REFUSED"), code=WRONG_END)
    RetirementFactory(product=in_stores("OLD", "LIVE", is_offered=False))
    AcceptedCodeFactory(product=in_stores("ODD", "LIVE"))

    def buttons(sku: str) -> list[str]:
        return [button["text"] for button in manager.get(f"{PRODUCTS}{sku}/change/").context["page_buttons"]]

    assert buttons("COLA") == ["Send again what Amazon refused", "Retire…", "Accept the check digit…"]
    assert buttons("OLD") == ["Return to sale…", "Archive at Amazon…"]
    assert buttons("ODD") == ["Retire…", "No longer accept a check digit…"]


# -- asking for uploads


def test_changes_of_all_stores_are_uploaded_from_the_list(manager: Browser) -> None:
    StoreFactory.create_batch(2)

    answer = manager.post(f"{PRODUCTS}+press/upload_now/")

    run = CatalogRun.objects.get()
    assert (answer.status_code, answer.url) == (302, PRODUCTS)
    assert said(answer) == ["What has changed in 2 stores is being prepared for Amazon."]
    assert (run.store, run.everything, run.is_scheduled) == (None, False, False)
    assert run.asked_by is not None
    assert run.asked_by.username == "mia"


def test_changes_of_one_store_are_uploaded_from_its_page(manager: Browser) -> None:
    store = StoreFactory()

    answer = manager.post(f"/admin/catalog/store/{store.pk}/press/upload_stores_now/")

    run = CatalogRun.objects.get()
    assert said(answer) == ["1 store being prepared for Amazon: what has changed."]
    assert (run.store, run.everything) == (store, False)


def test_everything_goes_again_after_asking_only(manager: Browser) -> None:
    store = StoreFactory()
    url = f"/admin/catalog/store/{store.pk}/press/send_stores_again/"

    asked = manager.post(url)
    assert "also what Amazon holds already" in asked.context["text"]
    assert not CatalogRun.objects.exists()

    manager.post(url, {"confirmed": "yes"})
    run = CatalogRun.objects.get()
    assert (run.store, run.everything) == (store, True)


def test_without_an_address_nothing_is_asked_for_and_the_page_says_what_to_do(
    manager: Browser, settings: LazySettings
) -> None:
    settings.AMAZON_CATALOG_URL = ""
    in_stores("COLA", "REFUSED")

    answers = [manager.post(f"{PRODUCTS}+press/upload_now/"), press(manager, "COLA", "send_again")]

    for answer in answers:
        assert said(answer)[-1] == "The address of Amazon's catalog is not set: set AMAZON_CATALOG_URL and restart."
    assert not CatalogRun.objects.exists()
    assert CatalogItem.objects.get().state == "REFUSED"


def test_a_button_above_a_list_takes_a_post(manager: Browser) -> None:
    assert manager.get(f"{PRODUCTS}+press/upload_now/").url == PRODUCTS
    assert manager.post(f"{PRODUCTS}+press/nonsense/").status_code == 403
    assert not CatalogRun.objects.exists()


def test_what_amazon_refused_goes_once_more(manager: Browser) -> None:
    in_stores("COLA", "REFUSED", "LIVE")
    in_stores("TEA", "REFUSED")

    answer = press(manager, "COLA", "send_again")

    assert said(answer) == ["1 refused entry sent again."]
    assert sorted(CatalogItem.objects.values_list("product_id", "state")) == [
        ("COLA", "CHANGED"),
        ("COLA", "LIVE"),
        ("TEA", "REFUSED"),
    ]
    assert CatalogRun.objects.count() == 1
    assert said(press(manager, "COLA", "send_again"))[-1].startswith("Amazon refused none of these")
    assert CatalogRun.objects.count() == 1


# -- retiring


def test_a_product_is_retired_with_a_reason_and_what_replaces_it(manager: Browser) -> None:
    in_stores("COLA", "LIVE")
    new = ProductFactory(sku="COLA-2")

    asked = press(manager, "COLA", "retire")
    assert "Amazon keeps them until" in asked.context["text"]
    assert 'data-field-name="replaced_by"' in asked.content.decode()
    press(manager, "COLA", "retire", confirmed="yes")
    assert not Retirement.objects.exists()

    answer = press(manager, "COLA", "retire", confirmed="yes", reason="A new recipe.", replaced_by="COLA-2")

    row = Retirement.objects.get()
    assert said(answer) == ["1 product retired."]
    assert (row.product_id, row.reason, row.replaced_by, row.retired_by.username) == (
        "COLA",
        "A new recipe.",
        new,
        "mia",
    )
    page = text_of(manager.get(f"{PRODUCTS}COLA/change/"))
    assert "Retired by mia" in page
    assert "A new recipe. Replaced by Example Cola-2 (COLA-2) ." in page
    assert "Retired, replaced by Example Cola-2 (COLA-2): A new recipe." in text_of(
        manager.get(f"{PRODUCTS}COLA/history/")
    )


def test_a_product_is_not_replaced_by_itself(manager: Browser) -> None:
    in_stores("COLA", "LIVE")

    answer = press(manager, "COLA", "retire", confirmed="yes", reason="x", replaced_by="COLA")

    assert answer.context["form"].errors == {
        "replaced_by": ["A product cannot be replaced by itself. Choose the new one."]
    }
    assert not Retirement.objects.exists()


def test_a_product_returns_to_sale_with_a_reason(manager: Browser) -> None:
    RetirementFactory(product=in_stores("COLA", "LIVE"))

    assert press(manager, "COLA", "return_to_sale").context["title"] == "Return to sale"
    answer = press(manager, "COLA", "return_to_sale", confirmed="yes", reason="It is back.")

    assert said(answer) == ["1 product returned to sale."]
    assert not Retirement.objects.exists()
    assert "Returned to sale: It is back." in text_of(manager.get(f"{PRODUCTS}COLA/history/"))


# -- archiving


def test_archiving_shows_who_confirmed_which_stores_and_when(manager: Browser) -> None:
    RetirementFactory(product=in_stores("COLA", "LIVE", is_offered=False))
    StoreListFactory(store_ids=[*Store.objects.values_list("pk", flat=True), "CLOSED-9"], confirmed_by__username="olga")

    asked = press(manager, "COLA", "archive_at_amazon")
    page = text_of(asked)
    assert "CLOSED-9" in page
    assert "confirmed by olga" in page
    assert not CatalogUpload.objects.exists()

    answer = press(manager, "COLA", "archive_at_amazon", confirmed="yes")
    call = CatalogUpload.objects.get()
    assert said(answer) == ["1 product on the way out of Amazon's catalog."]
    assert (call.kind, json.loads(call.body)["itemSkus"]) == ("ARCHIVE", ["COLA"])
    assert CatalogItem.objects.get().state == "UPLOADING"


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_nothing_is_archived_before_the_stores_are_confirmed(manager: Browser, confirmed: dict[str, str]) -> None:
    RetirementFactory(product=in_stores("COLA", "LIVE", is_offered=False))

    asked = press(manager, "COLA", "archive_at_amazon", **confirmed)

    assert "nobody has confirmed the list yet" in text_of(asked)
    assert 'href="/admin/catalog/storelist/"' in asked.content.decode()
    assert "bo-button-strong" not in asked.content.decode()
    assert not CatalogUpload.objects.exists()


def test_a_store_that_was_added_since_stops_archiving(manager: Browser) -> None:
    RetirementFactory(product=in_stores("COLA", "LIVE", is_offered=False))
    StoreListFactory()
    StoreFactory(store_id="NORTH-9")

    asked = press(manager, "COLA", "archive_at_amazon", confirmed="yes")

    assert "Added since the list of stores was confirmed: NORTH-9." in text_of(asked)
    assert "Confirm the list again" in text_of(asked)
    assert not CatalogUpload.objects.exists()


def test_what_is_sold_is_not_archived(manager: Browser) -> None:
    in_stores("COLA", "LIVE")
    StoreListFactory()

    answer = manager.post(PRODUCTS, {"action": "archive_at_amazon", "_selected_action": ["COLA"], "confirmed": "yes"})

    assert said(answer)[0].startswith("None of these can be archived now")
    assert not CatalogUpload.objects.exists()


# -- check digits


def test_a_check_digit_is_accepted_with_a_reason_and_taken_back(manager: Browser) -> None:
    code = BarcodeFactory(product=ProductFactory(sku="COLA"), code=WRONG_END)
    BarcodeFactory(product=code.product, position=1)

    asked = press(manager, "COLA", "accept_code")
    assert [text for _, text in asked.context["form"].fields["codes"].choices] == [
        f"{WRONG_END} of Example Cola (COLA)"
    ]
    answer = press(manager, "COLA", "accept_code", confirmed="yes", codes=[str(code.pk)], reason="So it is printed.")

    row = AcceptedCode.objects.get()
    assert said(answer) == ["1 barcode accepted."]
    assert (row.code, row.reason, row.accepted_by.username) == (WRONG_END, "So it is printed.", "mia")
    assert f"{WRONG_END}: by mia" in text_of(manager.get(f"{PRODUCTS}COLA/change/"))

    press(manager, "COLA", "take_back_code")
    assert AcceptedCode.objects.exists()
    answer = press(manager, "COLA", "take_back_code", confirmed="yes", codes=[str(row.pk)], reason="A slip.")
    assert said(answer)[-1] == "1 barcode no longer accepted."
    assert not AcceptedCode.objects.exists()
    history = text_of(manager.get(f"{PRODUCTS}COLA/history/"))
    assert f"The check digit of {WRONG_END} was accepted: So it is printed." in history
    assert f"The check digit of {WRONG_END} is no longer accepted: A slip." in history


def test_no_code_is_accepted_that_was_not_chosen_or_is_not_wrong(manager: Browser) -> None:
    wrong = BarcodeFactory(product=ProductFactory(sku="COLA"), code=WRONG_END)
    right = BarcodeFactory(product=ProductFactory(sku="TEA"))

    nothing = press(manager, "COLA", "accept_code", confirmed="yes", reason="x")
    another = press(manager, "COLA", "accept_code", confirmed="yes", reason="x", codes=[str(right.pk)])
    none_there = press(manager, "TEA", "accept_code", confirmed="yes", reason="x", codes=[str(right.pk)])

    assert nothing.context["form"].errors == {"codes": ["This field is required."]}
    assert "codes" in another.context["form"].errors
    assert said(none_there) == ["None of these products has a barcode whose check digit is wrong."]
    assert not AcceptedCode.objects.exists()
    assert wrong.product.notes.count() == 0


# -- who may not


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_change_nothing(person: Any, status: int) -> None:
    now = timezone.now() - timedelta(days=1)
    code = BarcodeFactory(product=in_stores("COLA", "REFUSED", "LIVE"), code=WRONG_END)
    RetirementFactory(product=in_stores("OLD", "LIVE", is_offered=False), retired_at=now)
    accepted = AcceptedCodeFactory(product=in_stores("ODD", "LIVE"))
    StoreListFactory()
    browser = signed_in(person())
    yes = {"confirmed": "yes", "reason": "x"}
    before = list(CatalogItem.objects.order_by("pk").values_list("pk", "state", "live_hash", "is_offered"))

    answers = [
        browser.post(f"{PRODUCTS}+press/upload_now/"),
        press(browser, "COLA", "send_again"),
        press(browser, "COLA", "retire", **yes),
        press(browser, "OLD", "return_to_sale", **yes),
        press(browser, "OLD", "archive_at_amazon", **yes),
        press(browser, "COLA", "accept_code", codes=[str(code.pk)], **yes),
        press(browser, "ODD", "take_back_code", codes=[str(accepted.pk)], **yes),
    ]
    browser.post(PRODUCTS, {"action": "retire", "_selected_action": ["COLA"], **yes})

    assert [answer.status_code for answer in answers] == [status] * 7
    assert not CatalogRun.objects.exists()
    assert not CatalogUpload.objects.exists()
    assert list(Retirement.objects.values_list("product_id", "retired_at")) == [("OLD", now)]
    assert list(AcceptedCode.objects.all()) == [accepted]
    assert list(CatalogItem.objects.order_by("pk").values_list("pk", "state", "live_hash", "is_offered")) == before


def test_staff_read_how_products_stand_and_are_offered_nothing() -> None:
    BarcodeFactory(product=in_stores("COLA", "REFUSED", reason="No such GTIN."), code=WRONG_END)
    browser = signed_in(CashierFactory())

    listed, page = browser.get(f"{PRODUCTS}?amazon=refused"), browser.get(f"{PRODUCTS}COLA/change/")

    assert "Refused No such GTIN." in text_of(listed)
    assert "Refused No such GTIN." in text_of(page)
    assert "/press/" not in listed.content.decode() + page.content.decode()
