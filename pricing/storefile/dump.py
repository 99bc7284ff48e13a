"""The database as a store file: required keys, and those whose value is not the default, in the file's order.

Rows stand in the order of their keys, one a line, times in UTC: the same rows give the same bytes, on any database.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django.db.models import Model

from catalog.models import Barcode, Product, Store
from catalog.rows import link, rows_of
from pricing.models import (
    BEGINNING,
    MAY,
    NEEDS,
    VARYING,
    Fee,
    Price,
    Promotion,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
    Weekday,
)
from pricing.storefile.entries import DEFAULTS, KEYS
from pricing.storefile.stored import mark
from pricing.storefile.words import exact_text

TRIES = 5

Row = dict[str, Any]


class UnknownStore(LookupError):
    """There is no store of this id."""


class KeepsChanging(RuntimeError):
    """The database was changed during every try."""


def dump(*, now: datetime, store_id: str | None = None) -> str:
    """The store file of this database, or of one store: what is for all stores, and what is for it.

    A product is written with the tax category that it has now. A rule that is for no store at all is left out. Raises
    UnknownStore, and KeepsChanging when there was no moment of rest.
    """
    if store_id is not None and not Store.objects.filter(pk=store_id).exists():
        raise UnknownStore(store_id)
    for _ in range(TRIES):
        before = mark()
        sections = _sections(now, store_id)
        if mark() == before:
            return _text(sections)
    raise KeepsChanging


def one_promotion(promotion: Promotion, stores: Collection[str]) -> str:
    """A single promotion, be it stored or not, as its line of the file; in these stores unless it is in all of them.

    One that has no start yet starts at the beginning.
    """
    row = {"starts_at": promotion.starts_at or BEGINNING, "ends_at": promotion.ends_at}
    row |= {key: getattr(promotion, key) for key in KEYS["promotions"] if key not in {"stores", *row}}
    return _line("promotions", _promotion({**_dated(row), "stores": None if promotion.all_stores else sorted(stores)}))


# --- Text


def _text(sections: Mapping[str, Iterable[Row]]) -> str:
    written = []
    for section in KEYS["document"]:
        lines = [_line(section, row) for row in sections[section]]
        if lines:
            rows = ",\n    ".join(lines)
            written.append(f"  {json.dumps(section)}: [\n    {rows}\n  ]")
    return "{\n" + ",\n".join(written) + "\n}\n" if written else "{}\n"


def _line(section: str, row: Row) -> str:
    defaults = DEFAULTS[section]
    said = {key: row[key] for key in KEYS[section] if key not in defaults or row[key] != defaults[key]}
    return json.dumps(said, ensure_ascii=False)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


def _time_of_day(value: time | None) -> str | None:
    if value is None:
        return None
    return value.isoformat() if value.second or value.microsecond else value.isoformat("minutes")


def _money(value: Decimal | None) -> str | None:
    return None if value is None else exact_text(value, money=True)


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else exact_text(value, money=False)


def _targets(targets: Mapping[str, Any]) -> Row:
    said: Row = {"all": True} if targets.get("all") else {}
    said |= {key: list(dict.fromkeys(targets[key])) for key in KEYS["targets"][1:] if targets.get(key)}
    return said


# --- Rows


def _sections(now: datetime, store_id: str | None) -> dict[str, list[Row]]:
    reader = _Reader(now, store_id)
    sections = {
        "stores": reader.stores(),
        "tax_categories": _sorted(TaxCategory.objects.values("code", "name", "exempt"), "code"),
        "prices": reader.prices(),
        "fees": reader.fees(),
        "promotions": reader.promotions(),
        "tax_rules": reader.tax_rules(),
        "tax_holidays": reader.tax_holidays(),
    }
    return {**sections, "products": reader.products(_skus(sections))}


def _skus(sections: Mapping[str, Sequence[Row]]) -> set[str]:
    """The products that the rows refer to."""
    skus = {row["sku"] for row in sections["prices"]}
    skus.update(sku for row in sections["fees"] for sku in row["skus"])
    for row in sections["promotions"]:
        for targets in (row["targets"], row["get_targets"], *(each["targets"] for each in row["components"] or ())):
            skus.update((targets or {}).get("skus", ()), (targets or {}).get("except_skus", ()))
    return skus


class _Reader:
    """Reads the rows; of one store only, if one is named."""

    def __init__(self, now: datetime, store_id: str | None) -> None:
        self.now = now
        self.store_id = store_id

    def stores(self) -> list[Row]:
        rows = Store.objects.filter(pk=self.store_id) if self.store_id else Store.objects.all()
        return _sorted(rows.values(*KEYS["stores"]), "store_id")

    def products(self, referred: Collection[str]) -> list[Row]:
        """With those that a row refers to, even if they are not listed in the store."""
        columns = ("sku", "name", "brand", "category", "subcategory", "sold_by", "weight_unit", "all_stores")
        listed = _related(Product, "stores")
        taxed = dict(TaxAssignment.objects.in_force(self.now).values_list("product_id", "tax_category_id"))
        barcodes = defaultdict(list)
        for row in _sorted(
            Barcode.objects.values("product_id", "position", "code", "type"), "position", "code", "type"
        ):
            barcodes[row["product_id"]].append({"code": row["code"], "type": row["type"]})
        found = []
        for row in _sorted(Product.objects.values(*columns), "sku"):
            sku = row["sku"]
            stores = self._stores(listed[sku], all_stores=row["all_stores"])
            if stores == [] and self.store_id and sku not in referred:
                continue
            found.append({**row, "stores": stores, "tax_category": taxed.get(sku, ""), "barcodes": barcodes[sku]})
        return found

    def prices(self) -> list[Row]:
        rows: Iterable[Any] = Price.objects.values(
            "product_id", "store_id", "amount", "temporary", "starts_at", "ends_at"
        )
        found = [
            {**row, "sku": row["product_id"], "amount": _money(row["amount"])}
            for row in rows
            if not self.store_id or row["store_id"] in {None, self.store_id}
        ]
        found.sort(key=lambda row: (row["sku"], row["store_id"] or "", row["temporary"], row["starts_at"]))
        return [_dated(row) for row in found]

    def fees(self) -> list[Row]:
        products = _related(Fee, "products")
        rows = self._coded(Fee, "description", "amount", "taxed")
        found = [{**row, "amount": _money(row["amount"]), "skus": sorted(products[row["id"]])} for row in rows]
        return [row for row in found if row["skus"]]

    def tax_rules(self) -> list[Row]:
        categories = _related(TaxRule, "tax_categories")
        rows = self._coded(TaxRule, "jurisdiction", "rate")
        found = [{**row, "rate": _exact(row["rate"]), "tax_categories": sorted(categories[row["id"]])} for row in rows]
        return [row for row in found if row["tax_categories"]]

    def tax_holidays(self) -> list[Row]:
        categories = _related(TaxHoliday, "tax_categories")
        found = [
            {
                **row,
                "unit_price_below": _money(row["unit_price_below"]),
                "tax_categories": sorted(categories[row["id"]]),
            }
            for row in self._coded(TaxHoliday, "name", "unit_price_below")
        ]
        return [row for row in found if row["tax_categories"]]

    def promotions(self) -> list[Row]:
        dated = {"code", "stores", "starts_at", "ends_at"}
        columns = [key for key in KEYS["promotions"] if key not in dated]
        return [_promotion(row) for row in self._coded(Promotion, *columns)]

    def _coded(self, model: type[Model], *columns: str) -> list[Row]:
        """The rows that are for some store, by code and start; no drafts, which have no start and do not travel."""
        where = _related(model, "stores")
        rows = (
            rows_of(model)
            .filter(starts_at__isnull=False)
            .values("id", "code", "starts_at", "ends_at", "all_stores", *columns)
        )
        found = [
            {**_dated(row), "stores": self._stores(where[row["id"]], all_stores=row["all_stores"])}
            for row in _sorted(rows, "code", "starts_at")
        ]
        return [row for row in found if row["stores"] != []]

    def _stores(self, listed: Collection[str], *, all_stores: bool) -> list[str] | None:
        """None for all stores; of one store, only itself."""
        if all_stores:
            return None
        return sorted(listed) if self.store_id is None else sorted({self.store_id} & set(listed))


def _promotion(row: Row) -> Row:
    """What its kind knows, as the file says it."""
    said = NEEDS[row["kind"]] | MAY.get(row["kind"], frozenset())
    written = {**row, **dict.fromkeys(key for key in VARYING if key not in said)}
    for key in ("targets", "get_targets"):
        written[key] = _targets(written[key]) if written[key] else None
    if written["components"]:
        written["components"] = [
            {"targets": _targets(each["targets"]), "count": each["count"]} for each in written["components"]
        ]
    written["percent"] = _exact(written["percent"])
    for key in ("amount", "threshold"):
        written[key] = _money(written[key])
    for key in ("from_time", "until_time"):
        written[key] = _time_of_day(written[key])
    written["weekdays"] = [day for day in Weekday.values if day in row["weekdays"]]
    return written


def _dated(row: Row) -> Row:
    return {**row, "starts_at": _moment(row["starts_at"]), "ends_at": _moment(row["ends_at"])}


def _sorted(rows: Iterable[Any], *keys: str) -> list[Row]:
    """In the order of Python, which no database's collation changes."""
    return sorted(rows, key=lambda row: tuple(row[key] for key in keys))


def _related(model: type[Model], name: str) -> Mapping[Any, set[str]]:
    through = link(model, name)
    found: Mapping[Any, set[str]] = defaultdict(set)
    for owner, key in rows_of(through.through).values_list(through.owner, through.related):
        found[owner].add(key)
    return found
