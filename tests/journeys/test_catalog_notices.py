"""What Amazon tells of its own accord: before it is asked and after, twice, late, wrong, or in somebody else's name.

The first question would be asked after a minute, so that whatever ends sooner was told.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.journeys import catalog
from tests.journeys.catalog import TOLD_STORES, TOPIC, Call, Message, Upload, local
from tests.journeys.house import House
from tests.journeys.processes import until
from tests.journeys.seals import Seals
from tests.journeys.wire import Snare

pytestmark = pytest.mark.journey

WITHIN = 30.0
SENT: Call = ("SEND", 201)
ASKED: Call = ("STATUS", 200)
FETCHED: Call = ("REPORT", None)
UNKNOWN = "Notification of an unknown upload"

Seen = tuple[str, str, int]
"""State of a message, words of its reason, and how often it came."""

DONE: Seen = ("HANDLED", "done", 1)


@dataclass(frozen=True, slots=True)
class Story:
    """What Amazon tells of one upload. `asks`: nothing is known until somebody asks."""

    name: str
    switches: tuple[dict[str, Any], ...] = ()
    messages: tuple[Seen, ...] = (DONE,)
    asks: bool = False
    calls: tuple[Call, ...] = (SENT, FETCHED)
    status: str = "FINISHED"
    orphans: int = 0

    @property
    def store_id(self) -> str:
        return STORE_OF[self.name]


def one(mode: str, **options: Any) -> tuple[dict[str, Any], ...]:
    return ({"mode": mode, **options},)


def not_believed(name: str, mode: str, state: str, words: str) -> Story:
    return Story(name, one(mode), ((state, words, 1),), asks=True, calls=(SENT, ASKED, FETCHED))


STORIES = [
    Story("told well"),
    Story("told twice", one("notice_twice"), (("HANDLED", "done", 2),)),
    Story("told twenty times", one("notice_many"), (("HANDLED", "done", 20),)),
    Story("told out of order", one("notice_out_of_order"), (DONE, ("HANDLED", "", 1))),
    Story("told late", one("notice_none"), (("HANDLED", "known already", 1),), asks=True, calls=(SENT, ASKED, FETCHED)),
    Story("told never", one("notice_none"), (), asks=True, calls=(SENT, ASKED, FETCHED)),
    Story("told early", one("catalog_slow", call="upload", seconds=0.9)),
    Story("told with an old link", one("link_expired", call="notification"), calls=(SENT, FETCHED, ASKED, FETCHED)),
    Story("told without a link", one("link_missing", call="notification"), calls=(SENT, ASKED, FETCHED)),
    Story(
        "told of failure",
        one("ingestion_fatal"),
        (("HANDLED", "failed as a whole", 1),),
        calls=(SENT,),
        status="FAILED",
    ),
    Story("told of a stranger", one("notice_orphan"), orphans=1),
    Story(
        "answer lost",
        one("catalog_lost_answer", call="upload", times=1),
        calls=(("SEND", None), SENT, FETCHED),
        orphans=1,
    ),
    not_believed("cut in half", "notice_malformed", "SET_ASIDE", "not JSON"),
    not_believed("not signed", "notice_unsigned", "REFUSED", "does not say where its certificate stands"),
    not_believed("forged", "notice_forged", "REFUSED", "signature does not belong"),
    not_believed("foreign certificate", "notice_foreign_certificate", "REFUSED", "certificate"),
    not_believed("other topic", "notice_other_topic", "REFUSED", "not of the one that is configured"),
]
NAMES = [story.name for story in STORIES]
BY_NAME = {story.name: story for story in STORIES}
STORE_OF = dict(zip(NAMES, TOLD_STORES, strict=True))
LATE = BY_NAME["told late"]


@dataclass(slots=True)
class Told:
    """The upload of a story: as it stood before anybody asked, and in the end."""

    before: Upload
    after: Upload
    messages: list[Message] = field(default_factory=list)


def newest(house: House, story: Story) -> Upload:
    return catalog.uploads(house.records, story.store_id)[-1]


def messages_of(house: House, upload: Upload) -> list[Message]:
    """Also those that were not read as far as to the ingestion they name."""
    sql = f"{catalog.MESSAGES} WHERE body LIKE ? ORDER BY id"
    return [Message(*row) for row in house.records.rows(sql, f"%{upload.ingestion_id}%")]


def seen(messages: Sequence[Message]) -> list[tuple[str, int]]:
    return [(message.state, message.times) for message in messages]


def is_told(house: House, story: Story) -> bool:
    """Amazon has come to an end with it, and whatever comes by itself has come and is worked."""
    upload = newest(house, story)
    ended = {one["ingestion_id"] for one in house.amazon.catalog()["ingestions"] if one["finished_at"]}
    wanted = [(state, times) for state, _, times in story.messages if story != LATE]
    has_come = seen(messages_of(house, upload)) == wanted
    return upload.ingestion_id in ended and has_come and (story.asks or upload.status == story.status)


@pytest.fixture(scope="module")
def last_before(first_upload: House) -> int:
    """The last message that came before these stories."""
    return max(message.pk for message in catalog.messages(first_upload.records))


@pytest.fixture(scope="module")
def told(first_upload: House, last_before: int, seals: Seals) -> Mapping[str, Told]:
    """All uploads at once, each of one product; then what was not told is asked for."""
    house = first_upload
    assert last_before
    for story in STORIES:
        for switch in story.switches:
            house.amazon.misbehave(store_id=story.store_id, **switch)
        catalog.rename(house, local(story.store_id), "Example Lemonade 330 ml")
    house.staff("upload changes")
    for story in STORIES:
        until(
            lambda story=story: is_told(house, story),  # type: ignore[misc]
            WITHIN,
            f"{story.name} has come",
            seen=lambda story=story: (newest(house, story), messages_of(house, newest(house, story))),  # type: ignore[misc]
        )
    before = {story.name: newest(house, story) for story in STORIES}
    for story in STORIES:
        if story.asks:
            house.staff("ask now", upload_id=before[story.name].pk)
    after = {
        name: catalog.wait_for_upload(house, upload.pk, BY_NAME[name].status, WITHIN) for name, upload in before.items()
    }
    late = after[LATE.name]
    house.amazon.put_on_queue(seals.notification(str(late.ingestion_id), "DONE"))
    until(lambda: seen(messages_of(house, late)) == [("HANDLED", 1)], WITHIN, "the late message is worked")
    house.amazon.behave()
    return {name: Told(before[name], after[name], messages_of(house, after[name])) for name in before}


@pytest.mark.parametrize("name", NAMES)
def test_a_message_does_what_it_says_once_and_nothing_more(
    first_upload: House, told: Mapping[str, Told], name: str
) -> None:
    story, found = BY_NAME[name], told[name]
    assert seen(found.messages) == [(state, times) for state, _, times in story.messages]
    for message, (_, words, _) in zip(found.messages, story.messages, strict=True):
        assert words in message.reason
    assert found.before.status == ("FOLLOWED" if story.asks else story.status)
    assert (found.after.status, found.after.items) == (story.status, 1)
    assert found.after.told_by == ("asking" if story.asks else "message")
    assert tuple(catalog.calls(first_upload.records, found.after.pk)) == story.calls
    item = catalog.item(first_upload.records, local(story.store_id), story.store_id)
    assert item.state == ("REFUSED" if story.status == "FAILED" else "LIVE")


def test_what_nobody_knows_is_kept_and_told(first_upload: House, last_before: int, told: Mapping[str, Told]) -> None:
    """Somebody else's, and the ingestion of an upload whose answer was lost: it was sent again, and is live once."""
    house = first_upload
    orphans = [one for one in catalog.messages(house.records) if one.state == "ORPHAN" and one.pk > last_before]
    assert len(orphans) == sum(story.orphans for story in STORIES)
    assert ids_in(orphans) <= {alarm.subject for alarm in house.records.alarms(UNKNOWN)}
    lost = STORE_OF["answer lost"]
    sku = local(lost)
    at_amazon = [one for one in house.amazon.catalog()["ingestions"] if one["ingestion_id"] in ids_in(orphans)]
    assert [(one["kind"], one["items"], one["calls"][0]["mode"]) for one in at_amazon] == [
        ("upload", 1, "catalog_lost_answer")
    ]
    assert told["answer lost"].after.ingestion_id not in ids_in(orphans)
    assert [one["state"] for one in house.amazon.items(sku=sku)] == ["live"]


