"""Wrong tries are counted in the database, so that all processes count together (django-axes keeps the rows).

Three counters over the time of a block. One is for a login at an address, and is low. The other two are wide and high:
all tries at one address, and all at one login. They stop whoever tries many logins from one place, or one login from
many places, but not those who have signed in with that login from that address lately: nobody can lock a whole shop
out by trying from its address, or a colleague by trying his login from elsewhere.

What is counted is what was typed, whether or not such a login exists; so the answers are the same for both.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.exceptions import AxesBackendPermissionDenied
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from jwo_store.admin_site import counted, site
from jwo_store.alarms import raise_alarm

KNOWN_FOR = timedelta(days=30)
"""For how long a login is known at an address where somebody signed in with it."""

EVERYWHERE = 5
"""How many of the wide counters' limits make a burst when all addresses and logins are taken together."""


@dataclass(frozen=True, slots=True)
class Try:
    """A login as it was typed, from an address, at a moment."""

    login: str
    address: str
    at: datetime

    @property
    def narrow(self) -> Q:
        return Q(username=self.login, ip_address=self.address)

    @property
    def is_known(self) -> bool:
        """Whether somebody has lately signed in with this login from this address."""
        return AccessLog.objects.filter(self.narrow, attempt_time__gt=self.at - KNOWN_FOR).exists()  # type: ignore[no-any-return]


def counted_tries(now: datetime) -> "QuerySet[Any]":
    """The rows that still count."""
    return AccessAttempt.objects.filter(attempt_time__gt=now - settings.AXES_COOLOFF_TIME)  # type: ignore[no-any-return]


def blocked_until(attempt: Try) -> datetime | None:
    """Until when this login may not be tried from this address, because it was tried too often there."""
    return _over(Q(attempt.narrow), settings.SIGN_IN_TRIES, attempt.at)


def widely_blocked_until(attempt: Try) -> datetime | None:
    """The same for the wide counters: until when those must wait who are not known there."""
    ends = (_over(where, settings.SIGN_IN_TRIES_WIDE, attempt.at) for where in _wide(attempt))
    return max((end for end in ends if end), default=None)


def _wide(attempt: Try) -> tuple[Q, Q]:
    return Q(ip_address=attempt.address), Q(username=attempt.login)


def _over(where: Q, limit: int, now: datetime) -> datetime | None:
    found = counted_tries(now).filter(where).aggregate(tries=Sum("failures_since_start"), last=Max("attempt_time"))
    return found["last"] + settings.AXES_COOLOFF_TIME if (found["tries"] or 0) >= limit else None


def _try(request: HttpRequest, credentials: dict[str, Any] | None) -> Try:
    login = (credentials or {}).get("username") or ""
    return Try(login, request.axes_ip_address, request.axes_attempt_time)  # type: ignore[attr-defined]


class Throttle(AxesDatabaseHandler):  # type: ignore[misc]
    """What django-axes asks, and tells, about each try."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        attempt = _try(request, credentials)
        if blocked_until(attempt):
            return True
        return bool(widely_blocked_until(attempt)) and not attempt.is_known

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        refused = getattr(request, "axes_locked_out", False)
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is None or refused:
            return
        attempt = _try(request, credentials)
        if widely_blocked_until(attempt):
            # who is known there may go on, yet must read the same as who is not
            request.axes_locked_out = True  # type: ignore[attr-defined]
            request.axes_credentials = credentials  # type: ignore[attr-defined]
        _tell(attempt)

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        AxesProxyHandler.update_request(request)  # the step of the code comes without a password
        super().user_logged_in(sender, request, user, **kwargs)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        AxesProxyHandler.update_request(request)
        super().user_logged_out(sender, request, user, **kwargs)


def _tell(attempt: Try) -> None:
    """Alarm about a burst; about a login only if there is one, for made-up ones would fill the page with alarms."""
    at_address, at_login = (_over(where, settings.SIGN_IN_TRIES_WIDE, attempt.at) for where in _wide(attempt))
    if at_address:
        _alarm(
            f"from {attempt.address}",
            f"Somebody keeps trying logins and passwords from the address {attempt.address}. Logins that are not used "
            "there can't sign in from it for a while. Find out whose address that is.",
        )
    elif at_login and User.objects.filter(username=attempt.login).exists():
        _alarm(
            f"as {attempt.login}",
            f"Somebody keeps trying passwords for the login {attempt.login}. It can't sign in from new places for a "
            "while. Ask that person to choose a new, long password.",
        )
    elif _over(Q(), settings.SIGN_IN_TRIES_WIDE * EVERYWHERE, attempt.at):
        _alarm(
            "from many places",
            "Somebody keeps trying many logins from many places. Make sure that everybody has a long password, and "
            "that the roles which may change prices ask for one-time codes.",
        )


def _alarm(subject: str, text: str) -> None:
    raise_alarm("Many wrong sign-ins", subject, text, link=reverse("admin:signin_wrongtry_changelist"))


class ThrottledBackend(AxesStandaloneBackend):  # type: ignore[misc]
    """Stands before the backends that look at passwords, and lets nobody through to them who must wait."""

    def authenticate(
        self, request: HttpRequest, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        try:
            super().authenticate(request, username=username, password=password, **kwargs)
        except AxesBackendPermissionDenied:
            User().set_password(password)  # takes as long as looking at it would: the time says nothing either
            raise


def let_in_again(where: Q) -> int:
    """Forget the wrong tries; gives how many there were."""
    rows = AccessAttempt.objects.filter(where)
    tries: int = rows.aggregate(tries=Sum("failures_since_start"))["tries"] or 0
    rows.delete()
    return tries


def blocked_page(request: HttpRequest, _original: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """In place of the sign-in page, with how long it will be."""
    now = timezone.now()
    attempt = _try(request, credentials)
    until = max(filter(None, (blocked_until(attempt), widely_blocked_until(attempt))), default=now)
    seconds = max(1, ceil((until - now).total_seconds()))
    context = {
        **site.each_context(request),
        "title": "Please wait",
        "wait": in_words(seconds),
        "back": f"{reverse('admin:login')}?{request.GET.urlencode()}",
    }
    page = render(request, "admin/signin/blocked.html", context, status=429)
    page["Retry-After"] = str(seconds)
    return page


def in_words(seconds: float) -> str:
    """`20 seconds`, `1 minute`, `12 hours`: rounded up."""
    for size, name in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size * (2 if size > 60 else 1):  # noqa: PLR2004  90 minutes are no 2 hours
            return counted(ceil(seconds / size), name)
    return counted(1, "second")
