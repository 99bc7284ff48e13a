"""The pages People and Roles: who may do what in which stores.

Nobody gives or takes more than they hold themselves, and somebody who may give roles in all stores always remains.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashWidget
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jwo_store import access
from jwo_store.admin_site import (
    HistoryAdmin,
    InlineFormSet,
    PasswordChangeForm,
    SearchableSelectMultiple,
    TabularInline,
    UserAdmin,
    UserChangeForm,
    UserCreationForm,
    display,
    site,
)
from jwo_store.models import Assignment
from jwo_store.roles import ROLES, permission_in_words, what_it_may
from jwo_store.signin.people import PersonSignIn, RoleSignIn

GIVE = "auth.change_user"

LAST = "Nobody would be left who may give roles in all stores. Let somebody else do that first. Nothing was changed."


def covers(giver: Any, codes: Iterable[str], where: access.Stores) -> bool:
    """Whether the giver holds all of these permissions there."""
    return giver.is_superuser or all(access.stores_with(giver, code) >= where for code in codes)


def covers_person(giver: Any, person: Any) -> bool:
    """Whether the person holds nothing that the giver does not: who may change a login may use it."""
    if giver.is_superuser or person.is_superuser:
        return bool(giver.is_superuser)
    return all(access.stores_with(giver, code) >= where for code, where in access.held_by(person).items())


def codes_of(role: Group) -> set[str]:
    return codes(role.permissions.all())


def codes(permissions: QuerySet[Permission]) -> set[str]:
    named = permissions.order_by().values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in named}


def administrators() -> QuerySet[User]:
    """Who can sign in and give roles in all stores."""
    gives = Q(content_type__app_label="auth", codename="change_user")
    allowed = Permission.objects.filter(gives)
    everywhere = Assignment.objects.filter(store__isnull=True, role__permissions__in=allowed)
    may_give = Q(is_superuser=True) | Q(pk__in=everywhere.values("person")) | Q(user_permissions__in=allowed)
    return User.objects.filter(may_give, is_active=True, is_staff=True)


class Locked(ValidationError):
    def __init__(self) -> None:
        super().__init__(LAST)


class KeepsAnAdministrator(HistoryAdmin):
    """What is saved is taken back when nobody would be left to administer people."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        form.was_administered = administrators().exists()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        if form.was_administered and not administrators().exists():
            raise Locked

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Locked as locked:
            messages.error(request, " ".join(locked.messages))
            return HttpResponseRedirect(request.get_full_path())


class AssignmentFormSet(InlineFormSet):
    giver: Any = None

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.forms if form.has_changed()]
        for form in changed:
            for role, store_id in _before_and_after(form):
                self._check(form, role, store_id)
        kept = [form for form in self.forms if form not in self.deleted_forms and form.cleaned_data.get("role")]
        if not kept and not access.stores_with(self.giver, GIVE).everywhere:
            raise ValidationError(
                "Give at least one role in one of your stores, or you would no longer see the person."
            )

    def _check(self, form: Any, role: Group, store_id: str | None) -> None:
        where = access.Stores(ids=frozenset({store_id})) if store_id else access.EVERYWHERE
        if not covers(self.giver, {GIVE, *codes_of(role)}, where):
            place = "in that store" if store_id else "in all stores"
            form.add_error("role", f"{role} may do more {place} than you may yourself, so it is not yours to give.")


def _before_and_after(form: Any) -> Iterable[tuple[Group, str | None]]:
    """The role that the row gave when it was read, and the one that it is to give."""
    if form.instance.pk:
        stored = Assignment.objects.select_related("role").filter(pk=form.instance.pk).first()
        if stored is not None:
            yield stored.role, stored.store_id
    entered = getattr(form, "cleaned_data", {})
    if entered.get("role") and not entered.get("DELETE"):
        store = entered.get("store")
        yield entered["role"], store.pk if store else None


