"""Calls by machines: what they get of the middleware, and what they go past."""

import json
import logging
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from jwo_store.calls import PATH

pytestmark = pytest.mark.django_db

CALL = "/v1/order/purchases"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def test_the_connector_is_on_their_way() -> None:
    assert reverse("create-purchases") == CALL
    assert CALL.startswith(PATH)


def test_an_answer_has_its_headers(client: Client) -> None:
    answer = client.post(CALL, b"{}", "application/json")
    assert answer.status_code == 401
    kept = {name: answer.headers.get(name) for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")}
    assert kept == {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_a_person_who_is_signed_in_is_nobody_there(admin_client: Client) -> None:
    answer: Any = admin_client.post(CALL, b"{}", "application/json")
    assert answer.status_code == 401
    assert not hasattr(answer.wsgi_request, "session")
    assert answer.cookies == {}


def test_a_page_goes_the_long_way(client: Client) -> None:
    answer: Any = client.get("/admin/login/")
    assert hasattr(answer.wsgi_request, "session")
    assert "script-src" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["", "nowhere"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.get(PATH + path)
    assert answer.status_code == 404
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_another_method_is_refused_in_the_words_of_the_connector(client: Client) -> None:
    answer = client.get(CALL)
    assert (answer.status_code, json.loads(answer.content)) == (401, {"errorMsg": "UnauthorizedException"})


def test_another_host_is_refused(client: Client) -> None:
    assert client.post(CALL, b"{}", "application/json", headers={"Host": "elsewhere.example"}).status_code == 400


def test_a_line_of_the_log_says_which_call_it_is_about(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="django_structlog"):
        client.post(CALL, b"{}", "application/json", REMOTE_ADDR="192.0.2.7")
    started: Any = caplog.records[0].msg
    assert (started["event"], started["request"], started["ip"]) == ("request_started", f"POST {CALL}", "192.0.2.7")
    assert started["request_id"]
