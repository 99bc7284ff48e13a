"""How the histories of people and their roles read."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model, Q

from jwo_store.models import Assignment
from jwo_store.roles import permission_in_words
from jwo_store.telling import AnyField, Branch, Kind, Names, State, register
from jwo_store.words import listed


class PersonKind(Kind):
    model = User
    name = "Person"
    untold = frozenset({"id", "date_joined"})

    def family(self, state: State) -> list[Branch]:
        """With the roles that the person was given and lost."""
        return [*super().family(state), (ASSIGNMENTS, Q(person=state["id"]))]

    def in_stores(self, _store_ids: Collection[str]) -> list[Q]:
        """A login is of no store."""
        return []

    def subject(self, state: State, _names: Names) -> str:
        name = f"{state['first_name']} {state['last_name']}".strip()
        return f"login {state['username']} of {name}" if name else f"login {state['username']}"


class RoleKind(Kind):
    model = Group
    name = "Role"

    def in_stores(self, _store_ids: Collection[str]) -> list[Q]:
        return []

    def subject(self, state: State, _names: Names) -> str:
        return f"role {state['name']}"

    def say(self, each: AnyField, state: State, names: Names) -> str:
        if each.name != "permissions":
            return super().say(each, state, names)
        rows = (names.row(Permission, key) for key in state["permissions"])
        return listed(sorted(permission_in_words(row) for row in rows if row), most=MOST_PERMISSIONS)


MOST_PERMISSIONS = 8


class AssignmentKind(Kind):
    """Told on the page of the person."""

    model = Assignment
    name = "Role of a person"
    page = User

    def subject(self, state: State, names: Names) -> str:
        store = names.row(store_model(), state["store"])
        where = "all stores" if state["store"] is None else store.name if store else state["store"]
        role = names.row(Group, state["role"])
        return f"role {role.name if role else ''} of {names.name(User, state['person'])} in {where}"

    def page_key(self, record: Any) -> Any:
        return record.person_id

    def in_stores(self, store_ids: Collection[str]) -> list[Q]:
        return [Q(store__in=sorted(store_ids)), Q(store__isnull=True)]


def store_model() -> type[Model]:
    """The catalog's; this app is below it."""
    return apps.get_model("catalog", "Store")


ASSIGNMENTS = AssignmentKind()

for kind in (PersonKind(), RoleKind(), ASSIGNMENTS):
    register(kind)
