"""Amazon's topic: envelopes as SNS seals them, put on the retailer's queue once the retailer has confirmed."""

import html
import json
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from tests.sandbox.catalog import COMPLETE, PENDING, CatalogBook
from tests.sandbox.catalog_settings import CatalogSettings
from tests.sandbox.policy import OTHER_TOPIC, lets_in
from tests.sandbox.signatures import Envelope, Signer, amazon, forger
from tests.sandbox.sigv4 import Credentials, SignatureRefusedError, verify
from tests.sandbox.sqs import QueueDoor
from tests.sandbox.wire import Reply, Request

SERVICE = "sns"
AMAZONS_ACCOUNT = "999988887777"
TOPIC_NAME = "jwo-catalog-ingestions"
SUBJECT = "Catalog ingestion"
NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
FOREIGN_HOST = "https://sns.us-east-1.amazonaws.com.elsewhere.invalid"
WHAT_TO_DO = (
    "You have chosen to subscribe to the topic {topic}.\n"
    "To confirm the subscription, visit the SubscribeURL included in this message."
)

Seal = Callable[["Topic", Envelope], str]


def topic_arn(region: str) -> str:
    return f"arn:aws:sns:{region}:{AMAZONS_ACCOUNT}:{TOPIC_NAME}"


class SnsError(Exception):
    """An error as SNS names and words it."""

    def __init__(self, code: str, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.code = code
        self.status = status


@dataclass(slots=True)
class Topic:
    """One topic with one subscriber, the queue behind the door."""

    door: QueueDoor
    book: CatalogBook
    settings: CatalogSettings
    credentials: Credentials
    url: Callable[[], str]
    clock: Callable[[], float]
    signer: Signer = field(default_factory=amazon)
    undelivered: Counter[str] = field(default_factory=Counter)
    _tokens: set[str] = field(default_factory=set)

    @property
    def topic_arn(self) -> str:
        return topic_arn(self.credentials.region)

    @property
    def subscription_arn(self) -> str:
        return f"{self.topic_arn}:{uuid.uuid5(uuid.NAMESPACE_URL, self.door.queue_arn)}"

    def ask(self, mode: str = "", copies: int = 1) -> None:
        """Put a confirmation on the queue: notifications come once it is answered."""
        token = secrets.token_hex(144)
        self._tokens.add(token)
        self.book.subscribed(PENDING)
        envelope = self._envelope("SubscriptionConfirmation", WHAT_TO_DO.format(topic=self.topic_arn)) | {
            "Token": token,
            "SubscribeURL": self._link("ConfirmSubscription", TopicArn=self.topic_arn, Token=token),
        }
        self._deliver(self._sealed(envelope, mode), copies)

    def notify(self, message: str, mode: str = "", copies: int = 1) -> None:
        """Put a message on the queue, sealed as the mode has it; nothing before the subscription is confirmed."""
        if self.book.subscription != COMPLETE:
            self.undelivered["not confirmed"] += copies
            return
        envelope = self._envelope("Notification", message) | {
            "Subject": SUBJECT,
            "UnsubscribeURL": self._link("Unsubscribe", SubscriptionArn=self.subscription_arn),
        }
        if self.settings.raw_delivery:
            self._deliver(cut(message) if mode == "notice_malformed" else message, copies)
        else:
            self._deliver(self._sealed(envelope, mode), copies)

    def confirm(self, topic_arn: str, token: str) -> str:
        """Take the answer to a confirmation; the subscription's ARN."""
        if topic_arn != self.topic_arn:
            raise SnsError("NotFound", "Topic does not exist", 404)
        if token not in self._tokens:
            raise SnsError("InvalidParameter", "Invalid parameter: Token")
        if self.book.subscription != COMPLETE:
            self.book.subscribed(COMPLETE)
        return self.subscription_arn

    # Its doors

    def answer(self, request: Request) -> Reply:
        """Answer a signed call of boto3's SNS client (AWS query protocol)."""
        try:
            verify(request, self.credentials, datetime.fromtimestamp(self.clock(), UTC), SERVICE)
        except SignatureRefusedError as problem:
            return _error_reply(SnsError("SignatureDoesNotMatch", str(problem), 403))
        return self._do(dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)))

    def visit(self, request: Request) -> Reply:
        """Answer a visit of a SubscribeURL: the token is all it takes."""
        return self._do(request.query)

    def certificate(self, _request: Request) -> Reply:
        return Reply(body=self.signer.certificate, content_type="application/x-pem-file")

    def _do(self, asked: Mapping[str, str]) -> Reply:
        if asked.get("Action") != "ConfirmSubscription":
            return _error_reply(SnsError("InvalidAction", "The sandbox's topic knows only ConfirmSubscription"))
        try:
            arn = self.confirm(asked.get("TopicArn", ""), asked.get("Token", ""))
        except SnsError as problem:
            return _error_reply(problem)
        return _xml_reply(
            f'<ConfirmSubscriptionResponse xmlns="{NAMESPACE}"><ConfirmSubscriptionResult>'
            f"<SubscriptionArn>{arn}</SubscriptionArn></ConfirmSubscriptionResult>"
            f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></ConfirmSubscriptionResponse>"
        )

    # Envelopes

    def _envelope(self, kind: str, message: str) -> Envelope:
        moment = datetime.fromtimestamp(self.clock(), UTC)
        return {
            "Type": kind,
            "MessageId": str(uuid.uuid4()),
            "TopicArn": self.topic_arn,
            "Message": message,
            "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
            "SignatureVersion": self.settings.signature_version,
            "SigningCertURL": f"{self.url()}{self.signer.certificate_path}",
        }

    def _link(self, action: str, **query: str) -> str:
        return f"{self.url()}/?{urlencode({'Action': action, **query})}"

    def _sealed(self, envelope: Envelope, mode: str) -> str:
        return SEALS.get(mode, Topic._proper)(self, envelope)

    def _deliver(self, body: str, copies: int) -> None:
        if not lets_in(self.door.policy, self.topic_arn):
            self.undelivered["policy"] += copies
            return
        for _ in range(copies):
            self.door.queue.put(body)

    def _proper(self, envelope: Envelope) -> str:
        return json.dumps(envelope | {"Signature": self.signer.sign(envelope)})

    def _malformed(self, envelope: Envelope) -> str:
        return cut(self._proper(envelope))

    def _unsigned(self, envelope: Envelope) -> str:
        return json.dumps({name: value for name, value in envelope.items() if not name.startswith("Sign")})

    def _forged(self, envelope: Envelope) -> str:
        return json.dumps(envelope | {"Signature": forger().sign(envelope)})

    def _foreign_certificate(self, envelope: Envelope) -> str:
        foreign = envelope | {"SigningCertURL": f"{FOREIGN_HOST}{forger().certificate_path}"}
        return self._forged(foreign)

    def _other_topic(self, envelope: Envelope) -> str:
        return self._proper(envelope | {"TopicArn": OTHER_TOPIC})

    def _subscribe_elsewhere(self, envelope: Envelope) -> str:
        query = envelope["SubscribeURL"].partition("?")[2]
        return self._proper(envelope | {"SubscribeURL": f"{FOREIGN_HOST}/?{query}"})


SEALS: Mapping[str, Seal] = {
    "notice_malformed": Topic._malformed,
    "notice_unsigned": Topic._unsigned,
    "notice_forged": Topic._forged,
    "notice_foreign_certificate": Topic._foreign_certificate,
    "notice_other_topic": Topic._other_topic,
    "notice_subscribe_elsewhere": Topic._subscribe_elsewhere,
}


def cut(text: str) -> str:
    """The first half of a message: what arrives of one that was cut off."""
    return text[: len(text) // 2]


def _error_reply(problem: SnsError) -> Reply:
    return _xml_reply(
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{problem.code}</Code>'
        f"<Message>{html.escape(str(problem))}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>",
        problem.status,
    )


def _xml_reply(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode(), content_type="text/xml")
