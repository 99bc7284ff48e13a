"""A promotion that is to be tried, as a text that travels in a link or waits in a row: its line of a store file."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from catalog.models import Store
from jwo_store.access import EVERYWHERE, Stores
from pricing.models import Promotion
from pricing.promotion_words import Wording, in_words
from pricing.storefile.dump import one_promotion
from pricing.storefile.entries import PromotionEntry
from pricing.storefile.faults import Faults, Faulty
from pricing.storefile.shape import read
from pricing.trial import Candidate

NOT_COLUMNS = frozenset({"path", "stores"})


NO_CODE, NO_NAME = "NEW", "This promotion"


class Unreadable(ValueError):
    """What was to be tried is no promotion."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A promotion to be tried, with the stores that it is for; `candidate` is what the pricing sees of it."""

    promotion: Promotion
    stores: tuple[str, ...]

    @classmethod
    def of(cls, promotion: Promotion, stores: Iterable[str]) -> Self:
        """One that is perhaps not saved, or not whole yet: a name can be given later."""
        named = copy(promotion)
        named.code = promotion.code or NO_CODE
        named.name = promotion.name or NO_NAME
        named.receipt_text = promotion.receipt_text or NO_NAME
        return cls(named, () if promotion.all_stores else tuple(sorted(stores)))

    @classmethod
    def stored(cls, promotion: Promotion) -> Self:
        """One that the database has, just as it is."""
        return cls.of(promotion, () if promotion.all_stores else promotion.stores.values_list("pk", flat=True))

    @classmethod
    def read(cls, text: str, *, row: UUID | None = None) -> Self:
        """From its line of a store file; `row` is the promotion of the database that says the very same.

        Raises Unreadable.
        """
        entry = _entry(text)
        columns = {name: getattr(entry, name) for name in PromotionEntry.__struct_fields__ if name not in NOT_COLUMNS}
        return cls(Promotion(**({"id": row} if row else {}), **columns), entry.stores)

    def words(self, seen_in: Stores = EVERYWHERE) -> str:
        """What it does, in a sentence for who sees these stores; empty while that is not said."""
        stores = list(Store.objects.filter(pk__in=self.stores))
        for store in stores:
            store.is_shown = store.pk in seen_in  # type: ignore[attr-defined]  # as pages note it (`jwo_store.scoped`)
        return in_words(self.promotion, Wording.of([self.promotion]), stores=stores)

    @property
    def text(self) -> str:
        return one_promotion(self.promotion, self.stores)

    @property
    def candidate(self) -> Candidate:
        return Candidate.of(self.promotion, self.stores)


def _entry(text: str) -> PromotionEntry:
    faults = Faults()
    try:
        found = read(f'{{"promotions": [{text}]}}'.encode(), faults).promotions
        faults.stop()
    except (Faulty, UnicodeEncodeError) as error:
        raise Unreadable(str(error)) from error
    if len(found) != 1:
        raise Unreadable("this is not one promotion")
    return found[0]
