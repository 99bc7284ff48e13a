"""What a list of prices would do: which prices it ends, and which it adds; worked out before anything is written."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from catalog.lists.held import lost_zeros
from catalog.lists.sheet import Fault, Sheet, SheetRow
from catalog.models import Product, Retirement
from catalog.rows import AT_ONCE, related, rows_with
from pricing.bulk import is_large, percent
from pricing.lists.entries import Column, Entry, EntryReader, Where
from pricing.models import Price
from pricing.timeline import strongest

MOST_ROWS = 20_000
"""Prices that are written in one request."""


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one row: a price that is added, and perhaps one that ends where it begins."""

    entry: Entry
    name: str
    """Of the product."""
    price: Price
    ended: Price | None
    before: Decimal | None
    """What would count there and then without it; None for nothing."""

    @property
    def number(self) -> int:
        return self.entry.number

    @property
    def after(self) -> Decimal:
        amount: Decimal = self.price.amount
        return amount

    @property
    def percent(self) -> Decimal | None:
        return percent(self.before, self.after)

    @property
    def large(self) -> bool:
        return is_large(self.before, self.after)


@dataclass(slots=True)
class Difference:
    row_count: int
    lines: list[Line] = field(default_factory=list)
    unchanged: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """In the order of the rows. Nothing is applied while there is one."""
    warnings: list[Fault] = field(default_factory=list)
    notes: Sequence[str] = ()

    @property
    def new(self) -> list[Line]:
        return [line for line in self.lines if line.before is None]

    @property
    def changed(self) -> list[Line]:
        return [line for line in self.lines if line.before is not None]

    @property
    def large(self) -> list[Line]:
        return [line for line in self.lines if line.large]

    @property
    def is_applicable(self) -> bool:
        return bool(self.lines) and not self.faults

    @property
    def wrong_count(self) -> int:
        return len({fault.number for fault in self.faults})

    @property
    def fingerprint(self) -> str:
        """Differs as soon as something that was seen differs; "now" is the same at every moment."""
        seen = (
            (line.entry, line.ended and (line.ended.pk, line.ended.ends_at), line.before, line.price.ends_at)
            for line in self.lines
        )
        return hashlib.sha256("\n".join(map(repr, seen)).encode()).hexdigest()


# --- What the database holds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that a look at a list depends on."""

    names: dict[str, str]
    """Of the products, by SKU."""
    stores: dict[str, frozenset[str]]
    """Where a product is sold that is not sold everywhere."""
    retired: set[str]
    padded: dict[str, str]
    prices: dict[str, list[Price]]
    """Those in force now or later."""


def known(sheet: Sheet, where: Where, now: datetime) -> Known:
    """What is sold only in stores where the person sets no prices is not there for them."""
    named = {row.cell(Column.SKU).strip() for row in sheet.rows} | {row.cell(Column.SKU) for row in sheet.rows}
    rows = {sku: (name, everywhere) for sku, name, everywhere in rows_with(Product, "sku", named, PRODUCT)}
    some = [sku for sku, (_, everywhere) in rows.items() if not everywhere]
    sold = related(Product, "stores", some)
    for sku in () if where.everywhere else some:
        if sold.get(sku, frozenset()).isdisjoint(where.stores):
            del rows[sku]
    return Known(
        names={sku: name for sku, (name, _) in rows.items()},
        stores={sku: sold.get(sku, frozenset()) for sku in some if sku in rows},
        retired={sku for (sku,) in rows_with(Retirement, "product_id", rows, ("product_id",))},
        padded=lost_zeros(named - rows.keys()),
        prices=_prices(sorted(rows), now),
    )


PRODUCT = ("sku", "name", "all_stores")


def _prices(skus: Sequence[str], now: datetime) -> dict[str, list[Price]]:
    found: dict[str, list[Price]] = defaultdict(list)
    for start in range(0, len(skus), AT_ONCE):
        part = skus[start : start + AT_ONCE]
        for price in Price.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), product__in=part):
            found[price.product_id].append(price)
    return found


# --- The comparison ------------------------------------------------------------------------------------------------


class Wrong(Exception):
    """Of a row: which column, and what to do."""

    def __init__(self, column: Column, text: str) -> None:
        super().__init__(text)
        self.column = column


def compare(sheet: Sheet, where: Where, now: datetime) -> Difference:
    comparison = _Comparison(sheet, known(sheet, where, now), where, now)
    comparison.read()
    return comparison.difference


