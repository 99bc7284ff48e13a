"""JSON to plain values, and plain values to typed ones: each reader notes a fault and goes on."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from unicodedata import category

from pricing.models import BEGINNING
from pricing.storefile.faults import Fault, Faults, Faulty

ZERO = Decimal(0)
SMALLEST_INTEGER, LARGEST_INTEGER = -32768, 32767
"""What a small whole number of the database can hold."""

MOST_COMPARED = 1000
"""Among so many known words a misspelt one is looked for."""

LAST_YEAR = 9998
"""A moment in a later year may not exist on another clock."""

UNWRITABLE = {"Cc", "Cs"}
"""Control characters (NUL is one, a line break too) and halves of characters: no receipt or database takes them."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
_EXACT = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an exact number may be; `most_below` is not included itself."""

    places: int
    example: str
    words: str
    above: Decimal | None = None
    most: Decimal | None = None
    most_below: Decimal | None = None

    def hold(self, value: Decimal) -> bool:
        low = value > self.above if self.above is not None else value >= 0
        return low and (
            (self.most is None or value <= self.most) and (self.most_below is None or value < self.most_below)
        )


AMOUNT = Bounds(2, "2.49", "must be 0 or more, and below 1,000,000,000,000,000", most_below=Decimal(10) ** 15)
PERCENT = Bounds(4, "10", "must be above 0 and at most 100", above=ZERO, most=Decimal(100))
RATE = Bounds(8, "0.04", "must be 0 or more and below 1 (0.04 is 4 percent)", most_below=Decimal(1))


class Doubled(dict[str, Any]):
    """A JSON object in which a key stands twice: one of the two would be lost."""

    keys_twice: tuple[str, ...] = ()


def decode(raw: bytes) -> Any:
    """The document as plain values. Raises Faulty, naming line and column, when it is no JSON."""
    try:
        return json.loads(raw, object_pairs_hook=_json_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Faulty([Fault(where, f"this is no JSON: {error.msg}")]) from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise Faulty([Fault(f"line {line}, column {column}", "this is no UTF-8 text")]) from error
    except RecursionError as error:
        raise Faulty([Fault("document", "lists and objects stand too deep in one another")]) from error
    except ValueError as error:
        raise Faulty([Fault("document", f"this is no JSON: {error}")]) from error


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    doubled = Doubled(values)
    names = [name for name, _ in pairs]
    doubled.keys_twice = tuple(name for name in values if names.count(name) > 1)
    return doubled


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """` (did you mean “percent”?)`, or nothing; nothing among thousands either, where looking takes seconds."""
    close = get_close_matches(word, sorted(known), 1) if len(known) <= MOST_COMPARED else None
    return f" (did you mean “{close[0]}”?)" if close else ""


def text_fault(text: str, limit: int) -> str | None:
    """Why a text can't be kept, if it can't."""
    if len(text) > limit:
        return f"at most {limit} characters, and this has {len(text)}"
    if not text.isprintable() and any(category(character) in UNWRITABLE for character in text):
        return "control characters and broken characters can't be kept"
    return None


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> datetime | str:
    """The moment in UTC, or what is wrong with the text."""
    if not _MOMENT.fullmatch(text):
        return 'must be a time with its offset, such as "2026-03-01T00:00:00-05:00"'
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return f"there is no such time as {text}"
    if moment < BEGINNING or moment.year > LAST_YEAR:
        return f"must lie between 1970 and {LAST_YEAR}"
    return moment


class Node:
    """One JSON object of the file. Its readers note what is wrong and give a harmless value instead."""

    __slots__ = ("faults", "path", "values")

    def __init__(self, values: Mapping[str, Any], path: str, keys: frozenset[str], faults: Faults) -> None:
        self.values = values
        self.path = path
        self.faults = faults
        if not keys.issuperset(values):
            self._note_unknown(keys)
        if isinstance(values, Doubled):
            for key in values.keys_twice:
                self.fault(key, "this key stands twice in one object")

    def _note_unknown(self, keys: frozenset[str]) -> None:
        for key in self.values:
            if key not in keys:
                self.fault(key, f"unknown key{did_you_mean(key, keys)}")

    def at(self, key: str) -> str:
        """The path of a key; what is no plain name is quoted, so that a path stays on one line."""
        shown = key if key.isidentifier() else json.dumps(key)
        return f"{self.path}.{shown}" if self.path else shown

    def fault(self, key: str, message: str) -> None:
        self.faults.add(self.at(key), message)

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    # -- texts

    def text(self, key: str, limit: int, *, needed: bool = True) -> str:
        """A text; empty when it is absent and not needed."""
        value = self.values.get(key)
        if type(value) is str and 0 < len(value) <= limit and value.isprintable() and not value.isspace():
            return value
        return self._unusual_text(key, value, limit, needed=needed)

    def _unusual_text(self, key: str, value: Any, limit: int, *, needed: bool) -> str:
        if value is None or (value == "" and not needed):
            if needed:
                self.fault(key, "is missing")
            return ""
        if not isinstance(value, str):
            self.fault(key, "must be a text")
            return ""
        if needed and not value.strip():
            self.fault(key, "must not be empty")
        elif fault := text_fault(value, limit):
            self.fault(key, fault)
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of the choices; without a default it must be there."""
        value = self.values.get(key, default)
        value = default if value is None else value
        if value in choices:
            return str(value)
        if value is None:
            self.fault(key, "is missing")
        else:
            hint = did_you_mean(value, choices) if isinstance(value, str) else ""
            self.fault(key, f"must be one of {', '.join(filter(None, choices))}{hint}")
        return choices[0]

    # -- numbers and flags

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault(key, "must be true or false")
        return False

    def integer(self, key: str, at_least: int, default: int | None = None) -> int | None:
        value = self.values.get(key)
        if value is None:
            return default
        if type(value) is not int:
            self.fault(key, "must be a whole number, without quotes")
        elif not at_least <= value <= LARGEST_INTEGER:
            self.fault(key, f"must be between {at_least} and {LARGEST_INTEGER}")
        else:
            return value
        return at_least

    def exact(self, key: str, bounds: Bounds) -> Decimal | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not _EXACT.fullmatch(value):
            self.fault(key, f'must be a number in quotes, such as "{bounds.example}"')
            return ZERO
        number = Decimal(value)
        if len(value.partition(".")[2]) > bounds.places:
            self.fault(key, f"at most {bounds.places} decimals")
        elif not bounds.hold(number):
            self.fault(key, bounds.words)
        else:
            return number
        return ZERO

    def needed_exact(self, key: str, bounds: Bounds) -> Decimal:
        number = self.exact(key, bounds)
        if number is None:
            self.fault(key, "is missing")
            return ZERO
        return number

    # -- times

    def moment(self, key: str) -> datetime | None:
        value = self.values.get(key)
        if value is None:
            return None
        moment = parse_moment(value if isinstance(value, str) else "")
        if isinstance(moment, datetime):
            return moment
        self.fault(key, moment)
        return None

    def span(self) -> tuple[datetime, datetime | None]:
        """From `starts_at` to `ends_at`."""
        if not self.has("starts_at"):
            self.fault("starts_at", "is missing")
        starts_at, ends_at = self.moment("starts_at"), self.moment("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.fault("ends_at", "must be later than starts_at")
        return starts_at or BEGINNING, ends_at

    def time_of_day(self, key: str) -> time | None:
        value = self.values.get(key)
        if value is None:
            return None
        try:
            return time.fromisoformat(value if isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) else "")
        except ValueError:
            self.fault(key, 'must be a time of day, such as "16:00"')
            return None

    # -- lists

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(key, "must be a list")
        return []

    def objects(self, key: str, keys: frozenset[str]) -> Iterator["Node"]:
        """The objects of a list, each to be read with these keys."""
        where = self.at(key)
        for place, value in enumerate(self._list(key)):
            if isinstance(value, dict):
                yield Node(value, f"{where}[{place}]", keys, self.faults)
            else:
                self.faults.add(f"{where}[{place}]", "must be an object")

    def object(self, key: str, keys: frozenset[str]) -> "Node | None":
        value = self.values.get(key)
        if isinstance(value, dict):
            return Node(value, self.at(key), keys, self.faults)
        if value is not None:
            self.fault(key, "must be an object")
        return None

    def names(
        self, key: str, limit: int = 0, *, among: Sequence[str] = (), may_be_empty: bool = False
    ) -> tuple[str, ...] | None:
        """A list of texts (of this length, or among these), none of them twice; None when it is absent."""
        if not self.has(key):
            return None
        names: dict[str, None] = {}
        for place, value in enumerate(listed := self._list(key)):
            fault = _name_fault(value, names, limit, among)
            if fault:
                self.faults.add(f"{self.at(key)}[{place}]", fault)
            else:
                names[value] = None
        if not listed and isinstance(self.values[key], list) and not may_be_empty:
            self.fault(key, "must not be empty")
        return tuple(names)


def _name_fault(value: Any, names: Collection[str], limit: int, among: Sequence[str]) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    if value in names:
        return "is listed twice"
    if among:
        return None if value in among else f"must be one of {', '.join(among)}{did_you_mean(value, among)}"
    return text_fault(value, limit) if value else "must not be empty"
