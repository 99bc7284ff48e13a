"""What Amazon should hold of each product in each store, and how far that is."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import archive, sync
from catalog.models import AcceptedCode, CatalogItem, CatalogUpload, ChangedProduct, Product, ProductFinding
from catalog.statuses import ItemState
from catalog.watching import catalog_settings
from jwo_store import lease
from jwo_store.lease import LeaseLost
from tests.factories import (
    BarcodeFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    upc,
)

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def product(sku: str = "COLA", code: str = "", **more: Any) -> Product:
    """One that is fit to be sent."""
    row: Product = ProductFactory(**{"sku": sku, "name": f"Example {sku.title()} 500 ml", **more})
    BarcodeFactory(product=row, code=code or upc(sum(sku.encode())))
    return row


def look(at: datetime = NOW) -> int:
    """Work out what has changed."""
    held = lease.take("catalog: preparation", now=at, until=at + HOUR)
    assert held is not None
    try:
        return sync.refresh(held, clock=lambda: at)
    finally:
        held.give_back()


def states() -> dict[str, str]:
    rows = CatalogItem.objects.order_by("product_id", "store_id").values_list("product_id", "store_id", "state")
    return {f"{sku} {store}": state for sku, store, state in rows}


def live(**at: Any) -> None:
    """As if Amazon had taken everything."""
    for item in CatalogItem.objects.filter(**at):
        CatalogItem.objects.filter(pk=item.pk).update(
            state=ItemState.LIVE, live_hash=item.wanted_hash, sent_hash=item.wanted_hash, taken_at=NOW
        )


@pytest.fixture(autouse=True)
def stores() -> None:
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="WEST")


def test_a_product_is_an_item_in_each_store_that_sells_it() -> None:
    product("COLA")
    product("TEA", stores=["WEST"])
    assert look() == 2
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED", "TEA WEST": "CHANGED"}
    assert not ChangedProduct.objects.exists()


@pytest.mark.parametrize(
    ("told", "code"),
    [("ours", "SOFT"), ("none", None), ('{"SOFT": "A_FOOD_SODA"}', "A_FOOD_SODA"), ('{"HARD": "X"}', None)],
)
def test_the_tax_code_is_ours_or_amazons_or_left_out(told: str, code: str | None, settings: LazySettings) -> None:
    settings.CATALOG_TAX_CODES = told
    TaxAssignmentFactory(product=product("COLA"), tax_category=TaxCategoryFactory(code="SOFT"))
    look()
    assert json.loads(CatalogItem.objects.get(store_id="EAST").record).get("product_tax_code") == code


@pytest.mark.parametrize("told", ["theirs", "[1]", '{"SOFT": 1}'])
def test_tax_codes_of_another_form_are_named_at_the_start(told: str, settings: LazySettings) -> None:
    settings.CATALOG_TAX_CODES = told
    assert [one.id for one in catalog_settings()] == ["catalog.E006"]


def test_the_record_says_what_amazon_asks_for_all_as_text() -> None:
    cola = product("COLA", code=upc(42))
    BarcodeFactory(product=cola, code="5901234123457", type="EAN", position=1)
    PriceFactory(product=cola, amount=Decimal("2.49"))
    PriceFactory(product=cola, amount=Decimal("4.25"), store_id="EAST")
    TaxAssignmentFactory(product=cola, tax_category=TaxCategoryFactory(code="SOFT"))
    look()
    record = json.loads(CatalogItem.objects.get(store_id="EAST").record)
    assert record == {
        "item_sku": "COLA",
        "external_product_id": upc(42),
        "external_product_id_type": "UPC",
        "additional_external_product_information": [
            {"external_product_id": "5901234123457", "external_product_id_type": "EAN"}
        ],
        "item_name": "Example Cola 500 ml",
        "store_id": "EAST",
        "standard_price": "4.25",
        "brand_name": "Example",
        "product_tax_code": "SOFT",
        "product_category": "Drinks",
        "product_subcategory": "Soft drinks",
    }
    assert json.loads(CatalogItem.objects.get(store_id="WEST").record)["standard_price"] == "2.49"


def test_without_a_price_it_is_sent_all_the_same_and_marked() -> None:
    product("COLA")
    look()
    item = CatalogItem.objects.get(store_id="EAST")
    assert (item.state, item.is_priced) == (ItemState.CHANGED, False)
    assert "standard_price" not in json.loads(item.record)


def test_what_amazon_holds_already_is_not_sent() -> None:
    cola = product("COLA")
    look()
    live()
    cola.save()
    assert look() == 1
    assert states() == {"COLA EAST": "LIVE", "COLA WEST": "LIVE"}


def test_a_change_is_sent_and_one_taken_back_is_not() -> None:
    product("COLA")
    look()
    live()
    Product.objects.update(name="Example Cola Zero 500 ml")
    look()
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED"}
    Product.objects.update(name="Example Cola 500 ml")
    look()
    assert states() == {"COLA EAST": "LIVE", "COLA WEST": "LIVE"}


def test_a_price_that_begins_by_itself_is_noticed_when_it_does() -> None:
    cola = product("COLA")
    PriceFactory(product=cola, amount=Decimal("2.49"))
    PriceFactory(product=cola, amount=Decimal("1.99"), temporary=True, starts_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    look()
    live()
    assert look(NOW + HOUR / 2) == 0
    assert look(NOW + HOUR) == 1
    assert json.loads(CatalogItem.objects.get(store_id="EAST").record)["standard_price"] == "1.99"
    assert look(NOW + 2 * HOUR) == 0
    assert look(NOW + 3 * HOUR) == 1
    assert states() == {"COLA EAST": "LIVE", "COLA WEST": "LIVE"}


def test_an_error_keeps_a_product_back_with_the_reason_until_it_is_mended() -> None:
    cola = product("COLA", code="012345678901")
    look()
    item = CatalogItem.objects.get(store_id="EAST")
    assert item.state == ItemState.BLOCKED
    assert "012345678901" in item.newest_reason
    finding = ProductFinding.objects.get(severity="ERROR")
    assert finding.sentence == item.newest_reason
    assert finding.fix
    cola.barcodes.all().delete()
    BarcodeFactory(product=cola, code="012345678905")
    look()
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED"}
    assert not ProductFinding.objects.filter(severity="ERROR").exists()


def test_a_wrong_check_digit_goes_when_somebody_accepts_it() -> None:
    cola = product("COLA", code="012345678901")
    AcceptedCode.objects.create(
        product=cola, code="012345678901", type="UPC", reason="printed so", accepted_at=NOW, accepted_by=OwnerFactory()
    )
    look()
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED"}


def test_one_code_on_two_products_of_a_store_keeps_both_back_there_alone() -> None:
    product("COLA", code=upc(7))
    product("TEA", code=upc(7), stores=["WEST"])
    look()
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "BLOCKED", "TEA WEST": "BLOCKED"}
    reasons = dict(CatalogItem.objects.filter(state="BLOCKED").values_list("product_id", "kept_back"))
    assert "TEA" in reasons["COLA"]
    assert "COLA" in reasons["TEA"]


def test_mending_one_of_two_frees_the_other() -> None:
    product("COLA", code=upc(7))
    tea = product("TEA", code=upc(7))
    look()
    tea.barcodes.all().delete()
    BarcodeFactory(product=tea, code=upc(8))
    look()
    assert set(states().values()) == {"CHANGED"}


def test_a_retired_product_that_has_the_code_keeps_nobody_back() -> None:
    archive.retire([product("OLD", code=upc(7))], reason="renamed", by=OwnerFactory(), now=NOW)
    product("NEW", code=upc(7))
    look()
    assert states() == {"NEW EAST": "CHANGED", "NEW WEST": "CHANGED"}


def test_what_is_on_its_way_stays_so_whatever_changes() -> None:
    product("COLA")
    look()
    upload = CatalogUpload.objects.create(
        environment="sandbox", store_id="EAST", made_at=NOW, due_at=NOW, packed=b"", sha256=""
    )
    CatalogItem.objects.filter(store_id="EAST").update(state="UPLOADING", upload=upload)
    Product.objects.update(name="™")
    look()
    assert states() == {"COLA EAST": "UPLOADING", "COLA WEST": "BLOCKED"}


def test_a_refused_item_waits_for_something_else_to_send() -> None:
    product("COLA")
    look()
    for item in CatalogItem.objects.all():
        CatalogItem.objects.filter(pk=item.pk).update(state="REFUSED", sent_hash=item.wanted_hash)
    Product.objects.update(name="Example Cola 500 ml")
    look()
    assert set(states().values()) == {"REFUSED"}
    Product.objects.update(name="Example Cola Zero 500 ml")
    look()
    assert set(states().values()) == {"CHANGED"}


def test_a_product_that_leaves_a_store_stays_at_amazon_there() -> None:
    """Amazon archives in all stores at once; one alone is not possible."""
    cola = product("COLA")
    look()
    live(store_id="EAST")
    cola.all_stores = False
    cola.save()
    cola.stores.set([])
    look()
    assert states() == {"COLA EAST": "LIVE"}
    assert not CatalogItem.objects.get().is_offered


def test_a_new_store_gets_what_is_sold_in_all_stores() -> None:
    product("COLA")
    look()
    live()
    StoreFactory(store_id="NORTH")
    look()
    assert states() == {"COLA EAST": "LIVE", "COLA NORTH": "CHANGED", "COLA WEST": "LIVE"}


def test_who_lost_the_lease_writes_nothing() -> None:
    held = lease.take("catalog: preparation", now=NOW, until=NOW + HOUR)
    assert held is not None
    product("COLA")
    lease.take("catalog: preparation", now=NOW + HOUR, until=NOW + 2 * HOUR)
    with pytest.raises(LeaseLost):
        sync.refresh(held, clock=lambda: NOW + HOUR)
    assert states() == {}
    assert ChangedProduct.objects.exists()


def test_the_statements_do_not_grow_with_the_products() -> None:
    def asked(count: int) -> int:
        for number in range(count):
            cola = product(f"P-{count}-{number}", code=upc(1000 * count + number))
            PriceFactory(product=cola)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert look() == count
        return len(queries)

    look()
    assert asked(3) == asked(30)


def test_all_again_sends_what_may_go_and_nothing_else() -> None:
    product("COLA")
    product("BAD", code="012345678901")
    product("GONE")
    look()
    live(product_id__in=["COLA", "GONE"])
    archive.retire([Product.objects.get(pk="GONE")], reason="sold out", by=OwnerFactory(), now=NOW)
    look()
    sync.send_all_again("EAST")
    assert states() == {
        "BAD EAST": "BLOCKED",
        "BAD WEST": "BLOCKED",
        "COLA EAST": "CHANGED",
        "COLA WEST": "LIVE",
        "GONE EAST": "LIVE",
        "GONE WEST": "LIVE",
    }
    assert look() == 0
