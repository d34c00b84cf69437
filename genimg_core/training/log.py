"""The training log on disk, and its curve as a picture. By images seen; no times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LogLine = dict[str, float | int]
"""`seen_images`, `learning_rate`, `loss` (of the player that makes the images), and `<player>/<part>` for each loss;
`<player>.gradient_norm`, the greatest since the line before; `variety` and `coverage` where samples were looked at."""


def write_log(path: Path, log: list[LogLine]) -> None:
    """One JSON object per line."""
    path.write_text("".join(json.dumps(line, sort_keys=True, allow_nan=False) + "\n" for line in log), encoding="utf8")


def write_events(path: Path, events: list[dict[str, Any]]) -> None:
    """What the health watch found and did: one JSON object per line, none in a run that was well throughout."""
    path.write_text("".join(json.dumps(event, sort_keys=True, allow_nan=False) + "\n" for event in events),
                    encoding="utf8")


def draw_losses(path: Path, log: list[LogLine]) -> None:
    """A PNG of every loss against the images seen; equal logs give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    parts = sorted(key for key in log[-1] if "/" in key)
    figure = Figure(figsize=(6.4, 3.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for part in parts:
        lines = [line for line in log if part in line]  # a penalty may have come in on the way
        axes.plot([line["seen_images"] for line in lines], [line[part] for line in lines],
                  marker="." if len(log) < 40 else None, label=part.replace("/", ": "))
    axes.set_xlabel("images seen")
    axes.set_ylabel("loss (mean since the last point)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Software": None})
