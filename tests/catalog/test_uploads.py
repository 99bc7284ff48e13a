"""Sending uploads: what each answer of Amazon leads to."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections

from catalog import following, runs, uploads
from catalog.models import CatalogItem, CatalogRun, CatalogUpload, Product, UploadCall
from catalog.uploads import StepRefused
from jwo_store.amazon import AmazonMisconfigured
from jwo_store.models import Alarm, Pace
from tests.catalog.amazon import (
    UPLOAD,
    CatalogClient,
    bad_request,
    forbidden,
    server_error,
    state,
    taken_in,
)
from tests.catalog.test_sync import look, product, states
from tests.conftest import AtOnce
from tests.factories import OwnerFactory, StoreFactory
from tests.orders.stand_ins import Died, Step, answer, slowed_down, timed_out, unreached

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")


@pytest.fixture
def upload() -> CatalogUpload:
    product("COLA")
    return prepared()


def prepared(at: datetime = NOW) -> CatalogUpload:
    """The upload of a run over what has changed."""
    run = runs.request(store=None, everything=False, by=None, now=at)
    assert runs.prepare(run.pk, clock=lambda: at)
    return CatalogUpload.objects.filter(run=run).get()


def work(upload: CatalogUpload, client: CatalogClient, at: datetime = NOW) -> CatalogUpload:
    """Do the next step, as a worker would at that moment."""
    following.work_on(upload.pk, client=client, clock=lambda: at)
    return CatalogUpload.objects.get(pk=upload.pk)


def after(upload: CatalogUpload, *steps: Step) -> CatalogUpload:
    """The upload when Amazon's answers to sending it were these, each try as soon as it was due."""
    client = CatalogClient(upload=list(steps))
    for _ in steps:
        upload = CatalogUpload.objects.get(pk=upload.pk)
        work(upload, client, at=upload.due_at or NOW)
    return CatalogUpload.objects.get(pk=upload.pk)


def alarms() -> list[str]:
    return list(Alarm.objects.order_by("pk").values_list("kind", flat=True))


class TestTakenIn:
    def test_it_is_followed_under_its_ingestion_id(self, upload: CatalogUpload) -> None:
        sent = after(upload, taken_in("ing-7"))
        assert (sent.status, sent.ingestion_id, sent.sent_at) == ("FOLLOWED", "ing-7", NOW)
        assert sent.due_at == NOW + 60 * SECOND
        assert states() == {"COLA EAST": "UPLOADING"}

    def test_what_is_sent_are_the_bytes_that_were_kept(self, upload: CatalogUpload) -> None:
        client = CatalogClient(upload=[taken_in()])
        work(upload, client)
        ((path, body),) = client.sent
        assert path == UPLOAD
        assert [item["item_sku"] for item in body["catalogItems"]] == ["COLA"]

    def test_the_call_is_told(self, upload: CatalogUpload) -> None:
        after(upload, taken_in())
        call = UploadCall.objects.get()
        assert (call.kind, call.status, call.host, call.words) == ("SEND", 201, "catalog.example", "Taken in.")
        assert call.answer == '{"ingestionId": "ing-1"}'

    def test_it_is_sent_once(self, upload: CatalogUpload) -> None:
        client = CatalogClient(upload=[taken_in()])
        work(upload, client)
        work(upload, client)
        assert len(client.sent) == 1


class TestThatAmazonDoesNotTakeIn:
    @pytest.mark.parametrize(
        ("step", "words"),
        [(slowed_down(3600), "429"), (timed_out(), "did not answer in time")],
        ids=["429", "the network"],
    )
    def test_is_told_when_it_has_lasted(self, upload: CatalogUpload, step: Step, words: str) -> None:
        waiting = after(upload, *[step] * 3)
        assert (waiting.status, waiting.failures) == ("WAITING", 3)
        following.watch(now=NOW + timedelta(minutes=89))
        assert alarms() == []
        following.watch(now=NOW + timedelta(minutes=90))
        alarm = Alarm.objects.get()
        assert (alarm.kind, alarm.store_id) == ("Catalog upload not taken in", "EAST")
        assert alarm.text.startswith(f"Upload {upload.pk} was made 90 minutes ago and Amazon has not taken it in.")
        assert words in alarm.text

    def test_is_told_once_for_all_that_wait_behind_it(self, upload: CatalogUpload) -> None:
        product("TEA")
        second = prepared()
        assert second.pk != upload.pk
        following.watch(now=NOW + timedelta(days=1))
        assert "It was not tried yet" in Alarm.objects.get().text


