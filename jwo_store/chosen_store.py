"""The store that a person has chosen to look at, on every page until another is chosen. It stands in the session.

The catalog says which stores a person may choose (`offer`); "" is all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict

PARAMETER = "store"
"""In links: the filter of lists, and what other pages start with. An empty one is all stores, whatever is chosen."""


@dataclass(frozen=True, slots=True)
class Offered:
    names: Mapping[str, str] = field(default_factory=dict)
    """Of the stores that a person may look at, by store ID."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Their time zones."""
    most_zone: str = ""
    """The time zone that most stores have, this person's or not; "" when none is known."""


Offer = Callable[[HttpRequest], Offered]
_offers: list[Offer] = []


def offer(stores: Offer) -> None:
    """`stores(request)` gives what may be chosen, in one query."""
    _offers.append(stores)


def all_offered(request: HttpRequest) -> Offered:
    """Asked for once a request."""
    known: Offered | None = getattr(request, "_stores_offered", None)
    if known is None:
        known = next((stores(request) for stores in _offers), Offered())
        request._stores_offered = known  # type: ignore[attr-defined]  # noqa: SLF001  ours
    return known


def offered(request: HttpRequest) -> Mapping[str, str]:
    return all_offered(request).names


def chosen(request: HttpRequest) -> str:
    """The store that was chosen, if this person may (still) look at it."""
    store = request.session.get(PARAMETER, "")
    return store if store and store in offered(request) else ""


def choose(request: HttpRequest, store: str) -> None:
    """From now on this store, or all when it is none of this person's."""
    request.session[PARAMETER] = store if store in offered(request) else ""


def without_store(url: str) -> str:
    """The same page with no store in its link: it then goes by what is chosen."""
    parts = urlsplit(url)
    query = QueryDict(parts.query, mutable=True)
    query.pop(PARAMETER, None)
    query.pop("p", None)
    return parts.path + (f"?{query.urlencode()}" if query else "")
