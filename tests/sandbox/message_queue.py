"""A queue with the manners of SQS: a message that is received hides for a while, and is gone only when deleted."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from threading import Condition

CHECK_SECONDS = 0.25


class NoSuchReceipt(Exception):
    """A receipt handle that this queue never gave, or whose message is not in flight; the text says which."""


@dataclass(slots=True)
class Message:
    message_id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    first_received_at: float | None = None

    @property
    def handle(self) -> str:
        """The receipt of the latest receive; each receive gives another."""
        return f"{self.message_id}.{self.receives}"


def _always() -> bool:
    return True


class MessageQueue:
    """Safe for many threads. Times are seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed = Condition()
        self._messages: dict[str, Message] = {}

    def put(self, body: str, delay: float = 0.0) -> Message:
        now = self._clock()
        message = Message(str(uuid.uuid4()), body, now, now + delay)
        with self._changed:
            self._messages[message.message_id] = message
            self._changed.notify_all()
        return message

    def receive(
        self, limit: int, visibility: float, wait: float, is_waiting: Callable[[], bool] = _always
    ) -> list[Message]:
        """Up to so many messages, hidden from now on for `visibility` seconds; waits for the first if there is none.

        Nothing is handed to a receiver that hung up while it waited.
        """
        until = self._clock() + wait
        with self._changed:
            while is_waiting():
                if found := list(islice(self._visible(), limit)):
                    return [self._hand_over(message, visibility) for message in found]
                left = until - self._clock()
                if left <= 0:
                    break
                self._changed.wait(min(left, CHECK_SECONDS))
        return []

    def delete(self, handle: str) -> None:
        """Delete what was received; an outdated receipt deletes nothing, a second time changes nothing."""
        with self._changed:
            message = self._of(handle)
            if message and message.handle == handle:
                del self._messages[message.message_id]

    def hide(self, handle: str, seconds: float) -> None:
        """Hide what was received for so long from now; 0 shows it to others at once."""
        with self._changed:
            message = self._of(handle)
            now = self._clock()
            if message is None or message.handle != handle or message.visible_at <= now:
                raise NoSuchReceipt("The message is not in flight")
            message.visible_at = now + seconds
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._messages.clear()

    def counts(self) -> dict[str, int]:
        """How many messages are visible, received and not deleted, and not to be seen yet."""
        now = self._clock()
        with self._changed:
            hidden = [message for message in self._messages.values() if message.visible_at > now]
            in_flight = sum(message.receives > 0 for message in hidden)
            return {
                "visible": len(self._messages) - len(hidden),
                "in_flight": in_flight,
                "delayed": len(hidden) - in_flight,
            }

    def _visible(self) -> Iterator[Message]:
        now = self._clock()
        return (message for message in self._messages.values() if message.visible_at <= now)

    def _hand_over(self, message: Message, visibility: float) -> Message:
        """The message as it is at this receive."""
        now = self._clock()
        message.receives += 1
        message.first_received_at = message.first_received_at or now
        message.visible_at = now + visibility
        return replace(message)

    def _of(self, handle: str) -> Message | None:
        message_id, dot, receives = handle.rpartition(".")
        if not dot or not receives.isdecimal() or not _is_uuid(message_id):
            raise NoSuchReceipt("The input receipt handle is invalid.")
        return self._messages.get(message_id)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
