from typing import Self

from django.db import models
from django.db.models import Case, F, Q, Value, When

from catalog.models.products import Product
from catalog.models.stores import Store
from catalog.statuses import ItemState


class Severity(models.TextChoices):
    ERROR = "ERROR", "Must be mended"
    WARNING = "WARNING", "Look at it"


class ChangedProduct(models.Model):
    """A SKU whose record for Amazon may have changed.

    Written by the database itself (`catalog.changes`) in the transaction of the change, whoever makes it; read and
    taken away by `catalog.sync`.
    """

    sku = models.CharField("SKU", max_length=255, db_index=True)

    def __str__(self) -> str:
        return self.sku


class CatalogItemQuerySet(models.QuerySet["CatalogItem"]):
    def to_send(self) -> Self:
        return self.filter(state=ItemState.CHANGED)

    def settle(self) -> int:
        """Let what is not on its way be what it is: one statement over the rows as they are at that moment.

        A refused item stays refused until there is something else to send.
        """
        state = Case(
            When(is_offered=False, state__in=[ItemState.ARCHIVED, ItemState.REFUSED], then=F("state")),
            When(is_offered=False, then=Value(ItemState.LIVE)),
            When(~Q(kept_back=""), then=Value(ItemState.BLOCKED)),
            When(wanted_hash=F("live_hash"), then=Value(ItemState.LIVE)),
            When(state=ItemState.REFUSED, wanted_hash=F("sent_hash"), then=Value(ItemState.REFUSED)),
            default=Value(ItemState.CHANGED),
        )
        return self.exclude(state=ItemState.UPLOADING).update(state=state)


class CatalogItem(models.Model):
    """A product in one store as Amazon should hold it, and how far that is.

    `record` is one element of `catalogItems` as bytes would carry it; the hashes are those of such records: of the
    one that is wanted, the one that went last, and the one that Amazon took last.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="items", db_index=False)
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="items", db_index=False)
    state = models.CharField(max_length=10, choices=ItemState.choices)
    is_offered = models.BooleanField("sold in the store", default=True)
    is_priced = models.BooleanField("has a price", default=False)
    kept_back = models.TextField("why it is kept back", blank=True)
    record = models.TextField("what Amazon should hold")
    wanted_hash = models.CharField(max_length=64)
    sent_hash = models.CharField(max_length=64, blank=True)
    live_hash = models.CharField(max_length=64, blank=True)
    reason = models.TextField("Amazon's words", blank=True)
    upload = models.ForeignKey(
        "catalog.CatalogUpload",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="items",
        db_index=False,
        verbose_name="last upload",
    )
    changed_at = models.DateTimeField("changed")
    taken_at = models.DateTimeField("taken by Amazon", null=True, blank=True)

    objects = CatalogItemQuerySet.as_manager()

    class Meta:
        ordering = ["product_id", "store_id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "store"], name="item_once_a_store"),
            models.CheckConstraint(
                condition=~Q(state=ItemState.UPLOADING) | Q(upload__isnull=False), name="uploading_item_has_upload"
            ),
        ]
        indexes = [
            models.Index(fields=["store", "product"], condition=Q(state="CHANGED"), name="items_to_send"),
            models.Index(fields=["state", "store"], name="items_by_state"),
            models.Index(fields=["upload"], condition=Q(upload__isnull=False), name="items_of_upload"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} in {self.store_id}"

    @property
    def newest_reason(self) -> str:
        """Why it is as it is, in words: ours while it is kept back, Amazon's otherwise."""
        return self.kept_back or self.reason


class ProductFinding(models.Model):
    """What is wrong with a product for Amazon's catalog, and how to mend it; worked out anew with every change."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="findings")
    store = models.ForeignKey(
        Store,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Only in this store; empty for every store.",
    )
    rule = models.CharField(max_length=40)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    sentence = models.TextField("what is wrong")
    fix = models.TextField("how to mend it")
    code = models.CharField("barcode", max_length=255, blank=True)

    class Meta:
        verbose_name = "problem"
        ordering = ["severity", "product_id", "pk"]
        indexes = [models.Index(fields=["severity", "rule"], name="findings_by_severity")]

    def __str__(self) -> str:
        return self.sentence
