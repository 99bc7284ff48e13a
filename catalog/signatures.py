"""Whether a notification is Amazon SNS's own: its signature, and the certificate that the signature is checked with.

Source: AWS SNS developer guide, "Verifying the signatures of Amazon SNS messages". Raw delivery carries no signature.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from jwo_store import download

_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
"""By Type, in the order in which they are signed."""

OPTIONAL_FIELDS = ("Subject",)
ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303  so AWS signs, and nobody else chooses the text  # nosec B303
    "2": hashes.SHA256(),
}
"""By SignatureVersion, which the topic's owner chooses; 1 is what a topic has unless he does."""

MAX_CERTIFICATE = 16_384
"""Bytes. Amazon's has about 2,000."""

FETCH_TIMEOUT = 10.0
FAILURE_STANDS = 3.0
"""Seconds for which a certificate that could not be fetched is not asked for again."""

MAX_HELD = 32

_TOPIC_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]+(?:\.fifo)?"
)
_HOST_OF_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9.-]+|\[::1\])(?::[0-9]+)?/?$")
_CERTIFICATE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[::1\])(?P<port>:[0-9]{1,5})?"
    r"/SimpleNotificationService-[0-9A-Fa-f]{1,64}\.pem"
)

T = TypeVar("T")


class Untrusted(Exception):
    """The message is not to be believed; its text says why."""


class NotSigned(Untrusted):
    """There is no signature that could be checked."""


class Forged(Untrusted):
    """The signature is not Amazon SNS's, or not this message's."""


class CertificateUnavailable(Exception):
    """The certificate could not be fetched: whether the message is true is open. Ask again later."""


