"""Celery's door, nothing else."""

from celery import shared_task
from django.utils import timezone

from catalog import following, notifications, runs, uploads
from catalog.lists.keeping import clear_expired
from jwo_store.nudge import nudge_now


@shared_task
def sweep() -> None:
    now = timezone.now()
    runs.request_scheduled(now=now)
    to_do = runs.to_do()
    for run_id in to_do[:1]:
        nudge_now("catalog.tasks.prepare", run_id=run_id)
    if not to_do and runs.something_changed():
        nudge_now("catalog.tasks.look")
    for upload_id in uploads.due(now=now):
        nudge_now("catalog.tasks.work_on", upload_id=upload_id)
    for message_id in notifications.due(now=now):
        nudge_now("catalog.tasks.handle_message", message_id=message_id)


@shared_task
def look() -> None:
    runs.look(clock=timezone.now)


@shared_task
def prepare(*, run_id: int) -> None:
    runs.prepare(run_id, clock=timezone.now)


@shared_task
def work_on(*, upload_id: int) -> None:
    following.work_on(upload_id, client=uploads.client(), clock=timezone.now)
    for next_id in uploads.due(now=timezone.now())[:1]:
        nudge_now("catalog.tasks.work_on", upload_id=next_id)


@shared_task
def receive() -> None:
    received = notifications.receive(sqs=notifications.client("sqs"), clock=timezone.now)
    notifications.handle_each(received, sns=notifications.client("sns"), clock=timezone.now)


@shared_task
def handle_message(*, message_id: int) -> None:
    notifications.handle(message_id, sns=notifications.client("sns"), clock=timezone.now)


@shared_task
def watch() -> None:
    now = timezone.now()
    following.watch(now=now)
    clear_expired(now=now)
