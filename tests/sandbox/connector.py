"""The way to the product: Create Purchases over kept-alive connections, as Amazon's gateway would call it."""

import http.client
import json
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.sandbox.trips import Sending

PATH = "/v1/order/purchases"
CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}
FAULTS = (OSError, http.client.HTTPException)


@dataclass(slots=True)
class Connector:
    """Sends carts to the product; safe for many threads, each with a connection of its own while it sends."""

    product_url: str
    secret: str
    caller_arn: str = ""
    timeout: float = 30.0
    _idle: deque[http.client.HTTPConnection] = field(default_factory=deque)

    def send(self, body: str) -> Sending:
        """One sending and what came of it; a fault on the way is an answer without status, never an exception."""
        started_at, started = time.time(), time.monotonic()
        try:
            status, answer = self._exchange(body.encode())
        except FAULTS as fault:
            words = str(fault) or type(fault).__name__
            return Sending(started_at, time.monotonic() - started, None, f"{self.product_url} did not answer: {words}")
        return Sending(started_at, time.monotonic() - started, status, answer, _purchase_id(answer))

    def _exchange(self, body: bytes) -> tuple[int, str]:
        connection = self._idle_connection()
        if connection is not None:
            try:
                return self._call(connection, body)
            except (ConnectionError, http.client.HTTPException):
                connection.close()  # most likely it was closed while it lay idle; a repeated cart does no harm
        return self._call(self._new_connection(), body)

    def _call(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, str]:
        try:
            connection.request("POST", PATH, body, self._headers())
            response = connection.getresponse()
            answer = response.read().decode("utf-8", "replace")
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, answer

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Connector-Secret": self.secret}
        return headers | {"X-Caller-Arn": self.caller_arn} if self.caller_arn else headers

    def _idle_connection(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _new_connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self.product_url)
        return CONNECTIONS[address.scheme](address.netloc, timeout=self.timeout)


def _purchase_id(answer: str) -> str | None:
    try:
        document = json.loads(answer)
    except ValueError:
        return None
    purchase_id = document.get("purchaseId") if isinstance(document, dict) else None
    return purchase_id if isinstance(purchase_id, str) else None
