"""What must be well before this installation is called ready. Apps register their own checks (`AppConfig.ready`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """One check's answer: whether all is well, and in a few words what was seen."""

    well: bool
    seen: str


Check = Callable[[datetime], Reading]
_checks: dict[str, Check] = {}
_vital: set[str] = set()


def register(name: str, check: Check, *, vital: bool = False) -> None:
    """`check` is called with the present moment; what it raises counts as not well.

    Without a `vital` one this process cannot take carts in, so that a balancer must pass it by; the others tell of
    work that is late, while carts are still taken in.
    """
    _checks[name] = check
    if vital:
        _vital.add(name)


def readings(now: datetime) -> dict[str, Reading]:
    return {name: _read(check, now) for name, check in _checks.items()}


def is_ready(seen: dict[str, Reading]) -> bool:
    return all(reading.well for name, reading in seen.items() if name in _vital)


def _read(check: Check, now: datetime) -> Reading:
    try:
        return check(now)
    except Exception as error:  # noqa: BLE001  a check that fails, however, is the finding
        return Reading(well=False, seen=type(error).__name__)
