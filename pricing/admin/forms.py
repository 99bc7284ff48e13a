"""How people enter prices, taxes and fees: validation that speaks."""

import copy
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.html import format_html

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
from jwo_store.words import place
from pricing.admin import reasons
from pricing.bulk import LARGE_PERCENT, is_large
from pricing.models import (
    SAVING_TIME,
    Funding,
    Price,
    Promotion,
    TaxAssignment,
    TaxCategory,
    set_change_reason,
)
from pricing.moments import ClockField, form_clock, in_words
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
    """For what is in force from one moment to another; see `pricing.models.Dated` for what may change.

    It fills in a copy of the row: where it is refused, the page around it still tells of the row as it is.
    """

    empty_means: ClassVar[dict[str, str]] = {
        "starts_at": "Leave empty to start now.",
        "ends_at": "Leave empty for no end.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance = copy.copy(self.instance)
        self.now = timezone.now()
        self.clock = form_clock(self._stores_entered())
        for name in self.empty_means.keys() & self.fields.keys():
            field: Any = self.fields[name]
            field.required = False
            field.go_by(self.clock.zone)
            text = '{} <span data-clock="{}">{}.</span>'
            field.help_text = format_html(text, self.empty_means[name], self.offset, self.clock.words)

    @property
    def offset(self) -> int:
        """How far its clock is ahead of UTC now, in seconds; for what fills in “now” in the browser."""
        return int(timezone.localtime(self.now, self.clock.zone).utcoffset().total_seconds())  # type: ignore[union-attr]

    def _stores_entered(self) -> list[Store]:
        """Those that are chosen as yet, valid or not; none for all stores."""
        if "store" in self.fields:
            return self._named("store")
        if "stores" in self.fields:
            return [] if self["all_stores"].value() else self._named("stores")
        row = self.instance
        if isinstance(row, Price):
            return [row.store] if row.store else []
        return [] if row._state.adding or getattr(row, "all_stores", True) else list(row.stores.all())

    def _named(self, name: str) -> list[Store]:
        value, field = self[name].value(), self.fields[name]
        keys = value if isinstance(value, list | tuple) else [value]
        written = [str(getattr(key, "pk", key)) for key in keys if key]
        found: QuerySet[Store] = field.queryset.filter(pk__in=[key for key in written if key.isprintable()])  # type: ignore[attr-defined]
        return list(found) if written else []

    @property
    def notes(self) -> list[str]:
        """What was made of a time that its clock shows twice."""
        changed = (self.fields[name] for name in self.changed_data)
        entered = [field.twice for field in changed if isinstance(field, ClockField)]
        text = "The clocks of {} are put back then, so {} comes twice: it was taken as the earlier one."
        return [text.format(place(self.clock.zone), in_words(twice)) for twice in entered if twice]

    def clean_starts_at(self) -> datetime | None:
        starts_at: datetime = self.cleaned_data["starts_at"] or self.now
        if not self.instance._state.adding and starts_at < self.now - SAVING_TIME:
            raise ValidationError("What is yet to start cannot be moved into the past. Leave empty to start now.")
        return starts_at

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._keep_moments(cleaned)
        self._check_end(cleaned)
        self._check_stores(cleaned)
        return cleaned

    def _keep_moments(self, cleaned: dict[str, Any]) -> None:
        """What stands there already and was not touched, to the microsecond and whichever of two it is."""
        for name in self.empty_means.keys() & cleaned.keys() - set(self.changed_data):
            cleaned[name] = self.initial.get(name) or cleaned[name]

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
    before: Decimal | None = None
    """What it cost until then, where the amount is a new one."""

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
        self.before, self.asks_large = before, is_large(before, after)
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
