"""What records of a history say, in words for people: what was done, to what, and before and after for each field.

Each table has a `Kind` that knows how its values read. Telling takes a number of queries that does not grow with the
records: earlier records, related rows and names are read for all of them at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db.models import Field, ForeignKey, ManyToManyField, Model, OuterRef, Q, Subquery
from django.utils import formats
from django.utils.text import capfirst
from simple_history.utils import get_history_model_for_model

from jwo_store.access import EVERYWHERE, Stores
from jwo_store.history import NEWEST_FIRST, Source
from jwo_store.words import counted, listed, on_clock

if TYPE_CHECKING:
    from jwo_store.setting_back import Way

    AnyField = Field[Any, Any]
else:
    AnyField = Field

State = Mapping[str, Any]
"""What a row said, by field: related rows by their keys, those of a relation to many as a frozenset."""

Branch = tuple["Kind", Q]
"""Some records of one table."""

STORE = "catalog.Store"
ABOUT_NOW = timedelta(minutes=1)
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what it said before, and says after. One of the two may be empty."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, told."""

    kind: "Kind"
    record: Any
    subject: str
    did: str
    when: str
    """On the clock of what it is about."""
    lines: tuple[Line, ...]

    @property
    def who(self) -> str:
        return who(self.record.history_user, self.record.history_source)

    @property
    def why(self) -> str:
        return self.record.history_change_reason or ""

    @property
    def says(self) -> str:
        """In a sentence: `Mia Moor changed the price of Cola (COLA-1).`."""
        return f"{capfirst(self.who)} {self.did} the {self.subject}."


def who(person: User | None, source: str) -> str:
    """The name of a person, or what it was that wrote a record without one."""
    name = (person.get_full_name() or person.get_username()) if person else ""
    by = Source(source).label if source else ""
    return f"{name} (by {by})" if name and by else name or by or "the system"


class Names:
    """Rows that records speak of, read at once."""

    def __init__(self, wanted: Iterable[tuple[type[Model], Any]], seen_in: Stores = EVERYWHERE) -> None:
        self.seen_in = seen_in
        keys: dict[type[Model], set[Any]] = defaultdict(set)
        for model, key in wanted:
            keys[model].add(key)
        self._rows = {model: model._default_manager.in_bulk(list(some)) for model, some in keys.items()}  # noqa: SLF001  models known only at run time
        self._all: dict[type[Model], list[Any]] = {}

    def row(self, model: type[Model], key: Any) -> Any:
        return self._rows.get(model, {}).get(key)

    def all(self, model: type[Model]) -> list[Any]:
        if model not in self._all:
            self._all[model] = list(model._default_manager.all())  # noqa: SLF001
        return self._all[model]

    def name(self, model: type[Model], key: Any) -> str:
        if model._meta.label == STORE and key not in self.seen_in:
            return "another store"
        row = self.row(model, key)
        return f"{key} (no longer there)" if row is None else str(row)


class Kind:
    """How the history of one table reads."""

    model: type[Model]
    name: str
    """What a list of changes calls it: `Price`."""
    untold: frozenset[str] = frozenset({"id"})
    versions: tuple[str, ...] = ()
    """For dated rows: the columns that those have in common of which one succeeds the other."""
    way: "Way | None" = None
    """How it goes back to what a record says; None where it does not."""

    @property
    def page(self) -> type[Model]:
        """The model on whose pages it is told."""
        return self.model

    @cached_property
    def history(self) -> Any:
        """The library makes a class to find it, each time it is asked."""
        return get_history_model_for_model(self.model)

    @property
    def key(self) -> str:
        return self.model._meta.pk.attname

    def fields(self) -> list[AnyField]:
        """Those that are told, in the order of the table."""
        tracked = [*self.history.tracked_fields, *self.history._history_m2m_fields]  # noqa: SLF001  the library's
        return [each for each in tracked if each.name not in self.untold]

    # -- what a table says of itself

    def subject(self, state: State, names: Names) -> str:
        """`store Arena East 12`: what the record is about, to stand after `the`."""
        raise NotImplementedError

    def mentions(self, state: State) -> Iterator[tuple[type[Model], Any]]:
        """Rows whose names its words need."""
        for each in self.fields():
            value = state[each.name]
            if isinstance(each, ManyToManyField):
                yield from ((each.related_model, key) for key in value)
            elif isinstance(each, ForeignKey) and value is not None:
                yield each.related_model, value

    def zone(self, _state: State, _names: Names) -> ZoneInfo | None:
        """The clock on which it holds, if it is not the page's."""
        return None

    def say(self, each: AnyField, state: State, names: Names) -> str:
        """The value of a field; empty when there is none."""
        value = state[each.name]
        if isinstance(each, ManyToManyField):
            return listed(sorted({names.name(each.related_model, key) for key in value}), most=MOST_NAMES)
        if value is None or value == "":
            return ""
        if isinstance(each, ForeignKey):
            return names.name(each.related_model, value)
        if each.flatchoices:
            return str(dict(each.flatchoices).get(value, value))
        return plain(value, self.zone(state, names))

    def page_key(self, record: Any) -> Any:
        """The key of the row on whose history page a record stands."""
        return getattr(record, self.key)

    def label(self, each: AnyField, _state: State) -> str:
        """What the pages call the field."""
        return str(capfirst(each.verbose_name))

    def family(self, state: State) -> list[Branch]:
        """The records that belong on one page with this row's."""
        versions = {column: state[column.removesuffix("_id")] for column in self.versions}
        return [(self, Q(**(versions or {self.key: state[self.model._meta.pk.name]})))]

    def in_stores(self, _store_ids: Collection[str]) -> list[Q]:
        """Records that concern one of these stores, in parts that exclude each other: all, when bound to none."""
        return [Q()]


