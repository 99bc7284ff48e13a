"""What changes goes to Amazon, and nothing else: prices, names, barcodes, refusals and their repair, the archive."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import catalog
from tests.journeys.catalog import CORNERS, FIT, OLD, TOLD_STORES, Upload, local, price, product, upc
from tests.journeys.conftest import FirstUpload
from tests.journeys.house import House
from tests.journeys.office import Refused
from tests.journeys.processes import until

pytestmark = pytest.mark.journey

WITHIN = 30.0
BEGINS_AFTER = 4.0
"""Seconds from writing a price down to its beginning."""

ONE, TWO = (local(store_id) for store_id in CORNERS)
NEW_STORE, NEWER_STORE = "NEW-8", "NEW-9"
UNKNOWN_STORES = "List of store ID's present in the request are either incorrect/not associated with same retailer"


@pytest.fixture
def house(first_upload: House) -> House:
    """With everything at Amazon."""
    return first_upload


def sent_since(house: House, last: int) -> dict[str, list[str]]:
    """The SKUs of each store that went in uploads after the one with this number."""
    rows = house.records.rows(
        "SELECT u.store_id, l.sku FROM catalog_uploadline l JOIN catalog_catalogupload u ON u.id = l.upload_id "
        "WHERE u.id > ? AND u.kind = 'UPLOAD' ORDER BY u.store_id, l.sku",
        last,
    )
    found: dict[str, list[str]] = {}
    for store_id, sku in rows:
        found.setdefault(store_id, []).append(sku)
    return found


def last_upload(house: House) -> int:
    return max((upload.pk for upload in catalog.uploads(house.records)), default=0)


def upload_changes(house: House) -> dict[str, list[str]]:
    """Let somebody upload what has changed; what went, once it is at rest."""
    last = last_upload(house)
    house.staff("upload changes")
    catalog.wait_for_rest(house, WITHIN)
    return sent_since(house, last)


def calls(house: House) -> Any:
    return house.amazon.catalog()["calls"]["by_kind"]


def at_amazon(house: House, sku: str, store_id: str) -> Any:
    """The record that Amazon holds."""
    return catalog.live_at_amazon(house)[sku, store_id]


# --- The first upload, and then only what changes -------------------------------------------------------------------


def test_the_first_upload_takes_everything_that_is_fit(house: House, all_at_amazon: FirstUpload) -> None:
    """Nobody had to ask."""
    assert all_at_amazon.told_by == {"message"}
    told = all_at_amazon.told
    assert told["stores"].keys() == {*CORNERS, *TOLD_STORES}
    for store_id, counts in told["stores"].items():
        live = len(FIT) + 1 + (len(OLD) if store_id in CORNERS else 0)
        assert counts == dict.fromkeys(counts, 0) | {"LIVE": live, "BLOCKED": 2}
    assert {upload["status"] for upload in told["uploads"]} == {"FINISHED"}
    catalog.assert_both_agree(house)
    assert at_amazon(house, "COLA", "CORNER-1") == {
        "item_sku": "COLA",
        "external_product_id": "012345678905",
        "external_product_id_type": "UPC",
        "item_name": "Example Cola 500 ml",
        "store_id": "CORNER-1",
        "standard_price": "4.50",
        "brand_name": "Example",
        "product_tax_code": "DRINK",
        "product_category": "Drinks",
    }


def test_a_delta_of_the_store_file_is_all_that_goes(house: House, tmp_path: Path) -> None:
    """A price of one store, a name, another barcode."""
    renamed = product(ONE, 100, ["CORNER-1"]) | {"name": "Example Lemonade 330 ml"}
    coded = product(TWO, 101, ["CORNER-2"])
    coded["barcodes"] += [{"code": upc(900), "type": "UPC"}]
    changed = {"prices": [price("COLA", "5.25", store_id="CORNER-1")], "products": [renamed, coded]}
    last = last_upload(house)
    house.manage("loadstore", str(catalog.written(tmp_path / "delta.json", changed)))
    assert house.manage("uploadcatalog") == "2 uploads with 3 items are to be sent by the worker.\n"
    catalog.wait_for_rest(house, WITHIN)
    assert sent_since(house, last) == {"CORNER-1": ["COLA", ONE], "CORNER-2": [TWO]}
    assert at_amazon(house, "COLA", "CORNER-1")["standard_price"] == "5.25"
    assert at_amazon(house, "COLA", "CORNER-2")["standard_price"] == "4.50"
    assert at_amazon(house, ONE, "CORNER-1")["item_name"] == "Example Lemonade 330 ml"
    assert at_amazon(house, TWO, "CORNER-2")["additional_external_product_information"] == [
        {"external_product_id": upc(900), "external_product_id_type": "UPC"}
    ]
    catalog.assert_both_agree(house)


def test_a_delta_of_plain_sql_is_all_that_goes(house: House) -> None:
    change = house.records.change
    assert change("UPDATE pricing_price SET amount = 575 WHERE product_id = 'COLA' AND store_id = 'CORNER-1'") == 1
    catalog.rename(house, ONE, "Example Lemonade 250 ml")
    catalog.recode(house, TWO, upc(900), upc(901))
    assert upload_changes(house) == {"CORNER-1": ["COLA", ONE], "CORNER-2": [TWO]}
    assert at_amazon(house, "COLA", "CORNER-1")["standard_price"] == "5.75"
    assert at_amazon(house, ONE, "CORNER-1")["item_name"] == "Example Lemonade 250 ml"
    assert upc(901) in json.dumps(at_amazon(house, TWO, "CORNER-2"))
    catalog.assert_both_agree(house)


def test_what_has_not_changed_costs_no_call(house: House) -> None:
    """Nor does a change that was taken back, or one that Amazon is not told of."""
    before = calls(house)
    assert house.manage("uploadcatalog") == "0 uploads with 0 items are to be sent by the worker.\n"
    catalog.rename(house, ONE, "Example Lemonade 1 l")
    catalog.rename(house, ONE, "Example Lemonade 250 ml")
    assert house.records.change("UPDATE catalog_product SET sold_by = sold_by") > 0
    assert upload_changes(house) == {}
    assert calls(house) == before


def test_a_price_that_begins_by_itself_goes_when_it_begins(house: House, tmp_path: Path) -> None:
    begins = datetime.now(UTC) + timedelta(seconds=BEGINS_AFTER)
    later = price("TEA", "0.99", begins.isoformat(), store_id="CORNER-2")
    house.manage("loadstore", str(catalog.written(tmp_path / "later.json", {"prices": [later]})))
    before = calls(house)
    went = upload_changes(house)
    if datetime.now(UTC) < begins:  # not on a machine that is too busy for this
        assert (went, calls(house)) == ({}, before)
    until(lambda: datetime.now(UTC) > begins, BEGINS_AFTER + 1.0, "the price begins")
    went |= upload_changes(house)
    assert went == {"CORNER-2": ["TEA"]}
    assert at_amazon(house, "TEA", "CORNER-2")["standard_price"] == "0.99"


# --- Refused, and kept back -----------------------------------------------------------------------------------------


def test_a_refused_product_is_told_in_amazons_words_and_goes_again_when_it_is_mended(house: House) -> None:
    words = "Ask your account team about this product"
    house.amazon.set_catalog(refused={TWO: {"code": "MYSTERY", "message": words}})
    catalog.rename(house, TWO, "Example Lemonade of 2 l")
    assert upload_changes(house) == {"CORNER-2": [TWO]}
    item = catalog.item(house.records, TWO, "CORNER-2")
    assert (item.state, item.words) == ("REFUSED", words)
    (alarm,) = house.records.alarms("Products refused by Amazon")
    assert f"{TWO}: {words}" in alarm.text
    assert catalog.told_by_command(house)["stores"]["CORNER-2"]["REFUSED"] == 1
    catalog.assert_both_agree(house)

    before = calls(house)
    assert upload_changes(house) == {}, "asking again unchanged does not help"
    assert calls(house) == before

    house.amazon.set_catalog(refused={})
    catalog.rename(house, TWO, "Example Lemonade 2 l")
    assert upload_changes(house) == {"CORNER-2": [TWO]}
    assert catalog.item(house.records, TWO, "CORNER-2").state == "LIVE"
    catalog.assert_both_agree(house)


def test_a_product_that_is_kept_back_is_never_sent_but_priced(house: House) -> None:
    before, held = calls(house), at_amazon(house, ONE, "CORNER-1")
    catalog.recode(house, ONE, upc(100), "123456789013")
    assert upload_changes(house) == {}
    item = catalog.item(house.records, ONE, "CORNER-1")
    assert item.state == "BLOCKED"
    assert "123456789013" in item.words
    assert (calls(house), at_amazon(house, ONE, "CORNER-1")) == (before, held)

    trip_id = house.amazon.walk_out("CORNER-1", (ONE, "2"), ("CHIPS", "1"))["trip_id"]
    ordered = house.records.wait_for(trip_id, "ORDERED", WITHIN)
    assert ordered.price_total == Decimal("5.24")  # 2 x 1.50 with 8 %, and 2.00 without tax

    catalog.recode(house, ONE, "123456789013", upc(902))
    assert upload_changes(house) == {"CORNER-1": [ONE]}
    assert at_amazon(house, ONE, "CORNER-1")["external_product_id"] == upc(902)
    catalog.assert_both_agree(house)


# --- The archive ----------------------------------------------------------------------------------------------------


def refusal(deed: Callable[[], object]) -> str:
    """What the product told the person."""
    with pytest.raises(Refused) as told:
        deed()
    return str(told.value)


def archive(house: House, sku: str, status: str = "FINISHED") -> Upload:
    """Retire a product if it is not, archive it, and wait for this end of the call."""
    house.staff("retire", skus=[sku])
    (pk,) = house.staff("archive", skus=[sku])
    return catalog.wait_for_upload(house, pk, status, WITHIN)


def states_at_amazon(house: House, sku: str) -> set[str]:
    return {item["state"] for item in house.amazon.items(sku=sku)}


def states_with_us(house: House, sku: str) -> set[str]:
    return {catalog.item(house.records, sku, store_id).state for store_id in CORNERS}


def add_store(house: House, store_id: str) -> None:
    """By plain SQL: like the first corner, under its own name."""
    columns = "store_id, name, time_zone, currency, prices_include_tax, tax_rounding, amount_basis, fees, priced_at, "
    columns += "empty_cart_purchase_id, on_hold, second_look_prices, second_look_promotions, second_look_taxes"
    sql = f"INSERT INTO catalog_store ({columns}) SELECT ?, {columns.removeprefix('store_id, ')} "
    assert house.records.change(f"{sql} FROM catalog_store WHERE store_id = 'CORNER-1'", store_id) == 1


def test_nothing_is_archived_before_somebody_has_named_every_store(house: House) -> None:
    house.staff("retire", skus=[OLD[0]])
    assert "Nobody has confirmed" in refusal(lambda: house.staff("archive", skus=[OLD[0]]))
    assert "Missing: CORNER-1" in refusal(lambda: house.staff("confirm stores", store_ids=["CORNER-2", *TOLD_STORES]))
    assert calls(house).get("archive", 0) == 0
    assert states_with_us(house, OLD[0]) == {"LIVE"}


def test_a_retired_product_is_archived_in_every_store(house: House) -> None:
    house.staff("confirm stores", store_ids=[*CORNERS, *TOLD_STORES])
    done = archive(house, OLD[0])
    assert (done.kind, done.store_id, done.items, done.refused) == ("ARCHIVE", None, 1, 0)
    assert (states_with_us(house, OLD[0]), states_at_amazon(house, OLD[0])) == ({"ARCHIVED"}, {"archived"})
    catalog.rename(house, OLD[0], "Example Cola of old 500 ml")
    assert upload_changes(house) == {}
    catalog.assert_both_agree(house)


def test_back_on_sale_it_is_uploaded_again(house: House) -> None:
    house.staff("return to sale", skus=[OLD[0]])
    assert upload_changes(house) == {store_id: [OLD[0]] for store_id in CORNERS}
    assert (states_with_us(house, OLD[0]), states_at_amazon(house, OLD[0])) == ({"LIVE"}, {"live"})
    catalog.assert_both_agree(house)


def test_back_on_sale_while_it_is_being_archived_it_is_uploaded_afterwards(house: House) -> None:
    switch = house.amazon.misbehave("ingestion_never_ends", call="archive", times=1)
    under_way = archive(house, OLD[0], "FOLLOWED")
    house.staff("return to sale", skus=[OLD[0]])
    last = last_upload(house)
    house.staff("upload changes")
    until(lambda: not house.records.rows(UNPREPARED), WITHIN, "the run is prepared")
    assert sent_since(house, last) == {}, "it is on its way and goes into nothing else"
    house.amazon.behave(switch)
    house.amazon.finish(str(under_way.ingestion_id))
    catalog.wait_for_upload(house, under_way.pk, "FINISHED", WITHIN)
    assert states_at_amazon(house, OLD[0]) == {"archived"}
    assert upload_changes(house) == {store_id: [OLD[0]] for store_id in CORNERS}
    assert (states_with_us(house, OLD[0]), states_at_amazon(house, OLD[0])) == ({"LIVE"}, {"live"})


UNPREPARED = "SELECT id FROM catalog_catalogrun WHERE finished_at IS NULL"


def test_what_still_stands_on_a_shelf_is_tried_again_from_the_list(house: House) -> None:
    sku = OLD[1]
    house.amazon.set_catalog(planogram={sku: ["CORNER-2"]})
    done = archive(house, sku)
    assert done.refused == 1
    assert house.staff("still on a shelf") == [sku]
    assert states_with_us(house, sku) == {"REFUSED"}
    assert catalog.item(house.records, sku, "CORNER-1").words == "The SKU is still on a planogram in: CORNER-2"
    (alarm,) = [alarm for alarm in house.records.alarms("Products refused by Amazon") if alarm.subject == "archive"]
    assert "would not archive 1 of 1" in alarm.text
    assert upload_changes(house) == {}

    house.amazon.set_catalog(planogram={})
    archive(house, sku)
    assert (states_with_us(house, sku), states_at_amazon(house, sku)) == ({"ARCHIVED"}, {"archived"})
    assert house.staff("still on a shelf") == []


def test_an_archive_call_whose_answer_was_lost_is_sent_again_and_ends_well(house: House) -> None:
    """The second one hears that the product is archived already."""
    house.amazon.misbehave("catalog_lost_answer", call="archive", times=1)
    done = archive(house, OLD[2])
    assert catalog.calls(house.records, done.pk) == [("SEND", None), ("SEND", 201), ("REPORT", None)]
    assert (states_with_us(house, OLD[2]), states_at_amazon(house, OLD[2])) == ({"ARCHIVED"}, {"archived"})
    assert house.staff("still on a shelf") == []


def test_a_store_that_was_added_since_stops_the_archive_until_amazon_knows_it_too(house: House) -> None:
    add_store(house, NEW_STORE)
    house.staff("retire", skus=[OLD[3]])
    told = refusal(lambda: house.staff("archive", skus=[OLD[3]]))
    assert told == f"{NEW_STORE} was added since the list of stores was confirmed. Confirm the list again."
    house.staff("confirm stores", store_ids=[*CORNERS, *TOLD_STORES, NEW_STORE])
    stopped = archive(house, OLD[3], "PARKED")
    assert UNKNOWN_STORES in stopped.problem
    assert states_at_amazon(house, OLD[3]) == {"live"}

    house.amazon.set_catalog(stores=[NEW_STORE])
    house.staff("try again", upload_id=stopped.pk)
    until(lambda: states_with_us(house, OLD[3]) == {"ARCHIVED"}, WITHIN, "it is archived")
    assert catalog.upload(house.records, stopped.pk).status == "WITHDRAWN"
    assert states_at_amazon(house, OLD[3]) == {"archived"}
    assert upload_changes(house) == {NEW_STORE: sorted(FIT)}
    catalog.assert_both_agree(house)


def test_a_store_that_is_added_while_the_call_waits_stops_the_call(house: House) -> None:
    house.amazon.misbehave("catalog_429", call="archive", times=1, retry_after=3)
    house.staff("retire", skus=[OLD[4]])
    (pk,) = house.staff("archive", skus=[OLD[4]])
    until(lambda: ("SEND", 429) in catalog.calls(house.records, pk), WITHIN, "Amazon asks for patience")
    add_store(house, NEWER_STORE)
    stopped = catalog.wait_for_upload(house, pk, "PARKED", WITHIN)
    assert stopped.problem.startswith(f"{NEWER_STORE} was added after this call was made.")
    assert catalog.calls(house.records, pk) == [("SEND", 429)]
    assert states_at_amazon(house, OLD[4]) == {"live"}

    house.amazon.set_catalog(stores=[NEW_STORE, NEWER_STORE])
    house.staff("confirm stores", store_ids=[*CORNERS, *TOLD_STORES, NEW_STORE, NEWER_STORE])
    house.staff("try again", upload_id=pk)
    until(lambda: states_with_us(house, OLD[4]) == {"ARCHIVED"}, WITHIN, "it is archived")
    assert upload_changes(house) == {NEWER_STORE: sorted(FIT)}
    catalog.assert_both_agree(house)
