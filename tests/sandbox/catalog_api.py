"""The Catalog API: Upload Catalog, Archive, and Get Catalog Upload Status."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.sandbox.catalog import CatalogBook
from tests.sandbox.catalog_modes import ARCHIVE, CALLS, STATUS, TOO_MANY, UPLOAD
from tests.sandbox.catalog_requests import (
    UNKNOWN_INGESTION,
    CatalogRefused,
    read_archive,
    read_status,
    read_upload,
)
from tests.sandbox.catalog_settings import CatalogSettings
from tests.sandbox.ingestions import Ingestions
from tests.sandbox.mode import Charging, Mode
from tests.sandbox.pace import Pace
from tests.sandbox.reports import Links
from tests.sandbox.sigv4 import Credentials, SignatureRefusedError, verify
from tests.sandbox.switches import Switchboard
from tests.sandbox.wire import Delivery, Reply, Request, error_of, error_reply, json_reply, words_reply

MAX_BODY = 10 * 1024 * 1024
TOO_LARGE = "Request Entity Too Large"

Done = tuple[Reply, str | None]
"""A reply, and the ingestion that it is about."""


@dataclass(slots=True)
class CatalogService:
    book: CatalogBook
    ingestions: Ingestions
    links: Links
    switchboard: Switchboard
    settings: CatalogSettings
    credentials: Credentials
    file_stores: Collection[str]
    pace: Pace
    clock: Callable[[], float]

    @property
    def stores(self) -> list[str]:
        """Every store that Amazon knows."""
        return list(dict.fromkeys([*self.file_stores, *self.settings.stores]))

    def routes(self) -> dict[tuple[str, str], Callable[[Request], Reply]]:
        return {
            ("POST", "/v1/catalog/upload"): lambda request: self._called(UPLOAD, request),
            ("POST", "/v1/catalog/archive"): lambda request: self._called(ARCHIVE, request),
            ("POST", "/v1/catalog/getCatalogUploadStatus"): lambda request: self._called(STATUS, request),
        }

    def _called(self, call: str, request: Request) -> Reply:
        """Answer a call and note it.

        The order of the checks: size, signature, pace, form, stores. A switch that takes nothing in answers any signed
        call before the last two.
        """
        (reply, ingestion_id), mode = self._answer(call, request)
        is_answered = reply.delivery is not Delivery.NONE
        self.book.called(
            call,
            ingestion_id,
            sha256=hashlib.sha256(request.body).hexdigest(),
            status=int(reply.status) if is_answered else None,
            error=error_of(reply)[0] if is_answered else None,
            mode=mode.name if mode else None,
        )
        return reply

    def _answer(self, call: str, request: Request) -> tuple[Done, Mode | None]:
        if refusal := self._turned_away(request):
            return (refusal, None), None
        switch = self.switchboard.draw(CALLS, call=call, stores=lambda: self._stores_of(call, request.body))
        if switch is None:
            return self._do(call, request), None
        if switch.mode.charging is Charging.NEVER:
            return (switch.mode.twist(Reply(), switch.options), None), switch.mode
        reply, ingestion_id = self._do(call, request)
        if ingestion_id is None:  # refused: nothing was taken in that could go wrong
            return (reply, None), None
        return (switch.mode.twist(reply, switch.options), ingestion_id), switch.mode

    def _turned_away(self, request: Request) -> Reply | None:
        if len(request.body) > MAX_BODY:
            return words_reply(413, TOO_LARGE)
        try:
            verify(request, self.credentials, datetime.fromtimestamp(self.clock(), UTC))
        except SignatureRefusedError as problem:
            return error_reply(403, "AccessDeniedException", str(problem))
        if not self.pace.admits(self.settings.calls_per_second):
            return words_reply(429, TOO_MANY)
        return None

    def _do(self, call: str, request: Request) -> Done:
        try:
            return DOINGS[call](self, request.body)
        except CatalogRefused as refusal:
            return words_reply(400, str(refusal)), None

    def _stores_of(self, call: str, body: bytes) -> Collection[str]:
        """The stores that a call is about, none where it is wrong or names none."""
        try:
            if call == UPLOAD:
                return {item["store_id"] for item in read_upload(body, self.stores)}
            ingestion = self.book.find(read_status(body)) if call == STATUS else None
        except CatalogRefused:
            return ()
        return ingestion.stores if ingestion else ()

    def _upload(self, body: bytes) -> Done:
        return _taken_in(self.ingestions.take_in_items(read_upload(body, self.stores)))

    def _archive(self, body: bytes) -> Done:
        return _taken_in(self.ingestions.take_in_skus(read_archive(body, self.stores)))

    def _status(self, body: bytes) -> Done:
        ingestion = self.book.find(read_status(body))
        if ingestion is None:
            raise CatalogRefused(UNKNOWN_INGESTION)
        link = self.links.give(ingestion, STATUS)
        told = {"processingStatus": ingestion.status, "reportDownloadLink": link}
        return json_reply(told), ingestion.ingestion_id


def _taken_in(ingestion_id: str) -> Done:
    return json_reply({"ingestionId": ingestion_id}, 201), ingestion_id


DOINGS: Mapping[str, Callable[[CatalogService, bytes], Done]] = {
    UPLOAD: CatalogService._upload,
    ARCHIVE: CatalogService._archive,
    STATUS: CatalogService._status,
}
