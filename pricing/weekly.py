"""When in the week a promotion holds: its weekdays and hours as spans of the week, on the store's wall clock."""

from collections.abc import Iterable
from datetime import time

from pricing.models import Weekday

DAY = 24 * 60 * 60
WEEK = 7 * DAY
"""In seconds."""

Span = tuple[int, int]
"""From one second of the week to another, which is not included; Monday begins at 0."""


def spans(weekdays: Iterable[str], from_time: time | None, until_time: time | None) -> list[Span]:
    """No weekday means each; hours that cross midnight belong to the day on which they began."""
    begin, end = (0, DAY) if from_time is None or until_time is None else (_second(from_time), _second(until_time))
    length = end - begin if end > begin else end - begin + DAY
    chosen = set(weekdays) or set(Weekday.values)
    found: list[Span] = []
    for place, day in enumerate(Weekday.values):
        if day in chosen:
            start = place * DAY + begin
            found.append((start, min(start + length, WEEK)))
            if start + length > WEEK:
                found.append((0, start + length - WEEK))
    return found


def meet(some: Iterable[Span], others: Iterable[Span]) -> bool:
    """Whether there is a moment of the week in both."""
    others = list(others)
    return any(start < until and begin < end for start, end in some for begin, until in others)


def _second(moment: time) -> int:
    return (moment.hour * 60 + moment.minute) * 60 + moment.second
