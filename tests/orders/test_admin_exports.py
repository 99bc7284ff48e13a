"""Taking orders out for finance, and the list of who did."""

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from orders import exports, tasks
from orders.admin.exports import last_month
from orders.models import ExportTaken, FinanceExport
from orders.statuses import JobStatus
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    PurchaseFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    assign,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

EXPORTS = "/admin/orders/financeexport/"
FORM = f"{EXPORTS}add/"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(username="mona"))


def given(**changes: Any) -> dict[str, Any]:
    today = timezone.now().date() - timedelta(days=1)
    return {"first": today - timedelta(days=9), "last": today, "trips": "real", "form": "XLSX", **changes}


def test_the_form_offers_the_month_that_is_over(manager: Browser) -> None:
    page = manager.get(FORM)

    assert page.status_code == 200
    assert page.context["form"]["first"].value().day == 1
    assert last_month(datetime(2026, 3, 14, tzinfo=UTC)) == {"first": date(2026, 2, 1), "last": date(2026, 2, 28)}


def asked(browser: Browser, **changes: Any) -> FinanceExport:
    """What the form has led to."""
    answer = browser.post(FORM, given(**changes))
    export = FinanceExport.objects.first()
    assert export is not None
    assert answer.url == page_of(export)
    return export


def made(export: FinanceExport) -> FinanceExport:
    tasks.make_export(export_id=export.pk)
    export.refresh_from_db()
    return export


def page_of(export: FinanceExport) -> str:
    return f"{EXPORTS}{export.pk}/change/"


def press(browser: Browser, export: FinanceExport, button: str) -> Any:
    return browser.post(f"{EXPORTS}{export.pk}/press/{button}/")


def offered(browser: Browser, export: FinanceExport) -> list[str]:
    return [button["text"] for button in browser.get(page_of(export)).context["page_buttons"]]


def test_a_manager_asks_for_the_orders_of_a_store_watches_and_takes_the_workbook(manager: Browser) -> None:
    east, west = StoreFactory(name="East"), StoreFactory()
    order = PurchaseFactory(ordered=True, store=east, ordered_at=timezone.now() - timedelta(days=3))
    PurchaseFactory(ordered=True, store=west, ordered_at=timezone.now() - timedelta(days=3))

    export = asked(manager, stores=[east.pk])
    waiting = manager.get(page_of(export))
    assert "data-follow" in waiting.content.decode()
    assert "Waiting for its turn" in text_of(waiting)
    assert "0 of 1 orders" in text_of(waiting)
    assert offered(manager, export) == ["Cancel"]

    made(export)
    done = manager.get(page_of(export))
    assert "data-follow" not in done.content.decode()
    assert "1 of 1 orders" in text_of(done)
    assert "Nobody yet." in text_of(done)
    assert offered(manager, export) == ["Download the file"]

    answer = press(manager, export, "download")
    content = b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == (
        f'attachment; filename="orders-{export.first_day}-to-{export.last_day}-sandbox.xlsx"'
    )
    assert int(answer["Content-Length"]) == len(content)
    rows = list(load_workbook(io.BytesIO(content))["Orders"].values)
    assert [row[5] for row in rows[1:]] == [order.order_id]
    assert (export.asked_by.get_username(), export.store_ids, export.order_count) == ("mona", [east.pk], 1)
    shown = text_of(manager.get(page_of(export)))
    assert "Stores East" in shown
    assert "1 order of " in shown
    assert "Nobody yet." not in shown
    assert shown.count(": mona") == 1


def test_without_a_store_named_it_is_all_stores_and_test_trips_are_a_file_of_their_own(manager: Browser) -> None:
    stores = [StoreFactory().pk, StoreFactory().pk]

    export = made(asked(manager, trips="tests", form="CSV"))

    assert press(manager, export, "download")["Content-Disposition"].endswith('-tests-sandbox.zip"')
    assert (export.store_ids, export.is_test) == (stores, True)


def test_a_file_whose_time_is_over_is_told_of_and_not_offered(manager: Browser) -> None:
    export = made(asked(manager))
    FinanceExport.objects.update(expires_at=timezone.now())

    assert offered(manager, export) == []
    assert "The file is no longer kept." in text_of(manager.get(page_of(export)))
    assert said(press(manager, export, "download")) == ["There is no file (any more). Export the same days again."]
    assert not ExportTaken.objects.exists()


def test_one_is_cancelled_from_its_page(manager: Browser) -> None:
    export = asked(manager)

    assert said(press(manager, export, "cancel")) == ["1 export cancelled."]
    assert made(export).status == JobStatus.CANCELLED
    assert offered(manager, export) == []


def test_a_file_is_taken_by_who_may_export_in_all_of_its_stores(manager: Browser) -> None:
    east, west = StoreFactory(), StoreFactory()
    both, one = made(asked(manager)), made(asked(manager, stores=[east.pk]))
    here = signed_in(ManagerFactory(role=[east]))
    looker = signed_in(assign(UserFactory(is_staff=True), "Viewer"))

    assert here.get(page_of(both)).status_code == 404
    assert press(here, both, "download").status_code == 404
    assert press(here, one, "download").status_code == 200
    for export in (both, one):
        assert press(looker, export, "download").status_code == 403
    assert ExportTaken.objects.count() == 1
    assert west.pk in both.store_ids


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"first": ""}, "first", "This field is required."),
        ({"last": "2999-01-01"}, "last", "That day is yet to come."),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "first", "The first day is after the last."),
        ({"stores": ["NOWHERE"]}, "stores", "Select a valid choice. NOWHERE is not one of the available choices."),
        ({"form": "PDF"}, "form", "Select a valid choice. PDF is not one of the available choices."),
    ],
)
def test_a_wrong_form_is_said_and_takes_nothing(
    manager: Browser, changes: dict[str, Any], field: str, says: str
) -> None:
    page = manager.post(FORM, given(**changes))

    assert page.context["form"].errors[field] == [says]
    assert not FinanceExport.objects.exists()


def test_too_much_is_said_on_the_form(manager: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ORDERS", 0)
    PurchaseFactory(ordered=True, ordered_at=timezone.now() - timedelta(days=3))

    page = manager.post(FORM, given())

    assert page.context["form"].errors["last"][0].startswith("These are 1 orders")


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_take_nothing_and_see_nothing(person: Any, status: int) -> None:
    browser = signed_in(person())

    assert browser.get(FORM).status_code == status
    assert browser.post(FORM, given()).status_code == status
    assert browser.get(EXPORTS).status_code == status
    assert not FinanceExport.objects.exists()


def test_exports_are_listed_and_never_edited(manager: Browser, django_assert_num_queries: Any) -> None:
    StoreFactory.create_batch(5)
    taken = asked(manager, trips="tests")
    manager.get(EXPORTS)
    with CaptureQueriesContext(connection) as few:
        page = manager.get(EXPORTS).content.decode()
    cost = len(few)
    for _ in range(4):
        manager.post(FORM, given())
    with django_assert_num_queries(cost):
        manager.get(EXPORTS)
    owner = signed_in(OwnerFactory())

    assert "mona" in page
    assert "5 stores" in page
    assert "Test trips only" in page
    assert "Excel workbook" in page
    assert owner.get(page_of(taken)).status_code == 200
    assert owner.post(page_of(taken), {"store_ids": "[]"}).url == page_of(taken)
    assert len(FinanceExport.objects.get(pk=taken.pk).store_ids) == 5
    assert owner.post(f"{EXPORTS}{taken.pk}/delete/", {"post": "yes"}).status_code == 403
    assert FinanceExport.objects.count() == 5
