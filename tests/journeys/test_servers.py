"""What only separate servers can do: a broker that is down, a database that is gone."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.journeys.carts import CHIPS, Cart, as_bytes, cart, trip_of
from tests.journeys.house import BROKER, PostgresGround, Servers
from tests.journeys.processes import free_port, until
from tests.journeys.wire import call, is_healthy, post_cart

pytestmark = pytest.mark.journey

READY_WITHIN = 60.0
ORDERED_WITHIN = 60.0
LOSSES = 4
"""How often the broker goes and comes back: what stalls then does so now and then only."""

ANSWERED_WITHIN = 29.0
"""Seconds for the answer to a cart, whatever has failed: Amazon's gateway waits no longer."""


class Line:
    """A line to the broker that can be cut and mended: bytes go through as they come."""

    def __init__(self, far_end: tuple[str, int]) -> None:
        self.far_end = far_end
        self.port = free_port()
        self._door: socket.socket | None = None
        self._ends: set[socket.socket] = set()

    def mend(self) -> None:
        """From now on everybody gets through."""
        if self._door:
            return
        self._door = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._take, args=(self._door,), daemon=True).start()

    def cut(self) -> None:
        """Nobody gets through any more, and who was through is hung up on."""
        if self._door:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _take(self, door: socket.socket) -> None:
        with suppress(OSError):  # that is how it ends
            while True:
                near, _ = door.accept()
                far = socket.create_connection(self.far_end)
                self._ends |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    broker = urlsplit(BROKER)
    line = Line((broker.hostname or "127.0.0.1", broker.port or 5672))
    yield line
    line.cut()


@pytest.fixture(scope="module")
def house(ground: PostgresGround, line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Started while the broker is down: the web answers, worker and beat knock."""
    broker = urlsplit(BROKER)
    address = broker._replace(netloc=broker.netloc.rpartition("@")[0] + f"@127.0.0.1:{line.port}").geturl()
    with ground.house(tmp_path_factory.mktemp("house"), {"CELERY_BROKER_URL": address}) as house:
        house.launch()
        until(lambda: is_healthy(house.url), READY_WITHIN, "the web answers")
        yield house


def posted(house: Servers) -> Cart:
    """A cart that was taken in, in time."""
    one = cart(*CHIPS)
    house.amazon.expect([one])
    started = time.monotonic()
    assert post_cart(house.url, as_bytes(one)).status == 201
    assert time.monotonic() - started < ANSWERED_WITHIN
    return one


def wait_for_order(house: Servers, one: Cart) -> None:
    trip_id = trip_of(one)
    house.records.wait_for(trip_id, "ORDERED", ORDERED_WITHIN)
    charged = house.amazon.trip(trip_id)
    assert (charged["calls"], charged["charges"]) == (1, 1)


def readiness(house: Servers) -> dict[str, bool]:
    """What the product says of its servers."""
    checks = call(house.url, "GET", "/readyz").json()["checks"]
    return {name: checks[name]["ok"] for name in ("broker", "database")}


def test_without_a_broker_carts_are_taken_in_and_sent_when_it_is_there(house: Servers, line: Line) -> None:
    waiting = [posted(house) for _ in range(3)]
    assert [house.records.purchase(trip_of(one)).status for one in waiting] == ["AWAITING_CHECKOUT"] * 3
    assert readiness(house) == {"broker": False, "database": True}
    line.mend()
    for one in waiting:
        wait_for_order(house, one)
    assert readiness(house) == {"broker": True, "database": True}


def test_a_broker_that_is_lost_and_comes_back_loses_no_trip(house: Servers, line: Line) -> None:
    line.mend()
    for _ in range(LOSSES):
        wait_for_order(house, posted(house))
        line.cut()
        waiting = [posted(house) for _ in range(3)]
        line.mend()
        for one in waiting:
            wait_for_order(house, one)


def test_without_a_database_a_cart_is_never_taken_in(house: Servers, line: Line, ground: PostgresGround) -> None:
    line.mend()
    wait_for_order(house, posted(house))
    lost = [cart(*CHIPS) for _ in range(4)]
    house.amazon.expect(lost)
    ground.ask("ALTER DATABASE {} ALLOW_CONNECTIONS false", house.database)
    try:
        ground.hang_up(house.database)
        started = time.monotonic()
        with ThreadPoolExecutor(len(lost)) as pool:
            answers = list(pool.map(lambda one: post_cart(house.url, as_bytes(one)), lost))
        assert time.monotonic() - started < ANSWERED_WITHIN
        refusal = (503, {"errorMsg": "ServiceUnavailableException"})
        assert [(answer.status, answer.json()) for answer in answers] == [refusal] * len(lost)
        assert call(house.url, "GET", "/healthz").status == 200
    finally:
        ground.ask("ALTER DATABASE {} ALLOW_CONNECTIONS true", house.database)
    assert not house.records.purchases().keys() & {trip_of(one) for one in lost}

    for one in lost:  # as Amazon would: again, until it is taken in
        until(lambda one=one: post_cart(house.url, as_bytes(one)).status == 201, READY_WITHIN, "the cart is taken in")  # type: ignore[misc]
        wait_for_order(house, one)
