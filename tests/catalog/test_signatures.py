"""Signatures of SNS: made by hand after AWS's guide, and by moto's SNS over HTTP."""

import base64
import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

from catalog import signatures
from catalog.signatures import Certificates, CertificateUnavailable, Forged, NotSigned
from tests.jwo_store.test_amazon import Behaviour, Wire, answering, free_port

TOPIC = "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM_NAME = "SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
HOSTS = ("sns.us-east-2.amazonaws.com",)

NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "4d4dc071-ddbf-465d-bba8-08f81c89da64",
    "TopicArn": TOPIC,
    "Message": 'My "Test"\nMessage € ü',
    "Timestamp": "2026-01-31T04:37:04.321Z",
    "SigningCertURL": f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}",
    "UnsubscribeURL": "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe",
}
NOTIFICATION_TEXT = f"""Message
My "Test"
Message € ü
MessageId
4d4dc071-ddbf-465d-bba8-08f81c89da64
Timestamp
2026-01-31T04:37:04.321Z
TopicArn
{TOPIC}
Type
Notification
"""
WITH_SUBJECT = {**NOTIFICATION, "Subject": "My subject"}
WITH_SUBJECT_TEXT = NOTIFICATION_TEXT.replace("Timestamp\n", "Subject\nMy subject\nTimestamp\n")

CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "3d891288-136d-417f-bc05-901c108273ee",
    "Token": "233",
    "TopicArn": TOPIC,
    "Message": "You have chosen to subscribe.",
    "SubscribeURL": f"https://sns.us-east-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=233",
    "Timestamp": "2026-01-31T19:25:13.719Z",
    "SigningCertURL": f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}",
}
CONFIRMATION_TEXT = f"""Message
You have chosen to subscribe.
MessageId
3d891288-136d-417f-bc05-901c108273ee
SubscribeURL
https://sns.us-east-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=233
Timestamp
2026-01-31T19:25:13.719Z
Token
233
TopicArn
{TOPIC}
Type
SubscriptionConfirmation
"""
UNSUBSCRIBED = {**CONFIRMATION, "Type": "UnsubscribeConfirmation"}
UNSUBSCRIBED_TEXT = CONFIRMATION_TEXT.replace("SubscriptionConfirmation", "UnsubscribeConfirmation")

MESSAGES = [
    pytest.param(NOTIFICATION, NOTIFICATION_TEXT, id="notification"),
    pytest.param(WITH_SUBJECT, WITH_SUBJECT_TEXT, id="notification with a subject"),
    pytest.param(CONFIRMATION, CONFIRMATION_TEXT, id="subscription confirmation"),
    pytest.param(UNSUBSCRIBED, UNSUBSCRIBED_TEXT, id="unsubscribe confirmation"),
]


def certified(key: Any = KEY, *, valid_from: datetime = NOW - timedelta(90), valid_until: datetime = NOW) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, valid_from, valid_until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CERTIFICATE = certified(valid_until=NOW + timedelta(90))


def signed(message: dict[str, str], text: str, version: str = "1", key: rsa.RSAPrivateKey = KEY) -> dict[str, str]:
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  AWS signs so
    signature = key.sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**message, "SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}


# The signature


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("message", "text"), MESSAGES)
def test_what_was_signed_is_believed(message: dict[str, str], text: str, version: str) -> None:
    assert signatures.canonical(message).decode() == text
    signatures.verify(signed(message, text, version), CERTIFICATE, now=NOW)


COVERED = [
    *((WITH_SUBJECT, WITH_SUBJECT_TEXT, name) for name in signatures.SIGNED_FIELDS["Notification"]),
    *((CONFIRMATION, CONFIRMATION_TEXT, name) for name in signatures.SIGNED_FIELDS["SubscriptionConfirmation"]),
]


@pytest.mark.parametrize(("message", "text", "name"), [case for case in COVERED if case[2] != "Type"])
def test_no_field_that_counts_can_be_changed(message: dict[str, str], text: str, name: str) -> None:
    changed = {**signed(message, text), name: message[name] + " "}
    with pytest.raises(Forged, match=r"^The signature does not belong to this message\.$"):
        signatures.verify(changed, CERTIFICATE, now=NOW)


def test_a_confirmation_is_not_taken_for_its_opposite() -> None:
    with pytest.raises(Forged):
        signatures.verify(
            {**signed(CONFIRMATION, CONFIRMATION_TEXT), "Type": "UnsubscribeConfirmation"}, CERTIFICATE, now=NOW
        )


def test_a_subject_can_be_neither_added_nor_taken_away() -> None:
    added = {**signed(NOTIFICATION, NOTIFICATION_TEXT), "Subject": ""}
    taken = {name: text for name, text in signed(WITH_SUBJECT, WITH_SUBJECT_TEXT).items() if name != "Subject"}
    for message in (added, taken):
        with pytest.raises(Forged):
            signatures.verify(message, CERTIFICATE, now=NOW)


