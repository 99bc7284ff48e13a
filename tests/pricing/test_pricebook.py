"""What is read from the database: the same on SQLite and PostgreSQL, in a fixed number of questions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from catalog.models import AmountBasis, EmptyCartAnswer, FeeTreatment, PricedAt, Product, TaxRounding
from pricing.engine import price_cart
from pricing.models import Funding, Price, PromotionKind, TaxAssignment
from pricing.pricebook import read_pricebook
from pricing.priced import PricedCart
from pricing.terms import (
    CartLine,
    FeeTerms,
    HolidayTerms,
    Limits,
    Pricebook,
    PriceTerms,
    ProductTerms,
    PromotionTerms,
    StoreTerms,
    TaxPart,
    TaxTerms,
)
from tests.factories import (
    BarcodeFactory,
    FeeFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    TaxHolidayFactory,
    TaxRuleFactory,
)
from tests.pricing.books import NOON, STORE, cart, line, scan

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
BLINK = timedelta(microseconds=1)
Queries = Callable[[int], AbstractContextManager[Any]]


@pytest.fixture(autouse=True)
def store() -> Any:
    return StoreFactory(store_id=STORE)


@pytest.fixture
def cola() -> Any:
    return ProductFactory(sku="COLA", category="Drinks", subcategory="Soft drinks")


def book_of(*lines: CartLine, at: datetime | None = NOON) -> Pricebook:
    return read_pricebook(cart(*lines), at=at)


def codes(*lines: CartLine, at: datetime = NOON) -> list[str]:
    return [terms.code for terms in book_of(*lines, at=at).promotions]


def only_in(*stores: Any) -> dict[str, Any]:
    return {"all_stores": False, "stores": list(stores)}


# --- Everything at once --------------------------------------------------------------------------------------------


def test_a_pricebook_says_all_that_prices_the_cart(store: Any, cola: Any) -> None:
    nuts = ProductFactory(sku="NUTS", name="Mixed nuts", weighed=True, category="Snacks", subcategory="")
    BarcodeFactory(product=cola, code="012345678905")
    BarcodeFactory(product=nuts, code="4131", type="PLU")
    soft, food = TaxCategoryFactory(code="SOFT"), TaxCategoryFactory(code="FOOD", exempt=True)
    TaxAssignmentFactory(product=cola, tax_category=soft)
    TaxAssignmentFactory(product=nuts, tax_category=food)
    price = PriceFactory(product=cola, amount=Decimal("4.25"), store=store, temporary=True, ends_at=NOON + BLINK)
    everywhere = PriceFactory(product=nuts, amount=Decimal("8.99"))
    FeeFactory(code="BAG", description="Bag", amount=Decimal("0.10"), taxed=True, products=[cola], **only_in(store))
    TaxRuleFactory(code="CITY", jurisdiction="New York City", rate=Decimal("0.04875"), tax_categories=[soft])
    TaxRuleFactory(code="STATE", rate=Decimal("0.04"), tax_categories=[soft, food], **only_in(store))
    TaxHolidayFactory(code="SCHOOL", tax_categories=[soft, food], unit_price_below=Decimal("110.00"))
    TaxHolidayFactory(code="WINTER", tax_categories=[food], **only_in(store))
    deal = PromotionFactory(
        code="HAPPY",
        name="Happy hour",
        receipt_text="Happy hour!",
        percent=Decimal("12.5"),
        targets={"categories": ["Drinks"], "skus": ["NUTS", "GONE"]},
        funding=Funding.VENDOR,
        weekdays=["SAT", "SUN"],
        from_time=time(22),
        until_time=time(2, 30, 15, 500000),
        max_uses_per_trip=2,
        priority=-5,
    )
    drink, snack = ProductTerms("COLA", cola.name), ProductTerms("NUTS", "Mixed nuts", "lb")
    assert book_of(scan("012345678905"), scan("4131", "0.453"), line("WATER")) == Pricebook(
        moment=NOON,
        store=StoreTerms(STORE, "USD", ZoneInfo("America/New_York"), name="Arena West 1"),
        products={"sku:COLA": (drink,), "sku:NUTS": (snack,), "00012345678905": (drink,), "4131": (snack,)},
        prices={
            "COLA": PriceTerms(str(price.pk), Decimal("4.25"), STORE, temporary=True, starts_at=price.starts_at),
            "NUTS": PriceTerms(
                str(everywhere.pk), Decimal("8.99"), None, temporary=False, starts_at=everywhere.starts_at
            ),
        },
        fees={"COLA": (FeeTerms("BAG", "Bag", Decimal("0.10"), taxed=True),)},
        taxes={
            "COLA": TaxTerms(
                "SOFT",
                exempt=False,
                parts=(
                    TaxPart("CITY", "New York City", Decimal("0.04875")),
                    TaxPart("STATE", "New York State", Decimal("0.04")),
                ),
            ),
            "NUTS": TaxTerms("FOOD", exempt=True, parts=(TaxPart("STATE", "New York State", Decimal("0.04")),)),
        },
        holidays=(
            HolidayTerms("SCHOOL", frozenset({"SOFT", "FOOD"}), Decimal("110.00")),
            HolidayTerms("WINTER", frozenset({"FOOD"}), None),
        ),
        promotions=(
            PromotionTerms(
                row=str(deal.pk),
                code="HAPPY",
                name="Happy hour",
                receipt_text="Happy hour!",
                kind="PERCENT_OFF",
                roles=(frozenset({"COLA", "NUTS"}),),
                percent=Decimal("12.5"),
                paid_by_vendor=True,
                weekdays=frozenset({"SAT", "SUN"}),
                from_time=time(22),
                until_time=time(2, 30, 15, 500000),
                max_uses=2,
                priority=-5,
            ),
        ),
        limits=Limits(),
    )


def test_what_is_read_prices_the_cart(cola: Any) -> None:
    category = TaxCategoryFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    TaxRuleFactory(rate=Decimal("0.08875"), tax_categories=[category])
    PriceFactory(product=cola, amount=Decimal("4.25"))
    FeeFactory(products=[cola])
    PromotionFactory(percent=Decimal(10))
    priced = price_cart(cart(line("COLA", "2")), book_of(line("COLA", "2")), now=NOON)
    assert isinstance(priced, PricedCart)
    assert [str(amount) for amount in (priced.totals.sub_total, priced.totals.price_total)] == ["8.60", "8.42"]


def test_a_second_product_among_the_identifiers_of_a_line_leaves_the_cart_priced(cola: Any) -> None:
    """The promotions of the second come along, and none of its units is in the cart."""
    category = TaxCategoryFactory(exempt=True)
    water = ProductFactory(sku="WATER", category="Water")
    for product in (cola, water):
        TaxAssignmentFactory(product=product, tax_category=category)
        PriceFactory(product=product, amount=Decimal("4.25"))
    PromotionFactory(targets={"skus": ["WATER"]})
    asked = cart(line("COLA", also=(("SKU", "WATER"),)))
    priced = price_cart(asked, read_pricebook(asked), now=NOON)
    assert isinstance(priced, PricedCart)
    assert (str(priced.totals.price_total), priced.trace["not_applied"]) == ("4.25", [])


# --- The number of questions ---------------------------------------------------------------------------------------


def questions(who_is_who: int, what_holds: int) -> int:
    """SQLite is asked one query after the other, PostgreSQL twice in all."""
    return (who_is_who > 0) + (what_holds > 0) if connection.vendor == "postgresql" else who_is_who + what_holds


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([line("COLA")], id="one line"),
        pytest.param([line(f"SKU-{n}") for n in range(100)] + [scan(f"{n:012}") for n in range(100)], id="200 lines"),
        pytest.param([line("?"), scan("4011", also=(("SKU", "?"), ("UPC", "01234565")))], id="nothing known"),
    ],
)
@pytest.mark.parametrize("on_sale", [0, 30])
def test_the_number_of_queries_is_always_the_same(
    django_assert_num_queries: Queries, cola: Any, lines: list[CartLine], on_sale: int
) -> None:
    category = TaxCategoryFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    for number in range(on_sale):
        product = ProductFactory(sku=f"SKU-{number}")
        BarcodeFactory(product=product, code=f"{number:012}")
        TaxAssignmentFactory(product=product, tax_category=category)
        PriceFactory(product=product)
        FeeFactory(products=[product])
        PromotionFactory(targets={"skus": [product.sku, "COLA"]})
        TaxRuleFactory(tax_categories=[category])
    with django_assert_num_queries(questions(3, 7)):
        book_of(*lines, at=None)


def test_a_store_that_is_not_known_is_asked_for_and_nothing_else(
    django_assert_num_queries: Queries, store: Any
) -> None:
    store.delete()
    with django_assert_num_queries(questions(3, 0)):
        book = book_of(line("COLA"), at=None)
    assert book == Pricebook(NOON, store=None)


if connection.vendor == "postgresql":  # it plans a statement that comes often without looking at what is asked

    def test_no_more_is_read_of_a_large_catalog_than_the_cart_asks_for() -> None:
        category = TaxCategoryFactory()
        products = Product.objects.bulk_create(Product(sku=f"SKU-{n:04}", name="Example") for n in range(2_000))
        Price.objects.bulk_create(PriceFactory.build(product=one) for one in products)
        TaxAssignment.objects.bulk_create(
            TaxAssignmentFactory.build(product=one, tax_category=category) for one in products
        )
        lines = [line("SKU-0007"), line("SKU-1234")]
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            for _ in range(20):
                book = book_of(*lines)
            before = rows_read(cursor)
            assert book_of(*lines) == book
            read = [after - at_first for after, at_first in zip(rows_read(cursor), before, strict=True)]
        assert len(book.prices) == len(book.taxes) == 2
        assert max(read) < 10

    def rows_read(cursor: Any) -> list[int]:
        """By this transaction so far, of the two tables that have rows for each product."""
        cursor.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('pricing_price', 'pricing_taxassignment') ORDER BY relname"
        )
        return [read for (read,) in cursor.fetchall()]


# --- What is remembered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("catalog_store", "currency = 'CAD'"),
        ("catalog_product", "name = 'Renamed'"),
        ("catalog_product", "category = 'Elsewhere'"),
        ("pricing_price", "amount = amount + 1"),
        ("pricing_promotion", "percent = percent + 1"),
        ("pricing_promotiontarget", "excluded = TRUE"),
        ("pricing_fee", "amount = amount + 1"),
        ("pricing_taxcategory", "exempt = TRUE"),
        ("pricing_taxrule", "rate = rate + 1"),
        ("pricing_taxholiday", "unit_price_below = unit_price_below + 1"),
    ],
)
def test_whatever_changes_a_row_is_seen_by_the_next_cart(cola: Any, table: str, change: str) -> None:
    """Even behind the models' backs: what is remembered of a row holds for the very same words only."""
    category = TaxCategoryFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    PriceFactory(product=cola)
    FeeFactory(products=[cola])
    PromotionFactory(targets={"categories": ["Drinks"]})
    TaxRuleFactory(tax_categories=[category])
    TaxHolidayFactory(tax_categories=[category], unit_price_below=Decimal("9.00"))
    before = book_of(line("COLA"))
    assert book_of(line("COLA")) == before
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {change}")  # noqa: S608  constants of this test
    assert book_of(line("COLA")) != before


