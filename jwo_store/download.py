"""One plain GET of a file behind a link that came from outside: nothing is signed, followed or believed.

A presigned link is a key in itself. Only its `masked` form may be shown; no sentence, log line or repr from here holds
more of it.
"""

import functools
import logging
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3 import exceptions as faults

from jwo_store.bounded import USER_AGENT, BoundedConnection, BoundedTLSConnection, Call, timed_out, unreached, within

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
"""Seconds, to each address."""

MAX_LINK = 8192
MAX_HOST = 253
MAX_PORT = 65535
MAX_MASKED = 300
MAX_WORDS = 8192
"""Bytes of a refusal that are searched for its reason."""

PIECE = 65_536
"""Bytes read at once."""

HTTPS_PORT = 443
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": USER_AGENT}

_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_LABELS = rf"{_LABEL}(?:\.{_LABEL})*"
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_LINK = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABELS}|\[::1\])(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<path>/{_PATH})?(?P<query>\?{_QUERY})?",
    flags=re.ASCII | re.IGNORECASE,
)
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", flags=re.ASCII)
"""Whatever some resolver takes for an IP address: 127.1, 0x7f000001, 2130706433."""

_HOST_PATTERN = re.compile(rf"(?:(?:\*|{_LABEL})\.)*{_LABEL}\.{_LABEL}|{_LABEL}|127\.0\.0\.1|\[::1\]", flags=re.ASCII)
_SECRET_PART = re.compile(r"[?#&\\\s]|%3f", flags=re.IGNORECASE)
_EXPIRED = re.compile(rb"ExpiredToken|Request has expired")


class DownloadError(Exception):
    """There is no file. Its text is a sentence for staff and logs, without the link's query."""


class LinkRefused(DownloadError):
    """We do not go where this link leads, and asking again won't help. Nothing was sent, unless it is a redirect."""


class LinkExpired(DownloadError):
    """The link was good once: ask for a fresh one."""


class DownloadFailed(DownloadError):
    """The link may be good, the file did not come. `retryable` says whether the same link may bring it later."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class _Link:
    scheme: str
    host: str
    port: int | None
    target: str = field(repr=False)
    """Path and query, as they stand in the link: both are part of what was signed."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = BoundedConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = BoundedTLSConnection


def fetch(url: str, *, allowed_hosts: Sequence[str], http_allowed: bool, max_bytes: int, total_timeout: float) -> bytes:
    """The file, whole, and at most `max_bytes` of it, within `total_timeout` seconds.

    `allowed_hosts` are host patterns (`host_pattern`). With `http_allowed`, for the sandbox, a link may lead to this
    machine, be it by http, and name a port. Redirects are not followed and proxy variables not heeded. Raises one of
    the DownloadError family, and ValueError for a host pattern that is none.
    """
    call = Call.starting(min(CONNECT_TIMEOUT, total_timeout), total_timeout, total_timeout)
    try:
        content = _fetched(_checked(url, allowed_hosts, http_allowed=http_allowed), call, max_bytes)
    except DownloadError as error:
        problem = error
    except faults.HTTPError as error:
        problem = _fault(error, sent=call.sent)
    else:
        logger.info("GET %s: %d bytes, %.3f s", masked(url), len(content), call.seconds())
        return content
    logger.warning("GET %s: %s %.3f s", masked(url), problem, call.seconds())
    raise problem  # out here, away from errors and frames that hold the link


def masked(url: str) -> str:
    """The link for people: without what makes it a key, whatever shape it has."""
    shown = _SECRET_PART.split(url[:MAX_LINK], maxsplit=1)[0]
    if not _LINK.fullmatch(shown):
        shown = shown.rpartition("@")[2]
    return "".join(filter(str.isprintable, shown[:MAX_MASKED]))


@functools.lru_cache(maxsize=64)
def host_pattern(text: str) -> re.Pattern[str]:
    """A host name, or one with labels of `*` before its last two; each stands for one or more whole labels.

    `*.s3.amazonaws.com` means every bucket, not `s3.amazonaws.com` itself. Raises ValueError for anything else.
    """
    if not _HOST_PATTERN.fullmatch(text.lower()):
        raise ValueError(f"“{text}” is no host name, and no pattern such as *.s3.amazonaws.com")
    labels = (_LABELS if label == "*" else re.escape(label) for label in text.lower().split("."))
    return re.compile(r"\.".join(labels), flags=re.ASCII)


