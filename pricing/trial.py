"""Trying promotions that are not in force: what a cart costs under the pricebook of a moment, and with them besides.

Nothing is written, and the way that real carts take (`pricing.pricebook`) knows nothing of it. A candidate holds on its
weekdays and at its hours; whether the moment lies between its start and its end is not asked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

from catalog.models import Product
from pricing.engine import price_cart
from pricing.models import ALL_PRODUCTS, Promotion, category_keys, sku_key
from pricing.pricebook import read_pricebook, terms_of
from pricing.priced import PricedCart, Unpriced
from pricing.terms import Cart, Pricebook, PromotionTerms

Keys = Mapping[str, frozenset[str]]
"""By SKU: the keys by which promotions name the product."""


@dataclass(frozen=True, slots=True)
class Role:
    """The keys of the products that one role of a promotion means, and of those that it leaves out."""

    named: frozenset[str]
    excluded: frozenset[str]

    def means(self, keys: frozenset[str]) -> bool:
        return not self.named.isdisjoint(keys) and self.excluded.isdisjoint(keys)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A promotion that is to be tried, be it stored or not; it takes the place of any other version of its code."""

    terms: PromotionTerms
    """Reaching no product yet."""
    roles: tuple[Role, ...]
    stores: frozenset[str] | None
    """None: all of them."""

    @classmethod
    def of(cls, promotion: Promotion, stores: Collection[str]) -> Self:
        """These are its stores, unless it is in all of them."""
        terms, role_count = terms_of(promotion)
        reach = promotion.reach()
        roles = (
            Role(
                frozenset(row.key for row in reach if row.role == role and not row.excluded),
                frozenset(row.key for row in reach if row.role == role and row.excluded),
            )
            for role in range(role_count)
        )
        return cls(terms, tuple(roles), None if promotion.all_stores else frozenset(stores))

    def in_cart(self, book: Pricebook, keys: Keys) -> PromotionTerms | None:
        """Its terms on the products of the cart that this pricebook prices; None when it is not about any of them."""
        if book.store is None or (self.stores is not None and book.store.store_id not in self.stores):
            return None
        skus = skus_in(book)
        roles = tuple(frozenset(sku for sku in skus if role.means(keys.get(sku, frozenset()))) for role in self.roles)
        return self.terms.reaching(roles) if any(roles) else None


class Trial(NamedTuple):
    """What a cart costs without the candidates and with them."""

    before: PricedCart | Unpriced
    after: PricedCart | Unpriced


class Books(NamedTuple):
    before: Pricebook
    after: Pricebook


def trial(
    cart: Cart, *, at: datetime, now: datetime, with_: Sequence[Candidate] = (), without: Collection[str] = ()
) -> Trial:
    """What this cart costs at the moment, and what with these candidates and without the promotions of these codes.

    A candidate that is in force itself, just as it is, is left out of the first of the two. Three questions to the
    database, whatever the cart.
    """
    book = read_pricebook(cart, at=at)
    before, after = costs(cart, *books(book, with_, keys_of(skus_in(book)), without), now=now)
    return Trial(before, after)


def costs(cart: Cart, *under: Pricebook, now: datetime) -> list[PricedCart | Unpriced]:
    """What the cart costs under each of these pricebooks, which differ in their promotions alone, or not at all."""
    known: dict[tuple[PromotionTerms, ...], PricedCart | Unpriced] = {}
    for book in under:
        if book.promotions not in known:
            known[book.promotions] = price_cart(cart, book, now=now)
    return [known[book.promotions] for book in under]


def books(book: Pricebook, with_: Sequence[Candidate], keys: Keys, without: Collection[str] = ()) -> Books:
    """The pricebook before and after; `keys` are those of the products in it."""
    rows = {one.terms.row for one in with_}
    gone = {*without, *(one.terms.code for one in with_)}
    found = [terms for one in with_ if (terms := one.in_cart(book, keys)) is not None]
    return Books(
        replace(book, promotions=tuple(terms for terms in book.promotions if terms.row not in rows)),
        replace(book, promotions=_by_code(found, (terms for terms in book.promotions if terms.code not in gone))),
    )


def _by_code(*some: Iterable[PromotionTerms]) -> tuple[PromotionTerms, ...]:
    """As a pricebook has them."""
    return tuple(sorted((terms for each in some for terms in each), key=lambda terms: terms.code))


def skus_in(book: Pricebook) -> frozenset[str]:
    return frozenset(product.sku for products in book.products.values() for product in products)


def keys_of(skus: Collection[str]) -> dict[str, frozenset[str]]:
    """One question to the database."""
    rows = Product.objects.filter(pk__in=skus).values_list("pk", "category", "subcategory")
    return {
        sku: frozenset((ALL_PRODUCTS, sku_key(sku), *category_keys(category, subcategory)))
        for sku, category, subcategory in rows
    }
