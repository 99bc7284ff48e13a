"""Accepting a wrong check digit, and taking that back."""

from datetime import UTC, datetime

import pytest

from catalog import accepting
from catalog.models import AcceptedCode, ChangedProduct, Product
from tests.factories import BarcodeFactory, OwnerFactory

NOW = datetime(2026, 3, 14, 19, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "kind", "may"),
    [
        ("012345678900", "UPC", True),
        ("012345678905", "UPC", False),
        ("01234567890", "UPC", False),
        ("080442957X", "ISBN", False),
        ("0804429571", "ISBN", True),
        ("4011", "PLU", False),
    ],
)
def test_only_a_whole_code_with_a_wrong_end_may_be_accepted(code: str, kind: str, *, may: bool) -> None:
    row = BarcodeFactory(code=code, type=kind)
    assert accepting.acceptable(Product.objects.all()) == ([row] if may else [])
    accepting.accept([row], reason="So it is printed.", by=OwnerFactory(), now=NOW)
    assert accepting.acceptable(Product.objects.all()) == []


def test_a_code_is_accepted_once_with_who_when_and_why() -> None:
    code, by = BarcodeFactory(code="012345678900"), OwnerFactory()
    assert accepting.accept([code], reason="So it is printed.", by=by, now=NOW) == 1
    assert accepting.accept([code], reason="Again.", by=OwnerFactory(), now=NOW) == 0
    row = AcceptedCode.objects.get()
    assert (row.product, row.code, row.type) == (code.product, "012345678900", "UPC")
    assert (row.reason, row.accepted_by, row.accepted_at) == ("So it is printed.", by, NOW)
    note = code.product.notes.get()
    assert (note.text, note.by, note.at) == (
        "The check digit of 012345678900 was accepted: So it is printed.",
        by,
        NOW,
    )


def test_taking_it_back_leaves_a_note_and_has_the_product_looked_at() -> None:
    code, by = BarcodeFactory(code="012345678900"), OwnerFactory()
    accepting.accept([code], reason="So it is printed.", by=by, now=NOW)
    ChangedProduct.objects.all().delete()
    assert accepting.take_back(AcceptedCode.objects.all(), reason="A slip of the pen.", by=by, now=NOW) == 1
    assert not AcceptedCode.objects.exists()
    newest = code.product.notes.first()
    assert newest.text == "The check digit of 012345678900 is no longer accepted: A slip of the pen."
    assert list(ChangedProduct.objects.values_list("sku", flat=True)) == [code.product.sku]
