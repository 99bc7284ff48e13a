"""Views of lists that people keep for themselves: a list with its filters, its search and its order, under a name.

A view says nothing of which rows somebody may see: whoever opens it sees theirs. It leaves the chosen store out, and so
follows it (see `jwo_store.chosen_store`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse

from jwo_store import chosen_store
from jwo_store.models import LONGEST_NAME, LONGEST_QUERY, KeptView

MOST = 12
"""So many of one list; more would hide it."""

PASSING = frozenset({"p", "all", "e", "_popup", "_to_field", "_changelist_filters"})
"""What an address says besides: the page, and what a window was opened for."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands above a list."""

    of: str
    views: Sequence[KeptView]
    here: KeptView | None
    """The one that the list shows now."""
    query: str
    """What can be kept: how the list is filtered, searched and sorted; "" when it is as it always is."""


def shown(request: HttpRequest, of: str) -> Shown:
    """For the list of this model, by its label; one query."""
    views = list(_own(request, of))
    query = _plain(request, request.GET.urlencode())
    return Shown(of, views, next((view for view in views if view.query == query), None), query)


def keep(request: HttpRequest, of: str) -> HttpResponse:
    """Keep what the form names, in place of the person's view of that name if there is one."""
    page = _list_of(of)
    query = _plain(request, request.POST.get("query", ""))
    name = " ".join(request.POST.get("name", "").split())
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        messages.error(request, f"Give the view a name of at most {LONGEST_NAME} letters.")
    elif not query or len(query) > LONGEST_QUERY:
        messages.error(request, "Filter, search or sort the list first: that is what a view keeps.")
    elif _own(request, of).exclude(name=name).count() >= MOST:
        messages.error(request, f"You keep {MOST} views of this list. Forget one of them first.")
    else:
        KeptView.objects.update_or_create(person_id=request.user.pk, of=of, name=name, defaults={"query": query})
        messages.success(request, f"“{name}” stands above this list from now on, for you alone.")
    return HttpResponseRedirect(f"{page}?{query}")


def forget(request: HttpRequest, of: str) -> HttpResponse:
    page = _list_of(of)
    key = request.POST.get("view", "")
    view = _own(request, of).filter(pk=key).first() if key.isdecimal() else None
    if view is None:
        return HttpResponseRedirect(page)
    view.delete()
    messages.success(request, f"“{view.name}” is forgotten. The list shows what it showed.")
    return HttpResponseRedirect(f"{page}?{view.query}")


def act(request: HttpRequest) -> HttpResponse:
    """A button of the bar was pressed."""
    if request.method != "POST":
        raise PermissionDenied
    return (forget if "view" in request.POST else keep)(request, request.POST.get("of", ""))


def _own(request: HttpRequest, of: str) -> Any:
    return KeptView.objects.filter(person_id=request.user.pk, of=of).order_by("name")


def _list_of(of: str) -> str:
    """The address of the list, which refuses those who may not open it."""
    app, _, model = of.partition(".")
    try:
        return reverse(f"admin:{app}_{model}_changelist")
    except NoReverseMatch as unknown:
        raise PermissionDenied from unknown


def _plain(request: HttpRequest, query: str) -> str:
    """Without what passes and without the chosen store, in one order."""
    chosen = chosen_store.chosen(request)
    pairs = [
        (name, value)
        for name, value in parse_qsl(query)
        if name not in PASSING and (name, value) != (chosen_store.PARAMETER, chosen)
    ]
    return urlencode(sorted(pairs))
