"""What can be proposed: a row added, changed or ended; many prices changed, imported, or put back as they were."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from catalog.lists.keeping import NothingChanged
from catalog.models import Product, Store
from jwo_store.setting_back import Made, note
from jwo_store.telling import KINDS, Kind, Line, Names, State, compare, state_of
from jwo_store.words import counted, on_clock
from pricing import bulk, promotions
from pricing.four_eyes import ACTS, Described, Overtaken, StoreIds
from pricing.lists import imports
from pricing.lists.entries import Where
from pricing.models import SAVING_TIME, PriceChange, PriceList, Promotion
from pricing.promotion_words import Wording, in_words
from pricing.proposed import Proposal, ProposedAct

CHANGED_MEANWHILE = "It was changed meanwhile. Look at it as it is now, and propose it again if it is still wanted."

Related = Mapping[str, Iterable[Any]]


# --- States in JSON ------------------------------------------------------------------------------------------------


def encoded(state: State | None) -> dict[str, Any] | None:
    return None if state is None else {name: _plain(value) for name, value in state.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(str(each) for each in value)
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo("UTC")).isoformat()
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if isinstance(value, UUID) else value


def decoded(kind: Kind, plain: Mapping[str, Any] | None) -> State | None:
    if plain is None:
        return None
    state: dict[str, Any] = {each.name: each.to_python(plain[each.name]) for each in kind.history.tracked_fields}
    for each in kind.model._meta.many_to_many:
        state[each.name] = frozenset(each.related_model._meta.pk.to_python(key) for key in plain[each.name])
    return state


# --- One row -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowAct:
    """One dated row added, changed (what is in force is succeeded) or ended, as `Dated` does it."""

    act: str
    model: str
    before: State | None
    after: State
    is_back_dated: bool = False
    """A start in the past is meant; else it starts when it is done, or later."""

    @classmethod
    def adding(cls, row: Any, related: Related, *, now: datetime) -> Self:
        kind = KINDS[type(row)]
        after = {**_columns(kind, row), **_keys(kind, related)}
        start = after["starts_at"]
        is_back_dated = start is not None and start < now - SAVING_TIME
        return cls(ProposedAct.ADD, _name(kind), None, after, is_back_dated)

    @classmethod
    def changing(cls, row: Any, related: Related) -> Self:
        """From what is stored to what this (edited, unsaved) row says."""
        kind = KINDS[type(row)]
        before = state_of(kind, type(row)._default_manager.get(pk=row.pk))  # noqa: SLF001
        kept = {each.name: before[each.name] for each in kind.model._meta.many_to_many}
        after = {**kept, **_columns(kind, row), **_keys(kind, related)}
        return cls(ProposedAct.CHANGE, _name(kind), before, after)

    @classmethod
    def ending(cls, row: Any, *, now: datetime) -> Self:
        kind = KINDS[type(row)]
        before = state_of(kind, row)
        return cls(ProposedAct.END, _name(kind), before, {**before, "ends_at": now})

    @property
    def kind(self) -> Kind:
        return KINDS[apps.get_model("pricing", self.model)]

    @property
    def changes_something(self) -> bool:
        """A draft holds nowhere, whatever it says."""
        return self.before != self.after and self.after["starts_at"] is not None

    @property
    def stores(self) -> StoreIds:
        ids: set[str] = set()
        for state in (self.before, self.after):
            own = frozenset() if state is None else _stores_of(state)
            if own is None:
                return None
            ids |= own
        return frozenset(ids)

    def describe(self) -> Described:
        kind = self.kind
        states = [state for state in (self.before, self.after) if state is not None]
        names = Names(mention for state in states for mention in kind.mentions(state))
        lines = [line for line in compare(kind, self.before, self.after, names) if not self._starts(line)]
        if self.act == ProposedAct.END:
            ends = self.before["ends_at"] if self.before else None
            lines = [Line("Ends", on_clock(ends, kind.zone(self.after, names)), "when it is approved")]
        return Described(kind.subject(self.after, names), tuple(lines), self._sentence())

    def _starts(self, line: Line) -> bool:
        """Whether a line says a start that is only the moment at which it was entered."""
        soon = self.after["starts_at"] <= timezone.now() + SAVING_TIME  # `submit` takes no drafts
        return line.what == "Starts" and soon and not self.is_back_dated

    def _sentence(self) -> str:
        if self.model != "promotion" or self.act == ProposedAct.END:
            return ""
        promotion = _filled(Promotion(), self.kind, self.after)
        stores = Store.objects.filter(pk__in=self.after["stores"])
        return in_words(promotion, Wording.of([promotion]), stores=stores)

    def plan(self) -> Mapping[str, Any]:
        return {
            "before": encoded(self.before),
            "after": encoded(self.after),
            "is_back_dated": self.is_back_dated,
        }

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        kind = KINDS[apps.get_model("pricing", proposal.model)]
        plan = proposal.plan
        if plan["before"] is not None:
            row = kind.model._default_manager.filter(pk=plan["before"]["id"]).first()  # noqa: SLF001
            if row is None or encoded(state_of(kind, row)) != plan["before"]:
                raise Overtaken(CHANGED_MEANWHILE)
        before, after = decoded(kind, plan["before"]), decoded(kind, plan["after"])
        if after is None:  # never so: every act has one
            raise Overtaken(CHANGED_MEANWHILE)
        return cls(proposal.act, proposal.model, before, after, plan["is_back_dated"])

    # -- doing

    def do(self, made: Made) -> Any:
        with transaction.atomic():
            if self.act == ProposedAct.ADD:
                return self._add(made)
            row = self._stored(made)
            if self.act == ProposedAct.END:
                row.end(now=made.now)
                return row
            started = row.was_in_force(made.now)
            _filled(row, self.kind, self.after)
            if not started:
                row.starts_at = max(row.starts_at, made.now)
            row.clean_fields(exclude=["id"])
            row.clean()
            return row.revise(now=made.now, related=self._related())

    def _add(self, made: Made) -> Any:
        row = _filled(self.kind.model(), self.kind, self.after)
        if not self.is_back_dated:
            row.starts_at = max(row.starts_at, made.now)
        note(row, made)
        row.full_clean()
        row.save()
        row._relate(self._related())
        return row

    def _stored(self, made: Made) -> Any:
        key = self.after["id"]
        row = self.kind.model._default_manager.get(pk=key)  # noqa: SLF001
        note(row, made)
        return row

    def _related(self) -> dict[str, list[Any]]:
        many = self.kind.model._meta.many_to_many
        return {
            each.name: list(each.related_model._default_manager.filter(pk__in=self.after[each.name]))  # noqa: SLF001
            for each in many
        }


def _name(kind: Kind) -> str:
    return kind.model._meta.model_name or ""


def _columns(kind: Kind, row: Any) -> dict[str, Any]:
    return {each.name: getattr(row, each.attname) for each in kind.history.tracked_fields}


def _keys(kind: Kind, related: Related) -> dict[str, frozenset[Any]]:
    named = {name: frozenset(row.pk for row in rows) for name, rows in related.items()}
    return {each.name: named[each.name] for each in kind.model._meta.many_to_many if each.name in named}


def _filled(row: Any, kind: Kind, state: State) -> Any:
    """The row with the columns of this state, but for its key."""
    for each in kind.history.tracked_fields:
        if not each.primary_key:
            setattr(row, each.attname, state[each.name])
    return row


def _stores_of(state: State) -> StoreIds:
    if "store" in state:
        return None if state["store"] is None else frozenset({state["store"]})
    return None if state["all_stores"] else frozenset(state["stores"])


# --- What is done with promotions by a button ----------------------------------------------------------------------


class Move(StrEnum):
    PUBLISH = "Publish"
    STOP = "Stop now"
    UNDO_STOP = "Undo the stop"
    END_EARLY = "End early"
    BACK_TO_DRAFT = "Back to draft"


@dataclass(frozen=True, slots=True)
class MoveAct:
    """One of the moves of `pricing.promotions`."""

    move: Move
    promotion: Promotion
    at: datetime | None = None
    """When it is to end early."""

    act = ProposedAct.MOVE
    model = "promotion"

    @property
    def stores(self) -> StoreIds:
        promotion = self.promotion
        return None if promotion.all_stores else frozenset(promotion.stores.values_list("pk", flat=True))

    def describe(self) -> Described:
        promotion = self.promotion
        end = Line("Ends", on_clock(promotion.ends_at, promotion.zone), on_clock(self.at, promotion.zone))
        lines = {
            Move.PUBLISH: Line("State", "Draft", f"Published, from {self._start()}"),
            Move.STOP: Line("State", "Live", "Stopped when this is approved"),
            Move.UNDO_STOP: Line("State", "Stopped", "Live again when this is approved"),
            Move.END_EARLY: end,
            Move.BACK_TO_DRAFT: Line("State", "Scheduled", "Draft when this is approved"),
        }
        sentence = in_words(promotion, Wording.of([promotion]))
        return Described(f"promotion {promotion}: {self.move.lower()}", (lines[self.move],), sentence)

    def _start(self) -> str:
        planned = self.promotion.planned_start
        return on_clock(planned, self.promotion.zone) if planned else "when this is approved"

    def plan(self) -> Mapping[str, Any]:
        state = state_of(KINDS[Promotion], self.promotion)
        return {"move": self.move.name, "before": encoded(state), "at": self.at.isoformat() if self.at else None}

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        plan = proposal.plan
        row = Promotion.objects.select_related("stop").filter(pk=plan["before"]["id"]).first()
        if row is None or encoded(state_of(KINDS[Promotion], row)) != plan["before"]:
            raise Overtaken(CHANGED_MEANWHILE)
        return cls(Move[plan["move"]], row, datetime.fromisoformat(plan["at"]) if plan["at"] else None)

    def do(self, made: Made) -> Any:
        note(self.promotion, made)
        match self.move:
            case Move.PUBLISH:
                promotions.publish(self.promotion, now=made.now)
            case Move.STOP:
                promotions.stop(self.promotion, now=made.now, by=made.by, reason=made.reason)
            case Move.UNDO_STOP:
                return promotions.undo_stop(self.promotion, now=made.now, by=made.by, reason=made.reason)
            case Move.END_EARLY:
                promotions.end_early(self.promotion, at=self.at or made.now, now=made.now)
            case Move.BACK_TO_DRAFT:
                promotions.back_to_draft(self.promotion, now=made.now)
        return self.promotion

    def try_out(self, made: Made) -> None:
        """Raises what `do` would raise, and changes nothing."""
        with transaction.atomic():
            replace(self, promotion=copy(self.promotion)).do(made)
            transaction.set_rollback(True)


# --- Many prices ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ManyAct:
    """A change of many prices, as it was looked at (see `pricing.bulk`)."""

    skus: tuple[str, ...]
    change: bulk.Change
    seen: str
    is_from_now: bool

    act = ProposedAct.MANY
    model = "pricechange"

    @property
    def stores(self) -> StoreIds:
        return frozenset({self.change.store.pk}) if self.change.store else None

    def describe(self) -> Described:
        planned = bulk.plan(self._products(), self.change)
        lines = [Line(str(row.product), f"{row.before:.2f}", f"{row.after:.2f}") for row in planned.rows]
        return Described(f"{counted(len(planned.rows), 'price')}, {self.change.words()}", tuple(lines))

    def _products(self) -> Any:
        return Product.objects.filter(pk__in=self.skus)

    def plan(self) -> Mapping[str, Any]:
        change = self.change
        return {
            "skus": list(self.skus),
            "seen": self.seen,
            "how": change.how.value,
            "by": str(change.by),
            "ending": change.ending,
            "store": change.store.pk if change.store else None,
            "starts_at": None if self.is_from_now else change.starts_at.isoformat(),
            "temporary": change.temporary,
            "ends_at": change.ends_at.isoformat() if change.ends_at else None,
        }

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        plan, moment = proposal.plan, datetime.fromisoformat
        change = bulk.Change(
            how=bulk.How(plan["how"]),
            by=Decimal(plan["by"]),
            ending=plan["ending"],
            store=Store.objects.get(pk=plan["store"]) if plan["store"] else None,
            starts_at=moment(plan["starts_at"]) if plan["starts_at"] else timezone.now(),
            temporary=plan["temporary"],
            ends_at=moment(plan["ends_at"]) if plan["ends_at"] else None,
        )
        return cls(tuple(plan["skus"]), change, plan["seen"], plan["starts_at"] is None)

    def do(self, made: Made) -> Any:
        if not self.is_from_now and self.change.starts_at < made.now - SAVING_TIME:
            raise Overtaken("The moment from which these prices were to hold is past. Propose it again.")
        noted = bulk.Made(by=made.by, now=made.now, reason=made.reason)
        try:
            return bulk.change_prices(bulk.plan(self._products(), self.change), noted, seen=self.seen)
        except bulk.Otherwise as otherwise:
            raise Overtaken("Some of these prices were changed meanwhile. Propose it again.") from otherwise


@dataclass(frozen=True, slots=True)
class ListAct:
    """A list of prices from a file, as it was looked at (see `pricing.lists.imports`)."""

    attached: bytes
    """Its packed rows: the list itself waits for its owner alone, and not for long."""
    file_name: str
    row_count: int
    seen: str
    store_ids: StoreIds
    lines: tuple[Line, ...] = ()

    act = ProposedAct.LIST
    model = "pricechange"

    @property
    def stores(self) -> StoreIds:
        return self.store_ids

    def describe(self) -> Described:
        return Described(f"{counted(len(self.lines), 'price')} from the list {self.file_name}", self.lines)

    def plan(self) -> Mapping[str, Any]:
        return {"file_name": self.file_name, "row_count": self.row_count, "seen": self.seen}

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        plan = proposal.plan
        ids = None if proposal.all_stores else frozenset(proposal.stores.values_list("pk", flat=True))
        return cls(bytes(proposal.attached or b""), plan["file_name"], plan["row_count"], plan["seen"], ids)

    def do(self, made: Made) -> Any:
        noted = bulk.Made(by=made.by, now=made.now, reason=made.reason)
        try:
            with transaction.atomic():
                kept = self._kept(made)
                found = imports.look(kept, everywhere(), now=made.now)
                return imports.apply(kept, found, noted, seen=self.seen, large_is_meant=True)
        except NothingChanged as refused:
            raise Overtaken(str(refused)) from refused

    def _kept(self, made: Made) -> PriceList:
        """The list as it stood when it was looked at; applying takes it away."""
        return PriceList.objects.create(
            owner=made.by,
            file_name=self.file_name,
            packed=self.attached,
            row_count=self.row_count,
            uploaded_at=made.now,
            expires_at=made.now + SAVING_TIME,
        )


def everywhere() -> Where:
    """All stores: what was proposed was within the proposer's own already."""
    stores = {store.pk: (store.name, store.zone) for store in Store.objects.all()}
    return Where(stores, ZoneInfo(timezone.get_current_timezone_name()), everywhere=True)


