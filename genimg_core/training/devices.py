"""Where a run computes, and how it stays the same from run to run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genimg_core.errors import SetupError


@contextmanager
def computing(choice: str, threads: int) -> Iterator[torch.device]:
    """Yield the device; within the block equal runs give equal bits (deterministic kernels, `threads` CPU threads).

    Args:
        choice: `auto`, `cpu` or `cuda`.
        threads: CPU threads.

    Raises:
        SetupError: `cuda` where there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise SetupError("`device: cuda` is asked for, and torch sees no CUDA device",
                         "write `device: cpu` or `device: auto`")
    device = torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
              torch.utils.deterministic.fill_uninitialized_memory)
    _set(threads, True, False)  # the filling finds reads of uninitialised memory and costs an eighth of the time
    try:
        yield device
    finally:
        _set(*before)


def _set(threads: int, deterministic: bool, fill: bool) -> None:
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fill
