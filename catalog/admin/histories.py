"""How the histories of stores, products and barcodes read."""

from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q

from catalog.models import Barcode, Product, Store
from catalog.setting_back import BarcodeWay
from jwo_store.setting_back import PlainWay
from jwo_store.telling import AnyField, Branch, Kind, Names, State, register


def many_in_stores(kind: Kind, store_ids: Collection[str]) -> list[Q]:
    """Records of what is in all stores or in the named ones, that concern one of these stores."""
    related = kind.history.stores.model.objects.filter(history=OuterRef("history_id"), store__in=sorted(store_ids))
    return [Q(all_stores=True), Q(Exists(related), all_stores=False)]


def of_products_in(store_ids: Collection[str]) -> Q:
    """Records about products that are sold in one of these stores."""
    sold = Product.objects.filter(Q(all_stores=True) | Q(stores__in=sorted(store_ids)))
    return Q(product__in=sold.order_by().values("pk"))


class StoreKind(Kind):
    model = Store
    name = "Store"
    way = PlainWay(
        "name",
        "time_zone",
        "currency",
        "tax_rounding",
        "amount_basis",
        "fees",
        "priced_at",
        "empty_cart_purchase_id",
    )
    """Not what has rules of its own: a hold, trips that are tests, prices with tax."""

    def zone(self, state: State, _names: Names) -> ZoneInfo | None:
        return ZoneInfo(state["time_zone"])

    def subject(self, state: State, _names: Names) -> str:
        return f"store {state['name']} ({state['store_id']})"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        said = super().say(each, state, names)
        return said.replace("_", " ") if each.name == "time_zone" else said

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return [Q(store_id__in=sorted(store_ids))]


class ProductKind(Kind):
    model = Product
    name = "Product"
    way = PlainWay("name", "brand", "category", "subcategory", "all_stores", "stores")

    def subject(self, state: State, _names: Names) -> str:
        return f"product {state['name']} ({state['sku']})"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        return "" if each.name == "stores" and state["all_stores"] else super().say(each, state, names)

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return many_in_stores(self, store_ids)

    def family(self, state: State) -> list[Branch]:
        """With what else stands on the product's page."""
        return [*super().family(state), *((kind, Q(product=state["sku"])) for kind in OF_A_PRODUCT)]


class BarcodeKind(Kind):
    model = Barcode
    name = "Barcode"
    way = BarcodeWay()
    untold = frozenset({"id", "product", "position"})

    page = Product

    def page_key(self, record: Any) -> Any:
        return record.product_id

    def subject(self, state: State, names: Names) -> str:
        return f"barcode {state['code']} of {names.name(Product, state['product'])}"

    def family(self, state: State) -> list[Branch]:
        return [(self, Q(product=state["product"]))]

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return [of_products_in(store_ids)]

    def mentions(self, state: State) -> Any:
        yield Product, state["product"]


OF_A_PRODUCT: list[Kind] = [BarcodeKind()]
"""Kinds that are told on the page of their product; pricing adds its own."""

register(StoreKind())
register(ProductKind())
register(OF_A_PRODUCT[0])
