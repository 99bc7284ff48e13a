"""What Amazon should hold of each product in each store, worked out anew for what has changed.

Reads the notes of `catalog.changes` and the moments at which prices turn; writes `CatalogItem` and `ProductFinding`.
Only one process does so at a time (`jwo_store.lease`), in batches of one transaction each, so that the work follows
the change and not the catalog, and memory neither.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from catalog import records, rules
from catalog.models import (
    AcceptedCode,
    Barcode,
    CatalogItem,
    ChangedProduct,
    Product,
    ProductFinding,
    Retirement,
    Store,
)
from catalog.shelf import ShelfTerms, shelf
from catalog.statuses import ItemState
from jwo_store.lease import Held
from jwo_store.models import Heartbeat

BATCH = 1_000
"""Products worked out in one transaction."""

TURNED = "catalog: prices looked at"
"""Up to which moment prices that begin or end by themselves have been noted."""

Clock = Callable[[], datetime]
K = TypeVar("K")
V = TypeVar("V")


def refresh(held: Held, *, clock: Clock) -> int:
    """Work out every product that has changed; gives how many. Raises LeaseLost when somebody else took over."""
    _note_turned(held, clock())
    worked = 0
    after = ""
    while skus := _changed(after):
        with transaction.atomic():
            held.keep(until=lease_end(clock()))
            _work_out(skus, clock())
        worked += len(skus)
        after = skus[-1]
    return worked


def lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.CATALOG_LEASE)


def _note_turned(held: Held, now: datetime) -> None:
    """Prices and tax categories begin and end without anybody writing a row at that moment."""
    with transaction.atomic():
        held.keep(until=lease_end(now))
        looked = Heartbeat.objects.filter(name=TURNED).values_list("at", flat=True).first()
        if looked is not None:
            turned = shelf().turned(since=looked, until=now)
            ChangedProduct.objects.bulk_create((ChangedProduct(sku=sku) for sku in turned), batch_size=BATCH)
        Heartbeat.objects.update_or_create(name=TURNED, defaults={"at": now})


def _changed(after: str) -> list[str]:
    rows = ChangedProduct.objects.filter(sku__gt=after).order_by("sku").values_list("sku", flat=True)
    return list(rows.distinct()[:BATCH])


# --- One batch: read, work out, write ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Shop:
    """What was read of a batch of products."""

    products: Mapping[str, Product]
    stores: Mapping[str, str]
    sold_in: Mapping[str, Sequence[str]]
    codes: Mapping[str, Sequence[Barcode]]
    accepted: frozenset[tuple[str, str, str]]
    shared: Mapping[str, Sequence[tuple[Barcode, frozenset[str]]]]
    terms: Mapping[tuple[str, str], ShelfTerms]
    there: Mapping[str, Mapping[str, CatalogItem]]


def _work_out(skus: Sequence[str], now: datetime) -> None:
    notes = list(ChangedProduct.objects.filter(sku__in=skus).values_list("pk", flat=True))
    shop = _read(skus, now)
    findings: list[ProductFinding] = []
    items: list[CatalogItem] = []
    for product in shop.products.values():
        found = list(_findings(shop, product))
        findings += found
        items += _items(shop, product, found, now)
    _write_findings(skus, findings)
    _write_items(shop, items)
    for start in range(0, len(notes), BATCH):
        ChangedProduct.objects.filter(pk__in=notes[start : start + BATCH]).delete()


def _read(skus: Sequence[str], now: datetime) -> _Shop:
    products = Product.objects.in_bulk(skus)
    retired = set(Retirement.objects.filter(product_id__in=skus).values_list("product_id", flat=True))
    stores = dict(Store.objects.order_by("store_id").values_list("store_id", "name"))
    sold_in = {sku: () if sku in retired else where for sku, where in _sold_in(products.values(), list(stores)).items()}
    barcodes = list(Barcode.objects.filter(product_id__in=skus).order_by("product_id", "position"))
    there = CatalogItem.objects.filter(product_id__in=skus).defer("record", "reason")
    return _Shop(
        products=products,
        stores=stores,
        sold_in=sold_in,
        codes=_grouped((code.product_id, code) for code in barcodes),
        accepted=frozenset(AcceptedCode.objects.filter(product_id__in=skus).values_list("product_id", "code", "type")),
        shared=_shared(barcodes, list(stores)),
        terms=shelf().terms(list(products), list(stores), at=now),
        there={
            sku: {item.store_id: item for item in items}
            for sku, items in _grouped((item.product_id, item) for item in there).items()
        },
    )


def _sold_in(products: Iterable[Product], stores: Sequence[str]) -> dict[str, Sequence[str]]:
    """The stores of each product, by its SKU."""
    products = list(products)
    named: dict[str, list[str]] = defaultdict(list)
    links = Product.stores.through.objects.filter(product_id__in=[each.sku for each in products if not each.all_stores])
    for sku, store_id in links.values_list("product_id", "store_id"):
        named[sku].append(store_id)
    return {each.sku: stores if each.all_stores else sorted(named[each.sku]) for each in products}


def _shared(barcodes: Sequence[Barcode], stores: Sequence[str]) -> dict[str, Sequence[tuple[Barcode, frozenset[str]]]]:
    """By lookup key: the codes of these products that other products, not retired, bear too, with their stores."""
    keys = {code.lookup_key for code in barcodes}
    bearers = list(
        Barcode.objects.filter(lookup_key__in=keys, product__retirement__isnull=True)
        .select_related("product")
        .order_by("product_id", "position")
    )
    by_key = _grouped((code.lookup_key, code) for code in bearers)
    several = {key: codes for key, codes in by_key.items() if len({code.product_id for code in codes}) > 1}
    sold_in = _sold_in({code.product for codes in several.values() for code in codes}, stores)
    return {key: [(code, frozenset(sold_in[code.product_id])) for code in codes] for key, codes in several.items()}


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _facts(shop: _Shop, product: Product) -> rules.ProductFacts:
    return rules.ProductFacts(
        sku=product.sku,
        name=product.name,
        brand=product.brand,
        category=product.category,
        subcategory=product.subcategory,
        weight_unit=product.weight_unit,
        codes=tuple(
            rules.CodeFacts(code.code, code.type, (product.sku, code.code, code.type) in shop.accepted)
            for code in shop.codes.get(product.sku, ())
        ),
    )


def _findings(shop: _Shop, product: Product) -> Iterator[ProductFinding]:
    if not shop.sold_in[product.sku]:
        return
    for finding in rules.findings(_facts(shop, product)):
        yield _row(product, None, finding)
    for code in shop.codes.get(product.sku, ()):
        bearers = [each for each in shop.shared.get(code.lookup_key, ()) if each[0].product_id != product.sku]
        for store_id in shop.sold_in[product.sku]:
            others = sorted({other.product_id for other, sold_in in bearers if store_id in sold_in})
            if others:
                yield _row(product, store_id, rules.shared_code(code.code, others, [shop.stores[store_id]]))


def _row(product: Product, store_id: str | None, finding: rules.Finding) -> ProductFinding:
    return ProductFinding(
        product=product,
        store_id=store_id,
        rule=finding.rule,
        severity=finding.severity,
        sentence=finding.sentence,
        fix=finding.fix,
        code=finding.code,
    )


def _items(shop: _Shop, product: Product, findings: Sequence[ProductFinding], now: datetime) -> Iterator[CatalogItem]:
    """The items of a product that differ from what is stored."""
    errors = [finding for finding in findings if finding.severity == rules.Severity.ERROR]
    facts = _facts(shop, product)
    offered = set(shop.sold_in[product.sku])
    stored = shop.there.get(product.sku, {})
    for store_id in sorted(offered | stored.keys()):
        terms = shop.terms.get((product.sku, store_id), ShelfTerms())
        record = _record(facts, store_id, terms)
        item = CatalogItem(
            product=product,
            store_id=store_id,
            state=ItemState.CHANGED,
            is_offered=store_id in offered,
            is_priced=bool(terms.price),
            kept_back=next((one.sentence for one in errors if one.store_id in (None, store_id)), ""),
            record=record.decode(),
            wanted_hash=hashlib.sha256(record).hexdigest(),
            changed_at=now,
        )
        if _differs(stored.get(store_id), item):
            yield item


def _record(facts: rules.ProductFacts, store_id: str, terms: ShelfTerms) -> bytes:
    """Of a product without a barcode there is none: it is kept back."""
    if not facts.codes:
        return b"{}"
    told = records.tax_codes(settings.CATALOG_TAX_CODES)
    tax_code = terms.tax_code if told is None else told.get(terms.tax_code, "")
    return records.encoded(records.record(facts, store_id=store_id, price=terms.price, tax_code=tax_code))


COMPARED = ("is_offered", "is_priced", "kept_back", "wanted_hash")


def _differs(stored: CatalogItem | None, item: CatalogItem) -> bool:
    return stored is None or any(getattr(stored, name) != getattr(item, name) for name in COMPARED)


def _write_findings(skus: Sequence[str], findings: Sequence[ProductFinding]) -> None:
    ProductFinding.objects.filter(product_id__in=skus).delete()
    ProductFinding.objects.bulk_create(findings, batch_size=BATCH)


def _write_items(shop: _Shop, items: Sequence[CatalogItem]) -> None:
    CatalogItem.objects.bulk_create(
        items,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["product", "store"],
        update_fields=[*COMPARED, "record", "changed_at"],
    )
    changed = CatalogItem.objects.filter(product_id__in=list(shop.products))
    changed.settle()
    changed.filter(is_offered=False, taken_at__isnull=True, upload__isnull=True).delete()


def send_all_again(store_id: str) -> int:
    """Let everything that may go to Amazon go once more, whatever Amazon holds; gives how many items."""
    items = CatalogItem.objects.filter(store_id=store_id, is_offered=True)
    items = items.exclude(state=ItemState.UPLOADING)
    items.filter(state=ItemState.REFUSED).update(state=ItemState.CHANGED)
    count = items.update(live_hash="")
    items.settle()
    return count
