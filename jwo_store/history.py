"""How history is kept: one record for each time that a row was written, by whom and why; never changed afterwards.

Records of one table are found by time, by time for one person, and by time for one value of the columns in `by`: each
has an index that gives them newest first, so that a page costs the same however many records there are.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import connection, models
from django.db.models import Model
from django.utils import timezone
from simple_history.manager import HistoricalQuerySet
from simple_history.models import HistoricalRecords

if TYPE_CHECKING:

    class HistoricalBase(models.QuerySet[Any]): ...
else:
    HistoricalBase = HistoricalQuerySet

NEWEST_FIRST = ("-history_date", "-history_id")

ONE_WRITE = timedelta(seconds=10)
"""Within so long a row and its relations to many are written by one request."""


class Source(models.TextChoices):
    """What wrote a record, if it was no page."""

    FILE = "FILE", "the store file"
    IMPORT = "IMPORT", "an imported list"


class KeptQuerySet(HistoricalBase):
    """Records of the past: read, and never written again."""

    def update(self, **_changes: Any) -> NoReturn:
        raise TypeError("history is never changed")

    def delete(self) -> NoReturn:
        raise TypeError("history is never deleted")


class Kept(models.Model):
    objects = KeptQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("history is never changed")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("history is never deleted")


class History(HistoricalRecords):  # type: ignore[misc]  # the library has no types
    """A table's history. What is written to a row's relations to many right after the row is one record with it."""

    def __init__(self, *, by: Sequence[str] = (), **settings: Any) -> None:
        self.by = tuple(by)
        super().__init__(bases=(Kept,), historical_queryset=KeptQuerySet, no_db_index=list(by), **settings)

    def get_extra_fields(self, model: type[Model], fields: Any) -> dict[str, Any]:
        source = models.CharField(max_length=10, choices=Source.choices, default="", blank=True)
        extra: dict[str, Any] = super().get_extra_fields(model, fields)
        return {**extra, "history_source": source}

    def get_meta_options(self, model: type[Model]) -> dict[str, Any]:
        own = [models.Index(fields=[*column, *NEWEST_FIRST]) for column in ((), ("history_user",), *zip(self.by))]
        return {**super().get_meta_options(model), "indexes": own}

    def _get_history_user_fields(self) -> dict[str, Any]:
        """Without an index of its own: the one by person and time serves."""
        fields: dict[str, Any] = super()._get_history_user_fields()
        fields["history_user"].db_index = False
        return fields

    # -- what is noted

    def post_save(self, instance: Model, created: bool, using: str | None = None, **kwargs: Any) -> None:  # noqa: FBT001  the signal's
        """Nothing, when only what the history leaves out was written: when somebody signed in."""
        written = kwargs.get("update_fields")
        if not written or not set(written) <= set(self.excluded_fields):
            super().post_save(instance, created, using=using, **kwargs)

    def m2m_changed(
        self,
        instance: Any,
        action: str,
        attr: str,
        pk_set: set[Any] | None,
        reverse: bool,  # noqa: FBT001
        **more: Any,
    ) -> None:
        if not action.startswith("post_") or pk_set == set():
            return
        if reverse:  # seen from the other side: the rows are ours
            for row in more["model"].objects.filter(pk__in=pk_set or ()):
                self.create_historical_record(row, "~")
        elif not self._complete(instance):
            super().m2m_changed(instance, action, attr, pk_set, reverse, **more)

    def create_historical_record_m2ms(self, history_instance: Any, instance: Any) -> None:
        super().create_historical_record_m2ms(history_instance, instance)
        instance._noted = history_instance  # noqa: SLF001  this very object's latest record

    def _complete(self, instance: Any) -> bool:
        """Write the relations to many into the record that this very object made in this transaction, if it did."""
        noted = instance.__dict__.get("_noted")
        if noted is None or not connection.in_atomic_block or not _is_of_now(noted, instance):
            return False
        for field in noted._history_m2m_fields:  # noqa: SLF001  the library's
            self.m2m_models[field].objects.filter(history=noted).delete()
        super().create_historical_record_m2ms(noted, instance)
        return True


def _is_of_now(noted: Any, instance: Any) -> bool:
    """Whether the record was made a moment ago, for the same reason, and was not rolled back."""
    same: bool = noted.history_change_reason == getattr(instance, "_change_reason", None)
    fresh: bool = timezone.now() - noted.history_date < ONE_WRITE
    return same and fresh and type(noted).objects.filter(pk=noted.pk).exists()
