"""What the frame of our pages asks for."""

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

from jwo_store import words
from jwo_store.navigation import Crumb, crumbs

register = template.Library()
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
