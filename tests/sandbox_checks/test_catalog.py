"""The Catalog API: what is taken in, what is refused at once, and what the report says later."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.server import Sandbox, Settings
from tests.sandbox_checks.fake_product import call, control
from tests.sandbox_checks.retailer import (
    STORES,
    archive,
    failures,
    ingestion_id,
    item,
    known,
    post,
    read_link,
    report,
    status,
    upload,
)

SINGLE_WRONG = "One or more StoreID's present in the request is incorrect"
SEVERAL_WRONG = "List of store ID's present in the request are either incorrect/not associated with same retailer"
INVALID = "Invalid request body"


def catalog(sandbox: Sandbox) -> Any:
    return control(sandbox.url, "GET", "catalog")


def configure(sandbox: Sandbox, **settings: Any) -> Any:
    return control(sandbox.url, "POST", "catalog", settings)


def test_an_upload_is_taken_in_and_its_items_are_held_by_store(sandbox: Sandbox) -> None:
    answer = upload(sandbox, item(), item(store_id="PIECES-2"), item("CHIPS"))
    assert answer.status == 201
    assert list(answer.json) == ["ingestionId"]
    assert len(answer.json["ingestionId"]) >= 32
    assert known(sandbox) == [("CHIPS", "ARENA-1", "live"), ("COLA", "ARENA-1", "live"), ("COLA", "PIECES-2", "live")]
    assert [row["status"] for row in report(sandbox, answer)] == ["SUCCESS"] * 3


def test_an_upload_replaces_the_item_and_leaves_the_others(sandbox: Sandbox) -> None:
    upload(sandbox, item(), item("CHIPS"))
    upload(sandbox, item(item_name="Example Cola Zero 500 ml", standard_price=None))
    (held,) = control(sandbox.url, "GET", "items?sku=COLA")["items"]
    assert held["document"] == item(item_name="Example Cola Zero 500 ml", standard_price=None)
    assert known(sandbox, sku="CHIPS") == [("CHIPS", "ARENA-1", "live")]


def test_archived_items_are_archived_in_all_stores_and_come_back_by_an_upload(sandbox: Sandbox) -> None:
    upload(sandbox, item(), item(store_id="PIECES-2"))
    answer = archive(sandbox, "COLA")
    assert report(sandbox, answer) == [
        {"item_sku": "COLA", "store_id": "", "status": "SUCCESS", "errorCode": "", "errorMessage": ""}
    ]
    assert known(sandbox) == [("COLA", "ARENA-1", "archived"), ("COLA", "PIECES-2", "archived")]
    upload(sandbox, item())
    assert known(sandbox) == [("COLA", "ARENA-1", "live"), ("COLA", "PIECES-2", "archived")]


REFUSED_UPLOADS = [
    ([item(store_id="NOWHERE")], SINGLE_WRONG),
    ([item(store_id="NOWHERE"), item("CHIPS", "NOWHERE")], SINGLE_WRONG),
    ([item(), item(store_id="NOWHERE")], SEVERAL_WRONG),
    ([item(store_id="ELSEWHERE"), item(store_id="NOWHERE")], SEVERAL_WRONG),
    ([], INVALID),
    ([item(item_sku=None)], INVALID),
    ([item(external_product_id=None)], INVALID),
    ([item(item_name="")], INVALID),
    ([item(store_id=None)], INVALID),
    ([item(standard_price=2.49)], INVALID),
    ([item(brand_name=["Example"])], INVALID),
    ([item(additional_external_product_information="4011")], INVALID),
    ([item(additional_external_product_information=[{"external_product_id_type": "UPC"}])], INVALID),
    ([item(additional_external_product_information=[{"external_product_id": "4011"}] * 51)], INVALID),
    (["COLA"], INVALID),
    ([item(item_name="x" * 256)], "A field holds at most 255 characters"),
    ([item(brand_name="x" * 256)], "A field holds at most 255 characters"),
    ([item()] * 10_001, "A request holds at most 10000 items"),
]


@pytest.mark.parametrize(("items", "words"), REFUSED_UPLOADS)
def test_an_upload_that_is_wrong_is_refused_whole_in_amazons_words(
    sandbox: Sandbox, items: list[Any], words: str
) -> None:
    answer = upload(sandbox, *items)
    assert (answer.status, answer.json) == (400, {"errorMsg": words})
    assert (known(sandbox), catalog(sandbox)["ingestions"]) == ([], [])
    assert [(one["status"], one["error"]) for one in catalog(sandbox)["stray_calls"]] == [(400, words)]


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"{}", b'{"catalogItems": 3}', b"[" * 100_000])
def test_a_body_that_is_no_upload_is_refused(sandbox: Sandbox, body: bytes) -> None:
    answer = post(sandbox, "upload", body)
    assert (answer.status, answer.json) == (400, {"errorMsg": INVALID})


REFUSED_ARCHIVES = [
    ({"itemSkus": ["COLA"], "allApplicableStores": ["ARENA-1"]}, "{missing}"),
    ({"itemSkus": ["COLA"], "allApplicableStores": ["NOWHERE"]}, SINGLE_WRONG),
    ({"itemSkus": ["COLA"], "allApplicableStores": [*STORES, "NOWHERE"]}, SEVERAL_WRONG),
    ({"itemSkus": ["COLA"]}, INVALID),
    ({"itemSkus": [], "allApplicableStores": STORES}, INVALID),
    ({"itemSkus": [3], "allApplicableStores": STORES}, INVALID),
    ({"itemSkus": ["x" * 256], "allApplicableStores": STORES}, "A field holds at most 255 characters"),
    ({"itemSkus": ["COLA"] * 10_001, "allApplicableStores": STORES}, "A request holds at most 10000 items"),
]


@pytest.mark.parametrize(("document", "words"), REFUSED_ARCHIVES)
def test_an_archive_that_is_wrong_is_refused(sandbox: Sandbox, document: Any, words: str) -> None:
    upload(sandbox, item())
    answer = post(sandbox, "archive", document)
    missing = "allApplicableStores must hold every store of the retailer: ARENA-1, PIECES-2"
    assert (answer.status, answer.json) == (400, {"errorMsg": words.format(missing=missing)})
    assert known(sandbox) == [("COLA", "ARENA-1", "live")]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"ingestionId": "unheard-of"}, "InvalidRequestException"),
        ({"ingestionId": ""}, "BadRequestException"),
        ({"ingestionId": "x" * 256}, "BadRequestException"),
        ({"ingestionId": 3}, "BadRequestException"),
        ({"id": "x"}, "BadRequestException"),
        ([], "BadRequestException"),
        (b"{", "BadRequestException"),
    ],
)
def test_a_status_of_nothing_is_refused_by_name(sandbox: Sandbox, document: Any, words: str) -> None:
    answer = post(sandbox, "getCatalogUploadStatus", document)
    assert (answer.status, answer.json) == (400, {"errorMsg": words})


def test_a_store_that_control_adds_is_known(sandbox: Sandbox) -> None:
    configure(sandbox, stores=["NEW-3"])
    assert upload(sandbox, item(store_id="NEW-3")).status == 201
    refused = archive(sandbox, "COLA")
    assert refused.json["errorMsg"].endswith(": ARENA-1, NEW-3, PIECES-2")
    assert archive(sandbox, "COLA", stores=[*STORES, "NEW-3"]).status == 201


@pytest.mark.parametrize("how", [{"secret_key": "another"}, {"service": "s3"}, {"region": "eu-west-1"}])
def test_a_call_that_is_signed_wrongly_is_refused(sandbox: Sandbox, how: dict[str, str]) -> None:
    answer = upload(sandbox, item(), **how)
    assert (answer.status, answer.json["errorMsg"]) == (403, "AccessDeniedException")
    assert catalog(sandbox)["ingestions"] == []


def test_an_unsigned_call_is_refused_and_is_no_part_of_the_pace(sandbox: Sandbox) -> None:
    assert call(sandbox.url, "POST", "/v1/catalog/upload", b"{}").status == 403
    assert catalog(sandbox)["calls"]["most_within_a_second"] == 0


def test_a_body_above_ten_megabytes_is_too_large(sandbox: Sandbox) -> None:
    answer = post(sandbox, "upload", b" " * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.json) == (413, {"errorMsg": "Request Entity Too Large"})


def test_a_full_upload_of_ten_thousand_items_is_taken_in(sandbox: Sandbox) -> None:
    answer = upload(sandbox, *(item(f"SKU-{number:05}") for number in range(10_000)))
    assert len(report(sandbox, answer)) == 10_000
    assert catalog(sandbox)["stores"][0] == {"store_id": "ARENA-1", "live": 10_000, "archived": 0, "refused": 0}


# The pace


def test_more_than_ten_calls_within_a_second_are_too_many(make_settings: Callable[..., Settings]) -> None:
    now = [time.time()]
    with Sandbox(make_settings(), clock=lambda: now[0]) as sandbox:
        statuses = [upload(sandbox, item()).status for _ in range(5)]
        statuses += [archive(sandbox, "COLA").status for _ in range(5)]
        throttled = status(sandbox, "x")
        assert (statuses, throttled.status, throttled.json) == ([201] * 10, 429, {"errorMsg": "Too Many Requests"})
        now[0] += 0.9
        assert upload(sandbox, item()).status == 429
        now[0] += 0.11
        assert upload(sandbox, item()).status == 201
        told = catalog(sandbox)["calls"]
        assert (told["most_within_a_second"], told["throttled"]) == (12, 2)
        assert sum(told["by_second"].values()) == 13
        assert told["by_kind"] == {"upload": 7, "archive": 5, "status": 1}


def test_the_limit_of_calls_can_be_changed_and_lifted(sandbox: Sandbox) -> None:
    configure(sandbox, calls_per_second=1)
    assert {upload(sandbox, item()).status for _ in range(3)} == {201, 429}
    configure(sandbox, calls_per_second=None)
    assert {upload(sandbox, item()).status for _ in range(15)} == {201}


# The life of an ingestion


def test_an_ingestion_goes_through_its_states_and_only_then_are_items_live(sandbox: Sandbox) -> None:
    configure(sandbox, seconds=1)
    number = ingestion_id(upload(sandbox, item()))
    seen: list[str] = []
    until = time.monotonic() + 5
    while time.monotonic() < until and (not seen or seen[-1] != "DONE"):
        told = status(sandbox, number).json
        if not seen or told["processingStatus"] != seen[-1]:
            seen.append(told["processingStatus"])
        assert bool(told["reportDownloadLink"]) == (seen[-1] == "DONE")
        assert bool(known(sandbox)) == (seen[-1] == "DONE") or seen[-1] == "INPROGRESS"
        time.sleep(0.15)
    assert seen == ["INQUEUE", "INPROGRESS", "DONE"]


@pytest.mark.parametrize("end", ["DONE", "FATAL", "CANCELLED", "SOMETHING_ELSE"])
def test_control_ends_an_ingestion_at_once_as_it_likes(sandbox: Sandbox, end: str) -> None:
    configure(sandbox, seconds=600)
    number = ingestion_id(upload(sandbox, item()))
    assert status(sandbox, number).json == {"processingStatus": "INQUEUE", "reportDownloadLink": ""}
    told = control(sandbox.url, "POST", "ingestions", {"ingestion_id": number, "status": end})
    assert told["status"] == end
    answer = status(sandbox, number).json
    assert answer["processingStatus"] == end
    assert bool(answer["reportDownloadLink"]) == (end == "DONE")
    assert known(sandbox) == ([("COLA", "ARENA-1", "live")] if end == "DONE" else [])


def test_what_is_done_can_not_be_ended_again(sandbox: Sandbox) -> None:
    number = ingestion_id(upload(sandbox, item()))
    for document in ({"ingestion_id": number, "status": "FATAL"}, {"ingestion_id": "x"}, {}):
        assert "error" in control(sandbox.url, "POST", "ingestions", document)
    assert status(sandbox, number).json["processingStatus"] == "DONE"


def test_each_call_is_noted_under_its_ingestion_with_its_hash(sandbox: Sandbox) -> None:
    number = ingestion_id(upload(sandbox, item()))
    status(sandbox, number)
    (told,) = catalog(sandbox)["ingestions"]
    body = json.dumps({"catalogItems": [item()]}).encode()
    assert [(one["call"], one["status"], one["mode"]) for one in told["calls"]] == [
        ("upload", 201, None),
        ("status", 200, None),
    ]
    assert told["calls"][0]["sha256"] == hashlib.sha256(body).hexdigest()
    assert (told["ingestion_id"], told["kind"], told["status"], told["items"]) == (number, "upload", "DONE", 1)


# The report


FAULTY_ITEMS = [
    ({"external_product_id": "01234567890"}, "INVALID_EXTERNAL_PRODUCT_ID"),  # the check digit is missing
    ({"external_product_id": "590123412345", "external_product_id_type": "EAN"}, "INVALID_EXTERNAL_PRODUCT_ID"),
    ({"external_product_id": "96385074", "external_product_id_type": "EAN8"}, None),
    ({"external_product_id": "080442957X", "external_product_id_type": "ISBN"}, None),
    ({"external_product_id": "00012345678905", "external_product_id_type": "GTIN"}, None),
    ({"external_product_id": "94011", "external_product_id_type": "PLU"}, None),
    ({"external_product_id": "12", "external_product_id_type": "PLU"}, "INVALID_EXTERNAL_PRODUCT_ID"),
    ({"external_product_id": "07838604"}, None),
    ({"external_product_id": "4011", "external_product_id_type": None}, None),
    ({"external_product_id": "12345678901", "external_product_id_type": None}, "INVALID_EXTERNAL_PRODUCT_ID"),
    ({"external_product_id": "4011", "external_product_id_type": "SKU"}, "INVALID_EXTERNAL_PRODUCT_ID"),
    (
        {
            "additional_external_product_information": [
                {"external_product_id": "5901234123457", "external_product_id_type": "EAN"},
                {"external_product_id": "59012341234", "external_product_id_type": "EAN"},
            ]
        },
        "INVALID_EXTERNAL_PRODUCT_ID",
    ),
    ({"item_name": "Example™ Cola"}, "INVALID_ITEM_NAME"),
    ({"item_sku": "COLA®"}, "INVALID_ITEM_SKU"),
]


@pytest.mark.parametrize(("changes", "code"), FAULTY_ITEMS)
def test_the_report_names_what_is_wrong_with_an_item(sandbox: Sandbox, changes: dict[str, Any], code: str) -> None:
    faulty = item(**changes)
    answer = upload(sandbox, faulty, item("CHIPS"))
    expected = [(faulty["item_sku"], "ARENA-1", code)] if code else []
    assert failures(sandbox, answer) == expected
    assert ("CHIPS", "ARENA-1", "live") in known(sandbox)
    assert (faulty["item_sku"], "ARENA-1", "refused" if code else "live") in known(sandbox)
    assert catalog(sandbox)["ingestions"][0]["failed"] == len(expected)


def test_a_sku_twice_in_one_call_for_one_store_fails_both_times(sandbox: Sandbox) -> None:
    answer = upload(sandbox, item(), item(standard_price="3.00"), item(store_id="PIECES-2"))
    assert failures(sandbox, answer) == [("COLA", "ARENA-1", "DUPLICATE_ITEM")] * 2
    assert known(sandbox, state="live") == [("COLA", "PIECES-2", "live")]


def test_a_live_item_stays_as_it_was_when_its_update_fails(sandbox: Sandbox) -> None:
    upload(sandbox, item())
    upload(sandbox, item(item_name="Example© Cola"))
    (held,) = control(sandbox.url, "GET", "items")["items"]
    assert (held["state"], held["document"], held["refusal"]["code"]) == ("live", item(), "INVALID_ITEM_NAME")
    assert catalog(sandbox)["stores"][0] == {"store_id": "ARENA-1", "live": 1, "archived": 0, "refused": 1}
    upload(sandbox, item())
    assert catalog(sandbox)["stores"][0]["refused"] == 0


def test_skus_that_control_names_fail_with_its_words(sandbox: Sandbox) -> None:
    configure(sandbox, refused={"COLA": {"code": "MYSTERY", "message": "Ask your account team"}, "NUTS": "OTHER"})
    answer = upload(sandbox, item(), item("CHIPS"), item("NUTS"))
    assert [(row["item_sku"], row["errorCode"], row["errorMessage"]) for row in report(sandbox, answer)] == [
        ("COLA", "MYSTERY", "Ask your account team"),
        ("CHIPS", "", ""),
        ("NUTS", "OTHER", "Refused by the sandbox because it was told to"),
    ]


def test_what_can_not_be_archived_is_said_in_the_report(sandbox: Sandbox) -> None:
    upload(sandbox, item(), item("CHIPS"), item("NUTS"), item("SCARF"))
    archive(sandbox, "CHIPS")
    configure(sandbox, planogram={"NUTS": ["PIECES-2", "ARENA-1"]}, refused={"SCARF": "NO"})
    answer = archive(sandbox, "COLA", "CHIPS", "NUTS", "SCARF", "UNKNOWN")
    assert [(row["item_sku"], row["errorCode"]) for row in report(sandbox, answer)] == [
        ("COLA", ""),
        ("CHIPS", "SKU_ALREADY_ARCHIVED"),
        ("NUTS", "SKU_ON_PLANOGRAM"),
        ("SCARF", "NO"),
        ("UNKNOWN", "SKU_NOT_FOUND"),
    ]
    assert report(sandbox, answer)[2]["errorMessage"].endswith("in: ARENA-1, PIECES-2")
    assert known(sandbox, state="live") == [("NUTS", "ARENA-1", "live"), ("SCARF", "ARENA-1", "live")]


def test_each_status_gives_a_fresh_link(make_settings: Callable[..., Settings]) -> None:
    now = [time.time()]
    with Sandbox(make_settings(), clock=lambda: now[0]) as sandbox:
        number = ingestion_id(upload(sandbox, item()))
        first = status(sandbox, number).json["reportDownloadLink"]
        now[0] += 3599
        assert read_link(sandbox, first).status == 200
        now[0] += 2
        expired = read_link(sandbox, first)
        assert (expired.status, expired.headers["Content-Type"]) == (403, "application/xml")
        assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in expired.text


def test_a_link_lives_as_long_as_control_says(sandbox: Sandbox) -> None:
    configure(sandbox, link_life=1)
    link = status(sandbox, ingestion_id(upload(sandbox, item()))).json["reportDownloadLink"]
    assert "X-Amz-Expires=1&" in link
    assert read_link(sandbox, link).status == 200
    time.sleep(1.1)
    assert read_link(sandbox, link).status == 403


def test_a_link_takes_no_second_signature_and_no_change(sandbox: Sandbox) -> None:
    link = status(sandbox, ingestion_id(upload(sandbox, item()))).json["reportDownloadLink"]
    other = status(sandbox, ingestion_id(upload(sandbox, item()))).json["reportDownloadLink"]
    answers = [
        read_link(sandbox, link, {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}),
        read_link(sandbox, link.partition("?")[0]),
        read_link(sandbox, link.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999999")),
        read_link(sandbox, link.partition("?")[0] + "?" + other.partition("?")[2]),
    ]
    assert [(one.status, one.text.partition("<Code>")[2].partition("<")[0]) for one in answers] == [
        (400, "InvalidArgument"),
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        (403, "SignatureDoesNotMatch"),
    ]
    assert read_link(sandbox, link).status == 200


# What outlives a restart


def test_a_sandbox_started_again_still_knows_its_catalog(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = make_settings(state=tmp_path / "sandbox.jsonl")
    with Sandbox(settings) as first:
        number = ingestion_id(upload(first, item(), item("CHIPS", external_product_id="1")))
        archive(first, "COLA")
        configure(first, seconds=600)
        waiting = ingestion_id(upload(first, item("NUTS")))
        rows = read_link(first, status(first, number).json["reportDownloadLink"]).json
        before, items = catalog(first), control(first.url, "GET", "items")["items"]
    with Sandbox(settings) as again:
        after = catalog(again)
        assert after["ingestions"][1:] == before["ingestions"][1:]
        assert after["stores"][0] == {"store_id": "ARENA-1", "live": 1, "archived": 1, "refused": 1}
        assert [one for one in control(again.url, "GET", "items")["items"] if one["sku"] != "NUTS"] == items
        assert read_link(again, status(again, number).json["reportDownloadLink"]).json == rows
        assert status(again, waiting).json["processingStatus"] == "DONE"


def test_a_reset_forgets_the_catalog_and_its_settings(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings(state=tmp_path / "sandbox.jsonl")
    with Sandbox(settings) as first:
        upload(first, item())
        configure(first, seconds=9, refused={"COLA": "NO"}, policy="none")
        assert control(first.url, "POST", "catalog/reset", {}) == {"status": "ok"}
        told = catalog(first)
        assert (told["ingestions"], told["settings"]["seconds"], told["settings"]["refused"]) == ([], 0, {})
        assert "SendMessage" in told["queue"]["policy"]
    with Sandbox(settings) as again:
        assert known(again) == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"speed": 3}, "The catalog has no setting speed; it has seconds"),
        ({"seconds": -1}, "seconds must be seconds"),
        ({"seconds": True}, "seconds must be seconds"),
        ({"link_life": "1"}, "link_life must be seconds"),
        ({"calls_per_second": 1.5}, "calls_per_second must be a whole number or null"),
        ({"stores": "NEW"}, "stores must be a list of texts"),
        ({"planogram": ["COLA"]}, "planogram must be an object by SKU"),
        ({"planogram": {"COLA": "ARENA-1"}}, "planogram of COLA must be a list of texts"),
        ({"refused": {"COLA": 3}}, "refused of COLA must be a code"),
        ({"raw_delivery": 1}, "raw_delivery must be true or false"),
        ({"signature_version": 2}, 'signature_version must be "1" or "2"'),
        ({"policy": "lax"}, "policy must be an object, null, or one of: good, none"),
        ([], "not a JSON object"),
    ],
)
def test_a_setting_that_makes_no_sense_sets_nothing(sandbox: Sandbox, document: Any, words: str) -> None:
    before = catalog(sandbox)["settings"]
    mixed = {"seconds": 5} | document if isinstance(document, dict) else document
    assert words in control(sandbox.url, "POST", "catalog", mixed)["error"]
    assert catalog(sandbox)["settings"] == before
