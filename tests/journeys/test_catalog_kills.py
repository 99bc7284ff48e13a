"""SIGKILL in the middle of each step of the catalog's work, to the process that does it and to the whole product.

A gate before Amazon's doors, or a bar in the database, finds the moment; after a start the work goes on by itself from
the rows: nothing is lost, nothing goes twice at once, and no message has a second effect.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

import pytest

from tests.journeys import catalog
from tests.journeys.catalog import CATALOG, CORNERS, Call, Message, Upload, local
from tests.journeys.elsewhere import Elsewhere
from tests.journeys.gate import Deed, Gate, Moment, Passed
from tests.journeys.house import Ground, House, Plan
from tests.journeys.processes import until
from tests.journeys.seals import Seals
from tests.journeys.wire import Answer

pytestmark = pytest.mark.journey

WITHIN = 300.0
LEASE = 8.0
SLACK = 2.0
"""Seconds that a busy machine may need from taking a lease to writing the call down."""

SETTINGS = {
    **CATALOG,
    "CATALOG_POLL_FIRST": "60",
    "CATALOG_READ_TIMEOUT": "1.4",
    "CATALOG_REPORT_TIMEOUT": "1.2",
    "CATALOG_LEASE": f"{LEASE:g}",
    "CHECKOUT_CONNECT_TIMEOUT": "0.5",
}
HIDES = 4
"""Seconds for which a message that was received hides in the queue."""

BY_HAND = tuple(f"KILLED-{number:02}" for number in range(1, 26))
"""Stores: each story has one of its own, and its product ITEM-…."""

CUT: Call = ("SEND", None)
SENT: Call = ("SEND", 201)
ASKED: Call = ("STATUS", 200)
UNANSWERED: Call = ("STATUS", None)
FETCHED: Call = ("REPORT", None)
RUN_OUT = Answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
CUT_SHORT = "This call was cut short before Amazon's answer was kept."
PREPARATION, QUEUE = "catalog: preparation", "catalog: queue"

deaths = pytest.mark.parametrize("death", ["the caller", "everything"])


def more(store_id: str) -> str:
    """The SKU of the other product that only this store sells."""
    return f"MORE-{store_id}"


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere(hides=HIDES)
    yield elsewhere
    elsewhere.close()


@pytest.fixture(scope="module")
def house(
    ground: Ground, tmp_path_factory: pytest.TempPathFactory, gate: Gate, elsewhere: Elsewhere
) -> Iterator[House]:
    """Everything is at Amazon, all stores are confirmed, and the gate is on every way."""
    folder = tmp_path_factory.mktemp("house")
    stores = [*CORNERS, *BY_HAND]
    products = [catalog.product(local(store), 300 + number, [store]) for number, store in enumerate(stores)]
    products += [catalog.product(more(store), 400 + number, [store]) for number, store in enumerate(BY_HAND)]
    ours = catalog.store_file(folder / "ours.json", BY_HAND, products)
    options = ["--ingestion-seconds", "0.3", "--publish-to", elsewhere.topic, "--sns-endpoint", elsewhere.url]
    options += ["--reports-to", "s3://reports", "--s3-endpoint", gate.url]
    settings = {
        **SETTINGS,
        "AMAZON_CATALOG_URL": gate.url,
        "CATALOG_QUEUE_URL": elsewhere.queue.replace(elsewhere.url, gate.url),
        "CATALOG_TOPIC_ARN": elsewhere.topic,
        "AWS_ENDPOINT_URL_SQS": gate.url,
        "AWS_ENDPOINT_URL_SNS": gate.url,
    }
    with ground.house(folder, settings, Plan(ours, tuple(options))) as house:
        gate.catalog, gate.elsewhere = house.amazon.url, elsewhere.url
        house.manage("loadstore", str(ours))
        house.start()
        house.staff("upload changes")
        catalog.wait_for_rest(house, WITHIN)
        house.staff("confirm stores", store_ids=stores)
        yield house


@pytest.fixture(scope="module")
def everything(house: House) -> set[tuple[str, str]]:
    """Each product in each store."""
    return {(item.sku, item.store_id) for item in catalog.items(house.records)}


@pytest.fixture(scope="module")
def unused() -> Iterator[str]:
    return iter(BY_HAND)


@pytest.fixture
def store_id(house: House, gate: Gate, everything: set[tuple[str, str]], unused: Iterator[str]) -> Iterator[str]:
    """A store for this story alone; when it is told, all is well in every store."""
    yield next(unused)
    catalog.wait_for_rest(house, WITHIN)
    assert_all_is_well(house, gate, everything)


@pytest.fixture
def seals() -> Iterator[Seals]:
    """With a certificate that no process has ever seen."""
    seals = Seals()
    yield seals
    seals.close()


# --- Killing, and what came of it ----------------------------------------------------------------------------------


def kill(house: House, death: str) -> None:
    """To the process that calls Amazon, or to all there are."""
    if death == "everything":
        house.kill_all()
    else:
        house.kill(house.callers[0])


def killing(house: House, death: str) -> Deed:
    return lambda _hand_over: kill(house, death)


def rename(house: House, sku: str) -> None:
    """Each time to another name."""
    catalog.rename(house, sku, f"Example {uuid.uuid4()} 500 ml")


def newest(house: House, store_id: str) -> Upload:
    return catalog.uploads(house.records, store_id)[-1]


def lease_left_behind(house: House, name: str) -> bool:
    """Whether somebody holds this lease: when nobody lives who does such work, a dead one."""
    return house.records.rows("SELECT token FROM jwo_store_lease WHERE name = ?", name) != [(None,)]


def calls_of(house: House, upload: Upload, kind: str) -> list[tuple[datetime, float | None, str]]:
    """When they began, how many seconds they took, and the words."""
    sql = "SELECT started_at, seconds, words FROM catalog_uploadcall WHERE upload_id = ? AND kind = ? ORDER BY id"
    rows = house.records.rows(sql, upload.pk, kind)
    return [(datetime.fromisoformat(str(started_at)), seconds, words) for started_at, seconds, words in rows]


def assert_taken_over(house: House, upload: Upload, kind: str, words: str) -> None:
    """The first call was cut short, which the story of the upload tells; the second came when the lease was over."""
    (cut_at, seconds, said), (again_at, took, _) = calls_of(house, upload, kind)
    assert (seconds, said) == (None, CUT_SHORT)
    assert took is not None
    assert (again_at - cut_at).total_seconds() >= LEASE - SLACK
    assert house.staff("read story", upload_id=upload.pk).count(f"{words}: {CUT_SHORT}") == 1


def assert_all_is_well(house: House, gate: Gate, everything: set[tuple[str, str]]) -> None:
    fit = [item for item in catalog.items(house.records) if item.sku not in ("CHIPS", "NUTS")]
    assert {(item.sku, item.store_id) for item in catalog.items(house.records)} == everything
    assert {item.state for item in fit if item.state != "LIVE"} <= {"ARCHIVED"}
    catalog.assert_both_agree(house)
    assert house.records.rows(TWICE_ON_ITS_WAY) == []
    assert [one for one in house.records.rows("SELECT kind FROM jwo_store_alarm") if one[0] not in EXPECTED] == []
    for passed in by_store(house, gate).values():
        assert_never_interleaved(passed)


EXPECTED = ("Notification of an unknown upload",)
"""Of the ingestion whose 201 nobody has kept."""

TWICE_ON_ITS_WAY = """
    SELECT u.store_id, l.sku, u.id, v.id
    FROM catalog_uploadline l JOIN catalog_catalogupload u ON u.id = l.upload_id
    JOIN catalog_uploadline m ON m.sku = l.sku JOIN catalog_catalogupload v ON v.id = m.upload_id
    WHERE u.store_id = v.store_id AND u.id < v.id AND (u.finished_at IS NULL OR v.made_at < u.finished_at)
