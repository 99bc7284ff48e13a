"""What the format allows, without a database: every fault with its path."""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from pricing.storefile.entries import Document
from pricing.storefile.faults import Faults, Faulty
from pricing.storefile.shape import read
from tests.pricing.storefile_samples import changed, raw, sample, without


def faults_of(document: Any) -> list[str]:
    faults = Faults()
    read(raw(document), faults)
    try:
        faults.stop()
    except Faulty as faulty:
        return [str(fault) for fault in faulty.faults]
    return []


def document_of(document: Any) -> Document:
    faults = Faults()
    found = read(raw(document), faults)
    faults.stop()
    return found


def test_the_documented_sample_is_sound() -> None:
    assert faults_of(sample()) == []


def test_values_are_typed() -> None:
    document = document_of(sample())

    store, _, cola, price = document.stores[0], document.tax_categories, document.products[0], document.prices[2]
    assert (store.store_id, store.fees, store.currency) == ("ARENA-EAST-12", "IN_PRICE", "USD")
    assert cola.barcodes == (("012345678905", "UPC"), ("5901234123457", "EAN"))
    assert (cola.all_stores, cola.stores, cola.sold_by, cola.weight_unit) == (False, ("ARENA-EAST-12",), "EACH", "")
    assert price.amount == Decimal("3.75")
    assert price.temporary
    assert price.starts_at == datetime(2026, 3, 10, 4, tzinfo=UTC)
    assert price.ends_at == datetime(2026, 3, 17, 4, tzinfo=UTC)
    happy = document.promotions[1]
    assert (happy.weekdays, happy.from_time, happy.until_time) == (["MON", "TUE"], time(16), time(18))
    assert (happy.max_uses_per_trip, happy.priority, happy.funding) == (2, 5, "STORE")
    assert happy.targets == {"categories": ["Drinks"], "except_skus": ["WATER-1"]}
    meal = document.promotions[4]
    assert meal.components == [
        {"targets": {"categories": ["Sandwiches"]}, "count": 1},
        {"targets": {"categories": ["Drinks"]}, "count": 1},
    ]
    assert document.tax_rules[0].rate == Decimal("0.04")


def test_an_absent_key_and_null_mean_the_default() -> None:
    document = document_of(
        {
            "stores": [{"store_id": "A", "name": "A", "time_zone": "Europe/Berlin", "currency": None, "fees": None}],
            "products": [{"sku": "X", "name": "X", "brand": None, "stores": None, "weight_unit": None}],
            "prices": None,
        }
    )

    store, product = document.stores[0], document.products[0]
    assert (store.currency, store.prices_include_tax, store.tax_rounding, store.amount_basis) == (
        "USD",
        False,
        "LINE",
        "LINE",
    )
    assert (store.fees, store.priced_at, store.empty_cart_purchase_id) == ("IN_PRICE", "END", "BLANK")
    assert (product.brand, product.category, product.tax_category, product.all_stores) == ("", "", "", True)
    assert (product.sold_by, product.barcodes) == ("EACH", ())


NOT_JSON = {
    "cut off": (b'{"stores": [\n  {"name": "A",', "line 2, column 16"),
    "a comma too many": (b'{"stores": [],}', "line 1, column 15"),
    "empty": (b"", "line 1, column 1"),
    "no UTF-8": (b'{"a":\n "\xff"}', "line 2, column 3"),
    "deep": (b"[" * 100_000, "document"),
    "no number": (b'{"prices": NaN}', "document"),
    "a list": (b"[]", "document"),
    "a text": (b'"stores"', "document"),
}


