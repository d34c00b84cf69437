"""Coverage: the share of real images with a generated one in their neighbourhood (Naeem et al. 2020).

    coverage = mean_i [ min_j |y_j - x_i| <= NND_k(x_i) ]

NND_k(x_i) is the distance from real image i to its k-th nearest other real image. Coverage falls when the generator
leaves out a part of the data, and is the alarm for collapse: outliers that inflate other scores leave it low. Between
equal distributions with N = M it is close to 1 - 2^-k in expectation, so even real images do not reach 1.

Distances are float64 and computed as differences: the usual |x|^2 + |y|^2 - 2xy gives copies a distance above zero.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

BLOCK = 512
"""Rows of the distance matrix in memory at a time."""
NEIGHBOURS = 128
"""Nearest neighbours kept for half-samples: that fewer than five of 128 fall into a half has a chance of 1e-30."""


class CoverageTables:
    """Every real image's nearest real and generated images: enough for coverage of any part of them.

    Exact copies among the real images are one image here: else k copies have a radius of 0 that nothing new can enter.

    Args:
        real: float64 (N, d).
        generated: float64 (M, d), M at least 1.
        k: which neighbour's distance is the radius.

    Raises:
        ValueError: no more than k + 1 distinct real images.
    """

    def __init__(self, real: np.ndarray, generated: np.ndarray, k: int) -> None:
        self.k = k
        _, self.distinct = np.unique(real, axis=0, return_index=True)
        self.distinct.sort()
        if len(self.distinct) <= k + 1:
            raise ValueError(f"coverage with k = {k} needs over {k + 1} distinct real images, not {len(self.distinct)}")
        reals = real[self.distinct]
        self._real_order, self._real_distances = _nearest(reals, reals, skip_self=True)
        self._generated_order, self._generated_distances = _nearest(reals, generated, skip_self=False)

    def coverage(self, real_part: np.ndarray, generated_part: np.ndarray) -> float:
        """Coverage of a part of the real images by a part of the generated ones, in [0, 1].

        Args:
            real_part: bool (N,), indexing the `real` given at first.
            generated_part: bool (M,).
        """
        chosen = real_part[self.distinct]
        # (n, neighbours): how many of the part stand at or before each place in the order of distance.
        rank = np.cumsum(chosen[self._real_order[chosen]], axis=1)
        radius = _first(rank >= self.k, self._real_distances[chosen])
        nearest = _first(generated_part[self._generated_order[chosen]], self._generated_distances[chosen])
        return float(np.mean(nearest <= radius))


def coverage(real: np.ndarray, generated: np.ndarray, k: int = 5) -> float:
    """Coverage of `real` by `generated`, in [0, 1]; arguments and errors as of CoverageTables."""
    return CoverageTables(real, generated, k).coverage(np.ones(len(real), bool), np.ones(len(generated), bool))


def _nearest(rows: np.ndarray, others: np.ndarray, skip_self: bool) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of `others` for each of `rows`: indices and distances, each (N, <= NEIGHBOURS), nearest first."""
    kept = min(NEIGHBOURS, len(others) - skip_self)
    order, distances = np.empty((len(rows), kept), np.int64), np.empty((len(rows), kept))
    for start in range(0, len(rows), BLOCK):
        block = cdist(rows[start:start + BLOCK], others)
        if skip_self:
            block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        here = slice(start, start + len(block))
        order[here] = np.argsort(block, axis=1, kind="stable")[:, :kept]
        distances[here] = np.take_along_axis(block, order[here], axis=1)
    return order, distances


def _first(found: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """The distance at the first true entry of each row; the last distance of all where there is none."""
    place = np.where(found.any(axis=1), found.argmax(axis=1), found.shape[1] - 1)
    return distances[np.arange(len(found)), place]
