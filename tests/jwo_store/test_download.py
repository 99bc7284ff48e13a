"""Files behind links, over real sockets: every server here is one on 127.0.0.1."""

import gzip
import ipaddress
import logging
import pickle
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jwo_store import download
from tests.jwo_store.test_amazon import (
    Behaviour,
    Wire,
    answering,
    dribbling,
    free_port,
    raw,
    resetting,
    saying,
    silent,
)

SECRET = "X-Amz-Signature=5eC4e7"
TARGET = f"/reports/r%201.json?X-Amz-Expires=3600&{SECRET}&a=b/c+d"
REPORT = b'{"items": []}'
HOSTS = ("*.s3.amazonaws.com", "127.0.0.1", "localhost", "[::1]")
TOTAL = 0.5
GRACE = 4.0
"""For a machine that is busy."""

Serve = Callable[..., Wire]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Wire] = []

    def start(behave: Behaviour, **options: Any) -> Wire:
        servers.append(Wire(behave, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def got(url: str, **options: Any) -> bytes:
    limits = {"allowed_hosts": HOSTS, "http_allowed": True, "max_bytes": 1000, "total_timeout": TOTAL}
    return download.fetch(url, **{**limits, **options})


def failure(url: str, **options: Any) -> download.DownloadError:
    """The error of one fetch, which must end in its time and tell nothing of the query."""
    began = time.monotonic()
    with pytest.raises(download.DownloadError) as caught:
        got(url, **options)
    assert time.monotonic() - began < TOTAL + GRACE
    assert SECRET not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "what urllib3 says names the link"
    return caught.value


# What is sent


def test_a_plain_get_brings_the_file_and_sends_the_link_as_it_stands(serve: Serve) -> None:
    server = serve(answering(200, REPORT))

    assert got(server.url + TARGET) == REPORT

    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", TARGET, b"")
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "user-agent": "jwo-store",
    }


@pytest.mark.parametrize(("rest", "sent"), [("", "/"), ("?a=1", "/?a=1"), ("/", "/"), ("/a//b/../c@d", "/a//b/../c@d")])
def test_no_path_is_tidied_up(serve: Serve, rest: str, sent: str) -> None:
    server = serve(answering(200, REPORT))
    got(server.url + rest)
    assert [request.path for request in server.requests] == [sent]


def test_no_cookie_is_kept(serve: Serve) -> None:
    server = serve(answering(200, REPORT, Set_Cookie="a=1; Path=/"))
    got(server.url)
    got(server.url)
    assert [("cookie" in request.headers, request.connection) for request in server.requests] == [
        (False, 1),
        (False, 2),
    ]


def test_proxy_variables_and_netrc_are_not_heeded(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = serve(answering(200))
    server = serve(answering(200, REPORT))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("default login someone password secret")

    assert got(server.url) == REPORT

    assert proxy.accepted == []
    assert "authorization" not in server.requests[0].headers


# What comes back


@pytest.mark.parametrize(
    "behave",
    [
        answering(200, b"x" * 1000),
        answering(200, b"x" * 1000, Content_Encoding="identity"),
        saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000),
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", b"x" * 1000, b"\r\n0\r\n\r\n"),
    ],
    ids=["announced", "called identity", "until the end", "in chunks"],
)
def test_a_file_of_just_the_size_allowed_is_whole(serve: Serve, behave: Behaviour) -> None:
    assert got(serve(behave).url) == b"x" * 1000


TOO_LARGE = {
    "announced": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
    "announced beyond belief": saying(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 4000 + b"\r\n\r\n"),
    "sent": answering(200, b"x" * 1001),
    "unsaid": saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2_000_000),
    "in chunks": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"2\r\nxx\r\n" * 600),
    "without end": dribbling(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 400),
}


