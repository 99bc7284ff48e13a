"""The first upload of every store at once, by the schedule, while Amazon goes wrong in a way of its own for each.

All uploads meet their misbehaviour together; then everything is mended as staff would mend it, and in the end product
and Amazon agree, record by record. Nothing is heard here but by asking.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest

from tests.journeys import catalog
from tests.journeys.catalog import CATALOG, FIT, MOST_REPORT_BYTES, Call, Upload, store_file
from tests.journeys.house import Ground, House, Plan
from tests.journeys.processes import until
from tests.journeys.wire import Snare

pytestmark = pytest.mark.journey

ENDED_WITHIN = 120.0
AT_REST_WITHIN = 120.0
HELD = 20.0
"""Seconds for which Amazon keeps silent: longer than anybody waits."""

LATE = 4.0
MOST_A_SECOND = 10
SETTINGS = {
    **CATALOG,
    "CATALOG_QUEUE_URL": "",
    "CATALOG_TOPIC_ARN": "",
    "CATALOG_UPLOAD_EVERY": "1",
    "CATALOG_LATE": f"{LATE:g}",
    "CATALOG_REPORT_HOSTS": "127.0.0.1",
}
UNKNOWN_STORE = "WRONG-STORE"
WRONG_STORE = "One or more StoreID's present in the request is incorrect"

SENT: Call = ("SEND", 201)
ASKED: Call = ("STATUS", 200)
FETCHED: Call = ("REPORT", None)
GOOD = (SENT, ASKED, FETCHED)

STOPPED = "Catalog upload stopped"
NOT_FOLLOWED = "Catalog upload not followed"
FAILED = "Catalog upload failed"
NOT_READ = "Catalog report not read"
REFUSED = "Products refused by Amazon"


@dataclass(frozen=True, slots=True)
class Story:
    """What Amazon does with the first upload of a store, and what must have come of it.

    `calls` are those of that upload, the same question asked several times in a row counted once; `ingestions` what
    Amazon took in of it; `mended` what staff do then.
    """

    name: str
    switches: tuple[dict[str, Any], ...]
    calls: tuple[Call, ...] = GOOD
    status: str = "FINISHED"
    problem: str = ""
    alarm: str = ""
    ingestions: int = 1
    apart: float = 0.0
    mended: str = ""

    @property
    def store_id(self) -> str:
        return self.name.upper().replace(" ", "-")


def once(mode: str, times: int | None = 1, **options: Any) -> tuple[dict[str, Any], ...]:
    return ({"mode": mode, "times": times, **options},)


def sent_again(name: str, said: int | None, mode: str, times: int = 1, **more: Any) -> Story:
    """What Amazon says to the upload makes it go again, and then all is well."""
    options = {key: more.pop(key) for key in ("retry_after", "seconds") if key in more}
    tries = (("SEND", said),) * times
    return Story(name, once(mode, times, call="upload", **options), (*tries, *GOOD), **more)


def stopped(name: str, said: int, mode: str, problem: str, **options: Any) -> Story:
    """What Amazon says stops the upload until somebody looks."""
    times = int(options.pop("times", 1))
    return Story(
        name,
        once(mode, times, call="upload", **options),
        (("SEND", said),) * times,
        status="PARKED",
        problem=problem,
        alarm=STOPPED,
        ingestions=0,
        mended="try again",
    )


def asked_again(name: str, said: int | None, mode: str, times: int = 1, **options: Any) -> Story:
    """What Amazon says to the question is no end: it is asked again."""
    tries = (("STATUS", said),) * times if said != ASKED[1] else ()
    return Story(name, once(mode, times, call="status", **options), (SENT, *tries, ASKED, FETCHED))


def unread(name: str, mode: str, problem: str, calls: Sequence[Call] = GOOD, **options: Any) -> Story:
    """The report can't be had: nothing is believed of this upload until it can."""
    return Story(
        name,
        once(mode, options.pop("times", 1), **options),
        tuple(calls),
        status="UNREAD",
        problem=problem,
        alarm=NOT_READ,
        mended="read again",
    )


