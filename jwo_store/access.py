"""Who may do what in which stores. A person holds a role in one store, or in all of them (`Assignment`).

How to use it:

1. `user.has_perm("pricing.change_price")` says whether somebody holds it anywhere; that alone opens no row.
2. `stores = access.stores_with(user, "pricing.change_price")` says where: `stores.everywhere`, `stores.ids`,
   `store_id in stores`; it is false when they hold it nowhere. Asking again costs nothing.
3. `stores.see(rows, path)` leaves the rows that may be seen, `stores.change(rows, path)` those that may be changed;
   `path` leads from the rows to their store: `"store"`, `"upload__store"`, `"stores"`, `"pk"` for stores themselves.
   What holds in all stores is seen by all and changed by who holds it everywhere. `None`: the rows have no store.
   Of several paths the first says whose a row is; by the others it must be seen, too: `("store", "product__stores")`.
4. A page declares `store_path = …` on its `BackOfficeAdmin`; lists, pages, choices, actions and buttons follow. An
   action's own permission is `has_x_permission = holds("app.x_model")`, or `reads(…)` when it changes nothing.
5. A page of its own takes its rows from `self.get_queryset(request)`, or from (2) and (3). Undeclared pages are for
   those who hold the permission everywhere.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Exists, IntegerField, ManyToManyField, Model, OuterRef, Q, QuerySet, Value

from jwo_store.models import Assignment

Person = User | AnonymousUser
Path = str | tuple[str, ...] | None

ONLY_EVERYWHERE = "*"
"""The path of rows that are about all stores at once: seen and changed by who holds the permission in all stores."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where somebody holds a permission: everywhere, or in the stores with these ids (maybe none)."""

    everywhere: bool = False
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.ids)

    def __contains__(self, store_id: object) -> bool:
        return self.everywhere or store_id in self.ids

    def __or__(self, other: "Stores") -> "Stores":
        return Stores(self.everywhere or other.everywhere, self.ids | other.ids)

    def __ge__(self, other: "Stores") -> bool:
        """Whether nothing of the other is missing here."""
        return self.everywhere or (not other.everywhere and self.ids >= other.ids)

    def see(self, rows: QuerySet[Any], path: Path) -> QuerySet[Any]:
        """The rows that may be seen: those of one of these stores, and those that belong to no single store."""
        if self.everywhere:
            return rows
        if not self.ids or path == ONLY_EVERYWHERE:
            return rows.none()
        for one in _paths(path):
            rows = _Way.of(rows.model, one).seen(rows, self.ids)
        return rows

    def change(self, rows: QuerySet[Any], path: Path) -> QuerySet[Any]:
        """The rows that may be changed: those of these stores alone."""
        if self.everywhere:
            return rows
        own, *others = _paths(path) or (ONLY_EVERYWHERE,)
        if not self.ids or own == ONLY_EVERYWHERE:
            return rows.none()
        return self.see(_Way.of(rows.model, own).owned(rows, self.ids), tuple(others))


NOWHERE, EVERYWHERE = Stores(), Stores(everywhere=True)


def _paths(path: Path) -> tuple[str, ...]:
    return (path,) if isinstance(path, str) else path or ()


