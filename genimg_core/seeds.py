"""Named random generators: every draw comes from one seeded by (seed, purpose); no purpose's draws move another's.

Light to import: NumPy comes with the generator. A torch generator is `torch.Generator().manual_seed(seed_of(…))`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def seed_of(seed: int, purpose: str) -> int:
    """A 63-bit seed for `purpose`.

    Args:
        seed: params.yaml's `seed`.
        purpose: a name used for nothing else, `label/held_out`.
    """
    digest = hashlib.sha256(f"{seed}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str) -> np.random.Generator:
    """NumPy's generator for `purpose`; arguments as for `seed_of`."""
    import numpy as np

    return np.random.default_rng(seed_of(seed, purpose))