def test_what_the_signature_does_not_cover_does_not_matter() -> None:
    message = {**signed(NOTIFICATION, NOTIFICATION_TEXT), "UnsubscribeURL": "https://evil.example/", "New": "x"}
    signatures.verify(message, CERTIFICATE, now=NOW)


def test_the_hash_is_the_one_that_the_version_names() -> None:
    with pytest.raises(Forged):
        signatures.verify(
            {**signed(NOTIFICATION, NOTIFICATION_TEXT, "2"), "SignatureVersion": "1"}, CERTIFICATE, now=NOW
        )


def test_another_key_signs_for_nobody() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(Forged, match="does not belong"):
        signatures.verify(signed(NOTIFICATION, NOTIFICATION_TEXT, key=stranger), CERTIFICATE, now=NOW)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Signature": None}, "The message is not signed."),
        (
            {"SignatureVersion": None},
            "The message is signed in no way that we know (SignatureVersion is neither 1 nor 2).",
        ),
        (
            {"SignatureVersion": "3"},
            "The message is signed in no way that we know (SignatureVersion is neither 1 nor 2).",
        ),
        ({"Type": None}, "The message is of no type that Amazon SNS signs."),
        ({"Type": "notification"}, "The message is of no type that Amazon SNS signs."),
        (
            {"MessageId": None, "Timestamp": None},
            "The message lacks what its signature covers (MessageId, Timestamp).",
        ),
    ],
)
def test_without_a_whole_signature_there_is_none(change: dict[str, str | None], sentence: str) -> None:
    message = {**signed(NOTIFICATION, NOTIFICATION_TEXT), **change}
    with pytest.raises(NotSigned) as caught:
        signatures.verify({name: text for name, text in message.items() if text is not None}, CERTIFICATE, now=NOW)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("signature", ["", "x", "####", "\u00fc", "AAAA", "\ud800"])
def test_a_signature_that_is_none_is_forged(signature: str) -> None:
    with pytest.raises(Forged):
        signatures.verify({**signed(NOTIFICATION, NOTIFICATION_TEXT), "Signature": signature}, CERTIFICATE, now=NOW)


def test_text_that_no_encoding_knows_is_forged() -> None:
    with pytest.raises(Forged):
        signatures.verify({**signed(NOTIFICATION, NOTIFICATION_TEXT), "Message": "\ud800"}, CERTIFICATE, now=NOW)


# The certificate


def test_a_certificate_is_good_only_in_its_time() -> None:
    message = signed(NOTIFICATION, NOTIFICATION_TEXT)
    certificate = certified(valid_from=NOW - timedelta(90), valid_until=NOW)
    for now in (NOW, NOW - timedelta(90)):
        signatures.verify(message, certificate, now=now)
    for now in (NOW + timedelta(seconds=1), NOW - timedelta(90, 1)):
        with pytest.raises(Forged) as caught:
            signatures.verify(message, certificate, now=now)
        assert str(caught.value) == (
            "The signature's certificate is not valid now (but from 2025-11-03 to 2026-02-01)."
        )


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        (b"", "The signature's certificate cannot be read."),
        (b"<html>", "The signature's certificate cannot be read."),
        (CERTIFICATE[:-100], "The signature's certificate cannot be read."),
        (
            certified(ec.generate_private_key(ec.SECP256R1()), valid_until=NOW + timedelta(1)),
            "The signature's certificate is not of the kind that Amazon SNS uses.",
        ),
    ],
    ids=["nothing", "a page", "cut", "another kind of key"],
)
def test_what_is_no_certificate_proves_nothing(certificate: bytes, sentence: str) -> None:
    with pytest.raises(Forged) as caught:
        signatures.verify(signed(NOTIFICATION, NOTIFICATION_TEXT), certificate, now=NOW)
    assert str(caught.value) == sentence


# Where the certificate stands


@pytest.mark.parametrize(
    ("topic", "endpoint", "hosts"),
    [
        (TOPIC, "", ("sns.us-east-2.amazonaws.com",)),
        (f"{TOPIC}.fifo", "", ("sns.us-east-2.amazonaws.com",)),
        ("arn:aws-cn:sns:cn-north-1:123456789012:t", "", ("sns.cn-north-1.amazonaws.com.cn",)),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:t", "", ("sns.us-gov-west-1.amazonaws.com",)),
        (TOPIC, "http://127.0.0.1:4100", ("sns.us-east-2.amazonaws.com", "127.0.0.1")),
        (TOPIC, "http://[::1]:4100/", ("sns.us-east-2.amazonaws.com", "[::1]")),
        (TOPIC, "http://user@127.0.0.1:4100", ("sns.us-east-2.amazonaws.com",)),
    ],
)
def test_certificates_stand_with_the_topics_sns(topic: str, endpoint: str, hosts: tuple[str, ...]) -> None:
    assert signatures.signing_hosts(topic, sns_endpoint=endpoint) == hosts


