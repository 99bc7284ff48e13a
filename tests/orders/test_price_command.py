"""`manage.py price`: what the connector would make of a cart, for a program and for a person."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders.models import Purchase
from pricing.models import Price
from tests.orders.carts import body, cart, item
from tests.orders.shop import COLA, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Price this document with these words: the exit status and what was printed."""

    def price(document: Any, *words: str) -> tuple[int, str]:
        path = tmp_path / "cart.json"
        path.write_bytes(body(document))
        code = 0
        try:
            call_command("price", str(path), *words)
        except SystemExit as end:
            code = int(str(end.code))
        return code, capsys.readouterr().out

    open_shop()
    return price


def test_a_priced_cart_is_one_line_of_json_and_nothing_is_stored(said: Any) -> None:
    code, out = said(cart())
    result = json.loads(out)
    assert (code, result["status"], out.count("\n")) == (0, "PRICED", 1)
    assert result["checkout"]["orderTotals"]["priceTotal"] == {"amount": "6.85", "currencyCode": "USD"}
    assert not Purchase.objects.exists()


def test_it_is_explained_in_sentences(said: Any) -> None:
    code, out = said(cart(), "--explain")
    assert code == 0
    assert out.splitlines()[2:8] == [
        "1. 1 × Example Cola 500 ml",
        "  The price in all stores since 1 January 2026 is 4.25.",
        "  “Second period special” (SECOND-PERIOD) takes 0.50 off.",
        "  Tax on 3.75 at 8.25 % is 0.31, for New York State.",
        "  It comes to 4.06.",
        "",
    ]
    assert out.endswith("\nTotal 6.85 USD\n\n")


def test_what_has_to_be_mended_is_explained(said: Any) -> None:
    Price.objects.get(product=COLA).end(now=timezone.now())
    now = timezone.now().isoformat()
    code, out = said(cart(), "--explain", "--at", now)
    assert code == 1
    assert out.startswith("This cart cannot be priced:\n  line 1: ")
    assert json.loads(said(cart(), "--at", now)[1])["problems"][0]["line"] == 0


def test_what_is_no_cart_is_explained(said: Any) -> None:
    code, out = said(cart(cartItems=[item(quantity={"value": "x", "unit": "unit"})]), "--explain")
    assert code == 2
    assert out.startswith("This is no valid cart:\n  cartItems[0].quantity.value: ")


def test_an_empty_cart_is_explained(said: Any) -> None:
    assert said(cart(cartItems=[]), "--explain") == (0, "The cart is empty: there is nothing to price.\n\n")


def test_a_file_that_is_not_there_is_named(said: Any) -> None:
    assert said
    with pytest.raises(CommandError, match=r"nowhere\.json cannot be read"):
        call_command("price", "nowhere.json")
