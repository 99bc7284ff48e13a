"""Sending uploads and archive calls to Amazon's catalog: claim, call, settle. How they go on: `catalog.following`.

The row is the queue. A retried upload gives a second ingestion at Amazon and does no harm, since an upload adds or
replaces whole records; so an answer that was lost is simply asked for again. What each answer means: section 1.6 of
the contract's notes on the catalog.
"""

import logging
import random
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from catalog import archive, runs
from catalog.models import CatalogItem, CatalogMessage, CatalogUpload, UploadCall
from catalog.statuses import CallKind, ItemState, MessageState, UploadKind, UploadStatus
from catalog.sync import Clock
from jwo_store import amazon
from jwo_store.alarms import raise_alarm
from jwo_store.nudge import nudge
from jwo_store.pace import take_slot

logger = logging.getLogger(__name__)

PATHS = {UploadKind.UPLOAD: "/v1/catalog/upload", UploadKind.ARCHIVE: "/v1/catalog/archive"}
PACE = "catalog"
INTERVAL = timedelta(milliseconds=125)
"""Between two catalog calls of any kind, over all processes: Amazon takes ten a second."""

SLEPT_THROUGH = INTERVAL / 4
"""A call that is so late does not begin, or it could meet those behind it: it takes another turn."""

SERVER_ERRORS = 3
"""How often an error of Amazon's own is asked again about before a person looks."""

RETRY_AFTER = (1.0, 3600.0)
MAX_ID = 255
MAX_ANSWER = 20_000

LINK_SECRET = re.compile(r"(?<=[\w/.])\?[^\s\"']+")
"""What makes a presigned link a key: it is not kept with the answers that people read."""

TRIAGE_403 = (
    "Look at, in this order: 1. the role's permission execute-api:Invoke; 2. whether Amazon has finished the account's "
    "onboarding and allowlisted it for the catalog; 3. AWS_REGION (signed for another region?); 4. this machine's "
    "clock (more than 5 minutes off?); 5. the session token of temporary credentials; 6. anything between here and "
    "Amazon that changes bodies or headers; 7. whether the keys are those of the account in the Merchant Portal; "
    "8. AMAZON_CATALOG_URL (test and live swapped?)."
)


class StepRefused(Exception):
    """Why this cannot be done with this upload, in words for staff."""


@cache
def client() -> amazon.Client:
    """The way to Amazon's catalog: one for the whole process."""
    return amazon.Client(
        settings.AMAZON_CATALOG_URL,
        region=settings.AWS_REGION,
        role_arn=settings.AMAZON_ROLE_ARN,
        connect_timeout=settings.CHECKOUT_CONNECT_TIMEOUT,
        read_timeout=settings.CATALOG_READ_TIMEOUT,
        total_timeout=call_bound().total_seconds(),
    )


def call_bound() -> timedelta:
    """The longest that one call may take in all; sending five megabytes counts in."""
    return timedelta(seconds=settings.CHECKOUT_CONNECT_TIMEOUT + 2 * settings.CATALOG_READ_TIMEOUT)


AT_ONCE = 4
"""Steps that run at the same time over all processes, about: checkouts must not wait for the catalog's."""


def due(*, now: datetime) -> list[int]:
    """Uploads with a step to be done, the longest due first; no more than may run beside those that run."""
    if not settings.AMAZON_CATALOG_URL:
        return []
    lease = timedelta(seconds=settings.CATALOG_LEASE)
    running = UploadCall.objects.filter(seconds__isnull=True, started_at__gt=now - lease).count()
    rows = CatalogUpload.objects.due(now).order_by("due_at", "pk").values_list("pk", flat=True)
    return list(rows[: max(0, AT_ONCE - running)])


def patience() -> timedelta:
    """How long a step waits for keys, and again for its turn: a small part of its lease."""
    return timedelta(seconds=settings.CATALOG_LEASE / 12)


class NoTurn(Exception):
    """So many calls are before this one that it has to come back later."""


