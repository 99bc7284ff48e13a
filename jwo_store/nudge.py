"""Waking a worker. The row is the queue: every message may be lost."""

import json
import logging
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.db import transaction

from jwo_store.celery import app

logger = logging.getLogger(__name__)

EXPIRES = 60
"""Seconds after which a nudge is stale: by then the sweep has found the row."""
EXPIRE_AFTER = timedelta(seconds=EXPIRES)


def nudge(task: str, **keys: Any) -> None:
    """After the commit, ask a worker to do this."""
    transaction.on_commit(lambda: nudge_now(task, **keys))


def nudge_now(task: str, **keys: Any) -> None:
    """A broker that is down costs a delay, nothing else."""
    try:
        _publish(task, keys)
    except Exception as error:  # noqa: BLE001  the fact is stored by now: no fault of a broker may change the answer
        logger.warning("the broker took no nudge (%s); the sweep will find the row", type(error).__name__)


def _publish(task: str, keys: dict[str, Any]) -> None:
    """Celery's own message; `send_task` would work out again each time what is the same for all of a task's."""
    headers, embedded = _form(task)
    message_id = str(uuid.uuid4())
    queue = app.amqp.default_queue
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            json.dumps([(), keys, embedded]),
            exchange="",
            routing_key=queue.name,
            declare=[queue],
            headers={
                **headers,
                "id": message_id,
                "root_id": message_id,
                "expires": (datetime.now(UTC) + EXPIRE_AFTER).isoformat(),
            },
            correlation_id=message_id,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode="transient",
            expiration=EXPIRES,
        )


@cache
def _form(task: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The headers that say something, and what a body holds beside the arguments."""
    message = app.amqp.as_task_v2("", task, argsrepr="()", kwargsrepr="{}")
    return {name: value for name, value in message.headers.items() if value}, message.body[2]
