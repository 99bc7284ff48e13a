"""How the rows of one scope come to say what the file says. Days of one month; today is the 15th."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pricing.storefile.timeline import Action, Timeline, Version, Wanted

TODAY = 15
Span = tuple[int, int | None, str]
"""From this day to that, with these terms."""


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number - 1)


def until(number: int | None) -> datetime | None:
    return None if number is None else day(number)


def held(spans: Sequence[Span]) -> list[Version]:
    return [Version.held(number, day(start), until(end), terms) for number, (start, end, terms) in enumerate(spans)]


def wanted(spans: Sequence[Span]) -> list[Wanted]:
    return [
        Wanted(f"rows[{number}]", day(start), until(end), terms) for number, (start, end, terms) in enumerate(spans)
    ]


def timeline(
    database: Sequence[Span],
    file: Sequence[Span],
    *,
    today: int = TODAY,
    exclusive: bool = True,
    rivals: Sequence[Span] | None = None,
) -> Timeline:
    others = None if rivals is None else held(rivals)
    settled = Timeline(day(today), held(database), wanted(file), exclusive=exclusive, rivals=others)
    settled.settle()
    return settled


def spans(settled: Timeline) -> list[Span]:
    rows = sorted(settled.versions, key=lambda version: version.starts_at)
    number = {day(each): each for each in range(1, 62)}
    return [(number[row.starts_at], None if row.ends_at is None else number[row.ends_at], row.terms) for row in rows]


def actions(settled: Timeline) -> list[Action]:
    return [step.action for step in settled.steps]


CASES: dict[str, tuple[list[Span], list[Span], list[Span], list[Action]]] = {
    # what the database holds, what the file says, what the database holds then, what is told
    "nothing there": ([], [(1, None, "A")], [(1, None, "A")], [Action.ADDED]),
    "the same": ([(1, None, "A")], [(1, None, "A")], [(1, None, "A")], [Action.UNCHANGED]),
    "the same, over": ([(1, 5, "A")], [(1, 5, "A")], [(1, 5, "A")], [Action.UNCHANGED]),
    "succeeded before": (
        [(1, 10, "A"), (10, None, "B")],
        [(1, None, "B")],
        [(1, 10, "A"), (10, None, "B")],
        [Action.UNCHANGED],
    ),
    "succeeded before, and ended by its own end": (
        [(1, 10, "A"), (10, 12, "B")],
        [(1, 12, "B")],
        [(1, 10, "A"), (10, 12, "B")],
        [Action.UNCHANGED],
    ),
    "in force with other terms": (
        [(1, None, "A")],
        [(1, None, "B")],
        [(1, TODAY, "A"), (TODAY, None, "B")],
        [Action.SUCCEEDED],
    ),
    "in force with other terms, until the same end": (
        [(1, 20, "A")],
        [(1, 20, "B")],
        [(1, TODAY, "A"), (TODAY, 20, "B")],
        [Action.SUCCEEDED],
    ),
    "in force with other terms and another end": (
        [(1, 20, "A")],
        [(1, 25, "B")],
        [(1, TODAY, "A"), (TODAY, 25, "B")],
        [Action.SUCCEEDED],
    ),
    "a successor in force with other terms": (
        [(1, 10, "A"), (10, None, "B")],
        [(1, None, "C")],
        [(1, 10, "A"), (10, TODAY, "B"), (TODAY, None, "C")],
        [Action.SUCCEEDED],
    ),
    "back to the first terms": (
        [(1, 10, "A"), (10, None, "B")],
        [(1, None, "A")],
        [(1, 10, "A"), (10, TODAY, "B"), (TODAY, None, "A")],
        [Action.SUCCEEDED],
    ),
    "in force with other terms, but over by the file": (
        [(1, None, "A")],
        [(1, 10, "B")],
        [(1, TODAY, "A")],
        [Action.ENDED],
    ),
    "a new end to come": ([(1, None, "A")], [(1, 20, "A")], [(1, 20, "A")], [Action.CHANGED]),
    "a later end": ([(1, 20, "A")], [(1, None, "A")], [(1, None, "A")], [Action.CHANGED]),
    "a new end in the past": ([(1, None, "A")], [(1, 10, "A")], [(1, TODAY, "A")], [Action.ENDED]),
    "a new end in the past of a successor": (
        [(1, 12, "A"), (12, None, "B")],
        [(1, 10, "B")],
        [(1, 12, "A"), (12, TODAY, "B")],
        [Action.ENDED],
    ),
    "yet to start": ([(20, None, "A")], [(20, 30, "B")], [(20, 30, "B")], [Action.CHANGED]),
    "starts at this very moment": ([(TODAY, None, "A")], [(TODAY, None, "B")], [(TODAY, None, "B")], [Action.CHANGED]),
    "in force, and a successor yet to start": (
        [(1, 20, "A"), (20, None, "B")],
        [(1, None, "C")],
        [(1, TODAY, "A"), (TODAY, 20, "C"), (20, None, "C")],
        [Action.SUCCEEDED],
    ),
    "over, and the file goes on": (
        [(1, 10, "A")],
        [(1, None, "B")],
        [(1, 10, "A"), (TODAY, None, "B")],
        [Action.ADDED],
    ),
    "over, and the file goes on with the same terms": (
        [(1, 10, "A")],
        [(1, 20, "A")],
        [(1, 10, "A"), (TODAY, 20, "A")],
        [Action.ADDED],
    ),
    "over, gone on after a pause": (
        [(1, 10, "A"), (12, None, "B")],
        [(1, None, "B")],
        [(1, 10, "A"), (12, None, "B")],
        [Action.UNCHANGED],
    ),
    "over, and the file is over too": ([(1, 10, "A")], [(1, 12, "B")], [(1, 10, "A")], [Action.KEPT]),
    "a time in which nothing was in force": (
        [(1, 5, "A")],
        [(6, None, "B")],
        [(1, 5, "A"), (6, None, "B")],
        [Action.ADDED],
    ),
    "a past in which nothing was in force": (
        [(10, None, "A")],
        [(2, 5, "B"), (10, None, "A")],
        [(2, 5, "B"), (10, None, "A")],
        [Action.ADDED, Action.UNCHANGED],
    ),
    "something was in force already": (
        [(1, None, "A")],
        [(5, None, "B")],
        [(1, TODAY, "A"), (TODAY, None, "B")],
        [Action.SUCCEEDED],
    ),
    "something was in force already, with the same terms": (
        [(1, None, "A")],
        [(5, None, "A")],
        [(1, None, "A")],
        [Action.UNCHANGED],
    ),
    "something was in force, and nothing is now": (
        [(1, 10, "A")],
        [(5, None, "B")],
        [(1, 10, "A"), (TODAY, None, "B")],
        [Action.ADDED],
    ),
    "something was in force, and the file is over": ([(1, 10, "A")], [(5, 12, "B")], [(1, 10, "A")], [Action.KEPT]),
    "planned: what is in force makes room": (
        [(1, None, "A")],
        [(20, None, "B")],
        [(1, 20, "A"), (20, None, "B")],
        [Action.SUCCEEDED],
    ),
    "planned, and the file says so of both": (
        [(1, None, "A")],
        [(1, 20, "A"), (20, None, "B")],
        [(1, 20, "A"), (20, None, "B")],
        [Action.CHANGED, Action.ADDED],
    ),
    "planned in a file that went on": (
        [(1, 10, "A"), (10, None, "B")],
        [(1, 20, "B"), (20, None, "C")],
        [(1, 10, "A"), (10, 20, "B"), (20, None, "C")],
        [Action.CHANGED, Action.ADDED],
    ),
    "two versions of the file over one of the database": (
        [(1, None, "A")],
        [(1, 8, "A"), (8, None, "B")],
        [(1, TODAY, "A"), (TODAY, None, "B")],
        [Action.ENDED, Action.ADDED],
    ),
    "a version that the file names is nobody's successor": (
        [(1, 10, "A"), (10, None, "B")],
        [(1, 10, "X"), (10, None, "B")],
        [(1, 10, "A"), (10, None, "B")],
        [Action.KEPT, Action.UNCHANGED],
    ),
}


@pytest.mark.parametrize(("database", "file", "then", "told"), CASES.values(), ids=CASES.keys())
def test_versions_of_a_code(database: list[Span], file: list[Span], then: list[Span], told: list[Action]) -> None:
    settled = timeline(database, file)

    assert spans(settled) == then
    assert actions(settled) == told
    assert settled.conflict() is None


@pytest.mark.parametrize(("database", "file", "then", "told"), CASES.values(), ids=CASES.keys())
def test_loading_again_changes_nothing(
    database: list[Span], file: list[Span], then: list[Span], told: list[Action]
) -> None:
    del database, told
    for today in (TODAY, TODAY + 1):
        again = timeline(then, file, today=today)

        assert spans(again) == then
        assert not set(actions(again)) - {Action.UNCHANGED, Action.KEPT}


def test_a_version_that_the_file_does_not_name_stands_in_the_way() -> None:
    settled = timeline([(1, 5, "A"), (20, None, "B")], [(7, None, "C")])

    clash = settled.conflict()
    assert clash is not None
    assert [version.terms for version in clash] == ["C", "B"]


PRICES: dict[str, tuple[list[Span], list[Span], list[Span], list[Action]]] = {
    # several prices may be in force: the latest start counts
    "a new price starts later": (
        [(1, None, "A")],
        [(1, None, "A"), (20, None, "B")],
        [(1, None, "A"), (20, None, "B")],
        [Action.UNCHANGED, Action.ADDED],
    ),
    "a new price of the past starts now": (
        [(1, None, "A")],
        [(1, None, "A"), (10, None, "B")],
        [(1, None, "A"), (TODAY, None, "B")],
        [Action.UNCHANGED, Action.ADDED],
    ),
    "a price that a later one replaced long ago": (
        [(1, None, "A"), (10, None, "B")],
        [(1, None, "X"), (10, None, "B")],
        [(1, None, "A"), (10, None, "B")],
        [Action.KEPT, Action.UNCHANGED],
    ),
    "its end counts even so": (
        [(1, None, "A"), (10, None, "B")],
        [(1, 20, "A"), (10, None, "B")],
        [(1, 20, "A"), (10, None, "B")],
        [Action.CHANGED, Action.UNCHANGED],
    ),
    "so does its end with other terms": (
        [(1, None, "A"), (10, None, "B")],
        [(1, 20, "X"), (10, 20, "B")],
        [(1, 20, "A"), (10, 20, "B")],
        [Action.CHANGED, Action.CHANGED],
    ),
    "a price that a later one replaces for a while": (
        [(1, None, "A"), (10, 20, "B")],
        [(1, None, "X"), (10, 20, "B")],
        [(1, 20, "A"), (10, 20, "B"), (20, None, "X")],
        [Action.SUCCEEDED, Action.UNCHANGED],
    ),
    "a price of its own that the file does not name is taken over": (
        [(3, None, "A")],
        [(5, None, "B")],
        [(3, TODAY, "A"), (TODAY, None, "B")],
        [Action.SUCCEEDED],
    ),
}


@pytest.mark.parametrize(("database", "file", "then", "told"), PRICES.values(), ids=PRICES.keys())
def test_prices_of_a_scope(database: list[Span], file: list[Span], then: list[Span], told: list[Action]) -> None:
    settled = timeline(database, file, exclusive=False)

    assert spans(settled) == then
    assert actions(settled) == told
    again = timeline(then, file, exclusive=False)
    assert spans(again) == then


def test_a_price_is_not_back_dated_over_a_rival() -> None:
    settled = timeline([], [(1, None, "A")], exclusive=False, rivals=[(5, 6, "for all stores")])

    assert spans(settled) == [(TODAY, None, "A")]


def test_a_price_is_back_dated_where_no_rival_was_in_force() -> None:
    settled = timeline([], [(1, 5, "A")], exclusive=False, rivals=[(5, 6, "for all stores")])

    assert spans(settled) == [(1, 5, "A")]


# --- For any rows


@st.composite
def exclusive_spans(draw: st.DrawFn) -> list[Span]:
    """Versions of a code: one at a time."""
    days = draw(st.lists(st.integers(1, 30), unique=True, max_size=8).map(sorted))
    found: list[Span] = []
    for start, end in zip_longest(days, days[1:]):
        if draw(st.booleans()):
            early_end = draw(st.booleans())
            last = 31 if end is None else end
            chosen = draw(st.integers(start + 1, last)) if early_end else end
            found.append((start, chosen, draw(st.sampled_from("ABC"))))
    return found


@st.composite
def overlapping_spans(draw: st.DrawFn) -> list[Span]:
    """Prices: several at a time, no two with one start."""
    days = draw(st.lists(st.integers(1, 30), unique=True, max_size=5))
    return [
        (start, draw(st.none() | st.integers(start + 1, 31)), draw(st.sampled_from("ABC"))) for start in sorted(days)
    ]


def assert_the_past_stayed(settled: Timeline) -> None:
    for version in settled.versions:
        if version.stored is None:
            assert version.starts_at >= settled.now or not any(
                other.was_in_force(version.starts_at, min(version.ends_at or settled.now, settled.now))
                for other in settled.versions
            )
        elif version.starts_at < settled.now:
            ends_at, terms = version.stored
            assert version.terms == terms
            assert min(version.ends_at or settled.now, settled.now) == min(ends_at or settled.now, settled.now)
        assert version.ends_at is None or version.ends_at > version.starts_at


def in_force(rows: Sequence[Version | Wanted], number: int) -> list[str]:
    """The terms in force on a day, the latest start first."""
    found = [row for row in rows if row.in_force(day(number))]
    return [row.terms for row in sorted(found, key=lambda row: row.starts_at, reverse=True)]


@given(exclusive_spans(), exclusive_spans())
def test_from_now_on_every_version_of_the_file_holds(database: list[Span], file: list[Span]) -> None:
    settled = timeline(database, file)

    assert_the_past_stayed(settled)
    assume(settled.conflict() is None)
    for number in range(TODAY, 40):
        if said := in_force(settled.wanted, number):
            assert in_force(settled.versions, number) == said


@given(exclusive_spans(), exclusive_spans(), st.integers(0, 20))
def test_loading_any_file_again_changes_nothing(database: list[Span], file: list[Span], later: int) -> None:
    settled = timeline(database, file)
    assume(settled.conflict() is None)

    again = timeline(spans(settled), file, today=TODAY + later)
    assert not set(actions(again)) - {Action.UNCHANGED, Action.KEPT}
    assert spans(again) == spans(settled)


@given(overlapping_spans(), overlapping_spans())
def test_loading_any_prices_keeps_the_past_and_is_done_at_once(database: list[Span], file: list[Span]) -> None:
    settled = timeline(database, file, exclusive=False)

    assert_the_past_stayed(settled)
    assume(settled.conflict() is None)
    again = timeline(spans(settled), file, exclusive=False)
    assert spans(again) == spans(settled)


@given(overlapping_spans(), st.data())
def test_an_edited_file_of_prices_holds_from_now_on(first: list[Span], draw: st.DataObject) -> None:
    """The file says other amounts and ends for the prices that it loaded before."""
    edited = [
        (start, draw.draw(st.none() | st.integers(start + 1, 31)), draw.draw(st.sampled_from("ABC")))
        for start, _, _ in first
    ]
    settled = timeline(first, edited, exclusive=False)

    for number in range(TODAY, 40):
        said = in_force(settled.wanted, number)
        assert in_force(settled.versions, number)[:1] == said[:1]
