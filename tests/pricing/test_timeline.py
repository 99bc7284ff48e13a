"""Price over time: what wins at each moment, by the very rule by which carts are priced."""

import random
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product, Store
from pricing.models import Price
from pricing.pricebook import read_pricebook
from pricing.terms import Cart, CartLine
from pricing.timeline import price_at, spans, timeline
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    signed_in,
)

pytestmark = pytest.mark.django_db

PAGE = "/admin/pricing/price/over-time/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Midnight (UTC) so many days after the beginning of 2026."""
    return SINCE + number * DAY


@pytest.fixture
def store() -> Store:
    made: Store = StoreFactory(store_id="ARENA-EAST-12", name="Arena East 12")
    return made


@pytest.fixture
def cola() -> Product:
    made: Product = ProductFactory(sku="COLA-1", name="Example Cola")
    return made


@pytest.fixture
def cashier() -> Browser:
    return signed_in(CashierFactory())


def priced(cola: Product, amount: str, first: int, last: int | None = None, **more: Any) -> Price:
    ends_at = None if last is None else day(last)
    made: Price = PriceFactory(product=cola, amount=Decimal(amount), starts_at=day(first), ends_at=ends_at, **more)
    return made


def told(cola: Product, store: Store | None, *, since: datetime = SINCE) -> list[tuple[Any, ...]]:
    """From, until (days of the year) and amount of each span."""
    rows = list(Price.objects.filter(product=cola))
    own = [row for row in rows if row.store_id is None or (store and row.store_id == store.pk)]
    return [
        (
            (span.starts_at - SINCE).days,
            span.ends_at and (span.ends_at - SINCE).days,
            span.price and str(span.price.amount),
        )
        for span in spans(own, since=since)
    ]


# -- what wins


def test_a_regular_price_that_was_succeeded(cola: Product) -> None:
    priced(cola, "2.00", 1, 10)
    priced(cola, "2.50", 10)

    assert told(cola, None) == [(1, 10, "2.00"), (10, None, "2.50")]


def test_a_temporary_price_beats_a_regular_one_that_starts_later(cola: Product) -> None:
    priced(cola, "2.00", 1)
    priced(cola, "1.50", 5, 12, temporary=True)
    priced(cola, "3.00", 8)

    assert told(cola, None) == [(1, 5, "2.00"), (5, 12, "1.50"), (12, None, "3.00")]


def test_a_stores_own_price_beats_even_a_temporary_one_for_all(cola: Product, store: Store) -> None:
    priced(cola, "2.00", 1)
    priced(cola, "1.00", 3, 9, temporary=True)
    priced(cola, "2.80", 5, 7, store=store)

    assert told(cola, store) == [(1, 3, "2.00"), (3, 5, "1.00"), (5, 7, "2.80"), (7, 9, "1.00"), (9, None, "2.00")]
    assert told(cola, None) == [(1, 3, "2.00"), (3, 9, "1.00"), (9, None, "2.00")]


def test_a_time_without_a_price_is_shown_as_such(cola: Product) -> None:
    priced(cola, "2.00", 1, 4)
    priced(cola, "2.50", 6)

    assert told(cola, None) == [(1, 4, "2.00"), (4, 6, None), (6, None, "2.50")]


def test_what_began_before_is_cut_off_at_the_beginning(cola: Product) -> None:
    priced(cola, "2.00", 1)

    assert told(cola, None, since=day(3)) == [(3, None, "2.00")]


def test_a_product_without_a_price_has_no_spans(cola: Product) -> None:
    assert told(cola, None) == []


def test_what_a_price_beats_is_named_the_strongest_first(cola: Product, store: Store) -> None:
    general = priced(cola, "2.00", 1)
    sale = priced(cola, "1.00", 2, 9, temporary=True)
    priced(cola, "2.80", 3, store=store)

    rows = list(Price.objects.filter(product=cola))
    last = spans(rows, since=SINCE)[-1]

    assert (str(last.price and last.price.amount), last.starts_at, last.covered) == ("2.80", day(3), (sale, general))


