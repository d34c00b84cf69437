"""Drawing from networks that are no model file yet: fast, in batches of one generator."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from genimg_core.imaging.representation import to_uint8
from genimg_core.models.family import Family, SolverName
from genimg_core.training.generators import torch_generator

BATCH = 250


@torch.inference_mode()
def draw(family: Family, networks: nn.ModuleDict, labels: np.ndarray, seed: int, *, steps: int, guidance: float = 1.0,
         solver: SolverName = "heun") -> np.ndarray:
    """int64 (n,) => uint8 (n, H, W, C); the same labels and seed, the same noise."""
    generator = torch_generator(seed, "benchmarks/draw")
    was_training = networks.training
    networks.eval()

    def some(labels: np.ndarray) -> np.ndarray:
        def noise(*shape: int) -> torch.Tensor:
            return torch.randn((len(labels), *shape), generator=generator)

        return to_uint8(family.sample(networks, torch.from_numpy(labels), noise, steps, guidance, solver)).numpy()

    drawn = np.concatenate([some(labels[start:start + BATCH]) for start in range(0, len(labels), BATCH)])
    networks.train(was_training)
    return drawn
