"""The page of what waits for a repair: what mends most carts first, each with a link to the form that mends it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.clocks import zone_of
from catalog.models import Store
from jwo_store import access
from jwo_store.admin_site import brief_clock, counted, named_clock, site
from orders import waiting
from orders.admin.story import ago
from orders.models import Purchase
from orders.statuses import Status
from orders.waiting import AT_ONCE, READ, Kind, Need, PricedAgain

SHOWN_NEEDS = 50
SHOWN_STORES = 3
SHOWN_CARTS = 50
SHOWN_REASONS = 5
FILLED_STORES = 20
"""So many stores at most are filled into a form; beyond, it says that it holds in all."""


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class NeedStory:
    """One box of the page."""

    key: str
    title: str
    advice: str
    where_and_since: str
    links: Sequence[Link]
    carts: Link
    press: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What one cart waits for, and the forms that mend it."""

    text: str
    links: Sequence[Link]


REPRICE = "orders.reprice_purchase"


def page(request: HttpRequest, seen: QuerySet[Purchase], *, may_price: bool) -> HttpResponse:
    """What waits of these purchases; a press on a button prices it again."""
    if request.method == "POST":
        if not may_price:
            raise PermissionDenied
        mine = access.stores_with(request.user, REPRICE).change(seen, "store")
        again = waiting.price_again(request.POST.get("need", ""), by=request.user, now=timezone.now(), among=mine)  # type: ignore[arg-type]
        _tell(request, again)
        return HttpResponseRedirect(request.path)
    now = timezone.now()
    found = waiting.waiting(now=now, among=seen)
    stores = Store.objects.in_bulk()
    context = {
        **site.each_context(request),
        "title": "Waiting for a repair",
        "found": found,
        "all_in_words": _all_in_words(found, now),
        "needs": [_told(need, stores, request, now) for need in found.needs[:SHOWN_NEEDS]],
        "more": max(0, len(found.needs) - SHOWN_NEEDS),
        "read": None if found.complete else READ,
        "may_price": may_price,
        "press": _press(found.carts, all_words=f"Price all {found.carts} again"),
        "list": f"{_list()}?view=waiting",
    }
    return TemplateResponse(request, "admin/orders/purchase/waiting.html", context)


def repairs(purchase: Purchase, request: HttpRequest) -> list[Repair]:
    """What this one waits for, as far as there is a form for it that the person may open."""
    if purchase.status != Status.UNPRICED:
        return []
    found = waiting.waiting(now=timezone.now(), among=Purchase.objects.filter(pk=purchase.pk))
    told = [Repair(f"It waits {_what(need)}.", _links(need, request)) for need in found.needs]
    return [repair for repair in told if repair.links]


def _all_in_words(found: waiting.Waiting, now: datetime) -> str:
    if found.since is None:
        return "No cart waits for a repair."
    one = found.carts == 1
    return (
        f"{counted(found.carts, 'cart')} of {counted(found.stores, 'store')} {'waits' if one else 'wait'}, "
        f"the oldest for {ago(found.since, now)}. The hold on a shopper's card does not last for ever: "
        "mend what most carts wait for first."
    )


def _told(need: Need, stores: Mapping[str, Store], request: HttpRequest, now: datetime) -> NeedStory:
    return NeedStory(
        key=need.key,
        title=f"{_carts(need)} {_what(need)}",
        advice=ADVICE[need.kind],
        where_and_since=_where_and_since(need, stores, now),
        links=_links(need, request),
        carts=_see_the_carts(need),
        press=_press(len(need.carts)),
    )


# --- In words ------------------------------------------------------------------------------------------------------

WHAT = {
    Kind.STORE: "for the store “{about}” to be added",
    Kind.TIME: "because the trip ends in the future",
    Kind.SIZE: "because of the very many pieces in it",
    Kind.UNKNOWN_CODE: "for a product with the {code} “{about}”",
    Kind.SHARED_CODE: "because “{about}” can mean several products",
    Kind.QUANTITY: "because of the quantity of {product}",
    Kind.UNIT: "because of the unit in which {product} is counted",
    Kind.PRICE: "for a price of {product}",
    Kind.FEE: "because of a deposit or fee on {product}",
    Kind.TAX_CATEGORY: "for a tax category of {product}",
    Kind.TAX_RULE: "for a tax rule on {category}",
    Kind.FAULT: "because our own software failed",
}

