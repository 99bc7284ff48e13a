"""Orders for finance, as a file that a worker makes and that is kept for some days (see `orders.jobs`).

A file is made in one go: when its worker dies, the next one begins again. It stands in the database, in parts, because
another process than the one that made it sends it. The row that says who asked for what stays, and so does who took it.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from catalog.models import Store
from jwo_store.nudge import nudge
from orders import finance, jobs
from orders.finance import Wanted
from orders.models import ExportPart, ExportTaken, FinanceExport
from orders.statuses import JobStatus, MoveRefused

logger = logging.getLogger(__name__)

TASK = "orders.tasks.make_export"
MOST_ORDERS = 1_000_000
"""Of one export: a sheet of a workbook takes hardly more rows."""

KEPT_FOR = timedelta(days=7)
IN_MEMORY = 5_000_000
"""Bytes of a file that are kept in memory while it is made; more goes to the disk."""

PART = 1_000_000
"""Bytes of a file that stand in one row."""

Clock = Callable[[], datetime]


class TooMuch(Exception):
    """More orders than one file takes; the text says what to do."""


class CutOff(Exception):
    """Somebody has cancelled it, or another worker has taken it over: nothing more is written."""


def request(wanted: Wanted, form: str, *, by: User, now: datetime) -> FinanceExport:
    """Ask for the file; a worker starts at once. Raises TooMuch."""
    count = wanted.count()
    if count > MOST_ORDERS:
        raise TooMuch(f"These are {count:,} orders, and one file takes {MOST_ORDERS:,}. Choose fewer days or stores.")
    with transaction.atomic():
        export = FinanceExport.objects.create(
            asked_at=now,
            asked_by=by,
            first_day=wanted.first,
            last_day=wanted.last,
            store_ids=[store.store_id for store in wanted.stores],
            is_test=wanted.tests,
            environment=settings.JWO_ENVIRONMENT,
            form=form,
            order_count=count,
            due_at=now,
        )
        nudge(TASK, export_id=export.pk)
    logger.info("%d orders are exported for finance by %s", count, by.pk)
    return export


def work_on(export_pk: int, *, clock: Clock) -> None:
    """Make the file, if it is due and nobody else is at one."""
    export = jobs.begin(FinanceExport, export_pk, now=clock())
    if export is None:
        return

    def passed(orders: int) -> None:
        if not jobs.go_on(export, orders, now=clock()):
            raise CutOff

    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        try:
            orders = finance.write(file, export.form, _wanted(export), by=export.asked_by, now=clock(), passed=passed)
            _keep(export, file, orders, clock())
        except CutOff:
            logger.info("the export %s was cut off", export.pk)


def _wanted(export: FinanceExport) -> Wanted:
    stores = list(Store.objects.filter(pk__in=export.store_ids))
    return Wanted(export.first_day, export.last_day, stores, tests=export.is_test)


def _keep(export: FinanceExport, file: IO[bytes], orders: int, now: datetime) -> None:
    size = file.tell()
    file.seek(0)
    with transaction.atomic():
        moved = export.move(
            to=JobStatus.DONE,
            where={"due_at": export.due_at},
            done=orders,
            order_count=orders,
            size=size,
            due_at=None,
            finished_at=now,
            expires_at=now + KEPT_FOR,
        )
        if not moved:
            raise CutOff
        for number, content in enumerate(iter(lambda: file.read(PART), b"")):
            ExportPart.objects.create(export=export, number=number, content=content)


def take(export: FinanceExport, *, by: User, now: datetime) -> Iterator[bytes]:
    """The file, part by part; noted with who took it. Raises MoveRefused when there is none."""
    if not export.has_file(now):
        raise MoveRefused("There is no file (any more). Export the same days again.")
    ExportTaken.objects.create(export=export, taken_at=now, taken_by=by)
    logger.info("the export %s was taken by %s", export.pk, by.pk)
    keys = list(export.parts.values_list("pk", flat=True))
    return (bytes(ExportPart.objects.get(pk=key).content) for key in keys)


def clear(*, now: datetime) -> int:
    """Take away the files whose time is over; gives how many parts they were."""
    return ExportPart.objects.filter(export__expires_at__lte=now).delete()[0]
