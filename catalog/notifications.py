"""Amazon's notifications: SNS messages on our SQS queue, long polled, kept, and worked from their rows.

A message leaves the queue only when its row is committed. From then on the row is the queue: working it may be
repeated without a second effect, a message that cannot be read is set aside with its reason and holds up no other, and
one that is not from Amazon is refused. Its SubscribeURL is never fetched: a subscription is confirmed by SNS's own
call, and only of the configured topic.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from catalog import following, notices, queue_settings, signatures
from catalog.models import CatalogMessage, CatalogUpload, QueueReading, UploadCall
from catalog.statuses import CallKind, MessageState, UploadStatus, amazons_word
from catalog.sync import Clock
from jwo_store import lease
from jwo_store.alarms import raise_alarm
from jwo_store.nudge import nudge

logger = logging.getLogger(__name__)

LEASE = "catalog: queue"
AT_ONCE = 10
WAIT_SECONDS = 5
"""Of one long poll: short enough that a stopping worker is not held up."""

STOPPED_AFTER = timedelta(seconds=3)
"""Who is silent for so long beyond its poll counts as gone; if it is not, two read one queue and do no harm."""

ROUNDS = 100
MAX_BODY = 262_144
MAX_TRIES = 20
MOST_WAITS = 3
"""How often a message of an unknown ingestion is put off while an answer of Amazon's is awaited that may name it."""

PROBLEM_AFTER = timedelta(minutes=5)
DEPTH = "ApproximateNumberOfMessages"
ASKED = [DEPTH, f"{DEPTH}NotVisible", "QueueArn", "Policy", "RedrivePolicy", "VisibilityTimeout"]


def client(service: str) -> Any:
    """boto3's client of the standard chain; its address may be named by AWS_ENDPOINT_URL_SQS and _SNS."""
    return _client(service, settings.AWS_REGION)


@cache
def _client(service: str, region: str) -> Any:
    config = Config(
        connect_timeout=3,
        read_timeout=WAIT_SECONDS + 15,
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={},
    )
    return boto3.session.Session().client(service, region_name=region, config=config)


# --- From the queue into rows --------------------------------------------------------------------------------------


def receive(*, sqs: Any, clock: Clock) -> list[int]:
    """Take what is on the queue into rows; gives those that are to be worked. One process at a time does so."""
    if not settings.CATALOG_QUEUE_URL:
        return []
    held = lease.take(LEASE, now=clock(), until=_lease_end(clock()))
    if held is None:
        return []
    try:
        return _receive(sqs, held, clock)
    except (BotoCoreError, ClientError) as error:
        _queue_fails(error, clock())
        return []
    except lease.LeaseLost:
        return []
    finally:
        held.give_back()


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=wait_seconds()) + STOPPED_AFTER


def wait_seconds() -> int:
    """Of one long poll: no longer than until the next one is due."""
    return max(1, min(WAIT_SECONDS, int(settings.CATALOG_RECEIVE_EVERY)))


def _receive(sqs: Any, held: lease.Held, clock: Clock) -> list[int]:
    received: list[int] = []
    oldest: datetime | None = None
    _read_queue(sqs, clock())
    _bring_back(sqs)
    for _ in range(ROUNDS):
        held.keep(until=_lease_end(clock()))
        answer = sqs.receive_message(
            QueueUrl=settings.CATALOG_QUEUE_URL,
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=0 if received else wait_seconds(),
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            received += keep(message, now=clock())
            oldest = min(filter(None, (oldest, _sent_at(message))), default=None)
            sqs.delete_message(QueueUrl=settings.CATALOG_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
    QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).update(oldest_sent_at=oldest)
    return received


def keep(message: Mapping[str, Any], *, now: datetime) -> list[int]:
    """Commit one message; gives its row when it is new. The same bytes again are counted on the row that is there."""
    body = _storable(str(message.get("Body", "")))
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    with transaction.atomic():
        row, is_new = CatalogMessage.objects.get_or_create(
            sha256=sha256,
            defaults={
                "body": body,
                "environment": settings.JWO_ENVIRONMENT,
                "sent_at": _sent_at(message),
                "received_at": now,
                "last_received_at": now,
                "due_at": now,
            },
        )
        if not is_new:
            CatalogMessage.objects.filter(pk=row.pk).update(times=F("times") + 1, last_received_at=now)
        QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).update(last_message_at=now)
    return [row.pk] if is_new else []


