"""`manage.py uploadcatalog` and `catalogstatus`."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog import runs
from catalog.management.commands import uploadcatalog
from catalog.models import CatalogRun, CatalogUpload
from jwo_store import lease
from tests.catalog.amazon import taken_in
from tests.catalog.conftest import ReportHost
from tests.catalog.test_following import item, report, reported
from tests.catalog.test_sync import live, product
from tests.catalog.test_uploads import after
from tests.factories import StoreFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="WEST")


def said(command: str, *words: str) -> str:
    out = StringIO()
    call_command(command, *words, stdout=out)
    return out.getvalue()


class TestUploadCatalog:
    def test_makes_the_rows_and_leaves_the_sending_to_the_worker(self) -> None:
        product("COLA")
        assert said("uploadcatalog") == "2 uploads with 2 items are to be sent by the worker.\n"
        assert list(CatalogUpload.objects.values_list("status", flat=True)) == ["WAITING", "WAITING"]

    def test_one_store(self) -> None:
        product("COLA")
        said("uploadcatalog", "--store", "WEST")
        assert CatalogUpload.objects.get().store_id == "WEST"

    def test_everything_again(self) -> None:
        product("COLA")
        said("uploadcatalog")
        live()
        assert said("uploadcatalog").startswith("0 uploads")
        assert said("uploadcatalog", "--all").startswith("2 uploads with 2 items")

    def test_a_store_that_is_not_there(self) -> None:
        with pytest.raises(CommandError, match="There is no store NORTH"):
            said("uploadcatalog", "--store", "NORTH")
        assert not CatalogRun.objects.exists()

    def test_without_an_address(self, settings: LazySettings) -> None:
        settings.AMAZON_CATALOG_URL = ""
        with pytest.raises(CommandError, match="AMAZON_CATALOG_URL"):
            said("uploadcatalog")

    def test_another_preparation_is_waited_for_only_so_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploadcatalog, "WAIT", 0.3)
        product("COLA")
        now = timezone.now()
        assert lease.take(runs.LEASE, now=now, until=now + timedelta(hours=1))
        with pytest.raises(CommandError, match="Another preparation"):
            said("uploadcatalog")
        assert (runs.to_do(), CatalogUpload.objects.count()) == ([CatalogRun.objects.get().pk], 0)


class TestCatalogStatus:
    def status(self) -> Any:
        return json.loads(said("catalogstatus", "--json"))

    def test_names_every_store_and_every_state(self) -> None:
        product("COLA", stores=["EAST"])
        product("BAD", code="012345678901")
        said("uploadcatalog")
        nothing = {"CHANGED": 0, "LIVE": 0, "REFUSED": 0, "ARCHIVED": 0}
        assert self.status()["stores"] == {
            "EAST": {**nothing, "UPLOADING": 1, "BLOCKED": 1},
            "WEST": {**nothing, "UPLOADING": 0, "BLOCKED": 1},
        }

    def test_tells_of_the_uploads(self, report_host: ReportHost) -> None:
        product("COLA", stores=["EAST"])
        said("uploadcatalog")
        upload = CatalogUpload.objects.get()
        CatalogUpload.objects.update(due_at=datetime(2026, 3, 14, tzinfo=UTC))
        sent = after(upload, taken_in("ing-1"))
        reported(sent, report_host, report(item("COLA", "FAILED", "BAD", "No")))
        (told,) = self.status()["uploads"]
        assert {name: told[name] for name in ("id", "kind", "store", "status", "ingestion_id", "items", "refused")} == {
            "id": upload.pk,
            "kind": "UPLOAD",
            "store": "EAST",
            "status": "FINISHED",
            "ingestion_id": "ing-1",
            "items": 1,
            "refused": 1,
        }

    def test_is_one_line_for_programs_and_several_for_people(self) -> None:
        product("COLA", stores=["EAST"])
        said("uploadcatalog")
        assert said("catalogstatus", "--json").count("\n") == 1
        words = said("catalogstatus")
        assert "EAST: 0 CHANGED, 1 UPLOADING" in words
        assert "WAITING, 1 items, 0 refused" in words
