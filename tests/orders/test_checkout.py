"""Submitting purchases: claim, call, settle; what each answer means; deadlines, holds, and what staff can do."""

import contextlib
import json
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

from catalog.models import Store
from jwo_store import amazon
from jwo_store.models import Alarm, Heartbeat, Pace
from orders import checkout, purchases, tasks
from orders.models import Purchase
from orders.statuses import MoveRefused, Outcome, Status
from tests.conftest import AtOnce
from tests.factories import PriceFactory, StoreFactory
from tests.orders.carts import cart
from tests.orders.shop import (
    NOW,
    STORE,
    Shop,
    alarms,
    attempts,
    everything,
    submit,
    take_in,
    under_lease,
)
from tests.orders.stand_ins import (
    CheckoutService,
    Died,
    Reply,
    ScriptedClient,
    Step,
    answer,
    ordered,
    refused,
    says,
    slowed_down,
    timed_out,
    unreached,
)
from tests.orders.test_purchases import nudged

LATER = NOW + timedelta(minutes=7)
DAY = timedelta(hours=24)

Committed = Any
"""The fixture that lists what is to happen after the commit."""

UNCLEAR = [("Checkout without a clear answer", STORE, 1)]


def locked_out(subject: str) -> list[tuple[str, str, int]]:
    return [("Amazon does not let us in", subject, 1)]


def turned_down(refusal: str) -> list[tuple[str, str, int]]:
    return [("Refused by Amazon", f"{STORE}: {refusal}", 1)]


# --- What each answer means: the table of the design, over a socket -------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One answer of Amazon's and all that follows from it."""

    reply: Reply
    outcome: Outcome
    status: Status
    http: int | None = None
    error: str = ""
    words: str = ""
    order_id: str | None = None
    refusal: str = ""
    charged: bool = False
    again: tuple[float, float] | None = None
    """Between how many and how many seconds from now the next try is."""
    alarms: list[tuple[str, str, int]] = field(default_factory=list)


BACKOFF = (0.0, 2.0)
SLOWLY = (300.0, 300.0)


def order(status: int, order_id: str = "113-7") -> Case:
    reply = says(status, {"orderId": order_id}, x_amzn_RequestId="amzn-1")
    return Case(reply, Outcome.ORDERED, Status.ORDERED, status, words="Ordered.", order_id=order_id)


def unclear(reply: Reply, words: str, *, heard: bool = True) -> Case:
    return Case(
        reply,
        Outcome.UNKNOWN,
        Status.AWAITING_CHECKOUT,
        reply.status if heard else None,
        words=words,
        charged=True,
        again=BACKOFF,
        alarms=UNCLEAR,
    )


def no(reply: Reply, refusal: str, error: str, words: str) -> Case:
    return Case(
        reply,
        Outcome.REFUSED,
        Status.REJECTED,
        reply.status,
        error,
        words,
        refusal=refusal,
        alarms=turned_down(refusal),
    )


def misconfigured(status: int) -> Case:
    return Case(
        says(status, {"message": "Forbidden for you."}),
        Outcome.UNAVAILABLE,
        Status.AWAITING_CHECKOUT,
        status,
        words="Forbidden for you.",
        again=SLOWLY,
        alarms=locked_out(str(status)),
    )


def slower(again: tuple[float, float], **headers: str) -> Case:
    return Case(
        says(429, {"message": "Rate exceeded."}, **headers),
        Outcome.UNAVAILABLE,
        Status.AWAITING_CHECKOUT,
        429,
        words="Rate exceeded.",
        again=again,
    )


NO_ORDER_ID = "Amazon said yes but named no order ID."
EXPIRED = {"errorMsg": "ShoppingTripExpiredException", "message": "This shopping trip has expired."}

CASES: dict[str, Case] = {
    "201 with an order ID": order(201),
    "200 with an order ID": order(200),
    "202 with an order ID": order(202),
    "an order ID of 255 characters": order(201, "1" * 255),
    "2xx without a body": unclear(Reply(201), NO_ORDER_ID),
    "2xx without an order ID": unclear(says(201, {"status": "ok"}), NO_ORDER_ID),
    "2xx with words": unclear(says(200, {"message": "Accepted for later."}), "Accepted for later."),
    "2xx with an empty order ID": unclear(says(201, {"orderId": ""}), NO_ORDER_ID),
    "2xx with a number": unclear(says(201, {"orderId": 7}), NO_ORDER_ID),
    "2xx with a list": unclear(says(201, ["113-7"]), NO_ORDER_ID),
    "2xx with an endless order ID": unclear(says(201, {"orderId": "1" * 256}), NO_ORDER_ID),
    "2xx with an order ID that no database keeps": unclear(says(201, {"orderId": "113\x00"}), NO_ORDER_ID),
    "2xx with half a character": unclear(Reply(201, b'{"orderId": "113-\\ud800"}'), NO_ORDER_ID),
    "2xx with no JSON": unclear(Reply(200, b"<html>OK</html>"), NO_ORDER_ID),
    "400 by name": no(
        says(400, {"errorMsg": "InvalidCartTotalException", "message": "The totals of this cart are wrong."}),
        "InvalidCartTotal",
        "InvalidCartTotal",
        "The totals of this cart are wrong.",
    ),
    "400 by header": no(
        Reply(400, b"{}", {"x-amzn-ErrorType": "CartContentValidationException:http://x/"}),
        "CartContentValidation",
        "CartContentValidation",
        "{}",
    ),
    "400 of an expired trip": no(says(400, EXPIRED), "ShoppingTripExpired", "ShoppingTripExpired", EXPIRED["message"]),
    "400 without a name": no(says(400, {"message": "It is wrong."}), "HTTP 400", "", "It is wrong."),
    "400 of an unknown trip": Case(
        says(400, {"errorMsg": "UnknownShoppingTripException"}),
        Outcome.REFUSED,
        Status.AWAITING_CHECKOUT,
        400,
        "UnknownShoppingTrip",
        "UnknownShoppingTripException",
        again=(30.0, 30.0),
    ),
    **{
        f"{status} of another kind": no(says(status, {"message": "No."}), f"HTTP {status}", "", "No.")
        for status in (402, 410, 413, 422, 451)
    },
    **{f"{status} for our set-up": misconfigured(status) for status in (301, 302, 307, 401, 403, 404, 405, 415)},
    **{
        f"{status} without a word": unclear(says(status, {"message": "Conflict of sorts."}), "Conflict of sorts.")
        for status in (408, 409)
    },
    "429": slower(BACKOFF),
    "429 after 7 s": slower((7.0, 7.0), Retry_After="7"),
    "429 at once": slower((1.0, 1.0), Retry_After="0"),
    "429 after a day": slower((3600.0, 3600.0), Retry_After="86400"),
    "429 after a while": slower(BACKOFF, Retry_After="a while"),
    **{f"{status}": unclear(says(status, {"message": "Try later."}), "Try later.") for status in (500, 502, 503, 504)},
    "503 with a time": unclear(says(503, {"message": "Try later."}, Retry_After="900"), "Try later."),
    "503 with an error page": unclear(Reply(503, b"<h1>Down</h1>"), "<h1>Down</h1>"),
    "a connection that breaks": unclear(Reply(None), "Amazon's answer did not come whole, or is none."),
    "silence": unclear(Reply(201, after=0.6), "Amazon did not answer in time.", heard=False),
}


