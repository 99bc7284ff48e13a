"""One pace for all processes."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import IO

import pytest
from django.conf import settings
from django.db import connection

from catalog.uploads import INTERVAL
from jwo_store.models import Pace
from jwo_store.pace import take_slot
from tests.conftest import AtOnce

NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


def slot(*, at: datetime = NOW, interval: float = 0.5, patience: float = 5.0, name: str = "checkout") -> float | None:
    """How many seconds after NOW the slot begins."""
    begins = take_slot(name, interval=interval * SECOND, now=at, patience=patience * SECOND)
    return None if begins is None else (begins - NOW).total_seconds()


def test_the_first_slot_begins_at_once() -> None:
    assert slot() == 0
    assert Pace.objects.get().next_at == NOW + 0.5 * SECOND


def test_each_slot_begins_one_interval_after_the_one_before() -> None:
    assert [slot() for _ in range(4)] == [0, 0.5, 1.0, 1.5]


def test_slots_that_nobody_took_are_not_made_up_for() -> None:
    slot()
    later = NOW + 10 * SECOND
    assert [slot(at=later), slot(at=later)] == [10, 10.5]


def test_a_slot_may_begin_as_late_as_one_is_patient() -> None:
    taken = [slot(interval=1.0, patience=3.0) for _ in range(5)]
    assert taken == [0, 1, 2, 3, None]


def test_a_slot_that_was_not_taken_stays_free() -> None:
    for _ in range(4):
        slot(interval=1.0, patience=3.0)
    before = Pace.objects.get().next_at
    assert slot(interval=1.0, patience=3.0) is None
    assert Pace.objects.get().next_at == before == NOW + 4 * SECOND
    assert slot(at=NOW + SECOND, interval=1.0, patience=3.0) == 4


def test_kinds_of_calls_keep_a_pace_of_their_own() -> None:
    assert [slot(name="checkout"), slot(name="catalog"), slot(name="checkout")] == [0, 0, 0.5]


@pytest.mark.django_db(transaction=True)
def test_no_two_takers_get_the_same_slot(at_once: AtOnce) -> None:
    taken = at_once(12, lambda _: slot(interval=0.25))
    assert sorted(taken) == [number * 0.25 for number in range(12)]


PROCESSES, TURNS = 5, 12


@pytest.mark.django_db(transaction=True)
def test_five_processes_keep_one_pace() -> None:
    takers = [taker() for _ in range(PROCESSES)]
    for one in takers:
        assert piped(one.stdout).readline() == "ready\n"
    for one in takers:
        piped(one.stdin).write("go\n")
        piped(one.stdin).flush()
    told = [one.communicate(timeout=60)[0].split() for one in takers]
    assert [one.returncode for one in takers] == [0] * PROCESSES
    assert [len(slots) for slots in told] == [TURNS] * PROCESSES
    slots = sorted(datetime.fromisoformat(slot) for one in told for slot in one)
    assert min(after - before for before, after in pairwise(slots)) >= INTERVAL


def taker() -> subprocess.Popen[str]:
    """A process that takes turns of the catalog's pace in the database of this test."""
    database = str(connection.settings_dict["NAME"])
    command = ["-m", "tests.jwo_store.pace_taker", database, str(TURNS), str(INTERVAL.total_seconds())]
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "jwo_store.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def piped(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