class AssignmentInline(TabularInline):
    """Rows `role · store`; an empty store means all stores."""

    model = Assignment
    formset = AssignmentFormSet
    fields = ("role", "store")
    extra = 0
    hide_title = True
    verbose_name_plural = "roles"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.giver = request.user
        return formset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assignment]:
        rows: QuerySet[Assignment] = super().get_queryset(request)
        return access.stores_with(request.user, "auth.view_user").see(rows.select_related("role", "store"), "store")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        stores = access.stores_with(request.user, GIVE)
        if db_field.name == "store":
            kwargs["queryset"] = stores.see(db_field.related_model.objects.all(), "pk")
            kwargs["empty_label"] = "All stores" if stores.everywhere else "Choose"
            kwargs["required"] = not stores.everywhere
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        for name in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            setattr(field.widget, name, False)
        return field

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm("auth.view_user")

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm(GIVE)

    def has_change_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm(GIVE)

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm(GIVE)


def roles_in_words(names: Iterable[str]) -> SafeString:
    rows = ((name, what_it_may(name)) for name in names)
    return format_html(
        '<dl class="bo-roles">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", (row for row in rows if row[1]))
    )


IN_WORDS = {
    "username": ("Login", "What the person signs in with. Letters, digits and @ . + - _ only."),
    "is_active": ("Login is open", "Close it when somebody leaves: what they did stays in the history."),
    "is_staff": ("May sign in to this office", "Without it nobody gets in, whatever the roles say."),
    "is_superuser": ("May do everything", "In all stores, whatever the roles say."),
}
"""Of the fields that Django words for programmers: label and help."""

# What counts, headings, messages and histories call them
User._meta.verbose_name, User._meta.verbose_name_plural = "person", "people"
Group._meta.verbose_name, Group._meta.verbose_name_plural = "role", "roles"
for name in ("is_active", "is_staff", "is_superuser"):
    User._meta.get_field(name).verbose_name = IN_WORDS[name][0]  # type: ignore[union-attr]


