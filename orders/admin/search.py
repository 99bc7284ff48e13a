"""Finding a purchase by whatever somebody has in hand: each kind of id is one look-up by its own index."""

import re
from typing import Any

from django.db.models import QuerySet

from catalog.models import Barcode
from orders.models import CROCKFORD, Purchase, PurchaseLine

LETTERS = 12
MISREAD = str.maketrans("OIL", "011")
"""Crockford's alphabet has neither O nor I nor L: whoever types them read a zero or a one."""


def purchases_matching(text: str) -> QuerySet[Any]:
    """The keys of purchases with this purchase, order, trip or request ID, or with this SKU or barcode on a line.

    All are compared as a whole; a purchase ID may also be typed in part, from its beginning: `P-7K`.
    """
    purchases, lines = Purchase.objects.order_by(), PurchaseLine.objects.order_by()
    barcode_of = Barcode.objects.scanned(text).order_by().values("product_id")
    found = [
        purchases.filter(order_id=text).values("pk"),
        purchases.filter(trip_id=text).values("pk"),
        purchases.filter(request_id=text).values("pk"),
        lines.filter(product_id=text).values("purchase_id"),
        lines.filter(sku=text).values("purchase_id"),
        lines.filter(sku__in=barcode_of).values("purchase_id"),
    ]
    ids = purchase_id_range(text)
    if ids:
        found.append(purchases.filter(purchase_id__range=ids).values("pk"))
    return found[0].union(*found[1:], all=True)


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
