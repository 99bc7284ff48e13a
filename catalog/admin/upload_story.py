"""What the page of an upload tells: where it stands, what to do next, what happened, what became of its items."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from catalog.admin.at_amazon import person, product_link
from catalog.admin.masking import readable, without_keys
from catalog.models import CatalogMessage, CatalogRun, CatalogUpload, Product, UploadCall, UploadLine
from catalog.statuses import CallKind, Outcome, UploadKind, UploadStatus, amazons_word
from catalog.uploads import CUT_SHORT
from jwo_store.admin_site import clock, counted, time_of
from jwo_store.words import to_the_second

TONES = {
    UploadStatus.WAITING: "info",
    UploadStatus.FOLLOWED: "info",
    UploadStatus.REPORTING: "info",
    UploadStatus.FINISHED: "success",
    UploadStatus.UNREAD: "warning",
    UploadStatus.FAILED: "danger",
    UploadStatus.PARKED: "danger",
    UploadStatus.WITHDRAWN: "plain",
}
SOME_REFUSED = "SOME_REFUSED"
NOT_FOLLOWED = "NOT_FOLLOWED"
LABELS = {**{str(status): tone for status, tone in TONES.items()}, SOME_REFUSED: "warning", NOT_FOLLOWED: "danger"}
"""The colours of uploads: never green for one with refused items, nor for one whose report nobody has read."""

OUTCOME_TONES = {Outcome.TAKEN: "success", Outcome.REFUSED: "danger"}
HEARD = {"asking": "we asked", "message": "a message told us"}

LINES_AT_ONCE = 50
CALLS_AT_ONCE = 25
EVENTS_OF_A_KIND = 20
"""The newest of them: a stopped upload may have been sent hundreds of times."""


def label_of(upload: CatalogUpload) -> tuple[str, str]:
    """Its status as a key of `LABELS`, and in words."""
    if upload.status == UploadStatus.FINISHED and upload.refused_count:
        return SOME_REFUSED, f"Finished, {upload.refused_count} refused"
    if upload.status == UploadStatus.PARKED and upload.is_taken_in:
        return NOT_FOLLOWED, "Not followed: a person must look"
    return upload.status, upload.get_status_display()


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    text: str
    by: str = ""
    link: str = ""
    time: str = ""

    def told(self) -> "Event":
        return replace(self, time=to_the_second(self.at))


@dataclass(frozen=True, slots=True)
class LineStory:
    sku: str
    link: str
    name: str
    tone: str
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class CallStory:
    what: str
    at: str
    took: str
    host: str
    status: str
    words: str
    answer: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of the items: its link, and whether it is the one that holds."""

    text: str
    query: str
    chosen: bool


def story(upload: CatalogUpload, asked: QueryDict, *, seen: QuerySet[UploadLine]) -> dict[str, Any]:
    """Everything that the page shows, in a fixed number of queries, on the clock of the store if it is of one.

    `asked` are the page's own filters, `seen` the lines of the upload that its reader may see.
    """
    with timezone.override(upload.store.zone if upload.store else timezone.get_current_timezone()):
        return _story(upload, asked, seen)


def _story(upload: CatalogUpload, asked: QueryDict, seen: QuerySet[UploadLine]) -> dict[str, Any]:
    key, status = label_of(upload)
    problem, steps = in_steps(without_keys(upload.problem))
    return {
        "status": status,
        "tone": LABELS[key],
        "marks": marks(upload),
        "next_step": NEXT_STEPS[key],
        "problem": problem,
        "steps": steps,
        "facts": _facts(upload),
        "timeline": _timeline(upload),
        **_lines(seen, asked),
        **_calls(upload, asked),
        "has_report": upload.report_at is not None,
        "clock_zone": time_of(),
    }


NEXT_STEPS = {
    UploadStatus.WAITING: "It is sent by itself as soon as it is its turn. There is nothing to do.",
    UploadStatus.FOLLOWED: (
        "Amazon has it and may take an hour. It is asked by itself how far it is; “Ask now” does so at once."
    ),
    UploadStatus.REPORTING: "Amazon is done with it. Its report is being fetched; only that says what was taken.",
    UploadStatus.FINISHED: "Amazon took everything. There is nothing to do.",
    UploadStatus.UNREAD: (
        "Amazon is done, but nobody knows yet which items it took. Read below what is wrong with the report. When that "
        "is mended choose “Read the report again”."
    ),
    UploadStatus.FAILED: (
        "Amazon gave the whole upload up: none of its items counts as taken. Ask Amazon why, then choose “Try again”."
    ),
    UploadStatus.PARKED: "It was stopped and waits for you. Mend what is named here, then choose “Try again”.",
    UploadStatus.WITHDRAWN: "It was given up. Its items go with the next upload.",
    SOME_REFUSED: (
        "Amazon is done, and refused some items: they stand first in the list below, each with Amazon's words. Mend "
        "each product, and it goes with the next upload."
    ),
    NOT_FOLLOWED: (
        "Amazon took it in, but does not tell us how far it is: nobody knows yet which items it took. Mend what is "
        "named here, then choose “Ask now”."
    ),
}


