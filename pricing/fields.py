from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.validators import DecimalValidator
from django.db import models

if TYPE_CHECKING:
    WholeNumberField = models.BigIntegerField[Any, Any]
else:
    WholeNumberField = models.BigIntegerField


class ExactDecimalField(WholeNumberField):
    """A `Decimal` with a fixed number of places, stored as a whole number so that no binary float touches it.

    SQLite keeps Django's own DecimalField as a float; this one adds up exactly on every database. Values that do not
    fit the places raise ValueError instead of being rounded.
    """

    def __init__(self, *args: Any, places: int = 2, **kwargs: Any) -> None:
        self.places = places
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "places": self.places}

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs)]

    def from_db_value(self, value: int | None, *_: object) -> Decimal | None:
        return None if value is None else Decimal(int(value)).scaleb(-self.places)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError as error:
            raise ValidationError("“%(value)s” is no number.", params={"value": value}) from error

    def get_prep_value(self, value: Any) -> int | None:
        exact = self.to_python(value)
        if exact is None:
            return None
        scaled = exact.scaleb(self.places)
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimals")
        return int(scaled)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        DecimalValidator(17, self.places)(value)

    @property
    def validators(self) -> list[Any]:
        return list(self._validators)  # type: ignore[attr-defined]  # whole-number bounds of the column are the wrong scale

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return models.Field.formfield(
            self, **{"form_class": forms.DecimalField, "decimal_places": self.places, "max_digits": 17, **kwargs}
        )


class MoneyField(ExactDecimalField):
    """An amount of money in the store's currency, stored in cents."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["places"] = 2
        super().__init__(*args, **kwargs)
