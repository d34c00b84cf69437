"""Draws the README's pictures of samples from what `make demo` left: `python tools/readme_pictures.py`."""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from PIL import Image

from genimg_core.reports.pictures import contact_sheet, save_png

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROWS = 3
"""Samples of each class, the first ones drawn."""


def sheet(folder: Path) -> Image.Image:
    """The first samples of every class, in two blocks of columns."""
    files: dict[str, list[str]] = defaultdict(list)
    with (folder / "samples.csv").open(encoding="utf8", newline="") as stream:
        for row in csv.DictReader(stream):
            files[row["label"]].append(row["file"])
    classes = sorted(files)
    columns = -(-len(classes) // 2)
    blocks = (classes[:columns], classes[columns:])
    tiles = [files[name][row] for block in blocks for row in range(ROWS) for name in block]
    images = []
    for name in tiles:
        with Image.open(folder / name) as image:
            images.append(image.copy())
    return contact_sheet(images, columns=columns, tile_px=32, gap_px=4)


def main() -> None:
    """Write docs/samples-<model>.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="the project in which the demo ran")
    root = parser.parse_args().root
    for model in ("latin", "greek"):
        save_png(sheet(root / "data" / "samples" / model), DOCS / f"samples-{model}.png")


if __name__ == "__main__":
    main()
