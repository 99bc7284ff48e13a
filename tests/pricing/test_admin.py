"""Prices, promotions, taxes and fees in the admin: what is in force is ended and succeeded, never edited."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pricing.models import Fee, Price, Promotion, PromotionKind, TaxCategory, TaxHoliday, TaxRule
from tests.factories import (
    LONG_AGO,
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    StrangerFactory,
    TaxCategoryFactory,
    TaxHolidayFactory,
    TaxRuleFactory,
    faults,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
PROMOTIONS = "/admin/pricing/promotion/"
RULES = "/admin/pricing/taxrule/"
FEES = "/admin/pricing/fee/"
HOLIDAYS = "/admin/pricing/taxholiday/"
CATEGORIES = "/admin/pricing/taxcategory/"

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


def at(moment: datetime, field: str = "starts_at") -> dict[str, str]:
    """The moment as the two fields of a form, on the admin's clock."""
    return {f"{field}_0": f"{moment:%Y-%m-%d}", f"{field}_1": f"{moment:%H:%M:%S}"}


def found(browser: Browser, url: str, query: str) -> list[Any]:
    return [row.pk for row in browser.get(url + query).context["cl"].result_list]


def whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


# -- adding


def test_a_price_that_names_no_start_holds_from_now_on(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")
    before = timezone.now()

    answer = manager.submit(f"{PRICES}add/", "price_form", product="COLA-1", amount="2.49")

    price = Price.objects.get()
    assert (answer.status_code, answer.url) == (302, PRICES)
    assert (price.product_id, price.store_id, price.amount, price.temporary) == ("COLA-1", None, Decimal("2.49"), False)
    assert before <= price.starts_at <= timezone.now()
    assert price.ends_at is None


def test_the_form_for_a_price_is_filled_in_from_the_product_page(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")

    page = manager.get(f"{PRICES}add/?product=COLA-1")

    assert page.context["adminform"].form["product"].value() == "COLA-1"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"amount": "-1"}, ("amount", "Ensure this value is greater than or equal to 0.")),
        ({"amount": "2.499"}, ("amount", "Ensure that there are no more than 2 decimal places.")),
        ({"temporary": "on"}, ("ends_at", "A temporary price needs an end.")),
        (at(LONG_AGO, "ends_at"), ("ends_at", "The end must be later than the start.")),
        ({"starts_at_0": "2026-03-01", "starts_at_1": ""}, ("starts_at", "Enter a valid time.")),
    ],
)
def test_a_price_form_says_what_is_wrong(manager: Browser, changes: dict[str, str], fault: tuple[str, str]) -> None:
    ProductFactory(sku="COLA-1")

    answer = manager.submit(f"{PRICES}add/", "price_form", **{"product": "COLA-1", "amount": "2.49", **changes})

    assert faults(answer) == {fault[0]: [fault[1]]}
    assert not Price.objects.exists()


def test_a_price_demands_a_reason_which_the_history_keeps(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")
    start = whole_seconds(timezone.now()) - 3 * HOUR
    entered = {"product": "COLA-1", "amount": "2.49", **at(start)}

    without = manager.submit(f"{PRICES}add/", "price_form", **entered, reason="")
    assert faults(without) == {"reason": ["Say why."]}
    assert not Price.objects.exists()

    manager.submit(f"{PRICES}add/", "price_form", **entered, reason="Forgotten at the opening.")
    price = Price.objects.get()
    assert price.starts_at == start
    assert price.history.get().history_change_reason == "Forgotten at the opening."


def test_nothing_is_back_dated_to_where_something_was_in_force(manager: Browser) -> None:
    PriceFactory(product=ProductFactory(sku="COLA-1"))

    answer = manager.submit(
        f"{PRICES}add/",
        "price_form",
        product="COLA-1",
        amount="4.19",
        reason="Cheaper yesterday.",
        **at(timezone.now() - DAY),
    )

    assert faults(answer) == {
        "starts_at": ["Something was in force already at that time, and that stays. Start it now or later."]
    }
    assert Price.objects.count() == 1


# -- changing what is in force


def test_a_new_price_ends_the_old_one_and_holds_from_now_on(manager: Browser) -> None:
    old = PriceFactory(amount=Decimal("2.49"))
    before = timezone.now()

    answer = manager.submit(f"{PRICES}{old.pk}/change/", "price_form", amount="2.99", reason="The maker asks more.")

    held = Price.objects.exclude(pk=old.pk).get()
    old.refresh_from_db()
    assert said(answer) == [f"{held.product} in all stores: 2.99 instead of 2.49, from now on."]
    assert (answer.status_code, answer.url) == (302, PRICES)
    assert (old.amount, old.starts_at, old.ends_at) == (Decimal("2.49"), LONG_AGO, held.starts_at)
    assert (held.amount, held.product_id, held.ends_at) == (Decimal("2.99"), old.product_id, None)
    assert before <= held.starts_at <= timezone.now()
    assert old.history.first().history_change_reason == "The maker asks more."
    assert held.history.get().history_change_reason == "The maker asks more."


def test_going_on_editing_leads_to_the_price_that_holds(manager: Browser) -> None:
    old = PriceFactory()

    answer = manager.submit(f"{PRICES}{old.pk}/change/", "price_form", amount="2.99", _continue="yes")

    held = Price.objects.exclude(pk=old.pk).get()
    assert answer.url == f"{PRICES}{held.pk}/change/"


TICK = "The large change is meant"


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ("1.79", "179", "would go from 1.79 to 179.00"),
        ("1.79", "0", "would go from 1.79 to 0.00"),
        ("0", "1.79", "would go from 0.00 to 1.79"),
    ],
)
def test_a_large_change_is_saved_once_it_is_said_to_be_meant(
    manager: Browser, before: str, after: str, step: str
) -> None:
    price = PriceFactory(amount=Decimal(before))
    form = f"{PRICES}{price.pk}/change/"

    asked = manager.submit(form, "price_form", amount=after)

    assert faults(asked) == {"large": [f"The price {step}. Tick this if that is meant."]}
    assert TICK in text_of(asked)
    assert asked.context["adminform"].form["large"].value() is False
    assert Price.objects.get().amount == Decimal(before)
    assert TICK not in text_of(manager.get(form))

    manager.submit(form, "price_form", amount=after, large="on")

    assert Price.objects.exclude(pk=price.pk).get().amount == Decimal(after)


