"""What the pages of people and roles show and do about signing in; mixed into them."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from jwo_store.admin_site import ModelForm, SwitchWidget, ask, counted, display, grave, is_confirmed
from jwo_store.signin import codes, sessions
from jwo_store.signin.letters import write
from jwo_store.signin.models import CodesRequired
from jwo_store.signin.throttle import let_in_again

if TYPE_CHECKING:
    from jwo_store.admin_site import BackOfficeAdmin, UserAdmin

    class PersonPage(UserAdmin, BackOfficeAdmin):
        pass

    class RolePage(BackOfficeAdmin):
        pass
else:
    PersonPage = RolePage = object


def _theirs(page: Any, request: HttpRequest, people: QuerySet[User]) -> list[User]:
    """Nobody has a say over those who may do more: see the page's own rule."""
    return [person for person in people if page.has_change_permission(request, person)]


@grave
@admin.action(description="Reset one-time codes", permissions=["change"])
def reset_codes(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
    people = _theirs(model_admin, request, queryset)
    if not is_confirmed(request):
        return ask(
            request,
            people,
            action="reset_codes",
            title="Reset one-time codes?",
            text="Do this when the phone is lost. Make sure that you are really talking to that person. They are "
            "signed out, and set up codes again at their next sign-in if their role asks for them.",
            button="Reset",
        )
    for person in people:
        codes.turn_off(person, by=request.user.get_username())
        sessions.end(person)
        model_admin.log_change(request, person, "Reset the one-time codes.")
    messages.success(request, f"Codes of {counted(len(people), 'person', 'people')} reset.")
    return None


@grave
@admin.action(description="Sign out everywhere", permissions=["change"])
def sign_out(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    people = _theirs(model_admin, request, queryset)
    for person in people:
        sessions.end(person)
        model_admin.log_change(request, person, "Signed out everywhere.")
    messages.success(request, f"{counted(len(people), 'person', 'people')} signed out everywhere.")


@admin.action(description="Let in again after wrong passwords", permissions=["change"])
def let_in(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    people = _theirs(model_admin, request, queryset)
    tries = let_in_again(Q(username__in=[person.get_username() for person in people]))
    for person in people:
        model_admin.log_change(request, person, "Let in again after wrong passwords.")
    messages.success(request, f"{counted(tries, 'wrong try', 'wrong tries')} forgotten.")


class PersonSignIn(PersonPage):
    """For the page of a person: how they sign in, where they are signed in, and three buttons."""

    actions = (reset_codes, sign_out, let_in)
    buttons = ("reset_codes", "sign_out", "let_in")
    SIGN_IN = ("How they sign in", {"fields": ("one_time_codes", "signed_in", "last_login")})
    SHOWN = ("one_time_codes", "signed_in", "last_login")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else [*fieldsets, self.SIGN_IN]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *self.SHOWN)

    @display(description="one-time codes")
    def one_time_codes(self, obj: User) -> str:
        if not codes.are_on():
            return "Not asked for here"
        if codes.has_codes(obj):
            return f"On; {counted(codes.recovery_codes_left(obj), 'recovery code')} left"
        return "To be set up at the next sign-in" if codes.must_have(obj) else "Off"

    @display(description="signed in")
    def signed_in(self, obj: User) -> str:
        places = sessions.of(obj, timezone.now()).count()
        return f"In {counted(places, 'place')} now" if places else "Not now"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        super().save_model(request, obj, form, change)
        if change and not obj.is_active:
            sessions.end(obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """A new password ends what was open with the old one."""
        answer: HttpResponse = super().user_change_password(request, id, form_url)  # type: ignore[misc]
        if request.method == "POST" and answer.status_code == HttpResponseRedirect.status_code:
            person = User.objects.get(pk=id)
            sessions.end(person, but=request.session.session_key)
            write(person, "Your password was changed", f"{request.user.get_username()} gave your login a new password.")
        return answer


class RoleForm(ModelForm):
    codes_required = forms.BooleanField(
        label="Signs in with a one-time code",
        required=False,
        widget=SwitchWidget,
        help_text="Besides the password, a code from an app on the phone. People set it up at their next sign-in.",
    )

    class Meta:
        model = Group
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = CodesRequired.objects.filter(role_id=self.instance.pk).exists()
        if "codes_required" in self.fields:
            self.fields["codes_required"].initial = asked


class RoleSignIn(RolePage):
    """For the page of a role: whether it asks for one-time codes."""

    form = RoleForm

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("codes_required"):
            CodesRequired.objects.get_or_create(role=obj)
        else:
            CodesRequired.objects.filter(role=obj).delete()
