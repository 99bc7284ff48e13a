"""The signed way to Amazon: one POST, its answer or one of a small family of errors. Nothing else signs requests.

Transport only: base URL, AWS credentials, Signature Version 4, time-outs, status to error. It knows neither carts nor
catalogs, never sends twice by itself, and never leaves the configured host. Connections and credentials belong to the
process: a forked child opens its own.
"""

import contextlib
import functools
import json
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    ReadOnlyCredentials,
    RefreshableCredentials,
)
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3 import exceptions as faults

from jwo_store.bounded import (
    USER_AGENT,
    BoundedConnection,
    BoundedTLSConnection,
    Call,
    beside,
    timed_out,
    unreached,
    within,
)

logger = logging.getLogger(__name__)

SERVICE = "execute-api"
ROLE_SESSION_NAME = "jwo-store"

MAX_ANSWER = 1_000_000
"""Bytes. Amazon's answers are an ID or an error: more than this is not from Amazon."""

MAX_WORDS = 500
MAX_REQUEST_ID = 255
MAX_NAME_TEXT = 300

POOL_SIZE = 32
IDLE_LIMIT = 20.0
"""Seconds after which an unused connection is not used again. Load balancers close after about 60: a request sent
into a connection that is just being closed would count as possibly charged."""

REFRESH_BESIDE = 15 * 60
"""Seconds before their expiry from which temporary credentials are renewed while calls still use the old ones."""

REFRESH_FIRST = 2 * 60
"""Seconds before their expiry from which calls wait for new credentials."""

FETCH_AGAIN = 5.0
"""Seconds for which the outcome of a fetch stands, failures included: a chain without keys takes seconds to say so."""

CREDENTIALS_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}, proxies={}
)
"""For the calls that fetch credentials. The empty `proxies` keeps proxy variables out, as for the calls themselves."""

MAX_PORT = 65535
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOST_SUFFIXES = {
    "test": "test.checkout.amazonphysicalstores.com",
    "live": "checkout.amazonphysicalstores.com",
}

