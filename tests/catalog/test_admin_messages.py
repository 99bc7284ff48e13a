"""Messages of the notification queue in the admin, and the queue itself."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import queue_policy
from catalog.models import CatalogMessage, QueueReading
from catalog.statuses import MessageState
from tests.factories import (
    Browser,
    CashierFactory,
    CatalogMessageFactory,
    CatalogUploadFactory,
    ManagerFactory,
    OwnerFactory,
    QueueReadingFactory,
    StrangerFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

MESSAGES = "/admin/catalog/catalogmessage/"
QUEUES = "/admin/catalog/queuereading/"
TOPIC = "arn:aws:sns:us-east-1:999988887777:amazon-gives-this"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:jwo-catalog-results"


@pytest.fixture(autouse=True)
def connected(settings: LazySettings) -> None:
    settings.CATALOG_TOPIC_ARN = TOPIC
    settings.CATALOG_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/111122223333/jwo-catalog-results"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def page_of(message: CatalogMessage) -> str:
    return f"{MESSAGES}{message.pk}/change/"


# -- messages


@pytest.mark.parametrize(
    ("person", "status"), [(OwnerFactory, 200), (ManagerFactory, 200), (CashierFactory, 403), (StrangerFactory, 302)]
)
def test_managers_see_messages_and_others_do_not(person: Any, status: int) -> None:
    message = CatalogMessageFactory()
    browser = signed_in(person())

    pages = [MESSAGES, page_of(message), QUEUES]
    assert [browser.get(page).status_code for page in pages] == [status] * 3


def test_messages_are_neither_added_nor_changed_nor_deleted_by_hand() -> None:
    message = CatalogMessageFactory()
    browser = signed_in(OwnerFactory())

    assert browser.get(f"{MESSAGES}add/").status_code == 403
    assert browser.post(page_of(message), {"state": "RECEIVED"}).status_code == 403
    assert browser.post(f"{MESSAGES}{message.pk}/delete/", {"post": "yes"}).status_code == 403
    assert CatalogMessage.objects.get().state == "HANDLED"


def test_the_list_says_in_words_what_came_of_each(manager: Browser) -> None:
    upload = CatalogUploadFactory()
    CatalogMessageFactory(upload=upload, times=3)
    CatalogMessageFactory(state="SET_ASIDE", kind="", reason="The message is not JSON.")
    CatalogMessageFactory(
        state="REFUSED", kind="SubscriptionConfirmation", reason="See https://a.example/x?Token=secret"
    )

    answer = manager.get(MESSAGES)

    page = text_of(answer)
    assert f"Notification {upload} Worked 3 Nothing new: this was known already." in page
    assert "Without Amazon's envelope — Set aside: could not be worked 1 The message is not JSON." in page
    assert "Request to confirm the subscription — Refused: not from Amazon 1 See https://a.example/x?…" in page
    assert not [state for state in MessageState.values if state in page]
    assert "secret" not in answer.content.decode()


def test_the_list_costs_the_same_whatever_its_length(manager: Browser, django_assert_num_queries: Any) -> None:
    CatalogMessageFactory.create_batch(3, upload=CatalogUploadFactory())
    manager.get(MESSAGES)
    with CaptureQueriesContext(connection) as few:
        manager.get(MESSAGES)
    assert not any('"catalog_catalogmessage"."body"' in query["sql"] for query in few.captured_queries)
    assert not any('"packed"' in query["sql"] for query in few.captured_queries)

    for _ in range(27):
        CatalogMessageFactory(upload=CatalogUploadFactory())
    with django_assert_num_queries(len(few)):
        manager.get(MESSAGES)


def test_messages_are_filtered_and_found(manager: Browser) -> None:
    old = CatalogMessageFactory(received_at=timezone.now() - timedelta(days=9), ingestion_id="ing-old")
    new = CatalogMessageFactory(state="SET_ASIDE")

    def found(query: str) -> list[int]:
        return [row.pk for row in manager.get(MESSAGES + query).context["cl"].result_list]

    assert found("?state__exact=SET_ASIDE") == [new.pk]
    assert found(f"?received_at_to={timezone.now() - timedelta(days=2):%Y-%m-%d}") == [old.pk]
    assert found("?q=ing-old") == [old.pk]
    assert found("?q=ing") == []


def test_the_page_shows_the_message_without_its_keys(manager: Browser) -> None:
    inner = {"ingestionId": "ing-1", "reportDownloadLink": "https://reports.s3.amazonaws.com/r?X-Amz-Signature=secret"}
    body = {"Type": "Notification", "Message": json.dumps(inner), "Token": "secret"}
    message = CatalogMessageFactory(body=json.dumps(body), amazon_status="DONE", ingestion_id="ing-1")

    page = manager.get(page_of(message)).content.decode()

    assert "&quot;reportDownloadLink&quot;: &quot;https://reports.s3.amazonaws.com/r?…&quot;" in page
    assert "secret" not in page
    words = text_of(manager.get(page_of(message)))
    assert "State Worked" in words
    assert "Amazon says done" in words


def test_a_message_is_worked_again(manager: Browser) -> None:
    message = CatalogMessageFactory(state="SET_ASIDE", tries=20)

    answer = manager.post(f"{MESSAGES}{message.pk}/press/replay/")

    message.refresh_from_db()
    assert said(answer) == ["1 message worked again; load the page again in a moment."]
    assert (message.state, message.tries) == ("RECEIVED", 0)
    assert manager.get(page_of(message)).context["page_buttons"] == []
    assert said(manager.post(f"{MESSAGES}{message.pk}/press/replay/"))[-1].startswith("These wait to be worked anyway")


def test_a_message_of_another_environment_is_only_looked_at(manager: Browser) -> None:
    message = CatalogMessageFactory(environment="test")

    page = manager.get(page_of(message))
    answer = manager.post(MESSAGES, {"action": "replay", "_selected_action": [message.pk]})

    assert page.context["page_buttons"] == []
    assert said(answer) == ["These wait to be worked anyway, or are of another environment."]
    assert CatalogMessage.objects.get().state == "HANDLED"


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_work_no_message_again(person: Any, status: int) -> None:
    message = CatalogMessageFactory(state="SET_ASIDE")
    browser = signed_in(person())

    answer = browser.post(f"{MESSAGES}{message.pk}/press/replay/")
    browser.post(MESSAGES, {"action": "replay", "_selected_action": [message.pk]})

    assert answer.status_code == status
    assert CatalogMessage.objects.get().state == "SET_ASIDE"


# -- what the queue itself has set aside


BRING_BACK = "Bring back what was set aside by the queue"


def test_what_the_queue_has_set_aside_is_counted_and_brought_back_by_a_worker(manager: Browser) -> None:
    QueueReadingFactory(dead_letters=3)

    page = text_of(manager.get(MESSAGES))
    answer = manager.post(f"{MESSAGES}+press/bring_back/")

    assert "The queue itself has set 3 messages aside: received several times and never kept." in page
    assert BRING_BACK in page
    assert said(answer) == ["3 messages brought back; load the page again in a moment."]
    assert QueueReading.objects.get().bring_back_at is not None


def test_an_empty_dead_letter_queue_gives_nothing_back(manager: Browser) -> None:
    QueueReadingFactory()

    assert said(manager.post(f"{MESSAGES}+press/bring_back/")) == ["There is nothing in the dead-letter queue."]
    assert QueueReading.objects.get().bring_back_at is None


def test_without_a_dead_letter_queue_nothing_is_offered(manager: Browser) -> None:
    QueueReadingFactory(redrive_policy="", dead_letters=None, policy=queue_policy.good_policy(QUEUE, TOPIC))

    assert BRING_BACK not in text_of(manager.get(MESSAGES))
    page = queue_page(manager)
    assert "no dead-letter queue" in page
    assert "Make a second queue and choose it as this one's dead-letter queue" in page
    assert "Look at it" in text_of(manager.get(QUEUES))


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_bring_nothing_back(person: Any, status: int) -> None:
    QueueReadingFactory(dead_letters=3)

    assert signed_in(person()).post(f"{MESSAGES}+press/bring_back/").status_code == status
    assert QueueReading.objects.get().bring_back_at is None


# -- the queue


def queue_page(browser: Browser) -> str:
    link = re.search(rf'href="({QUEUES}[^"]+/change/)[^"]*"', browser.get(QUEUES).content.decode())
    assert link
    return text_of(browser.get(link[1]))


def test_the_queue_says_how_deep_it_is_and_whether_it_is_subscribed(manager: Browser) -> None:
    QueueReadingFactory(
        depth=3, in_flight=2, confirmed_at=timezone.now(), policy=queue_policy.good_policy(QUEUE, TOPIC)
    )

    listed, page = text_of(manager.get(QUEUES)), queue_page(manager)

    assert "jwo-catalog-results 3 messages" in listed
    assert "Good" in listed
    assert "Subscription confirmed" in page
    assert "What is wrong nothing" in page
    assert "Being worked 2" in page


def test_a_bad_policy_is_shown_with_what_is_wrong_and_a_good_one_to_copy(manager: Browser) -> None:
    statement = {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE}
    QueueReadingFactory(policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    page = queue_page(manager)

    assert "Must be mended" in text_of(manager.get(QUEUES))
    assert "Statement “Open” lets anybody at all send: it has no condition." in page
    assert "not confirmed from here" in page
    assert f'"ArnEquals": {{ "aws:SourceArn": "{TOPIC}" }}' in page


def test_a_queue_that_stays_away_says_since_when(manager: Browser) -> None:
    QueueReadingFactory(problem="The notification queue cannot be read: AccessDenied.", failing_since=timezone.now())

    assert "The notification queue cannot be read: AccessDenied. (since " in queue_page(manager)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CATALOG_QUEUE_URL", "No queue is set up (CATALOG_QUEUE_URL): uploads are followed by asking Amazon alone."),
        ("CATALOG_TOPIC_ARN", "CATALOG_TOPIC_ARN is not set: every signed message is refused."),
    ],
)
def test_what_is_not_set_up_is_said_above_the_list(
    manager: Browser, settings: LazySettings, name: str, words: str
) -> None:
    setattr(settings, name, "")
    QueueReadingFactory()

    page = text_of(manager.get(QUEUES))

    assert words in page
    if name == "CATALOG_TOPIC_ARN":
        assert "Not known yet" in page
        assert "It is shown here when the queue was read once" in queue_page(manager)
