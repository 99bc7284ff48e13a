"""A cashier understands every word: no page shows the name of a model, of a field, of a value or of any other code.

What is read is what a person sees or hears: the text of each page, its title, and what is said of fields and buttons.
Every page that the admin has is walked, with rows and without, what its actions and forms answer included, as
somebody who may look at all of them.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from typing import Any
from zoneinfo import available_timezones

import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.urls import get_resolver, reverse

from catalog.models import Store
from tests.factories import Browser, FormReader, OwnerFactory, RefusedCartFactory, StoreFactory, signed_in
from tests.walks import actions_of, everybody, name_of, pages_of, plain_pages, rows_of

pytestmark = pytest.mark.django_db


# -- what a person sees or hears of a page

SAID_OF = ("title", "aria-label", "placeholder", "alt", "data-label")
UNSEEN = ("script", "style", "template", "pre", "code")
"""What nobody sees; and in `<pre>` and `<code>` Amazon's own words, or what whoever runs the software needs."""

INLINE = ("b", "strong", "em", "span", "del", "ins", "kbd", "small")
"""All other tags end a piece of text."""


class Reader(HTMLParser):
    """The pieces of text of a page, each as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._unseen: list[str] = []
        self._piece: list[str] = []
        self._is_icon = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in INLINE:
            self.end_piece()
        if tag in UNSEEN:
            self._unseen.append(tag)
        if not self._unseen:
            self.pieces += [given[name] for name in SAID_OF if given.get(name)]
            if tag == "input" and given.get("type") in ("submit", "button", "reset"):
                self.pieces.append(given.get("value", ""))
        self._is_icon = "material-symbols-outlined" in given.get("class", "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.end_piece()
        if self._unseen and tag == self._unseen[-1]:
            self._unseen.pop()
        self._is_icon = False

    def handle_data(self, data: str) -> None:
        if not self._unseen and not self._is_icon:
            self._piece.append(data)

    def end_piece(self) -> None:
        text = " ".join("".join(self._piece).split())
        self.pieces += [text] if text else []
        self._piece = []


def pieces_of(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    reader.end_piece()
    return reader.pieces


# -- what only a programmer understands


def names_of_models() -> set[str]:
    """Those of more than one word, as Django would say them: `catalog run`."""
    spaced = (re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__) for model in apps.get_models())
    names = {name.lower() for name in spaced if " " in name}
    return names - {str(model._meta.verbose_name).lower() for model in apps.get_models()}


def names_of_fields() -> set[str]:
    """Those that read like no label that somebody has written: `made at`, `is test`."""
    names = {field.name for model in apps.get_models() for field in model._meta.get_fields()}
    return {name.replace("_", " ") for name in names if re.search(r"_(at|sha256|hash|pk)$|^(is|has)_", name)}


def values_of_choices() -> set[str]:
    """What choices are stored as, unless people are shown the same."""
    choices = {
        (str(value), str(label))
        for model in apps.get_models()
        for field in model._meta.get_fields()
        for value, label in (getattr(field, "flatchoices", None) or ())
    }
    return {
        value
        for value, label in choices
        if value.isupper() and len(value) > 3 and value not in label and value not in KINDS_OF_FILES
    }


KINDS_OF_FILES = ("CSV", "XLSX")
"""By the ending that people see on their desk."""

RAW = {
    "a name with underscores": r"\w*[A-Za-z0-9]_[A-Za-z0-9]\w*",
    "a name in CamelCase": r"\b(?!Mc)[A-Za-z]*[a-z][A-Z][a-z]\w*",
    "a dotted name": r"(?<![\w@.-])(?:[a-z]\w+\.)+[a-z]\w+\b(?!@)|\$\.\w+",
    "a word of Python or JavaScript": r"\b(?:None(?! of)|True|False|null|undefined|NaN)\b",
    "a moment for machines": r"\b\d{4}-\d\d-\d\d\b|\+00:00",
    "a structure for machines": r"[{}]|\[\[|\[['\"]|<[A-Za-z]+[ >]|\bobject \(\w",
    "words of the theme": r"^By (?!the |weight)[a-z]|Select [Rr]ecord\b|\bobjects?\b|\bverbose\b",
    "Django's names for people and roles": r"\b\d+ users?\b|\b\d+ groups?\b|^(?:Add|Change|View) (?:user|group)\b",
    "the name of a model": rf"(?i)\b(?:{'|'.join(sorted(names_of_models()))})s?\b",
    "the name of a field": rf"(?i)^(?:{'|'.join(sorted(names_of_fields()))})[:*]*$",
    "a stored value": rf"(?<![\w-])(?:{'|'.join(sorted(values_of_choices()))})(?![\w-])",
}

NAMES_OF_SETTINGS = rf"\b(?:{'|'.join(filter(str.isupper, dir(settings)))})\b"

ALLOWED = {
    "what somebody typed or whom a letter reaches: an e-mail address": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "a setting, called as whoever runs this software writes it": NAMES_OF_SETTINGS,
    "the address of a file of Amazon's": r"https?://\S+",
    "how a moment is typed into a cell of a list": r"[Ll]ike \d{4}-\d\d-\d\d \d\d:\d\d",
    "Amazon's name for a part of a cart, to ask Amazon about it": r"in the form agreed with Amazon: “[^”]*”",
    "the place whose clock it is, out of the world's list of them": "|".join(
        re.escape(zone.replace("_", " "))
        for zone in sorted(available_timezones(), key=len, reverse=True)
        if "/" in zone
    ),
}
"""What looks like code and is not, with the reason."""

RAW_WORDS = {what: re.compile(pattern) for what, pattern in RAW.items()}
NO_CODE = re.compile("|".join(ALLOWED.values()))


def raw_words(page: str) -> list[str]:
    """Whatever on this page only a programmer understands, with where it stands."""
    return sorted({found for piece in pieces_of(page) for found in _in_piece(piece)})


@cache
def _in_piece(piece: str) -> list[str]:
    """Most pieces stand on many pages."""
    text = NO_CODE.sub("…", piece)
    return [
        f"{what}: {found.group()!r} in {piece[:150]!r}"
        for what, pattern in RAW_WORDS.items()
        for found in pattern.finditer(text)
    ]


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("<p>Look at submit_after.</p>", "a name with underscores"),
        ("<th>Possibly_charged</th>", "a name with underscores"),
        ("<p>The CatalogUpload waits.</p>", "a name in CamelCase"),
        ("<p>The storeId is wrong.</p>", "a name in CamelCase"),
        ("<p>Needs catalog.view_product.</p>", "a name with underscores"),
        ("<p>See orders.purchase first.</p>", "a dotted name"),
        ("<li>$.storeId</li>", "a dotted name"),
        ("<td>None</td>", "a word of Python or JavaScript"),
        ('<div title="True"></div>', "a word of Python or JavaScript"),
        ("<td>2026-03-14T19:06:30+00:00</td>", "a moment for machines"),
        ("<td>2026-03-14</td>", "a moment for machines"),
        ("<td>{'a': 1}</td>", "a structure for machines"),
        ("<td>&lt;QuerySet []&gt;</td>", "a structure for machines"),
        ("<td>Purchase object (3)</td>", "a structure for machines"),
        ("<label>By received</label>", "words of the theme"),
        ('<td data-label="Select record"></td>', "words of the theme"),
        ("<p>3 users</p>", "Django's names for people and roles"),
        ("<h1>Add user</h1>", "Django's names for people and roles"),
        ("<p>2 catalog runs</p>", "the name of a model"),
        ("<th>First at</th>", "the name of a field"),
        ("<label>Is test:</label>", "the name of a field"),
        ("<td>UNPRICED</td>", "a stored value"),
        ("<td>PARKED</td>", "a stored value"),
        ("<option value='x'>PERCENT_OFF</option>", "a stored value"),
        ('<input type="submit" value="submit_after">', "a name with underscores"),
        ('<input placeholder="store_id">', "a name with underscores"),
        ('<a aria-label="store_id">x</a>', "a name with underscores"),
    ],
)
def test_a_planted_word_is_found(planted: str, what: str) -> None:
    assert any(found.startswith(f"{what}: ") for found in raw_words(f"<html><body>{planted}</body></html>"))


@pytest.mark.parametrize(
    "page",
    [
        "<p>Cola (BEV-COLA-500) costs 4.25 USD in North (NORTH) since March 1, 2026, 9 a.m.</p>",
        "<p>None of these is on hold. By the schedule.</p>",
        "<p>mia.moor@example.com</p><p>Set AMAZON_CATALOG_URL.</p>",
        "<pre>{'storeId': None}</pre><code>$.storeId</code><script>let a_b = {};</script>",
        '<span class="material-symbols-outlined">check_small</span>',
        '<input value="typed_by_the_shop"><input type="hidden" name="store_id" value="x_y">',
        "<td>Waiting for a repair</td><td>Stopped: a person must look</td><option>Excel workbook (XLSX)</option>",
        "<option>America/Argentina/ComodRivadavia</option>",
    ],
)
def test_plain_words_are_left_alone(page: str) -> None:
    assert raw_words(page) == []


# -- walking


@pytest.fixture
def north() -> Store:
    return StoreFactory(store_id="NORTH", name="North")


@pytest.fixture
def south() -> Store:
    return StoreFactory(store_id="SOUTH", name="South")


@pytest.fixture
def reader() -> Browser:
    """Somebody with every role in all stores."""
    return signed_in(everybody())


class Findings:
    """Each raw word with the first pages that show it."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = defaultdict(list)

    def look(self, where: str, answer: Any) -> None:
        for word in raw_words(text_of_html(answer)):
            self.found[word] = [*self.found[word], where][:3]


