"""A data set in memory, and the order in which a run sees it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genimg_core.imaging.representation import to_float
from genimg_core.training.generators import torch_generator


class EpochOrder:
    """Which image comes when: one permutation after another, each a function of (seed, epoch) alone.

    So the place in the data is the number of images seen, and nothing else needs keeping.

    Args:
        count: images in the data set, at least 1.
        seed: of the run.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def take(self, start: int, batch: int) -> Tensor:
        """Indices of the images seen as number start, start + 1, …: int64 (batch,)."""
        parts = []
        while batch > 0:
            epoch, place = divmod(start, self.count)
            part = self._of(epoch)[place:place + batch]
            parts.append(part)
            start, batch = start + len(part), batch - len(part)
        return torch.cat(parts)

    def _of(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            self._epoch = epoch
            self._permutation = torch.randperm(self.count, generator=torch_generator(self.seed, f"train/order/{epoch}"))
        return self._permutation


RESIDENT_PART = 0.5
"""Of a GPU's free memory that a data set may take; a larger one stays in the machine's, and batches travel."""


class TrainSet:
    """Images and labels, whole, on the device; where a GPU's memory is too small, in memory that it can read from.

    Args:
        images: uint8 (N, H, W, C); read once, so a memory map is fine.
        labels: int64 (N,).
        device: where batches are wanted.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, device: torch.device) -> None:
        self.device = device
        self.images = torch.from_numpy(np.array(images))
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        if device.type == "cuda":
            fits = self.images.nbytes < RESIDENT_PART * torch.cuda.mem_get_info(device)[0]
            self.images = self.images.to(device) if fits else self.images.pin_memory()

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images, float (B, C, H, W) in [-1, 1], and labels, int64 (B,), on the device.

        Args:
            indices: int64 (B,), on the CPU.
        """
        images = self.images[indices.to(self.images.device)]
        return to_float(images.to(self.device)), self.labels[indices.to(self.device)]