STOPS = {
    "a wrong store": (bad_request("One or more StoreID's present in the request is incorrect"), "StoreID"),
    "no permission": (forbidden(), "execute-api:Invoke"),
    "an error that says not to retry": (server_error("Internal error, no retry"), "no retry"),
    "an odd status": (bad_request("what?"), "what?"),
}


@pytest.mark.parametrize(("step", "words"), STOPS.values(), ids=STOPS)
class TestStopped:
    def test_a_person_looks_and_it_is_never_sent_again(self, upload: CatalogUpload, step: Step, words: str) -> None:
        stopped = after(upload, step)
        assert (stopped.status, stopped.due_at) == ("PARKED", None)
        assert words in stopped.problem
        assert alarms() == ["Catalog upload stopped"]
        work(upload, CatalogClient(), at=NOW + timedelta(days=2))

    def test_its_items_say_why(self, upload: CatalogUpload, step: Step, words: str) -> None:
        after(upload, step)
        item = CatalogItem.objects.get()
        assert item.state == "REFUSED"
        assert words in item.newest_reason

    def test_the_whole_answer_is_kept(self, upload: CatalogUpload, step: Step, words: str) -> None:  # noqa: ARG002
        after(upload, step)
        assert UploadCall.objects.get().answer.startswith("{")

    def test_the_next_run_leaves_them_alone(self, upload: CatalogUpload, step: Step, words: str) -> None:  # noqa: ARG002
        after(upload, step)
        look()
        assert states() == {"COLA EAST": "REFUSED"}


class TestAgain:
    @pytest.mark.parametrize("step", [timed_out(), unreached()], ids=["timed out", "unreached"])
    def test_faults_of_the_network_come_again_as_often_as_it_takes(self, upload: CatalogUpload, step: Step) -> None:
        waiting = after(upload, *[step] * 6)
        assert (waiting.status, waiting.failures) == ("WAITING", 6)
        assert after(waiting, taken_in()).status == "FOLLOWED"

    def test_a_lost_201_is_a_second_ingestion(self, upload: CatalogUpload) -> None:
        sent = after(upload, timed_out(), taken_in("ing-2"))
        assert (sent.status, sent.ingestion_id) == ("FOLLOWED", "ing-2")

    def test_errors_of_amazons_own_come_three_times(self, upload: CatalogUpload) -> None:
        assert after(upload, server_error(), server_error()).status == "WAITING"
        stopped = after(upload, server_error())
        assert (stopped.status, "3 times" in stopped.problem) == ("PARKED", True)

    def test_amazon_says_how_long_to_wait(self, upload: CatalogUpload) -> None:
        assert after(upload, slowed_down(42)).due_at == NOW + 42 * SECOND

    def test_a_yes_without_an_id_is_no_yes(self, upload: CatalogUpload) -> None:
        waiting = after(upload, answer(201, {}))
        assert (waiting.status, waiting.ingestion_id) == ("WAITING", None)
        assert after(waiting, answer(201, {}), answer(201, {})).status == "PARKED"

    def test_without_credentials_it_waits_and_people_are_told(self, upload: CatalogUpload) -> None:
        waiting = after(upload, AmazonMisconfigured("There are no AWS credentials.", sent=False))
        assert (waiting.status, waiting.due_at) == ("WAITING", NOW + 300 * SECOND)
        assert alarms() == ["Catalog calls cannot be signed"]

    def test_a_process_that_dies_in_the_call_leaves_it_to_the_next(self, upload: CatalogUpload) -> None:
        with pytest.raises(Died):
            work(upload, CatalogClient(upload=[Died()]))
        untouched = work(upload, CatalogClient(), at=NOW + 10 * SECOND)
        assert untouched.status == "WAITING"
        assert UploadCall.objects.get().seconds is None
        assert after(upload, taken_in()).status == "FOLLOWED"
        assert [(call.seconds is None, call.words) for call in UploadCall.objects.order_by("pk")] == [
            (True, "This call was cut short before Amazon's answer was kept."),
            (False, "Taken in."),
        ]

    def test_an_id_that_another_upload_has_stops_it(self, upload: CatalogUpload) -> None:
        after(upload, taken_in("ing-1"))
        product("TEA")
        assert after(prepared(), taken_in("ing-1")).status == "PARKED"