def text_of_html(answer: Any) -> str:
    """Nothing of a file to download."""
    return answer.content.decode() if "html" in answer.headers.get("Content-Type", "") else ""


def pages_with(rows: list[Model]) -> list[str]:
    """All pages, but for the addresses of buttons, which only lead to the page that has the button."""
    found = [*plain_pages(), *own_pages(), *(url for row in rows for url in pages_of(row))]
    return [url for url in dict.fromkeys(found) if "press/" not in url]


def own_pages() -> list[str]:
    """Those about one's own sign-in."""
    return [reverse(name) for name in get_resolver().reverse_dict if str(name).startswith("my-sign-in")]


@pytest.mark.parametrize("person", [everybody, OwnerFactory], ids=["all roles", "superuser"])
def test_no_page_shows_raw_words_while_there_is_nothing(person: Callable[[], Any]) -> None:
    findings, reader = Findings(), signed_in(person())

    for url in pages_with([]):
        findings.look(url, reader.get(url, follow=True))

    assert findings.found == {}


def test_no_page_shows_raw_words_of_what_there_is(reader: Browser, south: Store, north: Store) -> None:
    findings = Findings()

    for url in pages_with(rows_of(south, north)):
        findings.look(url, reader.get(url, follow=True))

    assert findings.found == {}


