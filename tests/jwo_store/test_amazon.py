"""The way to Amazon over real sockets: every server here is one on 127.0.0.1."""

import contextlib
import gzip
import hashlib
import hmac
import ipaddress
import json
import logging
import os
import pickle
import re
import signal
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from jwo_store import amazon

PATH = "/v1/checkout/carts"
BODY = b'{"idempotentShoppingTripId": "trip-1",  "n": 1.0}\n'
KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//token=="
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/store"
TOTAL = 0.5
GRACE = 4.0
"""For a machine that is busy."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


Behaviour = Callable[[socket.socket, Request], None]


class Wire:
    """A small HTTP server; what it does with a request is up to `behave`."""

    def __init__(self, behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> None:
        self.behave = behave
        self.requests: list[Request] = []
        self.accepted: list[socket.socket] = []
        self.resets = 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for sock in (self._listener, *self.accepted):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self._listener.accept()
                self.accepted.append(conn)
                threading.Thread(target=self._serve, args=(conn, len(self.accepted)), daemon=True).start()

    def _serve(self, conn: socket.socket, number: int) -> None:
        try:
            with conn:
                self._converse(conn, number)
        except ConnectionResetError:
            self.resets += 1
        except (OSError, ValueError):
            pass

    def _converse(self, conn: socket.socket, number: int) -> None:
        if self._tls:
            conn = self._tls.wrap_socket(conn, server_side=True)
        with conn, conn.makefile("rb") as stream:
            while request := read_request(stream, number):
                self.requests.append(request)
                self.behave(conn, request)


def read_request(stream: Any, number: int) -> Request | None:
    first = stream.readline()
    if not first:
        return None
    method, path, _ = first.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, stream.read(int(headers.get("content-length", "0"))), number)


def raw(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(status: int, body: bytes = b"{}", **headers: str) -> Behaviour:
    return lambda conn, _: conn.sendall(raw(status, body, **headers))


def saying(*pieces: bytes, pause: float = 0.0) -> Behaviour:
    """Says the pieces as they are, then hangs up."""

    def behave(conn: socket.socket, _: Request) -> None:
        for piece in pieces:
            conn.sendall(piece)
            time.sleep(pause)
        conn.shutdown(socket.SHUT_RDWR)

    return behave


def resetting(before: bytes = b"") -> Behaviour:
    def behave(conn: socket.socket, _: Request) -> None:
        conn.sendall(before)
        time.sleep(0.05)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
        raise OSError

    return behave


def silent(_conn: socket.socket, _request: Request) -> None:
    time.sleep(1.5)


def dribbling(head: bytes, drop: bytes) -> Behaviour:
    """Five bytes a second, for as long as anybody listens."""

    def behave(conn: socket.socket, _: Request) -> None:
        conn.sendall(head)
        for _beat in range(20):
            conn.sendall(drop)
            time.sleep(0.2)

    return behave


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, file, proxy or metadata service of this machine is seen; one key pair stands in the environment."""
    for name in list(os.environ):
        if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def fresh_keys() -> Iterator[None]:
    """For tests with credentials of their own: nothing is remembered from, or for, the others."""
    amazon._KEYRINGS.clear()
    yield
    amazon._KEYRINGS.clear()


@pytest.fixture(autouse=True, scope="module")
def keys_of_this_file() -> Iterator[None]:
    amazon._KEYRINGS.clear()
    yield
    amazon._KEYRINGS.clear()


needs_fresh_keys = pytest.mark.usefixtures("fresh_keys")


