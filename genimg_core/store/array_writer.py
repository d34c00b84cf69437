"""Writes a .npy file row by row, when the number of rows is known only at the end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

BUFFER_BYTES = 2**18
"""A row is small: written one by one, rows cost more in calls than in bytes."""


class ArrayWriter:
    """Appends rows to a .npy file; use as a context manager.

    Args:
        path: the file.
        row_shape: shape of one row.
        dtype: of the elements.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: np.dtype | type = np.uint8) -> None:
        self._row_shape, self._dtype = row_shape, np.dtype(dtype)
        self._stream = path.open("w+b", buffering=BUFFER_BYTES)
        self.rows = 0
        self._write_header()
        self._start = self._stream.tell()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._stream:
            if kind is None:
                self._stream.seek(0)
                self._write_header()
                if self._stream.tell() != self._start:
                    raise ValueError("the header of the array grew")

    def append(self, row: np.ndarray) -> int:
        """Add one row; returns its index."""
        if row.shape != self._row_shape or row.dtype != self._dtype:
            raise ValueError(f"a row of {row.shape} {row.dtype} for an array of {self._row_shape} {self._dtype}")
        self._stream.write(row.tobytes())
        self.rows += 1
        return self.rows - 1

    def _write_header(self) -> None:
        """NumPy pads the header so that the first length may grow to 21 digits in place."""
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False,
                  "shape": (self.rows, *self._row_shape)}
        np.lib.format.write_array_header_1_0(self._stream, header)
