import json
import re
from typing import Any

import pytest

from catalog import reports
from catalog.reports import ItemResult, Mapping, Report, Unreadable

MAPPING = Mapping()
TAKEN = {"item_sku": "COLA", "store_id": "EAST", "status": "SUCCESS"}
REFUSED = {
    "item_sku": "BANANA",
    "store_id": "EAST",
    "status": "FAILED",
    "errorCode": "MissingCheckDigit",
    "errorMessage": "The barcode has no check digit.",
}


def read(content: Any, mapping: Mapping = MAPPING) -> Report:
    return reports.read(json.dumps(content).encode(), mapping)


def reason(raw: bytes, mapping: Mapping = MAPPING) -> str:
    with pytest.raises(Unreadable) as caught:
        reports.read(raw, mapping)
    assert caught.value.__cause__ is None
    return str(caught.value)


def outcomes(*items: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    return [(item.sku, item.store_id, item.taken, item.status) for item in read({"items": items}).items]


# Reading


def test_each_item_is_read_with_what_became_of_it() -> None:
    report = read({"ingestionId": "ing-1", "items": [TAKEN, REFUSED]})
    banana = ItemResult("BANANA", "EAST", False, "FAILED", "MissingCheckDigit", "The barcode has no check digit.")
    assert report == Report((ItemResult("COLA", "EAST", True, "SUCCESS", "", ""), banana))
    assert report.refused == (banana,)


def test_every_key_can_be_called_otherwise() -> None:
    mapping = Mapping.from_setting(
        '{"items": "result.rows", "sku": "sku", "store": "shop", "status": "state", "code": "c", "message": "m",'
        ' "success": ["OK", "done"]}'
    )
    rows = [
        {"sku": "A", "shop": "S", "state": "ok", "c": 17, "m": "fine"},
        {"sku": "B", "shop": None, "state": "Done"},
        {"sku": "C", "state": "SUCCESS"},
    ]
    assert read({"result": {"rows": rows}}, mapping).items == (
        ItemResult("A", "S", True, "ok", "17", "fine"),
        ItemResult("B", "", True, "Done", "", ""),
        ItemResult("C", "", False, "SUCCESS", "", ""),
    )


def test_the_document_itself_may_be_the_list() -> None:
    assert read([TAKEN], Mapping(items="")).items == (ItemResult("COLA", "EAST", True, "SUCCESS", "", ""),)
    assert reason(b"[{}]", Mapping(items="")) == "report[0] has no item_sku."
    assert reason(b"{}", Mapping(items="")) == "report is no list."


def test_what_no_report_has_is_not_looked_for() -> None:
    mapping = Mapping(store="", code="", message="")
    assert read({"items": [{**REFUSED, "": 7}]}, mapping).items == (ItemResult("BANANA", "", False, "FAILED", "", ""),)


@pytest.mark.parametrize("status", ["SUCCESS", "success", "Success"])
def test_a_success_is_one_in_any_capitals(status: str) -> None:
    assert outcomes({**TAKEN, "status": status}) == [("COLA", "EAST", True, status)]


@pytest.mark.parametrize("status", ["FAILED", "WARNING", "SUCCESSFUL", "PARTIAL SUCCESS", " SUCCESS", "?"])
def test_any_other_status_is_a_refusal(status: str) -> None:
    assert outcomes({**TAKEN, "status": status}) == [("COLA", "EAST", False, status)]


def test_of_one_sku_twice_the_refusal_counts() -> None:
    good, bad, worse = TAKEN, {**TAKEN, "status": "FAILED"}, {**TAKEN, "status": "FATAL"}
    assert outcomes(good, bad) == [("COLA", "EAST", False, "FAILED")]
    assert outcomes(bad, good) == [("COLA", "EAST", False, "FAILED")]
    assert outcomes(good, bad, worse, good) == [("COLA", "EAST", False, "FAILED")]
    assert outcomes(good, good) == [("COLA", "EAST", True, "SUCCESS")]


def test_one_sku_in_two_stores_has_two_results() -> None:
    assert outcomes(TAKEN, {**TAKEN, "store_id": "WEST", "status": "FAILED"}, TAKEN) == [
        ("COLA", "EAST", True, "SUCCESS"),
        ("COLA", "WEST", False, "FAILED"),
    ]


def test_a_message_is_one_line_that_can_be_kept_and_shown() -> None:
    text = "Still on the\n planogram\x00\x1b[1m \ud800" + "x" * 3000
    (item,) = read({"items": [{**REFUSED, "errorMessage": text}]}).items
    assert item.message.startswith("Still on the planogram[1m xxx")
    assert len(item.message) == 1997


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    raw = json.dumps({"items": [{**TAKEN, "item_sku": "Käse"}]}, ensure_ascii=False).encode(encoding)
    assert reports.read(raw, MAPPING).items[0].sku == "Käse"


def test_ten_thousand_items_are_read() -> None:
    items = [{**REFUSED, "item_sku": f"SKU-{number}"} for number in range(10_000)]
    raw = json.dumps({"items": items}).encode()
    report = reports.read(raw, MAPPING)
    assert (len(report.items), report.items[-1].sku) == (10_000, "SKU-9999")


# What cannot be read


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The report is not JSON."),
        (b"sku;status\nCOLA;SUCCESS\n", "The report is not JSON."),
        (b'<?xml version="1.0"?><Error/>', "The report is not JSON."),
        (b'{"items": [', "The report is not JSON."),
        (b"\xff\xfe\xff", "The report is not JSON."),
        (b'{"items": ["\xe4"]}', "The report is not JSON."),
        (b"\x1f\x8b\x08", "The report is not JSON."),
        (b"[" * 100_000, "The report is nested too deeply."),
        (b"null", "The report has no items."),
        (b"[]", "The report has no items."),
        (b"{}", "The report has no items."),
        (b'{"Items": []}', "The report has no items."),
        (b'{"items": null}', "items is no list."),
        (b'{"items": {"COLA": "SUCCESS"}}', "items is no list."),
        (b'{"items": []}', "items is empty."),
        (b'{"items": ["COLA"]}', "items[0] is no object."),
        (b'{"items": [null]}', "items[0] is no object."),
    ],
)
def test_what_is_no_report_is_never_one_without_errors(raw: bytes, sentence: str) -> None:
    assert reason(raw) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "The report has no result.rows."),
        ({"result": []}, "The report has no result.rows."),
        ({"result": {}}, "The report has no result.rows."),
        ({"result.rows": [TAKEN]}, "The report has no result.rows."),
        ({"result": {"rows": {}}}, "result.rows is no list."),
        ({"result": {"rows": [{}]}}, "result.rows[0] has no item_sku."),
    ],
)
def test_the_place_is_named_with_its_path(content: Any, sentence: str) -> None:
    assert reason(json.dumps(content).encode(), Mapping(items="result.rows")) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"item_sku": None}, "items[3] has no item_sku."),
        ({"item_sku": ""}, "items[3] has no item_sku."),
        ({"item_sku": 4011}, "items[3]: item_sku is no text."),
        ({"item_sku": ["COLA"]}, "items[3]: item_sku is no text."),
        ({"item_sku": "C" * 256}, "items[3]: item_sku is longer than 255 characters."),
        ({"item_sku": "CO\x00LA"}, "items[3]: item_sku holds characters that are no text."),
        ({"item_sku": "\ud800"}, "items[3]: item_sku holds characters that are no text."),
        ({"status": None}, "items[3] has no status."),
        ({"status": ""}, "items[3] has no status."),
        ({"status": True}, "items[3]: status is no text."),
        ({"status": "S" * 256}, "items[3]: status is longer than 255 characters."),
        ({"store_id": 7}, "items[3]: store_id is no text."),
        ({"store_id": ["EAST", "WEST"]}, "items[3]: store_id is no text."),
        ({"store_id": "S" * 256}, "items[3]: store_id is longer than 255 characters."),
        ({"errorCode": {"name": "x"}}, "items[3]: errorCode is no text."),
        ({"errorCode": False}, "items[3]: errorCode is no text."),
        ({"errorMessage": ["a", "b"]}, "items[3]: errorMessage is no text."),
    ],
)
def test_one_item_that_does_not_fit_is_named(change: dict[str, Any], sentence: str) -> None:
    assert reason(json.dumps({"items": [TAKEN, TAKEN, REFUSED, {**TAKEN, **change}]}).encode()) == sentence


