"""A product small enough to see through: takes carts, prices every line at 2.00, signs with botocore, checks out."""

import http.client
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"
CONNECTOR_SECRET = "the-connector-secret"
PATH = "/v1/checkout/carts"


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


def line_of(item: dict[str, Any], price: str = "2.00") -> dict[str, Any]:
    """A cart item priced without tax or promotion."""
    return {
        "productId": item["id"],
        "type": item["type"],
        "quantity": item["quantity"],
        "unitPrice": {"price": money(price), "salesTax": money("0.00"), "totalPrice": money(price)},
    }


def priced(cart: dict[str, Any]) -> dict[str, Any]:
    """The CheckoutCart body for a Create Purchases body; store PIECES-2 wants the amounts of one piece."""
    per_piece = cart["storeId"] == "PIECES-2"
    counts = [Fraction(item["quantity"]["value"]) if per_piece else 1 for item in cart["cartItems"]]
    total = money(f"{2 * sum(counts)}.00")
    return {
        "idempotentShoppingTripId": cart["idempotentShoppingTripId"],
        "storeId": cart["storeId"],
        "lineItems": [line_of(item) for item in cart["cartItems"]],
        "orderTotals": {
            "priceTotal": total,
            "subTotal": total,
            "promotionsTotal": money("0.00"),
            "salesTaxTotal": money("0.00"),
        },
    }


def signed_headers(  # noqa: PLR0913 -- each is a thing that can be signed wrongly
    url: str,
    body: bytes,
    *,
    access_key: str = ACCESS_KEY,
    secret_key: str = SECRET_KEY,
    region: str = REGION,
    service: str = "execute-api",
    token: str | None = None,
    method: str = "POST",
) -> dict[str, str]:
    """The headers that botocore signs for this request."""
    request = AWSRequest(method=method, url=url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(access_key, secret_key, token), service, region).add_auth(request)
    return dict(request.prepare().headers.items())


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def call(
    url: str, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None, timeout: float = 5.0
) -> Answer:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, target, body or None, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers.items()), response.read().decode())
    finally:
        connection.close()


def control(url: str, method: str, target: str, document: Any = None) -> Any:
    """Ask the control API; whatever it answers, as JSON."""
    body = b"" if document is None else json.dumps(document).encode()
    return call(url, method, f"/control/{target}", body, {"Content-Type": "application/json"} if body else {}).json


def check_out(url: str, document: Any, timeout: float = 5.0) -> Answer:
    """Send a priced cart to the sandbox, rightly signed."""
    body = json.dumps(document).encode()
    return call(url, "POST", PATH, body, signed_headers(f"{url}{PATH}", body), timeout)


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # with the usual five a crowd at the door waits a second for its connection


@dataclass(slots=True)
class FakeProduct:
    """Answers Create Purchases and checks out at once, in the background. A context manager."""

    sandbox_url: str = ""
    checkouts_per_trip: int = 1
    seconds: float = 0.0
    statuses: deque[int] = field(default_factory=deque)
    received: list[dict[str, Any]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        product = self

        class Exchange(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = product.create_purchases(body, self.headers["X-Connector-Secret"])
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class calls it so
                """Quiet."""

        self._server = _Server(("127.0.0.1", 0), Exchange)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def create_purchases(self, body: bytes, secret: str) -> tuple[int, dict[str, str]]:
        cart = json.loads(body)
        self.bodies.append(body)
        self.received.append(cart)
        self.secrets.add(secret)
        time.sleep(self.seconds)
        if self.statuses:
            return self.statuses.popleft(), {"message": "not now"}
        trip_id = cart["idempotentShoppingTripId"]
        if cart["cartItems"] and trip_id not in self._seen and self.sandbox_url:
            self._seen.add(trip_id)
            threading.Thread(target=self._check_out, args=(cart,), daemon=True).start()
        return 201, {"purchaseId": f"P-{trip_id[:8]}"}

    def _check_out(self, cart: dict[str, Any]) -> None:
        time.sleep(0.005)
        for _ in range(self.checkouts_per_trip):
            check_out(self.sandbox_url, priced(cart))
