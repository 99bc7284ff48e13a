import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, reduce
from itertools import pairwise
from operator import or_
from typing import Any, Self

import msgspec
from django.conf import settings
from django.db import connection, connections, models
from django.db.models import F, Q
from django.utils.formats import date_format

from catalog.models import Store
from jwo_store.models import ENVIRONMENT_CHOICES
from jwo_store.moves import move
from jwo_store.words import clock
from orders.statuses import JOB_MOVES, MOVES, UNFINISHED, JobStatus, Outcome, Status, TripOutcome
from pricing.fields import MoneyField

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


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

    def insert(self, purchase: "Purchase", lines: "list[dict[str, Any]]", saved: Mapping[str, int]) -> None:
        """Add a new purchase, its lines and what each promotion saved: one statement on PostgreSQL.

        Without putting statements together each time, as `save(force_insert=True)` does.
        """
        database = connections[self.db]
        fields = [field for field in Purchase._meta.concrete_fields if not field.primary_key]
        values = [field.get_db_prep_save(getattr(purchase, field.attname), database) for field in fields]
        statement = _insert_purchase(tuple([field.column for field in fields]))
        at_once = database.vendor == "postgresql"
        if at_once:
            statement = _insert_with_rows(statement)
            values += [_as_json(lines), _as_json(_savings(saved))]
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            purchase.pk = cursor.fetchone()[0]
        purchase._state.adding = False
        if not at_once:
            PurchaseLine.objects.insert(purchase, lines)
            PromotionSaving.objects.insert(purchase, saved)

    def of_unknown_stores(self) -> Self:
        """As what lies between the stores that we know, in the order of `purchase_of_store`: nothing else serves it."""
        known = list(Store.objects.order_by("pk").values_list("pk", flat=True))
        if not known:
            return self
        between = (Q(store__gt=after, store__lt=before) for after, before in pairwise(known))
        return self.filter(reduce(or_, between, Q(store__lt=known[0]) | Q(store__gt=known[-1])))

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
    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
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
            ("export_purchase", "Can export orders for finance"),
            ("view_unknown_purchase", "Can see purchases of stores that we do not know"),
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
            models.Index(
                fields=["-received_at", "-id"],
                include=[  # the figures of a day are read from the index alone
                    "store",
                    "environment",
                    "is_test",
                    "status",
                    "currency",
                    "price_total",
                    "ordered_at",
                ],
                name="purchase_newest",
            ),
            models.Index(fields=["store", "-received_at"], name="purchase_of_store"),
            models.Index(fields=["status", "-received_at"], name="purchase_by_status"),
            models.Index(fields=["environment", "-received_at"], name="purchase_of_environment"),
            models.Index(
                fields=["order_id"],
                opclasses=["varchar_pattern_ops"],  # serves the beginning of an order ID, and the whole of it
                condition=Q(order_id__isnull=False),
                name="purchase_by_order_id",
            ),
            models.Index(
                fields=["store", "ordered_at", "id"], condition=Q(ordered_at__isnull=False), name="purchase_ordered"
            ),
            models.Index(fields=["price_total"], condition=Q(price_total__isnull=False), name="purchase_by_total"),
            models.Index(fields=["received_at"], condition=Q(is_test=True), name="purchase_tests"),
            models.Index(
                fields=["received_at"],
                condition=Q(possibly_charged=True, order_id__isnull=True),
                name="purchase_maybe_charged",
            ),
            models.Index(fields=["received_at"], condition=Q(possibly_charged=True), name="purchase_was_unclear"),
            models.Index(fields=["received_at"], condition=Q(redacted_at__isnull=True), name="purchase_unredacted"),
        ]

    def __str__(self) -> str:
        return self.purchase_id

    def move(self, *, to: Status, where: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Move on, if nobody moved it meanwhile (`jwo_store.moves`)."""
        return move(self, to=to, may=MOVES[Status(self.status)], where=where, **changes)

    @property
    def deadline(self) -> datetime:
        return self.deadline_from + timedelta(hours=settings.CHECKOUT_DEADLINE_HOURS)


class PurchaseLineQuerySet(models.QuerySet["PurchaseLine"]):
    def insert(self, purchase: Purchase, rows: list[dict[str, Any]]) -> None:
        """Add the lines of a purchase in one statement of one length, whatever their number.

        The connector's hot path: row objects and a placeholder for each value cost several times as much.
        """
        with connection.cursor() as cursor:
            cursor.execute(_insert_listed(connection.vendor, LINES, "%s"), [purchase.pk, _as_json(rows)])


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

SAVING_COLUMNS: dict[str, str] = {"code": "text", "amount": "bigint"}
"""The same of what a promotion saved."""


LINES, SAVINGS = "orders_purchaseline", "orders_promotionsaving"
LISTED = {LINES: LINE_COLUMNS, SAVINGS: SAVING_COLUMNS}


@cache
def _insert_listed(vendor: str, table: str, purchase: str) -> str:
    """The statement that adds rows from a JSON list; `purchase` stands for the key of their purchase."""
    named = ", ".join(f'"{column}"' for column in LISTED[table])
    if vendor == "postgresql":
        typed = ", ".join(f'"{column}" {kind}' for column, kind in LISTED[table].items())
        values, source = named, f"json_to_recordset(%s) AS line({typed})"
    else:
        values, source = ", ".join(f"json_extract(value, '$.{column}')" for column in LISTED[table]), "json_each(%s)"
    return f"INSERT INTO {table} (purchase_id, {named}) SELECT {purchase}, {values} FROM {source}"  # noqa: S608


@cache
def _insert_with_rows(insert_purchase: str) -> str:
    lines, savings = (_insert_listed("postgresql", table, "(SELECT id FROM purchase)") for table in LISTED)
    return (
        f"WITH purchase AS ({insert_purchase}), line AS ({lines}), saving AS ({savings})"  # noqa: S608
        " SELECT id FROM purchase"
    )


def _as_json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


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


class PromotionSavingQuerySet(models.QuerySet["PromotionSaving"]):
    def insert(self, purchase: Purchase, cents: Mapping[str, int]) -> None:
        """Note what each promotion saved, by its code: one statement, or none where nothing was saved."""
        if not cents:
            return
        with connection.cursor() as cursor:
            cursor.execute(_insert_listed(connection.vendor, SAVINGS, "%s"), [purchase.pk, _as_json(_savings(cents))])


def _savings(cents: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"code": code, "amount": amount} for code, amount in cents.items()]


class PromotionSaving(models.Model):
    """What a promotion saved on one purchase, as it was priced last: sums over a day need no trace."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="savings", db_index=False)
    code = models.CharField("promotion", max_length=100)
    amount = MoneyField("saved")

    objects = PromotionSavingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purchase", "code"], name="saving_once")]

    def __str__(self) -> str:
        return f"{self.code}: {self.amount}"


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
    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
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
        return f"other cart of {clock(self.received_at)}"


class RefusedCart(models.Model):
    """A cart that we answered with 400: kept, so that it can be taken in once a setting is mended."""

    raw = models.BinaryField("cart as received")
    raw_sha256 = models.CharField(max_length=64, unique=True)
    faults = models.JSONField("what was wrong")
    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
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
        return f"refused cart of {clock(self.received_at)}"


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


class FileForm(models.TextChoices):
    XLSX = "XLSX", "Excel workbook"
    CSV = "CSV", "CSV files in a ZIP"


class JobQuerySet(models.QuerySet[Any]):
    def due(self, now: datetime) -> Self:
        return self.filter(status__in=UNFINISHED, environment=settings.JWO_ENVIRONMENT, due_at__lte=now)

    def running(self, now: datetime) -> Self:
        """Those that a worker is at."""
        return self.filter(status=JobStatus.RUNNING, due_at__gt=now)

    def claim(self, pk: int, *, now: datetime, until: datetime) -> Any:
        """The job, if it is due and nobody else is at it; its `due_at` is then the fencing token. Else None."""
        held = self.due(now).filter(pk=pk).update(status=JobStatus.RUNNING, due_at=until, tries=F("tries") + 1)
        return self.get(pk=pk) if held == 1 else None


class Job(models.Model):
    """Long work in the background that somebody has asked for; see `orders.jobs`."""

    environment = models.CharField(max_length=10, choices=ENVIRONMENT_CHOICES)
    asked_at = models.DateTimeField("asked for")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="asked for by"
    )
    done = models.PositiveIntegerField(default=0)
    """How far it is: of a number that each kind of job says for itself."""
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.WAITING)
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    """How often it was taken up since something last came of it."""
    finished_at = models.DateTimeField("finished", null=True)
    problem = models.TextField(blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-asked_at", "-pk"]

    def move(self, *, to: JobStatus, where: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Move on, if nobody moved it meanwhile (`jwo_store.moves`)."""
        return move(self, to=to, may=JOB_MOVES[JobStatus(self.status)], where=where, **changes)


def unfinished_is_due(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(status__in=UNFINISHED, due_at__isnull=False, finished_at__isnull=True)
        | ~Q(status__in=UNFINISHED) & Q(due_at__isnull=True, finished_at__isnull=False),
        name=f"{name}_unfinished_is_due",
    )


def index_of_due(name: str) -> models.Index:
    return models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name=f"{name}_due")


class FinanceExport(Job):
    """Somebody takes the orders of these days out of the back office. The row stays when the file is gone."""

    first_day = models.DateField("from")
    last_day = models.DateField("until")
    store_ids = models.JSONField("stores")
    is_test = models.BooleanField("test trips")
    form = models.CharField("file", max_length=10, choices=FileForm.choices)
    order_count = models.PositiveIntegerField("orders")
    """As they were counted beforehand, until the file is done."""
    size = models.PositiveBigIntegerField(null=True)
    """Of the file, in bytes."""
    expires_at = models.DateTimeField("kept until", null=True)

    class Meta(Job.Meta):
        verbose_name = "export for finance"
        verbose_name_plural = "exports for finance"
        constraints = [unfinished_is_due("export")]
        indexes = [index_of_due("export")]

    def __str__(self) -> str:
        return f"Orders of {self.days}"

    @property
    def days(self) -> str:
        first, last = (date_format(day, "DATE_FORMAT") for day in (self.first_day, self.last_day))
        return first if first == last else f"{first} to {last}"

    def has_file(self, now: datetime) -> bool:
        return self.expires_at is not None and now < self.expires_at


class ExportPart(models.Model):
    """Some of the bytes of an export's file, in their order; taken away when its time is over."""

    export = models.ForeignKey(FinanceExport, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["export_id", "number"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_part_number_once")]

    def __str__(self) -> str:
        return f"part {self.number}"


class ExportTaken(models.Model):
    """Somebody has downloaded the file of an export. Written once, never changed."""

    export = models.ForeignKey(FinanceExport, on_delete=models.PROTECT, related_name="takings")
    taken_at = models.DateTimeField("taken")
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="taken by"
    )

    class Meta:
        ordering = ["taken_at", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.export}, taken by {self.taken_by}"


class BackTest(Job):
    """A promotion that somebody tries on trips that are over. Its own copy of the terms is what is tried."""

    name = models.CharField("promotion", max_length=255)
    code = models.CharField(max_length=100)
    words = models.TextField("what it does")
    terms = models.TextField()
    """Its line of a store file."""
    promotion = models.UUIDField(null=True)
    """The promotion of the database that said the very same then; it may be taken away before it starts."""
    stores = models.ManyToManyField(Store, related_name="+")
    trips = models.JSONField()
    """The keys of the purchases, in the order in which they are tried."""
    trip_count = models.PositiveIntegerField("trips")

    class Meta(Job.Meta):
        verbose_name = "try on past trips"
        verbose_name_plural = "tries on past trips"
        default_permissions = ("view",)
        permissions = [("start_backtest", "Can try promotions on past trips")]
        constraints = [
            unfinished_is_due("back_test"),
            models.CheckConstraint(condition=Q(done__lte=F("trip_count")), name="back_test_done_within_trips"),
        ]
        indexes = [index_of_due("back_test")]

    def __str__(self) -> str:
        return f"{self.name} on past trips"


class BackTestTrip(models.Model):
    """What a past trip costs without the tried promotion and with it; only why, when that cannot be said.

    Amounts are in the currency of the store; `net` is what is left for the store, without tax.
    """

    test = models.ForeignKey(BackTest, on_delete=models.CASCADE, related_name="tried", db_index=False)
    number = models.PositiveIntegerField()
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="+")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    outcome = models.CharField(max_length=10, choices=TripOutcome.choices)
    reason = models.TextField(blank=True)
    currency = models.CharField(max_length=3)
    pieces = models.PositiveIntegerField(default=0)
    given = MoneyField("taken off by the promotion", null=True)
    total_before = MoneyField(null=True)
    total_after = MoneyField(null=True)
    net_before = MoneyField(null=True)
    net_after = MoneyField(null=True)
    difference = MoneyField(null=True)

    class Meta:
        ordering = ["test_id", "number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["test", "number"], name="tried_trip_number_once"),
            models.UniqueConstraint(fields=["test", "purchase"], name="tried_trip_once"),
            models.CheckConstraint(
                condition=Q(outcome=TripOutcome.APART, total_before__isnull=True) & ~Q(reason="")
                | ~Q(outcome=TripOutcome.APART)
                & Q(total_before__isnull=False, difference=F("total_after") - F("total_before")),
                name="tried_trip_compared_or_apart",
            ),
        ]
        indexes = [models.Index(fields=["test", "outcome", "difference"], name="tried_trip_by_effect")]

    def __str__(self) -> str:
        return f"trip {self.number}"
