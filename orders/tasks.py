"""Celery's door, nothing else."""

from celery import shared_task
from django.utils import timezone

from orders import checkout, privacy, watching
from orders.nudge import nudge_now


@shared_task
def submit_checkout(*, purchase_id: int) -> None:
    checkout.submit(purchase_id, client=checkout.client(), clock=timezone.now)


@shared_task
def sweep() -> None:
    for purchase_id in checkout.overdue(now=timezone.now()):
        nudge_now(purchase_id)


@shared_task
def watch() -> None:
    watching.watch(now=timezone.now())


@shared_task
def redact_raw_carts() -> None:
    privacy.redact(now=timezone.now())