@pytest.mark.usefixtures("shop")
class TestWhatAmazonSays:
    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    def test_decides_what_follows(self, service: CheckoutService, case: Case) -> None:
        purchase = take_in()
        service.script(case.reply)
        checkout.submit(purchase.pk, client=service.client(read_timeout=0.3), clock=lambda: NOW)
        purchase.refresh_from_db()
        assert service.bodies == [bytes(purchase.body or b"")]
        self._the_attempt(purchase, service, case)
        self._the_purchase(purchase, case)
        assert alarms() == case.alarms

    def _the_attempt(self, purchase: Purchase, service: CheckoutService, case: Case) -> None:
        [attempt] = attempts(purchase)
        assert (attempt.number, attempt.started_at) == (1, NOW)
        assert (attempt.environment, attempt.host) == ("sandbox", service.host)
        assert (attempt.outcome, attempt.status, attempt.error) == (case.outcome, case.http, case.error)
        assert attempt.words == case.words
        assert attempt.amazon_request_id == case.reply.headers.get("x-amzn-RequestId", "")
        assert attempt.seconds is not None
        assert 0 < attempt.seconds < 2

    def _the_purchase(self, purchase: Purchase, case: Case) -> None:
        assert (purchase.status, purchase.possibly_charged) == (case.status, case.charged)
        assert (purchase.order_id, purchase.refusal) == (case.order_id, case.refusal)
        assert purchase.ordered_at == (NOW if case.order_id else None)
        assert purchase.tries == 1
        if case.again is None:
            assert purchase.submit_after is None
        else:
            assert purchase.submit_after is not None
            earliest, latest = case.again
            assert earliest <= (purchase.submit_after - NOW).total_seconds() <= latest
        assert purchase.failures == (1 if case.again else 0)

    def test_is_not_heard_when_nobody_listens(self, service: CheckoutService) -> None:
        purchase = take_in()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        client = amazon.Client(url, region="us-east-1", connect_timeout=1, read_timeout=1, total_timeout=2)
        checkout.submit(purchase.pk, client=client, clock=lambda: NOW)
        purchase.refresh_from_db()
        [attempt] = attempts(purchase)
        assert (attempt.outcome, attempt.status) == (Outcome.UNAVAILABLE, None)
        assert attempt.words == "Amazon could not be reached: the connection was refused."
        assert (purchase.status, purchase.possibly_charged) == (Status.AWAITING_CHECKOUT, False)
        assert service.bodies == []
        assert alarms() == []

    def test_is_not_asked_for_without_keys(
        self,
        service: CheckoutService,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Any,
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        purchase = take_in()
        service.script(says(201, {"orderId": "113-7"}))
        checkout.submit(purchase.pk, client=service.client(), clock=lambda: NOW)
        amazon._KEYRINGS.clear()
        purchase.refresh_from_db()
        [attempt] = attempts(purchase)
        assert (attempt.outcome, attempt.words) == (Outcome.UNAVAILABLE, "No AWS credentials were found.")
        assert (purchase.possibly_charged, purchase.submit_after) == (False, NOW + timedelta(minutes=5))
        assert service.bodies == []
        assert alarms() == locked_out("no credentials")


class TestTheBody:
    def test_is_the_same_to_the_byte_in_every_try(
        self,
        shop: Shop,
        service: CheckoutService,
        person: User,
    ) -> None:
        purchase = take_in()
        stored = bytes(purchase.body or b"")
        service.script(says(503, {}), Reply(None), says(429, {}), says(403, {}), says(201, {"orderId": "113-7"}))
        PriceFactory(product=shop.cola, store=shop.store, amount="1.00")
        hours = [NOW + timedelta(hours=number) for number in range(5)]
        for at in hours[:4]:
            self._try(purchase, service, at)
        checkout.send_again(Purchase.objects.get(), by=person, now=hours[4])
        self._try(purchase, service, hours[4])
        purchase.refresh_from_db()
        assert purchase.status == Status.ORDERED
        assert service.bodies == [stored] * 5
        assert [one.outcome for one in attempts(purchase)] == [
            "UNKNOWN",
            "UNKNOWN",
            "UNAVAILABLE",
            "UNAVAILABLE",
            "ORDERED",
        ]

    def _try(self, purchase: Purchase, service: CheckoutService, at: datetime) -> None:
        checkout.submit(purchase.pk, client=service.client(), clock=lambda: at)


@pytest.mark.usefixtures("shop")
class TestTheNextTry:
    @pytest.mark.parametrize(("failures", "ceiling"), [(0, 2), (1, 4), (3, 16), (7, 256), (8, 300), (99, 300)])
    def test_is_a_random_time_below_a_bound_that_doubles(self, failures: int, ceiling: int) -> None:
        purchase = Purchase(failures=failures)
        result = checkout.Result(Outcome.UNKNOWN)
        random.seed(failures)
        delays = [checkout._delay(purchase, result) or 0.0 for _ in range(200)]
        assert 0 <= min(delays) < ceiling * 0.1
        assert ceiling * 0.9 < max(delays) <= ceiling

    def test_counts_the_failures_in_a_row(self) -> None:
        purchase = take_in()
        at = NOW
        for number in range(1, 5):
            submit(purchase, unreached(), at=at)
            assert (purchase.failures, purchase.tries) == (number, number)
            assert purchase.submit_after is not None
            assert at <= purchase.submit_after <= at + timedelta(seconds=2**number)
            at = purchase.submit_after

    def test_of_an_unknown_trip_comes_after_30_seconds_2_minutes_and_10_minutes(self) -> None:
        purchase = take_in()
        at, waits = NOW, []
        for _ in range(3):
            submit(purchase, refused("UnknownShoppingTrip"), at=at)
            assert (purchase.status, alarms()) == (Status.AWAITING_CHECKOUT, [])
            assert purchase.submit_after is not None
            waits.append((purchase.submit_after - at).total_seconds())
            at = purchase.submit_after
        assert waits == [30, 120, 600]
        submit(purchase, refused("UnknownShoppingTrip"), at=at)
        assert (purchase.status, purchase.refusal) == (Status.REJECTED, "UnknownShoppingTrip")
        assert (purchase.submit_after, purchase.possibly_charged, purchase.tries) == (None, False, 4)
        assert alarms() == turned_down("UnknownShoppingTrip")

    def test_of_an_unknown_trip_counts_anew_when_staff_send_it_again(self, person: User) -> None:
        purchase = take_in()
        for _ in range(4):
            submit(purchase, refused("UnknownShoppingTrip"), at=purchase.submit_after or NOW)
        again = NOW + timedelta(hours=2)
        checkout.send_again(purchase, by=person, now=again)
        submit(purchase, refused("UnknownShoppingTrip"), at=again)
        assert (purchase.status, purchase.submit_after) == (Status.AWAITING_CHECKOUT, again + timedelta(seconds=30))

    def test_is_not_before_amazon_said(self) -> None:
        purchase = take_in()
        submit(purchase, slowed_down(45.0))
        assert submit(purchase, ordered(), at=NOW + timedelta(seconds=44, microseconds=999_999)).sent == []
        submit(purchase, ordered(), at=NOW + timedelta(seconds=45))
        assert purchase.status == Status.ORDERED

    def test_after_an_unclear_one_that_is_refused_leaves_the_charge_in_doubt(self) -> None:
        purchase = take_in()
        submit(purchase, timed_out())
        submit(purchase, refused("InvalidCartTotal"), at=LATER)
        assert (purchase.status, purchase.possibly_charged) == (Status.REJECTED, True)
        assert alarms() == [*UNCLEAR, ("Refused by Amazon", purchase.purchase_id, 1)]
        assert "It may have been charged by an earlier try." in Alarm.objects.get(kind="Refused by Amazon").text


@pytest.mark.usefixtures("shop")
class TestTheClaim:
    def test_holds_the_purchase_for_the_length_of_the_lease(self) -> None:
        purchase = take_in()
        seen: list[tuple[Any, ...]] = []

        def look() -> amazon.Answer:
            row = Purchase.objects.get()
            seen.append((row.status, row.submit_after, row.tries, [one.outcome for one in attempts(row)]))
            assert submit(Purchase.objects.get(), at=under_lease() - timedelta(microseconds=1)).sent == []
            assert checkout.overdue(now=under_lease() - timedelta(microseconds=1)) == []
            return ordered()

        submit(purchase, look)
        assert seen == [(Status.AWAITING_CHECKOUT, under_lease(), 1, [""])]
        assert (purchase.status, purchase.tries, len(attempts(purchase))) == (Status.ORDERED, 1, 1)

    def test_is_not_for_what_is_not_due_yet(self) -> None:
        purchase = take_in()
        before = everything()
        assert submit(purchase, at=NOW - timedelta(microseconds=1)).sent == []
        assert everything() == before

    @pytest.mark.parametrize("outcome", [ordered(), refused()], ids=["ordered", "rejected"])
    def test_is_not_for_what_is_finished(self, outcome: Step) -> None:
        purchase = take_in()
        submit(purchase, outcome)
        before = everything()
        assert submit(purchase, at=LATER).sent == []
        assert everything() == before

    def test_is_not_for_what_does_not_exist(self) -> None:
        checkout.submit(404, client=ScriptedClient(), clock=lambda: NOW)

    def test_is_not_for_another_environment(self, settings: LazySettings, person: User) -> None:
        """A restored copy of the live database can't send."""
        settings.JWO_ENVIRONMENT = "live"
        purchase = take_in()
        settings.JWO_ENVIRONMENT = "test"
        before = everything()
        assert submit(purchase, at=LATER).sent == []
        assert checkout.overdue(now=LATER) == []
        with pytest.raises(MoveRefused, match="This purchase is of the live environment: it is never sent from here"):
            checkout.send_again(purchase, by=person, now=LATER)
        assert everything() == before

    def test_is_for_live_purchases_where_amazon_is_live(self, settings: LazySettings) -> None:
        settings.JWO_ENVIRONMENT = "live"
        purchase = take_in()
        submit(purchase, ordered())
        assert (purchase.status, attempts(purchase)[0].environment) == (Status.ORDERED, "live")

    def test_is_not_for_a_test_trip_where_amazon_is_live(self, settings: LazySettings, person: User) -> None:
        settings.JWO_ENVIRONMENT = "live"
        purchase = take_in()
        Purchase.objects.update(is_test=True)
        purchase.refresh_from_db()
        before = everything()
        assert submit(purchase, at=LATER).sent == []
        assert checkout.overdue(now=LATER) == []
        with pytest.raises(MoveRefused, match="This is a test trip, which is never sent to live Amazon"):
            checkout.send_again(purchase, by=person, now=LATER)
        assert everything() == before

    def test_that_took_too_long_sends_nothing(self) -> None:
        """The lease keeps calls of one trip apart only while a call surely ends within it."""
        purchase = take_in()
        client = ScriptedClient()
        times = iter([NOW, NOW, NOW + timedelta(seconds=90), LATER])
        checkout.submit(purchase.pk, client=client, clock=lambda: next(times))
        purchase.refresh_from_db()
        [attempt] = attempts(purchase)
        assert client.sent == []
        assert (attempt.outcome, attempt.status) == (Outcome.UNAVAILABLE, None)
        assert attempt.words == "Claimed too long ago to call Amazon safely; nothing was sent."
        assert (purchase.status, purchase.possibly_charged) == (Status.AWAITING_CHECKOUT, False)
        assert purchase.submit_after is not None
        assert LATER <= purchase.submit_after <= LATER + timedelta(seconds=2)

    def test_that_leaves_the_time_of_one_call_sends(self) -> None:
        purchase = take_in()
        client = ScriptedClient(ordered())
        times = iter([NOW, NOW, NOW + timedelta(seconds=89), LATER])
        checkout.submit(purchase.pk, client=client, clock=lambda: next(times))
        assert len(client.sent) == 1

    @pytest.mark.django_db(transaction=True)
    def test_is_won_by_one_of_many(self, at_once: AtOnce) -> None:
        purchase = take_in()
        client = ScriptedClient(ordered())
        at_once(10, lambda _: checkout.submit(purchase.pk, client=client, clock=lambda: NOW))
        purchase.refresh_from_db()
        assert len(client.sent) == 1
        assert (purchase.status, purchase.tries, len(attempts(purchase))) == (Status.ORDERED, 1, 1)

    @pytest.mark.django_db(transaction=True)
    def test_is_won_once_for_each_of_several_purchases(self, at_once: AtOnce) -> None:
        rows = [take_in(cart(idempotentShoppingTripId=f"trip-{number}")) for number in range(6)]
        client = ScriptedClient(lambda: ordered("113-8"))

        def work_through(number: int) -> None:
            for row in rows[number % 6 :] + rows[: number % 6]:
                checkout.submit(row.pk, client=client, clock=lambda: NOW)

        at_once(6, work_through)
        assert sorted(client.sent) == sorted(bytes(row.body or b"") for row in rows)
        assert set(Purchase.objects.values_list("status", "tries")) == {(Status.ORDERED, 1)}


@pytest.mark.usefixtures("shop")
class TestATryThatWasCutShort:
    def cut_short(self) -> Purchase:
        purchase = take_in()
        with pytest.raises(Died):
            submit(purchase, Died())
        purchase.refresh_from_db()
        return purchase

    def test_is_open_until_its_lease_is_over(self) -> None:
        purchase = self.cut_short()
        assert [one.outcome for one in attempts(purchase)] == [""]
        assert (purchase.submit_after, purchase.possibly_charged) == (under_lease(), False)
        assert submit(purchase, at=under_lease() - timedelta(microseconds=1)).sent == []

    def test_is_followed_by_one_with_the_same_bytes(self) -> None:
        purchase = self.cut_short()
        client = submit(purchase, ordered(), at=under_lease())
        first, second = attempts(purchase)
        assert (first.outcome, first.words) == (
            Outcome.UNKNOWN,
            "This try was cut short before Amazon's answer was read.",
        )
        assert (second.number, second.outcome) == (2, Outcome.ORDERED)
        assert client.sent == [bytes(purchase.body or b"")]
        assert (purchase.status, purchase.possibly_charged) == (Status.ORDERED, True)
        assert alarms() == UNCLEAR

    def test_keeps_its_amounts(self, person: User) -> None:
        purchase = self.cut_short()
        submit(purchase, refused(), at=under_lease())
        before = everything()
        with pytest.raises(MoveRefused, match="Amazon may have charged this purchase, so its amounts stay"):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before

    def test_counts_when_staff_send_it_again(self, person: User) -> None:
        purchase = self.cut_short()
        checkout.send_again(purchase, by=person, now=under_lease())
        purchase.refresh_from_db()
        assert (purchase.possibly_charged, attempts(purchase)[0].outcome) == (True, Outcome.UNKNOWN)
        assert (purchase.status, purchase.submit_after) == (Status.AWAITING_CHECKOUT, under_lease())
        assert alarms() == UNCLEAR

    def test_counts_when_staff_close_it(self, person: User) -> None:
        purchase = self.cut_short()
        checkout.close(purchase, reason="The shopper paid at the desk.", by=person, now=under_lease())
        purchase.refresh_from_db()
        assert (purchase.status, purchase.possibly_charged) == (Status.CLOSED, True)
        assert alarms() == UNCLEAR


@pytest.mark.usefixtures("shop")
class TestALateAnswer:
    """A try that ends after its lease, when another one has been made meanwhile."""

    def late(
        self, answer_of_the_first: Step, *meanwhile: Step, then: Callable[[Purchase], None] | None = None
    ) -> Purchase:
        """The purchase after the first try's answer has come late; the second try ran while the first hung."""
        purchase = take_in()

        def hang() -> amazon.Answer:
            submit(Purchase.objects.get(), *meanwhile, at=under_lease())
            if then:
                then(Purchase.objects.get())
            if isinstance(answer_of_the_first, amazon.AmazonError):
                raise answer_of_the_first
            assert isinstance(answer_of_the_first, amazon.Answer)
            return answer_of_the_first

        submit(purchase, hang)
        return purchase

    LATE: dict[str, tuple[Step, Outcome]] = {
        "a refusal": (refused(), Outcome.REFUSED),
        "an unknown trip": (refused("UnknownShoppingTrip"), Outcome.REFUSED),
        "a wish for patience": (slowed_down(1000), Outcome.UNAVAILABLE),
        "nothing": (unreached(), Outcome.UNAVAILABLE),
        "a time-out": (timed_out(), Outcome.UNKNOWN),
        "a yes without an order ID": (answer(201), Outcome.UNKNOWN),
    }

    @pytest.mark.parametrize(("step", "outcome"), LATE.values(), ids=LATE)
    def test_takes_no_order_away(self, step: Step, outcome: Outcome) -> None:
        purchase = self.late(step, ordered("113-2"))
        assert (purchase.status, purchase.order_id, purchase.ordered_at) == (Status.ORDERED, "113-2", under_lease())
        assert (purchase.submit_after, purchase.refusal, purchase.possibly_charged) == (None, "", True)
        assert [one.outcome for one in attempts(purchase)] == [outcome, Outcome.ORDERED]
        assert {kind for kind, _, _ in alarms()} == {"Checkout without a clear answer"}

    @pytest.mark.parametrize(("step", "outcome"), LATE.values(), ids=LATE)
    def test_moves_no_later_schedule(self, step: Step, outcome: Outcome) -> None:
        purchase = self.late(step, slowed_down(500))
        assert (purchase.status, purchase.refusal) == (Status.AWAITING_CHECKOUT, "")
        assert purchase.submit_after == under_lease() + timedelta(seconds=500)
        assert (purchase.tries, purchase.failures) == (2, 1)
        assert [one.outcome for one in attempts(purchase)] == [outcome, Outcome.UNAVAILABLE]

    def test_with_an_order_id_wins_over_a_refusal(self) -> None:
        purchase = self.late(ordered("113-1"), refused())
        assert (purchase.status, purchase.order_id, purchase.refusal) == (Status.ORDERED, "113-1", "")
        assert purchase.submit_after is None

    def test_with_an_order_id_wins_over_a_later_try_under_way(self) -> None:
        purchase = self.late(ordered("113-1"), slowed_down(500))
        assert (purchase.status, purchase.order_id, purchase.submit_after) == (Status.ORDERED, "113-1", None)

    def test_with_an_order_id_wins_over_a_closing(self, person: User) -> None:
        def give_up(purchase: Purchase) -> None:
            checkout.close(purchase, reason="It took too long.", by=person, now=LATER)

        purchase = self.late(ordered("113-1"), slowed_down(1), then=give_up)
        assert (purchase.status, purchase.order_id, purchase.closed_reason) == (Status.ORDERED, "113-1", "")
        assert purchase.notes.get().text == "Closed: It took too long."

    def test_with_the_same_order_id_is_no_second_order(self) -> None:
        purchase = self.late(ordered("113-1"), ordered("113-1"))
        assert (purchase.order_id, purchase.ordered_at) == ("113-1", under_lease())
        assert alarms() == UNCLEAR

    def test_with_another_order_id_is_told(self) -> None:
        purchase = self.late(ordered("113-1"), ordered("113-2"))
        assert (purchase.order_id, purchase.possibly_charged) == ("113-2", True)
        assert alarms() == [*UNCLEAR, ("Two orders for one trip", purchase.purchase_id, 1)]
        assert "113-1" in Alarm.objects.get(kind="Two orders for one trip").text


@pytest.mark.usefixtures("shop")
class TestTheDeadline:
    def tried(self, step: Step) -> Purchase:
        purchase = take_in()
        submit(purchase, step)
        return purchase

    def test_is_24_hours_after_the_cart_came_in(self) -> None:
        purchase = self.tried(unreached())
        assert purchase.deadline == NOW + DAY
        client = submit(purchase, unreached(), at=NOW + DAY)
        assert (len(client.sent), purchase.status) == (1, Status.AWAITING_CHECKOUT)

    def test_closes_what_was_tried_and_not_charged(self) -> None:
        purchase = self.tried(unreached())
        client = submit(purchase, at=NOW + DAY + timedelta(microseconds=1))
        assert (client.sent, len(attempts(purchase))) == ([], 1)
        assert (purchase.status, purchase.submit_after, purchase.possibly_charged) == (Status.CLOSED, None, False)
        assert purchase.closed_reason == "Time ran out without an order from Amazon."
        assert alarms() == [("Purchase given up", purchase.purchase_id, 1)]

    def test_closes_what_may_have_been_charged_as_unknown(self, person: User) -> None:
        purchase = self.tried(timed_out())
        stored = bytes(purchase.body or b"")
        submit(purchase, at=NOW + 2 * DAY)
        assert (purchase.status, purchase.possibly_charged) == (Status.CLOSED, True)
        assert purchase.closed_reason == (
            "Outcome unknown: time ran out without a clear answer from Amazon, and the card may have been charged."
        )
        assert alarms() == [*UNCLEAR, ("Purchase given up", purchase.purchase_id, 1)]
        checkout.send_again(purchase, by=person, now=NOW + 3 * DAY)
        client = submit(purchase, ordered(), at=NOW + 3 * DAY)
        assert (client.sent, purchase.status, purchase.closed_reason) == ([stored], Status.ORDERED, "")

    def test_closes_what_was_cut_short_as_unknown(self) -> None:
        purchase = take_in()
        with pytest.raises(Died):
            submit(purchase, Died())
        submit(purchase, at=NOW + 2 * DAY)
        assert (purchase.status, purchase.possibly_charged) == (Status.CLOSED, True)
        assert purchase.closed_reason.startswith("Outcome unknown")

    def test_never_closes_what_was_not_tried(self) -> None:
        purchase = take_in()
        client = submit(purchase, unreached(), at=NOW + 3 * DAY)
        assert (len(client.sent), purchase.status) == (1, Status.AWAITING_CHECKOUT)
        submit(purchase, at=NOW + 4 * DAY)
        assert purchase.status == Status.CLOSED

    def test_never_closes_what_waits_for_a_repair(self) -> None:
        purchase = take_in(cart(storeId="ARENA-WEST-1"))
        before = everything()
        assert submit(purchase, at=NOW + 3 * DAY).sent == []
        assert everything() == before

    def test_never_closes_what_is_held(self) -> None:
        purchase = self.tried(unreached())
        Store.objects.update(on_hold=True)
        before = everything()
        assert submit(purchase, at=NOW + 3 * DAY).sent == []
        assert everything() == before

    def test_runs_anew_from_a_repair(self, shop: Shop, person: User) -> None:
        purchase = self.tried(refused())
        repaired = NOW + 2 * DAY
        purchases.reprice(purchase, by=person, now=repaired)
        purchase.refresh_from_db()
        assert purchase.deadline == repaired + DAY
        submit(purchase, unreached(), at=repaired)
        submit(purchase, unreached(), at=repaired + DAY)
        assert (purchase.status, purchase.tries) == (Status.AWAITING_CHECKOUT, 3)
        submit(purchase, at=repaired + DAY + timedelta(minutes=1))
        assert purchase.status == Status.CLOSED
        assert shop.store.purchases.get() == purchase

    def test_runs_anew_when_staff_send_again(self, person: User) -> None:
        purchase = self.tried(refused())
        again = NOW + 2 * DAY
        checkout.send_again(purchase, by=person, now=again)
        assert purchase.deadline == again + DAY
        client = submit(purchase, unreached(), at=again + 2 * DAY)
        assert (len(client.sent), purchase.status) == (1, Status.AWAITING_CHECKOUT)


@pytest.mark.usefixtures("shop")
class TestAStoreOnHold:
    def test_takes_carts_in_and_sends_nothing(self) -> None:
        Store.objects.update(on_hold=True)
        purchase = take_in()
        assert (purchase.status, purchase.body is None) == (Status.AWAITING_CHECKOUT, False)
        before = everything()
        assert submit(purchase, at=LATER).sent == []
        assert checkout.overdue(now=LATER) == []
        assert everything() == before

    def test_sends_what_waited_once_it_is_released(self) -> None:
        Store.objects.update(on_hold=True)
        purchase = take_in()
        Store.objects.update(on_hold=False)
        assert checkout.overdue(now=LATER) == [purchase.pk]
        submit(purchase, ordered(), at=LATER)
        assert purchase.status == Status.ORDERED

    def test_holds_no_other_store(self) -> None:
        StoreFactory(on_hold=True)
        purchase = take_in()
        submit(purchase, ordered())
        assert purchase.status == Status.ORDERED


@pytest.mark.usefixtures("shop")
class TestThePace:
    def test_is_not_kept_without_a_limit(self) -> None:
        submit(take_in(), ordered())
        assert not Pace.objects.exists()

    def test_gives_each_call_its_slot(self, settings: LazySettings) -> None:
        settings.CHECKOUT_MAX_PER_SECOND = 20
        rows = [take_in(cart(idempotentShoppingTripId=f"trip-{number}")) for number in range(3)]
        started = timezone.now()
        for row in rows:
            checkout.submit(row.pk, client=ScriptedClient(ordered()), clock=timezone.now)
        begun = [attempts(row)[0].started_at - started for row in rows]
        assert begun[1] >= timedelta(seconds=0.05)
        assert begun[2] >= timedelta(seconds=0.1)
        assert Pace.objects.get(name="checkout").next_at >= started + timedelta(seconds=0.15)

    def test_sends_what_has_no_slot_soon_away_untouched(self, settings: LazySettings) -> None:
        settings.CHECKOUT_MAX_PER_SECOND = 1
        purchase = take_in()
        Pace.objects.create(name="checkout", next_at=NOW + timedelta(seconds=5.001))
        before = everything()
        assert submit(purchase).sent == []
        assert everything() == before
        assert Pace.objects.get().next_at == NOW + timedelta(seconds=5.001)

    def test_takes_no_slot_for_what_is_not_due(self, settings: LazySettings) -> None:
        settings.CHECKOUT_MAX_PER_SECOND = 1
        purchase = take_in()
        submit(purchase, at=NOW - timedelta(seconds=1))
        assert not Pace.objects.exists()


@pytest.mark.usefixtures("shop")
class TestTheSelfCheck:
    """Bodies that no longer fit their cart are made by hand here: nothing of ours makes them."""

    def spoil(self, purchase: Purchase) -> None:
        document = json.loads(bytes(purchase.body or b""))
        document["orderTotals"]["priceTotal"]["amount"] = "0.01"
        Purchase.objects.filter(pk=purchase.pk).update(body=json.dumps(document).encode())

    def assert_parked(self, purchase: Purchase, client: ScriptedClient) -> None:
        assert client.sent == []
        assert (purchase.status, purchase.submit_after) == (Status.UNPRICED, None)
        message = (
            "Our own check before sending failed: priceTotal is not subTotal - promotionsTotal + salesTaxTotal. "
            "Nothing was sent. Tell the software's maker."
        )
        assert list(purchase.problems.values_list("cause", "line", "message")) == [("fault", None, message)]
        assert ("Self-check failed", purchase.purchase_id) in [(kind, subject) for kind, subject, _ in alarms()]

    def test_parks_a_wrong_body_before_it_is_sent(self, caplog: pytest.LogCaptureFixture) -> None:
        purchase = take_in()
        self.spoil(purchase)
        client = submit(purchase)
        self.assert_parked(purchase, client)
        assert (attempts(purchase), purchase.possibly_charged) == ([], False)
        assert alarms() == [("Self-check failed", purchase.purchase_id, 1)]
        [trace] = [record for record in caplog.records if record.exc_info]
        assert trace.getMessage() == f"purchase {purchase.purchase_id} fails its self-check"

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"no JSON", b'{"idempotentShoppingTripId": 1}'])
    def test_parks_what_is_no_body_at_all(self, body: bytes) -> None:
        purchase = take_in()
        Purchase.objects.update(body=body)
        client = submit(purchase)
        assert (client.sent, purchase.status) == ([], Status.UNPRICED)
        assert alarms() == [("Self-check failed", purchase.purchase_id, 1)]

    def test_parks_a_cart_that_no_longer_passes_the_contract(self, settings: LazySettings) -> None:
        purchase = take_in()
        settings.CART_ITEM_TYPES = ["SCANCODE"]
        client = submit(purchase)
        assert (client.sent, purchase.status) == ([], Status.UNPRICED)
        assert purchase.problems.get().cause == "fault"

    def test_is_mended_by_pricing_again(self, person: User) -> None:
        purchase = take_in()
        good = bytes(purchase.body or b"")
        self.spoil(purchase)
        submit(purchase)
        purchases.reprice(purchase, by=person, now=LATER)
        client = submit(purchase, ordered(), at=LATER)
        assert (client.sent, purchase.status) == ([good], Status.ORDERED)
        assert purchase.problems.count() == 0

    def test_is_made_of_the_body_of_a_repaired_purchase(self, person: User) -> None:
        purchase = take_in()
        self.spoil(purchase)
        submit(purchase)
        purchases.reprice(purchase, by=person, now=LATER)
        self.spoil(purchase)
        self.assert_parked(purchase, submit(purchase, ordered(), at=LATER))

    def test_is_made_of_the_new_body_of_a_refused_purchase(self, person: User) -> None:
        purchase = take_in()
        submit(purchase, refused())
        purchases.reprice(purchase, by=person, now=LATER)
        self.spoil(purchase)
        self.assert_parked(purchase, submit(purchase, ordered(), at=LATER))

    def test_keeps_a_wrong_body_from_being_sent_after_its_purchase_was_closed(self, person: User) -> None:
        purchase = take_in()
        self.spoil(purchase)
        submit(purchase)
        checkout.close(purchase, reason="Nobody knows.", by=person, now=LATER)
        with contextlib.suppress(MoveRefused):
            checkout.send_again(purchase, by=person, now=LATER)
        assert submit(purchase, ordered(), at=LATER).sent == []

    def test_is_not_made_of_what_was_sent_already(self, settings: LazySettings) -> None:
        """A body that may have been charged is sent again whatever we think of it now."""
        purchase = take_in()
        submit(purchase, timed_out())
        settings.CART_ITEM_TYPES = ["SCANCODE"]
        submit(purchase, ordered(), at=LATER)
        assert purchase.status == Status.ORDERED


