"""Does this model copy? Its samples, held-out images and the copycat against the whole train split, in two spaces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.features import Extractor
from genimg_core.metrics.memorization import (
    MIN_HELD_OUT,
    MIN_TRAIN,
    NOISE_STD,
    Memorization,
    Space,
    copy_threshold,
    copycat,
    memorization,
    nearest_of_train,
)
from genimg_core.metrics.pixels import pixel_vectors
from genimg_core.metrics.reference import choose_evenly
from genimg_core.seeds import generator
from genimg_core.store.arrays import NormalizedDataset

CAUGHT_SHARE = 0.5
"""Of a copycat's images, all of which are copies, so many must count as such, else the alarm cannot be trusted: as
where held-out images, too, are copies of training images, and set a measure that nothing falls below."""
PAIRS = 12
"""The closest ones that are kept to be shown, in each space."""


@dataclass(frozen=True)
class ClosestPairs:
    """The generated images with the lowest ratios, lowest first, and what they are nearest to."""

    generated: np.ndarray
    """uint8 (P, S, S, C)"""
    ratio: np.ndarray
    """float64 (P,)"""
    train: np.ndarray
    """uint8 (P, S, S, C): the nearest training images."""
    held_out: np.ndarray | None
    """uint8 (P, S, S, C): the nearest held-out images, where there are any."""
    threshold: float | None
    """A ratio below this counts as a copy; None where no measure could be set."""


@dataclass(frozen=True)
class CopyStudy:
    """What was found."""

    train_images: int
    held_out_images: int
    why: str | None
    """Why there are no figures, if there are none."""
    model: dict[str, Memorization]
    """Space -> figures; empty where there are none."""
    copycat: dict[str, Memorization]
    """The same of the copycat."""
    pairs: dict[str, ClosestPairs]

    @property
    def copied_share(self) -> float | None:
        """Of the model, in the space where it is greater."""
        return max((found.copied_share.value for found in self.model.values()), default=None)

    @property
    def copycat_share(self) -> float | None:
        """Of the copycat, in the space where it is greater."""
        return max((found.copied_share.value for found in self.copycat.values()), default=None)

    def described(self) -> dict[str, Any]:
        """For scores.json."""
        counts = {"train_images": self.train_images, "held_out_images": self.held_out_images}
        if self.why is not None:
            return {**counts, "why": self.why}
        return counts | {space: {
            "distance_ratio": asdict(found.distance_ratio),
            "copied_share": {**asdict(found.copied_share), "expected": found.expected_share},
        } for space, found in self.model.items()}

    @property
    def caught(self) -> bool:
        """Whether the copycat is."""
        return self.copycat_share is not None and self.copycat_share >= CAUGHT_SHARE

    def copycat_described(self) -> dict[str, Any] | None:
        """For scores.json."""
        if self.copycat_share is None:
            return None
        return {"noise_std": NOISE_STD, "caught": self.caught, **{space: {
            "distance_ratio": found.distance_ratio.value, "copied_share": found.copied_share.value,
        } for space, found in self.copycat.items()}}


def study_copies(data: NormalizedDataset, eyes: Extractor, generated: np.ndarray, labels: np.ndarray, *, most: int,
                 resamples: int, probability: float, seed: int) -> CopyStudy:
    """Compare generated images, equally many of a copycat, and held-out images with every training image.

    Held out is what the test and the validation split have of the classes that were asked for.

    Args:
        data: the data set that the model learnt from.
        eyes: the extractor whose features are the second space.
        generated: uint8 (M, S, S, C).
        labels: int (M,), the classes that were asked for.
        most: at most so many held-out images, chosen by seed.
        resamples: half-samples behind each interval.
        probability: of each interval.
        seed: of the run.
    """
    train = data.images("train")
    held_out, held_out_labels = _held_out(data, np.unique(labels), most, seed)
    why = _why_not(len(train), len(held_out))
    draws = generator(seed, "evaluate/memorization")
    halves = [half_samples(these, resamples, draws) for these in (labels, held_out_labels) if not why]
    copies = copycat(train, len(generated), generator(seed, "evaluate/copycat")) if not why else generated[:0]
    spaces: dict[str, Space] = {"pixels": pixel_vectors, "features": eyes.features}
    model, control, pairs = {}, {}, {}
    for name, space in spaces.items() if len(train) >= MIN_TRAIN else ():
        vectors = [space(images) for images in (generated, copies, held_out) if len(images)]
        found = nearest_of_train(np.concatenate(vectors), train, space)
        ours, theirs, real = found.split(len(generated), len(copies), len(held_out))
        if not why:
            model[name] = memorization(ours, real, *halves, probability)
            control[name] = memorization(theirs, real, *halves, probability)
        closest = np.argsort(ours.ratio, kind="stable")[:PAIRS]
        beside = held_out[nearest_of_train(vectors[0][closest], held_out, space).index] if len(held_out) > 1 else None
        pairs[name] = ClosestPairs(generated[closest], ours.ratio[closest], train[ours.index[closest]], beside,
                                   None if why else copy_threshold(real.ratio))
    return CopyStudy(len(train), len(held_out), why, model, control, pairs)


def _held_out(data: NormalizedDataset, classes: np.ndarray, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    found = [np.isin(data.labels(split), classes) for split in ("test", "validation")]
    images = np.concatenate([data.images("test")[found[0]], data.images("validation")[found[1]]])
    labels = np.concatenate([data.labels("test")[found[0]], data.labels("validation")[found[1]]])
    if len(labels) > most:
        chosen = choose_evenly(labels, most, generator(seed, "evaluate/held_out"))
        images, labels = images[chosen], labels[chosen]
    return images, labels


def _why_not(train: int, held_out: int) -> str | None:
    if train < MIN_TRAIN:
        return f"{train} training images are too few to tell a copy from a likeness: {MIN_TRAIN} are needed"
    if held_out < MIN_HELD_OUT:
        return f"{held_out} held-out images are too few to say how near real images come: {MIN_HELD_OUT} are needed"
    return None
