"""What came from outside is shown whole, but for what makes a link a key."""

import json

import pytest

from catalog.admin.masking import readable, without_keys

LINK = "https://reports.s3.amazonaws.com/r/7.json"
KEY = "X-Amz-Expires=3600&X-Amz-Signature=secret&X-Amz-Security-Token=secret"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No link.", "No link."),
        (f"See {LINK} please.", f"See {LINK} please."),
        (f"See {LINK}?{KEY} please.", f"See {LINK}?… please."),
        (f'"{LINK}?{KEY}"', f'"{LINK}?…"'),
        (f"'{LINK}?{KEY}',", f"'{LINK}?…',"),
        (f"<{LINK}?{KEY}>", f"<{LINK}?…>"),
        (f"{LINK}?{KEY}\n{LINK}?{KEY}", f"{LINK}?…\n{LINK}?…"),
        (LINK.replace("/", "\\/") + "?" + KEY, f"{LINK}?…"),
        (f"HTTPS://reports.s3.amazonaws.com/r?{KEY}", "HTTPS://reports.s3.amazonaws.com/r?…"),
        ("https://user:secret@host.example/r", "host.example/r?…"),
        ("path X-Amz-Signature=secret&x=1", "path X-Amz-Signature=…&x=1"),
    ],
)
def test_links_lose_their_query(text: str, shown: str) -> None:
    assert without_keys(text) == shown


def test_json_is_laid_out_also_inside_a_text() -> None:
    inner = json.dumps({"ingestionId": "ing-1", "reportDownloadLink": f"{LINK}?{KEY}", "counts": [1, None, True]})
    text = json.dumps({"Type": "Notification", "Message": inner, "Token": "secret", "SubscribeURL": f"{LINK}?{KEY}"})

    shown = readable(text)

    assert json.loads(shown) == {
        "Type": "Notification",
        "Message": {"ingestionId": "ing-1", "reportDownloadLink": f"{LINK}?…", "counts": [1, None, True]},
        "Token": "…",
        "SubscribeURL": f"{LINK}?…",
    }
    assert shown.startswith('{\n  "Type": "Notification",')


@pytest.mark.parametrize("text", ["", "not json", '{"a": ', "[" * 100_000, '"{not json}"'])
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    assert readable(text) == text


def test_what_is_no_json_loses_its_keys_too() -> None:
    assert readable(f"Moved to {LINK}?{KEY}") == f"Moved to {LINK}?…"
