"""Who may call the Ordering Connector."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from jwo_store.models import Alarm
from orders import authentication
from orders.models import Purchase, RefusedCart
from tests.orders.carts import body, cart
from tests.orders.conftest import SECRET, URL, Post
from tests.orders.shop import alarms

SECOND = "the-secret-that-comes-next"
ROLE = "arn:aws:iam::123456789012:role/ordering-gateway"
PATH_ROLE = "arn:aws:iam::123456789012:role/service-role/eu/ordering-gateway"
SESSION = "arn:aws:sts::123456789012:assumed-role/ordering-gateway/{}"

pytestmark = pytest.mark.django_db


def said(response: Any) -> tuple[int, Any]:
    return response.status_code, json.loads(response.content)


UNKNOWN = (401, {"errorMsg": "UnauthorizedException"})
FORBIDDEN = (403, {"errorMsg": "AccessDeniedException"})


def assert_nothing_is_kept() -> None:
    assert (Purchase.objects.count(), RefusedCart.objects.count()) == (0, 0)


class TestTheSecret:
    @pytest.mark.parametrize("secrets", [[], [""], ["", ""]], ids=["none", "an empty one", "two empty ones"])
    @pytest.mark.parametrize("given", ["", SECRET])
    def test_lets_nobody_in_while_none_is_configured(
        self, post: Post, settings: LazySettings, secrets: list[str], given: str
    ) -> None:
        settings.CONNECTOR_SECRETS = secrets
        assert said(post(body(cart()), HTTP_X_CONNECTOR_SECRET=given)) == UNKNOWN
        assert_nothing_is_kept()

    @pytest.mark.parametrize(
        "given",
        [
            "",
            SECRET[:-1],
            SECRET + "x",
            SECRET.upper(),
            f" {SECRET}",
            f"{SECRET},{SECRET}",
            "ünïcode",
            "\udcff",
            "x" * 9000,
        ],
    )
    def test_must_be_given_exactly(self, post: Post, given: str) -> None:
        assert said(post(body(cart()), HTTP_X_CONNECTOR_SECRET=given)) == UNKNOWN
        assert_nothing_is_kept()

    def test_is_missed_and_mistaken_with_one_answer(self, post: Post) -> None:
        missing = Client().generic("POST", URL, body(cart()), "application/json")
        wrong = post(body(cart()), HTTP_X_CONNECTOR_SECRET="wrong")
        assert missing.content == wrong.content == b'{"errorMsg":"UnauthorizedException"}'
        assert missing.status_code == wrong.status_code == 401
        assert missing.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"] == "Connector"
        assert dict(missing.headers) == dict(wrong.headers)

    def test_gives_no_hint_of_what_is_wrong_with_the_body(self, post: Post) -> None:
        answers = {post(raw, HTTP_X_CONNECTOR_SECRET="wrong").content for raw in (b"", b"{}", b"no JSON", body(cart()))}
        assert answers == {b'{"errorMsg":"UnauthorizedException"}'}

    def test_may_be_either_of_two_while_they_are_rotated(self, post: Post, settings: LazySettings) -> None:
        settings.CONNECTOR_SECRETS = [SECRET, SECOND]
        answers = [
            post(body(cart()), HTTP_X_CONNECTOR_SECRET=given).status_code for given in (SECRET, SECOND, "wrong", "")
        ]
        assert answers == [201, 201, 401, 401]

    def test_may_hold_any_character_that_a_header_takes(self, post: Post, settings: LazySettings) -> None:
        settings.CONNECTOR_SECRETS = ["!#$%&'*+-.^_`|~ 0123456789"]
        assert post(body(cart()), HTTP_X_CONNECTOR_SECRET="!#$%&'*+-.^_`|~ 0123456789").status_code == 201

    def test_stands_in_no_log(self, post: Post, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        post(body(cart()))
        post(body(cart()), HTTP_X_CONNECTOR_SECRET=SECOND)
        assert SECRET not in caplog.text
        assert SECOND not in caplog.text


ALLOWED: dict[str, tuple[list[str], str, bool]] = {
    "the role itself": ([ROLE], ROLE, True),
    "a session of the role": ([ROLE], SESSION.format("session-1"), True),
    "another session of the role": ([ROLE], SESSION.format("i-0abc123@example"), True),
    "a session where a session is listed": ([SESSION.format("old")], SESSION.format("new"), True),
    "a session of a role with a path": ([PATH_ROLE], SESSION.format("session-1"), True),
    "a role with a path": ([PATH_ROLE], PATH_ROLE, True),
    "one of several": (["arn:aws:iam::210987654321:role/other", ROLE], ROLE, True),
    "a role of another partition's spelling": (
        ["arn:aws-us-gov:iam::123456789012:role/x"],
        "arn:aws-us-gov:iam::123456789012:role/x",
        True,
    ),
    "no header": ([ROLE], "", False),
    "another account": ([ROLE], ROLE.replace("1234", "4321"), False),
    "another role": ([ROLE], ROLE + "-2", False),
    "another case": ([ROLE], ROLE.upper(), False),
    "a role whose session is named like ours": (
        [ROLE],
        "arn:aws:sts::123456789012:assumed-role/stranger/ordering-gateway",
        False,
    ),
    "a user": (["arn:aws:iam::123456789012:user/x"], "arn:aws:iam::123456789012:user/x", False),
    "the header twice": ([ROLE], f"{ROLE},{ROLE}", False),
    "a stranger's first": ([ROLE], f"arn:aws:iam::210987654321:role/stranger, {ROLE}", False),
    "a line behind it": ([ROLE], f"{ROLE}\n", False),
    "a blank before it": ([ROLE], f" {ROLE}", False),
    "a list that names no role": (["ordering-gateway"], "ordering-gateway", False),
    "an account alone": ([ROLE], "arn:aws:iam::123456789012:root", False),
}


class TestTheCaller:
    @pytest.mark.parametrize(("listed", "given", "comes_in"), ALLOWED.values(), ids=ALLOWED)
    def test_is_known_by_account_and_role(
        self, *, post: Post, settings: LazySettings, listed: list[str], given: str, comes_in: bool
    ) -> None:
        settings.CONNECTOR_CALLER_ARNS = listed
        response = post(body(cart()), HTTP_X_CALLER_ARN=given)
        if comes_in:
            assert response.status_code == 201
            assert Purchase.objects.get().caller == given
        else:
            assert said(response) == FORBIDDEN
            assert_nothing_is_kept()

    def test_needs_the_secret_too(self, post: Post, settings: LazySettings) -> None:
        settings.CONNECTOR_CALLER_ARNS = [ROLE]
        assert said(post(body(cart()), HTTP_X_CALLER_ARN=ROLE, HTTP_X_CONNECTOR_SECRET="wrong")) == UNKNOWN

    def test_is_refused_without_a_hint(self, post: Post, settings: LazySettings) -> None:
        settings.CONNECTOR_CALLER_ARNS = [ROLE]
        answers = {post(body(cart()), HTTP_X_CALLER_ARN=given).content for given in ("", "x", ROLE + "x")}
        assert answers == {b'{"errorMsg":"AccessDeniedException"}'}

    def test_is_not_asked_for_without_a_list(self, post: Post) -> None:
        assert post(body(cart())).status_code == 201
        assert Purchase.objects.get().caller == "connector"

    def test_is_kept_as_given_when_it_is_not_checked(self, post: Post) -> None:
        post(body(cart()), HTTP_X_CALLER_ARN="x" * 300)
        assert Purchase.objects.get().caller == "x" * 255


class TestTheAlarm:
    def test_tells_of_a_wrong_secret_and_of_a_stranger(self, post: Post, settings: LazySettings) -> None:
        settings.CONNECTOR_CALLER_ARNS = [ROLE]
        post(b"{}", HTTP_X_CONNECTOR_SECRET="wrong")
        post(b"{}", HTTP_X_CALLER_ARN="stranger")
        assert alarms() == [
            ("Refused caller", "a wrong or missing secret", 1),
            ("Refused caller", "a caller that is not on the list", 1),
        ]
        assert "wrong" not in Alarm.objects.get(subject="a caller that is not on the list").text
        assert "stranger" not in Alarm.objects.get(subject="a caller that is not on the list").text

    def test_is_written_once_a_minute_however_many_come(self, post: Post, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(5):
            post(b"{}", HTTP_X_CONNECTOR_SECRET="wrong")
        assert alarms() == [("Refused caller", "a wrong or missing secret", 1)]
        told = [
            one for one in caplog.messages if one == "call of the Ordering Connector refused: a wrong or missing secret"
        ]
        assert len(told) == 5

    def test_is_written_again_after_a_minute(self, post: Post) -> None:
        post(b"{}", HTTP_X_CONNECTOR_SECRET="wrong")
        authentication._told_at["a wrong or missing secret"] -= authentication.TELL_EVERY
        post(b"{}", HTTP_X_CONNECTOR_SECRET="wrong")
        assert alarms() == [("Refused caller", "a wrong or missing secret", 2)]
