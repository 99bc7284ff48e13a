"""A list with nothing in it says what would stand there, and what to do next."""

from typing import Any

import pytest
from django.urls import reverse

from jwo_store.admin_site import site
from tests.factories import AlarmFactory, OwnerFactory, StoreFactory, signed_in, text_of
from tests.walks import name_of

pytestmark = pytest.mark.django_db

NEVER_EMPTY = {"user", "group"}
"""Whoever looks is one of the people, and the roles come with the product."""


@pytest.mark.parametrize("model", list(site._registry), ids=lambda model: str(model._meta.model_name))
def test_every_list_has_one_sentence_of_its_own_for_while_it_is_empty(model: Any) -> None:
    sentence = site.get_model_admin(model).nothing_yet  # type: ignore[attr-defined]

    others = {page.nothing_yet for of, page in site._registry.items() if of is not model}  # type: ignore[attr-defined]
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert sentence not in others


def test_an_empty_list_says_it() -> None:
    person = signed_in(OwnerFactory())

    silent = [
        model.__name__
        for model, page in site._registry.items()
        if model._meta.model_name not in NEVER_EMPTY
        and f"Nothing here yet {page.nothing_yet}"  # type: ignore[attr-defined]
        not in text_of(person.get(reverse(f"admin:{name_of(model, 'changelist')}")))
    ]

    assert silent == []


def test_a_filter_that_finds_nothing_says_so_and_offers_to_clear_it() -> None:
    AlarmFactory()

    page = signed_in(OwnerFactory()).get("/admin/jwo_store/alarm/?state=seen")

    assert "Nothing found The filter found nothing: clear it to see all alarms again. Clear the filter" in text_of(page)
    assert 'href="?"' in page.content.decode()


def test_what_is_looked_for_among_filtered_rows_says_both_and_clears_both() -> None:
    AlarmFactory()

    text = text_of(signed_in(OwnerFactory()).get("/admin/jwo_store/alarm/?state=open&q=nobody"))

    assert "Looked for “nobody” among what the filter lets through: What it is about from its beginning" in text
    assert "Clear the filter" in text


def test_what_is_looked_for_in_vain_leads_back_to_everything() -> None:
    AlarmFactory()

    text = text_of(signed_in(OwnerFactory()).get("/admin/jwo_store/alarm/?q=nobody"))

    assert "Looked for “nobody”: What it is about from its beginning, or the name of its store." in text
    assert "Show everything" in text


def test_the_store_that_is_chosen_is_a_filter_that_may_be_cleared() -> None:
    store = StoreFactory()
    person = signed_in(OwnerFactory())
    person.post("/admin/choose-store/", {"store": store.store_id})

    page = person.get("/admin/catalog/product/", follow=True)

    assert "The filter found nothing: clear it to see all products again." in text_of(page)
    assert 'href="?store="' in page.content.decode()
