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
