"""What every admin page has: the environment, the alarms, a sidebar by job; the home page; the roles."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jwo_store import paging
from jwo_store.models import Alarm
from jwo_store.roles import ROLES, sync_groups
from jwo_store.signin.models import WrongTry
from orders.models import Purchase
from tests.factories import (
    PASSWORD,
    AlarmFactory,
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    PurchaseFactory,
    StoreFactory,
    StrangerFactory,
    UserFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

HOME = "/admin/"
ALARMS = "/admin/jwo_store/alarm/"
ACKNOWLEDGE = "/admin/alarms/acknowledge/"


def links_of(response: Any) -> list[str]:
    return re.findall(r'href="(/admin/[^"]*)"', response.content.decode())


# -- the environment


@pytest.mark.parametrize(
    ("environment", "text", "tone"),
    [("sandbox", "Sandbox", "info"), ("test", "Test", "warning"), ("live", "Live", "danger")],
)
def test_the_environment_stands_on_the_login_page_and_inside(
    settings: LazySettings, environment: str, text: str, tone: str
) -> None:
    settings.JWO_ENVIRONMENT = environment
    settings.SECURE_SSL_REDIRECT = False

    login = Browser().get("/admin/login/")
    home = signed_in(OwnerFactory()).get(HOME)

    assert f'<span class="bo-badge bo-{tone}">{text}</span>' in login.content.decode()
    assert f"<title>[{text}]" in login.content.decode()
    assert home.context["environment"] == [text, tone]
    assert f"<title>[{text}]" in home.content.decode()


def test_nobody_enters_without_signing_in_as_staff() -> None:
    nobody = Browser().get(HOME)
    stranger = signed_in(StrangerFactory()).get(HOME)

    assert (nobody.status_code, nobody.url) == (302, "/admin/login/?next=/admin/")
    assert (stranger.status_code, stranger.url) == (302, "/admin/login/?next=/admin/")


def test_staff_sign_in_with_their_password() -> None:
    CashierFactory(username="carl")
    browser = Browser()

    answer = browser.post("/admin/login/?next=/admin/", {"username": "carl", "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, HOME)


PAGES = [
    "/admin/login/",
    HOME,
    ALARMS,
    "/admin/pricing/promotion/add/",
    "/admin/orders/purchase/",
    "/admin/auth/user/",
    "/admin/catalog/product/",
    "/admin/catalog/catalogupload/",
    "/admin/catalog/storelist/",
]


@pytest.mark.parametrize("url", PAGES)
def test_no_page_has_a_script_that_the_content_security_policy_forbids(url: str) -> None:
    AlarmFactory()
    page = signed_in(OwnerFactory()).get(url, follow=True).content.decode()

    scripts = re.findall(r"<script\b([^>]*)>", page)
    assert scripts
    assert [
        attributes for attributes in scripts if "src=" not in attributes and "application/json" not in attributes
    ] == []
    assert re.findall(r"\son(click|load|submit|change)=", page) == []


# -- alarms on every page


def some_alarms(count: int) -> list[Alarm]:
    """The first is the newest."""
    now = timezone.now()
    return [
        AlarmFactory(subject=f"subject {number}", last_at=now - timedelta(minutes=number), link=f"/admin/?{number}")
        for number in range(count)
    ]


def test_the_banner_counts_the_open_alarms_and_shows_the_newest_three() -> None:
    some_alarms(5)
    AlarmFactory(subject="seen", acknowledged_at=timezone.now(), acknowledged_by=OwnerFactory())

    page = signed_in(ManagerFactory()).get("/admin/pricing/price/")

    assert "5 alarms nobody has acknowledged" in text_of(page)
    assert [alarm.subject for alarm in page.context["open_alarms"].newest] == ["subject 0", "subject 1", "subject 2"]
    assert {"/admin/?0", "/admin/?1", "/admin/?2", f"{ALARMS}?state=open"} <= set(links_of(page))
    assert page.content.decode().count(f'action="{ACKNOWLEDGE}"') == 3


@pytest.mark.parametrize(("count", "queries"), [(0, 1), (3, 1), (4, 2), (40, 2)])
def test_the_banner_costs_two_queries_at_most(count: int, queries: int) -> None:
    some_alarms(count)
    browser = signed_in(OwnerFactory())

    with CaptureQueriesContext(
        connection,
    ) as asked:
        browser.get("/admin/catalog/store/")

    assert sum('FROM "jwo_store_alarm"' in query["sql"] for query in asked.captured_queries) == queries


def test_the_banner_is_for_those_who_may_see_alarms() -> None:
    some_alarms(1)

    cashier, nobody = signed_in(CashierFactory()).get(HOME), signed_in(UserFactory()).get(HOME)

    assert "1 alarm nobody has acknowledged" in text_of(cashier)
    assert ACKNOWLEDGE not in cashier.content.decode()
    assert "alarm" not in text_of(nobody)


def test_a_manager_acknowledges_an_alarm_and_stays_on_the_page() -> None:
    first, second = some_alarms(2)
    manager = ManagerFactory()
    before = timezone.now()

    answer = signed_in(manager).post(ACKNOWLEDGE, {"alarm": first.pk, "back": "/admin/pricing/price/?q=COLA"})

    first.refresh_from_db()
    second.refresh_from_db()
    assert (answer.status_code, answer.url) == (302, "/admin/pricing/price/?q=COLA")
    assert said(answer) == ["1 alarm acknowledged."]
    assert first.acknowledged_by == manager
    assert isinstance(first.acknowledged_at, datetime)
    assert before <= first.acknowledged_at <= timezone.now()
    assert second.acknowledged_at is None


def test_an_alarm_stays_as_it_was_acknowledged_first() -> None:
    earlier, seen_by = timezone.now() - timedelta(days=1), OwnerFactory()
    alarm = AlarmFactory(acknowledged_at=earlier, acknowledged_by=seen_by)

    answer = signed_in(ManagerFactory()).post(ACKNOWLEDGE, {"alarm": alarm.pk})

    alarm.refresh_from_db()
    assert said(answer) == ["0 alarms acknowledged."]
    assert (alarm.acknowledged_at, alarm.acknowledged_by) == (earlier, seen_by)


@pytest.mark.parametrize("back", ["https://example.com/", "//example.com/", "javascript:alert(1)", ""])
def test_acknowledging_leads_nowhere_else(back: str) -> None:
    answer = signed_in(ManagerFactory()).post(ACKNOWLEDGE, {"alarm": "x", "back": back})

    assert answer.url == HOME


@pytest.mark.parametrize(("person", "status"), [(CashierFactory, 403), (StrangerFactory, 302)])
def test_others_may_not_acknowledge(person: Any, status: int) -> None:
    alarm = AlarmFactory()

    answer = signed_in(person()).post(ACKNOWLEDGE, {"alarm": alarm.pk})

    alarm.refresh_from_db()
    assert answer.status_code == status
    assert alarm.acknowledged_at is None


def test_acknowledging_takes_a_post_with_its_token() -> None:
    alarm = AlarmFactory()
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(ManagerFactory())

    assert browser.get(f"{ACKNOWLEDGE}?alarm={alarm.pk}").status_code == 403
    assert browser.post(ACKNOWLEDGE, {"alarm": alarm.pk}).status_code == 403
    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None


# -- the list of alarms


def test_the_list_of_alarms_costs_the_same_whatever_its_length(django_assert_num_queries: Any) -> None:
    browser = signed_in(OwnerFactory())
    AlarmFactory.create_batch(4)
    browser.get(ALARMS)
    with CaptureQueriesContext(connection) as few:
        browser.get(ALARMS)

    AlarmFactory.create_batch(30)
    with django_assert_num_queries(len(few)):
        browser.get(ALARMS)


def test_the_list_is_filtered_by_what_nobody_has_acknowledged() -> None:
    AlarmFactory(subject="open")
    AlarmFactory(subject="seen", acknowledged_at=timezone.now(), acknowledged_by=OwnerFactory())
    browser = signed_in(CashierFactory())

    def subjects(query: str) -> list[str]:
        return sorted(alarm.subject for alarm in browser.get(ALARMS + query).context["cl"].result_list)

    assert subjects("") == ["open", "seen"]
    assert subjects("?state=open") == ["open"]
    assert subjects("?state=seen") == ["seen"]


def test_alarms_are_acknowledged_from_the_list_and_from_their_page() -> None:
    first, second = some_alarms(2)
    browser = signed_in(ManagerFactory())

    from_list = browser.post(ALARMS, {"action": "acknowledge", "_selected_action": [first.pk]})
    from_page = browser.post(f"{ALARMS}{second.pk}/press/acknowledge/")

    assert said(from_list) == ["1 alarm acknowledged."]
    assert from_page.url == f"{ALARMS}{second.pk}/change/"
    assert Alarm.objects.open().count() == 0


def test_who_may_not_acknowledge_is_not_offered_it() -> None:
    alarm = AlarmFactory()
    browser = signed_in(CashierFactory())

    page = browser.get(f"{ALARMS}{alarm.pk}/change/")
    pressed = browser.post(f"{ALARMS}{alarm.pk}/press/acknowledge/")

    assert page.status_code == 200
    assert "/press/" not in page.content.decode()
    assert pressed.status_code == 403
    assert Alarm.objects.open().count() == 1


def test_alarms_are_neither_added_nor_changed_nor_deleted_by_hand() -> None:
    alarm = AlarmFactory()
    browser = signed_in(OwnerFactory())

    assert browser.get(f"{ALARMS}add/").status_code == 403
    assert browser.post(f"{ALARMS}{alarm.pk}/change/", {"text": "nothing"}).status_code == 403
    assert browser.post(f"{ALARMS}{alarm.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Alarm.objects.get().text == alarm.text


# -- the sidebar and the home page

EVERYTHING = {
    HOME,
    "/admin/pricing/pricechange/",
    "/admin/orders/purchase/",
    "/admin/orders/purchase/waiting/",
    "/admin/orders/refusedcart/",
    "/admin/orders/financeexport/",
    "/admin/pricing/price/",
    "/admin/pricing/price/cart/",
    "/admin/pricing/promotion/",
    "/admin/pricing/taxrule/",
    "/admin/pricing/taxcategory/",
    "/admin/pricing/taxholiday/",
    "/admin/pricing/fee/",
    "/admin/catalog/product/",
    "/admin/catalog/productfinding/",
    "/admin/catalog/catalogupload/",
    "/admin/pricing/price/changed/",
    "/admin/pricing/proposal/",
    "/admin/pricing/promotion/calendar/",
    "/admin/orders/backtest/",
    "/admin/catalog/catalogrun/",
    "/admin/catalog/catalogmessage/",
    "/admin/catalog/queuereading/",
    "/admin/catalog/storelist/",
    "/admin/catalog/store/",
    "/admin/auth/user/",
    "/admin/auth/group/",
    "/admin/signin/wrongtry/",
    ALARMS,
}
OWN = {"/admin/auth/user/", "/admin/auth/group/", "/admin/signin/wrongtry/"}
LOOKED_AT = {
    HOME,
    "/admin/orders/purchase/",
    "/admin/orders/purchase/waiting/",
    "/admin/pricing/price/",
    "/admin/pricing/price/cart/",
    "/admin/pricing/price/changed/",
    "/admin/pricing/promotion/",
    "/admin/pricing/promotion/calendar/",
    "/admin/catalog/product/",
    "/admin/catalog/productfinding/",
    "/admin/catalog/catalogupload/",
    ALARMS,
}


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        (OwnerFactory, EVERYTHING),
        (ManagerFactory, EVERYTHING - OWN),
        (CashierFactory, LOOKED_AT),
        (UserFactory, {HOME}),
    ],
)
def test_the_sidebar_leads_where_a_person_may_look_and_nowhere_else(person: Any, seen: set[str]) -> None:
    browser = signed_in(person())

    groups = browser.get(HOME).context["sidebar_navigation"]
    links = {item["link"].partition("?")[0] for group in groups for item in group["items"]}
    answers = {link: browser.get(link).status_code for link in EVERYTHING}

    assert links == seen
    assert answers == {link: 200 if link in seen else 403 for link in EVERYTHING}


def test_the_sidebar_marks_where_one_is() -> None:
    browser = signed_in(OwnerFactory())

    def active(url: str) -> list[str]:
        groups = browser.get(url).context["sidebar_navigation"]
        return [item["title"] for group in groups for item in group["items"] if item["active"]]

    assert active("/admin/pricing/fee/") == ["Deposits and fees"]
    assert active("/admin/orders/purchase/waiting/") == ["Waiting for a repair"]
    assert active("/admin/orders/purchase/?status__exact=REJECTED") == ["Refused by Amazon"]
    assert active("/admin/pricing/price/") == ["All prices"]
    assert active("/admin/pricing/price/cart/?item=sku~A~1") == ["Price a cart"]
    assert active("/admin/orders/purchase/?status__exact=ORDERED") == ["All purchases"]
    assert active("/admin/orders/purchase/") == ["All purchases"]


def tiles_of(user: User) -> dict[str, tuple[str, str, str]]:
    tiles = signed_in(user).get(HOME).context["tiles"]
    return {tile.title: (tile.value, tile.tone, tile.link) for tile in tiles}


def test_the_home_page_counts_what_waits() -> None:
    now = timezone.now()
    east = StoreFactory(name="Arena East", on_hold=True, time_zone="UTC")
    PurchaseFactory(store=east, parked=True, received_at=now - timedelta(days=2, hours=3, minutes=5))
    PurchaseFactory(store=east, under_way=True, received_at=now)
    PurchaseFactory.create_batch(2, store=east, refused=True, received_at=now)
    PurchaseFactory.create_batch(4, store=east, ordered=True, received_at=now)
    PurchaseFactory(store=east, ordered=True, received_at=now, ordered_at=now + timedelta(minutes=2))
    PurchaseFactory(store=east, empty=True, received_at=now)
    PurchaseFactory(store=east, ordered=True, received_at=now - timedelta(days=2))
    PurchaseFactory(store=east, parked=True, is_test=True)
    PurchaseFactory(store=east, parked=True, environment="test")
    parked = Purchase.objects.get(received_at__lt=now - timedelta(days=2, hours=1))

    purchases, real = "/admin/orders/purchase/", "is_test__exact=0&environment__exact=sandbox"
    assert tiles_of(CashierFactory()) == {
        "Trips today": ("9", "plain", f"{purchases}?view=today&{real}"),
        "Revenue today": ("20.30 USD", "plain", f"{purchases}?view=today&status__exact=ORDERED&{real}"),
        "Trips with an order": ("62.5%", "look", f"{purchases}?view=today&order=none&{real}"),
        "From cart to order": ("24.0 s", "look", f"{purchases}?view=today&order=slow&{real}"),
        "Waiting for a repair": ("1", "look", f"{purchases}?status__exact=UNPRICED&{real}"),
        "Refused by Amazon": ("2", "look", f"{purchases}?status__exact=REJECTED&{real}"),
        "On the way to Amazon": ("1", "plain", f"{purchases}?status__exact=AWAITING_CHECKOUT&{real}"),
        "Oldest without an order": ("2 days", "plain", f"{purchases}{parked.pk}/change/"),
        "Test trips today": ("1", "plain", f"{purchases}?view=today&is_test__exact=1&environment__exact=sandbox"),
        "Products refused by Amazon": ("0", "good", "/admin/catalog/product/?amazon=refused"),
        "Products kept back": ("0", "good", "/admin/catalog/product/?amazon=kept_back"),
        "Last catalog result": ("—", "plain", "/admin/catalog/catalogupload/"),
        "Stopped uploads": ("0", "good", "/admin/catalog/catalogupload/?stopped=yes"),
    }
    assert tiles_of(ManagerFactory())["Stores on hold"] == ("1", "look", "/admin/catalog/store/?on_hold__exact=1")


def test_the_home_page_is_calm_when_nothing_waits() -> None:
    tiles = tiles_of(OwnerFactory())

    assert tiles["Waiting for a repair"][:2] == ("0", "good")
    assert tiles["Stores on hold"][:2] == ("0", "good")
    assert tiles["Oldest without an order"][0] == "—"


def test_the_home_page_tells_who_has_no_role_whom_to_ask() -> None:
    page = signed_in(UserFactory()).get(HOME)

    assert page.context["tiles"] == []
    assert "Your login may not see anything yet." in text_of(page)


# -- roles


def codes_of(group: str) -> set[str]:
    permissions = Permission.objects.filter(group__name=group).select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions}


def test_every_permission_of_a_role_exists() -> None:
    sync_groups()

    assert {name: codes_of(name) for name in ROLES} == {name: set(codes) for name, codes in ROLES.items()}


def test_the_roles_are_made_once_and_kept_as_they_are_written() -> None:
    sync_groups()
    staff = Group.objects.get(name="Staff")
    staff.permissions.add(Permission.objects.get(codename="change_price"))
    own = Group.objects.create(name="Our own")
    own.permissions.add(Permission.objects.get(codename="change_price"))

    sync_groups()

    assert sorted(Group.objects.values_list("name", flat=True)) == sorted([*ROLES, "Our own"])
    assert Group.objects.get(name="Staff") == staff
    assert "pricing.change_price" not in codes_of("Staff")
    assert codes_of("Our own") == {"pricing.change_price"}


def test_staff_may_help_shoppers_and_change_nothing_else() -> None:
    assert set(ROLES["Staff"]) == {
        "orders.view_purchase",
        "orders.reprice_purchase",
        "orders.send_purchase",
        "jwo_store.view_alarm",
        "catalog.view_product",
        "catalog.view_productfinding",
        "catalog.view_catalogupload",
        "catalog.export_product",
        "pricing.view_price",
        "pricing.view_promotion",
    }
    assert set(ROLES["Staff"]) < set(ROLES["Manager"])


def test_a_search_leaves_out_what_a_column_cannot_hold() -> None:
    """Looking for a login among wrong sign-ins, where a whole address may be searched as well."""
    now, browser = timezone.now(), signed_in(OwnerFactory())
    for login, address in (("anna", "192.0.2.1"), ("bert", "192.0.2.2")):
        WrongTry.objects.create(username=login, ip_address=address, failures_since_start=1, attempt_time=now)

    def found(text: str) -> set[str]:
        rows = browser.get("/admin/signin/wrongtry/", {"q": text}).context_data["cl"].result_list
        return {row.username for row in rows}

    assert found("an") == {"anna"}
    assert found("192.0.2.2") == {"bert"}
    assert found("192.0.2") == set()


def test_a_long_list_is_counted_no_further_than_its_pages_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 100)
    AlarmFactory.create_batch(100)
    browser = signed_in(OwnerFactory())

    whole = text_of(browser.get(ALARMS, {"p": 2}))
    AlarmFactory.create_batch(3)
    with CaptureQueriesContext(connection) as queries:
        shown = browser.get(ALARMS, {"p": 2})
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "LIMIT 101" in query["sql"]]

    assert "100 alarms" in whole
    assert "more than" not in whole
    assert "more than 100 alarms (these pages show the first 100: filter or search for others)" in text_of(shown)
    assert shown.context_data["cl"].paginator.num_pages == 2
    assert len(counts) == 1
    assert browser.get(ALARMS, {"p": 3}).status_code == 302
