"""How people enter prices, promotions, taxes and fees: validation that speaks, and promotions in plain sentences."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import formats, timezone

from catalog.admin import ProductForm, StoreForm
from catalog.models import Product, SoldBy, Store
from jwo_store.admin_site import (
    AutocompleteSelectMultiple,
    CheckboxesWidget,
    DecimalWidget,
    ModelForm,
    NumberWidget,
    SearchableSelectMultiple,
    SelectWidget,
    SwitchWidget,
    TextareaWidget,
    counted,
    site,
)
from pricing.models import (
    MAY,
    NEEDS,
    SAVING_TIME,
    VARYING,
    Fee,
    Funding,
    Promotion,
    PromotionKind,
    TaxAssignment,
    TaxCategory,
    Weekday,
)


class ReasonedForm(ModelForm):
    """Asks why; the answer stands in the history."""

    reason = forms.CharField(
        required=False,
        max_length=1000,
        widget=TextareaWidget(attrs={"rows": 2}),
        help_text="Why, for those who look at it later.",
    )

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
            self.fields["reason"].help_text += " Needed when the start lies in the past."
            starts.required = False
            starts.help_text = f"Leave empty to start now. The clock is that of {settings.TIME_ZONE}."

    def clean_starts_at(self) -> datetime:
        starts_at: datetime = self.cleaned_data["starts_at"] or self.now
        if not self.instance._state.adding and starts_at < self.now - SAVING_TIME:
            raise ValidationError("What is yet to start cannot be moved into the past. Leave empty to start now.")
        return starts_at

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._check_reason(cleaned)
        self._check_end(cleaned)
        self._check_stores(cleaned)
        return cleaned

    def _check_reason(self, cleaned: dict[str, Any]) -> None:
        starts_at = cleaned.get("starts_at")
        if starts_at and starts_at < self.now - SAVING_TIME and not cleaned.get("reason"):
            self.add_error("reason", "Say why it starts in the past.")

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
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        temporary = cleaned.get("temporary", self.instance.temporary)
        if temporary and not cleaned.get("ends_at") and "ends_at" not in self.errors:
            self.add_error("ends_at", "A temporary price needs an end.")
        return cleaned


class FeeForm(DatedForm):
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tax_category" in self.fields and not self.instance._state.adding:
            current = TaxAssignment.objects.in_force(timezone.now()).filter(product=self.instance)
            self.initial["tax_category"] = current.values_list("tax_category", flat=True).first()


def existing_categories() -> set[str]:
    """`Drinks`, and `Drinks > Soft drinks`, as products have them."""
    pairs = set(Product.objects.exclude(category="").values_list("category", "subcategory").distinct())
    return {category for category, _ in pairs} | {f"{category} > {sub}" for category, sub in pairs if sub}


TARGETS = ("everything", "skus", "categories", "except_skus")
"""What is entered to say which products are meant, in this order."""


class TargetsWidget(forms.MultiWidget):
    template_name = "pricing/targets.html"

    def __init__(self) -> None:
        products = Fee._meta.get_field("products")
        parts = (
            SwitchWidget(),
            AutocompleteSelectMultiple(products, site),
            SearchableSelectMultiple(),
            AutocompleteSelectMultiple(products, site),
        )
        super().__init__(dict(zip(TARGETS, parts, strict=True)))

    def part(self, name: str) -> Any:
        return self.widgets[TARGETS.index(name)]

    def decompress(self, value: Mapping[str, Any] | None) -> list[Any]:
        targets = value or {}
        return [
            bool(targets.get("all")),
            targets.get("skus", []),
            targets.get("categories", []),
            targets.get("except_skus", []),
        ]


class TargetsField(forms.MultiValueField):
    """Which products: a targets object of the store file, or None when nothing at all is chosen."""

    def __init__(self, **kwargs: Any) -> None:
        chosen = [forms.ModelMultipleChoiceField(Product.objects.all(), required=False) for _ in range(2)]
        for field in chosen:
            field.error_messages["invalid_choice"] = "We have no product with the SKU “%(value)s”."
        categories = forms.MultipleChoiceField(required=False)
        widget = TargetsWidget()
        widget.part("skus").choices = chosen[0].choices
        widget.part("except_skus").choices = chosen[1].choices
        fields = (forms.BooleanField(required=False), chosen[0], categories, chosen[1])
        super().__init__(fields, widget=widget, require_all_fields=False, required=False, **kwargs)

    def offer(self, categories: Sequence[str]) -> None:
        choices = [(name, name) for name in categories]
        field: Any = self.fields[TARGETS.index("categories")]
        field.choices = choices
        self.widget.part("categories").choices = choices

    def compress(self, parts: list[Any]) -> dict[str, Any] | None:
        everything, products, categories, excepted = parts or (False, (), (), ())
        skus = sorted(product.pk for product in products)
        if everything and (skus or categories):
            raise ValidationError("Choose either everything, or single products and categories.")
        if excepted and not (everything or skus or categories):
            raise ValidationError("Choose the products first; then those that are not meant.")
        targets = {
            "all": bool(everything),
            "skus": skus,
            "categories": sorted(categories),
            "except_skus": sorted(product.pk for product in excepted),
        }
        return {name: value for name, value in targets.items() if value} or None


class PartWidget(forms.MultiWidget):
    template_name = "pricing/part.html"

    def __init__(self, targets: TargetsWidget) -> None:
        super().__init__({"count": NumberWidget(), "targets": targets})

    def decompress(self, value: Mapping[str, Any] | None) -> list[Any]:
        return [value["count"], value["targets"]] if value else [1, None]


class PartField(forms.MultiValueField):
    """One part of a set: how many of which products."""

    def __init__(self) -> None:
        count, targets = forms.IntegerField(min_value=1, required=False), TargetsField()
        widget = PartWidget(targets.widget)
        super().__init__((count, targets), widget=widget, require_all_fields=False, required=False)

    def compress(self, parts: list[Any]) -> dict[str, Any] | None:
        count, targets = parts or (None, None)
        if targets is None:
            return None
        if count is None:
            raise ValidationError("Say how many pieces each part of the set takes.")
        return {"targets": targets, "count": count}


class PartsWidget(forms.MultiWidget):
    template_name = "pricing/parts.html"

    def decompress(self, value: Sequence[Any] | None) -> list[Any]:
        parts = list(value or ())
        return parts + [None] * (len(self.widgets) - len(parts))


class PartsField(forms.MultiValueField):
    """The parts of a set, in the shape of the store file's `components`; None when there is none."""

    def __init__(self, places: int = 4, **kwargs: Any) -> None:
        fields = [PartField() for _ in range(places)]
        widget = PartsWidget([field.widget for field in fields])
        super().__init__(fields, widget=widget, require_all_fields=False, required=False, **kwargs)

    def offer(self, categories: Sequence[str]) -> None:
        parts: Any = self.fields
        for part, widget in zip(parts, self.widget.widgets, strict=True):
            targets: TargetsField = part.fields[1]
            targets.offer(categories)
            widget.widgets[1] = targets.widget

    def compress(self, parts: list[Any]) -> list[dict[str, Any]] | None:
        return [part for part in parts if part] or None


