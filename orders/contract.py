"""Create Purchases on the wire: what Amazon's cart must look like, and what we answer.

Source: pages `create_purchases` and `create_purchases_test_cases` (cases 1.1-1.15 and 3.1-3.35), `faq`. What these
leave open comes in as `Limits`. A good cart is read by msgspec with a few cheap checks; only one that fails them is
read again, slowly, to name all of its faults at once.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from itertools import islice
from typing import Annotated, Any

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The values of the contract that Amazon's pages do not settle. The defaults are what the pages show."""

    item_types: frozenset[str] = frozenset({"SKU", "SCANCODE"})
    locations: frozenset[str] = frozenset({"ENTRY", "EXIT", "MANUAL_IN_STORE"})
    """EXIT is read on a sibling page (`refund_charge`); whether there are more is UNKNOWN."""
    payload_types: frozenset[str] = frozenset({"FINANCIAL", "SCAN_CODE"})
    scan_result_types: frozenset[str] = frozenset({"SHOPPER", "ASSOCIATE", "CASH", "LOYALTY"})
    """The spelling of CASH and LOYALTY is UNKNOWN: cases 1.11 and 1.12 name the shoppers, not the values."""
    external_identifier_types: frozenset[str] = frozenset({"UPC", "EAN", "EAN8", "GTIN", "ISBN", "PLU", "SKU"})
    """Only UPC is read for carts. The others are UNKNOWN: the catalog's barcode types, and SKU."""
    auth_events_may_be_empty: bool = True
    """UNKNOWN; a cart is worth more than its list of entries."""
    max_id_length: int = 255
    """Characters of any id, and of a unit. The database has room for 255."""
    max_quantity_length: int = 10
    max_faults: int = 50
    max_depth: int = 32
    """Levels of objects and lists in each other; Amazon's cart has five. It bounds a recursion: keep it small."""


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Named as Amazon does on the wire. Not tracked by the garbage collector: a cart holds no cycles."""


Time = Annotated[
    datetime,
    msgspec.Meta(
        tz=True,
        description="ISO 8601 as RFC 3339 narrows it: to the second or finer, with Z or an offset. No leap seconds.",
        examples=["2026-03-14T19:02:11Z"],
    ),
]


class Quantity(Wire, frozen=True):
    value: Annotated[
        str,
        msgspec.Meta(
            description="A plain decimal number as text, kept as sent. Zero and less are taken in and then parked.",
            examples=["1.0", "0.453"],
        ),
    ]
    unit: Annotated[str, msgspec.Meta(description="Free text.", examples=["unit", "lb"])]


class ExternalIdentifier(Wire, frozen=True):
    id: str | None = None
    type: str | None = None


class CartItem(Wire, frozen=True):
    id: Annotated[str, msgspec.Meta(description="A SKU or a scanned code, as `type` says.")]
    type: str
    quantity: Quantity
    external_identifiers: tuple[ExternalIdentifier, ...] | None = None
    line_item_id: Annotated[str | None, msgspec.Meta(description="Unique within the cart.")] = None

    @property
    def external_ids(self) -> tuple[tuple[str, str], ...]:
        """The (type, id) pairs that are complete, in Amazon's order."""
        return tuple((other.type, other.id) for other in self.external_identifiers or () if other.type and other.id)


class ScanResult(Wire, frozen=True):
    id: Annotated[str | None, msgspec.Meta(description="As the retailer answered when it resolved the scan.")] = None
    type: str | None = None


class AuthEvent(Wire, frozen=True, kw_only=True):
    id: str
    timestamp: Time | None = None
    location: str | None = None
    payload_type: Annotated[str, msgspec.Meta(description="FINANCIAL: entered by card; SCAN_CODE: by app.")]
    scan_result: ScanResult | None = None


class ShoppingTrip(Wire, frozen=True):
    start_time: Time
    end_time: Time
    auth_events: Annotated[tuple[AuthEvent, ...], msgspec.Meta(description="Several for a group.")]


class ShopperIdentity(Wire, frozen=True):
    id: str | None = None


class Cart(Wire, frozen=True):
    """The cart of one shopping trip, sent after the shopper has left. Unknown attributes are welcome at any level."""

    request_id: Annotated[str, msgspec.Meta(description="Fresh for each request.")]
    idempotent_shopping_trip_id: Annotated[str, msgspec.Meta(description="One per trip, opaque; case matters.")]
    store_id: str
    shopping_trip: ShoppingTrip
    cart_items: Annotated[tuple[CartItem, ...], msgspec.Meta(description="Empty when nothing was taken.")]
    shopper_identity: ShopperIdentity | None = None
    shopper_device_id: str | None = None