def _storable(body: str) -> str:
    """What PostgreSQL takes as text: no NUL and no half of a surrogate pair. Such a message is poison anyway."""
    return body[:MAX_BODY].replace("\x00", "\ufffd").encode(errors="replace").decode()


def _sent_at(message: Mapping[str, Any]) -> datetime | None:
    stamp = str(message.get("Attributes", {}).get("SentTimestamp", ""))
    return datetime.fromtimestamp(int(stamp) / 1000, UTC) if stamp.isdecimal() else None


def _read_queue(sqs: Any, now: datetime) -> None:
    """How the queue looks, for people: how deep it is, and whether its policy lets Amazon in and strangers out."""
    found = sqs.get_queue_attributes(QueueUrl=settings.CATALOG_QUEUE_URL, AttributeNames=ASKED).get("Attributes", {})
    redrive_policy = found.get("RedrivePolicy", "")
    dead_letters, dead_letter_problem = _count_dead_letters(sqs, redrive_policy)
    before = QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).first()
    reading, _ = QueueReading.objects.update_or_create(
        url=settings.CATALOG_QUEUE_URL,
        defaults={
            "arn": found.get("QueueArn", ""),
            "read_at": now,
            "depth": int(found.get(DEPTH, 0)),
            "in_flight": int(found.get(f"{DEPTH}NotVisible", 0)),
            "policy": found.get("Policy", ""),
            "redrive_policy": redrive_policy,
            "visibility_timeout": int(found["VisibilityTimeout"]) if "VisibilityTimeout" in found else None,
            "dead_letters": dead_letters,
            "dead_letter_problem": dead_letter_problem,
            "problem": "",
            "failing_since": None,
        },
    )
    if (dead_letters or 0) > ((before and before.dead_letters) or 0):
        _tell_of_dead_letters(reading)


def _count_dead_letters(sqs: Any, redrive_policy: str) -> tuple[int | None, str]:
    """How many there are, None if nobody knows, and why not. That queue's troubles must not keep us from ours."""
    queue = queue_settings.dead_letter_queue(redrive_policy)
    if queue is None:
        return None, ""
    try:
        url = sqs.get_queue_url(QueueName=queue.name, QueueOwnerAWSAccountId=queue.account)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[DEPTH])["Attributes"]
    except (BotoCoreError, ClientError) as error:
        return None, f"The dead-letter queue {queue.name} cannot be read: {_in_words(error)}"
    return int(found[DEPTH]), ""


def _tell_of_dead_letters(reading: QueueReading) -> None:
    raise_alarm(
        "Messages in the dead-letter queue",
        str(reading),
        f"The queue has set {reading.dead_letters} messages aside that were received several times and never kept: the "
        "worker stopped again and again, or the database was away. Uploads are followed by asking meanwhile. When that "
        "is mended open “Messages from Amazon” and choose “Bring back what was set aside by the queue”.",
        link="/admin/catalog/catalogmessage/",
    )


def dead_letters() -> int | None:
    """How many messages the queue itself has set aside; None where there is no dead-letter queue, or it is not read."""
    reading = QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).first()
    return reading.dead_letters if reading else None


def bring_back(*, now: datetime) -> int:
    """Let a worker have the queue take back what it has set aside; gives how many messages that are, about."""
    count = dead_letters() or 0
    if count:
        QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).update(bring_back_at=now)
        nudge("catalog.tasks.receive")
    return count


def _bring_back(sqs: Any) -> None:
    """Have SQS do what was asked for. Forgotten only afterwards: a second such task finds nothing left to move."""
    reading = QueueReading.objects.get(url=settings.CATALOG_QUEUE_URL)
    queue = queue_settings.dead_letter_queue(reading.redrive_policy)
    if reading.bring_back_at is None:
        return
    try:
        if queue is not None:
            sqs.start_message_move_task(SourceArn=queue.arn)
    except (BotoCoreError, ClientError) as error:
        raise_alarm(
            "Dead-letter queue not brought back",
            str(reading),
            f"SQS did not begin to move the messages back: {_in_words(error)} The role needs sqs:StartMessageMoveTask, "
            "sqs:ReceiveMessage and sqs:DeleteMessage on the dead-letter queue and sqs:SendMessage on the queue. Then "
            "choose “Bring back what was set aside by the queue” again, or “Start DLQ redrive” in the AWS console.",
            link="/admin/catalog/catalogmessage/",
        )
    QueueReading.objects.filter(pk=reading.pk, bring_back_at=reading.bring_back_at).update(bring_back_at=None)