def test_the_tick_stays_on_the_page_while_something_else_is_wrong(manager: Browser) -> None:
    price = PriceFactory(amount=Decimal("1.79"))

    answer = manager.submit(
        f"{PRICES}{price.pk}/change/", "price_form", amount="179", large="on", **at(LONG_AGO, "ends_at")
    )

    assert list(faults(answer)) == ["ends_at"]
    assert TICK in text_of(answer)
    assert answer.context["adminform"].form["large"].value() is True


def test_a_free_product_gets_a_new_end_without_being_asked(manager: Browser) -> None:
    price = PriceFactory(amount=Decimal(0))

    manager.submit(f"{PRICES}{price.pk}/change/", "price_form", **at(timezone.now() + DAY, "ends_at"))

    assert Price.objects.get().ends_at is not None


def test_a_new_price_is_compared_with_the_regular_one_that_holds_there_then(manager: Browser) -> None:
    cola = ProductFactory(sku="COLA-1")
    east, west = StoreFactory(), StoreFactory()
    PriceFactory(product=cola, amount=Decimal("1.79"))
    PriceFactory(product=cola, store=east, amount=Decimal("150.00"))
    PriceFactory(product=cola, amount=Decimal("0.50"), temporary=True, ends_at=timezone.now() + DAY)
    entered = {"product": "COLA-1", "amount": "179", **at(timezone.now() + HOUR)}

    def add(**changes: Any) -> Any:
        return manager.submit(f"{PRICES}add/", "price_form", **{**entered, **changes})

    asked = {"large": ["The price would go from 1.79 to 179.00. Tick this if that is meant."]}
    assert faults(add()) == asked
    assert faults(add(store=west.pk)) == asked
    assert add(store=east.pk).status_code == 302
    assert add(amount="1.99").status_code == 302
    assert add(store=west.pk, large="on").status_code == 302


