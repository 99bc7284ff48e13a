"""What is not there, and what is not allowed: told to people who are signed in within the frame of the back office.

They keep the navigation, the search and the sign of the environment; a stranger sees a page that says no more.
"""

from http import HTTPStatus
from typing import Any

from django.contrib.admin.options import IS_POPUP_VAR
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jwo_store.admin_site import site


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  Django names it
    return _page(request, "403.html", HTTPStatus.FORBIDDEN, "Not allowed")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  Django names it
    return _page(request, "404.html", HTTPStatus.NOT_FOUND, "Not found")


def _page(request: HttpRequest, template: str, status: HTTPStatus, title: str) -> HttpResponse:
    return render(request, template, {**_frame(request), "title": title}, status=status)


def _frame(request: HttpRequest) -> dict[str, Any]:
    """Nothing for a stranger, nor where it was refused before we knew who asks."""
    if not hasattr(request, "user") or not site.has_permission(request):
        return {}
    return {
        **site.each_context(request),
        "frame": "admin/problem.html",
        "is_popup": IS_POPUP_VAR in request.GET,
    }
