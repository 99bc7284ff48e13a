"""Every page that the sidebar leads to, and the first row of every list: usable by everybody, in every window."""

import pytest

from tests.browser.conftest import OpenWindow
from tests.browser.people import PASSWORD


@pytest.mark.parametrize(("size", "dark"), [("desktop", False), ("desktop", True), ("phone", False), ("phone", True)])
def test_every_page_of_the_sidebar_can_be_used(open_window: OpenWindow, size: str, dark: bool) -> None:  # noqa: FBT001
    with open_window(size, dark=dark) as office:
        office.sign_in("ada", PASSWORD)
        office.look()
        links = office.page.locator("#nav-sidebar a[href^='/admin/']").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        assert len(set(links)) > 20
        rows = []
        for path in dict.fromkeys(links):
            office.open(path)
            office.look()
            rows += office.page.locator("#result_list tbody a[href^='/admin/']").evaluate_all(
                "links => links.slice(0, 1).map(link => link.getAttribute('href'))"
            )
        assert len(set(rows)) > 10
        for path in dict.fromkeys(rows):
            office.open(path)
            office.look()