@dataclass(frozen=True, slots=True)
class _Way:
    """The way from rows of a model to their stores."""

    model: Any
    path: str
    store: Any
    to_many: bool
    optional: bool
    """Whether a row may be of no single store."""
    all_stores: str
    """Where the row says that it holds in all stores, if it has a field for that."""
    holder: Any
    """What names its stores: the rows themselves, or what each belongs to. It is looked up by itself, for it is few."""
    to_holder: str
    from_holder: str

    @classmethod
    def of(cls, model: type[Model], path: str) -> "_Way":
        at, many, optional, before = model, [], False, model
        for name in path.split("__"):
            field: Any = at._meta.pk if name == "pk" else at._meta.get_field(name)
            many.append(bool(field.one_to_many or field.many_to_many))
            optional = optional or bool(field.null)
            before, at = at, field.related_model or at
        prefix, _, last = path.rpartition("__")
        flag = "__".join(filter(None, (prefix, "all_stores"))) if _has_field(before, "all_stores") else ""
        holder = (model, "pk", path) if any(many[:-1]) else (before, prefix or "pk", last)
        return cls(model, path, at, any(many), optional, flag, *holder)

    def seen(self, rows: QuerySet[Any], ids: Collection[str]) -> QuerySet[Any]:
        return rows.filter(self._is_shared() | self._is_of(ids))

    def owned(self, rows: QuerySet[Any], ids: Collection[str]) -> QuerySet[Any]:
        rows = rows.filter(self._is_of(ids))
        if not self.to_many:
            return rows
        elsewhere = self.store.objects.exclude(pk__in=ids)
        also_elsewhere = self.model.objects.filter(**{f"{self.path}__in": elsewhere})
        return rows.exclude(pk__in=also_elsewhere.values("pk")).exclude(self._is_shared())

    def _is_of(self, ids: Collection[str]) -> Q:
        if not self.to_many:
            return Q(**{f"{self.path}__in": sorted(ids)})
        field: Any = None if "__" in self.from_holder else self.holder._meta.get_field(self.from_holder)
        if isinstance(field, ManyToManyField):
            return Q(self._is_related(field, sorted(ids)))
        holders = self.holder.objects.filter(**{f"{self.from_holder}__in": sorted(ids)})
        return Q(**{f"{self.to_holder}__in": holders.values("pk")})

    def _is_related(self, field: Any, ids: Sequence[str]) -> Exists:
        """Asked of each row, by the unique index of the relation: PostgreSQL may then stop where a page is full."""
        through: Any = field.remote_field.through
        of_row = {field.m2m_field_name(): OuterRef(self.to_holder), f"{field.m2m_reverse_field_name()}__in": ids}
        return Exists(through.objects.filter(**of_row))

    def _is_shared(self) -> Q:
        if not (self.all_stores or self.to_many or self.optional):
            return Q(pk__in=())
        if self.all_stores:
            told = Q(**{self.all_stores: True})
            return self._one_of(told) if "__" in self.from_holder else told
        return self._one_of(Q(**{f"{self.path}__isnull": True}))

    def _one_of(self, condition: Q) -> Q:
        """Without repeating a row for each of its stores."""
        return Q(pk__in=self.model.objects.filter(condition).values("pk")) if self.to_many else condition


def _has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


# --- What somebody holds -------------------------------------------------------------------------------------------


def stores_with(person: Any, code: str) -> Stores:
    """In which stores this person holds the permission `app.verb_model`; nowhere while they may not sign in."""
    if not person.is_active or person.is_anonymous:
        return NOWHERE
    return EVERYWHERE if person.is_superuser else held_by(person).get(code, NOWHERE)


def stores_of(person: Any) -> Stores:
    """In which stores somebody may do anything at all."""
    if not person.is_active or person.is_anonymous:
        return NOWHERE
    found = EVERYWHERE if person.is_superuser else NOWHERE
    for stores in () if person.is_superuser else held_by(person).values():
        found |= stores
    return found


def held_by(person: Any) -> dict[str, Stores]:
    """All permissions of a person who may not simply do everything, each with its stores; read once, in two queries.

    What is given to the person directly holds in all stores.
    """
    if not hasattr(person, "held_permissions"):
        person.held_permissions = _read(person)
    held: dict[str, Stores] = person.held_permissions
    return held


def _read(person: Any) -> dict[str, Stores]:
    where: dict[int | None, Stores] = {None: EVERYWHERE}
    for role, store in Assignment.objects.filter(person=person).values_list("role", "store"):
        where[role] = where.get(role, NOWHERE) | _one(store)
    named = ("permission__content_type__app_label", "permission__codename")
    of_roles = Group.permissions.through.objects.filter(group__in=[role for role in where if role])
    direct = User.user_permissions.through.objects.filter(user=person).annotate(group_id=Value(None, IntegerField()))
    held: dict[str, Stores] = {}
    rows: Iterable[Any] = of_roles.values_list("group_id", *named).union(direct.values_list("group_id", *named))
    for role, app, codename in rows:
        held[f"{app}.{codename}"] = held.get(f"{app}.{codename}", NOWHERE) | where[role]
    return held


def _one(store_id: str | None) -> Stores:
    return EVERYWHERE if store_id is None else Stores(ids=frozenset({store_id}))


class RolesPerStore(ModelBackend):
    """Signs in by password; what somebody may do comes from their assignments, never from memberships of groups."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return obj is None and bool(stores_with(user_obj, perm))

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        return super().get_all_permissions(user_obj) if user_obj.is_superuser else set(held_by(user_obj))

    def _get_group_permissions(self, user_obj: Any) -> QuerySet[Permission]:
        return Permission.objects.filter(group__assignments__person=user_obj)
