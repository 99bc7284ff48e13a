"""Calls by machines go past the middleware that only pages need: sessions, sign-in, messages, forms.

What a call still gets: the look at its host, an ID in every line of the log, errors turned into answers, and headers
in case a browser is led to its address. There are no sessions on this way: nothing here can be allowed by a cookie, so
that there is nothing which another site's form could make use of.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.urls import resolve
from django_structlog.middlewares import RequestMiddleware

PATH = "/v1/order/"

HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY"}


class CallsMiddleware:
    """Whatever stands below it in the settings is for pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.page = get_response
        answered: Any = convert_exception_to_response(_answered)
        logged: Any = convert_exception_to_response(_LoggedCalls(answered))
        self.call: Any = convert_exception_to_response(CommonMiddleware(logged))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PATH):
            return self.page(request)
        response: HttpResponse = self.call(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response


def _answered(request: HttpRequest) -> HttpResponse:
    """What the innermost of Django does where no middleware has a say about views."""
    request.resolver_match = resolve(request.path_info)
    view, positional, named = request.resolver_match
    response: HttpResponse = view(request, *positional, **named)
    return response.render() if hasattr(response, "render") else response


class _LoggedCalls(RequestMiddleware):
    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Whoever is connected: calls come through a gateway, so that no header is searched for somebody behind it."""
        structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR"))
