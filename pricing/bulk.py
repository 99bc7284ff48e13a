"""Many prices changed at once, all or none; and the whole change undone.

A new price is worked out from the regular one that holds where and when the change begins: in a store its own or, when
it has none, that of all stores. What was in force is ended and succeeded, as one price is (see `pricing.models.Dated`).
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from catalog.models import Product, Store
from jwo_store.admin_site import counted
from pricing.models import AT_ONCE, ChangedPrice, Price, PriceChange
from pricing.money import from_cents, half_up
from pricing.timeline import strongest

MOST_PRODUCTS = 5000
LARGE_PERCENT = 30
"""A change by more than that, either way, is asked about once more."""

HUNDRED = 100


class How(StrEnum):
    PERCENT_UP = "PERCENT_UP"
    PERCENT_DOWN = "PERCENT_DOWN"
    AMOUNT_UP = "AMOUNT_UP"
    AMOUNT_DOWN = "AMOUNT_DOWN"


DOWN = frozenset({How.PERCENT_DOWN, How.AMOUNT_DOWN})
PERCENT = frozenset({How.PERCENT_UP, How.PERCENT_DOWN})


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to each price."""

    how: How
    by: Decimal
    ending: int | None
    """The cents that a new price ends in, or None for whatever comes out."""
    store: Store | None
    starts_at: datetime
    temporary: bool = False
    ends_at: datetime | None = None

    def amount(self, old: Decimal) -> Decimal:
        """The new price; it is below zero where more is taken off than there is."""
        step = half_up(old * self.by / HUNDRED) if self.how in PERCENT else self.by
        new = old - step if self.how in DOWN else old + step
        return new if new < 0 else with_ending(new, self.ending)

    def words(self) -> str:
        """`5 % up, to the nearest .99, in all stores`."""
        size = f"{self.by.normalize():f} %" if self.how in PERCENT else f"{self.by:.2f}"
        ending = "" if self.ending is None else f", to the nearest .{self.ending:02d}"
        kind = "temporary, " if self.temporary else ""
        where = f"in {self.store.name}" if self.store else "in all stores"
        return f"{size} {'down' if self.how in DOWN else 'up'}{ending}, {kind}{where}"

    def concerns(self, price: Price) -> bool:
        """Whether the price is for the very stores that the change is for."""
        return price.store_id == (self.store.pk if self.store else None)


