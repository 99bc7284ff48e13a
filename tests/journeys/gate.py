"""A gate on the way from the product to Amazon's doors: it lets every call through but the one that a test waits for.

There it stops, before Amazon hears of the call or when Amazon has answered, for as long as the test's deed takes. Then
the line is dead: the call goes no further, and neither does its answer.
"""

import enum
import hashlib
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.journeys.wire import PATIENCE, Answer

CATALOG = "/v1/catalog/"
OF_ONE_STRETCH = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
"""Headers that the next stretch of the way has of its own."""


class Moment(enum.Enum):
    BEFORE = "Amazon has not heard of it"
    AFTER = "Amazon has answered"


HandOver = Callable[[], None]
"""Gives the answer to the caller after all, and comes back when he has read the whole of it and hung up."""

Deed = Callable[[HandOver], object]


@dataclass(slots=True)
class Stop:
    """The next call of this kind, with this text in what is sent (BEFORE) or in what comes back too (AFTER)."""

    call: str
    moment: Moment
    about: str
    deed: Deed
    fault: BaseException | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def do(self, hand_over: HandOver) -> None:
        try:
            self.deed(hand_over)
        except BaseException as fault:  # noqa: BLE001  the test is to have it: see `wait`
            self.fault = fault
        finally:
            self._done.set()

    def wait(self, within: float) -> None:
        """Until the deed is done. Raises what it raised."""
        assert self._done.wait(within), f"{self.call} ({self.moment.value}): no such call within {within:g} s"
        if self.fault is not None:
            raise self.fault


@dataclass(slots=True)
class Refusal:
    """Calls of one kind are answered in Amazon's place, from the first on until a call of the other kind is through."""

    call: str
    until: str
    answer: Answer
    then: Callable[[], object]
    """Done as the first one comes, before it is answered."""
    began: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """A call that came to the gate, and when its line was free again; by `time.monotonic`."""

    call: str
    sha256: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Call:
    """What came to the gate."""

    name: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class Gate:
    """Calls of the catalog go to `catalog`, all others (queue, topic, reports) to `elsewhere`: addresses to be set."""

    def __init__(self) -> None:
        self.catalog = ""
        self.elsewhere = ""
        self.passed: list[Passed] = []
        self._stops: list[Stop] = []
        self._refusal: Refusal | None = None
        self._lock = threading.Lock()
        gate = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _come(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = [(name, value) for name, value in self.headers.items() if name.lower() not in OF_ONE_STRETCH]
                name = name_of(self.command, self.path, self.headers.get("X-Amz-Target") or "")
                gate._let_through(Call(name, self.command, self.path, headers, body), self)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _come  # noqa: N815  the server's own names

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        self._server = _Server(("127.0.0.1", 0), Door)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop_at(self, call: str, moment: Moment, deed: Deed, about: str = "") -> Stop:
        stop = Stop(call, moment, about, deed)
        with self._lock:
            self._stops.append(stop)
        return stop

    def refuse(self, call: str, answer: Answer, *, until: str, then: Callable[[], object]) -> None:
        self._refusal = Refusal(call, until, answer, then)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _let_through(self, call: Call, door: BaseHTTPRequestHandler) -> None:
        began = time.monotonic()
        try:
            if stop := self._stop(call, Moment.BEFORE, call.body):
                door.close_connection = True
                stop.do(lambda: None)
                return
            answer, headers = self._refused(call) or self._forward(call)
            if stop := self._stop(call, Moment.AFTER, call.body + answer.body):
                stop.do(lambda: _hand_over(door, answer, headers))
                door.close_connection = True
                return
            _reply(door, answer, headers)
            self._lift(call)
        except OSError:
            door.close_connection = True  # one of the two has died
        finally:
            with self._lock:
                sha256 = hashlib.sha256(call.body).hexdigest()
                self.passed.append(Passed(call.name, sha256, began, time.monotonic()))

    def _refused(self, call: Call) -> tuple[Answer, list[tuple[str, str]]] | None:
        refusal = self._refusal
        if refusal is None or refusal.call != call.name:
            return None
        if not refusal.began:
            refusal.began = True
            refusal.then()
        return refusal.answer, []

    def _lift(self, call: Call) -> None:
        if self._refusal and self._refusal.began and self._refusal.until == call.name:
            self._refusal = None

    def _stop(self, call: Call, moment: Moment, text: bytes) -> Stop | None:
        """The one that waits for this call; it waits for no other then."""
        with self._lock:
            for stop in self._stops:
                if (stop.call, stop.moment) == (call.name, moment) and stop.about.encode() in text:
                    self._stops.remove(stop)
                    return stop
        return None

    def _forward(self, call: Call) -> tuple[Answer, list[tuple[str, str]]]:
        where = self.catalog if call.target.startswith(CATALOG) else self.elsewhere
        line = http.client.HTTPConnection(urlsplit(where).netloc, timeout=PATIENCE)
        try:
            line.putrequest(call.method, call.target, skip_host=True, skip_accept_encoding=True)
            for name, value in call.headers:
                line.putheader(name, value)
            line.putheader("Content-Length", str(len(call.body)))
            line.endheaders(call.body)
            response = line.getresponse()
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in OF_ONE_STRETCH]
            return Answer(response.status, response.read()), headers
        finally:
            line.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that was killed in the middle of a sentence is no news here."""


def name_of(method: str, target: str, action: str) -> str:
    """`upload`, `archive`, `getCatalogUploadStatus`; `ReceiveMessage` and the like; `report` for what is fetched."""
    if target.startswith(CATALOG):
        return target.removeprefix(CATALOG)
    return action.rpartition(".")[2] or ("report" if method == "GET" else method)


def _reply(door: BaseHTTPRequestHandler, answer: Answer, headers: list[tuple[str, str]]) -> None:
    door.send_response_only(answer.status)
    for name, value in headers:
        door.send_header(name, value)
    door.send_header("Content-Length", str(len(answer.body)))
    door.end_headers()
    if door.command != "HEAD":
        door.wfile.write(answer.body)


def _hand_over(door: BaseHTTPRequestHandler, answer: Answer, headers: list[tuple[str, str]]) -> None:
    """Of a caller who hangs up when he has read it all."""
    _reply(door, answer, headers)
    door.connection.settimeout(PATIENCE)
    assert door.connection.recv(1) == b"", "he asked for more instead of hanging up"
