from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from jwo_store.history import History
from jwo_store.words import clock


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
    second_look_prices = models.BooleanField(
        "prices need a second pair of eyes",
        default=False,
        help_text="Whoever changes a price that holds here proposes it; somebody else looks at it and approves it.",
    )
    second_look_promotions = models.BooleanField(
        "promotions need a second pair of eyes", default=False, help_text="The same for promotions."
    )
    second_look_taxes = models.BooleanField(
        "taxes and fees need a second pair of eyes",
        default=False,
        help_text="The same for tax rules, tax holidays, deposits and fees.",
    )
    tests_until = models.DateTimeField(
        "trips are tests until",
        null=True,
        blank=True,
        help_text="Trips that arrive before this moment count as tests: kept apart and never sent to live Amazon.",
    )

    history = History()

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


class StoreList(models.Model):
    """Somebody's word that these are all the retailer's stores that Amazon knows: an archive call must name each.

    The newest row counts. It is out of date as soon as a store is added that it does not name.
    """

    store_ids = models.JSONField("stores")
    confirmed_at = models.DateTimeField("confirmed")
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="confirmed by"
    )

    class Meta:
        verbose_name = "list of all stores"
        verbose_name_plural = "lists of all stores"
        ordering = ["-pk"]
        permissions = [("confirm_storelist", "Can confirm the list of all stores")]

    def __str__(self) -> str:
        return f"{len(self.store_ids)} stores, confirmed {clock(self.confirmed_at)}"