def stories(elsewhere: str) -> list[Story]:
    return [
        Story("all well", ()),
        Story(
            "wrong store",
            (),
            (("SEND", 400),),
            status="PARKED",
            problem=WRONG_STORE,
            alarm=STOPPED,
            ingestions=0,
            mended="try again",
        ),
        stopped("invalid body", 400, "catalog_400", "Invalid request body", error="Invalid request body"),
        stopped("too long", 400, "catalog_400", "A field is too long", error="A field is too long"),
        stopped("401", 401, "catalog_401", "refused the whole call (401)"),
        stopped("403", 403, "catalog_403", "execute-api:Invoke"),
        stopped("500 no retry", 500, "catalog_500_no_retry", "no retry"),
        stopped("500 three times", 500, "catalog_500_retry", "Amazon failed 3 times", times=3),
        sent_again("429", 429, "catalog_429"),
        sent_again("429 patience", 429, "catalog_429", retry_after=2, apart=2.0),
        sent_again("500 retry", 500, "catalog_500_retry", times=2),
        sent_again("503", 503, "catalog_503"),
        sent_again("hang up", None, "catalog_drop", times=4),
        sent_again("silence", None, "catalog_timeout", seconds=HELD),
        sent_again("lost answer", None, "catalog_lost_answer", ingestions=2),
        sent_again("lost in silence", None, "catalog_lost_in_silence", seconds=HELD, ingestions=2),
        sent_again("taken and 500", 500, "catalog_taken_500", ingestions=2),
        sent_again("no id", 201, "catalog_no_id", ingestions=2),
        sent_again("no json", 200, "catalog_not_json", ingestions=2),
        Story(
            "never an id",
            once("catalog_no_id", 3, call="upload"),
            (SENT,) * 3,
            status="PARKED",
            problem="named no ingestion ID",
            alarm=STOPPED,
            ingestions=3,
            mended="try again",
        ),
        Story("slow", once("catalog_slow", 1, call="upload", seconds=0.5)),
        *asking(),
        *ingestions(),
        *reports(elsewhere),
    ]


def asking() -> list[Story]:
    lost = {"status": "PARKED", "alarm": NOT_FOLLOWED, "mended": "ask now"}
    return [
        Story(
            "ask 400",
            once("catalog_400", 1, call="status", error="InvalidRequestException"),
            (SENT, ("STATUS", 400)),
            problem="InvalidRequestException",
            **lost,  # type: ignore[arg-type]
        ),
        Story("ask 403", once("catalog_403", 1, call="status"), (SENT, ("STATUS", 403)), problem="AWS_REGION", **lost),  # type: ignore[arg-type]
        asked_again("ask 429", 429, "catalog_429", retry_after=1),
        asked_again("ask 500", 500, "catalog_500_retry", times=4),
        asked_again("ask 503", 503, "catalog_503"),
        asked_again("ask hang up", None, "catalog_drop"),
        asked_again("ask silence", None, "catalog_timeout", seconds=HELD),
        asked_again("ask no json", 200, "catalog_not_json"),
        asked_again("ask nothing said", 200, "catalog_no_id"),
    ]


def ingestions() -> list[Story]:
    given_up = {"calls": (SENT, ASKED), "status": "FAILED", "alarm": FAILED, "mended": "try again"}
    goes_on = {"calls": (SENT, ASKED), "status": "FOLLOWED", "mended": "finish"}
    return [
        Story("fatal", once("ingestion_fatal"), problem="failed as a whole", **given_up),  # type: ignore[arg-type]
        Story("cancelled", once("ingestion_cancelled"), problem="cancelled", **given_up),  # type: ignore[arg-type]
        Story("unknown word", once("ingestion_unknown_status", word="VALIDATING"), **goes_on),  # type: ignore[arg-type]
        Story("never ends", once("ingestion_never_ends"), **goes_on),  # type: ignore[arg-type]
        Story(
            "one fails",
            once("ingestion_partly_failed", failed_share=0.5, call="upload"),
            alarm=REFUSED,
            mended="send again",
        ),
    ]


def reports(elsewhere: str) -> list[Story]:
    asked_for_again = (SENT, *(ASKED, FETCHED) * 3)
    return [
        Story("link expired", once("link_expired", 2, call="status"), asked_for_again),
        Story("link missing", once("link_missing", 2, call="status")),
        unread("no link ever", "link_missing", "no link", (SENT, ASKED), times=None, call="status"),
        unread("link elsewhere", "link_elsewhere", "none of the hosts", location=elsewhere, call="status"),
        unread("report moved", "report_redirect", "never followed", location=elsewhere),
        unread("report no json", "report_not_json", "not JSON"),
        unread("report other shape", "report_other_shape", "CATALOG_REPORT_MAPPING"),
        unread("report huge", "report_huge", f"larger than {MOST_REPORT_BYTES:,} bytes"),
        Story("report slow", once("report_slow", seconds=0.5)),
        Story("report silent", once("report_slow", seconds=HELD), (SENT, *(ASKED, FETCHED) * 2)),
    ]