def test_a_first_price_is_asked_about_only_if_it_is_nothing(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")

    free = manager.submit(f"{PRICES}add/", "price_form", product="COLA-1", amount="0")

    assert faults(free) == {"large": ["The price would be 0.00. Tick this if that is meant."]}
    assert manager.submit(f"{PRICES}add/", "price_form", product="COLA-1", amount="179").status_code == 302


def test_saving_without_a_change_keeps_the_row(manager: Browser) -> None:
    price = PriceFactory()

    manager.submit(f"{PRICES}{price.pk}/change/", "price_form")

    assert Price.objects.get() == price
    assert Price.objects.get().ends_at is None


def test_a_new_end_alone_is_written_onto_the_row(manager: Browser) -> None:
    price = PriceFactory()
    end = whole_seconds(timezone.now()) + DAY

    manager.submit(f"{PRICES}{price.pk}/change/", "price_form", **at(end, "ends_at"))

    assert Price.objects.get().pk == price.pk
    assert Price.objects.get().ends_at == end


def test_the_end_of_what_is_in_force_lies_ahead(manager: Browser) -> None:
    price = PriceFactory()

    answer = manager.submit(f"{PRICES}{price.pk}/change/", "price_form", **at(timezone.now() - HOUR, "ends_at"))

    assert faults(answer) == {"ends_at": ["The end must be later than now. To end it at once, use “End now”."]}
    assert Price.objects.get().ends_at is None


def test_a_temporary_price_in_force_keeps_an_end(manager: Browser) -> None:
    end = timezone.now() + DAY
    price = PriceFactory(temporary=True, ends_at=end)

    answer = manager.submit(f"{PRICES}{price.pk}/change/", "price_form", ends_at_0="", ends_at_1="")

    assert faults(answer) == {"ends_at": ["A temporary price needs an end."]}
    assert Price.objects.get().ends_at == end


def test_product_store_kind_and_start_of_a_price_in_force_are_fixed(manager: Browser) -> None:
    price = PriceFactory(store=StoreFactory())
    other, elsewhere = ProductFactory(), StoreFactory()

    manager.submit(
        f"{PRICES}{price.pk}/change/",
        "price_form",
        product=other.pk,
        store=elsewhere.pk,
        temporary="on",
        **at(timezone.now() + DAY),
    )

    stored = Price.objects.get()
    assert (stored.pk, stored.product, stored.store) == (price.pk, price.product, price.store)
    assert (stored.temporary, stored.starts_at) == (False, LONG_AGO)


def test_what_is_yet_to_start_is_changed_in_place_and_not_into_the_past(manager: Browser) -> None:
    start = whole_seconds(timezone.now()) + DAY
    price = PriceFactory(starts_at=start)
    url = f"{PRICES}{price.pk}/change/"

    manager.submit(url, "price_form", amount="5.00", **at(start + HOUR))
    stored = Price.objects.get()
    assert (stored.pk, stored.amount, stored.starts_at) == (price.pk, Decimal("5.00"), start + HOUR)

    answer = manager.submit(url, "price_form", reason="x", **at(timezone.now() - HOUR))
    assert faults(answer) == {
        "starts_at": ["What is yet to start cannot be moved into the past. Leave empty to start now."]
    }
    assert Price.objects.get().starts_at == start + HOUR


def test_what_is_over_is_for_reading(manager: Browser) -> None:
    price = PriceFactory(ends_at=timezone.now() - DAY)
    url = f"{PRICES}{price.pk}/change/"

    page = manager.get(url)
    answer = manager.post(url, {"amount": "1.00"})

    assert 'name="_save"' not in page.content.decode()
    assert page.context["page_buttons"] == []
    assert said(answer) == ["This has ended meanwhile, and what was in force stays as it was."]
    assert Price.objects.get().amount == Decimal("4.25")


def test_a_price_that_ends_while_its_form_is_open_stays_as_it_was(manager: Browser) -> None:
    price = PriceFactory()
    url = f"{PRICES}{price.pk}/change/"
    manager.submit(url, "price_form", amount="2.99")

    again = manager.post(url, {"amount": "3.99", "ends_at_0": "", "ends_at_1": ""})

    assert "This has ended meanwhile, and what was in force stays as it was." in said(again)
    assert sorted(Price.objects.values_list("amount", flat=True)) == [Decimal("2.99"), Decimal("4.25")]


# -- ending


def test_ending_asks_first_and_keeps_the_reason(manager: Browser) -> None:
    price = PriceFactory()
    press = f"{PRICES}{price.pk}/press/end_now/"
    before = timezone.now()

    asked = manager.post(press)
    assert asked.context["shown"] == [str(price)]
    assert Price.objects.get().ends_at is None

    answer = manager.post(press, {"confirmed": "yes", "reason": "Sold out."})
    price.refresh_from_db()
    assert said(answer) == ["1 entry ended."]
    assert answer.url == f"{PRICES}{price.pk}/change/"
    assert price.ends_at is not None
    assert before <= price.ends_at <= timezone.now()
    assert price.history.first().history_change_reason == "Sold out."


def test_ending_from_the_list_takes_away_what_is_yet_to_start_and_skips_what_is_over(manager: Browser) -> None:
    held, coming = PriceFactory(), PriceFactory(starts_at=timezone.now() + DAY)
    over = PriceFactory(ends_at=timezone.now() - DAY)
    chosen = {"action": "end_now", "_selected_action": [held.pk, coming.pk, over.pk]}

    answer = manager.post(PRICES, {**chosen, "confirmed": "yes", "reason": "Closing down."})

    assert said(answer) == ["2 entries ended."]
    assert set(Price.objects.values_list("pk", flat=True)) == {held.pk, over.pk}
    assert Price.objects.get(pk=over.pk).ends_at == over.ends_at
    assert not Price.objects.filter(ends_at__isnull=True).exists()


def test_the_button_on_the_page_of_what_is_taken_away_leads_to_the_list(manager: Browser) -> None:
    coming = PriceFactory(starts_at=timezone.now() + DAY)

    answer = manager.post(f"{PRICES}{coming.pk}/press/end_now/", {"confirmed": "yes", "reason": "Changed our minds."})

    assert answer.url == PRICES
    assert not Price.objects.exists()


def test_ending_what_has_ended_says_so(manager: Browser) -> None:
    over = PriceFactory(ends_at=timezone.now() - DAY)

    answer = manager.post(PRICES, {"action": "end_now", "_selected_action": [over.pk]})

    assert said(answer) == ["What you chose has ended already."]


# -- who may


ALL_LISTS = [PRICES, PROMOTIONS, RULES, CATEGORIES, HOLIDAYS, FEES]


@pytest.mark.parametrize("url", ALL_LISTS)
def test_a_manager_opens_every_list_and_every_form(manager: Browser, url: str) -> None:
    assert manager.get(url).status_code == 200
    assert manager.get(f"{url}add/").status_code == 200


@pytest.mark.parametrize("url", ALL_LISTS)
def test_a_stranger_is_sent_to_sign_in(url: str) -> None:
    answer = signed_in(StrangerFactory()).get(url)

    assert (answer.status_code, answer.url) == (302, f"/admin/login/?next={url}")


@pytest.mark.parametrize(
    ("url", "status"), [(PRICES, 200), (PROMOTIONS, 200), (RULES, 403), (CATEGORIES, 403), (HOLIDAYS, 403), (FEES, 403)]
)
def test_staff_look_at_prices_and_promotions_only(url: str, status: int) -> None:
    assert signed_in(CashierFactory()).get(url).status_code == status


def test_staff_change_no_price() -> None:
    price = PriceFactory()
    browser = signed_in(CashierFactory())
    confirmed = {"confirmed": "yes", "reason": "x"}

    page = browser.get(f"{PRICES}{price.pk}/change/")
    answers = [
        browser.get(f"{PRICES}add/"),
        browser.post(f"{PRICES}{price.pk}/change/", {"amount": "1.00"}),
        browser.post(f"{PRICES}{price.pk}/press/end_now/", confirmed),
        browser.post(f"{PROMOTIONS}words/", {}),
    ]
    from_list = browser.post(PRICES, {"action": "end_now", "_selected_action": [price.pk], **confirmed})

    assert page.status_code == 200
    assert "/press/" not in page.content.decode()
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403]
    assert said(from_list) == []
    price.refresh_from_db()
    assert (price.amount, price.ends_at) == (Decimal("4.25"), None)


