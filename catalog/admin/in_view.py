"""Which stores a page speaks of: those in which the person holds the permission, or the one that is chosen of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet, Subquery
from django.http import HttpRequest

from catalog.models import Store
from jwo_store import access, chosen_store
from jwo_store.chosen_store import Offered


@dataclass(frozen=True, slots=True)
class InView:
    stores: Sequence[Store]
    whole: bool
    """All stores there are: what belongs to a store that we do not know is in view then as well."""

    @property
    def ids(self) -> list[str]:
        return [store.pk for store in self.stores]


def in_view(request: HttpRequest, permission: str) -> InView:
    """In one query."""
    held = access.stores_with(request.user, permission)
    if not held:
        return InView((), whole=False)
    chosen = chosen_store.chosen(request)
    rows = held.see(Store.objects.filter(pk=chosen) if chosen else Store.objects.all(), "pk")
    return InView(list(rows), whole=held.everywhere and not chosen)


def stores_with(request: HttpRequest, permission: str) -> QuerySet[Store]:
    """Those in which this person holds the permission."""
    return access.stores_with(request.user, permission).see(Store.objects.all(), "pk")


def store_choices(request: HttpRequest, permission: str) -> list[tuple[str, str]]:
    """The same for a filter or a select: IDs and names."""
    return list(stores_with(request, permission).values_list("store_id", "name"))


def offered(request: HttpRequest) -> Offered:
    """For the chooser in the header of every page, and for the clock of the pages."""
    zones = Store.objects.order_by().values("time_zone").annotate(count=Count("pk")).order_by("-count", "time_zone")
    rows = access.stores_of(request.user).see(Store.objects.order_by("name", "pk"), "pk")
    rows = rows.annotate(most_zone=Subquery(zones.values("time_zone")[:1]))
    stores = list(rows.values_list("pk", "name", "time_zone", "most_zone", named=True))
    return Offered(
        names={store.pk: store.name for store in stores},
        zones={store.pk: store.time_zone for store in stores},
        most_zone=stores[0].most_zone if stores else "",
    )


chosen_store.offer(offered)
