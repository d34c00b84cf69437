"""PCA-Gaussian: a generator that is not deep, to stand beside every score.

Each class is a Gaussian in the space of the principal components of the train split: about the mean of its own images,
with the covariance within classes that all of them share. All components are kept that the images span, so mean and
covariance of the samples are those of the data but for what the range of a pixel cuts off: what a model scores better,
it learnt beyond second moments.

With residuals R (n, pixels), each an image less the mean of its class, the covariance is R'R / (n - classes), and z R
over the root of (n - classes) has it for standard normal z (n): no component need be computed.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

WHAT = "PCA-Gaussian: class means, and one covariance within classes, of the train split's pixels"
MOST_VALUES = 2**24
"""Pixel values of the residuals in memory; the covariance is taken from as many images as that allows …"""
MOST_IMAGES = 4096
"""… but at most so many, evenly spread."""
BLOCK = 256


class PcaGaussian:
    """The fitted baseline.

    A class of one image has that image for its mean. Where hardly any class has a second image (fewer degrees of
    freedom are left than half of the images), nothing is known of the variation within classes, and one Gaussian serves
    for all. A class without images has the mean of all.

    Args:
        images: uint8 (N, S, S, C), the train split, N at least 1.
        labels: int (N,), each in [0, classes).
        classes: how many.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: int) -> None:
        self._shape = images.shape[1:]
        pixels = int(np.prod(self._shape))
        sums, counts = np.zeros((classes, pixels)), np.bincount(labels, minlength=classes)
        for start in range(0, len(images), BLOCK):
            part = images[start:start + BLOCK].reshape(-1, pixels).astype(np.float64)
            np.add.at(sums, labels[start:start + BLOCK], part)
        everything = sums.sum(axis=0) / len(images)
        shown = counts > 0
        self._means = np.where(shown[:, None], sums / np.maximum(counts, 1)[:, None], everything)
        freedom = len(images) - int(shown.sum())
        if 2 * freedom < len(images):
            self._means[:] = everything
            freedom = len(images) - 1
        most = max(2, min(MOST_IMAGES, MOST_VALUES // pixels))
        chosen = np.arange(len(images)) if len(images) <= most else np.arange(most) * len(images) // most
        self._residuals = images[chosen].reshape(-1, pixels) - self._means[labels[chosen]]
        # The share of the images that serve has the same share of the degrees of freedom.
        self._residuals /= np.sqrt(max(1.0, freedom * len(chosen) / len(images)))

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def sample(self, labels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """One image of each class asked for: uint8 (M, S, S, C).

        Args:
            labels: int (M,).
            draws: the generator.
        """
        images = np.empty((len(labels), *self._shape), np.uint8)
        for start in range(0, len(labels), BLOCK):
            asked = labels[start:start + BLOCK]
            levels = self._means[asked] + draws.standard_normal((len(asked), len(self._residuals))) @ self._residuals
            images[start:start + BLOCK] = np.clip(np.rint(levels), 0, 255).reshape(-1, *self._shape)
        return images
