"""Texts that came from outside, as pages may show them: whole, but without what makes a link a key."""

import json
import re
from typing import Any

from jwo_store.download import masked

LINK = re.compile(r"https?:(?:\\*/){2}[^\s\"'<>]*", re.IGNORECASE)
SECRET = re.compile(r"\b(X-Amz-(?:Signature|Security-Token|Credential)|Signature|Token)=[^&\s\"'\\]+", re.IGNORECASE)
SECRET_FIELDS = frozenset({"token"})
"""Of a message: whoever has the token of a subscription can confirm it."""

CUT = "…"


def without_keys(text: str) -> str:
    """The text with every link cut off where its query begins: a presigned link opens to whoever has it."""
    return SECRET.sub(rf"\1={CUT}", LINK.sub(_cut, text))


def _cut(found: re.Match[str]) -> str:
    link = found[0].replace("\\/", "/")
    shown = masked(link)
    return shown if len(shown) == len(link) else f"{shown}?{CUT}"


def readable(text: str) -> str:
    """JSON over several lines, also JSON that stands in a text of it; anything else as it is. Without keys."""
    try:
        content = json.loads(text)
        return json.dumps(_opened(content), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return without_keys(text)


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: CUT if key.lower() in SECRET_FIELDS else _opened(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_opened(one) for one in value]
    return _opened_text(value) if isinstance(value, str) else value


def _opened_text(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _opened(json.loads(text))
        except ValueError:
            pass
    return without_keys(text)
