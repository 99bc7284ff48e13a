"""The reports of ingestions, behind links as S3 presigns them: whoever has the link may read it, until it runs out."""

import hashlib
import hmac
import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode

from tests.sandbox.catalog import DONE, CatalogBook, Ingestion, report_rows
from tests.sandbox.catalog_modes import ELSEWHERE, LINKS, REPORTS
from tests.sandbox.catalog_settings import CatalogSettings
from tests.sandbox.mode import Options
from tests.sandbox.sigv4 import ALGORITHM, TIME_FORMAT, Credentials
from tests.sandbox.switches import Switchboard
from tests.sandbox.wire import Reply, Request

REPORT_PATH = "/reports/"
ENDING = ".json"
ONE_AUTH_ONLY = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or "
    "the Authorization header should be specified"
)


class Shelf(Protocol):
    """Where reports lie."""

    def link(self, ingestion: Ingestion, given_at: datetime, seconds: float) -> str:
        """An address under which the report can be read until so many seconds after that moment."""


@dataclass(slots=True)
class Links:
    """Gives the link to an ingestion's report, a fresh one each time; "" while there is none."""

    shelf: Shelf
    switchboard: Switchboard
    settings: CatalogSettings
    clock: Callable[[], float]

    def give(self, ingestion: Ingestion, call: str) -> str:
        """The link for a status or a notification."""
        if ingestion.status != DONE:
            return ""
        switch = self.switchboard.draw(LINKS, call=call, stores=lambda: ingestion.stores)
        mode, options = (switch.mode.name, switch.options) if switch else ("", Options())
        if mode == "link_missing":
            return ""
        if mode == "link_elsewhere":
            return options.location or ELSEWHERE
        return self._link(ingestion, has_run_out=mode == "link_expired")

    def _link(self, ingestion: Ingestion, *, has_run_out: bool) -> str:
        life = self.settings.link_life
        given_at = datetime.fromtimestamp(self.clock(), UTC)
        return self.shelf.link(ingestion, given_at - timedelta(seconds=life + 1) if has_run_out else given_at, life)


def report_content(ingestion: Ingestion) -> bytes:
    return json.dumps({"items": report_rows(ingestion)}).encode()


def reply_of(ingestion: Ingestion, switchboard: Switchboard) -> Reply:
    """The report, or what a switch makes of it."""
    reply = Reply(body=report_content(ingestion))
    switch = switchboard.draw(REPORTS, stores=lambda: ingestion.stores)
    return switch.mode.twist(reply, switch.options) if switch else reply


@dataclass(slots=True)
class ReportPages:
    """The sandbox's own shelf: reports under its address, with links that it signs and checks itself."""

    book: CatalogBook
    switchboard: Switchboard
    credentials: Credentials
    url: Callable[[], str]
    clock: Callable[[], float]

    def link(self, ingestion: Ingestion, given_at: datetime, seconds: float) -> str:
        scope = f"{given_at:%Y%m%d}/{self.credentials.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key}/{scope}",
            "X-Amz-Date": given_at.strftime(TIME_FORMAT),
            "X-Amz-Expires": f"{seconds:g}",
            "X-Amz-SignedHeaders": "host",
        }
        query["X-Amz-Signature"] = self._signature(ingestion.key, query["X-Amz-Date"], query["X-Amz-Expires"])
        return f"{self.url()}{REPORT_PATH}{ingestion.key}{ENDING}?{urlencode(query, quote_via=quote)}"

    def read(self, request: Request) -> Reply:
        """Answer a GET of a report as S3 does."""
        key = request.path.removeprefix(REPORT_PATH).removesuffix(ENDING)
        if request.header("authorization"):
            return _s3_error(400, "InvalidArgument", ONE_AUTH_ONLY)
        query = request.query
        if "X-Amz-Signature" not in query:
            return _s3_error(403, "AccessDenied", "Access Denied")
        expected = self._signature(key, query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", ""))
        if not hmac.compare_digest(expected.encode(), query["X-Amz-Signature"].encode()):
            return _s3_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        if self._has_run_out(query["X-Amz-Date"], query["X-Amz-Expires"]):
            return _s3_error(403, "AccessDenied", "Request has expired")
        ingestion = self.book.find_report(key)
        if ingestion is None:
            return _s3_error(404, "NoSuchKey", "The specified key does not exist.")
        return reply_of(ingestion, self.switchboard)

    def _has_run_out(self, date: str, expires: str) -> bool:
        given_at = datetime.strptime(date, TIME_FORMAT).replace(tzinfo=UTC)
        return self.clock() > given_at.timestamp() + float(expires)

    def _signature(self, key: str, date: str, expires: str) -> str:
        text = f"{key}\n{date}\n{expires}"
        return hmac.new(self.credentials.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _s3_error(status: int, code: str, message: str) -> Reply:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{html.escape(message)}</Message></Error>"
    )
    return Reply(status, text.encode(), content_type="application/xml")
