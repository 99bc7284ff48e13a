"""From "taken in" to each item's outcome: asking, being told, and reading the report."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import following
from catalog.models import CatalogItem, CatalogUpload, Product, UploadCall
from catalog.uploads import StepRefused
from jwo_store.models import Alarm
from tests.catalog.amazon import CatalogClient, bad_request, forbidden, server_error, state, taken_in
from tests.catalog.conftest import ReportHost
from tests.catalog.test_sync import look, product, states
from tests.catalog.test_uploads import after, alarms, prepared, work
from tests.factories import StoreFactory, upc
from tests.orders.stand_ins import Step, timed_out

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")


@pytest.fixture
def upload() -> CatalogUpload:
    """Of three products, taken in by Amazon."""
    for sku in ("COLA", "TEA", "WATER"):
        product(sku)
    return after(prepared(), taken_in("ing-1"))


def item(sku: str, status: str = "SUCCESS", code: str = "", message: str = "") -> dict[str, Any]:
    return {"item_sku": sku, "status": status, "errorCode": code, "errorMessage": message}


def report(*items: dict[str, Any]) -> bytes:
    return json.dumps({"items": items}).encode()


ALL_GOOD = report(item("COLA"), item("TEA"), item("WATER"))
ONE_REFUSED = report(item("COLA"), item("TEA", "FAILED", "BAD_UPC", "The check digit is missing"), item("WATER"))


def asked(upload: CatalogUpload, *steps: Step, times: int = 1) -> CatalogUpload:
    """The upload after so many steps, each as soon as it was due, when Amazon's answers to asking were these."""
    client = CatalogClient(status=list(steps))
    for _ in range(times):
        upload = CatalogUpload.objects.get(pk=upload.pk)
        work(upload, client, at=upload.due_at or NOW)
    return CatalogUpload.objects.get(pk=upload.pk)


def reported(upload: CatalogUpload, host: ReportHost, content: bytes) -> CatalogUpload:
    """The upload when Amazon is done and this is its report."""
    return asked(upload, state("DONE", host.put(content)), times=2)