def ids_in(messages: Sequence[Message]) -> set[str]:
    return {message.ingestion_id for message in messages}


def test_in_the_end_both_agree(first_upload: House, told: Mapping[str, Told]) -> None:
    """Whatever Amazon did not take is refused here, and no message is left unworked."""
    assert told
    catalog.assert_both_agree(first_upload)
    assert {message.state for message in catalog.messages(first_upload.records)} <= WORKED
    assert first_upload.amazon.catalog()["queue"]["visible"] == 0


WORKED = {"HANDLED", "ORPHAN", "REFUSED", "SET_ASIDE"}


# --- A crowd, with poison in it -------------------------------------------------------------------------------------


@pytest.fixture
def never_ending(first_upload: House, told: Mapping[str, Told]) -> Iterator[Upload]:
    """An upload that Amazon is at work on."""
    assert told
    house, store_id = first_upload, TOLD_STORES[0]
    switch = house.amazon.misbehave("ingestion_never_ends", store_id=store_id)
    catalog.rename(house, local(store_id), f"Example Lemonade {len(catalog.uploads(house.records, store_id))} l")
    house.staff("upload changes")
    until(lambda: catalog.uploads(house.records, store_id)[-1].status == "FOLLOWED", WITHIN, "it is taken in")
    upload = catalog.uploads(house.records, store_id)[-1]
    yield upload
    house.amazon.behave(switch)
    house.amazon.finish(str(upload.ingestion_id))
    catalog.wait_for_upload(house, upload.pk, "FINISHED", WITHIN)