_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*|\[::1\])(?::(?P<port>[0-9]{1,5}))?"
    rf"(?:{_PATH.pattern})?/?"
)
_ERROR_NAME = re.compile(
    r"(?:\S*[#.])?(?P<name>[A-Za-z]\w{0,99}?)(?:Exception(?::.*)?|:\S*)?", flags=re.ASCII | re.DOTALL
)
_RETRY_SECONDS = re.compile(r"[0-9]{1,9}", flags=re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Amazon answered, whole.

    `error` is the name Amazon gives, without a trailing `Exception`, "" if none. `words` are its words for a person,
    cut to 500 characters and free of our keys and signature. `retry_after` and `seconds` (the whole call) are seconds.
    `body` is kept out of the repr, and so out of logs.
    """

    status: int
    body: bytes = field(repr=False)
    error: str
    words: str
    retry_after: float | None
    request_id: str
    seconds: float

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; empty when the body holds anything else."""
        return _json_object(self.body)


class AmazonError(Exception):
    """The call did not end with a 2xx. Its text is one sentence for staff and logs, free of secrets and content.

    `answer` is None when no whole answer came. `sent` is False only when certainly nothing reached Amazon.
    """

    def __init__(self, message: str, *, sent: bool = True, answer: Answer | None = None) -> None:
        super().__init__(message)
        self.sent = sent
        self.answer = answer


class AmazonRefused(AmazonError):
    """Amazon says no to this content: asking again won't help."""


class AmazonMisconfigured(AmazonError):
    """Keys, role, permission, host or path are wrong: a person must look."""


class AmazonThrottled(AmazonError):
    """Too many calls: ask again after `retry_after` seconds, if Amazon names them."""

    @property
    def retry_after(self) -> float | None:
        return self.answer.retry_after if self.answer else None


class AmazonUnclear(AmazonError):
    """Amazon answered, but not whether it has done what was asked."""


class AmazonUnavailable(AmazonError):
    """No answer, only a part of one, or a failure on Amazon's side: ask again later."""


ERRORS: dict[int, tuple[type[AmazonError], str]] = {
    401: (AmazonMisconfigured, "Amazon does not accept our signature"),
    403: (AmazonMisconfigured, "Amazon does not let us in"),
    404: (AmazonMisconfigured, "Amazon does not know this path"),
    405: (AmazonMisconfigured, "Amazon takes no POST at this path"),
    408: (AmazonUnclear, "Amazon gave up waiting for our request"),
    409: (AmazonUnclear, "Amazon sees a conflict with another request"),
    415: (AmazonMisconfigured, "Amazon does not take this content type"),
    429: (AmazonThrottled, "Amazon asks us to slow down"),
}
"""By status; the others by their hundred."""

ERRORS_BY_HUNDRED: dict[int, tuple[type[AmazonError], str]] = {
    3: (AmazonMisconfigured, "Amazon sends us to another address, which is never followed"),
    4: (AmazonRefused, "Amazon refused the request"),
    5: (AmazonUnavailable, "Amazon failed to handle the request"),
}
UNHEARD_OF = (AmazonUnavailable, "Amazon answered with a status that HTTP does not know")


class Client:
    """Posts JSON to one host. Cheap to make: what lasts (connections, credentials) is shared by the process.

    `base_url` is https, or http to this machine; it may carry a path. `region` is the one signed for. With `role_arn`
    the role is assumed through STS with the credentials of the standard AWS chain; otherwise those sign themselves.
    Time-outs in seconds: to connect (each address, and again for TLS), to the next byte of the answer, and over all.
    Raises ValueError for anything else.
    """

    def __init__(
        self,
        base_url: str,
        *,
        region: str,
        role_arn: str = "",
        connect_timeout: float,
        read_timeout: float,
        total_timeout: float,
    ) -> None:
        if min(connect_timeout, read_timeout, total_timeout) <= 0:
            raise ValueError("Time-outs are more than zero seconds")
        self._base = _checked_base(base_url)
        self._region = _checked_region(region)
        self._role_arn = role_arn
        self._timeouts = (connect_timeout, read_timeout, total_timeout)

    @property
    def host(self) -> str:
        """The configured host, with its port if it names one."""
        return urlsplit(self._base).netloc

    def get_ready(self, within: float) -> None:
        """Make a process's first connection pool and fetch its keys, so that a call that follows leaves at once.

        Waits for keys so many seconds at most. If there are none to be had, the call will say so.
        """
        _pool()
        with contextlib.suppress(AmazonError):
            _keyring(self._region, self._role_arn).keys(Call.starting(within, within, within))

    def post(self, path: str, body: bytes) -> Answer:
        """The answer, if it is a 2xx. Sends these bytes at most once, and ends within the total time-out.

        Raises one of the AmazonError family otherwise, and ValueError for a path that is not plainly below the host.
        """
        url = self._url(path)
        call = Call.starting(*self._timeouts)
        try:
            answer = self._exchange(call, url, body)
            problem = _problem(answer)
        except AmazonError as error:
            problem = error
        except faults.HTTPError as error:
            problem = _fault(error, sent=call.sent)
        _log(url, call, problem or answer)
        if problem:
            raise problem  # out here, away from the frames that hold the signed headers
        return answer

    def _url(self, path: str) -> str:
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is no plain absolute path")
        return self._base + path

    def _exchange(self, call: Call, url: str, body: bytes) -> Answer:
        keys = _keyring(self._region, self._role_arn).keys(call)
        headers = _signed_headers(url, body, keys, self._region)
        response, content = _send(call, url, body, headers)
        secrets = filter(None, (keys.token, keys.secret_key, headers["Authorization"].rpartition("=")[2]))
        return _answer(response, content, secrets=tuple(secrets), seconds=call.seconds())


def checkout_url(region: str, environment: str) -> str:
    """Amazon's Checkout Service for `test` or `live` (page connectivity_testing). Raises ValueError for another."""
    if environment not in HOST_SUFFIXES:
        raise ValueError(f"Amazon has no checkout host for {environment!r}")
    return f"https://{_checked_region(region)}.{HOST_SUFFIXES[environment]}"


def _checked_region(region: str) -> str:
    """It becomes a label of a host name and a part of the signature."""
    if not _REGION.fullmatch(region):
        raise ValueError(f"{region!r} is no AWS region")
    return region


def _checked_base(base_url: str) -> str:
    found = _BASE_URL.fullmatch(base_url)
    if not found or int(found["port"] or 0) > MAX_PORT:
        raise ValueError("The base URL is a scheme, a host, perhaps a port and a path: no user, query or fragment")
    if found["scheme"] == "http" and found["host"].strip("[]") not in LOOPBACK:
        raise ValueError("The base URL begins with https:// (http:// only to this machine)")
    return base_url.rstrip("/")


def _log(url: str, call: Call, outcome: Answer | AmazonError) -> None:
    answer = outcome.answer if isinstance(outcome, AmazonError) else outcome
    facts = {
        "amazon_url": url,
        "amazon_status": answer.status if answer else None,
        "amazon_request_id": answer.request_id if answer else "",
        "amazon_seconds": round(call.seconds(), 3),
        "amazon_sent": call.sent,
    }
    level, told = (logging.WARNING, str(outcome)) if isinstance(outcome, AmazonError) else (logging.INFO, "answered")
    logger.log(
        level,
        "POST %(amazon_url)s: %(told)s; status %(amazon_status)s, request ID %(amazon_request_id)s, "
        "%(amazon_seconds)s s",
        {**facts, "told": told},
        extra=facts,
    )


def _send(call: Call, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[BaseHTTPResponse, bytes]:
    with within(call):
        response = _pool().urlopen(
            "POST",
            url,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=call.timeout,
            preload_content=False,
        )
        return response, _content(response)


def _content(response: BaseHTTPResponse) -> bytes:
    """The whole body; the connection goes back to the pool only when nothing more can come on it."""
    try:
        return _capped(response)
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()


def _capped(response: BaseHTTPResponse) -> bytes:
    if response.status < HTTPStatus.OK:
        # The real answer is still to come, and would be taken for that of the next request on this connection.
        raise faults.ProtocolError("an interim status in place of an answer")
    content = response.read(MAX_ANSWER + 1)
    if len(content) > MAX_ANSWER:
        raise faults.ProtocolError("an answer over the size cap")
    return content


def _answer(response: BaseHTTPResponse, body: bytes, *, secrets: tuple[str, ...], seconds: float) -> Answer:
    fields = {key.lower(): text for key, text in _json_object(body).items() if isinstance(text, str)}
    return Answer(
        status=response.status,
        body=body,
        error=_error_name(fields, response.headers),
        words=_words(fields, body if response.status >= HTTPStatus.MULTIPLE_CHOICES else b"", secrets),
        retry_after=_seconds_until(response.headers.get("Retry-After", ""), now=datetime.now(UTC)),
        request_id=_printable(response.headers.get("x-amzn-RequestId", ""), MAX_REQUEST_ID),
        seconds=seconds,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _error_name(fields: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The first that is a name. `message` comes last: it is mostly a sentence, and a single word by chance."""
    sources = (fields.get("errormsg"), fields.get("__type"), headers.get("x-amzn-ErrorType"), fields.get("message"))
    return next(filter(None, map(_bare_name, sources)), "")


def _bare_name(text: str | None) -> str:
    """`UnknownShoppingTrip` of `com.amazon#UnknownShoppingTripException:http://…`; "" of a sentence."""
    if not text or len(text) > MAX_NAME_TEXT:
        return ""
    found = _ERROR_NAME.fullmatch(text.strip())
    return found["name"] if found else ""


def _words(fields: Mapping[str, str], body: bytes, secrets: tuple[str, ...]) -> str:
    """Amazon's sentence: the longer of the two fields that may hold one, else the body as it is.

    API Gateway quotes the signed request in some 403 answers, session token and all: hence `secrets`.
    """
    text = max(fields.get("message", ""), fields.get("errormsg", ""), key=len) or body.decode(errors="replace")
    text = " ".join(text.split())
    for secret in secrets:
        text = text.replace(secret, "…")
    return _printable(text, MAX_WORDS)


def _printable(text: str, length: int) -> str:
    """Cut, and without what a database or a terminal would choke on."""
    return "".join(filter(str.isprintable, text[:length]))


def _seconds_until(retry_after: str, *, now: datetime) -> float | None:
    """Both forms of Retry-After, whole seconds and a date (RFC 9110, 10.2.3); None when it is neither."""
    if _RETRY_SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


def _problem(answer: Answer) -> AmazonError | None:
    hundred = answer.status // 100
    if hundred == HTTPStatus.OK // 100:
        return None
    kind, meaning = ERRORS.get(answer.status) or ERRORS_BY_HUNDRED.get(hundred, UNHEARD_OF)
    return kind(f"{meaning} ({f'{answer.status} {answer.error}'.strip()}).", answer=answer)


def _fault(error: faults.HTTPError, *, sent: bool) -> AmazonUnavailable:
    if not sent:
        return AmazonUnavailable(f"Amazon could not be reached: {unreached(error)}.", sent=False)
    if timed_out(error):
        return AmazonUnavailable("Amazon did not answer in time.")
    return AmazonUnavailable("Amazon's answer did not come whole, or is none.")


def _signed_headers(url: str, body: bytes, keys: ReadOnlyCredentials, region: str) -> dict[str, str]:
    """Every header of the request. Only host, type, date and token are signed: what no gateway on the way rewrites."""
    signed = {"Host": urlsplit(url).netloc, "Content-Type": "application/json"}
    request = AWSRequest(method="POST", url=url, headers=signed, data=body)
    SigV4Auth(keys, SERVICE, region).add_auth(request)
    return {
        **dict(request.headers.items()),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Length": str(len(body)),
        "User-Agent": USER_AGENT,
    }


class _Keyring:
    """The AWS credentials of one process for one region and role; fetched by one thread, for all who wait."""

    def __init__(self, region: str, role_arn: str) -> None:
        self._region = region
        self._role_arn = role_arn
        self._lock = threading.Lock()
        self._held: tuple[Credentials, ReadOnlyCredentials] | None = None
        self._fetch: Future[ReadOnlyCredentials] | None = None
        self._fetch_again_at = 0.0

    def keys(self, call: Call) -> ReadOnlyCredentials:
        """Keys that are good for this call.

        Raises AmazonMisconfigured when there are none, AmazonUnavailable when they did not come in time.
        """
        if keys := self._keys_good_for(REFRESH_BESIDE):
            return keys
        fetch = self._fetching()
        if keys := self._keys_good_for(REFRESH_FIRST):
            return keys
        try:
            return fetch.result(timeout=call.left())
        except Exception as error:  # noqa: BLE001  the chain runs plug-ins and programs: nothing was sent, whatever broke
            raise _without_keys(error) from None

    def _keys_good_for(self, seconds: int) -> ReadOnlyCredentials | None:
        if self._held is None:
            return None
        source, keys = self._held
        aging = isinstance(source, RefreshableCredentials) and source.refresh_needed(seconds)
        return None if aging else keys

    def _fetching(self) -> Future[ReadOnlyCredentials]:
        """The fetch under way, the one just done, or a new one: a chain that hangs holds one thread, not one a call."""
        with self._lock:
            if self._fetch is None or (self._fetch.done() and time.monotonic() >= self._fetch_again_at):
                self._fetch_again_at = time.monotonic() + FETCH_AGAIN
                self._fetch = beside(self._fetched, name="amazon")
            return self._fetch

    def _fetched(self) -> ReadOnlyCredentials:
        """Asks the chain from its start, so that replaced files are seen; the pair held changes in one step."""
        source = _credentials(self._region, self._role_arn)
        keys = source.get_frozen_credentials()
        self._held = (source, keys)
        return keys


def _credentials(region: str, role_arn: str) -> Credentials:
    """What the standard AWS chain finds, or the role assumed with it. Raises NoCredentialsError for nothing found."""
    session = botocore.session.Session()
    session.set_default_client_config(CREDENTIALS_CONFIG)
    own = session.get_credentials()
    if own is None:
        raise botocore.exceptions.NoCredentialsError
    if not role_arn:
        return own
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(session.create_client, region_name=region),
        source_credentials=own,
        role_arn=role_arn,
        extra_args={"RoleSessionName": ROLE_SESSION_NAME},
    )
    return _role_credentials(fetcher)


def _role_credentials(fetcher: AssumeRoleCredentialFetcher) -> RefreshableCredentials:
    """Fetched here and now; the keyring renews them.

    Left to itself botocore would log a failed renewal with its traceback, whose frames hold keys and signed headers:
    hence no time-outs of its own.
    """
    return RefreshableCredentials.create_from_metadata(
        fetcher.fetch_credentials(),
        refresh_using=fetcher.fetch_credentials,
        method="assume-role",
        advisory_timeout=0,
        mandatory_timeout=0,
    )


def _without_keys(error: Exception) -> AmazonError:
    """Only the error's kind is told: the text of some quotes what a credential program printed."""
    if isinstance(error, botocore.exceptions.ClientError):
        return _role_refused(error)
    if isinstance(error, TimeoutError | botocore.exceptions.HTTPClientError | botocore.exceptions.ConnectionError):
        return AmazonUnavailable("AWS could not be asked for credentials in time.", sent=False)
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return AmazonMisconfigured("No AWS credentials were found.", sent=False)
    return AmazonMisconfigured(f"AWS credentials could not be fetched ({type(error).__name__}).", sent=False)


def _role_refused(error: botocore.exceptions.ClientError) -> AmazonError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = _bare_name(error.response.get("Error", {}).get("Code"))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or "Throttl" in code:
        return AmazonUnavailable(f"AWS cannot give credentials just now ({code}).", sent=False)
    return AmazonMisconfigured(f"AWS refuses the credentials or the role ({code}).", sent=False)


class _KeptConnection(BoundedConnection):
    """A connection for more than one call."""

    _last_used = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use it again: open, silent, and not idle for so long that Amazon may be closing it."""
        return time.monotonic() - self._last_used < IDLE_LIMIT and super().is_connected

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._last_used = time.monotonic()
        return response


class _KeptTLSConnection(_KeptConnection, BoundedTLSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _KeptConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _KeptTLSConnection


# Keyed by process: a forked child must not write into its parent's connections, nor wait on locks that were held
# while it was forked. `setdefault` is atomic, so there is no lock here either.
_POOLS: dict[int, PoolManager] = {}
_KEYRINGS: dict[tuple[int, str, str], _Keyring] = {}


def _pool() -> PoolManager:
    process = os.getpid()
    if process not in _POOLS:
        _POOLS.setdefault(process, _new_pool())
    return _POOLS[process]


def _new_pool() -> PoolManager:
    """A PoolManager takes no proxy from the environment; its TLS context verifies certificates and host names."""
    pool = PoolManager(maxsize=POOL_SIZE, block=False, retries=False, ssl_context=ssl.create_default_context())
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return pool


def _keyring(region: str, role_arn: str) -> _Keyring:
    place = (os.getpid(), region, role_arn)
    if place not in _KEYRINGS:
        _KEYRINGS.setdefault(place, _Keyring(region, role_arn))
    return _KEYRINGS[place]
