"""Shoppers are private: what is removed from old carts, and what never gets anywhere else."""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.conf import LazySettings
from django.contrib.auth.models import User

from catalog.models import Store
from jwo_store.models import Alarm
from orders import checkout, contract, privacy, purchases, tasks
from orders.limits import limits
from orders.models import CartConflict, Purchase, RefusedCart
from orders.statuses import Status
from tests.factories import RefusedCartFactory
from tests.orders.carts import auth_event, body, cart_with
from tests.orders.conftest import Post
from tests.orders.shop import NOW, STORE, Shop, everything, submit, take_in
from tests.orders.stand_ins import CheckoutService, refused, says

DAYS = timedelta(days=90)
AUTH, SCAN, SHOPPER, DEVICE, CARD = (
    "c8f5b0a2-9c0f-4a07-b3e0-5f1f0d6e2a44",
    "scan-5550123",
    "shopper-7781",
    "gate-12-a",
    "card-4242",
)
IDS = (AUTH, SCAN, SHOPPER, DEVICE, CARD)
NOBODY = "00000000-0000-0000-0000-000000000000"


def full_cart(**changes: Any) -> dict[str, Any]:
    """With every id of a person or a device that a cart may hold, the shopper first."""
    event = auth_event(payloadType="SCAN_CODE", scanResult={"id": SCAN, "type": "SHOPPER"})
    document = cart_with("shoppingTrip.authEvents", [event, auth_event()])
    return {"shopperIdentity": {"id": SHOPPER}, **document, "paymentSource": {"id": CARD}, **changes}


