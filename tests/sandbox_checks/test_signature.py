"""The hand-written signature check against botocore, which signs what real callers send."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.server import Sandbox, Settings
from tests.sandbox.sigv4 import Credentials, SignatureRefusedError, verify
from tests.sandbox.wire import Request
from tests.sandbox_checks.fake_product import (
    ACCESS_KEY,
    PATH,
    REGION,
    SECRET_KEY,
    call,
    check_out,
    control,
    priced,
    signed_headers,
)

HOST = "http://127.0.0.1:8001"
CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY, REGION)


def signed_request(target: str = PATH, body: bytes = b'{"a": 1}', **how: Any) -> Request:
    """A request as botocore signs it, with the Host header that a client adds."""
    headers = {"Host": "127.0.0.1:8001"} | signed_headers(f"{HOST}{target}", body, **how)
    return Request("POST", target, tuple(headers.items()), body)


def with_header(request: Request, name: str, value: str) -> Request:
    kept = tuple((key, old) for key, old in request.headers if key.lower() != name.lower())
    return replace(request, headers=(*kept, (name, value)))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/checkout/carts",
        "/",
        "/v1/with%20space/carts",
        "/v1//checkout/./carts/",
        "/v1/carts?b=2&a=1&a=0",
        "/v1/carts?name=a%20b%2Fc&empty=",
    ],
)
def test_what_botocore_signs_is_accepted(target: str) -> None:
    verify(signed_request(target), CREDENTIALS, now())


def test_a_signed_session_token_is_accepted() -> None:
    verify(signed_request(token="the-token"), CREDENTIALS, now())


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"secret_key": "another"}, "does not match"),
        ({"access_key": "AKIDOTHER"}, "access key"),
        ({"region": "eu-west-1"}, "region us-east-1"),
        ({"service": "s3"}, "service execute-api"),
    ],
)
def test_another_key_region_or_service_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(SignatureRefusedError, match=words):
        verify(signed_request(**how), CREDENTIALS, now())


@pytest.mark.parametrize(("minutes", "accepted"), [(4.9, True), (-4.9, True), (5.1, False), (-5.1, False)])
def test_clocks_may_differ_by_five_minutes(minutes: float, accepted: bool) -> None:  # noqa: FBT001 -- a table's column
    moment = now() + timedelta(minutes=minutes)
    if accepted:
        verify(signed_request(), CREDENTIALS, moment)
    else:
        with pytest.raises(SignatureRefusedError, match="5 minutes"):
            verify(signed_request(), CREDENTIALS, moment)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda request: replace(request, body=b'{"a": 2}'), "does not match"),
        (lambda request: replace(request, method="PUT"), "does not match"),
        (lambda request: replace(request, target="/v1/other"), "does not match"),
        (lambda request: with_header(request, "Host", "elsewhere"), "does not match"),
        (lambda request: with_header(request, "Content-Type", "text/plain"), "does not match"),
        (lambda request: replace(request, headers=(("Host", "127.0.0.1:8001"),)), "Missing Authentication Token"),
        (lambda request: with_header(request, "Authorization", "Bearer x"), "AWS4-HMAC-SHA256"),
        (lambda request: with_header(request, "X-Amz-Date", "yesterday"), "X-Amz-Date"),
        (lambda request: with_header(request, "X-Amz-Date", "20200101T000000Z"), "date of the credential"),
        (lambda request: with_header(request, "X-Amz-Security-Token", "t"), "must be signed: x-amz-security-token"),
        (lambda request: with_header(request, "X-Amz-Content-Sha256", "0" * 64), "must be signed"),
        (
            lambda request: replace(request, headers=(*request.headers, ("X-Amz-Date", request.header("x-amz-date")))),
            "exactly once: x-amz-date",
        ),
        (
            lambda request: replace(
                request, headers=(*request.headers, ("Authorization", request.header("authorization")))
            ),
            "Missing Authentication Token",
        ),
    ],
)
def test_what_was_changed_after_signing_is_refused(change: Callable[[Request], Request], words: str) -> None:
    with pytest.raises(SignatureRefusedError, match=words):
        verify(change(signed_request()), CREDENTIALS, now())


@pytest.mark.parametrize("left_out", ["host", "x-amz-date"])
def test_host_and_date_must_be_among_the_signed_headers(left_out: str) -> None:
    request = signed_request()
    authorization = request.header("authorization").replace(f"{left_out};", "").replace(f";{left_out}", "")
    with pytest.raises(SignatureRefusedError, match=f"must be signed: {left_out}"):
        verify(with_header(request, "Authorization", authorization), CREDENTIALS, now())


def test_a_rightly_signed_cart_gets_its_order_over_http(sandbox: Sandbox, sent_cart: dict[str, Any]) -> None:
    answer = check_out(sandbox.url, priced(sent_cart))
    assert answer.status == 201
    assert list(answer.json) == ["orderId"]


def test_an_unsigned_cart_is_refused_over_http_and_charges_nothing(sandbox: Sandbox, sent_cart: dict[str, Any]) -> None:
    answer = call(sandbox.url, "POST", PATH, json.dumps(priced(sent_cart)).encode())
    assert (answer.status, answer.json) == (
        403,
        {"errorMsg": "AccessDeniedException", "message": "Missing Authentication Token"},
    )
    ledger = control(sandbox.url, "GET", "ledger")
    assert (ledger["charges"], ledger["calls"], ledger["strays"]) == (0, 0, {"AccessDeniedException": 1})


def test_a_sandbox_whose_clock_is_off_refuses_over_http(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings(), clock=lambda: time.time() + 301) as late:
        answer = check_out(late.url, {})
    assert (answer.status, answer.json["errorMsg"]) == (403, "AccessDeniedException")
