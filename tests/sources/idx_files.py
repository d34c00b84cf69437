"""Small IDX files for tests."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

_CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(values: np.ndarray) -> bytes:
    """The file that holds an array."""
    head = struct.pack(f">HBB{values.ndim}I", 0, _CODES[values.dtype.name], values.ndim, *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, values: np.ndarray) -> str:
    """Write it, packed where the name ends in .gz; the path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = idx_bytes(values)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return str(path)


def pictures(count: int, seed: int = 0, shape: tuple[int, ...] = (12, 10)) -> np.ndarray:
    """uint8 (count, *shape): no two alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
