"""What a classifier learns from: images with classes, or, where there is one class only, images with their rotation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

ROTATIONS = ("0", "90", "180", "270")
"""Class names of the rotation task: degrees, anticlockwise."""


class Examples(Protocol):
    """Images and their classes, by index; images are read only when they are taken."""

    def __len__(self) -> int:
        """How many examples."""
        ...

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 (B, S, S, C) and classes int64 (B,)."""
        ...


class LabelledImages:
    """Images of known class.

    Args:
        images: uint8 (K, S, S, C), memory-mapped or not.
        labels: int64 (N,).
        rows: int (N,), where in `images` each example lies; by default K equals N.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None) -> None:
        self.images, self.labels, self.rows = images, labels, rows

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Examples."""
        return self.images[indices if self.rows is None else self.rows[indices]], self.labels[indices]


class RotatedImages:
    """Each image four times, turned by the four right angles; the class is the angle (Gidaris et al. 2018, RotNet).

    A task that any images can teach without labels.

    Args:
        images: uint8 (N, S, S, C).
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images) * len(ROTATIONS)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Examples."""
        images, turns = self.images[indices // len(ROTATIONS)], indices % len(ROTATIONS)
        turned = images.copy()
        for quarter in range(1, len(ROTATIONS)):
            turned[turns == quarter] = np.rot90(images[turns == quarter], quarter, axes=(1, 2))
        return turned, turns.astype(np.int64)
