"""Stands before the admin's own URLs, in place of some of its pages; the names are the admin's."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, path

from jwo_store.admin_site import site
from jwo_store.signin import mine, views


def _mine(page: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
    return path(f"my-sign-in/{page}", site.admin_view(view), name=name)


urlpatterns = [
    path("login/", views.password),
    path("login/code/", views.code, name="sign-in-code"),
    path("login/set-up/", views.set_up, name="sign-in-set-up"),
    path("password_change/", site.admin_view(views.change_password)),
    _mine("", mine.my_sign_in, "my-sign-in"),
    _mine("set-up/", mine.set_up, "my-sign-in-set-up"),
    _mine("turn-off/", mine.turn_off, "my-sign-in-turn-off"),
    _mine("recovery-codes/", mine.new_recovery_codes, "my-sign-in-recovery-codes"),
    _mine("end-elsewhere/", mine.end_elsewhere, "my-sign-in-end-elsewhere"),
]
