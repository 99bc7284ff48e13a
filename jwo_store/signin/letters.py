"""E-mails to a person about their own login: a row first, sent by the periodic task, as alarms are."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.utils import timezone

from jwo_store.signin.models import Letter

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""After that it would be no news; a letter is also given up then."""


def write(person: User, subject: str, text: str) -> None:
    """Tell a person by e-mail, if they have an address. Takes part in the caller's transaction."""
    if person.email:
        Letter.objects.create(to=person.email, subject=subject, text=text, written_at=timezone.now())


def send(now: datetime) -> int:
    """Send what waits; gives how many went out. While the mail server is away they are kept."""
    Letter.objects.filter(written_at__lt=now - KEPT_FOR).delete()
    return sum(_send(letter, now) for letter in Letter.objects.filter(sent_at=None).order_by("written_at")[:50])


def _send(letter: Letter, now: datetime) -> bool:
    mine = Letter.objects.filter(pk=letter.pk)
    if not mine.filter(sent_at=None).update(sent_at=now):
        return False
    subject = f"[{settings.JWO_ENVIRONMENT}] {letter.subject}"
    text = f"{letter.text}\n\nIf this surprises you, tell whoever gives out the logins at once.\n"
    try:
        send_mail(subject, text, None, [letter.to])
    except (SMTPException, OSError) as error:
        logger.warning("an e-mail to a person could not be sent (%s); it is tried again", type(error).__name__)
        mine.update(sent_at=None)
        return False
    return True
