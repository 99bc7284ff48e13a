import json
import time
from typing import Any

import pytest

from catalog import queue_policy
from catalog.queue_policy import Finding, Severity

QUEUE = "arn:aws:sqs:us-east-1:111122223333:jwo-catalog-results"
TOPIC = "arn:aws:sns:us-east-1:999988887777:amazon-gives-this"
OTHER_TOPIC = "arn:aws:sns:us-east-1:444455556666:another"
AMAZON = "arn:aws:iam::999988887777:root"
SOURCE = {"ArnEquals": {"aws:SourceArn": TOPIC}}
GOOD: dict[str, Any] = {
    "Sid": "Amazon",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": SOURCE,
}
OWNER = {
    "Sid": "__owner_statement",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "SQS:*",
    "Resource": QUEUE,
}
"""What the console puts in by itself."""

NOTHING_ARRIVES = f"error: No statement lets Amazon's topic send ({TOPIC}): its notifications cannot arrive."


def without(part: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != part}


def deny(**parts: Any) -> dict[str, Any]:
    return {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE, **parts}


def lint(policy: str | None) -> tuple[Finding, ...]:
    return queue_policy.lint(policy, queue_arn=QUEUE, topic_arn=TOPIC)


def told(*statements: Any) -> list[str]:
    findings = lint(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    assert all(finding.fix.endswith(".") for finding in findings)
    return [f"{finding.severity}: {finding.sentence}" for finding in findings]


def test_the_policy_to_copy_is_good() -> None:
    text = queue_policy.good_policy(QUEUE, TOPIC)
    assert lint(text) == ()
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [{**GOOD, "Sid": "AllowSNSToSendMessage"}],
    }


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(GOOD, id="as Amazon writes it"),
        pytest.param({**GOOD, "Principal": {"AWS": "*"}}, id="everyone in the long form"),
        pytest.param({**GOOD, "Principal": {"Service": "sns.amazonaws.com"}}, id="SNS"),
        pytest.param({**GOOD, "Principal": {"Service": ["sns.ap-east-1.amazonaws.com"]}}, id="SNS of a region"),
        pytest.param({**GOOD, "Action": ["SQS:SendMessage"]}, id="a list, and other capitals"),
        pytest.param({**GOOD, "Resource": [QUEUE]}, id="a list of queues"),
        *(
            pytest.param({**GOOD, "Condition": condition}, id=json.dumps(condition))
            for condition in (
                {"ArnLike": {"aws:SourceArn": TOPIC}},
                {"StringEquals": {"aws:SourceArn": TOPIC}},
                {"StringLike": {"aws:SourceArn": TOPIC}},
                {"stringEqualsIgnoreCase": {"AWS:SOURCEARN": TOPIC}},
                {"ForAnyValue:ArnEquals": {"aws:SourceArn": [TOPIC]}},
                {"ArnEquals": {"aws:sourcearn": [TOPIC, TOPIC]}},
                {**SOURCE, "StringEquals": {"aws:SourceAccount": "999988887777"}},
                {**SOURCE, "Bool": {"aws:SecureTransport": True}},
                {**SOURCE, "BoolIfExists": {"aws:SecureTransport": "true"}},
                {**SOURCE, "ArnLike": {"aws:SourceArn": "arn:aws:sns:*:999988887777:*"}},
            )
        ),
    ],
)
def test_a_statement_that_lets_the_topic_in_and_nobody_else_is_good(statement: dict[str, Any]) -> None:
    assert told(statement) == []
    assert told(OWNER, statement) == []


def test_one_statement_needs_no_list() -> None:
    assert lint(json.dumps({"Statement": GOOD})) == ()


@pytest.mark.parametrize("policy", [None, "", " \n"])
def test_a_queue_without_a_policy_is_closed(policy: str | None) -> None:
    assert lint(policy) == (
        Finding(
            Severity.ERROR,
            "The queue has no access policy, so Amazon's notifications cannot arrive.",
            "Give the queue the policy shown here.",
        ),
    )


