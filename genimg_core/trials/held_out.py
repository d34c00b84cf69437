"""What trials learn from, and the images they are judged by: never the test split, which the final scores need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from genimg_core.errors import EmptyDatasetError
from genimg_core.metrics.reference import choose_evenly
from genimg_core.seeds import generator
from genimg_core.store.arrays import DatasetSettings, NormalizedDataset

ENOUGH = 50
"""Images of the validation split that judge alone; where it has fewer, part of the train split joins them."""
TAKEN_SHARE = 0.25
"""Of the train split, which the trials then do not learn from (the training to come does)."""


@dataclass(frozen=True)
class TrialData:
    """A data set as the trials see it: a NormalizedDataset whose train split may have been cut."""

    settings: DatasetSettings
    train_images: np.ndarray
    """uint8 (N, H, W, C)."""
    train_labels: np.ndarray
    """int64 (N,)."""
    real: np.ndarray
    """uint8 (n, H, W, C): what the samples are held against."""
    real_labels: np.ndarray
    """int64 (n,)."""
    floor: np.ndarray
    """uint8 (n, H, W, C): others, of the train split."""
    judged_by: str
    """Where `real` comes from, in words: `of the validation split`."""

    def images(self, split: str) -> np.ndarray:
        """Of the train split; the others are empty here: what judges a trial shall not steer it."""
        return self.train_images if split == "train" else self.train_images[:0]

    def labels(self, split: str) -> np.ndarray:
        """Likewise."""
        return self.train_labels if split == "train" else self.train_labels[:0]


def trial_data(data: NormalizedDataset, most: int, least: int, seed: int) -> TrialData:
    """Set images apart to judge by.

    A near-duplicate of an image taken from the train split may stay in it: splits keep such pairs together, a part of
    a split does not. It flatters all candidates alike.

    Args:
        data: the data set.
        most: images a side.
        least: fewer a side cannot be scored.
        seed: of the run.

    Raises:
        EmptyDatasetError: fewer than `least` a side.
    """
    labels, judged_by = data.labels("train"), "of the validation split"
    taken = np.zeros(len(labels), bool)
    pool, pool_labels = data.images("validation"), data.labels("validation")
    count = int(TAKEN_SHARE * len(labels))
    if len(pool) < ENOUGH and count:
        taken[choose_evenly(labels, count, generator(seed, "trials/taken"))] = True
        judged_by = (f"of the validation split ({len(pool):,}) and of the train split ({count:,}, from which no trial "
                     "learned)" if len(pool) else f"of the {count:,} of the train split from which no trial learned")
        pool = np.concatenate([pool, data.images("train")[taken]])
        pool_labels = np.concatenate([pool_labels, labels[taken]])
    rest, rest_labels = (data.images("train"), labels) if not taken.any() else (
        data.images("train")[~taken], labels[~taken])
    n = min(most, len(pool), len(rest))
    if n < least:
        raise EmptyDatasetError(f"only {n} images a side of {data.settings.dataset} can judge the trials, {least} are "
                                "needed", "add images, raise its normalize.validation_share, or pin the choice in "
                                "params.yaml")
    chosen = choose_evenly(pool_labels, n, generator(seed, "trials/real"))
    other = choose_evenly(rest_labels, n, generator(seed, "trials/floor"))
    counts = np.bincount(rest_labels, minlength=len(data.settings.classes)).tolist()
    none = {split: 0 for split in data.settings.counts}
    settings = replace(data.settings, counts={**none, "train": len(rest_labels)},
                       class_counts={**{split: (0,) * len(counts) for split in none}, "train": tuple(counts)})
    return TrialData(settings, rest, rest_labels, pool[chosen], pool_labels[chosen], rest[other], judged_by)
