"""Precision, recall, density and coverage: who lies in whose neighbourhood.

    precision = mean_j [ some i: |y_j - x_i| <= NND_k(x_i) ]            (Kynkäänniemi et al. 2019)
    recall    = mean_i [ some j: |x_i - y_j| <= NND_k(y_j) ]
    density   = 1 / (k M) sum_j sum_i [ |y_j - x_i| <= NND_k(x_i) ]     (Naeem et al. 2020)
    coverage  = mean_i [ some j: |y_j - x_i| <= NND_k(x_i) ]

x are the N real images, y the M generated ones, NND_k the distance of an image to the k-th nearest other image of its
own set. Precision falls with bad images and recall with missing ones, but a few outliers have large neighbourhoods that
hide both. Density counts how many neighbourhoods hold an image, which blunts that; it may exceed 1. Coverage is the
alarm for collapse: only real images have neighbourhoods there, and outliers leave it low. Between equal distributions
with N = M it is close to 1 - 2^-k in expectation, so even real images do not reach 1.

Distances are float64 and computed as differences: the usual |x|^2 + |y|^2 - 2xy gives copies a distance above zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist

BLOCK = 512
"""Rows of the distance matrix in memory at a time."""
NEIGHBOURS = 128
"""Nearest neighbours kept for half-samples: that fewer than five of 128 fall into a half has a chance of 1e-30."""


@dataclass(frozen=True)
class Neighbourhoods:
    """Images, parts of them, and how far each image's neighbourhood reaches within each part."""

    points: np.ndarray
    """float64 (N, d)"""
    parts: np.ndarray
    """bool (B, N)"""
    radii: np.ndarray
    """float64 (B, N): the distance to the k-th nearest other image of the part; -1 where the image is not in it."""
    k: int

    @property
    def whole(self) -> Neighbourhoods:
        """The first part only, which by custom is everything."""
        return replace(self, parts=self.parts[:1], radii=self.radii[:1])


@dataclass(frozen=True)
class ManifoldScores:
    """The four scores of each of B pairs of parts: float64 (B,) each."""

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


def real_neighbourhoods(real: np.ndarray, parts: np.ndarray, k: int) -> Neighbourhoods:
    """The neighbourhoods of real images, of which exact copies count once.

    Else k copies have a radius of 0 that nothing new can enter, and a set of copies scores 0 against itself.

    Args:
        real: float64 (N, d).
        parts: bool (B, N), the first usually everything.
        k: which neighbour's distance is the radius.

    Raises:
        ValueError: no more than k + 1 distinct images.
    """
    _, distinct = np.unique(real, axis=0, return_index=True)
    distinct.sort()
    if len(distinct) <= k + 1:
        raise ValueError(f"neighbourhoods with k = {k} need over {k + 1} distinct real images, not {len(distinct)}")
    return generated_neighbourhoods(real[distinct], parts[:, distinct], k)


def generated_neighbourhoods(points: np.ndarray, parts: np.ndarray, k: int) -> Neighbourhoods:
    """The neighbourhoods of generated images: copies stay, so that a collapsed generator reaches nowhere.

    Args:
        points: float64 (M, d), M over k.
        parts: bool (B, M), the first usually everything.
        k: which neighbour's distance is the radius; where a part has fewer, it is that of the farthest known one.

    Raises:
        ValueError: no more than k images.
    """
    if len(points) <= k:
        raise ValueError(f"neighbourhoods with k = {k} need over {k} images, not {len(points)}")
    order, distances = _nearest_others(points, max(NEIGHBOURS, 4 * k))
    radii = np.full(parts.shape, -1.0)
    for part, radius in zip(parts, radii, strict=True):
        # (n, neighbours): how many of the part stand at or before each place in the order of distance.
        enough = np.cumsum(part[order[part]], axis=1) >= k
        place = np.where(enough.any(axis=1), enough.argmax(axis=1), order.shape[1] - 1)
        radius[part] = distances[part][np.arange(len(place)), place]
    return Neighbourhoods(points, parts, radii, k)


def manifold_scores(real: Neighbourhoods, generated: Neighbourhoods) -> ManifoldScores:
    """The scores of each pair of parts, all from one pass over the distances.

    Args:
        real: of the real images, with B parts.
        generated: of the generated ones, with as many.
    """
    inside = np.zeros(generated.parts.shape, bool)  # (B, M): the generated image lies in some real neighbourhood
    pairs, reached, covered = (np.zeros(len(real.parts)) for _ in range(3))
    for start in range(0, len(real.points), BLOCK):
        rows = slice(start, start + BLOCK)
        distances = cdist(real.points[rows], generated.points)
        near_real = _Pairs(distances, distances <= real.radii[:, rows].max(axis=0)[:, None])
        near_generated = _Pairs(distances, distances <= generated.radii.max(axis=0)[None, :])
        for b in range(len(real.parts)):
            i, j = near_real.within(real.radii[b, rows][near_real.i], generated.parts[b][near_real.j])
            pairs[b] += len(i)
            covered[b] += len(np.unique(i))
            inside[b, j] = True
            i, _ = near_generated.within(generated.radii[b][near_generated.j], real.parts[b, rows][near_generated.i])
            reached[b] += len(np.unique(i))
    reals, drawn = real.parts.sum(axis=1), generated.parts.sum(axis=1)
    return ManifoldScores(precision=inside.sum(axis=1) / drawn, recall=reached / reals,
                          density=pairs / (real.k * drawn), coverage=covered / reals)


class _Pairs:
    """The pairs of a block that are near enough to matter in any part: a few of each row, where all would be many."""

    def __init__(self, distances: np.ndarray, near: np.ndarray) -> None:
        self.i, self.j = np.nonzero(near)
        self.distances = distances[near]

    def within(self, radii: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs no farther apart than `radii` whose other image is `chosen`: their rows and columns."""
        hit = (self.distances <= radii) & chosen
        return self.i[hit], self.j[hit]


def _nearest_others(points: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other points of each: indices and distances, each (N, <= most), nearest first."""
    kept = min(most, len(points) - 1)
    order, distances = np.empty((len(points), kept), np.int64), np.empty((len(points), kept))
    for start in range(0, len(points), BLOCK):
        block = cdist(points[start:start + BLOCK], points)
        block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        here = slice(start, start + len(block))
        order[here] = np.argsort(block, axis=1, kind="stable")[:, :kept]
        distances[here] = np.take_along_axis(block, order[here], axis=1)
    return order, distances
