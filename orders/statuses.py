"""The statuses of a purchase, what staff read, and which moves there are."""

from django.db import models


class Status(models.TextChoices):
    UNPRICED = "UNPRICED", "Waiting for a repair"
    EMPTY = "EMPTY", "Empty cart"
    AWAITING_CHECKOUT = "AWAITING_CHECKOUT", "On its way to Amazon"
    ORDERED = "ORDERED", "Ordered"
    REJECTED = "REJECTED", "Refused by Amazon"
    CLOSED = "CLOSED", "Given up"


class Outcome(models.TextChoices):
    """What came of one try to check out."""

    ORDERED = "ORDERED", "Ordered"
    REFUSED = "REFUSED", "Refused"
    UNAVAILABLE = "UNAVAILABLE", "Amazon was not available"
    UNKNOWN = "UNKNOWN", "Outcome unknown"


MOVES: dict[Status, frozenset[Status]] = {
    Status.UNPRICED: frozenset({Status.AWAITING_CHECKOUT, Status.EMPTY, Status.CLOSED}),
    Status.EMPTY: frozenset(),
    Status.AWAITING_CHECKOUT: frozenset({Status.ORDERED, Status.REJECTED, Status.CLOSED, Status.UNPRICED}),
    Status.REJECTED: frozenset({Status.AWAITING_CHECKOUT, Status.UNPRICED, Status.CLOSED, Status.ORDERED}),
    Status.CLOSED: frozenset({Status.AWAITING_CHECKOUT, Status.ORDERED}),
    Status.ORDERED: frozenset(),
}
"""Ordered is the end of every way: an order ID from Amazon wins over whatever we thought before.

A purchase on its way goes back to waiting only when the self-check before the very first send fails.
"""


class MoveRefused(Exception):
    """Why this cannot be done with this purchase, in words for staff."""


class JobStatus(models.TextChoices):
    """How far some long work in the background is."""

    WAITING = "WAITING", "Waiting for its turn"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    CANCELLED = "CANCELLED", "Cancelled"
    FAILED = "FAILED", "Failed"


UNFINISHED = (JobStatus.WAITING, JobStatus.RUNNING)

JOB_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.WAITING: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.DONE, JobStatus.CANCELLED, JobStatus.FAILED}),
    JobStatus.DONE: frozenset(),
    JobStatus.CANCELLED: frozenset(),
    JobStatus.FAILED: frozenset(),
}


class TripOutcome(models.TextChoices):
    """What came of a past trip on which a promotion was tried."""

    TOUCHED = "TOUCHED", "The promotion changes it"
    SAME = "SAME", "No difference"
    APART = "APART", "Cannot be compared"
