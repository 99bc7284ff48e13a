from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection
from django.db.models import Sum

from pricing.fields import ExactDecimalField, MoneyField
from pricing.models import Price, Promotion, TaxRule
from tests.factories import PriceFactory, PromotionFactory, TaxRuleFactory

RATE = ExactDecimalField(places=8)
MONEY = MoneyField()


def in_the_database(row: Any, column: str) -> Any:
    """What the column itself holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {row._meta.db_table}")  # noqa: S608  names of our own models
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (MONEY, Decimal("1.25"), 125),
        (MONEY, Decimal("1.250"), 125),
        (MONEY, Decimal(3), 300),
        (MONEY, "0.10", 10),
        (MONEY, 7, 700),
        (MONEY, 0.1, 10),
        (MONEY, Decimal("-0.01"), -1),
        (MONEY, None, None),
        (RATE, Decimal("0.08875"), 8875000),
        (RATE, "0.00000001", 1),
        (ExactDecimalField(places=4), Decimal("33.3333"), 333333),
    ],
)
def test_a_value_is_stored_as_a_whole_number(field: ExactDecimalField, value: Any, stored: int | None) -> None:
    assert field.get_prep_value(value) == stored


@pytest.mark.parametrize(
    ("field", "value"),
    [(MONEY, "1.255"), (MONEY, Decimal("0.001")), (RATE, "0.088750001"), (MONEY, "Infinity"), (MONEY, "NaN")],
)
def test_a_value_that_does_not_fit_is_refused_and_not_rounded(field: ExactDecimalField, value: Any) -> None:
    with pytest.raises(ValueError, match="has more than"):
        field.get_prep_value(value)


@pytest.mark.parametrize(
    ("field", "stored", "read"),
    [(MONEY, 125, "1.25"), (MONEY, 0, "0.00"), (MONEY, 5, "0.05"), (RATE, 8875000, "0.08875000")],
)
def test_a_stored_number_is_read_with_its_places(field: ExactDecimalField, stored: int, read: str) -> None:
    assert str(field.from_db_value(stored, None, None)) == read


def test_nothing_stays_nothing() -> None:
    assert MONEY.from_db_value(None) is None
    assert MONEY.to_python(None) is None


@pytest.mark.parametrize(("value", "exact"), [("1.10", "1.10"), (2, "2"), (0.1, "0.1"), (Decimal("5.0"), "5.0")])
def test_text_and_numbers_become_exact(value: Any, exact: str) -> None:
    assert str(MONEY.to_python(value)) == exact


def test_what_is_no_number_is_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="“ten” is no number"):
        MONEY.to_python("ten")


@pytest.mark.parametrize(("field", "value"), [(MONEY, "1.255"), (MONEY, "1234567890123456.00"), (RATE, "0.088750001")])
def test_too_many_digits_fail_the_validation(field: ExactDecimalField, value: str) -> None:
    with pytest.raises(ValidationError):
        field.clean(value, None)


def test_its_validators_compare_values_and_not_stored_numbers() -> None:
    percent = ExactDecimalField(places=4, validators=[MinValueValidator(0), MaxValueValidator(100)])
    assert percent.clean("100", None) == 100
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        percent.clean("100.0001", None)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        percent.clean("-0.0001", None)


def test_a_form_takes_as_many_decimals_as_the_field() -> None:
    field = RATE.formfield()
    assert isinstance(field, forms.DecimalField)
    assert (field.decimal_places, field.max_digits) == (8, 17)
    assert field.clean("0.08875000") == Decimal("0.08875")


@pytest.mark.parametrize("field", [MONEY, RATE])
def test_a_migration_makes_the_same_field(field: ExactDecimalField) -> None:
    _, _, args, kwargs = field.deconstruct()
    again = type(field)(*args, **kwargs)
    assert (again.places, again.deconstruct()[1:]) == (field.places, field.deconstruct()[1:])


@pytest.mark.django_db
def test_every_database_holds_whole_numbers() -> None:
    price = PriceFactory(amount=Decimal("0.10"))
    rule = TaxRuleFactory(rate=Decimal("0.08875"))
    promotion = PromotionFactory(percent=Decimal("33.3333"))
    assert in_the_database(price, "amount") == 10
    assert in_the_database(rule, "rate") == 8875000
    assert in_the_database(promotion, "percent") == 333333
    assert str(Price.objects.get().amount) == "0.10"
    assert str(TaxRule.objects.get().rate) == "0.08875000"
    assert str(Promotion.objects.get().percent) == "33.3333"
    assert Promotion.objects.get().amount is None


@pytest.mark.django_db
def test_the_database_compares_and_adds_exactly() -> None:
    for amount in ("0.10", "0.20", "0.30", "99999999999.99"):
        PriceFactory(amount=Decimal(amount))
    assert str(Price.objects.filter(amount__lte=Decimal("0.30")).aggregate(sum=Sum("amount"))["sum"]) == "0.60"
    assert str(Price.objects.aggregate(sum=Sum("amount"))["sum"]) == "100000000000.59"
    assert Price.objects.filter(amount="0.20").count() == 1


@pytest.mark.django_db
def test_a_fixture_writes_the_value_and_not_the_stored_number() -> None:
    PriceFactory(amount=Decimal("4.25"))
    assert Price._meta.get_field("amount").value_to_string(Price.objects.get()) == "4.25"
