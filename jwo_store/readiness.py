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


def register(name: str, check: Check) -> None:
    """`check` is called with the present moment; what it raises counts as not well."""
    _checks[name] = check


def readings(now: datetime) -> dict[str, Reading]:
    return {name: _read(check, now) for name, check in _checks.items()}


def _read(check: Check, now: datetime) -> Reading:
    try:
        return check(now)
    except Exception as error:  # noqa: BLE001  a check that fails, however, is the finding
        return Reading(well=False, seen=type(error).__name__)