def _queue_fails(error: Exception, now: datetime) -> None:
    """One failure is no news; a queue that stays away is."""
    problem = f"The notification queue cannot be read: {_in_words(error)}"
    logger.warning(problem)
    reading, _ = QueueReading.objects.get_or_create(url=settings.CATALOG_QUEUE_URL)
    since = reading.failing_since or now
    QueueReading.objects.filter(pk=reading.pk).update(problem=problem, failing_since=since)
    if now - since >= PROBLEM_AFTER:
        raise_alarm(
            "Notification queue away",
            str(reading),
            f"{problem} Look at CATALOG_QUEUE_URL, the role's sqs permissions and AWS_REGION. Uploads are followed by "
            "asking meanwhile.",
            link="/admin/catalog/queuereading/",
        )


def _in_words(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.response.get('Error', {}).get('Code', 'an error')}."
    return f"{type(error).__name__}."


# --- Working a row -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of a message."""

    state: MessageState
    reason: str
    alarm: str = ""
    upload: CatalogUpload | None = None


OUR_FAULT = (
    "This program failed at it ({fault}); the log says where. Tell whoever looks after the program, and when it is "
    "mended choose “Work it again”."
)
CUT_SHORT = (
    f"Each of {MAX_TRIES} tries was cut short: the worker stopped in it. Look at the worker's log and memory, then "
    "choose “Work it again”."
)


NOT_WORKED = "A message of the catalog's queue was not worked: {reason}"
UNSUBSCRIBED = (
    "The queue's subscription to Amazon's topic was ended: no notification arrives any more, and uploads are followed "
    "by asking alone. If that was not meant, look at who may change subscriptions in the AWS account, then subscribe "
    "the queue again in the Merchant Portal; the confirmation that comes then is answered by itself."
)


class _Later(Exception):
    """It cannot be worked now, through no fault of the message."""


def retry() -> timedelta:
    """How long one try may take, and until the next when it could not be worked."""
    return timedelta(seconds=settings.CATALOG_LEASE / 8)


def due(*, now: datetime) -> list[int]:
    return list(CatalogMessage.objects.due(now).order_by("due_at").values_list("pk", flat=True)[:200])


def handle_each(message_pks: Iterable[int], *, sns: Any, clock: Clock) -> None:
    """Work these kept messages, each for itself: what befalls one, the next do not notice."""
    for message_pk in message_pks:
        try:
            handle(message_pk, sns=sns, clock=clock)
        except Exception:  # a guard: the row is still due, and the sweep finds it
            logger.exception("message %s was not worked", message_pk)


def handle(message_pk: int, *, sns: Any, clock: Clock) -> None:
    """Work one kept message; what goes wrong with it concerns it alone, and after so many tries it is set aside."""
    now = clock()
    mine = CatalogMessage.objects.due(now).filter(pk=message_pk)
    if not mine.update(due_at=now + retry(), tries=F("tries") + 1):
        return
    message = CatalogMessage.objects.get(pk=message_pk)
    worked = _set_aside(CUT_SHORT) if message.tries > MAX_TRIES else _tried(message, sns, clock)
    if worked.state == MessageState.RECEIVED:
        CatalogMessage.objects.filter(pk=message.pk, state=MessageState.RECEIVED).update(reason=worked.reason)
    else:
        _settle(message, worked, clock())


def _tried(message: CatalogMessage, sns: Any, clock: Clock) -> Worked:
    try:
        return _work(message, sns, clock)
    except notices.Malformed as fault:
        return _set_aside(str(fault))
    except _Later as reason:
        return _put_off(message, str(reason))
    except Exception as fault:  # a guard: a mistake of ours must not come back for ever
        logger.exception("message %s was not worked", message.pk)
        return _put_off(message, OUR_FAULT.format(fault=type(fault).__name__))


