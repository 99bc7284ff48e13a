"""The signatures under Amazon's notifications: a key, its certificate, and what exactly is signed.

Source: "Verifying the signatures of Amazon SNS messages" in the Amazon SNS developer guide.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NAME = "sns.amazonaws.com"
KEY_BITS = 2048
VALID_FOR = timedelta(days=365)
SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 -- SignatureVersion 1 is SHA1withRSA, Amazon's default to this day
    "2": hashes.SHA256(),
}

Envelope = dict[str, str]


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with a certificate that it signed itself, made when it is asked for first."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: bytes

    @property
    def certificate_path(self) -> str:
        return f"/SimpleNotificationService-{hashlib.sha256(self.certificate).hexdigest()[:32]}.pem"

    def sign(self, envelope: Envelope) -> str:
        """The signature that belongs into an envelope, by its SignatureVersion."""
        text = string_to_sign(envelope).encode()
        return base64.b64encode(self.key.sign(text, padding.PKCS1v15(), HASHES[envelope["SignatureVersion"]])).decode()


def string_to_sign(envelope: Envelope) -> str:
    """Name and value of each field that is signed, each on a line of its own, in the order of the names."""
    fields = (name for name in SIGNED_FIELDS[envelope["Type"]] if name in envelope)
    return "".join(f"{name}\n{envelope[name]}\n" for name in fields)


@cache
def amazon() -> Signer:
    """Who really signs."""
    return _make_signer()


@cache
def forger() -> Signer:
    """Who would like to be taken for Amazon."""
    return _make_signer()


def _make_signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate.public_bytes(Encoding.PEM))