@pytest.mark.parametrize("sign", ["\x01", "\x1f", " ", ",", "}"])
def test_a_category_may_hold_any_sign(cola: Any, sign: str) -> None:
    """Also the first of those that set apart a promotion's rows of targets."""
    ProductFactory(sku="TEA", category=f"Hot{sign}drinks")
    PromotionFactory(targets={"categories": [f"Hot{sign}drinks", "Drinks"], "except_skus": [cola.sku]})
    assert [one.roles for one in book_of(line("COLA"), line("TEA")).promotions] == [(frozenset({"TEA"}),)]


# --- The store and the moment --------------------------------------------------------------------------------------


def test_the_terms_of_a_store_are_its_settings(store: Any) -> None:
    store.currency, store.time_zone, store.prices_include_tax = "CAD", "America/Vancouver", True
    store.tax_rounding, store.fees, store.priced_at = TaxRounding.ORDER, FeeTreatment.PARK, PricedAt.START
    store.empty_cart_purchase_id, store.tests_until = EmptyCartAnswer.ISSUED, NOON + BLINK
    store.save()
    assert book_of(line("COLA")).store == StoreTerms(
        STORE,
        "CAD",
        ZoneInfo("America/Vancouver"),
        prices_include_tax=True,
        taxed_by_order=True,
        parks_fees=True,
        priced_at_start=True,
        names_empty_carts=True,
        tests_until=NOON + BLINK,
        name=store.name,
    )
    store.amount_basis, store.tax_rounding = AmountBasis.UNIT, TaxRounding.LINE
    store.save()
    terms = book_of(line("COLA")).store
    assert terms is not None
    assert (terms.amounts_of_one_piece, terms.taxed_by_order) == (True, False)


