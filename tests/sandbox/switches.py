"""The switches that are on: each holds for all calls, for a number or a share of them, or for one trip."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any

from tests.sandbox.modes import MODES, Mode, Options


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
    applied: int = 0

    @property
    def is_used_up(self) -> bool:
        return self.times is not None and self.applied >= self.times

    def concerns(self, side: str, trip_id: str | None) -> bool:
        return self.mode.side == side and not self.is_used_up and self.trip_id in {None, trip_id}

    def rank(self) -> tuple[bool, bool, int]:
        is_counted = self.times is not None
        return (self.trip_id is None, not is_counted, self.number if is_counted else -self.number)

    def as_json(self) -> dict[str, Any]:
        given = {option.name: getattr(self.options, option.name) for option in fields(self.options)}
        return {
            "id": self.number,
            "mode": self.mode.name,
            "times": self.times,
            "share": self.share,
            "trip_id": self.trip_id,
            "applied": self.applied,
            "used_up": self.is_used_up,
        } | {name: value for name, value in given.items() if value is not None}


class Switchboard:
    """The switches that are on; the first that fits wins.

    Those for one trip come first, then the counted ones in the order they were turned on, then the others, the latest
    first.
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

    def draw(self, side: str, trip_id: str | None) -> Switch | None:
        """The switch that this call falls under; counts as one of its times."""
        if not self._switches:
            return None
        with self._lock:
            for switch in self._switches:
                if switch.concerns(side, trip_id) and self._rng.random() < switch.share:
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
}
SWITCH_KINDS: Mapping[str, type | tuple[type, ...]] = {"mode": str, "times": int, "share": NUMBER, "trip_id": str}


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
    _check_bounds(switch)
    return switch


def _check_kind(name: str, value: object) -> None:
    kinds = SWITCH_KINDS.get(name) or OPTION_KINDS.get(name)
    if kinds is None:
        raise SwitchError(f"{name} is not something a switch has")
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise SwitchError(f"{name} can't be {value!r}")


def _check_bounds(switch: Switch) -> None:
    options = switch.options
    bounds = {
        "share must be above 0 and at most 1": 0 < switch.share <= 1,
        "times must be at least 1": switch.times is None or switch.times >= 1,
        "seconds must be between 0 and 3600": 0 <= options.wait() <= 3600,
        "status must be between 400 and 499": options.status is None or 400 <= options.status <= 499,
        "hours must be between 0 and 720": options.hours is None or 0 <= options.hours <= 720,
    }
    if broken := next((words for words, kept in bounds.items() if not kept), None):
        raise SwitchError(broken)
