"""Stored purchases computed again from their traces alone, by the function and by the command."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from orders.models import Purchase, PurchaseLine
from orders.proof import differences
from tests.factories import PurchaseFactory
from tests.orders.carts import cart
from tests.orders.shop import NOW, open_shop, take_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def purchase() -> Purchase:
    open_shop()
    return take_in()


def again(purchase: Purchase) -> list[str]:
    return differences(Purchase.objects.get(pk=purchase.pk))


def reprove(*words: str) -> tuple[int, list[str]]:
    said = StringIO()
    try:
        call_command("reprove", *words, stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue().splitlines()
    return 0, said.getvalue().splitlines()


def test_a_purchase_is_proven(purchase: Purchase) -> None:
    assert again(purchase) == []
    assert reprove() == (0, ["1 proven, 0 differ."])


def test_an_amount_that_was_changed_is_named(purchase: Purchase) -> None:
    PurchaseLine.objects.filter(purchase=purchase, number=0).update(sales_tax=Decimal("0.01"), total=Decimal("3.76"))
    tax, total = again(purchase)
    assert tax.startswith("line 1 sales_tax: stored 0.01, computed ")
    assert total.startswith("line 1 total: stored 3.76, computed ")


def test_a_body_that_was_changed_is_named(purchase: Purchase) -> None:
    sent = json.loads(bytes(purchase.body or b""))
    sent["orderTotals"]["priceTotal"]["amount"] = "99.99"
    del sent["lineItems"][1]
    Purchase.objects.filter(pk=purchase.pk).update(body=json.dumps(sent).encode())
    missing, total = again(purchase)
    assert missing == "number of lines sent: stored 1, computed 2"
    assert total.startswith("priceTotal as sent: stored 99.99, computed ")


def changed(purchase: Purchase, path: str, value: Any) -> list[str]:
    """What differs after one place of the trace was changed, such as `lines.0.price.amount`."""
    trace = json.loads(purchase.trace)
    *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = trace
    for step in outer:
        place = place[step]
    place[last] = value
    Purchase.objects.filter(pk=purchase.pk).update(trace=json.dumps(trace))
    return again(purchase)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lines.0.price.amount", "9.99"),
        ("lines.0.quantity", "2"),
        ("lines.0.sku", "OTHER"),
        ("lines.0.tax.parts.0.rate", "0.5"),
        ("lines.0.tax.exempt", True),
        ("settings.prices_include_tax", True),
        ("version", 99),
        ("lines", []),
        ("lines.0.price.amount", "no number"),
        ("applications", "nothing"),
        ("lines.0.line_price", "0.01"),
        ("lines.0.promotions", [{"code": "X", "row": "x", "text": "X", "funding": "STORE", "amount": "0.01"}]),
        ("lines.0.tax.base", "0.01"),
        ("lines.0.tax.amount", "0.01"),
        ("lines.0.tax.parts.0.amount", "0.01"),
        ("lines.0.tax.rate", "0.5"),
        ("lines.0.total", "0.01"),
    ],
)
def test_a_trace_that_was_changed_proves_nothing(purchase: Purchase, path: str, value: Any) -> None:
    assert changed(purchase, path, value) != []


def test_a_trace_that_cannot_be_read_is_named(purchase: Purchase) -> None:
    Purchase.objects.filter(pk=purchase.pk).update(trace="{")
    assert again(purchase)[0].startswith("trace: ")
    assert changed(purchase, "version", 99) == ["trace: version: 99 is not one that can be read"]


def test_the_command_names_purchases_that_differ_and_fails(purchase: Purchase) -> None:
    other = take_in(cart(idempotentShoppingTripId="another-trip"))
    Purchase.objects.filter(pk=other.pk).update(body=b"{}")
    code, said = reprove()
    assert code == 1
    assert {line.split(": ")[0] for line in said[:-1]} == {other.purchase_id}
    assert said[-1] == "1 proven, 1 differ."
    assert purchase.purchase_id not in "".join(said)


def test_the_command_looks_at_what_was_received_since_a_day(purchase: Purchase) -> None:
    day, next_day = NOW.date(), (NOW + timedelta(days=1)).date()
    assert purchase.received_at == NOW
    assert reprove("--since", day.isoformat()) == (0, ["1 proven, 0 differ."])
    assert reprove("--since", next_day.isoformat()) == (0, ["0 proven, 0 differ."])


def test_what_was_never_priced_has_nothing_to_prove() -> None:
    PurchaseFactory(parked=True)
    assert reprove() == (0, ["0 proven, 0 differ."])


@pytest.mark.parametrize("trace", ["[1]", "7", '"x"'])
def test_a_trace_that_is_none_is_named(purchase: Purchase, trace: str) -> None:
    Purchase.objects.filter(pk=purchase.pk).update(trace=trace)
    assert again(purchase) == ["trace: it is none"]


def test_a_body_of_another_shape_is_named(purchase: Purchase) -> None:
    Purchase.objects.filter(pk=purchase.pk).update(body=b'{"lineItems": ["x", "y"]}')
    assert again(purchase) == ["what was sent cannot be read: AttributeError"]
