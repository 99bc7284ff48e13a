"""What a row refers to must exist, in the file or in the database; and the rules that need both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalog.barcodes import PLU_DIGITS, is_digits, stored_key
from catalog.labels import carriers
from catalog.models import Product, SoldBy, Store
from catalog.rows import row_columns
from pricing.models import Funding, category_keys
from pricing.storefile.decode import did_you_mean
from pricing.storefile.entries import CodedEntry, Document, FeeEntry, ProductEntry, PromotionEntry, Taxed
from pricing.storefile.faults import Fault, Faults
from pricing.storefile.stored import Stored, target_sets, vendor_promotions

DIGITS = {"UPC": (12, 8), "EAN": (13,), "EAN8": (8,), "ISBN": (10,), "GTIN": (14,), "PLU": tuple(PLU_DIGITS)}
"""How many digits a barcode of each type has. Source: the catalog contract, section 1.3."""

_SKU, _SOLD_BY, _UNIT = (row_columns(Product).index(column) for column in ("sku", "sold_by", "weight_unit"))
_WITH_TAX = row_columns(Store).index("prices_include_tax")


@dataclass(slots=True)
class References:
    """Checks a document against what exists. Faults refuse the file, warnings are only told."""

    document: Document
    stored: Stored
    faults: Faults
    now: datetime
    warnings: list[Fault] = field(default_factory=list)
    stores: set[str] = field(init=False)
    tax_categories: set[str] = field(init=False)
    categories: set[str] = field(init=False)
    sold_by: dict[str, str] = field(init=False)
    taxed_stores: set[str] = field(init=False)
    """Stores whose prices include tax."""

    def __post_init__(self) -> None:
        named, stored, document = self.document.named, self.stored, self.document
        self.stores = {*named.stores, *stored.stores}
        self.tax_categories = {*named.tax_categories, *stored.tax_categories}
        self.categories = stored.categories | {
            key.removeprefix("cat:")
            for category, subcategory in {(entry.category, entry.subcategory) for entry in document.products}
            for key in category_keys(category, subcategory)
        }
        self.sold_by = {sku: sold_by for sku, (sold_by, _) in stored.sold_by.items()}
        self.sold_by |= {entry.sku: entry.sold_by for entry in document.products}
        with_tax = {store_id: bool(row[_WITH_TAX]) for store_id, row in stored.stores.items()}
        with_tax |= {entry.store_id: entry.prices_include_tax for entry in document.stores}
        self.taxed_stores = {store_id for store_id, included in with_tax.items() if included}

    def check(self) -> list[Fault]:
        """Adds the faults; gives the warnings."""
        for product in self.document.products:
            self._product(product)
        for price in self.document.prices:
            self._known_sku(f"{price.path}.sku", price.product_id)
            if price.store_id is not None and price.store_id not in self.stores:
                self._unknown_store(f"{price.path}.store_id", price.store_id)
        for fee in self.document.fees:
            self._fee(fee)
        for promotion in self.document.promotions:
            self._promotion(promotion)
        by_category: list[Taxed] = [*self.document.tax_rules, *self.document.tax_holidays]
        for taxed in by_category:
            self._known_stores(taxed.path, taxed.stores)
            self._known_tax_categories(f"{taxed.path}.tax_categories", taxed.tax_categories)
        self._vendor_promotions_of_the_database()
        self._shared_barcodes()
        return self.warnings

    # -- what must exist

    def _is_known_sku(self, sku: str) -> bool:
        return sku in self.sold_by or sku in self.document.named.products

    def _known_sku(self, path: str, sku: str) -> bool:
        if self._is_known_sku(sku):
            return True
        self.faults.add(path, f"there is no product “{sku}”{did_you_mean(sku, self.sold_by)}")
        return False

    def _unknown_store(self, path: str, store_id: str) -> None:
        self.faults.add(path, f"there is no store “{store_id}”{did_you_mean(store_id, self.stores)}")

    def _known_stores(self, path: str, store_ids: Sequence[str]) -> None:
        for place, store_id in enumerate(store_ids):
            if store_id not in self.stores:
                self._unknown_store(f"{path}.stores[{place}]", store_id)

    def _known_tax_categories(self, path: str, codes: Iterable[str]) -> None:
        for place, code in enumerate(codes):
            self._known_tax_category(f"{path}[{place}]", code)

    def _known_tax_category(self, path: str, code: str) -> None:
        if code not in self.tax_categories:
            hint = did_you_mean(code, self.tax_categories)
            self.faults.add(path, f"there is no tax category “{code}”{hint}")

    def _warn(self, path: str, message: str) -> None:
        self.warnings.append(Fault(path, message))

    # -- row by row

    def _product(self, entry: ProductEntry) -> None:
        self._known_stores(entry.path, entry.stores)
        if entry.tax_category:
            self._known_tax_category(f"{entry.path}.tax_category", entry.tax_category)
        elif entry.sku not in self.stored.products:
            self._warn(f"{entry.path}.tax_category", "is not given: carts with this product wait until it has one")
        for place, (code, kind) in enumerate(entry.barcodes):
            if not _has_the_digits(code, kind):
                digits = " or ".join(map(str, DIGITS[kind])) if kind != "PLU" else "3 to 6"
                self._warn(
                    f"{entry.path}.barcodes[{place}].code", f"“{code}” does not look right: {kind} has {digits} digits"
                )
        row = self.stored.products.get(entry.sku)
        if row is not None:
            self._sold_as_before(entry, row[_SOLD_BY], row[_UNIT])

    def _sold_as_before(self, entry: ProductEntry, sold_by: str, unit: str) -> None:
        never = "and that never changes: retire this SKU and add a new one"
        if entry.sold_by != sold_by:
            words = "by the piece" if sold_by == SoldBy.EACH else "by weight"
            self.faults.add(f"{entry.path}.sold_by", f"“{entry.sku}” is sold {words}, {never}")
        elif entry.weight_unit != unit:
            self.faults.add(f"{entry.path}.weight_unit", f"“{entry.sku}” is weighed in {unit}, {never}")

    def _fee(self, entry: FeeEntry) -> None:
        self._known_stores(entry.path, entry.stores)
        for place, sku in enumerate(entry.products):
            path = f"{entry.path}.skus[{place}]"
            if self._known_sku(path, sku) and self.sold_by.get(sku) == SoldBy.WEIGHT:
                self.faults.add(path, f"“{sku}” is sold by weight, and fees are only for goods sold by the piece")

    def _promotion(self, entry: PromotionEntry) -> None:
        self._known_stores(entry.path, entry.stores)
        for path, targets in target_sets(entry):
            self._targets(path, targets)
        if entry.funding == Funding.VENDOR:
            for store_id in sorted(self._where(entry) & self.taxed_stores):
                self.faults.add(
                    f"{entry.path}.funding",
                    f"VENDOR is not possible in {store_id}, whose prices include tax: let the store pay",
                )

    def _targets(self, path: str, targets: Mapping[str, Any]) -> None:
        """A category without products may get some, and what is taken away need not exist: that is only told."""
        for place, sku in enumerate(targets.get("skus", ())):
            self._known_sku(f"{path}.skus[{place}]", sku)
        for place, sku in enumerate(targets.get("except_skus", ())):
            if not self._is_known_sku(sku):
                self._warn(f"{path}.except_skus[{place}]", f"there is no product “{sku}”")
        for place, category in enumerate(targets.get("categories", ())):
            if category not in self.categories:
                hint = did_you_mean(category, self.categories)
                self._warn(f"{path}.categories[{place}]", f"no product is in the category “{category}”{hint}")

    def _where(self, entry: CodedEntry) -> set[str]:
        return self.stores if entry.all_stores else set(entry.stores)

    # -- rules over many rows

    def _vendor_promotions_of_the_database(self) -> None:
        """A store whose prices come to include tax must not have promotions that somebody else pays."""
        newly_taxed = [entry for entry in self.document.stores if entry.prices_include_tax]
        if not newly_taxed:
            return
        for code, all_stores, stores in vendor_promotions({entry.code for entry in self.document.promotions}, self.now):
            for entry in newly_taxed:
                if all_stores or entry.store_id in stores:
                    self.faults.add(
                        f"{entry.path}.prices_include_tax",
                        f"not possible while promotion “{code}” holds here, which somebody else pays: end it first",
                    )

    def _shared_barcodes(self) -> None:
        """One code on two products is no fault of the file, but no cart with it can be priced."""
        described = {entry.sku for entry in self.document.products}
        keys = {stored_key(code, kind) for entry in self.document.products for code, kind in entry.barcodes}
        carried = {key: skus - described for key, skus in carriers(keys).items()}
        for entry in self.document.products:
            for code, kind in entry.barcodes:
                carried.setdefault(stored_key(code, kind), set()).add(entry.sku)
        for entry in self.document.products:
            for place, (code, kind) in enumerate(entry.barcodes):
                if others := carried[stored_key(code, kind)] - {entry.sku}:
                    self._warn(
                        f"{entry.path}.barcodes[{place}].code",
                        f"“{code}” is on {', '.join(sorted(others))} too: a cart with it waits for a person",
                    )


def _has_the_digits(code: str, kind: str) -> bool:
    digits = f"{code[:-1]}0" if kind == "ISBN" and code.endswith("X") else code
    return is_digits(digits) and len(code) in DIGITS[kind]
