import uuid
import zlib
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from catalog.models.stores import Store
from catalog.statuses import (
    OWED,
    UPLOAD_MOVES,
    CallKind,
    Outcome,
    UploadKind,
    UploadStatus,
)
from jwo_store.models import ENVIRONMENT_CHOICES
from jwo_store.moves import move
from jwo_store.words import clock


class CatalogRun(models.Model):
    """Somebody's wish, or the clock's, to bring Amazon up to date: the row is the queue.

    A worker looks at what has changed and cuts it into uploads (`catalog.runs`).
    """

    store = models.ForeignKey(
        Store, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text="Empty for all stores."
    )
    everything = models.BooleanField("send all again", default=False)
    asked_at = models.DateTimeField("asked for")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="asked for by",
        help_text="Empty for the schedule and for commands.",
    )
    is_scheduled = models.BooleanField("by the schedule", default=False)
    marked_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField("prepared", null=True, blank=True)
    item_count = models.PositiveIntegerField("items", default=0)
    upload_count = models.PositiveIntegerField("uploads", default=0)

    class Meta:
        verbose_name = "upload request"
        ordering = ["-pk"]
        permissions = [("start_catalogrun", "Can upload the catalog")]
        indexes = [models.Index(fields=["asked_at"], condition=Q(finished_at__isnull=True), name="runs_to_do")]

    def __str__(self) -> str:
        return f"{'all' if self.everything else 'changes'}, asked for {clock(self.asked_at)}"


class CatalogUploadQuerySet(models.QuerySet["CatalogUpload"]):
    def owed(self) -> Self:
        """What is to be done by itself. Of one store, an upload waits until the one before it was taken in."""
        earlier = CatalogUpload.objects.filter(
            store=OuterRef("store"), kind=OuterRef("kind"), status=UploadStatus.WAITING, pk__lt=OuterRef("pk")
        )
        rows = self.filter(status__in=OWED, environment=settings.JWO_ENVIRONMENT)
        return rows.filter(~Q(status=UploadStatus.WAITING) | ~Exists(earlier))

    def due(self, now: datetime) -> Self:
        """What of it is to be done now."""
        return self.owed().filter(due_at__lte=now)

    def late(self, now: datetime) -> Self:
        """What Amazon should long have taken in, or have finished."""
        since = now - timedelta(seconds=settings.CATALOG_LATE)
        return self.owed().filter(Q(sent_at__lte=since) | Q(status=UploadStatus.WAITING, made_at__lte=since))

    def claim(self, pk: int, *, now: datetime) -> "CatalogUpload | None":
        """The upload, if it is due and nobody else holds it; its `due_at` is then the fencing token."""
        leased_until = now + timedelta(seconds=settings.CATALOG_LEASE)
        held = self.filter(pk__in=self.due(now).filter(pk=pk).values("pk"), due_at__lte=now)
        return self.get(pk=pk) if held.update(due_at=leased_until, tries=F("tries") + 1) == 1 else None


