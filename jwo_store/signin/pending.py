"""Who has given the right password, and owes the second step: kept in a session that nobody is signed in to."""

from datetime import datetime

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from jwo_store.signin import codes

KEY = "password_was_right"
SECONDS = 600
BACKEND = "jwo_store.access.RolesPerStore"


def begin(request: HttpRequest, person: User, now: datetime) -> None:
    request.session.cycle_key()
    request.session[KEY] = {
        "person": person.pk,
        "password": person.get_session_auth_hash(),
        "at": int(now.timestamp()),
        "secret": codes.new_secret(),
        "backend": getattr(person, "backend", BACKEND),
    }


def person_of(request: HttpRequest, now: datetime) -> User | None:
    """Nobody once ten minutes are over, the password is another one, or the login is closed."""
    kept = request.session.get(KEY)
    if not kept or now.timestamp() - kept["at"] > SECONDS:
        return None
    person = User.objects.filter(pk=kept["person"], is_active=True, is_staff=True).first()
    if person is None or not constant_time_compare(person.get_session_auth_hash(), kept["password"]):
        return None
    person.backend = kept["backend"]
    return person


def secret_of(request: HttpRequest) -> str:
    """For the app, made anew with each sign-in: one that was seen over a shoulder and never used is worth nothing."""
    secret: str = request.session[KEY]["secret"]
    return secret


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)
