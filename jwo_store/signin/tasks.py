from datetime import timedelta
from importlib import import_module

from axes.models import AccessLog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from jwo_store.signin import letters

LOG_DAYS = 90
"""For how long it is known who signed in when, and from where."""


@shared_task
def forget_what_is_over() -> None:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    AccessLog.objects.filter(attempt_time__lt=timezone.now() - timedelta(days=LOG_DAYS)).delete()


@shared_task
def send_letters() -> None:
    letters.send(timezone.now())
