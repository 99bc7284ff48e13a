"""Following an ingestion to its end: asked for and told of, whichever comes first; then its report, item by item.

An ingestion that has ended never goes back, and its first end counts. DONE says that Amazon has finished, not that it
took everything: only the report says which items it took (page archive_catalog_api), and a report that could not be
read is never taken for a good one.
"""

import hashlib
import json
import logging
import re
import zlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from catalog import reports, uploads
from catalog.models import CatalogItem, CatalogUpload, UploadCall, UploadLine
from catalog.statuses import AMAZON_ENDED, CallKind, ItemState, Outcome, UploadKind, UploadStatus, amazons_word
from catalog.sync import Clock
from catalog.uploads import NoTurn, StepRefused, again, backoff, call, judge, link, park, put_off, send, sentence
from jwo_store import amazon, download
from jwo_store.alarms import raise_alarm
from jwo_store.nudge import nudge

logger = logging.getLogger(__name__)

PATH = "/v1/catalog/getCatalogUploadStatus"
REPORT_TRIES = 8
NOT_NAMED = "Amazon's report does not name this product, so it is not known whether Amazon took it."
MAX_WORD = 255

HEARING = (UploadStatus.FOLLOWED, UploadStatus.PARKED)
"""An upload that a person was asked to look at may still turn out well."""


# --- One step ------------------------------------------------------------------------------------------------------


def work_on(upload_pk: int, *, client: amazon.Client, clock: Clock) -> None:
    """Do the next step of this upload, if it is due and nobody else is at it."""
    upload = CatalogUpload.objects.claim(upload_pk, now=clock())
    if upload is None:
        return
    uploads.account_for_cut_short_calls(upload)
    step = {UploadStatus.WAITING: send, UploadStatus.FOLLOWED: ask, UploadStatus.REPORTING: fetch}
    try:
        step[UploadStatus(upload.status)](upload, client=client, clock=clock)
    except NoTurn:
        put_off(upload, clock())


def longest_step() -> timedelta:
    """What one step may take: a report that is fetched, is found expired, asked for again and fetched again."""
    return 2 * timedelta(seconds=settings.CATALOG_REPORT_TIMEOUT) + uploads.call_bound() + 2 * uploads.patience()


# --- How far it is -------------------------------------------------------------------------------------------------


def ask(upload: CatalogUpload, *, client: amazon.Client, clock: Clock) -> None:
    """Ask Amazon how far a claimed upload is."""
    heard = _status(upload, client, clock)
    if heard is None:
        return
    word, report_link = heard
    if word in AMAZON_ENDED:
        told(upload, word, report_link, by="asking", now=clock())
        return
    delay = min(settings.CATALOG_POLL_CAP, settings.CATALOG_POLL_FIRST * 2 ** min(upload.tries, 30))
    with transaction.atomic():
        upload.move(
            to=UploadStatus(upload.status),
            where={"due_at": upload.due_at},
            due_at=clock() + timedelta(seconds=delay),
            amazon_status=word or upload.amazon_status,
            failures=0,
        )


def _status(upload: CatalogUpload, client: amazon.Client, clock: Clock) -> tuple[str, str] | None:
    """Amazon's word and the link to the report; None when there was no answer, which is then settled already."""
    body = json.dumps({"ingestionId": upload.ingestion_id}).encode()
    said = call(upload, CallKind.STATUS, PATH, body, client=client, clock=clock)
    if said.answer is not None:
        document = said.answer.json()
        word, report_link = document.get("processingStatus"), document.get("reportDownloadLink")
        return _text(word).upper(), _text(report_link, 8_000)
    with transaction.atomic():
        verdict = judge(upload, said, server_errors=None)
        if verdict.stops:
            park(upload, verdict.problem)
        else:
            again(upload, verdict.delay, clock())
    return None


def _text(value: object, length: int = MAX_WORD) -> str:
    return value.strip()[:length] if isinstance(value, str) and value.isprintable() else ""


