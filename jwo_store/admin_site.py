"""The one module that knows the admin theme; every admin page is built on what it exports.

Pages name the other apps as strings only; what the home page shows of them they add with `site.add_tiles`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, ShowFacets
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from jwo_store import access, chosen_store, history_pages, kept_views, palette
from jwo_store.dashboard import Panel, Panels, Tile, Tiles
from jwo_store.models import Alarm
from jwo_store.navigation import links_of, title_here
from jwo_store.paging import CappedPaginator
from jwo_store.scoped import Scoped, holds, reads
from jwo_store.words import brief_clock, clock, counted, named_clock, on_clock, time_of, with_article

if TYPE_CHECKING:  # the theme and the history have no types: what is seen are the Django classes that they extend
    from django.contrib import admin
    from django.contrib.auth import forms as auth_forms
    from django.forms.models import BaseInlineFormSet

    class ThemedSite(admin.AdminSite):
        pass

    class ModelAdmin(admin.ModelAdmin[Any]):
        pass

    from django.contrib.admin.views.main import ChangeList

    class SimpleHistoryAdmin(ModelAdmin):
        pass

    class TabularInline(admin.TabularInline[Any, Any]):
        pass

    class ModelForm(forms.ModelForm[Any]):
        pass

    class UserAdmin(ModelAdmin):
        pass

    class InlineFormSet(BaseInlineFormSet[Any, Any, Any]):
        pass

    ThemedDropdownFilter = admin.SimpleListFilter
    ThemedChoicesFilter = admin.ChoicesFieldListFilter
    ThemedYesNoFilter = admin.BooleanFieldListFilter

    class DateRangeFilter(admin.FieldListFilter):
        parameter_name: str

    CheckboxesWidget = forms.CheckboxSelectMultiple
    CheckboxWidget = forms.CheckboxInput
    DateTimeWidget = forms.SplitDateTimeWidget
    DecimalWidget = NumberWidget = forms.NumberInput
    FileWidget = forms.ClearableFileInput
    SearchableSelect = SelectWidget = forms.Select
    SearchableSelectMultiple = forms.SelectMultiple
    SwitchWidget = forms.CheckboxInput
    TextareaWidget = forms.Textarea
    TextWidget = forms.TextInput
    PasswordChangeForm = auth_forms.AdminPasswordChangeForm
    PasswordSignInForm = auth_forms.AuthenticationForm
    PasswordWidget = forms.PasswordInput
    UserCreationForm = auth_forms.UserCreationForm
    UserChangeForm = auth_forms.UserChangeForm

    def display(
        *, description: str, ordering: str | None = None, label: bool | dict[str, str] | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
else:
    from django.contrib.auth.admin import UserAdmin
    from django.forms import ModelForm
    from simple_history.admin import SimpleHistoryAdmin
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.contrib.filters.admin import BooleanRadioFilter as ThemedYesNoFilter
    from unfold.contrib.filters.admin import ChoicesDropdownFilter as ThemedChoicesFilter
    from unfold.contrib.filters.admin import DropdownFilter as ThemedDropdownFilter
    from unfold.contrib.filters.admin import RangeDateFilter as DateRangeFilter
    from unfold.decorators import display
    from unfold.forms import AdminPasswordChangeForm as PasswordChangeForm
    from unfold.forms import AuthenticationForm as PasswordSignInForm
    from unfold.forms import PaginationInlineFormSet as InlineFormSet
    from unfold.forms import UserChangeForm, UserCreationForm
    from unfold.sites import UnfoldAdminSite as ThemedSite
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxesWidget
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as DecimalWidget
    from unfold.widgets import UnfoldAdminFileFieldWidget as FileWidget
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberWidget
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordWidget
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SearchableSelectMultiple
    from unfold.widgets import UnfoldAdminSelect2Widget as SearchableSelect
    from unfold.widgets import UnfoldAdminSelectWidget as SelectWidget
    from unfold.widgets import UnfoldAdminSplitDateTimeWidget as DateTimeWidget
    from unfold.widgets import UnfoldAdminTextareaWidget as TextareaWidget
    from unfold.widgets import UnfoldAdminTextInputWidget as TextWidget
    from unfold.widgets import UnfoldBooleanSwitchWidget as SwitchWidget
    from unfold.widgets import UnfoldBooleanWidget as CheckboxWidget

__all__ = [
    "SAY_WHY",
    "AutocompleteSelect",
    "AutocompleteSelectMultiple",
    "BackOfficeAdmin",
    "BackOfficeList",
    "CheckboxWidget",
    "CheckboxesWidget",
    "ChoicesDropdownFilter",
    "DateTimeWidget",
    "DayRangeFilter",
    "DecimalWidget",
    "DropdownFilter",
    "FileWidget",
    "HistoryAdmin",
    "InlineFormSet",
    "ModelForm",
    "NumberWidget",
    "Panel",
    "PasswordChangeForm",
    "PasswordSignInForm",
    "PasswordWidget",
    "ReasonForm",
    "ReasonWidget",
    "SearchableSelect",
    "SearchableSelectMultiple",
    "SelectWidget",
    "StoreDayRangeFilter",
    "SwitchWidget",
    "TabularInline",
    "TextWidget",
    "TextareaWidget",
    "Tile",
    "UserAdmin",
    "UserChangeForm",
    "UserCreationForm",
    "Window",
    "YesNoFilter",
    "ask",
    "brief_clock",
    "clock",
    "counted",
    "display",
    "holds",
    "is_confirmed",
    "named_clock",
    "on_clock",
    "reads",
    "reason_form",
    "site",
    "time_of",
    "with_each",
]


Acting = TypeVar("Acting", bound=Callable[..., Any])

ENVIRONMENTS = {"sandbox": ("Sandbox", "info"), "test": ("Test", "warning"), "live": ("Live", "danger")}
"""How each environment is shown; the tone is the colour of its badge."""

BANNER_ALARMS = 3


@dataclass(frozen=True, slots=True)
class OpenAlarms:
    newest: Sequence[Alarm]
    count: int
    may_acknowledge: bool


class BackOfficeSite(ThemedSite):
    index_title = "Today"
    empty_value_display = "—"
    index_template = "admin/home.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._tiles: list[tuple[int, Tiles]] = []
        self._panels: list[tuple[int, Panels]] = []
        self.disable_action("delete_selected")

    def add_tiles(self, tiles: Tiles, *, rank: int = 0) -> None:
        """`tiles(request, now)` gives what the home page shows to this person, in few and quick queries.

        Those of a higher rank come later.
        """
        self._tiles.append((rank, tiles))
        self._tiles.sort(key=lambda entry: entry[0])

    def add_panel(self, panels: Panels, *, rank: int = 0) -> None:
        """The same of what stands below the tiles."""
        self._panels.append((rank, panels))
        self._panels.sort(key=lambda entry: entry[0])

    def rows_seen(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """The rows that the list of this model shows to this person, in no order and without what it reads besides."""
        return self.get_model_admin(model).get_queryset(request).prefetch_related(None).order_by()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        now = timezone.now()
        tiles = [tile for _, give in self._tiles for tile in give(request, now)]
        context = {
            "tiles": tiles,
            "panels": [panel for _, give in self._panels for panel in give(request, now)],
            "clock": clock(now),
            "chosen_store_name": chosen_store.offered(request).get(chosen_store.chosen(request), ""),
            "may_see_nothing": len(list(links_of(request))) == 1,
        }
        return super().index(request, {**context, **(extra_context or {})})

    def app_index(  # type: ignore[override]  # Django answers with a page
        self,
        request: HttpRequest,  # noqa: ARG002
        app_label: str,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """People find their way by job: there are no pages by the names of our apps."""
        return HttpResponseRedirect(reverse("admin:index"))

    def extra_urls(self) -> list[URLPattern]:
        """Where the theme asks for URLs besides Django's own."""
        return [
            path("alarms/acknowledge/", self.admin_view(self.acknowledge), name="acknowledge"),
            path("choose-store/", self.admin_view(self.choose_store), name="choose_store"),
            path("keep-view/", self.admin_view(kept_views.act), name="keep_view"),
        ]

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """Where the theme asks for what every page gets besides."""
        text, tone = environment_badge(request)
        return {
            **context,
            "environment_badge": {"text": text, "tone": tone},
            "open_alarms": open_alarms(request),
            "clock_zone": time_of(),
            **(chooser(request) if context.get("has_permission") else {}),
        }

    def acknowledge(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not request.user.has_perm("jwo_store.acknowledge_alarm"):
            raise PermissionDenied
        seen = [key for key in request.POST.getlist("alarm") if key.isdecimal()]
        mine = access.stores_with(request.user, "jwo_store.acknowledge_alarm").change(Alarm.objects.all(), "store")
        rows = Alarm.objects.filter(pk__in=mine.filter(pk__in=seen).values("pk"))
        count = rows.acknowledge(by=request.user, now=timezone.now())
        messages.success(request, f"{counted(count, 'alarm')} acknowledged.")
        return HttpResponseRedirect(way_back(request))

    def search(self, request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What the window for searching shows while one types; opened as a page it leads to the only thing found."""
        text = request.GET.get("s", "")
        found = palette.find_all(request, text)
        if "HX-Request" not in request.headers and len(found) == 1:
            return HttpResponseRedirect(found[0].link)
        told = {"title": "Search", "found": found, "text": text}
        if "HX-Request" in request.headers:
            return TemplateResponse(request, "admin/found.html", told)
        return TemplateResponse(request, "admin/search.html", {**self.each_context(request), **told})

    def choose_store(self, request: HttpRequest) -> HttpResponse:
        """Look at this store on every page from now on, and stay where one is."""
        if request.method == "POST":
            chosen_store.choose(request, request.POST.get(chosen_store.PARAMETER, ""))
        return HttpResponseRedirect(chosen_store.without_store(way_back(request)))


def way_back(request: HttpRequest) -> str:
    """The page of ours from which a form was sent."""
    back = request.POST.get("back", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else reverse("admin:index")


def chooser(request: HttpRequest) -> dict[str, Any]:
    """For the store chooser of the header, and for what a list says of the store that it is filtered by."""
    stores = chosen_store.offered(request)
    return {
        "stores_offered": stores,
        "chosen_store": chosen_store.chosen(request),
        "only_store": stores.get(request.GET.get(chosen_store.PARAMETER, ""), ""),
    }


def open_alarms(request: HttpRequest) -> OpenAlarms | None:
    """What the banner shows to this person; at most two queries, and none in a pop-up window."""
    if IS_POPUP_VAR in request.GET or not request.user.has_perm("jwo_store.view_alarm"):
        return None
    rows = access.stores_with(request.user, "jwo_store.view_alarm").see(Alarm.objects.open().with_store(), "store")
    newest = list(rows[: BANNER_ALARMS + 1])
    return OpenAlarms(
        newest=newest[:BANNER_ALARMS],
        count=rows.count() if len(newest) > BANNER_ALARMS else len(newest),
        may_acknowledge=request.user.has_perm("jwo_store.acknowledge_alarm"),
    )


site = BackOfficeSite(name="admin")


def styles(_request: HttpRequest) -> str:
    """The style sheet of our own pages, for the theme's head."""
    return static("jwo_store/back_office.css")


def names(_request: HttpRequest) -> str:
    """A script for every page: names for the theme's own widgets."""
    return static("jwo_store/names.js")


def focus(_request: HttpRequest) -> str:
    """A script for every page: where the keyboard is when it has opened."""
    return static("jwo_store/focus.js")


def favicon(_request: HttpRequest) -> str:
    return static("jwo_store/favicon.svg")


def account_links(_request: HttpRequest) -> list[dict[str, str]]:
    """For the menu of one's own login."""
    return [{"title": "My sign-in", "link": reverse("my-sign-in")}]


def environment_badge(_request: HttpRequest) -> list[str]:
    """For the theme's header."""
    return list(ENVIRONMENTS.get(settings.JWO_ENVIRONMENT, (settings.JWO_ENVIRONMENT, "danger")))


def environment_title(_request: HttpRequest) -> str:
    """For the browser's tab."""
    return f"[{environment_badge(_request)[0]}]"


SAY_WHY = "Say why."
FOUND_AT = {"^": "istartswith", "~": "words"}
"""The lookups of `search_fields`, by their sign."""
SHOWN_ITEMS = 10
SHOWN_REFUSALS = 5


def with_each(
    request: HttpRequest,
    rows: Iterable[Any],
    do: Callable[[Any], object],
    *,
    noun: str,
    done: str,
    refused: type[Exception] | tuple[type[Exception], ...],
) -> None:
    """Do it with each row, and tell how many it was done with and why not with the others.

    A refusal is one of the exceptions `refused`; its text says why, for people.
    """
    count, refusals = 0, []
    for row in rows:
        try:
            do(row)
        except refused as refusal:
            refusals.append(f"{row}: {refusal}")
        else:
            count += 1
    if count:
        messages.success(request, f"{counted(count, noun)} {done}.")
    for text in refusals[:SHOWN_REFUSALS]:
        messages.error(request, text)
    if len(refusals) > SHOWN_REFUSALS:
        messages.error(request, f"The same was refused for {len(refusals) - SHOWN_REFUSALS} more.")


class ReasonWidget(TextareaWidget):
    """A text, and a few usual ones that fill it in with one click."""

    template_name = "jwo_store/reason.html"

    def __init__(self, usual: Sequence[str] = (), attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"rows": 2, **(attrs or {})})
        self.usual = usual

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        return {**context, "usual": self.usual}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1000,
        widget=ReasonWidget,
        help_text="One sentence for those who look at it later.",
        error_messages={"required": SAY_WHY},
    )

    def __init__(self, *args: Any, usual: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.usual = usual


def is_confirmed(request: HttpRequest) -> bool:
    """Whether this is the answer to `ask`."""
    return request.method == "POST" and "confirmed" in request.POST


def reason_form(request: HttpRequest, usual: Sequence[str] = ()) -> ReasonForm:
    """To pass to `ask`; filled in, and so perhaps valid, when this is its answer. `usual` are offered by a click."""
    return ReasonForm(request.POST if is_confirmed(request) else None, usual=usual)


def ask(
    request: HttpRequest,
    rows: Iterable[Model],
    *,
    action: str,
    text: str,
    title: str = "",
    button: str = "",
    form: forms.Form | None = None,
) -> TemplateResponse:
    """The page that an action shows before it does something to these rows; its answer calls the action again.

    It is titled as its button, unless it says otherwise. Without a button it only says why that cannot be done now,
    and the way back.
    """
    rows = list(rows)
    return TemplateResponse(
        request,
        "admin/ask.html",
        {
            **site.each_context(request),
            "title": title or button,
            "text": text,
            "button": button,
            "form": form,
            "action": action,
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "keys": [row.pk for row in rows],
            "shown": [str(row) for row in rows[:SHOWN_ITEMS]],
            "more": max(0, len(rows) - SHOWN_ITEMS),
            "back": request.POST.get("back", ""),
        },
    )


class BackOfficeList(ChangeList):
    """Counts rows once and no further than pages go, and reads what it shows of their relations at once."""

    without_filters = "?"
    """The link to the list as it is without filters, the store that is chosen included."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        if chosen_store.chosen(request) and self.model_admin.is_filtered_by_store(request):  # type: ignore[attr-defined]
            self.without_filters = f"?{chosen_store.PARAMETER}="
            self.clear_all_filters_qs = self.without_filters
        return rows

    def _get_deterministic_ordering(self, ordering: Any) -> list[Any]:
        """Rows that are alike by their keys, in the direction of the column: one index then serves it both ways."""
        found: list[Any] = super()._get_deterministic_ordering(ordering)  # type: ignore[misc]
        rising = isinstance(found[0], str) and not found[0].startswith("-")
        return [*found[:-1], "pk"] if len(found) == 2 and found[-1] == "-pk" and rising else found  # noqa: PLR2004

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.full_result_count is None and not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count

    @property
    def has_more_than_pages(self) -> bool:
        """Whether the list is longer than what one can page through (`result_count`)."""
        return bool(getattr(self.paginator, "has_more", False))

    @property
    def count_in_words(self) -> str:
        return f"more than {self.result_count}" if self.has_more_than_pages else str(self.result_count)

    @property
    def all_stores(self) -> str:
        """The link to the list with its other filters, of all stores."""
        return self.get_query_string({chosen_store.PARAMETER: ""}, remove=[PAGE_VAR])

    def apply_select_related(self, qs: QuerySet[Any]) -> QuerySet[Any]:
        related: Sequence[Any] = getattr(self.model_admin, "list_prefetch_related", ())
        return super().apply_select_related(qs).prefetch_related(*related)


def never_ticked(_value: object) -> bool:
    return False


class BackOfficeAdmin(Scoped, ModelAdmin):
    """What all our pages share: nothing is ever deleted, a search is exact or by beginning, actions are buttons too.

    And everybody sees and changes only what is of their stores: say with `store_path` how a row leads to its store.
    """

    list_per_page = 50
    paginator = CappedPaginator
    list_disable_select_all = True
    list_filter_submit = True
    show_facets = ShowFacets.NEVER
    show_full_result_count = False  # how many there are besides those that are shown would be counted to the end
    warn_unsaved_form = True
    change_form_outer_before_template = "admin/page_buttons.html"
    nothing_yet = ""
    """One sentence for the list while it is empty: what would stand here, and what to do next."""
    list_prefetch_related: Sequence["str | Prefetch[Any]"] = ()
    """Relations to many that the list shows; a row on its page reads them when it needs them."""
    buttons: Sequence[str] = ()
    """Names of actions that are offered on the page of one row as well."""
    usual_reasons: Mapping[str, Sequence[str]] = {}
    """Of buttons that ask nothing: why one presses them, to be picked beside the button by who wants to."""
    list_buttons: Sequence[Callable[..., Any]] = ()
    """Actions that concern no single row, offered above the list; they are called with no rows."""
    list_before_template = "admin/list_buttons.html"

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    @display(description="select")
    def action_checkbox(self, obj: Any) -> SafeString:
        return CheckboxWidget({"class": "action-select", "aria-label": "Select this row"}, never_ticked).render(
            ACTION_CHECKBOX_NAME, str(obj.pk)
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BackOfficeList]:  # noqa: ARG002  Django's
        return BackOfficeList

    # -- searching

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(self.found_by(request, text)) if text else queryset), False

    def found_by(self, request: HttpRequest, text: str) -> Q:
        """Rows with the text as their beginning (`^`), exactly (`=`) or as words that begin so (`~`)."""
        found: dict[str, Q] = {}
        for field in self.get_search_fields(request):
            relation, _, name = field.lstrip("^=~").rpartition("__")
            if field[0] in FOUND_AT:
                same = Q(**{f"{name}__{FOUND_AT[field[0]]}": text})
            else:
                same = Q(**{name: text}) if self._may_be(relation, name, text) else Q(pk__in=())
            found[relation] = found.get(relation, Q(pk__in=())) | same
        return self._one_of(found)

    def _one_of(self, found: dict[str, Q]) -> Q:
        """What is found in related rows is looked up there first, by their indexes: no index serves a join with OR."""
        rows = found.pop("", Q(pk__in=()))
        for relation, same in found.items():
            rows |= Q(**{f"{relation}__in": self._related(relation).objects.filter(same)})
        return rows

    def _related(self, relation: str) -> Any:
        return self.opts.get_field(relation).related_model if relation else self.model

    def _may_be(self, relation: str, name: str, text: str) -> bool:
        """Whether a column can hold the text at all: a word is no address, and PostgreSQL would fail."""
        field: Any = self._related(relation)._meta.get_field(name)
        try:
            field.clean(text, None)
        except ValidationError:
            return False
        return True

    def history_view(
        self,
        request: HttpRequest,  # noqa: ARG002  Django's signature
        object_id: str,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Only what people change has one (`HistoryAdmin`)."""
        raise Http404

    # -- buttons

    def buttons_for(self, _obj: Any) -> Sequence[str]:
        """Which of the buttons make sense for this row."""
        return self.buttons

    def get_urls(self) -> list[URLPattern]:
        """No key of a row begins with a plain `+`: Django quotes it."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_press"
        view = self.admin_site.admin_view
        return [
            path("+press/<slug:action>/", view(self.press_above), name=f"{name}_above"),
            path("<path:object_id>/press/<slug:action>/", view(self.press), name=name),
            *super().get_urls(),
        ]

    def press_above(self, request: HttpRequest, action: str) -> HttpResponseBase:
        """Do what a button above the list is for."""
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if request.method != "POST":
            return HttpResponseRedirect(back)
        function = self._above_list(request).get(action)
        if function is None:
            raise PermissionDenied
        answer: HttpResponseBase | None = function(self, request, self.get_queryset(request).none())
        return answer or HttpResponseRedirect(back)

    def _above_list(self, request: HttpRequest) -> dict[str, Callable[..., Any]]:
        """By name: what this person may do there."""
        return {
            function.__name__: function
            for function in self.list_buttons
            if any(
                getattr(self, f"has_{permission}_permission")(request)
                for permission in getattr(function, "allowed_permissions", ())
            )
        }

    def is_filtered_by_store(self, request: HttpRequest) -> bool:
        filters = self.get_list_filter(request)
        return any(getattr(one, "parameter_name", "") == chosen_store.PARAMETER for one in filters)

    def _where_the_chosen_store_is(self, request: HttpRequest) -> str:
        """The link to this list with the chosen store as a filter that one sees and may take off; "" for none."""
        store = chosen_store.chosen(request)
        says_itself = {chosen_store.PARAMETER, IS_POPUP_VAR, ERROR_FLAG} & request.GET.keys()
        if not store or says_itself or request.method != "GET" or not self.is_filtered_by_store(request):
            return ""
        query = request.GET.copy()
        query[chosen_store.PARAMETER] = store
        return f"?{query.urlencode()}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with_store = self._where_the_chosen_store_is(request)
        if with_store:
            return HttpResponseRedirect(with_store)
        url = f"admin:{self.opts.app_label}_{self.opts.model_name}_press_above"
        above = [
            {
                "text": function.short_description,  # type: ignore[attr-defined]
                "url": reverse(url, args=[name]),
                "is_grave": getattr(function, "is_grave", False),
            }
            for name, function in self._above_list(request).items()
        ]
        context = {
            "title": title_here(request) or capfirst(str(self.opts.verbose_name_plural)),
            "list_buttons": above,
            "list_notice": self.list_notice(request),
            "kept_views": None if IS_POPUP_VAR in request.GET else kept_views.shown(request, self.opts.label_lower),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def list_notice(self, _request: HttpRequest) -> str:
        """What stands in the way of all that the list is about, and what to do; "" for nothing."""
        return ""

    def press(self, request: HttpRequest, object_id: str, action: str) -> HttpResponseBase:
        """Do an action with the one row on whose page its button was pressed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(self._where_to_go_on(request, row))
        offered: dict[str, Any] = self.get_actions(request)
        if action not in self.buttons or action not in offered:
            raise PermissionDenied
        function: Callable[..., HttpResponseBase | None] = offered[action][0]
        rows = self.get_queryset(request).filter(pk=row.pk)
        if not self.reach(request, function, rows).exists():
            raise PermissionDenied
        answer = function(self, request, rows)
        return answer or HttpResponseRedirect(self._where_to_go_on(request, row))

    def _where_to_go_on(self, request: HttpRequest, row: Any) -> str:
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if self.get_queryset(request).filter(pk=row.pk).exists():
            return reverse(f"{page}_change", args=[quote(row.pk)])
        return reverse(f"{page}_changelist")

    def page_buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        offered: dict[str, Any] = self.get_actions(request)
        wanted = [
            name for name in self.buttons_for(obj) if name in offered and self._may(request, offered[name][0], obj)
        ]
        url = f"admin:{self.opts.app_label}_{self.opts.model_name}_press"
        return [
            {
                "text": capfirst(str(offered[name][2])),
                "url": reverse(url, args=[quote(obj.pk), name]),
                "reasons": self.usual_reasons.get(name, ()),
                "is_grave": getattr(offered[name][0], "is_grave", False),
            }
            for name in wanted
        ]

    def _may(self, request: HttpRequest, function: Callable[..., Any], obj: Any) -> bool:
        """Whether the action may be done with this very row."""
        rows = self.visible(request).filter(pk=obj.pk)
        reached = self.reach(request, function, rows)
        return reached is rows or reached.exists()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Titled `Add a price` or `Price`: whether it is to change or only to read, people see."""
        noun = str(self.opts.verbose_name)
        title = capfirst(noun) if object_id else f"Add {with_article(noun)}"
        return super().changeform_view(request, object_id, form_url, {"title": title, **(extra_context or {})})

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: Any = False,  # noqa: FBT002  Django's signature
        change: Any = False,  # noqa: FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context["page_buttons"] = self.page_buttons(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)


class HistoryAdmin(SimpleHistoryAdmin, BackOfficeAdmin):
    """With a history page: who changed what, when and why; and the way back, which is a change like any other.

    Records are written by the models, read here, and never edited or deleted.
    """

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_set_back"
        view = self.admin_site.admin_view(self.set_back_view)
        return [path("<path:object_id>/history/<uuid:record_id>/set-back/", view, name=name), *super().get_urls()]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self._may_read_history(request, unquote(object_id)):
            raise Http404
        return history_pages.of_row(self, request, unquote(object_id), extra_context or {})

    def set_back_view(self, request: HttpRequest, object_id: str, record_id: UUID) -> HttpResponse:
        """A look at what going back to a record would change; and, with a reason, the change."""
        row, held = self.get_object(request, unquote(object_id)), self.held(request, "change")
        if not held.everywhere and (row is None or not self.may_change(held, row)):
            raise PermissionDenied
        return history_pages.set_back(self, request, unquote(object_id), record_id)

    def set_back_form(self, request: HttpRequest) -> forms.Form:
        return ReasonForm(request.POST if request.method == "POST" else None, usual=("Changed by mistake",))

    def _may_read_history(self, request: HttpRequest, key: str) -> bool:
        """That of rows that may be seen; of what is gone, the stores that it had last say whose it was."""
        stores = self.seen_in(request)
        if stores.everywhere:
            return True
        try:
            rows = self.model.objects.filter(pk=key)
        except (ValueError, ValidationError):
            return False
        if rows.exists():
            return stores.see(rows, self.store_path).exists()
        noted: Any = self.model.history.filter(**{self.opts.pk.attname: key})
        last = noted.order_by("history_date").last()
        own = self.own_field()
        path = {"": None, "pk": self.opts.pk.attname, "stores": "stores__store"}.get(own, own)
        return last is not None and stores.see(noted.filter(pk=last.pk), path).exists()

    def history_form_view(
        self, _request: HttpRequest, object_id: str, _version_id: str, _extra_context: Any = None
    ) -> HttpResponse:
        """The list says it all; a form for an old version would invite to write it back."""
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[quote(object_id)])
        )


class Window(BackOfficeAdmin):
    """A page to look through: nothing is added, changed or deleted by hand."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Without the theme's link to a history: nobody changes anything here."""
        return super().render_change_form(request, {**context, "show_history": False}, *args, **kwargs)


class Named:
    """The theme writes “By …” above what it filters by; here stands what that is."""

    title: Any

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):  # type: ignore[misc]  # mixed into filters
            for field in choice["form"].fields.values():
                field.label = capfirst(str(self.title))
            yield choice


