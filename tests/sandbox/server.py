"""The sandbox as a whole, on its port: Checkout Service, Catalog API, queue, control API and page."""

import logging
import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.sandbox.book import TripBook
from tests.sandbox.catalog_side import HERE, INGESTION_SECONDS, CatalogSide, Elsewhere
from tests.sandbox.checkout import CheckoutService, Checks
from tests.sandbox.connector import CONNECTIONS, Connector
from tests.sandbox.control import Control
from tests.sandbox.gates import Gates
from tests.sandbox.journal import Journal
from tests.sandbox.shelves import read_store_file
from tests.sandbox.shoppers import Shoppers
from tests.sandbox.sigv4 import Credentials
from tests.sandbox.switches import Switchboard
from tests.sandbox.wire import Reply, Request, deliver, error_reply, is_waiting

logger = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page")
PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGE_HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
CHECKOUT_CARTS = "/v1/checkout/carts"
MAX_REQUEST_LINE = 65_536
MAX_BODY = 64 * 1024 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECRET_NAMES = ("SANDBOX_CONNECTOR_SECRET", "SANDBOX_ACCESS_KEY", "SANDBOX_SECRET_KEY")


class SettingsError(Exception):
    """The sandbox can't start as it is set; the text says what to mend."""


@dataclass(frozen=True, slots=True)
class Settings:
    product_url: str
    store_file: Path
    connector_secret: str
    credentials: Credentials
    caller_arn: str = ""
    state: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8001
    public_url: str = ""
    """How others reach the sandbox, where that is not the address it listens on."""
    ingestion_seconds: float = INGESTION_SECONDS
    elsewhere: Elsewhere = HERE

    def __post_init__(self) -> None:
        address = urlsplit(self.product_url)
        if address.scheme not in CONNECTIONS or not address.hostname:
            raise SettingsError(f"{self.product_url!r} is not an http address")

    @property
    def is_open_to_others(self) -> bool:
        return self.host not in LOOPBACK


def secrets_from(environ: Mapping[str, str] = os.environ) -> tuple[str, Credentials]:
    """The connector secret and the credentials that callers sign with; SettingsError when one is not set."""
    missing = [name for name in SECRET_NAMES if not environ.get(name)]
    if missing:
        raise SettingsError(f"Not set: {', '.join(missing)}")
    secret, access_key, secret_key = (environ[name] for name in SECRET_NAMES)
    return secret, Credentials(access_key, secret_key, environ.get("SANDBOX_REGION") or "us-east-1")


class Sandbox:
    """Plays Amazon for one product. As a context manager it is started on entry and stopped on exit.

    Port 0 takes any free one; `url` knows it then.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        shelves = read_store_file(settings.store_file)
        self.settings = settings
        self.journal = Journal(settings.state)
        self.book = TripBook(self.journal, clock)
        self.switchboard = Switchboard()
        self.connector = Connector(settings.product_url, settings.connector_secret, settings.caller_arn)
        self.checkout = CheckoutService(
            self.book, self.switchboard, settings.credentials, shelves.stores, Checks(), clock
        )
        shoppers = Shoppers(self.book, self.connector)
        gates = Gates(shelves, self.book, self.switchboard, shoppers, clock)
        control = Control(shelves, self.book, self.switchboard, gates, self.connector, self.checkout.checks, clock)
        self.catalog = CatalogSide(
            self.journal,
            self.switchboard,
            settings.credentials,
            file_stores=list(shelves.stores),
            url=lambda: settings.public_url or self.url,
            seconds=settings.ingestion_seconds,
            elsewhere=settings.elsewhere,
            clock=clock,
        )
        self._routes = control.routes() | self.catalog.routes() | _page_routes()
        self._waiting_routes = {("POST", CHECKOUT_CARTS): self.checkout.checkout_cart} | self.catalog.waiting_routes()
        self.journal.replay({**self.book.appliers, **self.catalog.book.appliers})
        self.journal.open()
        try:
            self._server = _Server((settings.host, settings.port), self)
        except OSError as problem:
            self.journal.close()
            where = f"{settings.host}:{settings.port}"
            raise SettingsError(f"The sandbox can't listen on {where}: {problem.strerror}") from problem
        self.catalog.open()

    @property
    def url(self) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self._server.server_address[1]}"

    def serve(self) -> None:
        """Serve until `stop`, or a signal that raises."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        self._server.shutdown()

    def close(self) -> None:
        self._server.server_close()
        self.journal.close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._thread.join()
        self.close()

    def answer(self, request: Request, peer_is_waiting: Callable[[], bool]) -> Reply:
        if not self._is_meant(request):
            return error_reply(403, "ForbiddenHost", "The sandbox answers only under the name of this machine")
        address = (request.method, request.path)
        if address in self._waiting_routes:
            return self._waiting_routes[address](request, peer_is_waiting)
        if reply := self.catalog.other(request):
            return reply
        if address in self._routes:
            return self._routes[address](request)
        if request.path in {path for _, path in [*self._routes, *self._waiting_routes]}:
            return error_reply(405, "MethodNotAllowed", f"{request.path} is not for {request.method}")
        return error_reply(404, "NotFound", f"There is no {request.path} here")

    def _is_meant(self, request: Request) -> bool:
        """A browser that was led here under another host name (DNS rebinding) is sent away."""
        return self.settings.is_open_to_others or urlsplit(f"//{request.header('host')}").hostname in LOOPBACK


def _page_routes() -> dict[tuple[str, str], Callable[[Request], Reply]]:
    """Each file of the page under its own name, the page itself at the root."""

    def route(file: Path) -> Callable[[Request], Reply]:
        return lambda _request: Reply(200, file.read_bytes(), PAGE_HEADERS, PAGE_TYPES[file.suffix])

    files = [file for file in PAGE.iterdir() if file.suffix in PAGE_TYPES]
    return {("GET", "/" if file.name == "index.html" else f"/{file.name}"): route(file) for file in files}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Exchange)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up in the DNS here, which may take seconds.
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close kept-alive connections too: nobody may be charged by a sandbox that was stopped."""
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is nothing to tell; our own faults are logged where they happen."""


class _Exchange(BaseHTTPRequestHandler):
    """One connection: requests in, replies out."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 900.0  # longer than any caller keeps an idle connection

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE)
        self.close_connection = True
        if self.raw_requestline.endswith(b"\n") and self.parse_request():
            self._serve()

    def _serve(self) -> None:
        try:
            body = self._body()
        except ValueError as problem:
            self._deliver(error_reply(400, "BadRequest", str(problem)))
            self.close_connection = True
            return
        request = Request(self.command, self.path, tuple(self.headers.items()), body)
        try:
            reply = self.server.sandbox.answer(request, lambda: is_waiting(self.connection))
        except Exception:
            logger.exception("The sandbox stumbled over %s %s", request.method, request.path)
            reply = error_reply(500, "InternalServerException", "The sandbox itself stumbled; its log says over what")
        self._deliver(reply)

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise ValueError("Send a Content-Length, not chunks")
        text = self.headers.get("Content-Length", "0")
        if not text.isdecimal() or int(text) > MAX_BODY:
            raise ValueError("Content-Length is no number or too large")
        return self.rfile.read(int(text))

    def _deliver(self, reply: Reply) -> None:
        if not deliver(reply, self.connection):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class calls it so
        """Nothing: the journal tells what happened."""
