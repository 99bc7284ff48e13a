"""Work that only one process does at a time: a lease with a token, taken and held by conditional updates."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import Q

from jwo_store.models import Lease


class LeaseLost(Exception):
    """Somebody else holds the lease by now: what this process was about to write must not be written."""


@dataclass(frozen=True, slots=True)
class Held:
    name: str
    token: UUID

    def keep(self, *, until: datetime) -> None:
        """Hold on. Inside a transaction it also keeps every other holder out until that ends.

        Raises LeaseLost.
        """
        if Lease.objects.filter(name=self.name, token=self.token).update(until=until) != 1:
            raise LeaseLost(self.name)

    def give_back(self) -> None:
        Lease.objects.filter(name=self.name, token=self.token).update(token=None)


def take(name: str, *, now: datetime, until: datetime) -> Held | None:
    """The lease, if nobody holds it or its time is over."""
    Lease.objects.get_or_create(name=name, defaults={"until": now})
    token = uuid4()
    free = Lease.objects.filter(Q(token__isnull=True) | Q(until__lte=now), name=name)
    return Held(name, token) if free.update(token=token, until=until) == 1 else None
