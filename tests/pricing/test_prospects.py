"""Promotions that need no deal: what is left out changes nothing."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from pricing.deals import Maker, best_deals
from pricing.offers import _deals_with_prospects, as_deal, units_of
from pricing.priced import Unpriced
from pricing.prospects import Prospects, unsurpassed
from pricing.resolve import Line, Places, resolve
from pricing.terms import PromotionTerms
from tests.pricing.books import (
    NOON,
    Good,
    amount_off,
    cart,
    fixed_price,
    line,
    percent_off,
    pricebook,
    promotion,
)

COLA, CHIPS, NUTS = Good("COLA", "2.00"), Good("CHIPS", "3.00"), Good("NUTS", "4.00", "lb")
LINES = (line("COLA", "3"), line("CHIPS"), line("NUTS", "1.5", "lb"))


def resolved(*sent: Any, goods: tuple[Good, ...] = (COLA, CHIPS, NUTS)) -> list[Line]:
    lines = resolve(cart(*sent), pricebook(*goods), now=NOON)
    assert not isinstance(lines, Unpriced)
    return lines


@pytest.mark.parametrize(
    ("singles", "left"),
    [
        pytest.param([percent_off("A", "10", "COLA"), percent_off("B", "10", "COLA")], "A", id="the same again"),
        pytest.param([percent_off("A", "10", "COLA"), percent_off("B", "5", "COLA")], "A", id="less"),
        pytest.param([percent_off("A", "10", "COLA"), percent_off("B", "20", "COLA")], "AB", id="more"),
        pytest.param([percent_off("A", "10", "COLA"), percent_off("B", "5", "CHIPS")], "AB", id="on other products"),
        pytest.param([percent_off("A", "10", "COLA"), amount_off("B", "0.01", "COLA")], "AB", id="of another kind"),
        pytest.param([amount_off("A", "0.50", "COLA"), amount_off("B", "0.40", "COLA")], "A", id="a smaller amount"),
        pytest.param([fixed_price("A", "1.50", "COLA"), fixed_price("B", "1.60", "COLA")], "A", id="a higher price"),
        pytest.param([fixed_price("A", "1.50", "COLA"), fixed_price("B", "1.40", "COLA")], "AB", id="a lower price"),
    ],
)
def test_of_singles_on_the_same_products_the_first_to_save_so_much_stays(
    singles: list[PromotionTerms], left: str
) -> None:
    assert "".join(terms.code for terms in unsurpassed(singles)) == left


def multi_buy(count: int, amount: str, *skus: str) -> PromotionTerms:
    return promotion("M", "MULTI_BUY", skus, counts=(count,), amount=Decimal(amount))


def bundle(amount: str, *roles: str) -> PromotionTerms:
    return promotion("M", "BUNDLE", *[[sku] for sku in roles], counts=(1,) * len(roles), amount=Decimal(amount))


def buy_and_get(percent: str, *roles: str) -> PromotionTerms:
    return promotion("M", "BUY_X_GET_Y", *[[sku] for sku in roles], counts=(2, 1), percent=Decimal(percent))


@pytest.mark.parametrize(
    ("terms", "alone", "beside"),
    [
        pytest.param(multi_buy(2, "3.01", "COLA"), True, False, id="two at more than they cost with the discount"),
        pytest.param(multi_buy(2, "3.00", "COLA"), True, True, id="two at just that"),
        pytest.param(multi_buy(2, "4.01", "COLA"), False, False, id="two at more than they cost"),
        pytest.param(multi_buy(2, "5.00", "COLA", "CHIPS"), True, True, id="two of the dearest"),
        pytest.param(bundle("4.60", "COLA", "CHIPS"), True, False, id="a bundle"),
        pytest.param(bundle("4.50", "COLA", "CHIPS"), True, True, id="a bundle that is cheaper"),
        pytest.param(bundle("0.01", "NUTS", "COLA"), False, False, id="a bundle with weighed goods"),
        pytest.param(buy_and_get("50", "COLA"), True, False, id="the third at half the price"),
        pytest.param(buy_and_get("100", "COLA"), True, True, id="the third for nothing"),
        pytest.param(buy_and_get("33", "COLA", "CHIPS"), True, False, id="another product cheaper"),
        pytest.param(buy_and_get("34", "COLA", "CHIPS"), True, True, id="another product cheaper by enough"),
        pytest.param(buy_and_get("100", "COLA", "GONE"), False, False, id="nothing to get"),
        pytest.param(percent_off("M", "1", "COLA", max_uses=1), True, True, id="a single one is always looked at"),
    ],
)
def test_a_promotion_has_prospects_where_its_units_could_bring_more_than_singles_save(
    terms: PromotionTerms, *, alone: bool, beside: bool
) -> None:
    """Beside 25 % on cola, which is 0.50 a piece."""
    lines = resolved(*LINES)
    units, places = [units_of(one) for one in lines], Places(lines)
    quarter = as_deal(percent_off("Q", "25", "COLA"), Maker(units), places)
    assert Prospects(units, places, []).has(terms) is alone
    assert Prospects(units, places, [quarter]).has(terms) is beside


def any_promotion(rng: Random, number: int, skus: list[str]) -> PromotionTerms:
    def some() -> list[str]:
        return rng.sample(skus, rng.randint(1, 3))

    code, limit = f"D{number:02}", rng.choice([None, None, None, 1, 2])
    cents, percent = Decimal(rng.randrange(1, 900)).scaleb(-2), Decimal(rng.choice(["5", "10", "33.3333", "50", "100"]))
    match rng.choice(["PERCENT_OFF", "AMOUNT_OFF", "FIXED_PRICE", "BUY_X_GET_Y", "MULTI_BUY", "BUNDLE"]):
        case "PERCENT_OFF":
            return promotion(code, "PERCENT_OFF", some(), percent=percent, max_uses=limit)
        case "BUY_X_GET_Y":
            roles = [some() for _ in range(rng.randint(1, 2))]
            counts = rng.randint(1, 2), rng.randint(1, 2)
            return promotion(code, "BUY_X_GET_Y", *roles, counts=counts, percent=percent, max_uses=limit)
        case "MULTI_BUY":
            return promotion(code, "MULTI_BUY", some(), counts=(rng.randint(2, 3),), amount=2 * cents, max_uses=limit)
        case "BUNDLE":
            return promotion(code, "BUNDLE", some(), some(), counts=(1, 1), amount=2 * cents, max_uses=limit)
        case single:
            return promotion(code, single, some(), amount=cents, max_uses=limit)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_left_out_changes_nothing(seed: int) -> None:
    rng = Random(seed)  # noqa: S311  the same carts every time
    goods = [Good(f"S{place}", f"{rng.randrange(1, 900) / 100:.2f}", rng.choice(["", "", "lb"])) for place in range(6)]
    sent = [line(one.sku, str(rng.randint(1, 4)), one.weight_unit or "unit") for one in rng.sample(goods, 4)]
    lines = resolved(*sent, goods=tuple(goods))
    units, places = [units_of(one) for one in lines], Places(lines)
    zone = [any_promotion(rng, number, [one.product.sku for one in lines]) for number in range(rng.randint(1, 30))]
    made = _deals_with_prospects(zone, units, places)
    every = [as_deal(terms, Maker(units), places) for terms in zone]
    assert len(made) <= len(every)
    assert best_deals(units, made) == best_deals(units, every)