UNREADABLE = [
    ("{", "The queue's access policy is not JSON."),
    ("[" * 100_000, "The queue's access policy is not JSON."),
    ("[]", "The queue's access policy has no list of statements."),
    ("{}", "The queue's access policy has no list of statements."),
    ('{"Statement": []}', "The queue's access policy has no list of statements."),
    ('{"Statement": "x"}', "The queue's access policy has no list of statements."),
    (json.dumps({"Statement": [GOOD] * 101}), "The queue's access policy has no list of statements."),
    ('{"Statement": ["x"]}', "Statement 1 of the queue's access policy is no object."),
    *(
        (json.dumps({"Statement": [GOOD, statement]}), sentence)
        for statement, sentence in (
            (without("Effect"), "Statement “Amazon” of the queue's access policy neither allows nor denies (Effect)."),
            (
                {**without("Sid"), "Effect": "allow"},
                "Statement 2 of the queue's access policy neither allows nor denies (Effect).",
            ),
            (
                {**GOOD, "Effect": ["Allow"]},
                "Statement “Amazon” of the queue's access policy neither allows nor denies (Effect).",
            ),
            (without("Principal"), "Statement “Amazon” of the queue's access policy needs one Principal."),
            ({**GOOD, "NotAction": "x"}, "Statement “Amazon” of the queue's access policy needs one Action."),
            (without("Resource"), "Statement “Amazon” of the queue's access policy needs one Resource."),
            ({**GOOD, "Principal": "x"}, "Statement “Amazon”: Principal of the queue's access policy cannot be read."),
            ({**GOOD, "Principal": {}}, "Statement “Amazon”: Principal of the queue's access policy cannot be read."),
            (
                {**GOOD, "Principal": {"AWS": 111122223333}},
                "Statement “Amazon”: Principal of the queue's access policy cannot be read.",
            ),
            ({**GOOD, "Action": []}, "Statement “Amazon”: Action of the queue's access policy cannot be read."),
            ({**GOOD, "Resource": [1]}, "Statement “Amazon”: Resource of the queue's access policy cannot be read."),
            ({**GOOD, "Condition": []}, "Statement “Amazon”: Condition of the queue's access policy cannot be read."),
            (
                {**GOOD, "Condition": {"ArnEquals": TOPIC}},
                "Statement “Amazon”: Condition of the queue's access policy cannot be read.",
            ),
            (
                {**GOOD, "Condition": {"ArnEquals": {"aws:SourceArn": {}}}},
                "Statement “Amazon”: Condition of the queue's access policy cannot be read.",
            ),
        )
    ),
]


@pytest.mark.parametrize(("policy", "sentence"), UNREADABLE)
def test_a_policy_that_cannot_be_read_is_no_good_policy(policy: str, sentence: str) -> None:
    assert lint(policy) == (Finding(Severity.ERROR, sentence, "Replace the policy by the one shown here."),)