@pytest.mark.parametrize("behave", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_file_over_the_size_is_not_read_on(serve: Serve, behave: Behaviour) -> None:
    error = failure(serve(behave).url + TARGET, total_timeout=3.0)
    assert isinstance(error, download.DownloadFailed)
    assert (str(error), error.retryable) == ("The file is larger than 1,000 bytes, the most we take.", False)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip"])
def test_a_compressed_file_is_not_unpacked(serve: Serve, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)[:900]
    error = failure(serve(answering(200, bomb, Content_Encoding=encoding)).url)
    assert isinstance(error, download.DownloadFailed)
    assert str(error) == "The file comes compressed, though it was asked for as it is."
    assert not error.retryable


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(serve: Serve, status: int) -> None:
    elsewhere = serve(answering(200, REPORT))
    server = serve(answering(status, b"", Location=elsewhere.url + TARGET))

    error = failure(server.url + TARGET)

    assert type(error) is download.LinkRefused
    assert str(error) == f"The link leads on to another address ({status}), which is never followed."
    assert (len(server.requests), elsewhere.accepted) == (1, [])


def s3_error(code: str, message: str) -> bytes:
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, s3_error("AccessDenied", "Request has expired")),
        (403, b""),
        (400, s3_error("ExpiredToken", "The provided token has expired.")),
        (400, s3_error("AuthorizationQueryParametersError", "Request has expired")),
        (404, s3_error("ExpiredToken", "The provided token has expired.")),
    ],
)
def test_an_expired_link_asks_for_a_fresh_one(serve: Serve, status: int, body: bytes) -> None:
    error = failure(serve(answering(status, body)).url + TARGET)
    assert type(error) is download.LinkExpired
    assert str(error) == f"The link is no longer good ({status}). Ask for a fresh one."


STATUSES = [
    (201, "The file's host does not give it (201).", False),
    (204, "The file's host does not give it (204).", False),
    (206, "The file's host does not give it (206).", False),
    (400, "The file's host does not give it (400).", False),
    (401, "The file's host does not give it (401).", False),
    (404, "There is no file behind the link (404).", False),
    (410, "The file's host does not give it (410).", False),
    (408, "The file's host cannot give it just now (408).", True),
    (429, "The file's host cannot give it just now (429).", True),
    (500, "The file's host cannot give it just now (500).", True),
    (503, "The file's host cannot give it just now (503).", True),
]


@pytest.mark.parametrize(("status", "sentence", "retryable"), STATUSES)
def test_any_other_status_is_a_failure(serve: Serve, status: int, sentence: str, *, retryable: bool) -> None:
    body = b"" if status == 204 else s3_error("Other", f"no {SECRET}")
    error = failure(serve(answering(status, body)).url + TARGET)
    assert isinstance(error, download.DownloadFailed)
    assert (str(error), error.retryable) == (sentence, retryable)


def test_the_reason_of_a_refusal_is_not_searched_for_without_end(serve: Serve) -> None:
    body = b"x" * 20_000 + b"ExpiredToken"
    assert type(failure(serve(answering(400, body)).url)) is download.DownloadFailed


# What does not come


CUT = raw(200, REPORT)[:-4]
FAULTS: dict[str, tuple[Behaviour, str]] = {
    "no answer": (silent, "The file did not come in time."),
    "dribbled status": (dribbling(b"", b"H"), "The file did not come in time."),
    "dribbled headers": (dribbling(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), "The file did not come in time."),
    "endless headers": (dribbling(b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n"), "The file did not come in time."),
    "dribbled body": (
        dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
        "The file did not come in time.",
    ),
    "dribbled chunks": (
        dribbling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "The file did not come in time.",
    ),
    "dribbled refusal": (
        dribbling(b"HTTP/1.1 400 Bad\r\nContent-Length: 999\r\n\r\n", b"x"),
        "The file did not come in time.",
    ),
    "closed before answering": (saying(), "The file did not come whole."),
    "closed in the body": (saying(CUT), "The file did not come whole."),
    "reset in the body": (resetting(CUT), "The file did not come whole."),
    "closed in a chunk": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"),
        "The file did not come whole.",
    ),
    "not HTTP": (saying(b"220 mail.example ESMTP\r\n"), "The file did not come whole."),
    "two lengths": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        "The file did not come whole.",
    ),
}


