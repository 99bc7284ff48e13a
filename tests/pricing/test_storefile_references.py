"""What a row refers to must exist, in the file or in the database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.models import Barcode, Product, Store
from pricing.models import Price
from pricing.storefile.faults import Faulty
from pricing.storefile.load import Loaded
from pricing.storefile.load import load as load_file
from tests.pricing.storefile_samples import COLA, NUTS, START, STORE, WEST, Document, price, promotion, raw, shop

NOW = datetime(2026, 3, 14, 16, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def load(document: Document) -> Loaded:
    return load_file(raw(document), clock=lambda: NOW)


def faults_of(document: Document) -> list[str]:
    with pytest.raises(Faulty) as caught:
        load(document)
    return [str(fault) for fault in caught.value.faults]


def warnings_of(document: Document) -> list[str]:
    return [str(warning) for warning in load(document).difference.warnings]


def fee(**keys: Any) -> Document:
    return {"code": "DEPOSIT", "description": "Deposit", "amount": "0.05", "skus": ["COLA"], "starts_at": START, **keys}


def tax_rule(**keys: Any) -> Document:
    return {
        "code": "STATE",
        "jurisdiction": "State",
        "tax_categories": ["DRINKS"],
        "rate": "0.04",
        "starts_at": START,
        **keys,
    }


UNKNOWN: list[tuple[Document, str]] = [
    (
        {"products": [{**COLA, "stores": ["EAST", "EASTS"]}]},
        "products[0].stores[1]: there is no store “EASTS” (did you mean “EAST”?)",
    ),
    (
        {"products": [{**COLA, "tax_category": "DRINK"}]},
        "products[0].tax_category: there is no tax category “DRINK” (did you mean “DRINKS”?)",
    ),
    ({"prices": [price(sku="TEA")]}, "prices[0].sku: there is no product “TEA”"),
    ({"prices": [price(store_id="SOUTH")]}, "prices[0].store_id: there is no store “SOUTH”"),
    ({"fees": [fee(skus=["COLA", "TEA"])]}, "fees[0].skus[1]: there is no product “TEA”"),
    ({"fees": [fee(stores=["SOUTH"])]}, "fees[0].stores[0]: there is no store “SOUTH”"),
    ({"promotions": [promotion(stores=["SOUTH"])]}, "promotions[0].stores[0]: there is no store “SOUTH”"),
    (
        {"promotions": [promotion(targets={"skus": ["TEA"]})]},
        "promotions[0].targets.skus[0]: there is no product “TEA”",
    ),
    (
        {
            "promotions": [
                promotion(kind="BUY_X_GET_Y", buy=1, get=1, targets={"all": True}, get_targets={"skus": ["TEA"]})
            ]
        },
        "promotions[0].get_targets.skus[0]: there is no product “TEA”",
    ),
    (
        {
            "promotions": [
                promotion(
                    kind="BUNDLE", percent=None, targets=None, amount="5", components=[{"targets": {"skus": ["TEA"]}}]
                )
            ]
        },
        "promotions[0].components[0].targets.skus[0]: there is no product “TEA”",
    ),
    (
        {"tax_rules": [tax_rule(tax_categories=["DRINKS", "FOOD"])]},
        "tax_rules[0].tax_categories[1]: there is no tax category “FOOD”",
    ),
    ({"tax_rules": [tax_rule(stores=["SOUTH"])]}, "tax_rules[0].stores[0]: there is no store “SOUTH”"),
    (
        {"tax_holidays": [{"code": "H", "name": "H", "tax_categories": ["FOOD"], "starts_at": START}]},
        "tax_holidays[0].tax_categories[0]: there is no tax category “FOOD”",
    ),
]


@pytest.mark.parametrize(("sections", "fault"), UNKNOWN)
def test_what_does_not_exist_is_refused_with_its_path(sections: Document, fault: str) -> None:
    assert faults_of(shop(**sections)) == [fault]
    assert Store.objects.count() == 0


def test_what_exists_in_the_database_need_not_be_in_the_file() -> None:
    load(shop())

    load(
        {
            "prices": [price(store_id="EAST")],
            "fees": [fee(stores=["EAST"])],
            "promotions": [promotion(stores=["WEST"], targets={"categories": ["Drinks"]})],
            "tax_rules": [tax_rule()],
        }
    )
    assert Price.objects.get().store_id == "EAST"


def test_a_reference_to_a_faulty_row_is_no_second_fault() -> None:
    document = shop(products=[{**COLA, "name": ""}, NUTS], prices=[price()], fees=[fee()], promotions=[promotion()])

    assert faults_of(document) == ["products[0].name: must not be empty"]


def test_faults_of_the_shape_and_of_references_are_told_together() -> None:
    assert faults_of(shop(prices=[price("-1"), price(sku="TEA")])) == [
        "prices[0].amount: must be 0 or more, and below 1,000,000,000,000,000",
        "prices[1].sku: there is no product “TEA”",
    ]


@pytest.mark.parametrize(
    ("targets", "warning"),
    [
        (
            {"categories": ["Drink"]},
            "promotions[0].targets.categories[0]: no product is in the category “Drink” (did you mean “Drinks”?)",
        ),
        (
            {"categories": ["Food > Bread"]},
            "promotions[0].targets.categories[0]: no product is in the category “Food > Bread”",
        ),
        ({"all": True, "except_skus": ["TEA"]}, "promotions[0].targets.except_skus[0]: there is no product “TEA”"),
    ],
)
def test_targets_without_a_product_are_told(targets: Document, warning: str) -> None:
    assert warnings_of(shop(promotions=[promotion(targets=targets)])) == [warning]


def test_a_category_may_be_that_of_a_product_in_the_file_or_in_the_database() -> None:
    soft = {**COLA, "subcategory": "Soft drinks"}
    targets = {"categories": ["Drinks", "Drinks > Soft drinks"]}

    assert warnings_of(shop(products=[soft], promotions=[promotion(targets=targets)])) == []
    assert warnings_of({"promotions": [promotion(targets=targets)]}) == []


NEVER = "and that never changes: retire this SKU and add a new one"


@pytest.mark.parametrize(
    ("product", "fault"),
    [
        (
            {**COLA, "sold_by": "WEIGHT", "weight_unit": "lb"},
            f"products[0].sold_by: “COLA” is sold by the piece, {NEVER}",
        ),
        ({**NUTS, "sold_by": "EACH", "weight_unit": None}, f"products[0].sold_by: “NUTS” is sold by weight, {NEVER}"),
        ({**NUTS, "weight_unit": "kg"}, f"products[0].weight_unit: “NUTS” is weighed in lb, {NEVER}"),
    ],
)
def test_how_a_product_is_sold_never_changes(product: Document, fault: str) -> None:
    load(shop())

    assert faults_of({"products": [product]}) == [fault]
    sold = Product.objects.values_list("sku", "sold_by", "weight_unit")
    assert list(sold) == [("COLA", "EACH", ""), ("NUTS", "WEIGHT", "lb")]


def test_fees_are_only_for_goods_sold_by_the_piece() -> None:
    weighed = "fees[0].skus[1]: “NUTS” is sold by weight, and fees are only for goods sold by the piece"

    assert faults_of(shop(fees=[fee(skus=["COLA", "NUTS"])])) == [weighed]
    load(shop())
    assert faults_of({"fees": [fee(skus=["COLA", "NUTS"])]}) == [weighed]


# --- Funding


HOLDS = "promotion “NEW” holds here, which somebody else pays: end it first"
TAXED = {**WEST, "prices_include_tax": True}
NO_VENDOR = "promotions[0].funding: VENDOR is not possible in WEST, whose prices include tax: let the store pay"


@pytest.mark.parametrize("where", [{}, {"stores": ["EAST", "WEST"]}])
def test_somebody_else_cannot_pay_where_prices_include_tax(where: Document) -> None:
    promotions = [promotion(funding="VENDOR", **where)]

    assert faults_of(shop(stores=[STORE, TAXED], promotions=promotions)) == [NO_VENDOR]
    load(shop(stores=[STORE, TAXED]))
    assert faults_of({"promotions": promotions}) == [NO_VENDOR]


def test_somebody_else_can_pay_elsewhere() -> None:
    load(shop(stores=[STORE, TAXED], promotions=[promotion(funding="VENDOR", stores=["EAST"])]))


def test_a_store_with_such_a_promotion_cannot_come_to_include_tax() -> None:
    over = {"starts_at": START, "ends_at": "2026-02-01T00:00:00-05:00"}
    vendor = [promotion("OLD", funding="VENDOR", **over), promotion("NEW", funding="VENDOR")]
    load(shop(promotions=vendor))

    assert faults_of({"stores": [TAXED]}) == [f"stores[0].prices_include_tax: not possible while {HOLDS}"]
    load({"stores": [TAXED], "promotions": [promotion("NEW")]})


# --- Barcodes


def with_barcode(product: Document, code: str, kind: str = "UPC") -> Document:
    return {**product, "barcodes": [{"code": code, "type": kind}]}


def test_one_barcode_on_two_products_is_told() -> None:
    """However it is written: 12 digits or 13."""
    cola, nuts = with_barcode(COLA, "012345678905"), with_barcode(NUTS, "0012345678905", "EAN")

    assert warnings_of(shop(products=[cola, nuts])) == [
        "products[0].barcodes[0].code: “012345678905” is on NUTS too: a cart with it waits for a person",
        "products[1].barcodes[0].code: “0012345678905” is on COLA too: a cart with it waits for a person",
    ]
    assert Barcode.objects.count() == 2


def test_a_barcode_of_a_product_of_the_database_counts_too() -> None:
    load(shop(products=[with_barcode(COLA, "012345678905"), NUTS]))

    assert warnings_of({"products": [with_barcode(NUTS, "012345678905")]}) == [
        "products[0].barcodes[0].code: “012345678905” is on COLA too: a cart with it waits for a person"
    ]


def test_a_barcode_may_move_from_one_product_to_another() -> None:
    load(shop(products=[with_barcode(COLA, "012345678905"), NUTS]))

    assert warnings_of(shop(products=[COLA, with_barcode(NUTS, "012345678905")])) == []


@pytest.mark.parametrize(
    ("code", "kind", "digits"),
    [
        ("12345678901", "UPC", "12 or 8"),
        ("012345678905", "EAN", "13"),
        ("12345", "EAN8", "8"),
        ("12345678X0", "ISBN", "10"),
        ("00012345678905", "PLU", "3 to 6"),
        ("COLA", "PLU", "3 to 6"),
        ("0001234567890", "GTIN", "14"),
    ],
)
def test_a_barcode_that_does_not_look_right_is_told(code: str, kind: str, digits: str) -> None:
    assert warnings_of(shop(products=[with_barcode(COLA, code, kind)])) == [
        f"products[0].barcodes[0].code: “{code}” does not look right: {kind} has {digits} digits"
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("01234565", "UPC"), ("012345678905", "UPC"), ("123456789X", "ISBN"), ("4011", "PLU"), ("94011", "PLU")],
)
def test_a_barcode_that_looks_right_is_not_told(code: str, kind: str) -> None:
    assert warnings_of(shop(products=[with_barcode(COLA, code, kind)])) == []
