"""Which real images the samples are held against, and which others set the floor: equal numbers, chosen by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genimg_core.errors import EmptyDatasetError
from genimg_core.seeds import generator
from genimg_core.store.arrays import NormalizedDataset


@dataclass(frozen=True)
class RealImages:
    """n real images to be like, and n others."""

    images: np.ndarray
    """uint8 (n, S, S, C): the reference."""
    labels: np.ndarray
    """int64 (n,), of the reference."""
    floor: np.ndarray
    """uint8 (n, S, S, C), none of them in the reference."""
    real_split: str
    """Where the reference comes from: `test`, `test+validation`, or `train` where no more are held out."""
    floor_split: str
    """Where the floor comes from: `train` if that has n images, else what the reference left over, else both."""


def choose_real(data: NormalizedDataset, classes: frozenset[int], most: int, enough: int, least: int,
                seed: int) -> RealImages:
    """Choose the reference and the floor.

    The reference is the test split, joined by the validation split where test has fewer than `enough` images. Where
    both together are still fewer, and half of the train split is more, it is half of the train split, and the floor the
    other half: such scores also praise what was learnt by heart. Two models of one data set with equal `most` are held
    against the same images.

    Args:
        data: the data set.
        classes: only images of these (those that the samples were asked to be).
        most: no more than this many on each side.
        enough: images that a split must have to be used alone.
        least: fewer than this cannot be scored.
        seed: of the run.

    Raises:
        EmptyDatasetError: fewer than `least` images on a side.
    """
    found = {split: [(split, i) for i in np.flatnonzero(np.isin(data.labels(split), sorted(classes))).tolist()]
             for split in ("test", "validation", "train")}
    real_split, pool, others = "test", found["test"], found["train"]
    if len(pool) < enough:
        real_split, pool = "test+validation", [*found["test"], *found["validation"]]
    if len(pool) < enough and len(found["train"]) // 2 > len(pool):
        real_split, pool, others = "train", found["train"], []
    count = min(most, len(pool), (len(pool) + len(others)) // 2)
    if count < least:
        raise EmptyDatasetError(
            f"only {count} images a side of {data.settings.dataset} can be compared, {least} are needed",
            "add images, raise its normalize.test_share, or generate more of them")
    chosen = choose_evenly(_labels(data, pool), count, generator(seed, "evaluate/real"))
    reference, rest = [pool[i] for i in chosen], [pool[i] for i in np.setdiff1d(np.arange(len(pool)), chosen)]
    floor_split, spare = next((name, part) for name, part in (
        ("train", others), (real_split, rest), (f"train+{real_split}", [*others, *rest])) if len(part) >= count)
    floor = [spare[i] for i in choose_evenly(_labels(data, spare), count, generator(seed, "evaluate/floor"))]
    return RealImages(_take(data, reference), _labels(data, reference), _take(data, floor), real_split, floor_split)


def choose_evenly(labels: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Choose `count` images, each class by its share.

    Args:
        labels: int (N,).
        count: 1 to N.
        draws: the generator.

    Returns:
        int64 (count,), ascending.
    """
    by_class = np.lexsort((draws.random(len(labels)), labels))
    places = (np.arange(count) * len(labels) + draws.integers(len(labels))) // count
    return np.sort(by_class[places])


def _labels(data: NormalizedDataset, places: list[tuple[str, int]]) -> np.ndarray:
    return np.array([data.labels(split)[i] for split, i in places], np.int64)


def _take(data: NormalizedDataset, places: list[tuple[str, int]]) -> np.ndarray:
    return np.stack([data.images(split)[i] for split, i in places])
