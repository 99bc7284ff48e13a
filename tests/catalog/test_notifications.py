"""Amazon's notifications, from a real queue (moto's SQS over HTTP) into rows, and what each of them does."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from django.conf import LazySettings, settings
from moto.server import ThreadedMotoServer

from catalog import notifications, signatures
from catalog.models import CatalogMessage, CatalogUpload, QueueReading
from jwo_store import lease
from jwo_store.amazon import Answer
from jwo_store.models import Alarm
from tests.catalog.amazon import CatalogClient, state, taken_in
from tests.catalog.conftest import ReportHost
from tests.catalog.test_following import ALL_GOOD, asked
from tests.catalog.test_sync import product, states
from tests.catalog.test_uploads import after, alarms, prepared, work
from tests.factories import StoreFactory
from tests.orders.stand_ins import slowed_down

TOPIC = "arn:aws:sns:us-east-1:999988887777:catalog-results"
NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

pytestmark = pytest.mark.django_db


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(30)).not_valid_after(NOW + timedelta(3000))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _host, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def sqs(moto: str, settings: LazySettings) -> Any:
    client = boto3.client(
        "sqs", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="AKID", aws_secret_access_key="secret"
    )
    settings.CATALOG_QUEUE_URL = client.create_queue(QueueName=f"results-{secrets.token_hex(4)}")["QueueUrl"]
    settings.CATALOG_TOPIC_ARN = TOPIC
    return client


@pytest.fixture
def sign(report_host: ReportHost, settings: LazySettings) -> Callable[..., str]:
    """Makes envelopes as SNS does; what is given besides replaces fields before they are signed."""
    report_host.files[f"/{PEM}"] = (200, certificate())
    settings.AWS_ENDPOINT_URL_SNS = report_host.url
    signatures.CERTIFICATES = signatures.Certificates()

    def make(message: Any = "", **fields: str) -> str:
        envelope = {
            "Type": "Notification",
            "MessageId": secrets.token_hex(16),
            "TopicArn": TOPIC,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": "2026-03-14T19:00:00.000Z",
            "SignatureVersion": "2",
            "SigningCertURL": f"{report_host.url}/{PEM}",
            **fields,
        }
        text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED if name in envelope).encode()
        algorithm = signatures.ALGORITHMS[envelope["SignatureVersion"]]
        envelope["Signature"] = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), algorithm)).decode()
        return json.dumps(envelope)

    return make


@pytest.fixture
def upload(settings: LazySettings) -> CatalogUpload:
    """Of three products, taken in by Amazon."""
    settings.AMAZON_CATALOG_URL = "https://catalog.example"
    StoreFactory(store_id="EAST")
    for sku in ("COLA", "TEA", "WATER"):
        product(sku)
    return after(prepared(), taken_in("ing-1"))


class Unused:
    """An SNS that nobody should call."""

    def confirm_subscription(self, **_: Any) -> None:
        raise AssertionError("nothing was to be confirmed")


def put(sqs: Any, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=sqs_url(), MessageBody=body)


def sqs_url() -> str:
    return settings.CATALOG_QUEUE_URL


def take(sqs: Any, sns: Any = None, at: datetime = NOW) -> list[CatalogMessage]:
    """Receive and work what is on the queue, as the worker does; gives all messages."""
    received = notifications.receive(sqs=sqs, clock=lambda: at)
    notifications.handle_each(received, sns=sns or Unused(), clock=lambda: at)
    return list(CatalogMessage.objects.order_by("pk"))


def left(sqs: Any) -> int:
    found = sqs.get_queue_attributes(
        QueueUrl=sqs_url(),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(map(int, found.values()))


def done(link: str, ingestion_id: str = "ing-1") -> dict[str, str]:
    return {"ingestionId": ingestion_id, "processingStatus": "DONE", "reportDownloadLink": link}


Sign = Callable[..., str]
LATER = NOW + timedelta(seconds=30)


class TestASignedNotification:
    @pytest.mark.parametrize("version", ["1", "2"])
    def test_ends_the_upload_before_it_is_asked_about(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost, version: str
    ) -> None:
        put(sqs, sign(done(report_host.put(ALL_GOOD)), SignatureVersion=version))
        (message,) = take(sqs)
        assert (message.state, message.upload) == ("HANDLED", upload)
        assert message.reason == "Amazon says of the upload: done."
        assert left(sqs) == 0
        finished = asked(upload)
        assert (finished.status, finished.told_by) == ("FINISHED", "message")
        assert set(states().values()) == {"LIVE"}

    def test_after_the_ask_changes_nothing(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        link = report_host.put(ALL_GOOD)
        asked(upload, state("DONE", link), times=2)
        put(sqs, sign(done(link)), sign({**done(link), "processingStatus": "FATAL"}))
        known, other = take(sqs)
        assert (known.state, known.reason) == ("HANDLED", "Nothing new: this was known already.")
        assert other.reason == "It says failed as a whole, but the upload had ended before, done: that stays."
        upload.refresh_from_db()
        assert (upload.status, upload.amazon_status) == ("FINISHED", "DONE")

    def test_out_of_order_never_goes_back(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        put(sqs, sign(done(report_host.put(ALL_GOOD))))
        take(sqs)
        put(sqs, sign({"ingestionId": "ing-1", "processingStatus": "INPROGRESS"}))
        take(sqs)
        assert asked(upload).status == "FINISHED"

    def test_twenty_times_over_is_one(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        put(sqs, *[sign(done(report_host.put(ALL_GOOD)))] * 20)
        (message,) = take(sqs)
        assert (message.times, left(sqs)) == (20, 0)
        assert asked(upload).status == "FINISHED"
        assert len(report_host.asked) == 2, "the certificate and the report"

    def test_without_a_state_makes_us_ask(self, sqs: Any, sign: Sign, upload: CatalogUpload) -> None:
        put(sqs, sign({"ingestionId": "ing-1"}))
        (message,) = take(sqs)
        assert message.state == "HANDLED"
        upload.refresh_from_db()
        assert upload.due_at == NOW

    def test_of_an_upload_that_nobody_knows_waits_for_it(
        self, sqs: Any, sign: Sign, settings: LazySettings, report_host: ReportHost
    ) -> None:
        settings.AMAZON_CATALOG_URL = "https://catalog.example"
        StoreFactory(store_id="EAST")
        for sku in ("COLA", "TEA", "WATER"):
            product(sku)
        put(sqs, sign(done(report_host.put(ALL_GOOD), "ing-9")))
        (orphan,) = take(sqs)
        assert (orphan.state, alarms()) == ("ORPHAN", ["Notification of an unknown upload"])
        sent = after(prepared(), taken_in("ing-9"))
        assert notifications.due(now=NOW) == [orphan.pk]
        notifications.handle(orphan.pk, sns=Unused(), clock=lambda: NOW)
        assert asked(sent).status == "FINISHED"

    def test_of_an_upload_that_becomes_known_while_it_is_looked_for_is_worked_again(
        self, sqs: Any, sign: Sign, settings: LazySettings, report_host: ReportHost
    ) -> None:
        settings.AMAZON_CATALOG_URL = "https://catalog.example"
        StoreFactory(store_id="EAST")
        for sku in ("COLA", "TEA", "WATER"):
            product(sku)
        waiting = prepared()
        sent: list[CatalogUpload] = []

        def clock() -> datetime:
            """Amazon's answer is kept between the look for the upload and the settling of the message."""
            if not sent and CatalogMessage.objects.filter(ingestion_id="ing-9").exists():
                sent.append(after(waiting, taken_in("ing-9")))
            return NOW

        put(sqs, sign(done(report_host.put(ALL_GOOD), "ing-9")))
        (pk,) = notifications.receive(sqs=sqs, clock=lambda: NOW)
        notifications.handle(pk, sns=Unused(), clock=clock)
        assert (CatalogMessage.objects.get().state, alarms()) == ("RECEIVED", [])
        assert notifications.due(now=NOW) == [pk]
        notifications.handle(pk, sns=Unused(), clock=lambda: NOW)
        (upload,) = sent
        assert asked(upload).told_by == "message"

    def test_faster_than_the_answer_to_the_upload_is_no_orphan(
        self, sqs: Any, sign: Sign, settings: LazySettings, report_host: ReportHost
    ) -> None:
        settings.AMAZON_CATALOG_URL = "https://catalog.example"
        StoreFactory(store_id="EAST")
        for sku in ("COLA", "TEA", "WATER"):
            product(sku)

        def told_before_the_answer() -> Answer:
            put(sqs, sign(done(report_host.put(ALL_GOOD), "ing-9")))
            (early,) = take(sqs)
            assert (early.state, early.due_at, "just being sent" in early.reason) == ("RECEIVED", LATER, True)
            return taken_in("ing-9")

        sent = after(prepared(), told_before_the_answer)
        (early,) = CatalogMessage.objects.all()
        assert notifications.due(now=NOW) == [early.pk]
        notifications.handle(early.pk, sns=Unused(), clock=lambda: NOW)
        assert asked(sent).status == "FINISHED"
        assert alarms() == []

    @pytest.mark.usefixtures("upload")
    def test_of_nobody_is_put_off_three_times_at_most(self, sqs: Any, sign: Sign) -> None:
        product("GIN")
        after(prepared(), slowed_down(3600))
        put(sqs, sign(done("", "ing-9")))
        (message,) = take(sqs)
        for _ in range(notifications.MOST_WAITS):
            assert message.state == "RECEIVED"
            notifications.handle(message.pk, sns=Unused(), clock=lambda moment=message.due_at: moment)  # type: ignore[misc]
            message.refresh_from_db()
        assert (message.state, alarms()) == ("ORPHAN", ["Notification of an unknown upload"])

    def test_replayed_has_no_second_effect(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        put(sqs, sign(done(report_host.put(ALL_GOOD))))
        (message,) = take(sqs)
        finished = asked(upload)
        assert notifications.replay(message, now=NOW)
        assert not notifications.replay(message, now=NOW)
        notifications.handle(message.pk, sns=Unused(), clock=lambda: NOW)
        message.refresh_from_db()
        assert (message.state, message.reason) == ("HANDLED", "Nothing new: this was known already.")
        again = CatalogUpload.objects.get(pk=upload.pk)
        assert (again.status, again.finished_at) == ("FINISHED", finished.finished_at)

    @pytest.mark.usefixtures("upload")
    def test_of_another_environment_is_not_replayed(self, sqs: Any, sign: Sign) -> None:
        put(sqs, sign(done("")))
        (message,) = take(sqs)
        CatalogMessage.objects.update(environment="test")
        assert not notifications.replay(message, now=NOW)
        message.refresh_from_db()
        assert message.state != "RECEIVED"


@pytest.mark.usefixtures("upload")
class TestAStrangersMessage:
    def refused(self, sqs: Any, body: str) -> str:
        put(sqs, body)
        message = take(sqs)[-1]
        assert (message.state, left(sqs)) == ("REFUSED", 0)
        assert alarms() == ["Message refused"]
        return message.reason

    def test_with_a_forged_signature(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        envelope = json.loads(sign(done(report_host.put(ALL_GOOD))))
        envelope["Message"] = envelope["Message"].replace("DONE", "FATAL")
        assert "does not belong to this message" in self.refused(sqs, json.dumps(envelope))
        upload.refresh_from_db()
        assert upload.ended_at is None

    def test_with_a_certificate_from_elsewhere(self, sqs: Any, sign: Sign) -> None:
        body = sign(done(""), SigningCertURL=f"https://sns.us-east-1.amazonaws.com.evil.example/{PEM}")
        assert "certificate" in self.refused(sqs, body)

    def test_of_another_topic(self, sqs: Any, sign: Sign) -> None:
        assert "topic" in self.refused(sqs, sign(done(""), TopicArn=TOPIC + "-other"))

    def test_without_a_signature(self, sqs: Any, sign: Sign) -> None:
        envelope = json.loads(sign(done("")))
        del envelope["Signature"], envelope["SignatureVersion"]
        self.refused(sqs, json.dumps(envelope))

    def test_where_no_topic_is_configured(
        self,
        sqs: Any,
        sign: Sign,
        settings: LazySettings,
    ) -> None:
        body = sign(done(""))
        settings.CATALOG_TOPIC_ARN = ""
        assert "CATALOG_TOPIC_ARN" in self.refused(sqs, body)

    def test_keeps_nothing_from_the_true_one(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        true = sign(done(report_host.put(ALL_GOOD)))
        put(sqs, json.dumps({**json.loads(true), "Signature": "AAAA"}), true)
        assert [message.state for message in take(sqs)] == ["REFUSED", "HANDLED"]
        assert asked(upload).status == "FINISHED"


class TestARawMessage:
    def test_is_not_believed_but_makes_us_ask(
        self, sqs: Any, upload: CatalogUpload, report_host: ReportHost, settings: LazySettings
    ) -> None:
        put(sqs, json.dumps(done("http://127.0.0.1:9/forged.json")))
        (message,) = take(sqs)
        assert (message.state, message.reason) == ("HANDLED", "It is not signed, so Amazon was asked at once.")
        upload.refresh_from_db()
        assert (upload.status, upload.due_at) == ("FOLLOWED", NOW)
        settings.CATALOG_REPORT_HOSTS = ["127.0.0.1"]
        assert asked(upload, state("DONE", report_host.put(ALL_GOOD)), times=2).told_by == "asking"

    def test_waits_for_a_step_that_runs_and_then_makes_us_ask(self, sqs: Any, upload: CatalogUpload) -> None:
        def meanwhile() -> Any:
            put(sqs, json.dumps(done("")))
            take(sqs, at=NOW + timedelta(seconds=61))
            return state("INPROGRESS")

        work(upload, CatalogClient(status=[meanwhile]), at=NOW + timedelta(seconds=60))
        upload.refresh_from_db()
        assert (upload.amazon_status, upload.due_at) == ("INPROGRESS", NOW + timedelta(seconds=180))

        message = CatalogMessage.objects.get()
        assert (message.state, "is asked once more" in message.reason) == ("RECEIVED", True)
        due_at = message.due_at or LATER
        notifications.handle(message.pk, sns=Unused(), clock=lambda: due_at)
        message.refresh_from_db()
        upload.refresh_from_db()
        assert (message.state, upload.due_at) == ("HANDLED", NOW + timedelta(seconds=91))


class TestTheSubscription:
    def confirmation(self, sign: Sign, type_: str = "SubscriptionConfirmation", **fields: str) -> str:
        return sign(
            "You have chosen to subscribe.",
            Type=type_,
            Token="a-token",
            SubscribeURL="http://127.0.0.1:9/steal-me",
            **fields,
        )

    def test_is_confirmed_by_snss_own_call(self, sqs: Any, sign: Sign, report_host: ReportHost) -> None:
        calls: list[dict[str, str]] = []

        class Sns:
            def confirm_subscription(self, **given: str) -> None:
                calls.append(given)

        put(sqs, self.confirmation(sign))
        (message,) = take(sqs, Sns())
        assert calls == [{"TopicArn": TOPIC, "Token": "a-token"}]
        assert (message.state, message.reason) == ("HANDLED", "The subscription is confirmed.")
        assert QueueReading.objects.get().confirmed_at == NOW
        assert all("steal" not in path for path in report_host.asked)

    def test_is_confirmed_with_moto(self, sqs: Any, sign: Sign, moto: str, settings: LazySettings) -> None:
        sns = boto3.client(
            "sns", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="A", aws_secret_access_key="s"
        )
        settings.CATALOG_TOPIC_ARN = sns.create_topic(Name="results")["TopicArn"]
        put(sqs, self.confirmation(sign, TopicArn=settings.CATALOG_TOPIC_ARN))
        assert take(sqs, sns)[0].state == "HANDLED"

    def test_of_another_topic_is_never_confirmed(self, sqs: Any, sign: Sign) -> None:
        put(sqs, self.confirmation(sign, TopicArn=TOPIC + "-other"))
        assert take(sqs)[0].state == "REFUSED"

    def test_that_amazon_does_not_take_is_told(self, sqs: Any, sign: Sign) -> None:
        put(sqs, self.confirmation(sign))
        error = {"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        (message,) = take(sqs, Failing(ClientError(error, "ConfirmSubscription")))
        assert (message.state, "InvalidParameter" in message.reason) == ("SET_ASIDE", True)
        assert alarms() == ["Subscription not confirmed"]

    def ended(self, sign: Sign) -> str:
        return self.confirmation(sign, "UnsubscribeConfirmation")

    def test_that_was_ended_is_told_with_what_to_do(self, sqs: Any, sign: Sign) -> None:
        take(sqs)
        QueueReading.objects.update(confirmed_at=NOW - timedelta(days=9))
        put(sqs, self.ended(sign))
        (message,) = take(sqs)
        assert (message.state, message.kind) == ("HANDLED", "UnsubscribeConfirmation")
        alarm = Alarm.objects.get()
        assert (alarm.kind, alarm.text) == ("Subscription ended", message.reason)
        assert "no notification arrives any more" in alarm.text
        assert "subscribe the queue again in the Merchant Portal" in alarm.text
        assert QueueReading.objects.get().confirmed_at is None

    def test_that_was_confirmed_again_since_is_not_taken_for_ended(self, sqs: Any, sign: Sign) -> None:
        put(sqs, self.ended(sign))
        notifications.receive(sqs=sqs, clock=lambda: NOW)
        confirmed_at = datetime.now(UTC) + timedelta(days=1)
        QueueReading.objects.update(confirmed_at=confirmed_at)
        handle_at(CatalogMessage.objects.get().pk, Unused(), NOW)
        assert (CatalogMessage.objects.get().state, alarms()) == ("HANDLED", [])
        assert QueueReading.objects.get().confirmed_at == confirmed_at

    def test_that_a_stranger_says_was_ended_goes_on(self, sqs: Any, sign: Sign) -> None:
        put(sqs, json.dumps({**json.loads(self.ended(sign)), "Signature": "AAAA"}))
        assert (take(sqs)[0].state, alarms()) == ("REFUSED", ["Message refused"])

    def test_waits_while_sns_is_away(self, sqs: Any, sign: Sign) -> None:
        put(sqs, self.confirmation(sign))
        (message,) = take(sqs, Failing(EndpointConnectionError(endpoint_url="https://sns")))
        assert (message.state, message.due_at) == ("RECEIVED", NOW + notifications.retry())
        tried_to_the_end(message, Failing(EndpointConnectionError(endpoint_url="https://sns")))
        assert (message.state, alarms()) == ("SET_ASIDE", ["Message set aside"])


class TestAMessageThatOurProgramFailsAt:
    def confirmation(self, sign: Sign) -> str:
        return sign("Subscribe.", Type="SubscriptionConfirmation", Token="a-token", SubscribeURL="http://127.0.0.1:9/")

    def test_is_set_aside_in_the_end_with_words_for_people(self, sqs: Any, sign: Sign) -> None:
        put(sqs, self.confirmation(sign))
        broken = Failing(RuntimeError("the payload's own words"))
        (message,) = take(sqs, broken)
        assert (message.state, message.due_at, alarms()) == ("RECEIVED", NOW + notifications.retry(), [])
        tried_to_the_end(message, broken)
        assert (message.state, message.tries, alarms()) == ("SET_ASIDE", 20, ["Message set aside"])
        assert message.reason == (
            "This program failed at it (RuntimeError); the log says where. Tell whoever looks after the program, and "
            "when it is mended choose “Work it again”."
        )
        assert notifications.due(now=NOW + timedelta(days=1)) == []

    def test_holds_up_no_other(self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost) -> None:
        put(sqs, self.confirmation(sign), sign(done(report_host.put(ALL_GOOD))), json.dumps(done("")))
        found = take(sqs, Failing(RuntimeError()))
        assert sorted(message.state for message in found) == ["HANDLED", "HANDLED", "RECEIVED"]
        assert asked(upload).status == "FINISHED"

    @pytest.mark.usefixtures("upload")
    def test_holds_up_no_other_even_when_the_failure_cannot_be_kept(self, sqs: Any) -> None:
        put(sqs, json.dumps(done("")), json.dumps(done("x")))
        moments = iter([OSError("the clock stopped")])

        def clock() -> datetime:
            for error in moments:
                raise error
            return NOW

        notifications.handle_each(notifications.receive(sqs=sqs, clock=lambda: NOW), sns=Unused(), clock=clock)
        assert sorted(CatalogMessage.objects.values_list("state", flat=True)) == ["HANDLED", "RECEIVED"]

    def test_that_ends_the_worker_each_time_is_set_aside_too(self, sqs: Any, sign: Sign) -> None:
        class Killed(BaseException):
            pass

        put(sqs, self.confirmation(sign))
        (pk,) = notifications.receive(sqs=sqs, clock=lambda: NOW)
        for tried in range(notifications.MAX_TRIES):
            with pytest.raises(Killed):
                handle_at(pk, Failing(Killed()), NOW + tried * notifications.retry())
        handle_at(pk, Unused(), NOW + notifications.MAX_TRIES * notifications.retry())
        message = CatalogMessage.objects.get()
        assert (message.state, alarms()) == ("SET_ASIDE", ["Message set aside"])
        assert "was cut short" in message.reason

    def test_is_worked_again_when_the_program_is_mended(self, sqs: Any, sign: Sign) -> None:
        class Sns:
            def confirm_subscription(self, **_: str) -> None:
                pass

        put(sqs, self.confirmation(sign))
        (message,) = take(sqs, Failing(RuntimeError()))
        tried_to_the_end(message, Failing(RuntimeError()))
        assert notifications.replay(message, now=LATER)
        handle_at(message.pk, Sns(), LATER)
        message.refresh_from_db()
        assert message.reason == "The subscription is confirmed."


def tried_to_the_end(message: CatalogMessage, sns: Any) -> None:
    for tried in range(1, notifications.MAX_TRIES):
        handle_at(message.pk, sns, NOW + tried * notifications.retry())
    message.refresh_from_db()


def handle_at(message_pk: int, sns: Any, moment: datetime) -> None:
    notifications.handle(message_pk, sns=sns, clock=lambda: moment)


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def confirm_subscription(self, **_: Any) -> None:
        raise self.error


POISON = {
    "no JSON": "<xml/>",
    "no object": "[1, 2]",
    "no ingestion ID": '{"processingStatus": "DONE"}',
    "a bomb": "[" * 100_000,
    "an odd type": json.dumps({"Type": "Surprise", "TopicArn": TOPIC, "Message": "x"}),
}


class TestAPoisonMessage:
    @pytest.mark.parametrize("body", POISON.values(), ids=POISON)
    def test_is_set_aside_with_its_reason(self, sqs: Any, body: str) -> None:
        put(sqs, body)
        (message,) = take(sqs)
        assert (message.state, message.body, left(sqs)) == ("SET_ASIDE", body, 0)
        assert message.reason
        assert alarms() == ["Message set aside"]
        assert Alarm.objects.get().link == f"/admin/catalog/catalogmessage/{message.pk}/change/"

    def test_holds_up_none_of_a_hundred_good_ones(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        good = [sign({"ingestionId": "ing-1", "processingStatus": "INPROGRESS"}) for _ in range(99)]
        put(sqs, *good[:50], "<xml/>", *good[50:], sign(done(report_host.put(ALL_GOOD))))
        found = [message.state for message in take(sqs)]
        assert (found.count("SET_ASIDE"), found.count("HANDLED"), left(sqs)) == (1, 100, 0)
        assert asked(upload).status == "FINISHED"


class TestTheCertificate:
    def test_away_keeps_the_message_for_later(
        self, sqs: Any, sign: Sign, upload: CatalogUpload, report_host: ReportHost
    ) -> None:
        body = sign(done(report_host.put(ALL_GOOD)))
        held = report_host.files.pop(f"/{PEM}")
        put(sqs, body)
        (message,) = take(sqs)
        assert (message.state, message.due_at) == ("RECEIVED", NOW + notifications.retry())
        report_host.files[f"/{PEM}"] = held
        signatures.CERTIFICATES = signatures.Certificates()
        later = NOW + notifications.retry()
        assert notifications.due(now=later) == [message.pk]
        notifications.handle(message.pk, sns=Unused(), clock=lambda: later)
        assert asked(upload).status == "FINISHED"


@pytest.mark.usefixtures("upload")
class TestTheQueue:
    def test_what_is_seen_of_it_is_kept(self, sqs: Any) -> None:
        put(sqs, json.dumps(done("")), json.dumps(done("x")))
        take(sqs)
        reading = QueueReading.objects.get()
        assert (reading.url, reading.depth) == (sqs_url(), 2)
        assert (reading.read_at, reading.last_message_at) == (NOW, NOW)
        assert reading.arn.startswith("arn:aws:sqs:us-east-1:")
        assert reading.oldest_sent_at is not None
        take(sqs, at=NOW + timedelta(minutes=1))
        later = QueueReading.objects.get()
        assert (later.depth, later.oldest_sent_at, later.last_message_at) == (0, None, NOW)

    def test_a_message_is_kept_before_it_leaves(self, sqs: Any) -> None:
        class Watched:
            """The queue, and what was kept when a message was taken from it."""

            kept: ClassVar[list[int]] = []

            def __getattr__(self, name: str) -> Any:
                return getattr(sqs, name)

            def delete_message(self, **given: str) -> None:
                self.kept.append(CatalogMessage.objects.count())
                sqs.delete_message(**given)

        put(sqs, json.dumps(done("")), "<xml/>")
        take(Watched())
        assert Watched.kept == [1, 2]
        assert left(sqs) == 0

    def test_what_was_kept_but_not_deleted_comes_again_and_is_the_same(self, sqs: Any) -> None:
        class Died(BaseException):
            pass

        class Dying:
            def __getattr__(self, name: str) -> Any:
                return getattr(sqs, name)

            def delete_message(self, **_: str) -> None:
                raise Died

        put(sqs, json.dumps(done("")))
        with pytest.raises(Died):
            notifications.receive(sqs=Dying(), clock=lambda: NOW)
        (kept,) = CatalogMessage.objects.all()
        assert notifications.due(now=NOW) == [kept.pk]
        put(sqs, json.dumps(done("")))
        (message,) = take(sqs, at=NOW + timedelta(hours=1))
        assert (message.pk, message.times) == (kept.pk, 2)

    def test_a_reader_that_is_gone_holds_up_the_next_for_seconds(self, sqs: Any) -> None:
        gone = lease.take(notifications.LEASE, now=NOW, until=NOW + timedelta(seconds=8))
        put(sqs, json.dumps(done("")))
        assert take(sqs, at=NOW + timedelta(seconds=7)) == []
        assert len(take(sqs, at=NOW + timedelta(seconds=8))) == 1
        assert gone is not None
        with pytest.raises(lease.LeaseLost):
            gone.keep(until=NOW)

    def test_who_was_taken_for_gone_reads_no_further(self, sqs: Any) -> None:
        class Slow:
            """The queue, so slow that somebody else has begun to read it."""

            def __getattr__(self, name: str) -> Any:
                return getattr(sqs, name)

            def receive_message(self, **asked: Any) -> Any:
                later = NOW + timedelta(minutes=1)
                assert lease.take(notifications.LEASE, now=later, until=later + timedelta(minutes=1)) is not None
                return sqs.receive_message(**asked)

        put(sqs, *(json.dumps(done("", f"ing-{number}")) for number in range(11)))
        assert notifications.receive(sqs=Slow(), clock=lambda: NOW) == []
        kept = [message.pk for message in CatalogMessage.objects.order_by("pk")]
        assert (len(kept), sorted(notifications.due(now=NOW)), left(sqs)) == (10, kept, 1)

    def test_away_is_told_after_some_minutes_and_uploads_are_asked_about(self, sqs: Any) -> None:
        class Away:
            def get_queue_attributes(self, **_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="https://sqs")

        assert notifications.receive(sqs=Away(), clock=lambda: NOW) == []
        assert alarms() == []
        assert notifications.receive(sqs=Away(), clock=lambda: NOW + notifications.PROBLEM_AFTER) == []
        assert alarms() == ["Notification queue away"]
        put(sqs, json.dumps(done("")))
        take(sqs, at=NOW + timedelta(minutes=10))
        assert QueueReading.objects.get().problem == ""

    def test_its_dead_letter_queue_is_counted_and_told_of_when_it_grows(self, sqs: Any) -> None:
        dead = with_dead_letter_queue(sqs)
        take(sqs)
        assert (QueueReading.objects.get().dead_letters, alarms()) == (0, [])
        for count in (1, 2):
            sqs.send_message(QueueUrl=dead, MessageBody="<xml/>")
            for _ in range(2):
                take(sqs)
            assert QueueReading.objects.get().dead_letters == count
        alarm = Alarm.objects.get()
        assert (alarm.kind, alarm.times) == ("Messages in the dead-letter queue", 2)
        assert "choose “Bring back what was set aside by the queue”" in alarm.text

    def test_a_dead_letter_queue_that_cannot_be_read_holds_up_nothing(self, sqs: Any) -> None:
        sqs.delete_queue(QueueUrl=with_dead_letter_queue(sqs))
        put(sqs, json.dumps(done("")))
        assert len(take(sqs)) == 1
        reading = QueueReading.objects.get()
        assert (reading.dead_letters, reading.problem) == (None, "")
        assert "cannot be read: AWS.SimpleQueueService.NonExistentQueue." in reading.dead_letter_problem

    def test_what_it_set_aside_is_brought_back_once(self, sqs: Any) -> None:
        moving = Moving(sqs)
        sqs.send_message(QueueUrl=with_dead_letter_queue(sqs), MessageBody="<xml/>")
        take(moving)
        assert moving.asked == []
        assert notifications.bring_back(now=NOW) == 1
        take(moving)
        take(moving)
        (asked_of,) = moving.asked
        assert asked_of.endswith("-dead")
        assert alarms() == ["Messages in the dead-letter queue"]

    def test_what_cannot_be_brought_back_is_told_with_what_to_do(self, sqs: Any) -> None:
        moving = Moving(sqs, ClientError({"Error": {"Code": "AccessDenied"}}, "StartMessageMoveTask"))
        sqs.send_message(QueueUrl=with_dead_letter_queue(sqs), MessageBody="<xml/>")
        take(moving)
        notifications.bring_back(now=NOW)
        put(sqs, json.dumps(done("")))
        assert len(take(moving)) == 1
        text = Alarm.objects.get(kind="Dead-letter queue not brought back").text
        assert "AccessDenied. The role needs sqs:StartMessageMoveTask" in text
        assert QueueReading.objects.get().bring_back_at is None

    def test_not_set_up_is_not_asked(self, settings: LazySettings) -> None:
        settings.CATALOG_QUEUE_URL = ""
        assert notifications.receive(sqs=object(), clock=lambda: NOW) == []


def with_dead_letter_queue(sqs: Any) -> str:
    """Gives the queue a dead-letter queue; its address."""
    name = sqs_url().rpartition("/")[2] + "-dead"
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive_policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=sqs_url(), Attributes={"RedrivePolicy": redrive_policy})
    return url


class Moving:
    """The queue, with the one call that moto does not know."""

    def __init__(self, sqs: Any, error: ClientError | None = None) -> None:
        self.sqs, self.error = sqs, error
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqs, name)

    def start_message_move_task(self, *, SourceArn: str) -> None:  # noqa: N803  as boto3 has it
        self.asked.append(SourceArn)
        if self.error:
            raise self.error
