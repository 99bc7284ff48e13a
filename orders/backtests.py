"""Trying a promotion on trips that are over: what each would have cost with it. Nothing of a purchase is changed.

A worker that has claimed a test (see `orders.jobs`) prices some trips outside any transaction, and writes what came
of them together with how far it got, in one. So a test that was cut short goes on where it stood: no trip is lost, and
none is there twice.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from catalog.models import Store
from jwo_store.nudge import nudge
from orders import body, contract, jobs
from orders.limits import limits
from orders.models import BackTest, BackTestTrip, Purchase
from orders.purchases import DATABASE_GONE
from orders.statuses import JobStatus, Status, TripOutcome
from pricing import trial
from pricing.candidates import Tried, Unreadable
from pricing.money import ZERO
from pricing.pricebook import read_pricebook
from pricing.priced import PricedCart, Totals, Unpriced
from pricing.terms import Cart, Pricebook

logger = logging.getLogger(__name__)

TASK = "orders.tasks.try_on_past_trips"
MOST_TRIPS = 1_000
"""Of one store."""

AT_ONCE = 25
"""Trips that are priced between two writings: so much is done again at most when a process dies."""

SLICE = timedelta(seconds=4)
"""For so long one task works on it; then whatever else waits has its turn."""

FAULT = "Our own software failed while it priced this trip. Tell its maker."

Clock = Callable[[], datetime]


class NothingToTry(Exception):
    """There is no trip on which it could be tried, or nothing that could be tried; the text says so."""


# --- Asking for one ------------------------------------------------------------------------------------------------


def request(
    tried: Tried, stores: Sequence[Store], trips: int, *, row: UUID | None, by: User, now: datetime
) -> BackTest:
    """Ask for a test on the last real trips, so many of each of these stores. A worker starts at once.

    `row` is the promotion of the database that says the very same, if there is one. Raises NothingToTry.
    """
    keys = [key for store in stores for key in real_trips(store).values_list("pk", flat=True)[: min(trips, MOST_TRIPS)]]
    if not keys:
        raise NothingToTry("There are no trips in these stores yet on which it could be tried.")
    promotion, terms = tried.promotion, tried.text
    try:
        Tried.read(terms)
    except Unreadable as fault:
        raise NothingToTry(f"This promotion cannot be tried: {fault}.") from fault
    with transaction.atomic():
        test = BackTest.objects.create(
            name=promotion.name,
            code=promotion.code,
            words=tried.words(),
            terms=terms,
            promotion=row,
            environment=settings.JWO_ENVIRONMENT,
            asked_at=now,
            asked_by=by,
            trips=keys,
            trip_count=len(keys),
            due_at=now,
        )
        test.stores.set(stores)
        nudge(TASK, test_id=test.pk)
    return test


def real_trips(store: Store) -> QuerySet[Purchase]:
    """Those that Amazon has charged or is to charge, without tests; the newest first."""
    rows = Purchase.objects.filter(store=store, status__in=[Status.ORDERED, Status.AWAITING_CHECKOUT])
    return rows.filter(is_test=False, environment=settings.JWO_ENVIRONMENT).order_by("-received_at", "-pk")


# --- Working on it -------------------------------------------------------------------------------------------------


def work_on(test_pk: int, *, clock: Clock) -> None:
    """Go on with this test for a while, if it is due and nobody else is at it."""
    now = clock()
    test = jobs.begin(BackTest, test_pk, now=now)
    if test is None:
        return
    work = _Work(Tried.read(test.terms, row=test.promotion).candidate, clock)
    while test.status == JobStatus.RUNNING and clock() < now + SLICE:
        if not _settle(test, work.trip_rows(test), clock()):
            return  # somebody has stopped it, or it took so long that another worker has taken it over
    if test.status == JobStatus.RUNNING:
        test.move(to=JobStatus.RUNNING, where={"due_at": test.due_at}, due_at=clock(), tries=0)


def _settle(test: BackTest, rows: Sequence[BackTestTrip], now: datetime) -> bool:
    done = test.done + len(rows)
    over = done >= test.trip_count
    with transaction.atomic():
        moved = test.move(
            to=JobStatus.DONE if over else JobStatus.RUNNING,
            where={"due_at": test.due_at, "done": test.done},
            done=done,
            tries=0,
            due_at=None if over else now + jobs.LEASE,
            finished_at=now if over else None,
        )
        if moved:
            BackTestTrip.objects.bulk_create(rows)
    return moved


READ = ("raw", "store_id", "priced_at", "currency", "sub_total", "promotions_total", "sales_tax_total", "price_total")


@dataclass(frozen=True, slots=True)
class _Trip:
    """A past trip, read again: its cart and the pricebook of its moment."""

    purchase: Purchase
    cart: Cart
    book: Pricebook


@dataclass(slots=True)
class _Work:
    candidate: trial.Candidate
    clock: Clock
    keys: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of the products met so far."""

    def trip_rows(self, test: BackTest) -> list[BackTestTrip]:
        """What comes of the next trips."""
        wanted = test.trips[test.done : test.done + AT_ONCE]
        purchases = Purchase.objects.only(*READ).in_bulk(wanted)
        read = {key: self._read(purchases[key]) for key in wanted}
        self._learn(found.book for found in read.values() if isinstance(found, _Trip))
        rows = []
        for number, key in enumerate(wanted, test.done + 1):
            row = BackTestTrip(test=test, number=number, purchase_id=key, store_id=purchases[key].store_id)
            row.currency = purchases[key].currency
            found = read[key]
            self._try(row, found) if isinstance(found, _Trip) else _set_apart(row, found)
            rows.append(row)
        return rows

    def _read(self, purchase: Purchase) -> "_Trip | str":
        """The trip, or why its cart cannot be read. Old carts have lost their shopper, and nothing that prices them."""
        try:
            cart = body.cart_to_price(contract.decode(bytes(purchase.raw), limits()).cart)
            return _Trip(purchase, cart, read_pricebook(cart, at=purchase.priced_at))
        except contract.InvalidCart as invalid:
            first = invalid.faults[0]
            return f"The cart is no longer in the form agreed with Amazon: “{first.path}” {first.message}."
        except DATABASE_GONE:
            raise
        except Exception:
            logger.exception("reading the cart of purchase %s again failed", purchase.pk)
            return FAULT

    def _learn(self, books: Iterable[Pricebook]) -> None:
        new = frozenset().union(*map(trial.skus_in, books)) - self.keys.keys()
        if new:
            self.keys |= trial.keys_of(new)

    def _try(self, row: BackTestTrip, trip: _Trip) -> None:
        under = trial.books(trip.book, [self.candidate], self.keys)
        try:
            was, before, after = trial.costs(trip.cart, trip.book, *under, now=self.clock())
        except Exception:
            logger.exception("pricing purchase %s again failed", trip.purchase.pk)
            _set_apart(row, FAULT)
            return
        differs = _not_reproduced(trip.purchase, was)
        if differs:
            _set_apart(row, differs)
        elif isinstance(before, PricedCart) and isinstance(after, PricedCart):
            _note(row, before, after, self.candidate.terms.code)


