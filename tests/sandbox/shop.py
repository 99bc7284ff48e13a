"""Shoppers by the thousand: sends made-up carts to the product at a given rate and tells what became of each.

The load is an open loop: a cart is due at its time whether or not the ones before it were answered, and its latency
counts from then. So a product that falls behind can't hide it.
"""

import http.client
import json
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from tests.sandbox.carts import CartComposer, create_purchases_body
from tests.sandbox.connector import FAULTS, Connector
from tests.sandbox.report import Outcome, Report
from tests.sandbox.shelves import Barcode, Product
from tests.sandbox.trips import Sending

BULK = 500
POLL_SECONDS = 0.5
START_SECONDS = 0.05  # so that the first carts do not wait for the threads to be made
FIRST_RETRY_SECONDS = 0.5
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


class ShopError(Exception):
    """The shop can't open; the text says why."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What to send: `rate` in carts a second (0 as fast as possible), `timeout` in seconds after the last cart."""

    sandbox_url: str
    trips: int
    rate: float = 0.0
    threads: int = 16
    empty_share: float = 0.02
    seed: int = 1
    retries: int = 3
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Cart:
    trip_id: str
    body: str
    is_empty: bool


class SandboxClient:
    """Asks a running sandbox; ShopError when none answers."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme != "http" or not address.hostname:
            raise ShopError(f"{url!r} is not an http address")
        self._url = url
        self._connection = http.client.HTTPConnection(address.netloc, timeout=60)

    def ask(self, method: str, target: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document)
        try:
            self._connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
            response = self._connection.getresponse()
            answer = json.loads(response.read())
        except FAULTS as fault:
            raise ShopError(f"No sandbox answers at {self._url}. Type `make run` first.") from fault
        except ValueError as fault:
            raise ShopError(f"What answers at {self._url} is not the sandbox.") from fault
        if response.status != http.client.OK:
            raise ShopError(f"The sandbox says: {answer.get('error') or answer.get('message')}")
        return answer


def run_shop(shop: Shop, *, as_json: bool = False) -> int:
    """Open the shop, print the report; 0 when each filled cart got its one order and nothing was refused."""
    report = open_shop(shop)
    print(json.dumps(report.as_json()) if as_json else report.as_text(), flush=True)
    return 1 if report.troubles else 0


def open_shop(shop: Shop) -> Report:
    """Send the carts and wait for what becomes of them; ShopError when there is nothing to send or nobody to ask."""
    sandbox = SandboxClient(shop.sandbox_url)
    connection = sandbox.ask("GET", "/control/connection")
    run = f"shop-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    carts = compose(shop, connection["stores"], run, now=time.time())
    for start in range(0, len(carts), BULK):
        bodies = [json.loads(cart.body) for cart in carts[start : start + BULK]]
        sandbox.ask("POST", "/control/trips", {"run": run, "carts": bodies})
    connector = Connector(connection["product"], connection["connector_secret"], connection["caller_arn"])
    started = time.monotonic()
    outcomes = _Gates(shop, connector, carts).send_all()
    seconds = time.monotonic() - started
    ledger = _wait_for_orders(sandbox, run, shop.timeout, hopeless=_never_accepted(carts, outcomes))
    trips = sandbox.ask("GET", f"/control/trips?run={quote(run)}")["trips"]
    return Report(run, _pace(shop), connector.product_url, seconds, outcomes, trips, ledger)


def _pace(shop: Shop) -> str:
    rate = f"{shop.rate:g} a second" if shop.rate else "as fast as possible"
    return f"{rate}, {shop.threads} at once"


def compose(shop: Shop, stores: Sequence[dict[str, Any]], run: str, *, now: float) -> list[Cart]:
    """The carts of a run: the same baskets for the same seed, trip ids that no other run has."""
    shelves = [(store["store_id"], products) for store in stores if (products := _sellable(store))]
    if not shelves:
        raise ShopError("No store of the store file has a product with a price: there is nothing to sell.")
    rng = random.Random(shop.seed)  # noqa: S311 -- baskets are no secret
    composer = CartComposer(shelves, rng)
    carts = []
    for number in range(shop.trips):
        visit = composer.visit(f"{run}-{number:06}", now, empty=rng.random() < shop.empty_share)
        carts.append(Cart(visit.trip_id, create_purchases_body(visit), not visit.items))
    return carts


def _sellable(store: dict[str, Any]) -> list[Product]:
    """What a checkout of this store can price: labelled, and not by weight where amounts are those of a piece."""
    return [
        Product(
            sku=row["sku"],
            name=row["name"],
            category=shelf["category"],
            subcategory=row["subcategory"],
            unit=row["unit"],
            by_weight=row["by_weight"],
            barcodes=tuple(Barcode(code["code"], code["type"]) for code in row["barcodes"]),
            stores=None,
        )
        for shelf in store["shelves"]
        for row in shelf["products"]
        if row["label"] is not None and not (row["by_weight"] and store["amounts_are_per_piece"])
    ]


@dataclass(slots=True)
class _Gates:
    """Threads that each send the next cart when it is due."""

    shop: Shop
    connector: Connector
    carts: Sequence[Cart]
    outcomes: list[Outcome] = field(default_factory=list)

    def send_all(self) -> list[Outcome]:
        queue = deque(enumerate(self.carts))
        opening, opening_at = time.monotonic() + START_SECONDS, time.time() + START_SECONDS
        threads = [
            threading.Thread(target=self._send_from, args=(queue, opening, opening_at), daemon=True)
            for _ in range(min(self.shop.threads, len(self.carts)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.outcomes

    def _send_from(self, queue: "deque[tuple[int, Cart]]", opening: float, opening_at: float) -> None:
        while True:
            try:
                number, cart = queue.popleft()
            except IndexError:
                return
            due = opening + number / self.shop.rate if self.shop.rate else time.monotonic()
            time.sleep(max(0.0, due - time.monotonic()))
            sending, repeats = self._send(cart)
            seconds = time.monotonic() - due
            self.outcomes.append(Outcome(cart.trip_id, opening_at + due - opening, seconds, sending.status, repeats))

    def _send(self, cart: Cart) -> tuple[Sending, int]:
        """Send as Amazon does, again after a fault of the other side."""
        for repeats in range(self.shop.retries + 1):
            sending = self.connector.send(cart.body)
            if not _is_passing(sending.status) or repeats == self.shop.retries:
                break
            time.sleep(FIRST_RETRY_SECONDS * 2**repeats)
        return sending, repeats


def _is_passing(status: int | None) -> bool:
    return status is None or status == TOO_MANY_REQUESTS or status >= SERVER_ERROR


def _never_accepted(carts: Sequence[Cart], outcomes: Sequence[Outcome]) -> int:
    """How many filled carts need not be waited for."""
    accepted = {one.trip_id for one in outcomes if one.is_accepted}
    return sum(not cart.is_empty and cart.trip_id not in accepted for cart in carts)


def _wait_for_orders(
    sandbox: SandboxClient, run: str, timeout: float, *, hopeless: int, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    until = time.monotonic() + timeout
    while True:
        ledger: dict[str, Any] = sandbox.ask("GET", f"/control/ledger?run={quote(run)}")
        if ledger["waiting"] <= hopeless or time.monotonic() >= until:
            return ledger
        sleep(POLL_SECONDS)
