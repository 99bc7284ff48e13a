"""Each way of the catalog to go wrong, as a caller and a reader of the queue sees it."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.server import Sandbox
from tests.sandbox_checks.fake_product import control
from tests.sandbox_checks.retailer import (
    archive,
    failures,
    ingestion_id,
    is_signed,
    item,
    known,
    read_link,
    receive,
    status,
    subscribe,
    upload,
)


def turn_on(sandbox: Sandbox, mode: str, **more: Any) -> Any:
    return control(sandbox.url, "POST", "misbehaviour", {"mode": mode, **more})


def calls(sandbox: Sandbox) -> list[tuple[Any, ...]]:
    """Kind, status and mode of every call so far, those of ingestions first."""
    told = control(sandbox.url, "GET", "catalog")
    noted = [one for ingestion in reversed(told["ingestions"]) for one in ingestion["calls"]] + told["stray_calls"]
    return [(one["call"], one["status"], one["mode"]) for one in noted]


def envelopes(sandbox: Sandbox) -> list[dict[str, str]]:
    return [json.loads(body) for body in receive(sandbox)]


def told_by(envelope: dict[str, str]) -> tuple[str, str]:
    told = json.loads(envelope["Message"])
    return told["ingestionId"], told["processingStatus"]


# The three calls

INSTEAD = [
    # mode, options, status, words, headers
    ("catalog_400", {"error": "Invalid request body"}, 400, "Invalid request body", {}),
    ("catalog_401", {}, 401, "UnrecognizedClientException", {}),
    ("catalog_403", {}, 403, "AccessDeniedException", {}),
    ("catalog_429", {"retry_after": 7}, 429, "Too Many Requests", {"Retry-After": "7"}),
    ("catalog_500_retry", {}, 500, "Internal Server Error: retry recommended", {}),
    ("catalog_500_no_retry", {}, 500, "Internal Server Error: no retry", {}),
    ("catalog_500_no_retry", {"error": "Do not try that again"}, 500, "Do not try that again", {}),
    ("catalog_503", {}, 503, "Service Unavailable", {}),
]


@pytest.mark.parametrize(("mode", "options", "code", "words", "headers"), INSTEAD)
def test_an_answer_instead_takes_nothing_in(
    sandbox: Sandbox, mode: str, options: dict[str, Any], code: int, words: str, headers: dict[str, str]
) -> None:
    turn_on(sandbox, mode, times=3, **options)
    for answer in (upload(sandbox, item()), archive(sandbox, "COLA"), status(sandbox, "x")):
        assert (answer.status, answer.json["errorMsg"]) == (code, words)
        assert headers.items() <= answer.headers.items()
    assert known(sandbox) == []
    assert calls(sandbox) == [("upload", code, mode), ("archive", code, mode), ("status", code, mode)]
    assert upload(sandbox, item()).status == 201


@pytest.mark.parametrize(
    ("mode", "options", "fault", "taken_in"),
    [
        ("catalog_drop", {}, http.client.RemoteDisconnected, False),
        ("catalog_timeout", {"seconds": 20}, TimeoutError, False),
        ("catalog_lost_answer", {}, http.client.RemoteDisconnected, True),
        ("catalog_lost_in_silence", {"seconds": 20}, TimeoutError, True),
    ],
)
def test_an_answer_may_never_come_whether_taken_in_or_not(
    sandbox: Sandbox,
    mode: str,
    options: dict[str, Any],
    fault: type[Exception],
    taken_in: bool,  # noqa: FBT001 -- a table's column
) -> None:
    turn_on(sandbox, mode, times=1, **options)
    with pytest.raises(fault):
        upload(sandbox, item(), timeout=0.4)
    assert known(sandbox) == ([("COLA", "ARENA-1", "live")] if taken_in else [])
    assert calls(sandbox) == [("upload", None, mode)]


@pytest.mark.parametrize(
    ("mode", "code", "body"),
    [
        ("catalog_taken_500", 500, '{"errorMsg": "Internal Server Error"}'),
        ("catalog_no_id", 201, "{}"),
        ("catalog_not_json", 200, "<html>Thank you, come again.</html>"),
    ],
)
def test_what_is_taken_in_may_be_answered_strangely(sandbox: Sandbox, mode: str, code: int, body: str) -> None:
    turn_on(sandbox, mode, times=1)
    answer = upload(sandbox, item())
    assert (answer.status, answer.text) == (code, body)
    assert known(sandbox) == [("COLA", "ARENA-1", "live")]
    assert calls(sandbox) == [("upload", code, mode)]


def test_a_slow_answer_is_a_proper_one_that_comes_late(sandbox: Sandbox) -> None:
    turn_on(sandbox, "catalog_slow", seconds=0.3)
    started = time.monotonic()
    assert upload(sandbox, item()).status == 201
    assert time.monotonic() - started >= 0.3


def test_a_switch_can_be_for_one_kind_of_call(sandbox: Sandbox) -> None:
    turn_on(sandbox, "catalog_503", call="status")
    answer = upload(sandbox, item())
    assert answer.status == 201
    assert status(sandbox, ingestion_id(answer)).status == 503
    assert archive(sandbox, "COLA").status == 201


def test_a_switch_can_be_for_one_store(sandbox: Sandbox) -> None:
    for mode in ("catalog_503", "ingestion_fatal", "link_missing", "report_not_json"):
        turn_on(sandbox, mode, store_id="PIECES-2")
    answer = upload(sandbox, item())
    (row,) = read_link(sandbox, status(sandbox, ingestion_id(answer)).json["reportDownloadLink"]).json["items"]
    assert (row["store_id"], row["status"]) == ("ARENA-1", "SUCCESS")
    assert archive(sandbox, "CHIPS").status == 201
    assert upload(sandbox, item(), item(store_id="PIECES-2")).status == 503
    assert calls(sandbox)[-1] == ("upload", 503, "catalog_503")


def test_a_status_is_of_the_store_whose_ingestion_it_asks_for(sandbox: Sandbox) -> None:
    ours, theirs = (ingestion_id(upload(sandbox, item(store_id=store))) for store in ("ARENA-1", "PIECES-2"))
    turn_on(sandbox, "catalog_503", call="status", store_id="PIECES-2")
    assert [status(sandbox, number).status for number in (ours, theirs, "unheard-of")] == [200, 503, 400]


def test_what_is_refused_anyway_does_not_go_wrong_besides(sandbox: Sandbox) -> None:
    turn_on(sandbox, "catalog_lost_answer")
    answer = upload(sandbox, item(store_id="NOWHERE"))
    assert (answer.status, calls(sandbox)) == (400, [("upload", 400, None)])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"mode": "catalog_503", "call": "checkout"}, "call of catalog_503 must be one of: upload, archive, status"),
        ({"mode": "503", "call": "upload"}, "call of 503 must be left out"),
        ({"mode": "notice_orphan", "call": "confirmation"}, "call of notice_orphan must be one of: notification"),
        ({"mode": "503", "store_id": "ARENA-1"}, "store_id of 503 must be left out"),
        ({"mode": "notice_many", "copies": 0}, "copies must be between 1 and 1000"),
        ({"mode": "ingestion_partly_failed", "failed_share": 2}, "failed_share must be between 0 and 1"),
        ({"mode": "ingestion_fatal", "word": "X"}, "ingestion_fatal takes no word"),
    ],
)
def test_a_switch_that_makes_no_sense_is_not_turned_on(sandbox: Sandbox, document: Any, words: str) -> None:
    assert words in control(sandbox.url, "POST", "misbehaviour", document)["error"]
    assert control(sandbox.url, "GET", "misbehaviour")["switches"] == []


# Ingestions


@pytest.mark.parametrize(
    ("mode", "options", "end"),
    [
        ("ingestion_fatal", {}, "FATAL"),
        ("ingestion_cancelled", {}, "CANCELLED"),
        ("ingestion_unknown_status", {}, "VALIDATING"),
        ("ingestion_unknown_status", {"word": "PAUSED"}, "PAUSED"),
        ("ingestion_never_ends", {}, "INPROGRESS"),
    ],
)
def test_an_ingestion_may_come_to_another_end(sandbox: Sandbox, mode: str, options: dict[str, Any], end: str) -> None:
    turn_on(sandbox, mode, times=1, **options)
    number = ingestion_id(upload(sandbox, item()))
    assert status(sandbox, number).json == {"processingStatus": end, "reportDownloadLink": ""}
    assert known(sandbox) == []
    assert control(sandbox.url, "GET", "catalog")["ingestions"][0]["mode"] == mode
    told = control(sandbox.url, "POST", "ingestions", {"ingestion_id": number})
    assert (told["status"], known(sandbox)) == ("DONE", [("COLA", "ARENA-1", "live")])


@pytest.mark.parametrize(("options", "failed"), [({}, 5), ({"failed_share": 0.2}, 2), ({"failed_share": 1}, 10)])
def test_a_share_of_the_items_may_fail(sandbox: Sandbox, options: dict[str, Any], failed: int) -> None:
    turn_on(sandbox, "ingestion_partly_failed", call="upload", **options)
    answer = upload(sandbox, *(item(f"SKU-{number}") for number in range(10)))
    found = failures(sandbox, answer)
    assert len(found) == failed
    assert {code for _, _, code in found} == {"ITEM_NOT_PROCESSED"}
    states = [state for _, _, state in known(sandbox)]
    assert (states.count("live"), states.count("refused")) == (10 - failed, failed)


# Reports


def link_of(sandbox: Sandbox) -> str:
    return str(status(sandbox, ingestion_id(upload(sandbox, item()))).json["reportDownloadLink"])


def test_a_link_may_have_run_out_before_it_is_given(sandbox: Sandbox) -> None:
    turn_on(sandbox, "link_expired", times=1, call="status")
    answer = upload(sandbox, item())
    first, second = (status(sandbox, ingestion_id(answer)).json["reportDownloadLink"] for _ in range(2))
    assert "Request has expired" in read_link(sandbox, first).text
    assert read_link(sandbox, second).status == 200


def test_a_link_may_be_missing_or_lead_elsewhere(sandbox: Sandbox) -> None:
    turn_on(sandbox, "link_missing", times=1, call="status")
    turn_on(sandbox, "link_elsewhere", times=1, call="status", location="http://169.254.169.254/latest")
    turn_on(sandbox, "link_elsewhere", times=1, call="status")
    assert [link_of(sandbox) for _ in range(3)] == [
        "",
        "http://169.254.169.254/latest",
        "http://elsewhere.invalid/report.json",
    ]


def test_a_report_may_be_something_else(sandbox: Sandbox) -> None:
    link = link_of(sandbox)
    for mode in ("report_not_json", "report_other_shape", "report_redirect"):
        turn_on(sandbox, mode, times=1)
    web_page, other, moved = (read_link(sandbox, link) for _ in range(3))
    assert (web_page.status, web_page.headers["Content-Type"]) == (200, "text/html")
    assert "items" not in other.json
    assert (moved.status, moved.headers["Location"]) == (302, "http://elsewhere.invalid/report.json")
    assert read_link(sandbox, link).json["items"]


def test_a_report_may_be_slow(sandbox: Sandbox) -> None:
    link = link_of(sandbox)
    turn_on(sandbox, "report_slow", seconds=0.3)
    started = time.monotonic()
    assert read_link(sandbox, link).json["items"]
    assert time.monotonic() - started >= 0.3


def test_a_report_may_go_on_and_on(sandbox: Sandbox) -> None:
    link = urlsplit(link_of(sandbox))
    turn_on(sandbox, "report_huge", times=1)
    connection = http.client.HTTPConnection(link.netloc, timeout=5)
    connection.request("GET", f"{link.path}?{link.query}")
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"]) == (200, None)
    assert len(response.read(8_000_000)) == 8_000_000
    response.close()
    connection.close()


# Notices


@pytest.fixture
def subscribed(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose notices are delivered."""
    subscribe(sandbox)
    return sandbox


