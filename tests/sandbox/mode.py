"""What a mode is: one way to go wrong on request; and the ways that more than one side goes wrong in."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.sandbox.wire import Delivery, Reply, error_reply

HOLD_SECONDS = 60.0


class Charging(enum.Enum):
    NEVER = "never"  # answered without a look at what was sent
    ONCE = "once"  # one trip, one charge, one order ID; of the catalog: taken in
    EVERY_CALL = "every call"


@dataclass(frozen=True, slots=True)
class Options:
    """What a switch may say beyond its mode; None means the mode's own default."""

    seconds: float | None = None
    retry_after: int | None = None
    status: int | None = None
    error: str | None = None
    location: str | None = None
    hours: float | None = None
    copies: int | None = None
    failed_share: float | None = None
    word: str | None = None

    def wait(self, default: float = 0.0) -> float:
        return default if self.seconds is None else self.seconds


Twist = Callable[[Reply, Options], Reply]


def untouched(reply: Reply, _options: Options) -> Reply:
    return reply


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to go wrong. Where no twist of a reply does it, how it is done stands with the side that does it."""

    name: str
    side: str
    title: str
    explanation: str
    takes: tuple[str, ...] = ()
    charging: Charging = Charging.NEVER
    twist: Twist = untouched
    calls: tuple[str, ...] = ()
    """The kinds of call that a switch may be narrowed to, where its side has several."""
    only_repeats: bool = False
    """Goes wrong only for a trip that was charged by an earlier call."""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "side": self.side,
            "title": self.title,
            "explanation": self.explanation,
            "takes": list(self.takes),
            "calls": list(self.calls),
            "charging": self.charging.value,
        }


def refusing(status: int, name: str, message: str) -> Twist:
    """Say no instead, in Amazon's manner."""

    def twist(_reply: Reply, options: Options) -> Reply:
        refusal = error_reply(options.status or status, options.error or name, message)
        return replace(refusal, seconds=options.wait())

    return twist


def delayed(reply: Reply, options: Options) -> Reply:
    return replace(reply, seconds=options.wait(5.0))


def dropped(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.NONE, seconds=options.wait())


def held(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.NONE, seconds=options.wait(HOLD_SECONDS))


def empty_object(reply: Reply, _options: Options) -> Reply:
    return replace(reply, body=b"{}")


def not_json(reply: Reply, _options: Options) -> Reply:
    return replace(reply, status=200, body=b"<html>Thank you, come again.</html>", content_type="text/html")


def endless(reply: Reply, _options: Options) -> Reply:
    return replace(reply, delivery=Delivery.ENDLESS)