@pytest.mark.parametrize(
    "topic",
    ["", "t", "arn:aws:sqs:us-east-1:123456789012:t", f"{TOPIC}:sub", "arn:aws:sns:evil.example/:123456789012:t"],
)
def test_what_is_no_topic_has_no_certificates(topic: str) -> None:
    with pytest.raises(ValueError, match="no ARN of an SNS topic"):
        signatures.signing_hosts(topic)


@pytest.mark.parametrize(
    ("url", "http_allowed"),
    [
        (f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}", False),
        (f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}", True),
        (f"http://127.0.0.1:4100/{PEM_NAME}", True),
        (f"http://127.0.0.1/{PEM_NAME}", True),
        (f"https://127.0.0.1:4100/{PEM_NAME}", True),
    ],
)
def test_a_certificate_may_stand_there(url: str, *, http_allowed: bool) -> None:
    message = {**NOTIFICATION, "SigningCertURL": url}
    found = signatures.certificate_url(message, allowed_hosts=(*HOSTS, "127.0.0.1"), http_allowed=http_allowed)
    assert found == url


NOT_THERE = "The signature's certificate does not stand where Amazon SNS keeps them."
NOT_SAFE = "The signature's certificate does not stand behind https."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com/x/{PEM_NAME}", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com//{PEM_NAME}", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com/x/../{PEM_NAME}", NOT_THERE),
        ("https://sns.us-east-2.amazonaws.com/SimpleNotificationService-.pem", NOT_THERE),
        ("https://sns.us-east-2.amazonaws.com/SimpleNotificationService-xyz.pem", NOT_THERE),
        ("https://sns.us-east-2.amazonaws.com/evil.pem", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}?Action=x", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}#x", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com/{PEM_NAME}\n", NOT_THERE),
        (f"https://user@sns.us-east-2.amazonaws.com/{PEM_NAME}", NOT_THERE),
        (f"https://sns.us-east-2.amazonaws.com@evil.example/{PEM_NAME}", NOT_THERE),
        (f"https://evil.example\\@sns.us-east-2.amazonaws.com/{PEM_NAME}", NOT_THERE),
        (f"ftp://sns.us-east-2.amazonaws.com/{PEM_NAME}", NOT_THERE),
        (f"http://sns.us-east-2.amazonaws.com/{PEM_NAME}", NOT_SAFE),
        (f"https://sns.us-east-2.amazonaws.com:8443/{PEM_NAME}", NOT_SAFE),
        (f"http://127.0.0.1:4100/{PEM_NAME}", NOT_SAFE),
        (f"http://10.0.0.1/{PEM_NAME}", NOT_SAFE),
        *(
            (
                f"https://{host}/{PEM_NAME}",
                f"The signature's certificate stands with {host}, not with our topic's Amazon SNS.",
            )
            for host in (
                "sns.us-east-1.amazonaws.com",
                "sns.us-east-2.amazonaws.com.cn",
                "sns.us-east-2.amazonaws.com.evil.example",
                "evilsns.us-east-2.amazonaws.com",
                "bucket.s3.amazonaws.com",
                "[::1]",
            )
        ),
    ],
)
def test_a_certificate_that_stands_elsewhere_is_forged(url: str, sentence: str) -> None:
    message = {**NOTIFICATION, "SigningCertURL": url}
    with pytest.raises(Forged) as caught:
        signatures.certificate_url(message, allowed_hosts=(*HOSTS, "127.0.0.1", "10.0.0.1"), http_allowed=False)
    assert str(caught.value) == sentence


def test_even_the_sandbox_reaches_amazon_by_https_alone() -> None:
    message = {**NOTIFICATION, "SigningCertURL": f"http://sns.us-east-2.amazonaws.com/{PEM_NAME}"}
    with pytest.raises(Forged) as caught:
        signatures.certificate_url(message, allowed_hosts=HOSTS, http_allowed=True)
    assert str(caught.value) == NOT_SAFE


def test_a_message_that_names_no_certificate_is_not_signed() -> None:
    message = {name: text for name, text in NOTIFICATION.items() if name != "SigningCertURL"}
    with pytest.raises(NotSigned, match="SigningCertURL"):
        signatures.certificate_url(message, allowed_hosts=HOSTS, http_allowed=False)