def told(upload: CatalogUpload, word: str, report_link: str, *, by: str, now: datetime) -> bool:
    """Amazon says that this ingestion is so far; True when that is news.

    `by` is `asking` or `message`. Only an end is news: the rest is kept as Amazon's newest word. Safe to be told
    twice, late and out of order.
    """
    if word not in AMAZON_ENDED:
        rows = CatalogUpload.objects.filter(pk=upload.pk, status=UploadStatus.FOLLOWED, ended_at__isnull=True)
        return bool(word) and rows.update(amazon_status=word) == 1
    with transaction.atomic():
        rows = CatalogUpload.objects.filter(pk=upload.pk, ended_at__isnull=True, status__in=HEARING)
        if rows.update(amazon_status=word, ended_at=now, told_by=by) != 1:
            return False
        upload.refresh_from_db()
        if word != "DONE" and not report_link:
            _fail(upload, f"Amazon gave the whole upload up: {amazons_word(word)}.", now)
            return True
        fresh: dict[str, Any] = {"due_at": now, "failures": 0, "tries": 0, "problem": ""}
        if not upload.move(to=UploadStatus.REPORTING, report_link=report_link, **fresh):
            raise StepRefused("Somebody else changed this upload meanwhile.")
        nudge("catalog.tasks.work_on", upload_id=upload.pk)
    return True


def _fail(upload: CatalogUpload, problem: str, now: datetime) -> None:
    """Nothing of it can be relied on."""
    if not upload.move(to=UploadStatus.FAILED, due_at=None, problem=problem, finished_at=now):
        raise StepRefused("Somebody else changed this upload meanwhile.")
    upload.lines.filter(outcome="").update(outcome=Outcome.REFUSED, words=problem)
    _refuse(upload)
    count = upload.lines.filter(outcome=Outcome.REFUSED).count()
    CatalogUpload.objects.filter(pk=upload.pk).update(refused_count=count)
    raise_alarm(
        "Catalog upload failed",
        upload.store_id or "archive",
        f"{upload} with {upload.item_count} items: {problem} None of its items counts as taken. Ask Amazon why, "
        "then open the upload and choose “Try again”.",
        link=link(upload),
        store_id=upload.store_id,
    )


def ask_now(upload: CatalogUpload, *, now: datetime) -> None:
    """Let a worker ask about this upload at once, also when it was stopped. Raises StepRefused for nothing to ask."""
    if upload.status == UploadStatus.PARKED and upload.is_taken_in:
        _follow_again(upload, now)
        return
    if upload.status not in (UploadStatus.FOLLOWED, UploadStatus.REPORTING):
        raise StepRefused(f"This upload is “{upload.get_status_display().lower()}”: there is nothing to ask.")
    hurry(upload, now=now)


def _follow_again(upload: CatalogUpload, now: datetime) -> None:
    to = UploadStatus.REPORTING if upload.ended_at else UploadStatus.FOLLOWED
    with transaction.atomic():
        if not upload.move(to=to, due_at=now, failures=0, tries=0, problem=""):
            raise StepRefused("Somebody else changed this upload meanwhile. Load the page again.")
        nudge("catalog.tasks.work_on", upload_id=upload.pk)


def hurry(upload: CatalogUpload, *, now: datetime) -> bool:
    """Bring the next step forward to now; False while one is running, which may have begun before there was a hurry."""
    owed = CatalogUpload.objects.filter(pk=upload.pk, status__in=[UploadStatus.FOLLOWED, UploadStatus.REPORTING])
    if UploadCall.objects.filter(upload__in=owed, seconds__isnull=True, started_at__gt=now - _lease()).exists():
        return False
    if owed.filter(due_at=upload.due_at).update(due_at=now):
        nudge("catalog.tasks.work_on", upload_id=upload.pk)
    return True


def _lease() -> timedelta:
    return timedelta(seconds=settings.CATALOG_LEASE)


