"""Celery's door, nothing else."""

from celery import shared_task
from django.utils import timezone

from jwo_store import nudge as worker
from orders import backtests, checkout, exports, jobs, privacy, watching
from orders.models import BackTest, FinanceExport
from orders.nudge import nudge_now


@shared_task
def submit_checkout(*, purchase_id: int) -> None:
    checkout.submit(purchase_id, client=checkout.client(), clock=timezone.now)


@shared_task
def sweep() -> None:
    for purchase_id in checkout.overdue(now=timezone.now()):
        nudge_now(purchase_id)
    _go_on_with_jobs()


def _go_on_with_jobs() -> None:
    now = timezone.now()
    for test_id in jobs.to_do(BackTest, now=now):
        worker.nudge_now(backtests.TASK, test_id=test_id)
    for export_id in jobs.to_do(FinanceExport, now=now):
        worker.nudge_now(exports.TASK, export_id=export_id)


@shared_task
def watch() -> None:
    now = timezone.now()
    watching.watch(now=now)
    exports.clear(now=now)


@shared_task
def redact_raw_carts() -> None:
    privacy.redact(now=timezone.now())


@shared_task
def try_on_past_trips(*, test_id: int) -> None:
    backtests.work_on(test_id, clock=timezone.now)
    _go_on_with_jobs()


@shared_task
def make_export(*, export_id: int) -> None:
    exports.work_on(export_id, clock=timezone.now)
    _go_on_with_jobs()