def _wait_for_turn(clock: Clock) -> datetime:
    """Keep to Amazon's pace: returns when it is this call's turn, and says since when. Raises NoTurn.

    A busy database takes longer to reserve a turn than a call may be late: then the next one is taken further ahead.
    """
    until = clock() + patience()
    ahead = timedelta()
    while True:
        asked = clock()
        turn = take_slot(PACE, interval=INTERVAL, now=asked + ahead, patience=until - asked - ahead)
        if turn is None:
            raise NoTurn
        taken = clock()
        time.sleep(max(0.0, (turn - taken).total_seconds()))
        if clock() - turn < SLEPT_THROUGH:
            return turn
        ahead = 2 * (taken - asked)


# --- Claim, call, settle -------------------------------------------------------------------------------------------


def send(upload: CatalogUpload, *, client: amazon.Client, clock: Clock) -> None:
    """Send a claimed upload: these very bytes."""
    stale = archive.out_of_date(upload)
    if stale:
        with transaction.atomic():
            park(upload, stale)
        return
    said = call(upload, CallKind.SEND, PATHS[UploadKind(upload.kind)], upload.body, client=client, clock=clock)
    with transaction.atomic():
        _settle(upload, said, clock())


@dataclass(frozen=True, slots=True)
class Said:
    """How one call ended: Amazon's answer, or the error in its place."""

    answer: amazon.Answer | None = None
    error: amazon.AmazonError | None = None

    @property
    def text(self) -> str:
        whole = self.answer or (self.error.answer if self.error else None)
        text = "" if whole is None else whole.body[:MAX_ANSWER].decode(errors="replace")
        return LINK_SECRET.sub("?…", text.replace("\x00", ""))

    @property
    def words(self) -> str:
        if self.error is None:
            return ""
        return (self.error.answer.words if self.error.answer else "") or str(self.error)


ANSWERED = {CallKind.SEND: "Taken in.", CallKind.STATUS: "Answered."}


def call(upload: CatalogUpload, kind: CallKind, path: str, body: bytes, *, client: amazon.Client, clock: Clock) -> Said:
    """One call with a row of its own that tells of it, also when this process dies in it. Raises NoTurn.

    What takes long is done before the turn is taken, so that calls leave when it is their turn and not in a crowd.
    """
    row = UploadCall.objects.create(upload=upload, kind=kind, started_at=clock(), host=client.host)
    client.get_ready(within=patience().total_seconds())
    try:
        started_at = _wait_for_turn(clock)
    except NoTurn:
        row.delete()
        raise
    started = time.monotonic()
    try:
        said = Said(answer=client.post(path, body))
    except amazon.AmazonError as error:
        said = Said(error=error)
    whole = said.answer or (said.error.answer if said.error else None)
    UploadCall.objects.filter(pk=row.pk).update(
        started_at=started_at,
        seconds=time.monotonic() - started,
        status=whole.status if whole else None,
        error=whole.error if whole else "",
        words=said.words if said.error else ANSWERED[kind],
        answer=said.text,
        amazon_request_id=whole.request_id if whole else "",
    )
    return said


CUT_SHORT = "This call was cut short before Amazon's answer was kept."


def account_for_cut_short_calls(upload: CatalogUpload) -> None:
    """To be told by whoever holds the upload: a call of it that has no outcome died with its process."""
    upload.calls.filter(seconds__isnull=True).update(words=CUT_SHORT)


def _settle(upload: CatalogUpload, said: Said, now: datetime) -> None:
    if said.answer is None:
        verdict = judge(upload, said)
        if verdict.stops:
            park(upload, verdict.problem)
        else:
            again(upload, verdict.delay, now)
        return
    ingestion_id = said.answer.json().get("ingestionId")
    if not isinstance(ingestion_id, str) or not 0 < len(ingestion_id) <= MAX_ID or not ingestion_id.isprintable():
        _without_id(upload, said, now)
        return
    try:
        with transaction.atomic():
            followed = upload.move(
                to=UploadStatus.FOLLOWED,
                where={"due_at": upload.due_at},
                ingestion_id=ingestion_id,
                sent_at=now,
                due_at=now + timedelta(seconds=settings.CATALOG_POLL_FIRST),
                tries=0,
                failures=0,
                problem="",
            )
    except IntegrityError:
        park(upload, f"Amazon answered with the ingestion ID {ingestion_id}, which another upload has. Ask Amazon.")
        return
    if followed:
        _hear_orphans(ingestion_id, now)
        _nudge_next(upload)


