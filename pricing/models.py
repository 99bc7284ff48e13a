"""What a cart costs: every rule is dated, and what was in force stays as it was.

A row in force on `[starts_at, ends_at)` is never edited: it is ended and succeeded (`Dated.revise`). Saving changed
terms of such a row raises ValidationError, whoever tries.
"""

import copy
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, router, transaction
from django.db.models import F, Q
from django.db.models.signals import m2m_changed
from django.db.models.sql import DeleteQuery
from django.dispatch import receiver
from django.utils import timezone

from catalog.clocks import zone_of
from catalog.models import Product, Store
from catalog.models.lists import KeptList
from jwo_store.history import History
from pricing.fields import ExactDecimalField, MoneyField
from pricing.proposed import Proposal as Proposal

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a product's first tax category counts: before any trip."""

SAVING_TIME = timedelta(minutes=1)
"""How far "now" may have moved on between deciding on an end and saving it."""

AT_ONCE = 500
"""How many rows one statement writes."""

CODE = RegexValidator(r"^[0-9A-Za-z][^\x00-\x1f]*\Z", "Start with a letter or digit.")


def set_change_reason(row: models.Model, reason: str | None) -> None:
    """Why the row is about to be saved, for its history (simple-history's own way to be told)."""
    row._change_reason = reason  # type: ignore[attr-defined]


