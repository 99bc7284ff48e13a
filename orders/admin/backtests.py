"""Promotions tried on past trips: the form that asks for it, the list, and the page of one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import slugify

from catalog.models import Store
from jwo_store import access
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    NumberWidget,
    SearchableSelectMultiple,
    counted,
    display,
    holds,
    site,
)
from orders import backtests
from orders.admin.backtest_results import table, told
from orders.admin.jobs import JobAdmin
from orders.backtests import MOST_TRIPS, NothingToTry
from orders.models import BackTest, BackTestTrip
from pricing.candidates import Tried, Unreadable
from pricing.models import Promotion
from pricing.promotion_words import in_words

# --- Asking for one ------------------------------------------------------------------------------------------------


class AskForm(forms.Form):
    stores = forms.ModelMultipleChoiceField(
        Store.objects.none(),
        required=False,
        widget=SearchableSelectMultiple(),
        help_text="Leave empty for all of them.",
    )
    trips = forms.IntegerField(
        label="How many trips of each store",
        min_value=1,
        max_value=MOST_TRIPS,
        initial=500,
        widget=NumberWidget,
        help_text=f"The last ones, {MOST_TRIPS:,} at most. Test trips, empty carts and what was refused or given up "
        "are left out.",
    )

    def __init__(self, entered: Any, stores: QuerySet[Store]) -> None:
        super().__init__(entered)
        chosen: Any = self.fields["stores"]
        chosen.queryset = stores


def _named(request: HttpRequest) -> tuple[Tried, Promotion | None, dict[str, str]] | None:
    """The promotion that a link or a form names, and the fields that name it; None when there is none to try."""
    given = request.POST if request.method == "POST" else request.GET
    of, terms = given.get("of", ""), given.get("terms", "")
    try:
        stored = Promotion.objects.filter(pk=forms.UUIDField(required=False).clean(of)).first()
        tried = Tried.read(terms) if terms else Tried.stored(stored) if stored and in_words(stored) else None
    except (forms.ValidationError, Unreadable):
        return None
    return (tried, stored, {"of": of, "terms": terms}) if tried else None


# --- The pages -----------------------------------------------------------------------------------------------------


@admin.register(BackTest, site=site)
class BackTestAdmin(JobAdmin):
    nothing_yet = (
        "What a promotion would have done to past trips stands here; press “Try it on past trips…” on the page of one."
    )
    noun = "try"
    page_template = "admin/orders/backtest/page.html"
    list_display = ("name", "code", "asked", "maker", "in_stores", "state", "progress")
    list_prefetch_related = ("stores",)
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("^code", "~name")
    search_help_text = "Code of the promotion, or words of its name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BackTest]:
        rows: QuerySet[BackTest] = super().get_queryset(request)
        return rows.defer("trips", "terms")

    def stores_of(self, _request: HttpRequest) -> QuerySet[Store]:
        """The stores whose trips this person may try promotions on and see."""
        return Store.objects.all()

    store_path = access.ONLY_EVERYWHERE
    has_start_permission = holds("orders.start_backtest")

    def get_urls(self) -> list[URLPattern]:
        table = self.admin_site.admin_view(self.table_view)
        return [path("<int:key>/trips.csv", table, name="orders_backtest_table"), *super().get_urls()]

    # -- asking

    def add_view(
        self, request: HttpRequest, _form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_start_permission(request):
            raise PermissionDenied
        named = _named(request)
        if named is None:
            messages.info(request, "Choose a promotion, then “Try it on past trips” on its page.")
            return HttpResponseRedirect(reverse("admin:pricing_promotion_changelist"))
        tried, stored, names = named
        stores = self.stores_of(request)
        own = stores if tried.promotion.all_stores else stores.filter(pk__in=tried.stores)
        form = AskForm(request.POST if "trips" in request.POST else None, own)
        if form.is_valid():
            chosen = list(form.cleaned_data["stores"] or own)
            row = stored.pk if stored and not names["terms"] else None
            try:
                test = backtests.request(
                    tried,
                    chosen,
                    form.cleaned_data["trips"],
                    row=row,
                    by=request.user,  # type: ignore[arg-type]  # nobody comes here without signing in
                    now=timezone.now(),
                )
            except NothingToTry as reason:
                form.add_error("stores", str(reason))
            else:
                return HttpResponseRedirect(reverse("admin:orders_backtest_change", args=[test.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Try “{tried.promotion.name}” on past trips",
            "opts": self.opts,
            "words": tried.words(),
            "names": {name: value for name, value in names.items() if value},
            "form": form,
            "media": self.media + form.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/orders/backtest/form.html", context)

    # -- looking

    def _trips(self, request: HttpRequest, test: BackTest) -> QuerySet[BackTestTrip]:
        return test.tried.filter(store__in=self.stores_of(request))

    def told(self, request: HttpRequest, job: Any) -> dict[str, Any]:
        found = told(job, self._trips(request, job), request)
        return {**found, "may_see_trips": request.user.has_perm("orders.view_purchase")}

    def table_view(self, request: HttpRequest, key: int) -> HttpResponse:
        test = self.one(request, key)
        answer = HttpResponse(table(self._trips(request, test)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{slugify(test.code) or "promotion"}-on-past-trips.csv"'
        return answer

    @display(description="stores")
    def in_stores(self, obj: BackTest) -> str:
        names = [store.name for store in obj.stores.all()]
        return names[0] if len(names) == 1 else counted(len(names), "store")

    @display(description="trips")
    def progress(self, obj: BackTest) -> str:
        return f"{obj.done:,} of {obj.trip_count:,}"
