"""Which other deals meet a promotion, and what then happens: as tables."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pricing import weekly
from pricing.conflicts import SHOWN, Conflicts, conflicts, what_happens
from pricing.models import Promotion, PromotionKind, PromotionTarget
from tests.factories import Browser, ManagerFactory, ProductFactory, PromotionFactory, StoreFactory, signed_in, text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPEND = {"kind": PromotionKind.SPEND_GET, "percent": None, "amount": Decimal(2), "threshold": Decimal(20)}


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def goods() -> None:
    ProductFactory(sku="COLA-1", name="Cola", category="Drinks", subcategory="Soft drinks")
    ProductFactory(sku="WATER-1", name="Water", category="Drinks", subcategory="Water")
    ProductFactory(sku="NUTS-1", name="Nuts", category="Snacks", subcategory="")


def met(promotion: Promotion, now: datetime) -> list[tuple[str, int, tuple[str, ...]]]:
    stores = [store.pk for store in promotion.stores.all()]
    found = conflicts(promotion, stores, now=now)
    assert found.count == len(found.shown)
    return [(each.promotion.code, each.shared, each.first) for each in found.shown]


# -- the same products


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("mine", "other", "shared"),
    [
        ({"skus": ["COLA-1"]}, {"skus": ["COLA-1", "NUTS-1"]}, ("Cola",)),
        ({"skus": ["COLA-1"]}, {"skus": ["NUTS-1"]}, None),
        ({"skus": ["COLA-1"]}, {"categories": ["Drinks"]}, ("Cola",)),
        ({"categories": ["Drinks"]}, {"categories": ["Drinks > Water"]}, ("Water",)),
        ({"categories": ["Drinks > Water"]}, {"categories": ["Drinks > Soft drinks"]}, None),
        ({"categories": ["Drinks"]}, {"all": True}, ("Cola", "Water")),
        ({"all": True}, {"all": True}, ("Cola", "Nuts", "Water")),
        ({"categories": ["Drinks"]}, {"all": True, "except_skus": ["COLA-1"]}, ("Water",)),
        ({"categories": ["Drinks"], "except_skus": ["WATER-1"]}, {"skus": ["WATER-1"]}, None),
        ({"skus": ["COLA-1"]}, {"categories": ["Drinks"], "except_skus": ["COLA-1"]}, None),
        ({"skus": ["GONE-1"]}, {"skus": ["GONE-1"]}, None),
        (None, {"all": True}, None),
    ],
)
def test_deals_meet_where_they_mean_the_same_products(mine: Any, other: Any, shared: Any, now: datetime) -> None:
    PromotionFactory(code="OTHER", targets=other)
    draft = PromotionFactory(code="MINE", targets=mine, starts_at=None)

    assert met(draft, now) == ([("OTHER", len(shared), shared)] if shared else [])


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_each_part_of_a_deal_means_its_own_products(now: datetime) -> None:
    """What is taken away from one part may be in another."""
    parts = [
        {"targets": {"categories": ["Drinks"], "except_skus": ["COLA-1"]}, "count": 1},
        {"targets": {"skus": ["COLA-1", "NUTS-1"]}, "count": 1},
    ]
    PromotionFactory(code="SET", kind=PromotionKind.BUNDLE, targets=None, components=parts, amount=Decimal(5))
    assert met(PromotionFactory(targets={"skus": ["COLA-1"]}), now) == [("SET", 1, ("Cola",))]


# -- the same time and stores


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("mine", "other", "meet"),
    [
        ({}, {}, True),
        ({}, {"starts_at": None}, False),
        ({}, {"ends_at": -DAY}, False),
        ({}, {"starts_at": DAY}, True),
        ({"ends_at": DAY}, {"starts_at": DAY}, False),
        ({"ends_at": 2 * DAY}, {"starts_at": DAY}, True),
        ({"starts_at": 2 * DAY}, {"ends_at": DAY}, False),
        ({"starts_at": None, "planned_start": 2 * DAY}, {"ends_at": DAY}, False),
        ({"starts_at": None, "planned_start": DAY}, {"ends_at": 2 * DAY}, True),
        ({"weekdays": ["MON"]}, {"weekdays": ["TUE"]}, False),
        ({"weekdays": ["MON", "TUE"]}, {"weekdays": ["TUE", "SUN"]}, True),
        ({"from_time": time(8), "until_time": time(10)}, {"from_time": time(10), "until_time": time(11)}, False),
        ({"from_time": time(8), "until_time": time(10)}, {"from_time": time(9), "until_time": time(11)}, True),
    ],
)
def test_deals_meet_when_they_hold_at_the_same_time(
    mine: dict[str, Any], other: dict[str, Any], *, meet: bool, now: datetime
) -> None:
    def at(terms: dict[str, Any]) -> dict[str, Any]:
        return {name: now + value if isinstance(value, timedelta) else value for name, value in terms.items()}

    PromotionFactory(code="OTHER", **at(other))

    assert [code for code, _, _ in met(PromotionFactory(code="MINE", **at(mine)), now)] == (["OTHER"] if meet else [])


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_deals_meet_in_the_same_stores(now: datetime) -> None:
    east, west = StoreFactory(), StoreFactory()
    everywhere = PromotionFactory(code="ALL")
    eastern, western = PromotionFactory(code="EAST", stores=[east]), PromotionFactory(code="WEST", stores=[west])

    assert [code for code, _, _ in met(eastern, now)] == ["ALL"]
    assert [code for code, _, _ in met(western, now)] == ["ALL"]
    assert [code for code, _, _ in met(everywhere, now)] == ["EAST", "WEST"]


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_versions_of_one_code_do_not_meet(now: datetime) -> None:
    PromotionFactory(code="SALE", ends_at=now + DAY)
    assert met(PromotionFactory(code="SALE", starts_at=now + DAY), now) == []


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (([], None, None), (["SUN"], None, None), True),
        ((["SUN"], time(22), time(2)), (["MON"], time(1), time(3)), True),
        ((["SUN"], time(22), time(2)), (["MON"], time(2), time(3)), False),
        ((["SUN"], time(22), time(2)), (["SUN"], time(1), time(3)), False),
        ((["MON"], time(22), time(2)), (["TUE"], None, None), True),
        (([], time(22), time(2)), ([], time(2), time(22)), False),
    ],
)
def test_hours_across_midnight_belong_to_the_day_on_which_they_began(one: Any, other: Any, *, meet: bool) -> None:
    assert weekly.meet(weekly.spans(*one), weekly.spans(*other)) is meet
    assert weekly.meet(weekly.spans(*other), weekly.spans(*one)) is meet


# -- what then happens


def deal(name: str, priority: int = 0, kind: PromotionKind = PromotionKind.PERCENT_OFF) -> Promotion:
    return Promotion(name=name, priority=priority, kind=kind)


@pytest.mark.parametrize(
    ("this", "other", "words"),
    [
        (deal("A"), deal("B"), "Same priority: each cart gets the better of the two, and no piece is in both."),
        (
            deal("A"),
            deal("B", 5),
            "“B” has the higher priority (5) and chooses first; this one gets the rest.",
        ),
        (
            deal("A", 2),
            deal("B", -1),
            "This one has the higher priority (2) and chooses first; “B” gets the rest.",
        ),
        (
            deal("A", 0, PromotionKind.SPEND_GET),
            deal("B", 0, PromotionKind.SPEND_GET),
            "Only one basket offer counts a trip: of these two the one that saves more.",
        ),
        (
            deal("A", 0, PromotionKind.SPEND_GET),
            deal("B", 1, PromotionKind.SPEND_GET),
            "Only one basket offer counts a trip: of these two “B”, whose priority is higher (1).",
        ),
        (
            deal("A", 9, PromotionKind.SPEND_GET),
            deal("B"),
            "Both count: the deal lowers prices first, then the basket offer looks at what is left to pay.",
        ),
    ],
)
def test_what_happens_in_a_cart_with_both(this: Promotion, other: Promotion, words: str) -> None:
    assert what_happens(this, other) == words


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_basket_offers_meet_even_without_a_product_in_both(now: datetime) -> None:
    PromotionFactory(code="OTHER", targets={"skus": ["NUTS-1"]}, **SPEND)
    assert met(PromotionFactory(targets={"skus": ["COLA-1"]}, **SPEND), now) == [("OTHER", 0, ())]


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_those_that_compete_come_first_by_priority(now: datetime) -> None:
    PromotionFactory(code="A-BASKET", priority=9, **SPEND)
    for code, priority in (("B", 0), ("C", 5), ("A", 0)):
        PromotionFactory(code=code, priority=priority)
    assert [code for code, _, _ in met(PromotionFactory(code="MINE"), now)] == ["C", "A", "B", "A-BASKET"]


# -- how much is asked


def make_many(places: range) -> None:
    begun = timezone.now() - DAY
    terms: dict[str, Any] = {"name": "P", "receipt_text": "P", "kind": "PERCENT_OFF", "percent": 5, "starts_at": begun}
    drinks = {"categories": ["Drinks"]}
    rows = [Promotion(pk=uuid4(), code=f"P{place:05}", targets=drinks, **terms) for place in places]
    Promotion.objects.bulk_create(rows, batch_size=500)
    PromotionTarget.objects.bulk_create((each for row in rows for each in row.reach()), batch_size=2000)


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_ten_thousand_promotions_take_as_many_questions_as_ten(now: datetime) -> None:
    mine = PromotionFactory(code="MINE", targets={"all": True})

    def asked() -> tuple[Conflicts, int]:
        with CaptureQueriesContext(connection) as queries:
            return conflicts(mine, [], now=now), len(queries)

    make_many(range(10))
    ten, few = asked()
    make_many(range(10, 10_000))
    many, same = asked()

    assert (ten.count, many.count, len(many.shown)) == (10, 10_000, SHOWN)
    assert few == same == 5
    assert [each.promotion.code for each in many.shown] == ["P00000", "P00001", "P00002", "P00003", "P00004"]


# -- on the page


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_the_page_and_the_form_being_filled_in_show_them() -> None:
    manager: Browser = signed_in(ManagerFactory())
    PromotionFactory(name="Happy hour", targets={"categories": ["Drinks"]})
    mine = PromotionFactory(name="Cola deal", targets={"skus": ["COLA-1"]})
    words = "Happy hour 1 product: Cola Same priority: each cart gets the better of the two"

    assert words in text_of(manager.get(f"/admin/pricing/promotion/{mine.pk}/change/"))
    entered = {"kind": "PERCENT_OFF", "percent": "10", "targets_skus": ["COLA-1"], "all_stores": "on"}
    heard = manager.post("/admin/pricing/promotion/words/", entered).json()["conflicts"]
    assert "Happy hour" in heard
    assert "Cola deal" in heard


@pytest.mark.django_db
@pytest.mark.usefixtures("goods")
def test_what_is_over_meets_nothing(now: datetime) -> None:
    manager: Browser = signed_in(ManagerFactory())
    PromotionFactory(name="Happy hour")
    over = PromotionFactory(ends_at=now - DAY)

    assert "Happy hour" not in text_of(manager.get(f"/admin/pricing/promotion/{over.pk}/change/"))
