"""Views of lists that people keep for themselves."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jwo_store.kept_views import MOST
from jwo_store.models import KeptView
from tests.factories import Browser, CashierFactory, ManagerFactory, StoreFactory, UserFactory, signed_in, text_of

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/purchase/"
OF = "orders.purchase"
BAR = reverse("admin:keep_view")


@pytest.fixture
def cashier() -> User:
    person: User = CashierFactory()
    return person


@pytest.fixture
def browser(cashier: User) -> Browser:
    return signed_in(cashier)


def kept(browser: Browser, name: str = "Big ones", query: str = "q=12&p=3&o=-5", of: str = OF) -> Any:
    return browser.post(BAR, {"of": of, "query": query, "name": name}, follow=True)


def names(browser: Browser, query: str = "") -> list[str]:
    return [view.name for view in browser.get(LIST + query).context["kept_views"].views]


def test_a_list_as_it_stands_is_kept_under_a_name(browser: Browser, cashier: User) -> None:
    offered = browser.get(f"{LIST}?q=12&p=0&o=-5").context["kept_views"]
    assert (offered.query, offered.here) == ("o=-5&q=12", None)

    answer = kept(browser, " Big \n ones ", offered.query)

    view = KeptView.objects.get()
    assert (view.person, view.of, view.name, view.query) == (cashier, OF, "Big ones", "o=-5&q=12")
    assert answer.redirect_chain == [(f"{LIST}?o=-5&q=12", 302)]
    assert answer.context["kept_views"].here == view
    assert "“Big ones” stands above this list from now on, for you alone." in text_of(answer)
    assert f'href="?{view.query.replace("&", "&amp;")}" aria-current="page"' in answer.content.decode()


def test_the_list_as_it_always_is_offers_nothing_to_keep(browser: Browser) -> None:
    assert "Keep this view" not in text_of(browser.get(LIST))
    assert "Keep this view" in text_of(browser.get(f"{LIST}?q=12"))


def test_nobody_else_sees_it_and_no_other_list(browser: Browser) -> None:
    kept(browser)

    assert names(browser) == ["Big ones"]
    assert names(signed_in(CashierFactory())) == []
    assert browser.get("/admin/pricing/price/").context["kept_views"].views == []


def test_the_same_name_again_takes_its_place(browser: Browser) -> None:
    kept(browser, query="q=12")
    kept(browser, query="q=13")

    assert [view.query for view in KeptView.objects.all()] == ["q=13"]


def test_it_is_forgotten_by_whoever_keeps_it_alone(browser: Browser) -> None:
    kept(browser)
    view = KeptView.objects.get()

    signed_in(CashierFactory()).post(BAR, {"of": OF, "view": view.pk})
    assert KeptView.objects.exists()
    browser.post(BAR, {"of": OF, "view": "nonsense"})
    assert KeptView.objects.exists()
    answer = browser.post(BAR, {"of": OF, "view": view.pk}, follow=True)

    assert not KeptView.objects.exists()
    assert answer.redirect_chain == [(f"{LIST}?{view.query}", 302)]


def test_it_follows_the_chosen_store() -> None:
    here, there = StoreFactory(), StoreFactory()
    browser = signed_in(ManagerFactory())
    browser.post(reverse("admin:choose_store"), {"store": here.pk, "back": LIST})
    kept(browser, query=f"store={here.pk}&q=12")
    kept(browser, "There", f"store={there.pk}&q=12")

    assert KeptView.objects.get(name="Big ones").query == "q=12"
    assert KeptView.objects.get(name="There").query == f"q=12&store={there.pk}"
    answer = browser.get(f"{LIST}?q=12", follow=True)
    assert answer.redirect_chain == [(f"?q=12&store={here.pk}", 302)]
    assert answer.context["kept_views"].here.name == "Big ones"


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ({"name": "   "}, "Give the view a name of at most 40 letters."),
        ({"name": "x" * 41}, "Give the view a name of at most 40 letters."),
        ({"name": "x\x00"}, "Give the view a name of at most 40 letters."),
        ({"query": ""}, "Filter, search or sort the list first: that is what a view keeps."),
        ({"query": "p=3"}, "Filter, search or sort the list first: that is what a view keeps."),
        ({"query": f"q={'x' * 1000}"}, "Filter, search or sort the list first: that is what a view keeps."),
    ],
)
def test_what_cannot_be_kept_is_said(browser: Browser, entered: dict[str, str], says: str) -> None:
    assert says in text_of(kept(browser, **entered))
    assert not KeptView.objects.exists()


def test_so_many_and_no_more(browser: Browser) -> None:
    for number in range(MOST):
        kept(browser, f"View {number:02}")

    assert f"You keep {MOST} views of this list. Forget one of them first." in text_of(kept(browser, "One more"))
    kept(browser, "View 00", "q=99")
    assert KeptView.objects.count() == MOST
    assert KeptView.objects.get(name="View 00").query == "q=99"


@pytest.mark.parametrize("of", ["", "nonsense", "orders.nonsense", "jwo_store.lease", "../../x"])
def test_a_view_of_no_list_is_refused(browser: Browser, of: str) -> None:
    assert kept(browser, of=of).status_code == 403
    assert browser.get(BAR).status_code == 403
    assert not KeptView.objects.exists()


def test_it_opens_no_list_to_anybody() -> None:
    nobody = signed_in(UserFactory())

    assert kept(nobody).status_code == 403


def test_it_costs_one_query(browser: Browser) -> None:
    browser.get(LIST)
    with CaptureQueriesContext(connection) as before:
        browser.get(LIST)
    for number in range(5):
        kept(browser, f"View {number}")
    browser.get(LIST)
    with CaptureQueriesContext(connection) as after:
        browser.get(LIST)

    assert len(after) == len(before)
    assert sum("keptview" in query["sql"] for query in after) == 1