def marks(upload: CatalogUpload) -> list[str]:
    """What is unusual about the upload, in few words each."""
    elsewhere = upload.environment != settings.JWO_ENVIRONMENT
    return [f"Of the {upload.get_environment_display().lower()} environment"] if elsewhere else []


STEP = re.compile(r"(?:^|(?<=[\s;:]))\d+\. ")


def in_steps(problem: str) -> tuple[str, list[str]]:
    """A problem that ends in a list, such as `Look at: 1. this; 2. that.`, as its beginning and the list's parts."""
    first, *others = STEP.split(problem)
    if len(others) < 2:  # noqa: PLR2004  one is no list
        return problem, []
    return first.strip(), [part.strip().rstrip(";") for part in others]


def _facts(upload: CatalogUpload) -> list[tuple[str, str]]:
    facts = [
        ("Store", str(upload.store or "All stores")),
        ("Items", str(upload.item_count)),
        ("Refused", str(upload.refused_count) if upload.finished_at else "not known yet"),
        ("Ingestion ID", upload.ingestion_id or "none yet"),
        ("Amazon says", amazons_word(upload.amazon_status)),
        ("Environment", upload.get_environment_display()),
        ("Tries of this step", str(upload.tries)),
        ("Fingerprint of what was sent", upload.sha256),
    ]
    if upload.due_at:
        facts.append(("Next step", clock(upload.due_at)))
    if upload.report_sha256:
        facts.append(("Fingerprint of the report", upload.report_sha256))
    return facts


# --- What happened -------------------------------------------------------------------------------------------------


def _timeline(upload: CatalogUpload) -> list[Event]:
    events = [
        *_beginning(upload, upload.run),
        *_of_calls(upload.calls.filter(kind=CallKind.SEND), "Sent to Amazon"),
        *_of_messages(upload),
        *_of_calls(upload.calls.filter(kind=CallKind.STATUS, words=CUT_SHORT), "Amazon was asked how far it is"),
        *_of_calls(upload.calls.filter(kind=CallKind.REPORT), "Its report was asked for"),
        *_end(upload),
    ]
    return [event.told() for event in sorted(events, key=lambda event: event.at)]


def _beginning(upload: CatalogUpload, run: CatalogRun | None) -> Iterable[Event]:
    if run is not None:
        whole = "All products were to be sent again" if run.everything else "Changes were to be uploaded"
        yield Event(run.asked_at, f"{whole}.", asker(run))
    by = "" if run else person(upload.made_by)
    yield Event(upload.made_at, f"It was made, with {counted(upload.item_count, 'item')}.", by)


def asker(run: CatalogRun) -> str:
    return person(run.asked_by) or ("the schedule" if run.is_scheduled else "a command")


def _of_calls(calls: QuerySet[UploadCall], what: str) -> Iterable[Event]:
    for one in calls.defer("answer").order_by("-pk")[:EVENTS_OF_A_KIND]:
        words = f": {without_keys(one.words)}" if one.words else "; no answer is known"
        yield Event(one.started_at, f"{what}{words}")


def _of_messages(upload: CatalogUpload) -> Iterable[Event]:
    messages = upload.messages.defer("body").order_by("-pk")[:EVENTS_OF_A_KIND]
    for one in messages:
        link = reverse("admin:catalog_catalogmessage_change", args=[one.pk])
        yield Event(one.received_at, _notified(one), link=link)


def _notified(message: CatalogMessage) -> str:
    return f"A message from Amazon came, which says: {amazons_word(message.amazon_status.upper())}."


def _end(upload: CatalogUpload) -> Iterable[Event]:
    if upload.sent_at:
        yield Event(upload.sent_at, f"Amazon took it in as ingestion {upload.ingestion_id}.")
    if upload.ended_at:
        heard = HEARD.get(upload.told_by, upload.told_by)
        yield Event(upload.ended_at, f"Amazon ended it, {amazons_word(upload.amazon_status)}; {heard}.")
    if upload.report_at:
        yield Event(upload.report_at, "Its report arrived and is kept.")
    if upload.finished_at:
        yield Event(upload.finished_at, _how_it_ended(upload))


