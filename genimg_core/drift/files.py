"""The folder of a comparison: drift.json, changes.csv, and the pictures."""

from __future__ import annotations

import csv
from pathlib import Path

from genimg_core.drift.comparison import Comparison
from genimg_core.safe_cells import safe_cell
from genimg_core.stages.contract import write_json

COLUMNS = ("change", "path", "was", "now", "image_id")


def write_comparison(folder: Path, found: Comparison) -> list[str]:
    """Write everything; equal versions give equal bytes.

    Args:
        folder: exists, and is empty.
        found: the comparison.

    Returns:
        The names of the files.
    """
    from genimg_core.drift.plots import draw_figures, draw_images, draw_shares

    write_json(folder / "drift.json", found.tree())
    with (folder / "changes.csv").open("w", encoding="utf8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for change in found.changes:
            cells = (change.kind, change.path, change.was, change.now, change.image_id)
            table.writerow([safe_cell(cell) for cell in cells])
    draw_figures(folder / "figures.png", found)
    draw_shares(folder / "classes.png", found.classes, "class")
    draw_shares(folder / "rejections.png", found.rejections, "fate")
    draw_images(folder, found)
    return sorted(path.name for path in folder.iterdir())
