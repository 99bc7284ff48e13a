"""One-time codes: who is asked, what counts as right, and what happens when the phone is lost."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from jwo_store.models import Alarm
from jwo_store.signin import codes, letters
from jwo_store.signin.models import CodesRequired, Letter, RecoveryCode, Session
from tests.factories import PASSWORD, Browser, CashierFactory, ManagerFactory, OwnerFactory, said, signed_in, text_of

pytestmark = pytest.mark.django_db

HOME, LOGIN, CODE, SET_UP = "/admin/", "/admin/login/", "/admin/login/code/", "/admin/login/set-up/"
MINE = "/admin/my-sign-in/"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = "3132333435363738393031323334353637383930"


@pytest.fixture(autouse=True)
def _codes(settings: LazySettings) -> None:
    settings.SIGN_IN_CODES = True


def at(**passed: float) -> Any:
    return time_machine.travel(NOON + timedelta(**passed), tick=False)


def shown_by_the_app(secret: str = SECRET) -> str:
    return f"{totp(bytes.fromhex(secret)):06d}"


def with_codes(person: User) -> list[str]:
    """The recovery codes of this person; the app was set up an hour before noon."""
    with at(hours=-1):
        return list(codes.set_up(person, SECRET, shown_by_the_app()).recovery_codes)


def password_of(person: User, *, next_page: str = HOME) -> tuple[Browser, Any]:
    browser = Browser()
    return browser, browser.post(
        f"{LOGIN}?next={next_page}", {"username": person.username, "password": PASSWORD, "next": next_page}
    )


def second_step(browser: Browser, code: str, url: str = CODE) -> Any:
    return browser.post(f"{url}?next=/admin/catalog/product/", {"code": code})


def is_in(browser: Browser) -> bool:
    return bool(browser.get(HOME).status_code == 200)


def requires_codes(role: str) -> None:
    CodesRequired.objects.create(role=Group.objects.get(name=role))


# -- the second step


def test_who_has_codes_is_asked_for_one_and_led_on() -> None:
    person = CashierFactory()
    with_codes(person)
    with at():
        browser, answer = password_of(person, next_page="/admin/catalog/product/")
        asked, closed = browser.get(answer.url), browser.get(HOME)
        entered = second_step(browser, shown_by_the_app())
        inside = is_in(browser)

    assert answer.url == f"{CODE}?next=%2Fadmin%2Fcatalog%2Fproduct%2F"
    assert "6 digits from the app on your phone." in text_of(asked)
    assert (closed.status_code, closed.url) == (302, "/admin/login/?next=/admin/")
    assert entered.url == "/admin/catalog/product/"
    assert inside


def test_who_needs_no_codes_signs_in_with_the_password_alone() -> None:
    browser, answer = password_of(CashierFactory())
    assert (answer.url, is_in(browser)) == (HOME, True)


def test_in_the_sandbox_nobody_is_asked(settings: LazySettings) -> None:
    person = OwnerFactory()
    with_codes(person)
    settings.SIGN_IN_CODES = False

    browser, answer = password_of(person)

    assert (answer.url, is_in(browser)) == (HOME, True)


WRONG_CODES = ["", "000000", "12345", "abcdef", "\u0660" * 6, "0000-0000-0000-0000", "-1"]


@pytest.mark.parametrize("code", WRONG_CODES)
def test_a_wrong_code_lets_nobody_in(code: str) -> None:
    person = CashierFactory()
    with_codes(person)
    with at():
        browser, _ = password_of(person)
        answer = second_step(browser, code)

    assert answer.status_code == 200
    assert not is_in(browser)


def test_a_code_is_good_once() -> None:
    person = CashierFactory()
    with_codes(person)
    with at():
        first, _ = password_of(person)
        second, _ = password_of(person)
        code = shown_by_the_app()
        second_step(first, code)
        again = second_step(second, code)
        entered = is_in(first), is_in(second)

    assert "That code is not right, or was used before." in text_of(again)
    assert entered == (True, False)


def test_the_code_that_set_up_the_app_does_not_sign_in_as_well() -> None:
    person = CashierFactory()
    with at():
        code = shown_by_the_app()
        codes.set_up(person, SECRET, code)
        browser, _ = password_of(person)
        assert second_step(browser, code).status_code == 200
    assert not is_in(browser)


def test_wrong_codes_make_one_wait_ever_longer_also_for_the_right_one() -> None:
    person = CashierFactory()
    with_codes(person)
    with at():
        browser, _ = password_of(person)
        second_step(browser, "000000")
        early = second_step(browser, shown_by_the_app())
    with at(seconds=1):
        second_step(browser, "000000")
        earlier = second_step(browser, shown_by_the_app())
    with at(seconds=3):
        second_step(browser, shown_by_the_app())
        entered = is_in(browser)

    assert "Wrong codes make you wait. Try again in 1 second." in text_of(early)
    assert "Try again in 2 seconds." in text_of(earlier)
    assert entered


def test_recovery_codes_and_the_app_share_one_brake() -> None:
    person = CashierFactory()
    recovery = with_codes(person)
    with at():
        browser, _ = password_of(person)
        second_step(browser, "0000-0000-0000-0000")
        answer = second_step(browser, recovery[0])

    assert "Wrong codes make you wait." in text_of(answer)
    assert codes.recovery_codes_left(person) == 10


def test_five_wrong_codes_after_the_right_password_are_an_alarm() -> None:
    person = CashierFactory(username="carl")
    with_codes(person)
    with at():
        browser, _ = password_of(person)
    for number in range(5):
        assert not Alarm.objects.exists()
        with at(seconds=60 * number):
            second_step(browser, "000000")

    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.subject) == ("Wrong one-time codes", "carl")


@pytest.mark.parametrize("change", ["password", "closed", "ten minutes"])
def test_the_second_step_does_not_outlive_what_the_first_has_seen(change: str) -> None:
    person = CashierFactory()
    with_codes(person)
    with at():
        browser, _ = password_of(person)
        if change == "password":
            person.set_password("another one 123")
            person.save()
        elif change == "closed":
            User.objects.update(is_active=False)
    with at(seconds=601 if change == "ten minutes" else 0):
        answer = second_step(browser, shown_by_the_app())

    assert (answer.status_code, answer.url) == (302, "/admin/login/?next=%2Fadmin%2Fcatalog%2Fproduct%2F")
    assert not is_in(browser)


@pytest.mark.parametrize("url", [CODE, SET_UP])
def test_there_is_no_second_step_without_the_first(url: str) -> None:
    answer = Browser().post(url, {"code": "000000"})
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, LOGIN)


# -- setting up


def secret_on(page: Any) -> str:
    key = page.context["secret"].replace(" ", "")
    return base64.b32decode(key).hex()


def test_who_holds_a_role_that_requires_codes_sets_them_up_at_the_next_sign_in() -> None:
    person = ManagerFactory(username="mona", email="mona@example.com")
    requires_codes("Manager")
    with at():
        browser, answer = password_of(person)
        page = browser.get(answer.url)
        closed = is_in(browser)
        shown = second_step(browser, shown_by_the_app(secret_on(page)), SET_UP)

    listed = re.findall(r'<li class="bo-code">([0-9A-Z-]+)</li>', shown.content.decode())
    assert answer.url == f"{SET_UP}?next=%2Fadmin%2F"
    assert "<svg" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert not closed
    assert len(set(listed)) == 10
    assert 'href="/admin/catalog/product/"' in shown.content.decode()
    with at():
        assert is_in(browser)
    assert Letter.objects.get().to == "mona@example.com"


def test_others_are_not_asked_when_a_role_requires_codes() -> None:
    requires_codes_of, person = ManagerFactory(), CashierFactory()
    requires_codes("Manager")

    assert password_of(person)[1].url == HOME
    assert password_of(requires_codes_of)[1].url.startswith(SET_UP)


def test_who_may_do_everything_always_needs_codes() -> None:
    assert password_of(OwnerFactory())[1].url.startswith(SET_UP)


def test_nothing_is_set_up_by_a_wrong_code() -> None:
    browser, _ = password_of(OwnerFactory())

    answer = second_step(browser, "000000", SET_UP)

    assert "That code is not the one for now." in text_of(answer)
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not is_in(browser)


def test_who_has_codes_does_not_set_up_others_with_the_password_alone() -> None:
    person = OwnerFactory()
    browser, answer = password_of(person)
    secret = secret_on(browser.get(answer.url))
    with_codes(person)
    with at():
        second_step(browser, shown_by_the_app(secret), SET_UP)

    assert TOTPDevice.objects.get().key == SECRET
    assert not is_in(browser)


def test_a_session_that_the_password_alone_opened_ends_when_the_role_begins_to_require_codes() -> None:
    person = ManagerFactory()
    browser = signed_in(person)
    before = is_in(browser)
    requires_codes("Manager")

    answer = browser.get("/api/docs")
    ended = browser.get(HOME)

    assert before
    assert answer.status_code in (401, 403)
    assert ended.status_code == 302
    assert not Session.objects.filter(person=person).exists()


def test_the_connectors_page_is_closed_until_the_second_step_is_done() -> None:
    person = OwnerFactory()
    with_codes(person)
    with at():
        browser, _ = password_of(person)
        closed = [browser.get(url).status_code for url in ("/api/docs", "/api/schema")]
        second_step(browser, shown_by_the_app())
        opened = browser.get("/api/docs").status_code

    assert closed == [403, 403]
    assert opened == 200


# -- recovery codes


def test_a_recovery_code_signs_in_once_and_the_person_is_told() -> None:
    person = CashierFactory(email="carl@example.com")
    recovery = with_codes(person)
    Letter.objects.all().delete()
    with at():
        first, _ = password_of(person)
        answer = second_step(first, recovery[0].lower().replace("-", " "))
        second, _ = password_of(person)
        second_step(second, recovery[0])

        assert said(answer) == ["You have 9 recovery codes left."]
        assert (is_in(first), is_in(second)) == (True, False)
    assert "9 codes left" in Letter.objects.get().text


def test_recovery_codes_are_not_kept_as_they_are() -> None:
    recovery = with_codes(CashierFactory())
    kept = " ".join(RecoveryCode.objects.values_list("digest", flat=True))

    assert RecoveryCode.objects.count() == 10
    assert [code for code in recovery if code in kept or code.replace("-", "") in kept] == []


# -- my sign-in


def inside(person: User) -> Browser:
    browser, _ = password_of(person)
    second_step(browser, shown_by_the_app())
    return browser


def test_a_person_turns_codes_on_and_other_places_are_signed_out() -> None:
    person = CashierFactory()
    with at():
        other, _ = password_of(person)
        browser, _ = password_of(person)
        secret = secret_on(browser.get(f"{MINE}set-up/"))
        refused = browser.post(f"{MINE}set-up/", {"code": shown_by_the_app(secret), "password": "wrong"})
        nothing = TOTPDevice.objects.exists()
        done = browser.post(f"{MINE}set-up/", {"code": shown_by_the_app(secret), "password": PASSWORD})

        assert "That is not your password." in text_of(refused)
        assert not nothing
        assert text_of(done).count("-") >= 30
        assert (is_in(browser), is_in(other)) == (True, False)
        assert "You have 10 recovery codes left." in text_of(browser.get(MINE))


def test_a_person_turns_codes_off_unless_the_role_requires_them() -> None:
    cashier, manager = CashierFactory(), ManagerFactory()
    requires_codes("Manager")
    for person in (cashier, manager):
        with_codes(person)
    with at():
        statuses = [
            inside(person).post(f"{MINE}turn-off/", {"password": PASSWORD}).status_code for person in (cashier, manager)
        ]

    assert statuses == [302, 403]
    assert TOTPDevice.objects.get().user == manager


def test_new_recovery_codes_void_the_old_ones() -> None:
    person = CashierFactory()
    old = with_codes(person)
    with at():
        browser = inside(person)
        browser.post(f"{MINE}recovery-codes/", {"password": PASSWORD})
    with at(minutes=1):
        late, _ = password_of(person)
        second_step(late, old[0])

    assert codes.recovery_codes_left(person) == 10
    assert not is_in(late)


def test_a_person_signs_out_everywhere_else() -> None:
    person = CashierFactory()
    here, there = password_of(person)[0], password_of(person)[0]

    shown = text_of(here.get(MINE))
    answer = here.post(f"{MINE}end-elsewhere/")

    assert "Elsewhere" in shown
    assert said(answer) == ["Signed out in 1 other place."]
    assert (is_in(here), is_in(there)) == (True, False)


# -- an administrator's help


def person_page(person: User) -> str:
    return reverse("admin:auth_user_change", args=[person.pk])


def test_an_administrator_resets_codes_which_ends_sessions_and_tells_people() -> None:
    person, owner = CashierFactory(username="carl", email="carl@example.com"), OwnerFactory(username="olga")
    with_codes(person)
    TOTPDevice.objects.create(user=owner, key=SECRET, name="App")
    Letter.objects.all().delete()
    with at():
        theirs, browser = inside(person), inside(owner)
        press = person_page(person).replace("change/", "press/reset_codes/")
        asked = browser.post(press)
        nothing_yet = codes.has_codes(person)
        browser.post(press, {"confirmed": "yes"})

        assert "Make sure that you are really talking to that person." in text_of(asked)
        assert nothing_yet
        assert not codes.has_codes(person)
        assert codes.recovery_codes_left(person) == 0
        assert not is_in(theirs)
    assert Alarm.objects.get().kind == "One-time codes reset"
    assert LogEntry.objects.get(object_id=str(person.pk)).change_message == "Reset the one-time codes."
    assert Letter.objects.get().text == "olga turned off the one-time codes of your login."


def test_closing_a_login_ends_its_sessions() -> None:
    person, owner = CashierFactory(), OwnerFactory()
    TOTPDevice.objects.create(user=owner, key=SECRET, name="App")
    theirs, _ = password_of(person)
    with at():
        browser = inside(owner)
        browser.submit(person_page(person), "user_form", is_active=[])

    person.refresh_from_db()
    assert not person.is_active
    assert not Session.objects.filter(person=person).exists()
    assert not is_in(theirs)


def test_an_administrator_makes_a_role_require_codes_and_takes_it_back() -> None:
    owner = OwnerFactory()
    TOTPDevice.objects.create(user=owner, key=SECRET, name="App")
    person = ManagerFactory()
    url = reverse("admin:auth_group_change", args=[Group.objects.get(name="Manager").pk])
    with at():
        browser = inside(owner)
        browser.submit(url, "group_form", codes_required="on")
        asked = codes.must_have(person)
        browser.submit(url, "group_form", codes_required=[])

    assert asked
    assert not codes.must_have(person)


def test_letters_go_out_once_and_wait_for_a_mail_server_that_is_away(settings: LazySettings) -> None:
    letters.write(CashierFactory(email="carl@example.com"), "Subject", "Text.")
    letters.write(CashierFactory(email=""), "Subject", "Text.")
    now = datetime.now(UTC)

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert letters.send(now) == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert [letters.send(now), letters.send(now)] == [1, 0]

    assert [(letter.to, letter.subject) for letter in mail.outbox] == [(["carl@example.com"], "[sandbox] Subject")]


def test_who_runs_the_servers_lets_the_last_administrator_in_again(capsys: pytest.CaptureFixture[str]) -> None:
    owner = OwnerFactory(username="olga")
    with_codes(owner)
    with at():
        browser = inside(owner)
        Browser().post(LOGIN, {"username": "olga", "password": "wrong"})
        call_command("letin", "olga", reset_codes=True)

        assert not codes.has_codes(owner)
        assert not is_in(browser)
    assert capsys.readouterr().out.splitlines() == [
        "Wrong tries forgotten: 1.",
        "One-time codes taken away; signed out in 1 place.",
    ]
    with pytest.raises(CommandError, match="There is no login “nobody”"):
        call_command("letin", "nobody")
