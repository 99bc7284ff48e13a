"""What each role may do: the groups that staff belong to. The apps' permissions are named as strings."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from jwo_store.words import with_article

LOOK = (
    "orders.view_purchase",
    "jwo_store.view_alarm",
    "catalog.view_product",
    "catalog.view_productfinding",
    "catalog.view_catalogupload",
    "catalog.export_product",
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
    "catalog.import_product",
    "catalog.hold_store",
    "catalog.view_catalogrun",
    "catalog.start_catalogrun",
    "catalog.work_catalogupload",
    "catalog.retire_product",
    "catalog.accept_code",
    "catalog.view_storelist",
    "catalog.confirm_storelist",
    "catalog.view_catalogmessage",
    "catalog.replay_catalogmessage",
    "catalog.view_queuereading",
    "jwo_store.acknowledge_alarm",
    "orders.close_purchase",
    "orders.export_purchase",
    "orders.view_financeexport",
    "orders.view_backtest",
    "orders.start_backtest",
    "orders.view_refusedcart",
    "orders.replay_refusedcart",
    "pricing.view_pricechange",
    "pricing.make_pricechange",
    "pricing.view_proposal",
)

SEE = (
    *LOOK,
    "catalog.view_store",
    "catalog.view_barcode",
    "catalog.view_catalogrun",
    "pricing.view_pricechange",
    "pricing.view_proposal",
    "pricing.view_fee",
    "pricing.view_taxcategory",
    "pricing.view_taxrule",
    "pricing.view_taxholiday",
)
SEE_ALL = (
    *SEE,
    "auth.view_user",
    "auth.view_group",
    "catalog.view_storelist",
    "catalog.view_catalogmessage",
    "catalog.view_queuereading",
    "orders.export_purchase",
    "orders.view_financeexport",
    "orders.view_refusedcart",
    "orders.view_unknown_purchase",
)
SET_PRICES = ("pricing.view_pricechange", "pricing.make_pricechange")
SELL = tuple(code for code in RUN if code.startswith("catalog.") and code != "catalog.hold_store")
ADMINISTER = tuple(f"auth.{verb}_{model}" for model in ("user", "group") for verb in ("view", "add", "change"))


def edit(*models: str) -> tuple[str, ...]:
    return tuple(code for code in EDIT if code.partition("_")[2] in models)


def unique(*codes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))


MANAGER = unique(*LOOK, *HELP_SHOPPERS, *EDIT, *RUN)
ROLES: dict[str, tuple[str, ...]] = {
    "Viewer": tuple(code for code in SEE if code != "catalog.export_product"),
    "Staff": (*LOOK, *HELP_SHOPPERS),
    "Pricing": unique(*SEE, *edit("price", "promotion"), *SET_PRICES),
    "Tax": unique(*SEE, *edit("taxcategory", "taxrule", "taxholiday", "fee")),
    "Catalog": unique(*SEE, *edit("product", "barcode"), *SELL),
    "Manager": MANAGER,
    "Auditor": SEE_ALL,
    "Administrator": unique(*MANAGER, *SEE_ALL, *ADMINISTER),
}
"""The permissions of each role that comes with the product."""

WHAT_IT_MAY = {
    "Viewer": "Looks at purchases, products, prices, promotions, taxes and uploads; changes nothing.",
    "Staff": "Looks purchases, products, prices and promotions up; prices purchases again and sends them again.",
    "Pricing": "Sets prices and promotions, one by one or many at once; looks at everything else.",
    "Tax": "Sets tax categories, tax rules, tax holidays, deposits and fees; looks at everything else.",
    "Catalog": "Looks after products and barcodes, imports lists, uploads to Amazon, retires and archives.",
    "Manager": "Runs the store: all that Staff, Pricing, Tax and Catalog may do, and puts stores on hold, closes "
    "purchases, acknowledges alarms and exports orders for finance.",
    "Auditor": "Sees everything, histories, exports, people and roles included; changes nothing.",
    "Administrator": "All that a Manager may do; and gives roles to people, makes roles, and sees purchases of stores "
    "that are not set up yet.",
}
"""One sentence each, for the pages People and Roles."""


def what_it_may(role: str) -> str:
    """The sentence of a role that comes with the product; "" for one of the shop's own."""
    return WHAT_IT_MAY.get(role, "")


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


def permission_in_words(permission: Any) -> str:
    """`Can change a price`. Django words its own permissions by the names that models had when they were made."""
    verb, _, name = permission.codename.partition("_")
    model = ContentType.objects.get_for_id(permission.content_type_id).model_class()
    if model is None or name != model._meta.model_name or verb not in ("add", "change", "delete", "view"):
        return str(permission.name)
    return f"Can {verb} {with_article(str(model._meta.verbose_name))}"
