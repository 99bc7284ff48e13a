"""Shelf prices and tax categories for the catalog at Amazon (`catalog.shelf`)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from catalog.shelf import ShelfTerms
from pricing.models import Price, TaxAssignment


class PricedShelf:
    """What the tables of prices and tax assignments say, by the rules by which carts are priced."""

    def terms(
        self, skus: Sequence[str], store_ids: Sequence[str], *, at: datetime
    ) -> Mapping[tuple[str, str], ShelfTerms]:
        prices = _winners(skus, store_ids, at)
        assigned = TaxAssignment.objects.in_force(at).filter(product_id__in=skus)
        tax_codes = dict(assigned.values_list("product_id", "tax_category_id"))
        return {
            (sku, store_id): ShelfTerms(
                prices.get((sku, store_id)) or prices.get((sku, None)) or "", tax_codes.get(sku, "")
            )
            for sku in skus
            for store_id in store_ids
        }

    def turned(self, *, since: datetime, until: datetime) -> Iterable[str]:
        found: set[str] = set()
        for model in (Price, TaxAssignment):
            for edge in ("starts_at", "ends_at"):  # each has an index of its own
                rows = model.objects.filter(**{f"{edge}__gt": since, f"{edge}__lte": until})
                found.update(rows.order_by().values_list("product_id", flat=True).distinct())
        return found


def _winners(skus: Sequence[str], store_ids: Sequence[str], at: datetime) -> dict[tuple[str, str | None], str]:
    """By SKU and scope: within one, a temporary price beats a regular one, then the latest start wins."""
    rows = Price.objects.in_force(at).filter(Q(store__isnull=True) | Q(store_id__in=store_ids), product_id__in=skus)
    in_rising_strength = rows.order_by("temporary", "starts_at").values_list("product_id", "store_id", "amount")
    return {(sku, store_id): f"{amount:.2f}" for sku, store_id, amount in in_rising_strength}
