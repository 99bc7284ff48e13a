"""How dated rows come to say what a file says: nothing that was in force is changed, it is ended and succeeded.

One timeline is one scope: the versions of a code, or the prices of a SKU in one store (or all), regular or temporary.
A row of the file says: from its start to its end these terms hold. Of that only the part from now on can be brought
about, and the rows of the database that carry it on are found so:

- the row with the same start, and after it the rows that took over from it (each starting where the last one ended),
  unless the file names those itself;
- else, where something was in force already at the time that the row names, the row that is in force from now on and
  that the file does not name.

From now on these say what the file says: one that is yet to start is changed in place, one that has the terms gets
the end, one that has other terms is ended and succeeded. Where there is none, a row is added: from its own start if
nothing was in force before, otherwise from now on. Of several prices in force the latest start wins: what the file says
of an earlier one counts only when the later ones of the file are over, so that an edit of it never outranks them. Plain
Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any


class Action(StrEnum):
    """What became of a row of the file; the first that applies is told."""

    ADDED = "added"
    SUCCEEDED = "succeeded"
    CHANGED = "changed"
    ENDED = "ended"
    KEPT = "kept"
    UNCHANGED = "unchanged"


_RANK = {action: rank for rank, action in enumerate(Action)}


def is_over(ends_at: datetime | None, at: datetime) -> bool:
    return ends_at is not None and ends_at <= at


@dataclass(slots=True, eq=False)
class Version:
    """A row of the database, or one that is to be added: in force on `[starts_at, ends_at)`, with these terms."""

    starts_at: datetime
    ends_at: datetime | None
    terms: Any
    row: Any = None
    """Its primary key; None while it is yet to be added."""
    wanted: "Wanted | None" = None
    """The row of the file that it now carries out."""
    stored: "tuple[datetime | None, Any] | None" = None
    """Its end and terms as the database has them."""

    @classmethod
    def held(cls, row: Any, starts_at: datetime, ends_at: datetime | None, terms: Any) -> "Version":
        return cls(starts_at, ends_at, terms, row, stored=(ends_at, terms))

    def in_force(self, at: datetime) -> bool:
        return self.starts_at <= at and not is_over(self.ends_at, at)

    def says(self, wanted: "Wanted") -> bool:
        return self.ends_at == wanted.ends_at and self.terms == wanted.terms

    def was_in_force(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether the database had it in force at some moment of `[starts_at, ends_at)`."""
        return self.stored is not None and self.starts_at < ends_at and not is_over(self.stored[0], starts_at)

    @property
    def is_new(self) -> bool:
        return self.stored is None

    @property
    def is_changed(self) -> bool:
        return self.stored is not None and self.stored != (self.ends_at, self.terms)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What one row of the file says."""

    path: str
    starts_at: datetime
    ends_at: datetime | None
    terms: Any

    def in_force(self, at: datetime) -> bool:
        return self.starts_at <= at and not is_over(self.ends_at, at)


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one row of the file, and of which terms it took the place."""

    action: Action
    wanted: Wanted
    from_moment: datetime
    before: Any = None
    before_ends_at: datetime | None = None


