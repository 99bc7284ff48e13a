"""What stops an unsafe start, and in which words."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from jwo_store import checks
from jwo_store.settings import DEMO_SECRET_KEY
from tests.factories import OwnerFactory

ROOT = Path(__file__).resolve().parents[2]
LIVE_HOST = "https://us-east-1.checkout.amazonphysicalstores.com"
TEST_HOST = "https://us-east-1.test.checkout.amazonphysicalstores.com"
POSTGRESQL = {"default": {"ENGINE": "django.db.backends.postgresql"}}
SQLITE = {"default": {"ENGINE": "django.db.backends.sqlite3"}}

pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")

SOUND: dict[str, Any] = {
    "JWO_ENVIRONMENT": "live",
    "DEMO": False,
    "DEBUG": False,
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": ["office.example.com"],
    "CONNECTOR_SECRETS": ["s" * 16, "t" * 40],
    "DATABASES": POSTGRESQL,
    "CELERY_BROKER_URL": "amqp://user:password@host//",
    "CHECKOUT_LEASE": 120.0,
    "CHECKOUT_CONNECT_TIMEOUT": 1.0,
    "CHECKOUT_READ_TIMEOUT": 30.0,
    "AMAZON_CHECKOUT_URL": "",
    "AMAZON_CATALOG_URL": "https://catalog.example.com/v1",
    "SIGN_IN_CODES": True,
    "PROXY_COUNT": 1,
    "SIGN_IN_TRIES": 5,
    "SIGN_IN_TRIES_WIDE": 50,
    "SIGN_IN_BLOCK_MINUTES": 15.0,
    "SESSION_IDLE": 3600,
    "SESSION_COOKIE_AGE": 43200,
}
"""A live installation with nothing wrong."""

IN_SANDBOX = {"JWO_ENVIRONMENT": "sandbox"}
IN_TEST = {"JWO_ENVIRONMENT": "test"}
DEMO = {
    "JWO_ENVIRONMENT": "sandbox",
    "DEMO": True,
    "DATABASES": SQLITE,
    "CELERY_BROKER_URL": "memory://",
    "ALLOWED_HOSTS": [],
    "CONNECTOR_SECRETS": [],
    "AMAZON_CHECKOUT_URL": "http://127.0.0.1:8001",
    "AMAZON_CATALOG_URL": "http://localhost:8001/catalog",
}

FOUND: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a sound live installation": ({}, []),
    "a sound test installation": (IN_TEST | {"AMAZON_CHECKOUT_URL": TEST_HOST}, []),
    "a sound sandbox on servers": (IN_SANDBOX | {"AMAZON_CHECKOUT_URL": "http://127.0.0.1:8001"}, []),
    "the embedded demo": (DEMO, []),
    "the demo with debugging": (DEMO | {"DEBUG": True}, []),
    "an environment that does not exist": ({"JWO_ENVIRONMENT": "production"}, ["E001"]),
    "no environment": ({"JWO_ENVIRONMENT": ""}, ["E001"]),
    "an environment in capitals": ({"JWO_ENVIRONMENT": "LIVE"}, ["E001"]),
    "the secret key of the demo": ({"SECRET_KEY": "DEMO"}, ["E002"]),
    "no hosts": ({"ALLOWED_HOSTS": []}, ["E003"]),
    "debugging": ({"DEBUG": True}, ["E004"]),
    "debugging in the sandbox on servers": (IN_SANDBOX | {"DEBUG": True}, ["E004"]),
    "a short secret": ({"CONNECTOR_SECRETS": ["s" * 16, "t" * 15]}, ["E005"]),
    "an empty secret": ({"CONNECTOR_SECRETS": [""]}, ["E005"]),
    "no secret: nobody may call": ({"CONNECTOR_SECRETS": []}, []),
    "SQLite where it is live": ({"DATABASES": SQLITE}, ["E010"]),
    "SQLite where it is a test": (IN_TEST | {"DATABASES": SQLITE}, []),
    "a broker in memory where it is live": ({"CELERY_BROKER_URL": "memory://"}, ["E011"]),
    "a broker in memory where it is a test": (IN_TEST | {"CELERY_BROKER_URL": "memory://"}, []),
    "a lease as long as two calls": ({"CHECKOUT_LEASE": 62.0}, []),
    "a lease shorter than two calls": ({"CHECKOUT_LEASE": 61.9}, ["E020"]),
    "calls too long for the lease": ({"CHECKOUT_READ_TIMEOUT": 60.0}, ["E020"]),
    "plain http": ({"AMAZON_CATALOG_URL": "http://catalog.example.com"}, ["E021"]),
    "plain http to this machine where it is live": ({"AMAZON_CHECKOUT_URL": "http://127.0.0.1:8001"}, ["E021"]),
    "plain http to another machine in the sandbox": (
        IN_SANDBOX | {"AMAZON_CHECKOUT_URL": "http://10.0.0.1:8001"},
        ["E021"],
    ),
    "no scheme": ({"AMAZON_CATALOG_URL": "catalog.example.com"}, ["E021"]),
    "both addresses plain": (
        {"AMAZON_CHECKOUT_URL": "http://a.example.com", "AMAZON_CATALOG_URL": "ftp://b.example.com"},
        ["E021", "E021"],
    ),
    "the test host where it is live": ({"AMAZON_CHECKOUT_URL": TEST_HOST}, ["E022"]),
    "the live host where it is a test": (IN_TEST | {"AMAZON_CHECKOUT_URL": LIVE_HOST}, ["E022"]),
    "the live host in capitals where it is a test": (IN_TEST | {"AMAZON_CHECKOUT_URL": LIVE_HOST.upper()}, ["E022"]),
    "the live host in the sandbox": (IN_SANDBOX | {"AMAZON_CHECKOUT_URL": LIVE_HOST}, ["E022"]),
    "the test host in the sandbox": (IN_SANDBOX | {"AMAZON_CHECKOUT_URL": TEST_HOST}, ["E022"]),
    "the live host where it is live": ({"AMAZON_CHECKOUT_URL": LIVE_HOST + "/v1"}, []),
    "no one-time codes where it is live": ({"SIGN_IN_CODES": False}, ["E034"]),
    "no one-time codes where it is a test": (IN_TEST | {"SIGN_IN_CODES": False}, []),
    "fewer proxies than none": ({"PROXY_COUNT": -1}, ["E030"]),
    "no tries at signing in": ({"SIGN_IN_TRIES": 0}, ["E031"]),
    "many tries at signing in": ({"SIGN_IN_TRIES": 21}, ["E031"]),
    "a wide limit below the narrow one": ({"SIGN_IN_TRIES_WIDE": 4}, ["E031"]),
    "no wait after wrong tries": ({"SIGN_IN_BLOCK_MINUTES": 0.5}, ["E032"]),
    "sessions that never idle": ({"SESSION_IDLE": 0}, ["E033"]),
    "idle for longer than a session": ({"SESSION_IDLE": 43201}, ["E033"]),
    "sessions of more than a day": ({"SESSION_COOKIE_AGE": 86401}, ["E033"]),
    "everything at once": (
        {
            "SECRET_KEY": "DEMO",
            "ALLOWED_HOSTS": [],
            "DEBUG": True,
            "CONNECTOR_SECRETS": ["short"],
            "DATABASES": SQLITE,
            "CELERY_BROKER_URL": "memory://",
            "CHECKOUT_LEASE": 1.0,
            "AMAZON_CHECKOUT_URL": "http://us-east-1.test.checkout.amazonphysicalstores.com",
        },
        ["E002", "E003", "E004", "E005", "E010", "E011", "E020", "E021", "E022"],
    ),
}


def configure(settings: LazySettings, changes: dict[str, Any]) -> None:
    for name, value in {**SOUND, **changes}.items():
        setattr(settings, name, value)
    if settings.SECRET_KEY == "DEMO":
        settings.SECRET_KEY = settings.DEMO_SECRET_KEY


class TestTheChecks:
    @pytest.mark.parametrize(("changes", "found"), FOUND.values(), ids=FOUND)
    def test_find_what_is_unsafe(self, settings: LazySettings, changes: dict[str, Any], found: list[str]) -> None:
        configure(settings, changes)
        messages = [
            message
            for check in (checks.environment, checks.live, checks.way_to_amazon, checks.signing_in)
            for message in check()
        ]
        assert [message.id for message in messages] == [f"jwo_store.{name}" for name in found]
        assert all(message.is_serious() for message in messages)

    @pytest.mark.parametrize(("changes", "found"), FOUND.values(), ids=FOUND)
    @pytest.mark.django_db
    def test_stop_the_start_for_each_of_them(
        self, settings: LazySettings, changes: dict[str, Any], found: list[str]
    ) -> None:
        configure(settings, changes)
        if not found:
            checks.refuse_unsafe_start()
            return
        with pytest.raises(ImproperlyConfigured) as refused:
            checks.refuse_unsafe_start()
        assert str(refused.value).count("\n- ") == len(found)
        assert str(refused.value).startswith("this would not be safe to start:\n- ")

    def test_say_what_to_do(self, settings: LazySettings) -> None:
        configure(settings, {"CHECKOUT_LEASE": 60.0, "AMAZON_CHECKOUT_URL": TEST_HOST})
        assert [message.msg for message in checks.way_to_amazon()] == [
            (
                "CHECKOUT_LEASE is 60 s; it must be at least twice what a call may take (31 s), or two calls for one "
                "trip could meet."
            ),
            (
                "AMAZON_CHECKOUT_URL is us-east-1.test.checkout.amazonphysicalstores.com, but JWO_ENVIRONMENT is "
                "live. Make them agree."
            ),
        ]

    def test_show_no_secret(self, settings: LazySettings) -> None:
        configure(settings, {"CONNECTOR_SECRETS": ["short-secret"]})
        assert "short-secret" not in str(checks.environment())

    def test_are_run_by_every_command(self, settings: LazySettings) -> None:
        configure(settings, {"AMAZON_CHECKOUT_URL": TEST_HOST, "DATABASES": settings.DATABASES})
        assert "jwo_store.E022" in [message.id for message in run_checks()]


class TestDemoLogins:
    @pytest.mark.parametrize("environment", ["sandbox", "test", "live"])
    @pytest.mark.django_db
    def test_stop_the_start_anywhere_but_in_the_demo(self, settings: LazySettings, environment: str) -> None:
        OwnerFactory(username="admin", email="admin@demo.invalid")
        OwnerFactory(username="real", email="real@example.com")
        configure(settings, {"JWO_ENVIRONMENT": environment, "DATABASES": settings.DATABASES})
        [message] = checks.no_demo_logins(databases=["default"])
        assert (message.id, message.msg) == (
            "jwo_store.E012",
            "Demo logins exist: admin. Delete them before this environment is used.",
        )
        with pytest.raises(ImproperlyConfigured, match="Demo logins exist: admin"):
            checks.refuse_unsafe_start()
        settings.DEMO = True
        assert checks.no_demo_logins(databases=["default"]) == []

    def test_are_looked_for_only_where_the_database_is_to_be_asked(self, settings: LazySettings) -> None:
        settings.DEMO = False
        assert checks.no_demo_logins(databases=None) == []
        assert checks.no_demo_logins() == []


UNSAFE = {
    "JWO_ENVIRONMENT": "live",
    "CELERY_BROKER_URL": "memory://",
    "DEBUG": "on",
}
REASONS = (
    "SECRET_KEY is not set",
    "ALLOWED_HOSTS is not set",
    "DEBUG is on",
    "The live environment does not run on SQLite",
    "The live environment does not run on a broker in memory",
)


@pytest.mark.parametrize(
    ("command", "secret_key"),
    [
        (["-c", "import jwo_store.wsgi"], {}),
        (["-m", "celery", "-A", "jwo_store", "worker", "--pool=solo"], {"SECRET_KEY": DEMO_SECRET_KEY}),
    ],
    ids=["web without a secret key", "worker with that of the demo"],
)
def test_an_unsafe_live_process_says_all_that_is_wrong_and_does_not_start(
    command: list[str], secret_key: dict[str, str], tmp_path: Path
) -> None:
    """With the settings themselves, as an operator would start it."""
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**own, **UNSAFE, **secret_key, "DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/x"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    missing = [reason for reason in REASONS if reason not in ended.stderr + ended.stdout]
    assert missing == []