@dataclass(frozen=True, slots=True)
class DecodedCart:
    """A cart that fulfils the contract.

    `content_hash` tells carts of one trip apart: SHA-256, in hexadecimal digits, of the JSON of storeId, shoppingTrip
    and cartItems with everything in them, known or not; keys sorted, no blanks, numbers by their exact value (1, 1.0
    and 10e-1 are the same).
    """

    cart: Cart
    content_hash: str


class Fault(Wire, frozen=True):
    """What is wrong with a cart, and where. Never holds the id of a shopper, a device or a scan."""

    path: Annotated[
        str,
        msgspec.Meta(
            description="Where it is; empty for the whole document.", examples=["cartItems[0].quantity.value"]
        ),
    ]
    message: Annotated[str, msgspec.Meta(description="What is expected.", examples=["is required"])]


class Answer(Wire, frozen=True):
    """A cart was taken in (201)."""

    purchase_id: Annotated[
        str,
        msgspec.Meta(
            description="The same for every repeat of a trip; empty for an empty cart where the store says so."
        ),
    ]


class Refusal(Wire, frozen=True, kw_only=True):
    """A cart breaks the contract (400). The name under `errorMsg` is what Amazon's sibling services say."""

    error_msg: str = "BadRequestException"
    errors: Annotated[tuple[Fault, ...], msgspec.Meta(min_length=1)]


class InvalidCart(ValueError):
    """A body that breaks the contract; `faults` are in document order, a missing field where it should have stood."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path or 'the document'} {fault.message}" for fault in faults))
        self.faults = tuple(faults)

    def document(self) -> dict[str, Any]:
        """The body of our answer."""
        refusal: dict[str, Any] = msgspec.to_builtins(Refusal(errors=self.faults))
        return refusal


BYTE_ORDER_MARK = b"\xef\xbb\xbf"

NUMBERS = Context(prec=400, Emin=-400, Emax=400, traps=[Inexact, InvalidOperation, Overflow, Underflow])
"""What numbers in unknown attributes may be; whole ones without a point have Python's own bound of 4,300 digits."""


def _exact_number(literal: str) -> int | Decimal:
    """The value of a JSON number with a point or an exponent, in one form however it is written. Raises ValueError."""
    try:
        value = NUMBERS.create_decimal(literal).normalize(NUMBERS)
    except ArithmeticError as error:
        raise ValueError("out of range") from error
    return int(value) if value == value.to_integral_value() else value


to_document = msgspec.json.Decoder(float_hook=_exact_number).decode
msgspec.json.Decoder(Cart)
"""Has msgspec take the types in now: threads that make it do so at the same moment crash the process (0.22.0)."""
to_json = msgspec.json.Encoder(decimal_format="number").encode
to_canonical_json = msgspec.json.Encoder(decimal_format="number", order="sorted").encode

UNREADABLE = (Fault("", "cannot be read as a cart"),)
"""Should the two ways of reading ever disagree: a refusal without a fault would help nobody."""


def decode(raw: bytes, limits: Limits) -> DecodedCart:
    """The cart in a request's body, or InvalidCart with its faults: no body raises anything else.

    A UTF-8 byte order mark is passed over. An optional field that is null counts as absent.
    """
    body = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        document = to_document(body)
        cart = msgspec.convert(document, Cart)
    except (ValueError, RecursionError):
        raise InvalidCart(find_faults(raw, limits) or UNREADABLE) from None
    if not (_is_plain(body, document, limits) and _keeps_limits(cart, limits)):
        faults = find_faults(raw, limits)
        if faults:
            raise InvalidCart(faults)
    return DecodedCart(cart, _content_hash(document))


def _content_hash(document: Mapping[str, Any]) -> str:
    content = {name: document[name] for name in ("storeId", "shoppingTrip", "cartItems")}
    return hashlib.sha256(to_canonical_json(content)).hexdigest()


def _is_plain(body: bytes, document: Any, limits: Limits) -> bool:
    """Whether the JSON surely hides no U+0000, no key twice in an object and no deep nesting.

    A key that stands twice is lost on reading, and its quotation marks with it; so they are counted, which works as
    long as none is written as an escape.
    """
    return (
        b"\\u0000" not in body
        and b"\\u0022" not in body
        and not _is_too_deep(document, limits.max_depth)
        and body.count(b'"') == to_json(document).count(b'"')
    )


