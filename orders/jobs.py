"""Long work in the background that a person has asked for and watches (`orders.models.Job`); the row is the queue.

One of each kind is worked on at a time, for carts come first. A worker claims it; its leased `due_at` is the fencing
token, by which whoever was cancelled or overtaken writes nothing more.
"""

import logging
from datetime import datetime, timedelta
from typing import TypeVar

from orders.models import Job
from orders.statuses import UNFINISHED, JobStatus, MoveRefused

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
MOST_TRIES = 5
"""So often in a row it may be cut short before anything came of it."""

CUT_SHORT = (
    f"It was cut short {MOST_TRIES} times at the same place, and is not tried again. Tell the maker of this software."
)

J = TypeVar("J", bound=Job)


def to_do(kind: type[J], *, now: datetime) -> list[int]:
    """The one to go on with, if it is due and none is being worked on."""
    if kind.objects.running(now).exists():
        return []
    return list(kind.objects.due(now).order_by("asked_at", "pk").values_list("pk", flat=True)[:1])


def begin(kind: type[J], pk: int, *, now: datetime) -> J | None:
    """The job, if it is due and no worker is at one of its kind; what was cut short too often is given up."""
    job: J | None = None if kind.objects.running(now).exists() else kind.objects.claim(pk, now=now, until=now + LEASE)
    if job is None or job.tries <= MOST_TRIES:
        return job
    logger.error("%s %s was cut short again and again", kind._meta.verbose_name, pk)
    job.move(to=JobStatus.FAILED, where={"due_at": job.due_at}, due_at=None, finished_at=now, problem=CUT_SHORT)
    return None


def go_on(job: Job, done: int, *, now: datetime) -> bool:
    """Say how far it is, and hold it for longer; not if somebody cancelled it, or took it over."""
    return job.move(to=JobStatus.RUNNING, where={"due_at": job.due_at}, done=done, due_at=now + LEASE)


def cancel(job: Job, *, now: datetime) -> None:
    """Stop it; what has come of it so far stays. Raises MoveRefused."""
    if job.status not in UNFINISHED or not job.move(to=JobStatus.CANCELLED, due_at=None, finished_at=now):
        raise MoveRefused("It is over already.")
