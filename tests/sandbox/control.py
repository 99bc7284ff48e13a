"""The control API: what a person at the page, a load run or a test asks of the sandbox itself. JSON in, JSON out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.book import TripBook
from tests.sandbox.catalog_settings import SettingError
from tests.sandbox.checkout import Checks
from tests.sandbox.connector import Connector
from tests.sandbox.gates import BasketError, Gates
from tests.sandbox.ingestions import UnknownIngestion
from tests.sandbox.ledger import ledger
from tests.sandbox.modes import MODES
from tests.sandbox.shelves import Shelves
from tests.sandbox.switches import Switchboard, SwitchError
from tests.sandbox.trips import CartError, SentCart
from tests.sandbox.wire import Reply, Request, json_reply

Route = Callable[[Request], Reply]
EXPIRES_AFTER = "trip_expires_after"


class ControlError(Exception):
    """A request to the control API that makes no sense; the text says why."""


@dataclass(slots=True)
class Control:
    shelves: Shelves
    book: TripBook
    switchboard: Switchboard
    gates: Gates
    connector: Connector
    checks: Checks
    clock: Callable[[], float] = time.time

    def routes(self) -> dict[tuple[str, str], Route]:
        calls: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/control/health"): self._health,
            ("GET", "/control/connection"): self._connection,
            ("GET", "/control/trips"): self._trips,
            ("POST", "/control/trips"): self._register,
            ("POST", "/control/walk-out"): self._walk_out,
            ("POST", "/control/repeat"): self._repeat,
            ("GET", "/control/misbehaviour"): self._misbehaviour,
            ("POST", "/control/misbehaviour"): self._turn_on,
            ("DELETE", "/control/misbehaviour"): self._turn_off,
            ("GET", "/control/checks"): self._checks,
            ("POST", "/control/checks"): self._set_checks,
            ("GET", "/control/ledger"): self._ledger,
            ("POST", "/control/reset"): self._reset,
        }
        return {address: answering(call) for address, call in calls.items()}

    def _health(self, _request: Request) -> Any:
        return {"status": "ok", "stores": len(self.shelves.stores), "trips": len(self.book.of_run(None))}

    def _connection(self, _request: Request) -> Any:
        return {
            "product": self.connector.product_url,
            "connector_secret": self.connector.secret,
            "caller_arn": self.connector.caller_arn,
            "stores": self.shelves.as_json(datetime.fromtimestamp(self.clock(), UTC)),
        }

    def _trips(self, request: Request) -> Any:
        query = request.query
        if "trip_id" in query:
            trip = self.book.find(query["trip_id"])
            return {"revision": self.book.revision, "trips": [trip.details()] if trip else []}
        revision = self.book.revision  # before the trips are read: what changes meanwhile is told next time
        trips = self.book.changed(run=query.get("run"), after=number(query, "after") or 0, limit=number(query, "limit"))
        return {"revision": revision, "trips": [trip.as_json() for trip in trips]}

    def _register(self, request: Request) -> Any:
        document = _json(request)
        run = request.query.get("run")
        if isinstance(document, dict):
            run, document = document.get("run", run), document.get("carts")
        if not isinstance(document, list) or not isinstance(run, str | None):
            raise ControlError("carts must be a list of Create Purchases bodies, run a text")
        carts = [SentCart.of(json.dumps(cart)) for cart in document]
        return {"registered": self.book.register(carts, run=run)}

    def _walk_out(self, request: Request) -> Any:
        return self.gates.walk_out(json_object(request))

    def _repeat(self, request: Request) -> Any:
        return self.gates.repeat(json_object(request))

    def _misbehaviour(self, _request: Request) -> Any:
        return {
            "modes": [mode.as_json() for mode in MODES.values()],
            "switches": [switch.as_json() for switch in self.switchboard.switches],
        }

    def _turn_on(self, request: Request) -> Any:
        return self.switchboard.turn_on(json_object(request)).as_json()

    def _turn_off(self, request: Request) -> Any:
        self.switchboard.turn_off(number(request.query, "id"))
        return {"switches": [switch.as_json() for switch in self.switchboard.switches]}

    def _checks(self, _request: Request) -> Any:
        return asdict(self.checks)

    def _set_checks(self, request: Request) -> Any:
        document = json_object(request)
        cross_check = document.get("cross_check", self.checks.cross_check)
        expires_after = document.get(EXPIRES_AFTER, self.checks.trip_expires_after)
        if not isinstance(cross_check, bool) or not isinstance(expires_after, int | float | None):
            raise ControlError(f"cross_check must be true or false, {EXPIRES_AFTER} seconds or null")
        self.checks.cross_check = cross_check
        self.checks.trip_expires_after = expires_after
        return asdict(self.checks)

    def _ledger(self, request: Request) -> Any:
        run = request.query.get("run")
        return {"run": run} | ledger(self.book.of_run(run), self.book.strays if run is None else {})

    def _reset(self, request: Request) -> Any:
        json_object(request)
        self.book.reset()
        self.switchboard.turn_off()
        return {"status": "ok"}


def answering(call: Callable[[Request], Any]) -> Route:
    """A route that answers with what the call gives, or with 400 and the reason why it could not."""

    def route(request: Request) -> Reply:
        try:
            return json_reply(call(request))
        except (ControlError, CartError, SwitchError, BasketError, SettingError, UnknownIngestion) as problem:
            return json_reply({"error": str(problem)}, 400)

    return route


def _json(request: Request) -> Any:
    """The JSON of a request.

    A page of another origin can post a form to us, but no JSON: asking for the content type keeps strangers out.
    """
    if request.header("content-type").partition(";")[0].strip() != "application/json":
        raise ControlError("Content-Type must be application/json")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise ControlError("The body is not JSON") from None


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request; ControlError when there is none."""
    document = _json(request)
    if not isinstance(document, dict):
        raise ControlError("The body is not a JSON object")
    return document


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of the query, None when it is left out; ControlError when it is no number."""
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise ControlError(f"{name} must be a whole number")
    return int(text) if text else None
