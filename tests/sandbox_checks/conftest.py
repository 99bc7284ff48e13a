import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.server import Sandbox, Settings
from tests.sandbox.sigv4 import Credentials
from tests.sandbox_checks.fake_product import ACCESS_KEY, CONNECTOR_SECRET, REGION, SECRET_KEY, FakeProduct, control

SMALL_STORE = Path(__file__).with_name("small_store.json")
Cart = dict[str, Any]
MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def make_settings() -> MakeSettings:
    def make(product_url: str = "http://127.0.0.1:9", **changes: Any) -> Settings:
        settings = Settings(
            product_url=product_url,
            store_file=SMALL_STORE,
            connector_secret=CONNECTOR_SECRET,
            credentials=Credentials(ACCESS_KEY, SECRET_KEY, REGION),
            port=0,
            ingestion_seconds=0.0,
        )
        return replace(settings, **changes)

    return make


@pytest.fixture(scope="module")
def running(make_settings: MakeSettings) -> Iterator[Sandbox]:
    """One sandbox for the tests of a module."""
    with Sandbox(make_settings()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox, as if just started."""
    running.book.reset()
    running.switchboard.turn_off()
    running.catalog.control.reset()
    running.checkout.checks.cross_check = True
    running.checkout.checks.trip_expires_after = None
    return running


@pytest.fixture
def product(sandbox: Sandbox) -> Iterator[FakeProduct]:
    """A product that the sandbox's shoppers meet, and that checks out at the sandbox."""
    before = sandbox.connector.product_url
    with FakeProduct(sandbox.url) as product:
        sandbox.connector.product_url = product.url
        yield product
    sandbox.connector.product_url = before
    sandbox.connector._idle.clear()


@pytest.fixture
def make_cart() -> Callable[..., Cart]:
    def make(*items: tuple[str, str], store_id: str = "ARENA-1") -> Cart:
        """A Create Purchases body of these products and quantities."""
        return {
            "requestId": str(uuid.uuid4()),
            "idempotentShoppingTripId": f"trip-{uuid.uuid4()}",
            "storeId": store_id,
            "shoppingTrip": {
                "startTime": "2026-03-14T19:02:11Z",
                "endTime": "2026-03-14T19:05:48Z",
                "authEvents": [{"id": str(uuid.uuid4()), "payloadType": "FINANCIAL"}],
            },
            "cartItems": [
                {"id": sku, "type": "SKU", "quantity": {"value": quantity, "unit": "unit"}} for sku, quantity in items
            ],
        }

    return make


@pytest.fixture
def sent_cart(sandbox: Sandbox, make_cart: Callable[..., Cart]) -> Cart:
    """A cart of two lines that the sandbox knows."""
    cart = make_cart(("COLA", "1.0"), ("CHIPS", "2"))
    assert control(sandbox.url, "POST", "trips", [cart]) == {"registered": 1}
    return cart