@pytest.mark.parametrize(("priced_at", "minutes"), [(PricedAt.END, 9), (PricedAt.START, 0)])
def test_a_trip_is_priced_as_of_its_own_moment(store: Any, cola: Any, priced_at: str, minutes: int) -> None:
    store.priced_at = priced_at
    store.save()
    for started, amount in ((0, "1.00"), (5, "2.00")):
        PriceFactory(product=cola, amount=Decimal(amount), starts_at=NOON + timedelta(minutes=started))
    trip = replace(cart(line("COLA")), started_at=NOON, ended_at=NOON + timedelta(minutes=9))
    book = read_pricebook(trip)
    assert book.moment == NOON + timedelta(minutes=minutes)
    assert str(book.prices["COLA"].amount) == ("2.00" if minutes else "1.00")
    assert str(read_pricebook(trip, at=NOON + timedelta(minutes=5)).prices["COLA"].amount) == "2.00"


@pytest.mark.parametrize(
    "zone",
    [UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=14)), timezone(timedelta(hours=-11, minutes=-30))],
)
@pytest.mark.parametrize(
    ("moment", "in_force"),
    [
        pytest.param(MARCH - BLINK, False, id="just before the start"),
        pytest.param(MARCH, True, id="at the start"),
        pytest.param(MARCH + BLINK, True, id="just after the start"),
        pytest.param(NOON - BLINK, True, id="just before the end"),
        pytest.param(NOON, False, id="at the very end"),
        pytest.param(NOON + BLINK, False, id="just after the end"),
    ],
)
def test_everything_is_in_force_from_its_start_until_just_before_its_end(
    cola: Any, zone: timezone, moment: datetime, *, in_force: bool
) -> None:
    category, when = TaxCategoryFactory(exempt=True), {"starts_at": MARCH, "ends_at": NOON}
    PriceFactory(product=cola, **when)
    PromotionFactory(**when)
    FeeFactory(products=[cola], **when)
    TaxAssignmentFactory(product=cola, tax_category=category, **when)
    TaxAssignmentFactory(product=ProductFactory(sku="WATER"), tax_category=category)
    TaxRuleFactory(tax_categories=[category], **when)
    TaxHolidayFactory(tax_categories=[category], **when)
    book = book_of(line("COLA"), line("WATER"), at=moment.astimezone(zone))
    found = [book.prices, book.promotions, book.fees, book.taxes.get("COLA"), book.taxes["WATER"].parts, book.holidays]
    assert [bool(one) for one in found] == [in_force] * 6


