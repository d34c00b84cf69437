"""A trained classifier's answers, in batches of one fixed size: an image's answer has the same bits whatever N is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from genimg_core.imaging.representation import to_float
from genimg_core.models.classifier.network import ClassifierNetwork

BATCH = 256
"""Every batch has this size, the last filled up with zeros: kernels choose their order of summation by the shape."""


class HasFeatures(Protocol):
    """A network, or anything else, that turns images into features."""

    def features(self, images: Tensor) -> Tensor:
        """(B, C, S, S) in [-1, 1] => (B, d)."""
        ...


def features(network: HasFeatures, images: np.ndarray) -> np.ndarray:
    """uint8 (N, S, S, C) => features float64 (N, d), of a classifier those before its answer."""
    return _in_batches(network.features, images)


def logits(network: ClassifierNetwork, images: np.ndarray) -> np.ndarray:
    """uint8 (N, S, S, C) => logits float64 (N, classes)."""
    return _in_batches(network, images)


def probabilities(network: ClassifierNetwork, images: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """uint8 (N, S, S, C) => softmax of the logits over the temperature, float64 (N, classes); rows sum to 1."""
    return _in_batches(lambda batch: torch.softmax(network(batch).double() / temperature, dim=1), images)


@torch.inference_mode()
def _in_batches(answer: Callable[[Tensor], Tensor], images: np.ndarray) -> np.ndarray:
    parts = []
    for start in range(0, max(1, len(images)), BATCH):
        part = images[start:start + BATCH]
        padded = np.zeros((BATCH, *images.shape[1:]), np.uint8)
        padded[:len(part)] = part
        parts.append(answer(to_float(torch.from_numpy(padded))).double().numpy()[:len(part)])
    return np.concatenate(parts)
