"""What somebody proposes where a store asks for a second pair of eyes, until somebody else has looked at it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from catalog.models import Store


class ProposalStatus(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    APPROVED = "APPROVED", "Approved"
    REFUSED = "REFUSED", "Refused"
    WITHDRAWN = "WITHDRAWN", "Taken back"
    OVERTAKEN = "OVERTAKEN", "Overtaken"


class ProposedAct(models.TextChoices):
    ADD = "ADD", "Add"
    CHANGE = "CHANGE", "Change"
    END = "END", "End"
    MANY = "MANY", "Change many prices"
    LIST = "LIST", "Import a price list"
    UNDO = "UNDO", "Undo a change of many prices"
    MOVE = "MOVE", "Move a promotion"


MOVES: dict[str, frozenset[str]] = {
    ProposalStatus.WAITING: frozenset(ProposalStatus.values) - {ProposalStatus.WAITING},
}
"""What is decided stays decided."""


class Proposal(models.Model):
    """Somebody's change that waits for somebody else: what, before and after, who, why, when. Nothing is changed yet.

    `plan` is what `pricing.four_eyes` needs to do it; `lines` is what the proposer saw: (what, before, after).
    """

    act = models.CharField("what is done", max_length=10, choices=ProposedAct.choices)
    model = models.CharField(max_length=40)
    subject = models.CharField("about", max_length=500)
    sentence = models.TextField("in words", blank=True)
    lines = models.JSONField("before and after")
    plan = models.JSONField()
    attached = models.BinaryField(null=True)
    """A packed list that is to be imported."""
    all_stores = models.BooleanField("in all stores")
    stores = models.ManyToManyField(Store, blank=True, related_name="+")
    reason = models.TextField("why")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="proposed by"
    )
    proposed_at = models.DateTimeField("proposed")
    status = models.CharField("state", max_length=10, choices=ProposalStatus.choices, default=ProposalStatus.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="decided by",
    )
    decided_at = models.DateTimeField("decided", null=True, blank=True)
    decision = models.TextField("what was said to it", blank=True)

    class Meta:
        ordering = ["-proposed_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_has_reason"),
            models.CheckConstraint(
                condition=Q(status=ProposalStatus.WAITING, decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status=ProposalStatus.WAITING) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="proposal_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[ProposalStatus.APPROVED, ProposalStatus.REFUSED])
                | ~Q(decided_by=F("proposed_by")),
                name="proposal_decided_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=~Q(status=ProposalStatus.REFUSED, decision=""), name="proposal_refused_with_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["-proposed_at", "-id"], condition=Q(status=ProposalStatus.WAITING), name="proposals_waiting"
            ),
            models.Index(fields=["-proposed_at", "-id"], name="proposals_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.subject}"

    @property
    def is_waiting(self) -> bool:
        return self.status == ProposalStatus.WAITING

    def write_down(self, store_ids: Any) -> "Proposal":
        """Save it with the stores that it is about; None for all."""
        self.all_stores = store_ids is None
        self.save(force_insert=True)
        self.stores.set(store_ids or ())
        return self