def _is_too_deep(document: Any, max_depth: int) -> bool:
    level: list[Any] = [[document]]
    for _ in range(max_depth + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) in CONTAINERS
        ]
        if not level:
            return False
    return True


UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
"""Loosely: Amazon's own samples carry no RFC version or variant."""

PLAIN_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

FIRST_YEAR, LAST_YEAR = 2, 9998
"""A year of room on either side of what Python can hold, so that any time can be put on any clock."""


def _keeps_limits(cart: Cart, limits: Limits) -> bool:
    """The cheap checks: the same rules as in the shape CART, to which tests hold them, but without words."""
    longest = limits.max_id_length
    return (
        UUID.fullmatch(cart.request_id) is not None
        and 0 < len(cart.idempotent_shopping_trip_id) <= longest
        and 0 < len(cart.store_id) <= longest
        and _trip_keeps_limits(cart.shopping_trip, limits)
        and _items_keep_limits(cart.cart_items, limits)
        and (cart.shopper_identity is None or len(cart.shopper_identity.id or "") <= longest)
        and len(cart.shopper_device_id or "") <= longest
    )


def _trip_keeps_limits(trip: ShoppingTrip, limits: Limits) -> bool:
    return (
        _is_in_range(trip.start_time)
        and _is_in_range(trip.end_time)
        and trip.start_time <= trip.end_time
        and (limits.auth_events_may_be_empty or len(trip.auth_events) > 0)
        and all(_event_keeps_limits(event, limits) for event in trip.auth_events)
    )


def _is_in_range(moment: datetime) -> bool:
    return FIRST_YEAR <= moment.year <= LAST_YEAR


def _event_keeps_limits(event: AuthEvent, limits: Limits) -> bool:
    scan = event.scan_result
    return (
        UUID.fullmatch(event.id) is not None
        and event.payload_type in limits.payload_types
        and (event.location is None or event.location in limits.locations)
        and (event.timestamp is None or _is_in_range(event.timestamp))
        and (scan is None or len(scan.id or "") <= limits.max_id_length)
        and (scan is None or scan.type is None or scan.type in limits.scan_result_types)
    )


def _items_keep_limits(items: tuple[CartItem, ...], limits: Limits) -> bool:
    named = [item.line_item_id for item in items if item.line_item_id]
    return len(named) == len(set(named)) and all(_item_keeps_limits(item, limits) for item in items)


def _item_keeps_limits(item: CartItem, limits: Limits) -> bool:
    longest = limits.max_id_length
    quantity = item.quantity
    return (
        0 < len(item.id) <= longest
        and item.type in limits.item_types
        and len(quantity.value) <= limits.max_quantity_length
        and PLAIN_DECIMAL.fullmatch(quantity.value) is not None
        and 0 < len(quantity.unit) <= longest
        and len(item.line_item_id or "") <= longest
        and (not item.external_identifiers or _identifiers_keep_limits(item.external_identifiers, limits))
    )


def _identifiers_keep_limits(identifiers: tuple[ExternalIdentifier, ...], limits: Limits) -> bool:
    for other in identifiers:
        if len(other.id or "") > limits.max_id_length:
            return False
        if other.type is not None and other.type not in limits.external_identifier_types:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Place:
    """What a rule may look at besides the value."""

    limits: Limits
    siblings: Mapping[str, Any] = field(default_factory=dict)
    line_item_ids: set[str] = field(default_factory=set)
    """Those met so far in this cart."""


Rule = Callable[[Any, Place], str | None]
"""What is wrong with a value, in words that follow its name; None when it is right."""

SHOWN = 30
"""Characters of a value that a message repeats."""


def _shown(text: str) -> str:
    """The text between quotation marks, cut short and fit for a log."""
    return f"“{repr(text[:SHOWN])[1:-1]}{'…' if len(text) > SHOWN else ''}”"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return "a number"


def _is_object(value: Any, _: Place) -> str | None:
    return None if isinstance(value, dict) else f"must be an object, not {_kind(value)}"


def _is_list(value: Any, _: Place) -> str | None:
    return None if isinstance(value, list) else f"must be a list, not {_kind(value)}"


def _is_text(value: Any, _: Place) -> str | None:
    return None if isinstance(value, str) else f"must be text, not {_kind(value)}"


def _is_anything(_value: Any, _: Place) -> str | None:
    return None


def _is_list_of_events(value: Any, place: Place) -> str | None:
    if value == [] and not place.limits.auth_events_may_be_empty:
        return "must not be empty"
    return _is_list(value, place)


