"""One-time codes: a role asks for them, somebody sets them up at signing in, loses the phone, and starts again."""

from base64 import b32decode
from collections.abc import Sequence
from typing import Any

from django_otp.oath import totp
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.people import PASSWORD
from tests.browser.steps import add, button, choose, field, go, save, says, search, sizes
from tests.browser.windows import Window
from tests.journeys.house import House

APPS = "SELECT count(*) FROM otp_totp_totpdevice d JOIN auth_user u ON u.id = d.user_id WHERE u.username = ?"
PAPER = "SELECT count(*) FROM signin_recoverycode c JOIN auth_user u ON u.id = c.person_id WHERE u.username = ?"


@sizes
def test_codes_are_set_up_at_signing_in_and_reset_by_an_administrator(
    house: House, office_of: Any, open_window: OpenWindow, size: str
) -> None:
    name = f"noa-{size}"
    with office_of("ada", size) as office:
        _make_role(office, f"Night desk {size}")
        _make_person(office, name, f"Night desk {size}")
    with open_window(size) as office:
        on_paper = _set_up(office, name)
        assert (house.records.rows(APPS, name), house.records.rows(PAPER, name)) == ([(1,)], [(10,)])
        office.sign_out()
        _password(office, name)
        expect(office.page.locator("input[name=code]")).to_be_focused()
        _type_code(office, on_paper[0])
        says(office, "You have 9 recovery codes left.")
        assert house.records.rows(PAPER, name) == [(9,)]
    with office_of("ada", size) as office:
        go(office, "People")
        search(office, name)
        office.follow(office.page.get_by_role("link", name=name, exact=True))
        says(office, "On; 9 recovery codes left")
        office.follow(button(office, "Reset one-time codes"))
        office.look()
        office.follow(button(office, "Reset"))
        says(office, "To be set up at the next sign-in")
    assert (house.records.rows(APPS, name), house.records.rows(PAPER, name)) == ([(0,)], [(0,)])
    with open_window(size) as office:
        assert not set(_set_up(office, name)) & set(on_paper)


def _make_role(office: Window, role: str) -> None:
    go(office, "Roles")
    add(office)
    office.look()
    field(office, "name").fill(role)
    choose(office, "permissions", "Can view a purchase")
    field(office, "codes_required").check()
    save(office)


def _make_person(office: Window, name: str, role: str) -> None:
    go(office, "People")
    add(office)
    field(office, "username").fill(name)
    field(office, "password1").fill(PASSWORD)
    field(office, "password2").fill(PASSWORD)
    office.page.get_by_text("Add another Role").click()
    field(office, "assignments-0-role").select_option(label=role)
    save(office)
    says(office, "To be set up at the next sign-in")


def _password(office: Window, name: str) -> None:
    office.open("/admin/")
    office.page.get_by_label("Username").fill(name)
    office.page.get_by_label("Password").fill(PASSWORD)
    office.follow(button(office, "Sign in"))


def _type_code(office: Window, code: str) -> None:
    field = office.page.locator("input[name=code]")
    office.look()
    field.fill(code)
    with office.page.expect_navigation():
        field.press("Enter")


def _set_up(office: Window, name: str) -> Sequence[str]:
    """With a code of the app, which reads the key; gives the recovery codes."""
    _password(office, name)
    says(office, "Your role needs a second proof besides the password")
    _type_code(office, "000000")
    says(office, "That code is not the one for now.")
    office.page.get_by_text("Type this key instead").click()
    key = office.page.locator("details .bo-code").inner_text().replace(" ", "")
    _type_code(office, f"{totp(b32decode(key)):06}")
    says(office, "they are shown only this once.")
    on_paper = office.page.locator("li.bo-code").all_inner_texts()
    assert len(set(on_paper)) == 10
    office.follow(office.page.get_by_role("link", name="I have kept them; go on"))
    says(office, "Today")
    return on_paper
