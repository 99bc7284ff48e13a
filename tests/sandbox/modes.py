"""Everything that can go wrong on request, as a table.

A checkout mode turns the proper answer into what the caller gets instead, and says whether the card is charged before.
A shopper mode is a way of sending carts; how it is done stands in `shoppers`.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.sandbox.wire import Delivery, Reply, error_reply

ELSEWHERE = "http://elsewhere.invalid/v1/checkout/carts"
HOLD_SECONDS = 60.0
CHECKOUT = "checkout"
SHOPPER = "shopper"


class Charging(enum.Enum):
    NEVER = "never"  # answered without a look at the cart
    ONCE = "once"  # one trip, one charge, one order ID
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

    def wait(self, default: float = 0.0) -> float:
        return default if self.seconds is None else self.seconds


Twist = Callable[[Reply, Options], Reply]


@dataclass(frozen=True, slots=True)
class Mode:
    name: str
    side: str
    title: str
    explanation: str
    takes: tuple[str, ...]
    charging: Charging
    twist: Twist
    only_repeats: bool = False
    """Goes wrong only for a trip that was charged by an earlier call."""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "side": self.side,
            "title": self.title,
            "explanation": self.explanation,
            "takes": list(self.takes),
            "charging": self.charging.value,
        }


def _refusing(status: int, name: str, message: str) -> Twist:
    def twist(_reply: Reply, options: Options) -> Reply:
        refusal = error_reply(options.status or status, options.error or name, message)
        return replace(refusal, seconds=options.wait())

    return twist


def _throttled(_reply: Reply, options: Options) -> Reply:
    headers = {} if options.retry_after is None else {"Retry-After": str(options.retry_after)}
    return error_reply(429, "TooManyRequestsException", "Rate exceeded", headers)


def _redirected(_reply: Reply, options: Options) -> Reply:
    return error_reply(302, "Found", "Look elsewhere", {"Location": options.location or ELSEWHERE})


def _delayed(reply: Reply, options: Options) -> Reply:
    return replace(reply, seconds=options.wait(5.0))


def _untouched(reply: Reply, _options: Options) -> Reply:
    return reply


def _dropped(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.NONE, seconds=options.wait())


def _held(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.NONE, seconds=options.wait(HOLD_SECONDS))


def _dribbled(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.DRIBBLE, seconds=options.wait(1.0))


def _seeped(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.DRIBBLE_HEADERS, seconds=options.wait(1.0))


def _without_order_id(reply: Reply, _options: Options) -> Reply:
    return replace(reply, body=b"{}")


def _not_json(reply: Reply, _options: Options) -> Reply:
    return replace(reply, status=200, body=b"<html>Thank you, come again.</html>", content_type="text/html")


def _endless(reply: Reply, _options: Options) -> Reply:
    return replace(reply, delivery=Delivery.ENDLESS)


def _instead(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that answers without a look at the cart."""
    return Mode(name, CHECKOUT, title, explanation, takes, Charging.NEVER, twist)


