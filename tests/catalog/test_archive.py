"""Taking products out of Amazon's catalog."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings

from catalog import archive, uploads
from catalog.archive import ArchiveRefused
from catalog.models import CatalogItem, CatalogUpload, Product, ProductNote, Retirement, StoreList
from tests.catalog.amazon import ARCHIVE, CatalogClient, bad_request, state, taken_in
from tests.catalog.conftest import ReportHost
from tests.catalog.test_sync import live, look, product, states
from tests.catalog.test_uploads import alarms, work
from tests.factories import OwnerFactory, StoreFactory

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="WEST")


@pytest.fixture
def cola() -> Product:
    """Retired, at Amazon in both stores; the list of stores is confirmed."""
    cola = product("COLA")
    look()
    live()
    archive.retire([cola], reason="sold out", by=OwnerFactory(), now=NOW)
    archive.confirm_stores(["EAST", "WEST", "CLOSED-9"], by=OwnerFactory(), now=NOW)
    return cola


def return_to_sale(product: Product) -> None:
    archive.return_to_sale([product], reason="It is back.", by=OwnerFactory(), now=NOW)


def archived(*skus: str, at: datetime = NOW) -> CatalogUpload:
    (call,) = archive.archive(Product.objects.filter(sku__in=skus), by=OwnerFactory(), now=at)
    return call


def report(*items: tuple[str, str, str]) -> bytes:
    named = [{"item_sku": sku, "status": word, "errorCode": word, "errorMessage": text} for sku, word, text in items]
    return json.dumps({"items": named}).encode()


def finished(call: CatalogUpload, host: ReportHost, content: bytes) -> CatalogUpload:
    client = CatalogClient(archive=[taken_in(f"ing-{call.pk}")], status=[state("DONE", host.put(content))])
    for _ in range(3):
        call = CatalogUpload.objects.get(pk=call.pk)
        work(call, client, at=call.due_at or NOW)
    return CatalogUpload.objects.get(pk=call.pk)


class TestRetiring:
    def test_is_noted_with_reason_and_replacement(self, cola: Product) -> None:
        new = product("COLA-2")
        tea, by = product("TEA"), OwnerFactory()
        assert archive.retire([cola, tea], reason="new recipe", replaced_by=new, by=by, now=NOW) == 1
        row = Retirement.objects.get(product=tea)
        assert (row.reason, row.replaced_by, row.retired_by, row.retired_at) == ("new recipe", new, by, NOW)
        note = tea.notes.get()
        assert (note.text, note.by, note.at) == (f"Retired, replaced by {new}: new recipe", by, NOW)

    def test_nothing_replaces_itself(self) -> None:
        tea = product("TEA")
        with pytest.raises(ArchiveRefused, match="itself"):
            archive.retire([tea], reason="x", replaced_by=tea, by=OwnerFactory(), now=NOW)
        assert not Retirement.objects.exists()

    def test_a_retired_product_replaces_nothing(self, cola: Product) -> None:
        with pytest.raises(ArchiveRefused, match="retired itself"):
            archive.retire([product("TEA")], reason="x", replaced_by=cola, by=OwnerFactory(), now=NOW)

    def test_its_changes_are_not_uploaded(self, cola: Product) -> None:
        Product.objects.filter(pk=cola.pk).update(name="Example Cola Zero 500 ml")
        look()
        assert states() == {"COLA EAST": "LIVE", "COLA WEST": "LIVE"}

    def test_one_that_amazon_never_had_is_simply_forgotten(self) -> None:
        tea = product("TEA")
        look()
        archive.retire([tea], reason="never came", by=OwnerFactory(), now=NOW)
        look()
        assert states() == {}

    def test_back_to_sale(self, cola: Product) -> None:
        by = OwnerFactory()
        assert archive.return_to_sale([cola], reason="It is back.", by=by, now=NOW) == 1
        assert archive.return_to_sale([cola], reason="It is back.", by=by, now=NOW) == 0
        note = ProductNote.objects.first()
        assert note is not None
        assert (note.product, note.text, note.by) == (cola, "Returned to sale: It is back.", by)
        Product.objects.filter(pk=cola.pk).update(name="Example Cola Zero 500 ml")
        look()
        assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED"}


class TestTheStoreList:
    def test_must_name_every_store_of_ours(self) -> None:
        with pytest.raises(ArchiveRefused, match="Missing: WEST"):
            archive.confirm_stores(["EAST"], by=OwnerFactory(), now=NOW)
        assert not StoreList.objects.exists()

    def test_without_one_nothing_is_archived(self, cola: Product) -> None:
        StoreList.objects.all().delete()
        with pytest.raises(ArchiveRefused, match="Nobody has confirmed"):
            archived(cola.pk)

    def test_a_store_that_was_added_since_stops_everything(self, cola: Product) -> None:
        StoreFactory(store_id="NORTH")
        with pytest.raises(ArchiveRefused, match="NORTH was added"):
            archived(cola.pk)
        assert not CatalogUpload.objects.exists()

    def test_a_store_that_is_added_before_the_call_goes_stops_the_call(self, cola: Product) -> None:
        call = archived(cola.pk)
        StoreFactory(store_id="NORTH")
        stopped = work(call, CatalogClient())
        assert (stopped.status, "NORTH" in stopped.problem) == ("PARKED", True)


class TestArchiving:
    def test_names_the_products_and_every_store(self, cola: Product) -> None:
        client = CatalogClient(archive=[taken_in()])
        work(archived(cola.pk), client)
        assert client.sent == [(ARCHIVE, {"itemSkus": ["COLA"], "allApplicableStores": ["CLOSED-9", "EAST", "WEST"]})]
        assert states() == {"COLA EAST": "UPLOADING", "COLA WEST": "UPLOADING"}

    def test_what_is_sold_is_not_archived(self, cola: Product) -> None:
        return_to_sale(cola)
        with pytest.raises(ArchiveRefused, match="None of these"):
            archived(cola.pk)

    def test_taken_it_is_archived_and_stays_so(self, cola: Product, report_host: ReportHost) -> None:
        done = finished(archived(cola.pk), report_host, report(("COLA", "SUCCESS", "")))
        assert (done.status, done.refused_count) == ("FINISHED", 0)
        assert set(states().values()) == {"ARCHIVED"}
        Product.objects.filter(pk=cola.pk).update(name="Example Cola Zero 500 ml")
        look()
        assert set(states().values()) == {"ARCHIVED"}
        assert not archive.archivable().exists()

    def test_back_to_sale_while_it_is_on_its_way_it_is_uploaded_again(
        self, cola: Product, report_host: ReportHost
    ) -> None:
        call = archived(cola.pk)
        return_to_sale(cola)
        look()
        finished(call, report_host, report(("COLA", "SUCCESS", "")))
        assert set(states().values()) == {"CHANGED"}

    def test_back_to_sale_it_is_uploaded_again(self, cola: Product, report_host: ReportHost) -> None:
        finished(archived(cola.pk), report_host, report(("COLA", "SUCCESS", "")))
        return_to_sale(cola)
        look()
        assert set(states().values()) == {"CHANGED"}

    def test_still_on_a_shelf_it_is_kept_for_another_try(self, cola: Product, report_host: ReportHost) -> None:
        words = "Item is still on a planogram"
        done = finished(archived(cola.pk), report_host, report(("COLA", "FAILED", words)))
        assert done.refused_count == 1
        assert states() == {"COLA EAST": "REFUSED", "COLA WEST": "REFUSED"}
        assert set(CatalogItem.objects.values_list("reason", flat=True)) == {words}
        assert list(archive.still_on_a_shelf()) == [cola]
        assert alarms() == ["Products refused by Amazon"]
        look()
        again = archived(cola.pk, at=NOW + timedelta(days=1))
        finished(again, report_host, report(("COLA", "SUCCESS", "")))
        assert set(states().values()) == {"ARCHIVED"}
        assert not archive.still_on_a_shelf().exists()

    @pytest.mark.parametrize(
        ("code", "words"),
        [("FAILED", "The SKU is Already Archived"), ("SKU_ALREADY_ARCHIVED", ""), ("X", "It is archived already.")],
    )
    def test_archived_before_is_archived(self, cola: Product, report_host: ReportHost, code: str, words: str) -> None:
        done = finished(archived(cola.pk), report_host, report(("COLA", code, words)))
        assert (done.refused_count, set(states().values())) == (0, {"ARCHIVED"})

    def test_a_refused_call_is_tried_again_with_the_new_list(self, cola: Product) -> None:
        call = archived(cola.pk)
        stopped = work(call, CatalogClient(archive=[bad_request("All stores: EAST, WEST, SOUTH")]))
        assert (stopped.status, "SOUTH" in stopped.problem) == ("PARKED", True)
        later = NOW + timedelta(minutes=5)
        archive.confirm_stores(["EAST", "WEST", "SOUTH"], by=OwnerFactory(), now=later)
        uploads.try_again(stopped, by=OwnerFactory(), now=later)
        client = CatalogClient(archive=[taken_in()])
        work(CatalogUpload.objects.get(status="WAITING"), client, at=later)
        assert client.sent[0][1]["allApplicableStores"] == ["EAST", "SOUTH", "WEST"]
