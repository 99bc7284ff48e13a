"""How the histories of prices, promotions, fees and taxes read."""

from collections.abc import Collection, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, Q

from catalog.admin.histories import OF_A_PRODUCT, many_in_stores, of_products_in
from catalog.clocks import zone_of
from catalog.models import Product, Store
from jwo_store.setting_back import PlainWay
from jwo_store.telling import AnyField, Kind, Names, State, register
from pricing.admin.promotions import LABELS
from pricing.fields import MoneyField
from pricing.models import (
    BEGINNING,
    Fee,
    Price,
    Promotion,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)
from pricing.promotion_words import Wording, days_in_words, products_in_words
from pricing.setting_back import AssignmentWay, DatedWay, PriceWay


class InStores(Kind):
    """What holds in some stores, or in all."""

    def stores(self, state: State, names: Names) -> list[Store]:
        if state["all_stores"]:
            return names.all(Store)
        return [store for key in state["stores"] if (store := names.row(Store, key))]

    def zone(self, state: State, names: Names) -> ZoneInfo | None:
        """The clock of its stores; what holds in all of them goes by the page's."""
        everywhere = state.get("all_stores") or state.get("store", "") is None
        return None if everywhere else zone_of(self.stores(state, names))

    def currency(self, state: State, names: Names) -> str:
        """` USD` where all its stores have the same; else nothing."""
        currencies = {store.currency for store in self.stores(state, names)}
        return f" {currencies.pop()}" if len(currencies) == 1 else ""

    def say(self, each: AnyField, state: State, names: Names) -> str:
        value = state[each.name]
        if isinstance(each, MoneyField):
            return "" if value is None else f"{value:.2f}{self.currency(state, names)}"
        return super().say(each, state, names)


class Versioned(InStores):
    """A rule known by its code."""

    versions = ("code",)
    way = DatedWay()
    noun: str
    named_by: str

    def subject(self, state: State, _names: Names) -> str:
        return f"{self.noun} {state[self.named_by]} ({state['code']})"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        return "" if each.name == "stores" and state["all_stores"] else super().say(each, state, names)

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return many_in_stores(self, store_ids)


class PriceKind(InStores):
    model = Price
    name = "Price"
    way = PriceWay()
    versions = ("product_id", "store_id", "temporary")
    untold = frozenset({"id", "product", "store", "temporary"})

    def stores(self, state: State, names: Names) -> list[Store]:
        own = names.row(Store, state["store"])
        return [own] if own else names.all(Store) if state["store"] is None else []

    def mentions(self, state: State) -> Iterator[tuple[type[Model], Any]]:
        yield Product, state["product"]
        if state["store"] is not None:
            yield Store, state["store"]

    def subject(self, state: State, names: Names) -> str:
        store = names.row(Store, state["store"])
        where = "all stores" if state["store"] is None else store.name if store else state["store"]
        kind = "temporary price" if state["temporary"] else "price"
        return f"{kind} of {names.name(Product, state['product'])} in {where}"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        text = super().say(each, state, names)
        product = names.row(Product, state["product"])
        weighed = each.name == "amount" and product is not None and product.weight_unit
        return f"{text} / {product.weight_unit}" if weighed else text

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        """One part for each store, so that each is read from the index by store and time."""
        general = Q(store__isnull=True) & of_products_in(store_ids)
        return [*(Q(store=store_id) for store_id in sorted(store_ids)), general]


class PromotionKind(Versioned):
    model = Promotion
    name = "Promotion"
    noun = "promotion"
    named_by = "name"

    def label(self, each: AnyField, state: State) -> str:
        """As the form has it, which depends on the kind."""
        words = {**LABELS_OF_ALL, **LABELS.get(state["kind"], {})}
        return words.get(each.name) or super().label(each, state)

    def mentions(self, state: State) -> Iterator[tuple[type[Model], Any]]:
        yield from super().mentions(state)
        for targets in _all_targets(state):
            for key in (*targets.get("skus", ()), *targets.get("except_skus", ())):
                yield Product, key

    def say(self, each: AnyField, state: State, names: Names) -> str:
        value = state[each.name]
        if each.name == "percent":
            return "" if value is None else f"{value.normalize():f} %"
        if each.name == "weekdays":
            return days_in_words(value or ())
        if each.name in ("targets", "get_targets"):
            return products_in_words(value, _wording(value, names))
        if each.name == "components":
            parts = (
                f"{part['count']} of {products_in_words(part['targets'], _wording(part['targets'], names))}"
                for part in value or ()
            )
            return "; with ".join(parts)
        return super().say(each, state, names)


LABELS_OF_ALL = {
    "targets": "Which products",
    "get_targets": "Which of them are cheaper",
    "components": "Parts of the set",
    "threshold": "How much must be spent",
}


def _all_targets(state: State) -> Iterator[dict[str, Any]]:
    yield from (targets for targets in (state["targets"], state["get_targets"]) if targets)
    yield from (part["targets"] for part in state["components"] or ())


def _wording(targets: dict[str, Any] | None, names: Names) -> Wording:
    """With the products' names for their SKUs."""
    skus = [sku for key in ("skus", "except_skus") for sku in (targets or {}).get(key, ())]
    return Wording(names={sku: names.name(Product, sku) for sku in skus})


class FeeKind(Versioned):
    model = Fee
    name = "Deposit or fee"
    noun = "fee"
    named_by = "description"


class TaxCategoryKind(Kind):
    model = TaxCategory
    name = "Tax category"
    way = PlainWay("name", "exempt")

    def subject(self, state: State, _names: Names) -> str:
        return f"tax category {state['name']} ({state['code']})"


class TaxAssignmentKind(Kind):
    model = TaxAssignment
    name = "Tax category of a product"
    way = AssignmentWay()
    versions = ("product_id",)
    untold = frozenset({"id", "product"})

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return [of_products_in(store_ids)]

    page = Product

    def page_key(self, record: Any) -> Any:
        return record.product_id

    def subject(self, state: State, names: Names) -> str:
        return f"tax category of {names.name(Product, state['product'])}"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        value = state[each.name]
        return "From the beginning" if value == BEGINNING else super().say(each, state, names)

    def mentions(self, state: State) -> Iterator[tuple[type[Model], Any]]:
        yield Product, state["product"]
        yield TaxCategory, state["tax_category"]


class TaxRuleKind(Versioned):
    model = TaxRule
    name = "Tax rule"
    noun = "tax rule"
    named_by = "jurisdiction"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        if each.name == "rate":
            return f"{(state['rate'] * 100).normalize():f} %"
        return super().say(each, state, names)


class TaxHolidayKind(Versioned):
    model = TaxHoliday
    name = "Tax holiday"
    noun = "tax holiday"
    named_by = "name"


ASSIGNMENTS = TaxAssignmentKind()
OF_A_PRODUCT.append(ASSIGNMENTS)

for kind in (
    PriceKind(),
    PromotionKind(),
    FeeKind(),
    TaxRuleKind(),
    TaxHolidayKind(),
    TaxCategoryKind(),
    ASSIGNMENTS,
):
    register(kind)
