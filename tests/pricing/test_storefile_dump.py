"""What is loaded can be dumped, and what is dumped can be loaded."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Product, Store
from pricing.models import Price, Promotion, TaxAssignment
from pricing.storefile.dump import UnknownStore
from pricing.storefile.dump import dump as dump_file
from pricing.storefile.entries import DEFAULTS, KEYS
from pricing.storefile.load import Loaded
from pricing.storefile.load import load as load_file
from tests.pricing.storefile_samples import COLA, NUTS, START, STORE, Document, price, promotion, raw, sample, shop

NOW = datetime(2026, 3, 14, 16, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def load(document: Document, *, now: datetime = NOW) -> Loaded:
    return load_file(raw(document), clock=lambda: now)


def load_text(text: str, *, now: datetime = NOW) -> Loaded:
    return load_file(text.encode(), clock=lambda: now)


def dump(store_id: str | None = None) -> str:
    return dump_file(now=NOW, store_id=store_id)


def dumped(store_id: str | None = None) -> Document:
    document: Document = json.loads(dump(store_id))
    return document


def canonical(document: Document) -> Document:
    """The same document as a dump writes it: written out here once more, row by row."""
    found = {}
    for section in KEYS["document"]:
        rows = [_canonical_row(section, row) for row in document.get(section) or ()]
        if rows:
            found[section] = sorted(rows, key=lambda row: _order(section, row))
    return found


def _canonical_row(section: str, row: Document) -> Document:
    said = {key: _canonical_value(key, row[key]) for key in KEYS[section] if row.get(key) is not None}
    return {key: value for key, value in said.items() if value != DEFAULTS[section].get(key, ...)}


def _canonical_value(key: str, value: Any) -> Any:
    if key in {"starts_at", "ends_at"}:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    if key in {"amount", "threshold", "unit_price_below"}:
        return f"{float(value):.2f}"
    if key in {"percent", "rate"}:
        return value.rstrip("0").rstrip(".") if "." in value else value
    if key in {"stores", "tax_categories"} or (key == "skus" and isinstance(value, list)):
        return sorted(value)
    if key == "weekdays":
        return [day for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN") if day in value]
    return value


def _order(section: str, row: Document) -> tuple[Any, ...]:
    match section:
        case "stores":
            return (row["store_id"],)
        case "products":
            return (row["sku"],)
        case "prices":
            return row["sku"], row.get("store_id", ""), row.get("temporary", False), row["starts_at"]
        case _:
            return row["code"], row.get("starts_at", "")


# --- The sample


def test_the_dump_of_the_sample_is_its_canonical_form() -> None:
    load(sample())

    assert dumped() == canonical(sample())
    assert dumped()["stores"] == [
        {"store_id": "ARENA-EAST-12", "name": "Arena East 12", "time_zone": "America/New_York"}
    ]
    assert dumped()["prices"][2] == {
        "sku": "BEV-COLA-500",
        "store_id": "ARENA-EAST-12",
        "amount": "3.75",
        "temporary": True,
        "starts_at": "2026-03-10T04:00:00+00:00",
        "ends_at": "2026-03-17T04:00:00+00:00",
    }


def test_keys_stand_in_the_order_of_the_format() -> None:
    load(sample())

    document = dumped()
    assert list(document) == list(KEYS["document"])
    happy = next(row for row in document["promotions"] if row["code"] == "HAPPY")
    assert list(happy) == [key for key in KEYS["promotions"] if key in happy]
    assert list(happy["targets"]) == ["categories", "except_skus"]


def test_every_row_stands_on_its_own_line() -> None:
    load(shop(prices=[price()]))

    assert dump().splitlines()[:5] == [
        "{",
        '  "stores": [',
        '    {"store_id": "EAST", "name": "East", "time_zone": "America/New_York"},',
        '    {"store_id": "WEST", "name": "West", "time_zone": "America/New_York"}',
        "  ],",
    ]
    assert dump().endswith("  ]\n}\n")


def test_an_empty_database_is_an_empty_document() -> None:
    assert dump() == "{}\n"
    assert load_text(dump()).rows == 0


def test_loading_the_dump_changes_nothing() -> None:
    load(sample())
    before = dump()

    assert load_text(before, now=NOW + timedelta(days=1)).rows == 0
    assert dump() == before


def test_a_dump_into_an_empty_database_is_the_same_again() -> None:
    load(sample())
    before = dump()
    with transaction.atomic():
        empty()
        load_text(before)
        assert dump() == before


def empty() -> None:
    """Take everything away, as no code of the product can."""
    from django.db import connection  # noqa: PLC0415  for this alone

    tables = [
        table
        for table in connection.introspection.table_names()
        if table.startswith(("catalog_", "pricing_")) and "historical" not in table
    ]
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608  names from the database itself


# --- Rows as the database has them


def test_successions_are_dumped_as_they_are() -> None:
    later = NOW + timedelta(days=1)
    load(shop(prices=[price("2.49")], promotions=[promotion()]))
    load(shop(prices=[price("2.59")], promotions=[promotion(percent="12.5")]), now=later)

    document = dumped()
    assert [(row["amount"], row.get("ends_at")) for row in document["prices"]] == [
        ("2.49", "2026-03-15T16:00:00+00:00"),
        ("2.59", None),
    ]
    assert [row["percent"] for row in document["promotions"]] == ["10", "12.5"]
    assert load_text(dump(), now=later).rows == 0


def test_a_product_is_dumped_with_the_tax_category_of_the_moment() -> None:
    load(shop(tax_categories=[{"code": "DRINKS", "name": "D"}, {"code": "FOOD", "name": "F"}]))
    later = NOW + timedelta(days=1)
    QuerySet.delete(TaxAssignment.objects.filter(product_id="COLA"))  # as if it had never been
    TaxAssignment.objects.create(product_id="COLA", tax_category_id="DRINKS", starts_at=NOW, ends_at=later)
    TaxAssignment.objects.create(product_id="COLA", tax_category_id="FOOD", starts_at=later)

    assert dumped()["products"][0]["tax_category"] == "DRINKS"
    assert dump_file(now=later).count('"tax_category": "FOOD"') == 1
    assert load_text(dump()).rows == 0


def test_what_a_kind_does_not_know_is_not_dumped() -> None:
    load(shop())
    Promotion(
        code="TEN",
        name="Ten off",
        receipt_text="10% off",
        kind="PERCENT_OFF",
        percent=10,
        amount=5,
        targets={"skus": ["COLA", "COLA"], "all": False, "categories": []},
        weekdays=["SUN", "MON"],
        starts_at=datetime(2026, 1, 1, 5, tzinfo=UTC),
    ).save()

    assert dumped()["promotions"] == [
        {
            "code": "TEN",
            "name": "Ten off",
            "receipt_text": "10% off",
            "kind": "PERCENT_OFF",
            "percent": "10",
            "targets": {"skus": ["COLA"]},
            "weekdays": ["MON", "SUN"],
            "starts_at": "2026-01-01T05:00:00+00:00",
        }
    ]
    assert load_text(dump()).rows == 0


def test_hold_and_tests_do_not_travel() -> None:
    load(shop())
    Store.objects.update(on_hold=True, tests_until=NOW)

    assert set(dumped()["stores"][0]) == {"store_id", "name", "time_zone"}


# --- One store


def two_stores() -> Document:
    return shop(
        products=[
            COLA,
            NUTS,
            {**COLA, "sku": "EAST-ONLY", "stores": ["EAST"]},
            {**COLA, "sku": "WEST-ONLY", "stores": ["WEST"]},
            {**COLA, "sku": "WEST-PRICED", "stores": ["WEST"]},
            {**COLA, "sku": "BOTH", "stores": ["EAST", "WEST"]},
            {**COLA, "sku": "NOWHERE", "stores": []},
        ],
        prices=[
            price(),
            price("3.00", store_id="EAST"),
            price("4.00", store_id="WEST"),
            price(sku="WEST-PRICED"),
            price(sku="WEST-ONLY", store_id="WEST"),
        ],
        promotions=[
            promotion("ALL"),
            promotion("BOTH", stores=["EAST", "WEST"], targets={"skus": ["NOWHERE"]}),
            promotion("WEST", stores=["WEST"]),
        ],
        fees=[{"code": "BAG", "description": "Bag", "amount": "0.10", "skus": ["BOTH"], "starts_at": START}],
    )


def test_the_dump_of_a_store_is_what_concerns_it() -> None:
    load(two_stores())

    document = dumped("EAST")
    assert [row["store_id"] for row in document["stores"]] == ["EAST"]
    assert {row["sku"]: row.get("stores") for row in document["products"]} == {
        "COLA": None,
        "NUTS": None,
        "EAST-ONLY": ["EAST"],
        "WEST-PRICED": [],
        "BOTH": ["EAST"],
        "NOWHERE": [],
    }
    assert [(row["sku"], row.get("store_id")) for row in document["prices"]] == [
        ("COLA", None),
        ("COLA", "EAST"),
        ("WEST-PRICED", None),
    ]
    assert {row["code"]: row.get("stores") for row in document["promotions"]} == {"ALL": None, "BOTH": ["EAST"]}
    assert [row["code"] for row in document["fees"]] == ["BAG"]


def test_the_dump_of_a_store_loads_into_an_empty_database() -> None:
    load(two_stores())
    text = dump("EAST")
    empty()

    loaded = load_text(text)
    assert loaded.difference.warnings == []
    assert dump() == text
    assert (Store.objects.count(), Product.objects.count(), Price.objects.count()) == (1, 6, 3)


def test_a_store_that_does_not_exist_is_refused() -> None:
    load(shop())

    with pytest.raises(UnknownStore):
        dump("SOUTH")
    with pytest.raises(CommandError, match="there is no store “SOUTH”"):
        call_command("dumpstore", store="SOUTH")


# --- The command


def test_the_command_writes_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    load(shop(products=[{**COLA, "name": "Crème brûlée 🍮"}]))
    out = StringIO()
    call_command("dumpstore", stdout=out)
    file = tmp_path / "store.json"
    call_command("dumpstore", "--output", str(file))

    assert json.loads(out.getvalue())["products"][0]["name"] == "Crème brûlée 🍮"
    assert file.read_text(encoding="utf-8") == out.getvalue()
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command("dumpstore", "--output", str(tmp_path / "nowhere" / "store.json"))
    call_command("dumpstore", "--store", "EAST", "--output", str(file))
    assert [row["store_id"] for row in json.loads(file.read_bytes())["stores"]] == ["EAST"]


# --- Any small document


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(str.strip)
CODES = st.text("ABC", min_size=1, max_size=2)
AMOUNTS = st.integers(0, 10_000).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  given a zone
    datetime.isoformat
)
STORES = ("EAST", "WEST")
SKUS = ("COLA", "NUTS", "TEA")
WHERE = st.none() | st.lists(st.sampled_from(STORES), min_size=1, unique=True)


def optional(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries({}, optional=keys)


@st.composite
def dated(draw: st.DrawFn) -> Document:
    starts_at, ends_at = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2, unique=True)))
    return {"starts_at": starts_at, "ends_at": ends_at} if draw(st.booleans()) else {"starts_at": starts_at}


def targets() -> st.SearchStrategy[Document]:
    skus = st.lists(st.sampled_from(SKUS), min_size=1, unique=True)
    return st.one_of(
        st.just({"all": True}),
        st.fixed_dictionaries({"skus": skus}, optional={"except_skus": skus}),
        st.fixed_dictionaries({"categories": st.lists(TEXTS, min_size=1, max_size=2, unique=True)}),
    )


COUNTS = st.integers(1, 9)
PERCENTS = st.sampled_from(["0.5", "10", "33.3333", "100"])
KINDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "PERCENT_OFF": {"percent": PERCENTS, "targets": targets()},
    "AMOUNT_OFF": {"amount": AMOUNTS, "targets": targets()},
    "BUY_X_GET_Y": {"buy": COUNTS, "get": COUNTS, "percent": PERCENTS, "targets": targets(), "get_targets": targets()},
    "MULTI_BUY": {"count": COUNTS, "amount": AMOUNTS, "targets": targets()},
    "BUNDLE": {
        "components": st.lists(st.fixed_dictionaries({"targets": targets(), "count": COUNTS}), min_size=1, max_size=3),
        "amount": AMOUNTS,
    },
    "SPEND_GET": {"threshold": AMOUNTS, "percent": PERCENTS, "targets": targets()},
}


@st.composite
def promotions(draw: st.DrawFn) -> Document:
    kind = draw(st.sampled_from(sorted(KINDS)))
    hours = {"from_time": "22:00", "until_time": "02:30:15"} if draw(st.booleans()) else {}
    return {
        "name": draw(TEXTS),
        "receipt_text": draw(TEXTS),
        "kind": kind,
        **{key: draw(values) for key, values in KINDS[kind].items()},
        **draw(
            optional(
                funding=st.just("VENDOR"),
                weekdays=st.lists(st.sampled_from(["MON", "WED", "SUN"]), min_size=1, unique=True),
                stores=WHERE,
                max_uses_per_trip=COUNTS,
                priority=st.integers(-5, 5),
            )
        ),
        **hours,
    }


TAXED = st.lists(st.sampled_from(["DRINKS", "FOOD"]), min_size=1, unique=True)
FEES = st.fixed_dictionaries(
    {
        "description": TEXTS,
        "amount": AMOUNTS,
        "skus": st.lists(st.sampled_from(["COLA", "TEA"]), min_size=1, unique=True),
    },
    optional={"taxed": st.booleans(), "stores": WHERE},
)
TAX_RULES = st.fixed_dictionaries(
    {"jurisdiction": TEXTS, "tax_categories": TAXED, "rate": st.sampled_from(["0", "0.04", "0.08875", "0.99999999"])},
    optional={"stores": WHERE},
)
TAX_HOLIDAYS = st.fixed_dictionaries(
    {"name": TEXTS, "tax_categories": TAXED}, optional={"stores": WHERE, "unit_price_below": st.none() | AMOUNTS}
)


@st.composite
def coded(draw: st.DrawFn, rows: st.SearchStrategy[Document]) -> list[Document]:
    """Rows of different codes."""
    codes = draw(st.lists(CODES, unique=True, max_size=3))
    return [{"code": code, **draw(rows), **draw(dated())} for code in codes]


@st.composite
def prices(draw: st.DrawFn) -> list[Document]:
    scopes = draw(
        st.lists(
            st.tuples(st.sampled_from(SKUS), st.none() | st.sampled_from(STORES), st.booleans()),
            unique=True,
            max_size=5,
        )
    )
    found = []
    for sku, store_id, temporary in scopes:
        span = draw(dated())
        end = {"ends_at": "2028-01-01T00:00:00+00:00"} if temporary else {}
        found.append({"sku": sku, "store_id": store_id, "temporary": temporary, "amount": draw(AMOUNTS), **end, **span})
    return found


@st.composite
def stores(draw: st.DrawFn) -> list[Document]:
    settings_of = optional(
        currency=st.sampled_from(["EUR", "USD"]),
        fees=st.just("PARK"),
        priced_at=st.just("START"),
        tax_rounding=st.sampled_from(["LINE", "ORDER"]),
    )
    return [{**STORE, **draw(settings_of), "store_id": store} for store in STORES]


@st.composite
def products(draw: st.DrawFn) -> list[Document]:
    described = optional(
        brand=TEXTS,
        category=TEXTS,
        subcategory=TEXTS,
        tax_category=st.sampled_from(["DRINKS", "FOOD"]),
        barcodes=st.lists(
            st.fixed_dictionaries({"code": st.text("0123456789", min_size=3, max_size=5), "type": st.just("PLU")}),
            unique_by=lambda each: each["code"],
            max_size=2,
        ),
        stores=WHERE | st.just([]),
    )
    weighed = {"NUTS": {"sold_by": "WEIGHT", "weight_unit": "kg"}}
    return [{**draw(described), "sku": sku, "name": sku, **weighed.get(sku, {})} for sku in SKUS]


DOCUMENTS = st.fixed_dictionaries(
    {
        "stores": stores(),
        "tax_categories": st.just(
            [{"code": "DRINKS", "name": "Drinks"}, {"code": "FOOD", "name": "F", "exempt": True}]
        ),
        "products": products(),
        "prices": prices(),
        "fees": coded(FEES),
        "promotions": coded(promotions()),
        "tax_rules": coded(TAX_RULES),
        "tax_holidays": coded(TAX_HOLIDAYS),
    }
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(DOCUMENTS)
def test_any_document_comes_back(document: Document) -> None:
    """Loaded into an empty database: the dump is its canonical form, and loading that changes nothing."""
    with transaction.atomic():
        load(document)
        text = dump()
        assert json.loads(text) == canonical(document)
        assert load_text(text).rows == 0
        assert dump() == text
        transaction.set_rollback(True)
