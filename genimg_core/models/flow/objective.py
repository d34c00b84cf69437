"""Conditional flow matching on straight paths (Lipman et al. 2022, section 4.1 with sigma_min = 0; Liu et al. 2022).

    x_t = (1 - t) noise + t data        velocity = d x_t / d t = data - noise

B is the batch size; images and noise are (B, C, H, W), images in [-1, 1]; t is (B,) in (0, 1): 0 is noise, 1 is data.
Losses are per sample; the caller reduces.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class FlowLoss(NamedTuple):
    """How far the predicted velocity is from the path's."""

    velocity: Tensor  # (B,) mean squared error over C, H, W


class PathPoint(NamedTuple):
    """A point on the path and the velocity there."""

    x: Tensor  # (B, C, H, W)
    velocity: Tensor  # (B, C, H, W)


def draw_times(count: int, mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Logit-normal times (Esser et al. 2024, section 3.1), (count,) in (0, 1), on the generator's device."""
    return torch.sigmoid(mean + std * torch.randn(count, generator=generator, device=generator.device))


def path_point(images: Tensor, noise: Tensor, t: Tensor) -> PathPoint:
    """Where the straight path from `noise` to `images` is at `t`."""
    t = t[:, None, None, None]
    return PathPoint((1 - t) * noise + t * images, images - noise)


def flow_loss(predicted: Tensor, velocity: Tensor) -> FlowLoss:
    """Squared error of a predicted velocity (Lipman et al. 2022, section 4.1)."""
    return FlowLoss((predicted.float() - velocity).square().mean(dim=(1, 2, 3)))


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022): 0 is unconditional, 1 conditional, more exaggerates."""
    return unconditional + guidance * (conditional - unconditional)
