"""How long people stay signed in, and how that ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as DjangosSession
from django.utils import timezone

from jwo_store.signin import sessions, tasks
from jwo_store.signin.models import Session
from tests.factories import PASSWORD, Browser, CashierFactory, ManagerFactory, text_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOME = "/admin/"


def enter(person: User, *, agent: str = "a browser") -> Browser:
    browser = Browser(headers={"user-agent": agent})
    answer = browser.post("/admin/login/", {"username": person.username, "password": PASSWORD})
    assert answer.status_code == 302, text_of(answer)
    return browser


def is_in(browser: Browser) -> bool:
    return bool(browser.get(HOME).status_code == 200)


def after(**passed: float) -> Any:
    return time_machine.travel(NOON + timedelta(**passed), tick=False)


def test_who_does_nothing_for_an_hour_is_signed_out_and_told_why() -> None:
    with after():
        browser = enter(CashierFactory())
    with after(minutes=59):
        assert is_in(browser)
    with after(minutes=118):
        assert is_in(browser)
    with after(minutes=179):
        answer = browser.get("/admin/catalog/product/?q=COLA", follow=True)

    assert answer.redirect_chain == [("/admin/login/?next=/admin/catalog/product/%3Fq%3DCOLA", 302)]
    assert "You were signed out, because nothing was done for 60 minutes. Sign in to go on where you were." in text_of(
        answer
    )


def test_after_twelve_hours_everybody_signs_in_again_however_busy() -> None:
    with after():
        browser = enter(CashierFactory())
    for half_hours in range(1, 24):
        with after(minutes=30 * half_hours):
            assert is_in(browser)
    with after(hours=12, seconds=1):
        assert "everybody has to sign in again after 12 hours" in text_of(browser.get(HOME, follow=True))


def test_after_signing_in_again_one_is_where_one_was() -> None:
    person = CashierFactory()
    with after():
        browser = enter(person)
    with after(hours=2):
        away = browser.get("/admin/catalog/product/?q=COLA")
        back = browser.post(away.url, {"username": person.username, "password": PASSWORD})

    assert back.url == "/admin/catalog/product/?q=COLA"


@pytest.mark.parametrize(
    ("sent_to", "page", "next_page"),
    [
        ("/admin/alarms/acknowledge/", "http://testserver/admin/pricing/price/?q=A", "/admin/pricing/price/%3Fq%3DA"),
        ("/admin/catalog/product/add/", "http://testserver/admin/catalog/product/add/", "/admin/catalog/product/add/"),
        ("/admin/catalog/product/add/", "https://evil.example/", "/admin/catalog/product/add/"),
        ("/admin/catalog/product/add/", "", "/admin/catalog/product/add/"),
    ],
)
def test_who_is_signed_out_in_the_middle_of_a_form_comes_back_to_its_page(
    sent_to: str, page: str, next_page: str
) -> None:
    with after():
        browser = enter(ManagerFactory())
    with after(hours=2):
        answer = browser.post(sent_to, {"sku": "A"}, headers={"referer": page} if page else {})

    assert (answer.status_code, answer.url) == (302, f"/admin/login/?next={next_page}")


def test_nobody_is_led_to_another_host_after_signing_in() -> None:
    person = CashierFactory()
    answers = [
        Browser().post(f"/admin/login/?next={there}", {"username": person.username, "password": PASSWORD})
        for there in ("https://evil.example/", "//evil.example/", "javascript:alert(1)")
    ]
    assert [answer.url for answer in answers] == [HOME] * 3


def test_a_session_knows_whose_it_is_and_from_where() -> None:
    person = CashierFactory()
    with after():
        enter(person, agent="Firefox")
        row = sessions.of(person, timezone.now()).get()

    assert (row.person, row.since, row.used_at, row.address, row.browser) == (
        person,
        NOON,
        NOON,
        "127.0.0.1",
        "Firefox",
    )
    assert not DjangosSession.objects.exists()


def test_using_it_is_written_down_once_a_minute() -> None:
    with after():
        browser = enter(CashierFactory())
    with after(seconds=59):
        browser.get(HOME)
    assert Session.objects.get().used_at == NOON
    with after(seconds=60):
        browser.get(HOME)
    assert Session.objects.get().used_at == NOON + timedelta(seconds=60)


def test_changing_ones_password_ends_the_other_sessions_and_keeps_this_one() -> None:
    person = CashierFactory()
    here, there = enter(person), enter(person)
    new = "a quite different one 7"

    answer = here.post(
        "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )

    assert answer.status_code == 302
    assert is_in(here)
    assert Session.objects.filter(person=person).count() == 1
    assert "You were signed out" in text_of(there.get(HOME, follow=True))


def test_a_new_password_ends_sessions_also_when_it_was_set_past_the_pages() -> None:
    person = CashierFactory()
    browser = enter(person)

    person.set_password("set by a command 99")
    person.save()

    assert "your password was changed" in text_of(browser.get(HOME, follow=True))
    assert not is_in(browser)


def test_who_is_closed_out_does_not_come_back_in_when_the_login_opens_again() -> None:
    person = CashierFactory()
    browser = enter(person)

    User.objects.update(is_active=False)
    assert not is_in(browser)
    User.objects.update(is_active=True)

    assert not is_in(browser)


def test_old_sessions_and_old_sign_ins_are_forgotten() -> None:
    person = CashierFactory()
    with after():
        enter(person)
    with after(hours=13):
        enter(person)
        tasks.forget_what_is_over()
        assert Session.objects.count() == 1


def test_a_request_without_a_session_asks_the_database_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        Browser().get("/healthz")
        Browser().get("/nowhere")


def test_a_page_costs_two_queries_for_knowing_who_asks(django_assert_num_queries: Any) -> None:
    browser = enter(CashierFactory())
    with django_assert_num_queries(2):
        browser.get("/admin/jsi18n/")
