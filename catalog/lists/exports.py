"""The products of the database as a list in a file."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet

from catalog.labels import labels_of
from catalog.lists import held, text_file, workbook
from catalog.lists.cells import Listed, cells_of
from catalog.lists.sheet import COLUMNS
from catalog.models import Product
from catalog.rows import row_columns

logger = logging.getLogger(__name__)


class Format(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"


CONTENT_TYPES = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content_type: str
    content: bytes


def download(products: QuerySet[Product], wanted: Format, *, by: str, which: str, now: datetime) -> File:
    """These products, in the order of their SKUs; the log says who took how many, and `which` they chose."""
    rows = [cells_of(product) for product in listed(products)]
    logger.info("%s downloaded a product list: %s products, %s", by, len(rows), which)
    return file(f"products-{now:%Y-%m-%d}", [COLUMNS, *rows], wanted)


def empty(wanted: Format) -> File:
    """A list to be filled in."""
    return file("products", [COLUMNS], wanted)


def file(name: str, rows: Iterable[Sequence[str]], wanted: Format, *, title: str = "Products") -> File:
    """The first row names the columns; the title is that of a spreadsheet's sheet."""
    content = workbook.write(rows, title) if wanted == Format.XLSX else text_file.write(rows)
    return File(f"{name}.{wanted}", CONTENT_TYPES[wanted], content)


def listed(products: QuerySet[Product]) -> Iterator[Listed]:
    chosen = Product.objects.filter(pk__in=products.order_by().values("pk")).order_by("sku")
    rows = list(chosen.values_list(*row_columns(Product)))
    return held.listed(rows, labels_of(row[0] for row in rows))
