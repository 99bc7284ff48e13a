"""Where somebody holds a permission, and which rows they may see and change by it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from catalog.models import CatalogMessage, Product, Store
from jwo_store import access
from jwo_store.models import Assignment
from jwo_store.roles import sync_groups
from orders.models import Purchase
from pricing.models import Price, Promotion
from tests.factories import (
    CashierFactory,
    CatalogMessageFactory,
    CatalogUploadFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    UserFactory,
    assign,
)

pytestmark = pytest.mark.django_db
CHANGE, VIEW = "pricing.change_price", "pricing.view_price"


@pytest.fixture
def north() -> Store:
    return StoreFactory(store_id="NORTH")


@pytest.fixture
def south() -> Store:
    return StoreFactory(store_id="SOUTH")


def anew(person: User) -> User:
    """As the next request reads them."""
    return User.objects.get(pk=person.pk)


# -- what somebody holds


def test_a_role_in_some_stores_is_held_in_those(north: Store, south: Store) -> None:
    person = ManagerFactory(role=[north, south])

    stores = access.stores_with(person, CHANGE)

    assert stores == access.Stores(ids=frozenset({"NORTH", "SOUTH"}))
    assert "NORTH" in stores
    assert "EAST" not in stores
    assert person.has_perm(CHANGE)


def test_roles_add_up_and_all_stores_beat_some(north: Store, south: Store) -> None:
    person = assign(assign(CashierFactory(), "Manager", north), "Manager", south)

    assert access.stores_with(person, VIEW).everywhere
    assert access.stores_with(person, CHANGE).ids == {"NORTH", "SOUTH"}


def test_who_holds_it_nowhere_has_no_store(north: Store) -> None:
    person = CashierFactory(role=[north])

    assert not access.stores_with(person, CHANGE)
    assert not person.has_perm(CHANGE)


def test_what_is_given_to_a_person_directly_holds_in_all_stores() -> None:
    person = UserFactory()
    person.user_permissions.add(Permission.objects.get(codename="change_price"))

    assert access.stores_with(anew(person), CHANGE).everywhere
    assert anew(person).has_perm(CHANGE)


def test_membership_of_a_group_gives_nothing() -> None:
    sync_groups()
    person = UserFactory()
    person.groups.add(Group.objects.get(name="Manager"))

    assert not access.stores_with(anew(person), CHANGE)
    assert not anew(person).has_perm(CHANGE)
    assert anew(person).get_all_permissions() == set()


@pytest.mark.parametrize("factory", [OwnerFactory, ManagerFactory])
def test_who_may_not_sign_in_may_do_nothing(factory: Any) -> None:
    person = factory(is_active=False)

    assert not access.stores_with(person, CHANGE)
    assert not person.has_perm(CHANGE)
    assert not access.stores_with(AnonymousUser(), CHANGE)


def test_a_superuser_may_do_everything_everywhere() -> None:
    assert access.stores_with(OwnerFactory(), "anything.at_all").everywhere


def test_all_is_read_in_two_queries_and_only_once(
    north: Store, south: Store, django_assert_num_queries: Callable[[int], Any]
) -> None:
    person = anew(assign(ManagerFactory(role=[north, south]), "Staff"))

    with django_assert_num_queries(2):
        assert person.has_perm(CHANGE)
        assert person.has_module_perms("pricing")
        assert access.stores_with(person, VIEW)
        assert person.get_all_permissions() >= {CHANGE, VIEW}


def test_a_role_is_held_once_a_store_and_once_everywhere(north: Store) -> None:
    person, role = ManagerFactory(role=[north]), Group.objects.get(name="Manager")
    Assignment.objects.create(person=person, role=role, store=None)

    for store in (north, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            Assignment.objects.create(person=person, role=role, store=store)


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (access.EVERYWHERE, access.EVERYWHERE, True),
        (access.EVERYWHERE, access.Stores(ids=frozenset("A")), True),
        (access.Stores(ids=frozenset("AB")), access.Stores(ids=frozenset("A")), True),
        (access.Stores(ids=frozenset("A")), access.Stores(ids=frozenset("AB")), False),
        (access.Stores(ids=frozenset("A")), access.EVERYWHERE, False),
        (access.NOWHERE, access.NOWHERE, True),
    ],
)
def test_some_stores_cover_others(one: access.Stores, other: access.Stores, covers: bool) -> None:  # noqa: FBT001
    assert (one >= other) is covers


# -- rows


NORTHERN = access.Stores(ids=frozenset({"NORTH"}))


def keys(rows: QuerySet[Any]) -> list[Any]:
    return sorted(rows.values_list("pk", flat=True))


def test_of_rows_with_one_store_mine_are_mine_and_those_of_all_stores_are_only_seen(north: Store, south: Store) -> None:
    product = ProductFactory()
    own, general, foreign = (PriceFactory(product=product, store=store) for store in (north, None, south))

    assert keys(NORTHERN.see(Price.objects.all(), "store")) == sorted([own.pk, general.pk])
    assert keys(NORTHERN.change(Price.objects.all(), "store")) == [own.pk]
    assert keys(access.EVERYWHERE.change(Price.objects.all(), "store")) == sorted([own.pk, general.pk, foreign.pk])
    assert keys(access.NOWHERE.see(Price.objects.all(), "store")) == []


def test_rows_with_several_stores_are_seen_for_one_of_mine_and_changed_when_all_are_mine(
    north: Store, south: Store
) -> None:
    def promotion(*stores: Store) -> Any:
        return PromotionFactory(all_stores=not stores, stores=list(stores)).pk

    own, shared, foreign, general = promotion(north), promotion(north, south), promotion(south), promotion()

    assert keys(NORTHERN.see(Promotion.objects.all(), "stores")) == sorted([own, shared, general])
    assert keys(NORTHERN.change(Promotion.objects.all(), "stores")) == [own]
    assert foreign in keys(access.Stores(ids=frozenset({"NORTH", "SOUTH"})).change(Promotion.objects.all(), "stores"))


@pytest.mark.usefixtures("north")
def test_a_row_with_no_store_at_all_is_nobodys() -> None:
    PromotionFactory(all_stores=False, stores=[])

    assert keys(NORTHERN.see(Promotion.objects.all(), "stores")) == []
    assert keys(NORTHERN.change(Promotion.objects.all(), "stores")) == []


@pytest.mark.usefixtures("north", "south")
def test_a_store_is_of_itself() -> None:
    assert keys(NORTHERN.see(Store.objects.all(), "pk")) == ["NORTH"]
    assert keys(NORTHERN.change(Store.objects.all(), "pk")) == ["NORTH"]


def test_the_way_to_the_store_may_lead_over_other_rows(north: Store, south: Store) -> None:
    own, foreign = (CatalogMessageFactory(upload=CatalogUploadFactory(store=store)) for store in (north, south))
    lone = CatalogMessageFactory(upload=None)

    assert keys(NORTHERN.see(CatalogMessage.objects.all(), "upload__store")) == sorted([own.pk, lone.pk])
    assert keys(NORTHERN.change(CatalogMessage.objects.all(), "upload__store")) == [own.pk]
    assert foreign.pk not in keys(NORTHERN.see(CatalogMessage.objects.all(), "upload__store"))


def test_by_a_second_path_a_row_must_be_seen_too(north: Store, south: Store) -> None:
    """A price for all stores of what is sold in another store alone says nothing to me."""
    mine, foreign = (ProductFactory(all_stores=False, stores=[store]) for store in (north, south))
    general, hidden = PriceFactory(product=mine, store=None), PriceFactory(product=foreign, store=None)
    path = ("store", "product__stores")

    assert keys(NORTHERN.see(Price.objects.all(), path)) == [general.pk]
    assert keys(NORTHERN.see(Product.objects.all(), "stores")) == [mine.pk]
    assert hidden.pk in keys(access.EVERYWHERE.see(Price.objects.all(), path))


@pytest.mark.parametrize("path", [None, access.ONLY_EVERYWHERE])
def test_what_has_no_store_is_changed_by_who_works_in_all(path: access.Path) -> None:
    ProductFactory(sku="A")
    rows = Product.objects.all()

    assert keys(NORTHERN.see(rows, path)) == (["A"] if path is None else [])
    assert keys(NORTHERN.change(rows, path)) == []
    assert keys(access.EVERYWHERE.change(rows, path)) == ["A"]


# -- from groups to assignments


def test_memberships_of_before_become_roles_in_all_stores_and_back(north: Store) -> None:
    steps: Any = import_module("jwo_store.migrations.0004_roles_per_store")
    sync_groups()
    person, role = UserFactory(), Group.objects.get(name="Manager")
    person.groups.add(role)

    steps.assign(apps, None)

    assert list(person.assignments.values_list("role__name", "store")) == [("Manager", None)]
    assert not person.groups.exists()

    assign(person, "Staff", north)
    steps.belong(apps, None)

    assert list(person.groups.all()) == [role]


def test_rows_are_scoped_without_looking_each_of_them_up_once_more() -> None:
    """What names its stores is looked up by itself: there are many more prices than products."""
    shown = access.Stores(ids=frozenset({"EAST-1"})).see(Price.objects.all(), ("store", "product__stores"))

    sql = str(shown.query)

    assert sql.count('FROM "pricing_price"') == 1
    assert sql.count('"catalog_product" ') == 1  # joined for its `all_stores`


def test_rows_that_always_have_a_store_are_asked_for_nothing_but_that() -> None:
    """Nor is an index on the store of much use beside an OR."""
    shown = access.Stores(ids=frozenset({"EAST-1"})).see(Purchase.objects.all(), "store")

    assert 'WHERE "orders_purchase"."store_id" IN (EAST-1)' in str(shown.query)