def _is_short_text(value: Any, place: Place) -> str | None:
    return _is_text(value, place) or _is_at_most(place.limits.max_id_length, value)


def _is_at_most(longest: int, text: str) -> str | None:
    return f"must have at most {longest} characters, not {len(text)}" if len(text) > longest else None


def _is_id(value: Any, place: Place) -> str | None:
    return "must not be empty" if value == "" else _is_short_text(value, place)


def _is_uuid(value: Any, place: Place) -> str | None:
    wrong = _is_text(value, place)
    if wrong is not None or UUID.fullmatch(value):
        return wrong
    seen = f"seen {len(value)} characters"
    return _is_id(value, place) or f"must be a UUID, hexadecimal digits in groups of 8-4-4-4-12; {seen}"


def _is_line_item_id(value: Any, place: Place) -> str | None:
    wrong = _is_short_text(value, place)
    if wrong is None and value:
        if value in place.line_item_ids:
            return "must not repeat that of an earlier item"
        place.line_item_ids.add(value)
    return wrong


def _is_quantity_value(value: Any, place: Place) -> str | None:
    wrong = _is_text(value, place) or _is_at_most(place.limits.max_quantity_length, value)
    if wrong is None and not PLAIN_DECIMAL.fullmatch(value):
        return f"must be a plain decimal number, such as 1.0, not {_shown(value)}"
    return wrong


def _is_one_of(allowed: Callable[[Limits], frozenset[str]]) -> Rule:
    def is_allowed(value: Any, place: Place) -> str | None:
        wrong = _is_text(value, place)
        if wrong is None and value not in allowed(place.limits):
            return f"must be one of {', '.join(sorted(allowed(place.limits)))}, not {_shown(value)}"
        return wrong

    return is_allowed


def _is_time(value: Any, place: Place) -> str | None:
    wrong = _is_text(value, place)
    if wrong is not None:
        return wrong
    try:
        moment = _moment(value)
    except ValueError:
        return f"must be an ISO 8601 time, such as 2026-03-14T19:02:11Z, not {_shown(value)}"
    if moment.tzinfo is None:
        return f"must say its offset from UTC, such as Z or +01:00; seen {_shown(value)}"
    if not _is_in_range(moment):
        return f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}; seen {_shown(value)}"
    return None


def _moment(text: str) -> datetime:
    """The time that a text names, perhaps without an offset. Raises ValueError."""
    return msgspec.convert(text, datetime)


def _is_end_time(value: Any, place: Place) -> str | None:
    wrong = _is_time(value, place)
    start: Any = place.siblings.get("startTime")
    if wrong is not None or _is_time(start, place) is not None:
        return wrong
    if _moment(value) < _moment(start):
        return f"must not be earlier than startTime, {_shown(start)}; seen {_shown(value)}"
    return None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a place in the document should hold. Members of an object that are not named here may be anything."""

    rule: Rule
    members: Mapping[str, "Shape"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    item: "Shape | None" = None


ANYTHING = Shape(_is_anything)
SHORT_TEXT = Shape(_is_short_text)
ID = Shape(_is_id)

QUANTITY = Shape(_is_object, {"value": Shape(_is_quantity_value), "unit": ID}, required=("value", "unit"))

EXTERNAL_IDENTIFIER = Shape(
    _is_object, {"id": SHORT_TEXT, "type": Shape(_is_one_of(lambda limits: limits.external_identifier_types))}
)

CART_ITEM = Shape(
    _is_object,
    {
        "id": ID,
        "type": Shape(_is_one_of(lambda limits: limits.item_types)),
        "quantity": QUANTITY,
        "externalIdentifiers": Shape(_is_list, item=EXTERNAL_IDENTIFIER),
        "lineItemId": Shape(_is_line_item_id),
    },
    required=("id", "type", "quantity"),
)

SCAN_RESULT = Shape(_is_object, {"id": SHORT_TEXT, "type": Shape(_is_one_of(lambda limits: limits.scan_result_types))})

AUTH_EVENT = Shape(
    _is_object,
    {
        "id": Shape(_is_uuid),
        "timestamp": Shape(_is_time),
        "location": Shape(_is_one_of(lambda limits: limits.locations)),
        "payloadType": Shape(_is_one_of(lambda limits: limits.payload_types)),
        "scanResult": SCAN_RESULT,
    },
    required=("id", "payloadType"),
)

SHOPPING_TRIP = Shape(
    _is_object,
    {
        "startTime": Shape(_is_time),
        "endTime": Shape(_is_end_time),
        "authEvents": Shape(_is_list_of_events, item=AUTH_EVENT),
    },
    required=("startTime", "endTime", "authEvents"),
)

CART = Shape(
    _is_object,
    {
        "requestId": Shape(_is_uuid),
        "idempotentShoppingTripId": ID,
        "storeId": ID,
        "shoppingTrip": SHOPPING_TRIP,
        "cartItems": Shape(_is_list, item=CART_ITEM),
        "shopperIdentity": Shape(_is_object, {"id": SHORT_TEXT}),
        "shopperDeviceId": SHORT_TEXT,
    },
    required=("requestId", "idempotentShoppingTripId", "storeId", "shoppingTrip", "cartItems"),
)


class Repeating(dict[str, Any]):
    """An object of the document in which a name stands more than once; its last value counts."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = frozenset(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeating(pairs)