@pytest.mark.usefixtures("shop")
class TestOverdue:
    """What the sweep finds; it runs every SWEEP_EVERY seconds."""

    @pytest.fixture(autouse=True)
    def every_ten_seconds(self, settings: LazySettings) -> None:
        settings.SWEEP_EVERY = 10.0

    def test_is_what_was_not_tried_within_one_round(self) -> None:
        purchase = take_in()
        assert checkout.overdue(now=NOW + timedelta(seconds=9.999)) == []
        assert checkout.overdue(now=NOW + timedelta(seconds=10)) == [purchase.pk]

    def test_is_what_is_due_for_another_try(self) -> None:
        purchase = take_in()
        submit(purchase, slowed_down(60))
        assert checkout.overdue(now=NOW + timedelta(seconds=59.999)) == []
        assert checkout.overdue(now=NOW + timedelta(seconds=60)) == [purchase.pk]

    def test_is_what_was_cut_short_once_its_lease_is_over(self) -> None:
        purchase = take_in()
        with pytest.raises(Died):
            submit(purchase, Died())
        assert checkout.overdue(now=under_lease() - timedelta(seconds=0.001)) == []
        assert checkout.overdue(now=under_lease()) == [purchase.pk]

    def test_is_not_what_is_finished_parked_or_empty(self) -> None:
        submit(take_in(cart(idempotentShoppingTripId="ordered")), ordered())
        submit(take_in(cart(idempotentShoppingTripId="rejected")), refused())
        take_in(cart(idempotentShoppingTripId="empty", cartItems=[]))
        take_in(cart(idempotentShoppingTripId="parked", storeId="ARENA-WEST-1"))
        assert checkout.overdue(now=NOW + DAY) == []

    def test_is_served_longest_due_first_whether_tried_or_not(self) -> None:
        untried = [take_in(cart(idempotentShoppingTripId=f"u{n}"), at=NOW + timedelta(seconds=n)) for n in (3, 1)]
        tried = [take_in(cart(idempotentShoppingTripId=f"t{n}")) for n in (4, 2)]
        for purchase, seconds in zip(tried, (4, 2), strict=True):
            submit(purchase, slowed_down(seconds))
        due = checkout.overdue(now=NOW + timedelta(minutes=1))
        assert due == [untried[1].pk, tried[1].pk, untried[0].pk, tried[0].pk]

    def test_is_at_most_200_a_round(self) -> None:
        pattern = take_in()
        copies = []
        for number in range(230):
            copy = Purchase.objects.get(pk=pattern.pk)
            copy.pk = None
            copy.purchase_id, copy.trip_id = f"P-{number}", f"copy-{number}"
            copy.submit_after = NOW + timedelta(seconds=number + 1)
            copy.tries = number % 2
            copies.append(copy)
        Purchase.objects.bulk_create(copies)
        due = checkout.overdue(now=NOW + timedelta(hours=1))
        oldest = Purchase.objects.order_by("submit_after").values_list("pk", flat=True)[:200]
        assert due == list(oldest)

    def test_leaves_a_heartbeat(self) -> None:
        checkout.overdue(now=NOW)
        checkout.overdue(now=LATER)
        assert list(Heartbeat.objects.values_list("name", "at")) == [("sweep", LATER)]


