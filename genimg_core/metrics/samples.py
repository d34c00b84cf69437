"""Reads the samples of a model back, and trusts no file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from genimg_core.errors import CorruptFileError
from genimg_core.progress import progress
from genimg_core.safe_cells import plain_cell


@dataclass(frozen=True)
class Samples:
    """What a model drew."""

    model: str
    model_sha256: str
    images: np.ndarray
    """uint8 (N, S, S, C)"""
    labels: tuple[str, ...]
    """The class that each was asked to be."""


def read_samples(folder: Path) -> Samples:
    """Read settings.json, samples.csv and every PNG that it lists.

    Raises:
        CorruptFileError: a file is missing, cut short, of another model, or of another size than the first.
    """
    remedy = f"delete {folder} and run `genimg run generate@{folder.name}` to draw the samples again"
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf8"))
        with (folder / "samples.csv").open(encoding="utf8", newline="") as stream:
            rows = [(row["file"], row["label"] and plain_cell(row["label"])) for row in csv.DictReader(stream)]
        model, sha256, count = settings["model"], settings["model_sha256"], settings["images"]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise CorruptFileError(f"{folder} holds no readable samples ({' '.join(str(error).split())})", remedy) from None
    if not rows or len(rows) != count or any(file is None or label is None for file, label in rows):
        raise CorruptFileError(f"{folder}/samples.csv lists {len(rows)} images, settings.json says {count}", remedy)
    images: np.ndarray | None = None
    with progress("reading samples", len(rows)) as advance:
        for place, (file, _) in enumerate(rows):
            pixels = _read_png(folder / file, sha256, remedy)
            if images is None:
                images = np.empty((len(rows), *pixels.shape), np.uint8)
            if pixels.shape != images.shape[1:]:
                cause = f"{folder / file} is {_shape(pixels.shape)}, the others are {_shape(images.shape[1:])}"
                raise CorruptFileError(cause, remedy)
            images[place] = pixels
            advance()
    return Samples(model, sha256, images, tuple(label for _, label in rows))


def _read_png(path: Path, model_sha256: str, remedy: str) -> np.ndarray:
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
            pixels = np.array(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB"), np.uint8)
            drawn_by = image.info.get("genimg:model_sha256", model_sha256)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        cause = "it is missing" if isinstance(error, FileNotFoundError) else "it is no whole PNG"
        raise CorruptFileError(f"{path} cannot be read: {cause}", remedy) from None
    if drawn_by != model_sha256:
        raise CorruptFileError(f"{path} was drawn by another model than the rest", remedy)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels of {shape[2]} channel{'s' if shape[2] > 1 else ''}"
