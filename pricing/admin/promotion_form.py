"""How people enter promotions: targets and parts of a set, in fields that a person can fill in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from catalog.models import Product, Store
from jwo_store.access import EVERYWHERE, Stores
from jwo_store.admin_site import (
    AutocompleteSelectMultiple,
    CheckboxesWidget,
    NumberWidget,
    SearchableSelectMultiple,
    SwitchWidget,
    site,
)
from pricing.admin import reasons
from pricing.admin.forms import DatedForm
from pricing.models import (
    MAY,
    NEEDS,
    VARYING,
    Fee,
    PromotionKind,
    Weekday,
)
from pricing.promotions import missing, vendor_fault


def existing_categories(seen_in: Stores) -> set[str]:
    """`Drinks`, and `Drinks > Soft drinks`, as products of these stores have them."""
    products = seen_in.see(Product.objects.all(), "stores")
    pairs = set(products.exclude(category="").order_by().values_list("category", "subcategory").distinct())
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


PUBLISHED_MEANWHILE = "This was published meanwhile. Load the page again."


class PromotionForm(DatedForm):
    """A draft may be saved while it is incomplete (`_draft` on a new one); all else must be ready to be in force."""

    usual = reasons.FOR_PROMOTIONS
    seen_in: Stores = EVERYWHERE
    """Where the person sees products, whose categories are offered."""

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
        self.was_draft = not self.instance._state.adding and self.instance.is_draft
        self.as_draft = "_draft" in self.data or (self.was_draft and "_publish" not in self.data)
        self._prepare_draft()
        if "kind" in self.fields:
            self._offer_choices()

    def _prepare_draft(self) -> None:
        if self.was_draft:
            self.initial["starts_at"] = self.instance.planned_start
        for name in ("receipt_text", "reason"):
            if self.as_draft and name in self.fields:
                self.fields[name].required = False

    def _offer_choices(self) -> None:
        self.fields["kind"].choices = [("", "Choose"), *PromotionKind.choices]  # type: ignore[attr-defined]
        self.fields["components"] = PartsField(
            max(4, len(self.stored["components"] or ()) + 1), label="Parts of the set"
        )
        named = {category for _, targets in self.instance.roles() for category in targets.get("categories", ())}
        categories = sorted(existing_categories(self.seen_in) | named)
        for name in ("targets", "get_targets", "components"):
            self.fields[name].offer(categories)  # type: ignore[attr-defined]

    def clean_weekdays(self) -> list[str]:
        return [day for day in Weekday.values if day in self.cleaned_data["weekdays"]]

    def clean_starts_at(self) -> datetime | None:
        if self.as_draft:
            planned: datetime | None = self.cleaned_data["starts_at"]
            return planned
        return super().clean_starts_at()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.instance._state.adding and not self.was_draft and {"_draft", "_publish"} & self.data.keys():
            raise ValidationError(PUBLISHED_MEANWHILE)
        if kind := cleaned.get("kind"):
            self._forget_what_does_not_count(kind, cleaned)
            self._keep_what_is_the_same(cleaned)
        if "starts_at" in self.fields:
            self.instance.planned_start = cleaned.get("starts_at") if self.as_draft else None
        if self.as_draft:
            cleaned["starts_at"] = None
        return cleaned

    def _check_end(self, cleaned: dict[str, Any]) -> None:
        if not self.as_draft:
            super()._check_end(cleaned)

    def _check_stores(self, cleaned: dict[str, Any]) -> None:
        if not self.as_draft or cleaned.get("all_stores"):
            super()._check_stores(cleaned)

    def _forget_what_does_not_count(self, kind: str, cleaned: dict[str, Any]) -> None:
        for name in set(VARYING) - NEEDS[kind] - MAY.get(kind, frozenset()):
            self.errors.pop(name, None)
            cleaned[name] = None

    def _keep_what_is_the_same(self, cleaned: dict[str, Any]) -> None:
        """The same products or days in another order are the same terms, and need no successor."""
        for name, stored in self.stored.items():
            if stored and _unordered(cleaned.get(name)) == _unordered(stored):
                cleaned[name] = stored
        if set(cleaned.get("weekdays", ())) == set(self.instance.weekdays):
            cleaned["weekdays"] = self.instance.weekdays

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's hook once the instance is filled in
        if self.as_draft or "kind" not in self.fields:
            return
        faults = missing(self.instance)
        if fault := vendor_fault(self.instance, self.chosen_stores()):
            faults["funding"] = fault
        for name, text in faults.items():
            if name not in self.errors:
                self.add_error(name, text)

    def chosen_stores(self) -> list[Store]:
        """Those for which it is entered; all of them when it is for all stores."""
        if self.cleaned_data.get("all_stores"):
            return list(Store.objects.all())
        return list(self.cleaned_data.get("stores") or ())

    def target_sets(self) -> dict[str, dict[str, Any] | None]:
        """What is entered of products, by the name of the place where it is entered."""
        if "kind" not in self.fields:
            return {}
        entered = {name: self.cleaned_data.get(name) for name in ("targets", "get_targets")}
        parts: Any = self.fields["components"]
        values = parts.widget.value_from_datadict(self.data, self.files, self.add_prefix("components"))
        for place, (part, value) in enumerate(zip(parts.fields, values, strict=True)):
            try:
                entered[f"components_{place}_targets"] = part.fields[1].clean(value[1])
            except ValidationError:
                entered[f"components_{place}_targets"] = None
        return entered


def _unordered(chosen: Any) -> Any:
    """Targets (or parts with targets) with what has no order as sets."""
    if isinstance(chosen, list):
        return [{**part, "targets": _unordered(part["targets"])} for part in chosen]
    return chosen and {name: frozenset(value) if isinstance(value, list) else value for name, value in chosen.items()}
