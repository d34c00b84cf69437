"""uint8 pixels => floats in the range that a consumer wants (for training: imaging/representation.py, on torch)."""

from __future__ import annotations

import numpy as np

from genimg_core.errors import ParamsError
from genimg_core.params import nearest

SCALES = ("zero_mean", "minus_one_one", "zero_one")
"""`zero_mean`: mean 0 and variance 1 of each channel over the train split; `minus_one_one`: 0 => -1 and 255 => 1;
`zero_one`: 0 => 0 and 255 => 1."""


def as_float(images: np.ndarray, scale: str, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """float32, of the same shape.

    Args:
        images: uint8 (…, C).
        scale: one of SCALES.
        mean: of each channel, of pixel values in [0, 1]; `zero_mean` subtracts it.
        std: the same; `zero_mean` divides by it.

    Raises:
        ParamsError: no such scale.
    """
    if scale not in SCALES:
        raise ParamsError(f"there is no value range '{scale}'", nearest(scale, list(SCALES)))
    if scale == "zero_one":
        return images.astype(np.float32) / np.float32(255)
    if scale == "minus_one_one":
        return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
    # In one multiplication and one addition; the rounding of float32 shows at the seventh digit.
    divisor = 255 * np.asarray(std, np.float64)
    offset = np.asarray(mean, np.float64) / np.asarray(std, np.float64)
    return images.astype(np.float32) * (1 / divisor).astype(np.float32) - offset.astype(np.float32)
