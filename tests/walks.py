"""Every page of the admin, found by the registry and the URL resolver: what is added later is walked too.

And rows of every kind for them to show.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from catalog.models import Store
from catalog.statuses import ItemState
from jwo_store.admin_site import site
from jwo_store.roles import ROLES
from orders.models import BackTest, ExportPart, FinanceExport
from pricing.candidates import Tried
from pricing.models import ChangedPrice, PriceChange
from pricing.proposed import Proposal
from tests.factories import (
    AlarmFactory,
    BarcodeFactory,
    CashierFactory,
    CatalogItemFactory,
    CatalogMessageFactory,
    CatalogRunFactory,
    CatalogUploadFactory,
    CheckoutAttemptFactory,
    FeeFactory,
    PriceFactory,
    ProblemFactory,
    ProductFactory,
    ProductFindingFactory,
    PromotionFactory,
    PurchaseFactory,
    RefusedCartFactory,
    StoreListFactory,
    TaxCategoryFactory,
    TaxHolidayFactory,
    TaxRuleFactory,
    UploadLineFactory,
    UserFactory,
    assign,
)


def everybody(*stores: Store) -> User:
    """A person with every role, in these stores."""
    person = UserFactory()
    for role in ROLES:
        assign(person, role, *stores)
    return person


def rows_of(south: Store, north: Store) -> list[Model]:
    """Rows that belong to the store SOUTH alone, each with a page of its own."""
    now, day = timezone.now(), timedelta(days=1)
    owner = CashierFactory(username="QZX-cashier", role=[south])
    product = ProductFactory(sku="QZX-1", name="QZX cola", category="QZX drinks", stores=[south])
    shared = ProductFactory(sku="SHARED-1")
    tax = TaxCategoryFactory(code="SOFT")
    upload = CatalogUploadFactory(store=south, finished=True, content=b'{"catalogItems":[{"item_sku":"QZX-1"}]}')
    purchase = PurchaseFactory(store=south, ordered=True, trip_id="QZX-trip", sku="QZX-1")
    parked = PurchaseFactory(store=south, parked=True, trip_id="QZX-parked")
    change = PriceChange.objects.create(
        made_at=now, made_by=owner, words="QZX", reason="QZX", store=south, temporary=False, starts_at=now
    )
    own = {"before": Decimal("777.77"), "after": Decimal("888.88"), "temporary": False, "starts_at": now}
    ChangedPrice.objects.create(change=change, product=product, made=uuid4(), store=south, **own)
    for_all = PriceChange.objects.create(
        made_at=now, made_by=UserFactory(), words="All", reason="All", store=None, temporary=False, starts_at=now
    )
    ChangedPrice.objects.create(change=for_all, product=product, made=uuid4(), store=None, **own)
    ChangedPrice.objects.create(change=for_all, product=shared, made=uuid4(), store=south, **own)
    asked = {"environment": "sandbox", "asked_at": now, "asked_by": owner}
    days = {"first_day": now.date(), "last_day": now.date(), "is_test": False, "store_ids": ["SOUTH"]}
    kept = {"status": "DONE", "finished_at": now, "expires_at": now + day, "size": 1}
    export = FinanceExport.objects.create(**asked, **days, **kept, form="CSV", order_count=1)
    ExportPart.objects.create(export=export, number=0, content=b"QZX")
    tried = PromotionFactory(code="QZX-B", name="QZX deal", stores=[south])
    back_test = BackTest.objects.create(
        name="QZX deal",
        code="QZX-B",
        words="QZX",
        terms=Tried.stored(tried).text,
        **asked,
        trips=[purchase.pk],
        trip_count=1,
        due_at=now,
    )
    back_test.stores.set([south])
    proposals = [
        Proposal(act=act, model="price", subject="Some prices", reason="x", proposed_by=UserFactory(), proposed_at=now)
        for act in ("CHANGE", "MANY", "LIST")
    ]
    for proposal, stores in zip(proposals, ([south], None, [north, south]), strict=True):
        proposal.lines, proposal.plan = [["QZX cola", "777.77", "888.88"]], {}
        proposal.write_down(stores)
    BarcodeFactory(product=product)
    for each in (product, shared):
        CatalogItemFactory(product=each, store=south, state=ItemState.REFUSED, reason="QZX refused", upload=upload)
    UploadLineFactory(upload=upload, sku="QZX-1")
    ProblemFactory(purchase=parked, message="QZX-1 had no price.", product_id="QZX-1")
    CheckoutAttemptFactory(purchase=purchase)
    return [
        south,
        owner,
        product,
        upload,
        purchase,
        parked,
        change,
        for_all,
        export,
        back_test,
        tried,
        *proposals,
        shared,
        PriceFactory(product=product, store=None, amount=Decimal("888.88")),
        PriceFactory(product=shared, store=south, amount=Decimal("777.77")),
        PriceFactory(product=shared, store=south, amount=Decimal("777.77"), starts_at=now + day),
        PromotionFactory(code="QZX-P", name="QZX deal", stores=[south], starts_at=now + day),
        FeeFactory(code="QZX-F", description="QZX deposit", stores=[south], products=[product]),
        TaxRuleFactory(code="QZX-R", jurisdiction="QZX state", stores=[south], tax_categories=[tax]),
        TaxHolidayFactory(code="QZX-H", name="QZX holiday", stores=[south], tax_categories=[tax]),
        CatalogRunFactory(store=south),
        CatalogMessageFactory(upload=upload, reason="QZX message"),
        ProductFindingFactory(product=product, store=None, sentence="QZX finding"),
        ProductFindingFactory(product=shared, store=south, sentence="QZX finding"),
        RefusedCartFactory(purchase=purchase, faults=[{"path": "QZX", "message": "QZX"}]),
        AlarmFactory(store=south, subject="QZX alarm", text="QZX"),
        StoreListFactory(confirmed_by=owner, store_ids=["NORTH", "SOUTH"]),
    ]


RANDOM = re.compile(r'nonce="[^"]*"|\b[A-Za-z0-9]{64}\b')
"""What a page carries by chance (the tokens against forgery and of scripts), in which any three letters may turn up."""


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        else:
            yield one


def admin_names() -> list[str]:
    """The names of all addresses of the admin."""
    roots = [one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and one.namespace == "admin"]
    names = {one.name for root in roots for one in patterns(root) if one.name}
    return sorted(names - {"logout", "password_change", "password_change_done", "jsi18n", "login", "autocomplete"})


def reversed_or_none(name: str, *args: Any) -> str | None:
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return None


def name_of(model: Any, page: str) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_{page}"


def plain_pages() -> list[str]:
    """The addresses that name no row."""
    return [url for name in admin_names() if (url := reversed_or_none(name))]


def actions_of(model: Any) -> list[str]:
    page: Any = site.get_model_admin(model)
    named = [getattr(one, "__name__", str(one)) for one in (*(page.actions or ()), *page.list_buttons)]
    return sorted({*page.buttons, *named})


def pages_of(row: Model) -> Iterator[str]:
    """All addresses that name this row, those that go back in its history and those of its buttons included."""
    records = getattr(type(row), "history", None)
    record = records.first() if records is not None else None
    more: list[tuple[Any, ...]] = [(record.history_id,)] if record else []
    more += [(one,) for one in (*actions_of(type(row)), "csv", "xlsx")]
    for name in admin_names():
        if name.startswith(name_of(row, "")):
            for args in [(quote(row.pk),), (row.pk,), *((quote(row.pk), *some) for some in more)]:
                url = reversed_or_none(name, *args)
                if url:
                    yield url


def content_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return RANDOM.sub("", content.decode(errors="replace"))
