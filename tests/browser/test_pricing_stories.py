"""Prices, from signing in to what holds in the shop: many at once, planned ahead, and from a list."""

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.people import ARENA
from tests.browser.steps import button, field, first_of_list, is_led_to, link, save, say_why, says, sizes
from tests.journeys.house import House

HELD = "SELECT amount FROM pricing_price WHERE product_id = ? AND store_id = ? AND ends_at IS NULL"


def own_price(house: House, sku: str) -> int | None:
    """In cents, what the product costs in this store alone, without an end; None when that is as everywhere."""
    rows = house.records.rows(HELD, sku, ARENA)
    return rows[0][0] if rows else None


@sizes
def test_pricing_changes_many_prices_and_undoes_it(house: House, office_of: Any, size: str) -> None:
    category, sku = {"desktop": ("Health", "HLT-VITAMINC-10"), "phone": ("Fruit", "FRT-KIWI")}[size]
    before = own_price(house, sku)
    with office_of("petra", size) as office:
        office.open("/admin/pricing/pricechange/")
        office.look()
        office.follow(office.page.locator("a[href$='/pricechange/add/']:visible").first)
        office.look()
        field(office, "category").select_option(category)
        field(office, "how").select_option("PERCENT_UP")
        field(office, "by").fill("40")
        field(office, "ending").select_option("99")
        office.follow(button(office, "Look at what it would do"))
        expect(office.page.locator("#plan")).to_be_in_viewport()
        says(office, "Nothing is changed yet.")
        expect(office.page.locator("#plan table")).to_contain_text("large")
        assert own_price(house, sku) == before
        apply = office.page.locator("button[name=apply]")
        office.follow(apply)
        says(office, "Say why.")
        is_led_to(field(office, "large"))
        field(office, "large").check()
        say_why(office, "The wholesaler asks more")
        office.follow(apply)
        says(office, "Done: ")
        expect(office.page.locator("#content")).not_to_contain_text("Undone by")
        changed = own_price(house, sku)
        assert changed is not None
        assert changed % 100 == 99
        office.follow(button(office, "Undo the whole change"))
        says(office, "What was before holds again from now on.")
        assert own_price(house, sku) == before


@sizes
def test_pricing_plans_a_price_and_sees_it_on_the_timeline(house: House, office_of: Any, size: str) -> None:
    sku = {"desktop": "TRV-UMBRELLA", "phone": "TRV-CABLE-3"}[size]
    with office_of("petra", size) as office:
        office.open(f"/admin/catalog/product/?q={sku}")
        first_of_list(office, "product")
        office.look()
        office.follow(link(office, "Schedule a change"))
        office.look()
        field(office, "amount").fill("12.49")
        say_why(office, "The new season")
        save(office)
        office.look()
        office.open(f"/admin/catalog/product/?q={sku}")
        first_of_list(office, "product")
        to_come = office.page.locator("#over-time tr", has_text="to come")
        expect(to_come).to_contain_text("12.49")
        expect(office.page.locator("svg.bo-drawing")).to_contain_text("12.49")
        office.look()
    planned = "SELECT amount FROM pricing_price WHERE product_id = ? AND starts_at > CURRENT_TIMESTAMP"
    assert house.records.rows(planned, sku) == [(1249,)]


@sizes
def test_pricing_mends_a_list_imports_it_and_undoes_it(house: House, office_of: Any, size: str, tmp_path: Path) -> None:
    sku = {"desktop": "DRK-WATER-1L", "phone": "DRK-MINERAL-750"}[size]
    before = own_price(house, sku)
    file = tmp_path / "spring.csv"
    with office_of("petra", size) as office:
        office.open("/admin/pricing/price/")
        office.follow(link(office, "Import a list…"))
        office.look()
        file.write_text(f"SKU,Store,Price\n{sku},{ARENA},2.95\nDRK-NO-SUCH,{ARENA},1.99\n")
        office.page.locator("input[type=file]").set_input_files(file)
        office.follow(button(office, "Look at it"))
        says(office, "Nothing is imported while a row is wrong.")
        says(office, "DRK-NO-SUCH")
        expect(office.page.locator("button[name=apply]")).to_have_count(0)
        office.follow(link(office, "Choose another file"))
        file.write_text(f"SKU,Store,Price\n{sku},{ARENA},2.95\n")
        office.page.locator("input[type=file]").set_input_files(file)
        office.follow(button(office, "Look at it"))
        says(office, "2.95")
        assert own_price(house, sku) == before
        say_why(office, "The maker asks more")
        if office.page.get_by_label("The large changes are meant").count():
            office.page.get_by_label("The large changes are meant").check()
        office.follow(office.page.locator("button[name=apply]"))
        says(office, "1 price from the list spring.csv, in Arena East 12")
        assert own_price(house, sku) == 295
        office.follow(button(office, "Undo the whole change"))
        says(office, "What was before holds again from now on.")
        assert own_price(house, sku) == before
