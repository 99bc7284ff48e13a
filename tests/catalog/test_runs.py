"""Cutting what has changed into uploads."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from catalog import runs
from catalog.models import CatalogItem, CatalogRun, CatalogUpload, Product, ProductFinding, Store
from jwo_store import lease
from tests.catalog.test_sync import live, product, states
from tests.factories import OwnerFactory, StoreFactory, upc

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def stores(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="WEST")


def run(store: str | None = None, *, everything: bool = False, at: datetime = NOW) -> CatalogRun:
    found = Store.objects.get(pk=store) if store else None
    asked = runs.request(store=found, everything=everything, by=OwnerFactory(), now=at)
    assert runs.prepare(asked.pk, clock=lambda: at)
    asked.refresh_from_db()
    return asked


def bodies() -> list[dict[str, Any]]:
    return [json.loads(upload.body) for upload in CatalogUpload.objects.order_by("pk")]


def sent_skus() -> dict[str, list[str]]:
    return {
        f"{upload.store_id} {upload.part}": [item["item_sku"] for item in json.loads(upload.body)["catalogItems"]]
        for upload in CatalogUpload.objects.order_by("pk")
    }


def test_each_store_gets_an_upload_of_its_own() -> None:
    product("COLA")
    product("TEA", stores=["WEST"])
    asked = run()
    assert sent_skus() == {"EAST 1": ["COLA"], "WEST 1": ["COLA", "TEA"]}
    assert (asked.upload_count, asked.item_count, asked.finished_at) == (2, 3, NOW)
    assert set(states().values()) == {"UPLOADING"}


def test_the_body_is_amazons_and_each_line_knows_its_hash() -> None:
    product("COLA", code=upc(3), stores=["EAST"])
    run()
    upload = CatalogUpload.objects.get()
    (item,) = json.loads(upload.body)["catalogItems"]
    assert (item["item_sku"], item["store_id"], item["external_product_id"]) == ("COLA", "EAST", upc(3))
    line = upload.lines.get()
    assert (line.sku, line.sent_hash) == ("COLA", CatalogItem.objects.get().wanted_hash)
    assert (upload.status, upload.due_at, upload.environment) == ("WAITING", NOW, "sandbox")


def test_what_has_changed_is_looked_at_without_an_upload() -> None:
    product("COLA", code=upc(12345670001), name="Example Cola")
    assert runs.something_changed()
    assert runs.look(clock=lambda: NOW)
    assert not runs.something_changed()
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "CHANGED"}
    assert [finding.rule for finding in ProductFinding.objects.all()] == ["name-size"]
    assert not CatalogUpload.objects.exists()


def test_while_a_run_is_prepared_nobody_else_looks() -> None:
    product("COLA")
    held = lease.take(runs.LEASE, now=NOW, until=NOW + HOUR)
    assert held is not None
    assert not runs.look(clock=lambda: NOW)
    assert runs.something_changed()
    held.give_back()
    assert runs.look(clock=lambda: NOW)


def test_nothing_changed_is_no_upload() -> None:
    product("COLA")
    run()
    live()
    assert run().upload_count == 0
    assert CatalogUpload.objects.count() == 2


def test_what_is_on_its_way_is_not_sent_twice() -> None:
    product("COLA")
    run()
    Product.objects.update(name="Example Cola Zero 500 ml")
    assert run().upload_count == 0


def test_one_store_alone() -> None:
    product("COLA")
    run("WEST")
    assert sent_skus() == {"WEST 1": ["COLA"]}
    assert states() == {"COLA EAST": "CHANGED", "COLA WEST": "UPLOADING"}


def test_everything_goes_again_whatever_amazon_holds() -> None:
    product("COLA")
    run()
    live()
    run("EAST", everything=True)
    assert list(sent_skus()) == ["EAST 1", "WEST 1", "EAST 1"][:2]
    assert CatalogUpload.objects.filter(store_id="EAST").count() == 2
    assert states() == {"COLA EAST": "UPLOADING", "COLA WEST": "LIVE"}


def test_uploads_are_cut_by_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_ITEMS", 2)
    for sku in "ABCDE":
        product(sku, stores=["EAST"])
    run()
    assert sent_skus() == {"EAST 1": ["A", "B"], "EAST 2": ["C", "D"], "EAST 3": ["E"]}


def test_uploads_are_cut_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for sku in "ABCDE":
        product(sku, stores=["EAST"])
    run()
    whole = len(CatalogUpload.objects.get().body)
    Product.objects.update(brand="EXAMPLE")
    CatalogItem.objects.update(state="LIVE")
    monkeypatch.setattr(runs, "MAX_BYTES", whole - 1)
    run()
    later = CatalogUpload.objects.order_by("pk")[1:]
    assert [upload.item_count for upload in later] == [4, 1]
    assert all(len(upload.body) < whole for upload in later)
    monkeypatch.setattr(runs, "MAX_BYTES", whole)
    Product.objects.update(brand="Example")
    CatalogItem.objects.update(state="LIVE")
    run()
    assert CatalogUpload.objects.order_by("-pk")[0].item_count == 5


def test_a_run_waits_for_the_one_that_is_being_prepared() -> None:
    product("COLA")
    held = lease.take(runs.LEASE, now=NOW, until=NOW + HOUR)
    assert held is not None
    asked = runs.request(store=None, everything=False, by=None, now=NOW)
    assert not runs.prepare(asked.pk, clock=lambda: NOW)
    assert (runs.to_do(), CatalogUpload.objects.count()) == ([asked.pk], 0)
    held.give_back()
    assert runs.prepare(asked.pk, clock=lambda: NOW)
    assert (runs.to_do(), CatalogUpload.objects.count()) == ([], 2)


def test_a_run_that_was_cut_short_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything again, and the process dies after the first of two uploads."""

    class Died(BaseException):
        pass

    product("COLA")
    run()
    live()
    asked = runs.request(store=None, everything=True, by=None, now=NOW)
    cut = runs._cut

    def die(run: CatalogRun, store_id: str, *rest: Any) -> None:
        if store_id == "WEST":
            raise Died
        cut(run, store_id, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(runs, "_cut", die)
        with pytest.raises(Died):
            runs.prepare(asked.pk, clock=lambda: NOW)
    assert states() == {"COLA EAST": "UPLOADING", "COLA WEST": "CHANGED"}
    assert runs.prepare(asked.pk, clock=lambda: NOW + HOUR)
    asked.refresh_from_db()
    assert (asked.upload_count, states()) == (2, {"COLA EAST": "UPLOADING", "COLA WEST": "UPLOADING"})


def test_without_an_address_nothing_is_asked_for(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = ""
    with pytest.raises(runs.NotConnected, match="AMAZON_CATALOG_URL"):
        runs.request(store=None, everything=False, by=None, now=NOW)
    assert not CatalogRun.objects.exists()


class TestTheSchedule:
    def test_is_off_by_default(self) -> None:
        assert runs.request_scheduled(now=NOW) is None

    def test_leaves_no_row_when_nothing_has_changed(self, settings: LazySettings) -> None:
        settings.CATALOG_UPLOAD_EVERY = 3600
        asked = runs.request_scheduled(now=NOW)
        assert asked is not None
        runs.prepare(asked.pk, clock=lambda: NOW)
        assert not CatalogRun.objects.exists()
        assert runs.request_scheduled(now=NOW + HOUR / 2) is None

    def test_asks_when_its_time_has_come(self, settings: LazySettings) -> None:
        settings.CATALOG_UPLOAD_EVERY = 3600
        product("COLA")
        first = runs.request_scheduled(now=NOW)
        assert first is not None
        assert runs.request_scheduled(now=NOW + 2 * HOUR) is None, "the last one is not prepared yet"
        runs.prepare(first.pk, clock=lambda: NOW)
        assert runs.request_scheduled(now=NOW + HOUR / 2) is None
        assert runs.request_scheduled(now=NOW + HOUR) is not None

    def test_does_not_count_what_people_ask_for(self, settings: LazySettings) -> None:
        settings.CATALOG_UPLOAD_EVERY = 3600
        run()
        assert runs.request_scheduled(now=NOW) is not None
