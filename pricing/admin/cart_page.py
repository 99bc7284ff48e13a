"""The page "Price a cart": put a basket together, choose store and moment, see what it would cost and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.admin.in_view import stores_with
from catalog.models import Product, Store
from jwo_store import access, chosen_store
from jwo_store.admin_site import SelectWidget, TextWidget, counted, site
from jwo_store.words import which_of_two
from pricing import receipt
from pricing.basket import MOST_LINES, SKU, Item, Matches, Quote, find, quote, within
from pricing.explain import in_sentence
from pricing.moments import MomentWidget, read_moment
from pricing.nearly import explain_all
from pricing.priced import PricedCart, PricedLine, Unpriced

LONGEST_LINK = 3500
"""Web servers refuse a longer first line of a request (gunicorn: 4,094 characters)."""


class BasketForm(forms.Form):
    """Where, when, and what is to be added; the items themselves stand in the table below it."""

    find = forms.CharField(
        label="Barcode, SKU or name",
        required=False,
        max_length=255,
        widget=TextWidget(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="Scan or type it. Of a name some words are enough, or their beginnings.",
    )
    quantity = forms.CharField(
        label="How many, or what weight",
        required=False,
        max_length=20,
        widget=TextWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="For example 2, or 0.453 for weighed goods, in the unit in which they are sold.",
    )
    store = forms.ChoiceField(widget=SelectWidget)
    at = forms.CharField(
        label="When, on the store's clock",
        required=False,
        max_length=40,
        widget=MomentWidget,
        help_text="When the shopper leaves; empty means now. For a day to come the basket is priced with what is "
        "planned for then: try a promotion before it starts.",
    )

    def __init__(self, asked: QueryDict, stores: Sequence[Store], *, preferred: str = "") -> None:
        self.stores = {store.pk: store for store in stores}
        first = next(iter(self.stores), "")
        super().__init__(
            {
                "find": asked.get("find", ""),
                "quantity": asked.get("quantity") or "1",
                "store": asked.get("store") or (preferred if preferred in self.stores else first),
                "at": asked.get("at", ""),
            }
        )
        choices: Any = self.fields["store"]
        choices.choices = [(store.pk, store.name) for store in stores]
        choices.error_messages["invalid_choice"] = "We have no store “%(value)s”. Choose one."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        store = self.stores.get(cleaned.get("store", ""))
        if store is not None and "at" in cleaned:
            self._read_moment(cleaned, store)
        return cleaned

    def _read_moment(self, cleaned: dict[str, Any], store: Store) -> None:
        try:
            cleaned["at"] = read_moment(cleaned["at"], store.zone)
        except ValidationError as unclear:
            self.add_error("at", unclear)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the basket as the page shows it."""

    number: int
    item: Item
    name: str
    catalog: str
    unit: str
    priced: PricedLine | None
    problems: tuple[str, ...]
    fees_apart: bool = True

    @property
    def price(self) -> Decimal | None:
        return receipt.price(self.priced.line, apart=self.fees_apart) if self.priced else None

    @property
    def promotions(self) -> tuple[str, ...]:
        return promotions_of(self.priced)

    @property
    def fees(self) -> tuple[str, ...]:
        fees = self.priced.line.fees if self.priced else ()
        return tuple(receipt.fee(one.text, one.amount, apart=self.fees_apart) for one in fees)


def promotions_of(line: PricedLine | None) -> tuple[str, ...]:
    return tuple(receipt.promotion(one.text, one.amount) for one in line.line.promotions) if line else ()


VIEW = "pricing.view_price"


def seen_products(request: HttpRequest) -> QuerySet[Product]:
    """Those of the stores whose prices this person may look at."""
    return access.stores_with(request.user, VIEW).see(Product.objects.all(), "stores")


def price_a_cart(request: HttpRequest) -> HttpResponse:
    """A change of the basket leads to its link, and the link to its price; what no link can hold is shown at once."""
    asked: QueryDict = request.GET
    if request.method == "POST":
        asked = changed(request.POST, seen_products(request))
        link = f"?{asked.urlencode()}"
        if len(link) <= LONGEST_LINK:
            return HttpResponseRedirect(request.path + link)
    told = shown(
        asked,
        list(stores_with(request, VIEW)),
        seen_products(request),
        now=timezone.now(),
        preferred=chosen_store.chosen(request),
    )
    if "priced" in told:
        seen_in = access.stores_with(request.user, "pricing.view_promotion")
        told["explanation"] = explain_all(told["priced"].trace, told["store"], told["as_of"], seen_in=seen_in)
    context = {**site.each_context(request), "title": "Price a cart", **told}
    return TemplateResponse(request, "admin/pricing/price/cart.html", context)


# --- A change ------------------------------------------------------------------------------------------------------


def changed(entered: QueryDict, products: QuerySet[Product]) -> QueryDict:
    """What the page's form makes of the basket: quantities written, a line taken off, another put on."""
    items = _entered_items(entered)
    taken_off = entered.get("remove", "")
    if taken_off.isdecimal() and int(taken_off) < len(items):
        del items[int(taken_off)]
    text, quantity = entered.get("find", "").strip(), entered.get("quantity", "").strip() or "1"
    added = _added(entered.get("add", ""), text, quantity, products)
    if added is not None and len(items) < MOST_LINES:
        items.append(added)
        text, quantity = "", "1"
    return _as_query(entered, items, text, quantity)