NAMES = [story.name for story in stories("")]


@pytest.fixture(scope="module")
def snare() -> Iterator[Snare]:
    """Where links and redirects lead that must not be followed."""
    snare = Snare()
    yield snare
    snare.close()


@pytest.fixture(scope="module")
def told(snare: Snare) -> dict[str, Story]:
    return {story.name: story for story in stories(f"http://localhost:{snare.port}/report.json")}


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory, told: Mapping[str, Story]) -> Iterator[House]:
    """Amazon runs with every switch turned on, and does not know one of the stores; the product has just started."""
    folder = tmp_path_factory.mktemp("house")
    stores = [story.store_id for story in told.values()]
    known = store_file(folder / "known.json", [store_id for store_id in stores if store_id != UNKNOWN_STORE])
    plan = Plan(known, ("--ingestion-seconds", "0.3"), workers=2)
    with ground.house(folder, SETTINGS, plan) as house:
        house.manage("loadstore", str(store_file(folder / "ours.json", stores)))
        house.amazon.start()
        for story in told.values():
            for switch in story.switches:
                house.amazon.misbehave(store_id=story.store_id, **switch)
        house.start()
        yield house


@dataclass(frozen=True, slots=True)
class End:
    """The first upload of a store when its story had come to its end, before anybody mended it."""

    upload: Upload
    calls: list[Call]
    states: dict[str, str]
    words: dict[str, str]
    """Why items were refused."""
    alarms: set[str]


@pytest.fixture(scope="module")
def ends(house: House, told: Mapping[str, Story]) -> dict[str, End]:
    return {name: end_of(house, story) for name, story in told.items()}


def end_of(house: House, story: Story) -> End:
    def first() -> Upload | None:
        return next(iter(catalog.uploads(house.records, story.store_id)), None)

    def end() -> tuple[Upload, list[Call]] | None:
        """What goes on being asked about is looked at between two questions."""
        upload = first()
        if upload is None or upload.status != story.status:
            return None
        calls = catalog.calls(house.records, upload.pk)
        return (upload, calls) if story.status != "FOLLOWED" or calls[-1] == ASKED else None

    ended = until(end, ENDED_WITHIN, f"{story.name} ends", seen=first)
    assert ended is not None
    upload, calls = ended
    items = [item for item in catalog.items(house.records, story.store_id) if item.sku in FIT]
    sql = "SELECT kind FROM jwo_store_alarm WHERE subject LIKE ?"
    return End(
        upload,
        calls,
        {item.sku: item.state for item in items},
        {item.sku: item.words for item in items if item.state == "REFUSED"},
        {kind for (kind,) in house.records.rows(sql, f"{story.store_id}%")},
    )


def in_short(calls: Sequence[Call]) -> tuple[Call, ...]:
    """The same question asked several times in a row is one."""
    return tuple(call for call, same in groupby(calls) for call in (list(same)[:1] if call == ASKED else list(same)))


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_ends_as_the_tables_say(
    house: House, told: Mapping[str, Story], ends: Mapping[str, End], name: str
) -> None:
    story, end = told[name], ends[name]
    assert in_short(end.calls) == story.calls
    assert (end.upload.status, end.upload.items) == (story.status, len(FIT))
    assert story.problem in end.upload.problem
    assert bool(end.upload.problem) == bool(story.problem)
    assert story.alarm == "" or story.alarm in end.alarms
    assert set(end.states) == set(FIT)
    assert set(end.states.values()) == STATES_AFTER.get(name, STATES[story.status])
    log = log_of_both(house, end.upload)
    assert sum(call["call"] == "upload" and call["taken"] for call in log) == story.ingestions
    if story.apart:
        assert log[1]["at"] - log[0]["at"] >= story.apart


