"""What a test of a promotion on past trips tells: its page, and a table for a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from jwo_store.admin_site import clock, counted
from orders import backtests
from orders.admin.jobs import asked_for
from orders.backtests import Figures
from orders.models import BackTest, BackTestTrip
from orders.statuses import TripOutcome
from orders.tables import csv_row
from pricing.candidates import Tried
from pricing.models import Funding, Promotion

SHOWN = 25
"""Trips on one page."""
LARGEST = 5


def told(test: BackTest, trips: QuerySet[BackTestTrip], request: HttpRequest) -> dict[str, Any]:
    stores = {store.pk: store for store in test.stores.all()}
    tried = Tried.read(test.terms, row=test.promotion).promotion
    by_store = backtests.figures(trips)
    kind = request.GET.get("show", "")
    return {
        "facts": _facts(test, [store.name for store in stores.values()]),
        "stored": Promotion.objects.filter(pk=test.promotion).first() if test.promotion else None,
        "vendor_pays": tried.funding == Funding.VENDOR,
        "sentences": [_in_words(sums) for sums in _by_currency(by_store)],
        "stores": [(stores[store].name, sums) for (store, _), sums in by_store.items()],
        "sums": _by_currency(by_store) if len(by_store) > 1 else [],
        "apart": trips.filter(outcome=TripOutcome.APART).count(),
        "largest": _read(trips.filter(difference__lt=0).order_by("difference", "number"))[:LARGEST],
        "dearer": _read(trips.filter(difference__gt=0).order_by("-difference", "number"))[:LARGEST],
        **_list_of_trips(trips, kind, request.GET.get("p", "")),
    }


def _facts(test: BackTest, stores: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("Promotion", f"{test.name} ({test.code})"),
        ("Stores", ", ".join(stores)),
        ("Asked for", asked_for(test)),
        ("Finished", clock(test.finished_at)),
    ]


def _by_currency(by_store: dict[tuple[str, str], Figures]) -> list[Figures]:
    sums: dict[str, Figures] = {}
    for (_, currency), figures in by_store.items():
        sums[currency] = sums[currency].plus(figures) if currency in sums else figures
    return list(sums.values())


def _in_words(sums: Figures) -> str:
    if not sums.touched:
        return f"None of {counted(sums.trips, 'trip')} would have been any different."
    so_many = f"It would have applied to, or changed, {sums.touched:,} of {counted(sums.trips, 'trip')}"
    if sums.saved < 0:
        return f"{so_many}. Shoppers would have paid {-sums.saved} {sums.currency} more."
    return f"{so_many}. Shoppers would have saved {sums.saved} {sums.currency}."


KINDS = (
    ("", "Changed by it", TripOutcome.TOUCHED),
    ("same", "No difference", TripOutcome.SAME),
    ("apart", "Cannot be compared", TripOutcome.APART),
)


def _read(trips: QuerySet[BackTestTrip]) -> QuerySet[BackTestTrip]:
    related = trips.select_related("purchase", "store")
    names = ("purchase__purchase_id", "purchase__trip_ended_at", "store__name", "store__time_zone")
    return related.only(*(field.name for field in BackTestTrip._meta.concrete_fields), *names)


def _list_of_trips(trips: QuerySet[BackTestTrip], kind: str, page: str) -> dict[str, Any]:
    outcomes = {name: outcome for name, _, outcome in KINDS}
    kind = kind if kind in outcomes else ""
    pages = Paginator(_read(trips.filter(outcome=outcomes[kind]).order_by("number")), SHOWN)
    shown = pages.get_page(page)
    query = f"?show={kind}&p=" if kind else "?p="
    return {
        "kind": kind,
        "kinds": [{"name": name, "text": text, "chosen": name == kind} for name, text, _ in KINDS],
        "trips": list(shown),
        "trip_pages": {
            "several": pages.num_pages > 1,
            "first": shown.start_index(),
            "last": shown.end_index(),
            "count": pages.count,
            "before": f"{query}{shown.previous_page_number()}" if shown.has_previous() else "",
            "after": f"{query}{shown.next_page_number()}" if shown.has_next() else "",
        },
    }


# --- As a table for a spreadsheet ----------------------------------------------------------------------------------

COLUMNS = (
    "Trip",
    "Purchase ID",
    "Store ID",
    "Store",
    "Shopper left (store's clock)",
    "Result",
    "Why it cannot be compared",
    "Pieces in the promotion",
    "Taken off by the promotion",
    "Total before",
    "Total after",
    "Difference",
    "For the store without tax, before",
    "For the store without tax, after",
    "Currency",
)


def table(trips: QuerySet[BackTestTrip]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in _read(trips.order_by("number")):
        left = one.purchase.trip_ended_at.astimezone(one.store.zone)
        compared = one.outcome != TripOutcome.APART
        writer.writerow(
            csv_row(
                (
                    one.number,
                    one.purchase.purchase_id,
                    one.store_id,
                    one.store.name,
                    f"{left:%Y-%m-%d %H:%M}",
                    str(one.get_outcome_display()),
                    one.reason,
                    one.pieces if compared else None,
                    one.given,
                    one.total_before,
                    one.total_after,
                    one.difference,
                    one.net_before,
                    one.net_after,
                    one.currency,
                )
            )
        )
    return text.getvalue().encode("utf-8-sig")
