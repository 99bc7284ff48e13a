"""What stands in the cells of a product, and what a cell means: plain words both ways. Plain Python."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple
from unicodedata import category

from catalog.lists import codes as barcode_cells
from catalog.lists.sheet import COLUMNS, Column

EMPTIED = "(none)"
"""What empties a field; an empty cell leaves it as it is."""

ALL_STORES = "all"
MOST_CHARACTERS = 255

EACH, WEIGHT = "EACH", "WEIGHT"
SOLD_BY = {EACH: "piece", WEIGHT: "weight"}
SOLD_BY_WORDS = {
    **dict.fromkeys(("piece", "by the piece", "pieces", "each", "ea", "unit", "item", "pc", "pcs"), EACH),
    **dict.fromkeys(("weight", "by weight", "weighed"), WEIGHT),
}
UNITS = {
    **dict.fromkeys(("lb", "lbs", "pound", "pounds", "pound (lb)"), "lb"),
    **dict.fromkeys(("oz", "ounce", "ounces", "ounce (oz)"), "oz"),
    **dict.fromkeys(("kg", "kilogram", "kilograms", "kilogram (kg)"), "kg"),
    **dict.fromkeys(("g", "gram", "grams", "gram (g)"), "g"),
}

UNWRITABLE = {"Cc", "Cs"}
"""Control characters (a line break too) and halves of characters: no receipt takes them."""


class Listed(NamedTuple):
    """What a list says of one product; the first eight are its row in the database."""

    sku: str
    name: str = ""
    brand: str = ""
    category: str = ""
    subcategory: str = ""
    sold_by: str = ""
    weight_unit: str = ""
    all_stores: bool = True
    stores: tuple[str, ...] = ()
    """In alphabetical order; none where it is sold in all stores."""
    codes: tuple[barcode_cells.Code, ...] = ()


FIELDS = {
    Column.NAME: "name",
    Column.BRAND: "brand",
    Column.CATEGORY: "category",
    Column.SUBCATEGORY: "subcategory",
    Column.SOLD_BY: "sold_by",
    Column.UNIT: "weight_unit",
    Column.STORES: "stores",
    Column.BARCODES: "codes",
}


def cells_of(product: Listed) -> tuple[str, ...]:
    """The texts of a product, in the order of `COLUMNS`."""
    return (
        product.sku,
        product.name,
        product.brand,
        product.category,
        product.subcategory,
        SOLD_BY.get(product.sold_by, ""),
        product.weight_unit,
        ALL_STORES if product.all_stores else "; ".join(product.stores) or EMPTIED,
        barcode_cells.in_words(product.codes),
    )


def alike(one: str, other: str) -> bool:
    """Whether two cells say the same, although a spreadsheet holds no control character and only one kind of line."""
    return one == other or _held(one) == _held(other)


def _held(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join("\ufffd" if category(each) == "Cc" and each not in "\t\n" else each for each in lines)


class Refused(Exception):
    """A cell cannot be taken; the message says what to do."""


class CellReader:
    """Reads the cells of one row into a product, from what it is so far."""

    def __init__(self, before: Listed, *, is_new: bool, stores: Mapping[str, str]) -> None:
        self.before = before
        self.after = before
        self.is_new = is_new
        self.stores = stores
        self.faults: list[tuple[str, str, str]] = []
        """Of which column, the value, and what to do."""
        self.warnings: list[tuple[str, str, str]] = []

    def read(self, cells: tuple[str | None, ...]) -> Listed:
        said = dict(zip(COLUMNS, cells_of(self.before), strict=True))
        for column, cell in zip(COLUMNS, cells, strict=True):
            if column == Column.SKU or cell is None or not cell.strip():
                continue
            if self.is_new or not alike(cell, said[column]):
                self._cell(column, cell.strip())
        self._check_needed()
        self._check_unit(dict(zip(COLUMNS, cells, strict=True)))
        return self.after

    def _cell(self, column: Column, text: str) -> None:
        emptied = text.casefold() == EMPTIED
        try:
            match column:
                case Column.SOLD_BY:
                    self._sold_by(text)
                case Column.UNIT:
                    self._unit("" if emptied else text)
                case Column.STORES:
                    self._stores("" if emptied else text)
                case Column.BARCODES:
                    self._barcodes("" if emptied else text)
                case _:
                    self._set(column, "" if emptied else kept(text))
        except Refused as refused:
            self.faults.append((column, text, str(refused)))

    def _set(self, column: Column, value: Any) -> None:
        self.after = self.after._replace(**{FIELDS[column]: value})

    # -- what never changes

    def _sold_by(self, text: str) -> None:
        sold_by = SOLD_BY_WORDS.get(text.casefold())
        if sold_by is None:
            raise Refused("Write “piece” or “weight”.")
        if not self.is_new and sold_by != self.before.sold_by:
            raise Refused(f"It is sold by {SOLD_BY[self.before.sold_by]}, {NEVER}")
        self._set(Column.SOLD_BY, sold_by)

    def _unit(self, text: str) -> None:
        unit = UNITS.get(text.casefold(), "")
        if text and not unit:
            raise Refused("Write “lb”, “oz”, “kg” or “g”.")
        if not self.is_new and unit != self.before.weight_unit:
            how = f"weighed in {self.before.weight_unit}" if self.before.weight_unit else "sold by the piece"
            raise Refused(f"It is {how}, {NEVER}")
        self._set(Column.UNIT, unit)

    # -- where it is sold, and what is scanned

    def _stores(self, text: str) -> None:
        if text.casefold() in (ALL_STORES, "all stores"):
            self.after = self.after._replace(all_stores=True, stores=())
            return
        named = {part.strip() for part in text.replace("\n", ";").replace(",", ";").split(";") if part.strip()}
        unknown = sorted(named - self.stores.keys())
        if unknown:
            raise Refused(self._no_store(unknown[0]))
        self.after = self.after._replace(all_stores=False, stores=tuple(sorted(named)))
        if not named:
            self.warnings.append((Column.STORES, EMPTIED, "It will be sold in no store."))

    def _no_store(self, text: str) -> str:
        by_name = [store_id for store_id, name in self.stores.items() if name.casefold() == text.casefold()]
        close = by_name or get_close_matches(text, self.stores, 1) or get_close_matches(text.upper(), self.stores, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        return f"There is no store with the ID “{text}”. Write store IDs with “;” between them, or “all”.{hint}"

    def _barcodes(self, text: str) -> None:
        reader = barcode_cells.Reader(self.before.codes)
        reader.read(text)
        self._set(Column.BARCODES, tuple(reader.codes))
        self.faults += [(Column.BARCODES, value, told) for value, told in reader.faults]
        self.warnings += [(Column.BARCODES, value, told) for value, told in reader.warnings]

    # -- rules over several cells

    def _check_needed(self) -> None:
        faulty = {column for column, _, _ in self.faults}
        for column, text in NEEDED.items():
            if not getattr(self.after, FIELDS[column]) and column not in faulty:
                self.faults.append((column, "", text))
        if self.is_new and not self.after.codes and not self.faults:
            self.warnings.append((Column.BARCODES, "", "It has no barcode: it cannot be scanned until it has one."))

    def _check_unit(self, cells: Mapping[Column, str | None]) -> None:
        after, unit = self.after, cells[Column.UNIT] or ""
        if not self.is_new or any(column in (Column.SOLD_BY, Column.UNIT) for column, _, _ in self.faults):
            return
        if after.sold_by == WEIGHT and not after.weight_unit:
            self.faults.append((Column.UNIT, unit, "Goods sold by weight need a unit: write “lb”, “oz”, “kg” or “g”."))
        elif after.sold_by == EACH and after.weight_unit:
            self.faults.append((Column.UNIT, unit, "Goods sold by the piece have no unit of weight: empty this cell."))


NEVER = "and that never changes: retire this product and add a new one under another SKU."
NEEDED = {
    Column.NAME: "A product needs a name.",
    Column.SOLD_BY: "Say how the new product is sold: “piece” or “weight”.",
}


def kept(text: str) -> str:
    """The text, if a column of the database can hold it."""
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"At most {MOST_CHARACTERS} characters, and this has {len(text)}. Shorten it.")
    if not text.isprintable() and any(category(character) in UNWRITABLE for character in text):
        raise Refused("This text has a line break or another character that cannot be printed. Take it out.")
    return text