class PasswordIsSet(ReadOnlyPasswordHashWidget):
    """Whether there is a password, and the way to another one; how it is kept is nobody's business here."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002  Django's signature
        is_set = bool(value) and is_password_usable(value)
        words = "A password is set; nobody can read it." if is_set else "There is none, so the person cannot sign in."
        way = "Set another one" if is_set else "Set one"
        return format_html('<p>{} <a class="bo-link" href="../password/">{}</a></p>', words, way)


class PersonForm(UserChangeForm):  # type: ignore[type-arg]  # generic to the type checker alone
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields:
            self.fields["password"].widget = PasswordIsSet()
            self.fields["password"].help_text = ""


@admin.register(User, site=site)
class PersonAdmin(PersonSignIn, UserAdmin, KeepsAnAdministrator):
    nothing_yet = "Whoever may sign in stands here; add a person to let somebody in."
    store_path = "assignments__store"
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = PasswordChangeForm
    inlines = (AssignmentInline,)
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active")
    list_filter = ()
    search_fields = ("^username", "^first_name", "^last_name", "^email")
    search_help_text = "Login, name or e-mail, from its beginning"
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who it is", {"fields": ("first_name", "last_name", "email")}),
        ("Signing in", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("What the roles below may do", {"fields": ("roles_explained",)}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        ("Signing in", {"fields": ("is_staff",)}),
        ("What the roles below may do", {"fields": ("roles_explained",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With the roles that they hold in stores of the reader's, or in all."""
        held = self.seen_in(request).see(Assignment.objects.select_related("role", "store"), "store")
        return super().get_queryset(request).prefetch_related(Prefetch("assignments", held, to_attr="roles_read"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of who may do more: a new password would make their login one's own."""
        return super().has_change_permission(request, obj) and (obj is None or covers_person(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only who may do everything may let others do everything."""
        shown: tuple[str, ...] = (*super().get_readonly_fields(request, obj), "roles_explained")
        return shown if request.user.is_superuser else (*shown, "is_superuser")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """In words that whoever runs a store uses."""
        label, help_text = IN_WORDS.get(db_field.name, (None, None))
        words = {"label": label, "help_text": help_text} if label else {}
        return super().formfield_for_dbfield(db_field, request, **{**words, **kwargs})

    def get_form(  # type: ignore[override]  # as Django's own page of people has it
        self, request: HttpRequest, obj: Any = None, **kwargs: Any
    ) -> Any:
        """The same on a page for reading."""
        helps = {name: help_text for name, (_, help_text) in IN_WORDS.items()}
        return super().get_form(request, obj, **{"help_texts": helps, **kwargs})

    @display(description="roles")
    def roles(self, obj: Any) -> str:
        everything = ["Everything"] if obj.is_superuser else []
        return ", ".join([*everything, *(role_in_words(held) for held in obj.roles_read)]) or "—"

    @display(description="roles")
    def roles_explained(self, _obj: Any) -> SafeString:
        return roles_in_words(ROLES)


def role_in_words(held: Assignment) -> str:
    return f"{held.role.name} in {held.store.name if held.store else 'all stores'}"


@admin.register(Group, site=site)
class RoleAdmin(RoleSignIn, GroupAdmin, KeepsAnAdministrator):
    nothing_yet = (
        "What people may do stands here, role by role; add a role of your own where those of the product do not fit."
    )
    store_path = None
    list_display = ("name", "may", "people")
    search_fields = ("^name",)
    search_help_text = "Name, from its beginning"
    filter_horizontal = ()
    fields = ("name", "may", "permissions", "codes_required")
    readonly_fields = ("may",)

    def get_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What a role of the product may do is said by its sentence, and stays: another mix is a role of one's own."""
        return ("name", "may", "codes_required") if _comes_with_the_product(obj) else self.fields

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "may") if _comes_with_the_product(obj) else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.annotate(people_count=Count("assignments__person", distinct=True))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of a role of one's own only what one may do oneself."""
        fixed = obj is None or _comes_with_the_product(obj)
        return super().has_change_permission(request, obj) and (
            fixed or covers(request.user, codes_of(obj), access.EVERYWHERE)
        )

    def formfield_for_manytomany(  # type: ignore[override]  # the admin always gives the request
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        field: Any = super().formfield_for_manytomany(
            db_field, request, **{"widget": SearchableSelectMultiple(), **kwargs}
        )
        field.widget.attrs["class"] = SearchableSelectMultiple().attrs["class"]  # the theme puts that of a plain one
        field.help_text = "" if request.user.is_superuser else "Only what you may do yourself in all stores."
        field.queryset = field.queryset.filter(pk__in=_givable(request.user))
        field.label_from_instance = permission_in_words
        return field

    @display(description="what it may do")
    def may(self, obj: Any) -> str:
        return what_it_may(obj.name if obj else "") or "A role of your own: what it may do stands on its page."

    @display(description="people")
    def people(self, obj: Any) -> int:
        count: int = obj.people_count
        return count


def _comes_with_the_product(role: Group | None) -> bool:
    return role is not None and role.name in ROLES


def _givable(giver: Any) -> QuerySet[Permission]:
    """The permissions that somebody holds in all stores; of who may do everything, those that a page asks for."""
    if giver.is_superuser:
        with_pages = ContentType.objects.get_for_models(*site._registry).values()  # noqa: SLF001  Django has no other way
        in_roles = _coded({code for codes in ROLES.values() for code in codes})
        return Permission.objects.filter(Q(content_type__in=with_pages) | in_roles)
    return Permission.objects.filter(_coded(code for code, where in access.held_by(giver).items() if where.everywhere))


def _coded(codes: Iterable[str]) -> Q:
    wanted = Q(pk__in=())
    for app, _, codename in (code.partition(".") for code in codes):
        wanted |= Q(content_type__app_label=app, codename=codename)
    return wanted