CONTAINERS = frozenset({dict, list, Repeating})


@dataclass(frozen=True, slots=True)
class NotANumber:
    """Stands in the document for a number that JSON or we don't have."""

    wrong: str


def _number(literal: str) -> Any:
    """What the fast path would read, so that both take the same numbers."""
    try:
        return to_document(literal)
    except ValueError:
        return NotANumber("must be a number of less size or precision")


def _constant(literal: str) -> NotANumber:
    return NotANumber(f"must not be {literal}, which JSON does not have")


class NotADocument(Exception):
    """The body can't be looked into. Says why, in words that follow “the document”."""


def find_faults(raw: bytes, limits: Limits) -> tuple[Fault, ...]:
    """Every fault of a body, up to `limits.max_faults`, in document order; none for a cart that `decode` accepts."""
    try:
        document = _read_slowly(raw.removeprefix(BYTE_ORDER_MARK), limits)
    except NotADocument as error:
        return (Fault("", str(error)),)
    return tuple(islice(_faults(document, "", CART, Place(limits)), limits.max_faults))


def _read_slowly(raw: bytes, limits: Limits) -> Any:
    too_deep = f"must not be nested more than {limits.max_depth} levels deep"
    try:
        document = _read_json(raw)
    except UnicodeDecodeError as error:
        raise NotADocument(f"must be UTF-8; byte {error.start} is not") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotADocument(f"must be JSON; at {where}: {error.msg}") from error
    except RecursionError as error:
        raise NotADocument(too_deep) from error
    if _is_too_deep(document, limits.max_depth):
        raise NotADocument(too_deep)
    return document


def _read_json(raw: bytes) -> Any:
    text = raw.decode()
    if not text.strip():
        raise NotADocument("must not be empty; a cart is expected")
    return json.loads(
        text, object_pairs_hook=_members, parse_float=_number, parse_int=_number, parse_constant=_constant
    )


def _faults(value: Any, path: str, shape: Shape, place: Place) -> Iterator[Fault]:
    wrong = _wrong_anywhere(value) or shape.rule(value, place)
    if wrong:
        yield Fault(path, wrong)
    elif isinstance(value, dict):
        yield from _faults_of_members(value, path, shape, replace(place, siblings=value))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(item, f"{path}[{number}]", shape.item or ANYTHING, place)


def _faults_of_members(members: Mapping[str, Any], path: str, shape: Shape, place: Place) -> Iterator[Fault]:
    repeated = members.repeated if isinstance(members, Repeating) else frozenset()
    for name in _reading_order(members, shape.required):
        here = f"{path}.{_key(name)}" if path else _key(name)
        value = members.get(name)
        wrong = _wrong_anywhere(name)
        if wrong:
            yield Fault(here, f"as a name {wrong}")
        if name in repeated:
            yield Fault(here, "must stand only once in its object")
        if value is not None:
            yield from _faults(value, here, shape.members.get(name, ANYTHING), place)
        elif name in shape.required:
            yield Fault(here, "is required")


def _reading_order(members: Mapping[str, Any], required: Sequence[str]) -> list[str]:
    """The names as they were sent; a required one that is missing follows the required one before it."""
    names = list(members)
    position = 0
    for name in required:
        if name not in members:
            names.insert(position, name)
        position = names.index(name) + 1
    return names


KEY_SHOWN = 40


def _key(name: str) -> str:
    """A name as part of a path: cut short and fit for a log."""
    return f"{repr(name[:KEY_SHOWN])[1:-1]}{'…' if len(name) > KEY_SHOWN else ''}"


NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def _wrong_anywhere(value: Any) -> str | None:
    """What no place may hold, known or not: PostgreSQL can't keep it, or no JSON may hold it."""
    if isinstance(value, NotANumber):
        return value.wrong
    found = NOT_TEXT.search(value) if isinstance(value, str) else None
    if found is None:
        return None
    if found[0] == "\x00":
        return "must not contain the character U+0000"
    return f"must not contain half of a surrogate pair, U+{ord(found[0]):X}"


EXAMPLE: dict[str, Any] = {
    "requestId": "6f0c2c5e-52a1-4a53-9d0e-3b7c8a1d9e10",
    "idempotentShoppingTripId": "2b9d7f64-0f3e-4c88-8f51-77a2c0e4b6d3",
    "storeId": "ARENA-EAST-12",
    "shoppingTrip": {
        "startTime": "2026-03-14T19:02:11Z",
        "endTime": "2026-03-14T19:05:48Z",
        "authEvents": [
            {
                "id": "c8f5b0a2-9c0f-4a07-b3e0-5f1f0d6e2a44",
                "timestamp": "2026-03-14T19:02:11Z",
                "location": "ENTRY",
                "payloadType": "FINANCIAL",
            }
        ],
    },
    "cartItems": [
        {
            "id": "BEV-COLA-500",
            "type": "SKU",
            "quantity": {"value": "1.0", "unit": "unit"},
            "externalIdentifiers": [{"id": "012345678905", "type": "UPC"}],
            "lineItemId": "L1",
        },
        {"id": "SNK-NUTS-80", "type": "SKU", "quantity": {"value": "1.0", "unit": "unit"}, "lineItemId": "L2"},
    ],
    "shopperIdentity": {"id": "shopper-7781"},
    "shopperDeviceId": "gate-12-a",
}

REFERENCE = "#/components/schemas/{name}"


def request_schema(limits: Limits) -> dict[str, Any]:
    """The OpenAPI 3.1 components of the request, by name; the request itself is `Cart`.

    Two rules don't fit a schema: endTime is not earlier than startTime, and a lineItemId is unique.
    """
    _, components = msgspec.json.schema_components([Cart], ref_template=REFERENCE)
    for (name, attribute), bounds in _bounds(limits).items():
        _value_schema(components[name]["properties"][attribute]).update(bounds)
    components["Cart"]["properties"]["paymentSource"] = {
        "description": "Sent by older versions of the page; taken in and ignored.",
        "deprecated": True,
    }
    components["Cart"]["examples"] = [EXAMPLE]
    return components


def answer_schema() -> dict[str, Any]:
    """The OpenAPI 3.1 components of our answers, by name: `Answer` (201) and `Refusal` (400)."""
    _, components = msgspec.json.schema_components([Answer, Refusal], ref_template=REFERENCE)
    return components


def _value_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value itself, where null stands beside it."""
    beside_null: dict[str, Any] = schema.get("anyOf", [schema])[0]
    return beside_null


def _bounds(limits: Limits) -> dict[tuple[str, str], dict[str, Any]]:
    short = {"maxLength": limits.max_id_length}
    required = {"minLength": 1, **short}
    uuid = {"pattern": f"^{UUID.pattern.replace('a-f', 'a-fA-F')}$"}
    return {
        ("Cart", "requestId"): uuid,
        ("Cart", "idempotentShoppingTripId"): required,
        ("Cart", "storeId"): required,
        ("Cart", "shopperDeviceId"): short,
        ("ShopperIdentity", "id"): short,
        ("ShoppingTrip", "authEvents"): {"minItems": 0 if limits.auth_events_may_be_empty else 1},
        ("AuthEvent", "id"): uuid,
        ("AuthEvent", "location"): {"enum": sorted(limits.locations)},
        ("AuthEvent", "payloadType"): {"enum": sorted(limits.payload_types)},
        ("ScanResult", "id"): short,
        ("ScanResult", "type"): {"enum": sorted(limits.scan_result_types)},
        ("CartItem", "id"): required,
        ("CartItem", "type"): {"enum": sorted(limits.item_types)},
        ("CartItem", "lineItemId"): short,
        ("Quantity", "value"): {"maxLength": limits.max_quantity_length, "pattern": f"^{PLAIN_DECIMAL.pattern}$"},
        ("Quantity", "unit"): required,
        ("ExternalIdentifier", "id"): short,
        ("ExternalIdentifier", "type"): {"enum": sorted(limits.external_identifier_types)},
    }
