"""What the two players of a GAN lower: one function per loss, with one signature, and the penalties on the critic.

B is the batch size; logits are (B,), high for real; images (B, C, H, W) in [-1, 1]. Losses are per sample; the caller
reduces. Every player lowers its loss, so a loss that a paper has a player raise stands here with its sign turned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


class AdversarialLoss(NamedTuple):
    """One batch, from both sides."""

    critic: Tensor  # (B,) what the discriminator lowers
    generator: Tensor  # (B,) what the generator lowers


def minimax(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """-log D(real) - log(1 - D(fake)), and log(1 - D(fake)), in logits (Goodfellow et al. 2014, eq. 1).

    The generator's slope vanishes where the discriminator is sure: it saturates. For study.
    """
    return AdversarialLoss(softplus(-real_logits) + softplus(fake_logits), -softplus(fake_logits))


def non_saturating(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """The same critic; the generator lowers -log D(fake) (Goodfellow et al. 2014, section 3)."""
    return AdversarialLoss(softplus(-real_logits) + softplus(fake_logits), softplus(-fake_logits))


def least_squares(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """Half the squared distance to 1 for real and 0 for fake; the generator wants 1 (Mao et al. 2017, eq. 9)."""
    return AdversarialLoss(((real_logits - 1).square() + fake_logits.square()) / 2, (fake_logits - 1).square() / 2)


def wasserstein(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """Scores apart (Arjovsky et al. 2017; Gulrajani et al. 2017, eq. 3): needs `gradient_penalty`."""
    return AdversarialLoss(fake_logits - real_logits, -fake_logits)


def hinge(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """A critic that is content beyond a margin of 1 (Lim and Ye 2017; Miyato et al. 2018, eqs. 16 and 17)."""
    return AdversarialLoss(relu(1 - real_logits) + relu(1 + fake_logits), -fake_logits)


def relativistic(real_logits: Tensor, fake_logits: Tensor) -> AdversarialLoss:
    """Each real image against the fake one beside it (Jolicoeur-Martineau 2018; Huang et al. 2024, eq. 2).

    Needs R1 and R2 to converge (Huang et al. 2024, section 2.2).
    """
    return AdversarialLoss(softplus(fake_logits - real_logits), softplus(real_logits - fake_logits))


LossName = Literal["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "relativistic"]

LOSSES: dict[LossName, Callable[[Tensor, Tensor], AdversarialLoss]] = {
    "non_saturating": non_saturating, "minimax": minimax, "least_squares": least_squares, "wasserstein": wasserstein,
    "hinge": hinge, "relativistic": relativistic}
"""Name in params.yaml => the loss."""

PAIRED = frozenset({"relativistic"})
"""Losses whose generator looks at real images, too."""


UNDECIDED: dict[LossName, float | None] = {
    "non_saturating": 0.0, "minimax": 0.0, "least_squares": 0.5, "wasserstein": None, "hinge": 0.0,
    "relativistic": None}
"""The logit between real and generated; None where only the difference of two logits means anything."""


def certainty(loss: LossName, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The sign of the verdict on each real image, (B,): its mean is r_t (Karras et al. 2020, ADA, eq. 1).

    Where the loss compares pairs, of D(real) - D(fake): its mean is 2 P(real above fake) - 1. Both are 0 where the
    critic guesses and 1 where it is never wrong about what it was shown.
    """
    undecided = UNDECIDED[loss]
    return torch.sign(real_logits - (fake_logits if undecided is None else undecided))


def zero_centred(logits: Tensor, images: Tensor, gamma: float) -> Tensor:
    """R1 or R2: gamma / 2 |slope|^2: R1 at real images, R2 at generated ones (Mescheder et al. 2018, eq. 9), (B,).

    Args:
        logits: (B,), of `images`; logit i depends on image i alone.
        images: (B, C, H, W), which require gradients.
        gamma: the weight.
    """
    return gamma / 2 * squared_slope(logits, images)


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor,
                     weight: float) -> Tensor:
    """Weight times (|slope| - 1)^2 between a real and a generated image (Gulrajani et al. 2017, eq. 3), (B,).

    Args:
        critic: images => logits.
        real: (B, C, H, W).
        fake: the same shape.
        mix: (B,) in [0, 1]: 1 is at the real image.
        weight: lambda.
    """
    share = mix[:, None, None, None]
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    return weight * ((squared_slope(critic(between), between) + _TINY).sqrt() - 1).square()


_TINY = 1e-12
"""Under the root, whose own slope is infinite at 0."""


def squared_slope(logits: Tensor, images: Tensor) -> Tensor:
    """|d logit / d image|^2 of each sample, (B,), itself differentiable."""
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.float().square().sum(dim=(1, 2, 3))
