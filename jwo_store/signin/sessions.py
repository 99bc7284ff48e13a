"""Sessions that know whose they are, so that all of a person can be ended; the engine of `SESSION_ENGINE`."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from jwo_store.signin.address import address_of

STAMP = "signed_in"
"""Where a session keeps since when it is, when it was last used, and from where."""

USED_EVERY = 60
"""Seconds between two notes of use: not every page view should write a row."""


class Session(AbstractBaseSession):
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    since = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "session"

    @classmethod
    def get_session_store_class(cls) -> type["SessionStore"]:
        return SessionStore


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Any = super().create_model_instance(data)
        row.person_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        stamp = data.get(STAMP, {})
        row.since, row.used_at = (_moment(stamp.get(name)) for name in ("since", "used"))
        row.address, row.browser = stamp.get("address"), stamp.get("browser", "")
        return row  # type: ignore[no-any-return]


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def begin(request: HttpRequest, now: datetime) -> None:
    """Write down that somebody has signed in now, from where."""
    seconds = int(now.timestamp())
    browser = request.META.get("HTTP_USER_AGENT", "")[:255]
    request.session[STAMP] = {"since": seconds, "used": seconds, "address": address_of(request), "browser": browser}


def note_use(request: HttpRequest, now: datetime) -> None:
    stamp = request.session[STAMP]
    if now.timestamp() - stamp["used"] >= USED_EVERY:
        request.session[STAMP] = {**stamp, "used": int(now.timestamp())}


def of(person: User, now: datetime) -> QuerySet[Session]:
    """Where this person is signed in, the latest first."""
    return Session.objects.filter(person=person, expire_date__gt=now).order_by("-used_at", "session_key")


def end(person: User, *, but: str | None = None) -> int:
    """Sign a person out everywhere, perhaps but for one session; gives how many were ended."""
    rows = Session.objects.filter(person=person)
    return (rows.exclude(session_key=but) if but else rows).delete()[0]
