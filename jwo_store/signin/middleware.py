"""What holds for each request of somebody who is signed in."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from jwo_store.signin import codes, sessions
from jwo_store.signin.throttle import in_words

ENDED = "You were signed out, because {}. Sign in to go on where you were."


class SignInMiddleware:
    """Ends sessions that are over, and remembers the page of whoever must sign in again.

    Without a session's cookie it asks nothing: Amazon's calls pay nothing for it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            _end_if_over(request, timezone.now())
        return _back_to_the_page(request, self.get_response(request))


def _end_if_over(request: HttpRequest, now: datetime) -> None:
    why = _over(request, now)
    if why:
        logout(request)
        messages.warning(request, ENDED.format(why))


def _over(request: HttpRequest, now: datetime) -> str:
    """Why this session is over, in words; "" while it is not."""
    had_a_person = SESSION_KEY in request.session
    if request.session.session_key is None:  # no such row any more
        return "you signed out elsewhere, or have been away for long"
    if not had_a_person:
        return ""
    if not request.user.is_authenticated:
        return "your password was changed, or your login was closed"
    if codes.second_step_is_missing(request.user):
        return "your login needs a one-time code now"
    if sessions.STAMP not in request.session:
        sessions.begin(request, now)
    why = _too_old(request.session[sessions.STAMP], now)
    if not why:
        sessions.note_use(request, now)
    return why


def _too_old(stamp: dict[str, int], now: datetime) -> str:
    if now.timestamp() - stamp["since"] > settings.SESSION_COOKIE_AGE:
        return f"everybody has to sign in again after {in_words(settings.SESSION_COOKIE_AGE)}"
    if now.timestamp() - stamp["used"] > settings.SESSION_IDLE:
        return f"nothing was done for {in_words(settings.SESSION_IDLE)}"
    return ""


def _back_to_the_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Who sent a form and must sign in first comes back to the form's page: where it was sent to may be no page."""
    login = reverse("admin:login")
    if (
        request.method == "GET"
        or request.path.startswith(login)
        or response.status_code != HttpResponseRedirect.status_code
    ):
        return response
    page = request.META.get("HTTP_REFERER", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    if urlsplit(response["Location"]).path != login or not page or not ours:
        return response
    return redirect_to_login(urlsplit(page)._replace(scheme="", netloc="").geturl(), login)