class TestAsking:
    def test_waits_twice_as_long_each_time_up_to_the_cap(self, upload: CatalogUpload) -> None:
        client, moments = CatalogClient(status=[state("INQUEUE"), state("INPROGRESS")]), []
        for _ in range(7):
            upload = CatalogUpload.objects.get(pk=upload.pk)
            assert upload.due_at is not None
            moments.append((upload.due_at - NOW) / MINUTE)
            work(upload, client, at=upload.due_at)
        assert moments == [1, 3, 7, 15, 25, 35, 45]
        upload.refresh_from_db()
        assert (upload.status, upload.amazon_status) == ("FOLLOWED", "INPROGRESS")

    def test_goes_on_for_weeks(self, upload: CatalogUpload) -> None:
        assert upload.due_at is not None
        CatalogUpload.objects.update(tries=5_000)
        work(upload, CatalogClient(status=[state("INPROGRESS")]), at=upload.due_at)
        asked_at = upload.due_at
        upload.refresh_from_db()
        assert upload.due_at == asked_at + 10 * MINUTE

    def test_names_the_ingestion(self, upload: CatalogUpload) -> None:
        client = CatalogClient(status=[state("INQUEUE")])
        work(upload, client, at=NOW + MINUTE)
        assert client.sent[0][1] == {"ingestionId": "ing-1"}

    def test_a_word_that_nobody_knows_is_kept_and_followed(self, upload: CatalogUpload) -> None:
        told = asked(upload, state("REINDEXING"))
        assert (told.status, told.amazon_status, told.ended_at) == ("FOLLOWED", "REINDEXING", None)

    @pytest.mark.parametrize("step", [timed_out(), server_error()], ids=["timed out", "500"])
    def test_goes_on_whatever_befalls_amazon(self, upload: CatalogUpload, step: Step) -> None:
        assert asked(upload, step, times=6).status == "FOLLOWED"

    @pytest.mark.parametrize("step", [bad_request("InvalidRequestException"), forbidden()], ids=["400", "403"])
    def test_ends_when_amazon_does_not_answer_us(self, upload: CatalogUpload, step: Step) -> None:
        stopped = asked(upload, step)
        assert (stopped.status, alarms()) == ("PARKED", ["Catalog upload not followed"])
        assert set(states().values()) == {"UPLOADING"}, "Amazon may have taken them"
        assert "nobody knows which items it took" in Alarm.objects.get().text
        assert "choose “Ask now”" in Alarm.objects.get().text

    def test_goes_on_when_a_person_says_so(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        stopped = asked(upload, forbidden())
        following.ask_now(stopped, now=LATER)
        assert (stopped.status, stopped.due_at, stopped.problem) == ("FOLLOWED", LATER, "")
        assert reported(stopped, report_host, ONE_REFUSED).status == "FINISHED"
        assert states() == {"COLA EAST": "LIVE", "TEA EAST": "REFUSED", "WATER EAST": "LIVE"}

    def test_goes_on_with_the_report_of_what_had_ended(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        stopped = asked(upload, state("DONE", ""), forbidden(), times=2)
        assert (stopped.status, set(states().values())) == ("PARKED", {"UPLOADING"})
        following.ask_now(stopped, now=LATER)
        assert stopped.status == "REPORTING"
        assert asked(stopped, state("DONE", report_host.put(ALL_GOOD))).status == "FINISHED"
        assert set(states().values()) == {"LIVE"}

    @pytest.mark.usefixtures("upload")
    def test_too_long_is_told(self) -> None:
        following.watch(now=NOW + 89 * MINUTE)
        assert alarms() == []
        following.watch(now=NOW + 90 * MINUTE)
        assert alarms() == ["Catalog upload takes too long"]
        assert "ing-1" in Alarm.objects.get().text

    def test_now_brings_it_forward(self, upload: CatalogUpload) -> None:
        following.ask_now(upload, now=NOW)
        assert asked(upload, state("INPROGRESS")).amazon_status == "INPROGRESS"

    def test_now_needs_something_to_ask(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        done = reported(upload, report_host, ALL_GOOD)
        with pytest.raises(StepRefused, match="finished"):
            following.ask_now(done, now=NOW)


class TestTheReport:
    def test_each_item_gets_its_outcome(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        done = reported(upload, report_host, ONE_REFUSED)
        assert (done.status, done.refused_count, done.told_by) == ("FINISHED", 1, "asking")
        assert states() == {"COLA EAST": "LIVE", "TEA EAST": "REFUSED", "WATER EAST": "LIVE"}
        lines = {line.sku: (line.outcome, line.code, line.words) for line in done.lines.all()}
        assert lines["TEA"] == ("REFUSED", "BAD_UPC", "The check digit is missing")
        assert lines["COLA"] == ("TAKEN", "", "")
        assert CatalogItem.objects.get(product_id="TEA").newest_reason == "The check digit is missing"
        assert CatalogItem.objects.get(product_id="COLA").taken_at == done.finished_at

    def test_refused_products_are_told_of(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        reported(upload, report_host, ONE_REFUSED)
        alarm = Alarm.objects.get()
        assert alarm.kind == "Products refused by Amazon"
        assert "1 of 3" in alarm.text
        assert "TEA: The check digit is missing" in alarm.text

    def test_it_is_kept_as_it_came(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        done = reported(upload, report_host, ALL_GOOD)
        assert done.report == ALL_GOOD
        assert len(done.report_sha256) == 64

    def test_it_is_fetched_at_once_and_without_a_signature(
        self, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        at_once = asked(upload, state("DONE", report_host.put(ALL_GOOD)))
        assert (at_once.status, at_once.due_at) == ("REPORTING", at_once.ended_at)
        asked(at_once)
        assert len(report_host.asked) == 1

    def test_no_link_stands_in_what_people_read(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        done = reported(upload, report_host, ALL_GOOD)
        calls = UploadCall.objects.filter(upload=upload)
        assert {call.kind for call in calls} == {"SEND", "STATUS", "REPORT"}
        assert all("secret" not in f"{call.host} {call.words} {call.answer}" for call in calls)
        assert (done.report_link, "report.json?…" in calls.get(kind="STATUS").answer) == ("", True)

    def test_what_has_changed_meanwhile_goes_with_the_next_run(
        self, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        Product.objects.filter(pk="COLA").update(name="Example Cola Zero 500 ml")
        Product.objects.filter(pk="WATER").update(name="Water™ 1 l")
        look()
        reported(upload, report_host, ALL_GOOD)
        assert states() == {"COLA EAST": "CHANGED", "TEA EAST": "LIVE", "WATER EAST": "BLOCKED"}

    def test_a_refused_item_goes_again_when_it_is_mended(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        reported(upload, report_host, ONE_REFUSED)
        Product.objects.filter(pk="TEA").update(name="Example Tea 250 ml")
        repaired = after(prepared(at=LATER), taken_in("ing-2"))
        assert repaired.item_count == 1
        assert reported(repaired, report_host, report(item("TEA"))).refused_count == 0
        assert set(states().values()) == {"LIVE"}

    def test_any_status_but_success_is_a_refusal(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        reported(
            upload, report_host, report(item("COLA", "success"), item("TEA", "WARNING"), item("WATER", "IN_REVIEW"))
        )
        assert states() == {"COLA EAST": "LIVE", "TEA EAST": "REFUSED", "WATER EAST": "REFUSED"}

    def test_what_is_said_of_another_store_is_not_ours(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        elsewhere = {**item("TEA", "FAILED"), "store_id": "WEST"}
        here = [{**item(sku), "store_id": "EAST"} for sku in ("COLA", "TEA", "WATER")]
        assert reported(upload, report_host, report(elsewhere, *here)).refused_count == 0

    def test_a_product_that_is_not_named_does_not_count_as_taken(
        self, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        reported(upload, report_host, report(item("COLA"), item("TEA")))
        assert states()["WATER EAST"] == "REFUSED"
        assert "not known whether" in CatalogItem.objects.get(product_id="WATER").reason

    def test_unless_reports_name_only_what_failed(
        self, upload: CatalogUpload, report_host: ReportHost, settings: LazySettings
    ) -> None:
        settings.CATALOG_REPORT_LISTS = "failed"
        reported(upload, report_host, report(item("TEA", "FAILED")))
        assert states() == {"COLA EAST": "LIVE", "TEA EAST": "REFUSED", "WATER EAST": "LIVE"}

    def test_another_shape_is_read_by_another_mapping(
        self, upload: CatalogUpload, report_host: ReportHost, settings: LazySettings
    ) -> None:
        settings.CATALOG_REPORT_MAPPING = json.dumps(
            {"items": "result.rows", "sku": "id", "status": "state", "message": "text", "success": ["OK"]}
        )
        rows = [{"id": sku, "state": "OK"} for sku in ("COLA", "WATER")] + [{"id": "TEA", "state": "NO", "text": "Bad"}]
        reported(upload, report_host, json.dumps({"result": {"rows": rows}}).encode())
        assert states() == {"COLA EAST": "LIVE", "TEA EAST": "REFUSED", "WATER EAST": "LIVE"}

    def test_the_statements_do_not_grow_with_the_items(
        self, upload: CatalogUpload, report_host: ReportHost, django_assert_max_num_queries: Any
    ) -> None:
        link = state("DONE", report_host.put(ALL_GOOD))
        with CaptureQueriesContext(connection) as few:
            asked(upload, link, times=2)
        for number in range(60):
            product(f"P-{number}", code=upc(number + 1))
        many = after(prepared(at=LATER), taken_in("ing-2"))
        assert many.item_count == 60
        content = report(*(item(f"P-{number}") for number in range(60)))
        with django_assert_max_num_queries(len(few)):
            asked(many, state("DONE", report_host.put(content)), times=2)
        assert set(states().values()) == {"LIVE"}


UNREADABLE = {
    "not JSON": b"<html>Sorry</html>",
    "no list": b'{"results": []}',
    "an empty list": b'{"items": []}',
    "no SKU": b'{"items": [{"status": "SUCCESS"}]}',
    "of other products": report(item("GIN"), item("RUM")),
}


class TestAReportThatCannotBeRead:
    @pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
    def test_is_never_a_good_one(self, upload: CatalogUpload, report_host: ReportHost, content: bytes) -> None:
        unread = reported(upload, report_host, content)
        assert (unread.status, unread.report) == ("UNREAD", content)
        assert "CATALOG_REPORT_MAPPING" in unread.problem
        assert set(states().values()) == {"UPLOADING"}
        assert alarms() == ["Catalog report not read"]

    def test_is_read_when_the_mapping_is_mended(
        self, upload: CatalogUpload, report_host: ReportHost, settings: LazySettings
    ) -> None:
        rows = [{"sku": sku, "status": "SUCCESS"} for sku in ("COLA", "TEA", "WATER")]
        unread = reported(upload, report_host, json.dumps({"items": rows}).encode())
        settings.CATALOG_REPORT_MAPPING = '{"sku": "sku"}'
        following.read_report_again(unread, now=NOW)
        unread.refresh_from_db()
        assert unread.status == "FINISHED"
        assert set(states().values()) == {"LIVE"}
        with pytest.raises(StepRefused):
            following.read_report_again(unread, now=NOW)

    def test_is_fetched_anew_when_what_was_kept_is_none(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        unread = reported(upload, report_host, UNREADABLE["not JSON"])
        following.read_report_again(unread, now=LATER)
        assert set(states().values()) == {"UPLOADING"}
        assert asked(unread, state("DONE", report_host.put(ALL_GOOD))).status == "FINISHED"
        assert set(states().values()) == {"LIVE"}


class TestTheLink:
    def test_expired_it_is_asked_for_again(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        old = report_host.put(b"<Error><Code>AccessDenied</Code></Error>", name="old", status=403)
        fresh = report_host.put(ALL_GOOD, name="fresh")
        assert asked(upload, state("DONE", old), state("DONE", fresh), times=2).status == "FINISHED"

    def test_missing_it_is_asked_for_again(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        link = report_host.put(ALL_GOOD)
        waiting = asked(upload, state("DONE", ""), state("DONE", ""), times=2)
        assert (waiting.status, waiting.amazon_status) == ("REPORTING", "DONE")
        assert asked(waiting, state("DONE", link), times=1).status == "FINISHED"

    @pytest.mark.parametrize(
        "link",
        ["https://reports.example/r.json?sig=secret", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd"],
    )
    def test_elsewhere_is_never_followed(self, upload: CatalogUpload, link: str) -> None:
        unread = asked(upload, state("DONE", link), times=2)
        assert unread.status == "UNREAD"
        assert "secret" not in unread.problem
        assert set(states().values()) == {"UPLOADING"}

    def test_that_stays_away_ends_as_unread(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        link = report_host.put(b"sorry", status=500)
        unread = asked(upload, state("DONE", link), times=20)
        assert (unread.status, alarms()) == ("UNREAD", ["Catalog report not read"])
        assert 3 <= len(report_host.asked) <= 20
        report_host.put(ALL_GOOD)
        following.read_report_again(unread, now=LATER)
        assert asked(unread, state("DONE", link)).status == "FINISHED"

    def test_larger_than_allowed_is_not_read(
        self, upload: CatalogUpload, report_host: ReportHost, settings: LazySettings
    ) -> None:
        settings.CATALOG_REPORT_MAX_BYTES = 100
        assert asked(upload, state("DONE", report_host.put(b" " * 101)), times=20).status == "UNREAD"


class TestFailedAtAmazon:
    @pytest.mark.parametrize("word", ["FATAL", "CANCELLED"])
    def test_nothing_counts_as_taken(self, upload: CatalogUpload, word: str) -> None:
        failed = asked(upload, state(word))
        assert (failed.status, failed.refused_count) == ("FAILED", 3)
        assert set(states().values()) == {"REFUSED"}
        assert alarms() == ["Catalog upload failed"]

    def test_not_even_what_its_report_calls_a_success(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        failed = asked(upload, state("FATAL", report_host.put(ALL_GOOD)), times=2)
        assert (failed.status, failed.report) == ("FAILED", ALL_GOOD)
        assert set(states().values()) == {"REFUSED"}


class TestBeingTold:
    def test_wakes_a_worker_for_what_is_to_be_done_now(
        self, upload: CatalogUpload, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks() as asking:
            following.hurry(upload, now=NOW)
        upload.refresh_from_db()
        with django_capture_on_commit_callbacks() as fetching:
            assert following.told(upload, "DONE", "", by="message", now=NOW)
        with django_capture_on_commit_callbacks() as nothing:
            assert not following.told(upload, "DONE", "", by="message", now=NOW)
        assert [len(asking), len(fetching), len(nothing)] == [1, 1, 0]

    def test_comes_before_asking(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        assert following.told(upload, "DONE", report_host.put(ALL_GOOD), by="message", now=NOW)
        done = asked(upload)
        assert (done.status, done.told_by) == ("FINISHED", "message")

    def test_after_the_end_changes_nothing(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        done = reported(upload, report_host, ALL_GOOD)
        for word in ("DONE", "INPROGRESS", "FATAL", "CANCELLED", "INQUEUE", ""):
            assert not following.told(done, word, "", by="message", now=NOW)
        done.refresh_from_db()
        assert (done.status, done.amazon_status, done.told_by) == ("FINISHED", "DONE", "asking")
        assert set(states().values()) == {"LIVE"}

    def test_while_an_ask_is_under_way_wins(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        link = report_host.put(ALL_GOOD)

        def meanwhile() -> Any:
            assert following.told(upload, "DONE", link, by="message", now=NOW + MINUTE)
            return state("INPROGRESS")

        told = asked(upload, meanwhile)
        assert (told.status, told.amazon_status, told.told_by) == ("REPORTING", "DONE", "message")

    def test_of_work_under_way_is_kept_as_amazons_word(self, upload: CatalogUpload) -> None:
        assert following.told(upload, "INPROGRESS", "", by="message", now=NOW)
        upload.refresh_from_db()
        assert (upload.status, upload.amazon_status) == ("FOLLOWED", "INPROGRESS")

    def test_revives_what_was_stopped(self, upload: CatalogUpload, report_host: ReportHost) -> None:
        stopped = asked(upload, forbidden())
        assert following.told(stopped, "DONE", report_host.put(ALL_GOOD), by="message", now=NOW)
        assert asked(stopped).status == "FINISHED"
        assert set(states().values()) == {"LIVE"}