POISON = {
    "no JSON": "<xml/>",
    "half a character": '{"ingestionId": "\\ud800"}',
    "a bomb": "[" * 100_000,
    "of no known type": json.dumps({"Type": "Surprise", "TopicArn": TOPIC, "Message": "x"}),
    "two ingestions": '{"ingestionId": "a", "ingestion_id": "b"}',
    "as long as a queue takes": '{"ingestionId": "' + "x" * 500_000 + '"}',
}


def test_poison_holds_up_none_of_a_hundred_good_ones(first_upload: House, never_ending: Upload, seals: Seals) -> None:
    house = first_upload
    ingestion_id = str(never_ending.ingestion_id)
    good = [seals.notification(ingestion_id, "INPROGRESS") for _ in range(100)]
    bad = list(POISON.values())
    last = len(catalog.messages(house.records))
    for number, body in enumerate(good):
        house.amazon.put_on_queue(body)
        if number % 15 == 0 and bad:
            house.amazon.put_on_queue(bad.pop())
    assert not bad

    def new() -> list[Message]:
        return catalog.messages(house.records)[last:]

    until(
        lambda: len(new()) == len(good) + len(POISON) and states_in(new()) <= WORKED,
        WITHIN,
        "all are worked",
        seen=lambda: new()[-3:],
    )
    states = [message.state for message in new()]
    assert (states.count("HANDLED"), states.count("SET_ASIDE")) == (100, len(POISON))
    aside = [message for message in new() if message.state == "SET_ASIDE"]
    assert all(message.reason for message in aside)
    assert len(house.records.alarms("Message set aside")) >= 3
    assert catalog.upload(house.records, never_ending.pk).amazon_status == "INPROGRESS"
    assert house.amazon.catalog()["queue"]["visible"] == 0


def states_in(messages: Sequence[Message]) -> set[str]:
    return {message.state for message in messages}


