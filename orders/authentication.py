"""Who may call the Ordering Connector: Amazon's gateway, known by a secret and by the caller's ARN.

The gateway in front has checked Amazon's signature already; what we see are the headers that it sets. Closed by
default: without a configured secret nobody may call. Strangers get no hint of what was wrong.
"""

import hmac
import logging
import re
import time
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from jwo_store.alarms import raise_alarm

logger = logging.getLogger(__name__)

ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam|sts)::(?P<account>\d{12}):(?:role|assumed-role)/(?P<path>[^\s,]+)\Z",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Amazon, as authenticated; `name` is what is kept with the cart."""

    name: str
    is_authenticated: ClassVar[bool] = True


class OrderingConnectorAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None]:
        arn = request.META.get("HTTP_X_CALLER_ARN", "")
        if not _secret_fits(request.META.get("HTTP_X_CONNECTOR_SECRET", "")):
            _tell("a wrong or missing secret")
            raise AuthenticationFailed
        if settings.CONNECTOR_CALLER_ARNS and _account_and_role(arn) not in _allowed():
            _tell("a caller that is not on the list")
            raise PermissionDenied
        return Caller(arn[:255] or "connector"), None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  DRF's signature
        return "Connector"


def _secret_fits(given: str) -> bool:
    """Compared with every secret in constant time; two are valid while they are rotated."""
    secret = given.encode("utf-8", "surrogateescape")
    fits = [hmac.compare_digest(secret, own.encode()) for own in settings.CONNECTOR_SECRETS if own]
    return any(fits)


def _account_and_role(arn: str) -> tuple[str, str] | None:
    """The account and the role's name: the ARN of an assumed role ends in a session that changes.

    A header sent twice arrives joined by a comma and is no ARN.
    """
    found = ARN.match(arn)
    if not found:
        return None
    parts = found["path"].split("/")
    return found["account"], parts[0] if ":assumed-role/" in arn else parts[-1]


def _allowed() -> set[tuple[str, str] | None]:
    return {_account_and_role(arn) for arn in settings.CONNECTOR_CALLER_ARNS} - {None}


TELL_EVERY = 60.0
_told_at: dict[str, float] = {}


def _tell(why: str) -> None:
    """Alarm, but at most once a minute in each process: a stranger must not make us write at their pace."""
    logger.warning("call of the Ordering Connector refused: %s", why)
    if time.monotonic() - _told_at.get(why, -TELL_EVERY) < TELL_EVERY:
        return
    _told_at[why] = time.monotonic()
    raise_alarm(
        "Refused caller",
        why,
        f"Somebody called the Ordering Connector with {why}. If it was Amazon's gateway, carts are being refused: "
        "compare CONNECTOR_SECRETS and CONNECTOR_CALLER_ARNS with the gateway's settings.",
    )
