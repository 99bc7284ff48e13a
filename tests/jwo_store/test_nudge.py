"""The message that wakes a worker is one of Celery's own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.worker.request import Request

from jwo_store.celery import app
from jwo_store.nudge import EXPIRES, nudge_now
from jwo_store.tasks import send_alarms

TASK: str = send_alarms.name


def waiting() -> Iterator[Any]:
    with app.connection_for_read() as wire:
        queue = app.amqp.queues[app.conf.task_default_queue](wire.default_channel)
        queue.declare()
        while message := queue.get(no_ack=True):
            yield message


def test_a_worker_can_read_it() -> None:
    list(waiting())
    nudge_now(TASK, purchase_id=7)
    nudge_now(TASK, purchase_id=8)
    requests = [Request(message, app=app) for message in waiting() if message.headers["task"] == TASK]
    assert [(one.name, one.args, one.kwargs) for one in requests] == [
        (TASK, [], {"purchase_id": 7}),
        (TASK, [], {"purchase_id": 8}),
    ]
    assert len({one.id for one in requests}) == 2
    assert all(one.correlation_id == one.root_id == one.id for one in requests)


def test_it_is_stale_after_a_minute() -> None:
    list(waiting())
    before = datetime.now(UTC)
    nudge_now(TASK)
    (message,) = waiting()
    limit = timedelta(seconds=EXPIRES)
    assert before + limit <= Request(message, app=app)._expires <= datetime.now(UTC) + limit
    assert message.properties["expiration"] == str(EXPIRES * 1000)