# --- The report ----------------------------------------------------------------------------------------------------


def fetch(upload: CatalogUpload, *, client: amazon.Client, clock: Clock) -> None:
    """Fetch the report of a claimed upload, at once: its link lives for an hour. An expired one is asked for again."""
    raw = _download(upload, clock) if upload.report_link else None
    if raw is None or isinstance(raw, download.LinkExpired):
        if not _fresh_link(upload, client, clock):
            return
        raw = _download(upload, clock)
    with transaction.atomic():
        if isinstance(raw, bytes):
            _keep(upload, raw, clock())
        else:
            _without_report(upload, raw, clock())


def _fresh_link(upload: CatalogUpload, client: amazon.Client, clock: Clock) -> bool:
    """Whether there is one; when not, that is settled already."""
    heard = _status(upload, client, clock)
    if heard is None:
        return False
    _, report_link = heard
    if not report_link:
        with transaction.atomic():
            _without_report(upload, download.DownloadFailed("Amazon names no link to its report yet."), clock())
        return False
    CatalogUpload.objects.filter(pk=upload.pk, due_at=upload.due_at).update(report_link=report_link)
    upload.report_link = report_link
    return True


def _download(upload: CatalogUpload, clock: Clock) -> bytes | download.DownloadError:
    row = UploadCall.objects.create(
        upload=upload, kind=CallKind.REPORT, started_at=clock(), host=download.masked(upload.report_link)[:255]
    )
    began = clock()
    words: str
    outcome: bytes | download.DownloadError
    try:
        outcome = download.fetch(
            upload.report_link,
            allowed_hosts=settings.CATALOG_REPORT_HOSTS,
            http_allowed=settings.JWO_ENVIRONMENT == "sandbox",
            max_bytes=settings.CATALOG_REPORT_MAX_BYTES,
            total_timeout=settings.CATALOG_REPORT_TIMEOUT,
        )
        words = f"{len(outcome)} bytes"
    except download.DownloadError as error:
        outcome, words = error, str(error)
    UploadCall.objects.filter(pk=row.pk).update(seconds=(clock() - began).total_seconds(), words=words)
    return outcome


def _without_report(upload: CatalogUpload, problem: Exception, now: datetime) -> None:
    hopeless = isinstance(problem, download.LinkRefused) or not getattr(problem, "retryable", True)
    if not hopeless and upload.failures + 1 < REPORT_TRIES:
        CatalogUpload.objects.filter(pk=upload.pk, due_at=upload.due_at).update(
            due_at=now + timedelta(seconds=max(settings.CATALOG_RETRY_BASE, backoff(upload.failures))),
            failures=F("failures") + 1,
            report_link="",
        )
        return
    _unread(upload, f"Its report could not be fetched: {problem}")


def _unread(upload: CatalogUpload, problem: str) -> None:
    if not upload.move(to=UploadStatus.UNREAD, where={"due_at": upload.due_at}, due_at=None, problem=problem):
        return
    raise_alarm(
        "Catalog report not read",
        upload.store_id or "archive",
        f"Amazon has finished {upload} with {upload.item_count} items, but nobody knows which it took. {problem} "
        "Open the upload: when the cause is mended choose “Read the report again”.",
        link=link(upload),
        store_id=upload.store_id,
    )


def _keep(upload: CatalogUpload, raw: bytes, now: datetime) -> None:
    """Keep the report as it came, then read it."""
    kept = CatalogUpload.objects.filter(pk=upload.pk, due_at=upload.due_at, status=UploadStatus.REPORTING)
    if kept.update(
        report_packed=zlib.compress(raw, 6),
        report_sha256=hashlib.sha256(raw).hexdigest(),
        report_at=now,
        report_link="",
    ):
        _read(upload, raw, now)


