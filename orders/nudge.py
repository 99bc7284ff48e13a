"""Waking a worker for a purchase. The row is the queue: every message may be lost."""

import logging

from django.db import transaction

from jwo_store.celery import app

logger = logging.getLogger(__name__)

TASK = "orders.tasks.submit_checkout"
EXPIRES = 60
"""Seconds after which a nudge is stale: by then the sweep has found the row."""


def nudge(purchase_pk: int) -> None:
    """After the commit, ask a worker to submit this purchase."""
    transaction.on_commit(lambda: nudge_now(purchase_pk))


def nudge_now(purchase_pk: int) -> None:
    """A broker that is down costs a delay, nothing else."""
    try:
        app.send_task(
            TASK,
            kwargs={"purchase_id": purchase_pk},
            expires=EXPIRES,
            retry=False,
            argsrepr="()",  # what Celery would otherwise write for its monitors, at the cost of the message itself
            kwargsrepr="{}",
        )
    except Exception as error:  # noqa: BLE001  the cart is stored by now: no fault of a broker may change its answer
        logger.warning("the broker took no nudge (%s); the sweep will find the row", type(error).__name__)