def _put_off(message: CatalogMessage, reason: str) -> Worked:
    return Worked(MessageState.RECEIVED, reason) if message.tries < MAX_TRIES else _set_aside(reason)


def _set_aside(reason: str) -> Worked:
    return Worked(MessageState.SET_ASIDE, reason, alarm="Message set aside")


def _settle(message: CatalogMessage, worked: Worked, now: datetime) -> None:
    with transaction.atomic():
        settled = CatalogMessage.objects.filter(pk=message.pk, state=MessageState.RECEIVED).update(
            state=worked.state, reason=worked.reason, upload=worked.upload, due_at=None, handled_at=now
        )
        if settled and worked.state == MessageState.ORPHAN and _is_known(message):
            # Its upload came to be known since we looked, and whoever wrote that down found no orphan to wake.
            CatalogMessage.objects.filter(pk=message.pk).update(
                state=MessageState.RECEIVED, due_at=now, tries=0, handled_at=None
            )
        elif settled and worked.alarm:
            raise_alarm(
                worked.alarm,
                message.ingestion_id or worked.reason[:100],
                worked.reason if worked.state == MessageState.HANDLED else NOT_WORKED.format(reason=worked.reason),
                link=f"/admin/catalog/catalogmessage/{message.pk}/change/",
            )


def replay(message: CatalogMessage, *, now: datetime) -> bool:
    """Let a worker work this message once more; what it did before it does not do twice.

    False when it waits to be worked anyway, or is of another environment and never worked here.
    """
    rows = CatalogMessage.objects.filter(pk=message.pk, environment=settings.JWO_ENVIRONMENT)
    rows = rows.exclude(state=MessageState.RECEIVED)
    if rows.update(state=MessageState.RECEIVED, due_at=now, tries=0, handled_at=None) != 1:
        return False
    nudge("catalog.tasks.handle_message", message_id=message.pk)
    return True


def _work(message: CatalogMessage, sns: Any, clock: Clock) -> Worked:
    notice = notices.read(message.body)
    if isinstance(notice, notices.RawNotice):
        return _nudged(message, notice.notice, clock())
    CatalogMessage.objects.filter(pk=message.pk).update(kind=notice.type)
    refusal = _refusal(notice, clock())
    if refusal:
        return Worked(MessageState.REFUSED, refusal, alarm="Message refused")
    if notice.type == notices.SUBSCRIPTION_CONFIRMATION:
        return _confirm(notice, sns, clock())
    if notice.notice is None:
        return _unsubscribed(message)
    return _hear(message, notice.notice, clock())


def _refusal(notice: notices.Envelope, now: datetime) -> str:
    """Why this message is not Amazon's, "" if it is. Raises _Later while the certificate cannot be fetched."""
    if not settings.CATALOG_TOPIC_ARN:
        return "CATALOG_TOPIC_ARN is not set, so no message can be told from a forged one."
    if notice.topic_arn != settings.CATALOG_TOPIC_ARN:
        return f"It is of the topic {notice.topic_arn}, not of the one that is configured."
    try:
        _verify(notice.fields, now)
    except signatures.Untrusted as fault:
        return str(fault)
    except signatures.CertificateUnavailable as fault:
        raise _Later(str(fault)) from fault
    return ""


def _verify(fields: Mapping[str, str], now: datetime) -> None:
    in_sandbox = settings.JWO_ENVIRONMENT == "sandbox"
    hosts = signatures.signing_hosts(
        settings.CATALOG_TOPIC_ARN, sns_endpoint=settings.AWS_ENDPOINT_URL_SNS if in_sandbox else ""
    )
    url = signatures.certificate_url(fields, allowed_hosts=hosts, http_allowed=in_sandbox)
    certificate = signatures.CERTIFICATES.get(url, allowed_hosts=hosts, http_allowed=in_sandbox)
    signatures.verify(fields, certificate, now=now)


def _confirm(notice: notices.Envelope, sns: Any, now: datetime) -> Worked:
    try:
        sns.confirm_subscription(TopicArn=settings.CATALOG_TOPIC_ARN, Token=notice.token)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500:  # noqa: PLR2004
            reason = f"Amazon did not take the confirmation: {_in_words(error)} Ask for a new one in the portal."
            return Worked(MessageState.SET_ASIDE, reason, alarm="Subscription not confirmed")
        raise _Later(_in_words(error)) from error
    except BotoCoreError as error:
        raise _Later(_in_words(error)) from error
    QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL).update(confirmed_at=now)
    return Worked(MessageState.HANDLED, "The subscription is confirmed.")


