"""Wrong tries at the door: who is stopped, who is not, and what it looks like from outside."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jwo_store.models import Alarm
from tests.factories import PASSWORD, Browser, CashierFactory, OwnerFactory, StrangerFactory, said, signed_in, text_of

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
SHOP, ELSEWHERE = "198.51.100.7", "203.0.113.9"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _limits(settings: LazySettings) -> None:
    settings.AXES_FAILURE_LIMIT = settings.SIGN_IN_TRIES = 3
    settings.SIGN_IN_TRIES_WIDE = 6


def tried(login: str, password: str = "wrong", *, at: str = SHOP, browser: Browser | None = None) -> Any:
    return (browser or Browser()).post(LOGIN, {"username": login, "password": password}, REMOTE_ADDR=at)


def spray(count: int, *, at: str = SHOP) -> None:
    for number in range(count):
        tried(f"made-up-{number}", at=at)


def got_in(answer: Any) -> bool:
    return bool(answer.status_code == 302)


def words(answer: Any) -> str:
    return text_of(answer)


def test_after_three_wrong_tries_one_waits_even_with_the_right_password() -> None:
    CashierFactory(username="carl")
    with time_machine.travel(NOON, tick=False):
        statuses = [tried("carl").status_code for _ in range(3)]
        blocked = tried("carl", PASSWORD)

    assert statuses == [200, 200, 429]
    assert (blocked.status_code, blocked.headers["Retry-After"]) == (429, "900")
    assert "Wait 15 minutes, then try again." in words(blocked)


def test_the_wait_is_told_as_it_is_and_does_not_grow_while_one_waits() -> None:
    CashierFactory(username="carl")
    with time_machine.travel(NOON, tick=False):
        for _ in range(3):
            tried("carl")
    with time_machine.travel(NOON + timedelta(minutes=14, seconds=20), tick=False):
        assert "Wait 40 seconds, then try again." in words(tried("carl", PASSWORD))
    with time_machine.travel(NOON + timedelta(minutes=15, seconds=1), tick=False):
        assert got_in(tried("carl", PASSWORD))


def test_other_browsers_and_other_processes_count_together() -> None:
    CashierFactory(username="carl")
    for number in range(3):
        Browser(headers={"user-agent": f"browser {number}"}).post(LOGIN, {"username": "carl", "password": "wrong"})

    assert tried("carl", PASSWORD, at="127.0.0.1").status_code == 429


def test_colleagues_at_the_same_address_are_not_stopped_and_neither_is_the_person_elsewhere() -> None:
    CashierFactory(username="carl")
    CashierFactory(username="cora")
    for _ in range(3):
        tried("carl")

    assert got_in(tried("cora", PASSWORD))
    assert got_in(tried("carl", PASSWORD, at=ELSEWHERE))


def test_signing_in_makes_earlier_wrong_tries_forgotten() -> None:
    CashierFactory(username="carl")
    tried("carl")
    tried("carl")
    tried("carl", PASSWORD)

    assert tried("carl").status_code == 200
    assert AccessAttempt.objects.get().failures_since_start == 1


def test_nothing_tells_a_login_that_exists_from_one_that_does_not() -> None:
    CashierFactory(username="carl")
    StrangerFactory(username="sue")
    CashierFactory(username="gone", is_active=False)

    as_whom = [("carl", "wrong"), ("nobody", "wrong"), ("sue", PASSWORD), ("gone", PASSWORD)]
    with time_machine.travel(NOON, tick=False):
        answers = [
            [tried(login, password, at=f"203.0.113.{number}") for _ in range(3)]
            for number, (login, password) in enumerate(as_whom)
        ]

    seen = [
        [(answer.status_code, words(answer).replace(login, "")) for answer in tries]
        for (login, _), tries in zip(as_whom, answers, strict=True)
    ]
    assert [status for status, _ in seen[0]] == [200, 200, 429]
    assert "This login and password don't belong together." in seen[0][0][1]
    assert seen[1:] == [seen[0]] * 3


# -- the wide counters


def test_who_tries_many_logins_from_one_address_is_stopped_there() -> None:
    CashierFactory(username="carl")
    spray(6, at=ELSEWHERE)

    assert tried("carl", PASSWORD, at=ELSEWHERE).status_code == 429
    assert got_in(tried("carl", PASSWORD))


def test_nobody_locks_the_shop_out_from_its_own_address() -> None:
    CashierFactory(username="carl")
    CashierFactory(username="nina")
    tried("carl", PASSWORD)
    spray(8)

    assert got_in(tried("carl", PASSWORD))
    assert tried("nina", PASSWORD).status_code == 429


def test_a_login_tried_from_many_places_is_stopped_but_not_where_it_is_at_home() -> None:
    CashierFactory(username="carl")
    tried("carl", PASSWORD)
    for number in range(6):
        tried("carl", at=f"203.0.113.{number}")

    assert tried("carl", PASSWORD, at="203.0.113.200").status_code == 429
    assert got_in(tried("carl", PASSWORD))


def test_a_known_login_with_a_wrong_password_reads_like_an_unknown_one() -> None:
    CashierFactory(username="carl")
    tried("carl", PASSWORD)
    spray(8)

    with time_machine.travel(datetime.now(UTC), tick=False):
        unknown, known = tried("nobody"), tried("carl")

    assert (known.status_code, words(known)) == (unknown.status_code, words(unknown))
    assert known.status_code == 429


def test_a_place_is_known_for_thirty_days() -> None:
    CashierFactory(username="carl")
    with time_machine.travel(NOON, tick=False):
        tried("carl", PASSWORD)
    with time_machine.travel(NOON + timedelta(days=30, seconds=1), tick=False):
        spray(6)
        assert tried("carl", PASSWORD).status_code == 429


# -- people are told


def test_a_burst_from_one_address_is_an_alarm_and_one_forgotten_password_is_none() -> None:
    for _ in range(4):
        tried("carl")
    assert not Alarm.objects.exists()

    spray(8)

    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.subject, alarm.times) == ("Many wrong sign-ins", f"from {SHOP}", 1)


@pytest.mark.parametrize(("login", "subjects"), [("carl", ["as carl"]), ("nobody", [])])
def test_a_burst_against_one_login_is_an_alarm_when_there_is_such_a_login(login: str, subjects: list[str]) -> None:
    CashierFactory(username="carl")
    for number in range(6):
        tried(login, at=f"203.0.113.{number}")

    assert list(Alarm.objects.values_list("subject", flat=True)) == subjects


def test_a_burst_over_many_places_and_logins_is_an_alarm() -> None:
    for number in range(30):
        tried(f"made-up-{number}", at=f"203.0.113.{number}")

    assert Alarm.objects.get().subject == "from many places"


def test_no_password_is_kept_of_a_wrong_try() -> None:
    tried("carl", "my secret")

    row = AccessAttempt.objects.get()
    assert "my secret" not in str(vars(row))
    assert (row.username, row.ip_address) == ("carl", SHOP)


# -- letting in again

WRONG = "/admin/signin/wrongtry/"


def test_an_administrator_sees_who_is_blocked_and_lets_them_in_again() -> None:
    CashierFactory(username="carl")
    for _ in range(3):
        tried("carl")
    owner = signed_in(OwnerFactory())

    shown = text_of(owner.get(WRONG))
    row = AccessAttempt.objects.get()
    answer = owner.post(f"{WRONG}{row.pk}/press/forget/")

    assert "carl" in shown
    assert SHOP in shown
    assert "Blocked" in shown
    assert said(answer) == ["3 wrong tries forgotten."]
    assert got_in(tried("carl", PASSWORD))


@pytest.mark.parametrize(("action", "left"), [("forget", 7), ("forget_address", 2), ("forget_login", 5)])
def test_an_administrator_forgets_as_much_as_was_asked_for(action: str, left: int) -> None:
    tried("carl")
    tried("carl", at=ELSEWHERE)
    tried("carl", at="203.0.113.10")
    spray(5)
    owner = signed_in(OwnerFactory())
    row = AccessAttempt.objects.get(username="carl", ip_address=SHOP)

    owner.post(WRONG, {"action": action, "_selected_action": [row.pk]})

    assert AccessAttempt.objects.count() == left


def test_others_neither_see_nor_forget_wrong_tries() -> None:
    tried("carl")
    browser = signed_in(CashierFactory())

    statuses = (
        browser.get(WRONG).status_code,
        browser.post(f"{WRONG}{AccessAttempt.objects.get().pk}/press/forget/").status_code,
    )

    assert statuses == (403, 403)
    assert AccessAttempt.objects.count() == 1


def test_the_list_costs_the_same_number_of_queries_however_long_it_is() -> None:
    owner = signed_in(OwnerFactory())
    owner.get(WRONG)
    asked: list[int] = []
    for _ in range(2):
        spray(1 + len(asked) * 4, at=f"203.0.113.{len(asked)}")
        with CaptureQueriesContext(connection) as queries:
            owner.get(WRONG)
        asked.append(len(queries))

    assert AccessAttempt.objects.count() == 6
    assert asked[0] == asked[1]
