"""The demo store file: it is what its generator writes, and everything in it holds together."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog.barcodes import expand_upc_e, scan_keys, stored_key
from tests.sandbox.make_demo_store import OUTPUT, as_text, demo_store, main

ARENA, AIRPORT, CAMPUS = "ARENA-EAST-12", "AIRPORT-WEST-04", "CAMPUS-NORTH-03"
OPENING = datetime.fromisoformat("2026-01-01T00:00:00-05:00")
CAMPUS_OPENING = datetime.fromisoformat("2026-01-01T00:00:00-06:00")
SINGLE_UNIT_KINDS = {"PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE"}
DEAL_KINDS = {"BUY_X_GET_Y", "MULTI_BUY", "BUNDLE", "SPEND_GET"}

DATES = {"starts_at", "ends_at"}
EVERY_PROMOTION = DATES | {"code", "name", "receipt_text", "kind", "stores", "weekdays", "from_time", "until_time"}
KEYS = {
    "stores": {"store_id", "name", "time_zone", "currency", "empty_cart_purchase_id"},
    "tax_categories": {"code", "name", "exempt"},
    "products": {
        *("sku", "name", "brand", "category", "subcategory", "tax_category"),
        *("sold_by", "weight_unit", "barcodes", "stores"),
    },
    "prices": DATES | {"sku", "store_id", "amount", "temporary"},
    "fees": DATES | {"code", "description", "amount", "taxed", "skus", "stores"},
    "promotions": EVERY_PROMOTION
    | {"percent", "amount", "buy", "get", "count", "threshold", "components", "targets", "get_targets"}
    | {"funding", "max_uses_per_trip", "priority"},
    "tax_rules": DATES | {"code", "jurisdiction", "tax_categories", "stores", "rate"},
    "tax_holidays": DATES | {"code", "name", "tax_categories", "stores", "unit_price_below"},
}
BARCODE = {
    "UPC": r"[0-9]{12}|[01][0-9]{7}",
    "EAN": r"[0-9]{13}",
    "EAN8": r"[2-9][0-9]{7}",  # not 0 or 1: nobody can read it as a UPC-E
    "ISBN": r"[0-9]{9}[0-9X]",
    "GTIN": r"[1-9][0-9]{13}",
    "PLU": r"[0-9]{3,6}",
}

Row = dict[str, Any]
Document = Mapping[str, list[Row]]


@pytest.fixture(scope="module")
def document() -> Document:
    parsed: Document = json.loads(as_text(demo_store()))
    return parsed


@pytest.fixture(scope="module")
def products(document: Document) -> dict[str, Row]:
    return {row["sku"]: row for row in document["products"]}


def barcodes_of(document: Document) -> Iterator[tuple[str, str, str]]:
    return (
        (row["sku"], barcode["code"], barcode["type"]) for row in document["products"] for barcode in row["barcodes"]
    )


def gs1_sum(digits: str) -> int:
    """A multiple of ten for a UPC, EAN or GTIN whose check digit is right."""
    return sum(int(digit) * weight for digit, weight in zip(digits.zfill(14), (3, 1) * 7, strict=True))


def isbn_sum(code: str) -> int:
    """A multiple of eleven for an ISBN-10 whose check digit is right."""
    values = [10 if sign == "X" else int(sign) for sign in code]
    return sum(value * weight for value, weight in zip(values, range(10, 0, -1), strict=True))


def dated_rows(document: Document) -> Iterator[Row]:
    return (row for rows in document.values() for row in rows if "starts_at" in row)


def targets_of(promotion: Row) -> list[Row]:
    whole = [promotion[key] for key in ("targets", "get_targets") if key in promotion]
    return whole + [component["targets"] for component in promotion.get("components", ())]


def targeted(targets: Row, products: dict[str, Row]) -> set[str]:
    categories = set(targets.get("categories", ()))
    chosen = {
        sku
        for sku, row in products.items()
        if categories & {row["category"], f"{row['category']} > {row['subcategory']}"}
    }
    everything = set(products) if targets.get("all") else set()
    return (chosen | everything | set(targets.get("skus", ()))) - set(targets.get("except_skus", ()))


def lowest_price(document: Document, sku: str, store_ids: list[str]) -> Decimal:
    """The lowest price of a SKU that any of these stores can ever show."""
    rows = [row for row in document["prices"] if row["sku"] == sku and row.get("store_id") in {None, *store_ids}]
    covered = all(any(row.get("store_id") == store_id for row in rows) for store_id in store_ids)
    own = [row for row in rows if "store_id" in row]
    return min(Decimal(row["amount"]) for row in (own if covered else rows))


def combined_rate(document: Document, store_id: str, tax_category: str) -> Decimal | None:
    rates = [
        Decimal(rule["rate"])
        for rule in document["tax_rules"]
        if store_id in rule["stores"] and tax_category in rule["tax_categories"]
    ]
    return sum(rates, Decimal(0)) if rates else None


class TestFile:
    def test_the_committed_file_is_what_the_generator_writes(self, tmp_path: Path) -> None:
        main(["--output", str(tmp_path / "again.json")])
        assert (tmp_path / "again.json").read_bytes() == OUTPUT.read_bytes()

    def test_there_are_deals_of_every_kind(self, document: Document) -> None:
        promotions = document["promotions"]
        assert {row["kind"] for row in promotions} == SINGLE_UNIT_KINDS | DEAL_KINDS
        assert [row["code"] for row in promotions if row.get("funding") == "VENDOR"] == ["PROTEIN-MAKER"]
        assert len(document["tax_holidays"]) == 2

    def test_every_row_stands_on_a_line_of_its_own(self, document: Document) -> None:
        lines = as_text(document).splitlines()
        assert sum(line.startswith("    {") for line in lines) == sum(len(rows) for rows in document.values())

    def test_there_are_no_keys_but_those_of_the_format(self, document: Document) -> None:
        unknown = {(name, key) for name, rows in document.items() for row in rows for key in row.keys() - KEYS[name]}
        assert unknown == set()

    def test_there_is_something_to_look_at(self, document: Document) -> None:
        assert [(row["store_id"], row["time_zone"]) for row in document["stores"]] == [
            (ARENA, "America/New_York"),
            (AIRPORT, "America/New_York"),
            (CAMPUS, "America/Chicago"),
        ]
        assert len(document["products"]) == 228
        assert len({row["category"] for row in document["products"]}) == 13
        assert sum("stores" in row for row in document["products"]) == 75
        assert sum(row["sold_by"] == "WEIGHT" for row in document["products"]) == 13
        assert len(document["promotions"]) == 21

    def test_dates_run_forward_on_the_clock_of_the_row_s_store(self, document: Document) -> None:
        zones = {row["store_id"]: ZoneInfo(row["time_zone"]) for row in document["stores"]}
        for row in dated_rows(document):
            stores = row.get("stores") or [row.get("store_id", ARENA)]
            for text in (row["starts_at"], row.get("ends_at")):
                moment = datetime.fromisoformat(text) if text else OPENING
                assert moment >= OPENING, row
                assert text is None or moment.astimezone(zones[stores[0]]).isoformat() == text
            assert "ends_at" not in row or row["starts_at"] < row["ends_at"], row


class TestProducts:
    def test_names_are_as_amazon_wants_them(self, products: dict[str, Row]) -> None:
        names = [row["name"] for row in products.values()]
        assert [
            name for name in names if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9 .-]{0,98}[A-Za-z0-9])?", name)
        ] == []
        assert [name for name, times in Counter(names).items() if times > 1] == []
        assert all(row["name"].startswith(f"{row['brand']} ") for row in products.values())

    def test_skus_are_unique_and_plain(self, document: Document) -> None:
        skus = [row["sku"] for row in document["products"]]
        assert len(set(skus)) == len(skus)
        assert [sku for sku in skus if not re.fullmatch(r"[A-Z]{3}(-[A-Z0-9]+){1,2}", sku)] == []

    def test_goods_by_weight_are_weighed_in_pounds_and_carry_a_plu(self, products: dict[str, Row]) -> None:
        for row in products.values():
            by_weight = row["sold_by"] == "WEIGHT"
            assert row.get("weight_unit") == ("lb" if by_weight else None), row
            assert by_weight == row["sku"].endswith("-LB") == row["name"].endswith(" per lb"), row
            assert not by_weight or [barcode["type"] for barcode in row["barcodes"]] == ["PLU"], row


class TestBarcodes:
    def test_every_product_has_a_code_and_every_kind_of_code_occurs(self, document: Document) -> None:
        kinds = Counter(f"{kind}-{len(code)}" for _, code, kind in barcodes_of(document))
        assert kinds == {
            "UPC-12": 187,
            "UPC-8": 5,
            "EAN-13": 22,
            "EAN8-8": 5,
            "GTIN-14": 2,
            "ISBN-10": 2,
            "PLU-4": 17,
            "PLU-5": 1,
            "PLU-6": 5,
        }
        assert all(row["barcodes"] for row in document["products"])
        assert sum(len(row["barcodes"]) == 2 for row in document["products"]) == 18

    def test_codes_have_the_digits_of_their_kind(self, document: Document) -> None:
        assert [row for row in barcodes_of(document) if not re.fullmatch(BARCODE[row[2]], row[1])] == []

    def test_check_digits_are_right(self, document: Document) -> None:
        for row in barcodes_of(document):
            _, code, kind = row
            if kind == "ISBN":
                assert isbn_sum(code) % 11 == 0, row
            elif kind != "PLU":
                assert gs1_sum(expand_upc_e(code) or code if kind == "UPC" else code) % 10 == 0, row

    def test_the_short_upcs_expand_to_those_of_their_maker(self, document: Document) -> None:
        short = {
            code: expand_upc_e(code) for _, code, kind in barcodes_of(document) if kind == "UPC" and len(code) == 8
        }
        assert short == {
            "01234558": "012345000058",
            "01234565": "012345000065",
            "01234572": "012345000072",
            "01234589": "012345000089",
            "01234596": "012345000096",
        }

    def test_a_book_carries_the_ean_of_its_isbn(self, document: Document) -> None:
        books = [row["barcodes"] for row in document["products"] if row["barcodes"][0]["type"] == "ISBN"]
        assert len(books) == 2
        for isbn, ean in books:
            assert ean["code"][:12] == "978" + isbn["code"][:9]

    def test_a_scan_of_any_code_finds_one_product(self, document: Document) -> None:
        """However eight digits are read: one code never stands for two products, nor twice for one."""
        stored = [(stored_key(code, kind), sku) for sku, code, kind in barcodes_of(document)]
        holders = dict(stored)
        assert len(holders) == len(stored)
        for sku, code, _ in barcodes_of(document):
            assert {holders[key] for key in scan_keys(code) if key in holders} == {sku}


class TestPrices:
    def test_every_product_has_an_open_price_for_all_stores_from_the_opening_day(self, document: Document) -> None:
        base = Counter(
            row["sku"]
            for row in document["prices"]
            if row.keys() == {"sku", "amount", "starts_at"} and datetime.fromisoformat(row["starts_at"]) == OPENING
        )
        assert base == {row["sku"]: 1 for row in document["products"]}

    def test_amounts_have_two_decimals_and_cost_something(self, document: Document) -> None:
        amounts = [row["amount"] for name in ("prices", "fees") for row in document[name]]
        assert [amount for amount in amounts if not re.fullmatch(r"(0|[1-9][0-9]{0,2})\.[0-9]{2}", amount)] == []
        assert min(map(Decimal, amounts)) == Decimal("0.05")
        assert max(map(Decimal, amounts)) == Decimal("129.00")

    def test_no_two_prices_claim_the_same_moment(self, document: Document) -> None:
        claims = Counter(
            (row["sku"], row.get("store_id"), row.get("temporary", False), row["starts_at"])
            for row in document["prices"]
        )
        assert [claim for claim, times in claims.items() if times > 1] == []

    def test_arena_and_airport_are_dearer(self, document: Document) -> None:
        base = {row["sku"]: Decimal(row["amount"]) for row in document["prices"][::-1] if "store_id" not in row}
        own = [row for row in document["prices"] if "store_id" in row and "temporary" not in row]
        assert {row["store_id"] for row in own} == {ARENA, AIRPORT}
        assert [row for row in own if Decimal(row["amount"]) <= base[row["sku"]]] == []
        cola = {row["store_id"]: row["amount"] for row in own if row["sku"] == "DRK-COLA-20"}
        assert (base["DRK-COLA-20"], cola) == (Decimal("2.49"), {ARENA: "3.49", AIRPORT: "3.19"})

    def test_store_prices_stand_where_the_product_does(self, document: Document, products: dict[str, Row]) -> None:
        own = [row for row in document["prices"] if "store_id" in row]
        assert [
            row for row in own if row["store_id"] not in products[row["sku"]].get("stores", [row["store_id"]])
        ] == []

    def test_temporary_prices_end_and_are_cheaper(self, document: Document) -> None:
        temporary = [row for row in document["prices"] if row.get("temporary")]
        assert [(row["starts_at"][:10], row["ends_at"][:10]) for row in temporary] == [
            ("2026-02-01", "2026-03-01"),
            ("2026-11-01", "2027-02-01"),
            ("2026-10-15", "2027-06-15"),
            ("2027-06-01", "2027-08-01"),
            ("2026-01-01", "2036-01-01"),
        ]
        for row in temporary:
            rows = [other for other in document["prices"] if other["sku"] == row["sku"] and "temporary" not in other]
            own = [other for other in rows if other.get("store_id") == row.get("store_id")]
            regular = [Decimal(other["amount"]) for other in own or rows]
            assert Decimal(row["amount"]) < min(regular), row


class TestFees:
    def test_deposits_are_on_cans_and_bottles_of_new_york(self, document: Document, products: dict[str, Row]) -> None:
        fees = {row["code"]: row for row in document["fees"]}
        with_deposit = {*fees["DEPOSIT-05"]["skus"], *fees["DEPOSIT-30"]["skus"]}
        assert with_deposit == {sku for sku, row in products.items() if re.search(r" (Can|Bottle)s?$", row["name"])}
        assert fees["DEPOSIT-30"]["skus"] == ["DRK-COLA-6PK", "DRK-WATER-6PK"]
        for code, amount in (("DEPOSIT-05", "0.05"), ("DEPOSIT-30", "0.30")):
            assert (fees[code]["amount"], fees[code]["taxed"], fees[code]["stores"]) == (
                amount,
                False,
                [ARENA, AIRPORT],
            )

    def test_fees_are_on_goods_sold_by_the_piece(self, document: Document, products: dict[str, Row]) -> None:
        assert {products[sku]["sold_by"] for row in document["fees"] for sku in row["skus"]} == {"EACH"}
        assert [row["code"] for row in document["fees"] if row["taxed"]] == ["BAG-FEE"]


class TestPromotions:
    def test_codes_are_unique_and_receipt_texts_short(self, document: Document) -> None:
        for name in ("promotions", "fees", "tax_rules"):
            codes = [row["code"] for row in document[name]]
            assert len(set(codes)) == len(codes)
        assert max(len(row["receipt_text"]) for row in document["promotions"]) <= 24
        assert all(row["receipt_text"].isascii() for row in document["promotions"])

    def test_targets_exist(self, document: Document, products: dict[str, Row]) -> None:
        paths = {row["category"] for row in products.values()}
        paths |= {f"{row['category']} > {row['subcategory']}" for row in products.values()}
        for promotion in document["promotions"]:
            for targets in targets_of(promotion):
                assert targets.keys() <= {"skus", "categories", "except_skus", "all"}
                assert {*targets.get("skus", ()), *targets.get("except_skus", ())} <= products.keys()
                assert set(targets.get("categories", ())) <= paths
                included = targeted({**targets, "except_skus": []}, products)
                assert set(targets.get("except_skus", ())) < included, "an exception that takes nothing away"

    def test_numbers_are_within_their_bounds(self, document: Document) -> None:
        for row in document["promotions"]:
            assert 0 < Decimal(row.get("percent", "1")) <= 100
            counts = [row.get(key, 1) for key in ("buy", "get", "count", "max_uses_per_trip")]
            assert min(counts + [component["count"] for component in row.get("components", ())]) >= 1
            amounts = [row[key] for key in ("amount", "threshold") if key in row]
            assert all(re.fullmatch(r"[0-9]+\.[0-9]{2}", amount) for amount in amounts)
            assert ("from_time" in row) == ("until_time" in row)

    def test_every_promotion_on_single_units_saves_on_each_of_its_targets(
        self, document: Document, products: dict[str, Row]
    ) -> None:
        for row in document["promotions"]:
            if row["kind"] in SINGLE_UNIT_KINDS - {"PERCENT_OFF"}:
                stores = row.get("stores", [ARENA, AIRPORT, CAMPUS])
                for sku in targeted(row["targets"], products):
                    assert Decimal(row["amount"]) < lowest_price(document, sku, stores), (row["code"], sku)

    def test_a_store_s_promotion_has_something_to_sell_there(
        self, document: Document, products: dict[str, Row]
    ) -> None:
        everywhere = [ARENA, AIRPORT, CAMPUS]
        for row in document["promotions"]:
            for targets in targets_of(row):
                for store_id in row.get("stores", everywhere):
                    on_sale = {sku for sku in products if store_id in products[sku].get("stores", everywhere)}
                    assert targeted(targets, products) & on_sale, (row["code"], store_id)


class TestTaxes:
    @pytest.mark.parametrize(
        ("tax_category", "rates"),
        [
            # The arena in New York City, the airport in Westchester County, the campus in Chicago.
            ("GENERAL", ("0.08875", "0.08375", "0.1025")),
            ("SOFT_DRINK", ("0.08875", "0.08375", "0.1325")),
            ("PREPARED_FOOD", ("0.08875", "0.08375", "0.1075")),
            ("CANDY", ("0.08875", "0.08375", "0.1025")),
            ("WATER", ("0.08875", "0.08375", "0.0225")),
            ("FOOD", ("0", "0", "0.0225")),
            ("MEDICINE", ("0", "0", "0.0225")),
            ("CLOTHING", ("0", "0.04375", "0.1025")),
            ("GROCERY", (None, None, None)),
        ],
    )
    def test_rates_add_up(self, document: Document, tax_category: str, rates: tuple[str | None, ...]) -> None:
        expected = tuple(None if rate is None else Decimal(rate) for rate in rates)
        assert tuple(combined_rate(document, store, tax_category) for store in (ARENA, AIRPORT, CAMPUS)) == expected

    def test_only_the_exempt_category_lacks_a_rule(self, document: Document, products: dict[str, Row]) -> None:
        exempt = [row["code"] for row in document["tax_categories"] if row.get("exempt")]
        assert exempt == ["GROCERY"]
        assert {row["tax_category"] for row in products.values()} == {row["code"] for row in document["tax_categories"]}

    def test_every_rule_is_open_from_the_store_s_opening_day(self, document: Document) -> None:
        for row in document["tax_rules"]:
            opening = CAMPUS_OPENING if row["stores"] == [CAMPUS] else OPENING
            assert datetime.fromisoformat(row["starts_at"]) == opening
            assert "ends_at" not in row
            assert 0 <= Decimal(row["rate"]) < 1

    def test_clothing_below_the_state_s_limit_is_what_new_york_leaves_untaxed(
        self, document: Document, products: dict[str, Row]
    ) -> None:
        """The zero rate stands for an exemption below 110.00, so nothing dearer may hang there."""
        for row in document["prices"]:
            product = products[row["sku"]]
            if product["tax_category"] == "CLOTHING" and product["stores"] != [CAMPUS]:
                assert Decimal(row["amount"]) < 110
