"""What a message of the notification queue says, read without believing it. Plain Python.

A message is an envelope of Amazon SNS or, with raw delivery, the inner JSON alone. Which of the two Amazon sends, and
how its inner fields are called, is UNKNOWN but for the ingestion ID (page `catalog_validations`): their likely names
are looked for in any spelling, in the inner object and in the objects right inside it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NOTIFICATION = "Notification"
SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"
TYPES = (NOTIFICATION, SUBSCRIPTION_CONFIRMATION, UNSUBSCRIBE_CONFIRMATION)

INGESTION_ID_NAMES = ("ingestionid",)
STATUS_NAMES = ("processingstatus", "status")
REPORT_LINK_NAMES = ("reportdownloadlink", "reporturl", "url")
"""In small letters and without underscores or hyphens; the earlier name counts more."""

MAX_BODY = 1_048_576
"""Characters: SQS carries no more bytes."""

MAX_TEXT = 255
MAX_TOPIC_ARN = 400
MAX_LINK = 8192
MAX_TOKEN = 4096


class Malformed(Exception):
    """The message cannot be read; its text says why."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said of one ingestion; status and link are "" when nothing is. The link is a key: see `masked`."""

    ingestion_id: str
    status: str
    report_link: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RawNotice:
    """A notice that came without an envelope: nothing says who sent it."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message of SNS. Whether SNS has really sent it, `signatures.verify` tells from its `fields`.

    A notification has a notice, a confirmation none but a token.
    """

    type: str
    message_id: str
    topic_arn: str
    notice: Notice | None
    token: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    """Every field with a text, as it came."""


def read(body: str) -> Envelope | RawNotice:
    """Whatever the body is. Raises Malformed."""
    content = _object(body, "The message")
    if "Type" in content and "TopicArn" in content:
        return _envelope(content)
    return RawNotice(_notice(content))


def _envelope(content: Mapping[str, Any]) -> Envelope:
    fields = {name: value for name, value in content.items() if isinstance(value, str)}
    type_ = fields.get("Type", "")
    if type_ not in TYPES:
        raise Malformed("The message is of a type that Amazon SNS does not send.")
    if strange := [name for name, value in fields.items() if not _is_storable(name + value)]:
        raise Malformed(f"The message holds characters that are no text ({_shown(strange[0])}).")
    notification = type_ == NOTIFICATION
    return Envelope(
        type=type_,
        message_id=_required(fields, "MessageId", MAX_TEXT),
        topic_arn=_required(fields, "TopicArn", MAX_TOPIC_ARN),
        notice=_inner_notice(_required(fields, "Message", MAX_BODY)) if notification else None,
        token="" if notification else _required(fields, "Token", MAX_TOKEN),
        fields=fields,
    )


def _inner_notice(text: str) -> Notice:
    return _notice(_object(text, "The text inside the notification"))


def _required(fields: Mapping[str, str], name: str, most: int) -> str:
    value = fields.get(name, "")
    if not value:
        raise Malformed(f"The message has no {name}.")
    if len(value) > most:
        raise Malformed(f"The message's {name} is longer than {most} characters.")
    return value


def _notice(content: Mapping[str, Any]) -> Notice:
    levels = [content, *(value for value in content.values() if isinstance(value, dict))]
    ids = list(dict.fromkeys(_found(levels, INGESTION_ID_NAMES)))
    if not ids:
        raise Malformed("The message names no ingestion (ingestionId).")
    if len(ids) > 1:
        raise Malformed("The message names more than one ingestion.")
    return Notice(
        ingestion_id=_plain(ids[0], "ingestion ID", MAX_TEXT),
        status=_plain(next(_found(levels, STATUS_NAMES), ""), "status", MAX_TEXT),
        report_link=_plain(next(_found(levels, REPORT_LINK_NAMES), ""), "report link", MAX_LINK),
    )


def _found(levels: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """Every text under one of the names: by name first, then from the outside in."""
    for name in names:
        for level in levels:
            for key, value in level.items():
                if _spelled(key) == name and (text := _text(value)):
                    yield text


def _spelled(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _text(value: Any) -> str:
    """Of a text or a whole number; "" for anything else."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _plain(text: str, name: str, most: int) -> str:
    if len(text) > most:
        raise Malformed(f"The message's {name} is longer than {most} characters.")
    if not text.isprintable():
        raise Malformed(f"The message's {name} holds characters that are no text.")
    return text


def _object(text: str, subject: str) -> dict[str, Any]:
    if len(text) > MAX_BODY:
        raise Malformed(f"{subject} is longer than a queue can carry.")
    if not _is_storable(text):
        raise Malformed(f"{subject} holds characters that are no text.")
    try:
        content = json.loads(text)
    except RecursionError:
        raise Malformed(f"{subject} is nested too deeply to be read.") from None
    except ValueError:
        raise Malformed(f"{subject} is not JSON.") from None
    if not isinstance(content, dict):
        raise Malformed(f"{subject} is JSON, but not one object with named fields.")
    return content


def _is_storable(text: str) -> bool:
    """Half a character has no encoding, and PostgreSQL keeps no zero byte."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _shown(name: str) -> str:
    return "".join(filter(str.isprintable, name[:40]))
