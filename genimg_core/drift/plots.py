"""Drift as pictures: the figures of both versions over each other, class shares, and the images that came and went."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genimg_core.drift.comparison import Comparison, kept_figures
from genimg_core.reports.pictures import contact_sheet, even_strides, save_png
from genimg_core.terminal import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from genimg_core.drift.shifts import ShareShift
    from genimg_core.drift.versions import DatasetVersion

COLUMNS = 4
HISTOGRAM_BINS = 40
MOST_GROUPS = 30
SHOWN = 64
LONGEST_NAME = 28
LONG_TAILED = ("sharpness", "bytes")
"""Figures over several powers of ten: their axis is logarithmic."""
WAS, NOW = "#9aa3ad", "#2f5bd3"


def draw_figures(path: Path, found: Comparison) -> None:
    """A histogram of every figure, the earlier version filled and the present one as a line; shares of the images."""
    shown = [shift for shift in found.shifts if shift.was and shift.now]
    if not shown:
        return
    before, after = kept_figures(found.was.table), kept_figures(found.now.table)
    rows = -(-len(shown) // COLUMNS)
    figure, axes = _figure(3.1 * COLUMNS, 2.5 * rows, rows, COLUMNS)
    for place, one in zip(axes, shown, strict=False):
        was, now = (side[one.figure][np.isfinite(side[one.figure])] for side in (before, after))
        edges = _edges(np.concatenate([was, now]), one.figure in LONG_TAILED)
        if one.figure in LONG_TAILED:
            place.set_xscale("log")
            was, now = np.maximum(was, edges[0]), np.maximum(now, edges[0])
        place.stairs(np.histogram(was, edges)[0] / len(was), edges, fill=True, color=WAS, label="was")
        place.stairs(np.histogram(now, edges)[0] / len(now), edges, color=NOW, linewidth=1.5, label="now")
        told = "" if one.stability is None else f"PSI {one.stability:.3f}, KS {one.distance:.3f}"
        place.set_title(f"{one.figure.replace('_', ' ')}: {one.verdict}\n{told}", fontsize=9,
                        color="#b3261e" if "shifted" in one.verdict else "#1c1e21")
        place.tick_params(labelsize=8)
    axes[0].legend(fontsize=8)
    for place in axes[len(shown):]:
        place.set_visible(False)
    _save(figure, path)


def draw_shares(path: Path, told: ShareShift, what: str) -> None:
    """Shares of each group in both versions: the groups whose share changed most.

    Args:
        path: of the PNG.
        told: the counts.
        what: they are groups of.
    """
    totals = [max(1, sum(counts.values())) for counts in (told.was, told.now)]
    shares = {name: (told.was.get(name, 0) / totals[0], told.now.get(name, 0) / totals[1])
              for name in {*told.was, *told.now}}
    most = sorted(shares, key=lambda name: (-abs(shares[name][1] - shares[name][0]), name))[:MOST_GROUPS]
    shown = sorted(most, key=lambda name: (-max(shares[name]), name))
    figure, (axes,) = _figure(7, 1.1 + 0.28 * len(shown), 1, 1)
    places = np.arange(len(shown))
    axes.barh(places - 0.2, [100 * shares[name][0] for name in shown], 0.4, color=WAS, label="was")
    axes.barh(places + 0.2, [100 * shares[name][1] for name in shown], 0.4, color=NOW, label="now")
    axes.set_yticks(places, labels=[printable(name, LONGEST_NAME) for name in shown], fontsize=8)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)  # a class may be called $x$
    axes.invert_yaxis()
    axes.set_xlabel(f"% of the images, by {what}", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    _save(figure, path)


def draw_images(folder: Path, found: Comparison) -> list[str]:
    """new.png and gone.png: thumbnails of some of those images; which of the files were written."""
    written = []
    for kind, version in (("new", found.now), ("gone", found.was)):
        rows = [change.row for change in found.changes if change.kind == kind and change.row >= 0]
        sheet = _thumbnails(version, rows)
        if sheet:
            save_png(contact_sheet(sheet, columns=16), folder / f"{kind}.png")
            written.append(f"{kind}.png")
    return written


def _thumbnails(version: DatasetVersion, rows: list[int]) -> list[Any]:
    if version.thumbnails is None or not rows:
        return []
    from genimg_core.imaging.profile import in_own_shape

    try:
        held = np.load(version.thumbnails, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return []  # a picture less is no reason to end
    known = version.table.drop_duplicates("row").set_index("row")
    shaped = {"width", "height", "exif_orientation"} <= set(known.columns)
    chosen = [row for row in (rows[place] for place in even_strides(len(rows), SHOWN)) if row < len(held)]
    if not shaped:
        return [np.asarray(held[row]) for row in chosen]
    return [in_own_shape(np.asarray(held[row]), int(known.at[row, "width"]), int(known.at[row, "height"]),
                         int(known.at[row, "exif_orientation"])) for row in chosen]


def _edges(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        low = max(low, high / 1e6, 1e-9)
        high = max(high, low * 1.01)
        return np.geomspace(low, high * (1 + 1e-9), HISTOGRAM_BINS + 1)
    room = 0.0 if high > low else 0.5
    return np.linspace(low - room, high + room, HISTOGRAM_BINS + 1)


def _figure(width: float, height: float, rows: int, columns: int) -> tuple[Any, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(np.ravel(figure.subplots(rows, columns, squeeze=False)))


def _save(figure: Any, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that no font here has is drawn as a box
        figure.savefig(path, metadata={"Software": None})
