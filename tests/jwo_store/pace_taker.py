"""A process of its own that takes turns: `python -m tests.jwo_store.pace_taker DATABASE TURNS SECONDS`.

Says that it is ready, waits for a line, then says each slot that it was given and waits for it, as a call would.
"""

import sys
import time
from datetime import timedelta

import django

django.setup()

from django.db import connection  # noqa: E402  needs the set-up
from django.utils import timezone  # noqa: E402

from jwo_store.pace import take_slot  # noqa: E402


def take_turns(database: str, turns: int, seconds: float) -> None:
    connection.settings_dict["NAME"] = database
    connection.ensure_connection()
    say("ready")
    sys.stdin.readline()
    for _ in range(turns):
        now = timezone.now()
        slot = take_slot("catalog", interval=timedelta(seconds=seconds), now=now, patience=timedelta(minutes=1))
        assert slot is not None
        say(slot.isoformat())
        time.sleep(max(0.0, (slot - timezone.now()).total_seconds()))


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    take_turns(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