class DatedQuerySet(models.QuerySet[Any]):
    def in_force(self, at: datetime) -> Self:
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at)

    def overlapping(self, starts_at: datetime, ends_at: datetime | None) -> Self:
        """Rows in force at some moment of `[starts_at, ends_at)`."""
        rows = self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
        return rows.filter(starts_at__lt=ends_at) if ends_at else rows

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused when one of the rows is or was in force."""
        if self.filter(starts_at__lte=timezone.now()).exists():
            raise TypeError("what was in force is ended, never deleted")
        return super().delete()

    def update(self, **_changes: Any) -> int:
        """Refused: what was in force stays as it was (see `Dated.revise` and `Dated.end`)."""
        raise TypeError("dated rows are ended and succeeded, never updated")


class Dated(models.Model):
    """In force on `[starts_at, ends_at)`; an open end is null."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    starts_at = models.DateTimeField("starts")
    ends_at = models.DateTimeField("ends", null=True, blank=True, help_text="Leave empty for no end.")

    objects = DatedQuerySet.as_manager()

    many: ClassVar[tuple[str, ...]] = ()
    """The relations to many that belong to the terms."""

    is_new = False
    """This very object has just added its row: its relations to many are yet to be written."""

    class Meta:
        abstract = True

    # -- what it says

    def terms(self) -> dict[str, Any]:
        """Everything that the row itself says, but for its dates."""
        dates = {"id", "starts_at", "ends_at"}
        columns = (field.attname for field in self._meta.concrete_fields)
        return {column: getattr(self, column) for column in columns if column not in dates}

    def related_terms(self) -> dict[str, frozenset[Any]]:
        return {name: frozenset(getattr(self, name).values_list("pk", flat=True)) for name in self.many}

    def was_in_force(self, now: datetime) -> bool:
        """Whether it is or was in force: from then on its terms are history."""
        return self.starts_at <= now

    def is_over(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now

    @property
    def zone(self) -> ZoneInfo | None:
        """The clock of its stores; None where it holds in all, or their clocks differ: it then goes by the pages'."""
        return None

    def rivals(self) -> DatedQuerySet:
        """Rows of the same scope: what must not have been in force where this one is back-dated to."""
        raise NotImplementedError

    # -- how it changes

    def revise(self, *, now: datetime, related: Mapping[str, Iterable[Any]] | None = None) -> Self:
        """Make this (edited, unsaved) row what holds from now on; gives the row that holds.

        A row that is yet to start is changed in place. One in force is ended now and succeeded by a new row with the
        new terms; a new end alone is simply written. Raises ValidationError when the row is over already.
        """
        related = {name: list(rows) for name, rows in (related or {}).items()}
        with transaction.atomic():
            stored = cast("Self", type(self).objects.get(pk=self.pk))
            if stored.is_over(now):
                raise ValidationError("This has ended, and what was in force stays as it was. Add a new one instead.")
            same = stored.terms() == self.terms() and all(
                stored.related_terms()[name] == frozenset(row.pk for row in rows) for name, rows in related.items()
            )
            if stored.was_in_force(now) and not same:
                return self._succeed(stored, now, related)
            stored._hold()
            if stored.was_in_force(now):
                self.starts_at = stored.starts_at
            self.save()
            self._relate(related)
            return self

    def _succeed(self, stored: Self, now: datetime, related: Mapping[str, Iterable[Any]]) -> Self:
        kept = {name: list(getattr(stored, name).all()) for name in self.many}
        successor = copy.copy(self)
        successor._state = copy.copy(self._state)
        successor._state.adding = True
        successor.__dict__.pop("_prefetched_objects_cache", None)
        successor.pk = uuid.uuid4()
        successor.starts_at = now
        if successor.ends_at is not None and successor.ends_at <= now:
            raise ValidationError({"ends_at": "The end must be later than now."})
        set_change_reason(stored, getattr(self, "_change_reason", None))
        if "_history_user" in self.__dict__:
            stored.__dict__["_history_user"] = self.__dict__["_history_user"]
        stored.end(now=now)
        successor.save(force_insert=True)
        successor._relate({**kept, **related})
        return successor

    def _relate(self, related: Mapping[str, Iterable[Any]]) -> None:
        for name, rows in related.items():
            getattr(self, name).set(rows)

    def end(self, *, now: datetime) -> None:
        """In force no longer than until now; a row that is yet to start is taken away (its history stays)."""
        if self.starts_at >= now:
            self.delete()
        elif not self.is_over(now):
            with transaction.atomic():
                self._hold()
                self.ends_at = now
                self.save()

    def _hold(self) -> None:
        """Hold the row until the transaction is over, if it still ends when we read that it would.

        Two people ending the same row would otherwise overwrite each other's end. Raises ValidationError.
        """
        same_end = Q(ends_at__isnull=True) if self.ends_at is None else Q(ends_at=self.ends_at)
        unchanged = type(self).objects.filter(same_end, pk=self.pk)
        if models.QuerySet.update(unchanged, ends_at=self.ends_at) != 1:
            raise ValidationError("Somebody else changed this meanwhile. Load the page again.")

    # -- how many change at once: the same, in a number of statements that does not grow with the rows one by one

    @classmethod
    def add_many(cls, rows: Sequence[Self], *, now: datetime, by: Any, reason: str) -> None:
        """Add rows without relations to many that start now or later. Raises ValidationError."""
        if any(row.starts_at < now - SAVING_TIME for row in rows):
            raise ValidationError("Nothing that starts in the past is added to many at once.")
        with transaction.atomic():
            cls.objects.bulk_create(rows, batch_size=AT_ONCE)
            cls._note_many(rows, "+", now=now, by=by, reason=reason)

    @classmethod
    def end_many(cls, ends: Sequence[tuple[Self, datetime | None]], *, now: datetime, by: Any, reason: str) -> None:
        """Write a new end, now or later, onto each of these rows if it still ends when we read that it would.

        All or none. Raises ValidationError when one is over, or when somebody else changed one meanwhile.
        """
        if any(row.is_over(now) or (end is not None and end < now - SAVING_TIME) for row, end in ends):
            raise ValidationError("What has ended stays as it was, and nothing can be ended in the past.")
        alike: dict[tuple[datetime | None, datetime | None], list[Self]] = {}
        for row, end in ends:
            alike.setdefault((row.ends_at, end), []).append(row)
        with transaction.atomic():
            for (old, new), rows in alike.items():
                cls._move_ends(rows, old, new)
            cls._note_many([row for row, _ in ends], "~", now=now, by=by, reason=reason)

    @classmethod
    def _move_ends(cls, rows: Sequence[Self], old: datetime | None, new: datetime | None) -> None:
        same_end = Q(ends_at__isnull=True) if old is None else Q(ends_at=old)
        for start in range(0, len(rows), AT_ONCE):
            part = [row.pk for row in rows[start : start + AT_ONCE]]
            unchanged = cls.objects.filter(same_end, pk__in=part)
            if models.QuerySet.update(unchanged, ends_at=new) != len(part):
                raise ValidationError("Somebody else changed one of these meanwhile. Load the page again.")
        for row in rows:
            row.ends_at = new

    @classmethod
    def take_away_many(cls, rows: Sequence[Self], *, now: datetime, by: Any, reason: str) -> None:
        """Take rows away that are yet to start; their history stays. Raises ValidationError."""
        if any(row.was_in_force(now) for row in rows):
            raise ValidationError("This was in force already: it can be ended, not deleted.")
        with transaction.atomic():
            cls._note_many(rows, "-", now=now, by=by, reason=reason)
            keys: list[Any] = [row.pk for row in rows]
            # past the signals: by them each row would be noted by itself once more
            DeleteQuery(cls).delete_batch(keys, using=router.db_for_write(cls))

    @classmethod
    def _note_many(cls, rows: Sequence[Self], kind: str, *, now: datetime, by: Any, reason: str) -> None:
        """What the history says of rows that were written together."""
        noted: Any = cls.history.model  # type: ignore[attr-defined]  # every dated table has one
        columns = [field.attname for field in noted.tracked_fields]
        noted.objects.bulk_create(
            [
                noted(
                    history_date=now,
                    history_user=by,
                    history_change_reason=reason,
                    history_type=kind,
                    **{column: getattr(row, column) for column in columns},
                )
                for row in rows
            ],
            batch_size=AT_ONCE,
        )

    # -- the guards

    def clean(self) -> None:
        super().clean()
        if not self.starts_at:  # the form says so already
            return
        if self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": "The end must be later than the start."})
        now = timezone.now()
        if self._state.adding or type(self).objects.filter(pk=self.pk, starts_at__gt=now).exists():
            self._refuse_back_dating(now)

    def _refuse_back_dating(self, now: datetime) -> None:
        """A row that was not in force yet may start in the past only where its scope had nothing in force."""
        if self.starts_at >= now - SAVING_TIME:
            return
        if self.rivals().overlapping(self.starts_at, min(self.ends_at or now, now)).exists():
            raise ValidationError(
                {"starts_at": "Something was in force already at that time, and that stays. Start it now or later."}
            )

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.is_new = True
        else:
            self._refuse_rewriting(timezone.now())
        super().save(*args, **kwargs)

    def _refuse_rewriting(self, now: datetime) -> None:
        stored = type(self).objects.filter(pk=self.pk).first()
        if stored is None:
            return
        if not stored.was_in_force(now):
            self._refuse_back_dating(now)
            return
        if stored.terms() != self.terms() or stored.starts_at != self.starts_at:
            raise ValidationError("This was in force already: it can be ended and succeeded, not changed.")
        if stored.ends_at != self.ends_at and (stored.is_over(now) or self.is_over(now - SAVING_TIME)):
            raise ValidationError("What has ended stays as it was, and nothing can be ended in the past.")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        if self.was_in_force(timezone.now() - SAVING_TIME):
            raise ValidationError("This was in force already: it can be ended, not deleted.")
        return super().delete(*args, **kwargs)


@receiver(m2m_changed)
def _refuse_relating_anew(
    instance: Any, action: str, model: type[models.Model], pk_set: set[Any] | None, **_: Any
) -> None:
    """What was in force keeps its stores, products and categories: the guard of `save`, for relations to many."""
    if not action.startswith("pre_"):
        return
    in_force = timezone.now() - SAVING_TIME
    if isinstance(instance, Dated):
        old = not instance.is_new and instance.was_in_force(in_force) and (pk_set is None or bool(pk_set))
    elif issubclass(model, Dated):
        rows = model.objects.all() if pk_set is None else model.objects.filter(pk__in=pk_set)
        old = rows.filter(starts_at__lte=in_force).exists()
    else:
        return
    if old:
        raise ValidationError("This was in force already: it can be ended and succeeded, not changed.")


def ends_after_start(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
        name=f"{name}_ends_after_start",
        violation_error_message="The end must be later than the start.",
    )


class Coded(Dated):
    """A dated rule known by its code; at any moment at most one version of a code is in force."""

    code = models.CharField(
        max_length=100, validators=[CODE], help_text="A short name of your own, the same for every version of it."
    )

    class Meta:
        abstract = True

    @property
    def zone(self) -> ZoneInfo | None:
        here: Any = self
        return None if here.all_stores else zone_of(here.stores.all())

    def rivals(self) -> DatedQuerySet:
        return type(self).objects.filter(code=self.code).exclude(pk=self.pk)

    def clean(self) -> None:
        super().clean()
        if self.starts_at and self.code and self.rivals().overlapping(self.starts_at, self.ends_at).exists():
            raise ValidationError(
                {"code": f"“{self.code}” has a version in force in that time. End that one first, or edit it."}
            )


def one_version_at_a_time(name: str, *, of: Q | None = None) -> list[models.UniqueConstraint]:
    """At most one version of a code starts at a moment, and one has no end; of these rows, if not of all."""
    is_open = Q(ends_at__isnull=True)
    return [
        models.UniqueConstraint(fields=["code", "starts_at"], name=f"{name}_one_version_a_start"),
        models.UniqueConstraint(
            fields=["code"], condition=is_open if of is None else is_open & of, name=f"{name}_one_open_version"
        ),
    ]


# --- Prices --------------------------------------------------------------------------------------------------------


class Price(Dated):
    """What one piece, or one unit of weight, costs on the shelf; fees come on top."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices", db_index=False)
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="prices",
        help_text="Leave empty for all stores. A store's own price beats one for all stores.",
    )
    amount = MoneyField("price", validators=[MinValueValidator(0)], help_text="For example 2.49.")
    temporary = models.BooleanField(
        default=False,
        help_text="A temporary price needs an end. While it is in force it beats the regular price.",
    )

    history = History(by=["product", "store", "history_source"])

    class Meta:
        ordering = ["product_id", "store_id", "-starts_at"]
        constraints = [
            ends_after_start("price"),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="price_not_negative",
                violation_error_message="A price cannot be below zero.",
            ),
            models.CheckConstraint(
                condition=Q(temporary=False) | Q(ends_at__isnull=False),
                name="price_temporary_ends",
                violation_error_message="A temporary price needs an end.",
            ),
            models.UniqueConstraint(
                fields=["product", "store", "temporary", "starts_at"],
                condition=Q(store__isnull=False),
                name="price_one_a_store_and_start",
                violation_error_message="There is a price of this product from that moment on already.",
            ),
            models.UniqueConstraint(
                fields=["product", "temporary", "starts_at"],
                condition=Q(store__isnull=True),
                name="price_one_a_start",
                violation_error_message="There is a price of this product from that moment on already.",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "starts_at"], name="price_of_product"),
            *(  # lists are sorted by them and then by the key: so many prices have the same start, or none an end
                models.Index(fields=[column, "id"], name=name)
                for column, name in [
                    ("amount", "prices_by_amount"),
                    ("starts_at", "prices_by_start"),
                    ("ends_at", "prices_by_end"),
                ]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.product_id}"

    @property
    def zone(self) -> ZoneInfo | None:
        return self.store.zone if self.store else None

    def rivals(self) -> DatedQuerySet:
        rows = Price.objects.filter(product_id=self.product_id).exclude(pk=self.pk)
        return rows.filter(Q(store__isnull=True) | Q(store_id=self.store_id))


class PriceChangeQuerySet(models.QuerySet["PriceChange"]):
    def claim_undo(self, pk: int, *, by: Any, now: datetime) -> bool:
        """Whether it was not undone yet; from now on it is."""
        return self.filter(pk=pk, undone_at__isnull=True).update(undone_at=now, undone_by=by) == 1


class PriceChange(models.Model):
    """Many prices changed at once: who, why, and row by row what was before; so that all of it can be undone.

    Where its rows differ, as those of an imported list may, it names no store, the first start and the last end.
    """

    made_at = models.DateTimeField("made")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="made by"
    )
    words = models.CharField("what was done", max_length=500)
    reason = models.TextField()
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    temporary = models.BooleanField()
    starts_at = models.DateTimeField("starts")
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    undone_at = models.DateTimeField("undone", null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="undone by",
    )

    objects = PriceChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [("make_pricechange", "Can change many prices at once, and undo it")]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="price_change_has_reason")]

    def __str__(self) -> str:
        return self.words

    @property
    def zone(self) -> ZoneInfo | None:
        return self.store.zone if self.store else None


class ChangedPrice(models.Model):
    """One price of a change. Prices are named, not related: one that is yet to start may be taken away."""

    change = models.ForeignKey(PriceChange, on_delete=models.CASCADE, related_name="changed")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, related_name="+")
    temporary = models.BooleanField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    """Of the new price, as all before it."""
    before = MoneyField(null=True)
    """What it was worked out from, or what counted there; None where there was no price."""
    after = MoneyField()
    made = models.UUIDField(unique=True)
    ended = models.UUIDField(null=True)
    """The price that was ended for it, if one was; and until when that would have held."""
    held_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["change_id", "product_id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(ended__isnull=True) | Q(before__isnull=False), name="changed_price_ended_had_an_amount"
            )
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.before} to {self.after}"

    @property
    def scope(self) -> tuple[str, str | None, bool]:
        """Of all prices of one scope that are in force, the latest counts."""
        return self.product_id, self.store_id, self.temporary


class PriceList(KeptList):
    """A list of prices from a file, until it is applied."""

    class Meta(KeptList.Meta):
        pass


# --- Deals ---------------------------------------------------------------------------------------------------------


class PromotionKind(models.TextChoices):
    PERCENT_OFF = "PERCENT_OFF", "Percent off each piece"
    AMOUNT_OFF = "AMOUNT_OFF", "Amount off each piece"
    FIXED_PRICE = "FIXED_PRICE", "Fixed price for each piece"
    BUY_X_GET_Y = "BUY_X_GET_Y", "Buy some, get some cheaper"
    MULTI_BUY = "MULTI_BUY", "Several for one price"
    BUNDLE = "BUNDLE", "A set for one price"
    SPEND_GET = "SPEND_GET", "Spend a sum, get something off"


class Funding(models.TextChoices):
    STORE = "STORE", "The store"
    VENDOR = "VENDOR", "Somebody else, for example the maker"


class Weekday(models.TextChoices):
    MON = "MON", "Monday"
    TUE = "TUE", "Tuesday"
    WED = "WED", "Wednesday"
    THU = "THU", "Thursday"
    FRI = "FRI", "Friday"
    SAT = "SAT", "Saturday"
    SUN = "SUN", "Sunday"


NEEDS: dict[str, frozenset[str]] = {
    PromotionKind.PERCENT_OFF: frozenset({"percent", "targets"}),
    PromotionKind.AMOUNT_OFF: frozenset({"amount", "targets"}),
    PromotionKind.FIXED_PRICE: frozenset({"amount", "targets"}),
    PromotionKind.BUY_X_GET_Y: frozenset({"buy", "get", "percent", "targets"}),
    PromotionKind.MULTI_BUY: frozenset({"count", "amount", "targets"}),
    PromotionKind.BUNDLE: frozenset({"components", "amount"}),
    PromotionKind.SPEND_GET: frozenset({"threshold", "targets"}),
}
"""What each kind must say; `SPEND_GET` needs an amount or a percentage besides."""

MAY: dict[str, frozenset[str]] = {
    PromotionKind.BUY_X_GET_Y: frozenset({"get_targets"}),
    PromotionKind.SPEND_GET: frozenset({"amount", "percent"}),
}
VARYING = ("percent", "amount", "buy", "get", "count", "threshold", "targets", "get_targets", "components")


class Promotion(Coded):
    """A deal: which products, how much off, and when. Its kind says which of the fields count.

    Without a start it is a draft: no moment lies after its start, and no row of `PromotionTarget` leads to it, so that
    no cart ever finds it. What people do with promotions stands in `pricing.promotions`.
    """

    starts_at = models.DateTimeField("starts", null=True, blank=True)  # type: ignore[assignment]  # null for drafts
    planned_start = models.DateTimeField("planned start", null=True, blank=True)
    """When a draft is meant to start; null for all others."""
    name = models.CharField(max_length=255, help_text="For your staff.")
    receipt_text = models.CharField("text on the receipt", max_length=100, help_text="Shoppers read it.")
    kind = models.CharField(max_length=20, choices=PromotionKind.choices)
    percent = ExactDecimalField(
        "percent off", places=4, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    amount = MoneyField(null=True, blank=True, validators=[MinValueValidator(0)])
    buy = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    get = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    count = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    threshold = MoneyField(null=True, blank=True, validators=[MinValueValidator(0)])
    targets = models.JSONField(
        null=True, blank=True, help_text="Which products: SKUs, categories, or everything; and which not."
    )
    get_targets = models.JSONField(null=True, blank=True)
    components = models.JSONField(null=True, blank=True)
    funding = models.CharField("paid by", max_length=10, choices=Funding.choices, default=Funding.STORE)
    weekdays = models.JSONField(default=list, blank=True, help_text="No day ticked means every day.")
    from_time = models.TimeField("from (store's clock)", null=True, blank=True)
    until_time = models.TimeField(
        "until (store's clock)",
        null=True,
        blank=True,
        help_text="Not included. A time before the start crosses midnight and belongs to the day it began on.",
    )
    max_uses_per_trip = models.PositiveSmallIntegerField(
        "most times per trip", null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: no limit."
    )
    priority = models.SmallIntegerField(
        default=0, help_text="Deals with a higher number choose their products first. Usually 0."
    )
    all_stores = models.BooleanField("in all stores", default=True)
    stores = models.ManyToManyField(Store, blank=True, related_name="promotions", help_text="If not in all stores.")

    many = ("stores",)
    history = History(by=["code"], m2m_fields=[stores])

    class Meta:
        ordering = ["code", "-starts_at"]
        constraints = [
            ends_after_start("promotion"),
            *one_version_at_a_time("promotion", of=Q(starts_at__isnull=False)),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(starts_at__isnull=True),
                name="promotion_one_draft_a_code",
                violation_error_message="There is a draft with this code already.",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(planned_start__isnull=True),
                name="promotion_planned_or_started",
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__gt=0, percent__lte=100),
                name="promotion_percent_bounds",
                violation_error_message="A percentage is above 0 and at most 100.",
            ),
            models.CheckConstraint(
                condition=(Q(amount__isnull=True) | Q(amount__gte=0))
                & (Q(threshold__isnull=True) | Q(threshold__gte=0)),
                name="promotion_amounts_not_negative",
                violation_error_message="Amounts cannot be below zero.",
            ),
            models.CheckConstraint(
                condition=Q(from_time__isnull=True, until_time__isnull=True)
                | (Q(from_time__isnull=False, until_time__isnull=False) & ~Q(from_time=F("until_time"))),
                name="promotion_hours",
                violation_error_message="Give both times of day, and not the same one, or neither.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    # -- a draft was never in force

    @property
    def is_draft(self) -> bool:
        return self.starts_at is None

    def was_in_force(self, now: datetime) -> bool:
        return not self.is_draft and super().was_in_force(now)

    def is_over(self, now: datetime) -> bool:
        return not self.is_draft and super().is_over(now)

    def rivals(self) -> DatedQuerySet:
        return super().rivals().filter(starts_at__isnull=False)

    def end(self, *, now: datetime) -> None:
        if self.is_draft:
            self.delete()
        else:
            super().end(now=now)

    def clean(self) -> None:
        super().clean()
        if self.planned_start and self.ends_at and self.ends_at <= self.planned_start:
            raise ValidationError({"ends_at": "The end must be later than the start."})

    def _refuse_back_dating(self, now: datetime) -> None:
        if not self.is_draft:
            super()._refuse_back_dating(now)

    # -- its products

    def roles(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The sets of products that it speaks of, each with its number (bought 0, got 1; components as written)."""
        if self.components:
            yield from enumerate(component["targets"] for component in self.components)
            return
        if self.targets:
            yield 0, self.targets
        if self.get_targets:
            yield 1, self.get_targets

    def reach(self) -> list["PromotionTarget"]:
        """The lookup rows by which a cart finds this promotion; they are stored unless it is a draft."""
        return [
            PromotionTarget(promotion=self, role=role, key=key, excluded=excluded)
            for role, targets in self.roles()
            for key, excluded in target_keys(targets)
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self.target_rows.all().delete()
            PromotionTarget.objects.bulk_create([] if self.is_draft else self.reach())


ALL_PRODUCTS = "all"


def sku_key(sku: str) -> str:
    return f"sku:{sku}"


def category_keys(category: str, subcategory: str) -> list[str]:
    """The keys of a product's category: `Drinks`, and `Drinks > Soft drinks`."""
    if not category:
        return []
    return [f"cat:{category}"] + ([f"cat:{category} > {subcategory}"] if subcategory else [])


def target_keys(targets: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The keys of a targets object of the store file; True marks those that are taken away."""
    if targets.get("all"):
        yield ALL_PRODUCTS, False
    yield from ((sku_key(sku), False) for sku in dict.fromkeys(targets.get("skus", ())))
    yield from ((f"cat:{category}", False) for category in dict.fromkeys(targets.get("categories", ())))
    yield from ((sku_key(sku), True) for sku in dict.fromkeys(targets.get("except_skus", ())))


class PromotionTarget(models.Model):
    """The index by which a cart finds its promotions; written with the promotion, never edited by itself."""

    promotion = models.ForeignKey(Promotion, on_delete=models.CASCADE, related_name="target_rows")
    role = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=600, db_index=True)
    excluded = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{'not ' if self.excluded else ''}{self.key}"


class PromotionStop(models.Model):
    """That somebody stopped a promotion at once, and until when it would have held; so that it can be undone."""

    promotion = models.OneToOneField(Promotion, on_delete=models.PROTECT, related_name="stop")
    made_at = models.DateTimeField("stopped")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="stopped by"
    )
    held_until = models.DateTimeField(null=True)
    undone_at = models.DateTimeField("undone", null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name="undone by"
    )
    successor = models.ForeignKey(Promotion, on_delete=models.PROTECT, null=True, related_name="+")
    """What holds since the stop was undone."""

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, successor__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False, successor__isnull=False),
                name="promotion_stop_undone_wholly",
            )
        ]

    def __str__(self) -> str:
        return f"{self.promotion} stopped"


# --- Fees ----------------------------------------------------------------------------------------------------------


class Fee(Coded):
    """A deposit or fee on each piece of some products. Promotions never reduce it."""

    description = models.CharField(max_length=100, help_text="Shoppers read it, for example Bottle deposit.")
    amount = MoneyField("amount per piece", validators=[MinValueValidator(0)])
    taxed = models.BooleanField("taxed like the product", default=False)
    products = models.ManyToManyField(Product, related_name="fee_rows", help_text="Only goods sold by the piece.")
    all_stores = models.BooleanField("in all stores", default=True)
    stores = models.ManyToManyField(Store, blank=True, related_name="fee_rows", help_text="If not in all stores.")

    many = ("products", "stores")
    history = History(by=["code"], m2m_fields=[products, stores])

    class Meta:
        ordering = ["code", "-starts_at"]
        constraints = [
            ends_after_start("fee"),
            *one_version_at_a_time("fee"),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="fee_not_negative",
                violation_error_message="A fee cannot be below zero.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.code})"


# --- Taxes ---------------------------------------------------------------------------------------------------------


class TaxCategory(models.Model):
    """A group of products that are taxed alike."""

    code = models.CharField(primary_key=True, max_length=100, validators=[CODE])
    name = models.CharField(max_length=255)
    exempt = models.BooleanField(
        "never taxed", default=False, help_text="Exempt goods are never taxed, whatever a tax rule says."
    )

    history = History()

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "tax categories"

    def __str__(self) -> str:
        return self.name


class TaxAssignment(Dated):
    """From when to when a product belongs to a tax category."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="tax_assignments", db_index=False)
    tax_category = models.ForeignKey(TaxCategory, on_delete=models.PROTECT, related_name="assignments")

    history = History(by=["product"])

    class Meta:
        ordering = ["product_id", "-starts_at"]
        constraints = [
            ends_after_start("tax_assignment"),
            models.UniqueConstraint(fields=["product", "starts_at"], name="tax_assignment_one_a_start"),
            models.UniqueConstraint(
                fields=["product"], condition=Q(ends_at__isnull=True), name="tax_assignment_one_open"
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at"], name="tax_assignments_by_start"),
            models.Index(fields=["ends_at"], condition=Q(ends_at__isnull=False), name="tax_assignments_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} is {self.tax_category_id}"

    def rivals(self) -> DatedQuerySet:
        return TaxAssignment.objects.filter(product_id=self.product_id).exclude(pk=self.pk)

    def clean(self) -> None:
        super().clean()
        if self.starts_at and self.rivals().overlapping(self.starts_at, self.ends_at).exists():
            raise ValidationError("Another tax category of this product is in force in that time. End that one first.")

    @classmethod
    def assign(
        cls, product: Product, tax_category: TaxCategory, *, now: datetime, reason: str | None = None, by: Any = None
    ) -> Self:
        """Tax the product under this category from now on; from the beginning when it had none."""
        with transaction.atomic():
            own = cls.objects.filter(product=product)
            current = own.in_force(now).first()
            if current is not None and current.tax_category_id == tax_category.pk:
                return cast("Self", current)
            planned = own.filter(starts_at__gt=now).order_by("starts_at").first()
            start = now if own.exists() else BEGINNING
            until = planned.starts_at if planned else None
            row = cls(product=product, tax_category=tax_category, starts_at=start, ends_at=until)
            for written in filter(None, (current, row)):
                set_change_reason(written, reason)
                if by is not None:
                    written._history_user = by
            if current is not None:
                current.end(now=now)
            row.save()
            return row


class TaxRule(Coded):
    """One jurisdiction's rate on some tax categories in some stores. Rules in force add up."""

    jurisdiction = models.CharField(max_length=255, help_text="For example New York State.")
    rate = ExactDecimalField(places=8, validators=[MinValueValidator(0)], help_text="As a fraction: 0.04 is 4 percent.")
    tax_categories = models.ManyToManyField(TaxCategory, related_name="rules")
    all_stores = models.BooleanField("in all stores", default=True)
    stores = models.ManyToManyField(Store, blank=True, related_name="tax_rules", help_text="If not in all stores.")

    many = ("tax_categories", "stores")
    history = History(by=["code"], m2m_fields=[tax_categories, stores])

    class Meta:
        ordering = ["code", "-starts_at"]
        constraints = [
            ends_after_start("tax_rule"),
            *one_version_at_a_time("tax_rule"),
            models.CheckConstraint(
                condition=Q(rate__gte=0, rate__lt=1),
                name="tax_rule_rate_bounds",
                violation_error_message="A rate is a fraction from 0 up to, but not including, 1: 0.04 is 4 percent.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction} ({self.code})"


class TaxHoliday(Coded):
    """A time in which goods of some tax categories are not taxed, if they are cheap enough."""

    name = models.CharField(max_length=255)
    tax_categories = models.ManyToManyField(TaxCategory, related_name="holidays")
    all_stores = models.BooleanField("in all stores", default=True)
    stores = models.ManyToManyField(Store, blank=True, related_name="tax_holidays", help_text="If not in all stores.")
    unit_price_below = MoneyField(
        "only when one piece costs less than",
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Leave empty for any price.",
    )

    many = ("tax_categories", "stores")
    history = History(by=["code"], m2m_fields=[tax_categories, stores])

    class Meta:
        ordering = ["code", "-starts_at"]
        constraints = [ends_after_start("tax_holiday"), *one_version_at_a_time("tax_holiday")]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"
