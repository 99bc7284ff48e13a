"""Telling people: an alarm is a row, an ERROR line in the log, a banner in the admin, and an e-mail if configured."""

import logging
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from jwo_store.models import Alarm

logger = logging.getLogger(__name__)


def raise_alarm(kind: str, subject: str, text: str, *, link: str = "", store_id: str | None = None) -> None:
    """Tell people once: while an alarm of this kind and subject is open, repetitions are counted on it.

    `text` says what happened and what to do; it must hold neither payloads nor secrets. Takes part in the caller's
    transaction, so that the alarm stands exactly when the fact does. Who works in the store of this id reads it;
    without one, whoever reads alarms anywhere.
    """
    now = timezone.now()
    logger.error("alarm: %s (%s): %s", kind, subject, text)
    subject = subject[:255]
    with transaction.atomic():
        if _repeat(kind, subject, text, now):
            return
        alarm = Alarm(
            kind=kind,
            subject=subject,
            text=text,
            link=link,
            store_id=store_id,
            environment=settings.JWO_ENVIRONMENT,
            first_at=now,
            last_at=now,
        )
        Alarm.objects.bulk_create([alarm], ignore_conflicts=True)


def _repeat(kind: str, subject: str, text: str, now: datetime) -> bool:
    same = Alarm.objects.open().filter(kind=kind, subject=subject)
    return same.update(times=F("times") + 1, last_at=now, text=text) > 0


def send_emails(now: datetime) -> int:
    """E-mail what was not e-mailed yet; gives how many alarms went out. Nothing happens without addresses.

    Who has acknowledged an alarm has seen it: that one is e-mailed no more.
    """
    if not settings.ALARM_EMAILS:
        return 0
    untold = Alarm.objects.open().filter(emailed_at__isnull=True).with_store()
    return sum(_email(alarm, now) for alarm in untold.order_by("first_at")[:20])


def _email(alarm: Alarm, now: datetime) -> bool:
    """Whether this call sent it; while the mail server is away it is kept for later."""
    mine = Alarm.objects.filter(pk=alarm.pk)
    if not mine.open().filter(emailed_at__isnull=True).update(emailed_at=now):
        return False
    subject = " ".join(f"[{alarm.environment}] {alarm.kind}: {alarm.about}".split())
    try:
        send_mail(subject, f"{alarm.text}\n\n{alarm.link}\n", None, settings.ALARM_EMAILS)
    except (SMTPException, OSError) as error:
        logger.warning("the alarm could not be e-mailed (%s); it is tried again", type(error).__name__)
        mine.update(emailed_at=None)
        return False
    return True
