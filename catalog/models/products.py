from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import F, Q

from catalog import barcodes
from catalog.models.stores import Store
from jwo_store.history import History
from jwo_store.words import clock


class SoldBy(models.TextChoices):
    EACH = "EACH", "By the piece"
    WEIGHT = "WEIGHT", "By weight"


class WeightUnit(models.TextChoices):
    LB = "lb", "Pound (lb)"
    OZ = "oz", "Ounce (oz)"
    KG = "kg", "Kilogram (kg)"
    G = "g", "Gram (g)"


class Product(models.Model):
    """What is sold under one SKU. The SKU, and whether it is sold by piece or by weight, never change."""

    sku = models.CharField(
        "SKU",
        primary_key=True,
        max_length=255,
        validators=[MinLengthValidator(1)],
        help_text="Your own key of the product. It cannot be changed later: retire the product and add a new one.",
    )
    name = models.CharField(max_length=255, help_text="Amazon prints it on the receipt: brand, variety and size.")
    brand = models.CharField(max_length=255, blank=True)
    category = models.CharField(max_length=255, blank=True, help_text="For example Drinks.")
    subcategory = models.CharField(max_length=255, blank=True, help_text="For example Soft drinks.")
    sold_by = models.CharField(
        "sold", max_length=10, choices=SoldBy.choices, default=SoldBy.EACH, help_text="It cannot be changed later."
    )
    weight_unit = models.CharField(
        "weighed in",
        max_length=5,
        choices=WeightUnit.choices,
        blank=True,
        help_text="Only for goods sold by weight. It cannot be changed later.",
    )
    all_stores = models.BooleanField("sold in all stores", default=True)
    stores = models.ManyToManyField(
        Store,
        blank=True,
        related_name="products",
        help_text="Where it is sold, if not in all stores.",
    )

    history = History(by=["history_source"], m2m_fields=[stores])

    class Meta:
        ordering = ["sku"]
        permissions = [
            ("export_product", "Can download the product list"),
            ("import_product", "Can import a product list"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(Q(sold_by=SoldBy.EACH, weight_unit="") | (Q(sold_by=SoldBy.WEIGHT) & ~Q(weight_unit=""))),
                name="product_weight_unit_iff_weighed",
                violation_error_message="Goods sold by weight need a unit; goods sold by the piece have none.",
            ),
        ]
        indexes = [models.Index(fields=["category", "subcategory"], name="product_by_category")]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"


class BarcodeType(models.TextChoices):
    UPC = "UPC", "UPC (12 or 8 digits)"
    EAN = "EAN", "EAN (13 digits)"
    EAN8 = "EAN8", "EAN-8 (8 digits)"
    ISBN = "ISBN", "ISBN (10 digits)"
    GTIN = "GTIN", "GTIN (14 digits)"
    PLU = "PLU", "PLU (3 to 6 digits)"


class BarcodeQuerySet(models.QuerySet["Barcode"]):
    def scanned(self, code: str) -> Self:
        """The barcodes that a scan of this code can mean."""
        return self.filter(lookup_key__in=barcodes.scan_keys(code))


class Barcode(models.Model):
    """A code that the scanner reads from a product. The same code on two products cannot be priced."""

    id = models.UUIDField(primary_key=True, default=barcodes.new_id, editable=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="barcodes", db_index=True)
    position = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=255, help_text="As printed, with its check digit. Never padded with zeros.")
    type = models.CharField(max_length=5, choices=BarcodeType.choices, default=BarcodeType.UPC)
    lookup_key = models.CharField(max_length=255, editable=False, db_index=True)

    objects = BarcodeQuerySet.as_manager()
    history = History(by=["product", "history_source"], excluded_fields=["lookup_key"])

    class Meta:
        ordering = ["product_id", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "code", "type"],
                name="barcode_once_a_product",
                violation_error_message="This product has that barcode already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.type})"

    def save(self, *args: object, **kwargs: object) -> None:
        self.lookup_key = barcodes.stored_key(self.code, self.type)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class AcceptedCode(models.Model):
    """A barcode that goes to Amazon although its check digit is wrong: on somebody's word, with a reason."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="accepted_codes")
    code = models.CharField(max_length=255)
    type = models.CharField(max_length=5, choices=BarcodeType.choices)
    reason = models.TextField()
    accepted_at = models.DateTimeField("accepted")
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="accepted by"
    )

    class Meta:
        permissions = [("accept_code", "Can accept a wrong check digit")]
        constraints = [
            models.UniqueConstraint(fields=["product", "code", "type"], name="code_accepted_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="accepted_code_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.type})"


class Retirement(models.Model):
    """A product that is sold no more; a SKU is never renamed, but retired and replaced.

    It is still priced while it lies on a shelf. Amazon's catalog forgets it by an archive call.
    """

    product = models.OneToOneField(Product, primary_key=True, on_delete=models.CASCADE, related_name="retirement")
    reason = models.TextField()
    retired_at = models.DateTimeField("retired")
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="retired by"
    )
    replaced_by = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="replaces", verbose_name="replaced by"
    )

    class Meta:
        permissions = [("retire_product", "Can retire and archive products")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="retirement_has_reason"),
            models.CheckConstraint(condition=~Q(product=F("replaced_by")), name="replaced_by_another"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}, retired {clock(self.retired_at)}"


class ProductNoteQuerySet(models.QuerySet["ProductNote"]):
    def write(self, skus: Iterable[str], text: str, *, by: User, now: datetime) -> None:
        """The same note on each of these products."""
        self.bulk_create((ProductNote(product_id=sku, at=now, by=by, text=text) for sku in skus), batch_size=2_000)


class ProductNote(models.Model):
    """What somebody did to a product beyond its columns, and why: retired it, accepted a code of it."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()

    objects = ProductNoteQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text
