"""The sandbox that plays Amazon, as a process of its own, and what a test asks of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.journeys.carts import Cart
from tests.journeys.processes import Process, free_port, until
from tests.journeys.wire import SECRET, call

ACCESS_KEY, SECRET_KEY, REGION = "AKIAJOURNEYS00000001", "journeys+secret/key+0123456789abcdefghij", "us-east-1"
READY_WITHIN = 30.0


class Amazon:
    """The stand-in for Amazon on a port of its own. It remembers its trips and orders in a file."""

    def __init__(self, folder: Path, store_file: Path, product_url: str, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        command = ["-m", "tests.sandbox", "serve", "--port", str(self.port), "--product", product_url]
        command += ["--store-file", str(store_file), "--state", str(folder / "sandbox.jsonl"), *options]
        self.process = Process("sandbox", command, folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start(
            {
                "SANDBOX_CONNECTOR_SECRET": SECRET,
                "SANDBOX_ACCESS_KEY": ACCESS_KEY,
                "SANDBOX_SECRET_KEY": SECRET_KEY,
                "SANDBOX_REGION": REGION,
            }
        )
        until(self._answers, READY_WITHIN, "the sandbox answers")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("GET", "health")["status"] == "ok")
        except OSError:
            return False

    def ask(self, method: str, target: str, document: Any = None) -> Any:
        """Its control API; AssertionError with its words when it does not like the question."""
        body = None if document is None else json.dumps(document).encode()
        answer = call(self.url, method, f"/control/{target}", body, {"Content-Type": "application/json"})
        assert answer.status == 200, answer.body.decode()
        return answer.json()

    # What happens at its doors

    def expect(self, carts: Sequence[Cart], run: str | None = None) -> None:
        """Know these trips, as if their shoppers had walked out; the test sends the carts itself."""
        told = self.ask("POST", "trips", {"carts": list(carts)} | ({"run": run} if run else {}))
        assert told == {"registered": len(carts)}

    def walk_out(self, store_id: str, *items: tuple[str, str], manner: str | None = None) -> Any:
        """A shopper leaves: the sandbox sends the cart. Its trip id and the product's answers."""
        basket = [{"sku": sku, "quantity": quantity} for sku, quantity in items]
        return self.ask("POST", "walk-out", {"store_id": store_id, "basket": basket, "manner": manner})

    def repeat(self) -> Any:
        """Send the last cart once more, byte for byte."""
        return self.ask("POST", "repeat", {})

    def misbehave(self, mode: str, **more: Any) -> int:
        """From now on, as often and for the trip as said; gives the number of the switch."""
        return int(self.ask("POST", "misbehaviour", {"mode": mode, **more})["id"])

    def behave(self, number: int | None = None) -> None:
        """Turn one switch off, or all."""
        self.ask("DELETE", "misbehaviour" if number is None else f"misbehaviour?id={number}")

    # What it knows of the catalog

    def catalog(self, ingestions: int = 1_000) -> Any:
        """Stores, settings, the latest ingestions with their calls, the calls that are of none, subscription, queue."""
        return self.ask("GET", f"catalog?limit={ingestions}")

    def set_catalog(self, **settings: Any) -> None:
        self.ask("POST", "catalog", settings)

    def items(self, **wanted: str) -> list[Any]:
        """Every item that it has ever taken or refused, by store."""
        asked = "&".join(f"{name}={quote(value)}" for name, value in wanted.items())
        items: list[Any] = self.ask("GET", f"items?{asked}")["items"]
        return items

    def finish(self, ingestion_id: str, status: str = "DONE") -> None:
        """End an ingestion now, whatever its switch says."""
        self.ask("POST", "ingestions", {"ingestion_id": ingestion_id, "status": status})

    def put_on_queue(self, body: str, times: int = 1) -> None:
        """A message with exactly this body."""
        self.ask("POST", "messages", {"body": body, "times": times})

    def ask_to_confirm(self) -> None:
        """Put a new confirmation of the subscription on the queue."""
        self.ask("POST", "subscription", {})

    # What it knows of trips

    def trip(self, trip_id: str) -> Any:
        """Everything about one trip."""
        (trip,) = self.ask("GET", f"trips?trip_id={quote(trip_id)}")["trips"]
        return trip

    def trips(self, run: str) -> dict[str, Any]:
        """The trips of a run by their id, in short."""
        return {trip["trip_id"]: trip for trip in self.ask("GET", f"trips?run={quote(run)}")["trips"]}

    def ledger(self, run: str | None = None) -> Any:
        return self.ask("GET", f"ledger?run={quote(run)}" if run else "ledger")
