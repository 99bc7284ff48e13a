from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import Q
from simple_history import register

from jwo_store.history import History
from jwo_store.words import on_clock

ENVIRONMENT_CHOICES = [("sandbox", "Sandbox"), ("test", "Test"), ("live", "Live")]


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def open(self) -> Self:
        """What nobody has acknowledged yet."""
        return self.filter(acknowledged_at__isnull=True)

    def with_store(self) -> Self:
        """With the store that each is about, whose name and clock it is told by."""
        return self.select_related("store")

    def acknowledge(self, *, by: object, now: datetime) -> int:
        """How many open alarms this person has now seen; the others stay as they were acknowledged."""
        return self.open().update(acknowledged_at=now, acknowledged_by=by)


class Alarm(models.Model):
    """Something that a person must hear of: on every admin page until somebody acknowledges it.

    Repetitions of an open alarm (same kind, same subject) are counted on its row.
    """

    kind = models.CharField("what", max_length=60)
    subject = models.CharField("about", max_length=255)
    text = models.TextField("what happened and what to do")
    link = models.CharField(max_length=255, blank=True)
    store = models.ForeignKey(
        "catalog.Store",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose it is, as Amazon named the store; empty when it is about no single store.",
    )
    environment = models.CharField(max_length=10)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField("first time")
    last_at = models.DateTimeField("last time")
    emailed_at = models.DateTimeField("e-mailed", null=True, blank=True)
    acknowledged_at = models.DateTimeField("acknowledged", null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="acknowledged by",
    )

    objects = AlarmQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]
        permissions = [("acknowledge_alarm", "Can acknowledge alarms")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(acknowledged_at__isnull=True), name="one_open_alarm_a_subject"
            ),
            models.CheckConstraint(
                condition=(
                    Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                    | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False)
                ),
                name="acknowledged_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["-last_at"], condition=Q(acknowledged_at__isnull=True), name="open_alarms"),
            models.Index(fields=["first_at"], condition=Q(emailed_at__isnull=True), name="alarms_to_email"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"

    @property
    def about(self) -> str:
        """The subject for people: where it begins with the ID of the alarm's store, that store with its name."""
        head, colon, rest = self.subject.partition(":")
        return f"{self.store}{colon}{rest}" if head == self.store_id and self.store is not None else self.subject

    @property
    def zone(self) -> ZoneInfo | None:
        """The clock of its store."""
        return self.store.zone if self.store is not None else None

    @property
    def last_time(self) -> str:
        return on_clock(self.last_at, self.zone)


class Heartbeat(models.Model):
    """When a periodic job last ran, for the readiness page: web and workers are separate processes."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class Pace(models.Model):
    """The next moment at which a call of a rate-limited kind may start: one row, shared by all processes."""

    name = models.CharField(max_length=60, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} from {self.next_at:%Y-%m-%d %H:%M:%S}"


class Lease(models.Model):
    """Work that only one process does at a time: who holds it (a token of its own), and until when."""

    name = models.CharField(max_length=60, primary_key=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.until:%Y-%m-%d %H:%M:%S}"


class Assignment(models.Model):
    """A person holds a role in one store, or in all of them (see `jwo_store.access`)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")
    role = models.ForeignKey("auth.Group", on_delete=models.PROTECT, related_name="assignments")
    store = models.ForeignKey(
        "catalog.Store",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Leave empty for all stores.",
    )

    history = History(by=["person"])

    class Meta:
        verbose_name = "role"
        ordering = ["role__name", "store"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "store"],
                condition=Q(store__isnull=False),
                name="role_once_a_person_and_store",
                violation_error_message="The person has this role in that store already.",
            ),
            models.UniqueConstraint(
                fields=["person", "role"],
                condition=Q(store__isnull=True),
                name="role_once_a_person_in_all_stores",
                violation_error_message="The person has this role in all stores already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} · {self.store or 'all stores'}"


LONGEST_NAME, LONGEST_QUERY = 40, 1000


class KeptView(models.Model):
    """A list as somebody keeps it for themselves: its filters, search and order (see `jwo_store.kept_views`)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_views")
    of = models.CharField(max_length=100)
    """The label of the model that the list is of, in lower case."""
    name = models.CharField(max_length=LONGEST_NAME)
    query = models.CharField(max_length=LONGEST_QUERY)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "of", "name"], name="view_once_a_person_and_list")]

    def __str__(self) -> str:
        return self.name


register(
    User,
    app="jwo_store",
    records_class=History,
    excluded_fields=["password", "last_login"],
    m2m_fields=["groups"],
)
register(Group, app="jwo_store", records_class=History, m2m_fields=["permissions"])
