"""Uploads in the admin: looking, finding, and what people can do with a stopped one."""

import hashlib
import json
import zlib
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.admin.upload_story import LABELS, in_steps, label_of
from catalog.models import CatalogItem, CatalogRun, CatalogUpload
from catalog.statuses import Outcome, UploadStatus
from catalog.uploads import CUT_SHORT, TRIAGE_403
from tests.factories import (
    Browser,
    CashierFactory,
    CatalogItemFactory,
    CatalogMessageFactory,
    CatalogRunFactory,
    CatalogUploadFactory,
    ManagerFactory,
    OwnerFactory,
    ProductFactory,
    RetirementFactory,
    StoreFactory,
    StoreListFactory,
    StrangerFactory,
    UploadCallFactory,
    UploadLineFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

UPLOADS = "/admin/catalog/catalogupload/"
RUNS = "/admin/catalog/catalogrun/"
SECRET = "https://reports.s3.amazonaws.com/r.json?X-Amz-Signature=secret"


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(username="mia"))


@pytest.fixture
def cashier() -> Browser:
    return signed_in(CashierFactory())


def page_of(upload: CatalogUpload) -> str:
    return f"{UPLOADS}{upload.pk}/change/"


def press(browser: Browser, upload: CatalogUpload, action: str, **given: str) -> Any:
    return browser.post(f"{UPLOADS}{upload.pk}/press/{action}/", given)


def found(browser: Browser, query: str = "") -> list[Any]:
    return [row.pk for row in browser.get(UPLOADS + query).context["cl"].result_list]


# -- who may look


@pytest.mark.parametrize(
    ("person", "status"), [(OwnerFactory, 200), (ManagerFactory, 200), (CashierFactory, 200), (StrangerFactory, 302)]
)
def test_staff_see_uploads_and_strangers_do_not(person: Any, status: int) -> None:
    upload = CatalogUploadFactory(finished=True)
    browser = signed_in(person())
    pages = [UPLOADS, page_of(upload), f"{UPLOADS}{upload.pk}/sent/", f"{UPLOADS}{upload.pk}/report/"]

    assert [browser.get(page).status_code for page in pages] == [status] * 4