# Fetching it


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Wire]]:
    servers: list[Wire] = []

    def start(behave: Behaviour) -> Wire:
        servers.append(Wire(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[[Behaviour], Wire]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def fetched(certificates: Certificates, url: str) -> bytes:
    return certificates.get(url, allowed_hosts=["127.0.0.1"], http_allowed=True)


def refusal(certificates: Certificates, url: str) -> str:
    with pytest.raises(CertificateUnavailable) as caught:
        fetched(certificates, url)
    return str(caught.value)


def test_a_certificate_is_fetched_once(serve: Serve) -> None:
    server = serve(answering(200, CERTIFICATE))
    certificates = Certificates()
    assert [fetched(certificates, f"{server.url}/a.pem") for _ in range(3)] == [CERTIFICATE] * 3
    assert fetched(certificates, f"{server.url}/b.pem") == CERTIFICATE
    assert [request.path for request in server.requests] == ["/a.pem", "/b.pem"]


def test_a_failure_stands_for_seconds_only(serve: Serve) -> None:
    server = serve(answering(503))
    clock = Clock()
    certificates = Certificates(clock)
    sentence = "The signature's certificate could not be fetched. The file's host cannot give it just now (503)."

    assert refusal(certificates, server.url) == sentence
    server.behave = answering(200, CERTIFICATE)
    clock.seconds = 2.9
    assert refusal(certificates, server.url) == sentence
    assert len(server.requests) == 1
    clock.seconds = 3.0
    assert fetched(certificates, server.url) == CERTIFICATE


@pytest.mark.parametrize(
    ("behave", "end"),
    [
        (answering(404), ". There is no file behind the link (404)."),
        (answering(403), ". The link is no longer good (403). Ask for a fresh one."),
        (answering(302, Location="/"), ". The link leads on to another address (302), which is never followed."),
        (answering(200, b"x" * 16_385), ". The file is larger than 16,384 bytes, the most we take."),
        (answering(200, b"<html>"), ": what came is none."),
        (answering(200, b""), ": what came is none."),
    ],
    ids=["not there", "not given", "elsewhere", "too large", "a page", "empty"],
)
def test_what_is_no_certificate_is_not_kept(serve: Serve, behave: Behaviour, end: str) -> None:
    certificates = Certificates()
    assert refusal(certificates, serve(behave).url) == f"The signature's certificate could not be fetched{end}"
    assert certificates._held == {}


def test_an_sns_that_is_down_is_no_forgery() -> None:
    reason = refusal(Certificates(), f"http://127.0.0.1:{free_port()}/{PEM_NAME}")
    assert reason == (
        "The signature's certificate could not be fetched. "
        "The file's host could not be reached: the connection was refused."
    )


def test_no_more_certificates_are_held_than_needed(serve: Serve) -> None:
    server = serve(answering(200, CERTIFICATE))
    certificates = Certificates()
    for number in range(40):
        fetched(certificates, f"{server.url}/{number}")
    assert list(certificates._held) == [f"{server.url}/{number}" for number in range(8, 40)]
    server.behave = answering(404)
    for number in range(40, 80):
        refusal(certificates, f"{server.url}/{number}")
    assert len(certificates._failed) == 32
    assert fetched(certificates, f"{server.url}/39") == CERTIFICATE


# A message that SNS itself has signed


@pytest.fixture(scope="module")
def aws() -> Iterator[int]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


def delivered(port: int, text: str) -> dict[str, str]:
    """What comes out of a queue after the text was published to a topic."""
    place = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "region_name": "eu-west-1",
        "aws_access_key_id": "x",
        "aws_secret_access_key": "x",
    }
    sns, sqs = boto3.client("sns", **place), boto3.client("sqs", **place)
    topic = sns.create_topic(Name="results")["TopicArn"]
    queue = sqs.create_queue(QueueName="results")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message=text)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    content: dict[str, str] = json.loads(message["Body"])
    return content


def certificate_of_moto(port: int, url: str) -> bytes:
    """Moto serves it at its own address, to a request whose scope names the service and the region."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    scope = "AWS4-HMAC-SHA256 Credential=x/20260201/eu-west-1/sns/aws4_request, SignedHeaders=host, Signature=x"
    connection.request("GET", urlsplit(url).path, headers={"Authorization": scope})
    response = connection.getresponse()
    assert response.status == 200
    return response.read()


def test_a_message_that_sns_has_signed_is_believed(aws: int) -> None:
    message = delivered(aws, '{"ingestionId": "ing-1"}\n“ü”')
    hosts = signatures.signing_hosts(message["TopicArn"])
    url = signatures.certificate_url(message, allowed_hosts=hosts, http_allowed=False)
    certificate = certificate_of_moto(aws, url)

    signatures.verify(message, certificate, now=datetime.now(UTC))

    with pytest.raises(Forged, match="does not belong"):
        signatures.verify({**message, "Message": '{"ingestionId": "ing-2"}'}, certificate, now=datetime.now(UTC))
    with pytest.raises(Forged, match="not valid now"):
        signatures.verify(message, certificate, now=datetime.now(UTC) + timedelta(400))
