from base64 import b32encode
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from jwo_store.admin_site import PasswordSignInForm, PasswordWidget, TextWidget
from jwo_store.signin import codes


class PasswordForm(PasswordSignInForm):
    """The first step. Whatever is wrong reads the same, and counts the same."""

    error_messages = {
        "invalid_login": "This login and password don't belong together. Mind capital letters, then try again.",
        "inactive": "This login and password don't belong together. Mind capital letters, then try again.",
    }

    def confirm_login_allowed(self, user: User) -> None:
        """The password is right, but this person may not come in: that is a wrong try, too."""
        try:
            super().confirm_login_allowed(user)
        except ValidationError:
            tried: dict[str, Any] = {"username": user.get_username()}
            user_login_failed.send(sender=__name__, credentials=tried, request=self.request)
            raise self.get_invalid_login_error() from None


class CodeForm(forms.Form):
    """A code of the app, or a recovery code: which of them is seen by its length."""

    code = forms.CharField(
        max_length=40,
        widget=TextWidget(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
        help_text="6 digits from the app on your phone. No phone at hand? A recovery code does as well.",
    )

    def __init__(self, person: User, data: Any = None) -> None:
        super().__init__(data)
        self.person = person
        self.device: Any = None
        self.was_recovery_code = False

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.device = codes.verify(self.person, code, timezone.now())
        except codes.CodesRefused as refused:
            raise ValidationError(str(refused)) from None
        self.was_recovery_code = codes.is_recovery_code(code)
        return code


class SetUpForm(forms.Form):
    """Shows a secret to the app, and asks for what the app makes of it."""

    code = forms.CharField(
        max_length=20,
        widget=TextWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        help_text="The 6 digits that the app shows now.",
    )

    def __init__(self, person: User, secret: str, data: Any = None) -> None:
        super().__init__(data)
        self.person, self.secret = person, secret
        self.done: codes.SetUp

    @property
    def link(self) -> str:
        link: str = codes.unsaved_device(self.person, self.secret).config_url
        return link

    @property
    def secret_in_groups(self) -> str:
        """For typing, where no camera is."""
        text = b32encode(bytes.fromhex(self.secret)).decode()
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.done = codes.set_up(self.person, self.secret, code)
        except codes.CodesRefused as refused:
            raise ValidationError(str(refused)) from None
        return code


class OwnPasswordForm(forms.Form):
    """Asked before one's own codes are changed: an open screen alone is not enough."""

    password = forms.CharField(widget=PasswordWidget(attrs={"autocomplete": "current-password"}))

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data)
        self.request = request

    def clean_password(self) -> str:
        """Counted like a try at the door."""
        password: str = self.cleaned_data["password"]
        login = self.request.user.get_username()
        if authenticate(self.request, username=login, password=password) is None:
            raise ValidationError("That is not your password.")
        return password
