"""Telling people, once."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.core import mail
from django.db import IntegrityError, transaction

from jwo_store import alarms, tasks
from jwo_store.alarms import raise_alarm, send_emails
from jwo_store.models import Alarm
from tests.conftest import AtOnce
from tests.factories import AlarmFactory, OwnerFactory, StoreFactory, signed_in, text_of

NOW = datetime(2026, 3, 14, 19, 6, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPS = ["ops@example.com", "boss@example.com"]

pytestmark = pytest.mark.django_db


class TestRaising:
    def test_makes_a_row_with_the_environment_and_the_moment(self, settings: LazySettings) -> None:
        settings.JWO_ENVIRONMENT = "live"
        with time_machine.travel(NOW, tick=False):
            raise_alarm("Store on hold", "ARENA-EAST-12", "It waits. Release it.", link="/admin/x/")
        alarm = Alarm.objects.get()
        assert (alarm.kind, alarm.subject, alarm.text) == ("Store on hold", "ARENA-EAST-12", "It waits. Release it.")
        assert (alarm.link, alarm.environment, alarm.times) == ("/admin/x/", "live", 1)
        assert (alarm.first_at, alarm.last_at) == (NOW, NOW)
        assert (alarm.acknowledged_at, alarm.acknowledged_by, alarm.emailed_at) == (None, None, None)

    def test_writes_an_error_line_each_time(self, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(2):
            raise_alarm("Store on hold", "ARENA-EAST-12", "It waits.")
        lines = [(one.name, one.levelno, one.getMessage()) for one in caplog.records]
        assert lines == [("jwo_store.alarms", logging.ERROR, "alarm: Store on hold (ARENA-EAST-12): It waits.")] * 2

    def test_counts_repetitions_on_the_open_row_and_keeps_the_latest_words(self) -> None:
        with time_machine.travel(NOW, tick=False) as clock:
            raise_alarm("Store on hold", "ARENA-EAST-12", "1 purchase waits.", link="/first/")
            clock.shift(MINUTE)
            raise_alarm("Store on hold", "ARENA-EAST-12", "2 purchases wait.", link="/second/")
        alarm = Alarm.objects.get()
        assert (alarm.times, alarm.text, alarm.link) == (2, "2 purchases wait.", "/first/")
        assert (alarm.first_at, alarm.last_at) == (NOW, NOW + MINUTE)

    def test_tells_kinds_and_subjects_apart(self) -> None:
        for kind, subject in (("A", "x"), ("A", "y"), ("B", "x"), ("A", "X")):
            raise_alarm(kind, subject, "")
        assert Alarm.objects.count() == 4

    def test_cuts_a_long_subject_and_still_knows_it_again(self) -> None:
        raise_alarm("A", "x" * 300, "")
        raise_alarm("A", "x" * 400, "")
        alarm = Alarm.objects.get()
        assert (alarm.subject, alarm.times) == ("x" * 255, 2)

    def test_takes_part_in_the_transaction_around_it(self) -> None:
        with transaction.atomic():
            raise_alarm("A", "x", "")
            transaction.set_rollback(True)
        assert Alarm.objects.count() == 0

    @pytest.mark.django_db(transaction=True)
    def test_makes_one_row_however_many_raise_it_at_once(self, at_once: AtOnce) -> None:
        at_once(12, lambda _: raise_alarm("A", "x", ""))
        alarm = Alarm.objects.get()
        assert 1 <= alarm.times <= 12


class TestAcknowledging:
    def test_closes_the_row_so_that_the_next_time_is_told_anew(self) -> None:
        owner = OwnerFactory()
        raise_alarm("A", "x", "first")
        raise_alarm("A", "x", "again")
        assert Alarm.objects.acknowledge(by=owner, now=NOW) == 1
        raise_alarm("A", "x", "after that")
        old, new = Alarm.objects.order_by("pk")
        assert (old.times, old.text, old.acknowledged_at, old.acknowledged_by) == (2, "again", NOW, owner)
        assert (new.times, new.text, new.acknowledged_at) == (1, "after that", None)
        assert list(Alarm.objects.open()) == [new]

    def test_leaves_the_first_person_on_the_row(self) -> None:
        first, second = OwnerFactory(), OwnerFactory()
        raise_alarm("A", "x", "")
        Alarm.objects.acknowledge(by=first, now=NOW)
        assert Alarm.objects.acknowledge(by=second, now=NOW + MINUTE) == 0
        assert (Alarm.objects.get().acknowledged_by, Alarm.objects.get().acknowledged_at) == (first, NOW)

    def test_needs_a_person(self) -> None:
        raise_alarm("A", "x", "")
        with pytest.raises(IntegrityError), transaction.atomic():
            Alarm.objects.update(acknowledged_at=NOW)
        assert Alarm.objects.open().count() == 1

    def test_leaves_one_open_row_a_kind_and_subject(self) -> None:
        raise_alarm("A", "x", "")
        with pytest.raises(IntegrityError), transaction.atomic():
            AlarmFactory(kind="A", subject="x")


class TestEMail:
    @pytest.fixture(autouse=True)
    def addresses(self, settings: LazySettings) -> None:
        settings.ALARM_EMAILS = OPS
        settings.DEFAULT_FROM_EMAIL = "jwo-store@example.com"

    def test_goes_out_once_for_each_alarm(self) -> None:
        raise_alarm("Store on hold", "ARENA-EAST-12", "It waits.", link="/admin/x/")
        assert [send_emails(NOW), send_emails(NOW + MINUTE)] == [1, 0]
        [letter] = mail.outbox
        assert letter.subject == "[sandbox] Store on hold: ARENA-EAST-12"
        assert letter.body == "It waits.\n\n/admin/x/\n"
        assert (letter.to, letter.from_email) == (OPS, "jwo-store@example.com")
        assert Alarm.objects.get().emailed_at == NOW

    def test_does_not_go_out_again_for_a_repetition(self) -> None:
        raise_alarm("A", "x", "")
        send_emails(NOW)
        raise_alarm("A", "x", "")
        assert send_emails(NOW + MINUTE) == 0
        assert len(mail.outbox) == 1

    def test_goes_out_again_after_somebody_has_acknowledged_the_first(self) -> None:
        raise_alarm("A", "x", "")
        send_emails(NOW)
        Alarm.objects.acknowledge(by=OwnerFactory(), now=NOW)
        raise_alarm("A", "x", "")
        assert send_emails(NOW + MINUTE) == 1
        assert len(mail.outbox) == 2

    def test_does_not_go_out_when_somebody_has_seen_the_alarm_already(self) -> None:
        raise_alarm("A", "x", "")
        Alarm.objects.acknowledge(by=OwnerFactory(), now=NOW)
        assert send_emails(NOW + MINUTE) == 0
        assert (mail.outbox, Alarm.objects.get().emailed_at) == ([], None)

    def test_goes_nowhere_without_addresses(self, settings: LazySettings) -> None:
        settings.ALARM_EMAILS = []
        raise_alarm("A", "x", "")
        assert send_emails(NOW) == 0
        assert (mail.outbox, Alarm.objects.get().emailed_at) == ([], None)

    def test_goes_out_for_the_oldest_twenty_in_one_round(self) -> None:
        for number in range(25):
            AlarmFactory(subject=f"number {number:02d}", first_at=NOW - number * MINUTE)
        assert send_emails(NOW) == 20
        told = [letter.subject.removeprefix("[sandbox] Cart waits for a repair: ") for letter in mail.outbox]
        assert told == [f"number {number:02d}" for number in range(24, 4, -1)]
        assert send_emails(NOW) == 5

    def test_has_no_line_break_in_its_subject(self) -> None:
        raise_alarm("A", "x\r\nBcc: everybody@example.com", "")
        raise_alarm("B", "y", "")
        for _ in range(2):
            send_emails(NOW)
        assert [letter.bcc for letter in mail.outbox] == [[], []]
        assert all("\n" not in letter.subject for letter in mail.outbox)

    def test_is_kept_for_later_while_the_mail_server_is_down(self, settings: LazySettings) -> None:
        usual = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 1
        raise_alarm("A", "x", "")
        assert send_emails(NOW) == 0
        settings.EMAIL_BACKEND = usual
        send_emails(NOW + MINUTE)
        assert [letter.subject for letter in mail.outbox] == ["[sandbox] A: x"]

    def test_is_sent_by_the_task(self) -> None:
        raise_alarm("A", "x", "")
        tasks.send_alarms()
        tasks.send_alarms()
        assert len(mail.outbox) == 1
        assert alarms.send_emails(NOW) == 0


class TestTheStoreOfAnAlarm:
    @pytest.mark.parametrize(
        ("subject", "about"),
        [
            ("NORTH: COLA-1", "North (NORTH): COLA-1"),
            ("NORTH", "North (NORTH)"),
            ("NORTH-2: COLA-1", "NORTH-2: COLA-1"),
            ("P-1234-5678-9ABC", "P-1234-5678-9ABC"),
        ],
    )
    def test_is_called_by_its_name_where_the_subject_begins_with_its_id(self, subject: str, about: str) -> None:
        alarm = AlarmFactory(store=StoreFactory(store_id="NORTH", name="North"), subject=subject)

        assert alarm.about == about
        assert f"Cart waits for a repair · {about}" in text_of(signed_in(OwnerFactory()).get("/admin/"))

    def test_is_called_by_its_id_while_nobody_has_added_it(self) -> None:
        AlarmFactory(store_id="NEW-1", subject="NEW-1: COLA-1")
        owner = signed_in(OwnerFactory())

        assert "Cart waits for a repair · NEW-1: COLA-1" in text_of(owner.get("/admin/"))
        assert "NEW-1: COLA-1" in text_of(owner.get("/admin/jwo_store/alarm/"))

    def test_stands_in_the_mail_by_its_name(self, settings: LazySettings) -> None:
        settings.ALARM_EMAILS = OPS
        AlarmFactory(store=StoreFactory(store_id="NORTH", name="North"), subject="NORTH: COLA-1")

        send_emails(NOW)

        assert mail.outbox[0].subject == "[sandbox] Cart waits for a repair: North (NORTH): COLA-1"

    @pytest.mark.parametrize("typed", ["NORTH: C", "North b"])
    def test_finds_it_by_its_name_and_by_its_id(self, typed: str) -> None:
        AlarmFactory(store=StoreFactory(store_id="NORTH", name="North by the sea"), subject="NORTH: COLA-1")

        found = text_of(signed_in(OwnerFactory()).get("/admin/jwo_store/alarm/", {"q": typed}))

        assert "1 alarm " in found
