"""The database notes every change that Amazon may have to hear of, whoever makes it and however."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalog import changes
from catalog.models import AcceptedCode, Barcode, ChangedProduct, Product, Retirement, Store
from pricing.models import Price, TaxAssignment
from pricing.storefile.load import load
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

pytestmark = pytest.mark.django_db


@pytest.fixture
def cola() -> Product:
    product: Product = ProductFactory(sku="COLA")
    BarcodeFactory(product=product, code=upc(1))
    ProductFactory(sku="WATER")
    StoreFactory(store_id="EAST")
    ChangedProduct.objects.all().delete()
    return product


def noted() -> set[str]:
    return set(ChangedProduct.objects.values_list("sku", flat=True))


CHANGES: dict[str, Callable[[Product], object]] = {
    "its name, saved": lambda cola: Product(**{**_values(cola), "name": "Cola Zero"}).save(),
    "its name, updated past save": lambda cola: Product.objects.filter(pk=cola.pk).update(name="Cola Zero"),
    "its name, in plain SQL": lambda cola: _sql("UPDATE catalog_product SET name = 'x' WHERE sku = %s", cola.pk),
    "its stores": lambda cola: cola.stores.add(Store.objects.get(pk="EAST")),
    "a barcode more": lambda cola: BarcodeFactory(product=cola),
    "barcodes in bulk": lambda cola: Barcode.objects.bulk_create(
        [Barcode(product=cola, code=upc(7), type="UPC", lookup_key="00" + upc(7))]
    ),
    "a barcode less": lambda cola: cola.barcodes.all().delete(),
    "a barcode edited": lambda cola: cola.barcodes.update(code=upc(8)),
    "a price": lambda cola: PriceFactory(product=cola),
    "a price in bulk": lambda cola: Price.objects.bulk_create([Price(product=cola, amount="1.00", starts_at=NOW)]),
    "its tax category": lambda cola: TaxAssignmentFactory(product=cola),
    "an accepted check digit": lambda cola: AcceptedCode.objects.create(
        product=cola, code="1", type="UPC", reason="printed so", accepted_at=NOW, accepted_by=OwnerFactory()
    ),
    "its retirement": lambda cola: Retirement.objects.create(
        product=cola, reason="gone", retired_at=NOW, retired_by=OwnerFactory()
    ),
}


def _values(product: Product) -> dict[str, object]:
    return {field.attname: getattr(product, field.attname) for field in Product._meta.concrete_fields}


def _sql(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noted_for_its_product_alone(cola: Product, change: Callable[[Product], object]) -> None:
    change(cola)
    assert noted() == {"COLA"}


def test_an_end_of_a_price_is_noted(cola: Product) -> None:
    price = PriceFactory(product=cola, starts_at=NOW - timedelta(days=1))
    ChangedProduct.objects.all().delete()
    price.end(now=timezone.now())
    assert noted() == {"COLA"}


def test_an_end_of_a_tax_category_is_noted(cola: Product) -> None:
    TaxAssignmentFactory(product=cola)
    ChangedProduct.objects.all().delete()
    TaxAssignment.assign(cola, TaxCategoryFactory(), now=timezone.now())
    assert noted() == {"COLA"}


@pytest.mark.usefixtures("cola")
def test_whoever_shares_a_code_is_noted_too() -> None:
    water = Product.objects.get(pk="WATER")
    shared = BarcodeFactory(product=water, code=upc(1))
    assert noted() == {"COLA", "WATER"}
    ChangedProduct.objects.all().delete()
    shared.delete()
    assert noted() == {"COLA", "WATER"}


def test_a_new_store_concerns_what_is_sold_in_all_stores(cola: Product) -> None:
    cola.all_stores = False
    cola.save()
    ChangedProduct.objects.all().delete()
    Store.objects.create(store_id="WEST", name="West", time_zone="UTC")
    assert noted() == {"WATER"}


@pytest.mark.usefixtures("cola")
def test_a_store_on_hold_concerns_no_product() -> None:
    Store.objects.filter(pk="EAST").update(on_hold=True)
    assert noted() == set()


def test_the_note_is_taken_back_with_the_change(cola: Product) -> None:
    with transaction.atomic():
        Product.objects.filter(pk=cola.pk).update(name="Cola Zero")
        assert noted() == {"COLA"}
        transaction.set_rollback(True)
    assert noted() == set()


@pytest.mark.usefixtures("cola")
def test_a_store_file_is_noted_although_it_goes_past_the_models() -> None:
    document = {
        "products": [{"sku": "TEA", "name": "Tea", "sold_by": "EACH"}],
        "prices": [{"sku": "COLA", "amount": "2.49", "starts_at": "2026-01-01T00:00:00Z"}],
    }
    load(json.dumps(document).encode(), clock=lambda: NOW)
    assert noted() == {"TEA", "COLA"}


def test_a_lost_trigger_is_missed_and_made_again(cola: Product) -> None:
    assert changes.missing() == []
    on = " ON catalog_product" if connection.vendor == "postgresql" else ""
    _sql(f"DROP TRIGGER catalog_product_is_for_amazon{on}")
    assert changes.missing() == ["catalog_product"]
    changes.install()
    assert changes.missing() == []
    Product.objects.filter(pk=cola.pk).update(name="Cola Zero")
    assert noted() == {"COLA"}