@pytest.mark.parametrize(("behave", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_on_the_way_may_be_tried_again(serve: Serve, behave: Behaviour, sentence: str) -> None:
    error = failure(serve(behave).url + TARGET)
    assert isinstance(error, download.DownloadFailed)
    assert (str(error), error.retryable) == (sentence, True)


def test_a_host_that_is_down_may_be_tried_again() -> None:
    error = failure(f"http://127.0.0.1:{free_port()}{TARGET}")
    assert isinstance(error, download.DownloadFailed)
    assert str(error) == "The file's host could not be reached: the connection was refused."
    assert error.retryable


def test_a_name_server_that_never_answers_is_waited_for_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def slow(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        time.sleep(2)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    error = failure(f"https://Bucket.s3.amazonaws.com{TARGET}")
    assert str(error) == "The file's host could not be reached: no connection in time."
    assert asked == ["bucket.s3.amazonaws.com"]


def test_a_time_out_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="less than or equal to 0"):
        got("http://127.0.0.1/", total_timeout=0)


def test_errors_survive_pickling(serve: Serve) -> None:
    error = failure(serve(answering(404)).url)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert isinstance(copy, download.DownloadFailed)
    assert (str(copy), copy.retryable) == ("There is no file behind the link (404).", False)


# TLS


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that stands for itself, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return folder / "certificate.pem", context


@pytest.fixture
def trusted(certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[0]))
    return certified[1]


def test_a_trusted_host_gives_its_file_over_tls(serve: Serve, trusted: ssl.SSLContext) -> None:
    server = serve(answering(200, REPORT), tls=trusted)
    assert got(server.url + TARGET) == REPORT
    assert server.requests[0].path == TARGET


def test_an_untrusted_certificate_gets_no_request(serve: Serve, certified: tuple[Path, ssl.SSLContext]) -> None:
    server = serve(answering(200, REPORT), tls=certified[1])
    error = failure(server.url + TARGET)
    assert str(error) == "The file's host could not be reached: no secure connection, look at the certificate."
    assert server.requests == []


def test_a_certificate_of_another_name_gets_no_request(serve: Serve, trusted: ssl.SSLContext) -> None:
    server = serve(answering(200, REPORT), tls=trusted)
    assert type(failure(server.url.replace("127.0.0.1", "localhost"))) is download.DownloadFailed
    assert server.requests == []


@pytest.mark.parametrize("fault", ["no answer", "dribbled headers", "dribbled body"])
def test_a_slow_host_is_cut_off_over_tls(serve: Serve, trusted: ssl.SSLContext, fault: str) -> None:
    error = failure(serve(FAULTS[fault][0], tls=trusted).url, total_timeout=1.2)
    assert str(error) == "The file did not come in time."


def test_a_host_that_reads_no_handshake_is_cut_off(trusted: ssl.SSLContext) -> None:
    assert trusted
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(f"https://127.0.0.1:{listener.getsockname()[1]}{TARGET}")
    assert str(error) == "The file's host could not be reached: no connection in time."


# Where we do not go


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a refused link must not even be looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


PLAIN = "The link is no plain web address (https://host/path)."
NO_HTTPS = "The link does not begin with https://."
NUMBER = "The link names its host by a number."
HERE = "The link leads to this machine itself."
REFUSED = [
    ("", PLAIN),
    ("bucket.s3.amazonaws.com/r.json", PLAIN),
    ("//bucket.s3.amazonaws.com/r.json", PLAIN),
    ("https:/bucket.s3.amazonaws.com/r.json", PLAIN),
    ("https:///r.json", PLAIN),
    ("ftp://bucket.s3.amazonaws.com/r.json", PLAIN),
    ("file:///etc/passwd", PLAIN),
    ("javascript:alert(1)", PLAIN),
    ("https://user@bucket.s3.amazonaws.com/", PLAIN),
    ("https://user:password@bucket.s3.amazonaws.com/", PLAIN),
    ("https://bucket.s3.amazonaws.com@evil.example/", PLAIN),
    ("https://bucket.s3.amazonaws.com:443@evil.example/", PLAIN),
    ("https://evil.example\\@bucket.s3.amazonaws.com/", PLAIN),
    ("https://evil.example\\.s3.amazonaws.com/", PLAIN),
    ("https:\\\\bucket.s3.amazonaws.com\\r.json", PLAIN),
    ("https://evil.example%2f.s3.amazonaws.com/", PLAIN),
    ("https://evil.example%00.s3.amazonaws.com/", PLAIN),
    ("https://evil.example /.s3.amazonaws.com/", PLAIN),
    ("https://evil.example\t.s3.amazonaws.com/", PLAIN),
    (" https://bucket.s3.amazonaws.com/", PLAIN),
    ("https://bucket.s3.amazonaws.com/\n", PLAIN),
    ("https://bucket.s3.amazonaws.com/r.json\r\nX-Evil: 1", PLAIN),
    ("https://bucket.s3.amazonaws.com/r 1.json", PLAIN),
    ("https://bucket.s3.amazonaws.com/r\x00.json", PLAIN),
    ("https://bucket.s3.amazonaws.com/r%zz.json", PLAIN),
    ("https://bucket.s3.amazonaws.com/r.json#part", PLAIN),
    ("https://bucket.s3.amazonaws.com/rap\u00e9.json", PLAIN),
    ("https://bucket\u3002s3.amazonaws.com/", PLAIN),
    ("https://bucket.\uff533.amazonaws.com/", PLAIN),
    ("https://bucket.\u017f3.amazonaws.com/", PLAIN),
    ("https://bucket.s3.amazonaws.com./", PLAIN),
    ("https://bucket..s3.amazonaws.com/", PLAIN),
    ("https://.s3.amazonaws.com/", PLAIN),
    ("https://-b.s3.amazonaws.com/", PLAIN),
    (f"https://{'b' * 64}.s3.amazonaws.com/", PLAIN),
    (f"https://{'b.' * 150}s3.amazonaws.com/", PLAIN),
    ("https://bucket.s3.amazonaws.com:/", PLAIN),
    ("https://bucket.s3.amazonaws.com:443443/", PLAIN),
    ("https://bucket.s3.amazonaws.com:4x/", PLAIN),
    ("https://[::1/", PLAIN),
    ("https://[::ffff:127.0.0.1]/", PLAIN),
    ("https://[fe80::1%25lo]/", PLAIN),
    ("https://bucket.s3.amazonaws.com/" + "r" * 8192, PLAIN),
    ("http://bucket.s3.amazonaws.com/", NO_HTTPS),
    ("HTTP://bucket.s3.amazonaws.com/", NO_HTTPS),
    ("https://bucket.s3.amazonaws.com:80/", "The link names a port of its own (80)."),
    ("https://bucket.s3.amazonaws.com:0/", "The link names a port of its own (0)."),
    ("https://10.0.0.5/", NUMBER),
    ("https://169.254.169.254/latest/meta-data/", NUMBER),
    ("https://2130706433/", NUMBER),
    ("https://0x7f000001/", NUMBER),
    ("https://0x7F.1/", NUMBER),
    ("https://127.1/", NUMBER),
    ("https://0177.0.0.1/", NUMBER),
    ("https://bucket.s3.amazonaws.com.1/", NUMBER),
    ("https://127.0.0.1/", HERE),
    ("https://LOCALHOST/", HERE),
    ("https://[::1]/", HERE),
    ("http://127.0.0.1:8000/", HERE),
    ("https://s3.amazonaws.com/", "The link leads to s3.amazonaws.com, which is none of the hosts that we fetch from."),
    ("https://evil.example/", "The link leads to evil.example, which is none of the hosts that we fetch from."),
    (
        "https://bucket.s3.amazonaws.com.evil.example/",
        "The link leads to bucket.s3.amazonaws.com.evil.example, which is none of the hosts that we fetch from.",
    ),
    (
        "https://evils3.amazonaws.com/",
        "The link leads to evils3.amazonaws.com, which is none of the hosts that we fetch from.",
    ),
    (
        "https://bucket.s3xamazonaws.com/",
        "The link leads to bucket.s3xamazonaws.com, which is none of the hosts that we fetch from.",
    ),
]


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_link_that_leads_elsewhere_sends_nothing(url: str, reason: str) -> None:
    error = failure(url, http_allowed=False)
    assert (type(error), str(error)) == (download.LinkRefused, reason)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://bucket.s3.amazonaws.com/", NO_HTTPS),
        ("http://127.0.0.1.s3.amazonaws.com/", NO_HTTPS),
        ("http://127.0.0.2/", NO_HTTPS),
        ("https://127.0.0.2/", NUMBER),
        ("http://localhost.example/", NO_HTTPS),
        ("http://127.0.0.1:0/", "The link names a port of its own (0)."),
        ("http://127.0.0.1:65536/", "The link names a port of its own (65536)."),
    ],
)
def test_the_sandbox_opens_no_more_than_this_machine(url: str, reason: str) -> None:
    error = failure(url, http_allowed=True)
    assert (type(error), str(error)) == (download.LinkRefused, reason)


