"""The access policy of the queue: whether it lets the topic in, and ways to get it wrong."""

import json
from collections.abc import Callable, Mapping
from typing import Any

SOURCE = "aws:SourceArn"
SEND = frozenset({"sqs:SendMessage", "SQS:SendMessage", "sqs:*", "SQS:*", "*"})
OTHER_TOPIC = "arn:aws:sns:us-east-1:123456789012:somebody-elses-topic"


def _policy(queue_arn: str, action: str, source: str | None) -> str:
    statement: dict[str, Any] = {
        "Sid": "AllowSNSToSendMessage",
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": queue_arn,
    }
    condition = {"Condition": {"ArnEquals": {SOURCE: source}}} if source else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | condition]})


# Each makes the text of a policy for a queue and a topic.
NAMED: Mapping[str, Callable[[str, str], str]] = {
    "good": lambda queue_arn, topic_arn: _policy(queue_arn, "sqs:SendMessage", topic_arn),
    "none": lambda _queue_arn, _topic_arn: "",
    "other_topic": lambda queue_arn, _topic_arn: _policy(queue_arn, "sqs:SendMessage", OTHER_TOPIC),
    "no_condition": lambda queue_arn, _topic_arn: _policy(queue_arn, "sqs:SendMessage", None),
    "all_actions": lambda queue_arn, topic_arn: _policy(queue_arn, "sqs:*", topic_arn),
    "not_json": lambda _queue_arn, _topic_arn: '{"Version": "2012-10-17", "Statement": [',
}


def lets_in(policy: str, topic_arn: str) -> bool:
    """Whether a topic may put messages on a queue with this policy."""
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, LookupError, TypeError):
        return False
    return any(_allows(one, topic_arn) for one in _list(statements) if isinstance(one, dict))


def _allows(statement: Mapping[str, Any], topic_arn: str) -> bool:
    if statement.get("Effect") != "Allow" or not SEND & set(_list(statement.get("Action"))):
        return False
    sources = [tests[SOURCE] for tests in statement.get("Condition", {}).values() if SOURCE in tests]
    return all(topic_arn in _list(source) for source in sources)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
