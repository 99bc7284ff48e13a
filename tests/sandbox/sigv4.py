"""AWS Signature Version 4, checked by hand with hmac: a second opinion on whatever library signed the request.

Source: "Create a signed AWS API request" in the AWS IAM user guide.
"""

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from tests.sandbox.wire import Request

SERVICE = "execute-api"  # of the APIs behind an API gateway: the Checkout Service and the catalog
ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)
TIME_FORMAT = "%Y%m%dT%H%M%SZ"

AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential="
    r"(?P<key>[^/\s]+)/(?P<day>[0-9]{8})/(?P<region>[^/\s]+)/(?P<service>[^/\s]+)/aws4_request, ?"
    r"SignedHeaders=(?P<names>[a-z0-9;_-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureRefusedError(Exception):
    """The request is not signed as Amazon asks; the text says what to look at."""


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    region: str


def verify(request: Request, credentials: Credentials, now: datetime, service: str = SERVICE) -> None:
    """Pass a request that is rightly signed for a service.

    Raises SignatureRefusedError when it is not signed, signed for another region, service or key, at another time, or
    over another content.
    """
    claim = _claim(request)
    names = claim["names"].split(";")
    _check_scope(claim, credentials, service)
    _check_time(request, claim["day"], now)
    _check_names(request, names)
    _check_content(request)
    expected = _signature(request, claim, credentials)
    if not hmac.compare_digest(expected, claim["signature"]):
        raise SignatureRefusedError("The request signature does not match: look at the secret key and the content")


def _claim(request: Request) -> re.Match[str]:
    values = request.header_values("authorization")
    if len(values) != 1:
        raise SignatureRefusedError("Missing Authentication Token")
    claim = AUTHORIZATION.fullmatch(values[0])
    if claim is None:
        raise SignatureRefusedError("The Authorization header is not a complete AWS4-HMAC-SHA256 signature")
    return claim


def _check_scope(claim: re.Match[str], credentials: Credentials, service: str) -> None:
    if claim["service"] != service:
        raise SignatureRefusedError(f"Credential should be scoped to service {service}, not {claim['service']}")
    if claim["region"] != credentials.region:
        raise SignatureRefusedError(f"Credential should be scoped to region {credentials.region}")
    if not hmac.compare_digest(claim["key"].encode(), credentials.access_key.encode()):
        raise SignatureRefusedError("The access key is not one that may call this API")


def _check_time(request: Request, day: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(request.header("x-amz-date"), TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureRefusedError("X-Amz-Date is missing or not of the form YYYYMMDD'T'HHMMSS'Z'") from None
    if signed_at.strftime("%Y%m%d") != day:
        raise SignatureRefusedError("The date of the credential is not that of X-Amz-Date")
    if abs(now - signed_at) > MAX_SKEW:
        raise SignatureRefusedError("Signature expired or not yet current: the clocks differ by more than 5 minutes")


def _check_names(request: Request, names: list[str]) -> None:
    """Host and every x-amz- header must be signed, and no signed header may come twice."""
    if names != sorted(set(names)):
        raise SignatureRefusedError("SignedHeaders must be sorted, each name once")
    sent = [key.lower() for key, _ in request.headers]
    needed = {"host", "x-amz-date"} | {name for name in sent if name.startswith("x-amz-")}
    if unsigned := sorted(needed - set(names)):
        raise SignatureRefusedError(f"Headers must be signed: {', '.join(unsigned)}")
    if odd := [name for name in names if sent.count(name) != 1]:
        raise SignatureRefusedError(f"Signed headers must be sent exactly once: {', '.join(odd)}")


def _check_content(request: Request) -> None:
    claimed = request.header("x-amz-content-sha256")
    if claimed and claimed != hashlib.sha256(request.body).hexdigest():
        raise SignatureRefusedError("X-Amz-Content-Sha256 is not the hash of the content")


def _signature(request: Request, claim: re.Match[str], credentials: Credentials) -> str:
    day, service = claim["day"], claim["service"]
    names = claim["names"].split(";")
    canonical = "\n".join(
        (
            request.method,
            quote(_normal_path(request.path), safe="/-_.~"),
            _canonical_query(request.target.partition("?")[2]),
            *(f"{name}:{' '.join(request.header(name).split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = f"{day}/{credentials.region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{request.header('x-amz-date')}\n{scope}\n{digest}"
    key = _signing_key(credentials.secret_key, day, credentials.region, service)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _normal_path(path: str) -> str:
    """The path without dots and doubled slashes; a slash at the end stays."""
    normal = posixpath.normpath(path or "/").replace("//", "/")
    return normal if normal == "/" or not path.endswith("/") else f"{normal}/"


def _canonical_query(query: str) -> str:
    pairs = [[quote(part, safe="-_.~") for part in pair] for pair in parse_qsl(query, keep_blank_values=True)]
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


@lru_cache(maxsize=16)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
