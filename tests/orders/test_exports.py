"""Files for finance are made in the background: asked for, made, kept, taken, taken away; and each step is known."""

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from openpyxl import load_workbook

from catalog.models import Store
from orders import exports, finance, jobs, tasks
from orders.exports import KEPT_FOR, TooMuch
from orders.finance import Wanted
from orders.jobs import LEASE
from orders.models import ExportPart, ExportTaken, FinanceExport
from orders.statuses import JobStatus, MoveRefused
from tests.factories import PurchaseFactory, StoreFactory
from tests.orders.shop import NOW, everything

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 14)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def store() -> Store:
    made: Store = StoreFactory(store_id="EAST")
    return made


@pytest.fixture(autouse=True)
def orders(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five, of which two are read at once."""
    monkeypatch.setattr(finance, "PAGE", 2)
    return [row.order_id for row in PurchaseFactory.create_batch(5, ordered=True, ordered_at=NOW, store=store)]


def asked(by: User, form: str = "XLSX", *, tests: bool = False) -> FinanceExport:
    wanted = Wanted(DAY, DAY, list(Store.objects.all()), tests=tests)
    return exports.request(wanted, form, by=by, now=LATER)


def made(export: FinanceExport, at: datetime = LATER) -> FinanceExport:
    exports.work_on(export.pk, clock=lambda: at)
    export.refresh_from_db()
    return export


def taken(export: FinanceExport, by: User, at: datetime = LATER) -> bytes:
    return b"".join(exports.take(export, by=by, now=at))


def test_asking_notes_who_wants_what_and_makes_nothing_yet(person: User) -> None:
    export = asked(person, "CSV")

    assert (export.asked_by, export.asked_at, export.order_count, export.form) == (person, LATER, 5, "CSV")
    assert (export.first_day, export.last_day, export.store_ids, export.is_test, export.environment) == (
        DAY,
        DAY,
        ["EAST"],
        False,
        "sandbox",
    )
    assert (export.status, export.has_file(LATER)) == (JobStatus.WAITING, False)
    assert jobs.to_do(FinanceExport, now=LATER) == [export.pk]
    with pytest.raises(MoveRefused, match="There is no file"):
        exports.take(export, by=person, now=LATER)


def test_a_worker_makes_the_file_and_everybody_who_takes_it_is_noted(person: User, orders: list[str]) -> None:
    export = made(asked(person))

    assert (export.status, export.done, export.finished_at) == (JobStatus.DONE, 5, LATER)
    content = taken(export, person)
    assert len(content) == export.size
    rows = list(load_workbook(io.BytesIO(content))["Orders"].values)
    assert sorted(str(row[5]) for row in rows[1:]) == sorted(orders)
    assert [(row.export, row.taken_by, row.taken_at) for row in ExportTaken.objects.all()] == [(export, person, LATER)]


def test_a_large_file_stands_in_parts(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PART", 1000)
    export = made(asked(person, "CSV"))

    assert export.parts.count() > 1
    assert taken(export, person).startswith(b"PK")


def test_a_file_is_kept_for_some_days_and_the_row_for_good(person: User) -> None:
    export = made(asked(person))
    over = LATER + KEPT_FOR

    assert exports.clear(now=over - timedelta(seconds=1)) == 0
    with pytest.raises(MoveRefused, match="There is no file"):
        exports.take(export, by=person, now=over)
    assert exports.clear(now=over) == 1
    assert not ExportPart.objects.exists()
    assert FinanceExport.objects.get() == export


def test_too_much_is_refused_and_not_noted(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ORDERS", 4)

    with pytest.raises(TooMuch, match="These are 5 orders, and one file takes 4"):
        asked(person)
    assert not FinanceExport.objects.exists()


# -- the work


class Died(BaseException):
    """The process is gone."""


def at_call(number: int, do: Callable[[], object]) -> Callable[[], datetime]:
    calls = iter(range(100))

    def read() -> datetime:
        if next(calls) == number:
            do()
        return LATER

    return read


def die() -> None:
    raise Died


SECOND_PAGE_IS_READ = 3
"""Reads of the clock until then: to begin, for the file, and after each page."""


def test_one_that_was_cut_short_is_made_anew(person: User, orders: list[str]) -> None:
    export = asked(person)
    with pytest.raises(Died):
        exports.work_on(export.pk, clock=at_call(SECOND_PAGE_IS_READ, die))
    export.refresh_from_db()

    assert (export.status, export.done, export.parts.count()) == (JobStatus.RUNNING, 2, 0)
    assert jobs.to_do(FinanceExport, now=LATER + LEASE / 2) == []  # it may still be at work
    assert jobs.to_do(FinanceExport, now=LATER + LEASE) == [export.pk]
    assert made(export, LATER + LEASE).done == len(orders)


def test_who_was_overtaken_writes_nothing(person: User) -> None:
    export = asked(person)

    exports.work_on(export.pk, clock=at_call(SECOND_PAGE_IS_READ, lambda: made(export, LATER + LEASE)))

    export.refresh_from_db()
    assert (export.status, export.finished_at, export.parts.count()) == (JobStatus.DONE, LATER + LEASE, 1)


def test_a_cancelled_one_stops_and_leaves_no_file(person: User) -> None:
    export = asked(person)
    cancel = at_call(SECOND_PAGE_IS_READ, lambda: jobs.cancel(FinanceExport.objects.get(), now=LATER))

    exports.work_on(export.pk, clock=cancel)

    export.refresh_from_db()
    assert (export.status, export.done, export.parts.count()) == (JobStatus.CANCELLED, 2, 0)


def test_one_that_never_gets_on_is_given_up(person: User) -> None:
    export = asked(person)
    for _ in range(jobs.MOST_TRIES):
        with pytest.raises(Died):
            exports.work_on(export.pk, clock=at_call(1, die))
        FinanceExport.objects.update(due_at=LATER)

    made(export)

    assert (export.status, export.problem) == (JobStatus.FAILED, jobs.CUT_SHORT)


def test_the_task_makes_it_and_nothing_else_changes(person: User) -> None:
    export = asked(person)
    mine = {"FinanceExport", "ExportPart"}
    before = {name: rows for name, rows in everything().items() if name not in mine}

    tasks.make_export(export_id=export.pk)

    export.refresh_from_db()
    assert export.status == JobStatus.DONE
    assert {name: rows for name, rows in everything().items() if name not in mine} == before


def test_the_watch_takes_away_what_is_over(person: User) -> None:
    made(asked(person))

    tasks.watch()

    assert not ExportPart.objects.exists()
