"""HTTP as a stranger would speak it, down to the single byte."""

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CREATE_PURCHASES = "/v1/order/purchases"
SECRET = "journeys-connector-secret"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    url: str, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def post_cart(url: str, body: bytes) -> Answer:
    """Create Purchases, as Amazon's gateway sends it: the balancer has taken the TLS off."""
    headers = {"Content-Type": "application/json", "X-Connector-Secret": SECRET, "X-Forwarded-Proto": "https"}
    return call(url, "POST", CREATE_PURCHASES, body, headers)


def post_raw(url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Create Purchases with exactly these headers and bytes, however little they fit each other."""
    address = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST {CREATE_PURCHASES} HTTP/1.1\r\nHost: {address.netloc}\r\n{head}\r\n".encode() + body
    with socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=PATIENCE) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(line, method="POST")
        response.begin()
        return Answer(response.status, response.read())


def is_healthy(url: str) -> bool:
    try:
        return call(url, "GET", "/healthz").status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


class Snare:
    """An address that nobody may call: it listens, takes nothing, and counts who came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._socket.setblocking(False)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitors(self) -> int:
        """How many have connected since the last time that this was asked."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self._socket.accept()[0].close()
                count += 1
        return count

    def close(self) -> None:
        self._socket.close()