def test_uploads_are_neither_added_nor_changed_nor_deleted_by_hand() -> None:
    upload = CatalogUploadFactory(finished=True)
    browser = signed_in(OwnerFactory())

    assert browser.get(f"{UPLOADS}add/").status_code == 403
    assert browser.post(f"{UPLOADS}{upload.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(page_of(upload), {"status": "WAITING"}).status_code == 302
    assert CatalogUpload.objects.get().status == "FINISHED"


@pytest.mark.parametrize("key", ["999", "x", "9" * 40])
def test_an_upload_that_is_not_there_is_not_found(cashier: Browser, key: str) -> None:
    assert cashier.get(f"{UPLOADS}{key}/change/").status_code == 404


# -- the list


def test_the_list_shows_the_newest_first_in_words(cashier: Browser) -> None:
    store = StoreFactory(name="Arena East")
    old = CatalogUploadFactory(finished=True, store=store, item_count=120)
    new = CatalogUploadFactory(archive=True, followed=True)

    page = text_of(cashier.get(UPLOADS))

    assert found(cashier) == [new.pk, old.pk]
    for text in ("Arena East", "120", "Finished", "Archive", "All stores", "Amazon is working on it"):
        assert text in page
    assert not [status for status in UploadStatus.values if status in page]


@pytest.mark.parametrize("status", list(UploadStatus))
def test_green_is_what_amazon_took_whole_and_nothing_else(status: UploadStatus) -> None:
    good, bad = CatalogUpload(status=status), CatalogUpload(status=status, refused_count=3)

    assert (LABELS[label_of(good)[0]] == "success") is (status == "FINISHED")
    assert LABELS[label_of(bad)[0]] != "success"


def test_a_finished_upload_with_refused_items_says_so_and_is_not_green(cashier: Browser) -> None:
    upload = CatalogUploadFactory(finished=True, item_count=10, refused_count=3)

    listed, page = cashier.get(UPLOADS), cashier.get(page_of(upload))

    assert "Finished, 3 refused" in text_of(listed)
    assert "bg-green-100" not in listed.content.decode()
    assert '<span class="bo-badge bo-warning">Finished, 3 refused</span>' in page.content.decode()
    assert "bo-success" not in page.content.decode()


def test_the_list_costs_the_same_whatever_its_length(cashier: Browser, django_assert_num_queries: Any) -> None:
    CatalogUploadFactory.create_batch(3, finished=True)
    cashier.get(UPLOADS)
    with CaptureQueriesContext(connection) as few:
        cashier.get(UPLOADS)

    CatalogUploadFactory.create_batch(20, finished=True)
    CatalogUploadFactory.create_batch(7, parked=True)
    with django_assert_num_queries(len(few)):
        cashier.get(UPLOADS)
    columns = ("packed", "report_packed", "report_link")
    assert not any(f'"{column}"' in query["sql"] for query in few.captured_queries for column in columns)


def test_uploads_are_filtered_and_found(cashier: Browser) -> None:
    store = StoreFactory()
    waiting = CatalogUploadFactory(store=store)
    parked = CatalogUploadFactory(parked=True)
    unread = CatalogUploadFactory(unread=True)
    some = CatalogUploadFactory(finished=True, refused_count=2, ingestion_id="ing-some")
    archive = CatalogUploadFactory(archive=True, made_at=timezone.now() - timedelta(days=9))
    UploadLineFactory(upload=archive, sku="COLA")

    assert found(cashier, "?stopped=yes") == [unread.pk, parked.pk]
    assert found(cashier, "?status__exact=PARKED") == [parked.pk]
    assert found(cashier, f"?store={store.pk}") == [waiting.pk]
    assert found(cashier, "?kind__exact=ARCHIVE") == [archive.pk]
    assert found(cashier, "?refused=some") == [some.pk]
    assert found(cashier, "?refused=none") == [archive.pk, unread.pk, parked.pk, waiting.pk]
    assert found(cashier, f"?made_at_from={timezone.localdate(None, store.zone)}") == [
        some.pk,
        unread.pk,
        parked.pk,
        waiting.pk,
    ]
    assert found(cashier, "?q=ing-some") == [some.pk]
    assert found(cashier, "?q=ing") == []
    assert found(cashier, "?q=COLA") == [archive.pk]
    assert found(cashier, f"?q={parked.pk}") == [parked.pk]
    assert found(cashier, f"?q={'9' * 40}") == []


# -- the page


def test_the_page_tells_the_story_in_the_order_of_time(cashier: Browser) -> None:
    start = timezone.now() - timedelta(hours=2)

    def after(minutes: int) -> Any:
        return start + timedelta(minutes=minutes)

    run = CatalogRunFactory(asked_at=start, asked_by=ManagerFactory(first_name="Mia", last_name="Manager"))
    upload = CatalogUploadFactory(
        finished=True,
        run=run,
        item_count=12,
        made_at=after(1),
        ingestion_id="ing-7",
        sent_at=after(3),
        ended_at=after(31),
        told_by="message",
        report_at=after(32),
        finished_at=after(33),
    )
    UploadCallFactory(upload=upload, started_at=after(2))
    UploadCallFactory(upload=upload, kind="REPORT", started_at=after(31), words="2143 bytes")
    CatalogMessageFactory(upload=upload, amazon_status="DONE", received_at=after(30))

    answer = cashier.get(page_of(upload))

    assert [event.text for event in answer.context["timeline"]] == [
        "Changes were to be uploaded.",
        "It was made, with 12 items.",
        "Sent to Amazon: Taken in.",
        "Amazon took it in as ingestion ing-7.",
        "A message from Amazon came, which says: done.",
        "Its report was asked for: 2143 bytes",
        "Amazon ended it, done; a message told us.",
        "Its report arrived and is kept.",
        "Finished: 12 taken, 0 refused.",
    ]
    assert answer.context["timeline"][0].by == "Mia Manager"
    page = text_of(answer)
    assert "There is nothing to do." in page
    assert not [word for word in (*UploadStatus.values, "DONE", "ingestion_id", "sent_at") if word in page]


@pytest.mark.parametrize(
    ("given", "by"), [({}, "a command"), ({"is_scheduled": True}, "the schedule"), ({"everything": True}, "a command")]
)
def test_the_page_says_who_asked_for_it(cashier: Browser, given: dict[str, bool], by: str) -> None:
    upload = CatalogUploadFactory(run=CatalogRunFactory(**given))

    first = cashier.get(page_of(upload)).context["timeline"][0]

    assert first.by == by
    assert first.text.startswith("All products were" if "everything" in given else "Changes were")


def test_a_given_up_upload_says_by_whom_why_and_when(manager: Browser) -> None:
    upload = CatalogUploadFactory(parked=True)
    press(manager, upload, "give_up", confirmed="yes", reason="Wrong account.")

    page = manager.get(page_of(upload))

    assert page.context["timeline"][-1].text == "Given up: Wrong account. (mia)"


def test_what_to_look_at_after_a_403_reads_as_a_list(cashier: Browser) -> None:
    upload = CatalogUploadFactory(parked=True, problem=f"Amazon does not let us in (403): Forbidden {TRIAGE_403}")

    answer = cashier.get(page_of(upload))

    assert answer.context["problem"] == "Amazon does not let us in (403): Forbidden Look at, in this order:"
    assert len(answer.context["steps"]) == 8
    assert "<li>the role&#x27;s permission execute-api:Invoke</li>" in answer.content.decode()


@pytest.mark.parametrize(
    "problem", ["", "Amazon refused the whole call (400): no.", "Version 2. of it failed.", "1. alone"]
)
def test_what_is_no_list_is_left_alone(problem: str) -> None:
    assert in_steps(problem) == (problem, [])


# -- its items


@pytest.fixture
def big() -> CatalogUpload:
    upload = CatalogUploadFactory(finished=True, item_count=130, refused_count=2)
    lines = [UploadLineFactory.build(upload=upload, sku=f"SKU-{n:03d}", outcome="TAKEN") for n in range(130)]
    for number in (77, 120):
        lines[number].outcome, lines[number].words, lines[number].code = Outcome.REFUSED, "No such GTIN.", "E42"
    upload.lines.bulk_create(lines)
    return upload


def skus(answer: Any) -> list[str]:
    return [line.sku for line in answer.context["lines"]]


def test_refused_items_come_first_and_not_all_at_once(cashier: Browser, big: CatalogUpload) -> None:
    ProductFactory(sku="SKU-077", name="Example Tea")

    answer = cashier.get(page_of(big))

    assert skus(answer) == ["SKU-077", "SKU-120", *(f"SKU-{n:03d}" for n in range(48))]
    assert "Example Tea SKU-077 Refused No such GTIN. (E42)" in text_of(answer)
    assert "no longer in the catalog SKU-120" in text_of(answer)
    assert "1 to 50 of 130" in text_of(answer)
    assert skus(cashier.get(page_of(big) + "?items=3")) == [f"SKU-{n:03d}" for n in (*range(99, 120), *range(121, 130))]
    assert skus(cashier.get(page_of(big) + "?items=nonsense")) == skus(answer)


def test_items_are_filtered_by_outcome_and_sku(cashier: Browser, big: CatalogUpload) -> None:
    answer = cashier.get(page_of(big) + "?outcome=REFUSED")

    assert skus(answer) == ["SKU-077", "SKU-120"]
    assert [choice.text for choice in answer.context["choices"]] == ["All (130)", "Refused (2)", "Taken (128)"]
    assert [choice.text for choice in answer.context["choices"] if choice.chosen] == ["Refused (2)"]
    assert skus(cashier.get(page_of(big) + "?outcome=TAKEN&sku=SKU-12")) == [f"SKU-{n}" for n in (*range(121, 130),)]
    assert skus(cashier.get(page_of(big) + "?outcome=none")) == []
    assert "No item fits." in text_of(cashier.get(page_of(big) + "?sku=nothing"))


def test_the_page_costs_the_same_whatever_its_items_and_calls(
    cashier: Browser, big: CatalogUpload, django_assert_num_queries: Any
) -> None:
    small = CatalogUploadFactory(finished=True)
    UploadLineFactory.create_batch(3, upload=small)
    UploadCallFactory.create_batch(3, upload=small)
    CatalogMessageFactory(upload=small)
    cashier.get(page_of(small))
    with CaptureQueriesContext(connection) as few:
        cashier.get(page_of(small))

    UploadCallFactory.create_batch(60, upload=big)
    CatalogMessageFactory.create_batch(30, upload=big)
    with django_assert_num_queries(len(few)):
        answer = cashier.get(page_of(big))
    assert len(answer.context["calls"]) == 25
    assert "1 to 25 of 60" in text_of(answer)


# -- its calls


def test_each_call_shows_its_whole_answer_without_the_keys_of_links(cashier: Browser) -> None:
    upload = CatalogUploadFactory(followed=True)
    said_by_amazon = {"processingStatus": "DONE", "reportDownloadLink": SECRET, "more": "é" * 300}
    UploadCallFactory(
        upload=upload, kind="STATUS", status=200, words=f"See {SECRET}", answer=json.dumps(said_by_amazon)
    )

    page = cashier.get(page_of(upload)).content.decode()

    assert "https://reports.s3.amazonaws.com/r.json?…" in page
    assert "é" * 300 in page
    assert "secret" not in page


def test_a_call_without_an_answer_says_so(cashier: Browser) -> None:
    upload = CatalogUploadFactory()
    UploadCallFactory(upload=upload, status=None, seconds=None, words="", answer="")

    page = text_of(cashier.get(page_of(upload)))

    assert "Running, or cut short" in page
    assert "Sent to Amazon; no answer is known" in page


def test_a_call_that_was_cut_short_is_told(cashier: Browser) -> None:
    upload = CatalogUploadFactory(finished=True)
    for kind in ("SEND", "STATUS", "REPORT"):
        UploadCallFactory(upload=upload, kind=kind, status=None, seconds=None, words=CUT_SHORT, answer="")

    page = text_of(cashier.get(page_of(upload)))

    for what in ("Sent to Amazon", "Amazon was asked how far it is", "Its report was asked for"):
        assert f"{what}: This call was cut short before Amazon's answer was kept." in page
    assert "Running" not in page


# -- saving what was sent and what came


def test_what_was_sent_is_saved_as_the_very_bytes(cashier: Browser) -> None:
    body = b'{"catalogItems":[{"item_sku":"COLA"}]}'
    upload = CatalogUploadFactory(content=body)

    answer = cashier.get(f"{UPLOADS}{upload.pk}/sent/")

    assert answer.content == body
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == f'attachment; filename="upload-{upload.pk}-sent.json"'


@pytest.mark.parametrize(("report", "ending"), [(b'{"items": []}', "json"), (b"<script>alert(1)</script>", "txt")])
def test_the_report_is_saved_and_never_shown_by_the_browser(cashier: Browser, report: bytes, ending: str) -> None:
    upload = CatalogUploadFactory(
        finished=True, report_packed=zlib.compress(report), report_sha256=hashlib.sha256(report).hexdigest()
    )

    answer = cashier.get(f"{UPLOADS}{upload.pk}/report/")

    assert answer.content == report
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="upload-{upload.pk}-report.{ending}"'


def test_there_is_nothing_to_save_before_a_report_came(cashier: Browser) -> None:
    upload = CatalogUploadFactory(unread=True)

    assert cashier.get(f"{UPLOADS}{upload.pk}/report/").status_code == 404
    assert "Save Amazon's report" not in text_of(cashier.get(page_of(upload)))


# -- what people can do


@pytest.mark.parametrize(
    ("made", "buttons"),
    [
        ({}, ["Give up…"]),
        ({"followed": True}, ["Ask now", "Give up…"]),
        ({"unread": True}, ["Read the report again", "Try again…", "Give up…"]),
        ({"parked": True}, ["Try again…", "Give up…"]),
        ({"parked": True, "ingestion_id": "ing-1"}, ["Ask now", "Try again…", "Give up…"]),
        ({"failed": True}, ["Try again…"]),
        ({"finished": True}, []),
    ],
)
def test_the_buttons_fit_the_status(manager: Browser, made: dict[str, Any], buttons: list[str]) -> None:
    upload = CatalogUploadFactory(**made)

    assert [button["text"] for button in manager.get(page_of(upload)).context["page_buttons"]] == buttons


def test_a_stopped_upload_is_tried_again_after_asking(manager: Browser) -> None:
    upload = CatalogUploadFactory(parked=True)
    CatalogItemFactory(upload=upload, store=upload.store, state="REFUSED", reason="No.")

    assert press(manager, upload, "try_again").context["title"] == "Try again"
    assert not CatalogRun.objects.exists()
    answer = press(manager, upload, "try_again", confirmed="yes")

    upload.refresh_from_db()
    assert said(answer) == ["1 upload tried again."]
    assert (upload.status, upload.problem) == ("WITHDRAWN", "Tried again by mia.")
    assert CatalogItem.objects.get().state == "CHANGED"
    assert CatalogRun.objects.get().store == upload.store


def test_an_archive_call_is_tried_again_with_the_stores_of_now(manager: Browser) -> None:
    call = CatalogUploadFactory(archive=True, parked=True)
    item = CatalogItemFactory(upload=call, state="REFUSED", is_offered=False, taken_at=timezone.now())
    RetirementFactory(product=item.product)
    UploadLineFactory(upload=call, sku=item.product.sku)

    refused = press(manager, call, "try_again", confirmed="yes")
    call.refresh_from_db()
    assert said(refused)[0].endswith("Nobody has confirmed the list of all stores yet. Confirm it first.")
    assert (call.status, CatalogUpload.objects.count()) == ("PARKED", 1)

    StoreListFactory()
    press(manager, call, "try_again", confirmed="yes")
    call.refresh_from_db()
    new = CatalogUpload.objects.exclude(pk=call.pk).get()
    assert (call.status, new.status) == ("WITHDRAWN", "WAITING")
    assert json.loads(new.body)["itemSkus"] == [item.product.sku]


def test_an_upload_is_given_up_with_a_reason(manager: Browser) -> None:
    upload = CatalogUploadFactory(followed=True)

    press(manager, upload, "give_up", confirmed="yes")
    upload.refresh_from_db()
    assert upload.status == "FOLLOWED"

    answer = press(manager, upload, "give_up", confirmed="yes", reason="Wrong account.")
    upload.refresh_from_db()
    assert said(answer) == ["1 upload given up."]
    assert (upload.status, upload.problem) == ("WITHDRAWN", "Wrong account. (mia)")


def test_amazon_is_asked_now(manager: Browser) -> None:
    upload = CatalogUploadFactory(followed=True, due_at=timezone.now() + timedelta(hours=1))

    answer = press(manager, upload, "ask_now")

    upload.refresh_from_db()
    assert said(answer) == ["1 upload asked about; load the page again in a moment."]
    assert upload.due_at is not None
    assert upload.due_at <= timezone.now()


def test_an_upload_that_is_not_followed_says_so_and_is_asked_about_again(manager: Browser) -> None:
    upload = CatalogUploadFactory(parked=True, ingestion_id="ing-1", sent_at=timezone.now())

    assert "Not followed: a person must look" in text_of(manager.get(UPLOADS))
    page = text_of(manager.get(page_of(upload)))
    assert "nobody knows yet which items it took. Mend what is named here, then choose “Ask now”." in page

    answer = press(manager, upload, "ask_now")

    upload.refresh_from_db()
    assert said(answer) == ["1 upload asked about; load the page again in a moment."]
    assert (upload.status, upload.problem) == ("FOLLOWED", "")


def test_a_report_is_read_again_from_what_was_kept(manager: Browser) -> None:
    upload = CatalogUploadFactory(unread=True)
    UploadLineFactory(upload=upload, sku="COLA")
    content = json.dumps({"items": [{"item_sku": "COLA", "status": "SUCCESS", "store_id": upload.store_id}]}).encode()
    CatalogUpload.objects.update(
        report_packed=zlib.compress(content),
        report_sha256=hashlib.sha256(content).hexdigest(),
        report_at=timezone.now(),
    )

    answer = press(manager, upload, "read_report_again")

    upload.refresh_from_db()
    assert said(answer) == ["1 report read again; the page says what came of it."]
    assert (upload.status, upload.lines.get().outcome) == ("FINISHED", "TAKEN")


@pytest.mark.parametrize(
    ("action", "made", "words"),
    [
        ("try_again", {"finished": True}, "there is nothing to try again"),
        ("give_up", {"finished": True}, "This upload is “finished” already."),
        ("ask_now", {"parked": True}, "there is nothing to ask"),
        ("read_report_again", {"followed": True}, "no report waits to be read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    manager: Browser, action: str, made: dict[str, bool], words: str
) -> None:
    upload = CatalogUploadFactory(**made)

    answer = press(manager, upload, action, confirmed="yes", reason="x")

    assert words in said(answer)[0]
    assert CatalogUpload.objects.get().status == upload.status
    assert not CatalogRun.objects.exists()


def test_many_are_given_up_from_the_list_and_counted(manager: Browser) -> None:
    parked, finished = CatalogUploadFactory(parked=True), CatalogUploadFactory(finished=True)
    chosen = {"action": "give_up", "_selected_action": [parked.pk, finished.pk]}

    answer = manager.post(UPLOADS, {**chosen, "confirmed": "yes", "reason": "Old."})

    assert said(answer) == [
        "1 upload given up.",
        f"{finished}: This upload is “finished” already.",
    ]


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_do_nothing_with_uploads(person: Any, status: int) -> None:
    upload = CatalogUploadFactory(parked=True)
    unread, followed = CatalogUploadFactory(unread=True), CatalogUploadFactory(followed=True)
    before = list(CatalogUpload.objects.values_list("pk", "status", "due_at"))
    browser = signed_in(person())
    yes = {"confirmed": "yes", "reason": "x"}

    answers = [
        press(browser, upload, "try_again", **yes),
        press(browser, upload, "give_up", **yes),
        press(browser, followed, "ask_now"),
        press(browser, unread, "read_report_again"),
        browser.post(f"{UPLOADS}+press/upload_now/"),
        browser.post(f"{UPLOADS}+press/send_all_again/", yes),
    ]
    browser.post(UPLOADS, {"action": "give_up", "_selected_action": [upload.pk], **yes})

    assert [answer.status_code for answer in answers] == [status] * 6
    assert list(CatalogUpload.objects.values_list("pk", "status", "due_at")) == before
    assert not CatalogRun.objects.exists()


def test_staff_are_offered_nothing(cashier: Browser) -> None:
    upload = CatalogUploadFactory(parked=True)

    assert "press/" not in cashier.get(UPLOADS).content.decode() + cashier.get(page_of(upload)).content.decode()


# -- upload requests


def test_requests_say_who_asked_for_what_and_what_came_of_it(manager: Browser) -> None:
    store = StoreFactory(name="Arena East")
    by = ManagerFactory(first_name="Max", last_name="Muster")
    run = CatalogRunFactory(
        store=store, everything=True, asked_by=by, finished_at=timezone.now(), item_count=42, upload_count=1
    )
    CatalogRunFactory(is_scheduled=True)
    upload = CatalogUploadFactory(run=run)
    CatalogUploadFactory()

    answer = manager.get(RUNS)

    assert "Max Muster Everything again Arena East" in text_of(answer)
    assert "the schedule What has changed All stores Not yet" in text_of(answer)
    assert f'href="{UPLOADS}?run__id__exact={run.pk}"' in answer.content.decode()
    assert found(manager, f"?run__id__exact={run.pk}") == [upload.pk]
    assert "Everything again" in text_of(manager.get(f"{RUNS}{run.pk}/change/"))


def test_the_list_of_requests_costs_the_same_whatever_its_length(
    manager: Browser, django_assert_num_queries: Any
) -> None:
    CatalogRunFactory.create_batch(3, asked_by=OwnerFactory(), store=StoreFactory())
    manager.get(RUNS)
    with CaptureQueriesContext(connection) as few:
        manager.get(RUNS)

    for _ in range(27):
        CatalogRunFactory(asked_by=OwnerFactory(), store=StoreFactory())
    with django_assert_num_queries(len(few)):
        manager.get(RUNS)


def test_everything_of_all_stores_goes_again_after_asking_only(manager: Browser) -> None:
    StoreFactory.create_batch(3)

    asked = manager.post(f"{RUNS}+press/send_all_again/")
    assert "also what Amazon holds already" in asked.context["text"]
    assert not CatalogRun.objects.exists()

    answer = manager.post(f"{RUNS}+press/send_all_again/", {"confirmed": "yes"})
    run = CatalogRun.objects.get()
    assert said(answer) == ["Everything in 3 stores is being prepared for Amazon."]
    assert (run.everything, run.store) == (True, None)
