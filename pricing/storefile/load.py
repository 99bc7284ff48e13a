import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from django.conf import settings
from django.db import transaction

from catalog import bulk
from catalog.bulk import Plan, Statement
from catalog.models import Store
from catalog.rows import meta
from pricing.four_eyes import RULES
from pricing.storefile import shape, write
from pricing.storefile.compare import compare
from pricing.storefile.entries import Document
from pricing.storefile.faults import Fault, Faults, Faulty
from pricing.storefile.references import References
from pricing.storefile.report import Difference
from pricing.storefile.stored import mark, read

REASON = "store file"
OUTSIDE = "changes there need a second pair of eyes; a command of the operator does not, and is in the history"
TRIES = 5
"""So often a load begins again because somebody changed something meanwhile."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did, or would do."""

    difference: Difference
    rows: int = 0
    """Written, with those of the history."""
    seconds_locked: float = 0.0
    """How long others could not write."""


class _Overtaken(Exception):
    """Somebody changed a row since the difference was made."""


def load(
    raw: bytes,
    *,
    clock: Callable[[], datetime],
    reason: str = REASON,
    dry_run: bool = False,
) -> Loaded:
    """Make the database say what this store file says, from now on: all of it or nothing.

    Everything is read, checked and prepared before the transaction begins. In it the tables are locked, and if anything
    was changed since the reading began, the load starts again with a fresh clock. Raises Faulty with every fault.
    """
    faults = Faults()
    with _collector_paused():
        document = shape.read(raw, faults)
        for _ in range(TRIES):
            try:
                return _try(document, faults, clock=clock, reason=reason, dry_run=dry_run)
            except _Overtaken:
                continue
    raise Faulty([Fault("database", "somebody else keeps changing prices and rules: nothing was loaded, try again")])


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A load makes a million objects that live until its end; looking for cycles in them takes a third of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _try(
    document: Document, shape_faults: Faults, *, clock: Callable[[], datetime], reason: str, dry_run: bool
) -> Loaded:
    marked = mark()
    now = clock()
    stored = read(document)
    faults = shape_faults.copy()
    warnings = References(document, stored, faults, now).check()
    faults.stop()
    plan, difference = compare(document, stored, faults, now=now, hold_new_stores=settings.JWO_ENVIRONMENT != "sandbox")
    faults.stop()
    difference.warnings = [*warnings, *_second_looks(plan)]
    statements = [] if dry_run else write.prepare(plan, now=now, reason=reason)
    return Loaded(difference, *_write(statements, marked)) if statements else Loaded(difference)


def _second_looks(plan: Plan) -> Iterator[Fault]:
    """Stores whose rule of four eyes this load goes past: whoever may run a command may do everything."""
    for model, changes in plan.items():
        rule = RULES.get(meta(model).model_name or "")
        if rule and changes:
            names = ", ".join(Store.objects.filter(**{rule: True}).values_list("name", flat=True))
            if names:
                yield Fault(meta(model).db_table.removeprefix("pricing_"), f"{names}: {OUTSIDE}")


def _write(statements: list[Statement], marked: object) -> tuple[int, float]:
    """How many rows were written, and for how long the tables were locked."""
    with transaction.atomic():
        write.lock()
        began = perf_counter()
        if mark() != marked:
            raise _Overtaken
        rows = bulk.run(statements)
    return rows, perf_counter() - began
