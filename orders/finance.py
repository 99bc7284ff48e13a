"""What finance needs of the orders of some days: each order, tax by jurisdiction, promotions by who pays, deposits.

An order belongs to the day on which Amazon made it, on its store's own clock, so that a day that is over never changes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from catalog.models import Store
from orders.models import FileForm, Purchase, PurchaseLine
from orders.tables import Cell, CsvTables, ExcelTables
from pricing.breakdown import NOTHING, Breakdown, Unreadable, break_down
from pricing.models import Funding
from pricing.money import ZERO

PAGE = 500
"""Orders that are read at once, so that neither memory nor a transaction grows with the export."""


Passed = Callable[[int], None]
"""Is told every so often how many orders have passed by; what it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Orders of these stores from the first to the last day, both included; real trips, or tests alone."""

    first: date
    last: date
    stores: Sequence[Store]
    tests: bool = False

    def orders_of(self, store: Store) -> QuerySet[Purchase]:
        start = datetime.combine(self.first, time.min, tzinfo=store.zone)
        end = datetime.combine(self.last + timedelta(days=1), time.min, tzinfo=store.zone)
        rows = Purchase.objects.filter(store=store, ordered_at__gte=start, ordered_at__lt=end)
        return rows.filter(is_test=self.tests, environment=settings.JWO_ENVIRONMENT)

    def count(self) -> int:
        return sum(self.orders_of(store).order_by().count() for store in self.stores)


# --- Adding up -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sums:
    """Of the orders of one currency; `total` is `sub_total - promotions + tax`."""

    orders: int = 0
    sub_total: Decimal = ZERO
    promotions: Decimal = ZERO
    tax: Decimal = ZERO
    fees: Decimal = ZERO
    total: Decimal = ZERO


UNEXPLAINED = "Not in the kept calculation"
"""Where an amount stands that the trace of its purchase does not explain, so that nothing is missing from a sum."""


@dataclass(slots=True)
class Figures:
    """Everything that is summed up while the orders pass by. Keys end in the currency."""

    sums: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    taxes: dict[tuple[str, str, Decimal | None, str], list[Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: [ZERO, ZERO])
    )
    """Jurisdiction, rule, rate and currency: the taxable amount and the tax."""
    promotions: dict[tuple[str, str, str, str], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    """Promotion, text on the receipt, who pays, and currency."""
    fees: dict[tuple[str, str, str], list[Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: [Decimal(0), ZERO])
    )
    """Fee, description and currency: the pieces and the amount."""

    def add(self, order: Purchase, fees: Decimal) -> None:
        sums = self.sums[order.currency]
        tax, promotions = order.sales_tax_total or ZERO, order.promotions_total or ZERO
        sums.orders += 1
        sums.sub_total += order.sub_total or ZERO
        sums.promotions += promotions
        sums.tax += tax
        sums.fees += fees
        sums.total += order.price_total or ZERO
        parts = _parts(order.trace)
        self._explain(parts, order.currency)
        self._add_unexplained(order.currency, tax - parts.tax, promotions - parts.promotion, fees - parts.fee)

    def _explain(self, parts: Breakdown, currency: str) -> None:
        for share in parts.taxes:
            row = self.taxes[share.jurisdiction, share.rule, share.rate, currency]
            row[0] += share.taxable
            row[1] += share.amount
        for cost in parts.promotions:
            self.promotions[cost.promotion, cost.text, cost.funding, currency] += cost.amount
        for charge in parts.fees:
            row = self.fees[charge.fee, charge.text, currency]
            row[0] += charge.pieces
            row[1] += charge.amount

    def _add_unexplained(self, currency: str, tax: Decimal, promotions: Decimal, fees: Decimal) -> None:
        if tax:
            self.taxes[UNEXPLAINED, "", None, currency][1] += tax
        if promotions:
            self.promotions[UNEXPLAINED, "", "", currency] += promotions
        if fees:
            self.fees[UNEXPLAINED, "", currency][1] += fees


def _parts(trace: str) -> Breakdown:
    try:
        return break_down(msgspec.json.decode(trace))
    except (Unreadable, msgspec.DecodeError):
        return NOTHING


# --- Reading -------------------------------------------------------------------------------------------------------

READ = (
    "purchase_id",
    "order_id",
    "ordered_at",
    "trip_ended_at",
    "currency",
    "sub_total",
    "promotions_total",
    "sales_tax_total",
    "price_total",
    "trace",
)


def _pages(wanted: Wanted, store: Store) -> Iterator[Any]:
    """The store's orders, the oldest first, page by page: each goes on behind the last one of the page before."""
    fees = PurchaseLine.objects.filter(purchase=OuterRef("pk")).order_by().values("purchase")
    rows = wanted.orders_of(store).only(*READ).order_by("ordered_at", "pk")
    rows = rows.annotate(fees=Subquery(fees.annotate(sum=Sum("fees")).values("sum")))
    page = list(rows[:PAGE])
    while page:
        yield from page
        at, pk = page[-1].ordered_at, page[-1].pk
        page = list(rows.filter(Q(ordered_at__gt=at) | Q(pk__gt=pk), ordered_at__gte=at)[:PAGE])


