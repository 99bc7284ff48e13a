"""The page "Try it on a basket" of a promotion: what a basket costs without it and with it, line by line, and why.

The promotion is a stored one, or what a form says that nobody has saved: then its terms travel in the link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.models import Product, Store
from jwo_store import access, chosen_store
from jwo_store.admin_site import clock, site
from pricing import receipt
from pricing.admin.cart_page import (
    LONGEST_LINK,
    BasketForm,
    Row,
    changed,
    looked_up,
    note_faults,
    promotions_of,
    row_of,
    seen_products,
)
from pricing.basket import MOST_LINES, Item, Quote, quote_with, within
from pricing.candidates import Tried, Unreadable
from pricing.explain import Explanation, explain
from pricing.models import VARYING, Promotion
from pricing.moments import as_entered
from pricing.money import ZERO
from pricing.priced import PricedCart, PricedLine, Unpriced
from pricing.promotion_words import in_words

NOT_SAID = "Choose a kind and fill in what it needs."
NOT_ABOUT_IT = "It is about none of the products in this basket."


@dataclass(frozen=True, slots=True)
class Asked:
    """The promotion that the page is asked about."""

    tried: Tried
    stored: Promotion | None
    """The row of the database that it is or changes."""
    terms: str = ""
    """Its line of a store file, when it says what a form says and not what is stored."""

    @property
    def names(self) -> dict[str, str]:
        """How links and forms name it."""
        named = {"of": str(self.stored.pk) if self.stored else "", "terms": self.terms}
        return {name: value for name, value in named.items() if value}

    def link(self, basket: QueryDict) -> str:
        query = basket.copy()
        query.update(self.names)
        return f"{reverse('admin:pricing_promotion_preview')}?{query.urlencode()}"


def may_try_on_past_trips(request: HttpRequest) -> bool:
    """What comes of it is about trips of all stores, so who may do it in some of them alone is not offered it."""
    return access.stores_with(request.user, "orders.start_backtest").everywhere


def read(given: QueryDict, stored: Promotion | None) -> Asked | None:
    """What a link or a form names; None when that is no promotion that could be tried."""
    terms = given.get("terms", "")
    if not terms:
        return Asked(Tried.stored(stored), stored) if stored is not None and in_words(stored) else None
    try:
        return Asked(Tried.read(terms), stored, terms)
    except Unreadable:
        return None


NEEDED = frozenset({"kind", *VARYING, "weekdays", "from_time", "until_time", "stores", "funding", "max_uses_per_trip"})
"""The fields without which it is not known what a promotion does. When it starts, and why, is not asked."""


def read_form(form: Any, stored: Promotion | None) -> Asked | list[str]:
    """What a form says that is being filled in, or what is missing in it."""
    faults = {name: errors for name, errors in form.errors.items() if name in NEEDED | {"priority"}}
    if faults or not in_words(form.instance):
        return [f"{form.fields[name].label}: {' '.join(errors)}" for name, errors in faults.items()] or [NOT_SAID]
    tried = Tried.of(form.instance, [store.pk for store in form.cleaned_data.get("stores") or ()])
    if stored is not None and Tried.stored(stored).text == tried.text:
        return Asked(Tried.stored(stored), stored)
    return Asked(tried, stored, tried.text)


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the basket as the page shows it."""

    row: Row
    before: PricedLine | None
    after: PricedLine | None

    @property
    def difference(self) -> str:
        return in_difference(self.before.line.total, self.after.line.total) if self.before and self.after else ""

    @property
    def price(self) -> Decimal | None:
        return receipt.price(self.after.line, apart=self.row.fees_apart) if self.after else None

    @property
    def promotions(self) -> tuple[str, ...]:
        return promotions_of(self.after)

    @property
    def promotions_before(self) -> tuple[str, ...]:
        return promotions_of(self.before)


def show(request: HttpRequest, asked: Asked, stores: Sequence[Store], *, now: datetime) -> HttpResponse:
    """A change of the basket leads to its link, and the link to its price; what no link can hold is shown at once."""
    return (
        _lead(request, asked, changed(request.POST, seen_products(request)), stores, now)
        if request.method == "POST"
        else _page(request, asked, request.GET, stores, now)
    )


def start(request: HttpRequest, asked: Asked, stores: Sequence[Store], *, now: datetime) -> HttpResponse:
    """With an empty basket."""
    return _lead(request, asked, QueryDict(mutable=True), stores, now)


def refuse(request: HttpRequest, faults: Sequence[str]) -> HttpResponse:
    """Nothing can be tried yet, and why."""
    context = {**site.each_context(request), "title": "Not yet: something is missing", "faults": faults}
    return TemplateResponse(request, "admin/pricing/promotion/not_yet.html", context)


def _lead(
    request: HttpRequest, asked: Asked, basket: QueryDict, stores: Sequence[Store], now: datetime
) -> HttpResponse:
    link = asked.link(basket)
    return HttpResponseRedirect(link) if len(link) <= LONGEST_LINK else _page(request, asked, basket, stores, now)


def _page(
    request: HttpRequest, asked: Asked, basket: QueryDict, stores: Sequence[Store], now: datetime
) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": f"Try “{asked.tried.promotion.name}” on a basket",
        "words": asked.tried.words(access.stores_with(request.user, "pricing.view_promotion")),
        "names": asked.names,
        "stored": asked.stored,
        "is_changed": bool(asked.terms),
        "past_trips": reverse("admin:orders_backtest_add") if may_try_on_past_trips(request) else "",
        **_shown(asked, basket, _Where(stores, seen_products(request), chosen_store.chosen(request)), now),
    }
    return TemplateResponse(request, "admin/pricing/promotion/preview.html", context)


