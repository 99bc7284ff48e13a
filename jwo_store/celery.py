"""Celery: the nudge. What is owed stands in rows, so every message may be lost."""

import os
from importlib import import_module

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jwo_store.settings")
app = Celery("jwo_store")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@beat_init.connect
@worker_init.connect
def _refuse_unsafe_start(**_: object) -> None:
    """Celery logs what its signals raise and goes on: only an exit stops it."""
    try:
        import_module("jwo_store.checks").refuse_unsafe_start()
    except ImproperlyConfigured as reasons:
        raise SystemExit(str(reasons)) from None
