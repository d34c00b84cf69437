"""Frechet distance between Gaussians fitted to features (Heusel et al. 2017; Dowson & Landau 1982).

    FD = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))

Called FD: it is FID only with Inception features. It falls as n grows, even between equal distributions: read it beside
its real-vs-real floor at equal n.
"""

from __future__ import annotations

import numpy as np


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """The distance, at least 0.

    With centred features X = Q R, C = R'R / (n - 1), and tr((C1 C2)^(1/2)) is the sum of the singular values of R1 R2'
    over the root of (n1 - 1)(n2 - 1). No covariance is formed, and no root of a product that is not symmetric: so
    constant or dependent features and n < d do no harm.

    Args:
        real: float64 (N, d), N at least 2.
        generated: float64 (M, d), M at least 2.

    Raises:
        ValueError: fewer than two rows, or features of different length.
    """
    if min(len(real), len(generated)) < 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(f"FD needs two (N, d) with N > 1 and one d, not {real.shape} and {generated.shape}")
    root_real, root_generated = _covariance_root(real), _covariance_root(generated)
    between = np.linalg.svd(root_real @ root_generated.T, compute_uv=False).sum()
    shift = real.mean(axis=0) - generated.mean(axis=0)
    return max(0.0, float(shift @ shift + (root_real**2).sum() + (root_generated**2).sum() - 2 * between))


def frechet_halves(real: HalfMoments, generated: HalfMoments) -> np.ndarray:
    """FD of each pair of half-samples: float64 (B,)."""
    between = np.array([np.linalg.svd(one @ other.T, compute_uv=False).sum()
                        for one, other in zip(real.roots, generated.roots, strict=True)])
    shift = ((real.means - generated.means)**2).sum(axis=1)
    spread = (real.roots**2).sum(axis=(1, 2)) + (generated.roots**2).sum(axis=(1, 2))
    return np.maximum(0.0, shift + spread - 2 * between)


class HalfMoments:
    """Mean and covariance of each half-sample of one set of images.

    Here the root of the covariance comes from its eigenvalues, at a third of the time of the QR factorisation above: it
    costs half of the digits, of which an interval needs few.

    Args:
        features: float64 (N, d).
        halves: bool (B, N), of `half_samples`.
    """

    def __init__(self, features: np.ndarray, halves: np.ndarray) -> None:
        self.means, self.roots = np.empty((len(halves), features.shape[1])), []
        for mean, half in zip(self.means, halves, strict=True):
            part = features[half]
            mean[:] = part.mean(axis=0)
            if len(part) <= features.shape[1]:
                self.roots.append(_covariance_root(part))
                continue
            centred = part - mean
            squares, axes = np.linalg.eigh(centred.T @ centred / (len(part) - 1))
            self.roots.append(np.sqrt(np.maximum(squares, 0))[:, None] * axes.T)
        self.roots = np.array(self.roots)
        """float64 (B, min(N / 2, d), d): R with R'R the covariance."""


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """R (min(N, d), d) with R'R the covariance."""
    centred = features - features.mean(axis=0)
    return np.linalg.qr(centred, mode="r") / np.sqrt(len(features) - 1)
