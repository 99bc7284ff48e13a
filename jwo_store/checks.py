"""System checks that stop an unsafe start, each with what to do."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

ENVIRONMENTS = ("sandbox", "test", "live")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORT_SECRET = 16
MOST_TRIES = 20
LONGEST_SESSION = 24 * 3600


@register(Tags.security)
def environment(**_: Any) -> list[CheckMessage]:
    return list(_environment())


def _environment() -> Iterator[CheckMessage]:
    if settings.JWO_ENVIRONMENT not in ENVIRONMENTS:
        yield Error(
            f"JWO_ENVIRONMENT is “{settings.JWO_ENVIRONMENT}”. Set it to sandbox, test or live.", id="jwo_store.E001"
        )
    if _secret_key() in ("" if settings.DEMO else settings.DEMO_SECRET_KEY, ""):
        yield Error("SECRET_KEY is not set. Set it to a long random text of your own.", id="jwo_store.E002")
    if not settings.DEMO and not settings.ALLOWED_HOSTS:
        yield Error("ALLOWED_HOSTS is not set. Name the hosts that staff and Amazon use.", id="jwo_store.E003")
    if settings.DEBUG and not settings.DEMO:
        yield Error("DEBUG is on. Unset it outside the embedded demo.", id="jwo_store.E004")
    if any(len(secret) < SHORT_SECRET for secret in settings.CONNECTOR_SECRETS):
        yield Error(
            f"A secret in CONNECTOR_SECRETS has fewer than {SHORT_SECRET} characters. Choose a longer one.",
            id="jwo_store.E005",
        )


def _secret_key() -> str:
    """Django refuses to hand out an empty one; here it is one reason among others."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


@register(Tags.security)
def live(**_: Any) -> list[CheckMessage]:
    return list(_live()) if settings.JWO_ENVIRONMENT == "live" else []


def _live() -> Iterator[CheckMessage]:
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        yield Error(
            "The live environment does not run on SQLite. Set DATABASE_URL to a PostgreSQL.", id="jwo_store.E010"
        )
    if settings.CELERY_BROKER_URL.startswith("memory:"):
        yield Error(
            "The live environment does not run on a broker in memory. Set CELERY_BROKER_URL.", id="jwo_store.E011"
        )


@register(Tags.database)
def no_demo_logins(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Asked of the database itself, so only where a command checks it (`migrate`, `check --database default`)."""
    if not databases or settings.DEMO:
        return []
    try:
        demo = list(get_user_model().objects.filter(email__endswith="@demo.invalid").values_list("username", flat=True))
    except DatabaseError:
        return []
    if demo:
        return [
            Error(
                f"Demo logins exist: {', '.join(demo)}. Delete them before this environment is used.",
                id="jwo_store.E012",
            )
        ]
    return []


@register()
def way_to_amazon(**_: Any) -> list[CheckMessage]:
    return list(_way_to_amazon())


def _way_to_amazon() -> Iterator[CheckMessage]:
    bound = settings.CHECKOUT_CONNECT_TIMEOUT + settings.CHECKOUT_READ_TIMEOUT
    if bound * 2 > settings.CHECKOUT_LEASE:
        yield Error(
            f"CHECKOUT_LEASE is {settings.CHECKOUT_LEASE:g} s; it must be at least twice what a call may take "
            f"({bound:g} s), or two calls for one trip could meet.",
            id="jwo_store.E020",
        )
    for name in ("AMAZON_CHECKOUT_URL", "AMAZON_CATALOG_URL"):
        yield from _url(name, getattr(settings, name))
    if settings.JWO_ENVIRONMENT == "sandbox" and not settings.AMAZON_CHECKOUT_URL:
        return
    yield from _hosts_of_other_environments()


def _url(name: str, url: str) -> Iterator[CheckMessage]:
    parts = urlsplit(url)
    if not url or parts.scheme == "https":
        return
    if settings.JWO_ENVIRONMENT == "sandbox" and parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    yield Error(
        f"{name} is “{url}”. It must begin with https:// (plain http only to this machine, in the sandbox).",
        id="jwo_store.E021",
    )


def _hosts_of_other_environments() -> Iterator[CheckMessage]:
    """The hosts of test and live differ by one label; mixing them up charges real cards."""
    host = urlsplit(settings.AMAZON_CHECKOUT_URL).hostname or ""
    amazon = host.endswith(".checkout.amazonphysicalstores.com")
    says_test = host.endswith(".test.checkout.amazonphysicalstores.com")
    if amazon and (settings.JWO_ENVIRONMENT == "sandbox" or says_test != (settings.JWO_ENVIRONMENT == "test")):
        yield Error(
            f"AMAZON_CHECKOUT_URL is {host}, but JWO_ENVIRONMENT is {settings.JWO_ENVIRONMENT}. Make them agree.",
            id="jwo_store.E022",
        )


@register(Tags.security)
def signing_in(**_: Any) -> list[CheckMessage]:
    return list(_signing_in())


def _signing_in() -> Iterator[CheckMessage]:
    if settings.JWO_ENVIRONMENT == "live" and not settings.SIGN_IN_CODES:
        yield Error(
            "SIGN_IN_CODES is off, so that roles which need one-time codes would not ask for them. Unset it.",
            id="jwo_store.E034",
        )
    if settings.PROXY_COUNT < 0:
        yield Error(
            "PROXY_COUNT is below 0. Set it to the number of your own proxies in front of the web processes.",
            id="jwo_store.E030",
        )
    if not 1 <= settings.SIGN_IN_TRIES <= MOST_TRIES or settings.SIGN_IN_TRIES_WIDE < settings.SIGN_IN_TRIES:
        yield Error(
            f"SIGN_IN_TRIES is {settings.SIGN_IN_TRIES} and SIGN_IN_TRIES_WIDE is {settings.SIGN_IN_TRIES_WIDE}. Set "
            f"the first to 1 to {MOST_TRIES}, and the second to no less than the first.",
            id="jwo_store.E031",
        )
    if settings.SIGN_IN_BLOCK_MINUTES < 1:
        yield Error(
            f"SIGN_IN_BLOCK_MINUTES is {settings.SIGN_IN_BLOCK_MINUTES:g}. Set it to 1 or more, or passwords could be "
            "guessed.",
            id="jwo_store.E032",
        )
    if not 0 < settings.SESSION_IDLE <= settings.SESSION_COOKIE_AGE <= LONGEST_SESSION:
        yield Error(
            "SESSION_IDLE_MINUTES and SESSION_HOURS don't fit. Both must be above 0, the first no longer than the "
            "second, and the second at most 24.",
            id="jwo_store.E033",
        )


def refuse_unsafe_start() -> None:
    """For processes that start without a management command. Raises ImproperlyConfigured with every reason."""
    reasons = [message.msg for check in (environment, live, way_to_amazon, signing_in) for message in check()]
    reasons += [message.msg for message in no_demo_logins(databases=["default"])]
    if reasons:
        raise ImproperlyConfigured("this would not be safe to start:\n- " + "\n- ".join(reasons))
