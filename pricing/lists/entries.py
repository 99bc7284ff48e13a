"""What the rows of a price list say: plain words and numbers, read into entries. Plain Python."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from catalog.lists.sheet import Fault, Layout, SheetRow
from pricing.moments import read_moment
from pricing.money import NotMoney, money


class Column(StrEnum):
    SKU = "SKU"
    NAME = "Name"
    STORE = "Store"
    PRICE = "Price"
    KIND = "Kind"
    FROM = "From"
    UNTIL = "Until"


PRICES = Layout(Column, (Column.SKU, Column.PRICE), "price list", "prices", frozenset({Column.FROM, Column.UNTIL}))

ALL_STORES = "all"
REGULAR, TEMPORARY = "regular", "temporary"
KINDS = {"": False, REGULAR: False, TEMPORARY: True}
SIGNS = "$€£"
PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{0,20})?|\.[0-9]{1,20}")
MOST = Decimal(100_000)


T = TypeVar("T")


class Refused(Exception):
    """A cell cannot be taken; the message says what to do."""


class Entry(NamedTuple):
    """One row; a store of None means all stores, a moment of None that the cell is empty."""

    number: int
    sku: str
    name: str
    store: str | None
    temporary: bool
    amount: Decimal
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True)
class Where:
    """The stores in which the person may set prices, by ID: name and clock; and whether in all at once."""

    stores: Mapping[str, tuple[str, ZoneInfo]]
    zone: ZoneInfo
    """The clock of what is for all stores."""
    everywhere: bool

    def zone_of(self, store: str | None) -> ZoneInfo:
        return self.stores[store][1] if store else self.zone


class EntryReader:
    """Reads rows into entries, and keeps what is wrong with them."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.faults: list[Fault] = []

    def read(self, row: SheetRow) -> Entry | None:
        """None where a cell is wrong."""
        before = len(self.faults)
        store = self._cell(row, Column.STORE, self._store)
        temporary = self._cell(row, Column.KIND, _kind)
        amount = self._cell(row, Column.PRICE, _amount)
        if len(self.faults) > before or amount is None or temporary is None:
            return None
        zone = self.where.zone_of(store)
        starts_at, ends_at = (
            self._cell(row, column, lambda text: _moment(text, zone)) for column in (Column.FROM, Column.UNTIL)
        )
        if len(self.faults) > before:
            return None
        sku, name = row.cell(Column.SKU), row.cell(Column.NAME).strip()
        return Entry(row.number, sku, name, store, temporary, amount, starts_at, ends_at)

    def _cell(self, row: SheetRow, column: Column, read: Callable[[str], T]) -> T | None:
        text = row.cell(column).strip()
        try:
            return read(text)
        except Refused as why:
            self.faults.append(Fault(row.number, row.cell(Column.SKU), column, text, str(why)))
            return None

    def _store(self, text: str) -> str | None:
        if text.casefold() in ("", ALL_STORES, "all stores"):
            if self.where.everywhere:
                return None
            raise Refused("You set prices in stores of your own only. Write the ID of one of them.")
        if text in self.where.stores:
            return text
        names = {name.casefold(): store_id for store_id, (name, _) in self.where.stores.items()}
        if found := names.get(text.casefold()):
            return found
        close = get_close_matches(text.upper(), self.where.stores, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise Refused(f"There is no store “{text}” among yours. Write its ID, or “all”.{hint}")


def _kind(text: str) -> bool:
    try:
        return KINDS[text.casefold()]
    except KeyError:
        raise Refused("Write “regular” or “temporary”, or leave it empty for regular.") from None


def _amount(text: str) -> Decimal:
    written = text.strip(SIGNS + " \xa0")
    if not written:
        raise Refused("Each row needs a price.")
    plain = written.replace(",", "") if _has_thousands(written) else written
    if not PLAIN.fullmatch(plain):
        raise Refused("Write the price as a plain number with a point, like 2.49.")
    if Decimal(plain) > MOST:
        raise Refused(f"A price is at most {MOST:,}.")
    try:
        return money(Decimal(plain))
    except NotMoney:
        raise Refused("A price has whole cents: at most two digits after the point.") from None


def _has_thousands(text: str) -> bool:
    """`1,299.00`, and not `2,49`."""
    whole, _, cents = text.partition(".")
    groups = whole.split(",")
    return bool(cents) and len(groups) > 1 and all(len(group) == 3 for group in groups[1:])  # noqa: PLR2004


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return read_moment(text.replace(" ", "T", 1), zone)
    except ValidationError as unclear:
        raise Refused(" ".join(unclear.messages)) from None
