"""What Amazon knows of the catalog: the items by store, and every ingestion with its calls.

Every change is an event that is first written to the journal and then applied, as in the book of trips. Times are
seconds since 1970.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from threading import RLock
from typing import Any

from tests.sandbox.catalog_modes import ARCHIVE
from tests.sandbox.catalog_requests import Item
from tests.sandbox.item_rules import Failure, Failures, RowKey, key_of
from tests.sandbox.journal import Appliers, Event, Journal

INQUEUE, INPROGRESS, DONE, CANCELLED, FATAL = "INQUEUE", "INPROGRESS", "DONE", "CANCELLED", "FATAL"
ENDS = frozenset({DONE, CANCELLED, FATAL})
LIVE, ARCHIVED, REFUSED = "live", "archived", "refused"
PENDING, COMPLETE, UNASKED = "Pending", "Complete", "Unknown"  # the words of the Merchant Portal
FAILURES_TOLD = 100


@dataclass(slots=True)
class Holding:
    """An item as Amazon holds it for one store."""

    document: Item
    ingestion_id: str
    archived: bool = False

    @property
    def state(self) -> str:
        return ARCHIVED if self.archived else LIVE


@dataclass(frozen=True, slots=True)
class CatalogCall:
    """One call to the Catalog API; no status means that the answer was lost."""

    at: float
    call: str
    sha256: str
    status: int | None
    error: str | None
    mode: str | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What a switch has in store for an ingestion."""

    mode: str
    word: str | None = None
    failed_share: float | None = None


@dataclass(slots=True)
class Ingestion:
    """One upload or archive call that was taken in. `key` is its report's name in the link."""

    ingestion_id: str
    key: str
    kind: str
    items: list[Item]  # of an upload; let go once they are taken over
    rows: list[RowKey]
    fate: Fate | None
    taken_at: float
    status: str = INQUEUE
    finished_at: float | None = None
    failures: Failures = field(default_factory=dict)
    calls: list[CatalogCall] = field(default_factory=list)

    @property
    def stores(self) -> set[str]:
        """The stores of its items; an archive call is of none."""
        return {store_id for _, store_id in self.rows} - {""}

    @property
    def is_open(self) -> bool:
        return self.status not in ENDS

    def as_json(self) -> dict[str, Any]:
        failed = len(self.failures)
        return {
            "ingestion_id": self.ingestion_id,
            "kind": self.kind,
            "status": self.status,
            "mode": self.fate.mode if self.fate else None,
            "items": len(self.rows),
            "failed": failed,
            "failures": [_failure_json(key, one) for key, one in list(self.failures.items())[:FAILURES_TOLD]],
            "taken_at": self.taken_at,
            "finished_at": self.finished_at,
            "calls": [asdict(call) for call in self.calls],
        }


def _failure_json(key: RowKey, failure: Failure) -> dict[str, str]:
    return {"sku": key[0], "store_id": key[1], "code": failure.code, "message": failure.message}


