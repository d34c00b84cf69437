"""torch's generators, named: each purpose of a run draws from one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genimg_core.seeds import seed_of


def torch_generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on `device`, seeded by (seed, purpose)."""
    return torch.Generator(device=device).manual_seed(seed_of(seed, purpose))


@contextmanager
def weights_from(seed: int, purpose: str) -> Iterator[None]:
    """Seed the global CPU generator by (seed, purpose) within the block, and put it back: for fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, purpose))
        yield
