"""How people enter prices, taxes and fees: validation that speaks."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from catalog.admin import ProductForm, StoreForm
from catalog.models import SoldBy, Store
from jwo_store.admin_site import (
    SAY_WHY,
    CheckboxWidget,
    DecimalWidget,
    ModelForm,
    ReasonWidget,
    SelectWidget,
)
from pricing.admin import reasons
from pricing.bulk import LARGE_PERCENT, is_large
from pricing.models import (
    SAVING_TIME,
    Funding,
    Promotion,
    TaxAssignment,
    TaxCategory,
    set_change_reason,
)
from pricing.timeline import prices_of, strongest


class LargeField(forms.BooleanField):
    """The tick without which no large change of a price is made."""

    def __init__(self, label: str = "The large changes are meant") -> None:
        super().__init__(
            label=label,
            required=False,
            widget=CheckboxWidget,
            help_text=f"Needed when a price changes by more than {LARGE_PERCENT} percent, or to or from nothing.",
        )


class ReasonedForm(ModelForm):
    """Asks why; the answer stands in the history."""

    usual: tuple[str, ...] = reasons.FOR_TAXES

    reason = forms.CharField(
        max_length=1000,
        widget=ReasonWidget,
        help_text="Why, for those who look at it later.",
        error_messages={"required": SAY_WHY},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].widget.usual = self.usual

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.instance._change_reason = cleaned.get("reason") or None
        return cleaned


class DatedForm(ReasonedForm):
    """For what is in force from one moment to another; see `pricing.models.Dated` for what may change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = timezone.now()
        starts = self.fields.get("starts_at")
        if starts is not None:
            starts.required = False
            starts.help_text = f"Leave empty to start now. The clock is that of {settings.TIME_ZONE}."

    def clean_starts_at(self) -> datetime | None:
        starts_at: datetime = self.cleaned_data["starts_at"] or self.now
        if not self.instance._state.adding and starts_at < self.now - SAVING_TIME:
            raise ValidationError("What is yet to start cannot be moved into the past. Leave empty to start now.")
        return starts_at

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._check_end(cleaned)
        self._check_stores(cleaned)
        return cleaned

    def _check_end(self, cleaned: dict[str, Any]) -> None:
        ends_at, adding = cleaned.get("ends_at"), self.instance._state.adding
        if ends_at and not adding and ends_at <= self.now and ends_at != self.initial.get("ends_at"):
            self.add_error("ends_at", "The end must be later than now. To end it at once, use “End now”.")

    def _check_stores(self, cleaned: dict[str, Any]) -> None:
        if "all_stores" not in self.fields:
            return
        if cleaned.get("all_stores"):
            cleaned["stores"] = Store.objects.none()
        elif not cleaned.get("stores"):
            self.add_error("stores", "Choose at least one store, or say that it holds in all stores.")


class PriceForm(DatedForm):
    usual = reasons.FOR_PRICES
    large = LargeField("The large change is meant")
    asks_large = False
    """Whether what was entered needs the tick, which is shown only then."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        temporary = cleaned.get("temporary", self.instance.temporary)
        if temporary and not cleaned.get("ends_at") and "ends_at" not in self.errors:
            self.add_error("ends_at", "A temporary price needs an end.")
        if "amount" in self.changed_data and cleaned.get("amount") is not None:
            self._check_large(cleaned)
        return cleaned

    def _check_large(self, cleaned: dict[str, Any]) -> None:
        before, after = self._before(cleaned), cleaned["amount"]
        self.asks_large = is_large(before, after)
        if self.asks_large and not cleaned.get("large"):
            step = f"would be {after:.2f}" if before is None else f"would go from {before:.2f} to {after:.2f}"
            self.add_error("large", f"The price {step}. Tick this if that is meant.")

    def _before(self, cleaned: dict[str, Any]) -> Decimal | None:
        """The price that is edited; of a new one, the regular price that holds there when it starts."""
        if not self.instance._state.adding:
            edited: Decimal = self.instance.amount
            return edited
        product, starts_at = cleaned.get("product"), cleaned.get("starts_at")
        if not product or not starts_at:
            return None
        held = strongest(prices_of(product, cleaned.get("store")).in_force(starts_at).filter(temporary=False))
        return held.amount if held else None


class FeeForm(DatedForm):
    usual = reasons.FOR_FEES

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        weighed = [product.sku for product in cleaned.get("products", ()) if product.sold_by == SoldBy.WEIGHT]
        if weighed:
            self.add_error("products", f"A fee is an amount per piece, and these are weighed: {', '.join(weighed)}.")
        return cleaned


class PercentRateField(forms.DecimalField):
    """A rate that people enter in percent and that is kept as a fraction."""

    def prepare_value(self, value: Any) -> Any:
        return (value * 100).normalize() if isinstance(value, Decimal) else value

    def clean(self, value: Any) -> Any:
        percent = super().clean(value)
        return None if percent is None else percent / 100

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class TaxRuleForm(DatedForm):
    rate = PercentRateField(
        label="Rate in percent",
        min_value=Decimal(0),
        max_value=Decimal("99.999999"),
        decimal_places=6,
        max_digits=9,
        widget=DecimalWidget,
        help_text="For example 8.875. The rates of all rules in force on a product add up.",
        error_messages={"max_value": "A rate is below 100 percent.", "min_value": "A rate is not below zero."},
    )


class PricedStoreForm(StoreForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("prices_include_tax") and not self.instance._state.adding:
            self._check_vendors()
        return cleaned

    def _check_vendors(self) -> None:
        """Where prices include tax, price and net promotion could not be built for what a vendor pays."""
        here = Promotion.objects.filter(Q(all_stores=True) | Q(stores=self.instance), funding=Funding.VENDOR)
        here = here.filter(starts_at__isnull=False)
        codes = sorted({row.code for row in here.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()))})
        if codes:
            self.add_error(
                "prices_include_tax",
                f"A vendor pays for promotions of this store ({', '.join(codes)}), which does not go with prices that "
                "include tax. End them first.",
            )


class PricedProductForm(ProductForm):
    """A product with its tax category, which is dated: a new one counts from now on."""

    tax_category = forms.ModelChoiceField(
        TaxCategory.objects.all(),
        widget=SelectWidget,
        empty_label="Choose",
        help_text="A new choice counts from now on: carts of earlier trips keep the old one.",
    )
    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=1000,
        widget=ReasonWidget(reasons.FOR_TAXES),
        help_text="For those who look at it later. Needed when another tax category is chosen.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields.pop("reason", None)
        if "tax_category" in self.fields and not self.instance._state.adding:
            current = TaxAssignment.objects.in_force(timezone.now()).filter(product=self.instance)
            self.initial["tax_category"] = current.values_list("tax_category", flat=True).first()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        set_change_reason(self.instance, cleaned.get("reason") or None)
        if "reason" in self.fields and "tax_category" in self.changed_data and not cleaned.get("reason"):
            self.add_error("reason", "Say why the tax category changes.")
        return cleaned