@pytest.mark.parametrize(
    ("url", "factory"),
    [
        (PRICES, PriceFactory),
        (PROMOTIONS, PromotionFactory),
        (RULES, TaxRuleFactory),
        (CATEGORIES, TaxCategoryFactory),
        (HOLIDAYS, TaxHolidayFactory),
        (FEES, FeeFactory),
    ],
)
def test_nothing_is_deleted_even_by_the_owner(url: str, factory: Any) -> None:
    row = factory()

    answer = signed_in(OwnerFactory()).post(f"{url}{row.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


# -- lists


def some_rows(url: str) -> None:
    stores, categories = [StoreFactory(), StoreFactory()], [TaxCategoryFactory()]
    match url:
        case "/admin/pricing/price/":
            PriceFactory(store=stores[0])
        case "/admin/pricing/promotion/":
            PromotionFactory(stores=stores)
        case "/admin/pricing/taxrule/":
            TaxRuleFactory(stores=stores, tax_categories=categories)
        case "/admin/pricing/taxholiday/":
            TaxHolidayFactory(stores=stores, tax_categories=categories)
        case "/admin/pricing/fee/":
            FeeFactory(stores=stores, products=[ProductFactory()])


@pytest.mark.parametrize("url", ALL_LISTS)
def test_a_list_costs_the_same_whatever_its_length(manager: Browser, url: str, django_assert_num_queries: Any) -> None:
    some_rows(url)
    manager.get(url)
    with CaptureQueriesContext(connection) as few:
        manager.get(url)

    for _ in range(6):
        some_rows(url)
    with django_assert_num_queries(len(few)):
        page = manager.get(url)
    assert page.context["cl"].result_count == 7


def test_a_list_of_prices_that_is_sorted_the_other_way_is_the_same_list_backwards(manager: Browser) -> None:
    now = timezone.now()
    PriceFactory.create_batch(3, amount="2.49", starts_at=now - DAY)
    PriceFactory(amount="1.99", starts_at=now - 2 * DAY)
    columns = list(manager.get(PRICES).context["cl"].list_display)

    for name in ("product", "price", "starts", "ends"):
        place = columns.index(name)
        rising = found(manager, PRICES, f"?o={place}")
        assert found(manager, PRICES, f"?o=-{place}") == rising[::-1]
        assert len(rising) == 4


def test_a_filtered_list_counts_what_it_shows_alone(manager: Browser) -> None:
    PriceFactory.create_batch(2)
    PriceFactory(store=StoreFactory())

    with CaptureQueriesContext(connection) as queries:
        page = manager.get(f"{PRICES}?own=yes")
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]

    assert len(counts) == 1
    assert "LIMIT 10001" in counts[0]
    assert "1 result ( show all )" in text_of(page)


