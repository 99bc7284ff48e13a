"""What people of each role come for, from signing in to the end, in a large window and on a phone."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.people import AIRPORT, ARENA, PASSWORD
from tests.browser.steps import (
    WITHIN,
    add,
    button,
    choose,
    field,
    first_of_list,
    go,
    has_order,
    in_the_next_second,
    is_led_to,
    ordered_trip,
    save,
    say_why,
    says,
    search,
    sizes,
)
from tests.browser.windows import Window
from tests.journeys.house import House
from tests.journeys.processes import until
from tests.sandbox.demo import STORE_FILE

MANY_LINES = 20
MORE_TAXES = f"""
from django.utils import timezone
from pricing.models import TaxRule
for number in (1, 2, 3):
    rule = TaxRule.objects.create(
        code=f"DISTRICT-{{number}}", jurisdiction=f"Metropolitan Improvement District {{number}}",
        rate="0.01", all_stores=False, starts_at=timezone.now(),
    )
    rule.stores.set([{AIRPORT!r}])
    rule.tax_categories.set(["GENERAL"])
"""
"""Beside the three jurisdictions that the store has: for `manage.py shell -c`."""
COLA = "DRK-COLA-12"
RULE = "SELECT rate, starts_at > CURRENT_TIMESTAMP FROM pricing_taxrule WHERE code = ?"
HOLIDAY = "SELECT unit_price_below, starts_at > CURRENT_TIMESTAMP FROM pricing_taxholiday WHERE code = ?"
AT_AMAZON = "SELECT state FROM catalog_catalogitem WHERE product_id = ?"
ONE_PAGE = re.compile(rb"/Type\s*/Page[^s]")

# --- Viewer, Staff, Auditor


@sizes
def test_a_viewer_looks_and_changes_nothing(house: House, office_of: Any, size: str) -> None:
    ordered_trip(house, (COLA, "1"))
    with office_of("vera", size) as office:
        says(office, "Arena East 12")
        go(office, "All prices")
        search(office, COLA)
        expect(office.page.locator("a.addlink")).to_have_count(0)
        first_of_list(office, "price")
        _only_reads(office, COLA)
        go(office, "Live now")
        first_of_list(office, "promotion")
        _only_reads(office, "Live")
        go(office, "All purchases")
        first_of_list(office, "purchase")
        _only_reads(office, "Ordered")
        assert office.page.goto(office.office + "/admin/pricing/price/add/").status == 403
        office.faults = [fault for fault in office.faults if "403" not in fault]


def _only_reads(office: Window, text: str) -> None:
    """There is nothing on the page that one could fill in or press, but what only looks."""
    says(office, text)
    pressed = office.page.locator("#content form[method=post] button:visible").all_inner_texts()
    assert set(pressed) <= {"Try it on a basket…"}
    expect(office.page.locator("#content [name=_save]")).to_have_count(0)


@sizes
def test_staff_find_a_purchase_by_its_order_and_print_it(house: House, office_of: Any, size: str) -> None:
    trip = ordered_trip(house, (COLA, "2"))
    with office_of("sam", size) as office:
        office.open("/admin/orders/purchase/")
        office.page.locator("#searchbar").fill(trip["order_id"])
        office.page.locator("#searchbar").press("Enter")
        says(office, trip["order_id"])
        says(office, "Agrees")
        expect(office.page.get_by_role("button", name="Close", exact=False)).to_have_count(0)
        assert len(ONE_PAGE.findall(office.page.pdf())) == 1


@sizes
def test_staff_find_a_purchase_by_what_was_paid_and_print_it(house: House, office_of: Any, size: str) -> None:
    pieces = {"desktop": "17", "phone": "19"}[size]
    trip = ordered_trip(house, (COLA, pieces))
    paid = house.records.purchase(trip["trip_id"]).price_total
    with office_of("sam", size) as office:
        go(office, "All purchases")
        search(office, str(paid))  # there is one such purchase, and its page opens
        says(office, trip["order_id"])
        office.page.emulate_media(media="print")
        expect(office.page.locator("#nav-sidebar")).to_be_hidden()
        expect(office.page.locator("#header-inner button:visible")).to_have_count(0)
        expect(office.page.locator("#content button:visible")).to_have_count(0)
        expect(office.page.locator("#content")).to_contain_text(str(paid))


def test_a_purchase_of_many_lines_and_jurisdictions_is_printed_on_one_page(house: House, office_of: Any) -> None:
    house.manage("shell", "-v0", "-c", MORE_TAXES)
    in_the_next_second()
    named = json.loads(STORE_FILE.read_bytes())["products"]
    taxed = [row for row in named if row["tax_category"] == "GENERAL" and AIRPORT in row.get("stores", [AIRPORT])]
    trip = ordered_trip(house, *[(row["sku"], "2") for row in taxed[:MANY_LINES]], store=AIRPORT)
    with office_of("mona", "desktop") as office:
        office.open(f"/admin/orders/purchase/?q={trip['order_id']}")
        says(office, f"Priced at once: {MANY_LINES} lines")
        office.page.locator("#why summary").click()
        says(office, "Tax by jurisdiction")
        says(office, "District 3: ")
        assert len(ONE_PAGE.findall(office.page.pdf())) == 1


@sizes
def test_staff_find_a_purchase_by_typing_anywhere(house: House, office_of: Any, size: str) -> None:
    trip = ordered_trip(house, (COLA, "1"))
    with office_of("sam", size) as office:
        office.page.locator("a.bo-search").click()
        office.page.locator("#command-search, input[type=search]:visible").first.fill(trip["order_id"])
        office.page.locator(f"a:visible:has-text('{trip['order_id']}')").first.click()
        says(office, trip["order_id"])


@sizes
def test_an_auditor_sees_who_changed_what_and_takes_the_figures_along(
    house: House, office_of: Any, size: str, tmp_path: Path
) -> None:
    ordered_trip(house, (COLA, "1"))
    with office_of("otto", size) as office:
        office.open("/admin/pricing/price/changed/")
        expect(office.page.locator("#content")).to_contain_text(re.compile("(added|changed|ended) the "))
        office.look()
        office.open("/admin/orders/financeexport/add/")
        day = datetime.now(ZoneInfo("America/Chicago")).date()  # begun by now in all stores, this one being the last
        for name in ("first", "last"):
            field(office, name).evaluate("(field, day) => field.value = day", f"{day}")
        office.follow(button(office, "Make the file"))
        office.look()
        expect(button(office, "Download the file")).to_be_visible()  # the page keeps up by itself
        says(office, "Nobody yet.")
        with office.page.expect_download() as taken:
            button(office, "Download the file").click()
        taken.value.save_as(tmp_path / "orders.xlsx")
        assert (tmp_path / "orders.xlsx").read_bytes().startswith(b"PK")
        assert office.page.goto(office.office + "/admin/catalog/store/add/").status == 403
        office.faults = [fault for fault in office.faults if "403" not in fault]


# --- Tax, Catalog


@sizes
def test_tax_changes_a_rate_with_a_reason(office_of: Any, size: str) -> None:
    with office_of("tina", size) as office:
        office.open("/admin/pricing/taxrule/?q=IL-RTA&when=now")
        office.follow(office.page.locator("#result_list a[href*='/taxrule/']").first)
        office.look()
        rate = office.page.locator("input[name=rate]")
        before = rate.input_value()
        rate.fill("1.1" if before != "1.1" else "1.2")
        save(office)
        says(office, "Say why.")
        office.page.locator("textarea[name=reason]").fill("A new ordinance")
        save(office)
        says(office, "The old tax rule ended now and the new one holds from now on.")


@sizes
def test_tax_plans_a_rule_and_a_holiday(house: House, office_of: Any, size: str) -> None:
    code = f"CULTURE-{size}".upper()
    with office_of("tina", size) as office:
        go(office, "Tax rules")
        add(office)
        office.look()
        field(office, "code").fill(code)
        field(office, "jurisdiction").fill("City of Arena")
        field(office, "rate").fill("0.5")
        choose(office, "tax_categories", "General merchandise")
        _in_one_store(office, "Arena East")
        _day(office, "starts_at", "2031-01-01")
        save(office)
        is_led_to(office.page.locator("textarea[name=reason]"))
        say_why(office, "Voted in November")
        save(office)
        search(office, code)
        says(office, "Yet to start")
        assert house.records.rows(RULE, code) == [(500_000, 1)]  # in millionths of a percent
        go(office, "Tax holidays")
        add(office)
        office.look()
        field(office, "code").fill(code)
        field(office, "name").fill("Culture days")
        choose(office, "tax_categories", "General merchandise")
        field(office, "unit_price_below").fill("50")
        _in_one_store(office, "Arena East")
        _day(office, "starts_at", "2031-05-01")
        _day(office, "ends_at", "2031-05-03")
        say_why(office, "Voted in November")
        save(office)
        search(office, code)
        says(office, "Culture days")
        assert house.records.rows(HOLIDAY, code) == [(5000, 1)]


def _in_one_store(office: Window, name: str) -> None:
    field(office, "all_stores").uncheck()
    choose(office, "stores", name)


def _day(office: Window, name: str, day: str) -> None:
    field(office, f"{name}_0").fill(day)
    field(office, f"{name}_1").fill("00:00:00")


@sizes
def test_catalog_mends_what_amazon_refused_and_uploads_it_again(house: House, office_of: Any, size: str) -> None:
    sku, name = {
        "desktop": ("HLT-SHAMPOO-3", "Carefern Gentle Shampoo 3 oz"),
        "phone": ("HLT-SUNSCREEN-3", "Carefern Gentle Sunscreen 3 oz"),
    }[size]
    words = "The item name makes a claim that we cannot take over"
    with office_of("carl", size) as office:
        house.amazon.set_catalog(refused={sku: {"code": "INVALID_ITEM_NAME", "message": words}})
        _rename(office, sku, f"{name} Wonder")
        _upload(office, house, sku, "REFUSED")
        go(office, "Refused products")
        office.follow(office.page.locator(f"#result_list a[href*='{sku}']").first)
        says(office, words)
        office.follow(office.page.locator("#at-amazon td[data-label='Last upload'] a").first)
        refused = office.page.locator("#items tr", has_text=sku)
        expect(refused).to_contain_text(words)
        office.look()
        office.follow(refused.get_by_role("link", name=sku))
        house.amazon.set_catalog(refused={})
        field(office, "name").fill(name)
        save(office)
        _upload(office, house, sku, "LIVE")
        go(office, "Products")
        search(office, sku)
        first_of_list(office, "product")
        expect(office.page.locator("#at-amazon")).not_to_contain_text(words)
        office.look()
    items = [item for item in house.amazon.items(state="live") if item["sku"] == sku]
    assert {item["document"]["item_name"] for item in items} == {name}


def _rename(office: Window, sku: str, name: str) -> None:
    go(office, "Products")
    search(office, sku)
    first_of_list(office, "product")
    field(office, "name").fill(name)
    save(office)


def _upload(office: Window, house: House, sku: str, state: str) -> None:
    go(office, "Uploads")
    office.follow(button(office, "Upload changes now"))
    office.look()
    until(lambda: set(house.records.rows(AT_AMAZON, sku)) == {(state,)}, WITHIN, f"{sku} is {state}")


# --- Manager, Administrator


@sizes
def test_a_manager_repairs_a_cart_that_waits_for_a_price(house: House, office_of: Any, size: str) -> None:
    sku = {"desktop": "DRK-ZERO-20", "phone": "DRK-CHERRY-20"}[size]
    with office_of("mona", size) as office:
        office.open(f"/admin/pricing/price/?q={sku}&when=now")
        while office.page.locator("#result_list a[href*='/price/']").count():
            office.follow(office.page.locator("#result_list a[href*='/price/']").first)
            button(office, "End now…").click()
            office.page.locator("textarea[name=reason]").fill("Out of season")
            office.follow(button(office, "End now"))
            office.open(f"/admin/pricing/price/?q={sku}&when=now")
        in_the_next_second()
        trip_id = house.amazon.walk_out(ARENA, (sku, "1"))["trip_id"]
        office.open("/admin/orders/purchase/waiting/")
        says(office, sku)
        office.follow(office.page.locator("a[href*='/pricing/price/add/']:visible").first)
        office.look()
        office.page.locator("input[name=amount]").fill("2.25")
        office.page.locator("textarea[name=reason]").fill("A price was missing")
        save(office)
        office.open("/admin/orders/purchase/waiting/")
        office.follow(office.page.locator("#content .bo-next form button").first)
        has_order(house, trip_id)


@sizes
def test_a_manager_plans_a_promotion_and_stops_it(house: House, office_of: Any, size: str) -> None:
    code = f"COLA-{size}".upper()
    with office_of("mona", size) as office:
        office.open("/admin/pricing/promotion/add/")
        office.page.locator("select[name=kind]").select_option("AMOUNT_OFF")
        office.page.locator("input[name=name]").fill(f"Cola days {size}")
        office.page.locator("input[name=code]").fill(code)
        office.page.locator("input[name=receipt_text]").fill("Cola days")
        office.page.locator("input[name=amount]").fill("0.20")
        choose(office, "targets_skus", COLA)
        office.page.locator("input[name=all_stores]").check()
        office.page.locator("textarea[name=reason]").fill("Planned campaign")
        says(office, "$0.20 off each piece of")
        office.follow(button(office, "Publish"))
        says(office, "Live")
        in_the_next_second()
        trip = ordered_trip(house, (COLA, "1"))
        office.open(f"/admin/pricing/promotion/?q={code}")
        office.follow(office.page.locator("#result_list a[href*='/promotion/']").first)
        office.look()
        office.follow(button(office, "Stop now"))
        says(office, "Undo the stop")
        in_the_next_second()
        assert trip["charged"] != ordered_trip(house, (COLA, "1"))["charged"]


@sizes
def test_an_administrator_gives_a_role_in_one_store(office_of: Any, open_window: OpenWindow, size: str) -> None:
    name = f"nina-{size}"
    with office_of("ada", size) as office:
        go(office, "People")
        add(office)
        office.look()
        office.page.locator("input[name=username]").fill(name)
        office.page.locator("input[name=password1]").fill(PASSWORD)
        office.page.locator("input[name=password2]").fill(PASSWORD)
        office.page.get_by_text("Add another Role").click()
        office.page.locator("select[name=assignments-0-role]").select_option(label="Staff")
        office.page.locator("select[name=assignments-0-store]").select_option(label="Arena East 12 (ARENA-EAST-12)")
        save(office)
        office.look()
    with open_window(size) as office:
        office.sign_in(name, PASSWORD)
        office.open("/admin/orders/purchase/")
        says(office, "Arena East 12")
        expect(office.page.locator("body")).not_to_contain_text("Campus North 3")
