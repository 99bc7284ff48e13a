"""Readiness and settings of the catalog."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings

from catalog import uploads, watching
from catalog.models import CatalogUpload, QueueReading
from tests.catalog.test_sync import product
from tests.catalog.test_uploads import prepared
from tests.factories import StoreFactory

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ids() -> list[str | None]:
    return [message.id for message in watching.catalog_settings()]


class TestSettings:
    def test_are_well_by_default(self) -> None:
        assert ids() == []

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("CATALOG_LEASE", 30.0, "catalog.E001"),
            ("CATALOG_REPORT_MAPPING", '{"itens": "x"}', "catalog.E002"),
            ("CATALOG_REPORT_MAPPING", "nonsense", "catalog.E002"),
            ("CATALOG_REPORT_LISTS", "some", "catalog.E003"),
            ("CATALOG_REPORT_HOSTS", ["*"], "catalog.E004"),
            ("CATALOG_TOPIC_ARN", "arn:aws:sqs:us-east-1:1:x", "catalog.E005"),
            ("CATALOG_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/1/x", "catalog.W001"),
        ],
    )
    def test_that_make_no_sense_are_named(
        self, settings: LazySettings, name: str, value: object, expected: str
    ) -> None:
        setattr(settings, name, value)
        assert ids() == [expected]

    def test_a_lease_is_longer_than_the_longest_step(self, settings: LazySettings) -> None:
        settings.CATALOG_REPORT_TIMEOUT = 10.0
        settings.CATALOG_LEASE = (2 * 10 + uploads.call_bound().total_seconds()) * 12 / 10
        assert ids() == []
        settings.CATALOG_REPORT_TIMEOUT = 10.1
        assert ids() == ["catalog.E001"]


@pytest.mark.django_db
class TestReadiness:
    def test_changes_are_noted(self) -> None:
        assert watching.triggers(NOW).well

    def test_an_upload_that_nobody_works_on(self, settings: LazySettings) -> None:
        settings.AMAZON_CATALOG_URL = "https://catalog.example"
        assert watching.oldest_upload(NOW).seen == "nothing is due"
        StoreFactory(store_id="EAST")
        product("COLA")
        prepared()
        assert watching.oldest_upload(NOW + 4 * MINUTE).well
        late = watching.oldest_upload(NOW + 6 * MINUTE)
        assert (late.well, late.seen) == (False, "due for 360 s")
        CatalogUpload.objects.update(status="PARKED", due_at=None)
        assert watching.oldest_upload(NOW + 6 * MINUTE).well

    def test_an_upload_that_amazon_does_not_take_in(self, settings: LazySettings) -> None:
        settings.AMAZON_CATALOG_URL = "https://catalog.example"
        StoreFactory(store_id="EAST")
        product("COLA")
        prepared()
        CatalogUpload.objects.update(due_at=NOW + 95 * MINUTE)
        assert watching.oldest_upload(NOW + 89 * MINUTE).well
        late = watching.oldest_upload(NOW + 90 * MINUTE)
        assert (late.well, late.seen) == (False, "not taken in by Amazon for 5400 s")

    def test_the_queue(self, settings: LazySettings) -> None:
        assert watching.queue(NOW).well
        settings.CATALOG_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/1/x"
        assert not watching.queue(NOW).well
        reading = QueueReading.objects.create(url=settings.CATALOG_QUEUE_URL, read_at=NOW, depth=3)
        assert watching.queue(NOW + MINUTE).seen == "read 60 s ago, 3 messages waiting"
        assert not watching.queue(NOW + 6 * MINUTE).well
        reading.problem = "The notification queue cannot be read: AccessDenied."
        reading.save()
        assert not watching.queue(NOW + MINUTE).well
