from typing import TYPE_CHECKING

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from jwo_store.signin.sessions import Session

if TYPE_CHECKING:  # the models of axes have no types

    class Attempt(models.Model):
        username = models.CharField(max_length=255)
        ip_address = models.GenericIPAddressField()

        class Meta:
            abstract = True
else:
    Attempt = AccessAttempt

__all__ = ["CodesRequired", "Letter", "RecoveryCode", "Session", "WrongTry"]


class WrongTry(Attempt):
    """Tries of one login from one browser, as django-axes counts them."""

    class Meta:
        proxy = True
        app_label = "signin"
        verbose_name = "wrong sign-in"
        verbose_name_plural = "wrong sign-ins"
        default_permissions = ("view",)
        permissions = [("forget_wrongtry", "Can let blocked people in again")]

    def __str__(self) -> str:
        return f"{self.username} from {self.ip_address}"


class CodesRequired(models.Model):
    """Who holds this role signs in with a one-time code."""

    role = models.OneToOneField(Group, on_delete=models.CASCADE, primary_key=True, related_name="codes_required")

    def __str__(self) -> str:
        return f"{self.role} needs one-time codes"


class RecoveryCode(models.Model):
    """A code that is good once; only its SHA-256 is kept."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "digest"], name="recovery_code_once_a_person")]

    def __str__(self) -> str:
        return f"a recovery code of {self.person}"


class Letter(models.Model):
    """An e-mail to a person about their own login, sent or to be sent."""

    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    written_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["written_at"], condition=models.Q(sent_at=None), name="letters_to_send")]

    def __str__(self) -> str:
        return f"{self.subject}, to {self.to}"
