"""What is said of how the queue keeps and gives up messages."""

import json

import pytest

from catalog import queue_settings
from catalog.queue_policy import Severity

DEAD = "arn:aws:sqs:us-east-1:111122223333:jwo-catalog-results-dead"


def redrive(count: object = 5, arn: str = DEAD) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


@pytest.mark.parametrize("count", [3, 5, 10, "5"])
def test_a_queue_that_is_set_up_well_has_no_finding(count: object) -> None:
    assert queue_settings.lint(redrive(count), 60) == ()


def test_what_sqs_did_not_say_is_no_finding() -> None:
    assert queue_settings.lint(redrive(), None) == ()


@pytest.mark.parametrize("policy", ["", "no JSON", "[]", "[" * 100_000, redrive(arn="arn:aws:sns:us-east-1:1:x")])
def test_without_a_dead_letter_queue_it_says_to_make_one(policy: str) -> None:
    (finding,) = queue_settings.lint(policy, 60)
    assert finding.severity is Severity.WARNING
    assert finding.sentence.startswith("The queue has no dead-letter queue")
    assert finding.fix.startswith("Make a second queue")
    assert queue_settings.dead_letter_queue(policy) is None


@pytest.mark.parametrize(("count", "shown"), [(1, "1"), (2, "2"), (11, "11"), (1000, "1000"), (None, "None")])
def test_too_few_or_too_many_receives_are_told(count: object, shown: str) -> None:
    (finding,) = queue_settings.lint(redrive(count), 60)
    assert f"after {shown} receives" in finding.sentence
    assert finding.fix == "Set “Maximum receives” to 5."


def test_a_message_that_shows_up_again_too_soon_is_told() -> None:
    (finding,) = queue_settings.lint(redrive(), 30)
    assert "shows up again after 30 seconds" in finding.sentence
    assert finding.fix == "Set the queue's visibility timeout to 60 seconds or more."


def test_the_dead_letter_queue_is_the_one_of_the_redrive_policy() -> None:
    queue = queue_settings.dead_letter_queue(redrive())
    assert queue == queue_settings.DeadLetterQueue(DEAD, "111122223333", "jwo-catalog-results-dead")