class DropdownFilter(Named, ThemedDropdownFilter):
    pass


class ChoicesDropdownFilter(Named, ThemedChoicesFilter):
    pass


class YesNoFilter(Named, ThemedYesNoFilter):
    pass


class DayRangeFilter(DateRangeFilter):
    """From one day to another, both included, as days go on the page's clock; its title says which."""

    template = "admin/day_range_filter.html"

    def __init__(self, field: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, request, *args, **kwargs)
        self.clocks = self.clocks_of(request)
        of_all = time_of(*self.clocks) if len(self.clocks) == 1 else "each store's own time"
        self.title = f"{self.title} ({of_all})"

    def clocks_of(self, _request: HttpRequest) -> dict[ZoneInfo, Q]:
        """Which rows go by which clock."""
        return {ZoneInfo(timezone.get_current_timezone_name()): Q()}

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """With several clocks each row by its own, within bounds over all of them: those an index serves."""
        first, last = self._day("from"), self._day("to")
        if not (first or last):
            return queryset
        rows = queryset.filter(self._within(first, last, self.clocks))
        if len(self.clocks) == 1:
            return rows
        each = (rows_of & self._within(first, last, [zone]) for zone, rows_of in self.clocks.items())
        return rows.filter(reduce(or_, each))

    def _within(self, first: date | None, last: date | None, zones: Iterable[ZoneInfo]) -> Q:
        bounds = {}
        if first:
            bounds[f"{self.field_path}__gte"] = min(_midnight(first, zone) for zone in zones)
        if last:
            bounds[f"{self.field_path}__lt"] = max(_midnight(last + timedelta(days=1), zone) for zone in zones)
        return Q(**bounds)

    def _day(self, edge: str) -> date | None:
        try:
            day = forms.DateField(required=False).clean(self.used_parameters.get(f"{self.field_path}_{edge}"))
        except ValidationError:
            return None
        return day if day and MINYEAR < day.year < MAXYEAR else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


class StoreDayRangeFilter(DayRangeFilter):
    """The same of rows with a `store`: days go on its clock; of no store that one sees, on the page's."""

    def clocks_of(self, request: HttpRequest) -> dict[ZoneInfo, Q]:
        (here,) = super().clocks_of(request)
        zones = chosen_store.all_offered(request).zones
        only = request.GET.get(chosen_store.PARAMETER, "")
        if only in zones:
            return {ZoneInfo(zones[only]): Q()}
        elsewhere: dict[ZoneInfo, list[str]] = {}
        for store, zone in zones.items():
            if zone != here.key:
                elsewhere.setdefault(ZoneInfo(zone), []).append(store)
        if not elsewhere:
            return {here: Q()}
        rest = ~Q(store__in=[store for stores in elsewhere.values() for store in stores])
        return {here: rest, **{zone: Q(store__in=stores) for zone, stores in elsewhere.items()}}


def grave(action: Acting) -> Acting:
    """The decorated action ends or stops something: its button looks different from those that do not."""
    action.is_grave = True  # type: ignore[attr-defined]
    return action
