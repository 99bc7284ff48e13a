"""The way back for what is dated: what is in force is ended and succeeded by what an earlier record says."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.models import Product, Retirement, Store
from jwo_store.setting_back import CannotGoBack, Made, Step, in_words
from jwo_store.telling import Kind, Names, State, state_of
from jwo_store.words import on_clock
from pricing.acts import RowAct
from pricing.four_eyes import submit
from pricing.models import Funding, TaxAssignment, TaxCategory
from pricing.proposed import ProposedAct


class DatedWay:
    """Back to the terms of an earlier record, by `Dated.revise`, or by a new row where nothing holds any more."""

    may_overlap = False
    """Whether one version may hold beyond the start of the next."""

    def plan(self, kind: Kind, state: State, now: datetime) -> Step:
        self.check(state)
        versions: Any = kind.model._default_manager.filter(**_scope(kind, state))  # noqa: SLF001
        row = _to_revise(versions, state, now)
        start = row.starts_at if row is not None else now
        end = _end(row, state, now, kind)
        follows = None if self.may_overlap else _follows(versions, row, now)
        if follows is not None:
            end = follows if end is None else min(end, follows)
        before = state_of(kind, row) if row is not None else None
        kept = {"id": before["id"]} if before is not None else {}
        return Step(row, before, {**state, **kept, "starts_at": start, "ends_at": end})

    def check(self, state: State) -> None:
        """Raises CannotGoBack when what the state speaks of is no longer sold, or may not be so any more."""
        if state["starts_at"] is None:
            raise CannotGoBack("This was a draft, and a draft is changed on its own page.")
        if "product" in state:
            refuse_retired([state["product"]])
        if state.get("funding") == Funding.VENDOR:
            _refuse_vendor(state)

    def go(self, kind: Kind, step: Step, made: Made) -> Any:
        model = kind.model._meta.model_name or ""
        if step.before is None:
            act = RowAct(ProposedAct.ADD, model, None, step.after)
        else:
            act = RowAct(ProposedAct.CHANGE, model, step.before, step.after)
        with in_words():
            return submit(act, made).done


def _scope(kind: Kind, state: State) -> dict[str, Any]:
    """What the versions have in common; a column without a value is asked for as such."""
    return {column: state[column.removesuffix("_id")] for column in kind.versions}


def _to_revise(versions: Any, state: State, now: datetime) -> Any:
    """The row itself while it is yet to start, else what is in force."""
    own = versions.filter(pk=state["id"], starts_at__gt=now).first()
    return own or versions.in_force(now).order_by("-starts_at").first()


def _end(row: Any, state: State, now: datetime, kind: Kind) -> datetime | None:
    """Its own end, if that lies ahead; else that of what holds now."""
    end: datetime | None = state["ends_at"]
    if end is not None and end <= now:
        if row is None:
            until = on_clock(end, kind.zone(state, Names(kind.mentions(state))))
            raise CannotGoBack(f"It held until {until}, which is past. Add a new one with an end that lies ahead.")
        end = row.ends_at
    return end


def _follows(versions: Any, row: Any, now: datetime) -> datetime | None:
    """When the next version starts, if one is planned."""
    later = versions.filter(starts_at__gt=row.starts_at if row is not None else now)
    start: datetime | None = later.order_by("starts_at").values_list("starts_at", flat=True).first()
    return start


def refuse_retired(skus: Iterable[str]) -> None:
    retired = Retirement.objects.filter(product__in=skus).select_related("product").first()
    if retired is not None:
        raise CannotGoBack(f"{retired.product} is retired. Return it to sale first.")


def _refuse_vendor(state: State) -> None:
    stores = Store.objects.all() if state["all_stores"] else Store.objects.filter(pk__in=state["stores"])
    taxed = [store.name for store in stores if store.prices_include_tax]
    if taxed:
        raise CannotGoBack(f"Prices include tax in {', '.join(taxed)} by now; only the store itself can pay there.")


class AssignmentWay(DatedWay):
    """A product's tax category is assigned anew, from now on."""

    def plan(self, kind: Kind, state: State, now: datetime) -> Step:
        step = super().plan(kind, state, now)
        dates = {"starts_at": now, "ends_at": None} if step.before is None else _dates(step.before)
        return replace(step, after={**step.after, **dates})

    def go(self, _kind: Kind, step: Step, made: Made) -> Any:
        with transaction.atomic(), in_words():
            product = Product.objects.get(pk=step.after["product"])
            category = TaxCategory.objects.get(pk=step.after["tax_category"])
            return TaxAssignment.assign(product, category, now=made.now, by=made.by, reason=made.reason)


def _dates(state: State) -> dict[str, Any]:
    return {name: state[name] for name in ("starts_at", "ends_at")}


class PriceWay(DatedWay):
    may_overlap = True
