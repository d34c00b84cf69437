"""genimg: from a folder of images to a generator you can trust (the pure library; paths in, paths out).

``genimg_core.load("latin").sample("A", n=16, seed=1)`` draws from a trained model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from genimg_core.sampling import Model

__all__ = ["load"]


def load(model: str | Path, device: str = "auto", threads: int | None = None) -> Model:
    """A trained model, ready to draw: see `genimg_core.sampling.load`.

    That is imported when this is called, since torch takes seconds.
    """
    return importlib.import_module("genimg_core.sampling").load(model, device, threads)
