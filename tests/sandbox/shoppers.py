"""How carts get to the product when shoppers walk out: properly, or in one of the shopper modes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sandbox.book import TripBook
from tests.sandbox.carts import with_another_cart, with_fresh_request_id
from tests.sandbox.connector import Connector
from tests.sandbox.mode import Options
from tests.sandbox.schedule import Schedule, after
from tests.sandbox.trips import Sending, SentCart


@dataclass(slots=True)
class Shoppers:
    book: TripBook
    connector: Connector
    schedule: Schedule = after
    _held_back: list[SentCart] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, cart: SentCart, mode: str | None = None, options: Options | None = None) -> list[Sending]:
        """Send a cart and note the answers; none where the mode sends it only later."""
        manner = MANNERS.get(mode, Shoppers._once)
        sendings = manner(self, cart, options or Options())
        if mode != "out_of_order":
            self._release()
        return sendings

    def _deliver(self, cart: SentCart, body: str) -> Sending:
        sending = self.connector.send(body)
        self.book.sent(cart.trip_id, sending)
        return sending

    def _once(self, cart: SentCart, _options: Options) -> list[Sending]:
        return [self._deliver(cart, cart.body)]

    def _twice_at_once(self, cart: SentCart, _options: Options) -> list[Sending]:
        sendings: list[Sending] = []
        together = threading.Barrier(2)

        def send(body: str) -> None:
            together.wait()
            sendings.append(self._deliver(cart, body))

        other = threading.Thread(target=send, args=(with_fresh_request_id(cart.body),), daemon=True)
        other.start()
        send(cart.body)
        other.join()
        return sendings

    def _again_later(self, cart: SentCart, options: Options) -> list[Sending]:
        self._deliver_later(cart, with_fresh_request_id(cart.body), options.wait(5.0))
        return self._once(cart, options)

    def _changed_cart(self, cart: SentCart, options: Options) -> list[Sending]:
        return [*self._once(cart, options), self._deliver(cart, with_another_cart(cart.body))]

    def _connector_down(self, cart: SentCart, options: Options) -> list[Sending]:
        self._deliver_later(cart, cart.body, options.wait(10.0))
        return []

    def _out_of_order(self, cart: SentCart, options: Options) -> list[Sending]:
        with self._lock:
            self._held_back.append(cart)
        self.schedule(options.wait(20.0), self._release)
        return []

    def _deliver_later(self, cart: SentCart, body: str, seconds: float) -> None:
        self.schedule(seconds, lambda: self._ignore(self._deliver(cart, body)))

    def _ignore(self, _sending: Sending) -> None:
        """Nobody waits for the answer of a later sending; it stands in the book."""

    def _release(self) -> None:
        with self._lock:
            carts, self._held_back = self._held_back, []
        for cart in carts:
            self._deliver(cart, cart.body)


Manner = Callable[[Shoppers, SentCart, Options], list[Sending]]
# A late cart is late by the times written in it; it is sent like any other.
MANNERS: dict[str | None, Manner] = {
    "twice_at_once": Shoppers._twice_at_once,
    "again_later": Shoppers._again_later,
    "changed_cart": Shoppers._changed_cart,
    "connector_down": Shoppers._connector_down,
    "out_of_order": Shoppers._out_of_order,
}
