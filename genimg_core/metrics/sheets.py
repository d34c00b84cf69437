"""The pictures of an evaluation: generated beside real images, and those that come closest to training images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from genimg_core.metrics.copies import ClosestPairs
from genimg_core.reports.pictures import as_image, contact_sheet, even_strides, save_png

COLUMNS = 12
PAIRS = 36
"""Generated images that are shown beside real ones."""
QUIZ_IMAGES = 16
QUIZ_TILE_PX = 64


def save_generated_and_real(path: Path, classes: tuple[str, ...], generated: np.ndarray, labels: np.ndarray,
                            real: np.ndarray, real_labels: np.ndarray) -> None:
    """A row of generated images above a row of real ones, class by class.

    Args:
        path: the PNG.
        classes: their names.
        generated: uint8 (N, S, S, C).
        labels: int (N,).
        real: uint8 (M, S, S, C).
        real_labels: int (M,).
    """
    by_class = [i for i in np.argsort(labels, kind="stable") if labels[i] in set(real_labels.tolist())]
    used: dict[int, int] = {}
    pairs = []
    for i in (by_class[place] for place in even_strides(len(by_class), PAIRS)):
        same = np.flatnonzero(real_labels == labels[i])
        turn = used.get(int(labels[i]), 0)
        used[int(labels[i])] = turn + 1
        pairs.append((generated[i], real[same[turn % len(same)]], classes[labels[i]]))
    images, captions = [], []
    for start in range(0, len(pairs), COLUMNS):
        row = pairs[start:start + COLUMNS]
        images += [pair[0] for pair in row] + [pair[1] for pair in row]
        captions += [f"{pair[2]}\ndrawn" for pair in row] + [f"{pair[2]}\nreal" for pair in row]
    save_png(contact_sheet(images, captions, columns=min(COLUMNS, max(1, len(pairs)))), path)


def save_quiz(path: Path, generated: np.ndarray, labels: np.ndarray, real: np.ndarray, real_labels: np.ndarray,
              draws: np.random.Generator) -> list[bool]:
    """Real and generated images in one row without a gap, in random order and half of each: can a person tell?

    Each real image has a generated one of its class beside it somewhere, so that the class gives nothing away.

    Args:
        path: the PNG.
        generated: uint8 (N, S, S, C).
        labels: int (N,).
        real: uint8 (M, S, S, C).
        real_labels: int (M,).
        draws: the generator.

    Returns:
        Which of them are real.
    """
    shared = [i for i in draws.permutation(len(labels)) if (real_labels == labels[i]).any()][:QUIZ_IMAGES // 2]
    images = [(generated[i], False) for i in shared]
    images += [(real[draws.choice(np.flatnonzero(real_labels == labels[i]))], True) for i in shared]
    mixed = [images[place] for place in draws.permutation(len(images))]
    if mixed:
        side = images[0][0].shape[0]
        row = as_image(np.concatenate([image for image, _ in mixed], axis=1))
        factor = max(1, QUIZ_TILE_PX // side)
        save_png(row.resize((row.width * factor, row.height * factor), Image.Resampling.NEAREST), path)
    return [is_real for _, is_real in mixed]


def save_closest_pairs(path: Path, pairs: dict[str, ClosestPairs]) -> None:
    """For each space: the generated images most like a copy, below each its nearest training and held-out image.

    Args:
        path: the PNG.
        pairs: space -> the pairs.
    """
    images, captions = [], []
    for space, found in pairs.items():
        images += [*found.generated, *found.train]
        captions += [f"{space}\ndrawn {ratio:.2f}" for ratio in found.ratio] + ["train"] * len(found.train)
        if found.held_out is not None:
            images += [*found.held_out]
            captions += ["held out"] * len(found.held_out)
    columns = max((len(found.ratio) for found in pairs.values()), default=1)
    save_png(contact_sheet(images, captions, columns=columns), path)
