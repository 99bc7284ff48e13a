"""The catalog's side of Amazon, put together: API, ingestions, reports, topic and queue."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from tests.sandbox.catalog import COMPLETE, CatalogBook
from tests.sandbox.catalog_api import CatalogService
from tests.sandbox.catalog_control import CatalogControl
from tests.sandbox.catalog_settings import CatalogSettings
from tests.sandbox.ingestions import Ingestions
from tests.sandbox.journal import Journal
from tests.sandbox.message_queue import MessageQueue
from tests.sandbox.notices import Channel, Notices
from tests.sandbox.pace import Pace
from tests.sandbox.reports import REPORT_PATH, Links, ReportPages, Shelf
from tests.sandbox.sigv4 import Credentials
from tests.sandbox.sqs import ACCOUNT, QUEUE_NAME, TARGET, QueueDoor
from tests.sandbox.switches import Switchboard
from tests.sandbox.topic import Topic
from tests.sandbox.wire import Reply, Request

INGESTION_SECONDS = 2.0
QUEUE_PATH = f"/{ACCOUNT}/{QUEUE_NAME}"

Route = Callable[[Request], Reply]
PeerIsWaiting = Callable[[], bool]
WaitingRoute = Callable[[Request, PeerIsWaiting], Reply]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where notices and reports go instead of the sandbox's own queue and pages; "" keeps them here."""

    topic_arn: str = ""
    sns_endpoint: str = ""
    bucket: str = ""
    s3_endpoint: str = ""


HERE = Elsewhere()


class CatalogSide:
    """Everything that Amazon does for the catalog. `url` gives the address under which others reach the sandbox."""

    def __init__(  # noqa: PLR0913 -- it is put together of these, once
        self,
        journal: Journal,
        switchboard: Switchboard,
        credentials: Credentials,
        *,
        file_stores: Collection[str],
        url: Callable[[], str],
        seconds: float = INGESTION_SECONDS,
        elsewhere: Elsewhere = HERE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.book = CatalogBook(journal, clock)
        self.settings = CatalogSettings(seconds)
        self.door = QueueDoor(MessageQueue(clock), credentials, url, clock)
        self.topic = Topic(self.door, self.book, self.settings, credentials, url, clock)
        self.pages = ReportPages(self.book, switchboard, credentials, url, clock)
        channel, shelf = self._outlets(elsewhere, switchboard, credentials)
        links = Links(shelf, switchboard, self.settings, clock)
        self.notices = Notices(channel, links, switchboard)
        self.ingestions = Ingestions(self.book, switchboard, self.settings, self.notices.tell)
        self.service = CatalogService(
            self.book,
            self.ingestions,
            links,
            switchboard,
            self.settings,
            credentials,
            file_stores,
            Pace(clock),
            clock,
        )
        self.control = CatalogControl(
            self.book, self.service, self.ingestions, self.notices, self.topic, self.door, seconds
        )
        self.door.policy = self.control.policy("good")

    def _outlets(
        self, elsewhere: Elsewhere, switchboard: Switchboard, credentials: Credentials
    ) -> tuple[Channel, Shelf]:
        """What carries the notices and holds the reports."""
        channel: Channel = self.topic
        shelf: Shelf = self.pages
        if elsewhere.topic_arn or elsewhere.bucket:
            from tests.sandbox.elsewhere import Bucket, TopicElsewhere, client  # noqa: PLC0415 -- boto3 loads slowly

            if elsewhere.topic_arn:
                channel = TopicElsewhere(client("sns", elsewhere.sns_endpoint, credentials), elsewhere.topic_arn)
            if elsewhere.bucket:
                shelf = Bucket(client("s3", elsewhere.s3_endpoint, credentials), elsewhere.bucket, switchboard)
        return channel, shelf

    def open(self) -> None:
        """Ask for the confirmation that is still missing, and carry on with what was left unfinished."""
        if self.book.subscription != COMPLETE:
            self.notices.ask_to_confirm()
        self.ingestions.resume()

    def routes(self) -> dict[tuple[str, str], Route]:
        certificate = ("GET", self.topic.signer.certificate_path)
        return self.service.routes() | self.control.routes() | {certificate: self.topic.certificate}

    def waiting_routes(self) -> dict[tuple[str, str], WaitingRoute]:
        """The doors of SQS and SNS: some of their answers wait for a message."""
        return {("POST", "/"): self._at_the_door, ("POST", QUEUE_PATH): self._at_the_door}

    def other(self, request: Request) -> Reply | None:
        """The answer at an address that can't stand in a table: a report, or a SubscribeURL."""
        if request.method == "GET" and request.path.startswith(REPORT_PATH):
            return self.pages.read(request)
        if (request.method, request.path) == ("GET", "/") and "Action" in request.query:
            return self.topic.visit(request)
        return None

    def _at_the_door(self, request: Request, peer_is_waiting: PeerIsWaiting) -> Reply:
        if request.header("x-amz-target").startswith(TARGET):
            return self.door.answer(request, peer_is_waiting)
        return self.topic.answer(request)
