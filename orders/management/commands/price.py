import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalog.models import Store
from orders import body, contract
from orders.limits import limits
from pricing.engine import price_cart
from pricing.nearly import explain_all
from pricing.pricebook import read_pricebook
from pricing.priced import Unpriced

EXIT = {"PRICED": 0, "EMPTY": 0, "UNPRICED": 1, "INVALID": 2}


class Command(BaseCommand):
    help = (
        "Prices a cart (a Create Purchases body) as the connector would, stores nothing, and prints the result as one "
        "line of JSON. Exit status 0: priced or empty; 1: cannot be priced; 2: no valid cart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cart", help="a file; - reads carts from standard input, one JSON document a line")
        parser.add_argument("--at", type=moment, help="price as of this moment (ISO 8601 with offset)")
        parser.add_argument("--explain", action="store_true", help="print sentences instead of JSON")

    def handle(self, *args: Any, cart: str, at: datetime | None, explain: bool, **options: Any) -> None:  # noqa: ARG002  Django's
        worst = 0
        for raw in carts(cart):
            result = price(raw, at=at, now=timezone.now())
            sys.stdout.write((in_words(result) if explain else body.to_json(result).decode()) + "\n")
            sys.stdout.flush()
            worst = max(worst, EXIT[result["status"]])
        if worst:
            sys.exit(worst)


def in_words(result: dict[str, Any]) -> str:
    """The result as a person reads it: why the prices are what they are, or what has to be mended."""
    match result["status"]:
        case "PRICED":
            totals = result["checkout"]["orderTotals"]
            total = totals["priceTotal"]
            store = Store.objects.get(pk=result["checkout"]["storeId"])
            explanation = explain_all(result["trace"], store, datetime.fromisoformat(result["priced_at"]))
            return f"{explanation.text()}\n\nTotal {total['amount']} {total['currencyCode']}\n"
        case "UNPRICED":
            return "\n".join(["This cart cannot be priced:", *(_problem(one) for one in result["problems"])]) + "\n"
        case "INVALID":
            faults = (f"  {one['path'] or 'the whole document'}: {one['message']}" for one in result["errors"])
            return "\n".join(["This is no valid cart:", *faults]) + "\n"
        case _:
            return "The cart is empty: there is nothing to price.\n"


def _problem(problem: dict[str, Any]) -> str:
    where = "the whole cart" if problem["line"] is None else f"line {problem['line'] + 1}"
    return f"  {where}: {problem['message']}"


def moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("without an offset the moment is not clear")
    return at


def carts(source: str) -> Iterator[bytes]:
    if source != "-":
        try:
            yield Path(source).read_bytes()
        except OSError as error:
            raise CommandError(f"{source} cannot be read: {error.strerror}.") from error
        return
    for line in sys.stdin.buffer:
        if line.strip():
            yield line


def price(raw: bytes, *, at: datetime | None, now: datetime) -> dict[str, Any]:
    """What the connector would make of this body, as the `price` command prints it."""
    try:
        cart = contract.decode(raw, limits()).cart
    except contract.InvalidCart as invalid:
        return {"status": "INVALID", "errors": invalid.document()["errors"]}
    asked = body.cart_to_price(cart)
    book = read_pricebook(asked, at=at)
    local = book.moment.astimezone(book.store.zone) if book.store else book.moment
    result: dict[str, Any] = {
        "status": "EMPTY",
        "priced_at": local.isoformat(),
        "problems": [],
        "checkout": None,
        "trace": None,
    }
    if not asked.lines:
        return result
    priced = price_cart(asked, book, now=now)
    if isinstance(priced, Unpriced):
        problems = [{"line": one.line, "product_id": one.product_id, "message": one.message} for one in priced.problems]
        return {**result, "status": "UNPRICED", "problems": problems}
    checkout = body.as_document(cart.idempotent_shopping_trip_id, asked, priced)
    return {**result, "status": "PRICED", "checkout": checkout, "trace": priced.trace}
