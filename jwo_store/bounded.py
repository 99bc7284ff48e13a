"""HTTP connections on which nothing outlasts its call: neither name, connect, request nor answer.

urllib3 bounds the wait between two bytes; a server that dribbles would hold its caller for ever.
"""

import contextlib
import functools
import http.client
import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from urllib3 import Timeout
from urllib3 import exceptions as faults
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import allowed_gai_family, create_connection

USER_AGENT = "jwo-store"

_ABORT_ON_CLOSE = struct.pack("ii", 1, 0)
_FLUSH_ON_CLOSE = struct.pack("ii", 0, 0)

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """One call's time: when it began, when it must be over, how long to wait for one sign of life."""

    began: float
    deadline: float
    connect_timeout: float
    read_timeout: float
    sent: bool = False
    """Whether the first byte may have left."""

    @classmethod
    def starting(cls, connect_timeout: float, read_timeout: float, total_timeout: float) -> "Call":
        """Time-outs in seconds: to connect (each address, and again for TLS), to the next byte, and over all."""
        now = time.monotonic()
        return cls(now, now + total_timeout, connect_timeout, read_timeout)

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds that one wait may last. Raises TimeoutError when none are left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, at_most)

    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def timeout(self) -> Timeout:
        """What urllib3 itself should wait for; the bounded connection cuts it to what is left."""
        return Timeout(connect=self.connect_timeout, read=self.read_timeout)


_CALL: ContextVar[Call] = ContextVar("bounded_call")
"""How the connection that the pool chooses learns whose time it runs on."""


@contextlib.contextmanager
def within(call: Call) -> Iterator[None]:
    """Every bounded connection that this thread uses here runs on the call's time."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


class _BoundedStream(io.RawIOBase):
    """A connection's bytes. urllib3 bounds only the wait between two of them; here every wait is cut to the call's."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, call: Call) -> None:
        self._raw = raw
        self._sock = sock
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._call.left(self._call.read_timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    """Reads status, headers and body through a bounded stream."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedStream(self.fp.detach(), sock, _CALL.get()))


class BoundedConnection(HTTPConnection):
    """A connection that may be used only `within` a call, and then on its time."""

    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        call = _CALL.get()
        try:
            return self._connected(call)
        except TimeoutError as error:
            raise faults.ConnectTimeoutError(self, "no connection in time") from error
        except socket.gaierror as error:
            raise faults.NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise faults.NewConnectionError(self, "no connection") from error

    def _connected(self, call: Call) -> socket.socket:
        """To the first address that takes a connection."""
        problem = OSError("the name has no address")
        for address in self._addresses(call):
            try:
                return self._opened(address, call)
            except OSError as error:
                problem = error
        raise problem

    def _opened(self, address: tuple[str, int], call: Call) -> socket.socket:
        """With its time-out as the TLS handshake should have it."""
        sock = create_connection(address, call.left(call.connect_timeout), socket_options=self.socket_options)
        try:
            sock.settimeout(call.left(call.connect_timeout))
        except TimeoutError:
            sock.close()
            raise
        return sock

    def _addresses(self, call: Call) -> Iterator[tuple[str, int]]:
        """The resolver has no time-out of its own that we could set: minutes, with a dead name server."""
        look_up = functools.partial(socket.getaddrinfo, self.host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        for *_, address in beside(look_up, name="look up").result(timeout=call.left()):
            yield str(address[0]), int(address[1])

    def send(self, data: Any) -> None:
        """All of it within the call's time; urllib3 would send under the connect time-out, short for a large body."""
        if self.sock is None:
            self.connect()
        call = _CALL.get()
        self.sock.settimeout(call.left())
        if not call.sent:
            call.sent = True
            _set_linger(self.sock, _ABORT_ON_CLOSE)
        super().send(data)

    def getresponse(self) -> Any:
        """Until the answer has begun, closing aborts: the system must not go on delivering after we have given up."""
        sock = self.sock
        response = super().getresponse()
        _set_linger(sock, _FLUSH_ON_CLOSE)
        return response


def _set_linger(sock: socket.socket, option: bytes) -> None:
    with contextlib.suppress(OSError):  # some systems refuse it on a connection that the other side has closed
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)


class BoundedTLSConnection(BoundedConnection, HTTPSConnection):
    pass


def beside(work: Callable[[], T], *, name: str) -> Future[T]:
    """Runs what cannot be stopped in a thread of its own, so that its caller can stop waiting."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  whatever it is belongs to the threads that wait
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def unreached(error: faults.HTTPError) -> str:
    """Why no byte could be sent, to end a sentence with."""
    if isinstance(error, faults.NameResolutionError):
        return "its name was not found"
    if isinstance(error, faults.NewConnectionError):  # to urllib3 also a time-out, so it is asked for first
        return "the connection was refused"
    if timed_out(error):
        return "no connection in time"
    if isinstance(error, faults.SSLError):
        return "no secure connection, look at the certificate"
    return "the connection broke"


def timed_out(error: faults.HTTPError) -> bool:
    return isinstance(error, faults.TimeoutError) or any(isinstance(cause, TimeoutError) for cause in error.args)
