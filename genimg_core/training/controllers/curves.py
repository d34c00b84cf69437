"""What controllers held, and the figures that they went by, against the images seen: a picture for the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genimg_core.training.adapt import AdaptParams
from genimg_core.training.controllers.augmentation import CERTAINTY
from genimg_core.training.controllers.kl import NATS
from genimg_core.training.controllers.penalty import ADVERSARIAL

HELD, FOLLOWED = "#1f77b4", "#d95f02"


def draw_controls(path: Path, log: list[dict[str, Any]], adapt: AdaptParams) -> None:
    """A PNG with a panel for each controller that is on; nothing where none is. Equal logs give equal bytes.

    Args:
        path: of the picture.
        log: with at least one line.
        adapt: the controllers.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(adapt, log)
    if not panels:
        return
    figure = Figure(figsize=(6.4, 2.2 * len(panels)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (held, held_told, followed, followed_told, aims) in zip(
            figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0], panels, strict=True):
        _plot(axes, log, held, HELD, held_told)
        axes.grid(alpha=0.3)
        if followed:
            other = axes.twinx() if held else axes
            _plot(other, log, followed, FOLLOWED, followed_told)
            for aim in aims:
                other.axhline(aim, color=FOLLOWED, linestyle=":", linewidth=1)
    axes.set_xlabel("images seen")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.savefig(path, metadata={"Software": None})


def _panels(adapt: AdaptParams, log: list[dict[str, Any]]) -> list[tuple[str, str, str, str, tuple[float, ...]]]:
    """(what is held, in words, what is followed, in words, its aims) of each."""
    panels: list[tuple[str, str, str, str, tuple[float, ...]]] = []
    if adapt.augment:
        panels.append(("adapt.augmentation", "augmentation", CERTAINTY, "D's certainty", (adapt.augment.target,)))
    if adapt.penalty:
        panels.append(("adapt.penalty_factor", "factor on penalties", ADVERSARIAL, "D's loss", ()))
    if adapt.kl:
        panels.append(("adapt.beta_factor", "factor on beta", NATS, "nats carried", (adapt.kl.target,)))
    if adapt.rate:
        followed = "held_out_loss" if any("held_out_loss" in line for line in log) else "kid"
        panels.append(("adapt.rate_factor", "factor on the rate", followed, "held-out loss" if followed != "kid"
                       else "held-out KID", ()))
    if adapt.stop:
        panels.append(("kid", "held-out KID", "nearest_ratio", "nearest ratio", (adapt.stop.least_ratio,)))
    return panels


def _plot(axes: Any, log: list[dict[str, Any]], name: str, colour: str, told: str) -> None:
    lines = [line for line in log if name in line]
    axes.plot([line["seen_images"] for line in lines], [line[name] for line in lines], color=colour,
              marker="." if len(lines) < 40 else None)
    axes.set_ylabel(told, color=colour)
    axes.tick_params(axis="y", labelcolor=colour)
