"""What must be well before this installation is called ready."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from jwo_store import readiness
from jwo_store.readiness import Reading, is_ready, readings, register

NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_other_checks() -> Iterator[None]:
    checks, vital = dict(readiness._checks), set(readiness._vital)
    readiness._checks.clear()
    readiness._vital.clear()
    yield
    readiness._checks.clear()
    readiness._checks.update(checks)
    readiness._vital.clear()
    readiness._vital.update(vital)


def test_each_check_is_read_at_the_moment_under_its_name() -> None:
    register("clock", lambda now: Reading(well=True, seen=now.isoformat()))
    register("tank", lambda _: Reading(well=False, seen="empty"))
    assert readings(NOW) == {
        "clock": Reading(well=True, seen="2026-03-14T19:06:30+00:00"),
        "tank": Reading(well=False, seen="empty"),
    }


def test_a_check_that_fails_is_not_well_and_names_the_kind_of_failure_alone() -> None:
    def fail(_: datetime) -> Reading:
        raise ConnectionError("postgres://user:password@host")

    register("broken", fail)
    register("sound", lambda _: Reading(well=True, seen="yes"))
    assert readings(NOW) == {
        "broken": Reading(well=False, seen="ConnectionError"),
        "sound": Reading(well=True, seen="yes"),
    }


def test_a_name_stands_for_one_check() -> None:
    register("tank", lambda _: Reading(well=False, seen="empty"))
    register("tank", lambda _: Reading(well=True, seen="full"))
    assert readings(NOW) == {"tank": Reading(well=True, seen="full")}


def test_nothing_to_look_at_is_nothing_wrong() -> None:
    assert readings(NOW) == {}
    assert is_ready({})


@pytest.mark.parametrize(
    ("heart", "tail", "ready"), [(True, True, True), (True, False, True), (False, True, False), (False, False, False)]
)
def test_only_what_is_vital_keeps_a_process_from_being_ready(*, heart: bool, tail: bool, ready: bool) -> None:
    register("heart", lambda _: Reading(well=heart, seen=""), vital=True)
    register("tail", lambda _: Reading(well=tail, seen=""))
    assert is_ready(readings(NOW)) == ready
