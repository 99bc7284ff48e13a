"""The clock of the pages is the one that most stores have.

What is about one store, or about stores that share a clock, goes by theirs; what is about stores with different clocks,
about all stores or about none goes by this one. Where nobody is signed in, and outside of pages, it is `TIME_ZONE`.
"""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from jwo_store import chosen_store


class ShopClockMiddleware:
    """Asks nothing that a page does not ask anyway: which stores may be chosen."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(request)):
            return self.get_response(request)


def _zone(request: HttpRequest) -> ZoneInfo | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path_info == reverse("admin:jsi18n"):
        return None  # the latter is a script in words, without times
    if not request.user.is_authenticated:
        return None
    name = chosen_store.all_offered(request).most_zone
    try:
        return ZoneInfo(name) if name else None
    except (
        ZoneInfoNotFoundError,
        ValueError,
    ):  # a store with no such clock must not close the pages on which it is mended
        return None