@pytest.mark.usefixtures("shop")
class TestSendingAgain:
    @pytest.mark.parametrize("step", [refused(), timed_out(), unreached()], ids=["rejected", "unclear", "unreached"])
    def test_sends_the_same_bytes_at_once(
        self,
        person: User,
        step: Step,
        django_capture_on_commit_callbacks: Committed,
    ) -> None:
        purchase = take_in()
        body = bytes(purchase.body or b"")
        submit(purchase, step)
        charged = purchase.possibly_charged
        with django_capture_on_commit_callbacks() as callbacks:
            checkout.send_again(purchase, by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.submit_after, purchase.failures) == (Status.AWAITING_CHECKOUT, LATER, 0)
        assert (purchase.refusal, purchase.deadline_from, purchase.possibly_charged) == ("", LATER, charged)
        assert bytes(purchase.body or b"") == body
        assert list(purchase.notes.values_list("text", "by", "at")) == [
            ("Sent again by hand, unchanged.", person.pk, LATER)
        ]
        assert len(callbacks) == 1

    def test_reopens_what_was_closed(self, person: User) -> None:
        purchase = take_in()
        checkout.close(purchase, reason="A mistake.", by=person, now=NOW)
        checkout.send_again(purchase, by=person, now=LATER)
        submit(purchase, ordered(), at=LATER)
        assert (purchase.status, purchase.closed_reason) == (Status.ORDERED, "")

    def test_is_refused_when_there_is_nothing_to_send(self, person: User) -> None:
        done = take_in(cart(idempotentShoppingTripId="done"))
        submit(done, ordered())
        empty = take_in(cart(idempotentShoppingTripId="empty", cartItems=[]))
        parked = take_in(cart(idempotentShoppingTripId="parked", storeId="ARENA-WEST-1"))
        given_up = take_in(cart(idempotentShoppingTripId="given up", storeId="ARENA-WEST-1"))
        checkout.close(given_up, reason="No such store.", by=person, now=NOW)
        before = everything()
        told = []
        for purchase in (done, empty, parked, given_up):
            with pytest.raises(MoveRefused) as refusal:
                checkout.send_again(purchase, by=person, now=LATER)
            told.append(str(refusal.value))
        assert told == [
            f"This purchase is “{status}”: there is nothing to send again."
            for status in ("ordered", "empty cart", "waiting for a repair", "given up")
        ]
        assert everything() == before

    def test_is_refused_while_a_try_runs(self, person: User) -> None:
        purchase = take_in()
        tried: list[str] = []

        def meddle() -> amazon.Answer:
            before = everything()
            row, at = Purchase.objects.get(), NOW + timedelta(seconds=1)
            with pytest.raises(MoveRefused) as refusal:
                checkout.send_again(row, by=person, now=at)
            tried.append(str(refusal.value))
            with pytest.raises(MoveRefused) as refusal:
                checkout.close(row, reason="Impatience.", by=person, now=at)
            tried.append(str(refusal.value))
            assert everything() == before
            return ordered()

        submit(purchase, meddle)
        assert tried == ["A try is running at this moment. Wait for its outcome, at most two minutes."] * 2
        assert purchase.status == Status.ORDERED

    def test_is_refused_when_somebody_else_was_faster(self, person: User) -> None:
        purchase = take_in()
        submit(purchase, refused())
        stale = Purchase.objects.get()
        checkout.send_again(purchase, by=person, now=LATER)
        before = everything()
        with pytest.raises(MoveRefused, match="Somebody else changed this purchase meanwhile"):
            checkout.send_again(stale, by=person, now=LATER)
        assert everything() == before