class _Comparison:
    def __init__(self, sheet: Sheet, held: Known, where: Where, now: datetime) -> None:
        self.sheet, self.held, self.now = sheet, held, now
        self.reader = EntryReader(where)
        self.difference = Difference(len(sheet.rows), faults=list(sheet.faults), notes=list(sheet.notes))
        self.numbers: dict[tuple[str, str | None, bool], int] = {}
        """On which row a price is changed, by SKU, store and kind."""

    def read(self) -> None:
        if len(self.sheet.rows) > MOST_ROWS:
            text = f"The list has {len(self.sheet.rows):,} prices, and at most {MOST_ROWS:,} are imported at once."
            self.difference.faults = [Fault(0, "", "", "", f"{text} Split it into several files.")]
            return
        for row in self.sheet.rows:
            entry = self.reader.read(row)
            if entry is not None:
                self._take(row, entry)
        self.difference.faults = sorted([*self.difference.faults, *self.reader.faults])
        wrong = {fault.number for fault in self.difference.faults}
        self.difference.warnings = [each for each in self.difference.warnings if each.number not in wrong]

    def _take(self, row: SheetRow, entry: Entry) -> None:
        try:
            line = self._line(entry._replace(sku=self._sku(row)))
        except Wrong as why:
            self.reader.faults.append(Fault(row.number, entry.sku, why.column, row.cell(why.column), str(why)))
            return
        if line is None:
            self.difference.unchanged.append(entry)
            return
        self.difference.lines.append(line)
        self.difference.warnings += self._warnings(line)

    def _sku(self, row: SheetRow) -> str:
        written = row.cell(Column.SKU)
        sku = written if written in self.held.names else written.strip()
        if not sku:
            raise Wrong(Column.SKU, "Each row needs a SKU.")
        if padded := self.held.padded.get(sku):
            raise Wrong(
                Column.SKU,
                f"This looks like {padded} without the zeros in front, which spreadsheets take away. "
                "Format the column as text and enter the SKU again.",
            )
        if sku not in self.held.names:
            raise Wrong(Column.SKU, "There is no product with this SKU. Add the product first, or correct the SKU.")
        return sku

    def _line(self, entry: Entry) -> Line | None:
        """None where the price is as the row says."""
        own = self.held.prices.get(entry.sku, [])
        same = [price for price in own if price.store_id == entry.store and price.temporary == entry.temporary]
        start, planned = self._start(entry, same)
        if planned is not None:
            if planned.amount == entry.amount and _same_end(entry, planned):
                return None
            raise Wrong(
                Column.FROM,
                "A price that starts then is planned already. Take that one away on its page, or choose another time.",
            )
        held = strongest(_in_force(same, start))
        end = held.ends_at if held and _same_end(entry, held) else entry.ends_at
        if held and held.amount == entry.amount and end == held.ends_at:
            return None
        self._check(entry, start, end)
        terms: dict[str, Any] = {"product_id": entry.sku, "store_id": entry.store, "amount": entry.amount}
        price = Price(**terms, temporary=entry.temporary, starts_at=start, ends_at=end)
        counting = held or strongest(_in_force((price for price in own if _is_under(price, entry)), start))
        return Line(entry, self.held.names[entry.sku], price, held, counting.amount if counting else None)

    def _start(self, entry: Entry, same: Sequence[Price]) -> tuple[datetime, Price | None]:
        """When the row's price begins; and the price, if that is one which is planned to begin then.

        A list of today says of each price since when it holds: such a row means the price that holds now.
        """
        if entry.starts_at is None:
            return self.now, None
        then = [price for price in same if _minute(price.starts_at) == entry.starts_at]
        if entry.starts_at > self.now:
            return entry.starts_at, then[0] if then else None
        if not then:
            raise Wrong(Column.FROM, "That is past. Leave it empty for now, or write a later time.")
        return self.now, None

    def _check(self, entry: Entry, start: datetime, end: datetime | None) -> None:
        if entry.temporary and end is None:
            raise Wrong(Column.UNTIL, "A temporary price needs an end.")
        if end is not None and end <= start:
            raise Wrong(Column.UNTIL, "The end must be later than the start, and later than now.")
        scope = (entry.sku, entry.store, entry.temporary)
        if number := self.numbers.get(scope):
            raise Wrong(
                Column.SKU,
                f"Row {number:,} changes this very price already. One list changes a price once: "
                "put the later change into a list of its own.",
            )
        self.numbers[scope] = entry.number

    def _warnings(self, line: Line) -> Iterator[Fault]:
        entry = line.entry
        if entry.name and entry.name.casefold() != line.name.casefold():
            yield self._warning(line, Column.NAME, entry.name, f"The product with this SKU is “{line.name}”.")
        if entry.sku in self.held.retired:
            yield self._warning(line, Column.SKU, entry.sku, "This product is retired.")
        if entry.store and entry.store not in self.held.stores.get(entry.sku, {entry.store}):
            yield self._warning(line, Column.STORE, entry.store, "This product is not sold in that store.")
        if line.price.ends_at and not entry.temporary and not self._goes_on(line):
            text = "After that there is no regular price, and carts with this product wait. Plan the next one too."
            yield self._warning(line, Column.UNTIL, "", text)

    def _goes_on(self, line: Line) -> bool:
        """Whether a regular price holds when the row's one ends."""
        own = (price for price in self.held.prices.get(line.entry.sku, ()) if _is_under(price, line.entry))
        end = line.price.ends_at
        return any(price.pk != (line.ended and line.ended.pk) and _holds(price, end) for price in own if end)

    def _warning(self, line: Line, column: Column, value: str, text: str) -> Fault:
        return Fault(line.number, line.entry.sku, column, value, text)


def _in_force(prices: Iterable[Price], at: datetime) -> Iterator[Price]:
    return (price for price in prices if _holds(price, at))


def _holds(price: Price, at: datetime) -> bool:
    return price.starts_at <= at and not price.is_over(at)


def _is_under(price: Price, entry: Entry) -> bool:
    """Whether the price would count in that store where there is no other."""
    return price.store_id in (None, entry.store) and not price.temporary


def _same_end(entry: Entry, price: Price) -> bool:
    """An empty cell leaves the end as it is."""
    return entry.ends_at is None or (price.ends_at is not None and _minute(price.ends_at) == entry.ends_at)


def _minute(moment: datetime) -> datetime:
    """As precise as lists are."""
    return moment.replace(second=0, microsecond=0)
