import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import MAX_BYTES, MAX_ITEMS, batches, body, content_hash, encoded, record
from catalog.rules import CodeFacts, ProductFacts

COLA = ProductFacts(
    sku="SODA-COLA-20",
    name="Example Cola Zero 20oz",
    brand="Example",
    category="Drinks",
    subcategory="Soft drinks",
    weight_unit="",
    codes=(CodeFacts("012345678905", "UPC"), CodeFacts("5901234123457", "EAN"), CodeFacts("4011", "PLU")),
)
BANANA = ProductFacts("BANANA-EA", "Banana Each", "", "", "", "", (CodeFacts("4011", "PLU", accepted=True),))


def cola(product: ProductFacts = COLA, **said: str) -> dict[str, Any]:
    return record(product, **{"store_id": "STORE-EAST-01", "price": "2.49", "tax_code": "BEV-SOFT", **said})


# --- One record ----------------------------------------------------------------------------------------------------


def test_a_record_says_all_that_amazon_asks_for() -> None:
    assert cola() == {
        "item_sku": "SODA-COLA-20",
        "external_product_id": "012345678905",
        "external_product_id_type": "UPC",
        "additional_external_product_information": [
            {"external_product_id": "5901234123457", "external_product_id_type": "EAN"},
            {"external_product_id": "4011", "external_product_id_type": "PLU"},
        ],
        "item_name": "Example Cola Zero 20oz",
        "store_id": "STORE-EAST-01",
        "standard_price": "2.49",
        "brand_name": "Example",
        "product_tax_code": "BEV-SOFT",
        "product_category": "Drinks",
        "product_subcategory": "Soft drinks",
    }


def test_what_is_empty_and_not_required_is_left_out() -> None:
    assert record(BANANA, store_id="STORE-EAST-01", price="", tax_code="") == {
        "item_sku": "BANANA-EA",
        "external_product_id": "4011",
        "external_product_id_type": "PLU",
        "item_name": "Banana Each",
        "store_id": "STORE-EAST-01",
    }


def test_a_code_without_a_type_is_sent_without_one() -> None:
    untyped = replace(COLA, codes=(CodeFacts("4011", ""), CodeFacts("4012", "")))
    told = cola(untyped)
    assert "external_product_id_type" not in told
    assert told["additional_external_product_information"] == [{"external_product_id": "4012"}]


def test_a_product_without_a_barcode_has_no_record() -> None:
    with pytest.raises(ValueError, match=r"^BANANA-EA has no barcode, and Amazon needs one\.$"):
        record(replace(BANANA, codes=()), store_id="STORE-EAST-01", price="0.35", tax_code="")


# --- Its bytes and its hash ----------------------------------------------------------------------------------------


def test_a_record_is_compact_json_in_utf_8() -> None:
    told = record(replace(BANANA, brand="Café"), store_id="S-1", price="", tax_code="")
    assert encoded(told).decode() == (
        '{"brand_name":"Café","external_product_id":"4011","external_product_id_type":"PLU",'
        '"item_name":"Banana Each","item_sku":"BANANA-EA","store_id":"S-1"}'
    )


def test_the_hash_is_that_of_the_bytes() -> None:
    told = record(BANANA, store_id="S-1", price="0.35", tax_code="")
    assert content_hash(told) == "7dd634d2ed2efc5eb01f2d2c4551fd8abe9e8cce961eaed2ab16529737ceb19c"  # of sha256sum


def test_the_hash_does_not_depend_on_the_order_of_the_fields() -> None:
    assert content_hash(dict(reversed(cola().items()))) == content_hash(cola())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(cola(price="2.50"), id="price"),
        pytest.param(cola(tax_code=""), id="tax code"),
        pytest.param(cola(store_id="STORE-EAST-02"), id="store"),
        pytest.param(cola(replace(COLA, name="Example Cola Zero 20 oz")), id="name"),
        pytest.param(cola(replace(COLA, codes=COLA.codes[:2])), id="barcodes"),
        pytest.param(cola(replace(COLA, codes=COLA.codes[::-1])), id="main barcode"),
    ],
)
def test_whatever_changes_in_a_record_changes_its_hash(other: dict[str, Any]) -> None:
    assert content_hash(other) != content_hash(cola())


