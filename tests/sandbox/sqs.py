"""The door to the queue: what boto3's SQS client says and hears (AWS JSON 1.0).

Source: "Making Query API requests using AWS JSON protocol" in the Amazon SQS developer guide, and the service's model.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.message_queue import Message, MessageQueue, NoSuchReceipt
from tests.sandbox.sigv4 import Credentials, SignatureRefusedError, verify
from tests.sandbox.wire import Reply, Request

SERVICE = "sqs"
TARGET = "AmazonSQS."
JSON_TYPE = "application/x-amz-json-1.0"
ACCOUNT = "111122223333"
QUEUE_NAME = "jwo-catalog-results"
MAX_BATCH = 10
MAX_WAIT = 20
VISIBILITY = 30
MAX_VISIBILITY = 43_200
MAX_DELAY = 900
MAX_MESSAGE = 1_048_576
# The names that callers know from the older protocol, where they differ.
QUERY_NAMES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
}

Asked = Mapping[str, Any]
Told = dict[str, Any]
PeerIsWaiting = Callable[[], bool]


class SqsError(Exception):
    """An error as SQS names and words it."""

    def __init__(self, name: str, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.name = name
        self.status = status


@dataclass(slots=True)
class QueueDoor:
    """Answers for one queue, `/ACCOUNT/NAME` under the sandbox's address."""

    queue: MessageQueue
    credentials: Credentials
    url: Callable[[], str]
    clock: Callable[[], float] = time.time
    policy: str = ""
    """The text of the queue's access policy; "" when it has none."""
    visibility: int = VISIBILITY
    """Seconds for which a message that was received hides, when the receiver does not say."""
    created_at: float = field(default_factory=time.time)

    @property
    def queue_url(self) -> str:
        return f"{self.url()}/{ACCOUNT}/{QUEUE_NAME}"

    @property
    def queue_arn(self) -> str:
        return f"arn:aws:sqs:{self.credentials.region}:{ACCOUNT}:{QUEUE_NAME}"

    def answer(self, request: Request, peer_is_waiting: PeerIsWaiting) -> Reply:
        try:
            self._check_signature(request)
            return _json_reply(self._do(request, peer_is_waiting))
        except NoSuchReceipt as problem:
            name = "MessageNotInflight" if "in flight" in str(problem) else "ReceiptHandleIsInvalid"
            return _error_reply(SqsError(name, str(problem)))
        except SqsError as problem:
            return _error_reply(problem)

    def _check_signature(self, request: Request) -> None:
        try:
            verify(request, self.credentials, datetime.fromtimestamp(self.clock(), UTC), SERVICE)
        except SignatureRefusedError as problem:
            raise SqsError("AccessDeniedException", str(problem), 403) from problem

    def _do(self, request: Request, peer_is_waiting: PeerIsWaiting) -> Told:
        asked = _asked(request.body)
        name = request.header("x-amz-target").removeprefix(TARGET)
        if name == "GetQueueUrl":
            return self._queue_url(asked)
        action = ACTIONS.get(name)
        if action is None and name != "ReceiveMessage":
            raise SqsError("UnsupportedOperation", f"The sandbox's queue knows no {name}")
        if not str(asked.get("QueueUrl", "")).endswith(f"/{ACCOUNT}/{QUEUE_NAME}"):
            raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")
        return action(self, asked) if action else self._receive(asked, peer_is_waiting)

    def _queue_url(self, asked: Asked) -> Told:
        if asked.get("QueueName") != QUEUE_NAME or asked.get("QueueOwnerAWSAccountId", ACCOUNT) != ACCOUNT:
            raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")
        return {"QueueUrl": self.queue_url}

    def _receive(self, asked: Asked, peer_is_waiting: PeerIsWaiting) -> Told:
        messages = self.queue.receive(
            _number(asked, "MaxNumberOfMessages", 1, 1, MAX_BATCH),
            _number(asked, "VisibilityTimeout", self.visibility, 0, MAX_VISIBILITY),
            _number(asked, "WaitTimeSeconds", 0, 0, MAX_WAIT),
            peer_is_waiting,
        )
        names = {*asked.get("AttributeNames", ()), *asked.get("MessageSystemAttributeNames", ())}
        return {"Messages": [_message(message, names) for message in messages]} if messages else {}

    def _delete(self, asked: Asked) -> Told:
        self.queue.delete(_text(asked, "ReceiptHandle"))
        return {}

    def _delete_batch(self, asked: Asked) -> Told:
        told: Told = {"Successful": [], "Failed": []}
        for entry in _entries(asked):
            try:
                self.queue.delete(_text(entry, "ReceiptHandle"))
                told["Successful"].append({"Id": entry["Id"]})
            except NoSuchReceipt as problem:
                fault = {"Code": "ReceiptHandleIsInvalid", "Message": str(problem), "SenderFault": True}
                told["Failed"].append({"Id": entry["Id"], **fault})
        return told

    def _hide(self, asked: Asked) -> Told:
        self.queue.hide(_text(asked, "ReceiptHandle"), _number(asked, "VisibilityTimeout", None, 0, MAX_VISIBILITY))
        return {}

    def _send(self, asked: Asked) -> Told:
        body = _text(asked, "MessageBody")
        if len(body.encode()) > MAX_MESSAGE:
            raise SqsError("InvalidParameterValue", f"One or more parameters are invalid: above {MAX_MESSAGE} bytes")
        message = self.queue.put(body, _number(asked, "DelaySeconds", 0, 0, MAX_DELAY))
        return {"MessageId": message.message_id, "MD5OfMessageBody": _md5(body)}

    def _attributes(self, asked: Asked) -> Told:
        counts = self.queue.counts()
        known = {
            "QueueArn": self.queue_arn,
            "ApproximateNumberOfMessages": str(counts["visible"]),
            "ApproximateNumberOfMessagesNotVisible": str(counts["in_flight"]),
            "ApproximateNumberOfMessagesDelayed": str(counts["delayed"]),
            "VisibilityTimeout": f"{self.visibility}",
            "ReceiveMessageWaitTimeSeconds": "0",
            "DelaySeconds": "0",
            "MaximumMessageSize": str(MAX_MESSAGE),
            "MessageRetentionPeriod": "345600",
            "CreatedTimestamp": f"{self.created_at:.0f}",
            "LastModifiedTimestamp": f"{self.created_at:.0f}",
        } | ({"Policy": self.policy} if self.policy else {})
        wanted = asked.get("AttributeNames", ())
        return {"Attributes": {name: value for name, value in known.items() if "All" in wanted or name in wanted}}


