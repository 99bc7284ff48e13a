import json
import time
from typing import Any

import pytest

from catalog import notices
from catalog.notices import Envelope, Malformed, Notice, RawNotice

LINK = "https://example-bucket.s3.amazonaws.com/r.json?X-Amz-Expires=3600&X-Amz-Signature=5eC4e7"
TOPIC = "arn:aws:sns:us-east-1:999988887777:amazon-gives-this"
INNER = {"ingestionId": "ing-0001", "processingStatus": "DONE", "reportDownloadLink": LINK}
NOTICE = Notice("ing-0001", "DONE", LINK)
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "5b1c0a52-0001",
    "TopicArn": TOPIC,
    "Subject": "Results",
    "Message": json.dumps(INNER),
    "Timestamp": "2026-02-01T10:15:00.000Z",
    "SignatureVersion": "1",
    "Signature": "x",
    "SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem",
}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "5b1c0a52-0002",
    "TopicArn": TOPIC,
    "Token": "2336412f37fb",
    "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
    "Message": "You have chosen to subscribe.\nTo confirm, visit the SubscribeURL.",
    "Timestamp": "2026-02-01T10:00:00.000Z",
}


def notice(inner: dict[str, Any]) -> Notice:
    """Of a raw delivery; an envelope around it must not change what is read."""
    raw = notices.read(json.dumps(inner))
    wrapped = notices.read(json.dumps({**NOTIFICATION, "Message": json.dumps(inner)}))
    assert isinstance(raw, RawNotice)
    assert isinstance(wrapped, Envelope)
    assert wrapped.notice == raw.notice
    return raw.notice


def reason(body: str) -> str:
    with pytest.raises(Malformed) as caught:
        notices.read(body)
    assert caught.value.__cause__ is None
    return str(caught.value)


# Envelopes


def test_a_notification_is_read_with_what_is_inside() -> None:
    assert notices.read(json.dumps(NOTIFICATION)) == Envelope(
        type="Notification",
        message_id="5b1c0a52-0001",
        topic_arn=TOPIC,
        notice=NOTICE,
        token="",
        fields=NOTIFICATION,
    )


@pytest.mark.parametrize("type_", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_confirmation_has_a_token_and_no_notice(type_: str) -> None:
    envelope = notices.read(json.dumps({**CONFIRMATION, "Type": type_}))
    assert isinstance(envelope, Envelope)
    assert (envelope.type, envelope.token, envelope.notice) == (type_, "2336412f37fb", None)
    assert envelope.fields == {**CONFIRMATION, "Type": type_}


def test_fields_without_a_text_are_left_out() -> None:
    envelope = notices.read(json.dumps({**NOTIFICATION, "Subject": None, "MessageAttributes": {"a": 1}}))
    assert isinstance(envelope, Envelope)
    assert set(envelope.fields) == set(NOTIFICATION) - {"Subject"}


def test_neither_link_nor_token_is_shown() -> None:
    shown = repr(notices.read(json.dumps(NOTIFICATION))) + repr(notices.read(json.dumps(CONFIRMATION)))
    assert "ing-0001" in shown
    assert [secret for secret in ("5eC4e7", "2336412f37fb") if secret in shown] == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Type": "Other"}, "The message is of a type that Amazon SNS does not send."),
        ({"Type": "notification"}, "The message is of a type that Amazon SNS does not send."),
        ({"Type": 1}, "The message is of a type that Amazon SNS does not send."),
        ({"MessageId": ""}, "The message has no MessageId."),
        ({"MessageId": None}, "The message has no MessageId."),
        ({"MessageId": "m" * 256}, "The message's MessageId is longer than 255 characters."),
        ({"TopicArn": 7}, "The message has no TopicArn."),
        ({"TopicArn": "t" * 401}, "The message's TopicArn is longer than 400 characters."),
        ({"Message": ""}, "The message has no Message."),
        ({"Message": {"ingestionId": "ing-0001"}}, "The message has no Message."),
        ({"Message": "Hello"}, "The text inside the notification is not JSON."),
        ({"Message": "[]"}, "The text inside the notification is JSON, but not one object with named fields."),
        ({"Message": "{}"}, "The message names no ingestion (ingestionId)."),
        ({"Message": "[" * 100_000}, "The text inside the notification is nested too deeply to be read."),
        ({"Subject": "\ud800"}, "The message holds characters that are no text (Subject)."),
        ({"Signature": "a\x00"}, "The message holds characters that are no text (Signature)."),
        ({"New\x1b[1m\ud800": "x"}, "The message holds characters that are no text (New[1m)."),
        ({"Type": "SubscriptionConfirmation"}, "The message has no Token."),
        (
            {"Type": "SubscriptionConfirmation", "Token": "t" * 4097},
            "The message's Token is longer than 4096 characters.",
        ),
    ],
)
def test_a_broken_envelope_is_named(change: dict[str, Any], sentence: str) -> None:
    assert reason(json.dumps({**NOTIFICATION, **change})) == sentence


