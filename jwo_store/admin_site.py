"""The one module that knows the admin theme; every admin page is built on what it exports.

Pages name the other apps as strings only; what the home page shows of them they add with `site.add_tiles`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, ShowFacets
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst

from jwo_store.models import Alarm

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

    class DropdownFilter(admin.SimpleListFilter):
        pass

    ChoicesDropdownFilter = admin.ChoicesFieldListFilter
    YesNoFilter = admin.BooleanFieldListFilter

    class DateRangeFilter(admin.FieldListFilter):
        parameter_name: str

    CheckboxesWidget = forms.CheckboxSelectMultiple
    DateTimeWidget = forms.SplitDateTimeWidget
    DecimalWidget = NumberWidget = forms.NumberInput
    SearchableSelect = SelectWidget = forms.Select
    SearchableSelectMultiple = forms.SelectMultiple
    SwitchWidget = forms.CheckboxInput
    TextareaWidget = forms.Textarea
    PasswordChangeForm = auth_forms.AdminPasswordChangeForm
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
    from unfold.contrib.filters.admin import BooleanRadioFilter as YesNoFilter
    from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
    from unfold.contrib.filters.admin import RangeDateFilter as DateRangeFilter
    from unfold.decorators import display
    from unfold.forms import AdminPasswordChangeForm as PasswordChangeForm
    from unfold.forms import PaginationInlineFormSet as InlineFormSet
    from unfold.forms import UserChangeForm, UserCreationForm
    from unfold.sites import UnfoldAdminSite as ThemedSite
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxesWidget
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as DecimalWidget
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberWidget
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SearchableSelectMultiple
    from unfold.widgets import UnfoldAdminSelect2Widget as SearchableSelect
    from unfold.widgets import UnfoldAdminSelectWidget as SelectWidget
    from unfold.widgets import UnfoldAdminSplitDateTimeWidget as DateTimeWidget
    from unfold.widgets import UnfoldAdminTextareaWidget as TextareaWidget
    from unfold.widgets import UnfoldBooleanSwitchWidget as SwitchWidget

__all__ = [
    "AutocompleteSelectMultiple",
    "BackOfficeAdmin",
    "CheckboxesWidget",
    "ChoicesDropdownFilter",
    "DateTimeWidget",
    "DayRangeFilter",
    "DecimalWidget",
    "DropdownFilter",
    "HistoryAdmin",
    "InlineFormSet",
    "ModelForm",
    "NumberWidget",
    "PasswordChangeForm",
    "ReasonForm",
    "SearchableSelect",
    "SearchableSelectMultiple",
    "SelectWidget",
    "SwitchWidget",
    "TabularInline",
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
    "is_confirmed",
    "reason_form",
    "site",
]


def clock(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """The moment on the admin's clock, or on another one; an em dash when there is none."""
    if moment is None:
        return "—"
    return formats.date_format(timezone.localtime(moment, zone), "DATETIME_FORMAT")


def brief_clock(moment: datetime | None) -> str:
    """The same for lists, where room is short: without the year while it is this year."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    this_year = local.year == timezone.localtime().year
    return formats.date_format(local, "N j, P" if this_year else "N j, Y, P")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 purchase`, `3 purchases`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


ENVIRONMENTS = {"sandbox": ("Sandbox", "info"), "test": ("Test", "warning"), "live": ("Live", "danger")}
"""How each environment is shown; the tone is the colour of its badge."""

BANNER_ALARMS = 3


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure on the home page. The tone is `good`, `look` (somebody should) or `plain`."""

    title: str
    value: str
    link: str
    tone: str = "plain"
    hint: str = ""


Tiles = Callable[[HttpRequest, datetime], Iterable[Tile]]


@dataclass(frozen=True, slots=True)
class OpenAlarms:
    newest: Sequence[Alarm]
    count: int
    may_acknowledge: bool

    @property
    def more(self) -> int:
        return self.count - len(self.newest)