def _unsubscribed(message: CatalogMessage) -> Worked:
    reading = QueueReading.objects.filter(url=settings.CATALOG_QUEUE_URL)
    ended_at = message.sent_at or message.received_at
    if reading.filter(confirmed_at__gt=ended_at).exists():
        return Worked(MessageState.HANDLED, "The subscription was ended, but it was confirmed again since.")
    reading.update(confirmed_at=None)
    return Worked(MessageState.HANDLED, UNSUBSCRIBED, alarm="Subscription ended")


def _nudged(message: CatalogMessage, notice: notices.Notice, now: datetime) -> Worked:
    """A raw message bears no signature: it only makes us ask Amazon at once."""
    upload = _find(message, notice, now)
    if upload is None:
        return _orphan(notice)
    _ask_at_once(upload, now)
    return Worked(MessageState.HANDLED, "It is not signed, so Amazon was asked at once.", upload=upload)


def _ask_at_once(upload: CatalogUpload, now: datetime) -> None:
    """Raises _Later while a call is out: Amazon may have answered it before what this message tells of."""
    if not following.hurry(upload, now=now):
        raise _Later("Amazon is being asked about its upload just now; it is asked once more.")


def _hear(message: CatalogMessage, notice: notices.Notice, now: datetime) -> Worked:
    upload = _find(message, notice, now)
    if upload is None:
        return _orphan(notice)
    word = notice.status.upper()
    if following.told(upload, word, notice.report_link, by="message", now=now):
        return Worked(MessageState.HANDLED, f"Amazon says of the upload: {amazons_word(word)}.", upload=upload)
    if not word:
        _ask_at_once(upload, now)
        return Worked(MessageState.HANDLED, "It names no state, so Amazon was asked at once.", upload=upload)
    return Worked(MessageState.HANDLED, _no_news(upload, word), upload=upload)


def _no_news(upload: CatalogUpload, word: str) -> str:
    upload.refresh_from_db()
    if upload.ended_at and word != upload.amazon_status:
        ended = amazons_word(upload.amazon_status)
        return f"It says {amazons_word(word)}, but the upload had ended before, {ended}: that stays."
    return "Nothing new: this was known already."


def _find(message: CatalogMessage, notice: notices.Notice, now: datetime) -> CatalogUpload | None:
    """The upload that is meant, if we know it. Raises _Later while one is just being sent: it may turn out to be it."""
    may_turn_out = message.tries <= MOST_WAITS and _is_sending(now)  # asked first: what is sent meanwhile is found
    CatalogMessage.objects.filter(pk=message.pk).update(ingestion_id=notice.ingestion_id, amazon_status=notice.status)
    message.ingestion_id = notice.ingestion_id
    found = _meant(message).first()
    if found is None and may_turn_out:
        raise _Later(f"No upload has the ingestion ID {notice.ingestion_id} yet, but one is just being sent.")
    return found


def _meant(message: CatalogMessage) -> QuerySet[CatalogUpload]:
    return CatalogUpload.objects.filter(ingestion_id=message.ingestion_id, environment=settings.JWO_ENVIRONMENT)


def _is_known(message: CatalogMessage) -> bool:
    return _meant(message).exists()


def _is_sending(now: datetime) -> bool:
    """Whether Amazon may have taken an upload in whose answer is not written down yet."""
    sent = UploadCall.objects.filter(kind=CallKind.SEND, started_at__gt=now - timedelta(seconds=settings.CATALOG_LEASE))
    return CatalogUpload.objects.filter(status=UploadStatus.WAITING, calls__in=sent).exists()


def _orphan(notice: notices.Notice) -> Worked:
    return Worked(
        MessageState.ORPHAN,
        f"No upload of ours has the ingestion ID {notice.ingestion_id}: another system uses the account, or the answer "
        "to an upload was lost. It is worked as soon as such an upload is known.",
        alarm="Notification of an unknown upload",
    )
