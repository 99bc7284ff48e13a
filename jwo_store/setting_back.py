"""The way back to what a record of the history says: never a rewriting of the past, but a new change from now on.

How a table goes back stands in its kind (`Kind.way`); here is the way of rows that are simply saved.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.db import transaction

from jwo_store.telling import Kind, State, state_of


class CannotGoBack(Exception):
    """Why, in words for people, with what to do instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """What going back would do."""

    row: Any
    """The row that is to be changed; None when a new one is to be added."""
    before: State | None
    after: State


@dataclass(frozen=True, slots=True)
class Made:
    """By whom, when and why."""

    by: Any
    now: datetime
    reason: str


class Way(Protocol):
    def plan(self, kind: Kind, state: State, now: datetime) -> Step:
        """Raises CannotGoBack."""

    def go(self, kind: Kind, step: Step, made: Made) -> Any:
        """The row that says it from now on, or None when somebody else has to agree first. Raises CannotGoBack."""


class PlainWay:
    """For rows that say what holds now, and are saved."""

    def __init__(self, *fields: str) -> None:
        self.fields: Sequence[str] = fields

    def plan(self, kind: Kind, state: State, _now: datetime) -> Step:
        row = kind.model._default_manager.filter(pk=state[kind.model._meta.pk.name]).first()  # noqa: SLF001
        if row is None:
            raise CannotGoBack("This is no longer there, so it cannot be set back. Add it anew.")
        before = state_of(kind, row)
        if self._differs_elsewhere(kind, before, state):
            raise CannotGoBack("What differs cannot be set back from here: change it on its own page.")
        return Step(row, before, {**before, **{name: state[name] for name in self.fields}})

    def _differs_elsewhere(self, kind: Kind, before: State, state: State) -> bool:
        """Whether all that differs are fields that do not go back."""
        differing = {each.name for each in kind.fields() if before[each.name] != state[each.name]}
        return bool(differing) and differing.isdisjoint(self.fields)

    def go(self, kind: Kind, step: Step, made: Made) -> Any:
        related = {each.name for each in kind.model._meta.many_to_many}
        row = step.row
        for name in set(self.fields) - related:
            setattr(row, kind.model._meta.get_field(name).attname, step.after[name])  # type: ignore[union-attr]
        with transaction.atomic(), in_words():
            row.full_clean()
            note(row, made)
            row.save()
            for name in related & set(self.fields):
                getattr(row, name).set(step.after[name])
        return row


def note(row: Any, made: Made) -> None:
    """For the history of what is about to be saved."""
    row._change_reason = made.reason
    row._history_user = made.by


@contextmanager
def in_words() -> Iterator[None]:
    """What a model refuses, as the reason why there is no way back."""
    try:
        yield
    except ValidationError as refused:
        raise CannotGoBack(" ".join(refused.messages)) from refused
