"""What a promotion does, in a plain sentence: on which days and hours, what it gives, how often and where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from typing import Any, Self

from catalog.models import Product, Store
from jwo_store.admin_site import (
    counted,
)
from pricing.models import (
    NEEDS,
    Funding,
    Promotion,
    PromotionKind,
    Weekday,
)

SENTENCES = {
    PromotionKind.PERCENT_OFF: "{percent} off {what}",
    PromotionKind.AMOUNT_OFF: "{amount} off each piece of {what}",
    PromotionKind.FIXED_PRICE: "{amount} for each piece of {what}",
    PromotionKind.BUY_X_GET_Y: "buy {bought}, get {got} {reduced}",
    PromotionKind.MULTI_BUY: "any {several} for {amount}",
    PromotionKind.BUNDLE: "{parts} together for {amount}",
    PromotionKind.SPEND_GET: "{reward} off when {threshold} or more is spent{on}",
}

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Wording:
    """What sentences need to know besides the promotions themselves; read once for many of them."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Of products, by SKU."""
    currencies: frozenset[str] = frozenset()
    """Of all stores."""

    @classmethod
    def of(cls, promotions: Iterable[Promotion]) -> Self:
        """Reads the names that these promotions' sentences say, and the stores' currencies: two queries."""
        skus = {
            sku
            for promotion in promotions
            for _, targets in promotion.roles()
            for sku in (*targets.get("skus", ())[:NAMED], *targets.get("except_skus", ())[:NAMED])
        }
        return cls(
            names=dict(Product.objects.filter(pk__in=skus).values_list("pk", "name")),
            currencies=frozenset(Store.objects.order_by().values_list("currency", flat=True).distinct()),
        )

    def product(self, sku: str) -> str:
        return self.names.get(sku, sku)


NOTHING_KNOWN = Wording()


def in_words(promotion: Promotion, wording: Wording = NOTHING_KNOWN, *, stores: Iterable[Store] | None = None) -> str:
    """What the promotion does, in a sentence for staff. Empty while its kind's own fields are not filled in.

    `stores` stand for its own when those are not stored yet.
    """
    if not _says_enough(promotion):
        return ""
    where = _stores(promotion) if stores is None else list(stores)
    told = _Told(promotion, wording, [] if promotion.all_stores else where)
    sentence = ", ".join(part for part in (_when(promotion), told.offer(), _cap(promotion), told.place()) if part)
    return " ".join((f"{sentence[0].upper()}{sentence[1:]}.", *_besides(promotion)))


def _says_enough(promotion: Promotion) -> bool:
    needs = NEEDS.get(promotion.kind, frozenset())
    is_basket_offer = promotion.kind == PromotionKind.SPEND_GET
    has_reward = not is_basket_offer or promotion.amount is not None or promotion.percent is not None
    return bool(promotion.kind) and has_reward and all(getattr(promotion, name) is not None for name in needs)


def _stores(promotion: Promotion) -> list[Store]:
    """Its stores, which the row of a list has at hand already."""
    return [] if promotion.all_stores or promotion._state.adding else list(promotion.stores.all())