# The notice inside


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        pytest.param(INNER, NOTICE, id="as in the status call"),
        pytest.param({"ingestionId": "i"}, Notice("i", "", ""), id="an ID alone"),
        pytest.param({"IngestionID": "i", "STATUS": "DONE", "Url": "u"}, Notice("i", "DONE", "u"), id="other capitals"),
        pytest.param(
            {"ingestion_id": "i", "processing_status": "DONE", "report-download-link": "u"},
            Notice("i", "DONE", "u"),
            id="underscores and hyphens",
        ),
        pytest.param({"ingestionId": "i", "reportUrl": "u"}, Notice("i", "", "u"), id="reportUrl"),
        pytest.param(
            {"version": "0", "detail": {"ingestionId": "i", "status": "FATAL"}}, Notice("i", "FATAL", ""), id="detail"
        ),
        pytest.param(
            {"ingestionId": "i", "data": {"status": "DONE", "reportUrl": "u"}}, Notice("i", "DONE", "u"), id="data"
        ),
        pytest.param({"status": "OUTER", **INNER}, NOTICE, id="the better name counts"),
        pytest.param({"status": "OUTER", "detail": INNER}, NOTICE, id="the better name counts, though further inside"),
        pytest.param(
            {"ingestionId": "i", "status": "OUTER", "detail": {"status": "INNER"}},
            Notice("i", "OUTER", ""),
            id="of one name the outer counts",
        ),
        pytest.param({"ingestionId": 17, "status": None, "url": ""}, Notice("17", "", ""), id="a number and nothings"),
        pytest.param({"ingestionId": " i\n", "status": True, "url": []}, Notice("i", "", ""), id="blanks and no texts"),
        pytest.param(
            {"ingestionId": "i", "ingestion_id": "i", "detail": {"ingestionId": "i"}},
            Notice("i", "", ""),
            id="the same ID again",
        ),
        pytest.param({"ingestionId": "i" * 255, "status": "ü" * 255}, Notice("i" * 255, "ü" * 255, ""), id="long"),
        pytest.param({"Type": "Notification", "ingestionId": "i"}, Notice("i", "", ""), id="a Type without a topic"),
    ],
)
def test_a_notice_is_found_under_likely_names(inner: dict[str, Any], expected: Notice) -> None:
    assert notice(inner) == expected


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        ({}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": ""}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": None}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": ["i"]}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": 1.5}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": True}, "The message names no ingestion (ingestionId)."),
        ({"id": "i"}, "The message names no ingestion (ingestionId)."),
        ({"a": {"b": {"ingestionId": "i"}}}, "The message names no ingestion (ingestionId)."),
        ({"a": [{"ingestionId": "i"}]}, "The message names no ingestion (ingestionId)."),
        ({"ingestionId": "i", "ingestion_id": "j"}, "The message names more than one ingestion."),
        ({"ingestionId": "i", "detail": {"ingestionId": "j"}}, "The message names more than one ingestion."),
        ({"ingestionId": "i" * 256}, "The message's ingestion ID is longer than 255 characters."),
        ({"ingestionId": 10**300}, "The message's ingestion ID is longer than 255 characters."),
        ({"ingestionId": "i", "status": "s" * 256}, "The message's status is longer than 255 characters."),
        ({"ingestionId": "i", "url": "u" * 8193}, "The message's report link is longer than 8192 characters."),
        ({"ingestionId": "i\x1b[1m"}, "The message's ingestion ID holds characters that are no text."),
        ({"ingestionId": "i\u0000"}, "The message's ingestion ID holds characters that are no text."),
        ({"ingestionId": "\ud800"}, "The message's ingestion ID holds characters that are no text."),
        ({"ingestionId": "i", "status": "a\nb"}, "The message's status holds characters that are no text."),
        ({"ingestionId": "i", "url": "u\u202e"}, "The message's report link holds characters that are no text."),
    ],
)
def test_a_raw_message_that_says_nothing_usable_is_named(inner: dict[str, Any], sentence: str) -> None:
    assert reason(json.dumps(inner)) == sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "The message is not JSON."),
        ("hello", "The message is not JSON."),
        ('{"ingestionId": "i"', "The message is not JSON."),
        ('\ufeff{"ingestionId": "i"}', "The message is not JSON."),
        ('{"n": ' + "9" * 5000 + "}", "The message is not JSON."),
        ("null", "The message is JSON, but not one object with named fields."),
        ('"ingestionId"', "The message is JSON, but not one object with named fields."),
        ('[{"ingestionId": "i"}]', "The message is JSON, but not one object with named fields."),
        ("[" * 100_000, "The message is nested too deeply to be read."),
        ('{"a":' * 100_000, "The message is nested too deeply to be read."),
        ('{"ingestionId": "\ud800"}', "The message holds characters that are no text."),
        ('{"ingestionId": "\x00"}', "The message holds characters that are no text."),
        (" " * 1_048_577, "The message is longer than a queue can carry."),
    ],
)
def test_what_is_no_message_is_named(body: str, sentence: str) -> None:
    assert reason(body) == sentence


def test_the_largest_message_is_read_in_no_time() -> None:
    inner = {f"field {number}": {"a": number} for number in range(30_000)} | {"z": {"ingestionId": "i"}}
    body = json.dumps(inner)
    assert 600_000 < len(body) < notices.MAX_BODY
    began = time.perf_counter()
    assert notices.read(body) == RawNotice(Notice("i", "", ""))
    assert time.perf_counter() - began < 2
