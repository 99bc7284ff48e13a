"""A list of products from a file into the database: kept (`LISTS`), looked at, applied."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from catalog import bulk
from catalog.bulk import Statement, Why
from catalog.lists import compare, held
from catalog.lists.compare import Difference
from catalog.lists.keeping import Keeping, NothingChanged, refuse_wrong_rows, unpacked
from catalog.lists.sheet import PRODUCTS, Sheet
from catalog.models import Barcode, Product, ProductList
from catalog.rows import history_mark
from jwo_store.history import Source

logger = logging.getLogger(__name__)

LISTS = Keeping(ProductList, PRODUCTS)
TRIES = 5
"""So often an import begins again because somebody changed something meanwhile."""

WRITTEN = (Product, Barcode)


@dataclass(frozen=True, slots=True)
class Applied:
    file_name: str
    new: int
    changed: int


def look(kept: ProductList) -> Difference:
    """What the list would do to the database as it is now."""
    return _look(unpacked(kept))[0]


def apply(list_id: UUID, *, by: User, seen: str, clock: Callable[[], datetime]) -> Applied:
    """Do what the preview with the fingerprint `seen` said: all of it or nothing. Raises NothingChanged.

    Everything is read, compared and prepared before the one transaction begins. In it the tables are locked, and if
    anything was changed since the reading began, it is all read again.
    """
    kept = LISTS.find(list_id, by=by, now=clock())
    rows = unpacked(kept)
    for _ in range(TRIES):
        marked, now = history_mark(WRITTEN), clock()
        difference, known = _look(rows)
        _check(difference, seen)
        why = Why(now, f"Imported from {kept.file_name}", by.pk, Source.IMPORT)
        statements = bulk.prepare(compare.plan(difference, known), WRITTEN, why)
        if _write(kept, statements, marked):
            new, changed = len(difference.new), len(difference.changed)
            logger.info("%s imported a product list: %s new, %s changed", by.get_username(), new, changed)
            return Applied(kept.file_name, new, changed)
    raise NothingChanged("Nothing was changed: somebody else keeps changing products. Try again.")


def _check(difference: Difference, seen: str) -> None:
    refuse_wrong_rows(difference.wrong_count)
    if difference.fingerprint != seen:
        raise NothingChanged(
            "Nothing was changed: somebody changed products of this list while you looked at it. "
            "This is what it would do now; look at it again."
        )


def _write(kept: ProductList, statements: list[Statement], marked: object) -> bool:
    """Whether it is done; not if somebody changed a product since `marked`."""
    with transaction.atomic():
        bulk.lock(WRITTEN)
        if history_mark(WRITTEN) != marked:
            return False
        LISTS.take(kept)
        bulk.run(statements)
    return True


def _look(rows: Sheet) -> tuple[Difference, held.Held]:
    known = held.read(rows)
    return compare.compare(rows, known), known