class CatalogBook:
    """Knows items and ingestions. Safe for many threads; each change is whole or not at all."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = RLock()
        self.appliers: Appliers = {
            "ingestion": self._apply_ingestion,
            "ingestion_status": self._apply_status,
            "catalog_call": self._apply_call,
            "subscription": self._apply_subscription,
            "catalog_reset": self._apply_reset,
        }
        self.subscription = UNASKED
        self._forget()

    # What happened

    def take_in(
        self, kind: str, fate: Fate | None, *, items: list[Item] | None = None, skus: Iterable[str] = ()
    ) -> str:
        """Know a new ingestion, of items or of SKUs to archive; its ID."""
        ingestion_id = f"{secrets.token_hex(16)}-{secrets.token_hex(8)}"
        self._happened(
            {
                "event": "ingestion",
                "ingestion_id": ingestion_id,
                "key": secrets.token_hex(20),
                "kind": kind,
                "items": items or [],
                "skus": list(skus),
                "fate": asdict(fate) if fate else None,
            }
        )
        return ingestion_id

    def moved(self, ingestion_id: str, status: str, failures: Failures | None = None) -> None:
        """Note an ingestion's new status; at DONE everything but the failed rows is taken over."""
        rows = [[*key, one.code, one.message] for key, one in (failures or {}).items()]
        self._happened({"event": "ingestion_status", "ingestion_id": ingestion_id, "status": status, "failures": rows})

    def called(self, call: str, ingestion_id: str | None, **words: Any) -> None:
        """Note a call, under its ingestion if it has one."""
        self._happened({"event": "catalog_call", "call": call, "ingestion_id": ingestion_id, **words})

    def subscribed(self, status: str) -> None:
        self._happened({"event": "subscription", "status": status})

    def reset(self) -> None:
        """Forget items and ingestions; a subscription stays."""
        self._happened({"event": "catalog_reset"})

    # What is known

    def find(self, ingestion_id: str) -> Ingestion | None:
        return self._ingestions.get(ingestion_id)

    def find_report(self, key: str) -> Ingestion | None:
        """The ingestion whose report has this name."""
        return self._by_key.get(key)

    def latest(self, limit: int) -> list[Ingestion]:
        with self._lock:
            return list(self._ingestions.values())[: -limit - 1 : -1]

    def unfinished(self) -> list[Ingestion]:
        with self._lock:
            return [ingestion for ingestion in self._ingestions.values() if ingestion.is_open]

    def holdings(self, sku: str) -> list[Holding]:
        """The item as it stands in each store that has it."""
        with self._lock:
            return [shelf[sku] for shelf in self._holdings.values() if sku in shelf]

    def states(self) -> dict[str, Counter[str]]:
        """How many items each store has live, archived and refused when they were last sent."""
        with self._lock:
            counts = {
                store_id: Counter(one.state for one in shelf.values()) for store_id, shelf in self._holdings.items()
            }
            for _, store_id in self._refusals:
                counts.setdefault(store_id, Counter())[REFUSED] += 1
            return counts

    def items(self) -> Iterator[dict[str, Any]]:
        """Every item that was ever taken over or refused, store by store."""
        with self._lock:
            held = {(sku, store): one for store, shelf in self._holdings.items() for sku, one in shelf.items()}
            refusals = dict(self._refusals)
        for sku, store_id in held.keys() | refusals.keys():
            yield _item_json((sku, store_id), held.get((sku, store_id)), refusals.get((sku, store_id)))

    @property
    def strays(self) -> list[CatalogCall]:
        """The latest calls that belong to no ingestion: refused, or answered by a switch."""
        with self._lock:
            return list(self._strays)

    @property
    def calls(self) -> dict[str, int]:
        """How many calls came of each kind."""
        with self._lock:
            return dict(self._calls)

    # How it is kept

    def _happened(self, event: Event) -> None:
        with self._lock:
            timed = {**event, "at": self._clock()}
            self._journal.append(timed)
            self.appliers[event["event"]](timed)

    def _forget(self) -> None:
        self._holdings: dict[str, dict[str, Holding]] = {}
        self._refusals: dict[RowKey, Failure] = {}
        self._ingestions: dict[str, Ingestion] = {}
        self._by_key: dict[str, Ingestion] = {}
        self._strays: list[CatalogCall] = []
        self._calls: Counter[str] = Counter()

    def _apply_ingestion(self, event: Event) -> None:
        fate, items = event["fate"], event["items"]
        ingestion = Ingestion(
            ingestion_id=event["ingestion_id"],
            key=event["key"],
            kind=event["kind"],
            items=items,
            rows=[key_of(item) for item in items] or [(sku, "") for sku in event["skus"]],
            fate=Fate(**fate) if fate else None,
            taken_at=event["at"],
        )
        self._ingestions[ingestion.ingestion_id] = self._by_key[ingestion.key] = ingestion

    def _apply_status(self, event: Event) -> None:
        ingestion = self._ingestions.get(event["ingestion_id"])
        if ingestion is None:  # forgotten by a reset meanwhile
            return
        ingestion.status = event["status"]
        ingestion.finished_at = None if ingestion.is_open else event["at"]
        if ingestion.status == DONE:
            ingestion.failures = {(sku, store): Failure(*words) for sku, store, *words in event["failures"]}
            self._take_over(ingestion)

    def _take_over(self, ingestion: Ingestion) -> None:
        if ingestion.kind == ARCHIVE:
            self._archive(ingestion)
        else:
            self._upsert(ingestion)
        ingestion.items = []

    def _archive(self, ingestion: Ingestion) -> None:
        for key in ingestion.rows:
            if key not in ingestion.failures:
                for holding in self.holdings(key[0]):
                    holding.archived = True

    def _upsert(self, ingestion: Ingestion) -> None:
        for item in ingestion.items:
            sku, store_id = key = key_of(item)
            if failure := ingestion.failures.get(key):
                self._refusals[key] = failure
                continue
            self._refusals.pop(key, None)
            self._holdings.setdefault(store_id, {})[sku] = Holding(item, ingestion.ingestion_id)

    def _apply_call(self, event: Event) -> None:
        words = (event[name] for name in ("at", "call", "sha256", "status", "error", "mode"))
        call = CatalogCall(*words)
        self._calls[call.call] += 1
        ingestion = self._ingestions.get(event["ingestion_id"])
        if ingestion:
            ingestion.calls.append(call)
        else:
            self._strays = [*self._strays[-FAILURES_TOLD + 1 :], call]

    def _apply_subscription(self, event: Event) -> None:
        self.subscription = event["status"]

    def _apply_reset(self, _event: Event) -> None:
        self._forget()


def _item_json(key: RowKey, holding: Holding | None, refusal: Failure | None) -> dict[str, Any]:
    return {
        "sku": key[0],
        "store_id": key[1],
        "state": holding.state if holding else REFUSED,
        "document": holding.document if holding else None,
        "ingestion_id": holding.ingestion_id if holding else None,
        "refusal": asdict(refusal) if refusal else None,
    }


def report_rows(ingestion: Ingestion) -> list[dict[str, str]]:
    """The rows of an ingestion's report, in the order in which they were sent."""
    return [_report_row(key, ingestion.failures.get(key)) for key in ingestion.rows]


def _report_row(key: RowKey, failure: Failure | None) -> dict[str, str]:
    return {
        "item_sku": key[0],
        "store_id": key[1],
        "status": "FAILED" if failure else "SUCCESS",
        "errorCode": failure.code if failure else "",
        "errorMessage": failure.message if failure else "",
    }


def counts_by_store(states: Mapping[str, Counter[str]], stores: Iterable[str]) -> list[dict[str, Any]]:
    """The counts of every known store, and of any other that has items."""
    names = list(dict.fromkeys([*stores, *states]))
    return [
        {"store_id": name} | {state: states.get(name, Counter())[state] for state in (LIVE, ARCHIVED, REFUSED)}
        for name in names
    ]