@pytest.mark.parametrize("micros", [0, 1, 100, 1000, 123000, 100000, 500000, 999999])
def test_times_are_read_to_the_microsecond(cola: Any, micros: int) -> None:
    starts_at = MARCH.replace(microsecond=micros)
    PriceFactory(product=cola, starts_at=starts_at)
    PromotionFactory(from_time=time(9, microsecond=micros), until_time=time(9, 30))
    book = book_of(line("COLA"), at=starts_at)
    assert book.prices["COLA"].starts_at == starts_at
    assert book.promotions[0].from_time == time(9, microsecond=micros)
    assert not book_of(line("COLA"), at=starts_at - BLINK).prices


def test_a_time_that_was_saved_in_another_zone_is_the_same_moment(cola: Any) -> None:
    PriceFactory(product=cola, starts_at=MARCH.astimezone(ZoneInfo("Asia/Kathmandu")))
    assert book_of(line("COLA"), at=MARCH).prices["COLA"].starts_at == MARCH
    assert not book_of(line("COLA"), at=MARCH - BLINK).prices


def test_limits_and_unit_names_are_those_of_the_installation(settings: Any) -> None:
    settings.MAX_LINE_QUANTITY, settings.MAX_CART_UNITS = 20, 30
    settings.UNIT_NAMES = {"Bottle": "unit", "EA": "lb"}
    limits = book_of(line("COLA")).limits
    assert (limits.line_quantity, limits.cart_units) == (20, 30)
    assert [limits.unit_names[text] for text in ("bottle", "ea", "each", "kilograms")] == ["unit", "lb", "unit", "kg"]


