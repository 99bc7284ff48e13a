"""Cents, and the two ways to round them: the only module that rounds.

Every amount is a `Decimal` of whole cents. Source of both rules: the pricing rules, "All money is Decimal".
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from functools import lru_cache

CENT = Decimal("0.01")
ZERO = Decimal("0.00")

REMEMBERED = 16_384
"""So many amounts are not worked out again: a shop has few prices, and asks for them all the time."""


class NotMoney(ValueError):
    """An amount that is negative, not finite, or not in whole cents."""


def half_up(exact: Decimal) -> Decimal:
    """The amount in whole cents; half a cent goes up."""
    return exact.quantize(CENT, ROUND_HALF_UP)


def round_up(exact: Decimal) -> Decimal:
    """The next whole cent: only for a promotion named per piece, which never gives less than promised."""
    return exact.quantize(CENT, ROUND_UP)


def money(amount: Decimal) -> Decimal:
    """The same amount, written with two decimals.

    Raises NotMoney when it is negative, no finite number, or has a fraction of a cent.
    """
    if not amount.is_finite() or amount < 0:
        raise NotMoney(f"{amount} is no amount of money")
    cents = amount.quantize(CENT)
    if cents != amount:
        raise NotMoney(f"{amount} is not in whole cents")
    return cents


@lru_cache(maxsize=REMEMBERED)
def to_cents(amount: Decimal) -> int:
    """1.25 as 125. Raises NotMoney for a fraction of a cent."""
    return int(money(amount).scaleb(2))


@lru_cache(maxsize=REMEMBERED)
def from_cents(cents: int) -> Decimal:
    """125 as 1.25."""
    return Decimal(cents).scaleb(-2)


def percent_of(prices: Iterable[int], percent: Decimal) -> list[int]:
    """So many percent of each of these prices in cents (zero or above), half-up: `half_up(price x percent / 100)`."""
    above, below = percent.as_integer_ratio()
    below *= 100
    return [(2 * price * above + below) // (2 * below) for price in prices]


def largest_remainder(amount: int, weights: Sequence[int]) -> list[int]:
    """Shares of `amount` (cents) in proportion to `weights`; they always add up to it.

    Each share is floor(amount x weight / total); the cents left over go one each to the largest remainders,
    ties to the larger weight, then to the earlier place. No share exceeds its weight while `amount` does not exceed
    their total. Raises ValueError when there is an amount to share and all weights are zero.
    """
    total = sum(weights)
    if total <= 0:
        if amount:
            raise ValueError("nothing to spread the amount over")
        return [0] * len(weights)
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(amount * weight, total)
        shares.append(share)
        remainders.append(remainder)
    left = amount - sum(shares)
    if left:
        order = sorted(range(len(weights)), key=lambda place: (-remainders[place], -weights[place], place))
        for place in order[:left]:
            shares[place] += 1
    return shares