class _Where(NamedTuple):
    stores: Sequence[Store]
    products: QuerySet[Product]
    preferred: str
    """The store that the person looks at on other pages; "" is none."""


# --- What is shown -------------------------------------------------------------------------------------------------


def _shown(asked: Asked, basket: QueryDict, where: _Where, now: datetime) -> dict[str, Any]:
    own = [store for store in where.stores if _is_for(asked.tried, store)]
    form = BasketForm(basket, own, preferred=where.preferred)
    form.fields["at"].help_text = "Empty means now, or the promotion's start if that is still to come."
    texts = basket.getlist("item")
    items = within([item for item in map(Item.read, texts[:MOST_LINES]) if item is not None], where.products)
    told: dict[str, Any] = {
        "form": form,
        "notes": note_faults(texts, items),
        "matches": looked_up(form, where.products, full=len(items) >= MOST_LINES),
    }
    unpriced = [
        Compared(Row(number, item, item.code, "", "", None, ()), None, None) for number, item in enumerate(items)
    ]
    if form.cleaned_data.get("store") and "at" in form.cleaned_data:
        store = form.stores[form.cleaned_data["store"]]
        at = form.cleaned_data["at"] or _first_moment(asked.tried.promotion, now)
        before, after = quote_with(items, store.pk, [asked.tried.candidate], at=at, now=now)
        told |= {"store": store, "at": as_entered(at, store.zone), "moment": clock(at, store.zone)}
        told |= {"standing": _standing(asked, at), **_compared(items, before, after, asked.tried.promotion.code)}
    return {"rows": unpriced, **told}


def _is_for(tried: Tried, store: Store) -> bool:
    return tried.promotion.all_stores or store.pk in tried.stores


def _first_moment(promotion: Promotion, now: datetime) -> datetime:
    """Now, or the start of what is yet to start: prices and other promotions may be planned for then as well."""
    start: datetime | None = promotion.starts_at
    return max(start, now) if start else now


def _standing(asked: Asked, at: datetime) -> str:
    """What is held against what."""
    promotion = asked.tried.promotion
    others = Promotion.objects.in_force(at).filter(code=promotion.code)
    in_force = {row.pk for row in others}
    if promotion.pk in in_force:
        return "It is in force at that moment. “Before” is a basket without it, “after” the same basket with it."
    if in_force:
        return (
            f"Another version of “{promotion.code}” is in force at that moment. “Before” is a basket with that one, "
            "“after” has this one in its place."
        )
    return (
        "It is not in force at that moment, and is tried all the same: its start and end are set aside, its days and "
        "hours hold. “Before” is a basket without it, “after” the same basket with it."
    )


def _compared(items: Sequence[Item], before: Quote, after: Quote, code: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    problems = before.priced.problems if isinstance(before.priced, Unpriced) else ()
    told["waits"] = bool(problems)
    told["general_problems"] = [one.message for one in problems if one.line is None]
    lines = [priced.lines if isinstance(priced, PricedCart) else () for priced in (before.priced, after.priced)]
    told["rows"] = [
        Compared(
            row_of(number, item, before, None, tuple(p.message for p in problems if p.line == number)),
            *(each[number] if each else None for each in lines),
        )
        for number, item in enumerate(items)
    ]
    if isinstance(before.priced, PricedCart) and isinstance(after.priced, PricedCart):
        told |= _totals(before.priced, after.priced)
        told |= {
            "verdict": verdict(after.priced.trace, code),
            "optimal": after.priced.optimal and before.priced.optimal,
        }
        told |= {"explanations": _explanations(before.priced, after.priced)}
    return told


def _explanations(before: PricedCart, after: PricedCart) -> list[tuple[str, Explanation]]:
    return [("Why it costs what it costs after", explain(after.trace)), ("And before", explain(before.trace))]


def verdict(trace: Mapping[str, Any], code: str) -> tuple[str, ...]:
    """Where the promotion of this code applies, or why it does not, in sentences."""
    basket = trace["basket"]
    told = explain(
        {
            **trace,
            "applications": [one for one in trace["applications"] if one["promotion"] == code],
            "basket": basket if basket and basket["promotion"] == code else None,
            "not_applied": [one for one in trace["not_applied"] if one["promotion"] == code],
        }
    )
    return (*told.applied, *told.missed) or (NOT_ABOUT_IT,)


def _totals(before: PricedCart, after: PricedCart) -> dict[str, Any]:
    pairs = zip(receipt.sums_of(before), receipt.sums_of(after), strict=True)
    return {
        "totals": [
            (label, f"{was + ZERO:.2f}", f"{will + ZERO:.2f}", in_difference(was, will))
            for (label, was), (_, will) in pairs
        ],
        "sum_in_words": sum_in_words(before.totals.price_total, after.totals.price_total, after.currency),
        "currency": after.currency,
    }


def in_difference(before: Decimal, after: Decimal) -> str:
    """`-0.50`, `+0.10`; empty when it is the same."""
    return f"{after - before:+.2f}" if after != before else ""


def sum_in_words(before: Decimal, after: Decimal, currency: str) -> str:
    if after == before:
        return f"The shopper pays the same: {after} {currency}."
    less = "less" if after < before else "more"
    return f"The shopper pays {abs(before - after)} {currency} {less}: {after} instead of {before}."