@dataclass(frozen=True, slots=True)
class _Told:
    """A promotion in the words that its stores and products have."""

    promotion: Promotion
    wording: Wording
    stores: Sequence[Store]

    def offer(self) -> str:
        promotion = self.promotion
        parts = ((part["count"], part["targets"]) for part in promotion.components or ())
        return SENTENCES[PromotionKind(promotion.kind)].format(
            what=self.products(promotion.targets),
            percent=_percent(promotion.percent),
            amount=self.money(promotion.amount),
            threshold=self.money(promotion.threshold),
            reward=self.money(promotion.amount) or _percent(promotion.percent),
            reduced="free" if promotion.percent == WHOLE else f"{_percent(promotion.percent)} off",
            bought=self.some(promotion.buy, promotion.targets),
            got=self._got(),
            several=self.some(promotion.count, promotion.targets),
            parts=" and ".join(self.some(count, targets) for count, targets in parts),
            on="" if promotion.targets == {"all": True} else f" on {self.products(promotion.targets)}",
        )

    def _got(self) -> str:
        if self.promotion.get_targets:
            return self.some(self.promotion.get, self.promotion.get_targets)
        return f"{self.promotion.get} more of them, the cheapest,"

    def place(self) -> str:
        if self.promotion.all_stores:
            return "in all stores"
        named = [store.name for store in self.stores if getattr(store, "is_shown", True)]
        return f"in {listed(named, unnamed=len(self.stores) - len(named))}" if self.stores else ""

    def money(self, amount: Decimal | None) -> str:
        """With the currency, if it is the same everywhere."""
        if amount is None:
            return ""
        used = {store.currency for store in self.stores} or self.wording.currencies
        if len(used) != 1:
            return f"{amount:.2f}"
        (currency,) = used
        symbol = SYMBOLS.get(currency, "")
        return f"{symbol}{amount:.2f}" if symbol else f"{amount:.2f} {currency}"

    def some(self, count: int | None, targets: Mapping[str, Any] | None) -> str:
        """`3 snacks`, `1 of snacks`, `2 of Cola 500 ml and Water`."""
        targets = targets or {}
        if targets == {"all": True}:
            return counted(count or 0, "product")
        alone = len(targets.get("categories", ())) == 1 and targets.keys() == {"categories"}
        return f"{count} {'' if alone and count != 1 else 'of '}{self.products(targets)}"

    def products(self, targets: Mapping[str, Any] | None) -> str:
        return products_in_words(targets, self.wording)


def products_in_words(targets: Mapping[str, Any] | None, wording: Wording) -> str:
    """`everything but Water`, `drinks, snacks and Cola 500 ml`."""
    targets = targets or {}
    named = [*map(_category, targets.get("categories", ())), *map(wording.product, targets.get("skus", ()))]
    what = "everything" if targets.get("all") else listed(named)
    but = [wording.product(sku) for sku in targets.get("except_skus", ())]
    return f"{what} but {listed(but)}" if but else what


def _category(name: str) -> str:
    """A common noun within a sentence: `soft drinks` for `Drinks > Soft drinks`; `BBQ` stays."""
    noun = name.rpartition(" > ")[2]
    return noun.lower() if noun[1:].islower() else noun


WHOLE = 100


def _percent(percent: Decimal | None) -> str:
    return "" if percent is None else f"{percent.normalize():f} %"


NAMED = 4


def listed(names: Sequence[str], *, unnamed: int = 0) -> str:
    """`A, B and C`; of many the first few. `unnamed` are there as well, and are counted only."""
    others = unnamed + max(0, len(names) - NAMED)
    shown = [*names[:NAMED], *([counted(others, "other" if names else "other store")] if others else ())]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def _when(promotion: Promotion) -> str:
    days, hours = days_in_words(promotion.weekdays), hours_in_words(promotion.from_time, promotion.until_time)
    return f"{days or 'every day'} {hours}" if hours else days


def days_in_words(weekdays: Iterable[str]) -> str:
    """`Mondays`, `Mondays to Fridays`, `Mondays and Saturdays`."""
    places = [place for place, day in enumerate(Weekday.values) if day in weekdays]
    labels = [f"{Weekday(Weekday.values[place]).label}s" for place in places]
    if len(places) >= RUN and places[-1] - places[0] == len(places) - 1:
        return f"{labels[0]} to {labels[-1]}"
    return " and ".join((", ".join(labels[:-1]), labels[-1])) if len(labels) > 1 else "".join(labels)


RUN = 3
"""So many days that follow one another are said by the first and the last."""


def hours_in_words(from_time: time | None, until_time: time | None) -> str:
    """`16:00 to 18:00`, on the store's clock."""
    if from_time is None or until_time is None:
        return ""
    next_day = " the next day" if until_time < from_time else ""
    return f"{from_time:%H:%M} to {until_time:%H:%M}{next_day}"


def _cap(promotion: Promotion) -> str:
    most = promotion.max_uses_per_trip
    return f"at most { {1: 'once', 2: 'twice'}.get(most, f'{most} times') } a trip" if most else ""


def _besides(promotion: Promotion) -> Iterable[str]:
    if promotion.priority:
        others = "before deals with a lower one" if promotion.priority > 0 else "after deals with a higher one"
        yield f"Its priority is {promotion.priority}: it chooses its products {others}."
    if promotion.funding == Funding.VENDOR:
        yield "Somebody else pays for it."