def _without_id(upload: CatalogUpload, said: Said, now: datetime) -> None:
    if upload.failures + 1 >= SERVER_ERRORS:
        park(upload, f"Amazon said yes but named no ingestion ID: {said.text[:500] or 'an empty answer'}. Ask Amazon.")
    else:
        again(upload, backoff(upload.failures), now)


def _hear_orphans(ingestion_id: str, now: datetime) -> None:
    """A notification may be faster than the answer to the call: what was of nobody, or put off, is now ours."""
    waiting = CatalogMessage.objects.filter(ingestion_id=ingestion_id)
    waiting.filter(state__in=[MessageState.ORPHAN, MessageState.RECEIVED]).update(
        state=MessageState.RECEIVED, due_at=now, tries=0
    )


def _nudge_next(upload: CatalogUpload) -> None:
    """The sandbox and tests follow at once; with real delays the sweep finds the row when its time has come."""
    if settings.CATALOG_POLL_FIRST <= 0:
        nudge("catalog.tasks.work_on", upload_id=upload.pk)


# --- What Amazon said ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an answer that was no success: stop with a problem, or ask again after `delay` seconds."""

    problem: str = ""
    delay: float = 0.0

    @property
    def stops(self) -> bool:
        return bool(self.problem)


def judge(upload: CatalogUpload, said: Said, *, server_errors: int | None = SERVER_ERRORS) -> Verdict:
    """400 and 403 are final; 429, faults of the network and errors of Amazon's own come again.

    The latter so many times in all; None: as often as it takes, since asking changes nothing at Amazon.
    """
    error = said.error
    if error is None or error.answer is None:
        return _no_answer(upload, error)
    status = error.answer.status
    if isinstance(error, amazon.AmazonThrottled):
        shortest, longest = RETRY_AFTER
        wished = error.retry_after
        return Verdict(delay=backoff(upload.failures) if wished is None else min(max(wished, shortest), longest))
    if status == 403:  # noqa: PLR2004
        return Verdict(f"Amazon does not let us in (403): {said.words} {TRIAGE_403}")
    if isinstance(error, amazon.AmazonUnavailable | amazon.AmazonUnclear) and not _says_no_retry(said.text):
        if server_errors is None or upload.failures + 1 < server_errors:
            return Verdict(delay=backoff(upload.failures))
        return Verdict(f"Amazon failed {server_errors} times (last {status}): {said.words}")
    return Verdict(f"Amazon refused the whole call ({status}): {said.words}")


def _no_answer(upload: CatalogUpload, error: amazon.AmazonError | None) -> Verdict:
    if isinstance(error, amazon.AmazonMisconfigured):
        _alarm_credentials(error)
        return Verdict(delay=settings.CHECKOUT_MISCONFIGURED_RETRY)
    return Verdict(delay=backoff(upload.failures))


def _alarm_credentials(error: amazon.AmazonError) -> None:
    raise_alarm(
        "Catalog calls cannot be signed",
        "credentials",
        f"{error} Look at the AWS credentials and AMAZON_ROLE_ARN. Uploads are kept and tried again.",
        link="/admin/catalog/catalogupload/",
    )


def _says_no_retry(text: str) -> bool:
    lowered = text.lower()
    return any(phrase.lower() in lowered for phrase in settings.CATALOG_NO_RETRY_PHRASES)


def backoff(failures: int) -> float:
    """Seconds: exponential with full jitter."""
    ceiling = min(settings.CATALOG_RETRY_CAP, settings.CATALOG_RETRY_BASE * 2 ** min(failures, 30))
    return random.uniform(0, ceiling)  # noqa: S311  jitter, no secret


def again(upload: CatalogUpload, delay: float, now: datetime) -> None:
    """Try the same step again after so many seconds."""
    upload.move(
        to=UploadStatus(upload.status),
        where={"due_at": upload.due_at},
        due_at=now + timedelta(seconds=delay),
        failures=upload.failures + 1,
    )


def put_off(upload: CatalogUpload, now: datetime) -> None:
    """Nothing was done: the same step is due again when the crowd has gone."""
    upload.move(
        to=UploadStatus(upload.status), where={"due_at": upload.due_at}, due_at=now + patience(), tries=upload.tries - 1
    )


# --- Stopping, and what staff can do -------------------------------------------------------------------------------


