"""The page "Change many prices": which products, how, from when; a look at what it would do; all of it or nothing."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog.models import Barcode, Product, Store
from jwo_store import access, chosen_store
from jwo_store.admin_site import (
    SAY_WHY,
    CheckboxWidget,
    DecimalWidget,
    ReasonWidget,
    SelectWidget,
    TextWidget,
    counted,
    named_clock,
    site,
    time_of,
)
from pricing.acts import ManyAct
from pricing.admin import reasons
from pricing.admin.forms import LargeField
from pricing.admin.proposals import propose_if_asked, to_the_proposal
from pricing.admin.timeline_page import amount, zone_of
from pricing.bulk import MOST_PRODUCTS, Change, How, Made, Otherwise, Plan, change_prices, plan
from pricing.moments import MomentWidget, read_moment

MAKE = "pricing.make_pricechange"
CHOSEN, LISTED, FILTERED = "chosen", "listed", "filtered"
SHOWN_ROWS = 200
SHOWN_FAULTS = 10

HOW = (
    (How.PERCENT_UP, "Up by percent"),
    (How.PERCENT_DOWN, "Down by percent"),
    (How.AMOUNT_UP, "Up by an amount"),
    (How.AMOUNT_DOWN, "Down by an amount"),
)
ENDINGS = (
    ("", "As it comes out"),
    ("99", "To the nearest .99"),
    ("95", "To the nearest .95"),
    ("0", "To the nearest .00"),
)


class ChangeForm(forms.Form):
    which = forms.ChoiceField(label="Which products", widget=SelectWidget)
    category = forms.ChoiceField(label="Only of this category", required=False, widget=SelectWidget)
    sold_in = forms.ChoiceField(label="Only what is sold in", required=False, widget=SelectWidget)
    q = forms.CharField(
        label="Only what is called",
        required=False,
        max_length=255,
        widget=TextWidget,
        help_text="A SKU from its beginning, words of the name, or a barcode.",
    )
    how = forms.ChoiceField(label="Change the price", choices=HOW, widget=SelectWidget)
    by = forms.DecimalField(
        label="By",
        min_value=Decimal("0.01"),
        max_value=Decimal(100000),
        decimal_places=2,
        widget=DecimalWidget,
        help_text="For example 5 for 5 percent, or 0.20 for an amount.",
    )
    ending = forms.ChoiceField(label="New prices end", choices=ENDINGS, required=False, widget=SelectWidget)
    store = forms.ChoiceField(
        label="For",
        required=False,
        widget=SelectWidget,
        help_text="A price for one store is worked out from its own price, or else from that for all stores.",
    )
    starts_at = forms.CharField(
        label="From",
        required=False,
        max_length=40,
        widget=MomentWidget,
        help_text="Empty means now. On the clock that is named above, where you choose the store.",
    )
    temporary = forms.BooleanField(
        label="Temporary", required=False, widget=CheckboxWidget, help_text="The regular prices stay underneath."
    )
    ends_at = forms.CharField(
        label="Until (temporary only)",
        required=False,
        max_length=40,
        widget=MomentWidget,
        help_text="From that moment on it no longer holds. On the same clock.",
    )
    large = LargeField()
    reason = forms.CharField(
        required=False,
        max_length=1000,
        widget=ReasonWidget(reasons.FOR_PRICES),
        help_text="Why, for those who look at it later. Needed to change the prices.",
    )

    def __init__(self, data: QueryDict | None, *, now: datetime, source: "Source", **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.now, self.source = now, source
        held = access.stores_with(source.request.user, MAKE)
        self.seen = access.stores_with(source.request.user, "catalog.view_product").see(Product.objects.all(), "stores")
        self.stores = {store.pk: store for store in held.see(Store.objects.all(), "pk")}
        named = [(store.pk, store.name) for store in self.stores.values()]
        self._offer("which", source.choices())
        self._offer("category", [("", "All categories"), *((name, name) for name in categories(self.seen))])
        self._offer("sold_in", [("", "Any store"), *named])
        everywhere = [("", f"All stores ({time_of()})")] if held.everywhere else []
        own = [(store.pk, f"{store.name} ({time_of(store.zone)})") for store in self.stores.values()]
        self._offer("store", [*everywhere, *own])
        self.fields["store"].required = not held.everywhere

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        zone = zone_of(self.stores.get(cleaned.get("store", "")))
        for name in ("starts_at", "ends_at"):
            try:
                cleaned[name] = read_moment(cleaned.get(name, ""), zone)
            except ValidationError as unclear:
                self.add_error(name, unclear)
        if not self.errors:
            self._check_times(cleaned)
            self._check_filters(cleaned)
        return cleaned

    def _check_filters(self, cleaned: dict[str, Any]) -> None:
        if cleaned["which"] == FILTERED:
            return
        for name in ("category", "sold_in", "q"):
            if cleaned[name]:
                self.add_error(
                    name, "Choose “All that these filters let through” above to use this, or leave it empty."
                )

    def _check_times(self, cleaned: dict[str, Any]) -> None:
        starts_at, ends_at = cleaned["starts_at"], cleaned["ends_at"]
        if starts_at and starts_at < self.now:
            self.add_error("starts_at", "That is past. Leave it empty for now, or choose a later moment.")
        if cleaned["temporary"] and not ends_at:
            self.add_error("ends_at", "A temporary price needs an end.")
        if ends_at and not cleaned["temporary"]:
            self.add_error("ends_at", "Only a temporary price has an end. Tick “Temporary”, or leave this empty.")
        if ends_at and ends_at <= (starts_at or self.now):
            self.add_error("ends_at", "The end must be later than the start.")

    def check_confirmed(self, planned: Plan) -> None:
        """What is needed to do it, and not only to look at it."""
        if not self.cleaned_data["reason"].strip():
            self.add_error("reason", SAY_WHY)
        if planned.large and not self.cleaned_data["large"]:
            self.add_error("large", "Look at the large changes, marked below. Tick this if they are meant.")

    def products(self) -> QuerySet[Product]:
        """Those chosen in their list, or all that it showed, or what the filters of this form let through."""
        which = self.cleaned_data["which"]
        if which == CHOSEN:
            return self.seen.filter(pk__in=self.source.skus)
        return self.source.listed() if which == LISTED else self._filtered()

    def _filtered(self) -> QuerySet[Product]:
        rows, sold_in = self.seen, self.cleaned_data["sold_in"]
        if self.cleaned_data["category"]:
            rows = rows.filter(category=self.cleaned_data["category"])
        if sold_in:
            named = Product.objects.filter(stores=sold_in)
            rows = rows.filter(Q(all_stores=True) | Q(pk__in=named.values("pk")))
        text = self.cleaned_data["q"].strip()
        return rows.filter(_begins(text)) if text else rows

    def change(self) -> Change:
        entered = self.cleaned_data
        return Change(
            how=How(entered["how"]),
            by=entered["by"],
            ending=int(entered["ending"]) if entered["ending"] else None,
            store=self.stores.get(entered["store"]),
            starts_at=entered["starts_at"] or self.now,
            temporary=entered["temporary"],
            ends_at=entered["ends_at"],
        )


def _begins(text: str) -> Q:
    """As the list of products is searched."""
    scanned = Barcode.objects.scanned(text).values("product_id")
    return Q(pk__istartswith=text) | Q(name__words=text) | Q(pk__in=scanned)


def categories(products: QuerySet[Product]) -> list[str]:
    names = products.exclude(category="").order_by("category").values_list("category", flat=True)
    return list(names.distinct())


# --- The page ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """The list of products that the form was opened from: the rows chosen there, and how it was filtered."""

    request: HttpRequest
    skus: Sequence[str] = ()
    query: str = ""

    def choices(self) -> list[tuple[str, str]]:
        chosen = [(CHOSEN, f"The {counted(len(self.skus), 'product')} you chose")] if self.skus else []
        listed = [(LISTED, "All of the list, filtered as it was")] if self.query else []
        return [*chosen, *listed, (FILTERED, "All that these filters let through")]

    def listed(self) -> QuerySet[Product]:
        """What the list shows under these filters. Raises Http404 when it knows no such filter."""
        request = copy.copy(self.request)
        request.GET = QueryDict(self.query)
        try:
            shown = site.get_model_admin(Product).get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Http404 from error
        return Product.objects.filter(pk__in=shown.order_by().values("pk"))


def start(request: HttpRequest, skus: Sequence[str] = ()) -> HttpResponse:
    """The empty form: for these products, or for the list whose filters stand in the address."""
    source = Source(request, skus, request.GET.urlencode())
    initial = {"which": source.choices()[0][0], "store": chosen_store.chosen(request)}
    return _page(request, ChangeForm(None, now=timezone.now(), source=source, initial=initial))


def answer(request: HttpRequest) -> HttpResponse:
    """A look at what it would do; or, when that was seen and is confirmed, what was done."""
    now = timezone.now()
    source = Source(request, _chosen(request.POST), request.POST.get("list", ""))
    form = ChangeForm(request.POST, now=now, source=source)
    if not form.is_valid():
        return _page(request, form)
    count = form.products().count()
    if count > MOST_PRODUCTS:
        form.add_error("which", f"These are {count:,} products, and at most {MOST_PRODUCTS:,} are changed at once.")
        return _page(request, form)
    if "apply" not in request.POST:
        return _page(request, form, plan(form.products(), form.change()))
    return _apply(request, form, now)


def _apply(request: HttpRequest, form: ChangeForm, now: datetime) -> HttpResponse:
    change, products = form.change(), form.products()
    planned = plan(products, change)
    form.check_confirmed(planned)
    if not form.is_valid():
        return _page(request, form, planned)
    made = Made(by=request.user, now=now, reason=form.cleaned_data["reason"].strip())
    seen = request.POST.get("seen", "")
    if seen == planned.fingerprint and not planned.faults and planned.rows:
        proposal = propose_if_asked(request, _act(form, seen), made.reason)
        if proposal:
            return to_the_proposal(request, proposal)
    try:
        done = change_prices(planned, made, seen=seen)
    except Otherwise:
        messages.warning(request, "This is not what you have seen: look at it once more. Nothing was changed.")
        return _page(request, form, plan(products, change))
    except ValidationError as refused:
        messages.error(request, f"{' '.join(refused.messages[:SHOWN_FAULTS])} Nothing was changed.")
        return _page(request, form, plan(products, change))
    messages.success(request, f"Done: {done.words}.")
    return HttpResponseRedirect(reverse("admin:pricing_pricechange_change", args=[done.pk]))


def _act(form: ChangeForm, seen: str) -> ManyAct:
    skus = tuple(form.products().values_list("pk", flat=True))
    return ManyAct(skus, form.change(), seen, is_from_now=not form.cleaned_data["starts_at"])


def _chosen(entered: QueryDict) -> list[str]:
    return [sku for sku in entered.getlist("sku")[:MOST_PRODUCTS] if sku.isprintable()]


def _page(request: HttpRequest, form: ChangeForm, planned: Plan | None = None) -> HttpResponse:
    context = {**site.each_context(request), "title": "Change many prices", "form": form, "sections": _sections(form)}
    if planned is not None:
        context |= _seen(planned)
    return TemplateResponse(request, "admin/pricing/pricechange/change.html", context)


def _sections(form: ChangeForm) -> list[tuple[str, list[Any]]]:
    return [
        ("Which products", [form[name] for name in ("which", "category", "sold_in", "q")]),
        ("What changes", [form[name] for name in ("how", "by", "ending", "store")]),
        ("When", [form[name] for name in ("starts_at", "temporary", "ends_at")]),
    ]


def _seen(planned: Plan) -> dict[str, Any]:
    """The plan for the page: large changes first, no more rows than a person looks through."""
    rows = sorted(planned.rows, key=lambda row: (not row.large, row.product.pk))
    return {
        "plan": planned,
        "words": planned.change.words(),
        "when": named_clock(planned.change.starts_at, zone_of(planned.change.store)),
        "rows": [
            (row, amount(row.basis), f"{row.after:.2f}", percent_in_words(row.percent)) for row in rows[:SHOWN_ROWS]
        ],
        "more": max(0, len(rows) - SHOWN_ROWS),
        "faults": planned.faults[:SHOWN_FAULTS],
        "more_faults": max(0, len(planned.faults) - SHOWN_FAULTS),
        "unpriced": [str(product) for product in planned.unpriced[:SHOWN_FAULTS]],
    }


def percent_in_words(percent: Decimal | None) -> str:
    """`+12.0 %`; empty where nothing can be divided by."""
    return "" if percent is None else f"{percent:+.1f} %"