def _added(chosen: str, text: str, quantity: str, products: QuerySet[Product]) -> Item | None:
    if chosen:
        return Item.read(f"{SKU}~{chosen}~{quantity}")
    return find(text, quantity, products).item if text.isprintable() and text else None


def _entered_items(entered: QueryDict) -> list[Item]:
    """Those of the table, with the quantities that stand beside them now."""
    pairs = zip(entered.getlist("item"), entered.getlist("count"), strict=False)
    rewritten = (f"{text.rpartition('~')[0]}~{count}" for text, count in pairs)
    return [item for item in map(Item.read, rewritten) if item is not None]


def _as_query(entered: QueryDict, items: Sequence[Item], text: str, quantity: str) -> QueryDict:
    query = QueryDict(mutable=True)
    for name in ("store", "at"):
        if entered.get(name):
            query[name] = str(entered[name])
    query.setlist("item", [str(item) for item in items])
    if text:
        query.update({"find": text, "quantity": quantity})
    return query


# --- What is shown -------------------------------------------------------------------------------------------------


def shown(
    asked: QueryDict, stores: Sequence[Store], products: QuerySet[Product], *, now: datetime, preferred: str = ""
) -> dict[str, Any]:
    """Of these stores and products alone. The store is that of the link, or else the preferred one."""
    form = BasketForm(asked, stores, preferred=preferred)
    texts = asked.getlist("item")
    items = within([item for item in map(Item.read, texts[:MOST_LINES]) if item is not None], products)
    link = f"?{_as_query(asked, items, '', '').urlencode()}"
    told: dict[str, Any] = {
        "form": form,
        "notes": note_faults(texts, items),
        "matches": looked_up(form, products, full=len(items) >= MOST_LINES),
        "link": link if len(link) <= LONGEST_LINK else "",
    }
    if form.cleaned_data.get("store") and "at" in form.cleaned_data:
        store = form.stores[form.cleaned_data["store"]]
        at = form.cleaned_data["at"] or now
        told |= {"store": store, "to_come": at > now, **_quoted(quote(items, store.pk, at=at, now=now), items)}
    return {"rows": [Row(number, item, item.code, "", "", None, ()) for number, item in enumerate(items)], **told}


def note_faults(texts: Sequence[str], items: Sequence[Item]) -> list[str]:
    notes = []
    if len(texts) > MOST_LINES:
        notes.append(f"A basket has at most {MOST_LINES} lines here. Only the first {MOST_LINES} are shown.")
    unread = len(texts[:MOST_LINES]) - len(items)
    if unread:
        notes.append(f"{counted(unread, 'line')} of the link could not be read. Add what is missing.")
    return notes


def looked_up(form: BasketForm, products: QuerySet[Product], *, full: bool) -> Matches | None:
    if not form.is_valid() and form.errors.keys() & {"find", "quantity"}:
        return None
    text = form.cleaned_data["find"]
    if not text:
        return None
    if full:
        form.add_error("find", f"A basket has at most {MOST_LINES} lines here. Take one off first.")
        return None
    matches = find(text, form.cleaned_data["quantity"], products)
    if not matches.products:
        form.add_error(
            "find", f"No product has the SKU or barcode “{text}”, and no name has such words. Check for a slip."
        )
    return matches


def _quoted(quoted: Quote, items: Sequence[Item]) -> dict[str, Any]:
    priced = quoted.priced
    local = quoted.book.moment.astimezone(quoted.book.store.zone) if quoted.book.store else quoted.book.moment
    told: dict[str, Any] = {"moment": f"{in_sentence(local)}{which_of_two(local)}"}
    if isinstance(priced, PricedCart):
        told |= {"priced": priced, "as_of": quoted.book.moment}
        told["totals"] = receipt.in_words(receipt.sums_of(priced), priced.currency)
    lines = priced.lines if isinstance(priced, PricedCart) else (None,) * len(items)
    problems = priced.problems if isinstance(priced, Unpriced) else ()
    told["waits"] = bool(problems)
    told["general_problems"] = [one.message for one in problems if one.line is None]
    told["rows"] = [
        row_of(number, item, quoted, lines[number], tuple(p.message for p in problems if p.line == number))
        for number, item in enumerate(items)
    ]
    return told


def row_of(
    number: int,
    item: Item,
    quoted: Quote,
    line: PricedLine | None,
    problems: tuple[str, ...],
) -> Row:
    product = item.product(quoted.book)
    if not item.countable:
        problems = (f"“{item.quantity}” is no quantity. Write a number, for example 2 or 0.453.",)
    return Row(
        number=number,
        item=item,
        name=product.name if product else "",
        catalog=f"{reverse('admin:catalog_product_changelist')}?{urlencode({'q': item.code})}",
        unit=product.weight_unit if product else "",
        priced=line,
        problems=problems,
        fees_apart=not (quoted.book.store and quoted.book.store.prices_include_tax),
    )
