"""What waits for a second pair of eyes: looked at, and approved or refused, by somebody else than who proposed it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from catalog.admin import where
from catalog.clocks import zone_of
from jwo_store import access
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    Tile,
    Window,
    ask,
    brief_clock,
    counted,
    display,
    on_clock,
    reason_form,
    site,
)
from jwo_store.setting_back import Made
from jwo_store.telling import Line, who
from pricing import four_eyes
from pricing.proposed import Proposal, ProposalStatus, ProposedAct

SHOWN_LINES = 500
OF_MANY_PRODUCTS = (ProposedAct.MANY, ProposedAct.LIST, ProposedAct.UNDO)
LIST = "admin:pricing_proposal_changelist"


def may_decide(request: HttpRequest, proposal: Proposal) -> bool:
    """Whether this person may do such a thing in these stores, and did not propose it."""
    stores = access.stores_with(request.user, four_eyes.permission(proposal))
    theirs = stores.everywhere if proposal.all_stores else all(store.pk in stores for store in proposal.stores.all())
    return theirs and proposal.proposed_by_id != request.user.pk


def _decidable(request: HttpRequest, queryset: QuerySet[Proposal]) -> Proposal | None:
    """The one that was chosen, if this person may decide it; else it is said why not."""
    rows = list(queryset[:2])
    if len(rows) != 1:
        messages.warning(request, "Look at each on its own page, and decide there.")
        return None
    if rows[0].proposed_by_id == request.user.pk:
        messages.error(request, "This is your own: somebody else has to look at it.")
        return None
    if not may_decide(request, rows[0]):
        messages.error(request, "You may not change such things there, so you cannot decide this.")
        return None
    return rows[0]


@admin.action(description="Approve", permissions=["decide"])
def approve(_admin: Any, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
    proposal = _decidable(request, queryset)
    if proposal is None:
        return
    try:
        four_eyes.approve(proposal, by=request.user, now=timezone.now())
    except four_eyes.NotDecided as why:
        messages.error(request, str(why))
    except four_eyes.Overtaken as why:
        messages.warning(request, f"{why} Nothing was changed.")
    else:
        messages.success(request, "Approved and done.")


@admin.action(description="Refuse…", permissions=["decide"])
def refuse(_admin: Any, request: HttpRequest, queryset: QuerySet[Proposal]) -> HttpResponse | None:
    proposal = _decidable(request, queryset)
    if proposal is None:
        return None
    form = reason_form(request, ("Not now", "The amount is wrong", "The dates are wrong"))
    if not form.is_valid():
        return ask(
            request,
            [proposal],
            form=form,
            action="refuse",
            button="Refuse",
            text="Nothing is changed. Who proposed it reads your reason.",
        )
    try:
        four_eyes.refuse(proposal, by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"])
    except four_eyes.NotDecided as why:
        messages.error(request, str(why))
    else:
        messages.success(request, "Refused. Nothing was changed.")
    return None


@admin.action(description="Take back", permissions=["view"])
def withdraw(_admin: Any, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
    for proposal in queryset:
        try:
            four_eyes.withdraw(proposal, by=request.user, now=timezone.now())
        except four_eyes.NotDecided as why:
            messages.error(request, f"{proposal}: {why}")
        else:
            messages.success(request, f"{proposal}: taken back. Nothing was changed.")


@admin.register(Proposal, site=site)
class ProposalAdmin(Window):
    """Proposals are made by the pages that change something, and decided here."""

    nothing_yet = (
        "Changes that need a second pair of eyes wait here; "
        "they come by themselves from stores that ask for one on their page."
    )
    store_path = "stores"
    list_display = ("what", "in_stores", "reason", "proposer", "proposed", "state")
    list_select_related = ("proposed_by", "decided_by")
    list_prefetch_related = ("stores",)
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("^subject", "^reason")
    search_help_text = "What it is about or why, from its beginning"
    actions = (approve, refuse, withdraw)
    buttons = ("approve", "refuse", "withdraw")
    fields = (
        "what",
        "sentence",
        "before_and_after",
        "in_stores",
        "reason",
        "proposer",
        "proposed",
        "state",
        "decider",
        "decided",
        "decision",
    )

    def visible(self, request: HttpRequest, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Those about one's own stores alone: what is proposed for many products tells prices of all its stores."""
        seen, stores = super().visible(request, rows), self.seen_in(request)
        if stores.everywhere:
            return seen
        own = stores.change(Proposal.objects.all(), "stores").order_by().values("pk")
        return seen.filter(Q(pk__in=own) | Q(all_stores=True) & ~Q(act__in=OF_MANY_PRODUCTS))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Without what there is nothing to say of."""
        empty = set()
        if obj is not None:
            empty |= {"decider", "decided", "decision"} if obj.is_waiting else set()
            empty |= {name for name in ("sentence", "decision") if not getattr(obj, name)}
        return tuple(name for name in self.fields if name not in empty)

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def page_buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """Approving and refusing for others, taking back for who proposed it."""
        if not obj.is_waiting:
            return []
        own = obj.proposed_by_id == request.user.pk
        wanted = ("withdraw",) if own else ("approve", "refuse") if may_decide(request, obj) else ()
        return [button for button in super().page_buttons(request, obj) if button["url"].split("/")[-2] in wanted]

    @display(description="what is proposed", ordering="subject")
    def what(self, obj: Proposal) -> str:
        return f"{obj.get_act_display()}: {obj.subject}"

    @display(description="in stores")
    def in_stores(self, obj: Proposal) -> str:
        return where(obj)

    @display(description="proposed by", ordering="proposed_by")
    def proposer(self, obj: Proposal) -> str:
        return who(obj.proposed_by, "")

    @display(description="decided by")
    def decider(self, obj: Proposal) -> str:
        return who(obj.decided_by, "") if obj.decided_by else "—"

    @display(description="proposed", ordering="proposed_at")
    def proposed(self, obj: Proposal) -> str:
        return on_clock(obj.proposed_at, _zone(obj), brief_clock)

    @display(description="decided")
    def decided(self, obj: Proposal) -> str:
        return on_clock(obj.decided_at, _zone(obj), brief_clock)

    @display(
        description="state",
        ordering="status",
        label={
            "Waiting": "warning",
            "Approved": "success",
            "Refused": "danger",
            "Taken back": "info",
            "Overtaken": "info",
        },
    )
    def state(self, obj: Proposal) -> str:
        return obj.get_status_display()

    @display(description="before and after")
    def before_and_after(self, obj: Proposal) -> SafeString:
        lines = [Line(*line) for line in obj.lines[:SHOWN_LINES]]
        more = max(0, len(obj.lines) - SHOWN_LINES)
        return render_to_string("admin/history_lines.html", {"lines": lines, "more": more})


def _zone(proposal: Proposal) -> ZoneInfo | None:
    return None if proposal.all_stores else zone_of(proposal.stores.all())


def waiting_tiles(request: HttpRequest, _now: datetime) -> Iterable[Tile]:
    """One query over the index of what waits."""
    if not request.user.has_perm("pricing.view_proposal"):
        return
    waiting = site.rows_seen(request, Proposal).filter(status=ProposalStatus.WAITING)
    counts = waiting.aggregate(all=Count("pk"), own=Count("pk", filter=Q(proposed_by=request.user.pk)))
    others = counts["all"] - counts["own"]
    yield Tile(
        "Waiting for a second pair of eyes",
        str(others),
        f"{reverse(LIST)}?status__exact={ProposalStatus.WAITING}",
        tone="look" if others else "good",
        hint=f"and {counted(counts['own'], 'proposal')} of your own" if counts["own"] else "",
    )


site.add_tiles(waiting_tiles, rank=2)


# --- For the pages that change something ---------------------------------------------------------------------------


def propose_if_asked(request: HttpRequest, act: four_eyes.Act, reason: str) -> Proposal | None:
    """The proposal that waits now, and that is said; None when nobody asks for one."""
    if not four_eyes.is_asked(act):
        return None
    made = Made(by=request.user, now=timezone.now(), reason=reason)
    proposal = four_eyes.propose(act, made)
    say_it_waits(request, proposal)
    return proposal


def say_it_waits(request: HttpRequest, proposal: Proposal) -> None:
    messages.warning(request, f"{proposal}: nothing is changed yet. Somebody else has to look at it first.")


def to_the_proposal(request: HttpRequest, proposal: Proposal) -> HttpResponse:
    if request.user.has_perm("pricing.view_proposal"):
        return HttpResponseRedirect(reverse("admin:pricing_proposal_change", args=[proposal.pk]))
    return HttpResponseRedirect(reverse("admin:index"))
