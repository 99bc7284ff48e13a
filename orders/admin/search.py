"""Finding a purchase by whatever somebody has in hand: each kind of id is one look-up by its own index."""

import re
from decimal import Decimal
from typing import Any

from django.db.models import F, Lookup, Q, QuerySet

from catalog.models import Barcode
from orders.models import CROCKFORD, Purchase, PurchaseLine

LETTERS = 12
MISREAD = str.maketrans("OIL", "011")
"""Crockford's alphabet has neither O nor I nor L: whoever types them read a zero or a one."""

PART = 6
"""So many characters of an order, trip or request ID are enough; fewer would find half of all purchases."""

LAST_CHARACTER = "\U0010ffff"
"""Sorts behind whatever may follow the beginning of an id."""


def purchases_matching(text: str) -> QuerySet[Any]:
    """The keys of purchases with this purchase, order, trip or request ID, SKU, barcode, or total.

    IDs may be typed in part, from their beginning; SKUs, barcodes and amounts are compared as a whole. All is one
    query, each part of it served by an index of its own (on PostgreSQL; seen by EXPLAIN on 200,000 purchases):

    - purchase ID: `orders_purchase_purchase_id_key`
    - order ID: `purchase_by_order_id`, whose operator class compares bytes, as `Begins` does
    - trip and request ID: `…_trip_id_…_like` and `…_request_id_…_like`, which Django adds beside the plain ones
    - SKU and code as sent: `line_by_sku`, `line_by_product_id`; barcodes: `catalog_barcode_lookup_key_…`
    - total: `purchase_by_total`
    """
    purchases, lines = Purchase.objects.order_by(), PurchaseLine.objects.order_by()
    barcode_of = Barcode.objects.scanned(text).order_by().values("product_id")
    found = [
        *_by_id(text, purchases),
        lines.filter(product_id=text).values("purchase_id"),
        lines.filter(sku=text).values("purchase_id"),
        lines.filter(sku__in=barcode_of).values("purchase_id"),
    ]
    total = amount(text)
    if total is not None:
        found.append(purchases.filter(price_total=str(total)).values("pk"))
    return found[0].union(*found[1:], all=True)


def purchases_with_id(text: str, *, among: QuerySet[Any]) -> QuerySet[Any]:
    """The same by IDs alone, which are few whatever is typed in full; sliced, it stops when there are enough."""
    found = _by_id(text, among)
    return found[0].union(*found[1:], all=True)


def _by_id(text: str, purchases: QuerySet[Any]) -> list[QuerySet[Any]]:
    found: list[QuerySet[Any]] = [
        purchases.filter(_is_id(name, text)).values("pk") for name in ("order_id", "trip_id", "request_id")
    ]
    ids = purchase_id_range(text)
    if ids:
        found.insert(0, purchases.filter(purchase_id__range=ids).values("pk"))
    return found


class Begins(Lookup):
    """Whether a text begins with another, byte for byte: as a range, which an index serves.

    PostgreSQL compares texts by the rules of a language, under which no range holds all that begin alike; these are
    the operators that compare bytes.
    """

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return self._between(compiler, connection, ">=", "<=")

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return self._between(compiler, connection, "~>=~", "~<=~")

    def _between(self, compiler: Any, connection: Any, at_least: str, at_most: str) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        sql = f"({column} {at_least} %s AND {column} {at_most} %s)"
        return sql, [*params, self.rhs, *params, f"{self.rhs}{LAST_CHARACTER}"]


def _is_id(name: str, text: str) -> Any:
    return Begins(F(name), text) if len(text) >= PART else Q(**{name: text})


def amount(text: str) -> Decimal | None:
    """`12.34`, `$12.34`, `12,34 EUR`: an amount of money with its cents; None when the text is none."""
    found = re.fullmatch(r"[$€£]?\s*([0-9]{1,9})[.,]([0-9]{2})(?:\s*[A-Za-z]{3}|\s*[$€£])?", text)
    return Decimal(f"{found[1]}.{found[2]}") if found else None


def purchase_id_range(text: str) -> tuple[str, str] | None:
    """The first and last purchase ID that the text can be the beginning of; None when it is none.

    Both ends have the shape of a purchase ID, so that any collation compares them alike and the index serves it. Only
    text that says `P-` may be a part; without it all twelve letters are needed, or a barcode would be taken for one.
    """
    typed = re.sub(r"[\s-]", "", text).upper()
    said_so = re.match(r"[pP][\s-]", text) is not None
    letters = typed[1:] if said_so or (len(typed) == LETTERS + 1 and typed.startswith("P")) else typed
    letters = letters.translate(MISREAD)
    if not letters or len(letters) > LETTERS or not set(letters) <= set(CROCKFORD):
        return None
    if len(letters) < LETTERS and not said_so:
        return None
    return _shaped(letters.ljust(LETTERS, CROCKFORD[0])), _shaped(letters.ljust(LETTERS, CROCKFORD[-1]))


def _shaped(letters: str) -> str:
    return "P-" + "-".join(letters[place : place + 4] for place in (0, 4, 8))