def park(upload: CatalogUpload, problem: str) -> None:
    """Stop until a person looks. Its items are shown as refused, with the reason, unless Amazon may have taken them."""
    if not upload.move(to=UploadStatus.PARKED, where={"due_at": upload.due_at}, due_at=None, problem=problem):
        return
    if not upload.is_taken_in:
        upload.items.filter(state=ItemState.UPLOADING).update(state=ItemState.REFUSED, reason=problem)
        upload.items.settle()
    brief = problem.replace(TRIAGE_403, "").strip()
    raise_alarm(
        "Catalog upload not followed" if upload.is_taken_in else "Catalog upload stopped",
        f"{upload.store_id or 'archive'}: {brief}",
        _what_to_do(upload, brief),
        link=link(upload),
        store_id=upload.store_id,
    )


def _what_to_do(upload: CatalogUpload, problem: str) -> str:
    where = f" for {upload.store}" if upload.store else ""
    what = f"{upload}{where} with {upload.item_count} items"
    if upload.is_taken_in:
        return (
            f"Amazon took {what} in, but does not tell us how far it is, so nobody knows which items it took. "
            f"{sentence(problem)} Open the upload: it says what to look at. When that is mended choose “Ask now” there."
        )
    return (
        f"{what} stopped. {sentence(problem)} "
        "Open the upload: it says what to look at. When that is mended choose “Try again” there."
    )


def sentence(words: str) -> str:
    """Amazon's words with a full stop, so that ours can follow."""
    return words if words.endswith((".", "!", "?")) else f"{words}."


def link(upload: CatalogUpload) -> str:
    return f"/admin/catalog/catalogupload/{upload.pk}/change/"


def try_again(upload: CatalogUpload, *, by: User, now: datetime) -> None:
    """Make a new attempt of a stopped upload, from the catalog as it is now. Raises StepRefused for any other.

    An archive call is sent again as it is; an upload's items go into the next run, which is asked for at once.
    """
    if upload.status not in (UploadStatus.PARKED, UploadStatus.UNREAD, UploadStatus.FAILED):
        raise StepRefused(f"This upload is “{upload.get_status_display().lower()}”: there is nothing to try again.")
    with transaction.atomic():
        if upload.status != UploadStatus.FAILED:
            withdraw(upload, f"Tried again by {by.get_username()}.", now=now)
        if upload.kind == UploadKind.ARCHIVE:
            archive.again(upload, by=by, now=now)
            return
        _free(upload)
        runs.request(store=upload.store, everything=False, by=by, now=now)


def give_up(upload: CatalogUpload, *, reason: str, by: User, now: datetime) -> None:
    """Stop working on an upload for good. Its items wait for the next run. Raises StepRefused when it has ended."""
    if upload.status in (UploadStatus.FINISHED, UploadStatus.FAILED, UploadStatus.WITHDRAWN):
        raise StepRefused(f"This upload is “{upload.get_status_display().lower()}” already.")
    with transaction.atomic():
        withdraw(upload, f"{reason} ({by.get_username()})", now=now)
        _free(upload)


def withdraw(upload: CatalogUpload, problem: str, *, now: datetime) -> None:
    changes = {"due_at": None, "problem": problem, "finished_at": now}
    if not upload.move(to=UploadStatus.WITHDRAWN, where={"due_at": upload.due_at}, **changes):
        raise StepRefused("Somebody else changed this upload meanwhile. Load the page again.")


def _free(upload: CatalogUpload) -> None:
    """What went with this upload is to be sent anew; what was to be archived is as it was."""
    held = upload.items.filter(state__in=[ItemState.UPLOADING, ItemState.REFUSED])
    held.update(state=ItemState.CHANGED)
    upload.items.settle()


def send_again(items: QuerySet[CatalogItem]) -> int:
    """Let refused items go once more although nothing has changed; gives how many."""
    return items.filter(state=ItemState.REFUSED, is_offered=True).update(state=ItemState.CHANGED, live_hash="")


def send_again_now(items: QuerySet[CatalogItem], *, by: User, now: datetime) -> int:
    """The same, in a run that is asked for at once. Raises NotConnected (`catalog.runs`)."""
    with transaction.atomic():
        count = send_again(items)
        if count:
            runs.request(store=None, everything=False, by=by, now=now)
    return count