# --- Products ------------------------------------------------------------------------------------------------------


def test_every_id_of_a_line_is_looked_up() -> None:
    for sku, code in (("FIRST", "4011"), ("SECOND", "4131"), ("THIRD", "4030"), ("OTHER", "4046")):
        BarcodeFactory(product=ProductFactory(sku=sku), code=code, type="PLU")
    book = book_of(line("FIRST", also=(("PLU", "4131"), ("SKU", "THIRD"))))
    assert {key: [one.sku for one in found] for key, found in book.products.items()} == {
        "sku:FIRST": ["FIRST"],
        "sku:SECOND": ["SECOND"],
        "sku:THIRD": ["THIRD"],
        "4131": ["SECOND"],
    }


def test_eight_digits_find_an_ean_8_and_a_upc_e() -> None:
    BarcodeFactory(product=ProductFactory(sku="EUROPEAN"), code="01234565", type="EAN8")
    BarcodeFactory(product=ProductFactory(sku="AMERICAN"), code="01234565", type="UPC")
    found = book_of(scan("01234565")).products
    assert [one.sku for one in found["00000001234565"]] == ["EUROPEAN"]
    assert [one.sku for one in found["00012345000065"]] == ["AMERICAN"]


def test_a_barcode_of_two_products_finds_both() -> None:
    for sku in ("COLA", "DIET"):
        BarcodeFactory(product=ProductFactory(sku=sku), code="012345678905")
    assert {one.sku for one in book_of(scan("012345678905")).products["00012345678905"]} == {"COLA", "DIET"}


def test_a_product_is_listed_in_all_stores_or_in_its_own(store: Any) -> None:
    ProductFactory(sku="ALL")
    ProductFactory(sku="HERE", stores=[StoreFactory(), store])
    ProductFactory(sku="ELSEWHERE", stores=[StoreFactory()])
    ProductFactory(sku="NOWHERE", all_stores=False)
    book = book_of(*(line(sku) for sku in ("ALL", "HERE", "ELSEWHERE", "NOWHERE")))
    listed = {one.sku: one.listed for (one,) in book.products.values()}
    assert listed == {"ALL": True, "HERE": True, "ELSEWHERE": False, "NOWHERE": False}


@pytest.mark.parametrize("sku", ["O'Hare", "50%", "%s", "a:b", "ünï", '"quoted"', "back\\slash", "{store}"])
def test_a_sku_may_hold_any_character(sku: str) -> None:
    PriceFactory(product=ProductFactory(sku=sku, name=sku, category=sku))
    PromotionFactory(code=f"P{sku}", targets={"categories": [sku]})
    book = book_of(line(sku))
    assert book.products[f"sku:{sku}"][0].name == sku
    assert list(book.prices) == [sku]
    assert [(one.code, one.roles) for one in book.promotions] == [(f"P{sku}", (frozenset({sku}),))]


# --- Which price wins ----------------------------------------------------------------------------------------------

TEMPORARY = {"temporary": True, "ends_at": NOON + timedelta(days=1)}
LATER = {"starts_at": MARCH + timedelta(days=1)}


