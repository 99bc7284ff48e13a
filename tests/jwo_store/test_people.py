"""The pages People and Roles: who gives which roles to whom."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Store
from jwo_store import access
from jwo_store.models import Assignment
from jwo_store.people import LAST
from jwo_store.roles import ROLES, WHAT_IT_MAY, sync_groups
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    StoreFactory,
    UserFactory,
    assign,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db
PEOPLE, ROLE_PAGES = "/admin/auth/user/", "/admin/auth/group/"
NEW = {"username": "carl", "password1": "a long enough secret", "password2": "a long enough secret"}


@pytest.fixture
def north() -> Store:
    return StoreFactory(store_id="NORTH", name="North")


@pytest.fixture
def south() -> Store:
    return StoreFactory(store_id="SOUTH", name="South")


def administrator(*stores: Store) -> User:
    return assign(UserFactory(), "Administrator", *stores)


def page(person: User) -> str:
    return f"{PEOPLE}{person.pk}/change/"


def role(name: str) -> Group:
    sync_groups()
    return Group.objects.get(name=name)


def rows(*given: tuple[str, Store | None], first: int = 0) -> dict[str, Any]:
    """What the form says of these new roles, behind those that the person has."""
    entered: dict[str, Any] = {"assignments-TOTAL_FORMS": first + len(given)}
    for at, (name, store) in enumerate(given, start=first):
        entered[f"assignments-{at}-role"] = role(name).pk
        entered[f"assignments-{at}-store"] = store.pk if store else ""
    return entered


def held(person: User) -> list[tuple[str, str | None]]:
    return sorted(Assignment.objects.filter(person=person).values_list("role__name", "store"), key=str)


# -- letting people in


def test_the_owner_lets_somebody_in_with_roles_for_stores(north: Store) -> None:
    browser = signed_in(OwnerFactory())

    answer = browser.submit(f"{PEOPLE}add/", "user_form", **NEW, **rows(("Staff", None), ("Pricing", north)))

    carl = User.objects.get(username="carl")
    assert answer.status_code == 302
    assert (carl.is_staff, carl.is_superuser) == (True, False)
    assert held(carl) == [("Pricing", "NORTH"), ("Staff", None)]
    assert access.stores_with(carl, "pricing.change_price").ids == {"NORTH"}


def test_an_administrator_gives_every_role_that_comes_with_the_product() -> None:
    browser = signed_in(administrator())

    browser.submit(f"{PEOPLE}add/", "user_form", **NEW, **rows(*((name, None) for name in ROLES)))

    assert held(User.objects.get(username="carl")) == sorted((name, None) for name in ROLES)


def test_an_administrator_of_a_store_gives_roles_there_alone(north: Store, south: Store) -> None:
    browser = signed_in(administrator(north))

    for store in (south, None):
        answer = browser.submit(f"{PEOPLE}add/", "user_form", **NEW, **rows(("Staff", store)))
        assert answer.status_code == 200
    assert not User.objects.filter(username="carl").exists()

    browser.submit(f"{PEOPLE}add/", "user_form", **NEW, **rows(("Staff", north)))
    assert held(User.objects.get(username="carl")) == [("Staff", "NORTH")]


def test_an_administrator_of_a_store_adds_nobody_without_a_role_there(north: Store) -> None:
    answer = signed_in(administrator(north)).submit(f"{PEOPLE}add/", "user_form", **NEW)

    assert "Give at least one role in one of your stores" in text_of(answer)
    assert not User.objects.filter(username="carl").exists()


# -- nobody gives more than they hold


@pytest.fixture
def helper() -> User:
    """Looks after people, and may do nothing else."""
    person = UserFactory(username="helper")
    person.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    return User.objects.get(pk=person.pk)


def test_nobody_gives_more_than_they_hold(helper: User) -> None:
    carl = assign(UserFactory(username="carl"), "Staff")

    for person in (helper, UserFactory()):
        answer = signed_in(helper).submit(page(person), "user_form", **rows(("Manager", None)))
        assert "Manager may do more in all stores than you may yourself" in text_of(answer)

    assert held(helper) == []
    assert held(carl) == [("Staff", None)]


def test_only_who_may_do_everything_lets_others_do_everything(helper: User) -> None:
    signed_in(helper).submit(page(helper), "user_form", is_superuser="on", first_name="Hel")

    helper.refresh_from_db()
    assert (helper.first_name, helper.is_superuser) == ("Hel", False)


@pytest.mark.parametrize("who_may_more", [OwnerFactory, ManagerFactory])
def test_the_login_of_who_may_more_is_not_ones_own(helper: User, who_may_more: Any) -> None:
    other = who_may_more()
    old, browser = other.password, signed_in(helper)
    password = {"password1": NEW["password1"], "password2": NEW["password2"], "usable_password": "true"}

    answers = [
        browser.post(page(other), {"username": "taken"}),
        browser.post(f"{PEOPLE}{other.pk}/password/", password),
    ]

    other.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert other.password == old
    assert browser.get(page(other)).status_code == 200


def test_an_administrator_of_a_store_changes_nobody_who_works_elsewhere_too(north: Store, south: Store) -> None:
    here, both, there = (CashierFactory(role=stores) for stores in ([north], [north, south], [south]))
    browser = signed_in(administrator(north))

    assert [browser.post(page(one), {}).status_code for one in (here, both, there)] == [200, 403, 404]
    assert "South" not in text_of(browser.get(PEOPLE)) + text_of(browser.get(page(both)))


@pytest.mark.parametrize("make", [CashierFactory, ManagerFactory])
def test_who_does_not_look_after_people_gives_no_role(make: Any) -> None:
    person = make()
    browser = signed_in(person)

    answers = [browser.get(PEOPLE), browser.post(page(person), rows(("Manager", None))), browser.get(f"{PEOPLE}add/")]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len(held(person)) == 1


def test_roles_are_taken_away_row_by_row(north: Store) -> None:
    carl = assign(CashierFactory(role=[north]), "Pricing", north)
    kept = Assignment.objects.get(person=carl, role__name="Pricing")

    signed_in(OwnerFactory()).submit(page(carl), "user_form", **{"assignments-1-DELETE": "on"})

    assert list(Assignment.objects.filter(person=carl)) == [kept]


# -- somebody always remains


def last_administrator() -> tuple[User, Browser]:
    person = administrator()
    return person, signed_in(person)


@pytest.mark.parametrize("changes", [{"is_active": []}, {"is_staff": []}, {"assignments-0-DELETE": "on"}])
def test_the_last_administrator_is_not_locked_out(changes: dict[str, Any]) -> None:
    person, browser = last_administrator()

    answer = browser.submit(page(person), "user_form", **changes)

    person.refresh_from_db()
    assert said(answer) == [LAST]
    assert (person.is_active, person.is_staff, held(person)) == (True, True, [("Administrator", None)])


def test_an_administrator_goes_when_another_remains() -> None:
    person, browser = last_administrator()
    administrator()

    browser.submit(page(person), "user_form", is_active=[])

    person.refresh_from_db()
    assert not person.is_active


def test_people_are_not_deleted() -> None:
    carl = CashierFactory()

    answer = signed_in(OwnerFactory()).post(f"{PEOPLE}{carl.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert User.objects.filter(pk=carl.pk).exists()


# -- the list and the roles


def test_the_list_of_people_says_who_holds_which_role_where(north: Store) -> None:
    assign(CashierFactory(username="carl", role=[north]), "Auditor")

    text = text_of(signed_in(OwnerFactory(username="olga")).get(PEOPLE))

    assert "Auditor in all stores, Staff in North" in text
    assert "Everything" in text


def test_the_list_of_people_costs_the_same_whatever_its_length(north: Store, django_assert_num_queries: Any) -> None:
    browser = signed_in(administrator())
    CashierFactory(role=[north])
    browser.get(PEOPLE)
    with CaptureQueriesContext(connection) as few:
        browser.get(PEOPLE)
    for _ in range(5):
        assign(CashierFactory(role=[north]), "Pricing", StoreFactory())

    with django_assert_num_queries(len(few)):
        browser.get(PEOPLE)


def test_every_role_is_explained_on_both_pages() -> None:
    sync_groups()
    browser = signed_in(OwnerFactory())

    assert set(WHAT_IT_MAY) == set(ROLES)
    for url in (ROLE_PAGES, f"{PEOPLE}add/"):
        text = text_of(browser.get(url))
        assert [name for name, sentence in WHAT_IT_MAY.items() if sentence not in text] == []


def test_the_roles_of_the_product_stay_as_they_are() -> None:
    manager = role("Manager")

    signed_in(OwnerFactory()).post(f"{ROLE_PAGES}{manager.pk}/change/", {"name": "Boss", "permissions": []})

    manager.refresh_from_db()
    assert (manager.name, manager.permissions.count()) == ("Manager", len(ROLES["Manager"]))


def test_a_role_of_ones_own_holds_no_more_than_its_maker(helper: User) -> None:
    price, user = (Permission.objects.get(codename=name) for name in ("change_price", "view_user"))
    browser = signed_in(helper)

    browser.submit(f"{ROLE_PAGES}add/", "group_form", name="Too much", permissions=[price.pk])
    browser.submit(f"{ROLE_PAGES}add/", "group_form", name="Reads people", permissions=[user.pk])

    assert not Group.objects.filter(name="Too much").exists()
    assert list(Group.objects.get(name="Reads people").permissions.all()) == [user]


def test_a_role_says_how_many_people_hold_it(north: Store, south: Store) -> None:
    CashierFactory(role=[north, south])

    shown = signed_in(OwnerFactory()).get(ROLE_PAGES).context["cl"].result_list

    assert {row.name: row.people_count for row in shown}["Staff"] == 1
    assert Assignment.objects.count() == 2


def test_nobody_signs_out_or_resets_codes_of_who_may_do_more(north: Store) -> None:
    looks_after_people = Group.objects.create(name="Front desk")
    looks_after_people.permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    desk = assign(UserFactory(), "Front desk", north)
    colleague, manager = (assign(UserFactory(), role, north) for role in ("Front desk", "Manager"))
    theirs = {person: signed_in(person) for person in (colleague, manager)}
    browser = signed_in(desk)

    for person in theirs:
        browser.post(f"{PEOPLE}{person.pk}/press/sign_out/")

    assert {person: theirs[person].get("/admin/").status_code for person in theirs} == {colleague: 302, manager: 200}
    chosen = {"action": "sign_out", "_selected_action": [manager.pk, colleague.pk]}
    assert said(browser.post(PEOPLE, chosen))[-1] == "1 person signed out everywhere."


def test_the_pages_speak_of_people_and_roles_and_not_of_how_a_password_is_kept() -> None:
    owner, person = OwnerFactory(), UserFactory()
    browser = signed_in(owner)

    shown = text_of(browser.get(page(person)))

    assert "A password is set; nobody can read it." in shown
    assert not [word for word in ("pbkdf2", "algorithm", "salt", "hash", "Raw passwords") if word in shown]
    person.set_unusable_password()
    person.save()
    assert "There is none, so the person cannot sign in." in text_of(browser.get(page(person)))
    assert "Add a person" in text_of(browser.get(f"{PEOPLE}add/"))
    assert "Add a role" in text_of(browser.get(f"{ROLE_PAGES}add/"))
