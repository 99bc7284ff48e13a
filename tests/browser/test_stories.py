"""What people of each role come for, from signing in to the end, in a large window and on a phone."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenWindow
from tests.browser.people import ARENA, PASSWORD
from tests.browser.windows import PATIENCE, Window
from tests.journeys.house import House
from tests.journeys.processes import until
from tests.sandbox.demo import STORE_FILE

AIRPORT = "AIRPORT-WEST-04"
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
COLA, WATER = "DRK-COLA-12", "DRK-WATER-1L"
WITHIN = 60.0
ONE_PAGE = re.compile(rb"/Type\s*/Page[^s]")

expect.set_options(timeout=PATIENCE)
sizes = pytest.mark.parametrize("size", ["desktop", "phone"])


@pytest.fixture
def office_of(open_window: OpenWindow) -> Any:
    """A window in which this person has signed in."""

    @contextmanager
    def signed_in(name: str, size: str) -> Iterator[Window]:
        with open_window(size) as office:
            office.sign_in(name, PASSWORD)
            yield office

    return signed_in


def button(office: Window, name: str) -> Locator:
    return office.page.get_by_role("button", name=name, exact=True).first


def save(office: Window) -> None:
    office.follow(office.page.locator("button[name=_save], input[name=_save]").first)


def in_the_next_second() -> None:
    """Amazon tells when a shopper left in whole seconds; who leaves from here on left after what was just changed."""
    time.sleep(1.1)


def says(office: Window, text: str) -> None:
    """The page says this; a person can use it."""
    expect(office.page.locator("body")).to_contain_text(text)
    office.look()


def ordered_trip(house: House, *items: tuple[str, str], store: str = ARENA) -> Any:
    """A shopper has left with these things, and Amazon has an order."""
    trip_id = house.amazon.walk_out(store, *items)["trip_id"]
    return until(lambda: _ordered(house, trip_id), WITHIN, "Amazon has an order")


def _ordered(house: House, trip_id: str) -> Any:
    trip = house.amazon.trip(trip_id)
    return trip if trip["order_id"] else None


# --- Viewer, Staff, Auditor


@sizes
def test_a_viewer_looks_and_changes_nothing(house: House, office_of: Any, size: str) -> None:
    ordered_trip(house, (COLA, "1"))
    with office_of("vera", size) as office:
        says(office, "Arena East 12")
        office.open("/admin/pricing/price/?q=" + COLA)
        says(office, COLA)
        office.open("/admin/orders/purchase/")
        says(office, "Ordered")
        assert office.page.goto(office.office + "/admin/pricing/price/add/").status == 403
        office.faults = [fault for fault in office.faults if "403" not in fault]


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


def test_an_auditor_sees_who_changed_what_and_takes_the_figures_along(
    house: House, office_of: Any, tmp_path: Path
) -> None:
    ordered_trip(house, (COLA, "1"))
    with office_of("otto", "desktop") as office:
        office.open("/admin/pricing/price/changed/")
        says(office, "The store file added the price of")
        office.open("/admin/orders/financeexport/add/")
        office.page.locator("input[name=first]").evaluate(
            "field => field.value = new Date().toISOString().slice(0, 10)"
        )
        office.page.locator("input[name=last]").evaluate("field => field.value = new Date().toISOString().slice(0, 10)")
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


# --- Pricing, Tax, Catalog


@sizes
def test_pricing_imports_a_list_and_undoes_it(office_of: Any, size: str, tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_text(f"SKU,Store,Price\n{WATER},{ARENA},2.95\n")
    with office_of("petra", size) as office:
        office.open("/admin/pricing/price/import/")
        office.look()
        office.page.locator("input[type=file]").set_input_files(file)
        office.follow(button(office, "Look at it"))
        says(office, "2.95")
        office.page.locator("textarea[name=reason]").fill("The maker asks more")
        if office.page.get_by_label("The large changes are meant").count():
            office.page.get_by_label("The large changes are meant").check()
        office.follow(office.page.locator("button[name=apply]"))
        says(office, "1 price from the list spring.csv, in Arena East 12")
        office.follow(button(office, "Undo the whole change"))
        says(office, "What was before holds again from now on.")


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
def test_catalog_uploads_what_changed(house: House, office_of: Any, size: str) -> None:
    with office_of("carl", size) as office:
        office.open("/admin/catalog/catalogupload/")
        office.follow(button(office, "Upload changes now"))
        office.look()
        until(house.amazon.items, WITHIN, "Amazon has products")
        until(lambda: _is_finished(office), WITHIN, "an upload is finished")
        office.follow(office.page.locator("#result_list a[href*='/catalogupload/']").first)
        office.look()


def _is_finished(office: Window) -> bool:
    office.open("/admin/catalog/catalogupload/")
    return office.page.get_by_text("Finished", exact=True).count() > 0


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
        office.follow(office.page.locator("main, #content").locator("button.bo-button-strong:visible").first)
        until(lambda: _ordered(house, trip_id), WITHIN, "Amazon has an order")


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


def choose(office: Window, name: str, text: str) -> None:
    """Pick something in a field that searches while one types."""
    field = office.page.locator(f"select[name={name}] + span.select2")
    field.click()
    office.page.locator(".select2-container--open input.select2-search__field").last.press_sequentially(text)
    office.page.locator(f"li.select2-results__option--highlighted:has-text('{text}')").first.click()
    expect(office.page.locator(".select2-container--open")).to_have_count(0)


def test_an_administrator_gives_a_role_in_one_store(office_of: Any, open_window: OpenWindow) -> None:
    with office_of("ada", "desktop") as office:
        office.open("/admin/auth/user/add/")
        office.look()
        office.page.locator("input[name=username]").fill("nina")
        office.page.locator("input[name=password1]").fill(PASSWORD)
        office.page.locator("input[name=password2]").fill(PASSWORD)
        office.page.get_by_text("Add another Role").click()
        office.page.locator("select[name=assignments-0-role]").select_option(label="Staff")
        office.page.locator("select[name=assignments-0-store]").select_option(label="Arena East 12 (ARENA-EAST-12)")
        save(office)
        office.look()
    with open_window("phone") as office:
        office.sign_in("nina", PASSWORD)
        office.open("/admin/orders/purchase/")
        says(office, "Arena East 12")
        expect(office.page.locator("body")).not_to_contain_text("Campus North 3")
