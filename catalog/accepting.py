"""Accepting a barcode whose check digit is wrong: it goes to Amazon all the same, on somebody's word."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from catalog import barcodes
from catalog.models import AcceptedCode, Barcode, Product, ProductNote


def acceptable(products: QuerySet[Product]) -> list[Barcode]:
    """The codes of these products, with all their digits, of which the last is wrong and not accepted yet."""
    rows = Barcode.objects.filter(product__in=products.order_by().values("pk")).select_related("product")
    return _new(code for code in rows if _ends_wrong(code))


def _ends_wrong(code: Barcode) -> bool:
    return (
        code.type in barcodes.LENGTHS
        and barcodes.is_well_formed(code.code, code.type)
        and not barcodes.is_right(code.code, code.type)
    )


def _new(codes: Iterable[Barcode]) -> list[Barcode]:
    """Those that nobody has accepted yet."""
    codes = list(codes)
    rows = AcceptedCode.objects.filter(product__in={code.product_id for code in codes})
    known = set(rows.values_list("product_id", "code", "type"))
    return [code for code in codes if (code.product_id, code.code, code.type) not in known]


def accept(codes: Iterable[Barcode], *, reason: str, by: User, now: datetime) -> int:
    """Let these go to Amazon as they are, with the next upload; gives how many were not accepted before."""
    new = _new(codes)
    with transaction.atomic():
        AcceptedCode.objects.bulk_create(
            AcceptedCode(
                product_id=code.product_id,
                code=code.code,
                type=code.type,
                reason=reason,
                accepted_at=now,
                accepted_by=by,
            )
            for code in new
        )
        for code in new:
            text = f"The check digit of {code.code} was accepted: {reason}"
            ProductNote.objects.write([code.product_id], text, by=by, now=now)
    return len(new)


def take_back(accepted: Iterable[AcceptedCode], *, reason: str, by: User, now: datetime) -> int:
    """Keep these back again, as their check digits are wrong; gives how many."""
    rows = AcceptedCode.objects.filter(pk__in=[one.pk for one in accepted])
    with transaction.atomic():
        taken = list(rows)
        for one in taken:
            text = f"The check digit of {one.code} is no longer accepted: {reason}"
            ProductNote.objects.write([one.product_id], text, by=by, now=now)
        rows.delete()
    return len(taken)
