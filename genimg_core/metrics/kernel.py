"""Kernel distance (KID): unbiased squared MMD with a cubic kernel (Binkowski et al. 2018; Gretton et al. 2012).

    k(x, y) = (x.y / d + 1)^3
    KID = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

Over the whole set at once, not the average of random subsets. Unbiased: its expectation is 0 between equal
distributions whatever n is, so it may be slightly negative. Where both sides are drawn class by class in fixed shares
it is so by about the variance between classes over n: read it, too, beside its real-vs-real floor.
"""

from __future__ import annotations

import numpy as np

BLOCK = 1024
"""Rows of the kernel matrix in memory at a time."""


def kernel_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """KID; 0 in expectation between equal distributions.

    Args:
        real: float64 (N, d), N at least 2.
        generated: float64 (M, d), M at least 2.
    """
    everything = np.ones((1, len(real)), bool), np.ones((1, len(generated)), bool)
    return float(kernel_halves(real, generated, *everything)[0])


def kernel_halves(real: np.ndarray, generated: np.ndarray, real_halves: np.ndarray,
                  generated_halves: np.ndarray) -> np.ndarray:
    """KID of each pair of parts, all from one pass over the kernel matrices.

    Args:
        real: float64 (N, d).
        generated: float64 (M, d).
        real_halves: bool (B, N), which rows belong to each part; at least two.
        generated_halves: bool (B, M).

    Returns:
        float64 (B,).
    """
    return (_mean_within(real, real_halves) + _mean_within(generated, generated_halves)
            - 2 * _mean_between(real, generated, real_halves, generated_halves))


def _kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    base = left @ right.T / left.shape[1] + 1
    return base * base * base


def _sums(left: np.ndarray, right: np.ndarray, left_parts: np.ndarray, right_parts: np.ndarray) -> np.ndarray:
    """Sum of k(x_i, y_j) over the chosen i and j, for each part: (B,)."""
    left_weights, right_weights = left_parts.astype(np.float64), right_parts.astype(np.float64)
    total = np.zeros(len(left_parts))
    for start in range(0, len(left), BLOCK):
        rows = _kernel(left[start:start + BLOCK], right) @ right_weights.T  # (block, B)
        total += np.einsum("bi,ib->b", left_weights[:, start:start + BLOCK], rows)
    return total


def _mean_within(features: np.ndarray, parts: np.ndarray) -> np.ndarray:
    diagonal = parts @ ((features**2).sum(axis=1) / features.shape[1] + 1) ** 3
    counts = parts.sum(axis=1)
    return (_sums(features, features, parts, parts) - diagonal) / (counts * (counts - 1))


def _mean_between(left: np.ndarray, right: np.ndarray, left_parts: np.ndarray, right_parts: np.ndarray) -> np.ndarray:
    return _sums(left, right, left_parts, right_parts) / (left_parts.sum(axis=1) * right_parts.sum(axis=1))