@dataclass(frozen=True, slots=True)
class UndoAct:
    """A change of many prices undone as a whole."""

    change: PriceChange

    act = ProposedAct.UNDO
    model = "pricechange"

    @property
    def stores(self) -> StoreIds:
        ids = set(self.change.changed.order_by().values_list("store_id", flat=True).distinct())
        return None if None in ids else frozenset(ids)

    def describe(self) -> Described:
        rows = self.change.changed.select_related("product")
        lines = [
            Line(str(row.product), f"{row.after:.2f}", "—" if row.before is None else f"{row.before:.2f}")
            for row in rows
        ]
        return Described(f"{self.change}", tuple(lines))

    def plan(self) -> Mapping[str, Any]:
        return {"change": self.change.pk}

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        return cls(PriceChange.objects.get(pk=proposal.plan["change"]))

    def do(self, made: Made) -> Any:
        """How many prices stay as they are; the reason is that of the change."""
        return bulk.undo(self.change, by=made.by, now=made.now)


ACTS |= {
    ProposedAct.ADD: RowAct,
    ProposedAct.CHANGE: RowAct,
    ProposedAct.END: RowAct,
    ProposedAct.MANY: ManyAct,
    ProposedAct.LIST: ListAct,
    ProposedAct.UNDO: UndoAct,
    ProposedAct.MOVE: MoveAct,
}
