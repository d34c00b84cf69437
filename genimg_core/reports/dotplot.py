"""The geometry of a dot plot with intervals. The page draws it as SVG, so that it follows the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LABELS_PX, PLOT_PX, RIGHT_PX, ROW_PX, TOP_PX, AXIS_PX = 150, 460, 90, 30, 8, 26
MARGIN = 0.06
"""Of the span, left free on both sides."""
TICKS = 5


@dataclass(frozen=True)
class Row:
    """A line of the plot."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "model"
    """A CSS class: `model`, `floor` or `baseline`."""


@dataclass(frozen=True)
class PlacedRow:
    """A Row in pixels."""

    label: str
    text: str
    kind: str
    x: float
    x_low: float
    x_high: float
    y: float


@dataclass(frozen=True)
class DotPlot:
    """Everything placed, in pixels from the top left."""

    title: str
    rows: tuple[PlacedRow, ...]
    ticks: tuple[tuple[float, str], ...]
    left: float
    right: float
    width: float
    height: float


def dot_plot(title: str, rows: Sequence[Row]) -> DotPlot:
    """Place the rows over a common linear axis.

    Args:
        title: what is plotted.
        rows: at least one; finite figures.
    """
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or max(abs(high), 1e-9)
    low, high = low - MARGIN * span, high + MARGIN * span

    def place(value: float) -> float:
        return round(LABELS_PX + PLOT_PX * (value - low) / (high - low), 1)

    placed = tuple(
        PlacedRow(row.label, _told(row.value), row.kind, place(row.value), place(_or(row.low, row.value)),
                  place(_or(row.high, row.value)), TOP_PX + ROW_PX * (index + 0.5))
        for index, row in enumerate(rows))
    ticks = tuple((place(value), _told(value)) for value in _round_values(low, high))
    return DotPlot(title, placed, ticks, LABELS_PX, LABELS_PX + PLOT_PX, LABELS_PX + PLOT_PX + RIGHT_PX,
                   TOP_PX + ROW_PX * len(rows) + AXIS_PX)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _round_values(low: float, high: float) -> list[float]:
    """About TICKS multiples of 1, 2 or 5 times a power of ten."""
    from math import ceil, floor, log10

    rough = (high - low) / TICKS
    power = 10 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(k * step, 12) for k in range(ceil(low / step), floor(high / step) + 1)]


def _told(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}" if abs(value) >= 0.1 else f"{value:.4f}"
