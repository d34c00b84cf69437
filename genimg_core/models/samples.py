"""Samples on disk: which classes, PNGs that know where they come from, and the grid.

- images/000000.png …, with the text chunks of `origin_texts`
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
from genimg_core.models.family import SOLVER, SolverName
from genimg_core.models.model_file import ModelSettings
from genimg_core.params import nearest
from genimg_core.progress import progress
from genimg_core.reports.pictures import as_image, contact_sheet, even_strides, save_png
from genimg_core.safe_cells import safe_cell
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
    """The class of each sample, dealt out one after the other by the method of Webster (Sainte-Laguë): the next sample
    is of the class with the greatest weight / (2 * its samples so far + 1).

    So each class has its share, and more images only add to the row: the first ones stay what they are.

    Args:
        weights: int64 (classes,), not all 0.
        images: how many samples.

    Returns:
        int64 (images,): 0, 1, 2, 0, 1, 2, … for equal weights.
    """
    # No class gets more than this, since the shares before rounding add up to at most images + classes / 2.
    most = np.floor(weights * (images + len(weights) / 2) / weights.sum() + 0.5).astype(np.int64) + 1
    most[weights == 0] = 0
    labels = np.repeat(np.arange(len(weights)), most)
    turns = np.concatenate([np.arange(count) for count in most])
    order = np.lexsort((labels, turns, -weights[labels] / (2 * turns + 1)))
    return labels[order][:images]


def origin_texts(settings: ModelSettings, seed: int, index: int, label: int, steps: int | None,
                 guidance: float | None, solver: SolverName = SOLVER) -> dict[str, str]:
    """What a sample's PNG says of where it comes from: enough to draw it again, and for `genimg trace` to go back.

    Args:
        settings: the model's.
        seed: it was drawn with.
        index: of the sample, under that seed.
        label: index into the model's classes.
        steps: of the sampler; None leaves it unsaid.
        guidance: likewise.
        solver: of the sampler; left unsaid where it is the usual one.
    """
    texts = {"model": settings.model, "model_sha256": settings.sha256, "dataset": settings.dataset,
             "dataset_sha256": settings.dataset_sha256, "seed": str(seed), "index": str(index),
             "class": settings.classes[label]}
    if steps is not None:
        texts["steps"] = str(steps)
    if guidance is not None:
        texts["guidance"] = str(float(guidance))
    if solver != SOLVER:
        texts["solver"] = solver
    return {f"genimg:{key}": value for key, value in texts.items()}


def write_samples(folder: Path, settings: ModelSettings, images: np.ndarray, labels: np.ndarray, seed: int,
                  steps: int | None = None, guidance: float | None = None, solver: SolverName = SOLVER) -> None:
    """Write PNGs, table, grid and settings.

    Args:
        folder: exists.
        settings: the model's.
        images: uint8 (n, H, W, C); sample i has index i.
        labels: int64 (n,).
        seed: they were drawn with.
        steps: of the sampler; None leaves it unsaid.
        guidance: likewise.
        solver: as of `origin_texts`.
    """
    (folder / "images").mkdir()
    table_file = (folder / "samples.csv").open("w", encoding="utf8", newline="")
    with table_file as stream, progress("writing samples", len(images)) as advance:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("index", "file", "label", "seed"))
        for index, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            name = f"images/{index:06d}.png"
            texts = origin_texts(settings, seed, index, label, steps, guidance, solver)
            save_png(as_image(image), folder / name, texts)
            table.writerow((index, name, safe_cell(settings.classes[label]), seed))
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
