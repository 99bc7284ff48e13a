"""Finding anything by typing: pages by name, and what the apps register. The theme's window shows what is found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest

from jwo_store.navigation import links_of

LONGEST = 255
SHOWN_EACH = 6
"""So many of each kind: whoever looks for one of many types more, or goes to the list."""


@dataclass(frozen=True, slots=True)
class Found:
    title: str
    description: str
    link: str
    icon: str


Finder = Callable[[HttpRequest, str], Iterable[Found]]
_finders: list[tuple[int, Finder]] = []


def register(find: Finder, *, rank: int = 0) -> None:
    """`find(request, text)` gives what this person may see and means by the text, in few and quick queries.

    What has the text as its beginning, or as a whole: never somewhere inside. Those of a higher rank come later.
    """
    _finders.append((rank, find))
    _finders.sort(key=lambda entry: entry[0])


def find_all(request: HttpRequest, typed: str) -> list[Found]:
    text = typed.strip()[:LONGEST]
    if not text or not text.isprintable():
        return []
    found = islice(_pages(request, text), SHOWN_EACH)
    return [*found, *(one for _, find in _finders for one in islice(find(request, text), SHOWN_EACH))]


def _pages(request: HttpRequest, text: str) -> Iterator[Found]:
    """Pages of the menu, each word of whose name may be what was typed, or begin so."""
    for job, link in links_of(request):
        name = f"{job} {link.title}".strip()
        if _begins(name.casefold(), text.casefold()):
            yield Found(link.title, job or "Page", link.url, link.icon)


def _begins(name: str, text: str) -> bool:
    """`price a` in `prices price a cart`: from the beginning of one of its words on."""
    words = name.split()
    return any(" ".join(words[start:]).startswith(text) for start in range(len(words)))
