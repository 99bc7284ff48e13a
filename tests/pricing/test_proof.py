"""A trace proves the amounts that it states, each of them: one that was changed anywhere proves nothing."""

import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from orders import body
from pricing.priced import PricedCart, PricedLine
from pricing.proof import Unproven, recompute
from tests.pricing.books import Good, fee, holiday, line, percent_off, price, pricebook, promotion

Path = tuple[Any, ...]
TERMS = ("percent", "rate", "threshold", "unit_price_below")
"""Where the proof begins: a term that is a little different may come to the same amounts."""


def everything(**store: Any) -> PricedCart:
    """A cart with deals of several units, a basket offer, a deposit, weight, a holiday and two jurisdictions."""
    return price(
        [line("COLA", "5"), line("CHIPS", "2"), line("NUTS", "0.453", "lb"), line("SHIRT")],
        pricebook(
            Good("COLA", "2.49", tax=("0.04", "0.04875"), fees=(fee(taxed=True),)),
            Good("CHIPS", "3.29", tax=("0.04", "0.04875")),
            Good("NUTS", "8.99", "lb", tax=("0.01",)),
            Good("SHIRT", "19.00", tax=("0.04",), category="CLOTHES", listed=False),
            promotions=[
                promotion("TWO-ONE", "BUY_X_GET_Y", ["COLA"], counts=(2, 1), percent="50"),
                promotion("PAIR", "BUNDLE", ["COLA"], ["CHIPS"], counts=(1, 1), amount="5.00"),
                percent_off("TENTH", "10", "NUTS", "SHIRT"),
                promotion("FIVER", "SPEND_GET", ["COLA", "CHIPS", "NUTS"], threshold="10.00", amount="1.00"),
            ],
            holidays=[holiday("100.00", categories=["CLOTHES"])],
            **store,
        ),
    )


def as_kept(priced: PricedCart) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(body.to_json(priced.trace))
    return kept


def amounts(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where in the trace an amount of money or a quantity stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in TERMS:
                yield from amounts(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from amounts(inner, (*path, number))
    elif isinstance(value, str):
        try:
            Decimal(value)
        except InvalidOperation:
            return
        yield path


def told(trace: dict[str, Any]) -> tuple[PricedLine, ...] | str:
    try:
        return recompute(trace)
    except Unproven as error:
        return str(error)


def test_the_cart_has_it_all() -> None:
    trace = everything().trace
    assert [one["promotion"] for one in trace["applications"]] == ["PAIR", "TENTH", "TENTH", "TWO-ONE"]
    assert trace["basket"]["promotion"] == "FIVER"
    assert [bool(one["tax"]["holiday"]) for one in trace["lines"]] == [False, False, False, True]


@pytest.mark.parametrize("store", [{}, {"taxed_by_order": True}], ids=["by line", "by order"])
def test_each_amount_is_held_against_the_rest(store: dict[str, Any]) -> None:
    priced = everything(**store)
    trace = as_kept(priced)
    assert recompute(trace) == priced.lines
    parts = {name: trace[name] for name in ("lines", "applications", "basket")}
    paths = list(amounts(parts))
    assert len(paths) > 40
    believed = []
    for path in paths:
        changed = deepcopy(trace)
        place: Any = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = str(Decimal(place[path[-1]]) + Decimal("0.01"))
        if told(changed) == priced.lines:
            believed.append(path)
    assert believed == []


def test_the_place_is_named() -> None:
    trace = as_kept(everything())
    trace["applications"][0]["units"][0]["saving"] = "9.99"
    assert str(told(trace)).startswith("applications[0].units[0].saving: 9.99 does not follow from the rest, ")
    trace = as_kept(everything())
    trace["lines"][0]["tax"]["parts"][1]["amount"] = "9.99"
    assert str(told(trace)).startswith("lines[0].tax.parts[1].amount: 9.99 does not follow from the rest, ")