def plain(value: Any, zone: ZoneInfo | None = None) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return on_clock(value, zone)
    if isinstance(value, time):
        return formats.time_format(value)
    return str(value)


KINDS: dict[type[Model], Kind] = {}
"""By the model that they tell of, in the order of registration."""


def register(kind: Kind) -> None:
    KINDS[kind.model] = kind


# --- From records to states ----------------------------------------------------------------------------------------


def states_of(kind: Kind, records: Sequence[Any]) -> dict[Any, State]:
    """What each record says, by its key. One query for each relation to many."""
    states: dict[Any, dict[str, Any]] = {
        record.history_id: {each.name: getattr(record, each.attname) for each in record.tracked_fields}
        for record in records
    }
    for relation in kind.history._history_m2m_fields:  # noqa: SLF001  the library's
        keys: dict[Any, set[Any]] = defaultdict(set)
        column = f"{relation.m2m_reverse_field_name()}_id"
        rows = getattr(kind.history, relation.name).model.objects.filter(history__in=list(states))
        for owner, key in rows.values_list("history_id", column) if states else ():
            keys[owner].add(key)
        for owner, state in states.items():
            state[relation.name] = frozenset(keys[owner])
    return dict(states)


def state_of(kind: Kind, row: Any) -> State:
    """What a row says now."""
    state = {each.name: getattr(row, each.attname) for each in kind.history.tracked_fields}
    for relation in kind.history._history_m2m_fields:  # noqa: SLF001  the library's
        related = getattr(row, relation.name).values_list("pk", flat=True)
        state[relation.name] = frozenset(related) if row.pk else frozenset()
    return state


# --- What was before -----------------------------------------------------------------------------------------------


def _earlier(kind: Kind, records: Sequence[Any]) -> dict[Any, Any]:
    """The record before each one, of the same row, by the later one's key. Two queries."""
    later = [record.history_id for record in records if record.history_type != "+"]
    if not later:
        return {}
    history = kind.history
    same = history.objects.filter(**{kind.key: OuterRef(kind.key)})
    before = same.filter(
        Q(history_date__lt=OuterRef("history_date"))
        | Q(history_date=OuterRef("history_date"), history_type="+")
        | Q(history_date=OuterRef("history_date"), history_id__lt=OuterRef("history_id"))
    )
    newest = before.exclude(history_id=OuterRef("history_id")).order_by(*NEWEST_FIRST).values("history_id")[:1]
    pairs = dict(history.objects.filter(history_id__in=later).order_by().values_list("history_id", Subquery(newest)))
    found = history.objects.in_bulk([key for key in pairs.values() if key])
    return {key: found[earlier] for key, earlier in pairs.items() if earlier in found}


def _versions(kind: Kind, records: Sequence[Any], **wanted: Any) -> list[Any]:
    """Records of the other versions of what these are about. One query."""
    column = kind.versions[0]
    values = {getattr(record, column) for record in records}
    return list(kind.history.objects.filter(**{f"{column}__in": values}, **wanted).order_by("history_date"))


def _version_of(kind: Kind, record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, column) for column in kind.versions)


def _succeeded(kind: Kind, records: Sequence[Any]) -> dict[Any, Any]:
    """For each record of an added row that goes on where another version ended: the latest record of that one."""
    added = [record for record in records if record.history_type == "+"]
    if not kind.versions or not added:
        return {}
    ended = _versions(kind, added, ends_at__in={record.starts_at for record in added})
    by_end = {(_version_of(kind, row), row.ends_at): row for row in ended if row.history_type != "-"}
    pairs = {record.history_id: by_end.get((_version_of(kind, record), record.starts_at)) for record in added}
    return {key: row for key, row in pairs.items() if row is not None}


