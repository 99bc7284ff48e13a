"""What is wrong with the access policy of the notification queue. Plain Python.

Amazon's topic must be able to send into the queue, and nobody else (page `catalog_faq`). Each statement is judged by
what it does to one delivery: Amazon SNS, for our topic, sends a message into our queue. Source: AWS IAM user guide,
"IAM JSON policy element reference".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

SEND = "sqs:sendmessage"
MAX_STATEMENTS = 100
MAX_SHOWN = 120

_SNS = re.compile(r"sns(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_ACCOUNT = re.compile(r"(?:arn:[a-z-]+:(?:iam|sts)::)?(?P<account>[0-9]{12})(?::.+)?")
_OPERATOR = re.compile(
    r"(?:foranyvalue:)?(?P<kind>string|arn|bool)(?P<negated>not)?(?P<match>equalsignorecase|equals|like|)"
)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do. An error keeps Amazon's messages out, or lets others' in."""

    severity: Severity
    sentence: str
    fix: str


@dataclass(frozen=True, slots=True)
class _Delivery:
    queue_arn: str
    topic_arn: str

    @property
    def own_account(self) -> str:
        return _part(self.queue_arn, 4)

    @property
    def topic_account(self) -> str:
        return _part(self.topic_arn, 4)

    @property
    def context(self) -> Mapping[str, str]:
        """The condition keys of which we know what SNS sends."""
        return {
            "aws:sourcearn": self.topic_arn,
            "aws:sourceaccount": self.topic_account,
            "aws:securetransport": "true",
        }


@dataclass(frozen=True, slots=True)
class _Condition:
    """One operator on one key, in small letters."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool | None:
        """None: not to be told from here."""
        actual = context.get(self.key)
        operator = _OPERATOR.fullmatch(self.operator.removeprefix("forallvalues:").removesuffix("ifexists"))
        if actual is None or operator is None:
            return None
        fits = any(_fits(actual, value, operator["kind"], operator["match"]) for value in self.values)
        return fits != bool(operator["negated"])

    def admits_only(self, key: str) -> bool:
        """Whether nobody passes who has not one of the values: ForAllValues and IfExists pass who has no such key."""
        operator = _OPERATOR.fullmatch(self.operator)
        return self.key == key and operator is not None and not operator["negated"]

    def is_pattern(self, value: str) -> bool:
        return ("*" in value or "?" in value) and (self.operator.endswith("like") or "arn" in self.operator)


@dataclass(frozen=True, slots=True)
class _Statement:
    """Each part as a tuple, with whether it is the part's contrary (NotPrincipal, NotAction, NotResource)."""

    name: str
    allows: bool
    principals: tuple[tuple[str, str], ...]
    but_principals: bool
    actions: tuple[str, ...]
    but_actions: bool
    resources: tuple[str, ...]
    but_resources: bool
    conditions: tuple[_Condition, ...]

    def applies(self, delivery: _Delivery) -> bool | None:
        """Whether it decides about the delivery; None: not to be told from here."""
        parts = (
            any(map(_is_anyone_or_sns, self.principals)) != self.but_principals,
            self.is_about_sending,
            any(_matches(delivery.queue_arn, resource) for resource in self.resources) != self.but_resources,
        )
        return _all([*parts, *(condition.holds(delivery.context) for condition in self.conditions)])

    @property
    def is_about_sending(self) -> bool:
        return any(_matches(SEND, action) for action in self.actions) != self.but_actions

    @property
    def lets_open_principals_send(self) -> bool:
        """Principals that stand for many senders: only a condition can tell those apart."""
        is_open = not self.but_principals and any(map(_is_anyone_or_sns, self.principals))
        return is_open and self.is_about_sending


class _Unreadable(Exception):
    pass


def lint(policy: str | None, *, queue_arn: str, topic_arn: str) -> tuple[Finding, ...]:
    """What is wrong with a queue's policy, as SQS gives it (None or "" for none), errors first; () if nothing is."""
    delivery = _Delivery(queue_arn, topic_arn)
    replace = "Replace the policy by the one shown here."
    if not policy or not policy.strip():
        sentence = "The queue has no access policy, so Amazon's notifications cannot arrive."
        return (Finding(Severity.ERROR, sentence, "Give the queue the policy shown here."),)
    try:
        statements = tuple(_statements(policy))
    except _Unreadable as error:
        return (Finding(Severity.ERROR, str(error), replace),)
    return tuple(sorted(_findings(statements, delivery), key=lambda finding: finding.severity is Severity.WARNING))