def with_ending(amount: Decimal, ending: int | None) -> Decimal:
    """The nearest price that ends in so many cents; of two as near, the higher."""
    if ending is None:
        return amount
    cents = int(amount.scaleb(2))
    whole = max(0, (cents - ending + HUNDRED // 2) // HUNDRED)
    return from_cents(whole * HUNDRED + ending)


def percent(before: Decimal | None, after: Decimal) -> Decimal | None:
    """By how much a price changes; None where nothing can be divided by."""
    return (after - before) * HUNDRED / before if before else None


def is_large(before: Decimal | None, after: Decimal) -> bool:
    """Whether somebody should look twice: the change is large, or to or from nothing."""
    change = percent(before, after)
    return not after or (before is not None and (change is None or abs(change) > LARGE_PERCENT))


@dataclass(frozen=True, slots=True)
class NewPrice:
    """One product's price before and after."""

    product: Product
    basis: Price
    after: Decimal

    @property
    def before(self) -> Decimal:
        amount: Decimal = self.basis.amount
        return amount

    @property
    def percent(self) -> Decimal | None:
        return percent(self.before, self.after)

    @property
    def large(self) -> bool:
        return is_large(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do, before it is done."""

    change: Change
    rows: tuple[NewPrice, ...] = ()
    unchanged: int = 0
    unpriced: tuple[Product, ...] = ()
    """Those that have no regular price there and then: they are left out."""
    faults: tuple[str, ...] = ()
    """Why nothing can be done; empty when it can."""
    notes: tuple[str, ...] = ()

    @property
    def large(self) -> tuple[NewPrice, ...]:
        return tuple(row for row in self.rows if row.large)

    @property
    def fingerprint(self) -> str:
        """Differs as soon as a price in it differs."""
        text = "\n".join(f"{row.product.pk} {row.basis.pk} {row.basis.ends_at} {row.after}" for row in self.rows)
        return hashlib.sha256(text.encode()).hexdigest()


# --- Planning ------------------------------------------------------------------------------------------------------


def plan(products: QuerySet[Product], change: Change) -> Plan:
    """In two queries."""
    rows = Price.objects.overlapping(change.starts_at, None).filter(product__in=products.order_by().values("pk"))
    if change.store:
        rows = rows.filter(Q(store__isnull=True) | Q(store=change.store))
    prices: dict[str, list[Price]] = {}
    for price in rows:
        prices.setdefault(price.product_id, []).append(price)
    return plan_of(list(products), prices, change)


def plan_of(products: Iterable[Product], prices: Mapping[str, Sequence[Price]], change: Change) -> Plan:
    """From the prices, by SKU, that hold when the change begins or start later."""
    planned: list[NewPrice] = []
    unpriced: list[Product] = []
    faults: list[str] = []
    unchanged = 0
    for product in products:
        own = prices.get(product.pk, ())
        basis = strongest(price for price in own if _is_basis(price, change))
        if basis is None:
            unpriced.append(product)
            continue
        after = change.amount(basis.amount)
        if after == basis.amount:
            unchanged += 1
            continue
        faults += _faults(product, own, after, change)
        planned.append(NewPrice(product, basis, after))
    concerned = [price for row in planned for price in prices[row.product.pk]]
    notes = (*_turned(planned, change), *_notes(concerned, change))
    return Plan(change, tuple(planned), unchanged, tuple(unpriced), tuple(faults), notes)


def _is_basis(price: Price, change: Change) -> bool:
    return (
        not price.temporary
        and price.starts_at <= change.starts_at
        and (price.store_id is None or change.concerns(price))
    )


def _faults(product: Product, prices: Sequence[Price], after: Decimal, change: Change) -> Iterator[str]:
    if after < 0:
        yield f"{product} would cost less than nothing. Take off less, or leave it out."
    same = (price for price in prices if change.concerns(price) and price.temporary == change.temporary)
    if any(price.starts_at == change.starts_at for price in same):
        yield f"{product} has a price that starts at that very moment already. Choose another moment."


def _turned(planned: Sequence[NewPrice], change: Change) -> Iterator[str]:
    """The nearest price with the wished ending may lie on the other side of the old one."""
    down = change.how in DOWN
    turned = [row for row in planned if (row.after < row.before) != down]
    if turned:
        way = "dearer" if down else "cheaper"
        yield f"{counted(len(turned), 'product')} would become {way}, because of how the new prices are to end."


def _notes(prices: Sequence[Price], change: Change) -> Iterator[str]:
    held = [price for price in prices if price.starts_at <= change.starts_at]
    elsewhere = {price.product_id for price in held if price.store_id and not change.concerns(price)}
    if elsewhere:
        yield f"{counted(len(elsewhere), 'product')} with a price of its own in some store: that price stays as it is."
    hidden = {price.product_id for price in held if price.temporary}
    if hidden and not change.temporary:
        yield f"{counted(len(hidden), 'product')} on a temporary price then: that goes on to count until it ends."
    later = {p.product_id for p in prices if p.starts_at > change.starts_at and change.concerns(p) and not p.temporary}
    if later and not change.temporary:
        yield f"{counted(len(later), 'product')} with another change planned after that: it still comes."


# --- Doing ---------------------------------------------------------------------------------------------------------


class Otherwise(Exception):
    """The prices are no longer those that the person has seen."""


@dataclass(frozen=True, slots=True)
class Made:
    """Who does it, when and why."""

    by: Any
    now: datetime
    reason: str = field(default="")


def change_prices(planned: Plan, made: Made, *, seen: str) -> PriceChange:
    """All of a plan as of now, or nothing.

    Raises Otherwise when it is not what was seen; ValidationError when it cannot be, or when one of the prices was
    ended or begun since it was made.
    """
    if planned.fingerprint != seen:
        raise Otherwise
    if planned.faults or not planned.rows:
        raise ValidationError(list(planned.faults) or "There is nothing to change.")
    with transaction.atomic():
        return _write(planned, planned.change, made)


def _write(planned: Plan, change: Change, made: Made) -> PriceChange:
    note = {"now": made.now, "by": made.by, "reason": made.reason}
    noted = PriceChange.objects.create(
        made_at=made.now,
        made_by=made.by,
        words=f"{counted(len(planned.rows), 'price')} {change.words()}",
        reason=made.reason,
        store=change.store,
        temporary=change.temporary,
        starts_at=change.starts_at,
        ends_at=change.ends_at,
    )
    pairs = [(row, _new_price(row, change), _is_ended(row, change)) for row in planned.rows]
    changed = [noted_price(noted, price, row.before, row.basis if ended else None) for row, price, ended in pairs]
    Price.end_many([(row.basis, change.starts_at) for row, _, ended in pairs if ended], **note)
    Price.add_many([price for _, price, _ in pairs], **note)
    ChangedPrice.objects.bulk_create(changed, batch_size=AT_ONCE)
    return noted


def _is_ended(row: NewPrice, change: Change) -> bool:
    """A temporary price covers the regular one; a store's own covers that of all stores."""
    return not change.temporary and change.concerns(row.basis)


def _new_price(row: NewPrice, change: Change) -> Price:
    terms: dict[str, Any] = {"product": row.product, "store": change.store, "amount": row.after}
    until = row.basis.ends_at if _is_ended(row, change) else change.ends_at
    return Price(**terms, temporary=change.temporary, starts_at=change.starts_at, ends_at=until)


def noted_price(change: PriceChange, made: Price, before: Decimal | None, ended: Price | None) -> ChangedPrice:
    """What an undo needs to know of a new price; to be called before `ended` gets its new end."""
    terms: dict[str, Any] = {
        "product_id": made.product_id,
        "store_id": made.store_id,
        "temporary": made.temporary,
        "starts_at": made.starts_at,
        "ends_at": made.ends_at,
        "before": before,
        "after": made.amount,
    }
    old = {"ended": ended.pk, "held_until": ended.ends_at} if ended else {}
    return ChangedPrice(change=change, made=made.pk, **terms, **old)


# --- Undoing -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Back:
    """What undoes a change."""

    ends: list[tuple[Price, datetime | None]] = field(default_factory=list)
    away: list[Price] = field(default_factory=list)
    again: list[Price] = field(default_factory=list)
    left: int = 0


def undo(change: PriceChange, *, by: Any, now: datetime) -> int:
    """What was before holds again from now on; gives how many prices stay because somebody changed them meanwhile.

    Trips priced meanwhile keep what they were priced with. Raises ValidationError when it was undone already.
    """
    with transaction.atomic():
        if not PriceChange.objects.claim_undo(change.pk, by=by, now=now):
            raise ValidationError("This was undone already.")
        back = _way_back(change, now)
        reason = f"Undone: {change.reason}"
        Price.take_away_many(back.away, now=now, by=by, reason=reason)
        Price.end_many(back.ends, now=now, by=by, reason=reason)
        Price.add_many(back.again, now=now, by=by, reason=reason)
    return back.left


def _way_back(change: PriceChange, now: datetime) -> _Back:
    rows = list(change.changed.all())
    prices = _by_key([key for row in rows for key in (row.made, row.ended) if key])
    latest = _latest_starts(change, now)
    back = _Back()
    for row in rows:
        made = prices.get(row.made)
        overtaken = latest.get(row.scope, row.starts_at) > row.starts_at
        if made is None or overtaken or not _is_as_it_was_made(made, row, now):
            back.left += 1
        elif made.was_in_force(now):
            back.ends.append((made, now))
            back.again += _again(row, now)
        else:
            back.away.append(made)
            back.ends += _open_again(prices.get(row.ended) if row.ended else None, row)
    return back


def _by_key(keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Price]:
    parts = (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
    return {price.pk: price for part in parts for price in Price.objects.filter(pk__in=part)}


def _latest_starts(change: PriceChange, now: datetime) -> dict[tuple[str, str | None, bool], datetime]:
    """By scope, when the price that counts by now began: one later than the change's is somebody's word, and stays."""
    rows = Price.objects.in_force(now).filter(product__in=change.changed.values("product_id")).order_by("starts_at")
    return {tuple(scope): start for *scope, start in rows.values_list("product", "store", "temporary", "starts_at")}


def _is_as_it_was_made(made: Price, row: ChangedPrice, now: datetime) -> bool:
    same = (made.amount, made.starts_at, made.ends_at) == (row.after, row.starts_at, row.ends_at)
    return same and not made.is_over(now)


def _again(row: ChangedPrice, now: datetime) -> Iterator[Price]:
    """What the change ended, from now on and for as long as it would have held."""
    if row.ended and (row.held_until is None or row.held_until > now):
        terms: dict[str, Any] = {"product_id": row.product_id, "store_id": row.store_id, "amount": row.before}
        yield Price(**terms, temporary=row.temporary, starts_at=now, ends_at=row.held_until)


def _open_again(ended: Price | None, row: ChangedPrice) -> Iterator[tuple[Price, datetime | None]]:
    if ended is not None and ended.ends_at == row.starts_at:
        yield ended, row.held_until
