"""Confirming which stores Amazon knows."""

from typing import Any

import pytest

from catalog.models import StoreList
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    OwnerFactory,
    StoreFactory,
    StoreListFactory,
    StrangerFactory,
    UserFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

LISTS = "/admin/catalog/storelist/"
CONFIRM = f"{LISTS}+press/confirm/"


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory(username="mia"))


def test_our_stores_are_ticked_and_fixed_and_further_ones_are_kept(manager: Browser) -> None:
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="WEST")
    StoreListFactory(store_ids=["EAST", "CLOSED-9"])

    form = manager.post(CONFIRM).context["form"]

    assert [key for key, _ in form.fields["ours"].choices] == ["EAST", "WEST"]
    assert form["ours"].value() == ["EAST", "WEST"]
    assert form.fields["ours"].disabled is True
    assert form["further"].value() == "CLOSED-9"
    assert StoreList.objects.count() == 1


def test_the_list_is_confirmed_with_who_and_when(manager: Browser) -> None:
    StoreFactory(store_id="EAST")

    answer = manager.post(CONFIRM, {"confirmed": "yes", "seen": "EAST", "further": "CLOSED-9\r\nCLOSED-8"})

    row = StoreList.objects.get()
    assert (answer.status_code, answer.url) == (302, LISTS)
    assert said(answer) == ["The list of 3 stores is confirmed."]
    assert (row.store_ids, row.confirmed_by.username) == (["CLOSED-8", "CLOSED-9", "EAST"], "mia")
    page = text_of(manager.get(LISTS))
    assert "mia 3 CLOSED-8, CLOSED-9, EAST" in page
    assert "CLOSED-8 CLOSED-9 EAST" in text_of(manager.get(f"{LISTS}{row.pk}/change/"))


def test_a_store_that_the_person_has_not_seen_is_not_confirmed(manager: Browser) -> None:
    StoreFactory(store_id="EAST")
    StoreFactory(store_id="NORTH")

    answer = manager.post(CONFIRM, {"confirmed": "yes", "seen": "EAST", "further": ""})

    assert answer.status_code == 200
    assert "The list must name every store. Missing: NORTH." in text_of(answer)
    assert answer.context["form"]["seen"].value() == "EAST NORTH"
    assert not StoreList.objects.exists()


def test_what_is_no_store_id_is_refused(manager: Browser) -> None:
    StoreFactory(store_id="EAST")

    answer = manager.post(CONFIRM, {"confirmed": "yes", "seen": "EAST", "further": "CLOSED-9, CLOSED-8"})

    assert answer.context["form"].errors == {"further": ["“CLOSED-9,” is no store ID. Write one on each line."]}
    assert not StoreList.objects.exists()


def test_the_history_stays_and_what_is_out_of_date_is_said(manager: Browser) -> None:
    assert "Nobody has confirmed the list of all stores yet." in text_of(manager.get(LISTS))

    StoreFactory(store_id="EAST")
    StoreListFactory()
    assert "Nobody has confirmed" not in text_of(manager.get(LISTS))

    StoreFactory(store_id="NORTH")
    assert "NORTH was added since the list was confirmed. Confirm it again" in text_of(manager.get(LISTS))

    StoreListFactory()
    page = manager.get(LISTS)
    assert "was added since" not in text_of(page)
    assert [row.store_ids for row in page.context["cl"].result_list] == [["EAST", "NORTH"], ["EAST"]]


def test_a_long_list_is_shortened_in_the_list(manager: Browser) -> None:
    StoreListFactory(store_ids=[f"STORE-{n}" for n in range(9)])

    assert "STORE-4, STORE-5 and 3 more" in text_of(manager.get(LISTS))


@pytest.mark.parametrize(("person", "status"), [(UserFactory, 403), (CashierFactory, 403), (StrangerFactory, 302)])
def test_others_see_and_confirm_no_list(person: Any, status: int) -> None:
    StoreFactory(store_id="EAST")
    browser = signed_in(person())

    assert browser.get(LISTS).status_code == status
    assert browser.post(CONFIRM, {"confirmed": "yes", "seen": "EAST", "further": ""}).status_code == status
    assert not StoreList.objects.exists()


def test_a_confirmed_list_is_not_changed_by_hand() -> None:
    row = StoreListFactory(store_ids=["EAST"])
    browser = signed_in(OwnerFactory())

    assert browser.post(f"{LISTS}{row.pk}/change/", {"store_ids": '["WEST"]'}).status_code == 403
    assert browser.post(f"{LISTS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert StoreList.objects.get().store_ids == ["EAST"]
