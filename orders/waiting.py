"""Carts that wait for a repair, put together by what mends them; and pricing all of one kind again."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from catalog import barcodes
from catalog.models import Barcode, Product
from orders import purchases
from orders.models import Problem, Purchase, PurchaseLine
from orders.statuses import MoveRefused, Status
from pricing.models import Price, TaxAssignment, TaxCategory

READ = 20_000
"""Problems that are looked at, those of the oldest carts first: a page must not grow with a disaster."""

LOOKED_UP = 500
"""Codes whose product is looked up, those of the most problems first."""

AT_ONCE = 200
"""Carts that one press prices again, each in a transaction of its own."""


class Kind(StrEnum):
    """What mends a cart. Finer than the cause of its problem where two forms mend the same cause."""

    STORE = "store"
    TIME = "time"
    SIZE = "size"
    UNKNOWN_CODE = "unknown-code"
    SHARED_CODE = "shared-code"
    QUANTITY = "quantity"
    UNIT = "unit"
    PRICE = "price"
    FEE = "fee"
    TAX_CATEGORY = "tax-category"
    TAX_RULE = "tax-rule"
    FAULT = "fault"


@dataclass(slots=True)
class Need:
    """What some carts wait for. A cart with several problems waits for several things."""

    kind: Kind
    about: str
    """The SKU, code, tax category or store that it is about; empty where it is about the cart itself."""
    since: datetime
    """When the oldest of the carts came in."""
    product: Product | None = None
    category: TaxCategory | None = None
    is_sku: bool = False
    """Whether an unknown code came as a SKU; otherwise somebody scanned it."""
    next_price_at: datetime | None = None
    """When the product's next price for all stores starts: one that is back-dated must end there."""
    carts: dict[int, int] = field(default_factory=dict)
    """The carts, each with its last problem: the older that is, the longer nobody has tried to price the cart."""
    stores: set[str] = field(default_factory=set)
    tests: set[int] = field(default_factory=set)
    first_moment: datetime | None = None
    """As of when the first of them is priced: what is missing was missing then."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.about}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """All that waits for a repair: the needs of the most carts first."""

    needs: Sequence[Need]
    carts: int
    stores: int
    since: datetime | None
    complete: bool
    """Whether all problems were looked at, not only those of the oldest carts."""


class _Row(NamedTuple):
    problem: int
    cause: str
    code: str
    cart: int
    store: str
    received_at: datetime
    moment: datetime | None
    is_test: bool
    no_category: bool


NO_CATEGORY = "has no tax category"
"""As `pricing.resolve` words it: once a category is chosen, only the words still tell which of the two was missing."""


def waiting(*, now: datetime, among: QuerySet[Purchase] | None = None) -> Waiting:
    """What the parked carts of the running environment (these of them) wait for, in a fixed number of queries."""
    rows = _rows(among)
    sold = _Sold.of(rows, now)
    needs: dict[tuple[Kind, str], Need] = {}
    for row in rows[:READ]:
        kind, about = sold.need(row)
        _add(needs.setdefault((kind, about), Need(kind, about, since=row.received_at)), row)
    for need in needs.values():
        sold.describe(need)
    return Waiting(
        needs=sorted(needs.values(), key=lambda need: (-len(need.carts), need.since, need.key)),
        carts=len({row.cart for row in rows}),
        stores=len({row.store for row in rows}),
        since=min((row.received_at for row in rows), default=None),
        complete=len(rows) <= READ,
    )


def _rows(among: QuerySet[Purchase] | None) -> list[_Row]:
    parked = Problem.objects.filter(purchase__status=Status.UNPRICED, purchase__environment=settings.JWO_ENVIRONMENT)
    if among is not None and among.query.where:
        parked = parked.filter(purchase__in=among.order_by().values("pk"))
    columns = (
        "pk",
        "cause",
        "product_id",
        "purchase_id",
        *(f"purchase__{name}" for name in OF_THE_CART),
        "no_category",
    )
    worded = ExpressionWrapper(Q(message__contains=NO_CATEGORY), output_field=BooleanField())
    found = parked.annotate(no_category=worded).order_by("purchase__received_at", "pk").values_list(*columns)
    return [_Row(*row) for row in found[: READ + 1]]


OF_THE_CART = ("store_id", "received_at", "priced_at", "is_test")


def _add(need: Need, row: _Row) -> None:
    need.carts[row.cart] = max(row.problem, need.carts.get(row.cart, 0))
    need.stores.add(row.store)
    if row.moment:
        need.first_moment = min(row.moment, need.first_moment or row.moment)
    if row.is_test:
        need.tests.add(row.cart)


# --- What the codes of the carts mean ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sold:
    """What the catalog and the prices say now about the codes that make carts wait."""

    products: Mapping[str, Product]
    scanned: Mapping[str, frozenset[str]]
    """The SKUs that each code can mean."""
    taxed_as: Mapping[str, TaxCategory]
    sent_as_sku: frozenset[str]
    price_starts: Mapping[str, Sequence[datetime]]
    """When prices for all stores start, in order."""

    @classmethod
    def of(cls, rows: Sequence[_Row], now: datetime) -> "_Sold":
        codes = [code for code, _ in Counter(row.code for row in rows if row.code).most_common(LOOKED_UP)]
        scanned = _scanned(codes)
        skus = {*codes, *(sku for found in scanned.values() for sku in found)}
        taxed = TaxAssignment.objects.in_force(now).filter(product__in=skus).select_related("tax_category")
        samples = {row.code: row.cart for row in rows if row.cause == "product"}
        lines = PurchaseLine.objects.filter(purchase__in=list(samples.values())[:LOOKED_UP], type="SKU")
        return cls(
            products={product.pk: product for product in Product.objects.filter(pk__in=skus)},
            scanned=scanned,
            taxed_as={row.product_id: row.tax_category for row in taxed},
            sent_as_sku=frozenset(lines.values_list("product_id", flat=True)),
            price_starts=_price_starts(skus),
        )

    def need(self, row: _Row) -> tuple[Kind, str]:
        if row.cause == "store":
            return Kind.STORE, row.store
        if row.cause == "product":
            return (Kind.SHARED_CODE if len(self.scanned.get(row.code, ())) > 1 else Kind.UNKNOWN_CODE), row.code
        if row.cause in ("time", "size", "fault"):
            return Kind(row.cause), ""
        sku = self._sku(row.code)
        if row.cause != "tax":
            return Kind(row.cause), sku
        category = None if row.no_category else self.taxed_as.get(sku)
        return (Kind.TAX_RULE, category.pk) if category else (Kind.TAX_CATEGORY, sku)

    def _sku(self, code: str) -> str:
        scanned = self.scanned.get(code, frozenset())
        return next(iter(scanned)) if code not in self.products and len(scanned) == 1 else code

    def describe(self, need: Need) -> None:
        need.product = self.products.get(need.about)
        need.is_sku = need.about in self.sent_as_sku
        later = (at for at in self.price_starts.get(need.about, ()) if need.first_moment and at > need.first_moment)
        need.next_price_at = next(later, None)
        if need.kind == Kind.TAX_RULE:
            need.category = next(category for category in self.taxed_as.values() if category.pk == need.about)


def _price_starts(skus: Iterable[str]) -> dict[str, list[datetime]]:
    regular = Price.objects.filter(product__in=skus, store__isnull=True, temporary=False).order_by("starts_at")
    starts: dict[str, list[datetime]] = {}
    for sku, at in regular.values_list("product_id", "starts_at"):
        starts.setdefault(sku, []).append(at)
    return starts


def _scanned(codes: Iterable[str]) -> dict[str, frozenset[str]]:
    keys = {code: frozenset(barcodes.scan_keys(code)) for code in codes}
    wanted = {key for found in keys.values() for key in found}
    owners: dict[str, set[str]] = {}
    for key, sku in Barcode.objects.filter(lookup_key__in=wanted).values_list("lookup_key", "product_id"):
        owners.setdefault(key, set()).add(sku)
    return {code: frozenset(sku for key in found for sku in owners.get(key, ())) for code, found in keys.items()}


# --- Pricing them again --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PricedAgain:
    """What came of pricing carts again: how many are on their way, and why the others still wait."""

    priced: int
    still_wait: Mapping[str, int]
    """Each reason, with how many carts have it."""
    changed_meanwhile: int
    """Somebody else mended or closed them first."""
    not_tried: int
    """More than one press prices: they come first at the next one."""

    @property
    def is_nothing(self) -> bool:
        return not (self.priced or self.still_wait or self.changed_meanwhile or self.not_tried)


def price_again(key: str, *, by: User, now: datetime, among: QuerySet[Purchase] | None = None) -> PricedAgain:
    """Price again the carts that wait for this need (its `key`), or all that wait when the key is empty.

    At most `AT_ONCE` of them, each in a transaction of its own; those come first that were not tried for longest.
    """
    found = waiting(now=now, among=among).needs
    chosen = [need for need in found if key in ("", need.key)]
    carts: dict[int, int] = {}
    for need in chosen:
        for cart, problem in need.carts.items():
            carts[cart] = max(problem, carts.get(cart, 0))
    in_turn = sorted(carts, key=lambda cart: carts[cart])
    outcomes = Counter(_priced_again(in_turn[:AT_ONCE], by, now))
    return PricedAgain(
        priced=outcomes.pop(PRICED, 0),
        changed_meanwhile=outcomes.pop(CHANGED, 0),
        still_wait=outcomes,
        not_tried=max(0, len(in_turn) - AT_ONCE),
    )


PRICED, CHANGED = "", "changed meanwhile"


def _priced_again(carts: Iterable[int], by: User, now: datetime) -> Iterator[str]:
    for pk in carts:
        parked = Purchase.objects.filter(pk=pk, status=Status.UNPRICED)
        purchase = parked.first()
        if purchase is None:
            yield CHANGED
            continue
        try:
            purchases.reprice(purchase, by=by, now=now)
        except MoveRefused as refused:
            yield str(refused) if parked.exists() else CHANGED
        else:
            yield PRICED
