"""What the catalog asks of pricing: shelf prices and tax categories of a moment. Pricing answers (`register`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ShelfTerms:
    """`price` as text with two decimals, "" when no price is in force; `tax_code` likewise "" for none."""

    price: str = ""
    tax_code: str = ""


class Shelf(Protocol):
    def terms(
        self, skus: Sequence[str], store_ids: Sequence[str], *, at: datetime
    ) -> Mapping[tuple[str, str], ShelfTerms]:
        """By SKU and store; pairs without a price and a tax category may be left out."""
        ...

    def turned(self, *, since: datetime, until: datetime) -> Iterable[str]:
        """SKUs whose price or tax category begins or ends in (since, until]: no row changes at that moment."""
        ...


class _NoShelf:
    """Before pricing has registered: nothing has a price."""

    def terms(
        self,
        skus: Sequence[str],  # noqa: ARG002  as the protocol has it
        store_ids: Sequence[str],  # noqa: ARG002
        *,
        at: datetime,  # noqa: ARG002
    ) -> Mapping[tuple[str, str], ShelfTerms]:
        return {}

    def turned(self, *, since: datetime, until: datetime) -> Iterable[str]:  # noqa: ARG002
        return ()


_shelf: Shelf = _NoShelf()


def register(shelf: Shelf) -> None:
    global _shelf  # noqa: PLW0603  one for the process, set once at its start
    _shelf = shelf


def shelf() -> Shelf:
    return _shelf
