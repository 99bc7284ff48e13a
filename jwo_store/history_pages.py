"""The history page of a row, and the way back from one of its entries."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from jwo_store import access
from jwo_store.access import Stores
from jwo_store.chronicle import Page, Place, read
from jwo_store.setting_back import CannotGoBack, Made, Step
from jwo_store.telling import KINDS, Branch, Entry, Kind, Line, Names, State, compare, state_of, states_of


def of_row(admin: Any, request: HttpRequest, key: str, more: Mapping[str, Any]) -> HttpResponse:
    kind = KINDS[admin.model]
    row = admin.get_object(request, key)
    state = state_of(kind, row) if row is not None else _last_state(kind, key)
    if not admin.has_view_or_change_permission(request, row):
        raise PermissionDenied
    since = Place.read(request.GET.get("before", ""))
    branches = seen_of(admin.admin_site, request, kind.family(state))
    page = read(branches, since=since, seen_in=access.stores_of(request.user))
    context = {
        **admin.admin_site.each_context(request),
        "title": "History",
        "subtitle": str(row) if row is not None else None,
        "opts": admin.opts,
        "original": row,
        "object": row,
        "entries": _with_ways_back(admin, request, key, page, newest_holds=_says_it_now(row, request)),
        "older": page.older,
        "is_first": "before" not in request.GET,
        **more,
    }
    return TemplateResponse(request, "admin/history.html", context)


def _says_it_now(row: Any, request: HttpRequest) -> bool:
    """Whether the newest entry is what holds now: there is nothing to go back to."""
    is_over = getattr(row, "is_over", None)
    return row is not None and "before" not in request.GET and not (is_over and is_over(timezone.now()))


def _with_ways_back(
    admin: Any, request: HttpRequest, key: str, page: Page, *, newest_holds: bool
) -> list[tuple[Entry, str]]:
    first = page.entries[0] if page.entries and newest_holds else None
    return [(entry, "" if entry is first else _way_back(admin, request, key, entry)) for entry in page.entries]


def seen_of(site: Any, request: HttpRequest, branches: Iterable[Branch]) -> Iterator[Branch]:
    """All records of the row itself; of what else stands on its page, those that concern a store of this person's."""
    for kind, which in branches:
        stores = site.get_model_admin(kind.page).seen_in(request)
        is_the_row = kind.page is kind.model and not kind.versions
        parts = [Q()] if stores.everywhere or is_the_row else kind.in_stores(stores.ids)
        yield from ((kind, which & part) for part in parts)


def _last_state(kind: Kind, key: str) -> State:
    """What a row said that is there no longer: one that was yet to start and was taken away."""
    try:
        record = kind.history.objects.filter(Q(**{kind.key: key})).first()
    except (ValueError, TypeError, ValidationError):
        record = None
    if record is None:
        raise Http404
    return states_of(kind, [record])[record.history_id]


def _way_back(admin: Any, request: HttpRequest, key: str, entry: Entry) -> str:
    """The address that leads back to this entry; empty where there is no way."""
    if entry.kind.way is None or entry.did in ("took away", "ended") or not may_set_back(admin, request):
        return ""
    name = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_set_back"
    return reverse(name, args=[quote(key), entry.record.history_id])


def may_set_back(admin: Any, request: HttpRequest) -> bool:
    """Whether this person may change rows of the table at all; which ones, the page of the row says."""
    return bool(admin.has_change_permission(request))


# --- Back ----------------------------------------------------------------------------------------------------------


def set_back(admin: Any, request: HttpRequest, key: str, record_id: UUID) -> HttpResponse:
    if not may_set_back(admin, request):
        raise PermissionDenied
    entry = _entry(admin, request, key, record_id)
    back = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_history", args=[quote(key)])
    try:
        return _look_or_go(admin, request, entry, back)
    except CannotGoBack as why:
        messages.error(request, f"{why} Nothing was changed.")
        return HttpResponseRedirect(back)


def _look_or_go(admin: Any, request: HttpRequest, entry: Entry, back: str) -> HttpResponse:
    kind, now = entry.kind, timezone.now()
    state = states_of(kind, [entry.record])[entry.record.history_id]
    step = kind.way.plan(kind, state, now)  # type: ignore[union-attr]  # `_entry` gives only those with a way
    _check_reach(admin, request, step)
    lines = _lines(kind, step, access.stores_of(request.user))
    if not lines:
        raise CannotGoBack("It is like this already.")
    form = admin.set_back_form(request)
    if form.is_valid() and request.POST.get("seen") == _seen(lines):
        made = Made(by=request.user, now=now, reason=form.cleaned_data["reason"])
        row = kind.way.go(kind, step, made)  # type: ignore[union-attr]
        if row is None:
            messages.success(request, "Nothing is changed yet: somebody else has to look at it first.")
        else:
            messages.success(request, "Done: it is set back from now on.")
        return HttpResponseRedirect(back)
    if request.method == "POST" and form.is_valid():
        messages.warning(request, "It was changed meanwhile: look at it once more. Nothing was changed.")
    context = {
        **admin.admin_site.each_context(request),
        "title": "Set it back to this",
        "opts": admin.opts,
        "entry": entry,
        "lines": lines,
        "seen": _seen(lines),
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "admin/set_back.html", context)


def _entry(admin: Any, request: HttpRequest, key: str, record_id: UUID) -> Entry:
    """The entry of that record, if it is on the history page of that row and has a way back."""
    kind = KINDS[admin.model]
    row = admin.get_object(request, key)
    state = state_of(kind, row) if row is not None else _last_state(kind, key)
    branches = [(own, which & Q(history_id=record_id)) for own, which in kind.family(state) if own.way]
    seen = seen_of(admin.admin_site, request, branches)
    page: Page = read(seen, most=1, seen_in=access.stores_of(request.user))
    entry = next(iter(page.entries), None)
    if entry is None or not _way_back(admin, request, key, entry):
        raise Http404
    return entry


def _check_reach(admin: Any, request: HttpRequest, step: Step) -> None:
    """Refuse what would change something in stores where this person may not change it."""
    held = admin.held(request, "change")
    for state in (step.before, step.after) if not held.everywhere else ():
        if state is not None and not _is_within(state, held.ids):
            raise CannotGoBack("That concerns other stores than yours. Ask somebody who may change it there.")


def _is_within(state: State, store_ids: Collection[str]) -> bool:
    if "store" in state:
        return state["store"] in store_ids
    return not state.get("all_stores") and state.get("stores", frozenset()) <= set(store_ids)


def _lines(kind: Kind, step: Step, seen_in: Stores) -> list[Line]:
    states = [state for state in (step.before, step.after) if state is not None]
    names = Names((mention for state in states for mention in kind.mentions(state)), seen_in)
    return list(compare(kind, step.before, step.after, names))


def _seen(lines: list[Line]) -> str:
    """Differs as soon as a word of what was shown differs."""
    return hashlib.sha256("\n".join(f"{line.what}|{line.before}|{line.after}" for line in lines).encode()).hexdigest()