def _how_it_ended(upload: CatalogUpload) -> str:
    if upload.status == UploadStatus.WITHDRAWN:
        return f"Given up: {without_keys(upload.problem)}"
    if upload.status == UploadStatus.FAILED:
        return "It failed as a whole."
    done = "archived" if upload.kind == UploadKind.ARCHIVE else "taken"
    return f"Finished: {upload.item_count - upload.refused_count} {done}, {upload.refused_count} refused."


# --- Items ---------------------------------------------------------------------------------------------------------

OUTCOMES = (("", "All"), (Outcome.REFUSED, "Refused"), (Outcome.TAKEN, "Taken"), ("none", "Not known yet"))


def _lines(seen: QuerySet[UploadLine], asked: QueryDict) -> dict[str, Any]:
    outcome, sku = asked.get("outcome", ""), asked.get("sku", "").strip()
    counts = dict(seen.order_by().values_list("outcome").annotate(count=Count("pk")))
    page = Paginator(_chosen(seen, outcome, sku), LINES_AT_ONCE).get_page(asked.get("items"))
    names = Product.objects.filter(sku__in=[line.sku for line in page]).values_list("sku", "name")
    by_sku = dict(names)
    return {
        "choices": list(_choices(asked, outcome, counts)),
        "sku": sku,
        "outcome": outcome,
        "lines": [_line(line, by_sku) for line in page],
        "lines_pages": pages(page, asked, "items"),
    }


def _chosen(seen: QuerySet[UploadLine], outcome: str, sku: str) -> QuerySet[UploadLine]:
    """The refused ones first."""
    worst_first = Case(
        When(outcome=Outcome.REFUSED, then=Value(0)),
        When(outcome="", then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = seen.order_by(worst_first, "sku")
    if outcome:
        rows = rows.filter(outcome="" if outcome == "none" else outcome)
    return rows.filter(sku__startswith=sku) if sku else rows


def _choices(asked: QueryDict, outcome: str, counts: Mapping[str, int]) -> Iterable[Choice]:
    for value, text in OUTCOMES:
        count = counts.get("" if value == "none" else value, 0) if value else sum(counts.values())
        if count or not value:
            yield Choice(f"{text} ({count})", _query(asked, outcome=value, items=""), value == outcome)


def _line(line: UploadLine, names: Mapping[str, str]) -> LineStory:
    code = f" ({line.code})" if line.code and line.code not in line.words else ""
    return LineStory(
        sku=line.sku,
        link=product_link(line.sku) if line.sku in names else "",
        name=names.get(line.sku, "no longer in the catalog"),
        tone=OUTCOME_TONES[Outcome(line.outcome)] if line.outcome else "plain",
        outcome=line.get_outcome_display() or "Not known yet",
        words=without_keys(line.words) + code,
    )


# --- Calls ---------------------------------------------------------------------------------------------------------


def _calls(upload: CatalogUpload, asked: QueryDict) -> dict[str, Any]:
    """The newest first."""
    page = Paginator(upload.calls.order_by("-pk"), CALLS_AT_ONCE).get_page(asked.get("calls"))
    return {"calls": [_call(call) for call in page], "calls_pages": pages(page, asked, "calls")}


def _call(call: UploadCall) -> CallStory:
    answered = str(call.status) if call.status else "no answer"
    return CallStory(
        what=call.get_kind_display(),
        at=to_the_second(call.started_at),
        took=_took(call),
        host=call.host,
        status="" if call.kind == CallKind.REPORT else " ".join(filter(None, (answered, call.error))),
        words=without_keys(call.words),
        answer=readable(call.answer) if call.answer else "",
        request_id=call.amazon_request_id,
    )


def _took(call: UploadCall) -> str:
    if call.seconds is not None:
        return f"{call.seconds:.1f} s"
    return "Cut short" if call.words else "Running, or cut short"


# --- Turning pages -------------------------------------------------------------------------------------------------


def pages(page: Page[Any], asked: QueryDict, name: str) -> dict[str, Any]:
    """For the template `admin/pages.html`: which of several pages this is, and the way to its neighbours."""
    return {
        "several": page.paginator.num_pages > 1,
        "first": page.start_index(),
        "last": page.end_index(),
        "count": page.paginator.count,
        "before": _query(asked, **{name: str(page.previous_page_number())}) if page.has_previous() else "",
        "after": _query(asked, **{name: str(page.next_page_number())}) if page.has_next() else "",
    }


def _query(asked: QueryDict, **changes: str) -> str:
    query = asked.copy()
    for name, value in changes.items():
        query[name] = value
        if not value:
            del query[name]
    return f"?{query.urlencode()}"
