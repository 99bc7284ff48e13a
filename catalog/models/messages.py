from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from catalog.models.uploads import CatalogUpload
from catalog.statuses import MessageState
from jwo_store.models import ENVIRONMENT_CHOICES


class CatalogMessageQuerySet(models.QuerySet["CatalogMessage"]):
    def due(self, now: datetime) -> Self:
        """What was received and is still to be worked."""
        return self.filter(state=MessageState.RECEIVED, environment=settings.JWO_ENVIRONMENT, due_at__lte=now)


class CatalogMessage(models.Model):
    """A message from the notification queue, whole. Kept before it leaves the queue; worked from here.

    The same bytes again are the same message: counted, and without a further effect.
    """

    sha256 = models.CharField("hash", max_length=64, unique=True)
    body = models.TextField("message as received")
    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
    sent_at = models.DateTimeField("put on the queue", null=True, blank=True)
    received_at = models.DateTimeField("received")
    last_received_at = models.DateTimeField("last received")
    times = models.PositiveIntegerField("times received", default=1)
    kind = models.CharField(max_length=40, blank=True, help_text="As the message itself says.")
    ingestion_id = models.CharField("ingestion ID", max_length=255, blank=True, db_index=True)
    amazon_status = models.CharField("Amazon's word", max_length=255, blank=True)
    upload = models.ForeignKey(CatalogUpload, null=True, blank=True, on_delete=models.PROTECT, related_name="messages")
    state = models.CharField(max_length=10, choices=MessageState.choices, default=MessageState.RECEIVED)
    due_at = models.DateTimeField("next try", null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    reason = models.TextField("what came of it", blank=True)
    handled_at = models.DateTimeField("worked", null=True, blank=True)

    objects = CatalogMessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message from Amazon"
        verbose_name_plural = "messages from Amazon"
        ordering = ["-pk"]
        permissions = [("replay_catalogmessage", "Can work a message again")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="RECEIVED") | Q(due_at__isnull=False), name="received_message_is_scheduled"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="RECEIVED"), name="messages_due"),
            models.Index(fields=["state"], name="messages_by_state"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class QueueReading(models.Model):
    """How the notification queue looked when it was last read: one row for each queue."""

    url = models.CharField("queue", max_length=1024, primary_key=True)
    arn = models.CharField("ARN", max_length=1024, blank=True)
    read_at = models.DateTimeField("last read", null=True, blank=True)
    depth = models.PositiveIntegerField("waiting", default=0)
    in_flight = models.PositiveIntegerField("being worked", default=0)
    oldest_sent_at = models.DateTimeField("oldest of the last round", null=True, blank=True)
    last_message_at = models.DateTimeField("last message", null=True, blank=True)
    confirmed_at = models.DateTimeField("subscription confirmed", null=True, blank=True)
    policy = models.TextField("access policy", blank=True)
    redrive_policy = models.TextField(blank=True)
    visibility_timeout = models.PositiveIntegerField("hidden while it is worked (seconds)", null=True, blank=True)
    dead_letters = models.PositiveIntegerField("in the dead-letter queue", null=True, blank=True)
    dead_letter_problem = models.TextField(blank=True)
    bring_back_at = models.DateTimeField(null=True, blank=True, editable=False)
    problem = models.TextField(blank=True)
    failing_since = models.DateTimeField("failing since", null=True, blank=True)

    class Meta:
        verbose_name = "notification queue"

    def __str__(self) -> str:
        return self.url.rpartition("/")[2] or self.url
