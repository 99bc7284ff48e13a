"""What the frame of our pages asks for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from jwo_store import words
from jwo_store.navigation import Crumb, crumbs

register = template.Library()
register.filter("place", words.place)
register.filter("with_article", words.with_article)


@register.simple_tag(takes_context=True)
def where_one_is(context: template.Context) -> list[Crumb]:
    """The crumbs of this page."""
    row = context.get("original") or context.get("object")
    title = Crumb(str(context.get("title") or ""))
    if context.get("cl"):
        pages: tuple[Crumb, ...] = ()
    elif isinstance(row, Model):
        pages = (_of(row), *((Crumb("History"),) if _is_history(context) else ()))
    else:
        pages = (title,)
    return crumbs(context.get("sidebar_navigation") or (), *pages) or [title]


def _of(row: Model) -> Crumb:
    return Crumb(str(row), reverse(admin_urlname(row._meta, "change"), args=[quote(row.pk)]))  # type: ignore[arg-type]


def _is_history(context: Any) -> bool:
    match = getattr(context.get("request"), "resolver_match", None)
    return bool(match and (match.url_name or "").endswith("_history"))


# --- Lists, where the theme speaks of records and objects ----------------------------------------------------------

SELECTS_ALL = "Select all objects on this page for an action"
SELECTS_ALL_HERE = "Select all on this page"
CELL_NAME = re.compile(r'data-label="[^"]*"')


@register.simple_tag
def headings(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The headings of a list; the first one may be the box that selects all rows."""
    return [
        {**one, "text": SafeString(one["text"].replace(SELECTS_ALL, SELECTS_ALL_HERE))}  # nosec B703  the theme's own box
        if SELECTS_ALL in one["text"]
        else dict(one)
        for one in given
    ]


@register.simple_tag
def cells(row: Iterable[str], headings: Iterable[Mapping[str, Any]]) -> list[SafeString]:
    """The cells of a row, each named by the heading of its column, for cards on phones."""
    return [
        _named(cell, "Select" if "action-toggle" in heading["text"] else capfirst(heading["text"]))
        for cell, heading in zip(row, headings, strict=False)
    ]


def _named(cell: str, name: str) -> SafeString:
    told = CELL_NAME.sub(lambda _: f'data-label="{escape(name)}"', cell, count=1)
    return SafeString(told)  # nosec B703  the cell is the list's own, the name is escaped
