"""What a load run tells: latencies, orders, money, and every trip that went wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TROUBLES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending one cart; `due_at` is when it had to be sent, in seconds since 1970."""

    trip_id: str
    due_at: float
    seconds: float
    status: int | None
    repeats: int

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Report:
    run: str
    pace: str
    product_url: str
    sending_seconds: float
    outcomes: Sequence[Outcome]
    trips: Sequence[dict[str, Any]]
    ledger: dict[str, Any]

    @property
    def answers(self) -> dict[str, int]:
        return dict(Counter("no answer" if one.status is None else str(one.status) for one in self.outcomes))

    @property
    def latencies(self) -> list[float]:
        """How long each cart that was due waited for its answer, in milliseconds, shortest first."""
        return sorted(one.seconds * 1000 for one in self.outcomes if one.status is not None)

    @property
    def order_times(self) -> list[float]:
        """From the moment a cart was due to its charge, in milliseconds, shortest first."""
        due = {one.trip_id: one.due_at for one in self.outcomes}
        return sorted((trip["ordered_at"] - due[trip["trip_id"]]) * 1000 for trip in self.trips if trip["ordered_at"])

    @property
    def troubles(self) -> list[str]:
        """Everything that is not one order for each filled cart and none for an empty one."""
        unanswered = [f"{one.trip_id}: answered {one.status}" for one in self.outcomes if not one.is_accepted]
        return unanswered + [words for trip in self.trips if (words := _trouble_of(trip))]

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "clean": not self.troubles,
            "sending_seconds": round(self.sending_seconds, 3),
            "sent_per_second": round(len(self.outcomes) / self.sending_seconds, 1),
            "answers": self.answers,
            "repeats": sum(one.repeats for one in self.outcomes),
            "create_purchases_ms": percentiles(self.latencies),
            "walk_out_to_order_ms": percentiles(self.order_times),
            "ledger": self.ledger,
            "troubles": len(self.troubles),
            "first_troubles": self.troubles[:TROUBLES_SHOWN],
        }

    def as_text(self) -> str:
        told, counts = self.as_json(), self.ledger
        filled = counts["trips"] - counts["empty"]
        lines = [
            f"{counts['trips']} carts to {self.product_url}, {self.pace} (run {self.run})",
            f"  sent                {told['sending_seconds']} s, {told['sent_per_second']} a second",
            f"  answers             {_counts_text(self.answers)}; sent again {told['repeats']}",
            f"  Create Purchases    {_percentiles_text(told['create_purchases_ms'])}",
            f"  walk-out to order   {_percentiles_text(told['walk_out_to_order_ms'])}",
            f"  trips               {filled} with goods, {counts['empty']} empty",
            f"  orders              {counts['orders']}, refused {counts['refused']}, waiting {counts['waiting']}",
            f"  refusals            {_counts_text(counts['refusals'])}",
            f"  checkout calls      {_counts_text(counts['calls_by_status'])}",
            f"  never two at once   {_kept(counts['overlapping_calls'], 'calls overlapped')}",
            f"  same bytes always   {_kept(counts['trips_with_different_bodies'], 'trips had different ones')}",
            f"  charges             {counts['charges']}, in all {_amounts_text(counts['charged'])}",
        ]
        troubles = self.troubles
        lines += [f"  ! {trouble}" for trouble in troubles[:TROUBLES_SHOWN]]
        left_out = len(troubles) - TROUBLES_SHOWN
        lines += [f"  ! and {left_out} more"] if left_out > 0 else []
        return "\n".join([*lines, "Something is wrong." if troubles else "Every cart has its one order."])


def _trouble_of(trip: dict[str, Any]) -> str | None:
    wanted = 1 if trip["lines"] else 0
    if trip["refusal"]:
        return f"{trip['trip_id']}: refused, {trip['refusal']['name']}: {trip['refusal']['message']}"
    if trip["state"] == "waiting":
        return f"{trip['trip_id']}: still without an order"
    if len(trip["order_ids"]) != wanted or trip["charges"] != wanted:
        return f"{trip['trip_id']}: {len(trip['order_ids'])} orders, {trip['charges']} charges"
    return None


def percentiles(ascending: Sequence[float]) -> dict[str, float] | None:
    """Nearest-rank percentiles of what is sorted already; None of nothing."""
    if not ascending:
        return None
    ranks = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return {name: round(ascending[-(-percent * len(ascending) // 100) - 1], 1) for name, percent in ranks.items()}


def _percentiles_text(figures: dict[str, float] | None) -> str:
    return "  ".join(f"{name} {value} ms" for name, value in figures.items()) if figures else "-"


def _counts_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"


def _kept(breaches: int, words: str) -> str:
    return f"no: {breaches} {words}" if breaches else "yes"


def _amounts_text(amounts: dict[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items()) or "nothing"
