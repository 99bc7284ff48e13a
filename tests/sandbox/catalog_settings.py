"""How the catalog's side of Amazon is set: what a test or a person may change while it runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.sandbox.item_rules import Failure

CALLS_PER_SECOND = 10
LINK_LIFE = 3600.0
NOT_PROPER = "Refused by the sandbox because it was told to"


class SettingError(Exception):
    """A setting that makes no sense; the text says why."""


@dataclass(slots=True)
class CatalogSettings:
    """`seconds` until an ingestion ends, `link_life` of a report link in seconds, calls a second (None: no limit)."""

    seconds: float = 2.0
    link_life: float = LINK_LIFE
    calls_per_second: int | None = CALLS_PER_SECOND
    stores: tuple[str, ...] = ()
    """Stores that are known besides those of the store file."""
    planogram: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The stores on whose planogram a SKU stands."""
    refused: Mapping[str, Failure] = field(default_factory=dict)
    """SKUs that fail in the report whatever is sent, and with what."""
    raw_delivery: bool = False
    signature_version: str = "1"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def change(self, document: Mapping[str, Any]) -> None:
        """Set what a JSON object names; SettingError, and nothing is set, when any of it makes no sense."""
        if strange := sorted(document.keys() - READERS.keys()):
            raise SettingError(f"The catalog has no setting {', '.join(strange)}; it has {', '.join(READERS)}")
        changes = {name: READERS[name](name, value) for name, value in document.items()}
        for name, value in changes.items():
            setattr(self, name, value)

    def restore(self, seconds: float) -> None:
        """Everything as at the start."""
        fresh = CatalogSettings(seconds)
        for one in fields(fresh):
            setattr(self, one.name, getattr(fresh, one.name))


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 604_800:  # a week
        raise SettingError(f"{name} must be seconds, at most a week")
    return value


def _limit(name: str, value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise SettingError(f"{name} must be a whole number or null")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{name} must be true or false")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise SettingError(f"{name} must be a list of texts")
    return tuple(value)


def _by_sku(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError(f"{name} must be an object by SKU")
    return value


def _planogram(name: str, value: object) -> dict[str, tuple[str, ...]]:
    return {sku: _texts(f"{name} of {sku}", stores) for sku, stores in _by_sku(name, value).items()}


def _refused(name: str, value: object) -> dict[str, Failure]:
    return {sku: _failure(sku, words) for sku, words in _by_sku(name, value).items()}


def _failure(sku: str, words: object) -> Failure:
    named = words if isinstance(words, dict) else {"code": words}
    code, message = named.get("code"), named.get("message", NOT_PROPER)
    if not isinstance(code, str) or not isinstance(message, str):
        raise SettingError(f"refused of {sku} must be a code, or an object of code and message")
    return Failure(code, message)


def _version(name: str, value: object) -> str:
    if value not in {"1", "2"}:
        raise SettingError(f'{name} must be "1" or "2"')
    return str(value)


READERS = {
    "seconds": _seconds,
    "link_life": _seconds,
    "calls_per_second": _limit,
    "stores": _texts,
    "planogram": _planogram,
    "refused": _refused,
    "raw_delivery": _flag,
    "signature_version": _version,
}