def _checked(url: str, allowed_hosts: Sequence[str], *, http_allowed: bool) -> _Link:
    found = _LINK.fullmatch(url) if len(url) <= MAX_LINK else None
    if not found or len(found["host"]) > MAX_HOST:
        raise LinkRefused("The link is no plain web address (https://host/path).")
    link = _Link(
        scheme=found["scheme"].lower(),
        host=found["host"].lower(),
        port=int(found["port"]) if found["port"] else None,
        target=(found["path"] or "/") + (found["query"] or ""),
    )
    if reason := _reason_against(link, allowed_hosts, http_allowed=http_allowed):
        raise LinkRefused(reason)
    return link


def _reason_against(link: _Link, allowed_hosts: Sequence[str], *, http_allowed: bool) -> str:
    """In words; "" if there is none."""
    patterns = [host_pattern(text) for text in allowed_hosts]
    here = link.host in LOOPBACK
    if here and not http_allowed:
        return "The link leads to this machine itself."
    if link.scheme != "https" and not here:
        return "The link does not begin with https://."
    if not here and _ENDS_IN_A_NUMBER.fullmatch(link.host):
        return "The link names its host by a number."
    if not _port_is_good(link.port, any_port=http_allowed):
        return f"The link names a port of its own ({link.port})."
    if not any(pattern.fullmatch(link.host) for pattern in patterns):
        return f"The link leads to {link.host}, which is none of the hosts that we fetch from."
    return ""


def _port_is_good(port: int | None, *, any_port: bool) -> bool:
    return port in (None, HTTPS_PORT) or (any_port and port is not None and 0 < port <= MAX_PORT)


def _fetched(link: _Link, call: Call, max_bytes: int) -> bytes:
    """Over a connection of its own, closed afterwards: links of one host seldom come in a row."""
    with _pool(link) as pool, within(call):
        response = pool.urlopen(
            "GET",
            link.target,
            headers=HEADERS,
            retries=False,
            redirect=False,
            timeout=call.timeout,
            preload_content=False,
            decode_content=False,
        )
        try:
            return _content(response, max_bytes)
        finally:
            response.close()


def _pool(link: _Link) -> HTTPConnectionPool:
    """A pool without a manager takes no proxy; the TLS context verifies certificates and host names."""
    if link.scheme == "http":
        return _Pool(link.host, link.port, maxsize=1)
    return _TLSPool(link.host, link.port, maxsize=1, ssl_context=ssl.create_default_context())


def _content(response: BaseHTTPResponse, max_bytes: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise _problem(response)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise DownloadFailed("The file comes compressed, though it was asked for as it is.", retryable=False)
    if (response.length_remaining or 0) > max_bytes:
        raise _too_large(max_bytes)
    content = bytearray()
    # Read until nothing comes: only the read after the last byte tells of an answer that was cut off.
    while piece := response.read(min(PIECE, max_bytes + 1 - len(content)), decode_content=False):
        content += piece
        if len(content) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(content)


def _too_large(max_bytes: int) -> DownloadFailed:
    return DownloadFailed(f"The file is larger than {max_bytes:,} bytes, the most we take.", retryable=False)


def _problem(response: BaseHTTPResponse) -> DownloadError:
    status = response.status
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return LinkRefused(f"The link leads on to another address ({status}), which is never followed.")
    if _expired(response):
        return LinkExpired(f"The link is no longer good ({status}). Ask for a fresh one.")
    if status == HTTPStatus.NOT_FOUND:
        return DownloadFailed(f"There is no file behind the link ({status}).", retryable=False)
    if (
        status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return DownloadFailed(f"The file's host cannot give it just now ({status}).")
    return DownloadFailed(f"The file's host does not give it ({status}).", retryable=False)


def _expired(response: BaseHTTPResponse) -> bool:
    """S3 says 403 for a link past its time, and 400 when the keys that signed it are past theirs."""
    if response.status == HTTPStatus.FORBIDDEN:
        return True
    if response.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
        return False
    return bool(_EXPIRED.search(response.read(MAX_WORDS, decode_content=False)))


def _fault(error: faults.HTTPError, *, sent: bool) -> DownloadFailed:
    if not sent:
        return DownloadFailed(f"The file's host could not be reached: {unreached(error)}.")
    if timed_out(error):
        return DownloadFailed("The file did not come in time.")
    return DownloadFailed("The file did not come whole.")
