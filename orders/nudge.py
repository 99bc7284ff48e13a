"""Waking a worker for a purchase."""

from jwo_store import nudge as worker

TASK = "orders.tasks.submit_checkout"


def nudge(purchase_pk: int) -> None:
    """After the commit, ask a worker to submit this purchase."""
    worker.nudge(TASK, purchase_id=purchase_pk)


def nudge_now(purchase_pk: int) -> None:
    worker.nudge_now(TASK, purchase_id=purchase_pk)
