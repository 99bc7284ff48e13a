import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Self

import msgspec
from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q

from catalog.models import Store
from orders.statuses import MOVES, Outcome, Status
from pricing.fields import MoneyField

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ENVIRONMENTS = [("sandbox", "Sandbox"), ("test", "Test"), ("live", "Live")]


def new_purchase_id() -> str:
    """`P-` and 12 random Crockford characters in fours: easy to read out, hard to guess."""
    letters = [secrets.choice(CROCKFORD) for _ in range(12)]
    return "P-" + "-".join("".join(letters[place : place + 4]) for place in (0, 4, 8))


@cache
def _insert_purchase(columns: tuple[str, ...]) -> str:
    named = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO orders_purchase ({named}) VALUES ({', '.join(['%s'] * len(columns))}) RETURNING id"  # noqa: S608


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    def sendable(self) -> Self:
        """On their way, of the running environment, of stores not on hold; a test trip never goes to live Amazon."""
        rows = self.filter(status=Status.AWAITING_CHECKOUT, environment=settings.JWO_ENVIRONMENT)
        rows = rows.exclude(store__in=Store.objects.filter(on_hold=True))
        return rows.filter(is_test=False) if settings.JWO_ENVIRONMENT == "live" else rows

    def due(self, now: datetime) -> Self:
        return self.sendable().filter(submit_after__lte=now)

    def claim(self, pk: int, *, now: datetime) -> "Purchase | None":
        """The purchase, if it is due and nobody else holds it; its `submit_after` is then the fencing token."""
        leased_until = now + timedelta(seconds=settings.CHECKOUT_LEASE)
        held = self.due(now).filter(pk=pk).update(submit_after=leased_until, tries=F("tries") + 1)
        return self.get(pk=pk) if held == 1 else None

    def insert(self, purchase: "Purchase") -> None:
        """Add a new purchase: what `save(force_insert=True)` does, without putting the statement together each time."""
        fields = [field for field in Purchase._meta.concrete_fields if not field.primary_key]
        values = [field.get_db_prep_save(getattr(purchase, field.attname), connection) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(_insert_purchase(tuple(field.column for field in fields)), values)
            purchase.pk = cursor.fetchone()[0]
        purchase._state.adding = False

    def waiting_for_order(self) -> Self:
        """Trips that should end in an order and have none yet."""
        return self.filter(status__in=[Status.UNPRICED, Status.AWAITING_CHECKOUT, Status.REJECTED], is_test=False)


class Purchase(models.Model):
    """One shopping trip as we received, priced and submitted it. Never deleted; ordered once at most.

    Its status moves by `move` alone. Amounts are those of the body sent to Amazon, in the store's currency.
    """

    purchase_id = models.CharField("purchase ID", max_length=20, unique=True, default=new_purchase_id)
    trip_id = models.CharField("trip ID", max_length=255, unique=True)
    request_id = models.CharField("request ID", max_length=64, db_index=True)
    store = models.ForeignKey(
        Store,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="purchases",
        help_text="The store as Amazon named it; it is linked as soon as we know it.",
    )
    environment = models.CharField(max_length=10, choices=ENVIRONMENTS)
    is_test = models.BooleanField("test trip", default=False)
    status = models.CharField(max_length=20, choices=Status.choices)
    answer = models.CharField("purchase ID told to Amazon", max_length=20, blank=True)

    received_at = models.DateTimeField("received")
    caller = models.CharField(max_length=255, blank=True)
    raw = models.BinaryField("cart as received")
    raw_sha256 = models.CharField(max_length=64)
    content_sha256 = models.CharField(max_length=64)
    redacted_at = models.DateTimeField("shopper IDs removed", null=True, blank=True)
    trip_started_at = models.DateTimeField("shopper came in")
    trip_ended_at = models.DateTimeField("shopper left")

    priced_at = models.DateTimeField("prices of", null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    sub_total = MoneyField("before promotions and tax", null=True, blank=True)
    promotions_total = MoneyField("promotions", null=True, blank=True)
    sales_tax_total = MoneyField("sales tax", null=True, blank=True)
    price_total = MoneyField("total", null=True, blank=True)
    trace = models.TextField(blank=True)
    optimal = models.BooleanField("best deal proven", default=True)

    body = models.BinaryField("sent to Amazon", null=True, blank=True)
    submit_after = models.DateTimeField("next try", null=True, blank=True)
    deadline_from = models.DateTimeField("deadline counts from")
    tries = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField("failed tries in a row", default=0)
    possibly_charged = models.BooleanField("may have been charged", default=False)
    order_id = models.CharField("order ID", max_length=255, null=True, blank=True)
    ordered_at = models.DateTimeField("ordered", null=True, blank=True)
    refusal = models.CharField("Amazon's reason", max_length=255, blank=True)
    closed_reason = models.TextField("why it was given up", blank=True)

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-pk"]
        permissions = [
            ("reprice_purchase", "Can price a purchase again"),
            ("send_purchase", "Can send a purchase again"),
            ("close_purchase", "Can close a purchase"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(status=Status.ORDERED, order_id__isnull=False) & ~Q(order_id="")
                    | ~Q(status=Status.ORDERED) & Q(order_id__isnull=True)
                ),
                name="purchase_ordered_iff_order_id",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.AWAITING_CHECKOUT, Status.ORDERED, Status.REJECTED])
                | Q(body__isnull=False, price_total__isnull=False),
                name="purchase_sent_is_priced",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.AWAITING_CHECKOUT) | Q(submit_after__isnull=False),
                name="purchase_awaiting_is_scheduled",
            ),
            models.CheckConstraint(
                condition=Q(price_total__isnull=True)
                | Q(price_total=F("sub_total") - F("promotions_total") + F("sales_tax_total")),
                name="purchase_totals_add_up",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.CLOSED) | ~Q(closed_reason=""), name="purchase_closed_has_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["submit_after"], condition=Q(status="AWAITING_CHECKOUT"), name="purchase_due"),
            models.Index(
                fields=["received_at"],
                condition=Q(status__in=["UNPRICED", "AWAITING_CHECKOUT", "REJECTED"]),
                name="purchase_unfinished",
            ),
            models.Index(fields=["-received_at", "-id"], name="purchase_newest"),
            models.Index(fields=["store", "-received_at"], name="purchase_of_store"),
            models.Index(fields=["status", "-received_at"], name="purchase_by_status"),
            models.Index(fields=["order_id"], condition=Q(order_id__isnull=False), name="purchase_by_order_id"),
            models.Index(fields=["received_at"], condition=Q(redacted_at__isnull=True), name="purchase_unredacted"),
        ]

    def __str__(self) -> str:
        return self.purchase_id

    def move(self, *, to: Status, where: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Move on, if nobody moved it meanwhile: True when this call did it.

        `where` names further columns that must still hold what they held, such as the fencing token.
        """
        if to != self.status and to not in MOVES[Status(self.status)]:
            raise ValueError(f"a purchase that is {self.status} cannot become {to}")
        moved = type(self).objects.filter(pk=self.pk, status=self.status, **(where or {})).update(status=to, **changes)
        if moved:
            self.status = to
            for name, value in changes.items():
                setattr(self, name, value)
        return moved == 1

    @property
    def deadline(self) -> datetime:
        return self.deadline_from + timedelta(hours=settings.CHECKOUT_DEADLINE_HOURS)


class PurchaseLineQuerySet(models.QuerySet["PurchaseLine"]):
    def insert(self, purchase: Purchase, rows: list[dict[str, Any]]) -> None:
        """Add the lines of a purchase in one statement of one length, whatever their number.

        The connector's hot path: row objects and a placeholder for each value cost several times as much.
        """
        columns = [field.column for field in PurchaseLine._meta.concrete_fields if field.column in LINE_COLUMNS]
        lines = msgspec.json.encode(rows).decode()
        with connection.cursor() as cursor:
            cursor.execute(_insert_lines(connection.vendor, tuple(columns)), [purchase.pk, lines])


LINE_COLUMNS: dict[str, str] = {
    "number": "integer",
    "product_id": "text",
    "type": "text",
    "quantity": "text",
    "unit": "text",
    "sku": "text",
    "name": "text",
    "price": "bigint",
    "promotions": "bigint",
    "fees": "bigint",
    "sales_tax": "bigint",
    "total": "bigint",
}
"""The columns of a line, as the database reads them from JSON; money in cents."""


@cache
def _insert_lines(vendor: str, columns: tuple[str, ...]) -> str:
    named = ", ".join(f'"{column}"' for column in columns)
    if vendor == "postgresql":
        typed = ", ".join(f'"{column}" {LINE_COLUMNS[column]}' for column in columns)
        values, source = named, f"json_to_recordset(%s) AS line({typed})"
    else:
        values, source = ", ".join(f"json_extract(value, '$.{column}')" for column in columns), "json_each(%s)"
    return f"INSERT INTO orders_purchaseline (purchase_id, {named}) SELECT %s, {values} FROM {source}"  # noqa: S608


class PurchaseLine(models.Model):
    """One line of the cart. Amounts are the line's, as sent to Amazon; empty while the cart is not priced."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="lines", db_index=False)
    number = models.PositiveIntegerField("line")
    product_id = models.CharField("product as sent", max_length=255)
    type = models.CharField(max_length=255)
    quantity = models.CharField(max_length=10)
    unit = models.CharField(max_length=255)
    sku = models.CharField("SKU", max_length=255, blank=True)
    name = models.CharField("product", max_length=255, blank=True)
    price = MoneyField(null=True, blank=True)
    promotions = MoneyField(null=True, blank=True)
    fees = MoneyField("of it deposits and fees", null=True, blank=True)
    sales_tax = MoneyField("sales tax", null=True, blank=True)
    total = MoneyField(null=True, blank=True)

    objects = PurchaseLineQuerySet.as_manager()

    class Meta:
        ordering = ["purchase_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["purchase", "number"], name="line_once"),
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(total=F("price") - F("promotions") + F("sales_tax")),
                name="line_adds_up",
            ),
        ]
        indexes = [
            models.Index(fields=["sku"], name="line_by_sku"),
            models.Index(fields=["product_id"], name="line_by_product_id"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.name or self.product_id}"


class Problem(models.Model):
    """Why a cart waits, in words that a store manager understands."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="problems")
    line = models.PositiveIntegerField(null=True, blank=True)
    product_id = models.CharField("product as sent", max_length=255, blank=True)
    cause = models.CharField(max_length=20)
    message = models.TextField()

    class Meta:
        ordering = ["purchase_id", "line", "pk"]

    def __str__(self) -> str:
        return self.message


class CheckoutAttempt(models.Model):
    """One call to Amazon's Checkout Service; without an outcome while it runs (or when it was cut short)."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField("started")
    seconds = models.FloatField("took (seconds)", null=True, blank=True)
    environment = models.CharField(max_length=10, choices=ENVIRONMENTS)
    host = models.CharField(max_length=255)
    status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    error = models.CharField("Amazon's name for it", max_length=255, blank=True)
    words = models.TextField("what was said", blank=True)
    amazon_request_id = models.CharField("Amazon's request ID", max_length=255, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True)

    class Meta:
        ordering = ["purchase_id", "number"]
        constraints = [models.UniqueConstraint(fields=["purchase", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"try {self.number}"


class CartConflict(models.Model):
    """A second cart with other content under a trip that we knew: the first is kept, this one is shown."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="conflicts")
    received_at = models.DateTimeField("received")
    request_id = models.CharField("request ID", max_length=64)
    raw = models.BinaryField("cart as received")
    raw_sha256 = models.CharField(max_length=64)
    content_sha256 = models.CharField(max_length=64)
    redacted_at = models.DateTimeField("shopper IDs removed", null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["purchase", "content_sha256"], name="conflict_once")]

    def __str__(self) -> str:
        return f"other cart of {self.received_at:%Y-%m-%d %H:%M}"


class RefusedCart(models.Model):
    """A cart that we answered with 400: kept, so that it can be taken in once a setting is mended."""

    raw = models.BinaryField("cart as received")
    raw_sha256 = models.CharField(max_length=64, unique=True)
    faults = models.JSONField("what was wrong")
    environment = models.CharField(max_length=10, choices=ENVIRONMENTS)
    received_at = models.DateTimeField("received")
    last_received_at = models.DateTimeField("last received")
    times = models.PositiveIntegerField(default=1)
    caller = models.CharField(max_length=255, blank=True)
    purchase = models.ForeignKey(
        Purchase, null=True, blank=True, on_delete=models.PROTECT, verbose_name="taken in as", related_name="+"
    )
    redacted_at = models.DateTimeField("shopper IDs removed", null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]
        permissions = [("replay_refusedcart", "Can take in a refused cart")]

    def __str__(self) -> str:
        return f"refused cart of {self.received_at:%Y-%m-%d %H:%M}"


class PurchaseNote(models.Model):
    """What happened to a purchase besides checkouts: who did what and why. Written once, never changed."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()

    class Meta:
        ordering = ["purchase_id", "at", "pk"]

    def __str__(self) -> str:
        return self.text
