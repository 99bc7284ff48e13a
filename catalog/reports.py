"""Upload reports: what became of each item, read by a mapping of their keys. Plain Python.

That a report is JSON is INFERRED, its keys are UNKNOWN (page `get_catalog_upload_status`): hence the mapping. A report
is read whole or not at all, and one that cannot be read is never taken for one without errors.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

MAX_WORD = 255
"""Characters of a SKU, a store, a status and a code."""

MAX_MESSAGE = 2000
ROOT = "report"


class Unreadable(Exception):
    """The report is not what the mapping says; its text names the place."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where the parts of a report stand.

    `items` is the path of the list, with dots between its steps; "" when the document itself is the list. The others
    are keys of an item: `sku` and `status` must be there; the rest may be absent, and is "" if no report has it.
    `success` are the statuses of an item that was taken, in any capitals: every other one is a refusal.
    """

    items: str = "items"
    sku: str = "item_sku"
    store: str = "store_id"
    status: str = "status"
    code: str = "errorCode"
    message: str = "errorMessage"
    success: tuple[str, ...] = ("SUCCESS",)

    @classmethod
    def from_setting(cls, text: str) -> Self:
        """Of a JSON object with any of the names; "" for none. Raises ValueError that says what is wrong."""
        try:
            content = json.loads(text or "{}")
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")  # noqa: TRY004  a setting's text is of the right type
        return cls(**{name: _setting(name, value) for name, value in content.items()})


def _setting(name: str, value: Any) -> Any:
    if name not in {field.name for field in fields(Mapping)}:
        raise ValueError(f"“{name}” is no part of a report")
    if name == "success":
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            raise ValueError("“success” is a list of texts, at least one")
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError(f"“{name}” is a text")  # noqa: TRY004  likewise
    if name in ("sku", "status") and not value:
        raise ValueError(f"“{name}” names a key that every item has")
    if name == "items" and value and "" in value.split("."):
        raise ValueError("“items” is a path such as result.items, or empty")
    return value


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one SKU, in one store if the report says which. Code and message are Amazon's, "" for none."""

    sku: str
    store_id: str
    taken: bool
    status: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """One result for each SKU and store, in the report's order."""

    items: tuple[ItemResult, ...]

    @property
    def refused(self) -> tuple[ItemResult, ...]:
        return tuple(item for item in self.items if not item.taken)


def read(raw: bytes, mapping: Mapping) -> Report:
    """The report. Raises Unreadable for whatever does not fit, an empty report included.

    Of several results for the same SKU and store the first refusal counts, or else the first.
    """
    try:
        document = json.loads(raw)
    except RecursionError:
        raise Unreadable("The report is nested too deeply.") from None
    except ValueError:
        raise Unreadable("The report is not JSON.") from None
    results: dict[tuple[str, str], ItemResult] = {}
    for result in _results(document, mapping):
        kept = results.setdefault((result.sku, result.store_id), result)
        if kept.taken and not result.taken:
            results[result.sku, result.store_id] = result
    return Report(tuple(results.values()))


def _results(document: Any, mapping: Mapping) -> Iterator[ItemResult]:
    success = frozenset(word.casefold() for word in mapping.success)
    name = mapping.items or ROOT
    for number, item in enumerate(_listed(document, mapping.items, name)):
        yield _result(item, f"{name}[{number}]", mapping, success)


def _listed(document: Any, path: str, name: str) -> list[Any]:
    found = document
    for step in path.split(".") if path else ():
        if not isinstance(found, dict) or step not in found:
            raise Unreadable(f"The report has no {name}.")
        found = found[step]
    if not isinstance(found, list):
        raise Unreadable(f"{name} is no list.")
    if not found:
        raise Unreadable(f"{name} is empty.")
    return found


def _result(item: Any, place: str, mapping: Mapping, success: frozenset[str]) -> ItemResult:
    if not isinstance(item, dict):
        raise Unreadable(f"{place} is no object.")
    sku, status = _needed(item, mapping.sku, place), _needed(item, mapping.status, place)
    return ItemResult(
        sku=sku,
        store_id=_word(item, mapping.store, place),
        taken=status.casefold() in success,
        status=status,
        code=_code(item, mapping.code, place),
        message=_sentence(item, mapping.message, place),
    )


def _needed(item: dict[str, Any], key: str, place: str) -> str:
    word = _word(item, key, place)
    if not word:
        raise Unreadable(f"{place} has no {key}.")
    return word


def _word(item: dict[str, Any], key: str, place: str) -> str:
    text = _text(item, key, place)
    if len(text) > MAX_WORD:
        raise Unreadable(f"{place}: {key} is longer than {MAX_WORD} characters.")
    if not text.isprintable():
        raise Unreadable(f"{place}: {key} holds characters that are no text.")
    return text


def _code(item: dict[str, Any], key: str, place: str) -> str:
    value = item.get(key) if key else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _word(item, key, place)


def _sentence(item: dict[str, Any], key: str, place: str) -> str:
    """For a person: on one line, cut, and without what a database or a terminal would choke on."""
    return "".join(filter(str.isprintable, " ".join(_text(item, key, place).split())[:MAX_MESSAGE]))


def _text(item: dict[str, Any], key: str, place: str) -> str:
    """A number is no text: a SKU 00123 would have come as 123. Empty if there is none."""
    value = item.get(key) if key else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{place}: {key} is no text.")
    return value
