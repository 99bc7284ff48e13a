"""The switches that are on: each for all calls, a number, a share or one kind of them, for one trip or one store."""

import itertools
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any

from tests.sandbox.catalog_modes import CATALOG_SIDES
from tests.sandbox.mode import Mode, Options
from tests.sandbox.modes import MODES

Stores = Callable[[], Collection[str]]
"""The stores that a call is about, looked up only when a switch asks for one."""


def no_stores() -> Collection[str]:
    return ()


class SwitchError(Exception):
    """A switch that makes no sense; the text says why."""


@dataclass(slots=True)
class Switch:
    """One mode that is on."""

    number: int
    mode: Mode
    options: Options
    times: int | None = None
    share: float = 1.0
    trip_id: str | None = None
    call: str | None = None
    store_id: str | None = None
    applied: int = 0

    @property
    def is_used_up(self) -> bool:
        return self.times is not None and self.applied >= self.times

    def concerns(self, side: str, trip_id: str | None, call: str | None, stores: Stores) -> bool:
        if self.mode.side != side or self.is_used_up or self.trip_id not in {None, trip_id}:
            return False
        if self.call not in {None, call} or (self.mode.calls and call not in self.mode.calls):
            return False
        return self.store_id is None or self.store_id in stores()

    def rank(self) -> tuple[bool, bool, int]:
        is_for_all = self.trip_id is None and self.call is None and self.store_id is None
        is_counted = self.times is not None
        return (is_for_all, not is_counted, self.number if is_counted else -self.number)

    def as_json(self) -> dict[str, Any]:
        given = {option.name: getattr(self.options, option.name) for option in fields(self.options)}
        return {
            "id": self.number,
            "mode": self.mode.name,
            "times": self.times,
            "share": self.share,
            "trip_id": self.trip_id,
            "call": self.call,
            "store_id": self.store_id,
            "applied": self.applied,
            "used_up": self.is_used_up,
        } | {name: value for name, value in given.items() if value is not None}


class Switchboard:
    """The switches that are on; the first that fits wins.

    Those for one trip, store or kind of call come first, then the counted ones in the order they were turned on, then
    the others, the latest first.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 -- which call goes wrong is no secret
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._switches: list[Switch] = []

    def turn_on(self, document: Mapping[str, Any]) -> Switch:
        """Turn on what a JSON object asks for; SwitchError when it asks for nonsense."""
        switch = read_switch(document, next(self._numbers))
        with self._lock:
            self._switches = sorted([*self._switches, switch], key=Switch.rank)
        return switch

    def turn_off(self, number: int | None = None) -> None:
        """Turn one switch off, or all."""
        with self._lock:
            self._switches = [switch for switch in self._switches if number is not None and switch.number != number]

    @property
    def switches(self) -> list[Switch]:
        return self._switches

    def draw(
        self, side: str, trip_id: str | None = None, call: str | None = None, stores: Stores = no_stores
    ) -> Switch | None:
        """The switch that this call falls under; counts as one of its times."""
        if not self._switches:
            return None
        with self._lock:
            for switch in self._switches:
                if switch.concerns(side, trip_id, call, stores) and self._rng.random() < switch.share:
                    switch.applied += 1
                    return switch
        return None


NUMBER = (int, float)
OPTION_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "seconds": NUMBER,
    "retry_after": int,
    "status": int,
    "error": str,
    "location": str,
    "hours": NUMBER,
    "copies": int,
    "failed_share": NUMBER,
    "word": str,
}
SWITCH_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "mode": str,
    "times": int,
    "share": NUMBER,
    "trip_id": str,
    "call": str,
    "store_id": str,
}


def read_switch(document: Mapping[str, Any], number: int = 0) -> Switch:
    """The switch that a JSON object describes; SwitchError names what it has wrong."""
    given = {name: value for name, value in document.items() if value is not None}
    for name, value in given.items():
        _check_kind(name, value)
    mode = MODES.get(given.pop("mode", ""))
    if mode is None:
        raise SwitchError(f"mode must be one of: {', '.join(MODES)}")
    options = {name: given.pop(name) for name in OPTION_KINDS if name in given}
    if strange := sorted(set(options) - set(mode.takes)):
        raise SwitchError(f"{mode.name} takes no {', '.join(strange)}")
    switch = Switch(number, mode, Options(**options), **given)
    _check_call(switch)
    _check_store(switch)
    _check_bounds(switch)
    return switch


def _check_kind(name: str, value: object) -> None:
    kinds = SWITCH_KINDS.get(name) or OPTION_KINDS.get(name)
    if kinds is None:
        raise SwitchError(f"{name} is not something a switch has")
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise SwitchError(f"{name} can't be {value!r}")


def _check_call(switch: Switch) -> None:
    if switch.call is None or switch.call in switch.mode.calls:
        return
    kinds = f"one of: {', '.join(switch.mode.calls)}" if switch.mode.calls else "left out"
    raise SwitchError(f"call of {switch.mode.name} must be {kinds}")


def _check_store(switch: Switch) -> None:
    if switch.store_id is not None and switch.mode.side not in CATALOG_SIDES:
        raise SwitchError(f"store_id of {switch.mode.name} must be left out")


def _check_bounds(switch: Switch) -> None:
    options = switch.options
    bounds = {
        "share must be above 0 and at most 1": 0 < switch.share <= 1,
        "times must be at least 1": switch.times is None or switch.times >= 1,
        "seconds must be between 0 and 3600": 0 <= options.wait() <= 3600,
        "status must be between 400 and 499": options.status is None or 400 <= options.status <= 499,
        "hours must be between 0 and 720": options.hours is None or 0 <= options.hours <= 720,
        "copies must be between 1 and 1000": options.copies is None or 1 <= options.copies <= 1000,
        "failed_share must be between 0 and 1": options.failed_share is None or 0 <= options.failed_share <= 1,
    }
    if broken := next((words for words, kept in bounds.items() if not kept), None):
        raise SwitchError(broken)