@pytest.mark.parametrize(
    ("prices", "winner"),
    [
        pytest.param([{}], 0, id="the only one"),
        pytest.param([{"store": True}, LATER], 0, id="the store's own beats one for all stores"),
        pytest.param([{"store": True}, TEMPORARY], 0, id="even a temporary one"),
        pytest.param([TEMPORARY, LATER], 0, id="a temporary one beats a later regular one"),
        pytest.param([{}, LATER], 1, id="the later of two regular ones"),
        pytest.param([LATER, {}], 0, id="in whatever order they came"),
        pytest.param([TEMPORARY, {**TEMPORARY, **LATER}], 1, id="the later of two temporary ones"),
        pytest.param([{"store": True}, {"store": True, **TEMPORARY}], 1, id="a temporary one of the store"),
        pytest.param([{"store": True, **TEMPORARY}, {"store": True, **LATER}], 0, id="that beats a later regular one"),
        pytest.param([{}, {"store": False, **LATER}], 0, id="another store's is none of ours"),
        pytest.param([{}, {"starts_at": NOON + BLINK}], 0, id="one that is yet to start"),
        pytest.param([{}, {**LATER, "ends_at": NOON}], 0, id="one that has just ended"),
    ],
)
def test_one_price_wins(store: Any, cola: Any, prices: list[dict[str, Any]], winner: int) -> None:
    rows = []
    for number, said in enumerate(prices):
        terms = {"starts_at": MARCH, **said}
        if "store" in terms:
            terms["store"] = store if terms["store"] else StoreFactory()
        rows.append(PriceFactory(product=cola, amount=Decimal(number + 1), **terms))
    won = book_of(line("COLA")).prices["COLA"]
    assert (won.row, won.amount) == (str(rows[winner].pk), Decimal(winner + 1))


# --- Which promotions, fees and taxes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "reached"),
    [
        pytest.param({"all": True}, {"COLA", "TEA", "CHIPS", "PLAIN"}, id="everything"),
        pytest.param({"all": True, "except_skus": ["TEA"]}, {"COLA", "CHIPS", "PLAIN"}, id="all but one"),
        pytest.param({"skus": ["COLA", "WINE"]}, {"COLA"}, id="products"),
        pytest.param({"categories": ["Drinks"]}, {"COLA", "TEA"}, id="a category"),
        pytest.param({"categories": ["Drinks > Hot"]}, {"TEA"}, id="a subcategory"),
        pytest.param({"categories": ["Hot"]}, set(), id="a subcategory is nothing by itself"),
        pytest.param({"categories": ["drinks"]}, set(), id="a category is written as it is"),
        pytest.param({"categories": ["Snacks > "]}, set(), id="nothing is below a category without subcategories"),
        pytest.param({"categories": ["Drinks", "Snacks"]}, {"COLA", "TEA", "CHIPS"}, id="categories"),
        pytest.param({"categories": ["Drinks"], "except_skus": ["TEA"]}, {"COLA"}, id="a category but for one"),
        pytest.param({"categories": ["Drinks > Hot"], "skus": ["CHIPS"]}, {"TEA", "CHIPS"}, id="both"),
        pytest.param({"skus": ["COLA"], "except_skus": ["COLA"]}, set(), id="what is taken away again"),
        pytest.param({"skus": ["COLA", "TEA"], "except_skus": ["COLA"]}, {"TEA"}, id="and the rest"),
    ],
)
def test_a_promotion_reaches_its_targets(targets: dict[str, Any], reached: set[str]) -> None:
    for sku, category, subcategory in (
        ("COLA", "Drinks", "Soft drinks"),
        ("TEA", "Drinks", "Hot"),
        ("CHIPS", "Snacks", ""),
        ("PLAIN", "", ""),
    ):
        ProductFactory(sku=sku, category=category, subcategory=subcategory)
    PromotionFactory(targets=targets)
    found = book_of(*(line(sku) for sku in ("COLA", "TEA", "CHIPS", "PLAIN"))).promotions
    assert [one.roles for one in found] == ([(frozenset(reached),)] if reached else [])


@pytest.mark.usefixtures("cola")
def test_only_the_products_of_the_cart_are_named() -> None:
    ProductFactory(sku="TEA")
    PromotionFactory(targets={"categories": ["Drinks"]})
    PromotionFactory(targets={"skus": ["TEA"]})
    assert [one.roles for one in book_of(line("COLA")).promotions] == [(frozenset({"COLA"}),)]