# --- Words of strangers --------------------------------------------------------------------------------------------


@pytest.fixture
def snare() -> Iterator[Snare]:
    """Where strangers would have us go."""
    snare = Snare()
    yield snare
    snare.close()


def wait_for_message(house: House, body: str) -> Message:
    """The message with this body, once it is worked."""
    sql = f"{catalog.MESSAGES} WHERE body = ?"

    def found() -> list[Message]:
        return [Message(*row) for row in house.records.rows(sql, body)]

    until(lambda: states_in(found()) and states_in(found()) <= WORKED, WITHIN, "it is worked", seen=found)
    return found()[0]


def test_a_message_without_a_seal_only_makes_us_ask(first_upload: House, never_ending: Upload, snare: Snare) -> None:
    """Whoever may write to the queue could end an upload so, or name a report of his own."""
    house = first_upload
    for word in ("FATAL", "DONE"):
        before = catalog.calls(house.records, never_ending.pk).count(ASKED)
        told = {"ingestionId": never_ending.ingestion_id, "processingStatus": word, "reportDownloadLink": snare.url}
        body = json.dumps(told)
        house.amazon.put_on_queue(body)
        message = wait_for_message(house, body)
        assert (message.state, message.upload_id) == ("HANDLED", never_ending.pk)
        assert "not signed" in message.reason
        until(
            lambda before=before: catalog.calls(house.records, never_ending.pk).count(ASKED) > before,  # type: ignore[misc]
            WITHIN,
            "Amazon is asked",
        )
    assert set(catalog.calls(house.records, never_ending.pk)) == {SENT, ASKED}
    kept = catalog.upload(house.records, never_ending.pk)
    assert kept.status == "FOLLOWED"
    assert kept.amazon_status in ("INQUEUE", "INPROGRESS"), "what Amazon says, and not what the message said"
    assert snare.visitors() == 0


def test_raw_delivery_ends_an_upload_by_asking(first_upload: House, told: Mapping[str, Told]) -> None:
    house, store_id = first_upload, TOLD_STORES[1]
    assert told
    house.amazon.set_catalog(raw_delivery=True)
    try:
        catalog.rename(house, local(store_id), "Example Lemonade 250 ml")
        house.staff("upload changes")
        catalog.wait_for_rest(house, WITHIN)
    finally:
        house.amazon.set_catalog(raw_delivery=False)
    upload = catalog.uploads(house.records, store_id)[-1]
    assert (upload.status, upload.told_by) == ("FINISHED", "asking")
    (message,) = messages_of(house, upload)
    assert (message.state, message.upload_id) == ("HANDLED", upload.pk)


def test_a_subscription_is_confirmed_by_snss_own_call_and_its_address_never_visited(
    first_upload: House, seals: Seals, snare: Snare
) -> None:
    house = first_upload
    address = f"{snare.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=x"
    bodies = {
        "Amazon does not know the token": seals.confirmation(address, "a" * 64),
        "forged": seals.confirmation(address, "b" * 64, is_forged=True),
        "of another topic": seals.confirmation(address, "c" * 64, TopicArn=f"{TOPIC}-2"),
    }
    for body in bodies.values():
        house.amazon.put_on_queue(body)
    told = {name: wait_for_message(house, body) for name, body in bodies.items()}
    assert {name: message.state for name, message in told.items()} == {
        "Amazon does not know the token": "SET_ASIDE",
        "forged": "REFUSED",
        "of another topic": "REFUSED",
    }
    assert "InvalidParameter" in told["Amazon does not know the token"].reason
    assert len(house.records.alarms("Subscription not confirmed")) == 1

    house.amazon.ask("POST", "subscription", {"ask": False})
    assert not catalog.is_subscribed(house)
    switch = house.amazon.misbehave("notice_subscribe_elsewhere", times=1)
    house.amazon.ask_to_confirm()
    until(lambda: catalog.is_subscribed(house), WITHIN, "the subscription is confirmed")
    house.amazon.behave(switch)
    assert snare.visitors() == 0
