"""Windows on what Amazon's notification queue brought, and on the queue itself."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog import notifications, queue_policy, queue_settings
from catalog.admin.masking import readable, without_keys
from catalog.models import CatalogMessage, QueueReading
from catalog.queue_policy import Finding
from catalog.statuses import MessageState, amazons_word
from jwo_store.admin_site import (
    ChoicesDropdownFilter,
    DayRangeFilter,
    Window,
    brief_clock,
    clock,
    counted,
    display,
    holds,
    site,
)

STATE_TONES = {
    MessageState.RECEIVED: "info",
    MessageState.HANDLED: "success",
    MessageState.ORPHAN: "warning",
    MessageState.REFUSED: "danger",
    MessageState.SET_ASIDE: "danger",
}
KINDS = {
    "Notification": "Notification",
    "SubscriptionConfirmation": "Request to confirm the subscription",
    "UnsubscribeConfirmation": "End of the subscription",
    "": "Without Amazon's envelope",
}


@admin.action(description="Work it again", permissions=["replay"])
def replay(_admin: Any, request: HttpRequest, queryset: QuerySet[CatalogMessage]) -> None:
    now = timezone.now()
    count = sum(notifications.replay(message, now=now) for message in queryset)
    if count:
        messages.success(request, f"{counted(count, 'message')} worked again; load the page again in a moment.")
    else:
        messages.warning(request, "These wait to be worked anyway, or are of another environment.")


@admin.action(description="Bring back what was set aside by the queue", permissions=["bring_back"])
def bring_back(_admin: Any, request: HttpRequest, _queryset: QuerySet[CatalogMessage]) -> None:
    count = notifications.bring_back(now=timezone.now())
    if count:
        messages.success(request, f"{counted(count, 'message')} brought back; load the page again in a moment.")
    else:
        messages.warning(request, "There is nothing in the dead-letter queue.")


@admin.register(CatalogMessage, site=site)
class MessageAdmin(Window):
    nothing_yet = (
        "What Amazon tells about uploads comes in here by itself; to know how one is getting on, look at its page."
    )
    store_path = "upload__store"
    has_replay_permission = holds("catalog.replay_catalogmessage")
    list_display = ("received", "kind_in_words", "of_upload", "state_in_words", "times", "came_of_it")
    list_filter = (("state", ChoicesDropdownFilter), ("received_at", DayRangeFilter))
    list_select_related = ("upload",)
    sortable_by = ()
    search_fields = ("=ingestion_id",)
    search_help_text = "Ingestion ID"
    actions = (replay,)
    buttons = ("replay",)
    list_buttons = (bring_back,)
    fields = (
        "state",
        "came_of_it",
        "kind_in_words",
        "of_upload",
        "ingestion_id",
        "amazon_says",
        "queued",
        "received",
        "last_received",
        "times",
        "tries",
        "worked",
        "environment",
        "content",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogMessage]:
        """Without what is heavy; a page reads the body of its one message when it shows it."""
        rows: QuerySet[CatalogMessage] = super().get_queryset(request)
        return rows.defer("body", "upload__packed", "upload__report_packed", "upload__report_link")

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def has_bring_back_permission(self, request: HttpRequest) -> bool:
        """Offered where there is a dead-letter queue."""
        return self.has_replay_permission(request) and notifications.dead_letters() is not None

    def list_notice(self, _request: HttpRequest) -> str:
        count = notifications.dead_letters()
        if not count:
            return ""
        return f"The queue itself has set {counted(count, 'message')} aside: received several times and never kept."

    def buttons_for(self, obj: Any) -> Sequence[str]:
        waits = obj.state == MessageState.RECEIVED or obj.environment != settings.JWO_ENVIRONMENT
        return () if waits else self.buttons

    @display(description="received")
    def received(self, obj: CatalogMessage) -> str:
        return brief_clock(obj.received_at)

    @display(description="last received")
    def last_received(self, obj: CatalogMessage) -> str:
        return brief_clock(obj.last_received_at)

    @display(description="put on the queue")
    def queued(self, obj: CatalogMessage) -> str:
        return clock(obj.sent_at)

    @display(description="worked")
    def worked(self, obj: CatalogMessage) -> str:
        return clock(obj.handled_at)

    @display(description="kind")
    def kind_in_words(self, obj: CatalogMessage) -> str:
        return KINDS.get(obj.kind, obj.kind)

    @display(description="upload")
    def of_upload(self, obj: CatalogMessage) -> SafeString | str:
        if obj.upload is None:
            return "—"
        link = reverse("admin:catalog_catalogupload_change", args=[obj.upload.pk])
        return format_html('<a class="bo-link" href="{}">{}</a>', link, obj.upload)

    @display(description="state", label={str(state): tone for state, tone in STATE_TONES.items()})
    def state_in_words(self, obj: CatalogMessage) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="what came of it")
    def came_of_it(self, obj: CatalogMessage) -> str:
        return without_keys(obj.reason) or "—"

    @display(description="Amazon says")
    def amazon_says(self, obj: CatalogMessage) -> str:
        return amazons_word(obj.amazon_status.upper())

    @display(description="the message")
    def content(self, obj: CatalogMessage) -> SafeString:
        return format_html('<pre class="bo-json" tabindex="0">{}</pre>', readable(obj.body))


# --- The queue -----------------------------------------------------------------------------------------------------

POLICY_TONES = {"Good": "success", "Look at it": "warning", "Must be mended": "danger", "Not known yet": "plain"}


@admin.register(QueueReading, site=site)
class QueueAdmin(Window):
    nothing_yet = (
        "The queue on which Amazon tells about uploads stands here once it is set up; "
        "whoever runs this software does that."
    )
    store_path = None
    list_display = ("name", "waiting", "oldest", "read", "newest_message", "subscription", "policy_in_a_word")
    list_display_links = ("name",)
    sortable_by = ()
    fields = (
        "url",
        "arn",
        "waiting",
        "in_flight",
        "dead",
        "oldest",
        "read",
        "newest_message",
        "subscription",
        "trouble",
        "policy_in_a_word",
        "findings",
        "good_policy",
        "policy_there",
    )

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def list_notice(self, _request: HttpRequest) -> str:
        if not settings.CATALOG_QUEUE_URL:
            return "No queue is set up (CATALOG_QUEUE_URL): uploads are followed by asking Amazon alone."
        if not settings.CATALOG_TOPIC_ARN:
            return "CATALOG_TOPIC_ARN is not set: every signed message is refused. Set it to the topic Amazon names."
        return ""

    @display(description="queue")
    def name(self, obj: QueueReading) -> str:
        return str(obj)

    @display(description="waiting")
    def waiting(self, obj: QueueReading) -> str:
        return counted(obj.depth, "message")

    @display(description="set aside by the queue itself")
    def dead(self, obj: QueueReading) -> str:
        if obj.dead_letters is None:
            return obj.dead_letter_problem or "no dead-letter queue"
        return counted(obj.dead_letters, "message")

    @display(description="oldest of the last round")
    def oldest(self, obj: QueueReading) -> str:
        return brief_clock(obj.oldest_sent_at)

    @display(description="last read")
    def read(self, obj: QueueReading) -> str:
        return brief_clock(obj.read_at)

    @display(description="last message")
    def newest_message(self, obj: QueueReading) -> str:
        return brief_clock(obj.last_message_at)

    @display(description="subscription")
    def subscription(self, obj: QueueReading) -> str:
        if obj.confirmed_at:
            return f"confirmed {brief_clock(obj.confirmed_at)}"
        return "not confirmed from here"

    @display(description="what is wrong")
    def trouble(self, obj: QueueReading) -> str:
        since = f" (since {clock(obj.failing_since)})" if obj.failing_since else ""
        return f"{obj.problem}{since}" if obj.problem else "nothing"

    @display(description="how it is set up", label=POLICY_TONES)
    def policy_in_a_word(self, obj: QueueReading) -> str:
        found = faults(obj)
        if found is None:
            return "Not known yet"
        severities = {finding.severity for finding in found}
        if queue_policy.Severity.ERROR in severities:
            return "Must be mended"
        return "Look at it" if severities else "Good"

    @display(description="what is wrong with it")
    def findings(self, obj: QueueReading) -> SafeString | str:
        found = faults(obj)
        if not found:
            return "—" if found is None else "nothing"
        rows = format_html_join("", "<li>{} <em>{}</em></li>", ((one.sentence, one.fix) for one in found))
        return format_html('<ul class="bo-list">{}</ul>', rows)

    @display(description="a good policy to copy")
    def good_policy(self, obj: QueueReading) -> SafeString | str:
        if not (obj.arn and settings.CATALOG_TOPIC_ARN):
            return "It is shown here when the queue was read once and CATALOG_TOPIC_ARN is set."
        policy = queue_policy.good_policy(obj.arn, settings.CATALOG_TOPIC_ARN)
        return format_html('<pre class="bo-json" tabindex="0">{}</pre>', policy)

    @display(description="the policy that is there")
    def policy_there(self, obj: QueueReading) -> SafeString | str:
        return format_html('<pre class="bo-json" tabindex="0">{}</pre>', readable(obj.policy)) if obj.policy else "none"


def faults(reading: QueueReading) -> Sequence[Finding] | None:
    """What is wrong with how the queue is set up; None while the queue or the topic is not known."""
    if not (reading.arn and settings.CATALOG_TOPIC_ARN):
        return None
    access = queue_policy.lint(reading.policy, queue_arn=reading.arn, topic_arn=settings.CATALOG_TOPIC_ARN)
    return (*access, *queue_settings.lint(reading.redrive_policy, reading.visibility_timeout))