def _order_rows(wanted: Wanted, figures: Figures, passed: Passed) -> Iterator[Sequence[Cell]]:
    """A row for each order; what it says is added to the figures as it passes by."""
    orders = ((store, order) for store in wanted.stores for order in _pages(wanted, store))
    for number, (store, order) in enumerate(orders, 1):
        fees = order.fees or ZERO
        figures.add(order, fees)
        at, left = order.ordered_at.astimezone(store.zone), order.trip_ended_at.astimezone(store.zone)
        yield (
            at.date(),
            at.time().replace(microsecond=0),
            store.store_id,
            store.name,
            order.purchase_id,
            order.order_id,
            left.date(),
            order.sub_total,
            order.promotions_total,
            order.sales_tax_total,
            fees,
            order.price_total,
            order.currency,
        )
        if number % PAGE == 0:
            passed(number)


# --- Writing -------------------------------------------------------------------------------------------------------

ORDER_COLUMNS = (
    "Date",
    "Time",
    "Store ID",
    "Store",
    "Purchase ID",
    "Order ID",
    "Shopper left on",
    "Subtotal",
    "Promotions",
    "Tax",
    "Deposits and fees (in the subtotal)",
    "Total",
    "Currency",
)


TABLES: dict[str, type[CsvTables] | type[ExcelTables]] = {FileForm.CSV: CsvTables, FileForm.XLSX: ExcelTables}


def write(file: IO[bytes], form: str, wanted: Wanted, *, by: User, now: datetime, passed: Passed) -> int:
    """Write the file for these orders; gives how many they were."""
    figures = Figures()
    with closing(TABLES[form](file)) as tables:
        title = "Test orders" if wanted.tests else "Orders"
        tables.add(title, ORDER_COLUMNS, _order_rows(wanted, figures, passed))
        for name, columns, rows in SUMS:
            tables.add(name, columns, rows(figures))
        tables.add("About", ("What", "Which"), _about(wanted, by=by, now=now))
    return sum(sums.orders for sums in figures.sums.values())


def _tax_rows(figures: Figures) -> Iterable[Sequence[Cell]]:
    in_order = sorted(figures.taxes.items(), key=lambda item: (item[0][3], item[0][0], item[0][1], item[0][2] or ZERO))
    for (jurisdiction, rule, rate, currency), (taxable, tax) in in_order:
        yield jurisdiction, rule, None if rate is None else _percent(rate), taxable, tax, currency


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}"


def _tax_sums(figures: Figures) -> Iterable[Sequence[Cell]]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for (jurisdiction, _, _, currency), (_, tax) in figures.taxes.items():
        sums[currency, jurisdiction] += tax
    for (currency, jurisdiction), tax in sorted(sums.items()):
        yield jurisdiction, tax, currency


def _promotion_rows(figures: Figures) -> Iterable[Sequence[Cell]]:
    labels: dict[str, str] = dict(Funding.choices)
    for (promotion, text, funding, currency), amount in sorted(figures.promotions.items()):
        yield promotion, text, labels.get(funding, ""), amount, currency


def _fee_rows(figures: Figures) -> Iterable[Sequence[Cell]]:
    for (fee, text, currency), (pieces, amount) in sorted(figures.fees.items()):
        yield fee, text, int(pieces), amount, currency


def _sums(figures: Figures) -> Iterable[Sequence[Cell]]:
    for currency, sums in sorted(figures.sums.items()):
        yield currency, sums.orders, sums.sub_total, sums.promotions, sums.tax, sums.fees, sums.total


SUMS: tuple[tuple[str, Sequence[str], Callable[[Figures], Iterable[Sequence[Cell]]]], ...] = (
    ("Taxes", ("Jurisdiction", "Tax rule", "Rate in percent", "Taxable amount", "Tax", "Currency"), _tax_rows),
    ("Tax sums", ("Jurisdiction", "Tax", "Currency"), _tax_sums),
    ("Promotions", ("Promotion", "On the receipt", "Paid by", "Amount", "Currency"), _promotion_rows),
    ("Deposits and fees", ("Fee", "On the receipt", "Pieces", "Amount", "Currency"), _fee_rows),
    ("Sums", ("Currency", "Orders", "Subtotal", "Promotions", "Tax", "Deposits and fees", "Total"), _sums),
)
"""The tables of what was added up: title, columns, rows."""


def _about(wanted: Wanted, *, by: User, now: datetime) -> Iterable[Sequence[Cell]]:
    yield "Orders made from", wanted.first
    yield "Orders made until", wanted.last
    yield "Days go by", "the clock of each store"
    yield "Stores", ", ".join(store.store_id for store in wanted.stores)
    yield "Trips", "tests only" if wanted.tests else "without tests"
    yield "Environment", settings.JWO_ENVIRONMENT
    yield "Made by", by.get_full_name() or by.get_username()
    yield "Made at (UTC)", f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