@pytest.mark.parametrize("seed", range(20))
def test_every_moment_agrees_with_the_pricebook(cola: Product, store: Store, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a test's own dice
    taken: set[tuple[Any, ...]] = set()
    for _ in range(chance.randint(1, 8)):
        first, temporary, own = chance.randint(0, 20), chance.random() < 0.5, chance.random() < 0.5
        if (first, temporary, own) in taken:
            continue
        taken.add((first, temporary, own))
        last = first + chance.randint(1, 8) if temporary or chance.random() < 0.5 else None
        priced(
            cola, f"{chance.randint(1, 999) / 100:.2f}", first, last, temporary=temporary, store=store if own else None
        )
    line = spans(list(Price.objects.filter(product=cola)), since=day(-1))

    for hour in range(-6, 30 * 24, 6):
        at = SINCE + hour * HOUR
        cart = Cart(store.pk, at, at, (CartLine("COLA-1", "SKU", "1", "unit"),))
        expected = read_pricebook(cart, at=at).prices.get("COLA-1")
        wins = next((span.price for span in line if span.holds(at)), None)
        assert str(wins.pk if wins else None) == str(expected.row if expected else None)
        assert price_at(cola, store, at=at) == wins


def test_a_year_back_is_told_and_all_that_is_planned(cola: Product) -> None:
    now = timezone.now()
    PriceFactory(product=cola, starts_at=now - 900 * DAY, ends_at=now - 800 * DAY)
    held = PriceFactory(product=cola, starts_at=now - 800 * DAY)
    planned = PriceFactory(product=cola, starts_at=now + 900 * DAY)

    line = timeline(cola, None, now=now)

    assert [span.price for span in line.spans] == [held, planned]
    assert line.spans[0].starts_at == line.since == now - timedelta(days=366)


def test_too_many_prices_are_not_told_wrongly(cola: Product, monkeypatch: pytest.MonkeyPatch, cashier: Browser) -> None:
    monkeypatch.setattr("pricing.timeline.MOST_PRICES", 2)
    for number in range(3):
        priced(cola, "2.00", number, number + 1)

    line = timeline(cola, None, now=day(3))
    page = cashier.get(PAGE, {"product": "COLA-1"})

    assert (line.spans, line.whole) == ((), False)
    assert "There are too many prices to show them all." in page.content.decode()


# -- the page


def rows(answer: Any) -> list[tuple[str, ...]]:
    return [(row.state, row.price, row.kind, row.where) for row in answer.context["over_time"]["rows"]]


def test_the_page_shows_past_now_and_next_on_the_stores_clock(cashier: Browser, cola: Product, store: Store) -> None:
    now = timezone.now()
    PriceFactory(product=cola, amount=Decimal("2.00"), starts_at=now - 20 * DAY)
    PriceFactory(
        product=cola, store=store, amount=Decimal("1.50"), temporary=True, starts_at=now - DAY, ends_at=now + DAY
    )
    coming = datetime(2099, 7, 1, 4, tzinfo=UTC)  # midnight in New York
    PriceFactory(product=cola, store=store, amount=Decimal("2.75"), starts_at=coming)

    answer = cashier.get(PAGE, {"product": "COLA-1", "store": "ARENA-EAST-12"})

    assert rows(answer) == [
        ("past", "2.00", "Regular", "all stores"),
        ("now", "1.50", "Temporary", "Arena East 12"),
        ("next", "2.00", "Regular", "all stores"),
        ("next", "2.75", "Regular", "Arena East 12"),
    ]
    told = answer.context["over_time"]
    assert (told["zone"], told["rows"][-1].starts, told["rows"][-1].ends) == (
        "New York time",
        "July 1, 2099, midnight",
        "no end",
    )
    assert told["rows"][1].covered == ("2.00 (regular, all stores)",)


def test_the_price_as_of_any_moment_is_a_field(cashier: Browser, cola: Product, store: Store) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"), starts_at=datetime(2020, 1, 1, 5, tzinfo=UTC))

    def answer(at: str) -> Any:
        return cashier.get(PAGE, {"product": "COLA-1", "store": store.pk, "at": at}).context["over_time"]

    assert answer("2020-01-01T00:00")["answer"] == "2.00 (regular price, all stores)"
    assert answer("2020-01-01T00:00")["asked"] == "Jan. 1, 2020, midnight"
    assert answer("2019-12-31T23:59")["answer"] == "no price: a cart with it waits for a repair"
    assert answer("soon")["form"].errors["at"] == ["Write day and time like 2026-03-14 12:00."]
    assert "answer" not in answer("")


def test_weighed_goods_are_priced_by_their_unit(cashier: Browser) -> None:
    nuts = ProductFactory(sku="NUTS", weighed=True)
    PriceFactory(product=nuts, amount=Decimal("8.99"))

    assert rows(cashier.get(PAGE, {"product": "NUTS"})) == [("now", "8.99 / lb", "Regular", "all stores")]


def test_without_a_store_of_its_own_price_only_those_for_all_count(
    cashier: Browser, cola: Product, store: Store
) -> None:
    PriceFactory(product=cola, amount=Decimal("2.00"))
    PriceFactory(product=cola, store=store, amount=Decimal("2.75"))

    assert rows(cashier.get(PAGE, {"product": "COLA-1", "store": "-"}))[-1][1:] == ("2.00", "Regular", "all stores")
    assert rows(cashier.get(PAGE, {"product": "COLA-1"}))[-1][1:] == ("2.75", "Regular", "Arena East 12")


@pytest.mark.parametrize("asked", [{}, {"product": "GONE"}, {"product": "A\x00B"}])
def test_a_product_that_we_do_not_have_is_not_found(cashier: Browser, asked: dict[str, str]) -> None:
    assert cashier.get(PAGE, asked).status_code == 404


def test_a_store_that_we_do_not_have_is_not_guessed(cashier: Browser, cola: Product) -> None:
    told = cashier.get(PAGE, {"product": cola.pk, "store": "NOWHERE"}).context["over_time"]

    assert told["form"].errors["store"] == ["We have no store “NOWHERE”. Choose one."]
    assert "rows" not in told


def test_the_drawing_says_what_the_table_says_and_needs_no_script(
    cashier: Browser, cola: Product, store: Store
) -> None:
    now = timezone.now()
    PriceFactory(product=cola, amount=Decimal("2.00"), starts_at=now - 20 * DAY)
    PriceFactory(
        product=cola, store=store, amount=Decimal("1.50"), temporary=True, starts_at=now - 10 * DAY, ends_at=now
    )

    answer = cashier.get(PAGE, {"product": "COLA-1", "store": store.pk})

    drawing = answer.context["over_time"]["drawing"]
    assert [lane.name for lane in drawing.lanes] == ["Arena East 12, temporary", "All stores, regular"]
    # from 7 days before the first start to 7 days after now: 34 days in all
    sale, general = (lane.bars for lane in drawing.lanes)
    assert [(bar.x, bar.width, bar.text, bar.strong) for bar in sale] == [
        ("50.00%", "29.41%", "", False),
        ("50.00%", "29.41%", "1.50", True),
    ]
    assert [(bar.x, bar.width, bar.text, bar.strong) for bar in general] == [
        ("20.59%", "79.41%", "", False),
        ("20.59%", "29.41%", "2.00", True),
        ("79.41%", "20.59%", "2.00", True),
    ]
    picture = re.search(r"<svg class=\"bo-drawing\".*?</svg>\s*<div", answer.content.decode(), re.DOTALL)
    assert picture
    assert 'role="img"' in picture[0]
    assert "<script" not in picture[0]


# -- on the pages of a product and of a price


@pytest.mark.usefixtures("store")
def test_it_stands_on_the_pages_of_a_product_and_of_a_price(cola: Product) -> None:
    manager = signed_in(ManagerFactory())
    StoreFactory(store_id="ZOO-1", name="Zoo 1")
    price = PriceFactory(product=cola, amount=Decimal("2.00"))
    own = PriceFactory(product=cola, store_id="ZOO-1", amount=Decimal("2.75"))

    of_product = manager.get("/admin/catalog/product/COLA-1/change/")
    of_price = manager.get(f"/admin/pricing/price/{price.pk}/change/")
    of_own = manager.get(f"/admin/pricing/price/{own.pk}/change/")

    assert rows(of_product)[-1][1] == "2.00"
    assert rows(of_price)[-1][1] == "2.00"
    assert rows(of_own)[-1][1:] == ("2.75", "Regular", "Zoo 1")
    for page in (of_product, of_price, of_own):
        assert 'id="over-time"' in page.content.decode()
    assert 'id="over-time"' not in manager.get("/admin/pricing/price/add/").content.decode()
    assert 'id="over-time"' not in manager.get("/admin/catalog/product/add/").content.decode()


def test_the_buttons_open_the_form_filled_in(cola: Product, store: Store) -> None:
    manager = signed_in(ManagerFactory())
    PriceFactory(product=cola, amount=Decimal("2.00"))
    now = timezone.now()
    links = manager.get(PAGE, {"product": "COLA-1", "store": store.pk}).context["over_time"]["add"]

    change = manager.get(links["schedule"]).context["adminform"].form
    sale = manager.get(links["temporary"]).context["adminform"].form

    starts_at, ends_at = change["starts_at"].value(), sale["ends_at"].value()
    tomorrow = now.astimezone(store.zone).date() + DAY
    assert (change["product"].value(), change["store"].value(), change["amount"].value()) == ("COLA-1", "", "2.00")
    assert (starts_at.astimezone(store.zone).date(), starts_at.astimezone(store.zone).hour) == (tomorrow, 0)
    assert (sale["product"].value(), sale["store"].value(), sale["temporary"].value()) == ("COLA-1", store.pk, "on")
    assert sale["starts_at"].value() is None
    assert ends_at.astimezone(store.zone).date() == tomorrow + 7 * DAY


def test_a_change_is_scheduled_where_the_regular_price_of_today_holds(cola: Product, store: Store) -> None:
    manager = signed_in(ManagerFactory())
    PriceFactory(product=cola, amount=Decimal("2.00"))
    PriceFactory(product=cola, store=store, amount=Decimal("2.75"))
    links = manager.get(PAGE, {"product": "COLA-1", "store": store.pk}).context["over_time"]["add"]

    form = manager.get(links["schedule"]).context["adminform"].form
    answer = manager.submit(links["schedule"], "price_form", amount="3.00")

    assert (form["store"].value(), form["amount"].value()) == (store.pk, "2.75")
    assert answer.status_code == 302
    planned = Price.objects.get(starts_at__gt=timezone.now())
    assert (planned.store_id, planned.amount, planned.temporary) == (store.pk, Decimal("3.00"), False)


@pytest.mark.parametrize("moment", ["soon", "2026-01-01", "2026-01-01T00:00", "9" * 50])
def test_a_link_with_a_moment_that_is_not_clear_leaves_it_empty(moment: str) -> None:
    page = signed_in(ManagerFactory()).get("/admin/pricing/price/add/", {"starts_at": moment, "ends_at": moment})

    form = page.context["adminform"].form
    assert (form["starts_at"].value(), form["ends_at"].value()) == (None, None)


# -- who may, and what it costs


@pytest.mark.parametrize(
    ("person", "status"), [(ManagerFactory, 200), (CashierFactory, 200), (UserFactory, 403), (StrangerFactory, 302)]
)
def test_whoever_may_view_prices_sees_it(cola: Product, person: Any, status: int) -> None:
    assert signed_in(person()).get(PAGE, {"product": cola.pk}).status_code == status


def test_only_who_may_add_prices_gets_the_buttons(cashier: Browser, cola: Product) -> None:
    theirs = cashier.get(PAGE, {"product": cola.pk}).content.decode()
    managers = signed_in(ManagerFactory()).get(PAGE, {"product": cola.pk}).content.decode()

    assert ("Schedule a change" in theirs, "Temporary price" in theirs) == (False, False)
    assert ("Schedule a change" in managers, "Temporary price" in managers) == (True, True)


@pytest.mark.parametrize(
    "page", [PAGE + "?product=COLA-1&at=2026-02-01T12:00", "/admin/catalog/product/COLA-1/change/"]
)
def test_the_number_of_queries_does_not_grow_with_the_prices(
    cashier: Browser, cola: Product, store: Store, page: str, django_assert_num_queries: Any
) -> None:
    priced(cola, "2.00", 0, 1)
    priced(cola, "2.00", 0, 1, store=store)
    cashier.get(page)
    with CaptureQueriesContext(connection) as few:
        cashier.get(page)
    for number in range(1, 9):
        priced(cola, "2.00", number, number + 1)
        priced(cola, "2.00", number, number + 1, store=store)

    with django_assert_num_queries(len(few)):
        answer = cashier.get(page)

    assert len(answer.context["over_time"]["rows"]) == 10
