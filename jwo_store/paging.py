"""Pages of lists that may be very long."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core import paginator

if TYPE_CHECKING:
    Paginator = paginator.Paginator[Any]
else:
    Paginator = paginator.Paginator

MOST = 10_000
"""So many rows one can page through; whoever looks for older ones filters or searches."""


class CappedPaginator(Paginator):
    """Counts no further than `MOST`, and has pages for no more: both cost the more the further they go.

    With a million rows, counting them takes longer than all else on the page, and the last page longer still.
    """

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: MOST + 1].count())

    @property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def has_more(self) -> bool:
        """Whether there are rows that no page shows."""
        return self._counted > MOST
