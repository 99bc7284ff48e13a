"""A list that somebody has uploaded, between the steps of its import: packed, in a row of its own."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.apps import apps

from catalog.lists import sheet, text_file, workbook
from catalog.lists.sheet import MOST_BYTES, Layout, Sheet, Table, Unreadable
from catalog.models.lists import KeptList

KEPT_FOR = timedelta(hours=24)
MOST_KEPT = 3
"""Lists that wait for one person; an older one makes room."""

MOST_PACKED = 15_000_000

ARCHIVE = b"PK\x03\x04"
OLD_SPREADSHEET = b"\xd0\xcf\x11\xe0"
"""How an .xls file begins, and an .xlsx file with a password."""

L = TypeVar("L", bound=KeptList)


class TooLarge(Unreadable):
    def __init__(self) -> None:
        super().__init__(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it into several files.")


class NothingChanged(Exception):
    """The list was not applied; the message says why, and what to do."""


class Gone(NothingChanged):
    """There is no such list of this person: applied, discarded, or too old."""

    def __init__(self) -> None:
        super().__init__("This list is no longer here: it was applied, discarded or is too old. Choose the file again.")


def refuse_wrong_rows(count: int) -> None:
    """Nothing of a list is applied while a row is wrong. Raises NothingChanged."""
    if count:
        wrong = "1 row is wrong" if count == 1 else f"{count:,} rows are wrong"
        raise NothingChanged(f"Nothing was changed: {wrong}. Mend the file and choose it again.")


@dataclass(frozen=True)
class Keeping(Generic[L]):
    """Lists of one kind: how they are laid out, and where they wait."""

    model: type[L]
    layout: Layout

    def keep(self, raw: bytes, *, file_name: str, by: Any, now: datetime) -> L:
        """The list in this file, waiting for its owner to look at it. Raises Unreadable."""
        rows = self._read(raw)
        packed = zlib.compress(msgspec.json.encode(rows), 6)
        if len(packed) > MOST_PACKED:
            raise Unreadable("The list is too long. Split it into several files.")
        self._make_room(by, now)
        kept: L = self.model.objects.create(
            owner=by,
            file_name=file_name[-255:],
            packed=packed,
            row_count=len(rows.rows),
            uploaded_at=now,
            expires_at=now + KEPT_FOR,
        )
        return kept

    def _read(self, raw: bytes) -> Sheet:
        if len(raw) > MOST_BYTES:
            raise TooLarge
        return sheet.read(self._table(raw), self.layout)

    def _table(self, raw: bytes) -> Table:
        if raw.startswith(OLD_SPREADSHEET):
            raise Unreadable(
                "This is an old spreadsheet (.xls), or one with a password. Save it as .xlsx without a password, "
                "or as CSV."
            )
        return workbook.read(raw) if raw.startswith(ARCHIVE) else text_file.read(raw, self.layout)

    def _make_room(self, by: Any, now: datetime) -> None:
        clear_expired(now=now)
        newest = self.waiting(by, now).order_by("-uploaded_at").values_list("pk", flat=True)
        self.model.objects.filter(pk__in=list(newest[MOST_KEPT - 1 :])).delete()

    def waiting(self, by: Any, now: datetime) -> Any:
        """The lists that this person has still to look at."""
        return self.model.objects.waiting(by.pk, now)

    def find(self, list_id: UUID, *, by: Any, now: datetime) -> L:
        """Raises Gone."""
        found: L | None = self.waiting(by, now).filter(pk=list_id).first()
        if found is None:
            raise Gone
        return found

    def take(self, kept: L) -> None:
        """The list is applied, or discarded: it can't be again. Raises Gone when somebody was faster."""
        if not self.model.objects.filter(pk=kept.pk).delete()[0]:
            raise Gone

    def discard(self, list_id: UUID, *, by: Any, now: datetime) -> None:
        """Raises Gone."""
        self.take(self.find(list_id, by=by, now=now))


def clear_expired(*, now: datetime) -> int:
    """Take away the lists of every kind that have expired; how many they were."""
    kinds = [model for model in apps.get_models() if issubclass(model, KeptList)]
    return sum(int(kind.objects.expired(now).delete()[0]) for kind in kinds)


def unpacked(kept: KeptList) -> Sheet:
    return msgspec.json.decode(zlib.decompress(kept.packed), type=Sheet)
