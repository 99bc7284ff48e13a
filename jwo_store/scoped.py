"""A person sees and changes only the rows of their stores: what every page of the admin does about it.

See `jwo_store.access` for the rules.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.db.models import BooleanField, Case, Prefetch, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse

from jwo_store import access

if TYPE_CHECKING:
    from django.contrib import admin

    class ModelAdmin(admin.ModelAdmin[Any]):
        pass
else:
    ModelAdmin = object

STORE = "catalog.Store"
NOT_YOURS = "Some of these are not of your stores alone, or hold in all stores. Nothing was done: leave those out."


def holds(code: str) -> Callable[..., bool]:
    """The `has_…_permission` of an action that changes rows: those of the stores in which the permission is held."""

    def has_permission(page: "Scoped", request: HttpRequest, obj: Any = None) -> bool:
        return page.may_change(access.stores_with(request.user, code), obj)

    has_permission.changes = code  # type: ignore[attr-defined]
    return has_permission


def reads(code: str) -> Callable[..., bool]:
    """The same for an action that changes none of the rows: it takes whatever may be seen in those stores."""

    def has_permission(page: "Scoped", request: HttpRequest, obj: Any = None) -> bool:
        return page.may_see(access.stores_with(request.user, code), obj)

    has_permission.reads = code  # type: ignore[attr-defined]
    return has_permission


class Scoped(ModelAdmin):
    store_path: access.Path = access.ONLY_EVERYWHERE
    """How a row leads to its store; see `jwo_store.access`."""

    # -- where somebody may do what

    def held(self, request: HttpRequest, *verbs: str) -> access.Stores:
        """Where this person holds one of these permissions on the rows of this page."""
        codes = (f"{self.opts.app_label}.{get_permission_codename(verb, self.opts)}" for verb in verbs)
        found = access.NOWHERE
        for code in codes:
            found |= access.stores_with(request.user, code)
        return found

    def seen_in(self, request: HttpRequest) -> access.Stores:
        return self.held(request, "view", "change")

    def may_see(self, stores: access.Stores, obj: Any = None) -> bool:
        if obj is None or stores.everywhere:
            return stores.everywhere or (bool(stores) and self.store_path != access.ONLY_EVERYWHERE)
        return stores.see(self._row(obj), self.store_path).exists()

    def may_change(self, stores: access.Stores, obj: Any = None) -> bool:
        if obj is None or stores.everywhere:
            return stores.everywhere or (bool(stores) and self.store_path not in (None, access.ONLY_EVERYWHERE))
        return stores.change(self._row(obj), self.store_path).exists()

    def _row(self, obj: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.filter(pk=obj.pk)
        return rows

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_see(self.seen_in(request), obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change(self.held(request, "change"), obj)

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """A new store is of nobody's stores yet."""
        stores = self.held(request, "add")
        return stores.everywhere if self.store_path == "pk" else self.may_change(stores)

    # -- which rows

    def visible(self, request: HttpRequest, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """The rows (all of them, unless given) that this person may see."""
        rows = self.model.objects.all() if rows is None else rows
        return self.seen_in(request).see(rows, self.store_path)

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> HttpResponse:
        """What somebody may not see is not there for them; Django would lead them home with a message."""
        raise Http404

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.visible(request, super().get_queryset(request))
        return rows.prefetch_related(*self._named_stores(request))

    def _named_stores(self, request: HttpRequest) -> "list[Prefetch[Any]]":
        """Where a row names several stores: each knows whether this person may read its name (`is_shown`)."""
        stores = self.seen_in(request)
        if stores.everywhere or "stores" not in (self.store_path or ()):
            return []
        model: Any = self.model._meta.get_field("stores").related_model
        return [Prefetch("stores", model.objects.annotate(is_shown=_one_of(stores.ids)))]

    # -- actions

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        return {name: (self._within_reach(function), name, text) for name, (function, _, text) in offered.items()}

    def _within_reach(self, function: Any) -> Any:
        """The action, refused as a whole when one of the rows is out of this person's reach."""

        @wraps(function)
        def narrowed(page: "Scoped", request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            if self.reach(request, function, queryset).count() < queryset.count():
                messages.error(request, NOT_YOURS)
                return None
            return function(page, request, queryset)

        return narrowed

    def reach(self, request: HttpRequest, function: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the rows with which this person may do the action: one of its permissions is enough."""
        allowed: Sequence[str] = getattr(function, "allowed_permissions", ())
        reached = [self._reach(request, permission, rows) for permission in allowed]
        if not reached or any(part is rows for part in reached):
            return rows
        keys = reached[0].order_by().values("pk")
        for part in reached[1:]:
            keys = keys | part.order_by().values("pk")
        return rows.filter(pk__in=keys)

    def _reach(self, request: HttpRequest, permission: str, rows: QuerySet[Any]) -> QuerySet[Any]:
        method: Any = getattr(type(self), f"has_{permission}_permission")
        if hasattr(method, "reads"):
            return access.stores_with(request.user, method.reads).see(rows, self.store_path)
        if permission == "view":
            return self.seen_in(request).see(rows, self.store_path)
        if permission not in ("add", "change") and not hasattr(method, "changes"):
            return rows if getattr(self, f"has_{permission}_permission")(request) else rows.none()
        code: str | None = getattr(method, "changes", None)
        stores = access.stores_with(request.user, code) if code else self.held(request, permission)
        return stores.change(rows, self.store_path)

    # -- forms

    def own_field(self) -> str:
        """The field of the form that says whose the row is; "" when it has none."""
        own = self.store_path if isinstance(self.store_path, str) else next(iter(self.store_path or ()), "")
        return "" if "__" in own else own

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        stores = self.held(request, "add", "change")
        if field is None or stores.everywhere:
            return field
        if db_field.name == "all_stores" and self.own_field() == "stores":
            field.disabled, field.initial = True, False
            field.help_text = "Only who may do this in all stores can tick it."
        if db_field.name == self.own_field() == "store":
            self._must_be_one_of(field, stores)
        return field

    def _must_be_one_of(self, field: Any, stores: access.Stores) -> None:
        field.required = True
        field.help_text = "One of your stores. What holds in all stores is for those who work in all of them."
        if len(stores.ids) == 1:
            field.initial = next(iter(stores.ids))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**self._choices(db_field, request), **kwargs})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**self._choices(db_field, request), **kwargs})

    def _choices(self, db_field: Any, request: HttpRequest) -> dict[str, Any]:
        """What may be chosen: of stores those where the row may then be changed, else what may be seen."""
        model: Any = db_field.related_model
        if db_field.name == self.own_field() and model._meta.label == STORE:
            return {"queryset": self.held(request, "add", "change").see(model.objects.all(), "pk")}
        page = self.admin_site.get_model_admin(model) if self.admin_site.is_registered(model) else None
        return {"queryset": page.visible(request)} if isinstance(page, Scoped) else {}


def _one_of(ids: frozenset[str]) -> Case:
    return Case(When(pk__in=sorted(ids), then=Value(True)), default=Value(False), output_field=BooleanField())