"""


def by_store(house: House, gate: Gate) -> dict[str, list[tuple[int, Passed]]]:
    """The uploads of each store in the order in which they came to the gate, with their numbers."""
    rows = house.records.rows("SELECT sha256, id, store_id FROM catalog_catalogupload WHERE kind = 'UPLOAD'")
    whose = {sha256: (pk, store_id) for sha256, pk, store_id in rows}
    found: dict[str, list[tuple[int, Passed]]] = {}
    for passed in sorted((one for one in gate.passed if one.call == "upload"), key=lambda one: one.began):
        pk, store_id = whose[passed.sha256]
        found.setdefault(store_id, []).append((pk, passed))
    return found


def assert_never_interleaved(passed: list[tuple[int, Passed]]) -> None:
    """One upload after the other, and never two calls at once."""
    numbers = [pk for pk, _ in groupby(pk for pk, _ in passed)]
    assert numbers == sorted(set(numbers))
    assert all(later.began >= earlier.ended for (_, earlier), (_, later) in pairwise(passed))


# --- 1. A run is being prepared ------------------------------------------------------------------------------------


@deaths
def test_while_a_run_is_being_prepared(house: House, store_id: str, death: str) -> None:
    """The upload of one store is cut, that of the next is not."""
    first, last = CORNERS
    before = len(catalog.uploads(house.records))
    for corner in CORNERS:
        rename(house, local(corner))
    with house.records.barred("INSERT ON catalog_catalogupload", f"NEW.store_id = '{last}'"):
        run = house.staff("upload changes")
        until(lambda: len(catalog.uploads(house.records)) > before, WITHIN, "the first upload is cut")
        kill(house, death)
        assert [one.store_id for one in catalog.uploads(house.records)[before:]] == [first]
    house.lose_messages()
    assert lease_left_behind(house, PREPARATION)
    house.start()
    catalog.wait_for_rest(house, WITHIN)

    assert store_id
    uploads = catalog.uploads(house.records)[before:]
    assert [(one.store_id, one.status, one.items) for one in uploads] == [(corner, "FINISHED", 1) for corner in CORNERS]
    sql = "SELECT upload_count, item_count FROM catalog_catalogrun WHERE id = ?"
    assert house.records.rows(sql, run) == [(2, 2)]
    assert {catalog.item(house.records, local(corner), corner).state for corner in CORNERS} == {"LIVE"}


@deaths
def test_while_what_has_changed_is_worked_out(house: House, store_id: str, death: str) -> None:
    """What was noted of a change is forgotten only together with what came of it."""
    sku = local(store_id)
    with house.records.barred("UPDATE ON catalog_catalogitem", f"NEW.store_id = '{store_id}'"):
        rename(house, sku)
        before = house.records.rows("SELECT wanted_hash FROM catalog_catalogitem WHERE product_id = ?", sku)
        until(lambda: lease_left_behind(house, PREPARATION), WITHIN, "somebody works it out")
        kill(house, death)
    assert house.records.rows("SELECT wanted_hash FROM catalog_catalogitem WHERE product_id = ?", sku) == before
    house.lose_messages()
    house.start()
    house.staff("upload changes")
    catalog.wait_for_rest(house, WITHIN)
    upload = newest(house, store_id)
    assert (skus_of(house, upload), upload.status) == ([sku], "FINISHED")
    assert catalog.item(house.records, sku, store_id).state == "LIVE"


# --- 2. An upload is being sent ------------------------------------------------------------------------------------


@deaths
@pytest.mark.parametrize(("moment", "taken"), [(Moment.BEFORE, 1), (Moment.AFTER, 2)], ids=["unheard", "201 lost"])
def test_while_an_upload_is_being_sent(
    house: House, gate: Gate, store_id: str, moment: Moment, taken: int, death: str
) -> None:
    """Before Amazon has it, or when its 201 is lost. What changes meanwhile waits its turn."""
    item, other = local(store_id), more(store_id)
    before = len(catalog.uploads(house.records, store_id))
    house.amazon.misbehave("ingestion_never_ends", store_id=store_id, times=taken)
    rename(house, item)
    stop = gate.stop_at("upload", moment, killing(house, death), item)
    house.staff("upload changes")
    stop.wait(WITHIN)
    house.lose_messages()
    rename(house, item)
    rename(house, other)
    house.staff("upload changes")
    house.start()
    until(lambda: len(catalog.uploads(house.records, store_id)) == before + 2, WITHIN, "the second is cut")
    first, second = catalog.uploads(house.records, store_id)[before:]
    catalog.wait_for_upload(house, second.pk, "FINISHED", WITHIN)
    first = catalog.upload(house.records, first.pk)
    assert (first.status, skus_of(house, first), skus_of(house, second)) == ("FOLLOWED", [item], [other])

    house.amazon.finish(str(first.ingestion_id))
    catalog.wait_for_upload(house, first.pk, "FINISHED", WITHIN)
    house.staff("upload changes")
    catalog.wait_for_rest(house, WITHIN)
    assert skus_of(house, newest(house, store_id)) == [item]
    assert catalog.calls(house.records, first.pk) == [CUT, SENT, ASKED, FETCHED]
    assert_taken_over(house, first, "SEND", "Sent to Amazon")
    assert [one.status for one in catalog.uploads(house.records, store_id)[before:]] == ["FINISHED"] * 3
    assert ingestions_of(house, first) == taken


@pytest.mark.servers
def test_while_an_upload_is_being_sent_by_a_worker_that_lives_on(house: House, gate: Gate, store_id: str) -> None:
    """The other parts die in turn, every message is lost, and the line with them."""
    item = local(store_id)
    for part in dict.fromkeys(part for part in house.parts if part not in house.callers):

        def deed(_hand_over: Callable[[], None], part: str = part) -> None:
            house.kill(part)
            house.lose_messages()

        rename(house, item)
        stop = gate.stop_at("upload", Moment.BEFORE, deed, item)
        house.staff("upload changes")
        stop.wait(WITHIN)
        house.start()
        catalog.wait_for_rest(house, WITHIN)
        upload = newest(house, store_id)
        assert (upload.status, ingestions_of(house, upload)) == ("FINISHED", 1)
        assert catalog.calls(house.records, upload.pk) == [CUT, SENT, ASKED, FETCHED]
        assert house.staff("read story", upload_id=upload.pk).count(f"Sent to Amazon: {CUT_SHORT}") == 0


def skus_of(house: House, upload: Upload) -> list[str]:
    sql = "SELECT sku FROM catalog_uploadline WHERE upload_id = ? ORDER BY sku"
    return [sku for (sku,) in house.records.rows(sql, upload.pk)]


def ingestions_of(house: House, upload: Upload) -> int:
    """How often Amazon has taken these very bytes in."""
    ((sha256,),) = house.records.rows("SELECT sha256 FROM catalog_catalogupload WHERE id = ?", upload.pk)
    calls = [call for one in house.amazon.catalog()["ingestions"] for call in one["calls"]]
    return sum(call["call"] in ("upload", "archive") and call["sha256"] == sha256 for call in calls)


# --- 3. and 4. Amazon is asked, the report is fetched -----------------------------------------------------------------


def cut_an_upload(house: House, gate: Gate, store_id: str, call: str, moment: Moment, deed: Deed) -> Upload:
    """Upload one product; the deed ends the product at the call. The upload, once it has ended well after a start."""
    rename(house, local(store_id))
    stop = gate.stop_at(call, moment, deed)
    house.staff("upload changes")
    stop.wait(WITHIN)
    house.lose_messages()
    assert newest(house, store_id).status in ("FOLLOWED", "REPORTING")
    house.start()
    catalog.wait_for_rest(house, WITHIN)
    assert catalog.item(house.records, local(store_id), store_id).state == "LIVE"
    return newest(house, store_id)


@pytest.mark.parametrize(
    ("moment", "death"),
    [(Moment.BEFORE, "everything"), (Moment.AFTER, "the caller")],
    ids=["unheard", "answer lost"],
)
def test_while_amazon_is_asked(house: House, gate: Gate, store_id: str, moment: Moment, death: str) -> None:
    upload = cut_an_upload(house, gate, store_id, "getCatalogUploadStatus", moment, killing(house, death))
    assert catalog.calls(house.records, upload.pk) == [SENT, UNANSWERED, ASKED, FETCHED]
    assert_taken_over(house, upload, "STATUS", "Amazon was asked how far it is")


def test_while_the_report_is_fetched(house: House, gate: Gate, store_id: str) -> None:
    upload = cut_an_upload(house, gate, store_id, "report", Moment.BEFORE, killing(house, "everything"))
    assert catalog.calls(house.records, upload.pk) == [SENT, ASKED, FETCHED, FETCHED]
    assert_taken_over(house, upload, "REPORT", "Its report was asked for")


@pytest.mark.parametrize(
    ("moment", "death"),
    [(Moment.BEFORE, "the caller"), (Moment.AFTER, "everything")],
    ids=["unheard", "answer lost"],
)
def test_while_a_fresh_link_is_asked_for(house: House, gate: Gate, store_id: str, moment: Moment, death: str) -> None:
    """The link has run out when the report is fetched, and the product dies as it asks for another one."""
    stops = []

    def ask_again() -> None:
        stops.append(gate.stop_at("getCatalogUploadStatus", moment, killing(house, death)))

    gate.refuse("report", RUN_OUT, until="getCatalogUploadStatus", then=ask_again)
    rename(house, local(store_id))
    house.staff("upload changes")
    until(lambda: bool(stops), WITHIN, "the report is fetched")
    stops[0].wait(WITHIN)
    house.lose_messages()
    upload = newest(house, store_id)
    assert upload.status == "REPORTING"
    house.start()
    catalog.wait_for_rest(house, WITHIN)

    assert catalog.item(house.records, local(store_id), store_id).state == "LIVE"
    assert catalog.calls(house.records, upload.pk) == [SENT, ASKED, FETCHED, UNANSWERED, FETCHED, ASKED, FETCHED]
    assert ingestions_of(house, upload) == 1


def test_when_the_report_was_fetched_and_not_applied(house: House, gate: Gate, store_id: str) -> None:
    """The product has read the whole report, and nobody lets it write."""

    def deed(hand_over: Callable[[], None]) -> None:
        with house.records.calls_locked(newest(house, store_id).pk):
            hand_over()
            house.records.wait_for_blocked(1)
            kill(house, "the caller")
            house.records.forget_blocked()

    upload = cut_an_upload(house, gate, store_id, "report", Moment.AFTER, deed)
    assert catalog.calls(house.records, upload.pk) == [SENT, ASKED, FETCHED, FETCHED]
    assert_taken_over(house, upload, "REPORT", "Its report was asked for")


# --- 5. and 6. A message is received, a message is worked -----------------------------------------------------------


@pytest.fixture
def ended(house: House, elsewhere: Elsewhere, store_id: str) -> Upload:
    """An upload that Amazon has done and not yet told of; the queue is empty, nobody asks for a minute."""
    house.amazon.misbehave("ingestion_never_ends", store_id=store_id, times=1)
    rename(house, local(store_id))
    before = len(catalog.uploads(house.records, store_id))
    house.staff("upload changes")
    until(
        lambda: [one.status for one in catalog.uploads(house.records, store_id)[before:]] == ["FOLLOWED"],
        WITHIN,
        "it is taken in",
    )
    upload = newest(house, store_id)
    house.amazon.misbehave("notice_none", times=1)
    house.amazon.finish(str(upload.ingestion_id))
    until(lambda: elsewhere.left() == 0, WITHIN, "the queue is empty")
    return upload


def message_of(house: House, upload: Upload) -> list[Message]:
    sql = f"{catalog.MESSAGES} WHERE body LIKE ?"
    return [Message(*row) for row in house.records.rows(sql, f"%{upload.ingestion_id}%")]


def done(seals: Seals, elsewhere: Elsewhere, upload: Upload) -> str:
    return seals.notification(str(upload.ingestion_id), "DONE", TopicArn=elsewhere.topic)


def tries(house: House, message: Message) -> Any:
    return house.records.rows("SELECT tries FROM catalog_catalogmessage WHERE id = ?", message.pk)[0][0]


def assert_told_once(
    house: House, elsewhere: Elsewhere, upload: Upload, times: int, *, was_known: bool = False
) -> Message:
    """By the message, which came so often; nothing of the upload was done twice.

    Where it was known before the kill, a question that followed from it may have been cut short.
    """
    catalog.wait_for_upload(house, upload.pk, "FINISHED", WITHIN)
    until(
        lambda: [(one.state, one.times) for one in message_of(house, upload)] == [("HANDLED", times)],
        WITHIN,
        "the message is worked",
        seen=lambda: message_of(house, upload),
    )
    until(lambda: elsewhere.left() == 0, WITHIN, "the queue is empty")
    told = catalog.upload(house.records, upload.pk)
    assert (told.told_by, told.refused) == ("message", 0)
    calls = catalog.calls(house.records, upload.pk)
    if was_known and calls[1] == UNANSWERED:
        calls = [calls[0], *calls[2:]]
    assert calls == [SENT, ASKED, FETCHED]
    (message,) = message_of(house, upload)
    assert (message.upload_id, message.times) == (upload.pk, times)
    return message


@pytest.mark.parametrize(
    ("call", "moment", "kept", "left", "times", "death"),
    [
        pytest.param("ReceiveMessage", Moment.AFTER, [], 1, 1, "the caller", id="before it is kept"),
        pytest.param("DeleteMessage", Moment.BEFORE, ["RECEIVED"], 1, 2, "everything", id="before it is deleted"),
        pytest.param("DeleteMessage", Moment.AFTER, ["RECEIVED"], 0, 1, "the caller", id="when it is deleted"),
    ],
)
def test_while_a_message_is_received(  # noqa: PLR0913  a table
    house: House,
    gate: Gate,
    elsewhere: Elsewhere,
    seals: Seals,
    ended: Upload,
    *,
    call: str,
    moment: Moment,
    kept: list[str],
    left: int,
    times: int,
    death: str,
) -> None:
    """Kept first, then deleted: whatever is cut, the message is in one of the two places."""
    about = str(ended.ingestion_id) if call == "ReceiveMessage" else ""
    seen: list[tuple[list[str], int, bool]] = []

    def deed(_hand_over: Callable[[], None]) -> None:
        kill(house, death)
        states = [message.state for message in message_of(house, ended)]
        seen.append((states, elsewhere.left(), lease_left_behind(house, QUEUE)))

    stop = gate.stop_at(call, moment, deed, about)
    elsewhere.put(done(seals, elsewhere, ended))
    stop.wait(WITHIN)
    assert seen == [(kept, left, True)]
    house.lose_messages()
    house.start()
    message = assert_told_once(house, elsewhere, ended, times)
    assert message.reason == "Amazon says of the upload: done."


def test_while_the_certificate_of_a_message_is_fetched(
    house: House, elsewhere: Elsewhere, seals: Seals, ended: Upload
) -> None:
    seals.keep_back()
    elsewhere.put(done(seals, elsewhere, ended))
    until(lambda: seals.asked > 0, WITHIN, "somebody comes for the certificate")
    kill(house, "everything")
    house.lose_messages()
    seals.give()
    (kept,) = message_of(house, ended)
    assert (kept.state, catalog.upload(house.records, ended.pk).status) == ("RECEIVED", "FOLLOWED")
    cut = tries(house, kept)
    assert cut > 0
    house.start()
    message = assert_told_once(house, elsewhere, ended, 1)
    assert tries(house, message) > cut
    assert message.reason == "Amazon says of the upload: done."


def test_when_a_message_has_moved_its_upload_and_is_not_settled(
    house: House, elsewhere: Elsewhere, seals: Seals, ended: Upload
) -> None:
    """It is worked once more, and finds that this was known already."""
    with house.records.barred("UPDATE ON catalog_catalogmessage", "NEW.state = 'HANDLED'"):
        elsewhere.put(done(seals, elsewhere, ended))
        until(lambda: catalog.upload(house.records, ended.pk).told_by, WITHIN, "the upload has heard")
        kill(house, "the caller")
        assert [message.state for message in message_of(house, ended)] == ["RECEIVED"]
    house.lose_messages()
    house.start()
    message = assert_told_once(house, elsewhere, ended, 1, was_known=True)
    assert message.reason == "Nothing new: this was known already."


def test_while_a_subscription_is_confirmed(
    house: House, gate: Gate, elsewhere: Elsewhere, seals: Seals, store_id: str
) -> None:
    """Amazon has confirmed it and nobody has heard: it is confirmed once more, which does no harm."""
    token = uuid.uuid4().hex * 2
    stop = gate.stop_at("POST", Moment.AFTER, killing(house, "everything"), token)
    elsewhere.put(seals.confirmation(f"{elsewhere.url}/?Token={token}", token, TopicArn=elsewhere.topic))
    stop.wait(WITHIN)
    house.lose_messages()
    assert store_id

    def asked_for() -> list[Message]:
        sql = f"{catalog.MESSAGES} WHERE body LIKE ?"
        return [Message(*row) for row in house.records.rows(sql, f"%{token}%")]

    assert [message.state for message in asked_for()] == ["RECEIVED"]
    house.start()
    until(lambda: [one.state for one in asked_for()] == ["HANDLED"], WITHIN, "it is confirmed", seen=asked_for)
    (message,) = asked_for()
    assert (message.reason, message.times) == ("The subscription is confirmed.", 1)
    assert tries(house, message) > 1


# --- 7. An archive call is out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "taken", "death"),
    [(Moment.BEFORE, 1, "everything"), (Moment.AFTER, 2, "the caller")],
    ids=["unheard", "201 lost"],
)
def test_while_an_archive_call_is_out(
    house: House, gate: Gate, store_id: str, moment: Moment, taken: int, death: str
) -> None:
    """When Amazon's answer was lost, the second call hears that the product is archived already."""
    sku = more(store_id)
    stop = gate.stop_at("archive", moment, killing(house, death), sku)
    house.staff("retire", skus=[sku])
    (pk,) = house.staff("archive", skus=[sku])
    stop.wait(WITHIN)
    house.lose_messages()
    assert catalog.item(house.records, sku, store_id).state == "UPLOADING"
    house.start()
    upload = catalog.wait_for_upload(house, pk, "FINISHED", WITHIN)
    assert catalog.calls(house.records, pk) == [CUT, SENT, ASKED, FETCHED]
    assert_taken_over(house, upload, "SEND", "Sent to Amazon")
    assert (upload.refused, ingestions_of(house, upload)) == (0, taken)
    assert catalog.item(house.records, sku, store_id).state == "ARCHIVED"
    assert [one["state"] for one in house.amazon.items(sku=sku)] == ["archived"]
    assert house.staff("still on a shelf") == []