class TestTheOrder:
    def test_of_one_store_the_first_goes_first(self, upload: CatalogUpload) -> None:
        product("TEA")
        second = prepared()
        client = CatalogClient(upload=[slowed_down(30), taken_in("ing-1"), taken_in("ing-2")])
        assert work(second, client).status == "WAITING"
        assert client.sent == []
        work(upload, client)
        work(second, client)
        assert len(client.sent) == 1
        work(upload, client, at=NOW + 30 * SECOND)
        work(second, client, at=NOW + 30 * SECOND)
        assert [body["catalogItems"][0]["item_sku"] for _, body in client.sent] == ["COLA", "COLA", "TEA"]

    def test_one_that_stopped_holds_up_no_other(self, upload: CatalogUpload) -> None:
        product("TEA")
        second = prepared()
        after(upload, bad_request("no"))
        assert after(second, taken_in()).status == "FOLLOWED"

    def test_another_environment_sends_nothing(self, upload: CatalogUpload, settings: LazySettings) -> None:
        settings.JWO_ENVIRONMENT = "test"
        assert work(upload, CatalogClient()).status == "WAITING"

    def test_a_few_run_at_a_time(self, upload: CatalogUpload) -> None:
        assert uploads.due(now=NOW) == [upload.pk]
        for _ in range(uploads.AT_ONCE):
            UploadCall.objects.create(upload=upload, kind="SEND", started_at=NOW, host="catalog.example")
        assert uploads.due(now=NOW) == []
        assert uploads.due(now=NOW + timedelta(hours=1)) == [upload.pk], "calls that were cut short count no more"

    def test_whose_turn_is_far_away_comes_back_later(self, upload: CatalogUpload) -> None:
        far = NOW + uploads.patience() + SECOND
        Pace.objects.create(name=uploads.PACE, next_at=far)
        later = work(upload, CatalogClient())
        assert (later.status, later.failures, later.due_at) == ("WAITING", 0, NOW + uploads.patience())
        assert later.tries == 0
        assert not UploadCall.objects.exists()
        assert work(upload, CatalogClient(upload=[taken_in()]), at=far).status == "FOLLOWED"
        assert UploadCall.objects.get().started_at == far

    def test_a_slow_database_costs_turns_and_not_the_call(self, upload: CatalogUpload) -> None:
        began, slow, seen = time.monotonic(), timedelta(), None

        def clock() -> datetime:
            """Reserving a turn takes longer than until the next one."""
            nonlocal slow, seen
            next_at = Pace.objects.values_list("next_at", flat=True).first()
            if next_at != seen:
                seen, slow = next_at, slow + 2 * uploads.INTERVAL
            return NOW + timedelta(seconds=time.monotonic() - began) + slow

        following.work_on(upload.pk, client=CatalogClient(upload=[taken_in()]), clock=clock)
        assert CatalogUpload.objects.get().status == "FOLLOWED"


