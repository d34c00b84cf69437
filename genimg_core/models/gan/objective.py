"""Non-saturating GAN loss (Goodfellow et al. 2014, section 3) with the R1 penalty (Mescheder et al. 2018, section 4.1).

B is the batch size; logits are (B,), high for real; images (B, C, H, W) in [-1, 1].
Losses are per sample; the caller reduces.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus


class CriticLoss(NamedTuple):
    """What the discriminator lowers: the sum of both."""

    adversarial: Tensor  # (B,)
    r1: Tensor           # (B,) weighted penalty at the real images


class GeneratorLoss(NamedTuple):
    """What the generator lowers."""

    adversarial: Tensor  # (B,)


def critic_loss(real_logits: Tensor, fake_logits: Tensor, real_images: Tensor, gamma: float) -> CriticLoss:
    """-log D(real) - log(1 - D(fake)) in logits, and gamma / 2 |grad D(real)|^2.

    Args:
        real_logits: of `real_images`, which require gradients unless `gamma` is 0.
        fake_logits: of generated images.
        real_images: (B, C, H, W).
        gamma: weight of R1.
    """
    adversarial = softplus(-real_logits) + softplus(fake_logits)
    if gamma == 0:
        return CriticLoss(adversarial, torch.zeros_like(adversarial))
    return CriticLoss(adversarial, gamma / 2 * squared_slope(real_logits, real_images))


def generator_loss(fake_logits: Tensor) -> GeneratorLoss:
    """-log D(fake) in logits: its slope does not vanish where the discriminator is sure."""
    return GeneratorLoss(softplus(-fake_logits))


def squared_slope(logits: Tensor, images: Tensor) -> Tensor:
    """|d logit / d image|^2 of each sample, (B,), itself differentiable."""
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.float().square().sum(dim=(1, 2, 3))