def _told_elsewhere(kind: Kind, records: Sequence[Any], earlier: Mapping[Any, Any]) -> set[Any]:
    """Records that say no more than that a version ended for another, whose own record says it all."""
    ended = [record for record in records if _is_end(kind, record, earlier.get(record.history_id))]
    if not ended:
        return set()
    came = _versions(kind, ended, history_type="+", starts_at__in={record.ends_at for record in ended})
    starts = defaultdict(list)
    for row in came:
        starts[_version_of(kind, row), row.starts_at].append(row.history_date)
    return {
        record.history_id
        for record in ended
        if any(abs(at - record.history_date) < ABOUT_NOW for at in starts[_version_of(kind, record), record.ends_at])
    }


def _is_end(kind: Kind, record: Any, earlier: Any) -> bool:
    """Whether a record says that a dated row got another end, and nothing else."""
    if not kind.versions or record.history_type != "~" or earlier is None or record.ends_at is None:
        return False
    columns = [each.attname for each in record.tracked_fields]
    return [name for name in columns if getattr(record, name) != getattr(earlier, name)] == ["ends_at"]


# --- Telling -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """All that is needed to tell some records of one table."""

    kind: Kind
    earlier: Mapping[Any, Any]
    successors: Collection[Any]
    """The keys of records with which a row went on where another version ended."""
    states: Mapping[Any, State]
    names: Names


def tell(kind: Kind, records: Sequence[Any], seen_in: Stores = EVERYWHERE) -> list[Entry]:
    """The records in words, in their order; what another record tells as well is left out.

    No other stores are named than those that the reader sees.
    """
    own, ended = _earlier(kind, records), _succeeded(kind, records)
    open_still = _earlier(kind, list(ended.values()))
    earlier = {**own, **{key: open_still.get(row.history_id, row) for key, row in ended.items()}}
    states = states_of(kind, [*records, *earlier.values()])
    names = Names((mention for state in states.values() for mention in kind.mentions(state)), seen_in)
    read = _Read(kind, earlier, ended.keys(), states, names)
    hidden = _told_elsewhere(kind, records, own)
    return [_entry(read, record) for record in records if record.history_id not in hidden]


def _entry(read: _Read, record: Any) -> Entry:
    kind, earlier = read.kind, read.earlier.get(record.history_id)
    state = read.states[record.history_id]
    before = read.states[earlier.history_id] if earlier is not None else None
    if record.history_id in read.successors and before is not None:
        before = {**before, "starts_at": state["starts_at"]}
    lines = [] if record.history_type == "-" else list(compare(kind, before, state, read.names))
    if record.history_id in read.successors and state["starts_at"] > record.history_date + ABOUT_NOW:
        lines.append(Line("From", "", on_clock(state["starts_at"], kind.zone(state, read.names))))
    when = on_clock(record.history_date, kind.zone(state, read.names))
    return Entry(kind, record, kind.subject(state, read.names), _did(record, before, state), when, tuple(lines))


def _did(record: Any, before: State | None, state: State) -> str:
    if record.history_type == "-":
        return "took away"
    if record.history_type == "+" and before is None:
        return "added"
    end = state.get("ends_at")
    ended = record.history_type == "~" and before is not None and before.get("ends_at") != end
    return "ended" if ended and end and end <= record.history_date + ABOUT_NOW else "changed"


def compare(kind: Kind, before: State | None, after: State, names: Names) -> Iterator[Line]:
    """The fields that differ; all that say something, when there was nothing before."""
    for each in kind.fields():
        if before is None:
            old, new = "", kind.say(each, after, names)
            differs = bool(new)
        else:
            differs = before[each.name] != after[each.name]
            old, new = (kind.say(each, state, names) if differs else "" for state in (before, after))
        if differs:
            sides = (old, new) if before is None else (old or "—", new or "—")
            yield Line(kind.label(each, after), *(_shortened(each, before, after, names) or sides))


def _shortened(each: AnyField, before: State | None, after: State, names: Names) -> tuple[str, str] | None:
    """Of long lists, what came and what went."""
    if before is None or not isinstance(each, ManyToManyField):
        return None
    old, new = before[each.name], after[each.name]
    if max(len(old), len(new)) <= MOST_NAMES:
        return None
    model: Any = each.related_model

    def named(word: str, keys: frozenset[Any]) -> list[str]:
        return [f"{word} {listed(sorted(names.name(model, key) for key in keys), most=MOST_NAMES)}"] if keys else []

    changes = [*named("with", new - old), *named("without", old - new)]
    return counted(
        len(old), "entry", "entries"
    ), f"{counted(len(new), 'entry', 'entries')}, now {' and '.join(changes)}"
