"""The load command against a product that behaves, and against some that do not."""

import json
import re
import time
from typing import Any

import pytest

from tests.sandbox.__main__ import main
from tests.sandbox.report import percentiles
from tests.sandbox.server import Sandbox
from tests.sandbox.shop import Shop, compose
from tests.sandbox_checks.fake_product import FakeProduct, control


def shop(sandbox: Sandbox, *words: str) -> int:
    return main(["shop", "--sandbox", sandbox.url, *words])


def stores(sandbox: Sandbox) -> Any:
    return control(sandbox.url, "GET", "connection")["stores"]


def test_every_cart_has_its_one_order(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop(sandbox, "--trips", "60", "--rate", "300", "--empty-share", "0.1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    ledger = told["ledger"]
    empty = sum(not cart["cartItems"] for cart in product.received)
    assert (told["clean"], told["answers"], told["repeats"]) == (True, {"201": 60}, 0)
    assert (ledger["trips"], ledger["empty"], ledger["orders"], ledger["charges"]) == (
        60,
        empty,
        60 - empty,
        60 - empty,
    )
    assert (ledger["refusals"], ledger["waiting"], ledger["overlapping_calls"]) == ({}, 0, 0)
    assert 0 < empty < 20
    assert told["create_purchases_ms"]["p50"] <= told["create_purchases_ms"]["max"]
    assert told["walk_out_to_order_ms"]["p50"] > 0
    assert 0 < told["sent_per_second"] < 310


def test_the_report_for_a_person_ends_with_a_verdict(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop(sandbox, "--trips", "5", "--empty-share", "0") == 0
    told = capsys.readouterr().out
    assert f"5 carts to {product.url}, as fast as possible, 16 at once" in told
    assert "orders              5, refused 0, waiting 0" in told
    assert re.search(r"walk-out to order   p50 [\d.]+ ms  p95 [\d.]+ ms  p99 [\d.]+ ms  max [\d.]+ ms", told)
    assert told.endswith("Every cart has its one order.\n")


def test_a_refused_trip_makes_the_run_fail(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    assert product.received == []
    control(
        sandbox.url, "POST", "misbehaviour", {"mode": "refuse", "error": "ShoppingTripExpiredException", "times": 1}
    )
    assert shop(sandbox, "--trips", "5", "--empty-share", "0") == 1
    told = capsys.readouterr().out
    assert "orders              4, refused 1, waiting 0" in told
    assert "refusals            ShoppingTripExpiredException: 1" in told
    assert told.endswith("Something is wrong.\n")


def test_a_double_charge_makes_the_run_fail(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    product.checkouts_per_trip = 2
    control(sandbox.url, "POST", "misbehaviour", {"mode": "charges_twice"})
    code = shop(sandbox, "--trips", "3", "--empty-share", "0")
    told = capsys.readouterr().out
    assert code == 1
    assert "orders, 2 charges" in told or "2 orders" in told


def test_orders_that_never_come_are_waited_for_a_bounded_time(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    product.checkouts_per_trip = 0
    started = time.monotonic()
    assert shop(sandbox, "--trips", "3", "--empty-share", "0", "--timeout", "0.6") == 1
    assert 0.6 <= time.monotonic() - started < 3
    assert "waiting 3" in capsys.readouterr().out


def test_a_cart_is_sent_again_after_a_server_error(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    product.statuses.extend([503])
    assert shop(sandbox, "--trips", "2", "--empty-share", "0", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["repeats"], told["answers"], told["ledger"]["orders"]) == (1, {"201": 2}, 2)
    assert told["create_purchases_ms"]["max"] > 500


def test_a_product_that_refuses_every_cart_is_not_waited_for(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    product.statuses.extend([403] * 4)
    started = time.monotonic()
    assert shop(sandbox, "--trips", "4", "--empty-share", "0") == 1
    assert time.monotonic() - started < 3
    assert "answers             403: 4" in capsys.readouterr().out


def test_latency_counts_from_the_moment_a_cart_was_due(
    sandbox: Sandbox, product: FakeProduct, capsys: pytest.CaptureFixture[str]
) -> None:
    product.seconds = 0.05
    shop(sandbox, "--trips", "10", "--rate", "100", "--threads", "1", "--empty-share", "0", "--json")
    latencies = json.loads(capsys.readouterr().out)["create_purchases_ms"]
    # One gate of 50 ms a cart falls 40 ms further behind with each of ten carts due every 10 ms.
    assert latencies["max"] >= 400


def test_nothing_running_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shop", "--trips", "1", "--sandbox", "http://127.0.0.1:9"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "No sandbox answers at http://127.0.0.1:9. Type `make run` first.\n")


def test_the_same_seed_fills_the_same_baskets_under_new_trip_ids(sandbox: Sandbox) -> None:
    def carts(run: str, seed: int) -> tuple[list[Any], set[str]]:
        bodies = [json.loads(cart.body) for cart in compose(Shop("", 50, seed=seed), stores(sandbox), run, now=0.0)]
        return [body["cartItems"] for body in bodies], {body["idempotentShoppingTripId"] for body in bodies}

    first, first_ids = carts("a", 1)
    second, second_ids = carts("b", 1)
    other, _ = carts("c", 2)
    assert first == second != other
    assert len(first_ids) == len(second_ids) == 50
    assert not first_ids & second_ids


def test_composed_carts_are_as_varied_as_real_ones(sandbox: Sandbox) -> None:
    carts = [json.loads(cart.body) for cart in compose(Shop("", 400), stores(sandbox), "r", now=1_800_000_000.0)]
    items = [item for cart in carts for item in cart["cartItems"]]
    assert {cart["storeId"] for cart in carts} == {"ARENA-1", "PIECES-2"}
    assert {item["type"] for item in items} == {"SKU", "SCANCODE"}
    assert {item["quantity"]["unit"] for item in items} == {"unit", "lb"}
    assert {"1", "1.0", "2", "3.0"} <= {item["quantity"]["value"] for item in items}
    assert {"lineItemId" in item for item in items} == {True, False}
    assert {"externalIdentifiers" in item for item in items} == {True, False}
    assert {1, 2} <= {len(cart["shoppingTrip"]["authEvents"]) for cart in carts}
    assert not any(item["id"] == "UNPRICED" for item in items)
    assert not any(cart["storeId"] == "PIECES-2" and item["quantity"]["unit"] == "lb"
                   for cart in carts for item in cart["cartItems"])  # fmt: skip


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentiles([float(number) for number in range(1, 101)]) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert percentiles([7.0]) == {"p50": 7, "p95": 7, "p99": 7, "max": 7}
    assert percentiles([]) is None
