from decimal import Decimal

import pytest

from pricing.money import NotMoney, from_cents, half_up, largest_remainder, money, round_up, to_cents


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ("0", "0.00"),
        ("7", "7.00"),
        ("0.004999999999999999", "0.00"),
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("1.244999", "1.24"),
        ("1.245", "1.25"),
        ("2.675", "2.68"),
        ("9.994", "9.99"),
        ("9.995", "10.00"),
        ("999999999.994999", "999999999.99"),
    ],
)
def test_half_a_cent_goes_up(exact: str, rounded: str) -> None:
    assert str(half_up(Decimal(exact))) == rounded


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("0", "0.00"), ("0.3", "0.30"), ("0.3300000001", "0.34"), ("0.339", "0.34"), ("1.001", "1.01")],
)
def test_rounding_up_leaves_no_part_of_a_cent_out(exact: str, rounded: str) -> None:
    assert str(round_up(Decimal(exact))) == rounded


@pytest.mark.parametrize(
    ("amount", "written"), [("0", "0.00"), ("2.5", "2.50"), ("2.500", "2.50"), ("1E+2", "100.00"), ("0.01", "0.01")]
)
def test_money_is_written_with_two_decimals(amount: str, written: str) -> None:
    assert str(money(Decimal(amount))) == written


@pytest.mark.parametrize("amount", ["-0.01", "-1", "0.001", "2.505", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_of_whole_cents_is_no_money(amount: str) -> None:
    with pytest.raises(NotMoney):
        money(Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "cents"), [("0.00", 0), ("0.01", 1), ("1.25", 125), ("3", 300), ("12345.67", 1234567)]
)
def test_amounts_and_cents_turn_into_each_other(amount: str, cents: int) -> None:
    assert to_cents(Decimal(amount)) == cents
    assert str(from_cents(cents)) == str(money(Decimal(amount)))


def test_a_fraction_of_a_cent_has_no_cents() -> None:
    with pytest.raises(NotMoney):
        to_cents(Decimal("1.255"))


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        pytest.param(0, [3, 2], [0, 0], id="nothing to share"),
        pytest.param(0, [], [], id="nothing among nobody"),
        pytest.param(0, [0, 0], [0, 0], id="nothing over nothing"),
        pytest.param(100, [1, 1], [50, 50], id="no cent is left over"),
        pytest.param(100, [1, 1, 1], [34, 33, 33], id="equal in all: the earlier place"),
        pytest.param(101, [1, 1, 1], [34, 34, 33], id="two cents left over"),
        pytest.param(2, [1, 3], [0, 2], id="equal remainders of a half: the larger weight"),
        pytest.param(2, [3, 1], [2, 0], id="the larger weight wherever it stands"),
        pytest.param(1, [2, 3, 3], [0, 1, 0], id="the largest remainder, then the earlier place"),
        pytest.param(10, [1, 2, 4], [1, 3, 6], id="the two largest of three remainders"),
        pytest.param(150, [199, 299, 399], [33, 50, 67], id="a saving over three prices"),
        pytest.param(5, [0, 5, 0], [0, 5, 0], id="nothing for a weight of nothing"),
        pytest.param(897, [199, 299, 399], [199, 299, 399], id="all that there is"),
    ],
)
def test_the_largest_remainders_get_the_cents_left_over(amount: int, weights: list[int], shares: list[int]) -> None:
    assert largest_remainder(amount, weights) == shares


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_an_amount_is_not_spread_over_nothing(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="nothing to spread"):
        largest_remainder(1, weights)
