"""beta-VAE: a reconstruction error plus beta times the Kullback-Leibler term.

Kingma and Welling 2013; Higgins et al. 2017.

B is the batch size; images are (B, C, H, W) in [-1, 1], the posterior's mean and log-variance (B, D).
Losses are per sample; the caller reduces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy


class VaeLoss(NamedTuple):
    """What the autoencoder lowers: the sum of both."""

    reconstruction: Tensor  # (B,)
    kl: Tensor              # (B,) weighted by beta


def squared_error(images: Tensor, reconstructed: Tensor, clip: float) -> Tensor:
    """Half the summed squared error, (B,): up to a constant, minus the log-likelihood of a normal law of variance 1."""
    return (images - reconstructed).square().sum(dim=(1, 2, 3)) / 2


def clipped_squared_error(images: Tensor, reconstructed: Tensor, clip: float) -> Tensor:
    """The same with min(d^2, clip) for each pixel, (B,): a pixel that is far off pulls no more.

    Noise and hard edges then cost a constant. A `clip` below 4 from the start learns the commonest colour and no other:
    what it makes of the rest is too far off to pull (see `clip_at`).
    """
    return (images - reconstructed).square().clamp(max=clip).sum(dim=(1, 2, 3)) / 2


def clip_at(progress: float, clip: float) -> float:
    """`clip`, fallen linearly over the first half of the budget from 4, which clips nothing in [-1, 1].

    Args:
        progress: part of the budget that is over, in [0, 1].
        clip: the final one.
    """
    return clip + (WIDEST_CLIP - clip) * max(0.0, 1 - 2 * progress)


def cross_entropy(images: Tensor, reconstructed: Tensor, clip: float) -> Tensor:
    """Summed cross-entropy of brightness as a probability, in nats, (B,) (Kingma and Welling 2013, appendix C.1).

    At its least where both agree, which is 0 only for black and white.
    """
    chance = ((reconstructed + 1) / 2).clamp(_SURE, 1 - _SURE)
    return binary_cross_entropy(chance, (images + 1) / 2, reduction="none").sum(dim=(1, 2, 3))


WIDEST_CLIP = 4.0
"""The greatest squared error of a pixel in [-1, 1]."""
_SURE = 1e-6
"""Beyond it the logarithm is cut off."""

ReconstructionName = Literal["squared", "clipped", "cross_entropy"]

RECONSTRUCTIONS: dict[ReconstructionName, Callable[[Tensor, Tensor, float], Tensor]] = {
    "squared": squared_error, "clipped": clipped_squared_error, "cross_entropy": cross_entropy}
"""Name in params.yaml => images, reconstructions (B, C, H, W) in [-1, 1] and `clip` => (B,)."""


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each coordinate, (B, D), in nats (Kingma and Welling 2013, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def free_bits(kl: Tensor, least: float) -> Tensor:
    """(B,) sums of (B, D) in which a coordinate costs at least `least` nats (Kingma et al. 2016, eq. 15).

    Where the batch's mean of a coordinate is under `least`, the coordinate counts as `least` and pulls no more towards
    the prior: so it is not given up before the decoder has learnt to use it.
    """
    return torch.where(kl.mean(dim=0) > least, kl, torch.full_like(kl, least)).sum(dim=1) if least else kl.sum(dim=1)


def beta_at(progress: float, beta: float, warm_up: float) -> float:
    """beta, risen linearly from 0 over the first `warm_up` of the budget (Bowman et al. 2015, section 3.1).

    Args:
        progress: part of the budget that is over, in [0, 1].
        beta: the final weight.
        warm_up: part of the budget; 0 has the whole weight from the start.
    """
    return beta * min(1.0, progress / warm_up) if warm_up else beta