@dataclass(slots=True)
class Timeline:
    """The versions of one scope, and what a file wants of them. `settle` changes the versions and lists the steps."""

    now: datetime
    versions: list[Version]
    wanted: Sequence[Wanted]
    exclusive: bool = True
    """At most one version in force at a time (codes); of several prices in force the latest start wins."""
    rivals: Sequence[Version] | None = None
    """Where one of these was in force nothing can be added any more; None: the versions themselves."""
    steps: list[Step] = field(default_factory=list)

    def settle(self) -> list[Step]:
        named = {wanted.starts_at for wanted in self.wanted}
        held = {version.starts_at: version for version in self.versions}
        unnamed = {starts_at: version for starts_at, version in held.items() if starts_at not in named}
        for wanted in sorted(self.wanted, key=lambda each: each.starts_at):
            self._settle(wanted, held.get(wanted.starts_at), unnamed)
        return self.steps

    def conflict(self) -> tuple[Version, Version] | None:
        """Two versions that can't both be; looked for only where something was changed."""
        if not any(version.is_new or version.is_changed for version in self.versions):
            return None
        ordered = sorted(self.versions, key=lambda version: version.starts_at)
        return next((pair for pair in pairwise(ordered) if self._clash(*pair)), None)

    def _clash(self, earlier: Version, later: Version) -> bool:
        if self.exclusive:
            return not is_over(earlier.ends_at, later.starts_at)
        return earlier.starts_at == later.starts_at

    # -- one row of the file

    def _settle(self, wanted: Wanted, same_start: Version | None, unnamed: dict[datetime, Version]) -> None:
        if same_start is not None:
            if same_start.says(wanted):
                same_start.wanted = wanted
                self._tell(Action.UNCHANGED, wanted)
                return
            carrying = self._successors(same_start, wanted, unnamed)
            if carrying[-1].starts_at <= self.now and carrying[-1].says(wanted):
                carrying[-1].wanted = wanted
                self._tell(Action.UNCHANGED, wanted)
                return
        elif self._stands_by_itself(wanted):
            self._add(wanted, wanted.starts_at)
            return
        else:
            carrying = []
        if is_over(wanted.ends_at, self.now):
            self._end(carrying, wanted)
        else:
            self._bring_about(carrying, wanted, unnamed)

    def _stands_by_itself(self, wanted: Wanted) -> bool:
        """Whether a row that the database doesn't have can simply be added with its own start."""
        if wanted.starts_at >= self.now:
            return not self.exclusive
        until = self.now if wanted.ends_at is None else min(wanted.ends_at, self.now)
        rivals = self.versions if self.rivals is None else self.rivals
        return not any(version.was_in_force(wanted.starts_at, until) for version in rivals)

    def _successors(self, first: Version, wanted: Wanted, unnamed: dict[datetime, Version]) -> list[Version]:
        """The row and those that took over from it, as far as the file's row reaches."""
        chain = [first]
        while (ends_at := chain[-1].ends_at) is not None:
            after = unnamed.get(ends_at)
            beyond = ends_at > self.now and is_over(wanted.ends_at, ends_at)
            if after is None or after.wanted is not None or beyond or self._is_anothers(after, wanted):
                break
            chain.append(after)
        return chain

    def _is_anothers(self, version: Version, wanted: Wanted) -> bool:
        """Whether a later row of the file counts where this version starts."""
        return any(
            each.starts_at <= version.starts_at and (self.exclusive or each.in_force(version.starts_at))
            for each in self.wanted
            if each.starts_at > wanted.starts_at
        )

    def _end(self, carrying: list[Version], wanted: Wanted) -> None:
        """The file says that it is over: what is in force ends now."""
        for version in carrying:
            if version.starts_at < self.now and version.in_force(self.now):
                self._tell(Action.ENDED, wanted, version)
                version.ends_at = self.now
                version.wanted = wanted
                return
        self._tell(Action.KEPT, wanted)

    def _bring_about(self, carrying: list[Version], wanted: Wanted, unnamed: dict[datetime, Version]) -> None:
        moment = self._first_moment(wanted)
        if moment is None:
            self._let_end(carrying, wanted)
            return
        alive = [version for version in carrying if not is_over(version.ends_at, moment)]
        alive = alive or self._taken_over(moment, wanted, unnamed)
        if alive:
            self._revise_all(alive, wanted, moment)
        else:
            self._add(wanted, moment)

    def _let_end(self, carrying: list[Version], wanted: Wanted) -> None:
        """A later row of the file counts in its place for good: of this one only the end matters."""
        last = carrying[-1] if carrying else None
        if last is None or is_over(last.ends_at, self.now) or last.ends_at == wanted.ends_at:
            self._tell(Action.KEPT, wanted)
            return
        self.steps.append(Step(Action.CHANGED, wanted, self.now, wanted.terms, last.ends_at))
        last.ends_at, last.wanted = wanted.ends_at, wanted

    def _first_moment(self, wanted: Wanted) -> datetime | None:
        """From when on it counts: not before now, nor while a later row of the file counts in its place."""
        moment = max(wanted.starts_at, self.now)
        later = [each for each in self.wanted if each.starts_at > wanted.starts_at]
        while cover := next((each for each in later if each.in_force(moment)), None):
            if cover.ends_at is None:
                return None
            moment = cover.ends_at
        return None if is_over(wanted.ends_at, moment) else moment

    def _taken_over(self, moment: datetime, wanted: Wanted, unnamed: dict[datetime, Version]) -> list[Version]:
        """What the database has in force at the moment and the file doesn't name: the latest start counts."""
        candidates = [each for each in unnamed.values() if each.wanted is None and each.in_force(moment)]
        if not candidates:
            return []
        return self._successors(max(candidates, key=lambda each: each.starts_at), wanted, unnamed)

    # -- one row of the database

    def _revise_all(self, alive: list[Version], wanted: Wanted, moment: datetime) -> None:
        before, before_ends_at = alive[0].terms, alive[0].ends_at
        actions = [
            self._revise(version, wanted, wanted.ends_at if version is alive[-1] else version.ends_at, moment)
            for version in alive
        ]
        action = min(actions, key=_RANK.__getitem__)
        self.steps.append(Step(action, wanted, moment, before, before_ends_at))

    def _revise(self, version: Version, wanted: Wanted, ends_at: datetime | None, moment: datetime) -> Action:
        if (version.terms, version.ends_at) == (wanted.terms, ends_at):
            version.wanted = wanted
            return Action.UNCHANGED
        if version.terms == wanted.terms:
            version.ends_at, version.wanted = ends_at, wanted
            return Action.CHANGED
        if version.starts_at >= moment:
            version.terms, version.ends_at, version.wanted = wanted.terms, ends_at, wanted
            return Action.CHANGED
        version.ends_at = moment
        self.versions.append(Version(moment, ends_at, wanted.terms, wanted=wanted))
        return Action.SUCCEEDED

    def _add(self, wanted: Wanted, starts_at: datetime) -> None:
        self.versions.append(Version(starts_at, wanted.ends_at, wanted.terms, wanted=wanted))
        self.steps.append(Step(Action.ADDED, wanted, starts_at))

    def _tell(self, action: Action, wanted: Wanted, version: Version | None = None) -> None:
        before, ends_at = (version.terms, version.ends_at) if version else (None, None)
        self.steps.append(Step(action, wanted, self.now, before, ends_at))
