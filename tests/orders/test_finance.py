"""Orders for finance: which belong to which day, and sums that equal those of the rows."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db.models import Sum
from openpyxl import load_workbook

from catalog.models import Store
from orders import finance
from orders.finance import Wanted
from orders.models import Purchase, PurchaseLine
from orders.statuses import Status
from tests.factories import FeeFactory, PurchaseFactory, StoreFactory, TaxRuleFactory
from tests.orders.carts import cart, item
from tests.orders.shop import COLA, NOW, Shop, submit, take_in
from tests.orders.stand_ins import ordered

DAY = date(2026, 3, 14)
"""Of NOW, in the store as well."""

pytestmark = pytest.mark.django_db


def wanted(*, first: date = DAY, last: date = DAY, tests: bool = False) -> Wanted:
    return Wanted(first, last, list(Store.objects.all()), tests=tests)


def tables(by: User, given: Wanted | None = None) -> dict[str, list[dict[str, Any]]]:
    """The rows of each sheet, by its columns."""
    book = load_workbook(io.BytesIO(written(by, given or wanted())))
    return {sheet.title: _rows(list(sheet.values)) for sheet in book.worksheets}


def written(by: User, given: Wanted, form: str = "XLSX", passed: finance.Passed = lambda _: None) -> bytes:
    file = io.BytesIO()
    finance.write(file, form, given, by=by, now=NOW, passed=passed)
    return file.getvalue()


def _rows(values: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    columns, *rows = values
    return [dict(zip(columns, row, strict=True)) for row in rows]


def exact(values: Any) -> Decimal:
    return sum((Decimal(str(value)) for value in values), Decimal(0))


def an_order(name: str, *items: dict[str, Any], order_id: str = "") -> Purchase:
    purchase = take_in(cart(idempotentShoppingTripId=name, **({"cartItems": list(items)} if items else {})))
    submit(purchase, ordered(order_id or f"order-{name}"))
    assert purchase.status == Status.ORDERED
    return purchase


class TestTheSums:
    @pytest.fixture(autouse=True)
    def orders(self, shop: Shop) -> None:
        TaxRuleFactory(
            code="CITY", jurisdiction="City of New York", rate=Decimal("0.04875"), tax_categories=["SOFT-DRINK"]
        )
        FeeFactory(code="BOTTLE", products=[shop.cola])
        an_order("a")
        an_order("b", item(quantity={"value": "3.0", "unit": "unit"}))

    def test_equal_those_of_the_rows(self, person: User) -> None:
        got = tables(person)
        stored = Purchase.objects.aggregate(
            *(Sum(name) for name in ("sub_total", "promotions_total", "sales_tax_total", "price_total"))
        )
        fees = PurchaseLine.objects.aggregate(sum=Sum("fees"))["sum"]
        assert stored["sales_tax_total__sum"] > 0 < fees
        for column, sheet, amount, whole in (
            ("Subtotal", "", "", stored["sub_total__sum"]),
            ("Promotions", "Promotions", "Amount", stored["promotions_total__sum"]),
            ("Tax", "Taxes", "Tax", stored["sales_tax_total__sum"]),
            ("Tax", "Tax sums", "Tax", stored["sales_tax_total__sum"]),
            ("Deposits and fees", "Deposits and fees", "Amount", fees),
            ("Total", "", "", stored["price_total__sum"]),
        ):
            assert exact(row[column] for row in got["Sums"]) == whole
            in_orders = "Deposits and fees (in the subtotal)" if column == "Deposits and fees" else column
            assert exact(row[in_orders] for row in got["Orders"]) == whole
            if sheet:
                assert exact(row[amount] for row in got[sheet]) == whole

    def test_stand_by_jurisdiction_and_rate_by_promotion_and_payer_and_by_fee(self, person: User) -> None:
        got = tables(person)
        assert [
            (row["Jurisdiction"], row["Tax rule"], row["Rate in percent"], row["Taxable amount"])
            for row in got["Taxes"]
        ] == [
            ("City of New York", "CITY", "4.875", 15.0),
            ("New York State", "STATE", "8.25", 15.0),
        ]
        assert [row["Jurisdiction"] for row in got["Tax sums"]] == ["City of New York", "New York State"]
        assert got["Promotions"] == [
            {
                "Promotion": "SECOND-PERIOD",
                "On the receipt": "Second period special",
                "Paid by": "The store",
                "Amount": 2.0,
                "Currency": "USD",
            }
        ]
        assert got["Deposits and fees"] == [
            {"Fee": "BOTTLE", "On the receipt": "Bottle deposit", "Pieces": 4, "Amount": 0.2, "Currency": "USD"}
        ]

    def test_miss_nothing_when_a_trace_cannot_be_read(self, person: User) -> None:
        Purchase.objects.filter(trip_id="a").update(trace="{broken")
        Purchase.objects.filter(trip_id="b").update(trace='{"version": 99}')
        got = tables(person)
        stored = Purchase.objects.aggregate(tax=Sum("sales_tax_total"), promotions=Sum("promotions_total"))
        for sheet, first, amount, whole in (
            ("Taxes", "Jurisdiction", "Tax", stored["tax"]),
            ("Promotions", "Promotion", "Amount", stored["promotions"]),
            ("Deposits and fees", "Fee", "Amount", Decimal("0.20")),
        ):
            [row] = got[sheet]
            assert (row[first], Decimal(str(row[amount]))) == ("Not in the kept calculation", whole)

    def test_are_the_same_however_the_orders_are_paged(self, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(5):
            an_order(f"more-{number}")
        whole = tables(person)
        monkeypatch.setattr(finance, "PAGE", 2)
        assert tables(person) == whole
        assert len(whole["Orders"]) == 7

    def test_are_of_each_currency_by_itself(self, person: User) -> None:
        PurchaseFactory(ordered=True, currency="CAD", ordered_at=NOW)
        got = tables(person)
        assert [(row["Currency"], row["Orders"]) for row in got["Sums"]] == [("CAD", 1), ("USD", 2)]


class TestADay:
    @pytest.mark.parametrize(
        ("zone", "at", "days"),
        [
            ("America/New_York", datetime(2026, 3, 14, 3, 59, 59, tzinfo=UTC), [13]),
            ("America/New_York", datetime(2026, 3, 14, 4, tzinfo=UTC), [14]),
            ("America/New_York", datetime(2026, 3, 15, 3, 59, 59, 999999, tzinfo=UTC), [14]),
            ("America/Los_Angeles", datetime(2026, 3, 14, 6, 59, tzinfo=UTC), [13]),
            ("UTC", datetime(2026, 3, 14, 0, tzinfo=UTC), [14]),
        ],
    )
    def test_goes_by_the_clock_of_the_store(self, zone: str, at: datetime, days: list[int]) -> None:
        PurchaseFactory(ordered=True, store=StoreFactory(time_zone=zone), ordered_at=at)
        found = [day for day in (12, 13, 14, 15) if wanted(first=date(2026, 3, day), last=date(2026, 3, day)).count()]
        assert found == days

    def test_is_the_one_on_which_amazon_made_the_order(self, person: User) -> None:
        """A cart of long ago that was mended today is an order of today."""
        PurchaseFactory(ordered=True, received_at=NOW - timedelta(days=30), ordered_at=NOW)
        [row] = tables(person)["Orders"]
        assert (row["Date"].date(), str(row["Time"]), row["Shopper left on"].date()) == (
            DAY,
            "15:06:30",
            date(2026, 2, 12),
        )

    def test_has_only_orders_of_the_stores_and_the_environment_that_are_wanted(self, person: User) -> None:
        mine = PurchaseFactory(ordered=True, ordered_at=NOW)
        PurchaseFactory(ordered=True, ordered_at=NOW)
        PurchaseFactory(ordered=True, ordered_at=NOW, store=mine.store, environment="live")
        PurchaseFactory(refused=True, store=mine.store, received_at=NOW)
        got = tables(person, replace(wanted(), stores=[mine.store]))
        assert [row["Order ID"] for row in got["Orders"]] == [mine.order_id]

    def test_keeps_test_trips_apart(self, person: User) -> None:
        real = PurchaseFactory(ordered=True, ordered_at=NOW)
        test = PurchaseFactory(ordered=True, ordered_at=NOW, is_test=True)
        assert [row["Order ID"] for row in tables(person)["Orders"]] == [real.order_id]
        assert [row["Order ID"] for row in tables(person, wanted(tests=True))["Test orders"]] == [test.order_id]


class TestAFile:
    def test_of_nothing_has_no_rows(self, person: User) -> None:
        StoreFactory()
        got = tables(person)
        assert {sheet: rows for sheet, rows in got.items() if rows}.keys() == {"About"}

    def test_says_what_it_is(self, person: User, settings: LazySettings) -> None:
        StoreFactory(store_id="ARENA-EAST-12")
        about = {row["What"]: row["Which"] for row in tables(person)["About"]}
        assert about["Stores"] == "ARENA-EAST-12"
        assert (about["Trips"], about["Environment"]) == ("without tests", settings.JWO_ENVIRONMENT)
        assert about["Orders made from"].date() == DAY

    def test_holds_nothing_of_the_shopper(self, person: User, shop: Shop) -> None:
        assert shop.cola.pk == COLA
        an_order("a")
        assert tables(person)["Orders"][0]["Purchase ID"].startswith("P-")
        assert "shopper-7781" not in str(tables(person))

    def test_has_no_formula_in_it(self, person: User) -> None:
        store = StoreFactory(name="=HYPERLINK(1)")
        PurchaseFactory(ordered=True, ordered_at=NOW, store=store)
        with zipfile.ZipFile(io.BytesIO(written(person, wanted(), "CSV"))) as csv:
            assert "'=HYPERLINK(1)" in csv.read("orders.csv").decode("utf-8-sig")
        with zipfile.ZipFile(io.BytesIO(written(person, wanted()))) as book:
            assert b"<f>" not in b"".join(map(book.read, book.namelist()))

    def test_reads_a_page_in_one_query_and_tells_how_far_it_is(
        self, person: User, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Three pages, and an empty one."""
        monkeypatch.setattr(finance, "PAGE", 3)
        PurchaseFactory.create_batch(8, ordered=True, ordered_at=NOW, store=StoreFactory())
        given, told = wanted(), list[int]()
        with django_assert_num_queries(4):
            written(person, given, "CSV", told.append)
        assert told == [3, 6]
