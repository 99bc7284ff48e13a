"""Whoever works in one store meets nothing of another one, on no page there is, and changes nothing there.

Every page of every registered admin is walked, found by the registry and the URL resolver: what is added later is
walked too. A person with every role, but in the store NORTH, looks for what belongs to the store SOUTH alone.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from catalog.models import Store
from jwo_store import access
from jwo_store.admin_site import BackOfficeAdmin, site
from pricing.basket import SKU
from pricing.models import Price
from tests.factories import (
    Browser,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    PurchaseFactory,
    StoreFactory,
    UserFactory,
    assign,
    signed_in,
    text_of,
)
from tests.walks import actions_of, content_of, everybody, name_of, pages_of, plain_pages, rows_of

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"SOUTH|South|QZX|777\.77|888\.88")
"""What belongs to the other store alone: its ID and name, its SKUs, its prices, its people and texts."""

TOLD = re.compile(r"South|QZX [a-z]+|777\.77|888\.88")
"""The same, but for the IDs that somebody who knows them may type into an address."""


@pytest.fixture
def north() -> Store:
    return StoreFactory(store_id="NORTH", name="North")


@pytest.fixture
def south() -> Store:
    return StoreFactory(store_id="SOUTH", name="South")


@pytest.fixture
def of_south(south: Store, north: Store) -> list[Model]:
    return rows_of(south, north)


@pytest.fixture
def stranger(north: Store) -> Browser:
    return signed_in(everybody(north))


def told(pattern: re.Pattern[str], page: str, *typed: str) -> list[str]:
    """What the page says of the other store; not what the person has typed into the address themselves."""
    for text in typed:
        for form in (text, quote_plus(text), escape(text)):
            page = page.replace(form, "")
    return sorted(set(pattern.findall(page)))


# -- looking


def test_every_page_says_how_its_rows_lead_to_a_store() -> None:
    undeclared = [
        type(page).__name__
        for page in site._registry.values()
        if not any("store_path" in vars(one) for one in type(page).__mro__[: type(page).__mro__.index(BackOfficeAdmin)])
    ]

    assert undeclared == []


def test_the_owner_finds_what_the_stranger_looks_for(of_south: list[Model], south: Store) -> None:
    """Or else the walk below proved nothing."""
    browser = signed_in(everybody(south))
    lists = {type(row): f"admin:{name_of(row, 'changelist')}" for row in of_south}

    answers = {model.__name__: browser.get(reverse(name)) for model, name in lists.items()}

    silent = {name for name, page in answers.items() if page.status_code != 200 or not SECRET.search(content_of(page))}

    assert silent == {"StoreList", "BackTest"}, "these are for those who work in all stores"


def test_a_stranger_reads_nothing_of_another_store(stranger: Browser, of_south: list[Model]) -> None:
    found = {}
    for url in dict.fromkeys([*plain_pages(), *(url for row in of_south for url in pages_of(row))]):
        answer = stranger.get(url)
        says = told(SECRET, content_of(answer), url, f"{url}?")
        if answer.status_code >= 500 or says:
            found[url] = (answer.status_code, says)

    assert found == {}


def test_typing_what_belongs_to_another_store_finds_nothing(stranger: Browser, of_south: list[Model]) -> None:
    purchase = next(row for row in of_south if row._meta.model_name == "purchase")
    promotion = next(row for row in of_south if row._meta.model_name == "promotion")
    typed = {
        "store": "SOUTH",
        "product": "QZX-1",
        "item": f"{SKU}~QZX-1~1",
        "find": "QZX-1",
        "of": str(promotion.pk),
        "s": "QZX",
    }
    asked = [
        typed,
        {"q": "QZX-1"},
        {"q": "QZX"},
        {"store": "SOUTH"},
        {"s": "QZX"},
        {"s": "South"},
        {"s": getattr(purchase, "purchase_id", "")},
    ]
    found = {}
    for url in plain_pages():
        for some in asked if url.endswith("/search/") else asked[:4]:
            answer = stranger.get(url, some, follow=True)
            says = told(TOLD, content_of(answer), *(some.values() if "s" in some and len(some) == 1 else ()))
            if answer.status_code >= 500 or says:
                found[url, str(some)] = (answer.status_code, says)
    follow = stranger.get(reverse("admin:search"), {"s": getattr(purchase, "purchase_id", "")})

    assert found == {}
    assert f"/purchase/{purchase.pk}/" not in content_of(follow)


@pytest.mark.parametrize("page", ["index", "orders_purchase_changelist", "orders_purchase_waiting"])
def test_what_happens_in_another_store_counts_nowhere(
    stranger: Browser, request: pytest.FixtureRequest, page: str
) -> None:
    """The figures, drawings, tables and banners of a page say the same as before."""
    url = reverse(f"admin:{page}")
    with time_machine.travel(timezone.now(), tick=False):
        before = text_of(stranger.get(url))
        request.getfixturevalue("of_south")

        assert text_of(stranger.get(url)) == before


def relations() -> Iterator[tuple[str, str, str]]:
    for model in site._registry:
        for field in [*model._meta.fields, *model._meta.many_to_many]:
            if field.related_model in site._registry:
                yield model._meta.app_label, str(model._meta.model_name), field.name


@pytest.mark.usefixtures("of_south")
def test_a_stranger_is_offered_nothing_of_another_store(stranger: Browser) -> None:
    for term in ("", "QZX", "South"):
        for app, model, field in relations():
            asked = {"app_label": app, "model_name": model, "field_name": field, "term": term}
            answer = stranger.get(reverse("admin:autocomplete"), asked)
            assert answer.status_code in (200, 403, 404), (asked, answer.status_code)
            assert not SECRET.search(content_of(answer)), asked


# -- changing


def state() -> dict[str, set[str]]:
    """All that the database says but for what a visit itself writes."""
    passing = {"Session", "LogEntry", "AccessLog", "AccessAttempt"}
    models = [model for model in apps.get_models() if model.__name__ not in passing]
    return {model._meta.label: set(map(str, model._base_manager.values_list())) for model in models}


CONFIRMED = {"confirmed": "yes", "reason": "x", "post": "yes", "_save": "Save", "apply": "yes", "store": "SOUTH"}


def test_a_stranger_changes_nothing_of_another_store(stranger: Browser, of_south: list[Model]) -> None:
    """No address takes a POST about its rows, and no action of a list does anything to them."""
    before, failed = state(), {}

    for row in of_south:
        changelist = reverse(f"admin:{name_of(row, 'changelist')}")
        asked: list[tuple[str, dict[str, Any]]] = [(url, CONFIRMED) for url in pages_of(row)]
        asked += [
            (changelist, {**CONFIRMED, "action": action, "_selected_action": [row.pk], "index": 0})
            for action in actions_of(type(row))
        ]
        for url, entered in asked:
            answer = stranger.post(url, entered)
            if answer.status_code >= 500:
                failed[url, str(entered)] = answer.status_code

    assert failed == {}
    assert lost_or_written(before) == {}


def lost_or_written(before: dict[str, set[str]]) -> dict[str, list[str]]:
    """Rows that are no longer as they were, and new ones that are about the other store."""
    after = state()
    different = {
        label: [*(rows - after[label]), *(row for row in after[label] - rows if SECRET.search(row))]
        for label, rows in before.items()
    }
    return {label: rows for label, rows in different.items() if rows}


def test_what_names_the_other_store_in_a_form_is_refused(stranger: Browser, of_south: list[Model]) -> None:
    by_name = {str(row._meta.model_name): row for row in of_south}
    before = state()
    bulk = {"which": "filtered", "how": "PERCENT_UP", "by": "10", "store": "SOUTH", "reason": "x", "apply": "yes"}
    export = {"first": "2026-01-01", "last": "2026-01-31", "stores": ["SOUTH"], "trips": "real", "form": "CSV"}
    price = {"product": "SHARED-1", "store": "SOUTH", "amount": "1.00", "reason": "x"}
    everywhere = {**price, "store": ""}
    promotion = {"kind": "PERCENT_OFF", "name": "x", "code": "x", "percent": "5", "stores": ["SOUTH"], "reason": "x"}
    asked: list[tuple[str, dict[str, Any]]] = [
        (reverse("admin:pricing_pricechange_add"), bulk),
        (reverse("admin:pricing_pricechange_add"), {**bulk, "store": ""}),
        (reverse("admin:orders_financeexport_add"), export),
        (reverse("admin:pricing_price_add"), price),
        (reverse("admin:pricing_price_add"), everywhere),
        (reverse("admin:pricing_price_add"), {**price, "product": "QZX-1", "store": "NORTH"}),
        (reverse("admin:pricing_promotion_add"), promotion),
        (reverse("admin:pricing_promotion_add"), {**promotion, "stores": [], "all_stores": "on"}),
        (reverse("admin:orders_purchase_waiting"), {"need": ""}),
        (reverse("admin:orders_purchase_waiting"), {"need": "price:QZX-1"}),
        (reverse("admin:acknowledge"), {"alarm": [by_name["alarm"].pk]}),
        (reverse("admin:orders_backtest_add"), {"of": str(by_name["promotion"].pk), "stores": ["SOUTH"], "trips": "5"}),
        (reverse("admin:pricing_promotion_preview"), {"of": str(by_name["promotion"].pk), "store": "SOUTH"}),
        (reverse("admin:pricing_price_cart"), {"store": "SOUTH", "find": "QZX-1", "add": "QZX-1"}),
    ]

    for url, entered in asked:
        assert stranger.post(url, entered).status_code < 500, url

    assert lost_or_written(before) == {}
    assert not Price.objects.filter(amount="1.00").exists()


# -- who may do what, and what it costs


def may(person: User, page: Any) -> str:
    """L for looking at the list, A for adding, C for changing."""
    request: Any = RequestFactory().get("/")
    request.user = person
    verbs = {"L": page.has_view_permission, "A": page.has_add_permission, "C": page.has_change_permission}
    return "".join(letter for letter, allowed in verbs.items() if allowed(request))


ORDER = ("Viewer", "Staff", "Pricing", "Tax", "Catalog", "Manager", "Auditor", "Administrator")


@pytest.mark.parametrize("place", ["one store", "all stores"])
def test_who_may_do_what_on_which_page(north: Store, place: str) -> None:
    people = [assign(UserFactory(), role, *([north] if place == "one store" else [])) for role in ORDER]

    table = {
        str(model._meta.model_name): " ".join(may(person, page) or "-" for person in people)
        for model, page in site._registry.items()
    }

    assert table == (IN_ONE_STORE if place == "one store" else IN_ALL_STORES)


# Viewer, Staff, Pricing, Tax, Catalog, Manager, Auditor, Administrator
IN_ONE_STORE = {
    "user": "- - - - - - L LAC",
    "group": "- - - - - - L L",
    "alarm": "L L L L L L L L",
    "wrongtry": "- - - - - - - -",
    "catalogmessage": "- - - - L L L L",
    "queuereading": "- - - - L L L L",
    "productfinding": "L L L L L L L L",
    "storelist": "- - - - - - - -",
    "catalogupload": "L L L L L L L L",
    "catalogrun": "L - L L L L L L",
    "proposal": "L - L L L L L L",
    "pricechange": "L - LA L L LA L LA",
    "promotion": "L L LAC L L LAC L LAC",
    "price": "L L LAC L L LAC L LAC",
    "store": "L - L L L LC L LC",
    "product": "L L L L LAC LAC L LAC",
    "fee": "L - L LAC L LAC L LAC",
    "taxcategory": "L - L L L L L L",
    "taxrule": "L - L LAC L LAC L LAC",
    "taxholiday": "L - L LAC L LAC L LAC",
    "backtest": "- - - - - - - -",
    "financeexport": "- - - - - LA LA LA",
    "purchase": "L L L L L L L L",
    "refusedcart": "- - - - - L L L",
}
IN_ALL_STORES = IN_ONE_STORE | {
    "group": "- - - - - - L LAC",
    "storelist": "- - - - L L L L",
    "store": "L - L L L LAC L LAC",
    "taxcategory": "L - L LAC L LAC L LAC",
    "backtest": "- - - - - LA - LA",
}


@pytest.mark.parametrize("page", ["catalog_product", "pricing_price", "pricing_promotion", "orders_purchase"])
def test_a_list_costs_somebody_of_one_store_the_same_whatever_its_length(
    north: Store, south: Store, stranger: Browser, page: str
) -> None:
    url = reverse(f"admin:{page}_changelist")

    def grow(count: int) -> int:
        for store in (north, south):
            for product in ProductFactory.create_batch(count, stores=[store]):
                PriceFactory(product=product, store=store)
            PromotionFactory.create_batch(count, stores=[store])
            PurchaseFactory.create_batch(count, store=store, ordered=True)
        stranger.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert stranger.get(url).status_code == 200
        return len(asked)

    assert grow(2) == grow(5)


def test_where_a_stranger_holds_something_is_one_store_alone(stranger: Browser) -> None:
    person = User.objects.get(pk=stranger.session["_auth_user_id"])

    assert access.stores_of(person).ids == {"NORTH"}
