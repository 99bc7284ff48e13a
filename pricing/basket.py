"""A basket that somebody puts together to see what it would cost. It is stored nowhere: it travels in a link."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from django.db.models import Q, QuerySet

from catalog.models import Barcode, Product
from pricing.engine import price_cart
from pricing.pricebook import read_pricebook
from pricing.priced import PricedCart, Unpriced
from pricing.resolve import lookup_keys
from pricing.terms import Cart, CartLine, Pricebook, ProductTerms
from pricing.trial import Candidate, books, keys_of, skus_in

MOST_LINES = 100
MOST_MATCHES = 10
LONGEST_CODE = 255

SKU, SCAN = "sku", "scan"
TYPES = {SKU: "SKU", SCAN: "SCANCODE"}
"""How an item is named: by its SKU or by a code that a scanner reads; what Amazon calls either."""

QUANTITY = re.compile(r"-?[0-9]{1,7}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a basket; its quantity is what somebody entered, readable or not."""

    kind: str
    code: str
    quantity: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From `sku~COLA-500~2` or `scan~012345678905~1`; None when it is neither."""
        kind, _, rest = text.partition("~")
        code, _, quantity = rest.rpartition("~")
        known = kind in TYPES and 0 < len(code) <= LONGEST_CODE and code.isprintable()
        return cls(kind, code, quantity.strip()[:20]) if known else None

    def __str__(self) -> str:
        return f"{self.kind}~{self.code}~{self.quantity}"

    @property
    def countable(self) -> bool:
        return QUANTITY.fullmatch(self.quantity) is not None

    def product(self, book: Pricebook) -> ProductTerms | None:
        """The one product that it means, if there is exactly one."""
        keys = lookup_keys(TYPES[self.kind], self.code)
        found = {product.sku: product for key in keys for product in book.products.get(key, ())}
        return next(iter(found.values())) if len(found) == 1 else None

    def line(self) -> CartLine:
        """Counted in pieces: the unit is known when the product is."""
        quantity = self.quantity if self.countable else "0"
        return CartLine(product_id=self.code, type=TYPES[self.kind], quantity=quantity, unit="unit")

    def line_in(self, book: Pricebook) -> CartLine:
        """In the unit that the product is sold in."""
        product = self.product(book)
        return replace(self.line(), unit=(product and product.weight_unit) or "unit")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a basket would cost, with all that was looked at."""

    book: Pricebook
    priced: PricedCart | Unpriced | None
    """None when there is nothing that can be priced: no item, or one whose quantity is no number."""


def quote(items: Sequence[Item], store_id: str, *, at: datetime, now: datetime) -> Quote:
    """What a cart of these items would cost on a trip that ends at this moment, be it past or to come."""
    cart = _cart(items, store_id, at)
    return _quote(items, cart, read_pricebook(cart, at=at), max(now, at))


def quote_with(
    items: Sequence[Item], store_id: str, candidates: Sequence[Candidate], *, at: datetime, now: datetime
) -> tuple[Quote, Quote]:
    """The same without these promotions and with them: see `pricing.trial`."""
    cart = _cart(items, store_id, at)
    book = read_pricebook(cart, at=at)
    under = books(book, candidates, keys_of(skus_in(book)))
    return _quote(items, cart, under.before, max(now, at)), _quote(items, cart, under.after, max(now, at))


def _cart(items: Sequence[Item], store_id: str, at: datetime) -> Cart:
    return Cart(store_id, started_at=at, ended_at=at, lines=tuple(item.line() for item in items))


def _quote(items: Sequence[Item], cart: Cart, book: Pricebook, now: datetime) -> Quote:
    if not items or not all(item.countable for item in items):
        return Quote(book, None)
    asked = replace(cart, lines=tuple(item.line_in(book) for item in items))
    return Quote(book, price_cart(asked, book, now=now))


@dataclass(frozen=True, slots=True)
class Matches:
    """What somebody's text may mean: the one item that it names, or else products to choose from."""

    item: Item | None = None
    products: tuple[Product, ...] = ()
    named: bool = False
    """Whether it is the SKU or a barcode of these products, and not only what they are called."""
    more: bool = False


def find(text: str, quantity: str, among: QuerySet[Product]) -> Matches:
    """What of these has this SKU or barcode; when nothing has, those whose SKU begins so or whose name has such words.

    At most two queries.
    """
    scanned = Barcode.objects.scanned(text).values("product_id")
    named = list(among.filter(Q(pk=text) | Q(pk__in=scanned))[: MOST_MATCHES + 1])
    found = named or list(_begins(text, among)[: MOST_MATCHES + 1])
    item = Item(SKU if named[0].pk == text else SCAN, text, quantity) if len(named) == 1 else None
    return Matches(item, tuple(found[:MOST_MATCHES]), named=bool(named), more=len(found) > MOST_MATCHES)


def within(items: Sequence[Item], among: QuerySet[Product]) -> list[Item]:
    """The items without those that name only products which are not among these."""
    if not among.query.where:
        return list(items)
    everything = Product.objects.all()
    return [one for one in items if find(one.code, "1", among).named or not find(one.code, "1", everything).named]


def _begins(text: str, among: QuerySet[Product]) -> QuerySet[Product]:
    return among.filter(Q(pk__istartswith=text) | Q(name__words=text)).order_by("name", "pk")
