"""The life of an ingestion: INQUEUE, INPROGRESS, and an end of its own accord, by a switch, or by control."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import RLock
from typing import Protocol

from tests.sandbox.catalog import (
    CANCELLED,
    DONE,
    ENDS,
    FATAL,
    INPROGRESS,
    INQUEUE,
    CatalogBook,
    Fate,
    Ingestion,
)
from tests.sandbox.catalog_modes import ARCHIVE, INGESTIONS, UPLOAD
from tests.sandbox.catalog_requests import Item
from tests.sandbox.catalog_settings import CatalogSettings
from tests.sandbox.item_rules import Failures, Standing, archive_failure, key_of, shared_out, upload_failures
from tests.sandbox.schedule import Schedule, at_once_or_after
from tests.sandbox.switches import Switchboard

UNKNOWN_WORD = "VALIDATING"
HALF = 0.5
ENDS_OF_FATES: dict[str, str | None] = {
    "ingestion_fatal": FATAL,
    "ingestion_cancelled": CANCELLED,
    "ingestion_never_ends": None,
}


class Announcer(Protocol):
    def __call__(self, ingestion: Ingestion) -> None: ...


class UnknownIngestion(Exception):
    """No ingestion has this ID, or it has ended; the text says which."""


@dataclass(slots=True)
class Ingestions:
    """Moves ingestions to their end and announces it. Without seconds to wait they end before the call is answered."""

    book: CatalogBook
    switchboard: Switchboard
    settings: CatalogSettings
    announce: Announcer
    schedule: Schedule = at_once_or_after
    _lock: RLock = field(default_factory=RLock)

    def take_in_items(self, items: list[Item]) -> str:
        return self._start(
            self.book.take_in(UPLOAD, self._fate(UPLOAD, {key_of(item)[1] for item in items}), items=items)
        )

    def take_in_skus(self, skus: list[str]) -> str:
        return self._start(self.book.take_in(ARCHIVE, self._fate(ARCHIVE, ()), skus=skus))

    def resume(self) -> None:
        """Carry on with what a sandbox that was stopped left unfinished."""
        for ingestion in self.book.unfinished():
            self._start(ingestion.ingestion_id)

    def finish(self, ingestion_id: str, status: str = DONE) -> Ingestion:
        """End an ingestion now, whatever its switch says; one that is DONE stays so."""
        with self._lock:
            ingestion = self.book.find(ingestion_id)
            if ingestion is None:
                raise UnknownIngestion(f"There is no ingestion {ingestion_id}")
            if ingestion.status == DONE:
                raise UnknownIngestion(f"Ingestion {ingestion_id} is DONE already")
            self._move(ingestion, status)
        return ingestion

    def _fate(self, kind: str, stores: Collection[str]) -> Fate | None:
        switch = self.switchboard.draw(INGESTIONS, call=kind, stores=lambda: stores)
        return Fate(switch.mode.name, switch.options.word, switch.options.failed_share) if switch else None

    def _start(self, ingestion_id: str) -> str:
        self._later(ingestion_id, self._begin)
        return ingestion_id

    def _later(self, ingestion_id: str, step: Callable[[Ingestion], None]) -> None:
        """Do it after half of the seconds, unless the ingestion was ended or forgotten meanwhile."""

        def action() -> None:
            with self._lock:
                ingestion = self.book.find(ingestion_id)
                if ingestion is not None and ingestion.is_open:
                    step(ingestion)

        self.schedule(self.settings.seconds * HALF, action)

    def _begin(self, ingestion: Ingestion) -> None:
        if ingestion.status == INQUEUE:
            self._move(ingestion, INPROGRESS)
        self._later(ingestion.ingestion_id, self._end)

    def _end(self, ingestion: Ingestion) -> None:
        status = _natural_end(ingestion.fate)
        if status is not None and status != ingestion.status:
            self._move(ingestion, status)

    def _move(self, ingestion: Ingestion, status: str) -> None:
        self.book.moved(ingestion.ingestion_id, status, self._failures(ingestion) if status == DONE else None)
        if status in ENDS:
            self.announce(ingestion)

    def _failures(self, ingestion: Ingestion) -> Failures:
        found = shared_out(ingestion.rows, _failed_share(ingestion.fate))
        if ingestion.kind == UPLOAD:
            return found | upload_failures(ingestion.items, self.settings.refused)
        faults = {key: archive_failure(key[0], self._standing(key[0]), self.settings.refused) for key in ingestion.rows}
        return found | {key: fault for key, fault in faults.items() if fault}

    def _standing(self, sku: str) -> Standing:
        held = self.book.holdings(sku)
        return Standing(bool(held), all(one.archived for one in held), self.settings.planogram.get(sku, ()))


def _natural_end(fate: Fate | None) -> str | None:
    """The status that an ingestion comes to by itself; None when it comes to no end."""
    if fate is None:
        return DONE
    if fate.mode == "ingestion_unknown_status":
        return fate.word or UNKNOWN_WORD
    return ENDS_OF_FATES.get(fate.mode, DONE)


def _failed_share(fate: Fate | None) -> float:
    if fate is None or fate.mode != "ingestion_partly_failed":
        return 0.0
    return HALF if fate.failed_share is None else fate.failed_share
