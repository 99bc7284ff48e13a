"""What people do again and again, and what happens around them meanwhile."""

import time
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import ARENA
from tests.browser.windows import PATIENCE, Window
from tests.journeys.house import House
from tests.journeys.processes import until

WITHIN = 60.0

expect.set_options(timeout=PATIENCE)
sizes = pytest.mark.parametrize("size", ["desktop", "phone"])

# --- At the pages


def button(office: Window, name: str) -> Locator:
    return office.page.get_by_role("button", name=name, exact=True).first


def link(office: Window, name: str) -> Locator:
    return office.page.locator("#content").get_by_role("link", name=name, exact=True).first


def go(office: Window, title: str) -> None:
    """By the menu, which a phone hides behind a button."""
    if office.size == "phone":
        office.page.get_by_role("button", name="Menu", exact=True).click()
    office.follow(office.page.locator("#nav-sidebar").get_by_role("link", name=title, exact=True))


def add(office: Window) -> None:
    """The button of a list that adds."""
    office.follow(office.page.locator("a.addlink:visible").first)


def search(office: Window, text: str) -> None:
    """In the list that is open."""
    office.page.locator("#searchbar").fill(text)
    with office.page.expect_navigation():
        office.page.locator("#searchbar").press("Enter")


def field(office: Window, name: str) -> Locator:
    return office.page.locator(f"#content [name={name}]")


def say_why(office: Window, reason: str) -> None:
    office.page.locator("textarea[name=reason]").fill(reason)


def save(office: Window) -> None:
    office.follow(office.page.locator("button[name=_save], input[name=_save]").first)


def says(office: Window, text: str) -> None:
    """The page says this; a person can use it."""
    expect(office.page.locator("body")).to_contain_text(text)
    office.look()


def is_led_to(fault: Locator) -> None:
    """What was refused is in view and has the keyboard."""
    expect(fault).to_be_focused()
    expect(fault).to_be_in_viewport()


def choose(office: Window, name: str, text: str) -> None:
    """Pick something in a field that searches while one types."""
    field = office.page.locator(f"select[name={name}] + span.select2")
    field.click()
    office.page.locator(".select2-container--open input.select2-search__field").last.press_sequentially(text)
    office.page.locator(f"li.select2-results__option--highlighted:has-text('{text}')").first.click()
    expect(office.page.locator(".select2-container--open")).to_have_count(0)


def first_of_list(office: Window, model: str) -> None:
    """Open the first row of the list."""
    office.follow(office.page.locator(f"#result_list a[href*='/{model}/']").first)


# --- In the shop


def in_the_next_second() -> None:
    """Amazon tells when a shopper left in whole seconds; who leaves from here on left after what was just changed."""
    time.sleep(1.1)


def ordered_trip(house: House, *items: tuple[str, str], store: str = ARENA) -> Any:
    """A shopper has left with these things, and Amazon has an order."""
    trip_id = house.amazon.walk_out(store, *items)["trip_id"]
    return has_order(house, trip_id)


def has_order(house: House, trip_id: str) -> Any:
    """The trip, as soon as Amazon has an order of it."""
    return until(lambda: _ordered(house, trip_id), WITHIN, "Amazon has an order")


def _ordered(house: House, trip_id: str) -> Any:
    trip = house.amazon.trip(trip_id)
    return trip if trip["order_id"] else None