def read_report_again(upload: CatalogUpload, *, now: datetime) -> None:
    """Read an unread report once more: what was kept, or a fresh one when that still cannot be read.

    Raises StepRefused when no report waits to be read.
    """
    if upload.status != UploadStatus.UNREAD:
        raise StepRefused(f"This upload is “{upload.get_status_display().lower()}”: no report waits to be read.")
    raw = upload.report
    with transaction.atomic():
        if raw is not None and _is_readable(upload, raw):
            _read(upload, raw, now)
        else:
            upload.move(to=UploadStatus.REPORTING, due_at=now, report_link="", failures=0, tries=0)


def _is_readable(upload: CatalogUpload, raw: bytes) -> bool:
    try:
        _understood(upload, raw)
    except reports.Unreadable:
        return False
    return True


def _read(upload: CatalogUpload, raw: bytes, now: datetime) -> None:
    if upload.amazon_status != "DONE":
        _fail(upload, f"Amazon gave the whole upload up: {amazons_word(upload.amazon_status)}.", now)
        return
    try:
        report = _understood(upload, raw)
    except reports.Unreadable as fault:
        _unread(upload, str(fault))
    else:
        _apply(upload, report, now)


def mapping() -> reports.Mapping:
    return reports.Mapping.from_setting(settings.CATALOG_REPORT_MAPPING)


def _understood(upload: CatalogUpload, raw: bytes) -> reports.Report:
    """The report of this upload. Raises Unreadable, with what to look at, for what cannot be one."""
    try:
        report = reports.read(raw, mapping())
    except reports.Unreadable as fault:
        words = f"The report does not have the shape that CATALOG_REPORT_MAPPING says: {fault}"
        raise reports.Unreadable(words) from None
    ours = set(upload.lines.values_list("sku", flat=True))
    if ours.isdisjoint(_by_sku(upload, report)):
        raise reports.Unreadable(
            "The report names none of the products of this upload. Look at CATALOG_REPORT_MAPPING."
        )
    return report


def _apply(upload: CatalogUpload, report: reports.Report, now: datetime) -> None:
    """Write what the report says onto lines and items, in a number of statements that does not grow with them."""
    if not upload.move(to=UploadStatus.FINISHED, due_at=None, finished_at=now, problem=""):
        raise StepRefused("Somebody else changed this upload meanwhile.")
    lines = {line.sku: line for line in upload.lines.all()}
    named = _by_sku(upload, report)
    refused = [_refused(line, named.get(sku)) for sku, line in lines.items() if not _is_taken(upload, named.get(sku))]
    upload.lines.update(outcome=Outcome.TAKEN)
    UploadLine.objects.bulk_update(refused, ["outcome", "code", "words"], batch_size=500)
    CatalogUpload.objects.filter(pk=upload.pk).update(refused_count=len(refused))
    _take(upload, now)
    _refuse(upload)
    logger.info("%s is finished: %s items, %s refused", upload, upload.item_count, len(refused))
    if refused:
        _tell(upload, refused)


def _by_sku(upload: CatalogUpload, report: reports.Report) -> dict[str, reports.ItemResult]:
    """What the report says of each SKU in this upload's store; of an archive call one store's refusal is enough."""
    named: dict[str, reports.ItemResult] = {}
    for item in report.items:
        elsewhere = upload.store_id and item.store_id not in ("", upload.store_id)
        if not elsewhere and (item.sku not in named or not item.taken):
            named[item.sku] = item
    return named


def _is_taken(upload: CatalogUpload, item: reports.ItemResult | None) -> bool:
    if item is None:
        return settings.CATALOG_REPORT_LISTS == "failed"
    said = _plain_words(f"{item.code} {item.message}")
    gone = upload.kind == UploadKind.ARCHIVE and any(
        _plain_words(phrase) in said for phrase in settings.CATALOG_ARCHIVED_PHRASES
    )
    return item.taken or gone


def _plain_words(text: str) -> str:
    """`sku already archived` of `SKU_ALREADY_ARCHIVED`."""
    return " ".join(re.findall("[a-z0-9]+", text.lower()))