@pytest.mark.parametrize(("text", "where"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_object_is_refused_with_the_place(text: bytes, where: str) -> None:
    with pytest.raises(Faulty) as caught:
        read(text, Faults())

    assert [fault.path for fault in caught.value.faults] == [where]


def test_a_key_that_stands_twice_is_refused() -> None:
    faults = Faults()
    read(b'{"tax_categories": [{"code": "A", "name": "A", "name": "B"}], "prices": [], "prices": []}', faults)

    with pytest.raises(Faulty) as caught:
        faults.stop()
    assert str(caught.value).splitlines() == [
        "prices: this key stands twice in one object",
        "tax_categories[0].name: this key stands twice in one object",
    ]


LONG = "x" * 256
AMOUNT = "must be 0 or more, and below 1,000,000,000,000,000"
NUMBER = 'must be a number in quotes, such as "2.49"'
KINDS = "PERCENT_OFF, AMOUNT_OFF, FIXED_PRICE, BUY_X_GET_Y, MULTI_BUY, BUNDLE, SPEND_GET"
DAYS = "MON, TUE, WED, THU, FRI, SAT, SUN"
CODE_START = "Start with a letter or digit."
TIME = 'must be a time with its offset, such as "2026-03-01T00:00:00-05:00"'
ORDER_UNIT = "ORDER does not go with amount_basis UNIT: tax is then computed per piece"

WRONG: list[tuple[str, Any, str]] = [
    # the document
    ("promotion", [], "promotion: unknown key (did you mean “promotions”?)"),
    ("prices", {}, "prices: must be a list"),
    ("prices.0", 7, "prices[0]: must be an object"),
    ("prices.0", None, "prices[0]: must be an object"),
    ("two words", 1, '"two words": unknown key'),
    # unknown keys
    ("promotions.3.percnt", "10", "promotions[3].percnt: unknown key (did you mean “percent”?)"),
    ("products.0.barcodes.1.kind", 1, "products[0].barcodes[1].kind: unknown key"),
    ("promotions.1.targets.sku", [], "promotions[1].targets.sku: unknown key (did you mean “skus”?)"),
    (
        "promotions.4.components.1.targets.category",
        [],
        "promotions[4].components[1].targets.category: unknown key (did you mean “categories”?)",
    ),
    ("stores.0.on_hold", True, "stores[0].on_hold: unknown key"),
    # texts
    ("stores.0.name", 5, "stores[0].name: must be a text"),
    ("stores.0.name", "", "stores[0].name: must not be empty"),
    ("stores.0.name", "  ", "stores[0].name: must not be empty"),
    ("stores.0.name", None, "stores[0].name: is missing"),
    ("stores.0.name", LONG, "stores[0].name: at most 255 characters, and this has 256"),
    ("products.0.name", "a\x00b", "products[0].name: control characters and broken characters can't be kept"),
    ("products.0.name", "a\nb", "products[0].name: control characters and broken characters can't be kept"),
    ("products.0.brand", "\ud800", "products[0].brand: control characters and broken characters can't be kept"),
    ("products.0.sku", LONG, "products[0].sku: at most 255 characters, and this has 256"),
    ("products.0.barcodes.0.code", "", "products[0].barcodes[0].code: must not be empty"),
    ("promotions.0.receipt_text", "x" * 101, "promotions[0].receipt_text: at most 100 characters, and this has 101"),
    # keys
    (
        "stores.0.store_id",
        "ARENA EAST",
        "stores[0].store_id: Use letters, digits, hyphens and underscores only.",
    ),
    ("promotions.0.code", "-TEN", f"promotions[0].code: {CODE_START}"),
    ("tax_categories.0.code", " X", f"tax_categories[0].code: {CODE_START}"),
    # choices
    (
        "stores.0.tax_rounding",
        "line",
        "stores[0].tax_rounding: must be one of LINE, ORDER",
    ),
    ("stores.0.amount_basis", "UNITS", "stores[0].amount_basis: must be one of LINE, UNIT (did you mean “UNIT”?)"),
    ("stores.0.fees", 1, "stores[0].fees: must be one of IN_PRICE, PARK"),
    ("stores.0.priced_at", [], "stores[0].priced_at: must be one of END, START"),
    ("stores.0.empty_cart_purchase_id", "NONE", "stores[0].empty_cart_purchase_id: must be one of BLANK, ISSUED"),
    (
        "stores.0.time_zone",
        "America/NewYork",
        "stores[0].time_zone: there is no time zone “America/NewYork” (did you mean “America/New_York”?)",
    ),
    ("stores.0.time_zone", "-05:00", "stores[0].time_zone: there is no time zone “-05:00”"),
    ("stores.0.currency", "usd", "stores[0].currency: Three capital letters, for example USD."),
    (
        "stores.0.currency",
        "JPY",
        "stores[0].currency: Amazon takes amounts with two decimals only, and JPY has not two.",
    ),
    (
        "stores.0.currency",
        "KWD",
        "stores[0].currency: Amazon takes amounts with two decimals only, and KWD has not two.",
    ),
    ("stores.0.prices_include_tax", "true", "stores[0].prices_include_tax: must be true or false"),
    (
        "products.0.barcodes.0.type",
        "UPCA",
        "products[0].barcodes[0].type: must be one of UPC, EAN, EAN8, ISBN, GTIN, PLU (did you mean “UPC”?)",
    ),
    ("products.0.sold_by", "PIECE", "products[0].sold_by: must be one of EACH, WEIGHT"),
    ("products.1.weight_unit", "LB", "products[1].weight_unit: must be one of lb, oz, kg, g"),
    ("products.0.weight_unit", "lb", "products[0].weight_unit: does not belong to goods sold by the piece"),
    ("products.1.weight_unit", None, "products[1].weight_unit: is missing: goods sold by weight need a unit"),
    # money, rates, percentages, counts
    ("prices.0.amount", 2.49, f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "2,49", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "+2.49", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "2e1", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "NaN", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", " 2.49", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "٢.49", f"prices[0].amount: {NUMBER}"),
    ("prices.0.amount", "2.499", "prices[0].amount: at most 2 decimals"),
    ("prices.0.amount", "2.490", "prices[0].amount: at most 2 decimals"),
    ("prices.0.amount", "-0.01", f"prices[0].amount: {AMOUNT}"),
    ("prices.0.amount", "1000000000000000", f"prices[0].amount: {AMOUNT}"),
    ("prices.0.amount", None, "prices[0].amount: is missing"),
    ("fees.0.amount", "-1", f"fees[0].amount: {AMOUNT}"),
    ("promotions.0.percent", "0", "promotions[0].percent: must be above 0 and at most 100"),
    ("promotions.0.percent", "100.0001", "promotions[0].percent: must be above 0 and at most 100"),
    ("promotions.0.percent", "33.33333", "promotions[0].percent: at most 4 decimals"),
    ("promotions.0.percent", 10, 'promotions[0].percent: must be a number in quotes, such as "10"'),
    ("tax_rules.0.rate", "1", "tax_rules[0].rate: must be 0 or more and below 1 (0.04 is 4 percent)"),
    ("tax_rules.0.rate", "-0.01", "tax_rules[0].rate: must be 0 or more and below 1 (0.04 is 4 percent)"),
    ("tax_rules.0.rate", "0.123456789", "tax_rules[0].rate: at most 8 decimals"),
    ("promotions.2.buy", 0, "promotions[2].buy: must be between 1 and 32767"),
    ("promotions.2.get", True, "promotions[2].get: must be a whole number, without quotes"),
    ("promotions.3.count", "3", "promotions[3].count: must be a whole number, without quotes"),
    ("promotions.3.count", 40_000, "promotions[3].count: must be between 1 and 32767"),
    ("promotions.4.components.0.count", 0, "promotions[4].components[0].count: must be between 1 and 32767"),
    ("promotions.1.max_uses_per_trip", 0, "promotions[1].max_uses_per_trip: must be between 1 and 32767"),
    ("promotions.1.priority", 1.5, "promotions[1].priority: must be a whole number, without quotes"),
    ("tax_holidays.0.unit_price_below", "-1", f"tax_holidays[0].unit_price_below: {AMOUNT}"),
    # times
    ("prices.0.starts_at", "2026-01-01T00:00:00", f"prices[0].starts_at: {TIME}"),
    ("prices.0.starts_at", "2026-01-01", f"prices[0].starts_at: {TIME}"),
    ("prices.0.starts_at", 1767243600, f"prices[0].starts_at: {TIME}"),
    (
        "prices.0.starts_at",
        "2026-02-30T00:00:00-05:00",
        "prices[0].starts_at: there is no such time as 2026-02-30T00:00:00-05:00",
    ),
    ("prices.0.starts_at", "1969-12-31T00:00:00Z", "prices[0].starts_at: must lie between 1970 and 9998"),
    ("prices.0.ends_at", "9999-12-31T23:59:59Z", "prices[0].ends_at: must lie between 1970 and 9998"),
    (
        "prices.0.ends_at",
        "9999-12-31T23:59:59-05:00",
        "prices[0].ends_at: there is no such time as 9999-12-31T23:59:59-05:00",
    ),
    ("prices.0.ends_at", "2026-01-01T00:00:00-05:00", "prices[0].ends_at: must be later than starts_at"),
    ("prices.0.ends_at", "2025-01-01T00:00:00-05:00", "prices[0].ends_at: must be later than starts_at"),
    ("prices.0.temporary", True, "prices[0].ends_at: is missing: a temporary price needs an end"),
    ("promotions.1.from_time", "4pm", 'promotions[1].from_time: must be a time of day, such as "16:00"'),
    ("promotions.1.from_time", "25:00", 'promotions[1].from_time: must be a time of day, such as "16:00"'),
    ("promotions.1.from_time", "18:00", "promotions[1].until_time: must not equal from_time"),
    ("promotions.1.from_time", None, "promotions[1].from_time: is missing: give both times of day or neither"),
    ("promotions.1.until_time", None, "promotions[1].until_time: is missing: give both times of day or neither"),
    # lists
    (
        "promotions.1.weekdays",
        ["MON", "Tue"],
        f"promotions[1].weekdays[1]: must be one of {DAYS}",
    ),
    ("promotions.1.weekdays", [], "promotions[1].weekdays: must not be empty"),
    ("promotions.1.weekdays", ["MON", "MON"], "promotions[1].weekdays[1]: is listed twice"),
    ("promotions.1.stores", [], "promotions[1].stores: must not be empty"),
    ("promotions.1.stores", "ARENA-EAST-12", "promotions[1].stores: must be a list"),
    ("tax_rules.0.stores", [""], "tax_rules[0].stores[0]: must not be empty"),
    ("tax_rules.0.tax_categories", [], "tax_rules[0].tax_categories: must not be empty"),
    ("tax_holidays.0.tax_categories", None, "tax_holidays[0].tax_categories: is missing"),
    ("fees.0.skus", [], "fees[0].skus: must not be empty"),
    ("fees.0.skus", [1], "fees[0].skus[0]: must be a text"),
    (
        "products.0.barcodes.1",
        {"code": "012345678905", "type": "UPC"},
        "products[0].barcodes[1].code: is listed twice",
    ),
    # targets
    ("promotions.0.targets", {}, 'promotions[0].targets: names no product: give skus, categories or {"all": true}'),
    (
        "promotions.0.targets",
        {"except_skus": ["X"]},
        'promotions[0].targets: names no product: give skus, categories or {"all": true}',
    ),
    (
        "promotions.0.targets",
        {"all": False},
        'promotions[0].targets: names no product: give skus, categories or {"all": true}',
    ),
    ("promotions.0.targets", {"skus": []}, "promotions[0].targets.skus: must not be empty"),
    (
        "promotions.0.targets",
        {"all": True, "skus": ["X"]},
        "promotions[0].targets.all: does not go with skus or categories: say either everything or which",
    ),
    ("promotions.0.targets", ["BEV-COLA-500"], "promotions[0].targets: must be an object"),
    ("promotions.0.targets", None, "promotions[0].targets: is missing: PERCENT_OFF needs it"),
    ("promotions.4.components.0.targets", None, "promotions[4].components[0].targets: is missing"),
    ("promotions.4.components", [], "promotions[4].components: must not be empty"),
    # kinds
    (
        "promotions.0.kind",
        "PERCENT",
        f"promotions[0].kind: must be one of {KINDS} (did you mean “PERCENT_OFF”?)",
    ),
    ("promotions.0.kind", None, "promotions[0].kind: is missing"),
    ("promotions.0.percent", None, "promotions[0].percent: is missing: PERCENT_OFF needs it"),
    ("promotions.0.amount", "1.00", "promotions[0].amount: does not belong to PERCENT_OFF"),
    ("promotions.0.get_targets", {"all": True}, "promotions[0].get_targets: does not belong to PERCENT_OFF"),
    ("promotions.1.amount", None, "promotions[1].amount: is missing: FIXED_PRICE needs it"),
    ("promotions.2.buy", None, "promotions[2].buy: is missing: BUY_X_GET_Y needs it"),
    ("promotions.3.count", None, "promotions[3].count: is missing: MULTI_BUY needs it"),
    ("promotions.4.targets", {"all": True}, "promotions[4].targets: does not belong to BUNDLE"),
    ("promotions.5.threshold", None, "promotions[5].threshold: is missing: SPEND_GET needs it"),
    ("promotions.5.amount", None, "promotions[5].amount: is missing: give amount or percent"),
    ("promotions.5.percent", "10", "promotions[5].amount: give either amount or percent, not both"),
    ("promotions.0.funding", "MAKER", "promotions[0].funding: must be one of STORE, VENDOR"),
]


@pytest.mark.parametrize(("path", "value", "fault"), WRONG)
def test_one_wrong_value_is_one_fault_with_its_path(path: str, value: Any, fault: str) -> None:
    assert faults_of(changed(sample(), path, value)) == [fault]


RIGHT: list[tuple[str, Any]] = [
    ("prices.0.amount", "5"),
    ("prices.0.amount", "5.0"),
    ("prices.0.amount", "0"),
    ("prices.0.amount", "999999999999999.99"),
    ("promotions.0.percent", "100"),
    ("promotions.0.percent", "0.0001"),
    ("tax_rules.0.rate", "0"),
    ("tax_rules.0.rate", "0.99999999"),
    ("prices.0.starts_at", "2026-01-01T05:00:00Z"),
    ("prices.0.starts_at", "2026-01-01T05:00:00.123456+00:00"),
    ("prices.0.starts_at", "2026-01-01T05:00Z"),
    ("promotions.1.from_time", "23:59:59"),
    ("promotions.1.priority", -32768),
    ("products.0.name", "Crème brûlée\u00a0“à la carte” 🍮"),
    ("products.0.stores", []),
    ("promotions.0.targets", {"all": True, "except_skus": ["BEV-COLA-500"]}),
    ("promotions.2.get_targets", {"skus": ["BEV-COLA-500"]}),
    ("tax_holidays.0.unit_price_below", None),
    ("stores.0.currency", "EUR"),
]


@pytest.mark.parametrize(("path", "value"), RIGHT)
def test_what_is_just_allowed_is_allowed(path: str, value: Any) -> None:
    assert faults_of(changed(sample(), path, value)) == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("stores.0.store_id", "stores[0].store_id: is missing"),
        ("stores.0.time_zone", "stores[0].time_zone: is missing"),
        ("tax_categories.0.name", "tax_categories[0].name: is missing"),
        ("products.0.sku", "products[0].sku: is missing"),
        ("products.0.name", "products[0].name: is missing"),
        ("prices.0.sku", "prices[0].sku: is missing"),
        ("prices.0.starts_at", "prices[0].starts_at: is missing"),
        ("fees.0.description", "fees[0].description: is missing"),
        ("fees.0.skus", "fees[0].skus: is missing"),
        ("promotions.0.receipt_text", "promotions[0].receipt_text: is missing"),
        ("tax_rules.0.jurisdiction", "tax_rules[0].jurisdiction: is missing"),
        ("tax_rules.0.rate", "tax_rules[0].rate: is missing"),
        ("tax_holidays.0.name", "tax_holidays[0].name: is missing"),
    ],
)
def test_a_needed_key_that_is_not_there_is_named(path: str, fault: str) -> None:
    assert faults_of(without(sample(), path)) == [fault]


def test_every_fault_is_told_at_once() -> None:
    document = sample()
    document["prices"][0] |= {"amount": "-1", "ends_at": "soon", "amout": "1"}
    document["promotions"][0] |= {"percent": "200", "code": ""}

    assert faults_of(document) == [
        "prices[0].amout: unknown key (did you mean “amount”?)",
        f"prices[0].ends_at: {TIME}",
        f"prices[0].amount: {AMOUNT}",
        "promotions[0].code: must not be empty",
        "promotions[0].percent: must be above 0 and at most 100",
    ]


def test_a_hundred_faults_are_listed_and_the_others_counted() -> None:
    faults = Faults()
    read(raw({"prices": [{}] * 50}), faults)

    with pytest.raises(Faulty) as caught:
        faults.stop()
    assert len(caught.value.faults) == 100
    assert caught.value.total == 150
    assert str(caught.value.faults[0]) == "prices[0].starts_at: is missing"


def test_orders_of_tax_and_pieces_do_not_go_together() -> None:
    document = sample()
    document["stores"][0] |= {"tax_rounding": "ORDER", "amount_basis": "UNIT"}

    assert faults_of(document) == [f"stores[0].tax_rounding: {ORDER_UNIT}"]


@pytest.mark.parametrize(
    ("section", "key", "fault"),
    [
        ("stores", None, "stores[1].store_id: stands already at stores[0]"),
        ("tax_categories", None, "tax_categories[2].code: stands already at tax_categories[0]"),
        ("products", None, "products[2].sku: stands already at products[0]"),
        ("prices", None, "prices[4].starts_at: a price of this SKU, scope and start is already at prices[0]"),
        ("fees", None, "fees[1].starts_at: “DEPOSIT-05” is still in force then by fees[0]: end that one first"),
        (
            "promotions",
            "2026-03-31T23:59:59-04:00",
            "promotions[6].starts_at: “COLA-10” is still in force then by promotions[0]: end that one first",
        ),
        (
            "tax_rules",
            "2027-01-01T00:00:00-05:00",
            "tax_rules[1].starts_at: “NY-STATE” is still in force then by tax_rules[0]: end that one first",
        ),
    ],
)
def test_rows_that_cannot_stand_together_are_refused(section: str, key: str | None, fault: str) -> None:
    document = sample()
    again = dict(document[section][0])
    if key:
        again |= {"starts_at": key, "ends_at": None}
    document[section].append(again)

    assert faults_of(document) == [fault]


def test_versions_of_a_code_may_follow_one_another() -> None:
    document = sample()
    first = document["promotions"][0]
    document["promotions"].append({**first, "percent": "20", "starts_at": first["ends_at"], "ends_at": None})

    assert faults_of(document) == []


def test_the_same_start_written_in_two_ways_is_the_same() -> None:
    document = sample()
    document["prices"].append({**document["prices"][0], "starts_at": "2026-01-01T05:00:00Z"})

    assert faults_of(document) == ["prices[4].starts_at: a price of this SKU, scope and start is already at prices[0]"]
