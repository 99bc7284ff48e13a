"""The pages on which promotions are tried on past trips: asking, watching, cancelling, reading, saving."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import tasks
from orders.models import BackTest, BackTestTrip, Purchase
from orders.statuses import JobStatus
from pricing.candidates import Tried
from pricing.models import Promotion, PromotionKind
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    PromotionFactory,
    StoreFactory,
    UserFactory,
    said,
    signed_in,
    text_of,
)
from tests.orders.carts import cart, item
from tests.orders.shop import NOW, NUTS, Shop, take_in

pytestmark = pytest.mark.django_db

ASK = "/admin/orders/backtest/add/"
LIST = "/admin/orders/backtest/"


@pytest.fixture(autouse=True)
def _open(shop: Shop) -> None:
    """Sells cola and nuts."""


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(first_name="Mia", last_name="Meyer"))


def trips(count: int) -> list[Purchase]:
    """So many packets of nuts at 2.79 each, one a trip."""
    return [
        take_in(cart(idempotentShoppingTripId=f"trip-{number}", cartItems=[item(id=NUTS)])) for number in range(count)
    ]


def nuts(**terms: Any) -> Promotion:
    """Nuts for 2.00, long after the trips."""
    given: dict[str, Any] = {
        "code": "NUTS-2",
        "name": "Nuts for 2.00",
        "receipt_text": "Nuts for 2.00",
        "kind": PromotionKind.FIXED_PRICE,
        "percent": None,
        "amount": Decimal("2.00"),
        "targets": {"skus": [NUTS]},
        "starts_at": NOW + timedelta(days=4000),
    }
    made: Promotion = PromotionFactory(**given | terms)
    return made


def asked(browser: Browser, promotion: Promotion, **fields: Any) -> Any:
    return browser.post(ASK, {"of": str(promotion.pk), "trips": "1000", **fields})


def worked() -> BackTest:
    """The only test, after a worker has had it."""
    test = BackTest.objects.get()
    tasks.try_on_past_trips(test_id=test.pk)
    test.refresh_from_db()
    return test


def page_of(test: BackTest) -> str:
    return f"{LIST}{test.pk}/change/"


def rows_of(answer: Any) -> Sequence[BackTestTrip]:
    rows: Sequence[BackTestTrip] = answer.context["trips"]
    return rows


# -- from the question to the figures


def test_a_promotion_is_tried_from_its_page_to_the_figures(manager: Browser) -> None:
    trips(3)
    promotion = nuts()
    button = manager.post(f"/admin/pricing/promotion/{promotion.pk}/press/try_on_past_trips/")
    assert button["Location"] == f"{ASK}?of={promotion.pk}"
    assert "Its days and hours hold; its start and its end are set aside." in text_of(manager.get(button["Location"]))

    answer = asked(manager, promotion, trips="2")
    test = BackTest.objects.get()
    assert answer["Location"] == page_of(test)
    waiting = manager.get(page_of(test))
    assert "data-follow" in waiting.content.decode()
    assert "Waiting for its turn" in text_of(waiting)
    assert "0 of 2 trips" in text_of(waiting)

    shown = manager.get(page_of(worked()))

    assert "data-follow" not in shown.content.decode()
    assert "2 of 2 trips" in text_of(shown)
    assert shown.context["sentences"] == [
        "It would have applied to, or changed, 2 of 2 trips. Shoppers would have saved 1.58 USD."
    ]
    assert [
        (name, str(sums.net_before), str(sums.net_after), sums.pieces) for name, sums in shown.context["stores"]
    ] == [("Arena East", "5.58", "4.00", 2)]
    assert [str(row.difference) for row in rows_of(shown)] == ["-0.79", "-0.79"]
    assert f"/admin/orders/purchase/{rows_of(shown)[0].purchase_id}/change/" in shown.content.decode()
    assert "Mia Meyer" in text_of(shown)


def test_a_promotion_that_is_not_saved_is_tried_by_its_terms(manager: Browser) -> None:
    trips(1)
    terms: dict[str, Any] = {
        "code": "NEW",
        "name": "Not saved",
        "receipt_text": "Not saved",
        "kind": PromotionKind.AMOUNT_OFF,
        "amount": Decimal("1.00"),
        "targets": {"all": True},
        "starts_at": NOW,
    }
    unsaved = Tried.of(Promotion(**terms), ())

    form = manager.post(ASK, {"terms": unsaved.text})
    assert form.status_code == 200
    assert not BackTest.objects.exists()
    manager.post(ASK, {"terms": unsaved.text, "trips": "10"})

    test = worked()
    assert (test.name, test.promotion) == ("Not saved", None)
    assert "1.00 off each piece of everything" in test.words
    assert [str(one.difference) for one in test.tried.all()] == ["-1.00"]


def test_the_copy_that_is_tried_does_not_change_with_the_promotion(manager: Browser) -> None:
    trips(1)
    promotion = nuts()
    asked(manager, promotion)
    promotion.amount = Decimal("1.00")
    promotion.save()

    assert [str(one.total_after) for one in worked().tried.all()] == ["2.00"]


def test_only_the_promotion_s_own_stores_can_be_chosen(manager: Browser, shop: Shop) -> None:
    trips(1)
    other = StoreFactory()
    promotion = nuts(stores=[shop.store])

    refused = asked(manager, promotion, stores=[other.pk])
    assert refused.status_code == 200
    assert not BackTest.objects.exists()
    asked(manager, promotion)

    assert list(BackTest.objects.get().stores.all()) == [shop.store]
    assert "in Arena East" in BackTest.objects.get().words


@pytest.mark.parametrize("count", ["0", "1001", ""])
def test_only_so_many_trips_are_tried(manager: Browser, count: str) -> None:
    trips(1)
    answer = asked(manager, nuts(), trips=count)

    assert answer.context["form"].errors.keys() == {"trips"}
    assert not BackTest.objects.exists()


def test_without_trips_the_form_says_so(manager: Browser) -> None:
    answer = asked(manager, nuts())

    assert "There are no trips in these stores yet" in text_of(answer)


@pytest.mark.parametrize("given", [{}, {"of": "x"}, {"terms": "{}"}])
def test_without_a_promotion_the_form_leads_to_the_promotions(manager: Browser, given: dict[str, str]) -> None:
    answer = manager.get(ASK, given)

    assert answer["Location"] == "/admin/pricing/promotion/"


# -- the rest of the page


def test_a_test_is_cancelled_from_its_page(manager: Browser) -> None:
    trips(1)
    asked(manager, nuts())
    test = BackTest.objects.get()
    assert "Cancel" in [button["text"] for button in manager.get(page_of(test)).context["page_buttons"]]

    answer = manager.post(f"{LIST}{test.pk}/press/cancel/")

    assert said(answer) == ["1 try cancelled."]
    assert worked().status == JobStatus.CANCELLED
    assert not BackTestTrip.objects.exists()
    assert manager.get(page_of(test)).context["page_buttons"] == []


def test_trips_that_cannot_be_compared_are_shown_apart(manager: Browser) -> None:
    damaged, whole = trips(2)
    Purchase.objects.filter(pk=damaged.pk).update(raw=b"{}")
    asked(manager, nuts())
    test = worked()

    shown, apart = manager.get(page_of(test)), manager.get(f"{page_of(test)}?show=apart")

    assert "1 trip cannot be compared and is not counted" in text_of(shown)
    assert [row.purchase_id for row in rows_of(shown)] == [whole.pk]
    assert [row.purchase_id for row in rows_of(apart)] == [damaged.pk]
    assert "The cart is no longer in the form agreed with Amazon" in text_of(apart)


def test_the_table_has_every_trip_and_no_formula(manager: Browser, shop: Shop) -> None:
    shop.store.name = "=HYPERLINK(1)"
    shop.store.save()
    (purchase,) = trips(1)
    asked(manager, nuts())
    test = worked()

    answer = manager.get(f"{LIST}{test.pk}/trips.csv")

    assert answer["Content-Disposition"] == 'attachment; filename="nuts-2-on-past-trips.csv"'
    heading, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    told = dict(zip(heading, row, strict=True))
    assert told["Purchase ID"] == purchase.purchase_id
    assert told["Store"] == "'=HYPERLINK(1)"
    assert told["Shopper left (store's clock)"] == "2026-03-14 15:05"
    assert (told["Total before"], told["Total after"], told["Difference"]) == ("2.79", "2.00", "-0.79")


# -- who, and at what cost


def test_who_may_not_start_one_neither_sees_nor_starts_nor_cancels(manager: Browser) -> None:
    trips(1)
    promotion = nuts()
    asked(manager, promotion)
    test = BackTest.objects.get()
    cashier = signed_in(CashierFactory())

    for url in (f"{ASK}?of={promotion.pk}", page_of(test), f"{LIST}{test.pk}/trips.csv", LIST):
        assert cashier.get(url).status_code == 403, url
    assert asked(cashier, promotion).status_code == 403
    assert cashier.post(f"{LIST}{test.pk}/press/cancel/").status_code in {403, 404}
    assert cashier.post(f"/admin/pricing/promotion/{promotion.pk}/press/try_on_past_trips/").status_code == 403
    assert BackTest.objects.get().status == JobStatus.WAITING


def test_who_may_only_look_sees_no_links_to_purchases_and_no_buttons(manager: Browser) -> None:
    trips(1)
    asked(manager, nuts())
    test = BackTest.objects.get()
    looker = UserFactory()
    looker.user_permissions.add(Permission.objects.get(codename="view_backtest"))
    browser = signed_in(looker)

    running = browser.get(page_of(test))
    shown = browser.get(page_of(worked()))

    assert running.context["page_buttons"] == []
    assert "/admin/orders/purchase/" not in shown.content.decode()
    assert browser.post(f"{LIST}{test.pk}/press/cancel/").status_code == 403


def test_the_pages_ask_a_number_of_questions_that_does_not_grow(manager: Browser) -> None:
    trips(12)
    first, second = nuts(), nuts(code="OTHER")
    asked(manager, first, trips="1")
    few = worked()
    asked(manager, second, trips="12")
    many = BackTest.objects.exclude(pk=few.pk).get()
    tasks.try_on_past_trips(test_id=many.pk)

    manager.get(LIST)
    counts = {}
    for name, url in (("few", page_of(few)), ("many", page_of(many)), ("list", LIST)):
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(url).status_code == 200
        counts[name] = len(queries)
    for number in range(5):
        asked(manager, nuts(code=f"MORE-{number}"), trips="1")
    with CaptureQueriesContext(connection) as queries:
        manager.get(LIST)

    assert counts["few"] == counts["many"]
    assert len(queries) == counts["list"]
