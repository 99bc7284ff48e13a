"""The control API's part for the catalog: what a page or a test asks and sets of items, ingestions and messages."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.sandbox.catalog import DONE, UNASKED, CatalogBook, counts_by_store
from tests.sandbox.catalog_api import CatalogService
from tests.sandbox.control import ControlError, Route, answering, json_object, number
from tests.sandbox.ingestions import Ingestions
from tests.sandbox.notices import Notices
from tests.sandbox.policy import NAMED
from tests.sandbox.sqs import MAX_VISIBILITY, VISIBILITY, QueueDoor
from tests.sandbox.topic import Topic
from tests.sandbox.wire import Request

INGESTIONS_TOLD = 20
MAX_MESSAGES = 10_000


@dataclass(slots=True)
class CatalogControl:
    book: CatalogBook
    service: CatalogService
    ingestions: Ingestions
    notices: Notices
    topic: Topic
    door: QueueDoor
    seconds: float
    """How long ingestions take when nobody has said otherwise."""

    def routes(self) -> dict[tuple[str, str], Route]:
        calls: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/control/catalog"): self._told,
            ("POST", "/control/catalog"): self._set,
            ("POST", "/control/catalog/reset"): self._reset,
            ("GET", "/control/items"): self._items,
            ("POST", "/control/ingestions"): self._finish,
            ("POST", "/control/messages"): self._messages,
            ("POST", "/control/subscription"): self._subscription,
        }
        return {address: answering(call) for address, call in calls.items()}

    def _told(self, request: Request) -> Any:
        limit = number(request.query, "limit")
        latest = self.book.latest(INGESTIONS_TOLD if limit is None else limit)
        return {
            "stores": counts_by_store(self.book.states(), self.service.stores),
            "settings": self.service.settings.as_json(),
            "ingestions": [ingestion.as_json() for ingestion in latest],
            "stray_calls": [asdict(call) for call in self.book.strays],
            "calls": {"by_kind": self.book.calls} | self.service.pace.as_json(),
            "subscription": self._subscribed(),
            "queue": {"url": self.door.queue_url, "arn": self.door.queue_arn, "policy": self.door.policy}
            | self.door.queue.counts(),
        }

    def _subscribed(self) -> dict[str, Any]:
        return {
            "status": self.book.subscription,
            "topic_arn": self.topic.topic_arn,
            "arn": self.topic.subscription_arn,
            "undelivered": dict(self.topic.undelivered),
        }

    def _set(self, request: Request) -> Any:
        document = json_object(request)
        policy = self.policy(document.pop("policy")) if "policy" in document else self.door.policy
        visibility = _visibility(document.pop("visibility", self.door.visibility))
        self.service.settings.change(document)
        self.door.policy, self.door.visibility = policy, visibility
        return self.service.settings.as_json() | {"policy": policy, "visibility": visibility}

    def policy(self, wanted: object) -> str:
        """A policy by its name here, as an object, or as null for none."""
        if isinstance(wanted, dict):
            return json.dumps(wanted)
        make = NAMED.get("none" if wanted is None else str(wanted))
        if make is None:
            raise ControlError(f"policy must be an object, null, or one of: {', '.join(NAMED)}")
        return make(self.door.queue_arn, self.topic.topic_arn)

    def _reset(self, request: Request) -> Any:
        """Forget items, ingestions, calls, messages and settings; the subscription stays."""
        json_object(request)
        self.reset()
        return {"status": "ok"}

    def reset(self) -> None:
        self.book.reset()
        self.service.pace.forget()
        self.service.settings.restore(self.seconds)
        self.topic.undelivered.clear()
        self.door.queue.clear()
        self.door.policy, self.door.visibility = self.policy("good"), VISIBILITY

    def _items(self, request: Request) -> Any:
        query = request.query
        wanted = {name: query[name] for name in ("sku", "store_id", "state") if name in query}
        items = [item for item in self.book.items() if all(item[name] == value for name, value in wanted.items())]
        return {"items": sorted(items, key=lambda item: (item["store_id"], item["sku"]))}

    def _finish(self, request: Request) -> Any:
        document = json_object(request)
        ingestion_id, status = _text(document, "ingestion_id"), _text(document, "status", DONE)
        return self.ingestions.finish(ingestion_id, status).as_json()

    def _messages(self, request: Request) -> Any:
        """Put a text on the queue as it is, so many times."""
        document = json_object(request)
        body, times = _text(document, "body"), document.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_MESSAGES:
            raise ControlError(f"times must be between 1 and {MAX_MESSAGES}")
        return {"message_ids": [self.door.queue.put(body).message_id for _ in range(times)]}

    def _subscription(self, request: Request) -> Any:
        """Ask the retailer to confirm once more; with `"ask": false` only forget that it ever did."""
        if json_object(request).get("ask", True):
            self.notices.ask_to_confirm()
        else:
            self.book.subscribed(UNASKED)
        return self._subscribed()


def _visibility(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_VISIBILITY:
        raise ControlError(f"visibility must be whole seconds, at most {MAX_VISIBILITY}")
    return value


def _text(document: Mapping[str, Any], name: str, default: str = "") -> str:
    value = document.get(name, default)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} must be a text")
    return value
