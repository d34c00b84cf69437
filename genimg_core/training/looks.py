"""A quick look at drawn samples on the way: how varied they are, and how much of the data they cover.

A glance for the health watch, not a score: in small pictures' pixels, a few images, real ones of the train split.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import pdist
from torch.nn.functional import adaptive_avg_pool2d

from genimg_core.metrics.manifold import generated_neighbourhoods, manifold_scores, real_neighbourhoods
from genimg_core.reports.pictures import even_strides

IMAGES = 64
"""Drawn at a look, and as many real ones beside them."""
SIDE = 8
"""Images are brought down to this many pixels a side."""
NEIGHBOURS = 3


class Looks:
    """What samples are held against.

    Args:
        images: uint8 (N, H, W, C), the train split.
        labels: int64 (N,).
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        order = np.argsort(labels, kind="stable")
        chosen = order[even_strides(len(order), IMAGES)]
        self.labels = np.asarray(labels)[chosen]
        """int64 (n,), n at most IMAGES: the classes to draw, in proportion to the data."""
        self._real = small(np.asarray(images)[chosen])
        self._variety = variety(self._real, self.labels)

    @property
    def possible(self) -> bool:
        """Whether there are enough different images to compare with."""
        return len(np.unique(self._real, axis=0)) > NEIGHBOURS + 1 and self._variety > 0

    def look(self, drawn: np.ndarray) -> dict[str, float]:
        """`variety`, the mean distance of two samples of a class over that of two real ones, and `coverage`, 0 to 1.

        Args:
            drawn: uint8 (n, H, W, C), of the classes `labels`.
        """
        points = small(drawn)
        whole = np.ones((1, len(points)), bool)
        real = real_neighbourhoods(self._real, whole, NEIGHBOURS)
        scores = manifold_scores(real, generated_neighbourhoods(points, whole, NEIGHBOURS))
        return {"variety": variety(points, self.labels) / self._variety, "coverage": float(scores.coverage[0])}


def small(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C) => float64 (N, SIDE * SIDE * C), averaged down."""
    pooled = adaptive_avg_pool2d(torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).double(), SIDE)
    return pooled.flatten(1).numpy()


def variety(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean distance of two images of one class; where no class has two, of any two."""
    of_class = [pdist(points[labels == label]) for label in np.unique(labels)]
    within = np.concatenate(of_class)
    if not len(within):
        within = pdist(points)
    return float(within.mean()) if len(within) else 0.0