def good_policy(queue_arn: str, topic_arn: str) -> str:
    """A policy to copy: this topic may send into this queue, and nobody else may do anything."""
    statement = {
        "Sid": "AllowSNSToSendMessage",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def _findings(statements: Sequence[_Statement], delivery: _Delivery) -> Iterator[Finding]:
    arrives = _any(statement.applies(delivery) for statement in statements if statement.allows)
    if arrives is False:
        yield Finding(
            Severity.ERROR,
            f"No statement lets Amazon's topic send ({_shown(delivery.topic_arn)}): its notifications cannot arrive.",
            "Add the statement of the policy shown here.",
        )
    for statement in statements:
        if statement.allows:
            yield from _of_an_allow(statement, delivery, arrives=arrives)
        else:
            yield from _of_a_deny(statement, delivery)


def _of_a_deny(statement: _Statement, delivery: _Delivery) -> Iterator[Finding]:
    applies = statement.applies(delivery)
    if applies:
        sentence = f"{statement.name} forbids Amazon's topic to send into this queue."
        yield Finding(Severity.ERROR, sentence, "Take it out, or make an exception for the topic.")
    if applies is None:
        keys = _keys_unknown(statement, delivery)
        sentence = f"{statement.name} may forbid Amazon's topic to send: it depends on {keys}."
        yield Finding(Severity.WARNING, sentence, "Make an exception for the topic (ArnNotEquals, aws:SourceArn).")


def _of_an_allow(statement: _Statement, delivery: _Delivery, *, arrives: bool | None) -> Iterator[Finding]:
    yield from _of_contraries(statement)
    yield from _of_principals(statement, delivery)
    yield from _of_actions(statement, delivery)
    yield from _of_resources(statement, delivery, harmless=arrives is not False)
    if statement.lets_open_principals_send:
        yield from _of_sources(statement, delivery, arrives=arrives)
        yield from _of_further_conditions(statement, delivery, arrives=arrives)


def _of_contraries(statement: _Statement) -> Iterator[Finding]:
    if statement.but_principals:
        sentence = f"{statement.name} lets in everybody but those whom it names (NotPrincipal)."
        yield Finding(Severity.ERROR, sentence, "Use Principal, with a condition that names the topic.")
    if statement.but_actions:
        sentence = f"{statement.name} allows everything but what it names (NotAction)."
        yield Finding(Severity.ERROR, sentence, 'Use "Action": "sqs:SendMessage".')
    if statement.but_resources:
        sentence = f"{statement.name} is about every queue but those that it names (NotResource)."
        yield Finding(Severity.WARNING, sentence, "Use Resource, with this queue's ARN.")


def _of_principals(statement: _Statement, delivery: _Delivery) -> Iterator[Finding]:
    if statement.but_principals:
        return
    bound = any(condition.admits_only("aws:sourcearn") for condition in statement.conditions)
    for principal in statement.principals:
        if not _is_anyone_or_sns(principal) and not _is_own(principal, delivery):
            yield Finding(
                Severity.WARNING if bound else Severity.ERROR,
                f"{statement.name} names {_shown(principal[1])}, which is neither Amazon SNS nor this queue's account.",
                "Take it out, unless you know why it is there. Amazon's topic comes as sns.amazonaws.com.",
            )


def _of_actions(statement: _Statement, delivery: _Delivery) -> Iterator[Finding]:
    """What the queue's own account may do there is its own affair: the console grants it everything."""
    if statement.but_actions or all(_is_own(principal, delivery) for principal in statement.principals):
        return
    if more := [action for action in statement.actions if action != SEND]:
        sentence = f"{statement.name} allows more than to send: {_shown(', '.join(more))}."
        yield Finding(Severity.ERROR, sentence, 'Set its Action to "sqs:SendMessage" alone.')


def _of_resources(statement: _Statement, delivery: _Delivery, *, harmless: bool) -> Iterator[Finding]:
    fix = f"Set its Resource to {delivery.queue_arn}."
    if statement.but_resources or delivery.queue_arn in statement.resources:
        return
    if any(_matches(delivery.queue_arn, resource) for resource in statement.resources):
        yield Finding(Severity.WARNING, f"{statement.name} does not name this queue, but a pattern of queues.", fix)
        return
    severity = Severity.WARNING if harmless else Severity.ERROR
    named = _shown(", ".join(statement.resources))
    yield Finding(severity, f"{statement.name} is about another queue than this one: {named}.", fix)


def _of_sources(statement: _Statement, delivery: _Delivery, *, arrives: bool | None) -> Iterator[Finding]:
    """Whose topics may send, where the principal leaves it open."""
    fix = f'Give it the condition "ArnEquals": {{"aws:SourceArn": "{delivery.topic_arn}"}}.'
    named = [condition for condition in statement.conditions if condition.admits_only("aws:sourcearn")]
    if any(set(condition.values) == {delivery.topic_arn} for condition in named):
        return
    if not named:
        yield _without_source(statement, delivery, fix)
        return
    for condition in named:
        if condition.holds(delivery.context) is False and not arrives:
            named_topics = _shown(", ".join(condition.values))
            yield Finding(Severity.ERROR, f"{statement.name} lets another topic send: {named_topics}.", fix)
        else:
            yield from _of_other_topics(statement, condition, delivery, fix)


def _without_source(statement: _Statement, delivery: _Delivery, fix: str) -> Finding:
    accounts = [condition for condition in statement.conditions if condition.admits_only("aws:sourceaccount")]
    if any(set(condition.values) == {delivery.topic_account} for condition in accounts):
        sentence = f"{statement.name} lets every topic of account {delivery.topic_account} send, not Amazon's alone."
        return Finding(Severity.WARNING, sentence, fix)
    if statement.conditions:
        return Finding(Severity.ERROR, f"{statement.name} has no condition that holds every sender to the topic.", fix)
    if all(_is_sns(principal) for principal in statement.principals):
        return Finding(Severity.ERROR, f"{statement.name} lets any SNS topic of anybody send.", fix)
    return Finding(Severity.ERROR, f"{statement.name} lets anybody at all send: it has no condition.", fix)


def _of_other_topics(statement: _Statement, condition: _Condition, delivery: _Delivery, fix: str) -> Iterator[Finding]:
    for value in condition.values:
        if value == delivery.topic_arn:
            continue
        strangers = condition.is_pattern(value) and _part(value, 4) != delivery.topic_account
        severity = Severity.ERROR if strangers else Severity.WARNING
        whose = "topics of strangers" if strangers else "other topics"
        yield Finding(severity, f"{statement.name} lets {whose} send: {_shown(value)}.", fix)


def _of_further_conditions(statement: _Statement, delivery: _Delivery, *, arrives: bool | None) -> Iterator[Finding]:
    if statement.applies(delivery) is None and arrives is None:
        keys = _keys_unknown(statement, delivery)
        sentence = f"{statement.name} may keep Amazon's topic out: it depends on {keys}."
        yield Finding(Severity.WARNING, sentence, "Take out every condition but the one on aws:SourceArn.")


def _keys_unknown(statement: _Statement, delivery: _Delivery) -> str:
    unknown = (
        f"{condition.operator} {condition.key}"
        for condition in statement.conditions
        if condition.holds(delivery.context) is None
    )
    return _shown(", ".join(unknown))


def _is_anyone_or_sns(principal: tuple[str, str]) -> bool:
    return principal[1] == "*" or _is_sns(principal)


def _is_sns(principal: tuple[str, str]) -> bool:
    return principal[0] == "Service" and _SNS.fullmatch(principal[1]) is not None


def _is_own(principal: tuple[str, str], delivery: _Delivery) -> bool:
    found = _ACCOUNT.fullmatch(principal[1]) if principal[0] == "AWS" else None
    return found is not None and found["account"] == delivery.own_account


def _fits(actual: str, value: str, kind: str, match: str) -> bool:
    """As the condition operators compare: both ARN ones with wildcards, part by part."""
    parts, patterns = actual.split(":", 5), value.split(":", 5)
    if kind == "arn" and len(parts) == len(patterns):
        return all(map(_matches, parts, patterns))
    if kind == "arn" or match == "like":
        return _matches(actual, value)
    return actual.lower() == value.lower() if kind == "bool" or match == "equalsignorecase" else actual == value


def _matches(actual: str, pattern: str) -> bool:
    """AWS knows `*` and `?`; brackets, which fnmatch knows too, stand for themselves."""
    return fnmatchcase(actual, pattern.replace("[", "[[]"))


def _all(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return False if False in found else None if None in found else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return True if True in found else None if None in found else False


def _part(arn: str, number: int) -> str:
    parts = arn.split(":")
    return parts[number] if number < len(parts) else ""


def _shown(text: str) -> str:
    return "".join(filter(str.isprintable, text[:MAX_SHOWN])) + ("…" if len(text) > MAX_SHOWN else "")


def _statements(policy: str) -> Iterator[_Statement]:
    try:
        content = json.loads(policy)
    except (ValueError, RecursionError):
        raise _Unreadable("The queue's access policy is not JSON.") from None
    statements = content.get("Statement") if isinstance(content, dict) else None
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_STATEMENTS:
        raise _Unreadable("The queue's access policy has no list of statements.")
    for number, statement in enumerate(listed, start=1):
        yield _statement(statement, number)


def _statement(content: Any, number: int) -> _Statement:
    if not isinstance(content, dict):
        raise _Unreadable(f"Statement {number} of the queue's access policy is no object.")
    sid = content.get("Sid")
    name = f"Statement “{_shown(sid)}”" if isinstance(sid, str) and sid else f"Statement {number}"
    if content.get("Effect") not in ("Allow", "Deny"):
        raise _Unreadable(f"{name} of the queue's access policy neither allows nor denies (Effect).")
    principals, but_principals = _either(content, "Principal", name)
    actions, but_actions = _either(content, "Action", name)
    resources, but_resources = _either(content, "Resource", name)
    return _Statement(
        name=name,
        allows=content["Effect"] == "Allow",
        principals=tuple(_principals(principals, name)),
        but_principals=but_principals,
        actions=tuple(action.lower() for action in _texts(actions, f"{name}: Action")),
        but_actions=but_actions,
        resources=_texts(resources, f"{name}: Resource"),
        but_resources=but_resources,
        conditions=tuple(_conditions(content.get("Condition", {}), name)),
    )


def _either(content: Mapping[str, Any], part: str, name: str) -> tuple[Any, bool]:
    """The part or its contrary: exactly one of them must be there."""
    if (part in content) == (f"Not{part}" in content):
        raise _Unreadable(f"{name} of the queue's access policy needs one {part}.")
    return (content[part], False) if part in content else (content[f"Not{part}"], True)


def _principals(content: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each with its kind: AWS, Service, Federated or CanonicalUser."""
    if content == "*":
        yield "AWS", "*"
        return
    if not isinstance(content, dict) or not content:
        raise _Unreadable(f"{name}: Principal of the queue's access policy cannot be read.")
    for kind, values in content.items():
        for value in _texts(values, f"{name}: Principal"):
            yield kind, value


def _conditions(content: Any, name: str) -> Iterator[_Condition]:
    unreadable = _Unreadable(f"{name}: Condition of the queue's access policy cannot be read.")
    if not isinstance(content, dict):
        raise unreadable
    for operator, keys in content.items():
        if not isinstance(keys, dict):
            raise unreadable
        for key, values in keys.items():
            yield _Condition(operator.lower(), key.lower(), _texts(values, f"{name}: Condition"))


def _texts(content: Any, place: str) -> tuple[str, ...]:
    """One text or a list of them; conditions may also hold true and false."""
    listed = content if isinstance(content, list) else [content]
    texts = tuple(str(item).lower() if isinstance(item, bool) else item for item in listed)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _Unreadable(f"{place} of the queue's access policy cannot be read.")
    return texts
