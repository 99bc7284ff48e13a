"""Work that only one process does at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from jwo_store import lease
from jwo_store.lease import LeaseLost
from tests.conftest import AtOnce

NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def taken(at: datetime = NOW, name: str = "catalog") -> lease.Held | None:
    return lease.take(name, now=at, until=at + MINUTE)


def test_only_one_holds_it() -> None:
    assert taken() is not None
    assert taken() is None


def test_another_kind_of_work_has_a_lease_of_its_own() -> None:
    assert taken() is not None
    assert taken(name="queue") is not None


def test_it_is_free_again_when_it_is_given_back() -> None:
    held = taken()
    assert held is not None
    held.give_back()
    assert taken() is not None


def test_it_is_free_again_when_its_time_is_over() -> None:
    assert taken() is not None
    assert taken(NOW + MINUTE) is not None


def test_whoever_keeps_it_holds_it_longer() -> None:
    held = taken()
    assert held is not None
    held.keep(until=NOW + 3 * MINUTE)
    assert taken(NOW + 2 * MINUTE) is None


def test_who_lost_it_is_told_and_takes_nothing_from_the_next() -> None:
    first = taken()
    second = taken(NOW + MINUTE)
    assert first is not None
    assert second is not None
    with pytest.raises(LeaseLost):
        first.keep(until=NOW + 5 * MINUTE)
    first.give_back()
    assert taken(NOW + MINUTE) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_it(at_once: AtOnce) -> None:
    held = at_once(8, lambda _number: taken())
    assert sum(each is not None for each in held) == 1
