"""Money on the wire: text with two decimals, counted here in whole cents."""

import re

MONEY = re.compile(r"-?[0-9]{1,10}\.[0-9]{2}")


def cents(text: str) -> int:
    """Whole cents of a money text; ValueError unless it has exactly two decimals."""
    if MONEY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not an amount with exactly two decimals")
    return int(text.replace(".", ""))


def money_text(amount: int) -> str:
    """Whole cents as text with two decimals."""
    sign = "-" if amount < 0 else ""
    units, rest = divmod(abs(amount), 100)
    return f"{sign}{units}.{rest:02}"