MISSING = {
    "percent": "Say how many percent.",
    "amount": "Say the amount.",
    "buy": "Say how many the shopper buys.",
    "get": "Say how many are cheaper.",
    "count": "Say how many make one deal.",
    "threshold": "Say how much must be spent.",
    "targets": "Choose the products. If you mean everything, say so.",
    "components": "Choose the products of each part of the set.",
}


class PromotionForm(DatedForm):
    targets = TargetsField(label="Which products")
    get_targets = TargetsField(
        label="Which of them are cheaper", help_text="Leave empty if it is the cheapest of the products above."
    )
    components = PartsField(label="Parts of the set")
    weekdays = forms.MultipleChoiceField(
        choices=Weekday.choices,
        required=False,
        widget=CheckboxesWidget,
        help_text="No day ticked means every day. Days and hours are those of the store's own clock.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, name) for name in ("targets", "get_targets", "components")}
        if "kind" not in self.fields:
            return
        self.fields["kind"].choices = [("", "Choose"), *PromotionKind.choices]  # type: ignore[attr-defined]
        self.fields["components"] = PartsField(
            max(4, len(self.stored["components"] or ()) + 1), label="Parts of the set"
        )
        named = {category for _, targets in self.instance.roles() for category in targets.get("categories", ())}
        categories = sorted(existing_categories() | named)
        for name in ("targets", "get_targets", "components"):
            self.fields[name].offer(categories)  # type: ignore[attr-defined]

    def clean_weekdays(self) -> list[str]:
        return [day for day in Weekday.values if day in self.cleaned_data["weekdays"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        kind = cleaned.get("kind")
        if kind:
            self._forget_what_does_not_count(kind, cleaned)
            self._check_needs(kind, cleaned)
            self._keep_what_is_the_same(cleaned)
        self._check_funding(cleaned)
        return cleaned

    def _forget_what_does_not_count(self, kind: str, cleaned: dict[str, Any]) -> None:
        for name in set(VARYING) - NEEDS[kind] - MAY.get(kind, frozenset()):
            self.errors.pop(name, None)
            cleaned[name] = None

    def _check_needs(self, kind: str, cleaned: dict[str, Any]) -> None:
        for name in sorted(NEEDS[kind]):
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, MISSING[name])
        if kind == PromotionKind.SPEND_GET and (cleaned.get("amount") is None) == (cleaned.get("percent") is None):
            self.add_error("amount", "Give either an amount or a percentage.")

    def _keep_what_is_the_same(self, cleaned: dict[str, Any]) -> None:
        """The same products or days in another order are the same terms, and need no successor."""
        for name, stored in self.stored.items():
            if stored and _unordered(cleaned.get(name)) == _unordered(stored):
                cleaned[name] = stored
        if set(cleaned.get("weekdays", ())) == set(self.instance.weekdays):
            cleaned["weekdays"] = self.instance.weekdays

    def _check_funding(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("funding") != Funding.VENDOR:
            return
        stores = Store.objects.all() if cleaned.get("all_stores") else cleaned.get("stores") or Store.objects.none()
        taxed = [store.name for store in stores if store.prices_include_tax]
        if taxed:
            self.add_error("funding", f"Prices include tax in {', '.join(taxed)}; only the store itself can pay there.")


def _unordered(chosen: Any) -> Any:
    """Targets (or parts with targets) with what has no order as sets."""
    if isinstance(chosen, list):
        return [{**part, "targets": _unordered(part["targets"])} for part in chosen]
    return chosen and {name: frozenset(value) if isinstance(value, list) else value for name, value in chosen.items()}


SENTENCES = {
    PromotionKind.PERCENT_OFF: "{percent} off each piece of {what}.",
    PromotionKind.AMOUNT_OFF: "{amount} off each piece of {what}.",
    PromotionKind.FIXED_PRICE: "{amount} for each piece of {what}.",
    PromotionKind.BUY_X_GET_Y: "Buy {buy} of {what}, get {get} of {cheaper} {reduced}.",
    PromotionKind.MULTI_BUY: "Any {count} of {what} for {amount} together.",
    PromotionKind.BUNDLE: "{parts}: {amount} together.",
    PromotionKind.SPEND_GET: "{reward} off when {threshold} or more is spent on {what}.",
}


def in_words(promotion: Promotion) -> str:
    """What the promotion does, in a sentence for staff. Empty while its kind's own fields are not filled in."""
    needs = NEEDS.get(promotion.kind, frozenset({"kind"}))
    if not promotion.kind or any(getattr(promotion, name) is None for name in needs):
        return ""
    return " ".join(part for part in (_offer(promotion), _hours(promotion), _cap(promotion)) if part)


def _offer(promotion: Promotion) -> str:
    percent = _percent(promotion.percent)
    parts = (f"{part['count']} of {products_in_words(part['targets'])}" for part in promotion.components or ())
    return SENTENCES[PromotionKind(promotion.kind)].format(
        what=products_in_words(promotion.targets),
        cheaper=products_in_words(promotion.get_targets) or "the same, the cheapest",
        parts="; with ".join(parts),
        percent=percent,
        reduced="free" if promotion.percent == WHOLE else f"{percent} off",
        amount=_amount(promotion.amount),
        reward=_amount(promotion.amount) or percent,
        threshold=_amount(promotion.threshold),
        buy=promotion.buy,
        get=promotion.get,
        count=promotion.count,
    )


WHOLE = 100


def _percent(percent: Decimal | None) -> str:
    return "" if percent is None else f"{percent.normalize():f} %"


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def products_in_words(targets: Mapping[str, Any] | None) -> str:
    """`everything but WATER-1`, `Drinks, Snacks and COLA-500`."""
    targets = targets or {}
    named = [*targets.get("categories", ()), *targets.get("skus", ())]
    what = "everything" if targets.get("all") else _listed(named)
    but = targets.get("except_skus")
    return f"{what} but {_listed(but)}" if but else what


NAMED = 4


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:NAMED], *([counted(len(names) - NAMED, "other")] if len(names) > NAMED else ())]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def _hours(promotion: Promotion) -> str:
    days = _listed_days(promotion.weekdays)
    if promotion.from_time is None or promotion.until_time is None:
        return f"{days} only." if days else ""
    start, end = (formats.time_format(moment) for moment in (promotion.from_time, promotion.until_time))
    return f"{days or 'Every day'} from {start} to {end}".rstrip(".") + "."


def _listed_days(days: Iterable[str]) -> str:
    labels = [f"{Weekday(day).label}s" for day in days]
    return " and ".join((", ".join(labels[:-1]), labels[-1])) if len(labels) > 1 else "".join(labels)


def _cap(promotion: Promotion) -> str:
    most = promotion.max_uses_per_trip
    return f"At most {counted(most, 'time')} per trip." if most else ""
