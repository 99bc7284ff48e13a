"""What a store manager does beside prices and promotions: baskets, carts that wait, the past, a colleague's changes."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import AIRPORT, ARENA
from tests.browser.steps import (
    WITHIN,
    button,
    choose,
    field,
    go,
    in_the_next_second,
    link,
    ordered_trip,
    save,
    say_why,
    says,
    sizes,
)
from tests.browser.windows import Window
from tests.journeys.house import House

HOLDS = "SELECT amount FROM pricing_price WHERE product_id = ? AND store_id IS NULL AND ends_at IS NULL"
HOLDS_THERE = "SELECT amount FROM pricing_price WHERE product_id = ? AND store_id = ? AND ends_at IS NULL"
END_PRICES = "UPDATE pricing_price SET ends_at = CURRENT_TIMESTAMP WHERE product_id = ? AND ends_at IS NULL"
SECOND_LOOK = "UPDATE catalog_store SET second_look_prices = ? WHERE store_id = ?"

# --- A basket


@sizes
def test_a_manager_puts_a_basket_together_and_reads_why_it_costs_that(house: House, office_of: Any, size: str) -> None:
    bottle, popcorn = "DRK-CHERRY-20", "SNK-POPCARAMEL-3"
    known = house.records.purchases()
    with office_of("mona", size) as office:
        office.open("/admin/")
        go(office, "Price a cart")
        field(office, "store").select_option(ARENA)
        _add(office, "Brindlepop C")
        says(office, "Which one do you mean?")
        office.follow(office.page.get_by_role("button", name=f"({bottle})"))
        expect(field(office, "find")).to_be_focused()
        _add(office, _barcode(house, popcorn))
        expect(field(office, "find")).to_be_focused()
        count = office.page.get_by_label("Quantity of line 1")
        count.fill("2")
        with office.page.expect_navigation():
            count.press("Tab")
        says(office, "Best deal proven")
        expect(office.page.locator("#why")).to_contain_text("2 soft drinks for 5.00")
        expect(office.page.locator("#why")).to_contain_text("Buy 1 popcorn, get 1 free")
        total = office.page.locator(".bo-totals dd").last.inner_text()
    trip = ordered_trip(house, (bottle, "2"), (popcorn, "1"))
    bought = house.records.purchases()
    assert set(bought) - set(known) == {trip["trip_id"]}
    assert bought[trip["trip_id"]].price_total == Decimal(total.removesuffix(" USD"))


def _add(office: Window, text: str) -> None:
    """As a scanner does: it types and ends with Enter."""
    field(office, "find").fill(text)
    with office.page.expect_navigation():
        field(office, "find").press("Enter")


def _barcode(house: House, sku: str) -> str:
    code: str = house.records.rows("SELECT code FROM catalog_barcode WHERE product_id = ? ORDER BY position", sku)[0][0]
    return code


# --- Carts that wait


@sizes
def test_a_manager_mends_what_several_carts_wait_for_and_prices_them_together(
    house: House, office_of: Any, size: str
) -> None:
    sku = {"desktop": "GRO-RAMEN-3", "phone": "GRO-CEREAL-12"}[size]
    assert house.records.change(END_PRICES, sku)
    in_the_next_second()
    trips = [house.amazon.walk_out(store, (sku, "1"))["trip_id"] for store in (ARENA, ARENA, AIRPORT)]
    with office_of("mona", size) as office:
        go(office, "Waiting for a repair")
        need = office.page.locator(".bo-need", has_text=sku)
        expect(need).to_contain_text("3 carts wait for a price of")
        expect(office.page.get_by_role("link", name="See all")).to_be_visible()
        if size == "phone":  # more of them would take the whole screen, of every page
            expect(office.page.locator(".bo-alarm:visible")).to_have_count(1)
        office.look()
        office.follow(need.get_by_role("button", name="Price all of these again"))
        says(office, "2 carts still wait")
        office.follow(need.get_by_role("link", name="Add the price"))
        office.look()
        field(office, "amount").fill("3.50")
        save(office)
        go(office, "Waiting for a repair")
        office.follow(need.get_by_role("button", name="Price all of these again"))
        says(office, "3 carts priced, and on the way to Amazon.")
        expect(need).to_have_count(0)
    assert {house.records.wait_for(trip, "ORDERED", WITHIN).sub_total for trip in trips} == {Decimal("3.50")}


# --- A clock


@sizes
def test_a_form_says_whose_clock_it_goes_by_as_stores_are_chosen(office_of: Any, size: str) -> None:
    with office_of("mona", size) as office:
        office.open("/admin/pricing/price/add/")
        starts = office.page.locator(".field-starts_at")
        expect(starts).to_contain_text("New York time, the clock of most stores.")
        choose(office, "store", "Campus North")
        expect(starts).to_contain_text("Chicago time")
        expect(starts).not_to_contain_text("New York")
        office.look()


# --- The past


@sizes
def test_a_manager_sets_a_price_back_to_what_it_was(house: House, office_of: Any, size: str) -> None:
    sku = {"desktop": "SWT-MINTS", "phone": "SWT-LOLLIPOP"}[size]
    ((before,),) = house.records.rows(HOLDS, sku)
    with office_of("mona", size) as office:
        office.open(f"/admin/pricing/price/?q={sku}&when=now")
        _of_all_stores(office)
        field(office, "amount").fill(f"{Decimal(before + 10).scaleb(-2)}")
        say_why(office, "A slip of the pen")
        save(office)
        assert house.records.rows(HOLDS, sku) == [(before + 10,)]
        _of_all_stores(office)
        _history(office)
        office.look()
        office.follow(link(office, "Set it back to this"))
        says(office, "holds again from now on.")
        office.follow(button(office, "Set it back"))
        says(office, "Say why.")
        say_why(office, "It was right before")
        office.follow(button(office, "Set it back"))
        says(office, "Done: it is set back from now on.")
        assert house.records.rows(HOLDS, sku) == [(before,)]
        go(office, "What was changed")
        says(office, "It was right before")


def _of_all_stores(office: Window) -> None:
    """Open the price that holds everywhere: databases do not agree on where it stands in the list."""
    office.follow(office.page.locator("#result_list tr", has_text="All stores").locator("a[href*='/price/']").first)


def _history(office: Window) -> None:
    """A link of the page, which a phone hides behind a button."""
    if office.size == "phone":
        office.page.get_by_role("button", name="More", exact=True).click()
    office.follow(office.page.locator("#header-inner").get_by_role("link", name="History"))


# --- A second pair of eyes


@pytest.fixture
def second_look(house: House) -> Iterator[str]:
    """A store that asks for a second look at its prices, as long as the story lasts."""
    house.records.change(SECOND_LOOK, True, AIRPORT)
    yield AIRPORT
    house.records.change(SECOND_LOOK, False, AIRPORT)


@sizes
def test_a_price_that_one_manager_proposes_is_approved_by_another(
    house: House, office_of: Any, second_look: str, size: str
) -> None:
    sku = {"desktop": "TRV-BOOKCITY", "phone": "TRV-SUNGLASSES"}[size]
    before = house.records.rows(HOLDS_THERE, sku, second_look)
    with office_of("mona", size) as office:
        office.open(f"/admin/pricing/price/add/?product={sku}&store={second_look}")
        field(office, "amount").fill("15.49")
        say_why(office, "The new season")
        save(office)
        says(office, "Somebody else has to look at it first.")
        expect(button(office, "Take back")).to_be_visible()
        expect(button(office, "Approve")).to_have_count(0)
        _approve_from_the_list(office, sku)
        says(office, "This is your own: somebody else has to look at it.")
    assert house.records.rows(HOLDS_THERE, sku, second_look) == before
    with office_of("milo", size) as office:
        says(office, "Waiting for a second pair of eyes")
        go(office, "Waiting for a second pair of eyes")
        office.follow(office.page.locator("#result_list a", has_text=sku).first)
        says(office, "15.49")
        says(office, "The new season")
        office.follow(button(office, "Approve"))
        says(office, "Approved and done.")
    assert house.records.rows(HOLDS_THERE, sku, second_look) == [(1549,)]


def _approve_from_the_list(office: Window, sku: str) -> None:
    go(office, "Waiting for a second pair of eyes")
    row: Locator = office.page.locator("#result_list tr", has_text=sku)
    row.locator("input.action-select").check()
    office.page.locator("select[name=action]").select_option("approve")
    office.follow(office.page.locator("#changelist-actions button, button[name=index]").first)
