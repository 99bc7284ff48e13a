"""What a browser says of itself, in words."""

import pytest

from jwo_store.signin.browsers import browser_in_words

KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/126.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) {KIT} Version/17.5 Safari/605.1.15", "Safari on a Mac"),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {KIT} CriOS/126.0 Safari/604.1",
            "Chrome on an iPhone",
        ),
        (f"Mozilla/5.0 (Linux; Android 10; K) {KIT} Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KIT} Chrome/126.0.0.0 Safari/537.36", "Chrome on a Chromebook"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0)", "A browser on Windows"),
        ("Firefox", "Firefox"),
        ("curl/8.5.0", "Another program"),
        ("", ""),
    ],
)
def test_a_browser_is_told_by_its_name_and_its_machine(user_agent: str, words: str) -> None:
    assert browser_in_words(user_agent) == words
