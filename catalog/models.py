from typing import Self
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from catalog import barcodes


class TaxRounding(models.TextChoices):
    LINE = "LINE", "Each line by itself"
    ORDER = "ORDER", "Once per tax rate, spread over the lines"


class AmountBasis(models.TextChoices):
    LINE = "LINE", "Amounts are those of the whole line"
    UNIT = "UNIT", "Amounts are those of one piece"


class FeeTreatment(models.TextChoices):
    IN_PRICE = "IN_PRICE", "Fees are part of the line's price"
    PARK = "PARK", "Carts with a fee wait for a person"


class PricedAt(models.TextChoices):
    END = "END", "When the shopper left"
    START = "START", "When the shopper came in"


class EmptyCartAnswer(models.TextChoices):
    BLANK = "BLANK", "Answer with an empty purchase ID"
    ISSUED = "ISSUED", "Answer with a purchase ID"


NOT_IN_HUNDREDTHS = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"),
        *("XAF", "XOF", "XPF", "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "CLF", "UYW", "MGA", "MRU"),
    }
)
"""Currencies whose amounts do not have the two decimals that Amazon's Checkout Service asks for: ISO 4217."""


def check_currency(currency: str) -> None:
    if currency in NOT_IN_HUNDREDTHS:
        raise ValidationError(f"Amazon takes amounts with two decimals only, and {currency} has not two.")


class Store(models.Model):
    """A Just Walk Out store, under the id by which Amazon knows it. That id never changes."""

    store_id = models.CharField(
        "store ID",
        primary_key=True,
        max_length=255,
        validators=[RegexValidator(r"^[0-9a-zA-Z_-]+\Z", "Use letters, digits, hyphens and underscores only.")],
        help_text="As Amazon knows the store, for example ARENA-EAST-12. It cannot be changed later.",
    )
    name = models.CharField(max_length=255, help_text="What your staff call the store.")
    time_zone = models.CharField(
        "time zone", max_length=64, help_text="The store's own clock, for example America/New_York."
    )
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Three capital letters, for example USD."), check_currency],
        help_text="Three letters, for example USD.",
    )
    prices_include_tax = models.BooleanField(
        "prices include tax",
        default=False,
        help_text="Tick this where the price on the shelf already contains the tax.",
    )
    tax_rounding = models.CharField(
        "tax is rounded", max_length=10, choices=TaxRounding.choices, default=TaxRounding.LINE
    )
    amount_basis = models.CharField(
        "amounts sent to Amazon",
        max_length=10,
        choices=AmountBasis.choices,
        default=AmountBasis.LINE,
        help_text="Amazon's documents leave this open. Change it only when Amazon asks for it.",
    )
    fees = models.CharField(
        "deposits and fees",
        max_length=10,
        choices=FeeTreatment.choices,
        default=FeeTreatment.IN_PRICE,
        help_text="Amazon's documents leave this open. Ask Amazon before you sell goods with a deposit.",
    )
    priced_at = models.CharField("prices of the moment", max_length=10, choices=PricedAt.choices, default=PricedAt.END)
    empty_cart_purchase_id = models.CharField(
        "empty carts", max_length=10, choices=EmptyCartAnswer.choices, default=EmptyCartAnswer.BLANK
    )
    on_hold = models.BooleanField(
        "on hold",
        default=False,
        help_text="While a store is on hold its carts are taken in and priced, but nothing is sent to Amazon.",
    )
    tests_until = models.DateTimeField(
        "trips are tests until",
        null=True,
        blank=True,
        help_text="Trips that arrive before this moment count as tests: kept apart and never sent to live Amazon.",
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["store_id"]
        permissions = [("hold_store", "Can put a store on hold and release it")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(currency__in=sorted(NOT_IN_HUNDREDTHS)), name="store_currency_has_two_decimals"
            ),
            models.CheckConstraint(
                condition=~Q(amount_basis=AmountBasis.UNIT, tax_rounding=TaxRounding.ORDER),
                name="store_unit_amounts_are_taxed_by_line",
                violation_error_message=(
                    "Amounts of one piece go only with tax rounded by line. Change one of the two settings."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.store_id})"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


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

    history = HistoricalRecords(m2m_fields=[stores])

    class Meta:
        ordering = ["sku"]
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
    history = HistoricalRecords(excluded_fields=["lookup_key"])

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
