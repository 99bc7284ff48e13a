"""A person's browser: a window of a size, with everything noted that a page should not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

from tests.browser.axe import FILE

DESKTOP, PHONE = (1280, 900), (390, 844)
SIZES = {"desktop": DESKTOP, "phone": PHONE}
PATIENCE = 45_000
"""Milliseconds for a page or an element; a machine may be busy."""

SERIOUS = ("serious", "critical")
WAITED_FOR = ("fetch", "xhr")


@dataclass
class Window:
    """One person at one window; the office's address stands before every path."""

    page: Page
    office: str
    size: str
    faults: list[str] = field(default_factory=list)
    """What went wrong on the pages: errors on the console, scripts that broke, requests to other hosts."""

    def open(self, path: str) -> None:
        answer = self.page.goto(self.office + path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    def follow(self, way: Locator) -> None:
        """Click what leads to another page, and be there: opening the next one at once would take this one back."""
        with self.page.expect_navigation():
            way.click()

    @contextmanager
    def opened_by(self, way: Locator) -> Iterator["Window"]:
        """Click what opens a page of its own, and be there until it is left; what goes wrong on it counts as well."""
        with self.page.expect_popup() as opened:
            way.click()
        page = opened.value
        page.wait_for_load_state()
        yield replace(self, page=page)
        page.close()

    def sign_in(self, name: str, password: str) -> None:
        self.open("/admin/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.follow(self.page.get_by_role("button", name="Sign in"))
        self.page.wait_for_url(f"{self.office}/admin/")

    def sign_out(self) -> None:
        self.page.context.clear_cookies()

    def check(self) -> None:
        """The page as it stands can be used by everybody: axe-core finds nothing serious."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(FILE.read_text() + ";undefined")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [_told(each) for each in found["violations"] if each["impact"] in SERIOUS]
        assert not told, f"{self.page.url} ({self.size}):\n" + "\n".join(told)

    def fits(self) -> None:
        """Nothing stands out to the right of the window."""
        wide, inner = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= inner, f"{self.page.url} ({self.size}) is {wide} wide in a window of {inner}"

    def look(self) -> None:
        self.check()
        self.fits()


def _told(violation: dict[str, Any]) -> str:
    where = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
    return f"{violation['impact']} {violation['id']}: {violation['help']}: {where}"


@contextmanager
def window(browser: Browser, office: str, size: str, *, dark: bool = False) -> Iterator[Window]:
    """A window with no past; in the end nothing may have gone wrong in it."""
    width, height = SIZES[size]
    scheme: Any = "dark" if dark else "light"
    context = browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=size == "phone", color_scheme=scheme, bypass_csp=False
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    seen = Window(page, office, size)
    context.on("console", lambda message: _note_console(seen, message))
    context.on("weberror", lambda error: seen.faults.append(f"{_place(error.page)}: {error.error}"))
    context.on("request", lambda request: _note_request(seen, request))
    try:
        yield seen
        assert not seen.faults, "\n".join(seen.faults)
    finally:
        context.close()


def _place(page: Page | None) -> str:
    return page.url if page else "a page that is closed"


def _note_console(window: Window, message: ConsoleMessage) -> None:
    if message.type == "error":
        window.faults.append(f"{_place(message.page)}: {message.text}")


def _note_request(window: Window, request: Request) -> None:
    if not request.url.startswith((window.office, "data:", "blob:")):
        window.faults.append(f"{window.page.url} asked for {request.url}")