ADVICE = {
    Kind.STORE: "Add the store, or its file; then price these again.",
    Kind.TIME: "Wait until that time is over; then price these again.",
    Kind.SIZE: "Compare each with the store. Your administrator can raise MAX_CART_UNITS, or close the cart.",
    Kind.UNKNOWN_CODE: "Add the product, or the barcode to the product that has it; then price these again.",
    Kind.SHARED_CODE: "Take the barcode off all products but one; then price these again.",
    Kind.QUANTITY: "Look at each cart and compare it with the store. What cannot be right is closed.",
    Kind.UNIT: "Look at each cart: whether the product is sold by the piece or by weight is not changed later.",
    Kind.PRICE: "Add a price that covers the time when the shoppers left; then price these again.",
    Kind.FEE: "Look at each cart: what is sold by weight bears no fee, and a store may let carts with fees wait.",
    Kind.TAX_CATEGORY: "Choose the tax category; then price these again.",
    Kind.TAX_RULE: "Add the rule, or mark the tax category as never taxed; then price these again.",
    Kind.FAULT: "Tell the software's maker. After it is mended, price these again.",
}


def _carts(need: Need) -> str:
    return f"{counted(len(need.carts), 'cart')} {'waits' if len(need.carts) == 1 else 'wait'}"


def _what(need: Need) -> str:
    return WHAT[need.kind].format(
        about=need.about,
        product=need.product or need.about,
        category=f"“{need.category.name}”" if need.category else need.about,
        code="SKU" if need.is_sku else "barcode",
    )


def _where_and_since(need: Need, stores: Mapping[str, Store], now: datetime) -> str:
    known = [stores[store] for store in need.stores if store in stores]
    named = sorted([*(store.name for store in known), *(need.stores - stores.keys())])
    more = f" and {len(named) - SHOWN_STORES} more" if len(named) > SHOWN_STORES else ""
    tests = f" {len(need.tests)} of them {'is a test trip' if len(need.tests) == 1 else 'are test trips'}."
    return (
        f"{', '.join(named[:SHOWN_STORES])}{more}. "
        f"The oldest came in {named_clock(need.since, zone_of(known), brief_clock)}, "
        f"{ago(need.since, now)} ago.{tests if need.tests else ''}"
    )


def _press(carts: int, *, all_words: str = "Price all of these again") -> str:
    if carts > AT_ONCE:
        return f"Price the next {AT_ONCE} again"
    return "Price it again" if carts == 1 else all_words


def _tell(request: HttpRequest, again: PricedAgain) -> None:
    if again.is_nothing:
        messages.info(request, "None of these waits any more.")
    if again.priced:
        messages.success(request, f"{counted(again.priced, 'cart')} priced, and on the way to Amazon.")
    if again.changed_meanwhile:
        messages.info(request, f"{counted(again.changed_meanwhile, 'cart')} mended by somebody else meanwhile.")
    if again.not_tried:
        messages.warning(request, f"{counted(again.not_tried, 'cart')} not tried yet: press again to go on.")
    _tell_reasons(request, again.still_wait)


def _tell_reasons(request: HttpRequest, still_wait: Mapping[str, int]) -> None:
    reasons = sorted(still_wait.items(), key=lambda pair: -pair[1])
    for reason, count in reasons[:SHOWN_REASONS]:
        messages.error(request, f"{_still(count)}: {reason}")
    others = sum(count for _, count in reasons[SHOWN_REASONS:])
    if others:
        messages.error(request, f"{_still(others)} for other reasons, which stand below.")


def _still(count: int) -> str:
    return f"{counted(count, 'cart')} still {'waits' if count == 1 else 'wait'}"


# --- Where to mend it ----------------------------------------------------------------------------------------------


def _list() -> str:
    return reverse("admin:orders_purchase_changelist")