def test_no_page_shows_raw_words_to_somebody_of_one_store(south: Store, north: Store) -> None:
    findings = Findings()
    reader = signed_in(everybody(south))

    for url in pages_with(rows_of(south, north)):
        findings.look(url, reader.get(url, follow=True))

    assert findings.found == {}


def test_no_action_answers_with_raw_words(reader: Browser, south: Store, north: Store) -> None:
    """What it asks before it does something, and what the list says after it was done or refused."""
    findings = Findings()
    rows: list[Model] = [*rows_of(south, north), RefusedCartFactory()]

    for row in rows:
        changelist = reverse(f"admin:{name_of(row, 'changelist')}")
        for action in actions_of(type(row)):
            if _is_made_up(row, action):
                continue
            chosen = {"action": action, "_selected_action": [row.pk], "index": 0}
            for entered in (chosen, {**chosen, "confirmed": "yes", "reason": "As in the test."}):
                with transaction.atomic():
                    findings.look(f"{changelist} {action}", reader.post(changelist, entered, follow=True))
                    transaction.set_rollback(True)

    assert findings.found == {}


def _is_made_up(row: Model, action: str) -> bool:
    """The proposals of this world propose nothing that could be done."""
    return row._meta.model_name == "proposal" and action == "approve"


def test_no_form_answers_with_raw_words_what_is_wrong_with_it(reader: Browser, south: Store, north: Store) -> None:
    findings = Findings()
    rows_of(south, north)

    sent = 0
    for url in plain_pages():
        page = text_of_html(reader.get(url))
        for form in re.findall(r'<form[^>]* id="(\w+_form)"', page):
            for text in ("", "?!"):
                with transaction.atomic():
                    findings.look(f"{url} sent with “{text}”", reader.post(url, _filled_in(page, form, text)))
                    transaction.set_rollback(True)
                sent += 1

    assert sent > 0
    assert findings.found == {}


def _filled_in(page: str, form: str, text: str) -> dict[str, Any]:
    """As the page has it, but with this in all of its fields."""
    reader = FormReader(form)
    reader.feed(page)
    return {name: value if "_FORMS" in name else text for name, value in reader.values.items()}