ALONE = [
    pytest.param(
        without("Condition"),
        ["error: Statement “Amazon” lets anybody at all send: it has no condition."],
        id="anybody",
    ),
    pytest.param(
        {**without("Sid"), "Principal": {"AWS": "*"}, "Condition": {}},
        ["error: Statement 1 lets anybody at all send: it has no condition."],
        id="anybody, in the long form",
    ),
    pytest.param(
        {**without("Condition"), "Principal": {"Service": "sns.amazonaws.com"}},
        ["error: Statement “Amazon” lets any SNS topic of anybody send."],
        id="any topic",
    ),
    *(
        pytest.param(
            {**GOOD, "Condition": condition},
            ["error: Statement “Amazon” has no condition that holds every sender to the topic."],
            id=json.dumps(condition),
        )
        for condition in (
            {"Bool": {"aws:SecureTransport": "true"}},
            {"ArnEqualsIfExists": {"aws:SourceArn": TOPIC}},
            {"ForAllValues:ArnEquals": {"aws:SourceArn": TOPIC}},
            {"ArnNotEquals": {"aws:SourceArn": OTHER_TOPIC}},
            {"StringNotLike": {"aws:SourceArn": "arn:aws:s3:*"}},
            {"StringEqualsIfExists": {"aws:SourceAccount": "999988887777"}},
            {"StringLike": {"aws:SourceAccount": "9999*"}},
        )
    ),
    pytest.param(
        {**GOOD, "Condition": {"StringEquals": {"aws:SourceAccount": "999988887777"}}},
        ["warning: Statement “Amazon” lets every topic of account 999988887777 send, not Amazon's alone."],
        id="every topic of Amazon's account",
    ),
    pytest.param(
        {**GOOD, "Condition": {"ArnEquals": {"aws:SourceArn": OTHER_TOPIC}}},
        [NOTHING_ARRIVES, f"error: Statement “Amazon” lets another topic send: {OTHER_TOPIC}."],
        id="another topic",
    ),
    pytest.param(
        {**GOOD, "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:999988887777:*"}}},
        [
            NOTHING_ARRIVES,
            "error: Statement “Amazon” lets another topic send: arn:aws:sns:us-east-1:999988887777:*.",
        ],
        id="a star that means nothing",
    ),
    pytest.param(
        {**GOOD, "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC.upper()}}},
        [NOTHING_ARRIVES, f"error: Statement “Amazon” lets another topic send: {TOPIC.upper()}."],
        id="an ARN in capitals",
    ),
    pytest.param(
        {**GOOD, "Condition": {"ArnEquals": {"aws:SourceArn": [TOPIC, OTHER_TOPIC]}}},
        [f"warning: Statement “Amazon” lets other topics send: {OTHER_TOPIC}."],
        id="two topics",
    ),
    pytest.param(
        {**GOOD, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:999988887777:*"}}},
        ["warning: Statement “Amazon” lets other topics send: arn:aws:sns:*:999988887777:*."],
        id="Amazon's topics",
    ),
    *(
        pytest.param(
            {**GOOD, "Condition": {operator: {"aws:SourceArn": pattern}}},
            [f"error: Statement “Amazon” lets topics of strangers send: {pattern}."],
            id=f"{operator} {pattern}",
        )
        for operator in ("ArnLike", "ArnEquals", "StringLike")
        for pattern in ("arn:aws:sns:*:*:*", "arn:aws:sns:us-east-1:*", "*", "arn:aws:sns:us-east-1:?99988887777:*")
    ),
    pytest.param(
        {**GOOD, "Condition": {**SOURCE, "StringEquals": {"aws:SourceAccount": "111122223333"}}},
        [NOTHING_ARRIVES],
        id="the wrong account beside the right topic",
    ),
    pytest.param(
        {**GOOD, "Condition": {**SOURCE, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        ["warning: Statement “Amazon” may keep Amazon's topic out: it depends on ipaddress aws:sourceip."],
        id="a further condition",
    ),
    pytest.param(
        {**GOOD, "Action": "sqs:*"},
        ["error: Statement “Amazon” allows more than to send: sqs:*."],
        id="every action",
    ),
    pytest.param(
        {**GOOD, "Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "SQS:Send*"]},
        ["error: Statement “Amazon” allows more than to send: sqs:receivemessage, sqs:send*."],
        id="some more actions",
    ),
    pytest.param(
        {**GOOD, "Action": "sqs:ReceiveMessage"},
        [NOTHING_ARRIVES, "error: Statement “Amazon” allows more than to send: sqs:receivemessage."],
        id="another action",
    ),
    pytest.param(
        {**without("Action"), "NotAction": "sqs:DeleteQueue"},
        ["error: Statement “Amazon” allows everything but what it names (NotAction)."],
        id="NotAction",
    ),
    pytest.param(
        {**without("Action"), "NotAction": "sqs:SendMessage"},
        [NOTHING_ARRIVES, "error: Statement “Amazon” allows everything but what it names (NotAction)."],
        id="NotAction of the one that matters",
    ),
    pytest.param(
        {**without("Principal"), "NotPrincipal": {"AWS": "444455556666"}},
        ["error: Statement “Amazon” lets in everybody but those whom it names (NotPrincipal)."],
        id="NotPrincipal",
    ),
    pytest.param(
        {**GOOD, "Resource": "*"},
        ["warning: Statement “Amazon” does not name this queue, but a pattern of queues."],
        id="every queue",
    ),
    pytest.param(
        {**GOOD, "Resource": f"{QUEUE}-2"},
        [NOTHING_ARRIVES, f"error: Statement “Amazon” is about another queue than this one: {QUEUE}-2."],
        id="another queue",
    ),
    pytest.param(
        {**without("Resource"), "NotResource": f"{QUEUE}-2"},
        ["warning: Statement “Amazon” is about every queue but those that it names (NotResource)."],
        id="NotResource",
    ),
    pytest.param(
        {**GOOD, "Principal": {"AWS": AMAZON}},
        [
            NOTHING_ARRIVES,
            f"warning: Statement “Amazon” names {AMAZON}, which is neither Amazon SNS nor this queue's account.",
        ],
        id="Amazon's account in place of SNS",
    ),
    pytest.param(OWNER, [NOTHING_ARRIVES], id="the owner alone"),
]


@pytest.mark.parametrize(("statement", "sentences"), ALONE)
def test_what_is_wrong_with_a_statement_is_named(statement: dict[str, Any], sentences: list[str]) -> None:
    assert told(statement) == sentences


BESIDE = [
    pytest.param(
        {**without("Condition"), "Sid": "Open"},
        ["error: Statement “Open” lets anybody at all send: it has no condition."],
        id="anybody too",
    ),
    pytest.param(
        {**GOOD, "Sid": "Old", "Condition": {"ArnEquals": {"aws:SourceArn": OTHER_TOPIC}}},
        [f"warning: Statement “Old” lets other topics send: {OTHER_TOPIC}."],
        id="another topic too",
    ),
    pytest.param(
        {**GOOD, "Sid": "Old", "Resource": f"{QUEUE}-2"},
        [f"warning: Statement “Old” is about another queue than this one: {QUEUE}-2."],
        id="another queue too",
    ),
    pytest.param(
        {**OWNER, "Sid": "Friend", "Principal": {"AWS": ["444455556666", "111122223333"]}},
        [
            "error: Statement “Friend” names 444455556666, which is neither Amazon SNS nor this queue's account.",
            "error: Statement “Friend” allows more than to send: sqs:*.",
        ],
        id="a friend's account",
    ),
    pytest.param(
        {**without("Condition"), "Sid": "Events", "Principal": {"Service": "events.amazonaws.com"}},
        ["error: Statement “Events” names events.amazonaws.com, which is neither Amazon SNS nor this queue's account."],
        id="another service",
    ),
    pytest.param(
        {**without("Condition"), "Sid": "Look", "Action": "sqs:ReceiveMessage"},
        ["error: Statement “Look” allows more than to send: sqs:receivemessage."],
        id="anybody may read",
    ),
    pytest.param(
        {**OWNER, "Principal": {"AWS": "arn:aws:iam::111122223333:role/consumer"}, "Action": "sqs:ReceiveMessage"},
        [],
        id="our own consumer",
    ),
    pytest.param(deny(), ["error: Statement “No” forbids Amazon's topic to send into this queue."], id="deny all"),
    pytest.param(
        deny(Condition=SOURCE, Action="sqs:SendMessage", Resource="*"),
        ["error: Statement “No” forbids Amazon's topic to send into this queue."],
        id="deny the topic",
    ),
    pytest.param(
        deny(Principal={"Service": "sns.amazonaws.com"}),
        ["error: Statement “No” forbids Amazon's topic to send into this queue."],
        id="deny SNS",
    ),
    pytest.param(
        deny(Condition={"ArnNotEquals": {"aws:SourceArn": OTHER_TOPIC}}),
        ["error: Statement “No” forbids Amazon's topic to send into this queue."],
        id="deny all but another topic",
    ),
    pytest.param(
        {
            "Sid": "No",
            "Effect": "Deny",
            "NotPrincipal": {"AWS": "111122223333"},
            "NotAction": "sqs:ReceiveMessage",
            "NotResource": f"{QUEUE}-2",
        },
        ["error: Statement “No” forbids Amazon's topic to send into this queue."],
        id="deny with contraries",
    ),
    pytest.param(
        deny(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
        ["warning: Statement “No” may forbid Amazon's topic to send: it depends on stringnotequals aws:sourcevpce."],
        id="deny what is not from here",
    ),
    *(
        pytest.param(statement, [], id=json.dumps(statement))
        for statement in (
            deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
            deny(Condition={"ArnNotEquals": {"aws:SourceArn": [OTHER_TOPIC, TOPIC]}}),
            deny(Condition={"ArnNotLike": {"AWS:SourceArn": "arn:aws:sns:*:999988887777:*"}}),
            deny(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "Bool": {"aws:SecureTransport": False}}),
            deny(Action="sqs:ReceiveMessage"),
            deny(Resource=f"{QUEUE}-2"),
            deny(Principal={"AWS": "444455556666"}),
            {**OWNER, "Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}},
        )
    ),
]


@pytest.mark.parametrize(("statement", "sentences"), BESIDE)
def test_a_good_statement_does_not_hide_what_stands_beside_it(statement: dict[str, Any], sentences: list[str]) -> None:
    assert told(GOOD, statement) == sentences
    assert told(statement, GOOD) == sentences


def test_errors_come_first_and_each_has_its_remedy() -> None:
    findings = lint(json.dumps({"Statement": [{**GOOD, "Resource": "*"}, {**GOOD, "Action": "*"}]}))
    assert findings == (
        Finding(
            Severity.ERROR,
            "Statement “Amazon” allows more than to send: *.",
            'Set its Action to "sqs:SendMessage" alone.',
        ),
        Finding(
            Severity.WARNING,
            "Statement “Amazon” does not name this queue, but a pattern of queues.",
            f"Set its Resource to {QUEUE}.",
        ),
    )


def test_the_remedy_of_a_wrong_source_can_be_copied() -> None:
    (finding,) = lint(json.dumps({"Statement": without("Condition")}))
    assert finding.fix == f'Give it the condition "ArnEquals": {{"aws:SourceArn": "{TOPIC}"}}.'


def test_what_the_policy_says_is_shown_without_its_tricks() -> None:
    name, resource = "\x1b[1m" + "N" * 200, "\u202e" + "r" * 200
    (finding,) = lint(json.dumps({"Statement": [GOOD, {**GOOD, "Sid": name, "Resource": resource}]}))
    assert finding.sentence == (f"Statement “[1m{'N' * 116}…” is about another queue than this one: {'r' * 119}….")


def test_brackets_and_many_stars_are_harmless() -> None:
    statements = [{**GOOD, "Resource": "*a" * 5000}, {**GOOD, "Resource": "[a-z]*"}, GOOD]
    began = time.perf_counter()
    sentences = told(*statements)
    assert time.perf_counter() - began < 2
    assert [sentence[:60] for sentence in sentences] == [
        "warning: Statement “Amazon” is about another queue than this",
        "warning: Statement “Amazon” is about another queue than this",
    ]