class TestWhatStaffCanDo:
    def test_trying_again_makes_a_new_upload_of_what_is_wanted_now(self, upload: CatalogUpload) -> None:
        stopped = after(upload, bad_request("wrong store"))
        Product.objects.update(name="Example Cola Zero 500 ml")
        uploads.try_again(stopped, by=OwnerFactory(), now=NOW)
        stopped.refresh_from_db()
        assert stopped.status == "WITHDRAWN"
        run = CatalogRun.objects.latest("pk")
        runs.prepare(run.pk, clock=lambda: NOW)
        assert b"Cola Zero" in CatalogUpload.objects.get(run=run).body

    def test_what_goes_well_is_not_tried_again(self, upload: CatalogUpload) -> None:
        sent = after(upload, taken_in())
        with pytest.raises(StepRefused, match="amazon is working on it"):
            uploads.try_again(sent, by=OwnerFactory(), now=NOW)
        assert CatalogRun.objects.count() == 1

    def test_giving_up_lets_the_items_go_with_the_next_run(self, upload: CatalogUpload) -> None:
        uploads.give_up(upload, reason="Wrong store.", by=OwnerFactory(), now=NOW)
        upload.refresh_from_db()
        assert (upload.status, upload.due_at, upload.finished_at) == ("WITHDRAWN", None, NOW)
        assert states() == {"COLA EAST": "CHANGED"}
        with pytest.raises(StepRefused, match="already"):
            uploads.give_up(upload, reason="Again.", by=OwnerFactory(), now=NOW)

    def test_what_is_given_up_hears_no_more_of_amazon(self, upload: CatalogUpload) -> None:
        sent = after(upload, taken_in())
        uploads.give_up(sent, reason="Wrong.", by=OwnerFactory(), now=NOW)
        assert not following.told(sent, "DONE", "https://x.s3.amazonaws.com/r", by="message", now=NOW)
        assert work(sent, CatalogClient()).status == "WITHDRAWN"

    def test_refused_items_may_go_once_more_unchanged(self, upload: CatalogUpload) -> None:
        after(upload, bad_request("no"))
        assert uploads.send_again(CatalogItem.objects.all()) == 1
        look()
        assert states() == {"COLA EAST": "CHANGED"}

    def test_sent_again_now_they_go_with_a_run_of_their_own(self, upload: CatalogUpload) -> None:
        by = OwnerFactory()
        assert uploads.send_again_now(CatalogItem.objects.all(), by=by, now=NOW) == 0
        assert CatalogRun.objects.count() == 1
        after(upload, bad_request("no"))
        assert uploads.send_again_now(CatalogItem.objects.all(), by=by, now=NOW) == 1
        newest = CatalogRun.objects.first()
        assert newest is not None
        assert (newest.asked_by, newest.store, newest.finished_at) == (by, None, None)

    def test_what_cannot_be_sent_stays_refused(self, upload: CatalogUpload, settings: LazySettings) -> None:
        after(upload, bad_request("no"))
        settings.AMAZON_CATALOG_URL = ""
        with pytest.raises(runs.NotConnected):
            uploads.send_again_now(CatalogItem.objects.all(), by=OwnerFactory(), now=NOW)
        assert states() == {"COLA EAST": "REFUSED"}


@pytest.mark.django_db(transaction=True)
def test_the_pace_holds_over_all_calls_and_processes(at_once: AtOnce, settings: LazySettings) -> None:
    settings.CATALOG_POLL_FIRST = 0
    stores = [f"S-{number}" for number in range(5)]
    for store_id in stores:
        StoreFactory(store_id=store_id)
    product("COLA", stores=stores)
    run = runs.request(store=None, everything=False, by=None, now=NOW)
    assert runs.prepare(run.pk, clock=lambda: NOW)
    keys = list(CatalogUpload.objects.order_by("pk").values_list("pk", flat=True))
    began, moments = datetime.now(UTC), []

    class Clocked(CatalogClient):
        def post(self, path: str, body: bytes) -> Any:
            moments.append(datetime.now(UTC))
            return super().post(path, body)

    def send(number: int) -> None:
        client = Clocked(upload=[taken_in(f"ing-{number}")], status=[state("INPROGRESS")])
        for key in (keys[number], keys[number]):
            following.work_on(key, client=client, clock=lambda: datetime.now(UTC))
        connections.close_all()

    at_once(len(keys), send)
    assert len(moments) == 10
    earliest = [began + number * uploads.INTERVAL for number in range(10)]
    assert all(moment >= slot for moment, slot in zip(sorted(moments), earliest, strict=True))
