"""Lists of prices, out and in: what a row means, all of it or nothing, and all of it undone."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.lists import imports as product_imports
from catalog.lists.keeping import Gone, NothingChanged
from catalog.lists.sheet import Fault
from catalog.models import Product, ProductList, Retirement, Store
from catalog.tasks import watch
from pricing.bulk import Made, undo
from pricing.lists import imports
from pricing.lists.compare import Difference
from pricing.lists.entries import Where
from pricing.models import Price, PriceChange, PriceList
from pricing.timeline import price_at
from tests.factories import (
    LONG_AGO,
    Browser,
    CashierFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    assign,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
IMPORT = f"{PRICES}import/"
NOW = datetime(2026, 3, 14, 16, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def store() -> Store:
    made: Store = StoreFactory(store_id="EAST", name="Arena East")
    return made


@pytest.fixture
def cola() -> Product:
    made: Product = ProductFactory(sku="COLA-1", name="Example Cola")
    return made


@pytest.fixture
def mary() -> User:
    made: User = ManagerFactory(username="mary")
    return made


def where(*, everywhere: bool = True, zone: str = "UTC") -> Where:
    stores = {store.pk: (store.name, store.zone) for store in Store.objects.all()}
    return Where(stores, ZoneInfo(zone), everywhere)


def kept(text: str, by: User, name: str = "spring.csv") -> PriceList:
    return imports.LISTS.keep(text.encode(), file_name=name, by=by, now=NOW)


def looked(text: str, by: User, **options: Any) -> Difference:
    return imports.look(kept(text, by), where(**options), now=NOW)


def applied(text: str, by: User, *, now: datetime = NOW, **options: Any) -> PriceChange:
    waiting = kept(text, by)
    found = imports.look(waiting, where(), now=now)
    made = Made(by=by, now=now, reason="Spring prices")
    return imports.apply(waiting, found, made, **{"seen": found.fingerprint, "large_is_meant": False, **options})


def costs(product: Product, store: Store | None, at: datetime) -> str:
    price = price_at(product, store, at=at)
    return str(price.amount) if price else "nothing"


def told(faults: list[Fault]) -> list[tuple[int, str, str]]:
    return [(fault.number, fault.column, fault.text) for fault in faults]


# --- What a row does


def test_a_price_is_ended_and_succeeded_from_now(cola: Product, mary: User) -> None:
    old = PriceFactory(product=cola, amount="2.49")
    change = applied("SKU,Price\nCOLA-1,2.79\n", mary)
    assert str(change) == "1 price from the list spring.csv, in all stores"
    assert (change.made_by, change.reason, change.store, change.starts_at) == (mary, "Spring prices", None, NOW)
    old.refresh_from_db()
    assert (old.amount, old.ends_at) == (Decimal("2.49"), NOW)
    assert (costs(cola, None, NOW - HOUR), costs(cola, None, NOW)) == ("2.49", "2.79")
    assert not PriceList.objects.exists()


def test_a_product_without_a_price_gets_its_first(cola: Product, mary: User) -> None:
    difference = looked("SKU,Price\nCOLA-1,2.79\n", mary)
    assert ([line.after for line in difference.new], difference.changed) == ([Decimal("2.79")], [])
    applied("SKU,Price\nCOLA-1,2.79\n", mary)
    assert costs(cola, None, NOW) == "2.79"


def test_a_store_gets_a_price_of_its_own_beside_that_of_all(cola: Product, store: Store, mary: User) -> None:
    general = PriceFactory(product=cola, amount="2.49")
    change = applied("SKU,Store,Price\nCOLA-1,EAST,2.79\n", mary)
    assert (change.store, str(change)) == (store, "1 price from the list spring.csv, in Arena East")
    general.refresh_from_db()
    assert (general.ends_at, costs(cola, store, NOW), costs(cola, None, NOW)) == (None, "2.79", "2.49")
    noted = change.changed.get()
    assert (noted.before, noted.after, noted.ended) == (Decimal("2.49"), Decimal("2.79"), None)


def test_moments_are_those_of_the_store(cola: Product, store: Store, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    rows = "SKU,Store,Price,Kind,From,Until\nCOLA-1,EAST,1.99,temporary,2026-03-20 06:00,2026-03-27\n"
    applied(rows, mary)
    price = Price.objects.get(temporary=True)
    assert price.starts_at == datetime(2026, 3, 20, 6, tzinfo=NEW_YORK)
    assert price.ends_at == datetime(2026, 3, 27, tzinfo=NEW_YORK)
    assert costs(cola, store, price.starts_at) == "1.99"
    assert costs(cola, store, price.ends_at) == "2.49"


def test_a_temporary_price_succeeds_the_temporary_one(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    sale = PriceFactory(product=cola, amount="1.99", temporary=True, ends_at=NOW + 9 * DAY)
    change = applied("SKU,Price,Kind,Until\nCOLA-1,2.10,temporary,2026-03-16\n", mary)
    sale.refresh_from_db()
    assert sale.ends_at == NOW
    assert [costs(cola, None, NOW + days * DAY) for days in (0, 2)] == ["2.10", "2.49"]
    undo(change, by=mary, now=NOW + HOUR)
    assert [costs(cola, None, NOW + days * DAY) for days in (0, 2, 10)] == ["2.10", "1.99", "2.49"]
    assert Price.objects.filter(starts_at=NOW + HOUR).get().temporary


def test_a_price_keeps_its_end_where_the_cell_is_empty(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49", ends_at=NOW + DAY)
    PriceFactory(product=cola, amount="3.00", starts_at=NOW + DAY)
    assert not looked("SKU,Price\nCOLA-1,2.79\n", mary).warnings
    applied("SKU,Price\nCOLA-1,2.79\n", mary)
    assert [costs(cola, None, NOW + days * DAY) for days in (0, 1)] == ["2.79", "3.00"]


@pytest.mark.parametrize(
    "row",
    ["COLA-1,2.49,,", "COLA-1,$2.49,,", "COLA-1,2.490,regular,", "COLA-1,2.49,REGULAR,2026-01-01 00:00"],
)
def test_a_row_that_says_what_is_so_changes_nothing(cola: Product, mary: User, row: str) -> None:
    PriceFactory(product=cola, amount="2.49", starts_at=LONG_AGO)
    difference = looked(f"SKU,Price,Kind,From\n{row}\n", mary)
    assert (len(difference.unchanged), difference.lines, difference.faults) == (1, [], [])
    assert not difference.is_applicable


def test_a_list_of_today_with_another_price_changes_it_from_now(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49", starts_at=LONG_AGO + timedelta(seconds=17))
    line = looked(f"SKU,Price,From\nCOLA-1,2.59,{LONG_AGO:%Y-%m-%d %H:%M}\n", mary).lines[0]
    assert (line.price.starts_at, line.before, line.after) == (NOW, Decimal("2.49"), Decimal("2.59"))


# --- What is wrong with a row, and what to look at


LOST_ZEROS = (
    "This looks like 007 without the zeros in front, which spreadsheets take away. "
    "Format the column as text and enter the SKU again."
)
WRONG: list[tuple[str, str, str]] = [
    ("COLA-1,,,,,", "Price", "Each row needs a price."),
    ("COLA-1,,free,,,", "Price", "Write the price as a plain number with a point, like 2.49."),
    ('COLA-1,,"2,49",,,', "Price", "Write the price as a plain number with a point, like 2.49."),
    ("COLA-1,,-1,,,", "Price", "Write the price as a plain number with a point, like 2.49."),
    ("COLA-1,,\uff12.49,,,", "Price", "Write the price as a plain number with a point, like 2.49."),
    ("COLA-1,,1e3,,,", "Price", "Write the price as a plain number with a point, like 2.49."),
    ("COLA-1,,2.499,,,", "Price", "A price has whole cents: at most two digits after the point."),
    ("COLA-1,,100000.01,,,", "Price", "A price is at most 100,000."),
    (
        "COLA-1,WEST,2.49,,,",
        "Store",
        "There is no store “WEST” among yours. Write its ID, or “all”. Did you mean EAST?",
    ),
    ("COLA-1,,2.79,sale,,", "Kind", "Write “regular” or “temporary”, or leave it empty for regular."),
    ("COLA-1,,2.79,temporary,,", "Until", "A temporary price needs an end."),
    ("COLA-1,,2.79,,tomorrow,", "From", "Write day and time like 2026-03-14 12:00."),
    ("COLA-1,,2.79,,2026-03-13,", "From", "That is past. Leave it empty for now, or write a later time."),
    ("COLA-1,,2.79,,,2026-03-14", "Until", "The end must be later than the start, and later than now."),
    ("COLA-1,,2.79,,2026-04-02,2026-04-01", "Until", "The end must be later than the start, and later than now."),
    (
        "COLA-1,EAST,2.79,,2027-03-14 02:30,",
        "From",
        "The clocks of New York are put forward then: 2:30 a.m. on March 14, 2027 is skipped. Choose another time.",
    ),
    (
        "COLA-1,,2.79,,2026-04-01,",
        "From",
        "A price that starts then is planned already. Take that one away on its page, or choose another time.",
    ),
    ("COLA-2,,2.49,,,", "SKU", "There is no product with this SKU. Add the product first, or correct the SKU."),
    (",,2.49,,,", "SKU", "Each row needs a SKU."),
    (
        "7,,2.49,,,",
        "SKU",
        LOST_ZEROS,
    ),
]


@pytest.mark.parametrize(("row", "column", "text"), WRONG)
def test_a_wrong_cell_is_named_with_what_to_do(cola: Product, mary: User, row: str, column: str, text: str) -> None:
    ProductFactory(sku="007")
    PriceFactory(product=cola, amount="2.49")
    PriceFactory(product=cola, amount="3.00", starts_at=datetime(2026, 4, 1, tzinfo=UTC))
    list_ = f"SKU,Store,Price,Kind,From,Until\n{row}\n"
    assert told(looked(list_, mary).faults) == [(2, column, text)]
    before = list(Price.objects.values())
    with pytest.raises(NothingChanged, match="Nothing was changed: 1 row is wrong"):
        applied(list_, mary)
    assert list(Price.objects.values()) == before
    assert PriceList.objects.exists()


def test_one_list_changes_a_price_once(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    difference = looked("SKU,Price,From\nCOLA-1,2.79,\nCOLA-1,2.99,2026-05-01\n", mary)
    text = (
        "Row 2 changes this very price already. One list changes a price once: "
        "put the later change into a list of its own."
    )
    assert told(difference.faults) == [(3, "SKU", text)]


def test_who_prices_in_some_stores_only_names_one_of_them(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    assert told(looked("SKU,Price\nCOLA-1,2.79\n", mary, everywhere=False).faults) == [
        (2, "Store", "You set prices in stores of your own only. Write the ID of one of them.")
    ]
    assert looked("SKU,Store,Price\nCOLA-1,Arena East,2.79\n", mary, everywhere=False).is_applicable


def test_what_may_be_a_slip_is_shown(cola: Product, mary: User) -> None:
    Retirement.objects.create(
        product=ProductFactory(sku="OLD-1", name="Old"), retired_at=NOW, retired_by=mary, reason="x"
    )
    ProductFactory(sku="WEST-1", name="Only west", all_stores=False).stores.add(StoreFactory(store_id="OTHER"))
    PriceFactory(product=cola, amount="2.49")
    rows = (
        "SKU,Name,Store,Price,Until\n"
        "COLA-1,Example Water,,2.59,\n"
        "OLD-1,Old,,1.00,\n"
        "WEST-1,Only west,EAST,1.00,\n"
        "COLA-1,Example Cola,EAST,2.00,2026-05-01\n"
        "WEST-1,Only west,,1.00,2026-05-01\n"
    )
    assert [(number, text) for number, _, text in told(looked(rows, mary).warnings)] == [
        (2, "The product with this SKU is “Example Cola”."),
        (3, "This product is retired."),
        (4, "This product is not sold in that store."),
        (6, "After that there is no regular price, and carts with this product wait. Plan the next one too."),
    ]


def test_too_long_a_list_is_refused(mary: User) -> None:
    rows = "".join(f"S-{number},1.00\n" for number in range(20_001))
    fault = looked(f"SKU,Price\n{rows}", mary).faults[0]
    assert fault.text == (
        "The list has 20,001 prices, and at most 20,000 are imported at once. Split it into several files."
    )


# --- All of it, or nothing; and back


def test_large_changes_have_to_be_meant(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    rows = "SKU,Price\nCOLA-1,24.90\n"
    assert [line.number for line in looked(rows, mary).large] == [2]
    with pytest.raises(NothingChanged, match="tick that the large changes are meant"):
        applied(rows, mary)
    assert costs(cola, None, NOW) == "2.49"
    applied(rows, mary, large_is_meant=True)
    assert costs(cola, None, NOW) == "24.90"


def test_what_somebody_changed_meanwhile_is_looked_at_again(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    waiting = kept("SKU,Price\nCOLA-1,2.79\n", mary)
    seen = imports.look(waiting, where(), now=NOW).fingerprint
    later = NOW + HOUR
    assert imports.look(waiting, where(), now=later).fingerprint == seen
    applied("SKU,Price\nCOLA-1,2.60\n", mary)
    found = imports.look(waiting, where(), now=later)
    with pytest.raises(NothingChanged, match="somebody changed prices of this list"):
        imports.apply(waiting, found, Made(by=mary, now=later, reason="x"), seen=seen, large_is_meant=True)
    assert costs(cola, None, later) == "2.60"


def test_a_list_is_applied_once(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    waiting = kept("SKU,Price\nCOLA-1,2.79\n", mary)
    found = imports.look(waiting, where(), now=NOW)
    PriceList.objects.all().delete()
    made = Made(by=mary, now=NOW, reason="x")
    with pytest.raises(Gone):
        imports.apply(waiting, found, made, seen=found.fingerprint, large_is_meant=False)
    assert (costs(cola, None, NOW), PriceChange.objects.count()) == ("2.49", 0)


def test_a_list_is_not_applied_over_what_somebody_changes_at_that_moment(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    waiting = kept("SKU,Price\nCOLA-1,2.79\n", mary)
    found = imports.look(waiting, where(), now=NOW)
    applied("SKU,Price\nCOLA-1,2.60\n", mary)
    made = Made(by=mary, now=NOW, reason="x")
    with pytest.raises(NothingChanged, match="Somebody else changed one of these meanwhile"):
        imports.apply(waiting, found, made, seen=found.fingerprint, large_is_meant=False)
    assert costs(cola, None, NOW) == "2.60"
    assert PriceList.objects.filter(pk=waiting.pk).exists()


def test_a_list_that_nobody_applies_is_taken_away_by_the_watch(mary: User, clock: time_machine.Traveller) -> None:
    kept("SKU,Price\nCOLA-1,2.79\n", mary)
    product_list = product_imports.LISTS.keep(b"SKU,Name\nCOLA-1,Cola\n", file_name="p.csv", by=mary, now=NOW)
    clock.move_to(product_list.expires_at - timedelta(seconds=1))
    watch()
    assert (PriceList.objects.count(), ProductList.objects.count()) == (1, 1)
    clock.move_to(product_list.expires_at)
    watch()
    assert (PriceList.objects.count(), ProductList.objects.count()) == (0, 0)


def test_the_whole_import_is_undone(cola: Product, store: Store, mary: User) -> None:
    water, juice = ProductFactory(sku="WATER-1"), ProductFactory(sku="JUICE-1")
    PriceFactory(product=cola, amount="2.49", ends_at=NOW + 20 * DAY)
    PriceFactory(product=water, amount="1.00")
    change = applied(
        "SKU,Store,Price,From\n"
        "COLA-1,,2.79,\n"  # one that is succeeded
        "WATER-1,EAST,1.10,\n"  # one of its own beside it
        "WATER-1,,1.05,2026-04-01\n"  # one that is planned
        "JUICE-1,,3.00,\n",  # a first one
        mary,
    )
    assert (change.store, str(change)) == (None, "4 prices from the list spring.csv, in 1 store and for all")
    later = NOW + HOUR
    assert undo(change, by=mary, now=later) == 0
    assert (costs(cola, None, NOW), costs(cola, None, later), costs(cola, None, NOW + 20 * DAY)) == (
        "2.79",
        "2.49",
        "nothing",
    )
    assert (costs(water, store, NOW), costs(water, store, later)) == ("1.10", "1.00")
    assert costs(water, None, datetime(2026, 4, 2, tzinfo=UTC)) == "1.00"
    assert costs(juice, None, later) == "nothing"


def test_an_undo_leaves_what_somebody_changed_meanwhile(cola: Product, store: Store, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    change = applied("SKU,Store,Price\nCOLA-1,,2.79\nCOLA-1,EAST,2.89\n", mary)
    applied("SKU,Price\nCOLA-1,2.69\n", mary, now=NOW + HOUR)
    assert undo(change, by=mary, now=NOW + 2 * HOUR) == 1
    assert (costs(cola, None, NOW + 2 * HOUR), costs(cola, store, NOW + 2 * HOUR)) == ("2.69", "2.69")


def test_the_statements_do_not_grow_with_the_rows(mary: User) -> None:
    def statements(count: int) -> int:
        skus = [f"N{count}-{number}" for number in range(count)]
        for sku in skus:
            PriceFactory(product=ProductFactory(sku=sku), amount="2.00")
        with CaptureQueriesContext(connection) as seen:
            applied("SKU,Price\n" + "".join(f"{sku},2.10\n" for sku in skus), mary)
        return len(seen)

    assert statements(3) == statements(60)


# --- Out


def test_what_is_downloaded_changes_nothing_when_it_comes_back(cola: Product, store: Store, mary: User) -> None:
    PriceFactory(product=cola, amount="1.00", starts_at=LONG_AGO, ends_at=LONG_AGO + DAY)
    PriceFactory(product=cola, amount="2.49", starts_at=LONG_AGO + DAY + timedelta(seconds=5))
    PriceFactory(product=cola, amount="2.99", starts_at=NOW + DAY)
    PriceFactory(product=cola, store=store, amount="1.99", temporary=True, ends_at=NOW + DAY)
    answer = signed_in(mary).get(f"{PRICES}download/csv/")
    assert answer["Content-Disposition"] == 'attachment; filename="prices-2026-03-14.csv"'
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert rows == [
        ["SKU", "Name", "Store", "Price", "Kind", "From", "Until"],
        [
            "COLA-1",
            "Example Cola",
            "all",
            "2.49",
            "regular",
            f"{(LONG_AGO + DAY).astimezone(NEW_YORK):%Y-%m-%d %H:%M}",
            "",
        ],
        ["COLA-1", "Example Cola", "all", "2.99", "regular", "2026-03-15 12:30", ""],
        ["COLA-1", "Example Cola", "EAST", "1.99", "temporary", rows[3][5], "2026-03-15 12:30"],
    ]
    difference = looked(answer.content.decode("utf-8-sig"), mary, zone="America/New_York")
    assert (len(difference.unchanged), difference.lines, difference.faults) == (3, [], [])


def test_a_spreadsheet_comes_back_with_its_own_dates_and_numbers(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    book = openpyxl.load_workbook(BytesIO(signed_in(mary).get(f"{PRICES}download/xlsx/").content))
    assert book.sheetnames == ["Prices"]
    sheet = book.active
    sheet["D2"], sheet["F2"] = 2.79, datetime(2026, 4, 1, 6)  # noqa: DTZ001  as a spreadsheet has it
    raw = BytesIO()
    book.save(raw)
    waiting = imports.LISTS.keep(raw.getvalue(), file_name="a.xlsx", by=mary, now=NOW)
    (line,) = imports.look(waiting, where(), now=NOW).lines
    assert (line.after, line.price.starts_at) == (Decimal("2.79"), datetime(2026, 4, 1, 6, tzinfo=UTC))


def test_a_time_for_all_stores_is_read_on_the_clock_of_most_and_shown_with_its_place(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    StoreFactory(store_id="BERLIN", time_zone="Europe/Berlin")
    browser = signed_in(mary)
    rows = ",2.59,,2026-11-01 01:30", "BERLIN,2.69,,2026-10-25 02:30"

    page = browser.get(upload(browser, "SKU,Store,Price,Kind,From\n" + "".join(f"COLA-1,{row}\n" for row in rows)).url)

    starts = {line.entry.store: line.price.starts_at for line in page.context["difference"].lines}
    assert starts[None] == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    assert starts["BERLIN"] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "Nov. 1, 1:30 a.m. (the earlier one)" in text_of(page)
    assert "Oct. 25, 2:30 a.m. (the earlier one) (Berlin)" in text_of(page)


# --- The pages


def upload(browser: Browser, text: str) -> Any:
    return browser.post(IMPORT, {"file": SimpleUploadedFile("spring.csv", text.encode())})


def test_a_manager_looks_confirms_and_undoes(cola: Product, mary: User, clock: time_machine.Traveller) -> None:
    PriceFactory(product=cola, amount="2.49")
    browser = signed_in(mary)
    assert "Import a list…" in browser.get(PRICES).content.decode()
    url = upload(browser, "SKU,Price\nCOLA-1,2.79\n").url
    page = browser.get(url)
    assert "2.49" in page.content.decode()
    assert "+12.0 %" in page.content.decode()
    seen = {"seen": page.context["difference"].fingerprint, "apply": ""}
    unsaid = browser.post(url, seen)
    assert unsaid.context["form"].errors == {"reason": ["Say why."]}
    assert costs(cola, None, NOW) == "2.49"
    done = browser.post(url, {**seen, "reason": "Spring"})
    assert said(done) == [
        "Done: 1 price from the list spring.csv, in all stores. The whole of it can be undone on this page."
    ]
    assert costs(cola, None, NOW) == "2.79"
    assert "2.49 → 2.79" in browser.get(done.url).content.decode()
    clock.shift(HOUR)
    browser.post(f"{done.url.removesuffix('change/')}press/undo_change/")
    assert PriceChange.objects.get().undone_by == mary
    assert costs(cola, None, NOW + HOUR) == "2.49"


def test_large_changes_are_ticked_on_the_page(cola: Product, mary: User) -> None:
    PriceFactory(product=cola, amount="2.49")
    browser = signed_in(mary)
    url = upload(browser, "SKU,Price\nCOLA-1,0\n").url
    seen = {"seen": browser.get(url).context["difference"].fingerprint, "apply": "", "reason": "Free today"}
    refused = browser.post(url, seen)
    assert list(refused.context["form"].errors) == ["large"]
    assert costs(cola, None, NOW) == "2.49"
    browser.post(url, {**seen, "large": "on"})
    assert costs(cola, None, NOW) == "0.00"


def test_a_wrong_list_can_only_be_discarded(mary: User) -> None:
    browser = signed_in(mary)
    url = upload(browser, "SKU,Price\nCOLA-1,free\n").url
    page = browser.get(url).content.decode()
    assert "1 wrong" in page
    assert 'name="apply"' not in page
    assert [row[4] for row in csv.reader(StringIO(browser.get(f"{url}wrong/").content.decode("utf-8-sig")))] == [
        "What to do",
        "Write the price as a plain number with a point, like 2.49.",
    ]
    browser.post(url, {"discard": ""})
    assert not PriceList.objects.exists()


def test_who_may_not_change_prices_imports_none(mary: User) -> None:
    waiting = kept("SKU,Price\nCOLA-1,2.79\n", mary)
    cashier, stranger = signed_in(CashierFactory()), signed_in(StrangerFactory())
    addresses = (IMPORT, f"{IMPORT}empty/", f"{IMPORT}{waiting.pk}/", f"{IMPORT}{waiting.pk}/new/")
    for browser, refused in ((cashier, 403), (stranger, 302)):
        assert [browser.get(address).status_code for address in addresses] == [refused] * 4
        assert browser.post(f"{IMPORT}{waiting.pk}/", {"apply": "", "reason": "x"}).status_code == refused
    assert cashier.get(f"{PRICES}download/csv/").status_code == 200
    assert stranger.get(f"{PRICES}download/csv/").status_code == 302
    assert "Import a list…" not in cashier.get(PRICES).content.decode()
    other = signed_in(ManagerFactory())
    assert other.get(f"{IMPORT}{waiting.pk}/").url == IMPORT
    assert other.get(f"{PRICES}download/pdf/").status_code == 404


def test_who_prices_in_one_store_imports_its_prices_alone_and_undoes_them(
    cola: Product, store: Store, clock: time_machine.Traveller
) -> None:
    south = StoreFactory(store_id="SOUTH-2", name="South")
    ProductFactory(sku="THERE-1", stores=[south])
    PriceFactory(product=cola, amount="2.49")
    browser = signed_in(assign(UserFactory(), "Pricing", store))
    looks = [
        browser.get(upload(browser, f"SKU,Store,Price\n{row},2.79\n").url).context["difference"]
        for row in ("COLA-1,SOUTH-2", "COLA-1,all", f"THERE-1,{store.pk}")
    ]
    assert [(look.is_applicable, told(look.faults)[0][1]) for look in looks] == [
        (False, "Store"),
        (False, "Store"),
        (False, "SKU"),
    ]

    url = upload(browser, f"SKU,Store,Price\nCOLA-1,{store.pk},2.79\n").url
    seen = browser.get(url).context["difference"].fingerprint
    done = browser.post(url, {"seen": seen, "apply": "", "reason": "Spring"})
    assert (costs(cola, store, NOW), costs(cola, south, NOW)) == ("2.79", "2.49")

    clock.shift(HOUR)
    browser.post(f"{done.url.removesuffix('change/')}press/undo_change/")
    assert costs(cola, store, NOW + HOUR) == "2.49"


def test_an_import_into_several_stores_is_undone_by_who_prices_in_all_of_them(
    cola: Product, store: Store, mary: User, clock: time_machine.Traveller
) -> None:
    south = StoreFactory(store_id="SOUTH-2", name="South")
    change = applied(f"SKU,Store,Price\nCOLA-1,{store.pk},2.79\nCOLA-1,SOUTH-2,9.87\n", mary)
    clock.shift(HOUR)
    here, both = (signed_in(assign(UserFactory(), "Pricing", *stores)) for stores in ([store], [store, south]))
    page = f"/admin/pricing/pricechange/{change.pk}/"

    shown = here.get(f"{page}change/").content.decode()
    assert ("2.79" in shown, "9.87" in shown, "undo_change" in shown) == (True, False, False)
    assert here.post(f"{page}press/undo_change/").status_code == 403
    assert costs(cola, south, NOW + HOUR) == "9.87"

    both.post(f"{page}press/undo_change/")
    assert costs(cola, south, NOW + HOUR) == "nothing"
