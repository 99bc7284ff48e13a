"""The way back for a barcode: it may be on another product by now."""

from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.barcodes import stored_key
from catalog.models import Barcode
from jwo_store.setting_back import CannotGoBack, Made, PlainWay, Step, in_words, note
from jwo_store.telling import Kind, State, state_of


class BarcodeWay(PlainWay):
    def __init__(self) -> None:
        super().__init__("code", "type")

    def plan(self, kind: Kind, state: State, _now: datetime) -> Step:
        same = Barcode.objects.filter(lookup_key=stored_key(state["code"], state["type"]))
        other = same.exclude(pk=state["id"]).select_related("product").first()
        if other is not None:
            raise CannotGoBack(f"The code {state['code']} is on {other.product} by now. Take it away there first.")
        row = Barcode.objects.filter(pk=state["id"]).first()
        before = state_of(kind, row) if row is not None else None
        return Step(row, before, {**(before or state), "code": state["code"], "type": state["type"]})

    def go(self, kind: Kind, step: Step, made: Made) -> Any:
        if step.row is not None:
            return super().go(kind, step, made)
        product = step.after["product"]
        row = Barcode(pk=step.after["id"], product_id=product, code=step.after["code"], type=step.after["type"])
        last = Barcode.objects.filter(product_id=product).order_by("-position").first()
        row.position = last.position + 1 if last is not None else 0
        with transaction.atomic(), in_words():
            note(row, made)
            row.full_clean()
            row.save(force_insert=True)
        return row
