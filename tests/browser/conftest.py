"""The office in its processes, with a demo store and a sandbox behind it, and a real browser before it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.people import MAKE_PEOPLE, PASSWORD
from tests.browser.windows import Window, window
from tests.journeys.house import SERVERS, House, Plan, new_ground
from tests.sandbox.demo import STORE_FILE

collect_ignore = ["test_pages.py"] if SERVERS else []
"""How pages look does not depend on the database; what people do with them is tried on both."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

SETTINGS = {
    "AMAZON_CATALOG_URL": "{amazon}",
    "CATALOG_POLL_FIRST": "0.5",
    "CATALOG_POLL_CAP": "2",
    "SIGN_IN_CODES": "on",
}
OpenWindow = Callable[..., AbstractContextManager[Window]]


def chromium_path() -> str:
    """The Chromium of this machine. Raises UsageError, with what to do, when there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        raise pytest.UsageError(
            "The tests of the pages need a Chromium: install one (on Debian: apt-get install chromium), "
            "or name it with CHROMIUM=/path/to/it."
        )
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Gone at the end of the module: while Playwright's loop runs, Django lets nobody in its process at a database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The office with the demo store; its people are those of `people`."""
    ground = new_ground(tmp_path_factory.mktemp("ground"), STORE_FILE)
    try:
        with ground.house(tmp_path_factory.mktemp("house"), SETTINGS, Plan(amazon_knows=STORE_FILE)) as house:
            house.manage("collectstatic", "--no-input", "-v0")
            house.manage("shell", "-v0", "-c", MAKE_PEOPLE)
            house.start()
            yield house
    finally:
        ground.close()


@pytest.fixture
def open_window(chromium: Browser, house: House) -> OpenWindow:
    def opened(size: str, **options: Any) -> AbstractContextManager[Window]:
        return window(chromium, house.url, size, **options)

    return opened


@pytest.fixture
def office_of(open_window: OpenWindow) -> Callable[[str, str], AbstractContextManager[Window]]:
    """A window in which this person has signed in."""

    @contextmanager
    def signed_in(name: str, size: str) -> Iterator[Window]:
        with open_window(size) as office:
            office.sign_in(name, PASSWORD)
            yield office

    return signed_in