@pytest.mark.usefixtures("no_network")
def test_this_machine_too_must_be_among_the_hosts() -> None:
    error = failure("http://127.0.0.1:8000/", allowed_hosts=["*.s3.amazonaws.com"])
    assert str(error) == "The link leads to 127.0.0.1, which is none of the hosts that we fetch from."
    assert str(failure("http://127.0.0.1:8000/", allowed_hosts=[])) == str(error)


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/r.json",
        "HTTPS://Bucket.S3.AmazonAWS.com:443/r.json",
        "https://my_bucket.s3.amazonaws.com",
        "https://my.dotted.bucket.s3.amazonaws.com/?a=1",
    ],
)
def test_a_bucket_is_looked_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(url, http_allowed=False)
    assert str(error) == "The file's host could not be reached: its name was not found."


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("s3.amazonaws.com", "s3.amazonaws.com", True),
        ("S3.amazonaws.com", "s3.amazonaws.com", True),
        ("s3.amazonaws.com", "s3xamazonaws.com", False),
        ("*.s3.amazonaws.com", "a.s3.amazonaws.com", True),
        ("*.s3.amazonaws.com", "a.b.s3.amazonaws.com", True),
        ("*.s3.amazonaws.com", "s3.amazonaws.com", False),
        ("*.s3.*.amazonaws.com", "a.s3.eu-west-1.amazonaws.com", True),
        ("*.s3.*.amazonaws.com", "a.s3.dualstack.eu-west-1.amazonaws.com", True),
        ("*.s3.*.amazonaws.com", "a.s3.amazonaws.com", False),
        ("s3.*.amazonaws.com", "s3.eu-west-1.amazonaws.com", True),
        ("localhost", "localhost", True),
        ("[::1]", "[::1]", True),
    ],
)
def test_a_star_stands_for_whole_labels(pattern: str, host: str, *, fits: bool) -> None:
    assert bool(download.host_pattern(pattern).fullmatch(host)) is fits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.com",
        "*.*.com",
        "s3.*",
        "s3.amazonaws.*",
        "a*.amazonaws.com",
        "**.amazonaws.com",
        ".amazonaws.com",
        "amazonaws.com:443",
        "https://amazonaws.com",
        "amazonaws.com/",
        "ama zonaws.com",
        "amazonaws.com\n",
        "[::2]",
    ],
)
def test_any_other_pattern_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        got("https://bucket.s3.amazonaws.com/", allowed_hosts=[text])


