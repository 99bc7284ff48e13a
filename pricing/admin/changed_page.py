"""The page "What was changed": the histories of everything as one list, for whoever has to know who did what."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog.models import Store
from jwo_store import access, chosen_store
from jwo_store.admin_site import SelectWidget, TextWidget, site, time_of
from jwo_store.chronicle import Place, read
from jwo_store.history import Source
from jwo_store.telling import KINDS, Branch, Entry, Kind, who

SYSTEM = "-"


class DayWidget(TextWidget):
    input_type = "date"


class ChangedForm(forms.Form):
    who = forms.ChoiceField(label="Who", required=False, widget=SelectWidget)
    what = forms.ChoiceField(label="What", required=False, widget=SelectWidget)
    store = forms.ChoiceField(label="Store", required=False, widget=SelectWidget)
    first = forms.DateField(label="From day", required=False, widget=DayWidget)
    last = forms.DateField(label="To day", required=False, widget=DayWidget)

    def __init__(self, data: Any, request: HttpRequest) -> None:
        super().__init__(data)
        self.request = request
        self.kinds = kinds = seen_by(request)
        people = [(str(person.pk), who(person, "")) for person in colleagues(request)]
        self._offer("who", [("", "Anybody"), *people, *Source.choices, (SYSTEM, "the system")])
        self._offer("what", [("", "Anything"), *((key, kind.name) for key, kind in kinds.items())])
        self._offer("store", [("", "Any store"), *chosen_store.offered(request).items()])
        self.zone = self._zone()
        for name in ("first", "last"):
            self.fields[name].help_text = f"A day of {time_of(self.zone)}."

    def _zone(self) -> ZoneInfo:
        """Days are those of the store that is asked for; of any store, those of the page's clock."""
        chosen = self["store"].value()
        store = Store.objects.filter(pk=chosen).first() if chosen in chosen_store.offered(self.request) else None
        return store.zone if store else ZoneInfo(timezone.get_current_timezone_name())

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first.")
        return cleaned

    def branches(self) -> Iterator[Branch]:
        """The records that are asked for."""
        chosen = self.cleaned_data
        which = _by(chosen["who"]) & _between(chosen["first"], chosen["last"], self.zone)
        for key, kind in self.kinds.items():
            if chosen["what"] in ("", key):
                yield from ((kind, which & part) for part in _in_stores(self.request, kind, chosen["store"]))


def _by(chosen: str) -> Q:
    if chosen in Source.values:
        return Q(history_source=chosen)
    if chosen == SYSTEM:
        return Q(history_user__isnull=True, history_source="")
    return Q(history_user=int(chosen)) if chosen else Q()


def _between(first: date | None, last: date | None, zone: ZoneInfo) -> Q:
    """Whole days on that clock."""
    from_day = Q(history_date__gte=_midnight(first, zone)) if first else Q()
    return from_day & (Q(history_date__lt=_midnight(last + timedelta(days=1), zone)) if last else Q())


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def _in_stores(request: HttpRequest, kind: Kind, chosen: str) -> Collection[Q]:
    """The one place where it is decided of which stores somebody reads: theirs, and of those the chosen one."""
    seen = site.get_model_admin(kind.page).seen_in(request)  # type: ignore[attr-defined]  # all our pages are scoped
    if chosen:
        return kind.in_stores([chosen]) if chosen in seen else []
    return [Q()] if seen.everywhere else kind.in_stores(seen.ids)


def what_was_changed(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ChangedForm.base_fields}
    form = ChangedForm({**asked, "store": request.GET.get("store", chosen_store.chosen(request))}, request)
    branches = list(form.branches()) if form.is_valid() else []
    since = Place.read(request.GET.get("before", ""))
    page = read(branches, since=since, seen_in=access.stores_of(request.user))
    chosen = urlencode({name: value for name, value in form.data.items() if value})
    context = {
        **site.each_context(request),
        "title": "What was changed",
        "form": form,
        "entries": [(entry, _page_of(entry)) for entry in page.entries],
        "older": page.older,
        "chosen": chosen,
        "is_first": "before" not in request.GET,
    }
    return TemplateResponse(request, "admin/pricing/price/changed.html", context)


def colleagues(request: HttpRequest) -> QuerySet[User]:
    """Who may do something in the stores where this person may."""
    return access.stores_of(request.user).see(User.objects.order_by("username"), "assignments__store")


def seen_by(request: HttpRequest) -> dict[str, Kind]:
    """The kinds of rows whose pages this person may look at."""
    return {
        kind.model._meta.model_name or "": kind
        for kind in KINDS.values()
        if site.get_model_admin(kind.page).has_view_permission(request)
    }


def _page_of(entry: Entry) -> str:
    """The history of the row itself."""
    options = entry.kind.page._meta
    key = quote(entry.kind.page_key(entry.record))
    return reverse(f"admin:{options.app_label}_{options.model_name}_history", args=[key])
