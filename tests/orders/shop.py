"""The store ARENA-EAST-12, which sells what the carts of `tests.orders.carts` hold, and what happens there.

A cola costs 4.25 with 0.50 off and is taxed at 8.25 %; nuts cost 2.79 and are exempt: 6.85 for the cart, as in the
sample of the contract.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps

from catalog.models import Barcode, Product, Store
from jwo_store.models import Alarm
from orders import checkout, contract, purchases
from orders.limits import limits
from orders.models import CheckoutAttempt, Purchase
from pricing.models import Price, PromotionKind, TaxAssignment
from tests.factories import (
    LONG_AGO,
    BarcodeFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxAssignmentFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
)
from tests.orders.carts import body, cart
from tests.orders.stand_ins import ScriptedClient, Step

STORE = "ARENA-EAST-12"
COLA, NUTS = "BEV-COLA-500", "SNK-NUTS-80"
TRIP = "2b9d7f64-0f3e-4c88-8f51-77a2c0e4b6d3"
NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)
"""When the cart of `carts.cart()` comes in: 42 seconds after its shopper left."""


@dataclass(frozen=True)
class Shop:
    store: Store
    cola: Product
    nuts: Product


def open_shop() -> Shop:
    store = StoreFactory(store_id=STORE, name="Arena East")
    cola = ProductFactory(sku=COLA, name="Example Cola 500 ml")
    nuts = ProductFactory(sku=NUTS, name="Example Nuts 80 g", category="Snacks", subcategory="")
    BarcodeFactory(product=cola, code="012345678905")
    PriceFactory(product=cola, amount=Decimal("4.25"))
    PriceFactory(product=nuts, amount=Decimal("2.79"))
    drinks = TaxCategoryFactory(code="SOFT-DRINK", name="Soft drinks")
    TaxAssignmentFactory(product=cola, tax_category=drinks)
    TaxAssignmentFactory(product=nuts, tax_category=TaxCategoryFactory(code="FOOD", name="Food", exempt=True))
    TaxRuleFactory(code="STATE", rate=Decimal("0.0825"), tax_categories=[drinks])
    PromotionFactory(
        code="SECOND-PERIOD",
        receipt_text="Second period special",
        kind=PromotionKind.AMOUNT_OFF,
        percent=None,
        amount=Decimal("0.50"),
        targets={"skus": [COLA]},
    )
    return Shop(store, cola, nuts)


def stock(count: int) -> list[str]:
    """So many further products, priced at 1.00 each and exempt, each with its number as a PLU. Gives their SKUs."""
    skus = [f"BULK-{number:04d}" for number in range(count)]
    goods = Product.objects.bulk_create(Product(sku=sku, name=sku) for sku in skus)
    Price.objects.bulk_create(Price(product=one, amount="1.00", starts_at=LONG_AGO) for one in goods)
    food = TaxCategoryFactory(code="BULK", name="Bulk", exempt=True)
    TaxAssignment.objects.bulk_create(
        TaxAssignment(product=one, tax_category=food, starts_at=LONG_AGO) for one in goods
    )
    Barcode.objects.bulk_create(
        Barcode(product=one, code=f"{number:06d}", type="PLU", lookup_key=f"{number:06d}")
        for number, one in enumerate(goods)
    )
    return skus


def take_in(document: dict[str, Any] | None = None, *, at: datetime = NOW, caller: str = "connector") -> Purchase:
    """The purchase as stored after this cart came in."""
    raw = body(document or cart())
    decoded = contract.decode(raw, limits())
    stored = purchases.record(decoded, raw, received_at=at, caller=caller)
    return Purchase.objects.get(pk=stored.pk)


def submit(purchase: Purchase, *steps: Step, at: datetime = NOW) -> ScriptedClient:
    """One try at this moment, with Amazon behaving as the steps say; `purchase` is read again afterwards."""
    client = ScriptedClient(*steps)
    checkout.submit(purchase.pk, client=client, clock=lambda: at)
    purchase.refresh_from_db()
    return client


def under_lease(at: datetime = NOW) -> datetime:
    return at + timedelta(seconds=120)


def attempts(purchase: Purchase) -> list[CheckoutAttempt]:
    return list(purchase.attempts.order_by("number"))


def alarms() -> list[tuple[str, str, int]]:
    """What is open: the kind, the subject, how often."""
    return [(alarm.kind, alarm.subject, alarm.times) for alarm in Alarm.objects.open().order_by("pk")]


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of the orders app and all alarms: equal before and after means that nothing changed."""
    tables: list[Any] = [*apps.get_app_config("orders").get_models(), Alarm]
    return {model.__name__: [_plain(row) for row in model._default_manager.order_by("pk").values()] for model in tables}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