# What people see


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://b.s3.amazonaws.com{TARGET}", "https://b.s3.amazonaws.com/reports/r%201.json"),
        ("https://b.s3.amazonaws.com/a@b:c", "https://b.s3.amazonaws.com/a@b:c"),
        (f"https://b.s3.amazonaws.com/r#{SECRET}", "https://b.s3.amazonaws.com/r"),
        (f"https://b.s3.amazonaws.com/r%3F{SECRET}", "https://b.s3.amazonaws.com/r"),
        (f"https://b.s3.amazonaws.com/r&{SECRET}", "https://b.s3.amazonaws.com/r"),
        (f"https://user:{SECRET}@b.s3.amazonaws.com/r", "b.s3.amazonaws.com/r"),
        (f"not a link {SECRET}", "not"),
        ("https://b.s3.amazonaws.com/\u202er\x1b[1m", "https://b.s3.amazonaws.com/r[1m"),
        ("https://b.s3.amazonaws.com/" + "r" * 9000, "https://b.s3.amazonaws.com/" + "r" * 273),
        ("", ""),
    ],
)
def test_a_masked_link_is_no_key(url: str, shown: str) -> None:
    assert download.masked(url) == shown


def test_each_fetch_is_logged_without_its_query(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(saying(b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 2\r\n\r\n{}"))
    got(server.url + TARGET)
    server.behave = answering(403)
    failure(server.url + TARGET)
    failure(f"https://evil.example{TARGET}")
    for behave, _ in (FAULTS["two lengths"], FAULTS["no answer"]):
        server.behave = behave
        failure(server.url + TARGET)

    assert SECRET not in caplog.text
    records = [record for record in caplog.records if record.name == "jwo_store.download"]
    assert [record.levelname for record in records] == ["INFO", "WARNING", "WARNING", "WARNING", "WARNING"]
    shown = f"GET {server.url}/reports/r%201.json: "
    assert records[0].getMessage().startswith(f"{shown}2 bytes, 0.")
    assert records[1].getMessage().startswith(f"{shown}The link is no longer good (403). Ask for a fresh one. 0.")


def test_many_threads_fetch_at_once(serve: Serve) -> None:
    server = serve(lambda conn, request: conn.sendall(raw(200, request.path.encode())))
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(got(f"{server.url}/{number}", total_timeout=5.0)))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b"/%d" % number for number in range(16))
