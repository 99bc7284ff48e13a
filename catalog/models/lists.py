import uuid
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models


class KeptListQuerySet(models.QuerySet[Any]):
    def waiting(self, owner_id: object, now: datetime) -> Self:
        """Lists of this person that are not applied and have not expired."""
        return self.filter(owner_id=owner_id, expires_at__gt=now)

    def expired(self, now: datetime) -> Self:
        return self.filter(expires_at__lte=now)


class KeptList(models.Model):
    """A list that somebody has uploaded and looks at before it is applied; taken away then, or when it expires.

    It stands in the database because the page that applies it may be served by another process than the one that
    took it in. Only who uploaded it sees it. `packed` are its rows as `catalog.lists.keeping` packs them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField("file", max_length=255)
    packed = models.BinaryField()
    row_count = models.PositiveIntegerField("rows")
    uploaded_at = models.DateTimeField("uploaded")
    expires_at = models.DateTimeField("expires", db_index=True)

    objects = KeptListQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["uploaded_at"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.file_name


class ProductList(KeptList):
    class Meta(KeptList.Meta):
        pass
