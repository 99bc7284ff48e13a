"""How history is kept: one record a change, with who and why, and never changed afterwards."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction

from catalog.rows import history_of
from pricing.models import Fee, Price, Promotion
from tests.factories import ManagerFactory, PriceFactory, ProductFactory, StoreFactory, signed_in

pytestmark = pytest.mark.django_db


def kinds(row: Any) -> list[str]:
    return list(type(row).history.filter(pk__isnull=False, id=row.pk).values_list("history_type", flat=True))


def test_a_row_and_its_relations_are_one_record() -> None:
    store, cola, tea = StoreFactory(), ProductFactory(), ProductFactory()

    with transaction.atomic():
        fee = Fee.objects.create(code="DEPOSIT", description="Deposit", amount="0.05", starts_at="2030-01-01T00:00Z")
        fee.stores.set([store])
        fee.products.set([cola, tea])

    (record,) = fee.history.all()
    assert record.history_type == "+"
    assert {row.store_id for row in record.stores.all()} == {store.pk}
    assert {row.product_id for row in record.products.all()} == {cola.pk, tea.pk}


def test_a_later_change_of_relations_is_a_record_of_its_own() -> None:
    first, second = StoreFactory(), StoreFactory()
    promotion = Promotion.objects.create(
        code="P", name="P", receipt_text="P", kind="PERCENT_OFF", starts_at="2030-01-01T00:00Z"
    )
    promotion.stores.set([first])

    Promotion.objects.get(pk=promotion.pk).stores.set([second])

    newest, oldest = promotion.history.first(), promotion.history.last()
    assert {row.store_id for row in newest.stores.all()} == {second.pk}
    assert {row.store_id for row in oldest.stores.all()} == {first.pk}


def test_setting_the_same_relations_notes_nothing() -> None:
    store = StoreFactory()
    product = ProductFactory(stores=[store])
    before = product.history.count()

    type(product).objects.get(pk=product.pk).stores.set([store])

    assert product.history.count() == before


def test_a_person_who_joins_a_role_is_noted_from_either_side() -> None:
    person = User.objects.create(username="mia")
    role = Group.objects.create(name="Auditors")

    role.user_set.add(person)

    newest = history_of(User).objects.filter(id=person.pk).first()
    assert [row.group_id for row in newest.groups.all()] == [role.pk]


def test_signing_in_is_no_change_of_a_person() -> None:
    manager = ManagerFactory()
    before = history_of(User).objects.filter(id=manager.pk).count()

    signed_in(manager)

    assert history_of(User).objects.filter(id=manager.pk).count() == before


def test_neither_a_record_nor_many_can_be_changed_or_deleted() -> None:
    price = PriceFactory()
    record = price.history.get()
    record.amount = "9.99"

    for rewrite in (
        record.save,
        record.delete,
        lambda: Price.history.update(amount=1),
        lambda: Price.history.all().delete(),
        lambda: Price.history.model.objects.all().delete(),
        lambda: Price.history.model.objects.update(amount=1),
    ):
        with pytest.raises(TypeError, match="history is never"):
            rewrite()

    assert [str(row.amount) for row in price.history.all()] == [str(price.amount)]