def test_what_amazon_is_not_told_does_not_change_the_hash() -> None:
    accepted = tuple(replace(code, accepted=True) for code in COLA.codes)
    assert content_hash(cola(replace(COLA, weight_unit="lb", codes=accepted))) == content_hash(cola())


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.builds(ProductFacts, *[texts] * 6, st.just(COLA.codes)), texts, texts, texts)
def test_a_record_of_anything_is_text_and_comes_back_from_its_bytes(
    product: ProductFacts, store_id: str, price: str, tax_code: str
) -> None:
    told = record(product, store_id=store_id, price=price, tax_code=tax_code)
    assert json.loads(encoded(told)) == told
    others = told.pop("additional_external_product_information")
    assert all(isinstance(value, str) for value in told.values())
    assert others == cola()["additional_external_product_information"]


# --- Batches -------------------------------------------------------------------------------------------------------


def test_the_body_is_the_records_in_a_list() -> None:
    records = [cola(), record(BANANA, store_id="S-1", price="0.35", tax_code="")]
    assert json.loads(body(map(encoded, records))) == {"catalogItems": records}
    assert body([b"{}", b"{}"]) == b'{"catalogItems":[{},{}]}'


def test_the_limits_are_ten_thousand_items_and_five_megabytes() -> None:
    assert (MAX_ITEMS, MAX_BYTES) == (10_000, 5_000_000)
    assert [len(batch) for batch in batches([b"{}"] * 20_001)] == [10_000, 10_000, 1]
    assert [len(batch) for batch in batches([b"x" * 1_000] * 10_000)] == [4994, 4994, 12]
    assert [len(body(batch)) for batch in batches([b"x" * 999] * 5_000)] == [4_999_018, 1_018]


def test_no_items_are_no_batch() -> None:
    assert list(batches([])) == []


def test_a_batch_may_fill_the_bytes_exactly() -> None:
    whole = len(body([b"12345", b"67890"]))
    assert list(batches([b"12345", b"67890"], max_bytes=whole)) == [[b"12345", b"67890"]]
    assert list(batches([b"12345", b"67890"], max_bytes=whole - 1)) == [[b"12345"], [b"67890"]]


def test_an_item_that_fits_into_no_call_is_refused() -> None:
    alone = len(body([b"12345"]))
    assert list(batches([b"12345"], max_bytes=alone)) == [[b"12345"]]
    with pytest.raises(ValueError, match=r"^A record of 5 bytes fits into no upload of 23 bytes\.$"):
        list(batches([b"1", b"12345"], max_bytes=alone - 1))


def test_no_more_than_one_batch_is_held() -> None:
    taken = []

    def stream() -> Iterator[bytes]:
        for number in range(7):
            taken.append(number)
            yield b"x"

    cut = batches(stream(), max_items=3)
    assert taken == []
    assert [(len(batch), len(taken)) for batch in cut] == [(3, 4), (3, 7), (1, 7)]


@given(st.lists(st.binary(max_size=40), max_size=40), st.integers(1, 8), st.integers(59, 150))
def test_batches_are_the_stream_cut_as_late_as_both_bounds_allow(
    items: list[bytes], max_items: int, max_bytes: int
) -> None:
    cut = list(batches(items, max_items=max_items, max_bytes=max_bytes))
    assert [item for batch in cut for item in batch] == items
    for batch in cut:
        assert 1 <= len(batch) <= max_items
        assert len(body(batch)) <= max_bytes
    for batch, after in pairwise(cut):
        assert len(batch) == max_items or len(body([*batch, after[0]])) > max_bytes
