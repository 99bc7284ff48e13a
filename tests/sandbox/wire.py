"""What comes in and what goes out of the sandbox, down to the single byte.

A `Reply` says not only what is answered but how it is put on the socket, because most of what goes wrong between two
companies goes wrong there: an answer that never comes, that comes drop by drop, or that never ends.
"""

import enum
import json
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

POLL_SECONDS = 0.2
ENDLESS_CHUNK = b" " * 65_536
ENDLESS_CHUNKS = 16_384  # one gigabyte: endless for any caller with a bound, yet a forgotten switch comes to rest


class Delivery(enum.Enum):
    WHOLE = "whole"
    NONE = "none"  # the connection is closed without a byte
    DRIBBLE = "dribble"  # the body byte by byte, after the headers
    DRIBBLE_HEADERS = "dribble_headers"  # status line and headers byte by byte as well
    ENDLESS = "endless"  # a body without a length that goes on and on


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header_values(self, name: str) -> list[str]:
        """Every value sent under this name (lower case), in order."""
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str:
        """The first value sent under this name (lower case), or nothing."""
        return next(iter(self.header_values(name)), "")


def nothing() -> None:
    """What most answers do before their last byte."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `seconds` is the wait before it, or between two bytes of one that dribbles.

    `before_last_byte` runs when the caller is about to have the whole answer, `at_the_end` in any case.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    delivery: Delivery = Delivery.WHOLE
    seconds: float = 0.0
    before_last_byte: Callable[[], None] = nothing
    at_the_end: Callable[[], None] = nothing

    @property
    def comes_at_once(self) -> bool:
        return self.delivery is Delivery.WHOLE and not self.seconds

    @property
    def keeps_connection(self) -> bool:
        return self.delivery in {Delivery.WHOLE, Delivery.DRIBBLE, Delivery.DRIBBLE_HEADERS}

    def head(self) -> bytes:
        """Status line and headers, to the empty line."""
        lines = [
            f"HTTP/1.1 {int(self.status)} {_reason(self.status)}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {self.content_type}",
            *(f"{name}: {value}" for name, value in self.headers),
            "Connection: close" if self.delivery is Delivery.ENDLESS else f"Content-Length: {len(self.body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def json_reply(document: Any, status: int = HTTPStatus.OK) -> Reply:
    return Reply(status, json.dumps(document).encode())


def error_reply(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error as Amazon's sibling services word it: the name under `errorMsg`."""
    document = {"errorMsg": name, "message": message}
    return Reply(status, json.dumps(document).encode(), tuple((headers or {}).items()))


def words_reply(status: int, words: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error as the Catalog API words it: nothing but words under `errorMsg`."""
    return Reply(status, json.dumps({"errorMsg": words}).encode(), tuple((headers or {}).items()))


def error_of(reply: Reply) -> tuple[str | None, str | None]:
    """Name and words of an error reply; nothing of any other."""
    if reply.status < HTTPStatus.BAD_REQUEST:
        return None, None
    document = json.loads(reply.body)
    return document["errorMsg"], document.get("message")


def is_waiting(peer: socket.socket) -> bool:
    """Whether the other side still holds its end of the connection open."""
    try:
        poller = select.poll()
        poller.register(peer, select.POLLIN)
        return not poller.poll(0) or peer.recv(1, socket.MSG_PEEK) != b""
    except (OSError, ValueError):  # ValueError: closed on our side, the file number is gone
        return False


def hold(peer: socket.socket, seconds: float) -> bool:
    """Wait, and say whether the other side waited too."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not is_waiting(peer):
            return False
        time.sleep(min(left, POLL_SECONDS))
    return is_waiting(peer)


def deliver(reply: Reply, peer: socket.socket) -> bool:
    """Put the answer on the socket; False when the connection is of no more use."""
    try:
        return _DELIVERIES[reply.delivery](reply, peer) and reply.keeps_connection
    except OSError:  # the caller hung up
        return False
    finally:
        reply.at_the_end()


def _whole(reply: Reply, peer: socket.socket) -> bool:
    if reply.seconds and not hold(peer, reply.seconds):
        return False
    reply.before_last_byte()
    peer.sendall(reply.head() + reply.body)
    return True


def _none(reply: Reply, peer: socket.socket) -> bool:
    hold(peer, reply.seconds)
    return False


def _dribble(reply: Reply, peer: socket.socket) -> bool:
    peer.sendall(reply.head())
    return _byte_by_byte(reply, peer, reply.body)


def _dribble_headers(reply: Reply, peer: socket.socket) -> bool:
    return _byte_by_byte(reply, peer, reply.head() + reply.body)


def _byte_by_byte(reply: Reply, peer: socket.socket, text: bytes) -> bool:
    for position in range(len(text)):
        if not hold(peer, reply.seconds):
            return False
        if position == len(text) - 1:
            reply.before_last_byte()
        peer.sendall(text[position : position + 1])
    return True


def _endless(reply: Reply, peer: socket.socket) -> bool:
    peer.sendall(reply.head() + reply.body)
    for _ in range(ENDLESS_CHUNKS):
        peer.sendall(ENDLESS_CHUNK)
    return False


_DELIVERIES: dict[Delivery, Callable[[Reply, socket.socket], bool]] = {
    Delivery.WHOLE: _whole,
    Delivery.NONE: _none,
    Delivery.DRIBBLE: _dribble,
    Delivery.DRIBBLE_HEADERS: _dribble_headers,
    Delivery.ENDLESS: _endless,
}
