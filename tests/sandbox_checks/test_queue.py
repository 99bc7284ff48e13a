"""The queue and the topic, as boto3 meets them."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.sandbox.server import Sandbox, Settings
from tests.sandbox_checks.fake_product import call, control
from tests.sandbox_checks.retailer import (
    ingestion_id,
    is_signed,
    item,
    receive,
    sns,
    sqs,
    status,
    subscribe,
    upload,
)


def put(sandbox: Sandbox, body: str, times: int = 1) -> Any:
    return control(sandbox.url, "POST", "messages", {"body": body, "times": times})


def queue_of(sandbox: Sandbox) -> dict[str, str]:
    return {"QueueUrl": sandbox.catalog.door.queue_url}


def code_of(action: Callable[[], Any]) -> tuple[str, int]:
    """The code and status of the error that a call of boto3 ends with."""
    with pytest.raises(ClientError) as caught:
        action()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# SQS


def test_a_message_hides_while_it_is_worked_on_and_is_gone_when_deleted(sandbox: Sandbox) -> None:
    put(sandbox, "Grüße")
    client, queue = sqs(sandbox), queue_of(sandbox)
    (first,) = client.receive_message(**queue, VisibilityTimeout=1, MessageSystemAttributeNames=["All"])["Messages"]
    assert first["Body"] == "Grüße"
    assert first["MD5OfBody"] == hashlib.md5("Grüße".encode(), usedforsecurity=False).hexdigest()
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(first["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 5
    assert "Messages" not in client.receive_message(**queue)
    (again,) = client.receive_message(**queue, WaitTimeSeconds=3, AttributeNames=["ApproximateReceiveCount"])[
        "Messages"
    ]
    assert (again["MessageId"], again["Attributes"]) == (first["MessageId"], {"ApproximateReceiveCount": "2"})
    client.delete_message(**queue, ReceiptHandle=first["ReceiptHandle"])  # outdated: it belongs to the second receiver
    assert control(sandbox.url, "GET", "catalog")["queue"]["in_flight"] == 1
    client.delete_message(**queue, ReceiptHandle=again["ReceiptHandle"])
    client.delete_message(**queue, ReceiptHandle=again["ReceiptHandle"])
    assert receive(sandbox, wait=0) == []


def test_a_long_poll_ends_with_the_first_message(sandbox: Sandbox) -> None:
    threading.Timer(0.3, lambda: put(sandbox, "at last")).start()
    started = time.monotonic()
    (message,) = sqs(sandbox).receive_message(**queue_of(sandbox), WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == "at last"
    assert 0.2 < time.monotonic() - started < 2


def test_a_long_poll_of_nothing_takes_its_time(sandbox: Sandbox) -> None:
    started = time.monotonic()
    assert "Messages" not in sqs(sandbox).receive_message(**queue_of(sandbox), WaitTimeSeconds=1)
    assert 1 <= time.monotonic() - started < 2


def test_a_receiver_that_hung_up_gets_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(TimeoutError):
        call(sandbox.url, "POST", "/", *signed_receive(sandbox, wait=20), timeout=0.2)
    time.sleep(0.5)
    put(sandbox, "for the living")
    assert receive(sandbox) == ["for the living"]


def signed_receive(sandbox: Sandbox, wait: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a long poll that its sender may leave, as a client of boto3 can't."""
    body = json.dumps({**queue_of(sandbox), "WaitTimeSeconds": wait}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
    request = AWSRequest(method="POST", url=f"{sandbox.url}/", data=body, headers=headers)
    client = sqs(sandbox)
    SigV4Auth(client._request_signer._credentials, "sqs", client.meta.region_name).add_auth(request)
    return body, dict(request.prepare().headers.items())


def test_no_more_than_ten_come_at_once(sandbox: Sandbox) -> None:
    put(sandbox, "x", times=12)
    client, queue = sqs(sandbox), queue_of(sandbox)
    assert len(client.receive_message(**queue)["Messages"]) == 1
    messages = client.receive_message(**queue, MaxNumberOfMessages=10)["Messages"]
    entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages[:9])]
    told = client.delete_message_batch(**queue, Entries=[*entries, {"Id": "bad", "ReceiptHandle": "nonsense"}])
    assert [one["Id"] for one in told["Successful"]] == [str(n) for n in range(9)]
    assert [(one["Id"], one["Code"]) for one in told["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]
    counts = control(sandbox.url, "GET", "catalog")["queue"]
    assert (counts["visible"], counts["in_flight"], counts["delayed"]) == (1, 2, 0)


def test_visibility_can_be_given_back_or_lengthened(sandbox: Sandbox) -> None:
    put(sandbox, "x")
    client, queue = sqs(sandbox), queue_of(sandbox)
    (message,) = client.receive_message(**queue)["Messages"]
    handle = {"ReceiptHandle": message["ReceiptHandle"]}
    client.change_message_visibility(**queue, **handle, VisibilityTimeout=600)
    client.change_message_visibility(**queue, **handle, VisibilityTimeout=0)
    assert code_of(lambda: client.change_message_visibility(**queue, **handle, VisibilityTimeout=5)) == (
        "AWS.SimpleQueueService.MessageNotInflight",
        400,
    )
    assert receive(sandbox) == ["x"]


def test_control_sets_for_how_long_a_message_hides(sandbox: Sandbox) -> None:
    put(sandbox, "once more")
    client, queue = sqs(sandbox), queue_of(sandbox)
    assert control(sandbox.url, "POST", "catalog", {"visibility": 1})["visibility"] == 1
    assert client.receive_message(**queue)["Messages"]
    assert "Messages" not in client.receive_message(**queue)
    assert client.receive_message(**queue, WaitTimeSeconds=3)["Messages"][0]["Body"] == "once more"
    assert "whole seconds" in control(sandbox.url, "POST", "catalog", {"visibility": 0.5})["error"]


def test_what_is_sent_is_received_after_its_delay(sandbox: Sandbox) -> None:
    client, queue = sqs(sandbox), queue_of(sandbox)
    sent = client.send_message(**queue, MessageBody="later", DelaySeconds=1)
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"later", usedforsecurity=False).hexdigest()
    assert control(sandbox.url, "GET", "catalog")["queue"]["delayed"] == 1
    assert receive(sandbox, wait=3) == ["later"]


def test_the_attributes_tell_depth_arn_and_policy(sandbox: Sandbox) -> None:
    put(sandbox, "x", times=3)
    client, queue = sqs(sandbox), queue_of(sandbox)
    client.receive_message(**queue)
    told = client.get_queue_attributes(**queue, AttributeNames=["All"])["Attributes"]
    assert (told["ApproximateNumberOfMessages"], told["ApproximateNumberOfMessagesNotVisible"]) == ("2", "1")
    assert told["QueueArn"] == "arn:aws:sqs:us-east-1:111122223333:jwo-catalog-results"
    (statement,) = json.loads(told["Policy"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", told["QueueArn"])
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": sandbox.catalog.topic.topic_arn}}
    control(sandbox.url, "POST", "catalog", {"policy": None})
    assert "Policy" not in client.get_queue_attributes(**queue, AttributeNames=["All"])["Attributes"]
    assert client.get_queue_attributes(**queue, AttributeNames=["QueueArn"])["Attributes"].keys() == {"QueueArn"}


def test_the_queue_is_found_by_its_name(sandbox: Sandbox) -> None:
    client = sqs(sandbox)
    assert client.get_queue_url(QueueName="jwo-catalog-results")["QueueUrl"] == queue_of(sandbox)["QueueUrl"]
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_url(QueueName="another")


def test_errors_have_the_names_that_boto3_knows(sandbox: Sandbox) -> None:
    client, queue = sqs(sandbox), queue_of(sandbox)
    elsewhere = f"{sandbox.url}/111122223333/another"
    assert [
        code_of(lambda: client.receive_message(QueueUrl=elsewhere)),
        code_of(lambda: client.receive_message(**queue, MaxNumberOfMessages=11)),
        code_of(lambda: client.receive_message(**queue, WaitTimeSeconds=21)),
        code_of(lambda: client.delete_message(**queue, ReceiptHandle="nonsense")),
        code_of(lambda: client.delete_message_batch(**queue, Entries=[])),
        code_of(lambda: client.purge_queue(**queue)),
        code_of(lambda: sqs(sandbox, aws_secret_access_key="another").receive_message(**queue)),
        code_of(lambda: sqs(sandbox, region_name="eu-west-1").receive_message(**queue)),
    ] == [
        ("AWS.SimpleQueueService.NonExistentQueue", 400),
        ("InvalidParameterValue", 400),
        ("InvalidParameterValue", 400),
        ("ReceiptHandleIsInvalid", 400),
        ("AWS.SimpleQueueService.EmptyBatchRequest", 400),
        ("UnsupportedOperation", 400),
        ("AccessDeniedException", 403),
        ("AccessDeniedException", 403),
    ]


@pytest.mark.parametrize("document", [{}, {"body": ""}, {"body": "x", "times": 0}, {"body": "x", "times": True}])
def test_what_is_no_message_is_not_put_on_the_queue(sandbox: Sandbox, document: Any) -> None:
    assert "error" in control(sandbox.url, "POST", "messages", document)
    assert receive(sandbox) == []


# SNS


def test_at_the_start_a_signed_confirmation_lies_on_the_queue(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings()) as sandbox:
        (asked,) = (json.loads(body) for body in receive(sandbox))
        assert (asked["Type"], asked["TopicArn"]) == ("SubscriptionConfirmation", sandbox.catalog.topic.topic_arn)
        assert asked["TopicArn"] == "arn:aws:sns:us-east-1:999988887777:jwo-catalog-ingestions"
        assert asked["SubscribeURL"].startswith(f"{sandbox.url}/?Action=ConfirmSubscription&")
        assert is_signed(sandbox, asked)
        assert not is_signed(sandbox, asked | {"Token": "another"})
        assert control(sandbox.url, "GET", "catalog")["subscription"]["status"] == "Pending"


def test_nothing_is_told_before_the_subscription_is_confirmed(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings()) as sandbox:
        asked = json.loads(receive(sandbox)[0])
        upload(sandbox, item())
        assert receive(sandbox) == []
        assert control(sandbox.url, "GET", "catalog")["subscription"]["undelivered"] == {"not confirmed": 1}
        client = sns(sandbox)
        for _ in range(2):
            told = client.confirm_subscription(TopicArn=asked["TopicArn"], Token=asked["Token"])
            assert told["SubscriptionArn"] == control(sandbox.url, "GET", "catalog")["subscription"]["arn"]
        assert control(sandbox.url, "GET", "catalog")["subscription"]["status"] == "Complete"
        upload(sandbox, item())
        assert len(receive(sandbox)) == 1


def test_a_visit_of_the_subscribe_url_confirms_too(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings()) as sandbox:
        asked = json.loads(receive(sandbox)[0])
        answer = call(sandbox.url, "GET", asked["SubscribeURL"].removeprefix(sandbox.url))
        assert (answer.status, "<SubscriptionArn>arn:aws:sns:" in answer.text) == (200, True)
        assert control(sandbox.url, "GET", "catalog")["subscription"]["status"] == "Complete"


def test_a_wrong_answer_confirms_nothing(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings()) as sandbox:
        asked = json.loads(receive(sandbox)[0])
        topic, token = {"TopicArn": asked["TopicArn"]}, {"Token": asked["Token"]}
        other = {"TopicArn": "arn:aws:sns:us-east-1:1:other"}
        stranger = sns(sandbox, aws_secret_access_key="another")
        assert [
            code_of(lambda: sns(sandbox).confirm_subscription(**topic, Token="x")),
            code_of(lambda: sns(sandbox).confirm_subscription(**other, **token)),
            code_of(lambda: stranger.confirm_subscription(**topic, **token)),
            code_of(lambda: sns(sandbox).publish(**topic, Message="x")),
        ] == [("InvalidParameter", 400), ("NotFound", 404), ("SignatureDoesNotMatch", 403), ("InvalidAction", 400)]
        assert control(sandbox.url, "GET", "catalog")["subscription"]["status"] == "Pending"


def test_control_asks_once_more_or_forgets_the_subscription(sandbox: Sandbox) -> None:
    subscribe(sandbox)
    assert control(sandbox.url, "POST", "subscription", {})["status"] == "Pending"
    assert json.loads(receive(sandbox)[0])["Type"] == "SubscriptionConfirmation"
    assert control(sandbox.url, "POST", "subscription", {"ask": False})["status"] == "Unknown"
    assert receive(sandbox) == []


def test_a_confirmed_subscription_outlives_a_restart(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings(state=tmp_path / "sandbox.jsonl")
    with Sandbox(settings) as first:
        subscribe(first)
    with Sandbox(settings) as again:
        assert control(again.url, "GET", "catalog")["subscription"]["status"] == "Complete"
        upload(again, item())
        assert [json.loads(body)["Type"] for body in receive(again)] == ["Notification"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_tells_the_end_of_an_ingestion_and_is_signed(sandbox: Sandbox, version: str) -> None:
    subscribe(sandbox)
    control(sandbox.url, "POST", "catalog", {"signature_version": version})
    number = ingestion_id(upload(sandbox, item()))
    (envelope,) = (json.loads(body) for body in receive(sandbox))
    assert envelope.keys() == {
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"),
    }
    assert (envelope["Type"], envelope["SignatureVersion"]) == ("Notification", version)
    told = json.loads(envelope["Message"])
    assert told.keys() == {"ingestionId", "processingStatus", "reportDownloadLink"}
    assert (told["ingestionId"], told["processingStatus"]) == (number, "DONE")
    link = told["reportDownloadLink"].removeprefix(sandbox.url)
    assert call(sandbox.url, "GET", link).json["items"][0]["status"] == "SUCCESS"
    assert is_signed(sandbox, envelope)
    assert not is_signed(sandbox, envelope | {"Message": "{}"})


def test_raw_delivery_is_the_inner_message_alone(sandbox: Sandbox) -> None:
    subscribe(sandbox)
    control(sandbox.url, "POST", "catalog", {"raw_delivery": True})
    number = ingestion_id(upload(sandbox, item()))
    (told,) = (json.loads(body) for body in receive(sandbox))
    assert (told["ingestionId"], told["processingStatus"]) == (number, "DONE")


@pytest.mark.parametrize("end", ["FATAL", "CANCELLED"])
def test_a_bad_end_is_told_without_a_link(sandbox: Sandbox, end: str) -> None:
    subscribe(sandbox)
    control(sandbox.url, "POST", "catalog", {"seconds": 600})
    number = ingestion_id(upload(sandbox, item()))
    control(sandbox.url, "POST", "ingestions", {"ingestion_id": number, "status": end})
    (envelope,) = (json.loads(body) for body in receive(sandbox))
    assert json.loads(envelope["Message"]) == {
        "ingestionId": number,
        "processingStatus": end,
        "reportDownloadLink": "",
    }


@pytest.mark.parametrize(
    ("policy", "arrives"),
    [
        ("good", True),
        ("no_condition", True),
        ("all_actions", True),
        ("none", False),
        ("other_topic", False),
        ("not_json", False),
        ({"Statement": {"Effect": "Allow", "Action": ["sqs:ReceiveMessage"]}}, False),
        ({"Statement": [{"Effect": "Deny", "Action": "sqs:SendMessage"}]}, False),
    ],
)
def test_a_policy_that_does_not_let_the_topic_in_keeps_messages_out(
    sandbox: Sandbox,
    policy: Any,
    arrives: bool,  # noqa: FBT001 -- a table's column
) -> None:
    subscribe(sandbox)
    control(sandbox.url, "POST", "catalog", {"policy": policy})
    number = ingestion_id(upload(sandbox, item()))
    assert bool(receive(sandbox)) == arrives
    undelivered = control(sandbox.url, "GET", "catalog")["subscription"]["undelivered"]
    assert undelivered == ({} if arrives else {"policy": 1})
    assert status(sandbox, number).json["processingStatus"] == "DONE"