STATES = {
    "FINISHED": {"LIVE"},
    "PARKED": {"REFUSED"},
    "FAILED": {"REFUSED"},
    "UNREAD": {"UPLOADING"},
    "FOLLOWED": {"UPLOADING"},
}
STATES_AFTER = {"one fails": {"LIVE", "REFUSED"}, "ask 400": {"UPLOADING"}, "ask 403": {"UPLOADING"}}
"""What has become of the items, where the state of the upload does not say it."""


def log_of_both(house: House, upload: Upload) -> list[dict[str, Any]]:
    """Amazon's log of the calls of this upload, when it says what ours says: an answer may be on its way just now."""

    def agreed() -> list[dict[str, Any]]:
        log = calls_at_amazon(house, upload)
        ours = [(NAMES_AT_AMAZON.get(kind), status) for kind, status in catalog.calls(house.records, upload.pk)]
        theirs = [(call["call"], call["status"]) for call in log]
        return log if theirs == [call for call in ours if call[0]] else []

    def both() -> object:
        return calls_at_amazon(house, upload), catalog.calls(house.records, upload.pk)

    return until(agreed, ENDED_WITHIN, "both tell of the same calls", seen=both)


NAMES_AT_AMAZON = {"SEND": "upload", "STATUS": "status"}


def calls_at_amazon(house: House, upload: Upload) -> list[dict[str, Any]]:
    """Every call that Amazon got for this upload, and whether it was taken in: by the very bytes."""
    ((sha256,),) = house.records.rows("SELECT sha256 FROM catalog_catalogupload WHERE id = ?", upload.pk)
    question = json.dumps({"ingestionId": upload.ingestion_id}).encode()
    ours = {sha256, hashlib.sha256(question).hexdigest()}
    told = house.amazon.catalog()
    log = [call | {"taken": True} for one in told["ingestions"] for call in one["calls"]]
    log += [call | {"taken": False} for call in told["stray_calls"]]
    return sorted((call for call in log if call["sha256"] in ours), key=lambda call: float(call["at"]))


# --- What the ends say, beyond the table ----------------------------------------------------------------------------


def alarms_of(house: House, story: Story, kind: str) -> list[str]:
    """The texts of the open alarms of this kind about this story's store."""
    return [alarm.text for alarm in house.records.alarms(kind) if alarm.subject.startswith(story.store_id)]


def test_amazons_own_words_stand_on_the_items(house: House, told: Mapping[str, Story], ends: Mapping[str, End]) -> None:
    """Of a whole call and of one product."""
    assert ends["wrong store"].words == dict.fromkeys(FIT, f"Amazon refused the whole call (400): {WRONG_STORE}")
    assert ends["one fails"].words == {"TEA": "The item was not processed"}
    (alarm,) = alarms_of(house, told["one fails"], REFUSED)
    assert "1 of 3 products" in alarm
    assert "TEA: The item was not processed" in alarm


def test_a_locked_door_is_told_with_all_that_is_to_be_looked_at(
    house: House, told: Mapping[str, Story], ends: Mapping[str, End]
) -> None:
    for name, kind in (("403", STOPPED), ("ask 403", NOT_FOLLOWED)):
        (alarm,) = alarms_of(house, told[name], kind)
        assert "it says what to look at" in alarm
        for hint in ("execute-api:Invoke", "allowlisted", "AWS_REGION", "clock", "session token", "AMAZON_CATALOG_URL"):
            assert hint in ends[name].upload.problem


def test_what_takes_too_long_is_told(house: House, ends: Mapping[str, End]) -> None:
    slow = [ends[name].upload for name in ("never ends", "unknown word")]

    def told() -> dict[str, str]:
        return {alarm.subject: alarm.text for alarm in house.records.alarms("Catalog upload takes too long")}

    until(lambda: {f"upload {upload.pk}" for upload in slow} <= told().keys(), LATE + 10.0, "the alarm is raised")
    for upload, words in zip(slow, ("at work on it", "“VALIDATING”"), strict=True):
        assert f"Amazon says: {words}" in told()[f"upload {upload.pk}"]
        assert str(upload.ingestion_id) in told()[f"upload {upload.pk}"]


def test_no_report_was_looked_for_elsewhere(ends: Mapping[str, End], snare: Snare) -> None:
    assert {ends[name].upload.status for name in ("link elsewhere", "report moved")} == {"UNREAD"}
    assert snare.visitors() == 0


