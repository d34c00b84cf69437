"""Samples on disk: which classes, PNGs that know where they come from, and the grid.

- images/000000.png …, with the text chunks genimg:model, genimg:model_sha256, genimg:dataset_sha256, genimg:seed,
  genimg:index, genimg:class
- samples.csv: index, file, label, seed
- grid.png: a row for each class
- settings.json: which model drew them
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from genimg_core.errors import ParamsError
from genimg_core.models.model_file import ModelSettings
from genimg_core.params import nearest
from genimg_core.progress import progress
from genimg_core.reports.pictures import as_image, contact_sheet, even_strides, save_png
from genimg_core.stages.contract import write_json

GRID_COLUMNS = 10
GRID_ROWS = 40
"""With more classes than this the grid shows some of them, evenly spread."""
MIN_TILE_PX = 48


def class_weights(settings: ModelSettings, wanted: tuple[str, ...]) -> np.ndarray:
    """How often to draw each class: its images in the train split, or 0 if `wanted` names others; int64 (classes,).

    Raises:
        ParamsError: `wanted` names a class that the model does not have.
    """
    for name in wanted:
        if name not in settings.classes:
            raise ParamsError(f"the model {settings.model} has no class '{name}'", nearest(name, [*settings.classes]))
    chosen = np.array([not wanted or name in wanted for name in settings.classes])
    weights = np.where(chosen, np.array(settings.class_counts, np.int64), 0)
    return weights if weights.any() else chosen.astype(np.int64)


def sample_labels(weights: np.ndarray, images: int) -> np.ndarray:
    """The class of each sample: shares by the method of largest remainders, dealt out in turn.

    Args:
        weights: int64 (classes,), not all 0.
        images: how many samples.

    Returns:
        int64 (images,): 0, 1, 2, 0, 1, 2, … as long as each class has samples left.
    """
    exact = weights * images
    counts = exact // weights.sum()
    rest = np.argsort(-(exact % weights.sum()), kind="stable")[:images - counts.sum()]
    counts[rest] += 1
    turns = np.concatenate([np.arange(count) for count in counts])
    labels = np.repeat(np.arange(len(counts)), counts)
    return labels[np.lexsort((labels, turns))]


def write_samples(folder: Path, settings: ModelSettings, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
    """Write PNGs, table, grid and settings.

    Args:
        folder: exists.
        settings: the model's.
        images: uint8 (n, H, W, C); sample i has index i.
        labels: int64 (n,).
        seed: they were drawn with.
    """
    (folder / "images").mkdir()
    origin = {"genimg:model": settings.model, "genimg:model_sha256": settings.sha256,
              "genimg:dataset_sha256": settings.dataset_sha256, "genimg:seed": str(seed)}
    table_file = (folder / "samples.csv").open("w", encoding="utf8", newline="")
    with table_file as stream, progress("writing samples", len(images)) as advance:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("index", "file", "label", "seed"))
        for index, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            name = f"images/{index:06d}.png"
            chunks = origin | {"genimg:index": str(index), "genimg:class": settings.classes[label]}
            save_png(as_image(image), folder / name, chunks)
            table.writerow((index, name, settings.classes[label], seed))
            advance(1)
    save_png(class_grid(images, labels, settings.classes), folder / "grid.png")
    write_json(folder / "settings.json", {
        "model": settings.model, "model_sha256": settings.sha256, "dataset": settings.dataset,
        "dataset_sha256": settings.dataset_sha256, "images": len(images), "seed": seed})


def class_grid(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> Image.Image:
    """A row for each class that was drawn, its name under the first image.

    Args:
        images: uint8 (n, H, W, C).
        labels: int64 (n,).
        classes: their names.
    """
    present = np.unique(labels)
    present = present[even_strides(len(present), GRID_ROWS)]
    columns = min(GRID_COLUMNS, max(int((labels == label).sum()) for label in present))
    blank = np.full(images.shape[1:], 255, np.uint8)
    tiles: list[np.ndarray] = []
    captions: list[str] = []
    for label in present:
        row = list(images[labels == label][:columns])
        tiles += row + [blank] * (columns - len(row))
        captions += [classes[label]] + [""] * (columns - 1)
    size = images.shape[1]
    return contact_sheet(tiles, captions, columns=columns, tile_px=size * -(-MIN_TILE_PX // size))