def verify(message: Mapping[str, str], certificate: bytes, *, now: datetime) -> None:
    """Returns if the PEM certificate's key signed this message and the certificate is valid now.

    Raises NotSigned or Forged. That the certificate is Amazon's own follows from where it was fetched
    (`certificate_url`); that the topic is ours, the caller must see to.
    """
    text = canonical(message)
    algorithm = ALGORITHMS.get(message.get("SignatureVersion", ""))
    if algorithm is None:
        raise NotSigned("The message is signed in no way that we know (SignatureVersion is neither 1 nor 2).")
    signature = _signature(message)
    try:
        _key(certificate, now).verify(signature, text, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        raise Forged("The signature does not belong to this message.") from None


def canonical(message: Mapping[str, str]) -> bytes:
    """The text that was signed: names and values of the fields in their order, a line each. Raises NotSigned."""
    names = SIGNED_FIELDS.get(message.get("Type", ""))
    if names is None:
        raise NotSigned("The message is of no type that Amazon SNS signs.")
    present = [name for name in names if name in message or name not in OPTIONAL_FIELDS]
    if missing := [name for name in present if name not in message]:
        raise NotSigned(f"The message lacks what its signature covers ({', '.join(missing)}).")
    return "".join(f"{name}\n{message[name]}\n" for name in present).encode(errors="surrogatepass")


def signing_hosts(topic_arn: str, *, sns_endpoint: str = "") -> tuple[str, ...]:
    """Where the certificates of this topic's messages may stand: with SNS in the topic's region, and with its stand-in.

    `sns_endpoint` is the value of AWS_ENDPOINT_URL_SNS, to be given in the sandbox alone. Raises ValueError for what is
    no topic's ARN.
    """
    found = _TOPIC_ARN.fullmatch(topic_arn)
    if not found:
        raise ValueError(f"“{topic_arn}” is no ARN of an SNS topic")
    china = ".cn" if found["partition"] == "aws-cn" else ""
    own = f"sns.{found['region']}.amazonaws.com{china}"
    stand_in = _HOST_OF_URL.match(sns_endpoint)
    return (own, stand_in["host"]) if stand_in else (own,)


def certificate_url(message: Mapping[str, str], *, allowed_hosts: Sequence[str], http_allowed: bool) -> str:
    """Where the message says its certificate stands, if that is a place where SNS keeps them on one of these hosts.

    That is behind https and on no port of its own; a stand-in on this machine may do without, if `http_allowed`. Raises
    NotSigned or Forged.
    """
    if "SigningCertURL" not in message:
        raise NotSigned("The message does not say where its certificate stands (SigningCertURL).")
    found = _CERTIFICATE_URL.fullmatch(message["SigningCertURL"])
    if not found:
        raise Forged("The signature's certificate does not stand where Amazon SNS keeps them.")
    if found["host"] not in allowed_hosts:
        raise Forged(f"The signature's certificate stands with {found['host']}, not with our topic's Amazon SNS.")
    stand_in = http_allowed and found["host"] in download.LOOPBACK
    if not stand_in and (found["scheme"] != "https" or found["port"]):
        raise Forged("The signature's certificate does not stand behind https.")
    return found[0]


class Certificates:
    """The certificates that this process has fetched, by their URL: Amazon changes them about once a year."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, bytes] = {}
        self._failed: dict[str, tuple[float, str]] = {}

    def get(self, url: str, *, allowed_hosts: Sequence[str], http_allowed: bool) -> bytes:
        """In PEM. Raises CertificateUnavailable, and for some seconds then also without asking again."""
        if certificate := self._held.get(url):
            return certificate
        failed_at, reason = self._failed.get(url, (-FAILURE_STANDS, ""))
        if self._clock() - failed_at < FAILURE_STANDS:
            raise CertificateUnavailable(reason)
        try:
            certificate = _fetched(url, allowed_hosts, http_allowed=http_allowed)
        except CertificateUnavailable as error:
            self._failed = _with(self._failed, url, (self._clock(), str(error)))
            raise
        self._held = _with(self._held, url, certificate)
        return certificate


CERTIFICATES = Certificates()
"""Of this process."""


def _with(held: dict[str, T], url: str, value: T) -> dict[str, T]:
    """A new dictionary, so that neither threads nor a fork meet a half-changed one; the oldest go beyond MAX_HELD."""
    kept = list(held.items())[-(MAX_HELD - 1) :]
    return {**dict(kept), url: value}


def _fetched(url: str, allowed_hosts: Sequence[str], *, http_allowed: bool) -> bytes:
    try:
        certificate = download.fetch(
            url,
            allowed_hosts=allowed_hosts,
            http_allowed=http_allowed,
            max_bytes=MAX_CERTIFICATE,
            total_timeout=FETCH_TIMEOUT,
        )
        x509.load_pem_x509_certificate(certificate)
    except download.DownloadError as error:
        raise CertificateUnavailable(f"The signature's certificate could not be fetched. {error}") from None
    except ValueError:
        raise CertificateUnavailable("The signature's certificate could not be fetched: what came is none.") from None
    return certificate


def _signature(message: Mapping[str, str]) -> bytes:
    if "Signature" not in message:
        raise NotSigned("The message is not signed.")
    try:
        return base64.b64decode(message["Signature"], validate=True)
    except ValueError:
        raise Forged("The message's signature cannot be read.") from None


def _key(certificate: bytes, now: datetime) -> rsa.RSAPublicKey:
    """The public key that checks signatures, of a certificate that is valid now."""
    try:
        read = x509.load_pem_x509_certificate(certificate)
        key = read.public_key()
    except ValueError:
        raise Forged("The signature's certificate cannot be read.") from None
    if not read.not_valid_before_utc <= now <= read.not_valid_after_utc:
        until = f"{read.not_valid_before_utc:%Y-%m-%d} to {read.not_valid_after_utc:%Y-%m-%d}"
        raise Forged(f"The signature's certificate is not valid now (but from {until}).")
    if not isinstance(key, rsa.RSAPublicKey):
        raise Forged("The signature's certificate is not of the kind that Amazon SNS uses.")
    return key
