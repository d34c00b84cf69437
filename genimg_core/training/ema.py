"""Averaged weights: what is kept of a training run."""

from __future__ import annotations

import copy

import torch
from torch import nn


def ema_decay(seen_images: int, batch: int, half_life: float, ramp: float) -> float:
    """What one step keeps of the average, in [0, 1).

    A half-life in images, at most `ramp` times the images seen so far (Karras et al. 2020, ADA: `ema_rampup`).

    Args:
        seen_images: before this step.
        batch: images in this step.
        half_life: in images; 0 averages nothing.
        ramp: in (0, 1].
    """
    effective = min(half_life, ramp * seen_images)
    return 0.5 ** (batch / effective) if effective > 0 else 0.0


class Ema:
    """A copy of the networks that follows them slowly.

    Args:
        networks: what is followed; the copy starts equal to it.
        half_life: in images.
        ramp: see `ema_decay`.
    """

    def __init__(self, networks: nn.ModuleDict, half_life: float, ramp: float) -> None:
        self.networks = copy.deepcopy(networks).eval().requires_grad_(False)
        self.half_life = half_life
        self.ramp = ramp

    @torch.no_grad()
    def update(self, networks: nn.ModuleDict, seen_images: int, batch: int) -> None:
        """Follow by one step; arguments as for `ema_decay`."""
        decay = ema_decay(seen_images, batch, self.half_life, self.ramp)
        torch._foreach_lerp_(list(self.networks.parameters()), list(networks.parameters()), 1 - decay)
        for followed, buffer in zip(networks.buffers(), self.networks.buffers(), strict=True):
            buffer.copy_(followed)  # batch normalisation's statistics: averages themselves
