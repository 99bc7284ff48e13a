"""Stand-ins for Amazon's Checkout Service: a client that answers from a script, and a service on a socket."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from jwo_store.amazon import AmazonError, AmazonRefused, AmazonThrottled, AmazonUnavailable, Answer, Client


def answer(status: int = 201, document: Any = None, **said: Any) -> Answer:
    facts = {"error": "", "words": "", "retry_after": None, "request_id": "request-1", "seconds": 0.2, **said}
    return Answer(status=status, body=json.dumps(document or {}).encode(), **facts)


def ordered(order_id: str = "113-0000001") -> Answer:
    return answer(201, {"orderId": order_id})


def refused(error: str = "InvalidCartTotal") -> AmazonRefused:
    said = answer(400, error=error, words="The totals are wrong.")
    return AmazonRefused(f"Amazon refused the request (400 {error}).", answer=said)


def slowed_down(retry_after: float) -> AmazonThrottled:
    return AmazonThrottled("Amazon asks us to slow down (429).", answer=answer(429, retry_after=retry_after))


def timed_out() -> AmazonUnavailable:
    """Sent, and then nothing was heard."""
    return AmazonUnavailable("Amazon did not answer in time.")


def unreached() -> AmazonUnavailable:
    return AmazonUnavailable("Amazon could not be reached: the connection was refused.", sent=False)


class Died(BaseException):
    """The process is gone in the middle of a call."""


Step = Answer | AmazonError | Died | Callable[[], Answer]
"""What comes of one call; a function may do something while the call is under way."""


class ScriptedClient(Client):
    """Answers its calls with one step after the other, and all further ones with the last; notes what was sent."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.sent: list[bytes] = []

    @property
    def host(self) -> str:
        return "checkout.example"

    def post(self, path: str, body: bytes) -> Answer:
        assert path == "/v1/checkout/carts"
        assert self._steps, "no call was expected"
        self.sent.append(body)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Answer) else step()


@dataclass(frozen=True)
class Reply:
    """What goes over the wire. Without a status the connection is closed after the request was read."""

    status: int | None = 201
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    """Seconds until it is said."""


def says(status: int, document: Any, **headers: str) -> Reply:
    return Reply(
        status, json.dumps(document).encode(), {name.replace("_", "-"): text for name, text in headers.items()}
    )


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, body))
        replies = self.server.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        time.sleep(reply.after)
        if reply.status is None:
            self.close_connection = True
            return
        with contextlib.suppress(ConnectionError):  # who waited may have given up
            self._say(reply, reply.status)

    def _say(self, reply: Reply, status: int) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        """Nothing is told."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class CheckoutService:
    """A Checkout Service on this machine that says what it is told to."""

    def __init__(self) -> None:
        self._server = _Server()
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def script(self, *replies: Reply) -> None:
        """One reply after the other; the last one stands for all further calls. Forgets what was received."""
        self._server.replies[:] = replies
        self._server.requests.clear()

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body in self._server.requests]

    def client(self, *, read_timeout: float = 5.0) -> Client:
        return Client(
            self.url, region="us-east-1", connect_timeout=1, read_timeout=read_timeout, total_timeout=read_timeout + 1
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
