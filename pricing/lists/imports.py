"""A list of prices from a file into the database: kept, looked at, applied; undone as any change of many prices."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from catalog.lists.keeping import Keeping, NothingChanged, refuse_wrong_rows, unpacked
from catalog.models import Store
from jwo_store.admin_site import counted
from pricing.bulk import Made, noted_price
from pricing.lists.compare import Difference, Line, compare
from pricing.lists.entries import PRICES, Where
from pricing.models import AT_ONCE, ChangedPrice, Price, PriceChange, PriceList

logger = logging.getLogger(__name__)

LISTS = Keeping(PriceList, PRICES)


def look(kept: PriceList, where: Where, *, now: datetime) -> Difference:
    """What the list would do to the prices as they are now."""
    return compare(unpacked(kept), where, now)


def apply(kept: PriceList, difference: Difference, made: Made, *, seen: str, large_is_meant: bool) -> PriceChange:
    """Do what a look as of now says, if its fingerprint is that of what was `seen`: all of it or nothing.

    Raises NothingChanged, also when one of the prices was ended or begun since that look.
    """
    _check(difference, seen, large_is_meant=large_is_meant)
    try:
        with transaction.atomic():
            change = _write(kept, difference.lines, made)
            LISTS.take(kept)
    except ValidationError as refused:  # somebody changed one of these prices at this very moment
        raise NothingChanged(f"Nothing was changed: {' '.join(refused.messages)}") from refused
    logger.info("%s imported a price list: %s", made.by.pk, change.words)
    return change


def _check(difference: Difference, seen: str, *, large_is_meant: bool) -> None:
    refuse_wrong_rows(difference.wrong_count)
    if difference.fingerprint != seen or not difference.lines:
        raise NothingChanged(
            "Nothing was changed: somebody changed prices of this list while you looked at it. "
            "This is what it would do now; look at it again."
        )
    if difference.large and not large_is_meant:
        raise NothingChanged("Nothing was changed: tick that the large changes are meant, or mend them in the file.")


def _write(kept: PriceList, lines: Sequence[Line], made: Made) -> PriceChange:
    note = {"now": made.now, "by": made.by, "reason": made.reason}
    prices = [line.price for line in lines]
    ends = [price.ends_at for price in prices]
    change = PriceChange.objects.create(
        made_at=made.now,
        made_by=made.by,
        words=f"{counted(len(lines), 'price')} from the list {kept.file_name}, {_places(prices)}"[:500],
        reason=made.reason,
        store_id=prices[0].store_id if len({price.store_id for price in prices}) == 1 else None,
        temporary=all(price.temporary for price in prices),
        starts_at=min(price.starts_at for price in prices),
        ends_at=max(end for end in ends if end) if all(ends) else None,
    )
    changed = [noted_price(change, line.price, line.before, line.ended) for line in lines]
    Price.end_many([(line.ended, line.price.starts_at) for line in lines if line.ended], **note)
    Price.add_many(prices, **note)
    ChangedPrice.objects.bulk_create(changed, batch_size=AT_ONCE)
    return change


def _places(prices: Sequence[Price]) -> str:
    """`in all stores`, `in Market Street`, `in 3 stores`."""
    named = {price.store_id for price in prices}
    if named == {None}:
        return "in all stores"
    if len(named) == 1:
        return f"in {Store.objects.get(pk=named.pop()).name}"
    return f"in {counted(len(named - {None}), 'store')}{' and for all' if None in named else ''}"
