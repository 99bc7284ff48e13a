"""For whoever runs the servers, when no administrator can sign in any more."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from jwo_store.admin_site import counted
from jwo_store.signin import codes, sessions
from jwo_store.signin.throttle import let_in_again


class Command(BaseCommand):
    help = "Let somebody in again: forgets wrong tries; with --reset-codes also takes their one-time codes away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument("--reset-codes", action="store_true", help="The phone is lost: codes are set up anew.")

    def handle(self, *, login: str, reset_codes: bool, **_: Any) -> None:
        person = User.objects.filter(username=login).first()
        if person is None:
            raise CommandError(f"There is no login “{login}”.")
        tries = let_in_again(Q(username=login))
        self.stdout.write(f"Wrong tries forgotten: {tries}.")
        if reset_codes:
            codes.turn_off(person, by="The command letin")
            self.stdout.write(f"One-time codes taken away; signed out in {counted(sessions.end(person), 'place')}.")