def _charged(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that checks the cart and charges the card before it goes wrong."""
    return Mode(name, CHECKOUT, title, explanation, takes, Charging.ONCE, twist)


def _shopper(name: str, title: str, explanation: str, *takes: str) -> Mode:
    return Mode(name, SHOPPER, title, explanation, takes, Charging.NEVER, _untouched)


_unauthorized = _refusing(401, "UnrecognizedClientException", "The security token in the request is invalid")
_forbidden = _refusing(403, "AccessDeniedException", "User is not authorized to perform: execute-api:Invoke")
_not_found = _refusing(404, "ResourceNotFoundException", "No such resource")
_timed_out = _refusing(408, "RequestTimeoutException", "The request took too long")
_busy = _refusing(409, "ConflictException", "This trip is being worked on")
_faulty = _refusing(500, "InternalServerException", "Something went wrong on our side")
_unavailable = _refusing(503, "ServiceUnavailableException", "Please come back later")
_refused = _refusing(400, "InvalidRequestException", "Refused by the sandbox because a switch says so")
_charged_400 = _refusing(400, "TripAlreadyCheckedOutException", "This trip is checked out already")
_charged_409 = _refusing(409, "ConflictException", "This trip is checked out already")
_unusual = _refusing(422, "UnprocessableEntityException", "Refused by the sandbox because a switch says so")

MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        _charged("slow", "Slow", "Charges at once and answers properly, but late.", _delayed, "seconds"),
        _instead("401", "401 Unauthorized", "Says it does not know the caller.", _unauthorized),
        _instead("403", "403 Forbidden", "Says the account may not do this.", _forbidden),
        _instead("404", "404 Not found", "As if the address were wrong.", _not_found),
        _instead("408", "408 Time-out", "Gives up waiting. Not charged.", _timed_out),
        _instead("409", "409 Conflict", "Says it is busy with this trip. Not charged.", _busy),
        _instead("429", "429 Too many requests", "Asks for patience (Retry-After).", _throttled, "retry_after"),
        _instead("500", "500 Server error", "Amazon stumbles. Not charged.", _faulty, "seconds"),
        _instead("503", "503 Unavailable", "Amazon is closed for a moment. Not charged.", _unavailable, "seconds"),
        _instead("redirect", "302 Redirect", "Points to another host; don't follow.", _redirected, "location"),
        _instead("refuse", "Refuse with 400", "Refuses the cart for good, by name.", _refused, "error"),
        _instead("refuse_other", "Refuse oddly", "Refuses with another 4xx.", _unusual, "status", "error"),
        _instead("drop", "Hang up", "Closes the line without an answer. Not charged.", _dropped, "seconds"),
        _instead("timeout", "Stay silent", "Holds the line without an answer. Not charged.", _held, "seconds"),
        _charged("charge_and_drop", "Charge, hang up", "The card is charged, the answer lost.", _dropped, "seconds"),
        _charged("charge_and_timeout", "Charge, stay silent", "Charged, then no answer comes.", _held, "seconds"),
        _charged("charge_and_500", "Charge, then 500", "Charged, yet answered by an error.", _faulty, "seconds"),
        _charged("charge_and_400", "Charge, then 400", "Charged, yet answered by a refusal.", _refused, "error"),
        _charged("charge_and_409", "Charge, then 409", "Charged, yet answered by a conflict.", _busy),
        _charged("dribble", "Drop by drop", "Charged; the answer comes a byte a second.", _dribbled, "seconds"),
        _charged("dribble_headers", "Drop by drop, headers too", "The same, from the first byte.", _seeped, "seconds"),
        _charged("no_order_id", "No order ID", "Charged, answered 201, but without the order ID.", _without_order_id),
        _charged("not_json", "Not JSON", "Charged, answered 200 with a web page.", _not_json),
        _charged("huge", "Endless answer", "Charged; the answer never ends.", _endless),
        replace(
            _charged("charges_twice", "Forgetful", "Each accepted call is a new charge and order.", _untouched),
            charging=Charging.EVERY_CALL,
        ),
        replace(
            _charged("repeat_400", "Repeats refused", "Charges once; asked again it says 400.", _charged_400),
            only_repeats=True,
        ),
        replace(
            _charged("repeat_409", "Repeats in conflict", "Charges once; asked again it says 409.", _charged_409),
            only_repeats=True,
        ),
        _shopper("twice_at_once", "Sent twice at once", "The same cart arrives twice in the same moment."),
        _shopper("again_later", "Sent again later", "The same cart arrives once more after a while.", "seconds"),
        _shopper("late", "Late", "The cart arrives hours after the shopper has left.", "hours"),
        _shopper("out_of_order", "Out of order", "The cart waits until the next has been sent.", "seconds"),
        _shopper("changed_cart", "Changed cart", "Then another cart arrives under the same trip id."),
        _shopper("connector_down", "Line to your shop down", "The cart gets through only later.", "seconds"),
    )
}
