"""How fast calls come, and whether that is too fast."""

from collections import Counter, deque
from collections.abc import Callable
from threading import Lock
from typing import Any

WINDOW = 1.0
SECONDS_KEPT = 600


class Pace:
    """Admits so many calls in any second, and remembers how many came in each. Safe for many threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        self._came: deque[float] = deque()
        self._admitted: deque[float] = deque()
        self._by_second: Counter[int] = Counter()
        self._most = 0
        self._throttled = 0

    def admits(self, limit: int | None) -> bool:
        """Count a call, and say whether it is within the limit; None admits all."""
        with self._lock:
            now = self._clock()
            self._count(now)
            _drop_old(self._admitted, now)
            if limit is not None and len(self._admitted) >= limit:
                self._throttled += 1
                return False
            self._admitted.append(now)
            return True

    def _count(self, now: float) -> None:
        _drop_old(self._came, now)
        self._came.append(now)
        self._most = max(self._most, len(self._came))
        self._by_second[int(now)] += 1
        while len(self._by_second) > SECONDS_KEPT:
            del self._by_second[min(self._by_second)]

    def as_json(self) -> dict[str, Any]:
        """Calls by the second since 1970 that they came in, and the most that came within any second."""
        with self._lock:
            return {
                "by_second": {str(second): count for second, count in sorted(self._by_second.items())},
                "most_within_a_second": self._most,
                "throttled": self._throttled,
            }


def _drop_old(times: deque[float], now: float) -> None:
    while times and times[0] <= now - WINDOW:
        times.popleft()