def test_promotions_and_fees_and_taxes_hold_in_their_stores(store: Any, cola: Any) -> None:
    category, elsewhere = TaxCategoryFactory(), StoreFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    for code, where in (
        ("ALL", {}),
        ("HERE", only_in(store, elsewhere)),
        ("ELSEWHERE", only_in(elsewhere)),
        ("NOWHERE", only_in()),
    ):
        PromotionFactory(code=code, **where)
        FeeFactory(code=code, products=[cola], **where)
        TaxRuleFactory(code=code, tax_categories=[category], **where)
        TaxHolidayFactory(code=code, tax_categories=[category], **where)
    book = book_of(line("COLA"))
    assert [one.code for one in book.promotions] == ["ALL", "HERE"]
    assert [one.code for one in book.fees["COLA"]] == ["ALL", "HERE"]
    assert [one.code for one in book.taxes["COLA"].parts] == ["ALL", "HERE"]
    assert [one.code for one in book.holidays] == ["ALL", "HERE"]


@pytest.fixture
def sorting_for_people() -> None:
    """Codes stand in the database as many a PostgreSQL sorts text: small and capital letters side by side."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in ("promotion", "fee", "taxrule", "taxholiday"):
                cursor.execute(f'ALTER TABLE pricing_{table} ALTER COLUMN code TYPE varchar(100) COLLATE "und-x-icu"')


@pytest.mark.usefixtures("sorting_for_people")
def test_what_has_a_code_is_read_in_the_order_of_codes(cola: Any) -> None:
    """Capitals before small letters, on every database: the receipt and the ties must not depend on its collation."""
    category = TaxCategoryFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    in_order = ["10", "9", "A-1", "A1", "AB", "Z", "a", "b"]
    for code in ("b", "Z", "9", "AB", "a", "A1", "10", "A-1"):
        PromotionFactory(code=code)
        FeeFactory(code=code, products=[cola])
        TaxRuleFactory(code=code, tax_categories=[category])
        TaxHolidayFactory(code=code, tax_categories=[category])
    book = book_of(line("COLA"))
    assert [one.code for one in book.promotions] == in_order
    assert [one.code for one in book.fees["COLA"]] == in_order
    assert [one.code for one in book.taxes["COLA"].parts] == in_order
    assert [one.code for one in book.holidays] == in_order


@pytest.mark.usefixtures("cola")
def test_a_product_without_a_tax_category_has_no_tax_terms() -> None:
    assert book_of(line("COLA")).taxes == {}


def test_a_category_without_a_rule_has_no_parts(cola: Any) -> None:
    TaxAssignmentFactory(product=cola, tax_category=TaxCategoryFactory(code="SOFT"))
    TaxRuleFactory(tax_categories=[TaxCategoryFactory()])
    assert book_of(line("COLA")).taxes == {"COLA": TaxTerms("SOFT", exempt=False, parts=())}


def test_the_tax_category_is_that_of_the_moment(cola: Any) -> None:
    TaxAssignmentFactory(product=cola, tax_category=TaxCategoryFactory(code="OLD"), ends_at=NOON)
    TaxAssignmentFactory(product=cola, tax_category=TaxCategoryFactory(code="NEW"), starts_at=NOON)
    assert book_of(line("COLA"), at=NOON - BLINK).taxes["COLA"].category == "OLD"
    assert book_of(line("COLA"), at=NOON).taxes["COLA"].category == "NEW"


@pytest.mark.usefixtures("cola")
def test_a_code_has_one_version_at_a_moment() -> None:
    old = PromotionFactory(code="TEN", ends_at=NOON)
    new = PromotionFactory(code="TEN", starts_at=NOON, percent=Decimal(20))
    assert [one.row for one in book_of(line("COLA"), at=NOON - BLINK).promotions] == [str(old.pk)]
    assert [one.row for one in book_of(line("COLA"), at=NOON).promotions] == [str(new.pk)]


@pytest.mark.usefixtures("cola")
@pytest.mark.parametrize(
    ("percent", "read"), [("10", "10"), ("100", "100"), ("12.5", "12.5"), ("33.3333", "33.3333"), ("0.0001", "0.0001")]
)
def test_percentages_are_exact_and_short(percent: str, read: str) -> None:
    PromotionFactory(percent=Decimal(percent))
    assert [str(one.percent) for one in book_of(line("COLA")).promotions] == [read]


@pytest.mark.parametrize(
    ("rate", "read"), [("0.04", "0.04"), ("0.08875", "0.08875"), ("0.00000001", "1E-8"), ("0", "0")]
)
def test_rates_are_exact_and_short(cola: Any, rate: str, read: str) -> None:
    category = TaxCategoryFactory()
    TaxAssignmentFactory(product=cola, tax_category=category)
    TaxRuleFactory(rate=Decimal(rate), tax_categories=[category])
    assert [str(part.rate) for part in book_of(line("COLA")).taxes["COLA"].parts] == [read]


SNACKS = {"categories": ["Snacks"]}
DRINKS = {"categories": ["Drinks"]}


@pytest.mark.usefixtures("cola")
@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (
            {"kind": PromotionKind.AMOUNT_OFF, "percent": None, "amount": Decimal("0.50")},
            {"kind": "AMOUNT_OFF", "amount": Decimal("0.50")},
        ),
        (
            {"kind": PromotionKind.BUY_X_GET_Y, "percent": Decimal(100), "buy": 2, "get": 1},
            {"kind": "BUY_X_GET_Y", "percent": Decimal(100), "counts": (2, 1)},
        ),
        (
            {"kind": PromotionKind.BUY_X_GET_Y, "percent": Decimal(50), "buy": 1, "get": 3, "get_targets": SNACKS},
            {"kind": "BUY_X_GET_Y", "percent": Decimal(50), "counts": (1, 3), "roles": ({"COLA"}, {"CHIPS"})},
        ),
        (
            {"kind": PromotionKind.MULTI_BUY, "percent": None, "count": 3, "amount": Decimal("5.00")},
            {"kind": "MULTI_BUY", "counts": (3,), "amount": Decimal("5.00")},
        ),
        (
            {
                "kind": PromotionKind.BUNDLE,
                "percent": None,
                "targets": None,
                "amount": Decimal("9.00"),
                "components": [
                    {"targets": {"skus": ["WINE"]}, "count": 1},
                    {"targets": DRINKS, "count": 2},
                    {"targets": {"all": True, "except_skus": ["COLA"]}, "count": 1},
                ],
            },
            {
                "kind": "BUNDLE",
                "amount": Decimal("9.00"),
                "counts": (1, 2, 1),
                "roles": (set(), {"COLA"}, {"CHIPS"}),
            },
        ),
        (
            {
                "kind": PromotionKind.SPEND_GET,
                "percent": None,
                "threshold": Decimal("20.00"),
                "amount": Decimal("2.00"),
                "targets": {"all": True},
            },
            {
                "kind": "SPEND_GET",
                "threshold": Decimal("20.00"),
                "amount": Decimal("2.00"),
                "roles": ({"COLA", "CHIPS"},),
            },
        ),
    ],
)
def test_each_kind_of_promotion_is_read_with_its_roles(terms: dict[str, Any], expected: dict[str, Any]) -> None:
    ProductFactory(sku="CHIPS", category="Snacks", subcategory="")
    row = PromotionFactory(code="D", name="Deal", receipt_text="Deal", **{"targets": DRINKS, **terms})
    roles = tuple(frozenset(role) for role in expected.pop("roles", ({"COLA"},)))
    wanted = PromotionTerms(
        row=str(row.pk), code="D", name="Deal", receipt_text="Deal", roles=roles, **{"percent": None, **expected}
    )
    assert book_of(line("COLA"), line("CHIPS")).promotions == (wanted,)


@pytest.mark.usefixtures("cola")
def test_a_promotion_is_found_by_what_is_got() -> None:
    """Only so can the trace say that nothing was bought for it."""
    PromotionFactory(
        kind=PromotionKind.BUY_X_GET_Y, buy=1, get=1, targets={"skus": ["WINE"]}, get_targets={"skus": ["COLA"]}
    )
    assert [one.roles for one in book_of(line("COLA")).promotions] == [(frozenset(), frozenset({"COLA"}))]
