"""A promotion from its first draft on: tried on a basket and on past trips, published, seen, stopped, undone."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.steps import (
    button,
    choose,
    field,
    in_the_next_second,
    is_led_to,
    link,
    ordered_trip,
    say_why,
    says,
    sizes,
)
from tests.browser.windows import Window
from tests.journeys.house import House

LIVE = "SELECT count(*) FROM pricing_promotion WHERE code = ? AND starts_at IS NOT NULL AND ends_at IS NULL"
TRIED = "SELECT status, trip_count - done FROM orders_backtest WHERE code = ?"


def is_live(house: House, code: str) -> bool:
    return house.records.rows(LIVE, code) == [(1,)]


@sizes
def test_a_promotion_is_written_tried_published_stopped_and_brought_back(
    house: House, office_of: Any, size: str
) -> None:
    code, sku = {"desktop": ("TRAIL-DAYS", "SNK-TRAIL-3"), "phone": ("NUT-DAYS", "SNK-CASHEW-2")}[size]
    trip = ordered_trip(house, (sku, "2"))
    with office_of("mona", size) as office:
        _write(office, code, sku)
        _try_on_a_basket(office, sku)
        office.follow(button(office, "Save as draft"))
        says(office, "The draft is saved. Nobody gets it until you publish it.")
        assert not is_live(house, code)
        _try_on_past_trips(office)
        assert house.records.rows(TRIED, code) == [("DONE", 0)]
        _publish(office)
        assert is_live(house, code)
        in_the_next_second()
        assert ordered_trip(house, (sku, "2"))["charged"] < trip["charged"]
        _see_in_the_calendar(office, code)
        office.follow(button(office, "Stop now"))
        says(office, "Stopped on")
        assert not is_live(house, code)
        office.follow(button(office, "Undo the stop"))
        says(office, "live again from now on, with the same terms.")
        assert is_live(house, code)


def _write(office: Window, code: str, sku: str) -> None:
    """Only what its kind needs is asked."""
    office.open("/admin/pricing/promotion/")
    office.follow(office.page.locator("a[href$='/promotion/add/']:visible").first)
    field(office, "kind").select_option("MULTI_BUY")
    for name in ("count", "amount", "targets_skus"):
        expect(office.page.locator(f".field-line.field-{name.partition('_')[0]}")).to_be_visible()
    for name in ("percent", "buy", "get", "threshold", "get_targets", "components"):
        expect(office.page.locator(f".field-line.field-{name}")).to_be_hidden()
    field(office, "name").fill(f"2 for 3.00: {code}")
    field(office, "code").fill(code)
    field(office, "receipt_text").fill("2 for 3.00")
    field(office, "count").fill("2")
    field(office, "amount").fill("3.00")
    choose(office, "targets_skus", sku)
    field(office, "all_stores").check()
    says(office, "for $3.00, in all stores.")


def _try_on_a_basket(office: Window, sku: str) -> None:
    with office.opened_by(button(office, "Try it on a basket before you save…")) as basket:
        expect(basket.page.locator("#content")).to_contain_text("nothing of it is saved yet")
        field(basket, "find").fill(sku)
        field(basket, "quantity").fill("2")
        basket.follow(button(basket, "Add to the basket"))
        expect(basket.page.locator("#content")).to_contain_text("The shopper pays")
        says(basket, "less: ")


def _try_on_past_trips(office: Window) -> None:
    office.follow(button(office, "Try it on past trips…"))
    office.look()
    office.follow(button(office, "Start"))
    expect(office.page.locator("#content")).to_contain_text("Done")
    office.look()


def _publish(office: Window) -> None:
    office.follow(link(office, "The promotion"))
    office.look()
    office.follow(button(office, "Publish"))
    says(office, "Say why.")
    expect(office.page.locator(".bo-said")).to_contain_text("Draft")
    is_led_to(office.page.locator("textarea[name=reason]"))
    say_why(office, "Stock to clear")
    office.follow(button(office, "Publish"))
    says(office, "is live now.")


def _see_in_the_calendar(office: Window, code: str) -> None:
    office.open("/admin/pricing/promotion/calendar/")
    row = office.page.locator(".bo-cal-row", has_text=code).first
    expect(row).to_contain_text("Live")
    office.look()
    office.follow(row.get_by_role("link"))