def test_prices_are_filtered_by_time_and_store(manager: Browser) -> None:
    now, store, other = timezone.now(), StoreFactory(), StoreFactory()
    held = PriceFactory()
    own = PriceFactory(store=store)
    coming = PriceFactory(starts_at=now + DAY)
    over = PriceFactory(ends_at=now - DAY)

    assert set(found(manager, PRICES, "?when=now")) == {held.pk, own.pk}
    assert found(manager, PRICES, "?when=coming") == [coming.pk]
    assert found(manager, PRICES, "?when=over") == [over.pk]
    assert found(manager, PRICES, f"?store={other.pk}&when=now") == [held.pk]
    assert set(found(manager, PRICES, f"?store={store.pk}&when=now")) == {held.pk, own.pk}
    assert set(found(manager, PRICES, "?store=-")) == {held.pk, coming.pk, over.pk}
    assert found(manager, PRICES, f"?store={store.pk}&own=yes") == [own.pk]
    assert set(found(manager, PRICES, "?own=no")) == {held.pk, coming.pk, over.pk}


def test_promotions_are_filtered_by_kind_and_by_the_store_they_hold_in(manager: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    everywhere = PromotionFactory(code="A")
    eastern = PromotionFactory(code="B", stores=[east], kind=PromotionKind.FIXED_PRICE, percent=None, amount=Decimal(1))

    assert found(manager, PROMOTIONS, f"?store={east.pk}") == [everywhere.pk, eastern.pk]
    assert found(manager, PROMOTIONS, f"?store={west.pk}") == [everywhere.pk]
    assert found(manager, PROMOTIONS, "?kind__exact=FIXED_PRICE") == [eastern.pk]


@pytest.mark.parametrize(
    ("text", "finds"),
    [("COLA", True), ("cola-5", True), ("500 cola", True), ("ample", False), ("OLA-500", False), ("COLA-500", True)],
)
def test_prices_are_found_by_what_their_product_is_called(manager: Browser, text: str, *, finds: bool) -> None:
    price = PriceFactory(product=ProductFactory(sku="COLA-500", name="Example Cola 500 ml"))

    assert found(manager, PRICES, f"?q={text}") == ([price.pk] if finds else [])


# -- promotions

TEN_OFF = {
    "code": "COLA-10",
    "name": "10 % off cola",
    "receipt_text": "Cola 10% off",
    "kind": "PERCENT_OFF",
    "percent": "10",
    "targets_skus": ["COLA-1"],
}


@pytest.fixture
def goods() -> None:
    ProductFactory(sku="COLA-1")
    ProductFactory(sku="WATER-1", subcategory="Water")
    ProductFactory(sku="NUTS-1", category="Snacks", subcategory="")


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        ({"targets_skus": ["WATER-1", "COLA-1"]}, {"skus": ["COLA-1", "WATER-1"]}),
        (
            {"targets_skus": [], "targets_categories": ["Snacks", "Drinks > Water"]},
            {"categories": ["Drinks > Water", "Snacks"]},
        ),
        ({"targets_skus": [], "targets_everything": "on"}, {"all": True}),
        (
            {"targets_skus": [], "targets_categories": ["Drinks"], "targets_except_skus": ["WATER-1"]},
            {"categories": ["Drinks"], "except_skus": ["WATER-1"]},
        ),
        (
            {"targets_skus": [], "targets_everything": "on", "targets_except_skus": ["NUTS-1"]},
            {"all": True, "except_skus": ["NUTS-1"]},
        ),
    ],
)
def test_targets_are_chosen_by_people_and_kept_as_in_the_store_file(
    manager: Browser, entered: dict[str, Any], stored: dict[str, Any]
) -> None:
    manager.submit(f"{PROMOTIONS}add/", "promotion_form", **{**TEN_OFF, **entered})

    promotion = Promotion.objects.get()
    assert promotion.targets == stored
    assert (promotion.get_targets, promotion.components, promotion.weekdays) == (None, None, [])
    assert (promotion.percent, promotion.all_stores, promotion.priority) == (Decimal(10), True, 0)


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("entered", "fault"),
    [
        ({"targets_skus": []}, ("targets", "Choose the products. If you mean everything, say so.")),
        (
            {"targets_everything": "on"},
            ("targets", "Choose either everything, or single products and categories."),
        ),
        (
            {"targets_skus": [], "targets_except_skus": ["WATER-1"]},
            ("targets", "Choose the products first; then those that are not meant."),
        ),
        ({"targets_skus": ["NOTHING-1"]}, ("targets", "We have no product with the SKU “NOTHING-1”.")),
        (
            {"targets_categories": ["Toys"]},
            ("targets", "Select a valid choice. Toys is not one of the available choices."),
        ),
        ({"percent": ""}, ("percent", "Say how many percent.")),
        ({"percent": "0"}, ("__all__", "A percentage is above 0 and at most 100.")),
        ({"percent": "101"}, ("percent", "Ensure this value is less than or equal to 100.")),
        ({"kind": "AMOUNT_OFF"}, ("amount", "Say the amount.")),
        ({"kind": ""}, ("kind", "This field is required.")),
        ({"from_time": "16:00"}, ("__all__", "Give both times of day, and not the same one, or neither.")),
        (
            {"from_time": "16:00", "until_time": "16:00"},
            ("__all__", "Give both times of day, and not the same one, or neither."),
        ),
        ({"all_stores": []}, ("stores", "Choose at least one store, or say that it holds in all stores.")),
    ],
)
def test_a_promotion_form_says_what_is_wrong(manager: Browser, entered: dict[str, Any], fault: tuple[str, str]) -> None:
    answer = manager.submit(f"{PROMOTIONS}add/", "promotion_form", **{**TEN_OFF, **entered})

    assert faults(answer) == {fault[0]: [fault[1]]}
    assert not Promotion.objects.exists()