def _set_apart(row: BackTestTrip, reason: str) -> None:
    row.outcome, row.reason = TripOutcome.APART, reason


def _not_reproduced(purchase: Purchase, was: PricedCart | Unpriced) -> str:
    """Why nothing can be said of it: priced again as it was, it does not come to what was stored."""
    if isinstance(was, Unpriced):
        return f"It cannot be priced any more: {was.problems[0].message}"
    stored = (purchase.sub_total, purchase.promotions_total, purchase.sales_tax_total, purchase.price_total)
    if stored == _amounts(was.totals):
        return ""
    return (
        f"Priced again without any change it comes to {was.totals.price_total} and not to {purchase.price_total}: "
        "something that it was priced by is different now."
    )


def _amounts(totals: Totals) -> tuple[Decimal, ...]:
    return totals.sub_total, totals.promotions_total, totals.sales_tax_total, totals.price_total


def _note(row: BackTestTrip, before: PricedCart, after: PricedCart, code: str) -> None:
    row.pieces = _pieces(after.trace, code)
    row.given = sum((one.amount for line in after.lines for one in line.line.promotions if one.code == code), ZERO)
    row.total_before, row.total_after = before.totals.price_total, after.totals.price_total
    row.net_before, row.net_after = _net(before.totals), _net(after.totals)
    row.difference = row.total_after - row.total_before
    touched = row.pieces or _amounts(before.totals) != _amounts(after.totals)
    row.outcome = TripOutcome.TOUCHED if touched else TripOutcome.SAME


def _net(totals: Totals) -> Decimal:
    """What the store gets of it, without tax."""
    return totals.sub_total - totals.promotions_total


def _pieces(trace: Mapping[str, Any], code: str) -> int:
    """How many pieces the promotion of this code used; what is weighed counts as one."""
    used = sum(
        units["count"] * one["uses"]
        for one in trace["applications"]
        if one["promotion"] == code
        for units in one["units"]
    )
    basket = trace["basket"]
    if basket and basket["promotion"] == code:
        used += sum(_pieces_of(trace["lines"][one["line"]]) for one in basket["lines"])
    return int(used)


def _pieces_of(line: Mapping[str, Any]) -> int:
    return 1 if line["weight_unit"] else int(Decimal(line["quantity"]))


# --- What came of it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the trips that can be compared; in one currency."""

    currency: str
    trips: int = 0
    touched: int = 0
    pieces: int = 0
    given: Decimal = ZERO
    total_before: Decimal = ZERO
    total_after: Decimal = ZERO
    net_before: Decimal = ZERO
    net_after: Decimal = ZERO

    @property
    def saved(self) -> Decimal:
        """What shoppers would have paid less, tax included."""
        return self.total_before - self.total_after

    def plus(self, other: "Figures") -> "Figures":
        names = [name for name in self.__slots__ if name != "currency"]
        return Figures(self.currency, **{name: getattr(self, name) + getattr(other, name) for name in names})


def figures(trips: QuerySet[BackTestTrip]) -> dict[tuple[str, str], Figures]:
    """By store and currency; one question to the database."""
    touched = Q(outcome=TripOutcome.TOUCHED)
    sums = {name: Sum(name) for name in ("pieces", "given", "total_before", "total_after", "net_before", "net_after")}
    rows = trips.exclude(outcome=TripOutcome.APART).order_by("store_id", "currency").values("store_id", "currency")
    found: Any = rows.annotate(trips=Count("pk"), touched=Count("pk", filter=touched), **sums)
    return {
        (row["store_id"], row["currency"]): Figures(**{name: row[name] for name in Figures.__slots__}) for row in found
    }