@pytest.mark.parametrize("missing", ["item_sku", "status"])
def test_an_item_must_say_what_it_is_and_what_became_of_it(missing: str) -> None:
    item = {name: value for name, value in TAKEN.items() if name != missing}
    assert reason(json.dumps({"items": [item]}).encode()) == f"items[0] has no {missing}."


# The setting


@pytest.mark.parametrize("text", ["", "{}"])
def test_an_empty_setting_is_the_likely_mapping(text: str) -> None:
    assert Mapping.from_setting(text) == Mapping(
        items="items",
        sku="item_sku",
        store="store_id",
        status="status",
        code="errorCode",
        message="errorMessage",
        success=("SUCCESS",),
    )


def test_every_part_of_the_setting_is_optional() -> None:
    assert Mapping.from_setting('{"items": "", "store": ""}') == Mapping(items="", store="")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("items", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ('"items"', "it is not a JSON object"),
        ('{"item": "x"}', "“item” is no part of a report"),
        ('{"Items": "x"}', "“Items” is no part of a report"),
        ('{"items": null}', "“items” is a text"),
        ('{"items": "a..b"}', "“items” is a path such as result.items, or empty"),
        ('{"items": "."}', "“items” is a path such as result.items, or empty"),
        ('{"sku": 1}', "“sku” is a text"),
        ('{"sku": ""}', "“sku” names a key that every item has"),
        ('{"status": ""}', "“status” names a key that every item has"),
        ('{"message": ["a"]}', "“message” is a text"),
        ('{"success": "OK"}', "“success” is a list of texts, at least one"),
        ('{"success": []}', "“success” is a list of texts, at least one"),
        ('{"success": [""]}', "“success” is a list of texts, at least one"),
        ('{"success": [1]}', "“success” is a list of texts, at least one"),
    ],
)
def test_a_setting_that_does_not_fit_says_where(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Mapping.from_setting(text)
