"""Places on the axis."""

from __future__ import annotations

import pytest

from genimg_core.reports.dotplot import LABELS_PX, PLOT_PX, Row, dot_plot


def test_a_larger_value_lies_further_right_in_proportion() -> None:
    plot = dot_plot("t", [Row("a", 0.0), Row("b", 1.0, 0.5, 2.0)])
    a, b = plot.rows
    assert LABELS_PX < a.x < b.x_low < b.x < b.x_high < LABELS_PX + PLOT_PX
    assert b.x_high - a.x == pytest.approx(2 * (b.x - a.x), abs=0.5)


def test_ticks_are_round_and_on_the_axis() -> None:
    plot = dot_plot("t", [Row("a", -0.0051), Row("b", 0.0132)])
    assert all(LABELS_PX <= x <= LABELS_PX + PLOT_PX for x, _ in plot.ticks)
    assert {"0", "0.0050", "0.0100"} <= {text for _, text in plot.ticks}


def test_one_value_alone_has_a_plot() -> None:
    assert dot_plot("t", [Row("a", 0.3)]).rows[0].x == pytest.approx(LABELS_PX + PLOT_PX / 2, abs=1)
