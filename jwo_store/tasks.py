from celery import shared_task
from django.utils import timezone

from jwo_store import alarms


@shared_task
def send_alarms() -> None:
    alarms.send_emails(timezone.now())