@pytest.mark.usefixtures("goods")
def test_what_the_kind_does_not_need_is_forgotten(manager: Browser) -> None:
    left_over = {"amount": "3.00", "buy": "nonsense", "threshold": "-1", "components_0_targets_everything": "on"}

    manager.submit(f"{PROMOTIONS}add/", "promotion_form", **{**TEN_OFF, **left_over})

    promotion = Promotion.objects.get()
    assert (promotion.amount, promotion.buy, promotion.threshold, promotion.components) == (None, None, None, None)


@pytest.mark.usefixtures("goods")
def test_days_and_hours_are_kept_in_the_order_of_the_week(manager: Browser) -> None:
    hours = {"weekdays": ["TUE", "MON"], "from_time": "22:00", "until_time": "02:00"}

    manager.submit(f"{PROMOTIONS}add/", "promotion_form", **{**TEN_OFF, **hours})

    promotion = Promotion.objects.get()
    assert promotion.weekdays == ["MON", "TUE"]
    assert (promotion.from_time, promotion.until_time) == (time(22), time(2))


@pytest.mark.usefixtures("goods")
def test_only_a_store_itself_pays_where_prices_include_tax(manager: Browser) -> None:
    gross = StoreFactory(name="Paris 1", prices_include_tax=True)
    net = StoreFactory()
    url, paid = f"{PROMOTIONS}add/", {**TEN_OFF, "funding": "VENDOR"}

    everywhere = manager.submit(url, "promotion_form", **paid)
    there = manager.submit(url, "promotion_form", **paid, all_stores=[], stores=[gross.pk])
    elsewhere = manager.submit(url, "promotion_form", **paid, all_stores=[], stores=[net.pk])

    fault = {"funding": ["Prices include tax in Paris 1; only the store itself can pay there."]}
    assert (faults(everywhere), faults(there)) == (fault, fault)
    assert elsewhere.status_code == 302
    assert list(Promotion.objects.get().stores.all()) == [net]


def test_a_store_whose_promotions_a_vendor_pays_is_not_switched_to_prices_with_tax(manager: Browser) -> None:
    store = StoreFactory()
    PromotionFactory(code="MAKER", funding="VENDOR", stores=[store])
    page = f"/admin/catalog/store/{store.pk}/change/"

    refused = manager.submit(page, "store_form", prices_include_tax="on")
    Promotion.objects.get().end(now=timezone.now())
    taken = manager.submit(page, "store_form", prices_include_tax="on")

    assert faults(refused) == {
        "prices_include_tax": [
            (
                "A vendor pays for promotions of this store (MAKER), which does not go with prices that include tax. "
                "End them first."
            )
        ]
    }
    assert taken.status_code == 302
    store.refresh_from_db()
    assert store.prices_include_tax


@pytest.mark.usefixtures("goods")
def test_a_code_has_one_version_at_a_time(manager: Browser) -> None:
    PromotionFactory(code="COLA-10")

    answer = manager.submit(f"{PROMOTIONS}add/", "promotion_form", **TEN_OFF)

    assert faults(answer)["code"] == ["“COLA-10” has a version in force in that time. End that one first, or edit it."]
    assert Promotion.objects.count() == 1


def test_every_kind_can_be_chosen(manager: Browser) -> None:
    choices = manager.get(f"{PROMOTIONS}add/").context["adminform"].form.fields["kind"].choices
    assert [value for value, _ in choices if value] == PromotionKind.values