class CatalogUpload(models.Model):
    """One call of Amazon's catalog API with what became of it: an ingestion. The row is the queue.

    `due_at` says when the next step is to be done (send, ask, fetch the report); while a step runs it is the lease.
    Its status moves by `move` alone.
    """

    kind = models.CharField(max_length=10, choices=UploadKind.choices, default=UploadKind.UPLOAD)
    run = models.ForeignKey(CatalogRun, null=True, blank=True, on_delete=models.PROTECT, related_name="uploads")
    store = models.ForeignKey(
        Store,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="uploads",
        help_text="Empty for an archive call, which is for all stores.",
    )
    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
    part = models.PositiveIntegerField(default=1)
    item_count = models.PositiveIntegerField("items", default=0)
    packed = models.BinaryField(editable=False)
    sha256 = models.CharField("hash of what is sent", max_length=64)
    made_at = models.DateTimeField("made")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="made by",
    )

    status = models.CharField(max_length=10, choices=UploadStatus.choices, default=UploadStatus.WAITING)
    due_at = models.DateTimeField("next step", null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField("failed tries in a row", default=0)
    problem = models.TextField("what is wrong and what to do", blank=True)

    ingestion_id = models.CharField("ingestion ID", max_length=255, null=True, blank=True, unique=True)
    sent_at = models.DateTimeField("taken in by Amazon", null=True, blank=True)
    amazon_status = models.CharField("Amazon's word", max_length=255, blank=True)
    told_by = models.CharField("heard by", max_length=20, blank=True)
    ended_at = models.DateTimeField("ended at Amazon", null=True, blank=True)
    report_link = models.TextField(blank=True, editable=False)
    report_packed = models.BinaryField(null=True, blank=True, editable=False)
    report_sha256 = models.CharField("hash of the report", max_length=64, blank=True)
    report_at = models.DateTimeField("report fetched", null=True, blank=True)
    refused_count = models.PositiveIntegerField("refused", default=0)
    finished_at = models.DateTimeField("finished", null=True, blank=True)

    objects = CatalogUploadQuerySet.as_manager()

    class Meta:
        verbose_name = "upload"
        ordering = ["-pk"]
        permissions = [("work_catalogupload", "Can send a stopped upload again or give it up")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=OWED) | Q(due_at__isnull=False), name="owed_upload_is_scheduled"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["WAITING", "PARKED", "WITHDRAWN"]) | Q(ingestion_id__isnull=False),
                name="followed_upload_has_ingestion",
            ),
            models.CheckConstraint(
                condition=~Q(status="FINISHED") | ~Q(report_sha256=""), name="finished_upload_has_report"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status__in=OWED), name="uploads_due"),
            models.Index(fields=["store", "kind"], condition=Q(status="WAITING"), name="uploads_unsent"),
            models.Index(fields=["status"], name="uploads_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_taken_in(self) -> bool:
        """Amazon has given it an ingestion ID; what it made of the items, only its report says."""
        return self.ingestion_id is not None

    @property
    def body(self) -> bytes:
        """The very bytes that are sent."""
        return zlib.decompress(bytes(self.packed))

    @property
    def report(self) -> bytes | None:
        """Amazon's report as it came."""
        return None if self.report_packed is None else zlib.decompress(bytes(self.report_packed))

    def move(self, *, to: UploadStatus, where: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Move on, if nobody moved it meanwhile (`jwo_store.moves`)."""
        return move(self, to=to, may=UPLOAD_MOVES[UploadStatus(self.status)], where=where, **changes)


class UploadLine(models.Model):
    """One SKU of an upload, and what Amazon's report said of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(CatalogUpload, on_delete=models.CASCADE, related_name="lines", db_index=False)
    sku = models.CharField("SKU", max_length=255)
    sent_hash = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    code = models.CharField("Amazon's code", max_length=255, blank=True)
    words = models.TextField("Amazon's words", blank=True)

    class Meta:
        ordering = ["upload_id", "sku"]
        constraints = [models.UniqueConstraint(fields=["upload", "sku"], name="sku_once_an_upload")]
        indexes = [models.Index(fields=["sku"], name="upload_lines_by_sku")]

    def __str__(self) -> str:
        return self.sku


class UploadCall(models.Model):
    """One call that was made for an upload, with Amazon's answer as it came; without an outcome while it runs."""

    upload = models.ForeignKey(CatalogUpload, on_delete=models.CASCADE, related_name="calls")
    kind = models.CharField("what", max_length=10, choices=CallKind.choices)
    started_at = models.DateTimeField("started")
    seconds = models.FloatField("took (seconds)", null=True, blank=True)
    host = models.CharField(max_length=255)
    status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    error = models.CharField("Amazon's name for it", max_length=255, blank=True)
    words = models.TextField("what was said", blank=True)
    answer = models.TextField("Amazon's answer", blank=True)
    amazon_request_id = models.CharField("Amazon's request ID", max_length=255, blank=True)

    class Meta:
        ordering = ["upload_id", "pk"]
        indexes = [models.Index(fields=["started_at"], condition=Q(seconds__isnull=True), name="upload_calls_running")]

    def __str__(self) -> str:
        return self.get_kind_display()
