"""What can go wrong between shoppers, the product and the Checkout Service, as a table.

A checkout mode turns the proper answer into what the caller gets instead, and says whether the card is charged before.
A shopper mode is a way of sending carts; how it is done stands in `shoppers`.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.sandbox.mode import (
    Charging,
    Mode,
    Options,
    Twist,
    delayed,
    dropped,
    empty_object,
    endless,
    held,
    not_json,
    refusing,
    untouched,
)
from tests.sandbox.wire import Delivery, Reply, error_reply

ELSEWHERE = "http://elsewhere.invalid/v1/checkout/carts"
CHECKOUT = "checkout"
SHOPPER = "shopper"


def _throttled(_reply: Reply, options: Options) -> Reply:
    headers = {} if options.retry_after is None else {"Retry-After": str(options.retry_after)}
    return error_reply(429, "TooManyRequestsException", "Rate exceeded", headers)


def _redirected(_reply: Reply, options: Options) -> Reply:
    return error_reply(302, "Found", "Look elsewhere", {"Location": options.location or ELSEWHERE})


def _dribbled(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.DRIBBLE, seconds=options.wait(1.0))


def _seeped(reply: Reply, options: Options) -> Reply:
    return replace(reply, delivery=Delivery.DRIBBLE_HEADERS, seconds=options.wait(1.0))


def _instead(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that answers without a look at the cart."""
    return Mode(name, CHECKOUT, title, explanation, takes, Charging.NEVER, twist)


def _charged(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that checks the cart and charges the card before it goes wrong."""
    return Mode(name, CHECKOUT, title, explanation, takes, Charging.ONCE, twist)


def _shopper(name: str, title: str, explanation: str, *takes: str) -> Mode:
    return Mode(name, SHOPPER, title, explanation, takes)


_unauthorized = refusing(401, "UnrecognizedClientException", "The security token in the request is invalid")
_forbidden = refusing(403, "AccessDeniedException", "User is not authorized to perform: execute-api:Invoke")
_not_found = refusing(404, "ResourceNotFoundException", "No such resource")
_timed_out = refusing(408, "RequestTimeoutException", "The request took too long")
_busy = refusing(409, "ConflictException", "This trip is being worked on")
_faulty = refusing(500, "InternalServerException", "Something went wrong on our side")
_unavailable = refusing(503, "ServiceUnavailableException", "Please come back later")
_refused = refusing(400, "InvalidRequestException", "Refused by the sandbox because a switch says so")
_charged_400 = refusing(400, "TripAlreadyCheckedOutException", "This trip is checked out already")
_charged_409 = refusing(409, "ConflictException", "This trip is checked out already")
_unusual = refusing(422, "UnprocessableEntityException", "Refused by the sandbox because a switch says so")

CHECKOUT_MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        _charged("slow", "Slow", "Charges at once and answers properly, but late.", delayed, "seconds"),
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
        _instead("drop", "Hang up", "Closes the line without an answer. Not charged.", dropped, "seconds"),
        _instead("timeout", "Stay silent", "Holds the line without an answer. Not charged.", held, "seconds"),
        _charged("charge_and_drop", "Charge, hang up", "The card is charged, the answer lost.", dropped, "seconds"),
        _charged("charge_and_timeout", "Charge, stay silent", "Charged, then no answer comes.", held, "seconds"),
        _charged("charge_and_500", "Charge, then 500", "Charged, yet answered by an error.", _faulty, "seconds"),
        _charged("charge_and_400", "Charge, then 400", "Charged, yet answered by a refusal.", _refused, "error"),
        _charged("charge_and_409", "Charge, then 409", "Charged, yet answered by a conflict.", _busy),
        _charged("dribble", "Drop by drop", "Charged; the answer comes a byte a second.", _dribbled, "seconds"),
        _charged("dribble_headers", "Drop by drop, headers too", "The same, from the first byte.", _seeped, "seconds"),
        _charged("no_order_id", "No order ID", "Charged, answered 201, but without the order ID.", empty_object),
        _charged("not_json", "Not JSON", "Charged, answered 200 with a web page.", not_json),
        _charged("huge", "Endless answer", "Charged; the answer never ends.", endless),
        replace(
            _charged("charges_twice", "Forgetful", "Each accepted call is a new charge and order.", untouched),
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