@pytest.mark.usefixtures("shop")
class TestClosing:
    @pytest.mark.parametrize("status", [Status.AWAITING_CHECKOUT, Status.REJECTED, Status.UNPRICED])
    def test_gives_a_purchase_up_with_the_reason(self, person: User, status: Status) -> None:
        purchase = take_in(cart(storeId="ARENA-WEST-1") if status == Status.UNPRICED else cart())
        if status == Status.REJECTED:
            submit(purchase, refused())
        assert purchase.status == status
        checkout.close(purchase, reason="  The shopper paid at the desk. ", by=person, now=LATER)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.submit_after) == (Status.CLOSED, None)
        assert purchase.closed_reason == "The shopper paid at the desk."
        assert list(purchase.notes.values_list("text", "by", "at")) == [
            ("Closed: The shopper paid at the desk.", person.pk, LATER)
        ]
        assert submit(purchase, at=LATER).sent == []

    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_wants_a_reason(self, person: User, reason: str) -> None:
        purchase = take_in()
        before = everything()
        with pytest.raises(MoveRefused, match="Say why this purchase is given up"):
            checkout.close(purchase, reason=reason, by=person, now=LATER)
        assert everything() == before

    def test_is_refused_for_what_is_finished(self, person: User) -> None:
        done = take_in(cart(idempotentShoppingTripId="done"))
        submit(done, ordered())
        empty = take_in(cart(idempotentShoppingTripId="empty", cartItems=[]))
        closed = take_in(cart(idempotentShoppingTripId="closed"))
        checkout.close(closed, reason="Once.", by=person, now=NOW)
        before = everything()
        for purchase in (done, empty, closed):
            with pytest.raises(MoveRefused, match="cannot be closed"):
                checkout.close(purchase, reason="Twice.", by=person, now=LATER)
        assert everything() == before


