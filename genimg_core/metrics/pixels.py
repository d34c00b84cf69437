"""Images as vectors of grey or colour levels, averaged down to a side at which every pair can be compared."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MOST_SIDE_PX = 32
"""Larger images are averaged down to this: likeness shows at this size, and cost stays the same at any."""
BATCH = 256


def averaged(images: Tensor, side: int) -> Tensor:
    """(B, C, S, S) of any float type => (B, C * side^2), the mean of each area; as they are where S is `side`."""
    return functional.adaptive_avg_pool2d(images, side).flatten(1)


def pixel_vectors(images: np.ndarray) -> np.ndarray:
    """uint8 (N, S, S, C) => float64 (N, C * min(S, MOST_SIDE_PX)^2), levels in [0, 255]."""
    side = min(images.shape[1], MOST_SIDE_PX)
    parts = [averaged(torch.from_numpy(np.array(images[start:start + BATCH])).permute(0, 3, 1, 2).double(), side)
             for start in range(0, max(1, len(images)), BATCH)]
    return torch.cat(parts).numpy()