def _see_the_carts(need: Need) -> Link:
    keys = sorted(need.carts)
    if len(keys) == 1:
        return Link("See the cart", reverse("admin:orders_purchase_change", args=keys))
    text = "See the carts" if len(keys) <= SHOWN_CARTS else f"See {SHOWN_CARTS} of the carts"
    return Link(text, f"{_list()}?{urlencode({'id__in': ','.join(map(str, keys[:SHOWN_CARTS]))})}")


Form = tuple[str, str, str]
"""The permission that it takes, the text of the link, and the address, with the form filled in as far as we know."""


def _forms(need: Need) -> Iterable[Form]:
    """What mends it; nothing where only the cart itself can be looked at."""
    return FORMS[need.kind](need) if need.kind in FORMS else ()


def _links(need: Need, request: HttpRequest) -> list[Link]:
    return [Link(text, url) for permission, text, url in _forms(need) if request.user.has_perm(permission)]


def _store_forms(need: Need) -> Iterator[Form]:
    yield "catalog.add_store", "Add the store", _form("catalog_store_add", store_id=need.about)


def _code_forms(need: Need) -> Iterator[Form]:
    known = {"sku": need.about} if need.is_sku else {}
    yield "catalog.add_product", "Add the product", _form("catalog_product_add", **known)
    if not need.is_sku:
        yield "catalog.change_product", "Find the product for the barcode", _form("catalog_product_changelist")


def _shared_code_forms(need: Need) -> Iterator[Form]:
    yield "catalog.view_product", "See the products", _form("catalog_product_changelist", q=need.about)


def _product_forms(need: Need) -> Iterator[Form]:
    if need.product:
        yield "catalog.view_product", "See the product", _product(need)


def _fee_forms(_need: Need) -> Iterator[Form]:
    yield "pricing.view_fee", "See deposits and fees", _form("pricing_fee_changelist")
    yield "catalog.view_store", "See the stores", _form("catalog_store_changelist")


def _price_forms(need: Need) -> Iterator[Form]:
    yield "pricing.add_price", "Add the price", _form("pricing_price_add", **_price(need))


def _tax_category_forms(need: Need) -> Iterator[Form]:
    yield "catalog.change_product", "Choose the tax category", _product(need)


def _tax_rule_forms(need: Need) -> Iterator[Form]:
    yield "pricing.add_taxrule", "Add the tax rule", _form("pricing_taxrule_add", **_tax_rule(need))
    category = reverse("admin:pricing_taxcategory_change", args=[quote(need.about)])
    yield "pricing.change_taxcategory", "Open the tax category", category


FORMS: Mapping[Kind, Callable[[Need], Iterable[Form]]] = {
    Kind.STORE: _store_forms,
    Kind.UNKNOWN_CODE: _code_forms,
    Kind.SHARED_CODE: _shared_code_forms,
    Kind.QUANTITY: _product_forms,
    Kind.UNIT: _product_forms,
    Kind.FEE: _fee_forms,
    Kind.PRICE: _price_forms,
    Kind.TAX_CATEGORY: _tax_category_forms,
    Kind.TAX_RULE: _tax_rule_forms,
}


def _product(need: Need) -> str:
    return reverse("admin:catalog_product_change", args=[quote(need.about)])


def _form(name: str, **filled: str) -> str:
    url = reverse(f"admin:{name}")
    return f"{url}?{urlencode(filled)}" if filled else url


REASON = "Carts wait for it since then."


def _back_dated(need: Need) -> dict[str, str]:
    """A start at which the first cart is covered. Forms show whole seconds: what they leave out must not cut it off."""
    if need.first_moment is None:
        return {}
    starts_at = need.first_moment.astimezone(UTC).replace(microsecond=0)
    return {"starts_at": starts_at.isoformat(), "reason": REASON}


def _price(need: Need) -> dict[str, str]:
    filled = {"product": need.about, "store": "", **_back_dated(need)}
    if need.next_price_at:
        filled["ends_at"] = need.next_price_at.astimezone(UTC).isoformat()
    return filled


def _tax_rule(need: Need) -> dict[str, str]:
    filled = {"tax_categories": need.about, "all_stores": "on", **_back_dated(need)}
    if len(need.stores) <= FILLED_STORES:
        filled |= {"all_stores": "", "stores": ",".join(sorted(need.stores))}
    return filled
