"""The steps of importing a list: choose a file, look at what it would do, let it do that. The same for every list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from catalog.lists import exports
from catalog.lists.exports import File, Format
from catalog.lists.keeping import Gone, Keeping, NothingChanged, TooLarge
from catalog.lists.parts import Part, table
from catalog.lists.sheet import MOST_BYTES, Unreadable
from jwo_store.admin_site import FileWidget, HistoryAdmin, clock

SHOWN = 200


class ListForm(forms.Form):
    file = forms.FileField(
        label="File",
        widget=FileWidget(attrs={"accept": ".xlsx,.csv,.txt"}),
        help_text="A spreadsheet (.xlsx) or a text file (.csv), at most 10 MB.",
        error_messages={"required": "Choose a file first.", "empty": "The file is empty. Choose another one."},
    )


def answer(file: File) -> HttpResponse:
    """The file as a download."""
    disposition = f'attachment; filename="{file.name}"'
    return HttpResponse(file.content, content_type=file.content_type, headers={"Content-Disposition": disposition})


class ImportingAdmin(HistoryAdmin):
    lists: ClassVar[Keeping[Any]]
    parts: ClassVar[Mapping[str, Part]]
    """What the look shows of a difference."""
    columns_explained: ClassVar[Sequence[tuple[str, str]]]
    """What a person may write into each column, for the first step."""
    import_template: ClassVar[str]
    look_template: ClassVar[str]

    # -- what each kind of list says for itself

    def has_import_permission(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def empty_file(self) -> File:
        raise NotImplementedError

    def look_at(self, request: HttpRequest, kept: Any) -> Any:
        """The difference between this list and the database."""
        raise NotImplementedError

    def look_context(self, request: HttpRequest, difference: Any) -> dict[str, Any]:
        raise NotImplementedError

    def apply_list(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        """Do what was seen, and say so. Raises NothingChanged."""
        raise NotImplementedError

    # -- the steps

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("import/", self.import_list, "import"),
            ("import/empty/", self.empty_list, "empty"),
            ("import/<uuid:list_id>/", self.look, "look"),
            ("import/<uuid:list_id>/<slug:name>/", self.download_part, "part"),
        )
        view, prefix = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [*(path(where, view(page), name=f"{prefix}_{name}") for where, page, name in pages), *super().get_urls()]

    def step(self, name: str, *args: Any) -> str:
        """The address of a step, or of the list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def page(self, request: HttpRequest, template: str, title: str, **more: Any) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        addresses = {f"{name}_url": self.step(name) for name in ("changelist", "import", "empty")}
        return TemplateResponse(request, template, {**shared, **addresses, **more})

    def import_list(self, request: HttpRequest) -> HttpResponse:
        """The first step: choose a file."""
        person = self._importer(request)
        form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
        if form.is_valid():
            try:
                return HttpResponseRedirect(self.step("look", self._keep(person, form.cleaned_data["file"]).pk))
            except Unreadable as why:
                form.add_error("file", str(why))
        waiting = [(kept, self.step("look", kept.pk)) for kept in self.lists.waiting(person, timezone.now())]
        more = {"form": form, "columns": self.columns_explained, "waiting": waiting}
        return self.page(request, self.import_template, "Import a list", **more)

    def _importer(self, request: HttpRequest) -> Any:
        if not self.has_import_permission(request):
            raise PermissionDenied
        return request.user

    def _keep(self, person: Any, upload: Any) -> Any:
        if upload.size > MOST_BYTES:
            raise TooLarge
        return self.lists.keep(upload.read(), file_name=upload.name, by=person, now=timezone.now())

    def empty_list(self, request: HttpRequest) -> HttpResponse:
        self._importer(request)
        return answer(self.empty_file())

    def look(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        """The second step: look at what the list would do, and let it do that or not."""
        person = self._importer(request)
        try:
            if request.method == "POST":
                return self._settle(request, list_id, person)
            kept = self.lists.find(list_id, by=person, now=timezone.now())
        except Gone as gone:
            messages.warning(request, str(gone))
            return HttpResponseRedirect(self.step("import"))
        return self.show_look(request, kept, self.look_at(request, kept))

    def show_look(self, request: HttpRequest, kept: Any, difference: Any) -> TemplateResponse:
        return self.page(
            request,
            self.look_template,
            f"Import {kept.file_name}",
            kept=kept,
            until=clock(kept.expires_at),
            difference=difference,
            may_apply=difference.is_applicable,
            parts=list(self._shown(kept, difference)),
            **self.look_context(request, difference),
        )

    def _settle(self, request: HttpRequest, list_id: UUID, person: Any) -> HttpResponse:
        if "discard" in request.POST:
            self.lists.discard(list_id, by=person, now=timezone.now())
            messages.success(request, "The list was discarded. Nothing was changed.")
            return HttpResponseRedirect(self.step("changelist"))
        try:
            return self.apply_list(request, list_id)
        except Gone:
            raise
        except NothingChanged as why:
            messages.error(request, str(why))
            return HttpResponseRedirect(self.step("look", list_id))

    def download_part(self, request: HttpRequest, list_id: UUID, name: str) -> HttpResponse:
        person = self._importer(request)
        part = self.parts.get(name)
        if part is None:
            raise Http404
        try:
            kept = self.lists.find(list_id, by=person, now=timezone.now())
        except Gone as gone:
            raise Http404 from gone
        rows = table(part, self.look_at(request, kept))
        return answer(exports.file(f"{name}-rows", rows, Format.CSV))

    def _shown(self, kept: Any, difference: Any) -> Iterator["ShownPart"]:
        for name, part in self.parts.items():
            if lines := part.lines(difference):
                yield ShownPart(
                    name=name,
                    title=part.title,
                    tone="look" if part.is_faulty else "plain",
                    count=len({line.number for line in lines}),
                    columns=part.columns,
                    rows=_labelled(part, lines[:SHOWN]),
                    url=self.step("part", kept.pk, name),
                    has_more=len(lines) > SHOWN,
                )


@dataclass(frozen=True, slots=True)
class ShownPart:
    name: str
    title: str
    tone: str
    count: int
    columns: Sequence[str]
    rows: Sequence[Sequence[tuple[str, str]]]
    """Each cell with its column."""
    url: str
    has_more: bool
    shown: int = SHOWN


def _labelled(part: Part, lines: Iterable[object]) -> Sequence[Sequence[tuple[str, str]]]:
    return [list(zip(part.columns, row, strict=True)) for row in part.rows(lines)]
