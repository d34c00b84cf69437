"""The pictures of labelling: how far confidence can be believed, and the labels that are likely wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.labels.calibration import BINS, Bin, Calibration
from genimg_core.reports.pictures import contact_sheet, save_png
from genimg_core.stages.contract import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from genimg_core.labels.check import Doubts, LabelCheck
    from genimg_core.labels.predict import Predictions

SHOWN = 48
COLUMNS = 12


def pictures_of_trust(report: Path, images: np.ndarray, rows: np.ndarray, predicted: Predictions | None,
                      check: LabelCheck | None) -> tuple[Picture, ...]:
    """Draw how far confidence can be believed, and the labels that are likely wrong; what there is of them.

    Args:
        report: the stage's report folder.
        images: uint8 (K, S, S, C).
        rows: int (N,), where in `images` each row of the table lies.
        predicted: missing labels.
        check: of given labels.
    """
    pictures = []
    if predicted is not None and predicted.calibration is not None:
        draw_reliability(report / "reliability.png", predicted.calibration)
        pictures.append(Picture("reliability.png", "How far the confidence of predicted labels can be believed "
                                "(ECE: expected calibration error)"))
    if check is not None and check.calibration is not None:
        draw_reliability(report / "check_reliability.png", check.calibration)
        pictures.append(Picture("check_reliability.png", "How far the classifiers that check given labels can be "
                                "believed: their confidence against the share of given labels that they agree with"))
    if check is not None and len(check.doubts.places):
        save_doubts(report / "doubtful.png", images, rows, check.doubts)
        pictures.append(Picture("doubtful.png", "Given labels that are likely wrong, the likeliest first: given → "
                                "suggested, and the probability of the suggested one"))
    return tuple(pictures)


def draw_reliability(path: Path, calibration: Calibration) -> None:
    """A reliability diagram, before and after calibration: accuracy against confidence, and the images of each bin.

    Equal calibrations give equal bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
    told = f"{calibration.examples:,} held-out images"
    shown = ((f"before: ECE {calibration.ece_before:.3f}", calibration.before),
             (f"after: ECE {calibration.ece_after:.3f}, temperature {calibration.temperature:.2f}, "
              f"wrong labels {calibration.error_share:.1%}", calibration.after))
    for place, (title, bins) in enumerate(shown):
        _draw_bins(upper[place], lower[place], bins)
        upper[place].set_title(title, fontsize=9)
        lower[place].set_xlabel(f"confidence ({told})")
    upper[0].set_ylabel("agreement")
    lower[0].set_ylabel("images")
    figure.legend(*upper[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=9)
    figure.savefig(path, metadata={"Software": None})


def _draw_bins(upper: Axes, lower: Axes, bins: tuple[Bin, ...]) -> None:
    edges = np.array([np.ceil(one.confidence * BINS) / BINS for one in bins])
    width = 1 / BINS
    accuracy, confidence = (np.array([getattr(one, key) for one in bins]) for key in ("accuracy", "confidence"))
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", zorder=0)
    upper.bar(edges - width / 2, accuracy, width * 0.9, color="#a6c4e0", label="share whose given label it agrees with")
    upper.hlines(confidence, edges - width, edges, color="#c0392b", linewidth=2.5, label="mean confidence")
    upper.vlines(edges - width / 2, *np.sort([accuracy, confidence], axis=0), color="#c0392b", linewidth=1,
                 label="the gap between them")
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1.02)
    lower.bar(edges - width / 2, [one.count for one in bins], width * 0.92, color="0.6")
    lower.set_yscale("log")
    lower.set_ylim(bottom=0.5)


def save_doubts(path: Path, images: np.ndarray, rows: np.ndarray, doubts: Doubts) -> None:
    """The images whose labels are the likeliest wrong: given, suggested, and the probability of the suggested.

    Args:
        path: the PNG.
        images: uint8 (K, S, S, C).
        rows: int (N,), where in `images` each row of the table lies.
        doubts: at least one.
    """
    shown = range(min(SHOWN, len(doubts.places)))
    captions = [f"{doubts.given[i]}\n→ {doubts.suggested[i]}\n{doubts.confidence[i]:.2f}" for i in shown]
    save_png(contact_sheet(list(images[rows[doubts.places[:SHOWN]]]), captions, columns=COLUMNS), path)
