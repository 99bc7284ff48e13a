"""One-time codes from an app on the phone, a new one every 30 seconds (TOTP, django-otp).

Ten recovery codes on paper stand in for a lost phone, each of them once. A person has at most one such app, one
`TOTPDevice`, and recovery codes share its brake, so that there is one number of wrong tries for both. They are 80
random bits each, so a plain SHA-256 keeps them: nobody finds them by trying.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

from jwo_store.admin_site import counted
from jwo_store.alarms import raise_alarm
from jwo_store.signin.letters import write
from jwo_store.signin.models import CodesRequired, RecoveryCode
from jwo_store.signin.throttle import in_words

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that reads like a digit."""

MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
RECOVERY_CODES = 10
RECOVERY_LENGTH = 16
DIGITS = 6
ALARMING = 5
"""Wrong codes in a row, after the right password, that people are told of."""

HOLDING = tuple(
    f"role__{path}"
    for path in ("user", "assignments__person")
    if path.partition("__")[0] in {field.name for field in Group._meta.get_fields()}
)
"""How roles are held: by the person altogether, and in stores."""


class CodesRefused(Exception):
    """The code was not taken; says why, and what to do."""


def are_on() -> bool:
    """Whether this installation asks for codes at all."""
    return bool(settings.SIGN_IN_CODES)


def has_codes(person: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=person, confirmed=True).exists())


def must_have(person: User) -> bool:
    """Whether a role of this person requires codes; who may do everything always needs them."""
    if not are_on():
        return False
    held = Q()
    for path in HOLDING:
        held |= Q(**{path: person})
    return person.is_superuser or CodesRequired.objects.filter(held).exists()


def second_step_is_missing(person: User | AnonymousUser) -> bool:
    """Whether the password alone let somebody in who needs a code by now."""
    if not are_on() or not person.is_authenticated or person.is_verified():  # type: ignore[attr-defined]
        return False
    return has_codes(person) or must_have(person)


# -- setting up


def new_secret() -> str:
    return str(random_hex(20))


def unsaved_device(person: User, secret: str) -> Any:
    return TOTPDevice(user=person, key=secret, name="App", confirmed=True)


@dataclass(frozen=True, slots=True)
class SetUp:
    device: Any
    recovery_codes: Sequence[str]


def set_up(person: User, secret: str, code: str) -> SetUp:
    """Turn codes on for this person, once the app has shown the right one. Raises CodesRefused."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=person).delete()
        device = unsaved_device(person, secret)
        device.save()
        if not device.verify_token(_typed(code)):
            raise CodesRefused(
                "That code is not the one for now. Wait for the next one in the app and type that. If it is never "
                "right, look whether the phone's clock is set by itself."
            )
        recovery = new_recovery_codes(person)
        write(person, "One-time codes are on", "Signing in with your login now also asks for a code from your app.")
    return SetUp(device, recovery)


def new_recovery_codes(person: User) -> list[str]:
    """Ten new ones, given this once; the old ones are void."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(person=person).delete()
        RecoveryCode.objects.bulk_create([RecoveryCode(person=person, digest=_digest(_typed(code))) for code in codes])
    return codes


def recovery_codes_left(person: User) -> int:
    return RecoveryCode.objects.filter(person=person).count()


def turn_off(person: User, *, by: str) -> None:
    """Take the codes away. When somebody else does so, people are told: it may be a thief's first step."""
    login = person.get_username()
    with transaction.atomic():
        TOTPDevice.objects.filter(user=person).delete()
        RecoveryCode.objects.filter(person=person).delete()
        write(person, "One-time codes are off", f"{by} turned off the one-time codes of your login.")
        if by != login:
            raise_alarm(
                "One-time codes reset",
                login,
                f"{by} reset the one-time codes of {login}. If that was not asked for, close that login.",
                link=reverse("admin:auth_user_change", args=[person.pk]),
            )


# -- signing in


def verify(person: User, text: str, now: datetime) -> Any:
    """The device that the code is good for. A code is good once. Raises CodesRefused."""
    code = _typed(text)
    with transaction.atomic():  # what a wrong code counts must stand, so nothing is raised in here
        device = TOTPDevice.objects.select_for_update().filter(user=person, confirmed=True).first()
        refusal = _wait(device, now) or ("" if _is_good(device, code) else _wrong(device))
    if refusal:
        raise CodesRefused(refusal)
    return device


def is_recovery_code(text: str) -> bool:
    return len(_typed(text)) == RECOVERY_LENGTH


def _wait(device: Any, now: datetime) -> str:
    if device is None:
        return "Your codes were reset. Sign in again from the start."
    allowed, more = device.verify_is_allowed()
    if allowed:
        return ""
    seconds = max(1, (more["locked_until"] - now).total_seconds())
    return f"Wrong codes make you wait. Try again in {in_words(seconds)}."


def _is_good(device: Any, code: str) -> bool:
    if not is_recovery_code(code):
        return bool(device.verify_token(code if len(code) == DIGITS and code.isascii() else "no code"))
    used, _ = RecoveryCode.objects.filter(person=device.user, digest=_digest(code)).delete()
    if used != 1:
        device.throttle_increment()
        return False
    device.throttle_reset()
    left = recovery_codes_left(device.user)
    write(
        device.user,
        "A recovery code was used",
        f"Somebody signed in with one of your recovery codes; {counted(left, 'code')} left. If it was not you, ask for "
        "your codes to be reset.",
    )
    return True


def _wrong(device: Any) -> str:
    if device.throttling_failure_count == ALARMING:
        login = device.user.get_username()
        raise_alarm(
            "Wrong one-time codes",
            login,
            f"Somebody knows the password of {login} but not the code. Ask that person; if it was not them, give the "
            "login a new password.",
            link=reverse("admin:auth_user_change", args=[device.user_id]),
        )
    return "That code is not right, or was used before. Wait for the next one in the app and type that."


def _typed(text: str) -> str:
    return text.upper().translate(MISREAD)


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def _recovery_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4))