def test_no_link_to_a_report_is_kept_where_people_read(house: House, ends: Mapping[str, End]) -> None:
    assert ends
    places = ["host FROM catalog_uploadcall", "words FROM catalog_uploadcall", "answer FROM catalog_uploadcall"]
    places += ["problem FROM catalog_catalogupload", "text FROM jwo_store_alarm"]
    shown = [text for place in places for (text,) in house.records.rows(f"SELECT {place}")]
    assert [text for text in shown if "X-Amz-Signature" in text] == []
    assert "X-Amz-Signature" not in house.told()


# --- Mended ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mended(house: House, told: Mapping[str, Story], ends: Mapping[str, End]) -> Mapping[str, End]:
    """Amazon behaves, and staff have done what the pages tell them to; the ends as they were before."""
    house.amazon.behave()
    house.amazon.set_catalog(stores=[UNKNOWN_STORE])
    for name, story in told.items():
        upload = ends[name].upload
        if story.mended == "finish":
            assert upload.ingestion_id
            house.amazon.finish(upload.ingestion_id)
        elif story.mended == "send again":
            house.staff("send again", store_id=story.store_id)
        elif story.mended:
            house.staff(story.mended, upload_id=upload.pk)
    catalog.wait_for_rest(house, AT_REST_WITHIN)
    return ends


def test_in_the_end_all_is_at_amazon_record_by_record(house: House, mended: Mapping[str, End]) -> None:
    assert {item.state for item in catalog.items(house.records) if item.sku in FIT} == {"LIVE"}
    assert len(catalog.live_at_amazon(house)) == (len(mended) + 2) * len(FIT)
    catalog.assert_both_agree(house)
    told = catalog.told_by_command(house)
    assert {counts["LIVE"] for counts in told["stores"].values()} == {len(FIT)}
    assert {counts["BLOCKED"] for counts in told["stores"].values()} == {2}
    assert {upload["status"] for upload in told["uploads"]} <= {"FINISHED", "WITHDRAWN", "FAILED"}


@pytest.mark.parametrize("name", [story.name for story in stories("") if story.mended])
def test_what_was_mended_went_on_as_it_should(
    house: House, told: Mapping[str, Story], mended: Mapping[str, End], name: str
) -> None:
    """The same ingestion is followed to its end, or another upload takes the items of the first over."""
    first, *others = catalog.uploads(house.records, told[name].store_id)
    if told[name].mended in ("finish", "read again", "ask now"):
        assert (first.pk, first.status, others) == (mended[name].upload.pk, "FINISHED", [])
    else:
        assert first.status == {"FAILED": "FAILED", "FINISHED": "FINISHED"}.get(told[name].status, "WITHDRAWN")
        (second,) = others
        assert (second.status, second.items) == ("FINISHED", len(mended[name].words) or len(FIT))


def test_what_stays_kept_back_was_never_sent(house: House, mended: Mapping[str, End]) -> None:
    assert {item.state for item in catalog.items(house.records) if item.sku not in FIT} == {"BLOCKED"}
    assert len(catalog.uploads(house.records)) >= len(mended)
    assert {item["sku"] for item in house.amazon.items()} == set(FIT)


def test_where_nothing_has_changed_nobody_calls(house: House, mended: Mapping[str, End]) -> None:
    """While the schedule asks for run after run."""
    assert mended
    calls = house.amazon.catalog()["calls"]["by_kind"]
    for _ in range(3):
        last = asked_at(house)
        until(lambda last=last: asked_at(house) != last, AT_REST_WITHIN, "the schedule asks for a run")  # type: ignore[misc]
    until(lambda: not house.records.rows(UNPREPARED), AT_REST_WITHIN, "it is prepared")
    assert house.amazon.catalog()["calls"]["by_kind"] == calls


UNPREPARED = "SELECT id FROM catalog_catalogrun WHERE finished_at IS NULL"


def asked_at(house: House) -> object:
    """When the schedule asked for a run last."""
    return house.records.rows("SELECT at FROM jwo_store_heartbeat WHERE name = 'catalog: schedule'")


def test_calls_never_came_faster_than_amazon_takes_them(house: House, mended: Mapping[str, End]) -> None:
    assert mended
    calls = house.amazon.catalog()["calls"]
    assert calls["most_within_a_second"] <= MOST_A_SECOND, calls["by_second"]
    assert calls["throttled"] == 0