@pytest.fixture
def serve() -> Iterator[Callable[..., Wire]]:
    servers: list[Wire] = []

    def start(behave: Behaviour, **options: Any) -> Wire:
        servers.append(Wire(behave, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[..., Wire]


def client(server: Wire | str, **options: Any) -> amazon.Client:
    url = server if isinstance(server, str) else server.url
    limits = {"connect_timeout": 0.3, "read_timeout": 5.0, "total_timeout": TOTAL}
    return amazon.Client(url, **{"region": "us-east-1", **limits, **options})


def failure(to: amazon.Client, body: bytes = BODY) -> amazon.AmazonError:
    """The error of one call, which must end in its time."""
    began = time.monotonic()
    with pytest.raises(amazon.AmazonError) as caught:
        to.post(PATH, body)
    assert time.monotonic() - began < TOTAL + GRACE
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def signature(request: Request, *, secret: str, region: str) -> str:
    """Signature Version 4 by hand ("Create a signed AWS API request", AWS IAM user guide)."""
    signed = re.findall(r"SignedHeaders=([^,]+),", request.headers["authorization"])[0]
    stamp = request.headers["x-amz-date"]
    canonical = "\n".join(
        [
            request.method,
            request.path,
            "",
            *(f"{name}:{request.headers[name]}" for name in signed.split(";")),
            "",
            signed,
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{region}/execute-api/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key.hex()


def key_of(request: Request) -> str:
    return request.headers["authorization"].partition("Credential=")[2].partition("/")[0]


# What is sent


def test_the_request_is_signed_and_the_body_sent_unchanged(serve: Serve) -> None:
    server = serve(answering(201, b'{"orderId": "111-1"}', x_amzn_RequestId="r-1"))

    answer = client(server, region="eu-west-1").post(PATH, BODY)

    assert (answer.status, answer.json(), answer.request_id) == (201, {"orderId": "111-1"}, "r-1")
    assert (answer.error, answer.words, answer.retry_after) == ("", "", None)
    assert 0 < answer.seconds < TOTAL
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", PATH, BODY)
    stamp = request.headers.pop("x-amz-date")
    request.headers["x-amz-date"] = stamp
    assert request.headers["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{stamp[:8]}/eu-west-1/execute-api/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, "
        f"Signature={signature(request, secret=SECRET, region='eu-west-1')}"
    )
    assert abs(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(
        seconds=5
    )
    told = {name: request.headers[name] for name in ("host", "content-type", "accept", "content-length", "user-agent")}
    assert told == {
        "host": f"127.0.0.1:{server.port}",
        "content-type": "application/json",
        "accept": "application/json",
        "content-length": str(len(BODY)),
        "user-agent": "jwo-store",
    }
    assert "transfer-encoding" not in request.headers


@needs_fresh_keys
def test_a_session_token_is_sent_and_signed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    server = serve(answering(200))

    client(f"{server.url}/stage/").post(PATH, BODY)

    (request,) = server.requests
    assert request.path == f"/stage{PATH}"
    assert request.headers["x-amz-security-token"] == TOKEN
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in request.headers["authorization"]
    expected = signature(request, secret=SECRET, region="us-east-1")
    assert request.headers["authorization"].endswith(f"Signature={expected}")


def test_a_large_body_may_take_longer_than_a_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def read_late() -> None:
            conn, _ = listener.accept()
            with conn, conn.makefile("rb") as stream:
                time.sleep(0.2)
                request = read_request(stream, 1)
                assert request is not None
                conn.sendall(raw(200, b"%d" % len(request.body)))

        threading.Thread(target=read_late, daemon=True).start()
        to = client(f"http://127.0.0.1:{listener.getsockname()[1]}", connect_timeout=0.05, total_timeout=5.0)
        assert to.post(PATH, b"x" * 20_000_000).body == b"20000000"


@needs_fresh_keys
def test_proxy_variables_are_not_heeded(serve: Serve, sts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(answering(200))
    server = serve(answering(200))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    client(server, role_arn=ROLE, total_timeout=5.0).post(PATH, BODY)

    assert (len(server.requests), proxy.accepted) == (1, [])


# What comes back


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_answer(serve: Serve, status: int) -> None:
    body = b"" if status == 204 else b'{"a": 1}'
    assert client(serve(answering(status, body))).post(PATH, BODY).status == status


STATUSES = [
    (300, amazon.AmazonMisconfigured),
    (304, amazon.AmazonMisconfigured),
    (400, amazon.AmazonRefused),
    (401, amazon.AmazonMisconfigured),
    (402, amazon.AmazonRefused),
    (403, amazon.AmazonMisconfigured),
    (404, amazon.AmazonMisconfigured),
    (405, amazon.AmazonMisconfigured),
    (406, amazon.AmazonRefused),
    (408, amazon.AmazonUnclear),
    (409, amazon.AmazonUnclear),
    (410, amazon.AmazonRefused),
    (413, amazon.AmazonRefused),
    (415, amazon.AmazonMisconfigured),
    (422, amazon.AmazonRefused),
    (429, amazon.AmazonThrottled),
    (499, amazon.AmazonRefused),
    (500, amazon.AmazonUnavailable),
    (501, amazon.AmazonUnavailable),
    (503, amazon.AmazonUnavailable),
    (504, amazon.AmazonUnavailable),
    (600, amazon.AmazonUnavailable),
    (999, amazon.AmazonUnavailable),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_a_status_means_one_error(serve: Serve, status: int, kind: type[amazon.AmazonError]) -> None:
    body = b"" if status == 304 else b'{"errorMsg": "SomethingException", "message": "It went wrong."}'
    server = serve(answering(status, body, x_amzn_RequestId="r-9"))

    error = failure(client(server))

    assert type(error) is kind
    assert error.sent
    assert error.answer is not None
    assert (error.answer.status, error.answer.request_id, error.answer.body) == (status, "r-9", body)
    assert str(status) in str(error)
    assert len(server.requests) == 1


def test_the_sentence_names_status_and_error_and_nothing_else(serve: Serve) -> None:
    error = failure(client(serve(answering(400, b'{"errorMsg": "UnknownShoppingTripException"}'))))
    assert str(error) == "Amazon refused the request (400 UnknownShoppingTrip)."
    assert str(failure(client(serve(answering(403, b""))))) == "Amazon does not let us in (403)."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve: Serve, status: int) -> None:
    elsewhere = serve(answering(200))
    server = serve(answering(status, Location=f"{elsewhere.url}{PATH}"))

    error = failure(client(server))

    assert type(error) is amazon.AmazonMisconfigured
    assert (len(server.requests), len(elsewhere.accepted)) == (1, 0)


NAMES = [
    (b'{"errorMsg": "UnknownShoppingTrip"}', {}, "UnknownShoppingTrip"),
    (b'{"errorMsg": "UnknownShoppingTripException"}', {}, "UnknownShoppingTrip"),
    (b'{"message": "BadRequestException"}', {}, "BadRequest"),
    (b'{"Message": "Forbidden"}', {}, "Forbidden"),
    (b'{"__type": "com.amazon.jwo#ShoppingTripExpiredException"}', {}, "ShoppingTripExpired"),
    (b'{"__type": "InvalidX:http://internal.amazon.com/coral/y/"}', {}, "InvalidX"),
    (b'{"__type": "ns#InvalidXException:http://internal.amazon.com/coral/y/"}', {}, "InvalidX"),
    (b'{"errorMsg": "UnknownShoppingTripException: no such trip"}', {}, "UnknownShoppingTrip"),
    (b"", {"x_amzn_ErrorType": "AccessDeniedException"}, "AccessDenied"),
    (b"<html>", {"X_AMZN_ERRORTYPE": "AccessDeniedException:http://internal.amazon.com/"}, "AccessDenied"),
    (b'{"errorMsg": "Invalid request body"}', {"x_amzn_ErrorType": "BadRequestException"}, "BadRequest"),
    (b'{"errorMsg": "A", "__type": "B", "message": "C"}', {"x_amzn_ErrorType": "D"}, "A"),
    (b'{"__type": "B", "message": "C"}', {"x_amzn_ErrorType": "D"}, "B"),
    (b'{"message": "C"}', {"x_amzn_ErrorType": "D"}, "D"),
    (b'{"message": "User: arn:aws:iam::1:user/x is not authorized"}', {}, ""),
    (b'{"errorMsg": 7, "message": null}', {}, ""),
    (b'["errorMsg"]', {}, ""),
    (b"not json", {}, ""),
    (b"", {}, ""),
    (b'{"errorMsg": "' + b"#a:" * 100_000 + b' "}', {}, ""),
]


@pytest.mark.parametrize(("body", "headers", "name"), NAMES)
def test_the_error_is_named_wherever_amazon_names_it(
    serve: Serve, body: bytes, headers: dict[str, str], name: str
) -> None:
    error = failure(client(serve(answering(400, body, **headers))))
    assert error.answer is not None
    assert error.answer.error == name


WORDS = [
    (b'{"message": "The trip   is\\nover.", "errorMsg": "TripOver"}', "The trip is over."),
    (b'{"message": "Bad", "errorMsg": "One or more stores are wrong"}', "One or more stores are wrong"),
    (b"<h1>Service\r\n Unavailable</h1>\x00\x1b[1m", "<h1>Service Unavailable</h1>[1m"),
    (b'{"message": "\\ud800\\u0000x"}', "x"),
    (b'{"detail": 1}', '{"detail": 1}'),
    (b"x" * 600, "x" * 500),
    (b"", ""),
]


@pytest.mark.parametrize(("body", "words"), WORDS)
def test_amazons_words_are_kept_for_a_person(serve: Serve, body: bytes, words: str) -> None:
    error = failure(client(serve(answering(500, body))))
    assert error.answer is not None
    assert error.answer.words == words


@needs_fresh_keys
def test_no_secret_gets_into_words_sentences_or_logs(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    caplog.set_level(logging.INFO)

    def quote(conn: socket.socket, request: Request) -> None:
        text = f"Should have been '{request.headers}' with {SECRET}"
        conn.sendall(raw(403, json.dumps({"message": text}).encode()))

    server = serve(quote)
    error = failure(client(server))

    assert error.answer is not None
    signed = server.requests[0].headers["authorization"].rpartition("=")[2]
    told = f"{error.answer.words} {error} {error!r} {error.answer!r} {caplog.text}"
    assert "Should have been" in told
    assert [secret for secret in (TOKEN, SECRET, signed, "trip-1") if secret in told] == []


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b'{"orderId": "1"}', {"orderId": "1"}),
        (b'\xef\xbb\xbf{"orderId": "1"}', {"orderId": "1"}),
        (b"[1]", {}),
        (b"null", {}),
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b"[" * 200_000, {}),
        (b'{"n": ' + b"9" * 5000 + b"}", {}),
        (b"", {}),
    ],
)
def test_json_is_read_leniently(serve: Serve, body: bytes, content: dict[str, Any]) -> None:
    assert client(serve(answering(200, body))).post(PATH, BODY).json() == content


def test_a_compressed_answer_is_read_all_the_same(serve: Serve) -> None:
    server = serve(answering(200, gzip.compress(b'{"orderId": "1"}'), Content_Encoding="gzip"))
    assert client(server).post(PATH, BODY).json() == {"orderId": "1"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Wed, 14 Jan 2026 12:00:30 GMT", 30.0),
        ("Wed, 14 Jan 2026 12:00:30 -0000", 30.0),
        ("Wed, 14 Jan 2026 11:00:00 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("9" * 400, None),
        ("soon", None),
        ("Wed, 99 Jan 2026 12:00:30 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_understood_in_both_forms(serve: Serve, header: str, seconds: float | None) -> None:
    with time_machine.travel(datetime(2026, 1, 14, 12, tzinfo=UTC), tick=False):
        error = failure(client(serve(answering(429, Retry_After=header))))
    assert isinstance(error, amazon.AmazonThrottled)
    assert error.retry_after == seconds


def test_a_date_in_retry_after_counts_from_now(serve: Serve) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    error = failure(client(serve(answering(503, Retry_After=moment))))
    assert error.answer is not None
    assert error.answer.retry_after == pytest.approx(89.5, abs=1.5)


def test_an_error_survives_pickling(serve: Serve) -> None:
    error = failure(client(serve(answering(429, Retry_After="7"))))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert (type(copy), str(copy), copy.sent, copy.answer) == (type(error), str(error), True, error.answer)


# Nothing reached Amazon


def test_a_refused_connection_was_not_sent() -> None:
    error = failure(client(f"http://127.0.0.1:{free_port()}"))
    assert (type(error), error.sent, error.answer) == (amazon.AmazonUnavailable, False, None)
    assert str(error) == "Amazon could not be reached: the connection was refused."


def test_an_unknown_name_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(client("https://checkout.invalid"))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "Amazon could not be reached: its name was not found."


def test_a_name_server_that_never_answers_is_waited_for_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        time.sleep(2)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    error = failure(client("https://checkout.invalid"))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "Amazon could not be reached: no connection in time."


def test_the_next_address_of_a_name_is_tried(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(answering(200))
    look_up = socket.getaddrinfo

    def two_addresses(host: str, *rest: Any, **kwargs: Any) -> Any:
        if host != "localhost":
            return look_up(host, *rest, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, server.port)) for ip in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    assert client(f"http://localhost:{server.port}").post(PATH, BODY).status == 200


def test_a_connection_that_nobody_accepts_was_not_sent() -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        error = failure(client(f"http://127.0.0.1:{full.getsockname()[1]}"))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "Amazon could not be reached: no connection in time."


@needs_fresh_keys
def test_a_call_without_credentials_is_not_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    server = serve(answering(200))

    error = failure(client(server))

    assert (type(error), error.sent, error.answer) == (amazon.AmazonMisconfigured, False, None)
    assert str(error) == "No AWS credentials were found."
    assert server.accepted == []


@needs_fresh_keys
def test_half_a_key_pair_is_no_credential(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure(client(serve(answering(200))))
    assert (type(error), error.sent) == (amazon.AmazonMisconfigured, False)
    assert str(error) == "AWS credentials could not be fetched (PartialCredentialsError)."


@needs_fresh_keys
def test_keys_that_appear_later_are_found(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amazon, "FETCH_AGAIN", 0.0)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    server = serve(answering(200))
    failure(client(server))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)

    assert client(server).post(PATH, BODY).status == 200


@needs_fresh_keys
def test_a_credential_program_that_hangs_is_waited_for_in_bounds(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 1.5\n")
    server = serve(answering(200))
    before = set(threading.enumerate())

    with ThreadPoolExecutor(4) as callers:
        errors = list(callers.map(lambda _: failure(client(server)), range(4)))

    assert [thread.name for thread in set(threading.enumerate()) - before] == ["amazon"]
    assert {(type(error), error.sent) for error in errors} == {(amazon.AmazonUnavailable, False)}


@needs_fresh_keys
def test_who_got_ready_has_the_keys_at_hand(serve: Serve, sts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
    server = serve(answering(200))
    caller = client(server, role_arn=ROLE)
    caller.get_ready(within=5.0)
    asked = len(assumed())
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert caller.post(PATH, BODY).status == 200
    assert len(assumed()) == asked


@needs_fresh_keys
def test_getting_ready_without_keys_leaves_it_to_the_call_to_say_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 1.5\n")
    caller = client(serve(answering(200)))
    began = time.monotonic()
    caller.get_ready(within=0.2)
    assert 0.15 < time.monotonic() - began < 0.2 + GRACE
    assert not failure(caller).sent


# It may have reached Amazon


CUT = raw(200, b'{"orderId": "1"}')[:-4]
FAULTS: dict[str, Behaviour] = {
    "reset before answering": resetting(),
    "closed before answering": saying(),
    "reset in the status line": resetting(b"HTTP/1.1 20"),
    "reset in the headers": resetting(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "reset in the body": resetting(CUT),
    "closed in the body": saying(CUT),
    "closed in a chunk": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"),
    "no answer": silent,
    "silence after the status": dribbling(b"HTTP/1.1 200 OK\r\n", b""),
    "dribbled status": dribbling(b"", b"H"),
    "dribbled headers": dribbling(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "endless headers": dribbling(b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n"),
    "endless interim answers": dribbling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "dribbled body": dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
    "dribbled chunks": dribbling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "far over the cap": answering(200, b"x" * 3_000_000),
    "over the cap, unsaid": saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2_000_000),
    "not HTTP": saying(b"220 mail.example ESMTP\r\n"),
    "no status": saying(b"HTTP/1.1 abc OK\r\n\r\n"),
    "an endless line": saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000),
    "two lengths": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "interim status": answering(103),
}


@pytest.mark.parametrize("behave", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_after_sending_leaves_it_open(serve: Serve, behave: Behaviour) -> None:
    server = serve(behave)

    error = failure(client(server))

    assert (type(error), error.sent, error.answer) == (amazon.AmazonUnavailable, True, None)
    assert len(server.requests) == 1
    server.behave = answering(200)
    assert client(server).post(PATH, BODY).status == 200
    assert server.requests[1].connection == 2


@pytest.mark.parametrize(
    "behave",
    [
        answering(200, b"x" * 1_000_001),
        answering(200, gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip"),
        answering(200, b"not gzip", Content_Encoding="gzip"),
    ],
    ids=["just over the cap", "over the cap when unpacked", "broken compression"],
)
def test_an_answer_that_is_whole_but_unreadable_leaves_it_open(serve: Serve, behave: Behaviour) -> None:
    error = failure(client(serve(behave)))
    assert (type(error), error.sent, error.answer) == (amazon.AmazonUnavailable, True, None)


def test_a_full_megabyte_is_still_an_answer(serve: Serve) -> None:
    assert len(client(serve(answering(200, b"x" * 1_000_000))).post(PATH, BODY).body) == 1_000_000


def test_a_silence_is_waited_for_as_long_as_the_read_time_out_says(serve: Serve) -> None:
    began = time.monotonic()
    error = failure(client(serve(silent), read_timeout=0.2, total_timeout=30.0))
    assert str(error) == "Amazon did not answer in time."
    assert 0.2 <= time.monotonic() - began < GRACE


def stuck(tls: ssl.SSLContext | None = None, *, sip: int = 0) -> tuple[socket.socket, threading.Event]:
    """A server that accepts (over TLS, if so) and reads nothing, or `sip` bytes twenty times a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    over = threading.Event()

    def accept() -> None:
        with contextlib.suppress(OSError):
            conn, _ = listener.accept()
            with tls.wrap_socket(conn, server_side=True) if tls else conn as reader:
                while not over.wait(0.05):
                    if sip:
                        reader.recv(sip)

    threading.Thread(target=accept, daemon=True).start()
    return listener, over


def drain(conn: socket.socket) -> None:
    while conn.recv(65536):
        pass


@pytest.mark.parametrize("sip", [0, 16_384], ids=["reads nothing", "sips"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_does_not_take_the_body_is_not_waited_for(trusted: ssl.SSLContext, scheme: str, sip: int) -> None:
    listener, over = stuck(trusted if scheme == "https" else None, sip=sip)
    error = failure(client(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"), b"x" * 20_000_000)
    over.set()
    listener.close()
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, True)
    assert str(error) == "Amazon did not answer in time."


def test_a_call_given_up_is_aborted_and_not_delivered_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(client(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        conn, _ = listener.accept()
        with conn, pytest.raises(ConnectionResetError):
            drain(conn)
    assert error.sent


def test_an_early_refusal_of_a_large_body_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            conn, _ = listener.accept()
            with conn:
                conn.recv(1000)
                conn.sendall(raw(413, b"", Connection="close"))
                conn.shutdown(socket.SHUT_WR)
                drain(conn)

        threading.Thread(target=refuse, daemon=True).start()
        error = failure(client(f"http://127.0.0.1:{listener.getsockname()[1]}"), b"x" * 3_000_000)
    assert (type(error), error.sent) == (amazon.AmazonRefused, True)


# TLS


@dataclass(frozen=True)
class Certificates:
    authority: Path
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return Certificates(folder / "certificate.pem", context)


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    amazon._POOLS.clear()
    yield certificates.context
    amazon._POOLS.clear()


def test_a_trusted_host_is_called_over_tls(serve: Serve, trusted: ssl.SSLContext) -> None:
    server = serve(answering(200), tls=trusted)
    assert [client(server).post(PATH, BODY).status for _ in range(2)] == [200, 200]
    assert [(request.body, request.connection) for request in server.requests] == [(BODY, 1), (BODY, 1)]


def test_an_untrusted_certificate_gets_nothing(serve: Serve, certificates: Certificates) -> None:
    server = serve(answering(200), tls=certificates.context)
    error = failure(client(server))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "Amazon could not be reached: no secure connection, look at the certificate."
    assert server.requests == []


def test_a_certificate_of_another_name_gets_nothing(serve: Serve, trusted: ssl.SSLContext) -> None:
    server = serve(answering(200), tls=trusted)
    error = failure(client(server.url.replace("127.0.0.1", "localhost")))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert server.requests == []


@pytest.mark.parametrize("fault", ["no answer", "dribbled headers", "dribbled body", "reset in the body"])
def test_a_fault_over_tls_leaves_it_open(serve: Serve, trusted: ssl.SSLContext, fault: str) -> None:
    error = failure(client(serve(FAULTS[fault], tls=trusted)))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, True)


def test_a_handshake_that_never_ends_was_not_sent(trusted: ssl.SSLContext) -> None:
    assert trusted
    listener, over = stuck()
    error = failure(client(f"https://127.0.0.1:{listener.getsockname()[1]}"))
    over.set()
    listener.close()
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "Amazon could not be reached: no connection in time."


def test_a_handshake_with_no_tls_server_was_not_sent(serve: Serve) -> None:
    error = failure(client(serve(answering(200)).url.replace("http:", "https:")))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)


# Connections


def test_calls_of_many_threads_reuse_connections(serve: Serve) -> None:
    server = serve(answering(200))
    to = client(server)

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda number: to.post(PATH, b"%d" % number), range(50)))

    assert [answer.status for answer in answers] == [200] * 50
    assert sorted(int(request.body) for request in server.requests) == list(range(50))
    assert len(server.accepted) <= 8


def test_a_connection_closed_meanwhile_is_replaced_without_a_second_request(serve: Serve) -> None:
    server = serve(answering(200))
    client(server).post(PATH, b"1")
    server.accepted[0].shutdown(socket.SHUT_RDWR)
    time.sleep(0.05)

    client(server).post(PATH, b"2")

    assert [(request.body, request.connection) for request in server.requests] == [(b"1", 1), (b"2", 2)]


def test_a_connection_closed_while_sending_is_not_resent(serve: Serve) -> None:
    server = serve(answering(200))
    client(server).post(PATH, b"1")
    server.behave = resetting()

    error = failure(client(server))

    assert (type(error), error.sent) == (amazon.AmazonUnavailable, True)
    assert [(request.body, request.connection) for request in server.requests] == [(b"1", 1), (BODY, 1)]


def test_an_idle_connection_is_not_used_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(answering(200))
    client(server).post(PATH, BODY)
    monkeypatch.setattr(amazon, "IDLE_LIMIT", 0.0)
    client(server).post(PATH, BODY)
    time.sleep(0.05)
    assert [request.connection for request in server.requests] == [1, 2]
    assert server.resets == 0, "what was answered is closed in good order"


def in_a_child(work: Callable[[], str]) -> str:
    """What a forked child says, within five seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(5)
        try:
            os.write(writing, work().encode())
        except amazon.AmazonError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def test_a_forked_child_opens_its_own_connection(serve: Serve) -> None:
    server = serve(answering(200))
    to = client(server, total_timeout=4.0)
    to.post(PATH, b"parent")

    assert in_a_child(lambda: str(to.post(PATH, b"child").status)) == "200"
    to.post(PATH, b"parent again")

    assert [(request.body, request.connection) for request in server.requests] == [
        (b"parent", 1),
        (b"child", 2),
        (b"parent again", 1),
    ]


@needs_fresh_keys
def test_a_child_forked_while_a_lock_is_held_does_not_hang(serve: Serve) -> None:
    server = serve(answering(200))
    with amazon._keyring("us-east-1", "")._lock:
        to = client(server, total_timeout=4.0)
        assert in_a_child(lambda: str(to.post(PATH, b"child").status)) == "200"


# The role


@pytest.fixture(scope="module")
def sts() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def assumed() -> list[Any]:
    return list(get_backend("sts")[ACCOUNT]["aws"].assumed_roles)


@needs_fresh_keys
def test_the_role_is_assumed_and_its_keys_sign(serve: Serve, sts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
    server = serve(answering(200))
    before = len(assumed())

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: client(server, role_arn=ROLE, total_timeout=5.0).post(PATH, BODY), range(8)))

    (role,) = assumed()[before:]
    assert (role.role_arn, role.session_name) == (ROLE, "jwo-store")
    for request in server.requests:
        assert key_of(request) == role.access_key_id
        assert request.headers["x-amz-security-token"] == role.session_token
        expected = signature(request, secret=role.secret_access_key, region="us-east-1")
        assert request.headers["authorization"].endswith(f"Signature={expected}")


@needs_fresh_keys
def test_the_keys_of_a_role_are_renewed_before_they_expire(
    serve: Serve, sts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
    monkeypatch.setattr(amazon, "FETCH_AGAIN", 0.0)
    server = serve(answering(200))
    to = client(server, role_arn=ROLE, total_timeout=5.0)
    start = datetime.now(UTC)
    keys = []

    def call_at(minute: float) -> None:
        with time_machine.travel(start + timedelta(minutes=minute)):
            to.post(PATH, BODY)
            fetch = next(iter(amazon._KEYRINGS.values()))._fetch
            assert fetch is not None
            fetch.result(timeout=5)
        keys.append(key_of(server.requests[-1]))

    call_at(0)
    call_at(40)
    assert keys[1] == keys[0]
    call_at(50)
    assert keys[2] == keys[0], "renewed beside, while the old keys still sign"
    call_at(50.1)
    assert keys[3] != keys[0]
    call_at(50 + 59)
    assert keys[4] not in keys[:4], "so late the call waits for the new keys"


@needs_fresh_keys
def test_old_keys_serve_while_sts_is_down(serve: Serve, sts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
    monkeypatch.setattr(amazon, "FETCH_AGAIN", 0.0)
    server = serve(answering(200))
    to = client(server, role_arn=ROLE, total_timeout=5.0)
    to.post(PATH, BODY)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{free_port()}")

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=55)):
        to.post(PATH, BODY)
    assert key_of(server.requests[1]) == key_of(server.requests[0])


def sts_refusing(status: int, code: str) -> Behaviour:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no {TOKEN}</Message></Error></ErrorResponse>"
    return answering(status, body.encode(), Content_Type="text/xml")


@needs_fresh_keys
@pytest.mark.parametrize(
    ("status", "code", "kind", "sentence"),
    [
        (403, "AccessDenied", amazon.AmazonMisconfigured, "AWS refuses the credentials or the role (AccessDenied)."),
        (403, "ExpiredToken", amazon.AmazonMisconfigured, "AWS refuses the credentials or the role (ExpiredToken)."),
        (400, "Throttling", amazon.AmazonUnavailable, "AWS cannot give credentials just now (Throttling)."),
        (500, "InternalFailure", amazon.AmazonUnavailable, "AWS cannot give credentials just now (InternalFailure)."),
    ],
)
def test_a_role_that_is_not_given_sends_nothing(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    kind: type[amazon.AmazonError],
    sentence: str,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", serve(sts_refusing(status, code)).url)
    server = serve(answering(200))

    with pytest.raises(amazon.AmazonError) as caught:
        client(server, role_arn=ROLE, total_timeout=5.0).post(PATH, BODY)

    assert (type(caught.value), caught.value.sent, str(caught.value)) == (kind, False, sentence)
    assert server.accepted == []


@needs_fresh_keys
def test_an_sts_that_is_not_there_is_asked_again_later(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{free_port()}")
    error = failure(client(serve(answering(200)), role_arn=ROLE))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)
    assert str(error) == "AWS could not be asked for credentials in time."
    assert [record.name for record in caplog.records if record.exc_info] == [], "a traceback's frames hold keys"


@needs_fresh_keys
def test_an_sts_that_does_not_answer_is_waited_for_in_bounds(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", serve(silent).url)
    error = failure(client(serve(answering(200)), role_arn=ROLE))
    assert (type(error), error.sent) == (amazon.AmazonUnavailable, False)


# The host


@pytest.mark.parametrize(
    "url",
    [
        "https://us-east-1.checkout.amazonphysicalstores.com",
        "https://us-east-1.checkout.amazonphysicalstores.com:8443/stage/v2/",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:8000/",
    ],
)
def test_a_plain_base_url_is_taken(url: str) -> None:
    assert client(url)._url(PATH) == url.rstrip("/") + PATH


@pytest.mark.parametrize(
    "url",
    [
        "",
        "checkout.example.com",
        "http://checkout.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "https://",
        "https:///v1",
        "https://user@example.com",
        "https://user:password@example.com",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://example.com/?",
        "https://example.com/../v1",
        "https://example.com//v1",
        "https://example.com/a b",
        "https://example.com/%2e%2e",
        "https://exa mple.com",
        "https://example.com\n",
        "https://example.com\\@127.0.0.1",
        "https://example.com:99999",
        "https://example.com:",
        "https://example..com",
        f"https://{'a' * 64}.com",
        "https://ex\u00e4mple.com",
    ],
)
def test_any_other_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="The base URL"):
        client(url)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "v1/checkout/carts",
        "//evil.example/v1",
        "/v1//carts",
        "/v1/../admin",
        "/v1/./carts",
        "/v1/carts/",
        "/v1/carts?x=1",
        "/v1/carts#x",
        "/v1/%2e%2e/admin",
        "/\\evil.example",
        "/v1 HTTP/1.1",
        "/v1\r\nX: 1",
        "/v1\n",
        "https://evil.example/v1",
        "@evil.example/v1",
        ".evil.example/v1",
    ],
)
def test_a_path_that_is_not_plain_sends_nothing(serve: Serve, path: str) -> None:
    server = serve(answering(200))
    with pytest.raises(ValueError, match="no plain absolute path"):
        client(server).post(path, BODY)
    assert server.accepted == []


def test_the_checkout_host_follows_from_region_and_environment() -> None:
    assert amazon.checkout_url("us-east-1", "test") == "https://us-east-1.test.checkout.amazonphysicalstores.com"
    assert amazon.checkout_url("eu-west-2", "live") == "https://eu-west-2.checkout.amazonphysicalstores.com"


@pytest.mark.parametrize(("region", "environment"), [("us-east-1", "sandbox"), ("evil.example/", "live"), ("", "test")])
def test_no_other_checkout_host_is_made_up(region: str, environment: str) -> None:
    with pytest.raises(ValueError, match=r"no checkout host|no AWS region"):
        amazon.checkout_url(region, environment)


def test_a_client_is_not_made_with_a_bad_region_or_time_out() -> None:
    with pytest.raises(ValueError, match="no AWS region"):
        client("https://example.com", region="us east")
    with pytest.raises(ValueError, match="more than zero"):
        client("https://example.com", total_timeout=0)


# The log


def test_each_call_is_logged_without_its_content(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="jwo_store.amazon")
    server = serve(answering(200, b'{"orderId": "secret-order"}', x_amzn_RequestId="r-1"))
    client(server).post(PATH, BODY)
    server.behave = answering(503)
    failure(client(server))

    good, bad = [record for record in caplog.records if record.name == "jwo_store.amazon"]
    assert (good.levelname, bad.levelname) == ("INFO", "WARNING")
    assert good.getMessage().startswith(f"POST {server.url}{PATH}: answered; status 200, request ID r-1, 0.")
    assert "Amazon failed to handle the request (503)." in bad.getMessage()
    facts = {name: value for name, value in vars(good).items() if name.startswith("amazon_")}
    seconds = facts.pop("amazon_seconds")
    assert 0 <= seconds < TOTAL
    assert facts == {
        "amazon_url": server.url + PATH,
        "amazon_status": 200,
        "amazon_request_id": "r-1",
        "amazon_sent": True,
    }
    assert "secret-order" not in caplog.text
    assert "trip-1" not in caplog.text
