"""“My sign-in”: what a person looks after themselves."""

from typing import Any

import django_otp
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from jwo_store.admin_site import clock, counted
from jwo_store.signin import codes, sessions
from jwo_store.signin.browsers import browser_in_words
from jwo_store.signin.forms import OwnPasswordForm, SetUpForm
from jwo_store.signin.views import page, recovery_codes_page, set_up_context

SECRET = "secret_to_set_up"  # noqa: S105  where the session keeps it until the app has shown a code


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("my-sign-in"))


def my_sign_in(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    rows = sessions.of(person, timezone.now())
    return page(
        request,
        "admin/signin/mine.html",
        title="My sign-in",
        codes_are_on=codes.are_on(),
        has_codes=codes.has_codes(person),
        must_have_codes=codes.must_have(person),
        recovery_codes_left=codes.recovery_codes_left(person),
        places=[_place(row, request) for row in rows],
        several=len(rows) > 1,
    )


def _place(row: sessions.Session, request: HttpRequest) -> dict[str, Any]:
    return {
        "here": row.session_key == request.session.session_key,
        "since": clock(row.since),
        "used": clock(row.used_at),
        "address": row.address or "—",
        "browser": browser_in_words(row.browser) or "—",
    }


def end_elsewhere(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        ended = sessions.end(_person(request), but=request.session.session_key)
        messages.success(request, f"Signed out in {counted(ended, 'other place')}.")
    return _back()


@sensitive_post_parameters()
def set_up(request: HttpRequest) -> HttpResponse:
    """Turn codes on, or move them to another phone."""
    person, posted = _person(request), request.method == "POST"
    if not codes.are_on():
        raise PermissionDenied
    secret = (request.session.get(SECRET) if posted else None) or codes.new_secret()
    request.session[SECRET] = secret
    own = OwnPasswordForm(request, request.POST if posted else None)
    # a valid form has set the codes up: it is not even filled in before the password was right
    form = SetUpForm(person, secret, request.POST if posted and own.is_valid() else None)
    if form.is_bound and form.is_valid():
        del request.session[SECRET]
        django_otp.login(request, form.done.device)
        sessions.end(person, but=request.session.session_key)
        return recovery_codes_page(request, form.done.recovery_codes, reverse("my-sign-in"))
    return page(request, "admin/signin/set_up_mine.html", title="Set up your codes", own=own, **set_up_context(form))


@sensitive_post_parameters()
def turn_off(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    if codes.must_have(person):
        raise PermissionDenied
    form = _own_password(request)
    if form.is_bound and form.is_valid():
        codes.turn_off(person, by=person.get_username())
        sessions.end(person, but=request.session.session_key)
        messages.success(request, "Your login no longer asks for codes.")
        return _back()
    text = "Then your password alone lets you in. Anybody who learns it gets in as well."
    return _ask(request, form, "Turn codes off", text)


@sensitive_post_parameters()
def new_recovery_codes(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    if not codes.has_codes(person):
        return _back()
    form = _own_password(request)
    if form.is_bound and form.is_valid():
        return recovery_codes_page(request, codes.new_recovery_codes(person), reverse("my-sign-in"))
    return _ask(request, form, "New recovery codes", "You get ten new ones. The old ones are void from then on.")


def _person(request: HttpRequest) -> Any:
    return request.user


def _own_password(request: HttpRequest) -> OwnPasswordForm:
    return OwnPasswordForm(request, request.POST if request.method == "POST" else None)


def _ask(request: HttpRequest, form: OwnPasswordForm, title: str, text: str) -> HttpResponse:
    return page(request, "admin/signin/own_password.html", form=form, title=title, text=text)