ACTIONS: Mapping[str, Callable[[QueueDoor, Asked], Told]] = {
    "DeleteMessage": QueueDoor._delete,
    "DeleteMessageBatch": QueueDoor._delete_batch,
    "ChangeMessageVisibility": QueueDoor._hide,
    "SendMessage": QueueDoor._send,
    "GetQueueAttributes": QueueDoor._attributes,
}


def _message(message: Message, names: set[str]) -> Told:
    known = {
        "SenderId": "AIDAISDSQZPZUEXAMPLE",
        "SentTimestamp": _milliseconds(message.sent_at),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received_at or message.sent_at),
    }
    attributes = {name: value for name, value in known.items() if "All" in names or name in names}
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": _md5(message.body),
        "Body": message.body,
    } | ({"Attributes": attributes} if attributes else {})


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _asked(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise SqsError("SerializationException", "The body is not a JSON object")
    return document


def _entries(asked: Asked) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = asked.get("Entries") or []
    if not entries:
        raise SqsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MAX_BATCH:
        raise SqsError("TooManyEntriesInBatchRequest", f"Maximum number of entries per request are {MAX_BATCH}.")
    if len({_text(entry, "Id") for entry in entries}) < len(entries):
        raise SqsError("BatchEntryIdsNotDistinct", "Two entries have the same Id.")
    return entries


def _text(asked: Asked, name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise SqsError("MissingParameter", f"The request must contain the parameter {name}.")
    return value


def _number(asked: Asked, name: str, default: int | None, least: int, most: int) -> int:
    value = asked.get(name, default)
    if value is None:
        raise SqsError("MissingParameter", f"The request must contain the parameter {name}.")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SqsError(
            "InvalidParameterValue",
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}.",
        )
    return value


def _json_reply(document: Told) -> Reply:
    return Reply(body=json.dumps(document).encode(), headers=_request_id(), content_type=JSON_TYPE)


def _error_reply(problem: SqsError) -> Reply:
    document = {"__type": f"com.amazonaws.sqs#{problem.name}", "message": str(problem)}
    headers = (*_request_id(), ("x-amzn-query-error", f"{QUERY_NAMES.get(problem.name, problem.name)};Sender"))
    return Reply(problem.status, json.dumps(document).encode(), headers, JSON_TYPE)


def _request_id() -> tuple[tuple[str, str], ...]:
    return (("x-amzn-RequestId", str(uuid.uuid4())),)
