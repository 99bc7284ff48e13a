"""What Amazon tells the retailer of its own accord, and when: properly, or as a switch has it."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.sandbox.catalog import DONE, INPROGRESS, Ingestion
from tests.sandbox.catalog_modes import CONFIRMATION, NOTICES, NOTIFICATION
from tests.sandbox.mode import Options
from tests.sandbox.reports import Links
from tests.sandbox.schedule import Schedule, after
from tests.sandbox.switches import Stores, Switchboard, no_stores

LATE_SECONDS = 30.0
COPIES = {"notice_twice": 2, "notice_many": 20}


class Channel(Protocol):
    """What carries messages to the retailer. The mode says how a message is sealed wrongly, if it is."""

    def notify(self, message: str, mode: str = "", copies: int = 1) -> None: ...

    def ask(self, mode: str = "", copies: int = 1) -> None: ...


@dataclass(slots=True)
class Notices:
    channel: Channel
    links: Links
    switchboard: Switchboard
    schedule: Schedule = after

    def tell(self, ingestion: Ingestion) -> None:
        """Announce that an ingestion has come to an end."""
        mode, options = self._manner(NOTIFICATION, lambda: ingestion.stores)
        if mode == "notice_orphan":
            self.channel.notify(_message(secrets.token_hex(24), DONE, ""))
        message = _message(ingestion.ingestion_id, ingestion.status, self.links.give(ingestion, NOTIFICATION))
        self._send(lambda copies: self.channel.notify(message, mode, copies), mode, options)
        if mode == "notice_out_of_order":
            self.channel.notify(_message(ingestion.ingestion_id, INPROGRESS, ""))

    def ask_to_confirm(self) -> None:
        """Ask the retailer to confirm the subscription."""
        mode, options = self._manner(CONFIRMATION)
        self._send(lambda copies: self.channel.ask(mode, copies), mode, options)

    def _manner(self, kind: str, stores: Stores = no_stores) -> tuple[str, Options]:
        switch = self.switchboard.draw(NOTICES, call=kind, stores=stores)
        return (switch.mode.name, switch.options) if switch else ("", Options())

    def _send(self, send: Callable[[int], None], mode: str, options: Options) -> None:
        copies = options.copies or COPIES.get(mode, 1)
        if mode == "notice_none":
            return
        if mode == "notice_late":
            self.schedule(options.wait(LATE_SECONDS), lambda: send(copies))
        else:
            send(copies)


def _message(ingestion_id: str, status: str, link: str) -> str:
    return json.dumps({"ingestionId": ingestion_id, "processingStatus": status, "reportDownloadLink": link})
