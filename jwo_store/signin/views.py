"""The steps of signing in: the password; then, for who needs it, a one-time code or setting codes up."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from jwo_store.admin_site import counted, site
from jwo_store.signin import codes, pending, sessions
from jwo_store.signin.drawing import qr_code
from jwo_store.signin.forms import CodeForm, PasswordForm, SetUpForm
from jwo_store.signin.letters import write

FEW = 3


def where_to(request: HttpRequest) -> str:
    """The page that somebody wanted to see, or the home page."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and ours else reverse("admin:index")


@sensitive_post_parameters()
@never_cache
@csrf_protect
def password(request: HttpRequest) -> HttpResponse:
    if request.method == "GET" and site.has_permission(request):
        return HttpResponseRedirect(where_to(request))
    form = PasswordForm(request, data=request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return _password_is_right(request, form.get_user())
    return page(request, "admin/login.html", form=form, title="Sign in")


def _password_is_right(request: HttpRequest, person: User) -> HttpResponse:
    if codes.are_on() and codes.has_codes(person):
        return _step(request, person, "sign-in-code")
    if codes.must_have(person):
        return _step(request, person, "sign-in-set-up")
    return _let_in(request, person)


def _step(request: HttpRequest, person: User, name: str) -> HttpResponse:
    pending.begin(request, person, timezone.now())
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': where_to(request)})}")


def _let_in(request: HttpRequest, person: User, device: Any = None) -> HttpResponse:
    """Only here does somebody become signed in."""
    pending.forget(request)
    if device is not None:
        person.otp_device = device  # type: ignore[attr-defined]
    login(request, person)
    sessions.begin(request, timezone.now())
    return HttpResponseRedirect(where_to(request))


@sensitive_post_parameters()
@never_cache
@csrf_protect
def code(request: HttpRequest) -> HttpResponse:
    """The second step, after the right password."""
    person = pending.person_of(request, timezone.now())
    if person is None:
        return _from_the_start(request)
    form = CodeForm(person, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        answer = _let_in(request, person, form.device)
        if form.was_recovery_code:
            _say_how_many_are_left(request, person)
        return answer
    return page(request, "admin/signin/code.html", form=form, title="Your code")


def _say_how_many_are_left(request: HttpRequest, person: User) -> None:
    left = codes.recovery_codes_left(person)
    more = " Make new ones under “My sign-in”." if left <= FEW else ""
    messages.warning(request, f"You have {counted(left, 'recovery code')} left.{more}")


@sensitive_post_parameters()
@never_cache
@csrf_protect
def set_up(request: HttpRequest) -> HttpResponse:
    """The second step of who must have codes and has none yet."""
    person = pending.person_of(request, timezone.now())
    if person is None or codes.has_codes(person):
        return _from_the_start(request)
    form = SetUpForm(person, pending.secret_of(request), request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        _let_in(request, person, form.done.device)
        return recovery_codes_page(request, form.done.recovery_codes, where_to(request))
    return page(request, "admin/signin/set_up.html", title="Set up your codes", **set_up_context(form))


def set_up_context(form: SetUpForm) -> dict[str, Any]:
    return {"form": form, "qr_code": qr_code(form.link), "secret": form.secret_in_groups}


def recovery_codes_page(request: HttpRequest, recovery_codes: Sequence[str], go_on: str) -> HttpResponse:
    """The answer itself shows them, so they are kept nowhere and seen this once."""
    context = {"title": "Your recovery codes", "codes": recovery_codes, "go_on": go_on}
    return page(request, "admin/signin/recovery_codes.html", **context)


def _from_the_start(request: HttpRequest) -> HttpResponse:
    messages.warning(request, "That took too long, or your codes were changed meanwhile. Sign in again.")
    return HttpResponseRedirect(f"{reverse('admin:login')}?{urlencode({'next': where_to(request)})}")


def change_password(request: HttpRequest) -> HttpResponse:
    """The theme's page; a new password ends what else is open."""
    answer = site.password_change(request)
    changed = request.method == "POST" and answer.status_code == HttpResponseRedirect.status_code
    if changed and request.user.is_authenticated:
        sessions.end(request.user, but=request.session.session_key)
        write(request.user, "Your password was changed", "The password of your login was changed.")
    return answer


def page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    request.current_app = site.name
    return render(
        request,
        template,
        {**site.each_context(request), "next": where_to(request), "app_path": request.get_full_path(), **context},
    )
