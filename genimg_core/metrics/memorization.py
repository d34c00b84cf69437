"""Memorization: are generated images copies of training images?

Two figures, in any space in which distances mean likeness (pixels; features):

* distance ratio: the median distance from a generated image to the nearest of all training images, over the same of
  held-out real images. It is below 1 for a copier; but a blurred image, too, lies nearer to everything than a sharp
  one.
* copied share: how many generated images are nearer to one training image than real images ever are, as measured by

      ratio = distance to the nearest / mean distance to the next 50 nearest          (Carlini et al. 2023, section 5)

  A blurred or a bad image is about as far from its nearest as from the next, so its ratio is high, whatever the
  distances; so is that of a good image in a crowded place. What counts as a copy is a ratio below the 1st percentile
  of the held-out images' ratios, which so set the measure for this data and this number of training images. A copy
  that was shifted or blurred may escape in pixels; the distance ratio and the pictures are there for it.

The percentile is the one at which another real image falls below it with a probability of exactly 1 % (position
0.01 (H + 1) among the ordered ratios of H held-out images, Weibull). Below 99 held-out images it is their least ratio,
which another real image undercuts with probability 1 / (H + 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from genimg_core.metrics.bootstrap import interval

NOISE_STD = 2.0
"""Of the copycat's pixels, in levels of 255: too slight to see, while a shift by one pixel makes another image."""
NEXT = 50
"""Training images after the nearest one whose mean distance is the measure; fewer where there are fewer."""
PERCENTILE = 0.01
MIN_TRAIN = 3
"""Fewer training images give no ratio worth the name."""
MIN_HELD_OUT = 20
"""Fewer held-out images set no measure."""
CHUNK = 1024
"""Training images turned into vectors at a time."""
BLOCK = 1024
"""Rows of the distance matrix in memory at a time."""

Space = Callable[[np.ndarray], np.ndarray]
"""uint8 images (N, S, S, C) => float64 vectors (N, d)."""


@dataclass(frozen=True)
class Nearest:
    """What each of Q images finds among the training images."""

    index: np.ndarray
    """int64 (Q,), of the nearest."""
    distance: np.ndarray
    """float64 (Q,), to the nearest: root mean square over the entries of the vectors."""
    ratio: np.ndarray
    """float64 (Q,), in [0, 1]: that distance over the mean distance to the next NEXT."""

    def split(self, *counts: int) -> tuple[Nearest, ...]:
        """The images in groups of so many, in their order."""
        ends = np.cumsum(counts)
        groups = [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]
        return tuple(Nearest(self.index[group], self.distance[group], self.ratio[group]) for group in groups)


@dataclass(frozen=True)
class Figure:
    """A figure and its interval (metrics/bootstrap.py)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Memorization:
    """The two figures of one set of images in one space."""

    distance_ratio: Figure
    copied_share: Figure
    expected_share: float
    """The copied share that real images have on average."""


@threadpool_limits.wrap(limits=1, user_api="blas")
def nearest_of_train(vectors: np.ndarray, train: np.ndarray, space: Space) -> Nearest:
    """The nearest of all training images.

    Distances come from |x|^2 + |y|^2 - 2xy in float64, which gives a copy a distance of up to 1e-6 of a usual one.

    Args:
        vectors: float64 (Q, d), the images in the space.
        train: uint8 (N, S, S, C), all training images, memory-mapped or not; N over 1, MIN_TRAIN for a fair ratio.
        space: gives their vectors.
    """
    kept = min(NEXT + 1, len(train))
    squares = np.full((len(vectors), kept), np.inf)
    index = np.zeros((len(vectors), kept), np.int64)
    own = (vectors**2).sum(axis=1)
    for start in range(0, len(train), CHUNK):
        others = space(np.array(train[start:start + CHUNK]))
        lengths = (others**2).sum(axis=1)
        names = np.arange(start, start + len(others))
        for first in range(0, len(vectors), BLOCK):
            rows = slice(first, first + BLOCK)
            found = own[rows, None] + lengths - 2 * vectors[rows] @ others.T
            both = np.hstack([squares[rows], found])
            best = np.argpartition(both, kept - 1, axis=1)[:, :kept]
            squares[rows] = np.take_along_axis(both, best, axis=1)
            all_names = np.hstack([index[rows], np.broadcast_to(names, found.shape)])
            index[rows] = np.take_along_axis(all_names, best, axis=1)
    order = np.lexsort((index, squares))
    distances = np.sqrt(np.maximum(np.take_along_axis(squares, order, axis=1), 0) / vectors.shape[1])
    near, following = distances[:, 0], distances[:, 1:].mean(axis=1)
    ratio = np.divide(near, following, out=np.ones(len(near)), where=following > 0)
    return Nearest(np.take_along_axis(index, order[:, :1], axis=1)[:, 0], near, ratio)


def copy_threshold(held_out_ratio: np.ndarray) -> float:
    """The ratio below which an image counts as a copy: see the head of this module.

    Args:
        held_out_ratio: float64 (M,), of held-out real images.
    """
    return float(np.quantile(held_out_ratio, PERCENTILE, method="weibull"))


def memorization(generated: Nearest, held_out: Nearest, generated_halves: np.ndarray, held_out_halves: np.ndarray,
                 probability: float) -> Memorization:
    """The two figures, with intervals.

    Args:
        generated: of M images.
        held_out: of H real ones, none of which was trained on; MIN_HELD_OUT at least.
        generated_halves: bool (B, M), of `half_samples`.
        held_out_halves: bool (B, H).
        probability: of the intervals.
    """
    def far(ours: np.ndarray, theirs: np.ndarray) -> float:
        usual = float(np.median(held_out.distance[theirs]))
        return float(np.median(generated.distance[ours])) / usual if usual > 0 else 1.0

    def copied(ours: np.ndarray, theirs: np.ndarray) -> float:
        return float(np.mean(generated.ratio[ours] < copy_threshold(held_out.ratio[theirs])))

    figures = []
    for measure, highest in ((far, np.inf), (copied, 1.0)):
        value = measure(np.ones(len(generated.ratio), bool), np.ones(len(held_out.ratio), bool))
        halves = np.array([measure(*pair) for pair in zip(generated_halves, held_out_halves, strict=True)])
        figures.append(Figure(value, *interval(value, halves, probability, 0, highest)))
    return Memorization(*figures, expected_share=max(PERCENTILE, 1 / (len(held_out.ratio) + 1)))


def copycat(train: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """The control that must trip the alarm: training images with noise of NOISE_STD.

    Args:
        train: uint8 (N, S, S, C).
        count: how many; more than N repeats images, each time with other noise.
        draws: the generator.

    Returns:
        uint8 (count, S, S, C).
    """
    turns = -(-count // len(train))
    chosen = np.sort(np.concatenate([draws.permutation(len(train)) for _ in range(turns)])[:count])
    noise = draws.normal(0, NOISE_STD, (count, *train.shape[1:]))
    return np.clip(np.rint(train[chosen] + noise), 0, 255).astype(np.uint8)