class BackOfficeSite(ThemedSite):
    index_title = "Today"
    empty_value_display = "—"
    index_template = "admin/home.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._tiles: list[Tiles] = []
        self.disable_action("delete_selected")

    def add_tiles(self, tiles: Tiles) -> None:
        """`tiles(request, now)` gives what the home page shows to this person, in few and quick queries."""
        self._tiles.append(tiles)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        now = timezone.now()
        tiles = [tile for give in self._tiles for tile in give(request, now)]
        return super().index(request, {"tiles": tiles, "clock": clock(now), **(extra_context or {})})

    def extra_urls(self) -> list[URLPattern]:
        """Where the theme asks for URLs besides Django's own."""
        return [path("alarms/acknowledge/", self.admin_view(self.acknowledge), name="acknowledge")]

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """Where the theme asks for what every page gets besides."""
        text, tone = environment_badge(request)
        return {
            **context,
            "environment_badge": {"text": text, "tone": tone},
            "open_alarms": open_alarms(request),
            "clock_zone": settings.TIME_ZONE,
        }

    def acknowledge(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not request.user.has_perm("jwo_store.acknowledge_alarm"):
            raise PermissionDenied
        seen = [key for key in request.POST.getlist("alarm") if key.isdecimal()]
        count = Alarm.objects.filter(pk__in=seen).acknowledge(by=request.user, now=timezone.now())
        messages.success(request, f"{counted(count, 'alarm')} acknowledged.")
        back = request.POST.get("back", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
            back = reverse("admin:index")
        return HttpResponseRedirect(back)


def open_alarms(request: HttpRequest) -> OpenAlarms | None:
    """What the banner shows to this person; at most two queries, and none in a pop-up window."""
    if IS_POPUP_VAR in request.GET or not request.user.has_perm("jwo_store.view_alarm"):
        return None
    rows = Alarm.objects.open()
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


def favicon(_request: HttpRequest) -> str:
    return static("jwo_store/favicon.svg")


def environment_badge(_request: HttpRequest) -> list[str]:
    """For the theme's header."""
    return list(ENVIRONMENTS.get(settings.JWO_ENVIRONMENT, (settings.JWO_ENVIRONMENT, "danger")))


def environment_title(_request: HttpRequest) -> str:
    """For the browser's tab."""
    return f"[{environment_badge(_request)[0]}]"


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the sidebar: a list of one model, perhaps filtered. Seen by those who may view the model."""

    title: str
    icon: str
    app: str
    model: str
    query: str = ""

    @property
    def url(self) -> str:
        return reverse(f"admin:{self.app}_{self.model}_changelist") + self.query


SIDEBAR = (
    (
        "Purchases",
        (
            Link("All purchases", "receipt_long", "orders", "purchase"),
            Link("Waiting for a repair", "build", "orders", "purchase", "?status__exact=UNPRICED"),
            Link("Refused by Amazon", "block", "orders", "purchase", "?status__exact=REJECTED"),
            Link("Refused carts", "move_to_inbox", "orders", "refusedcart"),
        ),
    ),
    ("Prices", (Link("Prices", "sell", "pricing", "price"),)),
    ("Promotions", (Link("Promotions", "redeem", "pricing", "promotion"),)),
    (
        "Taxes and fees",
        (
            Link("Tax rules", "percent", "pricing", "taxrule"),
            Link("Tax categories", "category", "pricing", "taxcategory"),
            Link("Tax holidays", "event", "pricing", "taxholiday"),
            Link("Deposits and fees", "recycling", "pricing", "fee"),
        ),
    ),
    ("Catalog", (Link("Products", "inventory_2", "catalog", "product"),)),
    (
        "Set-up",
        (
            Link("Stores", "storefront", "catalog", "store"),
            Link("People", "person", "auth", "user"),
            Link("Roles", "group", "auth", "group"),
        ),
    ),
    ("Alarms", (Link("Alarms", "notifications", "jwo_store", "alarm"),)),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar as this person sees it, in the theme's shape: one group a job, only what may be viewed."""
    groups = [(title, [link for link in links if _may_see(request, link)]) for title, links in SIDEBAR]
    return [{"title": title, "items": _items(request, links)} for title, links in groups if links]


def _items(request: HttpRequest, links: Sequence[Link]) -> list[dict[str, Any]]:
    """The links with the one marked where the person is: the filtered list itself, or else its model's."""
    here = request.get_full_path()
    exact = [link for link in links if link.url == here]
    return [
        {
            "title": link.title,
            "icon": link.icon,
            "link": link.url,
            "active": link in exact if exact else not link.query and request.path.startswith(link.url),
        }
        for link in links
    ]


def _may_see(request: HttpRequest, link: Link) -> bool:
    return any(request.user.has_perm(f"{link.app}.{verb}_{link.model}") for verb in ("view", "change"))


SHOWN_ITEMS = 10


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1000,
        widget=TextareaWidget(attrs={"rows": 3}),
        help_text="One sentence for those who look at it later.",
    )


def is_confirmed(request: HttpRequest) -> bool:
    """Whether this is the answer to `ask`."""
    return request.method == "POST" and "confirmed" in request.POST


def reason_form(request: HttpRequest) -> ReasonForm:
    """To pass to `ask`; filled in, and so perhaps valid, when this is its answer."""
    return ReasonForm(request.POST if is_confirmed(request) else None)


def ask(
    request: HttpRequest,
    rows: Iterable[Model],
    *,
    action: str,
    title: str,
    text: str,
    button: str,
    form: forms.Form | None = None,
) -> TemplateResponse:
    """The page that an action shows before it does something to these rows; its answer calls the action again."""
    rows = list(rows)
    return TemplateResponse(
        request,
        "admin/ask.html",
        {
            **site.each_context(request),
            "title": title,
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
    """Counts rows once, which is slow where there are millions, and reads what it shows of their relations at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.full_result_count is None and not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count

    def apply_select_related(self, qs: QuerySet[Any]) -> QuerySet[Any]:
        related: Sequence[Any] = getattr(self.model_admin, "list_prefetch_related", ())
        return super().apply_select_related(qs).prefetch_related(*related)


class BackOfficeAdmin(ModelAdmin):
    """What all our pages share: nothing is ever deleted, a search is exact or by beginning, actions are buttons too."""

    list_per_page = 50
    list_disable_select_all = True
    list_filter_submit = True
    show_facets = ShowFacets.NEVER
    warn_unsaved_form = True
    change_form_outer_before_template = "admin/page_buttons.html"
    list_prefetch_related: Sequence[str] = ()
    """Relations to many that the list shows; a row on its page reads them when it needs them."""
    buttons: Sequence[str] = ()
    """Names of actions that are offered on the page of one row as well."""

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BackOfficeList]:  # noqa: ARG002  Django's
        return BackOfficeList

    # -- searching

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with the whole text as their beginning (`^`) or exactly (`=`): never somewhere inside."""
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Q()
        for field in self.get_search_fields(request):
            lookup = "istartswith" if field.startswith("^") else "exact"
            found |= Q(**{f"{field.lstrip('^=')}__{lookup}": text})
        return queryset.filter(found), False

    # -- buttons

    def buttons_for(self, _obj: Any) -> Sequence[str]:
        """Which of the buttons make sense for this row."""
        return self.buttons

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_press"
        return [
            path("<path:object_id>/press/<slug:action>/", self.admin_site.admin_view(self.press), name=name),
            *super().get_urls(),
        ]

    def press(self, request: HttpRequest, object_id: str, action: str) -> HttpResponseBase:
        """Do an action with the one row on whose page its button was pressed."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(self._where_to_go_on(request, row))
        offered: dict[str, Any] = self.get_actions(request)
        if action not in self.buttons or action not in offered:
            raise PermissionDenied
        function: Callable[..., HttpResponseBase | None] = offered[action][0]
        answer = function(self, request, self.get_queryset(request).filter(pk=row.pk))
        return answer or HttpResponseRedirect(self._where_to_go_on(request, row))

    def _where_to_go_on(self, request: HttpRequest, row: Any) -> str:
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if self.get_queryset(request).filter(pk=row.pk).exists():
            return reverse(f"{page}_change", args=[quote(row.pk)])
        return reverse(f"{page}_changelist")

    def page_buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, str]]:
        offered: dict[str, Any] = self.get_actions(request)
        wanted = [name for name in self.buttons_for(obj) if name in offered]
        url = f"admin:{self.opts.app_label}_{self.opts.model_name}_press"
        return [
            {"text": capfirst(str(offered[name][2])), "url": reverse(url, args=[quote(obj.pk), name])}
            for name in wanted
        ]

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
    """With a history page: who changed what, when and why. Nothing is reverted there."""

    def revert_disabled(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return True

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


class DayRangeFilter(DateRangeFilter):
    """From one day to another, both included, as days go on the admin's clock."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self._midnight(edge) for edge in ("from", "to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": last + timedelta(days=1)})
        return queryset

    def _midnight(self, edge: str) -> datetime | None:
        try:
            day = forms.DateField(required=False).clean(self.used_parameters.get(f"{self.field_path}_{edge}"))
        except ValidationError:
            return None
        return timezone.make_aware(datetime.combine(day, time.min)) if day else None
