"""What is not there, and what is not allowed: told within the back office to its people, on a bare page to others."""

from uuid import uuid4

import pytest

from tests.factories import (
    AlarmFactory,
    Browser,
    CashierFactory,
    PriceFactory,
    StoreFactory,
    StrangerFactory,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

NOWHERE = "/no/such/page/"
FRAME = 'id="nav-sidebar"'
NOT_FOUND = "There is nothing here"
NOT_ALLOWED = "Your login may not do this"


def test_somebody_of_staff_reads_in_the_frame_that_nothing_is_there_and_what_to_do() -> None:
    AlarmFactory(subject="Cola has no price")

    answer = signed_in(CashierFactory()).get("/admin/catalog/product/no-such-product/change/")

    page, text = answer.content.decode(), text_of(answer)
    assert answer.status_code == 404
    assert FRAME in page
    assert "<title>[Sandbox] Not found</title>" in " ".join(page.split())
    assert '<span class="bo-here">Not found</span>' in page
    assert "Cola has no price" in text
    assert f"{NOT_FOUND} The address may have a slip" in text
    assert "Search for it by its name or ID, or go on from the first page. To Today Search" in text


def test_somebody_of_staff_reads_in_the_frame_that_it_is_not_theirs_to_do_and_whom_to_ask() -> None:
    price = PriceFactory()

    answer = signed_in(CashierFactory()).post("/admin/pricing/price/add/", {"product": price.product_id})

    assert answer.status_code == 403
    assert FRAME in answer.content.decode()
    assert f"{NOT_ALLOWED} Nothing was changed. If you need it for your work, ask whoever" in text_of(answer)
    assert '<span class="bo-here">Not allowed</span>' in answer.content.decode()


def test_a_row_of_another_store_is_not_told_apart_from_one_that_is_not_there() -> None:
    mine, other = StoreFactory(), StoreFactory()
    price = PriceFactory(store=other)
    cashier = signed_in(CashierFactory(role=[mine]))

    of_another = cashier.get(f"/admin/pricing/price/{price.pk}/change/")
    of_nobody = cashier.get(f"/admin/pricing/price/{uuid4()}/change/")

    assert of_another.status_code == of_nobody.status_code == 404
    assert text_of(of_another) == text_of(of_nobody)
    assert other.name not in of_another.content.decode()


@pytest.mark.parametrize("browser", [Browser, lambda: signed_in(StrangerFactory())], ids=["no login", "not of staff"])
def test_a_stranger_sees_a_page_that_says_nothing_of_the_back_office(browser: type[Browser]) -> None:
    AlarmFactory(subject="Cola has no price")

    answer = browser().get(NOWHERE)

    assert answer.status_code == 404
    assert NOT_FOUND in text_of(answer)
    assert FRAME not in answer.content.decode()
    assert "Cola has no price" not in text_of(answer)
    assert "Sandbox" not in text_of(answer)


def test_a_pop_up_window_says_so_without_the_navigation() -> None:
    answer = signed_in(CashierFactory()).get("/admin/catalog/product/no-such-product/change/?_popup=1")

    assert answer.status_code == 404
    assert NOT_FOUND in text_of(answer)
    assert FRAME not in answer.content.decode()
    assert "To Today" not in text_of(answer)


def test_a_stranger_may_not_acknowledge_an_alarm_and_is_sent_to_sign_in() -> None:
    assert Browser().post("/admin/alarms/acknowledge/").headers["Location"].startswith("/admin/login/")
