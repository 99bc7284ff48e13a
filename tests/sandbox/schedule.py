"""Doing something later."""

import threading
from collections.abc import Callable
from typing import Protocol


class Schedule(Protocol):
    def __call__(self, seconds: float, action: Callable[[], None]) -> None: ...


def after(seconds: float, action: Callable[[], None]) -> None:
    """Do it later, unless the sandbox is stopped before."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def at_once_or_after(seconds: float, action: Callable[[], None]) -> None:
    """Do it later; with no seconds to wait, now, before this returns."""
    if seconds > 0:
        after(seconds, action)
    else:
        action()