def _refused(line: UploadLine, item: reports.ItemResult | None) -> UploadLine:
    line.outcome = Outcome.REFUSED
    line.code = item.code[:MAX_WORD] if item else ""
    line.words = NOT_NAMED if item is None else item.message or item.code or f"Amazon says only “{item.status}”."
    return line


def _take(upload: CatalogUpload, now: datetime) -> None:
    taken = _mine(upload, Outcome.TAKEN)
    if upload.kind == UploadKind.ARCHIVE:
        taken.update(state=ItemState.ARCHIVED, live_hash="", reason="")
        return
    taken.update(state=ItemState.LIVE, live_hash=F("sent_hash"), taken_at=now, reason="")
    upload.items.settle()


def _refuse(upload: CatalogUpload) -> None:
    words = UploadLine.objects.filter(upload=upload, sku=OuterRef("product_id")).values("words")[:1]
    _mine(upload, Outcome.REFUSED).update(state=ItemState.REFUSED, reason=Subquery(words))
    upload.items.settle()


def _mine(upload: CatalogUpload, outcome: Outcome) -> QuerySet[CatalogItem]:
    """Items that went with this upload and with none since, of this outcome."""
    skus = UploadLine.objects.filter(upload=upload, outcome=outcome).values("sku")
    return CatalogItem.objects.filter(
        upload=upload, product_id__in=skus, state__in=[ItemState.UPLOADING, ItemState.REFUSED]
    )


def _tell(upload: CatalogUpload, refused: list[UploadLine]) -> None:
    first = refused[0]
    archived = upload.kind == UploadKind.ARCHIVE
    what = "would not archive" if archived else "refused"
    then = "choose “Archive at Amazon” for it again" if archived else "it goes into the next upload"
    raise_alarm(
        "Products refused by Amazon",
        f"{upload.store_id or 'archive'}",
        f"Amazon {what} {len(refused)} of {upload.item_count} products of {upload}, for example {first.sku}: "
        f"{sentence(first.words)} Open the upload for all of them; mend each, and {then}.",
        link=link(upload),
        store_id=upload.store_id,
    )


# --- Taking too long -----------------------------------------------------------------------------------------------


def watch(*, now: datetime) -> None:
    """Tell people of uploads that Amazon has not taken in, or not finished, in time."""
    for upload in CatalogUpload.objects.late(now).defer("packed", "report_packed"):
        is_waiting = upload.status == UploadStatus.WAITING
        raise_alarm(
            "Catalog upload not taken in" if is_waiting else "Catalog upload takes too long",
            f"upload {upload.pk}",
            _not_taken_in(upload, now) if is_waiting else _not_finished(upload, now),
            link=link(upload),
            store_id=upload.store_id,
        )


def _not_taken_in(upload: CatalogUpload, now: datetime) -> str:
    newest = upload.calls.exclude(words="").last()
    said = f"Of the newest try: {sentence(newest.words)}" if newest else "It was not tried yet: does the worker run?"
    return (
        f"{upload} was made {_minutes(now - upload.made_at)} minutes ago and Amazon has not taken it in. {said} "
        "It goes on being tried, and the store's later uploads wait behind it. Open the upload: it shows every try and "
        "Amazon's answer. Look at the network and AMAZON_CATALOG_URL; when Amazon slows us down (429) for so long, ask "
        "Amazon."
    )


def _not_finished(upload: CatalogUpload, now: datetime) -> str:
    return (
        f"Amazon took {upload} in {_minutes(now - (upload.sent_at or now))} minutes ago and has not finished it "
        f"(Amazon says: {amazons_word(upload.amazon_status)}). It goes on being asked for. Ask Amazon about the "
        f"ingestion {upload.ingestion_id}."
    )


def _minutes(time: timedelta) -> int:
    return round(time.total_seconds() / 60)