def told(text: str | bytes) -> list[str]:
    """Which of the ids stand in it."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [one for one in IDS if one in text]


class TestRedacting:
    def test_takes_every_id_of_a_person_out_and_leaves_the_rest(self, shop: Shop) -> None:
        purchase = take_in(full_cart())
        assert told(bytes(purchase.raw)) == list(IDS)
        assert privacy.redact(now=NOW + DAYS + timedelta(seconds=1)) == 1
        purchase.refresh_from_db()
        expected = full_cart(paymentSource={"id": NOBODY}, shopperIdentity={"id": NOBODY}, shopperDeviceId=NOBODY)
        for event in expected["shoppingTrip"]["authEvents"]:
            event["id"] = NOBODY
        expected["shoppingTrip"]["authEvents"][0]["scanResult"]["id"] = NOBODY
        assert json.loads(bytes(purchase.raw)) == expected
        assert purchase.redacted_at == NOW + DAYS + timedelta(seconds=1)
        assert purchase.store == shop.store

    @pytest.mark.usefixtures("shop")
    def test_leaves_the_hashes_and_everything_else(self) -> None:
        take_in(full_cart())
        before = everything()
        privacy.redact(now=NOW + 2 * DAYS)
        after = everything()
        [was], [now] = before["Purchase"], after["Purchase"]
        assert {name for name in was if was[name] != now[name]} == {"raw", "redacted_at"}
        assert now["raw_sha256"] == hashlib.sha256(was["raw"]).hexdigest()
        assert {name for name in after if after[name] != before[name]} == {"Purchase"}

    @pytest.mark.usefixtures("shop")
    def test_is_due_after_the_days_that_are_set(self, settings: LazySettings) -> None:
        take_in(full_cart())
        settings.RAW_CART_DAYS = 7
        before = everything()
        assert privacy.redact(now=NOW + timedelta(days=7)) == 0
        assert everything() == before
        assert privacy.redact(now=NOW + timedelta(days=7, microseconds=1)) == 1

    @pytest.mark.usefixtures("shop")
    def test_is_done_once(self) -> None:
        take_in(full_cart())
        assert privacy.redact(now=NOW + 2 * DAYS) == 1
        before = everything()
        assert privacy.redact(now=NOW + 3 * DAYS) == 0
        assert everything() == before

    @pytest.mark.usefixtures("shop")
    def test_does_not_wait_for_a_trip_that_pretends_to_end_in_the_future(self) -> None:
        take_in(cart_with("shoppingTrip.endTime", "9998-01-01T00:00:00Z"))
        assert privacy.redact(now=NOW + 2 * DAYS) == 1

    @pytest.mark.usefixtures("shop")
    def test_is_made_of_conflicts_and_of_refused_carts_too(self) -> None:
        take_in(full_cart())
        take_in(full_cart(cartItems=[]))
        RefusedCartFactory(raw=body(full_cart(storeId=None)), received_at=NOW, last_received_at=NOW)
        assert privacy.redact(now=NOW + 2 * DAYS) == 3
        rows = (Purchase.objects.get(), CartConflict.objects.get(), RefusedCart.objects.get())
        assert [told(bytes(row.raw)) for row in rows] == [[], [], []]
        assert {row.redacted_at for row in rows} == {NOW + 2 * DAYS}

    @pytest.mark.django_db
    def test_of_a_refused_cart_counts_from_when_it_came_last(self) -> None:
        kept = RefusedCartFactory(raw=body(full_cart()), received_at=NOW, last_received_at=NOW + timedelta(days=1))
        assert privacy.redact(now=NOW + DAYS + timedelta(hours=1)) == 0
        assert privacy.redact(now=NOW + DAYS + timedelta(days=1, hours=1)) == 1
        kept.refresh_from_db()
        assert told(bytes(kept.raw)) == []

    @pytest.mark.usefixtures("shop")
    def test_leaves_a_cart_that_can_be_read_and_priced_again(self, person: User) -> None:
        purchase = take_in(full_cart())
        submit(purchase, refused())
        sent = bytes(purchase.body or b"")
        later = NOW + 2 * DAYS
        privacy.redact(now=later)
        purchase.refresh_from_db()
        assert contract.decode(bytes(purchase.raw), limits()).cart.store_id == STORE
        purchases.reprice(purchase, by=person, now=later)
        purchase.refresh_from_db()
        assert (purchase.status, bytes(purchase.body or b"")) == (Status.AWAITING_CHECKOUT, sent)

    @pytest.mark.usefixtures("shop")
    def test_leaves_a_cart_that_passes_the_self_check(self) -> None:
        Store.objects.update(on_hold=True)
        purchase = take_in(full_cart())
        later = NOW + 2 * DAYS
        privacy.redact(now=later)
        Store.objects.update(on_hold=False)
        assert len(submit(purchase, refused(), at=later).sent) == 1

    @pytest.mark.usefixtures("shop")
    def test_leaves_a_trip_that_is_known_when_it_comes_again(self) -> None:
        first = take_in(full_cart())
        privacy.redact(now=NOW + 2 * DAYS)
        before = everything()
        assert take_in(full_cart(), at=NOW + 2 * DAYS).pk == first.pk
        assert everything() == before

    @pytest.mark.usefixtures("shop")
    def test_leaves_a_refused_cart_that_can_be_taken_in(self, settings: LazySettings, person: User) -> None:
        document = full_cart()
        document["cartItems"][0]["type"] = "RFID"
        kept = RefusedCartFactory(raw=body(document), received_at=NOW, last_received_at=NOW)
        privacy.redact(now=NOW + 2 * DAYS)
        kept.refresh_from_db()
        settings.CART_ITEM_TYPES = ["SKU", "RFID"]
        purchase = purchases.replay(kept, by=person, now=NOW + 2 * DAYS)
        assert (told(bytes(purchase.raw)), purchase.trip_id) == ([], full_cart()["idempotentShoppingTripId"])

    @pytest.mark.usefixtures("shop")
    def test_is_a_task(self) -> None:
        take_in(full_cart(), at=datetime(2020, 1, 1, tzinfo=UTC))
        Purchase.objects.update(trip_ended_at=datetime(2020, 1, 1, tzinfo=UTC))
        tasks.redact_raw_carts()
        assert told(bytes(Purchase.objects.get().raw)) == []


def nested(levels: int) -> bytes:
    return b"[" * levels + json.dumps(SHOPPER).encode() + b"]" * levels


MALFORMED: dict[str, bytes] = {
    "no JSON": b"shopper-7781 at gate-12-a",
    "half a document": body(full_cart())[:-1],
    "no text": b"\xff" + SHOPPER.encode(),
    "nested too deeply": nested(600),
    "nested much too deeply": nested(100_000),
    "a shopper who is a text": body(full_cart(shopperIdentity=SHOPPER)),
    "shoppers in a list": body(full_cart(shopperIdentity=[SHOPPER])),
    "shoppers who are objects in a list": body(full_cart(shopperIdentity=[{"id": SHOPPER}])),
    "a shopper within an object": body(full_cart(shopperIdentity={"id": {"value": SHOPPER}})),
    "a shopper by another name": body(full_cart(shopperIdentity={"shopperId": SHOPPER})),
    "a device that is an object": body(full_cart(shopperDeviceId={"id": DEVICE})),
    "a scan that is a text": body(full_cart(scanResult=SCAN)),
    "events that are texts": body(full_cart(shoppingTrip={"authEvents": [AUTH]})),
    "an event that is no list": body(full_cart(shoppingTrip={"authEvents": {"id": AUTH}})),
    "a list of carts": body([full_cart()]),
    "a text alone": body(SHOPPER),
}


class TestRedactingWhatIsMalformed:
    """Refused carts are malformed by their nature, and hold the same ids."""

    @pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
    @pytest.mark.django_db
    def test_leaves_no_id_of_a_person(self, raw: bytes) -> None:
        kept = RefusedCartFactory(raw=raw, received_at=NOW, last_received_at=NOW)
        other = RefusedCartFactory(raw=body(full_cart()), received_at=NOW, last_received_at=NOW)
        assert privacy.redact(now=NOW + 2 * DAYS) == 2
        for row in (kept, other):
            row.refresh_from_db()
            assert told(bytes(row.raw)) == []


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, settings: LazySettings) -> Callable[[], str]:
    """All that was logged, at any level and with every stack trace, as either form of our log writes it."""
    caplog.set_level(logging.DEBUG)
    forms: Any = settings.LOGGING["formatters"]
    formatters = [
        structlog.stdlib.ProcessorFormatter(**{name: value for name, value in options.items() if name != "()"})
        for options in forms.values()
    ]
    return lambda: "\n".join(formatter.format(record) for record in caplog.records for formatter in formatters)


def shown() -> str:
    """Everything that staff or Amazon get to see of a cart: all of our rows but the raw carts."""
    rows = everything()
    for table in rows.values():
        for row in table:
            row.pop("raw", None)
    return repr(rows)


@pytest.mark.usefixtures("shop")
class TestNoIdOfAPerson:
    """Is anywhere but in the raw cart."""

    def test_of_a_good_cart_gets_out(self, post: Post, service: CheckoutService, logged: Callable[[], str]) -> None:
        post(body(full_cart()))
        post(body(full_cart()))
        post(body(full_cart(cartItems=[])))
        purchase = Purchase.objects.get()
        service.script(says(503, {}), says(201, {"orderId": "113-7"}))
        for hours in (1, 2):
            at = purchase.received_at + timedelta(hours=hours)
            checkout.submit(purchase.pk, client=service.client(), clock=lambda: at)  # noqa: B023  called at once
        purchase.refresh_from_db()
        assert purchase.status == Status.ORDERED
        assert CartConflict.objects.count() == 1
        assert [told(one) for one in service.bodies] == [[], []]
        assert (told(shown()), told(logged())) == ([], [])
        assert "113-7" in shown()

    def test_of_a_parked_cart_gets_out(self, post: Post, logged: Callable[[], str]) -> None:
        post(body(full_cart(storeId="ARENA-WEST-1")))
        assert Purchase.objects.get().problems.count() == 1
        assert Alarm.objects.count() == 1
        assert (told(shown()), told(logged())) == ([], [])

    def test_of_a_cart_on_which_our_own_code_failed_gets_out(self, post: Post, logged: Callable[[], str]) -> None:
        """A stack trace is told, but not the values in it."""
        Store.objects.update(time_zone="Mars/Olympus_Mons")
        post(body(full_cart()))
        assert "ZoneInfoNotFoundError" in logged()
        assert (told(shown()), told(logged())) == ([], [])

    def test_of_a_cart_that_fails_its_self_check_gets_out(self, logged: Callable[[], str]) -> None:
        purchase = take_in(full_cart())
        Purchase.objects.update(body=b"{}")
        submit(purchase)
        assert "KeyError" in logged()
        assert (told(shown()), told(logged())) == ([], [])

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("shopperIdentity", SHOPPER),
            ("shopperIdentity.id", [SHOPPER]),
            ("shopperIdentity.id", SHOPPER * 30),
            ("shopperDeviceId", DEVICE * 30),
            ("shopperDeviceId", f"{DEVICE}\x00"),
            ("shoppingTrip.authEvents.0.id", SHOPPER),
            ("shoppingTrip.authEvents.0.id", f"{AUTH}0"),
            ("shoppingTrip.authEvents.0.scanResult", SCAN),
            ("shoppingTrip.authEvents.0.scanResult.id", {"value": SCAN}),
            ("shoppingTrip.authEvents.0.scanResult.id", SCAN * 30),
        ],
    )
    def test_of_a_refused_cart_gets_out(self, post: Post, logged: Callable[[], str], path: str, value: object) -> None:
        document = full_cart()
        *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = document
        for step in outer:
            place = place[step]
        place[last] = value
        response = post(body(document))
        assert response.status_code == 400
        assert (told(response.content), told(shown()), told(logged())) == ([], [], [])

    def test_of_a_body_that_cannot_be_read_gets_out(self, post: Post, logged: Callable[[], str]) -> None:
        response = post(b'{"shopperIdentity": {"id": "shopper-7781"}, oops')
        assert response.status_code == 400
        assert (told(response.content), told(shown()), told(logged())) == ([], [], [])


def test_no_variable_of_a_stack_trace_is_logged(logged: Callable[[], str]) -> None:
    secret = uuid4().hex

    def fail(held: str) -> None:
        raise ValueError(len(held))

    try:
        fail(secret)
    except ValueError:
        logging.getLogger("orders").exception("it failed")
    assert "ValueError" in logged()
    assert secret not in logged()
