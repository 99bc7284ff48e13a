"""The page "Try it on a basket": before and after are what the engine says, and nothing is stored."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product, Store
from pricing.candidates import Tried
from pricing.models import Promotion
from tests.factories import (
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    UserFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PROMOTIONS = "/admin/pricing/promotion/"
PAGE = "/admin/pricing/promotion/preview/"
FORM = "/admin/pricing/promotion/preview/form/"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def store() -> Store:
    """Sells cola at 2.00 and tea at 3.00, untaxed."""
    made: Store = StoreFactory(store_id="ARENA-EAST-12", name="Arena East 12")
    food = TaxCategoryFactory(exempt=True)
    for sku, price in (("COLA", "2.00"), ("TEA", "3.00")):
        product = ProductFactory(sku=sku, name=f"Example {sku.title()}")
        TaxAssignmentFactory(product=product, tax_category=food)
        PriceFactory(product=product, amount=Decimal(price))
    return made


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


@pytest.fixture
def planned() -> Promotion:
    made: Promotion = PromotionFactory(
        code="COLA-10", name="Cola week", targets={"skus": ["COLA"]}, starts_at=timezone.now() + 30 * DAY
    )
    return made


def tried(browser: Browser, promotion: Promotion, *items: str, **more: str) -> Any:
    answer = browser.get(PAGE, {"of": str(promotion.pk), "item": items, **more})
    assert answer.status_code == 200
    return answer


def amounts(answer: Any) -> list[tuple[str, str, str]]:
    """Total before, total after and the difference of each line."""
    return [
        (str(line.before.line.total), str(line.after.line.total), line.difference) for line in answer.context["rows"]
    ]


def filled_in(**changes: Any) -> dict[str, Any]:
    """What the form of a promotion sends."""
    fields: dict[str, Any] = {
        "code": "COLA-10",
        "name": "Cola week",
        "receipt_text": "Cola week",
        "kind": "PERCENT_OFF",
        "percent": "10",
        "targets_skus": ["COLA"],
        "funding": "STORE",
        "priority": "0",
        "all_stores": "on",
    }
    return fields | changes


# -- a stored promotion


def test_a_planned_promotion_shows_before_and_after_line_by_line(manager: Browser, planned: Promotion) -> None:
    answer = tried(manager, planned, "sku~COLA~2", "sku~TEA~1")

    assert amounts(answer) == [("4.00", "3.60", "-0.40"), ("3.00", "3.00", "")]
    assert answer.context["sum_in_words"] == "The shopper pays 0.40 USD less: 6.60 instead of 7.00."
    assert answer.context["totals"][-1] == ("Total", "7.00", "6.60", "-0.40")
    assert answer.context["verdict"] == (
        "“Cola week” (COLA-10) applies to 1 × Example Cola at 2.00, 2 times: saves 0.40 (0.20 each time).",
    )
    assert "Drinks 10% off -0.40" in text_of(answer)


def test_it_is_tried_at_its_start_unless_another_moment_is_named(manager: Browser, planned: Promotion) -> None:
    PriceFactory(product_id="COLA", amount=Decimal("4.00"), starts_at=planned.starts_at)

    at_its_start = tried(manager, planned, "sku~COLA~1")
    tomorrow = tried(manager, planned, "sku~COLA~1", at=f"{timezone.now() + DAY:%Y-%m-%dT12:00}")

    assert amounts(at_its_start) == [("4.00", "3.60", "-0.40")]
    assert amounts(tomorrow) == [("2.00", "1.80", "-0.20")]
    assert "It is not in force at that moment" in text_of(tomorrow)


def test_one_that_does_not_apply_says_why(manager: Browser, planned: Promotion) -> None:
    better = PromotionFactory(code="COLA-50", name="Half", percent=Decimal(50), targets={"skus": ["COLA"]})

    beaten = tried(manager, planned, "sku~COLA~1")
    elsewhere = tried(manager, planned, "sku~TEA~1")

    assert beaten.context["sum_in_words"] == "The shopper pays the same: 1.00 USD."
    assert beaten.context["verdict"][0].startswith("“Cola week” (COLA-10) does not apply: the shopper saves more when")
    assert better.code in beaten.context["verdict"][0]
    assert elsewhere.context["verdict"] == ("It is about none of the products in this basket.",)


def test_deposits_stand_apart_from_the_price_and_all_adds_up(manager: Browser, planned: Promotion) -> None:
    FeeFactory(code="BOTTLE", amount=Decimal("0.05"), products=[Product.objects.get(sku="COLA")])

    answer = tried(manager, planned, "sku~COLA~2")

    assert [str(line.price) for line in answer.context["rows"]] == ["4.00"]
    assert answer.context["totals"] == [
        ("Before promotions and tax", "4.00", "4.00", ""),
        ("Deposits and fees", "0.10", "0.10", ""),
        ("Promotions", "0.00", "-0.40", "-0.40"),
        ("Sales tax", "0.00", "0.00", ""),
        ("Total", "4.10", "3.70", "-0.40"),
    ]


def test_one_in_force_is_held_against_a_basket_without_it(manager: Browser) -> None:
    live = PromotionFactory(code="COLA-10", targets={"skus": ["COLA"]})

    answer = tried(manager, live, "sku~COLA~1")

    assert amounts(answer) == [("2.00", "1.80", "-0.20")]
    assert "It is in force at that moment." in text_of(answer)


def test_only_its_own_stores_are_offered(manager: Browser) -> None:
    other = StoreFactory()
    promotion = PromotionFactory(targets={"skus": ["COLA"]}, stores=[other])

    answer = tried(manager, promotion, "sku~COLA~1", store="ARENA-EAST-12")

    assert list(answer.context["form"].stores) == [other.pk]
    assert "totals" not in answer.context
    assert "We have no store “ARENA-EAST-12”." in text_of(answer)


def test_a_basket_that_cannot_be_priced_says_what_is_to_mend(manager: Browser, planned: Promotion) -> None:
    answer = tried(manager, planned, "sku~WATER~1")

    assert answer.context["waits"]
    assert "No product has the SKU “WATER”" in text_of(answer)


def test_the_basket_is_put_together_on_the_page(manager: Browser, planned: Promotion) -> None:
    answer = manager.post(PAGE, {"of": str(planned.pk), "find": "COLA", "quantity": "3", "store": "ARENA-EAST-12"})

    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer["Location"]).query) == {
        "of": [str(planned.pk)],
        "store": ["ARENA-EAST-12"],
        "item": ["sku~COLA~3"],
    }
    assert amounts(manager.get(answer["Location"])) == [("6.00", "5.40", "-0.60")]


def test_the_button_of_a_promotion_leads_there(manager: Browser, planned: Promotion) -> None:
    page = f"/admin/pricing/promotion/{planned.pk}/"
    assert "Try it on a basket…" in text_of(manager.get(f"{page}change/"))

    answer = manager.post(f"{page}press/try_on_a_basket/")

    assert answer["Location"] == f"{PAGE}?of={planned.pk}"


def test_one_promotion_is_tried_at_a_time(manager: Browser, planned: Promotion) -> None:
    keys = [planned.pk, PromotionFactory().pk]
    answer = manager.post(
        "/admin/pricing/promotion/", {"action": "try_on_a_basket", "_selected_action": [str(key) for key in keys]}
    )

    assert said(answer) == ["Choose one promotion to try."]


# -- a form that is not saved


def test_a_form_can_be_tried_before_it_is_saved(manager: Browser) -> None:
    answer = manager.post(FORM, filled_in(percent="50", code="", name="", receipt_text=""), follow=True)
    link = answer.redirect_chain[-1][0]

    assert answer.context["title"] == "Try “This promotion” on a basket"
    assert amounts(manager.get(f"{link}&item=sku~COLA~1")) == [("2.00", "1.00", "-1.00")]
    assert "nothing of it is saved yet" in text_of(answer)
    assert not Promotion.objects.exists()


def test_an_edit_takes_the_place_of_what_is_in_force(manager: Browser) -> None:
    live = PromotionFactory(code="COLA-10", name="Cola week", targets={"skus": ["COLA"]})

    answer = manager.post(f"{FORM}?of={live.pk}", filled_in(percent="50"), follow=True)
    link = answer.redirect_chain[-1][0]
    shown = manager.get(f"{link}&item=sku~COLA~1")

    assert amounts(shown) == [("1.80", "1.00", "-0.80")]
    assert "Another version of “COLA-10” is in force at that moment." in text_of(shown)
    live.refresh_from_db()
    assert live.percent == 10
    assert Promotion.objects.count() == 1


def test_a_form_that_changes_nothing_is_the_stored_promotion(manager: Browser) -> None:
    live = PromotionFactory(code="COLA-10", name="Cola week", receipt_text="Cola week", targets={"skus": ["COLA"]})

    answer = manager.post(f"{FORM}?of={live.pk}", filled_in())

    assert answer["Location"] == f"{PAGE}?of={live.pk}"


def test_a_form_that_does_not_say_what_it_does_cannot_be_tried(manager: Browser) -> None:
    empty = manager.post(FORM, filled_in(kind=""))
    half = manager.post(FORM, filled_in(percent=""))

    assert "so it cannot be tried" in text_of(empty)
    assert "Percent off: Say how many percent." in text_of(half)


def test_what_no_link_can_hold_is_shown_at_once(manager: Browser) -> None:
    skus = [f"LONG-{'X' * 90}-{number}" for number in range(60)]
    for sku in skus:
        ProductFactory(sku=sku)

    shown = manager.post(FORM, filled_in(targets_skus=["COLA", *skus]))
    terms = re.search(r'name="terms" value="([^"]*)"', shown.content.decode())
    assert terms is not None
    names = shown.context["names"]
    priced = manager.post(PAGE, {**names, "find": "COLA", "quantity": "1", "store": "ARENA-EAST-12"})

    assert shown.status_code == 200
    assert amounts(priced) == [("2.00", "1.80", "-0.20")]


@pytest.mark.parametrize("given", [{}, {"of": "nothing"}, {"terms": "{}"}, {"terms": "x"}])
def test_a_link_that_names_no_promotion_says_so(manager: Browser, given: dict[str, str]) -> None:
    answer = manager.get(PAGE, given)

    assert answer.status_code == 200
    assert "so it cannot be tried" in text_of(answer)


# -- who, and at what cost


def test_who_may_see_prices_and_promotions_may_try_them(planned: Promotion) -> None:
    cashier, nobody = signed_in(CashierFactory()), signed_in(UserFactory())

    assert amounts(tried(cashier, planned, "sku~COLA~1")) == [("2.00", "1.80", "-0.20")]
    assert nobody.get(PAGE, {"of": str(planned.pk)}).status_code == 403
    assert nobody.post(FORM, filled_in()).status_code == 403
    assert cashier.post(FORM, filled_in()).status_code == 403
    assert manager_get(FORM).status_code == 403


def test_who_is_of_one_store_reads_of_no_other_and_is_not_sent_to_past_trips_of_all(store: Store) -> None:
    south, west = StoreFactory(store_id="SOUTH", name="QZX South"), StoreFactory(name="QZX West")
    shared = PromotionFactory(targets={"skus": ["COLA"]}, stores=[store, south, west])
    here, everywhere = signed_in(ManagerFactory(role=[store])), signed_in(ManagerFactory())

    for url in (f"{PAGE}?of={shared.pk}", f"/admin/pricing/promotion/{shared.pk}/change/", PROMOTIONS):
        page = text_of(here.get(url))
        assert "in Arena East 12 and 2 others" in page, url
        assert "QZX" not in page, url
        assert "Try it on past trips" not in page, url
        assert "Try it on past trips" in text_of(everywhere.get(url)), url
    assert amounts(tried(here, shared, "sku~COLA~1")) == [("2.00", "1.80", "-0.20")]
    guessed = {"terms": Tried.stored(PromotionFactory(code="G", stores=[south])).text}
    assert "in 1 other store" in text_of(here.get(PAGE, guessed))
    assert list(here.get(PAGE, guessed).context["form"].stores) == []


def manager_get(url: str) -> Any:
    return signed_in(ManagerFactory()).get(url)


def test_the_number_of_questions_does_not_grow_with_the_basket(manager: Browser, planned: Promotion) -> None:
    tried(manager, planned, "sku~COLA~1")
    with CaptureQueriesContext(connection) as one:
        tried(manager, planned, "sku~COLA~1")
    with CaptureQueriesContext(connection) as many:
        tried(manager, planned, "sku~COLA~1", "sku~TEA~2", "sku~COLA~3")

    assert len(many) == len(one)
    assert not any(query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) for query in many)
