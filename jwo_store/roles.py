"""What each role may do: the groups that staff belong to. The apps' permissions are named as strings."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

LOOK = (
    "orders.view_purchase",
    "jwo_store.view_alarm",
    "catalog.view_product",
    "pricing.view_price",
    "pricing.view_promotion",
)
HELP_SHOPPERS = ("orders.reprice_purchase", "orders.send_purchase")

EDITED = (
    "catalog.store",
    "catalog.product",
    "catalog.barcode",
    "pricing.price",
    "pricing.promotion",
    "pricing.fee",
    "pricing.taxcategory",
    "pricing.taxrule",
    "pricing.taxholiday",
)
EDIT = tuple(
    f"{app}.{verb}_{model}" for app, model in (name.split(".") for name in EDITED) for verb in ("view", "add", "change")
)
RUN = (
    "catalog.delete_barcode",
    "catalog.hold_store",
    "jwo_store.acknowledge_alarm",
    "orders.close_purchase",
    "orders.view_refusedcart",
    "orders.replay_refusedcart",
)

ROLES: dict[str, tuple[str, ...]] = {
    "Staff": (*LOOK, *HELP_SHOPPERS),
    "Manager": (*LOOK, *HELP_SHOPPERS, *EDIT, *RUN),
}


def sync_groups(using: str = "default") -> None:
    """Make the groups of `ROLES`, each with exactly its permissions. Another mix of permissions is a group of its own.

    Idempotent. A permission that does not exist (yet) is left out.
    """
    for name, codes in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(_permissions(codes, using))


def _permissions(codes: Iterable[str], using: str) -> Iterable[Permission]:
    wanted = Q()
    for app, codename in (code.split(".") for code in codes):
        wanted |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.using(using).filter(wanted)


def sync_after_migrate(*, using: str, **_: Any) -> None:
    """For the signal `post_migrate` of the last app, when all permissions are there."""
    sync_groups(using)