@pytest.mark.usefixtures("shop")
class TestPricingARefusedPurchaseAgain:
    @pytest.mark.parametrize(
        "earlier",
        [slowed_down(1), unreached(), answer],
        ids=["after a 429", "after a time without Amazon", "after a yes without an order ID"],
    )
    def test_is_refused_unless_every_try_was_a_clear_400(self, person: User, earlier: Step) -> None:
        purchase = take_in()
        submit(purchase, earlier)
        submit(purchase, refused(), at=LATER)
        assert purchase.status == Status.REJECTED
        before = everything()
        with pytest.raises(MoveRefused):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before

    def test_is_refused_after_a_refusal_that_was_no_400(self, person: User) -> None:
        purchase = take_in()
        submit(purchase, amazon.AmazonRefused("No (422).", answer=answer(422)))
        assert purchase.status == Status.REJECTED
        before = everything()
        with pytest.raises(MoveRefused, match="Only carts that wait for a repair, or that Amazon clearly refused"):
            purchases.reprice(purchase, by=person, now=LATER)
        assert everything() == before

    def test_is_allowed_after_any_number_of_400s(self, person: User) -> None:
        purchase = take_in()
        for _ in range(4):
            submit(purchase, refused("UnknownShoppingTrip"), at=purchase.submit_after or NOW)
        assert (purchase.status, purchase.tries) == (Status.REJECTED, 4)
        purchases.reprice(purchase, by=person, now=LATER)
        assert purchase.status == Status.AWAITING_CHECKOUT


