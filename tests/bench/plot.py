"""Curves as a small SVG picture: both axes logarithmic, readable on a light and on a dark page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 64, 48, 16, 170
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626")
INK = "#6b7280"


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    points: Sequence[tuple[float, float]]
    """Both above zero."""


def curve(series: Sequence[Series], across: str, up: str) -> str:
    xs, ys = zip(*(point for one in series for point in one.points), strict=True)
    x_span, y_span = _decades(xs), _decades(ys)

    def x(value: float) -> float:
        return LEFT + (log10(value) - x_span[0]) / (x_span[1] - x_span[0]) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (log10(value) - y_span[0]) / (y_span[1] - y_span[0]) * (HEIGHT - BOTTOM - TOP)

    def drawn() -> Iterator[str]:
        for decade in range(x_span[0], x_span[1] + 1):
            at = x(10**decade)
            yield f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{INK}" stroke-opacity=".25"/>'
            yield _text(at, HEIGHT - BOTTOM + 18, f"{10**decade:,}", "middle")
        for decade in range(y_span[0], y_span[1] + 1):
            at = y(10.0**decade)
            yield f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity=".25"/>'
            yield _text(LEFT - 8, at + 4, f"{10.0**decade:g}", "end")
        for colour, one in zip(COLOURS, series, strict=False):
            path = " ".join(f"{x(right):.1f},{y(high):.1f}" for right, high in one.points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for right, high in one.points:
                yield f'<circle cx="{x(right):.1f}" cy="{y(high):.1f}" r="3.5" fill="{colour}"/>'
            last = one.points[-1]
            yield _text(x(last[0]) + 9, y(last[1]) + 4, one.name, "start", colour)
        yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across, "middle")
        yield _text(LEFT, TOP - 4, up, "start")

    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join((head, *drawn(), "</svg>", ""))


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def _text(x: float, y: float, text: str, anchor: str, colour: str = INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