@pytest.mark.usefixtures("goods")
def test_editing_a_promotion_in_force_succeeds_it_with_its_stores_and_products(manager: Browser) -> None:
    store = StoreFactory()
    old = PromotionFactory(code="SALE", stores=[store], targets={"skus": ["WATER-1", "COLA-1"]})

    answer = manager.submit(f"{PROMOTIONS}{old.pk}/change/", "promotion_form", percent="20", reason="More.")

    old.refresh_from_db()
    held = Promotion.objects.exclude(pk=old.pk).get()
    assert said(answer) == ["The old promotion ended now and the new one holds from now on."]
    assert (old.percent, old.ends_at, list(old.stores.all())) == (Decimal(10), held.starts_at, [store])
    assert (held.code, held.percent, held.ends_at, list(held.stores.all())) == ("SALE", Decimal(20), None, [store])
    assert held.targets == {"skus": ["WATER-1", "COLA-1"]}
    assert sorted(row.key for row in held.target_rows.all()) == ["sku:COLA-1", "sku:WATER-1"]


@pytest.mark.usefixtures("goods")
def test_other_stores_alone_succeed_a_promotion_too(manager: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    old = PromotionFactory(stores=[east])

    manager.submit(f"{PROMOTIONS}{old.pk}/change/", "promotion_form", stores=[west.pk])

    held = Promotion.objects.exclude(pk=old.pk).get()
    assert (list(old.stores.all()), list(held.stores.all())) == ([east], [west])


@pytest.mark.usefixtures("goods")
def test_saving_a_promotion_without_a_change_keeps_the_row_whatever_the_order_of_its_products(manager: Browser) -> None:
    targets = {"skus": ["WATER-1", "COLA-1"], "categories": ["Snacks"]}
    promotion = PromotionFactory(targets=targets, weekdays=["TUE", "MON"])

    manager.submit(f"{PROMOTIONS}{promotion.pk}/change/", "promotion_form")

    assert Promotion.objects.get() == promotion
    assert Promotion.objects.get().targets == targets


@pytest.mark.usefixtures("goods")
def test_a_category_that_no_product_has_any_more_is_not_lost(manager: Browser) -> None:
    promotion = PromotionFactory(targets={"categories": ["Toys", "Snacks"]})

    manager.submit(f"{PROMOTIONS}{promotion.pk}/change/", "promotion_form")

    assert Promotion.objects.get().targets == {"categories": ["Toys", "Snacks"]}


COMPONENTS = [
    {"targets": {"categories": ["Snacks"]}, "count": 1},
    {"targets": {"skus": ["COLA-1"], "categories": ["Drinks > Water"]}, "count": 2},
]


@pytest.mark.usefixtures("goods")
def test_the_parts_of_a_set_are_edited_on_its_page(manager: Browser) -> None:
    meal = PromotionFactory(
        kind=PromotionKind.BUNDLE, percent=None, targets=None, amount=Decimal(9), components=COMPONENTS
    )
    url = f"{PROMOTIONS}{meal.pk}/change/"

    manager.submit(url, "promotion_form")
    assert Promotion.objects.get().components == COMPONENTS

    third = {"components_2_count": "3", "components_2_targets_skus": ["WATER-1"]}
    manager.submit(url, "promotion_form", **third)
    held = Promotion.objects.get(ends_at__isnull=True)
    assert held.components == [*COMPONENTS, {"targets": {"skus": ["WATER-1"]}, "count": 3}]


@pytest.mark.usefixtures("goods")
def test_the_form_says_in_words_what_the_promotion_will_do(manager: Browser) -> None:
    words = f"{PROMOTIONS}words/"
    nothing_yet = "Choose a kind and fill in what it needs; what the promotion does is then said here."
    nuts = {"kind": "PERCENT_OFF", "percent": "10", "targets_categories": ["Snacks"], "all_stores": "on"}

    assert manager.post(words, {}).json()["words"] == nothing_yet
    assert manager.post(words, {"kind": "PERCENT_OFF", "percent": "10"}).json()["words"] == nothing_yet
    assert manager.get(words).status_code == 403
    ready = manager.post(words, nuts).json()
    assert (ready["words"], ready["counts"]["targets"]) == ("10 % off snacks, in all stores.", "1 product")


# -- taxes and fees


def test_a_rate_is_entered_in_percent_and_kept_exactly(manager: Browser) -> None:
    TaxCategoryFactory(code="SOFT")
    entered = {"code": "NY", "jurisdiction": "New York", "rate": "8.875", "tax_categories": ["SOFT"]}

    manager.submit(f"{RULES}add/", "taxrule_form", **entered)

    rule = TaxRule.objects.get()
    assert rule.rate == Decimal("0.08875")
    page = manager.get(f"{RULES}{rule.pk}/change/")
    assert page.context["adminform"].form["rate"].value() == Decimal("8.875")


@pytest.mark.parametrize(
    ("rate", "fault"),
    [
        ("100", "A rate is below 100 percent."),
        ("-1", "A rate is not below zero."),
        ("1.1234567", "Ensure that there are no more than 6 decimal places."),
    ],
)
def test_a_rate_that_is_none_is_refused(manager: Browser, rate: str, fault: str) -> None:
    TaxCategoryFactory(code="SOFT")
    entered = {"code": "NY", "jurisdiction": "New York", "rate": rate, "tax_categories": ["SOFT"]}

    assert faults(manager.submit(f"{RULES}add/", "taxrule_form", **entered)) == {"rate": [fault]}
    assert not TaxRule.objects.exists()


def test_a_new_rate_succeeds_the_rule_with_its_tax_categories(manager: Browser) -> None:
    soft = TaxCategoryFactory(code="SOFT")
    old = TaxRuleFactory(code="NY", tax_categories=[soft])

    answer = manager.submit(f"{RULES}{old.pk}/change/", "taxrule_form", rate="5", reason="The law changed.")

    old.refresh_from_db()
    held = TaxRule.objects.exclude(pk=old.pk).get()
    assert said(answer) == ["The old tax rule ended now and the new one holds from now on."]
    assert (old.rate, old.ends_at) == (Decimal("0.04"), held.starts_at)
    assert (held.rate, list(held.tax_categories.all())) == (Decimal("0.05"), [soft])
    assert list(old.tax_categories.all()) == [soft]
    assert {row.history_change_reason for row in held.history.all()} == {"The law changed."}


def test_saving_a_rule_without_a_change_keeps_the_row(manager: Browser) -> None:
    rule = TaxRuleFactory(rate=Decimal("0.04875"), tax_categories=[TaxCategoryFactory()])

    manager.submit(f"{RULES}{rule.pk}/change/", "taxrule_form")

    assert TaxRule.objects.get() == rule


def test_a_fee_is_for_goods_sold_by_the_piece(manager: Browser) -> None:
    ProductFactory(sku="COLA-1")
    ProductFactory(sku="NUTS", weighed=True)
    entered = {"code": "DEPOSIT", "description": "Bottle deposit", "amount": "0.05"}

    refused = manager.submit(f"{FEES}add/", "fee_form", **entered, products=["COLA-1", "NUTS"])
    manager.submit(f"{FEES}add/", "fee_form", **entered, products=["COLA-1"])

    assert faults(refused) == {"products": ["A fee is an amount per piece, and these are weighed: NUTS."]}
    assert [list(fee.products.values_list("sku", flat=True)) for fee in Fee.objects.all()] == [["COLA-1"]]


def test_a_manager_adds_a_tax_holiday(manager: Browser) -> None:
    TaxCategoryFactory(code="SOFT")
    start = whole_seconds(timezone.now()) + DAY

    manager.submit(
        f"{HOLIDAYS}add/",
        "taxholiday_form",
        code="SCHOOL",
        name="Back to school",
        tax_categories=["SOFT"],
        unit_price_below="110",
        **at(start),
        **at(start + 7 * DAY, "ends_at"),
    )

    holiday = TaxHoliday.objects.get()
    assert (holiday.unit_price_below, holiday.starts_at, holiday.ends_at) == (Decimal(110), start, start + 7 * DAY)
    assert [category.pk for category in holiday.tax_categories.all()] == ["SOFT"]


def test_a_tax_category_changes_its_name_with_a_reason_and_never_its_code(manager: Browser) -> None:
    TaxCategoryFactory(code="SOFT", name="Soft drinks")

    manager.submit(
        f"{CATEGORIES}SOFT/change/", "taxcategory_form", code="OTHER", name="Sodas", exempt="on", reason="New law."
    )

    assert list(TaxCategory.objects.values_list("code", "name", "exempt")) == [("SOFT", "Sodas", True)]
    assert TaxCategory.objects.get().history.first().history_change_reason == "New law."


def test_a_price_of_a_store_shows_the_store_s_own_clock(manager: Browser) -> None:
    StoreFactory.create_batch(2, time_zone="America/Los_Angeles")
    price = PriceFactory(
        store=StoreFactory(time_zone="America/New_York"), starts_at=datetime(2026, 1, 1, 5, tzinfo=UTC)
    )

    page = manager.get(f"{PRICES}{price.pk}/change/").content.decode()

    assert "Jan. 1, 2026, midnight (New York)" in page


def test_prices_are_searched_by_looking_their_products_up_first() -> None:
    """A condition with OR over a join would read all prices and all products."""
    browser = signed_in(ManagerFactory())
    cola = PriceFactory(product=ProductFactory(sku="COLA-500", name="Example Cola"))
    PriceFactory(product=ProductFactory(sku="TEA-1", name="Green tea"))

    for text in ("cola-5", "example c"):
        with CaptureQueriesContext(connection) as queries:
            found = browser.get(PRICES, {"q": text}).context["cl"].result_list
        counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "pricing_price" in query["sql"]]

        assert [price.pk for price in found] == [cola.pk]
        assert counts
        assert not any("JOIN" in sql for sql in counts)
    assert not browser.get(PRICES, {"q": "ola-500"}).context["cl"].result_list