@pytest.mark.usefixtures("shop")
class TestTheTasks:
    def test_submit_through_the_configured_service(
        self,
        service: CheckoutService,
        settings: LazySettings,
    ) -> None:
        settings.AMAZON_CHECKOUT_URL = service.url
        service.script(says(201, {"orderId": "113-7"}))
        purchase = take_in()
        tasks.submit_checkout(purchase_id=purchase.pk)
        purchase.refresh_from_db()
        assert (purchase.status, purchase.order_id) == (Status.ORDERED, "113-7")
        assert service.bodies == [bytes(purchase.body or b"")]

    @pytest.mark.parametrize(
        ("environment", "host"),
        [
            ("test", "eu-west-1.test.checkout.amazonphysicalstores.com"),
            ("live", "eu-west-1.checkout.amazonphysicalstores.com"),
        ],
    )
    def test_go_to_amazon_unless_another_service_is_named(
        self, settings: LazySettings, environment: str, host: str
    ) -> None:
        settings.AWS_REGION, settings.JWO_ENVIRONMENT, settings.AMAZON_CHECKOUT_URL = "eu-west-1", environment, ""
        assert checkout.client().host == host

    @pytest.mark.django_db(transaction=True)
    def test_sweep_wakes_a_worker_for_what_is_overdue(self) -> None:
        purchase = take_in()
        list(nudged())
        tasks.sweep()
        assert {"purchase_id": purchase.pk} in list(nudged())

    @pytest.mark.usefixtures("broker_that_refuses")
    def test_sweep_survives_a_broker_that_refuses(self) -> None:
        take_in()
        tasks.sweep()

    @pytest.mark.usefixtures("broker_down")
    def test_sweep_survives_a_broker_that_is_down(self) -> None:
        take_in()
        tasks.sweep()
        assert Heartbeat.objects.get(name="sweep").at <= timezone.now()


def test_a_call_ends_within_half_a_lease(settings: LazySettings) -> None:
    assert checkout.call_bound() == timedelta(seconds=31)
    assert checkout.call_bound() * 2 <= timedelta(seconds=settings.CHECKOUT_LEASE)
