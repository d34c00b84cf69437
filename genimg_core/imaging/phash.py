"""Perceptual hash: the signs of the low frequencies of a 32x32 grey picture, 64 bits.

The algorithm of Zauner 2010 (Implementation and Benchmarking of Perceptual Image Hash Functions) as `imagehash.phash`
computes it: a type-II DCT of rows and columns, the 8x8 lowest coefficients, each compared with their median.
"""

from __future__ import annotations

import numpy as np

SIDE = 32
LOW = 8


def dct_matrix(low: int = LOW, side: int = SIDE) -> np.ndarray:
    """float64 (low, side): row k is the k-th cosine, 2 cos(pi k (2 n + 1) / (2 side)), as scipy.fft.dct has it."""
    k, n = np.arange(low)[:, None], np.arange(side)[None, :]
    return 2 * np.cos(np.pi * k * (2 * n + 1) / (2 * side))


_COSINES = dct_matrix()


def phash(grey: np.ndarray) -> int:
    """The hash of one picture.

    Args:
        grey: (32, 32), any scale.

    Returns:
        64 bits; the bit of the mean is the highest.
    """
    low = _COSINES @ grey.astype(np.float64) @ _COSINES.T
    ordered = np.partition(low.reshape(-1), (LOW * LOW // 2 - 1, LOW * LOW // 2))
    bits = low > ordered[LOW * LOW // 2 - 1:LOW * LOW // 2 + 1].mean()  # the median
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")


def to_hex(value: int) -> str:
    """16 hex digits."""
    return f"{value:016x}"


def from_hex(values: list[str]) -> np.ndarray:
    """uint64 (N,)."""
    return np.array([int(value, 16) for value in values], np.uint64)
