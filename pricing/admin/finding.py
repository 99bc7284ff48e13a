"""Promotions for the window that finds anything by typing."""

from collections.abc import Iterator

from django.db.models import F, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from jwo_store import palette
from jwo_store.admin_site import site
from jwo_store.palette import Found
from pricing.models import Promotion
from pricing.promotions import state_of

READ = 50


def promotions(request: HttpRequest, text: str) -> Iterator[Found]:
    """By code or name; of each code the version that holds or comes, or else the last one. One query."""
    if not request.user.has_perm("pricing.view_promotion"):
        return
    rows = site.rows_seen(request, Promotion).filter(Q(code__istartswith=text) | Q(name__words=text))
    now, told = timezone.now(), set[str]()
    for promotion in rows.select_related("stop").order_by("code", F("starts_at").desc(nulls_last=True))[:READ]:
        if promotion.code not in told:
            told.add(promotion.code)
            page = reverse("admin:pricing_promotion_change", args=[promotion.pk])
            yield Found(
                promotion.name, f"Promotion {promotion.code}, {state_of(promotion, now).label.lower()}", page, "redeem"
            )


palette.register(promotions, rank=1)
