"""Drawings of a day by hour beside the same day of last week, as shapes for an SVG. Plain Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 132
TOP, BOTTOM = 18, 112
SLOT = WIDTH / 24
MARKED_HOURS = (0, 6, 12, 18)


@dataclass(frozen=True, slots=True)
class Bar:
    x: str
    y: str
    width: str
    height: str
    words: str
    """What a pointer that rests on it reads."""


@dataclass(frozen=True, slots=True)
class Mark:
    x: str
    words: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """Bars of today before broader, paler ones of the other day; both on one scale."""

    title: str
    summary: str
    """The same in words, for those who do not see it."""
    top: str
    """What the upper edge of the drawing means."""
    today: tuple[Bar, ...]
    then: tuple[Bar, ...]

    @property
    def marks(self) -> list[Mark]:
        return [Mark(_number(hour * SLOT), f"{hour}:00") for hour in MARKED_HOURS]


Values = Sequence[tuple[float | None, str]]
"""For each hour what is drawn, or None for nothing, and how it is said."""


def day_chart(title: str, summary: str, *, today: Values, then: Values, top: tuple[float, str]) -> DayChart:
    """`top` is the highest value that there is, and how it is said."""
    return DayChart(
        title=title,
        summary=summary,
        top=top[1],
        today=tuple(_bars(today, top[0], inset=3.5, word="today")),
        then=tuple(_bars(then, top[0], inset=0.75, word="last week")),
    )


def _bars(values: Values, top: float, *, inset: float, word: str) -> Iterator[Bar]:
    for hour, (value, said) in enumerate(values):
        if value is None:
            continue
        height = (BOTTOM - TOP) * min(1.0, value / top) if top else 0
        yield Bar(
            x=_number(hour * SLOT + inset),
            y=_number(BOTTOM - height),
            width=_number(SLOT - 2 * inset),
            height=_number(height),
            words=f"{hour}:00 {word}: {said}",
        )


def _number(value: float) -> str:
    return f"{value:.1f}"
