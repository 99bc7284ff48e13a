"""The pictures in docs/: `python -m tests.browser.pictures` takes all of them anew, `… NAME` those that are named.

Made of the demo store with a few trips, in a window as wide as a desktop's; so they show what the pages are by now.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, SETTINGS, chromium_path
from tests.browser.people import AIRPORT, ARENA, CAMPUS, MAKE_PEOPLE, PASSWORD
from tests.browser.steps import WITHIN, ordered_trip
from tests.browser.windows import Window, window
from tests.journeys.house import House, Plan, new_ground
from tests.journeys.processes import until
from tests.sandbox.demo import ROOT, STORE_FILE

DOCS = ROOT / "docs"
TALL, LOW = 900, 560
TOP, FURTHER_DOWN = 0, 150

COLA, REFUSED = "DRK-COLA-12", "SNK-TRAIL-3"
BASKETS = (
    ((COLA, "2"), ("SNK-POPCARAMEL-3", "2"), ("SND-TURKEYCLUB", "1")),
    (("DRK-COFFEE-12", "1"), ("BAK-MUFFINBLUE", "1")),
    (("SNK-BARGRANOLA-1", "3"), ("DRK-WATER-500", "1")),
)
PLANS = f"""
from datetime import timedelta
from django.utils import timezone
from pricing.models import Price
now = timezone.now()
month = timedelta(days=30)
cola = dict(product_id={COLA!r}, store_id={ARENA!r})
Price.objects.create(**cola, amount="2.19", temporary=True, starts_at=now, ends_at=now + 2 * month)
Price.objects.create(**cola, amount="2.79", starts_at=now + 4 * month)
"""
"""A sale at the arena, and a dearer cola later: for `manage.py shell -c`."""
END_PRICES = "UPDATE pricing_price SET ends_at = CURRENT_TIMESTAMP WHERE product_id = ? AND ends_at IS NULL"
ACKNOWLEDGE = """
    UPDATE jwo_store_alarm SET acknowledged_at = CURRENT_TIMESTAMP,
        acknowledged_by_id = (SELECT id FROM auth_user WHERE username = 'mona')
    WHERE acknowledged_at IS NULL
"""
DONE = "SELECT count(*) FROM catalog_catalogupload WHERE status = 'FINISHED'"


def today(office: Window, house: House) -> None:
    for number in range(24):
        ordered_trip(house, *BASKETS[number % 3], store=(ARENA, AIRPORT, CAMPUS)[number % 3])
    office.open("/admin/")


def purchase(office: Window, house: House) -> None:
    trip = ordered_trip(house, *BASKETS[0])
    office.open(f"/admin/orders/purchase/?q={trip['order_id']}")


def promotion(office: Window, _house: House) -> None:
    office.open("/admin/pricing/promotion/?q=BARS-3-FOR-5")
    office.follow(office.page.locator("#result_list a[href*='/promotion/']").first)


def prices(office: Window, house: House) -> None:
    house.manage("shell", "-v0", "-c", PLANS)
    office.open(f"/admin/pricing/price/over-time/?product={COLA}&store={ARENA}")


def calendar(office: Window, _house: House) -> None:
    office.open(f"/admin/pricing/promotion/calendar/?store={CAMPUS}")


def waiting(office: Window, house: House) -> None:
    for sku, stores in (("DRK-WATER-500", (ARENA, ARENA, AIRPORT)), ("FRT-KIWI", (CAMPUS,))):
        house.records.change(END_PRICES, sku)
        for store in stores:
            house.amazon.walk_out(store, (sku, "1"))
    office.open("/admin/orders/purchase/waiting/")


def upload(office: Window, house: House) -> None:
    words = "The item name makes a claim that we cannot take over"
    house.amazon.set_catalog(refused={REFUSED: {"code": "INVALID_ITEM_NAME", "message": words}})
    house.manage("uploadcatalog")
    until(lambda: house.records.rows(DONE)[0][0] >= 3, WITHIN, "all stores have uploaded")
    office.open("/admin/catalog/catalogupload/")
    office.follow(office.page.locator("#result_list a[href*='/catalogupload/']").first)


PICTURES: dict[str, tuple[Callable[[Window, House], None], int, int]] = {
    "today": (today, TALL, TOP),
    "purchase": (purchase, TALL, TOP),
    "promotion": (promotion, TALL, TOP),
    "prices": (prices, TALL, TOP),
    "calendar": (calendar, TALL, FURTHER_DOWN),
    "upload": (upload, TALL, TOP),
    "waiting": (waiting, LOW, TOP),
}


@contextmanager
def _demo() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as place:
        ground = new_ground(Path(place), STORE_FILE)
        folder = Path(place) / "house"
        folder.mkdir()
        try:
            with ground.house(folder, SETTINGS, Plan(amazon_knows=STORE_FILE)) as house:
                house.manage("collectstatic", "--no-input", "-v0")
                house.manage("shell", "-v0", "-c", MAKE_PEOPLE)
                house.start()
                yield house
        finally:
            ground.close()


def main(names: list[str]) -> None:
    with _demo() as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        with window(browser, house.url, "desktop") as office:
            office.sign_in("mona", PASSWORD)
            for name, (show, height, place) in PICTURES.items():
                if names and name not in names:
                    continue
                show(office, house)
                house.records.change(ACKNOWLEDGE)
                office.page.set_viewport_size({"width": 1280, "height": height})
                office.page.reload()
                office.page.evaluate(f"scrollTo(0, {place})")
                office.page.screenshot(path=DOCS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