def test_a_notice_may_come_late(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_late", seconds=0.5)
    number = ingestion_id(upload(subscribed, item()))
    assert receive(subscribed) == []
    (body,) = receive(subscribed, wait=5)
    assert told_by(json.loads(body)) == (number, "DONE")


@pytest.mark.parametrize(
    ("mode", "options", "times"),
    [("notice_twice", {}, 2), ("notice_many", {}, 20), ("notice_many", {"copies": 3}, 3), ("notice_none", {}, 0)],
)
def test_the_same_notice_may_come_more_than_once_or_never(
    subscribed: Sandbox, mode: str, options: dict[str, Any], times: int
) -> None:
    turn_on(subscribed, mode, **options)
    upload(subscribed, item())
    bodies = receive(subscribed)
    assert len(bodies) == times
    assert len(set(bodies)) == min(times, 1)


def test_the_link_of_a_notice_may_have_run_out_while_the_status_gives_a_good_one(subscribed: Sandbox) -> None:
    turn_on(subscribed, "link_expired", call="notification")
    number = ingestion_id(upload(subscribed, item()))
    (envelope,) = envelopes(subscribed)
    assert read_link(subscribed, json.loads(envelope["Message"])["reportDownloadLink"]).status == 403
    assert read_link(subscribed, status(subscribed, number).json["reportDownloadLink"]).status == 200


def test_a_notice_of_progress_may_come_after_the_end(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_out_of_order")
    number = ingestion_id(upload(subscribed, item()))
    assert [told_by(one) for one in envelopes(subscribed)] == [(number, "DONE"), (number, "INPROGRESS")]


def test_a_notice_of_somebody_else_may_come_as_well(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_orphan")
    number = ingestion_id(upload(subscribed, item()))
    orphan, ours = envelopes(subscribed)
    assert told_by(ours) == (number, "DONE")
    assert status(subscribed, told_by(orphan)[0]).json == {"errorMsg": "InvalidRequestException"}
    assert is_signed(subscribed, orphan)


def test_a_notice_may_be_cut_in_half(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_malformed")
    upload(subscribed, item())
    control(subscribed.url, "POST", "catalog", {"raw_delivery": True})
    upload(subscribed, item())
    wrapped, raw = receive(subscribed)
    for body in (wrapped, raw):
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    assert wrapped.startswith('{"Type": "Notification"')
    assert raw.startswith('{"ingestionId"')


def test_a_notice_may_go_wrong_for_one_store(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_none", store_id="PIECES-2")
    upload(subscribed, item(store_id="PIECES-2"))
    number = ingestion_id(upload(subscribed, item()))
    assert [told_by(one) for one in envelopes(subscribed)] == [(number, "DONE")]


def test_a_notice_may_be_without_signature(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_unsigned")
    upload(subscribed, item())
    (envelope,) = envelopes(subscribed)
    assert not {"Signature", "SignatureVersion", "SigningCertURL"} & envelope.keys()


def test_a_notice_may_be_forged(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_forged")
    upload(subscribed, item())
    (envelope,) = envelopes(subscribed)
    assert not is_signed(subscribed, envelope)


def test_a_notice_may_bring_a_certificate_from_elsewhere(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_foreign_certificate")
    upload(subscribed, item())
    (envelope,) = envelopes(subscribed)
    assert urlsplit(envelope["SigningCertURL"]).hostname == "sns.us-east-1.amazonaws.com.elsewhere.invalid"
    assert envelope["Signature"]


def test_a_notice_may_be_of_another_topic_though_rightly_signed(subscribed: Sandbox) -> None:
    turn_on(subscribed, "notice_other_topic")
    upload(subscribed, item())
    (envelope,) = envelopes(subscribed)
    assert envelope["TopicArn"] != subscribed.catalog.topic.topic_arn
    assert is_signed(subscribed, envelope)


def test_a_confirmation_may_lead_elsewhere_though_rightly_signed(sandbox: Sandbox) -> None:
    turn_on(sandbox, "notice_subscribe_elsewhere", times=1)
    control(sandbox.url, "POST", "subscription", {})
    envelope = envelopes(sandbox)[-1]
    assert urlsplit(envelope["SubscribeURL"]).hostname == "sns.us-east-1.amazonaws.com.elsewhere.invalid"
    assert is_signed(sandbox, envelope)


def test_a_confirmation_may_be_forged_while_notices_are_not(sandbox: Sandbox) -> None:
    subscribe(sandbox)
    turn_on(sandbox, "notice_forged", call="confirmation")
    upload(sandbox, item())
    control(sandbox.url, "POST", "subscription", {})
    assert [(one["Type"], is_signed(sandbox, one)) for one in envelopes(sandbox)] == [
        ("Notification", True),
        ("SubscriptionConfirmation", False),
    ]
