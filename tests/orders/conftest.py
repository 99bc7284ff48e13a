from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from jwo_store import amazon
from orders import authentication, checkout
from tests.factories import OwnerFactory
from tests.orders.shop import Shop, open_shop
from tests.orders.stand_ins import CheckoutService, Reply

SECRET = "a-secret-of-the-gateway"
URL = "/v1/order/purchases"

Post = Callable[..., Any]


@pytest.fixture
def shop(db: None) -> Shop:  # noqa: ARG001  opens the database
    return open_shop()


@pytest.fixture
def person(db: None) -> User:  # noqa: ARG001  opens the database
    owner: User = OwnerFactory()
    return owner


@pytest.fixture
def post(settings: LazySettings) -> Post:
    """Posts a body to the Ordering Connector as Amazon's gateway does; what is given besides goes into the environ."""
    settings.CONNECTOR_SECRETS = [SECRET]

    def send(raw: bytes, content_type: str = "application/json", **environ: Any) -> Any:
        known = {"HTTP_X_CONNECTOR_SECRET": SECRET, **environ}
        return Client(raise_request_exception=False).generic("POST", URL, raw, content_type, **known)

    return send


@pytest.fixture(autouse=True)
def untold() -> None:
    """No earlier test's refusal of a caller keeps the next from being told, or its client from being used."""
    authentication._told_at.clear()
    checkout.client.cache_clear()


@pytest.fixture(scope="session")
def checkout_service() -> Iterator[CheckoutService]:
    service = CheckoutService()
    yield service
    service.close()


@pytest.fixture
def service(checkout_service: CheckoutService, monkeypatch: pytest.MonkeyPatch) -> CheckoutService:
    """The Checkout Service on a socket, and keys to sign with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    amazon._KEYRINGS.clear()
    checkout_service.script(Reply(500))
    return checkout_service
