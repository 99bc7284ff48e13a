"""What is wrong with how the notification queue keeps and gives up messages. Plain Python.

A message that is received and not deleted comes again after the visibility timeout, and after so many receives SQS
moves it to the dead-letter queue. Source: Amazon SQS developer guide, "visibility timeout" and "dead-letter queues".
"""

import json
import re
from dataclasses import dataclass

from catalog.queue_policy import Finding, Severity

RECEIVES = 5
"""What we advise: a worker that stops in the middle of a round costs a message one receive."""

FEW, MANY = 3, 10
LONGEST_ROUND = 60
"""Seconds that one round of ten messages may take, from receiving them to deleting the last."""

_ARN = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)")


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    arn: str
    account: str
    name: str


def dead_letter_queue(redrive_policy: str) -> DeadLetterQueue | None:
    """Where SQS moves what nobody could take, by the queue's redrive policy; None if nowhere that can be read."""
    target = _ARN.fullmatch(str(_read(redrive_policy).get("deadLetterTargetArn", "")))
    return DeadLetterQueue(target[0], target["account"], target["name"]) if target else None


def lint(redrive_policy: str, visibility_timeout: int | None) -> tuple[Finding, ...]:
    """What is wrong, with what to do; the settings are as SQS gives them, "" and None where it gives none."""
    found = [_of_dead_letters(redrive_policy), _of_visibility(visibility_timeout)]
    return tuple(finding for finding in found if finding)


def _of_dead_letters(redrive_policy: str) -> Finding | None:
    if dead_letter_queue(redrive_policy) is None:
        sentence = (
            "The queue has no dead-letter queue: what cannot be taken from it comes again until it is thrown away."
        )
        fix = f"Make a second queue and choose it as this one's dead-letter queue, with {RECEIVES} “Maximum receives”."
        return Finding(Severity.WARNING, sentence, fix)
    count = str(_read(redrive_policy).get("maxReceiveCount", ""))
    if count.isdecimal() and FEW <= int(count) <= MANY:
        return None
    comes = "a worker that is started anew can lose it there" if count in ("1", "2") else "until then it comes again"
    sentence = f"The queue moves a message to its dead-letter queue after {count[:20]} receives: {comes}."
    return Finding(Severity.WARNING, sentence, f"Set “Maximum receives” to {RECEIVES}.")


def _of_visibility(seconds: int | None) -> Finding | None:
    if seconds is None or seconds >= LONGEST_ROUND:
        return None
    sentence = (
        f"A message that is being worked shows up again after {seconds} seconds, but one round of ten may take "
        f"{LONGEST_ROUND}: it is received more often than need be, and may end in the dead-letter queue."
    )
    fix = f"Set the queue's visibility timeout to {LONGEST_ROUND} seconds or more."
    return Finding(Severity.WARNING, sentence, fix)


def _read(redrive_policy: str) -> dict[str, object]:
    try:
        found = json.loads(redrive_policy)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
